/* SPDX-License-Identifier: Apache-2.0 */
/* The API server, request by request, in Kubernetes' words. */
#include "models/api/server.h"
#include "tests/unit/objects.h"
#include "tests/unit/test.h"
#include "tests/unit/trees.h"

typedef struct {
    AtomTable *atoms;
    Store *store;
    Server *server;
    Nanos now;
} Cluster;

static Cluster *cluster_new(void)
{
    Cluster *cluster = g_new0(Cluster, 1);
    cluster->atoms = atom_table_new();
    cluster->store = store_new(NULL, cluster->atoms);
    cluster->server = server_new(NULL, cluster->store, cluster->atoms);
    return cluster;
}

static void cluster_free(Cluster *cluster)
{
    table_audit(store_table(cluster->store));
    server_free(cluster->server);
    store_free(cluster->store);
    atom_table_free(cluster->atoms);
    g_free(cluster);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cluster, cluster_free)

static Key pod_key(Cluster *cluster, const char *name)
{
    return key_from(cluster->atoms, KIND_POD, "default", name);
}

static Key set_key(Cluster *cluster, const char *name)
{
    return key_from(cluster->atoms, KIND_STATEFUL_SET, "default", name);
}

/* Performs a request and answers "OK" or "Reason: message"; valid until the next call. */
static const char *perform(Cluster *cluster, Request *request)
{
    static char text[4096];
    Reply reply;
    server_handle(cluster->server, cluster->now, request, &reply);
    g_snprintf(text, sizeof text, "%s%s%s", reason_text(reply.reason), reply.message ? ": " : "",
               reply.message ? reply.message : "");
    CU_ASSERT_EQUAL(reply.reason == REASON_OK, reply.message == NULL);
    if (reply.reason == REASON_OK) CU_ASSERT_PTR_NOT_NULL(reply.object);
    reply_clear(&reply);
    request_clear(request);
    return text;
}

static const char *with_body(Cluster *cluster, RequestVerb verb, Key key, const char *body)
{
    Request request = {.verb = verb, .key = key, .body = value_from(body), .grace_s = -1};
    return perform(cluster, &request);
}

static const char *create(Cluster *cluster, const char *body)
{
    g_autoptr(Value) value = value_from(body);
    Kind kind = kind_of(value_text(value, "apiVersion"), value_text(value, "kind"));
    return with_body(cluster, REQUEST_CREATE, (Key){kind, ATOM_NONE, ATOM_NONE}, body);
}

static const char *delete (Cluster *cluster, Key key, int64_t grace_s)
{
    Request request = {.verb = REQUEST_DELETE, .key = key, .grace_s = grace_s};
    return perform(cluster, &request);
}

static const Object *get(Cluster *cluster, Key key)
{
    return store_get(cluster->store, key);
}

/* The text or number at metadata.<field>, as JSON. */
static const char *meta_json(Cluster *cluster, Key key, const char *field)
{
    static char text[512];
    const Object *object = get(cluster, key);
    const Value *value = object ? value_find(object->value, "metadata", field) : NULL;
    if (!value) return "";
    g_autofree char *json = json_text(value);
    g_snprintf(text, sizeof text, "%s", json);
    return text;
}

#define POD_SPEC \
    "spec: {terminationGracePeriodSeconds: 20, containers: [{name: main, image: nginx}]}"
#define SET_SPEC                                                                            \
    "spec: {serviceName: web, replicas: 1, selector: {matchLabels: {app: web}}, template: " \
    "{metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: nginx}]}}}"

static void create_pod(Cluster *cluster, const char *name, const char *more_meta)
{
    g_autofree char *body = g_strdup_printf(
        "{apiVersion: v1, kind: Pod, metadata: {name: %s%s}, " POD_SPEC "}", name, more_meta);
    EQUAL_TEXT(create(cluster, body), "OK");
}

static void bind(Cluster *cluster, const char *pod, const char *node)
{
    g_autofree char *body = g_strdup_printf("{target: {name: %s}}", node);
    EQUAL_TEXT(with_body(cluster, REQUEST_BIND, pod_key(cluster, pod), body), "OK");
}

static void create_set(Cluster *cluster)
{
    EQUAL_TEXT(create(cluster,
                      "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: web}, " SET_SPEC
                      "}"),
               "OK");
}

