/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubelet.h - what the files of the kubelet share: its state, its pod workers, its clockwork.
 *
 * All of this dies with the kubelet process; what outlives it is in runtime.h. A PodWorker is one
 * incarnation (uid) of a pod on this node; a Slot is one of its containers as the kubelet sees it
 * (back-off, probes), the Container itself belongs to the runtime. kubelet.c watches and
 * dispatches, podworker.c drives a pod through its life, podstatus.c says what the API should show,
 * probe.c asks applications, volumes.c mounts, nodestatus.c keeps the Node object.
 *
 * Every delay is an actor timer whose tag names an operation, the serial of what it concerns, and
 * a small argument; so a timer that outlives its subject finds nothing and does nothing.
 */
#ifndef KENNEL_MODELS_NODE_KUBELET_H
#define KENNEL_MODELS_NODE_KUBELET_H

#include "models/node/runtime.h"
#include "models/plan.h"

typedef struct Kubelet Kubelet;
typedef struct PodWorker PodWorker;

typedef enum {
    OP_NODE_TICK,    /* the 10 s loop of the node status */
    OP_NODE_WARM,    /* runtime and network are up */
    OP_HOUSEKEEPING, /* looks for containers without a pod, once the caches are filled */
    OP_RECONCILE,    /* the 10 s loop of the status manager */
    OP_WORKER,       /* serial: worker; its operation is done */
    OP_EXIT_SEEN,    /* serial: worker */
    OP_WAKE,         /* serial: worker; a crash back-off may be over */
    OP_PROBE,        /* serial: worker; argument: slot * PROBE_KINDS + kind */
    OP_VOLUME,       /* serial: volume use */
    OP_MOUNT_LATE,   /* serial: worker */
    OP_FORGET,       /* serial: worker */
} Op;

#define PROBE_KINDS 3

static inline uint64_t op_tag(Op op, uint32_t serial, unsigned argument)
{
    return (uint64_t)op << 48 | (uint64_t)serial << 16 | argument;
}

typedef struct {
    bool result; /* what counts: success or failure */
    bool last;   /* what the last probe found */
    unsigned streak;
    Timer timer;
} ProbeState;

typedef struct {
    const ContainerView *view;
    Nanos backoff, backoff_at; /* 0: no crash yet */
    bool is_backing_off;
    Timer wake;
    ProbeState probes[PROBE_KINDS];
} Slot;

typedef enum {
    WORKER_VOLUMES,
    WORKER_SANDBOX,
    WORKER_RUNNING,
    WORKER_STOPPING,
    WORKER_STOPPED,
} WorkerState;

typedef enum { STAGE_NONE, STAGE_SANDBOX, STAGE_PULL, STAGE_START } WorkerStage;

typedef enum {
    POD_READY_TO_START,
    POD_INITIALIZED,
    POD_READY,
    POD_CONTAINERS_READY,
    POD_SCHEDULED,
    POD_CONDITIONS,
} PodConditionType;

typedef struct {
    Condition status;
    Nanos since;
} PodConditionState;

struct PodWorker {
    Kubelet *kubelet;
    uint32_t serial;
    Key key;
    Atom uid, ref;
    const Object *pod; /* the version first seen, for the spec; NULL: only its remains are here */
    const Object *api; /* the newest version known */
    bool is_gone;      /* the API has it no more */
    bool is_deleted;   /* the final delete was accepted */
    bool keeps_status; /* terminal in the API before the kubelet knew it: not to be overwritten */
    bool is_push_pending;
    WorkerState state;
    Sandbox *sandbox;
    unsigned slot_count;
    Slot *slots;
    WorkerStage stage;
    unsigned busy; /* slot of STAGE_PULL and STAGE_START */
    Timer op, late;
    Nanos started_at;  /* status.startTime */
    Nanos probe_phase; /* tickers beat at this time plus n periods */
    Nanos stop_at;     /* end of grace */
    PodConditionState conditions[POD_CONDITIONS];
};

struct Kubelet {
    Actor *actor;
    Machine *machine;
    World *world;
    AtomTable *atoms;
    Runtime *runtime;
    GPtrArray *workers;    /* in order of creation; owns */
    GHashTable *by_uid;    /* look-up only */
    GHashTable *by_serial; /* look-up only */
    GPtrArray *uses;       /* of VolumeUse, see volumes.c; owns */
    uint32_t last_serial;
    bool is_synced; /* pods of the API are known: containers without one are remains */
    /* node status */
    Key node;
    Nanos phase; /* of both 10 s loops */
    bool is_registered, is_warm;
    Timer node_tick, reconcile;
    Nanos node_written_at; /* NANOS_NEVER: not yet */
    GArray *in_use_sent;   /* of Atom: volumesInUse of the write in flight */
    /* images */
    Nanos puller_free_at;
    GArray *pulling; /* of Atom */
    /* status manager: one pod at a time */
    bool is_pushing;
    GArray *waiting; /* of Key */
};

