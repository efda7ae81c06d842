/* SPDX-License-Identifier: Apache-2.0 */
/* test_nodelife.c - taints by condition, and the figures of a node that loses power. */
#include "tests/unit/cluster.h"
#include "tests/unit/desk.h"

typedef struct {
    const char *title, *ready, *spec, *expected;
} Case;

static const Case cases[] = {
    {"healthy", "'True'", "", ""},
    {"not ready", "'False'", "", "node.kubernetes.io/not-ready"},
    {"unknown", "Unknown", "", "node.kubernetes.io/unreachable"},
    {"cordoned", "'True'", "unschedulable: true", "node.kubernetes.io/unschedulable"},
    {"already there", "Unknown",
     "taints: [{key: node.kubernetes.io/unreachable, effect: NoSchedule}]", ""},
    {"back", "'True'", "taints: [{key: node.kubernetes.io/unreachable, effect: NoSchedule}]",
     "update Node"},
    {"of others", "'True'", "taints: [{key: k, effect: NoSchedule}]", ""},
    {"NoExecute waits for the loop", "'True'",
     "taints: [{key: node.kubernetes.io/unreachable, effect: NoExecute}]", ""},
};

TEST(taints_by_condition)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Desk desk;
        desk_open(&desk, &nodelife_component, 36);
        g_autofree char *yaml = g_strdup_printf(
            "apiVersion: v1\nkind: Node\nmetadata: {name: n1, uid: n-u}\nspec: {%s}\n"
            "status: {conditions: [{type: Ready, status: %s}]}\n",
            cases[i].spec, cases[i].ready);
        desk_put(&desk, yaml);
        g_autofree char *text = desk_sync(&desk, KIND_NODE, "n1");
        bool is_right = *cases[i].expected != 0 ? strstr(text, cases[i].expected) != NULL
                                                : strstr(text, "update") == NULL;
        if (!is_right) test_equal_text(text, cases[i].expected, cases[i].title, TEST_WHERE);
        desk_close(&desk);
    }
}

static bool has_taint(const Cluster *cluster, const char *node, const char *key, TaintEffect effect)
{
    const NodeView *view = node_view(cluster_get(cluster, KIND_NODE, node));
    for (uint32_t i = 0; i < view->taint_count; i++) {
        if (view->taints[i].key != world_atom(cluster->world, key)) continue;
        if (view->taints[i].effect == effect) return true;
    }
    return false;
}

static Condition ready_of(const Cluster *cluster, const char *node)
{
    return node_view(cluster_get(cluster, KIND_NODE, node))->ready;
}

#define UNREACHABLE_KEY "node.kubernetes.io/unreachable"

/* Power loss: Unknown after 40 to 60 s, NoExecute soon after, the pod marked for deletion after 340
 * to 365 s; back before that: everything is taken back. */
static void lose_power(unsigned warm_up_s, bool comes_back)
{
    Cluster cluster;
    cluster_open(&cluster, (Nanos)warm_up_s * NANOS_S);
    cluster_pod(&cluster, "web", "node-1", NULL, NULL);
    cluster_run(&cluster, 120 * NANOS_S);
    CU_ASSERT(cluster_is_ready(&cluster, "web"));
    machine_power_off(cluster_machine(&cluster, "node-1"));
    cluster_run(&cluster, 39 * NANOS_S);
    CU_ASSERT(ready_of(&cluster, "node-1") == CONDITION_TRUE);
    cluster_run(&cluster, 23 * NANOS_S);
    CU_ASSERT(ready_of(&cluster, "node-1") == CONDITION_UNKNOWN);
    CU_ASSERT(ready_of(&cluster, "node-2") == CONDITION_TRUE);
    CU_ASSERT(has_taint(&cluster, "node-1", UNREACHABLE_KEY, EFFECT_NO_SCHEDULE));
    CU_ASSERT(!cluster_is_ready(&cluster, "web"));
    cluster_run(&cluster, 14 * NANOS_S);
    CU_ASSERT(has_taint(&cluster, "node-1", UNREACHABLE_KEY, EFFECT_NO_EXECUTE));
    if (comes_back) {
        machine_power_on(cluster_machine(&cluster, "node-1"));
        cluster_run(&cluster, 400 * NANOS_S);
        CU_ASSERT(ready_of(&cluster, "node-1") == CONDITION_TRUE);
        EQUAL_INT(node_view(cluster_get(&cluster, KIND_NODE, "node-1"))->taint_count, 0);
        CU_ASSERT(!object_is_terminating(cluster_get(&cluster, KIND_POD, "web")));
    } else {
        cluster_run(&cluster, 263 * NANOS_S);
        CU_ASSERT(!object_is_terminating(cluster_get(&cluster, KIND_POD, "web")));
        cluster_run(&cluster, 30 * NANOS_S);
        const Object *pod = cluster_get(&cluster, KIND_POD, "web");
        CU_ASSERT(object_is_terminating(pod));
        CU_ASSERT(pod_view(pod)->disruption == CONDITION_TRUE);
        CU_ASSERT(pod_view(pod)->phase == PHASE_RUNNING);
    }
    cluster_close(&cluster);
}

TEST(power_loss)
{
    for (unsigned i = 0; i < 6; i++)
        lose_power(20 + i * 3, false);
}

TEST(power_comes_back)
{
    lose_power(20, true);
}

/* When every zone is dark the controller suspects itself: no NoExecute taint stays. */
TEST(all_nodes_lost)
{
    Cluster cluster;
    cluster_open(&cluster, 20 * NANOS_S);
    cluster_pod(&cluster, "web", "node-1", NULL, NULL);
    cluster_run(&cluster, 60 * NANOS_S);
    machine_power_off(cluster_machine(&cluster, "node-1"));
    machine_power_off(cluster_machine(&cluster, "node-2"));
    cluster_run(&cluster, 500 * NANOS_S);
    CU_ASSERT(ready_of(&cluster, "node-1") == CONDITION_UNKNOWN);
    CU_ASSERT(ready_of(&cluster, "node-2") == CONDITION_UNKNOWN);
    CU_ASSERT(!has_taint(&cluster, "node-1", UNREACHABLE_KEY, EFFECT_NO_EXECUTE));
    CU_ASSERT(!has_taint(&cluster, "node-2", UNREACHABLE_KEY, EFFECT_NO_EXECUTE));
    CU_ASSERT(!object_is_terminating(cluster_get(&cluster, KIND_POD, "web")));
    cluster_close(&cluster);
}
