/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hands.c - what the recordings had in place of scheduler, kubelets and provisioner: one program
 * that sees every change and acts after fixed delays.
 */
#include "models/kind/views.h"
#include "sim/rng.h"
#include "tests/conformance/l2/l2.h"

#define SEEN         (2 * NANOS_MS) /* by a watch */
#define ROUND_TRIP   (6 * NANOS_MS) /* between two requests */
#define BIND_DELAY   (100 * NANOS_MS)
#define BIND_AGAIN   (50 * NANOS_MS)
#define START_DELAY  (300 * NANOS_MS)
#define VOLUME_DELAY (200 * NANOS_MS)
#define LEASE_PERIOD (2 * NANOS_S)
#define NODES        3

typedef enum { DUE_BIND, DUE_START, DUE_READY, DUE_STOP, DUE_GONE, DUE_VOLUME, DUE_LEASES } DueType;

typedef struct {
    DueType type;
    Key key;
    Atom uid;
} Due;

struct Hands {
    World *world;
    Nanos ready_delay, stop_delay;
    GArray *due; /* of Due; an event's argument is an index */
    bool is_stopped[NODES];
};

static void hands_run(Sim *sim, void *self, uint64_t arg);
static const EventType hands_event = {"hands", RANK_WIRE, hands_run};

static void later(Hands *hands, Nanos delay, DueType type, const Object *object)
{
    Due due = {type, {KIND_NONE, ATOM_NONE, ATOM_NONE}, ATOM_NONE};
    if (object) due = (Due){type, object->key, object->uid};
    g_array_append_val(hands->due, due);
    sim_after(world_sim(hands->world), delay, &hands_event, hands, hands->due->len - 1);
}

static const char *text(const Hands *hands, Atom atom)
{
    return atom_text(world_atoms(hands->world), atom);
}

static void ask(Hands *hands, RequestVerb verb, Key key, Value *body)
{
    Request request = {.verb = verb, .key = key, .body = body, .grace_s = -1};
    world_request(hands->world, &request, NULL);
    request_clear(&request);
}

static Value *yaml_of(const char *apiVersion, const char *kind, const char *space, const char *name)
{
    Value *value = value_map();
    value_put(&value, value_string(apiVersion), "apiVersion");
    value_put(&value, value_string(kind), "kind");
    value_put(&value, value_string(name), "metadata", "name");
    if (space) value_put(&value, value_string(space), "metadata", "namespace");
    return value;
}

/* --- nodes --- */

static Key node_key(const Hands *hands, Kind kind, unsigned index)
{
    char name[16];
    snprintf(name, sizeof name, "node-%u", index);
    Atom space = kind == KIND_LEASE ? world_atom(hands->world, "kube-node-lease") : ATOM_NONE;
    return (Key){kind, space, world_atom(hands->world, name)};
}

static Value *condition(const Hands *hands, const char *type, const char *status)
{
    char now[TIME_TEXT_MAX];
    Value *value = value_map();
    value_put(&value, value_string(type), "type");
    value_put(&value, value_string(status), "status");
    value_put(&value, value_string(time_format(world_now(hands->world), now)),
              "lastTransitionTime");
    value_put(&value, value_string(now), "lastHeartbeatTime");
    return value;
}

static Value *ready_node(const Hands *hands, Value *node)
{
    Value *conditions = value_list();
    Value *ready = condition(hands, "Ready", "True");
    value_put(&ready, value_string("KubeletReady"), "reason");
    value_list_add(conditions, ready);
    value_put(&node, conditions, "status", "conditions");
    return node;
}

static void renew_lease(Hands *hands, unsigned index)
{
    char now[TIME_TEXT_MAX];
    Key key = node_key(hands, KIND_LEASE, index);
    const Object *old = store_get(world_store(hands->world), key);
    Value *lease =
        old ? value_ref(old->value)
            : yaml_of("coordination.k8s.io/v1", "Lease", "kube-node-lease", text(hands, key.name));
    value_put(&lease, value_string(text(hands, key.name)), "spec", "holderIdentity");
    value_put(&lease, value_int(40), "spec", "leaseDurationSeconds");
    value_put(&lease, value_string(time_format_micro(world_now(hands->world), now)), "spec",
              "renewTime");
    ask(hands, old ? REQUEST_UPDATE : REQUEST_CREATE, key, lease);
}

static void renew_leases(Hands *hands)
{
    for (unsigned i = 0; i < NODES; i++)
        if (!hands->is_stopped[i]) renew_lease(hands, i);
    later(hands, LEASE_PERIOD, DUE_LEASES, NULL);
}

static void make_node(Hands *hands, unsigned index)
{
    Key key = node_key(hands, KIND_NODE, index);
    Value *node = yaml_of("v1", "Node", NULL, text(hands, key.name));
    value_put(&node, value_string("110"), "status", "allocatable", "pods");
    store_put(world_store(hands->world), key, ready_node(hands, node));
    renew_lease(hands, index);
}

