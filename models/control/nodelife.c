/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodelife.c - the node lifecycle controller: silent nodes become Unknown, are tainted, come back.
 * Mirrors: kubernetes v1.36 pkg/controller/nodelifecycle (node_lifecycle_controller.go, scheduler).
 * Simplified: zones are told apart by topology.kubernetes.io/zone alone; the events RegisteredNode
 *   and RemovingNode are not emitted; a node waits at most once in its zone's queue.
 * State: of a node, as this controller moves it
 *     Ready --silent for the grace period--> Unknown + NoSchedule --zone queue--> + NoExecute
 *       ^                                                                             |
 *       +------------- heartbeats again: NoSchedule at once, NoExecute in <= 5 s -----+
 *
 * Work is keyed by kind: a Node's key is its taints, its Lease's key its health (conditions, then
 * the pods), a Pod's key the readiness of a pod that came to a node which was already down. So a
 * hundred pods to be marked do not hold up the taints of the node, as they do not upstream.
 */
#include "models/bucket.h"
#include "models/kind/part.h"
#include "models/plan.h"

#define PASS_PERIOD       (100 * NANOS_MS)
#define RATE_NORMAL       0.1
#define RATE_REDUCED      0.01
#define LARGE_ZONE        50
#define UNHEALTHY_PERCENT 55

#define TAINT_NOT_READY   "node.kubernetes.io/not-ready"
#define TAINT_UNREACHABLE "node.kubernetes.io/unreachable"

enum { TAG_LOOP, TAG_PASS };
typedef enum { ZONE_INITIAL, ZONE_NORMAL, ZONE_PARTIAL, ZONE_FULL } ZoneState;

typedef struct Zone Zone;

/* What is remembered of a node. */
typedef struct {
    Atom name;
    Zone *zone;
    Nanos probe_at;     /* when something newer was last observed, by the loop's clock */
    bool is_known;      /* probe_at is set */
    bool is_fresh;      /* something newer arrived since the last loop */
    bool wants_unknown; /* the grace period is over */
    bool retries_pods;  /* marking its pods failed */
    bool adds_execute, drops_execute; /* what sync shall do with NoExecute taints */
    bool is_queued;
    int64_t written; /* version of the last own write of taints */
} NodeHealth;

struct Zone {
    Atom name;
    GQueue *queue; /* of NodeHealth, to be given a NoExecute taint */
    Bucket limiter;
    bool is_stopped;
    ZoneState state;
    unsigned ready, not_ready;
};

typedef struct {
    GHashTable *health_by_name;
    GPtrArray *nodes; /* of NodeHealth, in order of arrival */
    GPtrArray *zones;
    Timer pass;
} NodeLife;

static Key node_key(Atom name)
{
    return (Key){KIND_NODE, ATOM_NONE, name};
}

static Key lease_key(Actor *actor, Atom name)
{
    return (Key){KIND_LEASE, actor_atom(actor, "kube-node-lease"), name};
}

static NodeHealth *health_of(const NodeLife *life, Atom name)
{
    return (NodeHealth *)g_hash_table_lookup(life->health_by_name, GUINT_TO_POINTER(name));
}

static Zone *zone_of(NodeLife *life, Atom name)
{
    for (unsigned i = 0; i < life->zones->len; i++) {
        Zone *zone = (Zone *)g_ptr_array_index(life->zones, i);
        if (zone->name == name) return zone;
    }
    Zone *zone = g_new0(Zone, 1);
    zone->name = name;
    zone->queue = g_queue_new();
    zone->limiter = bucket_make(RATE_NORMAL, 1);
    g_ptr_array_add(life->zones, zone);
    return zone;
}

/* --- taints --- */

static const struct {
    const char *condition, *taint;
} pressure_taints[] = {
    {"MemoryPressure", "node.kubernetes.io/memory-pressure"},
    {"DiskPressure", "node.kubernetes.io/disk-pressure"},
    {"PIDPressure", "node.kubernetes.io/pid-pressure"},
    {"NetworkUnavailable", "node.kubernetes.io/network-unavailable"},
};

