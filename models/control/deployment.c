/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Deployment controller: a ReplicaSet for each template, scaled against each other.
 * Mirrors: kubernetes v1.36 pkg/controller/deployment/{deployment_controller,sync,rolling,recreate,
 *          progress}.go and util/deployment_util.go
 * Simplified: the pod-template-hash is FNV-1a 32 over canonical JSON and the collision count,
 *             because Go's dump of the template cannot be reproduced: names differ from a real
 *             cluster, their shape does not. ReplicaSets are neither adopted nor released. A
 *             rollback by annotation, the deprecated revision history and the condition
 *             ReplicaFailure are left out.
 * State:  RollingUpdate: new up by surge --> old down by availability --> complete --> clean up
 *         Recreate: old to 0 --> no old pod runs --> new up --> complete --> clean up
 */
#include "models/plan.h"

#include "models/control/revision.h"
#include "sim/json.h"

#define HASH_LABEL "pod-template-hash"
#define REVISION   "deployment.kubernetes.io/revision"
#define DESIRED    "deployment.kubernetes.io/desired-replicas"
#define MAXIMUM    "deployment.kubernetes.io/max-replicas"

/* A ReplicaSet with the size that this sync gives it. */
typedef struct {
    const Object *set; /* NULL: being created */
    int64_t replicas, available;
} Part;

/* One sync; lives with its plan. */
typedef struct {
    Actor *actor;
    const Object *deployment;
    const DeploymentView *view;
    int64_t surge, unavailable; /* resolved; both may not be 0 */
    Part fresh;                 /* the new ReplicaSet */
    bool has_fresh;
    Part *old; /* by age */
    unsigned old_count;
    bool is_scaled;
} Rollout;

/* --- watches --- */

static void enqueue_owner(Actor *actor, const Object *set)
{
    const OwnerRef *ref = object_meta(set)->controller;
    if (ref && ref->kind == KIND_DEPLOYMENT)
        actor_enqueue(actor, (Key){KIND_DEPLOYMENT, set->key.space, ref->name});
}

static void on_deployment(Actor *actor, const Object *old, const Object *now)
{
    actor_enqueue(actor, now ? now->key : old->key);
}

static void on_set(Actor *actor, const Object *old, const Object *now)
{
    if (old && now && old->version == now->version) return;
    if (old) enqueue_owner(actor, old);
    if (now) enqueue_owner(actor, now);
}

/* Recreate waits for the last pod to go. */
static void on_pod(Actor *actor, const Object *old, const Object *now)
{
    const OwnerRef *ref = old && !now ? object_meta(old)->controller : NULL;
    if (!ref || ref->kind != KIND_REPLICA_SET) return;
    const Object *set = actor_get(actor, (Key){KIND_REPLICA_SET, old->key.space, ref->name});
    if (set && set->uid == ref->uid) enqueue_owner(actor, set);
}

/* --- ReplicaSets --- */

static int64_t annotation(const Object *object, const char *name)
{
    int64_t number;
    const char *text = value_text(object->value, "metadata", "annotations", name);
    return text_to_int(text, &number) ? number : 0;
}

/* Whether a ReplicaSet has the deployment's template, its hash label aside. */
static bool has_template(const Rollout *rollout, const Object *set)
{
    const Value *held = replicaset_view(set)->template;
    g_autoptr(Value) bare = value_ref(held);
    value_drop(&bare, "metadata", "labels", HASH_LABEL);
    return value_equal(bare, rollout->view->template);
}

static int by_age(const void *a, const void *b, void *actor)
{
    const Part *left = a, *right = b;
    const Meta *x = object_meta(left->set), *y = object_meta(right->set);
    if (x->created_at != y->created_at) return x->created_at < y->created_at ? -1 : 1;
    return strcmp(actor_text(actor, left->set->key.name), actor_text(actor, right->set->key.name));
}

static void find_sets(Rollout *rollout)
{
    Actor *actor = rollout->actor;
    ObjectList sets = actor_lookup(actor, INDEX_CONTROLLER,
                                   index_key(KIND_REPLICA_SET, rollout->deployment->uid));
    Part *all = plan_alloc(actor, sizeof *all * (sets.count + 1));
    for (unsigned i = 0; i < sets.count; i++) {
        const ReplicaSetView *view = replicaset_view(sets.items[i]);
        all[i] = (Part){sets.items[i], view->replicas, view->available};
    }
    g_qsort_with_data(all, (gint)sets.count, sizeof *all, by_age, actor);
    rollout->old = all;
    for (unsigned i = 0; i < sets.count; i++) {
        if (!rollout->has_fresh && has_template(rollout, all[i].set)) {
            rollout->fresh = all[i];
            rollout->has_fresh = true;
        } else {
            rollout->old[rollout->old_count++] = all[i];
        }
    }
}

