/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timeline.c - the recorder.
 *
 * timeline_fact() maps atoms to ids and stores integers in a block; a full block is moved into the
 * table by one INSERT ... SELECT, and many blocks make a transaction. The ids of texts are the
 * atoms of the file's own two tables (order of first use, 0 for nothing), so equal recordings give
 * equal files; new texts are written just before the block that mentions them.
 *
 * The rollback journal protects against a killed process and a full disk, at a cost that cannot be
 * measured, and leaves one file behind. Nothing is synced (synchronous = OFF): only the fall of the
 * whole machine can hurt the file, and then the run is repeated. The lock is kept while recording
 * (locking_mode = EXCLUSIVE), so that somebody who looks into the file early is told that it is
 * locked, instead of making a commit fail.
 */
#include "sim/timeline.h"

#include "sim/json.h"
#include "sim/timeline_index_sql.h"
#include "sim/timeline_sql.h"
#include "sim/timeline_vtab.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <unistd.h>

/* More rows a block gain nothing and fall out of the CPU's cache. */
#define ROWS_PER_BLOCK 1024
/* What an interruption loses at most, and how much is rolled back then. */
#define ROWS_PER_COMMIT 16384

enum {
    COLUMN_AT,
    COLUMN_SEQ,
    COLUMN_CAUSE,
    COLUMN_ROW,
    COLUMN_ACTOR,
    COLUMN_OBJECT,
    COLUMN_UID,
    COLUMN_NODE,
    COLUMN_DETAIL,
    COLUMN_NUMBER,
    COLUMN_COUNT
};

#define BLOCK_DECLARATION \
    "CREATE TABLE block(at, seq, cause, row, actor, object, uid, node, detail, number)"

/* Texts of the file; a text's atom is its id. */
typedef struct {
    AtomTable *texts;
    uint32_t written; /* ids below are in the file */
    uint32_t *ids;    /* by atom of the current run, 0 if it has not been seen */
    uint32_t ids_size;
} Ids;

struct Timeline {
    char *path;
    sqlite3 *db;
    sqlite3_stmt *insert_block, *insert_string, *insert_object;
    IntegerTable block;
    Ids strings, objects;
    const AtomTable *atoms; /* of the current run, NULL between runs */
    int64_t run;            /* the last one begun */
    unsigned row_count;
    uint64_t facts;
    uint64_t flushed;   /* facts handed to SQLite */
    uint64_t committed; /* facts that no accident takes away */
    GError *error;
};

/* --- errors --- */

/* The errno behind the last I/O error, 0 if there is none: the file remembers its own longest, the
 * connection's may be that of the rollback that followed. */
static int system_error(sqlite3 *db)
{
    int code = sqlite3_errcode(db) & 0xff, number = 0;
    if (code == SQLITE_IOERR) sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &number);
    if (number == 0 && (code == SQLITE_IOERR || code == SQLITE_CANTOPEN))
        number = sqlite3_system_errno(db);
    return number;
}

static bool is_disk_full(sqlite3 *db)
{
    int number = system_error(db);
    return (sqlite3_errcode(db) & 0xff) == SQLITE_FULL || number == ENOSPC || number == EDQUOT;
}

static const char *describe_error(sqlite3 *db)
{
    if (is_disk_full(db)) return "the disk is full";
    if (system_error(db) == EFBIG)
        return "the file may not grow any more (ulimit -f, or a limit of the file system)";
    return sqlite3_errmsg(db);
}

/* Notes the error that the connection just met. Only the first counts; then what is not committed
 * is given up, so that the file stays as it was at the last commit. */
