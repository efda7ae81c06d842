/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provisioner.c - makes volumes for claims, and destroys what is released.
 * Mirrors: kubernetes-csi external-provisioner v5 (sig-storage-lib-external-provisioner v10)
 * Simplified: one process provisions for all drivers; a call has no timeout and is not repeated
 *   while it is under way; capacity is never exhausted, so selected-node is never taken back.
 * State: of a claim     wanted -CreateVolume-> made -PersistentVolume written-> done
 *        of a volume    released -no attachment left-> erasing -DeleteVolume-> erased
 *                         -PersistentVolume deleted, finalizer removed-> gone
 */
#include "models/api/quantity.h"
#include "models/plan.h"
#include "models/storage/volume.h"

#define PROVISIONER_FINALIZER "external-provisioner.volume.kubernetes.io/finalizer"
#define PROVISIONED_BY        "pv.kubernetes.io/provisioned-by"
#define STORAGE_PROVISIONER   "volume.kubernetes.io/storage-provisioner"
#define ZONE_LABEL            "topology.kubernetes.io/zone"

typedef enum { JOB_CALLING, JOB_DONE, JOB_FAILED } JobState;

/* A backend call for a claim or a volume; remembered until the object is gone or done. */
typedef struct {
    uint64_t tag;
    Key key;
    Atom uid, zone;
    JobState state;
    char *message;
} Job;

typedef struct {
    GPtrArray *jobs; /* of Job, owns */
    uint64_t next_tag;
} ProvisionerState;

static void job_free(void *data)
{
    Job *job = (Job *)data;
    g_free(job->message);
    g_free(job);
}

static Job *job_of(const ProvisionerState *state, Key key, Atom uid)
{
    for (unsigned i = 0; i < state->jobs->len; i++) {
        Job *job = (Job *)g_ptr_array_index(state->jobs, i);
        if (key_equal(job->key, key) && job->uid == uid) return job;
    }
    return NULL;
}

static Job *job_new(ProvisionerState *state, const Object *object)
{
    Job *job = g_new0(Job, 1);
    job->tag = state->next_tag++;
    job->key = object->key;
    job->uid = object->uid;
    g_ptr_array_add(state->jobs, job);
    return job;
}

static void jobs_drop(ProvisionerState *state, Key key)
{
    for (unsigned i = state->jobs->len; i > 0; i--) {
        const Job *job = (const Job *)g_ptr_array_index(state->jobs, i - 1);
        if (key_equal(job->key, key)) g_ptr_array_remove_index(state->jobs, i - 1);
    }
}

/* The backend has answered. The actor may have died meanwhile: tags of another incarnation are
 * not found. */
static void call_done(void *self, uint64_t tag, bool ok, const char *message)
{
    Actor *actor = (Actor *)self;
    if (!process_is_leading(actor_process(actor))) return;
    ProvisionerState *state = (ProvisionerState *)actor_state(actor);
    for (unsigned i = 0; state && i < state->jobs->len; i++) {
        Job *job = (Job *)g_ptr_array_index(state->jobs, i);
        if (job->tag != tag) continue;
        job->state = ok ? JOB_DONE : JOB_FAILED;
        job->message = g_strdup(message);
        actor_enqueue(actor, job->key);
        return;
    }
}

/* --- creating --- */

static int compare_atoms(const void *a, const void *b, void *atoms)
{
    return atom_compare((const AtomTable *)atoms, *(const Atom *)a, *(const Atom *)b);
}

/* Without a node to follow: zones in turn by the ordinal at the end of the claim's name, so that
 * the claims of a StatefulSet spread, as upstream's ChooseZoneForVolume does. */
