/* SPDX-License-Identifier: Apache-2.0 */
/* swarm.c - the text of a random world: cluster, workloads, script. */
#include "tests/unit/swarm.h"

#define SETTLE_S 1500 /* from the last end of a fault to the end of the run */

typedef struct {
    Swarm *swarm;
    Rng rng;
    GString *out;
    double now_s, calm_s; /* time of the last step; when the last fault has ended */
} Maker;

static unsigned below(Maker *maker, unsigned bound)
{
    return (unsigned)rng_below(&maker->rng, bound);
}

static bool chance(Maker *maker, unsigned percent)
{
    return below(maker, 100) < percent;
}

#define PICK(maker, list) ((list)[below((maker), G_N_ELEMENTS(list))])

/* --- the cluster --- */

static void make_cluster(Maker *maker)
{
    static const char *const zones[] = {"", ", zones: [a]", ", zones: [a, b]",
                                        ", zones: [a, b, c]"};
    static const char instant[] =
        "    latency: {apiWrite: 1ms, apiRead: 1ms, watch: 1ms, controllerSync: 0s, schedule: "
        "1ms,\n"
        "      sandbox: 1ms, imagePull: 1ms, imageCheck: 1ms, containerStart: 1ms,\n"
        "      containerExitSeen: 1ms, kubeletStatus: 1ms, volumeCreate: 1ms, volumeDelete: 1ms,\n"
        "      attach: 1ms, detach: 1ms, mount: 1ms, format: 1ms, unmount: 1ms, proxyProgram: "
        "1ms,\n"
        "      dnsUpdate: 1ms, machineBoot: 1s}\n";
    Swarm *swarm = maker->swarm;
    swarm->minor = 27 + below(maker, 10);
    swarm->node_count = 1 + below(maker, 6);
    g_string_append_printf(maker->out,
                           "  cluster:\n    version: \"1.%u\"\n    controlPlane: "
                           "{controllerManagers: %u, schedulers: %u}\n",
                           swarm->minor, 1 + below(maker, 3), 1 + below(maker, 2));
    g_string_append_printf(maker->out, "    storageClasses: [standard]\n    nodes: %u\n",
                           swarm->node_count);
    const char *dealt = zones[below(maker, MIN(swarm->node_count, 3) + 1)];
    if (*dealt) g_string_append_printf(maker->out, "    %s\n", dealt + 2);
    if (chance(maker, 33)) g_string_append(maker->out, instant);
}

/* --- workloads --- */

static void choose_load(Maker *maker, SwarmLoad *load, unsigned index)
{
    static const char *const classes[] = {"standard", "standard", "fast", "ceph", "shared"};
    static const char *const modes[] = {"ReadWriteOnce", "ReadWriteOnce", "ReadWriteOncePod"};
    *load = (SwarmLoad){.name = {(char)('a' + index), '\0'},
                        .is_set = chance(maker, 75),
                        .is_parallel = chance(maker, 40),
                        .is_on_delete = chance(maker, 10),
                        .has_claim = chance(maker, 60),
                        .deletes_on_delete = chance(maker, 25),
                        .deletes_on_scale = chance(maker, 25),
                        .access = (int)below(maker, 3),
                        .class = PICK(maker, classes),
                        .mode = PICK(maker, modes),
                        .replicas = below(maker, 5),
                        .start = chance(maker, 15) ? 1 + below(maker, 5) : 0,
                        .partition = chance(maker, 15) ? 1 + below(maker, 3) : 0,
                        .min_ready_s = chance(maker, 25) ? 1 + below(maker, 20) : 0,
                        .version = 1,
                        .grace_s = chance(maker, 20) ? 60 : below(maker, 12),
                        .probe_s = below(maker, 4) * 3,
                        .startup_s = below(maker, 12),
                        .stop_s = below(maker, 4)};
    if (strcmp(load->class, "shared") == 0) load->mode = "ReadWriteMany";
}

