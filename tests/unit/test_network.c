/* SPDX-License-Identifier: Apache-2.0 */
/* test_network.c - addresses are fresh; a client hears of a change when its answer expires. */
#include "models/net/network.h"

#include "tests/unit/cluster.h"

TEST(pod_addresses_are_fresh)
{
    Cluster cluster;
    cluster_open(&cluster, 0);
    Network *network = world_network(cluster.world);
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    const Machine *machines[] = {cluster_machine(&cluster, "node-1"),
                                 cluster_machine(&cluster, "node-2")};
    for (unsigned i = 0; i < 1200; i++) {
        Atom ip = network_pod_ip(network, machines[i % 3 == 0]);
        CU_ASSERT(g_hash_table_add(seen, GUINT_TO_POINTER(ip)));
        CU_ASSERT(g_str_has_prefix(atom_text(world_atoms(cluster.world), ip), "10.244."));
    }
    cluster_close(&cluster);
}

TEST(cluster_ips_are_fresh)
{
    Cluster cluster;
    cluster_open(&cluster, 0);
    Network *network = world_network(cluster.world);
    const AtomTable *atoms = world_atoms(cluster.world);
    Atom first = network_cluster_ip(network);
    EQUAL_TEXT(atom_text(atoms, first), "10.96.0.10");
    Atom ip = first;
    for (unsigned i = 0; i < 246; i++)
        ip = network_cluster_ip(network);
    EQUAL_TEXT(atom_text(atoms, ip), "10.96.1.0");
    cluster_close(&cluster);
}

/* --- clients; times in seconds after publication --- */

typedef struct {
    Cluster cluster;
    Network *network;
    Atom name;
} Rig;

static void rig_open(Rig *rig)
{
    cluster_open(&rig->cluster, 10 * NANOS_S);
    rig->network = world_network(rig->cluster.world);
    rig->name = world_atom(rig->cluster.world, "x.y.svc.cluster.local");
}

static void publish(Rig *rig, const char *answer)
{
    network_dns_publish(rig->network, rig->name, world_atom(rig->cluster.world, answer));
}

static const char *held(const Rig *rig)
{
    return atom_text(world_atoms(rig->cluster.world),
                     network_client_answer(rig->network, rig->name));
}

/* Runs until the client holds something else; returns the time that took. */
static Nanos until_news(Rig *rig)
{
    Atom before = network_client_answer(rig->network, rig->name);
    Nanos began = world_now(rig->cluster.world);
    while (network_client_answer(rig->network, rig->name) == before) {
        cluster_run(&rig->cluster, NANOS_MS);
        if (world_now(rig->cluster.world) - began > NANOS_HOUR) break;
    }
    return world_now(rig->cluster.world) - began;
}

TEST(clients_hear_on_expiry)
{
    Rig rig;
    rig_open(&rig);
    EQUAL_TEXT(held(&rig), "");
    publish(&rig, "");
    cluster_run(&rig.cluster, NANOS_MIN);
    EQUAL_TEXT(held(&rig), ""); /* a name that never was is not asked for */
    publish(&rig, "10.0.0.1");
    CU_ASSERT(until_news(&rig) <= 30 * NANOS_S);
    EQUAL_TEXT(held(&rig), "10.0.0.1");
    cluster_run(&rig.cluster, 70 * NANOS_S);
    publish(&rig, "10.0.0.2"); /* the third TTL ends 20 s later */
    Nanos waited = until_news(&rig);
    CU_ASSERT(waited >= 19 * NANOS_S && waited <= 21 * NANOS_S);
    EQUAL_TEXT(held(&rig), "10.0.0.2");
    cluster_run(&rig.cluster, 10 * NANOS_S);
    publish(&rig, "");
    cluster_run(&rig.cluster, 5 * NANOS_S);
    publish(&rig, "10.0.0.2"); /* it was back before anybody asked */
    cluster_run(&rig.cluster, 15 * NANOS_MIN);
    EQUAL_TEXT(held(&rig), "10.0.0.2");
    publish(&rig, "");
    CU_ASSERT(until_news(&rig) <= 30 * NANOS_S);
    EQUAL_TEXT(held(&rig), "NXDOMAIN");
    cluster_close(&rig.cluster);
}

TEST(server_goes_and_comes)
{
    Rig rig;
    rig_open(&rig);
    publish(&rig, "10.0.0.1");
    until_news(&rig);
    network_dns_down(rig.network);
    CU_ASSERT(until_news(&rig) <= 30 * NANOS_S);
    EQUAL_TEXT(held(&rig), "TIMEOUT");
    cluster_run(&rig.cluster, NANOS_MIN);
    publish(&rig, "10.0.0.3");
    cluster_run(&rig.cluster, NANOS_MIN);
    EQUAL_TEXT(held(&rig), "TIMEOUT");
    network_dns_up(rig.network);
    CU_ASSERT(until_news(&rig) <= 5 * NANOS_S);
    EQUAL_TEXT(held(&rig), "10.0.0.3");
    cluster_close(&rig.cluster);
}
