/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.c - what recording a fact costs, against a plain prepared INSERT a row.
 *
 * Both write the same rows into the same columns of a file, journaled and unsynced; the reference
 * gets finished integers and one transaction, the recorder atoms that it has to map. Rounds
 * alternate; medians of CPU time. Both tables are read back and folded with texts in place of ids,
 * so a recorder that is fast because it is wrong fails. Usage: bench-record [ROWS [ROUNDS]]
 */
#include "sim/timeline.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

#define OBJECTS 10000
#define UIDS    10000
#define NODES   500
#define DETAILS 5000
#define ROUNDS  99

static const FactRow rows[] = {{"pod.phase", "a phase"},
                               {"pod.ready", "ready or not"},
                               {"write", "a request"},
                               {"volume", "attached or not"}};

typedef struct {
    AtomTable *atoms;
    Atom actors[8], objects[OBJECTS], uids[UIDS], nodes[NODES], details[DETAILS];
} Names;

static void check_sql(sqlite3 *db, int code)
{
    CHECK_THAT(code == SQLITE_OK || code == SQLITE_DONE, "%s", sqlite3_errmsg(db));
}

static void exec(sqlite3 *db, const char *sql)
{
    check_sql(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void names_init(Names *names)
{
    names->atoms = atom_table_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(names->actors); i++)
        names->actors[i] = atom_format(names->atoms, "controller-%u", i);
    for (unsigned i = 0; i < OBJECTS; i++)
        names->objects[i] = atom_format(names->atoms, "Pod/default/web-%u", i);
    for (unsigned i = 0; i < UIDS; i++)
        names->uids[i] = atom_format(names->atoms, "5f0c2d4e-0000-4000-8000-%012x", i);
    for (unsigned i = 0; i < NODES; i++)
        names->nodes[i] = atom_format(names->atoms, "node-%u", i);
    for (unsigned i = 0; i < DETAILS; i++)
        names->details[i] = atom_format(names->atoms, "because of reason %08u", i);
}

/* The i-th fact: times grow, one row in ten has a detail. */
static Fact make_fact(const Names *names, uint64_t i)
{
    uint64_t x = mix64(i + 1);
    unsigned object = (unsigned)((x & 0xffff) % OBJECTS);
    return (Fact){
        .at = (Nanos)(i * 1000003),
        .seq = i + 1,
        .cause = i - (i < 100 ? i : x % 100),
        .row = (uint32_t)(x >> 16) % G_N_ELEMENTS(rows),
        .actor = names->actors[(x >> 20) % G_N_ELEMENTS(names->actors)],
        .object = names->objects[object],
        .uid = names->uids[object],
        .node = names->nodes[(x >> 32) % NODES],
        .detail = (x >> 40) % 10 == 0 ? names->details[(x >> 44) % DETAILS] : ATOM_NONE,
        .number = (int64_t)(x >> 50),
    };
}

/* Records; returns CPU time of the facts, and of the closing in *ret_close. */
static double record(const char *path, const Names *names, uint64_t count, double *ret_close)
{
    g_autoptr(GError) error = NULL;
    Timeline *timeline = timeline_create(path, rows, G_N_ELEMENTS(rows), NULL, &error);
    CHECK_THAT(timeline, "%s", error->message);
    RunInfo info = {.scenario = "bench", .seed = 1};
    CHECK(timeline_begin_run(timeline, &info, names->atoms, NULL) == 1);
    double start = cpu_ns();
    for (uint64_t i = 0; i < count; i++) {
        Fact fact = make_fact(names, i);
        timeline_fact(timeline, &fact);
    }
    bool ok = timeline_end_run(timeline, "complete", 0, count, 0, &error);
    double end = cpu_ns();
    CHECK_THAT(ok && timeline_close(timeline, &error), "%s", error->message);
    *ret_close = cpu_ns() - end;
    return end - start;
}

static void bind_fact(sqlite3_stmt *insert, const Fact *fact)
{
    sqlite3_bind_int64(insert, 1, 1);
    sqlite3_bind_int64(insert, 2, fact->at);
    sqlite3_bind_int64(insert, 3, (int64_t)fact->seq);
    sqlite3_bind_int64(insert, 4, (int64_t)fact->cause);
    sqlite3_bind_int64(insert, 5, fact->row);
    sqlite3_bind_int64(insert, 6, fact->actor);
    sqlite3_bind_int64(insert, 7, fact->object);
    sqlite3_bind_int64(insert, 8, fact->uid);
    sqlite3_bind_int64(insert, 9, fact->node);
    sqlite3_bind_int64(insert, 10, fact->detail);
    sqlite3_bind_int64(insert, 11, fact->number);
}

/* The reference's ids are atoms; its tables of texts are made outside the measured time. */
static void insert_names(sqlite3 *db, const Names *names)
{
    sqlite3_stmt *insert = NULL;
    check_sql(db, sqlite3_prepare_v2(db, "INSERT INTO string VALUES (?, ?)", -1, &insert, NULL));
    for (Atom atom = 0; atom < atom_count(names->atoms); atom++) {
        sqlite3_bind_int64(insert, 1, atom);
        sqlite3_bind_text(insert, 2, atom_text(names->atoms, atom), -1, SQLITE_STATIC);
        check_sql(db, sqlite3_step(insert));
        sqlite3_reset(insert);
    }
    sqlite3_finalize(insert);
}

/* The same by a prepared INSERT a row in one transaction; returns its CPU time. */
static double insert_plainly(const char *path, const Names *names, uint64_t count)
{
    sqlite3 *db = NULL;
    g_remove(path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    check_sql(db, sqlite3_open_v2(path, &db, flags, NULL));
    exec(db, "PRAGMA page_size = 8192; PRAGMA locking_mode = EXCLUSIVE;"
             "PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE;"
             "CREATE TABLE string (id INTEGER PRIMARY KEY, text TEXT NOT NULL);"
             "CREATE TABLE fact (run, at, seq, cause, row, actor, object, uid, node, detail,"
             " number); BEGIN;");
    insert_names(db, names);
    sqlite3_stmt *insert = NULL;
    const char *sql = "INSERT INTO fact VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    check_sql(db, sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &insert, NULL));
    double start = cpu_ns();
    for (uint64_t i = 0; i < count; i++) {
        Fact fact = make_fact(names, i);
        bind_fact(insert, &fact);
        check_sql(db, sqlite3_step(insert));
        sqlite3_reset(insert);
    }
    exec(db, "COMMIT");
    double end = cpu_ns();
    sqlite3_finalize(insert);
    sqlite3_close(db);
    return end - start;
}

/* hash of every text by id; `sql` gives (id, text). */
static GArray *read_texts(sqlite3 *db, const char *sql)
{
    GArray *hashes = g_array_new(FALSE, TRUE, sizeof(uint64_t));
    sqlite3_stmt *select = NULL;
    check_sql(db, sqlite3_prepare_v2(db, sql, -1, &select, NULL));
    while (sqlite3_step(select) == SQLITE_ROW) {
        guint id = (guint)sqlite3_column_int64(select, 0);
        if (id >= hashes->len) g_array_set_size(hashes, id + 1);
        g_array_index(hashes, uint64_t, id) =
            hash_string((const char *)sqlite3_column_text(select, 1));
    }
    sqlite3_finalize(select);
    return hashes;
}

/* Folds all facts in order, with the hash of the text in place of an id. */
static uint64_t checksum(const char *path, const char *objects_sql)
{
    sqlite3 *db = NULL;
    check_sql(db, sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL));
    g_autoptr(GArray) strings = read_texts(db, "SELECT id, text FROM string");
    g_autoptr(GArray) objects = read_texts(db, objects_sql);
    GArray *const texts[] = {NULL,    NULL,    NULL,    NULL,    NULL, strings,
                             objects, strings, strings, strings, NULL};
    sqlite3_stmt *select = NULL;
    check_sql(db, sqlite3_prepare_v2(db, "SELECT * FROM fact ORDER BY rowid", -1, &select, NULL));
    uint64_t sum = 0;
    while (sqlite3_step(select) == SQLITE_ROW) {
        for (int i = 0; i < (int)G_N_ELEMENTS(texts); i++) {
            uint64_t value = (uint64_t)sqlite3_column_int64(select, i);
            sum = mix64(sum ^ (texts[i] ? g_array_index(texts[i], uint64_t, value) : value));
        }
    }
    sqlite3_finalize(select);
    sqlite3_close(db);
    return sum;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof *values, by_size);
    return values[count / 2];
}

