/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ReplicaSet controller: as many active pods as asked for, whoever they are.
 * Mirrors: kubernetes v1.36 pkg/controller/replicaset/replica_set.go, pkg/controller/controller_utils.go
 * Simplified: no condition ReplicaFailure; status.terminatingReplicas is not kept; pods are matched
 *             by selector without the terminal ones, as upstream does.
 * State:  expecting --all seen, or 5 min--> satisfied --creates or deletes--> expecting
 *         Only a satisfied set is acted on; its status is written in any case.
 */
#include "models/plan.h"

#include "models/control/revision.h"

#define BURST               500
#define EXPECTATION_TIMEOUT (5 * NANOS_MIN)
#define DELETION_COST       "controller.kubernetes.io/pod-deletion-cost"

/* What a set still has to see of its own writes. */
typedef struct {
    int64_t adds;
    GHashTable *deletes; /* uids; looked up and counted only */
    Nanos since;
} Expectations;

typedef struct {
    GHashTable *expectations; /* uid of a set -> Expectations; looked up only */
} State;

/* One sync; lives with its plan. */
typedef struct {
    Actor *actor;
    Atom set_uid;
    Key key;
    unsigned planned, answered; /* creations */
    const Object **pods;        /* active and claimed; valid while sync() runs */
    unsigned pod_count;
} RsSync;

/* A pod that may be deleted, with what it is compared by. */
typedef struct {
    const Object *pod;
    const char *uid;
    int64_t cost;
    unsigned rank;
    Nanos now;
} Victim;

/* --- expectations --- */

static void expectations_free(void *data)
{
    Expectations *expected = data;
    g_hash_table_unref(expected->deletes);
    g_free(expected);
}

static Expectations *expectations_of(Actor *actor, Atom uid)
{
    State *state = actor_state(actor);
    Expectations *expected = g_hash_table_lookup(state->expectations, GUINT_TO_POINTER(uid));
    if (expected) return expected;
    expected = g_new0(Expectations, 1);
    expected->deletes = g_hash_table_new(NULL, NULL);
    g_hash_table_insert(state->expectations, GUINT_TO_POINTER(uid), expected);
    return expected;
}

static bool is_satisfied(Actor *actor, Atom uid)
{
    const Expectations *expected = expectations_of(actor, uid);
    if (expected->adds <= 0 && g_hash_table_size(expected->deletes) == 0) return true;
    return actor_now(actor) - expected->since > EXPECTATION_TIMEOUT;
}

static void saw_creation(Actor *actor, Atom uid)
{
    Expectations *expected = expectations_of(actor, uid);
    if (expected->adds > 0) expected->adds--;
}

static void saw_deletion(Actor *actor, Atom uid, const Object *pod)
{
    g_hash_table_remove(expectations_of(actor, uid)->deletes, GUINT_TO_POINTER(pod->uid));
}

/* --- watches --- */

static const Object *controlling_set(Actor *actor, const Object *pod)
{
    const OwnerRef *ref = object_meta(pod)->controller;
    if (!ref || ref->kind != KIND_REPLICA_SET) return NULL;
    const Object *set = actor_get(actor, (Key){KIND_REPLICA_SET, pod->key.space, ref->name});
    return set && set->uid == ref->uid ? set : NULL;
}

static void on_set(Actor *actor, const Object *old, const Object *now)
{
    State *state = actor_state(actor);
    if (!now) g_hash_table_remove(state->expectations, GUINT_TO_POINTER(old->uid));
    actor_enqueue(actor, now ? now->key : old->key);
}

static void enqueue_matching(Actor *actor, const Object *pod)
{
    ObjectList sets = actor_lookup(actor, INDEX_SPACE, index_key(KIND_REPLICA_SET, pod->key.space));
    for (unsigned i = 0; i < sets.count; i++) {
        const Selector *selector = replicaset_view(sets.items[i])->selector;
        if (selector && selector_matches(selector, object_meta(pod)))
            actor_enqueue(actor, sets.items[i]->key);
    }
}

