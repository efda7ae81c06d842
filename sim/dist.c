/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dist.c - distributions: reading, writing, drawing, and their means.
 *
 *     shape        a          b          c
 *     constant     value
 *     uniform      low        high
 *     exponential  mean
 *     normal       mean       deviation
 *     lognormal    median     p99        deviation of the logarithm
 *     weibull      shape      scale      1 / shape
 *     empirical    (table)
 *
 * How many words of the stream a draw takes depends on the shape and on these words, never on the
 * parameters: cutting does not redraw. So runs that differ in a parameter stay in step.
 */
#include "sim/dist.h"

__extension__ typedef unsigned __int128 Wide;

/* The 99th percentile of the standard normal distribution. */
#define NORMAL_P99 2.326347874
/* Draws are cut at 146 years, so that now plus a draw fits a Nanos. */
#define DRAW_MAX ((Nanos)1 << 62)
#define ARGS_MAX 2

struct DistTable {
    size_t count;
    double total;
    Nanos *values;
    double *weights;
    double *sums; /* sums[i]: weights 0 to i */
};

typedef enum { ARG_DURATION, ARG_NUMBER } ArgType;

typedef struct {
    const char *name;
    DistShape shape;
    unsigned args;
    ArgType types[ARGS_MAX];
    const char *usage;
} Form;

static const Form forms[] = {
    {"uniform", DIST_UNIFORM, 2, {ARG_DURATION, ARG_DURATION}, "uniform(0s, 10s)"},
    {"U", DIST_UNIFORM, 2, {ARG_DURATION, ARG_DURATION}, "U(0s, 10s)"},
    {"exponential", DIST_EXPONENTIAL, 1, {ARG_DURATION}, "exponential(MEAN)"},
    {"normal", DIST_NORMAL, 2, {ARG_DURATION, ARG_DURATION}, "normal(MEAN, DEVIATION)"},
    {"lognormal", DIST_LOGNORMAL, 2, {ARG_DURATION, ARG_DURATION}, "lognormal(MEDIAN, P99)"},
    {"weibull", DIST_WEIBULL, 2, {ARG_NUMBER, ARG_DURATION}, "weibull(SHAPE, SCALE)"},
    {"empirical", DIST_EMPIRICAL, 0, {0}, "empirical(1s: 0.9, 5s: 0.1)"},
};

static const char *const form_names[] = {"uniform", "exponential", "normal", "lognormal",
                                         "weibull", "empirical",   NULL};

Dist dist_constant(Nanos value)
{
    CHECK(value >= 0);
    return (Dist){.shape = DIST_CONSTANT, .a = (double)value};
}

static void table_free(DistTable *table)
{
    g_free(table->values);
    g_free(table->weights);
    g_free(table->sums);
    g_free(table);
}

void dist_clear(Dist *dist)
{
    if (dist->table) table_free(dist->table);
    *dist = dist_constant(0);
}

/* --- reading --- */

typedef struct {
    const char *text; /* all of it, for messages */
    const char *at;
    GError **error;
} Reader;

G_GNUC_PRINTF(2, 3)
static bool reader_fail(const Reader *reader, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *message = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(reader->error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "'%s': %s", reader->text, message);
    return false;
}

static void reader_skip_space(Reader *reader)
{
    while (g_ascii_isspace(*reader->at))
        reader->at++;
}

/* The text up to one of the marks or the end, without blanks around it; free with g_free(). */
static char *reader_word(Reader *reader, const char *marks)
{
    size_t length = strcspn(reader->at, marks);
    char *word = g_strstrip(g_strndup(reader->at, length));
    reader->at += length;
    return word;
}

static bool read_duration(Reader *reader, const char *marks, double *ret_value)
{
    g_autofree char *word = reader_word(reader, marks);
    Nanos nanos;
    if (!nanos_parse(word, &nanos))
        return reader_fail(reader, "'%s' is no duration, write it like 250ms, 1.5s or 1h30m", word);
    *ret_value = (double)nanos;
    return true;
}

