/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stateless.c - an application that takes a while to be ready, and a while to stop.
 * Mirrors: the web server of every tutorial; it keeps nothing and knows no peers.
 * Simplified: it never fails by itself, and serves until the moment its process is gone.
 * State: starting -(start)-> serving -SIGTERM-> serving -(stop)-> exited 0
 */
#include "models/actor.h"
#include "models/app/app.h"
#include "sim/param.h"

typedef struct {
    Dist start, stop;
    bool ignores_term;
} StatelessParams;

/* Without a rule in the scenario there are no params: the defaults of the table below. */
#define START_DEFAULT "lognormal(2s, 6s)"
#define STOP_DEFAULT  "500ms"

static const Param stateless_params[] = {
    {"start", PARAM_DIST, offsetof(StatelessParams, start), START_DEFAULT,
     "from container start to ready", NULL, NULL, 0, 0},
    {"stop", PARAM_DIST, offsetof(StatelessParams, stop), STOP_DEFAULT,
     "from SIGTERM to its exit with code 0", NULL, NULL, 0, 0},
    {"ignoresTerm", PARAM_BOOL, offsetof(StatelessParams, ignores_term), "false",
     "whether it goes on after SIGTERM until it is killed", NULL, NULL, 0, 0},
    {NULL, PARAM_BOOL, 0, NULL, NULL, NULL, NULL, 0, 0},
};

typedef struct {
    Nanos ready_at;
} StatelessState;

static Nanos draw(AppRun *run, const char *purpose, const Dist *given, const char *fallback)
{
    Dist dist = given ? *given : dist_constant(0);
    if (!given) CHECK(dist_parse(fallback, &dist, NULL));
    return world_draw(run->world, &dist, run->pod, purpose);
}

static void stateless_start(AppRun *run)
{
    const StatelessParams *params = (const StatelessParams *)run->params;
    StatelessState *state = g_new0(StatelessState, 1);
    state->ready_at =
        run->started_at + draw(run, "app-start", params ? &params->start : NULL, START_DEFAULT);
    run->state = state;
}

static bool stateless_probe(AppRun *run, ProbeKind kind)
{
    const StatelessState *state = (const StatelessState *)run->state;
    return kind == PROBE_LIVENESS || world_now(run->world) >= state->ready_at;
}

static Nanos stateless_next_change(AppRun *run)
{
    const StatelessState *state = (const StatelessState *)run->state;
    return world_now(run->world) < state->ready_at ? state->ready_at : NANOS_NEVER;
}

static Nanos stateless_stop(AppRun *run, int *ret_exit_code)
{
    const StatelessParams *params = (const StatelessParams *)run->params;
    *ret_exit_code = 0;
    if (params && params->ignores_term) return NANOS_NEVER;
    return draw(run, "app-stop", params ? &params->stop : NULL, STOP_DEFAULT);
}

static void stateless_end(AppRun *run)
{
    g_free(run->state);
    run->state = NULL;
}

const App stateless_app = {
    .name = "stateless",
    .help = "serves after a while, keeps nothing",
    .params = stateless_params,
    .params_size = sizeof(StatelessParams),
    .start = stateless_start,
    .probe = stateless_probe,
    .next_change = stateless_next_change,
    .stop = stateless_stop,
    .end = stateless_end,
};
