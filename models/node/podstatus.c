/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podstatus.c - what the API should show of a pod: phase, conditions, containers.
 * Mirrors: kubernetes v1.36 pkg/kubelet/kubelet_pods.go (getPhase, convertToAPIContainerStatuses),
 *   pkg/kubelet/status/generate.go, status_manager.go (mergePodStatus)
 * Simplified: no readiness gates, no qosClass, no image ids; conditions that others own are left
 *   alone because the patch merges by type.
 * State: phase
 *   Pending -every container started once-> Running -all ended, none restarts-> Succeeded, Failed
 */
#include "models/node/kubelet.h"

static const char *const condition_types[POD_CONDITIONS] = {
    [POD_READY_TO_START] = "PodReadyToStartContainers",
    [POD_INITIALIZED] = "Initialized",
    [POD_READY] = "Ready",
    [POD_CONTAINERS_READY] = "ContainersReady",
    [POD_SCHEDULED] = "PodScheduled",
};

bool slot_is_started(const PodWorker *worker, const Slot *slot)
{
    const Container *container = slot_container(worker, slot);
    if (!container || !container->is_running) return false;
    return !slot->view->startup.is_set || slot->probes[PROBE_STARTUP].result;
}

bool slot_is_ready(const PodWorker *worker, const Slot *slot)
{
    if (!slot_is_started(worker, slot)) return false;
    return !slot->view->readiness.is_set || slot->probes[PROBE_READINESS].result;
}

static bool is_plain_init(const Slot *slot)
{
    return slot->view->is_init && !slot->view->is_sidecar;
}

static bool init_is_done(const PodWorker *worker, const Slot *slot)
{
    const Container *container = slot_container(worker, slot);
    if (!is_plain_init(slot)) return slot_is_started(worker, slot);
    return container && !container->is_running && container->exit_code == 0 &&
           container->attempt == worker->sandbox->attempt;
}

static bool inits_are_done(const PodWorker *worker)
{
    for (unsigned i = 0; i < worker->slot_count; i++)
        if (worker->slots[i].view->is_init && !init_is_done(worker, &worker->slots[i]))
            return false;
    return true;
}

/* --- phase --- */

/* The end of a pod: Failed if a main container failed or never ran. */
static PodPhase final_phase(const PodWorker *worker)
{
    for (unsigned i = 0; i < worker->slot_count; i++) {
        const Slot *slot = &worker->slots[i];
        const Container *container = slot_container(worker, slot);
        if (!slot->view->is_init && (!container || container->exit_code != 0)) return PHASE_FAILED;
    }
    return PHASE_SUCCEEDED;
}

static PodPhase phase_of(const PodWorker *worker)
{
    if (worker->state == WORKER_STOPPED)
        return worker->keeps_status ? pod_view(worker->api)->phase : final_phase(worker);
    bool was_running = pod_view(worker->api)->phase == PHASE_RUNNING;
    for (unsigned i = 0; i < worker->slot_count; i++) {
        const Slot *slot = &worker->slots[i];
        if (!slot->view->is_init && !slot_container(worker, slot))
            return was_running ? PHASE_RUNNING : PHASE_PENDING;
    }
    return PHASE_RUNNING;
}

/* --- conditions --- */

static Condition condition_of(bool truth)
{
    return truth ? CONDITION_TRUE : CONDITION_FALSE;
}

static void condition_set(PodWorker *worker, PodConditionType type, bool truth)
{
    PodConditionState *state = &worker->conditions[type];
    if (state->status == condition_of(truth)) return;
    state->status = condition_of(truth);
    state->since = kubelet_now(worker->kubelet);
}

void podstatus_refresh(PodWorker *worker)
{
    bool are_ready = worker->state != WORKER_STOPPED;
    for (unsigned i = 0; i < worker->slot_count; i++)
        if (!is_plain_init(&worker->slots[i]))
            are_ready = are_ready && slot_is_ready(worker, &worker->slots[i]);
    bool is_up = worker->sandbox && worker->sandbox->is_up;
    bool is_initialized =
        inits_are_done(worker) || (worker->state == WORKER_STOPPED &&
                                   worker->conditions[POD_INITIALIZED].status == CONDITION_TRUE);
    condition_set(worker, POD_READY_TO_START, is_up);
    condition_set(worker, POD_INITIALIZED, is_initialized);
    condition_set(worker, POD_READY, are_ready);
    condition_set(worker, POD_CONTAINERS_READY, are_ready);
    condition_set(worker, POD_SCHEDULED, true);
}

