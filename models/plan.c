/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - filling a plan, and showing it as text.
 * Mirrors: nothing upstream: controllers there write while they read; see plan.h.
 * Simplified: a sync never sees its own writes; exceptions stand at the head of the controller.
 */
#include "models/plan_internal.h"

#define TEXT_MAX 512

/* --- life --- */

struct PlanPool {
    Plan *first; /* chained by next; each keeps its arena */
};

PlanPool *plan_pool_new(void)
{
    return g_new0(PlanPool, 1);
}

void plan_pool_free(PlanPool *pool)
{
    while (pool->first != NULL) {
        Plan *plan = pool->first;
        pool->first = plan->next;
        arena_free(plan->arena);
        g_free(plan);
    }
    g_free(pool);
}

static Plan *plan_take(Actor *actor, Key key)
{
    PlanPool *pool = world_plans(actor->process->world);
    Plan *plan = pool->first;
    Arena *arena;
    if (plan != NULL) {
        pool->first = plan->next;
        arena = plan->arena;
        arena_reset(arena);
    } else {
        plan = g_new(Plan, 1);
        arena = arena_new();
    }
    *plan = (Plan){
        .actor = actor, .key = key, .arena = arena, .next = actor->plans, .requeue = NANOS_NEVER};
    if (plan->next != NULL) plan->next->previous = plan;
    actor->plans = plan;
    return plan;
}

Plan *plan_fill(Actor *actor, Key key)
{
    CHECK(actor->filling == NULL && actor->component->sync != NULL);
    Plan *plan = plan_take(actor, key);
    actor->filling = plan;
    actor->component->sync(actor, key);
    actor->filling = NULL;
    return plan;
}

static void lane_clear(PlanLane *lane)
{
    sim_cancel(lane->plan->actor->process->sim, lane->pause);
    for (PlanStep *step = lane->head; step != NULL; step = step->next)
        request_clear(&step->request);
}

void plan_dispose(Plan *plan, bool succeeded)
{
    Actor *actor = plan->actor;
    sim_cancel(actor->process->sim, plan->start);
    for (PlanLane *lane = plan->first_lane; lane != NULL; lane = lane->next)
        lane_clear(lane);
    if (plan->done != NULL) plan->done(actor, plan->key, succeeded, plan->done_data);
    for (PlanKept *kept = plan->kept; kept != NULL; kept = kept->next)
        kept->release(kept->thing);
    if (plan->previous != NULL)
        plan->previous->next = plan->next;
    else
        actor->plans = plan->next;
    if (plan->next != NULL) plan->next->previous = plan->previous;
    PlanPool *pool = world_plans(actor->process->world);
    plan->next = pool->first;
    pool->first = plan;
}

void plan_abandon_all(Actor *actor)
{
    while (actor->plans != NULL)
        plan_dispose(actor->plans, false);
}

/* --- steps --- */

static G_GNUC_PRINTF(2, 0) const char *plan_format(Plan *plan, const char *format, va_list args)
{
    char buffer[TEXT_MAX];
    g_vsnprintf(buffer, sizeof(buffer), format, args);
    return arena_strdup(plan->arena, buffer);
}

static Plan *plan_of(const Actor *actor)
{
    CHECK_THAT(actor->filling != NULL, "%s plans outside of sync() and reply hooks",
               actor->component->name);
    return actor->filling;
}

static PlanLane *plan_add_lane(Plan *plan, unsigned batch, unsigned number)
{
    PlanLane *lane = arena_new_struct(plan->arena, PlanLane);
    *lane = (PlanLane){.plan = plan, .batch = batch, .lane = number};
    if (plan->last_lane == NULL)
        plan->first_lane = lane;
    else
        plan->last_lane->next = lane;
    plan->last_lane = plan->lane = lane;
    return lane;
}

/* A reply hook that asks for lanes plans anew: its batches come after all there are. */
void plan_lane(Actor *actor, unsigned batch, unsigned lane)
{
    Plan *plan = plan_of(actor);
    const PlanLane *last = plan->last_lane;
    CHECK(batch > 0 && lane > 0);
    if (plan->after != NULL) {
        plan->batch_base = last->batch;
        plan->after = NULL;
        last = NULL;
    }
    batch += plan->batch_base;
    if (last != NULL && last->batch == batch && last->lane == lane) return;
    CHECK(last == NULL || last->batch < batch || (last->batch == batch && last->lane < lane));
    plan_add_lane(plan, batch, lane);
}

