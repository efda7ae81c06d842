/* SPDX-License-Identifier: Apache-2.0 */
/* test_world.c - gates, chance, facts, the script, and that a run repeats. */
#include "models/gates.h"
#include "models/node/machine.h"
#include "tests/unit/rig.h"
#include "tests/unit/test.h"

TEST(gates_by_release)
{
    static const struct {
        const char *name;
        int first_on; /* minor release, 0: never */
    } cases[] = {
        {"StatefulSetAutoDeletePVC", 27},
        {"PodIndexLabel", 28},
        {"SeparateTaintEvictionController", 29},
        {"HonorPVReclaimPolicy", 31},
        {"SchedulerQueueingHints", 32},
        {"KubeletCrashLoopBackOffMax", 35},
        {"StaleControllerConsistencyStatefulSet", 36},
        {"MaxUnavailableStatefulSet", 0},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        for (int minor = GATE_MINOR_FIRST; minor <= GATE_MINOR_LAST; minor++)
            EQUAL_INT(gate_default(cases[i].name, minor),
                      cases[i].first_on != 0 && minor >= cases[i].first_on);
    CU_ASSERT(gate_default("ChangeContainerStatusOnKubeletRestart", 34));
    CU_ASSERT(!gate_default("ChangeContainerStatusOnKubeletRestart", 35));
    CU_ASSERT(!gate_is_known("PodIndexLable"));
}

TEST(feature_gates_override)
{
    Scenario scenario = rig_scenario();
    g_autoptr(Value) gates = value_map();
    value_map_set(gates, "MaxUnavailableStatefulSet", value_bool(true));
    value_map_set(gates, "PodIndexLabel", value_bool(false));
    scenario.cluster.gates = gates;
    World *world = rig_world(&scenario);
    CU_ASSERT(world_gate(world, "MaxUnavailableStatefulSet"));
    CU_ASSERT(!world_gate(world, "PodIndexLabel"));
    CU_ASSERT(world_gate(world, "StatefulSetStartOrdinal"));
    CU_ASSERT(world_is_at_least(world, 36) && !world_is_at_least(world, 37));
    world_free(world);
}

/* The n-th draw of a stream is the same, whatever others draw between. */
TEST(streams_are_independent)
{
    Scenario scenario = rig_scenario();
    Dist dist;
    CU_ASSERT_FATAL(dist_parse("U(0s, 10s)", &dist, NULL));
    World *alone = world_new(&scenario, 5, NULL), *busy = world_new(&scenario, 5, NULL);
    Atom a = world_atom(alone, "Pod/default/a");
    world_atom(busy, "something before");
    Atom b = world_atom(busy, "Pod/default/a"), c = world_atom(busy, "Pod/default/c");
    unsigned equal = 0;
    for (unsigned i = 0; i < 20; i++) {
        Nanos drawn = world_draw(alone, &dist, a, "pull");
        equal += world_draw(busy, &dist, c, "pull") == drawn;
        equal += world_draw(busy, &dist, b, "start") == drawn;
        EQUAL_INT(world_draw(busy, &dist, b, "pull"), drawn);
    }
    EQUAL_INT(equal, 0);
    world_free(alone);
    world_free(busy);
}

static uint64_t digest_after(uint64_t seed, const char *holder)
{
    Scenario scenario = rig_scenario();
    dist_parse("lognormal(10ms, 200ms)", &scenario.cluster.latency.watch, NULL);
    scenario.duration = NANOS_MIN;
    World *world = world_new(&scenario, seed, NULL);
    rig_run(world, NANOS_S);
    world_fact(world, ROW_STEP, (Fact){.detail = world_atom(world, holder)});
    EQUAL_INT(world_run(world, NULL, NULL), WORLD_COMPLETE);
    uint64_t digest = sim_digest(world_sim(world));
    world_free(world);
    return digest;
}

TEST(a_run_repeats)
{
    CU_ASSERT_EQUAL(digest_after(1, "x"), digest_after(1, "x"));
    CU_ASSERT_NOT_EQUAL(digest_after(1, "x"), digest_after(1, "y"));
}

/* --- the script --- */

static struct {
    unsigned runs, begins, ends;
    Nanos began_at, ended_at;
} script;

static void verb_run(World *world, const void *params, const Step *step)
{
    (void)params;
    (void)step;
    script.runs++;
    Request request = {.verb = REQUEST_DELETE, .key = rig_key(world, "nothing"), .grace_s = -1};
    Reply reply = {0};
    world_request(world, &request, &reply);
    EQUAL_INT(reply.reason, REASON_NOT_FOUND);
    reply_clear(&reply);
}

static void *fault_begin(World *world, const void *params, const Step *step)
{
    (void)params;
    (void)step;
    script.begins++;
    script.began_at = world_now(world);
    return g_strdup("state");
}

static void fault_end(World *world, const void *params, void *state)
{
    (void)params;
    EQUAL_TEXT(state, "state");
    g_free(state);
    script.ends++;
    script.ended_at = world_now(world);
}

static const Verb test_verb = {.name = "test", .run = verb_run};
static const Fault test_fault = {.name = "test", .begin = fault_begin, .end = fault_end};

TEST(steps_and_faults_come_in_time)
{
    Scenario scenario = rig_scenario();
    const Step steps[] = {{.at = 2 * NANOS_S, .verb = &test_verb},
                          {.at = 3 * NANOS_S, .fault = &test_fault, .duration = 4 * NANOS_S}};
    scenario.steps = steps;
    scenario.step_count = G_N_ELEMENTS(steps);
    memset(&script, 0, sizeof(script));
    World *world = rig_world(&scenario);
    rig_run(world, 4 * NANOS_S);
    EQUAL_INT(script.runs, 1);
    EQUAL_INT(script.begins, 1);
    EQUAL_INT(script.ends, 0);
    EQUAL_INT(script.began_at, 3 * NANOS_S);
    rig_run(world, 4 * NANOS_S);
    EQUAL_INT(script.ended_at, 7 * NANOS_S);
    world_free(world);
    EQUAL_INT(script.ends, 1);
}

/* One without a duration lasts; its state is given back with the world. */
TEST(a_fault_without_end_is_cleaned_up)
{
    Scenario scenario = rig_scenario();
    const Step steps[] = {{.at = 2 * NANOS_S, .fault = &test_fault}};
    scenario.steps = steps;
    scenario.step_count = G_N_ELEMENTS(steps);
    memset(&script, 0, sizeof(script));
    World *world = rig_world(&scenario);
    EQUAL_INT(world_run(world, NULL, NULL), WORLD_COMPLETE);
    EQUAL_INT(script.begins, 1);
    EQUAL_INT(script.ends, 0);
    world_free(world);
    EQUAL_INT(script.ends, 1);
}

static bool stop_at_once(void *self, const World *world)
{
    (void)world;
    ++*(unsigned *)self;
    return false;
}

TEST(a_run_ends_by_budget_or_wish)
{
    Scenario scenario = rig_scenario();
    scenario.event_budget = 10;
    scenario.cluster.control_plane.controller_managers = 2;
    World *world = world_new(&scenario, 1, NULL);
    EQUAL_INT(world_run(world, NULL, NULL), WORLD_BUDGET);
    EQUAL_INT(sim_events(world_sim(world)), 10);
    world_free(world);

    scenario.event_budget = 0;
    scenario.duration = 1000 * NANOS_HOUR;
    unsigned calls = 0;
    world = world_new(&scenario, 1, NULL);
    EQUAL_INT(world_run(world, stop_at_once, &calls), WORLD_STOPPED);
    EQUAL_INT(calls, 1);
    world_free(world);
}

TEST(nodes_are_named_after_their_group)
{
    const NodeGroup groups[] = {{.name = "single", .count = 1, .zone = "a", .cpu = "4"},
                                {.name = "node", .count = 3, .zone = "b", .memory = "8Gi"}};
    Scenario scenario = rig_scenario();
    scenario.cluster.node_groups = groups;
    scenario.cluster.node_group_count = G_N_ELEMENTS(groups);
    World *world = world_new(&scenario, 1, NULL);
    EQUAL_INT(world_machine_count(world), 4);
    static const char *const names[] = {"single", "node-1", "node-2", "node-3"};
    for (unsigned i = 0; i < 4; i++) {
        Machine *machine = world_machine_at(world, i);
        EQUAL_TEXT(atom_text(world_atoms(world), machine_name(machine)), names[i]);
        CU_ASSERT_PTR_EQUAL(world_machine(world, machine_name(machine)), machine);
    }
    EQUAL_INT(machine_options(world_machine_at(world, 0))->cpu_milli, 4000);
    EQUAL_INT(machine_options(world_machine_at(world, 1))->memory_bytes, INT64_C(8) << 30);
    world_free(world);
}

TEST(the_cluster_has_its_first_objects)
{
    Scenario scenario = rig_scenario();
    g_autoptr(Value) lease = rig_lease("l", "me");
    value_put(&lease, value_string("team"), "metadata", "namespace");
    Manifest manifest = {.kind = KIND_LEASE, .value = lease};
    scenario.manifests = &manifest;
    scenario.manifest_count = 1;
    scenario.cluster.control_plane.controller_managers = 2;
    World *world = rig_world(&scenario);
    static const char *const spaces[] = {"default", "kube-system", "kube-node-lease", "team"};
    for (unsigned i = 0; i < G_N_ELEMENTS(spaces); i++) {
        Key key = {KIND_NAMESPACE, ATOM_NONE, world_atom(world, spaces[i])};
        CU_ASSERT_PTR_NOT_NULL(store_get(world_store(world), key));
    }
    Key own = {KIND_LEASE, world_atom(world, "team"), world_atom(world, "l")};
    CU_ASSERT_PTR_NOT_NULL(store_get(world_store(world), own));
    Key class = {KIND_STORAGE_CLASS, ATOM_NONE, world_atom(world, "standard")};
    const Object *standard = store_get(world_store(world), class);
    CU_ASSERT_FATAL(standard != NULL);
    CU_ASSERT(class_view(standard)->is_default && class_view(standard)->waits_for_consumer);
    CU_ASSERT(process_is_leading(world_process(world, "kube-controller-manager-1")));
    CU_ASSERT(!process_is_leading(world_process(world, "kube-controller-manager-2")));
    world_free(world);
}
