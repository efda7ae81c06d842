/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base.c - failed checks, durations as text, hashes and small helpers on words.
 *
 * Everything that reads or writes text here works on bytes with its own arithmetic, never with
 * strtod() or printf("%f"), so that a locale changes nothing and no digit is lost to rounding.
 */
#include "sim/base.h"

#include <stdarg.h>
#include <stdlib.h>

/* A 128-bit intermediate keeps "9223372036.854775807s" exact and makes overflow a comparison. */
__extension__ typedef unsigned __int128 Wide;

/* The scopes of this thread, innermost first; read only by a check that fails. */
static _Thread_local CheckScope *innermost_scope;

void check_scope_enter(CheckScope *scope)
{
    scope->outer = innermost_scope;
    innermost_scope = scope;
}

void check_scope_leave(CheckScope *scope)
{
    innermost_scope = scope->outer;
}

_Noreturn void check_failed(const char *expression, const char *file, int line, const char *format,
                            ...)
{
    fflush(stdout);
    fprintf(stderr, "%s:%d: check failed: %s\n", file, line, expression);
    if (format) {
        va_list args;
        va_start(args, format);
        fputs("  ", stderr);
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
        va_end(args);
    }
    /* Unlinked before it is asked, so that a check failing inside describe() cannot loop. */
    while (innermost_scope) {
        CheckScope *scope = innermost_scope;
        innermost_scope = scope->outer;
        fputs("  ", stderr);
        scope->describe(scope->subject, stderr);
        fputc('\n', stderr);
    }
    fflush(stderr);
    abort();
}

GQuark kennel_error_quark(void)
{
    return g_quark_from_static_string("kennel-error");
}

typedef struct {
    const char *name;
    Nanos nanos;
} Unit;

/* Longer names before their prefixes. */
static const Unit units[] = {
    {"ns", 1},
    {"us", NANOS_US},
    {"\xc2\xb5s", NANOS_US}, /* the micro sign */
    {"\xce\xbcs", NANOS_US}, /* the Greek letter mu */
    {"ms", NANOS_MS},
    {"s", NANOS_S},
    {"m", NANOS_MIN},
    {"h", NANOS_HOUR},
};

static const Unit *unit_at(const char *text)
{
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++)
        if (strncmp(text, units[i].name, strlen(units[i].name)) == 0) return &units[i];
    return NULL;
}

/* A decimal number: whole + fraction / scale. */
typedef struct {
    uint64_t whole, fraction, scale;
} Decimal;

/* Reads "12", "1.5" or ".5" and moves *cursor behind it. After 15 places even of an hour nothing is
 * left of a nanosecond; further digits are dropped. */
static bool decimal_read(const char **cursor, Decimal *ret_decimal)
{
    const char *at = *cursor;
    Decimal decimal = {0, 0, 1};
    bool any = false;
    for (; g_ascii_isdigit(*at); at++, any = true) {
        if (decimal.whole > (uint64_t)INT64_MAX / 10) return false;
        decimal.whole = decimal.whole * 10 + (uint64_t)(*at - '0');
    }
    if (*at == '.')
        for (at++; g_ascii_isdigit(*at); at++, any = true)
            if (decimal.scale < UINT64_C(1000000000000000)) {
                decimal.fraction = decimal.fraction * 10 + (uint64_t)(*at - '0');
                decimal.scale *= 10;
            }
    *cursor = at;
    *ret_decimal = decimal;
    return any;
}

static bool nanos_add(Nanos *total, Decimal decimal, Nanos unit)
{
    Wide part =
        (Wide)decimal.whole * (Wide)unit + (Wide)decimal.fraction * (Wide)unit / decimal.scale;
    if (part >= (Wide)(NANOS_NEVER - *total)) return false;
    *total += (Nanos)part;
    return true;
}

bool nanos_parse(const char *text, Nanos *ret_nanos)
{
    Nanos total = 0;
    const char *at = text;
    bool is_bare = strspn(text, "0123456789.") == strlen(text);
    do {
        Decimal decimal;
        if (!decimal_read(&at, &decimal)) return false;
        static const Unit seconds = {"", NANOS_S};
        const Unit *unit = is_bare ? &seconds : unit_at(at);
        if (!unit || !nanos_add(&total, decimal, unit->nanos)) return false;
        at += strlen(unit->name);
    } while (*at && !is_bare);
    if (*at) return false;
    *ret_nanos = total;
    return true;
}