static bool is_health_taint(const char *key)
{
    return strcmp(key, TAINT_NOT_READY) == 0 || strcmp(key, TAINT_UNREACHABLE) == 0;
}

static bool is_condition_taint(const char *key)
{
    if (is_health_taint(key) || strcmp(key, "node.kubernetes.io/unschedulable") == 0) return true;
    for (unsigned i = 0; i < G_N_ELEMENTS(pressure_taints); i++) {
        if (strcmp(key, pressure_taints[i].taint) == 0) return true;
    }
    return false;
}

/* The taint that stands for the node's readiness, or NULL. */
static const char *health_taint(Condition ready)
{
    if (ready == CONDITION_FALSE) return TAINT_NOT_READY;
    return ready == CONDITION_UNKNOWN ? TAINT_UNREACHABLE : NULL;
}

static bool has_taint(const Value *taints, const char *key, const char *effect)
{
    value_each (i, taints) {
        const Value *taint = value_at(taints, i);
        if (strcmp(value_text(taint, "key"), key) != 0) continue;
        if (strcmp(value_text(taint, "effect"), effect) == 0) return true;
    }
    return false;
}

/* Whether the conditions and the cordon ask for a NoSchedule taint of this key. */
static bool wants_no_schedule(const Object *node, const char *key)
{
    const NodeView *view = node_view(node);
    const char *health = health_taint(view->ready);
    if (is_health_taint(key)) return health != NULL && strcmp(key, health) == 0;
    const Value *conditions = value_find(node->value, "status", "conditions");
    for (unsigned i = 0; i < G_N_ELEMENTS(pressure_taints); i++) {
        if (strcmp(key, pressure_taints[i].taint) != 0) continue;
        const Value *condition = part_condition(conditions, pressure_taints[i].condition);
        return part_condition_status(condition) == CONDITION_TRUE;
    }
    return view->is_unschedulable;
}

/* Whether a NoExecute taint of this key, there or not, shall be there. */
static bool wants_no_execute(const Object *node, const NodeHealth *health, const char *key,
                             bool is_there)
{
    const char *wanted = health_taint(node_view(node)->ready);
    if (health->drops_execute) return false;
    if (!health->adds_execute || wanted == NULL) return is_there;
    return strcmp(key, wanted) == 0;
}

static void add_taint(Value *list, const Value *present, const char *key, const char *effect,
                      Nanos now)
{
    char time[TIME_TEXT_MAX];
    if (has_taint(present, key, effect)) return;
    Value *taint = value_map();
    value_map_set(taint, "key", value_string(key));
    value_map_set(taint, "effect", value_string(effect));
    value_map_set(taint, "timeAdded", value_string(time_format(now, time)));
    value_list_add(list, taint);
}

/* The taints a node should have: those of others untouched, ours by its conditions. */
static Value *desired_taints(const Object *node, const NodeHealth *health, Nanos now)
{
    static const char *const keys[] = {TAINT_NOT_READY,
                                       TAINT_UNREACHABLE,
                                       "node.kubernetes.io/memory-pressure",
                                       "node.kubernetes.io/disk-pressure",
                                       "node.kubernetes.io/pid-pressure",
                                       "node.kubernetes.io/network-unavailable",
                                       "node.kubernetes.io/unschedulable"};
    const Value *present = value_find(node->value, "spec", "taints");
    Value *list = value_list();
    value_each (i, present) {
        const Value *taint = value_at(present, i);
        const char *key = value_text(taint, "key");
        const char *effect = value_text(taint, "effect");
        bool is_kept = true;
        if (is_condition_taint(key) && strcmp(effect, "NoSchedule") == 0) {
            is_kept = wants_no_schedule(node, key);
        } else if (is_health_taint(key) && strcmp(effect, "NoExecute") == 0) {
            is_kept = wants_no_execute(node, health, key, true);
        }
        if (is_kept) value_list_add(list, value_ref(taint));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (wants_no_schedule(node, keys[i])) add_taint(list, present, keys[i], "NoSchedule", now);
        if (!is_health_taint(keys[i])) continue;
        bool is_wanted = wants_no_execute(node, health, keys[i], false);
        if (is_wanted) add_taint(list, present, keys[i], "NoExecute", now);
    }
    return list;
}

