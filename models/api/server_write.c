/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_write.c - creating and changing objects.
 *
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/apiserver/pkg/registry/rest/{create,update}.go,
 *   pkg/registry/generic/registry/store.go, pkg/storage/names/generate.go.
 * Simplified: equality of specs is that of their trees ("1" and "1000m" differ); metadata that
 *   clients may not set is put back silently instead of refused; a status write takes the status
 *   alone, never labels or annotations.
 * State: create: defaults -> admission -> names, uid -> prepare -> validate -> commit
 *        update: defaults -> admission -> version -> prepare -> validate -> commit | remove
 *
 * Whatever the client sent back equal to what is stored is replaced by the stored subtree itself,
 * so that versions share it, and views are not made anew.
 */
#include "models/api/patch.h"
#include "models/api/server_parts.h"
#include "models/api/validate.h"
#include "models/world.h"

enum { NAME_TRIES = 8, NAME_BASE_MAX = 58, NAME_RANDOM = 5, DRAWS_PER_NAME = 64 };

/* --- names and uids --- */

static Rng stream(const Server *server, const char *owner, const char *purpose)
{
    return server->world ? sim_stream(world_sim(server->world), owner, purpose)
                         : rng_stream(0, owner, purpose);
}

/* How often this was asked for an atom before. */
static uint64_t count_use(GHashTable *uses, Atom atom)
{
    uint64_t before = GPOINTER_TO_SIZE(g_hash_table_lookup(uses, GSIZE_TO_POINTER(atom)));
    g_hash_table_insert(uses, GSIZE_TO_POINTER(atom), GSIZE_TO_POINTER(before + 1));
    return before;
}

/* The uid of the n-th object of this name, whoever creates it and when: policies that run under
 * one seed are compared object by object. */
static void put_uid(Server *server, Key key, Value **value)
{
    Atom ref = key_ref(server->atoms, key);
    Rng rng = stream(server, atom_text(server->atoms, ref), "uid");
    rng.counter = 2 * count_use(server->incarnations, ref);
    uint64_t high = rng_u64(&rng), low = rng_u64(&rng);
    char text[40];
    g_snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012" PRIx64, (unsigned)(high >> 32),
               (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff),
               (unsigned)(low >> 48 & 0x3fff) | 0x8000U, low & UINT64_C(0xffffffffffff));
    meta_put_text(value, "uid", text);
}

static Atom random_name(Server *server, Key key, const char *base)
{
    static const char symbols[] = "bcdfghjklmnpqrstvwxz2456789";
    char owner[NAME_BASE_MAX + 1], suffix[NAME_RANDOM + 1] = "";
    g_snprintf(owner, sizeof owner, "%s", base);
    key.name = atom_of(server->atoms, owner);
    Atom ref = key_ref(server->atoms, key);
    Rng rng = stream(server, atom_text(server->atoms, ref), "generate-name");
    rng.counter = DRAWS_PER_NAME * count_use(server->generated, ref);
    for (unsigned i = 0; i < NAME_RANDOM; i++)
        suffix[i] = symbols[rng_below(&rng, sizeof symbols - 1)];
    return atom_format(server->atoms, "%s%s", owner, suffix);
}

/* Fills key->name from generateName with a name that is free; false with reply filled. */
static bool generate_name(Server *server, Key *key, const char *base, Reply *reply)
{
    for (unsigned i = 0; i < NAME_TRIES; i++) {
        key->name = random_name(server, *key, base);
        if (!store_get(server->store, *key)) return true;
    }
    g_autofree char *resource = kind_resource_text(key->kind);
    reply_refuse(reply, REASON_ALREADY_EXISTS,
                 "%s \"%s\" already exists, the server was not able to generate a unique name for "
                 "the object",
                 resource, atom_text(server->atoms, key->name));
    return false;
}

/* --- what create and update have in common --- */

static bool is_valid(const Server *server, Key key, const Value *now, const Object *old,
                     Reply *reply)
{
    const KindInfo *info = kind_info(key.kind);
    g_autoptr(FieldErrors) errors = field_errors_new();
    validate_meta(info, now, errors);
    if (info->validate) info->validate(now, old ? old->value : NULL, errors);
    if (field_errors_count(errors) == 0) return true;
    g_autofree char *kind = kind_group_text(key.kind);
    g_autofree char *text = field_errors_join(errors);
    reply_refuse(reply, REASON_INVALID, "%s \"%s\" is invalid: %s", kind,
                 atom_text(server->atoms, key.name), text);
    return false;
}

