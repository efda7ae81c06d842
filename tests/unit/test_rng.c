/* SPDX-License-Identifier: Apache-2.0 */
/* Streams and variates by statistics with fixed seeds; det_log and det_exp against long doubles. */
#include "sim/rng.h"
#include "sim/rng_tables.h"
#include "tests/unit/test.h"

#include <math.h>
#include <stdlib.h>

#define DRAWS 400000
#define MANY  (4 * (size_t)DRAWS)

static Rng stream(const char *purpose)
{
    return rng_stream(20261121, "test_rng", purpose);
}

/* (chi-square - its mean) in deviations, for equally likely cells. */
static double chi_square_excess(const unsigned *cells, unsigned count)
{
    double total = 0, sum = 0;
    for (unsigned i = 0; i < count; i++)
        total += cells[i];
    for (unsigned i = 0; i < count; i++)
        sum += (cells[i] - total / count) * (cells[i] - total / count) / (total / count);
    return (sum - (count - 1)) / sqrt(2.0 * (count - 1));
}

static void expect_near(double actual, double expected, double tolerance, const char *what)
{
    if (!(fabs(actual - expected) <= tolerance)) {
        fprintf(stderr, "\n%s is %.17g, expected %.17g\n", what, actual, expected);
        CU_FAIL("not near");
    }
}

/* Seeds must mean the same for ever and everywhere. */
TEST(rng_values_are_fixed)
{
    Rng rng = rng_stream(42, "kubelet/node-1", "start");
    CU_ASSERT(rng_u64(&rng) == UINT64_C(0x9d4fd4bf88f6c276));
    CU_ASSERT(rng_u64(&rng) == UINT64_C(0x709d5efb61ddc6b9));
    CU_ASSERT(rng_u64(&rng) == UINT64_C(0xb8292db813c67fa1));
    CU_ASSERT(rng_normal(&rng) == 0x1.4ca17606322e8p-2);
    CU_ASSERT(rng_exponential(&rng) == 0x1.767614f32e152p-2);
    CU_ASSERT(det_log(3) == 0x1.193ea7aad030ap+0 && det_log(0.7) == -0x1.6d3c324e13f5p-2);
    CU_ASSERT(det_exp(1) == 0x1.5bf0a8b14576ap+1 && det_exp(-20.3) == 0x1.a3b8dc86d1c9p-30);
}

TEST(rng_streams_are_named)
{
    Rng base = rng_stream(1, "ab", "c");
    Rng same = rng_stream(1, "ab", "c");
    CU_ASSERT(base.key == same.key && base.counter == same.counter);
    CU_ASSERT(base.key != rng_stream(2, "ab", "c").key);
    CU_ASSERT(base.key != rng_stream(1, "a", "bc").key);
    CU_ASSERT(base.key != rng_stream(1, "c", "ab").key);
    CU_ASSERT(base.key != rng_stream(1, "", "abc").key);
    CU_ASSERT(base.key % 2 == 1);
}

TEST(rng_bytes_are_uniform)
{
    Rng rng = stream("bytes");
    static unsigned cells[8][256];
    for (unsigned i = 0; i < DRAWS; i++) {
        uint64_t bits = rng_u64(&rng);
        for (unsigned byte = 0; byte < 8; byte++)
            cells[byte][bits >> (8 * byte) & 255]++;
    }
    for (unsigned byte = 0; byte < 8; byte++)
        expect_near(chi_square_excess(cells[byte], 256), 0, 3.5, "chi-square of a byte");
}

/* Pairs of successive draws, by their upper and by their lower bits. */
TEST(rng_pairs_are_uniform)
{
    Rng rng = stream("pairs");
    static unsigned high[4096], low[4096];
    for (unsigned i = 0; i < DRAWS; i++) {
        uint64_t a = rng_u64(&rng), b = rng_u64(&rng);
        high[a >> 58 << 6 | b >> 58]++;
        low[(a & 63) << 6 | (b & 63)]++;
    }
    expect_near(chi_square_excess(high, 4096), 0, 3.5, "chi-square of upper bits");
    expect_near(chi_square_excess(low, 4096), 0, 3.5, "chi-square of lower bits");
}

/* The k-th draws of many streams with similar names must look like one good stream. */
TEST(rng_streams_are_independent)
{
    static unsigned cells[3][256], pairs[4096];
    uint64_t before[3] = {0};
    double ones = 0;
    for (unsigned i = 0; i < 100000; i++) {
        char owner[32];
        g_snprintf(owner, sizeof owner, "pod/web-%u", i);
        Rng rng = rng_stream(i % 4, owner, "start");
        for (unsigned draw = 0; draw < 3; draw++) {
            uint64_t bits = rng_u64(&rng);
            cells[draw][bits >> 56]++;
            ones += __builtin_popcountll(bits ^ before[draw]);
            if (draw == 0) pairs[(bits & 63) << 6 | (before[0] & 63)]++;
            before[draw] = bits;
        }
    }
    for (unsigned draw = 0; draw < 3; draw++)
        expect_near(chi_square_excess(cells[draw], 256), 0, 3.5, "chi-square across streams");
    expect_near(chi_square_excess(pairs, 4096), 0, 3.5, "chi-square of neighbours");
    expect_near(ones / 300000, 32, 4 * 4 / sqrt(300000), "bits that differ between neighbours");
}

