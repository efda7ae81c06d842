/* SPDX-License-Identifier: Apache-2.0 */
/* test_param.c - tables: filling structs, defaults, messages, help, Markdown, JSON Schema. */
#include "sim/json.h"
#include "sim/param.h"
#include "sim/yaml.h"
#include "tests/unit/test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    int64_t nodes;
    Dist latency;
} Zone;

typedef struct {
    bool strict;
    int64_t replicas;
    double ratio;
    Nanos timeout;
    Dist delay;
    const char *name;
    int mode;
    const Value *extra;
    Zone zone;
    const Value *steps;
    const Value *any;
    const char *label;
} Config;

static const char *const modes[] = {"ordered", "parallel", NULL};

static const Param zone_params[] = {
    {"nodes", PARAM_INT, offsetof(Zone, nodes), "3", "Machines in the zone.", NULL, NULL, 1, 100},
    {"latency", PARAM_DIST, offsetof(Zone, latency), "1ms", "One way.", NULL, NULL, 0, 0},
    {0},
};

static const Param step_params[] = {
    {"at", PARAM_DURATION, 0, PARAM_REQUIRED, "When.", NULL, NULL, 0, 0},
    {"spread", PARAM_DIST, 8, "empirical(1s: 1, 2s: 1)", "How late.", NULL, NULL, 0, 0},
    {"verb", PARAM_STRING, 64, NULL, "What.", NULL, NULL, 0, 0},
    {0},
};

static const Param params[] = {
    {"strict", PARAM_BOOL, offsetof(Config, strict), "true", "Refuse more.", NULL, NULL, 0, 0},
    {"replicas", PARAM_INT, offsetof(Config, replicas), "1", "Pods wanted.", NULL, NULL, 0, 1e18},
    {"ratio", PARAM_FLOAT, offsetof(Config, ratio), "0.5", "Share.", NULL, NULL, 0, 1},
    {"timeout", PARAM_DURATION, offsetof(Config, timeout), "40s", "Patience.", NULL, NULL, 0, 0},
    {"delay", PARAM_DIST, offsetof(Config, delay), NULL, "Added.", NULL, NULL, 0, 0},
    {"name", PARAM_STRING, offsetof(Config, name), PARAM_REQUIRED, "Its name.", NULL, NULL, 0, 0},
    {"mode", PARAM_WORD, offsetof(Config, mode), "parallel", "Order.", modes, NULL, 0, 0},
    {"extra", PARAM_VALUE, offsetof(Config, extra), NULL, "Anything.", NULL, NULL, 0, 0},
    {"zone", PARAM_MAP, offsetof(Config, zone), NULL, "Where.", NULL, zone_params, 0, 0},
    {"steps", PARAM_LIST, offsetof(Config, steps), NULL, "Then.", NULL, step_params, 0, 0},
    {"any", PARAM_LIST, offsetof(Config, any), NULL, "A list.", NULL, NULL, 0, 0},
    {"label", PARAM_STRING, offsetof(Config, label), "none", "A label.", NULL, NULL, 0, 0},
    {0},
};

static YamlStream *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    YamlStream *stream = yaml_parse(text, strlen(text), "s.yaml", &error);
    CHECK_THAT(stream != NULL && yaml_count(stream) == 1, "%s", text);
    return stream;
}

/* The message that a text gives, or "" if it is accepted. */
static char *message_of(const char *text)
{
    g_autoptr(YamlStream) stream = parse(text);
    g_autoptr(GError) error = NULL;
    Config config;
    bool good = param_read(params, yaml_at(stream, 0)->value, &config,
                           (ParamPlace){"s.yaml", "spec"}, &error);
    param_clear(params, &config);
    CU_ASSERT(good == (error == NULL));
    return g_strdup(error == NULL ? "" : error->message);
}

