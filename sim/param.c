/* SPDX-License-Identifier: Apache-2.0 */
/*
 * param.c - filling a struct from a map by a table.
 *
 * A default goes through the same code as the user's value: a bad one in a table is a programmer
 * error and found by the first test that reads the table. The elements of a list have no struct
 * yet, so they are read with no fields at all, which checks them and keeps nothing; the owner of
 * the list reads each one again when it knows where it belongs.
 */
#include "sim/param.h"
#include "sim/json.h"
#include "sim/yaml.h"

#include <math.h>

const char PARAM_REQUIRED[] = "(required)"; /* NOLINT(readability-identifier-naming) */

/* Beyond this a limit means "none" and is not worth a message. */
#define LIMIT_SHOWN 1e15

/* A place for the value of a field when there is no struct. */
typedef union {
    bool truth;
    int64_t integer;
    double number;
    Dist dist;
    const char *text;
    const Value *value;
    int word;
} Scratch;

static bool table_read(const Param *table, const Value *map, void *fields, ParamPlace place,
                       GError **error);

/* --- messages --- */

static char *path_join(const char *path, const char *name)
{
    return path == NULL || *path == 0 ? g_strdup(name) : g_strdup_printf("%s.%s", path, name);
}

void param_error(GError **error, ParamPlace place, const Value *node, const char *format, ...)
{
    g_autoptr(GString) text = g_string_new(NULL);
    unsigned line = value_line(node);
    if (place.file != NULL) g_string_append(text, place.file);
    if (place.file != NULL && line > 0) g_string_append_printf(text, ":%u", line);
    if (place.file == NULL && line > 0) g_string_append_printf(text, "line %u", line);
    if (text->len > 0) g_string_append(text, ": ");
    if (place.path != NULL && *place.path != 0) g_string_append_printf(text, "%s: ", place.path);
    va_list arguments;
    va_start(arguments, format);
    g_string_append_vprintf(text, format, arguments);
    va_end(arguments);
    g_set_error_literal(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, text->str);
}

/* "the string 'x'", "the integer 5", "a list". */
static char *describe(const Value *value)
{
    ValueType type = value_type(value);
    if (type == VALUE_STRING) return g_strdup_printf("the text '%s'", value_as_text(value, ""));
    if (type == VALUE_LIST || type == VALUE_MAP)
        return g_strdup_printf("a %s", value_type_name(type));
    g_autofree char *json = json_text(value);
    if (type == VALUE_NULL) return g_strdup(json);
    return g_strdup_printf("the %s %s", value_type_name(type), json);
}

/* Says that a node is not what its row wants. */
static bool fail_type(GError **error, ParamPlace place, const Value *value, const char *wanted)
{
    g_autofree char *actual = describe(value);
    param_error(error, place, value, "must be %s, but is %s", wanted, actual);
    return false;
}

/* The names of a table, NULL-terminated; free the array only. */
static const char **names_of(const Param *table)
{
    size_t count = 0;
    while (table[count].name != NULL)
        count++;
    const char **names = g_new0(const char *, count + 1);
    for (size_t i = 0; i < count; i++)
        names[i] = table[i].name;
    return names;
}

static char *words_join(const char *const *words)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; words[i] != NULL; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", words[i]);
    return g_string_free(text, FALSE);
}

static bool fail_unknown(GError **error, ParamPlace place, const Param *table, const char *key,
                         const Value *node)
{
    const char **names = names_of(table);
    const char *nearest = text_nearest(key, names);
    g_autofree char *all = words_join(names);
    g_free(names);
    if (nearest != NULL)
        param_error(error, place, node, "unknown key '%s', did you mean '%s'?", key, nearest);
    else if (*all == 0)
        param_error(error, place, node, "unknown key '%s'; no keys are known here", key);
    else
        param_error(error, place, node, "unknown key '%s'; known are %s", key, all);
    return false;
}

/* --- scalars --- */

static bool is_limited(const Param *param)
{
    return param->min != 0 || param->max != 0;
}

static char *number_text(double number)
{
    g_autoptr(Value) value = value_float(number);
    return json_text(value);
}

static bool limits_check(const Param *param, double number, const Value *value, ParamPlace place,
                         GError **error)
{
    if (!is_limited(param) || (number >= param->min && number <= param->max)) return true;
    bool has_min = param->min > -LIMIT_SHOWN, has_max = param->max < LIMIT_SHOWN;
    g_autofree char *min = has_min ? number_text(param->min) : NULL;
    g_autofree char *max = has_max ? number_text(param->max) : NULL;
    g_autofree char *actual = json_text(value);
    if (has_min && has_max)
        param_error(error, place, value, "must be between %s and %s, but is %s", min, max, actual);
    else if (has_min)
        param_error(error, place, value, "must be at least %s, but is %s", min, actual);
    else
        param_error(error, place, value, "must be at most %s, but is %s", max, actual);
    return false;
}