static void on_pod(Actor *actor, const Object *old, const Object *now)
{
    if (old && now && old->version == now->version) return;
    const Object *old_set = old ? controlling_set(actor, old) : NULL;
    const Object *set = now ? controlling_set(actor, now) : NULL;

    if (old_set && old_set != set) {
        if (!now) saw_deletion(actor, old_set->uid, old);
        actor_enqueue(actor, old_set->key);
    }
    if (!now) return;
    if (!set) {
        if (!object_meta(now)->controller && !object_is_terminating(now))
            enqueue_matching(actor, now);
        return;
    }
    if (object_is_terminating(now))
        saw_deletion(actor, set->uid, now);
    else if (!old)
        saw_creation(actor, set->uid);
    actor_enqueue(actor, set->key);
    int64_t wait_s = replicaset_view(set)->min_ready_s;
    if (wait_s > 0 && old && pod_view(old)->ready != CONDITION_TRUE &&
        pod_view(now)->ready == CONDITION_TRUE)
        actor_after(actor, wait_s * NANOS_S, set->key);
}

/* --- claiming --- */

static bool is_active(const Object *pod)
{
    return !pod_is_terminal(pod_view(pod)) && !object_is_terminating(pod);
}

static PlanVerdict on_recheck(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    const RsSync *sync = data;
    (void)step;
    if (reply->reason == REASON_OK && reply->object->uid == sync->set_uid &&
        !object_is_terminating(reply->object))
        return PLAN_ACCEPT;
    plan_drop_rest(actor);
    return PLAN_REFUSE;
}

static PlanStep *patch_owner(Actor *actor, const Object *set, const Object *pod, bool is_adoption)
{
    Value *ref =
        is_adoption ? revision_owner_ref(set, actor_text(actor, set->key.name)) : value_map();
    if (!is_adoption) {
        value_map_set(ref, "$patch", value_string("delete"));
        value_map_set(ref, "uid", value_string(actor_text(actor, set->uid)));
    }
    Value *owners = value_list();
    value_list_add(owners, ref);
    Value *patch = value_map();
    value_put(&patch, owners, "metadata", "ownerReferences");
    value_put(&patch, value_string(actor_text(actor, pod->uid)), "metadata", "uid");
    PlanStep *step = plan_patch(actor, pod->key, PATCH_STRATEGIC, patch);
    plan_uid(step, pod->uid);
    plan_flags(step, PLAN_IGNORES_NOT_FOUND);
    plan_because(step, is_adoption ? "an orphan that matches the selector"
                                   : "does not match the selector any more");
    return step;
}

static int by_name(const void *a, const void *b, void *actor)
{
    const Object *left = *(const Object *const *)a, *right = *(const Object *const *)b;
    return strcmp(actor_text(actor, left->key.name), actor_text(actor, right->key.name));
}

static void claim_pods(RsSync *sync, const Object *set)
{
    Actor *actor = sync->actor;
    const Selector *selector = replicaset_view(set)->selector;
    bool is_deleted = object_is_terminating(set), is_checked = false;
    ObjectList lists[] = {
        actor_lookup(actor, INDEX_CONTROLLER, index_key(KIND_POD, set->uid)),
        actor_lookup(actor, INDEX_ORPHAN, index_key(KIND_POD, set->key.space)),
    };
    size_t most = lists[0].count + lists[1].count + 1;
    const Object **patched = plan_alloc(actor, sizeof *patched * most);
    unsigned patch_count = 0;
    sync->pods = plan_alloc(actor, sizeof *sync->pods * most);

    for (unsigned i = 0; i < 2; i++) {
        for (unsigned j = 0; j < lists[i].count; j++) {
            const Object *pod = lists[i].items[j];
            bool is_match = selector_matches(selector, object_meta(pod));
            if (!is_active(pod) || (i == 1 && (is_deleted || !is_match))) continue;
            if (is_match) sync->pods[sync->pod_count++] = pod;
            if (i == 1 || (!is_match && !is_deleted)) patched[patch_count++] = pod;
        }
    }
    g_qsort_with_data(patched, (gint)patch_count, sizeof *patched, by_name, actor);
    for (unsigned i = 0; i < patch_count; i++) {
        bool is_adoption = !object_meta(patched[i])->controller;
        if (is_adoption && !is_checked) plan_then(plan_get(actor, set->key), on_recheck, sync);
        is_checked |= is_adoption;
        patch_owner(actor, set, patched[i], is_adoption);
    }
}

/* --- creating --- */

