/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dump.h - what `kubectl get ... -o yaml|json` printed, from any number of files, as one heap of
 * objects.
 *
 * Objects come alone, as documents of a stream, or as items of a List; of an object that comes
 * twice the newer version is kept. Kinds the simulation does not know stay readable as values.
 * Faults are collected, not thrown: what can be read is read.
 */
#ifndef KENNEL_TOOLS_DUMP_H
#define KENNEL_TOOLS_DUMP_H

#include "sim/value.h"

typedef struct {
    GArray *items;     /* of DumpItem, in order of reading */
    GHashTable *index; /* "Kind/space/name" -> its number + 1; looked up only */
    GPtrArray *faults; /* "file:line: path: what, and what to do" */
    bool has_time;
    Nanos newest; /* of the times in it */
} Dump;

typedef struct {
    Value *value;
    const char *kind, *space, *name; /* borrowed from value; space "default" if it names none */
} DumpItem;

Dump *dump_new(void);
void dump_free(Dump *dump);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Dump, dump_free)

/* Adds a file ("-": standard input); faults are noted. */
void dump_read(Dump *dump, const char *file);

/* Adds a text; `file` names it in faults. */
void dump_parse(Dump *dump, const char *text, size_t length, const char *file);

/* How many objects of a kind there are. */
unsigned dump_count(const Dump *dump, const char *kind);

/* The object or NULL; space NULL: of the cluster. */
const Value *dump_find(const Dump *dump, const char *kind, const char *space, const char *name);

/* The newest Event of a reason (NULL: any) about an object, or NULL; *ret_at (may be NULL) gets its
 * time. */
const Value *dump_event(const Dump *dump, const Value *about, const char *reason, Nanos *ret_at);

/* When an Event happened last; NANOS_NEVER if it does not say. */
Nanos dump_event_time(const Value *event);

#endif