TEST(creating_fills_in_what_the_server_knows)
{
    g_autoptr(Cluster) cluster = cluster_new();
    cluster->now = 90 * NANOS_S + 5;
    EQUAL_TEXT(create(cluster,
                      "{apiVersion: v1, kind: Pod, metadata: {name: web-0, generation: 9, "
                      "resourceVersion: \"5\", deletionTimestamp: "
                      "\"2026-01-01T00:00:00Z\"}, status: {phase: Running}, " POD_SPEC "}"),
               "OK");
    Key key = pod_key(cluster, "web-0");
    EQUAL_TEXT(meta_json(cluster, key, "namespace"), "\"default\"");
    EQUAL_TEXT(meta_json(cluster, key, "creationTimestamp"), "\"2026-01-01T00:01:30Z\"");
    EQUAL_TEXT(meta_json(cluster, key, "generation"), "1");
    EQUAL_TEXT(meta_json(cluster, key, "deletionTimestamp"), "");
    EQUAL_TEXT(meta_json(cluster, key, "resourceVersion"), "");
    EQUAL_TEXT(value_text(get(cluster, key)->value, "status", "phase"), "Pending");
    const char *uid = atom_text(cluster->atoms, get(cluster, key)->uid);
    CU_ASSERT(g_uuid_string_is_valid(uid));
    EQUAL_INT(uid[14], '4');
}

TEST(names_are_taken_once)
{
    g_autoptr(Cluster) cluster = cluster_new();
    create_pod(cluster, "web-0", "");
    bind(cluster, "web-0", "n1");
    const char *again = "{apiVersion: v1, kind: Pod, metadata: {name: web-0}, " POD_SPEC "}";
    EQUAL_TEXT(create(cluster, again), "AlreadyExists: pods \"web-0\" already exists");
    EQUAL_TEXT(delete (cluster, pod_key(cluster, "web-0"), -1), "OK");
    EQUAL_TEXT(create(cluster, again),
               "AlreadyExists: object is being deleted: pods \"web-0\" already exists");
    EQUAL_TEXT(delete (cluster, pod_key(cluster, "web-0"), 0), "OK");
    EQUAL_TEXT(create(cluster, again), "OK");
}

TEST(an_incarnation_has_its_uid_whoever_makes_it_when)
{
    Atom uids[2][3];
    g_autoptr(Cluster) one = cluster_new();
    g_autoptr(Cluster) two = cluster_new();
    Cluster *clusters[] = {one, two};
    for (unsigned c = 0; c < 2; c++) {
        for (unsigned i = 0; i < 3; i++) {
            if (c == 1) create_pod(clusters[c], i ? "other" : "another", "");
            create_pod(clusters[c], "web-0", "");
            uids[c][i] = get(clusters[c], pod_key(clusters[c], "web-0"))->uid;
            delete (clusters[c], pod_key(clusters[c], "web-0"), -1);
            delete (clusters[c], pod_key(clusters[c], "other"), -1);
        }
    }
    for (unsigned i = 0; i < 3; i++)
        EQUAL_TEXT(atom_text(two->atoms, uids[1][i]), atom_text(one->atoms, uids[0][i]));
    CU_ASSERT_NOT_EQUAL(uids[0][0], uids[0][1]);
    CU_ASSERT_NOT_EQUAL(uids[0][1], uids[0][2]);
}

TEST(names_are_generated)
{
    g_autoptr(Cluster) cluster = cluster_new();
    for (unsigned i = 0; i < 200; i++)
        EQUAL_TEXT(create(cluster,
                          "{apiVersion: v1, kind: Pod, metadata: {generateName: web-}, " POD_SPEC
                          "}"),
                   "OK");
    ObjectList pods = table_kind(store_table(cluster->store), KIND_POD);
    EQUAL_INT(pods.count, 200);
    for (unsigned i = 0; i < pods.count; i++) {
        const char *name = atom_text(cluster->atoms, pods.items[i]->key.name);
        EQUAL_INT(strlen(name), 9);
        EQUAL_INT(strspn(name + 4, "bcdfghjklmnpqrstvwxz2456789"), 5);
    }
    g_autofree char *base = g_strnfill(70, 'a');
    g_autofree char *body = g_strdup_printf(
        "{apiVersion: v1, kind: Pod, metadata: {generateName: %s}, " POD_SPEC "}", base);
    EQUAL_TEXT(create(cluster, body), "OK");
    pods = table_kind(store_table(cluster->store), KIND_POD);
    EQUAL_INT(strlen(atom_text(cluster->atoms, pods.items[200]->key.name)), 63);
}