static bool taints_are_right(const Object *node, const Value *desired)
{
    const Value *present = value_find(node->value, "spec", "taints");
    return value_size(present) == value_size(desired) &&
           (value_size(desired) == 0 || value_equal(present, desired));
}

/* The node with the right taints; NULL if it has them. */
static Value *node_tainted(const Object *node, const NodeHealth *health, Nanos now)
{
    Value *desired = desired_taints(node, health, now);
    if (taints_are_right(node, desired)) {
        value_unref(desired);
        return NULL;
    }
    Value *body = value_ref(node->value);
    if (value_size(desired) == 0) {
        value_unref(desired);
        value_drop(&body, "spec", "taints");
    } else {
        value_put(&body, desired, "spec", "taints");
    }
    return body;
}

static Value *rebase_taints(Actor *actor, PlanStep *step, const Object *newer)
{
    (void)step;
    const NodeHealth *health = health_of((NodeLife *)actor_state(actor), newer->key.name);
    return health == NULL ? NULL : node_tainted(newer, health, actor_now(actor));
}

static PlanVerdict on_tainted(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    (void)data;
    NodeHealth *health = health_of((NodeLife *)actor_state(actor), plan_step_key(step).name);
    if (reply->reason != REASON_OK && reply->reason != REASON_NOT_FOUND) return PLAN_REFUSE;
    if (health == NULL) return PLAN_ACCEPT;
    health->adds_execute = health->drops_execute = false;
    if (reply->object != NULL) health->written = reply->object->version;
    return PLAN_ACCEPT;
}

static char *taints_text(const Value *taints)
{
    GString *out = g_string_new(value_size(taints) == 0 ? "none" : NULL);
    value_each (i, taints) {
        const Value *taint = value_at(taints, i);
        g_string_append_printf(out, "%s%s:%s", i > 0 ? ", " : "", value_text(taint, "key"),
                               value_text(taint, "effect"));
    }
    return g_string_free(out, FALSE);
}

static void sync_taints(Actor *actor, const Object *node, NodeHealth *health)
{
    /* Upstream reads the node live; here the event of the own write asks again if need be. */
    if (node->version < health->written) return;
    Value *body = node_tainted(node, health, actor_now(actor));
    if (body == NULL) {
        health->adds_execute = health->drops_execute = false;
        return;
    }
    PlanStep *step = plan_update(actor, node, body);
    plan_flags(step, PLAN_RETRIES_CONFLICT);
    plan_rebase(step, rebase_taints);
    plan_then(step, on_tainted, NULL);
    g_autofree char *text = taints_text(value_find(plan_step_body(step), "spec", "taints"));
    plan_because(step, "Ready is %s, so its taints are: %s", condition_text(node_view(node)->ready),
                 text);
}

/* --- the zone queues --- */

static bool has_execute_taint(const Object *node, const char *key)
{
    return has_taint(value_find(node->value, "spec", "taints"), key, "NoExecute");
}

static void unqueue(NodeHealth *health)
{
    if (health->is_queued) g_queue_remove(health->zone->queue, health);
    health->is_queued = false;
}

static void arm_pass(Actor *actor, NodeLife *life)
{
    Nanos now = actor_now(actor), at = NANOS_NEVER;
    for (unsigned i = 0; i < life->zones->len; i++) {
        const Zone *zone = (const Zone *)g_ptr_array_index(life->zones, i);
        if (zone->is_stopped || g_queue_is_empty(zone->queue)) continue;
        at = MIN(at, MAX(now + 1, zone->limiter.full_at));
    }
    actor_cancel(actor, life->pass);
    life->pass = TIMER_NONE;
    if (at == NANOS_NEVER) return;
    Nanos due = (at + PASS_PERIOD - 1) / PASS_PERIOD * PASS_PERIOD;
    life->pass = actor_timer(actor, due - now, TAG_PASS);
}

