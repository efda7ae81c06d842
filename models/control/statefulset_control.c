/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phases of one StatefulSet sync: replicas, condemned, rolling update, status, history.
 * Mirrors: kubernetes v1.36 pkg/controller/statefulset/stateful_set_control.go (updateStatefulSet)
 * Simplified: nothing known; batches of the Parallel policy are lanes in order of ordinal.
 * State:  replicas (ascending) --> owners of condemned claims --> condemned (descending)
 *             --> rolling update (descending) --> status --> history
 *         OrderedReady leaves at the first pod that must be waited for; status and history follow
 *         in any case. Up to 1.27 a replica that has ended is deleted and created in one sync.
 */
#include "models/control/statefulset.h"

#define BATCH_MAX 500

/* --- what pods are --- */

bool statefulset_wants(const StatefulSetView *view, int64_t ordinal)
{
    return ordinal >= view->start_ordinal && ordinal < view->start_ordinal + view->replicas;
}

bool statefulset_is_available(const SetSync *sync, const PodView *pod)
{
    if (pod->ready != CONDITION_TRUE) return false;
    Nanos wait = sync->view->min_ready_s * NANOS_S;
    return wait == 0 || (pod->ready_at != NANOS_NEVER && pod->ready_at <= sync->now - wait);
}

bool statefulset_is_unhealthy(const SetSync *sync, const Object *pod)
{
    if (!pod || object_is_terminating(pod)) return true;
    const PodView *view = pod_view(pod);
    return sync->waits_for_available ? !statefulset_is_available(sync, view)
                                     : !pod_is_running_and_ready(view);
}

const char *statefulset_pod_state(const SetSync *sync, const Object *pod, char buffer[96])
{
    char text[NANOS_TEXT_MAX];
    const PodView *view = pod_view(pod);
    const char *phase = pod_phase_text(view->phase);
    if (object_is_terminating(pod)) {
        snprintf(buffer, 96, "%s, terminating", phase);
    } else if (view->ready_at == NANOS_NEVER || view->ready_at > sync->now) {
        snprintf(buffer, 96, "%s, %s", phase,
                 view->ready == CONDITION_TRUE ? "Ready" : "never Ready");
    } else {
        /* whole seconds, so that the sentence does not depend on the wire */
        Nanos since = (sync->now - view->ready_at) / NANOS_S * NANOS_S;
        snprintf(buffer, 96, "%s, %s for %s", phase,
                 view->ready == CONDITION_TRUE ? "Ready" : "readiness false",
                 nanos_format(since, text));
    }
    return buffer;
}

/* --- status --- */

static void count_pod(const SetSync *sync, const Object *pod, SetStatus *status)
{
    const PodView *view = pod_view(pod);
    bool is_created = view->phase != PHASE_NONE;
    if (is_created) status->replicas++;
    if (pod_is_running_and_ready(view)) {
        status->ready++;
        if (statefulset_is_available(sync, view)) status->available++;
    }
    if (!is_created || object_is_terminating(pod)) return;
    Atom revision = statefulset_pod_revision(pod);
    if (revision == sync->current_name) status->current++;
    if (revision == sync->update_name) status->updated++;
}

/* Pods whose ordinal is no number of 32 bits count only for sets that are being deleted. */
static void count_pods(SetSync *sync)
{
    bool is_deleted = object_is_terminating(sync->set);
    sync->status = (SetStatus){0};
    for (unsigned i = 0; is_deleted && i < sync->pod_count; i++)
        count_pod(sync, sync->pods[i].pod, &sync->status);
    for (unsigned i = 0; !is_deleted && i < sync->replica_count; i++)
        if (sync->replicas[i].pod) count_pod(sync, sync->replicas[i].pod, &sync->status);
    for (unsigned i = 0; !is_deleted && i < sync->condemned_count; i++)
        count_pod(sync, sync->condemned[i].pod, &sync->status);
}

