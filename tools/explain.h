/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.h - why a set stands where it stands, and the way out, for somebody who was woken by it.
 *
 * What the controller decides, and its one sentence of reason, come from a rehearsal. Here the
 * facts around it are looked up in the dump (why is that pod not Ready? is its node gone? was a
 * creation refused?), which gives a situation; the table of advice has its rule and its way out.
 */
#ifndef KENNEL_TOOLS_EXPLAIN_H
#define KENNEL_TOOLS_EXPLAIN_H

#include "models/kind/views.h"
#include "models/rehearsal.h"
#include "tools/dump.h"

/* SITUATION(ID, "name", is_stuck, rule, way out); explain.def is the table. */
typedef enum {
#define SITUATION(ID, name, is_stuck, rule, way_out) SITUATION_##ID,
#include "tools/explain.def"
    SITUATION_COUNT
} Situation;

/* What is known about a set when it has been rehearsed. */
typedef struct {
    const Dump *dump;
    Rehearsal *rehearsal;
    const RehearsalRecord *record;
    const Object *set;
    const Value *value; /* of the set, as dumped */
    const char *space, *name;
    Nanos now;
    bool knows_now;
} Case;

/* One thing worth knowing; texts are owned. */
typedef struct {
    Situation situation;
    char *about; /* "web-2": the pod or claim in question; "" if none */
    char *cause; /* a sentence of facts */
    char *rule, *way_out;
} Finding;

/* What keeps a pod from being Ready. */
typedef enum {
    TROUBLE_NONE,
    TROUBLE_NODE,
    TROUBLE_UNSCHEDULABLE,
    TROUBLE_IMAGE,
    TROUBLE_CONFIG,
    TROUBLE_CRASH,
    TROUBLE_VOLUME,
    TROUBLE_STARTING,
    TROUBLE_READINESS,
} Trouble;

const char *situation_name(Situation situation);
/* Whether it lasts until somebody does something. */
bool situation_is_stuck(Situation situation);

/* Findings of a case, most important first: a GPtrArray of Finding. */
GPtrArray *explain_case(const Case *c);

/* Appends a finding whose texts come from the table: {pod}, {claim} and {node} are those of `about`
 * (NULL: the set), {other} is `other` (may be NULL). `cause` is taken. */
void explain_add(GPtrArray *findings, const Case *c, Situation situation, const Value *about,
                 const char *other, char *cause);

/* The situation of a pod that a reason of the controller waits for. */
void explain_pod(GPtrArray *findings, const Case *c, const Value *pod);

/* What is wrong with a pod; *ret_text (free with g_free()) says it in a few words. */
Trouble explain_trouble(const Case *c, const Value *pod, char **ret_text);
/* "its node n1 is unreachable since ..." if its node is gone as far as the dump shows; or NULL. */
char *explain_node(const Case *c, const Value *pod);
/* A pod's or claim's finalizers as "a, b"; NULL if it has none. */
char *explain_finalizers(const Value *object);

/* The condition of a type, or NULL. */
const Value *explain_condition(const Value *object, const char *type);

/* A message on one line, not too long. Free with g_free(). */
char *explain_shorten(const char *message);

/* "3h2m" since then, in whole seconds; "a time unknown" without a present. Free with g_free(). */
char *explain_since(const Case *c, Nanos then);

#endif
