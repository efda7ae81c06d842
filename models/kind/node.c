/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.c - the kind Node.
 * Mirrors: kubernetes v1.36 pkg/apis/core/v1/defaults.go (SetDefaults_NodeStatus),
 *   pkg/apis/core/validation/validation.go (ValidateNode), pkg/registry/core/node/strategy.go.
 * Simplified: one zone label; addresses and images are carried, not read.
 * State: none here; conditions are moved by the kubelet and the node lifecycle controller.
 */
#include "models/api/quantity.h"
#include "models/kind/edit.h"
#include "models/kind/part.h"
#include "models/kind/path.h"

/* --- defaults --- */

static void default_status(Value **status)
{
    edit_quantities(status, "capacity");
    edit_quantities(status, "allocatable");
    const Value *capacity = value_get(*status, "capacity");
    if (value_is_map(capacity) && edit_is_unset(value_get(*status, "allocatable")))
        value_put(status, value_ref(capacity), "allocatable");
}

static void node_defaults(Value **node)
{
    edit_child(node, "status", default_status);
}

/* A node registers with its status: nothing is dropped at creation. */
static void node_prepare(Value **now, const Value *old)
{
    (void)now;
    (void)old;
}

/* --- validation --- */

static const Field spec_fields[] = {
    {"unschedulable", FIELD_BOOL, NULL},
    {"taints", FIELD_LIST, "[]v1.Taint"},
    {"providerID", FIELD_STRING, NULL},
    {NULL, FIELD_MAP, NULL},
};

static void validate_taint(const Value *taint, const Path *path, FieldErrors *errors)
{
    static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};
    const Value *effect = value_get(taint, "effect");
    path_name(errors, PATH(path, "key"), value_get(taint, "key"), name_is_label_key);
    if (edit_is_unset(effect))
        path_required(errors, PATH(path, "effect"), taint, "");
    else
        path_one_of(errors, PATH(path, "effect"), effect, effects);
    const char *fault = name_is_label_value(value_text(taint, "value"));
    if (fault != NULL) path_invalid(errors, PATH(path, "value"), value_get(taint, "value"), fault);
}

/* Taints are unique by key and effect. */
static bool same_taint(const Value *a, const Value *b)
{
    return value_equal(value_get(a, "key"), value_get(b, "key")) &&
           value_equal(value_get(a, "effect"), value_get(b, "effect"));
}

static void validate_taints(const Value *taints, const Path *path, FieldErrors *errors)
{
    value_each (i, taints) {
        const Path *at = PATH_AT(path, i);
        validate_taint(value_at(taints, i), at, errors);
        bool is_duplicate = false;
        for (unsigned j = 0; j < i; j++)
            is_duplicate = is_duplicate || same_taint(value_at(taints, j), value_at(taints, i));
        if (is_duplicate) path_duplicate(errors, at, value_at(taints, i));
    }
}

static void node_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *spec = value_get(now, "spec");
    const Path *path = PATH(NULL, "spec");
    if (old != NULL && value_equal(spec, value_get(old, "spec"))) return;
    if (!path_fields(errors, path, spec, spec_fields, "v1.NodeSpec")) return;
    validate_taints(value_get(spec, "taints"), PATH(path, "taints"), errors);
}

/* --- projection --- */

static void read_taints(Taint *taints, AtomTable *atoms, const Value *list)
{
    for (unsigned i = 0; i < part_list_size(list); i++) {
        const Value *taint = value_at(list, i);
        taints[i] = (Taint){
            .key = part_atom(atoms, taint, "key"),
            .value = part_atom(atoms, taint, "value"),
            .effect = part_effect(value_get(taint, "effect")),
            .added_at = time_of(value_get(taint, "timeAdded"), NANOS_NEVER),
        };
    }
}

static void read_status(NodeView *view, AtomTable *atoms, const Value *status)
{
    const Value *allocatable = value_get(status, "allocatable");
    const Value *ready = part_condition(value_get(status, "conditions"), "Ready");
    view->cpu_milli = quantity_milli(value_get(allocatable, "cpu"), 0);
    view->memory_bytes = quantity_units(value_get(allocatable, "memory"), 0);
    view->pods = quantity_units(value_get(allocatable, "pods"), 0);
    view->ready = part_condition_status(ready);
    view->ready_heartbeat_at = time_of(value_get(ready, "lastHeartbeatTime"), NANOS_NEVER);
    view->ready_transition_at = time_of(value_get(ready, "lastTransitionTime"), NANOS_NEVER);
    view->ready_reason = part_atom(atoms, ready, "reason");
    view->boot_id = part_atom(atoms, value_get(status, "nodeInfo"), "bootID");
}

