/* SPDX-License-Identifier: Apache-2.0 */
/* The runner of the unit tests: every TEST() of every file, a suite per file. */
#include "tests/unit/test.h"

#include <CUnit/Basic.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <stdlib.h>

static TestCase *all_tests;
static char *tmp_folder;

void test_register(TestCase *test)
{
    test->next = all_tests;
    all_tests = test;
}

static void remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        if (g_file_test(child, G_FILE_TEST_IS_DIR) && !g_file_test(child, G_FILE_TEST_IS_SYMLINK))
            remove_tree(child);
        else
            g_remove(child);
    }
    g_rmdir(path);
}

const char *test_tmp(void)
{
    if (!tmp_folder) tmp_folder = g_dir_make_tmp("kennel-unit-XXXXXX", NULL);
    CHECK(tmp_folder);
    return tmp_folder;
}

static void report(bool ok, const char *where, const char *text)
{
    if (!ok) fprintf(stderr, "\n%s: %s\n", where, text);
    CU_assertImplementation(ok, 0, text, where, "", CU_FALSE);
}

void test_equal_int(int64_t actual, int64_t expected, const char *what, const char *where)
{
    g_autofree char *text =
        g_strdup_printf("%s is %" PRId64 ", expected %" PRId64, what, actual, expected);
    report(actual == expected, where, text);
}

void test_equal_text(const char *actual, const char *expected, const char *what, const char *where)
{
    g_autofree char *text =
        g_strdup_printf("%s is\n  %s\nexpected\n  %s", what, actual ? actual : "(NULL)", expected);
    report(g_strcmp0(actual, expected) == 0, where, text);
}

void test_error_contains(GError **error, const char *text, const char *where)
{
    const char *message = *error ? (*error)->message : "(no error)";
    g_autofree char *shown =
        g_strdup_printf("error is\n  %s\nexpected it to contain\n  %s", message, text);
    report(strstr(message, text) != NULL, where, shown);
    g_clear_error(error);
}

static int by_file_and_name(const void *a, const void *b)
{
    const TestCase *x = *(TestCase *const *)a, *y = *(TestCase *const *)b;
    int order = strcmp(x->file, y->file);
    return order ? order : strcmp(x->name, y->name);
}

static void add_all(const char *only)
{
    g_autoptr(GPtrArray) tests = g_ptr_array_new();
    for (TestCase *test = all_tests; test; test = test->next)
        if (!only || strstr(test->file, only) || strstr(test->name, only))
            g_ptr_array_add(tests, test);
    g_ptr_array_sort(tests, by_file_and_name);
    CU_pSuite suite = NULL;
    const char *file = NULL;
    for (unsigned i = 0; i < tests->len; i++) {
        TestCase *test = tests->pdata[i];
        if (!file || strcmp(file, test->file) != 0) suite = CU_add_suite(test->file, NULL, NULL);
        file = test->file;
        CHECK(suite && CU_add_test(suite, test->name, test->run));
    }
}

/* unit [PART-OF-A-NAME]: runs all tests, or those whose file or name contains the text. */
int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    CHECK(CU_initialize_registry() == CUE_SUCCESS);
    add_all(argc > 1 ? argv[1] : NULL);
    CU_basic_set_mode(getenv("VERBOSE") ? CU_BRM_VERBOSE : CU_BRM_NORMAL);
    CU_basic_run_tests();
    bool failed = CU_get_number_of_failures() > 0 || CU_get_number_of_tests_run() == 0;
    CU_cleanup_registry();
    if (tmp_folder) remove_tree(tmp_folder);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
