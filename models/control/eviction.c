/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eviction.c - the taint eviction controller: pods leave nodes whose NoExecute taints they do not
 * tolerate, at once or when tolerationSeconds have passed.
 * Mirrors: kubernetes v1.36 pkg/controller/tainteviction (taint_eviction.go, timed_workers.go).
 * Simplified: the live read before the condition is written is not made: the patch is sent anyway.
 *   Timers are kept in memory only, as upstream: a new leader begins them anew.
 * State: of the work for one pod
 *     none --taint not tolerated for ever--> armed --timer--> fired --5 failures--> none
 *                 none <--taint gone, pod gone-- armed          +--deleted--> done (until the
 *                                                                     pod is gone or taints go)
 */
#include "models/plan.h"

#define TRIES      5
#define TRY_PERIOD (10 * NANOS_MS)

typedef enum { WORK_ARMED, WORK_FIRED, WORK_DONE } WorkState;

typedef struct {
    Key key;
    uint64_t number; /* the timer's tag */
    WorkState state;
    Nanos created_at;
    Timer timer;
} Work;

typedef struct {
    GHashTable *works; /* Key to Work */
    GHashTable *by_number;
    uint64_t numbers;
} Eviction;

static Work *work_of(const Eviction *eviction, Key key)
{
    return (Work *)g_hash_table_lookup(eviction->works, &key);
}

static void drop_work(Actor *actor, Work *work)
{
    Eviction *eviction = (Eviction *)actor_state(actor);
    actor_cancel(actor, work->timer);
    g_hash_table_remove(eviction->by_number, &work->number);
    g_hash_table_remove(eviction->works, &work->key);
}

/* Ends what is planned for a pod; a timer that was still running is news. */
static void cancel_work(Actor *actor, Key key)
{
    Work *work = work_of((Eviction *)actor_state(actor), key);
    if (work == NULL) return;
    if (work->state == WORK_ARMED) {
        actor_event(actor, key, "Normal", "TaintManagerEviction",
                    "Cancelling deletion of Pod %s/%s", actor_text(actor, key.space),
                    actor_text(actor, key.name));
        actor_because(actor, key, "the taint is gone: stays");
    }
    drop_work(actor, work);
}

static void fire(Actor *actor, Work *work)
{
    work->state = WORK_FIRED;
    work->timer = TIMER_NONE;
    actor_event(actor, work->key, "Normal", "TaintManagerEviction",
                "Marking for deletion Pod %s/%s", actor_text(actor, work->key.space),
                actor_text(actor, work->key.name));
    actor_enqueue(actor, work->key);
}

static void add_work(Actor *actor, Key key, Nanos created_at, Nanos due)
{
    Eviction *eviction = (Eviction *)actor_state(actor);
    Nanos now = actor_now(actor);
    if (work_of(eviction, key) != NULL) return;
    Work *work = g_new0(Work, 1);
    *work = (Work){key, ++eviction->numbers, WORK_ARMED, created_at, TIMER_NONE};
    g_hash_table_insert(eviction->works, &work->key, work);
    g_hash_table_insert(eviction->by_number, &work->number, work);
    if (due <= now) {
        fire(actor, work);
        return;
    }
    work->timer = actor_timer(actor, due - now, work->number);
    char text[NANOS_TEXT_MAX];
    actor_because(actor, key, "its node has a NoExecute taint: deleted in %s unless it goes",
                  nanos_format(due - now, text));
}

/* The time a pod may stay: 0 if a taint is not tolerated, NANOS_NEVER if all are for ever. */
static Nanos stay_of(const PodSpec *spec, const NodeView *node)
{
    int64_t least = -1;
    for (uint32_t i = 0; i < node->taint_count; i++) {
        const Taint *taint = &node->taints[i];
        int64_t seconds;
        if (taint->effect != EFFECT_NO_EXECUTE) continue;
        if (!tolerations_cover(spec, taint, &seconds)) return 0;
        if (seconds >= 0 && (least < 0 || seconds < least)) least = seconds;
    }
    return least < 0 ? NANOS_NEVER : least * NANOS_S;
}

static unsigned execute_taints(const NodeView *node)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < node->taint_count; i++) {
        count += node->taints[i].effect == EFFECT_NO_EXECUTE;
    }
    return count;
}

