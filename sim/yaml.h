/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.h - YAML (and JSON, its subset) to values and back, by libyaml.
 *
 * Scalars are resolved as Kubernetes' own reader resolves them (YAML 1.1: yes/no/on/off and their
 * capitalisations are booleans, y and n too, 0644 is octal, 1e3 a float, 0x1F an integer; anything
 * quoted is a string). A map key is always a string: 1 and true become their texts. Duplicate keys,
 * aliases that recurse and unknown tags are errors. Merge keys (<<) and anchors work. Every node
 * carries its line; the value of a key carries the key's.
 */
#ifndef KENNEL_SIM_YAML_H
#define KENNEL_SIM_YAML_H

#include "sim/value.h"

/* One document of a stream. */
typedef struct {
    Value *value;
    const char *file; /* interned */
    unsigned line;    /* of its first line */
} YamlDocument;

/* A sequence of documents; empty ones are skipped. */
typedef struct {
    GArray *documents; /* of YamlDocument */
} YamlStream;

void yaml_stream_free(YamlStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YamlStream, yaml_stream_free)

/* Documents of a stream. */
unsigned yaml_count(const YamlStream *stream);
const YamlDocument *yaml_at(const YamlStream *stream, unsigned index);

/* Reads all documents of a text; `file` names it in messages ("file:line: what, and what to do").
 * Returns NULL with error set on the first fault. */
YamlStream *yaml_parse(const char *text, size_t length, const char *file, GError **error);

/* Reads a file ("-": standard input). */
YamlStream *yaml_load(const char *file, GError **error);

/* What a plain (unquoted) scalar means: null, boolean, integer, float or string. NULL for .inf and
 * .nan, which JSON cannot hold. */
Value *yaml_resolve_plain(const char *text, size_t length);

/* Appends a value as one block-style YAML document without "---"; strings that would be read as
 * something else are quoted, so yaml_parse() gives back an equal value. */
void yaml_write(const Value *value, GString *out);

#endif
