/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - JSON out, byte for byte as Go's encoding/json writes it.
 *
 * Go prints a float with the fewest digits that read back as the same number. C has no such
 * conversion, so digits are asked for in growing number until they do. 15 digits are enough for
 * any number that was written with 15 or fewer, so the search starts there, except among the
 * subnormal numbers, which have less precision than that.
 */
#include "sim/json.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* --- strings --- */

/* Appends the character at `text` if it needs an escape; returns how many bytes that consumed. */
static size_t escape_at(const char *text, GString *out)
{
    unsigned char byte = (unsigned char)*text;
    switch (byte) {
    case '"': g_string_append(out, "\\\""); return 1;
    case '\\': g_string_append(out, "\\\\"); return 1;
    case '\n': g_string_append(out, "\\n"); return 1;
    case '\r': g_string_append(out, "\\r"); return 1;
    case '\t': g_string_append(out, "\\t"); return 1;
    case '\b': g_string_append(out, "\\b"); return 1;
    case '\f': g_string_append(out, "\\f"); return 1;
    default: break;
    }
    if (byte < 0x20 || byte == '<' || byte == '>' || byte == '&') {
        g_string_append_printf(out, "\\u%04x", byte);
        return 1;
    }
    if (byte < 0x80) return 0;
    gunichar point = g_utf8_get_char_validated(text, -1);
    if (point >= 0x110000) { /* (gunichar)-1 or -2: not UTF-8; Go replaces one byte at a time */
        g_string_append(out, "\\ufffd");
        return 1;
    }
    if (point != 0x2028 && point != 0x2029) return 0;
    g_string_append_printf(out, "\\u%04x", point);
    return 3;
}

/* Whether a byte stands for itself in a literal. */
static inline bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\' && byte != '<' &&
           byte != '>' && byte != '&';
}

void json_write_string(const char *text, GString *out)
{
    g_string_append_c(out, '"');
    const char *clean = text; /* where the bytes not yet appended begin */
    while (*text != 0) {
        if (is_plain((unsigned char)*text)) {
            text++;
            continue;
        }
        g_string_append_len(out, clean, text - clean);
        size_t consumed = escape_at(text, out);
        clean = text + consumed;
        text = consumed > 0 ? clean : text + g_utf8_skip[(unsigned char)*text];
    }
    g_string_append_len(out, clean, text - clean);
    g_string_append_c(out, '"');
}

/* --- numbers --- */

#define DIGITS_MAX 17
#define NUMBER_MAX 64

typedef struct {
    char digits[DIGITS_MAX + 1]; /* without trailing zeros */
    int count;
    int exponent; /* of the first digit */
} Decimal;

/* Splits "d.ddde+xx" into digits and exponent. */
static Decimal decimal_split(const char *text)
{
    Decimal decimal = {.count = 0};
    for (; *text != 'e'; text++)
        if (g_ascii_isdigit(*text)) decimal.digits[decimal.count++] = *text;
    decimal.exponent = (int)strtol(text + 1, NULL, 10);
    while (decimal.count > 1 && decimal.digits[decimal.count - 1] == '0')
        decimal.count--;
    decimal.digits[decimal.count] = 0;
    return decimal;
}

/* Next to a power of two the nearest 16 digits may miss where the ones beside them hit. */
static bool reads_back_beside(char *text, double number)
{
    char *last = strchr(text, 'e') - 1, digit = *last;
    for (int step = -1; step <= 1; step += 2) {
        *last = (char)(digit + step);
        if (g_ascii_isdigit(*last) && g_ascii_strtod(text, NULL) == number) return true;
    }
    return false;
}

/* The fewest digits that read back as the same positive number. */
static Decimal decimal_shortest(double number)
{
    char text[NUMBER_MAX], format[8];
    int first = number < DBL_MIN ? 1 : DBL_DIG;
    for (int count = first; count <= DIGITS_MAX; count++) {
        g_snprintf(format, sizeof format, "%%.%de", count - 1);
        g_ascii_formatd(text, sizeof text, format, number);
        if (g_ascii_strtod(text, NULL) == number) break;
        if (count == DIGITS_MAX - 1 && reads_back_beside(text, number)) break;
    }
    return decimal_split(text);
}

static void write_exponential(const Decimal *decimal, GString *out)
{
    g_string_append_c(out, decimal->digits[0]);
    if (decimal->count > 1) g_string_append_printf(out, ".%s", decimal->digits + 1);
    g_string_append_printf(out, "e%c%d", decimal->exponent < 0 ? '-' : '+', abs(decimal->exponent));
}

static void write_positional(const Decimal *decimal, GString *out)
{
    int point = decimal->exponent + 1; /* digits before the point */
    if (point <= 0) {
        g_string_append(out, "0.");
        for (int i = point; i < 0; i++)
            g_string_append_c(out, '0');
        g_string_append(out, decimal->digits);
        return;
    }
    for (int i = 0; i < MAX(point, decimal->count); i++) {
        if (i == point) g_string_append_c(out, '.');
        g_string_append_c(out, i < decimal->count ? decimal->digits[i] : '0');
    }
}

static void write_float(double number, GString *out)
{
    if (signbit(number)) g_string_append_c(out, '-');
    double size = fabs(number);
    if (size == 0) {
        g_string_append_c(out, '0');
        return;
    }
    Decimal decimal = decimal_shortest(size);
    if (size < 1e-6 || size >= 1e21)
        write_exponential(&decimal, out);
    else
        write_positional(&decimal, out);
}

/* --- trees --- */

static void write_scalar(const Value *value, GString *out)
{
    switch (value_type(value)) {
    case VALUE_BOOL: g_string_append(out, value_as_bool(value, false) ? "true" : "false"); return;
    case VALUE_INT: g_string_append_printf(out, "%" PRId64, value_as_int(value, 0)); return;
    case VALUE_FLOAT: write_float(value_as_float(value, 0), out); return;
    case VALUE_STRING: json_write_string(value_as_text(value, ""), out); return;
    case VALUE_NULL:
    case VALUE_LIST:
    case VALUE_MAP: break;
    }
    g_string_append(out, "null");
}

/* Starts a line at a depth; a negative depth means everything on one line. */
static void write_break(int depth, GString *out)
{
    if (depth < 0) return;
    g_string_append_c(out, '\n');
    for (int i = 0; i < depth; i++)
        g_string_append(out, "  ");
}

static void write_tree(const Value *value, int depth, GString *out)
{
    bool map = value_is_map(value);
    if (!map && !value_is_list(value)) {
        write_scalar(value, out);
        return;
    }
    int inner = depth < 0 ? depth : depth + 1;
    g_string_append_c(out, map ? '{' : '[');
    value_each (i, value) {
        if (i > 0) g_string_append_c(out, ',');
        write_break(inner, out);
        if (map) {
            json_write_string(value_key_at(value, i), out);
            g_string_append(out, depth < 0 ? ":" : ": ");
        }
        write_tree(value_at(value, i), inner, out);
    }
    if (value_size(value) > 0) write_break(depth, out);
    g_string_append_c(out, map ? '}' : ']');
}

void json_write_canonical(const Value *value, GString *out)
{
    write_tree(value, -1, out);
}

void json_write_pretty(const Value *value, GString *out)
{
    write_tree(value, 0, out);
    g_string_append_c(out, '\n');
}

char *json_text(const Value *value)
{
    GString *out = g_string_new(NULL);
    json_write_canonical(value, out);
    return g_string_free(out, FALSE);
}
