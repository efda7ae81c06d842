/* SPDX-License-Identifier: Apache-2.0 */
/* reconcile_print.c - one judged set as text or as JSON; see the header. */
#include "tools/reconcile_print.h"

#include "sim/json.h"

#define WIDTH  100
#define INDENT 11 /* where texts begin, after their labels */

/* --- what the record says --- */

static bool is_write(const Act *act)
{
    return act->type == ACT_REQUEST && act->verb != REQUEST_GET;
}

/* A write that changes more than the status and the history. */
static bool is_action(const Act *act)
{
    return is_write(act) && act->verb != REQUEST_UPDATE_STATUS &&
           act->key.kind != KIND_CONTROLLER_REVISION;
}

static const char *verb_text(RequestVerb verb)
{
    static const char *const texts[] = {
        [REQUEST_GET] = "get",       [REQUEST_CREATE] = "create",
        [REQUEST_UPDATE] = "update", [REQUEST_UPDATE_STATUS] = "update status of",
        [REQUEST_PATCH] = "patch",   [REQUEST_PATCH_STATUS] = "patch status of",
        [REQUEST_DELETE] = "delete", [REQUEST_BIND] = "bind",
    };
    return texts[verb];
}

static const Act *first_act(const Case *c, bool (*matches)(const Act *))
{
    for (unsigned i = 0; i < c->record->act_count; i++)
        if (matches(&c->record->acts[i])) return &c->record->acts[i];
    return NULL;
}

static bool is_word(const Act *act)
{
    return act->type == ACT_WORD;
}

static bool is_warning(const Act *act)
{
    return act->type == ACT_EVENT && strcmp(act->event_type, "Warning") == 0;
}

static bool is_status(const Act *act)
{
    return act->type == ACT_REQUEST && act->verb == REQUEST_UPDATE_STATUS;
}

static const char *act_name(const Case *c, const Act *act)
{
    return atom_text(rehearsal_atoms(c->rehearsal), act->key.name);
}

static const Finding *find(const GPtrArray *findings, bool wants_stuck)
{
    for (unsigned i = 0; i < findings->len; i++) {
        const Finding *finding = findings->pdata[i];
        if (finding->situation == SITUATION_PARTIAL_DUMP) continue;
        if (!wants_stuck || situation_is_stuck(finding->situation)) return finding;
    }
    return NULL;
}

const char *reconcile_verdict(const Case *c, const GPtrArray *findings)
{
    if (find(findings, true)) return "stuck";
    if (first_act(c, is_action)) return "acting";
    if (first_act(c, is_word)) return "waiting";
    return object_is_terminating(c->set) ? "being deleted" : "settled";
}

char *reconcile_sentence(const Case *c, const GPtrArray *findings)
{
    const Act *word = first_act(c, is_word), *action = first_act(c, is_action);
    const Finding *first = find(findings, true);
    bool is_refused = first && (first->situation == SITUATION_QUOTA ||
                                first->situation == SITUATION_CREATE_REFUSED);
    const Act *warning = first_act(c, is_warning);
    if (c->record->has_failed)
        return g_strdup_printf("the sync fails: %s", warning ? warning->text : c->record->error);
    if (is_refused && action)
        return g_strdup_printf("%s is wanted, but its creation was refused: %s",
                               act_name(c, action), "until it succeeds nothing else is done");
    if (word) return g_strdup(word->text);
    if (action)
        return g_strdup_printf("%s %s: %s", verb_text(action->verb), act_name(c, action),
                               action->why ? action->why : "as the set wants");
    if (object_is_terminating(c->set))
        return g_strdup("the set is being deleted: only its status is kept up");
    if (!statefulset_view(c->set)->selector) return g_strdup("the set is not looked at");
    const Value *status = c->record->status;
    return g_strdup_printf("nothing to do: %" PRId64 " of %" PRId64
                           " replicas are available, %" PRId64 " at the update revision",
                           value_as_int(value_get(status, "availableReplicas"), 0),
                           statefulset_view(c->set)->replicas,
                           value_as_int(value_get(status, "updatedReplicas"), 0));
}

/* --- text --- */