/* Kinds whose objects have a generation upstream (pods since 1.33). */
static bool has_generation(Kind kind)
{
    return kind == KIND_POD || kind == KIND_STATEFUL_SET || kind == KIND_REPLICA_SET ||
           kind == KIND_DEPLOYMENT;
}

static void put_text_if_other(Value **value, const char *key, const char *text)
{
    if (strcmp(value_text(*value, key), text) != 0) value_put(value, value_string(text), key);
}

/* An empty list or map of metadata is the same as none. */
static void drop_empty_meta(Value **value)
{
    static const char *const fields[] = {"annotations", "finalizers", "labels", "ownerReferences"};
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        const Value *field = value_find(*value, "metadata", fields[i]);
        ValueType type = value_type(field);
        bool may_be_empty = type == VALUE_NULL || type == VALUE_LIST || type == VALUE_MAP;
        if (field && may_be_empty && value_size(field) == 0)
            value_drop(value, "metadata", fields[i]);
    }
}

/* apiVersion, kind, name and namespace say what the key says. */
static void put_identity(const Server *server, Key key, Value **value)
{
    const KindInfo *info = kind_info(key.kind);
    const char *name = atom_text(server->atoms, key.name);
    put_text_if_other(value, "apiVersion", info->api_version);
    put_text_if_other(value, "kind", info->name);
    if (strcmp(value_text(*value, "metadata", "name"), name) != 0)
        meta_put_text(value, "name", name);
    const char *space = atom_text(server->atoms, key.space);
    if (info->is_namespaced && strcmp(value_text(*value, "metadata", "namespace"), space) != 0)
        meta_put_text(value, "namespace", space);
}

/* --- create --- */

/* The key of an object to be created; the name may still be missing. False: reply is filled. */
static bool key_for_create(Server *server, const Request *request, Key *key, Reply *reply)
{
    *key = key_of_value(server->atoms, request->key.kind, request->body);
    const Value *meta = value_get(request->body, "metadata");
    bool is_namespaced = kind_info(key->kind)->is_namespaced;
    if (is_namespaced && request->key.space) {
        if (*value_text(meta, "namespace") && key->space != request->key.space) {
            reply_refuse(reply, REASON_BAD_REQUEST,
                         "the namespace of the provided object does not match the namespace sent "
                         "on the request");
            return false;
        }
        key->space = request->key.space;
    }
    if (key->name == ATOM_NONE) {
        key->name = request->key.name;
    } else if (request->key.name && request->key.name != key->name) {
        reply_refuse(reply, REASON_BAD_REQUEST,
                     "the name of the object (%s) does not match the name on the URL (%s)",
                     atom_text(server->atoms, key->name),
                     atom_text(server->atoms, request->key.name));
        return false;
    }
    return true;
}

/* Forgets what only the server may say about a new object. */
static void drop_server_meta(Value **value)
{
    static const char *const fields[] = {"deletionTimestamp", "deletionGracePeriodSeconds",
                                         "resourceVersion", "selfLink", "generation"};
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++)
        value_drop(value, "metadata", fields[i]);
}

static void put_new_meta(Server *server, Key key, Value **value)
{
    char buffer[TIME_TEXT_MAX];
    meta_put_text(value, "creationTimestamp", time_format(server->now, buffer));
    put_uid(server, key, value);
    if (has_generation(key.kind)) value_put(value, value_int(1), "metadata", "generation");
}

static void reply_exists(const Server *server, const Object *present, Reply *reply)
{
    g_autofree char *resource = kind_resource_text(present->key.kind);
    reply_refuse(reply, REASON_ALREADY_EXISTS, "%s%s \"%s\" already exists",
                 object_is_terminating(present) ? "object is being deleted: " : "", resource,
                 atom_text(server->atoms, present->key.name));
}

/* Defaults and admission, as for an object whose name may still be missing. */
static bool complete(Server *server, const Request *request, Key key, Value **value, Reply *reply)
{
    const KindInfo *info = kind_info(key.kind);
    put_identity(server, key, value);
    if (info->defaults) info->defaults(value);
    Request known = *request;
    known.key = key;
    return server_admit(server, &known, NULL, value, reply);
}