void podstatus_adopt(PodWorker *worker)
{
    const Value *list = value_find(worker->api->value, "status", "conditions");
    value_each (i, list) {
        const Value *entry = value_at(list, i);
        for (unsigned type = 0; type < POD_CONDITIONS; type++) {
            if (!g_str_equal(value_text(entry, "type"), condition_types[type])) continue;
            worker->conditions[type] =
                (PodConditionState){condition_of(g_str_equal(value_text(entry, "status"), "True")),
                                    time_of(value_get(entry, "lastTransitionTime"), 0)};
        }
    }
}

static const char *unready_reason(const PodWorker *worker, PodConditionType type, PodPhase phase)
{
    if (type == POD_INITIALIZED) return "ContainersNotInitialized";
    if (type != POD_READY && type != POD_CONTAINERS_READY) return NULL;
    if (worker->state == WORKER_STOPPED)
        return phase == PHASE_FAILED ? "PodFailed" : "PodCompleted";
    return "ContainersNotReady";
}

static Value *time_value(Nanos at)
{
    char text[TIME_TEXT_MAX];
    return value_string(time_format(at, text));
}

static Value *conditions_value(const PodWorker *worker, PodPhase phase)
{
    Value *list = value_list();
    bool has_ready_to_start = world_is_at_least(worker->kubelet->world, 29);
    for (unsigned type = 0; type < POD_CONDITIONS; type++) {
        const PodConditionState *state = &worker->conditions[type];
        if (type == POD_READY_TO_START && !has_ready_to_start) continue;
        Value *entry = value_map();
        const char *reason = state->status == CONDITION_TRUE
                                 ? NULL
                                 : unready_reason(worker, (PodConditionType)type, phase);
        value_map_set(entry, "type", value_string(condition_types[type]));
        value_map_set(entry, "status", value_string(condition_text(state->status)));
        value_map_set(entry, "lastTransitionTime", time_value(state->since));
        if (reason) value_map_set(entry, "reason", value_string(reason));
        value_list_add(list, entry);
    }
    return list;
}

/* --- containers --- */

static Value *terminated_value(int exit_code, Nanos started_at, Nanos finished_at)
{
    Value *map = value_map();
    value_map_set(map, "exitCode", value_int(exit_code));
    value_map_set(map, "reason", value_string(exit_code == 0 ? "Completed" : "Error"));
    value_map_set(map, "startedAt", time_value(started_at));
    value_map_set(map, "finishedAt", time_value(finished_at));
    Value *state = value_map();
    value_map_set(state, "terminated", map);
    return state;
}

/* An exited container that will run again shows its end as the last state, and why it waits. */
static bool waits_for_restart(const PodWorker *worker, const Slot *slot)
{
    const Container *container = slot_container(worker, slot);
    if (worker->state >= WORKER_STOPPING || container->is_running) return false;
    return slot->is_backing_off || !worker->sandbox->is_up ||
           container->attempt != worker->sandbox->attempt;
}

static Value *waiting_value(const PodWorker *worker, const Slot *slot)
{
    const char *reason = "ContainerCreating";
    if (slot->is_backing_off)
        reason = "CrashLoopBackOff";
    else if (!inits_are_done(worker))
        reason = "PodInitializing";
    Value *state = value_map();
    value_put(&state, value_string(reason), "waiting", "reason");
    return state;
}

static Value *state_value(const PodWorker *worker, const Slot *slot, const Container *container)
{
    if (!container && worker->state == WORKER_STOPPED) {
        Value *state = value_map();
        value_put(&state, value_int(137), "terminated", "exitCode");
        value_put(&state, value_string("ContainerStatusUnknown"), "terminated", "reason");
        return state;
    }
    if (!container || waits_for_restart(worker, slot)) return waiting_value(worker, slot);
    if (!container->is_running)
        return terminated_value(container->exit_code, container->started_at,
                                container->finished_at);
    Value *state = value_map();
    value_put(&state, time_value(container->started_at), "running", "startedAt");
    return state;
}

static Value *last_state_value(const PodWorker *worker, const Slot *slot,
                               const Container *container)
{
    if (container && waits_for_restart(worker, slot))
        return terminated_value(container->exit_code, container->started_at,
                                container->finished_at);
    if (container && container->has_last)
        return terminated_value(container->last_exit_code, container->last_started_at,
                                container->last_finished_at);
    return value_map();
}

