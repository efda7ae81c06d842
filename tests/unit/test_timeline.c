/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder: what is written comes back, and no accident corrupts the file. */
#include "sim/timeline.h"
#include "tests/unit/test.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const FactRow vocabulary[] = {
    {"pod.created", "a pod exists"}, {"pod.ready", "it is ready"}, {"pod.gone", "it is gone"}};
#define VOCABULARY vocabulary, G_N_ELEMENTS(vocabulary)

static char *path_of(const char *name)
{
    return g_build_filename(test_tmp(), name, NULL);
}

static Timeline *create(const char *path)
{
    g_autoptr(GError) error = NULL;
    Timeline *timeline = timeline_create(path, VOCABULARY, NULL, &error);
    CHECK_THAT(timeline, "%s", error->message);
    return timeline;
}

static int64_t begin(Timeline *timeline, const AtomTable *atoms)
{
    RunInfo info = {.scenario = "first", .variant = "", .seed = 7, .digest = "d1", .version = "v"};
    return timeline_begin_run(timeline, &info, atoms, NULL);
}

/* All rows of a query, columns joined by '|', rows by a newline. */
static char *query(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *select = NULL;
    GString *text = g_string_new(NULL);
    bool ok = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
              sqlite3_prepare_v2(db, sql, -1, &select, NULL) == SQLITE_OK;
    int code = SQLITE_ERROR;
    while (ok && (code = sqlite3_step(select)) == SQLITE_ROW) {
        if (text->len > 0) g_string_append_c(text, '\n');
        for (int i = 0; i < sqlite3_column_count(select); i++) {
            const unsigned char *cell = sqlite3_column_text(select, i);
            g_string_append_printf(text, "%s%s", i ? "|" : "", cell ? (const char *)cell : "NULL");
        }
    }
    if (code != SQLITE_DONE) g_string_append_printf(text, "%s", sqlite3_errmsg(db));
    sqlite3_finalize(select);
    sqlite3_close(db);
    return g_string_free(text, FALSE);
}

static void expect_query(const char *path, const char *sql, const char *expected, const char *where)
{
    g_autofree char *text = query(path, sql);
    test_equal_text(text, expected, sql, where);
}
#define QUERY(path, sql, expected) expect_query((path), (sql), (expected), TEST_WHERE)

static int64_t query_int(const char *path, const char *sql)
{
    g_autofree char *text = query(path, sql);
    int64_t value = -1;
    return text_to_int(text, &value) ? value : -1;
}

static bool exists_beside(const char *path, const char *ending)
{
    g_autofree char *name = g_strconcat(path, ending, NULL);
    return g_file_test(name, G_FILE_TEST_EXISTS);
}

/* Facts of a made-up run; `salt` makes runs differ. */
static void record_facts(Timeline *timeline, AtomTable *atoms, unsigned count, unsigned salt)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t x = mix64(i * 31 + salt + 1);
        Fact fact = {
            .at = (Nanos)i * NANOS_MS,
            .seq = i + 1,
            .cause = i,
            .row = (uint32_t)(x % G_N_ELEMENTS(vocabulary)),
            .actor = atom_format(atoms, "actor-%u", (unsigned)(x >> 8) % 5),
            .object = atom_format(atoms, "Pod/default/web-%u", (unsigned)(x >> 16) % 300),
            .uid = atom_format(atoms, "uid-%u", (unsigned)(x >> 24) % 500),
            .detail = x % 7 ? ATOM_NONE : atom_format(atoms, "detail %u", i),
            .number = (int64_t)x,
        };
        timeline_fact(timeline, &fact);
    }
}

/* --- what is written comes back --- */

