/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_yaml.c - what scalars mean, what documents hold, what the reader says about faults, and that
 * everything written is read back.
 */
#include "sim/json.h"
#include "sim/yaml.h"
#include "tests/unit/test.h"
#include "tests/unit/trees.h"

static YamlStream *parse(const char *text, GError **error)
{
    return yaml_parse(text, strlen(text), "t.yaml", error);
}

/* Canonical JSON of the only document of a text, or the error. */
static char *read_as_json(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YamlStream) stream = parse(text, &error);
    if (stream == NULL) return g_strdup(error->message);
    if (yaml_count(stream) != 1) return g_strdup_printf("%u documents", yaml_count(stream));
    return json_text(yaml_at(stream, 0)->value);
}

static void expect(const char *text, const char *json, const char *where)
{
    g_autofree char *actual = read_as_json(text);
    test_equal_text(actual, json, text, where);
}
#define READS_AS(text, json) expect((text), (json), TEST_WHERE)

static const struct {
    const char *text, *json;
} plain_cases[] = {
    {"null", "null"},
    {"~", "null"},
    {"Null", "null"},
    {"NULL", "null"},
    {"nULL", "\"nULL\""},
    {"", "null"},
    {"true", "true"},
    {"True", "true"},
    {"TRUE", "true"},
    {"tRUE", "\"tRUE\""},
    {"yes", "true"},
    {"Yes", "true"},
    {"YES", "true"},
    {"on", "true"},
    {"On", "true"},
    {"ON", "true"},
    {"y", "true"},
    {"Y", "true"},
    {"n", "false"},
    {"N", "false"},
    {"no", "false"},
    {"No", "false"},
    {"NO", "false"},
    {"off", "false"},
    {"Off", "false"},
    {"OFF", "false"},
    {"false", "false"},
    {"False", "false"},
    {"FALSE", "false"},
    {"oN", "\"oN\""},
    {"yeS", "\"yeS\""},
    {"nope", "\"nope\""},
    {"0", "0"},
    {"-0", "0"},
    {"+7", "7"},
    {"-12", "-12"},
    {"0644", "420"},
    {"-010", "-8"},
    {"08", "8"},
    {"0x1F", "31"},
    {"0X1f", "31"},
    {"-0xA", "-10"},
    {"0o17", "15"},
    {"0O17", "15"},
    {"0b101", "5"},
    {"0B11", "3"},
    {"1_000", "1000"},
    {"0x_ff", "255"},
    {"1__0_", "10"},
    {"_1", "\"_1\""},
    {"0x", "\"0x\""},
    {"0xg", "\"0xg\""},
    {"9223372036854775807", "9223372036854775807"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"9223372036854775808", "9223372036854776000"},
    {"18446744073709551616", "18446744073709552000"},
    {"-9223372036854775809", "-9223372036854776000"},
    {"0xffffffffffffffff", "18446744073709552000"},
    {"1e3", "1000"},
    {"1E3", "1000"},
    {"1e+3", "1000"},
    {"1.5", "1.5"},
    {"1.", "1"},
    {".5", "0.5"},
    {"-.5", "-0.5"},
    {"+1.5e-9", "1.5e-9"},
    {"1_0.5", "10.5"},
    {".5_0", "\".5_0\""},
    {"1e400", "\"1e400\""},
    {"1e", "\"1e\""},
    {"1.2.3", "\"1.2.3\""},
    {".", "\".\""},
    {"-", "\"-\""},
    {"+", "\"+\""},
    {"1e-400", "0"},
    {"0x1.8p3", "\"0x1.8p3\""},
    {"12:30:45", "\"12:30:45\""},
    {"190:20", "\"190:20\""},
    {"1Gi", "\"1Gi\""},
    {"2001-12-14", "\"2001-12-14\""},
    {"2001-12-14T21:59:43Z", "\"2001-12-14T21:59:43Z\""},
    {"=", "\"=\""},
    {"inf", "\"inf\""},
    {"nan", "\"nan\""},
    {"\xc3\xa9", "\"\xc3\xa9\""},
};

