/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap.c - the slower half of the radix heap: chunks, advancing, peeking, filtering, auditing.
 */
#include "sim/heap.h"

#define BLOCK_CHUNKS 128
/* Buckets up to this size become the front; the rest of it is room for pushes. */
#define FRONT_LOAD 24

static void queue_init(HeapQueue *queue)
{
    *queue = (HeapQueue){NULL, NULL, HEAP_CHUNK_ENTRIES, 0};
}

void heap_init(Heap *heap)
{
    memset(heap, 0, sizeof *heap);
    heap->near = HEAP_NEAR_ALL;
    heap->blocks = g_ptr_array_new_with_free_func(g_free);
    for (unsigned rank = 0; rank < RANK_COUNT; rank++)
        queue_init(&heap->instant[rank]);
    for (unsigned level = 0; level < HEAP_LEVELS; level++)
        for (unsigned digit = 0; digit < HEAP_DIGITS; digit++)
            queue_init(&heap->buckets[level][digit]);
}

void heap_clear(Heap *heap)
{
    g_ptr_array_unref(heap->blocks);
    memset(heap, 0, sizeof *heap);
}

static void chunk_give(Heap *heap, HeapChunk *chunk)
{
    chunk->next = heap->spare;
    heap->spare = chunk;
}

static HeapChunk *chunk_take(Heap *heap)
{
    if (!heap->spare) {
        HeapChunk *block = g_new(HeapChunk, BLOCK_CHUNKS);
        g_ptr_array_add(heap->blocks, block);
        for (unsigned i = BLOCK_CHUNKS; i-- > 0;)
            chunk_give(heap, &block[i]);
    }
    HeapChunk *chunk = heap->spare;
    heap->spare = chunk->next;
    chunk->next = NULL;
    return chunk;
}

/* Gives a full or empty queue a new tail. */
static void queue_extend(Heap *heap, HeapQueue *queue)
{
    HeapChunk *chunk = chunk_take(heap);
    if (queue->head)
        queue->tail->next = chunk;
    else
        queue->head = chunk;
    queue->tail = chunk;
    queue->fill = 0;
}

static inline void queue_put(Heap *heap, HeapQueue *queue, HeapEntry entry)
{
    if (G_UNLIKELY(queue->fill == HEAP_CHUNK_ENTRIES)) queue_extend(heap, queue);
    queue->tail->entries[queue->fill++] = entry;
}

/* Puts an entry into the instant or a bucket, by heap->last. */
static inline void place(Heap *heap, HeapEntry entry)
{
    uint64_t differs = (uint64_t)entry.at ^ (uint64_t)heap->last;
    HeapQueue *queue;
    if (differs == 0) {
        unsigned rank = entry.tag & HEAP_RANK_MASK;
        heap->ranks |= 1u << rank;
        queue = &heap->instant[rank];
    } else {
        unsigned level = (63u - (unsigned)__builtin_clzll(differs)) / HEAP_DIGIT_BITS;
        unsigned digit = (unsigned)(entry.at >> (level * HEAP_DIGIT_BITS)) & (HEAP_DIGITS - 1);
        heap->levels |= 1u << level;
        heap->digits[level] |= UINT64_C(1) << digit;
        queue = &heap->buckets[level][digit];
    }
    queue_put(heap, queue, entry);
}

/* Makes room at the end of a full front, or puts all of it into buckets: then false. */
static bool front_make_room(Heap *heap)
{
    unsigned first = heap->first, count = heap->end - first;
    if (count <= HEAP_FRONT_SIZE / 2) {
        memmove(heap->front, heap->front + first, sizeof(HeapEntry) * count);
        heap->first = 0;
        heap->end = count;
        return true;
    }
    heap->last = MAX(heap->last, heap->floor);
    heap->near = 0;
    heap->first = heap->end = 0;
    for (unsigned i = first; i < first + count; i++)
        place(heap, heap->front[i]);
    return false;
}

void heap_push_slowly(Heap *heap, HeapEntry entry)
{
    uint64_t differs = (uint64_t)entry.at ^ (uint64_t)heap->last;
    if (differs < heap->near && front_make_room(heap))
        heap_front_insert(heap, entry);
    else
        place(heap, entry);
}

/* What all entries of a bucket have in common: digits above `level`, then `digit`, then zeros. */
static Nanos bucket_base(const Heap *heap, unsigned level, unsigned digit)
{
    unsigned shift = level * HEAP_DIGIT_BITS;
    uint64_t above = (uint64_t)heap->last >> shift >> HEAP_DIGIT_BITS << HEAP_DIGIT_BITS;
    return (Nanos)((above | digit) << shift);
}

static unsigned chunk_size(const HeapQueue *queue, const HeapChunk *chunk)
{
    return chunk == queue->tail ? queue->fill : HEAP_CHUNK_ENTRIES;
}

static Nanos earliest(const HeapChunk *chunk, unsigned count)
{
    Nanos first = chunk->entries[0].at;
    for (unsigned i = 1; i < count; i++)
        first = MIN(first, chunk->entries[i].at);
    return first;
}

