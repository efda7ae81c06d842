/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler.c - the scheduler's queue, its cache of nodes, and the binding of pods.
 * Mirrors: kubernetes v1.36 pkg/scheduler/{schedule_one,scheduling_queue,eventhandlers}.go,
 *   pkg/scheduler/backend/{queue,cache}.
 * Simplified: no preemption (pods of higher priority wait like others, the message says what
 *   upstream's would); nodes are not interleaved by zone when they are sampled; a cycle decides by
 *   what the cache holds at its end; scheduling gates and extenders are not known.
 * State:
 *     active --cycle--> assumed --bound, watch shows it--> (forgotten)
 *       ^  ^              |  bind failed, claims not bound in 600 s
 *       |  +--- backoff <-+
 *       |         ^  an event that may help, still backing off
 *       +------- pool <--cycle: no node fits
 */
#include "models/control/scheduler_backlog.h"
#include "models/control/scheduler_volume.h"

#define CLAIM_POLL NANOS_S
#define FULL_EXAM  100 /* nodes below which all are examined */
#define EXAM_LEAST 5   /* percent */

/* --- accounts of nodes --- */

static NodeRecord *node_need(Scheduler *scheduler, Atom name)
{
    NodeRecord *node = scheduler_node(scheduler, name);
    if (node != NULL) return node;
    node = g_new0(NodeRecord, 1);
    node->name = name;
    g_hash_table_insert(scheduler->node_by_name, GUINT_TO_POINTER(name), node);
    return node;
}

static void account(Scheduler *scheduler, const Object *pod, Atom name, int sign)
{
    NodeRecord *node = node_need(scheduler, name);
    const PodSpec *spec = pod_view(pod)->spec;
    int64_t cpu, memory;
    pod_scored_requests(spec, &cpu, &memory);
    node->pods += sign;
    node->cpu_milli += sign * spec->cpu_milli;
    node->memory_bytes += sign * spec->memory_bytes;
    node->scored_cpu += sign * cpu;
    node->scored_memory += sign * memory;
    if (sign > 0) {
        guard_add(scheduler, pod, name);
    } else {
        guard_remove(scheduler, pod->key);
    }
}

static bool counts(const Object *pod)
{
    return pod != NULL && pod_view(pod)->spec->node_name != ATOM_NONE &&
           !pod_is_terminal(pod_view(pod));
}

Atom scheduler_place_of(const Scheduler *scheduler, const Object *pod)
{
    Atom node = pod_view(pod)->spec->node_name;
    if (node != ATOM_NONE) return node;
    const PendingPod *pending = backlog_find(scheduler, pod->key);
    return pending != NULL && pending->place == PLACE_ASSUMED ? pending->node : ATOM_NONE;
}

/* --- assumptions --- */

static void assume(Scheduler *scheduler, PendingPod *pending, const Object *pod,
                   const NodeRecord *node)
{
    pending->place = PLACE_ASSUMED;
    pending->node = node->name;
    pending->pod = object_ref(pod);
    pending->reserved_at = actor_now(scheduler->actor);
    pending->is_binding = false;
    account(scheduler, pod, node->name, 1);
}

/* Takes the assumption back; the pod is nowhere then. */
static void unassume(Scheduler *scheduler, PendingPod *pending)
{
    account(scheduler, pending->pod, pending->node, -1);
    for (unsigned i = 0; pending->volumes != NULL && i < pending->volumes->len; i++) {
        Atom volume = g_array_index(pending->volumes, VolumePair, i).volume;
        g_hash_table_remove(scheduler->reserved_volumes, GUINT_TO_POINTER(volume));
    }
    g_clear_pointer(&pending->volumes, g_array_unref);
    object_unref(pending->pod);
    pending->pod = NULL;
    pending->node = ATOM_NONE;
    pending->place = PLACE_NOWHERE;
}

/* The pod needs no scheduling any more. */
static void forget(Scheduler *scheduler, Key key)
{
    PendingPod *pending = backlog_find(scheduler, key);
    if (pending == NULL) return;
    if (pending->place == PLACE_ASSUMED) unassume(scheduler, pending);
    backlog_drop(scheduler, pending);
}

/* --- the cycle --- */

static unsigned nodes_to_find(unsigned count)
{
    if (count < FULL_EXAM) return count;
    int64_t percent = MAX(50 - (int64_t)count / 125, EXAM_LEAST);
    return MAX((unsigned)((int64_t)count * percent / 100), FULL_EXAM);
}

/* What the nodes answered, to be told. */
typedef struct {
    GPtrArray *feasible;
    GHashTable *reasons; /* text to count */
    GPtrArray *texts;
    unsigned unresolvable, wakes;
} Survey;

static void survey_count(Survey *survey, const char *text)
{
    if (text == NULL) return;
    unsigned count = GPOINTER_TO_UINT(g_hash_table_lookup(survey->reasons, text));
    if (count == 0) g_ptr_array_add(survey->texts, g_strdup(text));
    g_hash_table_insert(survey->reasons, g_strdup(text), GUINT_TO_POINTER(count + 1));
}

static void survey_nodes(Cycle *cycle, Survey *survey)
{
    Scheduler *scheduler = cycle->scheduler;
    unsigned count = scheduler->nodes->len, wanted = nodes_to_find(count), seen = 0;
    for (; seen < count && survey->feasible->len < wanted; seen++) {
        unsigned index = (scheduler->next_start + seen) % count;
        NodeRecord *node = (NodeRecord *)g_ptr_array_index(scheduler->nodes, index);
        Refusal refusal = cycle_filter(cycle, node);
        if (refusal.text == NULL) {
            g_ptr_array_add(survey->feasible, node);
            continue;
        }
        survey_count(survey, refusal.text);
        survey_count(survey, refusal.more);
        survey_count(survey, refusal.most);
        survey->unresolvable += refusal.is_unresolvable;
        survey->wakes |= refusal.wakes;
    }
    if (count > 0) scheduler->next_start = (scheduler->next_start + seen) % count;
}

static int compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "2 Insufficient cpu, 3 node(s) were unschedulable": sorted as texts, as upstream does. */
static void append_reasons(const Survey *survey, GString *out)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < survey->texts->len; i++) {
        const char *text = (const char *)g_ptr_array_index(survey->texts, i);
        unsigned count = GPOINTER_TO_UINT(g_hash_table_lookup(survey->reasons, text));
        g_ptr_array_add(lines, g_strdup_printf("%u %s", count, text));
    }
    g_ptr_array_sort(lines, compare_texts);
    for (unsigned i = 0; i < lines->len; i++) {
        g_string_append_printf(out, "%s %s", i > 0 ? "," : "",
                               (const char *)g_ptr_array_index(lines, i));
    }
    g_string_append_c(out, '.');
}

