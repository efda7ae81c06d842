/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions of the ReplicaSet controller. */
#include "tests/unit/desk.h"
#include "tests/unit/test.h"

static void put_set(Desk *desk, int replicas, const char *extra)
{
    g_autofree char *yaml =
        g_strdup_printf("apiVersion: apps/v1\nkind: ReplicaSet\n"
                        "metadata: {name: web, namespace: default, uid: set-u, generation: 1}\n"
                        "spec: {replicas: %d, selector: {matchLabels: {app: web}}%s,\n"
                        "  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: "
                        "m, image: x}]}}}\n",
                        replicas, extra);
    desk_put(desk, yaml);
}

/* meta and status are flow style, beginning with a comma where not empty. */
static void put_pod(Desk *desk, const char *name, const char *meta, const char *spec,
                    const char *status)
{
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: v1\nkind: Pod\n"
        "metadata: {name: %s, namespace: default, uid: uid-%s, labels: {app: web},\n"
        "  creationTimestamp: '2026-01-01T00:00:00Z'%s%s}\n"
        "spec: {containers: [{name: m, image: x}]%s}\nstatus: {%s}\n",
        name, name,
        strstr(meta, "orphan") ? ""
                               : ", ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, "
                                 "name: web, uid: set-u, controller: true}]",
        strstr(meta, "orphan") ? "" : meta, spec, status);
    desk_put(desk, yaml);
}

#define ON_NODE ", nodeName: n1"
#define READY_AT(time) \
    "phase: Running, conditions: [{type: Ready, status: 'True', lastTransitionTime: '" time "'}]"
#define READY READY_AT("2026-01-01T00:10:00Z")

static void check(Desk *desk, const char *expected)
{
    g_autofree char *text = desk_sync(desk, KIND_REPLICA_SET, "web");
    g_autofree char *plan = desk_short(text);
    EQUAL_TEXT(plan, expected);
    desk_close(desk);
}

TEST(missing_pods_are_created_in_growing_batches)
{
    Desk desk;
    desk_open(&desk, &replicaset_component, 36);
    put_set(&desk, 4, "");
    g_autofree char *text = desk_sync(&desk, KIND_REPLICA_SET, "web");
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "batch 1 lane 1: create Pod default/web-"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "batch 2 lane 2: create Pod default/web-"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "batch 3 lane 1: create Pod default/web-"));
    CU_ASSERT_PTR_NULL(strstr(text, "batch 3 lane 2: create Pod"));
    desk_close(&desk);
}

TEST(only_active_pods_count)
{
    Desk desk;
    desk_open(&desk, &replicaset_component, 36);
    put_set(&desk, 1, "");
    put_pod(&desk, "web-f", "", ON_NODE, "phase: Failed");
    put_pod(&desk, "web-t", ", deletionTimestamp: '2026-01-01T01:00:30Z'", ON_NODE, READY);
    g_autofree char *text = desk_sync(&desk, KIND_REPLICA_SET, "web");
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "create Pod"));
    CU_ASSERT_PTR_NULL(strstr(text, "delete Pod"));
    desk_close(&desk);
}

TEST(expectations_hold_the_next_round_back)
{
    Desk desk;
    desk_open(&desk, &replicaset_component, 36);
    put_set(&desk, 2, "");
    put_pod(&desk, "web-a", "", ON_NODE, READY);
    put_pod(&desk, "web-b", "", ON_NODE, READY);
    put_pod(&desk, "web-c", "", "", "phase: Pending");
    g_autofree char *first = desk_sync(&desk, KIND_REPLICA_SET, "web");
    g_autofree char *second = desk_sync(&desk, KIND_REPLICA_SET, "web");
    CU_ASSERT_PTR_NOT_NULL(strstr(first, "delete Pod default/web-c"));
    CU_ASSERT_PTR_NULL(strstr(second, "delete Pod"));
    CU_ASSERT_PTR_NOT_NULL(strstr(second, "waiting to see its own creations and deletions"));
    desk_at(&desk, NANOS_HOUR + 6 * NANOS_MIN);
    check(&desk, "-web-c");
}

/* Two pods, one too many: the first named goes. */
typedef struct {
    const char *title;
    const char *goes[3], *stays[3]; /* meta, spec, status */
} Worth;

static const Worth worths[] = {
    {"not bound", {"", "", "phase: Pending"}, {"", ON_NODE, "phase: Pending"}},
    {"pending", {"", ON_NODE, "phase: Pending"}, {"", ON_NODE, "phase: Running"}},
    {"not ready", {"", ON_NODE, "phase: Running"}, {"", ON_NODE, READY}},
    {"cheaper",
     {", annotations: {controller.kubernetes.io/pod-deletion-cost: '-1'}", ON_NODE, READY},
     {"", ON_NODE, READY}},
    {"ready for a shorter time",
     {"", ON_NODE, READY_AT("2026-01-01T00:59:00Z")},
     {"", ON_NODE, READY_AT("2026-01-01T00:10:00Z")}},
};

TEST(the_least_worth_goes_first)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(worths); i++) {
        const Worth *w = &worths[i];
        Desk desk;
        desk_open(&desk, &replicaset_component, 36);
        put_set(&desk, 1, "");
        put_pod(&desk, "web-z", w->goes[0], w->goes[1], w->goes[2]);
        put_pod(&desk, "web-a", w->stays[0], w->stays[1], w->stays[2]);
        check(&desk, "-web-z");
    }
}

TEST(orphans_are_adopted)
{
    Desk desk;
    desk_open(&desk, &replicaset_component, 36);
    put_set(&desk, 1, "");
    put_pod(&desk, "web-o", "orphan", ON_NODE, READY);
    check(&desk, "^web-o");
}
