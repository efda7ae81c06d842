/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_delay.c - `action: watch-delay`: what a process believes lags behind what is.
 *
 * Mirrors: Sieve's staleness pattern (a controller fed from a lagging watch cache).
 * Simplified: every event of the kind is late by the same time; order is kept, nothing is lost.
 */
#include "models/fault/process_select.h"

typedef struct {
    const char *process, *kind;
    Nanos delay;
} DelayParams;

static const Param delay_params[] = {
    {"process", PARAM_STRING, offsetof(DelayParams, process), "kube-controller-manager",
     "name of a process, or a role: then all of that role", NULL, NULL, 0, 0},
    {"kind", PARAM_STRING, offsetof(DelayParams, kind), "",
     "kind whose events are late, as kubectl names it; none: all kinds", NULL, NULL, 0, 0},
    {"delay", PARAM_DURATION, offsetof(DelayParams, delay), PARAM_REQUIRED, "how late", NULL, NULL,
     0, 0},
    {NULL, PARAM_BOOL, 0, NULL, NULL, NULL, NULL, 0, 0},
};

static bool delay_check(const Scenario *scenario, const Step *step, GError **error)
{
    const DelayParams *params = step->params;
    if (*params->kind && kind_by_word(params->kind) == KIND_NONE) {
        param_error(error, (ParamPlace){step->file, "inject.kind"}, step->source,
                    "'%s' is no kind that is simulated", params->kind);
        return false;
    }
    return process_select_check(scenario, params->process, step, error);
}

static Kind delayed_kind(const DelayParams *params)
{
    return *params->kind ? kind_by_word(params->kind) : KIND_NONE;
}

static void *delay_begin(World *world, const void *data, const Step *step)
{
    (void)step;
    const DelayParams *params = data;
    GPtrArray *processes = process_select(world, params->process, true);
    for (unsigned i = 0; i < processes->len; i++)
        process_delay_watch(processes->pdata[i], delayed_kind(params), params->delay);
    return processes;
}

static void delay_end(World *world, const void *data, void *state)
{
    (void)world;
    g_autoptr(GPtrArray) processes = state;
    for (unsigned i = 0; i < processes->len; i++)
        process_delay_watch(processes->pdata[i], delayed_kind(data), 0);
}

const Fault watch_delay_fault = {
    .name = "watch-delay",
    .help = "watch events reach a process late: its cache is stale",
    .params = delay_params,
    .params_size = sizeof(DelayParams),
    .check = delay_check,
    .begin = delay_begin,
    .end = delay_end,
};
