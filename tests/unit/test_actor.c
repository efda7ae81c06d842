/* SPDX-License-Identifier: Apache-2.0 */
/* test_actor.c - workers, the time a sync takes, back-off, timers, and the limits of rows. */
#include "models/plan.h"
#include "tests/unit/rig.h"
#include "tests/unit/test.h"

#include <sqlite3.h>

/* What the actor did, and how it is to behave. */
static struct {
    GString *log;
    bool fails;
    Nanos after;
    Timer timer;
} script;

static void note_time(Actor *actor, const char *what)
{
    char text[NANOS_TEXT_MAX];
    g_string_append_printf(script.log, "%s@%s ", what,
                           nanos_format(actor_now(actor) - NANOS_S, text));
}

static void worker_sync(Actor *actor, Key key)
{
    note_time(actor, actor_text(actor, key.name));
    if (script.fails) plan_fail(actor, "told to");
    if (script.after > 0) plan_after(actor, script.after);
}

static void worker_timer(Actor *actor, uint64_t tag)
{
    char text[24];
    g_snprintf(text, sizeof(text), "timer%" PRIu64, tag);
    note_time(actor, text);
}

static const Component worker = {
    .name = "worker", .workers = 2, .sync = worker_sync, .timer = worker_timer};

typedef struct {
    Scenario scenario;
    World *world;
    Process *process;
    Actor *actor;
    Timeline *timeline;
    char *path;
} Bed;

static void bed_make(Bed *bed, bool is_recorded)
{
    static unsigned files;
    *bed = (Bed){.scenario = rig_scenario()};
    script.log = g_string_new(NULL);
    script.fails = false;
    script.after = 0;
    bed->scenario.cluster.latency.controller_sync = dist_constant(2 * NANOS_MS);
    bed->world = world_new(&bed->scenario, 1, NULL);
    if (is_recorded) {
        bed->path = g_strdup_printf("%s/actor-%u.sqlite", test_tmp(), files++);
        bed->timeline = timeline_create(bed->path, world_rows, ROW_COUNT, NULL, NULL);
        RunInfo info = {"rig", "", "0", "0", "", 1, WORLD_EPOCH_S, NULL};
        timeline_begin_run(bed->timeline, &info, world_atoms(bed->world), NULL);
        world_record_to(bed->world, bed->timeline);
    }
    rig_run(bed->world, NANOS_S);
    bed->process = rig_process(bed->world, "p", ROLE_CONTROLLER_MANAGER, &worker, NULL);
    process_start(bed->process);
    bed->actor = process_actor_at(bed->process, 0);
}

static void bed_free(Bed *bed)
{
    world_free(bed->world);
    g_string_free(script.log, TRUE);
}

/* How many facts of the actor the recorder got; ends the recording. */
static int64_t recorded(Bed *bed, const char *row)
{
    timeline_end_run(bed->timeline, "complete", world_now(bed->world), 0, 0, NULL);
    CU_ASSERT(timeline_close(bed->timeline, NULL));
    sqlite3 *db = NULL;
    sqlite3_open(bed->path, &db);
    g_autofree char *sql = g_strdup_printf(
        "SELECT count(*) FROM event_log WHERE row = '%s' AND actor = 'worker@p'", row);
    sqlite3_stmt *statement = NULL;
    sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    EQUAL_INT(sqlite3_step(statement), SQLITE_ROW);
    int64_t count = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    g_free(bed->path);
    return count;
}

TEST(two_workers_take_two_keys_at_a_time)
{
    Bed bed;
    bed_make(&bed, false);
    for (unsigned i = 0; i < 5; i++)
        actor_enqueue(bed.actor, rig_key(bed.world, (const char *[]){"a", "b", "c", "d", "a"}[i]));
    rig_run(bed.world, NANOS_S);
    EQUAL_TEXT(script.log->str, "a@0s b@0s c@2ms d@2ms ");
    bed_free(&bed);
}

