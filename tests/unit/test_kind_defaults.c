/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults of every kind: what the API server would have filled in, byte for byte. */
#include "models/api/validate.h"
#include "models/kind/edit.h"
#include "models/kind/podtemplate.h"
#include "tests/unit/objects.h"
#include "tests/unit/test.h"

#include <stdlib.h>

#define TEMPLATE_TAIL                                                 \
    "\"dnsPolicy\":\"ClusterFirst\",\"restartPolicy\":\"Always\","    \
    "\"schedulerName\":\"default-scheduler\",\"securityContext\":{}," \
    "\"terminationGracePeriodSeconds\":30"
#define MESSAGES \
    "\"terminationMessagePath\":\"/dev/termination-log\",\"terminationMessagePolicy\":\"File\""

typedef struct {
    const char *given, *expected;
} Row;

static void check_edit(const Row *row, Edit edit)
{
    Value *value = value_from(row->given);
    edit(&value);
    g_autofree char *text = json_text(value);
    EQUAL_TEXT(text, row->expected);
    Value *again = value_ref(value);
    edit(&again);
    CU_ASSERT_PTR_EQUAL(again, value); /* what is complete stays the very same tree */
    value_unref(again);
    value_unref(value);
}

TEST(pod_specs_get_the_defaults_of_templates)
{
    static const Row rows[] = {
        {"containers: [{name: a, image: 'x'}]",
         "{\"containers\":[{\"image\":\"x\",\"imagePullPolicy\":\"Always\",\"name\":\"a\","
         "\"resources\":{}," MESSAGES "}]," TEMPLATE_TAIL "}"},
        {"{containers: [{name: a, image: 'r:5000/x:1', readinessProbe: {httpGet: {port: 80}}}]}",
         "{\"containers\":[{\"image\":\"r:5000/x:1\",\"imagePullPolicy\":\"IfNotPresent\","
         "\"name\":\"a\",\"readinessProbe\":{\"failureThreshold\":3,\"httpGet\":{\"path\":\"/\","
         "\"port\":80,\"scheme\":\"HTTP\"},\"periodSeconds\":10,\"successThreshold\":1,"
         "\"timeoutSeconds\":1},\"resources\":{}," MESSAGES "}]," TEMPLATE_TAIL "}"},
        {"{containers: [], volumes: [{name: a}, {name: b, configMap: {name: c}}, "
         "{name: d, hostPath: {path: /x}}, {name: e, secret: {secretName: s, defaultMode: 256}}]}",
         "{\"containers\":[]," TEMPLATE_TAIL ",\"volumes\":[{\"emptyDir\":{},\"name\":\"a\"},"
         "{\"configMap\":{\"defaultMode\":420,\"name\":\"c\"},\"name\":\"b\"},"
         "{\"hostPath\":{\"path\":\"/x\",\"type\":\"\"},\"name\":\"d\"},"
         "{\"name\":\"e\",\"secret\":{\"defaultMode\":256,\"secretName\":\"s\"}}]}"},
        {"{containers: [], hostNetwork: false, nodeName: '', serviceAccountName: sa, "
         "tolerations: []}",
         "{\"containers\":[],\"dnsPolicy\":\"ClusterFirst\",\"restartPolicy\":\"Always\","
         "\"schedulerName\":\"default-scheduler\",\"securityContext\":{},"
         "\"serviceAccount\":\"sa\",\"serviceAccountName\":\"sa\","
         "\"terminationGracePeriodSeconds\":30}"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        check_edit(&rows[i], podtemplate_default_spec);
}

TEST(containers_are_written_as_go_writes_them)
{
    static const Row rows[] = {
        {"{containers: [{name: a, image: 'x:latest@sha256:1', resources: {limits: {cpu: 0.5, "
         "memory: 1024Mi}, requests: {}}, env: [{name: A, value: ''}, {name: B, valueFrom: "
         "{fieldRef: {fieldPath: metadata.name}}}, {name: C, valueFrom: {resourceFieldRef: "
         "{resource: limits.cpu}}}], ports: [{containerPort: 80, hostPort: 0}], stdin: false, "
         "volumeMounts: [{name: v, mountPath: /v, readOnly: false}]}], "
         "terminationGracePeriodSeconds: 0}",
         "{\"containers\":[{\"env\":[{\"name\":\"A\"},{\"name\":\"B\",\"valueFrom\":{\"fieldRef\":"
         "{\"apiVersion\":\"v1\",\"fieldPath\":\"metadata.name\"}}},{\"name\":\"C\",\"valueFrom\":"
         "{\"resourceFieldRef\":{\"divisor\":\"0\",\"resource\":\"limits.cpu\"}}}],"
         "\"image\":\"x:latest@sha256:1\",\"imagePullPolicy\":\"Always\",\"name\":\"a\","
         "\"ports\":[{\"containerPort\":80,\"protocol\":\"TCP\"}],\"resources\":{\"limits\":"
         "{\"cpu\":\"500m\",\"memory\":\"1Gi\"}}," MESSAGES ",\"volumeMounts\":[{"
         "\"mountPath\":\"/v\",\"name\":\"v\"}]}],\"dnsPolicy\":\"ClusterFirst\","
         "\"restartPolicy\":\"Always\",\"schedulerName\":\"default-scheduler\","
         "\"securityContext\":{},\"terminationGracePeriodSeconds\":0}"},
    };
    check_edit(&rows[0], podtemplate_default_spec);
}

TEST(quantities_take_their_canonical_form)
{
    static const Row rows[] = {
        {"1", "\"1\""},
        {"0.5", "\"500m\""},
        {"'1000m'", "\"1\""},
        {"1024Mi", "\"1Gi\""},
        {"1.5Gi", "\"1536Mi\""},
        {"1000Mi", "\"1000Mi\""},
        {"0.5Ki", "\"512\""},
        {"1Ki", "\"1Ki\""},
        {"1000000", "\"1M\""},
        {"'1e3'", "\"1e3\""},
        {"'12e2'", "\"1200\""},
        {"100u", "\"1m\""},
        {"0", "\"0\""},
        {"'0Gi'", "\"0\""},
        {"'-5'", "\"-5\""},
        {"'5E'", "\"5E\""},
        {"128974848", "\"128974848\""},
        {"1500m", "\"1500m\""},
        {"'.5'", "\"500m\""},
        {"+2k", "\"2k\""},
        {"'1.0'", "\"1\""},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Value) value = value_from(rows[i].given);
        g_autoptr(Value) canonical = edit_canonical(value);
        g_autofree char *text = json_text(canonical);
        EQUAL_TEXT(text, rows[i].expected);
    }
    static const char *const malformed[] = {"''",      "'x'",  "'1x'",
                                            "'1.2.3'", "'Ki'", "{}",
                                            "'1 Gi'",  "'1e'", "'99999999999999999999999Ei'"};
    for (unsigned i = 0; i < G_N_ELEMENTS(malformed); i++) {
        g_autoptr(Value) value = value_from(malformed[i]);
        CU_ASSERT_PTR_NULL(edit_canonical(value));
    }
}

/* The defaults of a kind, looked at one path at a time. */
typedef struct {
    Kind kind;
    const char *given, *keys[5], *expected;
} KindRow;

static const char set_text[] =
    "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: "
    "{a: b}}, spec: {containers: [{name: m, image: i}]}}}";

static const KindRow kind_rows[] = {
    {KIND_STATEFUL_SET,
     set_text,
     {"spec", "updateStrategy"},
     "{\"rollingUpdate\":{\"partition\":0},\"type\":\"RollingUpdate\"}"},
    {KIND_STATEFUL_SET,
     "spec: {updateStrategy: {type: RollingUpdate}}",
     {"spec", "updateStrategy"},
     "{\"type\":\"RollingUpdate\"}"},
    {KIND_STATEFUL_SET,
     "spec: {updateStrategy: {type: RollingUpdate, rollingUpdate: {}}}",
     {"spec", "updateStrategy"},
     "{\"rollingUpdate\":{\"partition\":0},\"type\":\"RollingUpdate\"}"},
    {KIND_STATEFUL_SET,
     "spec: {updateStrategy: {rollingUpdate: {maxUnavailable: 2}}}",
     {"spec", "updateStrategy"},
     "{\"rollingUpdate\":{\"maxUnavailable\":2,\"partition\":0},\"type\":\"RollingUpdate\"}"},
    {KIND_STATEFUL_SET,
     "spec: {updateStrategy: {type: OnDelete}}",
     {"spec", "updateStrategy"},
     "{\"type\":\"OnDelete\"}"},
    {KIND_STATEFUL_SET, set_text, {"spec", "replicas"}, "1"},
    {KIND_STATEFUL_SET, "spec: {replicas: 0}", {"spec", "replicas"}, "0"},
    {KIND_STATEFUL_SET, "spec: {replicas: three}", {"spec", "replicas"}, "\"three\""},
    {KIND_STATEFUL_SET, set_text, {"spec", "revisionHistoryLimit"}, "10"},
    {KIND_STATEFUL_SET, set_text, {"spec", "podManagementPolicy"}, "\"OrderedReady\""},
    {KIND_STATEFUL_SET,
     "spec: {persistentVolumeClaimRetentionPolicy: {whenScaled: Delete}}",
     {"spec", "persistentVolumeClaimRetentionPolicy"},
     "{\"whenDeleted\":\"Retain\",\"whenScaled\":\"Delete\"}"},
    {KIND_STATEFUL_SET,
     "spec: {volumeClaimTemplates: [{metadata: {name: d}, spec: {accessModes: [ReadWriteOnce], "
     "resources: {requests: {storage: 1024Mi}}}}]}",
     {"spec", "volumeClaimTemplates"},
     "[{\"apiVersion\":\"v1\",\"kind\":\"PersistentVolumeClaim\",\"metadata\":{\"name\":\"d\"},"
     "\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":"
     "\"1Gi\"}},\"volumeMode\":\"Filesystem\"},\"status\":{\"phase\":\"Pending\"}}]"},
    {KIND_DEPLOYMENT,
     "spec: {}",
     {"spec"},
     "{\"progressDeadlineSeconds\":600,\"replicas\":1,\"revisionHistoryLimit\":10,\"strategy\":{"
     "\"rollingUpdate\":{\"maxSurge\":\"25%\",\"maxUnavailable\":\"25%\"},\"type\":"
     "\"RollingUpdate\"}}"},
    {KIND_DEPLOYMENT,
     "spec: {strategy: {type: Recreate}}",
     {"spec", "strategy"},
     "{\"type\":\"Recreate\"}"},
    {KIND_REPLICA_SET, "spec: {}", {"spec"}, "{\"replicas\":1}"},
    {KIND_POD,
     "spec: {containers: [{name: a, image: 'x:1', resources: {limits: {cpu: 1}}}]}",
     {"spec", "containers"},
     "[{\"image\":\"x:1\",\"imagePullPolicy\":\"IfNotPresent\",\"name\":\"a\",\"resources\":{"
     "\"limits\":{\"cpu\":\"1\"},\"requests\":{\"cpu\":\"1\"}}," MESSAGES "}]"},
    {KIND_POD, "spec: {}", {"spec", "enableServiceLinks"}, "true"},
    {KIND_SERVICE,
     "spec: {clusterIP: None, ports: [{port: 80}]}",
     {"spec"},
     "{\"clusterIP\":\"None\",\"clusterIPs\":[\"None\"],\"internalTrafficPolicy\":\"Cluster\","
     "\"ipFamilies\":[\"IPv4\"],\"ipFamilyPolicy\":\"SingleStack\",\"ports\":[{\"port\":80,"
     "\"protocol\":\"TCP\",\"targetPort\":80}],\"sessionAffinity\":\"None\",\"type\":"
     "\"ClusterIP\"}"},
    {KIND_SERVICE,
     "spec: {type: ExternalName, externalName: a.b}",
     {"spec"},
     "{\"externalName\":\"a.b\",\"sessionAffinity\":\"None\",\"type\":\"ExternalName\"}"},
    {KIND_ENDPOINT_SLICE,
     "ports: [{port: 80}]",
     {"ports"},
     "[{\"name\":\"\",\"port\":80,\"protocol\":\"TCP\"}]"},
    {KIND_PERSISTENT_VOLUME_CLAIM,
     "spec: {}",
     {NULL},
     "{\"spec\":{\"resources\":{},\"volumeMode\":\"Filesystem\"},\"status\":{\"phase\":"
     "\"Pending\"}}"},
    {KIND_PERSISTENT_VOLUME,
     "spec: {capacity: {storage: 1024Gi}}",
     {NULL},
     "{\"spec\":{\"capacity\":{\"storage\":\"1Ti\"},\"persistentVolumeReclaimPolicy\":\"Retain\","
     "\"volumeMode\":\"Filesystem\"},\"status\":{\"phase\":\"Pending\"}}"},
    {KIND_STORAGE_CLASS,
     "provisioner: p",
     {NULL},
     "{\"provisioner\":\"p\",\"reclaimPolicy\":\"Delete\",\"volumeBindingMode\":\"Immediate\"}"},
    {KIND_NODE, "status: {capacity: {cpu: 4}}", {"status", "allocatable"}, "{\"cpu\":\"4\"}"},
    {KIND_NAMESPACE,
     "metadata: {name: ns}",
     {NULL},
     "{\"metadata\":{\"labels\":{\"kubernetes.io/metadata.name\":\"ns\"},\"name\":\"ns\"},"
     "\"status\":{\"phase\":\"Active\"}}"},
};

TEST(kinds_get_their_defaults)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(kind_rows); i++) {
        const KindRow *row = &kind_rows[i];
        Value *value = value_from(row->given);
        kind_info(row->kind)->defaults(&value);
        g_autofree char *text = json_text(value_find_path(value, row->keys));
        EQUAL_TEXT(text, row->expected);
        Value *again = value_ref(value);
        kind_info(row->kind)->defaults(&again);
        CU_ASSERT_PTR_EQUAL(again, value);
        value_unref(again);
        value_unref(value);
    }
}

