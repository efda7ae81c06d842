/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scale.c - `scale: {target: statefulset/web, replicas: 5}`: kubectl scale.
 *
 * Mirrors: kubectl scale, which writes the scale sub-resource.
 * Simplified: spec.replicas is merge-patched; the effect is the same.
 */
#include "models/target.h"

typedef struct {
    const char *target, *space;
    int64_t replicas;
} ScaleParams;

static const Param scale_params[] = {
    {"target", PARAM_STRING, offsetof(ScaleParams, target), PARAM_REQUIRED,
     "KIND/NAME of a StatefulSet, Deployment or ReplicaSet", NULL, NULL, 0, 0},
    {"namespace", PARAM_STRING, offsetof(ScaleParams, space), "default", "its namespace", NULL,
     NULL, 0, 0},
    {"replicas", PARAM_INT, offsetof(ScaleParams, replicas), PARAM_REQUIRED, "new spec.replicas",
     NULL, NULL, 0, 1e6},
    {NULL, PARAM_BOOL, 0, NULL, NULL, NULL, NULL, 0, 0},
};

static bool scale_check(const Scenario *scenario, const Step *step, GError **error)
{
    static const Kind kinds[] = {KIND_STATEFUL_SET, KIND_DEPLOYMENT, KIND_REPLICA_SET, KIND_NONE};
    const ScaleParams *params = step->params;
    return target_check_object(scenario, params->target, params->space, kinds, step, error);
}

static void scale_run(World *world, const void *data, const Step *step)
{
    (void)step;
    const ScaleParams *params = data;
    Kind kind = KIND_NONE;
    const char *name = NULL;
    bool ok = target_parse(params->target, &kind, &name);
    CHECK(ok);
    Value *body = value_map();
    value_put(&body, value_int(params->replicas), "spec", "replicas");
    Request request = {.verb = REQUEST_PATCH,
                       .key = {kind, world_atom(world, params->space), world_atom(world, name)},
                       .body = body,
                       .patch = PATCH_MERGE,
                       .grace_s = -1};
    world_request(world, &request, NULL);
    request_clear(&request);
}

const Verb scale_verb = {
    .name = "scale",
    .help = "sets spec.replicas of a workload",
    .params = scale_params,
    .params_size = sizeof(ScaleParams),
    .check = scale_check,
    .run = scale_run,
};
