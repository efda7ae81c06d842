/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.c - the kernel: slots that hold events, the loop that runs them, the digest.
 *
 * An event lives in a slot; the queue (heap.h) holds a 16-byte entry that names slot and
 * generation. Running or cancelling an event raises its slot's generation and frees the slot at
 * once, so handles and queue entries that still name the old generation match nothing. A slot whose
 * generations are used up is retired, so no number ever comes back. A slot is one cache line.
 *
 * `heap.last` never exceeds the clock between events, so anything from now on may be scheduled:
 * the queue is advanced only when an event is certain to run, or up to the limit at which the clock
 * will stand.
 */
#include "sim/sim.h"

#include "sim/heap.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Cancelled entries are swept out when they outnumber the living by this much. */
#define SWEEP_MARGIN 1024

/* Slots are visited in the order of time, which is none in memory: with a million pending, pages of
 * 4 KiB would cost a walk of the page table an event. */
#define HUGE_PAGE ((size_t)1 << 21)

typedef struct {
    const EventType *type;
    void *self;
    uint64_t arg;
    uint64_t seq;
    uint64_t cause;
    Nanos at;
    uint32_t generation; /* of the event inside, or of the next one if free */
    uint32_t next_free;
    uint64_t unused;
} Slot;

G_STATIC_ASSERT(sizeof(Slot) == HEAP_SLOT_SIZE);
G_STATIC_ASSERT(RANK_COUNT <= HEAP_RANK_MASK + 1);

struct Sim {
    Heap heap;
    Slot *slots;         /* number 0 is never used */
    uint32_t slot_count; /* slots made so far */
    uint32_t slot_capacity;
    uint32_t free_slot; /* first of the free ones, 0: none */
    bool is_running;
    volatile sig_atomic_t stop;
    size_t pending;
    Nanos now;
    uint64_t last_seq; /* last number given to an event */
    uint64_t seq, cause;
    const EventType *current;
    uint64_t events;
    uint64_t digest;
    uint64_t seed;
};

Sim *sim_new(uint64_t seed)
{
    Sim *sim = g_new0(Sim, 1);
    heap_init(&sim->heap);
    sim->seed = seed;
    sim->slot_count = 1;
    return sim;
}

void sim_free(Sim *sim)
{
    if (!sim) return;
    CHECK(!sim->is_running);
    heap_clear(&sim->heap);
    free(sim->slots);
    g_free(sim);
}

/* Moves the slots to an array twice as large, aligned to cache lines. */
static void slots_grow(Sim *sim)
{
    CHECK(sim->slot_capacity <= UINT32_MAX / 2);
    uint32_t capacity = MAX(sim->slot_capacity * 2, 64);
    size_t size = sizeof(Slot) * (size_t)capacity;
    Slot *slots = aligned_alloc(size < HUGE_PAGE ? sizeof(Slot) : HUGE_PAGE, size);
    CHECK_THAT(slots, "out of memory for %" PRIu32 " events", capacity);
    if (size >= HUGE_PAGE) madvise(slots, size, MADV_HUGEPAGE);
    if (sim->slots)
        memcpy(slots, sim->slots, sizeof(Slot) * (size_t)sim->slot_count);
    else
        memset(slots, 0, sizeof(Slot));
    free(sim->slots);
    sim->slots = slots;
    sim->heap.slots = (const char *)slots;
    sim->slot_capacity = capacity;
}

static inline uint32_t slot_take(Sim *sim)
{
    uint32_t number = sim->free_slot;
    if (G_LIKELY(number)) {
        sim->free_slot = sim->slots[number].next_free;
        return number;
    }
    if (sim->slot_count >= sim->slot_capacity) slots_grow(sim);
    number = sim->slot_count++;
    sim->slots[number].generation = 1;
    return number;
}

static inline void slot_give(Sim *sim, uint32_t number)
{
    Slot *slot = &sim->slots[number];
    slot->type = NULL;
    if (G_UNLIKELY(slot->generation++ == HEAP_GENERATION_MAX)) return;
    slot->next_free = sim->free_slot;
    sim->free_slot = number;
}

static bool entry_is_alive(const void *owner, HeapEntry entry)
{
    const Sim *sim = owner;
    return sim->slots[entry.slot].generation == entry.tag >> HEAP_RANK_BITS;
}

Timer sim_at(Sim *sim, Nanos at, const EventType *type, void *self, uint64_t arg)
{
    CHECK_THAT(at >= sim->now && at < NANOS_NEVER,
               "event '%s' at %" PRId64 " ns, now is %" PRId64 " ns", type->name, at, sim->now);
    uint32_t number = slot_take(sim);
    Slot *slot = &sim->slots[number];
    slot->type = type;
    slot->self = self;
    slot->arg = arg;
    slot->seq = ++sim->last_seq;
    slot->cause = sim->seq;
    slot->at = at;
    heap_push(&sim->heap, (HeapEntry){at, number, heap_tag(slot->generation, type->rank)});
    sim->pending++;
    return (Timer){number, slot->generation};
}

Timer sim_after(Sim *sim, Nanos delay, const EventType *type, void *self, uint64_t arg)
{
    CHECK_THAT(delay >= 0, "event '%s' after %" PRId64 " ns", type->name, delay);
    Nanos room = NANOS_NEVER - 1 - sim->now;
    return sim_at(sim, sim->now + MIN(delay, room), type, self, arg);
}

bool sim_is_pending(const Sim *sim, Timer timer)
{
    return timer.slot < sim->slot_count && timer.slot > 0 &&
           sim->slots[timer.slot].generation == timer.generation && sim->slots[timer.slot].type;
}

