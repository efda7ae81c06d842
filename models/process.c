/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.c - the crash domain: life, link and leadership of a process.
 * Mirrors: kubernetes v1.36 cmd/kube-controller-manager/app, cmd/kube-scheduler/app (start order)
 * Simplified: a process that exits by itself is restarted by its supervisor (a static pod's
 *          kubelet) after one second, with no crash-loop back-off: recovery after a long outage
 *          of the API server may in truth take up to five minutes longer.
 * State:
 *            start                lead
 *     down --------> up, standby ------> up, leading        (without a lease: leads at once)
 *       ^              |                    |  pause / resume at any time while up
 *       +---- crash ---+------- crash ------+
 */
#include "models/process.h"
#include "models/election.h"
#include "models/machinery.h"
#include "models/node/machine.h"

#define RESTART_DELAY (1 * NANOS_S)

/* An event that came due while the process was paused. */
typedef struct {
    const EventType *type;
    void *self;
    uint64_t arg;
} Deferred;

/* --- life --- */

static Process *process_make(World *world, const ProcessOptions *options,
                             const Component *const *components)
{
    Process *process = g_new0(Process, 1);
    process->world = world;
    process->sim = world_sim(world);
    process->name = world_atom(world, options->name);
    process->role = options->role;
    process->machine = options->machine;
    process->cache = table_new();
    process->deferred = g_array_new(FALSE, FALSE, sizeof(Deferred));
    while (components[process->actor_count] != NULL)
        process->actor_count++;
    process->actors = g_new0(Actor, process->actor_count);
    for (unsigned i = 0; i < process->actor_count; i++)
        actor_init(&process->actors[i], process, components[i]);
    return process;
}

Process *process_new_of(World *world, const ProcessOptions *options,
                        const Component *const *components)
{
    Process *process = process_make(world, options, components);
    process->informer = informer_new(world_hub(world), process);
    if (options->lease != NULL) process->election = election_new(process, options->lease);
    world_adopt(world, process);
    return process;
}

Process *process_new(World *world, const ProcessOptions *options)
{
    return process_new_of(world, options, role_components(options->role));
}

Process *process_new_rehearsal(World *world, Role role)
{
    static const char *const names[ROLE_COUNT] = {"kube-controller-manager", "kube-scheduler",
                                                  "kubelet", "csi-controller", "coredns"};
    ProcessOptions options = {.name = names[role], .role = role};
    Process *process = process_make(world, &options, role_components(role));
    process->informer = informer_new(NULL, process);
    process->is_rehearsal = process->is_up = process->is_leading = true;
    world_adopt(world, process);
    return process;
}

void process_free(Process *process)
{
    if (process == NULL) return;
    for (unsigned i = 0; i < process->actor_count; i++) {
        actor_stop(&process->actors[i]);
        actor_clear(&process->actors[i]);
    }
    world_disown(process->world, process);
    election_free(process->election);
    informer_free(process->informer);
    table_free(process->cache);
    g_array_unref(process->deferred);
    g_free(process->actors);
    g_free(process);
}

static Atom process_node(const Process *process)
{
    return process->machine != NULL ? machine_name(process->machine) : ATOM_NONE;
}

/* kube-scheduler fills its caches while it stands by; kube-controller-manager begins when it
 * leads. */
static bool is_warm_standby(const Process *process)
{
    return process->role == ROLE_SCHEDULER;
}

void process_start(Process *process)
{
    CHECK(!process->is_up);
    process->is_up = true;
    world_fact(process->world, ROW_PROCESS_UP,
               (Fact){.actor = process->name, .node = process_node(process)});
    if (process->election == NULL) {
        process_lead(process);
        return;
    }
    if (is_warm_standby(process)) informer_open(process->informer);
    election_start(process->election);
}

void process_lead(Process *process)
{
    CHECK(process->is_up && !process->is_leading);
    process->is_leading = true;
    bool is_cold = process->election == NULL || !is_warm_standby(process);
    for (unsigned i = 0; i < process->actor_count; i++)
        actor_start(&process->actors[i]);
    if (is_cold) informer_open(process->informer);
    for (unsigned i = 0; i < process->actor_count; i++) {
        if (!is_cold) informer_introduce(process->informer, &process->actors[i]);
        actor_listed(&process->actors[i]);
    }
}

