/* SPDX-License-Identifier: Apache-2.0 */
/* Views of every kind, what versions share, indexes, and trees that make no sense. */
#include "models/api/validate.h"
#include "models/kind/views.h"
#include "tests/unit/objects.h"
#include "tests/unit/test.h"
#include "tests/unit/trees.h"

static const char pod_text[] =
    "{apiVersion: v1, kind: Pod, metadata: {name: web-3, namespace: shop, uid: u1, labels: {app: "
    "web, controller-revision-hash: web-abc}}, spec: {nodeName: node-a, hostname: web-3, "
    "subdomain: web, terminationGracePeriodSeconds: 5, initContainers: [{name: i, image: x, "
    "resources: {requests: {cpu: 3}}}, {name: s, image: x, restartPolicy: Always, resources: "
    "{requests: {memory: 1Ki}}}], containers: [{name: m, image: 'app:v1', imagePullPolicy: Always, "
    "ports: [{name: http, containerPort: 80, protocol: TCP}], resources: {requests: {cpu: 500m, "
    "memory: 1Ki}}, livenessProbe: {periodSeconds: 7, tcpSocket: {port: 1}, "
    "terminationGracePeriodSeconds: 4}, lifecycle: {preStop: {exec: {command: [a]}}}}, {name: o, "
    "image: x, resources: {requests: {cpu: 1}}}], volumes: [{name: data, persistentVolumeClaim: "
    "{claimName: data-web-3, readOnly: true}}, {name: tmp, emptyDir: {}}, {name: data2, "
    "persistentVolumeClaim: {claimName: data-web-3}}, {name: c, configMap: {name: q}}], "
    "tolerations: [{key: k, operator: Exists, effect: NoExecute, tolerationSeconds: 300}], "
    "nodeSelector: {disk: ssd}}, status: {phase: Running, podIP: 10.0.0.1, reason: Why, startTime: "
    "\"2026-01-01T00:00:01Z\", conditions: [{type: PodScheduled, status: \"True\"}, {type: Ready, "
    "status: \"True\", lastTransitionTime: \"2026-01-01T00:00:10Z\"}, {type: DisruptionTarget, "
    "status: \"False\"}], containerStatuses: [{name: m, restartCount: 2, state: {running: {}}}, "
    "{name: o, restartCount: 1, state: {waiting: {}}}]}}";

TEST(pods_are_projected)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    autoobject object = object_from(atoms, pod_text, 1);
    const PodView *pod = pod_view(object);
    const PodSpec *spec = pod->spec;
    EQUAL_TEXT(atom_text(atoms, spec->node_name), "node-a");
    EQUAL_TEXT(atom_text(atoms, spec->subdomain), "web");
    EQUAL_INT(spec->grace_s, 5);
    EQUAL_INT(spec->container_count, 4);
    CU_ASSERT(spec->containers[0].is_init && !spec->containers[0].is_sidecar);
    CU_ASSERT(spec->containers[1].is_init && spec->containers[1].is_sidecar);
    CU_ASSERT(!spec->containers[2].is_init && spec->containers[2].has_pre_stop);
    EQUAL_INT(spec->containers[2].pull_policy, PULL_ALWAYS);
    EQUAL_INT(spec->containers[2].liveness.period_s, 7);
    EQUAL_INT(spec->containers[2].liveness.grace_s, 4);
    EQUAL_INT(spec->containers[2].liveness.failure_threshold, 3);
    CU_ASSERT_FALSE(spec->containers[2].readiness.is_set);
    EQUAL_INT(spec->cpu_milli, 3000);    /* the init container alone */
    EQUAL_INT(spec->memory_bytes, 2048); /* container and sidecar */
    EQUAL_INT(spec->volume_count, 4);
    EQUAL_INT(spec->volumes[0].source, VOLUME_CLAIM);
    CU_ASSERT(spec->volumes[0].is_read_only);
    EQUAL_TEXT(atom_text(atoms, spec->volumes[0].claim), "data-web-3");
    EQUAL_INT(spec->volumes[1].source, VOLUME_EMPTY_DIR);
    EQUAL_INT(spec->volumes[3].source, VOLUME_OTHER);
    EQUAL_INT(spec->port_count, 1);
    EQUAL_INT(spec->ports[0].port, 80);
    EQUAL_INT(spec->toleration_count, 1);
    EQUAL_INT(spec->tolerations[0].seconds, 300);
    EQUAL_TEXT(atom_text(atoms, spec->node_selector[0].value), "ssd");
}

