/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_read.c - JSON in: RFC 8259, nothing more, straight into values.
 *
 * Recordings are JSON Lines by the ten thousand, and a document of kubectl may be many megabytes.
 * The two C libraries at hand build a tree of their own first, which then has to be copied; README.md
 * has the figures. A key given twice is refused, because one of the two would be lost.
 */
#include "sim/json.h"

#include <math.h>

#define DEPTH_MAX  200
#define KNOWN_KEYS 256

typedef struct {
    const char *start, *at, *end;
    const char *file;
    unsigned line;              /* of start */
    GString *scratch;           /* keys, and strings with escapes */
    GPtrArray *keys, *children; /* entries of the maps that are still open */
    unsigned depth;
    const char *fault;             /* NULL: none */
    const char *known[KNOWN_KEYS]; /* interned keys met lately, by a cheap hash */
} Reader;

static Value *read_value(Reader *reader);

static Value *fail(Reader *reader, const char *what)
{
    if (reader->fault == NULL) reader->fault = what;
    return NULL;
}

static void skip_space(Reader *reader)
{
    const char *at = reader->at;
    while (at < reader->end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    reader->at = at;
}

/* Whether the next character is this one, which is then passed. */
static bool take(Reader *reader, char wanted)
{
    if (reader->at >= reader->end || *reader->at != wanted) return false;
    reader->at++;
    return true;
}

/* --- strings --- */

static bool read_hex(Reader *reader, gunichar *ret_unit)
{
    *ret_unit = 0;
    for (unsigned i = 0; i < 4; i++) {
        int digit = reader->at < reader->end ? g_ascii_xdigit_value(*reader->at) : -1;
        if (digit < 0) return fail(reader, "\\u needs four hexadecimal digits") != NULL;
        *ret_unit = *ret_unit * 16 + (gunichar)digit;
        reader->at++;
    }
    return true;
}

/* What \u stands for; as in Go, half a pair becomes U+FFFD. */
static bool read_unicode(Reader *reader)
{
    gunichar unit, low;
    if (!read_hex(reader, &unit)) return false;
    if (unit >= 0xd800 && unit < 0xdc00 && reader->end - reader->at >= 6 && reader->at[0] == '\\' &&
        reader->at[1] == 'u') {
        const char *before = reader->at;
        reader->at += 2;
        if (!read_hex(reader, &low)) return false;
        if (low >= 0xdc00 && low < 0xe000) {
            unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        } else {
            reader->at = before;
        }
    }
    if (unit == 0) return fail(reader, "a string cannot hold a NUL") != NULL;
    if (unit >= 0xd800 && unit < 0xe000) unit = 0xfffd;
    g_string_append_unichar(reader->scratch, unit);
    return true;
}

static bool read_escape(Reader *reader)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (reader->at >= reader->end) return fail(reader, "the string has no end") != NULL;
    char name = *reader->at++;
    if (name == 'u') return read_unicode(reader);
    const char *found = name != 0 ? strchr(names, name) : NULL;
    if (found == NULL) return fail(reader, "no such escape in a string") != NULL;
    g_string_append_c(reader->scratch, values[found - names]);
    return true;
}

/* Passes the characters that stand for themselves. */
static void skip_plain(Reader *reader)
{
    const char *at = reader->at;
    while (at < reader->end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
        at++;
    reader->at = at;
}

/* Reads a string whose quote has been passed; the text is in the input, or in scratch if it had
 * escapes. */
static bool read_text(Reader *reader, const char **ret_text, size_t *ret_length)
{
    const char *from = reader->at;
    skip_plain(reader);
    if (reader->at < reader->end && *reader->at == '"') {
        *ret_text = from;
        *ret_length = (size_t)(reader->at++ - from);
        return true;
    }
    g_string_truncate(reader->scratch, 0);
    for (;;) {
        g_string_append_len(reader->scratch, from, reader->at - from);
        if (reader->at >= reader->end) return fail(reader, "the string has no end") != NULL;
        if (take(reader, '"')) break;
        if (!take(reader, '\\'))
            return fail(reader, "a control character in a string must be escaped") != NULL;
        if (!read_escape(reader)) return false;
        from = reader->at;
        skip_plain(reader);
    }
    *ret_text = reader->scratch->str;
    *ret_length = reader->scratch->len;
    return true;
}

/* --- numbers --- */

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && g_ascii_isdigit(*at))
        at++;
    return at;
}

