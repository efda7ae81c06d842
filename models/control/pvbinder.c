/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pvbinder.c - binds claims to volumes, and keeps the phases of both.
 * Mirrors: kubernetes v1.36 pkg/controller/volume/persistentvolume/pv_controller.go
 * Simplified: the 15 s resync is replaced by events that concern a claim (its volume, its class, a
 *   volume becoming available); label selectors of claims and VolumeAttributesClass are ignored;
 *   a volume bound by the controller to a claim that took another one is not unbound.
 *   Live read: a claim that is missing from the cache, before its volume is Released.
 * State: claim   Pending -volume found, bound-> Bound -volume gone or misbound-> Lost
 *        volume  Available -claimRef, claim bound-> Bound -claim gone-> Released
 */
#include "models/api/quantity.h"
#include "models/plan.h"
#include "models/storage/volume.h"

#define BIND_COMPLETED      "pv.kubernetes.io/bind-completed"
#define BOUND_BY_CONTROLLER "pv.kubernetes.io/bound-by-controller"
#define STORAGE_PROVISIONER "volume.kubernetes.io/storage-provisioner"
#define BETA_PROVISIONER    "volume.beta.kubernetes.io/storage-provisioner"

/* Volumes without a claim, and those reserved for one, so that a claim need not look at all. */
typedef struct {
    GPtrArray *free;      /* names of volumes (atoms) that no claimRef names */
    GHashTable *reserved; /* index_key(space, claim) -> volume name; look-up only */
} BinderState;

static const Value *annotation(const Object *object, const char *key)
{
    return value_find(object->value, "metadata", "annotations", key);
}

static const Object *volume_named(const Actor *actor, Atom name)
{
    return name ? actor_get(actor, (Key){KIND_PERSISTENT_VOLUME, ATOM_NONE, name}) : NULL;
}

static const Object *class_of(const Actor *actor, const Object *claim)
{
    Atom name = claim_view(claim)->class_name;
    return name ? actor_get(actor, (Key){KIND_STORAGE_CLASS, ATOM_NONE, name}) : NULL;
}

static bool is_phase(const Actor *actor, Atom phase, const char *text)
{
    return g_str_equal(actor_text(actor, phase), text);
}

/* --- which volume --- */

/* Whether a volume could serve a claim at all. */
static bool volume_fits(const Object *volume, const Object *claim)
{
    const VolumeView *have = volume_view(volume);
    const ClaimView *want = claim_view(claim);
    return (have->modes & want->modes) == want->modes &&
           have->capacity_bytes >= want->request_bytes && have->is_block == want->is_block &&
           have->class_name == want->class_name && !object_is_terminating(volume);
}

static unsigned mode_count(unsigned modes)
{
    return (unsigned)__builtin_popcount(modes);
}

/* Fewer access modes first, then the smaller, then by name. */
static bool is_better(const Actor *actor, const Object *volume, const Object *best)
{
    const VolumeView *a = volume_view(volume), *b = best ? volume_view(best) : NULL;
    if (!b) return true;
    if (mode_count(a->modes) != mode_count(b->modes))
        return mode_count(a->modes) < mode_count(b->modes);
    if (a->capacity_bytes != b->capacity_bytes) return a->capacity_bytes < b->capacity_bytes;
    return strcmp(actor_text(actor, volume->key.name), actor_text(actor, best->key.name)) < 0;
}

/* Volumes are reserved for one incarnation of a claim, or (by hand) for a name; there may be one
 * for each incarnation. */
static gint64 reserved_for_uid(Atom uid)
{
    return (gint64)index_key(ATOM_NONE, uid);
}

static gint64 reserved_for_name(Atom space, Atom name)
{
    return (gint64)index_key(space, name);
}

static const Object *reserved_volume(const Actor *actor, const Object *claim)
{
    const BinderState *state = (const BinderState *)actor_state(actor);
    gint64 by_uid = reserved_for_uid(claim->uid);
    gint64 by_name = reserved_for_name(claim->key.space, claim->key.name);
    const void *found = g_hash_table_lookup(state->reserved, &by_uid);
    if (!found) found = g_hash_table_lookup(state->reserved, &by_name);
    const Object *volume = volume_named(actor, GPOINTER_TO_UINT(found));
    const VolumeView *view = volume ? volume_view(volume) : NULL;
    if (!view || !view->has_claim || view->claim_space != claim->key.space ||
        view->claim_name != claim->key.name)
        return NULL;
    if (view->claim_uid && view->claim_uid != claim->uid) return NULL;
    return view->capacity_bytes >= claim_view(claim)->request_bytes ? volume : NULL;
}