/* Gives NoExecute taints as far as the limiters allow. */
static void run_pass(Actor *actor, NodeLife *life)
{
    Nanos now = actor_now(actor);
    for (unsigned i = 0; i < life->zones->len; i++) {
        Zone *zone = (Zone *)g_ptr_array_index(life->zones, i);
        if (zone->is_stopped) continue;
        while (!g_queue_is_empty(zone->queue) && bucket_take(&zone->limiter, now)) {
            NodeHealth *health = (NodeHealth *)g_queue_pop_head(zone->queue);
            health->is_queued = false;
            const Object *node = actor_get(actor, node_key(health->name));
            if (node == NULL || health_taint(node_view(node)->ready) == NULL) continue;
            health->adds_execute = true;
            health->drops_execute = false;
            actor_enqueue(actor, node_key(health->name));
        }
    }
    arm_pass(actor, life);
}

static void mark_reachable(Actor *actor, NodeHealth *health, const Object *node)
{
    unqueue(health);
    health->adds_execute = false;
    if (!has_execute_taint(node, TAINT_NOT_READY) && !has_execute_taint(node, TAINT_UNREACHABLE)) {
        return;
    }
    health->drops_execute = true;
    actor_enqueue(actor, node_key(health->name));
}

/* What readiness means for the NoExecute taints: swap at once, queue, or take away. */
static void process_execute(Actor *actor, NodeHealth *health, const Object *node, Condition ready)
{
    const char *wanted = health_taint(ready);
    if (ready == CONDITION_TRUE) {
        mark_reachable(actor, health, node);
        return;
    }
    if (wanted == NULL) return;
    health->drops_execute = false;
    if (has_execute_taint(node, wanted) || health->adds_execute) return;
    bool is_unknown = ready == CONDITION_UNKNOWN;
    if (has_execute_taint(node, is_unknown ? TAINT_NOT_READY : TAINT_UNREACHABLE)) {
        health->adds_execute = true;
        actor_enqueue(actor, node_key(health->name));
        return;
    }
    if (health->is_queued) return;
    health->is_queued = true;
    g_queue_push_tail(health->zone->queue, health);
}

/* --- health: conditions, then pods --- */

static void make_unknown(Value **list, const char *type, bool was_posted, Nanos now)
{
    char time[TIME_TEXT_MAX];
    Value *condition = NULL;
    unsigned index = 0, count = value_size(*list);
    while (index < count && strcmp(value_text(value_at(*list, index), "type"), type) != 0)
        index++;
    condition = index < count ? value_ref(value_at(*list, index)) : value_map();
    if (strcmp(value_text(condition, "status"), "Unknown") == 0) {
        value_unref(condition);
        return;
    }
    value_put(&condition, value_string(type), "type");
    value_put(&condition, value_string("Unknown"), "status");
    value_put(&condition, value_string(was_posted ? "NodeStatusUnknown" : "NodeStatusNeverUpdated"),
              "reason");
    value_put(&condition,
              value_string(was_posted ? "Kubelet stopped posting node status."
                                      : "Kubelet never posted node status."),
              "message");
    value_put(&condition, value_string(time_format(now, time)), "lastTransitionTime");
    if (index < count) {
        value_list_put(list, index, condition);
    } else {
        value_list_insert(list, count, condition);
    }
}

