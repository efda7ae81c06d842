/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The StatefulSet controller: what wakes it, what it claims, which revisions are in force.
 * Mirrors: kubernetes v1.36 pkg/controller/statefulset/stateful_set.go, getStatefulSetRevisions of
 *          stateful_set_control.go, pkg/controller/controller_ref_manager.go,
 *          pkg/controller/util/consistency
 * Simplified: the read-your-writes guard compares with the newest version of a kind that the
 *             handlers have seen, so a kind that falls silent right after an own write is judged by
 *             the written object itself.
 * State:  guard --> adopt revisions --> claim pods --> revisions --> phases (statefulset_control.c)
 *
 * Live reads: adoption re-reads the set; a revision name that is taken re-reads the revision. Where
 * an answer changes what follows (a name collision, a refused adoption), the hook drops the rest of
 * the plan and fills it anew.
 */
#include "models/control/statefulset.h"

#include "models/control/revision.h"

/* The last own write of a kind for one set. */
typedef struct {
    Key key;
    int64_t version;
} Write;

typedef struct {
    Write pod, claim, set;
} Writes;

#define MEMORIES 64

typedef struct {
    SetMemory memories[MEMORIES]; /* by uid; sets that meet push each other out */
    GHashTable *writes;           /* uid of a set -> Writes; looked up only */
    int64_t seen[KIND_COUNT];
    bool is_guarded;
} State;

/* --- watches --- */

static void saw(Actor *actor, const Object *old, const Object *now)
{
    State *state = actor_state(actor);
    const Object *object = now ? now : old;
    state->seen[object->key.kind] = MAX(state->seen[object->key.kind], object->version);
}

static void on_set(Actor *actor, const Object *old, const Object *now)
{
    State *state = actor_state(actor);
    saw(actor, old, now);
    if (!now) g_hash_table_remove(state->writes, GUINT_TO_POINTER(old->uid));
    actor_enqueue(actor, now ? now->key : old->key);
}

/* The cached set that controls the pod, by name and uid. */
static const Object *controlling_set(Actor *actor, const Object *pod)
{
    const OwnerRef *ref = object_meta(pod)->controller;
    if (!ref || ref->kind != KIND_STATEFUL_SET) return NULL;
    const Object *set = actor_get(actor, (Key){KIND_STATEFUL_SET, pod->key.space, ref->name});
    return set && set->uid == ref->uid ? set : NULL;
}

static void enqueue_matching(Actor *actor, const Object *pod)
{
    ObjectList sets =
        actor_lookup(actor, INDEX_SPACE, index_key(KIND_STATEFUL_SET, pod->key.space));
    GArray *keys = g_array_new(FALSE, FALSE, sizeof(Key));
    for (unsigned i = 0; i < sets.count; i++) {
        const Selector *selector = statefulset_view(sets.items[i])->selector;
        if (selector && selector_matches(selector, object_meta(pod)))
            g_array_append_val(keys, sets.items[i]->key);
    }
    for (guint i = 0; i < keys->len; i++)
        actor_enqueue(actor, g_array_index(keys, Key, i));
    g_array_free(keys, TRUE);
}

static bool same_labels(const Meta *a, const Meta *b)
{
    if (a->label_count != b->label_count) return false;
    for (uint32_t i = 0; i < a->label_count; i++)
        if (a->labels[i].key != b->labels[i].key || a->labels[i].value != b->labels[i].value)
            return false;
    return true;
}

static Atom controller_uid(const Object *object)
{
    const OwnerRef *ref = object_meta(object)->controller;
    return ref ? ref->uid : ATOM_NONE;
}

/* A pod that has just become Ready is looked at again when it can be available. */
static void look_when_available(Actor *actor, const Object *set, const Object *old,
                                const Object *now)
{
    int64_t wait_s = statefulset_view(set)->min_ready_s;
    bool is_newly_ready =
        pod_view(old)->ready != CONDITION_TRUE && pod_view(now)->ready == CONDITION_TRUE;
    if (wait_s <= 0 || !is_newly_ready) return;
    if (!world_is_at_least(actor_world(actor), 35)) wait_s++;
    actor_after(actor, wait_s * NANOS_S, set->key);
}

