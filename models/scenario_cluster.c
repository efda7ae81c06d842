/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_cluster.c - spec.cluster: release, gates, nodes, profile, storage classes.
 */
#include "models/gates.h"
#include "models/scenario_internal.h"

#define ZONE_DEFAULT  "zone-a"
#define NODES_DEFAULT 3

static bool read_version(const Reading *reading, const char *version, const Value *node,
                         int *ret_minor, GError **error)
{
    int64_t minor = 0;
    if (g_str_has_prefix(version, "1.") && text_to_int(version + 2, &minor) &&
        minor >= GATE_MINOR_FIRST && minor <= GATE_MINOR_LAST) {
        *ret_minor = (int)minor;
        return true;
    }
    param_error(error, (ParamPlace){reading->file, "spec.cluster.version"}, node,
                "'%s' is not simulated; write \"1.%d\" to \"1.%d\" (in quotes)", version,
                GATE_MINOR_FIRST, GATE_MINOR_LAST);
    return false;
}

/* The known gate nearest to a misspelt one, or NULL. */
static const char *nearest_gate(const char *name)
{
    g_autofree const char **names = g_new0(const char *, gate_count() + 1);
    for (unsigned i = 0; i < gate_count(); i++)
        names[i] = gate_name(i);
    return text_nearest(name, names);
}

static bool check_gates(const Reading *reading, const Value *gates, GError **error)
{
    ParamPlace place = {reading->file, "spec.cluster.featureGates"};
    value_each (i, gates) {
        const char *name = value_key_at(gates, i);
        if (value_type(value_at(gates, i)) != VALUE_BOOL) {
            param_error(error, place, value_at(gates, i), "'%s' must be true or false", name);
            return false;
        }
        if (!gate_is_known(name)) {
            const char *near = nearest_gate(name);
            param_error(error, place, value_at(gates, i), "unknown gate '%s'%s%s%s", name,
                        near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
            return false;
        }
    }
    return true;
}

/* --- nodes --- */

/* N equal nodes, dealt out over the zones. */
static bool read_node_number(Reading *reading, const ClusterFields *fields, GError **error)
{
    ClusterConfig *cluster = &reading->scenario->cluster;
    Arena *arena = reading->scenario->arena;
    int64_t count = value_as_int(fields->nodes, fields->nodes ? 0 : NODES_DEFAULT);
    if (count < 1 || count > 100000) {
        param_error(error, (ParamPlace){reading->file, "spec.cluster.nodes"}, fields->nodes,
                    "must be a number from 1 to 100000, or a list of groups");
        return false;
    }
    unsigned zones = value_size(fields->zones);
    NodeGroup *groups = arena_new_array(arena, NodeGroup, (size_t)count);
    for (unsigned i = 0; i < (unsigned)count; i++) {
        bool ok = param_read(node_params, NULL, &groups[i], (ParamPlace){reading->file, ""}, error);
        CHECK(ok);
        groups[i].name = arena_printf(arena, "node-%u", i + 1);
        groups[i].zone =
            zones ? value_as_text(value_at(fields->zones, i % zones), ZONE_DEFAULT) : ZONE_DEFAULT;
    }
    cluster->node_groups = groups;
    cluster->node_group_count = (unsigned)count;
    return true;
}

static bool read_node_groups(Reading *reading, const ClusterFields *fields, GError **error)
{
    ClusterConfig *cluster = &reading->scenario->cluster;
    unsigned count = value_size(fields->nodes);
    NodeGroup *groups = arena_new_array(reading->scenario->arena, NodeGroup, count + 1);
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("spec.cluster.nodes[%u]", i);
        if (!param_read(node_params, value_at(fields->nodes, i), &groups[i],
                        (ParamPlace){reading->file, path}, error))
            return false;
        for (unsigned k = 0; k < i; k++)
            if (strcmp(groups[k].name, groups[i].name) == 0) {
                param_error(error, (ParamPlace){reading->file, path}, value_at(fields->nodes, i),
                            "a second group is named '%s'; give each its own name", groups[i].name);
                return false;
            }
    }
    if (count == 0) {
        param_error(error, (ParamPlace){reading->file, "spec.cluster.nodes"}, fields->nodes,
                    "is an empty list; a cluster has at least one node");
        return false;
    }
    cluster->node_groups = groups;
    cluster->node_group_count = count;
    return true;
}

/* --- profile and the maps it may fill --- */

static Value *merged(const Value *base, const Value *over)
{
    Value *result = base ? value_ref(base) : value_map();
    value_each (i, over) {
        value_put(&result, value_ref(value_at(over, i)), value_key_at(over, i));
    }
    return result;
}

static char *find_profile(const Reading *reading, const char *name)
{
    g_autofree char *file = g_strconcat("profiles/", name, ".yaml", NULL);
    g_autofree char *beside = reading_path(reading, file);
    if (g_file_test(beside, G_FILE_TEST_EXISTS) || !reading->data_dir)
        return g_steal_pointer(&beside);
    return g_build_filename(reading->data_dir, "scenarios", file, NULL);
}

