/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yawn.c - `action: yawn`: nothing breaks; the least that a fault can be.
 *
 * Mirrors: nothing; tests/extend.sh adds it to a copy of the tree.
 * Simplified: everything.
 */
#include "models/scenario.h"

typedef struct {
    int64_t times;
} YawnParams;

static const Param yawn_params[] = {
    {"times", PARAM_INT, offsetof(YawnParams, times), "1", "how often", NULL, NULL, 1, 10},
    {NULL, PARAM_BOOL, 0, NULL, NULL, NULL, NULL, 0, 0},
};

static void *yawn_begin(World *world, const void *params, const Step *step)
{
    (void)world;
    (void)params;
    (void)step;
    return NULL;
}

static void yawn_end(World *world, const void *params, void *state)
{
    (void)world;
    (void)params;
    (void)state;
}

const Fault yawn_fault = {
    .name = "yawn",
    .help = "nothing breaks",
    .params = yawn_params,
    .params_size = sizeof(YawnParams),
    .begin = yawn_begin,
    .end = yawn_end,
};
