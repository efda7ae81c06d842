/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delete.c - `delete: {target: pod/web-1, gracePeriodSeconds: 0, force: true}`: kubectl delete.
 *
 * Mirrors: kubectl delete, --grace-period, --force, --cascade.
 * Simplified: it does not wait for the object to go.
 */
#include "models/target.h"

typedef struct {
    const char *target, *space;
    int64_t grace_s;
    bool is_forced;
    int cascade;
} DeleteParams;

static const char *const cascades[] = {"background", "foreground", "orphan", NULL};

static const Param delete_params[] = {
    {"target", PARAM_STRING, offsetof(DeleteParams, target), PARAM_REQUIRED, "KIND/NAME", NULL,
     NULL, 0, 0},
    {"namespace", PARAM_STRING, offsetof(DeleteParams, space), "default", "its namespace", NULL,
     NULL, 0, 0},
    {"gracePeriodSeconds", PARAM_INT, offsetof(DeleteParams, grace_s), "-1",
     "grace in seconds; -1: the pod's own; 0 without force: 1, as kubectl has it", NULL, NULL, -1,
     1e9},
    {"force", PARAM_BOOL, offsetof(DeleteParams, is_forced), "false",
     "remove at once, as --force --grace-period=0", NULL, NULL, 0, 0},
    {"cascade", PARAM_WORD, offsetof(DeleteParams, cascade), "background",
     "what becomes of dependents", cascades, NULL, 0, 0},
    {NULL, PARAM_BOOL, 0, NULL, NULL, NULL, NULL, 0, 0},
};

static bool delete_check(const Scenario *scenario, const Step *step, GError **error)
{
    const DeleteParams *params = step->params;
    if (params->is_forced && params->grace_s > 0) {
        param_error(error, (ParamPlace){step->file, "delete"}, step->source,
                    "force and a gracePeriodSeconds above 0 contradict each other");
        return false;
    }
    return target_check_object(scenario, params->target, params->space, NULL, step, error);
}

/* kubectl turns --grace-period=0 into 1 unless it is forced, so that nobody loses data unawares. */
static int64_t grace_of(const DeleteParams *params)
{
    if (params->is_forced) return 0;
    return params->grace_s == 0 ? 1 : params->grace_s;
}

static void delete_run(World *world, const void *data, const Step *step)
{
    (void)step;
    static const Propagation propagations[] = {PROPAGATION_BACKGROUND, PROPAGATION_FOREGROUND,
                                               PROPAGATION_ORPHAN};
    const DeleteParams *params = data;
    Kind kind = KIND_NONE;
    const char *name = NULL;
    bool ok = target_parse(params->target, &kind, &name);
    CHECK(ok);
    Atom space = kind_info(kind)->is_namespaced ? world_atom(world, params->space) : ATOM_NONE;
    Request request = {.verb = REQUEST_DELETE,
                       .key = {kind, space, world_atom(world, name)},
                       .grace_s = grace_of(params),
                       .propagation = propagations[params->cascade]};
    world_request(world, &request, NULL);
    request_clear(&request);
}

const Verb delete_verb = {
    .name = "delete",
    .help = "deletes an object",
    .params = delete_params,
    .params_size = sizeof(DeleteParams),
    .check = delete_check,
    .run = delete_run,
};
