/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rng.c - the generator, the variates, and exp and log of our own.
 *
 * The generator is Squares (B. Widynski, "Squares: A Fast Counter-Based RNG", 2020) with 64 bits of
 * output: five rounds of the middle square method on counter * key. Its keys must be odd and have
 * irregular bits; ours are hashes, and a hash with too few or too many ones is hashed again.
 *
 * Exponential and normal variates come from ziggurats (rng_tables.h): 98 of 100 draws cost one
 * multiplication and one comparison, the rest ask det_exp().
 */
#include "sim/rng.h"

#include "sim/rng_tables.h"

__extension__ typedef unsigned __int128 Wide;

#define GOLDEN_GAMMA UINT64_C(0x9e3779b97f4a7c15)

static bool key_is_irregular(uint64_t key)
{
    int low = __builtin_popcountll(key & UINT32_MAX), high = __builtin_popcountll(key >> 32);
    return low >= 10 && low <= 22 && high >= 10 && high <= 22;
}

Rng rng_stream(uint64_t seed, const char *owner, const char *purpose)
{
    uint64_t key = mix64(seed + GOLDEN_GAMMA);
    key = mix64(key ^ hash_string(owner)) + GOLDEN_GAMMA;
    key = mix64(key ^ hash_string(purpose)) | 1;
    while (!key_is_irregular(key))
        key = mix64(key + GOLDEN_GAMMA) | 1;
    return (Rng){key, 0};
}

static inline uint64_t swap_halves(uint64_t x)
{
    return x >> 32 | x << 32;
}

static inline uint64_t squares64(uint64_t counter, uint64_t key)
{
    uint64_t y = counter * key, z = y + key;
    uint64_t x = swap_halves(y * y + y);
    x = swap_halves(x * x + z);
    x = swap_halves(x * x + y);
    uint64_t fourth = x * x + z;
    x = swap_halves(fourth);
    return fourth ^ ((x * x + y) >> 32);
}

/* Counters start at 1: with counter 0 the first words would be those of the key alone. */
static inline uint64_t next_u64(Rng *rng)
{
    return squares64(++rng->counter, rng->key);
}

static inline double unit_of(uint64_t bits)
{
    return (double)(bits >> 11) * 0x1p-53;
}

uint64_t rng_u64(Rng *rng)
{
    return next_u64(rng);
}

double rng_unit(Rng *rng)
{
    return unit_of(next_u64(rng));
}

/* Multiply and keep the high word; the few low words that would favour some results are redrawn
 * (D. Lemire, "Fast Random Integer Generation in an Interval", 2019). */
uint64_t rng_below(Rng *rng, uint64_t bound)
{
    CHECK(bound > 0);
    Wide product = (Wide)next_u64(rng) * bound;
    if ((uint64_t)product < bound) {
        uint64_t excess = (0 - bound) % bound;
        while ((uint64_t)product < excess)
            product = (Wide)next_u64(rng) * bound;
    }
    return (uint64_t)(product >> 64);
}

/* Whether a point at x, at a random height of its layer, lies below the density. */
static bool is_below_density(Rng *rng, double bottom, double top, double density)
{
    return bottom + rng_unit(rng) * (top - bottom) < density;
}

double rng_exponential(Rng *rng)
{
    const double *edges = exponential_edges;
    double passed = 0;
    for (;;) {
        uint64_t bits = next_u64(rng);
        unsigned layer = bits & (RNG_LAYERS - 1);
        double x = unit_of(bits) * edges[layer];
        if (G_LIKELY(x < edges[layer + 1])) return passed + x;
        /* The tail of an exponential is an exponential. */
        if (layer == 0)
            passed += edges[1];
        else if (is_below_density(rng, det_exp(-edges[layer]), det_exp(-edges[layer + 1]),
                                  det_exp(-x)))
            return passed + x;
    }
}

