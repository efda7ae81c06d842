/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statefulset.c - the kind StatefulSet.
 * Mirrors: kubernetes v1.36 pkg/apis/apps/v1/defaults.go, pkg/apis/apps/validation/validation.go,
 *   pkg/registry/apps/statefulset/strategy.go.
 * Simplified: spec.updateStrategy.rollingUpdate.maxUnavailable is kept whatever its gate says; the
 *   controller looks at the gate.
 * State: none.
 */
#include "models/kind/edit.h"
#include "models/kind/persistentvolumeclaim.h"
#include "models/kind/workload.h"

/* --- defaults --- */

static void default_partition(Value **rolling_update)
{
    edit_int(rolling_update, "partition", 0);
}

/* Only a strategy without a type gets rolling-update parameters: an explicit "RollingUpdate" alone
 * stays without them, and the controller treats that differently. */
static void default_strategy(Value **strategy)
{
    edit_drop_empty(strategy, (const char *const[]){"type", NULL});
    if (edit_is_unset(value_get(*strategy, "type"))) {
        edit_text(strategy, "type", "RollingUpdate");
        edit_map(strategy, "rollingUpdate");
    }
    if (strcmp(value_text(*strategy, "type"), "RollingUpdate") == 0)
        edit_child(strategy, "rollingUpdate", default_partition);
}

static void default_retention(Value **policy)
{
    edit_drop_empty(policy, (const char *const[]){"whenDeleted", "whenScaled", NULL});
    edit_text(policy, "whenDeleted", "Retain");
    edit_text(policy, "whenScaled", "Retain");
}

static void default_claim_status(Value **status)
{
    edit_text(status, "phase", "Pending");
}

static void default_claim(Value **claim)
{
    edit_text(claim, "apiVersion", "v1");
    edit_text(claim, "kind", "PersistentVolumeClaim");
    edit_map(claim, "metadata");
    edit_struct(claim, "spec", podtemplate_default_claim_spec);
    edit_struct(claim, "status", default_claim_status);
}

static void default_spec(Value **spec)
{
    edit_drop_empty(spec, (const char *const[]){"podManagementPolicy", "minReadySeconds",
                                                "volumeClaimTemplates", NULL});
    edit_text(spec, "podManagementPolicy", "OrderedReady");
    edit_int(spec, "replicas", 1);
    edit_int(spec, "revisionHistoryLimit", 10);
    edit_struct(spec, "updateStrategy", default_strategy);
    edit_struct(spec, "persistentVolumeClaimRetentionPolicy", default_retention);
    edit_child(spec, "template", podtemplate_default);
    edit_items(spec, "volumeClaimTemplates", default_claim);
}

static void statefulset_defaults(Value **set)
{
    edit_struct(set, "spec", default_spec);
}

/* --- validation --- */

#define IMMUTABLE_MESSAGE                                                                    \
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', " \
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "  \
    "'minReadySeconds' are forbidden"

static const Field spec_fields[] = {
    {"replicas", FIELD_INT32, NULL},
    {"selector", FIELD_MAP, "v1.LabelSelector"},
    {"template", FIELD_MAP, "v1.PodTemplateSpec"},
    {"volumeClaimTemplates", FIELD_LIST, "[]v1.PersistentVolumeClaim"},
    {"serviceName", FIELD_STRING, NULL},
    {"podManagementPolicy", FIELD_STRING, NULL},
    {"updateStrategy", FIELD_MAP, "v1.StatefulSetUpdateStrategy"},
    {"revisionHistoryLimit", FIELD_INT32, NULL},
    {"minReadySeconds", FIELD_INT32, NULL},
    {"persistentVolumeClaimRetentionPolicy", FIELD_MAP,
     "v1.StatefulSetPersistentVolumeClaimRetentionPolicy"},
    {"ordinals", FIELD_MAP, "v1.StatefulSetOrdinals"},
    {NULL, FIELD_MAP, NULL},
};

static const Field rolling_fields[] = {
    {"partition", FIELD_INT32, NULL},
    {"maxUnavailable", FIELD_INT_OR_STRING, NULL},
    {NULL, FIELD_MAP, NULL},
};

static const Field start_fields[] = {
    {"start", FIELD_INT32, NULL},
    {NULL, FIELD_MAP, NULL},
};

static void validate_max_unavailable(const Value *most, const Path *path, FieldErrors *errors)
{
    if (edit_is_unset(most)) return;
    path_int_or_percent(errors, path, most);
    if (int_or_percent(most, 100, false, 1) == 0) path_invalid(errors, path, most, "cannot be 0");
    if (value_is_string(most) && int_or_percent(most, 100, false, 0) > 100)
        path_invalid(errors, path, most, "must not be greater than 100%");
}

