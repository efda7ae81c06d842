/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.c - reads, expands, patches and checks manifests.
 *
 * Mirrors: what `kubectl apply --validate` and the API server's decoding and validation reject.
 * Simplified: unknown fields are looked for in the spec of workloads and pods only, and are warned
 * about, not refused; a misspelt field elsewhere is not found.
 */
#include "models/manifest.h"

#include "models/api/patch.h"
#include "models/api/validate.h"

ManifestSet *manifest_set_new(void)
{
    ManifestSet *set = g_new0(ManifestSet, 1);
    set->atoms = atom_table_new();
    set->streams = g_ptr_array_new_with_free_func((GDestroyNotify)yaml_stream_free);
    set->values = g_ptr_array_new_with_free_func((GDestroyNotify)value_unref);
    set->objects = g_array_new(false, false, sizeof(Manifest));
    set->foreign = g_ptr_array_new();
    set->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    set->warnings = g_ptr_array_new_with_free_func(g_free);
    set->warned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return set;
}

void manifest_set_free(ManifestSet *set)
{
    if (!set) return;
    g_array_unref(set->objects);
    g_ptr_array_unref(set->foreign);
    g_ptr_array_unref(set->values);
    g_ptr_array_unref(set->streams);
    g_ptr_array_unref(set->warnings);
    g_hash_table_unref(set->seen);
    g_hash_table_unref(set->warned);
    atom_table_free(set->atoms);
    g_free(set);
}

bool manifest_is_object(const Value *document)
{
    return *value_text(document, "apiVersion") && *value_text(document, "kind");
}

static const char *space_of(const KindInfo *info, const Value *value)
{
    const char *space = value_text(value, "metadata", "namespace");
    return !info->is_namespaced ? "" : *space ? space : "default";
}

const Manifest *manifest_find(const ManifestSet *set, Kind kind, const char *space,
                              const char *name)
{
    for (unsigned i = 0; i < set->objects->len; i++) {
        const Manifest *object = &g_array_index(set->objects, Manifest, i);
        if (object->kind == kind &&
            strcmp(value_text(object->value, "metadata", "name"), name) == 0 &&
            strcmp(space_of(kind_info(kind), object->value), space) == 0)
            return object;
    }
    return NULL;
}

/* One warning a kind, however many objects of it there are. */
static void add_foreign(ManifestSet *set, const Value *value, const char *file)
{
    const char *kind = value_text(value, "kind");
    g_ptr_array_add(set->foreign, (gpointer)(uintptr_t)value);
    if (g_hash_table_add(set->warned, g_strdup(kind)))
        g_ptr_array_add(set->warnings,
                        g_strdup_printf("%s:%u: kind %s (%s) is not simulated: it is kept, and has "
                                        "no effect on the run",
                                        file, value_line(value), kind,
                                        value_text(value, "apiVersion")));
}

static bool check_unique(ManifestSet *set, const KindInfo *info, const Value *value,
                         const char *file, GError **error)
{
    const char *name = value_text(value, "metadata", "name");
    g_autofree char *ref = g_strdup_printf("%s/%s/%s", info->name, space_of(info, value), name);
    const char *first = g_hash_table_lookup(set->seen, ref);
    if (first) {
        param_error(error, (ParamPlace){file, "metadata.name"}, value,
                    "there are two documents of %s '%s' (the other one is at %s); rename one or "
                    "remove it",
                    info->name, name, first);
        return false;
    }
    g_hash_table_insert(set->seen, g_steal_pointer(&ref),
                        g_strdup_printf("%s:%u", file, value_line(value)));
    return true;
}

/* The API server's verdict on a copy with defaults. */
static bool check_valid(const KindInfo *info, const Value *value, const char *file, GError **error)
{
    Value *full = value_ref(value);
    g_autoptr(FieldErrors) errors = field_errors_new();
    if (info->defaults) info->defaults(&full);
    validate_meta(info, full, errors);
    if (info->validate) info->validate(full, NULL, errors);
    bool ok = field_errors_count(errors) == 0;
    if (!ok) {
        unsigned line = field_errors_line(errors, 0);
        g_autofree char *all = field_errors_join(errors);
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "%s:%u: %s \"%s\" is invalid: %s",
                    file, line ? line : value_line(value), info->name,
                    value_text(full, "metadata", "name"), all);
    }
    value_unref(full);
    return ok;
}

/* The fields of spec of the kinds people misspell; the API server's own list (v1.36). */
static const char *const workload_fields[] = {"replicas",
                                              "selector",
                                              "template",
                                              "volumeClaimTemplates",
                                              "serviceName",
                                              "podManagementPolicy",
                                              "updateStrategy",
                                              "revisionHistoryLimit",
                                              "minReadySeconds",
                                              "persistentVolumeClaimRetentionPolicy",
                                              "ordinals",
                                              "strategy",
                                              "paused",
                                              "progressDeadlineSeconds",
                                              NULL};
