/* SPDX-License-Identifier: Apache-2.0 */
/*
 * swarm.h - random worlds: a Scenario as text from a seed.
 *
 * A world has up to six nodes, up to three workloads of every form, and a script of things people
 * do and things that break, at random times that like to coincide. Every fault ends, and long
 * enough before the end of the run that everything must be as declared by then.
 */
#ifndef KENNEL_TEST_SWARM_H
#define KENNEL_TEST_SWARM_H

#include "sim/rng.h"

#include <glib.h>

#define SWARM_LOADS_MAX 3

/* One workload; its name is a letter. */
typedef struct {
    char name[2];
    bool is_set, is_parallel, is_on_delete, has_claim, deletes_on_delete, deletes_on_scale;
    bool was_deleted, was_deleted_in_foreground; /* by a step, at some time */
    int access;        /* of a Deployment's claim: 0 none, 1 many nodes, 2 one node */
    const char *class; /* of a set's claims */
    const char *mode;  /* and their access mode */
    unsigned replicas, start, partition, min_ready_s, version, grace_s, probe_s, startup_s, stop_s;
} SwarmLoad;

typedef struct {
    char *text; /* the scenario */
    unsigned minor, node_count;
    unsigned load_count;
    SwarmLoad loads[SWARM_LOADS_MAX];
    Nanos late_from, late_until; /* while the controllers may hear late by a fault */
} Swarm;

/* The world of a seed; free with swarm_clear(). */
void swarm_make(Swarm *swarm, uint64_t seed);
void swarm_clear(Swarm *swarm);

#endif