/* What upstream's attempt at preemption adds: nothing is ever preempted here. */
static void append_preemption(unsigned count, unsigned unresolvable, GString *out)
{
    g_string_append_printf(out, " preemption: 0/%u nodes are available:", count);
    unsigned others = count - unresolvable;
    const char *helpless = "Preemption is not helpful for scheduling";
    const char *victimless = "No preemption victims found for incoming pod";
    /* The two lines are sorted as texts too, the count first. */
    g_autofree char *a = g_strdup_printf("%u %s", others, victimless);
    g_autofree char *b = g_strdup_printf("%u %s", unresolvable, helpless);
    bool is_a_first = strcmp(a, b) < 0;
    if (others == 0) {
        g_string_append_printf(out, " %s.", b);
    } else if (unresolvable == 0) {
        g_string_append_printf(out, " %s.", a);
    } else {
        g_string_append_printf(out, " %s, %s.", is_a_first ? a : b, is_a_first ? b : a);
    }
}

static char *survey_message(const Cycle *cycle, const Survey *survey)
{
    unsigned count = cycle->scheduler->nodes->len;
    if (count == 0) return g_strdup("no nodes available to schedule pods");
    GString *out = g_string_new(NULL);
    g_string_append_printf(out, "0/%u nodes are available:", count);
    if (cycle->prefilter.text != NULL) {
        g_string_append_printf(out, " %s.", cycle->prefilter.text);
        append_preemption(count, count, out);
    } else {
        append_reasons(survey, out);
        append_preemption(count, survey->unresolvable, out);
    }
    return g_string_free(out, FALSE);
}