TEST(facts_come_back_in_words)
{
    g_autofree char *path = path_of("words.sqlite");
    g_autoptr(AtomTable) atoms = atom_table_new();
    Timeline *timeline = create(path);
    RunInfo info = {.scenario = "s", .epoch_s = 1700000000};
    EQUAL_INT(timeline_begin_run(timeline, &info, atoms, NULL), 1);
    Fact facts[] = {
        {.at = 0, .seq = 1, .row = 1},
        {.at = 1500 * NANOS_MS,
         .seq = 12,
         .cause = 3,
         .row = 0,
         .actor = atom_of(atoms, "kubelet"),
         .object = atom_of(atoms, "Pod/default/web-0"),
         .uid = atom_of(atoms, "u1"),
         .node = atom_of(atoms, "node-1"),
         .detail = atom_of(atoms, "it's \"so\""),
         .number = -5},
        {.at = 3 * NANOS_HOUR, .seq = 5, .row = 2, .object = atom_of(atoms, "kubelet")},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(facts); i++)
        timeline_fact(timeline, &facts[i]);
    EQUAL_INT(timeline_facts(timeline), 3);
    CU_ASSERT_TRUE(timeline_end_run(timeline, "complete", NANOS_HOUR, 9, 1, NULL));
    CU_ASSERT_TRUE(timeline_close(timeline, NULL));
    QUERY(path, "SELECT * FROM event_log ORDER BY id",
          "1|1|0|0.0|2023-11-14T22:13:20.000000Z|1|0|pod.ready||||||||0\n"
          "2|1|1500000000|1.5|2023-11-14T22:13:21.500000Z|12|3|pod.created|kubelet|Pod|default|"
          "web-0|u1|node-1|it's \"so\"|-5\n"
          "3|1|10800000000000|10800.0|2023-11-15T01:13:20.000000Z|5|0|pod.gone||||kubelet||||0");
}

TEST(subjects_are_split)
{
    static const struct {
        const char *text, *parts;
    } cases[] = {
        {"Pod/default/web-0", "Pod|default|web-0"},
        {"Node//node-1", "Node||node-1"},
        {"link", "||link"},
        {"a/b", "||a/b"},
        {"Kind/space/a/b", "Kind|space|a/b"},
        {"//", "||"},
    };
    g_autofree char *path = path_of("split.sqlite");
    g_autoptr(AtomTable) atoms = atom_table_new();
    Timeline *timeline = create(path);
    begin(timeline, atoms);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        timeline_fact(timeline, &(Fact){.object = atom_of(atoms, cases[i].text)});
    CU_ASSERT_TRUE(timeline_close(timeline, NULL));
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *sql = g_strdup_printf("SELECT kind, namespace, name FROM fact JOIN object"
                                               " ON id = object WHERE fact.rowid = %u",
                                               i + 1);
        QUERY(path, sql, cases[i].parts);
    }
}

TEST(a_run_is_described)
{
    g_autofree char *path = path_of("run.sqlite");
    g_autoptr(AtomTable) atoms = atom_table_new();
    g_autoptr(Value) parameters = value_map();
    value_map_set(parameters, "replicas", value_int(3));
    value_map_set(parameters, "policy", value_string("Parallel"));
    Timeline *timeline = create(path);
    RunInfo info = {"name", "system=rg", "beef", "1.0", "kennel run x", 42, 1000, parameters};
    EQUAL_INT(timeline_begin_run(timeline, &info, atoms, NULL), 1);
    CU_ASSERT_TRUE(timeline_end_run(timeline, "complete", 5, 6, 0xabc, NULL));
    RunInfo bare = {.scenario = "bare", .seed = UINT64_MAX};
    EQUAL_INT(timeline_begin_run(timeline, &bare, atoms, NULL), 2);
    CU_ASSERT_TRUE(timeline_end_run(timeline, "budget", 7, 8, 0, NULL));
    CU_ASSERT_TRUE(timeline_close(timeline, NULL));
    QUERY(path, "SELECT * FROM run",
          "1|name|system=rg|42|1.0|kennel run x|beef|1000|"
          "{\"policy\":\"Parallel\",\"replicas\":3}|complete|5|6|0000000000000abc\n"
          "2|bare||18446744073709551615||||0|{}|budget|7|8|0000000000000000");
    QUERY(path, "SELECT run, name, value FROM run_parameter", "1|policy|Parallel\n1|replicas|3");
    QUERY(path, "SELECT id, name, help FROM row WHERE id = 1", "1|pod.ready|it is ready");
    QUERY(path, "PRAGMA user_version", "1");
    QUERY(path, "SELECT count(*) FROM sqlite_master WHERE type = 'index'", "2");
}

