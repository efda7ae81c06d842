/* SPDX-License-Identifier: Apache-2.0 */
/*
 * param.h - tables that say what a configuration map may hold.
 *
 * A Param row names a key, its type, the field of a C struct that it fills, its default and what
 * it means. From the one table come: reading a map with precise errors ("file:line: path: unknown
 * key 'replcas', did you mean 'replicas'?"), defaults, the text of `kennel help`, the tables in
 * the READMEs and the JSON Schema. Rows with type PARAM_MAP and PARAM_LIST nest.
 */
#ifndef KENNEL_SIM_PARAM_H
#define KENNEL_SIM_PARAM_H

#include "sim/dist.h"
#include "sim/value.h"

typedef enum {
    PARAM_BOOL,     /* bool */
    PARAM_INT,      /* int64_t, min <= value <= max */
    PARAM_FLOAT,    /* double, min <= value <= max */
    PARAM_DURATION, /* Nanos; text as nanos_parse(), or a number of seconds */
    PARAM_DIST,     /* Dist; text as dist_parse() */
    PARAM_STRING,   /* const char *: points into the Value, or the default */
    PARAM_WORD,     /* int: index into words */
    PARAM_VALUE,    /* const Value *: any tree, borrowed (NULL if absent) */
    PARAM_MAP,      /* a struct filled by the table `nested` */
    PARAM_LIST,     /* const Value *: a list whose elements obey `nested` (if given) or are any */
} ParamType;

typedef struct Param Param;
struct Param {
    const char *name; /* NULL ends the table */
    ParamType type;
    size_t offset;            /* of the field in the struct */
    const char *fallback;     /* default as text; NULL: zero; PARAM_REQUIRED: must be given */
    const char *help;         /* one sentence, with the unit and the source of the default */
    const char *const *words; /* PARAM_WORD: NULL-terminated */
    const Param *nested;      /* PARAM_MAP, PARAM_LIST */
    double min, max;          /* PARAM_INT, PARAM_FLOAT; both 0: no limit */
};

/* The fallback of a key that must be given. */
extern const char PARAM_REQUIRED[]; /* NOLINT(readability-identifier-naming): a constant */

/* Where a map stands, for messages. */
typedef struct {
    const char *file; /* may be NULL */
    const char *path; /* such as "spec.cluster", may be "" */
} ParamPlace;

/* Fills the struct at `fields` from a map (NULL: all defaults). Unknown keys, wrong types and
 * values out of range are errors; the struct is then undefined but safe to param_clear(). */
bool param_read(const Param *table, const Value *map, void *fields, ParamPlace place,
                GError **error);

/* Frees what param_read() allocated inside the struct (empirical distributions). */
void param_clear(const Param *table, void *fields);

/* Sets a KENNEL_ERROR_INPUT error "file:line: path: text" for a node. */
void param_error(GError **error, ParamPlace place, const Value *node, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/* Appends a table "name  type  default  help", for terminals (markdown: as a Markdown table). */
void param_help(const Param *table, bool markdown, GString *out);

/* The JSON Schema of a map that obeys the table: an object with properties, types, defaults. */
Value *param_schema(const Param *table);

#endif
