/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c - from the record of a sync and the dump around it to findings.
 *
 * The controller's own reasons say for whom it waits, its failed requests what was refused; Events
 * of the dump say what the real API server refused, which no rehearsal can know.
 */
#include "tools/explain.h"

#include "sim/json.h"

typedef struct {
    const char *name;
    bool is_stuck;
    const char *rule, *way_out;
} Advice;

static const Advice advices[] = {
#define SITUATION(ID, name, is_stuck, rule, way_out) {name, is_stuck, rule, way_out},
#include "tools/explain.def"
};

const char *situation_name(Situation situation)
{
    return advices[situation].name;
}

bool situation_is_stuck(Situation situation)
{
    return advices[situation].is_stuck;
}

static void finding_free(void *data)
{
    Finding *finding = data;
    g_free(finding->about);
    g_free(finding->cause);
    g_free(finding->rule);
    g_free(finding->way_out);
    g_free(finding);
}

static char *put_in(const char *template, const char *const words[][2])
{
    GString *text = g_string_new(template);
    for (unsigned i = 0; words[i][0]; i++)
        g_string_replace(text, words[i][0], words[i][1], 0);
    return g_string_free(text, FALSE);
}

void explain_add(GPtrArray *findings, const Case *c, Situation situation, const Value *about,
                 const char *other, char *cause)
{
    const char *name = value_text(about, "metadata", "name");
    const char *node = value_text(about, "spec", "nodeName");
    const char *const words[][2] = {
        {"{pod}", name},    {"{claim}", name},     {"{node}", *node ? node : "NODE"},
        {"{set}", c->name}, {"{space}", c->space}, {"{other}", other ? other : ""},
        {NULL, NULL}};
    Finding *finding = g_new0(Finding, 1);
    finding->situation = situation;
    finding->about = g_strdup(name);
    finding->cause = cause;
    finding->rule = put_in(advices[situation].rule, words);
    finding->way_out = put_in(advices[situation].way_out, words);
    g_ptr_array_add(findings, finding);
}

/* --- what was refused --- */

static const Value *dumped(const Case *c, Key key)
{
    AtomTable *atoms = rehearsal_atoms(c->rehearsal);
    return dump_find(c->dump, kind_info(key.kind)->name, c->space, atom_text(atoms, key.name));
}

static char *claim_cause(const Case *c, const Value *claim)
{
    const char *name = value_text(claim, "metadata", "name");
    g_autofree char *held = explain_finalizers(claim);
    g_autofree char *since =
        explain_since(c, time_of(value_find(claim, "metadata", "deletionTimestamp"), NANOS_NEVER));
    g_autoptr(GString) users = g_string_new(NULL);
    for (unsigned i = 0; i < c->dump->items->len; i++) {
        const DumpItem *item = &g_array_index(c->dump->items, DumpItem, i);
        if (strcmp(item->kind, "Pod") != 0 || strcmp(item->space, c->space) != 0) continue;
        const Value *volumes = value_find(item->value, "spec", "volumes");
        value_each (j, volumes) {
            const Value *source = value_get(value_at(volumes, j), "persistentVolumeClaim");
            if (strcmp(value_text(source, "claimName"), name) == 0)
                g_string_append_printf(users, "%s%s", users->len ? ", " : "", item->name);
        }
    }
    return g_strdup_printf("claim %s is being deleted for %s; finalizers: %s; used by: %s", name,
                           since, held ? held : "none",
                           users->len ? users->str : "no pod of the dump");
}

/* The claims that an error says are being deleted. */
static unsigned explain_claims(GPtrArray *findings, const Case *c, const char *error)
{
    unsigned count = 0;
    for (unsigned i = 0; i < c->dump->items->len; i++) {
        const DumpItem *item = &g_array_index(c->dump->items, DumpItem, i);
        if (strcmp(item->kind, "PersistentVolumeClaim") != 0) continue;
        g_autofree char *text = g_strdup_printf("pvc %s is being deleted", item->name);
        if (strcmp(item->space, c->space) != 0 || !strstr(error, text)) continue;
        const char *volume = value_text(item->value, "spec", "volumeName");
        explain_add(findings, c, SITUATION_CLAIM_IN_DELETION, item->value, *volume ? volume : "PV",
                    claim_cause(c, item->value));
        count++;
    }
    return count;
}

