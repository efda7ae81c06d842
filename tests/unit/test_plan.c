/* SPDX-License-Identifier: Apache-2.0 */
/* test_plan.c - how a plan is performed: order, failures, lanes, hooks, retries; and its text. */
#include "models/plan.h"
#include "tests/unit/rig.h"
#include "tests/unit/test.h"

/* The plan of the test that runs, and what became of it. */
static struct {
    void (*fill)(Actor *actor, Key key);
    GString *log;
    unsigned ends;
    bool succeeded;
    unsigned tries;
} script;

static void plan_done(Actor *actor, Key key, bool succeeded, void *data)
{
    (void)actor;
    (void)key;
    EQUAL_INT(*(int *)data, 42);
    script.ends++;
    script.succeeded = succeeded;
}

static void planner_sync(Actor *actor, Key key)
{
    if (script.ends > 0) return;
    int *data = plan_alloc(actor, sizeof(*data));
    *data = 42;
    plan_finally(actor, plan_done, data);
    script.fill(actor, key);
}

static const WatchRule planner_rules[] = {{KIND_LEASE, NULL, SCOPE_ALL, INDEX_NONE},
                                          {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE}};
static const Component planner = {
    .name = "planner", .watches = planner_rules, .sync = planner_sync};

typedef struct {
    Scenario scenario;
    World *world;
    Process *process;
    Actor *actor;
} Bed;

static void bed_make(Bed *bed, void (*fill)(Actor *actor, Key key))
{
    bed->scenario = rig_scenario();
    bed->world = rig_world(&bed->scenario);
    bed->process = rig_process(bed->world, "p", ROLE_DNS, &planner, NULL);
    process_start(bed->process);
    bed->actor = process_actor_at(bed->process, 0);
    script.fill = fill;
    script.log = g_string_new(NULL);
    script.ends = script.tries = 0;
    script.succeeded = false;
    rig_run(bed->world, NANOS_S);
}

static void bed_free(Bed *bed)
{
    world_free(bed->world);
    g_string_free(script.log, TRUE);
}

/* Lets the actor perform its plan once. */
static void perform(Bed *bed)
{
    actor_enqueue(bed->actor, rig_key(bed->world, "the-key"));
    rig_run(bed->world, NANOS_S);
    EQUAL_INT(script.ends, 1);
}

/* Writes the name of the step and how it was answered. */
static PlanVerdict log_reply(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    (void)data;
    g_string_append_printf(script.log, "%s:%s ", actor_text(actor, plan_step_key(step).name),
                           reason_text(reply->reason));
    return reply->reason == REASON_OK ? PLAN_ACCEPT : PLAN_REFUSE;
}

static PlanStep *step_create(Actor *actor, const char *name)
{
    PlanStep *step = plan_create(actor, KIND_LEASE, rig_lease(name, "me"));
    plan_then(step, log_reply, NULL);
    return step;
}

static PlanStep *step_delete(Actor *actor, const char *name)
{
    PlanStep *step = plan_delete(actor, rig_key(actor_world(actor), name));
    plan_then(step, log_reply, NULL);
    return step;
}

static void fill_plain(Actor *actor, Key key)
{
    (void)key;
    step_create(actor, "a");
    step_create(actor, "b");
    step_delete(actor, "a");
}

TEST(steps_run_in_order)
{
    Bed bed;
    bed_make(&bed, fill_plain);
    actor_enqueue(bed.actor, rig_key(bed.world, "the-key"));
    rig_run(bed.world, RIG_WRITE);
    EQUAL_TEXT(script.log->str, "a:OK ");
    EQUAL_TEXT(rig_stored(bed.world, "b"), "");
    rig_run(bed.world, 2 * RIG_WRITE);
    EQUAL_TEXT(script.log->str, "a:OK b:OK a:OK ");
    CU_ASSERT(script.succeeded);
    bed_free(&bed);
}

static void fill_failing(Actor *actor, Key key)
{
    (void)key;
    PlanStep *ignored = plan_delete(actor, rig_key(actor_world(actor), "nobody"));
    plan_flags(ignored, PLAN_IGNORES_NOT_FOUND);
    step_create(actor, "a");
    plan_flags(step_delete(actor, "nothing"), PLAN_GOES_ON);
    step_create(actor, "a");
    step_create(actor, "b");
    plan_flags(step_create(actor, "c"), PLAN_FINAL);
    step_create(actor, "d");
}

