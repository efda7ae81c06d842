/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler_backlog.c - active queue, back-off queue and the pool of unschedulable pods.
 * Mirrors: kubernetes v1.36 pkg/scheduler/backend/queue (gates SchedulerQueueingHints,
 *   SchedulerPopFromBackoffQ).
 * Simplified: of the queueing hints only the kind of event, and for claims whether the pod uses the
 *   claim, are looked at; so a pod may be tried once too often, never too seldom.
 * State: see scheduler.c.
 */
#include "models/control/scheduler_backlog.h"

#define BACKOFF_FIRST NANOS_S
#define BACKOFF_CAP   (10 * NANOS_S)
#define FLUSH_PERIOD  NANOS_S
#define SWEEP_PERIOD  (30 * NANOS_S)
#define POOL_LONGEST  (5 * NANOS_MIN)

enum { TAG_CYCLE, TAG_FLUSH, TAG_SWEEP };

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int by_urgency(gconstpointer a, gconstpointer b, gpointer data)
{
    (void)data;
    const PendingPod *x = (const PendingPod *)a, *y = (const PendingPod *)b;
    if (x->priority != y->priority) return compare_numbers(y->priority, x->priority);
    if (x->queued_at != y->queued_at) return compare_numbers(x->queued_at, y->queued_at);
    return compare_numbers((int64_t)x->number, (int64_t)y->number);
}

static int by_backoff(gconstpointer a, gconstpointer b, gpointer data)
{
    const PendingPod *x = (const PendingPod *)a, *y = (const PendingPod *)b;
    int order = compare_numbers(x->backoff_until, y->backoff_until);
    return order != 0 ? order : by_urgency(a, b, data);
}

static int by_number(gconstpointer a, gconstpointer b, gpointer data)
{
    (void)data;
    const PendingPod *x = (const PendingPod *)a, *y = (const PendingPod *)b;
    return compare_numbers((int64_t)x->number, (int64_t)y->number);
}

static PendingPod *head_of(GSequence *queue)
{
    if (g_sequence_is_empty(queue)) return NULL;
    return (PendingPod *)g_sequence_get(g_sequence_get_begin_iter(queue));
}

PendingPod *backlog_find(const Scheduler *scheduler, Key key)
{
    return (PendingPod *)g_hash_table_lookup(scheduler->pending, &key);
}

void backlog_take(Scheduler *scheduler, PendingPod *pending)
{
    (void)scheduler;
    if (pending->spot != NULL) g_sequence_remove(pending->spot);
    pending->spot = NULL;
    pending->place = PLACE_NOWHERE;
}

void backlog_drop(Scheduler *scheduler, PendingPod *pending)
{
    backlog_take(scheduler, pending);
    g_hash_table_remove(scheduler->pending, &pending->key);
}

static void activate(Scheduler *scheduler, PendingPod *pending)
{
    backlog_take(scheduler, pending);
    pending->place = PLACE_ACTIVE;
    pending->spot = g_sequence_insert_sorted(scheduler->active, pending, by_urgency, NULL);
}

static void back_off(Scheduler *scheduler, PendingPod *pending)
{
    backlog_take(scheduler, pending);
    pending->place = PLACE_BACKOFF;
    pending->spot = g_sequence_insert_sorted(scheduler->backoff, pending, by_backoff, NULL);
    if (scheduler->is_flushing) return;
    scheduler->is_flushing = true;
    Nanos now = actor_now(scheduler->actor);
    actor_timer(scheduler->actor, FLUSH_PERIOD - now % FLUSH_PERIOD, TAG_FLUSH);
}

void backlog_add(Scheduler *scheduler, const Object *pod)
{
    PendingPod *pending = g_new0(PendingPod, 1);
    pending->key = pod->key;
    pending->uid = pod->uid;
    pending->number = ++scheduler->arrivals;
    pending->priority = pod_view(pod)->spec->priority;
    pending->queued_at = actor_now(scheduler->actor);
    g_hash_table_insert(scheduler->pending, &pending->key, pending);
    activate(scheduler, pending);
    backlog_kick(scheduler);
}

static void mark_failed(Scheduler *scheduler, PendingPod *pending)
{
    unsigned doublings = MIN(MAX(pending->attempts, 1) - 1, 10);
    pending->failed_at = pending->queued_at = actor_now(scheduler->actor);
    pending->backoff_until = pending->failed_at + MIN(BACKOFF_FIRST << doublings, BACKOFF_CAP);
}