static void validate_strategy(const Value *strategy, FieldErrors *errors)
{
    const Path *path = PATH(PATH(NULL, "spec"), "updateStrategy");
    const Path *rolling_path = PATH(path, "rollingUpdate");
    const char *type = value_text(strategy, "type");
    const Value *rolling = value_get(strategy, "rollingUpdate");
    if (strcmp(type, "RollingUpdate") == 0) {
        if (!path_fields(errors, rolling_path, rolling, rolling_fields,
                         "v1.RollingUpdateStatefulSetStrategy"))
            return;
        path_not_negative(errors, PATH(rolling_path, "partition"), value_get(rolling, "partition"));
        validate_max_unavailable(value_get(rolling, "maxUnavailable"),
                                 PATH(rolling_path, "maxUnavailable"), errors);
    } else if (strcmp(type, "OnDelete") == 0) {
        if (!edit_is_unset(rolling))
            path_invalid(errors, rolling_path, rolling,
                         "only allowed for updateStrategy 'RollingUpdate'");
    } else {
        path_invalid(errors, path, strategy, "must be 'RollingUpdate' or 'OnDelete'");
    }
}

static void validate_policies(const Value *spec, FieldErrors *errors)
{
    static const char *const keep_or_not[] = {"Delete", "Retain", NULL};
    static const char *const moments[] = {"whenDeleted", "whenScaled"};
    const Path *path = PATH(NULL, "spec");
    const char *management = value_text(spec, "podManagementPolicy");
    if (strcmp(management, "OrderedReady") != 0 && strcmp(management, "Parallel") != 0)
        path_invalid(errors, PATH(path, "podManagementPolicy"),
                     value_get(spec, "podManagementPolicy"),
                     "must be 'OrderedReady' or 'Parallel'");
    const char *retention = "persistentVolumeClaimRetentionPolicy";
    for (unsigned i = 0; i < G_N_ELEMENTS(moments) && value_is_map(value_get(spec, retention)); i++)
        path_one_of(errors, PATH(PATH(path, retention), moments[i]),
                    value_find(spec, retention, moments[i]), keep_or_not);
}

static void validate_claims(const Value *claims, PathNames *names, FieldErrors *errors)
{
    const Path *path = PATH(PATH(NULL, "spec"), "volumeClaimTemplates");
    value_each (i, claims) {
        const Path *at = PATH_AT(path, i);
        const Value *claim = value_at(claims, i), *name = value_find(claim, "metadata", "name");
        path_name(errors, PATH(PATH(at, "metadata"), "name"), name, name_is_dns_label);
        path_unique(errors, PATH(PATH(at, "metadata"), "name"), name, names);
        persistentvolumeclaim_validate_spec(value_get(claim, "spec"), PATH(at, "spec"), errors);
    }
}

static void validate_numbers(const Value *spec, FieldErrors *errors)
{
    static const char *const counters[] = {"replicas", "minReadySeconds", "revisionHistoryLimit",
                                           NULL};
    const Path *path = PATH(NULL, "spec"), *ordinals = PATH(path, "ordinals");
    workload_validate_counters(spec, path, counters, errors);
    if (path_fields(errors, ordinals, value_get(spec, "ordinals"), start_fields,
                    "v1.StatefulSetOrdinals"))
        path_not_negative(errors, PATH(ordinals, "start"), value_find(spec, "ordinals", "start"));
}

static void validate_spec(const Value *spec, FieldErrors *errors)
{
    const Path *path = PATH(NULL, "spec");
    if (!path_fields(errors, path, spec, spec_fields, "v1.StatefulSetSpec")) return;
    g_auto(PathNames) claim_names = {NULL};
    validate_policies(spec, errors);
    validate_strategy(value_get(spec, "updateStrategy"), errors);
    validate_numbers(spec, errors);
    workload_validate_selector(spec, "empty selector is invalid for statefulset", errors);
    validate_claims(value_get(spec, "volumeClaimTemplates"), &claim_names, errors);
    const Value *service = value_get(spec, "serviceName");
    if (value_as_text(service, "")[0] != 0)
        path_name(errors, PATH(path, "serviceName"), service, name_is_dns_label);
    workload_validate_template(spec, &claim_names, "StatefulSet", errors);
}

/* Compares what must not change: everything else. */
static void validate_update(const Value *now, const Value *old, FieldErrors *errors)
{
    static const char *const mutables[] = {"replicas",
                                           "ordinals",
                                           "template",
                                           "updateStrategy",
                                           "revisionHistoryLimit",
                                           "persistentVolumeClaimRetentionPolicy",
                                           "minReadySeconds"};
    if (!value_is_map(now) || !value_is_map(old)) return;
    Value *a = value_ref(now), *b = value_ref(old);
    for (unsigned i = 0; i < G_N_ELEMENTS(mutables); i++) {
        value_drop(&a, mutables[i]);
        value_drop(&b, mutables[i]);
    }
    if (!value_equal(a, b)) path_forbidden(errors, PATH(NULL, "spec"), now, IMMUTABLE_MESSAGE);
    value_unref(a);
    value_unref(b);
}

