/* SPDX-License-Identifier: Apache-2.0 */
/* test_scheduler.c - which node a pod gets, and what is said if it gets none. */
#include "tests/unit/cluster.h"
#include "tests/unit/desk.h"

#define NODE(name, zone, spec)                                                                \
    "apiVersion: v1\nkind: Node\nmetadata: {name: " name ", uid: " name "-u, labels: {"       \
    "kubernetes.io/hostname: " name ", topology.kubernetes.io/zone: " zone "}}\nspec: {" spec \
    "}\nstatus: {allocatable: {cpu: '2', memory: 4Gi, pods: '3'}, "                           \
    "conditions: [{type: Ready, status: 'True'}]}\n"

#define POD_YAML                                                                                \
    "apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: default, uid: %s-u, labels: "   \
    "{app: %s}}\nspec: {schedulerName: default-scheduler, %s containers: [{name: c, image: i, " \
    "resources: {requests: {cpu: '%s'}}}]}\n"

static void open_desk(Desk *desk, int minor)
{
    *desk = (Desk){.scenario = rig_scenario(), .version = 1};
    desk->scenario.cluster.minor = minor;
    desk->world = world_new(&desk->scenario, 1, NULL);
    desk->process = process_new_rehearsal(desk->world, ROLE_SCHEDULER);
    desk->actor = process_actor(desk->process, "kube-scheduler");
    CHECK(desk->actor != NULL);
}

static void put_nodes(Desk *desk)
{
    desk_put(desk, NODE("n1", "a", ""));
    desk_put(desk, NODE("n2", "a", ""));
    desk_put(desk, NODE("n3", "b", ""));
}

static void put_pod(Desk *desk, const char *name, const char *spec, const char *cpu)
{
    g_autofree char *yaml = g_strdup_printf(POD_YAML, name, name, "db", spec, cpu);
    desk_put(desk, yaml);
}

/* What is decided about pod "p" with this spec contains (or, with '!', lacks) the text. */
static void expect(Desk *desk, const char *what, const char *text)
{
    g_autofree char *plan = desk_sync(desk, KIND_POD, "p");
    bool is_absent = *text == '!';
    bool is_there = strstr(plan, text + is_absent) != NULL;
    if (is_there == is_absent) test_equal_text(plan, text, what, TEST_WHERE);
    CU_ASSERT(is_there != is_absent);
}

typedef struct {
    const char *title;
    int minor;
    const char *extra[4]; /* more objects */
    const char *spec;     /* of pod p */
    const char *cpu;
    const char *expected;
} Case;

#define ANTI                                                                        \
    "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: " \
    "[{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: db}}}]}},"
#define ZONE_NEAR                                                               \
    "affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: " \
    "[{topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: db}}}]}},"
#define SPREAD                                                                    \
    "topologySpreadConstraints: [{maxSkew: 1, whenUnsatisfiable: DoNotSchedule, " \
    "topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: db}}}],"
#define IN_ZONE_B                                                                  \
    "affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "   \
    "{nodeSelectorTerms: [{matchExpressions: [{key: topology.kubernetes.io/zone, " \
    "operator: In, values: [b]}]}]}}},"
#define ON(name, node, more)                                                               \
    "apiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: default, uid: " name \
    "-u, labels: {app: db}}\nspec: {nodeName: " node ", " more                             \
    " containers: [{name: c, image: i, resources: {requests: {cpu: '1500m'}}}]}\n"         \
    "status: {phase: Running}\n"
#define CLAIM(more, phase)                                                            \
    "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data, namespace: " \
    "default, uid: c-u" more "\nstatus: {phase: " phase "}\n"
#define USES "volumes: [{name: d, persistentVolumeClaim: {claimName: data}}],"
#define VOLUME                                                                             \
    "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: pv, uid: pv-u}\nspec: {"     \
    "capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], claimRef: {namespace: "       \
    "default, name: data, uid: c-u}, nodeAffinity: {required: {nodeSelectorTerms: "        \
    "[{matchExpressions: [{key: topology.kubernetes.io/zone, operator: In, values: [b]}]}" \
    "]}}}\nstatus: {phase: Bound}\n"