static int64_t total_replicas(const Rollout *rollout)
{
    int64_t total = rollout->has_fresh ? rollout->fresh.replicas : 0;
    for (unsigned i = 0; i < rollout->old_count; i++)
        total += rollout->old[i].replicas;
    return total;
}

static int64_t old_replicas(const Rollout *rollout)
{
    return total_replicas(rollout) - (rollout->has_fresh ? rollout->fresh.replicas : 0);
}

static void resolve_budget(Rollout *rollout)
{
    const DeploymentView *view = rollout->view;
    if (view->is_recreate) return;
    rollout->surge = int_or_percent(view->max_surge, view->replicas, true, 1);
    rollout->unavailable = int_or_percent(view->max_unavailable, view->replicas, false, 0);
    if (rollout->surge == 0 && rollout->unavailable == 0) rollout->unavailable = 1;
    rollout->unavailable = MIN(rollout->unavailable, view->replicas);
}

/* --- scaling a ReplicaSet --- */

static void put_sizes(const Rollout *rollout, Value **body)
{
    int64_t most = rollout->view->replicas + rollout->surge;
    value_put(body, value_printf("%" PRId64, rollout->view->replicas), "metadata", "annotations",
              DESIRED);
    value_put(body, value_printf("%" PRId64, most), "metadata", "annotations", MAXIMUM);
}

static void scale_part(Rollout *rollout, Part *part, int64_t replicas, const char *why)
{
    int64_t most = rollout->view->replicas + rollout->surge;
    bool is_sized = replicas == part->replicas;
    if (!part->set || (is_sized && annotation(part->set, DESIRED) == rollout->view->replicas &&
                       annotation(part->set, MAXIMUM) == most))
        return;
    Value *body = value_ref(part->set->value);
    value_put(&body, value_int(replicas), "spec", "replicas");
    put_sizes(rollout, &body);
    PlanStep *step = plan_update(rollout->actor, part->set, body);
    plan_because(step, "%s", why);
    if (!is_sized)
        plan_event_ok(step, rollout->deployment->key, "ScalingReplicaSet",
                      "Scaled %s replica set %s from %" PRId64 " to %" PRId64,
                      replicas > part->replicas ? "up" : "down",
                      actor_text(rollout->actor, part->set->key.name), part->replicas, replicas);
    rollout->is_scaled |= !is_sized;
    part->replicas = replicas;
}

/* How large the new ReplicaSet may be now. */
static int64_t fresh_size(const Rollout *rollout)
{
    const DeploymentView *view = rollout->view;
    if (view->is_recreate) return view->replicas;
    int64_t now = rollout->has_fresh ? rollout->fresh.replicas : 0;
    int64_t room = view->replicas + rollout->surge - total_replicas(rollout);
    if (room <= 0) return now;
    return now + MIN(room, MAX(0, view->replicas - now));
}

/* --- the new ReplicaSet --- */

static const char *template_hash(const Rollout *rollout, char buffer[REVISION_HASH_MAX])
{
    uint32_t sum = UINT32_C(2166136261);
    g_autofree char *json = json_text(rollout->view->template);
    for (const char *at = json; *at; at++)
        sum = (sum ^ (unsigned char)*at) * UINT32_C(16777619);
    for (unsigned i = 0; rollout->view->has_collision_count && i < 8; i++) {
        uint64_t count = (uint64_t)rollout->view->collision_count;
        sum = (sum ^ (uint32_t)(count >> (8 * i) & 0xff)) * UINT32_C(16777619);
    }
    return revision_encode(sum, buffer);
}

static int64_t next_revision(const Rollout *rollout)
{
    int64_t last = 0;
    for (unsigned i = 0; i < rollout->old_count; i++)
        last = MAX(last, annotation(rollout->old[i].set, REVISION));
    return last + 1;
}

static void set_own_revision(Rollout *rollout, int64_t revision)
{
    if (annotation(rollout->deployment, REVISION) == revision) return;
    Value *patch = value_map();
    value_put(&patch, value_printf("%" PRId64, revision), "metadata", "annotations", REVISION);
    PlanStep *step = plan_patch(rollout->actor, rollout->deployment->key, PATCH_MERGE, patch);
    plan_because(step, "the deployment is at revision %" PRId64, revision);
}

