/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_tables.c - the keys of a Scenario document, their defaults and where these come from.
 *
 * Sources of the figures: (S) a default in Kubernetes' source, (M) measured and published, (A)
 * assumed by us. Distributions are written median, 99th percentile. These tables are the one place
 * from which reading, `kennel help`, `kennel schema` and the README are made.
 */
#include "models/scenario_internal.h"

#define ROW_STRUCT    ScenarioFields
#define FIELD(member) offsetof(ROW_STRUCT, member)
#define END                                               \
    {                                                     \
        NULL, PARAM_BOOL, 0, NULL, NULL, NULL, NULL, 0, 0 \
    }
#define PLAIN NULL, NULL, 0, 0

const Param scenario_params[] = {
    {"description", PARAM_STRING, FIELD(description), "", "what the scenario shows", PLAIN},
    {"seed", PARAM_INT, FIELD(seed), "1", "seed of all random streams; --seed overrides it", NULL,
     NULL, 0, 9e18},
    {"duration", PARAM_DURATION, FIELD(duration), "30m", "simulated time until the run ends",
     PLAIN},
    {"convergenceBudget", PARAM_DURATION, FIELD(convergence_budget), "10m",
     "time after the last step or fault within which every workload must be as declared", PLAIN},
    {"eventBudget", PARAM_INT, FIELD(event_budget), "0",
     "events after which a run is given up with verdict unknown; 0: no limit", NULL, NULL, 0, 9e18},
    {"vary", PARAM_VALUE, FIELD(vary), NULL,
     "map of a parameter to its list of values; every combination is a run; ${name} uses them",
     PLAIN},
    {"cluster", PARAM_VALUE, FIELD(cluster), NULL, "the cluster; see `kennel help cluster`", PLAIN},
    {"manifests", PARAM_LIST, FIELD(manifests), NULL,
     "files applied at time 0, relative to this file; or {file: F, patch: {kind: K, ...}}", PLAIN},
    {"applications", PARAM_LIST, FIELD(applications), NULL,
     "what runs in the pods; see `kennel help applications`", PLAIN},
    {"steps", PARAM_LIST, FIELD(steps), NULL,
     "what is done and what breaks, and when; see `kennel help steps`", PLAIN},
    {"expect", PARAM_VALUE, FIELD(expect), NULL,
     "guarantees: map of a guarantee to held, violated, not-exercised or any", PLAIN},
    END,
};

#undef ROW_STRUCT
#define ROW_STRUCT ClusterFields

const Param cluster_params[] = {
    {"version", PARAM_STRING, FIELD(version), "1.36",
     "Kubernetes release whose behaviour is simulated, 1.27 to 1.36", PLAIN},
    {"featureGates", PARAM_VALUE, FIELD(gates), NULL,
     "map of gate to true or false, over the release's defaults", PLAIN},
    {"nodes", PARAM_VALUE, FIELD(nodes), NULL,
     "number of equal nodes (default 3), or a list of groups; see `kennel help nodes`", PLAIN},
    {"zones", PARAM_LIST, FIELD(zones), NULL,
     "zones over which a plain number of nodes is dealt out in turn (default: zone-a)", PLAIN},
    {"storageClasses", PARAM_LIST, FIELD(storage_classes), NULL,
     "names of StorageClasses to provide, made like the built-in class `standard` (default block "
     "storage, WaitForFirstConsumer, Delete); the first is the default class",
     PLAIN},
    {"profile", PARAM_STRING, FIELD(profile), "",
     "a latency profile: a file in profiles/ beside the scenario or of the installation", PLAIN},
    {"latency", PARAM_VALUE, FIELD(latency), NULL,
     "how long things take, over the profile; see `kennel help latency`", PLAIN},
    {"controlPlane", PARAM_VALUE, FIELD(control_plane), NULL,
     "controllers and their timers; see `kennel help controlPlane`", PLAIN},
    {"dns", PARAM_VALUE, FIELD(dns), NULL, "DNS caching; see `kennel help dns`", PLAIN},
    {"dnsDomain", PARAM_STRING, FIELD(dns_domain), "cluster.local", "cluster domain", PLAIN},
    END,
};

