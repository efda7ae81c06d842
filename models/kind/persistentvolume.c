/* SPDX-License-Identifier: Apache-2.0 */
/*
 * persistentvolume.c - the kind PersistentVolume.
 * Mirrors: kubernetes v1.36 pkg/apis/core/v1/defaults.go,
 *   pkg/apis/core/validation/validation.go (ValidatePersistentVolume and its update).
 * Simplified: sources are not looked into, but for the driver and handle of CSI ones; of a volume's
 *   topology only the zone is understood.
 * State: phases Pending, Available, Bound, Released, Failed are moved by the volume binder.
 */
#include "models/api/quantity.h"
#include "models/kind/edit.h"
#include "models/kind/part.h"
#include "models/kind/persistentvolumeclaim.h"

static const char zone_key[] = "topology.kubernetes.io/zone";

/* --- defaults --- */

static void default_host_path(Value **source)
{
    edit_text(source, "type", "");
}

static void default_spec(Value **spec)
{
    edit_drop_empty(spec, (const char *const[]){"persistentVolumeReclaimPolicy", "storageClassName",
                                                "accessModes", NULL});
    edit_text(spec, "persistentVolumeReclaimPolicy", "Retain");
    edit_text(spec, "volumeMode", "Filesystem");
    edit_quantities(spec, "capacity");
    edit_child(spec, "hostPath", default_host_path);
}

static void default_status(Value **status)
{
    edit_text(status, "phase", "Pending");
}

static void persistentvolume_defaults(Value **volume)
{
    edit_struct(volume, "spec", default_spec);
    edit_struct(volume, "status", default_status);
}

static void persistentvolume_prepare(Value **now, const Value *old)
{
    if (old != NULL) return;
    Value *status = value_map();
    value_map_set(status, "phase", value_string("Pending"));
    part_start_status(now, status);
}

/* --- validation --- */

static const char *const sources[] = {
    "csi",
    "hostPath",
    "local",
    "nfs",
    "awsElasticBlockStore",
    "rbd",
    "gcePersistentDisk",
    "glusterfs",
    "iscsi",
    "cinder",
    "fc",
    "azureFile",
    "azureDisk",
    "quobyte",
    "vsphereVolume",
    "cephfs",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
    "flocker",
    "flexVolume",
    NULL,
};

static const Field spec_fields[] = {
    {"capacity", FIELD_QUANTITY_MAP, NULL},
    {"accessModes", FIELD_STRING_LIST, "[]v1.PersistentVolumeAccessMode"},
    {"persistentVolumeReclaimPolicy", FIELD_STRING, NULL},
    {"storageClassName", FIELD_STRING, NULL},
    {"volumeMode", FIELD_STRING, NULL},
    {"claimRef", FIELD_MAP, "v1.ObjectReference"},
    {"nodeAffinity", FIELD_MAP, "v1.VolumeNodeAffinity"},
    {"csi", FIELD_MAP, "v1.CSIPersistentVolumeSource"},
    {NULL, FIELD_MAP, NULL},
};

static void validate_sources(const Value *spec, const Path *path, FieldErrors *errors)
{
    unsigned count = 0;
    for (unsigned i = 0; sources[i] != NULL; i++) {
        const Value *source = value_get(spec, sources[i]);
        if (edit_is_unset(source)) continue;
        if (count++ > 0)
            path_forbidden(errors, PATH(path, sources[i]), source,
                           "may not specify more than 1 volume type");
    }
    if (count == 0) path_required(errors, path, spec, "must specify a volume type");
    const Value *csi = value_get(spec, "csi");
    if (!value_is_map(csi)) return;
    if (value_text(csi, "driver")[0] == 0)
        path_required(errors, PATH(PATH(path, "csi"), "driver"), csi, "");
    if (value_text(csi, "volumeHandle")[0] == 0)
        path_required(errors, PATH(PATH(path, "csi"), "volumeHandle"), csi, "");
}

static void validate_spec(const Value *spec, FieldErrors *errors)
{
    static const char *const policies[] = {"Delete", "Recycle", "Retain", NULL};
    const Path *path = PATH(NULL, "spec"), *capacity = PATH(path, "capacity");
    if (!path_fields(errors, path, spec, spec_fields, "v1.PersistentVolumeSpec")) return;
    const Value *size = value_find(spec, "capacity", "storage");
    persistentvolumeclaim_validate_modes(value_get(spec, "accessModes"), PATH(path, "accessModes"),
                                         errors);
    if (value_size(value_get(spec, "capacity")) == 0)
        path_required(errors, capacity, spec, "");
    else if (size == NULL)
        path_one_of(errors, capacity, value_get(spec, "capacity"),
                    (const char *const[]){"storage", NULL});
    else if (quantity_milli(size, 0) <= 0)
        path_invalid(errors, PATH_KEY(capacity, "storage"), size, "must be greater than zero");
    path_one_of(errors, PATH(path, "persistentVolumeReclaimPolicy"),
                value_get(spec, "persistentVolumeReclaimPolicy"), policies);
    persistentvolumeclaim_validate_volume_mode(value_get(spec, "volumeMode"),
                                               PATH(path, "volumeMode"), errors);
    validate_sources(spec, path, errors);
}

