/* SPDX-License-Identifier: Apache-2.0 */
/* The radix heap against a plain list: order, audit after every step, filtering, peeking. */
#include "sim/heap.h"
#include "tests/unit/test.h"

#define ENTRIES_MAX 400

typedef struct {
    Heap heap;
    HeapEntry entries[ENTRIES_MAX]; /* in order of pushing */
    unsigned count;
    Nanos now;
    Rng rng;
} Model;

static bool is_before(HeapEntry a, HeapEntry b)
{
    if (a.at != b.at) return a.at < b.at;
    return (a.tag & HEAP_RANK_MASK) < (b.tag & HEAP_RANK_MASK);
}

/* The entry that must come next: the first pushed among the least. */
static unsigned model_next(const Model *model)
{
    unsigned best = 0;
    for (unsigned i = 1; i < model->count; i++)
        if (is_before(model->entries[i], model->entries[best])) best = i;
    return best;
}

static void model_remove(Model *model, unsigned index)
{
    memmove(&model->entries[index], &model->entries[index + 1],
            sizeof(HeapEntry) * (model->count - index - 1));
    model->count--;
}

/* Cancelled entries are those with an odd generation divisible by 3. */
static bool is_alive(const void *owner, HeapEntry entry)
{
    (void)owner;
    return entry.tag >> HEAP_RANK_BITS & 1 || entry.slot % 3 != 0;
}

static Nanos random_delay(Rng *rng)
{
    switch (rng_below(rng, 4)) {
    case 0: return 0;
    case 1: return (Nanos)rng_below(rng, 3);
    case 2: return (Nanos)rng_below(rng, 5000);
    default: return (Nanos)rng_below(rng, UINT64_C(1) << rng_below(rng, 60));
    }
}

static void model_push(Model *model, uint32_t number)
{
    Nanos delay = random_delay(&model->rng);
    Nanos at = delay > NANOS_NEVER - 1 - model->now ? NANOS_NEVER - 1 : model->now + delay;
    Rank rank = (Rank)rng_below(&model->rng, RANK_COUNT);
    HeapEntry entry = {at, number, heap_tag((uint32_t)rng_below(&model->rng, 1000), rank)};
    heap_push(&model->heap, entry);
    model->entries[model->count++] = entry;
}

static void model_take(Model *model)
{
    HeapEntry expected = model->entries[model_next(model)];
    HeapEntry entry = {0};
    CU_ASSERT(expected.at == model->now || !heap_pop(&model->heap, expected.at - 1, &entry));
    CU_ASSERT_FATAL(heap_pop(&model->heap, expected.at, &entry));
    CU_ASSERT(entry.at == expected.at && entry.slot == expected.slot && entry.tag == expected.tag);
    model->now = entry.at;
    model_remove(model, model_next(model));
}

static void model_filter(Model *model)
{
    heap_filter(&model->heap, is_alive, NULL);
    for (unsigned i = model->count; i-- > 0;)
        if (!is_alive(NULL, model->entries[i])) model_remove(model, i);
}

static void model_peek(Model *model)
{
    Nanos first = NANOS_NEVER;
    for (unsigned i = 0; i < model->count; i++)
        if (is_alive(NULL, model->entries[i])) first = MIN(first, model->entries[i].at);
    model_filter(model);
    EQUAL_INT(heap_peek(&model->heap, is_alive, NULL), first);
}

static void run_model(uint64_t seed)
{
    g_autofree Model *model = g_new0(Model, 1);
    unsigned failures = CU_get_number_of_failures();
    model->rng = rng_stream(seed, "test_heap", "choices");
    heap_init(&model->heap);
    for (uint32_t step = 0; step < 20000; step++) {
        uint64_t choice = rng_below(&model->rng, 100);
        bool is_growing = step / 1000 % 2 == 0;
        if (choice < (is_growing ? 60 : 40) && model->count < ENTRIES_MAX)
            model_push(model, step + 1);
        else if (choice < 98 && model->count > 0)
            model_take(model);
        else if (choice == 98)
            model_filter(model);
        else
            model_peek(model);
        EQUAL_INT(model->heap.size, model->count);
        if (step % 16 == 0) heap_audit(&model->heap);
    }
    heap_clear(&model->heap);
    if (CU_get_number_of_failures() > failures)
        fprintf(stderr, "test_heap: seed %" PRIu64 "\n", seed);
}

TEST(heap_against_a_list)
{
    for (uint64_t seed = 1; seed <= 5; seed++)
        run_model(seed);
}

/* A bucket of many chunks, spread, drained and filled again, holds no more memory. */
TEST(heap_recycles_chunks)
{
    Heap heap;
    heap_init(&heap);
    unsigned blocks = 0;
    for (unsigned pass = 0; pass < 50; pass++) {
        Nanos base = (Nanos)(pass + 1) << 40;
        for (uint32_t i = 0; i < 20000; i++)
            heap_push(&heap, (HeapEntry){base + (Nanos)(i / 7) * 1000, i, heap_tag(1, RANK_TIMER)});
        for (uint32_t i = 0; i < 20000; i++) {
            HeapEntry entry = {0};
            CU_ASSERT_FATAL(heap_pop(&heap, NANOS_NEVER, &entry));
            CU_ASSERT(entry.slot == i && entry.at == base + (Nanos)(i / 7) * 1000);
        }
        if (pass == 0) blocks = heap.blocks->len;
    }
    EQUAL_INT(heap.size, 0);
    CU_ASSERT(heap.blocks->len <= blocks + 1);
    heap_clear(&heap);
}
