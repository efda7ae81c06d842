/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fidelity.c [FILE...]: how many recorded decisions agree, by profile, set-up, fault, tag and
 * action, as Markdown tables; files of revision names are told by their lines. Exit code 1 if
 * anything differs: then each difference is printed under "Divergences".
 *
 * A trajectory counts by its steps, all filed under what it began with.
 */
#include "models/control/revision.h"
#include "sim/json.h"
#include "tools/cases.h"
#include "tools/lines.h"

#include <stdlib.h>

typedef struct {
    char *group, *name;
    unsigned cases, wrong_cases, steps, wrong_steps;
} Row;

typedef struct {
    GArray *rows;      /* of Row, in order of first sight */
    GHashTable *index; /* "group/name" -> its number + 1; looked up only */
    GString *differences;
    unsigned names, wrong_names;
    CaseTally tally;
} Report;

/* --- what a case is filed under --- */

static Row *row_of(Report *report, const char *group, const char *name)
{
    char *key = g_strdup_printf("%s/%s", group, name);
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(report->index, key));
    if (number == 0) {
        Row row = {.group = g_strdup(group), .name = g_strdup(name)};
        g_array_append_val(report->rows, row);
        number = report->rows->len;
        g_hash_table_insert(report->index, g_strdup(key), GUINT_TO_POINTER(number));
    }
    g_free(key);
    return &g_array_index(report->rows, Row, number - 1);
}

static void file_under(Report *report, const char *group, const char *name, const CaseTally *tally)
{
    Row *row = row_of(report, group, name);
    row->cases += tally->cases;
    row->wrong_cases += tally->wrong_cases;
    row->steps += tally->steps;
    row->wrong_steps += tally->wrong_steps;
}

static void file_setup(Report *report, const Value *recorded, const CaseTally *tally)
{
    const Value *spec = value_find(recorded, "set", "spec");
    const Value *retention = value_get(spec, "persistentVolumeClaimRetentionPolicy");
    const Value *strategy = value_get(spec, "updateStrategy");
    bool has_gate =
        value_as_bool(value_find(recorded, "gates", "MaxUnavailableStatefulSet"), false);
    g_autofree char *policy =
        g_strdup_printf("%s, MaxUnavailableStatefulSet %s", value_text(spec, "podManagementPolicy"),
                        has_gate ? "on" : "off");
    g_autofree char *kept =
        retention ? g_strdup_printf("retention %s/%s", value_text(retention, "whenDeleted"),
                                    value_text(retention, "whenScaled"))
                  : g_strdup("no retention policy");
    file_under(report, "Set-up", policy, tally);
    file_under(report, "Set-up", kept, tally);
    file_under(report, "Set-up", value_text(strategy, "type"), tally);
    if (value_as_int(value_find(strategy, "rollingUpdate", "partition"), 0) > 0)
        file_under(report, "Set-up", "partition", tally);
    if (value_as_int(value_get(spec, "minReadySeconds"), 0) > 0)
        file_under(report, "Set-up", "minReadySeconds", tally);
    if (value_size(value_get(spec, "volumeClaimTemplates")))
        file_under(report, "Set-up", "claim templates", tally);
    if (value_find(spec, "ordinals", "start")) file_under(report, "Set-up", "start ordinal", tally);
    if (value_find(recorded, "set", "metadata", "deletionTimestamp"))
        file_under(report, "Set-up", "set being deleted", tally);
}

static void file_faults(Report *report, const Value *recorded, const CaseTally *tally)
{
    const Value *inject = value_get(recorded, "inject"), *stale = value_get(recorded, "api_diff");
    value_each (i, inject) {
        g_autofree char *name =
            g_strdup_printf("%s fails: %s", value_text(value_at(inject, i), "verb"),
                            value_text(value_at(inject, i), "error"));
        file_under(report, "Failures and stale caches", name, tally);
    }
    value_each (i, stale)
        file_under(report, "Failures and stale caches", value_key_at(stale, i), tally);
}

static void file_actions(Report *report, const Value *actions, const CaseTally *tally)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    value_each (i, actions) {
        const Value *action = value_at(actions, i);
        bool is_event = strcmp(value_text(action, "verb"), "event") == 0;
        char *name = g_strdup_printf("%s %s", value_text(action, "verb"),
                                     value_text(action, is_event ? "name" : "resource"));
        if (!g_hash_table_contains(seen, name))
            file_under(report, "Actions of single cases", name, tally);
        g_hash_table_add(seen, name);
    }
    if (value_size(actions) == 0) file_under(report, "Actions of single cases", "(none)", tally);
}

static void file_case(Report *report, const Value *recorded, const CaseTally *tally)
{
    const Value *tags = value_get(recorded, "tags");
    file_under(report, "Profile", value_text(recorded, "profile"), tally);
    file_setup(report, recorded, tally);
    file_faults(report, recorded, tally);
    value_each (i, tags)
        file_under(report, "Oddities", value_as_text(value_at(tags, i), ""), tally);
    if (tally->cases) file_actions(report, value_get(recorded, "actions"), tally);
}

