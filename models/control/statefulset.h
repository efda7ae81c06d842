/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statefulset.h - what the parts of the StatefulSet controller share.
 *
 * Internal. statefulset.c watches, claims and decides revisions; statefulset_control.c walks the
 * phases of one sync; statefulset_pod.c plans what happens to one pod; statefulset_claims.c knows
 * claims and their owners. A SetSync is one sync: what was believed when it began, and what has
 * been learned from the answers since. It lives as long as the plan, because hooks go on with it.
 */
#ifndef KENNEL_MODELS_CONTROL_STATEFULSET_H
#define KENNEL_MODELS_CONTROL_STATEFULSET_H

#include "models/plan.h"

typedef struct {
    int64_t replicas, ready, available, current, updated;
} SetStatus;

/* A claimed pod with the ordinal of its name (-1: does not fit 32 bits). */
typedef struct {
    const Object *pod;
    int64_t ordinal;
} SetPod;

typedef struct SetSync SetSync;

/* What follows from a set's spec alone and costs much to find out; as upstream's cache of equal
 * revisions. What is held stays at its address, so the address tells whether it is the same. */
typedef struct {
    Key key;
    Atom uid;             /* of the set */
    Value *spec;          /* held */
    Value *data;          /* of the revision that the template makes; NULL: not asked for yet */
    char *json;           /* of data */
    Value *owner;         /* the set as the controller of what it owns, or NULL */
    const Object *newest; /* held: the revision that `is_same` is about, or NULL */
    bool is_same;
} SetMemory;

/* An adoption or a release. */
typedef struct {
    SetSync *sync;
    const Object *pod; /* held */
    bool is_adoption;
} SetPatch;

struct SetSync {
    Actor *actor;
    const Object *set; /* held, like pods and revisions */
    const StatefulSetView *view;
    const char *name; /* of the set */
    Nanos now;        /* one for the whole sync */
    bool is_monotonic;
    bool waits_for_available; /* 1.34: availability, not readiness, is what unhealthy means */

    SetPod *pods; /* claimed */
    unsigned pod_count;
    const Object **revisions; /* in order */
    unsigned revision_count;
    Atom current_name, update_name;
    Value *current_template, *update_template; /* held; current may be NULL: as update */
    int64_t collisions;

    /* replicas[i] has ordinal start + i; pod NULL: to be created */
    SetPod *replicas, *condemned;
    unsigned replica_count, condemned_count;
    const SetPod *first_unavailable;
    SetStatus status;

    unsigned batch;
    bool is_doomed;  /* a step that must fail has been planned: later batches are not reached */
    bool is_running; /* answers have arrived: the plan is performed, not rehearsed */
    unsigned rolls_planned, rolls_done;        /* deletions of the update phase */
    SetStatus replaced_planned, replaced_done; /* up to 1.27: ended pods made again at once */
    SetPatch *patches;                         /* adoptions and releases, by name */
    unsigned patch_count;
    bool cannot_adopt, has_failed_claim, has_lost_pod;
    bool has_stopped; /* at adoption or claiming: the control loop is not reached */

    /* of a revision that is being created */
    Value *update_data;
    const char *update_json, *update_label;
    bool has_new_name; /* its first name was taken */

    /* the status as it was made last, and of what */
    struct {
        Value *value; /* held */
        SetStatus status;
        Atom current, update;
        int64_t collisions;
    } made;

    unsigned bumps; /* attempts to raise the number of an old revision */
};

/* --- statefulset.c --- */

/* Remembers the version of an own write for the read-your-writes guard. */
void statefulset_wrote(SetSync *sync, const Reply *reply);
Atom statefulset_pod_revision(const Object *pod);
/* What is remembered of the set; of another spec everything is forgotten. */
SetMemory *statefulset_memory(const SetSync *sync);
/* An owner reference to the set. */
Value *statefulset_owner(const SetSync *sync);

/* --- statefulset_revision.c --- */

/* Decides the revisions and plans everything that follows from them. */
void statefulset_resolve_revisions(SetSync *sync);

/* --- statefulset_control.c --- */

/* Everything after the revisions are known: phases, status, history. */
void statefulset_control(SetSync *sync);
/* The status that the sync makes of what it has learned so far. */
Value *statefulset_status(SetSync *sync);
/* Deletes surplus revisions; what current and update name (may be ATOM_NONE) is kept. */
void statefulset_truncate(SetSync *sync);
bool statefulset_is_available(const SetSync *sync, const PodView *pod);
bool statefulset_is_unhealthy(const SetSync *sync, const Object *pod);
/* Whether an ordinal is in the range that spec asks for. */
bool statefulset_wants(const StatefulSetView *view, int64_t ordinal);
/* "Running, readiness false for 4m10s" and the like. */
const char *statefulset_pod_state(const SetSync *sync, const Object *pod, char buffer[96]);

/* --- statefulset_pod.c --- */

/* Each plans what one replica needs and returns whether a monotonic sync ends here. */
bool statefulset_process_replica(SetSync *sync, unsigned index);
/* Plans the owners of a condemned pod's claims, before it is deleted. */
bool statefulset_fix_condemned_claims(SetSync *sync, unsigned index);
/* The revision that a pod not yet created will have. */
Atom statefulset_placeholder_revision(const SetSync *sync, int64_t ordinal);
/* Deletes a pod; `why` is a sentence. `is_roll`: counts for the update phase. */
void statefulset_delete_pod(SetSync *sync, Atom name, bool is_roll, const char *why);
/* The verb of an event: capital from 1.35. */
const char *statefulset_verb(const SetSync *sync, const char *lower, const char *capital);
Atom statefulset_pod_name(const SetSync *sync, int64_t ordinal);
/* "<prefix>-<set>-<ordinal>"; no prefix if it is NULL. */
Atom statefulset_name(const SetSync *sync, const char *prefix, int64_t ordinal);

/* --- statefulset_claims.c --- */

/* Name of a pod's claim for a template. */
Atom statefulset_claim_name(const SetSync *sync, unsigned template_index, int64_t ordinal);
/* The claim as cached, or NULL. */
const Object *statefulset_claim(const SetSync *sync, unsigned template_index, int64_t ordinal);
Value *statefulset_claim_body(const SetSync *sync, unsigned template_index, int64_t ordinal);
/* Whether all cached claims of a pod (uid ATOM_NONE: not created yet) have the owners that the
 * retention policy asks for. */
bool statefulset_claims_match(const SetSync *sync, int64_t ordinal, Atom pod_uid, Atom pod_name);
bool statefulset_claim_matches(const SetSync *sync, const Object *claim, int64_t ordinal,
                               Atom pod_uid, Atom pod_name);
bool statefulset_claim_conflicts(const SetSync *sync, const Object *claim, Atom pod_uid,
                                 Atom pod_name);
/* The claim with its owners put right. */
Value *statefulset_claim_owned(const SetSync *sync, const Object *claim, int64_t ordinal,
                               const Object *pod, Atom pod_name);
/* Whether a claim of this ordinal belongs to another pod of this name, one that is gone. */
bool statefulset_claims_are_stale(const SetSync *sync, int64_t ordinal, Atom pod_uid,
                                  Atom pod_name);

#endif
