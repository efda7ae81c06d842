/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deployment.c - the kind Deployment.
 * Mirrors: kubernetes v1.36 pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation/validation.go.
 * Simplified: older API versions get the defaults of apps/v1.
 * State: none.
 */
#include "models/kind/edit.h"
#include "models/kind/workload.h"

/* --- defaults --- */

static void default_rolling(Value **rolling_update)
{
    edit_text(rolling_update, "maxUnavailable", "25%");
    edit_text(rolling_update, "maxSurge", "25%");
}

static void default_strategy(Value **strategy)
{
    edit_drop_empty(strategy, (const char *const[]){"type", NULL});
    edit_text(strategy, "type", "RollingUpdate");
    if (strcmp(value_text(*strategy, "type"), "RollingUpdate") == 0)
        edit_struct(strategy, "rollingUpdate", default_rolling);
}

static void default_spec(Value **spec)
{
    edit_drop_empty(spec, (const char *const[]){"minReadySeconds", "paused", NULL});
    edit_int(spec, "replicas", 1);
    edit_int(spec, "revisionHistoryLimit", 10);
    edit_int(spec, "progressDeadlineSeconds", 600);
    edit_struct(spec, "strategy", default_strategy);
    edit_child(spec, "template", podtemplate_default);
}

static void deployment_defaults(Value **deployment)
{
    edit_struct(deployment, "spec", default_spec);
}

/* --- validation --- */

static const Field spec_fields[] = {
    {"replicas", FIELD_INT32, NULL},
    {"minReadySeconds", FIELD_INT32, NULL},
    {"revisionHistoryLimit", FIELD_INT32, NULL},
    {"progressDeadlineSeconds", FIELD_INT32, NULL},
    {"paused", FIELD_BOOL, NULL},
    {"selector", FIELD_MAP, "v1.LabelSelector"},
    {"template", FIELD_MAP, "v1.PodTemplateSpec"},
    {"strategy", FIELD_MAP, "v1.DeploymentStrategy"},
    {NULL, FIELD_MAP, NULL},
};

static const Field rolling_fields[] = {
    {"maxUnavailable", FIELD_INT_OR_STRING, NULL},
    {"maxSurge", FIELD_INT_OR_STRING, NULL},
    {NULL, FIELD_MAP, NULL},
};

static void validate_rolling(const Value *rolling, const Path *path, FieldErrors *errors)
{
    if (!path_fields(errors, path, rolling, rolling_fields, "v1.RollingUpdateDeployment")) return;
    const Value *most = value_get(rolling, "maxUnavailable"),
                *surge = value_get(rolling, "maxSurge");
    path_int_or_percent(errors, PATH(path, "maxUnavailable"), most);
    path_int_or_percent(errors, PATH(path, "maxSurge"), surge);
    if (int_or_percent(most, 100, false, 0) == 0 && int_or_percent(surge, 100, false, 0) == 0)
        path_invalid(errors, PATH(path, "maxUnavailable"), most,
                     "may not be 0 when `maxSurge` is 0");
    if (value_is_string(most) && int_or_percent(most, 100, false, 0) > 100)
        path_invalid(errors, PATH(path, "maxUnavailable"), most, "must not be greater than 100%");
}

static void validate_strategy(const Value *strategy, FieldErrors *errors)
{
    static const char *const types[] = {"Recreate", "RollingUpdate", NULL};
    const Path *path = PATH(PATH(NULL, "spec"), "strategy");
    const char *type = value_text(strategy, "type");
    const Value *rolling = value_get(strategy, "rollingUpdate");
    path_one_of(errors, PATH(path, "type"), value_get(strategy, "type"), types);
    if (strcmp(type, "RollingUpdate") == 0)
        validate_rolling(rolling, PATH(path, "rollingUpdate"), errors);
    else if (strcmp(type, "Recreate") == 0 && !edit_is_unset(rolling))
        path_forbidden(errors, PATH(path, "rollingUpdate"), rolling,
                       "may not be specified when strategy `type` is 'Recreate'");
}

static void validate_spec(const Value *spec, FieldErrors *errors)
{
    static const char *const counters[] = {"replicas", "minReadySeconds", "revisionHistoryLimit",
                                           "progressDeadlineSeconds", NULL};
    const Path *path = PATH(NULL, "spec");
    if (!path_fields(errors, path, spec, spec_fields, "v1.DeploymentSpec")) return;
    workload_validate_counters(spec, path, counters, errors);
    workload_validate_selector(spec, "empty selector is invalid for deployment", errors);
    workload_validate_template(spec, NULL, "ReplicaSet", errors);
    validate_strategy(value_get(spec, "strategy"), errors);
    const Value *deadline = value_get(spec, "progressDeadlineSeconds");
    if (!edit_is_unset(deadline) &&
        value_as_int(deadline, 0) <= part_int(spec, "minReadySeconds", 0))
        path_invalid(errors, PATH(path, "progressDeadlineSeconds"), deadline,
                     "must be greater than minReadySeconds");
}

