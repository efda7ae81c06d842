/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_value.c - trees: reading, path copies against a model that copies everything, sharing,
 * equality and hashes.
 */
#include "sim/json.h"
#include "sim/value.h"
#include "tests/unit/test.h"
#include "tests/unit/trees.h"

static void json_is(const Value *value, const char *expected, const char *where)
{
    g_autofree char *json = json_text(value);
    test_equal_text(json, expected, "value", where);
}
#define JSON_IS(value, expected) json_is((value), (expected), TEST_WHERE)

TEST(readers_give_fallbacks)
{
    g_autoptr(Value) five = value_int(5);
    g_autoptr(Value) whole = value_float(5.0);
    g_autoptr(Value) half = value_float(0.5);
    g_autoptr(Value) huge = value_float(0x1p63);
    g_autoptr(Value) text = value_printf("%s-%d", "web", 3);
    g_autoptr(Value) yes = value_bool(true);
    EQUAL_INT(value_as_int(five, -1), 5);
    EQUAL_INT(value_as_int(whole, -1), 5);
    EQUAL_INT(value_as_int(half, -1), -1);
    EQUAL_INT(value_as_int(huge, -1), -1);
    EQUAL_INT(value_as_int(text, -1), -1);
    EQUAL_INT(value_as_int(NULL, -1), -1);
    CU_ASSERT_EQUAL(value_as_float(five, 0), 5.0);
    CU_ASSERT_EQUAL(value_as_float(yes, 0.25), 0.25);
    CU_ASSERT_TRUE(value_as_bool(yes, false));
    CU_ASSERT_TRUE(value_as_bool(five, true));
    EQUAL_TEXT(value_as_text(text, ""), "web-3");
    CU_ASSERT_PTR_NULL(value_as_text(five, NULL));
    EQUAL_INT(value_type(NULL), VALUE_NULL);
    EQUAL_INT(value_size(text), 0);
    EQUAL_INT(value_size(NULL), 0);
    CU_ASSERT_PTR_NULL(value_at(text, 0));
    CU_ASSERT_PTR_NULL(value_get(five, "a"));
    CU_ASSERT_PTR_NULL(value_key_at(NULL, 0));
    EQUAL_TEXT(value_text(five, "a", "b"), "");
    EQUAL_INT(value_line(NULL), 0);
    EQUAL_TEXT(value_type_name(VALUE_MAP), "map");
    value_unref(NULL);
}

TEST(map_keys_are_in_byte_order)
{
    g_autoptr(Value) map = value_map();
    static const char *const keys[] = {"b", "\xc3\xa9", "a", "B", "", "aa", "a", "-"};
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++)
        value_map_set(map, keys[i], value_int(i));
    JSON_IS(map, "{\"\":4,\"-\":7,\"B\":3,\"a\":6,\"aa\":5,\"b\":0,\"\xc3\xa9\":1}");
    CU_ASSERT_PTR_EQUAL(value_key_at(map, 3), value_key("a"));
    char key[] = {'a', 'a', 0}; /* found by text, not by pointer */
    EQUAL_INT(value_as_int(value_get(map, key), -1), 5);
}

TEST(put_makes_maps_on_the_way)
{
    Value *root = NULL;
    value_put(&root, value_int(1), "spec", "replicas");
    value_put(&root, value_string("x"), "metadata", "name");
    value_put(&root, value_int(2), "spec", "replicas", "odd");
    JSON_IS(root, "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"replicas\":{\"odd\":2}}}");
    CU_ASSERT_FALSE(value_drop(&root, "spec", "none"));
    CU_ASSERT_FALSE(value_drop(&root, "metadata", "name", "first"));
    CU_ASSERT_TRUE(value_drop(&root, "spec", "replicas"));
    JSON_IS(root, "{\"metadata\":{\"name\":\"x\"},\"spec\":{}}");
    value_put_path(&root, value_int(7), (const char *const[]){NULL});
    JSON_IS(root, "7");
    value_unref(root);
}

TEST(private_trees_change_in_place)
{
    Value *root = value_map();
    value_put(&root, value_int(1), "a", "b");
    const Value *before = root, *inner = value_get(root, "a");
    value_put(&root, value_int(2), "a", "b");
    CU_ASSERT_PTR_EQUAL(root, before);
    CU_ASSERT_PTR_EQUAL(value_get(root, "a"), inner);
    /* A reference anywhere on the path protects all below it. */
    Value *held = value_ref(inner);
    value_put(&root, value_int(3), "a", "b");
    CU_ASSERT_PTR_EQUAL(root, before);
    CU_ASSERT_PTR_NOT_EQUAL(value_get(root, "a"), inner);
    JSON_IS(held, "{\"b\":2}");
    JSON_IS(root, "{\"a\":{\"b\":3}}");
    value_unref(held);
    value_unref(root);
}

