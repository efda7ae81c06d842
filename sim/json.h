/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - JSON out and in.
 *
 * json_write_canonical() writes the bytes that Go's encoding/json writes for the same data with
 * sorted keys: no spaces, `<`, `>`, `&`, U+2028 and U+2029 as \u escapes, integers without a
 * fraction, floats as Go prints them. These bytes are what Kubernetes hashes, so revision names
 * depend on them. json_write_pretty() indents by two spaces, for people.
 *
 * json_parse() reads strict JSON, several times as fast as yaml.h would; values keep no lines. What
 * a person has written is better read by yaml.h, which points at it.
 */
#ifndef KENNEL_SIM_JSON_H
#define KENNEL_SIM_JSON_H

#include "sim/value.h"

/* Appends canonical JSON. */
void json_write_canonical(const Value *value, GString *out);

/* Appends indented JSON followed by a newline. */
void json_write_pretty(const Value *value, GString *out);

/* Appends a JSON string literal, escaped as Go does. */
void json_write_string(const char *text, GString *out);

/* Canonical JSON as a new string; free with g_free(). */
char *json_text(const Value *value);

/* Reads one JSON value; NULL with error set ("FILE:LINE: column C: what") if the text is anything
 * else. `line` is the number of the text's first line in its file. */
Value *json_parse(const char *text, size_t length, const char *file, unsigned line, GError **error);

#endif
