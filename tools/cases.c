/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases.c - recorded cases, made again and compared.
 *
 * A controller is kept for each combination of release and gates, because making one costs more
 * than a case does.
 */
#include "tools/cases.h"

#include "models/gates.h"
#include "sim/json.h"
#include "tools/cases_internal.h"
#include "tools/lines.h"

typedef struct {
    Value *gates;
    Rehearsal *rehearsal;
} Stand;

struct CaseRunner {
    CaseOptions options;
    GArray *stands;
};

CaseRunner *case_runner_new(const CaseOptions *options)
{
    CaseRunner *runner = g_new0(CaseRunner, 1);
    runner->options = *options;
    runner->stands = g_array_new(FALSE, FALSE, sizeof(Stand));
    return runner;
}

void case_runner_free(CaseRunner *runner)
{
    if (runner == NULL) return;
    for (unsigned i = 0; i < runner->stands->len; i++) {
        const Stand *stand = &g_array_index(runner->stands, Stand, i);
        value_unref(stand->gates);
        rehearsal_free(stand->rehearsal);
    }
    g_array_unref(runner->stands);
    g_free(runner);
}

/* --- running --- */

/* The gates of a case over those of the command line; NULL with error set. */
static Value *gates_of(const CaseRunner *runner, const Value *recorded, GError **error)
{
    const Value *base = runner->options.gates, *own = value_get(recorded, "gates");
    Value *gates = base != NULL ? value_ref(base) : value_map();
    value_each (i, own) {
        const char *name = value_key_at(own, i);
        if (gate_is_known(name) && value_type(value_at(own, i)) == VALUE_BOOL) {
            value_put(&gates, value_ref(value_at(own, i)), name);
            continue;
        }
        g_autofree char *path = g_strdup_printf("gates.%s", name);
        value_unref(gates);
        case_fault(error, path, gate_is_known(name) ? "must be true or false" : "is unknown");
        return NULL;
    }
    return gates;
}

/* An empty controller with these gates, which are taken. */
static Rehearsal *rehearsal_for(CaseRunner *runner, Value *gates)
{
    for (unsigned i = 0; i < runner->stands->len; i++) {
        const Stand *stand = &g_array_index(runner->stands, Stand, i);
        if (!value_equal(stand->gates, gates)) continue;
        value_unref(gates);
        rehearsal_reset(stand->rehearsal);
        return stand->rehearsal;
    }
    Stand stand = {gates, rehearsal_new(runner->options.minor, gates)};
    rehearsal_explain(stand.rehearsal, false);
    g_array_append_val(runner->stands, stand);
    return stand.rehearsal;
}

static Value *run_step(Rehearsal *rehearsal, Key set, const Value *step, GError **error)
{
    Nanos now;
    const char *space = atom_text(rehearsal_atoms(rehearsal), set.space);
    if (!case_time(step, "now", &now, error)) return NULL;
    rehearsal_at(rehearsal, now);
    rehearsal_forgive(rehearsal);
    if (!case_operate(rehearsal, value_get(step, "kubelet"), space, error) ||
        !case_inject(rehearsal, value_get(step, "inject"), space, error))
        return NULL;
    rehearsal_refresh(rehearsal);
    Value *result = case_result(rehearsal, rehearsal_sync(rehearsal, set));
    value_map_set(result, "world", case_world(rehearsal));
    return result;
}

static Value *run_steps(Rehearsal *rehearsal, Key set, const Value *steps, GError **error)
{
    g_autoptr(Value) results = value_list();
    const char *space = atom_text(rehearsal_atoms(rehearsal), set.space);
    case_count_incarnations(rehearsal, steps, space);
    value_each (i, steps) {
        Value *result = run_step(rehearsal, set, value_at(steps, i), error);
        if (result == NULL) {
            g_prefix_error(error, "steps[%u]: ", i);
            return NULL;
        }
        value_list_add(results, result);
    }
    Value *whole = value_map();
    value_map_set(whole, "steps", g_steal_pointer(&results));
    return whole;
}

Rehearsal *case_stage(CaseRunner *runner, const Value *recorded, Key *ret_set, GError **error)
{
    Nanos now = runner->options.now;
    if (!value_is_map(recorded)) {
        case_fault(error, "case", "must be an object");
        return NULL;
    }
    bool is_given = value_get(recorded, "now") == NULL && runner->options.has_now;
    if (!is_given && !case_time(recorded, "now", &now, error)) return NULL;
    Value *gates = gates_of(runner, recorded, error);
    if (gates == NULL) return NULL;
    Rehearsal *rehearsal = rehearsal_for(runner, gates);
    rehearsal_at(rehearsal, now);
    return case_load(rehearsal, recorded, ret_set, error) ? rehearsal : NULL;
}

