/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.c - YAML to values, from libyaml's events.
 *
 * The builder is a recursive descent over events, at most DEPTH_MAX deep. An anchored node is kept
 * by reference, so an alias costs a pointer; what it would cost written out is counted, because
 * whoever walks the tree pays for that. A fault is noted where it is found; on the way back up each
 * level puts its key or index in front of the path, so that good input pays nothing for it.
 *
 * Plain scalars follow the table of go-yaml v2, which Kubernetes reads manifests with. In it y and
 * n alone are booleans too. Text that looks like a date stays text.
 */
#include "sim/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <yaml.h>

#define DEPTH_MAX   200
#define ALIASED_MAX 400000 /* nodes that aliases may add to one stream */
#define TAG_PREFIX  "tag:yaml.org,2002:"

/* A node as its parent takes it: the value and what it measures when written out. */
typedef struct {
    Value *value;
    unsigned nodes, height;
} Node;

/* Where a key of a map under construction was read. */
typedef struct {
    const char *key;
    unsigned line;
} KeyLine;

typedef struct {
    yaml_parser_t parser;
    const char *text, *file;
    size_t length;
    GHashTable *anchors; /* name -> Node *; no value: still being read */
    GArray *key_lines;   /* of KeyLine; a stack of the maps being read */
    unsigned depth, aliased;
    GString *path; /* of the fault */
    char *fault;   /* what is wrong and what to do; set once */
    unsigned fault_line;
} Builder;

static bool node_read(Builder *builder, yaml_event_t *event, Node *ret_node);

/* --- faults --- */

static bool fail(Builder *builder, unsigned line, const char *format, ...) G_GNUC_PRINTF(3, 4);

static bool fail(Builder *builder, unsigned line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    CHECK(builder->fault == NULL);
    builder->fault = g_strdup_vprintf(format, arguments);
    builder->fault_line = line;
    va_end(arguments);
    return false;
}

static void fail_inside_key(Builder *builder, const char *key)
{
    char next = builder->path->str[0];
    if (next != 0 && next != '[') g_string_prepend_c(builder->path, '.');
    g_string_prepend(builder->path, key);
}

static void fail_inside_index(Builder *builder, unsigned index)
{
    g_autofree char *text = g_strdup_printf("[%u]", index);
    char next = builder->path->str[0];
    if (next != 0 && next != '[') g_string_prepend_c(builder->path, '.');
    g_string_prepend(builder->path, text);
}

/* What to do about a complaint of libyaml's, by the words it begins with. */
static const struct {
    const char *problem, *what;
} advice[] = {
    {"control characters are not allowed",
     "the text holds a control character; remove it, or write it as \"\\x..\" in double quotes"},
    {"invalid leading UTF-8 octet", "the text is not UTF-8; save the file as UTF-8"},
    {"invalid trailing UTF-8 octet", "the text is not UTF-8; save the file as UTF-8"},
    {"incomplete UTF-8 octet sequence", "the text ends inside a UTF-8 character; is it cut off?"},
    {"mapping values are not allowed in this context",
     "a ':' stands where no key can begin; check the indentation, or quote the text"},
    {"could not find expected ':'",
     "a key has no ':'; check the indentation and that the key is followed by ':'"},
    {"did not find expected key",
     "the line fits neither the map above nor a new one; check the indentation"},
    {"did not find expected '-' indicator",
     "the line fits neither the list above nor a new one; check the indentation"},
    {"did not find expected ',' or ']'", "a list opened by '[' is not closed; add ',' or ']'"},
    {"did not find expected ',' or '}'", "a map opened by '{' is not closed; add ',' or '}'"},
    {"found unexpected end of stream", "a quoted text is never closed; add the closing quote"},
    {"found unexpected document indicator",
     "a quoted text runs into the next document; add the closing quote"},
    {"found unknown escape character",
     "a backslash in double quotes begins no escape that YAML knows; double it or use '...'"},
    {"found undefined tag handle", "the tag's handle is not declared; remove the tag"},
};

