/* SPDX-License-Identifier: Apache-2.0 */
/* test_eviction.c - eviction_component: how long a pod may stay on a tainted node, tried once. */
#include "tests/unit/cluster.h"

#define TOLERATION(seconds)                                                                     \
    "  tolerations: [{key: k, operator: Exists, effect: NoExecute, tolerationSeconds: " seconds \
    "}]\n"

/* Puts a taint k:NoExecute on the node, or takes all taints away. */
static void taint(const Cluster *cluster, const char *node, bool is_on)
{
    g_autoptr(Value) spec = value_map();
    Value *list = value_list();
    if (is_on) {
        Value *entry = value_map();
        value_map_set(entry, "key", value_string("k"));
        value_map_set(entry, "effect", value_string("NoExecute"));
        value_list_add(list, entry);
    }
    value_put(&spec, list, "spec", "taints");
    Request request = {.verb = REQUEST_PATCH,
                       .key = cluster_key(cluster, KIND_NODE, node),
                       .body = value_ref(spec),
                       .patch = PATCH_MERGE,
                       .grace_s = -1};
    world_request(cluster->world, &request, NULL);
    request_clear(&request);
}

static void put_pod(const Cluster *cluster, const char *name, const char *tolerations)
{
    g_autofree char *text =
        g_strdup_printf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: default}\n"
                        "spec:\n  nodeName: node-1\n%s  containers: [{name: c, image: i}]\n",
                        name, tolerations);
    cluster_apply(cluster, text);
}

/* Whether the pod is to go, or gone. */
static bool is_evicted(const Cluster *cluster, const char *name)
{
    const Object *pod = cluster_get(cluster, KIND_POD, name);
    return pod == NULL || object_is_terminating(pod);
}

static const char for_ever[] = "  tolerations: [{key: k, operator: Exists, effect: NoExecute}]\n";

static void open_cluster(Cluster *cluster)
{
    cluster_open(cluster, 10 * NANOS_S);
    put_pod(cluster, "none", "");
    put_pod(cluster, "minute", TOLERATION("60"));
    put_pod(cluster, "ever", for_ever);
    cluster_run(cluster, 90 * NANOS_S);
}

TEST(stay_by_toleration)
{
    Cluster cluster;
    open_cluster(&cluster);
    taint(&cluster, "node-1", true);
    cluster_run(&cluster, 3 * NANOS_S);
    CU_ASSERT(is_evicted(&cluster, "none"));
    CU_ASSERT(!is_evicted(&cluster, "minute"));
    cluster_run(&cluster, 55 * NANOS_S);
    CU_ASSERT(!is_evicted(&cluster, "minute"));
    cluster_run(&cluster, 5 * NANOS_S);
    CU_ASSERT(is_evicted(&cluster, "minute"));
    cluster_run(&cluster, 600 * NANOS_S);
    CU_ASSERT(!is_evicted(&cluster, "ever"));
    cluster_close(&cluster);
}

TEST(taint_goes_in_time)
{
    Cluster cluster;
    open_cluster(&cluster);
    taint(&cluster, "node-1", true);
    cluster_run(&cluster, 40 * NANOS_S);
    taint(&cluster, "node-1", false);
    cluster_run(&cluster, 100 * NANOS_S);
    CU_ASSERT(!is_evicted(&cluster, "minute"));
    taint(&cluster, "node-1", true);
    cluster_run(&cluster, 50 * NANOS_S);
    CU_ASSERT(!is_evicted(&cluster, "minute")); /* the time begins anew */
    cluster_run(&cluster, 15 * NANOS_S);
    CU_ASSERT(is_evicted(&cluster, "minute"));
    cluster_close(&cluster);
}

/* A pod that comes to a node that is tainted already. */
TEST(pod_comes_later)
{
    Cluster cluster;
    open_cluster(&cluster);
    taint(&cluster, "node-1", true);
    cluster_run(&cluster, 30 * NANOS_S);
    put_pod(&cluster, "late", TOLERATION("60"));
    cluster_run(&cluster, 57 * NANOS_S);
    CU_ASSERT(!is_evicted(&cluster, "late"));
    cluster_run(&cluster, 6 * NANOS_S);
    CU_ASSERT(is_evicted(&cluster, "late"));
    cluster_close(&cluster);
}

/* Five refusals within 40 ms and the eviction is given up; four, and it succeeds. */
static bool survives_refusals(unsigned refusals)
{
    Cluster cluster;
    open_cluster(&cluster);
    taint(&cluster, "node-1", true);
    cluster_run(&cluster, 30 * NANOS_S);
    server_refuse(world_server(cluster.world), REQUEST_DELETE, KIND_POD,
                  world_atom(cluster.world, "minute"), REASON_INTERNAL, refusals);
    cluster_run(&cluster, 500 * NANOS_S);
    bool survives = !is_evicted(&cluster, "minute");
    cluster_close(&cluster);
    return survives;
}

TEST(fires_once)
{
    CU_ASSERT(!survives_refusals(4));
    CU_ASSERT(survives_refusals(5));
}
