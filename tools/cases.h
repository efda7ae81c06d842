/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases.h - `kennel reconcile --cases`: recorded decisions of the real StatefulSet controller, made
 * again.
 *
 * The format is that of tests/conformance/README.md: a JSON object a line, a single case or a
 * trajectory. cases_run() writes one JSON line a case with the recorded fields; with a check it
 * compares them with what the case records, and writes a line a difference instead.
 */
#ifndef KENNEL_TOOLS_CASES_H
#define KENNEL_TOOLS_CASES_H

#include "models/rehearsal.h"

typedef struct {
    int minor;          /* release 1.minor */
    const Value *gates; /* for gates that a case does not name; NULL: none */
    bool has_now;
    Nanos now; /* for cases that have none */
} CaseOptions;

typedef struct CaseRunner CaseRunner;

CaseRunner *case_runner_new(const CaseOptions *options);
void case_runner_free(CaseRunner *runner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CaseRunner, case_runner_free)

/* What a case comes to: the fields that are recorded, "steps" for a trajectory. NULL with error
 * set ("path: what") if the case is not a case. The result is the caller's. */
Value *case_run(CaseRunner *runner, const Value *recorded, GError **error);

/* Only puts a case's objects in place: the controller that would sync them, and the set. */
Rehearsal *case_stage(CaseRunner *runner, const Value *recorded, Key *ret_set, GError **error);

typedef struct {
    unsigned cases, steps; /* singles; steps of trajectories */
    unsigned wrong_cases, wrong_steps;
    unsigned faults; /* lines that hold no case */
} CaseTally;

/* Compares a result with what was recorded: writes a line a difference and counts. */
void case_compare(const Value *recorded, const Value *result, GString *out, CaseTally *tally);

/* Runs all cases of a file ("-": standard input) and writes to out; faults go to standard error as
 * "FILE:LINE: what" and are counted. False with error set if the file cannot be read. */
bool cases_run(const char *file, const CaseOptions *options, bool is_check, FILE *out,
               CaseTally *tally, GError **error);

#endif