static bool is_complete(const SetSync *sync, const SetStatus *status)
{
    const char *type = value_text(sync->set->value, "spec", "updateStrategy", "type");
    return status->updated == sync->view->replicas && status->ready == sync->view->replicas &&
           status->replicas == sync->view->replicas && strcmp(type, "RollingUpdate") == 0;
}

static bool status_differs(const SetSync *sync, const SetStatus *status, Atom current)
{
    const StatefulSetView *view = sync->view;
    return view->meta->generation > view->observed_generation ||
           status->replicas != view->status_replicas || status->current != view->current ||
           status->ready != view->ready || status->updated != view->updated ||
           status->available != view->available || current != view->current_revision ||
           sync->update_name != view->update_revision;
}

static void put_count(Value *map, const char *key, int64_t count)
{
    if (count) value_map_set(map, key, value_int(count));
}

/* The numbers of the status, and the current revision, after completion. */
static SetStatus final_status(const SetSync *sync, Atom *ret_current)
{
    SetStatus status = sync->status;
    *ret_current = sync->current_name;
    status.current -= sync->is_running ? sync->rolls_done : sync->rolls_planned;
    SetStatus replaced = sync->is_running ? sync->replaced_done : sync->replaced_planned;
    status.replicas -= replaced.replicas;
    status.current -= replaced.current;
    status.updated -= replaced.updated;
    if (is_complete(sync, &status)) {
        status.current = status.updated;
        *ret_current = sync->update_name;
    }
    return status;
}

static bool is_made(const SetSync *sync, const SetStatus *status, Atom current)
{
    const SetStatus *made = &sync->made.status;
    return sync->made.value && sync->made.current == current &&
           sync->made.update == sync->update_name && sync->made.collisions == sync->collisions &&
           made->replicas == status->replicas && made->ready == status->ready &&
           made->available == status->available && made->current == status->current &&
           made->updated == status->updated;
}

Value *statefulset_status(SetSync *sync)
{
    Atom current;
    SetStatus status = final_status(sync, &current);
    if (is_made(sync, &status, current)) return value_ref(sync->made.value);
    Value *map = value_map();
    value_map_set(map, "availableReplicas", value_int(status.available));
    value_map_set(map, "collisionCount", value_int(sync->collisions));
    put_count(map, "currentReplicas", status.current);
    value_map_set(map, "currentRevision", value_string(actor_text(sync->actor, current)));
    put_count(map, "observedGeneration", sync->view->meta->generation);
    put_count(map, "readyReplicas", status.ready);
    value_map_set(map, "replicas", value_int(status.replicas));
    value_map_set(map, "updateRevision", value_string(actor_text(sync->actor, sync->update_name)));
    put_count(map, "updatedReplicas", status.updated);
    value_unref(sync->made.value);
    sync->made.value = value_ref(map);
    sync->made.status = status;
    sync->made.current = current;
    sync->made.update = sync->update_name;
    sync->made.collisions = sync->collisions;
    return map;
}

static bool has_new_status(const SetSync *sync)
{
    Atom current;
    SetStatus status = final_status(sync, &current);
    return status_differs(sync, &status, current);
}

/* The set with its new status; NULL if nothing is to be written. */
static Value *status_body(Actor *actor, PlanStep *step, void *data)
{
    SetSync *sync = data;
    (void)actor, (void)step;
    if (!has_new_status(sync)) return NULL;
    Value *body = value_ref(sync->set->value);
    value_put(&body, statefulset_status(sync), "status");
    return body;
}

static PlanVerdict on_status_written(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    (void)actor, (void)step;
    statefulset_wrote(data, reply);
    return reply->reason == REASON_OK ? PLAN_ACCEPT : PLAN_REFUSE;
}

/* Plans the status write: its body is made when its turn comes, because deletions of the update
 * phase, and of pods that are made again, count only if they went well. */