static int compare(const char *folder, uint64_t count, unsigned rounds)
{
    g_autofree char *recorded = g_build_filename(folder, "recorded.sqlite", NULL);
    g_autofree char *plain = g_build_filename(folder, "plain.sqlite", NULL);
    g_autofree Names *names = g_new0(Names, 1);
    names_init(names);
    double record_ns[ROUNDS], close_ns[ROUNDS], plain_ns[ROUNDS], ratio[ROUNDS];
    for (unsigned i = 0; i < rounds; i++) {
        record_ns[i] = record(recorded, names, count, &close_ns[i]) / (double)count;
        plain_ns[i] = insert_plainly(plain, names, count) / (double)count;
        close_ns[i] /= (double)count;
        ratio[i] = record_ns[i] / plain_ns[i];
    }
    uint64_t sum = checksum(recorded, "SELECT id, kind || '/' || namespace || '/' || name"
                                      " FROM object");
    uint64_t plain_sum = checksum(plain, "SELECT id, text FROM string");
    GStatBuf status = {0};
    g_stat(plain, &status);
    printf("record: %" PRIu64 " rows, median of %u rounds, CPU time\n", count, rounds);
    printf("  recorder         %7.1f ns/row\n", median(record_ns, rounds));
    printf("  prepared INSERT  %7.1f ns/row, %.1f bytes/row\n", median(plain_ns, rounds),
           (double)status.st_size / (double)count);
    printf("  ratio            %7.3f\n", median(ratio, rounds));
    printf("  indexes, close   %7.1f ns/row\n", median(close_ns, rounds));
    printf("  checksum         %016" PRIx64 " %s\n", sum, sum == plain_sum ? "equal" : "DIFFERS");
    g_remove(recorded);
    g_remove(plain);
    atom_table_free(names->atoms);
    return sum == plain_sum ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    int64_t count = 1000000, rounds = 7;
    if ((argc > 1 && !text_to_int(argv[1], &count)) ||
        (argc > 2 && !text_to_int(argv[2], &rounds)) || count < 1 || rounds < 1 ||
        rounds > ROUNDS) {
        fprintf(stderr, "usage: %s [ROWS [ROUNDS]]\n", argv[0]);
        return EXIT_FAILURE;
    }
    g_autofree char *folder = g_dir_make_tmp("kennel-bench-XXXXXX", NULL);
    CHECK(folder);
    int status = compare(folder, (uint64_t)count, (unsigned)rounds);
    g_rmdir(folder);
    return status;
}