void backlog_pool(Scheduler *scheduler, PendingPod *pending)
{
    backlog_take(scheduler, pending);
    mark_failed(scheduler, pending);
    pending->place = PLACE_POOL;
    pending->spot = g_sequence_insert_sorted(scheduler->pool, pending, by_number, NULL);
    if (scheduler->is_sweeping) return;
    scheduler->is_sweeping = true;
    actor_timer(scheduler->actor, SWEEP_PERIOD, TAG_SWEEP);
}

void backlog_backoff(Scheduler *scheduler, PendingPod *pending)
{
    mark_failed(scheduler, pending);
    back_off(scheduler, pending);
    backlog_kick(scheduler);
}

static void leave_pool(Scheduler *scheduler, PendingPod *pending)
{
    if (actor_now(scheduler->actor) >= pending->backoff_until) {
        activate(scheduler, pending);
    } else {
        back_off(scheduler, pending);
    }
}

static bool uses_claim(const Scheduler *scheduler, const PendingPod *pending, const Object *claim)
{
    if (claim->key.space != pending->key.space) return false;
    const Object *pod = actor_get(scheduler->actor, pending->key);
    if (pod == NULL) return false;
    const PodSpec *spec = pod_view(pod)->spec;
    for (uint32_t i = 0; i < spec->volume_count; i++) {
        if (spec->volumes[i].source != VOLUME_CLAIM) continue;
        if (spec->volumes[i].claim == claim->key.name) return true;
    }
    return false;
}

void backlog_wake(Scheduler *scheduler, Wake wake, const Object *claim)
{
    GSequenceIter *iter = g_sequence_get_begin_iter(scheduler->pool);
    while (!g_sequence_iter_is_end(iter)) {
        PendingPod *pending = (PendingPod *)g_sequence_get(iter);
        iter = g_sequence_iter_next(iter);
        if ((pending->wakes & wake) == 0) continue;
        if (claim != NULL && !uses_claim(scheduler, pending, claim)) continue;
        leave_pool(scheduler, pending);
    }
    backlog_kick(scheduler);
}

/* The next pod to try. An idle scheduler does not wait for back-offs to end, unless they come from
 * errors. */
static PendingPod *next_of(const Scheduler *scheduler)
{
    PendingPod *pending = head_of(scheduler->active);
    if (pending != NULL) return pending;
    if (!world_gate(actor_world(scheduler->actor), "SchedulerPopFromBackoffQ")) return NULL;
    GSequenceIter *iter = g_sequence_get_begin_iter(scheduler->backoff);
    for (; !g_sequence_iter_is_end(iter); iter = g_sequence_iter_next(iter)) {
        pending = (PendingPod *)g_sequence_get(iter);
        if (!pending->is_error) return pending;
    }
    return NULL;
}

void backlog_kick(Scheduler *scheduler)
{
    if (scheduler->is_cycling) return;
    PendingPod *pending = next_of(scheduler);
    if (pending == NULL) return;
    Actor *actor = scheduler->actor;
    backlog_take(scheduler, pending);
    pending->place = PLACE_CHOSEN;
    scheduler->chosen = pending->key;
    scheduler->is_cycling = true;
    actor_timer(actor, actor_draw(actor, &actor_config(actor)->latency.schedule, "schedule"),
                TAG_CYCLE);
}

static void flush(Scheduler *scheduler)
{
    Nanos now = actor_now(scheduler->actor);
    PendingPod *pending = head_of(scheduler->backoff);
    while (pending != NULL && pending->backoff_until <= now) {
        activate(scheduler, pending);
        pending = head_of(scheduler->backoff);
    }
    scheduler->is_flushing = pending != NULL;
    if (scheduler->is_flushing) actor_timer(scheduler->actor, FLUSH_PERIOD, TAG_FLUSH);
}

static void sweep(Scheduler *scheduler)
{
    Nanos now = actor_now(scheduler->actor);
    GSequenceIter *iter = g_sequence_get_begin_iter(scheduler->pool);
    while (!g_sequence_iter_is_end(iter)) {
        PendingPod *pending = (PendingPod *)g_sequence_get(iter);
        iter = g_sequence_iter_next(iter);
        if (now - pending->failed_at >= POOL_LONGEST) leave_pool(scheduler, pending);
    }
    scheduler->is_sweeping = !g_sequence_is_empty(scheduler->pool);
    if (scheduler->is_sweeping) actor_timer(scheduler->actor, SWEEP_PERIOD, TAG_SWEEP);
}

void backlog_timer(Scheduler *scheduler, uint64_t tag)
{
    if (tag == TAG_CYCLE) {
        actor_enqueue(scheduler->actor, scheduler->chosen);
        return;
    }
    if (tag == TAG_FLUSH) {
        flush(scheduler);
    } else {
        sweep(scheduler);
    }
    backlog_kick(scheduler);
}