static bool fail(Timeline *timeline)
{
    if (!timeline->error)
        timeline->error = g_error_new(
            KENNEL_ERROR, KENNEL_ERROR_IO,
            "%s: %s after %" PRIu64 " facts; these are kept and the run is marked incomplete: "
            "%s, and run again",
            timeline->path, describe_error(timeline->db), timeline->committed,
            is_disk_full(timeline->db) ? "free space or record to another place"
                                       : "record to another place");
    if (!sqlite3_get_autocommit(timeline->db))
        sqlite3_exec(timeline->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

static bool copy_error(const Timeline *timeline, GError **error)
{
    if (timeline->error && error) *error = g_error_copy(timeline->error);
    return !timeline->error;
}

/* --- writing --- */

static bool run_sql(Timeline *timeline, const char *sql)
{
    if (timeline->error) return false;
    return sqlite3_exec(timeline->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(timeline);
}

static bool run_statement(Timeline *timeline, sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE) {
        fail(timeline);
        sqlite3_reset(statement);
        return false;
    }
    sqlite3_reset(statement);
    return true;
}

static bool begin(Timeline *timeline)
{
    if (timeline->error) return false;
    return !sqlite3_get_autocommit(timeline->db) || run_sql(timeline, "BEGIN");
}

static bool commit(Timeline *timeline)
{
    if (timeline->error) return false;
    if (!sqlite3_get_autocommit(timeline->db) && !run_sql(timeline, "COMMIT")) return false;
    timeline->committed = timeline->flushed;
    return true;
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text ? text : "", -1, SQLITE_STATIC);
}

static bool write_strings(Timeline *timeline)
{
    Ids *ids = &timeline->strings;
    for (uint32_t end = atom_count(ids->texts); ids->written < end; ids->written++) {
        sqlite3_bind_int64(timeline->insert_string, 1, ids->written);
        bind_text(timeline->insert_string, 2, atom_text(ids->texts, ids->written));
        if (!run_statement(timeline, timeline->insert_string)) return false;
    }
    return true;
}

/* Splits "Kind/namespace/name"; a text of another form is all name. */
static void bind_object(sqlite3_stmt *statement, const char *text)
{
    const char *space = strchr(text, '/');
    const char *name = space ? strchr(space + 1, '/') : NULL;
    if (!name) {
        bind_text(statement, 2, "");
        bind_text(statement, 3, "");
        bind_text(statement, 4, text);
        return;
    }
    sqlite3_bind_text(statement, 2, text, (int)(space - text), SQLITE_STATIC);
    sqlite3_bind_text(statement, 3, space + 1, (int)(name - space - 1), SQLITE_STATIC);
    bind_text(statement, 4, name + 1);
}

static bool write_objects(Timeline *timeline)
{
    Ids *ids = &timeline->objects;
    for (uint32_t end = atom_count(ids->texts); ids->written < end; ids->written++) {
        sqlite3_bind_int64(timeline->insert_object, 1, ids->written);
        bind_object(timeline->insert_object, atom_text(ids->texts, ids->written));
        if (!run_statement(timeline, timeline->insert_object)) return false;
    }
    return true;
}

/* Hands the block to SQLite; it is empty afterwards in any case. */
static bool flush(Timeline *timeline)
{
    uint64_t rows = timeline->block.rows;
    bool done = begin(timeline) && write_strings(timeline) && write_objects(timeline) &&
                run_statement(timeline, timeline->insert_block);
    timeline->block.rows = 0;
    if (!done) return false;
    timeline->flushed += rows;
    if (timeline->flushed - timeline->committed >= ROWS_PER_COMMIT) return commit(timeline);
    return true;
}

/* --- ids --- */

static void ids_init(Ids *ids)
{
    ids->texts = atom_table_new();
    ids->written = 1; /* 0 is part of the schema */
}

static void ids_clear(Ids *ids)
{
    atom_table_free(ids->texts);
    g_free(ids->ids);
}

/* Forgets the atoms of the run before. */
static void ids_begin_run(Ids *ids)
{
    if (ids->ids_size > 0) memset(ids->ids, 0, ids->ids_size * sizeof *ids->ids);
}

/* The id of an atom that this run has not used yet. */
static G_GNUC_NO_INLINE uint32_t ids_learn(Ids *ids, const AtomTable *atoms, Atom atom)
{
    CHECK(atom < atom_count(atoms));
    if (atom >= ids->ids_size) {
        uint32_t size = MAX(atom_count(atoms), 2 * ids->ids_size);
        ids->ids = g_renew(uint32_t, ids->ids, size);
        memset(ids->ids + ids->ids_size, 0, (size - ids->ids_size) * sizeof *ids->ids);
        ids->ids_size = size;
    }
    ids->ids[atom] = atom_of(ids->texts, atom_text(atoms, atom));
    return ids->ids[atom];
}

static inline uint32_t ids_get(Ids *ids, const AtomTable *atoms, Atom atom)
{
    if (atom == ATOM_NONE) return 0;
    uint32_t id = atom < ids->ids_size ? ids->ids[atom] : 0;
    return G_LIKELY(id) ? id : ids_learn(ids, atoms, atom);
}

/* --- making a file --- */

/* Whether the path may be overwritten: there is nothing, an empty file, or a timeline. */
static bool is_replaceable(const char *path)
{
    GStatBuf status;
    if (g_stat(path, &status) != 0) return true;
    if (!S_ISREG(status.st_mode)) return false;
    static const char magic[16] = "SQLite format 3";
    static const char application_id[4] = "kenl"; /* PRAGMA application_id, at byte 68 */
    char head[72];
    FILE *file = g_fopen(path, "rb");
    if (!file) return false;
    size_t size = fread(head, 1, sizeof head, file);
    fclose(file);
    return size == 0 || (size == sizeof head && memcmp(head, magic, sizeof magic) == 0 &&
                         memcmp(head + 68, application_id, sizeof application_id) == 0);
}

/* Removes a file and what SQLite may have left beside it: a stale journal would be played back into
 * the new file. */
static void remove_files(const char *path)
{
    static const char *const endings[] = {"", "-journal", "-wal", "-shm"};
    for (unsigned i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *name = g_strconcat(path, endings[i], NULL);
        g_unlink(name);
    }
}

static bool create_failed(const Timeline *timeline, GError **error)
{
    sqlite3 *db = timeline->db;
    g_autofree char *folder = g_path_get_dirname(timeline->path);
    int number = sqlite3_errcode(db) == SQLITE_CANTOPEN ? system_error(db) : 0;
    const char *what = describe_error(db), *advice = "choose another place";
    if (!g_file_test(folder, G_FILE_TEST_IS_DIR)) {
        what = "there is no such folder";
        advice = "make the folder, or choose another place";
    } else if (number != 0) {
        what = g_strerror(number);
        advice = "make the folder writable, or choose another place";
    } else if (is_disk_full(db)) {
        advice = "free space, or choose another place";
    }
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_IO, "%s: cannot create the timeline: %s; %s",
                timeline->path, what, advice);
    return false;
}

