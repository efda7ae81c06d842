/* SPDX-License-Identifier: Apache-2.0 */
/* The Deployment controller: single decisions, and rollouts with the ReplicaSet controller. */
#include "tests/unit/desk.h"
#include "tests/unit/test.h"

#define DEPLOYMENT(replicas, image, strategy)                                                 \
    "apiVersion: apps/v1\nkind: Deployment\n"                                                 \
    "metadata: {name: web, namespace: default, uid: dep-u, generation: 1}\n"                  \
    "spec: {replicas: " replicas ", selector: {matchLabels: {app: web}}, strategy: " strategy \
    ",\n  template: {metadata: {labels: {app: web}},\n"                                       \
    "    spec: {containers: [{name: m, image: '" image "'}]}}}\n"

#define ROLLING  "{type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}"
#define RECREATE "{type: Recreate}"

TEST(the_first_set_gets_all_replicas)
{
    Desk desk;
    desk_open(&desk, &deployment_component, 36);
    desk_put(&desk, DEPLOYMENT("3", "x:1", ROLLING));
    g_autofree char *text = desk_sync(&desk, KIND_DEPLOYMENT, "web");
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "create ReplicaSet default/web-"));
    desk_close(&desk);
}

/* --- a world with both controllers and a kubelet that makes every pod ready --- */

typedef struct {
    Scenario scenario;
    World *world;
    unsigned most, least; /* pods, and ready pods, seen while rolling */
    bool is_watching;
} Town;

static Key town_key(const Town *town, Kind kind, const char *name)
{
    return (Key){kind, world_atom(town->world, "default"), world_atom(town->world, name)};
}

static const DeploymentView *town_view(const Town *town)
{
    return deployment_view(
        store_get(world_store(town->world), town_key(town, KIND_DEPLOYMENT, "web")));
}

static void count(Town *town)
{
    ObjectList pods = table_kind(store_table(world_store(town->world)), KIND_POD);
    unsigned ready = 0, active = 0;
    for (unsigned i = 0; i < pods.count; i++) {
        if (object_is_terminating(pods.items[i])) continue;
        active++;
        ready += pod_view(pods.items[i])->ready == CONDITION_TRUE;
    }
    town->most = MAX(town->most, active);
    town->least = MIN(town->least, ready);
}

static void on_commit(void *self, const Change *change)
{
    Town *town = self;
    if (town->is_watching && change->now->key.kind == KIND_POD) count(town);
}

/* Pods become ready, except of one image; what terminates goes. */
static void kubelet_round(Town *town, const char *broken)
{
    ObjectList pods = table_kind(store_table(world_store(town->world)), KIND_POD);
    g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(Key));
    for (unsigned i = 0; i < pods.count; i++)
        g_array_append_val(keys, pods.items[i]->key);
    for (guint i = 0; i < keys->len; i++) {
        const Object *pod = store_get(world_store(town->world), g_array_index(keys, Key, i));
        const Value *container = value_at(value_find(pod->value, "spec", "containers"), 0);
        if (object_is_terminating(pod)) {
            store_remove(world_store(town->world), pod->key);
            continue;
        }
        if (!strcmp(value_text(container, "image"), broken)) continue;
        g_autoptr(Value) status = value_from(
            "{phase: Running, conditions: [{type: Ready, status: 'True', lastTransitionTime: "
            "'2026-01-01T00:00:00Z'}]}");
        Value *value = value_ref(pod->value);
        value_put(&value, value_string("n1"), "spec", "nodeName");
        value_put(&value, value_ref(status), "status");
        store_put(world_store(town->world), pod->key, value);
    }
}

static void town_live(Town *town, unsigned rounds, const char *broken)
{
    for (unsigned i = 0; i < rounds; i++) {
        rig_run(town->world, 3 * NANOS_S);
        kubelet_round(town, broken);
    }
    rig_run(town->world, 3 * NANOS_S);
}

