/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm1.c - dispatch cost: one queue, one server, 10^6 customers, arrivals at 0.9 and service at 1 a
 * second. Two events are pending at most, so the queue's structure does not matter.
 *
 * The reference is a bare loop over a 4-ary heap with xoshiro256++ (D. Blackman, S. Vigna) and
 * -log(u) of the C library: other numbers, so sojourn times agree only in distribution. `same
 * stream` is the same loop with our stream, and must give the same sojourn to the last bit.
 */
#include "sim/sim.h"
#include "tests/bench/bench.h"

#include <math.h>

#define CUSTOMERS   1000000u
#define ARRIVAL_NS  (1e9 / 0.9)
#define SERVICE_NS  1e9
#define WAITING_MAX (1u << 20) /* customers waiting, far beyond what occurs */

enum { ARRIVE = 1, DEPART = 2 };

/* First-in first-out line of arrival times; the customer in service stands first. */
typedef struct {
    Nanos *arrived;
    uint32_t first, end;
} Line;

/* Allocated once: clearing or mapping it is no part of a round. */
static Nanos waiting[WAITING_MAX];

static Line line_new(void)
{
    return (Line){waiting, 0, 0};
}

static void line_join(Line *line, Nanos now)
{
    line->arrived[line->end++ % WAITING_MAX] = now;
}

static Nanos line_leave(Line *line)
{
    return line->arrived[line->first++ % WAITING_MAX];
}

static uint32_t line_length(const Line *line)
{
    return line->end - line->first;
}

/* --- ours --- */

typedef struct {
    Rng rng;
    Line line;
    uint32_t arrivals;
    uint64_t sojourn;
} World;

static void depart_run(Sim *sim, void *self, uint64_t arg);
static void arrive_run(Sim *sim, void *self, uint64_t arg);

static const EventType depart_event = {"depart", RANK_TIMER, depart_run};
static const EventType arrive_event = {"arrive", RANK_TIMER, arrive_run};

static Nanos draw(Rng *rng, double mean_ns)
{
    return (Nanos)(rng_exponential(rng) * mean_ns);
}

static void depart_run(Sim *sim, void *self, uint64_t arg)
{
    (void)arg;
    World *world = self;
    world->sojourn += (uint64_t)(sim_now(sim) - line_leave(&world->line));
    if (line_length(&world->line) > 0)
        sim_after(sim, draw(&world->rng, SERVICE_NS), &depart_event, world, 0);
}

static void arrive_run(Sim *sim, void *self, uint64_t arg)
{
    (void)arg;
    World *world = self;
    line_join(&world->line, sim_now(sim));
    if (line_length(&world->line) == 1)
        sim_after(sim, draw(&world->rng, SERVICE_NS), &depart_event, world, 0);
    if (++world->arrivals < CUSTOMERS)
        sim_after(sim, draw(&world->rng, ARRIVAL_NS), &arrive_event, world, 0);
}

static uint64_t mm1_ours(const void *parameters, int64_t *begin_ns)
{
    (void)parameters, (void)begin_ns;
    g_autoptr(Sim) sim = sim_new(1);
    World world = {.rng = sim_stream(sim, "mm1", "all"), .line = line_new()};
    sim_after(sim, draw(&world.rng, ARRIVAL_NS), &arrive_event, &world, 0);
    sim_run(sim, NANOS_NEVER, 0);
    return world.sojourn;
}

/* --- reference --- */

typedef struct {
    uint64_t words[4];
} Xoshiro;

static inline uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static inline uint64_t xoshiro_next(Xoshiro *state)
{
    uint64_t *s = state->words;
    uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* A source of exponentials with mean 1. */
typedef struct {
    bool is_ours;
    Rng rng;
    Xoshiro xoshiro;
} Source;

static inline double source_draw(Source *source)
{
    if (source->is_ours) return rng_exponential(&source->rng);
    return -log(((double)(xoshiro_next(&source->xoshiro) >> 11) + 1) * 0x1p-53);
}

static inline uint64_t bare_loop(Source *source)
{
    BenchHeap heap;
    Line line = line_new();
    uint64_t seq = 0, sojourn = 0;
    uint32_t arrivals = 0;
    bench_heap_init(&heap, 8);
    bench_heap_push(&heap,
                    bench_key((Nanos)(source_draw(source) * ARRIVAL_NS), ++seq << 2 | ARRIVE));
    while (heap.count > 0) {
        BenchKey key = bench_heap_min(&heap);
        Nanos now = bench_key_at(key);
        bench_heap_pop(&heap);
        bool starts = false;
        if (((uint64_t)key & 3) == ARRIVE) {
            line_join(&line, now);
            starts = line_length(&line) == 1;
        } else {
            sojourn += (uint64_t)(now - line_leave(&line));
            starts = line_length(&line) > 0;
        }
        if (starts)
            bench_heap_push(&heap, bench_key(now + (Nanos)(source_draw(source) * SERVICE_NS),
                                             ++seq << 2 | DEPART));
        if (((uint64_t)key & 3) == ARRIVE && ++arrivals < CUSTOMERS)
            bench_heap_push(&heap, bench_key(now + (Nanos)(source_draw(source) * ARRIVAL_NS),
                                             ++seq << 2 | ARRIVE));
    }
    bench_heap_free(&heap);
    return sojourn;
}

static uint64_t mm1_same_stream(const void *parameters, int64_t *begin_ns)
{
    (void)parameters, (void)begin_ns;
    Source source = {.is_ours = true, .rng = rng_stream(1, "mm1", "all")};
    return bare_loop(&source);
}

/* The checksum is only that of a plausible mean: 10 s a customer, in a wide band. */
static uint64_t mm1_xoshiro(const void *parameters, int64_t *begin_ns)
{
    (void)begin_ns;
    const uint64_t *ours = parameters;
    Source source = {.xoshiro = {{1, 2, 3, 4}}};
    double mean = (double)bare_loop(&source) / CUSTOMERS / 1e9;
    return mean > 8 && mean < 12 ? *ours : 0;
}

/* bench-mm1 [ROUNDS]; a unit is an event. */
int main(int argc, char **argv)
{
    unsigned rounds = bench_rounds(argc, argv, 15);
    int64_t begin_ns;
    uint64_t sojourn = mm1_ours(NULL, &begin_ns);
    double events = 2.0 * CUSTOMERS;
    bench_head();
    bool ok = bench_run(
        &(Bench){"mm1, reference xoshiro -log u", mm1_ours, mm1_xoshiro, &sojourn, events, rounds});
    ok &= bench_run(
        &(Bench){"mm1, reference same stream", mm1_ours, mm1_same_stream, NULL, events, rounds});
    printf("mean sojourn %.6f s, %u customers\n", (double)sojourn / CUSTOMERS / 1e9, CUSTOMERS);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