static bool read_number(Reader *reader, const char *marks, double *ret_value)
{
    g_autofree char *word = reader_word(reader, marks);
    char *end;
    double value = g_ascii_strtod(word, &end);
    bool is_plain = *word && strspn(word, "0123456789.eE+-") == strlen(word);
    if (!is_plain || *end || !(value >= 0 && value <= 1e300))
        return reader_fail(reader, "'%s' is no number of at least 0", word);
    *ret_value = value;
    return true;
}

static bool read_mark(Reader *reader, char mark, const char *usage)
{
    reader_skip_space(reader);
    if (*reader->at != mark)
        return reader_fail(reader, "expected '%c' at '%s', write it like %s", mark, reader->at,
                           usage);
    reader->at++;
    return true;
}

static bool read_args(Reader *reader, const Form *form, double *values)
{
    for (unsigned i = 0; i < form->args; i++) {
        if (i > 0 && !read_mark(reader, ',', form->usage)) return false;
        bool ok = form->types[i] == ARG_DURATION ? read_duration(reader, ",()", &values[i])
                                                 : read_number(reader, ",()", &values[i]);
        if (!ok) return false;
    }
    return true;
}

static DistTable *table_of(const GArray *values, const GArray *weights)
{
    DistTable *table = g_new0(DistTable, 1);
    table->count = values->len;
    table->values = g_new(Nanos, table->count);
    table->weights = g_new(double, table->count);
    table->sums = g_new(double, table->count);
    for (unsigned i = 0; i < values->len; i++) {
        table->values[i] = (Nanos)g_array_index(values, double, i);
        table->weights[i] = g_array_index(weights, double, i);
        table->total += table->weights[i];
        table->sums[i] = table->total;
    }
    return table;
}

static bool read_table(Reader *reader, const Form *form, DistTable **ret_table)
{
    g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(double));
    g_autoptr(GArray) weights = g_array_new(FALSE, FALSE, sizeof(double));
    double total = 0;
    for (;;) {
        double value = 0, weight = 0;
        if (!read_duration(reader, ",:()", &value) || !read_mark(reader, ':', form->usage) ||
            !read_number(reader, ",:()", &weight))
            return false;
        g_array_append_val(values, value);
        g_array_append_val(weights, weight);
        total += weight;
        if (*reader->at != ',') break;
        reader->at++;
    }
    if (!(total > 0 && total <= 1e300))
        return reader_fail(reader, "the weights must add up to more than 0");
    *ret_table = table_of(values, weights);
    return true;
}

/* Rejects parameters that make no distribution and derives the others. */
static bool finish(const Reader *reader, Dist *dist)
{
    if (dist->shape == DIST_UNIFORM && dist->b < dist->a)
        return reader_fail(reader, "the upper end is below the lower one");
    if (dist->shape == DIST_LOGNORMAL) {
        if (!(dist->a > 0) || dist->b < dist->a)
            return reader_fail(reader, "the median must be above 0 and not above the p99");
        dist->c = det_log(dist->b / dist->a) / NORMAL_P99;
    }
    if (dist->shape == DIST_WEIBULL) {
        if (!(dist->a >= 0.01 && dist->a <= 1000))
            return reader_fail(reader, "the shape must be between 0.01 and 1000");
        dist->c = 1 / dist->a;
    }
    return true;
}

static const Form *form_named(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++)
        if (strcmp(forms[i].name, name) == 0) return &forms[i];
    return NULL;
}

static const Form *read_form(Reader *reader)
{
    g_autofree char *name = reader_word(reader, "(");
    const Form *form = form_named(name);
    if (form) return form;
    const char *near = text_nearest(name, form_names);
    if (near)
        g_set_error(reader->error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    "'%s' is no distribution, did you mean '%s'?", name, near);
    else
        g_set_error(reader->error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    "'%s' is no distribution; write a duration such as 12ms, or uniform, "
                    "exponential, normal, lognormal, weibull or empirical with (...)",
                    name);
    return NULL;
}

