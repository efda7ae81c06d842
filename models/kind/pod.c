/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pod.c - the kind Pod.
 * Mirrors: kubernetes v1.36 pkg/apis/core/v1/defaults.go (SetDefaults_Pod),
 *   pkg/apis/core/validation/validation.go (ValidatePodUpdate), pkg/registry/core/pod/strategy.go,
 *   pkg/apis/core (QOS classes).
 * Simplified: no ephemeral containers, scheduling gates or resize; a refusal does not show the
 *   differences.
 * State: none here; phases are moved by the kubelet.
 */
#include "models/api/quantity.h"
#include "models/kind/edit.h"
#include "models/kind/part.h"
#include "models/kind/podtemplate.h"

/* --- defaults --- */

/* In a pod, but not in a template, a missing request is the limit. */
static void request_limits(Value **resources)
{
    const Value *limits = value_get(*resources, "limits");
    for (unsigned i = 0; i < part_map_size(limits); i++) {
        const char *name = value_key_at(limits, i);
        const Value *requests = value_get(*resources, "requests");
        bool is_fixable = edit_is_unset(requests) || value_is_map(requests);
        if (!is_fixable || value_get(requests, name) != NULL) continue;
        value_put(resources, value_ref(value_at(limits, i)), "requests", name);
        limits = value_get(*resources, "limits");
    }
}

static void default_requests(Value **container)
{
    edit_child(container, "resources", request_limits);
}

static void default_host_port(Value **port)
{
    const Value *number = value_get(*port, "containerPort");
    if (number != NULL && edit_is_unset(value_get(*port, "hostPort")))
        value_put(port, value_ref(number), "hostPort");
}

static void default_host_ports(Value **container)
{
    edit_items(container, "ports", default_host_port);
}

static void default_spec(Value **spec)
{
    podtemplate_default_spec(spec);
    edit_bool(spec, "enableServiceLinks", true);
    edit_items(spec, "containers", default_requests);
    edit_items(spec, "initContainers", default_requests);
    if (!part_bool(*spec, "hostNetwork")) return;
    edit_items(spec, "containers", default_host_ports);
    edit_items(spec, "initContainers", default_host_ports);
}

static void pod_defaults(Value **pod)
{
    edit_struct(pod, "spec", default_spec);
}

/* --- preparing --- */

static bool is_guaranteed(const Value *container)
{
    static const char *const names[] = {"cpu", "memory"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        const Value *limit = value_find(container, "resources", "limits", names[i]);
        const Value *request = value_find(container, "resources", "requests", names[i]);
        int64_t most = quantity_milli(limit, 0);
        if (most == 0 || quantity_milli(request, most) != most) return false;
    }
    return true;
}

static bool asks_anything(const Value *container)
{
    static const char *const names[] = {"cpu", "memory"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (quantity_milli(value_find(container, "resources", "limits", names[i]), 0) != 0 ||
            quantity_milli(value_find(container, "resources", "requests", names[i]), 0) != 0)
            return true;
    return false;
}

static const char *qos_of(const Value *spec)
{
    static const char *const lists[] = {"containers", "initContainers"};
    bool all_guaranteed = true, any = false;
    for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++) {
        const Value *containers = value_get(spec, lists[i]);
        for (unsigned j = 0; j < part_list_size(containers); j++) {
            all_guaranteed = all_guaranteed && is_guaranteed(value_at(containers, j));
            any = any || asks_anything(value_at(containers, j));
        }
    }
    if (!any) return "BestEffort";
    return all_guaranteed ? "Guaranteed" : "Burstable";
}

static void pod_prepare(Value **now, const Value *old)
{
    if (old != NULL) return;
    Value *status = value_map();
    value_map_set(status, "phase", value_string("Pending"));
    value_map_set(status, "qosClass", value_string(qos_of(value_get(*now, "spec"))));
    part_start_status(now, status);
}

/* --- validation --- */

