# SPDX-License-Identifier: Apache-2.0
# Draws ready.sql: a field for each workload name, a line for each run, the declared number dashed.
load folder.'/style.gp'

array colour[12] = [blue, orange, green, purple, sky, vermillion, black, grey, blue, orange, green, purple]
do for [l = 1:8] { set linetype l lc rgb colour[l] lw 2 dt solid }
do for [l = 9:12] { set linetype l lc rgb colour[l] lw 2 dt (12,4) }
array lines_of[8]
array most[8]
array name[8]
array title_of[96]
do for [i = 1:8] { lines_of[i] = 0 }
take_field(f, m, n) = (most[int(f)] = m, name[int(f)] = n, m)
take_title(f, l, t) = (lines_of[int(f)] = int(l), title_of[int(f) * 12 - 12 + int(l)] = t, l)

set table $nothing
plot data index 5 using (take_field($1, $3, strcol(4))):3 with table
plot data index 6 using (take_title($1, $2, strcol(3))):2 with table
unset table

pixel = 1. / height
set multiplot
set label 1 heading at screen 12. / width, 1 - 18 * pixel font big noenhanced
set lmargin at screen 1. * left / width
set rmargin at screen 1 - right / width
set xrange [0:minutes * factor]
set xtics font small nomirror out
set xtics 0, tic * factor
set ytics font small nomirror out
set border 1 lc rgb grey
set key at graph 1.015, graph 1 left top Left reverse vertical samplen 2.2 spacing 1.15 font small noenhanced

do for [f = 1:fields] {
    roof = 1 - (62 + 13 * levels + (240 + 13 * levels) * (f - 1)) * pixel
    set tmargin at screen roof + 13 * levels * pixel
    set bmargin at screen roof - 178 * pixel
    room = most[f] * 0.12 + 0.1
    line_high = 13 / 178. * (1.05 * most[f] + room)
    # Lines that would hide one another are set apart a little.
    set yrange [-0.05 * most[f]:most[f] + room + levels * line_high]
    apart = 0.015 * most[f]
    ytic = most[f] > 12 ? ceil(most[f] / 8.) : 1
    set ytics 0, ytic, most[f]
    set ylabel 'Ready members' font small offset 1, 0
    set xlabel (f == fields ? caption : '') font small offset 0, 0.4
    set label 2 name[f] at screen 12. / width, roof + (18 + 13 * levels) * pixel font middle noenhanced
    here(n) = int($1) == f ? column(n) * factor : NaN
    ours(l) = int($1) == f && int($2) == l ? $3 * factor : NaN
    plot data index 2 using (here(3)):(0):(here(3)):(here(4)):(-0.05 * most[f]):(most[f] + room) with boxxyerror \
             fs solid 1 noborder lc rgb 0xDDDDDD title (faults ? 'fault' : ''), \
         data index 3 using (here(3)):(-0.05 * most[f]):(0):(1.05 * most[f] + room) with vectors nohead \
             lc rgb grey lw 0.8 dt (2,3) title (steps ? 'step' : ''), \
         for [l = 1:lines_of[f]] data index 1 using (ours(l)):4 with steps \
             lc rgb black lw 1 dt (6,4) title (l == 1 ? 'declared' : ''), \
         for [l = 1:lines_of[f]] data index 0 \
             using (ours(l)):($4 - apart * (l - 1 - (lines_of[f] - 1) / 2.)) \
             with steps lt l title title_of[f * 12 - 12 + l], \
         data index 4 using (here(3)):(most[f] + room + ($4 + 0.6) * line_high):5 with labels left \
             font small noenhanced notitle
    unset label 1
}
unset multiplot