/* The end of a number as RFC 8259 has it, NULL if it is none. */
static const char *number_end(const char *at, const char *end, bool *ret_is_integer)
{
    *ret_is_integer = true;
    if (at < end && *at == '-') at++;
    const char *digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at > digits + 1)) return NULL;
    if (at < end && *at == '.') {
        *ret_is_integer = false;
        digits = ++at;
        at = skip_digits(at, end);
        if (at == digits) return NULL;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        *ret_is_integer = false;
        at++;
        if (at < end && (*at == '+' || *at == '-')) at++;
        digits = at;
        at = skip_digits(at, end);
        if (at == digits) return NULL;
    }
    return at;
}

/* So many characters always fit. */
#define DIGITS_SHORT 18

static int64_t short_integer(const char *at, const char *end)
{
    bool is_negative = *at == '-';
    int64_t number = 0;
    for (at += is_negative; at < end; at++)
        number = number * 10 + (*at - '0');
    return is_negative ? -number : number;
}

static Value *read_number(Reader *reader)
{
    bool is_integer;
    const char *from = reader->at, *to = number_end(from, reader->end, &is_integer);
    if (to == NULL) return fail(reader, "this is no number");
    if (is_integer && to - from <= DIGITS_SHORT) {
        reader->at = to;
        return value_int(short_integer(from, to));
    }
    g_string_truncate(reader->scratch, 0);
    g_string_append_len(reader->scratch, from, to - from);
    reader->at = to;
    int64_t integer;
    if (is_integer && text_to_int(reader->scratch->str, &integer)) return value_int(integer);
    double number = g_ascii_strtod(reader->scratch->str, NULL);
    return isfinite(number) ? value_float(number) : fail(reader, "the number is too large");
}

/* --- lists and maps --- */

static Value *read_list(Reader *reader)
{
    g_autoptr(Value) list = value_list();
    skip_space(reader);
    if (take(reader, ']')) return g_steal_pointer(&list);
    for (;;) {
        Value *element = read_value(reader);
        if (element == NULL) return NULL;
        value_list_add(list, element);
        skip_space(reader);
        if (take(reader, ']')) return g_steal_pointer(&list);
        if (!take(reader, ',')) return fail(reader, "a list goes on with ',' or ends with ']'");
    }
}

/* The interned form of a key. */
static const char *intern(Reader *reader, const char *text, size_t length)
{
    size_t hash = length;
    for (size_t i = 0; i < length; i++)
        hash = hash * 31 + (unsigned char)text[i];
    const char **known = &reader->known[(hash ^ hash >> 8) % KNOWN_KEYS];
    if (*known != NULL && strncmp(*known, text, length) == 0 && (*known)[length] == 0)
        return *known;
    if (text != reader->scratch->str) {
        g_string_truncate(reader->scratch, 0);
        g_string_append_len(reader->scratch, text, (gssize)length);
    }
    return *known = value_key(reader->scratch->str);
}

static bool read_entry(Reader *reader)
{
    const char *text;
    size_t length;
    skip_space(reader);
    if (!take(reader, '"')) return fail(reader, "a key must be a string") != NULL;
    if (!read_text(reader, &text, &length)) return false;
    const char *key = intern(reader, text, length);
    skip_space(reader);
    if (!take(reader, ':')) return fail(reader, "a key is followed by ':'") != NULL;
    Value *child = read_value(reader);
    if (child == NULL) return false;
    g_ptr_array_add(reader->keys, (gpointer)(uintptr_t)key);
    g_ptr_array_add(reader->children, child);
    return true;
}

