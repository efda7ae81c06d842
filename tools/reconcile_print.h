/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reconcile_print.h - one judged set, for people and for tools.
 *
 * The text begins with what somebody needs who was woken by it: the verdict, the sentence of
 * reason, cause, rule and way out; then what the next sync writes. The JSON has the same.
 */
#ifndef KENNEL_TOOLS_RECONCILE_PRINT_H
#define KENNEL_TOOLS_RECONCILE_PRINT_H

#include "tools/explain.h"

/* "settled": nothing to do; "acting"; "waiting": it ends by itself; "stuck": it does not. */
const char *reconcile_verdict(const Case *c, const GPtrArray *findings);

/* Why the set stands where it stands. Free with g_free(). */
char *reconcile_sentence(const Case *c, const GPtrArray *findings);

/* Appends the set as text, or gives it as a map. */
void reconcile_print(const Case *c, const GPtrArray *findings, GString *out);
Value *reconcile_value(const Case *c, const GPtrArray *findings);

#endif