/* Lets the events that were kept run now, in the order they came due. Of a process that has died
 * only its calls are left to be ended; all else has lost its subject. */
static void process_release(Process *process)
{
    process->is_paused = false;
    for (unsigned i = 0; i < process->deferred->len; i++) {
        const Deferred *event = &g_array_index(process->deferred, Deferred, i);
        if (process->is_up || client_owns(event->type))
            sim_after(process->sim, 0, event->type, event->self, event->arg);
    }
    g_array_set_size(process->deferred, 0);
}

void process_crash(Process *process, const char *why)
{
    if (!process->is_up) return;
    process->is_up = process->is_leading = false;
    process->incarnation++;
    for (unsigned i = 0; i < process->actor_count; i++)
        actor_stop(&process->actors[i]);
    if (process->election != NULL) election_stop(process->election);
    informer_close(process->informer);
    process_release(process);
    world_fact(process->world, ROW_PROCESS_DOWN,
               (Fact){.actor = process->name,
                      .node = process_node(process),
                      .detail = world_atom(process->world, why)});
}

static void process_restart(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    Process *process = self;
    bool is_same = (uint32_t)arg == process->incarnation;
    if (is_same && !process->is_up) process_start(process);
}

static const EventType restart_event = {"process-restart", RANK_TIMER, process_restart};

void process_exit(Process *process, const char *why)
{
    process_crash(process, why);
    sim_after(process->sim, RESTART_DELAY, &restart_event, process, process->incarnation);
}

void process_pause(Process *process)
{
    if (process->is_up) process->is_paused = true;
}

void process_resume(Process *process)
{
    if (process->is_paused) process_release(process);
}

bool process_defer(Process *process, const EventType *type, void *self, uint64_t arg)
{
    if (G_LIKELY(!process->is_paused)) return false;
    Deferred event = {type, self, arg};
    g_array_append_val(process->deferred, event);
    return true;
}

/* --- the link --- */

void process_cut(Process *process, bool to_server, bool from_server)
{
    if (!to_server && !from_server) return;
    process->is_cut_to |= to_server;
    process->is_cut_from |= from_server;
    const char *what = process->is_cut_to && process->is_cut_from ? "both directions"
                       : process->is_cut_to                       ? "to server"
                                                                  : "from server";
    world_fact(process->world, ROW_LINK_CUT,
               (Fact){.actor = process->name,
                      .node = process_node(process),
                      .detail = world_atom(process->world, what)});
    informer_cut(process->informer);
}

void process_heal(Process *process)
{
    if (process_is_linked(process)) return;
    process->is_cut_to = process->is_cut_from = false;
    world_fact(process->world, ROW_LINK_HEALED,
               (Fact){.actor = process->name, .node = process_node(process)});
    informer_heal(process->informer);
}

bool process_is_cut(const Process *process)
{
    return !process_is_linked(process);
}

void process_delay_watch(Process *process, Kind kind, Nanos delay)
{
    informer_delay(process->informer, kind, delay);
}

/* --- reading --- */

bool process_is_up(const Process *process)
{
    return process->is_up;
}

bool process_is_leading(const Process *process)
{
    return process->is_leading;
}

Atom process_name(const Process *process)
{
    return process->name;
}

Role process_role(const Process *process)
{
    return process->role;
}

Machine *process_machine(const Process *process)
{
    return process->machine;
}

World *process_world(const Process *process)
{
    return process->world;
}

const ObjectTable *process_cache(const Process *process)
{
    return process->cache;
}

void process_cache_put(Process *process, const Object *object)
{
    informer_apply(process->informer, object, false);
}

void process_cache_drop(Process *process, Key key)
{
    const Object *cached = table_get(process->cache, key);
    if (cached == NULL) return;
    autoobject object = object_ref(cached);
    informer_apply(process->informer, object, true);
}

unsigned process_actor_count(const Process *process)
{
    return process->actor_count;
}

Actor *process_actor_at(const Process *process, unsigned index)
{
    CHECK(index < process->actor_count);
    return &process->actors[index];
}

Actor *process_actor(const Process *process, const char *component)
{
    for (unsigned i = 0; i < process->actor_count; i++)
        if (strcmp(process->actors[i].component->name, component) == 0) return &process->actors[i];
    return NULL;
}
