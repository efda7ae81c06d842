# SPDX-License-Identifier: Apache-2.0
# Draws what lifelines.sql placed: a unit of x and y is a point, y grows downwards.
load folder.'/style.gp'
left = 120.
set lmargin at screen 0
set rmargin at screen 1
set tmargin at screen 1
set bmargin at screen 0
unset key
unset border
unset tics
set xrange [-left:width - left]
set yrange [height:0]

# Columns of the areas and boxes (style x0 x1 y0 y1), lines (style x0 y0 x1 y1), texts (style x y text).
is(s) = strcol(1) eq s ? column(2) : NaN
area(s) = sprintf("data index 0 using (is('%s')):4:2:3:4:5 with boxxyerror", s)
box(s) = sprintf("data index 1 using (is('%s')):4:2:3:4:5 with boxxyerror", s)
line(s) = sprintf("data index 2 using (is('%s')):3:($4-$2):($5-$3) with vectors nohead", s)
text(s) = sprintf("data index 3 using (is('%s')):3:4 with labels noenhanced", s)
solid(c) = sprintf(' fs solid 1 noborder lc rgb %d', c)
ink(c, w) = sprintf(' lc rgb %d lw %g', c, w)
write(where, name, size, c) = sprintf(" %s font '%s' tc rgb %d", where, font(name, size), c)
hatch(n, c) = sprintf(' fs pattern %d border lc rgb %d lc rgb %d lw 0.6', n, c, c)

plots = area('panel').solid(0xF7F7F7)
plots = plots.', '.area('fault').solid(0xD9D9D9)
plots = plots.', '.line('grid').ink(0xE0E0E0, 0.6)
plots = plots.', '.line('row').ink(0xFFFFFF, 1.5)
plots = plots.', '.line('absent').ink(0xB0B0B0, 0.6)
plots = plots.', '.line('end').ink(black, 1.5)

plots = plots.', '.box('pending').solid(yellow)
plots = plots.', '.box('notready').solid(orange)
plots = plots.', '.box('ready').solid(green)
plots = plots.', '.box('finished').solid(grey)
plots = plots.', '.box('terminating').solid(0xFFFFFF)
plots = plots.', '.box('terminating').hatch(4, 0xA0447A)
plots = plots.', '.box('attached').solid(0xBFDFF5)
plots = plots.', '.box('mounted').solid(blue)
plots = plots.', '.box('runs').solid(0x333333)
plots = plots.', '.box('ghost').solid(0xFFFFFF)
plots = plots.', '.box('ghost').hatch(2, vermillion)
plots = plots.', '.box('double').solid(vermillion)

plots = plots.', '.line('edge').ink(grey, 0.8)
plots = plots.', '.line('step').ink(black, 0.8).' dt (6,4)'
plots = plots.', '.text('heading').write('left', bold, 13, black)
plots = plots.', '.text('panel').write('left', bold, 11, black)
plots = plots.', '.text('title').write('left', bold, 9, black)
plots = plots.', '.text('legend').write('left', face, 9, black)
plots = plots.', '.text('member').write('right', face, label_font, black)
plots = plots.', '.text('mark').write('left', face, 9, black)
plots = plots.', '.text('tic').write('center', face, 9, 0x404040)
plots = plots.', '.text('alarm').write('left', bold, 8, 0xA84300)
if (lane_font > 0) {
    plots = plots.', '.text('light').write('left', face, lane_font, 0xFFFFFF)
    plots = plots.', '.text('dark').write('left', face, lane_font, black)
}
eval 'plot '.plots