static void on_pod(Actor *actor, const Object *old, const Object *now)
{
    saw(actor, old, now);
    if (old && now && old->version == now->version) return;

    bool has_moved = old && now && controller_uid(old) != controller_uid(now);
    if (old && (!now || has_moved)) {
        const Object *set = controlling_set(actor, old);
        if (set) actor_enqueue(actor, set->key);
    }
    if (!now) return;
    if (object_meta(now)->controller) {
        const Object *set = controlling_set(actor, now);
        if (!set) return;
        actor_enqueue(actor, set->key);
        if (old) look_when_available(actor, set, old, now);
        return;
    }
    if (!old && object_is_terminating(now)) return;
    if (!old || has_moved || !same_labels(object_meta(old), object_meta(now)))
        enqueue_matching(actor, now);
}

/* --- read your writes --- */

void statefulset_wrote(SetSync *sync, const Reply *reply)
{
    State *state = actor_state(sync->actor);
    sync->is_running = true;
    if (!state->is_guarded || reply->reason != REASON_OK || !reply->object) return;

    Writes *writes = g_hash_table_lookup(state->writes, GUINT_TO_POINTER(sync->set->uid));
    if (!writes) {
        writes = g_new0(Writes, 1);
        g_hash_table_insert(state->writes, GUINT_TO_POINTER(sync->set->uid), writes);
    }
    Kind kind = reply->object->key.kind;
    Write *write = kind == KIND_POD            ? &writes->pod
                   : kind == KIND_STATEFUL_SET ? &writes->set
                                               : &writes->claim;
    if (reply->object->version > write->version)
        *write = (Write){reply->object->key, reply->object->version};
}

static bool is_caught_up(Actor *actor, const Write *write)
{
    const State *state = actor_state(actor);
    if (write->version == 0 || state->seen[write->key.kind] >= write->version) return true;
    const Object *object = actor_get(actor, write->key);
    return object && object->version >= write->version;
}

/* Whether the caches show all that this controller itself wrote for the set. */
static bool sees_own_writes(Actor *actor, const Object *set)
{
    const State *state = actor_state(actor);
    if (!state->is_guarded) return true;
    const Writes *writes = g_hash_table_lookup(state->writes, GUINT_TO_POINTER(set->uid));
    if (!writes) return true;
    const Write *const all[] = {&writes->pod, &writes->claim, &writes->set};
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        if (is_caught_up(actor, all[i])) continue;
        plan_fail(actor, "the cache does not show the own write of %s yet",
                  actor_text(actor, all[i]->key.name));
        return false;
    }
    return true;
}

/* --- what is remembered of a set --- */

static void memory_clear(SetMemory *memory)
{
    value_unref(memory->spec);
    value_unref(memory->data);
    value_unref(memory->owner);
    g_free(memory->json);
    object_unref(memory->newest);
    *memory = (SetMemory){0};
}

SetMemory *statefulset_memory(const SetSync *sync)
{
    State *state = actor_state(sync->actor);
    const Value *spec = value_get(sync->set->value, "spec");
    SetMemory *memory = &state->memories[sync->set->uid % MEMORIES];
    if (memory->uid == sync->set->uid && memory->spec == spec &&
        key_equal(memory->key, sync->set->key))
        return memory;
    memory_clear(memory);
    memory->key = sync->set->key;
    memory->uid = sync->set->uid;
    memory->spec = spec ? value_ref(spec) : NULL;
    return memory;
}

Value *statefulset_owner(const SetSync *sync)
{
    SetMemory *memory = statefulset_memory(sync);
    if (!memory->owner) memory->owner = revision_owner_ref(sync->set, sync->name);
    return value_ref(memory->owner);
}

/* --- the life of a sync --- */

Atom statefulset_pod_revision(const Object *pod)
{
    return pod_view(pod)->revision;
}

static void sync_free(void *data)
{
    SetSync *sync = data;
    for (unsigned i = 0; i < sync->pod_count; i++)
        object_unref(sync->pods[i].pod);
    for (unsigned i = 0; i < sync->revision_count; i++)
        object_unref(sync->revisions[i]);
    for (unsigned i = 0; i < sync->patch_count; i++)
        object_unref(sync->patches[i].pod);
    value_unref(sync->current_template);
    value_unref(sync->update_template);
    value_unref(sync->update_data);
    value_unref(sync->made.value);
    object_unref(sync->set);
}