Nanos sim_due(const Sim *sim, Timer timer)
{
    return sim_is_pending(sim, timer) ? sim->slots[timer.slot].at : NANOS_NEVER;
}

bool sim_cancel(Sim *sim, Timer timer)
{
    if (!sim_is_pending(sim, timer)) return false;
    slot_give(sim, timer.slot);
    sim->pending--;
    if (sim->heap.size > 2 * sim->pending + SWEEP_MARGIN)
        heap_filter(&sim->heap, entry_is_alive, sim);
    return true;
}

/* One step of the digest: a bijection of the digest for every word, and of the word. */
static uint64_t fold(uint64_t digest, uint64_t word)
{
    digest = (digest ^ word) * UINT64_C(0x9fb21c651e98df25);
    return digest ^ (digest >> 32);
}

/* Takes the next live entry at or before `until`; needs one pending event at any time. */
static inline bool next_entry(Sim *sim, Nanos until, HeapEntry *ret_entry)
{
    do {
        if (!heap_pop(&sim->heap, until, ret_entry)) return false;
    } while (!entry_is_alive(sim, *ret_entry));
    return true;
}

/* The slot is free while its event runs, so an event that schedules itself again gets it back. */
static inline void run_entry(Sim *sim, HeapEntry entry)
{
    const Slot *slot = &sim->slots[entry.slot];
    const EventType *type = slot->type;
    void *self = slot->self;
    uint64_t arg = slot->arg;
    sim->now = entry.at;
    sim->seq = slot->seq;
    sim->cause = slot->cause;
    sim->current = type;
    slot_give(sim, entry.slot);
    sim->pending--;
    sim->events++;
    uint64_t word = sim->seq << HEAP_RANK_BITS | (entry.tag & HEAP_RANK_MASK);
    sim->digest = fold(fold(sim->digest, (uint64_t)entry.at), word);
    type->run(sim, self, arg);
}

static void describe_run(const void *subject, FILE *out)
{
    const Sim *sim = subject;
    char text[NANOS_TEXT_MAX];
    fprintf(out, "at %s (%" PRId64 " ns), seed %" PRIu64 ", %" PRIu64 " events run",
            nanos_format(sim->now, text), sim->now, sim->seed, sim->events);
    if (sim->current)
        fprintf(out, ", in event %" PRIu64 " '%s' caused by event %" PRIu64, sim->seq,
                sim->current->name, sim->cause);
}

static void run_begin(Sim *sim, CheckScope *scope)
{
    CHECK_THAT(!sim->is_running, "an event may not run the simulation it is part of");
    *scope = (CheckScope){describe_run, sim, NULL};
    check_scope_enter(scope);
    sim->is_running = true;
}

static void run_end(Sim *sim, CheckScope *scope)
{
    sim->is_running = false;
    sim->seq = 0;
    sim->cause = 0;
    sim->current = NULL;
    check_scope_leave(scope);
}

/* With the budget spent: whether that cut the run short. The queue must not be advanced here. */
static SimEnd end_of_budget(Sim *sim, Nanos until)
{
    Nanos next = sim_next(sim);
    if (next == NANOS_NEVER) return SIM_EMPTY;
    return next > until ? SIM_TIME : SIM_BUDGET;
}

static SimEnd run_until(Sim *sim, Nanos until, uint64_t budget)
{
    uint64_t events_end = budget ? sim->events + budget : UINT64_MAX;
    HeapEntry entry;
    for (;;) {
        if (sim->stop) return SIM_STOPPED;
        if (sim->pending == 0) return SIM_EMPTY;
        if (sim->events == events_end) return end_of_budget(sim, until);
        if (!next_entry(sim, until, &entry)) return SIM_TIME;
        run_entry(sim, entry);
    }
}

SimEnd sim_run(Sim *sim, Nanos until, uint64_t budget)
{
    CheckScope scope;
    run_begin(sim, &scope);
    CHECK_THAT(until >= sim->now, "until %" PRId64 " ns, now is %" PRId64 " ns", until, sim->now);
    SimEnd end = run_until(sim, until, budget);
    if (end == SIM_TIME) sim->now = until;
    if (end == SIM_STOPPED) sim->stop = 0;
    run_end(sim, &scope);
    return end;
}

bool sim_step(Sim *sim)
{
    HeapEntry entry;
    CheckScope scope;
    if (sim->pending == 0) return false;
    run_begin(sim, &scope);
    bool found = next_entry(sim, NANOS_NEVER, &entry);
    CHECK(found);
    run_entry(sim, entry);
    run_end(sim, &scope);
    return true;
}

void sim_stop(Sim *sim)
{
    sim->stop = 1;
}

Nanos sim_now(const Sim *sim)
{
    return sim->now;
}

Nanos sim_next(Sim *sim)
{
    return sim->pending ? heap_peek(&sim->heap, entry_is_alive, sim) : NANOS_NEVER;
}

uint64_t sim_seq(const Sim *sim)
{
    return sim->seq;
}

uint64_t sim_cause(const Sim *sim)
{
    return sim->cause;
}

const EventType *sim_current(const Sim *sim)
{
    return sim->current;
}

uint64_t sim_seed(const Sim *sim)
{
    return sim->seed;
}

Rng sim_stream(const Sim *sim, const char *owner, const char *purpose)
{
    return rng_stream(sim->seed, owner, purpose);
}

void sim_fold(Sim *sim, uint64_t word)
{
    /* An event's own words never look like this one, so the two kinds cannot be confused. */
    sim->digest = fold(sim->digest, mix64(~word));
}

uint64_t sim_digest(const Sim *sim)
{
    return mix64(sim->digest);
}

uint64_t sim_events(const Sim *sim)
{
    return sim->events;
}

size_t sim_pending(const Sim *sim)
{
    return sim->pending;
}