/* --- pods --- */

static unsigned node_of(const Hands *hands, const Object *pod)
{
    const char *name = text(hands, pod_view(pod)->spec->node_name);
    const char *dash = strrchr(name, '-');
    return dash ? (unsigned)(dash[1] - '0') % NODES : 0;
}

static void put_status(Hands *hands, const Object *pod, const char *phase, const char *ready)
{
    Value *value = value_ref(pod->value);
    value_put(&value, value_string(phase), "status", "phase");
    if (ready) {
        Value *conditions = value_list();
        value_list_add(conditions, condition(hands, "PodScheduled", "True"));
        value_list_add(conditions, condition(hands, "Ready", ready));
        value_put(&value, conditions, "status", "conditions");
        value_put(&value, value_string("10.100.0.1"), "status", "podIP");
    }
    ask(hands, REQUEST_UPDATE_STATUS, pod->key, value);
}

static bool claims_are_bound(const Hands *hands, const Object *pod)
{
    const PodSpec *spec = pod_view(pod)->spec;
    for (uint32_t i = 0; i < spec->volume_count; i++) {
        if (spec->volumes[i].source != VOLUME_CLAIM) continue;
        Key key = {KIND_PERSISTENT_VOLUME_CLAIM, pod->key.space, spec->volumes[i].claim};
        const Object *claim = store_get(world_store(hands->world), key);
        if (!claim || strcmp(value_text(claim->value, "status", "phase"), "Bound") != 0)
            return false;
    }
    return true;
}

static void bind_pod(Hands *hands, const Object *pod)
{
    char parent[256], node[16];
    int64_t ordinal = 0;
    if (object_is_terminating(pod)) return;
    if (!claims_are_bound(hands, pod)) {
        later(hands, BIND_AGAIN, DUE_BIND, pod);
        return;
    }
    pod_ordinal(text(hands, pod->key.name), parent, &ordinal);
    snprintf(node, sizeof node, "node-%d", (int)(ordinal % NODES));
    Value *body = value_map();
    value_put(&body, value_string(node), "target", "name");
    ask(hands, REQUEST_BIND, pod->key, body);
}

static void start_pod(Hands *hands, const Object *pod)
{
    const Value *containers = value_find(pod->value, "spec", "containers");
    bool is_bad = strstr(value_text(value_at(containers, 0), "image"), "bad") != NULL;
    if (object_is_terminating(pod) || hands->is_stopped[node_of(hands, pod)]) return;
    if (is_bad) return;
    put_status(hands, pod, "Running", "False");
    later(hands, SEEN + hands->ready_delay, DUE_READY, pod);
}

static void remove_pod(Hands *hands, const Object *pod)
{
    Request request = {.verb = REQUEST_DELETE, .key = pod->key, .grace_s = 0};
    world_request(hands->world, &request, NULL);
    request_clear(&request);
}

static void stop_pod(Hands *hands, const Object *pod)
{
    if (hands->is_stopped[node_of(hands, pod)] && pod_view(pod)->spec->node_name) return;
    if (pod_view(pod)->phase == PHASE_RUNNING) put_status(hands, pod, "Succeeded", "False");
    later(hands, ROUND_TRIP, DUE_GONE, pod);
}

static void ready_pod(Hands *hands, const Object *pod)
{
    bool is_running = pod_view(pod)->phase == PHASE_RUNNING && !object_is_terminating(pod);
    if (is_running && !hands->is_stopped[node_of(hands, pod)])
        put_status(hands, pod, "Running", "True");
}

/* --- volumes --- */

static void make_volume(Hands *hands, const Object *claim)
{
    if (claim_view(claim)->volume_name || object_is_terminating(claim)) return;
    g_autofree char *name = g_strdup_printf("pv-%s", text(hands, claim->uid));
    Value *volume = yaml_of("v1", "PersistentVolume", NULL, name);
    value_put(&volume, value_string("1Gi"), "spec", "capacity", "storage");
    Value *modes = value_list();
    value_list_add(modes, value_string("ReadWriteOnce"));
    value_put(&volume, modes, "spec", "accessModes");
    value_put(&volume, value_string("fake"), "spec", "storageClassName");
    value_put(&volume, value_string("Delete"), "spec", "persistentVolumeReclaimPolicy");
    value_put(&volume, value_string("fake.example.test"), "spec", "csi", "driver");
    value_put(&volume, value_string(name), "spec", "csi", "volumeHandle");
    value_put(&volume, value_string("v1"), "spec", "claimRef", "apiVersion");
    value_put(&volume, value_string("PersistentVolumeClaim"), "spec", "claimRef", "kind");
    value_put(&volume, value_string("default"), "spec", "claimRef", "namespace");
    value_put(&volume, value_string(text(hands, claim->key.name)), "spec", "claimRef", "name");
    value_put(&volume, value_string(text(hands, claim->uid)), "spec", "claimRef", "uid");
    ask(hands, REQUEST_CREATE,
        (Key){KIND_PERSISTENT_VOLUME, ATOM_NONE, world_atom(hands->world, name)}, volume);
}

