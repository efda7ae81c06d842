/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path.h - where validation stands in an object, and the checks that every kind needs.
 *
 * A Path is a chain of steps on the caller's stack; its text ("spec.containers[0].name") is made
 * only when there is something to report; NULL is the object itself. A Field table gives the types of a map's fields; what it
 * does not name is not looked at, because unknown fields are kept.
 */
#ifndef KENNEL_MODELS_KIND_PATH_H
#define KENNEL_MODELS_KIND_PATH_H

#include "models/api/validate.h"

typedef struct Path Path;
struct Path {
    const Path *parent;
    const char *name; /* a field, or NULL for the index-th element */
    unsigned index;
    bool is_key; /* "[name]", an entry of a map of the user's */
};

#define PATH(parent, name)     (&(const Path){(parent), (name), 0, false})
#define PATH_AT(parent, index) (&(const Path){(parent), NULL, (index), false})
#define PATH_KEY(parent, name) (&(const Path){(parent), (name), 0, true})

/* "spec.containers[0].name"; free with g_free(). */
char *path_text(const Path *path);

/* The errors of validate.h at a path. */
void path_required(FieldErrors *errors, const Path *path, const Value *node, const char *detail);
void path_invalid(FieldErrors *errors, const Path *path, const Value *node, const char *detail);
void path_forbidden(FieldErrors *errors, const Path *path, const Value *node, const char *detail);
void path_duplicate(FieldErrors *errors, const Path *path, const Value *node);
void path_not_found(FieldErrors *errors, const Path *path, const Value *node);
void path_type(FieldErrors *errors, const Path *path, const Value *node, const char *expected);

/* Reports a text that is not among the words (NULL-terminated); unset counts as "". */
void path_one_of(FieldErrors *errors, const Path *path, const Value *node,
                 const char *const *words);

/* Reports a number below the least: "must be greater than or equal to 0" or "... greater than 0".
 * Unset is fine. */
void path_not_negative(FieldErrors *errors, const Path *path, const Value *node);
void path_positive(FieldErrors *errors, const Path *path, const Value *node);

/* Reports a value that differs from the old one: "field is immutable". */
void path_immutable(FieldErrors *errors, const Path *path, const Value *now, const Value *old);

/* Reports a text that fails a name test of validate.h; `what` unset gives Required. */
void path_name(FieldErrors *errors, const Path *path, const Value *node,
               const char *(*test)(const char *text));

/* Remembers texts to find duplicates. A small linear set: lists in objects are short. */
typedef struct {
    GPtrArray *texts; /* borrowed strings */
} PathNames;

/* Reports a text seen before under these names. */
void path_unique(FieldErrors *errors, const Path *path, const Value *node, PathNames *names);
bool path_names_have(const PathNames *names, const char *text);
void path_names_add(PathNames *names, const char *text);
void path_names_clear(PathNames *names);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PathNames, path_names_clear)

typedef enum {
    FIELD_STRING,
    FIELD_BOOL,
    FIELD_INT32,
    FIELD_INT64,
    FIELD_MAP,
    FIELD_LIST, /* of maps */
    FIELD_STRING_MAP,
    FIELD_STRING_LIST,
    FIELD_INT_OR_STRING,
    FIELD_QUANTITY,
    FIELD_QUANTITY_MAP,
    FIELD_TIME,
} FieldKind;

typedef struct {
    const char *name;
    FieldKind kind;
    const char *type; /* as Go has it, for maps and lists */
} Field;

/* Reports fields of the wrong type; true if there are none. fields ends with a NULL name. A map
 * that is unset is fine, one that is no map is reported as `type`. */
bool path_fields(FieldErrors *errors, const Path *path, const Value *map, const Field *fields,
                 const char *type);

/* Checks a port number 1-65535. */
void path_port(FieldErrors *errors, const Path *path, const Value *node);

/* Checks an integer-or-percentage that must not be negative. */
void path_int_or_percent(FieldErrors *errors, const Path *path, const Value *node);

#endif