/* --- what follows from a cycle --- */

static Value *scheduled_condition(const Object *pod, const char *message, Nanos now)
{
    char time[TIME_TEXT_MAX];
    Value *condition = value_map();
    value_map_set(condition, "type", value_string("PodScheduled"));
    value_map_set(condition, "status", value_string("False"));
    value_map_set(condition, "reason", value_string("Unschedulable"));
    value_map_set(condition, "message", value_string(message));
    if (pod_view(pod)->scheduled != CONDITION_FALSE) {
        value_map_set(condition, "lastTransitionTime", value_string(time_format(now, time)));
    }
    Value *list = value_list();
    value_list_add(list, condition);
    Value *patch = value_map();
    value_put(&patch, list, "status", "conditions");
    return patch;
}

static const char *shown_message(const Object *pod)
{
    const Value *conditions = value_find(pod->value, "status", "conditions");
    value_each (i, conditions) {
        const Value *condition = value_at(conditions, i);
        if (strcmp(value_text(condition, "type"), "PodScheduled") == 0) {
            return value_text(condition, "message");
        }
    }
    return "";
}

static void refuse(Scheduler *scheduler, PendingPod *pending, const Object *pod,
                   const char *message)
{
    Actor *actor = scheduler->actor;
    actor_event(actor, pod->key, "Warning", "FailedScheduling", "%s", message);
    actor_because(actor, pod->key, "%s", message);
    pending->is_error = false;
    backlog_pool(scheduler, pending);
    if (strcmp(shown_message(pod), message) == 0) return;
    PlanStep *step = plan_patch_status(actor, pod->key, PATCH_STRATEGIC,
                                       scheduled_condition(pod, message, actor_now(actor)));
    plan_uid(step, pod->uid);
    plan_flags(step, PLAN_IGNORES);
}

static PlanVerdict on_bound(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    (void)data;
    if (reply->reason == REASON_OK) return PLAN_ACCEPT;
    Scheduler *scheduler = (Scheduler *)actor_state(actor);
    PendingPod *pending = backlog_find(scheduler, plan_step_key(step));
    if (pending == NULL || pending->place != PLACE_ASSUMED) return PLAN_ACCEPT;
    unassume(scheduler, pending);
    actor_event(actor, pending->key, "Warning", "FailedScheduling", "binding rejected: %s",
                reply->message != NULL ? reply->message : "no answer");
    pending->is_error = true;
    backlog_backoff(scheduler, pending);
    backlog_wake(scheduler, WAKE_POD_GONE, NULL);
    return PLAN_ACCEPT;
}

static void plan_binding(Scheduler *scheduler, const PendingPod *pending)
{
    Actor *actor = scheduler->actor;
    const char *name = actor_text(actor, pending->key.name);
    const char *node = actor_text(actor, pending->node);
    PlanStep *step = plan_bind(actor, pending->key, pending->node);
    plan_because(step, "%s fits best on %s", name, node);
    plan_event_ok(step, pending->key, "Scheduled", "Successfully assigned %s/%s to %s",
                  actor_text(actor, pending->key.space), name, node);
    plan_then(step, on_bound, NULL);
}