TEST(absent_and_stale_objects_are_refused)
{
    g_autoptr(Cluster) cluster = cluster_new();
    Request request = {.verb = REQUEST_GET, .key = pod_key(cluster, "web-0")};
    EQUAL_TEXT(perform(cluster, &request), "NotFound: pods \"web-0\" not found");
    EQUAL_TEXT(delete (cluster, set_key(cluster, "web"), -1),
               "NotFound: statefulsets.apps \"web\" not found");
    create_set(cluster);
    const Object *set = get(cluster, set_key(cluster, "web"));
    request = (Request){.verb = REQUEST_UPDATE_STATUS,
                        .key = set->key,
                        .body = value_from("{status: {replicas: 1}}"),
                        .version = set->version + 1};
    EQUAL_TEXT(perform(cluster, &request),
               "Conflict: Operation cannot be fulfilled on statefulsets.apps \"web\": the object "
               "has been modified; please apply your changes to the latest version and try again");
    request = (Request){.verb = REQUEST_UPDATE,
                        .key = set->key,
                        .body = value_ref(set->value),
                        .uid = atom_of(cluster->atoms, "u-7")};
    g_autofree char *expected = g_strdup_printf(
        "Conflict: Operation cannot be fulfilled on statefulsets.apps \"web\": Precondition "
        "failed: UID in precondition: u-7, UID in object meta: %s",
        atom_text(cluster->atoms, set->uid));
    EQUAL_TEXT(perform(cluster, &request), expected);
    EQUAL_TEXT(with_body(cluster, REQUEST_PATCH, set->key, "{metadata: {uid: u-7}}"), expected);
    EQUAL_TEXT(
        with_body(cluster, REQUEST_CREATE, pod_key(cluster, "a"), "{metadata: {namespace: other}}"),
        "BadRequest: the namespace of the provided object does not match the namespace "
        "sent on the request");
    request = (Request){.verb = REQUEST_UPDATE, .key = set->key};
    EQUAL_TEXT(perform(cluster, &request), "BadRequest: the request has no body");
}

TEST(writes_keep_what_is_not_theirs)
{
    g_autoptr(Cluster) cluster = cluster_new();
    create_set(cluster);
    Key key = set_key(cluster, "web");
    autoobject first = object_ref(get(cluster, key));
    EQUAL_TEXT(with_body(cluster, REQUEST_UPDATE_STATUS, key,
                         "{metadata: {labels: {a: b}}, spec: {replicas: 7}, status: {replicas: "
                         "1}}"),
               "OK");
    autoobject second = object_ref(get(cluster, key));
    EQUAL_INT(value_as_int(value_find(second->value, "status", "replicas"), -1), 1);
    CU_ASSERT_PTR_EQUAL(value_get(second->value, "spec"), value_get(first->value, "spec"));
    CU_ASSERT_PTR_EQUAL(object_meta(second), object_meta(first));
    Request request = {.verb = REQUEST_UPDATE, .key = key, .body = value_ref(second->value)};
    value_put(&request.body, value_int(3), "spec", "replicas");
    value_put(&request.body, value_int(9), "status", "replicas");
    value_put(&request.body, value_int(9), "metadata", "generation");
    value_put(&request.body, value_string("2020-01-01T00:00:00Z"), "metadata", "creationTimestamp");
    EQUAL_TEXT(perform(cluster, &request), "OK");
    const Object *third = get(cluster, key);
    EQUAL_INT(value_as_int(value_find(third->value, "spec", "replicas"), -1), 3);
    EQUAL_INT(value_as_int(value_find(third->value, "status", "replicas"), -1), 1);
    EQUAL_TEXT(meta_json(cluster, key, "generation"), "2");
    EQUAL_TEXT(meta_json(cluster, key, "creationTimestamp"), "\"2026-01-01T00:00:00Z\"");
    EQUAL_INT(third->version, 3);
}