/* The pod template's spec in flow style. */
static void write_pod(Maker *maker, const SwarmLoad *load)
{
    GString *out = maker->out;
    g_string_append_printf(
        out,
        "template: {metadata: {labels: {app: %s}}, spec: {terminationGracePeriodSeconds: %u, "
        "containers: [{name: main, image: \"main:%u\", resources: {requests: {cpu: 100m}}",
        load->name, load->grace_s, load->version);
    if (load->probe_s)
        g_string_append_printf(
            out, ", readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: %u}",
            load->probe_s);
    bool has_shared = !load->is_set && load->access != 0;
    if (has_shared || (load->is_set && load->has_claim))
        g_string_append(out, ", volumeMounts: [{name: data, mountPath: /data}]");
    g_string_append(out, "}]");
    if (has_shared)
        g_string_append_printf(
            out, ", volumes: [{name: data, persistentVolumeClaim: {claimName: %s-data}}]",
            load->name);
    g_string_append(out, "}}");
}

static void write_set(Maker *maker, const SwarmLoad *load)
{
    GString *out = maker->out;
    g_string_append_printf(
        out,
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: %s}, spec: {serviceName: %s, "
        "replicas: %u, selector: {matchLabels: {app: %s}}, podManagementPolicy: %s, "
        "minReadySeconds: %u, ",
        load->name, load->name, load->replicas, load->name,
        load->is_parallel ? "Parallel" : "OrderedReady", load->min_ready_s);
    if (load->start) g_string_append_printf(out, "ordinals: {start: %u}, ", load->start);
    if (load->is_on_delete)
        g_string_append(out, "updateStrategy: {type: OnDelete}, ");
    else if (load->partition)
        g_string_append_printf(
            out, "updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: %u}}, ",
            load->partition);
    g_string_append_printf(
        out, "persistentVolumeClaimRetentionPolicy: {whenDeleted: %s, whenScaled: %s}, ",
        load->deletes_on_delete ? "Delete" : "Retain",
        load->deletes_on_scale ? "Delete" : "Retain");
    write_pod(maker, load);
    if (load->has_claim)
        g_string_append_printf(
            out,
            ", volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [%s], "
            "storageClassName: %s, resources: {requests: {storage: 1Gi}}}}]",
            load->mode, load->class);
    g_string_append(out, "}}");
}

static void write_deployment(Maker *maker, const SwarmLoad *load)
{
    g_string_append_printf(
        maker->out,
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: %s}, spec: {replicas: %u, "
        "selector: {matchLabels: {app: %s}}, minReadySeconds: %u, strategy: {type: %s}, ",
        load->name, load->replicas, load->name, load->min_ready_s,
        load->is_parallel ? "RollingUpdate" : "Recreate");
    write_pod(maker, load);
    g_string_append(maker->out, "}}");
}

static void write_load(Maker *maker, const SwarmLoad *load)
{
    if (load->is_set)
        write_set(maker, load);
    else
        write_deployment(maker, load);
}

static void write_manifests(Maker *maker)
{
    GString *out = maker->out;
    static const char *const classes[][2] = {
        {"fast", "ebs.csi.aws.com"}, {"ceph", "rbd.csi.ceph.com"}, {"shared", "nfs.csi.k8s.io"}};
    for (unsigned i = 0; i < G_N_ELEMENTS(classes); i++)
        g_string_append_printf(out,
                               "---\n{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: "
                               "{name: %s}, provisioner: %s, reclaimPolicy: Delete, "
                               "volumeBindingMode: Immediate}\n",
                               classes[i][0], classes[i][1]);
    for (unsigned i = 0; i < maker->swarm->load_count; i++) {
        const SwarmLoad *load = &maker->swarm->loads[i];
        g_string_append_printf(out,
                               "---\n{apiVersion: v1, kind: Service, metadata: {name: %s}, spec: "
                               "{clusterIP: None, publishNotReadyAddresses: %s, selector: {app: "
                               "%s}, ports: [{name: http, port: 80}]}}\n",
                               load->name, chance(maker, 20) ? "true" : "false", load->name);
        if (!load->is_set && load->access != 0)
            g_string_append_printf(out,
                                   "---\n{apiVersion: v1, kind: PersistentVolumeClaim, metadata: "
                                   "{name: %s-data}, spec: {accessModes: [%s], storageClassName: "
                                   "%s, resources: {requests: {storage: 1Gi}}}}\n",
                                   load->name,
                                   load->access == 1 ? "ReadWriteMany" : "ReadWriteOnce",
                                   load->access == 1 ? "shared" : "standard");
        g_string_append(out, "---\n");
        write_load(maker, load);
        g_string_append_c(out, '\n');
    }
}

