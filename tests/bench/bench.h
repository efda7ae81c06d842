/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h - interleaved rounds of ours and a reference, medians of CPU time, checksums.
 *
 * Times of a shared machine drift, so both sides run in turn and only their ratio is to be trusted.
 * A round returns a checksum of what it computed; both sides of a pair must agree, so that a faster
 * program that changes results fails.
 */
#ifndef KENNEL_BENCH_H
#define KENNEL_BENCH_H

#include "sim/base.h"

#include <stdlib.h>
#include <time.h>

#define BENCH_ROUNDS_MAX 99

/* One round; after its set-up it may set *begin_ns to bench_cpu_ns() to leave that out. */
typedef uint64_t BenchRound(const void *parameters, int64_t *begin_ns);

typedef struct {
    const char *name;
    BenchRound *ours, *reference;
    const void *parameters;
    double units; /* a round does this many: holds, customers, events */
    unsigned rounds;
} Bench;

static inline int64_t bench_cpu_ns(void)
{
    struct timespec spec;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spec);
    return (int64_t)spec.tv_sec * NANOS_S + spec.tv_nsec;
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline double bench_median(double *times, unsigned count)
{
    qsort(times, count, sizeof *times, bench_compare);
    return times[count / 2];
}

static inline double bench_time(BenchRound *round, const Bench *bench, uint64_t *ret_checksum)
{
    int64_t begin = bench_cpu_ns();
    *ret_checksum = round(bench->parameters, &begin);
    return (double)(bench_cpu_ns() - begin) / bench->units;
}

/* The number of rounds: the first argument, or the fallback. */
static inline unsigned bench_rounds(int argc, char **argv, unsigned fallback)
{
    int64_t rounds = fallback;
    CHECK_THAT(argc < 2 || text_to_int(argv[1], &rounds), "'%s' is no number", argv[1]);
    return (unsigned)CLAMP(rounds, 1, BENCH_ROUNDS_MAX);
}

static inline void bench_head(void)
{
    printf("%-28s %10s %10s %7s  %s\n", "name", "ns/unit", "reference", "ratio", "checksum");
}

/* Runs and prints one pair; false if the checksums differ. */
static inline bool bench_run(const Bench *bench)
{
    double ours[BENCH_ROUNDS_MAX], reference[BENCH_ROUNDS_MAX];
    uint64_t checksum = 0, expected = 0;
    bool equal = true;
    for (unsigned round = 0; round < bench->rounds; round++) {
        ours[round] = bench_time(bench->ours, bench, &checksum);
        reference[round] = bench_time(bench->reference, bench, &expected);
        equal &= checksum == expected;
    }
    double ns = bench_median(ours, bench->rounds);
    double reference_ns = bench_median(reference, bench->rounds);
    printf("%-28s %10.2f %10.2f %7.3f  %016" PRIx64 "%s\n", bench->name, ns, reference_ns,
           ns / reference_ns, checksum, equal ? "" : "  DIFFERS FROM THE REFERENCE");
    fflush(stdout);
    return equal;
}

/* --- the reference queue: a 4-ary heap of 16-byte keys {time, sequence} --- */

__extension__ typedef unsigned __int128 BenchKey;

typedef struct {
    BenchKey *keys; /* siblings share a cache line: the root is number 3 */
    size_t count, capacity;
} BenchHeap;

static inline void bench_heap_init(BenchHeap *heap, size_t capacity)
{
    heap->count = 0;
    heap->capacity = capacity;
    heap->keys = aligned_alloc(64, ((capacity + 8) * sizeof(BenchKey) + 63) / 64 * 64);
    CHECK(heap->keys);
}

static inline void bench_heap_free(BenchHeap *heap)
{
    free(heap->keys);
}

/* Node i (from 0) is stored at i + 3, its children 4i + 1 to 4i + 4 at 4 (i + 1) and on. */
static inline void bench_heap_push(BenchHeap *heap, BenchKey key)
{
    BenchKey *nodes = heap->keys + 3;
    size_t at = heap->count++;
    for (size_t parent; at > 0 && nodes[parent = (at - 1) / 4] > key; at = parent)
        nodes[at] = nodes[parent];
    nodes[at] = key;
}

/* The least of the children `first` and on, of which there is one at least. */
static inline size_t bench_heap_least(const BenchKey *nodes, size_t first, size_t count)
{
    if (G_LIKELY(first + 3 < count)) {
        size_t left = first + (nodes[first + 1] < nodes[first]);
        size_t right = first + 2 + (nodes[first + 3] < nodes[first + 2]);
        return nodes[right] < nodes[left] ? right : left;
    }
    size_t best = first;
    for (size_t child = first + 1; child < count; child++)
        best = nodes[child] < nodes[best] ? child : best;
    return best;
}

/* Puts a key where the root was. */
static inline void bench_heap_sink(BenchHeap *heap, BenchKey key)
{
    BenchKey *nodes = heap->keys + 3;
    size_t at = 0;
    for (size_t first; (first = 4 * at + 1) < heap->count;) {
        size_t best = bench_heap_least(nodes, first, heap->count);
        if (nodes[best] >= key) break;
        nodes[at] = nodes[best];
        at = best;
    }
    nodes[at] = key;
}

static inline BenchKey bench_heap_min(const BenchHeap *heap)
{
    return heap->keys[3];
}

static inline void bench_heap_pop(BenchHeap *heap)
{
    heap->count--;
    if (heap->count) bench_heap_sink(heap, heap->keys[3 + heap->count]);
}

static inline BenchKey bench_key(Nanos at, uint64_t low)
{
    return (BenchKey)(uint64_t)at << 64 | low;
}

static inline Nanos bench_key_at(BenchKey key)
{
    return (Nanos)(uint64_t)(key >> 64);
}

#endif
