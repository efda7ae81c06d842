/* SPDX-License-Identifier: Apache-2.0 */
/* The store: versions, listeners, history. */
#include "models/api/store.h"
#include "sim/rng.h"
#include "tests/unit/objects.h"
#include "tests/unit/test.h"

static Value *lease(const char *name, int64_t transitions)
{
    Value *value = value_map();
    value_map_set(value, "apiVersion", value_string("coordination.k8s.io/v1"));
    value_map_set(value, "kind", value_string("Lease"));
    value_put(&value, value_string(name), "metadata", "name");
    value_put(&value, value_string("default"), "metadata", "namespace");
    value_put(&value, value_int(transitions), "spec", "leaseTransitions");
    return value;
}

/* Writes changes as "+name@version" lines. */
static void append_change(void *self, const Change *change)
{
    static const char signs[] = {
        [CHANGE_ADDED] = '+', [CHANGE_MODIFIED] = '~', [CHANGE_DELETED] = '-'};
    g_string_append_printf(self, "%c%s@%" PRId64 " ", signs[change->type],
                           value_text(change->now->value, "metadata", "name"),
                           change->now->version);
    CU_ASSERT_EQUAL(change->old != NULL, change->type != CHANGE_ADDED);
    if (change->old) CU_ASSERT(change->old->version < change->now->version);
}

TEST(every_write_is_a_version_and_is_told)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    g_autoptr(Store) store = store_new(NULL, atoms);
    g_autoptr(GString) heard = g_string_new(NULL);
    store_listen(store, (StoreListener){append_change, heard});
    Key a = key_from(atoms, KIND_LEASE, "default", "a");
    EQUAL_INT(store_put(store, a, lease("a", 1))->version, 1);
    EQUAL_INT(store_put(store, a, lease("a", 1))->version, 1); /* equal: no write */
    EQUAL_INT(store_put(store, a, lease("a", 2))->version, 2);
    store_put(store, key_from(atoms, KIND_LEASE, "default", "b"), lease("b", 1));
    store_remove(store, a);
    EQUAL_INT(store_version(store), 4);
    CU_ASSERT_PTR_NULL(store_get(store, a));
    EQUAL_INT(store_put(store, a, lease("a", 2))->version, 5);
    EQUAL_TEXT(heard->str, "+a@1 ~a@2 +b@3 -a@4 +a@5 ");
    table_audit(store_table(store));
}

TEST(history_reaches_back_so_far)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    g_autoptr(Store) store = store_new(NULL, atoms);
    g_autoptr(GString) heard = g_string_new(NULL);
    Key a = key_from(atoms, KIND_LEASE, "default", "a");
    CU_ASSERT(store_replay(store, 0, append_change, heard));
    EQUAL_TEXT(heard->str, "");
    store_keep_history(store, 3);
    for (int64_t i = 1; i <= 5; i++)
        store_put(store, a, lease("a", i));
    CU_ASSERT_FALSE(store_replay(store, 1, append_change, heard));
    EQUAL_TEXT(heard->str, "");
    CU_ASSERT(store_replay(store, 2, append_change, heard));
    EQUAL_TEXT(heard->str, "~a@3 ~a@4 ~a@5 ");
    g_string_truncate(heard, 0);
    CU_ASSERT(store_replay(store, 5, append_change, heard));
    EQUAL_TEXT(heard->str, "");
    store_keep_history(store, 10);
    CU_ASSERT(store_replay(store, 2, append_change, heard));
    EQUAL_TEXT(heard->str, "~a@3 ~a@4 ~a@5 ");
    CU_ASSERT_FALSE(store_replay(store, 1, append_change, heard));
    store_keep_history(store, 2);
    CU_ASSERT_FALSE(store_replay(store, 2, append_change, heard));
    CU_ASSERT(store_replay(store, 3, append_change, heard));
}

/* A follower that replays what it missed has what the store has. */
static void follow(void *self, const Change *change)
{
    if (change->type == CHANGE_DELETED)
        CHECK(table_remove(self, change->now->key));
    else
        table_put(self, change->now);
}

TEST(replaying_rebuilds_the_store)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    g_autoptr(Store) store = store_new(NULL, atoms);
    g_autoptr(ObjectTable) copy = table_new();
    Rng rng = rng_stream(7, "test", "store");
    int64_t seen = 0;
    for (unsigned i = 0; i < 3000; i++) {
        g_autofree char *name = g_strdup_printf("n%u", (unsigned)rng_below(&rng, 20));
        Key key = key_from(atoms, KIND_LEASE, "default", name);
        if (store_get(store, key) && rng_below(&rng, 3) == 0)
            store_remove(store, key);
        else
            store_put(store, key, lease(name, (int64_t)rng_below(&rng, 5)));
        if (rng_below(&rng, 40) != 0) continue;
        CU_ASSERT(store_replay(store, seen, follow, copy));
        seen = store_version(store);
        ObjectList real = table_kind(store_table(store), KIND_LEASE);
        EQUAL_INT(table_kind(copy, KIND_LEASE).count, real.count);
        for (unsigned k = 0; k < real.count; k++)
            CU_ASSERT_PTR_EQUAL(table_get(copy, real.items[k]->key), real.items[k]);
    }
    table_audit(copy);
}