void server_create(Server *server, const Request *request, Reply *reply)
{
    Key key;
    if (!value_is_map(request->body)) {
        reply_refuse(reply, REASON_BAD_REQUEST, "the object provided is not an object");
        return;
    }
    if (!key_for_create(server, request, &key, reply)) return;
    const KindInfo *info = kind_info(key.kind);
    g_autoptr(Value) value = value_ref(request->body);
    if (!complete(server, request, key, &value, reply)) return;
    g_autofree char *base = g_strdup(value_text(value, "metadata", "generateName"));
    if (key.name == ATOM_NONE && *base && !generate_name(server, &key, base, reply)) return;
    if (key.name) put_identity(server, key, &value);
    drop_server_meta(&value);
    drop_empty_meta(&value);
    if (info->has_status && !info->prepare) value_drop(&value, "status");
    if (info->prepare) info->prepare(&value, NULL);
    if (!is_valid(server, key, value, NULL, reply)) return;
    const Object *present = store_get(server->store, key);
    if (present) {
        reply_exists(server, present, reply);
        return;
    }
    put_new_meta(server, key, &value);
    reply_object(reply, store_put(server->store, key, g_steal_pointer(&value)));
}

/* --- update --- */

/* Replaces a subtree that is equal to the stored one by the stored one. */
static void share(Value **value, const Value *old, const char *key)
{
    const Value *mine = value_get(*value, key), *stored = value_get(old, key);
    if (mine && stored && mine != stored && value_equal(mine, stored))
        value_put(value, value_ref(stored), key);
}

/* Puts back what a client cannot change. */
static void keep_meta(Value **value, const Value *old)
{
    static const char *const kept[] = {
        "uid",        "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
        "generation", "selfLink",
    };
    if (value_get(*value, "metadata") == value_get(old, "metadata")) return;
    for (unsigned i = 0; i < G_N_ELEMENTS(kept); i++) {
        const Value *mine = value_find(*value, "metadata", kept[i]);
        const Value *stored = value_find(old, "metadata", kept[i]);
        if (mine == stored) continue;
        if (stored)
            value_put(value, value_ref(stored), "metadata", kept[i]);
        else
            value_drop(value, "metadata", kept[i]);
    }
    value_drop(value, "metadata", "resourceVersion");
    drop_empty_meta(value);
}

static void keep_status(Value **value, const Value *old)
{
    const Value *stored = value_get(old, "status");
    if (value_get(*value, "status") == stored) return;
    if (stored)
        value_put(value, value_ref(stored), "status");
    else
        value_drop(value, "status");
}

static void put_generation(Kind kind, Value **value, const Object *old)
{
    const Value *before = value_get(old->value, "spec"), *after = value_get(*value, "spec");
    if (!has_generation(kind) || before == after || value_equal(before, after)) return;
    value_put(value, value_int(object_meta(old)->generation + 1), "metadata", "generation");
}

static bool list_has_text(const Value *list, const char *text)
{
    value_each (i, list)
        if (strcmp(value_as_text(value_at(list, i), ""), text) == 0) return true;
    return false;
}

/* An object that is being deleted can lose finalizers, but not gain any. */
static bool finalizers_are_allowed(const Server *server, const Value *now, const Object *old,
                                   Reply *reply)
{
    const Value *after = value_find(now, "metadata", "finalizers");
    const Value *before = value_find(old->value, "metadata", "finalizers");
    if (!object_is_terminating(old) || after == before) return true;
    g_autoptr(GString) added = g_string_new(NULL);
    value_each (i, after) {
        const char *name = value_as_text(value_at(after, i), "");
        if (!list_has_text(before, name))
            g_string_append_printf(added, "%s\"%s\"", added->len ? ", " : "", name);
    }
    if (added->len == 0) return true;
    g_autofree char *kind = kind_group_text(old->key.kind);
    reply_refuse(reply, REASON_INVALID,
                 "%s \"%s\" is invalid: metadata.finalizers: Forbidden: no new finalizers can be "
                 "added if the object is being deleted, found new finalizers []string{%s}",
                 kind, atom_text(server->atoms, old->key.name), added->str);
    return false;
}

/* A terminating object whose last finalizer and whose grace are gone is gone itself. */
static bool is_finished(const Value *now, const Object *old)
{
    const Meta *meta = object_meta(old);
    return object_is_terminating(old) && meta->deletion_grace_s == 0 && meta->finalizer_count > 0 &&
           value_size(value_find(now, "metadata", "finalizers")) == 0;
}

