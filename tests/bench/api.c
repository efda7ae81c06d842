/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-api: what the API server costs, without the wire: creating the pods of many sets, and
 * patching a condition into their status. The reference makes the same values by path copy and
 * keeps them in a hash table by name: what no server could save. The ratio is the price of
 * defaults, validation, admission, views, indexes and history.
 */
#include "models/api/server.h"
#include "sim/yaml.h"
#include "tests/bench/bench.h"

enum { PODS = 20000, PODS_PER_SET = 10 };

static const char pod_text[] =
    "{apiVersion: v1, kind: Pod, metadata: {namespace: default, labels: {app: web, "
    "controller-revision-hash: web-5d4f8c7b9}, ownerReferences: [{apiVersion: apps/v1, kind: "
    "StatefulSet, name: web, uid: u-1, controller: true, blockOwnerDeletion: true}]}, spec: "
    "{nodeName: node-1, subdomain: web, containers: [{name: main, image: nginx, ports: "
    "[{containerPort: 80, name: http}], volumeMounts: [{name: data, mountPath: /data}], "
    "readinessProbe: {tcpSocket: {port: 80}}}], volumes: [{name: data, persistentVolumeClaim: "
    "{claimName: data-0}}]}}";

static const char status_text[] =
    "{status: {phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: \"%s\", "
    "lastTransitionTime: \"2026-01-01T00:00:%02uZ\"}]}}";

typedef struct {
    AtomTable *atoms;
    Store *store;
    Server *server;
    Value *template;
} Side;

static Value *parsed(const char *text)
{
    g_autoptr(YamlStream) stream = yaml_parse(text, strlen(text), "bench", NULL);
    CHECK(stream != NULL);
    return value_ref(yaml_at(stream, 0)->value);
}

static Side side_new(void)
{
    Side side = {.atoms = atom_table_new(), .template = parsed(pod_text)};
    side.store = store_new(NULL, side.atoms);
    side.server = server_new(NULL, side.store, side.atoms);
    server_add_builtin_admission(side.server);
    kind_info(KIND_POD)->defaults(&side.template); /* as the set that holds it was */
    return side;
}

static void side_free(Side *side)
{
    server_free(side->server);
    store_free(side->store);
    atom_table_free(side->atoms);
    value_unref(side->template);
}

/* What a controller would send to make pod i. */
static Value *pod_body(const Side *side, unsigned i)
{
    char name[32], uid[32];
    g_snprintf(name, sizeof name, "web%u-%u", i / PODS_PER_SET, i % PODS_PER_SET);
    g_snprintf(uid, sizeof uid, "u-%u", i / PODS_PER_SET);
    Value *body = value_ref(side->template);
    value_put(&body, value_string(name), "metadata", "name");
    value_put(&body, value_string(name), "metadata", "labels",
              "statefulset.kubernetes.io/pod-name");
    Value *owner = value_ref(value_at(value_find(body, "metadata", "ownerReferences"), 0));
    value_put(&owner, value_string(uid), "uid");
    Value *owners = value_list();
    value_list_add(owners, owner);
    value_put(&body, owners, "metadata", "ownerReferences");
    return body;
}

static const Object *handle(const Side *side, Request *request, Reply *reply)
{
    server_handle(side->server, NANOS_S, request, reply);
    CHECK_THAT(reply->reason == REASON_OK, "%s", reply->message);
    return reply->object;
}

static uint64_t fold_name(uint64_t sum, const char *name)
{
    return mix64(sum + hash_string(name));
}

static void create_pods(const Side *side, uint64_t *sum)
{
    for (unsigned i = 0; i < PODS; i++) {
        Reply reply;
        Request request = {.verb = REQUEST_CREATE,
                           .key = {KIND_POD, ATOM_NONE, ATOM_NONE},
                           .body = pod_body(side, i)};
        const Object *pod = handle(side, &request, &reply);
        *sum = fold_name(*sum, atom_text(side->atoms, pod->key.name));
        reply_clear(&reply);
        request_clear(&request);
    }
}