TEST(plain_scalars_follow_go_yaml_v2)
{
    for (size_t i = 0; i < G_N_ELEMENTS(plain_cases); i++) {
        g_autoptr(Value) value =
            yaml_resolve_plain(plain_cases[i].text, strlen(plain_cases[i].text));
        g_autofree char *json = json_text(value);
        test_equal_text(json, plain_cases[i].json, plain_cases[i].text, TEST_WHERE);
    }
}

TEST(infinities_are_refused)
{
    static const char *const texts[] = {".inf",  ".Inf", ".INF", "+.inf", "-.inf",
                                        "-.INF", ".nan", ".NaN", ".NAN"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(Value) value = yaml_resolve_plain(texts[i], strlen(texts[i]));
        CU_ASSERT_PTR_NULL(value);
    }
    READS_AS("a: .inf", "t.yaml:1: a: .inf is no number that JSON can hold; write another value");
    READS_AS("a: '.inf'", "{\"a\":\".inf\"}");
}

TEST(quotes_and_tags_decide_the_type)
{
    READS_AS("['1', \"yes\", '', 'null', \"0x1\"]", "[\"1\",\"yes\",\"\",\"null\",\"0x1\"]");
    READS_AS("a: |\n  1\nb: >-\n  true\n", "{\"a\":\"1\\n\",\"b\":\"true\"}");
    READS_AS("[!!str 1, !!int '7', !!float 3, !!bool yes, !!null '', !!str '']",
             "[\"1\",7,3,true,null,\"\"]");
    READS_AS("!!map {a: !!seq [1]}", "{\"a\":[1]}");
    READS_AS("a: !!int x", "t.yaml:1: a: 'x' is not what its tag !!int says; correct one of them");
    READS_AS("a:\n- !!float .inf",
             "t.yaml:2: a[0]: '.inf' is not what its tag !!float says; correct one of them");
    READS_AS("a: !include x", "t.yaml:1: a: tag '!include' is not supported; remove it");
    READS_AS("a: !!binary eA==",
             "t.yaml:1: a: tag 'tag:yaml.org,2002:binary' is not supported; remove it");
    READS_AS("a: !!set {b: c}", "t.yaml:1: a: tag 'tag:yaml.org,2002:set' is not supported; "
                                "remove it");
}

TEST(keys_become_text)
{
    READS_AS("{1: a, 0x10: b, true: c, no: d, 1.5: e, 1e6: f, 0.00001: g, 123456.0: h}",
             "{\"1\":\"a\",\"1.5\":\"e\",\"123456\":\"h\",\"16\":\"b\",\"1e+06\":\"f\","
             "\"1e-05\":\"g\",\"false\":\"d\",\"true\":\"c\"}");
    READS_AS("'1': a", "{\"1\":\"a\"}");
    READS_AS("y: 1", "{\"true\":1}");
    READS_AS("a:\n  ? [x]\n  : 1", "t.yaml:2: a: a key cannot be a map or a list; quote it if it "
                                   "is a text like {{ }}");
    READS_AS("~: 1", "t.yaml:1: a key cannot be null or empty; write the key, or quote it");
    READS_AS("'': 1", "{\"\":1}");
    READS_AS("a: &k x\n*k : 2", "{\"a\":\"x\",\"x\":2}");
    READS_AS("&k x: 1\ny2: *k", "{\"x\":1,\"y2\":\"x\"}");
}

