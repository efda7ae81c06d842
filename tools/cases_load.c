/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases_load.c - a recorded case's objects into a rehearsal: cache, API, and where they differ.
 */
#include "sim/json.h"
#include "tools/cases_internal.h"

bool case_fault(GError **error, const char *path, const char *what)
{
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "%s: %s", path, what);
    return false;
}

bool case_time(const Value *map, const char *key, Nanos *ret_at, GError **error)
{
    const char *text = value_text(map, key);
    if (time_parse(text, ret_at)) return true;
    return case_fault(error, key, "must be a time such as 2026-01-01T00:00:00Z");
}

/* --- objects --- */

static bool put_object(Rehearsal *rehearsal, RehearsalPlace place, Kind kind, const Value *source,
                       const char *path, GError **error)
{
    if (!value_is_map(source)) return case_fault(error, path, "must be an object");
    if (*value_text(source, "metadata", "name") == 0)
        return case_fault(error, path, "has no metadata.name");
    rehearsal_put(rehearsal, place, kind, value_ref(source));
    return true;
}

static bool put_list(Rehearsal *rehearsal, RehearsalPlace place, Kind kind, const Value *recorded,
                     const char *path, GError **error)
{
    const Value *list = value_get(recorded, path);
    if (list != NULL && value_type(list) != VALUE_NULL && !value_is_list(list))
        return case_fault(error, path, "must be a list");
    value_each (i, list)
        if (!put_object(rehearsal, place, kind, value_at(list, i), path, error)) return false;
    return true;
}

/* A recorded revision has its metadata beside its data, and the data as text. */
static bool put_revision(Rehearsal *rehearsal, const Value *source, const char *space,
                         GError **error)
{
    static const char *const fields[] = {
        "name", "labels",           "annotations", "ownerReferences", "resourceVersion",
        "uid",  "creationTimestamp"};
    const char *text = value_as_text(value_get(source, "data"), NULL);
    if (text == NULL) return case_fault(error, "revisions", "data must be a text");
    Value *data = json_parse(text, strlen(text), "revisions.data", 1, error);
    if (data == NULL) return false;
    Value *meta = value_map();
    value_map_set(meta, "namespace", value_string(space));
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        const Value *field = value_get(source, fields[i]);
        if (field != NULL) value_map_set(meta, fields[i], value_ref(field));
    }
    const Value *number = value_get(source, "revision");
    g_autoptr(Value) revision = value_map();
    value_map_set(revision, "apiVersion", value_string("apps/v1"));
    value_map_set(revision, "kind", value_string("ControllerRevision"));
    value_map_set(revision, "metadata", meta);
    value_map_set(revision, "data", data);
    value_map_set(revision, "revision", number != NULL ? value_ref(number) : value_int(0));
    return put_object(rehearsal, IN_BOTH, KIND_CONTROLLER_REVISION, revision, "revisions", error);
}

static bool put_revisions(Rehearsal *rehearsal, const Value *recorded, const char *space,
                          GError **error)
{
    const Value *list = value_get(recorded, "revisions");
    value_each (i, list)
        if (!put_revision(rehearsal, value_at(list, i), space, error)) return false;
    return true;
}

/* --- differences between API and cache --- */

static void put_newer(Rehearsal *rehearsal, Key key, bool is_deleting)
{
    const Object *object = table_get(rehearsal_api(rehearsal), key);
    if (object == NULL) return;
    char now[TIME_TEXT_MAX];
    Value *value = value_ref(object->value);
    value_put(&value, value_printf("%" PRId64, object->version + 1), "metadata", "resourceVersion");
    if (is_deleting)
        value_put(&value, value_string(time_format(rehearsal_now(rehearsal), now)), "metadata",
                  "deletionTimestamp");
    rehearsal_put(rehearsal, IN_API, key.kind, value);
}

static void put_claim(Rehearsal *rehearsal, Key key, const char *space)
{
    Value *value = value_map();
    value_put(&value, value_string(space), "metadata", "namespace");
    value_put(&value, value_string(atom_text(rehearsal_atoms(rehearsal), key.name)), "metadata",
              "name");
    rehearsal_put(rehearsal, IN_API, key.kind, value);
}