static const Object *find_volume(const Actor *actor, const Object *claim, bool is_delayed)
{
    const BinderState *state = (const BinderState *)actor_state(actor);
    const Object *best = reserved_volume(actor, claim);
    if (best || is_delayed) return best;
    for (unsigned i = 0; i < state->free->len; i++) {
        Atom name = GPOINTER_TO_UINT(g_ptr_array_index(state->free, i));
        const Object *volume = volume_named(actor, name);
        if (volume && is_phase(actor, volume_view(volume)->phase, "Available") &&
            volume_fits(volume, claim) && is_better(actor, volume, best))
            best = volume;
    }
    return best;
}

/* --- binding: four writes, each of which may be the last --- */

static void write_phase(Actor *actor, Key key, const char *phase)
{
    Value *patch = value_map();
    value_put(&patch, value_string(phase), "status", "phase");
    PlanStep *step = plan_patch_status(actor, key, PATCH_MERGE, patch);
    plan_flags(step, PLAN_IGNORES_NOT_FOUND);
}

static void write_claim_ref(Actor *actor, const Object *volume, const Object *claim)
{
    const VolumeView *view = volume_view(volume);
    if (view->has_claim && view->claim_uid == claim->uid) return;
    Value *body = value_ref(volume->value);
    value_put(&body, value_string("v1"), "spec", "claimRef", "apiVersion");
    value_put(&body, value_string("PersistentVolumeClaim"), "spec", "claimRef", "kind");
    value_put(&body, value_string(actor_text(actor, claim->key.space)), "spec", "claimRef",
              "namespace");
    value_put(&body, value_string(actor_text(actor, claim->key.name)), "spec", "claimRef", "name");
    value_put(&body, value_string(actor_text(actor, claim->uid)), "spec", "claimRef", "uid");
    if (!view->has_claim)
        value_put(&body, value_string("yes"), "metadata", "annotations", BOUND_BY_CONTROLLER);
    plan_because(plan_update(actor, volume, body), "chosen for claim %s",
                 actor_text(actor, claim->key.name));
}

static void write_claim(Actor *actor, const Object *volume, const Object *claim)
{
    const char *name = actor_text(actor, volume->key.name);
    if (claim_view(claim)->volume_name == volume->key.name && annotation(claim, BIND_COMPLETED))
        return;
    Value *patch = value_map();
    value_put(&patch, value_string("yes"), "metadata", "annotations", BIND_COMPLETED);
    if (!claim_view(claim)->volume_name)
        value_put(&patch, value_string("yes"), "metadata", "annotations", BOUND_BY_CONTROLLER);
    value_put(&patch, value_string(name), "spec", "volumeName");
    PlanStep *step = plan_patch(actor, claim->key, PATCH_MERGE, patch);
    plan_uid(step, claim->uid);
    plan_because(step, "bound to volume %s", name);
}

static void write_claim_status(Actor *actor, const Object *volume, const Object *claim)
{
    if (is_phase(actor, claim_view(claim)->phase, "Bound")) return;
    const Value *modes = value_find(volume->value, "spec", "accessModes");
    const Value *capacity = value_find(volume->value, "spec", "capacity");
    Value *patch = value_map();
    value_put(&patch, value_string("Bound"), "status", "phase");
    if (modes) value_put(&patch, value_ref(modes), "status", "accessModes");
    if (capacity) value_put(&patch, value_ref(capacity), "status", "capacity");
    PlanStep *step = plan_patch_status(actor, claim->key, PATCH_MERGE, patch);
    plan_uid(step, claim->uid);
    plan_flags(step, PLAN_IGNORES_NOT_FOUND);
}

static void bind(Actor *actor, const Object *volume, const Object *claim)
{
    write_claim_ref(actor, volume, claim);
    if (!is_phase(actor, volume_view(volume)->phase, "Bound"))
        write_phase(actor, volume->key, "Bound");
    write_claim(actor, volume, claim);
    write_claim_status(actor, volume, claim);
}

/* --- claims --- */

static void pending(Actor *actor, const Object *claim)
{
    if (!is_phase(actor, claim_view(claim)->phase, "Pending"))
        write_phase(actor, claim->key, "Pending");
}

static void ask_provisioner(Actor *actor, const Object *claim, const Object *class)
{
    const char *provisioner = actor_text(actor, class_view(class)->provisioner);
    const char *driver = driver_csi_name(provisioner);
    pending(actor, claim);
    if (annotation(claim, STORAGE_PROVISIONER)) return;
    Value *patch = value_map();
    value_put(&patch, value_string(driver), "metadata", "annotations", STORAGE_PROVISIONER);
    value_put(&patch, value_string(driver), "metadata", "annotations", BETA_PROVISIONER);
    PlanStep *step = plan_patch(actor, claim->key, PATCH_MERGE, patch);
    plan_uid(step, claim->uid);
    plan_event_ok(step, claim->key, "ExternalProvisioning",
                  "Waiting for a volume to be created either by the external provisioner '%s' or "
                  "manually by the system administrator. If volume creation is delayed, please "
                  "verify that the provisioner is running and correctly registered.",
                  driver);
}

