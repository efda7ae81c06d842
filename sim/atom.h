/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atom.h - interned strings.
 *
 * An Atom is a small number that stands for a string; equal strings of one table have equal atoms,
 * so names are compared and hashed as integers. Atom 0 (ATOM_NONE) is the empty string. Atoms are
 * numbered in order of first use, which makes them deterministic, but the number itself means
 * nothing: sort by text (atom_compare) wherever an order reaches a result. A table belongs to one
 * World and lives as long; texts are never freed before it.
 */
#ifndef KENNEL_SIM_ATOM_H
#define KENNEL_SIM_ATOM_H

#include "sim/base.h"

typedef uint32_t Atom;
#define ATOM_NONE ((Atom)0)

typedef struct AtomTable AtomTable;

AtomTable *atom_table_new(void);
void atom_table_free(AtomTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AtomTable, atom_table_free)

/* The atom of a text; NULL and "" give ATOM_NONE. */
Atom atom_of(AtomTable *table, const char *text);

/* The atom of length bytes. */
Atom atom_of_length(AtomTable *table, const char *text, size_t length);

/* The atom of a printf-formatted text. */
Atom atom_format(AtomTable *table, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The atom if the text is already known, else ATOM_NONE. */
Atom atom_find(const AtomTable *table, const char *text);

/* The text, never NULL; valid as long as the table. */
const char *atom_text(const AtomTable *table, Atom atom);

/* strcmp of two atoms' texts. */
int atom_compare(const AtomTable *table, Atom a, Atom b);

/* How many atoms exist, ATOM_NONE included: all atoms are below this number. */
uint32_t atom_count(const AtomTable *table);

#endif
