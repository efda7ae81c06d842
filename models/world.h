/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.h - a simulated cluster: everything of one run, as one value.
 *
 * A World is built from a variant of a Scenario, run, and freed. It owns the Sim, the atoms, the
 * store and server, the processes with their actors and caches, the machines, the storage
 * backends and the network. Worlds share nothing; many may run side by side on threads.
 *
 * world_fact() is the recorder's only door: it folds the fact into the digest, whether or not a
 * timeline is attached, so recording never changes a run.
 */
#ifndef KENNEL_MODELS_WORLD_H
#define KENNEL_MODELS_WORLD_H

#include "models/api/server.h"
#include "models/scenario.h"
#include "sim/sim.h"
#include "sim/timeline.h"

typedef enum {
#define ROW(ID, name, help) ROW_##ID,
#include "models/rows.def"
    ROW_COUNT
} Row;

/* The vocabulary for timeline_create(). */
extern const FactRow world_rows[ROW_COUNT];

/* The SQL views that turn facts into intervals, for timeline_create(). */
const char *world_views(void);

typedef struct Process Process;
typedef struct Machine Machine;
typedef struct Storage Storage;
typedef struct Network Network;

/* Builds the cluster of a scenario variant; nothing has happened yet. NULL with error set if the
 * scenario cannot be built (a step names what does not exist, ...). The scenario must outlive it. */
World *world_new(const Scenario *scenario, uint64_t seed, GError **error);
void world_free(World *world);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

/* Attaches a recorder before the first event; timeline_begin_run() has been called. */
void world_record_to(World *world, Timeline *timeline);

/* Why a run ended. */
typedef enum { WORLD_COMPLETE, WORLD_BUDGET, WORLD_STOPPED, WORLD_RECORDER } WorldEnd;

/* Runs until the scenario's end. `progress` (may be NULL) is called now and then; returning false
 * stops the run. */
WorldEnd world_run(World *world, bool (*progress)(void *self, const World *world), void *self);

/* --- parts --- */

Sim *world_sim(const World *world);
AtomTable *world_atoms(const World *world);
Store *world_store(const World *world);
Server *world_server(const World *world);
const Scenario *world_scenario(const World *world);
const ClusterConfig *world_config(const World *world);
Storage *world_storage(const World *world);
Network *world_network(const World *world);
Nanos world_now(const World *world);

/* The atom of a text, for short. */
Atom world_atom(const World *world, const char *text);

/* A gate's value under cluster.version and cluster.featureGates; CHECKs that the gate is known. */
bool world_gate(const World *world, const char *gate);

/* Whether cluster.version is at least 1.minor. */
bool world_is_at_least(const World *world, int minor);

/* --- machines and processes, in order of creation --- */

unsigned world_machine_count(const World *world);
Machine *world_machine_at(const World *world, unsigned index);
Machine *world_machine(const World *world, Atom name); /* NULL if there is none */
unsigned world_process_count(const World *world);
Process *world_process_at(const World *world, unsigned index);
Process *world_process(const World *world, const char *name);

/* --- facts --- */

/* Records that something happened now. Fields at, seq and cause are filled in. */
void world_fact(World *world, Row row, Fact fact);

/* Facts that name no actor are in this one's name until it is called with ATOM_NONE: the path of a
 * request says so while the server handles it, because the store does not know who asked. */
void world_act_for(World *world, Atom who);

/* A client that stands for the person at the keyboard: performs a request now, with no latency, as
 * verbs do; refusals are recorded and returned in *reply (may be NULL). */
void world_request(World *world, Request *request, Reply *reply);

/* A fault has begun or ended; when none is active any more, row HEALED is written. */
void world_fault_began(World *world);
void world_fault_ended(World *world);

#endif