static uint64_t create_ours(const void *parameters, int64_t *begin_ns)
{
    (void)parameters;
    uint64_t sum = 0;
    Side side = side_new();
    *begin_ns = bench_cpu_ns();
    create_pods(&side, &sum);
    int64_t end_ns = bench_cpu_ns();
    side_free(&side);
    *begin_ns += bench_cpu_ns() - end_ns;
    return sum;
}

static void unref_value(void *value)
{
    value_unref(value);
}

static uint64_t create_reference(const void *parameters, int64_t *begin_ns)
{
    (void)parameters;
    uint64_t sum = 0;
    Side side = side_new();
    GHashTable *pods = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref_value);
    *begin_ns = bench_cpu_ns();
    for (unsigned i = 0; i < PODS; i++) {
        Value *body = pod_body(&side, i);
        const char *name = value_text(body, "metadata", "name");
        sum = fold_name(sum, name);
        g_hash_table_insert(pods, g_strdup(name), body);
    }
    int64_t end_ns = bench_cpu_ns();
    g_hash_table_unref(pods);
    side_free(&side);
    *begin_ns += bench_cpu_ns() - end_ns;
    return sum;
}

/* --- status --- */

static Value *status_patch(unsigned i)
{
    g_autofree char *text = g_strdup_printf(status_text, i % 2 ? "True" : "False", i % 60);
    return parsed(text);
}

static uint64_t status_ours(const void *parameters, int64_t *begin_ns)
{
    (void)parameters;
    uint64_t sum = 0;
    Side side = side_new();
    create_pods(&side, &sum);
    Value *patches[] = {status_patch(0), status_patch(1)};
    *begin_ns = bench_cpu_ns();
    for (unsigned i = 0; i < PODS; i++) {
        Reply reply;
        char name[32];
        g_snprintf(name, sizeof name, "web%u-%u", i / PODS_PER_SET, i % PODS_PER_SET);
        Request request = {
            .verb = REQUEST_PATCH_STATUS,
            .key = {KIND_POD, atom_of(side.atoms, "default"), atom_of(side.atoms, name)},
            .body = value_ref(patches[i % 2])};
        const Object *pod = handle(&side, &request, &reply);
        sum = fold_name(sum, value_text(pod->value, "status", "phase"));
        reply_clear(&reply);
        request_clear(&request);
    }
    int64_t end_ns = bench_cpu_ns();
    side_free(&side);
    value_unref(patches[0]);
    value_unref(patches[1]);
    *begin_ns += bench_cpu_ns() - end_ns;
    return sum;
}

static uint64_t status_reference(const void *parameters, int64_t *begin_ns)
{
    (void)parameters;
    uint64_t sum = 0;
    Side side = side_new();
    create_pods(&side, &sum);
    Value *patches[] = {status_patch(0), status_patch(1)};
    *begin_ns = bench_cpu_ns();
    for (unsigned i = 0; i < PODS; i++) {
        char name[32];
        g_snprintf(name, sizeof name, "web%u-%u", i / PODS_PER_SET, i % PODS_PER_SET);
        Key key = {KIND_POD, atom_of(side.atoms, "default"), atom_of(side.atoms, name)};
        Value *pod = value_ref(store_get(side.store, key)->value);
        value_put(&pod, value_ref(value_get(patches[i % 2], "status")), "status");
        sum = fold_name(sum, value_text(pod, "status", "phase"));
        value_unref(pod);
    }
    int64_t end_ns = bench_cpu_ns();
    side_free(&side);
    value_unref(patches[0]);
    value_unref(patches[1]);
    *begin_ns += bench_cpu_ns() - end_ns;
    return sum;
}

/* bench-api [ROUNDS] */
int main(int argc, char **argv)
{
    int64_t rounds = 7;
    if (argc > 1 && !text_to_int(argv[1], &rounds)) return EXIT_FAILURE;
    unsigned count = (unsigned)CLAMP(rounds, 1, BENCH_ROUNDS_MAX);
    bench_head();
    bool ok = bench_run(&(Bench){"create a pod", create_ours, create_reference, NULL, PODS, count});
    ok &= bench_run(
        &(Bench){"patch a pod's status", status_ours, status_reference, NULL, PODS, count});
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