static PlanVerdict on_created(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    RsSync *sync = data;
    (void)step;
    sync->answered++;
    if (reply->reason == REASON_OK) {
        actor_event(actor, sync->key, "Normal", "SuccessfulCreate", "Created pod: %s",
                    actor_text(actor, reply->object->key.name));
        return PLAN_ACCEPT;
    }
    saw_creation(actor, sync->set_uid);
    actor_event(actor, sync->key, "Warning", "FailedCreate", "Error creating: %s", reply->message);
    return PLAN_REFUSE;
}

/* Creations that a failed batch left out are not expected any more. */
static void forget_skipped(Actor *actor, Key key, bool succeeded, void *data)
{
    const RsSync *sync = data;
    (void)key, (void)succeeded;
    for (unsigned i = sync->answered; i < sync->planned; i++)
        saw_creation(actor, sync->set_uid);
}

static Value *pod_body(Actor *actor, const Object *set)
{
    const Value *template = replicaset_view(set)->template;
    const char *name = actor_text(actor, set->key.name);
    Value *owners = value_list();
    value_list_add(owners, revision_owner_ref(set, name));
    const Value *from = value_get(template, "metadata");
    Value *meta = from ? value_ref(from) : value_map();
    value_drop(&meta, "name");
    value_put(&meta, value_printf("%s-", name), "generateName");
    value_put(&meta, value_string(actor_text(actor, set->key.space)), "namespace");
    value_put(&meta, owners, "ownerReferences");
    Value *body = value_map();
    value_map_set(body, "apiVersion", value_string("v1"));
    value_map_set(body, "kind", value_string("Pod"));
    value_map_set(body, "metadata", meta);
    const Value *spec = value_get(template, "spec");
    value_map_set(body, "spec", spec ? value_ref(spec) : value_map());
    return body;
}

static unsigned create_pods(RsSync *sync, const Object *set, unsigned count)
{
    Expectations *expected = expectations_of(sync->actor, set->uid);
    expected->adds = count;
    expected->since = actor_now(sync->actor);
    sync->planned = count;
    plan_finally(sync->actor, forget_skipped, sync);

    unsigned batch = 0, size = 1;
    for (unsigned done = 0; done < count; done += size, size *= 2) {
        batch++;
        for (unsigned i = done; i < MIN(done + size, count); i++) {
            plan_lane(sync->actor, batch, i - done + 1);
            PlanStep *step = plan_create(sync->actor, KIND_POD, pod_body(sync->actor, set));
            plan_then(step, on_created, sync);
            plan_because(step, "%u active pods of %" PRId64, sync->pod_count,
                         replicaset_view(set)->replicas);
        }
    }
    return batch;
}

/* --- deleting --- */

static int phase_rank(PodPhase phase)
{
    return phase == PHASE_PENDING ? 0 : phase == PHASE_UNKNOWN ? 1 : 2;
}

/* Whole powers of two of an age in nanoseconds; -1 for none. */
static int age_rank(Nanos since, Nanos now)
{
    return now > since ? 63 - __builtin_clzll((unsigned long long)(now - since)) : -1;
}

/* Younger first, but only if the ages differ by a power of two. */
static int compare_ages(const Victim *a, const Victim *b, Nanos left, Nanos right)
{
    if (left == right) return 0;
    if (left == NANOS_NEVER || right == NANOS_NEVER) return left == NANOS_NEVER ? -1 : 1;
    int difference = age_rank(left, a->now) - age_rank(right, b->now);
    return difference ? difference : strcmp(a->uid, b->uid);
}

/* -1: the left goes first, 1: the right; 0: they do not differ. */
static int first_if(bool left, bool right)
{
    return (int)right - (int)left;
}

static int compare_numbers(int64_t left, int64_t right)
{
    return (left > right) - (left < right);
}

/* By what they are: bound, phase, ready, cost, company on the node. */
static int by_state(const Victim *left, const Victim *right)
{
    const PodView *x = pod_view(left->pod), *y = pod_view(right->pod);
    int order = first_if(!x->spec->node_name, !y->spec->node_name);
    if (!order) order = phase_rank(x->phase) - phase_rank(y->phase);
    if (!order) order = first_if(x->ready != CONDITION_TRUE, y->ready != CONDITION_TRUE);
    if (!order) order = compare_numbers(left->cost, right->cost);
    return order ? order : compare_numbers(right->rank, left->rank);
}