/* A name that is taken by another template counts as a collision. */
static PlanVerdict on_set_created(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    const Rollout *rollout = data;
    if (reply->reason != REASON_ALREADY_EXISTS)
        return reply->reason == REASON_OK ? PLAN_ACCEPT : PLAN_REFUSE;
    const Object *cached = actor_get(actor, plan_step_key(step));
    plan_drop_rest(actor);
    if (!cached || has_template(rollout, cached)) return PLAN_REFUSE;
    Value *patch = value_map();
    value_put(&patch, value_int(rollout->view->collision_count + 1), "status", "collisionCount");
    PlanStep *count = plan_patch_status(actor, rollout->deployment->key, PATCH_MERGE, patch);
    plan_flags(count, PLAN_FINAL);
    return PLAN_REFUSE;
}

static Value *set_body(const Rollout *rollout, const char *hash, int64_t size)
{
    const Object *deployment = rollout->deployment;
    const char *name = actor_text(rollout->actor, deployment->key.name);
    const Value *selector = value_find(deployment->value, "spec", "selector");
    Value *owners = value_list();
    value_list_add(owners, revision_owner_ref(deployment, name));
    const Value *labels = value_find(rollout->view->template, "metadata", "labels");
    const Value *notes = value_find(deployment->value, "metadata", "annotations");

    Value *body = value_map();
    value_put(&body, value_string("apps/v1"), "apiVersion");
    value_put(&body, value_string("ReplicaSet"), "kind");
    value_put(&body, labels ? value_ref(labels) : value_map(), "metadata", "labels");
    if (notes) value_put(&body, value_ref(notes), "metadata", "annotations");
    value_put(&body, value_printf("%s-%s", name, hash), "metadata", "name");
    value_put(&body, value_string(actor_text(rollout->actor, deployment->key.space)), "metadata",
              "namespace");
    value_put(&body, owners, "metadata", "ownerReferences");
    value_put(&body, value_string(hash), "metadata", "labels", HASH_LABEL);
    value_put(&body, value_printf("%" PRId64, next_revision(rollout)), "metadata", "annotations",
              REVISION);
    put_sizes(rollout, &body);
    value_put(&body, value_int(size), "spec", "replicas");
    value_put(&body, value_int(rollout->view->min_ready_s), "spec", "minReadySeconds");
    value_put(&body, selector ? value_ref(selector) : value_map(), "spec", "selector");
    value_put(&body, value_string(hash), "spec", "selector", "matchLabels", HASH_LABEL);
    value_put(&body, value_ref(rollout->view->template), "spec", "template");
    value_put(&body, value_string(hash), "spec", "template", "metadata", "labels", HASH_LABEL);
    return body;
}

static void create_fresh(Rollout *rollout)
{
    char hash[REVISION_HASH_MAX];
    int64_t size = fresh_size(rollout);
    template_hash(rollout, hash);
    PlanStep *step = plan_create(rollout->actor, KIND_REPLICA_SET, set_body(rollout, hash, size));
    plan_then(step, on_set_created, rollout);
    plan_because(step, "no ReplicaSet has the template");
    if (size > 0)
        plan_event_ok(step, rollout->deployment->key, "ScalingReplicaSet",
                      "Scaled up replica set %s-%s from 0 to %" PRId64,
                      actor_text(rollout->actor, rollout->deployment->key.name), hash, size);
    set_own_revision(rollout, next_revision(rollout));
    rollout->fresh = (Part){NULL, size, 0};
    rollout->has_fresh = true;
}

/* An existing new ReplicaSet becomes the latest revision again (a roll-back). */
static void renew_fresh(Rollout *rollout)
{
    int64_t revision = MAX(next_revision(rollout), annotation(rollout->fresh.set, REVISION));
    if (annotation(rollout->fresh.set, REVISION) != revision) {
        Value *patch = value_map();
        value_put(&patch, value_printf("%" PRId64, revision), "metadata", "annotations", REVISION);
        PlanStep *step = plan_patch(rollout->actor, rollout->fresh.set->key, PATCH_MERGE, patch);
        plan_because(step, "its template is the latest again");
        /* the version has moved: sizes follow in the next sync */
        rollout->is_scaled = true;
    }
    set_own_revision(rollout, revision);
}

static void ensure_fresh(Rollout *rollout)
{
    if (rollout->has_fresh)
        renew_fresh(rollout);
    else
        create_fresh(rollout);
}

/* --- rolling update --- */