static bool read_constant(Reader *reader, Dist *ret_dist)
{
    double value = 0;
    if (!read_duration(reader, "", &value)) return false;
    *ret_dist = dist_constant((Nanos)value);
    return true;
}

bool dist_parse(const char *text, Dist *ret_dist, GError **error)
{
    Reader reader = {text, text, error};
    reader_skip_space(&reader);
    if (g_ascii_isdigit(*reader.at) || *reader.at == '.') return read_constant(&reader, ret_dist);
    const Form *form = read_form(&reader);
    if (!form || !read_mark(&reader, '(', form->usage)) return false;
    double values[ARGS_MAX] = {0};
    Dist dist = {.shape = form->shape};
    bool ok = form->shape == DIST_EMPIRICAL ? read_table(&reader, form, &dist.table)
                                            : read_args(&reader, form, values);
    dist.a = values[0];
    dist.b = values[1];
    ok = ok && read_mark(&reader, ')', form->usage);
    reader_skip_space(&reader);
    if (ok && *reader.at) ok = reader_fail(&reader, "'%s' follows the closing ')'", reader.at);
    if (!ok || !finish(&reader, &dist)) {
        dist_clear(&dist);
        return false;
    }
    *ret_dist = dist;
    return true;
}

/* --- writing --- */

/* The shortest text that reads back as the same number. */
static void write_number(GString *out, double value)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    for (int digits = 1; digits <= 17; digits++) {
        char format[8];
        g_snprintf(format, sizeof format, "%%.%dg", digits);
        g_ascii_formatd(text, sizeof text, format, value);
        if (g_ascii_strtod(text, NULL) == value) break;
    }
    g_string_append(out, text);
}

static void write_duration(GString *out, double nanos)
{
    char text[NANOS_TEXT_MAX];
    g_string_append(out, nanos_format((Nanos)nanos, text));
}

static void write_table(GString *out, const DistTable *table)
{
    for (size_t i = 0; i < table->count; i++) {
        g_string_append(out, i ? ", " : "");
        write_duration(out, (double)table->values[i]);
        g_string_append(out, ": ");
        write_number(out, table->weights[i]);
    }
}

static const Form *form_of(DistShape shape)
{
    for (size_t i = 0; i < G_N_ELEMENTS(forms); i++)
        if (forms[i].shape == shape) return &forms[i];
    UNREACHABLE();
}

char *dist_format(const Dist *dist)
{
    GString *out = g_string_new(NULL);
    if (dist->shape == DIST_CONSTANT) {
        write_duration(out, dist->a);
        return g_string_free(out, FALSE);
    }
    const Form *form = form_of(dist->shape);
    const double values[ARGS_MAX] = {dist->a, dist->b};
    g_string_append_printf(out, "%s(", form->name);
    for (unsigned i = 0; i < form->args && i < ARGS_MAX; i++) {
        g_string_append(out, i ? ", " : "");
        if (form->types[i] == ARG_NUMBER)
            write_number(out, values[i]);
        else
            write_duration(out, values[i]);
    }
    if (dist->table) write_table(out, dist->table);
    g_string_append_c(out, ')');
    return g_string_free(out, FALSE);
}

/* --- drawing --- */

static Nanos nanos_of(double value)
{
    if (!(value > 0)) return 0;
    return value < (double)DRAW_MAX ? (Nanos)(value + 0.5) : DRAW_MAX;
}

/* The high word of a product, and not rng_below(): that redraws in rare cases which depend on the
 * bound. The bias is below 2^-64 times the number of nanoseconds in the range. */
static Nanos draw_uniform(const Dist *dist, Rng *rng)
{
    Nanos low = (Nanos)dist->a, high = (Nanos)dist->b;
    return low + (Nanos)((Wide)rng_u64(rng) * (uint64_t)(high - low) >> 64);
}

