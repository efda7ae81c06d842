/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The garbage collector: deletes what nobody owns any more, and helps owners to go.
 * Mirrors: kubernetes v1.36 pkg/controller/garbagecollector/{garbagecollector,graph_builder}.go
 * Simplified: the graph is the cache's owner index; a uid seen to be deleted is remembered for ever
 *             (upstream: the last 500); owners of kinds that are not simulated count as existing;
 *             foreground deletion does not unblock cycles of owners.
 * State:  owner gone --> dependent: read it live --> no owner left --> delete (Background)
 *                                                --> another owner --> drop the dangling reference
 *         foregroundDeletion: dependents that block are deleted --> none left --> finalizer removed
 *         orphan: references of dependents removed --> finalizer removed
 *
 * Live reads: the dependent, and an owner that the cache lacks but that was not seen to go.
 */
#include "models/plan.h"

#define FOREGROUND "foregroundDeletion"
#define ORPHAN     "orphan"

typedef struct {
    GHashTable *gone; /* uids of owners known not to exist; looked up only */
    Atom foreground, orphan;
} State;

/* How an object's owners stand. */
typedef struct {
    unsigned solid, dangling, waiting;
} Owners;

/* One decision about a dependent; lives with the plan. */
typedef struct {
    Actor *actor;
    const Object *object; /* held */
    unsigned owners_unread;
} Decision;

/* One owner that is read live. */
typedef struct {
    Decision *decision;
    Atom uid;
} OwnerRead;

/* --- predicates --- */

static bool has_finalizer(const Object *object, Atom finalizer)
{
    const Meta *meta = object_meta(object);
    for (uint32_t i = 0; i < meta->finalizer_count; i++)
        if (meta->finalizers[i] == finalizer) return true;
    return false;
}

static bool is_deleting_dependents(Actor *actor, const Object *object)
{
    const State *state = actor_state(actor);
    return object_is_terminating(object) && has_finalizer(object, state->foreground);
}

static bool is_orphaning(Actor *actor, const Object *object)
{
    const State *state = actor_state(actor);
    return object_is_terminating(object) && has_finalizer(object, state->orphan);
}

static Key owner_key(const Object *dependent, const OwnerRef *ref)
{
    Atom space = kind_info(ref->kind)->is_namespaced ? dependent->key.space : ATOM_NONE;
    return (Key){ref->kind, space, ref->name};
}

/* The owner as cached, if it is the incarnation meant. */
static const Object *owner_of(Actor *actor, const Object *dependent, const OwnerRef *ref)
{
    const Object *owner = actor_get(actor, owner_key(dependent, ref));
    return owner && owner->uid == ref->uid ? owner : NULL;
}

static bool is_known_gone(Actor *actor, Atom uid)
{
    const State *state = actor_state(actor);
    return g_hash_table_contains(state->gone, GUINT_TO_POINTER(uid));
}

/* --- watches --- */

static bool has_absent_owner(Actor *actor, const Object *object)
{
    const Meta *meta = object_meta(object);
    for (uint32_t i = 0; i < meta->owner_count; i++)
        if (meta->owners[i].kind != KIND_NONE && !owner_of(actor, object, &meta->owners[i]))
            return true;
    return false;
}

static bool same_owners(const Object *old, const Object *now)
{
    const Meta *a = object_meta(old), *b = object_meta(now);
    if (a->owner_count != b->owner_count) return false;
    for (uint32_t i = 0; i < a->owner_count; i++)
        if (a->owners[i].uid != b->owners[i].uid ||
            a->owners[i].blocks_deletion != b->owners[i].blocks_deletion)
            return false;
    return true;
}

static bool same_finalizers(const Object *old, const Object *now)
{
    const Meta *a = object_meta(old), *b = object_meta(now);
    if (a->finalizer_count != b->finalizer_count) return false;
    for (uint32_t i = 0; i < a->finalizer_count; i++)
        if (a->finalizers[i] != b->finalizers[i]) return false;
    return true;
}

