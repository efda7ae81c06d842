/* SPDX-License-Identifier: Apache-2.0 */
/* test_cases.c - recorded cases: reading, running, comparing, and the states that no API server
 * lets through but the controller decides all the same. */
#include "models/control/revision.h"
#include "sim/json.h"
#include "tests/unit/test.h"
#include "tools/cases.h"
#include "tools/lines.h"

static Value *json_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    Value *value = json_parse(text, strlen(text), "test", 1, &error);
    CHECK_THAT(value != NULL, "%s", error->message);
    return value;
}

/* --- revision names --- */

TEST(revision_names_are_upstreams)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Lines) lines = lines_open("tests/conformance/hash-vectors.jsonl.gz", &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(lines);
    size_t length;
    const char *line;
    unsigned count = 0;
    while ((line = lines_next(lines, &length, &error)) != NULL) {
        g_autoptr(Value) vector = json_parse(line, length, "vectors", 1, &error);
        g_autoptr(Value) data = revision_data(value_get(vector, "template"));
        g_autofree char *json = revision_json(data);
        char hash[REVISION_HASH_MAX];
        revision_hash_text(json, value_as_int(value_get(vector, "collisionCount"), -1), hash);
        g_autofree char *name = revision_name(value_text(vector, "set"), hash);
        CU_ASSERT_STRING_EQUAL(json, value_text(vector, "data"));
        CU_ASSERT_STRING_EQUAL(hash, value_text(vector, "hash"));
        CU_ASSERT_STRING_EQUAL(name, value_text(vector, "name"));
        count++;
    }
    CU_ASSERT_PTR_NULL(error);
    CU_ASSERT_EQUAL(count, 50);
}

/* --- lines --- */

static char *read_all(const char *path, GError **error)
{
    g_autoptr(Lines) lines = lines_open(path, error);
    GString *text = g_string_new(NULL);
    size_t length;
    const char *line;
    while (lines != NULL && (line = lines_next(lines, &length, error)) != NULL)
        g_string_append_printf(text, "%u:%.*s|", lines_number(lines), (int)length, line);
    return g_string_free(text, FALSE);
}

TEST(lines_end_with_or_without_a_newline)
{
    static const struct {
        const char *text, *read;
    } cases[] = {{"", ""}, {"a", "1:a|"}, {"a\n", "1:a|"}, {"\n\nb", "1:|2:|3:b|"}};
    g_autofree char *path = g_build_filename(test_tmp(), "lines", NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        CHECK(g_file_set_contents(path, cases[i].text, -1, NULL));
        g_autofree char *read = read_all(path, &error);
        CU_ASSERT_STRING_EQUAL(read, cases[i].read);
        CU_ASSERT_PTR_NULL(error);
    }
}

TEST(broken_gzip_is_an_error)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *whole = NULL, *path = g_build_filename(test_tmp(), "cut.gz", NULL);
    gsize length;
    CHECK(g_file_get_contents("tests/conformance/single.jsonl.gz", &whole, &length, NULL));
    CHECK(g_file_set_contents(path, whole, (gssize)length / 2, NULL));
    g_free(read_all(path, &error));
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "broken gzip data"));
}

/* --- cases --- */

#define META(name, uid)                                                                         \
    "{\"name\":\"" name "\",\"namespace\":\"default\",\"uid\":\"" uid "\",\"resourceVersion\":" \
    "\"1\""
#define OWNER                                                                    \
    "\"ownerReferences\":[{\"apiVersion\":\"apps/v1\",\"kind\":\"StatefulSet\"," \
    "\"name\":\"web\",\"uid\":\"set-web-u1\",\"controller\":true,"               \
    "\"blockOwnerDeletion\":true}]"
#define POD(name, phase, ready)                                                                  \
    "{\"metadata\":" META(                                                                       \
        name, "pod-" name                                                                        \
              "-u1") ",\"labels\":{\"app\":\"web\","                                             \
                     "\"statefulset.kubernetes.io/pod-name\":\"" name "\"}," OWNER "},"          \
                     "\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"old\"}],"         \
                     "\"nodeName\":\"n\"},\"status\":{\"phase\":\"" phase "\",\"conditions\":[{" \
                     "\"type\":\"Ready\",\"status\":\"" ready "\","                              \
                     "\"lastTransitionTime\":\"2026-01-01T00:00:00Z\"}]}}"

/* A case of a set "web" whose template has image "new". */
static Value *case_of(const char *spec, const char *pods)
{
    static const char format[] =
        "{\"id\":\"t\",\"kind\":\"single\",\"now\":\"2026-01-01T01:00:00Z\",\"set\":{"
        "\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"uid\":\"set-web-u1\","
        "\"resourceVersion\":\"1\",\"generation\":1},\"spec\":{\"selector\":{\"matchLabels\":{"
        "\"app\":\"web\"}},\"serviceName\":\"web\",\"template\":{\"metadata\":{\"labels\":{"
        "\"app\":\"web\"}},\"spec\":{\"containers\":[{\"name\":\"main\",\"image\":\"new\"}]}},"
        "\"revisionHistoryLimit\":10,\"updateStrategy\":{\"type\":\"OnDelete\"},%s}},"
        "\"pods\":[%s]}";
    g_autofree char *text = g_strdup_printf(format, spec, pods);
    return json_of(text);
}

