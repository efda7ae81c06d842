/* SPDX-License-Identifier: Apache-2.0 */
/* database.c - reading a timeline. */
#include "tools/database.h"

#include "sim/yaml.h"

#include <ctype.h>
#include <stdlib.h>

#define TIMELINE_APPLICATION_ID 1801809516

struct Database {
    sqlite3 *handle;
    char *path;
    GHashTable *bindings; /* ":name" to text; looked up, never walked */
};

static bool fail(const Database *database, const char *name, GError **error)
{
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_IO, "%s: %s: %s", database->path, name,
                sqlite3_errmsg(database->handle));
    return false;
}

static bool take_id(void *self, sqlite3_stmt *statement, unsigned result)
{
    (void)result;
    *(int64_t *)self = sqlite3_column_int64(statement, 0);
    return true;
}

/* Tells a timeline from another database or file. */
static bool is_timeline(Database *database, GError **error)
{
    int64_t id = 0;
    g_autoptr(GError) cause = NULL;
    bool ok = database_query(database, "PRAGMA application_id", take_id, &id, &cause);
    if (ok && id == TIMELINE_APPLICATION_ID) return true;
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                "%s: is not a timeline of kennel%s%s; give the timeline.sqlite that `kennel run` "
                "wrote",
                database->path, cause ? ": " : "", cause ? cause->message : "");
    return false;
}

Database *database_open(const char *path, GError **error)
{
    Database *database = g_new0(Database, 1);
    database->path = g_strdup(path);
    database->bindings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    "%s: there is no such file; give the timeline.sqlite that `kennel run` wrote",
                    path);
    } else if (sqlite3_open_v2(path, &database->handle, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
        fail(database, "cannot be opened", error);
    } else if (is_timeline(database, error)) {
        sqlite3_exec(database->handle, "PRAGMA temp_store = MEMORY; PRAGMA query_only = OFF", NULL,
                     NULL, NULL);
        return database;
    }
    database_close(database);
    return NULL;
}

void database_close(Database *database)
{
    if (!database) return;
    sqlite3_close(database->handle);
    g_hash_table_unref(database->bindings);
    g_free(database->path);
    g_free(database);
}

void database_bind(Database *database, const char *name, const char *text)
{
    g_hash_table_insert(database->bindings, g_strconcat(":", name, NULL), g_strdup(text));
}

static void bind_all(Database *database, sqlite3_stmt *statement)
{
    for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++) {
        const char *name = sqlite3_bind_parameter_name(statement, i);
        const char *text = name ? g_hash_table_lookup(database->bindings, name) : NULL;
        if (text) sqlite3_bind_text(statement, i, text, -1, SQLITE_TRANSIENT);
    }
}

static bool step_all(Database *database, sqlite3_stmt *statement, const char *name, DatabaseRow row,
                     void *self, unsigned result, GError **error)
{
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        if (row && !row(self, statement, result)) return true;
    return code == SQLITE_DONE || fail(database, name, error);
}

bool database_run(Database *database, const char *sql, const char *name, DatabaseRow row,
                  void *self, GError **error)
{
    unsigned result = 0;
    bool ok = true;
    while (ok && *sql) {
        sqlite3_stmt *statement = NULL;
        if (sqlite3_prepare_v2(database->handle, sql, -1, &statement, &sql) != SQLITE_OK)
            return fail(database, name, error);
        if (!statement) continue;
        bind_all(database, statement);
        ok = step_all(database, statement, name, row, self, result, error);
        result += sqlite3_column_count(statement) > 0;
        sqlite3_finalize(statement);
    }
    return ok;
}

bool database_query(Database *database, const char *sql, DatabaseRow row, void *self,
                    GError **error)
{
    return database_run(database, sql, "query", row, self, error);
}

bool database_run_file(Database *database, const char *path, DatabaseRow row, void *self,
                       GError **error)
{
    g_autofree char *sql = NULL;
    g_autoptr(GError) cause = NULL;
    if (!g_file_get_contents(path, &sql, NULL, &cause)) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "%s: cannot be read: %s", path,
                    cause->message);
        return false;
    }
    return database_run(database, sql, path, row, self, error);
}

const char *database_text(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return text ? (const char *)text : "";
}

Value *database_json(const char *text)
{
    g_autoptr(YamlStream) stream = yaml_parse(text, strlen(text), "parameters", NULL);
    return stream && yaml_count(stream) ? value_ref(yaml_at(stream, 0)->value) : value_null();
}
