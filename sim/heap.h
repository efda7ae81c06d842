/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap.h - the kernel's queue: a monotone radix heap of base 64. Internal to sim.c and its tests.
 *
 * Times are numbers of eleven digits in base 64. `last` is a lower bound of all times in the heap.
 * An entry whose time differs from `last` first (from the left) at digit number `level`, where it
 * has digit d, waits in bucket [level][d]. Everything in a bucket is later than everything in a
 * bucket of a lower level, or of a lower digit at the same level. So the next entries are in the
 * first bucket that is not empty. heap_pop() raises `last` to the digits that these have in
 * common, and a large bucket is spread over the lower levels, which are empty at that moment. An
 * entry moves at most once a level, hence eleven times, mostly two or three times.
 *
 * A small bucket is not spread but sorted into the `front`, a short array, which then takes all
 * pushes into that bucket's span, too; so does one of everything while few events are pending. A
 * front that grows too long is put into buckets again. What is due at exactly `last`, when the
 * front is not in use, stands in the `instant`, a queue a rank, so that any number of simultaneous
 * events cost no sorting.
 *
 * Buckets are queues and are spread in order, equal times are always in one bucket, and sorting is
 * stable: equal (time, rank) stay first-in first-out without a sequence number in the entry.
 *
 * Why base 64 and not 2: a third of the moves, and one word of occupancy a level. Why not a 4-ary
 * heap: three times the time at 10^6 entries (tests/bench/hold.c).
 *
 * `last` must never exceed the time of a later push; heap_pop() is told how far it may go.
 * The heap does not know which entries are alive: a cancelled one stays until it comes up, or until
 * heap_filter(). Queues are chains of equal chunks from one free list, so the heap holds memory for
 * its greatest size, whatever bucket had it.
 */
#ifndef KENNEL_SIM_HEAP_H
#define KENNEL_SIM_HEAP_H

#include "sim/base.h"
#include "sim/sim.h"

#define HEAP_DIGIT_BITS 6
#define HEAP_DIGITS     64
#define HEAP_LEVELS     11 /* 66 bits, of which a Nanos uses 63 */

/* Bytes of what HeapEntry.slot counts: a cache line, fetched before its entry comes up. */
#define HEAP_SLOT_SIZE 64

/* An event in the queue; `tag` is its slot's generation and its rank: heap_tag(). */
typedef struct {
    Nanos at;
    uint32_t slot;
    uint32_t tag;
} HeapEntry;

#define HEAP_RANK_BITS      3
#define HEAP_RANK_MASK      ((1u << HEAP_RANK_BITS) - 1)
#define HEAP_GENERATION_MAX (UINT32_MAX >> HEAP_RANK_BITS)

#define HEAP_CHUNK_ENTRIES 31
typedef struct HeapChunk HeapChunk;
struct HeapChunk {
    HeapChunk *next;
    uint64_t unused; /* entries start at a multiple of their size */
    HeapEntry entries[HEAP_CHUNK_ENTRIES];
};

/* First-in first-out. Empty: `fill` is HEAP_CHUNK_ENTRIES and `head` is NULL. */
typedef struct {
    HeapChunk *head, *tail;
    uint32_t fill;  /* entries written to tail */
    uint32_t taken; /* entries read from head */
} HeapQueue;

#define HEAP_FRONT_SIZE 64
#define HEAP_NEAR_ALL   (UINT64_C(1) << 63)

typedef struct {
    Nanos last;
    uint64_t near;       /* the front takes times t with (t ^ last) < near; 0: it is not in use */
    unsigned first, end; /* of the front */
    Nanos floor;         /* time of the last entry taken from the front */
    size_t size;         /* entries, cancelled ones included */
    uint32_t ranks;      /* bit r: instant[r] is not empty */
    uint32_t levels;     /* bit l: digits[l] is not 0 */
    HeapChunk *spare;    /* free chunks */
    GPtrArray *blocks;   /* what chunks are cut from */
    const char *slots;   /* what entries name, only ever prefetched */
    uint64_t digits[HEAP_LEVELS];     /* bit d: buckets[l][d] is not empty */
    HeapEntry front[HEAP_FRONT_SIZE]; /* by time, rank and order of arrival */
    HeapQueue instant[RANK_COUNT];
    HeapQueue buckets[HEAP_LEVELS][HEAP_DIGITS];
} Heap;

void heap_init(Heap *heap);
void heap_clear(Heap *heap);

static inline uint32_t heap_tag(uint32_t generation, Rank rank)
{
    return generation << HEAP_RANK_BITS | (uint32_t)rank;
}

static inline bool heap_is_before(HeapEntry a, HeapEntry b)
{
    return a.at < b.at || (a.at == b.at && (a.tag & HEAP_RANK_MASK) < (b.tag & HEAP_RANK_MASK));
}

/* Sorts an entry into a front with room at its end, behind its equals. */
static inline void heap_front_insert(Heap *heap, HeapEntry entry)
{
    unsigned at = heap->end++;
    for (; at > heap->first && heap_is_before(entry, heap->front[at - 1]); at--)
        heap->front[at] = heap->front[at - 1];
    heap->front[at] = entry;
}

/* heap_push() of what is not the front's, or finds it full. */
void heap_push_slowly(Heap *heap, HeapEntry entry);

/* Adds an entry; entry.at >= heap->last and not before what was popped. */
static inline void heap_push(Heap *heap, HeapEntry entry)
{
    uint64_t differs = (uint64_t)entry.at ^ (uint64_t)heap->last;
    heap->size++;
    if (differs < heap->near && heap->end < HEAP_FRONT_SIZE)
        heap_front_insert(heap, entry);
    else
        heap_push_slowly(heap, entry);
}

/* heap_pop() when the front is empty. */
bool heap_pop_slowly(Heap *heap, Nanos until, HeapEntry *ret_entry);

/* Removes the next entry, if it is not later than `until`. Even if there is none, `last` may have
 * grown, but not beyond `until`. */
static inline bool heap_pop(Heap *heap, Nanos until, HeapEntry *ret_entry)
{
    if (heap->first == heap->end) return heap_pop_slowly(heap, until, ret_entry);
    HeapEntry entry = heap->front[heap->first];
    if (entry.at > until) return false;
    heap->floor = entry.at;
    heap->size--;
    if (++heap->first == heap->end) heap->first = heap->end = 0;
    *ret_entry = entry;
    return true;
}

/* Whether an entry is alive, by the owner's knowledge. */
typedef bool HeapAlive(const void *owner, HeapEntry entry);

/* The earliest time of a live entry without moving `last`, NANOS_NEVER if there is none; drops dead
 * entries that it meets in front. Reads one bucket. */
Nanos heap_peek(Heap *heap, HeapAlive *alive, const void *owner);

/* Drops all dead entries. */
void heap_filter(Heap *heap, HeapAlive *alive, const void *owner);

/* CHECKs every invariant above; for tests. */
void heap_audit(const Heap *heap);

#endif