/* --- running --- */

static void check_name(Report *report, const Value *vector)
{
    char hash[REVISION_HASH_MAX];
    revision_hash_text(value_text(vector, "data"),
                       value_as_int(value_get(vector, "collisionCount"), -1), hash);
    g_autofree char *name = revision_name(value_text(vector, "set"), hash);
    g_autoptr(Value) data = revision_data(value_get(vector, "template"));
    g_autofree char *json = json_text(data);
    bool is_same = strcmp(name, value_text(vector, "name")) == 0 &&
                   strcmp(json, value_text(vector, "data")) == 0;
    report->names++;
    report->wrong_names += !is_same;
    if (!is_same)
        g_string_append_printf(report->differences, "revision name %s: %s\n",
                               value_text(vector, "name"), name);
}

static void add(CaseTally *sum, const CaseTally *more)
{
    sum->cases += more->cases;
    sum->wrong_cases += more->wrong_cases;
    sum->steps += more->steps;
    sum->wrong_steps += more->wrong_steps;
}

static bool run_line(Report *report, CaseRunner *runner, const Value *recorded, GError **error)
{
    if (value_get(recorded, "hash") && !value_get(recorded, "id")) {
        check_name(report, recorded);
        return true;
    }
    g_autoptr(Value) result = case_run(runner, recorded, error);
    if (!result) return false;
    CaseTally tally = {0};
    case_compare(recorded, result, report->differences, &tally);
    file_case(report, recorded, &tally);
    add(&report->tally, &tally);
    return true;
}

static bool run_file(Report *report, CaseRunner *runner, const char *file, GError **error)
{
    g_autoptr(Lines) lines = lines_open(file, error);
    size_t length;
    const char *text;
    if (!lines) return false;
    while ((text = lines_next(lines, &length, error)) != NULL) {
        g_autoptr(Value) recorded = json_parse(text, length, file, lines_number(lines), error);
        if (!recorded || !run_line(report, runner, recorded, error)) return false;
    }
    return *error == NULL;
}

/* --- printing --- */

static int by_name(const void *a, const void *b)
{
    const Row *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static void print_cell(unsigned wrong, unsigned all)
{
    if (all == 0)
        printf(" | -");
    else
        printf(" | %u of %u", all - wrong, all);
}

static void print_group(const Report *report, const char *group)
{
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(Row));
    for (unsigned i = 0; i < report->rows->len; i++) {
        Row row = g_array_index(report->rows, Row, i);
        if (strcmp(row.group, group) == 0) g_array_append_val(rows, row);
    }
    g_array_sort(rows, by_name);
    printf("\n### %s\n\n| | single decisions | trajectory steps |\n|---|---|---|\n", group);
    for (unsigned i = 0; i < rows->len; i++) {
        const Row *row = &g_array_index(rows, Row, i);
        printf("| %s", row->name);
        print_cell(row->wrong_cases, row->cases);
        print_cell(row->wrong_steps, row->steps);
        printf(" |\n");
    }
}

static void print_report(const Report *report)
{
    static const char *const groups[] = {"Profile", "Set-up", "Failures and stale caches",
                                         "Oddities", "Actions of single cases"};
    const CaseTally *tally = &report->tally;
    printf("| | agree |\n|---|---|\n");
    printf("| single decisions | %u of %u |\n", tally->cases - tally->wrong_cases, tally->cases);
    printf("| trajectory steps | %u of %u |\n", tally->steps - tally->wrong_steps, tally->steps);
    printf("| revision names | %u of %u |\n", report->names - report->wrong_names, report->names);
    for (unsigned i = 0; i < G_N_ELEMENTS(groups); i++)
        print_group(report, groups[i]);
    printf("\n### Divergences\n\n");
    if (report->differences->len == 0)
        printf("None.\n");
    else
        printf("```\n%s```\n", report->differences->str);
}

static void report_clear(Report *report)
{
    for (unsigned i = 0; i < report->rows->len; i++) {
        g_free(g_array_index(report->rows, Row, i).group);
        g_free(g_array_index(report->rows, Row, i).name);
    }
    g_array_unref(report->rows);
    g_hash_table_unref(report->index);
    g_string_free(report->differences, TRUE);
}

int main(int argc, char **argv)
{
    const CaseOptions options = {.minor = 36};
    Report report = {.rows = g_array_new(FALSE, FALSE, sizeof(Row)),
                     .index = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                     .differences = g_string_new(NULL)};
    g_autoptr(CaseRunner) runner = case_runner_new(&options);
    bool is_good = argc > 1;
    for (int i = 1; i < argc && is_good; i++) {
        g_autoptr(GError) error = NULL;
        is_good = run_file(&report, runner, argv[i], &error);
        if (!is_good) fprintf(stderr, "fidelity: %s: %s\n", argv[i], error->message);
    }
    if (is_good) print_report(&report);
    is_good = is_good && report.differences->len == 0;
    report_clear(&report);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
