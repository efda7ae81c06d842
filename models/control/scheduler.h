/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler.h - what the parts of the scheduler share.
 *
 * Internal. scheduler.c keeps the cache of nodes, the queue and the binding; scheduler_filter.c
 * knows the terms of a pod and which nodes can take it; scheduler_score.c prefers one of those.
 *
 * The scheduler's own cache holds sums, not lists: what is requested on a node is kept up to date
 * by the pod handler, so a node costs the same to examine however many pods it runs. A pod that has
 * been given a node is assumed to be there until the watch shows it (or the binding fails).
 */
#ifndef KENNEL_MODELS_CONTROL_SCHEDULER_H
#define KENNEL_MODELS_CONTROL_SCHEDULER_H

#include "models/plan.h"
#include "sim/arena.h"

/* What may make an unschedulable pod schedulable: events, and what a refusal waits for. */
typedef enum {
    WAKE_NODE = 1 << 0,     /* a node came, or its labels, taints or capacity changed */
    WAKE_POD_GONE = 1 << 1, /* an assigned pod was deleted or ended */
    WAKE_POD_CAME = 1 << 2, /* a pod was assigned, or its labels changed */
    WAKE_CLAIM = 1 << 3,
    WAKE_VOLUME = 1 << 4,
    WAKE_CLASS = 1 << 5,
} Wake;

typedef struct {
    Atom name;
    const Object *node; /* borrowed from the cache; NULL: pods name a node that is not known */
    int64_t cpu_milli, memory_bytes, pods; /* requested by the pods there, assumed ones too */
    int64_t scored_cpu, scored_memory;     /* the same with upstream's defaults for scoring */
    unsigned index;                        /* in Scheduler.nodes */
} NodeRecord;

/* --- terms, compiled for one cycle or, of guards, for as long as the pod is there --- */

typedef enum { NODE_IN, NODE_NOT_IN, NODE_EXISTS, NODE_DOES_NOT_EXIST, NODE_GT, NODE_LT } NodeOp;

typedef struct {
    Atom key;
    bool is_field; /* matchFields: metadata.name */
    NodeOp op;
    unsigned value_count;
    const Atom *values;
    int64_t number;
} NodeRequirement;

typedef struct {
    unsigned count;
    const NodeRequirement *requirements;
    int64_t weight;
} NodeTerm;

typedef struct {
    unsigned count;
    const NodeTerm *terms;
} NodeTerms;

typedef struct {
    Selector *selector;
    Atom topology;
    unsigned space_count;
    const Atom *spaces;
    int64_t weight;
} PodTerm;

typedef struct {
    unsigned count;
    PodTerm *terms;
} PodTerms;

typedef struct {
    Selector *selector;
    Atom topology;
    int64_t max_skew, least;
    bool is_required, counts_self;
} SpreadConstraint;

/* --- the scheduler --- */

typedef enum {
    PLACE_NOWHERE,
    PLACE_ACTIVE,
    PLACE_BACKOFF,
    PLACE_POOL,
    PLACE_CHOSEN,
    PLACE_ASSUMED
} Place;

typedef struct {
    Atom volume, claim;
} VolumePair;

/* A pod that waits for a node, or has one that the watch does not show yet. */
typedef struct {
    Key key;
    Atom uid;
    Place place;
    GSequenceIter *spot; /* in the queue of its place */
    uint64_t number;     /* order of arrival, the last resort of every order */
    int64_t priority;
    Nanos queued_at, failed_at, backoff_until;
    unsigned attempts;
    bool is_error;  /* backs off because of an error, not because it did not fit */
    unsigned wakes; /* of Wake: what the last refusal waits for */
    /* PLACE_ASSUMED */
    Atom node;
    const Object *pod; /* as it was assumed; held */
    Nanos reserved_at;
    bool is_binding;
    GArray *volumes; /* of VolumePair: static volumes reserved for its claims, or NULL */
} PendingPod;

typedef struct {
    Actor *actor;
    GHashTable *node_by_name; /* Atom to NodeRecord */
    GPtrArray *nodes;         /* records that have a Node */
    unsigned next_start;      /* where the next search begins */
    GHashTable *pending;      /* Key to PendingPod */
    GSequence *active, *backoff, *pool;
    uint64_t arrivals;
    GHashTable *guards;      /* Key to Guard: assigned pods with required anti-affinity */
    GHashTable *guard_index; /* namespace and label pair to GPtrArray of Guard */
    GArray *free_volumes;    /* of Atom: names of volumes that may be bound statically */
    GHashTable *reserved_volumes;
    bool is_cycling, is_flushing, is_sweeping;
    Key chosen;   /* whose cycle runs, if is_cycling */
    Arena *arena; /* of the present cycle */
} Scheduler;

