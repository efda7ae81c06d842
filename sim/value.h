/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.h - immutable trees of data: what an API object, a manifest or a scenario is made of.
 *
 * A Value is null, a boolean, a 64-bit integer, a double, a string, a list or a map. It is
 * reference-counted and never changes once it can be seen by two holders. "Changing" a tree is a
 * path copy: value_put() replaces the caller's root by a new one that shares every untouched
 * subtree with the old. Nodes that nobody else holds are changed in place, so building a tree and
 * updating a private one cost no copies.
 *
 * Map entries are sorted by key (byte order), so trees built in any order are equal, and canonical
 * JSON (json.h) needs no sorting. Keys are interned for the life of the program and may be compared
 * by pointer. Every node knows the line it was read from (0: none); lines take no part in equality.
 *
 * Ownership: constructors and value_ref() give a reference that value_unref() (or g_autoptr) ends;
 * functions named _get/_find/_at/_text return borrowed pointers, valid while the tree is held;
 * `child` parameters of value_put(), value_map_set(), value_list_add() are taken (consumed).
 * References are not atomic: a tree belongs to one thread.
 */
#ifndef KENNEL_SIM_VALUE_H
#define KENNEL_SIM_VALUE_H

#include "sim/base.h"

typedef struct Value Value;

typedef enum {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_FLOAT,
    VALUE_STRING,
    VALUE_LIST,
    VALUE_MAP,
} ValueType;

/* --- life --- */

Value *value_ref(const Value *value);
void value_unref(const Value *value); /* NULL is allowed */
static inline void value_cleanup(Value *value)
{
    value_unref(value);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Value, value_cleanup)

/* --- making --- */

Value *value_null(void);
Value *value_bool(bool truth);
Value *value_int(int64_t number);
Value *value_float(double number); /* finite, as JSON has nothing else; -0 becomes 0 */
Value *value_string(const char *text);
Value *value_string_n(const char *text, size_t length);
Value *value_printf(const char *format, ...) G_GNUC_PRINTF(1, 2);
Value *value_list(void);
Value *value_map(void);

/* The interned form of a key, the one that value_key_at() gives; from any thread. */
const char *value_key(const char *text);

/* Sets a key of a map, or appends to a list, that only the caller holds; takes child. */
void value_map_set(Value *map, const char *key, Value *child);
void value_list_add(Value *list, Value *child);

/* A map of keys that value_key() gave, in any order; takes the children. NULL, with nothing taken,
 * if a key occurs twice. For parsers, which know a map when they have read it. */
Value *value_map_of(const char *const *keys, Value *const *children, unsigned count);

/* --- reading; every reader accepts NULL and any type and then gives the fallback --- */

ValueType value_type(const Value *value); /* NULL pointer: VALUE_NULL */
const char *value_type_name(ValueType type);
unsigned value_line(const Value *value);
void value_set_line(Value *value, unsigned line);

bool value_is_map(const Value *value);
bool value_is_list(const Value *value);
bool value_is_string(const Value *value);

/* Entries of a map, elements of a list; 0 for anything else. */
unsigned value_size(const Value *value);

/* The i-th element of a list or value of a map (maps in key order); NULL beyond the end. */
const Value *value_at(const Value *value, unsigned index);

/* The i-th key of a map. */
const char *value_key_at(const Value *map, unsigned index);

/* The value of a key; NULL if absent or not a map. */
const Value *value_get(const Value *map, const char *key);

/* value_find(v, "spec", "template"): follows keys, NULL as soon as one is absent. */
const Value *value_find_path(const Value *value, const char *const *keys);
#define value_find(value, ...) value_find_path((value), (const char *const[]){__VA_ARGS__, NULL})

bool value_as_bool(const Value *value, bool fallback);
int64_t value_as_int(const Value *value, int64_t fallback); /* a float with integral value counts */
double value_as_float(const Value *value, double fallback); /* an integer counts */
const char *value_as_text(const Value *value, const char *fallback); /* strings only */

/* value_text(v, "metadata", "name"): the string there, "" if there is none. */
#define value_text(value, ...) value_as_text(value_find((value), __VA_ARGS__), "")

/* for (each entry): value_each(i, map) { value_key_at(map, i) ... value_at(map, i) } */
/* NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration takes no parentheses */
#define value_each(i, value) for (unsigned i = 0, i##_end = value_size(value); i < i##_end; i++)

/* --- changing a tree by path copy --- */

/* value_put(&root, child, "spec", "replicas"): sets the value at a path of map keys in *root,
 * creating maps on the way (a null, absent or non-map node on the way is replaced by a map). *root
 * is consumed and replaced; child is taken. */
void value_put_path(Value **root, Value *child, const char *const *keys);
#define value_put(root, child, ...) \
    value_put_path((root), (child), (const char *const[]){__VA_ARGS__, NULL})

/* Removes the entry at a path; false if there was none. */
bool value_drop_path(Value **root, const char *const *keys);
#define value_drop(root, ...) value_drop_path((root), (const char *const[]){__VA_ARGS__, NULL})

/* Replaces, inserts before (index == size: appends) or removes one element of *list. */
void value_list_put(Value **list, unsigned index, Value *child);
void value_list_insert(Value **list, unsigned index, Value *child);
void value_list_remove(Value **list, unsigned index);

/* --- comparing --- */

/* Deep equality; an integer equals a float of the same value. Shared subtrees compare in O(1). */
bool value_equal(const Value *a, const Value *b);

/* A hash equal for equal trees, on every machine. */
uint64_t value_hash(const Value *value);

/* Bytes of memory the tree holds, shared parts counted once each time they occur. */
size_t value_footprint(const Value *value);

#endif
