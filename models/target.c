/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.c - resolves the selector of a fault against the world of the moment.
 *
 * Mirrors: Chaos Mesh's selector and mode (v2.7 docs), with nodes and zones beside labels.
 * Simplified: `one` and the random modes draw from a stream of the step's own, not uniformly over
 * time.
 */
#include "models/target.h"

#include <stdlib.h>

const char *const target_modes[] = {"one", "all", "fixed", "fixed-percent", "random-max-percent",
                                    NULL};
enum { MODE_ONE, MODE_ALL, MODE_FIXED, MODE_FIXED_PERCENT, MODE_RANDOM_MAX_PERCENT };

static const char *const selector_keys[] = {"node",           "pod",       "zone",
                                            "labelSelectors", "namespace", NULL};

/* "default/web-1" or "web-1" into namespace and name; free the result with g_strfreev(). */
static char **split_pod(const char *text)
{
    const char *slash = strchr(text, '/');
    char **parts = g_new0(char *, 3);
    parts[0] = slash ? g_strndup(text, (gsize)(slash - text)) : g_strdup("default");
    parts[1] = g_strdup(slash ? slash + 1 : text);
    return parts;
}

bool target_parse(const char *text, Kind *ret_kind, const char **ret_name)
{
    const char *slash = strchr(text, '/');
    if (!slash || !slash[1]) return false;
    g_autofree char *word = g_strndup(text, (gsize)(slash - text));
    *ret_kind = kind_by_word(word);
    *ret_name = slash + 1;
    return *ret_kind != KIND_NONE;
}

/* --- checking --- */

/* The index-th of the objects that the scenario ever has by a manifest, at first or applied by a
 * step; NULL after the last. */
static const Value *declared_at(const Scenario *scenario, unsigned index)
{
    if (index < scenario->manifest_count) return scenario->manifests[index].value;
    index -= scenario->manifest_count;
    for (unsigned i = 0; i < scenario->step_count; i++) {
        const Value *applied = value_get(scenario->steps[i].source, "manifests");
        if (index < value_size(applied)) return value_at(applied, index);
        index -= value_size(applied);
    }
    return NULL;
}

static bool is_declared(const Value *object, Kind kind, const char *space, const char *name)
{
    const char *own = value_text(object, "metadata", "namespace");
    return kind_of(value_text(object, "apiVersion"), value_text(object, "kind")) == kind &&
           strcmp(value_text(object, "metadata", "name"), name) == 0 &&
           (!kind_info(kind)->is_namespaced || strcmp(*own ? own : "default", space) == 0);
}

/* The largest number of replicas the scenario ever gives a set by a scale step. */
static int64_t scaled_ever(const Scenario *scenario, const char *set)
{
    int64_t most = 0;
    for (unsigned i = 0; i < scenario->step_count; i++) {
        Kind kind;
        const char *name;
        const Value *source = scenario->steps[i].source;
        if (source && target_parse(value_text(source, "target"), &kind, &name) &&
            kind == KIND_STATEFUL_SET && strcmp(name, set) == 0)
            most = MAX(most, value_as_int(value_get(source, "replicas"), 0));
    }
    return most;
}

static bool pod_can_exist(const Scenario *scenario, const char *space, const char *name)
{
    char parent[256];
    int64_t ordinal = -1;
    const Value *object;
    bool has_ordinal = pod_ordinal(name, parent, &ordinal);
    for (unsigned i = 0; (object = declared_at(scenario, i)) != NULL; i++) {
        if (is_declared(object, KIND_POD, space, name)) return true;
        if (!has_ordinal || !is_declared(object, KIND_STATEFUL_SET, space, parent)) continue;
        int64_t start = value_as_int(value_find(object, "spec", "ordinals", "start"), 0);
        int64_t replicas = MAX(value_as_int(value_find(object, "spec", "replicas"), 1),
                               scaled_ever(scenario, parent));
        if (ordinal >= start && ordinal - start < replicas) return true;
    }
    return false;
}

static bool node_can_exist(const Scenario *scenario, const char *name)
{
    for (unsigned i = 0; i < scenario->cluster.node_group_count; i++) {
        const NodeGroup *group = &scenario->cluster.node_groups[i];
        size_t length = strlen(group->name);
        int64_t index = 0;
        if (group->count == 1 && strcmp(group->name, name) == 0) return true;
        if (strncmp(group->name, name, length) == 0 && name[length] == '-' &&
            text_to_int(name + length + 1, &index) && index >= 1 && index <= group->count)
            return true;
    }
    return false;
}

