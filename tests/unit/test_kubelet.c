/* SPDX-License-Identifier: Apache-2.0 */
/* kubelet, a pod's life on a node: start, probes, termination, crashes, a kubelet that restarts. */
#include "tests/unit/cluster.h"

#define PROBES                                                               \
    "    readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 5}\n" \
    "    livenessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 5}\n"

static const Value *condition(const Object *pod, const char *type)
{
    const Value *list = value_find(pod->value, "status", "conditions");
    value_each (i, list)
        if (g_str_equal(value_text(value_at(list, i), "type"), type)) return value_at(list, i);
    return NULL;
}

static Container *container_of(const Cluster *cluster, const char *node, const char *pod)
{
    Runtime *runtime = machine_runtime(cluster_machine(cluster, node));
    const Object *object = cluster_get(cluster, KIND_POD, pod);
    const Sandbox *sandbox = object ? runtime_sandbox(runtime, object->uid) : NULL;
    return sandbox ? sandbox_container(sandbox, world_atom(cluster->world, "web")) : NULL;
}

TEST(pod_without_probes_is_ready_as_soon_as_it_runs)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_pod(&cluster, "web-0", "node-1", NULL, NULL);
    cluster_run(&cluster, 5 * NANOS_MIN);
    const Object *pod = cluster_get(&cluster, KIND_POD, "web-0");
    EQUAL_TEXT(cluster_phase(&cluster, KIND_POD, "web-0"), "Running");
    static const char *const types[] = {"PodScheduled", "PodReadyToStartContainers", "Initialized",
                                        "ContainersReady", "Ready"};
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++)
        EQUAL_TEXT(value_text(condition(pod, types[i]), "status"), "True");
    CU_ASSERT_PTR_NULL(value_get(condition(pod, "Ready"), "reason"));
    CU_ASSERT_TRUE(pod_view(pod)->pod_ip != ATOM_NONE);
    EQUAL_INT(pod_view(pod)->containers_running, 1);
    cluster_close(&cluster);
}

TEST(readiness_follows_the_application)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_pod(&cluster, "warm", "node-1", NULL, NULL); /* pulls the image */
    cluster_run(&cluster, 5 * NANOS_MIN);
    cluster_pod(&cluster, "web-0", "node-1", NULL, PROBES);
    while (!container_of(&cluster, "node-1", "web-0"))
        cluster_run(&cluster, 10 * NANOS_MS);
    CU_ASSERT_FALSE(cluster_is_ready(&cluster, "web-0"));
    const Container *container = container_of(&cluster, "node-1", "web-0");
    while (!container->is_serving)
        cluster_run(&cluster, 10 * NANOS_MS);
    Nanos serving = world_now(cluster.world);
    while (!cluster_is_ready(&cluster, "web-0"))
        cluster_run(&cluster, 10 * NANOS_MS);
    Nanos delay = world_now(cluster.world) - serving;
    CU_ASSERT_TRUE(delay <= 7 * NANOS_S); /* the period, and the writes */
    EQUAL_INT(pod_view(cluster_get(&cluster, KIND_POD, "web-0"))->restarts, 0);
    cluster_close(&cluster);
}

TEST(idle_pods_cost_no_events)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_MIN);
    uint64_t without = cluster_run(&cluster, 30 * NANOS_MIN);
    for (unsigned i = 0; i < 6; i++) {
        g_autofree char *name = g_strdup_printf("web-%u", i);
        cluster_pod(&cluster, name, i % 2 ? "node-1" : "node-2", NULL, PROBES);
    }
    cluster_run(&cluster, 5 * NANOS_MIN);
    CU_ASSERT_TRUE(cluster_is_ready(&cluster, "web-5"));
    uint64_t with = cluster_run(&cluster, 30 * NANOS_MIN);
    CU_ASSERT_TRUE(with < without + 50);
    cluster_close(&cluster);
}

TEST(graceful_deletion_ends_succeeded_and_removes_the_pod)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_pod(&cluster, "web-0", "node-1", NULL, NULL);
    cluster_run(&cluster, 5 * NANOS_MIN);
    cluster_delete(&cluster, KIND_POD, "web-0", -1);
    bool was_succeeded = false;
    for (unsigned i = 0; i < 5000 && cluster_get(&cluster, KIND_POD, "web-0"); i++) {
        cluster_run(&cluster, 1 * NANOS_MS);
        was_succeeded |= g_str_equal(cluster_phase(&cluster, KIND_POD, "web-0"), "Succeeded");
    }
    CU_ASSERT_TRUE(was_succeeded);
    CU_ASSERT_PTR_NULL(cluster_get(&cluster, KIND_POD, "web-0"));
    CU_ASSERT_FALSE(cluster_runs(&cluster, "node-1", "web-0"));
    cluster_close(&cluster);
}