static void validate_status(const Value *now, const Value *old, FieldErrors *errors)
{
    static const char *const counters[] = {"observedGeneration", "replicas",
                                           "updatedReplicas",    "readyReplicas",
                                           "availableReplicas",  "unavailableReplicas",
                                           "collisionCount",     NULL};
    const Value *status = value_get(now, "status");
    workload_validate_counters(status, PATH(NULL, "status"), counters, errors);
    workload_validate_most(status, "updatedReplicas", "replicas", errors);
    workload_validate_most(status, "readyReplicas", "replicas", errors);
    workload_validate_most(status, "availableReplicas", "replicas", errors);
    workload_validate_most(status, "availableReplicas", "readyReplicas", errors);
    workload_validate_collisions(now, old, errors);
}

static void deployment_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *spec = value_get(now, "spec"), *before = value_get(old, "spec");
    if (old == NULL || !value_equal(spec, before)) validate_spec(spec, errors);
    if (old == NULL) return;
    path_immutable(errors, PATH(PATH(NULL, "spec"), "selector"), value_get(spec, "selector"),
                   value_get(before, "selector"));
    if (!value_equal(value_get(now, "status"), value_get(old, "status")))
        validate_status(now, old, errors);
}

/* --- projection --- */

static void read_spec(DeploymentView *view, AtomTable *atoms, const Value *spec)
{
    const Value *strategy = value_get(spec, "strategy");
    view->replicas = part_int(spec, "replicas", 1);
    view->min_ready_s = part_int(spec, "minReadySeconds", 0);
    view->history_limit = part_int(spec, "revisionHistoryLimit", 10);
    view->progress_deadline_s = part_int(spec, "progressDeadlineSeconds", 600);
    view->is_recreate = strcmp(value_text(strategy, "type"), "Recreate") == 0;
    view->is_paused = part_bool(spec, "paused");
    view->max_surge = value_find(strategy, "rollingUpdate", "maxSurge");
    view->max_unavailable = value_find(strategy, "rollingUpdate", "maxUnavailable");
    view->selector = workload_selector(atoms, spec);
    view->template = value_get(spec, "template");
}

static void read_status(DeploymentView *view, const Value *status)
{
    view->observed_generation = part_int(status, "observedGeneration", 0);
    view->status_replicas = part_int(status, "replicas", 0);
    view->updated = part_int(status, "updatedReplicas", 0);
    view->ready = part_int(status, "readyReplicas", 0);
    view->available = part_int(status, "availableReplicas", 0);
    view->has_collision_count = !edit_is_unset(value_get(status, "collisionCount"));
    view->collision_count = part_int(status, "collisionCount", 0);
}

static const void *deployment_project(const ViewContext *context, const Value *value,
                                      const Object *old)
{
    DeploymentView *view = g_new0(DeploymentView, 1);
    view->meta = meta_project(context, value, old);
    read_spec(view, context->atoms, value_get(value, "spec"));
    read_status(view, value_get(value, "status"));
    return view;
}

static void deployment_release(const void *view)
{
    const DeploymentView *deployment = view;
    meta_unref(deployment->meta);
    selector_free(deployment->selector);
    g_free((gpointer)(uintptr_t)view);
}

/* --- facts --- */

static void deployment_record(World *world, const Object *old, const Object *now)
{
    if (now == NULL) return;
    const DeploymentView *before = old != NULL ? deployment_view(old) : NULL;
    const DeploymentView *deployment = deployment_view(now);
    if (before == NULL || before->is_recreate != deployment->is_recreate) {
        const char *policy = deployment->is_recreate ? "Recreate" : "RollingUpdate";
        part_record(world, now,
                    (PartFact){.row = ROW_WORKLOAD_POLICY, .detail = world_atom(world, policy)});
    }
    workload_record_number(world, now, ROW_WORKLOAD_REPLICAS, before ? &before->replicas : NULL,
                           deployment->replicas);
    workload_record_number(world, now, ROW_WORKLOAD_MIN_READY, before ? &before->min_ready_s : NULL,
                           deployment->min_ready_s);
    workload_record_number(world, now, ROW_WORKLOAD_READY, before ? &before->ready : NULL,
                           deployment->ready);
}

const KindInfo deployment_kind = {
    .name = "Deployment",
    .api_version = "apps/v1",
    .plural = "deployments",
    .short_names = (const char *const[]){"deploy", NULL},
    .also = (const char *const[]){"apps/v1beta1", "apps/v1beta2", "extensions/v1beta1", NULL},
    .is_namespaced = true,
    .has_status = true,
    .defaults = deployment_defaults,
    .validate = deployment_validate,
    .project = deployment_project,
    .release = deployment_release,
    .record = deployment_record,
};