static void validate_update(const Value *now, const Value *old, FieldErrors *errors)
{
    const Path *path = PATH(NULL, "spec");
    bool is_same = true;
    for (unsigned i = 0; sources[i] != NULL; i++)
        is_same = is_same && value_equal(value_get(now, sources[i]), value_get(old, sources[i]));
    if (!is_same)
        path_forbidden(errors, PATH(path, "persistentvolumesource"), now,
                       "spec.persistentvolumesource is immutable after creation");
    path_immutable(errors, PATH(path, "volumeMode"), value_get(now, "volumeMode"),
                   value_get(old, "volumeMode"));
    const Value *affinity = value_get(old, "nodeAffinity");
    if (!edit_is_unset(affinity))
        path_immutable(errors, PATH(path, "nodeAffinity"), value_get(now, "nodeAffinity"),
                       affinity);
}

static void persistentvolume_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *spec = value_get(now, "spec"), *before = value_get(old, "spec");
    if (old == NULL || !value_equal(spec, before)) validate_spec(spec, errors);
    if (old != NULL) validate_update(spec, before, errors);
}

/* --- projection --- */

static Atom zone_of_term(AtomTable *atoms, const Value *term)
{
    const Value *expressions = value_get(term, "matchExpressions");
    for (unsigned i = 0; i < part_list_size(expressions); i++) {
        const Value *expression = value_at(expressions, i);
        if (strcmp(value_text(expression, "key"), zone_key) != 0) continue;
        if (strcmp(value_text(expression, "operator"), "In") != 0) continue;
        const Value *values = value_get(expression, "values");
        return value_is_list(values) ? atom_of(atoms, value_as_text(value_at(values, 0), NULL))
                                     : ATOM_NONE;
    }
    return ATOM_NONE;
}

static Atom zone_of(AtomTable *atoms, const Value *value)
{
    const Value *terms = value_find(value, "spec", "nodeAffinity", "required", "nodeSelectorTerms");
    Atom zone = ATOM_NONE;
    for (unsigned i = 0; zone == ATOM_NONE && i < part_list_size(terms); i++)
        zone = zone_of_term(atoms, value_at(terms, i));
    if (zone != ATOM_NONE) return zone;
    return part_atom(atoms, value_find(value, "metadata", "labels"), zone_key);
}

static void read_claim(VolumeView *view, AtomTable *atoms, const Value *claim)
{
    view->has_claim = value_is_map(claim);
    view->claim_space = part_atom(atoms, claim, "namespace");
    view->claim_name = part_atom(atoms, claim, "name");
    view->claim_uid = part_atom(atoms, claim, "uid");
}

static Atom class_of(AtomTable *atoms, const Value *value)
{
    static const char old_key[] = "volume.beta.kubernetes.io/storage-class";
    const Value *old_class = value_find(value, "metadata", "annotations", old_key);
    if (value_is_string(old_class)) return atom_of(atoms, value_as_text(old_class, NULL));
    return part_atom(atoms, value_get(value, "spec"), "storageClassName");
}

static const void *persistentvolume_project(const ViewContext *context, const Value *value,
                                            const Object *old)
{
    AtomTable *atoms = context->atoms;
    const Value *spec = value_get(value, "spec"), *csi = value_get(spec, "csi");
    VolumeView *view = g_new0(VolumeView, 1);
    view->meta = meta_project(context, value, old);
    view->phase = part_atom(atoms, value_get(value, "status"), "phase");
    view->class_name = class_of(atoms, value);
    view->driver = part_atom(atoms, csi, "driver");
    view->handle = part_atom(atoms, csi, "volumeHandle");
    read_claim(view, atoms, value_get(spec, "claimRef"));
    view->modes = part_modes(value_get(spec, "accessModes"));
    view->capacity_bytes = quantity_units(value_find(spec, "capacity", "storage"), 0);
    view->is_delete = strcmp(value_text(spec, "persistentVolumeReclaimPolicy"), "Delete") == 0;
    view->is_block = strcmp(value_text(spec, "volumeMode"), "Block") == 0;
    view->node_affinity = value_get(spec, "nodeAffinity");
    view->zone = zone_of(atoms, value);
    return view;
}

static void persistentvolume_release(const void *view)
{
    meta_unref(((const VolumeView *)view)->meta);
    g_free((gpointer)(uintptr_t)view);
}

static void persistentvolume_record(World *world, const Object *old, const Object *now)
{
    if (now == NULL) return;
    const VolumeView *volume = volume_view(now);
    Atom before = old != NULL ? volume_view(old)->phase : ATOM_NONE;
    if (volume->phase != before)
        part_record(world, now, (PartFact){.row = ROW_VOLUME_PHASE, .detail = volume->phase});
    if (old != NULL) return;
    GString *modes = g_string_new(NULL);
    part_modes_text(volume->modes, modes);
    part_record(world, now,
                (PartFact){.row = ROW_VOLUME_MODES,
                           .detail = part_detail(world, modes),
                           .node = volume->zone});
}

const KindInfo persistentvolume_kind = {
    .name = "PersistentVolume",
    .api_version = "v1",
    .plural = "persistentvolumes",
    .short_names = (const char *const[]){"pv", NULL},
    .has_status = true,
    .defaults = persistentvolume_defaults,
    .validate = persistentvolume_validate,
    .prepare = persistentvolume_prepare,
    .project = persistentvolume_project,
    .release = persistentvolume_release,
    .record = persistentvolume_record,
};
