/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.c - the kubelet's heartbeat: a Lease in kube-node-lease, renewed every 10 s.
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/component-helpers/apimachinery/lease/controller.go
 * Simplified: the renewal is a patch of renewTime, not an update of the lease last read, because
 *   nobody else writes it; the second renewal comes U(0, 10 s) after the first, so that kubelets
 *   that start in one instant do not beat in step.
 * State: unknown -create or AlreadyExists-> held -renew every 10 s (4 % jitter)-> held
 *        a failed renewal is repeated at once up to 5 times, then given up until the next.
 */
#include "models/node/machine.h"
#include "models/plan.h"

#define LEASE_SPACE      "kube-node-lease"
#define LEASE_DURATION_S 40
#define LEASE_PERIOD     (10 * NANOS_S)
#define LEASE_JITTER     0.04
#define LEASE_TRIES      5
#define REQUEST_TIMEOUT  (10 * NANOS_S)

typedef struct {
    Key key;
    bool is_held;    /* the object is known to exist */
    bool is_renewed; /* at least once since the start */
    unsigned tries;
} LeaseState;

static Nanos next_renewal(Actor *actor, LeaseState *lease)
{
    double unit = actor_unit(actor, "jitter");
    bool is_first = !lease->is_renewed;
    lease->is_renewed = true;
    if (is_first) return (Nanos)(unit * (double)LEASE_PERIOD);
    return LEASE_PERIOD + (Nanos)(unit * LEASE_JITTER * (double)LEASE_PERIOD);
}

static Value *renew_time(const Actor *actor)
{
    char text[TIME_TEXT_MAX];
    return value_string(time_format_micro(actor_now(actor), text));
}

static void renew(Actor *actor);

static PlanVerdict renewed(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    LeaseState *lease = (LeaseState *)actor_state(actor);
    (void)step;
    (void)data;
    bool was_held = lease->is_held;
    lease->is_held = reply->reason == REASON_OK || reply->reason == REASON_ALREADY_EXISTS ||
                     (was_held && reply->reason != REASON_NOT_FOUND);
    /* Again at once, with the time it then is: after a failure, or if an earlier incarnation left
     * the lease. */
    if (reply->reason != REASON_OK && ++lease->tries < LEASE_TRIES) renew(actor);
    return PLAN_ACCEPT;
}

static Value *lease_value(const Actor *actor, const char *name)
{
    Value *body = value_map();
    value_put(&body, value_string("coordination.k8s.io/v1"), "apiVersion");
    value_put(&body, value_string("Lease"), "kind");
    value_put(&body, value_string(LEASE_SPACE), "metadata", "namespace");
    value_put(&body, value_string(name), "metadata", "name");
    value_put(&body, value_string(name), "spec", "holderIdentity");
    value_put(&body, value_int(LEASE_DURATION_S), "spec", "leaseDurationSeconds");
    value_put(&body, renew_time(actor), "spec", "renewTime");
    return body;
}

static void renew(Actor *actor)
{
    const LeaseState *lease = (const LeaseState *)actor_state(actor);
    PlanStep *step;
    if (lease->is_held) {
        Value *patch = value_map();
        value_put(&patch, renew_time(actor), "spec", "renewTime");
        step = plan_patch(actor, lease->key, PATCH_MERGE, patch);
    } else {
        const char *name = actor_text(actor, lease->key.name);
        step = plan_create(actor, KIND_LEASE, lease_value(actor, name));
    }
    plan_then(step, renewed, NULL);
}

static void lease_sync(Actor *actor, Key key)
{
    LeaseState *lease = (LeaseState *)actor_state(actor);
    (void)key;
    lease->tries = 0;
    renew(actor);
    plan_after(actor, next_renewal(actor, lease));
}

static void lease_start(Actor *actor)
{
    LeaseState *lease = (LeaseState *)actor_state(actor);
    lease->key =
        (Key){KIND_LEASE, actor_atom(actor, LEASE_SPACE), machine_name(actor_machine(actor))};
    actor_enqueue(actor, lease->key);
}

const Component lease_component = {
    .name = "kubelet-lease",
    .help = "renews the node's Lease",
    .state_size = sizeof(LeaseState),
    .unthrottled = true,
    .timeout = REQUEST_TIMEOUT,
    .start = lease_start,
    .sync = lease_sync,
};