TEST(equal_writes_are_no_versions)
{
    g_autoptr(Cluster) cluster = cluster_new();
    create_set(cluster);
    Key key = set_key(cluster, "web");
    g_autofree char *text = json_text(get(cluster, key)->value);
    EQUAL_TEXT(with_body(cluster, REQUEST_UPDATE, key, text), "OK");
    EQUAL_TEXT(with_body(cluster, REQUEST_PATCH, key, "{spec: {replicas: 1}}"), "OK");
    EQUAL_TEXT(with_body(cluster, REQUEST_PATCH, key, "{metadata: {labels: {x: null}}}"), "OK");
    EQUAL_INT(store_version(cluster->store), 1);
    EQUAL_TEXT(with_body(cluster, REQUEST_PATCH, key, "{metadata: {labels: {x: z}}}"), "OK");
    EQUAL_INT(store_version(cluster->store), 2);
    EQUAL_TEXT(meta_json(cluster, key, "generation"), "1");
}

TEST(invalid_objects_are_refused)
{
    g_autoptr(Cluster) cluster = cluster_new();
    EQUAL_TEXT(create(cluster, "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: web, "
                               "labels: {a: \"b c\"}}, " SET_SPEC "}"),
               "Invalid: StatefulSet.apps \"web\" is invalid: metadata.labels: Invalid value: \"b "
               "c\": a valid label must be an empty string or consist of alphanumeric characters, "
               "'-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
               "'MyValue',  or 'my_value',  or '12345', regex used for validation is "
               "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
    create_set(cluster);
    const char *refusal =
        with_body(cluster, REQUEST_PATCH, set_key(cluster, "web"), "{spec: {replicas: -1}}");
    EQUAL_TEXT(refusal, "Invalid: StatefulSet.apps \"web\" is invalid: spec.replicas: Invalid "
                        "value: -1: must be greater than or equal to 0");
    EQUAL_INT(store_version(cluster->store), 1);
}

TEST(pods_end_gracefully)
{
    g_autoptr(Cluster) cluster = cluster_new();
    Key key = pod_key(cluster, "web-0");
    create_pod(cluster, "web-0", "");
    bind(cluster, "web-0", "n1");
    cluster->now = 100 * NANOS_S + 1;
    EQUAL_TEXT(delete (cluster, key, -1), "OK");
    EQUAL_TEXT(meta_json(cluster, key, "deletionTimestamp"), "\"2026-01-01T00:02:00Z\"");
    EQUAL_TEXT(meta_json(cluster, key, "deletionGracePeriodSeconds"), "20");
    EQUAL_TEXT(meta_json(cluster, key, "generation"), "2");
    int64_t version = store_version(cluster->store);
    EQUAL_TEXT(delete (cluster, key, 20), "OK");
    EQUAL_TEXT(delete (cluster, key, 60), "OK");
    EQUAL_TEXT(delete (cluster, key, -1), "OK");
    EQUAL_INT(store_version(cluster->store), version); /* grace is never lengthened */
    EQUAL_TEXT(delete (cluster, key, 5), "OK");
    EQUAL_TEXT(meta_json(cluster, key, "deletionTimestamp"), "\"2026-01-01T00:01:45Z\"");
    EQUAL_TEXT(meta_json(cluster, key, "generation"), "2");
    cluster->now = 110 * NANOS_S;
    EQUAL_TEXT(delete (cluster, key, -2), "OK"); /* negative: 1; never before now */
    EQUAL_TEXT(meta_json(cluster, key, "deletionTimestamp"), "\"2026-01-01T00:01:50Z\"");
    EQUAL_TEXT(meta_json(cluster, key, "deletionGracePeriodSeconds"), "1");
    EQUAL_TEXT(delete (cluster, key, 0), "OK");
    CU_ASSERT_PTR_NULL(get(cluster, key));
}

TEST(pods_without_a_node_and_ended_pods_go_at_once)
{
    g_autoptr(Cluster) cluster = cluster_new();
    create_pod(cluster, "web-0", "");
    EQUAL_TEXT(delete (cluster, pod_key(cluster, "web-0"), 30), "OK");
    CU_ASSERT_PTR_NULL(get(cluster, pod_key(cluster, "web-0")));
    create_pod(cluster, "web-1", "");
    bind(cluster, "web-1", "n1");
    EQUAL_TEXT(with_body(cluster, REQUEST_PATCH_STATUS, pod_key(cluster, "web-1"),
                         "{status: {phase: Failed}}"),
               "OK");
    EQUAL_TEXT(delete (cluster, pod_key(cluster, "web-1"), -1), "OK");
    CU_ASSERT_PTR_NULL(get(cluster, pod_key(cluster, "web-1")));
}

TEST(finalizers_hold_an_object)
{
    g_autoptr(Cluster) cluster = cluster_new();
    Key key = pod_key(cluster, "web-0");
    create_pod(cluster, "web-0", ", finalizers: [x/a, x/b]");
    EQUAL_TEXT(delete (cluster, key, -1), "OK");
    EQUAL_TEXT(meta_json(cluster, key, "deletionGracePeriodSeconds"), "0");
    EQUAL_TEXT(with_body(cluster, REQUEST_PATCH, key, "{metadata: {finalizers: [x/c]}}"),
               "Invalid: Pod \"web-0\" is invalid: metadata.finalizers: Forbidden: no new "
               "finalizers can be added if the object is being deleted, found new finalizers "
               "[]string{\"x/c\"}");
    EQUAL_TEXT(with_body(cluster, REQUEST_PATCH, key,
                         "{metadata: {$deleteFromPrimitiveList/finalizers: [x/a]}}"),
               "OK");
    CU_ASSERT_PTR_NOT_NULL(get(cluster, key));
    EQUAL_TEXT(with_body(cluster, REQUEST_PATCH, key,
                         "{metadata: {$deleteFromPrimitiveList/finalizers: [x/b]}}"),
               "OK");
    CU_ASSERT_PTR_NULL(get(cluster, key));
}

TEST(a_pod_with_grace_left_outlives_its_finalizers)
{
    g_autoptr(Cluster) cluster = cluster_new();
    Key key = pod_key(cluster, "web-0");
    create_pod(cluster, "web-0", ", finalizers: [x/a]");
    bind(cluster, "web-0", "n1");
    EQUAL_TEXT(delete (cluster, key, -1), "OK");
    EQUAL_TEXT(with_body(cluster, REQUEST_PATCH, key, "{metadata: {finalizers: null}}"), "OK");
    CU_ASSERT_PTR_NOT_NULL_FATAL(get(cluster, key));
    EQUAL_TEXT(delete (cluster, key, 0), "OK");
    CU_ASSERT_PTR_NULL(get(cluster, key));
}

TEST(propagation_becomes_finalizers)
{
    static const struct {
        Propagation propagation;
        const char *finalizers;
    } cases[] = {
        {PROPAGATION_DEFAULT, ""},
        {PROPAGATION_BACKGROUND, ""},
        {PROPAGATION_FOREGROUND, "[\"foregroundDeletion\"]"},
        {PROPAGATION_ORPHAN, "[\"orphan\"]"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Cluster) cluster = cluster_new();
        Key key = set_key(cluster, "web");
        create_set(cluster);
        cluster->now = 3 * NANOS_S;
        Request request = {
            .verb = REQUEST_DELETE, .key = key, .grace_s = -1, .propagation = cases[i].propagation};
        EQUAL_TEXT(perform(cluster, &request), "OK");
        EQUAL_TEXT(meta_json(cluster, key, "finalizers"), cases[i].finalizers);
        if (!*cases[i].finalizers) {
            CU_ASSERT_PTR_NULL(get(cluster, key));
            continue;
        }
        EQUAL_TEXT(meta_json(cluster, key, "deletionTimestamp"), "\"2026-01-01T00:00:03Z\"");
        EQUAL_TEXT(meta_json(cluster, key, "generation"), "2");
        EQUAL_TEXT(with_body(cluster, REQUEST_PATCH, key, "{metadata: {finalizers: null}}"), "OK");
        CU_ASSERT_PTR_NULL(get(cluster, key));
    }
}

TEST(deletes_have_preconditions)
{
    g_autoptr(Cluster) cluster = cluster_new();
    create_pod(cluster, "web-0", "");
    const Object *pod = get(cluster, pod_key(cluster, "web-0"));
    Request request = {.verb = REQUEST_DELETE,
                       .key = pod->key,
                       .grace_s = -1,
                       .uid = atom_of(cluster->atoms, "u-7")};
    g_autofree char *expected = g_strdup_printf(
        "Conflict: Operation cannot be fulfilled on pods \"web-0\": the UID in the precondition "
        "(u-7) does not match the UID in record (%s). The object might have been deleted and then "
        "recreated",
        atom_text(cluster->atoms, pod->uid));
    EQUAL_TEXT(perform(cluster, &request), expected);
    request = (Request){.verb = REQUEST_DELETE, .key = pod->key, .grace_s = -1, .version = 9};
    EQUAL_TEXT(perform(cluster, &request),
               "Conflict: Operation cannot be fulfilled on pods \"web-0\": the ResourceVersion in "
               "the precondition (9) does not match the ResourceVersion in record (1). The object "
               "might have been modified");
    request = (Request){
        .verb = REQUEST_DELETE, .key = pod->key, .grace_s = -1, .version = 1, .uid = pod->uid};
    EQUAL_TEXT(perform(cluster, &request), "OK");
}

TEST(a_pod_is_bound_once)
{
    g_autoptr(Cluster) cluster = cluster_new();
    Key key = pod_key(cluster, "web-0");
    EQUAL_TEXT(with_body(cluster, REQUEST_BIND, key, "{target: {name: n1}}"),
               "NotFound: pods \"web-0\" not found");
    create_pod(cluster, "web-0", "");
    cluster->now = 2 * NANOS_S;
    EQUAL_TEXT(with_body(cluster, REQUEST_BIND, key, "{}"),
               "BadRequest: a binding needs a pod and target.name");
    bind(cluster, "web-0", "n1");
    const Value *pod = get(cluster, key)->value;
    EQUAL_TEXT(value_text(pod, "spec", "nodeName"), "n1");
    const Value *conditions = value_find(pod, "status", "conditions");
    g_autofree char *text = json_text(conditions);
    EQUAL_TEXT(text, "[{\"lastProbeTime\":null,\"lastTransitionTime\":\"2026-01-01T00:00:02Z\","
                     "\"status\":\"True\",\"type\":\"PodScheduled\"}]");
    EQUAL_TEXT(with_body(cluster, REQUEST_BIND, key, "{target: {name: n2}}"),
               "Conflict: Operation cannot be fulfilled on pods/binding \"web-0\": pod web-0 is "
               "already assigned to node \"n1\"");
}

TEST(refusals_are_injected)
{
    g_autoptr(Cluster) cluster = cluster_new();
    create_pod(cluster, "web-0", "");
    server_refuse(cluster->server, REQUEST_GET, KIND_POD, ATOM_NONE, REASON_UNAVAILABLE, 2);
    server_refuse(cluster->server, REQUEST_GET, KIND_NONE, ATOM_NONE, REASON_TIMEOUT, 1);
    static const char *const expected[] = {"ServiceUnavailable", "ServiceUnavailable", "Timeout",
                                           "OK"};
    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++) {
        Request request = {.verb = REQUEST_GET, .key = pod_key(cluster, "web-0")};
        CU_ASSERT(g_str_has_prefix(perform(cluster, &request), expected[i]));
    }
    EQUAL_INT(reason_code(REASON_CONFLICT), 409);
    EQUAL_INT(reason_code(REASON_INVALID), 422);
}