Value *case_run(CaseRunner *runner, const Value *recorded, GError **error)
{
    Key set;
    Rehearsal *rehearsal = case_stage(runner, recorded, &set, error);
    if (rehearsal == NULL) return NULL;
    const Value *steps = value_get(recorded, "steps");
    Value *result = steps != NULL ? run_steps(rehearsal, set, steps, error)
                                  : case_result(rehearsal, rehearsal_sync(rehearsal, set));
    const Value *id = value_get(recorded, "id");
    if (result != NULL && id != NULL) value_map_set(result, "id", value_ref(id));
    return result;
}

/* --- comparing --- */

static const char *or_nothing(const char *text)
{
    return text != NULL ? text : "nothing";
}

static void write_difference(GString *out, const char *where, const char *what,
                             const Value *recorded, const Value *result)
{
    g_autofree char *left = recorded != NULL ? json_text(recorded) : NULL;
    g_autofree char *right = result != NULL ? json_text(result) : NULL;
    g_string_append_printf(out, "%s: %s: recorded %s, here %s\n", where, what, or_nothing(left),
                           or_nothing(right));
}

/* The first action that differs says it all. */
static bool actions_agree(const Value *recorded, const Value *result, const char *where,
                          GString *out)
{
    const Value *left = value_get(recorded, "actions"), *right = value_get(result, "actions");
    unsigned count = MAX(value_size(left), value_size(right));
    for (unsigned i = 0; i < count; i++) {
        const Value *a = value_at(left, i), *b = value_at(right, i);
        if (a != NULL && b != NULL && value_equal(a, b)) continue;
        g_autofree char *what = g_strdup_printf("actions[%u]", i);
        write_difference(out, where, what, a, b);
        return false;
    }
    return true;
}

static bool is_absent(const Value *value)
{
    return value == NULL || value_type(value) == VALUE_NULL;
}

/* Errors agree if both are one or both are none. A field that was not recorded is not judged,
 * except the requeue, whose absence is a statement. */
static bool field_agrees(const char *field, const Value *recorded, const Value *result)
{
    const Value *a = value_get(recorded, field), *b = value_get(result, field);
    if (a == NULL && strcmp(field, "requeue_after_s") != 0) return true;
    if (strcmp(field, "error") == 0 || is_absent(a) || is_absent(b))
        return is_absent(a) == is_absent(b) ||
               (strcmp(field, "claimed_pods") == 0 && value_size(a) == value_size(b));
    return value_equal(a, b);
}

static bool sync_agrees(const Value *recorded, const Value *result, const char *where, GString *out)
{
    static const char *const fields[] = {"status",       "error",           "stage",
                                         "claimed_pods", "requeue_after_s", "world"};
    bool agrees = actions_agree(recorded, result, where, out);
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (field_agrees(fields[i], recorded, result)) continue;
        write_difference(out, where, fields[i], value_get(recorded, fields[i]),
                         value_get(result, fields[i]));
        agrees = false;
    }
    return agrees;
}

void case_compare(const Value *recorded, const Value *result, GString *out, CaseTally *tally)
{
    const char *id = value_text(recorded, "id");
    const Value *steps = value_get(recorded, "steps");
    if (steps == NULL) {
        tally->cases++;
        tally->wrong_cases += !sync_agrees(recorded, result, id, out);
        return;
    }
    value_each (i, steps) {
        g_autofree char *where = g_strdup_printf("%s step %u", id, i);
        tally->steps++;
        tally->wrong_steps +=
            !sync_agrees(value_at(steps, i), value_at(value_get(result, "steps"), i), where, out);
    }
}

/* --- files --- */

/* One line of a file; false with error set if it holds no case. */
static bool run_line(CaseRunner *runner, const Value *recorded, bool is_check, GString *out,
                     CaseTally *tally, GError **error)
{
    g_autoptr(Value) result = case_run(runner, recorded, error);
    if (result == NULL) return false;
    if (is_check) {
        case_compare(recorded, result, out, tally);
        return true;
    }
    json_write_canonical(result, out);
    g_string_append_c(out, '\n');
    return true;
}

bool cases_run(const char *file, const CaseOptions *options, bool is_check, FILE *out,
               CaseTally *tally, GError **error)
{
    const char *name = strcmp(file, "-") == 0 ? "standard input" : file;
    g_autoptr(Lines) lines = lines_open(file, error);
    if (lines == NULL) return false;
    g_autoptr(CaseRunner) runner = case_runner_new(options);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) broken = NULL;
    const char *line;
    size_t length;
    while ((line = lines_next(lines, &length, &broken)) != NULL) {
        if (length == 0) continue;
        g_autoptr(GError) fault = NULL;
        g_autoptr(Value) recorded = json_parse(line, length, name, lines_number(lines), &fault);
        g_string_truncate(text, 0);
        if (recorded != NULL && !run_line(runner, recorded, is_check, text, tally, &fault))
            g_prefix_error(&fault, "%s:%u: ", name, lines_number(lines));
        if (fault != NULL) {
            fprintf(stderr, "kennel: %s\n", fault->message);
            tally->faults++;
        }
        fwrite(text->str, 1, text->len, out);
    }
    if (broken == NULL) return true;
    g_propagate_error(error, g_steal_pointer(&broken));
    return false;
}