static bool execute(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_statement)
{
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL) ==
           SQLITE_OK;
}

static bool write_vocabulary(sqlite3 *db, const FactRow *rows, unsigned row_count)
{
    sqlite3_stmt *insert = NULL;
    bool ok = prepare(db, "INSERT INTO row VALUES (?, ?, ?)", &insert);
    for (unsigned i = 0; ok && i < row_count; i++) {
        sqlite3_bind_int64(insert, 1, i);
        bind_text(insert, 2, rows[i].name);
        bind_text(insert, 3, rows[i].help);
        ok = sqlite3_step(insert) == SQLITE_DONE;
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
    return ok;
}

static bool open_file(Timeline *timeline)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(timeline->path, &timeline->db, flags, NULL);
    return code == SQLITE_OK &&
           timeline_vtab_register(timeline->db, "block", &timeline->block) == SQLITE_OK &&
           execute(timeline->db, "PRAGMA page_size = 8192; PRAGMA locking_mode = EXCLUSIVE;"
                                 "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;");
}

static bool write_schema(Timeline *timeline, const FactRow *rows, const char *views)
{
    sqlite3 *db = timeline->db;
    return execute(db, "BEGIN") && execute(db, timeline_sql) &&
           write_vocabulary(db, rows, timeline->row_count) && (!views || execute(db, views)) &&
           execute(db, "COMMIT");
}

