/* SPDX-License-Identifier: Apache-2.0 */
/* What releases before 1.28 do otherwise: a rehearsed sync, all that leaves the controller. */
#include "models/rehearsal.h"

#include "tests/unit/objects.h"
#include "tests/unit/test.h"

#define SET_UID  "set-u"
#define REVISION "web-7dbdd9d886" /* of the template below */

/* Writes as "+web-0 -web-0 ~web-0" (refused ones with "!"), events as "(Reason)"; revisions and the
 * status are left out. Free with g_free(). */
static char *trace_of(Rehearsal *rehearsal, const RehearsalRecord *record)
{
    GString *out = g_string_new(NULL);
    for (unsigned i = 0; i < record->act_count; i++) {
        const Act *act = &record->acts[i];
        const char *space = out->len ? " " : "";
        bool is_shown = act->key.kind == KIND_POD || act->key.kind == KIND_PERSISTENT_VOLUME_CLAIM;
        if (act->type == ACT_EVENT) {
            g_string_append_printf(out, "%s(%s)", space, act->event_reason);
        } else if (act->type == ACT_REQUEST && is_shown) {
            const char *sign = act->verb == REQUEST_CREATE   ? "+"
                               : act->verb == REQUEST_DELETE ? "-"
                                                             : "~";
            g_string_append_printf(out, "%s%s%s%s", space, sign,
                                   atom_text(rehearsal_atoms(rehearsal), act->key.name),
                                   act->reason ? "!" : "");
        }
    }
    return g_string_free(out, FALSE);
}

static Rehearsal *begin(int minor, bool is_parallel, int replicas, const char *extra)
{
    Rehearsal *rehearsal = rehearsal_new(minor, NULL);
    rehearsal_at(rehearsal, NANOS_HOUR);
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: apps/v1\nkind: StatefulSet\n"
        "metadata: {name: web, namespace: default, uid: " SET_UID ", generation: 1,\n"
        "  resourceVersion: '1'}\n"
        "spec: {replicas: %d, serviceName: web, selector: {matchLabels: {app: web}},\n"
        "  podManagementPolicy: %s, revisionHistoryLimit: 10%s,\n"
        "  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}},\n"
        "  template: {metadata: {labels: {app: web}},\n"
        "    spec: {containers: [{name: main, image: 'app:v2'}]}}}\n",
        replicas, is_parallel ? "Parallel" : "OrderedReady", extra);
    rehearsal_put(rehearsal, IN_BOTH, KIND_STATEFUL_SET, value_from(yaml));
    return rehearsal;
}

static void put_pod(Rehearsal *rehearsal, int ordinal, const char *phase, const char *meta)
{
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: v1\nkind: Pod\n"
        "metadata: {name: web-%d, namespace: default, uid: pod-%d, resourceVersion: '2',%s\n"
        "  labels: {app: web, controller-revision-hash: " REVISION ",\n"
        "    statefulset.kubernetes.io/pod-name: web-%d},\n"
        "  ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: web,\n"
        "    uid: " SET_UID ", controller: true}]}\n"
        "spec: {nodeName: n1, containers: [{name: main, image: x}], volumes: [{name: data,\n"
        "  persistentVolumeClaim: {claimName: data-web-%d}}]}\n"
        "status: {phase: %s, conditions: [{type: Ready, status: '%s',\n"
        "  lastTransitionTime: '2026-01-01T00:00:00Z'}]}\n",
        ordinal, ordinal, meta, ordinal, ordinal, phase,
        strcmp(phase, "Running") == 0 ? "True" : "False");
    rehearsal_put(rehearsal, IN_BOTH, KIND_POD, value_from(yaml));
}

/* --- pods that have ended --- */

#define TERMINATING " deletionTimestamp: '2026-01-01T01:00:20Z', deletionGracePeriodSeconds: 30,"

typedef struct {
    const char *title;
    int minor;
    bool is_parallel;
    const char *phase, *meta;
    RequestVerb refused; /* of web-0 */
    ReplyReason reason;  /* REASON_OK: nothing is */
    const char *expected;
    int replicas; /* in the status */
} EndedCase;