static void write_status(SetSync *sync)
{
    bool may_differ = sync->rolls_planned || sync->replaced_planned.replicas;
    if (!has_new_status(sync) && !may_differ) return;
    Atom current;
    SetStatus status = final_status(sync, &current);
    PlanStep *step = plan_update_status(sync->actor, sync->set, value_ref(sync->set->value));
    plan_flags(step, PLAN_FINAL | PLAN_RETRIES_CONFLICT);
    plan_late(step, status_body, sync);
    plan_then(step, on_status_written, sync);
    plan_because(step,
                 "replicas %" PRId64 ", ready %" PRId64 ", available %" PRId64 ", updated %" PRId64,
                 status.replicas, status.ready, status.available, status.updated);
}

/* --- history --- */

static bool is_live(const SetSync *sync, Atom revision)
{
    if (revision == sync->current_name || revision == sync->update_name) return true;
    for (unsigned i = 0; i < sync->pod_count; i++)
        if (statefulset_pod_revision(sync->pods[i].pod) == revision) return true;
    return false;
}

static PlanVerdict on_revision_deleted(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    (void)step, (void)data;
    if (reply->reason == REASON_OK) return PLAN_ACCEPT;
    plan_drop_rest(actor);
    return PLAN_REFUSE;
}

void statefulset_truncate(SetSync *sync)
{
    if (sync->view->history_limit < 0 || sync->revision_count <= sync->view->history_limit) return;

    const Object **dead = plan_alloc(sync->actor, sizeof *dead * (sync->revision_count + 1));
    unsigned count = 0;
    for (unsigned i = 0; i < sync->revision_count; i++)
        if (!is_live(sync, sync->revisions[i]->key.name)) dead[count++] = sync->revisions[i];
    for (unsigned i = 0; i + sync->view->history_limit < count; i++) {
        PlanStep *step = plan_delete(sync->actor, dead[i]->key);
        plan_flags(step, PLAN_FINAL);
        plan_then(step, on_revision_deleted, sync);
        plan_because(step, "no pod uses the revision and revisionHistoryLimit is %" PRId64,
                     sync->view->history_limit);
    }
}

/* --- who is a replica, who is condemned --- */

/* Two names may have one ordinal (web-1, web-01). As upstream, whose pods come by name: of two
 * replicas the later counts; condemned ones keep their order. */
static bool is_later(const SetSync *sync, const Object *pod, const Object *than)
{
    return !than || strcmp(actor_text(sync->actor, pod->key.name),
                           actor_text(sync->actor, than->key.name)) > 0;
}

static int by_ordinal_descending(const void *a, const void *b, void *actor)
{
    const SetPod *left = a, *right = b;
    if (left->ordinal != right->ordinal) return left->ordinal < right->ordinal ? 1 : -1;
    return strcmp(actor_text(actor, left->pod->key.name), actor_text(actor, right->pod->key.name));
}

static void partition_pods(SetSync *sync)
{
    const StatefulSetView *view = sync->view;
    unsigned count = view->replicas > 0 ? (unsigned)view->replicas : 0;
    sync->replicas = plan_alloc(sync->actor, sizeof *sync->replicas * (count + 1));
    sync->condemned = plan_alloc(sync->actor, sizeof *sync->condemned * (sync->pod_count + 1));
    sync->replica_count = count;
    sync->condemned_count = 0;
    for (unsigned i = 0; i < count; i++)
        sync->replicas[i] = (SetPod){NULL, view->start_ordinal + i};

    for (unsigned i = 0; i < sync->pod_count; i++) {
        SetPod *pod = &sync->pods[i];
        if (statefulset_wants(view, pod->ordinal)) {
            SetPod *slot = &sync->replicas[pod->ordinal - view->start_ordinal];
            if (is_later(sync, pod->pod, slot->pod)) *slot = *pod;
        } else if (pod->ordinal >= 0) {
            sync->condemned[sync->condemned_count++] = *pod;
        }
    }
    g_qsort_with_data(sync->condemned, (gint)sync->condemned_count, sizeof *sync->condemned,
                      by_ordinal_descending, sync->actor);
}