static Atom choose_zone(const Actor *actor, const Object *claim)
{
    AtomTable *atoms = world_atoms(actor_world(actor));
    g_autoptr(GArray) zones = g_array_new(FALSE, FALSE, sizeof(Atom));
    ObjectList nodes = actor_list(actor, KIND_NODE);
    for (unsigned i = 0; i < nodes.count; i++) {
        Atom zone = node_view(nodes.items[i])->zone;
        bool is_new = zone != ATOM_NONE;
        for (unsigned j = 0; j < zones->len; j++)
            is_new = is_new && g_array_index(zones, Atom, j) != zone;
        if (is_new) g_array_append_val(zones, zone);
    }
    if (zones->len == 0) return ATOM_NONE;
    g_array_sort_with_data(zones, compare_atoms, atoms);
    char parent[256];
    int64_t ordinal = 0;
    const char *name = atom_text(atoms, claim->key.name);
    uint64_t index = hash_string(name);
    if (pod_ordinal(name, parent, &ordinal)) index = hash_string(parent) + (uint64_t)ordinal;
    return g_array_index(zones, Atom, index % zones->len);
}

static Value *affinity_value(const char *key, const char *text)
{
    Value *values = value_list(), *expression = value_map(), *expressions = value_list();
    Value *term = value_map(), *terms = value_list(), *affinity = value_map();
    value_list_add(values, value_string(text));
    value_map_set(expression, "key", value_string(key));
    value_map_set(expression, "operator", value_string("In"));
    value_map_set(expression, "values", values);
    value_list_add(expressions, expression);
    value_map_set(term, "matchExpressions", expressions);
    value_list_add(terms, term);
    value_put(&affinity, terms, "required", "nodeSelectorTerms");
    return affinity;
}

static Value *claim_ref_value(const Actor *actor, const Object *claim)
{
    Value *ref = value_map();
    value_map_set(ref, "apiVersion", value_string("v1"));
    value_map_set(ref, "kind", value_string("PersistentVolumeClaim"));
    value_map_set(ref, "namespace", value_string(actor_text(actor, claim->key.space)));
    value_map_set(ref, "name", value_string(actor_text(actor, claim->key.name)));
    value_map_set(ref, "uid", value_string(actor_text(actor, claim->uid)));
    return ref;
}

static Value *volume_value(const Actor *actor, const Object *claim, const Object *class,
                           const Job *job)
{
    const StorageClassView *view = class_view(class);
    const char *provisioner = actor_text(actor, view->provisioner);
    const DriverProfile *driver = storage_driver(provisioner);
    g_autofree char *name = g_strdup_printf("pvc-%s", actor_text(actor, claim->uid));
    const Value *spec = value_get(claim->value, "spec");
    const Value *size = value_find(spec, "resources", "requests", "storage");
    const Value *modes = value_get(spec, "accessModes");
    const Value *mode = value_get(spec, "volumeMode");
    Value *body = value_map(), *finalizers = value_list();
    value_put(&body, value_string("v1"), "apiVersion");
    value_put(&body, value_string("PersistentVolume"), "kind");
    value_put(&body, value_string(name), "metadata", "name");
    value_put(&body, value_string(provisioner), "metadata", "annotations", PROVISIONED_BY);
    value_list_add(finalizers, value_string("kubernetes.io/pv-protection"));
    if (view->is_delete) value_list_add(finalizers, value_string(PROVISIONER_FINALIZER));
    value_put(&body, finalizers, "metadata", "finalizers");
    value_put(&body, modes ? value_ref(modes) : value_list(), "spec", "accessModes");
    value_put(&body, size ? value_ref(size) : value_string("0"), "spec", "capacity", "storage");
    value_put(&body, claim_ref_value(actor, claim), "spec", "claimRef");
    value_put(&body, value_string(driver_csi_name(provisioner)), "spec", "csi", "driver");
    value_put(&body, value_string(name), "spec", "csi", "volumeHandle");
    value_put(&body, value_string(view->is_delete ? "Delete" : "Retain"), "spec",
              "persistentVolumeReclaimPolicy");
    value_put(&body, value_string(actor_text(actor, class->key.name)), "spec", "storageClassName");
    if (mode) value_put(&body, value_ref(mode), "spec", "volumeMode");
    if (driver->is_local && claim_view(claim)->selected_node)
        value_put(&body,
                  affinity_value("kubernetes.io/hostname",
                                 actor_text(actor, claim_view(claim)->selected_node)),
                  "spec", "nodeAffinity");
    else if (driver->is_zonal && job->zone)
        value_put(&body, affinity_value(ZONE_LABEL, actor_text(actor, job->zone)), "spec",
                  "nodeAffinity");
    return body;
}