TEST(duplicate_keys_name_both_lines)
{
    READS_AS("spec:\n  replicas: 1\n  name: a\n  replicas: 2\n",
             "t.yaml:4: spec: key 'replicas' is given twice, first at line 2; remove one");
    READS_AS("a: {b: 1, \"b\": 2}", "t.yaml:1: a: key 'b' is given twice, first at line 1; "
                                    "remove one");
    READS_AS("1: a\n'1': b", "t.yaml:2: key '1' is given twice, first at line 1; remove one");
    READS_AS("- {a: 1}\n- {a: 2}\n", "[{\"a\":1},{\"a\":2}]");
    READS_AS("a:\n  x: 1\nb:\n  x: 1\n", "{\"a\":{\"x\":1},\"b\":{\"x\":1}}");
}

TEST(anchors_and_merge_keys)
{
    READS_AS("a: &x {p: 1, q: 2}\nb: *x\n", "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"p\":1,\"q\":2}}");
    READS_AS("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n",
             "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"p\":1,\"q\":3}}");
    READS_AS("a: &x {p: 1}\nb:\n  p: 2\n  <<: *x\n", "{\"a\":{\"p\":1},\"b\":{\"p\":2}}");
    READS_AS("- &x {p: 1}\n- &z {p: 2, q: 2}\n- <<: [*x, *z]\n",
             "[{\"p\":1},{\"p\":2,\"q\":2},{\"p\":1,\"q\":2}]");
    READS_AS("a: {<<: {b: 1}}", "{\"a\":{\"b\":1}}");
    READS_AS("a: {'<<': 1}", "{\"a\":{\"\\u003c\\u003c\":1}}");
    READS_AS("a: <<", "{\"a\":\"\\u003c\\u003c\"}");
    READS_AS("a:\n  <<: 5\n", "t.yaml:2: a: the value of << must be a map or a list of maps");
    READS_AS("a: {<<: {b: 1}, <<: {c: 1}}",
             "t.yaml:1: a: key '<<' is given twice, first at line 1; remove one");
    READS_AS("a: *none", "t.yaml:1: a: alias *none has no anchor; define &none before it");
    READS_AS("a: &x [*x]", "t.yaml:1: a[0]: alias *x stands inside its own anchor; remove it");
    READS_AS("[&x 1, &x 2, *x]", "[1,2,2]");
}