static const EndedCase ended[] = {
    {"failed", 27, false, "Failed", "", 0, REASON_OK,
     "(RecreatingFailedPod) -web-0 (SuccessfulDelete) +web-0 (SuccessfulCreate)", 1},
    {"succeeded", 27, false, "Succeeded", "", 0, REASON_OK,
     "(RecreatingTerminatedPod) -web-0 (SuccessfulDelete) +web-0 (SuccessfulCreate)", 1},
    {"still there", 27, false, "Failed", "", REQUEST_CREATE, REASON_ALREADY_EXISTS,
     "(RecreatingFailedPod) -web-0 (SuccessfulDelete) +web-0!", 1},
    {"terminating", 27, false, "Failed", TERMINATING, REQUEST_CREATE, REASON_ALREADY_EXISTS,
     "(RecreatingFailedPod) -web-0 (SuccessfulDelete) +web-0!", 1},
    {"not deleted", 27, false, "Failed", "", REQUEST_DELETE, REASON_INTERNAL,
     "(RecreatingFailedPod) -web-0! (FailedDelete)", 2},
    {"gone already", 27, false, "Failed", "", REQUEST_DELETE, REASON_NOT_FOUND,
     "(RecreatingFailedPod) -web-0! (FailedDelete)", 2},
    {"in parallel", 27, true, "Failed", "", 0, REASON_OK,
     "(RecreatingFailedPod) -web-0 (SuccessfulDelete) +web-0 (SuccessfulCreate)", 1},
    {"failed", 28, false, "Failed", "", 0, REASON_OK, "-web-0 (SuccessfulDelete)", 2},
    {"succeeded", 28, false, "Succeeded", "", 0, REASON_OK, "-web-0 (SuccessfulDelete)", 2},
    {"terminating", 28, false, "Failed", TERMINATING, 0, REASON_OK, "", 2},
    {"failed", 36, false, "Failed", "", 0, REASON_OK, "-web-0 (SuccessfulDelete)", 2},
};

static void run_ended(const EndedCase *c)
{
    g_autoptr(Rehearsal) rehearsal = begin(c->minor, c->is_parallel, 2, "");
    put_pod(rehearsal, 0, c->phase, c->meta);
    put_pod(rehearsal, 1, "Running", "");
    Key pod = rehearsal_key(rehearsal, KIND_POD, "default", "web-0");
    if (c->reason) rehearsal_refuse(rehearsal, c->refused, pod, c->reason, 1);
    Key set = rehearsal_key(rehearsal, KIND_STATEFUL_SET, "default", "web");
    const RehearsalRecord *record = rehearsal_sync(rehearsal, set);

    g_autofree char *title = g_strdup_printf("1.%d, %s", c->minor, c->title);
    g_autofree char *trace = trace_of(rehearsal, record);
    test_equal_text(trace, c->expected, title, TEST_WHERE);
    const Object *now = table_get(rehearsal_api(rehearsal), set);
    test_equal_int(value_as_int(value_find(now->value, "status", "replicas"), -1), c->replicas,
                   title, "status");
    CU_ASSERT_EQUAL(record->has_failed, c->reason != REASON_OK);
    for (unsigned i = 0; i < record->act_count && c->minor == 27; i++) {
        const Act *act = &record->acts[i];
        if (act->type != ACT_EVENT || strncmp(act->event_reason, "Recreating", 10) != 0) continue;
        bool has_failed = strcmp(c->phase, "Failed") == 0;
        EQUAL_TEXT(act->event_type, has_failed ? "Warning" : "Normal");
        EQUAL_TEXT(act->text, has_failed
                                  ? "StatefulSet default/web is recreating failed Pod web-0"
                                  : "StatefulSet default/web is recreating terminated Pod web-0");
    }
}

TEST(ended_pods)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(ended); i++)
        run_ended(&ended[i]);
}

/* --- owners of claims --- */

#define SCALED  "Retain, whenScaled: Delete"
#define DELETED "Delete, whenScaled: Retain"
#define RETAIN  "Retain, whenScaled: Retain"
#define REF(kind, name, uid, controller) \
    "{apiVersion: " kind ", name: " name ", uid: " uid ", controller: " controller "}"
#define STALE_SET REF("apps/v1, kind: StatefulSet", "web", "set-before", "true")
#define STALE_POD REF("v1, kind: Pod", "web-0", "pod-before", "true")
#define OWN_SET   REF("apps/v1, kind: StatefulSet", "web", SET_UID, "true")
#define WEAK_SET  REF("apps/v1, kind: StatefulSet", "web", SET_UID, "false")
#define OTHER     REF("batch/v1, kind: Job", "other", "job-u", "true")
#define NAMESAKE  REF("batch/v1, kind: Job", "web-0", "job-u", "false")

typedef struct {
    const char *title;
    int minor, replicas;
    bool has_pod;
    const char *policy, *owners;
    const char *expected, *left; /* owners: uid, "!" if it is a controller */
} ClaimCase;