static const char *advice_for(const yaml_parser_t *parser, const Builder *builder)
{
    size_t index = parser->problem_mark.index;
    if (strcmp(parser->problem, "found character that cannot start any token") == 0) {
        const char *at = index < builder->length ? builder->text + index : "";
        if (*at == '\t') return "a tab is used for indentation; use spaces";
        return "the text begins with a character that YAML reserves ('@', '`' or '%'); quote it";
    }
    for (size_t i = 0; i < G_N_ELEMENTS(advice); i++)
        if (g_str_has_prefix(parser->problem, advice[i].problem)) return advice[i].what;
    return NULL;
}

/* The line of a byte; the reader's complaints carry an offset only. */
static unsigned line_of_offset(const Builder *builder, size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < MIN(offset, builder->length); i++)
        line += builder->text[i] == '\n';
    return line;
}

static bool fail_syntax(Builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    CHECK(parser->problem != NULL);
    unsigned line = parser->error == YAML_READER_ERROR
                        ? line_of_offset(builder, parser->problem_offset)
                        : (unsigned)parser->problem_mark.line + 1;
    const char *what = advice_for(parser, builder);
    if (what == NULL) return fail(builder, line, "%s; correct the YAML", parser->problem);
    unsigned begin = (unsigned)parser->context_mark.line + 1;
    if (parser->context != NULL && begin != line)
        return fail(builder, line, "%s (it begins at line %u)", what, begin);
    return fail(builder, line, "%s", what);
}

static bool event_next(Builder *builder, yaml_event_t *ret_event)
{
    return yaml_parser_parse(&builder->parser, ret_event) != 0 || fail_syntax(builder);
}

static unsigned line_of(const yaml_event_t *event)
{
    return (unsigned)event->start_mark.line + 1;
}

/* --- plain scalars --- */

static const struct {
    const char *word;
    ValueType type;
    bool truth;
} words[] = {
    {"", VALUE_NULL, false},       {"~", VALUE_NULL, false},      {"null", VALUE_NULL, false},
    {"Null", VALUE_NULL, false},   {"NULL", VALUE_NULL, false},   {"y", VALUE_BOOL, true},
    {"Y", VALUE_BOOL, true},       {"yes", VALUE_BOOL, true},     {"Yes", VALUE_BOOL, true},
    {"YES", VALUE_BOOL, true},     {"true", VALUE_BOOL, true},    {"True", VALUE_BOOL, true},
    {"TRUE", VALUE_BOOL, true},    {"on", VALUE_BOOL, true},      {"On", VALUE_BOOL, true},
    {"ON", VALUE_BOOL, true},      {"n", VALUE_BOOL, false},      {"N", VALUE_BOOL, false},
    {"no", VALUE_BOOL, false},     {"No", VALUE_BOOL, false},     {"NO", VALUE_BOOL, false},
    {"false", VALUE_BOOL, false},  {"False", VALUE_BOOL, false},  {"FALSE", VALUE_BOOL, false},
    {"off", VALUE_BOOL, false},    {"Off", VALUE_BOOL, false},    {"OFF", VALUE_BOOL, false},
    {".nan", VALUE_FLOAT, false},  {".NaN", VALUE_FLOAT, false},  {".NAN", VALUE_FLOAT, false},
    {".inf", VALUE_FLOAT, false},  {".Inf", VALUE_FLOAT, false},  {".INF", VALUE_FLOAT, false},
    {"+.inf", VALUE_FLOAT, false}, {"+.Inf", VALUE_FLOAT, false}, {"+.INF", VALUE_FLOAT, false},
    {"-.inf", VALUE_FLOAT, false}, {"-.Inf", VALUE_FLOAT, false}, {"-.INF", VALUE_FLOAT, false},
};

#define WORD_MAX 5

