/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base.h - what every file of kennel may assume.
 *
 * Time is an integer count of nanoseconds since the run began (`Nanos`); no floating-point time
 * exists. Durations are written "250ms", "5m", "1h30m" and parsed by nanos_parse().
 *
 * CHECK() states what the programmer promises. It is on in every build, because a simulator that
 * goes on after a broken invariant produces numbers that look right. A failed check prints the
 * expression, what the run was doing (the innermost CheckScope: time, sequence, actor, seed and
 * the command that replays it) and aborts. CHECK is never for input, files or simulated failures.
 */
#ifndef KENNEL_SIM_BASE_H
#define KENNEL_SIM_BASE_H

#include <glib.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef int64_t Nanos;

#define NANOS_US   ((Nanos)1000)
#define NANOS_MS   ((Nanos)1000000)
#define NANOS_S    ((Nanos)1000000000)
#define NANOS_MIN  (60 * NANOS_S)
#define NANOS_HOUR (60 * NANOS_MIN)
/* No time: an unset timestamp, a condition that never held, "for ever". */
#define NANOS_NEVER INT64_MAX

#define CHECK(cond) (G_LIKELY(cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__, NULL))
/* CHECK with a printf-formatted explanation. */
#define CHECK_THAT(cond, ...) \
    (G_LIKELY(cond) ? (void)0 : check_failed(#cond, __FILE__, __LINE__, __VA_ARGS__))
/* A statement that is never reached. */
#define UNREACHABLE() check_failed("unreachable", __FILE__, __LINE__, NULL)

_Noreturn void check_failed(const char *expression, const char *file, int line, const char *format,
                            ...) G_GNUC_PRINTF(4, 5);

/* Describes what is going on, for the message of a failed check. Lives on the caller's stack. */
typedef struct CheckScope CheckScope;
struct CheckScope {
    void (*describe)(const void *subject, FILE *out);
    const void *subject;
    CheckScope *outer;
};

/* Makes scope the innermost of this thread until check_scope_leave(); diagnostics only. */
void check_scope_enter(CheckScope *scope);
void check_scope_leave(CheckScope *scope);

/* The error domain of operating errors (files, input, SQLite, command line). */
#define KENNEL_ERROR (kennel_error_quark())
GQuark kennel_error_quark(void);

typedef enum {
    KENNEL_ERROR_INPUT,    /* the user's text is wrong: exit 254 */
    KENNEL_ERROR_IO,       /* a file cannot be read or written: exit 254 or 255 */
    KENNEL_ERROR_INTERNAL, /* something that should work did not: exit 255 */
    KENNEL_ERROR_STOPPED,  /* interrupted by the user */
} KennelError;

/* Parses "1h30m", "250ms", "1.5s", "0" or a bare number of seconds; false if it is none. */
bool nanos_parse(const char *text, Nanos *ret_nanos);

/* Writes a duration the way nanos_parse() reads it ("1m30s"); returns buffer. */
#define NANOS_TEXT_MAX 40
const char *nanos_format(Nanos nanos, char buffer[NANOS_TEXT_MAX]);

/* A good 64-bit mix of one word (a bijection), the base of hashes, digests and stream keys. */
static inline uint64_t mix64(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ (x >> 32);
}

/* Hashes bytes to 64 bits, equal on every machine. */
uint64_t hash_bytes(const void *bytes, size_t size);

/* Hashes a C string. */
static inline uint64_t hash_string(const char *text)
{
    return hash_bytes(text, strlen(text));
}

/* Parses a whole decimal text as an integer in the C locale; false if it is not one or overflows. */
bool text_to_int(const char *text, int64_t *ret_value);

/* Edit distance of two words, for "did you mean". */
unsigned text_distance(const char *a, const char *b);

/* The word of a NULL-terminated list nearest to text, or NULL if none is near enough to suggest. */
const char *text_nearest(const char *text, const char *const *words);

#endif
