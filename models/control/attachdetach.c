/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attachdetach.c - attaches volumes to the nodes whose pods use them, and detaches them after.
 * Mirrors: kubernetes v1.36 pkg/controller/volume/attachdetach (reconciler, statusupdater),
 *   pkg/volume/csi/csi_attacher.go
 * Simplified: no loop runs when nothing is pending: changes are handled at the next beat of the
 *   100 ms reconciler, and the 60 s verification is left out. The two-minute wait for
 *   status.attached gives up only when nobody wants the volume any more. Live read: the node, before an unforced detach.
 * State: of one volume on one node (in memory; rebuilt from VolumeAttachments after a restart)
 *   absent -desired-> ATTACHING -status.attached-> ATTACHED -not desired, not in use or forced->
 *     REPORTING -left node.status.volumesAttached-> RELEASED -VolumeAttachment deleted-> DETACHING
 *     -VolumeAttachment gone-> absent
 *   REPORTING, RELEASED -desired again-> ATTACHED
 */
#include "models/plan.h"
#include "models/storage/volume.h"

#define LOOP_PERIOD    (100 * NANOS_MS)
#define CSI_TIMEOUT    (2 * NANOS_MIN)
#define OUT_OF_SERVICE "node.kubernetes.io/out-of-service"

typedef enum { LINK_ATTACHING, LINK_ATTACHED, LINK_REPORTING, LINK_RELEASED, LINK_DETACHING } Stage;

/* One volume on one node. */
typedef struct {
    Atom volume, node, unique, name; /* name: of the VolumeAttachment */
    Stage stage;
    Nanos requested_at; /* when it was first seen not to be desired; NANOS_NEVER */
    bool is_in_use;     /* by node.status.volumesInUse as last known */
    bool is_forced;
    bool is_created; /* the VolumeAttachment was written, whether or not the cache shows it yet */
    bool is_leaving; /* not in the volumesAttached list that is being written */
} Attached;

/* volumesAttached as last written to a node. */
typedef struct {
    Atom node;
    char *text;
} Reported;

typedef struct {
    GPtrArray *attached;  /* of Attached, owns */
    GPtrArray *reported;  /* of Reported, owns */
    GHashTable *refusals; /* Multi-Attach events sent: a set of index_key(pod uid, volume) */
} AttachState;

static void reported_free(void *data)
{
    Reported *reported = (Reported *)data;
    g_free(reported->text);
    g_free(reported);
}

static Attached *attached_at(const AttachState *state, unsigned index)
{
    return (Attached *)g_ptr_array_index(state->attached, index);
}

static Attached *attached_of(const AttachState *state, Atom volume, Atom node)
{
    for (unsigned i = 0; i < state->attached->len; i++) {
        Attached *attached = attached_at(state, i);
        if (attached->volume == volume && attached->node == node) return attached;
    }
    return NULL;
}

static Attached *attached_named(const AttachState *state, Atom name)
{
    for (unsigned i = 0; i < state->attached->len; i++)
        if (attached_at(state, i)->name == name) return attached_at(state, i);
    return NULL;
}

static Key volume_key(Atom name)
{
    return (Key){KIND_PERSISTENT_VOLUME, ATOM_NONE, name};
}

static Key node_key(Atom name)
{
    return (Key){KIND_NODE, ATOM_NONE, name};
}

/* The reconciler's next beat. */
static void later(Actor *actor, Key key)
{
    actor_after(actor, LOOP_PERIOD - actor_now(actor) % LOOP_PERIOD, key);
}

/* --- what is desired --- */

/* A pod holds its volumes on its node until it is terminal, or deleted and reported stopped. */
static bool pod_holds(const Object *pod)
{
    const PodView *view = pod_view(pod);
    if (!view->spec->node_name || pod_is_terminal(view)) return false;
    return !object_is_terminating(pod) || view->containers_running > 0;
}