#undef ROW_STRUCT
#define ROW_STRUCT NodeGroup

const Param node_params[] = {
    {"name", PARAM_STRING, FIELD(name), "node",
     "name of the node (count 1), or prefix of name-1, name-2, ...", PLAIN},
    {"count", PARAM_INT, FIELD(count), "1", "how many", NULL, NULL, 1, 100000},
    {"zone", PARAM_STRING, FIELD(zone), "zone-a", "label topology.kubernetes.io/zone", PLAIN},
    {"cpu", PARAM_STRING, FIELD(cpu), "8", "allocatable CPU, a quantity", PLAIN},
    {"memory", PARAM_STRING, FIELD(memory), "32Gi", "allocatable memory, a quantity", PLAIN},
    {"pods", PARAM_INT, FIELD(pods), "110", "allocatable pods (S)", NULL, NULL, 1, 100000},
    {"labels", PARAM_VALUE, FIELD(labels), NULL, "further labels", PLAIN},
    {"taints", PARAM_VALUE, FIELD(taints), NULL, "list of {key, value, effect}", PLAIN},
    END,
};

#undef ROW_STRUCT
#define ROW_STRUCT LatencyConfig
#define DIST(key, member, fallback, help)                                \
    {                                                                    \
        key, PARAM_DIST, FIELD(member), fallback, help, NULL, NULL, 0, 0 \
    }

const Param latency_params[] = {
    DIST("apiWrite", api_write, "lognormal(12ms, 150ms)", "API write, request to answer (A)"),
    DIST("apiRead", api_read, "lognormal(4ms, 50ms)", "API read (A)"),
    DIST("watch", watch, "lognormal(10ms, 200ms)", "commit to a watcher's handler (A)"),
    DIST("controllerSync", controller_sync, "lognormal(1ms, 5ms)", "CPU time of one sync (A)"),
    DIST("schedule", schedule, "lognormal(10ms, 60ms)", "one scheduling cycle (A)"),
    DIST("sandbox", sandbox, "lognormal(500ms, 2s)", "pod sandbox and network (A)"),
    DIST("imagePull", image_pull, "lognormal(12s, 120s)", "pull of an image new to the node (A)"),
    DIST("imageCheck", image_check, "lognormal(300ms, 2s)",
         "registry check of a present image with pull policy Always (A)"),
    DIST("containerStart", container_start, "lognormal(600ms, 2s)",
         "create and start of a container (A; 0.57 s on SSD published)"),
    DIST("containerExitSeen", container_exit_seen, "uniform(20ms, 1020ms)",
         "exit of a container to the kubelet noticing: 1 s relist (S)"),
    DIST("kubeletStatus", kubelet_status, "lognormal(40ms, 400ms)",
         "kubelet's own time before a status write (A)"),
    DIST("volumeCreate", volume_create, "lognormal(1.5s, 4s)", "CreateVolume (M: EBS)"),
    DIST("volumeDelete", volume_delete, "lognormal(1.5s, 4s)", "DeleteVolume (A)"),
    DIST("attach", attach, "lognormal(2.5s, 8s)", "ControllerPublish (M: EBS, 1-4 s)"),
    DIST("detach", detach, "lognormal(3s, 12s)", "ControllerUnpublish (M: EBS)"),
    DIST("mount", mount, "lognormal(600ms, 5s)", "NodeStage and NodePublish (A)"),
    DIST("format", format, "lognormal(2s, 8s)", "mkfs before the first mount (A)"),
    DIST("unmount", unmount, "lognormal(200ms, 2s)", "NodeUnpublish and NodeUnstage (A)"),
    DIST("proxyProgram", proxy_program, "lognormal(500ms, 2s)", "kube-proxy (A)"),
    DIST("dnsUpdate", dns_update, "lognormal(200ms, 1s)",
         "EndpointSlice write to the DNS server answering by it (A)"),
    DIST("machineBoot", machine_boot, "lognormal(30s, 90s)", "power on to kubelet start (A)"),
    END,
};

#undef ROW_STRUCT
#define ROW_STRUCT ControlPlaneConfig

