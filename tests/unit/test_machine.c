/* SPDX-License-Identifier: Apache-2.0 */
/* Power: what a machine loses, what it keeps, and how it comes back. */
#include "tests/unit/cluster.h"

TEST(nodes_register_and_are_ready)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    const Object *node = cluster_get(&cluster, KIND_NODE, "node-1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(node);
    CU_ASSERT_EQUAL(node_view(node)->ready, CONDITION_TRUE);
    EQUAL_TEXT(atom_text(world_atoms(cluster.world), node_view(node)->zone), "zone-a");
    EQUAL_INT(node_view(node)->cpu_milli, 4000);
    EQUAL_INT(node_view(node)->pods, 110);
    cluster_close(&cluster);
}

TEST(power_loss_stops_containers_at_once_and_boot_restarts_them)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_pod(&cluster, "web-0", "node-1", NULL, NULL);
    cluster_run(&cluster, 5 * NANOS_MIN);
    CU_ASSERT_TRUE(cluster_is_ready(&cluster, "web-0"));
    const Object *before = object_ref(cluster_get(&cluster, KIND_POD, "web-0"));
    Machine *machine = cluster_machine(&cluster, "node-1");
    machine_power_off(machine);
    machine_power_off(machine);
    CU_ASSERT_FALSE(cluster_runs(&cluster, "node-1", "web-0"));
    CU_ASSERT_FALSE(machine_is_on(machine));
    cluster_run(&cluster, 10 * NANOS_S);
    CU_ASSERT_TRUE(cluster_is_ready(&cluster, "web-0")); /* nobody has noticed */
    machine_power_on(machine);
    machine_power_on(machine);
    cluster_run(&cluster, 5 * NANOS_MIN);
    const Object *after = cluster_get(&cluster, KIND_POD, "web-0");
    CU_ASSERT_PTR_NOT_NULL_FATAL(after);
    CU_ASSERT_EQUAL(after->uid, before->uid);
    CU_ASSERT_TRUE(cluster_is_ready(&cluster, "web-0"));
    EQUAL_INT(pod_view(after)->restarts, 1);
    CU_ASSERT_NOT_EQUAL(pod_view(after)->pod_ip, pod_view(before)->pod_ip);
    EQUAL_INT(machine_boots(machine), 2);
    object_unref(before);
    cluster_close(&cluster);
}

TEST(pod_deleted_while_its_machine_was_off_goes_soon_after_boot)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_pod(&cluster, "web-0", "node-1", NULL, NULL);
    cluster_run(&cluster, 5 * NANOS_MIN);
    Machine *machine = cluster_machine(&cluster, "node-1");
    machine_power_off(machine);
    cluster_delete(&cluster, KIND_POD, "web-0", -1);
    cluster_run(&cluster, 10 * NANOS_MIN);
    CU_ASSERT_PTR_NOT_NULL(
        cluster_get(&cluster, KIND_POD, "web-0")); /* nobody can say it is dead */
    machine_power_on(machine);
    while (!process_is_up(machine_kubelet(machine)))
        cluster_run(&cluster, 100 * NANOS_MS);
    cluster_run(&cluster, 5 * NANOS_S);
    CU_ASSERT_PTR_NULL(cluster_get(&cluster, KIND_POD, "web-0"));
    EQUAL_INT(runtime_sandbox_count(machine_runtime(machine)), 0);
    cluster_close(&cluster);
}

TEST(power_lost_while_booting)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    Machine *machine = cluster_machine(&cluster, "node-1");
    machine_power_off(machine);
    machine_power_on(machine);
    cluster_run(&cluster, 1 * NANOS_S);
    machine_power_off(machine);
    cluster_run(&cluster, 10 * NANOS_MIN);
    EQUAL_INT(machine_boots(machine), 1);
    CU_ASSERT_FALSE(process_is_up(machine_kubelet(machine)));
    cluster_close(&cluster);
}

/* A kubelet that a fault killed is not started again on a machine without power, nor twice. */
TEST(a_killed_kubelet_comes_back_with_its_machine)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    Machine *machine = cluster_machine(&cluster, "node-1");
    const char *name = "kubelet-node-1";
    void *state = controller_crash_fault.begin(cluster.world, &name, NULL);
    CU_ASSERT_FALSE(process_is_up(machine_kubelet(machine)));
    machine_power_off(machine);
    controller_crash_fault.end(cluster.world, &name, state);
    CU_ASSERT_FALSE(process_is_up(machine_kubelet(machine)));
    machine_power_on(machine);
    state = controller_crash_fault.begin(cluster.world, &name, NULL);
    controller_crash_fault.end(cluster.world, &name, state);
    CU_ASSERT_FALSE(process_is_up(machine_kubelet(machine)));
    cluster_run(&cluster, 10 * NANOS_MIN);
    CU_ASSERT_TRUE(process_is_up(machine_kubelet(machine)));
    cluster_close(&cluster);
}