/* The class of a claim that is ours to provision now, or NULL. */
static const Object *class_to_provision(const Actor *actor, const Object *claim)
{
    const ClaimView *view = claim_view(claim);
    if (view->volume_name || object_is_terminating(claim) || !view->class_name) return NULL;
    const Object *class = actor_get(actor, (Key){KIND_STORAGE_CLASS, ATOM_NONE, view->class_name});
    if (!class || !driver_provisions(actor_text(actor, class_view(class)->provisioner)))
        return NULL;
    if (class_view(class)->waits_for_consumer && !view->selected_node) return NULL;
    bool is_asked =
        value_find(claim->value, "metadata", "annotations", STORAGE_PROVISIONER) != NULL;
    return is_asked ? class : NULL;
}

static void create_begin(Actor *actor, const Object *claim, const Object *class)
{
    ProvisionerState *state = (ProvisionerState *)actor_state(actor);
    World *world = actor_world(actor);
    const ClaimView *view = claim_view(claim);
    const char *provisioner = actor_text(actor, class_view(class)->provisioner);
    const DriverProfile *driver = storage_driver(provisioner);
    Job *job = job_new(state, claim);
    if (driver->is_zonal) {
        const Object *node =
            view->selected_node ? actor_get(actor, (Key){KIND_NODE, ATOM_NONE, view->selected_node})
                                : NULL;
        job->zone = node ? node_view(node)->zone : choose_zone(actor, claim);
    }
    Atom handle = atom_format(world_atoms(world), "pvc-%s", actor_text(actor, claim->uid));
    actor_event(actor, claim->key, "Normal", "Provisioning",
                "External provisioner is provisioning volume for claim \"%s/%s\"",
                actor_text(actor, claim->key.space), actor_text(actor, claim->key.name));
    storage_create(world_storage(world), handle, driver, job->zone, view->request_bytes, call_done,
                   actor, job->tag);
}

static PlanVerdict volume_written(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    (void)actor;
    (void)step;
    (void)data;
    bool is_there = reply->reason == REASON_OK || reply->reason == REASON_ALREADY_EXISTS;
    return is_there ? PLAN_ACCEPT : PLAN_REFUSE;
}

static void sync_claim(Actor *actor, Key key)
{
    ProvisionerState *state = (ProvisionerState *)actor_state(actor);
    const Object *claim = actor_get(actor, key);
    const Object *class = claim ? class_to_provision(actor, claim) : NULL;
    if (!class) {
        jobs_drop(state, key);
        return;
    }
    const Job *job = job_of(state, key, claim->uid);
    if (!job) {
        create_begin(actor, claim, class);
    } else if (job->state == JOB_DONE) {
        PlanStep *step =
            plan_create(actor, KIND_PERSISTENT_VOLUME, volume_value(actor, claim, class, job));
        plan_then(step, volume_written, NULL);
        plan_because(step, "the backend made the volume");
    } else if (job->state == JOB_FAILED) {
        plan_fail(actor, "%s", job->message ? job->message : "");
        jobs_drop(state, key);
    }
}

/* --- deleting --- */