static char *foreign_cause(const Value *pod)
{
    const Value *owner = value_at(value_find(pod, "metadata", "ownerReferences"), 0);
    g_autofree char *labels = json_text(value_find(pod, "metadata", "labels"));
    g_autofree char *whose = owner ? g_strdup_printf("owned by %s %s", value_text(owner, "kind"),
                                                     value_text(owner, "name"))
                                   : g_strdup_printf("without an owner");
    return g_strdup_printf("a pod %s is there already that is not the set's: %s, labels %s%s",
                           value_text(pod, "metadata", "name"), whose, labels,
                           value_find(pod, "metadata", "deletionTimestamp") ? ", terminating" : "");
}

static void explain_failure(GPtrArray *findings, const Case *c)
{
    const RehearsalRecord *record = c->record;
    if (!record->has_failed) return;
    unsigned before = findings->len;
    for (unsigned i = 0; i < record->act_count; i++) {
        const Act *act = &record->acts[i];
        if (act->type != ACT_REQUEST || act->key.kind != KIND_POD) continue;
        const Value *pod = dumped(c, act->key);
        if (act->verb == REQUEST_CREATE && act->reason == REASON_ALREADY_EXISTS && pod)
            explain_add(findings, c, SITUATION_FOREIGN_POD, pod, NULL, foreign_cause(pod));
        if (act->verb == REQUEST_UPDATE && act->reason == REASON_INVALID && pod)
            explain_add(findings, c, SITUATION_IMMUTABLE, pod, NULL, g_strdup(act->text));
    }
    explain_claims(findings, c, record->error ? record->error : "");
    if (findings->len == before)
        explain_add(findings, c, SITUATION_FAILING, NULL, NULL, g_strdup(record->error));
}

/* Whether a text names a pod, and not only one whose name begins alike. */
static bool names(const char *text, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = strstr(text, name); at; at = strstr(at + 1, name))
        if ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')) return true;
    return false;
}

/* Whether the sync creates a pod, or a claim of it, that a message is about. */
static bool is_tried_again(const Case *c, const char *message)
{
    AtomTable *atoms = rehearsal_atoms(c->rehearsal);
    for (unsigned i = 0; i < c->record->act_count; i++) {
        const Act *act = &c->record->acts[i];
        if (act->type == ACT_REQUEST && act->verb == REQUEST_CREATE &&
            names(message, atom_text(atoms, act->key.name)))
            return true;
    }
    return false;
}

/* What the API server refused the last time, by the Events of the dump. */
static void explain_refusal(GPtrArray *findings, const Case *c)
{
    Nanos failed_at, done_at;
    const Value *failed = dump_event(c->dump, c->value, "FailedCreate", &failed_at);
    const Value *done = dump_event(c->dump, c->value, "SuccessfulCreate", &done_at);
    if (!failed || (done && done_at > failed_at)) return;
    const char *message = value_text(failed, "message");
    if (*message == '\0') message = value_text(failed, "note");
    if (!is_tried_again(c, message)) return;
    g_autofree char *since = explain_since(c, failed_at), *text = explain_shorten(message);
    explain_add(
        findings, c, strstr(message, "exceeded quota") ? SITUATION_QUOTA : SITUATION_CREATE_REFUSED,
        NULL, NULL, g_strdup_printf("the last attempt, %s ago, was refused: %s", since, text));
}

/* --- what is waited for --- */

/* The name after " for ", up to a blank. */
static char *subject_of(const char *word)
{
    const char *at = strstr(word, " for ");
    if (!at) return g_strdup("");
    at += strlen(" for ");
    return g_strndup(at, strcspn(at, " ;,:"));
}

/* The name before " is the lowest unhealthy pod". */
static char *lowest_of(const char *word)
{
    const char *end = strstr(word, " is the lowest unhealthy pod");
    const char *at = end;
    while (at && at > word && at[-1] != ' ')
        at--;
    return end ? g_strndup(at, (gsize)(end - at)) : NULL;
}

