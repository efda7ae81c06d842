/* SPDX-License-Identifier: Apache-2.0 */
/*
 * persistentvolumeclaim.c - the kind PersistentVolumeClaim.
 * Mirrors: kubernetes v1.36 pkg/apis/core/v1/defaults.go,
 *   pkg/apis/core/validation/validation.go (ValidatePersistentVolumeClaim and its update),
 *   pkg/registry/core/persistentvolumeclaim/strategy.go.
 * Simplified: no data sources; a refusal does not show the differences.
 * State: phases Pending, Bound, Lost are moved by the volume binder.
 */
#include "models/kind/persistentvolumeclaim.h"

#include "models/api/quantity.h"
#include "models/kind/edit.h"
#include "models/kind/part.h"
#include "models/kind/podtemplate.h"

static void default_status(Value **status)
{
    edit_text(status, "phase", "Pending");
}

static void persistentvolumeclaim_defaults(Value **claim)
{
    edit_struct(claim, "spec", podtemplate_default_claim_spec);
    edit_struct(claim, "status", default_status);
}

static void persistentvolumeclaim_prepare(Value **now, const Value *old)
{
    if (old != NULL) return;
    Value *status = value_map();
    value_map_set(status, "phase", value_string("Pending"));
    part_start_status(now, status);
}

/* --- validation --- */

void persistentvolumeclaim_validate_modes(const Value *modes, const Path *path, FieldErrors *errors)
{
    static const char *const known[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
                                        "ReadWriteOncePod", NULL};
    if (value_size(modes) == 0)
        path_required(errors, path, modes, "at least 1 access mode is required");
    bool is_once_pod = false;
    value_each (i, modes) {
        path_one_of(errors, path, value_at(modes, i), known);
        is_once_pod |= strcmp(value_as_text(value_at(modes, i), ""), "ReadWriteOncePod") == 0;
    }
    if (is_once_pod && value_size(modes) > 1)
        path_forbidden(errors, path, modes, "may not use ReadWriteOncePod with other access modes");
}

void persistentvolumeclaim_validate_volume_mode(const Value *mode, const Path *path,
                                                FieldErrors *errors)
{
    static const char *const known[] = {"Block", "Filesystem", NULL};
    if (!edit_is_unset(mode)) path_one_of(errors, path, mode, known);
}

static const Field spec_fields[] = {
    {"accessModes", FIELD_STRING_LIST, "[]v1.PersistentVolumeAccessMode"},
    {"resources", FIELD_MAP, "v1.VolumeResourceRequirements"},
    {"selector", FIELD_MAP, "v1.LabelSelector"},
    {"volumeName", FIELD_STRING, NULL},
    {"storageClassName", FIELD_STRING, NULL},
    {"volumeMode", FIELD_STRING, NULL},
    {NULL, FIELD_MAP, NULL},
};

static const Field resource_fields[] = {
    {"requests", FIELD_QUANTITY_MAP, NULL},
    {"limits", FIELD_QUANTITY_MAP, NULL},
    {NULL, FIELD_MAP, NULL},
};

void persistentvolumeclaim_validate_spec(const Value *spec, const Path *path, FieldErrors *errors)
{
    const Path *resources = PATH(path, "resources"), *size_path = PATH_KEY(resources, "storage");
    if (!path_fields(errors, path, spec, spec_fields, "v1.PersistentVolumeClaimSpec") ||
        !path_fields(errors, resources, value_get(spec, "resources"), resource_fields,
                     "v1.VolumeResourceRequirements"))
        return;
    persistentvolumeclaim_validate_modes(value_get(spec, "accessModes"), PATH(path, "accessModes"),
                                         errors);
    const Value *size = value_find(spec, "resources", "requests", "storage");
    if (size == NULL)
        path_required(errors, size_path, spec, "");
    else if (quantity_milli(size, 0) <= 0)
        path_invalid(errors, size_path, size, "must be greater than zero");
    const Value *class_name = value_get(spec, "storageClassName");
    if (value_as_text(class_name, "")[0] != 0)
        path_name(errors, PATH(path, "storageClassName"), class_name, name_is_dns_subdomain);
    persistentvolumeclaim_validate_volume_mode(value_get(spec, "volumeMode"),
                                               PATH(path, "volumeMode"), errors);
}

/* Takes a field from another map, where the old value allows the change. */
static void forgive(Value **spec, const Value *old, const char *key)
{
    const Value *before = value_get(old, key);
    if (before != NULL)
        value_put(spec, value_ref(before), key);
    else
        value_drop(spec, key);
}

