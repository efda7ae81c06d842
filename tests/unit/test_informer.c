/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_informer.c - lists and watches: order, scope, broken links; and that whatever happens to
 * the link, a cache ends up as the store is.
 */
#include "models/informer.h"
#include "models/node/machine.h"
#include "tests/unit/rig.h"
#include "tests/unit/test.h"

/* Handlers write "+a=1 *a=2 -a " into the actor's state. */
typedef struct {
    GString *log;
} Watcher;

static void watcher_start(Actor *actor)
{
    ((Watcher *)actor_state(actor))->log = g_string_new(NULL);
}

static void watcher_stop(Actor *actor)
{
    g_string_free(((Watcher *)actor_state(actor))->log, TRUE);
}

static void watcher_on(Actor *actor, const Object *old, const Object *now)
{
    GString *log = ((Watcher *)actor_state(actor))->log;
    const Object *object = now != NULL ? now : old;
    if (object->key.kind == KIND_LEASE && object->key.space != actor_atom(actor, "default")) return;
    const Object *cached = actor_get(actor, object->key);
    CU_ASSERT_PTR_EQUAL(cached, now);
    g_string_append_printf(log, "%c%s",
                           old == NULL   ? '+'
                           : now == NULL ? '-'
                                         : '*',
                           actor_text(actor, object->key.name));
    if (now != NULL && now->key.kind == KIND_LEASE)
        g_string_append_printf(log, "=%s", actor_text(actor, lease_view(now)->holder));
    g_string_append_c(log, ' ');
}

static const WatchRule lease_rules[] = {{KIND_LEASE, watcher_on, SCOPE_ALL, INDEX_NONE},
                                        {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE}};
static const Component lease_watcher = {.name = "watcher",
                                        .state_size = sizeof(Watcher),
                                        .watches = lease_rules,
                                        .start = watcher_start,
                                        .stop = watcher_stop};

static const WatchRule node_rules[] = {
    {KIND_VOLUME_ATTACHMENT, watcher_on, SCOPE_OWN_NODE, INDEX_ATTACHMENT_NODE},
    {KIND_NODE, watcher_on, SCOPE_OWN_NODE, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE}};
static const Component node_watcher = {.name = "node-watcher",
                                       .state_size = sizeof(Watcher),
                                       .watches = node_rules,
                                       .start = watcher_start,
                                       .stop = watcher_stop};

typedef struct {
    Scenario scenario;
    World *world;
    Process *process;
} Bed;

static void bed_make(Bed *bed)
{
    bed->scenario = rig_scenario();
    bed->world = rig_world(&bed->scenario);
    bed->process = rig_process(bed->world, "p", ROLE_DNS, &lease_watcher, NULL);
}

/* What the handlers have heard since the last call. */
static void heard(const Process *process, const char *expected)
{
    GString *log = ((Watcher *)actor_state(process_actor_at(process, 0)))->log;
    EQUAL_TEXT(log->str, expected);
    g_string_truncate(log, 0);
}

TEST(list_then_watch_in_order)
{
    Bed bed;
    bed_make(&bed);
    rig_put(bed.world, "b", "1");
    rig_put(bed.world, "a", "1");
    process_start(bed.process);
    CU_ASSERT(!actor_is_synced(process_actor_at(bed.process, 0)));
    rig_run(bed.world, RIG_READ);
    CU_ASSERT(actor_is_synced(process_actor_at(bed.process, 0)));
    heard(bed.process, "+a=1 +b=1 ");
    rig_put(bed.world, "a", "2");
    rig_put(bed.world, "c", "1");
    rig_put(bed.world, "b", NULL);
    rig_run(bed.world, RIG_WATCH - 1);
    heard(bed.process, "");
    rig_run(bed.world, 1);
    heard(bed.process, "*a=2 +c=1 -b ");
    world_free(bed.world);
}

