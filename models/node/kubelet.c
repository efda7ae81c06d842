/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kubelet.c - the node's agent: watches its own pods, gives each a worker, writes what they are.
 * Mirrors: kubernetes v1.36 pkg/kubelet/kubelet.go (syncLoop, HandlePod*), status/status_manager.go
 * Simplified: a status write is one patch (upstream reads the pod first); the 10 s reconcile runs
 *   only when the API was seen to differ. Live reads: claims and volumes (volumes.c).
 * State: started -caches filled-> housekeeping: containers and mounts without a pod are removed
 */
#include "models/node/kubelet.h"

#define BEAT            (10 * NANOS_S)
#define HOUSEKEEPING    (2 * NANOS_S)
#define KUBELET_WORKERS 10

/* --- clockwork --- */

Timer kubelet_after(Kubelet *kubelet, Nanos delay, uint64_t tag)
{
    return actor_timer(kubelet->actor, delay, tag);
}

Nanos kubelet_now(const Kubelet *kubelet)
{
    return actor_now(kubelet->actor);
}

Nanos kubelet_draw(const PodWorker *worker, const Dist *dist, const char *purpose)
{
    return world_draw(worker->kubelet->world, dist, worker->ref, purpose);
}

Nanos kubelet_next_beat(const Kubelet *kubelet)
{
    Nanos past = (kubelet_now(kubelet) - kubelet->phase) % BEAT;
    return past < 0 ? -past : BEAT - past;
}

PodWorker *kubelet_worker(const Kubelet *kubelet, Atom uid)
{
    return (PodWorker *)g_hash_table_lookup(kubelet->by_uid, GUINT_TO_POINTER(uid));
}

static PodWorker *worker_of_serial(const Kubelet *kubelet, uint32_t serial)
{
    return (PodWorker *)g_hash_table_lookup(kubelet->by_serial, GUINT_TO_POINTER(serial));
}

/* --- the status manager --- */

void kubelet_push(PodWorker *worker)
{
    Kubelet *kubelet = worker->kubelet;
    if (worker->is_gone || worker->is_push_pending) return;
    podstatus_refresh(worker);
    const Dist *time = &world_config(kubelet->world)->latency.kubelet_status;
    worker->is_push_pending = true;
    actor_after(kubelet->actor, kubelet_draw(worker, time, "kubelet-status"), worker->key);
}

static PlanVerdict patched(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    Kubelet *kubelet = (Kubelet *)actor_state(actor);
    PodWorker *worker = worker_of_serial(kubelet, GPOINTER_TO_UINT(data));
    (void)step;
    if (reply->reason == REASON_NOT_FOUND || reply->reason == REASON_CONFLICT) {
        plan_drop_rest(actor);
        return PLAN_ACCEPT;
    }
    if (reply->reason != REASON_OK) return PLAN_REFUSE;
    if (worker && reply->object && reply->object->version > worker->api->version) {
        object_unref(worker->api);
        worker->api = object_ref(reply->object);
    }
    return PLAN_ACCEPT;
}

static PlanVerdict deleted(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    Kubelet *kubelet = (Kubelet *)actor_state(actor);
    PodWorker *worker = worker_of_serial(kubelet, GPOINTER_TO_UINT(data));
    (void)step;
    bool is_done = reply->reason == REASON_OK || reply->reason == REASON_NOT_FOUND ||
                   reply->reason == REASON_CONFLICT;
    if (worker && is_done) worker->is_deleted = true;
    return is_done ? PLAN_ACCEPT : PLAN_REFUSE;
}

/* Whoever has nothing to write passes the turn on. */
static void next_turn(Kubelet *kubelet)
{
    if (kubelet->is_pushing || kubelet->waiting->len == 0) return;
    Key next = g_array_index(kubelet->waiting, Key, 0);
    g_array_remove_index(kubelet->waiting, 0);
    actor_enqueue(kubelet->actor, next);
}

static void push_done(Actor *actor, Key key, bool succeeded, void *data)
{
    Kubelet *kubelet = (Kubelet *)actor_state(actor);
    (void)key;
    (void)succeeded;
    (void)data;
    kubelet->is_pushing = false;
    next_turn(kubelet);
}

static void wait_for_turn(Kubelet *kubelet, Key key)
{
    for (unsigned i = 0; i < kubelet->waiting->len; i++)
        if (key_equal(g_array_index(kubelet->waiting, Key, i), key)) return;
    g_array_append_val(kubelet->waiting, key);
}

/* Plans what the API does not show yet, and the last delete. */
static void plan_push(PodWorker *worker)
{
    Actor *actor = worker->kubelet->actor;
    worker->is_push_pending = false;
    podstatus_refresh(worker);
    g_autoptr(Value) status = podstatus_value(worker);
    void *serial = GUINT_TO_POINTER(worker->serial);
    if (!worker->keeps_status && !worker->is_deleted && !podstatus_is_shown(worker->api, status)) {
        PlanStep *step = plan_patch_status(actor, worker->key, PATCH_STRATEGIC,
                                           podstatus_patch(worker->api, status));
        plan_uid(step, worker->uid);
        plan_then(step, patched, serial);
    }
    bool is_last = podworker_is_finished(worker) && object_is_terminating(worker->api);
    if (is_last && !worker->is_deleted) {
        PlanStep *step = plan_delete(actor, worker->key);
        plan_delete_options(step, worker->uid, 0, 0, PROPAGATION_DEFAULT);
        plan_then(step, deleted, serial);
    }
}