static void validate_update(const Value *now, const Value *old, FieldErrors *errors)
{
    const Path *path = PATH(NULL, "spec");
    const Value *spec = value_get(now, "spec"), *before = value_get(old, "spec");
    if (value_equal(spec, before) || !value_is_map(spec) || !value_is_map(before)) return;
    bool is_bound = strcmp(value_text(old, "status", "phase"), "Bound") == 0;
    g_autoptr(Value) rest = value_ref(spec);
    if (value_text(before, "volumeName")[0] == 0) forgive(&rest, before, "volumeName");
    if (edit_is_unset(value_get(before, "storageClassName")))
        forgive(&rest, before, "storageClassName");
    if (is_bound) {
        forgive(&rest, before, "resources");
        forgive(&rest, before, "volumeAttributesClassName");
    }
    if (!value_equal(rest, before))
        path_forbidden(errors, path, spec,
                       "spec is immutable after creation except resources.requests and "
                       "volumeAttributesClassName for bound claims");
    const Value *size = value_find(spec, "resources", "requests", "storage");
    int64_t least = quantity_units(value_find(old, "status", "capacity", "storage"), 0);
    int64_t asked = quantity_units(value_find(before, "resources", "requests", "storage"), 0);
    if (quantity_units(size, 0) < asked && quantity_units(size, 0) < (least > 0 ? least : asked))
        path_forbidden(errors, PATH(PATH(PATH(path, "resources"), "requests"), "storage"), size,
                       "field can not be less than status.capacity");
}

static void persistentvolumeclaim_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *spec = value_get(now, "spec");
    if (old == NULL || !value_equal(spec, value_get(old, "spec")))
        persistentvolumeclaim_validate_spec(spec, PATH(NULL, "spec"), errors);
    if (old != NULL) validate_update(now, old, errors);
}

/* --- projection --- */

static Atom annotation(AtomTable *atoms, const Value *value, const char *key)
{
    return part_atom(atoms, value_find(value, "metadata", "annotations"), key);
}

/* The annotation is older than the field and wins where both are there. */
static void read_class(ClaimView *view, AtomTable *atoms, const Value *value)
{
    static const char old_key[] = "volume.beta.kubernetes.io/storage-class";
    const Value *old_class = value_find(value, "metadata", "annotations", old_key);
    const Value *class_name = value_find(value, "spec", "storageClassName");
    if (value_is_string(old_class)) class_name = old_class;
    view->has_class = value_is_string(class_name);
    view->class_name = atom_of(atoms, value_as_text(class_name, NULL));
}

static const void *persistentvolumeclaim_project(const ViewContext *context, const Value *value,
                                                 const Object *old)
{
    AtomTable *atoms = context->atoms;
    const Value *spec = value_get(value, "spec");
    ClaimView *view = g_new0(ClaimView, 1);
    view->meta = meta_project(context, value, old);
    view->volume_name = part_atom(atoms, spec, "volumeName");
    view->phase = part_atom(atoms, value_get(value, "status"), "phase");
    read_class(view, atoms, value);
    view->modes = part_modes(value_get(spec, "accessModes"));
    view->request_bytes = quantity_units(value_find(spec, "resources", "requests", "storage"), 0);
    view->selected_node = annotation(atoms, value, "volume.kubernetes.io/selected-node");
    view->is_block = strcmp(value_text(spec, "volumeMode"), "Block") == 0;
    return view;
}

static void persistentvolumeclaim_release(const void *view)
{
    meta_unref(((const ClaimView *)view)->meta);
    g_free((gpointer)(uintptr_t)view);
}

static unsigned keys_volume(const Object *object, uint64_t *keys, unsigned max)
{
    Atom volume = claim_view(object)->volume_name;
    if (volume == ATOM_NONE || max == 0) return 0;
    keys[0] = index_key(volume, 0);
    return 1;
}

static const IndexInfo persistentvolumeclaim_indexes[] = {
    {INDEX_CLAIM_VOLUME, keys_volume},
    {INDEX_NONE, NULL},
};

static void persistentvolumeclaim_record(World *world, const Object *old, const Object *now)
{
    if (now == NULL) return;
    static const ClaimView nothing;
    const ClaimView *before = old != NULL ? claim_view(old) : &nothing, *claim = claim_view(now);
    if (claim->phase != before->phase)
        part_record(world, now, (PartFact){.row = ROW_CLAIM_PHASE, .detail = claim->phase});
    if (claim->volume_name == before->volume_name || claim->volume_name == ATOM_NONE) return;
    Key volume = {KIND_PERSISTENT_VOLUME, ATOM_NONE, claim->volume_name};
    Atom detail = key_ref(world_atoms(world), volume);
    part_record(world, now, (PartFact){.row = ROW_CLAIM_VOLUME, .detail = detail});
}

const KindInfo persistentvolumeclaim_kind = {
    .name = "PersistentVolumeClaim",
    .api_version = "v1",
    .plural = "persistentvolumeclaims",
    .short_names = (const char *const[]){"pvc", NULL},
    .is_namespaced = true,
    .has_status = true,
    .defaults = persistentvolumeclaim_defaults,
    .validate = persistentvolumeclaim_validate,
    .prepare = persistentvolumeclaim_prepare,
    .project = persistentvolumeclaim_project,
    .release = persistentvolumeclaim_release,
    .indexes = persistentvolumeclaim_indexes,
    .record = persistentvolumeclaim_record,
};
