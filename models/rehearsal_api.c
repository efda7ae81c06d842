/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rehearsal_api.c - an API in memory for one controller: what the recordings of the real
 * StatefulSet controller were made against.
 * Mirrors: tests/conformance/README.md (the API of the recordings), and the rules of kubernetes
 *          v1.36 that it keeps: pkg/registry/core/pod/strategy.go (grace),
 *          pkg/apis/apps/validation/validation.go (ValidateStatefulSetStatus)
 * Simplified: no defaults, no admission, no validation but of a set's status and a pod's volumes.
 * State: absent --create--> present --delete--> terminating (pods with grace) --> absent
 */
#include "models/rehearsal_api.h"

#include "models/api/patch.h"
#include "models/kind/views.h"

#define DEFAULT_GRACE_S 30

typedef struct {
    RequestVerb verb;
    Key key;
    ReplyReason reason;
    unsigned times;
} Refusal;

struct MemoryApi {
    AtomTable *atoms;
    ObjectTable *table;
    GHashTable *incarnations; /* ref atom -> highest k of its uids; looked up only */
    GArray *refusals;
    Nanos now;
    bool has_frozen_specs;
};

MemoryApi *memory_api_new(AtomTable *atoms)
{
    MemoryApi *api = g_new0(MemoryApi, 1);
    api->atoms = atoms;
    api->table = table_new();
    api->incarnations = g_hash_table_new(NULL, NULL);
    api->refusals = g_array_new(FALSE, FALSE, sizeof(Refusal));
    api->has_frozen_specs = true;
    return api;
}

void memory_api_free(MemoryApi *api)
{
    if (api == NULL) return;
    table_free(api->table);
    g_hash_table_unref(api->incarnations);
    g_array_unref(api->refusals);
    g_free(api);
}

void memory_api_clear(MemoryApi *api)
{
    table_clear(api->table);
    g_hash_table_remove_all(api->incarnations);
    memory_api_forgive(api);
    api->has_frozen_specs = true;
}

const ObjectTable *memory_api_table(const MemoryApi *api)
{
    return api->table;
}

void memory_api_freeze_pod_specs(MemoryApi *api, bool is_frozen)
{
    api->has_frozen_specs = is_frozen;
}

/* --- uids --- */

/* The k of "...-u<k>"; 0 if a uid is none of ours. */
static int64_t incarnation_of(const char *uid)
{
    const char *mark = strrchr(uid, '-');
    int64_t number = 0;
    if (mark == NULL || mark[1] != 'u' || !text_to_int(mark + 2, &number)) return 0;
    return MAX(number, 0);
}

static void remember_incarnation(MemoryApi *api, Atom ref, int64_t number)
{
    gpointer key = GUINT_TO_POINTER(ref);
    if (number > GPOINTER_TO_INT(g_hash_table_lookup(api->incarnations, key)))
        g_hash_table_insert(api->incarnations, key, GINT_TO_POINTER((int)number));
}

void memory_api_existed(MemoryApi *api, Key key, unsigned count)
{
    remember_incarnation(api, key_ref(api->atoms, key), count);
}

static const char *kind_word(Kind kind)
{
    if (kind == KIND_POD) return "pod";
    if (kind == KIND_PERSISTENT_VOLUME_CLAIM) return "pvc";
    if (kind == KIND_CONTROLLER_REVISION) return "rev";
    return kind == KIND_STATEFUL_SET ? "set" : kind_info(kind)->plural;
}

static Value *new_uid(MemoryApi *api, Key key)
{
    Atom ref = key_ref(api->atoms, key);
    int number = GPOINTER_TO_INT(g_hash_table_lookup(api->incarnations, GUINT_TO_POINTER(ref))) + 1;
    remember_incarnation(api, ref, number);
    const char *kind = kind_word(key.kind), *name = atom_text(api->atoms, key.name);
    char text[600], end[] = {'-', 'u', (char)('0' + number), '\0'};
    if (number > 9 || strlen(kind) + strlen(name) + 5 > sizeof text)
        return value_printf("%s-%s-u%d", kind, name, number);
    char *at = g_stpcpy(g_stpcpy(g_stpcpy(g_stpcpy(text, kind), "-"), name), end);
    return value_string_n(text, (size_t)(at - text));
}

/* --- objects --- */

void memory_api_put(MemoryApi *api, const Object *object)
{
    int64_t number = incarnation_of(atom_text(api->atoms, object->uid));
    remember_incarnation(api, object->ref, MAX(number, 1));
    table_put(api->table, object);
}

