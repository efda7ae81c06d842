/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hold.c - what the queue costs: N pending events, the earliest runs and schedules itself again
 * after an exponential delay, through sim.h with everything on (digest, sequence, cause).
 *
 * The reference is a bare 4-ary heap that replaces its root, with the same stream: a queue and
 * nothing else, no callbacks, no slots, no digest. In the lines with cancels every second hold also
 * moves a random other event: the kernel cancels and schedules, the reference keeps the index of
 * every event in its heap and moves the key. `ties` is 10^6 events at one instant.
 */
#include "sim/sim.h"
#include "tests/bench/bench.h"

#define MEAN_NS 1e9

typedef struct {
    size_t pending;
    uint64_t holds;
    bool cancels;
} Hold;

static uint64_t checksum_add(uint64_t checksum, Nanos at, uint64_t id)
{
    checksum = (checksum ^ (uint64_t)at ^ id << 40) * UINT64_C(0x9fb21c651e98df25);
    return checksum ^ checksum >> 29;
}

static Nanos delay_draw(Rng *rng)
{
    return (Nanos)(rng_exponential(rng) * MEAN_NS);
}

/* --- ours --- */

typedef struct {
    Rng rng;
    const Hold *hold;
    uint64_t held;
    uint64_t checksum;
    Timer *timers; /* with cancels: by event */
} World;

static void hold_run(Sim *sim, void *self, uint64_t id);

static const EventType hold_event = {"hold", RANK_TIMER, hold_run};

static void hold_run(Sim *sim, void *self, uint64_t id)
{
    World *world = self;
    world->checksum = checksum_add(world->checksum, sim_now(sim), id);
    Timer timer = sim_after(sim, delay_draw(&world->rng), &hold_event, self, id);
    world->held++;
    if (!world->timers) return;
    world->timers[id] = timer;
    if (world->held % 2 == 0) {
        uint64_t other = rng_below(&world->rng, world->hold->pending);
        sim_cancel(sim, world->timers[other]);
        world->timers[other] = sim_after(sim, delay_draw(&world->rng), &hold_event, self, other);
    }
}

static uint64_t hold_ours(const void *parameters, int64_t *begin_ns)
{
    const Hold *hold = parameters;
    g_autoptr(Sim) sim = sim_new(1);
    World world = {.rng = rng_stream(1, "hold", "delay"), .hold = hold};
    world.timers = hold->cancels ? g_new(Timer, hold->pending) : NULL;
    for (size_t id = 0; id < hold->pending; id++) {
        Timer timer = sim_after(sim, delay_draw(&world.rng), &hold_event, &world, id);
        if (world.timers) world.timers[id] = timer;
    }
    *begin_ns = bench_cpu_ns();
    sim_run(sim, NANOS_NEVER, hold->holds);
    g_free(world.timers);
    return world.checksum;
}

/* --- reference: keys are {time, 40 bits of sequence, 24 bits of event} --- */

static BenchKey key_of(Nanos at, uint64_t seq, uint64_t id)
{
    return bench_key(at, seq << 24 | id);
}

static uint64_t plain_reference(const void *parameters, int64_t *begin_ns)
{
    const Hold *hold = parameters;
    Rng rng = rng_stream(1, "hold", "delay");
    BenchHeap heap;
    bench_heap_init(&heap, hold->pending);
    uint64_t seq = 0, checksum = 0;
    for (size_t id = 0; id < hold->pending; id++)
        bench_heap_push(&heap, key_of(delay_draw(&rng), ++seq, id));
    *begin_ns = bench_cpu_ns();
    for (uint64_t held = 0; held < hold->holds; held++) {
        BenchKey key = bench_heap_min(&heap);
        uint64_t id = (uint64_t)key & 0xffffff;
        checksum = checksum_add(checksum, bench_key_at(key), id);
        bench_heap_sink(&heap, key_of(bench_key_at(key) + delay_draw(&rng), ++seq, id));
    }
    bench_heap_free(&heap);
    return checksum;
}

/* With cancels: a 4-ary heap that knows where every event is. */
typedef struct {
    BenchHeap heap;
    uint32_t *places; /* by event */
} Indexed;

static void indexed_put(Indexed *indexed, size_t at, BenchKey key)
{
    indexed->heap.keys[3 + at] = key;
    indexed->places[(uint64_t)key & 0xffffff] = (uint32_t)at;
}

static void indexed_rise(Indexed *indexed, size_t at, BenchKey key)
{
    const BenchKey *nodes = indexed->heap.keys + 3;
    for (size_t parent; at > 0 && nodes[parent = (at - 1) / 4] > key; at = parent)
        indexed_put(indexed, at, nodes[parent]);
    indexed_put(indexed, at, key);
}