static PlanVerdict on_claim_written(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    (void)step;
    if (reply->reason == REASON_OK) return PLAN_ACCEPT;
    Scheduler *scheduler = (Scheduler *)actor_state(actor);
    const Key *key = (const Key *)data;
    PendingPod *pending = backlog_find(scheduler, *key);
    plan_drop_rest(actor);
    if (pending == NULL || pending->place != PLACE_ASSUMED) return PLAN_ACCEPT;
    unassume(scheduler, pending);
    pending->is_error = true;
    backlog_backoff(scheduler, pending);
    return PLAN_ACCEPT;
}

/* The binding cycle of a pod that has a node: claims first, polled each second, then the pod. */
static void sync_assumed(Scheduler *scheduler, PendingPod *pending)
{
    Actor *actor = scheduler->actor;
    const char *why = "";
    switch (scheduler_claims_state(scheduler, pending, &why)) {
    case CLAIMS_BOUND: plan_binding(scheduler, pending); return;
    case CLAIMS_WAIT:
        actor_because(actor, pending->key, "waits for its claims to be bound on %s",
                      actor_text(actor, pending->node));
        if (!pending->is_binding) {
            Key *key = (Key *)plan_alloc(actor, sizeof(Key));
            *key = pending->key;
            plan_volume_binding(scheduler, pending, on_claim_written, key);
        }
        pending->is_binding = true;
        plan_after(actor, CLAIM_POLL);
        return;
    case CLAIMS_FAILED:
        actor_event(actor, pending->key, "Warning", "FailedScheduling",
                    "running PreBind plugin \"VolumeBinding\": %s", why);
        unassume(scheduler, pending);
        pending->is_error = true;
        backlog_backoff(scheduler, pending);
        return;
    }
}

static void attempt(Scheduler *scheduler, PendingPod *pending, const Object *pod)
{
    Cycle cycle;
    Survey survey = {
        .feasible = g_ptr_array_new(),
        .reasons = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
        .texts = g_ptr_array_new_with_free_func(g_free),
    };
    backlog_take(scheduler, pending);
    pending->attempts++;
    cycle_begin(&cycle, scheduler, pod);
    if (cycle.prefilter.text == NULL) survey_nodes(&cycle, &survey);
    pending->wakes = survey.wakes | cycle.prefilter.wakes;
    if (scheduler->nodes->len == 0) pending->wakes = WAKE_NODE;
    if (survey.feasible->len > 0) {
        const NodeRecord *node = cycle_choose(&cycle, survey.feasible);
        pending->volumes = cycle_reserve_volumes(&cycle, node);
        assume(scheduler, pending, pod, node);
        sync_assumed(scheduler, pending);
    } else {
        g_autofree char *message = survey_message(&cycle, &survey);
        refuse(scheduler, pending, pod, message);
    }
    cycle_end(&cycle);
    g_ptr_array_unref(survey.feasible);
    g_ptr_array_unref(survey.texts);
    g_hash_table_unref(survey.reasons);
}

static bool is_mine(const Actor *actor, const Object *pod)
{
    const PodView *view = pod_view(pod);
    if (view->spec->node_name != ATOM_NONE || pod_is_terminal(view)) return false;
    Atom name = view->spec->scheduler_name;
    return name == ATOM_NONE || name == actor_atom(actor, "default-scheduler");
}

static void scheduler_sync(Actor *actor, Key key)
{
    Scheduler *scheduler = (Scheduler *)actor_state(actor);
    PendingPod *pending = backlog_find(scheduler, key);
    const Object *pod = actor_get(actor, key);
    if (pending != NULL && pending->place == PLACE_ASSUMED) {
        sync_assumed(scheduler, pending);
        return;
    }
    if (key_equal(key, scheduler->chosen)) scheduler->is_cycling = false;
    if (pending != NULL && pod != NULL && is_mine(actor, pod) && !object_is_terminating(pod)) {
        attempt(scheduler, pending, pod);
    } else {
        forget(scheduler, key);
    }
    backlog_kick(scheduler);
}

/* --- what the watches tell --- */