static SetSync *sync_new(Actor *actor, const Object *set)
{
    SetSync *sync = plan_alloc(actor, sizeof *sync);
    *sync = (SetSync){
        .actor = actor,
        .set = object_ref(set),
        .view = statefulset_view(set),
        .name = actor_text(actor, set->key.name),
        .now = actor_now(actor),
        .is_monotonic = !statefulset_view(set)->is_parallel,
        .waits_for_available = world_is_at_least(actor_world(actor), 34),
    };
    plan_keep(actor, sync_free, sync);
    return sync;
}

/* --- claiming pods --- */

/* Whether a name is "<set>-<digits>"; the ordinal is -1 if it does not fit 32 bits. */
static bool is_member(const char *set, const char *pod, int64_t *ret_ordinal)
{
    size_t length = strlen(set);
    if (strncmp(pod, set, length) != 0 || pod[length] != '-' || !pod[length + 1]) return false;
    int64_t ordinal = 0;
    for (const char *at = pod + length + 1; *at; at++) {
        if (*at < '0' || *at > '9') return false;
        if (ordinal >= 0) ordinal = ordinal * 10 + (*at - '0');
        if (ordinal > INT32_MAX) ordinal = -1;
    }
    *ret_ordinal = ordinal;
    return true;
}

static int by_patch_name(const void *a, const void *b, void *actor)
{
    const SetPatch *left = a, *right = b;
    return strcmp(actor_text(actor, left->pod->key.name), actor_text(actor, right->pod->key.name));
}

/* Sorts a pod into kept, adopted or released. */
static void claim_pod(SetSync *sync, const Object *pod)
{
    const Meta *meta = object_meta(pod);
    bool is_deleted = object_is_terminating(sync->set), is_orphan = !meta->controller;
    int64_t ordinal = -1;
    bool is_match = selector_matches(sync->view->selector, meta) &&
                    is_member(sync->name, actor_text(sync->actor, pod->key.name), &ordinal);
    bool is_adopted = is_orphan && is_match && !is_deleted && !object_is_terminating(pod);

    if (is_adopted || (!is_orphan && is_match))
        sync->pods[sync->pod_count++] = (SetPod){object_ref(pod), ordinal};
    if (is_adopted || (!is_orphan && !is_match && !is_deleted))
        sync->patches[sync->patch_count++] = (SetPatch){sync, object_ref(pod), is_adopted};
}

static void find_pods(SetSync *sync)
{
    Atom space = sync->set->key.space;
    ObjectList owned =
        actor_lookup(sync->actor, INDEX_CONTROLLER, index_key(KIND_POD, sync->set->uid));
    ObjectList orphans = actor_lookup(sync->actor, INDEX_ORPHAN, index_key(KIND_POD, space));
    size_t most = owned.count + orphans.count + 1;
    sync->pods = plan_alloc(sync->actor, sizeof *sync->pods * most);
    sync->patches = plan_alloc(sync->actor, sizeof *sync->patches * most);
    for (unsigned i = 0; i < owned.count; i++)
        claim_pod(sync, owned.items[i]);
    for (unsigned i = 0; i < orphans.count; i++)
        claim_pod(sync, orphans.items[i]);
    g_qsort_with_data(sync->patches, (gint)sync->patch_count, sizeof *sync->patches, by_patch_name,
                      sync->actor);
}

/* The metadata of an adoption or a release, with the uid as precondition. */
static Value *owner_patch(const SetSync *sync, const Object *object, bool is_adoption)
{
    Value *ref;
    if (is_adoption) {
        ref = statefulset_owner(sync);
    } else {
        ref = value_map();
        value_map_set(ref, "$patch", value_string("delete"));
        value_map_set(ref, "uid", value_string(actor_text(sync->actor, sync->set->uid)));
    }
    Value *owners = value_list();
    value_list_add(owners, ref);
    Value *meta = value_map();
    value_map_set(meta, "uid", value_string(actor_text(sync->actor, object->uid)));
    value_map_set(meta, "ownerReferences", owners);
    Value *patch = value_map();
    value_map_set(patch, "metadata", meta);
    return patch;
}

static PlanStep *plan_owner_patch(SetSync *sync, const Object *object, bool is_adoption)
{
    PlanStep *step = plan_patch(sync->actor, object->key, PATCH_STRATEGIC,
                                owner_patch(sync, object, is_adoption));
    plan_uid(step, object->uid);
    return step;
}

/* Whether a live read of the set still allows adoption. */
static bool may_adopt(const SetSync *sync, const Reply *reply)
{
    return reply->reason == REASON_OK && reply->object && reply->object->uid == sync->set->uid &&
           !object_is_terminating(reply->object);
}

