/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edit.h - filling in defaults by path copy.
 *
 * Every function leaves *map as it is (the same pointer) when there is nothing to do, so defaulting
 * an object that has its defaults costs no copy and keeps subtrees shared. None touches a node of
 * the wrong type: validation reports those, and they must survive until then. An explicit null
 * counts as absent, as it does for the API server's decoder.
 */
#ifndef KENNEL_MODELS_KIND_EDIT_H
#define KENNEL_MODELS_KIND_EDIT_H

#include "sim/value.h"

typedef void (*Edit)(Value **value);

/* Whether a value is absent or null. */
bool edit_is_unset(const Value *value);

/* Sets a key that is unset; nothing if *map is no map. */
void edit_text(Value **map, const char *key, const char *text);
void edit_int(Value **map, const char *key, int64_t number);
void edit_bool(Value **map, const char *key, bool truth);
void edit_map(Value **map, const char *key);

/* Edits the map at a key, if there is one. */
void edit_child(Value **map, const char *key, Edit edit);

/* Edits the map at a key, made empty first if the key is unset. */
void edit_struct(Value **map, const char *key, Edit edit);

/* Edits every map in the list at a key. */
void edit_items(Value **map, const char *key, Edit edit);

/* Drops the named fields that hold nothing (null, false, 0, "", [], {}): what Go omits when it
 * writes a field that is no pointer. names is NULL-terminated. */
void edit_drop_empty(Value **map, const char *const *names);

/* Drops every null entry of every map of a tree. */
void edit_drop_nulls(Value **value);

/* Writes the quantity (or every quantity of the map) at a key in its canonical form, rounded up to
 * thousandths: 0.5 becomes "500m", "1024Mi" "1Gi". Malformed ones are left alone. */
void edit_quantity(Value **map, const char *key);
void edit_quantities(Value **map, const char *key);

/* The canonical form of a quantity; NULL if it is malformed or out of range. */
Value *edit_canonical(const Value *quantity);

#endif