/* Pod writes in short: "create web-0 ok; update web-1 NotFound". */
static char *pod_writes(const Value *result)
{
    GString *text = g_string_new(NULL);
    const Value *actions = value_get(result, "actions");
    value_each (i, actions) {
        const Value *action = value_at(actions, i);
        if (strcmp(value_text(action, "resource"), "pods") != 0) continue;
        g_string_append_printf(text, "%s%s %s %s", text->len > 0 ? "; " : "",
                               value_text(action, "verb"), value_text(action, "name"),
                               value_text(action, "result"));
    }
    return g_string_free(text, FALSE);
}

#define PARALLEL "\"podManagementPolicy\":\"Parallel\""
#define ORDERED  "\"podManagementPolicy\":\"OrderedReady\""

TEST(names_are_read_as_upstream_reads_them)
{
    static const struct {
        const char *spec, *pods, *writes;
    } cases[] = {
        {ORDERED ",\"replicas\":1", POD("web-00", "Running", "True"), "update web-0 NotFound"},
        {ORDERED ",\"replicas\":1",
         POD("web-0", "Running", "True") "," POD("web-00", "Pending", "False"), ""},
        {ORDERED ",\"replicas\":1",
         POD("web-0", "Pending", "False") "," POD("web-00", "Running", "True"), "update web-0 ok"},
        {ORDERED ",\"replicas\":0",
         POD("web-01", "Running", "True") "," POD("web-1", "Running", "True"), "delete web-01 ok"},
        {PARALLEL ",\"replicas\":0",
         POD("web-01", "Running", "True") "," POD("web-1", "Running", "True"),
         "delete web-01 ok; delete web-1 ok"},
        {ORDERED ",\"replicas\":0", POD("web-99999999999", "Running", "True"), ""},
        {ORDERED ",\"replicas\":1", POD("web-0", "", "False"), "create web-0 AlreadyExists"},
        {ORDERED ",\"replicas\":1", POD("web-0", "Pending", "True"), ""},
        {ORDERED ",\"replicas\":2,\"ordinals\":{\"start\":2147483647}", "",
         "create web-2147483647 ok"},
        {PARALLEL ",\"replicas\":1,\"ordinals\":{\"start\":2147483648}", "",
         "create web--1 ok; update web-1 NotFound"},
    };
    const CaseOptions options = {.minor = 36};
    g_autoptr(CaseRunner) runner = case_runner_new(&options);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Value) recorded = case_of(cases[i].spec, cases[i].pods);
        g_autoptr(Value) result = case_run(runner, recorded, &error);
        CU_ASSERT_PTR_NOT_NULL_FATAL(result);
        g_autofree char *writes = pod_writes(result);
        if (strcmp(writes, cases[i].writes) != 0) fprintf(stderr, "case %u: %s\n", i, writes);
        CU_ASSERT_STRING_EQUAL(writes, cases[i].writes);
    }
}

/* A pod of no phase is sent again as it is, not made from the template. */
TEST(a_pod_of_no_phase_is_sent_as_cached)
{
    const CaseOptions options = {.minor = 36};
    g_autoptr(CaseRunner) runner = case_runner_new(&options);
    g_autoptr(Value) recorded = case_of(ORDERED ",\"replicas\":1", POD("web-0", "", "False"));
    g_autoptr(Value) result = case_run(runner, recorded, NULL);
    const Value *actions = value_get(result, "actions");
    const char *image = "";
    value_each (i, actions) {
        const Value *images = value_find(value_at(actions, i), "object", "images");
        if (images != NULL) image = value_as_text(value_at(images, 0), "");
    }
    CU_ASSERT_STRING_EQUAL(image, "old");
}

TEST(what_is_no_case_is_refused)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"[]", "case: must be an object"},
        {"{}", "now: must be a time such as 2026-01-01T00:00:00Z"},
        {"{\"now\":\"2026-01-01T00:00:00Z\"}", "set: must be an object"},
        {"{\"now\":\"2026-01-01T00:00:00Z\",\"set\":{}}", "set: has no metadata.name"},
        {"{\"now\":\"2026-01-01T00:00:00Z\",\"gates\":{\"X\":true}}", "gates.X: is unknown"},
        {"{\"now\":\"2026-01-01T00:00:00Z\",\"gates\":{\"PodIndexLabel\":1}}",
         "gates.PodIndexLabel: must be true or false"},
        {"{\"now\":\"2026-01-01T00:00:00Z\",\"set\":{\"metadata\":{\"name\":\"a\"}},\"pods\":1}",
         "pods: must be a list"},
        {"{\"now\":\"2026-01-01T00:00:00Z\",\"set\":{\"metadata\":{\"name\":\"a\"}},"
         "\"revisions\":[{\"name\":\"r\",\"data\":\"{\"}]}",
         "revisions.data:1: column 2: a key must be a string"},
        {"{\"now\":\"2026-01-01T00:00:00Z\",\"set\":{\"metadata\":{\"name\":\"a\"}},"
         "\"steps\":[{\"now\":\"2026-01-01T00:00:00Z\",\"kubelet\":[{\"op\":\"dance\"}]}]}",
         "steps[0]: kubelet.op: is unknown"},
    };
    const CaseOptions options = {.minor = 36};
    g_autoptr(CaseRunner) runner = case_runner_new(&options);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Value) recorded = json_of(cases[i].text);
        g_autoptr(Value) result = case_run(runner, recorded, &error);
        CU_ASSERT_PTR_NULL(result);
        CU_ASSERT_PTR_NOT_NULL_FATAL(error);
        CU_ASSERT_STRING_EQUAL(error->message, cases[i].message);
    }
}
