/* SPDX-License-Identifier: Apache-2.0 */
/*
 * views.h - the typed views of all kinds: the fields that models read.
 *
 * A view is projected once, when a version is committed (KindInfo.project), and is as immutable as
 * its value. It holds parts by reference count: versions of one object that differ in status only
 * share Meta and spec parts. Everything a model does not read stays in the value alone, so user
 * fields survive untouched. To make a field visible: one line here, one in the kind's project().
 *
 * Conventions: Atom for names compared or looked up; `_s` are seconds as the API has them; a Nanos
 * is a time since the run's start (NANOS_NEVER: unset); const Value * are borrowed from the
 * object's value (NULL: absent).
 */
#ifndef KENNEL_MODELS_KIND_VIEWS_H
#define KENNEL_MODELS_KIND_VIEWS_H

#include "models/api/object.h"
#include "models/api/selector.h"

typedef enum { CONDITION_ABSENT, CONDITION_FALSE, CONDITION_TRUE, CONDITION_UNKNOWN } Condition;

/* --- Pod --- */

typedef enum {
    PHASE_NONE,
    PHASE_PENDING,
    PHASE_RUNNING,
    PHASE_SUCCEEDED,
    PHASE_FAILED,
    PHASE_UNKNOWN
} PodPhase;
typedef enum { PULL_IF_NOT_PRESENT, PULL_ALWAYS, PULL_NEVER } PullPolicy;
typedef enum { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER } RestartPolicy;

typedef struct {
    bool is_set;
    int64_t initial_delay_s, period_s, timeout_s, success_threshold, failure_threshold;
    int64_t grace_s; /* probe-level terminationGracePeriodSeconds; -1: not set */
} ProbeView;

typedef struct {
    Atom name, image;
    PullPolicy pull_policy;
    bool is_init, is_sidecar, has_pre_stop;
    int64_t cpu_milli, memory_bytes; /* requests */
    ProbeView readiness, liveness, startup;
} ContainerView;

typedef enum { VOLUME_OTHER, VOLUME_CLAIM, VOLUME_EMPTY_DIR } PodVolumeSource;

typedef struct {
    Atom name, claim; /* claim: only VOLUME_CLAIM */
    PodVolumeSource source;
    bool is_read_only;
} PodVolume;

typedef enum {
    EFFECT_NONE,
    EFFECT_NO_SCHEDULE,
    EFFECT_PREFER_NO_SCHEDULE,
    EFFECT_NO_EXECUTE
} TaintEffect;

typedef struct {
    Atom key, value; /* key ATOM_NONE with exists: every taint */
    bool is_exists;
    TaintEffect effect; /* EFFECT_NONE: all effects */
    bool has_seconds;
    int64_t seconds;
} Toleration;

typedef struct {
    Atom name; /* may be ATOM_NONE */
    Atom protocol;
    int64_t port;
} PortView;

/* The spec part of a pod, shared by versions with the same spec. */
typedef struct {
    uint32_t refs;
    Atom node_name, hostname, subdomain, scheduler_name, priority_class;
    RestartPolicy restart_policy;
    bool is_host_network;
    int64_t grace_s, priority;
    int64_t cpu_milli, memory_bytes; /* effective requests: max(init, sum of containers) */
    uint32_t container_count, volume_count, toleration_count, port_count, node_selector_count;
    const ContainerView *containers; /* init containers first, in order */
    const PodVolume *volumes;
    const Toleration *tolerations;
    const PortView *ports; /* of all containers */
    const Label *node_selector;
    const Value *affinity; /* borrowed from the value */
    const Value *topology_spread;
} PodSpec;

typedef struct {
    const Meta *meta;
    const PodSpec *spec;
    Atom revision; /* label controller-revision-hash */
    Atom pod_ip;
    Atom reason; /* status.reason */
    PodPhase phase;
    Condition ready;
    Nanos ready_at; /* lastTransitionTime of Ready */
    Condition scheduled;
    Condition disruption; /* DisruptionTarget */
    unsigned containers_running, restarts;
    Nanos started_at; /* status.startTime */
} PodView;

