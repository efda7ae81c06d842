/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime.h - a machine's container runtime: the truth about what runs there.
 *
 * The runtime belongs to the machine, not to the kubelet: containers go on while the kubelet
 * process is down or cut off, and exit without anybody watching. A Sandbox is what exists of one
 * pod (by uid); its record, with the exit codes and restart counts of its containers, is kept on
 * disk and survives a power loss, its processes and its address do not. The facts
 * container-started, container-stopped and app-ready are written here and nowhere else.
 *
 * Calls act at once; how long they take is the kubelet's business. The listener (the kubelet while
 * it is up) hears of exits and of applications whose answers changed.
 */
#ifndef KENNEL_MODELS_NODE_RUNTIME_H
#define KENNEL_MODELS_NODE_RUNTIME_H

#include "models/actor.h"
#include "models/app/app.h"
#include "models/node/machine.h"

typedef struct Runtime Runtime;
typedef struct Sandbox Sandbox;

typedef struct {
    Sandbox *sandbox;
    Atom name;
    bool is_main; /* runs the pod's application; others do their work and exit 0 */
    bool is_sidecar;
    bool is_running;
    unsigned attempt;  /* of the sandbox it was started in last */
    unsigned restarts; /* starts less one */
    Nanos started_at, finished_at;
    int exit_code;
    bool has_last; /* a run before the present one */
    Nanos last_started_at, last_finished_at;
    int last_exit_code;
    AppRun run;      /* is_main only */
    bool is_serving; /* what the application answered last */
    bool is_stopping;
    Nanos kill_at;
    int stop_code;
    Timer exit, change;
} Container;

struct Sandbox {
    Runtime *runtime;
    Key key;
    Atom uid, ref, ip;
    int64_t grace_s;       /* terminationGracePeriodSeconds */
    unsigned attempt;      /* counts starts of the sandbox */
    bool is_up;            /* has a network and may hold running containers */
    bool is_serving;       /* every main container runs and serves */
    unsigned main_count;   /* main containers that the pod has */
    GPtrArray *containers; /* of Container, in order of their first start */
    const Value *labels;
};

/* A volume mounted for a pod; outlives the kubelet process, not the power. */
typedef struct {
    Atom pod_uid, volume; /* volume: its name in the pod */
    Atom disk, unique;
    bool needs_attach, is_read_only;
} MountRecord;

typedef struct {
    void (*exited)(void *self, Container *container);
    void (*app_changed)(void *self, Container *container);
    void *self;
} RuntimeListener;

Runtime *runtime_new(Machine *machine);
void runtime_free(Runtime *runtime);

/* Power is gone: everything running exits 137, mounts and sandboxes are down. */
void runtime_lost(Runtime *runtime);

/* The listener; one whose self is NULL ends it. */
void runtime_listen(Runtime *runtime, RuntimeListener listener);

/* --- sandboxes, by pod uid --- */

Sandbox *runtime_sandbox(const Runtime *runtime, Atom uid);
unsigned runtime_sandbox_count(const Runtime *runtime);
Sandbox *runtime_sandbox_at(const Runtime *runtime, unsigned index);

/* Makes the pod's sandbox, or brings it up again, with a fresh address. */
Sandbox *runtime_start_sandbox(Runtime *runtime, const Object *pod);

/* Takes the network down; nothing may be running. */
void runtime_stop_sandbox(Sandbox *sandbox);

/* Forgets it; nothing may be running. */
void runtime_remove_sandbox(Sandbox *sandbox);

/* --- containers --- */

Container *sandbox_container(const Sandbox *sandbox, Atom name);
unsigned sandbox_running(const Sandbox *sandbox);

/* Starts a container, again if it has exited. */
Container *runtime_start_container(Sandbox *sandbox, const ContainerView *view);

/* SIGTERM now, SIGKILL after `grace` (at least 2 s); again: the earlier SIGKILL counts. */
void runtime_stop_container(Container *container, Nanos grace);

/* The process ends by itself, or is killed, now. */
void runtime_exit_container(Container *container, int exit_code);

/* --- disks of the machine --- */

bool runtime_has_image(const Runtime *runtime, Atom image);
void runtime_add_image(Runtime *runtime, Atom image);

/* What is mounted: array of MountRecord. */
GArray *runtime_mounts(Runtime *runtime);

/* --- of machine.c --- */

Runtime *machine_runtime(const Machine *machine);
/* Counts a start of the kubelet; returns whether the node is warm: its runtime and network have
 * been up before in this boot, or it was there when the world began. */
bool machine_kubelet_started(Machine *machine);

#endif