static void indexed_sink(Indexed *indexed, size_t at, BenchKey key)
{
    const BenchKey *nodes = indexed->heap.keys + 3;
    size_t count = indexed->heap.count;
    for (size_t first; (first = 4 * at + 1) < count;) {
        size_t best = bench_heap_least(nodes, first, count);
        if (nodes[best] >= key) break;
        indexed_put(indexed, at, nodes[best]);
        at = best;
    }
    indexed_put(indexed, at, key);
}

static void indexed_move(Indexed *indexed, uint64_t id, BenchKey key)
{
    size_t at = indexed->places[id];
    if (at > 0 && indexed->heap.keys[3 + (at - 1) / 4] > key)
        indexed_rise(indexed, at, key);
    else
        indexed_sink(indexed, at, key);
}

static uint64_t cancel_reference(const void *parameters, int64_t *begin_ns)
{
    const Hold *hold = parameters;
    Rng rng = rng_stream(1, "hold", "delay");
    Indexed indexed;
    bench_heap_init(&indexed.heap, hold->pending);
    indexed.places = g_new(uint32_t, hold->pending);
    uint64_t seq = 0, checksum = 0;
    for (size_t id = 0; id < hold->pending; id++)
        indexed_rise(&indexed, indexed.heap.count++, key_of(delay_draw(&rng), ++seq, id));
    *begin_ns = bench_cpu_ns();
    for (uint64_t held = 1; held <= hold->holds; held++) {
        BenchKey key = bench_heap_min(&indexed.heap);
        uint64_t id = (uint64_t)key & 0xffffff;
        Nanos now = bench_key_at(key);
        checksum = checksum_add(checksum, now, id);
        indexed_sink(&indexed, 0, key_of(now + delay_draw(&rng), ++seq, id));
        if (held % 2 == 0) {
            uint64_t other = rng_below(&rng, hold->pending);
            indexed_move(&indexed, other, key_of(now + delay_draw(&rng), ++seq, other));
        }
    }
    g_free(indexed.places);
    bench_heap_free(&indexed.heap);
    return checksum;
}

/* --- ties --- */

static void tie_run(Sim *sim, void *self, uint64_t id)
{
    uint64_t *checksum = self;
    *checksum = checksum_add(*checksum, sim_now(sim), id);
}

static const EventType tie_event = {"tie", RANK_TIMER, tie_run};

static uint64_t ties_ours(const void *parameters, int64_t *begin_ns)
{
    (void)begin_ns;
    const Hold *hold = parameters;
    g_autoptr(Sim) sim = sim_new(1);
    uint64_t checksum = 0;
    for (size_t id = 0; id < hold->pending; id++)
        sim_at(sim, NANOS_S, &tie_event, &checksum, id);
    sim_run(sim, NANOS_NEVER, 0);
    return checksum;
}

static uint64_t ties_reference(const void *parameters, int64_t *begin_ns)
{
    (void)begin_ns;
    const Hold *hold = parameters;
    BenchHeap heap;
    bench_heap_init(&heap, hold->pending);
    uint64_t checksum = 0;
    for (size_t id = 0; id < hold->pending; id++)
        bench_heap_push(&heap, key_of(NANOS_S, id, id));
    for (; heap.count; bench_heap_pop(&heap)) {
        BenchKey key = bench_heap_min(&heap);
        checksum = checksum_add(checksum, bench_key_at(key), (uint64_t)key & 0xffffff);
    }
    bench_heap_free(&heap);
    return checksum;
}

static bool hold_bench(size_t pending, bool cancels, unsigned rounds)
{
    Hold hold = {pending, MAX(2 * pending, 2000000), cancels};
    char name[40];
    g_snprintf(name, sizeof name, "hold%s N=%zu", cancels ? "+cancel" : "", pending);
    return bench_run(&(Bench){name, hold_ours, cancels ? cancel_reference : plain_reference, &hold,
                              (double)hold.holds, rounds});
}

/* bench-hold [ROUNDS] */
int main(int argc, char **argv)
{
    unsigned rounds = bench_rounds(argc, argv, 5);
    bool ok = true;
    bench_head();
    for (int cancels = 0; cancels <= 1; cancels++)
        for (size_t pending = 100; pending <= 1000000; pending *= 100)
            ok &= hold_bench(pending, cancels, rounds);
    Hold ties = {1000000, 0, false};
    ok &= bench_run(&(Bench){"ties N=1000000", ties_ours, ties_reference, &ties, 1e6, rounds});
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
