/* SPDX-License-Identifier: Apache-2.0 */
/* lease_component: the heartbeat of a node, as the API sees it. */
#include "models/actor.h"
#include "tests/unit/cluster.h"
#include "tests/unit/test.h"

typedef struct {
    unsigned count;
    Nanos first, last, shortest, longest;
    const World *world;
} Beats;

static void on_commit(void *self, const Change *change)
{
    Beats *beats = self;
    if (change->now->key.kind != KIND_LEASE) return;
    if (strcmp(atom_text(world_atoms(beats->world), change->now->key.space), "kube-node-lease") !=
        0)
        return;
    Nanos now = world_now(beats->world);
    if (beats->count++ == 0) {
        beats->first = now;
    } else {
        beats->shortest = MIN(beats->shortest, now - beats->last);
        beats->longest = MAX(beats->longest, now - beats->last);
    }
    beats->last = now;
}

/* Renewals of one machine over an hour: every 10 s, with up to 4 % more. */
TEST(a_node_renews_its_lease_every_ten_seconds)
{
    Cluster cluster;
    cluster_open(&cluster, NANOS_MIN);
    machine_power_off(cluster_machine(&cluster, "node-2"));
    Beats beats = {.shortest = NANOS_HOUR, .world = cluster.world};
    store_listen(world_store(cluster.world), (StoreListener){on_commit, &beats});
    cluster_run(&cluster, NANOS_HOUR);
    CU_ASSERT(beats.count >= 345 && beats.count <= 361);
    CU_ASSERT(beats.shortest >= 9 * NANOS_S);
    CU_ASSERT(beats.longest <= 11 * NANOS_S);
    cluster_close(&cluster);
}

/* What another machine hears, and when the API server cannot be reached. */
TEST(no_lease_without_a_way_to_the_server)
{
    Cluster cluster;
    cluster_open(&cluster, NANOS_MIN);
    machine_power_off(cluster_machine(&cluster, "node-2"));
    process_cut(machine_kubelet(cluster_machine(&cluster, "node-1")), true, true);
    Beats beats = {.shortest = NANOS_HOUR, .world = cluster.world};
    store_listen(world_store(cluster.world), (StoreListener){on_commit, &beats});
    cluster_run(&cluster, 2 * NANOS_MIN);
    CU_ASSERT(beats.count <= 1);
    process_heal(machine_kubelet(cluster_machine(&cluster, "node-1")));
    cluster_run(&cluster, NANOS_MIN);
    CU_ASSERT(beats.count >= 5);
    cluster_close(&cluster);
}
