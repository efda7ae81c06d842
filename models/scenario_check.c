/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_check.c - faults of a scenario that only show when all of it is known.
 */
#include "models/scenario_internal.h"

#define NO_PROVISIONER "kubernetes.io/no-provisioner"
#define OLD_CLASS      "volume.beta.kubernetes.io/storage-class"

static const Manifest *object_at(const ManifestSet *set, unsigned index)
{
    return &g_array_index(set->objects, Manifest, index);
}

/* --- claims that no class can serve --- */

static bool has_volume_of_class(const ManifestSet *set, const char *class_name)
{
    for (unsigned i = 0; i < set->objects->len; i++) {
        const Manifest *object = object_at(set, i);
        if (object->kind == KIND_PERSISTENT_VOLUME &&
            strcmp(value_text(object->value, "spec", "storageClassName"), class_name) == 0)
            return true;
    }
    return false;
}

static bool has_default_class(const ManifestSet *set)
{
    for (unsigned i = 0; i < set->objects->len; i++) {
        const Manifest *object = object_at(set, i);
        if (object->kind == KIND_STORAGE_CLASS &&
            strcmp(value_text(object->value, "metadata", "annotations",
                              "storageclass.kubernetes.io/is-default-class"),
                   "true") == 0)
            return true;
    }
    return false;
}

/* The class a claim asks for: NULL if it leaves the choice to the default class. */
static const char *class_of(const Value *claim)
{
    const Value *annotation = value_find(claim, "metadata", "annotations", OLD_CLASS);
    const Value *name = value_find(claim, "spec", "storageClassName");
    return value_as_text(annotation, value_as_text(name, NULL));
}

static bool check_claim(const Reading *reading, const Value *claim, const Manifest *owner,
                        GError **error)
{
    const ManifestSet *set = reading->manifests;
    const char *name = value_text(claim, "metadata", "name");
    const char *class_name = class_of(claim);
    ParamPlace place = {owner->file, "spec.storageClassName"};
    const Value *node = value_find(claim, "spec", "storageClassName");
    if (*value_text(claim, "spec", "volumeName")) return true;
    if (!class_name && !has_default_class(set)) {
        param_error(error, place, claim,
                    "claim '%s' names no class and there is no default StorageClass; name one, or "
                    "add spec.cluster.storageClasses to the scenario",
                    name);
        return false;
    }
    if (!class_name || has_volume_of_class(set, class_name)) return true;
    const Manifest *class = manifest_find(set, KIND_STORAGE_CLASS, "", class_name);
    if (class && strcmp(value_text(class->value, "provisioner"), NO_PROVISIONER) != 0) return true;
    param_error(error, place, node ? node : claim,
                "claim '%s' asks for class '%s', which %s; add a StorageClass or a "
                "PersistentVolume of that class to the manifests, or `storageClasses: [%s]` to "
                "spec.cluster",
                name, class_name,
                class ? "provisions nothing, and no PersistentVolume has it"
                      : "no StorageClass and no PersistentVolume has",
                class_name);
    return false;
}

bool scenario_check_claims(Reading *reading, GError **error)
{
    const ManifestSet *set = reading->manifests;
    for (unsigned i = 0; i < set->objects->len; i++) {
        const Manifest *object = object_at(set, i);
        const Value *templates = value_find(object->value, "spec", "volumeClaimTemplates");
        if (object->kind == KIND_PERSISTENT_VOLUME_CLAIM &&
            !check_claim(reading, object->value, object, error))
            return false;
        value_each (k, templates) {
            if (object->kind == KIND_STATEFUL_SET &&
                !check_claim(reading, value_at(templates, k), object, error))
                return false;
        }
    }
    return true;
}

/* --- governing Services --- */

static void warn(const Reading *reading, const Manifest *object, const char *text,
                 const char *service)
{
    g_ptr_array_add(reading->manifests->warnings,
                    g_strdup_printf("%s:%u: spec.serviceName: StatefulSet '%s' %s%s%s%s: the names "
                                    "of its pods will not resolve",
                                    object->file, object->line,
                                    value_text(object->value, "metadata", "name"), text,
                                    *service ? " '" : "", service, *service ? "'" : ""));
}

void scenario_warn_services(Reading *reading)
{
    const ManifestSet *set = reading->manifests;
    for (unsigned i = 0; i < set->objects->len; i++) {
        const Manifest *object = object_at(set, i);
        if (object->kind != KIND_STATEFUL_SET) continue;
        const char *service = value_text(object->value, "spec", "serviceName");
        const char *space = value_text(object->value, "metadata", "namespace");
        const Manifest *found =
            manifest_find(set, KIND_SERVICE, *space ? space : "default", service);
        if (!*service)
            warn(reading, object, "names no governing Service", "");
        else if (!found)
            warn(reading, object, "has no governing Service: the manifests hold none named",
                 service);
        else if (strcmp(value_text(found->value, "spec", "clusterIP"), "None") != 0)
            warn(reading, object, "has a governing Service that is not headless (clusterIP: None),",
                 service);
    }
}