static void validate_status(const Value *now, const Value *old, FieldErrors *errors)
{
    static const char *const counters[] = {
        "replicas",          "readyReplicas",      "currentReplicas", "updatedReplicas",
        "availableReplicas", "observedGeneration", "collisionCount",  NULL};
    const Value *status = value_get(now, "status");
    workload_validate_counters(status, PATH(NULL, "status"), counters, errors);
    workload_validate_most(status, "readyReplicas", "replicas", errors);
    workload_validate_most(status, "currentReplicas", "replicas", errors);
    workload_validate_most(status, "updatedReplicas", "replicas", errors);
    workload_validate_most(status, "availableReplicas", "replicas", errors);
    workload_validate_most(status, "availableReplicas", "readyReplicas", errors);
    workload_validate_collisions(now, old, errors);
}

static void statefulset_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *spec = value_get(now, "spec"), *before = value_get(old, "spec");
    const Value *name = value_find(now, "metadata", "name");
    if (old == NULL && value_as_text(name, "")[0] != 0)
        path_name(errors, PATH(PATH(NULL, "metadata"), "name"), name, name_is_dns_label);
    if (old == NULL || !value_equal(spec, before)) validate_spec(spec, errors);
    if (old != NULL) validate_update(spec, before, errors);
    if (old != NULL && !value_equal(value_get(now, "status"), value_get(old, "status")))
        validate_status(now, old, errors);
}

/* --- projection --- */

static Retention retention_of(const Value *word)
{
    const char *text = value_as_text(word, "");
    if (strcmp(text, "Retain") == 0) return RETENTION_RETAIN;
    return strcmp(text, "Delete") == 0 ? RETENTION_DELETE : RETENTION_OTHER;
}

static void read_strategy(StatefulSetView *view, const Value *strategy)
{
    const Value *rolling = value_get(strategy, "rollingUpdate");
    view->is_on_delete = strcmp(value_text(strategy, "type"), "OnDelete") == 0;
    view->has_rolling_update = value_is_map(rolling);
    view->partition = part_int(rolling, "partition", 0);
    const Value *most = value_get(rolling, "maxUnavailable");
    view->max_unavailable = edit_is_unset(most) ? NULL : most;
}

static void read_spec(StatefulSetView *view, AtomTable *atoms, const Value *spec)
{
    const Value *policy = value_get(spec, "persistentVolumeClaimRetentionPolicy");
    view->replicas = part_int(spec, "replicas", 1);
    view->start_ordinal = value_as_int(value_find(spec, "ordinals", "start"), 0);
    view->min_ready_s = part_int(spec, "minReadySeconds", 0);
    view->history_limit = part_int(spec, "revisionHistoryLimit", 10);
    view->is_parallel = strcmp(value_text(spec, "podManagementPolicy"), "Parallel") == 0;
    view->has_retention = value_is_map(policy);
    view->when_deleted = retention_of(value_get(policy, "whenDeleted"));
    view->when_scaled = retention_of(value_get(policy, "whenScaled"));
    view->selector = workload_selector(atoms, spec);
    view->service_name = part_atom(atoms, spec, "serviceName");
    view->template = value_get(spec, "template");
    view->claim_templates = value_get(spec, "volumeClaimTemplates");
    read_strategy(view, value_get(spec, "updateStrategy"));
}

static void read_status(StatefulSetView *view, AtomTable *atoms, const Value *status)
{
    view->observed_generation = part_int(status, "observedGeneration", 0);
    view->status_replicas = part_int(status, "replicas", 0);
    view->ready = part_int(status, "readyReplicas", 0);
    view->current = part_int(status, "currentReplicas", 0);
    view->updated = part_int(status, "updatedReplicas", 0);
    view->available = part_int(status, "availableReplicas", 0);
    view->has_collision_count = !edit_is_unset(value_get(status, "collisionCount"));
    view->collision_count = part_int(status, "collisionCount", 0);
    view->current_revision = part_atom(atoms, status, "currentRevision");
    view->update_revision = part_atom(atoms, status, "updateRevision");
}

static const void *statefulset_project(const ViewContext *context, const Value *value,
                                       const Object *old)
{
    AtomTable *atoms = context->atoms;
    const Value *claims = value_find(value, "spec", "volumeClaimTemplates");
    uint32_t count = part_list_size(claims);
    char *tail;
    StatefulSetView *view = part_block(sizeof *view, count * sizeof(Atom), &tail);
    Atom *names = PART_TAKE(&tail, Atom, count);
    view->meta = meta_project(context, value, old);
    for (uint32_t i = 0; i < count; i++)
        names[i] = part_atom(atoms, value_get(value_at(claims, i), "metadata"), "name");
    view->claim_names = names;
    view->claim_template_count = count;
    read_spec(view, atoms, value_get(value, "spec"));
    read_status(view, atoms, value_get(value, "status"));
    return view;
}