/* The node with all conditions the kubelet owns Unknown; NULL if they are. */
static Value *node_unknown(const Object *node, Nanos now)
{
    static const char *const types[] = {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"};
    const Value *present = value_find(node->value, "status", "conditions");
    Value *list = present != NULL ? value_ref(present) : value_list();
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        make_unknown(&list, types[i], part_condition(present, types[i]) != NULL, now);
    }
    if (present != NULL && value_equal(list, present)) {
        value_unref(list);
        return NULL;
    }
    Value *body = value_ref(node->value);
    value_put(&body, list, "status", "conditions");
    return body;
}

static Value *rebase_unknown(Actor *actor, PlanStep *step, const Object *newer)
{
    (void)step;
    const NodeHealth *health = health_of((NodeLife *)actor_state(actor), newer->key.name);
    if (health == NULL || !health->wants_unknown || health->is_fresh) return NULL;
    return node_unknown(newer, actor_now(actor));
}

static PlanVerdict on_unknown(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    (void)data;
    NodeLife *life = (NodeLife *)actor_state(actor);
    NodeHealth *health = health_of(life, plan_step_key(step).name);
    if (health == NULL) {
        plan_drop_rest(actor);
        return PLAN_ACCEPT;
    }
    health->wants_unknown = false;
    if (reply->reason != REASON_OK) {
        plan_drop_rest(actor); /* the next loop tries again */
        return PLAN_ACCEPT;
    }
    process_execute(actor, health, reply->object, CONDITION_UNKNOWN);
    arm_pass(actor, life);
    return PLAN_ACCEPT;
}

static PlanVerdict on_pod_marked(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    (void)step;
    if (reply->reason == REASON_OK || reply->reason == REASON_NOT_FOUND) return PLAN_ACCEPT;
    const Atom *name = (const Atom *)data;
    NodeHealth *health = health_of((NodeLife *)actor_state(actor), *name);
    if (health != NULL) health->retries_pods = true;
    return PLAN_ACCEPT;
}

static void plan_not_ready(Actor *actor, const Object *pod, Atom node)
{
    char time[TIME_TEXT_MAX];
    Value *condition = value_map();
    value_map_set(condition, "type", value_string("Ready"));
    value_map_set(condition, "status", value_string("False"));
    value_map_set(condition, "lastTransitionTime",
                  value_string(time_format(actor_now(actor), time)));
    Value *list = value_list();
    value_list_add(list, condition);
    Value *patch = value_map();
    value_put(&patch, list, "status", "conditions");
    PlanStep *step = plan_patch_status(actor, pod->key, PATCH_STRATEGIC, patch);
    Atom *name = (Atom *)plan_alloc(actor, sizeof(Atom));
    *name = node;
    plan_uid(step, pod->uid);
    plan_then(step, on_pod_marked, name);
    plan_because(step, "node %s is not ready", actor_text(actor, node));
}

static bool needs_marking(const Object *pod)
{
    Condition ready = pod_view(pod)->ready;
    return ready == CONDITION_TRUE || ready == CONDITION_UNKNOWN;
}

static int compare_pods(gconstpointer a, gconstpointer b, gpointer atoms)
{
    const Object *x = *(const Object *const *)a, *y = *(const Object *const *)b;
    return key_compare((const AtomTable *)atoms, x->key, y->key);
}

static void plan_mark_pods(Actor *actor, Atom node)
{
    ObjectList list = actor_lookup(actor, INDEX_POD_NODE, index_key(node, 0));
    g_autoptr(GPtrArray) pods = g_ptr_array_new();
    for (unsigned i = 0; i < list.count; i++) {
        if (needs_marking(list.items[i])) g_ptr_array_add(pods, (gpointer)(uintptr_t)list.items[i]);
    }
    g_ptr_array_sort_with_data(pods, compare_pods, world_atoms(actor_world(actor)));
    for (unsigned i = 0; i < pods->len; i++) {
        plan_not_ready(actor, (const Object *)g_ptr_array_index(pods, i), node);
    }
}

