/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - runs the check files over a timeline and collects verdicts. */
#include "tools/check.h"

#include "tools/database.h"

#include <stdlib.h>

/* --- life of the results --- */

static void violation_clear(gpointer data)
{
    Violation *violation = data;
    g_free(violation->object);
    g_free(violation->what);
}

static void verdict_free(gpointer data)
{
    Verdict *verdict = data;
    g_free(verdict->workload);
    g_array_unref(verdict->violations);
    g_ptr_array_unref(verdict->figures);
    g_free(verdict);
}

static void run_free(gpointer data)
{
    CheckedRun *run = data;
    g_free(run->scenario);
    g_free(run->variant);
    g_free(run->state);
    g_free(run->digest);
    g_free(run->command);
    g_free(run->seed);
    value_unref(run->parameters);
    g_ptr_array_unref(run->workloads);
    g_free(run);
}

void check_report_free(CheckReport *report)
{
    if (!report) return;
    g_ptr_array_unref(report->guarantees);
    g_ptr_array_unref(report->runs);
    g_ptr_array_unref(report->verdicts);
    g_free(report);
}

static Verdict *verdict_new(int64_t run, const char *workload, const char *guarantee)
{
    Verdict *verdict = g_new0(Verdict, 1);
    verdict->run = run;
    verdict->workload = g_strdup(workload);
    verdict->guarantee = guarantee;
    verdict->violations = g_array_new(false, false, sizeof(Violation));
    g_array_set_clear_func(verdict->violations, violation_clear);
    verdict->figures = g_ptr_array_new_with_free_func(g_free);
    return verdict;
}

const char *verdict_text(VerdictWord word)
{
    static const char *const texts[] = {"not exercised", "held", "violated"};
    return texts[word];
}

const Verdict *check_find(const CheckReport *report, int64_t run, const char *workload,
                          const char *guarantee)
{
    for (unsigned i = 0; i < report->verdicts->len; i++) {
        const Verdict *verdict = report->verdicts->pdata[i];
        if (verdict->run == run && strcmp(verdict->workload, workload) == 0 &&
            strcmp(verdict->guarantee, guarantee) == 0)
            return verdict;
    }
    return NULL;
}

/* --- the files --- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *check_names(const char *folder, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *file;
    while (dir && (file = g_dir_read_name(dir)))
        if (g_str_has_suffix(file, ".sql"))
            g_ptr_array_add(names, g_strndup(file, strlen(file) - 4));
    if (names->len == 0) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    "%s: holds no check (*.sql); is the program installed whole? KENNEL_DATA can "
                    "name the folder that holds tools/checks",
                    folder);
        return NULL;
    }
    g_ptr_array_sort(names, by_text);
    return g_steal_pointer(&names);
}

/* --- one check --- */

typedef struct {
    CheckReport *report;
    const char *guarantee;
    unsigned results; /* statements that returned rows so far */
} Judging;

static Verdict *verdict_of_row(const Judging *judging, sqlite3_stmt *statement)
{
    int64_t run = sqlite3_column_int64(statement, 0);
    const char *workload = database_text(statement, 1);
    for (unsigned i = judging->report->verdicts->len; i-- > 0;) {
        Verdict *verdict = judging->report->verdicts->pdata[i];
        if (verdict->guarantee != judging->guarantee) break;
        if (verdict->run == run && strcmp(verdict->workload, workload) == 0) return verdict;
    }
    return NULL;
}

static void take_exercised(const Judging *judging, sqlite3_stmt *statement)
{
    Verdict *verdict = verdict_of_row(judging, statement);
    if (!verdict) return;
    verdict->times += sqlite3_column_int64(statement, 2);
    if (verdict->times > 0 && verdict->word == VERDICT_NOT_EXERCISED) verdict->word = VERDICT_HELD;
}

static void take_violation(const Judging *judging, sqlite3_stmt *statement)
{
    Verdict *verdict = verdict_of_row(judging, statement);
    if (!verdict) return;
    Violation violation = {sqlite3_column_int64(statement, 2),
                           g_strdup(database_text(statement, 3)),
                           g_strdup(database_text(statement, 4))};
    g_array_append_val(verdict->violations, violation);
    verdict->word = VERDICT_VIOLATED;
}

/* Whole numbers are counts and print as such; others get one decimal. */
static void take_figure(const Judging *judging, sqlite3_stmt *statement)
{
    Verdict *verdict = verdict_of_row(judging, statement);
    if (!verdict || sqlite3_column_type(statement, 2) == SQLITE_NULL) return;
    double value = sqlite3_column_double(statement, 2);
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    bool is_count = sqlite3_column_type(statement, 2) == SQLITE_INTEGER;
    g_ascii_formatd(number, sizeof number, is_count ? "%.0f" : "%.1f", value);
    g_ptr_array_add(verdict->figures,
                    g_strdup_printf("%s %s", number, database_text(statement, 3)));
}

static bool take_row(void *self, sqlite3_stmt *statement, unsigned result)
{
    const Judging *judging = self;
    static void (*const takers[])(const Judging *, sqlite3_stmt *) = {take_exercised,
                                                                      take_violation, take_figure};
    if (result < G_N_ELEMENTS(takers)) takers[result](judging, statement);
    return true;
}

static int by_time(const void *a, const void *b)
{
    const Violation *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    int order = g_strcmp0(x->object, y->object);
    return order ? order : g_strcmp0(x->what, y->what);
}