static void sync_pod(Kubelet *kubelet, Key key)
{
    Actor *actor = kubelet->actor;
    const Object *pod = actor_get(actor, key);
    PodWorker *worker = pod ? kubelet_worker(kubelet, pod->uid) : NULL;
    bool is_known = worker && !worker->is_gone;
    if (is_known && kubelet->is_pushing) {
        wait_for_turn(kubelet, key);
        return;
    }
    if (is_known) plan_push(worker);
    if (plan_is_empty(actor)) {
        next_turn(kubelet);
        return;
    }
    kubelet->is_pushing = true;
    plan_finally(actor, push_done, NULL);
}

/* The API shows something else than the kubelet wrote: set right at the next beat. */
static void check_shown(PodWorker *worker)
{
    Kubelet *kubelet = worker->kubelet;
    if (worker->is_push_pending || worker->keeps_status || worker->is_deleted) return;
    g_autoptr(Value) status = podstatus_value(worker);
    if (podstatus_is_shown(worker->api, status)) return;
    actor_cancel(kubelet->actor, kubelet->reconcile);
    kubelet->reconcile =
        kubelet_after(kubelet, kubelet_next_beat(kubelet), op_tag(OP_RECONCILE, 0, 0));
}

static void reconcile_all(Kubelet *kubelet)
{
    for (unsigned i = 0; i < kubelet->workers->len; i++) {
        PodWorker *worker = (PodWorker *)g_ptr_array_index(kubelet->workers, i);
        if (worker->is_gone || worker->keeps_status) continue;
        g_autoptr(Value) status = podstatus_value(worker);
        if (!podstatus_is_shown(worker->api, status)) actor_enqueue(kubelet->actor, worker->key);
    }
}

/* --- pods come and go --- */

static void pod_removed(Kubelet *kubelet, const Object *pod)
{
    PodWorker *worker = kubelet_worker(kubelet, pod->uid);
    if (worker && !worker->is_gone) podworker_gone(worker);
}

static void pod_present(Kubelet *kubelet, const Object *pod)
{
    PodWorker *worker = kubelet_worker(kubelet, pod->uid);
    if (!worker) {
        podworker_begin(podworker_new(kubelet, pod));
        return;
    }
    podworker_seen(worker, pod);
    check_shown(worker);
}

static void on_pod(Actor *actor, const Object *old, const Object *now)
{
    Kubelet *kubelet = (Kubelet *)actor_state(actor);
    if (old && (!now || now->uid != old->uid)) pod_removed(kubelet, old);
    if (now) pod_present(kubelet, now);
}

static void on_node(Actor *actor, const Object *old, const Object *now)
{
    Kubelet *kubelet = (Kubelet *)actor_state(actor);
    (void)old;
    if (now) nodestatus_seen(kubelet, now);
}

void kubelet_forget(PodWorker *worker)
{
    kubelet_after(worker->kubelet, 0, op_tag(OP_FORGET, worker->serial, 0));
}

static void forget(PodWorker *worker)
{
    Kubelet *kubelet = worker->kubelet;
    if (worker->sandbox) runtime_remove_sandbox(worker->sandbox);
    g_hash_table_remove(kubelet->by_uid, GUINT_TO_POINTER(worker->uid));
    g_hash_table_remove(kubelet->by_serial, GUINT_TO_POINTER(worker->serial));
    g_ptr_array_remove(kubelet->workers, worker);
}

/* Containers and mounts that no pod of the API accounts for, once all its pods are known. */
static void housekeep(Kubelet *kubelet)
{
    if (!actor_is_synced(kubelet->actor)) {
        kubelet_after(kubelet, HOUSEKEEPING, op_tag(OP_HOUSEKEEPING, 0, 0));
        return;
    }
    kubelet->is_synced = true;
    for (unsigned i = 0; i < runtime_sandbox_count(kubelet->runtime); i++) {
        Sandbox *sandbox = runtime_sandbox_at(kubelet->runtime, i);
        if (!kubelet_worker(kubelet, sandbox->uid))
            podworker_begin(podworker_new_remains(kubelet, sandbox->uid, sandbox));
    }
    const GArray *mounts = runtime_mounts(kubelet->runtime);
    for (unsigned i = 0; i < mounts->len; i++) {
        Atom uid = g_array_index(mounts, MountRecord, i).pod_uid;
        if (!kubelet_worker(kubelet, uid))
            podworker_begin(podworker_new_remains(kubelet, uid, NULL));
    }
    nodestatus_dirty(kubelet);
}

/* --- the runtime speaks --- */