TEST(runs_share_texts)
{
    g_autofree char *path = path_of("share.sqlite");
    Timeline *timeline = create(path);
    for (unsigned run = 0; run < 3; run++) {
        g_autoptr(AtomTable) atoms = atom_table_new();
        atom_format(atoms, "shifts the atoms of run %u", run);
        Atom second = run == 1 ? atom_of(atoms, "b") : ATOM_NONE;
        EQUAL_INT(begin(timeline, atoms), run + 1);
        Fact fact = {.actor = atom_of(atoms, "a"), .uid = second, .object = atom_of(atoms, "a")};
        timeline_fact(timeline, &fact);
        CU_ASSERT_TRUE(timeline_end_run(timeline, "complete", 0, 0, 0, NULL));
    }
    CU_ASSERT_TRUE(timeline_close(timeline, NULL));
    QUERY(path, "SELECT id, text FROM string", "0|\n1|a\n2|b");
    QUERY(path, "SELECT run, actor, uid, object FROM fact", "1|1|0|1\n2|1|2|1\n3|1|0|1");
}

static char *record_file(const char *name, size_t *ret_size)
{
    g_autofree char *path = path_of(name);
    Timeline *timeline = create(path);
    for (unsigned run = 0; run < 2; run++) {
        g_autoptr(AtomTable) atoms = atom_table_new();
        begin(timeline, atoms);
        record_facts(timeline, atoms, 20000, run);
        timeline_end_run(timeline, "complete", 1, 2, 3, NULL);
    }
    CU_ASSERT_TRUE(timeline_close(timeline, NULL));
    char *bytes = NULL;
    CHECK(g_file_get_contents(path, &bytes, ret_size, NULL));
    return bytes;
}

TEST(equal_recordings_are_equal_files)
{
    size_t first_size = 0, second_size = 0;
    g_autofree char *first = record_file("equal-1.sqlite", &first_size);
    g_autofree char *second = record_file("equal-2.sqlite", &second_size);
    EQUAL_INT(first_size, second_size);
    CU_ASSERT_TRUE(first_size == second_size && memcmp(first, second, first_size) == 0);
}

/* What a fact should look like once read back, from the generator's own numbers. */
static void append_expected(GString *text, unsigned run, const Fact *fact, const AtomTable *atoms)
{
    g_string_append_printf(text, "%s%u|%" PRId64 "|%" PRIu64 "|%" PRIu64 "|%s",
                           text->len ? "\n" : "", run, fact->at, fact->seq, fact->cause,
                           vocabulary[fact->row].name);
    g_string_append_printf(text, "|%s|%s|%s|%s|%s|%" PRId64, atom_text(atoms, fact->actor),
                           atom_text(atoms, fact->object), atom_text(atoms, fact->uid),
                           atom_text(atoms, fact->node), atom_text(atoms, fact->detail),
                           fact->number);
}

static Atom random_atom(GRand *random, AtomTable *atoms)
{
    return atom_format(atoms, "t%d",
                       (int)(g_rand_int_range(random, 0, 40) * g_rand_int_range(random, 1, 40)));
}

