/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler_terms.c - node selector terms and pod affinity terms, compiled to atoms.
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/component-helpers/scheduling/corev1/nodeaffinity,
 *   pkg/scheduler/framework/types.go (AffinityTerm).
 * Simplified: namespaceSelector, matchLabelKeys and mismatchLabelKeys are not read: a term without
 *   `namespaces` means the pod's own namespace.
 * State: none.
 */
#include "models/control/scheduler.h"

#include "models/kind/part.h"

static NodeOp op_of(const char *text)
{
    static const char *const names[] = {"In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(text, names[i]) == 0) return (NodeOp)i;
    }
    return NODE_IN;
}

static NodeRequirement requirement_of(Arena *arena, AtomTable *atoms, const Value *value,
                                      bool is_field)
{
    const Value *values = value_get(value, "values");
    unsigned count = value_size(values);
    Atom *list = arena_new_array(arena, Atom, count + 1);
    value_each (i, values)
        list[i] = atom_of(atoms, value_as_text(value_at(values, i), ""));
    NodeRequirement requirement = {
        .key = part_atom(atoms, value, "key"),
        .is_field = is_field,
        .op = op_of(value_text(value, "operator")),
        .value_count = count,
        .values = list,
    };
    if (count > 0) text_to_int(value_as_text(value_at(values, 0), ""), &requirement.number);
    return requirement;
}

/* A term of a list: a NodeSelectorTerm, a PreferredSchedulingTerm that holds one, or a
 * TopologySelectorTerm. */
static NodeTerm term_of(Arena *arena, AtomTable *atoms, const Value *value)
{
    const Value *term = value_get(value, "preference");
    if (term == NULL) term = value;
    const Value *labels = value_get(term, "matchExpressions");
    if (labels == NULL) labels = value_get(term, "matchLabelExpressions");
    const Value *fields = value_get(term, "matchFields");
    unsigned count = value_size(labels) + value_size(fields);
    NodeRequirement *list = arena_new_array(arena, NodeRequirement, count + 1);
    unsigned used = 0;
    value_each (i, labels)
        list[used++] = requirement_of(arena, atoms, value_at(labels, i), false);
    value_each (i, fields)
        list[used++] = requirement_of(arena, atoms, value_at(fields, i), true);
    return (NodeTerm){used, list, value_as_int(value_get(value, "weight"), 0)};
}

NodeTerms node_terms_compile(Arena *arena, AtomTable *atoms, const Value *terms)
{
    unsigned count = value_size(terms);
    NodeTerm *list = arena_new_array(arena, NodeTerm, count + 1);
    value_each (i, terms)
        list[i] = term_of(arena, atoms, value_at(terms, i));
    return (NodeTerms){count, list};
}

static bool requirement_holds(const NodeRequirement *requirement, const AtomTable *atoms,
                              const Object *node)
{
    const Meta *meta = object_meta(node);
    Atom value = requirement->is_field ? meta->name : ATOM_NONE;
    bool is_there = requirement->is_field;
    for (uint32_t i = 0; i < meta->label_count && !requirement->is_field; i++) {
        if (meta->labels[i].key != requirement->key) continue;
        value = meta->labels[i].value;
        is_there = true;
    }
    bool is_listed = false;
    for (unsigned i = 0; i < requirement->value_count; i++) {
        is_listed |= requirement->values[i] == value;
    }
    int64_t number = 0;
    switch (requirement->op) {
    case NODE_IN: return is_there && is_listed;
    case NODE_NOT_IN: return !is_there || !is_listed;
    case NODE_EXISTS: return is_there;
    case NODE_DOES_NOT_EXIST: return !is_there;
    case NODE_GT:
        return is_there && text_to_int(atom_text(atoms, value), &number) &&
               number > requirement->number;
    case NODE_LT:
        return is_there && text_to_int(atom_text(atoms, value), &number) &&
               number < requirement->number;
    }
    return false;
}

bool node_term_matches(const NodeTerm *term, const AtomTable *atoms, const Object *node)
{
    for (unsigned i = 0; i < term->count; i++) {
        if (!requirement_holds(&term->requirements[i], atoms, node)) return false;
    }
    return term->count > 0; /* an empty term matches nothing */
}

bool node_terms_match(const NodeTerms *terms, const AtomTable *atoms, const Object *node)
{
    for (unsigned i = 0; i < terms->count; i++) {
        if (node_term_matches(&terms->terms[i], atoms, node)) return true;
    }
    return false;
}

static PodTerm pod_term_of(Arena *arena, AtomTable *atoms, const Value *value, Atom own)
{
    const Value *term = value_get(value, "podAffinityTerm");
    if (term == NULL) term = value;
    const Value *spaces = value_get(term, "namespaces");
    unsigned count = value_size(spaces);
    Atom *list = arena_new_array(arena, Atom, count + 1);
    value_each (i, spaces)
        list[i] = atom_of(atoms, value_as_text(value_at(spaces, i), ""));
    if (count == 0) list[count++] = own;
    return (PodTerm){
        .selector = selector_new(atoms, value_get(term, "labelSelector"), NULL),
        .topology = part_atom(atoms, term, "topologyKey"),
        .space_count = count,
        .spaces = list,
        .weight = value_as_int(value_get(value, "weight"), 0),
    };
}

PodTerms pod_terms_compile(Arena *arena, AtomTable *atoms, const Value *list, Atom own)
{
    unsigned count = value_size(list);
    PodTerm *terms = arena_new_array(arena, PodTerm, count + 1);
    value_each (i, list)
        terms[i] = pod_term_of(arena, atoms, value_at(list, i), own);
    return (PodTerms){count, terms};
}

void pod_terms_clear(PodTerms *terms)
{
    for (unsigned i = 0; i < terms->count; i++)
        selector_free(terms->terms[i].selector);
    terms->count = 0;
}

bool pod_term_matches(const PodTerm *term, const Object *pod)
{
    bool is_there = false;
    for (unsigned i = 0; i < term->space_count; i++)
        is_there |= term->spaces[i] == pod->key.space;
    return is_there && term->selector != NULL && selector_matches(term->selector, object_meta(pod));
}
