/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replicaset.c - the kind ReplicaSet.
 * Mirrors: kubernetes v1.36 pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation/validation.go.
 * Simplified: nothing known.
 * State: none.
 */
#include "models/kind/edit.h"
#include "models/kind/workload.h"

static void default_spec(Value **spec)
{
    edit_drop_empty(spec, (const char *const[]){"minReadySeconds", NULL});
    edit_int(spec, "replicas", 1);
    edit_child(spec, "template", podtemplate_default);
}

static void replicaset_defaults(Value **set)
{
    edit_struct(set, "spec", default_spec);
}

static const Field spec_fields[] = {
    {"replicas", FIELD_INT32, NULL},
    {"minReadySeconds", FIELD_INT32, NULL},
    {"selector", FIELD_MAP, "v1.LabelSelector"},
    {"template", FIELD_MAP, "v1.PodTemplateSpec"},
    {NULL, FIELD_MAP, NULL},
};

static void validate_spec(const Value *spec, FieldErrors *errors)
{
    static const char *const counters[] = {"replicas", "minReadySeconds", NULL};
    const Path *path = PATH(NULL, "spec");
    if (!path_fields(errors, path, spec, spec_fields, "v1.ReplicaSetSpec")) return;
    workload_validate_counters(spec, path, counters, errors);
    workload_validate_selector(spec, "empty selector is invalid for deployment", errors);
    workload_validate_template(spec, NULL, "ReplicaSet", errors);
}

static void validate_status(const Value *now, FieldErrors *errors)
{
    static const char *const counters[] = {"replicas",           "fullyLabeledReplicas",
                                           "readyReplicas",      "availableReplicas",
                                           "observedGeneration", NULL};
    const Value *status = value_get(now, "status");
    workload_validate_counters(status, PATH(NULL, "status"), counters, errors);
    workload_validate_most(status, "fullyLabeledReplicas", "replicas", errors);
    workload_validate_most(status, "readyReplicas", "replicas", errors);
    workload_validate_most(status, "availableReplicas", "replicas", errors);
    workload_validate_most(status, "availableReplicas", "readyReplicas", errors);
}

static void replicaset_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *spec = value_get(now, "spec"), *before = value_get(old, "spec");
    if (old == NULL || !value_equal(spec, before)) validate_spec(spec, errors);
    if (old == NULL) return;
    path_immutable(errors, PATH(PATH(NULL, "spec"), "selector"), value_get(spec, "selector"),
                   value_get(before, "selector"));
    if (!value_equal(value_get(now, "status"), value_get(old, "status")))
        validate_status(now, errors);
}

static const void *replicaset_project(const ViewContext *context, const Value *value,
                                      const Object *old)
{
    const Value *spec = value_get(value, "spec"), *status = value_get(value, "status");
    ReplicaSetView *view = g_new0(ReplicaSetView, 1);
    view->meta = meta_project(context, value, old);
    view->replicas = part_int(spec, "replicas", 1);
    view->min_ready_s = part_int(spec, "minReadySeconds", 0);
    view->selector = workload_selector(context->atoms, spec);
    view->template = value_get(spec, "template");
    view->observed_generation = part_int(status, "observedGeneration", 0);
    view->status_replicas = part_int(status, "replicas", 0);
    view->fully_labeled = part_int(status, "fullyLabeledReplicas", 0);
    view->ready = part_int(status, "readyReplicas", 0);
    view->available = part_int(status, "availableReplicas", 0);
    return view;
}

static void replicaset_release(const void *view)
{
    const ReplicaSetView *set = view;
    meta_unref(set->meta);
    selector_free(set->selector);
    g_free((gpointer)(uintptr_t)view);
}

const KindInfo replicaset_kind = {
    .name = "ReplicaSet",
    .api_version = "apps/v1",
    .plural = "replicasets",
    .short_names = (const char *const[]){"rs", NULL},
    .also = (const char *const[]){"apps/v1beta2", "extensions/v1beta1", NULL},
    .is_namespaced = true,
    .has_status = true,
    .defaults = replicaset_defaults,
    .validate = replicaset_validate,
    .project = replicaset_project,
    .release = replicaset_release,
};