static const SetPod *find_first_unhealthy(const SetSync *sync)
{
    for (unsigned i = 0; i < sync->replica_count; i++)
        if (statefulset_is_unhealthy(sync, sync->replicas[i].pod)) return &sync->replicas[i];
    for (unsigned i = sync->condemned_count; i-- > 0;)
        if (statefulset_is_unhealthy(sync, sync->condemned[i].pod)) return &sync->condemned[i];
    return NULL;
}

/* --- phases --- */

/* Monotonic: in order, up to the first that says stop. Otherwise: in batches of 1, 2, 4, ... side
 * by side. Returns whether the sync ends here. */
static bool run_for_all(SetSync *sync, unsigned count, bool (*each)(SetSync *, unsigned))
{
    for (unsigned i = 0; sync->is_monotonic && i < count; i++)
        if (each(sync, i)) return true;
    if (sync->is_monotonic) return false;

    unsigned size = 1;
    for (unsigned done = 0; done < count; done += size, size = MIN(2 * size, BATCH_MAX)) {
        sync->batch++;
        for (unsigned i = done; i < MIN(done + size, count); i++) {
            plan_lane(sync->actor, sync->batch, i - done + 1);
            each(sync, i);
        }
        if (sync->is_doomed) return true;
    }
    return false;
}

/* A pod that is deleted and made again in this sync. */
typedef struct {
    SetSync *sync;
    const Object *pod;
} Recreation;

static PlanVerdict on_recreating(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    const Recreation *recreation = data;
    const Object *pod = recreation->pod;
    bool has_failed = pod_view(pod)->phase == PHASE_FAILED;
    (void)step, (void)reply;

    recreation->sync->is_running = true;
    actor_event(actor, recreation->sync->set->key, has_failed ? "Warning" : "Normal",
                has_failed ? "RecreatingFailedPod" : "RecreatingTerminatedPod",
                "StatefulSet %s/%s is recreating %s Pod %s", actor_text(actor, pod->key.space),
                recreation->sync->name, has_failed ? "failed" : "terminated",
                actor_text(actor, pod->key.name));
    return PLAN_ACCEPT;
}

static PlanVerdict on_ended_deleted(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    const Recreation *recreation = data;
    (void)actor, (void)step, (void)reply;
    count_pod(recreation->sync, recreation->pod, &recreation->sync->replaced_done);
    return PLAN_ACCEPT;
}

/* Up to 1.27 a pod that has ended is deleted, even if it is being deleted, and its slot is empty
 * from then on. The creation that follows is refused (AlreadyExists) while a finalizer keeps the
 * old pod. */
static void empty_slot(SetSync *sync, SetPod *replica)
{
    Recreation *recreation = plan_alloc(sync->actor, sizeof *recreation);
    *recreation = (Recreation){sync, replica->pod};
    const char *name = actor_text(sync->actor, replica->pod->key.name);
    char why[120];
    snprintf(why, sizeof why, "%.60s has ended (phase %s) and is made again", name,
             pod_phase_text(pod_view(replica->pod)->phase));

    Key set = sync->set->key;
    plan_then(plan_answer(sync->actor, set, REASON_OK, "%s", why), on_recreating, recreation);
    statefulset_delete_pod(sync, replica->pod->key.name, false, why);
    plan_then(plan_answer(sync->actor, set, REASON_OK, "%.60s no longer counts", name),
              on_ended_deleted, recreation);
    count_pod(sync, replica->pod, &sync->replaced_planned);
    replica->pod = NULL;
}

static bool process_replica(SetSync *sync, unsigned index)
{
    SetPod *replica = &sync->replicas[index];
    if (replica->pod && pod_is_terminal(pod_view(replica->pod)) &&
        !world_is_at_least(actor_world(sync->actor), 28))
        empty_slot(sync, replica);
    return statefulset_process_replica(sync, index);
}