/* Whom to delete first. */
static int by_worth(const void *a, const void *b)
{
    const Victim *left = a, *right = b;
    const PodView *x = pod_view(left->pod), *y = pod_view(right->pod);
    int order = by_state(left, right);
    if (!order && x->ready == CONDITION_TRUE)
        order = compare_ages(left, right, x->ready_at, y->ready_at);
    if (!order) order = compare_numbers(y->restarts, x->restarts);
    if (!order) order = compare_ages(left, right, x->meta->created_at, y->meta->created_at);
    return order ? order : strcmp(left->uid, right->uid);
}

/* Active pods by node, of all sets of the same controller. */
static GHashTable *count_related(Actor *actor, const Object *set)
{
    GHashTable *counts = g_hash_table_new(NULL, NULL);
    const OwnerRef *owner = object_meta(set)->controller;
    ObjectList sets = {&set, 1};
    if (owner)
        sets = actor_lookup(actor, INDEX_CONTROLLER, index_key(KIND_REPLICA_SET, owner->uid));
    for (unsigned i = 0; i < sets.count; i++) {
        ObjectList pods =
            actor_lookup(actor, INDEX_CONTROLLER, index_key(KIND_POD, sets.items[i]->uid));
        for (unsigned j = 0; j < pods.count; j++) {
            if (!is_active(pods.items[j])) continue;
            void *node = GUINT_TO_POINTER(pod_view(pods.items[j])->spec->node_name);
            guint count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, node));
            g_hash_table_insert(counts, node, GUINT_TO_POINTER(count + 1));
        }
    }
    return counts;
}

static Victim victim_of(const RsSync *sync, GHashTable *counts, const Object *pod)
{
    const void *node = GUINT_TO_POINTER(pod_view(pod)->spec->node_name);
    Victim victim = {
        .pod = pod,
        .uid = actor_text(sync->actor, pod->uid),
        .rank = GPOINTER_TO_UINT(g_hash_table_lookup(counts, node)),
        .now = actor_now(sync->actor),
    };
    const char *cost = value_text(pod->value, "metadata", "annotations", DELETION_COST);
    if (!text_to_int(cost, &victim.cost)) victim.cost = 0;
    return victim;
}

/* One deletion; lives with the plan. */
typedef struct {
    const RsSync *sync;
    Atom uid;
} Deletion;

static PlanVerdict on_deleted(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    const Deletion *deletion = data;
    Key set = deletion->sync->key;
    const char *name = actor_text(actor, plan_step_key(step).name);
    if (reply->reason == REASON_OK) {
        actor_event(actor, set, "Normal", "SuccessfulDelete", "Deleted pod: %s", name);
        return PLAN_ACCEPT;
    }
    GHashTable *deletes = expectations_of(actor, deletion->sync->set_uid)->deletes;
    g_hash_table_remove(deletes, GUINT_TO_POINTER(deletion->uid));
    if (reply->reason == REASON_NOT_FOUND) return PLAN_ACCEPT;
    actor_event(actor, set, "Warning", "FailedDelete", "Error deleting: %s", reply->message);
    return PLAN_REFUSE;
}

static unsigned delete_pods(RsSync *sync, const Object *set, unsigned count)
{
    GHashTable *counts = count_related(sync->actor, set);
    Victim *victims = plan_alloc(sync->actor, sizeof *victims * (sync->pod_count + 1));
    for (unsigned i = 0; i < sync->pod_count; i++)
        victims[i] = victim_of(sync, counts, sync->pods[i]);
    g_hash_table_unref(counts);
    qsort(victims, sync->pod_count, sizeof *victims, by_worth);

    Expectations *expected = expectations_of(sync->actor, set->uid);
    expected->since = actor_now(sync->actor);
    for (unsigned i = 0; i < count; i++) {
        Deletion *deletion = plan_alloc(sync->actor, sizeof *deletion);
        *deletion = (Deletion){sync, victims[i].pod->uid};
        g_hash_table_add(expected->deletes, GUINT_TO_POINTER(deletion->uid));
        plan_lane(sync->actor, 1, i + 1);
        PlanStep *step = plan_delete(sync->actor, victims[i].pod->key);
        plan_then(step, on_deleted, deletion);
        plan_because(step, "%u active pods of %" PRId64 ": the least worth goes first",
                     sync->pod_count, replicaset_view(set)->replicas);
    }
    return count ? 1 : 0;
}

