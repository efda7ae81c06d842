/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, integers, hashes, suggestions, and what a failed check prints. */
#include "tests/unit/test.h"

#include <locale.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(nanos_parse_table)
{
    static const struct {
        const char *text;
        Nanos nanos; /* -1: none */
    } rows[] = {
        {"0", 0},
        {"0s", 0},
        {"30", 30 * NANOS_S},
        {"1.5", 1500 * NANOS_MS},
        {".5s", 500 * NANOS_MS},
        {"250ms", 250 * NANOS_MS},
        {"1h30m", 90 * NANOS_MIN},
        {"1h30m5s", 90 * NANOS_MIN + 5 * NANOS_S},
        {"1.5s", 1500 * NANOS_MS},
        {"1s250ms", 1250 * NANOS_MS},
        {"7ns", 7},
        {"7us", 7 * NANOS_US},
        {"7\xc2\xb5s", 7 * NANOS_US},
        {"7\xce\xbcs", 7 * NANOS_US},
        {"1.000000001s", NANOS_S + 1},
        {"0.0000000019s", 1},
        {"0.12345678901234567890123s", 123456789},
        {"9223372036.854775806s", NANOS_NEVER - 1},
        {"9223372036.854775807s", -1},
        {"9999999999999999999", -1},
        {"99999999999h", -1},
        {"", -1},
        {"s", -1},
        {".", -1},
        {".s", -1},
        {"1x", -1},
        {"1 s", -1},
        {" 1s", -1},
        {"-1s", -1},
        {"+1s", -1},
        {"1h30", -1},
        {"1.5.2s", -1},
        {"1,5s", -1},
        {"1e3s", -1},
        {"never", -1},
        {"1S", -1},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        Nanos nanos = -1;
        bool ok = nanos_parse(rows[i].text, &nanos);
        test_equal_int(nanos, rows[i].nanos, rows[i].text, TEST_WHERE);
        CU_ASSERT(ok == (rows[i].nanos >= 0));
    }
}

TEST(nanos_format_table)
{
    static const struct {
        Nanos nanos;
        const char *text;
    } rows[] = {
        {0, "0s"},
        {1, "1ns"},
        {999, "999ns"},
        {1500, "1.5us"},
        {250 * NANOS_MS, "250ms"},
        {1500 * NANOS_MS, "1.5s"},
        {90 * NANOS_S, "1m30s"},
        {NANOS_HOUR, "1h"},
        {NANOS_HOUR + 1, "1h0.000000001s"},
        {90 * NANOS_MIN + 50 * NANOS_MS, "1h30m0.05s"},
        {-1500 * NANOS_MS, "-1.5s"},
        {NANOS_NEVER, "never"},
        {NANOS_NEVER - 1, "2562047h47m16.854775806s"},
        {INT64_MIN, "-2562047h47m16.854775808s"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        char buffer[NANOS_TEXT_MAX];
        EQUAL_TEXT(nanos_format(rows[i].nanos, buffer), rows[i].text);
    }
}

static void expect_round_trips(void)
{
    uint64_t state = 7;
    for (int i = 0; i < 20000; i++) {
        state = mix64(state + 1);
        Nanos nanos = (Nanos)(state >> (1 + i % 63)), back = -1;
        char buffer[NANOS_TEXT_MAX];
        if (nanos == NANOS_NEVER) continue;
        CU_ASSERT(nanos_parse(nanos_format(nanos, buffer), &back));
        EQUAL_INT(back, nanos);
    }
}

TEST(nanos_round_trip)
{
    expect_round_trips();
}

TEST(nanos_ignore_the_locale)
{
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8", "C.UTF-8"};
    g_autofree char *before = g_strdup(setlocale(LC_ALL, NULL));
    bool set = false;
    for (size_t i = 0; i < G_N_ELEMENTS(names) && !set; i++)
        set = setlocale(LC_ALL, names[i]) != NULL;
    expect_round_trips();
    Nanos nanos = -1;
    CU_ASSERT(nanos_parse("1.5s", &nanos) && nanos == 1500 * NANOS_MS);
    CU_ASSERT(!nanos_parse("1,5s", &nanos));
    setlocale(LC_ALL, before);
}

TEST(text_to_int_table)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"+12", true, 12},
        {"0012", true, 12},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, -7},
        {"-9223372036854775809", false, -7},
        {"99999999999999999999", false, -7},
        {"", false, -7},
        {"-", false, -7},
        {"1 ", false, -7},
        {" 1", false, -7},
        {"1.0", false, -7},
        {"0x1", false, -7},
        {"--1", false, -7},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int64_t value = -7;
        CU_ASSERT(text_to_int(rows[i].text, &value) == rows[i].ok);
        test_equal_int(value, rows[i].value, rows[i].text, TEST_WHERE);
    }
}