/* The answer to a status write shows the deletion before the watch tells of it. */
TEST(a_deletion_is_heard_although_its_version_is_known)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_pod(&cluster, "web-0", "node-1", NULL, NULL);
    cluster_run(&cluster, 5 * NANOS_MIN);
    Machine *machine = cluster_machine(&cluster, "node-1");
    process_delay_watch(machine_kubelet(machine), KIND_POD, 20 * NANOS_S);
    cluster_delete(&cluster, KIND_POD, "web-0", -1);
    Sandbox *sandbox = runtime_sandbox_at(machine_runtime(machine), 0);
    runtime_exit_container((Container *)sandbox->containers->pdata[0], 1);
    cluster_run(&cluster, 15 * NANOS_S);
    CU_ASSERT_TRUE(cluster_runs(&cluster, "node-1", "web-0"));
    cluster_run(&cluster, 15 * NANOS_S);
    CU_ASSERT_FALSE(cluster_runs(&cluster, "node-1", "web-0"));
    CU_ASSERT_PTR_NULL(cluster_get(&cluster, KIND_POD, "web-0"));
    cluster_close(&cluster);
}

/* The status manager writes for one pod at a time; one that is gone when its turn comes passes the
 * turn on. */
TEST(a_pod_that_is_gone_passes_its_turn_on)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    static const char *const names[] = {"web-0", "web-1", "web-2"};
    for (unsigned i = 0; i < 3; i++)
        cluster_pod(&cluster, names[i], "node-1", NULL, NULL);
    cluster_run(&cluster, 5 * NANOS_MIN);
    cluster.scenario.cluster.latency.api_write = dist_constant(20 * NANOS_S);
    const Runtime *runtime = machine_runtime(cluster_machine(&cluster, "node-1"));
    for (unsigned i = 0; i < 3; i++) {
        const Object *pod = cluster_get(&cluster, KIND_POD, names[i]);
        Sandbox *sandbox = runtime_sandbox(runtime, pod->uid);
        runtime_exit_container((Container *)sandbox->containers->pdata[0], 1);
        cluster_run(&cluster, 3 * NANOS_S);
    }
    cluster_delete(&cluster, KIND_POD, "web-0", 0);
    cluster_delete(&cluster, KIND_POD, "web-1", 0);
    cluster_run(&cluster, 3 * NANOS_MIN);
    EQUAL_INT(pod_view(cluster_get(&cluster, KIND_POD, "web-2"))->restarts, 1);
    cluster_close(&cluster);
}

TEST(force_deleted_pod_goes_on_until_the_kubelet_hears)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_pod(&cluster, "web-0", "node-1", NULL, NULL);
    cluster_run(&cluster, 5 * NANOS_MIN);
    Process *kubelet = machine_kubelet(cluster_machine(&cluster, "node-1"));
    process_cut(kubelet, true, true);
    cluster_delete(&cluster, KIND_POD, "web-0", 0);
    CU_ASSERT_PTR_NULL(cluster_get(&cluster, KIND_POD, "web-0"));
    cluster_run(&cluster, 10 * NANOS_MIN);
    CU_ASSERT_TRUE(cluster_runs(&cluster, "node-1", "web-0"));
    /* a second incarnation beside the first, on another node */
    cluster_pod(&cluster, "web-0", "node-2", NULL, NULL);
    cluster_run(&cluster, 5 * NANOS_MIN);
    CU_ASSERT_TRUE(cluster_runs(&cluster, "node-1", "web-0"));
    CU_ASSERT_TRUE(cluster_runs(&cluster, "node-2", "web-0"));
    process_heal(kubelet);
    cluster_run(&cluster, 2 * NANOS_MIN);
    CU_ASSERT_FALSE(cluster_runs(&cluster, "node-1", "web-0"));
    CU_ASSERT_TRUE(cluster_is_ready(&cluster, "web-0"));
    cluster_close(&cluster);
}