static void process_pod(Actor *actor, const Object *pod, const NodeView *node)
{
    Nanos now = actor_now(actor);
    if (execute_taints(node) == 0) {
        cancel_work(actor, pod->key);
        return;
    }
    Nanos stay = stay_of(pod_view(pod)->spec, node), start = now;
    if (stay == NANOS_NEVER) {
        cancel_work(actor, pod->key);
        return;
    }
    const Work *work = work_of((Eviction *)actor_state(actor), pod->key);
    if (stay > 0 && work != NULL && work->state == WORK_ARMED) {
        /* A second taint does not lengthen the stay that the first one began. */
        if (work->created_at < now) return;
        start = work->created_at;
    }
    if (work != NULL && work->state != WORK_ARMED && stay > 0) return;
    cancel_work(actor, pod->key);
    add_work(actor, pod->key, start, start + stay);
}

/* --- firing --- */

/* Both writes together are tried so often. */
typedef struct {
    unsigned tries;
} Attempts;

static void settle(Actor *actor, Key key, bool succeeded)
{
    Work *work = work_of((Eviction *)actor_state(actor), key);
    if (work == NULL || work->state != WORK_FIRED) return;
    if (succeeded) {
        work->state = WORK_DONE;
        return;
    }
    actor_because(actor, key, "eviction failed %d times and is given up", TRIES);
    drop_work(actor, work);
}

static PlanVerdict on_write(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    Attempts *attempts = (Attempts *)data;
    bool is_delete = plan_step_verb(step) == REQUEST_DELETE;
    if (reply->reason == REASON_OK) {
        if (is_delete) settle(actor, plan_step_key(step), true);
        return PLAN_ACCEPT;
    }
    bool is_over = reply->reason == REASON_NOT_FOUND || ++attempts->tries >= TRIES;
    if (!is_over) {
        plan_retry_in(step, TRY_PERIOD);
        return PLAN_RETRY;
    }
    settle(actor, plan_step_key(step), false);
    plan_drop_rest(actor);
    return PLAN_ACCEPT; /* given up: nothing is requeued */
}

static Value *disruption_patch(Nanos now)
{
    char time[TIME_TEXT_MAX];
    Value *condition = value_map();
    value_map_set(condition, "type", value_string("DisruptionTarget"));
    value_map_set(condition, "status", value_string("True"));
    value_map_set(condition, "reason", value_string("DeletionByTaintManager"));
    value_map_set(condition, "message",
                  value_string("Taint manager: deleting due to NoExecute "
                               "taint"));
    value_map_set(condition, "lastTransitionTime", value_string(time_format(now, time)));
    Value *list = value_list();
    value_list_add(list, condition);
    Value *patch = value_map();
    value_put(&patch, list, "status", "conditions");
    return patch;
}

static void eviction_sync(Actor *actor, Key key)
{
    const Work *work = work_of((Eviction *)actor_state(actor), key);
    const Object *pod = actor_get(actor, key);
    if (work == NULL || work->state != WORK_FIRED || pod == NULL) return;
    Attempts *attempts = (Attempts *)plan_alloc(actor, sizeof(Attempts));
    attempts->tries = 0;
    bool has_conditions = world_gate(actor_world(actor), "PodDisruptionConditions");
    if (has_conditions && pod_view(pod)->disruption != CONDITION_TRUE) {
        PlanStep *step =
            plan_patch_status(actor, key, PATCH_STRATEGIC, disruption_patch(actor_now(actor)));
        plan_then(step, on_write, attempts);
    }
    PlanStep *step = plan_delete(actor, key); /* by name only, as upstream */
    plan_then(step, on_write, attempts);
    plan_because(step, "its node has a NoExecute taint that it does not tolerate (any longer)");
}

static void eviction_timer(Actor *actor, uint64_t tag)
{
    Eviction *eviction = (Eviction *)actor_state(actor);
    Work *work = (Work *)g_hash_table_lookup(eviction->by_number, &tag);
    if (work != NULL && work->state == WORK_ARMED) fire(actor, work);
}

/* --- what the watches tell --- */

