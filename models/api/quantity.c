/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quantity.c - resource quantities.
 *
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go.
 * Simplified: 18 significant digits are kept, a tail beyond them only rounds up; amounts beyond
 *   int64 saturate.
 * State: none.
 *
 * A quantity is read exactly as sign * mantissa * 10^ten * 2^two and scaled only at the end, so
 * nothing is lost between "0.1Gi" and its bytes. No floating point.
 */
#include "models/api/quantity.h"

__extension__ typedef unsigned __int128 Wide;

enum { MANTISSA_DIGITS = 18, EXPONENT_MAX = 1000 };

typedef struct {
    bool is_negative;
    bool has_tail; /* digits were cut off that are not all zero */
    uint64_t mantissa;
    int ten, two;
} Amount;

/* --- reading --- */

static bool read_digits(const char **text, Amount *amount)
{
    bool seen = false, in_fraction = false;
    int kept = 0;
    for (;; (*text)++) {
        char c = **text;
        if (c == '.' && !in_fraction) {
            in_fraction = true;
            continue;
        }
        if (!g_ascii_isdigit(c)) return seen;
        seen = true;
        if (kept == MANTISSA_DIGITS) {
            amount->has_tail |= c != '0';
            amount->ten += !in_fraction;
            continue;
        }
        amount->mantissa = amount->mantissa * 10 + (uint64_t)(c - '0');
        kept += amount->mantissa > 0;
        amount->ten -= in_fraction;
    }
}

static bool read_suffix(const char *text, Amount *amount)
{
    static const struct {
        const char *text;
        int ten, two;
    } suffixes[] = {
        {"", 0, 0},    {"n", -9, 0},  {"u", -6, 0},  {"m", -3, 0},  {"k", 3, 0},   {"M", 6, 0},
        {"G", 9, 0},   {"T", 12, 0},  {"P", 15, 0},  {"E", 18, 0},  {"Ki", 0, 10}, {"Mi", 0, 20},
        {"Gi", 0, 30}, {"Ti", 0, 40}, {"Pi", 0, 50}, {"Ei", 0, 60},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(suffixes); i++)
        if (strcmp(text, suffixes[i].text) == 0) {
            amount->ten += suffixes[i].ten;
            amount->two = suffixes[i].two;
            return true;
        }
    if (*text != 'e' && *text != 'E') return false;
    int64_t exponent;
    bool has_plus = text[1] == '+';
    if (has_plus && !g_ascii_isdigit(text[2])) return false;
    if (!text_to_int(text + 1 + has_plus, &exponent)) return false;
    amount->ten += (int)CLAMP(exponent, -EXPONENT_MAX, EXPONENT_MAX);
    return true;
}

static bool amount_read(const char *text, Amount *ret_amount)
{
    Amount amount = {0};
    if (*text == '+' || *text == '-') amount.is_negative = *text++ == '-';
    if (!read_digits(&text, &amount) || !read_suffix(text, &amount)) return false;
    *ret_amount = amount;
    return true;
}

/* --- scaling --- */

/* The amount times 10^scale, rounded away from zero. */
static int64_t amount_scaled(const Amount *amount, int scale)
{
    Wide whole = (Wide)amount->mantissa << amount->two; /* < 2^60 * 2^60 */
    bool has_rest = amount->has_tail;
    int ten = amount->ten + scale;
    for (; ten > 0 && whole > 0 && whole <= INT64_MAX; ten--)
        whole *= 10;
    for (; ten < 0 && whole > 0; ten++) {
        has_rest |= whole % 10 != 0;
        whole /= 10;
    }
    if (has_rest) whole++;
    int64_t result = whole > INT64_MAX ? INT64_MAX : (int64_t)whole;
    return amount->is_negative ? -result : result;
}

bool quantity_parse_milli(const char *text, int64_t *ret_milli)
{
    Amount amount;
    if (!amount_read(text, &amount)) return false;
    *ret_milli = amount_scaled(&amount, 3);
    return true;
}

bool quantity_parse(const char *text, int64_t *ret_units)
{
    Amount amount;
    if (!amount_read(text, &amount)) return false;
    *ret_units = amount_scaled(&amount, 0);
    return true;
}

static int64_t scaled_value(const Value *value, int scale, int64_t fallback)
{
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];
    const char *text = value_as_text(value, NULL);
    if (value_type(value) == VALUE_INT || value_type(value) == VALUE_FLOAT)
        text = g_ascii_dtostr(buffer, sizeof buffer, value_as_float(value, 0));
    if (value_type(value) == VALUE_INT) {
        g_snprintf(buffer, sizeof buffer, "%" PRId64, value_as_int(value, 0));
        text = buffer;
    }
    Amount amount;
    return text && amount_read(text, &amount) ? amount_scaled(&amount, scale) : fallback;
}

int64_t quantity_units(const Value *value, int64_t fallback)
{
    return scaled_value(value, 0, fallback);
}

int64_t quantity_milli(const Value *value, int64_t fallback)
{
    return scaled_value(value, 3, fallback);
}

/* --- comparing --- */

/* Moves every factor 2 and 5 of the mantissa into exponents, which makes the form unique. */
static void amount_reduce(Amount *amount, int *ret_five)
{
    *ret_five = amount->ten;
    amount->two += amount->ten;
    amount->ten = 0;
    if (amount->mantissa == 0) {
        *amount = (Amount){0};
        *ret_five = 0;
        return;
    }
    for (; amount->mantissa % 2 == 0; amount->mantissa /= 2)
        amount->two++;
    for (; amount->mantissa % 5 == 0; amount->mantissa /= 5)
        (*ret_five)++;
}

bool quantity_equal(const char *a, const char *b)
{
    Amount x, y;
    int five_x, five_y;
    if (!amount_read(a, &x) || !amount_read(b, &y)) return strcmp(a, b) == 0;
    amount_reduce(&x, &five_x);
    amount_reduce(&y, &five_y);
    return x.is_negative == y.is_negative && x.mantissa == y.mantissa && x.two == y.two &&
           five_x == five_y && x.has_tail == y.has_tail;
}