/* Owners that wait for their dependents look again. */
static void wake_owners(Actor *actor, const Object *dependent)
{
    const Meta *meta = object_meta(dependent);
    for (uint32_t i = 0; i < meta->owner_count; i++) {
        const OwnerRef *ref = &meta->owners[i];
        const Object *owner = ref->kind != KIND_NONE ? owner_of(actor, dependent, ref) : NULL;
        if (owner && is_deleting_dependents(actor, owner)) actor_enqueue(actor, owner->key);
    }
}

static int by_key(const void *a, const void *b, void *atoms)
{
    return key_compare(atoms, *(const Key *)a, *(const Key *)b);
}

/* Keys of the objects that name this uid as an owner, sorted; free with g_array_unref(). */
static GArray *dependents_of(Actor *actor, const Object *owner)
{
    GArray *keys = g_array_new(FALSE, FALSE, sizeof(Key));
    ObjectList list = actor_lookup(actor, INDEX_OWNER, index_key(owner->uid, 0));
    for (unsigned i = 0; i < list.count; i++)
        g_array_append_val(keys, list.items[i]->key);
    if (keys->len) g_array_sort_with_data(keys, by_key, world_atoms(actor_world(actor)));
    return keys;
}

static void on_deleted(Actor *actor, const Object *old)
{
    State *state = actor_state(actor);
    g_autoptr(GArray) dependents = dependents_of(actor, old);
    if (dependents->len) g_hash_table_add(state->gone, GUINT_TO_POINTER(old->uid));
    for (guint i = 0; i < dependents->len; i++)
        actor_enqueue(actor, g_array_index(dependents, Key, i));
    wake_owners(actor, old);
}

static void on_change(Actor *actor, const Object *old, const Object *now)
{
    if (!now) {
        on_deleted(actor, old);
        return;
    }
    if (old && old->uid != now->uid) {
        on_deleted(actor, old);
        old = NULL;
    }
    bool has_moved = !old || !same_owners(old, now);
    bool is_newly_going = object_is_terminating(now) && (!old || !object_is_terminating(old));
    if (has_moved && object_meta(now)->owner_count && has_absent_owner(actor, now))
        actor_enqueue(actor, now->key);
    if (old && has_moved) wake_owners(actor, old);
    if (is_newly_going || (object_is_terminating(now) && !same_finalizers(old, now)))
        actor_enqueue(actor, now->key);
    if (!old && object_meta(now)->owner_count) wake_owners(actor, now);
}

/* --- owners that wait --- */

static void remove_finalizer(Actor *actor, const Object *object, Atom finalizer, const char *why)
{
    const Meta *meta = object_meta(object);
    Value *left = value_list();
    for (uint32_t i = 0; i < meta->finalizer_count; i++)
        if (meta->finalizers[i] != finalizer)
            value_list_add(left, value_string(actor_text(actor, meta->finalizers[i])));
    Value *patch = value_map();
    value_put(&patch, left, "metadata", "finalizers");
    PlanStep *step = plan_patch(actor, object->key, PATCH_MERGE, patch);
    plan_uid(step, object->uid);
    plan_flags(step, PLAN_IGNORES_NOT_FOUND);
    plan_because(step, "%s", why);
}

/* Removes references to these owners from a dependent. */
static PlanStep *drop_references(Actor *actor, const Object *dependent, const Atom *uids,
                                 unsigned count)
{
    Value *refs = value_list();
    for (unsigned i = 0; i < count; i++) {
        Value *ref = value_map();
        value_map_set(ref, "$patch", value_string("delete"));
        value_map_set(ref, "uid", value_string(actor_text(actor, uids[i])));
        value_list_add(refs, ref);
    }
    Value *patch = value_map();
    value_put(&patch, refs, "metadata", "ownerReferences");
    value_put(&patch, value_string(actor_text(actor, dependent->uid)), "metadata", "uid");
    PlanStep *step = plan_patch(actor, dependent->key, PATCH_STRATEGIC, patch);
    plan_uid(step, dependent->uid);
    plan_flags(step, PLAN_IGNORES_NOT_FOUND);
    return step;
}