/* Takes up to `most` from old sets, first what is not healthy (in any order of age). */
static void shrink_old(Rollout *rollout, int64_t most, bool is_unhealthy_only)
{
    for (unsigned i = 0; i < rollout->old_count && most > 0; i++) {
        Part *part = &rollout->old[i];
        int64_t can = is_unhealthy_only ? part->replicas - part->available : part->replicas;
        int64_t cut = MIN(most, MIN(can, part->replicas));
        if (cut <= 0) continue;
        scale_part(rollout, part, part->replicas - cut,
                   is_unhealthy_only ? "rollout: unhealthy old pods go first"
                                     : "rollout: enough pods are available");
        most -= cut;
    }
}

static void shrink_for_rollout(Rollout *rollout)
{
    const DeploymentView *view = rollout->view;
    int64_t old = old_replicas(rollout), least = view->replicas - rollout->unavailable;
    int64_t waiting = rollout->fresh.replicas - rollout->fresh.available;
    int64_t most = total_replicas(rollout) - least - waiting;
    if (old == 0) return;
    if (most <= 0) {
        actor_because(rollout->actor, rollout->deployment->key,
                      "rollout waits for new pods to be available");
        return;
    }
    shrink_old(rollout, most, true);

    int64_t available = rollout->fresh.available;
    for (unsigned i = 0; i < rollout->old_count; i++)
        available += rollout->old[i].available;
    int64_t left = MIN(available - least, most - (old - old_replicas(rollout)));
    /* what an unhealthy cut has planned for a set is not planned twice */
    if (old == old_replicas(rollout) && left > 0) shrink_old(rollout, left, false);
}

static void roll(Rollout *rollout)
{
    ensure_fresh(rollout);
    if (rollout->is_scaled) return;
    int64_t size = MIN(fresh_size(rollout), rollout->view->replicas);
    scale_part(rollout, &rollout->fresh, size, "rollout: the surge leaves room");
    if (!rollout->is_scaled) shrink_for_rollout(rollout);
}

/* --- recreate --- */

static const Object *running_old_pod(const Rollout *rollout)
{
    for (unsigned i = 0; i < rollout->old_count; i++) {
        ObjectList pods = actor_lookup(rollout->actor, INDEX_CONTROLLER,
                                       index_key(KIND_POD, rollout->old[i].set->uid));
        for (unsigned j = 0; j < pods.count; j++)
            if (!pod_is_terminal(pod_view(pods.items[j]))) return pods.items[j];
    }
    return NULL;
}

static void recreate(Rollout *rollout)
{
    for (unsigned i = 0; i < rollout->old_count; i++)
        scale_part(rollout, &rollout->old[i], 0, "recreate: old pods go first");
    if (rollout->is_scaled) return;
    const Object *pod = running_old_pod(rollout);
    if (pod) {
        actor_because(rollout->actor, rollout->deployment->key,
                      "recreate waits for pods of the old revision to go");
        return;
    }
    ensure_fresh(rollout);
    scale_part(rollout, &rollout->fresh, rollout->view->replicas, "recreate: nothing old runs");
}

/* --- scaling --- */

/* Whether spec.replicas changed since the ReplicaSets were sized. */
static bool is_scaling(const Rollout *rollout)
{
    int64_t replicas = rollout->view->replicas;
    if (rollout->has_fresh && rollout->fresh.replicas > 0 &&
        annotation(rollout->fresh.set, DESIRED) != replicas)
        return true;
    for (unsigned i = 0; i < rollout->old_count; i++)
        if (rollout->old[i].replicas > 0 && annotation(rollout->old[i].set, DESIRED) != replicas)
            return true;
    return false;
}

/* A part's share of a change, rounded to the nearest. */
static int64_t share_of(const Rollout *rollout, const Part *part, int64_t change, int64_t given)
{
    int64_t before = annotation(part->set, MAXIMUM);
    if (before <= 0) before = rollout->view->replicas;
    int64_t target = rollout->view->replicas + rollout->surge;
    if (before == 0) return 0;
    int64_t scaled = (2 * part->replicas * target + before) / (2 * before);
    int64_t share = scaled - part->replicas, left = change - given;
    return change > 0 ? MIN(share, left) : MAX(share, left);
}

