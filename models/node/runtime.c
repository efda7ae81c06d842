/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime.c - containers as they really run.
 * Mirrors: what containerd does behind kubernetes v1.36 staging/src/k8s.io/cri-api.
 * Simplified: an init container does its work in one second and exits 0; a sidecar serves at once
 *   and stops at once; a preStop hook's time is part of the application's time to stop; a start
 *   that the kubelet did not live to see finished never happens.
 * State: of a container
 *   absent -start-> running -SIGTERM-> stopping -own time or grace-> exited -start-> running
 *                   running -end of work, power loss-> exited
 */
#include "models/node/runtime.h"

#include "models/net/network.h"
#include "models/storage/storage.h"

#define KILL_GRACE_MIN (2 * NANOS_S)
#define INIT_WORK      (1 * NANOS_S)
#define CODE_KILLED    137
#define CODE_TERM      143

struct Runtime {
    Machine *machine;
    World *world;
    RuntimeListener listener;
    GPtrArray *sandboxes; /* in order of creation */
    GHashTable *by_uid;   /* look-up only */
    GHashTable *images;   /* a set, look-up only */
    GArray *mounts;
};

static void exit_due(Sim *sim, void *self, uint64_t arg);
static void change_due(Sim *sim, void *self, uint64_t arg);
static const EventType exit_event = {"container-exit", RANK_TIMER, exit_due};
static const EventType change_event = {"app-change", RANK_TIMER, change_due};

static void container_end(Container *container)
{
    Sim *sim = world_sim(container->sandbox->runtime->world);
    sim_cancel(sim, container->exit);
    sim_cancel(sim, container->change);
    if (container->is_main && container->run.app->end && container->is_running)
        container->run.app->end(&container->run);
    container->is_running = false;
    container->is_stopping = false;
}

static void container_free(void *data)
{
    Container *container = (Container *)data;
    container_end(container);
    g_free(container);
}

static void sandbox_free(void *data)
{
    Sandbox *sandbox = (Sandbox *)data;
    g_ptr_array_unref(sandbox->containers);
    value_unref(sandbox->labels);
    g_free(sandbox);
}

Runtime *runtime_new(Machine *machine)
{
    Runtime *runtime = g_new0(Runtime, 1);
    runtime->machine = machine;
    runtime->world = machine_world(machine);
    runtime->sandboxes = g_ptr_array_new_with_free_func(sandbox_free);
    runtime->by_uid = g_hash_table_new(NULL, NULL);
    runtime->images = g_hash_table_new(NULL, NULL);
    runtime->mounts = g_array_new(FALSE, FALSE, sizeof(MountRecord));
    return runtime;
}

void runtime_free(Runtime *runtime)
{
    g_ptr_array_unref(runtime->sandboxes);
    g_hash_table_unref(runtime->by_uid);
    g_hash_table_unref(runtime->images);
    g_array_unref(runtime->mounts);
    g_free(runtime);
}

void runtime_listen(Runtime *runtime, RuntimeListener listener)
{
    runtime->listener = listener;
}

GArray *runtime_mounts(Runtime *runtime)
{
    return runtime->mounts;
}

bool runtime_has_image(const Runtime *runtime, Atom image)
{
    return g_hash_table_contains(runtime->images, GUINT_TO_POINTER(image));
}

void runtime_add_image(Runtime *runtime, Atom image)
{
    g_hash_table_add(runtime->images, GUINT_TO_POINTER(image));
}

/* --- sandboxes --- */

Sandbox *runtime_sandbox(const Runtime *runtime, Atom uid)
{
    return (Sandbox *)g_hash_table_lookup(runtime->by_uid, GUINT_TO_POINTER(uid));
}

unsigned runtime_sandbox_count(const Runtime *runtime)
{
    return runtime->sandboxes->len;
}

Sandbox *runtime_sandbox_at(const Runtime *runtime, unsigned index)
{
    return (Sandbox *)g_ptr_array_index(runtime->sandboxes, index);
}

