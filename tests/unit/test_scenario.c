/* SPDX-License-Identifier: Apache-2.0 */
/* Reading scenarios: variants, parameters, overrides, and what is said about wrong ones. */
#include "models/scenario.h"
#include "tests/unit/test.h"

#define HEAD "apiVersion: kennel/v1\nkind: Scenario\nmetadata: {name: t}\nspec:\n  duration: 10m\n"
#define SET                                                                       \
    "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}\nspec:\n" \
    "  serviceName: web\n  replicas: 3\n  selector: {matchLabels: {app: web}}\n"  \
    "  template:\n    metadata: {labels: {app: web}}\n"                           \
    "    spec: {containers: [{name: c, image: i:1}]}\n"
#define SERVICE                                                   \
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n" \
    "spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}\n"

static ScenarioSet *load(const char *text, const char *const *sets, GError **error)
{
    g_autofree char *path = g_build_filename(test_tmp(), "scenario.yaml", NULL);
    CHECK(g_file_set_contents(path, text, -1, NULL));
    g_autoptr(GError) unwanted = NULL;
    ScenarioSet *set = scenario_load(path, ".", sets, error ? error : &unwanted);
    CHECK_THAT(set || error, "%s", unwanted->message);
    return set;
}

static const Scenario *only(const ScenarioSet *set)
{
    CHECK(set && set->variants->len == 1);
    return set->variants->pdata[0];
}

TEST(defaults_are_filled_in)
{
    g_autoptr(ScenarioSet) set = load(HEAD SET SERVICE, NULL, NULL);
    const Scenario *scenario = only(set);
    EQUAL_INT(scenario->cluster.minor, 36);
    EQUAL_INT(scenario->cluster.node_group_count, 3);
    EQUAL_TEXT(scenario->cluster.node_groups[2].name, "node-3");
    EQUAL_INT(scenario->duration, 10 * NANOS_MIN);
    EQUAL_INT(scenario->cluster.control_plane.toleration, 300 * NANOS_S);
    EQUAL_INT(set->warnings->len, 0);
    EQUAL_INT(scenario->manifest_count, 3); /* with the class `standard` */
}

TEST(vary_makes_the_product)
{
    g_autoptr(ScenarioSet) set =
        load(HEAD "  vary: {size: [1, 2, 3], p: [{name: fast, d: 5s}, {name: slow, "
                  "d: 7s}]}\n  cluster: {nodes: '${size}', latency: "
                  "{attach: '${p.d}'}}\n",
             NULL, NULL);
    CU_ASSERT_FATAL(set != NULL);
    EQUAL_INT(set->variants->len, 6);
    const Scenario *last = set->variants->pdata[5];
    EQUAL_TEXT(last->variant, "p=slow size=3");
    EQUAL_INT(last->cluster.node_group_count, 3);
    EQUAL_INT(last->cluster.latency.attach.a, 7 * NANOS_S);
}

TEST(set_overrides_paths_and_picks_variants)
{
    const char *const sets[] = {"p=slow", "cluster.nodes=4", "spec.seed=9", NULL};
    g_autoptr(ScenarioSet) set =
        load(HEAD "  vary: {p: [{name: fast}, {name: slow}]}\n", sets, NULL);
    const Scenario *scenario = only(set);
    EQUAL_TEXT(scenario->variant, "p=slow");
    EQUAL_INT(scenario->cluster.node_group_count, 4);
    EQUAL_INT(scenario->seed, 9);
}

TEST(set_takes_a_release_as_text)
{
    static const char *const ways[] = {"cluster.version=1.30", "cluster.version='1.30'",
                                       "spec.cluster.version=\"1.30\""};
    for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
        const char *const sets[] = {ways[i], NULL};
        g_autoptr(ScenarioSet) set = load(HEAD, sets, NULL);
        EQUAL_INT(only(set)->cluster.minor, 30);
    }
}

TEST(misspelt_fields_of_workloads_are_named)
{
    g_autoptr(ScenarioSet) set =
        load(HEAD SERVICE "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}\n"
                          "spec:\n  serviceName: web\n  replcas: 3\n"
                          "  selector: {matchLabels: {app: web}}\n"
                          "  template:\n    metadata: {labels: {app: web}}\n"
                          "    spec: {containers: [{name: c, image: i:1}]}\n",
             NULL, NULL);
    CU_ASSERT_FATAL(set != NULL && set->warnings->len == 1);
    CU_ASSERT(strstr(set->warnings->pdata[0], "did you mean 'replicas'?") != NULL);
}

