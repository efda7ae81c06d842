/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cluster.h - a small cluster for tests: two machines, a control plane, default latencies.
 *
 * Objects are applied as YAML by the person at the keyboard; pods name their node themselves, so
 * these tests do not depend on the scheduler.
 */
#ifndef KENNEL_TEST_CLUSTER_H
#define KENNEL_TEST_CLUSTER_H

#include "models/node/runtime.h"
#include "models/storage/volume.h"
#include "sim/param.h"
#include "sim/yaml.h"
#include "tests/unit/test.h"

typedef struct {
    Scenario scenario;
    World *world;
} Cluster;

#define CLUSTER_CLASS                                                             \
    "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast}\n" \
    "provisioner: ebs.csi.aws.com\nreclaimPolicy: Delete\nvolumeBindingMode: Immediate\n"

/* Makes the cluster and lets it settle for `warm_up`. */
static inline void cluster_open(Cluster *cluster, Nanos warm_up)
{
    static const NodeGroup groups[] = {
        {"node", 2, "zone-a", "4", "16Gi", 110, NULL, NULL},
    };
    static const ParamPlace nowhere = {NULL, ""};
    *cluster = (Cluster){.scenario = {.name = "test", .seed = 1, .duration = 10 * NANOS_HOUR}};
    ClusterConfig *config = &cluster->scenario.cluster;
    config->minor = 36;
    config->node_groups = groups;
    config->node_group_count = G_N_ELEMENTS(groups);
    config->dns_domain = "cluster.local";
    CHECK(param_read(latency_params, NULL, &config->latency, nowhere, NULL));
    CHECK(param_read(control_plane_params, NULL, &config->control_plane, nowhere, NULL));
    CHECK(param_read(dns_params, NULL, &config->dns, nowhere, NULL));
    cluster->world = world_new(&cluster->scenario, 1, NULL);
    sim_run(world_sim(cluster->world), warm_up, 0);
}

static inline void cluster_close(Cluster *cluster)
{
    world_free(cluster->world);
    param_clear(latency_params, &cluster->scenario.cluster.latency);
}

/* Runs on for a while; returns how many events that took. */
static inline uint64_t cluster_run(const Cluster *cluster, Nanos time)
{
    Sim *sim = world_sim(cluster->world);
    uint64_t before = sim_events(sim);
    sim_run(sim, sim_now(sim) + time, 0);
    return sim_events(sim) - before;
}

static inline void cluster_apply(const Cluster *cluster, const char *text)
{
    GError *error = NULL;
    g_autoptr(YamlStream) stream = yaml_parse(text, strlen(text), "test", &error);
    CHECK_THAT(stream, "%s", error ? error->message : "");
    for (unsigned i = 0; i < yaml_count(stream); i++) {
        const Value *body = yaml_at(stream, i)->value;
        Kind kind = kind_of(value_text(body, "apiVersion"), value_text(body, "kind"));
        Request request = {.verb = REQUEST_CREATE,
                           .key = key_of_value(world_atoms(cluster->world), kind, body),
                           .body = value_ref(body),
                           .grace_s = -1};
        Reply reply = {0};
        world_request(cluster->world, &request, &reply);
        CHECK_THAT(reply.reason == REASON_OK, "%s", reply.message);
        reply_clear(&reply);
        request_clear(&request);
    }
}

static inline Key cluster_key(const Cluster *cluster, Kind kind, const char *name)
{
    Atom space = kind_info(kind)->is_namespaced ? world_atom(cluster->world, "default") : ATOM_NONE;
    return (Key){kind, space, world_atom(cluster->world, name)};
}

static inline const Object *cluster_get(const Cluster *cluster, Kind kind, const char *name)
{
    return store_get(world_store(cluster->world), cluster_key(cluster, kind, name));
}

/* grace_s -1: the object's own. */
static inline void cluster_delete(const Cluster *cluster, Kind kind, const char *name,
                                  int64_t grace_s)
{
    Request request = {
        .verb = REQUEST_DELETE, .key = cluster_key(cluster, kind, name), .grace_s = grace_s};
    world_request(cluster->world, &request, NULL);
    request_clear(&request);
}

/* A pod on a node; claim NULL: without a volume. `more` goes into the container. */
static inline void cluster_pod(const Cluster *cluster, const char *name, const char *node,
                               const char *claim, const char *more)
{
    g_autofree char *volumes = claim
                                   ? g_strdup_printf("  volumes:\n  - name: data\n"
                                                     "    persistentVolumeClaim: {claimName: %s}\n",
                                                     claim)
                                   : g_strdup("");
    g_autofree char *text =
        g_strdup_printf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: default}\n"
                        "spec:\n  nodeName: %s\n%s  containers:\n  - name: web\n"
                        "    image: nginx:1.0\n%s",
                        name, node, volumes, more ? more : "");
    cluster_apply(cluster, text);
}

static inline void cluster_claim(const Cluster *cluster, const char *name, const char *class,
                                 const char *mode)
{
    g_autofree char *text = g_strdup_printf(
        "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: %s, namespace: default}\n"
        "spec:\n  storageClassName: %s\n  accessModes: [%s]\n"
        "  resources: {requests: {storage: 1Gi}}\n",
        name, class, mode);
    cluster_apply(cluster, text);
}

static inline bool cluster_is_ready(const Cluster *cluster, const char *pod)
{
    const Object *object = cluster_get(cluster, KIND_POD, pod);
    return object && pod_is_running_and_ready(pod_view(object));
}

static inline Machine *cluster_machine(const Cluster *cluster, const char *name)
{
    return world_machine(cluster->world, world_atom(cluster->world, name));
}

static inline bool cluster_runs(const Cluster *cluster, const char *node, const char *pod)
{
    return machine_runs_pod(cluster_machine(cluster, node), world_atom(cluster->world, "default"),
                            world_atom(cluster->world, pod));
}

/* The disk behind a claim, NULL if it has none. */
static inline Disk *cluster_disk(const Cluster *cluster, const char *claim)
{
    const Object *object = cluster_get(cluster, KIND_PERSISTENT_VOLUME_CLAIM, claim);
    Atom volume = object ? claim_view(object)->volume_name : ATOM_NONE;
    return volume ? storage_disk(world_storage(cluster->world), volume) : NULL;
}

static inline const char *cluster_phase(const Cluster *cluster, Kind kind, const char *name)
{
    const Object *object = cluster_get(cluster, kind, name);
    return object ? value_text(object->value, "status", "phase") : "";
}

#endif
