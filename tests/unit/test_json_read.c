/* SPDX-License-Identifier: Apache-2.0 */
/* test_json_read.c - strict JSON in: what is read, what is refused and where, and that what was
 * written reads back. */
#include "sim/json.h"
#include "sim/rng.h"
#include "tests/unit/test.h"
#include "tests/unit/trees.h"

TEST(json_is_read_as_go_reads_it)
{
    static const struct {
        const char *text, *canonical;
    } cases[] = {
        {" {\"b\" : [1, -2.5e1 ,true,false,null], \"a\":\"\"} ",
         "{\"a\":\"\",\"b\":[1,-25,true,false,null]}"},
        {"[]", "[]"},
        {"{ }", "{}"},
        {"\"\\u00e9\\n\\/\\\"\\\\\"", "\"\xc3\xa9\\n/\\\"\\\\\""},
        {"\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\""},
        {"\"\\ud83dx\"", "\"\xef\xbf\xbdx\""},
        {"\"\\ude00\\ud83d\\u0041\"", "\"\xef\xbf\xbd\xef\xbf\xbd"
                                      "A\""},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"1e3", "1000"},
        {"-0", "0"},
        {"0.1", "0.1"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Value) value = json_parse(cases[i].text, strlen(cases[i].text), "f", 1, &error);
        CU_ASSERT_PTR_NOT_NULL_FATAL(value);
        g_autofree char *text = json_text(value);
        CU_ASSERT_STRING_EQUAL(text, cases[i].canonical);
    }
}

TEST(what_is_no_json_is_refused_with_its_place)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "f:7: column 1: a value is missing"},
        {"{", "f:7: column 2: a key must be a string"},
        {"{\"a\":1,\n \"a\":2}", "f:8: column 8: a key of the map is given twice"},
        {"{\"a\" 1}", "f:7: column 6: a key is followed by ':'"},
        {"{\"a\":1;", "f:7: column 7: a map goes on with ',' or ends with '}'"},
        {"[1,]", "f:7: column 4: this is no number"},
        {"[1", "f:7: column 3: a list goes on with ',' or ends with ']'"},
        {"01", "f:7: column 1: this is no number"},
        {"1.", "f:7: column 1: this is no number"},
        {"1e400", "f:7: column 6: the number is too large"},
        {"tru", "f:7: column 1: only null, true and false are words of JSON"},
        {"\"a", "f:7: column 3: the string has no end"},
        {"\"\\x\"", "f:7: column 4: no such escape in a string"},
        {"\"\\u12\"", "f:7: column 6: \\u needs four hexadecimal digits"},
        {"\"\\u0000\"", "f:7: column 8: a string cannot hold a NUL"},
        {"\"\t\"", "f:7: column 2: a control character in a string must be escaped"},
        {"\"\xff\"", "f:7: column 2: this is not UTF-8"},
        {"1 2", "f:7: column 3: something follows the value"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        Value *value = json_parse(cases[i].text, strlen(cases[i].text), "f", 7, &error);
        CU_ASSERT_PTR_NULL(value);
        CU_ASSERT_PTR_NOT_NULL_FATAL(error);
        if (strcmp(error->message, cases[i].message) != 0)
            fprintf(stderr, "%s: %s\n", cases[i].text, error->message);
        CU_ASSERT_STRING_EQUAL(error->message, cases[i].message);
    }
}

TEST(nesting_has_a_limit)
{
    g_autofree char *deep = g_strnfill(100000, '[');
    g_autoptr(GError) error = NULL;
    CU_ASSERT_PTR_NULL(json_parse(deep, 100000, "f", 1, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error->message, "nested too deeply"));
}

/* Any prefix of a text is refused or read, never more; whatever is read is written the same. */
TEST(damaged_texts_are_survived)
{
    Rng rng = rng_stream(7, "json", "damage");
    const char *text = "{\"a\":[1,2.5,{\"b\":\"x\\u00e9\\ud83d\\ude00\"},null],\"c\":-3e2}";
    for (unsigned i = 0; i < 5000; i++) {
        g_autofree char *copy = g_strdup(text);
        size_t length = rng_below(&rng, (uint32_t)strlen(text)) + 1;
        copy[rng_below(&rng, (uint32_t)length)] = (char)rng_below(&rng, 256);
        g_autoptr(GError) error = NULL;
        g_autoptr(Value) value = json_parse(copy, length, "f", 1, &error);
        CU_ASSERT_EQUAL(value == NULL, error != NULL);
        if (value == NULL) continue;
        g_autofree char *once = json_text(value);
        g_autoptr(Value) again = json_parse(once, strlen(once), "f", 1, NULL);
        CU_ASSERT_TRUE(value_equal(value, again));
    }
}