void memory_api_drop(MemoryApi *api, Key key)
{
    table_remove(api->table, key);
}

/* Replaces an object by its next version; value is taken. */
static const Object *commit(MemoryApi *api, const Object *old, Value *value)
{
    autoobject now = object_new(api->atoms, old->key.kind, value, old->version + 1, old);
    Key key = now->key;
    table_put(api->table, now);
    return table_get(api->table, key);
}

/* --- answers --- */

static void refuse(const MemoryApi *api, Key key, ReplyReason reason, Reply *reply)
{
    const KindInfo *info = kind_info(key.kind);
    const char *slash = strchr(info->api_version, '/');
    g_autofree char *resource =
        slash == NULL ? g_strdup(info->plural)
                      : g_strdup_printf("%s.%.*s", info->plural, (int)(slash - info->api_version),
                                        info->api_version);
    const char *name = atom_text(api->atoms, key.name);
    const char *formats[] = {
        [REASON_NOT_FOUND] = "not found",
        [REASON_ALREADY_EXISTS] = "already exists",
        [REASON_FORBIDDEN] = "is forbidden: quota",
        [REASON_INVALID] = "is invalid",
    };
    if (reason == REASON_CONFLICT)
        reply_refuse(reply, reason, "Operation cannot be fulfilled on %s \"%s\": injected or stale",
                     resource, name);
    else if ((size_t)reason < G_N_ELEMENTS(formats) && formats[reason] != NULL)
        reply_refuse(reply, reason, "%s \"%s\" %s", resource, name, formats[reason]);
    else
        reply_refuse(reply, reason, "Internal error occurred: injected");
}

static void answer(Reply *reply, const Object *object)
{
    reply->object = object_ref(object);
}

/* --- injected failures --- */

void memory_api_refuse(MemoryApi *api, RequestVerb verb, Key key, ReplyReason reason,
                       unsigned times)
{
    CHECK(reason != REASON_OK);
    Refusal refusal = {verb, key, reason, times};
    if (times > 0) g_array_append_val(api->refusals, refusal);
}

void memory_api_forgive(MemoryApi *api)
{
    g_array_set_size(api->refusals, 0);
}

static bool is_refused(MemoryApi *api, const Request *request, Reply *reply)
{
    for (unsigned i = 0; i < api->refusals->len; i++) {
        Refusal *refusal = &g_array_index(api->refusals, Refusal, i);
        if (refusal->verb != request->verb || !key_equal(refusal->key, request->key)) continue;
        refuse(api, request->key, refusal->reason, reply);
        if (--refusal->times == 0) g_array_remove_index(api->refusals, i);
        return true;
    }
    return false;
}

/* --- verbs --- */

static void create(MemoryApi *api, const Request *request, Reply *reply)
{
    char now[TIME_TEXT_MAX];
    if (table_get(api->table, request->key) != NULL) {
        refuse(api, request->key, REASON_ALREADY_EXISTS, reply);
        return;
    }
    Value *value = value_ref(request->body);
    value_put(&value, new_uid(api, request->key), "metadata", "uid");
    value_put(&value, value_string(time_format(api->now, now)), "metadata", "creationTimestamp");
    if (request->key.kind == KIND_POD)
        value_put(&value, value_string("Pending"), "status", "phase");
    autoobject object = object_new(api->atoms, request->key.kind, value, 1, NULL);
    table_put(api->table, object);
    answer(reply, object);
}

/* The object to be written, if it is as the client read it. */
static const Object *current(const MemoryApi *api, const Request *request, Reply *reply)
{
    const Object *old = table_get(api->table, request->key);
    if (old != NULL && old->version == request->version) return old;
    refuse(api, request->key, old != NULL ? REASON_CONFLICT : REASON_NOT_FOUND, reply);
    return NULL;
}

static bool changes_volumes(const Value *before, const Value *after)
{
    const Value *left = value_find(before, "spec", "volumes");
    const Value *right = value_find(after, "spec", "volumes");
    if (value_size(left) == 0 && value_size(right) == 0) return false;
    return left == NULL || right == NULL || !value_equal(left, right);
}

static void update(MemoryApi *api, const Request *request, Reply *reply)
{
    const Object *old = current(api, request, reply);
    if (old == NULL) return;
    if (api->has_frozen_specs && old->key.kind == KIND_POD &&
        changes_volumes(old->value, request->body)) {
        refuse(api, request->key, REASON_INVALID, reply);
        return;
    }
    answer(reply, commit(api, old, value_ref(request->body)));
}

