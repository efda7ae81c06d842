/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - the API server: takes a request in, and words the answers.
 *
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers,
 *   staging/src/k8s.io/apimachinery/pkg/api/errors/errors.go, pkg/registry/core/pod/storage
 *   (binding).
 * Simplified: no authentication, priority and fairness, or conversion between API versions; a
 *   request is handled in one instant, so a patch never races with another write.
 * State: request: injected refusal? -> verb -> committed | refused
 */
#include "models/api/server_parts.h"

#include "models/kind/views.h"

typedef struct {
    RequestVerb verb;
    Kind kind; /* KIND_NONE: any */
    Atom name; /* ATOM_NONE: any */
    ReplyReason reason;
    unsigned times;
} Refusal;

Server *server_new(World *world, Store *store, AtomTable *atoms)
{
    Server *server = g_new0(Server, 1);
    server->world = world;
    server->store = store;
    server->atoms = atoms;
    server->admissions = g_array_new(FALSE, FALSE, sizeof(Admission));
    server->refusals = g_array_new(FALSE, FALSE, sizeof(Refusal));
    server->incarnations = g_hash_table_new(NULL, NULL);
    server->generated = g_hash_table_new(NULL, NULL);
    if (world) server_add_builtin_admission(server);
    return server;
}

void server_free(Server *server)
{
    if (server == NULL) return;
    g_array_unref(server->admissions);
    g_array_unref(server->refusals);
    g_hash_table_unref(server->incarnations);
    g_hash_table_unref(server->generated);
    value_unref(server->tolerations);
    g_free(server);
}

const Store *server_store(const Server *server)
{
    return server->store;
}

AtomTable *server_atoms(const Server *server)
{
    return server->atoms;
}

Nanos server_now(const Server *server)
{
    return server->now;
}

/* --- answers --- */

static const struct {
    const char *text;
    int code;
} reasons[] = {
    [REASON_OK] = {"OK", 200},
    [REASON_BAD_REQUEST] = {"BadRequest", 400},
    [REASON_FORBIDDEN] = {"Forbidden", 403},
    [REASON_NOT_FOUND] = {"NotFound", 404},
    [REASON_ALREADY_EXISTS] = {"AlreadyExists", 409},
    [REASON_CONFLICT] = {"Conflict", 409},
    [REASON_INVALID] = {"Invalid", 422},
    [REASON_TOO_MANY] = {"TooManyRequests", 429},
    [REASON_INTERNAL] = {"InternalError", 500},
    [REASON_UNAVAILABLE] = {"ServiceUnavailable", 503},
    [REASON_TIMEOUT] = {"Timeout", 504},
};

const char *reason_text(ReplyReason reason)
{
    return reasons[reason].text;
}

int reason_code(ReplyReason reason)
{
    return reasons[reason].code;
}

void reply_clear(Reply *reply)
{
    g_free(reply->message);
    object_unref(reply->object);
    *reply = (Reply){0};
}

void request_clear(Request *request)
{
    value_unref(request->body);
    *request = (Request){.grace_s = -1};
}

void reply_refuse(Reply *reply, ReplyReason reason, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    reply_clear(reply);
    reply->reason = reason;
    reply->message = message;
}

void reply_object(Reply *reply, const Object *object)
{
    object_ref(object);
    reply_clear(reply);
    reply->object = object;
}

static char *with_group(const char *name, const char *api_version)
{
    const char *slash = strchr(api_version, '/');
    if (!slash) return g_strdup(name);
    return g_strdup_printf("%s.%.*s", name, (int)(slash - api_version), api_version);
}

char *kind_resource_text(Kind kind)
{
    return with_group(kind_info(kind)->plural, kind_info(kind)->api_version);
}

char *kind_group_text(Kind kind)
{
    return with_group(kind_info(kind)->name, kind_info(kind)->api_version);
}