static bool uid_holds(const Server *server, Atom uid, const Object *object, Reply *reply)
{
    if (uid == ATOM_NONE || uid == object->uid) return true;
    g_autofree char *why =
        g_strdup_printf("Precondition failed: UID in precondition: %s, UID in object meta: %s",
                        atom_text(server->atoms, uid), atom_text(server->atoms, object->uid));
    reply_conflict(reply, server, object->key, why);
    return false;
}

/* The preconditions of a write: those of the request, and those the body states. */
static bool write_is_current(Server *server, const Request *request, const Object *old,
                             Reply *reply)
{
    const char *body_uid = value_text(request->body, "metadata", "uid");
    const char *body_version = value_text(request->body, "metadata", "resourceVersion");
    int64_t version = request->version;
    if (version == 0 && *body_version && !text_to_int(body_version, &version)) {
        reply_refuse(reply, REASON_BAD_REQUEST, "metadata.resourceVersion: Invalid value: \"%s\"",
                     body_version);
        return false;
    }
    if (!uid_holds(server, request->uid, old, reply)) return false;
    if (*body_uid && !uid_holds(server, atom_of(server->atoms, body_uid), old, reply)) return false;
    if (version == 0 || version == old->version) return true;
    reply_stale(reply, server, old->key);
    return false;
}

/* Commits a whole new state of an object, except its status; now is taken. */
static void write_object(Server *server, const Request *request, const Object *old, Value *now,
                         Reply *reply)
{
    const KindInfo *info = kind_info(old->key.kind);
    g_autoptr(Value) value = now;
    put_identity(server, old->key, &value);
    if (info->has_status) keep_status(&value, old->value);
    keep_meta(&value, old->value);
    if (info->defaults) info->defaults(&value);
    share(&value, old->value, "metadata");
    share(&value, old->value, "spec");
    if (!server_admit(server, request, old, &value, reply)) return;
    if (!write_is_current(server, request, old, reply)) return;
    if (info->prepare) info->prepare(&value, old->value);
    put_generation(old->key.kind, &value, old);
    if (value_equal(value, old->value)) {
        reply_object(reply, old);
        return;
    }
    if (!finalizers_are_allowed(server, value, old, reply)) return;
    if (!is_valid(server, old->key, value, old, reply)) return;
    if (is_finished(value, old))
        server_remove(server, old, reply);
    else
        reply_object(reply, store_put(server->store, old->key, g_steal_pointer(&value)));
}

void server_update(Server *server, const Request *request, Reply *reply)
{
    const Object *old = server_find(server, request, reply);
    if (!old) return;
    if (!value_is_map(request->body)) {
        reply_refuse(reply, REASON_BAD_REQUEST, "the object provided is not an object");
        return;
    }
    write_object(server, request, old, value_ref(request->body), reply);
}

/* --- status --- */

/* Commits the status of a new state and nothing else of it. */
static void write_status(Server *server, const Object *old, const Value *now, Reply *reply)
{
    const Value *status = value_get(now, "status");
    if (!kind_info(old->key.kind)->has_status) {
        reply_refuse(reply, REASON_NOT_FOUND, "the server could not find the requested resource");
        return;
    }
    Value *value = value_ref(old->value);
    if (status)
        value_put(&value, value_ref(status), "status");
    else
        value_drop(&value, "status");
    reply_object(reply, store_put(server->store, old->key, value));
}

void server_update_status(Server *server, const Request *request, Reply *reply)
{
    const Object *old = server_find(server, request, reply);
    if (!old || !write_is_current(server, request, old, reply)) return;
    write_status(server, old, request->body, reply);
}

/* --- patch --- */

void server_patch(Server *server, const Request *request, Reply *reply)
{
    const Object *old = server_find(server, request, reply);
    if (!old || !write_is_current(server, request, old, reply)) return;
    g_autoptr(GError) error = NULL;
    g_autoptr(Value) now = value_ref(old->value);
    if (!patch_apply(request->patch, &now, request->body, &error)) {
        reply_refuse(reply, request->patch == PATCH_JSON ? REASON_INVALID : REASON_BAD_REQUEST,
                     "%s", error->message);
        return;
    }
    if (request->verb == REQUEST_PATCH_STATUS)
        write_status(server, old, now, reply);
    else
        write_object(server, request, old, g_steal_pointer(&now), reply);
}
