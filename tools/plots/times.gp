# SPDX-License-Identifier: Apache-2.0
# Draws what times.sql placed: a unit of x and y is a point, y grows downwards.
load folder.'/style.gp'
set lmargin at screen 0
set rmargin at screen 1
set tmargin at screen 1
set bmargin at screen 0
unset key
unset border
unset tics
set xrange [-left:width - left]
set yrange [height:0]

array colour[12] = [blue, orange, green, purple, sky, vermillion, black, grey, blue, orange, green, purple]
is(s) = strcol(1) eq s ? column(2) : NaN
bar(s, l) = strcol(1) eq s && int(column(2)) == l ? column(3) : NaN
text(s) = sprintf("data index 1 using (is('%s')):3:4 with labels noenhanced", s)
write(where, name, size, c) = sprintf(" %s font '%s' tc rgb %d", where, font(name, size), c)

plots = text('heading').write('left', bold, 13, black)
plots = plots.', '.text('field').write('left', bold, 11, black)
plots = plots.', '.text('measure').write('left', bold, 9, black)
plots = plots.', '.text('run').write('right', face, 9, black)
plots = plots.', '.text('number').write('left', face, 9, black)
plots = plots.', '.text('never').write('left', bold, 9, 0xA84300)
plots = plots.', '.text('tic').write('center', face, 9, 0x404040)
plot data index 2 using 2:3:($4-$2):($5-$3) with vectors nohead lc rgb 0xD8D8D8 lw 0.8, \
     for [l = 1:12] data index 0 using (bar('over', l)):5:3:4:5:6 with boxxyerror \
         fs solid 1 noborder lc rgb colour[l], \
     for [l = 1:12] data index 0 using (bar('never', l)):5:3:4:5:6 with boxxyerror \
         fs pattern 4 border lc rgb colour[l] lc rgb colour[l], \
     data index 3 using 1:2:(5):(-15) with vectors nohead lc rgb 0xFFFFFF lw 5, \
     data index 3 using 1:2:(5):(-15) with vectors nohead lc rgb black lw 1, \
     @plots
