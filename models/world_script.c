/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world_script.c - the start of a cluster, and the steps that the scenario has planned for it.
 * Mirrors: nothing upstream: kubeadm and the person at the keyboard.
 * Simplified: the cluster is there at time 0: machines boot at once, the first candidate of each
 *          election leads at once, manifests are applied in one instant (StorageClasses, volumes
 *          and Namespaces first, then as written).
 * State: of a fault: planned -> active -> ended; one without a duration stays active.
 */
#include "models/api/quantity.h"
#include "models/election.h"
#include "models/world_internal.h"

/* --- the cluster --- */

static void add_machine(World *world, const NodeGroup *group, const char *name)
{
    MachineOptions options = {.name = name,
                              .zone = group->zone,
                              .pods = group->pods,
                              .labels = group->labels,
                              .taints = group->taints};
    if (group->cpu != NULL) quantity_parse_milli(group->cpu, &options.cpu_milli);
    if (group->memory != NULL) quantity_parse(group->memory, &options.memory_bytes);
    Machine *machine = machine_new(world, &options);
    g_ptr_array_add(world->machines, machine);
    Atom atom = machine_name(machine);
    GPtrArray *by_atom = world->machine_of_atom;
    if (atom >= by_atom->len) g_ptr_array_set_size(by_atom, (gint)atom + 1);
    by_atom->pdata[atom] = machine;
}

/* A group of one keeps its name, larger ones count from 1. */
static void add_machines(World *world)
{
    const ClusterConfig *cluster = &world->scenario->cluster;
    for (unsigned i = 0; i < cluster->node_group_count; i++) {
        const NodeGroup *group = &cluster->node_groups[i];
        for (int64_t number = 1; number <= group->count; number++) {
            g_autofree char *name = group->count == 1
                                        ? g_strdup(group->name)
                                        : g_strdup_printf("%s-%" PRId64, group->name, number);
            add_machine(world, group, name);
        }
    }
}

static void add_replicas(World *world, const char *name, Role role, int64_t count)
{
    g_autofree char *lease = g_strconcat("kube-system/", name, NULL);
    for (int64_t number = 1; number <= count; number++) {
        g_autofree char *own = g_strdup_printf("%s-%" PRId64, name, number);
        process_new(world, &(ProcessOptions){.name = own, .role = role, .lease = lease});
    }
}

static void add_processes(World *world)
{
    const ControlPlaneConfig *config = &world->scenario->cluster.control_plane;
    add_replicas(world, "kube-controller-manager", ROLE_CONTROLLER_MANAGER,
                 config->controller_managers);
    add_replicas(world, "kube-scheduler", ROLE_SCHEDULER, config->schedulers);
    process_new(world, &(ProcessOptions){.name = "csi-controller", .role = ROLE_STORAGE});
    process_new(world, &(ProcessOptions){.name = "coredns", .role = ROLE_DNS});
}

/* --- objects that are there from the start --- */

static void create(World *world, Kind kind, Value *body)
{
    Request request = {.verb = REQUEST_CREATE,
                       .key = key_of_value(world->atoms, kind, body),
                       .body = body,
                       .grace_s = -1};
    world_request(world, &request, NULL);
    request_clear(&request);
}

static void need_namespace(World *world, const char *name)
{
    Key key = {KIND_NAMESPACE, ATOM_NONE, world_atom(world, name)};
    if (store_get(world->store, key) != NULL) return;
    Value *body = value_map();
    value_map_set(body, "apiVersion", value_string("v1"));
    value_map_set(body, "kind", value_string("Namespace"));
    value_put(&body, value_string(name), "metadata", "name");
    create(world, KIND_NAMESPACE, body);
}

/* Whether a manifest is applied before the machines and processes start. */
static bool comes_first(Kind kind)
{
    return kind == KIND_STORAGE_CLASS || kind == KIND_PERSISTENT_VOLUME || kind == KIND_NAMESPACE;
}

static bool apply_manifests(World *world, Kind only)
{
    bool has_any = false;
    for (unsigned i = 0; i < world->scenario->manifest_count; i++) {
        const Manifest *manifest = &world->scenario->manifests[i];
        bool is_meant = only == KIND_NONE ? !comes_first(manifest->kind) : manifest->kind == only;
        if (!is_meant) continue;
        create(world, manifest->kind, value_ref(manifest->value));
        has_any = true;
    }
    return has_any;
}

/* A cluster whose user brings no StorageClass has the default one that managed clusters come with:
 * zonal block storage, bound when the first pod needs it, deleted with its claim. */
static void add_standard_class(World *world)
{
    Value *body = value_map();
    value_map_set(body, "apiVersion", value_string("storage.k8s.io/v1"));
    value_map_set(body, "kind", value_string("StorageClass"));
    value_put(&body, value_string("standard"), "metadata", "name");
    value_put(&body, value_string("true"), "metadata", "annotations",
              "storageclass.kubernetes.io/is-default-class");
    value_map_set(body, "provisioner", value_string("ebs.csi.aws.com"));
    value_map_set(body, "reclaimPolicy", value_string("Delete"));
    value_map_set(body, "volumeBindingMode", value_string("WaitForFirstConsumer"));
    create(world, KIND_STORAGE_CLASS, body);
}

