/* SPDX-License-Identifier: Apache-2.0 */
/* Distributions: the notation both ways, its errors, and draws against means and quantiles. */
#include "sim/dist.h"
#include "tests/unit/test.h"

#include <math.h>
#include <stdlib.h>

#define DRAWS 200000

static Dist parsed(const char *text)
{
    Dist dist = {0};
    g_autoptr(GError) error = NULL;
    if (!dist_parse(text, &dist, &error)) {
        fprintf(stderr, "\n%s: %s\n", text, error->message);
        CU_FAIL("a distribution was expected");
    }
    return dist;
}

TEST(dist_round_trip)
{
    static const struct {
        const char *text, *written;
    } rows[] = {
        {"12ms", "12ms"},
        {" 1.5 ", "1.5s"},
        {"0", "0s"},
        {"U(0s, 10s)", "uniform(0s, 10s)"},
        {"U( 0 ,10 )", "uniform(0s, 10s)"},
        {"uniform(1ms,1ms)", "uniform(1ms, 1ms)"},
        {"exponential(5s)", "exponential(5s)"},
        {"normal(5s, 1s)", "normal(5s, 1s)"},
        {"lognormal (12ms, 150ms) ", "lognormal(12ms, 150ms)"},
        {"weibull(1.5, 10s)", "weibull(1.5, 10s)"},
        {"weibull(0.1, 10s)", "weibull(0.1, 10s)"},
        {"empirical(1s: 0.5, 2s: 0.4, 10s: 0.1)", "empirical(1s: 0.5, 2s: 0.4, 10s: 0.1)"},
        {"empirical(1h30m:3)", "empirical(1h30m: 3)"},
        {"empirical(1s:0,2s:1e-3)", "empirical(1s: 0, 2s: 0.001)"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Dist dist = parsed(rows[i].text);
        g_autofree char *written = dist_format(&dist);
        EQUAL_TEXT(written, rows[i].written);
        Dist again = parsed(written);
        g_autofree char *rewritten = dist_format(&again);
        EQUAL_TEXT(rewritten, written);
        Rng rng = rng_stream(1, "test_dist", "draws"), same = rng;
        for (unsigned draw = 0; draw < 100; draw++)
            EQUAL_INT(dist_draw(&dist, &rng), dist_draw(&again, &same));
        dist_clear(&dist);
        dist_clear(&again);
        EQUAL_INT(dist_draw(&dist, &rng), 0);
    }
}

TEST(dist_errors)
{
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"lognrmal(1s, 2s)", "'lognrmal' is no distribution, did you mean 'lognormal'?"},
        {"Uniform(1s, 2s)", "'Uniform' is no distribution, did you mean 'uniform'?"},
        {"cauchy(1s)", "'cauchy' is no distribution; write a duration such as 12ms"},
        {"", "'' is no distribution"},
        {"12xs", "'12xs' is no duration, write it like 250ms, 1.5s or 1h30m"},
        {"12ms 13ms", "'12ms 13ms' is no duration"},
        {"-5s", "'-5s' is no distribution"},
        {"exponential", "expected '(' at '', write it like exponential(MEAN)"},
        {"exponential()", "'' is no duration"},
        {"exponential(5s", "expected ')' at ''"},
        {"exponential(5s, 6s)", "expected ')' at ', 6s)', write it like exponential(MEAN)"},
        {"lognormal(12ms)", "expected ',' at ')', write it like lognormal(MEDIAN, P99)"},
        {"exponential(5s) x", "'x' follows the closing ')'"},
        {"uniform(10s, 1s)", "the upper end is below the lower one"},
        {"lognormal(2s, 1s)", "the median must be above 0 and not above the p99"},
        {"lognormal(0s, 1s)", "the median must be above 0"},
        {"weibull(0, 1s)", "the shape must be between"},
        {"weibull(x, 1s)", "'x' is no number of at least 0"},
        {"weibull(nan, 1s)", "'nan' is no number"},
        {"normal(-5s, 1s)", "'-5s' is no duration"},
        {"empirical()", "'' is no duration"},
        {"empirical(1s)", "expected ':' at ')'"},
        {"empirical(1s: 0)", "the weights must add up to more than 0"},
        {"empirical(1s: -1)", "'-1' is no number of at least 0"},
        {"empirical(1s: 1,)", "'' is no duration"},
        {"empirical(1s: 1", "expected ')'"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Dist dist = dist_constant(7);
        GError *error = NULL;
        CU_ASSERT(!dist_parse(rows[i].text, &dist, &error));
        ERROR_CONTAINS(error, rows[i].message);
        EQUAL_INT(dist.a, 7);
    }
}

TEST(dist_constant_draws_nothing)
{
    Rng rng = rng_stream(1, "test_dist", "constant");
    Dist dist = dist_constant(12 * NANOS_MS);
    EQUAL_INT(dist_draw(&dist, &rng), 12 * NANOS_MS);
    EQUAL_INT(rng.counter, 0);
}