TEST(a_delayed_event_holds_up_its_stream)
{
    Bed bed;
    bed_make(&bed);
    process_start(bed.process);
    rig_run(bed.world, NANOS_S);
    process_delay_watch(bed.process, KIND_LEASE, 5 * NANOS_S);
    rig_put(bed.world, "a", "1");
    process_delay_watch(bed.process, KIND_LEASE, 0);
    rig_put(bed.world, "b", "1");
    rig_run(bed.world, 5 * NANOS_S);
    heard(bed.process, "");
    rig_run(bed.world, RIG_WATCH);
    heard(bed.process, "+a=1 +b=1 ");
    world_free(bed.world);
}

static void put_attachment(World *world, const char *name, const char *node)
{
    Key key = {KIND_VOLUME_ATTACHMENT, ATOM_NONE, world_atom(world, name)};
    Value *value = value_map();
    value_map_set(value, "apiVersion", value_string("storage.k8s.io/v1"));
    value_map_set(value, "kind", value_string("VolumeAttachment"));
    value_put(&value, value_string(name), "metadata", "name");
    value_put(&value, value_string(node), "spec", "nodeName");
    store_put(world_store(world), key, value);
}

static void put_node(World *world, const char *name)
{
    Value *value = value_map();
    value_map_set(value, "apiVersion", value_string("v1"));
    value_map_set(value, "kind", value_string("Node"));
    value_put(&value, value_string(name), "metadata", "name");
    store_put(world_store(world), (Key){KIND_NODE, ATOM_NONE, world_atom(world, name)}, value);
}

TEST(a_scoped_stream_hears_its_own_only)
{
    Bed bed;
    bed_make(&bed);
    Machine *machines[2];
    Process *processes[2];
    const Component *const components[] = {&node_watcher, NULL};
    for (unsigned i = 0; i < 2; i++) {
        MachineOptions options = {.name = i == 0 ? "n0" : "n1", .zone = ""};
        machines[i] = machine_new(bed.world, &options);
        ProcessOptions process = {
            .name = i == 0 ? "p0" : "p1", .role = ROLE_KUBELET, .machine = machines[i]};
        processes[i] = process_new_of(bed.world, &process, components);
    }
    put_attachment(bed.world, "x", "n0");
    put_node(bed.world, "n1");
    process_start(processes[0]);
    process_start(processes[1]);
    rig_run(bed.world, NANOS_S);
    heard(processes[0], "+x ");
    heard(processes[1], "+n1 ");
    put_attachment(bed.world, "y", "n0");
    put_attachment(bed.world, "x", "n1");
    put_attachment(bed.world, "z", "elsewhere");
    put_node(bed.world, "n0");
    rig_run(bed.world, NANOS_S);
    heard(processes[0], "+y -x +n0 ");
    heard(processes[1], "+x ");
    for (unsigned i = 0; i < 2; i++) {
        process_free(processes[i]);
        process_free(machine_kubelet(machines[i]));
        machine_free(machines[i]);
    }
    world_free(bed.world);
}

TEST(a_short_cut_delays)
{
    Bed bed;
    bed_make(&bed);
    process_start(bed.process);
    rig_run(bed.world, NANOS_S);
    rig_put(bed.world, "a", "1");
    process_cut(bed.process, false, true);
    rig_put(bed.world, "b", "1");
    rig_run(bed.world, 25 * NANOS_S);
    heard(bed.process, "");
    process_heal(bed.process);
    rig_run(bed.world, RIG_WATCH);
    heard(bed.process, "+a=1 +b=1 ");
    world_free(bed.world);
}

TEST(a_long_cut_resumes_from_the_history)
{
    Bed bed;
    bed_make(&bed);
    process_start(bed.process);
    rig_put(bed.world, "a", "1");
    rig_run(bed.world, NANOS_S);
    heard(bed.process, "+a=1 ");
    process_cut(bed.process, true, true);
    rig_put(bed.world, "a", "2");
    rig_run(bed.world, 2 * NANOS_MIN);
    rig_put(bed.world, "b", "1");
    rig_put(bed.world, "a", NULL);
    rig_put(bed.world, "a", "3");
    process_heal(bed.process);
    heard(bed.process, "");
    rig_run(bed.world, NANOS_MIN + NANOS_S);
    heard(bed.process, "*a=2 +b=1 -a +a=3 ");
    world_free(bed.world);
}

