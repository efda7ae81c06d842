/* SPDX-License-Identifier: Apache-2.0 */
/*
 * part.h - pieces of projection: atoms of fields, conditions, lists behind a view.
 *
 * A view is one block of memory: the struct and, behind it, its lists. A Tail hands that memory
 * out; the block is made large enough for the lists of the value, counted before.
 */
#ifndef KENNEL_MODELS_KIND_PART_H
#define KENNEL_MODELS_KIND_PART_H

#include "models/kind/views.h"
#include "models/world.h"

/* The atom of a string field; ATOM_NONE if it is none. */
Atom part_atom(AtomTable *atoms, const Value *map, const char *key);

/* A number; fallback if it is none. */
int64_t part_int(const Value *map, const char *key, int64_t fallback);

bool part_bool(const Value *map, const char *key);

/* The condition of a type in a list of conditions, or NULL. */
const Value *part_condition(const Value *conditions, const char *type);

/* What a condition (may be NULL) says. */
Condition part_condition_status(const Value *condition);

/* Elements of a value if it is a list, else 0; entries if it is a map, else 0. */
uint32_t part_list_size(const Value *list);
uint32_t part_map_size(const Value *map);

/* A zeroed block for a view of struct_size bytes with tail_size bytes of lists; *tail points
 * behind the struct. */
void *part_block(size_t struct_size, size_t tail_size, char **tail);

/* The next size bytes of the tail. Lists are taken in the order of falling alignment. */
void *part_take(char **tail, size_t size);
#define PART_TAKE(tail, Type, count) ((Type *)part_take((tail), sizeof(Type) * (count)))

/* Fills labels from a map of strings. */
void part_labels(AtomTable *atoms, const Value *map, Label *labels);

/* Fills atoms from a list of strings, or of maps by the string at `key`. */
void part_atoms(AtomTable *atoms, const Value *list, const char *key, Atom *names);

/* The taint effect of a text. */
TaintEffect part_effect(const Value *text);
const char *part_effect_text(TaintEffect effect);

/* The access modes of a list as bits of AccessMode; and as text, comma separated. */
unsigned part_modes(const Value *list);
void part_modes_text(unsigned modes, GString *out);

/* Writes a fact of an object; for record(). */
typedef struct {
    Row row;
    Atom node, detail;
    int64_t number;
} PartFact;
void part_record(World *world, const Object *object, PartFact fact);

/* The atom of a formatted detail. */
Atom part_detail(World *world, GString *text);

/* --- prepare() of kinds whose new objects start with a status of their own --- */

/* Puts a status in place of whatever the client sent; status is taken. */
void part_start_status(Value **now, Value *status);

#endif