TEST(substitution_keeps_shell_dollars)
{
    g_autoptr(ScenarioSet) set =
        load(HEAD "  description: 'a $${b} ${size}'\n  vary: {size: [1]}\n", NULL, NULL);
    EQUAL_TEXT(only(set)->description, "a ${b} 1");
}

TEST(same_text_same_digest)
{
    g_autoptr(ScenarioSet) a = load(HEAD SET, NULL, NULL);
    g_autoptr(ScenarioSet) b = load(HEAD SET, NULL, NULL);
    g_autoptr(ScenarioSet) c = load(HEAD SET "# a comment\n", NULL, NULL);
    EQUAL_TEXT(only(a)->digest, only(b)->digest);
    CU_ASSERT(strcmp(only(a)->digest, only(c)->digest) != 0);
}

TEST(missing_service_is_a_warning)
{
    g_autoptr(ScenarioSet) set = load(HEAD SET, NULL, NULL);
    CU_ASSERT_FATAL(set != NULL && set->warnings->len == 1);
    CU_ASSERT(strstr(set->warnings->pdata[0], "names of its pods will not resolve") != NULL);
}

TEST(foreign_kinds_are_named_once)
{
    const char *text = HEAD "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
                            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n";
    g_autoptr(ScenarioSet) set = load(text, NULL, NULL);
    CU_ASSERT_FATAL(set != NULL && set->warnings->len == 1);
    CU_ASSERT(strstr(set->warnings->pdata[0], "ConfigMap") != NULL);
}

TEST(steps_are_sorted_by_time)
{
    g_autoptr(ScenarioSet) set =
        load(HEAD "  steps:\n  - {at: 5m, scale: {target: sts/web, replicas: 5}}\n"
                  "  - {at: 1m, delete: {target: pod/web-4}}\n" SET SERVICE,
             NULL, NULL);
    const Scenario *scenario = only(set);
    EQUAL_INT(scenario->step_count, 2);
    EQUAL_TEXT(scenario->steps[0].verb->name, "delete");
    EQUAL_TEXT(scenario->steps[1].verb->name, "scale");
}

/* What a step applies may be meant by others, and its replicas count. */
TEST(steps_may_mean_what_is_applied_later)
{
    g_autoptr(ScenarioSet) set =
        load(HEAD "  steps:\n  - {at: 1m, apply: {manifests: [{apiVersion: apps/v1, kind: "
                  "StatefulSet, metadata: {name: new}, spec: {replicas: 5, selector: {matchLabels: "
                  "{app: new}}, template: {metadata: {labels: {app: new}}, spec: {containers: "
                  "[{name: c, image: i}]}}}}]}}\n"
                  "  - {at: 2m, delete: {target: pod/new-4}}\n"
                  "  - {at: 3m, scale: {target: statefulset/new, replicas: 7}}\n"
                  "  - {at: 4m, delete: {target: pod/new-6}}\n",
             NULL, NULL);
    EQUAL_INT(only(set)->step_count, 4);
}

TEST(profiles_fill_latencies)
{
    g_autoptr(ScenarioSet) set =
        load(HEAD "  cluster: {profile: instant, latency: {attach: 3s}}\n", NULL, NULL);
    const Scenario *scenario = only(set);
    EQUAL_INT(scenario->cluster.latency.detach.a, NANOS_MS);
    EQUAL_INT(scenario->cluster.latency.attach.a, 3 * NANOS_S);
}