TEST(pod_status_is_projected)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    autoobject object = object_from(atoms, pod_text, 1);
    const PodView *pod = pod_view(object);
    EQUAL_TEXT(atom_text(atoms, pod->revision), "web-abc");
    EQUAL_TEXT(atom_text(atoms, pod->pod_ip), "10.0.0.1");
    EQUAL_TEXT(atom_text(atoms, pod->reason), "Why");
    EQUAL_INT(pod->phase, PHASE_RUNNING);
    EQUAL_INT(pod->ready, CONDITION_TRUE);
    EQUAL_INT(pod->ready_at, 10 * NANOS_S);
    EQUAL_INT(pod->scheduled, CONDITION_TRUE);
    EQUAL_INT(pod->disruption, CONDITION_FALSE);
    EQUAL_INT(pod->containers_running, 1);
    EQUAL_INT(pod->restarts, 3);
    EQUAL_INT(pod->started_at, NANOS_S);
    CU_ASSERT(pod_is_running_and_ready(pod));
    CU_ASSERT(pod_is_available(pod, 0, 10 * NANOS_S));
    CU_ASSERT_FALSE(pod_is_available(pod, 5, 15 * NANOS_S - 1));
    CU_ASSERT(pod_is_available(pod, 5, 15 * NANOS_S));
}

TEST(versions_share_what_did_not_change)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    const Object *first = object_from(atoms, pod_text, 1);
    Value *value = value_ref(first->value);
    value_put(&value, value_string("Failed"), "status", "phase");
    autoobject second = object_new(atoms, KIND_POD, value, 2, first);
    CU_ASSERT_PTR_EQUAL(pod_view(second)->spec, pod_view(first)->spec);
    CU_ASSERT_PTR_EQUAL(pod_view(second)->meta, pod_view(first)->meta);
    EQUAL_INT(pod_view(second)->revision, pod_view(first)->revision);
    EQUAL_INT(pod_view(second)->phase, PHASE_FAILED);
    object_unref(first);
    EQUAL_INT(pod_view(second)->spec->container_count, 4); /* outlives its first holder */
    value = value_ref(second->value);
    value_put(&value, value_string("node-b"), "spec", "nodeName");
    autoobject third = object_new(atoms, KIND_POD, value, 3, second);
    CU_ASSERT_PTR_NOT_EQUAL(pod_view(third)->spec, pod_view(second)->spec);
    EQUAL_TEXT(atom_text(atoms, pod_view(third)->spec->node_name), "node-b");
}

/* The keys of one index of an object, sorted as they come. */
static unsigned keys_of(const Object *object, IndexId id, uint64_t *keys)
{
    const IndexInfo *info = kind_info(object->key.kind)->indexes;
    while (info->id != INDEX_NONE && info->id != id)
        info++;
    CHECK(info->id == id);
    return info->keys(object, keys, INDEX_KEYS_MAX);
}

static void check_key(const Object *object, IndexId id, uint64_t expected)
{
    uint64_t keys[INDEX_KEYS_MAX];
    EQUAL_INT(keys_of(object, id, keys), 1);
    CU_ASSERT(keys[0] == expected);
}

TEST(pods_are_indexed)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    autoobject pod = object_from(atoms, pod_text, 1);
    uint64_t keys[INDEX_KEYS_MAX];
    Atom shop = atom_of(atoms, "shop");
    check_key(pod, INDEX_POD_NODE, index_key(atom_of(atoms, "node-a"), 0));
    EQUAL_INT(keys_of(pod, INDEX_POD_UNBOUND, keys), 0);
    /* Two volumes with one claim are filed once. */
    check_key(pod, INDEX_POD_CLAIM, index_key(shop, atom_of(atoms, "data-web-3")));
    EQUAL_INT(keys_of(pod, INDEX_POD_LABEL, keys), 2);
    CU_ASSERT(keys[0] == index_key3(shop, atom_of(atoms, "app"), atom_of(atoms, "web")));
    autoobject loose = object_from(atoms, "{apiVersion: v1, kind: Pod, metadata: {name: a}}", 1);
    check_key(loose, INDEX_POD_UNBOUND, index_key(0, 0));
    EQUAL_INT(keys_of(loose, INDEX_POD_NODE, keys), 0);
    EQUAL_INT(keys_of(loose, INDEX_POD_CLAIM, keys), 0);
}

