/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podworker.c - one pod's life on a node, from its volumes to its last delete.
 * Mirrors: kubernetes v1.36 pkg/kubelet/pod_workers.go, kubelet.go (SyncPod, SyncTerminatingPod,
 *   SyncTerminatedPod), kuberuntime/kuberuntime_manager.go
 * Simplified: pulls never fail; a preStop hook's time is part of the application's time to stop;
 *   the kubelet admits every pod that the scheduler sends; containers of one pod start one after
 *   the other, also init containers that need not be waited for.
 * State:
 *   VOLUMES -mounted-> SANDBOX -network up-> RUNNING -delete, removal, completion-> STOPPING
 *   VOLUMES, SANDBOX -delete, removal-> STOPPING -no container runs-> STOPPED
 *   STOPPED -unmounted, terminal phase written-> final delete -removed from the API-> forgotten
 *   found with a sandbox (kubelet restart): RUNNING; found terminal: STOPPED
 */
#include "models/node/kubelet.h"

#define BACKOFF_BASE     (10 * NANOS_S)
#define BACKOFF_CAP      (300 * NANOS_S)
#define BACKOFF_FORGET   (600 * NANOS_S)
#define WAKE_STEP        (60 * NANOS_S)
#define MOUNT_TIMEOUT    (123 * NANOS_S)
#define MOUNT_RESYNC_MIN 10.0
#define MOUNT_RESYNC     5.0
#define WORKER_GRACE_MIN 1

static void drive(PodWorker *worker);

static const LatencyConfig *latency_of(const PodWorker *worker)
{
    return &world_config(worker->kubelet->world)->latency;
}

static const PodSpec *spec_of(const PodWorker *worker)
{
    return pod_view(worker->pod)->spec;
}

static void worker_move(PodWorker *worker, WorkerState state)
{
    static const unsigned allowed[] = {
        [WORKER_VOLUMES] = 1u << WORKER_SANDBOX | 1u << WORKER_STOPPING,
        [WORKER_SANDBOX] = 1u << WORKER_RUNNING | 1u << WORKER_STOPPING,
        [WORKER_RUNNING] = 1u << WORKER_STOPPING,
        [WORKER_STOPPING] = 1u << WORKER_STOPPED,
        [WORKER_STOPPED] = 0,
    };
    CHECK(allowed[worker->state] & 1u << state);
    worker->state = state;
}

Container *slot_container(const PodWorker *worker, const Slot *slot)
{
    return worker->sandbox ? sandbox_container(worker->sandbox, slot->view->name) : NULL;
}

/* --- life of the worker itself --- */

static PodWorker *worker_new(Kubelet *kubelet, Atom uid)
{
    PodWorker *worker = g_new0(PodWorker, 1);
    worker->kubelet = kubelet;
    worker->serial = ++kubelet->last_serial;
    worker->uid = uid;
    worker->stop_at = NANOS_NEVER;
    worker->started_at = kubelet_now(kubelet);
    worker->probe_phase = worker->started_at;
    worker->sandbox = runtime_sandbox(kubelet->runtime, uid);
    g_ptr_array_add(kubelet->workers, worker);
    g_hash_table_insert(kubelet->by_uid, GUINT_TO_POINTER(uid), worker);
    g_hash_table_insert(kubelet->by_serial, GUINT_TO_POINTER(worker->serial), worker);
    return worker;
}

void podworker_free(void *data)
{
    PodWorker *worker = (PodWorker *)data;
    object_unref(worker->pod);
    object_unref(worker->api);
    g_free(worker->slots);
    g_free(worker);
}

/* A kubelet that finds containers running beats anew, at random within a period. */
static void adopt_containers(PodWorker *worker)
{
    double unit = actor_unit(worker->kubelet->actor, "probe-phase");
    worker->probe_phase += (Nanos)(unit * (double)(10 * NANOS_S));
    for (unsigned i = 0; i < worker->slot_count; i++) {
        const Container *container = slot_container(worker, &worker->slots[i]);
        if (container && container->is_running) probe_begin(worker, &worker->slots[i], true);
    }
}

PodWorker *podworker_new(Kubelet *kubelet, const Object *pod)
{
    const PodView *view = pod_view(pod);
    PodWorker *worker = worker_new(kubelet, pod->uid);
    worker->key = pod->key;
    worker->ref = pod->ref;
    worker->pod = object_ref(pod);
    worker->api = object_ref(pod);
    worker->slot_count = view->spec->container_count;
    worker->slots = g_new0(Slot, MAX(worker->slot_count, 1));
    for (unsigned i = 0; i < worker->slot_count; i++)
        worker->slots[i].view = &view->spec->containers[i];
    if (view->started_at != NANOS_NEVER) worker->started_at = view->started_at;
    podstatus_adopt(worker);
    return worker;
}