#define IMMUTABLE_MESSAGE                                                                      \
    "pod updates may not change fields other than `spec.containers[*].image`,"                 \
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "    \
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be " \
    "set to 1 if it was previously negative)"

/* Gives map the field of another, or drops it. */
static void take_field(Value **map, const Value *from, const char *key)
{
    const Value *field = value_get(from, key);
    if (field == value_get(*map, key)) return;
    if (field != NULL)
        value_put(map, value_ref(field), key);
    else
        value_drop(map, key);
}

static void take_images(Value **spec, const Value *old, const char *list_name)
{
    const Value *before = value_get(old, list_name), *found = value_get(*spec, list_name);
    if (!value_is_list(found) || found == before) return;
    Value *list = value_ref(found);
    value_each (i, list) {
        if (!value_is_map(value_at(list, i)) || !value_is_map(value_at(before, i))) continue;
        Value *container = value_ref(value_at(list, i));
        take_field(&container, value_at(before, i), "image");
        value_list_put(&list, i, container);
    }
    value_put(spec, list, list_name);
}

/* The new spec with everything undone that may be done. */
static Value *without_allowed(const Value *now, const Value *old)
{
    Value *spec = value_ref(now);
    if (!value_is_map(spec)) return spec;
    take_images(&spec, old, "containers");
    take_images(&spec, old, "initContainers");
    take_field(&spec, old, "tolerations");
    take_field(&spec, old, "activeDeadlineSeconds");
    const char *grace = "terminationGracePeriodSeconds";
    if (part_int(old, grace, 0) < 0 && part_int(now, grace, 0) == 1) take_field(&spec, old, grace);
    return spec;
}

static bool same_toleration(const Value *a, const Value *b)
{
    g_autoptr(Value) mine = value_ref(a);
    if (value_is_map(mine)) take_field(&mine, b, "tolerationSeconds");
    return value_equal(mine, b);
}

static bool tolerations_are_kept(const Value *now, const Value *old)
{
    value_each (i, old) {
        bool is_kept = false;
        for (unsigned j = 0; !is_kept && j < value_size(now); j++)
            is_kept = same_toleration(value_at(now, j), value_at(old, i));
        if (!is_kept) return false;
    }
    return true;
}

static void validate_update(const Value *now, const Value *old, FieldErrors *errors)
{
    static const char *const lists[] = {"containers", "initContainers"};
    const Path *path = PATH(NULL, "spec");
    for (unsigned i = 0; i < G_N_ELEMENTS(lists); i++) {
        const Value *list = value_get(now, lists[i]);
        if (value_size(list) == value_size(value_get(old, lists[i]))) continue;
        path_forbidden(errors, PATH(path, lists[i]), list,
                       "pod updates may not add or remove containers");
        return;
    }
    const Value *tolerations = value_get(now, "tolerations");
    if (!tolerations_are_kept(tolerations, value_get(old, "tolerations")))
        path_forbidden(errors, PATH(path, "tolerations"), tolerations,
                       "existing toleration can not be modified except its tolerationSeconds");
    g_autoptr(Value) rest = without_allowed(now, old);
    if (!value_equal(rest, old)) path_forbidden(errors, path, now, IMMUTABLE_MESSAGE);
}

static void pod_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *spec = value_get(now, "spec"), *before = value_get(old, "spec");
    if (old != NULL && value_equal(spec, before)) return;
    podtemplate_validate_spec(spec, PATH(NULL, "spec"), NULL, errors);
    if (old != NULL) validate_update(spec, before, errors);
}

/* --- projection --- */

static PodPhase phase_of(const Value *status)
{
    const char *text = value_as_text(value_get(status, "phase"), "");
    for (PodPhase phase = PHASE_PENDING; phase <= PHASE_UNKNOWN; phase++)
        if (strcmp(text, pod_phase_text(phase)) == 0) return phase;
    return PHASE_NONE;
}