static ObjectList pods_of(const Actor *actor, const Object *volume)
{
    const VolumeView *view = volume_view(volume);
    ObjectList none = {NULL, 0};
    if (!view->has_claim) return none;
    const Object *claim =
        actor_get(actor, (Key){KIND_PERSISTENT_VOLUME_CLAIM, view->claim_space, view->claim_name});
    if (!claim || claim->uid != view->claim_uid ||
        claim_view(claim)->volume_name != volume->key.name)
        return none;
    return actor_lookup(actor, INDEX_POD_CLAIM, index_key(view->claim_space, view->claim_name));
}

static bool is_desired(const Actor *actor, const Object *volume, Atom node)
{
    ObjectList pods = volume ? pods_of(actor, volume) : (ObjectList){NULL, 0};
    for (unsigned i = 0; i < pods.count; i++)
        if (pod_holds(pods.items[i]) && pod_view(pods.items[i])->spec->node_name == node)
            return true;
    return false;
}

/* --- what is attached --- */

static Attached *attached_new(AttachState *state, const Actor *actor, const Object *volume,
                              Atom node)
{
    AtomTable *atoms = world_atoms(actor_world(actor));
    Attached *attached = g_new0(Attached, 1);
    attached->volume = volume->key.name;
    attached->node = node;
    attached->unique = volume_unique_name(atoms, volume);
    attached->requested_at = NANOS_NEVER;
    g_autofree char *text =
        g_strconcat(atom_text(atoms, attached->unique), "|", atom_text(atoms, node), NULL);
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
    attached->name = atom_format(atoms, "csi-%s", hash);
    g_ptr_array_add(state->attached, attached);
    return attached;
}

/* Attachments of the API that this incarnation did not make. */
static void learn(Actor *actor, const Object *volume)
{
    AttachState *state = (AttachState *)actor_state(actor);
    ObjectList list = actor_lookup(actor, INDEX_ATTACHMENT_VOLUME, index_key(volume->key.name, 0));
    for (unsigned i = 0; i < list.count; i++) {
        const AttachmentView *view = attachment_view(list.items[i]);
        Attached *attached = attached_of(state, volume->key.name, view->node_name);
        if (!attached) {
            attached = attached_new(state, actor, volume, view->node_name);
            attached->name = list.items[i]->key.name;
            attached->is_in_use = true;
        }
        if (object_is_terminating(list.items[i])) {
            attached->stage = LINK_DETACHING;
        } else if (attached->stage == LINK_ATTACHING && view->is_attached) {
            attached->stage = LINK_ATTACHED;
            later(actor, node_key(attached->node));
        }
    }
}

static void look_at_node(Attached *attached, const Object *node)
{
    if (!node) return;
    const NodeView *view = node_view(node);
    attached->is_in_use = false;
    for (unsigned i = 0; i < view->in_use_count; i++)
        attached->is_in_use = attached->is_in_use || view->volumes_in_use[i] == attached->unique;
}

static bool is_out_of_service(const Actor *actor, const Object *node)
{
    const NodeView *view = node ? node_view(node) : NULL;
    Atom key = actor_atom(actor, OUT_OF_SERVICE);
    for (unsigned i = 0; view && i < view->taint_count; i++)
        if (view->taints[i].key == key) return true;
    return false;
}

/* --- detaching --- */

static PlanVerdict still_unused(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    const AttachState *state = (const AttachState *)actor_state(actor);
    const Attached *attached = attached_named(state, GPOINTER_TO_UINT(data));
    (void)step;
    if (!attached) return PLAN_ACCEPT;
    if (reply->reason == REASON_NOT_FOUND) return PLAN_ACCEPT;
    if (reply->reason != REASON_OK) return PLAN_REFUSE;
    Attached copy = *attached;
    look_at_node(&copy, reply->object);
    return copy.is_in_use ? PLAN_REFUSE : PLAN_ACCEPT;
}

static PlanVerdict delete_sent(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    AttachState *state = (AttachState *)actor_state(actor);
    Attached *attached = attached_named(state, GPOINTER_TO_UINT(data));
    (void)step;
    if (!attached) return PLAN_ACCEPT;
    if (reply->reason == REASON_NOT_FOUND) {
        Key key = volume_key(attached->volume);
        g_ptr_array_remove(state->attached, attached);
        later(actor, key);
        return PLAN_ACCEPT;
    }
    if (reply->reason != REASON_OK) return PLAN_REFUSE;
    attached->stage = LINK_DETACHING;
    return PLAN_ACCEPT;
}

