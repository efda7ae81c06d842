/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain_pod.c - what keeps a pod from being Ready, or from going, as far as a dump shows.
 *
 * Signs are looked at from the outside in: the node, the place, the image, the start, the volumes,
 * the probe. The first that speaks is the cause, because those behind it cannot.
 */
#include "tools/explain.h"

const Value *explain_condition(const Value *object, const char *type)
{
    const Value *conditions = value_find(object, "status", "conditions");
    value_each (i, conditions)
        if (strcmp(value_text(value_at(conditions, i), "type"), type) == 0)
            return value_at(conditions, i);
    return NULL;
}

char *explain_since(const Case *c, Nanos then)
{
    char text[NANOS_TEXT_MAX];
    if (!c->knows_now || then == NANOS_NEVER || then > c->now) return g_strdup("a time unknown");
    return g_strdup(nanos_format((c->now - then) / NANOS_S * NANOS_S, text));
}

char *explain_finalizers(const Value *object)
{
    const Value *finalizers = value_find(object, "metadata", "finalizers");
    g_autoptr(GString) text = g_string_new(NULL);
    value_each (i, finalizers)
        g_string_append_printf(text, "%s%s", i ? ", " : "",
                               value_as_text(value_at(finalizers, i), ""));
    return text->len ? g_strdup(text->str) : NULL;
}

char *explain_shorten(const char *message)
{
    char *text = g_strdup(message);
    g_strdelimit(text, "\n\r\t", ' ');
    glong length = g_utf8_validate(text, -1, NULL) ? g_utf8_strlen(text, -1) : 0;
    if (length <= 220) return text;
    char *cut = g_utf8_substring(text, 0, 217);
    g_free(text);
    text = g_strconcat(cut, "...", NULL);
    g_free(cut);
    return text;
}

/* --- the node --- */

static bool has_taint(const Value *node, const char *key)
{
    const Value *taints = value_find(node, "spec", "taints");
    value_each (i, taints)
        if (strcmp(value_text(value_at(taints, i), "key"), key) == 0) return true;
    return false;
}

static char *node_trouble(const Case *c, const Value *node, const char *name)
{
    const Value *ready = explain_condition(node, "Ready");
    const char *status = value_text(ready, "status");
    bool is_away = has_taint(node, "node.kubernetes.io/unreachable") ||
                   has_taint(node, "node.kubernetes.io/out-of-service");
    if (!is_away && (strcmp(status, "True") == 0 || *status == '\0')) return NULL;
    g_autofree char *since =
        explain_since(c, time_of(value_get(ready, "lastTransitionTime"), NANOS_NEVER));
    return g_strdup_printf(
        "its node %s is %s for %s", name,
        strcmp(status, "False") == 0 ? "NotReady" : "unreachable (Ready is Unknown)", since);
}

char *explain_node(const Case *c, const Value *pod)
{
    const char *name = value_text(pod, "spec", "nodeName");
    if (*name == '\0') return NULL;
    const Value *node = dump_find(c->dump, "Node", NULL, name);
    if (node) return node_trouble(c, node, name);
    if (dump_count(c->dump, "Node") > 0) return g_strdup_printf("its node %s does not exist", name);
    const Value *disrupted = explain_condition(pod, "DisruptionTarget");
    bool is_evicted = strcmp(value_text(disrupted, "reason"), "DeletionByTaintManager") == 0;
    bool is_lost = strcmp(value_text(pod, "status", "reason"), "NodeLost") == 0;
    if (!is_evicted && !is_lost) return NULL;
    return g_strdup_printf("its node %s was given up (%s)", name,
                           is_lost ? "NodeLost" : "DeletionByTaintManager");
}

/* --- containers --- */

static Trouble trouble_of_reason(const char *reason)
{
    static const char *const image[] = {"ErrImagePull",
                                        "ImagePullBackOff",
                                        "InvalidImageName",
                                        "ErrImageNeverPull",
                                        "ImageInspectError",
                                        "RegistryUnavailable",
                                        "SignatureValidationFailed",
                                        NULL};
    static const char *const config[] = {"CreateContainerConfigError", "CreateContainerError",
                                         "RunContainerError",          "PreCreateHookError",
                                         "PreStartHookError",          NULL};
    if (g_strv_contains(image, reason)) return TROUBLE_IMAGE;
    if (g_strv_contains(config, reason)) return TROUBLE_CONFIG;
    if (strcmp(reason, "CrashLoopBackOff") == 0) return TROUBLE_CRASH;
    return TROUBLE_NONE;
}

static char *crash_text(const Value *status)
{
    const Value *last = value_find(status, "lastState", "terminated");
    return g_strdup_printf("container %s is in CrashLoopBackOff: %" PRId64
                           " restarts, last exit code %" PRId64 " (%s)",
                           value_text(status, "name"),
                           value_as_int(value_get(status, "restartCount"), 0),
                           value_as_int(value_get(last, "exitCode"), 0),
                           last ? value_text(last, "reason") : "unknown");
}

