/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controllerrevision.c - the kind ControllerRevision.
 * Mirrors: kubernetes v1.36 pkg/apis/apps/validation/validation.go (ValidateControllerRevision).
 * Simplified: nothing known.
 * State: none.
 */
#include "models/kind/edit.h"
#include "models/kind/part.h"
#include "models/kind/path.h"

static const Field fields[] = {
    {"revision", FIELD_INT64, NULL},
    {NULL, FIELD_MAP, NULL},
};

static void controllerrevision_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *data = value_get(now, "data"), *revision = value_get(now, "revision");
    if (edit_is_unset(data)) path_required(errors, PATH(NULL, "data"), now, "data is mandatory");
    if (!path_fields(errors, NULL, now, fields, "v1.ControllerRevision")) return;
    path_not_negative(errors, PATH(NULL, "revision"), revision);
    if (old != NULL) path_immutable(errors, PATH(NULL, "data"), data, value_get(old, "data"));
}

static const void *controllerrevision_project(const ViewContext *context, const Value *value,
                                              const Object *old)
{
    RevisionView *view = g_new0(RevisionView, 1);
    view->meta = meta_project(context, value, old);
    view->revision = part_int(value, "revision", 0);
    view->data = value_get(value, "data");
    return view;
}

static void controllerrevision_release(const void *view)
{
    meta_unref(((const RevisionView *)view)->meta);
    g_free((gpointer)(uintptr_t)view);
}

const KindInfo controllerrevision_kind = {
    .name = "ControllerRevision",
    .api_version = "apps/v1",
    .plural = "controllerrevisions",
    .also = (const char *const[]){"apps/v1beta1", "apps/v1beta2", NULL},
    .is_namespaced = true,
    .validate = controllerrevision_validate,
    .project = controllerrevision_project,
    .release = controllerrevision_release,
};
