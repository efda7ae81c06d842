/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bucket.h - a token bucket with reservations, as golang.org/x/time/rate, in whole nanoseconds.
 *
 * It is kept as the time at which the bucket would be full again: each reservation moves that time
 * by one interval, and may be used as soon as no more than `burst` tokens are missing. Reservations
 * are served in the order they are made.
 */
#ifndef KENNEL_MODELS_BUCKET_H
#define KENNEL_MODELS_BUCKET_H

#include "sim/base.h"

typedef struct {
    Nanos interval;  /* between tokens; 0: no limit */
    Nanos tolerance; /* (burst - 1) intervals */
    Nanos full_at;
} Bucket;

/* A full bucket of `burst` tokens, filled with `rate` a second; rate 0: no limit. */
static inline Bucket bucket_make(double rate, double burst)
{
    if (rate <= 0) return (Bucket){0, 0, 0};
    Nanos interval = (Nanos)((double)NANOS_S / rate);
    Nanos tokens = burst < 1 ? 1 : (Nanos)burst;
    return (Bucket){interval, (tokens - 1) * interval, 0};
}

/* Takes a token; returns when it may be used, at least `now`. */
static inline Nanos bucket_reserve(Bucket *bucket, Nanos now)
{
    Nanos full_at = bucket->full_at > now ? bucket->full_at : now;
    bucket->full_at = full_at + bucket->interval;
    return full_at - bucket->tolerance > now ? full_at - bucket->tolerance : now;
}

/* Takes a token only if it may be used now. */
static inline bool bucket_take(Bucket *bucket, Nanos now)
{
    Bucket tried = *bucket;
    if (bucket_reserve(&tried, now) > now) return false;
    *bucket = tried;
    return true;
}

#endif
