/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test.h - TEST(name) { ... } defines a test and registers it.
 *
 * The file's base name is its suite. Use CUnit's CU_ASSERT family, and the ones below, which print
 * what was compared. Tests depend on no wall time, no network, no order. Files made for a test live
 * under test_tmp().
 */
#ifndef KENNEL_TEST_H
#define KENNEL_TEST_H

#include "sim/base.h"

#include <CUnit/CUnit.h>

typedef struct TestCase TestCase;
struct TestCase {
    const char *file, *name;
    void (*run)(void);
    TestCase *next;
};

void test_register(TestCase *test);

#define TEST(title)                                                    \
    static void test_##title(void);                                    \
    __attribute__((constructor)) static void register_##title(void)    \
    {                                                                  \
        static TestCase test = {__FILE__, #title, test_##title, NULL}; \
        test_register(&test);                                          \
    }                                                                  \
    static void test_##title(void)

/* A folder of this process for files; removed at the end. */
const char *test_tmp(void);

/* Compare and say what differs; `where` is "file:line". */
void test_equal_int(int64_t actual, int64_t expected, const char *what, const char *where);
void test_equal_text(const char *actual, const char *expected, const char *what, const char *where);
/* The error is set and its message contains the text; clears it. */
void test_error_contains(GError **error, const char *text, const char *where);

#define TEST_STRING_(x) #x
#define TEST_LINE_(x)   TEST_STRING_(x)
#define TEST_WHERE      __FILE__ ":" TEST_LINE_(__LINE__)

#define EQUAL_INT(actual, expected) \
    test_equal_int((int64_t)(actual), (int64_t)(expected), #actual, TEST_WHERE)
#define EQUAL_TEXT(actual, expected) test_equal_text((actual), (expected), #actual, TEST_WHERE)
#define ERROR_CONTAINS(error, text)  test_error_contains(&(error), (text), TEST_WHERE)

#endif
