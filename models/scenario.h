/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario.h - what the user wrote, checked and ready to run.
 *
 * A scenario file is a stream of YAML documents: Kubernetes manifests, inline or in files the
 * scenario names, and one document `apiVersion: kennel/v1, kind: Scenario`. scenario_load() reads
 * all of it, substitutes ${parameters}, checks every key, every manifest and every name a step
 * refers to, and reports faults as "file:line: path: what, and what to write instead". Nothing is
 * run if anything is wrong. What Kubernetes accepts but a user should know (a governing Service
 * that does not exist, kinds that are not simulated) is a warning.
 *
 * `vary:` makes variants: the product of its lists, each a Scenario of its own with the parameters
 * substituted; a file without it has one variant.
 */
#ifndef KENNEL_MODELS_SCENARIO_H
#define KENNEL_MODELS_SCENARIO_H

#include "models/api/object.h"
#include "sim/arena.h"
#include "sim/dist.h"
#include "sim/param.h"

typedef struct Scenario Scenario;
typedef struct Verb Verb;
typedef struct Fault Fault;
typedef struct App App;

/* --- the cluster --- */

/* How long things take; the table is scenario_latency_params, the sources are in the profiles. */
typedef struct {
    Dist api_write, api_read;     /* request to commit and back, total */
    Dist watch;                   /* commit to handler */
    Dist controller_sync;         /* CPU of one sync */
    Dist schedule;                /* one scheduling cycle */
    Dist sandbox;                 /* sandbox and network of a pod */
    Dist image_pull, image_check; /* cold pull; present but policy Always */
    Dist container_start;         /* create and start of one container */
    Dist container_exit_seen;     /* PLEG */
    Dist kubelet_status;          /* kubelet's own time before a status write */
    Dist volume_create, volume_delete, attach, detach; /* backend calls, default driver */
    Dist mount, format, unmount;                       /* node side */
    Dist proxy_program;                                /* kube-proxy */
    Dist dns_update;   /* EndpointSlice event to DNS server answer */
    Dist machine_boot; /* power on to kubelet start */
} LatencyConfig;

typedef struct {
    Nanos node_monitor_grace, node_monitor_period, node_startup_grace; /* grace 0: by version */
    Nanos toleration; /* default tolerationSeconds of not-ready/unreachable */
    Nanos pod_gc_period;
    Nanos force_detach_after; /* maxWaitForUnmountDuration */
    int64_t controller_managers, schedulers;
    Nanos lease_duration, renew_deadline, retry_period; /* leader election */
    double kcm_qps, kcm_burst, scheduler_qps, scheduler_burst, kubelet_qps, kubelet_burst;
} ControlPlaneConfig;

typedef struct {
    Nanos ttl, negative_ttl; /* of answers, and of NXDOMAIN */
    Nanos client_max;        /* longest a client keeps an answer; 0: as the TTL says */
} DnsConfig;

typedef struct {
    const char *name; /* nodes are named name-1.. if count > 1 or no name is exact */
    int64_t count;
    const char *zone;
    const char *cpu, *memory;
    int64_t pods;
    const Value *labels, *taints;
} NodeGroup;

typedef struct {
    int minor;          /* of cluster.version "1.36" */
    const Value *gates; /* featureGates: map of name to bool, may be NULL */
    unsigned node_group_count;
    const NodeGroup *node_groups;
    LatencyConfig latency;
    ControlPlaneConfig control_plane;
    DnsConfig dns;
    const char *dns_domain; /* cluster.local */
} ClusterConfig;

/* --- the workloads --- */

/* What runs in the pods that the selector matches (first match wins). */
typedef struct {
    const Value *selector; /* map of labels; NULL: all pods */
    const App *app;
    const void *params; /* filled by the app's table */
} AppRule;

/* An object of a manifest, checked (manifest.h); the value is as the user wrote it. */
typedef struct {
    Kind kind;
    const Value *value;
    const char *file;
    unsigned line;
} Manifest;

/* --- the script --- */

typedef struct {
    const char *name; /* label for the pictures; may be NULL */
    Nanos at;
    const Verb *verb;   /* either a verb ... */
    const Fault *fault; /* ... or a fault to inject */
    const void *params;
    Nanos duration;      /* of a fault; 0: until the end */
    const Value *source; /* the map params was read from */
    const char *file;
    unsigned line;
} Step;

/* What the user expects of a guarantee. */
typedef struct {
    const char *guarantee; /* "ordering.create" */
    const char *verdict;   /* "held", "violated", "not exercised" */
} Expectation;

struct Scenario {
    Arena *arena;
    const char *name, *description, *file;
    const char *variant;     /* "system=rg policy=parallel" or "" */
    const Value *parameters; /* of this variant; may be NULL */
    char digest[17];         /* of all the text that went in, hex */
    uint64_t seed;
    Nanos duration, convergence_budget;
    uint64_t event_budget; /* 0: none */
    ClusterConfig cluster;
    unsigned manifest_count, step_count, app_rule_count, expectation_count;
    const Manifest *manifests;
    const Step *steps; /* by time, then as written */
    const AppRule *app_rules;
    const Expectation *expectations;
    GPtrArray *keep; /* owns trees the pointers above borrow from */
};

/* All variants of a file. */
typedef struct {
    GPtrArray *variants; /* of Scenario * */
    GPtrArray *warnings; /* of char *: "file:line: ..." */
} ScenarioSet;

/* Loads a file with its manifests. `data_dir` is where profiles are looked for if they are not
 * beside the scenario (may be NULL). `sets` are "path=value" texts of --set (NULL-terminated, may
 * be NULL): a path into the document's spec, or the name of a parameter of vary. */
ScenarioSet *scenario_load(const char *file, const char *data_dir, const char *const *sets,
                           GError **error);
void scenario_set_free(ScenarioSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ScenarioSet, scenario_set_free)

/* Tables of the document, for help, schema and README. */
extern const Param scenario_params[], cluster_params[], latency_params[], control_plane_params[],
    dns_params[], node_params[], step_params[], application_params[];

/* The JSON Schema of the whole Scenario document. */
Value *scenario_schema(void);

/* --- verbs and faults: one .c and one row in catalog.def each --- */

/* Something a person does. */
struct Verb {
    const char *name; /* the key of the step: "scale" */
    const char *help;
    const Param *params;
    size_t params_size;
    /* Checks names against the scenario (after all manifests are known); may be NULL. */
    bool (*check)(const Scenario *scenario, const Step *step, GError **error);
    void (*run)(World *world, const void *params, const Step *step);
};

/* Something that breaks. Acts on processes, links, store, volumes, machines; never on an actor. */
struct Fault {
    const char *name; /* the action: "node-stop" */
    const char *help;
    const Param *params; /* may begin with FAULT_SELECTOR_PARAMS */
    size_t params_size;
    bool (*check)(const Scenario *scenario, const Step *step, GError **error);
    /* Returns state that end() gets and frees (may be NULL). */
    void *(*begin)(World *world, const void *params, const Step *step);
    void (*end)(World *world, const void *params, void *state);
};

#define VERB(symbol)  extern const Verb symbol##_verb;
#define FAULT(symbol) extern const Fault symbol##_fault;
#define APP(symbol)   extern const App symbol##_app;
#include "models/catalog.def"

extern const Verb *const scenario_verbs[]; /* NULL-terminated, by catalog.def */
extern const Fault *const scenario_faults[];
extern const App *const scenario_apps[];

#endif