TEST(other_kinds_are_indexed)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    Atom space = atom_of(atoms, "default");
    uint64_t keys[INDEX_KEYS_MAX];
    autoobject service = object_from(
        atoms, "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {a: b}}}", 1);
    check_key(service, INDEX_SERVICE_SELECTOR,
              index_key3(space, atom_of(atoms, "a"), atom_of(atoms, "b")));
    autoobject slice = object_from(atoms,
                                   "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, "
                                   "metadata: {name: x, labels: {kubernetes.io/service-name: s}}}",
                                   1);
    check_key(slice, INDEX_SLICE_SERVICE, index_key(space, atom_of(atoms, "s")));
    autoobject claim = object_from(atoms,
                                   "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: "
                                   "c}, spec: {volumeName: v}}",
                                   1);
    check_key(claim, INDEX_CLAIM_VOLUME, index_key(atom_of(atoms, "v"), 0));
    autoobject attachment =
        object_from(atoms,
                    "{apiVersion: storage.k8s.io/v1, kind: VolumeAttachment, metadata: {name: a}, "
                    "spec: {nodeName: node-a, source: {persistentVolumeName: v}}}",
                    1);
    check_key(attachment, INDEX_ATTACHMENT_NODE, index_key(atom_of(atoms, "node-a"), 0));
    check_key(attachment, INDEX_ATTACHMENT_VOLUME, index_key(atom_of(atoms, "v"), 0));
    autoobject lease = object_from(atoms,
                                   "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: "
                                   "{name: node-a, namespace: kube-node-lease}}",
                                   1);
    check_key(lease, INDEX_LEASE_NODE, index_key(atom_of(atoms, "node-a"), 0));
    autoobject other = object_from(
        atoms, "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: l}}", 1);
    EQUAL_INT(keys_of(other, INDEX_LEASE_NODE, keys), 0);
}

TEST(stateful_sets_are_projected)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    autoobject object = object_from(
        atoms,
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: web}, spec: {replicas: 3, "
        "ordinals: {start: 5}, podManagementPolicy: Parallel, minReadySeconds: 4, serviceName: s, "
        "selector: {matchLabels: {a: b}}, updateStrategy: {type: RollingUpdate, rollingUpdate: "
        "{partition: 2, maxUnavailable: 25%}}, persistentVolumeClaimRetentionPolicy: {whenDeleted: "
        "Delete, whenScaled: Later}, template: {metadata: {}}, volumeClaimTemplates: [{metadata: "
        "{name: d}}, {metadata: {name: e}}]}, status: {replicas: 2, readyReplicas: 1, "
        "collisionCount: 0, updateRevision: r2}}",
        1);
    const StatefulSetView *set = statefulset_view(object);
    EQUAL_INT(set->replicas, 3);
    EQUAL_INT(set->start_ordinal, 5);
    EQUAL_INT(set->partition, 2);
    EQUAL_INT(set->history_limit, 10);
    CU_ASSERT(set->is_parallel && !set->is_on_delete && set->has_rolling_update);
    CU_ASSERT(set->has_retention && set->has_collision_count);
    EQUAL_INT(set->when_deleted, RETENTION_DELETE);
    EQUAL_INT(set->when_scaled, RETENTION_OTHER);
    EQUAL_INT(int_or_percent(set->max_unavailable, 10, false, 1), 2);
    EQUAL_INT(set->claim_template_count, 2);
    EQUAL_TEXT(atom_text(atoms, set->claim_names[1]), "e");
    EQUAL_TEXT(atom_text(atoms, set->update_revision), "r2");
    EQUAL_INT(set->ready, 1);
    CU_ASSERT_PTR_NOT_NULL(set->selector);
}