/* Appends a whole number and a name; returns the end. The longest duration fits NANOS_TEXT_MAX. */
static char *whole_write(char *at, uint64_t value, const char *name)
{
    return at + g_snprintf(at, NANOS_TEXT_MAX / 2, "%" PRIu64 "%s", value, name);
}

/* Appends value/unit as a decimal without trailing zeros: 1500, 1000, "us" gives "1.5us". */
static void decimal_write(char *at, uint64_t value, uint64_t unit, const char *name)
{
    at = whole_write(at, value / unit, "");
    uint64_t rest = value % unit;
    if (rest) *at++ = '.';
    for (; rest; rest %= unit) {
        rest *= 10;
        *at++ = (char)('0' + rest / unit);
    }
    memcpy(at, name, strlen(name) + 1);
}

const char *nanos_format(Nanos nanos, char buffer[NANOS_TEXT_MAX])
{
    char *at = buffer;
    if (nanos == NANOS_NEVER) return memcpy(buffer, "never", sizeof "never");
    if (nanos == 0) return memcpy(buffer, "0s", sizeof "0s");
    if (nanos < 0) *at++ = '-';
    uint64_t left = nanos < 0 ? 0 - (uint64_t)nanos : (uint64_t)nanos;
    if (left < (uint64_t)NANOS_US) {
        decimal_write(at, left, 1, "ns");
    } else if (left < (uint64_t)NANOS_MS) {
        decimal_write(at, left, (uint64_t)NANOS_US, "us");
    } else if (left < (uint64_t)NANOS_S) {
        decimal_write(at, left, (uint64_t)NANOS_MS, "ms");
    } else {
        if (left >= (uint64_t)NANOS_HOUR) at = whole_write(at, left / (uint64_t)NANOS_HOUR, "h");
        left %= (uint64_t)NANOS_HOUR;
        if (left >= (uint64_t)NANOS_MIN) at = whole_write(at, left / (uint64_t)NANOS_MIN, "m");
        left %= (uint64_t)NANOS_MIN;
        if (left) decimal_write(at, left, (uint64_t)NANOS_S, "s");
    }
    return buffer;
}

uint64_t hash_bytes(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    uint64_t hash = mix64(size + UINT64_C(0x9e3779b97f4a7c15));
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        hash = mix64(hash ^ GUINT64_FROM_LE(word)) + UINT64_C(0x9e3779b97f4a7c15);
    }
    uint64_t tail = 0;
    for (size_t i = 0; i < size; i++)
        tail |= (uint64_t)at[i] << (8 * i);
    return mix64(hash ^ tail);
}

bool text_to_int(const char *text, int64_t *ret_value)
{
    bool negative = *text == '-';
    const char *at = text + (*text == '-' || *text == '+');
    uint64_t limit = (uint64_t)INT64_MAX + negative;
    uint64_t value = 0;
    if (!*at) return false;
    for (; *at; at++) {
        if (!g_ascii_isdigit(*at)) return false;
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (limit - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *ret_value = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

/* Edit distance with swapped neighbours counted as one edit: rows i-2, i-1 and i of the table. */
unsigned text_distance(const char *a, const char *b)
{
    size_t width = strlen(b) + 1;
    g_autofree unsigned *table = g_new(unsigned, 3 * width);
    unsigned *before = table, *above = table + width, *row = table + 2 * width;
    for (size_t j = 0; j < width; j++)
        above[j] = (unsigned)j;
    for (size_t i = 1; a[i - 1]; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j < width; j++) {
            unsigned replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = MIN(replaced, MIN(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = MIN(row[j], before[j - 2] + 1);
        }
        unsigned *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[width - 1];
}

const char *text_nearest(const char *text, const char *const *words)
{
    g_autofree char *lower = g_ascii_strdown(text, -1);
    const char *best = NULL;
    /* A third of the letters may be wrong; beyond that a suggestion is noise. */
    unsigned best_distance = (unsigned)(strlen(text) + 2) / 3 + 1;
    for (; *words; words++) {
        g_autofree char *word = g_ascii_strdown(*words, -1);
        unsigned distance = text_distance(lower, word);
        if (distance < best_distance) {
            best = *words;
            best_distance = distance;
        }
    }
    return best;
}