/* The entries of a small bucket are about to run; with many events pending, theirs are the slots
 * that are in no cache. */
static void prefetch_slots(const Heap *heap, const HeapChunk *chunk, unsigned count)
{
    for (unsigned i = 0; heap->slots && i < count; i++)
        __builtin_prefetch(heap->slots + (size_t)chunk->entries[i].slot * HEAP_SLOT_SIZE, 1);
}

static void bucket_unmark(Heap *heap, unsigned level, unsigned digit)
{
    heap->digits[level] &= ~(UINT64_C(1) << digit);
    if (!heap->digits[level]) heap->levels &= ~(1u << level);
}

static void bucket_spread(Heap *heap, unsigned level, unsigned digit)
{
    HeapQueue queue = heap->buckets[level][digit];
    queue_init(&heap->buckets[level][digit]);
    bucket_unmark(heap, level, digit);
    for (HeapChunk *chunk = queue.head, *next; chunk; chunk = next) {
        unsigned count = chunk_size(&queue, chunk);
        for (unsigned i = 0; i < count; i++)
            place(heap, chunk->entries[i]);
        next = chunk->next;
        chunk_give(heap, chunk);
    }
}

/* Makes a bucket of at most FRONT_LOAD entries the front. */
static void bucket_to_front(Heap *heap, unsigned level, unsigned digit)
{
    HeapQueue *queue = &heap->buckets[level][digit];
    HeapChunk *chunk = queue->head;
    prefetch_slots(heap, chunk, queue->fill);
    for (unsigned i = 0; i < queue->fill; i++)
        heap_front_insert(heap, chunk->entries[i]);
    chunk_give(heap, chunk);
    queue_init(queue);
    bucket_unmark(heap, level, digit);
    heap->near = UINT64_C(1) << level * HEAP_DIGIT_BITS;
}

/* With the front and the instant empty: refills one of them from the first bucket, if that begins
 * at or before `until`. */
static bool advance(Heap *heap, Nanos until)
{
    while (heap->levels && !heap->ranks) {
        unsigned level = (unsigned)__builtin_ctz(heap->levels);
        unsigned digit = (unsigned)__builtin_ctzll(heap->digits[level]);
        const HeapQueue *queue = &heap->buckets[level][digit];
        Nanos base = bucket_base(heap, level, digit);
        if (base > until) return false;
        heap->last = base;
        if (level > 0 && queue->head == queue->tail && queue->fill <= FRONT_LOAD) {
            bucket_to_front(heap, level, digit);
            return true;
        }
        heap->near = 0;
        bucket_spread(heap, level, digit);
    }
    return heap->ranks != 0;
}

/* The first of the instant, which is not empty: lowest rank, then first in. */
static HeapEntry instant_take(Heap *heap)
{
    unsigned rank = (unsigned)__builtin_ctz(heap->ranks);
    HeapQueue *queue = &heap->instant[rank];
    HeapChunk *chunk = queue->head;
    HeapEntry entry = chunk->entries[queue->taken++];
    heap->size--;
    if (chunk == queue->tail && queue->taken == queue->fill) {
        /* The chunk stays for the next instant. */
        queue->fill = queue->taken = 0;
        heap->ranks &= ~(1u << rank);
    } else if (queue->taken == HEAP_CHUNK_ENTRIES) {
        queue->head = chunk->next;
        queue->taken = 0;
        chunk_give(heap, chunk);
    }
    return entry;
}

bool heap_pop_slowly(Heap *heap, Nanos until, HeapEntry *ret_entry)
{
    if (!heap->ranks && !advance(heap, until)) return false;
    if (!heap->ranks) return heap_pop(heap, until, ret_entry);
    *ret_entry = instant_take(heap);
    return true;
}

/* Rewrites a queue without its dead entries; how many are left. */
static size_t queue_filter(Heap *heap, HeapQueue *queue, HeapAlive *alive, const void *owner)
{
    HeapQueue old = *queue;
    size_t kept = 0;
    unsigned first = old.taken;
    queue_init(queue);
    for (HeapChunk *chunk = old.head, *next; chunk; chunk = next) {
        unsigned count = chunk_size(&old, chunk);
        for (unsigned i = first; i < count; i++) {
            if (alive(owner, chunk->entries[i])) {
                queue_put(heap, queue, chunk->entries[i]);
                kept++;
            } else {
                heap->size--;
            }
        }
        first = 0;
        next = chunk->next;
        chunk_give(heap, chunk);
    }
    return kept;
}

static size_t bucket_filter(Heap *heap, unsigned level, unsigned digit, HeapAlive *alive,
                            const void *owner)
{
    size_t kept = queue_filter(heap, &heap->buckets[level][digit], alive, owner);
    if (kept == 0) bucket_unmark(heap, level, digit);
    return kept;
}

