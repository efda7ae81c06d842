/* SPDX-License-Identifier: Apache-2.0 */
/* Facts that kinds write when the store commits: each once, and only when something changed. */
#include "tests/unit/objects.h"
#include "tests/unit/rig.h"
#include "tests/unit/test.h"

#include <sqlite3.h>

typedef struct {
    Scenario scenario;
    World *world;
    Timeline *timeline;
    char *path;
} Records;

static void records_open(Records *records)
{
    g_autoptr(GError) error = NULL;
    records->scenario = rig_scenario();
    records->world = world_new(&records->scenario, 1, &error);
    records->path = g_build_filename(test_tmp(), "kinds.sqlite", NULL);
    records->timeline = timeline_create(records->path, world_rows, ROW_COUNT, NULL, &error);
    CHECK_THAT(records->timeline != NULL, "%s", error->message);
    RunInfo info = {"kinds", "", "", "", "", 1, WORLD_EPOCH_S, NULL};
    CHECK(timeline_begin_run(records->timeline, &info, world_atoms(records->world), &error) == 1);
    world_record_to(records->world, records->timeline);
}

/* Creates an object, or replaces the one of its name. */
static void records_put(Records *records, const char *text)
{
    Value *value = value_from(text);
    Kind kind = kind_of(value_text(value, "apiVersion"), value_text(value, "kind"));
    Key key = key_of_value(world_atoms(records->world), kind, value);
    store_put(world_store(records->world), key, value);
}

