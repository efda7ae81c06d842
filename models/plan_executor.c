/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan_executor.c - performing a plan: batches one after the other, lanes side by side, steps in
 * order, each a request that travels.
 * Mirrors: kubernetes v1.36 pkg/controller/replicaset (slowStartBatch), client-go/util/retry
 * Simplified: a lane starts its requests in lane order, where upstream's goroutines race.
 * Drivers: in a world a request travels by client.c and its answer is an event; on a Stage
 *         (rehearsals) it is answered at once, a lane after the other, and nothing is waited for.
 *         A lane asks for its next step by `due`, so that no depth of calls grows with a plan.
 * State: of a step
 *     waiting --> sent --answer--> accepted --> next step
 *                  ^  \--refused--> failed ---> next FINAL step (GOES_ON: next step)
 *                  +-- retry (Conflict, reply hook)
 */
#include "models/plan_internal.h"

#define CONFLICT_ATTEMPTS 5
#define CONFLICT_DELAY    (10 * NANOS_MS)
#define CONFLICT_JITTER   (CONFLICT_DELAY / 10)

static void batch_run(Plan *plan);
static void lane_run(PlanLane *lane);
static void step_answered(void *self, const Reply *reply);

/* --- ends --- */

static void plan_end(Plan *plan)
{
    Actor *actor = plan->actor;
    Key key = plan->key;
    bool succeeded = !plan->has_failed;
    Nanos after = plan->requeue;
    plan_dispose(plan, succeeded);
    const Stage *stage = actor->process->stage;
    if (stage != NULL)
        stage->ended(stage->self, succeeded, after);
    else
        actor_finish(actor, key, succeeded, after);
}

static void lane_end(PlanLane *lane)
{
    Plan *plan = lane->plan;
    plan->is_stopped |= lane->is_stopped;
    if (--plan->running > 0) return;
    while (plan->batch != NULL && plan->batch->batch == lane->batch)
        plan->batch = plan->batch->next;
    batch_run(plan);
}

/* --- steps --- */

/* A step that the controller answers itself. */
static void step_answer(PlanStep *step)
{
    Reply reply = {.reason = step->answer_reason};
    if (reply.reason != REASON_OK) reply.message = g_strdup(step->answer);
    step_answered(step, &reply);
    reply_clear(&reply);
}

static void step_send(PlanStep *step)
{
    step->has_begun = true;
    if (step->plan->actor->process->stage != NULL) {
        step->lane->due = step;
        return;
    }
    if (step->answer != NULL) {
        step_answer(step);
        return;
    }
    Request request = step->request;
    request.body = request.body != NULL ? value_ref(request.body) : NULL;
    step->attempts++;
    client_send(&step->plan->actor->client, &request, step_answered, step);
}

static void lane_resume(Sim *sim, void *self, uint64_t arg);
static const EventType resume_event = {"step-again", RANK_TIMER, lane_resume};

static void lane_resume(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    PlanLane *lane = self;
    Process *process = lane->plan->actor->process;
    if (process_defer(process, &resume_event, lane, arg)) return;
    if ((uint32_t)arg == process->incarnation) step_send(lane->current);
}

static void step_again(PlanStep *step, Nanos delay)
{
    Process *process = step->plan->actor->process;
    if (delay <= 0 || process->stage != NULL)
        step_send(step);
    else
        step->lane->pause =
            sim_after(process->sim, delay, &resume_event, step->lane, process->incarnation);
}

/* On Conflict: bases the step on what the cache holds now; false if there is no point. */
static bool step_rebase(PlanStep *step)
{
    Actor *actor = step->plan->actor;
    const Object *newer = actor_get(actor, step->request.key);
    if (newer == NULL || step->attempts >= CONFLICT_ATTEMPTS) return false;
    if (step->rebase != NULL) {
        Value *body = step->rebase(actor, step, newer);
        if (body == NULL) return false;
        value_unref(step->request.body);
        step->request.body = body;
    }
    step->request.version = newer->version;
    return true;
}

static void step_record_refusal(const PlanStep *step, const Reply *reply)
{
    Actor *actor = step->plan->actor;
    if (actor->process->stage != NULL) return;
    AtomTable *atoms = world_atoms(actor->process->world);
    Atom detail =
        atom_format(atoms, "%s %s: %s", plan_verb_text(step->request.verb),
                    reason_text(reply->reason), reply->message != NULL ? reply->message : "");
    actor_note(actor, ROW_REFUSED,
               (Fact){.object = actor_ref(actor, step->request.key),
                      .detail = detail,
                      .number = reason_code(reply->reason)});
}

static void step_emit(const PlanStep *step, bool has_succeeded, const Reply *reply)
{
    Actor *actor = step->plan->actor;
    const StepEvent *event = has_succeeded ? &step->ok : &step->failed;
    if (event->reason == NULL) return;
    if (has_succeeded || reply->message == NULL) {
        actor_emit(actor, event->about, has_succeeded ? "Normal" : "Warning", event->reason,
                   event->text);
        return;
    }
    g_autofree char *text = g_strconcat(event->text, g_str_has_suffix(event->text, " ") ? "" : " ",
                                        reply->message, NULL);
    actor_emit(actor, event->about, "Warning", event->reason, text);
}