static int64_t count_of(const Value *status, const char *field)
{
    return value_as_int(value_get(status, field), 0);
}

static bool status_is_valid(const Value *status, const Value *before)
{
    static const char *const counts[] = {"replicas", "readyReplicas", "currentReplicas",
                                         "updatedReplicas", "availableReplicas"};
    for (unsigned i = 0; i < G_N_ELEMENTS(counts); i++)
        if (count_of(status, counts[i]) < 0 ||
            count_of(status, counts[i]) > count_of(status, "replicas"))
            return false;
    if (count_of(status, "observedGeneration") < 0 || count_of(status, "collisionCount") < 0)
        return false;
    return count_of(status, "availableReplicas") <= count_of(status, "readyReplicas") &&
           count_of(status, "collisionCount") >= count_of(before, "collisionCount");
}

static void update_status(MemoryApi *api, const Request *request, Reply *reply)
{
    const Object *old = current(api, request, reply);
    if (old == NULL) return;
    const Value *status = value_get(request->body, "status");
    if (old->key.kind == KIND_STATEFUL_SET &&
        !status_is_valid(status, value_get(old->value, "status"))) {
        refuse(api, request->key, REASON_INVALID, reply);
        return;
    }
    Value *value = value_ref(old->value);
    value_put(&value, value_ref(status), "status");
    answer(reply, commit(api, old, value));
}

static void patch(MemoryApi *api, const Request *request, Reply *reply)
{
    const Object *old = table_get(api->table, request->key);
    if (old == NULL) {
        refuse(api, request->key, REASON_NOT_FOUND, reply);
        return;
    }
    if (request->uid != ATOM_NONE && request->uid != old->uid) {
        refuse(api, request->key, REASON_CONFLICT, reply);
        return;
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(Value) value = value_ref(old->value);
    if (patch_apply(request->patch, &value, request->body, &error))
        answer(reply, commit(api, old, g_steal_pointer(&value)));
    else
        reply_refuse(reply, REASON_BAD_REQUEST, "%s", error->message);
}

static int64_t grace_of(const Object *pod)
{
    const Value *grace = value_find(pod->value, "spec", "terminationGracePeriodSeconds");
    return value_as_int(grace, DEFAULT_GRACE_S);
}

static void mark(MemoryApi *api, const Object *object, int64_t grace_s)
{
    char at[TIME_TEXT_MAX];
    Value *value = value_ref(object->value);
    time_format(api->now + grace_s * NANOS_S, at);
    value_put(&value, value_string(at), "metadata", "deletionTimestamp");
    value_put(&value, value_int(grace_s), "metadata", "deletionGracePeriodSeconds");
    commit(api, object, value);
}

static void delete (MemoryApi *api, const Request *request, Reply *reply)
{
    const Object *object = table_get(api->table, request->key);
    if (object == NULL) {
        refuse(api, request->key, REASON_NOT_FOUND, reply);
        return;
    }
    answer(reply, object);
    if (object->key.kind != KIND_POD) {
        table_remove(api->table, object->key);
        return;
    }
    int64_t grace_s = request->grace_s >= 0 ? request->grace_s : grace_of(object);
    const PodView *pod = pod_view(object);
    if (grace_s == 0 || pod->spec->node_name == ATOM_NONE || pod_is_terminal(pod))
        table_remove(api->table, object->key);
    else if (!object_is_terminating(object))
        mark(api, object, grace_s);
}

static void get(MemoryApi *api, const Request *request, Reply *reply)
{
    const Object *object = table_get(api->table, request->key);
    if (object != NULL)
        answer(reply, object);
    else
        refuse(api, request->key, REASON_NOT_FOUND, reply);
}

void memory_api_handle(MemoryApi *api, Nanos now, const Request *request, Reply *reply)
{
    api->now = now;
    if (is_refused(api, request, reply)) return;
    switch (request->verb) {
    case REQUEST_GET: get(api, request, reply); return;
    case REQUEST_CREATE: create(api, request, reply); return;
    case REQUEST_UPDATE: update(api, request, reply); return;
    case REQUEST_UPDATE_STATUS: update_status(api, request, reply); return;
    case REQUEST_PATCH: patch(api, request, reply); return;
    case REQUEST_DELETE: delete (api, request, reply); return;
    case REQUEST_PATCH_STATUS:
    case REQUEST_BIND: break;
    }
    reply_refuse(reply, REASON_BAD_REQUEST, "the API in memory does not know this verb");
}