static PlanStep *plan_add(Actor *actor, Request request)
{
    Plan *plan = plan_of(actor);
    PlanLane *lane = plan->after != NULL  ? plan->after->lane
                     : plan->lane != NULL ? plan->lane
                                          : plan_add_lane(plan, 0, 0);
    PlanStep *step = arena_new_struct(plan->arena, PlanStep);
    step->plan = plan;
    step->lane = lane;
    step->request = request;
    plan->step_count++;
    PlanStep *before = plan->after != NULL ? plan->after : lane->tail;
    if (before == NULL) {
        lane->head = step;
    } else {
        step->next = before->next;
        before->next = step;
    }
    if (step->next == NULL) lane->tail = step;
    if (plan->after != NULL) plan->after = step;
    return step;
}

PlanStep *plan_create(Actor *actor, Kind kind, Value *body)
{
    Key key = key_of_value(world_atoms(actor->process->world), kind, body);
    return plan_add(actor,
                    (Request){.verb = REQUEST_CREATE, .key = key, .body = body, .grace_s = -1});
}

static PlanStep *plan_replace(Actor *actor, RequestVerb verb, const Object *base, Value *body)
{
    return plan_add(
        actor,
        (Request){
            .verb = verb, .key = base->key, .body = body, .version = base->version, .grace_s = -1});
}

PlanStep *plan_update(Actor *actor, const Object *base, Value *body)
{
    return plan_replace(actor, REQUEST_UPDATE, base, body);
}

PlanStep *plan_update_status(Actor *actor, const Object *base, Value *body)
{
    return plan_replace(actor, REQUEST_UPDATE_STATUS, base, body);
}

PlanStep *plan_patch(Actor *actor, Key key, PatchType type, Value *patch)
{
    return plan_add(
        actor,
        (Request){.verb = REQUEST_PATCH, .key = key, .body = patch, .patch = type, .grace_s = -1});
}

PlanStep *plan_patch_status(Actor *actor, Key key, PatchType type, Value *patch)
{
    return plan_add(
        actor,
        (Request){
            .verb = REQUEST_PATCH_STATUS, .key = key, .body = patch, .patch = type, .grace_s = -1});
}

PlanStep *plan_delete(Actor *actor, Key key)
{
    return plan_add(actor, (Request){.verb = REQUEST_DELETE, .key = key, .grace_s = -1});
}

PlanStep *plan_bind(Actor *actor, Key pod, Atom node)
{
    Value *body = value_map();
    value_put(&body, value_string(actor_text(actor, node)), "target", "name");
    return plan_add(actor,
                    (Request){.verb = REQUEST_BIND, .key = pod, .body = body, .grace_s = -1});
}

PlanStep *plan_get(Actor *actor, Key key)
{
    return plan_add(actor, (Request){.verb = REQUEST_GET, .key = key, .grace_s = -1});
}

PlanStep *plan_answer(Actor *actor, Key about, ReplyReason reason, const char *format, ...)
{
    PlanStep *step = plan_get(actor, about);
    va_list args;
    va_start(args, format);
    step->answer = plan_format(step->plan, format, args);
    va_end(args);
    step->answer_reason = reason;
    return step;
}

/* --- refining a step --- */

void plan_flags(PlanStep *step, PlanFlags flags)
{
    step->flags = flags;
}

void plan_delete_options(PlanStep *step, Atom uid, int64_t version, int64_t grace_s,
                         Propagation propagation)
{
    CHECK(step->request.verb == REQUEST_DELETE);
    step->request.uid = uid;
    step->request.version = version;
    step->request.grace_s = grace_s;
    step->request.propagation = propagation;
}

void plan_uid(PlanStep *step, Atom uid)
{
    step->request.uid = uid;
}

void plan_then(PlanStep *step, PlanReply reply, void *data)
{
    step->then = reply;
    step->data = data;
}

void plan_rebase(PlanStep *step,
                 Value *(*rebase)(Actor *actor, PlanStep *step, const Object *newer))
{
    step->rebase = rebase;
}

void plan_because(PlanStep *step, const char *format, ...)
{
    if (!actor_explains(step->plan->actor)) return;
    va_list args;
    va_start(args, format);
    step->because = plan_format(step->plan, format, args);
    va_end(args);
}

void plan_event_ok(PlanStep *step, Key about, const char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    step->ok = (StepEvent){about, reason, plan_format(step->plan, format, args)};
    va_end(args);
}

void plan_event_failed(PlanStep *step, Key about, const char *reason, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    step->failed = (StepEvent){about, reason, plan_format(step->plan, format, args)};
    va_end(args);
}

void plan_late(PlanStep *step, Value *(*make)(Actor *actor, PlanStep *step, void *data), void *data)
{
    step->make = make;
    step->make_data = data;
}

bool plan_make_body(PlanStep *step)
{
    if (step->make == NULL) return true;
    Value *body = step->make(step->plan->actor, step, step->make_data);
    if (body == NULL) return false;
    value_unref(step->request.body);
    step->request.body = body;
    return true;
}

void plan_retry_in(PlanStep *step, Nanos delay)
{
    step->retry_in = delay;
}

Key plan_step_key(const PlanStep *step)
{
    return step->request.key;
}

