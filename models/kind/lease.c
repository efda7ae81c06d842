/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease.c - the kind Lease.
 * Mirrors: kubernetes v1.36 pkg/apis/coordination/validation.
 * Simplified: no coordinated leader election (strategy, preferredHolder).
 * State: none.
 */
#include "models/kind/edit.h"
#include "models/kind/part.h"
#include "models/kind/path.h"

static const Field spec_fields[] = {
    {"holderIdentity", FIELD_STRING, NULL},  {"leaseDurationSeconds", FIELD_INT32, NULL},
    {"leaseTransitions", FIELD_INT32, NULL}, {"renewTime", FIELD_TIME, NULL},
    {"acquireTime", FIELD_TIME, NULL},       {NULL, FIELD_MAP, NULL},
};

static void lease_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *spec = value_get(now, "spec");
    const Path *path = PATH(NULL, "spec");
    (void)old;
    if (!path_fields(errors, path, spec, spec_fields, "v1.LeaseSpec")) return;
    path_positive(errors, PATH(path, "leaseDurationSeconds"),
                  value_get(spec, "leaseDurationSeconds"));
    path_not_negative(errors, PATH(path, "leaseTransitions"), value_get(spec, "leaseTransitions"));
}

static const void *lease_project(const ViewContext *context, const Value *value, const Object *old)
{
    const Value *spec = value_get(value, "spec");
    LeaseView *view = g_new0(LeaseView, 1);
    view->meta = meta_project(context, value, old);
    view->holder = part_atom(context->atoms, spec, "holderIdentity");
    view->duration_s = part_int(spec, "leaseDurationSeconds", 0);
    view->transitions = part_int(spec, "leaseTransitions", 0);
    view->renewed_at = time_of(value_get(spec, "renewTime"), NANOS_NEVER);
    view->acquired_at = time_of(value_get(spec, "acquireTime"), NANOS_NEVER);
    return view;
}

static void lease_release(const void *view)
{
    meta_unref(((const LeaseView *)view)->meta);
    g_free((gpointer)(uintptr_t)view);
}

static unsigned keys_node(const Object *object, uint64_t *keys, unsigned max)
{
    const char *space = value_text(object->value, "metadata", "namespace");
    if (max == 0 || strcmp(space, "kube-node-lease") != 0) return 0;
    keys[0] = index_key(object->key.name, 0);
    return 1;
}

static const IndexInfo lease_indexes[] = {
    {INDEX_LEASE_NODE, keys_node},
    {INDEX_NONE, NULL},
};

const KindInfo lease_kind = {
    .name = "Lease",
    .api_version = "coordination.k8s.io/v1",
    .plural = "leases",
    .also = (const char *const[]){"coordination.k8s.io/v1beta1", NULL},
    .is_namespaced = true,
    .validate = lease_validate,
    .project = lease_project,
    .release = lease_release,
    .indexes = lease_indexes,
};
