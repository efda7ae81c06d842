/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.c - what is: the one versioned store behind the API server, and the first choke point of
 * evidence: what a commit changes is recorded here, by nobody else.
 *
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/apiserver/pkg/storage (etcd3, cacher) in effect.
 * Simplified: one counter of versions for all kinds; a commit and its watch events are one instant.
 * State: object: absent -> added -> modified* -> deleted (absent)
 *
 * The history is a ring of the last changes. It holds references, and versions share what they do
 * not change, so keeping an old version costs little more than the pointer.
 */
#include "models/api/store.h"

#include "models/kind/views.h"
#include "models/world.h"

enum { HISTORY_DEFAULT = 4096 };

struct Store {
    World *world;
    AtomTable *atoms;
    ObjectTable *table;
    GArray *listeners; /* of StoreListener */
    int64_t version;
    Change *history; /* change of version v is at v % history_size */
    unsigned history_size;
};

Store *store_new(World *world, AtomTable *atoms)
{
    Store *store = g_new0(Store, 1);
    store->world = world;
    store->atoms = atoms;
    store->table = table_new();
    store->listeners = g_array_new(FALSE, FALSE, sizeof(StoreListener));
    store->history_size = HISTORY_DEFAULT;
    store->history = g_new0(Change, store->history_size);
    return store;
}

static void history_free(Change *history, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        object_unref(history[i].old);
        object_unref(history[i].now);
    }
    g_free(history);
}

void store_free(Store *store)
{
    if (store == NULL) return;
    history_free(store->history, store->history_size);
    table_free(store->table);
    g_array_unref(store->listeners);
    g_free(store);
}

void store_listen(Store *store, StoreListener listener)
{
    g_array_append_val(store->listeners, listener);
}

const ObjectTable *store_table(const Store *store)
{
    return store->table;
}

const Object *store_get(const Store *store, Key key)
{
    return table_get(store->table, key);
}

int64_t store_version(const Store *store)
{
    return store->version;
}

/* --- facts common to all kinds --- */

static void fact(const Store *store, Row row, const Object *object, Atom detail, int64_t number)
{
    world_fact(
        store->world, row,
        (Fact){.object = object->ref, .uid = object->uid, .detail = detail, .number = number});
}

/* "StatefulSet/default/web" of the controlling owner, or nothing. */
static Atom controller_text(const Store *store, const Object *object)
{
    const OwnerRef *owner = object_meta(object)->controller;
    if (!owner) return ATOM_NONE;
    bool is_cluster_wide = owner->kind != KIND_NONE && !kind_info(owner->kind)->is_namespaced;
    return atom_format(store->atoms, "%s/%s/%s", atom_text(store->atoms, owner->kind_name),
                       is_cluster_wide ? "" : atom_text(store->atoms, object->key.space),
                       atom_text(store->atoms, owner->name));
}

static int64_t ordinal_of(const Store *store, const Object *object)
{
    const OwnerRef *owner = object_meta(object)->controller;
    if (object->key.kind != KIND_POD || !owner || owner->kind != KIND_STATEFUL_SET) return -1;
    char parent[256];
    int64_t ordinal;
    const char *name = atom_text(store->atoms, object->key.name);
    return pod_ordinal(name, parent, &ordinal) ? ordinal : -1;
}

static bool owners_equal(const Meta *a, const Meta *b)
{
    if (a == b) return true;
    if (a->owner_count != b->owner_count) return false;
    for (uint32_t i = 0; i < a->owner_count; i++)
        if (a->owners[i].uid != b->owners[i].uid || a->owners[i].name != b->owners[i].name ||
            a->owners[i].is_controller != b->owners[i].is_controller)
            return false;
    return true;
}

/* "StatefulSet/web/UID,Node/n1/UID", in the order of the list. */
static Atom owners_text(const Store *store, const Meta *meta)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (uint32_t i = 0; i < meta->owner_count; i++) {
        const OwnerRef *owner = &meta->owners[i];
        g_string_append_printf(
            text, "%s%s/%s/%s", i ? "," : "", atom_text(store->atoms, owner->kind_name),
            atom_text(store->atoms, owner->name), atom_text(store->atoms, owner->uid));
    }
    return atom_of_length(store->atoms, text->str, text->len);
}