static Trouble container_trouble(const Value *statuses, char **ret_text)
{
    value_each (i, statuses) {
        const Value *status = value_at(statuses, i);
        const Value *waiting = value_find(status, "state", "waiting");
        Trouble trouble = trouble_of_reason(value_text(waiting, "reason"));
        if (trouble == TROUBLE_NONE) continue;
        g_autofree char *message = explain_shorten(value_text(waiting, "message"));
        *ret_text =
            trouble == TROUBLE_CRASH
                ? crash_text(status)
                : g_strdup_printf("container %s cannot start: %s%s%s", value_text(status, "name"),
                                  value_text(waiting, "reason"), *message ? ": " : "", message);
        return trouble;
    }
    return TROUBLE_NONE;
}

/* --- together --- */

static char *event_text(const Case *c, const Value *pod, const char *reason)
{
    const Value *event = dump_event(c->dump, pod, reason, NULL);
    if (!event) return NULL;
    const char *message = value_text(event, "message");
    if (*message == '\0') message = value_text(event, "note");
    g_autofree char *text = explain_shorten(message);
    return g_strdup_printf("%s: %s", reason, text);
}

static Trouble pending_trouble(const Case *c, const Value *pod, char **ret_text)
{
    const Value *scheduled = explain_condition(pod, "PodScheduled");
    if (*value_text(pod, "spec", "nodeName") == '\0') {
        if (strcmp(value_text(scheduled, "status"), "False") != 0) {
            *ret_text = g_strdup("it is not scheduled yet");
            return TROUBLE_STARTING;
        }
        g_autofree char *message = explain_shorten(value_text(scheduled, "message"));
        *ret_text = g_strdup_printf("it cannot be scheduled: %s", message);
        return TROUBLE_UNSCHEDULABLE;
    }
    static const char *const reasons[] = {"FailedAttachVolume", "FailedMount", NULL};
    for (unsigned i = 0; reasons[i]; i++) {
        *ret_text = event_text(c, pod, reasons[i]);
        if (*ret_text) return TROUBLE_VOLUME;
    }
    *ret_text = g_strdup_printf("its containers are being started on %s",
                                value_text(pod, "spec", "nodeName"));
    return TROUBLE_STARTING;
}

Trouble explain_trouble(const Case *c, const Value *pod, char **ret_text)
{
    *ret_text = explain_node(c, pod);
    if (*ret_text) return TROUBLE_NODE;
    Trouble trouble =
        container_trouble(value_find(pod, "status", "initContainerStatuses"), ret_text);
    if (trouble == TROUBLE_NONE)
        trouble = container_trouble(value_find(pod, "status", "containerStatuses"), ret_text);
    if (trouble != TROUBLE_NONE) return trouble;
    if (strcmp(value_text(pod, "status", "phase"), "Running") != 0)
        return pending_trouble(c, pod, ret_text);

    const Value *ready = explain_condition(pod, "Ready");
    if (strcmp(value_text(ready, "status"), "True") == 0) return TROUBLE_NONE;
    g_autofree char *event = event_text(c, pod, "Unhealthy");
    g_autofree char *message = explain_shorten(value_text(ready, "message"));
    *ret_text = g_strdup_printf("it runs but is not Ready%s%s%s%s", *message || event ? ": " : "",
                                message, *message && event ? "; " : "", event ? event : "");
    return TROUBLE_READINESS;
}

/* --- the situation of a pod that is waited for --- */

/* The revision in force as the sync has it, or as the set's status had it. */
static const char *update_revision(const Case *c)
{
    const char *now = value_text(c->record->status, "updateRevision");
    return *now ? now : value_text(c->value, "status", "updateRevision");
}

/* How the pod's revision stands to the template's, as the end of a sentence; "" if it is that. */
static char *revision_text(const Case *c, const Value *pod)
{
    const char *revision = value_text(pod, "metadata", "labels", "controller-revision-hash");
    const char *update = update_revision(c);
    const char *current = value_text(c->value, "status", "currentRevision");
    if (strcmp(revision, update) == 0)
        return strcmp(update, current) == 0
                   ? g_strdup("")
                   : g_strdup_printf("; its revision %s is the one that is being rolled out",
                                     update);
    return g_strdup_printf("; it has revision %s, the template in force is %s",
                           *revision ? revision : "none", update);
}

static bool is_broken(Trouble trouble)
{
    return trouble == TROUBLE_IMAGE || trouble == TROUBLE_CONFIG || trouble == TROUBLE_CRASH;
}

static Situation situation_of_broken(const Case *c, const Value *pod, Trouble trouble)
{
    const char *revision = value_text(pod, "metadata", "labels", "controller-revision-hash");
    bool is_parallel = statefulset_view(c->set)->is_parallel;
    if (strcmp(revision, update_revision(c)) != 0)
        return is_parallel ? SITUATION_BUDGET_SPENT : SITUATION_OLD_REVISION;
    if (is_parallel && trouble != TROUBLE_CRASH) return SITUATION_BROKEN_PARALLEL;
    if (strcmp(revision, value_text(c->value, "status", "currentRevision")) != 0)
        return is_parallel ? SITUATION_BROKEN_PARALLEL : SITUATION_BROKEN_ROLLOUT;
    return trouble == TROUBLE_CRASH ? SITUATION_CRASH_LOOP : SITUATION_BROKEN_TEMPLATE;
}

