/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespace.c - the kind Namespace.
 * Mirrors: kubernetes v1.36 pkg/apis/core/v1/defaults.go (SetDefaults_Namespace),
 *   pkg/registry/core/namespace/strategy.go.
 * Simplified: no finalizers in the spec; a namespace is deleted at once, its content is not.
 * State: phase Active or Terminating.
 */
#include "models/kind/edit.h"
#include "models/kind/part.h"
#include "models/kind/path.h"

static void default_status(Value **status)
{
    edit_text(status, "phase", "Active");
}

static const char name_label[] = "kubernetes.io/metadata.name";

static void default_labels(Value **namespace)
{
    const Value *name = value_find(*namespace, "metadata", "name");
    const Value *labels = value_find(*namespace, "metadata", "labels");
    bool is_fixable = edit_is_unset(labels) || value_is_map(labels);
    if (value_as_text(name, "")[0] == 0 || !is_fixable) return;
    if (!value_equal(value_get(labels, name_label), name))
        value_put(namespace, value_ref(name), "metadata", "labels", name_label);
}

static void namespace_defaults(Value **namespace)
{
    default_labels(namespace);
    edit_struct(namespace, "status", default_status);
}

static void namespace_prepare(Value **now, const Value *old)
{
    if (old != NULL) return;
    Value *status = value_map();
    value_map_set(status, "phase", value_string("Active"));
    part_start_status(now, status);
}

static void namespace_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *name = value_find(now, "metadata", "name");
    if (old == NULL && value_as_text(name, "")[0] != 0)
        path_name(errors, PATH(PATH(NULL, "metadata"), "name"), name, name_is_dns_label);
}

static const void *namespace_project(const ViewContext *context, const Value *value,
                                     const Object *old)
{
    NamespaceView *view = g_new0(NamespaceView, 1);
    view->meta = meta_project(context, value, old);
    view->is_active = strcmp(value_text(value, "status", "phase"), "Terminating") != 0 &&
                      view->meta->deleted_at == NANOS_NEVER;
    return view;
}

static void namespace_release(const void *view)
{
    meta_unref(((const NamespaceView *)view)->meta);
    g_free((gpointer)(uintptr_t)view);
}

const KindInfo namespace_kind = {
    .name = "Namespace",
    .api_version = "v1",
    .plural = "namespaces",
    .short_names = (const char *const[]){"ns", NULL},
    .has_status = true,
    .defaults = namespace_defaults,
    .validate = namespace_validate,
    .prepare = namespace_prepare,
    .project = namespace_project,
    .release = namespace_release,
};