static bool object_can_exist(const Scenario *scenario, Kind kind, const char *space,
                             const char *name)
{
    const Value *object;
    if (kind == KIND_POD) return pod_can_exist(scenario, space, name);
    for (unsigned i = 0; (object = declared_at(scenario, i)) != NULL; i++)
        if (is_declared(object, kind, space, name)) return true;
    return kind == KIND_NODE && node_can_exist(scenario, name);
}

static bool kind_is_among(Kind kind, const Kind *kinds)
{
    for (const Kind *allowed = kinds; allowed && *allowed != KIND_NONE; allowed++)
        if (*allowed == kind) return true;
    return !kinds;
}

bool target_check_object(const Scenario *scenario, const char *text, const char *space,
                         const Kind *kinds, const Step *step, GError **error)
{
    Kind kind;
    const char *name;
    ParamPlace place = {step->file, "target"};
    const Value *node = value_get(step->source, "target");
    if (!target_parse(text, &kind, &name) || !kind_is_among(kind, kinds)) {
        param_error(error, place, node,
                    "'%s' is nothing that can be meant here; write KIND/NAME, as in "
                    "statefulset/web%s",
                    text, kinds ? "" : " or pod/web-1");
        return false;
    }
    /* Claims and volumes come to be in the run: any name may exist by then. */
    if (kind == KIND_PERSISTENT_VOLUME_CLAIM || kind == KIND_PERSISTENT_VOLUME ||
        object_can_exist(scenario, kind, space, name))
        return true;
    param_error(error, place, node, "the scenario has no %s '%s' in namespace '%s'",
                kind_info(kind)->name, name, space);
    return false;
}

static bool zone_exists(const Scenario *scenario, const char *zone)
{
    for (unsigned i = 0; i < scenario->cluster.node_group_count; i++)
        if (strcmp(scenario->cluster.node_groups[i].zone, zone) == 0) return true;
    return false;
}

static bool labels_can_match(const Scenario *scenario, const Value *wanted)
{
    for (unsigned i = 0; i < scenario->manifest_count; i++) {
        const Value *value = scenario->manifests[i].value;
        const Value *labels = scenario->manifests[i].kind == KIND_POD
                                  ? value_find(value, "metadata", "labels")
                                  : value_find(value, "spec", "template", "metadata", "labels");
        bool fits = labels != NULL;
        value_each (k, wanted) {
            fits = fits &&
                   value_equal(value_get(labels, value_key_at(wanted, k)), value_at(wanted, k));
        }
        if (fits) return true;
    }
    return false;
}

static bool check_key(const Scenario *scenario, const char *key, const Value *value,
                      ParamPlace place, GError **error)
{
    const char *text = value_as_text(value, "");
    if (strcmp(key, "node") == 0 && !node_can_exist(scenario, text)) {
        param_error(error, place, value,
                    "the cluster has no node '%s'; nodes are set by "
                    "spec.cluster.nodes (node-1, node-2, ... if it is a number)",
                    text);
    } else if (strcmp(key, "zone") == 0 && !zone_exists(scenario, text)) {
        param_error(error, place, value, "no node is in zone '%s'", text);
    } else if (strcmp(key, "labelSelectors") == 0 && !labels_can_match(scenario, value)) {
        param_error(error, place, value, "no workload of the scenario has pods with these labels");
    } else if (strcmp(key, "pod") == 0) {
        g_auto(GStrv) pod = split_pod(text);
        if (pod_can_exist(scenario, pod[0], pod[1])) return true;
        param_error(error, place, value,
                    "no manifest makes a pod '%s' in namespace '%s'; a StatefulSet's pods are "
                    "NAME-0, NAME-1, ...; for a Deployment's use labelSelectors",
                    pod[1], pod[0]);
    } else {
        return true;
    }
    return false;
}

bool target_check(const Scenario *scenario, const Target *target, const Step *step, GError **error)
{
    ParamPlace place = {step->file, "inject.selector"};
    if (!value_is_map(target->selector) || value_size(target->selector) == 0) {
        param_error(error, place, target->selector,
                    "must be a map of node, pod, zone or labelSelectors");
        return false;
    }
    value_each (i, target->selector) {
        const char *key = value_key_at(target->selector, i);
        if (!g_strv_contains(selector_keys, key)) {
            const char *near = text_nearest(key, selector_keys);
            param_error(error, place, value_at(target->selector, i), "unknown key '%s'%s%s%s", key,
                        near ? ", did you mean '" : " (node, pod, zone, labelSelectors)",
                        near ? near : "", near ? "'?" : "");
            return false;
        }
        if (!check_key(scenario, key, value_at(target->selector, i), place, error)) return false;
    }
    return true;
}

