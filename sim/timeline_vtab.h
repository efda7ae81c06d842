/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline_vtab.h - a block of memory that SQL can SELECT from.
 *
 * An IntegerTable is rows of 64-bit integers. Registered with a connection it is a virtual table,
 * so `INSERT INTO fact SELECT * FROM name` moves a whole block with one statement: SQLite starts
 * its interpreter once a block instead of once a row, and nothing is bound. A row costs about half
 * of what a prepared INSERT costs (tests/bench/record.c).
 *
 * The owner fills `values` and sets `rows` between statements, never while one runs.
 */
#ifndef KENNEL_SIM_TIMELINE_VTAB_H
#define KENNEL_SIM_TIMELINE_VTAB_H

#include "sim/base.h"

#include <sqlite3.h>

typedef struct {
    int64_t *values; /* rows * columns, a row after the other */
    size_t rows;
    size_t columns;
    const char *declaration; /* "CREATE TABLE x(a, b, c)" with as many columns */
} IntegerTable;

/* Makes the table visible to `db` as `name`; it must outlive the connection. Returns a SQLite
 * result code. */
int timeline_vtab_register(sqlite3 *db, const char *name, IntegerTable *table);

#endif
