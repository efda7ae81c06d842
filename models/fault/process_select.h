/* SPDX-License-Identifier: Apache-2.0 */
/* process_select.h - faults on control-plane processes name them by role or by name. */
#ifndef KENNEL_MODELS_FAULT_PROCESS_SELECT_H
#define KENNEL_MODELS_FAULT_PROCESS_SELECT_H

#include "models/process.h"

/* Checks that `name` is a process every cluster of this scenario has, or a role's name. */
bool process_select_check(const Scenario *scenario, const char *name, const Step *step,
                          GError **error);

/* The processes meant: that name, or for a role's name ("kube-controller-manager") the one that
 * leads (all if is_all). Free with g_ptr_array_unref(). */
GPtrArray *process_select(World *world, const char *name, bool is_all);

#endif