static void scale_all(Rollout *rollout)
{
    Part **active = plan_alloc(rollout->actor, sizeof(Part *) * (rollout->old_count + 1));
    unsigned count = 0;
    if (rollout->has_fresh && rollout->fresh.replicas > 0) active[count++] = &rollout->fresh;
    for (unsigned i = rollout->old_count; i-- > 0;)
        if (rollout->old[i].replicas > 0) active[count++] = &rollout->old[i];
    if (count <= 1) {
        Part *only = count ? active[0] : &rollout->fresh;
        scale_part(rollout, only, rollout->view->replicas, "spec.replicas changed");
        return;
    }
    int64_t allowed = rollout->view->replicas ? rollout->view->replicas + rollout->surge : 0;
    int64_t change = allowed - total_replicas(rollout), given = 0;
    int64_t *sizes = plan_alloc(rollout->actor, sizeof *sizes * count);
    for (unsigned i = 0; i < count; i++) {
        int64_t share = change ? share_of(rollout, active[i], change, given) : 0;
        given += share;
        sizes[i] = active[i]->replicas + share;
    }
    sizes[0] = MAX(0, sizes[0] + change - given);
    for (unsigned i = 0; i < count; i++)
        scale_part(rollout, active[i], sizes[i], "spec.replicas changed: shares in proportion");
}

/* --- status --- */

typedef struct {
    int64_t replicas, updated, ready, available, unavailable;
} Counts;

static void add_set(Counts *counts, const Object *set)
{
    if (!set) return;
    const ReplicaSetView *view = replicaset_view(set);
    counts->replicas += view->status_replicas;
    counts->ready += view->ready;
    counts->available += view->available;
}

static Counts count_sets(const Rollout *rollout)
{
    Counts counts = {0};
    for (unsigned i = 0; i < rollout->old_count; i++)
        add_set(&counts, rollout->old[i].set);
    if (rollout->has_fresh) add_set(&counts, rollout->fresh.set);
    if (rollout->has_fresh && rollout->fresh.set)
        counts.updated = replicaset_view(rollout->fresh.set)->status_replicas;
    counts.unavailable = MAX(0, total_replicas(rollout) - counts.available);
    return counts;
}

static bool is_complete(const Rollout *rollout, const Counts *counts)
{
    int64_t wanted = rollout->view->replicas;
    return counts->updated == wanted && counts->replicas == wanted && counts->available == wanted;
}

static const Value *find_condition(const Rollout *rollout, const char *type)
{
    const Value *all = value_find(rollout->deployment->value, "status", "conditions");
    value_each (i, all) {
        if (!strcmp(value_text(value_at(all, i), "type"), type)) return value_at(all, i);
    }
    return NULL;
}

/* Keeps the transition time while the status stays; the old one while nothing changes. */
static Value *condition_of(const Rollout *rollout, const char *type, bool is_true,
                           const char *reason, const char *message)
{
    char now[TIME_TEXT_MAX];
    const Value *old = find_condition(rollout, type);
    const char *status = is_true ? "True" : "False";
    bool is_same_status = old && !strcmp(value_text(old, "status"), status);
    if (is_same_status && !strcmp(value_text(old, "reason"), reason)) return value_ref(old);
    time_format(actor_now(rollout->actor), now);
    Value *condition = value_map();
    value_map_set(condition, "type", value_string(type));
    value_map_set(condition, "status", value_string(status));
    value_map_set(condition, "reason", value_string(reason));
    value_map_set(condition, "message", value_string(message));
    value_map_set(condition, "lastUpdateTime", value_string(now));
    value_map_set(condition, "lastTransitionTime",
                  value_string(is_same_status ? value_text(old, "lastTransitionTime") : now));
    return condition;
}

/* Whether anything moved since the status that is stored. */
static bool is_progressing(const Rollout *rollout, const Counts *counts)
{
    const DeploymentView *view = rollout->view;
    int64_t old = counts->replicas - counts->updated;
    return counts->updated > view->updated || old < view->status_replicas - view->updated ||
           counts->ready > view->ready || counts->available > view->available;
}

static Value *progress_of(Rollout *rollout, const Counts *counts)
{
    const Value *old = find_condition(rollout, "Progressing");
    Nanos limit = rollout->view->progress_deadline_s * NANOS_S;
    if (is_complete(rollout, counts))
        return condition_of(rollout, "Progressing", true, "NewReplicaSetAvailable",
                            "ReplicaSet has successfully progressed.");
    if (is_progressing(rollout, counts) || !old)
        return condition_of(rollout, "Progressing", true, "ReplicaSetUpdated",
                            "ReplicaSet is progressing.");
    Nanos since = time_of(value_get(old, "lastUpdateTime"), actor_now(rollout->actor));
    Nanos left = since + limit - actor_now(rollout->actor);
    bool is_done = !strcmp(value_text(old, "reason"), "NewReplicaSetAvailable");
    if (is_done || limit <= 0) return value_ref(old);
    if (left <= 0)
        return condition_of(rollout, "Progressing", false, "ProgressDeadlineExceeded",
                            "ReplicaSet has timed out progressing.");
    plan_after(rollout->actor, left + NANOS_S);
    return value_ref(old);
}