/* Phase Running and condition Ready: the StatefulSet's "running and ready" (also if terminating). */
bool pod_is_running_and_ready(const PodView *pod);
/* Phase Succeeded or Failed. */
bool pod_is_terminal(const PodView *pod);
/* Ready, and for at least min_ready_s seconds. */
bool pod_is_available(const PodView *pod, int64_t min_ready_s, Nanos now);
const char *pod_phase_text(PodPhase phase);
/* "True", "False", "Unknown" or "". */
const char *condition_text(Condition condition);

/* Splits "web-12" into parent and ordinal; false (ordinal -1) if the name does not parse so. */
bool pod_ordinal(const char *name, char parent[256], int64_t *ret_ordinal);

/* --- workloads --- */

typedef enum { RETENTION_RETAIN, RETENTION_DELETE, RETENTION_OTHER } Retention;

typedef struct {
    const Meta *meta;
    int64_t replicas, start_ordinal, min_ready_s, history_limit;
    bool is_parallel, is_on_delete,
        has_rolling_update; /* spec.updateStrategy.rollingUpdate given */
    bool has_retention;     /* persistentVolumeClaimRetentionPolicy given */
    Retention when_deleted, when_scaled;
    int64_t partition;
    const Value *max_unavailable; /* integer, percentage or NULL */
    Selector *selector;           /* owned; NULL if it does not compile */
    Atom service_name;
    const Value *template, *claim_templates;
    uint32_t claim_template_count;
    const Atom *claim_names; /* of the templates */
    /* status */
    int64_t observed_generation, status_replicas, ready, current, updated, available;
    bool has_collision_count;
    int64_t collision_count;
    Atom current_revision, update_revision;
} StatefulSetView;

typedef struct {
    const Meta *meta;
    int64_t revision;
    const Value *data;
} RevisionView;

typedef struct {
    const Meta *meta;
    int64_t replicas, min_ready_s;
    Selector *selector;
    const Value *template;
    /* status */
    int64_t observed_generation, status_replicas, fully_labeled, ready, available;
} ReplicaSetView;

typedef struct {
    const Meta *meta;
    int64_t replicas, min_ready_s, history_limit, progress_deadline_s;
    bool is_recreate, is_paused;
    const Value *max_surge, *max_unavailable;
    Selector *selector;
    const Value *template;
    /* status */
    int64_t observed_generation, status_replicas, updated, ready, available;
    bool has_collision_count;
    int64_t collision_count;
} DeploymentView;

/* --- network --- */

typedef struct {
    Atom name, protocol;
    int64_t port;
    Atom target_name;    /* named targetPort, or ATOM_NONE */
    int64_t target_port; /* numeric targetPort, 0 if named */
} ServicePort;

typedef struct {
    const Meta *meta;
    uint32_t selector_count, port_count;
    const Label *selector;
    const ServicePort *ports;
    bool is_headless, is_external_name, publishes_not_ready;
    Atom cluster_ip, external_name;
} ServiceView;

typedef struct {
    Atom address, hostname, node_name, pod_name, pod_uid;
    bool is_ready, is_serving, is_terminating;
} Endpoint;

typedef struct {
    const Meta *meta;
    Atom service; /* label kubernetes.io/service-name */
    uint32_t endpoint_count, port_count;
    const Endpoint *endpoints;
    const PortView *ports;
} EndpointSliceView;

/* --- storage --- */

typedef enum { ACCESS_RWO = 1, ACCESS_ROX = 2, ACCESS_RWX = 4, ACCESS_RWOP = 8 } AccessMode;

typedef struct {
    const Meta *meta;
    Atom volume_name, phase;
    bool has_class;
    Atom class_name; /* also from the annotation volume.beta.kubernetes.io/storage-class */
    unsigned modes;  /* of AccessMode */
    int64_t request_bytes;
    Atom selected_node; /* annotation volume.kubernetes.io/selected-node */
    bool is_block;
} ClaimView;

