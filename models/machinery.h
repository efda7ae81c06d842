/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machinery.h - the insides of Process and Actor, for the files that implement them: process.c,
 * actor.c, plan.c, plan_executor.c, informer.c, client.c, election.c and world.c. Nobody else
 * includes it.
 *
 * Everything an event points to lives as long as its World (processes, actors, streams), is found
 * by a generation (timers), or carries the process's incarnation (requests). So no event has to be
 * hunted down when a process dies: what is late finds that it is.
 */
#ifndef KENNEL_MODELS_MACHINERY_H
#define KENNEL_MODELS_MACHINERY_H

#include "models/client.h"
#include "models/informer.h"
#include "models/plan.h"
#include "models/queue.h"
#include "sim/arena.h"

typedef struct Election Election;
typedef struct Plan Plan;
typedef struct PlanPool PlanPool;

/* What stands around a rehearsed process in place of a world: it answers requests at once and hears
 * what the actors say. A plan is then performed within plan_perform(). */
typedef struct {
    void *self;
    Nanos now;
    bool is_terse; /* nobody reads reasons: none are made */
    void (*answer)(void *self, const Request *request, const char *why, Reply *reply);
    void (*event)(void *self, Key about, const char *type, const char *reason, const char *text);
    void (*word)(void *self, Key about, const char *text);
    /* A step, or the sync itself (request NULL), failed for good. */
    void (*failed)(void *self, const Request *request, const char *message);
    /* What a controller reports of its sync; the value is taken. */
    void (*report)(void *self, const char *topic, Value *value);
    void (*ended)(void *self, bool succeeded, Nanos requeue);
} Stage;

struct Process {
    World *world;
    Sim *sim;
    Atom name;
    Role role;
    Machine *machine;
    unsigned index; /* in the world's list */
    uint32_t incarnation;
    bool is_up, is_paused, is_leading;
    bool is_rehearsal;  /* driven by hand: nothing is scheduled */
    const Stage *stage; /* NULL: the world */
    bool is_cut_to, is_cut_from;
    ObjectTable *cache;
    Informer *informer;
    Election *election; /* NULL: takes no part */
    Actor *actors;
    unsigned actor_count;
    GArray *deferred; /* events that came due while paused */
};

/* A timer of an actor; free slots are chained by `tag`. */
typedef struct {
    uint32_t generation;
    bool is_set;
    uint64_t tag;
    Timer timer;
} TimerSlot;

struct Actor {
    const Component *component;
    Process *process;
    Atom name;
    void *state;
    bool is_running, is_synced;
    bool has_seen_cache; /* rehearsals: the cache was replayed */
    unsigned busy;       /* workers */
    Timer work;
    Queue *queue;
    Client client;
    Rng cpu;
    Plan *filling;  /* the plan that plan_*() calls go to */
    Plan *plans;    /* at work, newest first */
    GArray *timers; /* of TimerSlot */
    uint32_t free_timer;
    GHashTable *notes; /* what was said about a key; looked up, never walked */
    Pool *note_pool;
    GString *rehearsal; /* what a rehearsed sync says, or NULL */
};

/* --- process.c --- */

/* Whether the process is paused; the event is then kept and runs when it is resumed. */
bool process_defer(Process *process, const EventType *type, void *self, uint64_t arg);

/* The process leads from now on: its actors start. */
void process_lead(Process *process);

/* The process exits by itself and is restarted by its supervisor. */
void process_exit(Process *process, const char *why);

/* Whether both directions of the link work. */
static inline bool process_is_linked(const Process *process)
{
    return !process->is_cut_to && !process->is_cut_from;
}

/* --- actor.c --- */

void actor_init(Actor *actor, Process *process, const Component *component);
void actor_clear(Actor *actor);
/* Makes state and calls start(). */
void actor_start(Actor *actor);
/* Frees state, queue, timers, plans. */
void actor_stop(Actor *actor);
/* Its process got the first list of a kind. */
void actor_listed(Actor *actor);
/* A worker is free again; the key's plan has ended. */
void actor_finish(Actor *actor, Key key, bool succeeded, Nanos after);
/* The subject of facts about a key. */
Atom actor_ref(const Actor *actor, Key key);
/* Writes a DECISION row if the text differs from the last about this key. */
void actor_decide(Actor *actor, Key about, const char *text);
/* Whether starting a sync is possible, and if so makes it happen. */
void actor_pump(Actor *actor);

/* --- plan.c and plan_executor.c --- */

/* Calls sync() for a key, into a plan of its own. */
Plan *plan_fill(Actor *actor, Key key);
/* Performs a plan; `delay` is the time that the sync took. */
void plan_perform(Plan *plan, Nanos delay);
/* Ends all plans of an actor without performing them further; the process has died. */
void plan_abandon_all(Actor *actor);

/* Plans that are not in use, of all actors of a world. */
PlanPool *plan_pool_new(void);
void plan_pool_free(PlanPool *pool);

/* --- world.c --- */

void world_adopt(World *world, Process *process);
void world_disown(World *world, Process *process);
Hub *world_hub(const World *world);
Calls *world_calls(const World *world);
PlanPool *world_plans(const World *world);

#endif