static void sync_health(Actor *actor, const Object *node, NodeHealth *health)
{
    bool was_ready = node_view(node)->ready == CONDITION_TRUE;
    bool marks_pods = health->retries_pods;
    Value *body = health->wants_unknown ? node_unknown(node, actor_now(actor)) : NULL;
    health->retries_pods = false;
    if (body != NULL) {
        marks_pods |= was_ready;
        PlanStep *step = plan_update_status(actor, node, body);
        plan_flags(step, PLAN_RETRIES_CONFLICT);
        plan_rebase(step, rebase_unknown);
        plan_then(step, on_unknown, NULL);
        plan_because(step, "no heartbeat observed for the grace period");
        if (was_ready) {
            plan_event_ok(step, node->key, "NodeNotReady", "Node %s status is now: NodeNotReady",
                          actor_text(actor, node->key.name));
        }
    } else {
        health->wants_unknown = false;
    }
    if (marks_pods) plan_mark_pods(actor, node->key.name);
}

static void sync_pod(Actor *actor, const Object *pod)
{
    Atom name = pod_view(pod)->spec->node_name;
    const Object *node = actor_get(actor, node_key(name));
    if (node == NULL || node_view(node)->ready == CONDITION_TRUE || !needs_marking(pod)) return;
    plan_not_ready(actor, pod, name);
}

static void nodelife_sync(Actor *actor, Key key)
{
    if (key.kind == KIND_POD) {
        const Object *pod = actor_get(actor, key);
        if (pod != NULL) sync_pod(actor, pod);
        return;
    }
    const Object *node = actor_get(actor, node_key(key.name));
    NodeHealth *health = health_of((NodeLife *)actor_state(actor), key.name);
    if (node == NULL || health == NULL) return;
    if (key.kind == KIND_NODE) {
        sync_taints(actor, node, health);
    } else {
        sync_health(actor, node, health);
    }
}

/* --- disruption of zones --- */

static ZoneState zone_judge(const Zone *zone)
{
    unsigned total = zone->ready + zone->not_ready;
    if (zone->ready == 0 && zone->not_ready > 0) return ZONE_FULL;
    bool is_bad = zone->not_ready > 2 && zone->not_ready * 100 >= total * UNHEALTHY_PERCENT;
    return is_bad ? ZONE_PARTIAL : ZONE_NORMAL;
}

/* A new limiter starts empty if the old one was. */
static void zone_limit(Zone *zone, double rate, Nanos now)
{
    Bucket fresh = bucket_make(rate, 1);
    bool is_same = rate > 0 && !zone->is_stopped && fresh.interval == zone->limiter.interval;
    if (is_same) return;
    bool was_empty = zone->is_stopped || !bucket_take(&zone->limiter, now);
    if (was_empty) bucket_reserve(&fresh, now);
    zone->limiter = fresh;
    zone->is_stopped = rate <= 0;
}

static void zone_enter(Zone *zone, ZoneState state, Nanos now)
{
    double reduced = zone->ready + zone->not_ready > LARGE_ZONE ? RATE_REDUCED : 0;
    zone_limit(zone, state == ZONE_PARTIAL ? reduced : RATE_NORMAL, now);
    zone->state = state;
}

static void stop_everything(Actor *actor, NodeLife *life)
{
    for (unsigned i = 0; i < life->nodes->len; i++) {
        NodeHealth *health = (NodeHealth *)g_ptr_array_index(life->nodes, i);
        const Object *node = actor_get(actor, node_key(health->name));
        if (node != NULL) mark_reachable(actor, health, node);
    }
    for (unsigned i = 0; i < life->zones->len; i++) {
        Zone *zone = (Zone *)g_ptr_array_index(life->zones, i);
        zone->is_stopped = true;
        zone->state = ZONE_FULL;
    }
}

