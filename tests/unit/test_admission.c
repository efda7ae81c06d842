/* SPDX-License-Identifier: Apache-2.0 */
/* The server in a world: plug-ins that read it, and the facts that its commits leave. */
#include "tests/unit/objects.h"
#include "tests/unit/rig.h"
#include "tests/unit/test.h"

#include <sqlite3.h>

static const char *perform(World *world, RequestVerb verb, Key key, const char *body)
{
    static char text[1024];
    Reply reply;
    Request request = {
        .verb = verb, .key = key, .body = body ? value_from(body) : NULL, .grace_s = -1};
    server_handle(world_server(world), world_now(world), &request, &reply);
    g_snprintf(text, sizeof text, "%s%s%s", reason_text(reply.reason), reply.message ? ": " : "",
               reply.message ? reply.message : "");
    reply_clear(&reply);
    request_clear(&request);
    return text;
}

static const char *create(World *world, const char *body)
{
    g_autoptr(Value) value = value_from(body);
    Kind kind = kind_of(value_text(value, "apiVersion"), value_text(value, "kind"));
    return perform(world, REQUEST_CREATE, (Key){kind, ATOM_NONE, ATOM_NONE}, body);
}

#define POD_IN(space)                                                   \
    "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: " space \
    "}, spec: {containers: [{name: main, image: nginx}]}}"

TEST(namespaces_must_exist_and_stay)
{
    Scenario scenario = rig_scenario();
    World *world = rig_world(&scenario);
    Key shop = {KIND_NAMESPACE, ATOM_NONE, world_atom(world, "shop")};
    EQUAL_TEXT(create(world, POD_IN("default")), "OK");
    EQUAL_TEXT(create(world, POD_IN("shop")), "NotFound: namespaces \"shop\" not found");
    EQUAL_TEXT(create(world, "{apiVersion: v1, kind: Namespace, metadata: {name: shop, "
                             "finalizers: [x/a]}}"),
               "OK");
    EQUAL_TEXT(create(world, POD_IN("shop")), "OK");
    EQUAL_TEXT(perform(world, REQUEST_DELETE, shop, NULL), "OK");
    EQUAL_TEXT(create(world, "{apiVersion: v1, kind: Pod, metadata: {name: q, namespace: shop}, "
                             "spec: {containers: [{name: main, image: nginx}]}}"),
               "Forbidden: pods \"q\" is forbidden: unable to create new content in namespace shop "
               "because it is being terminated");
    world_free(world);
}

TEST(services_get_addresses)
{
    static const struct {
        const char *name, *spec;
        bool gets_one;
    } cases[] = {
        {"plain", "ports: [{port: 80}]", true},
        {"other", "ports: [{port: 80}]", true},
        {"headless", "clusterIP: None, ports: [{port: 80}]", false},
        {"outside", "type: ExternalName, externalName: example.com", false},
    };
    Scenario scenario = rig_scenario();
    World *world = rig_world(&scenario);
    g_autofree char *last = g_strdup("");
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *body =
            g_strdup_printf("{apiVersion: v1, kind: Service, metadata: {name: %s}, spec: {%s}}",
                            cases[i].name, cases[i].spec);
        EQUAL_TEXT(create(world, body), "OK");
        Key key = key_from(world_atoms(world), KIND_SERVICE, "default", cases[i].name);
        const char *address =
            value_text(store_get(world_store(world), key)->value, "spec", "clusterIP");
        CU_ASSERT_EQUAL(g_hostname_is_ip_address(address), cases[i].gets_one);
        CU_ASSERT_STRING_NOT_EQUAL(address, last);
        g_free(last);
        last = g_strdup(address);
    }
    world_free(world);
}

/* What the store itself noted, a line a fact. */
static char *object_facts(const char *path)
{
    static const char query[] =
        "SELECT coalesce(group_concat(line, char(10)), '') FROM (SELECT r.name || ' ' || o.kind || "
        "'/' || o.namespace || '/' || o.name || ' [' || coalesce(d.text, '') || '] ' || f.number "
        "AS line FROM fact f JOIN row r ON r.id = f.row JOIN object o ON o.id = f.object LEFT JOIN "
        "string d ON d.id = f.detail WHERE r.name LIKE 'object-%' ORDER BY f.rowid)";
    sqlite3 *database;
    sqlite3_stmt *statement;
    CHECK(sqlite3_open(path, &database) == SQLITE_OK);
    CHECK_THAT(sqlite3_prepare_v2(database, query, -1, &statement, NULL) == SQLITE_OK, "%s",
               sqlite3_errmsg(database));
    CHECK(sqlite3_step(statement) == SQLITE_ROW);
    char *text = g_strdup((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return text;
}

static void live_a_life(World *world)
{
    Key pod = key_from(world_atoms(world), KIND_POD, "default", "web-12");
    Key lease = key_from(world_atoms(world), KIND_LEASE, "default", "l");
    EQUAL_TEXT(create(world, "{apiVersion: v1, kind: Pod, metadata: {name: web-12, "
                             "ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: "
                             "web, uid: u-1, controller: true}]}, spec: {containers: [{name: main, "
                             "image: nginx}]}}"),
               "OK");
    EQUAL_TEXT(perform(world, REQUEST_BIND, pod, "{target: {name: node-1}}"), "OK");
    EQUAL_TEXT(perform(world, REQUEST_PATCH, pod,
                       "{metadata: {ownerReferences: [{$patch: delete, uid: u-1}]}}"),
               "OK");
    EQUAL_TEXT(perform(world, REQUEST_DELETE, pod, NULL), "OK");
    EQUAL_TEXT(perform(world, REQUEST_DELETE, pod, NULL), "OK");
    Request end = {.verb = REQUEST_DELETE, .key = pod};
    Reply reply;
    server_handle(world_server(world), world_now(world), &end, &reply);
    reply_clear(&reply);
    store_put(world_store(world), lease, rig_lease("l", "somebody"));
    store_remove(world_store(world), lease);
}

TEST(commits_leave_facts)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(test_tmp(), "objects.sqlite", NULL);
    Scenario scenario = rig_scenario();
    World *world = world_new(&scenario, 1, NULL);
    Timeline *timeline = timeline_create(path, world_rows, ROW_COUNT, NULL, &error);
    CHECK(timeline != NULL);
    RunInfo info = {"objects", "", "", "", "", 1, WORLD_EPOCH_S, NULL};
    CHECK(timeline_begin_run(timeline, &info, world_atoms(world), &error) == 1);
    world_record_to(world, timeline);
    live_a_life(world);
    CHECK(timeline_end_run(timeline, "complete", 0, 0, 0, &error));
    world_free(world);
    CHECK(timeline_close(timeline, &error));
    g_autofree char *facts = object_facts(path);
    EQUAL_TEXT(facts, "object-created Pod/default/web-12 [StatefulSet/default/web] 12\n"
                      "object-owner Pod/default/web-12 [] 0\n"
                      "object-marked Pod/default/web-12 [] 30\n"
                      "object-deleted Pod/default/web-12 [] 0");
}
