/* SPDX-License-Identifier: Apache-2.0 */
/* world_internal.h - what world.c and world_script.c share; nobody else includes it. */
#ifndef KENNEL_MODELS_WORLD_INTERNAL_H
#define KENNEL_MODELS_WORLD_INTERNAL_H

#include "models/machinery.h"
#include "models/net/network.h"
#include "models/node/machine.h"
#include "models/storage/storage.h"

/* A fault of the script that is at work. */
typedef struct {
    bool is_active;
    void *state; /* what begin() returned */
} ActiveFault;

struct World {
    const Scenario *scenario;
    Sim *sim;
    AtomTable *atoms;
    Store *store;
    Server *server;
    Storage *storage;
    Network *network;
    Hub *hub;
    Calls *calls;
    PlanPool *plans;
    Timeline *timeline;
    GPtrArray *machines;        /* in order of creation */
    GPtrArray *processes;       /* in order of creation; NULL where one was freed */
    GPtrArray *machine_of_atom; /* by name; names of machines are among the first atoms */
    GHashTable *streams;        /* DrawStream by key; looked up, never walked */
    Pool *stream_pool;
    bool *gates;         /* by gate_index() */
    ActiveFault *faults; /* by step */
    unsigned active_faults;
    GArray *folded; /* of uint32_t, by atom: the place of its text in the digest, or 0 */
    uint32_t folded_count;
    Atom acting;     /* in whose name the server is writing */
    bool is_closing; /* being freed: nothing is recorded */
};

/* world_script.c: schedules the start of the cluster and every step. */
void world_schedule(World *world);
/* Ends the faults that are still at work, so that they free what they hold. */
void world_drop_faults(World *world);

#endif