static Value *container_value(const PodWorker *worker, const Slot *slot)
{
    AtomTable *atoms = worker->kubelet->atoms;
    const Container *container = slot_container(worker, slot);
    bool is_ready = is_plain_init(slot) ? init_is_done(worker, slot) : slot_is_ready(worker, slot);
    Value *map = value_map();
    value_map_set(map, "name", value_string(atom_text(atoms, slot->view->name)));
    value_map_set(map, "image", value_string(atom_text(atoms, slot->view->image)));
    value_map_set(map, "imageID", value_string(""));
    value_map_set(map, "restartCount", value_int(container ? container->restarts : 0));
    value_map_set(map, "ready", value_bool(is_ready));
    value_map_set(map, "started", value_bool(slot_is_started(worker, slot)));
    value_map_set(map, "state", state_value(worker, slot, container));
    value_map_set(map, "lastState", last_state_value(worker, slot, container));
    return map;
}

static Value *containers_value(const PodWorker *worker, bool are_init)
{
    Value *list = value_list();
    for (unsigned i = 0; i < worker->slot_count; i++)
        if (worker->slots[i].view->is_init == are_init)
            value_list_add(list, container_value(worker, &worker->slots[i]));
    return list;
}

Value *podstatus_value(const PodWorker *worker)
{
    PodPhase phase = phase_of(worker);
    Value *status = value_map();
    value_map_set(status, "phase", value_string(pod_phase_text(phase)));
    value_map_set(status, "conditions", conditions_value(worker, phase));
    value_map_set(status, "startTime", time_value(worker->started_at));
    value_map_set(status, "containerStatuses", containers_value(worker, false));
    if (worker->slot_count > 0 && worker->slots[0].view->is_init)
        value_map_set(status, "initContainerStatuses", containers_value(worker, true));
    Atom ip = worker->sandbox ? worker->sandbox->ip : ATOM_NONE;
    if (ip) {
        const char *text = atom_text(worker->kubelet->atoms, ip);
        Value *entry = value_map(), *list = value_list();
        value_map_set(entry, "ip", value_string(text));
        value_list_add(list, entry);
        value_map_set(status, "podIP", value_string(text));
        value_map_set(status, "podIPs", list);
    }
    return status;
}

/* --- comparing with the API, writing to it --- */

/* What a condition may say besides its status; a patch must take away what is not said any more. */
static const char *const condition_texts[] = {"reason", "message"};

static const Value *entry_of_type(const Value *list, const char *type)
{
    value_each (i, list) {
        const Value *entry = value_at(list, i);
        if (g_str_equal(value_text(entry, "type"), type)) return entry;
    }
    return NULL;
}

static bool map_is_within(const Value *map, const Value *whole)
{
    value_each (i, map) {
        const Value *there = value_get(whole, value_key_at(map, i));
        if (!there || !value_equal(value_at(map, i), there)) return false;
    }
    return true;
}

static bool conditions_are_shown(const Value *mine, const Value *shown)
{
    value_each (i, mine) {
        const Value *entry = value_at(mine, i);
        const Value *there = entry_of_type(shown, value_text(entry, "type"));
        if (!there || !map_is_within(entry, there)) return false;
        for (unsigned j = 0; j < G_N_ELEMENTS(condition_texts); j++)
            if (value_get(there, condition_texts[j]) && !value_get(entry, condition_texts[j]))
                return false;
    }
    return true;
}

bool podstatus_is_shown(const Object *api, const Value *status)
{
    const Value *shown = value_get(api->value, "status");
    value_each (i, status) {
        const char *key = value_key_at(status, i);
        const Value *mine = value_at(status, i), *there = value_get(shown, key);
        if (!g_str_equal(key, "conditions")) {
            if (!there || !value_equal(mine, there)) return false;
            continue;
        }
        if (!conditions_are_shown(mine, there)) return false;
    }
    return true;
}

Value *podstatus_patch(const Object *api, const Value *status)
{
    const Value *shown = value_find(api->value, "status", "conditions");
    const Value *mine = value_get(status, "conditions");
    Value *list = value_list(), *patch = value_map();
    value_each (i, mine) {
        Value *entry = value_ref(value_at(mine, i));
        const Value *there = entry_of_type(shown, value_text(entry, "type"));
        for (unsigned j = 0; j < G_N_ELEMENTS(condition_texts); j++)
            if (value_get(there, condition_texts[j]) && !value_get(entry, condition_texts[j]))
                value_put(&entry, value_null(), condition_texts[j]);
        value_list_add(list, entry);
    }
    value_put(&patch, value_ref(status), "status");
    value_put(&patch, list, "status", "conditions");
    return patch;
}