/* What a check makes is undone after it, so that checks do not meet. */
static bool run_check(CheckReport *report, Database *base, const char *folder,
                      const char *guarantee, GError **error)
{
    unsigned first = report->verdicts->len;
    for (unsigned i = 0; i < report->runs->len; i++) {
        const CheckedRun *run = report->runs->pdata[i];
        for (unsigned k = 0; k < run->workloads->len; k++)
            g_ptr_array_add(report->verdicts,
                            verdict_new(run->id, run->workloads->pdata[k], guarantee));
    }
    g_autofree char *name = g_strconcat(guarantee, ".sql", NULL);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    Judging judging = {report, guarantee, 0};
    bool ok = database_mark(base, error) &&
              database_run_file(base, path, take_row, &judging, error) &&
              database_release(base, error);
    for (unsigned i = first; ok && i < report->verdicts->len; i++)
        g_array_sort(((Verdict *)report->verdicts->pdata[i])->violations, by_time);
    return ok;
}

/* --- the runs --- */

static bool take_run(void *self, sqlite3_stmt *statement, unsigned result)
{
    (void)result;
    CheckReport *report = self;
    CheckedRun *run = g_new0(CheckedRun, 1);
    run->id = sqlite3_column_int64(statement, 0);
    run->scenario = g_strdup(database_text(statement, 1));
    run->variant = g_strdup(database_text(statement, 2));
    run->seed = g_strdup(database_text(statement, 3));
    run->state = g_strdup(database_text(statement, 4));
    run->events = sqlite3_column_int64(statement, 5);
    run->digest = g_strdup(database_text(statement, 6));
    run->command = g_strdup(database_text(statement, 7));
    run->parameters = database_json(database_text(statement, 8));
    run->ended_s = sqlite3_column_double(statement, 9) / 1e9;
    run->workloads = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(report->runs, run);
    return true;
}

static bool take_workload(void *self, sqlite3_stmt *statement, unsigned result)
{
    (void)result;
    CheckReport *report = self;
    for (unsigned i = 0; i < report->runs->len; i++) {
        CheckedRun *run = report->runs->pdata[i];
        if (run->id == sqlite3_column_int64(statement, 0))
            g_ptr_array_add(run->workloads, g_strdup(database_text(statement, 1)));
    }
    return true;
}

/* The views that checks join; those that are as long as the facts stay views. */
static const char *const joined_views[] = {
    "run_end",
    "object_ref",
    "life",
    "pod",
    "workload",
    "pod_ready",
    "pod_phase",
    "container_run",
    "pod_run",
    "pod_ip",
    "pod_claim",
    "claim",
    "volume_attached",
    "volume_mounted",
    "volume_modes",
    "dns_answer",
    "workload_state",
    NULL,
};

static bool load_runs(CheckReport *report, Database *base, GError **error)
{
    return database_materialize(base, joined_views, error) &&
           database_query(base,
                          "SELECT id, scenario, variant, seed, state, events, event_digest, "
                          "command, parameters, ended_at FROM run ORDER BY id",
                          take_run, report, error) &&
           database_query(base, "SELECT DISTINCT run, workload FROM workload ORDER BY 1, 2",
                          take_workload, report, error);
}

/* The guarantees asked for, in the order of their names; NULL with error set for an unknown one. */
static GPtrArray *chosen(const char *folder, const char *const *only, GError **error)
{
    g_autoptr(GPtrArray) names = check_names(folder, error);
    if (!names || !only || !*only) return g_steal_pointer(&names);
    g_ptr_array_add(names, NULL);
    const char *const *known = (const char *const *)names->pdata;
    g_autoptr(GPtrArray) result = g_ptr_array_new_with_free_func(g_free);
    for (const char *const *name = only; *name; name++) {
        const char *near = text_nearest(*name, known);
        if (!g_strv_contains(known, *name)) {
            g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                        "there is no guarantee '%s'%s%s%s; `kennel help guarantees` lists them",
                        *name, near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
            return NULL;
        }
        g_ptr_array_add(result, g_strdup(*name));
    }
    return g_steal_pointer(&result);
}

static int by_run(const void *a, const void *b)
{
    const Verdict *x = *(const Verdict *const *)a, *y = *(const Verdict *const *)b;
    if (x->run != y->run) return x->run < y->run ? -1 : 1;
    int order = strcmp(x->workload, y->workload);
    return order ? order : strcmp(x->guarantee, y->guarantee);
}

CheckReport *check_timeline(const char *database, const char *folder, const char *const *only,
                            GError **error)
{
    g_autoptr(CheckReport) report = g_new0(CheckReport, 1);
    report->runs = g_ptr_array_new_with_free_func(run_free);
    report->verdicts = g_ptr_array_new_with_free_func(verdict_free);
    GPtrArray *names = chosen(folder, only, error);
    report->guarantees = names ? names : g_ptr_array_new_with_free_func(g_free);
    Database *base = names ? database_open(database, error) : NULL;
    bool ok = base && load_runs(report, base, error);
    for (unsigned i = 0; ok && i < names->len; i++)
        ok = run_check(report, base, folder, names->pdata[i], error);
    database_close(base);
    if (!ok) return NULL;
    g_ptr_array_sort(report->verdicts, by_run);
    return g_steal_pointer(&report);
}
