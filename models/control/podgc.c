/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pod garbage collector: removes pods that no kubelet will ever finish.
 * Mirrors: kubernetes v1.36 pkg/controller/podgc/gc_controller.go
 * Simplified: rounds of 20 s in which nothing can be pending are not run; those that are keep the
 *             phase of the grid, so times are the same.
 * State:  node gone --> quarantined 40 s --still gone in a live read--> its pods are removed
 */
#include "models/plan.h"

#define THRESHOLD  12500
#define QUARANTINE (40 * NANOS_S)

typedef struct {
    Nanos started_at;
    bool is_armed;
    GHashTable *missing; /* node name -> Nanos *, since when; looked up only */
} State;

/* All pods of one node that is gone; lives with the plan. */
typedef struct {
    Atom node;
} Gone;

static const Key round_key = {KIND_POD, ATOM_NONE, ATOM_NONE};

static Key node_key(Atom name)
{
    return (Key){KIND_NODE, ATOM_NONE, name};
}

/* --- when --- */

static void arm(Actor *actor)
{
    State *state = actor_state(actor);
    Nanos period = actor_config(actor)->control_plane.pod_gc_period;
    if (period <= 0) period = 20 * NANOS_S;
    if (state->is_armed) return;
    state->is_armed = true;
    Nanos since = actor_now(actor) - state->started_at;
    actor_timer(actor, period - since % period, 0);
}

static void on_timer(Actor *actor, uint64_t tag)
{
    State *state = actor_state(actor);
    (void)tag;
    state->is_armed = false;
    actor_enqueue(actor, round_key);
}

static bool is_pending(const Actor *actor, const Object *pod)
{
    Atom node = pod_view(pod)->spec->node_name;
    return object_is_terminating(pod) || (node && !actor_get(actor, node_key(node)));
}

static void on_pod(Actor *actor, const Object *old, const Object *now)
{
    (void)old;
    if (now && (is_pending(actor, now) || pod_is_terminal(pod_view(now)))) arm(actor);
}

static void on_node(Actor *actor, const Object *old, const Object *now)
{
    State *state = actor_state(actor);
    if (!old) g_hash_table_remove(state->missing, GUINT_TO_POINTER(now->key.name));
    if (old) arm(actor);
}

/* --- what --- */

static Value *failed_patch(Actor *actor, bool is_disruption)
{
    char now[TIME_TEXT_MAX];
    Value *patch = value_map();
    value_put(&patch, value_string("Failed"), "status", "phase");
    if (!is_disruption) return patch;
    Value *condition = value_map();
    value_map_set(condition, "type", value_string("DisruptionTarget"));
    value_map_set(condition, "status", value_string("True"));
    value_map_set(condition, "reason", value_string("DeletionByPodGC"));
    value_map_set(condition, "message", value_string("PodGC: node no longer exists"));
    value_map_set(condition, "lastTransitionTime",
                  value_string(time_format(actor_now(actor), now)));
    Value *conditions = value_list();
    value_list_add(conditions, condition);
    value_put(&patch, conditions, "status", "conditions");
    return patch;
}

/* Marks a pod as failed, unless it is terminal, and deletes it without grace. */
static void remove_pod(Actor *actor, const Object *pod, bool is_disruption, const char *why)
{
    if (!pod_is_terminal(pod_view(pod))) {
        PlanStep *mark =
            plan_patch_status(actor, pod->key, PATCH_STRATEGIC, failed_patch(actor, is_disruption));
        plan_flags(mark, PLAN_GOES_ON | PLAN_IGNORES_NOT_FOUND);
        plan_because(mark, "%s", why);
    }
    PlanStep *step = plan_delete(actor, pod->key);
    plan_delete_options(step, ATOM_NONE, 0, 0, PROPAGATION_DEFAULT);
    plan_flags(step, PLAN_GOES_ON | PLAN_IGNORES_NOT_FOUND);
    plan_because(step, "%s", why);
}

static bool is_out_of_service(const Actor *actor, const Object *pod)
{
    const Object *node = actor_get(actor, node_key(pod_view(pod)->spec->node_name));
    if (!node || node_view(node)->ready == CONDITION_TRUE) return false;
    const NodeView *view = node_view(node);
    for (uint32_t i = 0; i < view->taint_count; i++)
        if (!strcmp(actor_text(actor, view->taints[i].key), "node.kubernetes.io/out-of-service"))
            return true;
    return false;
}

static PlanVerdict on_node_read(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    const Gone *gone = data;
    (void)step;
    if (reply->reason != REASON_NOT_FOUND)
        return reply->reason == REASON_OK ? PLAN_ACCEPT : PLAN_REFUSE;
    ObjectList pods = actor_lookup(actor, INDEX_POD_NODE, index_key(gone->node, 0));
    for (unsigned i = 0; i < pods.count; i++)
        remove_pod(actor, pods.items[i], true, "its node is gone");
    return PLAN_ACCEPT;
}