/* --- resolving --- */

static bool pod_fits(World *world, const Target *target, const Object *pod)
{
    const Value *wanted = value_get(target->selector, "labelSelectors");
    const char *name = value_text(target->selector, "pod");
    const char *space = value_text(target->selector, "namespace");
    const Meta *meta = object_meta(pod);
    if (*name) {
        g_auto(GStrv) parts = split_pod(name);
        return strcmp(atom_text(world_atoms(world), meta->name), parts[1]) == 0 &&
               strcmp(atom_text(world_atoms(world), meta->space), parts[0]) == 0;
    }
    if (!wanted || (*space && strcmp(atom_text(world_atoms(world), meta->space), space) != 0))
        return false;
    value_each (i, wanted) {
        Atom key = world_atom(world, value_key_at(wanted, i));
        if (meta_label(meta, key) != world_atom(world, value_as_text(value_at(wanted, i), "")))
            return false;
    }
    return true;
}

/* How many of `count` candidates the mode takes. */
static unsigned how_many(World *world, const Target *target, unsigned count, Rng *rng)
{
    unsigned value = target->value < 0 ? 0 : (unsigned)MIN(target->value, 1000000);
    (void)world;
    switch (target->mode) {
    case MODE_ONE: return MIN(count, 1);
    case MODE_FIXED: return MIN(count, value);
    case MODE_FIXED_PERCENT: return (unsigned)MIN(count, ((uint64_t)count * value + 99) / 100);
    case MODE_RANDOM_MAX_PERCENT: {
        uint64_t most = MIN(count, ((uint64_t)count * value + 99) / 100);
        return (unsigned)rng_below(rng, most + 1);
    }
    default: return count;
    }
}

/* Leaves a random subset of the size the mode asks for, in the original order. */
static void choose(World *world, const Target *target, gpointer *items, unsigned *count)
{
    Rng rng = sim_stream(world_sim(world), "target", "choose");
    rng.counter += (uint64_t)world_now(world) >> 20;
    unsigned want = how_many(world, target, *count, &rng), taken = 0;
    for (unsigned i = 0; i < *count && taken < want; i++) {
        unsigned left = *count - i;
        if (rng_below(&rng, left) < want - taken) items[taken++] = items[i];
    }
    *count = taken;
}

static bool machine_fits(World *world, const Target *target, Machine *machine)
{
    const char *node = value_text(target->selector, "node");
    const char *zone = value_text(target->selector, "zone");
    const AtomTable *atoms = world_atoms(world);
    if (*node && strcmp(node, atom_text(atoms, machine_name(machine))) != 0) return false;
    if (*zone && strcmp(zone, atom_text(atoms, machine_zone(machine))) != 0) return false;
    if (!value_get(target->selector, "pod") && !value_get(target->selector, "labelSelectors"))
        return true;
    ObjectList pods = table_kind(store_table(world_store(world)), KIND_POD);
    for (unsigned i = 0; i < pods.count; i++)
        if (pod_view(pods.items[i])->spec->node_name == machine_name(machine) &&
            pod_fits(world, target, pods.items[i]))
            return true;
    return false;
}

GPtrArray *target_machines(World *world, const Target *target)
{
    GPtrArray *found = g_ptr_array_new();
    for (unsigned i = 0; i < world_machine_count(world); i++)
        if (machine_fits(world, target, world_machine_at(world, i)))
            g_ptr_array_add(found, world_machine_at(world, i));
    unsigned count = found->len;
    choose(world, target, found->pdata, &count);
    g_ptr_array_set_size(found, (int)count);
    return found;
}

static int by_ref(const void *a, const void *b, void *atoms)
{
    const Object *x = *(const Object *const *)a, *y = *(const Object *const *)b;
    return key_compare(atoms, x->key, y->key);
}

GArray *target_pods(World *world, const Target *target)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new();
    ObjectList pods = table_kind(store_table(world_store(world)), KIND_POD);
    for (unsigned i = 0; i < pods.count; i++)
        if (pod_fits(world, target, pods.items[i]))
            g_ptr_array_add(found, (gpointer)(uintptr_t)pods.items[i]);
    g_qsort_with_data(found->pdata, (int)found->len, sizeof(gpointer), by_ref, world_atoms(world));
    unsigned count = found->len;
    choose(world, target, found->pdata, &count);
    GArray *keys = g_array_new(false, false, sizeof(Key));
    for (unsigned i = 0; i < count; i++)
        g_array_append_val(keys, ((const Object *)found->pdata[i])->key);
    return keys;
}