static void detach_write(Actor *actor, const Attached *attached)
{
    void *name = GUINT_TO_POINTER(attached->name);
    if (!attached->is_forced)
        plan_then(plan_get(actor, node_key(attached->node)), still_unused, name);
    PlanStep *step = plan_delete(actor, (Key){KIND_VOLUME_ATTACHMENT, ATOM_NONE, attached->name});
    plan_then(step, delete_sent, name);
    plan_because(step, "%s: %s", actor_text(actor, attached->node),
                 attached->is_forced ? "forced detach" : "no pod needs the volume there");
}

/* Decides whether a volume that nobody wants may go; returns false while it must stay. */
static bool may_detach(Actor *actor, Attached *attached)
{
    const Object *node = actor_get(actor, node_key(attached->node));
    Nanos now = actor_now(actor);
    look_at_node(attached, node);
    if (attached->requested_at == NANOS_NEVER) attached->requested_at = now;
    attached->is_forced = false;
    if (!attached->is_in_use) return true;
    if (is_out_of_service(actor, node)) {
        attached->is_forced = true;
        return true;
    }
    bool is_ready = node && node_view(node)->ready == CONDITION_TRUE;
    if (is_ready) return false;
    Nanos due = attached->requested_at + actor_config(actor)->control_plane.force_detach_after;
    if (now <= due) {
        actor_because(actor, volume_key(attached->volume),
                      "still in use on %s, which is not ready: forced detach after %" PRId64 " s",
                      actor_text(actor, attached->node), (due - attached->requested_at) / NANOS_S);
        actor_after(actor, due - now + LOOP_PERIOD, volume_key(attached->volume));
        return false;
    }
    attached->is_forced = true;
    return true;
}

/* Nobody wants it any more, and it is still being attached: given up after the CSI call's time. */
static void give_up_attaching(Actor *actor, Attached *attached)
{
    Nanos now = actor_now(actor);
    if (attached->requested_at == NANOS_NEVER) attached->requested_at = now;
    Nanos due = attached->requested_at + CSI_TIMEOUT;
    if (now < due) {
        actor_after(actor, due - now, volume_key(attached->volume));
        return;
    }
    attached->is_forced = true;
    detach_write(actor, attached);
}

static void sync_attached(Actor *actor, Attached *attached, bool wanted)
{
    if (wanted) {
        attached->requested_at = NANOS_NEVER;
        if (attached->stage == LINK_REPORTING || attached->stage == LINK_RELEASED) {
            attached->stage = LINK_ATTACHED;
            later(actor, node_key(attached->node));
        }
        return;
    }
    Key attachment = {KIND_VOLUME_ATTACHMENT, ATOM_NONE, attached->name};
    if (attached->stage == LINK_ATTACHING && !actor_get(actor, attachment)) {
        attached->is_forced = true; /* its creation may have failed: the delete tells */
        detach_write(actor, attached);
    } else if (attached->stage == LINK_ATTACHING) {
        give_up_attaching(actor, attached);
    } else if (attached->stage == LINK_RELEASED) {
        detach_write(actor, attached);
    } else if (attached->stage == LINK_ATTACHED && may_detach(actor, attached)) {
        attached->stage = LINK_REPORTING;
        actor_enqueue(actor, node_key(attached->node));
    }
}

/* --- attaching --- */

static PlanVerdict create_sent(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    (void)data;
    bool is_there = reply->reason == REASON_OK || reply->reason == REASON_ALREADY_EXISTS;
    Attached *attached = attached_named(actor_state(actor), plan_step_key(step).name);
    if (attached && is_there) attached->is_created = true;
    return is_there ? PLAN_ACCEPT : PLAN_REFUSE;
}