static Sandbox *sandbox_new(Runtime *runtime, const Object *pod)
{
    const PodView *view = pod_view(pod);
    Sandbox *sandbox = g_new0(Sandbox, 1);
    sandbox->runtime = runtime;
    sandbox->key = pod->key;
    sandbox->uid = pod->uid;
    sandbox->ref = pod->ref;
    sandbox->grace_s = view->spec->grace_s;
    sandbox->containers = g_ptr_array_new_with_free_func(container_free);
    const Value *labels = value_find(pod->value, "metadata", "labels");
    sandbox->labels = labels ? value_ref(labels) : NULL;
    for (unsigned i = 0; i < view->spec->container_count; i++)
        sandbox->main_count += !view->spec->containers[i].is_init;
    g_ptr_array_add(runtime->sandboxes, sandbox);
    g_hash_table_insert(runtime->by_uid, GUINT_TO_POINTER(pod->uid), sandbox);
    return sandbox;
}

Sandbox *runtime_start_sandbox(Runtime *runtime, const Object *pod)
{
    Sandbox *sandbox = runtime_sandbox(runtime, pod->uid);
    if (!sandbox) sandbox = sandbox_new(runtime, pod);
    CHECK(sandbox_running(sandbox) == 0);
    sandbox->ip = network_pod_ip(world_network(runtime->world), runtime->machine);
    sandbox->is_up = true;
    sandbox->attempt++;
    return sandbox;
}

void runtime_stop_sandbox(Sandbox *sandbox)
{
    CHECK(sandbox_running(sandbox) == 0);
    sandbox->is_up = false;
}

void runtime_remove_sandbox(Sandbox *sandbox)
{
    CHECK(sandbox_running(sandbox) == 0);
    g_hash_table_remove(sandbox->runtime->by_uid, GUINT_TO_POINTER(sandbox->uid));
    g_ptr_array_remove(sandbox->runtime->sandboxes, sandbox);
}

Container *sandbox_container(const Sandbox *sandbox, Atom name)
{
    for (unsigned i = 0; i < sandbox->containers->len; i++) {
        Container *container = (Container *)g_ptr_array_index(sandbox->containers, i);
        if (container->name == name) return container;
    }
    return NULL;
}

unsigned sandbox_running(const Sandbox *sandbox)
{
    unsigned count = 0;
    for (unsigned i = 0; i < sandbox->containers->len; i++)
        count += ((const Container *)g_ptr_array_index(sandbox->containers, i))->is_running;
    return count;
}

/* --- facts --- */

static void sandbox_fact(const Sandbox *sandbox, Row row, Atom detail, int64_t number)
{
    const Runtime *runtime = sandbox->runtime;
    world_fact(runtime->world, row,
               (Fact){.object = sandbox->ref,
                      .uid = sandbox->uid,
                      .node = machine_name(runtime->machine),
                      .detail = detail,
                      .number = number});
}

/* The pod serves when all its main containers do. */
static void sandbox_judge_serving(Sandbox *sandbox)
{
    unsigned serving = 0;
    for (unsigned i = 0; i < sandbox->containers->len; i++) {
        const Container *container = (Container *)g_ptr_array_index(sandbox->containers, i);
        serving += container->is_main && container->is_running && container->is_serving;
    }
    bool is_serving = serving == sandbox->main_count;
    if (is_serving == sandbox->is_serving) return;
    sandbox->is_serving = is_serving;
    sandbox_fact(sandbox, ROW_APP_READY, ATOM_NONE, is_serving);
}

/* --- the application in a container --- */

/* Asks the application whether it serves, and comes back when that may change. */
static void container_ask(Container *container)
{
    Sim *sim = world_sim(container->sandbox->runtime->world);
    AppRun *run = &container->run;
    container->is_serving = run->app->probe(run, PROBE_READINESS);
    sim_cancel(sim, container->change);
    Nanos next = run->app->next_change ? run->app->next_change(run) : NANOS_NEVER;
    if (next != NANOS_NEVER)
        container->change = sim_at(sim, MAX(next, sim_now(sim)), &change_event, container, 0);
    sandbox_judge_serving(container->sandbox);
}

static void change_due(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    (void)arg;
    container_ask((Container *)self);
}

void app_changed(AppRun *run)
{
    Container *container = (Container *)(void *)((char *)run - offsetof(Container, run));
    const RuntimeListener *listener = &container->sandbox->runtime->listener;
    if (!container->is_running) return;
    container_ask(container);
    if (listener->self) listener->app_changed(listener->self, container);
}

/* --- containers --- */

