/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podtemplate_project.c - the PodSpec of a pod spec: what scheduler, kubelet and controllers read.
 * Mirrors: kubernetes v1.36 PodRequests, the effective requests of a pod.
 * Simplified: cpu and memory only; pod-level resources are not looked at.
 * State: none; one block, counted by references.
 */
#include "models/api/quantity.h"
#include "models/kind/part.h"
#include "models/kind/podtemplate.h"

static ProbeView probe_read(const Value *probe)
{
    if (!value_is_map(probe)) return (ProbeView){.grace_s = -1};
    return (ProbeView){
        .is_set = true,
        .initial_delay_s = part_int(probe, "initialDelaySeconds", 0),
        .period_s = part_int(probe, "periodSeconds", 10),
        .timeout_s = part_int(probe, "timeoutSeconds", 1),
        .success_threshold = part_int(probe, "successThreshold", 1),
        .failure_threshold = part_int(probe, "failureThreshold", 3),
        .grace_s = part_int(probe, "terminationGracePeriodSeconds", -1),
    };
}

static bool text_is(const Value *map, const char *key, const char *text)
{
    return strcmp(value_as_text(value_get(map, key), ""), text) == 0;
}

static PullPolicy pull_policy_of(const Value *container)
{
    if (text_is(container, "imagePullPolicy", "Always")) return PULL_ALWAYS;
    return text_is(container, "imagePullPolicy", "Never") ? PULL_NEVER : PULL_IF_NOT_PRESENT;
}

static RestartPolicy restart_policy_of(const Value *spec)
{
    if (text_is(spec, "restartPolicy", "OnFailure")) return RESTART_ON_FAILURE;
    return text_is(spec, "restartPolicy", "Never") ? RESTART_NEVER : RESTART_ALWAYS;
}

static ContainerView container_read(AtomTable *atoms, const Value *container, bool is_init)
{
    const Value *requests = value_find(container, "resources", "requests");
    return (ContainerView){
        .name = part_atom(atoms, container, "name"),
        .image = part_atom(atoms, container, "image"),
        .pull_policy = pull_policy_of(container),
        .is_init = is_init,
        .is_sidecar = is_init && text_is(container, "restartPolicy", "Always"),
        .has_pre_stop = value_is_map(value_find(container, "lifecycle", "preStop")),
        .cpu_milli = quantity_milli(value_get(requests, "cpu"), 0),
        .memory_bytes = quantity_units(value_get(requests, "memory"), 0),
        .readiness = probe_read(value_get(container, "readinessProbe")),
        .liveness = probe_read(value_get(container, "livenessProbe")),
        .startup = probe_read(value_get(container, "startupProbe")),
    };
}

static PodVolume volume_read(AtomTable *atoms, const Value *volume)
{
    const Value *claim = value_get(volume, "persistentVolumeClaim");
    PodVolume view = {.name = part_atom(atoms, volume, "name")};
    if (value_is_map(claim)) {
        view.source = VOLUME_CLAIM;
        view.claim = part_atom(atoms, claim, "claimName");
        view.is_read_only = part_bool(claim, "readOnly");
    } else if (value_is_map(value_get(volume, "emptyDir"))) {
        view.source = VOLUME_EMPTY_DIR;
    }
    return view;
}

static Toleration toleration_read(AtomTable *atoms, const Value *toleration)
{
    ValueType type = value_type(value_get(toleration, "tolerationSeconds"));
    return (Toleration){
        .key = part_atom(atoms, toleration, "key"),
        .value = part_atom(atoms, toleration, "value"),
        .is_exists = text_is(toleration, "operator", "Exists"),
        .effect = part_effect(value_get(toleration, "effect")),
        .has_seconds = type == VALUE_INT || type == VALUE_FLOAT,
        .seconds = part_int(toleration, "tolerationSeconds", 0),
    };
}

static PortView port_read(AtomTable *atoms, const Value *port)
{
    return (PortView){
        .name = part_atom(atoms, port, "name"),
        .protocol = part_atom(atoms, port, "protocol"),
        .port = part_int(port, "containerPort", 0),
    };
}

static uint32_t count_ports(const Value *containers)
{
    uint32_t count = 0;
    for (unsigned i = 0; i < part_list_size(containers); i++)
        count += part_list_size(value_get(value_at(containers, i), "ports"));
    return count;
}

/* --- requests --- */

typedef struct {
    int64_t cpu_milli, memory_bytes;
} Need;

/* Quantities saturate, so their sum has to. */
static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) return a > 0 ? INT64_MAX : INT64_MIN;
    return sum;
}

static Need need_add(Need need, const ContainerView *container)
{
    return (Need){add(need.cpu_milli, container->cpu_milli),
                  add(need.memory_bytes, container->memory_bytes)};
}

static Need need_max(Need a, Need b)
{
    return (Need){MAX(a.cpu_milli, b.cpu_milli), MAX(a.memory_bytes, b.memory_bytes)};
}

/* Init containers run one after the other, each beside the sidecars started before it; the rest run
 * together with all sidecars. */
