# SPDX-License-Identifier: Apache-2.0
# What all figures share: the colours of Okabe and Ito, which differ for the colour-blind and also
# in lightness.
black = 0x000000
orange = 0xE69F00
sky = 0x56B4E9
green = 0x009E73
yellow = 0xF0E442
blue = 0x0072B2
vermillion = 0xD55E00
purple = 0xCC79A7
grey = 0x666666
pale = 0xE4E4E4

face = 'DejaVu Sans'
bold = 'DejaVu Sans:Bold'
font(name, size) = sprintf('%s,%g', name, size * font_scale)
small = font(face, 9)
middle = font(bold, 11)
big = font(bold, 13)
