/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_vary.c - parameters of experiments: the product of vary's lists, and ${...}.
 *
 * "${name}" alone stands for the parameter's value of whatever type; inside a longer string it is
 * replaced by the text of a scalar. "${name.key}" reaches into a parameter that is a map; such a
 * map is labelled by its key `name`. Values that are put in are substituted in turn. "$${" writes
 * a literal "${".
 */
#include "models/scenario_internal.h"

#define SUBSTITUTE_DEPTH_MAX 8

typedef struct {
    const Value *parameters;
    const char *file;
    GError **error;
    unsigned depth;
} Substitution;

static Value *substitute(const Value *tree, Substitution *by);

static const Value *parameter(const Substitution *by, const char *reference, const Value *node)
{
    g_auto(GStrv) parts = g_strsplit(reference, ".", -1);
    const Value *value = value_find_path(by->parameters, (const char *const *)parts);
    if (value) return value;
    g_autoptr(GString) known = g_string_new(NULL);
    value_each (i, by->parameters) {
        g_string_append_printf(known, "%s%s", i ? ", " : "", value_key_at(by->parameters, i));
    }
    param_error(by->error, (ParamPlace){by->file, ""}, node,
                "'${%s}' names no parameter of vary (known: %s); write $${ for a literal ${",
                reference, known->len ? known->str : "none");
    return NULL;
}

static bool append_scalar(const Value *value, const char *reference, const Value *node,
                          Substitution *by, GString *out)
{
    switch (value_type(value)) {
    case VALUE_STRING: g_string_append(out, value_as_text(value, "")); return true;
    case VALUE_INT: g_string_append_printf(out, "%" PRId64, value_as_int(value, 0)); return true;
    case VALUE_BOOL:
        g_string_append(out, value_as_bool(value, false) ? "true" : "false");
        return true;
    case VALUE_FLOAT: {
        char buffer[G_ASCII_DTOSTR_BUF_SIZE];
        g_string_append(out, g_ascii_dtostr(buffer, sizeof buffer, value_as_float(value, 0)));
        return true;
    }
    case VALUE_MAP:
        if (value_is_string(value_get(value, "name"))) {
            g_string_append(out, value_text(value, "name"));
            return true;
        }
        break;
    case VALUE_NULL:
    case VALUE_LIST: break;
    }
    param_error(by->error, (ParamPlace){by->file, ""}, node,
                "'${%s}' is a %s and cannot stand inside a text", reference,
                value_type_name(value_type(value)));
    return false;
}

/* The text between "${" and "}", or NULL if `at` does not begin a reference. */
static char *reference_at(const char *at)
{
    const char *end = g_str_has_prefix(at, "${") ? strchr(at, '}') : NULL;
    return end ? g_strndup(at + 2, (gsize)(end - at - 2)) : NULL;
}

static Value *substitute_text(const Value *node, Substitution *by)
{
    const char *text = value_as_text(node, "");
    g_autofree char *whole = reference_at(text);
    if (whole && strlen(whole) + 3 == strlen(text)) {
        const Value *value = parameter(by, whole, node);
        return value ? substitute(value, by) : NULL;
    }
    g_autoptr(GString) out = g_string_new(NULL);
    for (const char *at = text; *at;) {
        g_autofree char *reference = reference_at(at);
        if (g_str_has_prefix(at, "$${")) {
            g_string_append(out, "${");
            at += 3;
        } else if (reference) {
            const Value *value = parameter(by, reference, node);
            if (!value || !append_scalar(value, reference, node, by, out)) return NULL;
            at += strlen(reference) + 3;
        } else {
            g_string_append_c(out, *at++);
        }
    }
    Value *result = value_string(out->str);
    value_set_line(result, value_line(node));
    return result;
}

static Value *substitute_children(const Value *tree, Substitution *by)
{
    bool is_map = value_is_map(tree);
    Value *result = is_map ? value_map() : value_list();
    value_set_line(result, value_line(tree));
    value_each (i, tree) {
        Value *child = substitute(value_at(tree, i), by);
        if (!child) {
            value_unref(result);
            return NULL;
        }
        if (is_map)
            value_map_set(result, value_key_at(tree, i), child);
        else
            value_list_add(result, child);
    }
    return result;
}