static void statefulset_release(const void *view)
{
    const StatefulSetView *set = view;
    meta_unref(set->meta);
    selector_free(set->selector);
    g_free((gpointer)(uintptr_t)view);
}

/* --- facts --- */

static Atom strategy_detail(World *world, const StatefulSetView *set)
{
    if (set->is_on_delete) return world_atom(world, "OnDelete");
    return atom_format(world_atoms(world), "RollingUpdate partition=%" PRId64, set->partition);
}

static const char *retention_text(Retention retention)
{
    if (retention == RETENTION_OTHER) return "";
    return retention == RETENTION_DELETE ? "Delete" : "Retain";
}

/* A set without a policy keeps its claims. */
static Atom retention_detail(World *world, const StatefulSetView *set)
{
    const char *deleted = set->has_retention ? retention_text(set->when_deleted) : "Retain";
    const char *scaled = set->has_retention ? retention_text(set->when_scaled) : "Retain";
    return atom_format(world_atoms(world), "whenDeleted=%s whenScaled=%s", deleted, scaled);
}

static bool same_strategy(const StatefulSetView *a, const StatefulSetView *b)
{
    return a->is_on_delete == b->is_on_delete && a->partition == b->partition;
}

static bool same_retention(const StatefulSetView *a, const StatefulSetView *b)
{
    return a->has_retention == b->has_retention && a->when_deleted == b->when_deleted &&
           a->when_scaled == b->when_scaled;
}

static void record_claims(World *world, const Object *now)
{
    const StatefulSetView *set = statefulset_view(now);
    GString *names = g_string_new(NULL);
    for (uint32_t i = 0; i < set->claim_template_count; i++)
        g_string_append_printf(names, "%s%s", i > 0 ? "," : "",
                               atom_text(world_atoms(world), set->claim_names[i]));
    part_record(world, now,
                (PartFact){.row = ROW_WORKLOAD_CLAIM_TEMPLATES,
                           .number = set->claim_template_count,
                           .detail = part_detail(world, names)});
}

/* What never changes: recorded once. */
static void record_created(World *world, const Object *now)
{
    const StatefulSetView *set = statefulset_view(now);
    Atom policy = world_atom(world, set->is_parallel ? "Parallel" : "OrderedReady");
    part_record(world, now, (PartFact){.row = ROW_WORKLOAD_POLICY, .detail = policy});
    part_record(world, now, (PartFact){.row = ROW_WORKLOAD_SERVICE, .detail = set->service_name});
    record_claims(world, now);
}

static void statefulset_record(World *world, const Object *old, const Object *now)
{
    if (now == NULL) return;
    const StatefulSetView *before = old != NULL ? statefulset_view(old) : NULL;
    const StatefulSetView *set = statefulset_view(now);
    if (before == NULL) record_created(world, now);
    workload_record_number(world, now, ROW_WORKLOAD_REPLICAS, before ? &before->replicas : NULL,
                           set->replicas);
    workload_record_number(world, now, ROW_WORKLOAD_MIN_READY, before ? &before->min_ready_s : NULL,
                           set->min_ready_s);
    workload_record_number(world, now, ROW_WORKLOAD_START, before ? &before->start_ordinal : NULL,
                           set->start_ordinal);
    workload_record_number(world, now, ROW_WORKLOAD_READY, before ? &before->ready : NULL,
                           set->ready);
    if (before == NULL || !same_strategy(before, set))
        part_record(
            world, now,
            (PartFact){.row = ROW_WORKLOAD_STRATEGY, .detail = strategy_detail(world, set)});
    if (before == NULL || !same_retention(before, set))
        part_record(
            world, now,
            (PartFact){.row = ROW_WORKLOAD_RETENTION, .detail = retention_detail(world, set)});
    Atom revision = before != NULL ? before->update_revision : ATOM_NONE;
    if (set->update_revision != revision)
        part_record(world, now,
                    (PartFact){.row = ROW_WORKLOAD_REVISION, .detail = set->update_revision});
}

const KindInfo statefulset_kind = {
    .name = "StatefulSet",
    .api_version = "apps/v1",
    .plural = "statefulsets",
    .short_names = (const char *const[]){"sts", NULL},
    .also = (const char *const[]){"apps/v1beta1", "apps/v1beta2", NULL},
    .is_namespaced = true,
    .has_status = true,
    .defaults = statefulset_defaults,
    .validate = statefulset_validate,
    .project = statefulset_project,
    .release = statefulset_release,
    .record = statefulset_record,
};