TEST(copies_share_what_they_did_not_change)
{
    Value *old = value_map();
    value_put(&old, value_int(1), "spec", "template", "x");
    value_put(&old, value_int(0), "status", "replicas");
    value_set_line(old, 4);
    Value *new = value_ref(old);
    value_put(&new, value_int(3), "status", "replicas");
    CU_ASSERT_PTR_EQUAL(value_get(new, "spec"), value_get(old, "spec"));
    CU_ASSERT_PTR_NOT_EQUAL(value_get(new, "status"), value_get(old, "status"));
    EQUAL_INT(value_line(new), 4);
    JSON_IS(old, "{\"spec\":{\"template\":{\"x\":1}},\"status\":{\"replicas\":0}}");
    JSON_IS(new, "{\"spec\":{\"template\":{\"x\":1}},\"status\":{\"replicas\":3}}");
    /* A tree put into itself is a copy, not a cycle. */
    value_put(&new, value_ref(new), "spec", "self");
    EQUAL_INT(value_as_int(value_find(new, "spec", "self", "status", "replicas"), -1), 3);
    CU_ASSERT_PTR_NULL(value_find(new, "spec", "self", "spec", "self"));
    value_unref(old);
    value_unref(new);
}

TEST(lists_copy_on_write)
{
    Value *list = value_list();
    for (int i = 0; i < 5; i++)
        value_list_add(list, value_int(i));
    Value *old = value_ref(list);
    value_list_put(&list, 0, value_string("a"));
    value_list_insert(&list, 5, value_string("z"));
    value_list_insert(&list, 2, value_string("m"));
    value_list_remove(&list, 1);
    JSON_IS(list, "[\"a\",\"m\",2,3,4,\"z\"]");
    JSON_IS(old, "[0,1,2,3,4]");
    value_unref(old);
    while (value_size(list) > 0)
        value_list_remove(&list, value_size(list) - 1);
    value_list_insert(&list, 0, value_null());
    JSON_IS(list, "[null]");
    value_unref(list);
}

TEST(equality_crosses_number_types)
{
    static const struct {
        int64_t integer;
        double number;
        bool equal;
    } cases[] = {
        {0, 0.0, true},
        {0, -0.0, true},
        {1, 1.0, true},
        {1, 1.5, false},
        {INT64_C(1) << 53, 0x1p53, true},
        {(INT64_C(1) << 53) + 1, 0x1p53, false},
        {INT64_MAX, 0x1p63, false},
        {INT64_MIN, -0x1p63, true},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Value) a = value_int(cases[i].integer);
        g_autoptr(Value) b = value_float(cases[i].number);
        EQUAL_INT(value_equal(a, b), cases[i].equal);
        EQUAL_INT(value_equal(b, a), cases[i].equal);
        EQUAL_INT(value_hash(a) == value_hash(b), cases[i].equal);
    }
}

TEST(different_things_differ)
{
    g_autoptr(GPtrArray) values = g_ptr_array_new();
    g_ptr_array_add(values, value_null());
    g_ptr_array_add(values, value_bool(false));
    g_ptr_array_add(values, value_bool(true));
    g_ptr_array_add(values, value_int(0));
    g_ptr_array_add(values, value_int(1));
    g_ptr_array_add(values, value_float(0.5));
    g_ptr_array_add(values, value_string(""));
    g_ptr_array_add(values, value_string("a"));
    g_ptr_array_add(values, value_string("ab"));
    g_ptr_array_add(values, value_list());
    g_ptr_array_add(values, value_map());
    Value *list = value_list(), *map = value_map(), *other = value_map();
    value_list_add(list, value_list());
    value_map_set(map, "a", value_null());
    value_map_set(other, "b", value_null());
    g_ptr_array_add(values, list);
    g_ptr_array_add(values, map);
    g_ptr_array_add(values, other);
    for (unsigned i = 0; i < values->len; i++)
        for (unsigned j = 0; j < values->len; j++) {
            EQUAL_INT(value_equal(values->pdata[i], values->pdata[j]), i == j);
            EQUAL_INT(value_hash(values->pdata[i]) == value_hash(values->pdata[j]), i == j);
        }
    CU_ASSERT_TRUE(value_equal(NULL, values->pdata[0]));
    CU_ASSERT_EQUAL(value_hash(NULL), value_hash(values->pdata[0]));
    for (unsigned i = 0; i < values->len; i++)
        value_unref(values->pdata[i]);
}

TEST(footprint_counts_shared_parts_each_time)
{
    g_autoptr(Value) leaf = value_string("0123456789");
    g_autoptr(Value) list = value_list();
    size_t empty = value_footprint(list);
    value_list_add(list, value_ref(leaf));
    size_t one = value_footprint(list);
    value_list_add(list, value_ref(leaf));
    EQUAL_INT(value_footprint(list), empty + 2 * (one - empty));
    CU_ASSERT(value_footprint(leaf) > 10);
    EQUAL_INT(value_footprint(NULL), 0);
}

/* --- against a model: everything rebuilt from scratch, nothing shared --- */

static Value *deep_copy(const Value *value);

/* A copy of a map with a change; child NULL: without the key. */
static Value *rebuilt(const Value *map, const char *key, Value *child)
{
    Value *copy = value_map();
    value_each (i, map)
        if (strcmp(value_key_at(map, i), key) != 0)
            value_map_set(copy, value_key_at(map, i), deep_copy(value_at(map, i)));
    if (child != NULL) value_map_set(copy, key, child);
    return copy;
}

