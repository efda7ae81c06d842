/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler_backlog.h - the three places in which pods wait for a node. Internal to the scheduler.
 *
 * The queue also paces the scheduling cycles: one pod at a time is taken, and enqueued for sync()
 * when its cycle's time has passed.
 */
#ifndef KENNEL_MODELS_CONTROL_SCHEDULER_BACKLOG_H
#define KENNEL_MODELS_CONTROL_SCHEDULER_BACKLOG_H

#include "models/control/scheduler.h"

PendingPod *backlog_find(const Scheduler *scheduler, Key key);

/* A new pod: to the active queue. */
void backlog_add(Scheduler *scheduler, const Object *pod);

/* Takes a pod out of where it waits. */
void backlog_take(Scheduler *scheduler, PendingPod *pending);

/* Takes it out and forgets it. */
void backlog_drop(Scheduler *scheduler, PendingPod *pending);

/* After a failed attempt: to the pool, or to the back-off queue. */
void backlog_pool(Scheduler *scheduler, PendingPod *pending);
void backlog_backoff(Scheduler *scheduler, PendingPod *pending);

/* Something happened: moves the pods of the pool that it may help. `claim`: which one (WAKE_CLAIM),
 * else NULL. */
void backlog_wake(Scheduler *scheduler, Wake wake, const Object *claim);

/* Begins the next cycle if none runs and a pod waits. */
void backlog_kick(Scheduler *scheduler);

void backlog_timer(Scheduler *scheduler, uint64_t tag);

#endif