static void random_run(GRand *random, Timeline *timeline, unsigned run, GString *expected)
{
    g_autoptr(AtomTable) atoms = atom_table_new();
    CU_ASSERT_EQUAL(begin(timeline, atoms), run);
    Nanos at = 0;
    for (int i = g_rand_int_range(random, 0, 4000); i > 0; i--) {
        int64_t wide = (int64_t)((uint64_t)g_rand_int(random) << 32 | g_rand_int(random));
        Fact fact = {
            .at = at += g_rand_int_range(random, 0, 3) * NANOS_S,
            .seq = g_rand_int(random),
            .cause = g_rand_int(random),
            .row = (uint32_t)g_rand_int_range(random, 0, G_N_ELEMENTS(vocabulary)),
            .actor = random_atom(random, atoms),
            .object = random_atom(random, atoms),
            .uid = g_rand_boolean(random) ? ATOM_NONE : random_atom(random, atoms),
            .node = random_atom(random, atoms),
            .detail = g_rand_boolean(random) ? ATOM_NONE : random_atom(random, atoms),
            .number = g_rand_boolean(random) ? wide : wide % 100,
        };
        timeline_fact(timeline, &fact);
        append_expected(expected, run, &fact, atoms);
    }
    CU_ASSERT_TRUE(timeline_end_run(timeline, "complete", at, 0, 0, NULL));
}

TEST(random_runs_come_back)
{
    g_autofree char *path = path_of("random.sqlite");
    for (guint32 seed = 1; seed <= 5; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        g_autoptr(GString) expected = g_string_new(NULL);
        Timeline *timeline = create(path);
        for (unsigned run = 1; run <= 3; run++)
            random_run(random, timeline, run, expected);
        CU_ASSERT_TRUE(timeline_close(timeline, NULL));
        g_autofree char *text = query(path, "SELECT run, at, seq, cause, row, actor, name, uid,"
                                            " node, detail, number FROM event_log ORDER BY id");
        CU_ASSERT_STRING_EQUAL(text, expected->str);
        if (strcmp(text, expected->str) != 0)
            fprintf(stderr, "random_runs_come_back: seed %u\n", seed);
    }
}

/* --- what is in the way --- */

static void expect_refused(const char *path, const char *views, const char *text, const char *where)
{
    GError *error = NULL;
    CU_ASSERT_PTR_NULL(timeline_create(path, VOCABULARY, views, &error));
    if (error && !strstr(error->message, path))
        test_error_contains(&error, path, where);
    else
        test_error_contains(&error, text, where);
}
#define REFUSED(path, views, text) expect_refused((path), (views), (text), TEST_WHERE)

TEST(bad_places_are_named)
{
    g_autofree char *missing = path_of("no/such/t.sqlite");
    REFUSED(missing, NULL, "there is no such folder; make the folder, or choose another place");
    REFUSED(test_tmp(), NULL, "is not a timeline");
    g_autofree char *file = path_of("a-file");
    CHECK(g_file_set_contents(file, "x", 1, NULL));
    g_autofree char *below = g_build_filename(file, "t.sqlite", NULL);
    REFUSED(below, NULL, "there is no such folder");
    REFUSED("/proc/kennel.sqlite", NULL, "cannot create the timeline: ");
}

TEST(unwritable_folder_is_named)
{
    if (geteuid() == 0) return; /* root may write everywhere */
    g_autofree char *folder = path_of("locked");
    g_autofree char *path = g_build_filename(folder, "t.sqlite", NULL);
    CHECK(g_mkdir(folder, 0700) == 0);
    CU_ASSERT_TRUE(timeline_close(create(path), NULL));
    CHECK(g_chmod(folder, 0500) == 0);
    REFUSED(path, NULL, "make its folder writable");
    CHECK(g_chmod(folder, 0700) == 0 && g_unlink(path) == 0 && g_chmod(folder, 0500) == 0);
    REFUSED(path, NULL, "make the folder writable");
    CHECK(g_chmod(folder, 0700) == 0);
}