/* Appends "  label    text", wrapped between words. */
static void put(GString *out, const char *label, const char *text)
{
    g_string_append_printf(out, "  %-*s", INDENT - 2, label);
    unsigned column = INDENT;
    bool is_first = true;
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    for (unsigned i = 0; words[i]; i++) {
        unsigned length = (unsigned)g_utf8_strlen(words[i], -1);
        if (!is_first && column + 1 + length > WIDTH) {
            g_string_append_printf(out, "\n%*s", INDENT, "");
            column = INDENT;
            is_first = true;
        }
        g_string_append_printf(out, "%s%s", is_first ? "" : " ", words[i]);
        column += length + !is_first;
        is_first = false;
    }
    g_string_append_c(out, '\n');
}

static char *state_of(const Case *c, const Value *pod)
{
    const Value *ready = explain_condition(pod, "Ready");
    bool is_ready = strcmp(value_text(ready, "status"), "True") == 0;
    const char *phase = value_text(pod, "status", "phase");
    const char *revision = value_text(pod, "metadata", "labels", "controller-revision-hash");
    const char *update = value_text(c->record->status, "updateRevision");
    return g_strdup_printf("%s %s%s%s%s", value_text(pod, "metadata", "name"),
                           *phase ? phase : "without a phase", is_ready ? ", Ready" : "",
                           value_find(pod, "metadata", "deletionTimestamp") ? ", terminating" : "",
                           *update && strcmp(revision, update) != 0 ? ", old revision" : "");
}

static void put_pods(const Case *c, GString *out)
{
    g_autoptr(GString) text = g_string_new(NULL);
    unsigned count = value_size(c->record->claimed);
    for (unsigned i = 0; i < MIN(count, 12); i++) {
        const char *name = value_as_text(value_at(c->record->claimed, i), "");
        const Value *pod = dump_find(c->dump, "Pod", c->space, name);
        g_autofree char *state = pod ? state_of(c, pod) : g_strdup(name);
        g_string_append_printf(text, "%s%s", i ? "; " : "", state);
    }
    if (count > 12) g_string_append_printf(text, "; and %u more", count - 12);
    put(out, "pods", text->len ? text->str : "none");
}

static void put_status(const Case *c, GString *out)
{
    static const char *const keys[] = {"replicas",        "readyReplicas",      "availableReplicas",
                                       "currentReplicas", "updatedReplicas",    "currentRevision",
                                       "updateRevision",  "observedGeneration", "collisionCount"};
    const Value *old = value_get(c->value, "status"), *now = c->record->status;
    const Act *written = first_act(c, is_status);
    if (!now && written) now = value_get(written->body, "status");
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; now && i < G_N_ELEMENTS(keys); i++) {
        g_autoptr(Value) zero = value_int(0);
        const Value *before = value_get(old, keys[i]), *after = value_get(now, keys[i]);
        if (value_equal(before ? before : zero, after ? after : zero)) continue;
        g_autofree char *from = before ? json_text(before) : g_strdup("0");
        g_autofree char *to = after ? json_text(after) : g_strdup("0");
        g_string_append_printf(text, "%s%s %s -> %s", text->len ? ", " : "", keys[i], from, to);
    }
    put(out, "status", text->len ? text->str : c->record->has_run ? "unchanged" : "not reached");
}

static void put_requeue(const Case *c, GString *out)
{
    char text[NANOS_TEXT_MAX];
    if (c->record->has_failed) {
        put(out, "requeue", "with back-off: 5 ms, doubling with each failure up to 1000 s");
    } else if (c->record->requeue != NANOS_NEVER) {
        g_autofree char *line = g_strdup_printf("after %s", nanos_format(c->record->requeue, text));
        put(out, "requeue", line);
    } else {
        put(out, "requeue", "none: the next change of the set or of one of its pods wakes it");
    }
}

static void put_act(const Case *c, const Act *act, unsigned number, GString *out)
{
    g_autoptr(GString) line = g_string_new(NULL);
    g_string_append_printf(line, "%u. %s %s %s", number, verb_text(act->verb),
                           kind_info(act->key.kind)->name, act_name(c, act));
    if (act->why) g_string_append_printf(line, "   # %s", act->why);
    if (act->reason != REASON_OK)
        g_string_append_printf(line, "   -> %s: %s", reason_text(act->reason),
                               act->text ? act->text : "");
    put(out, number == 1 ? "writes" : "", line->str);
}