/* Plans creations or deletions; returns the last batch used. */
static unsigned manage_pods(RsSync *sync, const Object *set)
{
    int64_t missing = replicaset_view(set)->replicas - sync->pod_count;
    if (missing > 0) return create_pods(sync, set, (unsigned)MIN(missing, BURST));
    return missing < 0 ? delete_pods(sync, set, (unsigned)MIN(-missing, BURST)) : 0;
}

/* --- status --- */

static bool is_fully_labeled(Actor *actor, const Object *set, const Object *pod)
{
    const Value *labels = value_find(replicaset_view(set)->template, "metadata", "labels");
    value_each (i, labels) {
        Atom key = actor_atom(actor, value_key_at(labels, i));
        const char *value = value_as_text(value_at(labels, i), "");
        if (strcmp(actor_text(actor, meta_label(object_meta(pod), key)), value) != 0) return false;
    }
    return true;
}

static void write_status(RsSync *sync, const Object *set)
{
    const ReplicaSetView *view = replicaset_view(set);
    int64_t labeled = 0, ready = 0, available = 0;
    Nanos now = actor_now(sync->actor), next = NANOS_NEVER;
    for (unsigned i = 0; i < sync->pod_count; i++) {
        const PodView *pod = pod_view(sync->pods[i]);
        labeled += is_fully_labeled(sync->actor, set, sync->pods[i]);
        if (pod->ready != CONDITION_TRUE) continue;
        ready++;
        if (pod_is_available(pod, view->min_ready_s, now))
            available++;
        else if (pod->ready_at != NANOS_NEVER)
            next = MIN(next, pod->ready_at + view->min_ready_s * NANOS_S - now);
    }
    if (ready == view->replicas && next != NANOS_NEVER) plan_after(sync->actor, MAX(next, 0));
    if (sync->pod_count == view->status_replicas && labeled == view->fully_labeled &&
        ready == view->ready && available == view->available &&
        view->meta->generation == view->observed_generation)
        return;

    const Value *old = value_get(set->value, "status");
    Value *status = old ? value_ref(old) : value_map();
    value_put(&status, value_int(sync->pod_count), "replicas");
    value_put(&status, value_int(labeled), "fullyLabeledReplicas");
    value_put(&status, value_int(ready), "readyReplicas");
    value_put(&status, value_int(available), "availableReplicas");
    value_put(&status, value_int(view->meta->generation), "observedGeneration");
    Value *body = value_ref(set->value);
    value_put(&body, status, "status");
    PlanStep *step = plan_update_status(sync->actor, set, body);
    plan_flags(step, PLAN_FINAL | PLAN_RETRIES_CONFLICT);
    plan_because(step, "replicas %u, ready %" PRId64 ", available %" PRId64, sync->pod_count, ready,
                 available);
}

/* --- sync --- */

static void sync_set(Actor *actor, Key key)
{
    const Object *set = actor_get(actor, key);
    if (!set || !replicaset_view(set)->selector) return;

    RsSync *sync = plan_alloc(actor, sizeof *sync);
    *sync = (RsSync){.actor = actor, .key = key, .set_uid = set->uid};
    bool may_act = is_satisfied(actor, set->uid) && !object_is_terminating(set);
    claim_pods(sync, set);
    unsigned batch = may_act ? manage_pods(sync, set) : 0;
    if (!may_act && !object_is_terminating(set))
        actor_because(actor, key, "waiting to see its own creations and deletions");
    if (batch) plan_lane(actor, batch + 1, 1);
    write_status(sync, set);
}

static void start(Actor *actor)
{
    State *state = actor_state(actor);
    state->expectations = g_hash_table_new_full(NULL, NULL, NULL, expectations_free);
}

static void stop(Actor *actor)
{
    State *state = actor_state(actor);
    g_clear_pointer(&state->expectations, g_hash_table_unref);
}

static const WatchRule watches[] = {
    {KIND_REPLICA_SET, on_set, SCOPE_ALL, INDEX_NONE},
    {KIND_POD, on_pod, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component replicaset_component = {
    .name = "replicaset-controller",
    .help = "keeps as many active pods as a ReplicaSet asks for",
    .state_size = sizeof(State),
    .watches = watches,
    .workers = 5,
    .start = start,
    .stop = stop,
    .sync = sync_set,
};