static PlanVerdict on_recheck_for_pods(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    SetSync *sync = data;
    (void)actor, (void)step;
    sync->is_running = true;
    sync->cannot_adopt = !may_adopt(sync, reply);
    sync->has_failed_claim |= sync->cannot_adopt;
    return sync->cannot_adopt ? PLAN_REFUSE : PLAN_ACCEPT;
}

static Value *adoption_if_allowed(Actor *actor, PlanStep *step, void *data)
{
    const SetPatch *patch = data;
    (void)actor;
    return patch->sync->cannot_adopt ? NULL : value_ref(plan_step_body(step));
}

static void forget_pod(SetSync *sync, const Object *pod)
{
    for (unsigned i = 0; i < sync->pod_count; i++) {
        if (sync->pods[i].pod != pod) continue;
        object_unref(pod);
        sync->pods[i] = sync->pods[--sync->pod_count];
        sync->has_lost_pod = true;
        return;
    }
}

static PlanVerdict on_pod_claimed(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    SetPatch *patch = data;
    bool is_harmless = reply->reason == REASON_NOT_FOUND ||
                       (!patch->is_adoption && reply->reason == REASON_INVALID);
    (void)actor, (void)step;
    patch->sync->is_running = true;
    if (reply->reason == REASON_OK) return PLAN_ACCEPT;
    if (patch->is_adoption) forget_pod(patch->sync, patch->pod);
    if (is_harmless) return PLAN_ACCEPT;
    patch->sync->has_failed_claim = true;
    return PLAN_REFUSE;
}

static PlanVerdict on_claims_settled(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    SetSync *sync = data;
    (void)step, (void)reply;
    if (sync->has_failed_claim || sync->has_lost_pod) plan_drop_rest(actor);
    sync->has_stopped = sync->has_failed_claim;
    if (sync->has_failed_claim) return PLAN_REFUSE;
    if (sync->has_lost_pod) statefulset_resolve_revisions(sync);
    return PLAN_ACCEPT;
}

static void plan_pod_claims(SetSync *sync)
{
    bool is_checked = false;
    for (unsigned i = 0; i < sync->patch_count; i++) {
        SetPatch *patch = &sync->patches[i];
        if (patch->is_adoption && !is_checked) {
            PlanStep *check = plan_get(sync->actor, sync->set->key);
            plan_flags(check, PLAN_GOES_ON);
            plan_then(check, on_recheck_for_pods, sync);
            plan_because(check, "adoption needs the set as it is now");
            is_checked = true;
        }
        PlanStep *step = plan_owner_patch(sync, patch->pod, patch->is_adoption);
        plan_flags(step, PLAN_GOES_ON);
        plan_then(step, on_pod_claimed, patch);
        if (patch->is_adoption) plan_late(step, adoption_if_allowed, patch);
        plan_because(step,
                     patch->is_adoption ? "%s is an orphan that matches the selector"
                                        : "%s does not belong to the set any more",
                     actor_text(sync->actor, patch->pod->key.name));
    }
    if (!sync->patch_count) return;
    PlanStep *settled =
        plan_answer(sync->actor, sync->set->key, REASON_OK, "pods have been claimed");
    plan_then(settled, on_claims_settled, sync);
}

/* --- adopting revisions --- */

static int by_revision(const void *a, const void *b, void *actor)
{
    return revision_compare(world_atoms(actor_world(actor)), *(const Object *const *)a,
                            *(const Object *const *)b);
}

static void find_revisions(SetSync *sync)
{
    Kind kind = KIND_CONTROLLER_REVISION;
    ObjectList lists[] = {
        actor_lookup(sync->actor, INDEX_CONTROLLER, index_key(kind, sync->set->uid)),
        actor_lookup(sync->actor, INDEX_ORPHAN, index_key(kind, sync->set->key.space)),
    };
    sync->revisions =
        plan_alloc(sync->actor, sizeof *sync->revisions * (lists[0].count + lists[1].count + 1));
    for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++) {
        for (unsigned j = 0; j < lists[i].count; j++) {
            const Object *revision = lists[i].items[j];
            if (selector_matches(sync->view->selector, object_meta(revision)))
                sync->revisions[sync->revision_count++] = object_ref(revision);
        }
    }
    g_qsort_with_data(sync->revisions, (gint)sync->revision_count, sizeof *sync->revisions,
                      by_revision, sync->actor);
}