/* --- the script --- */

static const char *kind_word(const SwarmLoad *load)
{
    return load->is_set ? "statefulset" : "deployment";
}

static void step_scale(Maker *maker, SwarmLoad *load)
{
    load->replicas = below(maker, 6);
    g_string_append_printf(maker->out, "scale: {target: %s/%s, replicas: %u}", kind_word(load),
                           load->name, load->replicas);
}

/* A new template, perhaps an old one again; or the same, which brings back what was deleted. */
static void step_apply(Maker *maker, SwarmLoad *load)
{
    load->version = 1 + below(maker, 3);
    if (chance(maker, 30)) load->replicas = below(maker, 6);
    g_string_append(maker->out, "apply: {manifests: [");
    write_load(maker, load);
    g_string_append(maker->out, "]}");
}

static void step_delete_pod(Maker *maker, SwarmLoad *load)
{
    static const char *const ways[] = {"",
                                       "",
                                       ", force: true",
                                       ", gracePeriodSeconds: 1",
                                       ", gracePeriodSeconds: 0",
                                       ", gracePeriodSeconds: 40"};
    if (!load->is_set || load->replicas == 0) {
        step_scale(maker, load);
        return;
    }
    g_string_append_printf(maker->out, "delete: {target: pod/%s-%u%s}", load->name,
                           load->start + below(maker, load->replicas), PICK(maker, ways));
}

static void step_delete_load(Maker *maker, SwarmLoad *load)
{
    static const char *const ways[] = {"background", "foreground", "orphan"};
    unsigned way = below(maker, load->is_set ? 3 : 2); /* a Deployment adopts no ReplicaSet */
    load->was_deleted = true;
    load->was_deleted_in_foreground = load->was_deleted_in_foreground || way == 1;
    g_string_append_printf(maker->out, "delete: {target: %s/%s, cascade: %s}", kind_word(load),
                           load->name, ways[way]);
}

static void step_delete_claim(Maker *maker, SwarmLoad *load)
{
    if (!load->is_set || !load->has_claim) {
        step_delete_pod(maker, load);
        return;
    }
    load->was_deleted = true; /* of its claims nothing is certain any more */
    g_string_append_printf(maker->out, "delete: {target: pvc/data-%s-%u}", load->name,
                           load->start + below(maker, 4));
}

static double fault_seconds(Maker *maker)
{
    static const unsigned spans[] = {1, 10, 45, 90, 400, 900};
    return 0.2 + below(maker, PICK(maker, spans) * 10) / 10.0;
}

static void write_target(Maker *maker)
{
    const Swarm *swarm = maker->swarm;
    const SwarmLoad *load = &swarm->loads[below(maker, swarm->load_count)];
    if (chance(maker, 50))
        g_string_append_printf(maker->out, "selector: {node: node-%u}",
                               1 + below(maker, swarm->node_count));
    else
        g_string_append_printf(maker->out, "mode: %s, selector: {labelSelectors: {app: %s}}",
                               chance(maker, 70) ? "one" : "all", load->name);
}

static void write_process(Maker *maker)
{
    static const char *const names[] = {
        "kube-controller-manager", "kube-controller-manager", "kube-controller-manager-1",
        "kube-scheduler",          "csi-controller",          "coredns"};
    if (chance(maker, 30))
        g_string_append_printf(maker->out, "process: kubelet-node-%u",
                               1 + below(maker, maker->swarm->node_count));
    else
        g_string_append_printf(maker->out, "process: %s", PICK(maker, names));
}