static bool is_number(const Value *value)
{
    return value_type(value) == VALUE_INT || value_type(value) == VALUE_FLOAT;
}

static bool int_read(const Param *param, const Value *value, int64_t *ret_integer, ParamPlace place,
                     GError **error)
{
    int64_t integer = value_as_int(value, 0);
    /* A float that is no integer gives the fallback, whatever that is. */
    if (!is_number(value) || integer != value_as_int(value, 1))
        return fail_type(error, place, value, "an integer");
    if (!limits_check(param, (double)integer, value, place, error)) return false;
    *ret_integer = integer;
    return true;
}

static bool float_read(const Param *param, const Value *value, double *ret_number, ParamPlace place,
                       GError **error)
{
    if (!is_number(value)) return fail_type(error, place, value, "a number");
    double number = value_as_float(value, 0);
    if (!limits_check(param, number, value, place, error)) return false;
    *ret_number = number;
    return true;
}

/* The text of a string or number, NULL for anything else; durations may be bare seconds. */
static char *duration_text(const Value *value)
{
    if (value_is_string(value)) return g_strdup(value_as_text(value, ""));
    return is_number(value) ? json_text(value) : NULL;
}

static bool duration_read(const Value *value, Nanos *ret_nanos, ParamPlace place, GError **error)
{
    g_autofree char *text = duration_text(value);
    return (text != NULL && nanos_parse(text, ret_nanos)) ||
           fail_type(error, place, value, "a duration such as 250ms, 5m or 1h30m");
}

static bool dist_read(const Value *value, Dist *dist, ParamPlace place, GError **error)
{
    g_autofree char *text = duration_text(value);
    g_autoptr(GError) reason = NULL;
    if (text == NULL)
        return fail_type(error, place, value,
                         "a duration or a distribution such as lognormal(12ms, 150ms)");
    if (dist_parse(text, dist, &reason)) return true;
    param_error(error, place, value, "%s", reason->message);
    return false;
}

static bool word_read(const Param *param, const Value *value, int *ret_index, ParamPlace place,
                      GError **error)
{
    const char *text = value_as_text(value, NULL);
    for (int i = 0; text != NULL && param->words[i] != NULL; i++) {
        if (strcmp(param->words[i], text) != 0) continue;
        *ret_index = i;
        return true;
    }
    g_autofree char *all = words_join(param->words);
    g_autofree char *actual = describe(value);
    const char *nearest = text != NULL ? text_nearest(text, param->words) : NULL;
    if (nearest != NULL)
        param_error(error, place, value, "must be one of %s, but is %s, did you mean '%s'?", all,
                    actual, nearest);
    else
        param_error(error, place, value, "must be one of %s, but is %s", all, actual);
    return false;
}

/* --- fields --- */

static bool list_check(const Param *param, const Value *list, ParamPlace place, GError **error)
{
    if (!value_is_list(list)) return fail_type(error, place, list, "a list");
    if (param->nested == NULL) return true;
    value_each (i, list) {
        const Value *element = value_at(list, i);
        g_autofree char *path = g_strdup_printf("%s[%u]", place.path, i);
        ParamPlace inner = {place.file, path};
        if (!value_is_map(element)) return fail_type(error, inner, element, "a map");
        if (!table_read(param->nested, element, NULL, inner, error)) return false;
    }
    return true;
}

/* Stores what a value means in a field; `place` is the field's own. */
static bool field_read(const Param *param, const Value *value, void *field, ParamPlace place,
                       GError **error)
{
    switch (param->type) {
    case PARAM_BOOL:
        if (value_type(value) != VALUE_BOOL) return fail_type(error, place, value, "true or false");
        *(bool *)field = value_as_bool(value, false);
        return true;
    case PARAM_INT: return int_read(param, value, field, place, error);
    case PARAM_FLOAT: return float_read(param, value, field, place, error);
    case PARAM_DURATION: return duration_read(value, field, place, error);
    case PARAM_DIST: return dist_read(value, field, place, error);
    case PARAM_STRING:
        if (!value_is_string(value))
            return fail_type(error, place, value, "a text (quote it if it is one)");
        *(const char **)field = value_as_text(value, NULL);
        return true;
    case PARAM_WORD: return word_read(param, value, field, place, error);
    case PARAM_LIST:
        if (!list_check(param, value, place, error)) return false;
        *(const Value **)field = value;
        return true;
    case PARAM_VALUE: *(const Value **)field = value; return true;
    case PARAM_MAP: break;
    }
    UNREACHABLE();
}

/* What a row's default stands for; NULL if it has none or needs no reading. */
static Value *fallback_value(const Param *param)
{
    switch (param->type) {
    case PARAM_BOOL:
    case PARAM_INT:
    case PARAM_FLOAT: return yaml_resolve_plain(param->fallback, strlen(param->fallback));
    case PARAM_DURATION:
    case PARAM_DIST:
    case PARAM_WORD: return value_string(param->fallback);
    case PARAM_STRING:
    case PARAM_VALUE:
    case PARAM_MAP:
    case PARAM_LIST: break;
    }
    CHECK_THAT(false, "%s: a map, list or tree has no default", param->name);
    return NULL;
}

