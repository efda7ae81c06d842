/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline_vtab.c - the virtual table behind an IntegerTable.
 *
 * It is eponymous-only (it has no xCreate): the table exists in the connection that registered it
 * and leaves no trace in the file, so any SQLite reads a timeline. SQLite always scans it from the
 * first row to the last.
 */
#include "sim/timeline_vtab.h"

typedef struct {
    sqlite3_vtab base; /* first: SQLite sees only this */
    const IntegerTable *table;
} BlockTable;

typedef struct {
    sqlite3_vtab_cursor base; /* first: SQLite sees only this */
    const int64_t *row, *end;
    size_t columns;
} BlockCursor;

static int block_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **ret_vtab, char **ret_error)
{
    (void)argc, (void)argv, (void)ret_error;
    const IntegerTable *table = aux;
    int code = sqlite3_declare_vtab(db, table->declaration);
    if (code != SQLITE_OK) return code;
    BlockTable *block = g_new0(BlockTable, 1);
    block->table = table;
    *ret_vtab = &block->base;
    return SQLITE_OK;
}

static int block_disconnect(sqlite3_vtab *vtab)
{
    g_free(vtab);
    return SQLITE_OK;
}

static int block_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    (void)vtab;
    info->estimatedCost = 1000;
    info->estimatedRows = 1000;
    return SQLITE_OK;
}

static int block_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **ret_cursor)
{
    (void)vtab;
    BlockCursor *cursor = g_new0(BlockCursor, 1);
    *ret_cursor = &cursor->base;
    return SQLITE_OK;
}

static int block_close(sqlite3_vtab_cursor *base)
{
    g_free(base);
    return SQLITE_OK;
}

static int block_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int argc,
                        sqlite3_value **argv)
{
    (void)plan, (void)plan_text, (void)argc, (void)argv;
    BlockCursor *cursor = (BlockCursor *)base;
    const IntegerTable *table = ((const BlockTable *)base->pVtab)->table;
    cursor->columns = table->columns;
    cursor->row = table->values;
    cursor->end = table->values + table->rows * table->columns;
    return SQLITE_OK;
}

static int block_next(sqlite3_vtab_cursor *base)
{
    BlockCursor *cursor = (BlockCursor *)base;
    cursor->row += cursor->columns;
    return SQLITE_OK;
}

static int block_eof(sqlite3_vtab_cursor *base)
{
    const BlockCursor *cursor = (const BlockCursor *)base;
    return cursor->row == cursor->end;
}

static int block_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
    sqlite3_result_int64(context, ((const BlockCursor *)base)->row[column]);
    return SQLITE_OK;
}

static int block_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret_rowid)
{
    const BlockCursor *cursor = (const BlockCursor *)base;
    const IntegerTable *table = ((const BlockTable *)base->pVtab)->table;
    *ret_rowid = (cursor->row - table->values) / (ptrdiff_t)cursor->columns;
    return SQLITE_OK;
}

static const sqlite3_module block_module = {
    .xConnect = block_connect,
    .xBestIndex = block_best_index,
    .xDisconnect = block_disconnect,
    .xOpen = block_open,
    .xClose = block_close,
    .xFilter = block_filter,
    .xNext = block_next,
    .xEof = block_eof,
    .xColumn = block_column,
    .xRowid = block_rowid,
};

int timeline_vtab_register(sqlite3 *db, const char *name, IntegerTable *table)
{
    return sqlite3_create_module_v2(db, name, &block_module, table, NULL);
}
