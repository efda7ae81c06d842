/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-watch: from a write in the store to the handlers that hear of it, through hub, streams,
 * latencies, events and caches. The reference writes the same and calls the handlers straight from
 * the commit, with no wire, time or cache between. The ratio is the price of being late.
 */
#include "models/actor.h"
#include "models/node/machine.h"
#include "tests/bench/bench.h"

enum { WRITES = 50000, OBJECTS = 5000 };

/* How many processes hear of a write: all of them, or only the one whose node it is about. */
typedef struct {
    unsigned hearers;
    bool is_scoped;
} Case;

typedef struct {
    Scenario scenario;
    World *world;
    Process *processes[OBJECTS];
    Machine *machines[OBJECTS];
    Key keys[OBJECTS];
    Value *bodies[OBJECTS];
} Side;

static uint64_t heard(const Object *now)
{
    return mix64((uint64_t)now->version);
}

static void on_change(Actor *actor, const Object *old, const Object *now)
{
    (void)old;
    uint64_t *sum = actor_state(actor);
    *sum += heard(now);
}

static const WatchRule all_rules[] = {{KIND_LEASE, on_change, SCOPE_ALL, INDEX_NONE},
                                      {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE}};
static const WatchRule own_rules[] = {{KIND_LEASE, on_change, SCOPE_OWN_NODE, INDEX_LEASE_NODE},
                                      {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE}};
static const Component all_component = {
    .name = "bench-all", .state_size = sizeof(uint64_t), .watches = all_rules};
static const Component own_component = {
    .name = "bench-own", .state_size = sizeof(uint64_t), .watches = own_rules};

static void side_objects(Side *side)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        char name[24];
        g_snprintf(name, sizeof name, "n%u", i);
        Value *body = value_map();
        value_map_set(body, "apiVersion", value_string("coordination.k8s.io/v1"));
        value_map_set(body, "kind", value_string("Lease"));
        value_put(&body, value_string(name), "metadata", "name");
        value_put(&body, value_string("kube-node-lease"), "metadata", "namespace");
        side->bodies[i] = body;
        side->keys[i] = key_of_value(world_atoms(side->world), KIND_LEASE, body);
    }
}

static Side *side_new(const Case *given)
{
    Side *side = g_new0(Side, 1);
    side->scenario = (Scenario){.name = "bench", .duration = NANOS_HOUR};
    side->scenario.cluster.minor = 36;
    CHECK(dist_parse("lognormal(10ms, 200ms)", &side->scenario.cluster.latency.watch, NULL));
    side->world = world_new(&side->scenario, 1, NULL);
    sim_run(world_sim(side->world), 0, 0);
    side_objects(side);
    const Component *const components[] = {given->is_scoped ? &own_component : &all_component,
                                           NULL};
    for (unsigned i = 0; i < given->hearers; i++) {
        char name[24];
        g_snprintf(name, sizeof name, "n%u", i);
        MachineOptions machine = {.name = name, .zone = ""};
        if (given->is_scoped) side->machines[i] = machine_new(side->world, &machine);
        ProcessOptions options = {
            .name = name + 1, .role = ROLE_KUBELET, .machine = side->machines[i]};
        side->processes[i] = process_new_of(side->world, &options, components);
        process_start(side->processes[i]);
    }
    sim_run(world_sim(side->world), NANOS_S, 0);
    return side;
}

static uint64_t side_free(Side *side, const Case *given)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < given->hearers; i++) {
        sum += *(const uint64_t *)actor_state(process_actor_at(side->processes[i], 0));
        process_crash(side->processes[i], "the end");
    }
    for (unsigned i = 0; given->is_scoped && i < given->hearers; i++) {
        process_free(side->processes[i]);
        process_free(machine_kubelet(side->machines[i]));
        machine_free(side->machines[i]);
    }
    world_free(side->world);
    for (unsigned i = 0; i < OBJECTS; i++)
        value_unref(side->bodies[i]);
    g_free(side);
    return sum;
}

static void write_one(Side *side, unsigned number)
{
    unsigned i = number % OBJECTS;
    value_put(&side->bodies[i], value_int(number), "spec", "leaseTransitions");
    store_put(world_store(side->world), side->keys[i], value_ref(side->bodies[i]));
}

static uint64_t round_ours(const void *parameters, int64_t *begin_ns)
{
    const Case *given = parameters;
    Side *side = side_new(given);
    Sim *sim = world_sim(side->world);
    *begin_ns = bench_cpu_ns();
    for (unsigned i = 0; i < WRITES; i++) {
        write_one(side, i);
        if (i % 16 == 0) sim_run(sim, sim_now(sim) + NANOS_MS, 0);
    }
    sim_run(sim, sim_now(sim) + NANOS_MIN, 0);
    int64_t end_ns = bench_cpu_ns();
    uint64_t sum = side_free(side, given);
    *begin_ns += bench_cpu_ns() - end_ns;
    return sum;
}

/* What the reference calls instead: as many handlers, at once. */
typedef struct {
    unsigned hearers;
    uint64_t *sums;
} Direct;

static void direct_committed(void *self, const Change *change)
{
    Direct *direct = self;
    for (unsigned i = 0; i < direct->hearers; i++)
        direct->sums[i] += heard(change->now);
}

static uint64_t round_reference(const void *parameters, int64_t *begin_ns)
{
    const Case *given = parameters;
    Side *side = side_new(&(Case){0});
    unsigned hearers = given->is_scoped ? 1 : given->hearers;
    g_autofree uint64_t *sums = g_new0(uint64_t, hearers);
    Direct direct = {hearers, sums};
    store_listen(world_store(side->world), (StoreListener){direct_committed, &direct});
    *begin_ns = bench_cpu_ns();
    for (unsigned i = 0; i < WRITES; i++)
        write_one(side, i);
    int64_t end_ns = bench_cpu_ns();
    uint64_t sum = side_free(side, &(Case){0});
    for (unsigned i = 0; i < hearers; i++)
        sum += sums[i];
    *begin_ns += bench_cpu_ns() - end_ns;
    return sum;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        Case parameters;
    } cases[] = {{"watch, 1 hearer", {1, false}},
                 {"watch, 4 hearers", {4, false}},
                 {"watch, 5000 nodes, own only", {OBJECTS, true}}};
    bool equal = true;
    bench_head();
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Bench bench = {cases[i].name,        round_ours, round_reference,
                       &cases[i].parameters, WRITES,     bench_rounds(argc, argv, 5)};
        equal &= bench_run(&bench);
    }
    return equal ? 0 : 1;
}