TEST(storage_is_projected)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    autoobject volume = object_from(
        atoms,
        "{apiVersion: v1, kind: PersistentVolume, metadata: {name: v}, spec: {capacity: {storage: "
        "2Ki}, accessModes: [ReadWriteOnce, ReadOnlyMany], persistentVolumeReclaimPolicy: Delete, "
        "csi: {driver: d, volumeHandle: h}, claimRef: {namespace: s, name: c, uid: u}, "
        "nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: other, operator: "
        "In, values: [x]}, {key: topology.kubernetes.io/zone, operator: In, values: "
        "[zone-a]}]}]}}}, "
        "status: {phase: Bound}}",
        1);
    const VolumeView *view = volume_view(volume);
    EQUAL_INT(view->modes, ACCESS_RWO | ACCESS_ROX);
    EQUAL_INT(view->capacity_bytes, 2048);
    EQUAL_TEXT(atom_text(atoms, view->zone), "zone-a");
    EQUAL_TEXT(atom_text(atoms, view->claim_uid), "u");
    CU_ASSERT(view->has_claim && view->is_delete);
    autoobject claim = object_from(
        atoms,
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c, annotations: "
        "{volume.beta.kubernetes.io/storage-class: old, volume.kubernetes.io/selected-node: "
        "node-a}}, spec: {storageClassName: fast, resources: {requests: {storage: 1Ki}}}}",
        1);
    EQUAL_TEXT(atom_text(atoms, claim_view(claim)->class_name), "old");
    EQUAL_TEXT(atom_text(atoms, claim_view(claim)->selected_node), "node-a");
    EQUAL_INT(claim_view(claim)->request_bytes, 1024);
    autoobject empty = object_from(atoms,
                                   "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: "
                                   "c}, spec: {storageClassName: \"\"}}",
                                   1);
    CU_ASSERT(claim_view(empty)->has_class && claim_view(empty)->class_name == ATOM_NONE);
}

TEST(nodes_are_projected)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    autoobject object = object_from(
        atoms,
        "{apiVersion: v1, kind: Node, metadata: {name: node-a, labels: "
        "{topology.kubernetes.io/zone: z}}, spec: {unschedulable: true, taints: [{key: k, effect: "
        "NoExecute, timeAdded: \"2026-01-01T00:00:02Z\"}]}, status: {allocatable: {cpu: 4, memory: "
        "8Ki, pods: 110}, volumesInUse: [a, b], volumesAttached: [{name: c}], nodeInfo: {bootID: "
        "x}, conditions: [{type: Ready, status: Unknown, reason: NodeStatusUnknown}]}}",
        1);
    const NodeView *node = node_view(object);
    EQUAL_TEXT(atom_text(atoms, node->zone), "z");
    CU_ASSERT(node->is_unschedulable);
    EQUAL_INT(node->taint_count, 1);
    EQUAL_INT(node->taints[0].effect, EFFECT_NO_EXECUTE);
    EQUAL_INT(node->taints[0].added_at, 2 * NANOS_S);
    EQUAL_INT(node->in_use_count, 2);
    EQUAL_TEXT(atom_text(atoms, node->volumes_in_use[1]), "b");
    EQUAL_TEXT(atom_text(atoms, node->volumes_attached[0]), "c");
    EQUAL_INT(node->cpu_milli, 4000);
    EQUAL_INT(node->pods, 110);
    EQUAL_INT(node->ready, CONDITION_UNKNOWN);
    EQUAL_TEXT(condition_text(node->ready), "Unknown");
    EQUAL_INT(node->ready_heartbeat_at, NANOS_NEVER);
}

TEST(network_is_projected)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    autoobject object = object_from(
        atoms,
        "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s, labels: "
        "{kubernetes.io/service-name: web}}, ports: [{name: http, port: 80}], endpoints: "
        "[{addresses: [10.0.0.1], hostname: web-0, conditions: {ready: false, serving: true, "
        "terminating: true}, targetRef: {name: web-0, uid: u}}, {addresses: [10.0.0.2]}]}",
        1);
    const EndpointSliceView *slice = slice_view(object);
    EQUAL_TEXT(atom_text(atoms, slice->service), "web");
    EQUAL_INT(slice->endpoint_count, 2);
    CU_ASSERT(!slice->endpoints[0].is_ready && slice->endpoints[0].is_serving);
    CU_ASSERT(slice->endpoints[0].is_terminating && slice->endpoints[1].is_ready);
    EQUAL_TEXT(atom_text(atoms, slice->endpoints[0].pod_uid), "u");
    autoobject service = object_from(
        atoms,
        "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {clusterIP: None, "
        "publishNotReadyAddresses: true, ports: [{port: 80, targetPort: http}, {port: 81, "
        "targetPort: 8081}]}}",
        1);
    const ServiceView *view = service_view(service);
    CU_ASSERT(view->is_headless && view->publishes_not_ready);
    EQUAL_TEXT(atom_text(atoms, view->ports[0].target_name), "http");
    EQUAL_INT(view->ports[0].target_port, 0);
    EQUAL_INT(view->ports[1].target_port, 8081);
}

/* --- helpers of views.h --- */

