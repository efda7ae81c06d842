/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plot.h - figures of recorded runs: one SQL file and one gnuplot file each, in tools/plots.
 *
 * NAME.sql is a series of statements over the timeline; common.sql of the same folder runs before
 * it on the same connection. The first statement that has columns gives variables (name, value):
 * `width` and `height` of the picture in points (height 0: there is nothing to draw), and whatever
 * NAME.gp wants; each further one is a block of data that NAME.gp reads as `data index 0`, 1, ...
 * (cells are parted by tabs, texts are quoted, NULL is NaN, a block without rows is a row of NaN). A
 * line "-- split: SELECT ..." makes one figure for each row of that query, whose text the statements
 * see as :split; without one :split is the empty text. How to write a plot: tools/plots/README.md.
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

/* What the SQL of a plot gives to gnuplot. */
typedef struct {
    GString *variables; /* assignments, one a line */
    GString *data;
    unsigned blocks; /* of data, begun so far */
    bool has_rows;   /* of the last block */
} PlotData;

/* The texts a plot is split by, one empty text if it is not; NULL with error set if it is broken. */
GPtrArray *plot_splits(const PlotJob *job, const char *name, GError **error);

/* Runs the SQL of a plot for one split; NULL with error set if it fails. */
PlotData *plot_read(const PlotJob *job, const char *name, const char *split, GError **error);
void plot_data_free(PlotData *plot);

/* A variable that is a number. */
double plot_variable(const PlotData *plot, const char *name, double fallback);

/* Draws one plot in all formats and all splits; the paths made are added to `made`. */
bool plot_draw(const PlotJob *job, const char *name, GPtrArray *made, GError **error);

#endif
