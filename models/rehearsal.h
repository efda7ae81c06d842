/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rehearsal.h - one StatefulSet controller without a cluster: given what it believes, what would it
 * do in its next sync, in which order, and what would come of it?
 *
 * A Rehearsal has a cache that is filled by hand, an API in memory that answers at once, and a
 * clock that is set. rehearsal_sync() lets the real controller sync one key; the one plan executor
 * performs its plan, with no latency and no waiting between attempts, and everything that leaves
 * the controller is recorded in order: writes with their results, events, reasons.
 *
 * Order: that of the plan. Lanes of a batch run one after the other, so the pods of a parallel set
 * come by phase and ordinal, and within a pod in the controller's own order.
 *
 * The API in memory differs from the API server (api/server.h) where a recording of the real
 * controller needs it: nothing is defaulted or validated but the status of a set; every update
 * raises the version of its object by one, equal or not; uids are "<pod|pvc|rev|set>-NAME-u<k>",
 * the k-th object of that name. It may differ from the cache: that is what a stale cache is.
 *
 * The cache does not change during a sync; rehearsal_refresh() makes it equal to the API. The
 * controller's own memory lasts until rehearsal_reset().
 */
#ifndef KENNEL_MODELS_REHEARSAL_H
#define KENNEL_MODELS_REHEARSAL_H

#include "models/api/server.h"

typedef struct Rehearsal Rehearsal;

/* A controller of release 1.minor; gates maps names (known ones: gate_is_known()) to booleans, NULL
 * is none but the release's own. The read-your-writes guard is off: caches are caught up. */
Rehearsal *rehearsal_new(int minor, const Value *gates);
void rehearsal_free(Rehearsal *rehearsal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rehearsal, rehearsal_free)

/* Forgets all objects, injected failures and the controller's memory. */
void rehearsal_reset(Rehearsal *rehearsal);

/* The controller's clock (and the API's); any time, also before the epoch. */
void rehearsal_at(Rehearsal *rehearsal, Nanos now);
Nanos rehearsal_now(const Rehearsal *rehearsal);

/* Whether an update of a pod that changes spec.volumes is refused as Invalid (the default). */
void rehearsal_freeze_pod_specs(Rehearsal *rehearsal, bool is_frozen);

/* Whether reasons are recorded (the default): ACT_WORD, and `why` of a request. */
void rehearsal_explain(Rehearsal *rehearsal, bool is_explained);

/* The next `times` requests that match fail. */
void rehearsal_refuse(Rehearsal *rehearsal, RequestVerb verb, Key key, ReplyReason reason,
                      unsigned times);
void rehearsal_forgive(Rehearsal *rehearsal);

/* Says that `count` objects of a name have existed in the API before: the next is the one after. */
void rehearsal_existed(Rehearsal *rehearsal, Key key, unsigned count);

/* --- objects --- */

typedef enum { IN_CACHE = 1, IN_API = 2, IN_BOTH = 3 } RehearsalPlace;

AtomTable *rehearsal_atoms(Rehearsal *rehearsal);
Key rehearsal_key(Rehearsal *rehearsal, Kind kind, const char *space, const char *name);

/* Puts an object; value is taken, complete and as kubectl prints it: metadata.resourceVersion gives
 * the version (0 if it is none). The result is borrowed. */
const Object *rehearsal_put(Rehearsal *rehearsal, RehearsalPlace place, Kind kind, Value *value);
void rehearsal_drop(Rehearsal *rehearsal, RehearsalPlace place, Key key);
const ObjectTable *rehearsal_cache(const Rehearsal *rehearsal);
const ObjectTable *rehearsal_api(const Rehearsal *rehearsal);
/* Makes the cache equal to the API. */
void rehearsal_refresh(Rehearsal *rehearsal);
/* Makes the API equal to the cache, as if nothing had been done. */
void rehearsal_restore(Rehearsal *rehearsal);
/* What anybody may ask of the API; reply_clear() the answer. */
void rehearsal_request(Rehearsal *rehearsal, const Request *request, Reply *reply);

/* --- the record of a sync; valid until the next sync or reset --- */

typedef enum {
    ACT_REQUEST, /* a request, reads included */
    ACT_EVENT,   /* a Kubernetes event about `key`: type, name (reason), text */
    ACT_WORD,    /* a reason about `key` that goes with no request: text */
} ActType;

typedef struct {
    ActType type;
    Key key;
    RequestVerb verb;
    ReplyReason reason; /* how the request was answered; REASON_OK: well */
    const Value *body;  /* as sent; NULL if none */
    const char *why;    /* of a request: the controller's reason, or NULL */
    const char *text;   /* of a failed request: the message */
    const char *event_type, *event_reason;
} Act;

typedef struct {
    unsigned act_count;
    const Act *acts;
    bool has_failed;
    const char *error;    /* all error texts, sorted, joined by "; "; NULL if it went well */
    bool has_run;         /* the control loop ran: adoption and claiming went well */
    const Value *claimed; /* names of the pods handed to the control loop, in order */
    const Value *status;  /* what the sync made of the status, written or not; NULL on failure */
    Nanos requeue;        /* asked for after success; NANOS_NEVER: not */
} RehearsalRecord;

/* Lets the controller sync a set of its cache. */
const RehearsalRecord *rehearsal_sync(Rehearsal *rehearsal, Key key);

#endif
