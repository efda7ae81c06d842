/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node_stop.c - `action: node-stop`: machines lose power, and get it back when the fault ends.
 *
 * Mirrors: Chaos Mesh's cloud faults `node-stop` (ec2-stop, vm-stop).
 * Simplified: power is lost at once, without a shutdown of the operating system.
 */
#include "models/target.h"

typedef struct {
    Target target;
} NodeStopParams;

static const Param node_stop_params[] = {
    TARGET_PARAMS(NodeStopParams),
    {NULL, PARAM_BOOL, 0, NULL, NULL, NULL, NULL, 0, 0},
};

static bool node_stop_check(const Scenario *scenario, const Step *step, GError **error)
{
    const NodeStopParams *params = step->params;
    return target_check(scenario, &params->target, step, error);
}

/* The state is the list of machines, since the selector may mean others when the fault ends. */
static void *node_stop_begin(World *world, const void *data, const Step *step)
{
    (void)step;
    const NodeStopParams *params = data;
    GPtrArray *machines = target_machines(world, &params->target);
    for (unsigned i = 0; i < machines->len; i++)
        machine_power_off(machines->pdata[i]);
    return machines;
}

static void node_stop_end(World *world, const void *data, void *state)
{
    (void)world;
    (void)data;
    g_autoptr(GPtrArray) machines = state;
    for (unsigned i = 0; i < machines->len; i++)
        machine_power_on(machines->pdata[i]);
}

const Fault node_stop_fault = {
    .name = "node-stop",
    .help = "machines lose power; at the end they boot",
    .params = node_stop_params,
    .params_size = sizeof(NodeStopParams),
    .check = node_stop_check,
    .begin = node_stop_begin,
    .end = node_stop_end,
};
