/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler_volume.h - what claims ask of the choice of a node, and what is written before a pod
 * with unbound claims can be bound. Internal to the scheduler.
 */
#ifndef KENNEL_MODELS_CONTROL_SCHEDULER_VOLUME_H
#define KENNEL_MODELS_CONTROL_SCHEDULER_VOLUME_H

#include "models/control/scheduler.h"

/* Looks at the pod's claims; may set cycle->prefilter. */
void cycle_begin_volumes(Cycle *cycle, AtomTable *atoms);

/* VolumeBinding and VolumeZone. */
Refusal filter_volumes(const Cycle *cycle, const NodeRecord *node);

/* Reserves the static volumes that the cycle would use on a node; NULL if there are none. */
GArray *cycle_reserve_volumes(const Cycle *cycle, const NodeRecord *node);

/* Plans what makes the delayed claims of a pod bind on its node; `hook` sees each answer. */
void plan_volume_binding(Scheduler *scheduler, const PendingPod *pending, PlanReply hook,
                         void *data);

typedef enum { CLAIMS_BOUND, CLAIMS_WAIT, CLAIMS_FAILED } ClaimsState;

/* How far the claims of an assumed pod are; ret_why is set if they failed. */
ClaimsState scheduler_claims_state(const Scheduler *scheduler, const PendingPod *pending,
                                   const char **ret_why);

#endif