/* Zero, for a row without a default. */
static void field_zero(const Param *param, void *field)
{
    switch (param->type) {
    case PARAM_BOOL: *(bool *)field = false; return;
    case PARAM_INT: *(int64_t *)field = 0; return;
    case PARAM_FLOAT: *(double *)field = 0; return;
    case PARAM_DURATION: *(Nanos *)field = 0; return;
    case PARAM_DIST: *(Dist *)field = dist_constant(0); return;
    case PARAM_STRING: *(const char **)field = NULL; return;
    case PARAM_WORD: *(int *)field = 0; return;
    case PARAM_VALUE:
    case PARAM_LIST: *(const Value **)field = NULL; return;
    case PARAM_MAP: break;
    }
    UNREACHABLE();
}

static void field_default(const Param *param, void *field)
{
    if (param->fallback == NULL || param->fallback == PARAM_REQUIRED) return;
    if (param->type == PARAM_STRING) {
        *(const char **)field = param->fallback;
        return;
    }
    g_autoptr(Value) value = fallback_value(param);
    g_autoptr(GError) error = NULL;
    bool good = field_read(param, value, field, (ParamPlace){NULL, param->name}, &error);
    CHECK_THAT(good, "bad default: %s", error->message);
}

/* --- tables --- */

static void *field_of(const Param *param, void *fields)
{
    return (char *)fields + param->offset;
}

static void table_zero(const Param *table, void *fields)
{
    for (const Param *param = table; param->name != NULL; param++) {
        if (param->type == PARAM_MAP)
            table_zero(param->nested, field_of(param, fields));
        else
            field_zero(param, field_of(param, fields));
    }
}

static bool row_read(const Param *param, const Value *map, void *fields, ParamPlace place,
                     GError **error)
{
    const Value *value = value_get(map, param->name);
    /* "key:" with nothing behind it means the default, as it does in Kubernetes. */
    bool given = value != NULL && (value_type(value) != VALUE_NULL || param->type == PARAM_VALUE);
    if (!given && param->fallback == PARAM_REQUIRED) {
        param_error(error, place, map, "key '%s' is missing; add it", param->name);
        return false;
    }
    g_autofree char *path = path_join(place.path, param->name);
    ParamPlace inner = {place.file, path};
    void *field = fields != NULL ? field_of(param, fields) : NULL;
    if (param->type == PARAM_MAP) {
        CHECK_THAT(param->fallback == NULL || param->fallback == PARAM_REQUIRED,
                   "%s: a map has "
                   "no default",
                   param->name);
        return table_read(param->nested, given ? value : NULL, field, inner, error);
    }
    Scratch scratch;
    field_zero(param, &scratch);
    if (field == NULL) field = &scratch;
    bool good = true;
    if (given)
        good = field_read(param, value, field, inner, error);
    else
        field_default(param, field);
    if (param->type == PARAM_DIST && fields == NULL) dist_clear(&scratch.dist);
    return good;
}

static const Param *row_find(const Param *table, const char *name)
{
    for (; table->name != NULL; table++)
        if (strcmp(table->name, name) == 0) return table;
    return NULL;
}

/* Refuses the first key, by line, that has no row. */
static bool keys_check(const Param *table, const Value *map, ParamPlace place, GError **error)
{
    const char *first = NULL;
    value_each (i, map) {
        const char *key = value_key_at(map, i);
        if (row_find(table, key) != NULL) continue;
        if (first == NULL || value_line(value_at(map, i)) < value_line(value_get(map, first)))
            first = key;
    }
    return first == NULL || fail_unknown(error, place, table, first, value_get(map, first));
}

/* Reads a map into zeroed fields, or only checks it if there are none. */
static bool table_read(const Param *table, const Value *map, void *fields, ParamPlace place,
                       GError **error)
{
    if (map != NULL && !value_is_map(map)) return fail_type(error, place, map, "a map");
    if (!keys_check(table, map, place, error)) return false;
    for (const Param *param = table; param->name != NULL; param++)
        if (!row_read(param, map, fields, place, error)) return false;
    return true;
}

bool param_read(const Param *table, const Value *map, void *fields, ParamPlace place,
                GError **error)
{
    CHECK(fields != NULL);
    table_zero(table, fields);
    return table_read(table, map, fields, place, error);
}

void param_clear(const Param *table, void *fields)
{
    for (const Param *param = table; param->name != NULL; param++) {
        if (param->type == PARAM_DIST) dist_clear(field_of(param, fields));
        if (param->type == PARAM_MAP) param_clear(param->nested, field_of(param, fields));
    }
}
