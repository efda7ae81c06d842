/* SPDX-License-Identifier: Apache-2.0 */
/* test_endpointslice.c - who is an endpoint, how it is shown, and how endpoints fill slices. */
#include "models/control/endpointslice_parts.h"

#include "sim/json.h"
#include "tests/unit/cluster.h"
#include "tests/unit/desk.h"

#define SERVICE(more)                                                                        \
    "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: default, uid: svc-u}\n" \
    "spec: {clusterIP: None, selector: {app: web}" more "}\n"

static void put_pod(Desk *desk, unsigned number, const char *meta, const char *spec,
                    const char *status)
{
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web-%u, namespace: default, uid: u-%u, "
        "labels: {app: web}%s}\nspec: {nodeName: n1, hostname: web-%u, subdomain: web, "
        "containers: [{name: c, image: i, ports: [{name: sql, containerPort: 3306}]}]%s}\n"
        "status: {phase: Running, podIP: 10.244.0.%u, conditions: [{type: Ready, status: 'True'}]"
        "%s}\n",
        number, number, meta, number, spec, number % 250 + 2, status);
    desk_put(desk, yaml);
}

/* A letter an endpoint: R ready, n not ready, t terminating, followed by h if it has a hostname. */
static void append_endpoint(const Value *endpoint, GString *out)
{
    bool is_ready = value_as_bool(value_find(endpoint, "conditions", "ready"), false);
    bool is_going = value_as_bool(value_find(endpoint, "conditions", "terminating"), false);
    g_string_append_c(out, is_ready ? 'R' : is_going ? 't' : 'n');
    if (value_get(endpoint, "hostname") != NULL) g_string_append_c(out, 'h');
}

static const char *draft_word(const SliceDraft *draft)
{
    if (draft->base == NULL) return "new";
    if (draft->is_deleted) return "delete";
    return draft->is_changed ? "change" : "keep";
}

/* What the drafts of the service are: "new:RhRh change:n delete:". */
static char *drafts_text(const Desk *desk)
{
    SliceDrafts drafts;
    GString *out = g_string_new(NULL);
    const Object *service = actor_get(desk->actor, desk_key(desk, KIND_SERVICE, "web"));
    slice_drafts_make(&drafts, desk->actor, service);
    for (unsigned i = 0; i < drafts.list->len; i++) {
        const SliceDraft *draft = drafts.list->pdata[i];
        g_string_append_printf(out, "%s%s:", i > 0 ? " " : "", draft_word(draft));
        for (unsigned j = 0; j < MIN(draft->endpoints->len, 5); j++)
            append_endpoint(draft->endpoints->pdata[j], out);
        if (draft->endpoints->len > 5) g_string_append_printf(out, "..%u", draft->endpoints->len);
    }
    slice_drafts_clear(&drafts);
    return g_string_free(out, FALSE);
}

static void open_desk(Desk *desk, const char *service)
{
    desk_open(desk, &endpointslice_component, 36);
    desk_put(desk, service);
}

static void expect(Desk *desk, const char *text)
{
    g_autofree char *drafts = drafts_text(desk);
    EQUAL_TEXT(drafts, text);
}

TEST(who_is_an_endpoint)
{
    Desk desk;
    open_desk(&desk, SERVICE(""));
    expect(&desk, "new:");
    put_pod(&desk, 0, "", "", "");
    expect(&desk, "new:Rh");
    put_pod(&desk, 1, ", deletionTimestamp: '2026-01-01T00:00:30Z'", "", "");
    expect(&desk, "new:Rhth");
    put_pod(&desk, 2, "", "", ", reason: x");
    put_pod(&desk, 2, "", ", restartPolicy: Never", "");
    expect(&desk, "new:RhthRh");
    desk_put(&desk, "apiVersion: v1\nkind: Pod\nmetadata: {name: web-2, namespace: default, "
                    "uid: u-2, labels: {app: web}}\nspec: {containers: [{name: c, image: i}]}\n"
                    "status: {phase: Failed, podIP: 10.244.0.9}\n");
    desk_put(&desk, "apiVersion: v1\nkind: Pod\nmetadata: {name: web-3, namespace: default, "
                    "uid: u-3, labels: {app: web}}\nspec: {containers: [{name: c, image: i}]}\n"
                    "status: {phase: Running, podIP: 10.244.0.10}\n");
    desk_put(&desk, "apiVersion: v1\nkind: Pod\nmetadata: {name: web-4, namespace: default, "
                    "uid: u-4, labels: {app: web}}\nspec: {containers: [{name: c, image: i}]}\n"
                    "status: {phase: Pending}\n");
    expect(&desk, "new:Rhthn");
    desk_close(&desk);
}

