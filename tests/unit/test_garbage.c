/* SPDX-License-Identifier: Apache-2.0 */
/* The garbage collector, in an event loop of its own. */
#include "tests/unit/objects.h"
#include "tests/unit/rig.h"
#include "tests/unit/test.h"

typedef struct {
    Scenario scenario;
    World *world;
} Yard;

static Key yard_key(const Yard *yard, Kind kind, const char *name)
{
    return (Key){kind, world_atom(yard->world, "default"), world_atom(yard->world, name)};
}

static const Object *yard_get(const Yard *yard, Kind kind, const char *name)
{
    return store_get(world_store(yard->world), yard_key(yard, kind, name));
}

/* Claims stand for anything that can be owned. */
static void yard_put(Yard *yard, const char *name, const char *owners, const char *more)
{
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: v1\nkind: PersistentVolumeClaim\n"
        "metadata: {name: %s, namespace: default, uid: u-%s, ownerReferences: [%s]%s}\n"
        "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n",
        name, name, owners, more);
    Value *value = value_from(yaml);
    kind_info(KIND_PERSISTENT_VOLUME_CLAIM)->defaults(&value);
    store_put(world_store(yard->world), yard_key(yard, KIND_PERSISTENT_VOLUME_CLAIM, name), value);
}

#define OWNED_BY(name, uid, blocks)                                           \
    "{apiVersion: v1, kind: PersistentVolumeClaim, name: " name ", uid: " uid \
    ", blockOwnerDeletion: " blocks "}"

static void yard_open(Yard *yard)
{
    *yard = (Yard){.scenario = rig_scenario()};
    yard->world = rig_world(&yard->scenario);
    process_start(
        rig_process(yard->world, "kcm", ROLE_CONTROLLER_MANAGER, &garbage_component, NULL));
    rig_run(yard->world, NANOS_S);
}

static void yard_delete(Yard *yard, const char *name, Propagation propagation)
{
    Request request = {.verb = REQUEST_DELETE,
                       .key = yard_key(yard, KIND_PERSISTENT_VOLUME_CLAIM, name),
                       .grace_s = -1,
                       .propagation = propagation};
    Reply reply = {0};
    server_handle(world_server(yard->world), world_now(yard->world), &request, &reply);
    EQUAL_INT(reply.reason, REASON_OK);
    reply_clear(&reply);
    rig_run(yard->world, 5 * NANOS_S);
}

static bool is_there(const Yard *yard, const char *name)
{
    return yard_get(yard, KIND_PERSISTENT_VOLUME_CLAIM, name) != NULL;
}

TEST(dependents_follow_their_owner)
{
    Yard yard;
    yard_open(&yard);
    yard_put(&yard, "owner", "", "");
    yard_put(&yard, "child", OWNED_BY("owner", "u-owner", "true"), "");
    yard_put(&yard, "grandchild", OWNED_BY("child", "u-child", "true"), "");
    yard_put(&yard, "stranger", "", "");
    rig_run(yard.world, 5 * NANOS_S);
    CU_ASSERT_TRUE(is_there(&yard, "child"));
    yard_delete(&yard, "owner", PROPAGATION_BACKGROUND);
    CU_ASSERT_FALSE(is_there(&yard, "child"));
    CU_ASSERT_FALSE(is_there(&yard, "grandchild"));
    CU_ASSERT_TRUE(is_there(&yard, "stranger"));
    world_free(yard.world);
}

TEST(another_owner_keeps_a_dependent)
{
    Yard yard;
    yard_open(&yard);
    yard_put(&yard, "one", "", "");
    yard_put(&yard, "two", "", "");
    yard_put(&yard, "child", OWNED_BY("one", "u-one", "true") ", " OWNED_BY("two", "u-two", "true"),
             "");
    yard_delete(&yard, "one", PROPAGATION_BACKGROUND);
    CU_ASSERT_TRUE(is_there(&yard, "child"));
    const Object *child = yard_get(&yard, KIND_PERSISTENT_VOLUME_CLAIM, "child");
    EQUAL_INT(object_meta(child)->owner_count, 1);
    world_free(yard.world);
}

TEST(owners_are_known_by_uid)
{
    Yard yard;
    yard_open(&yard);
    yard_put(&yard, "owner", "", "");
    yard_put(&yard, "child", OWNED_BY("owner", "u-before", "true"), "");
    rig_run(yard.world, 5 * NANOS_S);
    CU_ASSERT_FALSE(is_there(&yard, "child"));
    CU_ASSERT_TRUE(is_there(&yard, "owner"));
    world_free(yard.world);
}

TEST(foreground_waits_for_those_that_block)
{
    Yard yard;
    yard_open(&yard);
    yard_put(&yard, "owner", "", "");
    yard_put(&yard, "held", OWNED_BY("owner", "u-owner", "true"), ", finalizers: [test/hold]");
    yard_put(&yard, "free", OWNED_BY("owner", "u-owner", "false"), "");
    yard_delete(&yard, "owner", PROPAGATION_FOREGROUND);
    CU_ASSERT_TRUE(is_there(&yard, "owner"));
    CU_ASSERT_TRUE(is_there(&yard, "held"));
    store_remove(world_store(yard.world), yard_key(&yard, KIND_PERSISTENT_VOLUME_CLAIM, "held"));
    rig_run(yard.world, 5 * NANOS_S);
    CU_ASSERT_FALSE(is_there(&yard, "owner"));
    CU_ASSERT_FALSE(is_there(&yard, "free"));
    world_free(yard.world);
}

TEST(orphaning_leaves_the_dependents)
{
    Yard yard;
    yard_open(&yard);
    yard_put(&yard, "owner", "", "");
    yard_put(&yard, "child", OWNED_BY("owner", "u-owner", "true"), "");
    yard_delete(&yard, "owner", PROPAGATION_ORPHAN);
    CU_ASSERT_FALSE(is_there(&yard, "owner"));
    CU_ASSERT_TRUE(is_there(&yard, "child"));
    const Object *child = yard_get(&yard, KIND_PERSISTENT_VOLUME_CLAIM, "child");
    EQUAL_INT(object_meta(child)->owner_count, 0);
    world_free(yard.world);
}

/* Who deletes again, and otherwise, is heard: one finalizer takes the place of the other. */
TEST(orphaning_after_a_foreground_deletion)
{
    Yard yard;
    yard_open(&yard);
    yard_put(&yard, "owner", "", "");
    yard_put(&yard, "held", OWNED_BY("owner", "u-owner", "true"), ", finalizers: [test/hold]");
    rig_run(yard.world, 5 * NANOS_S);
    yard_delete(&yard, "owner", PROPAGATION_FOREGROUND);
    CU_ASSERT_PTR_NOT_NULL(yard_get(&yard, KIND_PERSISTENT_VOLUME_CLAIM, "owner"));
    yard_delete(&yard, "owner", PROPAGATION_ORPHAN);
    CU_ASSERT_PTR_NULL(yard_get(&yard, KIND_PERSISTENT_VOLUME_CLAIM, "owner"));
    const Object *held = yard_get(&yard, KIND_PERSISTENT_VOLUME_CLAIM, "held");
    CU_ASSERT_FATAL(held != NULL);
    EQUAL_INT(object_meta(held)->owner_count, 0);
    world_free(yard.world);
}
