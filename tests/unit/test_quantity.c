/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities: the grammar, rounding, saturation, equality. */
#include "models/api/quantity.h"
#include "tests/unit/test.h"

TEST(quantities_are_read)
{
    static const struct {
        const char *text;
        int64_t milli, units;
    } cases[] = {
        {"0", 0, 0},
        {"1", 1000, 1},
        {"+1", 1000, 1},
        {"-1", -1000, -1},
        {"100m", 100, 1},
        {"1500m", 1500, 2},
        {"-1500m", -1500, -2},
        {"0.5", 500, 1},
        {".5", 500, 1},
        {"5.", 5000, 5},
        {"1u", 1, 1},
        {"1n", 1, 1},
        {"1000000n", 1, 1},
        {"1000001n", 2, 1},
        {"1k", 1000000, 1000},
        {"1.5k", 1500000, 1500},
        {"1Ki", 1024000, 1024},
        {"0.1Ki", 102400, 103},
        {"1Gi", INT64_C(1073741824000), 1073741824},
        {"0.1Gi", INT64_C(107374182400), 107374183},
        {"2e3", 2000000, 2000},
        {"2E3", 2000000, 2000},
        {"1e-3", 1, 1},
        {"1e+2", 100000, 100},
        {"1E", INT64_C(1000000000000000000) > INT64_MAX / 1000 ? INT64_MAX : 0,
         INT64_C(1000000000000000000)},
        {"16Ei", INT64_MAX, INT64_MAX},
        {"-16Ei", -INT64_MAX, -INT64_MAX},
        {"1e400", INT64_MAX, INT64_MAX},
        {"1e-400", 1, 1},
        {"0e400", 0, 0},
        {"0.00000000000000000000001", 1, 1},
        {"00000000000000000000001", 1000, 1},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        int64_t milli = -7, units = -7;
        bool is_read =
            quantity_parse_milli(cases[i].text, &milli) && quantity_parse(cases[i].text, &units);
        if (!is_read || milli != cases[i].milli || units != cases[i].units)
            fprintf(stderr, "\nquantity %s: %" PRId64 " %" PRId64 "\n", cases[i].text, milli,
                    units);
        CU_ASSERT(is_read);
        EQUAL_INT(milli, cases[i].milli);
        EQUAL_INT(units, cases[i].units);
    }
}

TEST(what_is_no_quantity_is_refused)
{
    static const char *const texts[] = {"",    " ",   "m",    "1 ", " 1",    "1.2.3", "1mi",
                                        "1KI", "1ki", "1Kii", "e3", "1e",    "1e+",   "--1",
                                        "0x1", "1,5", ".",    "+",  "1e1.5", "1e+-3", "1K"};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        int64_t amount;
        if (quantity_parse(texts[i], &amount)) fprintf(stderr, "\naccepted \"%s\"\n", texts[i]);
        CU_ASSERT_FALSE(quantity_parse(texts[i], &amount));
    }
}

TEST(equal_amounts_are_equal)
{
    static const struct {
        const char *a, *b;
        bool is_equal;
    } cases[] = {
        {"1", "1000m", true},  {"1Ki", "1024", true},     {"1Gi", "1024Mi", true},
        {"0.5", "500m", true}, {"0", "0Gi", true},        {"1e3", "1k", true},
        {"1", "2", false},     {"1Ki", "1k", false},      {"-1", "1", false},
        {"0", "-0", true},     {"5", "0.5", false},       {"junk", "junk", true},
        {"junk", "1", false},  {"1.5Gi", "1536Mi", true},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        EQUAL_INT(quantity_equal(cases[i].a, cases[i].b), cases[i].is_equal);
        EQUAL_INT(quantity_equal(cases[i].b, cases[i].a), cases[i].is_equal);
    }
}

TEST(numbers_and_texts_are_amounts)
{
    g_autoptr(Value) two = value_int(2), half = value_float(0.5), text = value_string("250m");
    g_autoptr(Value) junk = value_string("much"), truth = value_bool(true);
    EQUAL_INT(quantity_milli(two, -1), 2000);
    EQUAL_INT(quantity_milli(half, -1), 500);
    EQUAL_INT(quantity_milli(text, -1), 250);
    EQUAL_INT(quantity_units(text, -1), 1);
    EQUAL_INT(quantity_units(junk, -1), -1);
    EQUAL_INT(quantity_units(truth, -1), -1);
    EQUAL_INT(quantity_units(NULL, -1), -1);
}