/* --- against recorded data, where it is there --- */

static char *shared_path(const char *name)
{
    const char *folder = g_getenv("KENNEL_SHARED");
    return g_build_filename(folder != NULL ? folder : "../shared", name, NULL);
}

/* Calls check with every stride-th line of a compressed file, as a value; nothing if it is not
 * there. */
static void each_line(const char *name, unsigned stride, void (*check)(const Value *line))
{
    g_autofree char *path = shared_path(name);
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) return;
    g_autofree char *quoted = g_shell_quote(path);
    g_autofree char *command = g_strconcat("zcat ", quoted, NULL);
    FILE *in = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    char *line = NULL;
    size_t size = 0;
    for (unsigned i = 0; getline(&line, &size, in) > 0; i++) {
        if (i % stride != 0) continue;
        g_autoptr(Value) value = value_from(line);
        check(value);
    }
    free(line);
    pclose(in);
}

static void check_template(const Value *vector)
{
    Value *pod_template = value_ref(value_get(vector, "template"));
    podtemplate_default(&pod_template);
    CU_ASSERT_PTR_EQUAL(pod_template, value_get(vector, "template"));
    value_put(&pod_template, value_string("replace"), "$patch");
    g_autoptr(Value) data = value_map();
    value_put(&data, pod_template, "spec", "template");
    g_autofree char *text = json_text(data);
    EQUAL_TEXT(text, value_text(vector, "data"));
}