static bool prepare_all(Timeline *timeline)
{
    sqlite3 *db = timeline->db;
    return prepare(db, "INSERT INTO fact SELECT ?, * FROM block", &timeline->insert_block) &&
           prepare(db, "INSERT INTO string VALUES (?, ?)", &timeline->insert_string) &&
           prepare(db, "INSERT INTO object VALUES (?, ?, ?, ?)", &timeline->insert_object);
}

static void timeline_free(Timeline *timeline)
{
    sqlite3_finalize(timeline->insert_block);
    sqlite3_finalize(timeline->insert_string);
    sqlite3_finalize(timeline->insert_object);
    sqlite3_close(timeline->db);
    ids_clear(&timeline->strings);
    ids_clear(&timeline->objects);
    g_clear_error(&timeline->error);
    g_free(timeline->block.values);
    g_free(timeline->path);
    g_free(timeline);
}

/* The file itself where the path is a symbolic link, so that the link stays one. */
static char *resolve(const char *path)
{
    char *real = realpath(path, NULL);
    char *copy = g_strdup(real ? real : path);
    free(real);
    return copy;
}

Timeline *timeline_create(const char *path, const FactRow *rows, unsigned row_count,
                          const char *views, GError **error)
{
    if (!is_replaceable(path)) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_IO,
                    "%s: exists and is not a timeline, so it is not replaced; remove it, or choose "
                    "another name",
                    path);
        return NULL;
    }
    Timeline *timeline = g_new0(Timeline, 1);
    timeline->path = resolve(path);
    timeline->row_count = row_count;
    timeline->block.values = g_new(int64_t, (size_t)ROWS_PER_BLOCK * COLUMN_COUNT);
    timeline->block.columns = COLUMN_COUNT;
    timeline->block.declaration = BLOCK_DECLARATION;
    ids_init(&timeline->strings);
    ids_init(&timeline->objects);
    remove_files(timeline->path);
    if (g_access(timeline->path, F_OK) == 0) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_IO,
                    "%s: the timeline that is there cannot be replaced; make its folder writable, "
                    "or choose another place",
                    timeline->path);
    } else {
        if (open_file(timeline) && write_schema(timeline, rows, views) && prepare_all(timeline))
            return timeline;
        create_failed(timeline, error);
        remove_files(timeline->path);
    }
    timeline_free(timeline);
    return NULL;
}

/* --- recording --- */

static void bind_run(sqlite3_stmt *insert, const RunInfo *info, const char *parameters)
{
    bind_text(insert, 1, info->scenario);
    bind_text(insert, 2, info->variant);
    if (info->seed <= INT64_MAX) {
        sqlite3_bind_int64(insert, 3, (int64_t)info->seed);
    } else {
        char text[24];
        g_snprintf(text, sizeof text, "%" PRIu64, info->seed);
        sqlite3_bind_text(insert, 3, text, -1, SQLITE_TRANSIENT);
    }
    bind_text(insert, 4, info->version);
    bind_text(insert, 5, info->command);
    bind_text(insert, 6, info->digest);
    sqlite3_bind_int64(insert, 7, info->epoch_s);
    bind_text(insert, 8, parameters);
}

int64_t timeline_begin_run(Timeline *timeline, const RunInfo *info, const AtomTable *atoms,
                           GError **error)
{
    CHECK(timeline->atoms == NULL && atoms != NULL);
    g_autofree char *parameters = info->parameters ? json_text(info->parameters) : g_strdup("{}");
    sqlite3_stmt *insert = NULL;
    static const char sql[] = "INSERT INTO run (scenario, variant, seed, version, command, digest,"
                              " epoch_s, parameters, state)"
                              " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'incomplete')";
    if (begin(timeline) && (prepare(timeline->db, sql, &insert) || fail(timeline))) {
        bind_run(insert, info, parameters);
        if (run_statement(timeline, insert))
            timeline->run = sqlite3_last_insert_rowid(timeline->db);
    }
    sqlite3_finalize(insert);
    if (!commit(timeline)) {
        copy_error(timeline, error);
        return 0;
    }
    sqlite3_bind_int64(timeline->insert_block, 1, timeline->run);
    ids_begin_run(&timeline->strings);
    ids_begin_run(&timeline->objects);
    timeline->atoms = atoms;
    return timeline->run;
}