TEST(a_failure_stops_all_but_the_final)
{
    Bed bed;
    bed_make(&bed, fill_failing);
    perform(&bed);
    EQUAL_TEXT(script.log->str, "a:OK nothing:NotFound a:AlreadyExists c:OK ");
    CU_ASSERT(!script.succeeded);
    bed_free(&bed);
}

static void fill_lanes(Actor *actor, Key key)
{
    (void)key;
    step_create(actor, "first");
    plan_lane(actor, 1, 1);
    step_create(actor, "a1");
    step_create(actor, "a2");
    plan_lane(actor, 1, 2);
    step_delete(actor, "nothing");
    step_create(actor, "b2");
    plan_lane(actor, 1, 3);
    step_create(actor, "c1");
    plan_lane(actor, 2, 1);
    step_create(actor, "later");
    plan_flags(step_create(actor, "last"), PLAN_FINAL);
}

TEST(lanes_run_side_by_side_batches_in_turn)
{
    Bed bed;
    bed_make(&bed, fill_lanes);
    perform(&bed);
    EQUAL_TEXT(script.log->str, "first:OK a1:OK nothing:NotFound c1:OK a2:OK last:OK ");
    CU_ASSERT(!script.succeeded);
    bed_free(&bed);
}

static PlanVerdict append(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    log_reply(actor, step, reply, data);
    if (++script.tries == 1) {
        plan_retry_in(step, 100 * NANOS_MS);
        return PLAN_RETRY;
    }
    step_create(actor, "x");
    step_create(actor, "y");
    return PLAN_ACCEPT;
}

static void fill_appending(Actor *actor, Key key)
{
    (void)key;
    plan_then(step_create(actor, "a"), append, NULL);
    step_create(actor, "b");
}

TEST(a_hook_may_retry_and_append)
{
    Bed bed;
    bed_make(&bed, fill_appending);
    perform(&bed);
    EQUAL_TEXT(script.log->str, "a:OK a:AlreadyExists x:OK y:OK b:OK ");
    CU_ASSERT(script.succeeded);
    bed_free(&bed);
}

static PlanVerdict replan(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    log_reply(actor, step, reply, data);
    plan_drop_rest(actor);
    step_create(actor, "n");
    plan_lane(actor, 1, 1);
    step_create(actor, "l1");
    plan_lane(actor, 1, 2);
    step_create(actor, "l2");
    plan_lane(actor, 2, 1);
    step_create(actor, "l3");
    return PLAN_ACCEPT;
}

static void fill_dropping(Actor *actor, Key key)
{
    (void)key;
    plan_lane(actor, 1, 1);
    step_create(actor, "a1");
    plan_lane(actor, 1, 2);
    plan_then(step_create(actor, "b1"), replan, NULL);
    step_create(actor, "b2");
    plan_lane(actor, 2, 1);
    plan_flags(step_create(actor, "c"), PLAN_FINAL);
}

TEST(a_hook_may_plan_anew)
{
    Bed bed;
    bed_make(&bed, fill_dropping);
    perform(&bed);
    EQUAL_TEXT(script.log->str, "a1:OK b1:OK n:OK l1:OK l2:OK l3:OK ");
    CU_ASSERT(script.succeeded);
    bed_free(&bed);
}

static Value *never(Actor *actor, PlanStep *step, void *data)
{
    (void)actor;
    (void)step;
    (void)data;
    return NULL;
}

static Value *renamed(Actor *actor, PlanStep *step, void *data)
{
    (void)actor;
    Value *body = value_ref(plan_step_body(step));
    value_put(&body, value_string(data), "spec", "holderIdentity");
    return body;
}

static void fill_late(Actor *actor, Key key)
{
    static char late[] = "late";
    plan_late(step_create(actor, "skipped"), never, NULL);
    plan_late(step_create(actor, "a"), renamed, late);
    plan_then(plan_answer(actor, key, REASON_OK, "fine"), log_reply, NULL);
    plan_then(plan_answer(actor, key, REASON_CONFLICT, "not %s", "so"), log_reply, NULL);
    step_create(actor, "b");
}