TEST(a_history_too_short_means_a_new_list)
{
    Bed bed;
    bed_make(&bed);
    process_start(bed.process);
    for (unsigned i = 0; i < 3; i++)
        rig_put(bed.world, (const char *[]){"c", "b", "a"}[i], "1");
    rig_run(bed.world, NANOS_S);
    heard(bed.process, "+a=1 +b=1 +c=1 ");
    process_cut(bed.process, true, true);
    rig_run(bed.world, NANOS_MIN);
    store_keep_history(world_store(bed.world), 2);
    rig_put(bed.world, "c", NULL);
    rig_put(bed.world, "a", NULL);
    rig_put(bed.world, "b", "2");
    rig_put(bed.world, "d", "1");
    rig_put(bed.world, "d", "2");
    process_heal(bed.process);
    rig_run(bed.world, NANOS_MIN + NANOS_S);
    heard(bed.process, "*b=2 +d=2 -a -c ");
    world_free(bed.world);
}

TEST(a_restart_lists_again)
{
    Bed bed;
    bed_make(&bed);
    process_start(bed.process);
    rig_put(bed.world, "a", "1");
    rig_run(bed.world, NANOS_S);
    rig_put(bed.world, "a", NULL);
    rig_put(bed.world, "b", "1");
    process_crash(bed.process, "test");
    EQUAL_TEXT(rig_cached(bed.process, "a"), "");
    process_start(bed.process);
    rig_run(bed.world, NANOS_S);
    heard(bed.process, "+b=1 ");
    world_free(bed.world);
}

/* --- whatever happens, the cache ends up as the store is --- */

static void meddle(Bed *bed, Rng *rng)
{
    char name[8], holder[24];
    g_snprintf(name, sizeof(name), "l%u", (unsigned)rng_below(rng, 6));
    g_snprintf(holder, sizeof(holder), "%u", (unsigned)rng_below(rng, 1000000));
    switch (rng_below(rng, 12)) {
    case 0: process_cut(bed->process, true, rng_below(rng, 2) == 0); break;
    case 1:
    case 2: process_heal(bed->process); break;
    case 3: process_pause(bed->process); break;
    case 4: process_resume(bed->process); break;
    case 5:
        process_crash(bed->process, "test");
        process_start(bed->process);
        break;
    case 6:
        if (*rig_stored(bed->world, name) != '\0') rig_put(bed->world, name, NULL);
        break;
    case 7: rig_run(bed->world, (Nanos)rng_below(rng, 60 * NANOS_S)); break;
    default: rig_put(bed->world, name, holder); break;
    }
    rig_run(bed->world, (Nanos)rng_below(rng, 10 * NANOS_MS));
}

static void converge(Bed *bed, uint64_t seed)
{
    process_resume(bed->process);
    process_heal(bed->process);
    rig_run(bed->world, 2 * NANOS_MIN);
    for (unsigned i = 0; i < 6; i++) {
        char name[8];
        g_snprintf(name, sizeof(name), "l%u", i);
        const char *stored = rig_stored(bed->world, name);
        if (strcmp(stored, rig_cached(bed->process, name)) != 0)
            printf("  seed %" PRIu64 " at %" PRId64 "\n", seed, world_now(bed->world));
        EQUAL_TEXT(rig_cached(bed->process, name), stored);
    }
}

TEST(caches_converge)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        Bed bed;
        bed_make(&bed);
        store_keep_history(world_store(bed.world), seed % 2 == 0 ? 4 : 4096);
        process_start(bed.process);
        Rng rng = rng_stream(seed, "test", "informer");
        for (unsigned round = 0; round < 5; round++) {
            for (unsigned i = 0; i < 60; i++)
                meddle(&bed, &rng);
            converge(&bed, seed);
        }
        world_free(bed.world);
    }
}
