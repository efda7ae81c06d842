/* SPDX-License-Identifier: Apache-2.0 */
/*
 * l2.h - replaying a recorded timeline of a real control plane in the closed loop.
 *
 * A recording has what the script did, and every change of every object. The replay does the same
 * things to a World with the real controllers of this program, a scripted kubelet of the recorded
 * delays and no scheduler, and notes the same life-cycle events; then the two orders are compared.
 */
#ifndef KENNEL_TESTS_L2_H
#define KENNEL_TESTS_L2_H

#include "models/world.h"

/* One life-cycle event as a few words: "create web-1 web-5d8f", "web-1 Ready", "gone web-1". */
typedef struct {
    Nanos at;
    int64_t version;
    char *text;
} Token;

/* What happened, told from the changes of objects, in order. */
typedef struct {
    GArray *tokens;   /* of Token: pods, claims, revisions */
    GArray *statuses; /* of Token: the set's status, each time it differs */
    GHashTable *last; /* "Kind/name" -> Facts of its last state; looked up only */
} Story;

Story *story_new(void);
void story_free(Story *story);

/* A change of an object, reduced as recordings have it (story_reduce()). */
typedef struct {
    Nanos at;
    int64_t version;
    const char *type, *kind, *name; /* type: "ADDED", "MODIFIED" or "DELETED" */
    const Value *object;
} Telling;

void story_tell(Story *story, const Telling *telling);

/* An object as recordings reduce it; NULL for kinds that stories leave out. */
Value *story_reduce(const Object *object);

/* How two stories agree. */
typedef struct {
    unsigned recorded, simulated; /* events */
    unsigned common;              /* in the same order, what happens within 30 ms being at once */
    unsigned strict;              /* in the very same order */
    unsigned statuses, common_statuses;
    unsigned lasting, common_lasting; /* of them, those that lasted for more than 90 ms */
    GPtrArray *differences;           /* of events and lasting statuses: "recorded only: ..." */
} Agreement;

void story_compare(const Story *recorded, const Story *simulated, Agreement *agreement);

/* --- the scripted kubelet of three nodes, binder and volume provisioner --- */

typedef struct Hands Hands;

Hands *hands_new(World *world, Nanos ready_delay, Nanos stop_delay);
void hands_free(Hands *hands);
void hands_stop_node(Hands *hands, const char *node);
void hands_resume_node(Hands *hands, const char *node);
/* The kubelet reports a phase of a pod. */
void hands_report(Hands *hands, const char *pod, const char *phase);

#endif
