/* SPDX-License-Identifier: Apache-2.0 */
/* Patches: the three types, case by case. */
#include "models/api/patch.h"
#include "tests/unit/objects.h"
#include "tests/unit/test.h"

typedef struct {
    const char *target, *patch;
    const char *result; /* canonical JSON, or after '!' a part of the message */
} Case;

static void run_case(PatchType type, const Case *one)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Value) value = value_from(one->target);
    g_autoptr(Value) before = value_ref(value);
    g_autofree char *before_text = json_text(before);
    g_autoptr(Value) patch = value_from(one->patch);
    bool is_applied = patch_apply(type, &value, patch, &error);
    g_autofree char *after_text = json_text(before);
    EQUAL_TEXT(after_text, before_text); /* the version patched never changes */
    if (one->result[0] == '!') {
        CU_ASSERT_FALSE(is_applied);
        CU_ASSERT_PTR_EQUAL(value, before);
        ERROR_CONTAINS(error, one->result + 1);
        return;
    }
    if (!is_applied) fprintf(stderr, "\n%s: %s\n", one->patch, error->message);
    CU_ASSERT_FATAL(is_applied);
    g_autofree char *text = json_text(value);
    EQUAL_TEXT(text, one->result);
}

TEST(merge_patches)
{
    static const Case cases[] = {
        /* the examples of RFC 7386, as far as they patch objects */
        {"{a: b}", "{a: c}", "{\"a\":\"c\"}"},
        {"{a: b}", "{b: c}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{a: b}", "{a: null}", "{}"},
        {"{a: b, b: c}", "{a: null}", "{\"b\":\"c\"}"},
        {"{a: [b]}", "{a: c}", "{\"a\":\"c\"}"},
        {"{a: c}", "{a: [b]}", "{\"a\":[\"b\"]}"},
        {"{a: {b: c}}", "{a: {b: d, c: null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{a: [{b: c}]}", "{a: [1]}", "{\"a\":[1]}"},
        {"{e: null}", "{a: 1}", "{\"a\":1,\"e\":null}"},
        {"{}", "{a: {bb: {ccc: null}}}", "{\"a\":{\"bb\":{}}}"},
        {"{a: b}", "[c]", "!must be a map"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        run_case(PATCH_MERGE, &cases[i]);
}

TEST(json_patches)
{
    static const Case cases[] = {
        {"{foo: bar}", "[{op: add, path: /baz, value: qux}]", "{\"baz\":\"qux\",\"foo\":\"bar\"}"},
        {"{foo: [bar, baz]}", "[{op: add, path: /foo/1, value: qux}]",
         "{\"foo\":[\"bar\",\"qux\",\"baz\"]}"},
        {"{foo: [bar]}", "[{op: add, path: /foo/-, value: qux}]", "{\"foo\":[\"bar\",\"qux\"]}"},
        {"{baz: qux, foo: bar}", "[{op: remove, path: /baz}]", "{\"foo\":\"bar\"}"},
        {"{foo: [bar, qux, baz]}", "[{op: remove, path: /foo/1}]", "{\"foo\":[\"bar\",\"baz\"]}"},
        {"{baz: qux}", "[{op: replace, path: /baz, value: boo}]", "{\"baz\":\"boo\"}"},
        {"{foo: {bar: baz, waldo: fred}, qux: {corge: grault}}",
         "[{op: move, from: /foo/waldo, path: /qux/thud}]",
         "{\"foo\":{\"bar\":\"baz\"},\"qux\":{\"corge\":\"grault\",\"thud\":\"fred\"}}"},
        {"{foo: [all, grass, cows, eat]}", "[{op: move, from: /foo/1, path: /foo/3}]",
         "{\"foo\":[\"all\",\"cows\",\"eat\",\"grass\"]}"},
        {"{a: {b: 1}}", "[{op: copy, from: /a, path: /c}]", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}"},
        {"{\"a/b\": 1, \"m~n\": 2}",
         "[{op: test, path: /a~1b, value: 1}, {op: remove, path: /m~0n}]", "{\"a/b\":1}"},
        {"{\"~1\": 10}", "[{op: test, path: /~01, value: 10}]", "{\"~1\":10}"},
        {"{a: 1}", "[{op: replace, path: \"\", value: {b: 2}}]", "{\"b\":2}"},
        {"{a: 1}", "[{op: test, path: /a, value: 2}]", "!test failed"},
        {"{a: 1}", "[{op: add, path: /b, value: 1}, {op: remove, path: /c}]", "!does not exist"},
        {"{a: 1}", "[{op: replace, path: /b, value: 1}]", "!does not exist"},
        {"{a: 1}", "[{op: add, path: /b/c, value: 1}]", "!does not exist"},
        {"{a: [1]}", "[{op: add, path: /a/2, value: 1}]", "!does not exist"},
        {"{a: [1]}", "[{op: remove, path: /a/01}]", "!does not exist"},
        {"{a: [1]}", "[{op: remove, path: /a/-}]", "!does not exist"},
        {"{a: {b: 1}}", "[{op: move, from: /a, path: /a/b}]", "!into itself"},
        {"{a: 1}", "[{op: add, path: b, value: 1}]", "!must begin with /"},
        {"{a: 1}", "[{op: add, path: /b}]", "!value is missing"},
        {"{a: 1}", "[{op: frob, path: /b, value: 1}]", "!unknown operation"},
        {"{a: 1}", "{b: 1}", "!must be a list"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        run_case(PATCH_JSON, &cases[i]);
}

TEST(strategic_patches)
{
    static const Case cases[] = {
        {"{spec: {replicas: 1, paused: true}}", "{spec: {replicas: 3, paused: null}}",
         "{\"spec\":{\"replicas\":3}}"},
        {"{spec: {containers: [{name: a, image: x}, {name: b, image: y}]}}",
         "{spec: {containers: [{name: b, image: z}, {name: c, image: w}]}}",
         "{\"spec\":{\"containers\":[{\"image\":\"x\",\"name\":\"a\"},{\"image\":\"z\",\"name\":"
         "\"b\"},{\"image\":\"w\",\"name\":\"c\"}]}}"},
        {"{spec: {containers: [{name: a}, {name: b}]}}",
         "{spec: {containers: [{name: a, $patch: delete}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"b\"}]}}"},
        {"{spec: {containers: [{name: a}, {name: b}]}}",
         "{spec: {containers: [{$patch: replace}, {name: c}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"c\"}]}}"},
        {"{spec: {tolerations: [{key: a}]}}", "{spec: {tolerations: [{key: b}]}}",
         "{\"spec\":{\"tolerations\":[{\"key\":\"b\"}]}}"},
        {"{spec: {taints: [{key: a, effect: NoSchedule}]}}",
         "{spec: {taints: [{key: a, effect: NoExecute}, {key: a, effect: NoSchedule}]}}",
         "{\"spec\":{\"taints\":[{\"effect\":\"NoExecute\",\"key\":\"a\"},{\"effect\":"
         "\"NoSchedule\",\"key\":\"a\"}]}}"},
        {"{status: {conditions: [{type: Ready, status: \"True\"}, {type: X, status: \"True\"}]}}",
         "{status: {conditions: [{type: Ready, status: \"False\"}], "
         "$setElementOrder/conditions: [{type: Ready}]}}",
         "{\"status\":{\"conditions\":[{\"status\":\"False\",\"type\":\"Ready\"},{\"status\":"
         "\"True\",\"type\":\"X\"}]}}"},
        {"{metadata: {finalizers: [a, b]}}",
         "{metadata: {$deleteFromPrimitiveList/finalizers: [a]}}",
         "{\"metadata\":{\"finalizers\":[\"b\"]}}"},
        {"{metadata: {finalizers: [a]}}", "{metadata: {finalizers: [a, b]}}",
         "{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}"},
        {"{metadata: {ownerReferences: [{uid: u, name: a}, {uid: v, name: b}]}}",
         "{metadata: {ownerReferences: [{$patch: delete, uid: u}]}}",
         "{\"metadata\":{\"ownerReferences\":[{\"name\":\"b\",\"uid\":\"v\"}]}}"},
        {"{spec: {strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}}}",
         "{spec: {strategy: {$retainKeys: [type], type: Recreate}}}",
         "{\"spec\":{\"strategy\":{\"type\":\"Recreate\"}}}"},
        {"{spec: {nodeSelector: {a: b}}}", "{spec: {nodeSelector: {$patch: replace, c: d}}}",
         "{\"spec\":{\"nodeSelector\":{\"c\":\"d\"}}}"},
        {"{spec: {nodeSelector: {a: b}, x: 1}}", "{spec: {nodeSelector: {$patch: delete}}}",
         "{\"spec\":{\"x\":1}}"},
        {"{spec: {ports: [{port: 80, name: a}]}}",
         "{spec: {ports: [{port: 80, name: b}, {port: 81}]}}",
         "{\"spec\":{\"ports\":[{\"name\":\"b\",\"port\":80},{\"port\":81}]}}"},
        {"{spec: {containers: [{name: a, ports: [{containerPort: 1, name: x}]}]}}",
         "{spec: {containers: [{name: a, ports: [{containerPort: 1, name: z}, "
         "{containerPort: 2}]}]}}",
         "{\"spec\":{\"containers\":[{\"name\":\"a\",\"ports\":[{\"containerPort\":1,\"name\":"
         "\"z\"},{\"containerPort\":2}]}]}}"},
        {"{ports: [{port: 1}]}", "{ports: [{port: 2}]}", "{\"ports\":[{\"port\":2}]}"},
        {"{a: 1}", "{spec: {b: null, c: {d: null, e: 1}}}", "{\"a\":1,\"spec\":{\"c\":{\"e\":1}}}"},
        {"{spec: {containers: [{name: a}]}}", "{spec: {containers: [{image: x}]}}",
         "!no merge key name"},
        {"{spec: {a: 1}}", "{spec: {$patch: frob}}", "!Unknown patch type found: [frob]"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        run_case(PATCH_STRATEGIC, &cases[i]);
}

TEST(patches_share_what_they_leave_alone)
{
    static const PatchType types[] = {PATCH_STRATEGIC, PATCH_MERGE};
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autoptr(Value) old = value_from("{metadata: {name: a}, spec: {containers: [{name: a}]}, "
                                          "status: {phase: Pending}}");
        g_autoptr(Value) now = value_ref(old);
        g_autoptr(Value) patch =
            value_from("{metadata: {name: a}, spec: {containers: [{name: a}]}, "
                       "status: {phase: Running}}");
        CU_ASSERT(patch_apply(types[i], &now, patch, NULL));
        CU_ASSERT_PTR_EQUAL(value_get(now, "metadata"), value_get(old, "metadata"));
        CU_ASSERT_PTR_EQUAL(value_get(now, "spec"), value_get(old, "spec"));
        EQUAL_TEXT(value_text(now, "status", "phase"), "Running");
        EQUAL_TEXT(value_text(old, "status", "phase"), "Pending");
    }
}

TEST(deep_patches_end)
{
    g_autoptr(Value) patch = value_map();
    for (unsigned i = 0; i < 5000; i++) {
        Value *outer = value_map();
        value_map_set(outer, "a", g_steal_pointer(&patch));
        patch = outer;
    }
    g_autoptr(Value) value = value_map();
    g_autoptr(GError) error = NULL;
    CU_ASSERT_FALSE(patch_apply(PATCH_STRATEGIC, &value, patch, &error));
    ERROR_CONTAINS(error, "too deeply");
    CU_ASSERT(patch_apply(PATCH_MERGE, &value, patch, NULL));
}