TEST(files_of_others_are_kept)
{
    static const struct {
        const char *bytes;
        gssize size;
    } cases[] = {{"kind: Scenario\n", -1}, {"SQLite format 3", 16}, {"x", 1}};
    g_autofree char *path = path_of("precious");
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        CHECK(g_file_set_contents(path, cases[i].bytes, cases[i].size, NULL));
        REFUSED(path, NULL, "exists and is not a timeline");
        g_autofree char *kept = NULL;
        CHECK(g_file_get_contents(path, &kept, NULL, NULL));
        EQUAL_TEXT(kept, cases[i].bytes);
    }
    g_unlink(path);
    sqlite3 *db = NULL;
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "CREATE TABLE mine (x); PRAGMA user_version = 1", 0, 0, 0) == SQLITE_OK);
    sqlite3_close(db);
    REFUSED(path, NULL, "exists and is not a timeline");
    QUERY(path, "SELECT name FROM sqlite_master", "mine");
}

TEST(old_timelines_and_their_journals_are_replaced)
{
    g_autofree char *path = path_of("again.sqlite");
    g_autofree char *journal = g_strconcat(path, "-journal", NULL);
    g_autofree char *wal = g_strconcat(path, "-wal", NULL);
    CHECK(g_file_set_contents(path, "", 0, NULL));
    for (unsigned i = 0; i < 2; i++) {
        CHECK(g_file_set_contents(journal, "stale", -1, NULL));
        CHECK(g_file_set_contents(wal, "stale", -1, NULL));
        g_autoptr(AtomTable) atoms = atom_table_new();
        Timeline *timeline = create(path);
        begin(timeline, atoms);
        record_facts(timeline, atoms, 10, 0);
        CU_ASSERT_TRUE(timeline_close(timeline, NULL));
        CU_ASSERT_FALSE(exists_beside(path, "-journal") || exists_beside(path, "-wal"));
    }
    QUERY(path, "SELECT count(*) FROM fact", "10");
    g_autofree char *link = path_of("link.sqlite");
    CHECK(symlink(path, link) == 0);
    CU_ASSERT_TRUE(timeline_close(create(link), NULL));
    CU_ASSERT_TRUE(g_file_test(link, G_FILE_TEST_IS_SYMLINK));
    QUERY(path, "SELECT count(*) FROM fact", "0");
}

TEST(views_are_part_of_the_file)
{
    g_autofree char *path = path_of("views.sqlite");
    const char *views = "CREATE VIEW ready AS SELECT * FROM fact WHERE row = 1;";
    CU_ASSERT_TRUE(timeline_close(timeline_create(path, VOCABULARY, views, NULL), NULL));
    QUERY(path, "SELECT count(*) FROM ready", "0");
    REFUSED(path, "CREATE VIEW wrong AS SELEC", "near \"SELEC\": syntax error");
    CU_ASSERT_FALSE(g_file_test(path, G_FILE_TEST_EXISTS));
}

TEST(a_file_being_recorded_is_locked)
{
    g_autofree char *path = path_of("lock.sqlite");
    g_autoptr(AtomTable) atoms = atom_table_new();
    Timeline *timeline = create(path);
    begin(timeline, atoms);
    QUERY(path, "SELECT count(*) FROM run", "database is locked");
    record_facts(timeline, atoms, 10, 0);
    CU_ASSERT_TRUE(timeline_end_run(timeline, "complete", 0, 0, 0, NULL));
    CU_ASSERT_TRUE(timeline_close(timeline, NULL));
    QUERY(path, "SELECT count(*) FROM run", "1");
    CU_ASSERT_TRUE(timeline_close(NULL, NULL));
}

/* --- accidents --- */

TEST(a_run_without_end_is_incomplete)
{
    g_autofree char *path = path_of("endless.sqlite");
    g_autoptr(AtomTable) atoms = atom_table_new();
    Timeline *timeline = create(path);
    begin(timeline, atoms);
    record_facts(timeline, atoms, 2500, 0);
    CU_ASSERT_TRUE(timeline_close(timeline, NULL));
    QUERY(path, "SELECT state, ended_at, (SELECT count(*) FROM fact) FROM run",
          "incomplete|NULL|2500");
}