TEST(ordinals_are_read_from_names)
{
    static const struct {
        const char *name, *parent;
        int64_t ordinal;
    } rows[] = {
        {"web-12", "web", 12},
        {"my-web-0", "my-web", 0},
        {"web-01", "web", 1},
        {"web", "", -1},
        {"web-", "", -1},
        {"web-a", "", -1},
        {"web-99999999999", "", -1},
        {"-3", "", 3},
        {"web-1x", "", -1},
        {"web-2147483647", "web", INT32_MAX},
        {"web-2147483648", "", -1},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        char parent[256];
        int64_t ordinal;
        EQUAL_INT(pod_ordinal(rows[i].name, parent, &ordinal), rows[i].ordinal >= 0);
        EQUAL_INT(ordinal, rows[i].ordinal);
        EQUAL_TEXT(parent, rows[i].parent);
    }
}

TEST(percentages_are_rounded_as_asked)
{
    static const struct {
        const char *text;
        int64_t total;
        bool rounds_up;
        int64_t expected;
    } rows[] = {
        {"3", 10, false, 3},    {"25%", 10, true, 3}, {"25%", 10, false, 2},
        {"'100%'", 7, true, 7}, {"'0%'", 7, true, 0}, {"null", 7, true, 42},
        {"x%", 7, true, 42},    {"'%'", 7, true, 42}, {"'5'", 7, true, 42},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Value) value = value_from(rows[i].text);
        EQUAL_INT(int_or_percent(value, rows[i].total, rows[i].rounds_up, 42), rows[i].expected);
    }
    EQUAL_INT(int_or_percent(NULL, 5, true, 1), 1);
}

TEST(tolerations_cover_taints)
{
    enum { KEY = 1, OTHER, VALUE };
    static const Toleration list[] = {
        {.key = KEY,
         .value = VALUE,
         .effect = EFFECT_NO_EXECUTE,
         .has_seconds = true,
         .seconds = 300},
        {.key = OTHER, .is_exists = true, .has_seconds = true, .seconds = -5},
        {.key = KEY, .is_exists = true, .effect = EFFECT_NO_SCHEDULE},
    };
    static const struct {
        Taint taint;
        bool is_covered;
        int64_t seconds;
    } rows[] = {
        {{.key = KEY, .value = VALUE, .effect = EFFECT_NO_EXECUTE}, true, 300},
        {{.key = KEY, .effect = EFFECT_NO_EXECUTE}, false, -1},
        {{.key = KEY, .effect = EFFECT_NO_SCHEDULE}, true, -1},
        {{.key = OTHER, .effect = EFFECT_PREFER_NO_SCHEDULE}, true, 0},
    };
    PodSpec spec = {.tolerations = list, .toleration_count = G_N_ELEMENTS(list)};
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        int64_t seconds = 0;
        EQUAL_INT(tolerations_cover(&spec, &rows[i].taint, &seconds), rows[i].is_covered);
        EQUAL_INT(seconds, rows[i].seconds);
    }
    static const Toleration everything = {.is_exists = true};
    spec = (PodSpec){.tolerations = &everything, .toleration_count = 1};
    CU_ASSERT(tolerations_cover(&spec, &rows[1].taint, NULL));
}

/* --- trees that make no sense --- */

/* Replaces some nodes of a tree by random ones. */
static Value *damage(const Value *value, GRand *random, int odds)
{
    if (g_rand_int_range(random, 0, odds) == 0) return tree_random(random, 3);
    if (value_is_map(value)) {
        Value *map = value_map();
        value_each (i, value)
            value_map_set(map, value_key_at(value, i), damage(value_at(value, i), random, odds));
        return map;
    }
    if (!value_is_list(value)) return value_ref(value);
    Value *list = value_list();
    value_each (i, value)
        value_list_add(list, damage(value_at(value, i), random, odds));
    return list;
}

