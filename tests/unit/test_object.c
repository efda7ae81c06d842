/* SPDX-License-Identifier: Apache-2.0 */
/* Objects: kinds, keys, metadata, times. */
#include "models/api/object.h"
#include "tests/unit/objects.h"
#include "tests/unit/test.h"

static const char pod_text[] = "apiVersion: v1\n"
                               "kind: Pod\n"
                               "metadata:\n"
                               "  name: web-0\n"
                               "  namespace: shop\n"
                               "  uid: u-1\n"
                               "  creationTimestamp: \"2026-01-01T00:00:07Z\"\n"
                               "  generation: 3\n"
                               "  labels: {b: two, a: one}\n"
                               "  finalizers: [x/f]\n"
                               "  ownerReferences:\n"
                               "  - {apiVersion: example.com/v1, kind: Thing, name: t, uid: u-8}\n"
                               "  - {apiVersion: apps/v1, kind: StatefulSet, name: web, uid: u-9,\n"
                               "     controller: true, blockOwnerDeletion: true}\n"
                               "spec: {containers: [{name: main, image: nginx}]}\n";

TEST(kinds_are_found_by_every_name)
{
    EQUAL_INT(kind_of("v1", "Pod"), KIND_POD);
    EQUAL_INT(kind_of("apps/v1", "StatefulSet"), KIND_STATEFUL_SET);
    EQUAL_INT(kind_of("v1", "StatefulSet"), KIND_NONE);
    EQUAL_INT(kind_of("v1", "ConfigMap"), KIND_NONE);
    EQUAL_INT(kind_by_word("statefulsets"), KIND_STATEFUL_SET);
    EQUAL_INT(kind_by_word("StatefulSet"), KIND_STATEFUL_SET);
    EQUAL_INT(kind_by_word("statefulset"), KIND_STATEFUL_SET);
    EQUAL_INT(kind_by_word("sts"), KIND_STATEFUL_SET);
    EQUAL_INT(kind_by_word("stss"), KIND_NONE);
    EQUAL_INT(kind_by_name("Node"), KIND_NODE);
    EQUAL_INT(kind_by_name("node"), KIND_NONE);
    for (Kind kind = KIND_NONE + 1; kind < KIND_COUNT; kind++)
        EQUAL_INT(kind_of(kind_info(kind)->api_version, kind_info(kind)->name), kind);
}

TEST(metadata_is_projected)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    autoobject pod = object_from(atoms, pod_text, 5);
    const Meta *meta = object_meta(pod);
    EQUAL_TEXT(atom_text(atoms, pod->ref), "Pod/shop/web-0");
    EQUAL_TEXT(atom_text(atoms, pod->uid), "u-1");
    EQUAL_INT(meta->created_at, 7 * NANOS_S);
    EQUAL_INT(meta->deleted_at, NANOS_NEVER);
    CU_ASSERT_FALSE(object_is_terminating(pod));
    EQUAL_INT(meta->generation, 3);
    EQUAL_INT(meta->label_count, 2);
    EQUAL_TEXT(atom_text(atoms, meta->labels[0].key), "a");
    EQUAL_TEXT(atom_text(atoms, meta_label(meta, atom_of(atoms, "b"))), "two");
    EQUAL_INT(meta_label(meta, atom_of(atoms, "c")), ATOM_NONE);
    EQUAL_INT(meta->owner_count, 2);
    EQUAL_INT(meta->owners[0].kind, KIND_NONE);
    EQUAL_TEXT(atom_text(atoms, meta->owners[0].kind_name), "Thing");
    CU_ASSERT_PTR_EQUAL(meta->controller, &meta->owners[1]);
    EQUAL_INT(meta->controller->kind, KIND_STATEFUL_SET);
    CU_ASSERT(meta->controller->blocks_deletion);
    EQUAL_INT(meta->finalizer_count, 1);
}

TEST(versions_share_equal_metadata)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    autoobject old = object_from(atoms, pod_text, 5);
    Value *value = value_ref(old->value);
    value_put(&value, value_string("Running"), "status", "phase");
    autoobject now = object_new(atoms, KIND_POD, value, 6, old);
    CU_ASSERT_PTR_EQUAL(object_meta(now), object_meta(old));
    value = value_ref(now->value);
    value_put(&value, value_string("three"), "metadata", "labels", "c");
    autoobject labelled = object_new(atoms, KIND_POD, value, 7, now);
    CU_ASSERT_PTR_NOT_EQUAL(object_meta(labelled), object_meta(old));
    EQUAL_INT(object_meta(labelled)->label_count, 3);
    EQUAL_INT(object_meta(old)->label_count, 2);
    EQUAL_INT(labelled->ref, old->ref);
}