/* Two policies under one seed must meet the same weather whatever their parameters are. */
TEST(dist_parameters_do_not_shift_the_stream)
{
    static const char *const pairs[][2] = {
        {"U(0s, 10s)", "U(3s, 3s)"},
        {"exponential(5s)", "exponential(0s)"},
        {"normal(5s, 1s)", "normal(0s, 9s)"},
        {"lognormal(12ms, 150ms)", "lognormal(5s, 5s)"},
        {"weibull(1.5, 10s)", "weibull(0.2, 1s)"},
        {"empirical(1s: 1, 2s: 1)", "empirical(1s: 1)"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        Dist a = parsed(pairs[i][0]), b = parsed(pairs[i][1]);
        Rng first = rng_stream(5, "test_dist", "step"), second = first;
        for (unsigned draw = 0; draw < 20000; draw++) {
            dist_draw(&a, &first);
            dist_draw(&b, &second);
        }
        EQUAL_INT(first.counter, second.counter);
        CU_ASSERT(first.counter >= 20000);
        dist_clear(&a);
        dist_clear(&b);
    }
}

static int by_value(const void *a, const void *b)
{
    Nanos x = *(const Nanos *)a, y = *(const Nanos *)b;
    return (x > y) - (x < y);
}

/* Draws, sorted; free with g_free(). */
static Nanos *sorted_draws(const Dist *dist)
{
    Rng rng = rng_stream(3, "test_dist", "sample");
    Nanos *draws = g_new(Nanos, DRAWS);
    for (unsigned i = 0; i < DRAWS; i++)
        draws[i] = dist_draw(dist, &rng);
    qsort(draws, DRAWS, sizeof *draws, by_value);
    return draws;
}

TEST(dist_mean_and_quantiles)
{
    static const struct {
        const char *text;
        double mean, median, p99; /* in seconds */
        double least, most;
    } rows[] = {
        {"U(2s, 10s)", 6, 6, 9.92, 2, 10},
        {"exponential(5s)", 5, 3.4657, 23.026, 0, 1e9},
        {"normal(5s, 1s)", 5, 5, 7.3263, 0, 1e9},
        {"normal(1s, 1s)", 1.08332, 1, 3.3263, 0, 1e9},
        {"lognormal(12ms, 150ms)", 0.02156, 0.012, 0.150, 0, 0.45},
        {"weibull(1.5, 10s)", 9.02745, 7.8322, 27.680, 0, 1e9},
        {"weibull(0.5, 1s)", 2, 0.48045, 21.208, 0, 1e9},
        {"empirical(1s: 5, 2s: 4, 10s: 1)", 2.3, 1.5, 10, 1, 10},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Dist dist = parsed(rows[i].text);
        g_autofree Nanos *draws = sorted_draws(&dist);
        double sum = 0, squares = 0;
        for (unsigned k = 0; k < DRAWS; k++) {
            double value = (double)draws[k] / 1e9;
            sum += value;
            squares += value * value;
        }
        double mean = sum / DRAWS, deviation = sqrt(squares / DRAWS - mean * mean);
        double expected = dist_mean(&dist) / 1e9;
        Nanos median = draws[DRAWS / 2], p99 = draws[(size_t)DRAWS / 100 * 99];
        CU_ASSERT(fabs(mean - expected) < 4 * deviation / sqrt(DRAWS));
        CU_ASSERT(fabs(expected - rows[i].mean) < 0.004 * rows[i].mean);
        CU_ASSERT(fabs((double)p99 / 1e9 / rows[i].p99 - 1) < 0.03);
        CU_ASSERT(fabs((double)median / 1e9 - rows[i].median) <=
                  0.51 * (i == 7) + 0.02 * rows[i].median);
        CU_ASSERT((double)draws[0] / 1e9 >= rows[i].least);
        CU_ASSERT((double)draws[DRAWS - 1] / 1e9 <= rows[i].most);
        dist_clear(&dist);
    }
}

TEST(dist_edges)
{
    Rng rng = rng_stream(1, "test_dist", "edges");
    Dist unit = parsed("U(0ns, 2ns)"), point = parsed("U(3s, 3s)");
    unsigned counts[2] = {0};
    for (unsigned i = 0; i < 1000; i++) {
        Nanos value = dist_draw(&unit, &rng);
        CU_ASSERT_FATAL(value == 0 || value == 1);
        counts[value]++;
        EQUAL_INT(dist_draw(&point, &rng), 3 * NANOS_S);
    }
    CU_ASSERT(counts[0] > 400 && counts[1] > 400);
    Dist weights = parsed("empirical(1s: 0, 2s: 1, 3s: 0)");
    Dist narrow = parsed("lognormal(5s, 5s)");
    Dist huge = parsed("exponential(2500000h)");
    for (unsigned i = 0; i < 1000; i++) {
        EQUAL_INT(dist_draw(&weights, &rng), 2 * NANOS_S);
        EQUAL_INT(dist_draw(&narrow, &rng), 5 * NANOS_S);
        CU_ASSERT(dist_draw(&huge, &rng) <= (Nanos)1 << 62);
    }
    EQUAL_INT(dist_mean(&narrow), 5 * NANOS_S);
    dist_clear(&weights);
}