static bool tolerations_equal(const PodSpec *a, const PodSpec *b)
{
    if (a == b) return true;
    if (a->toleration_count != b->toleration_count) return false;
    for (uint32_t i = 0; i < a->toleration_count; i++) {
        const Toleration *x = &a->tolerations[i], *y = &b->tolerations[i];
        if (x->key != y->key || x->value != y->value || x->effect != y->effect) return false;
        if (x->is_exists != y->is_exists || x->has_seconds != y->has_seconds) return false;
        if (x->has_seconds && x->seconds != y->seconds) return false;
    }
    return true;
}

static void on_pod(Actor *actor, const Object *old, const Object *now)
{
    if (now == NULL) {
        cancel_work(actor, old->key);
        return;
    }
    const PodSpec *spec = pod_view(now)->spec;
    bool is_same = old != NULL && old->uid == now->uid;
    if (is_same && pod_view(old)->spec->node_name == spec->node_name &&
        tolerations_equal(pod_view(old)->spec, spec)) {
        return;
    }
    if (old != NULL && !is_same) cancel_work(actor, old->key);
    if (spec->node_name == ATOM_NONE) return;
    const Object *node = actor_get(actor, (Key){KIND_NODE, ATOM_NONE, spec->node_name});
    if (node != NULL && execute_taints(node_view(node)) > 0) {
        process_pod(actor, now, node_view(node));
    }
}

static bool execute_taints_equal(const NodeView *a, const NodeView *b)
{
    if (execute_taints(a) != execute_taints(b)) return false;
    for (uint32_t i = 0; i < a->taint_count; i++) {
        const Taint *taint = &a->taints[i];
        bool is_found = taint->effect != EFFECT_NO_EXECUTE;
        for (uint32_t j = 0; j < b->taint_count && !is_found; j++) {
            const Taint *other = &b->taints[j];
            is_found = other->effect == taint->effect && other->key == taint->key &&
                       other->value == taint->value && other->added_at == taint->added_at;
        }
        if (!is_found) return false;
    }
    return true;
}

static int compare_pods(gconstpointer a, gconstpointer b, gpointer atoms)
{
    const Object *x = *(const Object *const *)a, *y = *(const Object *const *)b;
    return key_compare((const AtomTable *)atoms, x->key, y->key);
}

static void on_node(Actor *actor, const Object *old, const Object *now)
{
    if (now == NULL) return; /* its pods are the business of the pod GC */
    bool is_untainted = execute_taints(node_view(now)) == 0;
    if (old == NULL ? is_untainted : execute_taints_equal(node_view(old), node_view(now))) return;
    ObjectList list = actor_lookup(actor, INDEX_POD_NODE, index_key(now->key.name, 0));
    g_autoptr(GPtrArray) pods = g_ptr_array_new();
    for (unsigned i = 0; i < list.count; i++) {
        g_ptr_array_add(pods, (gpointer)(uintptr_t)list.items[i]);
    }
    g_ptr_array_sort_with_data(pods, compare_pods, world_atoms(actor_world(actor)));
    for (unsigned i = 0; i < pods->len; i++) {
        process_pod(actor, (const Object *)g_ptr_array_index(pods, i), node_view(now));
    }
}

/* --- life --- */

static guint hash_key(gconstpointer key)
{
    return (guint)key_hash(*(const Key *)key);
}

static gboolean keys_equal(gconstpointer a, gconstpointer b)
{
    return key_equal(*(const Key *)a, *(const Key *)b);
}

static void eviction_start(Actor *actor)
{
    Eviction *eviction = (Eviction *)actor_state(actor);
    eviction->works = g_hash_table_new_full(hash_key, keys_equal, NULL, g_free);
    eviction->by_number = g_hash_table_new(g_int64_hash, g_int64_equal);
}

static void eviction_stop(Actor *actor)
{
    Eviction *eviction = (Eviction *)actor_state(actor);
    g_hash_table_unref(eviction->by_number);
    g_hash_table_unref(eviction->works);
}

static const WatchRule watches[] = {
    {KIND_NODE, on_node, SCOPE_ALL, INDEX_NONE},
    {KIND_POD, on_pod, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component eviction_component = {
    .name = "taint-eviction-controller",
    .help = "deletes pods from nodes whose NoExecute taints they do not tolerate (any longer)",
    .state_size = sizeof(Eviction),
    .watches = watches,
    .workers = 8,
    .start = eviction_start,
    .stop = eviction_stop,
    .sync = eviction_sync,
    .timer = eviction_timer,
};
