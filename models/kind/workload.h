/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload.h - what StatefulSet, ReplicaSet and Deployment have in common: selector, template,
 * counters of the status, and the facts of a workload.
 */
#ifndef KENNEL_MODELS_KIND_WORKLOAD_H
#define KENNEL_MODELS_KIND_WORKLOAD_H

#include "models/kind/part.h"
#include "models/kind/podtemplate.h"

/* Checks spec.selector; `empty` is what upstream says of an empty one. */
void workload_validate_selector(const Value *spec, const char *empty, FieldErrors *errors);

/* Checks spec.template: labels against the selector, restartPolicy Always, the pod spec. kind_name
 * is the kind whose pods they are, for the message. */
void workload_validate_template(const Value *spec, const PathNames *extra_volumes,
                                const char *kind_name, FieldErrors *errors);

/* Checks that the named fields of a map are not negative. names is NULL-terminated. */
void workload_validate_counters(const Value *map, const Path *path, const char *const *names,
                                FieldErrors *errors);

/* Reports status.<part> above status.<whole>. */
void workload_validate_most(const Value *status, const char *part, const char *whole,
                            FieldErrors *errors);

/* Reports a collisionCount that is lower than before. */
void workload_validate_collisions(const Value *now, const Value *old, FieldErrors *errors);

/* Whether labels satisfy a LabelSelector, on the trees. */
bool workload_selects(const Value *selector, const Value *labels);

/* Compiles spec.selector; NULL if it does not compile. */
Selector *workload_selector(AtomTable *atoms, const Value *spec);

/* Writes a fact with a number if it is new or changed; old NULL: new. */
void workload_record_number(World *world, const Object *now, Row row, const int64_t *old,
                            int64_t number);

#endif
