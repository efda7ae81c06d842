/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selector.c - label selectors, compiled to requirements on atoms.
 *
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go
 *   (LabelSelectorAsSelector) and pkg/labels/selector.go.
 * Simplified: no Gt and Lt, which LabelSelector does not have.
 * State: none.
 */
#include "models/api/selector.h"

typedef enum { OP_IN, OP_NOT_IN, OP_EXISTS, OP_DOES_NOT_EXIST } Operator;

typedef struct {
    Atom key;
    Operator op;
    unsigned first, count; /* of Selector.values */
} Requirement;

struct Selector {
    bool matches_nothing;
    GArray *requirements; /* of Requirement */
    GArray *values;       /* of Atom */
};

static Selector *selector_make(void)
{
    Selector *selector = g_new0(Selector, 1);
    selector->requirements = g_array_new(FALSE, FALSE, sizeof(Requirement));
    selector->values = g_array_new(FALSE, FALSE, sizeof(Atom));
    return selector;
}

void selector_free(Selector *selector)
{
    if (selector == NULL) return;
    g_array_unref(selector->requirements);
    g_array_unref(selector->values);
    g_free(selector);
}

/* --- compiling --- */

static void add_pairs(Selector *selector, AtomTable *atoms, const Value *labels)
{
    if (!value_is_map(labels)) return;
    value_each (i, labels) {
        Atom value = atom_of(atoms, value_as_text(value_at(labels, i), NULL));
        Requirement requirement = {atom_of(atoms, value_key_at(labels, i)), OP_IN,
                                   selector->values->len, 1};
        g_array_append_val(selector->values, value);
        g_array_append_val(selector->requirements, requirement);
    }
}

static bool operator_read(const char *text, Operator *ret_operator)
{
    static const char *const names[] = {"In", "NotIn", "Exists", "DoesNotExist"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (strcmp(text, names[i]) == 0) {
            *ret_operator = (Operator)i;
            return true;
        }
    return false;
}

static bool add_expression(Selector *selector, AtomTable *atoms, const Value *expression,
                           GError **error)
{
    const Value *values = value_get(expression, "values");
    Requirement requirement = {atom_of(atoms, value_text(expression, "key")), OP_IN,
                               selector->values->len, value_size(values)};
    const char *word = value_text(expression, "operator");
    if (!operator_read(word, &requirement.op)) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    "\"%s\" is not a valid label selector operator", word);
        return false;
    }
    bool wants_values = requirement.op == OP_IN || requirement.op == OP_NOT_IN;
    if (wants_values != (requirement.count > 0)) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    wants_values
                        ? "values: Invalid value: []: for 'in', 'notin' operators, values set "
                          "can't be empty"
                        : "values: Invalid value: values set must be empty for exists and does "
                          "not exist");
        return false;
    }
    value_each (i, values) {
        Atom value = atom_of(atoms, value_as_text(value_at(values, i), NULL));
        g_array_append_val(selector->values, value);
    }
    g_array_append_val(selector->requirements, requirement);
    return true;
}

Selector *selector_new(AtomTable *atoms, const Value *label_selector, GError **error)
{
    g_autoptr(Selector) selector = selector_make();
    selector->matches_nothing = value_type(label_selector) == VALUE_NULL;
    add_pairs(selector, atoms, value_get(label_selector, "matchLabels"));
    const Value *expressions = value_get(label_selector, "matchExpressions");
    value_each (i, expressions)
        if (!add_expression(selector, atoms, value_at(expressions, i), error)) return NULL;
    return g_steal_pointer(&selector);
}

Selector *selector_new_map(AtomTable *atoms, const Value *labels)
{
    Selector *selector = selector_make();
    add_pairs(selector, atoms, labels);
    return selector;
}

/* --- matching --- */

static bool values_have(const Selector *selector, const Requirement *requirement, Atom value)
{
    for (unsigned i = 0; i < requirement->count; i++)
        if (g_array_index(selector->values, Atom, requirement->first + i) == value) return true;
    return false;
}

static const Label *label_find(const Meta *meta, Atom key)
{
    for (uint32_t i = 0; i < meta->label_count; i++)
        if (meta->labels[i].key == key) return &meta->labels[i];
    return NULL;
}

static bool requirement_holds(const Selector *selector, const Requirement *requirement,
                              const Meta *meta)
{
    const Label *label = label_find(meta, requirement->key);
    switch (requirement->op) {
    case OP_IN: return label && values_have(selector, requirement, label->value);
    case OP_NOT_IN: return !label || !values_have(selector, requirement, label->value);
    case OP_EXISTS: return label != NULL;
    case OP_DOES_NOT_EXIST: return label == NULL;
    }
    UNREACHABLE();
}

bool selector_matches(const Selector *selector, const Meta *meta)
{
    if (selector->matches_nothing) return false;
    for (unsigned i = 0; i < selector->requirements->len; i++)
        if (!requirement_holds(selector, &g_array_index(selector->requirements, Requirement, i),
                               meta))
            return false;
    return true;
}

bool selector_pair(const Selector *selector, Atom *ret_key, Atom *ret_value)
{
    for (unsigned i = 0; i < selector->requirements->len; i++) {
        const Requirement *r = &g_array_index(selector->requirements, Requirement, i);
        if (r->op != OP_IN || r->count != 1) continue;
        *ret_key = r->key;
        *ret_value = g_array_index(selector->values, Atom, r->first);
        return true;
    }
    return false;
}