static Container *container_new(Sandbox *sandbox, const ContainerView *view)
{
    Container *container = g_new0(Container, 1);
    container->sandbox = sandbox;
    container->name = view->name;
    container->is_main = !view->is_init;
    container->is_sidecar = view->is_sidecar;
    g_ptr_array_add(sandbox->containers, container);
    return container;
}

static void container_run_app(Container *container)
{
    Sandbox *sandbox = container->sandbox;
    World *world = sandbox->runtime->world;
    container->run = (AppRun){.world = world,
                              .pod = sandbox->ref,
                              .uid = sandbox->uid,
                              .started_at = container->started_at,
                              .restarts = container->restarts};
    container->run.app =
        app_of_labels(world_scenario(world), sandbox->labels, &container->run.params);
    if (container->run.app->start) container->run.app->start(&container->run);
    container_ask(container);
}

Container *runtime_start_container(Sandbox *sandbox, const ContainerView *view)
{
    Sim *sim = world_sim(sandbox->runtime->world);
    Container *container = sandbox_container(sandbox, view->name);
    CHECK(sandbox->is_up);
    if (!container) {
        container = container_new(sandbox, view);
    } else {
        CHECK(!container->is_running);
        container->restarts++;
        container->has_last = true;
        container->last_started_at = container->started_at;
        container->last_finished_at = container->finished_at;
        container->last_exit_code = container->exit_code;
    }
    container->is_running = true;
    container->attempt = sandbox->attempt;
    container->is_serving = false;
    container->started_at = sim_now(sim);
    container->kill_at = NANOS_NEVER;
    sandbox_fact(sandbox, ROW_CONTAINER_STARTED, container->name, container->restarts);
    if (container->is_main)
        container_run_app(container);
    else if (!container->is_sidecar)
        container->exit = sim_after(sim, INIT_WORK, &exit_event, container, 0);
    return container;
}

void runtime_exit_container(Container *container, int exit_code)
{
    Sandbox *sandbox = container->sandbox;
    const RuntimeListener *listener = &sandbox->runtime->listener;
    CHECK(container->is_running);
    container_end(container);
    container->is_serving = false;
    container->finished_at = world_now(sandbox->runtime->world);
    container->exit_code = exit_code;
    sandbox_judge_serving(sandbox);
    sandbox_fact(sandbox, ROW_CONTAINER_STOPPED, container->name, exit_code);
    if (listener->self) listener->exited(listener->self, container);
}

static void exit_due(Sim *sim, void *self, uint64_t arg)
{
    Container *container = (Container *)self;
    (void)arg;
    bool is_killed = container->is_stopping && sim_now(sim) >= container->kill_at;
    runtime_exit_container(container, is_killed ? CODE_KILLED : container->stop_code);
}

/* SIGTERM: when the process will have ended by itself. */
static Nanos container_term(Container *container)
{
    AppRun *run = &container->run;
    container->stop_code = container->is_sidecar ? 0 : CODE_TERM;
    return container->is_main ? run->app->stop(run, &container->stop_code) : 0;
}

void runtime_stop_container(Container *container, Nanos grace)
{
    Sim *sim = world_sim(container->sandbox->runtime->world);
    if (!container->is_running) return;
    Nanos now = sim_now(sim);
    Nanos kill_at = now + MAX(grace, KILL_GRACE_MIN);
    Nanos exit_at = kill_at;
    if (container->is_stopping) {
        if (kill_at >= container->kill_at) return;
        exit_at = MIN(kill_at, sim_due(sim, container->exit));
    } else {
        Nanos own = container_term(container);
        container->is_stopping = true;
        if (own < kill_at - now) exit_at = now + own;
    }
    container->kill_at = kill_at;
    sim_cancel(sim, container->exit);
    container->exit = sim_at(sim, exit_at, &exit_event, container, 0);
}

void runtime_lost(Runtime *runtime)
{
    for (unsigned i = 0; i < runtime->sandboxes->len; i++) {
        Sandbox *sandbox = runtime_sandbox_at(runtime, i);
        for (unsigned j = 0; j < sandbox->containers->len; j++) {
            Container *container = (Container *)g_ptr_array_index(sandbox->containers, j);
            if (container->is_running) runtime_exit_container(container, CODE_KILLED);
        }
        sandbox->is_up = false;
    }
    g_array_set_size(runtime->mounts, 0);
    storage_machine_lost(world_storage(runtime->world), machine_name(runtime->machine));
}