TEST(a_failed_sync_backs_off)
{
    Bed bed;
    bed_make(&bed, false);
    script.fails = true;
    actor_enqueue(bed.actor, rig_key(bed.world, "a"));
    rig_run(bed.world, 100 * NANOS_MS);
    EQUAL_TEXT(script.log->str, "a@0s a@7ms a@19ms a@41ms a@83ms ");
    script.fails = false;
    rig_run(bed.world, NANOS_MIN);
    g_string_truncate(script.log, 0);
    script.fails = true;
    Nanos start = world_now(bed.world);
    actor_enqueue(bed.actor, rig_key(bed.world, "a"));
    rig_run(bed.world, 8 * NANOS_MS);
    char expected[100], first[NANOS_TEXT_MAX], second[NANOS_TEXT_MAX];
    g_snprintf(expected, sizeof(expected), "a@%s a@%s ", nanos_format(start - NANOS_S, first),
               nanos_format(start - NANOS_S + 7 * NANOS_MS, second));
    EQUAL_TEXT(script.log->str, expected);
    bed_free(&bed);
}

TEST(a_plan_can_ask_to_come_again)
{
    Bed bed;
    bed_make(&bed, false);
    script.after = NANOS_S;
    actor_enqueue(bed.actor, rig_key(bed.world, "a"));
    rig_run(bed.world, 3 * NANOS_S);
    EQUAL_TEXT(script.log->str, "a@0s a@1.002s a@2.004s ");
    bed_free(&bed);
}

TEST(timers_fire_once_or_are_cancelled)
{
    Bed bed;
    bed_make(&bed, false);
    Timer one = actor_timer(bed.actor, NANOS_S, 1);
    Timer two = actor_timer(bed.actor, NANOS_S, 2);
    actor_timer(bed.actor, 0, 3);
    actor_cancel(bed.actor, two);
    actor_cancel(bed.actor, two);
    actor_cancel(bed.actor, TIMER_NONE);
    rig_run(bed.world, 500 * NANOS_MS);
    Timer four = actor_timer(bed.actor, NANOS_S, 4);
    actor_cancel(bed.actor, two);
    rig_run(bed.world, 500 * NANOS_MS);
    actor_cancel(bed.actor, one);
    rig_run(bed.world, NANOS_S);
    actor_cancel(bed.actor, four);
    EQUAL_TEXT(script.log->str, "timer3@0s timer1@1s timer4@1.5s ");
    bed_free(&bed);
}

/* A cancelled timer stays cancelled even if it had come due while its process was paused. */
TEST(a_timer_kept_by_a_pause_can_be_cancelled)
{
    Bed bed;
    bed_make(&bed, false);
    Timer timer = actor_timer(bed.actor, NANOS_S, 1);
    process_pause(bed.process);
    rig_run(bed.world, 2 * NANOS_S);
    process_resume(bed.process);
    actor_cancel(bed.actor, timer);
    rig_run(bed.world, NANOS_S);
    EQUAL_TEXT(script.log->str, "");
    bed_free(&bed);
}

TEST(events_come_in_bursts_of_25_then_one_in_300_s)
{
    Bed bed;
    bed_make(&bed, true);
    for (unsigned i = 0; i < 40; i++)
        actor_event(bed.actor, rig_key(bed.world, "a"), "Normal", "Tested", "number %u", i);
    rig_run(bed.world, 299 * NANOS_S);
    actor_event(bed.actor, rig_key(bed.world, "a"), "Normal", "Tested", "too early");
    rig_run(bed.world, 2 * NANOS_S);
    actor_event(bed.actor, rig_key(bed.world, "a"), "Normal", "Tested", "again");
    actor_event(bed.actor, rig_key(bed.world, "b"), "Normal", "Tested", "another object");
    EQUAL_INT(recorded(&bed, "event"), 27);
    bed_free(&bed);
}

TEST(a_reason_is_written_when_it_changes)
{
    Bed bed;
    bed_make(&bed, true);
    for (unsigned i = 0; i < 12; i++)
        actor_because(bed.actor, rig_key(bed.world, "a"), "waiting for %u", i / 4);
    actor_because(bed.actor, rig_key(bed.world, "b"), "waiting for %u", 2);
    EQUAL_INT(recorded(&bed, "decision"), 4);
    bed_free(&bed);
}
