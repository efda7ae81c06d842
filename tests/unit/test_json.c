/* SPDX-License-Identifier: Apache-2.0 */
/* test_json.c - canonical JSON is what Go's encoding/json writes, to the byte. */
#include "sim/json.h"
#include "tests/unit/test.h"

#include <locale.h>
#include <math.h>

TEST(strings_are_escaped_as_go_does)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"", "\"\""},
        {"web-0", "\"web-0\""},
        {"a\"b\\c/d", "\"a\\\"b\\\\c/d\""},
        {"\n\r\t\b\f", "\"\\n\\r\\t\\b\\f\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
        {"\v\x1b", "\"\\u000b\\u001b\""},
        {"<a&b>", "\"\\u003ca\\u0026b\\u003e\""},
        {"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\"\\u2028\\u2029\xe2\x80\xaa\""},
        {"caf\xc3\xa9 \xf0\x9f\x98\x80", "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
        {"a\xff"
         "b",
         "\"a\\ufffdb\""},
        {"\xc3", "\"\\ufffd\""},
        {"\xe2\x80", "\"\\ufffd\\ufffd\""},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
        {"\xc0\xaf", "\"\\ufffd\\ufffd\""},
        {"\xef\xbf\xbd", "\"\xef\xbf\xbd\""},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) out = g_string_new("x");
        json_write_string(cases[i].text, out);
        EQUAL_TEXT(out->str + 1, cases[i].json);
    }
}

static char *float_text(double number)
{
    g_autoptr(Value) value = value_float(number);
    return json_text(value);
}

TEST(floats_are_written_as_go_does)
{
    static const struct {
        double number;
        const char *json;
    } cases[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-1.5, "-1.5"},
        {0.1, "0.1"},
        {100, "100"},
        {1000000, "1000000"},
        {123456789, "123456789"},
        {1e20, "100000000000000000000"},
        {1e21, "1e+21"},
        {1.5e21, "1.5e+21"},
        {-1e21, "-1e+21"},
        {1e100, "1e+100"},
        {0.000001, "0.000001"},
        {0.0000012, "0.0000012"},
        {0.0000001, "1e-7"},
        {1.5e-9, "1.5e-9"},
        {1e-10, "1e-10"},
        {0.3, "0.3"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {2.0 / 3, "0.6666666666666666"},
        {5e-324, "5e-324"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {1e23, "1e+23"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {0x1p53, "9007199254740992"},
        {0x1p63, "9223372036854776000"},
        {0x1p64, "18446744073709552000"},
        {0x1p89, "6.189700196426902e+26"},
        {0x1p-44, "5.684341886080802e-14"},
        {4.35, "4.35"},
        {123.456, "123.456"},
        {0x1p-1022, "2.2250738585072014e-308"},
        {1e-320, "1e-320"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *json = float_text(cases[i].number);
        test_equal_text(json, cases[i].json, cases[i].json, TEST_WHERE);
    }
}

/* How many significant digits a number is written with. */
static int digits_of(const char *text)
{
    int count = 0, zeros = 0;
    for (; *text != 0 && *text != 'e'; text++) {
        if (!g_ascii_isdigit(*text) || (count == 0 && *text == '0')) continue;
        zeros = *text == '0' ? zeros + 1 : 0;
        count++;
    }
    return count - zeros;
}

TEST(random_floats_are_exact_and_shortest)
{
    for (uint64_t seed = 1; seed <= 100000; seed++) {
        uint64_t bits = mix64(seed);
        double number;
        memcpy(&number, &bits, sizeof number);
        if (!isfinite(number) || number == 0) continue;
        g_autofree char *json = float_text(number);
        if (g_ascii_strtod(json, NULL) != number) {
            test_equal_text(json, "a number that reads back", "seed", TEST_WHERE);
            return;
        }
        int digits = digits_of(json);
        char shorter[64], format[8];
        if (digits < 2) continue;
        g_snprintf(format, sizeof format, "%%.%de", digits - 2);
        g_ascii_formatd(shorter, sizeof shorter, format, number);
        if (g_ascii_strtod(shorter, NULL) == number) {
            test_equal_text(json, shorter, "seed", TEST_WHERE);
            return;
        }
    }
}

TEST(the_locale_changes_nothing)
{
    g_autofree char *before = g_strdup(setlocale(LC_ALL, NULL));
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"};
    for (size_t i = 0; i < G_N_ELEMENTS(locales); i++) {
        if (setlocale(LC_ALL, locales[i]) == NULL) continue;
        g_autofree char *json = float_text(1234.5678);
        EQUAL_TEXT(json, "1234.5678");
    }
    setlocale(LC_ALL, before);
}

TEST(trees_have_no_spaces_and_sorted_keys)
{
    g_autoptr(Value) map = value_map();
    g_autoptr(Value) list = value_list();
    value_list_add(list, value_null());
    value_list_add(list, value_bool(true));
    value_list_add(list, value_int(INT64_MIN));
    value_list_add(list, value_map());
    value_list_add(list, value_list());
    value_map_set(map, "b<", value_ref(list));
    value_map_set(map, "a", value_string("x"));
    g_autofree char *json = json_text(map);
    EQUAL_TEXT(json, "{\"a\":\"x\",\"b\\u003c\":[null,true,-9223372036854775808,{},[]]}");
    g_autoptr(GString) pretty = g_string_new(NULL);
    json_write_pretty(map, pretty);
    EQUAL_TEXT(pretty->str, "{\n"
                            "  \"a\": \"x\",\n"
                            "  \"b\\u003c\": [\n"
                            "    null,\n"
                            "    true,\n"
                            "    -9223372036854775808,\n"
                            "    {},\n"
                            "    []\n"
                            "  ]\n"
                            "}\n");
    g_autofree char *null = json_text(NULL);
    EQUAL_TEXT(null, "null");
}