static void container_exited(void *self, Container *container)
{
    Kubelet *kubelet = (Kubelet *)self;
    PodWorker *worker = kubelet_worker(kubelet, container->sandbox->uid);
    if (!worker) return;
    const Dist *time = &world_config(kubelet->world)->latency.container_exit_seen;
    kubelet_after(kubelet, kubelet_draw(worker, time, "exit-seen"),
                  op_tag(OP_EXIT_SEEN, worker->serial, 0));
}

static void container_app_changed(void *self, Container *container)
{
    Kubelet *kubelet = (Kubelet *)self;
    PodWorker *worker = kubelet_worker(kubelet, container->sandbox->uid);
    for (unsigned i = 0; worker && i < worker->slot_count; i++)
        if (worker->slots[i].view->name == container->name) probe_again(worker, &worker->slots[i]);
}

/* --- the component --- */

static void kubelet_timer(Actor *actor, uint64_t tag)
{
    Kubelet *kubelet = (Kubelet *)actor_state(actor);
    Op op = (Op)(tag >> 48);
    uint32_t serial = (uint32_t)(tag >> 16);
    PodWorker *worker = worker_of_serial(kubelet, serial);
    switch (op) {
    case OP_NODE_TICK:
    case OP_NODE_WARM: nodestatus_timer(kubelet, op); return;
    case OP_HOUSEKEEPING: housekeep(kubelet); return;
    case OP_RECONCILE: reconcile_all(kubelet); return;
    case OP_VOLUME: volumes_timer(kubelet, serial); return;
    case OP_PROBE:
        if (worker) probe_timer(worker, (unsigned)(tag & 0xffff));
        return;
    case OP_FORGET:
        if (worker) forget(worker);
        return;
    case OP_WORKER:
    case OP_EXIT_SEEN:
    case OP_WAKE:
    case OP_MOUNT_LATE:
        if (worker) podworker_timer(worker, op);
        return;
    }
    UNREACHABLE();
}

static void kubelet_sync(Actor *actor, Key key)
{
    Kubelet *kubelet = (Kubelet *)actor_state(actor);
    if (key.kind == KIND_NODE)
        nodestatus_sync(kubelet);
    else if (key.kind == KIND_PERSISTENT_VOLUME_CLAIM)
        volumes_sync_claim(kubelet, key);
    else
        sync_pod(kubelet, key);
}

static void kubelet_start(Actor *actor)
{
    Kubelet *kubelet = (Kubelet *)actor_state(actor);
    kubelet->actor = actor;
    kubelet->machine = actor_machine(actor);
    kubelet->world = actor_world(actor);
    kubelet->atoms = world_atoms(kubelet->world);
    kubelet->runtime = machine_runtime(kubelet->machine);
    kubelet->workers = g_ptr_array_new_with_free_func(podworker_free);
    kubelet->by_uid = g_hash_table_new(NULL, NULL);
    kubelet->by_serial = g_hash_table_new(NULL, NULL);
    kubelet->uses = g_ptr_array_new_with_free_func(g_free);
    kubelet->in_use_sent = g_array_new(FALSE, FALSE, sizeof(Atom));
    kubelet->pulling = g_array_new(FALSE, FALSE, sizeof(Atom));
    kubelet->waiting = g_array_new(FALSE, FALSE, sizeof(Key));
    kubelet->node = (Key){KIND_NODE, ATOM_NONE, machine_name(kubelet->machine)};
    kubelet->phase = kubelet_now(kubelet) + (Nanos)(actor_unit(actor, "phase") * (double)BEAT);
    runtime_listen(kubelet->runtime,
                   (RuntimeListener){container_exited, container_app_changed, kubelet});
    nodestatus_start(kubelet);
    kubelet_after(kubelet, HOUSEKEEPING, op_tag(OP_HOUSEKEEPING, 0, 0));
}

static void kubelet_stop(Actor *actor)
{
    Kubelet *kubelet = (Kubelet *)actor_state(actor);
    runtime_listen(kubelet->runtime, (RuntimeListener){NULL, NULL, NULL});
    g_ptr_array_unref(kubelet->workers);
    g_ptr_array_unref(kubelet->uses);
    g_hash_table_unref(kubelet->by_uid);
    g_hash_table_unref(kubelet->by_serial);
    g_array_unref(kubelet->in_use_sent);
    g_array_unref(kubelet->pulling);
    g_array_unref(kubelet->waiting);
}

static const WatchRule kubelet_watches[] = {
    {KIND_POD, on_pod, SCOPE_OWN_NODE, INDEX_POD_NODE},
    {KIND_NODE, on_node, SCOPE_OWN_NODE, INDEX_NODE_NAME},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component kubelet_component = {
    .name = "kubelet",
    .help = "runs the pods of its node",
    .state_size = sizeof(Kubelet),
    .watches = kubelet_watches,
    .workers = KUBELET_WORKERS,
    .start = kubelet_start,
    .stop = kubelet_stop,
    .sync = kubelet_sync,
    .timer = kubelet_timer,
};
