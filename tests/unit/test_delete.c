/* SPDX-License-Identifier: Apache-2.0 */
/* test_delete.c - the verb `delete`: what becomes of the grace. */
#include "models/kind/views.h"
#include "models/world.h"
#include "tests/unit/test.h"

#define SCENARIO                                                                              \
    "apiVersion: kennel/v1\nkind: Scenario\nmetadata: {name: t}\nspec:\n"                     \
    "  cluster: {latency: {imagePull: 1s}}\n  steps: [{at: 1m, delete: {target: pod/a%s}}]\n" \
    "---\n{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, "    \
    "image: \"i:1\"}]}}\n"

/* The grace of the pod just after the step; -1 if it is gone. */
static int64_t grace_after(const char *options)
{
    g_autofree char *text = g_strdup_printf(SCENARIO, options);
    g_autofree char *file = g_build_filename(test_tmp(), "delete.yaml", NULL);
    CHECK(g_file_set_contents(file, text, -1, NULL));
    g_autoptr(GError) error = NULL;
    g_autoptr(ScenarioSet) set = scenario_load(file, NULL, NULL, &error);
    CHECK_THAT(set, "%s", error->message);
    g_autoptr(World) world = world_new(set->variants->pdata[0], 1, NULL);
    sim_run(world_sim(world), NANOS_MIN, 0);
    Key key = {KIND_POD, world_atom(world, "default"), world_atom(world, "a")};
    const Object *pod = store_get(world_store(world), key);
    return pod ? object_meta(pod)->deletion_grace_s : -1;
}

TEST(grace_is_given_as_kubectl_gives_it)
{
    EQUAL_INT(grace_after(""), 30);
    EQUAL_INT(grace_after(", gracePeriodSeconds: 7"), 7);
    EQUAL_INT(grace_after(", gracePeriodSeconds: 0"), 1);
    EQUAL_INT(grace_after(", force: true"), -1);
    EQUAL_INT(grace_after(", force: true, gracePeriodSeconds: 0"), -1);
}