TEST(pods_get_default_tolerations)
{
    g_autoptr(Cluster) cluster = cluster_new();
    server_add_builtin_admission(cluster->server);
    create_pod(cluster, "web-0", "");
    Key key = pod_key(cluster, "web-0");
    g_autofree char *text = json_text(value_find(get(cluster, key)->value, "spec", "tolerations"));
    EQUAL_TEXT(text, "[{\"effect\":\"NoExecute\",\"key\":\"node.kubernetes.io/not-ready\","
                     "\"operator\":\"Exists\",\"tolerationSeconds\":300},{\"effect\":"
                     "\"NoExecute\",\"key\":\"node.kubernetes.io/unreachable\",\"operator\":"
                     "\"Exists\",\"tolerationSeconds\":300}]");
    EQUAL_TEXT(with_body(cluster, REQUEST_PATCH, key, "{metadata: {labels: {a: b}}}"), "OK");
    EQUAL_INT(value_size(value_find(get(cluster, key)->value, "spec", "tolerations")), 2);
    EQUAL_TEXT(create(cluster, "{apiVersion: v1, kind: Pod, metadata: {name: web-1}, spec: "
                               "{tolerations: [{operator: Exists}], containers: [{name: main, "
                               "image: nginx}]}}"),
               "OK");
    const Value *own = get(cluster, pod_key(cluster, "web-1"))->value;
    EQUAL_INT(value_size(value_find(own, "spec", "tolerations")), 1);
}