/* A refused adoption ends the sync: neither status nor history is touched. */
static PlanVerdict on_revision_adopted(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    SetSync *sync = data;
    bool is_fine =
        plan_step_verb(step) == REQUEST_GET ? may_adopt(sync, reply) : reply->reason == REASON_OK;
    sync->is_running = true;
    if (is_fine) return PLAN_ACCEPT;
    sync->has_stopped = true;
    plan_drop_rest(actor);
    return PLAN_REFUSE;
}

static int by_name(const void *a, const void *b, void *actor)
{
    const Object *left = *(const Object *const *)a, *right = *(const Object *const *)b;
    return strcmp(actor_text(actor, left->key.name), actor_text(actor, right->key.name));
}

static void plan_revision_adoption(SetSync *sync)
{
    const Object **orphans = plan_alloc(sync->actor, sizeof *orphans * (sync->revision_count + 1));
    unsigned count = 0;
    for (unsigned i = 0; i < sync->revision_count; i++)
        if (!object_meta(sync->revisions[i])->controller) orphans[count++] = sync->revisions[i];
    if (count == 0) return;

    g_qsort_with_data(orphans, (gint)count, sizeof *orphans, by_name, sync->actor);
    PlanStep *check = plan_get(sync->actor, sync->set->key);
    plan_then(check, on_revision_adopted, sync);
    plan_because(check, "adoption needs the set as it is now");
    for (unsigned i = 0; i < count; i++) {
        PlanStep *step = plan_owner_patch(sync, orphans[i], true);
        plan_then(step, on_revision_adopted, sync);
        plan_because(step, "%s is an orphan that matches the selector",
                     actor_text(sync->actor, orphans[i]->key.name));
    }
}

/* --- rehearsals --- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static Value *claimed_names(const SetSync *sync)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (unsigned i = 0; i < sync->pod_count; i++)
        g_ptr_array_add(names,
                        (gpointer)(uintptr_t)actor_text(sync->actor, sync->pods[i].pod->key.name));
    g_ptr_array_sort(names, by_text);
    Value *list = value_list();
    for (unsigned i = 0; i < names->len; i++)
        value_list_add(list, value_string(names->pdata[i]));
    return list;
}

/* Tells a rehearsal how the sync went. */
static void report(Actor *actor, Key key, bool succeeded, void *data)
{
    SetSync *sync = data;
    (void)key, (void)succeeded;
    actor_report(actor, "run", value_bool(!sync->has_stopped));
    if (sync->has_stopped) return;
    actor_report(actor, "claimed", claimed_names(sync));
    if (sync->update_name != ATOM_NONE) actor_report(actor, "status", statefulset_status(sync));
}

/* --- sync --- */

static void sync_set(Actor *actor, Key key)
{
    const Object *set = actor_get(actor, key);
    if (!set || !statefulset_view(set)->selector) return;
    if (!sees_own_writes(actor, set)) return;

    SetSync *sync = sync_new(actor, set);
    if (actor_is_rehearsed(actor)) plan_finally(actor, report, sync);
    find_revisions(sync);
    find_pods(sync);
    plan_revision_adoption(sync);
    plan_pod_claims(sync);
    statefulset_resolve_revisions(sync);
}

static void start(Actor *actor)
{
    State *state = actor_state(actor);
    const World *world = actor_world(actor);
    state->writes = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    state->is_guarded = world_gate(world, "StaleControllerConsistencyStatefulSet");
}

static void stop(Actor *actor)
{
    State *state = actor_state(actor);
    for (unsigned i = 0; i < MEMORIES; i++)
        memory_clear(&state->memories[i]);
    g_clear_pointer(&state->writes, g_hash_table_unref);
}

static const WatchRule watches[] = {
    {KIND_STATEFUL_SET, on_set, SCOPE_ALL, INDEX_NONE},
    {KIND_POD, on_pod, SCOPE_ALL, INDEX_NONE},
    {KIND_PERSISTENT_VOLUME_CLAIM, saw, SCOPE_ALL, INDEX_NONE},
    {KIND_CONTROLLER_REVISION, NULL, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component statefulset_component = {
    .name = "statefulset-controller",
    .help = "keeps the pods and claims of StatefulSets as their specs say",
    .state_size = sizeof(State),
    .watches = watches,
    .workers = 5,
    .start = start,
    .stop = stop,
    .sync = sync_set,
};