static double double_of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t bits_of_double(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* Beyond `edge`, by G. Marsaglia's method of 1964. */
static double normal_tail(Rng *rng, double edge)
{
    double x, y;
    do {
        x = rng_exponential(rng) / edge;
        y = rng_exponential(rng);
    } while (2 * y < x * x);
    return edge + x;
}

/* x, or -x if the sign is 1: a coin that a processor cannot predict must not be a branch. */
static double with_sign(double x, uint64_t sign)
{
    return double_of_bits(bits_of_double(x) ^ sign << 63);
}

double rng_normal(Rng *rng)
{
    const double *edges = normal_edges;
    for (;;) {
        uint64_t bits = next_u64(rng);
        unsigned layer = bits & (RNG_LAYERS - 1);
        uint64_t sign = bits / RNG_LAYERS & 1;
        double x = unit_of(bits) * edges[layer];
        if (G_LIKELY(x < edges[layer + 1])) return with_sign(x, sign);
        if (layer == 0) return with_sign(normal_tail(rng, edges[1]), sign);
        double low = edges[layer], high = edges[layer + 1];
        if (is_below_density(rng, det_exp(-low * low / 2), det_exp(-high * high / 2),
                             det_exp(-x * x / 2)))
            return with_sign(x, sign);
    }
}

/* ln 2 in two parts; the first has 21 zero bits at its end, so that an exponent times it is exact. */
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW  0x1.a39ef35793c76p-33
#define LOG2_E   0x1.71547652b82fep+0

/*
 * x = 2^k m with m between sqrt(1/2) and sqrt(2). With s = (m - 1) / (m + 1),
 *     ln m = 2 atanh s = 2s + s R,  R = 2/3 s^2 + 2/5 s^4 + ...  up to s^22, below 2^-58 of it;
 * and because 2s = f - s f with f = m - 1 exact, ln m = f - s (f - R): only the small second term
 * carries rounding errors of its own.
 */
double det_log(double x)
{
    uint64_t bits = bits_of_double(x);
    CHECK_THAT(x > 0 && bits < UINT64_C(0x7ff0000000000000), "logarithm of %g", x);
    int exponent = 0;
    if (bits < UINT64_C(0x0010000000000000)) {
        bits = bits_of_double(x * 0x1p54);
        exponent = -54;
    }
    /* Adding 1 - sqrt(1/2) in units of the mantissa carries into the exponent from sqrt(2) on. */
    bits += UINT64_C(0x3ff0000000000000) - UINT64_C(0x3fe6a09e667f3bcd);
    exponent += (int)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0x000fffffffffffff)) + UINT64_C(0x3fe6a09e667f3bcd);
    double f = double_of_bits(bits) - 1.0;
    double s = f / (2.0 + f);
    double q = s * s;
    double q2 = q * q;
    /* Even and odd terms apart: two short chains instead of a long one. */
    double even =
        2.0 / 3 +
        q2 * (2.0 / 7 + q2 * (2.0 / 11 + q2 * (2.0 / 15 + q2 * (2.0 / 19 + q2 * (2.0 / 23)))));
    double odd = 2.0 / 5 + q2 * (2.0 / 9 + q2 * (2.0 / 13 + q2 * (2.0 / 17 + q2 * (2.0 / 21))));
    double rest = q * (even + q * odd);
    double k = exponent;
    return k * LN2_HIGH - ((s * (f - rest) - k * LN2_LOW) - f);
}

/* 2^k for a k that a normal number can have. */
static double power_of_two(int k)
{
    return double_of_bits((uint64_t)(k + 1023) << 52);
}

/* x = k ln 2 + r with |r| <= ln 2 / 2; e^r by its series up to r^13 / 13!, below 2^-57. */
double det_exp(double x)
{
    if (x > 709.782712893384) return double_of_bits(UINT64_C(0x7ff0000000000000));
    if (x < -745.1332191019412) return 0;
    /* Rounded by truncating what is always positive: the sign of x is often a coin. */
    int k = (int)(x * LOG2_E + 1100.5) - 1100;
    double r = (x - k * LN2_HIGH) - k * LN2_LOW;
    double q = r * r;
    double even =
        1 + q * (1.0 / 2 + q * (1.0 / 24 +
                                q * (1.0 / 720 + q * (1.0 / 40320 + q * (1.0 / 3628800 +
                                                                         q * (1.0 / 479001600))))));
    double odd =
        1.0 / 6 +
        q * (1.0 / 120 +
             q * (1.0 / 5040 + q * (1.0 / 362880 + q * (1.0 / 39916800 + q * (1.0 / 6227020800)))));
    double sum = even + (r + r * q * odd);
    /* In two steps, because 2^k alone may be beyond the normal numbers where the result is not. */
    int half = k / 2;
    return sum * power_of_two(half) * power_of_two(k - half);
}

double det_pow(double x, double y)
{
    return det_exp(y * det_log(x));
}