static bool process_condemned(SetSync *sync, unsigned index)
{
    const SetPod *condemned = &sync->condemned[index];
    const Object *pod = condemned->pod;
    const char *name = actor_text(sync->actor, pod->key.name);
    char state[96], why[160];

    if (object_is_terminating(pod)) {
        if (sync->is_monotonic)
            actor_because(sync->actor, sync->set->key,
                          "waiting for %s to go (scale-down); until then nothing below it is "
                          "deleted, no rollout",
                          name);
        else
            actor_because(sync->actor, sync->set->key, "waiting for %s to go (scale-down)", name);
        return sync->is_monotonic;
    }
    bool is_fine =
        pod_is_running_and_ready(pod_view(pod)) && statefulset_is_available(sync, pod_view(pod));
    if (!is_fine && sync->is_monotonic && condemned != sync->first_unavailable) {
        const SetPod *first = sync->first_unavailable;
        actor_because(
            sync->actor, sync->set->key,
            "waiting for %s (%s) before it is scaled down: %s is the lowest unhealthy pod, and "
            "only that one may go unhealthy",
            name, statefulset_pod_state(sync, pod, state),
            first && first->pod ? actor_text(sync->actor, first->pod->key.name) : "another");
        return true;
    }
    snprintf(why, sizeof why, "scale-down: ordinal %" PRId64 " is outside %" PRId64 "..%" PRId64,
             condemned->ordinal, sync->view->start_ordinal,
             sync->view->start_ordinal + sync->view->replicas - 1);
    statefulset_delete_pod(sync, pod->key.name, false, why);
    return true;
}

static Atom replica_revision(const SetSync *sync, const SetPod *replica)
{
    return replica->pod ? statefulset_pod_revision(replica->pod)
                        : statefulset_placeholder_revision(sync, replica->ordinal);
}

static Atom replica_name(const SetSync *sync, const SetPod *replica)
{
    return replica->pod ? replica->pod->key.name : statefulset_pod_name(sync, replica->ordinal);
}

static bool is_outdated(const SetSync *sync, const SetPod *replica)
{
    return replica_revision(sync, replica) != sync->update_name &&
           !(replica->pod && object_is_terminating(replica->pod));
}

static void roll(SetSync *sync, const SetPod *replica)
{
    char why[200] = "";
    if (actor_explains(sync->actor))
        snprintf(why, sizeof why, "rollout: revision %.60s is not the update revision %.60s",
                 actor_text(sync->actor, replica_revision(sync, replica)),
                 actor_text(sync->actor, sync->update_name));
    statefulset_delete_pod(sync, replica_name(sync, replica), true, why);
}

/* A parallel set waits for a pod only with its rollout. */
static void explain_wait(SetSync *sync, int64_t lowest, int64_t index)
{
    char state[96];
    const SetPod *replica = &sync->replicas[index];
    const char *name = actor_text(sync->actor, replica_name(sync, replica));
    bool is_rolling = false;
    for (int64_t i = lowest; i < index; i++)
        is_rolling |= is_outdated(sync, &sync->replicas[i]);
    actor_because(
        sync->actor, sync->set->key,
        is_rolling ? "rollout waits for %s (%s); until then nothing below it is updated"
                   : "waiting for %s (%s); nothing else waits for it",
        name, replica->pod ? statefulset_pod_state(sync, replica->pod, state) : "not created yet");
}

static void update_one(SetSync *sync, int64_t lowest)
{
    for (int64_t i = sync->replica_count; i-- > lowest;) {
        const SetPod *replica = &sync->replicas[i];
        if (is_outdated(sync, replica)) {
            roll(sync, replica);
            return;
        }
        if (!statefulset_is_unhealthy(sync, replica->pod)) continue;
        if (!sync->is_monotonic) explain_wait(sync, lowest, i);
        return;
    }
}