/* Whether a text is one of the words; the value is NULL for infinities and NaN. */
static bool resolve_word(const char *text, size_t length, Value **ret_value)
{
    if (length > WORD_MAX) return false;
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        const char *word = words[i].word;
        if (strlen(word) != length || memcmp(word, text, length) != 0) continue;
        *ret_value = NULL;
        if (words[i].type == VALUE_NULL) *ret_value = value_null();
        if (words[i].type == VALUE_BOOL) *ret_value = value_bool(words[i].truth);
        return true;
    }
    return false;
}

/* The base that a number's prefix names, as Go's ParseInt(.., 0, ..) reads it. */
static unsigned base_of(const char **digits)
{
    const char *text = *digits;
    if (text[0] != '0' || text[1] == 0) return 10;
    char letter = g_ascii_tolower(text[1]);
    unsigned base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    *digits += base != 0 ? 2 : 1;
    return base != 0 ? base : 8;
}

static Value *resolve_int(const char *text)
{
    bool negative = *text == '-', is_signed = negative || *text == '+';
    const char *digits = text + is_signed;
    unsigned base = base_of(&digits);
    uint64_t number = 0;
    if (*digits == 0) return NULL;
    for (; *digits != 0; digits++) {
        int digit = g_ascii_xdigit_value(*digits);
        if (digit < 0 || (unsigned)digit >= base) return NULL;
        if (__builtin_mul_overflow(number, base, &number)) return NULL;
        if (__builtin_add_overflow(number, (uint64_t)digit, &number)) return NULL;
    }
    if (negative && number <= (uint64_t)INT64_MAX + 1) return value_int((int64_t)(0 - number));
    if (!negative && number <= INT64_MAX) return value_int((int64_t)number);
    return is_signed ? NULL : value_float((double)number);
}

static const char *skip_digits(const char *text)
{
    while (g_ascii_isdigit(*text))
        text++;
    return text;
}

/* Whether a text is [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool looks_like_float(const char *text)
{
    if (*text == '-' || *text == '+') text++;
    const char *whole = text;
    text = skip_digits(text);
    bool has_whole = text > whole;
    if (*text == '.') {
        const char *fraction = ++text;
        text = skip_digits(text);
        if (!has_whole && text == fraction) return false;
    } else if (!has_whole) {
        return false;
    }
    if (*text != 'e' && *text != 'E') return *text == 0;
    text++;
    if (*text == '-' || *text == '+') text++;
    return *skip_digits(text) == 0 && g_ascii_isdigit(*text);
}

static Value *resolve_float(const char *text)
{
    if (!looks_like_float(text)) return NULL;
    double number = g_ascii_strtod(text, NULL);
    return isfinite(number) ? value_float(number) : NULL; /* out of range: text, as in Go */
}

static Value *resolve_number(const char *text, size_t length)
{
    char small[64];
    g_autofree char *big = length < sizeof small ? NULL : g_malloc(length + 1);
    char *copy = big != NULL ? big : small;
    size_t used = 0;
    /* Underscores may stand anywhere in a number, but not in one that begins with a point. */
    for (size_t i = 0; i < length; i++)
        if (text[i] != '_' || text[0] == '.') copy[used++] = text[i];
    copy[used] = 0;
    if (strlen(copy) != used) return NULL;
    Value *value = text[0] == '.' ? NULL : resolve_int(copy);
    return value != NULL ? value : resolve_float(copy);
}

Value *yaml_resolve_plain(const char *text, size_t length)
{
    Value *value = NULL;
    char first = '~';
    if (length > 0) first = text[0];
    if (strchr("yYnNtTfFoO~.+-", first) != NULL && resolve_word(text, length, &value)) return value;
    if (g_ascii_isdigit(first) || first == '.' || first == '+' || first == '-')
        value = resolve_number(text, length);
    return value != NULL ? value : value_string_n(text, length);
}

/* --- tags --- */

/* The part behind tag:yaml.org,2002: or NULL. */
static const char *core_tag(const yaml_char_t *tag)
{
    const char *text = (const char *)tag;
    return text != NULL && g_str_has_prefix(text, TAG_PREFIX) ? text + strlen(TAG_PREFIX) : NULL;
}