static void handle_disruption(Actor *actor, NodeLife *life)
{
    Nanos now = actor_now(actor);
    bool are_all_full = true, were_all_full = true;
    for (unsigned i = 0; i < life->zones->len; i++) {
        const Zone *zone = (const Zone *)g_ptr_array_index(life->zones, i);
        if (zone->ready + zone->not_ready == 0) continue;
        are_all_full &= zone_judge(zone) == ZONE_FULL;
        were_all_full &= zone->state == ZONE_FULL;
    }
    if (are_all_full && were_all_full) return;
    if (are_all_full) {
        stop_everything(actor, life);
        return;
    }
    if (were_all_full) {
        for (unsigned i = 0; i < life->nodes->len; i++) {
            ((NodeHealth *)g_ptr_array_index(life->nodes, i))->probe_at = now;
        }
    }
    for (unsigned i = 0; i < life->zones->len; i++) {
        Zone *zone = (Zone *)g_ptr_array_index(life->zones, i);
        ZoneState state = zone_judge(zone);
        if (were_all_full || zone->state != state) zone_enter(zone, state, now);
    }
}

/* --- the loop --- */

static Nanos grace_of(const Actor *actor, const NodeView *view)
{
    const ControlPlaneConfig *config = &actor_config(actor)->control_plane;
    if (view->ready == CONDITION_ABSENT) return config->node_startup_grace;
    if (config->node_monitor_grace > 0) return config->node_monitor_grace;
    return (world_is_at_least(actor_world(actor), 32) ? 50 : 40) * NANOS_S;
}

/* Looks at one node; returns the readiness it has, or will have by what is decided here. */
static Condition examine(Actor *actor, NodeHealth *health, const Object *node)
{
    const NodeView *view = node_view(node);
    Nanos now = actor_now(actor);
    if (!health->is_known || health->is_fresh) {
        bool is_mute = view->ready == CONDITION_ABSENT && !health->is_known;
        health->probe_at = is_mute ? view->meta->created_at : now;
        health->is_known = true;
        health->is_fresh = false;
        health->wants_unknown = false;
    }
    bool is_overdue = now > health->probe_at + grace_of(actor, view);
    if (is_overdue && view->ready != CONDITION_UNKNOWN) {
        health->wants_unknown = true;
        actor_enqueue(actor, lease_key(actor, health->name));
        return CONDITION_UNKNOWN;
    }
    process_execute(actor, health, node, view->ready);
    if (health->retries_pods && view->ready != CONDITION_TRUE) {
        actor_enqueue(actor, lease_key(actor, health->name));
    }
    return view->ready;
}

static void run_loop(Actor *actor, NodeLife *life)
{
    Atom excluded = actor_atom(actor, "node.kubernetes.io/exclude-disruption");
    for (unsigned i = 0; i < life->zones->len; i++) {
        Zone *zone = (Zone *)g_ptr_array_index(life->zones, i);
        zone->ready = zone->not_ready = 0;
    }
    for (unsigned i = 0; i < life->nodes->len; i++) {
        NodeHealth *health = (NodeHealth *)g_ptr_array_index(life->nodes, i);
        const Object *node = actor_get(actor, node_key(health->name));
        if (node == NULL) continue;
        bool is_ready = examine(actor, health, node) == CONDITION_TRUE;
        const Meta *meta = object_meta(node);
        bool is_excluded = false;
        for (uint32_t j = 0; j < meta->label_count; j++) {
            is_excluded |= meta->labels[j].key == excluded;
        }
        if (is_excluded) continue;
        health->zone->ready += is_ready;
        health->zone->not_ready += !is_ready;
    }
    handle_disruption(actor, life);
    arm_pass(actor, life);
}

static void nodelife_timer(Actor *actor, uint64_t tag)
{
    NodeLife *life = (NodeLife *)actor_state(actor);
    const ClusterConfig *config = actor_config(actor);
    if (tag == TAG_PASS) {
        run_pass(actor, life);
        return;
    }
    if (!actor_is_synced(actor)) {
        actor_timer(actor, PASS_PERIOD, TAG_LOOP);
        return;
    }
    run_loop(actor, life);
    /* The period begins when the loop has ended, so loops drift by the time they take. */
    Nanos took = actor_draw(actor, &config->latency.controller_sync, "monitor");
    actor_timer(actor, config->control_plane.node_monitor_period + took, TAG_LOOP);
}