#define MENDED  "~data-web-0 ~web-0 (SuccessfulUpdate)"
#define MADE    "+web-0 (SuccessfulCreate)"
#define IGNORED "(ConflictingController)"

static const ClaimCase claims[] = {
    {"added", 27, 1, true, DELETED, "", MENDED, "set-u"},
    {"added", 28, 1, true, DELETED, "", MENDED, "set-u!"},
    {"weak", 27, 1, true, DELETED, WEAK_SET, "", "set-u"},
    {"weak", 28, 1, true, DELETED, WEAK_SET, MENDED, "set-u!"},
    {"stale set", 27, 1, true, DELETED, STALE_SET, MENDED, "set-before! set-u"},
    {"stale set", 28, 1, true, DELETED, STALE_SET, "", "set-before!"},
    {"stale pod stays", 27, 1, true, DELETED, STALE_POD "," OWN_SET, "", "pod-before! set-u!"},
    {"another controller", 27, 1, true, DELETED, OTHER, MENDED, "job-u! set-u"},
    {"another controller", 28, 1, true, DELETED, OTHER, "", "job-u!"},
    {"two controllers", 27, 1, true, DELETED, OTHER "," OWN_SET, "", "job-u! set-u!"},
    {"two controllers", 28, 1, true, DELETED, OTHER "," OWN_SET, IGNORED " " MENDED, "job-u!"},
    {"retained", 27, 1, true, RETAIN, OTHER "," OWN_SET, MENDED, "job-u!"},
    {"scaled down", 27, 0, true, SCALED, OTHER "," OWN_SET, "~data-web-0 -web-0 (SuccessfulDelete)",
     "job-u! pod-0"},
    {"a stale claim holds the pod back", 27, 1, false, SCALED, STALE_POD, "", "pod-before!"},
    {"a stale claim holds the pod back", 28, 1, false, SCALED, STALE_POD, "", "pod-before!"},
    {"so does a namesake", 27, 1, false, SCALED, NAMESAKE, "", "job-u"},
    {"a namesake does not", 28, 1, false, SCALED, NAMESAKE, MADE, "job-u"},
    {"nor if claims are retained", 27, 1, false, RETAIN, STALE_POD, MADE, "pod-before!"},
};

static char *owners_left(const Object *claim)
{
    GString *out = g_string_new(NULL);
    const Value *owners = value_find(claim->value, "metadata", "ownerReferences");
    value_each (i, owners) {
        const Value *ref = value_at(owners, i);
        bool is_controller = value_as_bool(value_get(ref, "controller"), false);
        g_string_append_printf(out, "%s%s%s", out->len ? " " : "", value_text(ref, "uid"),
                               is_controller ? "!" : "");
    }
    return g_string_free(out, FALSE);
}

static void run_claim(const ClaimCase *c)
{
    g_autofree char *extra =
        g_strdup_printf(", volumeClaimTemplates: [{metadata: {name: data}}],\n"
                        "  persistentVolumeClaimRetentionPolicy: {whenDeleted: %s}",
                        c->policy);
    g_autoptr(Rehearsal) rehearsal = begin(c->minor, false, c->replicas, extra);
    g_autofree char *claim = g_strdup_printf(
        "apiVersion: v1\nkind: PersistentVolumeClaim\n"
        "metadata: {name: data-web-0, namespace: default, uid: claim-u, resourceVersion: '3',\n"
        "  ownerReferences: [%s]}\n",
        c->owners);
    rehearsal_put(rehearsal, IN_BOTH, KIND_PERSISTENT_VOLUME_CLAIM, value_from(claim));
    if (c->has_pod) put_pod(rehearsal, 0, "Running", "");
    Key set = rehearsal_key(rehearsal, KIND_STATEFUL_SET, "default", "web");
    const RehearsalRecord *record = rehearsal_sync(rehearsal, set);

    g_autofree char *title = g_strdup_printf("1.%d, %s", c->minor, c->title);
    g_autofree char *trace = trace_of(rehearsal, record);
    test_equal_text(trace, c->expected, title, TEST_WHERE);
    Key key = rehearsal_key(rehearsal, KIND_PERSISTENT_VOLUME_CLAIM, "default", "data-web-0");
    g_autofree char *left = owners_left(table_get(rehearsal_api(rehearsal), key));
    test_equal_text(left, c->left, title, "owners");
}

TEST(owners_of_claims)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(claims); i++)
        run_claim(&claims[i]);
}