static void town_put(Town *town, const char *yaml, int generation)
{
    Value *value = value_from(yaml);
    kind_info(KIND_DEPLOYMENT)->defaults(&value);
    Key key = town_key(town, KIND_DEPLOYMENT, "web");
    const Object *old = store_get(world_store(town->world), key);
    value_put(&value, value_int(generation), "metadata", "generation");
    if (old && value_get(old->value, "status"))
        value_put(&value, value_ref(value_get(old->value, "status")), "status");
    if (old && value_find(old->value, "metadata", "annotations"))
        value_put(&value, value_ref(value_find(old->value, "metadata", "annotations")), "metadata",
                  "annotations");
    store_put(world_store(town->world), key, value);
}

static void town_open(Town *town)
{
    *town = (Town){.scenario = rig_scenario(), .least = 99};
    town->world = rig_world(&town->scenario);
    const Component *const components[] = {&deployment_component, &replicaset_component, NULL};
    ProcessOptions options = {.name = "kcm", .role = ROLE_CONTROLLER_MANAGER};
    process_start(process_new_of(town->world, &options, components));
    store_listen(world_store(town->world), (StoreListener){on_commit, town});
}

static unsigned pods_of_image(const Town *town, const char *image)
{
    unsigned found = 0;
    ObjectList pods = table_kind(store_table(world_store(town->world)), KIND_POD);
    for (unsigned i = 0; i < pods.count; i++) {
        const Value *container =
            value_at(value_find(pods.items[i]->value, "spec", "containers"), 0);
        found +=
            !object_is_terminating(pods.items[i]) && !strcmp(value_text(container, "image"), image);
    }
    return found;
}

TEST(a_rolling_update_keeps_its_budget)
{
    Town town;
    town_open(&town);
    town_put(&town, DEPLOYMENT("4", "x:1", ROLLING), 1);
    town_live(&town, 6, "");
    EQUAL_INT(pods_of_image(&town, "x:1"), 4);
    EQUAL_INT(town_view(&town)->available, 4);

    town.is_watching = true;
    town_put(&town, DEPLOYMENT("4", "x:2", ROLLING), 2);
    town_live(&town, 20, "");
    EQUAL_INT(pods_of_image(&town, "x:2"), 4);
    EQUAL_INT(pods_of_image(&town, "x:1"), 0);
    EQUAL_INT(town_view(&town)->updated, 4);
    CU_ASSERT_TRUE(town.most <= 5);
    CU_ASSERT_TRUE(town.least >= 3);
    world_free(town.world);
}

TEST(a_broken_image_leaves_the_old_pods_and_a_revert_heals)
{
    Town town;
    town_open(&town);
    town_put(&town, DEPLOYMENT("4", "x:1", ROLLING), 1);
    town_live(&town, 6, "");
    town_put(&town, DEPLOYMENT("4", "bad", ROLLING), 2);
    town_live(&town, 12, "bad");
    CU_ASSERT_TRUE(pods_of_image(&town, "x:1") >= 3);
    town_put(&town, DEPLOYMENT("4", "x:1", ROLLING), 3);
    town_live(&town, 16, "bad");
    EQUAL_INT(pods_of_image(&town, "x:1"), 4);
    EQUAL_INT(pods_of_image(&town, "bad"), 0);
    world_free(town.world);
}

TEST(recreate_never_mixes_revisions)
{
    Town town;
    town_open(&town);
    town_put(&town, DEPLOYMENT("3", "x:1", RECREATE), 1);
    town_live(&town, 6, "");
    town.is_watching = true;
    town_put(&town, DEPLOYMENT("3", "x:2", RECREATE), 2);
    town_live(&town, 12, "");
    EQUAL_INT(pods_of_image(&town, "x:2"), 3);
    EQUAL_INT(town.least, 0);
    CU_ASSERT_TRUE(town.most <= 3);
    world_free(town.world);
}

TEST(scaling_reaches_the_size)
{
    Town town;
    town_open(&town);
    town_put(&town, DEPLOYMENT("2", "x:1", ROLLING), 1);
    town_live(&town, 6, "");
    town_put(&town, DEPLOYMENT("5", "x:1", ROLLING), 2);
    town_live(&town, 8, "");
    EQUAL_INT(pods_of_image(&town, "x:1"), 5);
    town_put(&town, DEPLOYMENT("1", "x:1", ROLLING), 3);
    town_live(&town, 8, "");
    EQUAL_INT(pods_of_image(&town, "x:1"), 1);
    world_free(town.world);
}
