/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.h - a physical node: power, the container runtime, what is mounted.
 *
 * The machine is the truth about what runs. Its kubelet process comes and goes; containers go on
 * running without it, and die only by being stopped, by themselves, or when the power goes. The
 * kubelet acts on it through runtime.h and volumes.h; faults switch its power.
 */
#ifndef KENNEL_MODELS_NODE_MACHINE_H
#define KENNEL_MODELS_NODE_MACHINE_H

#include "models/process.h"

typedef struct {
    const char *name, *zone;
    int64_t cpu_milli, memory_bytes, pods;
    const Value *labels, *taints;
} MachineOptions;

/* Makes a machine with its kubelet process; it is off. */
Machine *machine_new(World *world, const MachineOptions *options);
void machine_free(Machine *machine);

/* Switches power on: after the boot time the kubelet starts and registers its Node. Idempotent. */
void machine_power_on(Machine *machine);
/* Boots at once, with no boot time: for the start of the world. */
void machine_start_now(Machine *machine);
/* Power loss: kubelet and containers die at once, mounts and memory are gone, disks keep their
 * data, attachments stay as the storage backend has them. Idempotent. */
void machine_power_off(Machine *machine);

bool machine_is_on(const Machine *machine);
/* Whether it is on and has booted: processes can run on it. */
bool machine_is_up(const Machine *machine);
Atom machine_name(const Machine *machine);
Atom machine_zone(const Machine *machine);
World *machine_world(const Machine *machine);
Process *machine_kubelet(const Machine *machine);
const MachineOptions *machine_options(const Machine *machine);
/* Counts boots; part of node.status.nodeInfo.bootID. */
unsigned machine_boots(const Machine *machine);

/* Whether a pod (by name) has a running container here: what a fault selector asks. */
bool machine_runs_pod(const Machine *machine, Atom space, Atom pod_name);

#endif
