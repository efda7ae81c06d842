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

/* Who gets the rows, and how many statements that return columns came before. */
typedef struct {
    DatabaseRow row;
    void *self;
    unsigned result;
} Taker;

static bool step_all(Database *database, sqlite3_stmt *statement, const char *name,
                     const Taker *taker, GError **error)
{
    int code;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        if (taker->row && !taker->row(taker->self, statement, taker->result)) return true;
    return code == SQLITE_DONE || fail(database, name, error);
}

bool database_run(Database *database, const char *sql, const char *name, DatabaseRow row,
                  void *self, GError **error)
{
    Taker taker = {row, self, 0};
    bool ok = true;
    while (ok && *sql) {
        sqlite3_stmt *statement = NULL;
        if (sqlite3_prepare_v2(database->handle, sql, -1, &statement, &sql) != SQLITE_OK)
            return fail(database, name, error);
        if (!statement) continue;
        bind_all(database, statement);
        ok = step_all(database, statement, name, &taker, error);
        taker.result += sqlite3_column_count(statement) > 0;
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

/* --- views as tables --- */

/* Columns that interval queries join on, in the order of the index. */
static const char *const index_keys[][4] = {
    {"run", "object", "uid", NULL}, {"run", "workload", NULL, NULL}, {"run", "ref", NULL, NULL},
    {"run", "volume", NULL, NULL},  {"run", "pod_uid", NULL, NULL},  {"run", "uid", NULL, NULL},
};

static bool take_text(void *self, sqlite3_stmt *statement, unsigned result)
{
    (void)result;
    g_ptr_array_add(self, g_strdup(database_text(statement, 0)));
    return true;
}

static bool index_table(Database *database, const char *name, const char *const *keys,
                        const GPtrArray *columns, GError **error)
{
    for (const char *const *key = keys; *key; key++) {
        bool has_it = false;
        for (unsigned i = 0; i < columns->len; i++)
            has_it = has_it || strcmp(columns->pdata[i], *key) == 0;
        if (!has_it) return true;
    }
    g_autofree char *list = g_strjoinv(", ", (char **)(uintptr_t)keys);
    g_autofree char *label = g_strjoinv("_", (char **)(uintptr_t)keys);
    g_autofree char *sql =
        g_strdup_printf("CREATE INDEX temp.%s_by_%s ON %s (%s)", name, label, name, list);
    return database_query(database, sql, NULL, NULL, error);
}

static bool materialize(Database *database, const char *name, GError **error)
{
    g_autoptr(GPtrArray) text = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) columns = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *find = g_strdup_printf(
        "SELECT sql FROM main.sqlite_master WHERE type = 'view' AND name = '%s'", name);
    g_autofree char *list =
        g_strdup_printf("SELECT name FROM pragma_table_info('%s', 'temp')", name);
    if (!database_query(database, find, take_text, text, error)) return false;
    const char *body = text->len ? strstr(text->pdata[0], " AS\n") : NULL;
    if (!body) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    "%s: has no view '%s'; it was recorded by another version of kennel",
                    database->path, name);
        return false;
    }
    g_autofree char *make = g_strdup_printf("CREATE TEMP TABLE %s AS %s", name, body + 4);
    bool ok = database_query(database, make, NULL, NULL, error) &&
              database_query(database, list, take_text, columns, error);
    for (unsigned i = 0; ok && i < G_N_ELEMENTS(index_keys); i++)
        ok = index_table(database, name, index_keys[i], columns, error);
    return ok;
}

bool database_materialize(Database *database, const char *const *views, GError **error)
{
    for (const char *const *view = views; *view; view++)
        if (!materialize(database, *view, error)) return false;
    return true;
}

bool database_mark(Database *database, GError **error)
{
    return database_query(database, "SAVEPOINT mark", NULL, NULL, error);
}

bool database_release(Database *database, GError **error)
{
    return database_query(database, "ROLLBACK TO mark; RELEASE mark", NULL, NULL, error);
}