/* --- what is seen and done --- */

static void hands_run(Sim *sim, void *self, uint64_t arg)
{
    Hands *hands = self;
    Due due = g_array_index(hands->due, Due, arg);
    (void)sim;
    if (due.type == DUE_LEASES) {
        renew_leases(hands);
        return;
    }
    const Object *object = store_get(world_store(hands->world), due.key);
    if (!object || object->uid != due.uid) return;
    autoobject held = object_ref(object);
    if (due.type == DUE_BIND) bind_pod(hands, held);
    if (due.type == DUE_START) start_pod(hands, held);
    if (due.type == DUE_READY) ready_pod(hands, held);
    if (due.type == DUE_STOP) stop_pod(hands, held);
    if (due.type == DUE_GONE) remove_pod(hands, held);
    if (due.type == DUE_VOLUME) make_volume(hands, held);
}

static void on_commit(void *self, const Change *change)
{
    Hands *hands = self;
    const Object *now = change->now, *old = change->old;
    if (change->type == CHANGE_DELETED) return;
    if (now->key.kind == KIND_PERSISTENT_VOLUME_CLAIM && !old)
        later(hands, SEEN + VOLUME_DELAY, DUE_VOLUME, now);
    if (now->key.kind != KIND_POD) return;
    Atom node = pod_view(now)->spec->node_name;
    if (!old && !node) later(hands, SEEN + BIND_DELAY, DUE_BIND, now);
    if (node && (!old || !pod_view(old)->spec->node_name))
        later(hands, SEEN + START_DELAY, DUE_START, now);
    if (object_is_terminating(now) && (!old || !object_is_terminating(old)))
        later(hands, SEEN + hands->stop_delay, DUE_STOP, now);
}

Hands *hands_new(World *world, Nanos ready_delay, Nanos stop_delay)
{
    Hands *hands = g_new0(Hands, 1);
    *hands = (Hands){.world = world, .ready_delay = ready_delay, .stop_delay = stop_delay};
    hands->due = g_array_new(FALSE, FALSE, sizeof(Due));
    for (unsigned i = 0; i < NODES; i++)
        make_node(hands, i);
    renew_leases(hands);
    Value *class = yaml_of("storage.k8s.io/v1", "StorageClass", NULL, "fake");
    value_put(&class, value_string("example.test/fake"), "provisioner");
    value_put(&class, value_string("true"), "metadata", "annotations",
              "storageclass.kubernetes.io/is-default-class");
    ask(hands, REQUEST_CREATE, (Key){KIND_STORAGE_CLASS, ATOM_NONE, world_atom(world, "fake")},
        class);
    store_listen(world_store(world), (StoreListener){on_commit, hands});
    return hands;
}

void hands_free(Hands *hands)
{
    g_array_unref(hands->due);
    g_free(hands);
}

static unsigned node_index(const char *node)
{
    return (unsigned)(node[strlen(node) - 1] - '0') % NODES;
}

void hands_stop_node(Hands *hands, const char *node)
{
    hands->is_stopped[node_index(node)] = true;
}

void hands_resume_node(Hands *hands, const char *node)
{
    unsigned index = node_index(node);
    hands->is_stopped[index] = false;
    renew_lease(hands, index);
    Key key = node_key(hands, KIND_NODE, index);
    const Object *object = store_get(world_store(hands->world), key);
    ask(hands, REQUEST_UPDATE_STATUS, key, ready_node(hands, value_ref(object->value)));
    ObjectList pods = table_kind(store_table(world_store(hands->world)), KIND_POD);
    for (unsigned i = 0; i < pods.count; i++) {
        const Object *pod = pods.items[i];
        bool is_here = pod_view(pod)->spec->node_name && node_of(hands, pod) == index;
        if (!is_here) continue;
        DueType type = object_is_terminating(pod)              ? DUE_STOP
                       : pod_view(pod)->phase == PHASE_RUNNING ? DUE_READY
                                                               : DUE_START;
        later(hands, type == DUE_START ? START_DELAY : hands->ready_delay, type, pod);
    }
}

void hands_report(Hands *hands, const char *pod, const char *phase)
{
    Key key = {KIND_POD, world_atom(hands->world, "default"), world_atom(hands->world, pod)};
    const Object *object = store_get(world_store(hands->world), key);
    if (object) put_status(hands, object, phase, "False");
}