static const void *node_project(const ViewContext *context, const Value *value, const Object *old)
{
    AtomTable *atoms = context->atoms;
    const Value *spec = value_get(value, "spec"), *status = value_get(value, "status");
    const Value *taints = value_get(spec, "taints");
    const Value *in_use = value_get(status, "volumesInUse");
    const Value *attached = value_get(status, "volumesAttached");
    uint32_t taint_count = part_list_size(taints);
    uint32_t in_use_count = part_list_size(in_use), attached_count = part_list_size(attached);
    char *tail;
    size_t names = ((size_t)in_use_count + attached_count) * sizeof(Atom);
    NodeView *view = part_block(sizeof *view, taint_count * sizeof(Taint) + names, &tail);
    Taint *taint_views = PART_TAKE(&tail, Taint, taint_count);
    Atom *in_use_names = PART_TAKE(&tail, Atom, in_use_count);
    Atom *attached_names = PART_TAKE(&tail, Atom, attached_count);
    read_taints(taint_views, atoms, taints);
    part_atoms(atoms, in_use, NULL, in_use_names);
    part_atoms(atoms, attached, "name", attached_names);
    view->meta = meta_project(context, value, old);
    view->zone = meta_label(view->meta, atom_of(atoms, "topology.kubernetes.io/zone"));
    view->is_unschedulable = part_bool(spec, "unschedulable");
    view->taint_count = taint_count;
    view->in_use_count = in_use_count;
    view->attached_count = attached_count;
    view->taints = taint_views;
    view->volumes_in_use = in_use_names;
    view->volumes_attached = attached_names;
    read_status(view, atoms, status);
    return view;
}

static void node_release(const void *view)
{
    meta_unref(((const NodeView *)view)->meta);
    g_free((gpointer)(uintptr_t)view);
}

static unsigned keys_name(const Object *object, uint64_t *keys, unsigned max)
{
    if (max == 0) return 0;
    keys[0] = index_key(object->key.name, 0);
    return 1;
}

static const IndexInfo node_indexes[] = {
    {INDEX_NODE_NAME, keys_name},
    {INDEX_NONE, NULL},
};

/* --- facts --- */

static bool same_taints(const NodeView *a, const NodeView *b)
{
    if (a->taint_count != b->taint_count) return false;
    for (uint32_t i = 0; i < a->taint_count; i++)
        if (a->taints[i].key != b->taints[i].key || a->taints[i].value != b->taints[i].value ||
            a->taints[i].effect != b->taints[i].effect)
            return false;
    return true;
}

static Atom taints_detail(World *world, const NodeView *node)
{
    const AtomTable *atoms = world_atoms(world);
    GString *text = g_string_new(NULL);
    for (uint32_t i = 0; i < node->taint_count; i++)
        g_string_append_printf(
            text, "%s%s=%s:%s", i > 0 ? "," : "", atom_text(atoms, node->taints[i].key),
            atom_text(atoms, node->taints[i].value), part_effect_text(node->taints[i].effect));
    return part_detail(world, text);
}

static void node_record(World *world, const Object *old, const Object *now)
{
    if (now == NULL) return;
    static const NodeView nothing;
    const NodeView *before = old != NULL ? node_view(old) : &nothing, *node = node_view(now);
    if (node->ready != before->ready) {
        Atom ready = world_atom(world, condition_text(node->ready));
        part_record(world, now,
                    (PartFact){.row = ROW_NODE_READY, .node = now->key.name, .detail = ready});
    }
    if (!same_taints(before, node))
        part_record(world, now,
                    (PartFact){.row = ROW_NODE_TAINTS,
                               .node = now->key.name,
                               .detail = taints_detail(world, node)});
}

const KindInfo node_kind = {
    .name = "Node",
    .api_version = "v1",
    .plural = "nodes",
    .short_names = (const char *const[]){"no", NULL},
    .has_status = true,
    .defaults = node_defaults,
    .validate = node_validate,
    .prepare = node_prepare,
    .project = node_project,
    .release = node_release,
    .indexes = node_indexes,
    .record = node_record,
};