static void instant_filter(Heap *heap, HeapAlive *alive, const void *owner)
{
    for (uint32_t left = heap->ranks; left; left &= left - 1) {
        unsigned rank = (unsigned)__builtin_ctz(left);
        if (queue_filter(heap, &heap->instant[rank], alive, owner) == 0)
            heap->ranks &= ~(1u << rank);
    }
}

static void front_filter(Heap *heap, HeapAlive *alive, const void *owner)
{
    unsigned kept = 0;
    for (unsigned i = heap->first; i < heap->end; i++)
        if (alive(owner, heap->front[i])) heap->front[kept++] = heap->front[i];
    heap->size -= heap->end - heap->first - kept;
    heap->first = 0;
    heap->end = kept;
}

void heap_filter(Heap *heap, HeapAlive *alive, const void *owner)
{
    front_filter(heap, alive, owner);
    instant_filter(heap, alive, owner);
    for (unsigned level = 0; level < HEAP_LEVELS; level++)
        for (uint64_t left = heap->digits[level]; left; left &= left - 1)
            bucket_filter(heap, level, (unsigned)__builtin_ctzll(left), alive, owner);
}

Nanos heap_peek(Heap *heap, HeapAlive *alive, const void *owner)
{
    while (heap->first < heap->end && !alive(owner, heap->front[heap->first])) {
        heap->first++;
        heap->size--;
    }
    if (heap->first < heap->end) return heap->front[heap->first].at;
    heap->first = heap->end = 0;
    if (heap->ranks) instant_filter(heap, alive, owner);
    if (heap->ranks) return heap->last;
    while (heap->levels) {
        unsigned level = (unsigned)__builtin_ctz(heap->levels);
        unsigned digit = (unsigned)__builtin_ctzll(heap->digits[level]);
        if (bucket_filter(heap, level, digit, alive, owner) == 0) continue;
        const HeapQueue *queue = &heap->buckets[level][digit];
        Nanos first = NANOS_NEVER;
        for (const HeapChunk *chunk = queue->head; chunk; chunk = chunk->next)
            first = MIN(first, earliest(chunk, chunk_size(queue, chunk)));
        return first;
    }
    return NANOS_NEVER;
}

static void instant_entry_audit(const Heap *heap, HeapEntry entry, unsigned rank)
{
    CHECK(entry.at == heap->last && (entry.tag & HEAP_RANK_MASK) == rank);
}

static void bucket_entry_audit(const Heap *heap, HeapEntry entry, unsigned level, unsigned digit)
{
    unsigned shift = level * HEAP_DIGIT_BITS;
    uint64_t differs = (uint64_t)entry.at ^ (uint64_t)heap->last;
    CHECK(entry.at > heap->last && differs >= heap->near);
    CHECK(differs >> shift != 0 && differs >> shift >> HEAP_DIGIT_BITS == 0);
    CHECK(((uint64_t)entry.at >> shift) % HEAP_DIGITS == digit);
}

/* Counts the entries of bucket [level][place], or of instant[place] (level < 0), and checks that
 * each of them belongs there. */
static size_t queue_audit(const Heap *heap, const HeapQueue *queue, int level, unsigned place)
{
    size_t count = 0;
    for (const HeapChunk *chunk = queue->head; chunk; chunk = chunk->next) {
        CHECK((chunk->next == NULL) == (chunk == queue->tail));
        unsigned first = chunk == queue->head ? queue->taken : 0;
        for (unsigned i = first; i < chunk_size(queue, chunk); i++, count++) {
            if (level < 0)
                instant_entry_audit(heap, chunk->entries[i], place);
            else
                bucket_entry_audit(heap, chunk->entries[i], (unsigned)level, place);
        }
    }
    return count;
}

static void front_audit(const Heap *heap)
{
    CHECK(heap->end <= HEAP_FRONT_SIZE && heap->first <= heap->end);
    CHECK(heap->first == heap->end || heap->near > 0);
    CHECK(heap->near == 0 || heap->ranks == 0);
    for (unsigned i = heap->first; i < heap->end; i++) {
        HeapEntry entry = heap->front[i];
        CHECK(((uint64_t)entry.at ^ (uint64_t)heap->last) < heap->near);
        CHECK(entry.at >= heap->floor);
        CHECK(i == heap->first || !heap_is_before(entry, heap->front[i - 1]));
    }
}

void heap_audit(const Heap *heap)
{
    size_t size = heap->end - heap->first;
    front_audit(heap);
    for (unsigned rank = 0; rank < RANK_COUNT; rank++) {
        size_t count = queue_audit(heap, &heap->instant[rank], -1, rank);
        CHECK((count > 0) == (heap->ranks >> rank & 1));
        size += count;
    }
    for (unsigned level = 0; level < HEAP_LEVELS; level++) {
        CHECK((heap->digits[level] != 0) == (heap->levels >> level & 1));
        for (unsigned digit = 0; digit < HEAP_DIGITS; digit++) {
            size_t count = queue_audit(heap, &heap->buckets[level][digit], (int)level, digit);
            CHECK((count > 0) == (heap->digits[level] >> digit & 1));
            size += count;
        }
    }
    CHECK(size == heap->size);
}