#define MANY 100000

TEST(a_killed_recorder_leaves_a_valid_file)
{
    g_autofree char *path = path_of("killed.sqlite");
    pid_t child = fork();
    if (child == 0) {
        AtomTable *atoms = atom_table_new();
        Timeline *timeline = create(path);
        begin(timeline, atoms);
        record_facts(timeline, atoms, MANY, 0);
        raise(SIGKILL);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CU_ASSERT_TRUE(WIFSIGNALED(status));
    CU_ASSERT_TRUE(exists_beside(path, "-journal"));
    QUERY(path, "PRAGMA integrity_check", "ok");
    QUERY(path, "SELECT id, state FROM run", "1|incomplete");
    int64_t kept = query_int(path, "SELECT count(*) FROM fact");
    CU_ASSERT_TRUE(kept >= MANY - 20000 && kept <= MANY);
    EQUAL_INT(query_int(path, "SELECT count(*) FROM event_log"), kept);
    CU_ASSERT_TRUE(timeline_close(create(path), NULL));
    QUERY(path, "SELECT count(*) FROM run", "0");
}

/* The N of "after N facts" or "all N facts" in a message, -1 if there is none. */
static int64_t facts_in(const char *message)
{
    const char *end = strstr(message, " facts");
    if (!end) return -1;
    const char *start = end;
    while (start > message && g_ascii_isdigit(start[-1]))
        start--;
    return g_ascii_strtoll(start, NULL, 10);
}

/* Records into a file that may not grow above a limit; exits with 0 if all is as it should be. */
static int record_into_full_disk(const char *path, const char *message_path)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {1000000, 1000000};
    AtomTable *atoms = atom_table_new();
    GError *error = NULL;
    Timeline *timeline = create(path);
    begin(timeline, atoms);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    record_facts(timeline, atoms, MANY, 0);
    uint64_t counted = timeline_facts(timeline);
    record_facts(timeline, atoms, 10, 0);
    bool ok = timeline_error(timeline) && counted < MANY && timeline_facts(timeline) == counted &&
              !timeline_end_run(timeline, "complete", 1, 2, 3, &error) && error &&
              begin(timeline, atoms) == 0;
    g_clear_error(&error);
    ok = ok && !timeline_close(timeline, &error) && error &&
         g_file_set_contents(message_path, error->message, -1, NULL);
    return ok ? 0 : 1;
}

TEST(a_full_disk_is_reported_and_keeps_what_was_committed)
{
    g_autofree char *path = path_of("full.sqlite");
    g_autofree char *message_path = path_of("full.txt");
    pid_t child = fork();
    if (child == 0) _exit(record_into_full_disk(path, message_path));
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    EQUAL_INT(WEXITSTATUS(status), 0);
    g_autofree char *message = NULL;
    CU_ASSERT_TRUE_FATAL(g_file_get_contents(message_path, &message, NULL, NULL));
    GError *error = g_error_new_literal(KENNEL_ERROR, 0, message);
    ERROR_CONTAINS(error, "full.sqlite: the file may not grow any more");
    QUERY(path, "PRAGMA integrity_check", "ok");
    QUERY(path, "SELECT id, state FROM run", "1|incomplete");
    int64_t kept = query_int(path, "SELECT count(*) FROM fact");
    CU_ASSERT_TRUE(kept > 0);
    EQUAL_INT(facts_in(message), kept);
}

/* --- a disk that is full from the n-th write on --- */

static struct {
    sqlite3_vfs vfs;
    const sqlite3_vfs *real;
    sqlite3_io_methods methods[2]; /* journal and database have their own */
    const sqlite3_io_methods *real_methods[2];
    unsigned writes, allowed;
} full;