/* --- what the watches tell --- */

static void forget_node(NodeLife *life, Atom name)
{
    NodeHealth *health = health_of(life, name);
    if (health == NULL) return;
    unqueue(health);
    g_ptr_array_remove(life->nodes, health);
    g_hash_table_remove(life->health_by_name, GUINT_TO_POINTER(name));
}

static void on_node(Actor *actor, const Object *old, const Object *now)
{
    NodeLife *life = (NodeLife *)actor_state(actor);
    if (now == NULL) {
        forget_node(life, old->key.name);
        return;
    }
    NodeHealth *health = health_of(life, now->key.name);
    if (health == NULL) {
        health = g_new0(NodeHealth, 1);
        health->name = now->key.name;
        g_hash_table_insert(life->health_by_name, GUINT_TO_POINTER(health->name), health);
        g_ptr_array_add(life->nodes, health);
    }
    Zone *zone = zone_of(life, node_view(now)->zone);
    if (health->zone != NULL && health->zone != zone) unqueue(health);
    health->zone = zone;
    if (old != NULL && node_view(old)->ready_heartbeat_at != node_view(now)->ready_heartbeat_at) {
        health->is_fresh = true;
    }
    Value *body = node_tainted(now, health, actor_now(actor));
    if (body == NULL) return;
    value_unref(body);
    actor_enqueue(actor, now->key);
}

static void on_lease(Actor *actor, const Object *old, const Object *now)
{
    if (now == NULL) return;
    if (old != NULL && lease_view(old)->renewed_at == lease_view(now)->renewed_at) return;
    if (now->key.space != actor_atom(actor, "kube-node-lease")) return;
    NodeHealth *health = health_of((NodeLife *)actor_state(actor), now->key.name);
    if (health != NULL) health->is_fresh = true;
}

/* Only pods that come to a node, or are met for the first time, are looked at one by one. */
static void on_pod(Actor *actor, const Object *old, const Object *now)
{
    if (now == NULL || !needs_marking(now)) return;
    Atom name = pod_view(now)->spec->node_name;
    if (name == ATOM_NONE) return;
    if (old != NULL && pod_view(old)->spec->node_name == name) return;
    const Object *node = actor_get(actor, node_key(name));
    if (node == NULL || node_view(node)->ready == CONDITION_TRUE) return;
    actor_enqueue(actor, now->key);
}

/* --- life --- */

static void zone_destroy(gpointer data)
{
    Zone *zone = (Zone *)data;
    g_queue_free(zone->queue);
    g_free(zone);
}

static void nodelife_start(Actor *actor)
{
    NodeLife *life = (NodeLife *)actor_state(actor);
    life->health_by_name = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    life->nodes = g_ptr_array_new();
    life->zones = g_ptr_array_new_with_free_func(zone_destroy);
    life->pass = TIMER_NONE;
    actor_timer(actor, 0, TAG_LOOP);
}

static void nodelife_stop(Actor *actor)
{
    NodeLife *life = (NodeLife *)actor_state(actor);
    g_ptr_array_unref(life->zones);
    g_ptr_array_unref(life->nodes);
    g_hash_table_unref(life->health_by_name);
}

static const WatchRule watches[] = {
    {KIND_NODE, on_node, SCOPE_ALL, INDEX_NONE},
    {KIND_LEASE, on_lease, SCOPE_ALL, INDEX_NONE},
    {KIND_POD, on_pod, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component nodelife_component = {
    .name = "node-lifecycle-controller",
    .help = "marks silent nodes Unknown, their pods not ready, and taints them",
    .state_size = sizeof(NodeLife),
    .watches = watches,
    .workers = 20, /* upstream: 8 for taints, 8 for health, 4 for pods */
    .start = nodelife_start,
    .stop = nodelife_stop,
    .sync = nodelife_sync,
    .timer = nodelife_timer,
};
