/* SPDX-License-Identifier: Apache-2.0 */
/* test_process.c - life and death of a process: what starts, what dies with it, what waits. */
#include "tests/unit/rig.h"
#include "tests/unit/test.h"

/* An actor that writes down whatever happens to it. */
typedef struct {
    unsigned starts, timers, syncs, additions;
} Life;

/* Outlives the actor's state, which dies with the process. */
static Life life;

static void life_start(Actor *actor)
{
    life.starts++;
    actor_timer(actor, NANOS_S, 7);
}

static void life_on(Actor *actor, const Object *old, const Object *now)
{
    if (old == NULL && now->key.space == actor_atom(actor, "default")) {
        life.additions++;
        actor_enqueue(actor, now->key);
    }
}

static void life_sync(Actor *actor, Key key)
{
    (void)actor;
    (void)key;
    life.syncs++;
}

static void life_timer(Actor *actor, uint64_t tag)
{
    (void)actor;
    EQUAL_INT(tag, 7);
    life.timers++;
}

static const WatchRule life_rules[] = {{KIND_LEASE, life_on, SCOPE_ALL, INDEX_NONE},
                                       {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE}};
static const Component life_component = {.name = "life",
                                         .state_size = 1,
                                         .watches = life_rules,
                                         .start = life_start,
                                         .sync = life_sync,
                                         .timer = life_timer};

TEST(timers_and_caches_die_with_the_process)
{
    Scenario scenario = rig_scenario();
    World *world = rig_world(&scenario);
    life = (Life){0};
    Process *process = rig_process(world, "p", ROLE_DNS, &life_component, NULL);
    CU_ASSERT(!process_is_up(process));
    process_start(process);
    CU_ASSERT(process_is_up(process) && process_is_leading(process));
    rig_put(world, "a", "1");
    rig_run(world, 900 * NANOS_MS);
    EQUAL_TEXT(rig_cached(process, "a"), "1");
    EQUAL_INT(life.syncs, 1);
    process_crash(process, "test");
    process_crash(process, "twice is once");
    CU_ASSERT(!process_is_up(process) && !process_is_leading(process));
    EQUAL_TEXT(rig_cached(process, "a"), "");
    rig_run(world, NANOS_MIN);
    EQUAL_INT(life.timers, 0);
    process_start(process);
    rig_run(world, NANOS_MIN);
    EQUAL_INT(life.starts, 2);
    EQUAL_INT(life.timers, 1);
    EQUAL_INT(life.syncs, 2);
    world_free(world);
}

TEST(the_world_stands_still_while_paused)
{
    Scenario scenario = rig_scenario();
    World *world = rig_world(&scenario);
    life = (Life){0};
    Process *process = rig_process(world, "p", ROLE_DNS, &life_component, NULL);
    process_start(process);
    rig_run(world, 100 * NANOS_MS);
    process_pause(process);
    rig_put(world, "a", "1");
    rig_run(world, NANOS_MIN);
    EQUAL_TEXT(rig_cached(process, "a"), "");
    EQUAL_INT(life.timers + life.syncs, 0);
    process_resume(process);
    rig_run(world, 0);
    EQUAL_TEXT(rig_cached(process, "a"), "1");
    EQUAL_INT(life.timers, 1);
    EQUAL_INT(life.syncs, 1);
    process_pause(process);
    process_crash(process, "test");
    process_start(process);
    rig_run(world, NANOS_S);
    EQUAL_INT(life.timers, 2);
    world_free(world);
}

/* kube-scheduler's cache is warm before it leads, kube-controller-manager's is not; either way the
 * actors hear of everything when they start. */
TEST(a_late_leader_is_told_everything)
{
    static const Role roles[] = {ROLE_SCHEDULER, ROLE_CONTROLLER_MANAGER};
    for (unsigned i = 0; i < G_N_ELEMENTS(roles); i++) {
        Scenario scenario = rig_scenario();
        World *world = rig_world(&scenario);
        life = (Life){0};
        rig_put(world, "a", "1");
        rig_put(world, "b", "1");
        Process *first = rig_process(world, "p1", roles[i], &life_component, "x");
        Process *second = rig_process(world, "p2", roles[i], &life_component, "x");
        process_start(first);
        rig_run(world, NANOS_S);
        process_start(second);
        rig_run(world, 10 * NANOS_S);
        CU_ASSERT(process_is_leading(first) && !process_is_leading(second));
        EQUAL_TEXT(rig_cached(second, "a"), roles[i] == ROLE_SCHEDULER ? "1" : "");
        EQUAL_INT(life.additions, 2);
        process_crash(first, "test");
        rig_run(world, 30 * NANOS_S);
        CU_ASSERT(process_is_leading(second));
        EQUAL_INT(life.additions, 4);
        EQUAL_INT(life.syncs, 4);
        world_free(world);
    }
}

TEST(processes_are_found_by_name)
{
    Scenario scenario = rig_scenario();
    World *world = rig_world(&scenario);
    Process *process = rig_process(world, "p", ROLE_DNS, &life_component, NULL);
    CU_ASSERT_PTR_EQUAL(world_process(world, "p"), process);
    CU_ASSERT_PTR_NULL(world_process(world, "q"));
    CU_ASSERT_PTR_NULL(process_actor(process, "death"));
    CU_ASSERT_PTR_EQUAL(process_actor(process, "life"), process_actor_at(process, 0));
    EQUAL_TEXT(actor_text(process_actor_at(process, 0), actor_name(process_actor_at(process, 0))),
               "life@p");
    world_free(world);
}
