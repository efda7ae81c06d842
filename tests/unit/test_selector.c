/* SPDX-License-Identifier: Apache-2.0 */
/* Label selectors against label sets. */
#include "models/api/selector.h"
#include "tests/unit/objects.h"
#include "tests/unit/test.h"

static const Object *labelled(AtomTable *atoms, const char *labels)
{
    g_autofree char *text = g_strdup_printf(
        "{apiVersion: v1, kind: Node, metadata: {name: node-1, labels: %s}}", labels);
    return object_from(atoms, text, 1);
}

TEST(selectors_select)
{
    static const struct {
        const char *selector, *labels;
        bool matches;
    } cases[] = {
        {"{}", "{}", true},
        {"{}", "{a: b}", true},
        {"{matchLabels: {a: b}}", "{a: b, c: d}", true},
        {"{matchLabels: {a: b}}", "{a: x}", false},
        {"{matchLabels: {a: b, c: d}}", "{a: b}", false},
        {"{matchLabels: {a: \"\"}}", "{}", false},
        {"{matchLabels: {a: \"\"}}", "{a: \"\"}", true},
        {"{matchExpressions: [{key: a, operator: In, values: [x, b]}]}", "{a: b}", true},
        {"{matchExpressions: [{key: a, operator: In, values: [x, b]}]}", "{}", false},
        {"{matchExpressions: [{key: a, operator: NotIn, values: [x, b]}]}", "{a: b}", false},
        {"{matchExpressions: [{key: a, operator: NotIn, values: [x, b]}]}", "{}", true},
        {"{matchExpressions: [{key: a, operator: Exists}]}", "{a: \"\"}", true},
        {"{matchExpressions: [{key: a, operator: Exists}]}", "{b: a}", false},
        {"{matchExpressions: [{key: a, operator: DoesNotExist}]}", "{b: a}", true},
        {"{matchExpressions: [{key: a, operator: DoesNotExist}]}", "{a: b}", false},
        {"{matchLabels: {a: b}, matchExpressions: [{key: c, operator: Exists}]}", "{a: b}", false},
        {"null", "{a: b}", false},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(AtomTable) atoms = atom_table_new();
        g_autofree char *text = g_strdup_printf("s: %s", cases[i].selector);
        g_autoptr(Value) value = value_from(text);
        g_autoptr(GError) error = NULL;
        g_autoptr(Selector) selector = selector_new(atoms, value_get(value, "s"), &error);
        autoobject object = labelled(atoms, cases[i].labels);
        CU_ASSERT_PTR_NOT_NULL_FATAL(selector);
        if (selector_matches(selector, object_meta(object)) != cases[i].matches)
            fprintf(stderr, "\n%s on %s\n", cases[i].selector, cases[i].labels);
        EQUAL_INT(selector_matches(selector, object_meta(object)), cases[i].matches);
    }
}

TEST(bad_selectors_are_refused)
{
    static const struct {
        const char *selector, *message;
    } cases[] = {
        {"{matchExpressions: [{key: a, operator: Is}]}",
         "\"Is\" is not a valid label selector operator"},
        {"{matchExpressions: [{key: a, operator: In}]}", "values set can't be empty"},
        {"{matchExpressions: [{key: a, operator: Exists, values: [b]}]}",
         "values set must be empty for exists and does not exist"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(AtomTable) atoms = atom_table_new();
        g_autoptr(Value) value = value_from(cases[i].selector);
        g_autoptr(GError) error = NULL;
        CU_ASSERT_PTR_NULL(selector_new(atoms, value, &error));
        ERROR_CONTAINS(error, cases[i].message);
    }
}

TEST(a_pair_starts_a_lookup)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    g_autoptr(Value) open = value_from("{matchExpressions: [{key: a, operator: Exists}]}");
    g_autoptr(Value) one =
        value_from("{matchExpressions: [{key: a, operator: Exists}, "
                   "{key: b, operator: In, values: [x, y]}, {key: c, operator: In, values: [z]}]}");
    g_autoptr(Value) map = value_from("{app: web}");
    g_autoptr(Selector) none = selector_new(atoms, open, NULL);
    g_autoptr(Selector) some = selector_new(atoms, one, NULL);
    g_autoptr(Selector) plain = selector_new_map(atoms, map);
    Atom key = ATOM_NONE, value = ATOM_NONE;
    CU_ASSERT_FALSE(selector_pair(none, &key, &value));
    CU_ASSERT(selector_pair(some, &key, &value));
    EQUAL_TEXT(atom_text(atoms, key), "c");
    EQUAL_TEXT(atom_text(atoms, value), "z");
    CU_ASSERT(selector_pair(plain, &key, &value));
    EQUAL_TEXT(atom_text(atoms, value), "web");
}
