/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The claims of a StatefulSet's pods: names, bodies, and who owns them.
 * Mirrors: kubernetes v1.36 pkg/controller/statefulset/stateful_set_utils.go and the claim half of
 *          stateful_pod_control.go
 *          (releases before 1.28 know an owner by its uid alone, as v1.27 does)
 * Simplified: nothing known.
 */
#include "models/control/revision.h"
#include "models/control/statefulset.h"

typedef enum { OWNED_BY_NONE, OWNED_BY_SET, OWNED_BY_POD } Wanted;

Atom statefulset_claim_name(const SetSync *sync, unsigned template_index, int64_t ordinal)
{
    const char *template = actor_text(sync->actor, sync->view->claim_names[template_index]);
    return statefulset_name(sync, template, ordinal);
}

static Key claim_key(const SetSync *sync, Atom name)
{
    return (Key){KIND_PERSISTENT_VOLUME_CLAIM, sync->set->key.space, name};
}

const Object *statefulset_claim(const SetSync *sync, unsigned template_index, int64_t ordinal)
{
    Atom name = statefulset_claim_name(sync, template_index, ordinal);
    return actor_get(sync->actor, claim_key(sync, name));
}

Value *statefulset_claim_body(const SetSync *sync, unsigned template_index, int64_t ordinal)
{
    const Value *template = value_at(sync->view->claim_templates, template_index);
    const Value *match = value_find(sync->set->value, "spec", "selector", "matchLabels");
    Atom name = statefulset_claim_name(sync, template_index, ordinal);

    Value *body = value_ref(template);
    value_put(&body, value_string("v1"), "apiVersion");
    value_put(&body, value_string("PersistentVolumeClaim"), "kind");
    value_drop(&body, "status");
    value_put(&body, value_string(actor_text(sync->actor, name)), "metadata", "name");
    value_put(&body, value_string(actor_text(sync->actor, sync->set->key.space)), "metadata",
              "namespace");
    value_each (i, match) {
        value_put(&body, value_ref(value_at(match, i)), "metadata", "labels",
                  value_key_at(match, i));
    }
    return body;
}

static bool keeps_everything(const StatefulSetView *view)
{
    return !view->has_retention ||
           (view->when_deleted == RETENTION_RETAIN && view->when_scaled == RETENTION_RETAIN);
}

/* Who should own the claims of an ordinal. */
static Wanted wanted_owner(const StatefulSetView *view, int64_t ordinal)
{
    if (keeps_everything(view) || view->when_deleted == RETENTION_OTHER ||
        view->when_scaled == RETENTION_OTHER)
        return OWNED_BY_NONE;
    if (view->when_scaled == RETENTION_DELETE && !statefulset_wants(view, ordinal))
        return OWNED_BY_POD;
    return view->when_deleted == RETENTION_DELETE ? OWNED_BY_SET : OWNED_BY_NONE;
}

/* Up to 1.27 it is the uid alone that says whose a reference is: what stale references and other
 * controllers mean to a claim is not asked. */
static bool knows_uids_only(const SetSync *sync)
{
    return !world_is_at_least(actor_world(sync->actor), 28);
}

static bool names_set(const SetSync *sync, const OwnerRef *ref)
{
    return ref->kind == KIND_STATEFUL_SET && ref->name == sync->set->key.name;
}

static bool names_pod(const OwnerRef *ref, Atom pod_name)
{
    return ref->kind == KIND_POD && ref->name == pod_name;
}

static bool has_owner(const Meta *meta, Atom uid)
{
    for (uint32_t i = 0; i < meta->owner_count && uid != ATOM_NONE; i++)
        if (meta->owners[i].uid == uid) return true;
    return false;
}

/* A reference by kind and name, but to an earlier incarnation. */
static bool has_stale_owner(const SetSync *sync, const Meta *meta, Atom pod_uid, Atom pod_name)
{
    for (uint32_t i = 0; i < meta->owner_count; i++) {
        const OwnerRef *ref = &meta->owners[i];
        if (names_set(sync, ref) && ref->uid != sync->set->uid) return true;
        if (names_pod(ref, pod_name) && ref->uid != pod_uid) return true;
    }
    return false;
}

bool statefulset_claim_conflicts(const SetSync *sync, const Object *claim, Atom pod_uid,
                                 Atom pod_name)
{
    const Meta *meta = object_meta(claim);
    if (keeps_everything(sync->view) || knows_uids_only(sync)) return false;
    for (uint32_t i = 0; i < meta->owner_count; i++) {
        const OwnerRef *ref = &meta->owners[i];
        bool is_ours = names_set(sync, ref) ? ref->uid == sync->set->uid
                                            : names_pod(ref, pod_name) && ref->uid == pod_uid;
        if (is_ours) continue;
        if (names_set(sync, ref) || names_pod(ref, pod_name) || ref->is_controller) return true;
    }
    return false;
}

/* Owned by the set or the pod, but not as by a controller. */
static bool has_weak_owner(const SetSync *sync, const Meta *meta, Atom pod_uid)
{
    for (uint32_t i = 0; i < meta->owner_count; i++) {
        const OwnerRef *ref = &meta->owners[i];
        bool is_ours = ref->uid == sync->set->uid || (pod_uid && ref->uid == pod_uid);
        if (is_ours && !ref->is_controller) return true;
    }
    return false;
}

