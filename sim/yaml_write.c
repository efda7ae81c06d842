/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_write.c - values to YAML, in the block style that kubectl prints.
 *
 * Lists stand at the indentation of their key. A string is written plain only if it is certain to
 * be read back as that string; several lines become a literal block where that loses nothing;
 * everything else is double-quoted on one line. libyaml's emitter is not used: it knows nothing of
 * the scalar rules in yaml_resolve_plain(), and this is shorter.
 */
#include "sim/json.h"
#include "sim/yaml.h"

/* A key longer than this needs the explicit form "? key": libyaml looks ahead 1024 characters. */
#define SIMPLE_KEY_MAX 1000

static void write_lines(const Value *value, unsigned indent, GString *out);

static void write_spaces(unsigned count, GString *out)
{
    for (unsigned i = 0; i < count; i++)
        g_string_append_c(out, ' ');
}

/* --- strings --- */

/* Whether YAML allows a character as it is, inside a line. */
static bool is_printable(gunichar point)
{
    if (point < 0x20 || point == 0x7f) return point == '\t';
    if (point < 0x7f) return true;
    if (point < 0xa0 || point == 0x2028 || point == 0x2029 || point == 0xfeff) return false;
    return point <= 0xd7ff || (point >= 0xe000 && point <= 0xfffd) ||
           (point >= 0x10000 && point <= 0x10ffff);
}

/* The next character; U+FFFD and one byte where the text is not UTF-8. */
static gunichar next_point(const char **text)
{
    gunichar point = g_utf8_get_char_validated(*text, -1);
    bool valid = point < 0x110000;
    *text += valid ? g_utf8_skip[(unsigned char)**text] : 1;
    return valid ? point : 0xfffd;
}

static void write_quoted_point(gunichar point, GString *out)
{
    switch (point) {
    case '"': g_string_append(out, "\\\""); return;
    case '\\': g_string_append(out, "\\\\"); return;
    case '\n': g_string_append(out, "\\n"); return;
    case '\r': g_string_append(out, "\\r"); return;
    case '\t': g_string_append(out, "\\t"); return;
    default: break;
    }
    if (is_printable(point))
        g_string_append_unichar(out, point);
    else if (point < 0x100)
        g_string_append_printf(out, "\\x%02x", point);
    else if (point < 0x10000)
        g_string_append_printf(out, "\\u%04x", point);
    else
        g_string_append_printf(out, "\\U%08x", point);
}

static void write_quoted(const char *text, GString *out)
{
    g_string_append_c(out, '"');
    while (*text != 0)
        write_quoted_point(next_point(&text), out);
    g_string_append_c(out, '"');
}

/* Whether the first characters of a text could begin a plain scalar in block style. */
static bool starts_plain(const char *text)
{
    if (g_str_has_prefix(text, "---") || g_str_has_prefix(text, "...")) return false;
    if (text[0] == '-') return text[1] != 0 && text[1] != ' ';
    return text[0] != 0 && strchr(" ?:,[]{}#&*!|>'\"%@`", text[0]) == NULL;
}

/* Whether a text means itself when written without quotes. */
static bool is_plain(const char *text)
{
    if (!starts_plain(text) || strcmp(text, "<<") == 0) return false;
    size_t length = strlen(text);
    if (text[length - 1] == ' ' || text[length - 1] == ':') return false;
    for (const char *at = text; *at != 0;) {
        if (at[0] == ':' && at[1] == ' ') return false;
        if (at[0] == ' ' && at[1] == '#') return false;
        const char *next = at;
        gunichar point = next_point(&next);
        if (point == '\t' || point == 0xfffd || !is_printable(point)) return false;
        at = next;
    }
    g_autoptr(Value) meaning = yaml_resolve_plain(text, length);
    return value_is_string(meaning);
}

/* Whether a literal block keeps every character: full lines, none ending in white space. */
static bool is_literal(const char *text)
{
    if (strchr(text, '\n') == NULL || text[0] == '\n') return false;
    char before = 0;
    for (const char *at = text; *at != 0;) {
        bool blank = before == ' ' || before == '\t';
        if (*at == '\n' && blank) return false;
        before = *at;
        gunichar point = next_point(&at);
        if (point == 0xfffd || (point != '\n' && !is_printable(point))) return false;
    }
    return before != ' ' && before != '\t';
}

/* A literal block whose lines stand at `indent`, two to the right of what holds them. */
static void write_literal(const char *text, unsigned indent, GString *out)
{
    size_t length = strlen(text);
    g_string_append_c(out, '|');
    if (text[0] == ' ' || text[0] == '\t') g_string_append_c(out, '2');
    if (text[length - 1] != '\n')
        g_string_append_c(out, '-');
    else if (text[length - 2] == '\n')
        g_string_append_c(out, '+');
    while (*text != 0) {
        size_t line = strcspn(text, "\n");
        g_string_append_c(out, '\n');
        if (line > 0) write_spaces(indent, out);
        g_string_append_len(out, text, (gssize)line);
        text += line + (text[line] == '\n');
    }
}

static void write_string(const char *text, unsigned indent, GString *out)
{
    if (is_plain(text))
        g_string_append(out, text);
    else if (indent > 0 && is_literal(text))
        write_literal(text, indent, out);
    else
        write_quoted(text, out);
}

/* --- trees --- */

/* A node that fits behind its key or dash: a scalar or an empty collection. Literal blocks go on
 * at `indent`; 0 forbids them. */
static void write_short(const Value *value, unsigned indent, GString *out)
{
    int64_t whole = value_as_int(value, 0);
    if (value_is_string(value))
        write_string(value_as_text(value, ""), indent, out);
    else if (whole != 0) /* a whole float too: its shortest digits may be another integer */
        g_string_append_printf(out, "%" PRId64, whole);
    else
        json_write_canonical(value, out);
    g_string_append_c(out, '\n');
}

static void write_key(const char *key, unsigned indent, GString *out)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (is_plain(key))
        g_string_append(text, key);
    else
        write_quoted(key, text);
    if (text->len > SIMPLE_KEY_MAX) {
        g_string_append_printf(out, "? %s\n", text->str);
        write_spaces(indent, out);
    } else {
        g_string_append(out, text->str);
    }
    g_string_append_c(out, ':');
}

static void write_entry(const char *key, const Value *child, unsigned indent, GString *out)
{
    write_key(key, indent, out);
    if (value_size(child) == 0) {
        g_string_append_c(out, ' ');
        write_short(child, indent + 2, out);
        return;
    }
    unsigned inner = value_is_map(child) ? indent + 2 : indent;
    g_string_append_c(out, '\n');
    write_spaces(inner, out);
    write_lines(child, inner, out);
}

static void write_element(const Value *child, unsigned indent, GString *out)
{
    g_string_append(out, "- ");
    if (value_size(child) == 0)
        write_short(child, indent + 2, out);
    else
        write_lines(child, indent + 2, out);
}

/* The lines of a collection that is not empty; the first one is already indented. */
static void write_lines(const Value *value, unsigned indent, GString *out)
{
    value_each (i, value) {
        if (i > 0) write_spaces(indent, out);
        if (value_is_map(value))
            write_entry(value_key_at(value, i), value_at(value, i), indent, out);
        else
            write_element(value_at(value, i), indent, out);
    }
}

void yaml_write(const Value *value, GString *out)
{
    if (value_size(value) == 0)
        write_short(value, 0, out);
    else
        write_lines(value, 0, out);
}
