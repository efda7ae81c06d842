/* SPDX-License-Identifier: Apache-2.0 */
/* plan_internal.h - what plan.c (filling) and plan_executor.c (performing) share. */
#ifndef KENNEL_MODELS_PLAN_INTERNAL_H
#define KENNEL_MODELS_PLAN_INTERNAL_H

#include "models/machinery.h"

typedef struct PlanLane PlanLane;

/* An event to emit when a step has ended; reason NULL: none. */
typedef struct {
    Key about;
    const char *reason, *text;
} StepEvent;

struct PlanStep {
    Plan *plan;
    PlanLane *lane;
    PlanStep *next;
    Request request;
    PlanFlags flags;
    PlanReply then;
    void *data;
    Value *(*rebase)(Actor *actor, PlanStep *step, const Object *newer);
    Value *(*make)(Actor *actor, PlanStep *step, void *data); /* plan_late(), or NULL */
    void *make_data;
    const char *answer; /* plan_answer(): the message; nothing is sent */
    ReplyReason answer_reason;
    const char *because;
    StepEvent ok, failed;
    bool has_begun, is_dropped;
    unsigned attempts;
    Nanos retry_in;
};

/* Steps that run one after the other. */
struct PlanLane {
    Plan *plan;
    PlanLane *next;
    unsigned batch, lane;
    PlanStep *head, *tail;
    PlanStep *current; /* sent, or to be sent next; NULL: at the end */
    PlanStep *due;     /* on a stage: to be answered next */
    Timer pause;       /* before a step is sent again */
    bool is_stopped;   /* a step failed: only FINAL ones are still performed */
};

/* What is released with the plan. */
typedef struct PlanKept PlanKept;
struct PlanKept {
    void (*release)(void *thing);
    void *thing;
    PlanKept *next;
};

struct Plan {
    Actor *actor;
    Key key;
    Arena *arena;
    Plan *previous, *next; /* among the actor's plans at work; next also chains free ones */
    PlanLane *first_lane, *last_lane;
    PlanLane *lane;      /* that new steps join */
    PlanStep *after;     /* in a reply hook: the step that new ones follow */
    unsigned batch_base; /* in a reply hook: what is added to the batches it asks for */
    PlanLane *batch;     /* first lane of the batch at work */
    unsigned running;    /* lanes of it that have not ended */
    unsigned step_count;
    Nanos requeue; /* NANOS_NEVER: not asked for */
    bool has_failed, is_stopped;
    const char *failure; /* of plan_fail(), or NULL */
    Timer start;
    void (*done)(Actor *actor, Key key, bool succeeded, void *data);
    void *done_data;
    PlanKept *kept;
};

/* Ends a plan: calls its finally-hook and gives everything back. */
void plan_dispose(Plan *plan, bool succeeded);

/* Makes the body of a late step; false if the step is skipped. */
bool plan_make_body(PlanStep *step);

/* "update-status" and the like. */
const char *plan_verb_text(RequestVerb verb);

#endif