static const char *const pod_fields[] = {"volumes",
                                         "initContainers",
                                         "containers",
                                         "ephemeralContainers",
                                         "restartPolicy",
                                         "terminationGracePeriodSeconds",
                                         "activeDeadlineSeconds",
                                         "dnsPolicy",
                                         "nodeSelector",
                                         "serviceAccountName",
                                         "serviceAccount",
                                         "automountServiceAccountToken",
                                         "nodeName",
                                         "hostNetwork",
                                         "hostPID",
                                         "hostIPC",
                                         "shareProcessNamespace",
                                         "securityContext",
                                         "imagePullSecrets",
                                         "hostname",
                                         "subdomain",
                                         "affinity",
                                         "schedulerName",
                                         "tolerations",
                                         "hostAliases",
                                         "priorityClassName",
                                         "priority",
                                         "dnsConfig",
                                         "readinessGates",
                                         "runtimeClassName",
                                         "enableServiceLinks",
                                         "preemptionPolicy",
                                         "overhead",
                                         "topologySpreadConstraints",
                                         "setHostnameAsFQDN",
                                         "os",
                                         "hostUsers",
                                         "schedulingGates",
                                         "resourceClaims",
                                         "resources",
                                         "hostnameOverride",
                                         "workloadRef",
                                         NULL};

static void warn_unknown(ManifestSet *set, const Value *map, const char *const *known,
                         const char *path, const char *file)
{
    value_each (i, map) {
        const char *key = value_key_at(map, i);
        if (g_strv_contains(known, key)) continue;
        const char *near = text_nearest(key, known);
        g_ptr_array_add(set->warnings,
                        g_strdup_printf("%s:%u: %s: unknown field '%s'%s%s%s: kubectl would refuse "
                                        "it; it is kept, and has no effect on the run",
                                        file, value_line(value_at(map, i)), path, key,
                                        near ? ", did you mean '" : "", near ? near : "",
                                        near ? "'?" : ""));
    }
}

static void warn_misspelt(ManifestSet *set, Kind kind, const Value *value, const char *file)
{
    bool is_workload =
        kind == KIND_STATEFUL_SET || kind == KIND_DEPLOYMENT || kind == KIND_REPLICA_SET;
    const Value *spec = value_get(value, "spec");
    if (is_workload) {
        warn_unknown(set, spec, workload_fields, "spec", file);
        warn_unknown(set, value_find(spec, "template", "spec"), pod_fields, "spec.template.spec",
                     file);
    } else if (kind == KIND_POD) {
        warn_unknown(set, spec, pod_fields, "spec", file);
    }
}

static bool add_items(ManifestSet *set, const Value *list, const char *file, GError **error)
{
    const Value *items = value_get(list, "items");
    value_each (i, items) {
        if (!manifest_add(set, value_at(items, i), file, error)) return false;
    }
    return true;
}

bool manifest_add(ManifestSet *set, const Value *document, const char *file, GError **error)
{
    const char *kind_name = value_text(document, "kind");
    const char *api_version = value_text(document, "apiVersion");
    ParamPlace place = {file, ""};
    if (!value_is_map(document)) {
        param_error(error, place, document,
                    "a manifest must be a map with apiVersion and kind, this is a %s",
                    value_type_name(value_type(document)));
        return false;
    }
    if (!*kind_name || !*api_version) {
        param_error(error, place, document,
                    "'%s' is missing; every manifest has apiVersion and kind",
                    *kind_name ? "apiVersion" : "kind");
        return false;
    }
    if (g_str_has_suffix(kind_name, "List") && value_is_list(value_get(document, "items")))
        return add_items(set, document, file, error);
    Kind kind = kind_of(api_version, kind_name);
    if (kind == KIND_NONE) {
        add_foreign(set, document, file);
        return true;
    }
    const KindInfo *info = kind_info(kind);
    if (!check_valid(info, document, file, error) ||
        !check_unique(set, info, document, file, error))
        return false;
    warn_misspelt(set, kind, document, file);
    Manifest object = {kind, document, g_intern_string(file), value_line(document)};
    g_array_append_val(set->objects, object);
    return true;
}

static bool patch_fits(const Value *patch, const Value *document)
{
    const char *kind = value_text(patch, "kind"), *name = value_text(patch, "metadata", "name");
    return strcmp(kind, value_text(document, "kind")) == 0 &&
           (!*name || strcmp(name, value_text(document, "metadata", "name")) == 0);
}

/* The document with the patch applied, owned by the set; NULL with error set if it does not fit. */
static const Value *patched(ManifestSet *set, const Value *document, const Value *patch,
                            GError **error)
{
    Value *copy = value_ref(document), *body = value_ref(patch);
    value_drop(&body, "kind");
    value_drop(&body, "apiVersion");
    bool ok = patch_apply(PATCH_STRATEGIC, &copy, body, error);
    value_unref(body);
    value_set_line(copy, value_line(document));
    g_ptr_array_add(set->values, copy);
    return ok ? copy : NULL;
}

bool manifest_load(ManifestSet *set, const char *file, const Value *patch, GError **error)
{
    YamlStream *stream = yaml_load(file, error);
    if (!stream) return false;
    g_ptr_array_add(set->streams, stream);
    bool fitted = false;
    for (unsigned i = 0; i < yaml_count(stream); i++) {
        const Value *document = yaml_at(stream, i)->value;
        if (patch && patch_fits(patch, document)) {
            fitted = true;
            document = patched(set, document, patch, error);
        }
        if (!document || !manifest_add(set, document, file, error)) return false;
    }
    if (patch && !fitted) {
        param_error(error, (ParamPlace){file, "patch"}, NULL,
                    "no document is a %s%s%s, so the patch of line %u fits nothing",
                    value_text(patch, "kind"),
                    *value_text(patch, "metadata", "name") ? " named " : "",
                    value_text(patch, "metadata", "name"), value_line(patch));
        return false;
    }
    return true;
}