TEST(late_bodies_and_local_answers)
{
    Bed bed;
    bed_make(&bed, fill_late);
    perform(&bed);
    EQUAL_TEXT(script.log->str, "a:OK the-key:OK the-key:Conflict ");
    EQUAL_TEXT(rig_stored(bed.world, "a"), "late");
    CU_ASSERT(!script.succeeded);
    bed_free(&bed);
}

static void fill_update(Actor *actor, Key key)
{
    (void)key;
    const Object *base = actor_get(actor, rig_key(actor_world(actor), "a"));
    PlanStep *step = plan_update(actor, base, rig_lease("a", "mine"));
    plan_flags(step, PLAN_RETRIES_CONFLICT);
}

/* The cache learns of the other's write within the 10 ms, so the second attempt is based on it. */
TEST(a_conflict_is_tried_again_on_the_newer_version)
{
    Bed bed;
    bed_make(&bed, fill_update);
    rig_put(bed.world, "a", "old");
    rig_run(bed.world, NANOS_S);
    rig_put(bed.world, "a", "other");
    perform(&bed);
    EQUAL_TEXT(rig_stored(bed.world, "a"), "mine");
    CU_ASSERT(script.succeeded);
    bed_free(&bed);
}

TEST(a_conflict_that_lasts_fails)
{
    Bed bed;
    bed_make(&bed, fill_update);
    rig_put(bed.world, "a", "old");
    rig_run(bed.world, NANOS_S);
    process_delay_watch(bed.process, KIND_NONE, NANOS_MIN);
    rig_put(bed.world, "a", "other");
    perform(&bed);
    EQUAL_TEXT(rig_stored(bed.world, "a"), "other");
    CU_ASSERT(!script.succeeded);
    bed_free(&bed);
}

TEST(a_crash_ends_the_plan_too)
{
    Bed bed;
    bed_make(&bed, fill_lanes);
    actor_enqueue(bed.actor, rig_key(bed.world, "the-key"));
    rig_run(bed.world, RIG_WRITE + RIG_WRITE / 4);
    process_crash(bed.process, "test");
    EQUAL_INT(script.ends, 1);
    CU_ASSERT(!script.succeeded);
    rig_run(bed.world, NANOS_MIN);
    EQUAL_TEXT(script.log->str, "first:OK ");
    EQUAL_TEXT(rig_stored(bed.world, "a1"), "me");
    EQUAL_TEXT(rig_stored(bed.world, "a2"), "");
    bed_free(&bed);
}

static void fill_text(Actor *actor, Key key)
{
    const Object *base = actor_get(actor, key);
    plan_because(plan_create(actor, KIND_LEASE, rig_lease("a", "me")), "nobody holds %s", "it");
    plan_update(actor, base, rig_lease("the-key", "me"));
    plan_update_status(actor, base, rig_lease("the-key", "me"));
    plan_lane(actor, 2, 3);
    plan_delete(actor, key);
    plan_patch(actor, key, PATCH_MERGE, value_map());
    actor_because(actor, key, "waiting for %s", "Godot");
    actor_event(actor, key, "Normal", "Tested", "well");
    plan_after(actor, 5 * NANOS_S);
    EQUAL_INT(plan_step_count(actor), 5);
}

TEST(a_rehearsal_performs_nothing)
{
    Bed bed;
    bed_make(&bed, fill_text);
    rig_put(bed.world, "the-key", "x");
    rig_run(bed.world, NANOS_S);
    size_t pending = sim_pending(world_sim(bed.world));
    g_autofree char *text = plan_rehearse(bed.actor, rig_key(bed.world, "the-key"));
    EQUAL_TEXT(text, "# Lease/default/the-key: waiting for Godot\n"
                     "event Normal Tested Lease/default/the-key: well\n"
                     "create Lease default/a  # nobody holds it\n"
                     "update Lease default/the-key\n"
                     "update-status Lease default/the-key\n"
                     "batch 2 lane 3: delete Lease default/the-key\n"
                     "batch 2 lane 3: patch Lease default/the-key\n"
                     "requeue after 5s\n");
    EQUAL_INT(sim_pending(world_sim(bed.world)), pending);
    EQUAL_TEXT(rig_stored(bed.world, "the-key"), "x");
    bed_free(&bed);
}