#define CLAIM_SPEC "accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}"

static void create_class(Cluster *cluster, const char *name, const char *is_default)
{
    g_autofree char *body = g_strdup_printf(
        "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: %s, annotations: "
        "{storageclass.kubernetes.io/is-default-class: \"%s\"}}, provisioner: csi.example.com}",
        name, is_default);
    EQUAL_TEXT(create(cluster, body), "OK");
}

static const char *claim_class(Cluster *cluster, const char *name, const char *spec)
{
    g_autofree char *body = g_strdup_printf("{apiVersion: v1, kind: PersistentVolumeClaim, "
                                            "metadata: {name: %s}, spec: {" CLAIM_SPEC "%s}}",
                                            name, spec);
    EQUAL_TEXT(create(cluster, body), "OK");
    Key key = key_from(cluster->atoms, KIND_PERSISTENT_VOLUME_CLAIM, "default", name);
    return value_as_text(value_find(get(cluster, key)->value, "spec", "storageClassName"), "none");
}

TEST(claims_get_the_newest_default_class_and_protection)
{
    g_autoptr(Cluster) cluster = cluster_new();
    server_add_builtin_admission(cluster->server);
    EQUAL_TEXT(claim_class(cluster, "c0", ""), "none");
    create_class(cluster, "zeta", "true");
    create_class(cluster, "beta", "true");
    EQUAL_TEXT(claim_class(cluster, "c1", ""), "beta");
    cluster->now = 10 * NANOS_S;
    create_class(cluster, "newer", "true");
    create_class(cluster, "plain", "false");
    EQUAL_TEXT(claim_class(cluster, "c2", ""), "newer");
    EQUAL_TEXT(claim_class(cluster, "c3", ", storageClassName: plain"), "plain");
    EQUAL_TEXT(claim_class(cluster, "c4", ", storageClassName: \"\""), "");
    Key key = key_from(cluster->atoms, KIND_PERSISTENT_VOLUME_CLAIM, "default", "c1");
    EQUAL_TEXT(meta_json(cluster, key, "finalizers"), "[\"kubernetes.io/pvc-protection\"]");
    EQUAL_TEXT(delete (cluster, key, -1), "OK");
    CU_ASSERT_PTR_NOT_NULL(get(cluster, key));
}