static void on_pod(Actor *actor, const Object *old, const Object *now)
{
    Scheduler *scheduler = (Scheduler *)actor_state(actor);
    Key key = now != NULL ? now->key : old->key;
    const PendingPod *pending = backlog_find(scheduler, key);
    bool is_other = pending != NULL && now != NULL && pending->uid != now->uid;
    if (now == NULL || is_other || !is_mine(actor, now) || object_is_terminating(now)) {
        forget(scheduler, key);
    }
    bool did_count = counts(old), does_count = counts(now);
    if (did_count) account(scheduler, old, pod_view(old)->spec->node_name, -1);
    if (does_count) account(scheduler, now, pod_view(now)->spec->node_name, 1);
    if (did_count && !does_count) backlog_wake(scheduler, WAKE_POD_GONE, NULL);
    if (!did_count && does_count) backlog_wake(scheduler, WAKE_POD_CAME, NULL);
    if (now == NULL || !is_mine(actor, now) || object_is_terminating(now)) return;
    if (backlog_find(scheduler, key) == NULL) backlog_add(scheduler, now);
}

static void drop_node(Scheduler *scheduler, NodeRecord *node)
{
    node->node = NULL;
    g_ptr_array_remove_index(scheduler->nodes, node->index);
    for (unsigned i = node->index; i < scheduler->nodes->len; i++) {
        ((NodeRecord *)g_ptr_array_index(scheduler->nodes, i))->index = i;
    }
}

static bool taints_differ(const NodeView *a, const NodeView *b)
{
    if (a->taint_count != b->taint_count) return true;
    for (uint32_t i = 0; i < a->taint_count; i++) {
        const Taint *x = &a->taints[i], *y = &b->taints[i];
        if (x->key != y->key || x->value != y->value || x->effect != y->effect) return true;
    }
    return false;
}

static bool labels_differ(const Meta *a, const Meta *b)
{
    if (a == b) return false;
    if (a->label_count != b->label_count) return true;
    for (uint32_t i = 0; i < a->label_count; i++) {
        if (a->labels[i].key != b->labels[i].key) return true;
        if (a->labels[i].value != b->labels[i].value) return true;
    }
    return false;
}

static bool node_matters(const Object *old, const Object *now)
{
    if (old == NULL) return true;
    const NodeView *a = node_view(old), *b = node_view(now);
    if (a->cpu_milli != b->cpu_milli || a->memory_bytes != b->memory_bytes) return true;
    if (a->pods != b->pods || a->is_unschedulable != b->is_unschedulable) return true;
    return a->ready != b->ready || taints_differ(a, b) || labels_differ(a->meta, b->meta);
}

static void on_node(Actor *actor, const Object *old, const Object *now)
{
    Scheduler *scheduler = (Scheduler *)actor_state(actor);
    NodeRecord *node = node_need(scheduler, now != NULL ? now->key.name : old->key.name);
    if (now == NULL) {
        drop_node(scheduler, node);
        return;
    }
    if (node->node == NULL) {
        node->index = scheduler->nodes->len;
        g_ptr_array_add(scheduler->nodes, node);
    }
    node->node = now;
    if (node_matters(old, now)) backlog_wake(scheduler, WAKE_NODE, NULL);
}

static void on_claim(Actor *actor, const Object *old, const Object *now)
{
    (void)old;
    if (now != NULL) backlog_wake((Scheduler *)actor_state(actor), WAKE_CLAIM, now);
}

static void on_volume(Actor *actor, const Object *old, const Object *now)
{
    Scheduler *scheduler = (Scheduler *)actor_state(actor);
    Atom name = now != NULL ? now->key.name : old->key.name;
    const VolumeView *view = now != NULL ? volume_view(now) : NULL;
    bool is_free = view != NULL && !view->has_claim && !object_is_terminating(now) &&
                   view->phase == actor_atom(actor, "Available");
    unsigned index = 0, count = scheduler->free_volumes->len;
    while (index < count && g_array_index(scheduler->free_volumes, Atom, index) != name)
        index++;
    if (is_free && index == count) g_array_append_val(scheduler->free_volumes, name);
    if (!is_free && index < count) g_array_remove_index_fast(scheduler->free_volumes, index);
    if (now != NULL) backlog_wake(scheduler, WAKE_VOLUME, NULL);
}