bool statefulset_claim_matches(const SetSync *sync, const Object *claim, int64_t ordinal,
                               Atom pod_uid, Atom pod_name)
{
    const Meta *meta = object_meta(claim);
    Wanted wanted = wanted_owner(sync->view, ordinal);
    if (meta->owner_count == 0) return wanted == OWNED_BY_NONE;

    bool is_careful = !knows_uids_only(sync);
    if (is_careful && has_stale_owner(sync, meta, pod_uid, pod_name)) return true;

    bool set_owns = has_owner(meta, sync->set->uid), pod_owns = has_owner(meta, pod_uid);
    if (statefulset_claim_conflicts(sync, claim, pod_uid, pod_name)) return !set_owns && !pod_owns;
    if (is_careful && has_weak_owner(sync, meta, pod_uid)) return false;
    return set_owns == (wanted == OWNED_BY_SET) && pod_owns == (wanted == OWNED_BY_POD);
}

bool statefulset_claims_match(const SetSync *sync, int64_t ordinal, Atom pod_uid, Atom pod_name)
{
    for (uint32_t i = 0; i < sync->view->claim_template_count; i++) {
        const Object *claim = statefulset_claim(sync, i, ordinal);
        if (claim && !statefulset_claim_matches(sync, claim, ordinal, pod_uid, pod_name))
            return false;
    }
    return true;
}

/* Owners as up to 1.27: only what is too much goes, what is missing is added, and no reference is a
 * controller's. */
static Value *owners_by_uid(const SetSync *sync, const Object *claim, Wanted wanted,
                            const Object *pod)
{
    const Meta *meta = object_meta(claim);
    const Value *old = value_find(claim->value, "metadata", "ownerReferences");
    const Object *owner = wanted == OWNED_BY_SET ? sync->set : wanted == OWNED_BY_POD ? pod : NULL;
    Atom pod_uid = pod ? pod->uid : ATOM_NONE;

    Value *owners = value_list();
    for (uint32_t i = 0; i < meta->owner_count; i++) {
        Atom uid = meta->owners[i].uid;
        bool is_ours = uid == sync->set->uid || (pod_uid && uid == pod_uid);
        if (!is_ours || (owner && uid == owner->uid))
            value_list_add(owners, value_ref(value_at(old, i)));
    }
    if (owner && !has_owner(meta, owner->uid)) {
        Value *ref = revision_owner_ref(owner, actor_text(sync->actor, owner->key.name));
        value_drop(&ref, "controller");
        value_drop(&ref, "blockOwnerDeletion");
        value_list_add(owners, ref);
    }
    return owners;
}

static Value *owners_by_name(const SetSync *sync, const Object *claim, Wanted wanted,
                             const Object *pod, Atom pod_name)
{
    const Meta *meta = object_meta(claim);
    const Value *old = value_find(claim->value, "metadata", "ownerReferences");
    Atom pod_uid = pod ? pod->uid : ATOM_NONE;
    if (statefulset_claim_conflicts(sync, claim, pod_uid, pod_name)) wanted = OWNED_BY_NONE;

    Value *owners = value_list();
    for (uint32_t i = 0; i < meta->owner_count; i++) {
        const OwnerRef *ref = &meta->owners[i];
        if (!names_set(sync, ref) && !names_pod(ref, pod_name))
            value_list_add(owners, value_ref(value_at(old, i)));
    }
    if (wanted == OWNED_BY_SET) value_list_add(owners, statefulset_owner(sync));
    if (wanted == OWNED_BY_POD && pod)
        value_list_add(owners, revision_owner_ref(pod, actor_text(sync->actor, pod_name)));
    return owners;
}

Value *statefulset_claim_owned(const SetSync *sync, const Object *claim, int64_t ordinal,
                               const Object *pod, Atom pod_name)
{
    Wanted wanted = wanted_owner(sync->view, ordinal);
    Value *owners = knows_uids_only(sync) ? owners_by_uid(sync, claim, wanted, pod)
                                          : owners_by_name(sync, claim, wanted, pod, pod_name);
    Value *body = value_ref(claim->value);
    if (value_size(owners)) {
        value_put(&body, owners, "metadata", "ownerReferences");
    } else {
        value_unref(owners);
        value_drop(&body, "metadata", "ownerReferences");
    }
    return body;
}

bool statefulset_claims_are_stale(const SetSync *sync, int64_t ordinal, Atom pod_uid, Atom pod_name)
{
    if (!sync->view->has_retention || sync->view->when_scaled == RETENTION_RETAIN) return false;
    for (uint32_t i = 0; i < sync->view->claim_template_count; i++) {
        const Object *claim = statefulset_claim(sync, i, ordinal);
        if (!claim) continue;
        const Meta *meta = object_meta(claim);
        for (uint32_t j = 0; j < meta->owner_count; j++) {
            const OwnerRef *ref = &meta->owners[j];
            /* up to 1.27 a set of that name is taken for the pod */
            bool is_named =
                names_pod(ref, pod_name) || (ref->name == pod_name && knows_uids_only(sync));
            if (is_named && ref->uid != pod_uid) return true;
        }
    }
    return false;
}