/* --- kubelet.c --- */

/* Calls kubelet_timer(op, serial, argument) after a delay. */
Timer kubelet_after(Kubelet *kubelet, Nanos delay, uint64_t tag);
Nanos kubelet_now(const Kubelet *kubelet);
PodWorker *kubelet_worker(const Kubelet *kubelet, Atom uid);
/* The luck of a pod: the n-th draw for a purpose is the same in every policy. */
Nanos kubelet_draw(const PodWorker *worker, const Dist *dist, const char *purpose);
/* Until the next beat of the 10 s loops. */
Nanos kubelet_next_beat(const Kubelet *kubelet);
/* Has the status manager look at a pod after the kubelet's own time. */
void kubelet_push(PodWorker *worker);
/* A worker has nothing left to do. */
void kubelet_forget(PodWorker *worker);

/* --- nodestatus.c --- */

void nodestatus_start(Kubelet *kubelet);
void nodestatus_seen(Kubelet *kubelet, const Object *node);
void nodestatus_timer(Kubelet *kubelet, Op op);
void nodestatus_sync(Kubelet *kubelet);
/* Something in the status changed: written at the next beat. */
void nodestatus_dirty(Kubelet *kubelet);

/* --- podworker.c --- */

/* A pod of the API was seen for the first time. */
PodWorker *podworker_new(Kubelet *kubelet, const Object *pod);
/* Containers or mounts without a pod in the API. sandbox may be NULL. */
PodWorker *podworker_new_remains(Kubelet *kubelet, Atom uid, Sandbox *sandbox);
/* A new worker takes its first step. */
void podworker_begin(PodWorker *worker);
void podworker_free(void *data);
/* A newer version of the pod; the pod is gone from the API. */
void podworker_seen(PodWorker *worker, const Object *pod);
void podworker_gone(PodWorker *worker);
/* Takes what steps can be taken now. */
void podworker_step(PodWorker *worker);
void podworker_timer(PodWorker *worker, Op op);
/* Kills one container for a failed probe. */
void podworker_kill(PodWorker *worker, Slot *slot, Nanos grace);
/* The container of a slot, or NULL. */
Container *slot_container(const PodWorker *worker, const Slot *slot);
/* All volumes unmounted, containers stopped, terminal phase in the API: time for the last delete. */
bool podworker_is_finished(const PodWorker *worker);

/* --- podstatus.c --- */

/* Brings the conditions up to date; call whenever something changed. */
void podstatus_refresh(PodWorker *worker);
/* The status as the kubelet sees it. */
Value *podstatus_value(const PodWorker *worker);
/* Whether the API shows all that `status` says. */
bool podstatus_is_shown(const Object *api, const Value *status);
/* The patch that makes the API show it. */
Value *podstatus_patch(const Object *api, const Value *status);
/* Takes over conditions' times from the API's copy. */
void podstatus_adopt(PodWorker *worker);
bool slot_is_ready(const PodWorker *worker, const Slot *slot);
bool slot_is_started(const PodWorker *worker, const Slot *slot);

/* --- probe.c --- */

/* The container has started, or was found running (`is_adopted`). */
void probe_begin(PodWorker *worker, Slot *slot, bool is_adopted);
void probe_end(PodWorker *worker, Slot *slot);
void probe_timer(PodWorker *worker, unsigned argument);
/* The application's answers may have changed. */
void probe_again(PodWorker *worker, Slot *slot);

/* --- volumes.c --- */

/* What is mounted for the pod already. */
void volumes_adopt(PodWorker *worker);
/* Mounts all claims of the pod; podworker_step() is called when one is mounted. */
void volumes_want(PodWorker *worker);
bool volumes_are_mounted(const PodWorker *worker);
/* Unmounts everything; podworker_step() is called when one is unmounted. */
void volumes_release(PodWorker *worker);
bool volumes_are_released(const PodWorker *worker);
void volumes_sync_claim(Kubelet *kubelet, Key claim);
void volumes_timer(Kubelet *kubelet, uint32_t serial);
/* Unique names for node.status.volumesInUse, sorted by text; array of Atom. */
GArray *volumes_in_use(const Kubelet *kubelet);
/* The API shows these as in use. */
void volumes_reported(Kubelet *kubelet, const GArray *in_use);
/* "data logs": volumes of the pod that are not mounted yet; free with g_free(). */
char *volumes_missing(const PodWorker *worker);

#endif
