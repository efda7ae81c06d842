/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_classics.c - the classic failures take as long as they do in a real cluster.
 *
 * Each test runs a few seeds of a small cluster with the default latencies, breaks one thing, and
 * compares the times of what follows with the ranges that Kubernetes' own timers give.
 */
#include "models/node/runtime.h"
#include "models/world.h"
#include "tests/unit/test.h"

#define SEEDS 5

#define CLASSIC                                                                                 \
    "apiVersion: kennel/v1\nkind: Scenario\nmetadata: {name: classic}\n"                        \
    "spec: {duration: 10h, cluster: {version: \"%s\", nodes: 4, latency: {imagePull: 1s}, "     \
    "controlPlane: "                                                                            \
    "{controllerManagers: %u}}}\n"                                                              \
    "---\n{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: None, "      \
    "selector: {app: web}, ports: [{port: 80}]}}\n"                                             \
    "---\n{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: web}, spec: {replicas: 3, " \
    "serviceName: web, selector: {matchLabels: {app: web}}, template: {metadata: {labels: "     \
    "{app: web}}, spec: {terminationGracePeriodSeconds: 10, containers: [{name: c, image: "     \
    "\"i:1\", readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 5}, "               \
    "volumeMounts: [{name: d, mountPath: /d}]}]}}, volumeClaimTemplates: [{metadata: {name: "   \
    "d}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}\n"

typedef struct {
    ScenarioSet *set;
    World *world;
    Nanos start;      /* of the fault */
    Machine *machine; /* where web-1 runs */
} Classic;

/* A cluster whose set is Ready; the fault begins at a time that depends on the seed. */
static void classic_open(Classic *classic, const char *version, unsigned managers, uint64_t seed)
{
    g_autofree char *text = g_strdup_printf(CLASSIC, version, managers);
    g_autofree char *file = g_build_filename(test_tmp(), "classic.yaml", NULL);
    CHECK(g_file_set_contents(file, text, -1, NULL));
    g_autoptr(GError) error = NULL;
    *classic = (Classic){.set = scenario_load(file, NULL, NULL, &error)};
    CHECK_THAT(classic->set, "%s", error->message);
    classic->world = world_new(classic->set->variants->pdata[0], seed, NULL);
    sim_run(world_sim(classic->world), 10 * NANOS_MIN + (Nanos)seed * 3700 * NANOS_MS, 0);
    classic->start = world_now(classic->world);
}

static void classic_close(Classic *classic)
{
    world_free(classic->world);
    scenario_set_free(classic->set);
}

static const Object *pod_of(const Classic *classic, const char *name)
{
    World *world = classic->world;
    Key key = {KIND_POD, world_atom(world, "default"), world_atom(world, name)};
    return store_get(world_store(world), key);
}

static Machine *machine_of(const Classic *classic, const char *name)
{
    const Object *pod = pod_of(classic, name);
    CHECK(pod && pod_is_running_and_ready(pod_view(pod)));
    return world_machine(classic->world, pod_view(pod)->spec->node_name);
}

/* --- what is waited for --- */

static bool node_is_unknown(const Classic *classic)
{
    Key key = {KIND_NODE, ATOM_NONE, machine_name(classic->machine)};
    return node_view(store_get(world_store(classic->world), key))->ready == CONDITION_UNKNOWN;
}

static bool node_is_ready(const Classic *classic)
{
    Key key = {KIND_NODE, ATOM_NONE, machine_name(classic->machine)};
    return node_view(store_get(world_store(classic->world), key))->ready == CONDITION_TRUE;
}

static bool pod_is_marked(const Classic *classic)
{
    const Object *pod = pod_of(classic, "web-1");
    return pod && object_is_terminating(pod);
}

static bool pod_is_ready(const Classic *classic)
{
    const Object *pod = pod_of(classic, "web-1");
    return pod && !object_is_terminating(pod) && pod_is_running_and_ready(pod_view(pod));
}

static bool pod_is_absent(const Classic *classic)
{
    return pod_of(classic, "web-1") == NULL;
}

static bool pod_is_present(const Classic *classic)
{
    return !pod_is_absent(classic);
}

/* Runs until it holds; returns the seconds since the fault began, or those of the limit. */
static double when(const Classic *classic, bool (*holds)(const Classic *classic), double limit_s)
{
    Sim *sim = world_sim(classic->world);
    Nanos limit = classic->start + (Nanos)(limit_s * 1e9);
    while (!holds(classic) && sim_now(sim) < limit)
        sim_run(sim, MIN(sim_now(sim) + 50 * NANOS_MS, limit), 0);
    return (double)(sim_now(sim) - classic->start) / 1e9;
}

static void within(double seconds, double least, double most, const char *what, uint64_t seed)
{
    bool ok = seconds >= least && seconds <= most;
    if (!ok || g_getenv("VERBOSE"))
        fprintf(stderr, "\nseed %" PRIu64 ": %s after %.1f s, expected %.0f to %.0f", seed, what,
                seconds, least, most);
    CU_ASSERT(ok);
}

