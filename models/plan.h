/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.h - what a sync wants written: an ordered list of requests, performed after sync() returns.
 *
 * The executor sends the steps one after the other (each waits for the client's rate limiter,
 * travels, is handled, and its answer travels back), and stops at the first that fails; steps
 * marked FINAL are performed all the same. A plan that failed requeues the key with back-off; one
 * that succeeded forgets the back-off and obeys plan_after().
 *
 * Batches and lanes: upstream's slow-start batches run concurrently. plan_lane(actor, batch, lane)
 * puts the following steps into a lane; batches run one after the other, lanes of a batch side by
 * side, steps of a lane in order. A failing lane lets the others of its batch finish, then the plan
 * stops. The order inside a batch is by lane, so it is deterministic. Steps before any plan_lane()
 * are a batch of their own.
 *
 * Steps are refined by plan_flags(), plan_because(), plan_then() and plan_event_*() right after
 * they are made. A reply hook (plan_then) sees the answer, may do what upstream does with it
 * (remember, emit events, append steps with plan_*: they run next, in the same lane), and says how
 * the executor goes on.
 *
 * A plan assumes that sync() does not read its own writes. plan_text() writes a plan the way tests
 * and `kennel reconcile` show it, a step a line.
 */
#ifndef KENNEL_MODELS_PLAN_H
#define KENNEL_MODELS_PLAN_H

#include "models/actor.h"

typedef struct PlanStep PlanStep;

typedef enum {
    PLAN_PLAIN = 0,
    PLAN_FINAL = 1 << 0,             /* performed even if an earlier step failed */
    PLAN_GOES_ON = 1 << 1,           /* its failure does not stop the lane, but fails the plan */
    PLAN_IGNORES = 1 << 2,           /* its failure counts as success */
    PLAN_IGNORES_NOT_FOUND = 1 << 3, /* NotFound counts as success */
    PLAN_RETRIES_CONFLICT = 1 << 4,  /* on Conflict: takes the cache's newer version (see rebase),
                                       up to 5 attempts 10 ms apart with jitter, as upstream's
                                       RetryOnConflict */
} PlanFlags;

typedef enum {
    PLAN_ACCEPT, /* the step succeeded */
    PLAN_REFUSE, /* the step failed */
    PLAN_RETRY,  /* send it again (body may have been changed), after plan_retry_in() */
} PlanVerdict;

/* `reply` is valid during the call. */
typedef PlanVerdict (*PlanReply)(Actor *actor, PlanStep *step, const Reply *reply, void *data);

/* --- steps; bodies are taken --- */

PlanStep *plan_create(Actor *actor, Kind kind, Value *body);
/* Updates to `body`, based on `base` (its version is the precondition). */
PlanStep *plan_update(Actor *actor, const Object *base, Value *body);
PlanStep *plan_update_status(Actor *actor, const Object *base, Value *body);
PlanStep *plan_patch(Actor *actor, Key key, PatchType type, Value *patch);
PlanStep *plan_patch_status(Actor *actor, Key key, PatchType type, Value *patch);
PlanStep *plan_delete(Actor *actor, Key key);
PlanStep *plan_bind(Actor *actor, Key pod, Atom node);
/* A live read; use plan_then() to look at the answer. */
PlanStep *plan_get(Actor *actor, Key key);
/* A step that sends nothing and is answered at once: REASON_OK, or a failure with this message.
 * For what the controller itself refuses in the middle of its writes; hooks, events, flags and
 * lanes work as with any step. */
PlanStep *plan_answer(Actor *actor, Key about, ReplyReason reason, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* --- refining a step --- */

void plan_flags(PlanStep *step, PlanFlags flags);
/* Delete options: precondition uid (ATOM_NONE: none), version (0: none), grace (-1: the default),
 * propagation. */
void plan_delete_options(PlanStep *step, Atom uid, int64_t version, int64_t grace_s,
                         Propagation propagation);
/* uid precondition of a patch. */
void plan_uid(PlanStep *step, Atom uid);
void plan_then(PlanStep *step, PlanReply reply, void *data);
/* With PLAN_RETRIES_CONFLICT: makes the body anew from the cache's present version of the object;
 * returns NULL to give up. Default: the same body, with the newer version as precondition. */
void plan_rebase(PlanStep *step,
                 Value *(*rebase)(Actor *actor, PlanStep *step, const Object *newer));
/* Why this step is taken; shown by plan_text() and recorded as DECISION. */
void plan_because(PlanStep *step, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Emits a Kubernetes event about `about` when the step has succeeded / failed; in the failure
 * text, "%s" of the format's end is not available: the error text is appended by itself. */
void plan_event_ok(PlanStep *step, Key about, const char *reason, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
void plan_event_failed(PlanStep *step, Key about, const char *reason, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
/* In a reply hook that returns PLAN_RETRY: how long to wait first (default 0). */
void plan_retry_in(PlanStep *step, Nanos delay);
/* The body is made when the step is about to be sent (and when it is shown), because it depends on
 * how earlier steps went; NULL skips the step, which then neither sent nor failed anything. */
void plan_late(PlanStep *step, Value *(*make)(Actor *actor, PlanStep *step, void *data),
               void *data);

/* What a step is about and sends. */
Key plan_step_key(const PlanStep *step);
const Value *plan_step_body(const PlanStep *step);
RequestVerb plan_step_verb(const PlanStep *step);

/* --- the plan as a whole --- */

/* The following steps belong to this lane of this batch (both count from 1, not decreasing). */
void plan_lane(Actor *actor, unsigned batch, unsigned lane);
/* Requeue the key after the plan succeeded. */
void plan_after(Actor *actor, Nanos delay);
/* The sync itself failed (no step needs to have): requeue with back-off. */
void plan_fail(Actor *actor, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* In a reply hook: forgets every step not yet begun, FINAL ones too; the hook may add others. */
void plan_drop_rest(Actor *actor);
/* Called when the plan has ended, however; for bookkeeping such as expectations. */
void plan_finally(Actor *actor, void (*done)(Actor *actor, Key key, bool succeeded, void *data),
                  void *data);
/* Memory that lives as long as the plan (hooks' data). */
void *plan_alloc(Actor *actor, size_t size);
/* Calls release(thing) when that memory goes, also if the process dies with the plan. */
void plan_keep(Actor *actor, void (*release)(void *thing), void *thing);

/* Whether the plan being filled has no step yet; how many it has. */
bool plan_is_empty(const Actor *actor);
unsigned plan_step_count(const Actor *actor);

/* --- without an event loop: tests and `kennel reconcile` --- */

/* Runs start() (first time) and sync() of a component of a process, without performing the plan;
 * returns the plan's text. Free with g_free(). */
char *plan_rehearse(Actor *actor, Key key);

#endif
