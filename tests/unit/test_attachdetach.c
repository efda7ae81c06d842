/* SPDX-License-Identifier: Apache-2.0 */
/* attachdetach-controller, who may attach when: healthy moves, dead nodes, the six minutes, the out-of-service taint. */
#include "tests/unit/cluster.h"

static void open_with_pod(Cluster *cluster)
{
    cluster_open(cluster, 5 * NANOS_S);
    cluster_apply(cluster, CLUSTER_CLASS);
    cluster_claim(cluster, "data", "fast", "ReadWriteOnce");
    cluster_run(cluster, 30 * NANOS_S);
    cluster_pod(cluster, "other", "node-2", NULL, NULL); /* pulls the image */
    cluster_pod(cluster, "web-0", "node-1", "data", NULL);
    cluster_run(cluster, 5 * NANOS_MIN);
    CU_ASSERT_TRUE_FATAL(cluster_is_ready(cluster, "web-0"));
}

static bool is_attached(const Cluster *cluster, const char *node)
{
    return disk_is_attached(cluster_disk(cluster, "data"), world_atom(cluster->world, node));
}

/* What the node lifecycle controller would write. */
static void set_ready(const Cluster *cluster, const char *node, const char *status)
{
    Value *body = value_map(), *list = value_list(), *entry = value_map();
    value_map_set(entry, "type", value_string("Ready"));
    value_map_set(entry, "status", value_string(status));
    value_list_add(list, entry);
    value_put(&body, list, "status", "conditions");
    Request request = {.verb = REQUEST_PATCH_STATUS,
                       .key = cluster_key(cluster, KIND_NODE, node),
                       .body = body,
                       .patch = PATCH_STRATEGIC};
    world_request(cluster->world, &request, NULL);
    request_clear(&request);
}

static void add_taint(const Cluster *cluster, const char *node, const char *key)
{
    Value *body = value_map(), *list = value_list(), *entry = value_map();
    value_map_set(entry, "key", value_string(key));
    value_map_set(entry, "effect", value_string("NoExecute"));
    value_list_add(list, entry);
    value_put(&body, list, "spec", "taints");
    Request request = {.verb = REQUEST_PATCH,
                       .key = cluster_key(cluster, KIND_NODE, node),
                       .body = body,
                       .patch = PATCH_MERGE};
    world_request(cluster->world, &request, NULL);
    request_clear(&request);
}

static Nanos until_ready(const Cluster *cluster, const char *pod, Nanos limit)
{
    Nanos begin = world_now(cluster->world);
    while (!cluster_is_ready(cluster, pod) && world_now(cluster->world) - begin < limit)
        cluster_run(cluster, 100 * NANOS_MS);
    return world_now(cluster->world) - begin;
}

TEST(volume_moves_between_healthy_nodes)
{
    Cluster cluster;
    open_with_pod(&cluster);
    cluster_delete(&cluster, KIND_POD, "web-0", -1);
    cluster_run(&cluster, 5 * NANOS_S);
    CU_ASSERT_PTR_NULL(cluster_get(&cluster, KIND_POD, "web-0"));
    cluster_pod(&cluster, "web-0", "node-2", "data", NULL);
    Nanos time = until_ready(&cluster, "web-0", 10 * NANOS_MIN);
    CU_ASSERT_TRUE(time < 100 * NANOS_S);
    CU_ASSERT_FALSE(is_attached(&cluster, "node-1"));
    CU_ASSERT_TRUE(is_attached(&cluster, "node-2"));
    cluster_close(&cluster);
}

TEST(same_node_keeps_the_attachment)
{
    Cluster cluster;
    open_with_pod(&cluster);
    cluster_delete(&cluster, KIND_POD, "web-0", -1);
    while (cluster_get(&cluster, KIND_POD, "web-0"))
        cluster_run(&cluster, 1 * NANOS_MS);
    cluster_pod(&cluster, "web-0", "node-1", "data", NULL);
    until_ready(&cluster, "web-0", 10 * NANOS_MIN);
    CU_ASSERT_TRUE(cluster_is_ready(&cluster, "web-0"));
    CU_ASSERT_TRUE(is_attached(&cluster, "node-1"));
    cluster_close(&cluster);
}