static int full_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    if (++full.writes > full.allowed) return SQLITE_FULL;
    const sqlite3_io_methods *real = full.real_methods[file->pMethods == &full.methods[1]];
    return real->xWrite(file, bytes, size, offset);
}

static int full_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    int code = full.real->xOpen(vfs, name, file, flags, out);
    if (code != SQLITE_OK) return code;
    int which = (flags & SQLITE_OPEN_MAIN_DB) != 0;
    full.real_methods[which] = file->pMethods;
    full.methods[which] = *file->pMethods;
    full.methods[which].xWrite = full_write;
    file->pMethods = &full.methods[which];
    return SQLITE_OK;
}

/* From now on, writes after the first `allowed` fail. */
static void fill_disk(unsigned allowed)
{
    full.real = sqlite3_vfs_find(NULL);
    full.vfs = *full.real;
    full.vfs.zName = "full";
    full.vfs.pNext = NULL;
    full.vfs.xOpen = full_open;
    full.writes = 0;
    full.allowed = allowed;
    CHECK(sqlite3_vfs_register(&full.vfs, 1) == SQLITE_OK);
}

static void empty_disk(void)
{
    CHECK(sqlite3_vfs_unregister(&full.vfs) == SQLITE_OK);
    CHECK(sqlite3_vfs_find(NULL) == full.real);
}

/* Records two runs; returns the message of the first error, NULL if there was none. */
static char *record_two_runs(const char *path, unsigned count)
{
    GError *error = NULL;
    Timeline *timeline = timeline_create(path, VOCABULARY, NULL, &error);
    if (!timeline) {
        char *message = g_strdup(error->message);
        g_clear_error(&error);
        return message;
    }
    for (unsigned run = 0; run < 2; run++) {
        g_autoptr(AtomTable) atoms = atom_table_new();
        if (begin(timeline, atoms) == 0) break;
        record_facts(timeline, atoms, count, run);
        timeline_end_run(timeline, "complete", 1, 2, 3, NULL);
    }
    bool ok = timeline_close(timeline, &error);
    char *message = ok ? NULL : g_strdup(error->message);
    CU_ASSERT_EQUAL(ok, error == NULL);
    g_clear_error(&error);
    return message;
}

static void check_rest(const char *path, const char *message, unsigned allowed)
{
    if (strstr(message, "cannot create")) {
        CU_ASSERT_FALSE(g_file_test(path, G_FILE_TEST_EXISTS));
        return;
    }
    int64_t kept = facts_in(message);
    CU_ASSERT_PTR_NOT_NULL(strstr(message, "the disk is full"));
    g_autofree char *check = query(path, "PRAGMA integrity_check");
    CU_ASSERT_STRING_EQUAL(check, "ok");
    int64_t found = query_int(path, "SELECT count(*) FROM event_log");
    CU_ASSERT_EQUAL(found, kept);
    if (found != kept || strcmp(check, "ok") != 0)
        fprintf(stderr, "full after %u writes: %s: %" PRId64 " found\n", allowed, message, found);
}

static unsigned try_full_disks(unsigned count, unsigned step)
{
    g_autofree char *path = path_of("nth.sqlite");
    for (unsigned allowed = 0, cases = 0;; allowed += step, cases++) {
        fill_disk(allowed);
        g_autofree char *message = record_two_runs(path, count);
        empty_disk();
        if (!message) {
            QUERY(path, "SELECT group_concat(state) FROM run", "complete,complete");
            EQUAL_INT(query_int(path, "SELECT count(*) FROM fact"), 2 * count);
            return cases;
        }
        check_rest(path, message, allowed);
    }
}

TEST(a_disk_full_at_any_write_corrupts_nothing)
{
    CU_ASSERT_TRUE(try_full_disks(1500, 1) > 20);
    CU_ASSERT_TRUE(try_full_disks(18000, 11) > 20);
}
