/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.c - a simulated cluster as one value: its parts, its chance, its facts, its end.
 * Mirrors: nothing upstream; it is the machine room and the wiring of a cluster.
 * Simplified: one API server, which never restarts by itself; control-plane processes run beside
 *          the machines, not on them, and have power always.
 */
#include "models/gates.h"
#include "models/plan_internal.h"
#include "models/world_internal.h"

#define PROGRESS_EVENTS 65536

/* A random stream and how far it has been used. */
typedef struct {
    uint64_t key;
    Rng rng;
} DrawStream;

/* --- life --- */

static guint stream_hash(gconstpointer stream)
{
    return (guint)((const DrawStream *)stream)->key;
}

static gboolean stream_equal(gconstpointer a, gconstpointer b)
{
    return ((const DrawStream *)a)->key == ((const DrawStream *)b)->key;
}

static void world_set_gates(World *world)
{
    const ClusterConfig *cluster = &world->scenario->cluster;
    world->gates = g_new0(bool, gate_count());
    for (unsigned i = 0; i < gate_count(); i++) {
        bool by_default = gate_default(gate_name(i), cluster->minor);
        world->gates[i] = value_as_bool(value_get(cluster->gates, gate_name(i)), by_default);
    }
}

World *world_new(const Scenario *scenario, uint64_t seed, GError **error)
{
    (void)error; /* all names were checked when the scenario was loaded */
    World *world = g_new0(World, 1);
    world->scenario = scenario;
    world->sim = sim_new(seed);
    world->atoms = atom_table_new();
    world->machines = g_ptr_array_new();
    world->processes = g_ptr_array_new();
    world->machine_of_atom = g_ptr_array_new();
    world->streams = g_hash_table_new(stream_hash, stream_equal);
    world->stream_pool = pool_new(sizeof(DrawStream));
    world->faults = g_new0(ActiveFault, scenario->step_count + 1);
    world->folded = g_array_new(FALSE, TRUE, sizeof(uint32_t));
    world_set_gates(world);
    world->store = store_new(world, world->atoms);
    world->server = server_new(world, world->store, world->atoms);
    world->hub = informer_hub_new(world);
    world->calls = client_calls_new(world);
    world->plans = plan_pool_new();
    world->storage = storage_new(world);
    world->network = network_new(world);
    world_schedule(world);
    return world;
}

static void world_free_actors(World *world)
{
    for (unsigned i = 0; i < world->processes->len; i++)
        if (world->processes->pdata[i] != NULL)
            process_crash(world->processes->pdata[i], "the end");
    client_calls_free(world->calls);
    for (unsigned i = 0; i < world->processes->len; i++)
        process_free(world->processes->pdata[i]);
    plan_pool_free(world->plans);
    for (unsigned i = 0; i < world->machines->len; i++)
        machine_free(world->machines->pdata[i]);
    g_ptr_array_unref(world->processes);
    g_ptr_array_unref(world->machines);
}

void world_free(World *world)
{
    if (world == NULL) return;
    world->is_closing = true;
    world_drop_faults(world);
    world_free_actors(world);
    network_free(world->network);
    storage_free(world->storage);
    informer_hub_free(world->hub);
    server_free(world->server);
    store_free(world->store);
    g_ptr_array_unref(world->machine_of_atom);
    g_hash_table_destroy(world->streams);
    pool_free(world->stream_pool);
    g_array_free(world->folded, TRUE);
    g_free(world->gates);
    g_free(world->faults);
    sim_free(world->sim);
    atom_table_free(world->atoms);
    g_free(world);
}

void world_record_to(World *world, Timeline *timeline)
{
    CHECK(sim_events(world->sim) == 0);
    world->timeline = timeline;
}

/* --- the run --- */

static void describe(const void *subject, FILE *out)
{
    const World *world = subject;
    char time[NANOS_TEXT_MAX];
    const EventType *event = sim_current(world->sim);
    const char *file = world->scenario->file != NULL ? world->scenario->file : "";
    fprintf(out,
            "  at %s, event %" PRIu64 " (%s)%s%s\n  repeat: kennel run %s --seed %" PRIu64 "\n",
            nanos_format(sim_now(world->sim), time), sim_seq(world->sim),
            event != NULL ? event->name : "none", *world->scenario->variant ? ", " : "",
            world->scenario->variant, file, sim_seed(world->sim));
}