TEST(aliases_share_and_are_limited)
{
    g_autoptr(YamlStream) stream = parse("a: &x {p: 1}\nb: *x\n", NULL);
    const Value *value = yaml_at(stream, 0)->value;
    CU_ASSERT_PTR_EQUAL(value_get(value, "a"), value_get(value, "b"));

    g_autoptr(GString) bomb = g_string_new("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
        g_string_append_printf(bomb, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            g_string_append_printf(bomb, "%s*a%d", j > 0 ? ", " : "", i - 1);
        g_string_append(bomb, "]\n");
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(YamlStream) none = parse(bomb->str, &error);
    CU_ASSERT_PTR_NULL(none);
    ERROR_CONTAINS(error, "aliases expand to more than");
}

/* A list nested `depth` times. */
static char *nested(int depth)
{
    GString *text = g_string_new(NULL);
    for (int i = 0; i < depth; i++)
        g_string_append_c(text, '[');
    for (int i = 0; i < depth; i++)
        g_string_append_c(text, ']');
    return g_string_free(text, FALSE);
}

TEST(depth_is_limited)
{
    g_autofree char *good = nested(200), *bad = nested(201), *worse = nested(5000);
    READS_AS(good, good);
    g_autofree char *message = read_as_json(bad);
    CU_ASSERT_PTR_NOT_NULL(strstr(message, "nested deeper than 200 levels"));
    g_autofree char *other = read_as_json(worse);
    CU_ASSERT_PTR_NOT_NULL(strstr(other, "nested deeper than 200 levels"));
    /* Aliases count with the depth of what they stand for. */
    g_autofree char *half = nested(120);
    g_autofree char *wrapped =
        g_strdup_printf("a: &x %s\nb: %.*s*x%.*s", half, 120, half, 120, half + 120);
    g_autofree char *third = read_as_json(wrapped);
    CU_ASSERT_PTR_NOT_NULL(strstr(third, "t.yaml:2: b[0]"));
    CU_ASSERT_PTR_NOT_NULL(strstr(third, "nested deeper than 200 levels"));
}

TEST(documents_and_lines)
{
    static const char text[] = "# only a comment\n"
                               "---\n"
                               "kind: A\n"
                               "spec:\n"
                               "  list:\n"
                               "  - x: 1\n"
                               "  - y\n"
                               "---\n"
                               "# nothing here\n"
                               "---\n"
                               "\n"
                               "kind: B\n"
                               "...\n"
                               "---\n"
                               "null\n";
    g_autoptr(YamlStream) stream = parse(text, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    EQUAL_INT(yaml_count(stream), 3);
    const Value *a = yaml_at(stream, 0)->value;
    EQUAL_INT(yaml_at(stream, 0)->line, 3);
    EQUAL_INT(yaml_at(stream, 1)->line, 12);
    EQUAL_TEXT(yaml_at(stream, 1)->file, "t.yaml");
    EQUAL_INT(value_type(yaml_at(stream, 2)->value), VALUE_NULL);
    EQUAL_INT(value_line(a), 3);
    EQUAL_INT(value_line(value_get(a, "spec")), 4);
    const Value *list = value_find(a, "spec", "list");
    EQUAL_INT(value_line(list), 5);
    EQUAL_INT(value_line(value_at(list, 0)), 6);
    EQUAL_INT(value_line(value_get(value_at(list, 0), "x")), 6);
    EQUAL_INT(value_line(value_at(list, 1)), 7);

    g_autoptr(YamlStream) empty = parse("", NULL);
    EQUAL_INT(yaml_count(empty), 0);
    g_autoptr(YamlStream) blank = parse("---\n---\n# x\n--- ''\n", NULL);
    EQUAL_INT(yaml_count(blank), 1);
    EQUAL_TEXT(value_as_text(yaml_at(blank, 0)->value, NULL), "");
}

TEST(anchors_end_with_their_document)
{
    READS_AS("a: &x 1\n---\nb: *x\n", "t.yaml:3: b: alias *x has no anchor; define &x before it");
}

TEST(faults_say_where_what_and_what_to_do)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a:\n\tb: 1\n", "t.yaml:2: a: a tab is used for indentation; use spaces"},
        {"a: @b\n", "t.yaml:1: a: the text begins with a character that YAML reserves"},
        {"a: b: c\n", "t.yaml:1: a ':' stands where no key can begin; check the indentation"},
        {"a:\n  b: 1\n c: 2\n", "t.yaml:3: the line fits neither the map above"},
        {"a:\n  b: \"x\n", "t.yaml:3: a.b: a quoted text is never closed; add the closing quote "
                           "(it begins at line 2)"},
        {"a: 'x\n---\nb: 1\n", "a quoted text runs into the next document"},
        {"a: [1, 2\nb: 3\n", "t.yaml:2: a"},
        {"a: {x: 1\n", "t.yaml:2: a: a map opened by '{' is not closed; add ',' or '}'"},
        {"a: [1\n", "t.yaml:2: a: a list opened by '[' is not closed; add ',' or ']'"},
        {"a:\n- 1\n b\n- c: d\n  - e\n", "t.yaml:5: a[1]"},
        {"ok: 1\nbad: \xff\n", "t.yaml:2: the text is not UTF-8; save the file as UTF-8"},
        {"ok: 1\nbad: \xc3", "t.yaml:2: the text ends inside a UTF-8 character"},
        {"ok: 1\nbad: \x01\n", "t.yaml:2: the text holds a control character"},
        {"a: \"\\q\"\n", "t.yaml:1: a: a backslash in double quotes begins no escape"},
        {"a: \"x\\0y\"\n", "t.yaml:1: a: a text holds a NUL character; remove it"},
        {"a: !x!y z\n", "t.yaml:1: a: the tag's handle is not declared"},
        {"%YAML 3.0\n---\na: 1\n", "t.yaml:1: "},
        {"a\nb: 1\n", "t.yaml:2: a ':' stands where no key can begin"},
        {"key\nother\n: 1\n", "t.yaml:3: "},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *actual = read_as_json(cases[i].text);
        if (strstr(actual, cases[i].message) == NULL)
            test_equal_text(actual, cases[i].message, cases[i].text, TEST_WHERE);
    }
}

TEST(files_are_read)
{
    g_autofree char *path = g_build_filename(test_tmp(), "a.yaml", NULL);
    CU_ASSERT_TRUE(g_file_set_contents(path, "a: 1\n", -1, NULL));
    g_autoptr(YamlStream) stream = yaml_load(path, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    EQUAL_TEXT(yaml_at(stream, 0)->file, path);
    g_autoptr(GError) error = NULL;
    g_autofree char *absent = g_build_filename(test_tmp(), "absent.yaml", NULL);
    CU_ASSERT_PTR_NULL(yaml_load(absent, &error));
    ERROR_CONTAINS(error, "absent.yaml: cannot be read: ");
    CU_ASSERT_PTR_NULL(yaml_load(test_tmp(), &error));
    ERROR_CONTAINS(error, "cannot be read: ");
}

TEST(json_is_yaml)
{
    READS_AS("{\"a\":[1,2.5,\"\\u003cx\\u0026\\/\",null,true],\"b\":{\"c\":\"d:e\"}}",
             "{\"a\":[1,2.5,\"\\u003cx\\u0026/\",null,true],\"b\":{\"c\":\"d:e\"}}");
    READS_AS("{\n\t\"a\": 1,\n\t\"b\": [\n\t\t2\n\t]\n}\n", "{\"a\":1,\"b\":[2]}");
}

/* --- writing --- */

static void writes_as(const char *text, const char *expected, const char *where)
{
    g_autoptr(YamlStream) stream = parse(text, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    g_autoptr(GString) out = g_string_new(NULL);
    yaml_write(yaml_at(stream, 0)->value, out);
    test_equal_text(out->str, expected, text, where);
}
#define WRITES_AS(text, expected) writes_as((text), (expected), TEST_WHERE)

TEST(writing_looks_like_kubectl)
{
    WRITES_AS("{kind: Pod, spec: {b: [1, {c: d, e: []}, [2, [3]], {}], a: {}}, 'y': 'yes'}",
              "kind: Pod\n"
              "spec:\n"
              "  a: {}\n"
              "  b:\n"
              "  - 1\n"
              "  - c: d\n"
              "    e: []\n"
              "  - - 2\n"
              "    - - 3\n"
              "  - {}\n"
              "\"y\": \"yes\"\n");
    WRITES_AS("a: \"x\\ny\\n\"\nb: \"x\\ny\"\nc: \"x\\n\\n\"\nd: \"  x\\ny\"\ne: \"x \\ny\"\n",
              "a: |\n  x\n  y\n"
              "b: |-\n  x\n  y\n"
              "c: |+\n  x\n\n"
              "d: |2-\n    x\n  y\n"
              "e: \"x \\ny\"\n");
    WRITES_AS("[--verbose, '-', '0644', '1e3', 'a: b', '*', 1.5, null, 'a\tb']",
              "- --verbose\n- \"-\"\n- \"0644\"\n- \"1e3\"\n- \"a: b\"\n- \"*\"\n- 1.5\n- null\n"
              "- \"a\\tb\"\n");
    WRITES_AS("\"a\\nb\"", "\"a\\nb\"\n");
}

static bool survives(const Value *value)
{
    g_autoptr(GString) out = g_string_new(NULL);
    yaml_write(value, out);
    g_autoptr(GError) error = NULL;
    g_autoptr(YamlStream) stream = yaml_parse(out->str, out->len, "out.yaml", &error);
    bool good =
        stream != NULL && yaml_count(stream) == 1 && value_equal(yaml_at(stream, 0)->value, value);
    if (!good) {
        g_autofree char *json = json_text(value);
        fprintf(stderr, "lost: %s\nwritten as:\n%s\n%s\n", json, out->str,
                error != NULL ? error->message : "");
    }
    return good;
}

TEST(every_text_survives_everywhere)
{
    for (size_t i = 0; i < G_N_ELEMENTS(tree_texts); i++) {
        g_autoptr(Value) alone = value_string(tree_texts[i]);
        g_autoptr(Value) list = value_list();
        value_list_add(list, value_ref(alone));
        g_autoptr(Value) map = value_map();
        value_map_set(map, tree_texts[i], value_ref(alone));
        value_map_set(map, "a", value_ref(list));
        value_map_set(map, "b", value_ref(alone));
        g_autoptr(Value) deep = value_list();
        value_list_add(deep, value_ref(map));
        value_list_add(deep, value_ref(list));
        CU_ASSERT(survives(alone) && survives(list) && survives(map) && survives(deep));
    }
}

TEST(long_keys_survive)
{
    g_autoptr(Value) map = value_map();
    for (size_t length = 990; length < 1100; length += 5) {
        g_autofree char *key = g_strnfill(length, 'k');
        value_map_set(map, key, value_int((int64_t)length));
    }
    g_autofree char *wide = g_strnfill(700, '\x01'), *list = g_strnfill(2000, 'l');
    value_map_set(map, wide, value_map());
    g_autoptr(Value) inner = value_ref(map);
    value_put(&map, value_ref(inner), list, wide);
    CU_ASSERT(survives(map));
}

TEST(random_trees_survive)
{
    for (uint32_t seed = 1; seed <= 3000; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        g_autoptr(Value) tree = tree_random(random, 5);
        if (!survives(tree)) {
            fprintf(stderr, "seed %u\n", seed);
            CU_FAIL("a random tree was lost");
            return;
        }
    }
}

TEST(random_bytes_never_crash)
{
    static const char alphabet[] = "ab:-?[]{},&*!|>'\"%@#~\\ \n\t0x.<";
    for (uint32_t seed = 1; seed <= 20000; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        char text[40];
        size_t length = (size_t)g_rand_int_range(random, 0, sizeof text);
        for (size_t i = 0; i < length; i++)
            text[i] = alphabet[g_rand_int(random) % (sizeof alphabet - 1)];
        g_autoptr(GError) error = NULL;
        g_autoptr(YamlStream) stream = yaml_parse(text, length, "r.yaml", &error);
        CU_ASSERT((stream == NULL) == (error != NULL));
        if (stream == NULL) continue;
        for (unsigned i = 0; i < yaml_count(stream); i++)
            CU_ASSERT(survives(yaml_at(stream, i)->value));
    }
}

/* --- real manifests --- */

static unsigned check_folder(const char *folder)
{
    unsigned count = 0;
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    if (dir == NULL) return 0;
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR)) {
            count += check_folder(path);
        } else if (g_str_has_suffix(name, ".yaml")) {
            g_autoptr(GError) error = NULL;
            g_autoptr(YamlStream) stream = yaml_load(path, &error);
            if (stream == NULL) fprintf(stderr, "%s\n", error->message);
            CU_ASSERT_PTR_NOT_NULL(stream);
            for (unsigned i = 0; stream != NULL && i < yaml_count(stream); i++)
                CU_ASSERT(survives(yaml_at(stream, i)->value));
            count++;
        }
    }
    return count;
}

TEST(real_manifests_survive)
{
    const char *shared = g_getenv("KENNEL_SHARED");
    g_autofree char *folder =
        g_build_filename(shared != NULL ? shared : "../shared", "manifests", NULL);
    if (!g_file_test(folder, G_FILE_TEST_IS_DIR)) {
        printf("real_manifests_survive: skipped, there is no folder %s\n", folder);
        return;
    }
    CU_ASSERT(check_folder(folder) > 0);
}
