/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nodestatus.c - the Node object: registration, conditions, volumesInUse.
 * Mirrors: kubernetes v1.36 pkg/kubelet/kubelet_node_status.go, nodestatus/setters.go
 * Simplified: the status is not computed at each beat of the 10 s loop but at those beats at which
 *   it may have changed or is five minutes old; what is written, and when, is the same. No images,
 *   no addresses but the host name. Runtime and network are up one second after the kubelet's
 *   first start of a boot.
 * State: Ready
 *   unknown -registered-> False (KubeletNotReady) -runtime and network up-> True (KubeletReady)
 */
#include "models/node/kubelet.h"

#define STATUS_REPORT (5 * NANOS_MIN)
#define WARM_UP       (1 * NANOS_S)

static const char *const pressures[][3] = {
    {"MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"},
    {"DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"},
    {"PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"},
};

static const Object *own_node(const Kubelet *kubelet)
{
    return actor_get(kubelet->actor, kubelet->node);
}

/* --- the object --- */

static Value *time_value(Nanos at)
{
    char text[TIME_TEXT_MAX];
    return value_string(time_format(at, text));
}

/* When the condition got this status: as the API says if it agrees. */
static Nanos transition_of(const Object *node, const char *type, const char *status, Nanos now)
{
    const Value *list = node ? value_find(node->value, "status", "conditions") : NULL;
    value_each (i, list) {
        const Value *entry = value_at(list, i);
        if (g_str_equal(value_text(entry, "type"), type) &&
            g_str_equal(value_text(entry, "status"), status))
            return time_of(value_get(entry, "lastTransitionTime"), now);
    }
    return now;
}

static Value *condition_value(const Kubelet *kubelet, const char *const words[3], bool truth)
{
    Nanos now = kubelet_now(kubelet);
    const char *status = truth ? "True" : "False";
    Value *entry = value_map();
    value_map_set(entry, "type", value_string(words[0]));
    value_map_set(entry, "status", value_string(status));
    value_map_set(entry, "reason", value_string(words[1]));
    value_map_set(entry, "message", value_string(words[2]));
    value_map_set(entry, "lastHeartbeatTime", time_value(now));
    value_map_set(entry, "lastTransitionTime",
                  time_value(transition_of(own_node(kubelet), words[0], status, now)));
    return entry;
}

static Value *conditions_value(const Kubelet *kubelet)
{
    static const char *const ready[] = {"Ready", "KubeletReady", "kubelet is posting ready status"};
    static const char *const unready[] = {
        "Ready", "KubeletNotReady", "container runtime status check may not have completed yet"};
    Value *list = value_list();
    for (unsigned i = 0; i < G_N_ELEMENTS(pressures); i++)
        value_list_add(list, condition_value(kubelet, pressures[i], false));
    value_list_add(list,
                   condition_value(kubelet, kubelet->is_warm ? ready : unready, kubelet->is_warm));
    return list;
}

static Value *resources_value(const MachineOptions *options)
{
    Value *map = value_map();
    value_map_set(map, "cpu", value_printf("%" PRId64 "m", options->cpu_milli));
    value_map_set(map, "memory", value_printf("%" PRId64, options->memory_bytes));
    value_map_set(map, "pods", value_printf("%" PRId64, options->pods));
    return map;
}

static Value *names_value(const Kubelet *kubelet, const GArray *names)
{
    Value *list = value_list();
    for (unsigned i = 0; i < names->len; i++)
        value_list_add(list,
                       value_string(atom_text(kubelet->atoms, g_array_index(names, Atom, i))));
    return list;
}

static Value *status_value(const Kubelet *kubelet)
{
    const MachineOptions *options = machine_options(kubelet->machine);
    Value *status = value_map(), *address = value_map(), *addresses = value_list();
    value_map_set(address, "type", value_string("Hostname"));
    value_map_set(address, "address", value_string(options->name));
    value_list_add(addresses, address);
    value_map_set(status, "addresses", addresses);
    value_map_set(status, "capacity", resources_value(options));
    value_map_set(status, "allocatable", resources_value(options));
    value_map_set(status, "conditions", conditions_value(kubelet));
    value_put(&status, value_printf("%s-boot-%u", options->name, machine_boots(kubelet->machine)),
              "nodeInfo", "bootID");
    value_put(&status, value_printf("v1.%d.0", world_config(kubelet->world)->minor), "nodeInfo",
              "kubeletVersion");
    if (kubelet->is_synced)
        value_map_set(status, "volumesInUse", names_value(kubelet, kubelet->in_use_sent));
    return status;
}

