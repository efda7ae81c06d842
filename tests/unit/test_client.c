/* SPDX-License-Identifier: Apache-2.0 */
/* test_client.c - the way of a request: latency, throttling, loss, death of the sender. */
#include "models/machinery.h"
#include "tests/unit/rig.h"
#include "tests/unit/test.h"

static const Component idle = {.name = "idle"};

typedef struct {
    unsigned count;
    ReplyReason reason;
    Nanos at;
    World *world;
} Answer;

static void keep(void *self, const Reply *reply)
{
    Answer *answer = self;
    answer->count++;
    answer->reason = reply->reason;
    answer->at = world_now(answer->world);
}

static void send(Client *client, World *world, const char *name, Answer *answer)
{
    Request request = {.verb = REQUEST_CREATE,
                       .key = rig_key(world, name),
                       .body = rig_lease(name, "me"),
                       .grace_s = -1};
    client_send(client, &request, keep, answer);
    CU_ASSERT_PTR_NULL(request.body);
}

typedef struct {
    Scenario scenario;
    World *world;
    Process *process;
    Client client;
    Answer answer;
} Bed;

static void bed_make(Bed *bed)
{
    bed->scenario = rig_scenario();
    bed->world = rig_world(&bed->scenario);
    bed->process = rig_process(bed->world, "p", ROLE_DNS, &idle, NULL);
    process_start(bed->process);
    bed->client = client_make(bed->process, "c", 0);
    bed->answer = (Answer){.world = bed->world};
}

TEST(half_way_there_half_way_back)
{
    Bed bed;
    bed_make(&bed);
    send(&bed.client, bed.world, "a", &bed.answer);
    rig_run(bed.world, RIG_WRITE / 2 - 1);
    EQUAL_TEXT(rig_stored(bed.world, "a"), "");
    rig_run(bed.world, 1);
    EQUAL_TEXT(rig_stored(bed.world, "a"), "me");
    EQUAL_INT(bed.answer.count, 0);
    rig_run(bed.world, RIG_WRITE / 2);
    EQUAL_INT(bed.answer.count, 1);
    EQUAL_INT(bed.answer.reason, REASON_OK);
    world_free(bed.world);
}

TEST(a_refusal_comes_back)
{
    Bed bed;
    bed_make(&bed);
    rig_put(bed.world, "a", "other");
    send(&bed.client, bed.world, "a", &bed.answer);
    rig_run(bed.world, NANOS_S);
    EQUAL_INT(bed.answer.reason, REASON_ALREADY_EXISTS);
    world_free(bed.world);
}

TEST(requests_wait_for_the_bucket)
{
    Bed bed;
    bed_make(&bed);
    bed.client.bucket = bucket_make(10, 2);
    Nanos start = world_now(bed.world);
    Answer answers[4];
    for (unsigned i = 0; i < 4; i++) {
        answers[i] = (Answer){.world = bed.world};
        send(&bed.client, bed.world, (const char *[]){"a", "b", "c", "d"}[i], &answers[i]);
    }
    rig_run(bed.world, NANOS_S);
    EQUAL_INT(answers[0].at, start + RIG_WRITE);
    EQUAL_INT(answers[1].at, start + RIG_WRITE);
    EQUAL_INT(answers[2].at, start + RIG_WRITE + 100 * NANOS_MS);
    EQUAL_INT(answers[3].at, start + RIG_WRITE + 200 * NANOS_MS);
    world_free(bed.world);
}

TEST(what_a_cut_link_loses)
{
    static const struct {
        bool to, from;
        const char *stored;
    } cases[] = {{true, true, ""}, {true, false, ""}, {false, true, "me"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Bed bed;
        bed_make(&bed);
        process_cut(bed.process, cases[i].to, cases[i].from);
        Nanos start = world_now(bed.world);
        send(&bed.client, bed.world, "a", &bed.answer);
        rig_run(bed.world, 2 * NANOS_MIN);
        EQUAL_TEXT(rig_stored(bed.world, "a"), cases[i].stored);
        EQUAL_INT(bed.answer.reason, REASON_TIMEOUT);
        EQUAL_INT(bed.answer.at, start + NANOS_MIN);
        world_free(bed.world);
    }
}

TEST(the_dead_hear_nothing_but_have_written)
{
    Bed bed;
    bed_make(&bed);
    send(&bed.client, bed.world, "a", &bed.answer);
    bed.client.bucket = bucket_make(1, 1);
    bed.client.bucket.full_at = world_now(bed.world) + NANOS_S;
    send(&bed.client, bed.world, "b", &bed.answer);
    process_crash(bed.process, "test");
    process_start(bed.process);
    rig_run(bed.world, NANOS_MIN);
    EQUAL_TEXT(rig_stored(bed.world, "a"), "me");
    EQUAL_TEXT(rig_stored(bed.world, "b"), "");
    EQUAL_INT(bed.answer.count, 0);
    world_free(bed.world);
}

TEST(the_paused_hear_later)
{
    Bed bed;
    bed_make(&bed);
    send(&bed.client, bed.world, "a", &bed.answer);
    process_pause(bed.process);
    rig_run(bed.world, NANOS_MIN);
    EQUAL_TEXT(rig_stored(bed.world, "a"), "me");
    EQUAL_INT(bed.answer.count, 0);
    process_resume(bed.process);
    rig_run(bed.world, 0);
    EQUAL_INT(bed.answer.count, 1);
    process_pause(bed.process);
    send(&bed.client, bed.world, "b", &bed.answer);
    rig_run(bed.world, NANOS_S);
    process_crash(bed.process, "test");
    rig_run(bed.world, NANOS_MIN);
    EQUAL_INT(bed.answer.count, 1);
    world_free(bed.world);
}