static void explain_condemned(GPtrArray *findings, const Case *c, const Value *pod,
                              const char *word)
{
    g_autofree char *lowest = lowest_of(word), *first = NULL, *second = NULL;
    const Value *other = dump_find(c->dump, "Pod", c->space, lowest);
    explain_trouble(c, pod, &first);
    if (other) explain_trouble(c, other, &second);
    explain_add(findings, c, SITUATION_TWO_CONDEMNED, pod, lowest,
                g_strdup_printf("%s: %s; %s: %s", value_text(pod, "metadata", "name"),
                                first ? first : "not available yet", lowest,
                                second ? second : "not available yet"));
}

/* The claims that belong to a pod of before. */
static void explain_stale_claim(GPtrArray *findings, const Case *c, const char *word)
{
    const char *at = strstr(word, "claim of ") + strlen("claim of ");
    g_autofree char *pod = g_strndup(at, strcspn(at, " "));
    for (unsigned i = 0; i < c->dump->items->len; i++) {
        const DumpItem *item = &g_array_index(c->dump->items, DumpItem, i);
        const Value *owners = value_find(item->value, "metadata", "ownerReferences");
        if (strcmp(item->kind, "PersistentVolumeClaim") != 0) continue;
        if (strcmp(item->space, c->space) != 0) continue;
        value_each (j, owners) {
            const Value *owner = value_at(owners, j);
            if (strcmp(value_text(owner, "kind"), "Pod") != 0) continue;
            if (strcmp(value_text(owner, "name"), pod) != 0) continue;
            explain_add(findings, c, SITUATION_STALE_CLAIM, item->value, NULL,
                        g_strdup_printf("claim %s is owned by pod %s of uid %s, which is gone%s",
                                        item->name, pod, value_text(owner, "uid"),
                                        value_find(item->value, "metadata", "deletionTimestamp")
                                            ? "; it is being deleted"
                                            : "; its deletion has not begun"));
        }
    }
}

static void explain_word(GPtrArray *findings, const Case *c, const char *word)
{
    if (strstr(word, "waiting for a claim of ")) {
        explain_stale_claim(findings, c, word);
        return;
    }
    g_autofree char *name = subject_of(word);
    const Value *pod = dump_find(c->dump, "Pod", c->space, name);
    if (!pod) return;
    if (strstr(word, "before it is scaled down"))
        explain_condemned(findings, c, pod, word);
    else
        explain_pod(findings, c, pod);
}

static char *ended_cause(const Value *pod)
{
    const char *reason = value_text(pod, "status", "reason");
    g_autofree char *message = explain_shorten(value_text(pod, "status", "message"));
    const Value *container = value_at(value_find(pod, "status", "containerStatuses"), 0);
    const Value *ended = value_find(container, "state", "terminated");
    g_autofree char *exit = ended ? g_strdup_printf(", exit code %" PRId64 " (%s)",
                                                    value_as_int(value_get(ended, "exitCode"), 0),
                                                    value_text(ended, "reason"))
                                  : g_strdup("");
    return g_strdup_printf("%s has ended: phase %s%s%s%s%s%s", value_text(pod, "metadata", "name"),
                           value_text(pod, "status", "phase"), *reason ? ", " : "", reason,
                           *message ? ": " : "", message, exit);
}

static void explain_ended(GPtrArray *findings, const Case *c)
{
    for (unsigned i = 0; i < c->record->act_count; i++) {
        const Act *act = &c->record->acts[i];
        if (act->type != ACT_REQUEST || act->verb != REQUEST_DELETE) continue;
        const Value *pod = act->key.kind == KIND_POD ? dumped(c, act->key) : NULL;
        const char *phase = value_text(pod, "status", "phase");
        if (strcmp(phase, "Failed") == 0 || strcmp(phase, "Succeeded") == 0)
            explain_add(findings, c, SITUATION_FAILED_POD, pod, NULL, ended_cause(pod));
    }
}

/* --- what else is worth knowing --- */