static void force_delete(Classic *classic, const char *name)
{
    World *world = classic->world;
    Request request = {.verb = REQUEST_DELETE,
                       .key = {KIND_POD, world_atom(world, "default"), world_atom(world, name)},
                       .grace_s = 0};
    world_request(world, &request, NULL);
    request_clear(&request);
}

/* --- the classics --- */

static void lose_power(const char *version, double least_s, uint64_t seed)
{
    Classic classic;
    classic_open(&classic, version, 1, seed);
    classic.machine = machine_of(&classic, "web-1");
    machine_power_off(classic.machine);
    within(when(&classic, node_is_unknown, 100), least_s, least_s + 20, "Unknown", seed);
    within(when(&classic, pod_is_marked, 600), least_s + 300, least_s + 325, "eviction", seed);
    when(&classic, pod_is_absent, 900);
    CU_ASSERT(pod_is_marked(&classic));
    force_delete(&classic, "web-1");
    classic.start = world_now(classic.world);
    within(when(&classic, pod_is_ready, 900), 365, 395, "replacement Ready", seed);
    CU_ASSERT(machine_of(&classic, "web-1") != classic.machine);
    classic_close(&classic);
}

TEST(power_loss_of_a_node)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        lose_power("1.36", 40, seed);
        lose_power("1.31", 30, seed);
    }
}

TEST(partition_healed_before_eviction)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        Classic classic;
        classic_open(&classic, "1.36", 1, seed);
        classic.machine = machine_of(&classic, "web-1");
        Atom uid = pod_of(&classic, "web-1")->uid;
        process_cut(machine_kubelet(classic.machine), true, true);
        when(&classic, pod_is_absent, 200);
        CU_ASSERT(!pod_is_ready(&classic));
        process_heal(machine_kubelet(classic.machine));
        classic.start = world_now(classic.world);
        within(when(&classic, pod_is_ready, 300), 0, 90, "Ready after healing", seed);
        when(&classic, pod_is_marked, 900);
        CU_ASSERT(pod_is_ready(&classic) && pod_of(&classic, "web-1")->uid == uid);
        EQUAL_INT(pod_view(pod_of(&classic, "web-1"))->restarts, 0);
        classic_close(&classic);
    }
}

TEST(reboot_before_eviction)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        Classic classic;
        classic_open(&classic, "1.36", 1, seed);
        classic.machine = machine_of(&classic, "web-1");
        const Object *before = object_ref(pod_of(&classic, "web-1"));
        machine_power_off(classic.machine);
        when(&classic, pod_is_absent, 120);
        CU_ASSERT(!pod_is_ready(&classic));
        machine_power_on(classic.machine);
        when(&classic, pod_is_ready, 400);
        const Object *after = pod_of(&classic, "web-1");
        CU_ASSERT_FATAL(after && pod_is_ready(&classic));
        CU_ASSERT(after->uid == before->uid);
        EQUAL_INT(pod_view(after)->restarts, 1);
        CU_ASSERT(pod_view(after)->pod_ip != pod_view(before)->pod_ip);
        when(&classic, pod_is_marked, 900);
        CU_ASSERT(pod_is_ready(&classic));
        object_unref(before);
        classic_close(&classic);
    }
}

static bool anything_but_ready(const Classic *classic)
{
    return !node_is_ready(classic) || !pod_is_ready(classic);
}

/* From 1.35 on readiness survives it as well. */
TEST(short_crash_of_a_kubelet)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        Classic classic;
        classic_open(&classic, "1.36", 1, seed);
        classic.machine = machine_of(&classic, "web-1");
        Runtime *runtime = machine_runtime(classic.machine);
        const Sandbox *sandbox = runtime_sandbox(runtime, pod_of(&classic, "web-1")->uid);
        Nanos started_at = ((const Container *)sandbox->containers->pdata[0])->started_at;
        process_crash(machine_kubelet(classic.machine), "test");
        when(&classic, anything_but_ready, 30);
        process_start(machine_kubelet(classic.machine));
        within(when(&classic, anything_but_ready, 300), 300, 300, "not Ready", seed);
        EQUAL_INT(((const Container *)sandbox->containers->pdata[0])->started_at, started_at);
        EQUAL_INT(pod_view(pod_of(&classic, "web-1"))->restarts, 0);
        classic_close(&classic);
    }
}

/* What a dead controller manager leaves undone is done when another leads, or itself again: 15 s
 * after that one last saw the lease renewed, which it looks at every 2 to 4.4 s. */
TEST(crash_of_the_controller_manager)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        for (unsigned managers = 1; managers <= 2; managers++) {
            Classic classic;
            classic_open(&classic, "1.36", managers, seed);
            Process *leader = world_process(classic.world, "kube-controller-manager-1");
            CU_ASSERT(process_is_leading(leader));
            process_crash(leader, "test");
            if (managers == 1) process_start(leader);
            force_delete(&classic, "web-1");
            within(when(&classic, pod_is_present, 60), 13, 25, "a new leader acts", seed);
            classic_close(&classic);
        }
}
