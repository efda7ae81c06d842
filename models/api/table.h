/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - a set of objects by key, with indexes: the shape of both the store and every cache.
 *
 * The table holds a reference to one version of each object. Objects of a kind can be walked in a
 * dense array, and looked up through the indexes their kind declares. The order within a kind or an
 * index bucket is a function of the operations made (removal moves the last into the gap), hence
 * deterministic, but means nothing: sort where order reaches a result. Adding, replacing, removing
 * and each look-up are O(1) in the number of objects. Pointers to buckets are valid until the next
 * change of the table.
 */
#ifndef KENNEL_MODELS_API_TABLE_H
#define KENNEL_MODELS_API_TABLE_H

#include "models/api/object.h"

typedef struct ObjectTable ObjectTable;

typedef struct {
    const Object *const *items;
    unsigned count;
} ObjectList;

ObjectTable *table_new(void);
void table_free(ObjectTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ObjectTable, table_free)

/* The object or NULL; borrowed. */
const Object *table_get(const ObjectTable *table, Key key);

/* Adds an object or replaces the version held; keeps a reference. */
void table_put(ObjectTable *table, const Object *object);

/* Removes an object; false if it was not there. */
bool table_remove(ObjectTable *table, Key key);

/* All objects of a kind. */
ObjectList table_kind(const ObjectTable *table, Kind kind);

/* All objects filed under a key of an index. */
ObjectList table_lookup(const ObjectTable *table, IndexId index, uint64_t key);

/* Removes everything. */
void table_clear(ObjectTable *table);

/* Recomputes every index and compares; aborts with a message on a difference. For tests. */
void table_audit(const ObjectTable *table);

#endif