typedef struct {
    const Meta *meta;
    Atom phase, class_name, driver, handle;
    bool has_claim;
    Atom claim_space, claim_name, claim_uid;
    unsigned modes;
    int64_t capacity_bytes;
    bool is_delete; /* persistentVolumeReclaimPolicy: Delete */
    bool is_block;
    const Value *node_affinity;
    Atom zone; /* topology.kubernetes.io/zone the volume is pinned to by node affinity or label */
} VolumeView;

typedef struct {
    const Meta *meta;
    Atom provisioner;
    bool is_delete, waits_for_consumer, is_default, allows_expansion;
    const Value *parameters, *allowed_topologies;
} StorageClassView;

typedef struct {
    const Meta *meta;
    Atom attacher, node_name, volume_name;
    bool is_attached;
    bool has_attach_error, has_detach_error;
} AttachmentView;

/* --- cluster --- */

typedef struct {
    Atom key, value;
    TaintEffect effect;
    Nanos added_at;
} Taint;

typedef struct {
    const Meta *meta;
    Atom zone;
    bool is_unschedulable;
    uint32_t taint_count, in_use_count, attached_count;
    const Taint *taints;
    const Atom *volumes_in_use;            /* status.volumesInUse: unique volume names */
    const Atom *volumes_attached;          /* status.volumesAttached[].name */
    int64_t cpu_milli, memory_bytes, pods; /* allocatable */
    Condition ready;
    Nanos ready_heartbeat_at, ready_transition_at;
    Atom ready_reason;
    Atom boot_id;
} NodeView;

typedef struct {
    const Meta *meta;
    Atom holder;
    int64_t duration_s, transitions;
    Nanos renewed_at, acquired_at;
} LeaseView;

typedef struct {
    const Meta *meta;
    bool is_active;
} NamespaceView;

/* --- access; the object must be of the kind --- */

static inline const PodView *pod_view(const Object *object)
{
    return (const PodView *)object->view;
}
static inline const StatefulSetView *statefulset_view(const Object *object)
{
    return (const StatefulSetView *)object->view;
}
static inline const RevisionView *revision_view(const Object *object)
{
    return (const RevisionView *)object->view;
}
static inline const ReplicaSetView *replicaset_view(const Object *object)
{
    return (const ReplicaSetView *)object->view;
}
static inline const DeploymentView *deployment_view(const Object *object)
{
    return (const DeploymentView *)object->view;
}
static inline const ServiceView *service_view(const Object *object)
{
    return (const ServiceView *)object->view;
}
static inline const EndpointSliceView *slice_view(const Object *object)
{
    return (const EndpointSliceView *)object->view;
}
static inline const ClaimView *claim_view(const Object *object)
{
    return (const ClaimView *)object->view;
}
static inline const VolumeView *volume_view(const Object *object)
{
    return (const VolumeView *)object->view;
}
static inline const StorageClassView *class_view(const Object *object)
{
    return (const StorageClassView *)object->view;
}
static inline const AttachmentView *attachment_view(const Object *object)
{
    return (const AttachmentView *)object->view;
}
static inline const NodeView *node_view(const Object *object)
{
    return (const NodeView *)object->view;
}
static inline const LeaseView *lease_view(const Object *object)
{
    return (const LeaseView *)object->view;
}

/* Whether a toleration list tolerates a taint; ret_seconds (may be NULL) gets the smallest
 * tolerationSeconds of the matching ones, -1 for unlimited. */
bool tolerations_cover(const PodSpec *spec, const Taint *taint, int64_t *ret_seconds);

/* An integer-or-percentage (maxSurge and friends) of a total; fallback if value is NULL. */
int64_t int_or_percent(const Value *value, int64_t total, bool rounds_up, int64_t fallback);

#endif
