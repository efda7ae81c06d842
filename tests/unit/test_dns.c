/* SPDX-License-Identifier: Apache-2.0 */
/* test_dns.c - what names answer, from Services and slices through the server to a client. */
#include "models/net/network.h"

#include "tests/unit/cluster.h"

#define HEADLESS                                                                \
    "apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: default}\n" \
    "spec: {clusterIP: None, ports: [{name: sql, port: 3306}]}\n"
#define SLICE(first_ready)                                                               \
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: db-1, "      \
    "namespace: default, labels: {kubernetes.io/service-name: db}}\naddressType: IPv4\n" \
    "ports: [{name: sql, port: 3306}]\nendpoints:\n"                                     \
    "- {addresses: [10.0.0.2], hostname: db-0, conditions: {ready: " first_ready "}}\n"  \
    "- {addresses: [10.0.0.1], hostname: db-1, conditions: {ready: true}}\n"             \
    "- {addresses: [10.0.0.3], hostname: db-2, conditions: {ready: false}}\n"

#define ZONE "default.svc.cluster.local"

static const char *answer(const Cluster *cluster, const char *name)
{
    Network *network = world_network(cluster->world);
    Atom held = network_client_answer(network, world_atom(cluster->world, name));
    return atom_text(world_atoms(cluster->world), held);
}

static void remove_object(const Cluster *cluster, Kind kind, const char *name)
{
    cluster_delete(cluster, kind, name, 0);
}

TEST(headless_names)
{
    Cluster cluster;
    cluster_open(&cluster, 10 * NANOS_S);
    cluster_apply(&cluster, HEADLESS);
    cluster_apply(&cluster, SLICE("true"));
    cluster_run(&cluster, NANOS_MIN);
    EQUAL_TEXT(answer(&cluster, "db." ZONE), "10.0.0.1,10.0.0.2");
    EQUAL_TEXT(answer(&cluster, "db-0.db." ZONE), "10.0.0.2");
    EQUAL_TEXT(answer(&cluster, "db-1.db." ZONE), "10.0.0.1");
    EQUAL_TEXT(answer(&cluster, "db-2.db." ZONE), "");
    EQUAL_TEXT(answer(&cluster, "_sql._tcp.db." ZONE),
               "0 50 3306 db-0.db." ZONE ",0 50 3306 db-1.db." ZONE);
    remove_object(&cluster, KIND_ENDPOINT_SLICE, "db-1");
    cluster_apply(&cluster, SLICE("false"));
    cluster_run(&cluster, NANOS_MIN);
    EQUAL_TEXT(answer(&cluster, "db." ZONE), "10.0.0.1");
    EQUAL_TEXT(answer(&cluster, "db-0.db." ZONE), "NXDOMAIN");
    EQUAL_TEXT(answer(&cluster, "_sql._tcp.db." ZONE), "0 100 3306 db-1.db." ZONE);
    remove_object(&cluster, KIND_SERVICE, "db");
    cluster_run(&cluster, NANOS_MIN);
    EQUAL_TEXT(answer(&cluster, "db-1.db." ZONE), "NXDOMAIN");
    EQUAL_TEXT(answer(&cluster, "db." ZONE), "NXDOMAIN");
    cluster_close(&cluster);
}

TEST(cluster_ip_names)
{
    Cluster cluster;
    cluster_open(&cluster, 10 * NANOS_S);
    cluster_apply(&cluster, "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: "
                            "default}\nspec: {clusterIP: 10.96.0.77, selector: {app: x}, ports: "
                            "[{name: http, port: 80}, {name: https, port: 443}]}\n");
    cluster_run(&cluster, NANOS_MIN);
    EQUAL_TEXT(answer(&cluster, "web." ZONE), "10.96.0.77"); /* even with no endpoints */
    EQUAL_TEXT(answer(&cluster, "_https._tcp.web." ZONE), "0 100 443 web." ZONE);
    cluster_close(&cluster);
}

/* While the server is down clients time out; when it is back it knows what has changed meanwhile. */
TEST(server_restarts)
{
    Cluster cluster;
    cluster_open(&cluster, 10 * NANOS_S);
    cluster_apply(&cluster, HEADLESS);
    cluster_apply(&cluster, SLICE("true"));
    cluster_run(&cluster, NANOS_MIN);
    Process *server = world_process(cluster.world, "coredns");
    process_crash(server, "test");
    cluster_run(&cluster, NANOS_MIN);
    EQUAL_TEXT(answer(&cluster, "db-0.db." ZONE), "TIMEOUT");
    remove_object(&cluster, KIND_ENDPOINT_SLICE, "db-1");
    cluster_apply(&cluster, SLICE("false"));
    process_start(server);
    cluster_run(&cluster, NANOS_MIN);
    EQUAL_TEXT(answer(&cluster, "db-0.db." ZONE), "NXDOMAIN");
    EQUAL_TEXT(answer(&cluster, "db-1.db." ZONE), "10.0.0.1");
    cluster_close(&cluster);
}

/* Cut off from the API server it goes on answering from what it knows. */
TEST(server_is_cut_off)
{
    Cluster cluster;
    cluster_open(&cluster, 10 * NANOS_S);
    cluster_apply(&cluster, HEADLESS);
    cluster_apply(&cluster, SLICE("true"));
    cluster_run(&cluster, NANOS_MIN);
    Process *server = world_process(cluster.world, "coredns");
    process_cut(server, true, true);
    remove_object(&cluster, KIND_ENDPOINT_SLICE, "db-1");
    cluster_run(&cluster, 10 * NANOS_MIN);
    EQUAL_TEXT(answer(&cluster, "db-0.db." ZONE), "10.0.0.2");
    process_heal(server);
    cluster_run(&cluster, 2 * NANOS_MIN);
    EQUAL_TEXT(answer(&cluster, "db-0.db." ZONE), "NXDOMAIN");
    cluster_close(&cluster);
}
