/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.h - judges recorded runs: one SQL file a guarantee, in tools/checks.
 *
 * A check file is a series of SQL statements over the timeline and its views. Statements that
 * return no rows prepare (CREATE TEMP TABLE ...); of those that return rows, the first says where
 * the guarantee was put to the test (run, workload, times), the second lists the violations (run,
 * workload, at, object, what), the third gives figures (run, workload, value, unit). The guarantee
 * is the file's name. A verdict is given for each workload of each run: violated if there are
 * violations; held if it was put to the test; else not exercised.
 */
#ifndef KENNEL_TOOLS_CHECK_H
#define KENNEL_TOOLS_CHECK_H

#include "sim/base.h"
#include "sim/value.h"

typedef enum { VERDICT_NOT_EXERCISED, VERDICT_HELD, VERDICT_VIOLATED } VerdictWord;

typedef struct {
    Nanos at;
    char *object, *what;
} Violation;

typedef struct {
    int64_t run;
    char *workload; /* "StatefulSet/default/mysql" */
    const char *guarantee;
    VerdictWord word;
    int64_t times;      /* put to the test */
    GArray *violations; /* of Violation, by time */
    GPtrArray *figures; /* of char *: "47.3 s stale" */
} Verdict;

typedef struct {
    int64_t id;
    char *scenario, *variant, *state, *digest, *command;
    char *seed;
    Value *parameters;
    int64_t events;
    double ended_s;
    GPtrArray *workloads; /* of char * */
} CheckedRun;

typedef struct {
    GPtrArray *guarantees; /* of char *, sorted */
    GPtrArray *runs;       /* of CheckedRun * */
    GPtrArray *verdicts;   /* of Verdict *: by run, workload, guarantee */
} CheckReport;

/* Names of the guarantees in a checks folder, sorted; NULL with error set if there is none. */
GPtrArray *check_names(const char *folder, GError **error);

/* Judges all runs of a timeline; `only` (may be NULL) is a NULL-terminated list of guarantees. */
CheckReport *check_timeline(const char *database, const char *folder, const char *const *only,
                            GError **error);

void check_report_free(CheckReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CheckReport, check_report_free)

/* The verdict on a workload of a run, or NULL. */
const Verdict *check_find(const CheckReport *report, int64_t run, const char *workload,
                          const char *guarantee);

/* "held", "violated", "not exercised". */
const char *verdict_text(VerdictWord word);

/* Prints the table guarantee x workload, in blocks that fit `width` columns. */
void check_print(const CheckReport *report, unsigned width, bool is_coloured, FILE *out);

/* Prints every violation, a line each, at most `most` a verdict (0: all). */
void check_print_violations(const CheckReport *report, unsigned most, FILE *out);

/* The report as JSON: {"schemaVersion": 1, "runs": [{..., "verdicts": [...]}]}. */
Value *check_json(const CheckReport *report);

#endif