/* A dead node that is not Ready: six minutes from the removal of the pod, not from its death. */
TEST(forced_detach_after_six_minutes)
{
    Cluster cluster;
    open_with_pod(&cluster);
    machine_power_off(cluster_machine(&cluster, "node-1"));
    set_ready(&cluster, "node-1", "Unknown");
    cluster_run(&cluster, 10 * NANOS_MIN);
    cluster_delete(&cluster, KIND_POD, "web-0", 0);
    cluster_pod(&cluster, "web-0", "node-2", "data", NULL);
    cluster_run(&cluster, 355 * NANOS_S);
    CU_ASSERT_TRUE(is_attached(&cluster, "node-1"));
    CU_ASSERT_FALSE(cluster_is_ready(&cluster, "web-0"));
    Nanos time = until_ready(&cluster, "web-0", 10 * NANOS_MIN);
    CU_ASSERT_TRUE(time > 5 * NANOS_S);
    CU_ASSERT_TRUE(time < 60 * NANOS_S); /* the kubelet looks at 371.5 s after volumesInUse */
    CU_ASSERT_TRUE(is_attached(&cluster, "node-2"));
    cluster_close(&cluster);
}

TEST(ready_node_in_use_is_never_forced)
{
    Cluster cluster;
    open_with_pod(&cluster);
    /* its heartbeats arrive, but it hears nothing, so the old pod is never stopped */
    process_cut(machine_kubelet(cluster_machine(&cluster, "node-1")), false, true);
    cluster_delete(&cluster, KIND_POD, "web-0", 0);
    cluster_pod(&cluster, "web-0", "node-2", "data", NULL);
    cluster_run(&cluster, 20 * NANOS_MIN);
    const Object *node = cluster_get(&cluster, KIND_NODE, "node-1");
    CU_ASSERT_EQUAL(node_view(node)->ready, CONDITION_TRUE);
    CU_ASSERT_FALSE(cluster_is_ready(&cluster, "web-0"));
    CU_ASSERT_TRUE(is_attached(&cluster, "node-1"));
    cluster_close(&cluster);
}

TEST(out_of_service_taint_forces_at_once)
{
    Cluster cluster;
    open_with_pod(&cluster);
    machine_power_off(cluster_machine(&cluster, "node-1"));
    set_ready(&cluster, "node-1", "Unknown");
    cluster_run(&cluster, NANOS_MIN);
    cluster_delete(&cluster, KIND_POD, "web-0", 0);
    add_taint(&cluster, "node-1", "node.kubernetes.io/out-of-service");
    cluster_pod(&cluster, "web-0", "node-2", "data", NULL);
    Nanos time = until_ready(&cluster, "web-0", 10 * NANOS_MIN);
    CU_ASSERT_TRUE(time < 90 * NANOS_S);
    cluster_close(&cluster);
}

/* A restarted controller manager rebuilds what it knew from the VolumeAttachments. */
TEST(controller_restart_keeps_and_releases_attachments)
{
    Cluster cluster;
    open_with_pod(&cluster);
    Process *process = world_process(cluster.world, "kube-controller-manager-1");
    process_crash(process, "test");
    cluster_run(&cluster, 10 * NANOS_S);
    process_start(process);
    cluster_run(&cluster, 2 * NANOS_MIN);
    CU_ASSERT_TRUE(is_attached(&cluster, "node-1"));
    CU_ASSERT_TRUE(cluster_is_ready(&cluster, "web-0"));
    cluster_delete(&cluster, KIND_POD, "web-0", -1);
    cluster_run(&cluster, 3 * NANOS_MIN);
    CU_ASSERT_FALSE(is_attached(&cluster, "node-1"));
    const Object *node = cluster_get(&cluster, KIND_NODE, "node-1");
    EQUAL_INT(node_view(node)->attached_count, 0);
    EQUAL_INT(node_view(node)->in_use_count, 0);
    cluster_close(&cluster);
}

/* A short outage: the disk stays attached, is mounted again, and nothing is detached. */
TEST(reboot_mounts_again_without_detaching)
{
    Cluster cluster;
    open_with_pod(&cluster);
    Machine *machine = cluster_machine(&cluster, "node-1");
    machine_power_off(machine);
    cluster_run(&cluster, 20 * NANOS_S);
    machine_power_on(machine);
    for (unsigned i = 0; i < 300; i++) {
        cluster_run(&cluster, 1 * NANOS_S);
        CU_ASSERT_TRUE(is_attached(&cluster, "node-1"));
    }
    CU_ASSERT_TRUE(cluster_is_ready(&cluster, "web-0"));
    EQUAL_INT(pod_view(cluster_get(&cluster, KIND_POD, "web-0"))->restarts, 1);
    EQUAL_INT(runtime_mounts(machine_runtime(machine))->len, 1);
    cluster_close(&cluster);
}