TEST(text_distance_and_nearest)
{
    EQUAL_INT(text_distance("", ""), 0);
    EQUAL_INT(text_distance("", "abc"), 3);
    EQUAL_INT(text_distance("kitten", "sitting"), 3);
    EQUAL_INT(text_distance("replcas", "replicas"), 1);
    EQUAL_INT(text_distance("lognrmal", "lognormal"), 1);
    EQUAL_INT(text_distance("ab", "ba"), 1);
    EQUAL_INT(text_distance("abcd", "acbd"), 1);
    static const char *const words[] = {"replicas", "template", "serviceName", NULL};
    EQUAL_TEXT(text_nearest("replcas", words), "replicas");
    EQUAL_TEXT(text_nearest("Replicas", words), "replicas");
    EQUAL_TEXT(text_nearest("servicename", words), "serviceName");
    CU_ASSERT_PTR_NULL(text_nearest("x", words));
    CU_ASSERT_PTR_NULL(text_nearest("paused", words));
    CU_ASSERT_PTR_NULL(text_nearest("", words));
}

/* Every bit of the input must move about half of the bits of the hash. */
TEST(hash_bytes_avalanche)
{
    unsigned char bytes[24] = {0};
    for (size_t size = 1; size <= sizeof bytes; size++) {
        uint64_t base = hash_bytes(bytes, size);
        for (size_t bit = 0; bit < size * 8; bit++) {
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            int changed = __builtin_popcountll(base ^ hash_bytes(bytes, size));
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            CU_ASSERT(changed >= 10 && changed <= 54);
        }
    }
    CU_ASSERT(hash_bytes("\0\0", 1) != hash_bytes("\0\0", 2));
}

/* Results must be equal on every machine for ever: seeds and files depend on them. */
TEST(hash_values_are_fixed)
{
    CU_ASSERT(mix64(1) == UINT64_C(0x4179b061e0c0e0d0));
    CU_ASSERT(hash_string("web-0") == UINT64_C(0xdc693c3a03ad333b));
    CU_ASSERT(hash_string("a longer text than one word") == UINT64_C(0x00aca54146322229));
}

static void describe(const void *subject, FILE *out)
{
    fprintf(out, "in scope %s", (const char *)subject);
}

static void describe_and_fail(const void *subject, FILE *out)
{
    describe(subject, out);
    fflush(out);
    CHECK_THAT(false, "inside a description");
}

static void fail_in_scopes(void)
{
    CheckScope outer = {describe, "outer", NULL}, gone = {describe, "gone", NULL};
    CheckScope inner = {describe_and_fail, "inner", NULL};
    check_scope_enter(&outer);
    check_scope_enter(&gone);
    check_scope_leave(&gone);
    check_scope_enter(&inner);
    CHECK_THAT(1 + 1 == 3, "the sum is %d", 1 + 1);
}

/* What a child process that runs the function writes to standard error; it must abort. */
static char *stderr_of_abort(void (*run)(void))
{
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], STDERR_FILENO);
        run();
        _exit(0);
    }
    close(pipes[1]);
    GString *text = g_string_new(NULL);
    char buffer[512];
    for (ssize_t got; (got = read(pipes[0], buffer, sizeof buffer)) > 0;)
        g_string_append_len(text, buffer, got);
    close(pipes[0]);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    return g_string_free(text, FALSE);
}

TEST(check_failed_tells_the_scopes)
{
    g_autofree char *text = stderr_of_abort(fail_in_scopes);
    const char *expression = strstr(text, "test_base.c:");
    const char *sum = strstr(text, "check failed: 1 + 1 == 3\n  the sum is 2\n");
    const char *inner = strstr(text, "in scope inner");
    const char *again = strstr(text, "inside a description");
    const char *outer = strstr(text, "in scope outer");
    CU_ASSERT(expression && sum && inner && again && outer);
    CU_ASSERT(sum < inner && inner < again && again < outer);
    CU_ASSERT_PTR_NULL(strstr(text, "gone"));
}
