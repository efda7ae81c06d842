/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases_result.c - a rehearsed sync in the words of the recordings.
 */
#include "sim/json.h"
#include "tools/cases_internal.h"

static void set_text(Value *map, const char *key, const char *text)
{
    value_map_set(map, key, value_string(text));
}

/* Copies a subtree if it has anything in it. */
static void set_part(Value *map, const char *key, const Value *part)
{
    if (value_size(part) > 0) value_map_set(map, key, value_ref(part));
}

static void set_list(Value *map, const char *key, const Value *list)
{
    value_map_set(map, key, value_is_list(list) ? value_ref(list) : value_list());
}

/* --- what matters of an object --- */

static Value *images_of(const Value *pod)
{
    Value *images = value_list();
    const Value *containers = value_find(pod, "spec", "containers");
    value_each (i, containers)
        value_list_add(images, value_string(value_text(value_at(containers, i), "image")));
    return images;
}

static Value *volumes_of(const Value *pod)
{
    Value *map = value_map();
    const Value *volumes = value_find(pod, "spec", "volumes");
    value_each (i, volumes) {
        const Value *volume = value_at(volumes, i);
        set_text(map, value_text(volume, "name"),
                 value_text(volume, "persistentVolumeClaim", "claimName"));
    }
    return map;
}

static Value *pod_of(const Value *pod)
{
    Value *map = value_map();
    set_part(map, "annotations", value_find(pod, "metadata", "annotations"));
    set_text(map, "hostname", value_text(pod, "spec", "hostname"));
    value_map_set(map, "images", images_of(pod));
    set_part(map, "labels", value_find(pod, "metadata", "labels"));
    set_list(map, "ownerReferences", value_find(pod, "metadata", "ownerReferences"));
    set_text(map, "subdomain", value_text(pod, "spec", "subdomain"));
    value_map_set(map, "volumes", volumes_of(pod));
    return map;
}

static Value *claim_of(const Value *claim, RequestVerb verb)
{
    Value *map = value_map();
    set_list(map, "ownerReferences", value_find(claim, "metadata", "ownerReferences"));
    if (verb == REQUEST_UPDATE) return map;
    set_list(map, "accessModes", value_find(claim, "spec", "accessModes"));
    set_part(map, "annotations", value_find(claim, "metadata", "annotations"));
    set_part(map, "labels", value_find(claim, "metadata", "labels"));
    set_text(map, "storage", value_text(claim, "spec", "resources", "requests", "storage"));
    return map;
}

static Value *revision_of(const Value *revision, RequestVerb verb)
{
    Value *map = value_map();
    const Value *number = value_get(revision, "revision");
    value_map_set(map, "revision", value_int(value_as_int(number, 0)));
    if (verb == REQUEST_UPDATE) return map;
    g_autofree char *data = json_text(value_get(revision, "data"));
    set_part(map, "annotations", value_find(revision, "metadata", "annotations"));
    set_text(map, "data", data);
    set_part(map, "labels", value_find(revision, "metadata", "labels"));
    set_list(map, "ownerReferences", value_find(revision, "metadata", "ownerReferences"));
    return map;
}

/* A status with all its numbers, zero or not. */
static Value *status_of(const Value *status)
{
    static const char *const numbers[] = {"availableReplicas",  "collisionCount", "currentReplicas",
                                          "observedGeneration", "readyReplicas",  "replicas",
                                          "updatedReplicas"};
    Value *map = value_map();
    for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++)
        value_map_set(map, numbers[i], value_int(value_as_int(value_get(status, numbers[i]), 0)));
    value_map_set(map, "conditions", value_int(value_size(value_get(status, "conditions"))));
    set_text(map, "currentRevision", value_text(status, "currentRevision"));
    set_text(map, "updateRevision", value_text(status, "updateRevision"));
    return map;
}

static Value *object_of(const Act *act)
{
    if (act->verb == REQUEST_DELETE) return NULL;
    if (act->verb == REQUEST_PATCH) return value_ref(act->body);
    if (act->verb == REQUEST_UPDATE_STATUS) return status_of(value_get(act->body, "status"));
    if (act->key.kind == KIND_POD) return pod_of(act->body);
    if (act->key.kind == KIND_PERSISTENT_VOLUME_CLAIM) return claim_of(act->body, act->verb);
    return revision_of(act->body, act->verb);
}

/* --- actions --- */

static Value *event_action(const Act *act)
{
    Value *object = value_map();
    set_text(object, "message", act->text);
    set_text(object, "type", act->event_type);
    Value *action = value_map();
    set_text(action, "name", act->event_reason);
    value_map_set(action, "object", object);
    set_text(action, "resource", "events");
    set_text(action, "verb", "event");
    return action;
}

static Value *write_action(const Act *act, const AtomTable *atoms)
{
    static const char *const verbs[] = {
        [REQUEST_CREATE] = "create",        [REQUEST_UPDATE] = "update",
        [REQUEST_UPDATE_STATUS] = "update", [REQUEST_PATCH] = "patch",
        [REQUEST_PATCH_STATUS] = "patch",   [REQUEST_DELETE] = "delete",
        [REQUEST_BIND] = "create"};
    Value *action = value_map(), *object = object_of(act);
    const char *resource = kind_info(act->key.kind)->plural;
    set_text(action, "name", atom_text(atoms, act->key.name));
    if (object != NULL) value_map_set(action, "object", object);
    value_map_set(action, "resource",
                  act->verb == REQUEST_UPDATE_STATUS ? value_printf("%s/status", resource)
                                                     : value_string(resource));
    set_text(action, "result", act->reason == REASON_OK ? "ok" : reason_text(act->reason));
    set_text(action, "verb", verbs[act->verb]);
    return action;
}

static Value *actions_of(Rehearsal *rehearsal, const RehearsalRecord *record)
{
    Value *actions = value_list();
    for (unsigned i = 0; i < record->act_count; i++) {
        const Act *act = &record->acts[i];
        if (act->type == ACT_EVENT) value_list_add(actions, event_action(act));
        if (act->type == ACT_REQUEST && act->verb != REQUEST_GET)
            value_list_add(actions, write_action(act, rehearsal_atoms(rehearsal)));
    }
    return actions;
}

/* As Go's Duration.Seconds() rounds. */
static Value *seconds_of(Nanos duration)
{
    Nanos seconds = duration / NANOS_S, fraction = duration % NANOS_S;
    if (fraction == 0) return value_int(seconds);
    return value_float((double)seconds + (double)fraction / 1e9);
}

Value *case_result(Rehearsal *rehearsal, const RehearsalRecord *record)
{
    Value *result = value_map();
    value_map_set(result, "actions", actions_of(rehearsal, record));
    value_map_set(result, "claimed_pods",
                  record->claimed != NULL ? value_ref(record->claimed) : value_list());
    value_map_set(result, "error",
                  record->error != NULL ? value_string(record->error) : value_null());
    if (record->requeue != NANOS_NEVER)
        value_map_set(result, "requeue_after_s", seconds_of(record->requeue));
    set_text(result, "stage", record->has_run ? "control" : "claim");
    value_map_set(result, "status",
                  record->status != NULL ? status_of(record->status) : value_null());
    return result;
}