static bool fail_tag(Builder *builder, const yaml_event_t *event, const yaml_char_t *tag)
{
    return fail(builder, line_of(event), "tag '%s' is not supported; remove it", (const char *)tag);
}

static bool fail_not_a(Builder *builder, const yaml_event_t *event, const char *tag)
{
    return fail(builder, line_of(event), "'%s' is not what its tag !!%s says; correct one of them",
                (const char *)event->data.scalar.value, tag);
}

/* A scalar with a tag: what the text means must be what the tag says. */
static bool tagged_read(Builder *builder, yaml_event_t *event, Value **ret_value)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    const char *tag = core_tag(event->data.scalar.tag);
    static const char *const known[] = {"null", "bool", "int", "float", "timestamp", NULL};
    static const ValueType types[] = {VALUE_NULL, VALUE_BOOL, VALUE_INT, VALUE_FLOAT, VALUE_STRING};
    if (tag != NULL && strcmp(tag, "str") == 0) {
        *ret_value = value_string_n(text, length);
        return true;
    }
    if (tag == NULL || !g_strv_contains(known, tag))
        return fail_tag(builder, event, event->data.scalar.tag);
    unsigned i = 0;
    while (strcmp(known[i], tag) != 0)
        i++;
    g_autoptr(Value) value = yaml_resolve_plain(text, length);
    if (value == NULL) return fail_not_a(builder, event, tag);
    ValueType type = value_type(value);
    bool widens = types[i] == VALUE_FLOAT && type == VALUE_INT;
    if (type != types[i] && !widens) return fail_not_a(builder, event, tag);
    *ret_value = widens ? value_float(value_as_float(value, 0)) : value_ref(value);
    return true;
}

/* --- nodes --- */

static bool scalar_read(Builder *builder, yaml_event_t *event, Value **ret_value)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (memchr(text, 0, length) != NULL)
        return fail(builder, line_of(event), "a text holds a NUL character; remove it");
    if (event->data.scalar.tag != NULL) return tagged_read(builder, event, ret_value);
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
        *ret_value = value_string_n(text, length);
        return true;
    }
    *ret_value = yaml_resolve_plain(text, length);
    return *ret_value != NULL ||
           fail(builder, line_of(event), "%s is no number that JSON can hold; write another value",
                text);
}

/* Makes an anchor known; `node` NULL: its node is still being read. */
static void anchor_set(Builder *builder, const char *name, const Node *node)
{
    Node *kept = NULL;
    if (node != NULL) {
        kept = g_new(Node, 1);
        *kept = *node;
        value_ref(kept->value);
    }
    g_hash_table_replace(builder->anchors, g_strdup(name), kept);
}

static void anchor_free(void *data)
{
    Node *node = data;
    if (node == NULL) return;
    value_unref(node->value);
    g_free(node);
}

static bool alias_read(Builder *builder, const yaml_event_t *event, Node *ret_node)
{
    const char *name = (const char *)event->data.alias.anchor;
    void *found;
    if (!g_hash_table_lookup_extended(builder->anchors, name, NULL, &found))
        return fail(builder, line_of(event), "alias *%s has no anchor; define &%s before it", name,
                    name);
    if (found == NULL)
        return fail(builder, line_of(event), "alias *%s stands inside its own anchor; remove it",
                    name);
    const Node *node = found;
    builder->aliased += node->nodes;
    if (builder->aliased > ALIASED_MAX)
        return fail(builder, line_of(event), "aliases expand to more than %d nodes; write fewer",
                    ALIASED_MAX);
    if (builder->depth + node->height > DEPTH_MAX)
        return fail(builder, line_of(event), "nested deeper than %d levels; flatten it", DEPTH_MAX);
    *ret_node = *node;
    value_ref(node->value);
    return true;
}

static void node_absorb(Node *parent, const Node *child)
{
    parent->nodes += child->nodes;
    parent->height = MAX(parent->height, child->height + 1);
}