/* No volume fits: who could make one? */
static void without_volume(Actor *actor, const Object *claim, bool is_delayed)
{
    const Object *class = class_of(actor, claim);
    if (is_delayed) {
        pending(actor, claim);
        actor_because(actor, claim->key, "waits for its first consumer to be scheduled");
        actor_event(actor, claim->key, "Normal", "WaitForFirstConsumer",
                    "waiting for first consumer to be created before binding");
    } else if (class && driver_provisions(actor_text(actor, class_view(class)->provisioner))) {
        ask_provisioner(actor, claim, class);
    } else {
        pending(actor, claim);
        actor_because(actor, claim->key, "no volume fits and none can be made");
        actor_event(actor, claim->key, "Normal", "FailedBinding",
                    "no persistent volumes available for this claim and no storage class is set");
    }
}

static void sync_unbound(Actor *actor, const Object *claim)
{
    const ClaimView *view = claim_view(claim);
    const Object *class = class_of(actor, claim);
    bool is_delayed = class && class_view(class)->waits_for_consumer && !view->selected_node;
    if (!view->volume_name) {
        const Object *volume = find_volume(actor, claim, is_delayed);
        if (volume)
            bind(actor, volume, claim);
        else
            without_volume(actor, claim, is_delayed);
        return;
    }
    const Object *volume = volume_named(actor, view->volume_name);
    const VolumeView *have = volume ? volume_view(volume) : NULL;
    bool is_ours = have && have->has_claim && have->claim_space == claim->key.space &&
                   have->claim_name == claim->key.name &&
                   (!have->claim_uid || have->claim_uid == claim->uid);
    if (have && (is_ours || (!have->has_claim && volume_fits(volume, claim)))) {
        bind(actor, volume, claim);
        return;
    }
    pending(actor, claim);
    if (have && have->has_claim)
        actor_event(actor, claim->key, "Warning", "FailedBinding",
                    "volume \"%s\" already bound to a different claim.",
                    actor_text(actor, view->volume_name));
}

static void lose(Actor *actor, const Object *claim, const char *reason, const char *message)
{
    if (is_phase(actor, claim_view(claim)->phase, "Lost")) return;
    write_phase(actor, claim->key, "Lost");
    actor_event(actor, claim->key, "Warning", reason, "%s", message);
}