const Param control_plane_params[] = {
    {"nodeMonitorGracePeriod", PARAM_DURATION, FIELD(node_monitor_grace), "0s",
     "silence of a node until Unknown; 0: by release, 50s from 1.32, 40s before (S)", PLAIN},
    {"nodeMonitorPeriod", PARAM_DURATION, FIELD(node_monitor_period), "5s",
     "loop of the node lifecycle controller (S)", PLAIN},
    {"nodeStartupGracePeriod", PARAM_DURATION, FIELD(node_startup_grace), "60s",
     "the same for a node that never reported (S)", PLAIN},
    {"defaultTolerationSeconds", PARAM_DURATION, FIELD(toleration), "300s",
     "of the not-ready and unreachable tolerations given to every pod (S)", PLAIN},
    {"podGCPeriod", PARAM_DURATION, FIELD(pod_gc_period), "20s", "loop of the pod GC (S)", PLAIN},
    {"maxWaitForUnmountDuration", PARAM_DURATION, FIELD(force_detach_after), "6m",
     "until a volume still mounted on a node that is not Ready is detached by force (S)", PLAIN},
    {"controllerManagers", PARAM_INT, FIELD(controller_managers), "1",
     "processes; one leads, the others stand by", NULL, NULL, 1, 9},
    {"schedulers", PARAM_INT, FIELD(schedulers), "1", "processes, likewise", NULL, NULL, 1, 9},
    {"leaseDuration", PARAM_DURATION, FIELD(lease_duration), "15s", "leader election (S)", PLAIN},
    {"renewDeadline", PARAM_DURATION, FIELD(renew_deadline), "10s", "leader election (S)", PLAIN},
    {"retryPeriod", PARAM_DURATION, FIELD(retry_period), "2s", "leader election (S)", PLAIN},
    {"kubeAPIQPS", PARAM_FLOAT, FIELD(kcm_qps), "20",
     "client limit of each controller, requests a second (S)", NULL, NULL, 0.001, 1e9},
    {"kubeAPIBurst", PARAM_FLOAT, FIELD(kcm_burst), "30", "and its burst (S)", NULL, NULL, 1, 1e9},
    {"schedulerQPS", PARAM_FLOAT, FIELD(scheduler_qps), "50", "of the scheduler (S)", NULL, NULL,
     0.001, 1e9},
    {"schedulerBurst", PARAM_FLOAT, FIELD(scheduler_burst), "100", "of the scheduler (S)", NULL,
     NULL, 1, 1e9},
    {"kubeletQPS", PARAM_FLOAT, FIELD(kubelet_qps), "50", "of each kubelet (S)", NULL, NULL, 0.001,
     1e9},
    {"kubeletBurst", PARAM_FLOAT, FIELD(kubelet_burst), "100", "of each kubelet (S)", NULL, NULL, 1,
     1e9},
    END,
};

#undef ROW_STRUCT
#define ROW_STRUCT DnsConfig

const Param dns_params[] = {
    {"ttl", PARAM_DURATION, FIELD(ttl), "30s", "TTL of answers (S: kubeadm's Corefile)", PLAIN},
    {"negativeTTL", PARAM_DURATION, FIELD(negative_ttl), "30s", "TTL of NXDOMAIN (S)", PLAIN},
    {"clientMax", PARAM_DURATION, FIELD(client_max), "0s",
     "longest time a client keeps an answer; 0: as long as the TTL says", PLAIN},
    END,
};

#undef ROW_STRUCT
#define ROW_STRUCT StepFields

const Param step_params[] = {
    {"name", PARAM_STRING, FIELD(name), "", "label for tables and pictures", PLAIN},
    {"at", PARAM_DURATION, FIELD(at), PARAM_REQUIRED, "time since the start", PLAIN},
    END,
};

#undef ROW_STRUCT
#define ROW_STRUCT ApplicationFields

const Param application_params[] = {
    {"selector", PARAM_VALUE, FIELD(selector), NULL,
     "map of labels a pod must carry; none: every pod", PLAIN},
    {"model", PARAM_STRING, FIELD(model), "stateless", "application model; its parameters follow",
     PLAIN},
    END,
};