static Nanos draw_lognormal(const Dist *dist, Rng *rng)
{
    double value = dist->a * det_exp(dist->c * rng_normal(rng));
    return nanos_of(MIN(value, 3 * dist->b));
}

static Nanos draw_weibull(const Dist *dist, Rng *rng)
{
    double power = rng_exponential(rng);
    return power > 0 ? nanos_of(dist->b * det_pow(power, dist->c)) : 0;
}

/* The first value whose cumulative weight exceeds a point of the total. */
static Nanos draw_table(const DistTable *table, Rng *rng)
{
    double point = rng_unit(rng) * table->total;
    size_t low = 0, high = table->count - 1;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table->sums[middle] > point)
            high = middle;
        else
            low = middle + 1;
    }
    return table->values[low];
}

Nanos dist_draw(const Dist *dist, Rng *rng)
{
    switch (dist->shape) {
    case DIST_CONSTANT: return nanos_of(dist->a);
    case DIST_UNIFORM: return draw_uniform(dist, rng);
    case DIST_EXPONENTIAL: return nanos_of(dist->a * rng_exponential(rng));
    case DIST_NORMAL: return nanos_of(dist->a + dist->b * rng_normal(rng));
    case DIST_LOGNORMAL: return draw_lognormal(dist, rng);
    case DIST_WEIBULL: return draw_weibull(dist, rng);
    case DIST_EMPIRICAL: return draw_table(dist->table, rng);
    }
    UNREACHABLE();
}

/* --- means --- */

static double normal_density(double z)
{
    return 0.3989422804014327 * det_exp(-z * z / 2);
}

/* The series z + z^3/3 + z^5/(3 5) + ... times the density. */
static double normal_below(double z)
{
    if (z < -8 || z > 8) return z > 0;
    double term = z, sum = z;
    for (int n = 3; n < 300; n += 2) {
        term *= z * z / n;
        sum += term;
    }
    return 0.5 + sum * normal_density(z);
}

/* E[min(X, 3 p99)] of a lognormal X. */
static double mean_of_lognormal(const Dist *dist)
{
    double cut = 3 * dist->b, deviation = dist->c;
    if (!(deviation > 0)) return dist->a;
    double z = det_log(cut / dist->a) / deviation;
    return dist->a * det_exp(deviation * deviation / 2) * normal_below(z - deviation) +
           cut * (1 - normal_below(z));
}

/* E[max(X, 0)] of a normal X. */
static double mean_of_normal(const Dist *dist)
{
    if (!(dist->b > 0)) return dist->a;
    double z = dist->a / dist->b;
    return dist->a * normal_below(z) + dist->b * normal_density(z);
}

/* The gamma function for x >= 1, by Stirling's series at x + 10. */
static double gamma_function(double x)
{
    double product = 1;
    for (int i = 0; i < 10; i++)
        product *= x + i;
    x += 10;
    double q = 1 / (x * x);
    double series = (1.0 / 12 - q * (1.0 / 360 - q * (1.0 / 1260 - q / 1680))) / x;
    double log_gamma = (x - 0.5) * det_log(x) - x + 0.9189385332046728 + series;
    return det_exp(log_gamma - det_log(product));
}

static double mean_of_table(const DistTable *table)
{
    double sum = 0;
    for (size_t i = 0; i < table->count; i++)
        sum += (double)table->values[i] * (table->weights[i] / table->total);
    return sum;
}

double dist_mean(const Dist *dist)
{
    switch (dist->shape) {
    case DIST_CONSTANT: return dist->a;
    case DIST_UNIFORM: return dist->a + (dist->b - dist->a) / 2;
    case DIST_EXPONENTIAL: return dist->a;
    case DIST_NORMAL: return mean_of_normal(dist);
    case DIST_LOGNORMAL: return mean_of_lognormal(dist);
    case DIST_WEIBULL: return dist->b * gamma_function(1 + dist->c);
    case DIST_EMPIRICAL: return mean_of_table(dist->table);
    }
    UNREACHABLE();
}