TEST(printing_adds_the_version)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    autoobject pod = object_from(atoms, pod_text, 42);
    g_autoptr(Value) shown = object_printable(pod);
    EQUAL_TEXT(value_text(shown, "metadata", "resourceVersion"), "42");
    CU_ASSERT_PTR_NULL(value_find(pod->value, "metadata", "resourceVersion"));
}

TEST(namespaces_default_and_cluster_kinds_have_none)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    autoobject pod = object_from(atoms, "{apiVersion: v1, kind: Pod, metadata: {name: a}}", 1);
    autoobject node =
        object_from(atoms, "{apiVersion: v1, kind: Node, metadata: {name: n1, namespace: x}}", 1);
    EQUAL_TEXT(atom_text(atoms, pod->ref), "Pod/default/a");
    EQUAL_TEXT(atom_text(atoms, object_meta(pod)->space), "default");
    EQUAL_TEXT(atom_text(atoms, node->ref), "Node//n1");
    CU_ASSERT(key_compare(atoms, pod->key, node->key) < 0);
    EQUAL_INT(key_compare(atoms, pod->key, pod->key), 0);
}

TEST(times_are_written_and_read)
{
    static const struct {
        const char *text;
        bool is_time;
        Nanos at;
    } cases[] = {
        {"2026-01-01T00:00:00Z", true, 0},
        {"2026-01-01T00:05:00Z", true, 300 * NANOS_S},
        {"2026-01-01t00:00:00z", true, 0},
        {"2026-01-01T00:00:00.5Z", true, 500 * NANOS_MS},
        {"2026-01-01T00:00:00.1234567899Z", true, 123456789},
        {"2026-01-01T01:00:00+01:00", true, 0},
        {"2025-12-31T18:30:00-05:30", true, 0},
        {"2025-12-31T23:59:59Z", true, -NANOS_S},
        {"2024-02-29T00:00:00Z", true, INT64_C(-16128) * NANOS_HOUR},
        {"2023-02-29T00:00:00Z", false, 0},
        {"1970-01-01T00:00:00Z", true, -WORLD_EPOCH_S * NANOS_S},
        {"0001-01-01T00:00:00Z", false, 0},
        {"2026-13-01T00:00:00Z", false, 0},
        {"2026-01-01 00:00:00Z", false, 0},
        {"2026-01-01T24:00:00Z", false, 0},
        {"2026-01-01T00:00:00", false, 0},
        {"2026-01-01T00:00:00.Z", false, 0},
        {"2026-01-01T00:00:00Zz", false, 0},
        {"2026-01-01", false, 0},
        {"", false, 0},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Nanos at = -1;
        bool is_time = time_parse(cases[i].text, &at);
        if (is_time != cases[i].is_time) fprintf(stderr, "\ntime %s\n", cases[i].text);
        EQUAL_INT(is_time, cases[i].is_time);
        if (is_time) EQUAL_INT(at, cases[i].at);
    }
    char buffer[TIME_TEXT_MAX];
    EQUAL_TEXT(time_format(300 * NANOS_S + 999 * NANOS_MS, buffer), "2026-01-01T00:05:00Z");
    EQUAL_TEXT(time_format(-1, buffer), "2025-12-31T23:59:59Z");
    EQUAL_TEXT(time_format_micro(1234567, buffer), "2026-01-01T00:00:00.001234Z");
}

/* Against GLib's calendar. */
TEST(random_times_agree_with_another_calendar)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(20260101);
    for (unsigned i = 0; i < 2000; i++) {
        int64_t seconds = (int64_t)g_rand_int(random) * 2 - INT64_C(4000000000);
        char buffer[TIME_TEXT_MAX];
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(WORLD_EPOCH_S + seconds);
        g_autofree char *expected = g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ");
        EQUAL_TEXT(time_format(seconds * NANOS_S, buffer), expected);
        Nanos back = 0;
        CU_ASSERT(time_parse(expected, &back));
        EQUAL_INT(back, seconds * NANOS_S);
    }
}