void reply_conflict(Reply *reply, const Server *server, Key key, const char *why)
{
    g_autofree char *resource = kind_resource_text(key.kind);
    reply_refuse(reply, REASON_CONFLICT, "Operation cannot be fulfilled on %s \"%s\": %s", resource,
                 atom_text(server->atoms, key.name), why);
}

void reply_stale(Reply *reply, const Server *server, Key key)
{
    reply_conflict(reply, server, key,
                   "the object has been modified; please apply your changes to the latest version "
                   "and try again");
}

static void reply_not_found(Reply *reply, const Server *server, Key key)
{
    g_autofree char *resource = kind_resource_text(key.kind);
    reply_refuse(reply, REASON_NOT_FOUND, "%s \"%s\" not found", resource,
                 atom_text(server->atoms, key.name));
}

/* --- injected refusals --- */

void server_refuse(Server *server, RequestVerb verb, Kind kind, Atom name, ReplyReason reason,
                   unsigned times)
{
    CHECK(reason != REASON_OK);
    Refusal refusal = {verb, kind, name, reason, times};
    if (times > 0) g_array_append_val(server->refusals, refusal);
}

static void reply_injected(Reply *reply, const Server *server, Key key, ReplyReason reason)
{
    g_autofree char *resource = kind_resource_text(key.kind);
    const char *name = atom_text(server->atoms, key.name);
    switch (reason) {
    case REASON_NOT_FOUND: reply_not_found(reply, server, key); return;
    case REASON_CONFLICT: reply_stale(reply, server, key); return;
    case REASON_ALREADY_EXISTS:
        reply_refuse(reply, reason, "%s \"%s\" already exists", resource, name);
        return;
    case REASON_FORBIDDEN:
        reply_refuse(reply, reason, "%s \"%s\" is forbidden: refused by a fault", resource, name);
        return;
    case REASON_TOO_MANY:
        reply_refuse(reply, reason,
                     "the server has received too many requests and has asked us to try again "
                     "later");
        return;
    case REASON_INTERNAL:
        reply_refuse(reply, reason, "Internal error occurred: refused by a fault");
        return;
    case REASON_UNAVAILABLE:
        reply_refuse(reply, reason, "the server is currently unable to handle the request");
        return;
    case REASON_TIMEOUT:
        reply_refuse(reply, reason,
                     "the server was unable to return a response in the time allotted, but may "
                     "still be processing the request");
        return;
    case REASON_BAD_REQUEST:
    case REASON_INVALID:
        reply_refuse(reply, reason,
                     "the server rejected our request due to an error in our request");
        return;
    case REASON_OK: break;
    }
    UNREACHABLE();
}

static bool is_refused(Server *server, const Request *request, Reply *reply)
{
    for (unsigned i = 0; i < server->refusals->len; i++) {
        Refusal *refusal = &g_array_index(server->refusals, Refusal, i);
        if (refusal->verb != request->verb ||
            (refusal->kind != KIND_NONE && refusal->kind != request->key.kind) ||
            (refusal->name != ATOM_NONE && refusal->name != request->key.name))
            continue;
        reply_injected(reply, server, request->key, refusal->reason);
        if (--refusal->times == 0) g_array_remove_index(server->refusals, i);
        return true;
    }
    return false;
}

/* --- common to the verbs --- */

const Object *server_find(Server *server, const Request *request, Reply *reply)
{
    const Object *object = store_get(server->store, request->key);
    if (!object) reply_not_found(reply, server, request->key);
    return object;
}

void server_add_admission(Server *server, Admission admission)
{
    g_array_append_val(server->admissions, admission);
}

bool server_admit(Server *server, const Request *request, const Object *old, Value **body,
                  Reply *reply)
{
    for (unsigned i = 0; i < server->admissions->len; i++) {
        const Admission *admission = &g_array_index(server->admissions, Admission, i);
        if (!admission->admit(admission->self, server, request, old, body, reply)) return false;
    }
    return true;
}

void server_remove(Server *server, const Object *object, Reply *reply)
{
    reply_object(reply, object);
    store_remove(server->store, object->key);
}

