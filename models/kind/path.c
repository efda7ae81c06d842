/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.c - where validation stands in an object, and the checks that every kind needs.
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/apimachinery/pkg/util/validation (field).
 * Simplified: types are checked by tables of the fields that matter, not by the full schema; what
 *   the decoder would refuse elsewhere is kept.
 * State: none.
 */
#include "models/kind/path.h"

#include "models/api/quantity.h"
#include "models/kind/edit.h"

#define QUANTITY_MESSAGE                            \
    "quantities must match the regular expression " \
    "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
#define PERCENT_MESSAGE                                                                          \
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or " \
    "'93%', regex used for validation is '[0-9]+%')"

static void path_append(const Path *path, GString *out)
{
    if (path == NULL) return; /* the object itself */
    path_append(path->parent, out);
    if (path->name == NULL)
        g_string_append_printf(out, "[%u]", path->index);
    else if (path->is_key)
        g_string_append_printf(out, "[%s]", path->name);
    else
        g_string_append_printf(out, "%s%s", out->len > 0 ? "." : "", path->name);
}

char *path_text(const Path *path)
{
    GString *out = g_string_new(NULL);
    path_append(path, out);
    return g_string_free(out, FALSE);
}

/* --- errors --- */

void path_required(FieldErrors *errors, const Path *path, const Value *node, const char *detail)
{
    g_autofree char *text = path_text(path);
    field_required(errors, text, node, detail);
}

void path_invalid(FieldErrors *errors, const Path *path, const Value *node, const char *detail)
{
    g_autofree char *text = path_text(path);
    field_invalid(errors, text, node, detail);
}

void path_forbidden(FieldErrors *errors, const Path *path, const Value *node, const char *detail)
{
    g_autofree char *text = path_text(path);
    field_forbidden(errors, text, node, detail);
}

void path_duplicate(FieldErrors *errors, const Path *path, const Value *node)
{
    g_autofree char *text = path_text(path);
    field_duplicate(errors, text, node);
}

void path_not_found(FieldErrors *errors, const Path *path, const Value *node)
{
    g_autofree char *text = path_text(path);
    field_not_found(errors, text, node);
}

void path_type(FieldErrors *errors, const Path *path, const Value *node, const char *expected)
{
    g_autofree char *text = path_text(path);
    field_type(errors, text, node, expected);
}

/* --- values --- */

void path_one_of(FieldErrors *errors, const Path *path, const Value *node, const char *const *words)
{
    if (g_strv_contains(words, value_as_text(node, ""))) return;
    g_autofree char *text = path_text(path);
    field_not_supported(errors, text, node, words);
}

void path_not_negative(FieldErrors *errors, const Path *path, const Value *node)
{
    if (value_as_int(node, 0) < 0)
        path_invalid(errors, path, node, "must be greater than or equal to 0");
}

void path_positive(FieldErrors *errors, const Path *path, const Value *node)
{
    if (value_as_int(node, 1) <= 0) path_invalid(errors, path, node, "must be greater than 0");
}

void path_immutable(FieldErrors *errors, const Path *path, const Value *now, const Value *old)
{
    if (!value_equal(now, old)) path_invalid(errors, path, now, "field is immutable");
}

void path_name(FieldErrors *errors, const Path *path, const Value *node,
               const char *(*test)(const char *text))
{
    const char *text = value_as_text(node, "");
    const char *reason = text[0] != 0 ? test(text) : NULL;
    if (text[0] == 0)
        path_required(errors, path, node, "");
    else if (reason != NULL)
        path_invalid(errors, path, node, reason);
}

void path_port(FieldErrors *errors, const Path *path, const Value *node)
{
    int64_t port = value_as_int(node, 0);
    if (port < 1 || port > 65535)
        path_invalid(errors, path, node, "must be between 1 and 65535, inclusive");
}

static bool is_percentage(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && text[digits] == '%' && text[digits + 1] == 0;
}

void path_int_or_percent(FieldErrors *errors, const Path *path, const Value *node)
{
    if (!value_is_string(node))
        path_not_negative(errors, path, node);
    else if (!is_percentage(value_as_text(node, "")))
        path_invalid(errors, path, node, PERCENT_MESSAGE);
}

/* --- duplicates --- */

bool path_names_have(const PathNames *names, const char *text)
{
    for (unsigned i = 0; names->texts != NULL && i < names->texts->len; i++)
        if (strcmp(g_ptr_array_index(names->texts, i), text) == 0) return true;
    return false;
}

void path_names_add(PathNames *names, const char *text)
{
    if (names->texts == NULL) names->texts = g_ptr_array_new();
    g_ptr_array_add(names->texts, (gpointer)(uintptr_t)text);
}

void path_names_clear(PathNames *names)
{
    if (names->texts != NULL) g_ptr_array_unref(names->texts);
    names->texts = NULL;
}