static const struct {
    const char *text, *message;
} wrong[] = {
    {"a: 1\n", "no document with apiVersion kennel/v1"},
    {HEAD "---\n" HEAD, "second Scenario"},
    {"apiVersion: kennel/v2\nkind: Scenario\nmetadata: {name: t}\nspec: {}\n", "reads kennel/v1"},
    {"apiVersion: kennel/v1\nkind: Scenario\nmetadata: {name: t}\nsepc: {}\n",
     ":4: unknown key 'sepc', did you mean 'spec'?"},
    {"apiVersion: kennel/v1\nkind: Scenario\nspec: {duration: 1m}\n", "metadata.name"},
    {HEAD "  clutser: {}\n", "did you mean 'cluster'"},
    {HEAD "  cluster: {nodes: none}\n", "number from 1 to 100000"},
    {HEAD "  cluster: {nodes: [{name: a}, {name: a}]}\n", "second group is named 'a'"},
    {HEAD "  cluster: {version: '1.12'}\n", "not simulated"},
    {HEAD "  cluster: {featureGates: {MaxUnavailableStatefulSe: true}}\n",
     "did you mean 'MaxUnavailableStatefulSet'"},
    {HEAD "  cluster: {latency: {attach: 'lognrmal(1s, 2s)'}}\n", "did you mean 'lognormal'"},
    {HEAD "  cluster: {profile: slow}\n", "profiles/slow.yaml"},
    {HEAD "  manifests: [nowhere.yaml]\n", "there is no file"},
    {HEAD "  steps: [{at: 1m}]\n", "exactly one thing"},
    {HEAD "  steps: [{at: 1m, scael: {}}]\n", "did you mean 'scale'"},
    {HEAD "  steps: [{at: 20m, delete: {target: pod/web-0}}]\n" SET, "after the end"},
    {HEAD "  steps: [{at: 1m, delete: {target: pod/web-7}}]\n" SET, "no Pod 'web-7'"},
    {HEAD "  steps: [{at: 1m, scale: {target: web, replicas: 2}}]\n" SET, "write KIND/NAME"},
    {HEAD "  steps: [{at: 1m, scale: {target: sts/wbe, replicas: 2}}]\n" SET,
     "no StatefulSet 'wbe'"},
    {HEAD "  steps: [{at: 1m, scale: {target: sts/web}}]\n" SET, "replicas"},
    {HEAD "  steps: [{at: 1m, inject: {action: node-stp, selector: {node: node-1}}}]\n",
     "did you mean 'node-stop'"},
    {HEAD "  steps: [{at: 1m, inject: {action: node-stop, selector: {node: node-9}}}]\n",
     "no node 'node-9'"},
    {HEAD "  steps: [{at: 1m, inject: {action: node-stop, selector: {pod: web-3}}}]\n" SET,
     "no manifest makes a pod 'web-3'"},
    {HEAD "  steps: [{at: 1m, inject: {action: node-stop, selector: {labelSelectors: {a: b}}}}]\n",
     "has pods with these labels"},
    {HEAD "  steps: [{at: 1m, inject: {action: watch-delay, process: kube-schedule, delay: 1s}}]\n",
     "did you mean 'kube-scheduler'"},
    {HEAD "  applications: [{model: statless}]\n", "did you mean 'stateless'"},
    {HEAD "  expect: {guarantees: {dns: maybe}}\n", "must be held, violated"},
    {HEAD "  vary: {size: []}\n", "at least one value"},
    {HEAD "  description: '${m}'\n  vary: {size: [1]}\n", "'${m}' names no parameter"},
    {HEAD SET SET, "two documents of StatefulSet 'web'"},
    {HEAD "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c}\nspec:\n"
          "  storageClassName: gold\n  accessModes: [ReadWriteOnce]\n"
          "  resources: {requests: {storage: 1Gi}}\n",
     "asks for class 'gold'"},
    {HEAD "---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web}\nspec: {replicas: "
          "-1}\n",
     "spec.replicas: Invalid value: -1"},
};

TEST(wrong_scenarios_say_where_and_what)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        GError *error = NULL;
        ScenarioSet *set = load(wrong[i].text, NULL, &error);
        CU_ASSERT(set == NULL);
        CU_ASSERT(!error || error->code == KENNEL_ERROR_INPUT);
        ERROR_CONTAINS(error, wrong[i].message);
        scenario_set_free(set);
    }
}

TEST(messages_name_file_and_line)
{
    GError *error = NULL;
    CU_ASSERT(load(HEAD "  steps:\n  - at: 1m\n    scael: {}\n", NULL, &error) == NULL);
    ERROR_CONTAINS(error, "scenario.yaml:8: spec.steps[0].scael:");
}
