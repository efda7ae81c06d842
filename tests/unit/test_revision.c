/* SPDX-License-Identifier: Apache-2.0 */
/* Revision data, names and equality, against names that a real controller gave. */
#include "models/control/revision.h"

#include "tests/unit/objects.h"
#include "tests/unit/test.h"

#define TEMPLATE                                                                          \
    "metadata: {labels: {app: kv-store}}\n"                                               \
    "spec:\n"                                                                             \
    "  volumes: [{name: scratch, emptyDir: {}}]\n"                                        \
    "  containers: [{name: main, image: 'app:v0', resources: {},\n"                       \
    "    terminationMessagePath: /dev/termination-log, terminationMessagePolicy: File,\n" \
    "    imagePullPolicy: IfNotPresent}]\n"                                               \
    "  restartPolicy: Always\n"                                                           \
    "  terminationGracePeriodSeconds: 10\n"                                               \
    "  dnsPolicy: ClusterFirst\n"                                                         \
    "  securityContext: {}\n"                                                             \
    "  schedulerName: default-scheduler\n"

TEST(names_are_those_of_a_real_controller)
{
    char hash[REVISION_HASH_MAX];
    g_autoptr(Value) template = value_from(TEMPLATE);
    g_autoptr(Value) data = revision_data(template);
    EQUAL_TEXT(revision_hash(data, -1, hash), "c8f847c4d");
    g_autofree char *name = revision_name("kv-store", hash);
    EQUAL_TEXT(name, "kv-store-c8f847c4d");
}

TEST(a_collision_changes_the_name)
{
    char first[REVISION_HASH_MAX], second[REVISION_HASH_MAX];
    g_autoptr(Value) template = value_from(TEMPLATE);
    g_autoptr(Value) data = revision_data(template);
    CU_ASSERT_STRING_NOT_EQUAL(revision_hash(data, 0, first), revision_hash(data, 1, second));
    CU_ASSERT_STRING_NOT_EQUAL(revision_hash(data, -1, first), second);
}

TEST(digits_become_letters)
{
    char text[REVISION_HASH_MAX];
    EQUAL_TEXT(revision_encode(0, text), "4");
    EQUAL_TEXT(revision_encode(1234567890, text), "56789bcdf4");
}

TEST(long_names_are_cut)
{
    g_autofree char *set = g_strnfill(250, 'a');
    g_autofree char *name = revision_name(set, "x");
    EQUAL_INT(strlen(name), 225);
}

TEST(data_give_the_template_back)
{
    g_autoptr(Value) template = value_from(TEMPLATE);
    g_autoptr(Value) data = revision_data(template);
    g_autoptr(Value) restored = revision_template(data);
    CU_ASSERT_TRUE(value_equal(restored, template));
    CU_ASSERT_TRUE(revision_holds(data, template));
    CU_ASSERT_PTR_NULL(value_get(template, "$patch"));
}

TEST(another_template_is_not_held)
{
    g_autoptr(Value) template = value_from(TEMPLATE);
    g_autoptr(Value) data = revision_data(template);
    Value *other = value_ref(template);
    value_put(&other, value_string("default"), "spec", "serviceAccountName");
    CU_ASSERT_FALSE(revision_holds(data, other));
    value_drop(&other, "spec");
    CU_ASSERT_FALSE(revision_holds(data, other));
    value_unref(other);
}

static const Object *stored_revision(AtomTable *atoms, const char *label, const Value *data)
{
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: apps/v1\nkind: ControllerRevision\nmetadata: {name: r, namespace: default, "
        "uid: u, labels: {controller.kubernetes.io/hash: '%s'}}\nrevision: 1\n",
        label);
    Value *value = value_from(yaml);
    value_put(&value, value_ref(data), "data");
    return object_new(atoms, KIND_CONTROLLER_REVISION, value, 1, NULL);
}

TEST(hash_labels_count_only_if_they_are_numbers)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    g_autoptr(Value) template = value_from(TEMPLATE);
    g_autoptr(Value) data = revision_data(template);
    autoobject word = stored_revision(atoms, "other", data);
    CU_ASSERT_TRUE(revision_matches(word, template, atoms, 0));
    autoobject big = stored_revision(atoms, "99999999999", data);
    CU_ASSERT_TRUE(revision_matches(big, template, atoms, 0));
    autoobject left = stored_revision(atoms, "12", data);
    autoobject right = stored_revision(atoms, "13", data);
    CU_ASSERT_FALSE(revision_same(left, right, atoms));
    CU_ASSERT_TRUE(revision_same(left, word, atoms));
}