TEST(recorded_templates_are_fixed_points)
{
    each_line("conformance/l1-hash-vectors.jsonl.gz", 1, check_template);
}

static void check_set(const Value *vector)
{
    g_autoptr(Value) set = value_ref(value_get(vector, "set"));
    const Value *given = value_find(set, "spec", "template");
    kind_info(KIND_STATEFUL_SET)->defaults(&set);
    CU_ASSERT_PTR_EQUAL(value_find(set, "spec", "template"), given);
    g_autoptr(FieldErrors) errors = field_errors_new();
    kind_info(KIND_STATEFUL_SET)->validate(set, NULL, errors);
    g_autofree char *text = field_errors_join(errors);
    EQUAL_TEXT(text, "");
}

TEST(recorded_sets_are_fixed_points_and_valid)
{
    each_line("conformance/l1.jsonl.gz", 25, check_set);
}

static void check_manifest(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YamlStream) stream = yaml_load(path, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(stream);
    for (unsigned i = 0; i < yaml_count(stream); i++) {
        Value *value = value_ref(yaml_at(stream, i)->value);
        Kind kind = kind_of(value_text(value, "apiVersion"), value_text(value, "kind"));
        if (kind != KIND_NONE) {
            const KindInfo *info = kind_info(kind);
            g_autoptr(FieldErrors) errors = field_errors_new();
            if (info->defaults) info->defaults(&value);
            if (info->validate) info->validate(value, NULL, errors);
            g_autofree char *text = field_errors_join(errors);
            test_equal_text(text, "", path, TEST_WHERE);
        }
        value_unref(value);
    }
}

static void check_manifests(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        if (g_file_test(path, G_FILE_TEST_IS_DIR))
            check_manifests(path);
        else if (g_str_has_suffix(name, ".yaml"))
            check_manifest(path);
    }
}

TEST(manifests_of_real_systems_are_accepted)
{
    g_autofree char *folder = shared_path("manifests");
    check_manifests(folder);
}
