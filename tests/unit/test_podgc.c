/* SPDX-License-Identifier: Apache-2.0 */
/* The pod garbage collector, in an event loop of its own. */
#include "tests/unit/objects.h"
#include "tests/unit/rig.h"
#include "tests/unit/test.h"

static World *open_world(const Scenario *scenario)
{
    World *world = rig_world(scenario);
    process_start(rig_process(world, "kcm", ROLE_CONTROLLER_MANAGER, &podgc_component, NULL));
    rig_run(world, NANOS_S);
    return world;
}

static Key pod_key(World *world)
{
    return (Key){KIND_POD, world_atom(world, "default"), world_atom(world, "p")};
}

static void put_pod(World *world, const char *meta, const char *spec)
{
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: default, uid: u%s}\n"
        "spec: {containers: [{name: m, image: x}]%s}\nstatus: {phase: Running}\n",
        meta, spec);
    Value *value = value_from(yaml);
    kind_info(KIND_POD)->defaults(&value);
    store_put(world_store(world), pod_key(world), value);
}

static void put_node(World *world, const char *ready, const char *taints)
{
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: v1\nkind: Node\nmetadata: {name: n1, uid: n}\nspec: {taints: [%s]}\n"
        "status: {conditions: [{type: Ready, status: '%s'}]}\n",
        taints, ready);
    Value *value = value_from(yaml);
    store_put(world_store(world), key_of_value(world_atoms(world), KIND_NODE, value), value);
}

static bool is_there(World *world)
{
    return store_get(world_store(world), pod_key(world)) != NULL;
}

#define GOING ", deletionTimestamp: '2026-01-01T00:00:30Z', deletionGracePeriodSeconds: 30"
#define OUT   "{key: node.kubernetes.io/out-of-service, effect: NoExecute}"

TEST(terminating_and_never_scheduled_goes_at_the_next_round)
{
    Scenario scenario = rig_scenario();
    World *world = open_world(&scenario);
    put_pod(world, GOING, "");
    rig_run(world, 15 * NANOS_S);
    CU_ASSERT_TRUE(is_there(world));
    rig_run(world, 10 * NANOS_S);
    CU_ASSERT_FALSE(is_there(world));
    world_free(world);
}

TEST(out_of_service_needs_a_taint_and_a_node_that_is_not_ready)
{
    static const struct {
        const char *ready, *taints;
        bool goes;
    } rows[] = {
        {"True", "", false}, {"Unknown", "", false}, {"True", OUT, false}, {"Unknown", OUT, true}};
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Scenario scenario = rig_scenario();
        World *world = open_world(&scenario);
        put_node(world, rows[i].ready, rows[i].taints);
        put_pod(world, GOING, ", nodeName: n1");
        rig_run(world, 30 * NANOS_S);
        EQUAL_INT(is_there(world), !rows[i].goes);
        world_free(world);
    }
}

TEST(pods_of_a_node_that_is_gone_wait_40_seconds)
{
    Scenario scenario = rig_scenario();
    World *world = open_world(&scenario);
    put_node(world, "True", "");
    put_pod(world, "", ", nodeName: n1");
    rig_run(world, 5 * NANOS_S);
    Key node = {KIND_NODE, ATOM_NONE, world_atom(world, "n1")};
    store_remove(world_store(world), node);
    rig_run(world, 40 * NANOS_S);
    CU_ASSERT_TRUE(is_there(world));
    rig_run(world, 40 * NANOS_S);
    CU_ASSERT_FALSE(is_there(world));
    world_free(world);
}

TEST(running_pods_are_left_alone)
{
    Scenario scenario = rig_scenario();
    World *world = open_world(&scenario);
    put_node(world, "True", "");
    put_pod(world, "", ", nodeName: n1");
    rig_run(world, 5 * NANOS_MIN);
    CU_ASSERT_TRUE(is_there(world));
    world_free(world);
}