static void add_objects(World *world)
{
    static const char *const spaces[] = {"default", "kube-system", "kube-node-lease"};
    if (!apply_manifests(world, KIND_STORAGE_CLASS)) add_standard_class(world);
    apply_manifests(world, KIND_PERSISTENT_VOLUME);
    apply_manifests(world, KIND_NAMESPACE);
    for (unsigned i = 0; i < G_N_ELEMENTS(spaces); i++)
        need_namespace(world, spaces[i]);
    for (unsigned i = 0; i < world->scenario->manifest_count; i++) {
        const char *space =
            value_text(world->scenario->manifests[i].value, "metadata", "namespace");
        if (kind_info(world->scenario->manifests[i].kind)->is_namespaced && *space != '\0')
            need_namespace(world, space);
    }
}

static void start_processes(World *world)
{
    for (unsigned i = 0; i < world->processes->len; i++) {
        Process *process = world->processes->pdata[i];
        if (process->machine != NULL) continue;
        process_start(process);
        if (process->election != NULL) election_claim(process->election);
    }
}

static void world_begin(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    (void)arg;
    World *world = self;
    world_fact(world, ROW_BUDGET, (Fact){.number = world->scenario->convergence_budget});
    add_objects(world);
    start_processes(world);
    for (unsigned i = 0; i < world->machines->len; i++)
        machine_start_now(world->machines->pdata[i]);
    apply_manifests(world, KIND_NONE);
}

static const EventType begin_event = {"world-begin", RANK_FAULT, world_begin};

/* --- the steps --- */

static Atom step_object(const World *world, const char *kind, uint64_t index)
{
    const Step *step = &world->scenario->steps[index];
    if (step->name != NULL) return atom_format(world->atoms, "%s//%s", kind, step->name);
    const char *action = step->verb != NULL ? step->verb->name : step->fault->name;
    return atom_format(world->atoms, "%s//%s-%" PRIu64, kind, action, index);
}

static void fault_ends(Sim *sim, void *self, uint64_t index)
{
    (void)sim;
    World *world = self;
    const Step *step = &world->scenario->steps[index];
    ActiveFault *active = &world->faults[index];
    active->is_active = false;
    world_fact(world, ROW_FAULT_ENDED,
               (Fact){.object = step_object(world, "Fault", index),
                      .detail = world_atom(world, step->fault->name),
                      .number = (int64_t)index});
    if (step->fault->end != NULL) step->fault->end(world, step->params, active->state);
    world_fault_ended(world);
}

static const EventType fault_end_event = {"fault-ends", RANK_FAULT, fault_ends};

static void fault_begins(World *world, const Step *step, uint64_t index)
{
    world_fact(world, ROW_FAULT_BEGAN,
               (Fact){.object = step_object(world, "Fault", index),
                      .detail = world_atom(world, step->fault->name),
                      .number = (int64_t)index});
    world_fault_began(world);
    world->faults[index].is_active = true;
    world->faults[index].state = step->fault->begin(world, step->params, step);
    if (step->duration <= 0) return;
    Nanos end = MIN(sim_now(world->sim) + step->duration, world->scenario->duration);
    sim_at(world->sim, end, &fault_end_event, world, index);
}

static void step_due(Sim *sim, void *self, uint64_t index)
{
    (void)sim;
    World *world = self;
    const Step *step = &world->scenario->steps[index];
    if (step->verb == NULL) {
        fault_begins(world, step, index);
        return;
    }
    world_fact(world, ROW_STEP,
               (Fact){.object = step_object(world, "Step", index),
                      .detail = world_atom(world, step->verb->name),
                      .number = (int64_t)index});
    step->verb->run(world, step->params, step);
}

static const EventType step_event = {"step", RANK_FAULT, step_due};

/* Takes the clock to the end of the scenario even if nothing is left to happen before. */
static void world_ends(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    (void)self;
    (void)arg;
}

static const EventType end_event = {"world-end", RANK_SAMPLE, world_ends};

void world_schedule(World *world)
{
    add_machines(world);
    add_processes(world);
    sim_at(world->sim, 0, &begin_event, world, 0);
    sim_at(world->sim, world->scenario->duration, &end_event, world, 0);
    for (unsigned i = 0; i < world->scenario->step_count; i++)
        sim_at(world->sim, world->scenario->steps[i].at, &step_event, world, i);
}

void world_drop_faults(World *world)
{
    for (unsigned i = 0; i < world->scenario->step_count; i++) {
        const Step *step = &world->scenario->steps[i];
        if (!world->faults[i].is_active || step->fault->end == NULL) continue;
        step->fault->end(world, step->params, world->faults[i].state);
    }
}