/* Says for whom a rollout waits whose budget is used up. */
static void explain_budget(SetSync *sync, int64_t lowest, int64_t unavailable, int64_t budget)
{
    char state[96];
    const SetPod *first = NULL;
    bool is_due = false;
    for (unsigned i = 0; i < sync->replica_count; i++) {
        const SetPod *replica = &sync->replicas[i];
        if (!first && statefulset_is_unhealthy(sync, replica->pod)) first = replica;
        is_due |= i >= lowest && is_outdated(sync, replica);
    }
    if (!is_due || !first) return;
    actor_because(sync->actor, sync->set->key,
                  "rollout waits for %s (%s): %" PRId64 " unavailable, maxUnavailable is %" PRId64,
                  actor_text(sync->actor, replica_name(sync, first)),
                  first->pod ? statefulset_pod_state(sync, first->pod, state) : "not created yet",
                  unavailable, budget);
}

/* With the gate MaxUnavailableStatefulSet on: as many as the budget leaves. */
static void update_some(SetSync *sync, int64_t lowest)
{
    int64_t budget = 1, unavailable = 0;
    if (sync->view->has_rolling_update)
        budget =
            MAX(1, int_or_percent(sync->view->max_unavailable, sync->view->replicas, false, 1));
    for (unsigned i = 0; i < sync->replica_count; i++)
        if (statefulset_is_unhealthy(sync, sync->replicas[i].pod)) unavailable++;
    if (unavailable >= budget) explain_budget(sync, lowest, unavailable, budget);
    for (int64_t i = sync->replica_count; i-- > lowest && unavailable < budget;) {
        if (!is_outdated(sync, &sync->replicas[i])) continue;
        roll(sync, &sync->replicas[i]);
        unavailable++;
    }
}

static void run_phases(SetSync *sync)
{
    if (object_is_terminating(sync->set)) return;
    if (run_for_all(sync, sync->replica_count, process_replica)) return;
    if (run_for_all(sync, sync->condemned_count, statefulset_fix_condemned_claims)) return;
    if (run_for_all(sync, sync->condemned_count, process_condemned)) return;
    if (sync->view->is_on_delete) return;

    int64_t lowest = sync->view->has_rolling_update ? MAX(0, sync->view->partition) : 0;
    if (!sync->is_monotonic) plan_lane(sync->actor, ++sync->batch, 1);
    if (world_gate(actor_world(sync->actor), "MaxUnavailableStatefulSet"))
        update_some(sync, lowest);
    else
        update_one(sync, lowest);
}

/* The next moment at which a Ready pod becomes available; if none can tell, a full wait later. */
static void plan_next_look(SetSync *sync)
{
    Nanos wait = sync->view->min_ready_s * NANOS_S, next = NANOS_NEVER;
    if (wait == 0) return;
    if (!world_is_at_least(actor_world(sync->actor), 35)) {
        if (sync->status.available != sync->view->replicas) plan_after(sync->actor, wait);
        return;
    }
    if (sync->status.ready == sync->status.available) return;
    for (unsigned i = 0; i < sync->pod_count; i++) {
        const PodView *pod = pod_view(sync->pods[i].pod);
        if (pod->ready != CONDITION_TRUE || pod->ready_at == NANOS_NEVER) continue;
        Nanos left = pod->ready_at + wait - sync->now;
        if (left > 0) next = MIN(next, left);
    }
    plan_after(sync->actor, next != NANOS_NEVER ? next : wait);
}

void statefulset_control(SetSync *sync)
{
    sync->rolls_planned = sync->rolls_done = 0;
    sync->replaced_planned = sync->replaced_done = (SetStatus){0};
    sync->is_doomed = false;
    partition_pods(sync);
    sync->first_unavailable = find_first_unhealthy(sync);
    count_pods(sync);
    run_phases(sync);
    if (!sync->is_monotonic) plan_lane(sync->actor, ++sync->batch, 1);
    write_status(sync);
    statefulset_truncate(sync);
    plan_next_look(sync);
}