static void attach_write(Actor *actor, const Object *volume, Attached *attached)
{
    const char *driver = volume_driver(world_atoms(actor_world(actor)), volume)->name;
    Value *body = value_map();
    value_put(&body, value_string("storage.k8s.io/v1"), "apiVersion");
    value_put(&body, value_string("VolumeAttachment"), "kind");
    value_put(&body, value_string(actor_text(actor, attached->name)), "metadata", "name");
    value_put(&body, value_string(driver), "spec", "attacher");
    value_put(&body, value_string(actor_text(actor, attached->node)), "spec", "nodeName");
    value_put(&body, value_string(actor_text(actor, attached->volume)), "spec", "source",
              "persistentVolumeName");
    PlanStep *step = plan_create(actor, KIND_VOLUME_ATTACHMENT, body);
    plan_then(step, create_sent, NULL);
    plan_because(step, "a pod on %s uses the volume", actor_text(actor, attached->node));
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *other_pods(const Actor *actor, const Object *volume, Atom node)
{
    ObjectList pods = pods_of(actor, volume);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < pods.count; i++)
        if (pod_holds(pods.items[i]) && pod_view(pods.items[i])->spec->node_name != node)
            g_ptr_array_add(names, g_strdup(actor_text(actor, pods.items[i]->key.name)));
    g_ptr_array_sort(names, compare_texts);
    g_ptr_array_add(names, NULL);
    return g_strjoinv(", ", (char **)names->pdata);
}

/* Says once a pod and volume why it has to wait. */
static void refuse_attach(Actor *actor, const Object *volume, const Object *pod)
{
    AttachState *state = (AttachState *)actor_state(actor);
    gint64 id = (gint64)index_key(pod->uid, volume->key.name);
    if (g_hash_table_contains(state->refusals, &id)) return;
    g_hash_table_add(state->refusals, g_memdup2(&id, sizeof id));
    g_autofree char *others = other_pods(actor, volume, pod_view(pod)->spec->node_name);
    const char *name = actor_text(actor, volume->key.name);
    if (*others)
        actor_event(actor, pod->key, "Warning", "FailedAttachVolume",
                    "Multi-Attach error for volume \"%s\" Volume is already used by pod(s) %s",
                    name, others);
    else
        actor_event(actor, pod->key, "Warning", "FailedAttachVolume",
                    "Multi-Attach error for volume \"%s\" Volume is already exclusively attached "
                    "to one node and can't be attached to another",
                    name);
}

static void sync_pod(Actor *actor, const Object *volume, const Object *pod)
{
    AttachState *state = (AttachState *)actor_state(actor);
    const VolumeView *view = volume_view(volume);
    Atom node = pod_view(pod)->spec->node_name;
    bool is_shared = (view->modes & ((unsigned)ACCESS_RWX | (unsigned)ACCESS_ROX)) != 0;
    Attached *attached = attached_of(state, volume->key.name, node);
    if (attached) {
        if (attached->stage == LINK_ATTACHING && !attached->is_created)
            attach_write(actor, volume, attached);
        return;
    }
    for (unsigned i = 0; !is_shared && i < state->attached->len; i++) {
        if (attached_at(state, i)->volume == volume->key.name) {
            refuse_attach(actor, volume, pod);
            return;
        }
    }
    attach_write(actor, volume, attached_new(state, actor, volume, node));
}

static void sync_volume(Actor *actor, Key key)
{
    AttachState *state = (AttachState *)actor_state(actor);
    const Object *volume = actor_get(actor, key);
    AtomTable *atoms = world_atoms(actor_world(actor));
    if (volume && !volume_driver(atoms, volume)->needs_attach) return;
    if (volume) learn(actor, volume);
    for (unsigned i = 0; i < state->attached->len; i++) {
        Attached *attached = attached_at(state, i);
        if (attached->volume == key.name)
            sync_attached(actor, attached, is_desired(actor, volume, attached->node));
    }
    ObjectList pods = volume ? pods_of(actor, volume) : (ObjectList){NULL, 0};
    for (unsigned i = 0; i < pods.count; i++)
        if (pod_holds(pods.items[i])) sync_pod(actor, volume, pods.items[i]);
}

/* --- node.status.volumesAttached --- */