static bool forbid(void *self, Server *server, const Request *request, const Object *old,
                   Value **body, Reply *reply)
{
    (void)old;
    (void)body;
    if (request->verb != REQUEST_CREATE) return true;
    reply_refuse(reply, REASON_FORBIDDEN, "pods \"%s\" is forbidden: exceeded quota: %s",
                 atom_text(server_atoms(server), request->key.name), (const char *)self);
    return false;
}

TEST(plugins_may_refuse)
{
    static char quota[] = "pods-quota";
    g_autoptr(Cluster) cluster = cluster_new();
    server_add_admission(cluster->server, (Admission){"Quota", forbid, quota});
    EQUAL_TEXT(
        create(cluster, "{apiVersion: v1, kind: Pod, metadata: {name: web-0}, " POD_SPEC "}"),
        "Forbidden: pods \"web-0\" is forbidden: exceeded quota: pods-quota");
    EQUAL_INT(store_version(cluster->store), 0);
}

/* --- what holds whatever is asked --- */

static void check_modified(const Object *old, const Object *now)
{
    const Meta *before = object_meta(old), *after = object_meta(now);
    bool is_marked = before->deleted_at == NANOS_NEVER && after->deleted_at != NANOS_NEVER;
    bool is_other_spec = !value_equal(value_get(old->value, "spec"), value_get(now->value, "spec"));
    CHECK_THAT(old->uid == now->uid && old->version < now->version, "another object");
    CHECK_THAT(before->created_at == after->created_at, "created twice");
    CHECK_THAT(before->deleted_at == NANOS_NEVER || after->deleted_at != NANOS_NEVER, "undeleted");
    CHECK_THAT(before->deleted_at == NANOS_NEVER ||
                   after->deletion_grace_s <= before->deletion_grace_s,
               "grace was lengthened");
    bool is_bound =
        !*value_text(old->value, "spec", "nodeName") && *value_text(now->value, "spec", "nodeName");
    if (!is_bound)
        CHECK_THAT(after->generation == before->generation + (is_marked || is_other_spec),
                   "generation %" PRId64 " after %" PRId64, after->generation, before->generation);
    CHECK_THAT(!value_equal(old->value, now->value), "a version of nothing");
}