static void sync_volume(Actor *actor, Key key)
{
    ProvisionerState *state = (ProvisionerState *)actor_state(actor);
    const Object *volume = actor_get(actor, key);
    Atom finalizer = actor_atom(actor, PROVISIONER_FINALIZER);
    if (!volume) {
        jobs_drop(state, key);
        return;
    }
    const VolumeView *view = volume_view(volume);
    bool is_ours = value_find(volume->value, "metadata", "annotations", PROVISIONED_BY) != NULL;
    bool is_unused = view->phase == actor_atom(actor, "Released") ||
                     (object_is_terminating(volume) && view->phase != actor_atom(actor, "Bound"));
    if (!is_ours || !view->is_delete || !is_unused) return;
    const Job *job = job_of(state, key, volume->uid);
    if (!job) {
        if (actor_lookup(actor, INDEX_ATTACHMENT_VOLUME, index_key(key.name, 0)).count > 0) {
            plan_fail(actor, "persistentvolume %s is still attached to a node",
                      actor_text(actor, key.name));
            return;
        }
        storage_erase(world_storage(actor_world(actor)), key.name, call_done, actor,
                      job_new(state, volume)->tag);
    } else if (job->state == JOB_FAILED) {
        plan_fail(actor, "%s", job->message ? job->message : "");
        jobs_drop(state, key);
    } else if (job->state == JOB_DONE && !object_is_terminating(volume)) {
        PlanStep *step = plan_delete(actor, key);
        plan_flags(step, PLAN_IGNORES_NOT_FOUND);
        plan_because(step, "released, and its backend volume is deleted");
    } else if (job->state == JOB_DONE && meta_has_finalizer(view->meta, finalizer)) {
        PlanStep *step = plan_update(actor, volume,
                                     value_without_finalizer(volume->value, PROVISIONER_FINALIZER));
        plan_flags(step, PLAN_IGNORES_NOT_FOUND);
    }
}

/* --- the component --- */

static void on_claim(Actor *actor, const Object *old, const Object *now)
{
    actor_enqueue(actor, now ? now->key : old->key);
}

static void on_attachment(Actor *actor, const Object *old, const Object *now)
{
    if (now) return;
    Atom volume = attachment_view(old)->volume_name;
    actor_enqueue(actor, (Key){KIND_PERSISTENT_VOLUME, ATOM_NONE, volume});
}

static void on_class(Actor *actor, const Object *old, const Object *now)
{
    if (old || !now) return;
    ObjectList claims = actor_list(actor, KIND_PERSISTENT_VOLUME_CLAIM);
    for (unsigned i = 0; i < claims.count; i++)
        if (claim_view(claims.items[i])->class_name == now->key.name)
            actor_enqueue(actor, claims.items[i]->key);
}

static void provisioner_sync(Actor *actor, Key key)
{
    if (key.kind == KIND_PERSISTENT_VOLUME_CLAIM)
        sync_claim(actor, key);
    else
        sync_volume(actor, key);
}

static void provisioner_start(Actor *actor)
{
    ProvisionerState *state = (ProvisionerState *)actor_state(actor);
    state->jobs = g_ptr_array_new_with_free_func(job_free);
    state->next_tag = (uint64_t)actor_now(actor) << 12;
}

static void provisioner_stop(Actor *actor)
{
    ProvisionerState *state = (ProvisionerState *)actor_state(actor);
    g_ptr_array_unref(state->jobs);
}

static const WatchRule provisioner_watches[] = {
    {KIND_PERSISTENT_VOLUME_CLAIM, on_claim, SCOPE_ALL, INDEX_NONE},
    {KIND_PERSISTENT_VOLUME, on_claim, SCOPE_ALL, INDEX_NONE},
    {KIND_STORAGE_CLASS, on_class, SCOPE_ALL, INDEX_NONE},
    {KIND_VOLUME_ATTACHMENT, on_attachment, SCOPE_ALL, INDEX_NONE},
    {KIND_NODE, NULL, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component provisioner_component = {
    .name = "csi-provisioner",
    .help = "creates and deletes backend volumes for claims",
    .state_size = sizeof(ProvisionerState),
    .watches = provisioner_watches,
    .workers = 100,
    .backoff = {.base = 1 * NANOS_S, .cap = 300 * NANOS_S},
    .start = provisioner_start,
    .stop = provisioner_stop,
    .sync = provisioner_sync,
};