void path_unique(FieldErrors *errors, const Path *path, const Value *node, PathNames *names)
{
    const char *text = value_as_text(node, "");
    if (text[0] == 0) return;
    if (path_names_have(names, text))
        path_duplicate(errors, path, node);
    else
        path_names_add(names, text);
}

/* --- types --- */

static bool is_whole(const Value *node, int64_t least, int64_t most)
{
    ValueType type = value_type(node);
    if (type != VALUE_INT && type != VALUE_FLOAT) return false;
    int64_t number = value_as_int(node, INT64_MIN);
    return number >= least && number <= most && (number != INT64_MIN || type == VALUE_INT);
}

static bool expect(FieldErrors *errors, const Path *path, const Value *node, bool is_right,
                   const char *type)
{
    if (!is_right) path_type(errors, path, node, type);
    return is_right;
}

static bool elements_are(FieldErrors *errors, const Path *path, const Value *list, bool is_map,
                         const char *type)
{
    bool is_right = true;
    value_each (i, list) {
        const Value *item = value_at(list, i);
        bool fits = is_map ? value_is_map(item) : value_is_string(item);
        is_right &= expect(errors, PATH_AT(path, i), item, fits, type);
    }
    return is_right;
}

static bool check_string_map(FieldErrors *errors, const Path *path, const Value *map)
{
    bool is_right = true;
    value_each (i, map) {
        const Value *item = value_at(map, i);
        if (edit_is_unset(item)) continue;
        const Path *at = PATH_KEY(path, value_key_at(map, i));
        is_right &= expect(errors, at, item, value_is_string(item), "string");
    }
    return is_right;
}

static bool check_quantity(FieldErrors *errors, const Path *path, const Value *node)
{
    ValueType type = value_type(node);
    int64_t ignored;
    if (type == VALUE_INT || type == VALUE_FLOAT) return true;
    if (type == VALUE_STRING && quantity_parse_milli(value_as_text(node, ""), &ignored))
        return true;
    path_invalid(errors, path, node, QUANTITY_MESSAGE);
    return false;
}

static bool check_quantities(FieldErrors *errors, const Path *path, const Value *map)
{
    bool is_right = true;
    value_each (i, map)
        is_right &= check_quantity(errors, PATH_KEY(path, value_key_at(map, i)), value_at(map, i));
    return is_right;
}

static bool check_list(FieldErrors *errors, const Path *path, const Value *node, const Field *field)
{
    bool has_maps = field->kind == FIELD_LIST;
    const char *type = field->type != NULL ? field->type : "[]string";
    if (!expect(errors, path, node, value_is_list(node), type)) return false;
    return elements_are(errors, path, node, has_maps, type + strlen("[]"));
}

static bool check_time(FieldErrors *errors, const Path *path, const Value *node)
{
    Nanos ignored;
    bool fits = value_is_string(node) && time_parse(value_as_text(node, ""), &ignored);
    return expect(errors, path, node, fits, "Time");
}

static bool check_field(FieldErrors *errors, const Path *path, const Value *node,
                        const Field *field)
{
    ValueType type = value_type(node);
    switch (field->kind) {
    case FIELD_STRING: return expect(errors, path, node, type == VALUE_STRING, "string");
    case FIELD_BOOL: return expect(errors, path, node, type == VALUE_BOOL, "bool");
    case FIELD_INT32:
        return expect(errors, path, node, is_whole(node, INT32_MIN, INT32_MAX), "int32");
    case FIELD_INT64:
        return expect(errors, path, node, is_whole(node, INT64_MIN, INT64_MAX), "int64");
    case FIELD_MAP: return expect(errors, path, node, type == VALUE_MAP, field->type);
    case FIELD_LIST:
    case FIELD_STRING_LIST: return check_list(errors, path, node, field);
    case FIELD_STRING_MAP:
        return expect(errors, path, node, type == VALUE_MAP, "map[string]string") &&
               check_string_map(errors, path, node);
    case FIELD_INT_OR_STRING:
        return expect(errors, path, node,
                      type == VALUE_STRING || is_whole(node, INT32_MIN, INT32_MAX), "int32");
    case FIELD_QUANTITY: return check_quantity(errors, path, node);
    case FIELD_QUANTITY_MAP:
        return expect(errors, path, node, type == VALUE_MAP, "v1.ResourceList") &&
               check_quantities(errors, path, node);
    case FIELD_TIME: return check_time(errors, path, node);
    }
    return true;
}

bool path_fields(FieldErrors *errors, const Path *path, const Value *map, const Field *fields,
                 const char *type)
{
    if (edit_is_unset(map)) return true;
    if (!expect(errors, path, map, value_is_map(map), type)) return false;
    bool is_right = true;
    for (; fields->name != NULL; fields++) {
        const Value *node = value_get(map, fields->name);
        if (edit_is_unset(node)) continue;
        is_right &= check_field(errors, PATH(path, fields->name), node, fields);
    }
    return is_right;
}