static int compare_attached(const void *a, const void *b, void *atoms)
{
    const Attached *const *left = (const Attached *const *)a;
    const Attached *const *right = (const Attached *const *)b;
    return atom_compare((const AtomTable *)atoms, (*left)->unique, (*right)->unique);
}

static Value *attached_value(const Actor *actor, Atom node)
{
    const AttachState *state = (const AttachState *)actor_state(actor);
    AtomTable *atoms = world_atoms(actor_world(actor));
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();
    for (unsigned i = 0; i < state->attached->len; i++) {
        Attached *attached = attached_at(state, i);
        bool is_listed = attached->stage == LINK_ATTACHED;
        if (attached->node == node) attached->is_leaving = !is_listed;
        if (attached->node == node && is_listed) g_ptr_array_add(sorted, attached);
    }
    g_ptr_array_sort_with_data(sorted, compare_attached, atoms);
    Value *list = value_list();
    for (unsigned i = 0; i < sorted->len; i++) {
        const Attached *attached = (const Attached *)g_ptr_array_index(sorted, i);
        Value *entry = value_map();
        value_map_set(entry, "devicePath", value_string(""));
        value_map_set(entry, "name", value_string(atom_text(atoms, attached->unique)));
        value_list_add(list, entry);
    }
    return list;
}

static Reported *reported_of(AttachState *state, Atom node)
{
    for (unsigned i = 0; i < state->reported->len; i++) {
        Reported *reported = (Reported *)g_ptr_array_index(state->reported, i);
        if (reported->node == node) return reported;
    }
    Reported *reported = g_new0(Reported, 1);
    reported->node = node;
    g_ptr_array_add(state->reported, reported);
    return reported;
}

static char *list_text(const Value *list)
{
    GString *text = g_string_new(NULL);
    value_each (i, list)
        g_string_append_printf(text, "%s\n", value_text(value_at(list, i), "name"));
    return g_string_free(text, FALSE);
}

/* What has left the node's list may now be detached. */
static void node_told(Actor *actor, Atom node)
{
    AttachState *state = (AttachState *)actor_state(actor);
    for (unsigned i = 0; i < state->attached->len; i++) {
        Attached *attached = attached_at(state, i);
        if (attached->node != node || attached->stage != LINK_REPORTING || !attached->is_leaving)
            continue;
        attached->stage = LINK_RELEASED;
        actor_enqueue(actor, volume_key(attached->volume));
    }
}

static PlanVerdict node_written(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    AttachState *state = (AttachState *)actor_state(actor);
    Atom node = plan_step_key(step).name;
    if (reply->reason != REASON_OK && reply->reason != REASON_NOT_FOUND) return PLAN_REFUSE;
    Reported *reported = reported_of(state, node);
    g_free(reported->text);
    reported->text = g_strdup((const char *)data);
    node_told(actor, node);
    return PLAN_ACCEPT;
}

static void sync_node(Actor *actor, Key key)
{
    AttachState *state = (AttachState *)actor_state(actor);
    const Object *node = actor_get(actor, key);
    Value *list = attached_value(actor, key.name);
    Reported *reported = reported_of(state, key.name);
    g_autofree char *text = list_text(list);
    if (!reported->text && node)
        reported->text = list_text(value_find(node->value, "status", "volumesAttached"));
    if (!node || g_str_equal(reported->text, text)) {
        value_unref(list);
        node_told(actor, key.name);
        return;
    }
    char *copy = (char *)plan_alloc(actor, strlen(text) + 1);
    memcpy(copy, text, strlen(text) + 1);
    Value *patch = value_map();
    value_put(&patch, list, "status", "volumesAttached");
    PlanStep *step = plan_patch_status(actor, key, PATCH_MERGE, patch);
    plan_then(step, node_written, copy);
}

/* --- changes --- */

static void volume_of_claim(Actor *actor, Atom space, Atom claim_name)
{
    const Object *claim = actor_get(actor, (Key){KIND_PERSISTENT_VOLUME_CLAIM, space, claim_name});
    if (claim && claim_view(claim)->volume_name)
        later(actor, volume_key(claim_view(claim)->volume_name));
}

