/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.c - startup, readiness and liveness probes.
 * Mirrors: kubernetes v1.36 pkg/kubelet/prober/worker.go
 * Simplified: a probe takes no time, so it never times out. A beat that could not change anything
 *   (the answer counts already, and the application says until when it stays so) is skipped, so a
 *   healthy pod costs nothing; results are those of probing at every beat.
 * State: of one probe; beats are at worker start + n periods (after a kubelet restart at random)
 *   initial (readiness: failure, liveness: success, startup: unknown)
 *     -successThreshold in a row-> success     -failureThreshold in a row-> failure
 *   liveness or startup failure kills the container, and a new one begins at initial
 */
#include "models/node/kubelet.h"

static const ProbeView *probe_view(const Slot *slot, ProbeKind kind)
{
    switch (kind) {
    case PROBE_STARTUP: return &slot->view->startup;
    case PROBE_READINESS: return &slot->view->readiness;
    case PROBE_LIVENESS: return &slot->view->liveness;
    }
    UNREACHABLE();
}

/* Whether probing makes sense now: startup comes before the others, and only readiness goes on
 * while the pod terminates. */
static bool probe_is_active(const PodWorker *worker, const Slot *slot, ProbeKind kind)
{
    const Container *container = slot_container(worker, slot);
    if (!probe_view(slot, kind)->is_set || !container || !container->is_running) return false;
    if (kind != PROBE_READINESS && (worker->state >= WORKER_STOPPING || container->is_stopping))
        return false;
    bool is_started = slot_is_started(worker, slot);
    return kind == PROBE_STARTUP ? !is_started : is_started;
}

/* What the probe would find; init containers and sidecars run no application and are fine. */
static bool probe_ask(Container *container, ProbeKind kind)
{
    return !container->is_main || container->run.app->probe(&container->run, kind);
}

/* The first moment at which a probe may change what is known. */
static Nanos probe_earliest(const PodWorker *worker, const Slot *slot, ProbeKind kind)
{
    const ProbeView *view = probe_view(slot, kind);
    const ProbeState *state = &slot->probes[kind];
    Container *container = slot_container(worker, slot);
    Nanos now = kubelet_now(worker->kubelet);
    Nanos earliest = now + 1;
    bool answer = probe_ask(container, kind);
    bool is_settled = answer == state->result && (state->streak == 0 || state->last == answer);
    if (is_settled && !(kind == PROBE_STARTUP && !state->result)) {
        AppRun *run = &container->run;
        if (!container->is_main || !run->app->next_change) return NANOS_NEVER;
        earliest = run->app->next_change(run);
        if (earliest == NANOS_NEVER) return NANOS_NEVER;
        earliest = MAX(earliest, now + 1);
    }
    return MAX(earliest, container->started_at + view->initial_delay_s * NANOS_S);
}

static void probe_schedule(PodWorker *worker, Slot *slot, ProbeKind kind)
{
    Kubelet *kubelet = worker->kubelet;
    ProbeState *state = &slot->probes[kind];
    actor_cancel(kubelet->actor, state->timer);
    if (!probe_is_active(worker, slot, kind)) return;
    Nanos earliest = probe_earliest(worker, slot, kind);
    if (earliest == NANOS_NEVER) return;
    Nanos period = MAX(probe_view(slot, kind)->period_s, 1) * NANOS_S;
    Nanos past = MAX(earliest - worker->probe_phase, 0);
    Nanos beat = worker->probe_phase + (past + period - 1) / period * period;
    unsigned index = (unsigned)(slot - worker->slots);
    state->timer =
        kubelet_after(kubelet, beat - kubelet_now(kubelet),
                      op_tag(OP_PROBE, worker->serial, index * PROBE_KINDS + (unsigned)kind));
}

void probe_again(PodWorker *worker, Slot *slot)
{
    for (unsigned kind = 0; kind < PROBE_KINDS; kind++)
        probe_schedule(worker, slot, (ProbeKind)kind);
}

/* Whether the API's copy shows the container as ready, or as started. */
static bool shown_in_api(const PodWorker *worker, const Slot *slot, const char *field)
{
    const Value *list = value_find(worker->api->value, "status", "containerStatuses");
    const char *name = atom_text(worker->kubelet->atoms, slot->view->name);
    value_each (i, list) {
        const Value *status = value_at(list, i);
        if (g_str_equal(value_text(status, "name"), name))
            return value_as_bool(value_get(status, field), false);
    }
    return false;
}

void probe_begin(PodWorker *worker, Slot *slot, bool is_adopted)
{
    memset(slot->probes, 0, sizeof slot->probes);
    slot->probes[PROBE_LIVENESS].result = true;
    /* Before 1.35 a restarted kubelet forgot what it had found, and pods flapped. */
    if (is_adopted && world_is_at_least(worker->kubelet->world, 35)) {
        slot->probes[PROBE_READINESS].result = shown_in_api(worker, slot, "ready");
        slot->probes[PROBE_STARTUP].result = shown_in_api(worker, slot, "started");
    }
    probe_again(worker, slot);
}

void probe_end(PodWorker *worker, Slot *slot)
{
    for (unsigned kind = 0; kind < PROBE_KINDS; kind++) {
        actor_cancel(worker->kubelet->actor, slot->probes[kind].timer);
        slot->probes[kind].result = kind == PROBE_LIVENESS;
        slot->probes[kind].streak = 0;
    }
}

static void probe_failed(PodWorker *worker, Slot *slot, ProbeKind kind)
{
    static const char *const words[] = {"Startup", "Readiness", "Liveness"};
    const ProbeView *view = probe_view(slot, kind);
    actor_event(worker->kubelet->actor, worker->key, "Warning", "Unhealthy", "%s probe failed",
                words[kind]);
    if (kind == PROBE_READINESS) return;
    int64_t grace = view->grace_s >= 0 ? view->grace_s : pod_view(worker->pod)->spec->grace_s;
    podworker_kill(worker, slot, grace * NANOS_S);
}

/* Takes note of one answer; whether what counts has changed. */
static bool probe_count(ProbeState *state, const ProbeView *view, bool answer)
{
    state->streak = state->streak > 0 && state->last == answer ? state->streak + 1 : 1;
    state->last = answer;
    int64_t threshold = answer ? view->success_threshold : view->failure_threshold;
    return state->streak >= MAX(threshold, 1);
}

static void probe_beat(PodWorker *worker, Slot *slot, ProbeKind kind)
{
    ProbeState *state = &slot->probes[kind];
    if (!probe_is_active(worker, slot, kind)) return;
    bool answer = probe_ask(slot_container(worker, slot), kind);
    if (probe_count(state, probe_view(slot, kind), answer)) {
        bool is_new = state->result != answer;
        state->result = answer;
        if (!answer && (is_new || kind == PROBE_STARTUP)) probe_failed(worker, slot, kind);
        if (is_new) kubelet_push(worker);
        if (is_new && kind == PROBE_STARTUP) {
            probe_schedule(worker, slot, PROBE_LIVENESS);
            probe_beat(worker, slot, PROBE_READINESS);
        }
    }
    probe_schedule(worker, slot, kind);
}

void probe_timer(PodWorker *worker, unsigned argument)
{
    unsigned index = argument / PROBE_KINDS;
    if (index < worker->slot_count)
        probe_beat(worker, &worker->slots[index], (ProbeKind)(argument % PROBE_KINDS));
}