/* Reads entries onto the pile of open ones, up to the map's end. */
static bool read_entries(Reader *reader)
{
    skip_space(reader);
    if (take(reader, '}')) return true;
    for (;;) {
        if (!read_entry(reader)) return false;
        skip_space(reader);
        if (take(reader, '}')) return true;
        if (!take(reader, ','))
            return fail(reader, "a map goes on with ',' or ends with '}'") != NULL;
    }
}

static Value *read_map(Reader *reader)
{
    unsigned from = reader->keys->len;
    Value *map = NULL;
    if (read_entries(reader)) {
        map =
            value_map_of((const char *const *)reader->keys->pdata + from,
                         (Value *const *)reader->children->pdata + from, reader->keys->len - from);
        if (map == NULL) fail(reader, "a key of the map is given twice");
    }
    for (unsigned i = from; map == NULL && i < reader->children->len; i++)
        value_unref(reader->children->pdata[i]);
    g_ptr_array_set_size(reader->keys, (gint)from);
    g_ptr_array_set_size(reader->children, (gint)from);
    return map;
}

static Value *read_word(Reader *reader, const char *word, Value *value)
{
    size_t length = strlen(word);
    if ((size_t)(reader->end - reader->at) >= length && memcmp(reader->at, word, length) == 0) {
        reader->at += length;
        return value;
    }
    value_unref(value);
    return fail(reader, "only null, true and false are words of JSON");
}

static Value *read_nested(Reader *reader, Value *(*read)(Reader *))
{
    if (reader->depth == DEPTH_MAX) return fail(reader, "this is nested too deeply");
    reader->at++;
    reader->depth++;
    Value *value = read(reader);
    reader->depth--;
    return value;
}

static Value *read_value(Reader *reader)
{
    const char *text;
    size_t length;
    skip_space(reader);
    if (reader->at >= reader->end) return fail(reader, "a value is missing");
    switch (*reader->at) {
    case '{': return read_nested(reader, read_map);
    case '[': return read_nested(reader, read_list);
    case '"':
        reader->at++;
        if (!read_text(reader, &text, &length)) return NULL;
        return value_string_n(text, length);
    case 'n': return read_word(reader, "null", value_null());
    case 't': return read_word(reader, "true", value_bool(true));
    case 'f': return read_word(reader, "false", value_bool(false));
    default: return read_number(reader);
    }
}

/* --- the text as a whole --- */

static void report(const Reader *reader, GError **error)
{
    unsigned line = reader->line;
    const char *begin = reader->start;
    for (const char *at = reader->start; at < reader->at && at < reader->end; at++) {
        if (*at != '\n') continue;
        line++;
        begin = at + 1;
    }
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "%s:%u: column %td: %s", reader->file,
                line, reader->at - begin + 1, reader->fault);
}

Value *json_parse(const char *text, size_t length, const char *file, unsigned line, GError **error)
{
    Reader reader = {.start = text, .at = text, .end = text + length, .file = file, .line = line};
    const char *valid_to = NULL;
    Value *value = NULL;
    reader.scratch = g_string_sized_new(256);
    reader.keys = g_ptr_array_sized_new(64);
    reader.children = g_ptr_array_sized_new(64);
    if (!g_utf8_validate_len(text, length, &valid_to)) {
        reader.at = valid_to;
        fail(&reader, *valid_to == 0 ? "a NUL" : "this is not UTF-8");
    } else {
        value = read_value(&reader);
        if (value != NULL) skip_space(&reader);
    }
    if (value != NULL && reader.at < reader.end) {
        value_unref(value);
        value = fail(&reader, "something follows the value");
    }
    if (value == NULL) report(&reader, error);
    g_string_free(reader.scratch, TRUE);
    g_ptr_array_unref(reader.keys);
    g_ptr_array_unref(reader.children);
    return value;
}