PodWorker *podworker_new_remains(Kubelet *kubelet, Atom uid, Sandbox *sandbox)
{
    PodWorker *worker = worker_new(kubelet, uid);
    worker->is_gone = true;
    worker->state = WORKER_RUNNING;
    if (sandbox) {
        worker->key = sandbox->key;
        worker->ref = sandbox->ref;
    }
    return worker;
}

/* --- stopping --- */

static void stop_container(PodWorker *worker, Container *container)
{
    Nanos left = worker->stop_at - kubelet_now(worker->kubelet);
    runtime_stop_container(container, MAX(left, 0));
}

/* SIGTERM to all at once; sidecars after the others, the last first. */
static void stop_containers(PodWorker *worker)
{
    const Sandbox *sandbox = worker->sandbox;
    Container *sidecar = NULL;
    bool waits = false;
    for (unsigned i = 0; i < sandbox->containers->len; i++) {
        Container *container = (Container *)g_ptr_array_index(sandbox->containers, i);
        if (!container->is_running) continue;
        if (container->is_sidecar) {
            sidecar = container;
            continue;
        }
        waits = true;
        stop_container(worker, container);
    }
    if (!waits && sidecar) stop_container(worker, sidecar);
}

static void cancel_work(PodWorker *worker)
{
    Actor *actor = worker->kubelet->actor;
    actor_cancel(actor, worker->op);
    actor_cancel(actor, worker->late);
    worker->stage = STAGE_NONE;
    for (unsigned i = 0; i < worker->slot_count; i++)
        actor_cancel(actor, worker->slots[i].wake);
}

static void worker_stopped(PodWorker *worker)
{
    for (unsigned i = 0; i < worker->slot_count; i++)
        probe_end(worker, &worker->slots[i]);
    if (worker->sandbox) runtime_stop_sandbox(worker->sandbox);
    worker_move(worker, WORKER_STOPPED);
    volumes_release(worker);
    kubelet_push(worker);
}

/* Begins to stop the pod, or shortens its grace. */
static void worker_stop(PodWorker *worker, int64_t grace_s)
{
    if (worker->state == WORKER_STOPPED) return;
    Nanos until = kubelet_now(worker->kubelet) + MAX(grace_s, WORKER_GRACE_MIN) * NANOS_S;
    if (worker->state != WORKER_STOPPING) {
        cancel_work(worker);
        worker_move(worker, WORKER_STOPPING);
    }
    worker->stop_at = MIN(worker->stop_at, until);
    if (worker->sandbox) stop_containers(worker);
    podworker_step(worker);
}

/* The API's copy may be newer than what the watch tells: the answer to a status write came first.
 * It is the watch alone that says what is to be done. */
void podworker_seen(PodWorker *worker, const Object *pod)
{
    if (!worker->api || pod->version > worker->api->version) {
        object_ref(pod);
        object_unref(worker->api);
        worker->api = pod;
    }
    const Meta *meta = object_meta(pod);
    if (object_is_terminating(pod) && worker->state < WORKER_STOPPED)
        worker_stop(worker, meta->deletion_grace_s);
    else if (object_is_terminating(pod))
        podworker_step(worker);
}

void podworker_gone(PodWorker *worker)
{
    worker->is_gone = true;
    if (worker->state == WORKER_STOPPED)
        podworker_step(worker);
    else
        worker_stop(worker, spec_of(worker)->grace_s);
}

void podworker_kill(PodWorker *worker, Slot *slot, Nanos grace)
{
    Container *container = slot_container(worker, slot);
    actor_event(worker->kubelet->actor, worker->key, "Normal", "Killing",
                "Container %s failed its probe, will be restarted",
                atom_text(worker->kubelet->atoms, slot->view->name));
    runtime_stop_container(container, grace);
}

/* --- starting --- */

void podworker_begin(PodWorker *worker)
{
    volumes_adopt(worker);
    if (worker->is_gone) {
        worker_stop(worker, worker->sandbox ? worker->sandbox->grace_s : WORKER_GRACE_MIN);
        return;
    }
    unsigned running = worker->sandbox ? sandbox_running(worker->sandbox) : 0;
    bool is_terminating = object_is_terminating(worker->pod);
    if (pod_is_terminal(pod_view(worker->pod)) && running == 0) {
        worker->keeps_status = true;
        worker->state = WORKER_STOPPING;
    } else if (worker->sandbox && worker->sandbox->is_up) {
        worker->state = WORKER_RUNNING;
        adopt_containers(worker);
    } else if (!is_terminating) {
        volumes_want(worker);
        if (!volumes_are_mounted(worker))
            worker->late = kubelet_after(worker->kubelet, MOUNT_TIMEOUT,
                                         op_tag(OP_MOUNT_LATE, worker->serial, 0));
    }
    if (is_terminating)
        worker_stop(worker, object_meta(worker->pod)->deletion_grace_s);
    else
        podworker_step(worker);
    kubelet_push(worker);
}