static void orphan_dependents(Actor *actor, const Object *owner)
{
    const State *state = actor_state(actor);
    g_autoptr(GArray) keys = dependents_of(actor, owner);
    for (guint i = 0; i < keys->len; i++) {
        const Object *dependent = actor_get(actor, g_array_index(keys, Key, i));
        PlanStep *step = drop_references(actor, dependent, &owner->uid, 1);
        plan_because(step, "its owner is deleted and orphans it");
    }
    remove_finalizer(actor, owner, state->orphan, "all dependents are orphans");
}

static bool blocks(const Object *dependent, Atom owner)
{
    const Meta *meta = object_meta(dependent);
    for (uint32_t i = 0; i < meta->owner_count; i++)
        if (meta->owners[i].uid == owner) return meta->owners[i].blocks_deletion;
    return false;
}

static void delete_dependents(Actor *actor, const Object *owner)
{
    const State *state = actor_state(actor);
    g_autoptr(GArray) keys = dependents_of(actor, owner);
    unsigned blocking = 0;
    for (guint i = 0; i < keys->len; i++) {
        const Object *dependent = actor_get(actor, g_array_index(keys, Key, i));
        if (!blocks(dependent, owner->uid)) continue;
        blocking++;
        if (!object_is_terminating(dependent)) actor_enqueue(actor, dependent->key);
    }
    if (blocking == 0)
        remove_finalizer(actor, owner, state->foreground, "no dependent blocks its deletion");
    else
        actor_because(actor, owner->key, "waiting for %u dependents to go (foreground deletion)",
                      blocking);
}

/* --- dependents --- */

static Owners classify(Actor *actor, const Object *object)
{
    Owners owners = {0};
    const Meta *meta = object_meta(object);
    for (uint32_t i = 0; i < meta->owner_count; i++) {
        const OwnerRef *ref = &meta->owners[i];
        const Object *owner = ref->kind != KIND_NONE ? owner_of(actor, object, ref) : NULL;
        if (owner && is_deleting_dependents(actor, owner) && ref->blocks_deletion)
            owners.waiting++;
        else if (owner || ref->kind == KIND_NONE || !is_known_gone(actor, ref->uid))
            owners.solid++;
        else
            owners.dangling++;
    }
    return owners;
}

static void drop_useless_references(Actor *actor, const Object *object)
{
    const Meta *meta = object_meta(object);
    Atom *uids = plan_alloc(actor, sizeof *uids * meta->owner_count);
    unsigned count = 0;
    for (uint32_t i = 0; i < meta->owner_count; i++) {
        const OwnerRef *ref = &meta->owners[i];
        const Object *owner = ref->kind != KIND_NONE ? owner_of(actor, object, ref) : NULL;
        bool is_waiting = owner && is_deleting_dependents(actor, owner) && ref->blocks_deletion;
        if (is_waiting || (!owner && is_known_gone(actor, ref->uid))) uids[count++] = ref->uid;
    }
    PlanStep *step = drop_references(actor, object, uids, count);
    plan_because(step, "another owner keeps it");
}

/* Deletes or keeps a dependent, its owners being known by now. */
static void decide(Actor *actor, const Object *object)
{
    const State *state = actor_state(actor);
    Owners owners = classify(actor, object);
    if (owners.solid) {
        if (owners.dangling + owners.waiting) drop_useless_references(actor, object);
        return;
    }
    if (owners.dangling + owners.waiting == 0) return;
    Propagation propagation = PROPAGATION_BACKGROUND;
    ObjectList dependents = actor_lookup(actor, INDEX_OWNER, index_key(object->uid, 0));
    if (owners.waiting && dependents.count) propagation = PROPAGATION_FOREGROUND;
    if (has_finalizer(object, state->orphan)) propagation = PROPAGATION_ORPHAN;
    if (has_finalizer(object, state->foreground)) propagation = PROPAGATION_FOREGROUND;
    PlanStep *step = plan_delete(actor, object->key);
    plan_delete_options(step, object->uid, object->version, -1, propagation);
    plan_flags(step, PLAN_IGNORES_NOT_FOUND);
    plan_because(step, owners.waiting ? "its owner waits for it to go (foreground deletion)"
                                      : "none of its owners exists");
}