TEST(values_fill_the_struct)
{
    g_autoptr(YamlStream) stream = parse("strict: no\n"
                                         "replicas: 3e0\n"
                                         "ratio: 1\n"
                                         "timeout: 1m\n"
                                         "delay: 1s\n"
                                         "name: web\n"
                                         "mode: ordered\n"
                                         "extra: {a: 1}\n"
                                         "zone: {nodes: 7}\n"
                                         "steps: [{at: 5}, {at: 250ms, verb: x}]\n"
                                         "any: [1, x]\n");
    g_autoptr(Value) value = value_ref(yaml_at(stream, 0)->value);
    value_put(&value, value_string("empirical(1s: 1, 3s: 1)"), "delay");
    Config config;
    g_autoptr(GError) error = NULL;
    CU_ASSERT_FATAL(param_read(params, value, &config, (ParamPlace){"s.yaml", ""}, &error));
    CU_ASSERT_FALSE(config.strict);
    EQUAL_INT(config.replicas, 3);
    CU_ASSERT_EQUAL(config.ratio, 1.0);
    EQUAL_INT(config.timeout, NANOS_MIN);
    EQUAL_INT(config.delay.shape, DIST_EMPIRICAL);
    EQUAL_TEXT(config.name, "web");
    CU_ASSERT_PTR_EQUAL(config.name, value_text(value, "name"));
    EQUAL_INT(config.mode, 0);
    CU_ASSERT_PTR_EQUAL(config.extra, value_get(value, "extra"));
    EQUAL_INT(config.zone.nodes, 7);
    EQUAL_INT(config.zone.latency.a, NANOS_MS);
    EQUAL_INT(value_size(config.steps), 2);
    EQUAL_INT(value_size(config.any), 2);
    EQUAL_TEXT(config.label, "none");
    param_clear(params, &config);
    EQUAL_INT(config.delay.shape, DIST_CONSTANT);
}

TEST(defaults_hold_for_absent_and_null)
{
    g_autoptr(YamlStream) stream = parse("name: a\nreplicas:\nzone:\nsteps: ~\nextra: ~\n");
    Config config;
    memset(&config, 0xff, sizeof config);
    CU_ASSERT_FATAL(
        param_read(params, yaml_at(stream, 0)->value, &config, (ParamPlace){NULL, NULL}, NULL));
    CU_ASSERT_TRUE(config.strict);
    EQUAL_INT(config.replicas, 1);
    CU_ASSERT_EQUAL(config.ratio, 0.5);
    EQUAL_INT(config.timeout, 40 * NANOS_S);
    EQUAL_INT(config.delay.shape, DIST_CONSTANT);
    EQUAL_INT(config.mode, 1);
    EQUAL_INT(value_type(config.extra), VALUE_NULL);
    CU_ASSERT_PTR_NOT_NULL(config.extra);
    EQUAL_INT(config.zone.nodes, 3);
    CU_ASSERT_PTR_NULL(config.steps);
    CU_ASSERT_PTR_NULL(config.any);
    param_clear(params, &config);

    Zone zone;
    CU_ASSERT(param_read(zone_params, NULL, &zone, (ParamPlace){NULL, NULL}, NULL));
    EQUAL_INT(zone.nodes, 3);
    param_clear(zone_params, &zone);
}

TEST(messages_say_where_what_and_what_to_do)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"name: a", ""},
        {"name: a\nreplcas: 3", "s.yaml:2: spec: unknown key 'replcas', did you mean 'replicas'?"},
        {"name: a\nzzz: 1\nqqqqqq: 2", "s.yaml:2: spec: unknown key 'zzz'; known are strict, "},
        {"name: a\nzone:\n  nodes: 1\n  node: 2",
         "s.yaml:4: spec.zone: unknown key 'node', did you mean 'nodes'?"},
        {"strict: true", "s.yaml:1: spec: key 'name' is missing; add it"},
        {"name:\nstrict: true", "s.yaml:1: spec: key 'name' is missing; add it"},
        {"name: 5", "s.yaml:1: spec.name: must be a text (quote it if it is one), but is the "
                    "integer 5"},
        {"name: yes", "but is the boolean true"},
        {"name: a\nreplicas: many",
         "s.yaml:2: spec.replicas: must be an integer, but is the text 'many'"},
        {"name: a\nreplicas: 1.5", "must be an integer, but is the float 1.5"},
        {"name: a\nreplicas: '3'", "must be an integer, but is the text '3'"},
        {"name: a\nreplicas: -1", "s.yaml:2: spec.replicas: must be at least 0, but is -1"},
        {"name: a\nratio: 1.5", "s.yaml:2: spec.ratio: must be between 0 and 1, but is 1.5"},
        {"name: a\nratio: x", "spec.ratio: must be a number, but is the text 'x'"},
        {"name: a\nzone: {nodes: 101}",
         "s.yaml:2: spec.zone.nodes: must be between 1 and 100, but is 101"},
        {"name: a\nzone: 5", "s.yaml:2: spec.zone: must be a map, but is the integer 5"},
        {"name: a\ntimeout: soon", "spec.timeout: must be a duration such as 250ms, 5m or 1h30m, "
                                   "but is the text 'soon'"},
        {"name: a\ntimeout: [1]", "but is a list"},
        {"name: a\ndelay: gaussian(1s)", "s.yaml:2: spec.delay: 'gaussian' is no distribution"},
        {"name: a\ndelay: {}", "spec.delay: must be a duration or a distribution"},
        {"name: a\nmode: ordred", "s.yaml:2: spec.mode: must be one of ordered, parallel, but is "
                                  "the text 'ordred', did you mean 'ordered'?"},
        {"name: a\nmode: 1", "must be one of ordered, parallel, but is the integer 1"},
        {"name: a\nstrict: 1", "spec.strict: must be true or false, but is the integer 1"},
        {"name: a\nsteps: {}", "spec.steps: must be a list, but is a map"},
        {"name: a\nsteps:\n- at: 1s\n- verb: x",
         "s.yaml:4: spec.steps[1]: key 'at' is missing; add it"},
        {"name: a\nsteps:\n- at: 1s\n  vreb: x",
         "s.yaml:4: spec.steps[0]: unknown key 'vreb', did you mean 'verb'?"},
        {"name: a\nsteps: [x]", "spec.steps[0]: must be a map, but is the text 'x'"},
        {"name: a\nsteps: [{at: 1s, spread: 'empirical(1s: 1)'}]", ""},
        {"[a]", "s.yaml:1: spec: must be a map, but is a list"},
        {"name: a\ndelay: 'empirical(1s: 1)'\nany: x", "spec.any: must be a list"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *message = message_of(cases[i].text);
        bool good =
            cases[i].message[0] == 0 ? message[0] == 0 : strstr(message, cases[i].message) != NULL;
        if (!good) test_equal_text(message, cases[i].message, cases[i].text, TEST_WHERE);
        CU_ASSERT(good);
    }
}

