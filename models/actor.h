/* SPDX-License-Identifier: Apache-2.0 */
/*
 * actor.h - the shape of every component, and the four doors through which it meets the world.
 *
 * A Component is a constant description: what it watches, how a change becomes a key, and sync(),
 * which reconciles a key. An Actor is one running instance of it inside a Process. It touches the
 * world through four doors only:
 *
 *   its cache   what it believes: actor_get(), actor_list(), actor_lookup()
 *   its plan    what it wants written: plan.h, filled during sync()
 *   its timers  actor_after() (work queue), actor_timer() (dies with the process)
 *   its rows    what it notices: actor_note(), actor_because()
 *
 * It never sees the store, another actor's state, or the truth. (The kubelet also has hands: the
 * machine's runtime and volumes, see node/.)
 *
 * Watches: when the process's cache changes, `on` of each rule of that kind runs, after the cache
 * has the new version; it maps the change to keys by actor_enqueue(). The initial list arrives as
 * additions (old == NULL). A rule with scope OWN_NODE sees only objects filed under the process's
 * machine in the given index.
 *
 * The queue has client-go's semantics: a key waits at most once, is worked on by one worker at a
 * time, and again if it was added meanwhile; actor_after() keeps the earlier of two due times; a
 * failed plan requeues with the item's exponential back-off and the queue's overall token bucket;
 * success forgets the back-off. `workers` keys are worked on at a time, a worker being busy from
 * the start of sync() to the end of the plan it filled.
 */
#ifndef KENNEL_MODELS_ACTOR_H
#define KENNEL_MODELS_ACTOR_H

#include "models/kind/views.h"
#include "models/process.h"

typedef enum { SCOPE_ALL, SCOPE_OWN_NODE } WatchScope;

typedef struct {
    Kind kind; /* KIND_NONE ends the list */
    /* old NULL: added; now NULL: deleted (old is the last state known). NULL: cached, no handler. */
    void (*on)(Actor *actor, const Object *old, const Object *now);
    WatchScope scope;
    IndexId index; /* SCOPE_OWN_NODE: the index that files objects by node name */
} WatchRule;

/* Item back-off of the work queue; zeros mean client-go's 5 ms, 1000 s, no limit. */
typedef struct {
    Nanos base, cap;
    unsigned retries; /* give up after so many; 0: never */
} Backoff;

struct Component {
    const char *name; /* "statefulset-controller" */
    const char *help;
    size_t state_size;        /* zeroed memory, made before start(), freed after stop() */
    const WatchRule *watches; /* may be NULL */
    unsigned workers;         /* 0: 1 */
    Backoff backoff;
    bool unthrottled;                          /* no client-side rate limit (kubelet heartbeats) */
    Nanos timeout;                             /* of a request; 0: 60 s */
    void (*start)(Actor *actor);               /* may be NULL; caches are empty or filling */
    void (*stop)(Actor *actor);                /* frees what state holds; may be NULL */
    void (*sync)(Actor *actor, Key key);       /* fills the plan; may be NULL */
    void (*timer)(Actor *actor, uint64_t tag); /* actor_timer() fired; may be NULL */
};

#define COMPONENT(symbol, role) extern const Component symbol##_component;
#include "models/catalog.def"

extern const Component *const component_list[]; /* by catalog.def, NULL-terminated */

/* --- who and where --- */

void *actor_state(const Actor *actor);
World *actor_world(const Actor *actor);
Process *actor_process(const Actor *actor);
Machine *actor_machine(const Actor *actor); /* NULL on the control plane */
const Component *actor_component(const Actor *actor);
Atom actor_name(const Actor *actor); /* "statefulset-controller@kube-controller-manager-1" */
Nanos actor_now(const Actor *actor);
const ClusterConfig *actor_config(const Actor *actor);
/* The atom of a text, for short. */
Atom actor_atom(const Actor *actor, const char *text);
const char *actor_text(const Actor *actor, Atom atom);

/* --- the cache --- */

const Object *actor_get(const Actor *actor, Key key);
ObjectList actor_list(const Actor *actor, Kind kind);
ObjectList actor_lookup(const Actor *actor, IndexId index, uint64_t key);
/* Whether the first list of every kind the component watches has arrived. */
bool actor_is_synced(const Actor *actor);

/* --- the queue and the timers --- */

void actor_enqueue(Actor *actor, Key key);
/* AddAfter: enqueues later; of two due times of a key that is not queued yet the earlier wins. */
void actor_after(Actor *actor, Nanos delay, Key key);
/* Queues with the item's back-off, as a failed sync does. */
void actor_retry(Actor *actor, Key key);
/* Calls timer(tag) later, unless cancelled or the process dies. */
Timer actor_timer(Actor *actor, Nanos delay, uint64_t tag);
void actor_cancel(Actor *actor, Timer timer);

/* --- chance --- */

/* One draw of a distribution from the stream (actor name, purpose): each (actor, purpose) has its
 * own stream. */
Nanos actor_draw(Actor *actor, const Dist *dist, const char *purpose);
/* Uniform in [0, 1) from the stream (actor name, purpose). */
double actor_unit(Actor *actor, const char *purpose);
/* One draw that depends on (seed, about, purpose, n-th use) but not on the actor: the same object
 * meets the same luck whoever asks. */
Nanos world_draw(World *world, const Dist *dist, Atom about, const char *purpose);
/* The stream behind it, for other kinds of draws; valid until the next call. */
Rng *world_stream(World *world, Atom about, const char *purpose);

/* --- rows --- */

/* Records a fact in this actor's name. */
void actor_note(Actor *actor, Row row, Fact fact);
/* The reason why a key stands where it stands; written as a DECISION row when it changes. */
void actor_because(Actor *actor, Key about, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* A Kubernetes event about an object (row EVENT), through the recorder's limits: bursts of 25 per
 * object, then one in 300 s. */
void actor_event(Actor *actor, Key about, const char *type, const char *reason, const char *format,
                 ...) G_GNUC_PRINTF(5, 6);
/* actor_event() with a finished text. */
void actor_emit(Actor *actor, Key about, const char *type, const char *reason, const char *text);

/* Whether anybody reads reasons; if not, a costly sentence need not be made. */
bool actor_explains(const Actor *actor);

/* --- rehearsals --- */

/* Whether somebody wants to know how a sync went; then actor_report() tells, by topic. */
bool actor_is_rehearsed(const Actor *actor);
/* The value is taken. */
void actor_report(Actor *actor, const char *topic, Value *value);

#endif
