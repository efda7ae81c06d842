/* SPDX-License-Identifier: Apache-2.0 */
/* test_queue.c - the work queue: set semantics, delays, back-off; and against a plain model. */
#include "models/bucket.h"
#include "models/queue.h"
#include "tests/unit/test.h"

static void count_ready(void *self)
{
    ++*(unsigned *)self;
}

static Key key_of(uint32_t number)
{
    return (Key){KIND_POD, 1, number};
}

typedef struct {
    Sim *sim;
    Queue *queue;
    unsigned readied;
} Bed;

static void bed_make(Bed *bed, Backoff backoff)
{
    bed->sim = sim_new(1);
    bed->readied = 0;
    bed->queue = queue_new(bed->sim, backoff, count_ready, &bed->readied);
}

static void bed_free(Bed *bed)
{
    queue_free(bed->queue);
    sim_free(bed->sim);
}

/* The name of the next key, 0 if none waits. */
static uint32_t pop(Queue *queue)
{
    Key key;
    return queue_pop(queue, &key) ? key.name : 0;
}

TEST(a_key_waits_once)
{
    Bed bed;
    bed_make(&bed, (Backoff){0});
    queue_add(bed.queue, key_of(1));
    queue_add(bed.queue, key_of(2));
    queue_add(bed.queue, key_of(1));
    EQUAL_INT(queue_length(bed.queue), 2);
    EQUAL_INT(bed.readied, 2);
    EQUAL_INT(pop(bed.queue), 1);
    EQUAL_INT(pop(bed.queue), 2);
    EQUAL_INT(pop(bed.queue), 0);
    bed_free(&bed);
}

TEST(a_key_added_while_worked_on_runs_again_after)
{
    Bed bed;
    bed_make(&bed, (Backoff){0});
    queue_add(bed.queue, key_of(1));
    EQUAL_INT(pop(bed.queue), 1);
    queue_add(bed.queue, key_of(1));
    queue_add(bed.queue, key_of(1));
    EQUAL_INT(pop(bed.queue), 0);
    queue_done(bed.queue, key_of(1));
    EQUAL_INT(pop(bed.queue), 1);
    queue_done(bed.queue, key_of(1));
    EQUAL_INT(pop(bed.queue), 0);
    bed_free(&bed);
}

TEST(of_two_delays_the_earlier_wins)
{
    Bed bed;
    bed_make(&bed, (Backoff){0});
    queue_after(bed.queue, 5 * NANOS_S, key_of(1));
    queue_after(bed.queue, 3 * NANOS_S, key_of(1));
    queue_after(bed.queue, 9 * NANOS_S, key_of(1));
    queue_after(bed.queue, 4 * NANOS_S, key_of(2));
    sim_run(bed.sim, 3 * NANOS_S, 0);
    EQUAL_INT(pop(bed.queue), 1);
    queue_done(bed.queue, key_of(1));
    sim_run(bed.sim, NANOS_MIN, 0);
    EQUAL_INT(pop(bed.queue), 2);
    EQUAL_INT(pop(bed.queue), 0);
    bed_free(&bed);
}

TEST(backoff_doubles_and_success_forgets)
{
    static const Nanos delays[] = {
        5 * NANOS_MS,      10 * NANOS_MS,     20 * NANOS_MS,     40 * NANOS_MS,    80 * NANOS_MS,
        160 * NANOS_MS,    320 * NANOS_MS,    640 * NANOS_MS,    1280 * NANOS_MS,  2560 * NANOS_MS,
        5120 * NANOS_MS,   10240 * NANOS_MS,  20480 * NANOS_MS,  40960 * NANOS_MS, 81920 * NANOS_MS,
        163840 * NANOS_MS, 327680 * NANOS_MS, 655360 * NANOS_MS, 1000 * NANOS_S,   1000 * NANOS_S};
    Bed bed;
    bed_make(&bed, (Backoff){0});
    for (unsigned i = 0; i < G_N_ELEMENTS(delays); i++) {
        Nanos start = sim_now(bed.sim);
        CU_ASSERT(queue_retry(bed.queue, key_of(1)));
        EQUAL_INT(queue_failures(bed.queue, key_of(1)), i + 1);
        sim_run(bed.sim, start + delays[i] - 1, 0);
        EQUAL_INT(pop(bed.queue), 0);
        sim_run(bed.sim, start + delays[i], 0);
        EQUAL_INT(pop(bed.queue), 1);
        queue_done(bed.queue, key_of(1));
    }
    queue_forget(bed.queue, key_of(1));
    EQUAL_INT(queue_failures(bed.queue, key_of(1)), 0);
    queue_retry(bed.queue, key_of(1));
    sim_run(bed.sim, sim_now(bed.sim) + 5 * NANOS_MS, 0);
    EQUAL_INT(pop(bed.queue), 1);
    bed_free(&bed);
}