static Value *node_value(const Kubelet *kubelet)
{
    const MachineOptions *options = machine_options(kubelet->machine);
    Value *node = value_map();
    value_put(&node, value_string("v1"), "apiVersion");
    value_put(&node, value_string("Node"), "kind");
    value_put(&node, value_string(options->name), "metadata", "name");
    value_each (i, options->labels)
        value_put(&node, value_ref(value_at(options->labels, i)), "metadata", "labels",
                  value_key_at(options->labels, i));
    value_put(&node, value_string(options->name), "metadata", "labels", "kubernetes.io/hostname");
    value_put(&node, value_string("linux"), "metadata", "labels", "kubernetes.io/os");
    if (options->zone && *options->zone)
        value_put(&node, value_string(options->zone), "metadata", "labels",
                  "topology.kubernetes.io/zone");
    value_put(&node, value_map(), "spec");
    if (options->taints) value_put(&node, value_ref(options->taints), "spec", "taints");
    value_put(&node, status_value(kubelet), "status");
    return node;
}

/* --- when to write --- */

static bool names_equal(const GArray *names, const Atom *others, unsigned count)
{
    return names->len == count &&
           (count == 0 || memcmp(names->data, others, count * sizeof(Atom)) == 0);
}

/* Whether the API's copy says something else than the kubelet would. */
static bool node_differs(const Kubelet *kubelet, const GArray *in_use)
{
    const Object *node = own_node(kubelet);
    if (!node) return true;
    const NodeView *view = node_view(node);
    if (view->ready != (kubelet->is_warm ? CONDITION_TRUE : CONDITION_FALSE)) return true;
    return kubelet->is_synced && !names_equal(in_use, view->volumes_in_use, view->in_use_count);
}

static void set_tick(Kubelet *kubelet, Nanos delay)
{
    actor_cancel(kubelet->actor, kubelet->node_tick);
    kubelet->node_tick = kubelet_after(kubelet, delay, op_tag(OP_NODE_TICK, 0, 0));
}

void nodestatus_dirty(Kubelet *kubelet)
{
    set_tick(kubelet, kubelet_next_beat(kubelet));
}

/* The next report that is due if nothing changes, at a beat of the loop. */
static void set_report(Kubelet *kubelet)
{
    set_tick(kubelet, kubelet_next_beat(kubelet) + STATUS_REPORT - 10 * NANOS_S);
}

static void node_beat(Kubelet *kubelet)
{
    g_autoptr(GArray) in_use = volumes_in_use(kubelet);
    Nanos age = kubelet->node_written_at == NANOS_NEVER
                    ? STATUS_REPORT
                    : kubelet_now(kubelet) - kubelet->node_written_at;
    if (node_differs(kubelet, in_use) || age >= STATUS_REPORT - 10 * NANOS_S) {
        actor_enqueue(kubelet->actor, kubelet->node);
    } else {
        if (kubelet->is_synced) volumes_reported(kubelet, in_use);
        set_report(kubelet);
    }
}

static void node_warm(Kubelet *kubelet)
{
    kubelet->is_warm = true;
    actor_enqueue(kubelet->actor, kubelet->node);
}

void nodestatus_timer(Kubelet *kubelet, Op op)
{
    if (op == OP_NODE_WARM)
        node_warm(kubelet);
    else
        node_beat(kubelet);
}

void nodestatus_seen(Kubelet *kubelet, const Object *node)
{
    Condition mine = kubelet->is_warm ? CONDITION_TRUE : CONDITION_FALSE;
    if (kubelet->node_written_at != NANOS_NEVER && node_view(node)->ready != mine)
        nodestatus_dirty(kubelet);
}

void nodestatus_start(Kubelet *kubelet)
{
    kubelet->is_warm = machine_kubelet_started(kubelet->machine);
    kubelet->node_written_at = NANOS_NEVER;
    if (!kubelet->is_warm) kubelet_after(kubelet, WARM_UP, op_tag(OP_NODE_WARM, 0, 0));
    actor_enqueue(kubelet->actor, kubelet->node);
}

/* --- writing --- */

static PlanVerdict registered(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    Kubelet *kubelet = (Kubelet *)actor_state(actor);
    (void)step;
    (void)data;
    if (reply->reason != REASON_OK && reply->reason != REASON_ALREADY_EXISTS) return PLAN_REFUSE;
    kubelet->is_registered = true;
    return PLAN_ACCEPT;
}

static PlanVerdict written(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    Kubelet *kubelet = (Kubelet *)actor_state(actor);
    (void)step;
    (void)data;
    if (reply->reason != REASON_OK && reply->reason != REASON_NOT_FOUND) return PLAN_REFUSE;
    if (reply->reason == REASON_OK) {
        kubelet->node_written_at = kubelet_now(kubelet);
        volumes_reported(kubelet, kubelet->in_use_sent);
    }
    set_report(kubelet);
    return PLAN_ACCEPT;
}

void nodestatus_sync(Kubelet *kubelet)
{
    Actor *actor = kubelet->actor;
    g_array_unref(kubelet->in_use_sent);
    kubelet->in_use_sent =
        kubelet->is_synced ? volumes_in_use(kubelet) : g_array_new(FALSE, FALSE, sizeof(Atom));
    if (!kubelet->is_registered)
        plan_then(plan_create(actor, KIND_NODE, node_value(kubelet)), registered, NULL);
    Value *patch = value_map();
    value_put(&patch, status_value(kubelet), "status");
    plan_then(plan_patch_status(actor, kubelet->node, PATCH_STRATEGIC, patch), written, NULL);
}
