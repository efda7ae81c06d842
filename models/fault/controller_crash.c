/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller_crash.c - `action: controller-crash`: a control-plane process dies, and is started
 * again when the fault ends.
 *
 * Mirrors: Sieve's restartController, Chaos Mesh pod-kill on a static pod.
 * Simplified: nothing restarts it earlier; give the time its supervisor takes as the duration.
 */
#include "models/fault/process_select.h"
#include "models/node/machine.h"

typedef struct {
    const char *process;
} CrashParams;

static const Param crash_params[] = {
    {"process", PARAM_STRING, offsetof(CrashParams, process), "kube-controller-manager",
     "name of a process, or a role: then the one that leads", NULL, NULL, 0, 0},
    {NULL, PARAM_BOOL, 0, NULL, NULL, NULL, NULL, 0, 0},
};

static bool crash_check(const Scenario *scenario, const Step *step, GError **error)
{
    const CrashParams *params = step->params;
    return process_select_check(scenario, params->process, step, error);
}

static void *crash_begin(World *world, const void *data, const Step *step)
{
    (void)step;
    const CrashParams *params = data;
    GPtrArray *processes = process_select(world, params->process, false);
    for (unsigned i = 0; i < processes->len; i++)
        process_crash(processes->pdata[i], "controller-crash");
    return processes;
}

/* A process may have come up by itself meanwhile (with its machine, after losing a lease), or its
 * machine may be down, and will start it when it has booted. */
static void crash_end(World *world, const void *data, void *state)
{
    (void)world;
    (void)data;
    g_autoptr(GPtrArray) processes = state;
    for (unsigned i = 0; i < processes->len; i++) {
        Process *process = processes->pdata[i];
        const Machine *machine = process_machine(process);
        if (!process_is_up(process) && (!machine || machine_is_up(machine))) process_start(process);
    }
}

const Fault controller_crash_fault = {
    .name = "controller-crash",
    .help = "a control-plane process dies; at the end it is started again",
    .params = crash_params,
    .params_size = sizeof(CrashParams),
    .check = crash_check,
    .begin = crash_begin,
    .end = crash_end,
};