void timeline_fact(Timeline *timeline, const Fact *fact)
{
    if (G_UNLIKELY(timeline->error)) return;
    const AtomTable *atoms = timeline->atoms;
    CHECK(atoms && fact->row < timeline->row_count);
    int64_t *values = timeline->block.values + timeline->block.rows * COLUMN_COUNT;
    values[COLUMN_AT] = fact->at;
    values[COLUMN_SEQ] = (int64_t)fact->seq;
    values[COLUMN_CAUSE] = (int64_t)fact->cause;
    values[COLUMN_ROW] = fact->row;
    values[COLUMN_ACTOR] = ids_get(&timeline->strings, atoms, fact->actor);
    values[COLUMN_OBJECT] = ids_get(&timeline->objects, atoms, fact->object);
    values[COLUMN_UID] = ids_get(&timeline->strings, atoms, fact->uid);
    values[COLUMN_NODE] = ids_get(&timeline->strings, atoms, fact->node);
    values[COLUMN_DETAIL] = ids_get(&timeline->strings, atoms, fact->detail);
    values[COLUMN_NUMBER] = fact->number;
    timeline->facts++;
    if (++timeline->block.rows == ROWS_PER_BLOCK) flush(timeline);
}

const GError *timeline_error(const Timeline *timeline)
{
    return timeline->error;
}

uint64_t timeline_facts(const Timeline *timeline)
{
    return timeline->facts;
}

/* --- ending --- */

bool timeline_end_run(Timeline *timeline, const char *end, Nanos at, uint64_t events,
                      uint64_t digest, GError **error)
{
    CHECK(end != NULL && (timeline->atoms != NULL || timeline->error));
    sqlite3_stmt *update = NULL;
    static const char sql[] = "UPDATE run SET state = ?, ended_at = ?, events = ?,"
                              " event_digest = ? WHERE id = ?";
    if (flush(timeline) && (prepare(timeline->db, sql, &update) || fail(timeline))) {
        char hex[17];
        g_snprintf(hex, sizeof hex, "%016" PRIx64, digest);
        bind_text(update, 1, end);
        sqlite3_bind_int64(update, 2, at);
        sqlite3_bind_int64(update, 3, (int64_t)events);
        bind_text(update, 4, hex);
        sqlite3_bind_int64(update, 5, timeline->run);
        run_statement(timeline, update);
    }
    sqlite3_finalize(update);
    commit(timeline);
    timeline->atoms = NULL;
    return copy_error(timeline, error);
}

/* SQLite's small default cache stays: a sorter with more memory misses the CPU's cache and takes
 * half as long again. */
static bool build_indexes(Timeline *timeline)
{
    sqlite3 *db = timeline->db;
    if (execute(db, "BEGIN") && execute(db, timeline_index_sql) && execute(db, "COMMIT"))
        return true;
    timeline->error =
        g_error_new(KENNEL_ERROR, KENNEL_ERROR_IO,
                    "%s: %s while the indexes were built; all %" PRIu64 " facts are kept, but "
                    "checks will be slow: free space, and run again",
                    timeline->path, describe_error(db), timeline->committed);
    if (!sqlite3_get_autocommit(db)) execute(db, "ROLLBACK");
    return false;
}

bool timeline_close(Timeline *timeline, GError **error)
{
    if (!timeline) return true;
    if (flush(timeline) && commit(timeline)) build_indexes(timeline);
    bool ok = copy_error(timeline, error);
    timeline_free(timeline);
    return ok;
}
