/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine.c - a node's power switch, and what hangs on it.
 * Mirrors: a virtual machine or server with systemd, containerd and a kubelet (no source).
 * Simplified: memory, CPU and disk pressure do not exist; a shutdown is always a power loss.
 * State: off -power on-> booting -boot time-> up -power off-> off
 *        booting -power off-> off
 */
#include "models/node/runtime.h"

struct Machine {
    World *world;
    Arena *arena;
    MachineOptions options;
    Atom name, zone;
    Process *kubelet;
    Runtime *runtime;
    bool is_on, is_up;
    bool is_warm; /* the kubelet has run before in this boot */
    unsigned boots;
    Timer boot;
};

static void boot_done(Sim *sim, void *self, uint64_t arg);
static const EventType boot_event = {"machine-boot", RANK_TIMER, boot_done};

Machine *machine_new(World *world, const MachineOptions *options)
{
    Machine *machine = g_new0(Machine, 1);
    machine->world = world;
    machine->arena = arena_new();
    machine->options = *options;
    machine->options.name = arena_strdup(machine->arena, options->name);
    machine->options.zone = options->zone ? arena_strdup(machine->arena, options->zone) : NULL;
    machine->options.labels = options->labels ? value_ref(options->labels) : NULL;
    machine->options.taints = options->taints ? value_ref(options->taints) : NULL;
    machine->name = world_atom(world, options->name);
    machine->zone = world_atom(world, options->zone);
    machine->runtime = runtime_new(machine);
    ProcessOptions process = {
        .name = arena_printf(machine->arena, "kubelet-%s", options->name),
        .role = ROLE_KUBELET,
        .machine = machine,
    };
    machine->kubelet = process_new(world, &process);
    return machine;
}

void machine_free(Machine *machine)
{
    if (!machine) return;
    runtime_free(machine->runtime);
    value_unref(machine->options.labels);
    value_unref(machine->options.taints);
    arena_free(machine->arena);
    g_free(machine);
}

static void machine_boot(Machine *machine, bool is_warm)
{
    machine->is_up = true;
    machine->is_warm = is_warm;
    machine->boots++;
    world_fact(machine->world, ROW_MACHINE_UP, (Fact){.node = machine->name});
    process_start(machine->kubelet);
}

static void boot_done(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    (void)arg;
    machine_boot((Machine *)self, false);
}

void machine_power_on(Machine *machine)
{
    if (machine->is_on) return;
    const Dist *time = &world_config(machine->world)->latency.machine_boot;
    Nanos delay = world_draw(machine->world, time, machine->name, "machine-boot");
    machine->is_on = true;
    machine->boot = sim_after(world_sim(machine->world), delay, &boot_event, machine, 0);
}

void machine_start_now(Machine *machine)
{
    CHECK(!machine->is_on);
    machine->is_on = true;
    machine_boot(machine, true);
}

void machine_power_off(Machine *machine)
{
    if (!machine->is_on) return;
    machine->is_on = false;
    sim_cancel(world_sim(machine->world), machine->boot);
    if (!machine->is_up) return;
    machine->is_up = false;
    world_fact(machine->world, ROW_MACHINE_DOWN, (Fact){.node = machine->name});
    if (process_is_up(machine->kubelet)) process_crash(machine->kubelet, "power loss");
    runtime_lost(machine->runtime);
}

bool machine_kubelet_started(Machine *machine)
{
    bool was_warm = machine->is_warm;
    machine->is_warm = true;
    return was_warm;
}

bool machine_is_on(const Machine *machine)
{
    return machine->is_on;
}

bool machine_is_up(const Machine *machine)
{
    return machine->is_up;
}

Atom machine_name(const Machine *machine)
{
    return machine->name;
}

Atom machine_zone(const Machine *machine)
{
    return machine->zone;
}

World *machine_world(const Machine *machine)
{
    return machine->world;
}

Process *machine_kubelet(const Machine *machine)
{
    return machine->kubelet;
}

Runtime *machine_runtime(const Machine *machine)
{
    return machine->runtime;
}

const MachineOptions *machine_options(const Machine *machine)
{
    return &machine->options;
}

unsigned machine_boots(const Machine *machine)
{
    return machine->boots;
}

bool machine_runs_pod(const Machine *machine, Atom space, Atom pod_name)
{
    for (unsigned i = 0; i < runtime_sandbox_count(machine->runtime); i++) {
        const Sandbox *sandbox = runtime_sandbox_at(machine->runtime, i);
        if (sandbox->key.space == space && sandbox->key.name == pod_name &&
            sandbox_running(sandbox) > 0)
            return true;
    }
    return false;
}