/* The set's pods that are not at the update revision, by name; free with g_free(). */
static char *old_pods(const Case *c)
{
    const char *update = value_text(c->record->status, "updateRevision");
    g_autoptr(GString) text = g_string_new(NULL);
    value_each (i, c->record->claimed) {
        const char *name = value_as_text(value_at(c->record->claimed, i), "");
        const Value *pod = dump_find(c->dump, "Pod", c->space, name);
        const char *revision = value_text(pod, "metadata", "labels", "controller-revision-hash");
        if (pod && *update && strcmp(revision, update) != 0)
            g_string_append_printf(text, "%s%s", text->len ? " " : "", name);
    }
    return text->len ? g_strdup(text->str) : NULL;
}

static void explain_old_pods(GPtrArray *findings, const Case *c)
{
    const StatefulSetView *view = statefulset_view(c->set);
    g_autofree char *old = old_pods(c);
    bool is_parted = view->has_rolling_update && view->partition > 0;
    if (!old || (!view->is_on_delete && !is_parted)) return;
    explain_add(findings, c, view->is_on_delete ? SITUATION_ON_DELETE : SITUATION_PARTITION, NULL,
                old, g_strdup_printf("not at the update revision: %s", old));
}

static void explain_surroundings(GPtrArray *findings, const Case *c)
{
    const char *service = value_text(c->value, "spec", "serviceName");
    if (*service && dump_count(c->dump, "Service") > 0 &&
        !dump_find(c->dump, "Service", c->space, service))
        explain_add(findings, c, SITUATION_NO_SERVICE, NULL, service,
                    g_strdup_printf("the dump has services, but no %s/%s", c->space, service));
    for (unsigned i = 0; i < c->record->act_count; i++) {
        const Act *act = &c->record->acts[i];
        if (act->type == ACT_EVENT && strcmp(act->event_reason, "ConflictingController") == 0)
            explain_add(findings, c, SITUATION_OTHER_OWNER, NULL, NULL, g_strdup(act->text));
    }
}

static unsigned count_in_space(const Case *c, const char *kind)
{
    unsigned count = 0;
    for (unsigned i = 0; i < c->dump->items->len; i++) {
        const DumpItem *item = &g_array_index(c->dump->items, DumpItem, i);
        count += strcmp(item->kind, kind) == 0 && strcmp(item->space, c->space) == 0;
    }
    return count;
}

/* What the status knows of but the dump lacks makes the plan below wrong. */
static void explain_gaps(GPtrArray *findings, const Case *c)
{
    int64_t replicas = value_as_int(value_find(c->value, "status", "replicas"), 0);
    const char *missing = NULL;
    if (*value_text(c->value, "status", "updateRevision") &&
        count_in_space(c, "ControllerRevision") == 0)
        missing = "controllerrevisions: that one is created is shown for this reason only";
    if (replicas > 0 && statefulset_view(c->set)->claim_template_count > 0 &&
        count_in_space(c, "PersistentVolumeClaim") == 0)
        missing = "claims: what is said about claims is not to be trusted";
    if (replicas > 0 && count_in_space(c, "Pod") == 0)
        missing = "pods, but the status counts some: what is said about pods is not to be trusted";
    if (missing)
        explain_add(findings, c, SITUATION_PARTIAL_DUMP, NULL, NULL,
                    g_strdup_printf("the dump has no %s", missing));
}

GPtrArray *explain_case(const Case *c)
{
    GPtrArray *findings = g_ptr_array_new_with_free_func(finding_free);
    explain_gaps(findings, c);
    if (object_is_terminating(c->set)) {
        g_autofree char *held = explain_finalizers(c->value);
        explain_add(findings, c, SITUATION_DELETED, NULL, NULL,
                    g_strdup_printf("the set has a deletionTimestamp; finalizers: %s",
                                    held ? held : "none"));
        return findings;
    }
    if (!statefulset_view(c->set)->selector)
        explain_add(findings, c, SITUATION_BAD_SELECTOR, NULL, NULL,
                    g_strdup("spec.selector does not compile"));
    explain_failure(findings, c);
    explain_refusal(findings, c);
    for (unsigned i = 0; i < c->record->act_count; i++)
        if (c->record->acts[i].type == ACT_WORD) explain_word(findings, c, c->record->acts[i].text);
    explain_ended(findings, c);
    explain_old_pods(findings, c);
    explain_surroundings(findings, c);
    return findings;
}