static void record_modified(const Store *store, const Object *old, const Object *now)
{
    const Meta *before = object_meta(old), *after = object_meta(now);
    if (before == after) return;
    if (before->deleted_at == NANOS_NEVER && after->deleted_at != NANOS_NEVER)
        fact(store, ROW_OBJECT_MARKED, now, ATOM_NONE, after->deletion_grace_s);
    if (!owners_equal(before, after))
        fact(store, ROW_OBJECT_OWNER, now, owners_text(store, after), 0);
}

static void record(const Store *store, const Change *change)
{
    if (!store->world) return;
    const Object *now = change->now;
    const KindInfo *info = kind_info(now->key.kind);
    if (now->key.kind != KIND_LEASE) { /* leases are heartbeats: all noise */
        if (change->type == CHANGE_ADDED)
            fact(store, ROW_OBJECT_CREATED, now, controller_text(store, now),
                 ordinal_of(store, now));
        else if (change->type == CHANGE_MODIFIED)
            record_modified(store, change->old, now);
        else
            fact(store, ROW_OBJECT_DELETED, now, controller_text(store, now), 0);
    }
    if (info->record)
        info->record(store->world, change->old, change->type == CHANGE_DELETED ? NULL : now);
}

/* --- commits --- */

/* Takes the references of the change. */
static void remember(Store *store, Change change)
{
    Change *place = &store->history[(uint64_t)change.now->version % store->history_size];
    object_unref(place->old);
    object_unref(place->now);
    *place = change;
}

static void commit(Store *store, ChangeType type, const Object *old, const Object *now)
{
    Change change = {type, old ? object_ref(old) : NULL, object_ref(now)};
    if (type == CHANGE_DELETED)
        CHECK(table_remove(store->table, now->key));
    else
        table_put(store->table, now);
    remember(store, change);
    record(store, &change);
    for (unsigned i = 0; i < store->listeners->len; i++) {
        StoreListener *listener = &g_array_index(store->listeners, StoreListener, i);
        listener->committed(listener->self, &change);
    }
}

const Object *store_put(Store *store, Key key, Value *value)
{
    const Object *old = store_get(store, key);
    if (old && value_equal(old->value, value)) {
        value_unref(value);
        return old;
    }
    autoobject now = object_new(store->atoms, key.kind, value, ++store->version, old);
    CHECK_THAT(key_equal(now->key, key), "a value is stored under a key it does not name");
    commit(store, old ? CHANGE_MODIFIED : CHANGE_ADDED, old, now);
    return now; /* the table holds it */
}

void store_remove(Store *store, Key key)
{
    autoobject old = store_get(store, key);
    CHECK(old);
    object_ref(old);
    autoobject now =
        object_new(store->atoms, key.kind, value_ref(old->value), ++store->version, old);
    commit(store, CHANGE_DELETED, old, now);
}

/* --- history --- */

bool store_replay(const Store *store, int64_t version,
                  void (*visit)(void *self, const Change *change), void *self)
{
    CHECK(version >= 0);
    if (version < store->version - (int64_t)store->history_size) return false;
    for (int64_t v = version + 1; v <= store->version; v++)
        if (store->history[(uint64_t)v % store->history_size].now == NULL ||
            store->history[(uint64_t)v % store->history_size].now->version != v)
            return false;
    for (int64_t v = version + 1; v <= store->version; v++)
        visit(self, &store->history[(uint64_t)v % store->history_size]);
    return true;
}

void store_keep_history(Store *store, unsigned changes)
{
    CHECK(changes > 0);
    Change *old = store->history;
    unsigned old_size = store->history_size;
    store->history = g_new0(Change, changes);
    store->history_size = changes;
    int64_t kept = (int64_t)MIN(changes, old_size);
    for (int64_t v = MAX(1, store->version - kept + 1); v <= store->version; v++) {
        Change *from = &old[(uint64_t)v % old_size];
        if (!from->now || from->now->version != v) continue;
        store->history[(uint64_t)v % changes] = *from;
        *from = (Change){CHANGE_ADDED, NULL, NULL};
    }
    history_free(old, old_size);
}
