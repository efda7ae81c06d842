/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_delete.c - deletion: preconditions, grace, finalizers, propagation.
 *
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/apiserver/pkg/registry/rest/delete.go,
 *   pkg/registry/generic/registry/store.go (Delete), pkg/registry/core/pod/strategy.go.
 * Simplified: only pods have a grace period; the default propagation is Background for every kind.
 *   As upstream, a pod whose grace becomes 0 is first written with that grace and then removed, two
 *   versions in one instant, so that a watch shows the grace before the end.
 * State: live -> terminating (deletionTimestamp) -> gone
 *           \______________________________________^   grace 0 and no finalizers
 */
#include "models/api/server_parts.h"

#include "models/kind/views.h"

enum { GRACE_NOT_GIVEN = -1 };

/* A century: longer than any run, and a deletion time that still fits the clock. */
#define GRACE_MAX_S INT64_C(3155760000)

static bool preconditions_hold(Server *server, const Request *request, const Object *object,
                               Reply *reply)
{
    g_autofree char *why = NULL;
    if (request->uid && request->uid != object->uid)
        why = g_strdup_printf("the UID in the precondition (%s) does not match the UID in record "
                              "(%s). The object might have been deleted and then recreated",
                              atom_text(server->atoms, request->uid),
                              atom_text(server->atoms, object->uid));
    else if (request->version && request->version != object->version)
        why = g_strdup_printf("the ResourceVersion in the precondition (%" PRId64
                              ") does not match the ResourceVersion in record (%" PRId64
                              "). The object might have been modified",
                              request->version, object->version);
    if (why) reply_conflict(reply, server, object->key, why);
    return why == NULL;
}

/* Sets when the object ends. The first time, that is a change of the generation, too. */
static void mark(Value **value, const Object *object, Nanos at, int64_t grace_s)
{
    char buffer[TIME_TEXT_MAX];
    const Meta *meta = object_meta(object);
    meta_put_text(value, "deletionTimestamp", time_format(at, buffer));
    value_put(value, value_int(grace_s), "metadata", "deletionGracePeriodSeconds");
    if (object_is_terminating(object)) return;
    if (meta->generation > 0)
        value_put(value, value_int(meta->generation + 1), "metadata", "generation");
    if (object->key.kind == KIND_NAMESPACE)
        value_put(value, value_string("Terminating"), "status", "phase");
}

/* Makes the collector's finalizers say what the request asks for. */
static void put_propagation(Value **value, Propagation propagation)
{
    if (propagation == PROPAGATION_DEFAULT) return;
    const Value *present = value_find(*value, "metadata", "finalizers");
    Value *finalizers = value_list();
    value_each (i, present) {
        const char *name = value_as_text(value_at(present, i), "");
        if (strcmp(name, "orphan") != 0 && strcmp(name, "foregroundDeletion") != 0)
            value_list_add(finalizers, value_ref(value_at(present, i)));
    }
    if (propagation == PROPAGATION_ORPHAN) value_list_add(finalizers, value_string("orphan"));
    if (propagation == PROPAGATION_FOREGROUND)
        value_list_add(finalizers, value_string("foregroundDeletion"));
    if (value_size(finalizers) > 0) {
        value_put(value, finalizers, "metadata", "finalizers");
        return;
    }
    value_unref(finalizers);
    value_drop(value, "metadata", "finalizers");
}

static bool has_finalizers(const Value *value)
{
    return value_size(value_find(value, "metadata", "finalizers")) > 0;
}

static int64_t first_grace(const Request *request, const Object *pod)
{
    const PodView *view = pod_view(pod);
    if (view->spec->node_name == ATOM_NONE || pod_is_terminal(view)) return 0;
    int64_t grace_s = request->grace_s;
    if (grace_s == GRACE_NOT_GIVEN)
        grace_s = value_as_int(value_find(pod->value, "spec", "terminationGracePeriodSeconds"), 30);
    return grace_s < 0 ? 1 : MIN(grace_s, GRACE_MAX_S);
}

/* The grace of a pod that is terminating can only be shortened; false: nothing changes. */
static bool shorten(const Request *request, const Object *pod, Nanos now, Value **value)
{
    const Meta *meta = object_meta(pod);
    int64_t grace_s = request->grace_s < GRACE_NOT_GIVEN ? 1 : request->grace_s;
    if (grace_s == GRACE_NOT_GIVEN || grace_s >= meta->deletion_grace_s) return false;
    Nanos at = meta->deleted_at - (meta->deletion_grace_s - grace_s) * NANOS_S;
    mark(value, pod, MAX(at, now), grace_s);
    return true;
}

static void delete_pod(Server *server, const Request *request, const Object *pod, Reply *reply)
{
    Value *value = value_ref(pod->value);
    if (!object_is_terminating(pod)) {
        int64_t grace_s = first_grace(request, pod);
        mark(&value, pod, server->now + grace_s * NANOS_S, grace_s);
    } else if (!shorten(request, pod, server->now, &value)) {
        value_unref(value);
        reply_object(reply, pod);
        return;
    }
    put_propagation(&value, request->propagation);
    bool stays = has_finalizers(value);
    const Object *marked = store_put(server->store, pod->key, value);
    if (stays || object_meta(marked)->deletion_grace_s > 0)
        reply_object(reply, marked);
    else
        server_remove(server, marked, reply);
}

static void delete_other(Server *server, const Request *request, const Object *object, Reply *reply)
{
    Value *value = value_ref(object->value);
    put_propagation(&value, request->propagation);
    if (!has_finalizers(value)) {
        value_unref(value);
        server_remove(server, object, reply);
        return;
    }
    if (!object_is_terminating(object)) mark(&value, object, server->now, 0);
    reply_object(reply, store_put(server->store, object->key, value));
}

void server_delete(Server *server, const Request *request, Reply *reply)
{
    const Object *object = server_find(server, request, reply);
    if (!object || !preconditions_hold(server, request, object, reply)) return;
    Value *none = NULL;
    if (!server_admit(server, request, object, &none, reply)) return;
    if (object->key.kind == KIND_POD)
        delete_pod(server, request, object, reply);
    else
        delete_other(server, request, object, reply);
}