static void decision_free(void *data)
{
    object_unref(((Decision *)data)->object);
}

static PlanVerdict on_owner_read(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    OwnerRead *read = data;
    State *state = actor_state(actor);
    bool is_gone = reply->reason == REASON_NOT_FOUND ||
                   (reply->reason == REASON_OK && reply->object->uid != read->uid);
    (void)step;
    if (reply->reason != REASON_OK && !is_gone) return PLAN_REFUSE;
    if (is_gone) g_hash_table_add(state->gone, GUINT_TO_POINTER(read->uid));
    if (--read->decision->owners_unread == 0) decide(actor, read->decision->object);
    return PLAN_ACCEPT;
}

/* The live object decides, not the cached one. */
static PlanVerdict on_item_read(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    Decision *decision = data;
    (void)step;
    if (reply->reason == REASON_NOT_FOUND) return PLAN_ACCEPT;
    if (reply->reason != REASON_OK) return PLAN_REFUSE;
    if (reply->object->uid != decision->object->uid) return PLAN_ACCEPT;

    object_unref(decision->object);
    const Object *object = decision->object = object_ref(reply->object);
    const Meta *meta = object_meta(object);
    if (object_is_terminating(object) && !is_deleting_dependents(actor, object)) return PLAN_ACCEPT;
    for (uint32_t i = 0; i < meta->owner_count; i++) {
        const OwnerRef *ref = &meta->owners[i];
        if (ref->kind == KIND_NONE || is_known_gone(actor, ref->uid) ||
            owner_of(actor, object, ref))
            continue;
        OwnerRead *read = plan_alloc(actor, sizeof *read);
        *read = (OwnerRead){decision, ref->uid};
        decision->owners_unread++;
        PlanStep *get = plan_get(actor, owner_key(object, ref));
        plan_then(get, on_owner_read, read);
        plan_because(get, "is the owner really gone?");
    }
    if (decision->owners_unread == 0) decide(actor, object);
    return PLAN_ACCEPT;
}

/* --- sync --- */

static void sync_object(Actor *actor, Key key)
{
    const Object *object = actor_get(actor, key);
    if (!object) return;
    if (is_orphaning(actor, object)) {
        orphan_dependents(actor, object);
        return;
    }
    if (is_deleting_dependents(actor, object)) {
        delete_dependents(actor, object);
        return;
    }
    Owners owners = classify(actor, object);
    if (object_is_terminating(object)) return;
    if (owners.dangling + owners.waiting == 0 && !has_absent_owner(actor, object)) return;

    Decision *decision = plan_alloc(actor, sizeof *decision);
    *decision = (Decision){.actor = actor, .object = object_ref(object)};
    plan_keep(actor, decision_free, decision);
    PlanStep *step = plan_get(actor, key);
    plan_then(step, on_item_read, decision);
    plan_because(step, "an owner seems to be gone or going");
}

static void start(Actor *actor)
{
    State *state = actor_state(actor);
    state->gone = g_hash_table_new(NULL, NULL);
    state->foreground = actor_atom(actor, FOREGROUND);
    state->orphan = actor_atom(actor, ORPHAN);
}

static void stop(Actor *actor)
{
    State *state = actor_state(actor);
    g_clear_pointer(&state->gone, g_hash_table_unref);
}

static const WatchRule watches[] = {
#define KIND(ID, symbol) {KIND_##ID, on_change, SCOPE_ALL, INDEX_NONE},
#include "models/catalog.def"
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component garbage_component = {
    .name = "garbage-collector-controller",
    .help = "deletes what nobody owns any more",
    .state_size = sizeof(State),
    .watches = watches,
    .workers = 20,
    .start = start,
    .stop = stop,
    .sync = sync_object,
};
