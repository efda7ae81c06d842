/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scheduler_volume.c - what claims ask of the choice of a node.
 * Mirrors: kubernetes v1.36 pkg/scheduler/framework/plugins/volumebinding, volumezone,
 *   volumerestrictions.
 * Simplified: storage capacity is not looked at; one static volume may be taken for each claim, the
 *   smallest that fits; generic ephemeral volumes are not known. Effect: provisioning that runs out
 *   of capacity is found by the provisioner, which removes the selected node, as upstream does
 *   without CSIStorageCapacity.
 * State: none.
 */
#include "models/control/scheduler_volume.h"

#define SELECTED_NODE "volume.kubernetes.io/selected-node"
#define BIND_TIMEOUT  (600 * NANOS_S)
#define WAKE_VOLUMES  (WAKE_NODE | WAKE_CLAIM | WAKE_VOLUME | WAKE_CLASS)

static Key claim_key(const Object *pod, Atom name)
{
    return (Key){KIND_PERSISTENT_VOLUME_CLAIM, pod->key.space, name};
}

static Key volume_key(Atom name)
{
    return (Key){KIND_PERSISTENT_VOLUME, ATOM_NONE, name};
}

static bool claim_is_bound(const Actor *actor, const Object *claim)
{
    const ClaimView *view = claim_view(claim);
    if (view->volume_name == ATOM_NONE) return false;
    if (view->phase == actor_atom(actor, "Bound")) return true;
    return value_find(claim->value, "metadata", "annotations", "pv.kubernetes.io/bind-completed") !=
           NULL;
}

static const Object *class_of(const Actor *actor, const ClaimView *claim)
{
    if (claim->class_name == ATOM_NONE) return NULL;
    return actor_get(actor, (Key){KIND_STORAGE_CLASS, ATOM_NONE, claim->class_name});
}

static void refuse_all(Cycle *cycle, unsigned wakes, const char *text)
{
    if (cycle->prefilter.text != NULL) return;
    cycle->prefilter = (Refusal){text, NULL, NULL, wakes, true};
}

/* A bound claim: its volume says where the pod can be. */
static void need_bound(Cycle *cycle, ClaimNeed *need, AtomTable *atoms)
{
    const Actor *actor = cycle->scheduler->actor;
    need->volume = actor_get(actor, volume_key(claim_view(need->claim)->volume_name));
    need->is_lost = need->volume == NULL;
    if (need->is_lost) return;
    need->view = volume_view(need->volume);
    const Value *affinity =
        value_find(need->volume->value, "spec", "nodeAffinity", "required", "nodeSelectorTerms");
    need->affinity = node_terms_compile(cycle->arena, atoms, affinity);
}

static void need_delayed(Cycle *cycle, ClaimNeed *need, AtomTable *atoms, const Object *class)
{
    const StorageClassView *view = class_view(class);
    need->is_delayed = true;
    need->topologies = node_terms_compile(cycle->arena, atoms, view->allowed_topologies);
    const char *provisioner = atom_text(atoms, view->provisioner);
    need->can_provision = strcmp(provisioner, "kubernetes.io/no-provisioner") != 0;
}

/* One claim of the pod; sets the pre-filter's refusal if the claim rules out every node. */
static void begin_claim(Cycle *cycle, AtomTable *atoms, Atom name)
{
    const Actor *actor = cycle->scheduler->actor;
    const char *text = atom_text(atoms, name);
    const Object *claim = actor_get(actor, claim_key(cycle->pod, name));
    if (claim == NULL) {
        refuse_all(cycle, WAKE_CLAIM,
                   arena_printf(cycle->arena, "persistentvolumeclaim \"%s\" not found", text));
        return;
    }
    const ClaimView *view = claim_view(claim);
    if (view->phase == actor_atom(actor, "Lost")) {
        const char *volume = atom_text(atoms, view->volume_name);
        refuse_all(cycle, WAKE_CLAIM,
                   arena_printf(cycle->arena,
                                "persistentvolumeclaim \"%s\" bound to non-existent "
                                "persistentvolume \"%s\"",
                                text, volume));
        return;
    }
    if (object_is_terminating(claim)) {
        refuse_all(
            cycle, WAKE_CLAIM,
            arena_printf(cycle->arena, "persistentvolumeclaim \"%s\" is being deleted", text));
        return;
    }
    ClaimNeed *need = &cycle->claims[cycle->claim_count++];
    *need = (ClaimNeed){.claim = claim};
    if (claim_is_bound(actor, claim)) {
        need_bound(cycle, need, atoms);
        return;
    }
    const Object *class = class_of(actor, view);
    if (view->volume_name == ATOM_NONE && class != NULL && class_view(class)->waits_for_consumer) {
        need_delayed(cycle, need, atoms, class);
        return;
    }
    refuse_all(cycle, WAKE_VOLUMES, "pod has unbound immediate PersistentVolumeClaims");
}