static void sync_claim(Actor *actor, Key key)
{
    const Object *claim = actor_get(actor, key);
    if (!claim) return;
    if (!annotation(claim, BIND_COMPLETED)) {
        if (!object_is_terminating(claim)) sync_unbound(actor, claim);
        return;
    }
    const Object *volume = volume_named(actor, claim_view(claim)->volume_name);
    const VolumeView *view = volume ? volume_view(volume) : NULL;
    if (!view)
        lose(actor, claim, "ClaimLost",
             "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
    else if (view->has_claim && view->claim_uid && view->claim_uid != claim->uid)
        lose(actor, claim, "ClaimMisbound",
             "Two claims are bound to the same volume, this one is bound incorrectly");
    else
        bind(actor, volume, claim);
}

/* --- volumes --- */

static PlanVerdict claim_checked(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    const Object *volume = actor_get(actor, *(const Key *)data);
    (void)step;
    if (reply->reason != REASON_OK && reply->reason != REASON_NOT_FOUND) return PLAN_REFUSE;
    bool is_there = reply->reason == REASON_OK && volume &&
                    reply->object->uid == volume_view(volume)->claim_uid;
    if (volume && !is_there) write_phase(actor, volume->key, "Released");
    return PLAN_ACCEPT;
}

/* The claim is not in the cache: it may be too new for it, so the API is asked. */
static void claim_missing(Actor *actor, const Object *volume, Key claim)
{
    Atom phase = volume_view(volume)->phase;
    if (is_phase(actor, phase, "Released") || is_phase(actor, phase, "Failed")) return;
    Key *data = (Key *)plan_alloc(actor, sizeof *data);
    *data = volume->key;
    plan_then(plan_get(actor, claim), claim_checked, data);
}

static void sync_volume(Actor *actor, Key key)
{
    const Object *volume = actor_get(actor, key);
    if (!volume) return;
    const VolumeView *view = volume_view(volume);
    if (!view->has_claim || !view->claim_uid) {
        if (!is_phase(actor, view->phase, "Available")) write_phase(actor, key, "Available");
        return;
    }
    Key claim_key = {KIND_PERSISTENT_VOLUME_CLAIM, view->claim_space, view->claim_name};
    const Object *claim = actor_get(actor, claim_key);
    if (!claim || claim->uid != view->claim_uid)
        claim_missing(actor, volume, claim_key);
    else if (!claim_view(claim)->volume_name)
        actor_enqueue(actor, claim_key);
    else if (claim_view(claim)->volume_name == key.name && !is_phase(actor, view->phase, "Bound"))
        write_phase(actor, key, "Bound");
    else if (claim_view(claim)->volume_name != key.name && view->is_delete &&
             !is_phase(actor, view->phase, "Released"))
        write_phase(actor, key, "Released");
}

/* --- changes --- */

static void on_claim(Actor *actor, const Object *old, const Object *now)
{
    const Object *claim = now ? now : old;
    actor_enqueue(actor, claim->key);
    if (!now && claim_view(old)->volume_name)
        actor_enqueue(actor,
                      (Key){KIND_PERSISTENT_VOLUME, ATOM_NONE, claim_view(old)->volume_name});
}

/* Claims without a volume that wait for one of this class. */
static void enqueue_pending(Actor *actor, Atom class)
{
    ObjectList claims = actor_list(actor, KIND_PERSISTENT_VOLUME_CLAIM);
    for (unsigned i = 0; i < claims.count; i++) {
        const ClaimView *view = claim_view(claims.items[i]);
        if (!view->volume_name && view->class_name == class)
            actor_enqueue(actor, claims.items[i]->key);
    }
}

static void remember(BinderState *state, const Object *volume, bool is_there)
{
    const VolumeView *view = volume_view(volume);
    void *name = GUINT_TO_POINTER(volume->key.name);
    g_ptr_array_remove(state->free, name);
    if (is_there && !view->has_claim) g_ptr_array_add(state->free, name);
    if (!view->has_claim) return;
    gint64 id = view->claim_uid ? reserved_for_uid(view->claim_uid)
                                : reserved_for_name(view->claim_space, view->claim_name);
    if (is_there)
        g_hash_table_insert(state->reserved, g_memdup2(&id, sizeof id), name);
    else if (g_hash_table_lookup(state->reserved, &id) == name)
        g_hash_table_remove(state->reserved, &id);
}

static void on_volume(Actor *actor, const Object *old, const Object *now)
{
    BinderState *state = (BinderState *)actor_state(actor);
    const Object *volume = now ? now : old;
    const VolumeView *view = volume_view(volume);
    if (old) remember(state, old, false);
    if (now) remember(state, now, true);
    actor_enqueue(actor, volume->key);
    if (view->has_claim)
        actor_enqueue(actor,
                      (Key){KIND_PERSISTENT_VOLUME_CLAIM, view->claim_space, view->claim_name});
    else if (now && is_phase(actor, view->phase, "Available") &&
             (!old || !is_phase(actor, volume_view(old)->phase, "Available")))
        enqueue_pending(actor, view->class_name);
}

static void on_class(Actor *actor, const Object *old, const Object *now)
{
    if (!old && now) enqueue_pending(actor, now->key.name);
}

/* --- the component --- */

static void pvbinder_sync(Actor *actor, Key key)
{
    if (!actor_is_synced(actor))
        actor_after(actor, 100 * NANOS_MS, key);
    else if (key.kind == KIND_PERSISTENT_VOLUME)
        sync_volume(actor, key);
    else
        sync_claim(actor, key);
}

static void pvbinder_start(Actor *actor)
{
    BinderState *state = (BinderState *)actor_state(actor);
    state->free = g_ptr_array_new();
    state->reserved = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
}

static void pvbinder_stop(Actor *actor)
{
    BinderState *state = (BinderState *)actor_state(actor);
    g_ptr_array_unref(state->free);
    g_hash_table_unref(state->reserved);
}

static const WatchRule pvbinder_watches[] = {
    {KIND_PERSISTENT_VOLUME_CLAIM, on_claim, SCOPE_ALL, INDEX_NONE},
    {KIND_PERSISTENT_VOLUME, on_volume, SCOPE_ALL, INDEX_NONE},
    {KIND_STORAGE_CLASS, on_class, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component pvbinder_component = {
    .name = "persistentvolume-binder-controller",
    .help = "binds claims to volumes",
    .state_size = sizeof(BinderState),
    .watches = pvbinder_watches,
    .workers = 2,
    .start = pvbinder_start,
    .stop = pvbinder_stop,
    .sync = pvbinder_sync,
};