static bool list_read(Builder *builder, Node *node)
{
    for (;;) {
        yaml_event_t event;
        Node child = {NULL, 1, 1};
        if (!event_next(builder, &event)) return false;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        bool good = end || node_read(builder, &event, &child);
        yaml_event_delete(&event);
        if (end) return true;
        if (!good) {
            fail_inside_index(builder, value_size(node->value));
            return false;
        }
        node_absorb(node, &child);
        value_list_add(node->value, child.value);
    }
}

/* --- maps --- */

/* Text of a float key, as Kubernetes writes it: the fewest digits that read back in single
 * precision, with an exponent below 1e-4 and from 1e6 on. */
static char *key_of_float(double number)
{
    char text[64], format[8];
    int count = 1;
    for (; count <= 9; count++) {
        g_snprintf(format, sizeof format, "%%.%de", count - 1);
        g_ascii_formatd(text, sizeof text, format, number);
        if ((float)g_ascii_strtod(text, NULL) == (float)number) break;
    }
    int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
    if (exponent >= -4 && exponent < 6) {
        g_snprintf(format, sizeof format, "%%.%df", MAX(count - 1 - exponent, 0));
        g_ascii_formatd(text, sizeof text, format, number);
    }
    return g_strdup(text);
}

/* Reads a key; keys that are no text become text. */
static bool key_read(Builder *builder, yaml_event_t *event, char **ret_key)
{
    if (event->type == YAML_ALIAS_EVENT) {
        Node node = {NULL, 0, 0};
        if (!alias_read(builder, event, &node)) return false;
        *ret_key = g_strdup(value_as_text(node.value, NULL));
        value_unref(node.value);
        return *ret_key != NULL ||
               fail(builder, line_of(event), "a key cannot be an alias of anything but a text");
    }
    if (event->type != YAML_SCALAR_EVENT)
        return fail(builder, line_of(event),
                    "a key cannot be a map or a list; quote it if it is a text like {{ }}");
    Value *value = NULL;
    Node node;
    if (!scalar_read(builder, event, &value)) return false;
    node = (Node){value, 1, 1};
    if (event->data.scalar.anchor != NULL)
        anchor_set(builder, (const char *)event->data.scalar.anchor, &node);
    switch (value_type(value)) {
    case VALUE_BOOL: *ret_key = g_strdup(value_as_bool(value, false) ? "true" : "false"); break;
    case VALUE_INT: *ret_key = g_strdup_printf("%" PRId64, value_as_int(value, 0)); break;
    case VALUE_FLOAT: *ret_key = key_of_float(value_as_float(value, 0)); break;
    case VALUE_STRING: *ret_key = g_strdup(value_as_text(value, "")); break;
    case VALUE_NULL:
    case VALUE_LIST:
    case VALUE_MAP: *ret_key = NULL; break;
    }
    value_unref(value);
    return *ret_key != NULL || fail(builder, line_of(event),
                                    "a key cannot be null or empty; write the key, or quote it");
}

