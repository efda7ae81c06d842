/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database.h - reading a timeline: open, run SQL files, row callbacks.
 *
 * Timelines are opened read-only; SQL may make temporary tables, which go with the connection.
 */
#ifndef KENNEL_TOOLS_DATABASE_H
#define KENNEL_TOOLS_DATABASE_H

#include "sim/value.h"

#include <sqlite3.h>

typedef struct Database Database;

/* Opens a timeline; NULL with error set if it is none. */
Database *database_open(const char *path, GError **error);
void database_close(Database *database);

/* Called for each row; `result` counts the statements that returned columns, from 0. False stops
 * the statement. */
typedef bool (*DatabaseRow)(void *self, sqlite3_stmt *statement, unsigned result);

/* Runs all statements of a text; `name` is for messages. */
bool database_run(Database *database, const char *sql, const char *name, DatabaseRow row,
                  void *self, GError **error);

/* Runs the statements of a file. */
bool database_run_file(Database *database, const char *path, DatabaseRow row, void *self,
                       GError **error);

/* Runs one query. */
bool database_query(Database *database, const char *sql, DatabaseRow row, void *self,
                    GError **error);

/* Turns views into temporary tables of the same names, in the order given (a view may use those
 * before it), with indexes on the columns that interval queries join on. Statements that follow see
 * the tables, so that a check joins rows instead of evaluating views again and again. */
bool database_materialize(Database *database, const char *const *views, GError **error);

/* What is made between mark and release (temporary tables) is gone after it. */
bool database_mark(Database *database, GError **error);
bool database_release(Database *database, GError **error);

/* Gives a text to statements of files, as :name. */
void database_bind(Database *database, const char *name, const char *text);

/* A column as text, never NULL. */
const char *database_text(sqlite3_stmt *statement, int column);

/* Parses JSON text that the program itself wrote; null if it is none. */
Value *database_json(const char *text);

#endif
