/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply.c - `apply: {manifests: [...]}`: kubectl apply, in the middle of a run.
 *
 * Mirrors: kubectl apply: creates what is absent, patches what exists.
 * Simplified: there is no last-applied annotation; what exists is merge-patched with the manifest,
 * so a field dropped from the manifest stays.
 */
#include "models/manifest.h"
#include "models/world.h"

typedef struct {
    const Value *manifests;
} ApplyParams;

static const Param apply_params[] = {
    {"manifests", PARAM_LIST, offsetof(ApplyParams, manifests), PARAM_REQUIRED,
     "the objects, written out as manifests", NULL, NULL, 0, 0},
    {NULL, PARAM_BOOL, 0, NULL, NULL, NULL, NULL, 0, 0},
};

/* Each object is checked on its own: it may well have the name of one that exists already. */
static bool apply_check(const Scenario *scenario, const Step *step, GError **error)
{
    (void)scenario;
    const ApplyParams *params = step->params;
    g_autoptr(ManifestSet) set = manifest_set_new();
    value_each (i, params->manifests) {
        if (!manifest_add(set, value_at(params->manifests, i), step->file, error)) return false;
    }
    return true;
}

static void apply_one(World *world, const Value *value)
{
    Kind kind = kind_of(value_text(value, "apiVersion"), value_text(value, "kind"));
    if (kind == KIND_NONE) return;
    Key key = key_of_value(world_atoms(world), kind, value);
    bool exists = store_get(world_store(world), key) != NULL;
    Request request = {.verb = exists ? REQUEST_PATCH : REQUEST_CREATE,
                       .key = key,
                       .body = value_ref(value),
                       .patch = PATCH_STRATEGIC,
                       .grace_s = -1};
    world_request(world, &request, NULL);
    request_clear(&request);
}

static void apply_run(World *world, const void *data, const Step *step)
{
    (void)step;
    const ApplyParams *params = data;
    value_each (i, params->manifests) {
        apply_one(world, value_at(params->manifests, i));
    }
}

const Verb apply_verb = {
    .name = "apply",
    .help = "creates the objects, or patches those that exist",
    .params = apply_params,
    .params_size = sizeof(ApplyParams),
    .check = apply_check,
    .run = apply_run,
};