TEST(rng_unit_and_below)
{
    Rng rng = stream("unit");
    double sum = 0, squares = 0;
    for (unsigned i = 0; i < DRAWS; i++) {
        double unit = rng_unit(&rng);
        CU_ASSERT_FATAL(unit >= 0 && unit < 1 && floor(unit * 0x1p53) == unit * 0x1p53);
        sum += unit;
        squares += unit * unit;
    }
    expect_near(sum / DRAWS, 0.5, 4 * 0.2887 / sqrt(DRAWS), "mean of units");
    expect_near(squares / DRAWS, 1.0 / 3, 4 * 0.298 / sqrt(DRAWS), "mean square of units");
    static const unsigned bounds[] = {1, 2, 3, 7, 100, 1000};
    for (size_t b = 0; b < G_N_ELEMENTS(bounds); b++) {
        unsigned cells[1000] = {0};
        for (unsigned i = 0; i < DRAWS; i++) {
            uint64_t value = rng_below(&rng, bounds[b]);
            CU_ASSERT_FATAL(value < bounds[b]);
            cells[value]++;
        }
        if (bounds[b] > 1)
            expect_near(chi_square_excess(cells, bounds[b]), 0, 3.5, "chi-square of below");
    }
}

/* With a bound of three quarters of 2^64 an unfair method would favour a third of the values. */
TEST(rng_below_large_bounds_without_bias)
{
    Rng rng = stream("large");
    uint64_t bound = UINT64_C(3) << 62;
    unsigned cells[3] = {0};
    for (unsigned i = 0; i < DRAWS; i++)
        cells[rng_below(&rng, bound) >> 62]++;
    expect_near(chi_square_excess(cells, 3), 0, 3.5, "chi-square of thirds");
}

/* --- variates --- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov's distance times sqrt(n): 1.63 is exceeded once in a hundred times. */
static double distance_from(double *values, unsigned count, double (*below)(double))
{
    double distance = 0;
    qsort(values, count, sizeof *values, by_value);
    for (unsigned i = 0; i < count; i++) {
        double expected = below(values[i]);
        distance = fmax(distance, fabs(expected - (double)i / count));
        distance = fmax(distance, fabs(expected - (double)(i + 1) / count));
    }
    return distance * sqrt(count);
}

static double exponential_below(double x)
{
    return -expm1(-x);
}

static double normal_below(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}

static double moment(const double *values, unsigned count, int power)
{
    double sum = 0;
    for (unsigned i = 0; i < count; i++)
        sum += pow(values[i], power);
    return sum / count;
}

static unsigned beyond(const double *values, unsigned count, double limit)
{
    unsigned result = 0;
    for (unsigned i = 0; i < count; i++)
        result += fabs(values[i]) > limit;
    return result;
}

TEST(rng_exponential_statistics)
{
    Rng rng = stream("exponential");
    g_autofree double *values = g_new(double, MANY);
    for (unsigned i = 0; i < DRAWS * 4; i++) {
        values[i] = rng_exponential(&rng);
        CU_ASSERT_FATAL(values[i] >= 0);
    }
    expect_near(moment(values, DRAWS * 4, 1), 1, 4 / sqrt(DRAWS * 4), "mean");
    expect_near(moment(values, DRAWS * 4, 2), 2, 4 * sqrt(20) / sqrt(DRAWS * 4), "second moment");
    expect_near(moment(values, DRAWS * 4, 3), 6, 4 * sqrt(684) / sqrt(DRAWS * 4), "third moment");
    /* Around the edge of the base layer at 7.697, and far out. */
    for (int half = 14; half < 20; half++) {
        double limit = half / 2.0;
        double expected = DRAWS * 4 * exp(-limit);
        expect_near(beyond(values, DRAWS * 4, limit), expected, 4 * sqrt(expected), "tail");
    }
    CU_ASSERT(distance_from(values, DRAWS * 4, exponential_below) < 1.63);
}

TEST(rng_normal_statistics)
{
    Rng rng = stream("normal");
    g_autofree double *values = g_new(double, MANY);
    for (unsigned i = 0; i < DRAWS * 4; i++)
        values[i] = rng_normal(&rng);
    expect_near(moment(values, DRAWS * 4, 1), 0, 4 / sqrt(DRAWS * 4), "mean");
    expect_near(moment(values, DRAWS * 4, 2), 1, 4 * sqrt(2) / sqrt(DRAWS * 4), "second moment");
    expect_near(moment(values, DRAWS * 4, 3), 0, 4 * sqrt(15) / sqrt(DRAWS * 4), "third moment");
    expect_near(moment(values, DRAWS * 4, 4), 3, 4 * sqrt(96) / sqrt(DRAWS * 4), "fourth moment");
    for (int fifth = 15; fifth <= 21; fifth++) {
        double limit = fifth / 5.0;
        double expected = DRAWS * 4 * erfc(limit / sqrt(2));
        expect_near(beyond(values, DRAWS * 4, limit), expected, 4 * sqrt(expected), "tail");
    }
    CU_ASSERT(distance_from(values, DRAWS * 4, normal_below) < 1.63);
}

