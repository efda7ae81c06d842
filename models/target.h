/* SPDX-License-Identifier: Apache-2.0 */
/*
 * target.h - whom a fault or verb means: the `selector` of a step, in Chaos Mesh's words.
 *
 *     selector: {node: node-2}              a machine by name
 *     selector: {pod: default/mysql-1}      (or `mysql-1`) where it is a machine that is asked for:
 *                                           the machine the pod runs on when the fault begins
 *     selector: {zone: a}                   machines of a zone
 *     selector: {labelSelectors: {app: x}}  pods by label (machines: those that run one)
 *     mode: one | all | fixed | fixed-percent | random-max-percent, value: N
 */
#ifndef KENNEL_MODELS_TARGET_H
#define KENNEL_MODELS_TARGET_H

#include "models/kind/views.h"
#include "models/node/machine.h"

typedef struct {
    const Value *selector; /* the map */
    int mode;              /* index into target_modes */
    int64_t value;
} Target;

extern const char *const target_modes[];

/* Parameter rows for faults whose struct holds a Target named `target`. */
#define TARGET_PARAMS(Struct)                                                                    \
    {"selector",                                                                                 \
     PARAM_VALUE,                                                                                \
     offsetof(Struct, target.selector),                                                          \
     PARAM_REQUIRED,                                                                             \
     "whom it hits: {node: NAME}, {pod: [NAMESPACE/]NAME}, {zone: NAME} or {labelSelectors: "    \
     "{..}}",                                                                                    \
     NULL,                                                                                       \
     NULL,                                                                                       \
     0,                                                                                          \
     0},                                                                                         \
        {"mode",                                                                                 \
         PARAM_WORD,                                                                             \
         offsetof(Struct, target.mode),                                                          \
         "all",                                                                                  \
         "how many of those selected",                                                           \
         target_modes,                                                                           \
         NULL,                                                                                   \
         0,                                                                                      \
         0},                                                                                     \
    {                                                                                            \
        "value", PARAM_INT, offsetof(Struct, target.value), "1",                                 \
            "number or percentage, for modes fixed, fixed-percent and random-max-percent", NULL, \
            NULL, 0, 0                                                                           \
    }

/* "statefulset/web" or "sts/web": what verbs act on. Kind words are kubectl's. */
bool target_parse(const char *text, Kind *ret_kind, const char **ret_name);

/* Checks that the text is well-formed and that the scenario has such an object or can come to
 * have it (pods); kinds (KIND_NONE-terminated, NULL: all) are those the verb can act on. */
bool target_check_object(const Scenario *scenario, const char *text, const char *space,
                         const Kind *kinds, const Step *step, GError **error);

/* Checks at load time that the selector is well-formed and that what it names can exist: the node
 * in the cluster, the pod by a workload of the scenario. */
bool target_check(const Scenario *scenario, const Target *target, const Step *step, GError **error);

/* The machines meant now, in order of creation; free the array with g_ptr_array_unref(). */
GPtrArray *target_machines(World *world, const Target *target);

/* The keys of the pods meant now (by the store), sorted by name: array of Key. */
GArray *target_pods(World *world, const Target *target);

#endif