static void apply_difference(Rehearsal *rehearsal, const Value *differences, Key set,
                             const char *space)
{
    static const struct {
        const char *name;
        Kind kind;
        enum { NEWER, ABSENT, CLAIM } what;
    } rules[] = {
        {"pods_only_in_cache", KIND_POD, ABSENT},
        {"revisions_only_in_cache", KIND_CONTROLLER_REVISION, ABSENT},
        {"pods_newer_in_api", KIND_POD, NEWER},
        {"pvcs_newer_in_api", KIND_PERSISTENT_VOLUME_CLAIM, NEWER},
        {"pvcs_only_in_api", KIND_PERSISTENT_VOLUME_CLAIM, CLAIM},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++) {
        const Value *names = value_get(differences, rules[i].name);
        value_each (j, names) {
            const char *name = value_as_text(value_at(names, j), "");
            Key key = rehearsal_key(rehearsal, rules[i].kind, space, name);
            if (rules[i].what == ABSENT) rehearsal_drop(rehearsal, IN_API, key);
            if (rules[i].what == NEWER) put_newer(rehearsal, key, false);
            if (rules[i].what == CLAIM) put_claim(rehearsal, key, space);
        }
    }
    bool is_deleting = value_as_bool(value_get(differences, "set_deleting_in_api"), false);
    if (is_deleting || value_as_bool(value_get(differences, "set_newer_in_api"), false))
        put_newer(rehearsal, set, is_deleting);
}

/* --- injected failures --- */

static bool read_word(const char *text, const char *const *words, unsigned count, unsigned *ret)
{
    for (*ret = 0; *ret < count; (*ret)++)
        if (words[*ret] != NULL && strcmp(words[*ret], text) == 0) return true;
    return false;
}

static bool inject(Rehearsal *rehearsal, const Value *failure, const char *space, GError **error)
{
    static const char *const verbs[] = {[REQUEST_CREATE] = "create",
                                        [REQUEST_UPDATE] = "update",
                                        [REQUEST_PATCH] = "patch",
                                        [REQUEST_DELETE] = "delete"};
    static const char *const reasons[] = {
        [REASON_FORBIDDEN] = "Forbidden", [REASON_NOT_FOUND] = "NotFound",
        [REASON_CONFLICT] = "Conflict",   [REASON_ALREADY_EXISTS] = "AlreadyExists",
        [REASON_INVALID] = "Invalid",     [REASON_INTERNAL] = "InternalError"};
    unsigned verb, reason;
    g_auto(GStrv) resource = g_strsplit(value_text(failure, "resource"), "/", 2);
    Kind kind = resource[0] != NULL ? kind_by_word(resource[0]) : KIND_NONE;
    if (kind == KIND_NONE) return case_fault(error, "inject.resource", "is unknown");
    if (!read_word(value_text(failure, "verb"), verbs, G_N_ELEMENTS(verbs), &verb))
        return case_fault(error, "inject.verb", "must be create, update, patch or delete");
    if (!read_word(value_text(failure, "error"), reasons, G_N_ELEMENTS(reasons), &reason))
        return case_fault(error, "inject.error", "is no reason of the API");
    bool is_status = resource[1] != NULL && strcmp(resource[1], "status") == 0;
    int64_t times = value_as_int(value_get(failure, "times"), 1);
    Key key = rehearsal_key(rehearsal, kind, space, value_text(failure, "name"));
    rehearsal_refuse(rehearsal, is_status ? REQUEST_UPDATE_STATUS : (RequestVerb)verb, key,
                     (ReplyReason)reason, (unsigned)CLAMP(times, 0, INT32_MAX));
    return true;
}

bool case_inject(Rehearsal *rehearsal, const Value *list, const char *space, GError **error)
{
    value_each (i, list)
        if (!inject(rehearsal, value_at(list, i), space, error)) return false;
    return true;
}

/* --- all of it --- */

bool case_load(Rehearsal *rehearsal, const Value *recorded, Key *ret_set, GError **error)
{
    const Value *set = value_get(recorded, "set");
    const char *space = value_text(set, "metadata", "namespace");
    if (*space == 0) space = "default";
    rehearsal_freeze_pod_specs(rehearsal,
                               value_as_bool(value_get(recorded, "pod_spec_immutable"), true));
    if (!put_object(rehearsal, IN_BOTH, KIND_STATEFUL_SET, set, "set", error)) return false;
    *ret_set =
        rehearsal_key(rehearsal, KIND_STATEFUL_SET, space, value_text(set, "metadata", "name"));
    bool is_loaded =
        put_list(rehearsal, IN_BOTH, KIND_POD, recorded, "pods", error) &&
        put_list(rehearsal, IN_BOTH, KIND_PERSISTENT_VOLUME_CLAIM, recorded, "pvcs", error) &&
        put_list(rehearsal, IN_API, KIND_POD, recorded, "api_pods_extra", error) &&
        put_revisions(rehearsal, recorded, space, error) &&
        case_inject(rehearsal, value_get(recorded, "inject"), space, error);
    if (is_loaded) apply_difference(rehearsal, value_get(recorded, "api_diff"), *ret_set, space);
    return is_loaded;
}