static void check_change(void *self, const Change *change)
{
    const Meta *meta = object_meta(change->now);
    (*(unsigned *)self)++;
    if (change->type == CHANGE_ADDED)
        CHECK_THAT(meta->generation == 1 && meta->deleted_at == NANOS_NEVER, "born old");
    else if (change->type == CHANGE_MODIFIED)
        check_modified(change->old, change->now);
    else
        CHECK_THAT(meta->deletion_grace_s == 0, "a pod went before its grace was over");
}

static Value *random_body(GRand *random, const char *name)
{
    static const char *const finalizers[] = {"[]", "[x/a]", "[x/a, x/b]", "null"};
    g_autofree char *text = g_strdup_printf(
        "{apiVersion: v1, kind: Pod, metadata: {name: %s, finalizers: %s}, spec: "
        "{terminationGracePeriodSeconds: 30, tolerations: [{key: t%d, operator: Exists}], "
        "containers: [{name: main, image: i%d}]}, status: {phase: %s}}",
        name, finalizers[g_rand_int_range(random, 0, 4)], g_rand_int_range(random, 0, 2),
        g_rand_int_range(random, 0, 3), g_rand_int_range(random, 0, 9) ? "Running" : "Failed");
    return value_from(text);
}

static void random_request(Cluster *cluster, GRand *random, bool is_wild)
{
    g_autofree char *name = g_strdup_printf("web-%d", g_rand_int_range(random, 0, 4));
    Request request = {.verb = (RequestVerb)g_rand_int_range(random, 0, REQUEST_BIND + 1),
                       .key = pod_key(cluster, name),
                       .patch = (PatchType)g_rand_int_range(random, 0, 2),
                       .grace_s = g_rand_int_range(random, -3, 40),
                       .propagation = (Propagation)g_rand_int_range(random, 0, 4)};
    if (request.verb == REQUEST_BIND)
        request.body = value_from("{target: {name: n1}}");
    else if (request.verb != REQUEST_DELETE && request.verb != REQUEST_GET)
        request.body = random_body(random, name);
    static const char *const parts[] = {"metadata", "spec", "status"};
    if (is_wild && request.body) {
        unsigned part = g_rand_int(random) % 3;
        if (g_rand_boolean(random))
            value_put(&request.body, tree_random(random, 3), parts[part]);
        else
            value_put(&request.body, tree_random(random, 2), parts[part],
                      part ? "containers" : "labels");
        request.patch = (PatchType)g_rand_int_range(random, 0, 3);
    }
    cluster->now += g_rand_int_range(random, 0, 3) * NANOS_S;
    perform(cluster, &request);
}

TEST(histories_are_lawful_whatever_is_asked)
{
    for (uint32_t seed = 1; seed <= 10; seed++) {
        unsigned changes = 0;
        g_autoptr(Cluster) cluster = cluster_new();
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        server_add_builtin_admission(cluster->server);
        store_listen(cluster->store, (StoreListener){check_change, &changes});
        for (unsigned i = 0; i < 1500; i++)
            random_request(cluster, random, false);
        if (changes < 100) fprintf(stderr, "\nseed %u: %u changes\n", seed, changes);
        CU_ASSERT(changes >= 100);
    }
}

TEST(senseless_bodies_are_refused_or_stored_lawfully)
{
    for (uint32_t seed = 1; seed <= 10; seed++) {
        unsigned changes = 0;
        g_autoptr(Cluster) cluster = cluster_new();
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        store_listen(cluster->store, (StoreListener){check_change, &changes});
        for (unsigned i = 0; i < 1500; i++)
            random_request(cluster, random, g_rand_boolean(random));
        CU_ASSERT(changes >= 100);
    }
}