static void count_containers(PodView *view, const Value *statuses)
{
    for (unsigned i = 0; i < part_list_size(statuses); i++) {
        const Value *status = value_at(statuses, i);
        view->containers_running += value_is_map(value_find(status, "state", "running"));
        view->restarts += (unsigned)part_int(status, "restartCount", 0);
    }
}

static void read_status(PodView *view, AtomTable *atoms, const Value *status)
{
    const Value *conditions = value_get(status, "conditions");
    const Value *ready = part_condition(conditions, "Ready");
    view->phase = phase_of(status);
    view->pod_ip = part_atom(atoms, status, "podIP");
    view->reason = part_atom(atoms, status, "reason");
    view->ready = part_condition_status(ready);
    view->ready_at = time_of(value_get(ready, "lastTransitionTime"), NANOS_NEVER);
    view->scheduled = part_condition_status(part_condition(conditions, "PodScheduled"));
    view->disruption = part_condition_status(part_condition(conditions, "DisruptionTarget"));
    view->started_at = time_of(value_get(status, "startTime"), NANOS_NEVER);
    count_containers(view, value_get(status, "containerStatuses"));
}

static const void *pod_project(const ViewContext *context, const Value *value, const Object *old)
{
    AtomTable *atoms = context->atoms;
    const PodView *before = old != NULL ? pod_view(old) : NULL;
    const Value *spec = value_get(value, "spec");
    PodView *view = g_new0(PodView, 1);
    view->meta = meta_project(context, value, old);
    if (before != NULL && before->meta == view->meta)
        view->revision = before->revision;
    else
        view->revision = meta_label(view->meta, atom_of(atoms, "controller-revision-hash"));
    bool is_same = before != NULL && spec != NULL && value_get(old->value, "spec") == spec;
    view->spec = is_same ? podtemplate_ref(before->spec) : podtemplate_project(atoms, spec);
    read_status(view, atoms, value_get(value, "status"));
    return view;
}

static void pod_release(const void *view)
{
    const PodView *pod = view;
    meta_unref(pod->meta);
    podtemplate_unref(pod->spec);
    g_free((gpointer)(uintptr_t)view);
}

/* --- indexes --- */

static unsigned keys_node(const Object *object, uint64_t *keys, unsigned max)
{
    Atom node = pod_view(object)->spec->node_name;
    if (node == ATOM_NONE || max == 0) return 0;
    keys[0] = index_key(node, 0);
    return 1;
}

static unsigned keys_unbound(const Object *object, uint64_t *keys, unsigned max)
{
    if (pod_view(object)->spec->node_name != ATOM_NONE || max == 0) return 0;
    keys[0] = index_key(0, 0);
    return 1;
}

static bool has_key(const uint64_t *keys, unsigned count, uint64_t key)
{
    for (unsigned i = 0; i < count; i++)
        if (keys[i] == key) return true;
    return false;
}

static unsigned keys_claim(const Object *object, uint64_t *keys, unsigned max)
{
    const PodSpec *spec = pod_view(object)->spec;
    unsigned count = 0;
    for (uint32_t i = 0; i < spec->volume_count && count < max; i++) {
        if (spec->volumes[i].source != VOLUME_CLAIM) continue;
        uint64_t key = index_key(object->key.space, spec->volumes[i].claim);
        if (!has_key(keys, count, key)) keys[count++] = key;
    }
    return count;
}

static unsigned keys_label(const Object *object, uint64_t *keys, unsigned max)
{
    const Meta *meta = object_meta(object);
    unsigned count = MIN(meta->label_count, max);
    for (unsigned i = 0; i < count; i++)
        keys[i] = index_key3(object->key.space, meta->labels[i].key, meta->labels[i].value);
    return count;
}

static const IndexInfo pod_indexes[] = {
    {INDEX_POD_NODE, keys_node},
    {INDEX_POD_UNBOUND, keys_unbound},
    {INDEX_POD_CLAIM, keys_claim},
    {INDEX_POD_LABEL, keys_label},
    {INDEX_NONE, NULL},
};

/* --- facts --- */