/* Nodes that pods name but that do not exist, once each, by name. */
static GArray *missing_nodes(Actor *actor)
{
    GArray *names = g_array_new(FALSE, FALSE, sizeof(Atom));
    ObjectList pods = actor_list(actor, KIND_POD);
    g_autoptr(GHashTable) known = g_hash_table_new(NULL, NULL);
    for (unsigned i = 0; i < pods.count; i++) {
        Atom node = pod_view(pods.items[i])->spec->node_name;
        if (!node || actor_get(actor, node_key(node))) continue;
        if (g_hash_table_add(known, GUINT_TO_POINTER(node))) g_array_append_val(names, node);
    }
    return names;
}

static int by_text(const void *a, const void *b, void *actor)
{
    return strcmp(actor_text(actor, *(const Atom *)a), actor_text(actor, *(const Atom *)b));
}

static void collect_orphaned(Actor *actor)
{
    State *state = actor_state(actor);
    g_autoptr(GArray) names = missing_nodes(actor);
    if (names->len) g_array_sort_with_data(names, by_text, actor);
    for (guint i = 0; i < names->len; i++) {
        Atom name = g_array_index(names, Atom, i);
        Nanos *since = g_hash_table_lookup(state->missing, GUINT_TO_POINTER(name));
        if (!since) {
            since = g_new(Nanos, 1);
            *since = actor_now(actor);
            g_hash_table_insert(state->missing, GUINT_TO_POINTER(name), since);
        }
        if (actor_now(actor) - *since < QUARANTINE) continue;
        Gone *gone = plan_alloc(actor, sizeof *gone);
        gone->node = name;
        PlanStep *step = plan_get(actor, node_key(name));
        plan_flags(step, PLAN_GOES_ON);
        plan_then(step, on_node_read, gone);
        plan_because(step, "the node has been missing for 40 s");
    }
}

/* Terminating pods that no kubelet looks after; returns whether any pod still has to be watched. */
static bool collect_terminating(Actor *actor)
{
    ObjectList pods = actor_list(actor, KIND_POD);
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    bool is_watched = false;
    for (unsigned i = 0; i < pods.count; i++) {
        const Object *pod = pods.items[i];
        is_watched |= is_pending(actor, pod);
        if (!object_is_terminating(pod)) continue;
        Atom node = pod_view(pod)->spec->node_name;
        if (!node || is_out_of_service(actor, pod)) g_ptr_array_add(found, (void *)(uintptr_t)pod);
    }
    for (guint i = 0; i < found->len; i++) {
        const Object *pod = g_ptr_array_index(found, i);
        remove_pod(actor, pod, false,
                   pod_view(pod)->spec->node_name ? "terminating on a node that is out of service"
                                                  : "terminating and never scheduled");
    }
    return is_watched;
}

/* Evicted ones first, then by age. */
static int by_end(const void *a, const void *b, void *actor)
{
    const Object *left = *(const Object *const *)a, *right = *(const Object *const *)b;
    bool x = !strcmp(actor_text(actor, pod_view(left)->reason), "Evicted");
    bool y = !strcmp(actor_text(actor, pod_view(right)->reason), "Evicted");
    Nanos p = object_meta(left)->created_at, q = object_meta(right)->created_at;
    if (x != y) return x ? -1 : 1;
    if (p != q) return p < q ? -1 : 1;
    return strcmp(actor_text(actor, left->uid), actor_text(actor, right->uid));
}

static void collect_terminated(Actor *actor)
{
    ObjectList pods = actor_list(actor, KIND_POD);
    if (pods.count <= THRESHOLD) return;
    g_autofree const Object **ended = g_new(const Object *, pods.count);
    unsigned count = 0;
    for (unsigned i = 0; i < pods.count; i++)
        if (pod_is_terminal(pod_view(pods.items[i]))) ended[count++] = pods.items[i];
    g_qsort_with_data(ended, (gint)count, sizeof *ended, by_end, actor);
    for (unsigned i = 0; i + THRESHOLD < count; i++)
        remove_pod(actor, ended[i], false, "too many terminated pods");
}

static void sync_round(Actor *actor, Key key)
{
    (void)key;
    collect_terminated(actor);
    if (collect_terminating(actor)) arm(actor);
    collect_orphaned(actor);
}

static void start(Actor *actor)
{
    State *state = actor_state(actor);
    state->started_at = actor_now(actor);
    state->missing = g_hash_table_new_full(NULL, NULL, NULL, g_free);
}

static void stop(Actor *actor)
{
    State *state = actor_state(actor);
    g_clear_pointer(&state->missing, g_hash_table_unref);
}

static const WatchRule watches[] = {
    {KIND_POD, on_pod, SCOPE_ALL, INDEX_NONE},
    {KIND_NODE, on_node, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component podgc_component = {
    .name = "pod-garbage-collector-controller",
    .help = "removes pods whose node is gone or out of service",
    .state_size = sizeof(State),
    .watches = watches,
    .start = start,
    .stop = stop,
    .sync = sync_round,
    .timer = on_timer,
};
