/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim.h - the discrete-event kernel: one clock, one queue, one order.
 *
 * An event is (time, type, self, arg). Events run in the order (time, rank, sequence): the rank is
 * a property of the event's type and orders what falls into one instant - faults strike first,
 * then the wire delivers, timers fire, work is done, samples are taken; sequence numbers are given
 * at scheduling time, so equal (time, rank) run first-in first-out. An event may schedule another
 * at the same instant with any rank; the one of lowest rank still pending at that instant is next.
 * Nothing can be scheduled before now.
 *
 * Every event has a cause: the sequence number of the event during which it was scheduled (0 for
 * what was scheduled from outside). sim_seq() and sim_cause() let recorders write both down.
 *
 * A Timer is a handle with a generation: cancelling an event that has run, or was cancelled, is a
 * no-op that returns false, so handles may outlive their events. TIMER_NONE never matches.
 *
 * The digest folds every event that runs (time, rank, sequence) and everything the model folds in
 * with sim_fold(); two runs with equal digests did the same things in the same order. Addresses,
 * `self` and `arg` are not folded.
 *
 * Scheduling and running are O(log(time span)) amortised (a monotone radix heap); cancelling is
 * O(1). A Sim belongs to one thread; any number may exist.
 */
#ifndef KENNEL_SIM_SIM_H
#define KENNEL_SIM_SIM_H

#include "sim/base.h"
#include "sim/rng.h"

typedef struct Sim Sim;

/* What goes first within one instant. */
typedef enum { RANK_FAULT, RANK_WIRE, RANK_TIMER, RANK_WORK, RANK_SAMPLE, RANK_COUNT } Rank;

/* A kind of event; static const, one a purpose. */
typedef struct {
    const char *name;
    Rank rank;
    void (*run)(Sim *sim, void *self, uint64_t arg);
} EventType;

typedef struct {
    uint32_t slot;
    uint32_t generation;
} Timer;

#define TIMER_NONE ((Timer){0, 0})

/* Why sim_run() returned. */
typedef enum {
    SIM_EMPTY,   /* no event is pending */
    SIM_TIME,    /* the time limit was reached; now == limit */
    SIM_BUDGET,  /* the event budget is spent */
    SIM_STOPPED, /* sim_stop() was called */
} SimEnd;

Sim *sim_new(uint64_t seed);
void sim_free(Sim *sim);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sim, sim_free)

/* Schedules an event at an absolute time not before now. */
Timer sim_at(Sim *sim, Nanos at, const EventType *type, void *self, uint64_t arg);

/* Schedules an event after a delay of at least 0. */
Timer sim_after(Sim *sim, Nanos delay, const EventType *type, void *self, uint64_t arg);

/* Cancels a pending event; false if it is not pending (any more). */
bool sim_cancel(Sim *sim, Timer timer);

/* Whether the event is still to run. */
bool sim_is_pending(const Sim *sim, Timer timer);

/* When a pending event is due; NANOS_NEVER if it is not pending. */
Nanos sim_due(const Sim *sim, Timer timer);

/* Runs events until none is left at or before `until`, `budget` events have run (0: no limit), or
 * sim_stop(); on SIM_TIME the clock stands at `until`. */
SimEnd sim_run(Sim *sim, Nanos until, uint64_t budget);

/* Runs the next event; false if there is none. */
bool sim_step(Sim *sim);

/* Makes sim_run() return after the current event; may be called from a signal handler. */
void sim_stop(Sim *sim);

/* The clock. */
Nanos sim_now(const Sim *sim);

/* When the next event is due; NANOS_NEVER if none is pending. Does not move the clock. */
Nanos sim_next(Sim *sim);

/* The sequence number of the event that runs now; 0 outside of any. */
uint64_t sim_seq(const Sim *sim);

/* The sequence number of the event that scheduled the one that runs now. */
uint64_t sim_cause(const Sim *sim);

/* The type of the event that runs now, NULL outside. */
const EventType *sim_current(const Sim *sim);

/* The seed given to sim_new(). */
uint64_t sim_seed(const Sim *sim);

/* The random stream of this run named (owner, purpose): see rng.h. */
Rng sim_stream(const Sim *sim, const char *owner, const char *purpose);

/* Folds a word into the digest. */
void sim_fold(Sim *sim, uint64_t word);

/* The digest so far. */
uint64_t sim_digest(const Sim *sim);

/* Events that have run. */
uint64_t sim_events(const Sim *sim);

/* Events pending. */
size_t sim_pending(const Sim *sim);

#endif
