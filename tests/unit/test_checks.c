/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every check and its mutants: tests/mutants/GUARANTEE.WORD[-WHAT].txt are recorded timelines on
 * which the check must say held (good), violated (bad) or not exercised (none).
 */
#include "models/world.h"
#include "tests/unit/test.h"
#include "tools/check.h"

#define MUTANTS "tests/mutants"
#define CHECKS  "tools/checks"

static unsigned row_of(const char *name)
{
    for (unsigned i = 0; i < ROW_COUNT; i++)
        if (strcmp(world_rows[i].name, name) == 0) return i;
    CHECK_THAT(false, "no row '%s'", name);
    return 0;
}

static Nanos record_line(Timeline *timeline, AtomTable *atoms, const char *line, uint64_t seq)
{
    g_auto(GStrv) cells = g_strsplit(line, "|", -1);
    for (char **cell = cells; *cell; cell++)
        g_strstrip(*cell);
    unsigned count = g_strv_length(cells);
    Nanos at = 0;
    int64_t number = 0;
    CHECK_THAT(count >= 3 && nanos_parse(cells[0], &at), "%s", line);
    if (count > 6 && *cells[6]) CHECK(text_to_int(cells[6], &number));
    Fact fact = {.at = at,
                 .seq = seq,
                 .row = row_of(cells[1]),
                 .object = atom_of(atoms, cells[2]),
                 .uid = count > 3 ? atom_of(atoms, cells[3]) : ATOM_NONE,
                 .node = count > 4 ? atom_of(atoms, cells[4]) : ATOM_NONE,
                 .detail = count > 5 ? atom_of(atoms, cells[5]) : ATOM_NONE,
                 .number = number,
                 .actor = count > 7 ? atom_of(atoms, cells[7]) : ATOM_NONE};
    timeline_fact(timeline, &fact);
    return at;
}

/* Makes a timeline of one run from a mutant. */
static char *record(const char *path)
{
    g_autofree char *text = NULL;
    CHECK(g_file_get_contents(path, &text, NULL, NULL));
    char *database = g_build_filename(test_tmp(), "mutant.sqlite", NULL);
    g_autoptr(AtomTable) atoms = atom_table_new();
    Timeline *timeline = timeline_create(database, world_rows, ROW_COUNT, world_views(), NULL);
    CHECK(timeline);
    RunInfo info = {"mutant", "", "0", "0", "none", 1, WORLD_EPOCH_S, NULL};
    timeline_begin_run(timeline, &info, atoms, NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    Nanos end = 0;
    uint64_t seq = 0;
    for (char **line = lines; *line; line++)
        if (**line && **line != '#') end = record_line(timeline, atoms, *line, ++seq);
    timeline_end_run(timeline, "complete", end, seq, 0, NULL);
    CHECK(timeline_close(timeline, NULL));
    return database;
}

static VerdictWord wanted_of(const char *word)
{
    return g_str_has_prefix(word, "good")  ? VERDICT_HELD
           : g_str_has_prefix(word, "bad") ? VERDICT_VIOLATED
                                           : VERDICT_NOT_EXERCISED;
}

/* "at-most-one.object.bad-x.txt" belongs to at-most-one.object and wants what "bad" says. */
static bool belongs(const char *file, const char *guarantee, const char **ret_word)
{
    size_t length = strlen(guarantee);
    *ret_word = file + length + 1;
    return strncmp(file, guarantee, length) == 0 && file[length] == '.' &&
           (g_str_has_prefix(*ret_word, "good") || g_str_has_prefix(*ret_word, "bad") ||
            g_str_has_prefix(*ret_word, "none"));
}

static void try_mutant(const char *file, const char *guarantee, const char *word)
{
    g_autofree char *path = g_build_filename(MUTANTS, file, NULL);
    g_autofree char *database = record(path);
    const char *only[] = {guarantee, NULL};
    g_autoptr(GError) error = NULL;
    g_autoptr(CheckReport) report = check_timeline(database, CHECKS, only, &error);
    const Verdict *verdict =
        report ? check_find(report, 1, "StatefulSet/default/web", guarantee) : NULL;
    g_autofree char *actual = g_strdup_printf("%s: %s", file,
                                              verdict ? verdict_text(verdict->word)
                                              : error ? error->message
                                                      : "no verdict");
    g_autofree char *expected = g_strdup_printf("%s: %s", file, verdict_text(wanted_of(word)));
    EQUAL_TEXT(actual, expected);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *mutant_files(void)
{
    GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(MUTANTS, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir)))
        g_ptr_array_add(files, g_strdup(name));
    g_ptr_array_sort(files, by_text);
    return files;
}

TEST(every_check_tells_its_mutants_apart)
{
    g_autoptr(GPtrArray) names = check_names(CHECKS, NULL);
    g_autoptr(GPtrArray) files = mutant_files();
    CU_ASSERT_FATAL(names != NULL);
    for (unsigned i = 0; i < names->len; i++) {
        unsigned seen[3] = {0};
        for (unsigned k = 0; k < files->len; k++) {
            const char *word;
            if (!belongs(files->pdata[k], names->pdata[i], &word)) continue;
            seen[wanted_of(word)]++;
            try_mutant(files->pdata[k], names->pdata[i], word);
        }
        for (unsigned k = 0; k < 3; k++) {
            g_autofree char *what =
                g_strdup_printf("%s has a mutant that is %s", (char *)names->pdata[i],
                                verdict_text((VerdictWord)k));
            test_equal_int(seen[k] > 0, 1, what, TEST_WHERE);
        }
    }
}

TEST(unknown_guarantee_is_refused_with_a_hint)
{
    g_autofree char *database = record(MUTANTS "/dns.good.txt");
    const char *only[] = {"orderin.create", NULL};
    GError *error = NULL;
    CU_ASSERT(check_timeline(database, CHECKS, only, &error) == NULL);
    ERROR_CONTAINS(error, "did you mean 'ordering.create'");
}