static void on_class(Actor *actor, const Object *old, const Object *now)
{
    (void)old;
    if (now != NULL) backlog_wake((Scheduler *)actor_state(actor), WAKE_CLASS, NULL);
}

/* --- life --- */

static guint key_hash_of(gconstpointer key)
{
    return (guint)key_hash(*(const Key *)key);
}

static gboolean keys_equal(gconstpointer a, gconstpointer b)
{
    return key_equal(*(const Key *)a, *(const Key *)b);
}

static void guard_destroy(gpointer guard)
{
    guard_free((Guard *)guard);
}

static void pending_destroy(gpointer data)
{
    PendingPod *pending = (PendingPod *)data;
    object_unref(pending->pod);
    if (pending->volumes != NULL) g_array_unref(pending->volumes);
    g_free(pending);
}

static void bucket_destroy(gpointer bucket)
{
    g_ptr_array_unref((GPtrArray *)bucket);
}

static void scheduler_start(Actor *actor)
{
    Scheduler *scheduler = (Scheduler *)actor_state(actor);
    scheduler->actor = actor;
    scheduler->node_by_name = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    scheduler->nodes = g_ptr_array_new();
    scheduler->pending = g_hash_table_new_full(key_hash_of, keys_equal, NULL, pending_destroy);
    scheduler->active = g_sequence_new(NULL);
    scheduler->backoff = g_sequence_new(NULL);
    scheduler->pool = g_sequence_new(NULL);
    scheduler->guards = g_hash_table_new_full(key_hash_of, keys_equal, NULL, guard_destroy);
    scheduler->guard_index =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, bucket_destroy);
    scheduler->free_volumes = g_array_new(FALSE, FALSE, sizeof(Atom));
    scheduler->reserved_volumes = g_hash_table_new(NULL, NULL);
    scheduler->arena = arena_new();
}

static void scheduler_stop(Actor *actor)
{
    Scheduler *scheduler = (Scheduler *)actor_state(actor);
    g_hash_table_unref(scheduler->node_by_name);
    g_ptr_array_unref(scheduler->nodes);
    g_sequence_free(scheduler->active);
    g_sequence_free(scheduler->backoff);
    g_sequence_free(scheduler->pool);
    g_hash_table_unref(scheduler->pending);
    g_hash_table_unref(scheduler->guard_index);
    g_hash_table_unref(scheduler->guards);
    g_array_unref(scheduler->free_volumes);
    g_hash_table_unref(scheduler->reserved_volumes);
    arena_free(scheduler->arena);
}

static void scheduler_timer(Actor *actor, uint64_t tag)
{
    backlog_timer((Scheduler *)actor_state(actor), tag);
}

static const WatchRule watches[] = {
    {KIND_NODE, on_node, SCOPE_ALL, INDEX_NONE},
    {KIND_STORAGE_CLASS, on_class, SCOPE_ALL, INDEX_NONE},
    {KIND_PERSISTENT_VOLUME, on_volume, SCOPE_ALL, INDEX_NONE},
    {KIND_PERSISTENT_VOLUME_CLAIM, on_claim, SCOPE_ALL, INDEX_NONE},
    {KIND_POD, on_pod, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component scheduler_component = {
    .name = "kube-scheduler",
    .help = "gives each pod a node: filters, scores, waits for claims, binds",
    .state_size = sizeof(Scheduler),
    .watches = watches,
    .workers = 10000, /* binding cycles run concurrently; cycles are serialised by the queue */
    .start = scheduler_start,
    .stop = scheduler_stop,
    .sync = scheduler_sync,
    .timer = scheduler_timer,
};