static Atom identity_text(World *world, const PodSpec *spec)
{
    const AtomTable *atoms = world_atoms(world);
    GString *text = g_string_new(NULL);
    g_string_append_printf(text,
                           "hostname=%s subdomain=%s claims=", atom_text(atoms, spec->hostname),
                           atom_text(atoms, spec->subdomain));
    const char *separator = "";
    for (uint32_t i = 0; i < spec->volume_count; i++) {
        const PodVolume *volume = &spec->volumes[i];
        if (volume->source != VOLUME_CLAIM) continue;
        g_string_append_printf(text, "%s%s:%s", separator, atom_text(atoms, volume->name),
                               atom_text(atoms, volume->claim));
        separator = ",";
    }
    return part_detail(world, text);
}

static void record_created(World *world, const Object *now)
{
    const PodSpec *spec = pod_view(now)->spec;
    part_record(world, now,
                (PartFact){.row = ROW_POD_IDENTITY, .detail = identity_text(world, spec)});
    for (uint32_t i = 0; i < spec->volume_count; i++) {
        if (spec->volumes[i].source != VOLUME_CLAIM) continue;
        Key claim = {KIND_PERSISTENT_VOLUME_CLAIM, now->key.space, spec->volumes[i].claim};
        Atom detail = key_ref(world_atoms(world), claim);
        part_record(world, now, (PartFact){.row = ROW_POD_CLAIM, .detail = detail});
    }
}

/* ATOM_NONE if the time was never told. */
static Atom time_atom(World *world, Nanos at)
{
    char text[TIME_TEXT_MAX];
    if (at == NANOS_NEVER) return ATOM_NONE;
    return world_atom(world, time_format(at, text));
}

static void record_disruption(World *world, const Object *now)
{
    const Value *conditions = value_find(now->value, "status", "conditions");
    const char *reason = value_text(part_condition(conditions, "DisruptionTarget"), "reason");
    part_record(world, now,
                (PartFact){.row = ROW_POD_DISRUPTION, .detail = world_atom(world, reason)});
}

static void pod_record(World *world, const Object *old, const Object *now)
{
    static const PodSpec no_spec;
    static const PodView nothing = {.spec = &no_spec};
    if (now == NULL) return;
    const PodView *before = old != NULL ? pod_view(old) : &nothing, *pod = pod_view(now);
    bool is_ready = pod->ready == CONDITION_TRUE;
    if (old == NULL) record_created(world, now);
    if (pod->revision != before->revision)
        part_record(world, now, (PartFact){.row = ROW_POD_REVISION, .detail = pod->revision});
    if (pod->spec->node_name != before->spec->node_name)
        part_record(world, now, (PartFact){.row = ROW_POD_NODE, .node = pod->spec->node_name});
    if (old == NULL || pod->phase != before->phase) {
        Atom phase = world_atom(world, pod_phase_text(pod->phase));
        part_record(world, now, (PartFact){.row = ROW_POD_PHASE, .detail = phase});
    }
    if (old == NULL || is_ready != (before->ready == CONDITION_TRUE))
        part_record(world, now,
                    (PartFact){.row = ROW_POD_READY,
                               .number = is_ready,
                               .detail = is_ready ? time_atom(world, pod->ready_at) : ATOM_NONE});
    if (pod->pod_ip != before->pod_ip)
        part_record(world, now, (PartFact){.row = ROW_POD_IP, .detail = pod->pod_ip});
    if (pod->disruption == CONDITION_TRUE && before->disruption != CONDITION_TRUE)
        record_disruption(world, now);
}

const KindInfo pod_kind = {
    .name = "Pod",
    .api_version = "v1",
    .plural = "pods",
    .short_names = (const char *const[]){"po", NULL},
    .is_namespaced = true,
    .has_status = true,
    .defaults = pod_defaults,
    .validate = pod_validate,
    .prepare = pod_prepare,
    .project = pod_project,
    .release = pod_release,
    .indexes = pod_indexes,
    .record = pod_record,
};
