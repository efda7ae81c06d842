/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storageclass.c - the kind StorageClass.
 * Mirrors: kubernetes v1.36 pkg/apis/storage/v1/defaults.go, pkg/apis/storage/validation.
 * Simplified: nothing known.
 * State: none.
 */
#include "models/kind/edit.h"
#include "models/kind/part.h"
#include "models/kind/path.h"

static void storageclass_defaults(Value **storage_class)
{
    edit_text(storage_class, "reclaimPolicy", "Delete");
    edit_text(storage_class, "volumeBindingMode", "Immediate");
}

static const Field fields[] = {
    {"provisioner", FIELD_STRING, NULL},
    {"reclaimPolicy", FIELD_STRING, NULL},
    {"volumeBindingMode", FIELD_STRING, NULL},
    {"parameters", FIELD_STRING_MAP, NULL},
    {"allowVolumeExpansion", FIELD_BOOL, NULL},
    {"allowedTopologies", FIELD_LIST, "[]v1.TopologySelectorTerm"},
    {NULL, FIELD_MAP, NULL},
};

static void validate_update(const Value *now, const Value *old, FieldErrors *errors)
{
    static const char *const fixed[] = {"parameters", "provisioner", "reclaimPolicy"};
    for (unsigned i = 0; i < G_N_ELEMENTS(fixed); i++) {
        const Value *field = value_get(now, fixed[i]);
        if (value_equal(field, value_get(old, fixed[i]))) continue;
        g_autofree char *detail = g_strdup_printf("updates to %s are forbidden.", fixed[i]);
        path_forbidden(errors, PATH(NULL, fixed[i]), field, detail);
    }
    path_immutable(errors, PATH(NULL, "volumeBindingMode"), value_get(now, "volumeBindingMode"),
                   value_get(old, "volumeBindingMode"));
}

static void storageclass_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    static const char *const policies[] = {"Delete", "Retain", NULL};
    static const char *const modes[] = {"Immediate", "WaitForFirstConsumer", NULL};
    if (!path_fields(errors, NULL, now, fields, "v1.StorageClass")) return;
    if (value_text(now, "provisioner")[0] == 0)
        path_required(errors, PATH(NULL, "provisioner"), now, "");
    path_one_of(errors, PATH(NULL, "reclaimPolicy"), value_get(now, "reclaimPolicy"), policies);
    path_one_of(errors, PATH(NULL, "volumeBindingMode"), value_get(now, "volumeBindingMode"),
                modes);
    if (old != NULL) validate_update(now, old, errors);
}

static bool annotation_is_true(const Value *value, const char *key)
{
    return strcmp(value_as_text(value_find(value, "metadata", "annotations", key), ""), "true") ==
           0;
}

static const void *storageclass_project(const ViewContext *context, const Value *value,
                                        const Object *old)
{
    StorageClassView *view = g_new0(StorageClassView, 1);
    view->meta = meta_project(context, value, old);
    view->provisioner = part_atom(context->atoms, value, "provisioner");
    view->is_delete = strcmp(value_text(value, "reclaimPolicy"), "Retain") != 0;
    view->waits_for_consumer =
        strcmp(value_text(value, "volumeBindingMode"), "WaitForFirstConsumer") == 0;
    view->is_default =
        annotation_is_true(value, "storageclass.kubernetes.io/is-default-class") ||
        annotation_is_true(value, "storageclass.beta.kubernetes.io/is-default-class");
    view->allows_expansion = part_bool(value, "allowVolumeExpansion");
    view->parameters = value_get(value, "parameters");
    view->allowed_topologies = value_get(value, "allowedTopologies");
    return view;
}

static void storageclass_release(const void *view)
{
    meta_unref(((const StorageClassView *)view)->meta);
    g_free((gpointer)(uintptr_t)view);
}

const KindInfo storageclass_kind = {
    .name = "StorageClass",
    .api_version = "storage.k8s.io/v1",
    .plural = "storageclasses",
    .short_names = (const char *const[]){"sc", NULL},
    .also = (const char *const[]){"storage.k8s.io/v1beta1", NULL},
    .defaults = storageclass_defaults,
    .validate = storageclass_validate,
    .project = storageclass_project,
    .release = storageclass_release,
};