static void mounts_late(PodWorker *worker)
{
    Kubelet *kubelet = worker->kubelet;
    g_autofree char *missing = volumes_missing(worker);
    actor_event(kubelet->actor, worker->key, "Warning", "FailedMount",
                "Unable to attach or mount volumes: unmounted volumes=[%s], unattached volumes=[], "
                "failed to process volumes=[]: context deadline exceeded",
                missing);
    double pause = MOUNT_RESYNC_MIN + MOUNT_RESYNC * actor_unit(kubelet->actor, "mount-resync");
    worker->late = kubelet_after(kubelet, MOUNT_TIMEOUT + (Nanos)(pause * (double)NANOS_S),
                                 op_tag(OP_MOUNT_LATE, worker->serial, 0));
}

static void begin_stage(PodWorker *worker, WorkerStage stage, Nanos delay)
{
    worker->stage = stage;
    worker->op = kubelet_after(worker->kubelet, delay, op_tag(OP_WORKER, worker->serial, 0));
}

/* How long until the image is there; pulls of a node are serial. */
static Nanos pull_time(PodWorker *worker, const ContainerView *view)
{
    Kubelet *kubelet = worker->kubelet;
    Nanos now = kubelet_now(kubelet);
    if (runtime_has_image(kubelet->runtime, view->image)) {
        if (view->pull_policy != PULL_ALWAYS) return 0;
        return kubelet_draw(worker, &latency_of(worker)->image_check, "image-check");
    }
    bool is_coming = false;
    for (unsigned i = 0; i < kubelet->pulling->len; i++)
        is_coming |= g_array_index(kubelet->pulling, Atom, i) == view->image;
    const LatencyConfig *latency = latency_of(worker);
    Nanos time = kubelet_draw(worker, is_coming ? &latency->image_check : &latency->image_pull,
                              is_coming ? "image-check" : "image-pull");
    if (!is_coming) g_array_append_val(kubelet->pulling, view->image);
    kubelet->puller_free_at = MAX(kubelet->puller_free_at, now) + time;
    return kubelet->puller_free_at - now;
}

static void begin_container(PodWorker *worker, unsigned index)
{
    worker->busy = index;
    begin_stage(worker, STAGE_PULL, pull_time(worker, worker->slots[index].view));
}

static void image_here(PodWorker *worker)
{
    Kubelet *kubelet = worker->kubelet;
    const ContainerView *view = worker->slots[worker->busy].view;
    runtime_add_image(kubelet->runtime, view->image);
    for (unsigned i = kubelet->pulling->len; i > 0; i--)
        if (g_array_index(kubelet->pulling, Atom, i - 1) == view->image)
            g_array_remove_index(kubelet->pulling, i - 1);
    begin_stage(worker, STAGE_START,
                kubelet_draw(worker, &latency_of(worker)->container_start, "container-start"));
}

static void container_here(PodWorker *worker)
{
    Slot *slot = &worker->slots[worker->busy];
    worker->stage = STAGE_NONE;
    slot->is_backing_off = false;
    runtime_start_container(worker->sandbox, slot->view);
    probe_begin(worker, slot, false);
    kubelet_push(worker);
    drive(worker);
}

/* --- crash back-off --- */

/* Whether the container has to wait; 10, 20, 40 .. 300 s from its end, the first time nothing. */
static bool must_back_off(PodWorker *worker, Slot *slot, const Container *container)
{
    Kubelet *kubelet = worker->kubelet;
    Nanos now = kubelet_now(kubelet);
    bool is_forgotten = container->finished_at - slot->backoff_at > BACKOFF_FORGET;
    Nanos since = now - container->finished_at;
    if (slot->backoff > 0 && !is_forgotten && since < slot->backoff) {
        if (!slot->is_backing_off)
            actor_event(kubelet->actor, worker->key, "Warning", "BackOff",
                        "Back-off restarting failed container %s in pod %s",
                        atom_text(kubelet->atoms, slot->view->name),
                        atom_text(kubelet->atoms, worker->key.name));
        slot->is_backing_off = true;
        Nanos left = MIN(slot->backoff - since, WAKE_STEP);
        double factor = 1 + 0.5 * actor_unit(kubelet->actor, "requeue");
        actor_cancel(kubelet->actor, slot->wake);
        slot->wake = kubelet_after(kubelet, (Nanos)((double)left * factor),
                                   op_tag(OP_WAKE, worker->serial, 0));
        return true;
    }
    bool is_first = slot->backoff == 0 || is_forgotten;
    slot->backoff = is_first ? BACKOFF_BASE : MIN(2 * slot->backoff, BACKOFF_CAP);
    slot->backoff_at = now;
    return false;
}