TEST(places_may_be_partly_unknown)
{
    g_autoptr(Value) value = value_int(1);
    g_autoptr(GError) error = NULL;
    param_error(&error, (ParamPlace){NULL, NULL}, value, "bad %d", 7);
    EQUAL_TEXT(error->message, "bad 7");
    g_clear_error(&error);
    value_set_line(value, 9);
    param_error(&error, (ParamPlace){NULL, "a.b"}, value, "bad");
    EQUAL_TEXT(error->message, "line 9: a.b: bad");
    g_clear_error(&error);
    param_error(&error, (ParamPlace){"f", ""}, NULL, "bad");
    EQUAL_TEXT(error->message, "f: bad");
    CU_ASSERT(g_error_matches(error, KENNEL_ERROR, KENNEL_ERROR_INPUT));
}

/* Whether reading a table aborts, as a failed CHECK does. */
static bool aborts(const Param *table)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        char fields[256];
        if (freopen("/dev/null", "w", stderr) == NULL) _exit(1);
        param_read(table, NULL, fields, (ParamPlace){NULL, NULL}, NULL);
        _exit(0);
    }
    int status = 0;
    CU_ASSERT_EQUAL_FATAL(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

TEST(bad_defaults_are_programmer_errors)
{
    static const Param bad[][2] = {
        {{"a", PARAM_INT, 0, "x", "", NULL, NULL, 0, 0}, {0}},
        {{"a", PARAM_INT, 0, "5", "", NULL, NULL, 6, 7}, {0}},
        {{"a", PARAM_BOOL, 0, "1", "", NULL, NULL, 0, 0}, {0}},
        {{"a", PARAM_DURATION, 0, "soon", "", NULL, NULL, 0, 0}, {0}},
        {{"a", PARAM_DIST, 0, "soon", "", NULL, NULL, 0, 0}, {0}},
        {{"a", PARAM_WORD, 0, "none", "", modes, NULL, 0, 0}, {0}},
        {{"a", PARAM_LIST, 0, "[]", "", NULL, NULL, 0, 0}, {0}},
        {{"a", PARAM_MAP, 0, "{}", "", NULL, zone_params, 0, 0}, {0}},
    };
    static const Param good[] = {{"a", PARAM_INT, 0, "6", "", NULL, NULL, 6, 7}, {0}};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        CU_ASSERT_TRUE(aborts(bad[i]));
    CU_ASSERT_FALSE(aborts(good));
}

static const Param help_params[] = {
    {"zone", PARAM_MAP, 0, NULL, "Where.", NULL, zone_params, 0, 0},
    {"mode", PARAM_WORD, 0, NULL, "One of a|b.", modes, NULL, 0, 0},
    {"steps", PARAM_LIST, 0, NULL,
     "A long sentence that says a good deal about the steps and goes on until it needs a second "
     "line.",
     NULL, step_params, 0, 0},
    {0},
};

TEST(help_is_aligned)
{
    g_autoptr(GString) out = g_string_new(NULL);
    param_help(help_params, false, out);
    EQUAL_TEXT(
        out->str,
        "  zone            map               -                        Where.\n"
        "  zone.nodes      integer 1..100    3                        Machines in the zone.\n"
        "  zone.latency    distribution      1ms                      One way.\n"
        "  mode            ordered|parallel  ordered                  One of a|b.\n"
        "  steps           list              -                        A long sentence that says a "
        "good deal\n"
        "                                                             about the steps and goes on "
        "until it\n"
        "                                                             needs a second line.\n"
        "  steps[].at      duration          required                 When.\n"
        "  steps[].spread  distribution      empirical(1s: 1, 2s: 1)  How late.\n"
        "  steps[].verb    text              -                        What.\n");
}

TEST(markdown_escapes_bars)
{
    g_autoptr(GString) out = g_string_new(NULL);
    param_help(help_params + 1, true, out);
    EQUAL_TEXT(out->str,
               "| key | type | default | meaning |\n"
               "|---|---|---|---|\n"
               "| `mode` | ordered\\|parallel | `ordered` | One of a\\|b. |\n"
               "| `steps` | list | - | A long sentence that says a good deal about the steps and "
               "goes on until it needs a second line. |\n"
               "| `steps[].at` | duration | required | When. |\n"
               "| `steps[].spread` | distribution | `empirical(1s: 1, 2s: 1)` | How late. |\n"
               "| `steps[].verb` | text | - | What. |\n");
}

TEST(schema_describes_the_map)
{
    g_autoptr(Value) schema = param_schema(help_params);
    g_autofree char *zone = json_text(value_find(schema, "properties", "zone"));
    EQUAL_TEXT(zone, "{\"additionalProperties\":false,\"description\":\"Where.\",\"properties\":{"
                     "\"latency\":{\"default\":\"1ms\",\"description\":\"One way.\","
                     "\"type\":[\"string\",\"number\"]},"
                     "\"nodes\":{\"default\":3,\"description\":\"Machines in the zone.\","
                     "\"maximum\":100,\"minimum\":1,\"type\":\"integer\"}},\"type\":\"object\"}");
    g_autofree char *mode = json_text(value_find(schema, "properties", "mode"));
    EQUAL_TEXT(mode, "{\"description\":\"One of a|b.\",\"enum\":[\"ordered\",\"parallel\"],"
                     "\"type\":\"string\"}");
    g_autofree char *items =
        json_text(value_find(schema, "properties", "steps", "items", "required"));
    EQUAL_TEXT(items, "[\"at\"]");
    EQUAL_TEXT(value_text(schema, "type"), "object");
    CU_ASSERT_PTR_NULL(value_get(schema, "required"));

    g_autoptr(Value) all = param_schema(params);
    CU_ASSERT_FALSE(value_as_bool(value_get(all, "additionalProperties"), true));
    CU_ASSERT_TRUE(value_as_bool(value_find(all, "properties", "strict", "default"), false));
    CU_ASSERT_PTR_NULL(value_find(all, "properties", "replicas", "maximum"));
}

/* What the schema gives as defaults is what the table reads. */
TEST(schema_defaults_round_trip)
{
    g_autoptr(Value) schema = param_schema(params);
    g_autoptr(Value) map = value_map();
    const Value *properties = value_get(schema, "properties");
    value_map_set(map, "name", value_string("a"));
    value_each (i, properties) {
        const Value *fallback = value_get(value_at(properties, i), "default");
        if (fallback != NULL) value_map_set(map, value_key_at(properties, i), value_ref(fallback));
    }
    g_autoptr(Value) bare = value_map();
    value_map_set(bare, "name", value_string("a"));
    Config a, b;
    CU_ASSERT(param_read(params, map, &a, (ParamPlace){NULL, NULL}, NULL));
    CU_ASSERT(param_read(params, bare, &b, (ParamPlace){NULL, NULL}, NULL));
    EQUAL_INT(a.strict, b.strict);
    EQUAL_INT(a.replicas, b.replicas);
    CU_ASSERT_EQUAL(a.ratio, b.ratio);
    EQUAL_INT(a.timeout, b.timeout);
    EQUAL_INT(a.mode, b.mode);
    EQUAL_TEXT(a.label, b.label);
    param_clear(params, &a);
    param_clear(params, &b);
}
