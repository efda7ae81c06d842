/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edit_quantity.c - quantities in the one form the API server writes them in.
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/apimachinery/pkg/api/resource (quantity.go).
 * Simplified: amounts beyond int64 or finer than a billionth are left as written; real ones
 *   are nowhere near.
 * State: none.
 */
#include "models/kind/edit.h"

#include "sim/json.h"

/* Billionths of a unit: 10^21 units need 100 bits. */
__extension__ typedef __int128 Wide;

#define BILLION   ((Wide)1000000000)
#define WIDE_MOST (BILLION * BILLION * BILLION * 1000)

typedef enum { FORM_DECIMAL, FORM_BINARY, FORM_EXPONENT } Form;

typedef struct {
    bool is_negative;
    Wide nanos;
    Form form;
} Amount;

static const struct {
    const char *text;
    int exponent;
} decimals[] = {{"n", -9}, {"u", -6}, {"m", -3}, {"", 0},   {"k", 3},
                {"M", 6},  {"G", 9},  {"T", 12}, {"P", 15}, {"E", 18}};

static const char *const binaries[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};

static bool multiply(Wide *number, Wide factor)
{
    if (*number > WIDE_MOST / factor) return false;
    *number *= factor;
    return true;
}

/* Times ten to a power, rounded up. */
static bool scale_ten(Wide *number, int64_t exponent)
{
    if (exponent > 30 || exponent < -60) return *number == 0;
    for (; exponent > 0; exponent--)
        if (!multiply(number, 10)) return false;
    bool has_rest = false;
    for (; exponent < 0; exponent++) {
        has_rest = has_rest || *number % 10 != 0;
        *number /= 10;
    }
    if (has_rest) (*number)++;
    return true;
}

static bool suffix_of(const char *text, Form *ret_form, int64_t *ret_exponent)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(decimals); i++) {
        if (strcmp(text, decimals[i].text) != 0) continue;
        *ret_form = FORM_DECIMAL;
        *ret_exponent = decimals[i].exponent;
        return true;
    }
    for (unsigned i = 1; i < G_N_ELEMENTS(binaries); i++) {
        if (strcmp(text, binaries[i]) != 0) continue;
        *ret_form = FORM_BINARY;
        *ret_exponent = i;
        return true;
    }
    *ret_form = FORM_EXPONENT;
    if (text[0] != 'e' && text[0] != 'E') return false;
    return text_to_int(text[1] == '+' ? text + 2 : text + 1, ret_exponent);
}

/* Digits with at most one point; *ret_point is how many follow it. */
static const char *read_digits(const char *text, Wide *ret_number, int *ret_point)
{
    int digits = 0;
    bool has_point = false;
    *ret_number = 0;
    *ret_point = 0;
    for (; g_ascii_isdigit(*text) || *text == '.'; text++) {
        if (*text == '.') {
            if (has_point) return NULL;
            has_point = true;
            continue;
        }
        if (!multiply(ret_number, 10)) return NULL;
        *ret_number += *text - '0';
        *ret_point += has_point;
        digits++;
    }
    return digits > 0 ? text : NULL;
}

static bool amount_parse(const char *text, Amount *ret)
{
    int point;
    int64_t exponent;
    ret->is_negative = *text == '-';
    if (*text == '-' || *text == '+') text++;
    const char *suffix = read_digits(text, &ret->nanos, &point);
    if (suffix == NULL || !suffix_of(suffix, &ret->form, &exponent)) return false;
    if (ret->form != FORM_BINARY) return scale_ten(&ret->nanos, exponent - point + 9);
    for (; exponent > 0; exponent--)
        if (!multiply(&ret->nanos, 1024)) return false;
    return scale_ten(&ret->nanos, 9 - point);
}

static Value *write_binary(const Amount *amount)
{
    Wide units = amount->nanos / BILLION;
    unsigned power = 0;
    for (; units % 1024 == 0 && power + 1 < G_N_ELEMENTS(binaries); power++)
        units /= 1024;
    if (units > INT64_MAX) return NULL;
    return value_printf("%s%" PRId64 "%s", amount->is_negative ? "-" : "", (int64_t)units,
                        binaries[power]);
}

static Value *write_decimal(const Amount *amount)
{
    Wide number = amount->nanos;
    unsigned power = 0;
    for (; number % 1000 == 0 && power + 1 < G_N_ELEMENTS(decimals); power++)
        number /= 1000;
    const char *sign = amount->is_negative ? "-" : "";
    if (number > INT64_MAX) return NULL;
    int exponent = decimals[power].exponent;
    if (amount->form == FORM_EXPONENT && exponent != 0)
        return value_printf("%s%" PRId64 "e%d", sign, (int64_t)number, exponent);
    return value_printf("%s%" PRId64 "%s", sign, (int64_t)number, decimals[power].text);
}

Value *edit_canonical(const Value *quantity)
{
    Amount amount;
    ValueType type = value_type(quantity);
    if (type != VALUE_STRING && type != VALUE_INT && type != VALUE_FLOAT) return NULL;
    g_autofree char *text =
        type == VALUE_STRING ? g_strdup(value_as_text(quantity, "")) : json_text(quantity);
    if (!amount_parse(text, &amount)) return NULL;
    Wide rest = amount.nanos % 1000000;
    if (rest != 0) amount.nanos += 1000000 - rest;
    if (amount.nanos == 0) return value_string("0");
    /* A small or broken binary amount is written as a decimal one, which loses nothing. */
    bool is_whole = amount.nanos % BILLION == 0;
    if (amount.form == FORM_BINARY && is_whole && amount.nanos >= 1024 * BILLION)
        return write_binary(&amount);
    return write_decimal(&amount);
}