#define CLASS                                                                     \
    "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: wait}\n" \
    "provisioner: ebs.csi.aws.com\nvolumeBindingMode: WaitForFirstConsumer\n"
#define RWOP "}\nspec: {accessModes: [ReadWriteOncePod], volumeName: pv}"

static const Case cases[] = {
    {"fits", 36, {NULL}, "", "1", "bind"},
    {"too large",
     36,
     {NULL},
     "",
     "3",
     "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: "
     "3 Preemption is not helpful for scheduling."},
    {"full",
     36,
     {ON("a", "n1", ""), ON("b", "n2", ""), ON("c", "n3", "")},
     "",
     "1",
     "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: "
     "3 No preemption victims found for incoming pod."},
    {"the one with room", 36, {ON("a", "n1", ""), ON("c", "n3", "")}, "", "1", "n2"},
    {"cordon",
     36,
     {NODE("n1", "a", "unschedulable: true"), NULL},
     "nodeSelector: {kubernetes.io/hostname: n1},",
     "1",
     "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match Pod's node "
     "affinity/selector."},
    {"taint, 1.36",
     36,
     {NODE("n3", "b", "taints: [{key: k, value: v, effect: NoSchedule}]")},
     IN_ZONE_B,
     "1",
     "1 node(s) had untolerated taint(s), 2 node(s) didn't match"},
    {"taint, 1.34",
     34,
     {NODE("n3", "b", "taints: [{key: k, value: v, effect: NoSchedule}]")},
     IN_ZONE_B,
     "1",
     "1 node(s) had untolerated taint {k: v}, 2 node(s)"},
    {"tolerated",
     36,
     {NODE("n3", "b", "taints: [{key: k, value: v, effect: NoSchedule}]")},
     IN_ZONE_B "tolerations: [{key: k, operator: Exists}],",
     "1",
     "n3"},
    {"node affinity", 36, {NULL}, IN_ZONE_B, "1", "n3"},
    {"anti-affinity", 36, {ON("a", "n1", ""), ON("c", "n3", "")}, ANTI, "100m", "n2"},
    {"anti-affinity of others",
     36,
     {ON("a", "n1", ANTI), ON("b", "n2", ANTI), ON("c", "n3", ANTI)},
     "",
     "100m",
     "3 node(s) didn't satisfy existing pods anti-affinity rules"},
    {"affinity to a zone", 36, {ON("c", "n3", "")}, ZONE_NEAR, "100m", "n3"},
    {"first of its affinity", 36, {NULL}, ZONE_NEAR, "100m", "bind"},
    {"spread over zones", 36, {ON("a", "n1", "")}, SPREAD, "100m", "n3"},
    {"no claim",
     36,
     {NULL},
     USES,
     "1",
     "0/3 nodes are available: persistentvolumeclaim \"data\" not found. preemption:"},
    {"claim going",
     36,
     {CLAIM(", deletionTimestamp: '2026-01-01T00:00:00Z'}\nspec: {}", "Bound")},
     USES,
     "1",
     "persistentvolumeclaim \"data\" is being deleted"},
    {"claim lost",
     36,
     {CLAIM("}\nspec: {volumeName: pv}", "Lost")},
     USES,
     "1",
     "persistentvolumeclaim \"data\" bound to non-existent persistentvolume \"pv\""},
    {"unbound, immediate",
     36,
     {CLAIM("}\nspec: {}", "Pending")},
     USES,
     "1",
     "pod has unbound immediate PersistentVolumeClaims"},
    {"volume in zone b",
     36,
     {CLAIM("}\nspec: {volumeName: pv}", "Bound"), VOLUME},
     USES,
     "1",
     "n3"},
    {"volume elsewhere",
     36,
     {CLAIM("}\nspec: {volumeName: pv}", "Bound"), VOLUME, ON("c", "n3", "")},
     USES,
     "1",
     "1 Insufficient cpu, 2 node(s) didn't match PersistentVolume's node affinity."},
    {"volume elsewhere, 1.32",
     32,
     {CLAIM("}\nspec: {volumeName: pv}", "Bound"), VOLUME, ON("c", "n3", "")},
     USES,
     "1",
     "2 node(s) had volume node affinity conflict."},
    {"first consumer",
     36,
     {CLASS, CLAIM("}\nspec: {storageClassName: wait}", "Pending")},
     USES,
     "1",
     "is provisioned for"},
    {"first consumer does not bind yet",
     36,
     {CLASS, CLAIM("}\nspec: {storageClassName: wait}", "Pending")},
     USES,
     "1",
     "!bind"},
    {"single use",
     36,
     {CLAIM(RWOP, "Bound"), VOLUME, ON("c", "n1", USES)},
     USES,
     "100m",
     "3 node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod"},
    {"nobody uses it", 36, {CLAIM(RWOP, "Bound"), VOLUME}, USES, "100m", "n3"},
};

