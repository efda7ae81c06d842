/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dist.h - distributions of durations, as scenarios write them.
 *
 *     12ms                              constant
 *     U(0s, 10s)  uniform(0s, 10s)      uniform, upper end excluded
 *     exponential(5s)                   by mean
 *     normal(5s, 1s)                    mean, deviation; negative draws count as 0
 *     lognormal(12ms, 150ms)            median, 99th percentile; cut at 3 times the latter
 *     weibull(1.5, 10s)                 shape, scale
 *     empirical(1s: 0.5, 2s: 0.4, 10s: 0.1)   a table of values and weights
 *
 * A Dist is a plain value (an empirical table is owned by it: dist_clear). Draws are integers of
 * nanoseconds, never negative.
 */
#ifndef KENNEL_SIM_DIST_H
#define KENNEL_SIM_DIST_H

#include "sim/base.h"
#include "sim/rng.h"

typedef enum {
    DIST_CONSTANT,
    DIST_UNIFORM,
    DIST_EXPONENTIAL,
    DIST_NORMAL,
    DIST_LOGNORMAL,
    DIST_WEIBULL,
    DIST_EMPIRICAL,
} DistShape;

typedef struct DistTable DistTable;

typedef struct {
    DistShape shape;
    double a, b, c;   /* parameters, meaning by shape (see dist.c); durations in nanoseconds */
    DistTable *table; /* DIST_EMPIRICAL only */
} Dist;

/* The constant distribution. */
Dist dist_constant(Nanos value);

/* Parses the notation above; *ret_dist is untouched on failure. */
bool dist_parse(const char *text, Dist *ret_dist, GError **error);

/* Writes the notation back; free with g_free(). */
char *dist_format(const Dist *dist);

/* One draw, at least 0. Constants draw nothing from the stream. */
Nanos dist_draw(const Dist *dist, Rng *rng);

/* Mean in nanoseconds, for checks and reports. */
double dist_mean(const Dist *dist);

/* Frees what an empirical table owns and leaves the constant 0. */
void dist_clear(Dist *dist);

#endif
