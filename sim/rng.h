/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rng.h - named, counter-based random streams.
 *
 * A stream is (key, counter): the key is a hash of (seed, owner, purpose), draw k is a keyed mix
 * of k. Streams are therefore independent of each other and of the order in which they are made: a
 * new component, or an extra draw in one stream, shifts nobody else's numbers, and two policies
 * run with one seed meet the same weather (common random numbers). Results are equal on every
 * machine: integers and IEEE add, multiply, divide and square root only; logarithm and
 * exponential are our own (det_log, det_exp), no libm transcendental reaches a result.
 */
#ifndef KENNEL_SIM_RNG_H
#define KENNEL_SIM_RNG_H

#include "sim/base.h"

typedef struct {
    uint64_t key;
    uint64_t counter;
} Rng;

/* The stream of this name, at its beginning. */
Rng rng_stream(uint64_t seed, const char *owner, const char *purpose);

/* 64 uniform bits. */
uint64_t rng_u64(Rng *rng);

/* Uniform in [0, 1), a multiple of 2^-53. */
double rng_unit(Rng *rng);

/* Uniform in [0, bound), without bias; bound > 0. */
uint64_t rng_below(Rng *rng, uint64_t bound);

/* Exponential with mean 1. */
double rng_exponential(Rng *rng);

/* Normal with mean 0 and deviation 1. */
double rng_normal(Rng *rng);

/* Natural logarithm of a positive finite number and e^x, equal to the last bit on every machine;
 * relative error below 4e-16 and 4e-15. */
double det_log(double x);
double det_exp(double x);

/* x^y for x > 0, by det_log and det_exp. */
double det_pow(double x, double y);

#endif