TEST(filters_and_messages)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Case *c = &cases[i];
        Desk desk;
        open_desk(&desk, c->minor);
        put_nodes(&desk);
        for (unsigned j = 0; j < G_N_ELEMENTS(c->extra) && c->extra[j] != NULL; j++) {
            desk_put(&desk, c->extra[j]);
        }
        put_pod(&desk, "p", c->spec, c->cpu);
        expect(&desk, c->title, c->expected);
        desk_close(&desk);
    }
}

TEST(no_nodes_at_all)
{
    Desk desk;
    open_desk(&desk, 36);
    put_pod(&desk, "p", "", "1");
    expect(&desk, "none", "no nodes available to schedule pods");
    desk_close(&desk);
}

/* An assumed pod takes room before the cache shows it there; when it has gone, room is back. */
TEST(assumed_pods_take_room)
{
    Desk desk;
    open_desk(&desk, 36);
    desk_put(&desk, NODE("n1", "a", ""));
    put_pod(&desk, "o", "", "1500m");
    put_pod(&desk, "p", "", "1");
    g_autofree char *first = desk_sync(&desk, KIND_POD, "o");
    CU_ASSERT(strstr(first, "bind") != NULL);
    expect(&desk, "taken", "1 Insufficient cpu");
    process_cache_drop(desk.process, desk_key(&desk, KIND_POD, "o"));
    expect(&desk, "free again", "bind");
    desk_close(&desk);
}

static const Object *pod_of(const Cluster *cluster, unsigned index)
{
    g_autofree char *name = g_strdup_printf("web-%u", index);
    return cluster_get(cluster, KIND_POD, name);
}

/* In a running cluster: each pod goes where there is room; one that fits nowhere is told so, and is
 * bound as soon as another leaves. */
TEST(cluster_schedules)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    for (unsigned i = 0; i < 3; i++) {
        g_autofree char *text = g_strdup_printf(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: web-%u, namespace: default}\n"
            "spec: {terminationGracePeriodSeconds: 1, containers: [{name: c, image: i, "
            "resources: {requests: {cpu: '3'}}}]}\n",
            i);
        cluster_apply(&cluster, text);
        cluster_run(&cluster, 2 * NANOS_S);
    }
    Atom a = pod_view(pod_of(&cluster, 0))->spec->node_name;
    Atom b = pod_view(pod_of(&cluster, 1))->spec->node_name;
    CU_ASSERT(a != ATOM_NONE && b != ATOM_NONE && a != b);
    CU_ASSERT(pod_view(pod_of(&cluster, 2))->spec->node_name == ATOM_NONE);
    CU_ASSERT(pod_view(pod_of(&cluster, 2))->scheduled == CONDITION_FALSE);
    cluster_delete(&cluster, KIND_POD, "web-0", 0);
    cluster_run(&cluster, 3 * NANOS_S);
    CU_ASSERT(pod_view(pod_of(&cluster, 2))->spec->node_name == a);
    cluster_close(&cluster);
}