/* Ends the run and lists its facts, less those of the store itself: a line a fact. */
static char *records_close(Records *records)
{
    static const char query[] =
        "SELECT coalesce(group_concat(line, char(10)), '') FROM (SELECT r.name || ' ' || o.kind || "
        "'/' || o.namespace || '/' || o.name || ' ' || coalesce(n.text, '') || ' [' || "
        "coalesce(d.text, '') || '] ' || f.number AS line FROM fact f JOIN row r ON r.id = f.row "
        "JOIN object o ON o.id = f.object LEFT JOIN string n ON n.id = f.node LEFT JOIN string d "
        "ON d.id = f.detail WHERE r.name NOT LIKE 'object-%' ORDER BY f.rowid)";
    g_autoptr(GError) error = NULL;
    CHECK(timeline_end_run(records->timeline, "complete", 0, 0, 0, &error));
    world_free(records->world);
    CHECK(timeline_close(records->timeline, &error));
    sqlite3 *database;
    sqlite3_stmt *statement;
    CHECK(sqlite3_open(records->path, &database) == SQLITE_OK);
    CHECK_THAT(sqlite3_prepare_v2(database, query, -1, &statement, NULL) == SQLITE_OK, "%s",
               sqlite3_errmsg(database));
    CHECK(sqlite3_step(statement) == SQLITE_ROW);
    char *text = g_strdup((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(database);
    g_free(records->path);
    return text;
}

static void check_facts(const char *const *steps, const char *expected)
{
    Records records;
    records_open(&records);
    for (; *steps != NULL; steps++)
        records_put(&records, *steps);
    g_autofree char *text = records_close(&records);
    EQUAL_TEXT(text, expected);
}

TEST(pods_leave_facts)
{
#define HEAD "{apiVersion: v1, kind: Pod, metadata: {name: p, uid: u, labels: "
#define SPEC \
    "hostname: p, subdomain: s, volumes: [{name: d, persistentVolumeClaim: {claimName: c}}]}, "
    static const char *const steps[] = {
        HEAD "{controller-revision-hash: r1}}, spec: {" SPEC "status: {phase: Pending}}",
        HEAD "{controller-revision-hash: r1}}, spec: {nodeName: node-a, " SPEC
             "status: {phase: Pending}}",
        HEAD "{controller-revision-hash: r1}}, spec: {nodeName: node-a, " SPEC
             "status: {phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: "
             "\"True\"}]}}",
        HEAD "{controller-revision-hash: r1, a: b}}, spec: {nodeName: node-a, " SPEC
             "status: {phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: "
             "\"True\"}]}}",
        HEAD "{controller-revision-hash: r1}}, spec: {nodeName: node-a, " SPEC
             "status: {phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: "
             "\"False\"}, {type: DisruptionTarget, status: \"True\", reason: Why}]}}",
        NULL,
    };
    check_facts(steps, "pod-identity Pod/default/p  [hostname=p subdomain=s claims=d:c] 0\n"
                       "pod-claim Pod/default/p  [PersistentVolumeClaim/default/c] 0\n"
                       "pod-revision Pod/default/p  [r1] 0\n"
                       "pod-phase Pod/default/p  [Pending] 0\n"
                       "pod-ready Pod/default/p  [] 0\n"
                       "pod-node Pod/default/p node-a [] 0\n"
                       "pod-phase Pod/default/p  [Running] 0\n"
                       "pod-ready Pod/default/p  [] 1\n"
                       "pod-ip Pod/default/p  [10.0.0.1] 0\n"
                       "pod-ready Pod/default/p  [] 0\n"
                       "pod-disruption Pod/default/p  [Why] 0");
}

TEST(sets_leave_facts)
{
    static const char *const steps[] = {
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: w}, spec: {replicas: 3, "
        "serviceName: s, volumeClaimTemplates: [{metadata: {name: d}}, {metadata: {name: e}}]}}",
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: w}, spec: {replicas: 2, "
        "serviceName: s, updateStrategy: {rollingUpdate: {partition: 1}}, "
        "persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Retain}, "
        "volumeClaimTemplates: [{metadata: {name: d}}, {metadata: {name: e}}]}, status: "
        "{readyReplicas: 1, updateRevision: r}}",
        NULL,
    };
    check_facts(steps,
                "workload-policy StatefulSet/default/w  [OrderedReady] 0\n"
                "workload-service StatefulSet/default/w  [s] 0\n"
                "workload-claim-templates StatefulSet/default/w  [d,e] 2\n"
                "workload-replicas StatefulSet/default/w  [] 3\n"
                "workload-min-ready StatefulSet/default/w  [] 0\n"
                "workload-start StatefulSet/default/w  [] 0\n"
                "workload-ready StatefulSet/default/w  [] 0\n"
                "workload-strategy StatefulSet/default/w  [RollingUpdate partition=0] 0\n"
                "workload-retention StatefulSet/default/w  [whenDeleted=Retain whenScaled=Retain] "
                "0\n"
                "workload-replicas StatefulSet/default/w  [] 2\n"
                "workload-ready StatefulSet/default/w  [] 1\n"
                "workload-strategy StatefulSet/default/w  [RollingUpdate partition=1] 0\n"
                "workload-retention StatefulSet/default/w  [whenDeleted=Delete whenScaled=Retain] "
                "0\n"
                "workload-revision StatefulSet/default/w  [r] 0");
}

TEST(storage_and_network_leave_facts)
{
#define SLICE                                                                             \
    "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: s, labels: " \
    "{kubernetes.io/service-name: w}}, endpoints: "
    static const char *const steps[] = {
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}, status: {phase: "
        "Pending}}",
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: c}, spec: {volumeName: v}, "
        "status: {phase: Bound}}",
        "{apiVersion: v1, kind: PersistentVolume, metadata: {name: v, labels: "
        "{topology.kubernetes.io/zone: z}}, spec: {accessModes: [ReadWriteOnce, ReadOnlyMany]}, "
        "status: {phase: Available}}",
        "{apiVersion: storage.k8s.io/v1, kind: VolumeAttachment, metadata: {name: a}, spec: "
        "{nodeName: node-a, source: {persistentVolumeName: v}}}",
        "{apiVersion: storage.k8s.io/v1, kind: VolumeAttachment, metadata: {name: a}, spec: "
        "{nodeName: node-a, source: {persistentVolumeName: v}}, status: {attached: true}}",
        SLICE "[{addresses: [10.0.0.2]}, {addresses: [10.0.0.1]}, {addresses: [10.0.0.3], "
              "conditions: {ready: false}}]}",
        SLICE "[{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}]}",
        SLICE "[{addresses: [10.0.0.1]}]}",
        "{apiVersion: v1, kind: Node, metadata: {name: node-a}, status: {conditions: [{type: "
        "Ready, status: \"True\"}]}}",
        "{apiVersion: v1, kind: Node, metadata: {name: node-a}, spec: {taints: [{key: k, effect: "
        "NoExecute}]}, status: {conditions: [{type: Ready, status: Unknown}]}}",
        NULL,
    };
    check_facts(steps, "claim-phase PersistentVolumeClaim/default/c  [Pending] 0\n"
                       "claim-phase PersistentVolumeClaim/default/c  [Bound] 0\n"
                       "claim-volume PersistentVolumeClaim/default/c  [PersistentVolume//v] 0\n"
                       "volume-phase PersistentVolume//v  [Available] 0\n"
                       "volume-modes PersistentVolume//v z [ReadWriteOnce,ReadOnlyMany] 0\n"
                       "attachment PersistentVolume//v node-a [] 1\n"
                       "endpoints Service/default/w  [10.0.0.1,10.0.0.2] 2\n"
                       "endpoints Service/default/w  [10.0.0.1] 1\n"
                       "node-ready Node//node-a node-a [True] 0\n"
                       "node-ready Node//node-a node-a [Unknown] 0\n"
                       "node-taints Node//node-a node-a [k=:NoExecute] 0");
}