/* An assigned pod that wants certain others kept away. */
typedef struct {
    Key key;
    Atom node;
    PodTerms terms;
    Arena *arena;
    GArray *keys; /* of uint64_t: where it stands in the index */
} Guard;

/* --- one cycle --- */

/* Why a node cannot take the pod. */
typedef struct {
    const char *text;        /* NULL: it can */
    const char *more, *most; /* further reasons of the same plugin, or NULL */
    unsigned wakes;
    bool is_unresolvable; /* preemption would not help */
} Refusal;

/* A claim that the pod needs and how its volume restricts the choice. */
typedef struct {
    const Object *claim;
    const Object *volume; /* bound to, may be NULL */
    bool is_delayed;      /* waits for its first consumer */
    bool is_lost;         /* bound, but the cache has no such volume */
    const VolumeView *view;
    NodeTerms affinity;   /* of the volume bound to */
    NodeTerms topologies; /* of the class: where a volume can be provisioned */
    bool can_provision;
} ClaimNeed;

typedef struct {
    Scheduler *scheduler;
    const Object *pod;
    const PodSpec *spec;
    Arena *arena;
    GPtrArray *selectors; /* to free */
    NodeTerms required, preferred_nodes;
    bool has_required;
    PodTerms affinity, anti_affinity, preferred_pods; /* of the last: weights are signed */
    bool is_first_of_affinity; /* nobody matches its own affinity yet but itself */
    GHashTable *affinity_counts, *anti_counts, *guarded; /* topology and value to count */
    unsigned spread_count;
    SpreadConstraint *spreads;
    GHashTable *spread_counts; /* topology and value, by constraint */
    unsigned claim_count;
    ClaimNeed *claims;
    bool is_claim_taken; /* ReadWriteOncePod: somebody uses it */
    Refusal prefilter;   /* refuses whatever the node */
} Cycle;

/* --- scheduler_terms.c --- */

bool node_terms_match(const NodeTerms *terms, const AtomTable *atoms, const Object *node);
bool node_term_matches(const NodeTerm *term, const AtomTable *atoms, const Object *node);
NodeTerms node_terms_compile(Arena *arena, AtomTable *atoms, const Value *terms);
/* `list` of PodAffinityTerms, or of weighted ones; own: the namespace if a term names none. */
PodTerms pod_terms_compile(Arena *arena, AtomTable *atoms, const Value *list, Atom own);
void pod_terms_clear(PodTerms *terms);
bool pod_term_matches(const PodTerm *term, const Object *pod);

/* --- scheduler_filter.c --- */

/* Derives what the cycle needs to know of the pod; cycle_end() frees it. */
void cycle_begin(Cycle *cycle, Scheduler *scheduler, const Object *pod);
void cycle_end(Cycle *cycle);
Refusal cycle_filter(const Cycle *cycle, const NodeRecord *node);
/* The static volume that a delayed claim can have on a node; NULL: none, it is provisioned. */
const Object *cycle_static_volume(const Cycle *cycle, const ClaimNeed *need,
                                  const NodeRecord *node);
/* Adds or removes the anti-affinity of an assigned pod. */
void guard_add(Scheduler *scheduler, const Object *pod, Atom node);
void guard_remove(Scheduler *scheduler, Key key);
void guard_free(Guard *guard);

/* Where a pod is or is assumed to be; ATOM_NONE: nowhere. */
Atom scheduler_place_of(const Scheduler *scheduler, const Object *pod);
NodeRecord *scheduler_node(const Scheduler *scheduler, Atom name);
static inline int64_t *tally_at(GHashTable *tally, uint64_t key)
{
    return (int64_t *)g_hash_table_lookup(tally, &key);
}
int64_t tally_get(GHashTable *tally, uint64_t key);
void tally_add(GHashTable *tally, uint64_t key, int64_t by);
GHashTable *tally_new(void);

/* --- scheduler_score.c --- */

/* The best of the nodes that passed. */
const NodeRecord *cycle_choose(Cycle *cycle, const GPtrArray *nodes);
/* What a pod adds to scored_cpu and scored_memory. */
void pod_scored_requests(const PodSpec *spec, int64_t *ret_cpu, int64_t *ret_memory);

#endif