static Value *substitute(const Value *tree, Substitution *by)
{
    if (++by->depth > SUBSTITUTE_DEPTH_MAX * 32) {
        param_error(by->error, (ParamPlace){by->file, ""}, tree,
                    "parameters refer to each other without end");
        return NULL;
    }
    Value *result;
    if (value_is_string(tree) && strstr(value_as_text(tree, ""), "${"))
        result = substitute_text(tree, by);
    else if (value_is_map(tree) || value_is_list(tree))
        result = substitute_children(tree, by);
    else
        result = value_ref(tree);
    by->depth--;
    return result;
}

Value *scenario_substitute(const Value *tree, const Value *parameters, const char *file,
                           GError **error)
{
    Substitution by = {parameters, file, error, 0};
    return substitute(tree, &by);
}

/* --- the product --- */

static const char *label_of(const Value *value, char buffer[32])
{
    if (value_is_map(value)) return value_text(value, "name");
    if (value_type(value) == VALUE_INT)
        g_snprintf(buffer, 32, "%" PRId64, value_as_int(value, 0));
    else if (value_type(value) == VALUE_BOOL)
        g_strlcpy(buffer, value_as_bool(value, false) ? "true" : "false", 32);
    else if (value_type(value) == VALUE_FLOAT)
        g_ascii_formatd(buffer, 32, "%g", value_as_float(value, 0));
    else
        return value_as_text(value, "null");
    return buffer;
}

char *scenario_variant_text(const Value *parameters)
{
    g_autoptr(GString) out = g_string_new(NULL);
    char buffer[32];
    value_each (i, parameters) {
        g_string_append_printf(out, "%s%s=%s", i ? " " : "", value_key_at(parameters, i),
                               label_of(value_at(parameters, i), buffer));
    }
    return g_string_free(g_steal_pointer(&out), false);
}

/* The values of one parameter, cut down to the one that --set chose. */
static Value *values_of(const char *name, const Value *list, const Value *choose, const char *file,
                        GError **error)
{
    const Value *chosen = value_get(choose, name);
    Value *result = value_list();
    char a[32], b[32];
    value_each (i, list) {
        const Value *value = value_at(list, i);
        if (!chosen || value_equal(chosen, value) ||
            strcmp(label_of(chosen, a), label_of(value, b)) == 0)
            value_list_add(result, value_ref(value));
    }
    if (chosen && value_size(result) == 0 && !value_is_map(value_at(list, 0)))
        value_list_add(result, value_ref(chosen));
    if (value_size(result) > 0) return result;
    value_unref(result);
    param_error(error, (ParamPlace){file, "spec.vary"}, list,
                "'%s' must be a list of at least one value%s", name,
                chosen ? " that contains the one given by --set" : "");
    return NULL;
}

static Value *multiply(const Value *variants, const char *name, const Value *values)
{
    Value *result = value_list();
    value_each (i, variants) {
        value_each (k, values) {
            Value *variant = value_ref(value_at(variants, i));
            value_put(&variant, value_ref(value_at(values, k)), name);
            value_list_add(result, variant);
        }
    }
    return result;
}

Value *scenario_variants(const Value *vary, const Value *choose, const char *file, GError **error)
{
    Value *variants = value_list();
    value_list_add(variants, value_map());
    if (vary && !value_is_map(vary)) {
        param_error(error, (ParamPlace){file, "spec.vary"}, vary,
                    "must be a map of parameter names to lists of values");
        g_clear_pointer(&variants, value_unref);
    }
    for (unsigned i = 0; variants && i < value_size(vary); i++) {
        const char *name = value_key_at(vary, i);
        Value *values = values_of(name, value_at(vary, i), choose, file, error);
        Value *more = values ? multiply(variants, name, values) : NULL;
        value_unref(values);
        value_unref(variants);
        variants = more;
    }
    return variants;
}