TEST(publish_not_ready_addresses)
{
    Desk desk;
    open_desk(&desk, SERVICE(", publishNotReadyAddresses: true"));
    put_pod(&desk, 1, ", deletionTimestamp: '2026-01-01T00:00:30Z'", "", "");
    expect(&desk, "new:Rh");
    desk_close(&desk);
}

TEST(slices_of_a_hundred)
{
    Desk desk;
    open_desk(&desk, SERVICE(", ports: [{name: sql, port: 1, targetPort: sql}]"));
    for (unsigned i = 0; i < 230; i++)
        put_pod(&desk, i, "", "", "");
    expect(&desk, "new:RhRhRhRhRh..100 new:RhRhRhRhRh..100 new:RhRhRhRhRh..30");
    desk_close(&desk);
}

/* Named target ports are looked up in each pod: a pod without that port has other ports, hence
 * another slice. */
TEST(ports_divide_slices)
{
    Desk desk;
    open_desk(&desk, SERVICE(", ports: [{name: sql, port: 1, targetPort: sql}]"));
    put_pod(&desk, 0, "", "", "");
    desk_put(&desk, "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: default, uid: x-u, "
                    "labels: {app: web}}\nspec: {containers: [{name: c, image: i}]}\n"
                    "status: {phase: Running, podIP: 10.244.0.10}\n");
    expect(&desk, "new:Rh new:n");
    desk_close(&desk);
}

#define SLICE(name, ports, endpoints)                                                          \
    "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " name             \
    ", namespace: default, uid: " name "-u, labels: {kubernetes.io/service-name: web, "        \
    "endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io}}\naddressType: " \
    "IPv4\nports: [" ports "]\nendpoints: [" endpoints "]\n"
#define ENDPOINT(number) \
    "{addresses: [10.244.0.9], conditions: {ready: true}, targetRef: {uid: u-" number "}}"

TEST(slices_are_kept)
{
    Desk desk;
    open_desk(&desk, SERVICE(""));
    put_pod(&desk, 0, "", "", "");
    desk_put(&desk, SLICE("web-a", "", ENDPOINT("0")));
    expect(&desk, "change:Rh"); /* same pod, other address */
    desk_put(&desk, SLICE("web-a", "", ENDPOINT("9")));
    expect(&desk, "change:Rh"); /* another pod's place is taken */
    desk_put(&desk, SLICE("web-b", "", ""));
    expect(&desk, "change:Rh delete:");
    process_cache_drop(desk.process, desk_key(&desk, KIND_POD, "web-0"));
    expect(&desk, "change: delete:");
    desk_put(&desk, SLICE("web-a", "", ""));
    expect(&desk, "keep: delete:");
    desk_close(&desk);
}

/* What a cluster shows: a pod leaves when it is asked to go, not when it is gone. */
TEST(follows_the_pods)
{
    Cluster cluster;
    cluster_open(&cluster, 10 * NANOS_S);
    cluster_apply(&cluster, SERVICE(", ports: [{port: 80}]"));
    cluster_apply(&cluster, "apiVersion: v1\nkind: Pod\nmetadata: {name: web-0, namespace: "
                            "default, labels: {app: web}}\nspec: {hostname: web-0, subdomain: "
                            "web, nodeName: node-1, containers: [{name: c, image: i}]}\n");
    cluster_run(&cluster, 120 * NANOS_S);
    Key service = cluster_key(&cluster, KIND_SERVICE, "web");
    const ObjectTable *table = store_table(world_store(cluster.world));
    uint64_t key = index_key(service.space, service.name);
    ObjectList list = table_lookup(table, INDEX_SLICE_SERVICE, key);
    EQUAL_INT(list.count, 1);
    const EndpointSliceView *slice = slice_view(list.items[0]);
    CU_ASSERT_FATAL(slice->endpoint_count == 1);
    CU_ASSERT(slice->endpoints[0].is_ready);
    EQUAL_INT(slice->ports[0].port, 80);
    cluster_delete(&cluster, KIND_POD, "web-0", 30);
    cluster_run(&cluster, 1200 * NANOS_MS);
    list = table_lookup(table, INDEX_SLICE_SERVICE, key);
    slice = slice_view(list.items[0]);
    CU_ASSERT(slice->endpoint_count == 0 || !slice->endpoints[0].is_ready);
    cluster_delete(&cluster, KIND_SERVICE, "web", -1);
    cluster_run(&cluster, 60 * NANOS_S);
    EQUAL_INT(table_lookup(table, INDEX_SLICE_SERVICE, key).count, 0);
    cluster_close(&cluster);
}
