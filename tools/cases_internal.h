/* SPDX-License-Identifier: Apache-2.0 */
/* cases_internal.h - what the files behind cases.h share; nobody else includes it. */
#ifndef KENNEL_TOOLS_CASES_INTERNAL_H
#define KENNEL_TOOLS_CASES_INTERNAL_H

#include "tools/cases.h"

/* --- cases_load.c --- */

/* Fills a rehearsal with a case's objects, differences and failures; false with error set. */
bool case_load(Rehearsal *rehearsal, const Value *recorded, Key *ret_set, GError **error);
/* Injects what a case or a step lists. */
bool case_inject(Rehearsal *rehearsal, const Value *list, const char *space, GError **error);
/* Reads the time at a key of a case or step. */
bool case_time(const Value *map, const char *key, Nanos *ret_at, GError **error);
/* "path: what" as an input error; false. */
bool case_fault(GError **error, const char *path, const char *what);

/* --- cases_steps.c --- */

/* Performs what the kubelet and users did before a step. */
bool case_operate(Rehearsal *rehearsal, const Value *operations, const char *space, GError **error);
/* Tells the API how many objects of a name there had been when the recording began. Uids count them,
 * and the count is in no field of the case: it shows in the digests, when the next one appears. */
void case_count_incarnations(Rehearsal *rehearsal, const Value *steps, const char *space);
/* A digest of the API: what exists, whose it is, how it is. */
Value *case_world(Rehearsal *rehearsal);

/* --- cases_result.c --- */

/* The recorded fields of a sync, less id. */
Value *case_result(Rehearsal *rehearsal, const RehearsalRecord *record);

#endif