static const char *const whole[] = {
    pod_text,
    "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: web, labels: {a: b}}, spec: "
    "{replicas: 3, ordinals: {start: 5}, selector: {matchLabels: {a: b}, matchExpressions: [{key: "
    "a, operator: In, values: [b]}]}, updateStrategy: {type: RollingUpdate, rollingUpdate: "
    "{partition: 2, maxUnavailable: 25%}}, persistentVolumeClaimRetentionPolicy: {whenDeleted: "
    "Delete}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: m, image: i, env: "
    "[{name: a, valueFrom: {fieldRef: {fieldPath: x}}}], volumeMounts: [{name: d, mountPath: "
    "/d}]}], volumes: [{name: x, projected: {sources: [{serviceAccountToken: {}}]}}]}}, "
    "volumeClaimTemplates: [{metadata: {name: d}, spec: {accessModes: [ReadWriteOnce], resources: "
    "{requests: {storage: 1Gi}}}}]}, status: {replicas: 2, collisionCount: 0}}",
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {strategy: {rollingUpdate: "
    "{maxSurge: 1}}, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: "
    "{containers: [{name: m, image: i}]}}}, status: {replicas: 1}}",
    "{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: d}, spec: {selector: {matchLabels: "
    "{a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: m, image: i}]}}}}",
    "{apiVersion: apps/v1, kind: ControllerRevision, metadata: {name: d}, data: {}, revision: 1}",
    "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {clusterIP: None, selector: {a: "
    "b}, ports: [{port: 80, targetPort: http}]}}",
    "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s}, addressType: "
    "IPv4, ports: [{port: 80}], endpoints: [{addresses: [10.0.0.1], conditions: {ready: true}}]}",
    "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c, annotations: {a: b}}, spec: "
    "{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}, status: {phase: "
    "Bound}}",
    "{apiVersion: v1, kind: PersistentVolume, metadata: {name: v}, spec: {capacity: {storage: "
    "1Gi}, accessModes: [ReadWriteOnce], csi: {driver: d, volumeHandle: h}, nodeAffinity: "
    "{required: {nodeSelectorTerms: [{matchExpressions: [{key: topology.kubernetes.io/zone, "
    "operator: In, values: [z]}]}]}}}}",
    "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: s}, provisioner: p, "
    "parameters: {a: b}, volumeBindingMode: Immediate}",
    "{apiVersion: storage.k8s.io/v1, kind: VolumeAttachment, metadata: {name: a}, spec: {attacher: "
    "x, nodeName: node-a, source: {persistentVolumeName: v}}, status: {attached: true}}",
    "{apiVersion: v1, kind: Node, metadata: {name: node-a}, spec: {taints: [{key: k, effect: "
    "NoExecute}]}, status: {allocatable: {cpu: 4}, volumesInUse: [a], volumesAttached: [{name: "
    "c}], conditions: [{type: Ready, status: Unknown}]}}",
    "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: l}, spec: {holderIdentity: "
    "h, leaseDurationSeconds: 40, renewTime: \"2026-01-01T00:00:01.5Z\"}}",
    "{apiVersion: v1, kind: Namespace, metadata: {name: ns}, status: {phase: Active}}",
};

/* Everything that is done to an object on its way in. */
static void use(AtomTable *atoms, Kind kind, const Value *given, const Value *old)
{
    const KindInfo *info = kind_info(kind);
    Value *value = value_ref(given);
    uint64_t keys[INDEX_KEYS_MAX];
    g_autoptr(FieldErrors) errors = field_errors_new();
    if (info->defaults) info->defaults(&value);
    Value *again = value_ref(value);
    if (info->defaults) info->defaults(&again);
    CU_ASSERT_PTR_EQUAL(again, value);
    value_unref(again);
    if (info->prepare) info->prepare(&value, old);
    info->validate(value, NULL, errors);
    info->validate(value, old, errors);
    info->validate(old, value, errors);
    ViewContext context = {atoms};
    Object object = {.key = {kind, 1, 2}, .refs = 1, .value = value};
    object.view = info->project(&context, value, NULL);
    for (unsigned i = 0; info->indexes != NULL && info->indexes[i].id != INDEX_NONE; i++) {
        CU_ASSERT(info->indexes[i].keys(&object, keys, 2) <= 2);
        CU_ASSERT(info->indexes[i].keys(&object, keys, 0) == 0);
    }
    const void *second = info->project(&context, value, &object);
    info->release(object.view);
    info->release(second);
    value_unref(value);
}

TEST(random_trees_break_nothing)
{
    const unsigned seed = 20260101;
    GRand *random = g_rand_new_with_seed(seed);
    g_autoptr(AtomTable) atoms = atom_table_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(whole); i++) {
        g_autoptr(Value) good = value_from(whole[i]);
        Kind kind = kind_of(value_text(good, "apiVersion"), value_text(good, "kind"));
        use(atoms, kind, good, good);
        for (int round = 0; round < 400; round++) {
            g_autoptr(Value) bad = damage(good, random, 5 + round % 40);
            if (!value_is_map(bad)) continue;
            use(atoms, kind, bad, good);
        }
    }
    g_rand_free(random);
}