static Value *deep_copy(const Value *value)
{
    if (value_is_map(value)) return rebuilt(value, "\x01 no such key", NULL);
    if (value_is_list(value)) {
        Value *copy = value_list();
        value_each (i, value)
            value_list_add(copy, deep_copy(value_at(value, i)));
        return copy;
    }
    switch (value_type(value)) {
    case VALUE_BOOL: return value_bool(value_as_bool(value, false));
    case VALUE_INT: return value_int(value_as_int(value, 0));
    case VALUE_FLOAT: return value_float(value_as_float(value, 0));
    case VALUE_STRING: return value_string(value_as_text(value, ""));
    case VALUE_NULL:
    case VALUE_LIST:
    case VALUE_MAP: break;
    }
    return value_null();
}

static Value *model_put(const Value *value, const Value *child, const char *const *keys)
{
    if (keys[0] == NULL) return deep_copy(child);
    const Value *map = value_is_map(value) ? value : NULL;
    return rebuilt(map, keys[0], model_put(value_get(map, keys[0]), child, keys + 1));
}

static Value *model_drop(const Value *value, const char *const *keys)
{
    if (value_find_path(value, keys) == NULL) return deep_copy(value);
    Value *inner = keys[1] == NULL ? NULL : model_drop(value_get(value, keys[0]), keys + 1);
    return rebuilt(value, keys[0], inner);
}

#define VERSIONS 8

typedef struct {
    Value *value;
    char *json; /* when it was made; must hold for ever */
} Version;

static void version_set(Version *version, Value *value)
{
    value_unref(version->value);
    g_free(version->json);
    version->value = value;
    version->json = json_text(value);
}

static bool version_holds(const Version *version)
{
    g_autofree char *json = json_text(version->value);
    return strcmp(json, version->json) == 0;
}

/* One random change of one version into another; false if it is not what the model says. */
static bool change(GRand *random, Version *versions)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    const char *keys[4] = {NULL};
    for (int i = 0, n = g_rand_int_range(random, 1, 4); i < n; i++)
        keys[i] = names[g_rand_int_range(random, 0, G_N_ELEMENTS(names))];
    Version *from = versions + g_rand_int_range(random, 0, VERSIONS);
    Version *to = versions + g_rand_int_range(random, 0, VERSIONS);
    Value *root = value_ref(from->value);
    g_autoptr(Value) expected = NULL;
    bool good = true;
    if (g_rand_int_range(random, 0, 4) == 0) {
        bool there = value_find_path(from->value, keys) != NULL;
        expected = model_drop(from->value, keys);
        good = value_drop_path(&root, keys) == there;
    } else {
        /* A part of some version makes trees share; a fresh one makes them grow. */
        const Version *donor = versions + g_rand_int_range(random, 0, VERSIONS);
        const Value *part = value_get(donor->value, names[g_rand_int_range(random, 0, 5)]);
        bool borrow = part != NULL && strlen(donor->json) < 2000 && g_rand_boolean(random);
        Value *child = borrow ? value_ref(part) : tree_random(random, 1);
        expected = model_put(from->value, child, keys);
        value_put_path(&root, child, keys);
    }
    good = good && value_equal(root, expected) && value_hash(root) == value_hash(expected);
    version_set(to, root);
    return good;
}

TEST(path_copies_equal_full_copies)
{
    for (uint32_t seed = 1; seed <= 300; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        Version versions[VERSIONS] = {{0}};
        bool good = true;
        for (int i = 0; i < VERSIONS; i++)
            version_set(versions + i, value_map());
        for (int step = 0; good && step < 100; step++) {
            good = change(random, versions);
            for (int i = 0; i < VERSIONS; i++)
                good = good && version_holds(versions + i);
            if (!good) fprintf(stderr, "seed %u, step %d\n", seed, step);
        }
        CU_ASSERT(good);
        for (int i = 0; i < VERSIONS; i++) {
            value_unref(versions[i].value);
            g_free(versions[i].json);
        }
        if (!good) return;
    }
}

TEST(order_of_building_does_not_matter)
{
    for (uint32_t seed = 1; seed <= 200; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        g_autoptr(Value) a = value_map();
        g_autoptr(Value) b = value_map();
        int keys[40];
        for (int i = 0; i < 40; i++) {
            int j = g_rand_int_range(random, 0, i + 1);
            keys[i] = keys[j];
            keys[j] = i;
        }
        for (int i = 0; i < 40; i++) {
            char key[16], other[16];
            g_snprintf(key, sizeof key, "k%d", i);
            g_snprintf(other, sizeof other, "k%d", keys[i]);
            value_map_set(a, key, value_int(i));
            value_map_set(b, other, value_int(keys[i]));
        }
        CU_ASSERT(value_equal(a, b) && value_hash(a) == value_hash(b));
        for (unsigned i = 1; i < value_size(b); i++)
            CU_ASSERT(strcmp(value_key_at(b, i - 1), value_key_at(b, i)) < 0);
    }
}