TEST(restarted_kubelet_adopts_containers)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_pod(&cluster, "web-0", "node-1", NULL, PROBES);
    cluster_run(&cluster, 5 * NANOS_MIN);
    Container *container = container_of(&cluster, "node-1", "web-0");
    CU_ASSERT_PTR_NOT_NULL_FATAL(container);
    Nanos started_at = container->started_at;
    int64_t version = cluster_get(&cluster, KIND_POD, "web-0")->version;
    Process *kubelet = machine_kubelet(cluster_machine(&cluster, "node-1"));
    process_crash(kubelet, "test");
    cluster_run(&cluster, 10 * NANOS_S);
    process_start(kubelet);
    cluster_run(&cluster, 2 * NANOS_MIN);
    EQUAL_INT(container_of(&cluster, "node-1", "web-0")->started_at, started_at);
    EQUAL_INT(cluster_get(&cluster, KIND_POD, "web-0")->version, version);
    cluster_delete(&cluster, KIND_POD, "web-0", -1);
    cluster_run(&cluster, 10 * NANOS_S);
    CU_ASSERT_PTR_NULL(cluster_get(&cluster, KIND_POD, "web-0"));
    cluster_close(&cluster);
}

/* First restart at once, then 10, 20, 40 s after the exit (more by the jitter of the wake-up). */
TEST(crash_back_off)
{
    static const int64_t waits_s[] = {0, 10, 20, 40};
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_pod(&cluster, "web-0", "node-1", NULL, NULL);
    cluster_run(&cluster, 5 * NANOS_MIN);
    for (unsigned i = 0; i < G_N_ELEMENTS(waits_s); i++) {
        Container *container = container_of(&cluster, "node-1", "web-0");
        CU_ASSERT_TRUE_FATAL(container && container->is_running);
        Nanos exit_at = world_now(cluster.world);
        runtime_exit_container(container, 1);
        while (!container->is_running)
            cluster_run(&cluster, 10 * NANOS_MS);
        Nanos wait = world_now(cluster.world) - exit_at;
        CU_ASSERT_TRUE(wait >= waits_s[i] * NANOS_S);
        CU_ASSERT_TRUE(wait <= waits_s[i] * NANOS_S * 3 / 2 + 8 * NANOS_S);
        EQUAL_INT(container->restarts, i + 1);
    }
    cluster_run(&cluster, 1 * NANOS_MIN);
    EQUAL_TEXT(cluster_phase(&cluster, KIND_POD, "web-0"), "Running");
    cluster_close(&cluster);
}

TEST(status_is_pushed_again_after_somebody_else_wrote_it)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_pod(&cluster, "web-0", "node-1", NULL, NULL);
    cluster_run(&cluster, 5 * NANOS_MIN);
    const char *text = "{status: {conditions: [{type: Ready, status: 'False'}]}}";
    g_autoptr(YamlStream) stream = yaml_parse(text, strlen(text), "test", NULL);
    Request request = {.verb = REQUEST_PATCH_STATUS,
                       .key = cluster_key(&cluster, KIND_POD, "web-0"),
                       .body = value_ref(yaml_at(stream, 0)->value),
                       .patch = PATCH_STRATEGIC};
    world_request(cluster.world, &request, NULL);
    request_clear(&request);
    CU_ASSERT_FALSE(cluster_is_ready(&cluster, "web-0"));
    cluster_run(&cluster, 15 * NANOS_S);
    CU_ASSERT_TRUE(cluster_is_ready(&cluster, "web-0"));
    cluster_close(&cluster);
}

TEST(job_like_pod_completes)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_apply(&cluster,
                  "apiVersion: v1\nkind: Pod\nmetadata: {name: once, namespace: default}\n"
                  "spec:\n  nodeName: node-1\n  restartPolicy: Never\n  initContainers:\n"
                  "  - {name: prepare, image: 'busybox:1'}\n  containers:\n"
                  "  - {name: web, image: 'busybox:1'}\n");
    cluster_run(&cluster, 8 * NANOS_MIN);
    EQUAL_TEXT(cluster_phase(&cluster, KIND_POD, "once"), "Running");
    runtime_exit_container(container_of(&cluster, "node-1", "once"), 3);
    cluster_run(&cluster, 10 * NANOS_S);
    EQUAL_TEXT(cluster_phase(&cluster, KIND_POD, "once"), "Failed");
    cluster_close(&cluster);
}