/* Whether another pod that has a node uses the claim. */
static bool claim_is_used(const Cycle *cycle, Atom name)
{
    ObjectList users = actor_lookup(cycle->scheduler->actor, INDEX_POD_CLAIM,
                                    index_key(cycle->pod->key.space, name));
    for (unsigned i = 0; i < users.count; i++) {
        const Object *user = users.items[i];
        if (key_equal(user->key, cycle->pod->key)) continue;
        if (pod_is_terminal(pod_view(user))) continue;
        if (scheduler_place_of(cycle->scheduler, user) != ATOM_NONE) return true;
    }
    return false;
}

void cycle_begin_volumes(Cycle *cycle, AtomTable *atoms)
{
    const PodSpec *spec = cycle->spec;
    cycle->claims = arena_new_array(cycle->arena, ClaimNeed, spec->volume_count + 1);
    for (uint32_t i = 0; i < spec->volume_count; i++) {
        if (spec->volumes[i].source != VOLUME_CLAIM) continue;
        begin_claim(cycle, atoms, spec->volumes[i].claim);
    }
    for (unsigned i = 0; i < cycle->claim_count; i++) {
        const Object *claim = cycle->claims[i].claim;
        if ((claim_view(claim)->modes & ACCESS_RWOP) == 0) continue;
        cycle->is_claim_taken |= claim_is_used(cycle, claim->key.name);
    }
}

/* --- static volumes --- */

static bool volume_fits(const Cycle *cycle, const ClaimNeed *need, const Object *volume,
                        const Object *node)
{
    const VolumeView *view = volume_view(volume);
    const ClaimView *claim = claim_view(need->claim);
    AtomTable *atoms = world_atoms(actor_world(cycle->scheduler->actor));
    if (view->class_name != claim->class_name || view->is_block != claim->is_block) return false;
    if ((view->modes & claim->modes) != claim->modes) return false;
    if (view->capacity_bytes < claim->request_bytes || object_is_terminating(volume)) return false;
    const Value *affinity =
        value_find(volume->value, "spec", "nodeAffinity", "required", "nodeSelectorTerms");
    if (affinity == NULL) return true;
    NodeTerms terms = node_terms_compile(cycle->arena, atoms, affinity);
    return node_terms_match(&terms, atoms, node);
}

static bool is_better(const AtomTable *atoms, const Object *volume, const Object *best)
{
    if (best == NULL) return true;
    int64_t mine = volume_view(volume)->capacity_bytes;
    int64_t its = volume_view(best)->capacity_bytes;
    if (mine != its) return mine < its;
    return atom_compare(atoms, volume->key.name, best->key.name) < 0;
}

const Object *cycle_static_volume(const Cycle *cycle, const ClaimNeed *need, const NodeRecord *node)
{
    const Scheduler *scheduler = cycle->scheduler;
    const AtomTable *atoms = world_atoms(actor_world(scheduler->actor));
    const Object *best = NULL;
    for (unsigned i = 0; i < scheduler->free_volumes->len; i++) {
        Atom name = g_array_index(scheduler->free_volumes, Atom, i);
        if (g_hash_table_contains(scheduler->reserved_volumes, GUINT_TO_POINTER(name))) continue;
        const Object *volume = actor_get(scheduler->actor, volume_key(name));
        if (volume == NULL || !is_better(atoms, volume, best)) continue;
        if (volume_fits(cycle, need, volume, node->node)) best = volume;
    }
    return best;
}

GArray *cycle_reserve_volumes(const Cycle *cycle, const NodeRecord *node)
{
    GArray *reserved = NULL;
    for (unsigned i = 0; i < cycle->claim_count; i++) {
        const ClaimNeed *need = &cycle->claims[i];
        const Object *volume = NULL;
        if (need->is_delayed) volume = cycle_static_volume(cycle, need, node);
        if (volume == NULL) continue;
        if (reserved == NULL) reserved = g_array_new(FALSE, FALSE, sizeof(VolumePair));
        VolumePair pair = {volume->key.name, need->claim->key.name};
        g_array_append_val(reserved, pair);
        g_hash_table_add(cycle->scheduler->reserved_volumes, GUINT_TO_POINTER(volume->key.name));
    }
    return reserved;
}

/* --- the filter --- */

static Refusal filter_bound(const Cycle *cycle, const ClaimNeed *need, const NodeRecord *node)
{
    const World *world = actor_world(cycle->scheduler->actor);
    const AtomTable *atoms = world_atoms(world);
    Refusal refusal = {NULL, NULL, NULL, WAKE_VOLUMES, true};
    if (need->is_lost) {
        refusal.text = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";
    } else if (need->affinity.count > 0) {
        if (node_terms_match(&need->affinity, atoms, node->node)) return (Refusal){0};
        refusal.text = world_is_at_least(world, 33)
                           ? "node(s) didn't match PersistentVolume's node affinity"
                           : "node(s) had volume node affinity conflict";
    } else if (need->view->zone != ATOM_NONE && need->view->zone != node_view(node->node)->zone) {
        refusal.text = "node(s) had no available volume zone";
    }
    return refusal;
}

