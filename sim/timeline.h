/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline.h - the recorder: facts of any number of runs into one SQLite file.
 *
 * A Fact says: at time `at`, while event `seq` ran (scheduled by event `cause`), `actor` saw to it
 * that something (`row`, an index into a vocabulary) happened to `object` (incarnation `uid`), on
 * `node`, with a detail and a number. Strings are interned per file; the timeline maps atoms of a
 * run's table to string ids. Subjects are texts "Kind/namespace/name", kept split in the table
 * `object`. The tables and generic views are timeline.sql; what the rows mean is the business of
 * who defines the vocabulary.
 *
 * Facts are buffered and written in batches through a virtual table (INSERT ... SELECT), with no
 * index kept meanwhile; timeline_close() builds the indexes. Transactions are journaled, so a run
 * that is interrupted, a full disk and a killed process leave a valid file in which the run is
 * marked incomplete. Recording fails late: timeline_fact() never fails, an error of a flush is kept
 * and returned by timeline_error() and by timeline_end_run().
 */
#ifndef KENNEL_SIM_TIMELINE_H
#define KENNEL_SIM_TIMELINE_H

#include "sim/atom.h"
#include "sim/value.h"

typedef struct Timeline Timeline;

/* A fact; atoms of the run's table. */
typedef struct {
    Nanos at;
    uint64_t seq, cause;
    uint32_t row;
    Atom actor, object, uid, node, detail;
    int64_t number;
} Fact;

/* The vocabulary, given when a file is made. */
typedef struct {
    const char *name;
    const char *help;
} FactRow;

/* What is known of a run before it starts. */
typedef struct {
    const char *scenario; /* its name */
    const char *variant;  /* "system=rg policy=parallel", "" if there is one only */
    const char *digest;   /* of the scenario text and manifests, in hex */
    const char *version;  /* of the program */
    const char *command;  /* that repeats it */
    uint64_t seed;
    Nanos epoch_s;           /* wall-clock second that time 0 stands for */
    const Value *parameters; /* map of name to value, may be NULL */
} RunInfo;

/* Creates the file with tables, vocabulary and `views` (SQL text, may be NULL). An existing timeline
 * (or empty file) is replaced; any other file is refused. The file is locked until it is closed. */
Timeline *timeline_create(const char *path, const FactRow *rows, unsigned row_count,
                          const char *views, GError **error);

/* Ends a file: indexes, statistics, close. False with error set if anything was lost. NULL is
 * allowed. The Timeline is freed either way. */
bool timeline_close(Timeline *timeline, GError **error);

/* Begins a run whose facts use the atoms of `atoms`; returns its id (1, 2, ...), 0 on error. */
int64_t timeline_begin_run(Timeline *timeline, const RunInfo *info, const AtomTable *atoms,
                           GError **error);

/* Records a fact of the current run. */
void timeline_fact(Timeline *timeline, const Fact *fact);

/* The error that recording met, NULL if none. */
const GError *timeline_error(const Timeline *timeline);

/* Ends the current run: `end` is "complete", or why it is not ("interrupted", "budget"). */
bool timeline_end_run(Timeline *timeline, const char *end, Nanos at, uint64_t events,
                      uint64_t digest, GError **error);

/* Facts recorded since the file was made. */
uint64_t timeline_facts(const Timeline *timeline);

#endif
