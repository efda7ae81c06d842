/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition.c - `action: partition`: machines are cut off from the control plane.
 *
 * Mirrors: Chaos Mesh NetworkChaos `partition` between nodes and the API server.
 * Simplified: the cut is between kubelet and API server only; pods still reach each other and
 * their storage.
 */
#include "models/target.h"

typedef struct {
    Target target;
    int direction;
} PartitionParams;

enum { DIRECTION_TO, DIRECTION_FROM, DIRECTION_BOTH };
static const char *const directions[] = {"to", "from", "both", NULL};

static const Param partition_params[] = {
    TARGET_PARAMS(PartitionParams),
    {"direction", PARAM_WORD, offsetof(PartitionParams, direction), "both",
     "what is lost: to the API server, from it, or both", directions, NULL, 0, 0},
    {NULL, PARAM_BOOL, 0, NULL, NULL, NULL, NULL, 0, 0},
};

static bool partition_check(const Scenario *scenario, const Step *step, GError **error)
{
    const PartitionParams *params = step->params;
    return target_check(scenario, &params->target, step, error);
}

static void *partition_begin(World *world, const void *data, const Step *step)
{
    (void)step;
    const PartitionParams *params = data;
    GPtrArray *machines = target_machines(world, &params->target);
    for (unsigned i = 0; i < machines->len; i++)
        process_cut(machine_kubelet(machines->pdata[i]), params->direction != DIRECTION_FROM,
                    params->direction != DIRECTION_TO);
    return machines;
}

static void partition_end(World *world, const void *data, void *state)
{
    (void)world;
    (void)data;
    g_autoptr(GPtrArray) machines = state;
    for (unsigned i = 0; i < machines->len; i++)
        process_heal(machine_kubelet(machines->pdata[i]));
}

const Fault partition_fault = {
    .name = "partition",
    .help = "machines cannot reach the API server; what runs there runs on",
    .params = partition_params,
    .params_size = sizeof(PartitionParams),
    .check = partition_check,
    .begin = partition_begin,
    .end = partition_end,
};
