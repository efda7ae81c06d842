/* SPDX-License-Identifier: Apache-2.0 */
/* Which application a pod runs, and how the stateless one behaves. */
#include "models/app/app.h"

#include "tests/unit/cluster.h"

static const App *stateless(void)
{
    for (unsigned i = 0; scenario_apps[i]; i++)
        if (g_str_equal(scenario_apps[i]->name, "stateless")) return scenario_apps[i];
    return NULL;
}

TEST(first_matching_rule)
{
    g_autoptr(Value) web = value_map(), labels = value_map();
    value_map_set(web, "app", value_string("web"));
    int first = 1, second = 2;
    const App *app = stateless();
    AppRule rules[] = {{web, app, &first}, {NULL, app, &second}};
    Scenario scenario = {.app_rules = rules, .app_rule_count = 2};
    const void *params = NULL;
    CU_ASSERT_PTR_EQUAL(app_of_labels(&scenario, labels, &params), app);
    CU_ASSERT_PTR_EQUAL(params, &second);
    value_map_set(labels, "app", value_string("web"));
    app_of_labels(&scenario, labels, &params);
    CU_ASSERT_PTR_EQUAL(params, &first);
    scenario.app_rule_count = 0;
    CU_ASSERT_PTR_EQUAL(app_of_labels(&scenario, labels, &params), scenario_apps[0]);
    CU_ASSERT_PTR_NULL(params);
}

TEST(stateless_serves_after_its_start_time)
{
    Cluster cluster;
    cluster_open(&cluster, NANOS_S);
    const App *app = stateless();
    g_autofree void *params = g_malloc0(app->params_size);
    g_autoptr(Value) map = value_map();
    value_map_set(map, "start", value_string("3s"));
    value_map_set(map, "stop", value_string("7s"));
    CU_ASSERT_TRUE_FATAL(param_read(app->params, map, params, (ParamPlace){NULL, ""}, NULL));
    AppRun run = {.world = cluster.world,
                  .app = app,
                  .params = params,
                  .started_at = world_now(cluster.world)};
    app->start(&run);
    CU_ASSERT_FALSE(app->probe(&run, PROBE_READINESS));
    CU_ASSERT_TRUE(app->probe(&run, PROBE_LIVENESS));
    EQUAL_INT(app->next_change(&run), run.started_at + 3 * NANOS_S);
    cluster_run(&cluster, 3 * NANOS_S);
    CU_ASSERT_TRUE(app->probe(&run, PROBE_READINESS));
    EQUAL_INT(app->next_change(&run), NANOS_NEVER);
    int code = 1;
    EQUAL_INT(app->stop(&run, &code), 7 * NANOS_S);
    EQUAL_INT(code, 0);
    app->end(&run);
    param_clear(app->params, params);
    cluster_close(&cluster);
}

TEST(stateless_may_ignore_sigterm)
{
    Cluster cluster;
    cluster_open(&cluster, NANOS_S);
    const App *app = stateless();
    g_autofree void *params = g_malloc0(app->params_size);
    g_autoptr(Value) map = value_map();
    value_map_set(map, "ignoresTerm", value_bool(true));
    CU_ASSERT_TRUE_FATAL(param_read(app->params, map, params, (ParamPlace){NULL, ""}, NULL));
    AppRun run = {.world = cluster.world, .app = app, .params = params};
    app->start(&run);
    int code;
    EQUAL_INT(app->stop(&run, &code), NANOS_NEVER);
    app->end(&run);
    param_clear(app->params, params);
    cluster_close(&cluster);
}