TEST(retries_share_a_bucket_of_100_and_10_a_second)
{
    Bed bed;
    bed_make(&bed, (Backoff){0});
    for (uint32_t i = 1; i <= 130; i++)
        queue_retry(bed.queue, key_of(i));
    sim_run(bed.sim, 5 * NANOS_MS, 0);
    EQUAL_INT(queue_length(bed.queue), 100);
    sim_run(bed.sim, NANOS_S, 0);
    EQUAL_INT(queue_length(bed.queue), 110);
    sim_run(bed.sim, 3 * NANOS_S, 0);
    EQUAL_INT(queue_length(bed.queue), 130);
    bed_free(&bed);
}

TEST(a_component_can_give_up)
{
    Bed bed;
    bed_make(&bed, (Backoff){.base = NANOS_S, .cap = 4 * NANOS_S, .retries = 3});
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT(queue_retry(bed.queue, key_of(1)));
    CU_ASSERT(!queue_retry(bed.queue, key_of(1)));
    EQUAL_INT(queue_failures(bed.queue, key_of(1)), 0);
    bed_free(&bed);
}

TEST(bucket_as_golang_rate)
{
    Bucket bucket = bucket_make(20, 3);
    for (unsigned i = 0; i < 3; i++)
        EQUAL_INT(bucket_reserve(&bucket, NANOS_S), NANOS_S);
    EQUAL_INT(bucket_reserve(&bucket, NANOS_S), NANOS_S + 50 * NANOS_MS);
    EQUAL_INT(bucket_reserve(&bucket, NANOS_S), NANOS_S + 100 * NANOS_MS);
    CU_ASSERT(!bucket_take(&bucket, NANOS_S));
    EQUAL_INT(bucket_reserve(&bucket, NANOS_MIN), NANOS_MIN);
    Bucket endless = bucket_make(0, 0);
    for (unsigned i = 0; i < 1000; i++)
        EQUAL_INT(bucket_reserve(&endless, 7), 7);
}

/* --- against a model: arrays, searched from end to end --- */

#define MODEL_KEYS 12

typedef struct {
    bool is_queued, is_working, is_dirty, is_delayed;
    Nanos due;
    uint64_t delayed_as, queued_as;
} ModelItem;

typedef struct {
    ModelItem items[MODEL_KEYS + 1];
    uint64_t orders;
} Model;

static void model_add(Model *model, uint32_t key)
{
    ModelItem *item = &model->items[key];
    if (item->is_working) {
        item->is_dirty |= !item->is_queued;
    } else if (!item->is_queued) {
        item->is_queued = true;
        item->queued_as = ++model->orders;
    }
}

static void model_after(Model *model, uint32_t key, Nanos due)
{
    ModelItem *item = &model->items[key];
    if (!item->is_delayed) {
        item->is_delayed = true;
        item->due = due;
        item->delayed_as = ++model->orders;
    } else {
        item->due = MIN(item->due, due);
    }
}

static void model_advance(Model *model, Nanos until)
{
    for (;;) {
        uint32_t first = 0;
        for (uint32_t key = 1; key <= MODEL_KEYS; key++) {
            const ModelItem *item = &model->items[key], *best = &model->items[first];
            if (!item->is_delayed || item->due > until) continue;
            if (first == 0 || item->due < best->due ||
                (item->due == best->due && item->delayed_as < best->delayed_as))
                first = key;
        }
        if (first == 0) return;
        model->items[first].is_delayed = false;
        model_add(model, first);
    }
}

static uint32_t model_pop(Model *model)
{
    uint32_t first = 0;
    for (uint32_t key = 1; key <= MODEL_KEYS; key++)
        if (model->items[key].is_queued &&
            (first == 0 || model->items[key].queued_as < model->items[first].queued_as))
            first = key;
    model->items[first].is_queued = false;
    model->items[first].is_working = first != 0;
    return first;
}

static void model_done(Model *model, uint32_t key)
{
    ModelItem *item = &model->items[key];
    item->is_working = false;
    if (item->is_dirty) model_add(model, key);
    item->is_dirty = false;
}

static void play(uint64_t seed)
{
    Rng rng = rng_stream(seed, "test", "queue");
    Bed bed;
    bed_make(&bed, (Backoff){0});
    Model model = {0};
    for (unsigned step = 0; step < 600; step++) {
        uint32_t key = 1 + (uint32_t)rng_below(&rng, MODEL_KEYS);
        Nanos delay = 1 + (Nanos)rng_below(&rng, 20);
        switch (rng_below(&rng, 5)) {
        case 0:
            queue_add(bed.queue, key_of(key));
            model_add(&model, key);
            break;
        case 1:
            queue_after(bed.queue, delay, key_of(key));
            model_after(&model, key, sim_now(bed.sim) + delay);
            break;
        case 2:
            sim_run(bed.sim, sim_now(bed.sim) + delay / 4, 0);
            model_advance(&model, sim_now(bed.sim));
            break;
        case 3: EQUAL_INT(pop(bed.queue), model_pop(&model)); break;
        default:
            if (!model.items[key].is_working) break;
            queue_done(bed.queue, key_of(key));
            model_done(&model, key);
            break;
        }
    }
    bed_free(&bed);
}

TEST(queue_as_its_model)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        unsigned before = CU_get_number_of_failures();
        play(seed);
        if (CU_get_number_of_failures() != before) printf("  seed %" PRIu64 "\n", seed);
    }
}