const Value *plan_step_body(const PlanStep *step)
{
    return step->request.body;
}

RequestVerb plan_step_verb(const PlanStep *step)
{
    return step->request.verb;
}

/* --- the plan as a whole --- */

void plan_after(Actor *actor, Nanos delay)
{
    Plan *plan = plan_of(actor);
    plan->requeue = MIN(plan->requeue, delay);
}

void plan_fail(Actor *actor, const char *format, ...)
{
    Plan *plan = plan_of(actor);
    va_list args;
    va_start(args, format);
    plan->failure = plan_format(plan, format, args);
    va_end(args);
    plan->has_failed = true;
}

void plan_drop_rest(Actor *actor)
{
    const Plan *plan = plan_of(actor);
    CHECK(plan->after != NULL);
    for (PlanLane *lane = plan->first_lane; lane != NULL; lane = lane->next)
        for (PlanStep *step = lane->head; step != NULL; step = step->next)
            step->is_dropped |= !step->has_begun;
}

void plan_finally(Actor *actor, void (*done)(Actor *actor, Key key, bool succeeded, void *data),
                  void *data)
{
    Plan *plan = plan_of(actor);
    plan->done = done;
    plan->done_data = data;
}

void *plan_alloc(Actor *actor, size_t size)
{
    return arena_alloc(plan_of(actor)->arena, size);
}

void plan_keep(Actor *actor, void (*release)(void *thing), void *thing)
{
    Plan *plan = plan_of(actor);
    PlanKept *kept = arena_new_struct(plan->arena, PlanKept);
    *kept = (PlanKept){release, thing, plan->kept};
    plan->kept = kept;
}

bool plan_is_empty(const Actor *actor)
{
    return plan_of(actor)->step_count == 0;
}

unsigned plan_step_count(const Actor *actor)
{
    return plan_of(actor)->step_count;
}

/* --- as text --- */

const char *plan_verb_text(RequestVerb verb)
{
    static const char *const texts[] = {
        [REQUEST_GET] = "get",       [REQUEST_CREATE] = "create",
        [REQUEST_UPDATE] = "update", [REQUEST_UPDATE_STATUS] = "update-status",
        [REQUEST_PATCH] = "patch",   [REQUEST_PATCH_STATUS] = "patch-status",
        [REQUEST_DELETE] = "delete", [REQUEST_BIND] = "bind",
    };
    return texts[verb];
}

static void step_text(const PlanStep *step, GString *out)
{
    const Request *request = &step->request;
    if (step->answer != NULL) {
        g_string_append_printf(out, "%s: %s\n",
                               step->answer_reason == REASON_OK ? "note" : "refuse", step->answer);
        return;
    }
    const AtomTable *atoms = world_atoms(step->plan->actor->process->world);
    const char *name = atom_text(atoms, request->key.name);
    if (step->lane->batch > 0)
        g_string_append_printf(out, "batch %u lane %u: ", step->lane->batch, step->lane->lane);
    g_string_append_printf(out, "%s %s ", plan_verb_text(request->verb),
                           kind_info(request->key.kind)->name);
    if (request->key.space != ATOM_NONE)
        g_string_append_printf(out, "%s/", atom_text(atoms, request->key.space));
    if (request->key.name == ATOM_NONE)
        g_string_append_printf(out, "%s*", value_text(request->body, "metadata", "generateName"));
    else
        g_string_append(out, name);
    if (request->verb == REQUEST_BIND)
        g_string_append_printf(out, " to %s", value_text(request->body, "target", "name"));
    if (step->because != NULL) g_string_append_printf(out, "  # %s", step->because);
    g_string_append_c(out, '\n');
}

static void plan_text(const Plan *plan, GString *out)
{
    for (const PlanLane *lane = plan->first_lane; lane != NULL; lane = lane->next)
        for (PlanStep *step = lane->head; step != NULL; step = step->next)
            if (plan_make_body(step)) step_text(step, out);
    if (plan->failure != NULL) g_string_append_printf(out, "fail: %s\n", plan->failure);
    char duration[NANOS_TEXT_MAX];
    if (plan->requeue != NANOS_NEVER && !plan->has_failed)
        g_string_append_printf(out, "requeue after %s\n", nanos_format(plan->requeue, duration));
}

char *plan_rehearse(Actor *actor, Key key)
{
    if (!actor->is_running) actor_start(actor);
    if (actor->process->is_rehearsal && !actor->has_seen_cache) {
        actor->has_seen_cache = true;
        informer_introduce(actor->process->informer, actor);
    }
    GString *text = g_string_new(NULL);
    actor->rehearsal = text;
    Plan *plan = plan_fill(actor, key);
    actor->rehearsal = NULL;
    plan_text(plan, text);
    plan_dispose(plan, false);
    return g_string_free(text, FALSE);
}