void meta_put_text(Value **value, const char *field, const char *text)
{
    value_put(value, value_string(text), "metadata", field);
}

/* --- binding --- */

static unsigned condition_index(const Value *conditions, const char *type)
{
    value_each (i, conditions)
        if (strcmp(value_text(value_at(conditions, i), "type"), type) == 0) return i;
    return value_size(conditions);
}

/* Puts PodScheduled=True among the conditions; the transition is now unless it was True. */
static void mark_scheduled(Value **pod, Nanos now)
{
    char buffer[TIME_TEXT_MAX];
    const Value *present = value_find(*pod, "status", "conditions");
    unsigned index = condition_index(present, "PodScheduled");
    const Value *before = value_at(present, index);
    if (strcmp(value_text(before, "status"), "True") == 0) return;
    Value *condition = value_map();
    value_map_set(condition, "type", value_string("PodScheduled"));
    value_map_set(condition, "status", value_string("True"));
    value_map_set(condition, "lastProbeTime", value_null());
    value_map_set(condition, "lastTransitionTime", value_string(time_format(now, buffer)));
    Value *list = value_is_list(present) ? value_ref(present) : value_list();
    if (before)
        value_list_put(&list, index, condition);
    else
        value_list_insert(&list, value_size(list), condition);
    value_put(pod, list, "status", "conditions");
}

static void server_bind(Server *server, const Request *request, Reply *reply)
{
    const Object *pod = server_find(server, request, reply);
    if (!pod) return;
    const char *name = atom_text(server->atoms, pod->key.name);
    const char *target = value_text(request->body, "target", "name");
    const char *node = value_text(pod->value, "spec", "nodeName");
    g_autofree char *why = NULL;
    if (pod->key.kind != KIND_POD || !*target) {
        reply_refuse(reply, REASON_BAD_REQUEST, "a binding needs a pod and target.name");
        return;
    }
    if (request->uid && request->uid != pod->uid)
        why = g_strdup_printf("Precondition failed: UID in precondition: %s, UID in object meta: "
                              "%s",
                              atom_text(server->atoms, request->uid),
                              atom_text(server->atoms, pod->uid));
    else if (object_is_terminating(pod))
        why = g_strdup_printf("pod %s is being deleted, cannot be assigned to a host", name);
    else if (*node)
        why = g_strdup_printf("pod %s is already assigned to node \"%s\"", name, node);
    if (why) {
        reply_refuse(reply, REASON_CONFLICT,
                     "Operation cannot be fulfilled on pods/binding \"%s\": %s", name, why);
        return;
    }
    Value *now = value_ref(pod->value);
    value_put(&now, value_string(target), "spec", "nodeName");
    mark_scheduled(&now, server->now);
    reply_object(reply, store_put(server->store, pod->key, now));
}

/* --- the way in --- */

static void server_get(Server *server, const Request *request, Reply *reply)
{
    const Object *object = server_find(server, request, reply);
    if (object) reply_object(reply, object);
}

void server_handle(Server *server, Nanos now, const Request *request, Reply *reply)
{
    *reply = (Reply){0};
    server->now = now;
    if (is_refused(server, request, reply)) return;
    bool wants_body = request->verb != REQUEST_GET && request->verb != REQUEST_DELETE;
    if (wants_body && !request->body) {
        reply_refuse(reply, REASON_BAD_REQUEST, "the request has no body");
        return;
    }
    switch (request->verb) {
    case REQUEST_GET: server_get(server, request, reply); return;
    case REQUEST_CREATE: server_create(server, request, reply); return;
    case REQUEST_UPDATE: server_update(server, request, reply); return;
    case REQUEST_UPDATE_STATUS: server_update_status(server, request, reply); return;
    case REQUEST_PATCH:
    case REQUEST_PATCH_STATUS: server_patch(server, request, reply); return;
    case REQUEST_DELETE: server_delete(server, request, reply); return;
    case REQUEST_BIND: server_bind(server, request, reply); return;
    }
    UNREACHABLE();
}