/* Whether a key is the merge key: a plain <<, not a quoted one. */
static bool is_merge(const yaml_event_t *event)
{
    if (event->type != YAML_SCALAR_EVENT) return false;
    if (strcmp((const char *)event->data.scalar.value, "<<") != 0) return false;
    const char *tag = core_tag(event->data.scalar.tag);
    if (tag != NULL) return strcmp(tag, "merge") == 0;
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* Puts the entries of a map that are not there yet. */
static void merge_map(Value *into, const Value *from)
{
    value_each (i, from) {
        const char *key = value_key_at(from, i);
        if (value_get(into, key) == NULL) value_map_set(into, key, value_ref(value_at(from, i)));
    }
}

/* Applies a merge key's value, a map or a list of maps of which the first win. */
static bool merge_apply(Builder *builder, Value *into, const Value *from, unsigned line)
{
    if (value_is_map(from)) {
        merge_map(into, from);
        return true;
    }
    bool good = value_is_list(from);
    value_each (i, from) {
        good = good && value_is_map(value_at(from, i));
        if (good) merge_map(into, value_at(from, i));
    }
    return good || fail(builder, line, "the value of << must be a map or a list of maps");
}

/* Notes the line of a key; false if the map (whose keys begin at `base`) had it before. */
static bool key_note(Builder *builder, unsigned base, const Value *map, KeyLine *key)
{
    key->key = value_key(key->key);
    if (value_get(map, key->key) != NULL || strcmp(key->key, "<<") == 0) {
        for (unsigned i = base; i < builder->key_lines->len; i++) {
            const KeyLine *seen = &g_array_index(builder->key_lines, KeyLine, i);
            if (seen->key == key->key)
                return fail(builder, key->line,
                            "key '%s' is given twice, first at line %u; remove one", key->key,
                            seen->line);
        }
    }
    g_array_append_val(builder->key_lines, *key);
    return true;
}

/* A node says where its key stands, which is what a message about the key should point at. */
static bool entry_read(Builder *builder, unsigned line, Node *ret_child)
{
    yaml_event_t event;
    if (!event_next(builder, &event)) return false;
    bool shared = event.type == YAML_ALIAS_EVENT;
    bool good = node_read(builder, &event, ret_child);
    if (good && !shared) value_set_line(ret_child->value, line);
    yaml_event_delete(&event);
    return good;
}

static bool pair_read(Builder *builder, yaml_event_t *key_event, unsigned base, Node *map,
                      Value **merged)
{
    g_autofree char *text = NULL;
    bool merge = is_merge(key_event);
    Node child = {NULL, 1, 1};
    if (merge)
        text = g_strdup("<<");
    else if (!key_read(builder, key_event, &text))
        return false;
    KeyLine key = {text, line_of(key_event)};
    if (!key_note(builder, base, map->value, &key)) return false;
    if (!entry_read(builder, key.line, &child)) {
        fail_inside_key(builder, key.key);
        return false;
    }
    node_absorb(map, &child);
    if (merge)
        *merged = child.value;
    else
        value_map_set(map->value, key.key, child.value);
    return true;
}

/* Merged entries come last, so that the map's own keys win wherever << stands. */
static bool map_read(Builder *builder, Node *node)
{
    unsigned base = builder->key_lines->len;
    g_autoptr(Value) merged = NULL;
    bool good = true, end = false;
    while (good && !end) {
        yaml_event_t event;
        if (!event_next(builder, &event)) return false;
        end = event.type == YAML_MAPPING_END_EVENT;
        good = end || pair_read(builder, &event, base, node, &merged);
        yaml_event_delete(&event);
    }
    if (good && merged != NULL)
        good = merge_apply(builder, node->value, merged, value_line(merged));
    g_array_set_size(builder->key_lines, base);
    return good;
}

/* Reads the inside of a list or map whose start is `event`. */
static bool collection_read(Builder *builder, yaml_event_t *event, Node *node)
{
    bool map = event->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag = map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    const char *core = core_tag(tag);
    if (tag != NULL && g_strcmp0(core, map ? "map" : "seq") != 0)
        return fail_tag(builder, event, tag);
    if (builder->depth == DEPTH_MAX)
        return fail(builder, line_of(event), "nested deeper than %d levels; flatten it", DEPTH_MAX);
    builder->depth++;
    node->value = map ? value_map() : value_list();
    bool good = map ? map_read(builder, node) : list_read(builder, node);
    builder->depth--;
    return good;
}

/* Reads the node that begins with `event`, up to its end. */
static bool node_read(Builder *builder, yaml_event_t *event, Node *ret_node)
{
    if (event->type == YAML_ALIAS_EVENT) return alias_read(builder, event, ret_node);
    const yaml_char_t *anchor = event->type == YAML_SCALAR_EVENT ? event->data.scalar.anchor
                                : event->type == YAML_MAPPING_START_EVENT
                                    ? event->data.mapping_start.anchor
                                    : event->data.sequence_start.anchor;
    const char *name = (const char *)anchor;
    Node node = {NULL, 1, 1};
    if (name != NULL) anchor_set(builder, name, NULL);
    bool good = event->type == YAML_SCALAR_EVENT ? scalar_read(builder, event, &node.value)
                                                 : collection_read(builder, event, &node);
    if (!good) {
        value_unref(node.value);
        return false;
    }
    value_set_line(node.value, line_of(event));
    if (name != NULL) anchor_set(builder, name, &node);
    *ret_node = node;
    return true;
}

/* --- documents --- */

static bool is_empty(const yaml_event_t *event)
{
    return event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
           event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && event->data.scalar.tag == NULL;
}

static bool document_read(Builder *builder, YamlStream *stream)
{
    yaml_event_t event;
    Node node;
    if (!event_next(builder, &event)) return false;
    unsigned line = line_of(&event);
    bool empty = is_empty(&event);
    bool good = node_read(builder, &event, &node);
    yaml_event_delete(&event);
    if (!good) return false;
    YamlDocument document = {node.value, builder->file, line};
    if (empty)
        value_unref(node.value);
    else
        g_array_append_val(stream->documents, document);
    g_hash_table_remove_all(builder->anchors);
    return true;
}

static bool stream_read(Builder *builder, YamlStream *stream)
{
    for (;;) {
        yaml_event_t event;
        if (!event_next(builder, &event)) return false;
        yaml_event_type_t type = event.type;
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT) return true;
        if (type == YAML_DOCUMENT_START_EVENT && !document_read(builder, stream)) return false;
    }
}