static WorldEnd world_go(World *world, bool (*progress)(void *self, const World *world), void *self)
{
    uint64_t budget = world->scenario->event_budget;
    for (;;) {
        uint64_t spent = sim_events(world->sim);
        if (budget > 0 && spent >= budget) return WORLD_BUDGET;
        uint64_t chunk = budget > 0 ? MIN(PROGRESS_EVENTS, budget - spent) : PROGRESS_EVENTS;
        SimEnd end = sim_run(world->sim, world->scenario->duration, chunk);
        if (world->timeline != NULL && timeline_error(world->timeline) != NULL)
            return WORLD_RECORDER;
        if (end == SIM_STOPPED) return WORLD_STOPPED;
        if (end != SIM_BUDGET) return WORLD_COMPLETE;
        if (progress != NULL && !progress(self, world)) return WORLD_STOPPED;
    }
}

WorldEnd world_run(World *world, bool (*progress)(void *self, const World *world), void *self)
{
    static const char *const texts[] = {[WORLD_COMPLETE] = "complete",
                                        [WORLD_BUDGET] = "budget",
                                        [WORLD_STOPPED] = "interrupted",
                                        [WORLD_RECORDER] = "recorder"};
    CheckScope scope = {.describe = describe, .subject = world};
    check_scope_enter(&scope);
    WorldEnd end = world_go(world, progress, self);
    world_fact(world, ROW_RUN_ENDED, (Fact){.detail = world_atom(world, texts[end])});
    check_scope_leave(&scope);
    return end;
}

/* --- parts --- */

Sim *world_sim(const World *world)
{
    return world->sim;
}

AtomTable *world_atoms(const World *world)
{
    return world->atoms;
}

Store *world_store(const World *world)
{
    return world->store;
}

Server *world_server(const World *world)
{
    return world->server;
}

const Scenario *world_scenario(const World *world)
{
    return world->scenario;
}

const ClusterConfig *world_config(const World *world)
{
    return &world->scenario->cluster;
}

Storage *world_storage(const World *world)
{
    return world->storage;
}

Network *world_network(const World *world)
{
    return world->network;
}

Nanos world_now(const World *world)
{
    return sim_now(world->sim);
}

Atom world_atom(const World *world, const char *text)
{
    return atom_of(world->atoms, text);
}

bool world_gate(const World *world, const char *gate)
{
    unsigned index = gate_index(gate);
    CHECK_THAT(index < gate_count(), "unknown feature gate '%s'", gate);
    return world->gates[index];
}

bool world_is_at_least(const World *world, int minor)
{
    return world->scenario->cluster.minor >= minor;
}

Hub *world_hub(const World *world)
{
    return world->hub;
}

Calls *world_calls(const World *world)
{
    return world->calls;
}

PlanPool *world_plans(const World *world)
{
    return world->plans;
}

/* --- machines and processes --- */

unsigned world_machine_count(const World *world)
{
    return world->machines->len;
}

Machine *world_machine_at(const World *world, unsigned index)
{
    CHECK(index < world->machines->len);
    return world->machines->pdata[index];
}

Machine *world_machine(const World *world, Atom name)
{
    return name < world->machine_of_atom->len ? world->machine_of_atom->pdata[name] : NULL;
}

unsigned world_process_count(const World *world)
{
    return world->processes->len;
}

Process *world_process_at(const World *world, unsigned index)
{
    CHECK(index < world->processes->len && world->processes->pdata[index] != NULL);
    return world->processes->pdata[index];
}

Process *world_process(const World *world, const char *name)
{
    Atom atom = atom_find(world->atoms, name);
    for (unsigned i = 0; atom != ATOM_NONE && i < world->processes->len; i++) {
        Process *process = world->processes->pdata[i];
        if (process != NULL && process_name(process) == atom) return process;
    }
    return NULL;
}

