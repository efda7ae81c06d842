/* SPDX-License-Identifier: Apache-2.0 */
/*
 * param_help.c - what a parameter table says about itself: help for terminals, Markdown, JSON
 * Schema. Nested tables become dotted rows ("cluster.nodes", "steps[].at") in the first two, so
 * that a reader sees the path that messages use.
 */
#include "sim/json.h"
#include "sim/param.h"
#include "sim/yaml.h"

#define TERMINAL_COLUMNS 100
#define HELP_COLUMNS_MIN 30

/* One line of the table, flattened. */
typedef struct {
    char *name, *type, *fallback;
    const char *help;
} Row;

static void row_clear(void *data)
{
    Row *row = data;
    g_free(row->name);
    g_free(row->type);
    g_free(row->fallback);
}

/* --- types and defaults as text --- */

static char *type_with_limits(const Param *param, const char *type)
{
    if (param->min == 0 && param->max == 0) return g_strdup(type);
    bool has_min = param->min > -1e15, has_max = param->max < 1e15;
    g_autoptr(Value) min_value = value_float(has_min ? param->min : 0);
    g_autoptr(Value) max_value = value_float(has_max ? param->max : 0);
    g_autofree char *min = json_text(min_value), *max = json_text(max_value);
    if (has_min && has_max) return g_strdup_printf("%s %s..%s", type, min, max);
    if (has_min) return g_strdup_printf("%s >= %s", type, min);
    return has_max ? g_strdup_printf("%s <= %s", type, max) : g_strdup(type);
}

static char *words_text(const char *const *words)
{
    GString *text = g_string_new(words[0]);
    for (unsigned i = 1; words[0] != NULL && words[i] != NULL; i++)
        g_string_append_printf(text, "|%s", words[i]);
    return g_string_free(text, FALSE);
}

static char *type_text(const Param *param)
{
    switch (param->type) {
    case PARAM_BOOL: return g_strdup("boolean");
    case PARAM_INT: return type_with_limits(param, "integer");
    case PARAM_FLOAT: return type_with_limits(param, "number");
    case PARAM_DURATION: return g_strdup("duration");
    case PARAM_DIST: return g_strdup("distribution");
    case PARAM_STRING: return g_strdup("text");
    case PARAM_WORD: return words_text(param->words);
    case PARAM_VALUE: return g_strdup("any");
    case PARAM_MAP: return g_strdup("map");
    case PARAM_LIST: return g_strdup("list");
    }
    UNREACHABLE();
}

static const char *fallback_text(const Param *param)
{
    if (param->fallback == PARAM_REQUIRED) return "required";
    if (param->fallback != NULL) return *param->fallback != 0 ? param->fallback : "\"\"";
    switch (param->type) {
    case PARAM_BOOL: return "false";
    case PARAM_INT:
    case PARAM_FLOAT:
    case PARAM_DURATION:
    case PARAM_DIST: return "0";
    case PARAM_WORD: return param->words[0];
    case PARAM_STRING:
    case PARAM_VALUE:
    case PARAM_MAP:
    case PARAM_LIST: break;
    }
    return "-";
}

static void rows_collect(const Param *table, const char *prefix, GArray *rows)
{
    for (const Param *param = table; param->name != NULL; param++) {
        Row row = {g_strconcat(prefix, param->name, NULL), type_text(param),
                   g_strdup(fallback_text(param)), param->help != NULL ? param->help : ""};
        g_array_append_val(rows, row);
        if (param->nested == NULL) continue;
        const char *joint = param->type == PARAM_LIST ? "[]." : ".";
        g_autofree char *inner = g_strconcat(prefix, param->name, joint, NULL);
        rows_collect(param->nested, inner, rows);
    }
}

/* --- terminal --- */

static int columns_of(const char *text)
{
    return (int)g_utf8_strlen(text, -1);
}

static void write_padded(const char *text, int width, GString *out)
{
    g_string_append(out, text);
    for (int i = columns_of(text); i < width; i++)
        g_string_append_c(out, ' ');
}

/* Words of a text in lines from column `start` on; the first line is already there. */
static void write_wrapped(const char *text, int start, GString *out)
{
    int room = MAX(TERMINAL_COLUMNS - start, HELP_COLUMNS_MIN), used = 0;
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    for (unsigned i = 0; words[i] != NULL; i++) {
        int width = columns_of(words[i]);
        if (used > 0 && used + 1 + width > room) {
            g_string_append_c(out, '\n');
            write_padded("", start, out);
            used = 0;
        }
        if (used > 0) g_string_append_c(out, ' ');
        g_string_append(out, words[i]);
        used += width + (used > 0);
    }
    while (out->len > 0 && out->str[out->len - 1] == ' ')
        g_string_truncate(out, out->len - 1);
    g_string_append_c(out, '\n');
}