/* The spec of the profile, kept by the manifest set; NULL with error set. */
static const Value *load_profile(Reading *reading, const char *name, GError **error)
{
    g_autofree char *path = find_profile(reading, name);
    YamlStream *stream = reading_digest_file(reading, path, error) ? yaml_load(path, error) : NULL;
    if (!stream) {
        g_prefix_error(error, "%s: spec.cluster.profile '%s': ", reading->file, name);
        return NULL;
    }
    g_ptr_array_add(reading->manifests->streams, stream);
    const Value *document = yaml_count(stream) ? yaml_at(stream, 0)->value : NULL;
    if (strcmp(value_text(document, "kind"), "Profile") == 0) return value_get(document, "spec");
    param_error(error, (ParamPlace){path, "kind"}, document, "must be Profile");
    return NULL;
}

/* One of the maps of spec.cluster: its key, what the profile and the scenario say, where it goes. */
typedef struct {
    const char *key;
    const Param *table;
    const Value *over;
    void *fields;
} ClusterMap;

static bool read_map(Reading *reading, const ClusterMap *map, const Value *profile, GError **error)
{
    g_autofree char *path = g_strconcat("spec.cluster.", map->key, NULL);
    if (map->over && !value_is_map(map->over)) {
        param_error(error, (ParamPlace){reading->file, path}, map->over, "must be a map");
        return false;
    }
    Value *all = merged(value_get(profile, map->key), map->over);
    g_ptr_array_add(reading->manifests->values, all);
    return param_read(map->table, all, map->fields, (ParamPlace){reading->file, path}, error);
}

static bool read_maps(Reading *reading, const ClusterFields *fields, GError **error)
{
    ClusterConfig *cluster = &reading->scenario->cluster;
    const Value *profile = NULL;
    if (*fields->profile && !(profile = load_profile(reading, fields->profile, error)))
        return false;
    const ClusterMap maps[] = {
        {"latency", latency_params, fields->latency, &cluster->latency},
        {"controlPlane", control_plane_params, fields->control_plane, &cluster->control_plane},
        {"dns", dns_params, fields->dns, &cluster->dns},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(maps); i++)
        if (!read_map(reading, &maps[i], profile, error)) return false;
    return true;
}

/* A loop without a period would never let time pass. */
static bool check_periods(const Reading *reading, GError **error)
{
    const ControlPlaneConfig *config = &reading->scenario->cluster.control_plane;
    const struct {
        const char *name;
        Nanos period;
    } periods[] = {{"nodeMonitorPeriod", config->node_monitor_period},
                   {"podGCPeriod", config->pod_gc_period},
                   {"leaseDuration", config->lease_duration},
                   {"renewDeadline", config->renew_deadline},
                   {"retryPeriod", config->retry_period}};
    for (unsigned i = 0; i < G_N_ELEMENTS(periods); i++) {
        if (periods[i].period >= NANOS_MS) continue;
        param_error(error, (ParamPlace){reading->file, "spec.cluster.controlPlane"},
                    value_get(reading->fields.cluster, "controlPlane"), "'%s' must be at least 1ms",
                    periods[i].name);
        return false;
    }
    return true;
}

/* --- storage classes --- */

static bool add_class(Reading *reading, const char *name, bool is_default, GError **error)
{
    Value *value = value_map();
    value_put(&value, value_string("storage.k8s.io/v1"), "apiVersion");
    value_put(&value, value_string("StorageClass"), "kind");
    value_put(&value, value_string(name), "metadata", "name");
    if (is_default)
        value_put(&value, value_string("true"), "metadata", "annotations",
                  "storageclass.kubernetes.io/is-default-class");
    value_put(&value, value_string("ebs.csi.aws.com"), "provisioner");
    value_put(&value, value_string("Delete"), "reclaimPolicy");
    value_put(&value, value_string("WaitForFirstConsumer"), "volumeBindingMode");
    g_ptr_array_add(reading->manifests->values, value);
    return manifest_add(reading->manifests, value, reading->file, error);
}

static bool has_class(const ManifestSet *set)
{
    for (unsigned i = 0; i < set->objects->len; i++)
        if (g_array_index(set->objects, Manifest, i).kind == KIND_STORAGE_CLASS) return true;
    return false;
}

/* What the cluster provides beside the manifests: the classes asked for; `standard` if there would
 * be none at all. */
static bool add_classes(Reading *reading, const Value *names, GError **error)
{
    bool has_any = has_class(reading->manifests);
    value_each (i, names) {
        const char *name = value_as_text(value_at(names, i), NULL);
        if (!name) {
            param_error(error, (ParamPlace){reading->file, "spec.cluster.storageClasses"}, names,
                        "must be a list of names");
            return false;
        }
        if (!add_class(reading, name, !has_any && i == 0, error)) return false;
    }
    return has_any || value_size(names) > 0 || add_class(reading, "standard", true, error);
}

bool scenario_read_cluster(Reading *reading, GError **error)
{
    ClusterConfig *cluster = &reading->scenario->cluster;
    ClusterFields fields = {0};
    ParamPlace place = {reading->file, "spec.cluster"};
    const Value *map = reading->fields.cluster;
    if (!param_read(cluster_params, map, &fields, place, error)) return false;
    cluster->gates = fields.gates;
    cluster->dns_domain = fields.dns_domain;
    bool is_list = value_is_list(fields.nodes);
    return read_version(reading, fields.version, value_get(map, "version"), &cluster->minor,
                        error) &&
           check_gates(reading, fields.gates, error) && read_maps(reading, &fields, error) &&
           check_periods(reading, error) &&
           (is_list ? read_node_groups(reading, &fields, error)
                    : read_node_number(reading, &fields, error)) &&
           add_classes(reading, fields.storage_classes, error);
}