static bool same_for_us(const Object *old, const Object *now)
{
    return old && now && old->uid == now->uid && pod_holds(old) == pod_holds(now) &&
           pod_view(old)->spec->node_name == pod_view(now)->spec->node_name;
}

static void on_pod(Actor *actor, const Object *old, const Object *now)
{
    if (same_for_us(old, now)) return;
    const Object *pod = now ? now : old;
    const PodSpec *spec = pod_view(pod)->spec;
    for (unsigned i = 0; i < spec->volume_count; i++)
        if (spec->volumes[i].source == VOLUME_CLAIM)
            volume_of_claim(actor, pod->key.space, spec->volumes[i].claim);
}

static void on_claim(Actor *actor, const Object *old, const Object *now)
{
    Atom was = old ? claim_view(old)->volume_name : ATOM_NONE;
    Atom is = now ? claim_view(now)->volume_name : ATOM_NONE;
    if (is != was && (is || was)) later(actor, volume_key(is ? is : was));
}

static void on_volume(Actor *actor, const Object *old, const Object *now)
{
    if (!old || !now || volume_view(old)->claim_uid != volume_view(now)->claim_uid)
        later(actor, now ? now->key : old->key);
}

static void on_attachment(Actor *actor, const Object *old, const Object *now)
{
    AttachState *state = (AttachState *)actor_state(actor);
    const AttachmentView *view = attachment_view(now ? now : old);
    if (!now) {
        Attached *attached = attached_of(state, view->volume_name, view->node_name);
        if (attached && attached->name == old->key.name) {
            g_ptr_array_remove(state->attached, attached);
            later(actor, node_key(view->node_name));
        }
    }
    later(actor, volume_key(view->volume_name));
}

static void on_node(Actor *actor, const Object *old, const Object *now)
{
    AttachState *state = (AttachState *)actor_state(actor);
    Atom node = now ? now->key.name : old->key.name;
    if (!now) {
        Reported *reported = reported_of(state, node);
        g_clear_pointer(&reported->text, g_free);
    }
    for (unsigned i = 0; i < state->attached->len; i++) {
        Attached *attached = attached_at(state, i);
        if (attached->node != node) continue;
        look_at_node(attached, now ? now : old);
        if (attached->requested_at != NANOS_NEVER || !old || !now)
            later(actor, volume_key(attached->volume));
    }
}

/* --- the component --- */

static void attachdetach_sync(Actor *actor, Key key)
{
    if (!actor_is_synced(actor)) {
        actor_after(actor, LOOP_PERIOD, key);
        return;
    }
    if (key.kind == KIND_NODE)
        sync_node(actor, key);
    else
        sync_volume(actor, key);
}

static void attachdetach_start(Actor *actor)
{
    AttachState *state = (AttachState *)actor_state(actor);
    state->attached = g_ptr_array_new_with_free_func(g_free);
    state->reported = g_ptr_array_new_with_free_func(reported_free);
    state->refusals = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
}

static void attachdetach_stop(Actor *actor)
{
    AttachState *state = (AttachState *)actor_state(actor);
    g_ptr_array_unref(state->attached);
    g_ptr_array_unref(state->reported);
    g_hash_table_unref(state->refusals);
}

static const WatchRule attachdetach_watches[] = {
    {KIND_POD, on_pod, SCOPE_ALL, INDEX_NONE},
    {KIND_PERSISTENT_VOLUME_CLAIM, on_claim, SCOPE_ALL, INDEX_NONE},
    {KIND_PERSISTENT_VOLUME, on_volume, SCOPE_ALL, INDEX_NONE},
    {KIND_VOLUME_ATTACHMENT, on_attachment, SCOPE_ALL, INDEX_NONE},
    {KIND_NODE, on_node, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component attachdetach_component = {
    .name = "attachdetach-controller",
    .help = "attaches volumes to nodes for pods, and detaches them",
    .state_size = sizeof(AttachState),
    .watches = attachdetach_watches,
    .workers = 10,
    .backoff = {.base = 500 * NANOS_MS, .cap = 122 * NANOS_S},
    .start = attachdetach_start,
    .stop = attachdetach_stop,
    .sync = attachdetach_sync,
};
