/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pvcprotection.c - keeps claims that pods use, and volumes that claims use, from vanishing.
 * Mirrors: kubernetes v1.36 pkg/controller/volume/pvcprotection, pkg/controller/volume/pvprotection
 * Simplified: upstream looks for pods in its cache and then once more live; here the cache decides,
 *   so a pod younger than the cache's delay may lose its claim.
 * State: of a claim or volume
 *   present -deleted-> terminating -no scheduled pod uses it, or not Bound-> finalizer removed
 */
#include "models/plan.h"
#include "models/storage/volume.h"

#define CLAIM_FINALIZER  "kubernetes.io/pvc-protection"
#define VOLUME_FINALIZER "kubernetes.io/pv-protection"

/* Terminal pods count, pods without a node do not. */
static bool claim_is_used(const Actor *actor, Key claim)
{
    ObjectList pods = actor_lookup(actor, INDEX_POD_CLAIM, index_key(claim.space, claim.name));
    for (unsigned i = 0; i < pods.count; i++)
        if (pod_view(pods.items[i])->spec->node_name) return true;
    return false;
}

static void protection_sync(Actor *actor, Key key)
{
    const Object *object = actor_get(actor, key);
    bool is_claim = key.kind == KIND_PERSISTENT_VOLUME_CLAIM;
    const char *finalizer = is_claim ? CLAIM_FINALIZER : VOLUME_FINALIZER;
    if (!object || !object_is_terminating(object) ||
        !meta_has_finalizer(object_meta(object), actor_atom(actor, finalizer)))
        return;
    if (is_claim && claim_is_used(actor, key)) {
        actor_because(actor, key, "a scheduled pod uses the claim");
        return;
    }
    if (!is_claim && volume_view(object)->phase == actor_atom(actor, "Bound")) {
        actor_because(actor, key, "the volume is bound");
        return;
    }
    PlanStep *step = plan_update(actor, object, value_without_finalizer(object->value, finalizer));
    plan_flags(step, PLAN_IGNORES_NOT_FOUND);
    plan_because(step, "not in use any more");
}

static void on_protected(Actor *actor, const Object *old, const Object *now)
{
    (void)old;
    if (now && object_is_terminating(now)) actor_enqueue(actor, now->key);
}

static void on_pod(Actor *actor, const Object *old, const Object *now)
{
    if (!old || (now && now->uid == old->uid)) return;
    const PodSpec *spec = pod_view(old)->spec;
    for (unsigned i = 0; i < spec->volume_count; i++)
        if (spec->volumes[i].source == VOLUME_CLAIM)
            actor_enqueue(
                actor, (Key){KIND_PERSISTENT_VOLUME_CLAIM, old->key.space, spec->volumes[i].claim});
}

static const WatchRule protection_watches[] = {
    {KIND_PERSISTENT_VOLUME_CLAIM, on_protected, SCOPE_ALL, INDEX_NONE},
    {KIND_PERSISTENT_VOLUME, on_protected, SCOPE_ALL, INDEX_NONE},
    {KIND_POD, on_pod, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component pvcprotection_component = {
    .name = "pvc-protection-controller",
    .help = "removes protection finalizers from claims and volumes out of use",
    .watches = protection_watches,
    .sync = protection_sync,
};