void world_adopt(World *world, Process *process)
{
    process->index = world->processes->len;
    g_ptr_array_add(world->processes, process);
}

/* The last one leaves no gap, so a process made for a while (tests) leaves no trace. */
void world_disown(World *world, Process *process)
{
    world->processes->pdata[process->index] = NULL;
    if (!world->is_closing && process->index + 1 == world->processes->len)
        g_ptr_array_set_size(world->processes, (gint)process->index);
}

/* --- chance --- */

Rng *world_stream(World *world, Atom about, const char *purpose)
{
    DrawStream probe = {.key = mix64(hash_string(purpose) + about)};
    DrawStream *stream = g_hash_table_lookup(world->streams, &probe);
    if (stream == NULL) {
        stream = pool_take(world->stream_pool);
        stream->key = probe.key;
        stream->rng = sim_stream(world->sim, atom_text(world->atoms, about), purpose);
        g_hash_table_add(world->streams, stream);
    }
    return &stream->rng;
}

Nanos world_draw(World *world, const Dist *dist, Atom about, const char *purpose)
{
    if (dist->shape == DIST_CONSTANT) return dist_draw(dist, NULL);
    return dist_draw(dist, world_stream(world, about, purpose));
}

/* --- facts --- */

/* A text enters the digest once, and from then on as its place among the texts of facts: the number
 * of an atom depends on when it was interned, which compilers order differently within a call. */
static uint32_t fold_text(World *world, Atom atom)
{
    if (atom >= world->folded->len)
        g_array_set_size(world->folded, MAX(2 * world->folded->len, atom + 1));
    uint32_t *place = &g_array_index(world->folded, uint32_t, atom);
    if (*place == 0) {
        *place = ++world->folded_count;
        sim_fold(world->sim, hash_string(atom_text(world->atoms, atom)));
    }
    return *place;
}

static uint64_t pair(uint32_t a, uint32_t b)
{
    return (uint64_t)a << 32 | b;
}

void world_fact(World *world, Row row, Fact fact)
{
    if (world->is_closing) return;
    fact.row = row;
    fact.at = sim_now(world->sim);
    fact.seq = sim_seq(world->sim);
    fact.cause = sim_cause(world->sim);
    if (fact.actor == ATOM_NONE) fact.actor = world->acting;
    uint32_t actor = fold_text(world, fact.actor), object = fold_text(world, fact.object);
    uint32_t uid = fold_text(world, fact.uid), node = fold_text(world, fact.node);
    uint32_t detail = fold_text(world, fact.detail);
    uint64_t word = mix64(pair(actor, object));
    word = mix64(word + pair(uid, node));
    word = mix64(word + pair(detail, fact.row));
    sim_fold(world->sim, word + (uint64_t)fact.number);
    if (world->timeline != NULL) timeline_fact(world->timeline, &fact);
}

void world_act_for(World *world, Atom who)
{
    world->acting = who;
}

void world_request(World *world, Request *request, Reply *reply)
{
    Reply own = {0};
    Reply *answer = reply != NULL ? reply : &own;
    world_act_for(world, world_atom(world, "user"));
    server_handle(world->server, sim_now(world->sim), request, answer);
    world_act_for(world, ATOM_NONE);
    if (answer->reason != REASON_OK) {
        Atom detail = atom_format(world->atoms, "%s %s: %s", plan_verb_text(request->verb),
                                  reason_text(answer->reason),
                                  answer->message != NULL ? answer->message : "");
        world_fact(world, ROW_REFUSED,
                   (Fact){.actor = world_atom(world, "user"),
                          .object = key_ref(world->atoms, request->key),
                          .detail = detail,
                          .number = reason_code(answer->reason)});
    }
    reply_clear(&own);
}

void world_fault_began(World *world)
{
    world->active_faults++;
}

void world_fault_ended(World *world)
{
    CHECK(world->active_faults > 0);
    if (--world->active_faults == 0) world_fact(world, ROW_HEALED, (Fact){0});
}