/* Events that all goes well are left out: they follow from the writes. */
static void put_writes(const Case *c, GString *out)
{
    unsigned count = 0;
    for (unsigned i = 0; i < c->record->act_count; i++) {
        const Act *act = &c->record->acts[i];
        if (is_write(act)) put_act(c, act, ++count, out);
    }
    if (count == 0) put(out, "writes", "none");
    for (unsigned i = 0; i < c->record->act_count; i++) {
        const Act *act = &c->record->acts[i];
        if (!is_warning(act)) continue;
        g_autofree char *line = g_strdup_printf("%s: %s", act->event_reason, act->text);
        put(out, "event", line);
    }
}

static void put_finding(const Finding *finding, GString *out)
{
    put(out, "cause", finding->cause);
    if (*finding->rule) put(out, "rule", finding->rule);
    if (*finding->way_out) put(out, "way out", finding->way_out);
}

void reconcile_print(const Case *c, const GPtrArray *findings, GString *out)
{
    const StatefulSetView *view = statefulset_view(c->set);
    g_autofree char *sentence = reconcile_sentence(c, findings);
    g_autofree char *wants = g_strdup_printf("%" PRId64 " replica%s, %s, %s", view->replicas,
                                             view->replicas == 1 ? "" : "s",
                                             view->is_parallel ? "Parallel" : "OrderedReady",
                                             view->is_on_delete ? "OnDelete" : "RollingUpdate");
    g_string_append_printf(out, "\nStatefulSet %s/%s: %s\n", c->space, c->name,
                           reconcile_verdict(c, findings));
    put(out, "why", sentence);
    for (unsigned i = 0; i < findings->len; i++)
        put_finding(findings->pdata[i], out);
    put(out, "wants", wants);
    put_pods(c, out);
    put_writes(c, out);
    put_status(c, out);
    put_requeue(c, out);
}

/* --- JSON --- */

static void set_text(Value *map, const char *key, const char *text)
{
    value_map_set(map, key, text ? value_string(text) : value_null());
}

static Value *act_value(const Case *c, const Act *act)
{
    Value *map = value_map();
    if (act->type == ACT_EVENT) {
        set_text(map, "verb", "event");
        set_text(map, "type", act->event_type);
        set_text(map, "reason", act->event_reason);
        set_text(map, "message", act->text);
        return map;
    }
    set_text(map, "verb", verb_text(act->verb));
    if (act->verb == REQUEST_UPDATE_STATUS) set_text(map, "verb", "update-status");
    set_text(map, "kind", kind_info(act->key.kind)->name);
    set_text(map, "name", act_name(c, act));
    set_text(map, "why", act->why);
    set_text(map, "result", act->reason == REASON_OK ? "ok" : reason_text(act->reason));
    if (act->text) set_text(map, "message", act->text);
    if (act->body) value_map_set(map, "object", value_ref(act->body));
    return map;
}

static Value *finding_value(const Finding *finding)
{
    Value *map = value_map();
    set_text(map, "situation", situation_name(finding->situation));
    value_map_set(map, "stuck", value_bool(situation_is_stuck(finding->situation)));
    set_text(map, "about", finding->about);
    set_text(map, "cause", finding->cause);
    set_text(map, "rule", finding->rule);
    set_text(map, "wayOut", finding->way_out);
    return map;
}

Value *reconcile_value(const Case *c, const GPtrArray *findings)
{
    g_autofree char *sentence = reconcile_sentence(c, findings);
    const RehearsalRecord *record = c->record;
    Value *map = value_map(), *actions = value_list(), *found = value_list();
    for (unsigned i = 0; i < record->act_count; i++)
        if (is_write(&record->acts[i]) || record->acts[i].type == ACT_EVENT)
            value_list_add(actions, act_value(c, &record->acts[i]));
    for (unsigned i = 0; i < findings->len; i++)
        value_list_add(found, finding_value(findings->pdata[i]));
    set_text(map, "namespace", c->space);
    set_text(map, "name", c->name);
    set_text(map, "verdict", reconcile_verdict(c, findings));
    set_text(map, "why", sentence);
    value_map_set(map, "findings", found);
    value_map_set(map, "actions", actions);
    value_map_set(map, "pods", record->claimed ? value_ref(record->claimed) : value_list());
    value_map_set(map, "status", record->status ? value_ref(record->status) : value_null());
    set_text(map, "error", record->error);
    bool is_timed = record->requeue != NANOS_NEVER;
    value_map_set(map, "requeueAfterSeconds",
                  is_timed ? value_float((double)record->requeue / 1e9) : value_null());
    return map;
}