/* --- running --- */

typedef enum { SLOT_GOES_ON, SLOT_STARTS, SLOT_WAITS, SLOT_ENDED } SlotStep;

/* Whether an exited container of this sandbox stays so. */
static bool is_final(const PodWorker *worker, const Slot *slot, const Container *container)
{
    RestartPolicy policy = spec_of(worker)->restart_policy;
    if (slot->view->is_init && !slot->view->is_sidecar)
        return container->exit_code == 0 || policy == RESTART_NEVER;
    if (slot->view->is_sidecar || policy == RESTART_ALWAYS) return false;
    return policy == RESTART_NEVER || container->exit_code == 0;
}

static SlotStep slot_step(PodWorker *worker, unsigned index)
{
    Slot *slot = &worker->slots[index];
    const Container *container = slot_container(worker, slot);
    bool is_plain_init = slot->view->is_init && !slot->view->is_sidecar;
    if (container && container->is_running) {
        bool is_waited_for =
            is_plain_init || (slot->view->is_sidecar && !slot_is_started(worker, slot));
        return is_waited_for ? SLOT_WAITS : SLOT_GOES_ON;
    }
    if (container && container->attempt == worker->sandbox->attempt) {
        if (is_final(worker, slot, container))
            return is_plain_init && container->exit_code == 0 ? SLOT_GOES_ON : SLOT_ENDED;
        if (must_back_off(worker, slot, container)) return SLOT_WAITS;
    }
    begin_container(worker, index);
    return SLOT_STARTS;
}

/* Starts the next container that may be started; ends a pod that has done its work. */
static void drive(PodWorker *worker)
{
    if (worker->stage != STAGE_NONE) return;
    unsigned ended = 0, mains = 0;
    for (unsigned i = 0; i < worker->slot_count; i++) {
        bool is_init = worker->slots[i].view->is_init;
        SlotStep step = slot_step(worker, i);
        if (step == SLOT_STARTS || (step == SLOT_WAITS && is_init)) return;
        if (step == SLOT_ENDED && is_init) {
            worker_stop(worker, spec_of(worker)->grace_s);
            return;
        }
        mains += !is_init;
        ended += !is_init && step == SLOT_ENDED;
    }
    if (mains > 0 && ended == mains) worker_stop(worker, spec_of(worker)->grace_s);
}

bool podworker_is_finished(const PodWorker *worker)
{
    return worker->state == WORKER_STOPPED && volumes_are_released(worker);
}

void podworker_step(PodWorker *worker)
{
    switch (worker->state) {
    case WORKER_VOLUMES:
        if (!volumes_are_mounted(worker)) return;
        actor_cancel(worker->kubelet->actor, worker->late);
        worker_move(worker, WORKER_SANDBOX);
        begin_stage(worker, STAGE_SANDBOX,
                    kubelet_draw(worker, &latency_of(worker)->sandbox, "sandbox"));
        return;
    case WORKER_SANDBOX: return;
    case WORKER_RUNNING: drive(worker); return;
    case WORKER_STOPPING:
        if (worker->sandbox && sandbox_running(worker->sandbox) > 0)
            stop_containers(worker);
        else
            worker_stopped(worker);
        return;
    case WORKER_STOPPED:
        if (!volumes_are_released(worker)) return;
        if (worker->is_gone)
            kubelet_forget(worker);
        else
            kubelet_push(worker);
        return;
    }
}

static void sandbox_here(PodWorker *worker)
{
    worker->stage = STAGE_NONE;
    worker->sandbox = runtime_start_sandbox(worker->kubelet->runtime, worker->pod);
    worker_move(worker, WORKER_RUNNING);
    kubelet_push(worker);
    drive(worker);
}

static void stage_done(PodWorker *worker)
{
    switch (worker->stage) {
    case STAGE_NONE: return;
    case STAGE_SANDBOX: sandbox_here(worker); return;
    case STAGE_PULL: image_here(worker); return;
    case STAGE_START: container_here(worker); return;
    }
}

static void exits_seen(PodWorker *worker)
{
    for (unsigned i = 0; i < worker->slot_count; i++) {
        const Container *container = slot_container(worker, &worker->slots[i]);
        if (container && !container->is_running) probe_end(worker, &worker->slots[i]);
    }
    kubelet_push(worker);
    podworker_step(worker);
}

void podworker_timer(PodWorker *worker, Op op)
{
    if (op == OP_WORKER)
        stage_done(worker);
    else if (op == OP_EXIT_SEEN)
        exits_seen(worker);
    else if (op == OP_WAKE)
        podworker_step(worker);
    else if (op == OP_MOUNT_LATE)
        mounts_late(worker);
}