static Refusal filter_delayed(const Cycle *cycle, const ClaimNeed *need, const NodeRecord *node)
{
    const AtomTable *atoms = world_atoms(actor_world(cycle->scheduler->actor));
    Atom selected = claim_view(need->claim)->selected_node;
    Refusal refusal = {"node(s) didn't find available persistent volumes to bind", NULL, NULL,
                       WAKE_VOLUMES, true};
    /* A provisioner is already at work for another node: upstream stays with that choice. */
    if (selected != ATOM_NONE && selected != node->name) return refusal;
    bool is_reachable =
        need->topologies.count == 0 || node_terms_match(&need->topologies, atoms, node->node);
    if (need->can_provision && is_reachable) return (Refusal){0};
    if (cycle_static_volume(cycle, need, node) != NULL) return (Refusal){0};
    return refusal;
}

Refusal filter_volumes(const Cycle *cycle, const NodeRecord *node)
{
    for (unsigned i = 0; i < cycle->claim_count; i++) {
        const ClaimNeed *need = &cycle->claims[i];
        Refusal refusal =
            need->is_delayed ? filter_delayed(cycle, need, node) : filter_bound(cycle, need, node);
        if (refusal.text != NULL) return refusal;
    }
    return (Refusal){0};
}

/* --- before the binding --- */

static Atom reserved_for(const PendingPod *pending, Atom claim)
{
    for (unsigned i = 0; pending->volumes != NULL && i < pending->volumes->len; i++) {
        VolumePair pair = g_array_index(pending->volumes, VolumePair, i);
        if (pair.claim == claim) return pair.volume;
    }
    return ATOM_NONE;
}

/* Writes the claim into the static volume; the binder does the rest. */
static PlanStep *plan_claim_ref(Actor *actor, const Object *volume, const Object *claim)
{
    Value *ref = value_map();
    value_map_set(ref, "apiVersion", value_string("v1"));
    value_map_set(ref, "kind", value_string("PersistentVolumeClaim"));
    value_map_set(ref, "namespace", value_string(actor_text(actor, claim->key.space)));
    value_map_set(ref, "name", value_string(actor_text(actor, claim->key.name)));
    value_map_set(ref, "uid", value_string(actor_text(actor, claim->uid)));
    Value *body = value_ref(volume->value);
    value_put(&body, ref, "spec", "claimRef");
    return plan_update(actor, volume, body);
}

static PlanStep *plan_selected_node(Actor *actor, Atom node, const Object *claim)
{
    Value *body = value_ref(claim->value);
    value_put(&body, value_string(actor_text(actor, node)), "metadata", "annotations",
              SELECTED_NODE);
    PlanStep *step = plan_update(actor, claim, body);
    plan_because(step, "%s is provisioned for %s", actor_text(actor, claim->key.name),
                 actor_text(actor, node));
    return step;
}

void plan_volume_binding(Scheduler *scheduler, const PendingPod *pending, PlanReply hook,
                         void *data)
{
    Actor *actor = scheduler->actor;
    const PodSpec *spec = pod_view(pending->pod)->spec;
    for (uint32_t i = 0; i < spec->volume_count; i++) {
        if (spec->volumes[i].source != VOLUME_CLAIM) continue;
        const Object *claim = actor_get(actor, claim_key(pending->pod, spec->volumes[i].claim));
        if (claim == NULL || claim_is_bound(actor, claim)) continue;
        Atom reserved = reserved_for(pending, claim->key.name);
        const Object *volume =
            reserved != ATOM_NONE ? actor_get(actor, volume_key(reserved)) : NULL;
        PlanStep *step = NULL;
        if (volume != NULL) {
            step = plan_claim_ref(actor, volume, claim);
        } else if (claim_view(claim)->selected_node != pending->node) {
            step = plan_selected_node(actor, pending->node, claim);
        }
        if (step != NULL) plan_then(step, hook, data);
    }
}

ClaimsState scheduler_claims_state(const Scheduler *scheduler, const PendingPod *pending,
                                   const char **ret_why)
{
    const Actor *actor = scheduler->actor;
    const PodSpec *spec = pod_view(pending->pod)->spec;
    Nanos waited = actor_now(actor) - pending->reserved_at;
    ClaimsState state = CLAIMS_BOUND;
    for (uint32_t i = 0; i < spec->volume_count; i++) {
        if (spec->volumes[i].source != VOLUME_CLAIM) continue;
        const Object *claim = actor_get(actor, claim_key(pending->pod, spec->volumes[i].claim));
        if (claim == NULL) {
            *ret_why = "a claim is gone";
            return CLAIMS_FAILED;
        }
        if (claim_is_bound(actor, claim)) continue;
        state = CLAIMS_WAIT;
        /* The provisioner gave the node up; the first seconds are the way of our own write. */
        bool is_dropped = claim_view(claim)->selected_node == ATOM_NONE && pending->is_binding &&
                          reserved_for(pending, claim->key.name) == ATOM_NONE;
        if (is_dropped && waited > 5 * NANOS_S) {
            *ret_why = "provisioning failed for the selected node";
            return CLAIMS_FAILED;
        }
    }
    if (state == CLAIMS_WAIT && waited >= BIND_TIMEOUT) {
        *ret_why = "timed out waiting for the claims to be bound";
        return CLAIMS_FAILED;
    }
    return state;
}
