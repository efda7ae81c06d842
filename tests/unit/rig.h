/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rig.h - a World to test the machinery in: no nodes, no controllers of its own, constant
 * latencies (a write takes 10 ms, a read 4 ms, a watch event 3 ms), and objects written straight
 * into the store.
 */
#ifndef KENNEL_TEST_RIG_H
#define KENNEL_TEST_RIG_H

#include "models/actor.h"

#define RIG_WRITE (10 * NANOS_MS)
#define RIG_READ  (4 * NANOS_MS)
#define RIG_WATCH (3 * NANOS_MS)

/* A scenario with nothing in it. */
static inline Scenario rig_scenario(void)
{
    Scenario scenario = {.name = "rig", .seed = 1, .duration = NANOS_HOUR};
    scenario.cluster.minor = 36;
    scenario.cluster.latency.api_write = dist_constant(RIG_WRITE);
    scenario.cluster.latency.api_read = dist_constant(RIG_READ);
    scenario.cluster.latency.watch = dist_constant(RIG_WATCH);
    scenario.cluster.control_plane = (ControlPlaneConfig){.toleration = 300 * NANOS_S,
                                                          .node_monitor_period = 5 * NANOS_S,
                                                          .node_monitor_grace = 50 * NANOS_S,
                                                          .node_startup_grace = NANOS_MIN,
                                                          .pod_gc_period = 20 * NANOS_S,
                                                          .force_detach_after = 6 * NANOS_MIN,
                                                          .lease_duration = 15 * NANOS_S,
                                                          .renew_deadline = 10 * NANOS_S,
                                                          .retry_period = 2 * NANOS_S,
                                                          .kcm_qps = 20,
                                                          .kcm_burst = 30,
                                                          .scheduler_qps = 50,
                                                          .scheduler_burst = 100,
                                                          .kubelet_qps = 50,
                                                          .kubelet_burst = 100};
    scenario.cluster.dns = (DnsConfig){.ttl = 5 * NANOS_S, .negative_ttl = 5 * NANOS_S};
    scenario.cluster.dns_domain = "cluster.local";
    return scenario;
}

static inline void rig_tick(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    (void)self;
    (void)arg;
}

static const EventType rig_tick_event = {"rig", RANK_SAMPLE, rig_tick};

/* Runs for a while; the clock moves even if nothing happens. */
static inline void rig_run(World *world, Nanos time)
{
    Nanos until = world_now(world) + time;
    sim_at(world_sim(world), until, &rig_tick_event, NULL, 0);
    sim_run(world_sim(world), until, 0);
}

/* A world of that scenario, at 1 s, when all that begins by itself has settled. */
static inline World *rig_world(const Scenario *scenario)
{
    World *world = world_new(scenario, scenario->seed, NULL);
    rig_run(world, NANOS_S);
    return world;
}

static inline Key rig_key(World *world, const char *name)
{
    return (Key){KIND_LEASE, world_atom(world, "default"), world_atom(world, name)};
}

/* A Lease that says who holds it: the least object there is. */
static inline Value *rig_lease(const char *name, const char *holder)
{
    Value *value = value_map();
    value_map_set(value, "apiVersion", value_string("coordination.k8s.io/v1"));
    value_map_set(value, "kind", value_string("Lease"));
    value_put(&value, value_string("default"), "metadata", "namespace");
    value_put(&value, value_string(name), "metadata", "name");
    value_put(&value, value_string(holder), "spec", "holderIdentity");
    return value;
}

/* Writes it into the store, as if somebody had; holder NULL: removes it. */
static inline void rig_put(World *world, const char *name, const char *holder)
{
    Key key = rig_key(world, name);
    if (holder != NULL)
        store_put(world_store(world), key, rig_lease(name, holder));
    else
        store_remove(world_store(world), key);
}

/* The holder as the store, or a cache, has it; "" if there is none. */
static inline const char *rig_holder(const World *world, const Object *object)
{
    return object != NULL ? atom_text(world_atoms(world), lease_view(object)->holder) : "";
}

static inline const char *rig_stored(World *world, const char *name)
{
    return rig_holder(world, store_get(world_store(world), rig_key(world, name)));
}

static inline const char *rig_cached(const Process *process, const char *name)
{
    World *world = process_world(process);
    return rig_holder(world, table_get(process_cache(process), rig_key(world, name)));
}

/* A process with one component. */
static inline Process *rig_process(World *world, const char *name, Role role,
                                   const Component *component, const char *lease)
{
    const Component *const components[] = {component, NULL};
    ProcessOptions options = {.name = name, .role = role, .lease = lease};
    return process_new_of(world, &options, components);
}

#endif
