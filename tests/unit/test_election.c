/* SPDX-License-Identifier: Apache-2.0 */
/* test_election.c - one leader at a time, and how long it takes to find the next. */
#include "tests/unit/rig.h"
#include "tests/unit/test.h"

static const Component idle = {.name = "idle"};

#define CANDIDATES 3

typedef struct {
    Scenario scenario;
    World *world;
    Process *processes[CANDIDATES];
} Bed;

static void bed_make(Bed *bed, uint64_t seed)
{
    bed->scenario = rig_scenario();
    bed->scenario.seed = seed;
    bed->world = rig_world(&bed->scenario);
    for (unsigned i = 0; i < CANDIDATES; i++) {
        char name[8];
        g_snprintf(name, sizeof(name), "p%u", i);
        bed->processes[i] =
            rig_process(bed->world, name, ROLE_CONTROLLER_MANAGER, &idle, "kube-system/x");
        process_start(bed->processes[i]);
    }
}

/* The one that leads, CANDIDATES if there is none; CU_FAIL if there are two. */
static unsigned leader(const Bed *bed)
{
    unsigned found = CANDIDATES;
    for (unsigned i = 0; i < CANDIDATES; i++) {
        if (!process_is_leading(bed->processes[i])) continue;
        if (found != CANDIDATES) CU_FAIL("two leaders");
        found = i;
    }
    return found;
}

/* Runs until another than `old` leads; how long that took. */
static Nanos until_other(Bed *bed, unsigned old, Nanos limit)
{
    Nanos start = world_now(bed->world);
    while (world_now(bed->world) - start < limit) {
        rig_run(bed->world, 10 * NANOS_MS);
        unsigned now = leader(bed);
        if (now != CANDIDATES && now != old) break;
    }
    return world_now(bed->world) - start;
}

TEST(a_dead_leader_is_replaced_when_its_lease_expires)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        Bed bed;
        bed_make(&bed, seed);
        rig_run(bed.world, 10 * NANOS_S + (Nanos)seed * 177 * NANOS_MS);
        unsigned first = leader(&bed);
        CU_ASSERT_FATAL(first < CANDIDATES);
        process_crash(bed.processes[first], "test");
        Nanos took = until_other(&bed, first, NANOS_MIN);
        CU_ASSERT(took >= 13 * NANOS_S - 100 * NANOS_MS);
        CU_ASSERT(took <= 22 * NANOS_S);
        world_free(bed.world);
    }
}

/* A restarted leader is a new candidate: it may not simply go on. */
TEST(a_restarted_leader_waits_like_anybody)
{
    Bed bed;
    bed_make(&bed, 1);
    rig_run(bed.world, 10 * NANOS_S);
    unsigned first = leader(&bed);
    process_crash(bed.processes[first], "test");
    process_start(bed.processes[first]);
    rig_run(bed.world, 12 * NANOS_S);
    EQUAL_INT(leader(&bed), CANDIDATES);
    rig_run(bed.world, 10 * NANOS_S);
    CU_ASSERT(leader(&bed) < CANDIDATES);
    world_free(bed.world);
}

TEST(a_leader_cut_off_exits_before_the_next_begins)
{
    static const bool directions[][2] = {{true, true}, {true, false}, {false, true}};
    for (unsigned i = 0; i < G_N_ELEMENTS(directions); i++) {
        Bed bed;
        bed_make(&bed, i + 1);
        rig_run(bed.world, 10 * NANOS_S);
        unsigned first = leader(&bed);
        process_cut(bed.processes[first], directions[i][0], directions[i][1]);
        rig_run(bed.world, 10 * NANOS_S - 1);
        CU_ASSERT(process_is_leading(bed.processes[first]));
        rig_run(bed.world, 2 * NANOS_S + 20 * NANOS_MS);
        CU_ASSERT(!process_is_leading(bed.processes[first]));
        Nanos took = until_other(&bed, first, NANOS_MIN);
        CU_ASSERT(took < 40 * NANOS_S);
        CU_ASSERT(process_is_up(bed.processes[first]));
        world_free(bed.world);
    }
}

TEST(a_leader_stays_while_it_can_renew)
{
    Bed bed;
    bed_make(&bed, 1);
    rig_run(bed.world, 10 * NANOS_S);
    unsigned first = leader(&bed);
    for (unsigned i = 0; i < 20; i++) {
        process_cut(bed.processes[first], true, true);
        rig_run(bed.world, 4 * NANOS_S);
        process_heal(bed.processes[first]);
        rig_run(bed.world, 14 * NANOS_S);
        EQUAL_INT(leader(&bed), first);
    }
    Key key = {KIND_LEASE, world_atom(bed.world, "kube-system"), world_atom(bed.world, "x")};
    EQUAL_INT(lease_view(store_get(world_store(bed.world), key))->transitions, 0);
    world_free(bed.world);
}

/* Seconds of a leader that slept are the one way to have two: 1.8.3 of the real thing. */
TEST(a_paused_leader_wakes_beside_the_next)
{
    Bed bed;
    bed_make(&bed, 1);
    rig_run(bed.world, 10 * NANOS_S);
    unsigned first = leader(&bed);
    process_pause(bed.processes[first]);
    rig_run(bed.world, 40 * NANOS_S);
    unsigned leaders = 0;
    for (unsigned i = 0; i < CANDIDATES; i++)
        leaders += process_is_leading(bed.processes[i]);
    EQUAL_INT(leaders, 2);
    process_resume(bed.processes[first]);
    rig_run(bed.world, 11 * NANOS_S);
    CU_ASSERT(leader(&bed) != first && leader(&bed) < CANDIDATES);
    world_free(bed.world);
}

TEST(the_first_claims_at_once)
{
    Scenario scenario = rig_scenario();
    scenario.cluster.control_plane.schedulers = 2;
    World *world = world_new(&scenario, 1, NULL);
    rig_run(world, 0);
    CU_ASSERT(process_is_leading(world_process(world, "kube-scheduler-1")));
    rig_run(world, NANOS_MIN);
    CU_ASSERT(process_is_leading(world_process(world, "kube-scheduler-1")));
    CU_ASSERT(!process_is_leading(world_process(world, "kube-scheduler-2")));
    world_free(world);
}