static void expect_layers(const double *edges, double (*density)(double), double (*inverse)(double),
                          double tail)
{
    double area = edges[1] * density(edges[1]) + tail;
    expect_near(edges[0], area / density(edges[1]), 1e-13 * edges[0], "width of the base layer");
    for (unsigned i = 1; i < RNG_LAYERS - 1; i++) {
        double expected = inverse(density(edges[i]) + area / edges[i]);
        expect_near(edges[i + 1], expected, 1e-11 * expected, "edge");
    }
    double top = density(edges[RNG_LAYERS - 1]) + area / edges[RNG_LAYERS - 1];
    expect_near(top, 1, 1e-12, "top of the last layer");
    CU_ASSERT(edges[RNG_LAYERS] == 0);
}

static double exponential_density(double x)
{
    return exp(-x);
}

static double exponential_inverse(double y)
{
    return -log(y);
}

static double normal_density(double x)
{
    return exp(-x * x / 2);
}

static double normal_inverse(double y)
{
    return sqrt(-2 * log(y));
}

TEST(rng_tables_obey_the_recurrence)
{
    expect_layers(exponential_edges, exponential_density, exponential_inverse,
                  exp(-exponential_edges[1]));
    expect_layers(normal_edges, normal_density, normal_inverse,
                  sqrt(G_PI / 2) * erfc(normal_edges[1] / sqrt(2)));
}

/* --- logarithm and exponential --- */

static double log_error(double x)
{
    long double exact = logl((long double)x);
    return exact == 0 ? fabs(det_log(x)) : (double)fabsl(((long double)det_log(x) - exact) / exact);
}

TEST(det_log_error)
{
    Rng rng = stream("log");
    double worst = 0;
    for (unsigned i = 0; i < DRAWS; i++) {
        double unit = rng_unit(&rng);
        double near = 1 + (unit - 0.5) * pow(2, -(double)(i % 53));
        double wide = ldexp(0.5 + unit / 2, (int)(i % 2097) - 1073);
        worst = fmax(worst, fmax(log_error(near), log_error(wide)));
        worst = fmax(worst, log_error(0.6 + unit));
    }
    static const double corners[] = {1,
                                     0x1p-1074,
                                     0x1p-1022,
                                     0x0.fffffffffffffp-1022,
                                     0x1p-52,
                                     0.5,
                                     2,
                                     0x1.fffffffffffffp+1023,
                                     10,
                                     0x1.6a09e667f3bccp+0,
                                     0x1.6a09e667f3bcdp+0,
                                     0x1.6a09e667f3bcep+0,
                                     0x1.fffffffffffffp-1,
                                     0x1.0000000000001p+0};
    for (size_t i = 0; i < G_N_ELEMENTS(corners); i++)
        worst = fmax(worst, log_error(corners[i]));
    expect_near(worst, 0, 4e-16, "worst error of det_log");
    CU_ASSERT(det_log(1) == 0);
}

static double exp_error(double x)
{
    long double exact = expl((long double)x);
    return (double)fabsl(((long double)det_exp(x) - exact) / exact);
}

TEST(det_exp_error)
{
    Rng rng = stream("exp");
    double worst = 0;
    for (unsigned i = 0; i < DRAWS; i++) {
        double unit = rng_unit(&rng);
        double x = i % 2 ? -708 + 1417 * unit : (unit - 0.5) * pow(2, 4 - (double)(i % 60));
        worst = fmax(worst, exp_error(x));
        double tiny = -708 - 38 * unit;
        expect_near(det_exp(tiny), exp(tiny), exp(tiny) * 4e-15 + 0x1p-1074, "subnormal result");
    }
    expect_near(worst, 0, 4e-15, "worst error of det_exp");
    CU_ASSERT(det_exp(0) == 1 && isinf(det_exp(710)) && isinf(det_exp(1e300)));
    CU_ASSERT(det_exp(-746) == 0 && det_exp(-1e300) == 0);
    CU_ASSERT(isfinite(det_exp(709.78)) && det_exp(-745.13) > 0);
}

TEST(det_pow_values)
{
    expect_near(det_pow(2, 10), 1024, 1e-11, "2^10");
    expect_near(det_pow(10, -3), 1e-3, 1e-17, "10^-3");
    expect_near(det_pow(7.5, 0), 1, 0, "7.5^0");
    expect_near(det_pow(0.3, 2.5), pow(0.3, 2.5), 1e-16, "0.3^2.5");
}