/* What the answer means: the step's own hook decides, if there is one. */
static PlanVerdict step_judge(PlanStep *step, const Reply *reply)
{
    Plan *plan = step->plan;
    if (step->then == NULL) return reply->reason == REASON_OK ? PLAN_ACCEPT : PLAN_REFUSE;
    step->retry_in = 0;
    plan->after = step;
    plan->batch_base = 0;
    plan->actor->filling = plan;
    PlanVerdict verdict = step->then(plan->actor, step, reply, step->data);
    plan->actor->filling = NULL;
    plan->after = NULL;
    return verdict;
}

static void step_answered(void *self, const Reply *reply)
{
    PlanStep *step = self;
    PlanLane *lane = step->lane;
    bool is_tolerated =
        (step->flags & PLAN_IGNORES) != 0 ||
        (reply->reason == REASON_NOT_FOUND && (step->flags & PLAN_IGNORES_NOT_FOUND) != 0);
    if (reply->reason != REASON_OK && !is_tolerated && step->answer == NULL)
        step_record_refusal(step, reply);
    if (reply->reason == REASON_CONFLICT && (step->flags & PLAN_RETRIES_CONFLICT) != 0 &&
        step_rebase(step)) {
        Nanos jitter = (Nanos)rng_below(&step->plan->actor->client.rng, CONFLICT_JITTER);
        step_again(step, CONFLICT_DELAY + jitter);
        return;
    }
    PlanVerdict verdict = step_judge(step, reply);
    if (verdict == PLAN_RETRY) {
        step_again(step, step->retry_in);
        return;
    }
    step_emit(step, verdict == PLAN_ACCEPT, reply);
    if (verdict == PLAN_REFUSE && !is_tolerated) {
        const Stage *stage = step->plan->actor->process->stage;
        if (stage != NULL) stage->failed(stage->self, &step->request, reply->message);
        step->plan->has_failed = true;
        if ((step->flags & PLAN_GOES_ON) == 0) lane->is_stopped = true;
    }
    lane->current = step->next;
    lane_run(lane);
}

/* --- lanes and batches --- */

static bool lane_skips(const PlanLane *lane, PlanStep *step)
{
    bool is_barred = lane->is_stopped && (step->flags & PLAN_FINAL) == 0;
    return step->is_dropped || is_barred || !plan_make_body(step);
}

static void lane_run(PlanLane *lane)
{
    while (lane->current != NULL && lane_skips(lane, lane->current))
        lane->current = lane->current->next;
    PlanStep *step = lane->current;
    if (step == NULL) {
        lane_end(lane);
        return;
    }
    if (step->because != NULL) actor_decide(lane->plan->actor, step->request.key, step->because);
    step_send(step);
}

/* On a stage: answers a lane's steps until it has none left. */
static void lane_perform(PlanLane *lane, const Stage *stage)
{
    while (lane->due != NULL) {
        PlanStep *step = lane->due;
        lane->due = NULL;
        if (step->answer != NULL) {
            step_answer(step);
            continue;
        }
        Reply reply = {0};
        step->attempts++;
        stage->answer(stage->self, &step->request, step->because, &reply);
        step_answered(step, &reply);
        reply_clear(&reply);
    }
}

/* Starts the lanes of the next batch; answers come later, so none ends before all have begun. */
static void batch_run(Plan *plan)
{
    PlanLane *first = plan->batch;
    if (first == NULL) {
        plan_end(plan);
        return;
    }
    unsigned batch = first->batch;
    plan->running = 1;
    for (PlanLane *lane = first; lane != NULL && lane->batch == batch; lane = lane->next) {
        lane->current = lane->head;
        lane->is_stopped = plan->is_stopped;
        plan->running++;
    }
    const Stage *stage = plan->actor->process->stage;
    for (PlanLane *lane = first; lane != NULL && lane->batch == batch; lane = lane->next) {
        lane_run(lane);
        if (stage != NULL) lane_perform(lane, stage);
    }
    lane_end(first);
}

static void plan_start(Sim *sim, void *self, uint64_t arg);
static const EventType start_event = {"plan", RANK_WORK, plan_start};

static void plan_start(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    Plan *plan = self;
    Process *process = plan->actor->process;
    if (process_defer(process, &start_event, plan, arg)) return;
    if ((uint32_t)arg != process->incarnation) return;
    plan->batch = plan->first_lane;
    batch_run(plan);
}

void plan_perform(Plan *plan, Nanos delay)
{
    const Actor *actor = plan->actor;
    if (plan->failure != NULL) {
        char text[600];
        g_snprintf(text, sizeof(text), "sync failed: %s", plan->failure);
        actor_decide(plan->actor, plan->key, text);
        const Stage *stage = plan->actor->process->stage;
        if (stage != NULL) stage->failed(stage->self, NULL, text);
    }
    Process *process = actor->process;
    if (delay > 0) {
        plan->start = sim_after(process->sim, delay, &start_event, plan, process->incarnation);
        return;
    }
    plan->batch = plan->first_lane;
    batch_run(plan);
}