/* A pod that runs without being Ready: after five minutes it is no more a start. */
static Situation situation_of_unready(const Case *c, const Value *pod)
{
    const char *revision = value_text(pod, "metadata", "labels", "controller-revision-hash");
    bool is_of_neither = strcmp(revision, update_revision(c)) != 0 &&
                         strcmp(revision, value_text(c->value, "status", "currentRevision")) != 0;
    if (is_of_neither && !statefulset_view(c->set)->is_parallel) return SITUATION_OLD_REVISION;
    Nanos since =
        time_of(value_get(explain_condition(pod, "Ready"), "lastTransitionTime"), NANOS_NEVER);
    bool is_long = c->knows_now && since != NANOS_NEVER && c->now - since >= 5 * NANOS_MIN;
    return is_long ? SITUATION_NOT_READY : SITUATION_STARTING;
}

static Situation situation_of_trouble(const Case *c, const Value *pod, Trouble trouble)
{
    switch (trouble) {
    case TROUBLE_NODE: return SITUATION_NODE_NOT_READY;
    case TROUBLE_UNSCHEDULABLE: return SITUATION_UNSCHEDULABLE;
    case TROUBLE_VOLUME: return SITUATION_VOLUME;
    case TROUBLE_STARTING: return SITUATION_STARTING;
    case TROUBLE_READINESS: return situation_of_unready(c, pod);
    case TROUBLE_NONE: return SITUATION_MIN_READY;
    case TROUBLE_IMAGE:
    case TROUBLE_CONFIG:
    case TROUBLE_CRASH: break;
    }
    return situation_of_broken(c, pod, trouble);
}

static char *min_ready_text(const Case *c, const Value *pod)
{
    char text[NANOS_TEXT_MAX];
    int64_t wait_s = statefulset_view(c->set)->min_ready_s;
    Nanos since =
        time_of(value_get(explain_condition(pod, "Ready"), "lastTransitionTime"), NANOS_NEVER);
    if (!c->knows_now || since == NANOS_NEVER)
        return g_strdup_printf("is Ready, and available when that has lasted for %" PRId64 " s",
                               wait_s);
    Nanos left = since + wait_s * NANOS_S - c->now;
    return g_strdup_printf("is Ready, and available in %s (minReadySeconds: %" PRId64 ")",
                           nanos_format(MAX(left, 0), text), wait_s);
}

static void explain_terminating(GPtrArray *findings, const Case *c, const Value *pod)
{
    const char *name = value_text(pod, "metadata", "name");
    const char *phase = value_text(pod, "status", "phase");
    Nanos due = time_of(value_find(pod, "metadata", "deletionTimestamp"), NANOS_NEVER);
    int64_t grace_s = value_as_int(value_find(pod, "metadata", "deletionGracePeriodSeconds"), 0);
    g_autofree char *node = explain_node(c, pod), *held = explain_finalizers(pod);
    g_autofree char *since = explain_since(c, due - grace_s * NANOS_S);
    bool is_overdue = c->knows_now && c->now > due + 30 * NANOS_S;
    bool is_ended = strcmp(phase, "Failed") == 0 || strcmp(phase, "Succeeded") == 0;

    Situation situation = SITUATION_TERMINATING;
    if (node && !is_ended)
        situation = SITUATION_UNREACHABLE;
    else if (held && (is_overdue || is_ended))
        situation = is_ended ? SITUATION_BEHIND_FAILED : SITUATION_HELD_BY_FINALIZER;
    else if (is_overdue)
        situation = is_ended ? SITUATION_BEHIND_FAILED : SITUATION_OVERDUE;
    char *cause = g_strdup_printf("%s (%s) is Terminating for %s, grace %" PRId64 " s%s%s%s%s",
                                  name, phase, since, grace_s, node ? ": " : "", node ? node : "",
                                  held ? "; finalizers: " : "", held ? held : "");
    explain_add(findings, c, situation, pod, held ? held : node ? node : "its node", cause);
}

void explain_pod(GPtrArray *findings, const Case *c, const Value *pod)
{
    if (value_find(pod, "metadata", "deletionTimestamp")) {
        explain_terminating(findings, c, pod);
        return;
    }
    g_autofree char *text = NULL;
    Trouble trouble = explain_trouble(c, pod, &text);
    Situation situation = situation_of_trouble(c, pod, trouble);
    g_autofree char *revision =
        is_broken(trouble) || trouble == TROUBLE_READINESS ? revision_text(c, pod) : g_strdup("");
    if (trouble == TROUBLE_NONE) text = min_ready_text(c, pod);
    char *cause = g_strdup_printf("%s%s %s%s", value_text(pod, "metadata", "name"),
                                  trouble == TROUBLE_NONE ? "" : ":", text, revision);
    explain_add(findings, c, situation, pod, NULL, cause);
}