static Value *status_of(Rollout *rollout, const Counts *counts)
{
    const Value *old = value_get(rollout->deployment->value, "status");
    bool is_enough = counts->available >= rollout->view->replicas - rollout->unavailable;
    Value *conditions = value_list();
    value_list_add(conditions,
                   is_enough
                       ? condition_of(rollout, "Available", true, "MinimumReplicasAvailable",
                                      "Deployment has minimum availability.")
                       : condition_of(rollout, "Available", false, "MinimumReplicasUnavailable",
                                      "Deployment does not have minimum availability."));
    value_list_add(conditions, progress_of(rollout, counts));

    Value *status = old ? value_ref(old) : value_map();
    value_put(&status, value_int(rollout->view->meta->generation), "observedGeneration");
    value_put(&status, value_int(counts->replicas), "replicas");
    value_put(&status, value_int(counts->updated), "updatedReplicas");
    value_put(&status, value_int(counts->ready), "readyReplicas");
    value_put(&status, value_int(counts->available), "availableReplicas");
    value_put(&status, value_int(counts->unavailable), "unavailableReplicas");
    value_put(&status, conditions, "conditions");
    return status;
}

static void write_status(Rollout *rollout, const Counts *counts)
{
    g_autoptr(Value) status = status_of(rollout, counts);
    if (value_equal(status, value_get(rollout->deployment->value, "status"))) return;
    Value *patch = value_map();
    value_map_set(patch, "status", value_ref(status));
    PlanStep *step =
        plan_patch_status(rollout->actor, rollout->deployment->key, PATCH_MERGE, patch);
    plan_because(step, "replicas %" PRId64 ", updated %" PRId64 ", available %" PRId64,
                 counts->replicas, counts->updated, counts->available);
}

/* --- clean up --- */

static void clean_up(Rollout *rollout)
{
    int64_t surplus = rollout->old_count - rollout->view->history_limit;
    for (unsigned i = 0; i < rollout->old_count && surplus > 0; i++) {
        const Object *set = rollout->old[i].set;
        const ReplicaSetView *view = replicaset_view(set);
        if (view->replicas || view->status_replicas || object_is_terminating(set) ||
            view->meta->generation > view->observed_generation)
            continue;
        PlanStep *step = plan_delete(rollout->actor, set->key);
        plan_flags(step, PLAN_IGNORES_NOT_FOUND);
        plan_because(step, "revisionHistoryLimit is %" PRId64, rollout->view->history_limit);
        surplus--;
    }
}

/* --- sync --- */

static void rollout_free(void *data)
{
    object_unref(((Rollout *)data)->deployment);
}

static void sync_deployment(Actor *actor, Key key)
{
    const Object *deployment = actor_get(actor, key);
    if (!deployment || !deployment_view(deployment)->selector) return;

    Rollout *rollout = plan_alloc(actor, sizeof *rollout);
    *rollout = (Rollout){
        .actor = actor, .deployment = object_ref(deployment), .view = deployment_view(deployment)};
    plan_keep(actor, rollout_free, rollout);
    resolve_budget(rollout);
    find_sets(rollout);
    bool is_deleted = object_is_terminating(deployment);
    if (!is_deleted && (rollout->view->is_paused || is_scaling(rollout)))
        scale_all(rollout);
    else if (!is_deleted && rollout->view->is_recreate)
        recreate(rollout);
    else if (!is_deleted)
        roll(rollout);

    Counts counts = count_sets(rollout);
    if (!is_deleted && is_complete(rollout, &counts)) clean_up(rollout);
    write_status(rollout, &counts);
}

static const WatchRule watches[] = {
    {KIND_DEPLOYMENT, on_deployment, SCOPE_ALL, INDEX_NONE},
    {KIND_REPLICA_SET, on_set, SCOPE_ALL, INDEX_NONE},
    {KIND_POD, on_pod, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component deployment_component = {
    .name = "deployment-controller",
    .help = "rolls Deployments out over ReplicaSets",
    .watches = watches,
    .workers = 5,
    .sync = sync_deployment,
};