static void document_clear(void *data)
{
    YamlDocument *document = data;
    value_unref(document->value);
}

void yaml_stream_free(YamlStream *stream)
{
    if (stream == NULL) return;
    g_array_unref(stream->documents);
    g_free(stream);
}

unsigned yaml_count(const YamlStream *stream)
{
    return stream->documents->len;
}

const YamlDocument *yaml_at(const YamlStream *stream, unsigned index)
{
    CHECK(index < stream->documents->len);
    return &g_array_index(stream->documents, YamlDocument, index);
}

YamlStream *yaml_parse(const char *text, size_t length, const char *file, GError **error)
{
    Builder builder = {.text = text, .length = length, .file = g_intern_string(file)};
    g_autoptr(YamlStream) stream = g_new(YamlStream, 1);
    stream->documents = g_array_new(FALSE, FALSE, sizeof(YamlDocument));
    g_array_set_clear_func(stream->documents, document_clear);
    builder.anchors = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, anchor_free);
    builder.key_lines = g_array_new(FALSE, FALSE, sizeof(KeyLine));
    builder.path = g_string_new(NULL);
    int started = yaml_parser_initialize(&builder.parser);
    CHECK_THAT(started, "out of memory");
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, length);

    bool good = stream_read(&builder, stream);
    if (!good) {
        const char *path = builder.path->str;
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "%s:%u: %s%s%s", builder.file,
                    builder.fault_line, path, *path != 0 ? ": " : "", builder.fault);
    }
    yaml_parser_delete(&builder.parser);
    g_string_free(builder.path, TRUE);
    g_array_unref(builder.key_lines);
    g_hash_table_unref(builder.anchors);
    g_free(builder.fault);
    return good ? g_steal_pointer(&stream) : NULL;
}

/* --- files --- */

static bool read_all(FILE *in, GString *text)
{
    char chunk[1 << 14];
    size_t count;
    while ((count = fread(chunk, 1, sizeof chunk, in)) > 0)
        g_string_append_len(text, chunk, (gssize)count);
    return !ferror(in);
}

YamlStream *yaml_load(const char *file, GError **error)
{
    bool standard = strcmp(file, "-") == 0;
    const char *name = standard ? "<stdin>" : file;
    FILE *in = standard ? stdin : fopen(file, "rb");
    g_autoptr(GString) text = g_string_new(NULL);
    bool good = in != NULL && read_all(in, text);
    int reason = errno;
    if (in != NULL && !standard) fclose(in);
    if (!good) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "%s: cannot be read: %s", name,
                    g_strerror(reason));
        return NULL;
    }
    return yaml_parse(text->str, text->len, name, error);
}
