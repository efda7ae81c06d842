/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volumeattachment.c - the kind VolumeAttachment.
 * Mirrors: kubernetes v1.36 pkg/apis/storage/validation (ValidateVolumeAttachment),
 *   pkg/registry/storage/volumeattachment/strategy.go.
 * Simplified: no inline volumes.
 * State: none; status.attached is moved by the attacher.
 */
#include "models/kind/edit.h"
#include "models/kind/part.h"
#include "models/kind/path.h"

static void volumeattachment_prepare(Value **now, const Value *old)
{
    if (old != NULL) return;
    Value *status = value_map();
    value_map_set(status, "attached", value_bool(false));
    part_start_status(now, status);
}

static const Field spec_fields[] = {
    {"attacher", FIELD_STRING, NULL},
    {"nodeName", FIELD_STRING, NULL},
    {"source", FIELD_MAP, "v1.VolumeAttachmentSource"},
    {NULL, FIELD_MAP, NULL},
};

static void volumeattachment_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *spec = value_get(now, "spec");
    const Path *path = PATH(NULL, "spec");
    if (!path_fields(errors, path, spec, spec_fields, "v1.VolumeAttachmentSpec")) return;
    if (value_text(spec, "attacher")[0] == 0)
        path_required(errors, PATH(path, "attacher"), spec, "");
    if (value_text(spec, "nodeName")[0] == 0)
        path_required(errors, PATH(path, "nodeName"), spec, "");
    if (value_text(spec, "source", "persistentVolumeName")[0] == 0)
        path_required(errors, PATH(path, "source"), spec,
                      "must specify exactly one of inlineVolumeSpec and persistentVolumeName");
    if (old != NULL) path_immutable(errors, path, spec, value_get(old, "spec"));
}

static const void *volumeattachment_project(const ViewContext *context, const Value *value,
                                            const Object *old)
{
    AtomTable *atoms = context->atoms;
    const Value *spec = value_get(value, "spec"), *status = value_get(value, "status");
    AttachmentView *view = g_new0(AttachmentView, 1);
    view->meta = meta_project(context, value, old);
    view->attacher = part_atom(atoms, spec, "attacher");
    view->node_name = part_atom(atoms, spec, "nodeName");
    view->volume_name = part_atom(atoms, value_get(spec, "source"), "persistentVolumeName");
    view->is_attached = part_bool(status, "attached");
    view->has_attach_error = value_is_map(value_get(status, "attachError"));
    view->has_detach_error = value_is_map(value_get(status, "detachError"));
    return view;
}

static void volumeattachment_release(const void *view)
{
    meta_unref(((const AttachmentView *)view)->meta);
    g_free((gpointer)(uintptr_t)view);
}

static unsigned keys_node(const Object *object, uint64_t *keys, unsigned max)
{
    if (max == 0) return 0;
    keys[0] = index_key(attachment_view(object)->node_name, 0);
    return 1;
}

static unsigned keys_volume(const Object *object, uint64_t *keys, unsigned max)
{
    if (max == 0) return 0;
    keys[0] = index_key(attachment_view(object)->volume_name, 0);
    return 1;
}

static const IndexInfo volumeattachment_indexes[] = {
    {INDEX_ATTACHMENT_NODE, keys_node},
    {INDEX_ATTACHMENT_VOLUME, keys_volume},
    {INDEX_NONE, NULL},
};

/* An attachment that vanishes is one that no longer holds. */
static void volumeattachment_record(World *world, const Object *old, const Object *now)
{
    const AttachmentView *before = old != NULL ? attachment_view(old) : NULL;
    const AttachmentView *after = now != NULL ? attachment_view(now) : NULL;
    bool was_attached = before != NULL && before->is_attached;
    bool is_attached = after != NULL && after->is_attached;
    if (was_attached == is_attached) return;
    const AttachmentView *any = after != NULL ? after : before;
    Key volume = {KIND_PERSISTENT_VOLUME, ATOM_NONE, any->volume_name};
    world_fact(world, ROW_ATTACHMENT,
               (Fact){.object = key_ref(world_atoms(world), volume),
                      .uid = now != NULL ? now->uid : old->uid,
                      .node = any->node_name,
                      .number = is_attached});
}

const KindInfo volumeattachment_kind = {
    .name = "VolumeAttachment",
    .api_version = "storage.k8s.io/v1",
    .plural = "volumeattachments",
    .also = (const char *const[]){"storage.k8s.io/v1beta1", NULL},
    .has_status = true,
    .validate = volumeattachment_validate,
    .prepare = volumeattachment_prepare,
    .project = volumeattachment_project,
    .release = volumeattachment_release,
    .indexes = volumeattachment_indexes,
    .record = volumeattachment_record,
};
