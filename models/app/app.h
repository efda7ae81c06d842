/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app.h - what runs in the pods.
 *
 * An App decides how long a process takes to be ready after its container started, what its probes
 * answer, how long it takes to stop after SIGTERM, and what it does with its volume. The runtime
 * makes one AppRun for each main container of a pod and asks it; an App never sees Kubernetes
 * objects. Which App a pod runs is chosen by the scenario's `applications`; without a rule the
 * first APP of catalog.def with its defaults.
 */
#ifndef KENNEL_MODELS_APP_APP_H
#define KENNEL_MODELS_APP_APP_H

#include "models/world.h"

typedef enum { PROBE_STARTUP, PROBE_READINESS, PROBE_LIVENESS } ProbeKind;

/* One incarnation of the application, from container start to its end. */
typedef struct {
    World *world;
    const App *app;
    const void *params;
    Atom pod; /* "Pod/ns/name" */
    Atom uid;
    Nanos started_at;
    unsigned restarts;
    void *state; /* the app's own; freed by end() */
} AppRun;

struct App {
    const char *name;
    const char *help;
    const Param *params;
    size_t params_size;
    /* The container has started; sets run->state. May be NULL. */
    void (*start)(AppRun *run);
    /* What a probe finds now. */
    bool (*probe)(AppRun *run, ProbeKind kind);
    /* When the answer of the readiness probe may next change without outside influence;
     * NANOS_NEVER if not. Lets kubelets skip probes that cannot change anything. */
    Nanos (*next_change)(AppRun *run);
    /* SIGTERM arrived: how long until it exits by itself; NANOS_NEVER: it ignores the signal.
     * ret_exit_code is what it exits with. */
    Nanos (*stop)(AppRun *run, int *ret_exit_code);
    /* The process is gone, however. May be NULL. */
    void (*end)(AppRun *run);
};

/* An app's answers changed by an outside influence, not foretold by next_change(): whoever probes
 * it asks again. */
void app_changed(AppRun *run);

/* The rule that applies to a pod with these labels (a map): its app and params. */
const App *app_of_labels(const Scenario *scenario, const Value *labels, const void **ret_params);

#endif
