/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edit.c - filling in defaults by path copy.
 * Mirrors: kubernetes v1.36, what decoding, defaulting and encoding do to any object.
 * Simplified: no schema; each kind says which of its fields Go would omit.
 * State: none.
 */
#include "models/kind/edit.h"

bool edit_is_unset(const Value *value)
{
    return value_type(value) == VALUE_NULL;
}

static bool lacks(const Value *map, const char *key)
{
    return value_is_map(map) && edit_is_unset(value_get(map, key));
}

void edit_text(Value **map, const char *key, const char *text)
{
    if (lacks(*map, key)) value_put(map, value_string(text), key);
}

void edit_int(Value **map, const char *key, int64_t number)
{
    if (lacks(*map, key)) value_put(map, value_int(number), key);
}

void edit_bool(Value **map, const char *key, bool truth)
{
    if (lacks(*map, key)) value_put(map, value_bool(truth), key);
}

void edit_map(Value **map, const char *key)
{
    if (lacks(*map, key)) value_put(map, value_map(), key);
}

/* The reference taken here makes the child shared, so an edit that changes it must copy, and a
 * different pointer means a change. */
void edit_child(Value **map, const char *key, Edit edit)
{
    const Value *before = value_get(*map, key);
    if (!value_is_map(before)) return;
    Value *after = value_ref(before);
    edit(&after);
    if (after == before)
        value_unref(after);
    else
        value_put(map, after, key);
}

void edit_struct(Value **map, const char *key, Edit edit)
{
    edit_map(map, key);
    edit_child(map, key, edit);
}

static void edit_list(Value **list, Edit edit)
{
    value_each (i, *list) {
        const Value *before = value_at(*list, i);
        if (!value_is_map(before)) continue;
        Value *after = value_ref(before);
        edit(&after);
        if (after == before)
            value_unref(after);
        else
            value_list_put(list, i, after);
    }
}

void edit_items(Value **map, const char *key, Edit edit)
{
    const Value *before = value_get(*map, key);
    if (!value_is_list(before)) return;
    Value *after = value_ref(before);
    edit_list(&after, edit);
    if (after == before)
        value_unref(after);
    else
        value_put(map, after, key);
}

static bool holds_nothing(const Value *value)
{
    switch (value_type(value)) {
    case VALUE_NULL: return true;
    case VALUE_BOOL: return !value_as_bool(value, true);
    case VALUE_INT:
    case VALUE_FLOAT: return value_as_int(value, 1) == 0;
    case VALUE_STRING: return value_as_text(value, "x")[0] == 0;
    case VALUE_LIST:
    case VALUE_MAP: break;
    }
    return value_size(value) == 0;
}

void edit_drop_empty(Value **map, const char *const *names)
{
    for (; value_is_map(*map) && *names != NULL; names++) {
        const Value *field = value_get(*map, *names);
        if (field != NULL && holds_nothing(field)) value_drop(map, *names);
    }
}

static void drop_nulls_of_map(Value **map)
{
    for (unsigned i = 0; i < value_size(*map);) {
        const char *key = value_key_at(*map, i);
        if (value_type(value_at(*map, i)) == VALUE_NULL) {
            value_drop(map, key);
            continue;
        }
        Value *after = value_ref(value_at(*map, i));
        edit_drop_nulls(&after);
        if (after == value_at(*map, i))
            value_unref(after);
        else
            value_put(map, after, key);
        i++;
    }
}

static void drop_nulls_of_list(Value **list)
{
    value_each (i, *list) {
        Value *after = value_ref(value_at(*list, i));
        edit_drop_nulls(&after);
        if (after == value_at(*list, i))
            value_unref(after);
        else
            value_list_put(list, i, after);
    }
}

void edit_drop_nulls(Value **value)
{
    if (value_is_map(*value))
        drop_nulls_of_map(value);
    else if (value_is_list(*value))
        drop_nulls_of_list(value);
}

/* Replaces by the canonical form only where that is a different text. */
static void canonicalise(Value **map, const char *key)
{
    const Value *before = value_get(*map, key);
    Value *after = edit_canonical(before);
    if (after == NULL) return;
    if (value_equal(before, after)) {
        value_unref(after);
        return;
    }
    value_set_line(after, value_line(before));
    value_put(map, after, key);
}

static void canonicalise_all(Value **map)
{
    value_each (i, *map)
        canonicalise(map, value_key_at(*map, i));
}

void edit_quantity(Value **map, const char *key)
{
    canonicalise(map, key);
}

void edit_quantities(Value **map, const char *key)
{
    edit_child(map, key, canonicalise_all);
}
