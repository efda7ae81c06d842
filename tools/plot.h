/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plot.h - figures of recorded runs: one SQL file and one gnuplot file each, in tools/plots.
 *
 * NAME.sql is a series of statements over the timeline. The first one that returns rows gives
 * variables (name, value): `width` and `height` of the picture in points, and whatever NAME.gp
 * wants; each further one is a block of data that NAME.gp reads as `data index 0`, 1, ... (strings
 * are quoted, NULL is NaN, a block without rows is a row of NaN). A line "-- split: SELECT ..." in
 * the head makes one figure for each row of that query, whose text the statements see as :split.
 */
#ifndef KENNEL_TOOLS_PLOT_H
#define KENNEL_TOOLS_PLOT_H

#include "sim/base.h"

typedef struct {
    const char *database, *folder; /* of the plot files */
    const char *output;            /* folder for the pictures */
    const char *const *formats;    /* "svg", "png"; NULL-terminated */
} PlotJob;

/* Names of the plots of a folder, sorted; NULL with error set if there is none. */
GPtrArray *plot_names(const char *folder, GError **error);

/* Draws one plot in all formats and all splits; the paths made are added to `made`. */
bool plot_draw(const PlotJob *job, const char *name, GPtrArray *made, GError **error);

#endif