static void write_terminal(const GArray *rows, GString *out)
{
    int name = 0, type = 0, fallback = 0;
    for (unsigned i = 0; i < rows->len; i++) {
        const Row *row = &g_array_index(rows, Row, i);
        name = MAX(name, columns_of(row->name));
        type = MAX(type, columns_of(row->type));
        fallback = MAX(fallback, columns_of(row->fallback));
    }
    for (unsigned i = 0; i < rows->len; i++) {
        const Row *row = &g_array_index(rows, Row, i);
        g_string_append(out, "  ");
        write_padded(row->name, name + 2, out);
        write_padded(row->type, type + 2, out);
        write_padded(row->fallback, fallback + 2, out);
        write_wrapped(row->help, 2 + name + type + fallback + 6, out);
    }
}

/* --- Markdown --- */

/* A cell; a '|' would end it, even inside back quotes. */
static void write_cell(const char *text, bool code, GString *out)
{
    g_string_append(out, code ? " `" : " ");
    for (; *text != 0; text++) {
        if (*text == '|') g_string_append_c(out, '\\');
        g_string_append_c(out, *text == '\n' ? ' ' : *text);
    }
    g_string_append(out, code ? "` |" : " |");
}

static void write_markdown(const GArray *rows, GString *out)
{
    g_string_append(out, "| key | type | default | meaning |\n|---|---|---|---|\n");
    for (unsigned i = 0; i < rows->len; i++) {
        const Row *row = &g_array_index(rows, Row, i);
        bool has_fallback =
            strcmp(row->fallback, "required") != 0 && strcmp(row->fallback, "-") != 0;
        g_string_append_c(out, '|');
        write_cell(row->name, true, out);
        write_cell(row->type, false, out);
        write_cell(row->fallback, has_fallback, out);
        write_cell(row->help, false, out);
        g_string_append_c(out, '\n');
    }
}

void param_help(const Param *table, bool markdown, GString *out)
{
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(Row));
    g_array_set_clear_func(rows, row_clear);
    rows_collect(table, "", rows);
    if (markdown)
        write_markdown(rows, out);
    else
        write_terminal(rows, out);
}

/* --- JSON Schema --- */

static void schema_limits(const Param *param, Value *schema)
{
    if (param->min == 0 && param->max == 0) return;
    if (param->min > -1e15) value_map_set(schema, "minimum", value_float(param->min));
    if (param->max < 1e15) value_map_set(schema, "maximum", value_float(param->max));
}

/* Durations are texts, or numbers of seconds. */
static Value *text_or_number(void)
{
    Value *types = value_list();
    value_list_add(types, value_string("string"));
    value_list_add(types, value_string("number"));
    return types;
}

static Value *words_schema(const char *const *words)
{
    Value *list = value_list();
    for (; *words != NULL; words++)
        value_list_add(list, value_string(*words));
    return list;
}

static void schema_type(const Param *param, Value *schema)
{
    switch (param->type) {
    case PARAM_BOOL: value_map_set(schema, "type", value_string("boolean")); return;
    case PARAM_INT:
        value_map_set(schema, "type", value_string("integer"));
        schema_limits(param, schema);
        return;
    case PARAM_FLOAT:
        value_map_set(schema, "type", value_string("number"));
        schema_limits(param, schema);
        return;
    case PARAM_DURATION:
    case PARAM_DIST: value_map_set(schema, "type", text_or_number()); return;
    case PARAM_STRING: value_map_set(schema, "type", value_string("string")); return;
    case PARAM_WORD:
        value_map_set(schema, "type", value_string("string"));
        value_map_set(schema, "enum", words_schema(param->words));
        return;
    case PARAM_LIST:
        value_map_set(schema, "type", value_string("array"));
        if (param->nested != NULL) value_map_set(schema, "items", param_schema(param->nested));
        return;
    case PARAM_VALUE:
    case PARAM_MAP: return;
    }
    UNREACHABLE();
}

static Value *schema_default(const Param *param)
{
    const char *text = param->fallback;
    bool plain =
        param->type == PARAM_BOOL || param->type == PARAM_INT || param->type == PARAM_FLOAT;
    return plain ? yaml_resolve_plain(text, strlen(text)) : value_string(text);
}

static Value *row_schema(const Param *param)
{
    Value *schema = param->type == PARAM_MAP ? param_schema(param->nested) : value_map();
    schema_type(param, schema);
    if (param->help != NULL) value_map_set(schema, "description", value_string(param->help));
    if (param->fallback != NULL && param->fallback != PARAM_REQUIRED)
        value_map_set(schema, "default", schema_default(param));
    return schema;
}

Value *param_schema(const Param *table)
{
    Value *schema = value_map(), *properties = value_map(), *required = value_list();
    for (const Param *param = table; param->name != NULL; param++) {
        value_map_set(properties, param->name, row_schema(param));
        if (param->fallback == PARAM_REQUIRED) value_list_add(required, value_string(param->name));
    }
    value_map_set(schema, "type", value_string("object"));
    value_map_set(schema, "additionalProperties", value_bool(false));
    value_map_set(schema, "properties", properties);
    if (value_size(required) > 0)
        value_map_set(schema, "required", required);
    else
        value_unref(required);
    return schema;
}