static void step_fault(Maker *maker)
{
    static const char *const directions[] = {"to", "from", "both"};
    static const char *const kinds[] = {"", ", kind: pod", ", kind: statefulset", ", kind: pvc",
                                        ", kind: node"};
    double seconds = fault_seconds(maker);
    GString *out = maker->out;
    g_string_append_printf(out, "inject: {duration: %.1fs, ", seconds);
    double over_s = maker->now_s + seconds;
    switch (below(maker, 5)) {
    case 0:
        g_string_append(out, "action: node-stop, ");
        write_target(maker);
        break;
    case 1:
        g_string_append_printf(out, "action: partition, direction: %s, ", PICK(maker, directions));
        write_target(maker);
        break;
    case 2:
    case 3:
        g_string_append(out, "action: controller-crash, ");
        write_process(maker);
        break;
    default: {
        unsigned delay_s = 1 + below(maker, 40);
        over_s += delay_s;
        g_string_append_printf(out, "action: watch-delay, delay: %us%s, ", delay_s,
                               PICK(maker, kinds));
        write_process(maker);
        Nanos from = (Nanos)(maker->now_s * 1e9), until = (Nanos)(over_s * 1e9) + NANOS_MIN;
        maker->swarm->late_from = MIN(maker->swarm->late_from, from);
        maker->swarm->late_until = MAX(maker->swarm->late_until, until);
    }
    }
    g_string_append_c(out, '}');
    maker->calm_s = MAX(maker->calm_s, over_s);
}

static void make_step(Maker *maker)
{
    static const unsigned gaps[] = {1, 5, 30, 200, 420};
    maker->now_s += below(maker, PICK(maker, gaps) * 1000) / 1000.0;
    maker->calm_s = MAX(maker->calm_s, maker->now_s);
    g_string_append_printf(maker->out, "    - {at: %.3fs, ", maker->now_s);
    SwarmLoad *load = &maker->swarm->loads[below(maker, maker->swarm->load_count)];
    unsigned what = below(maker, 100);
    if (what < 22)
        step_scale(maker, load);
    else if (what < 40)
        step_apply(maker, load);
    else if (what < 56)
        step_delete_pod(maker, load);
    else if (what < 61)
        step_delete_load(maker, load);
    else if (what < 63)
        step_delete_claim(maker, load);
    else
        step_fault(maker);
    g_string_append(maker->out, "}\n");
}

void swarm_make(Swarm *swarm, uint64_t seed)
{
    *swarm = (Swarm){.late_from = NANOS_NEVER};
    Maker maker = {.swarm = swarm,
                   .rng = rng_stream(seed, "swarm", "scenario"),
                   .out = g_string_new("apiVersion: kennel/v1\nkind: Scenario\n")};
    g_string_append_printf(
        maker.out, "metadata: {name: swarm-%" PRIu64 "}\nspec:\n  seed: %" PRIu64 "\n", seed, seed);
    make_cluster(&maker);
    swarm->load_count = 1 + below(&maker, SWARM_LOADS_MAX);
    for (unsigned i = 0; i < swarm->load_count; i++)
        choose_load(&maker, &swarm->loads[i], i);
    SwarmLoad first[SWARM_LOADS_MAX];
    memcpy(first, swarm->loads, sizeof(first));
    g_string_append(maker.out, "  applications:\n");
    for (unsigned i = 0; i < swarm->load_count; i++)
        g_string_append_printf(maker.out, "    - {selector: {app: %s}, start: %us, stop: %us}\n",
                               swarm->loads[i].name, swarm->loads[i].startup_s,
                               swarm->loads[i].stop_s);
    g_string_append(maker.out, "  steps:\n");
    maker.now_s = below(&maker, 60) + 1;
    for (unsigned count = 2 + below(&maker, 9); count > 0; count--)
        make_step(&maker);
    g_string_append_printf(maker.out, "  duration: %.0fs\n", maker.calm_s + SETTLE_S);
    g_string_append(maker.out, "  convergenceBudget: 25m\n  eventBudget: 20000000\n"
                               "  expect: {guarantees: {dns: any, at-most-one.process: any, "
                               "at-most-one.writer: any}}\n");
    /* The script has changed what is declared; the manifests are what was at first. */
    SwarmLoad last[SWARM_LOADS_MAX];
    memcpy(last, swarm->loads, sizeof(last));
    memcpy(swarm->loads, first, sizeof(first));
    write_manifests(&maker);
    memcpy(swarm->loads, last, sizeof(last));
    swarm->text = g_string_free(maker.out, false);
}

void swarm_clear(Swarm *swarm)
{
    g_free(swarm->text);
    swarm->text = NULL;
}