static Need need_of(const ContainerView *containers, uint32_t count)
{
    Need sidecars = {0, 0}, starting = {0, 0}, running = {0, 0};
    for (uint32_t i = 0; i < count; i++) {
        const ContainerView *container = &containers[i];
        if (container->is_sidecar)
            starting = need_max(starting, sidecars = need_add(sidecars, container));
        else if (container->is_init)
            starting = need_max(starting, need_add(sidecars, container));
        else
            running = need_add(running, container);
    }
    running.cpu_milli = add(running.cpu_milli, sidecars.cpu_milli);
    running.memory_bytes = add(running.memory_bytes, sidecars.memory_bytes);
    return need_max(starting, running);
}

/* --- the block --- */

static void read_containers(PodSpec *view, AtomTable *atoms, const Value *spec, char **tail)
{
    const Value *inits = value_get(spec, "initContainers");
    const Value *mains = value_get(spec, "containers");
    uint32_t init_count = part_list_size(inits);
    view->container_count = init_count + part_list_size(mains);
    ContainerView *containers = PART_TAKE(tail, ContainerView, view->container_count);
    for (uint32_t i = 0; i < view->container_count; i++) {
        bool is_init = i < init_count;
        const Value *container = is_init ? value_at(inits, i) : value_at(mains, i - init_count);
        containers[i] = container_read(atoms, container, is_init);
    }
    Need need = need_of(containers, view->container_count);
    view->cpu_milli = need.cpu_milli;
    view->memory_bytes = need.memory_bytes;
    view->containers = containers;
}

static void read_ports(PodSpec *view, AtomTable *atoms, const Value *spec, char **tail)
{
    const Value *containers = value_get(spec, "containers");
    view->port_count = count_ports(containers);
    PortView *ports = PART_TAKE(tail, PortView, view->port_count);
    uint32_t next = 0;
    for (unsigned i = 0; i < part_list_size(containers); i++) {
        const Value *list = value_get(value_at(containers, i), "ports");
        for (unsigned j = 0; j < part_list_size(list); j++)
            ports[next++] = port_read(atoms, value_at(list, j));
    }
    view->ports = ports;
}

static void read_tolerations(PodSpec *view, AtomTable *atoms, const Value *list, char **tail)
{
    view->toleration_count = part_list_size(list);
    Toleration *tolerations = PART_TAKE(tail, Toleration, view->toleration_count);
    for (uint32_t i = 0; i < view->toleration_count; i++)
        tolerations[i] = toleration_read(atoms, value_at(list, i));
    view->tolerations = tolerations;
}

static void read_volumes(PodSpec *view, AtomTable *atoms, const Value *list, char **tail)
{
    view->volume_count = part_list_size(list);
    PodVolume *volumes = PART_TAKE(tail, PodVolume, view->volume_count);
    for (uint32_t i = 0; i < view->volume_count; i++)
        volumes[i] = volume_read(atoms, value_at(list, i));
    view->volumes = volumes;
}

static void read_labels(PodSpec *view, AtomTable *atoms, const Value *map, char **tail)
{
    view->node_selector_count = part_map_size(map);
    Label *labels = PART_TAKE(tail, Label, view->node_selector_count);
    part_labels(atoms, map, labels);
    view->node_selector = labels;
}

static void read_scalars(PodSpec *view, AtomTable *atoms, const Value *spec)
{
    view->refs = 1;
    view->node_name = part_atom(atoms, spec, "nodeName");
    view->hostname = part_atom(atoms, spec, "hostname");
    view->subdomain = part_atom(atoms, spec, "subdomain");
    view->scheduler_name = part_atom(atoms, spec, "schedulerName");
    view->priority_class = part_atom(atoms, spec, "priorityClassName");
    view->restart_policy = restart_policy_of(spec);
    view->is_host_network = part_bool(spec, "hostNetwork");
    view->grace_s = part_int(spec, "terminationGracePeriodSeconds", 30);
    view->priority = part_int(spec, "priority", 0);
    view->affinity = value_get(spec, "affinity");
    view->topology_spread = value_get(spec, "topologySpreadConstraints");
}

const PodSpec *podtemplate_project(AtomTable *atoms, const Value *spec)
{
    size_t containers = (size_t)part_list_size(value_get(spec, "containers")) +
                        part_list_size(value_get(spec, "initContainers"));
    size_t size = containers * sizeof(ContainerView) +
                  count_ports(value_get(spec, "containers")) * sizeof(PortView) +
                  part_list_size(value_get(spec, "tolerations")) * sizeof(Toleration) +
                  part_list_size(value_get(spec, "volumes")) * sizeof(PodVolume) +
                  part_map_size(value_get(spec, "nodeSelector")) * sizeof(Label);
    char *tail;
    PodSpec *view = part_block(sizeof *view, size, &tail);
    read_scalars(view, atoms, spec);
    read_containers(view, atoms, spec, &tail);
    read_ports(view, atoms, spec, &tail);
    read_tolerations(view, atoms, value_get(spec, "tolerations"), &tail);
    read_volumes(view, atoms, value_get(spec, "volumes"), &tail);
    read_labels(view, atoms, value_get(spec, "nodeSelector"), &tail);
    return view;
}

/* Reference counts are the one thing that changes behind a const pointer. */
const PodSpec *podtemplate_ref(const PodSpec *spec)
{
    ((PodSpec *)(uintptr_t)spec)->refs++;
    return spec;
}

void podtemplate_unref(const PodSpec *spec)
{
    if (spec == NULL) return;
    PodSpec *mine = (PodSpec *)(uintptr_t)spec;
    CHECK(mine->refs > 0);
    if (--mine->refs == 0) g_free(mine);
}
