/* SPDX-License-Identifier: Apache-2.0 */
/* What plots give to gnuplot, from a small recorded timeline; and pictures, if gnuplot is there. */
#include "models/world.h"
#include "tests/unit/test.h"
#include "tools/plot.h"

#include <glib/gstdio.h>

#define PLOTS "tools/plots"

typedef struct {
    double at_s;
    unsigned row;
    const char *object, *uid, *node, *detail;
    int64_t number;
} Line;

#define SET   "StatefulSet/default/web"
#define POD_0 "Pod/default/web-0"
#define POD_1 "Pod/default/web-1"
#define LOSS  "Fault//say \"off\""

/* Two pets start one after the other; the machine of the second loses power and comes back. */
static const Line power_loss[] = {
    {0, ROW_OBJECT_CREATED, SET, "s", "", "", -1},
    {0, ROW_WORKLOAD_REPLICAS, SET, "s", "", "", 2},
    {1, ROW_OBJECT_CREATED, POD_0, "a", "", SET, 0},
    {1, ROW_POD_PHASE, POD_0, "a", "", "Pending", 0},
    {2, ROW_POD_NODE, POD_0, "a", "node-1", "", 0},
    {5, ROW_CONTAINER_STARTED, POD_0, "a", "node-1", "c", 0},
    {5, ROW_POD_PHASE, POD_0, "a", "", "Running", 0},
    {10, ROW_POD_READY, POD_0, "a", "", "", 1},
    {10, ROW_OBJECT_CREATED, POD_1, "b", "", SET, 1},
    {10, ROW_POD_PHASE, POD_1, "b", "", "Pending", 0},
    {11, ROW_POD_NODE, POD_1, "b", "node-2", "", 0},
    {15, ROW_CONTAINER_STARTED, POD_1, "b", "node-2", "c", 0},
    {15, ROW_POD_PHASE, POD_1, "b", "", "Running", 0},
    {20, ROW_POD_READY, POD_1, "b", "", "", 1},
    {100, ROW_FAULT_BEGAN, LOSS, "", "", "node-stop", 0},
    {100, ROW_MACHINE_DOWN, "", "", "node-2", "", 0},
    {100, ROW_CONTAINER_STOPPED, POD_1, "b", "node-2", "c", 137},
    {140, ROW_POD_READY, POD_1, "b", "", "", 0},
    {200, ROW_FAULT_ENDED, LOSS, "", "", "node-stop", 0},
    {210, ROW_CONTAINER_STARTED, POD_1, "b", "node-2", "c", 1},
    {220, ROW_POD_READY, POD_1, "b", "", "", 1},
    {300, ROW_STEP, "Step//shrink", "", "", "scale", 1},
    {300, ROW_WORKLOAD_REPLICAS, SET, "s", "", "", 1},
    {300, ROW_OBJECT_MARKED, POD_1, "b", "", "", 30},
    {305, ROW_CONTAINER_STOPPED, POD_1, "b", "node-2", "c", 0},
    {306, ROW_OBJECT_DELETED, POD_1, "b", "", SET, 0},
};

static char *record(const Line *lines, unsigned count, Nanos end)
{
    char *path = g_build_filename(test_tmp(), "plot.sqlite", NULL);
    g_autoptr(AtomTable) atoms = atom_table_new();
    Timeline *timeline = timeline_create(path, world_rows, ROW_COUNT, world_views(), NULL);
    CHECK(timeline);
    RunInfo info = {"test", "", "0", "0", "none", 1, WORLD_EPOCH_S, NULL};
    timeline_begin_run(timeline, &info, atoms, NULL);
    for (unsigned i = 0; i < count; i++) {
        Fact fact = {.at = (Nanos)(lines[i].at_s * 1e9),
                     .seq = i + 1,
                     .row = lines[i].row,
                     .object = atom_of(atoms, lines[i].object),
                     .uid = atom_of(atoms, lines[i].uid),
                     .node = atom_of(atoms, lines[i].node),
                     .detail = atom_of(atoms, lines[i].detail),
                     .number = lines[i].number};
        timeline_fact(timeline, &fact);
    }
    timeline_end_run(timeline, "complete", end, count, 0, NULL);
    CHECK(timeline_close(timeline, NULL));
    return path;
}

static char *record_power_loss(void)
{
    return record(power_loss, G_N_ELEMENTS(power_loss), 600 * NANOS_S);
}

static const char *const both_formats[] = {"svg", "png", NULL};

static PlotData *read_plot(const char *database, const char *name, const char *split)
{
    PlotJob job = {database, PLOTS, test_tmp(), both_formats};
    g_autoptr(GError) error = NULL;
    PlotData *plot = plot_read(&job, name, split, &error);
    CHECK_THAT(plot, "%s", error->message);
    return plot;
}

static void has_line(const char *text, const char *line)
{
    g_autofree char *whole = g_strconcat("\n", text, NULL);
    g_autofree char *wanted = g_strconcat("\n", line, "\n", NULL);
    if (!strstr(whole, wanted))
        EQUAL_TEXT(text, line);
    else
        CU_ASSERT(true);
}

TEST(lifelines_show_what_the_api_hides)
{
    g_autofree char *database = record_power_loss();
    PlotData *plot = read_plot(database, "lifelines", "web");
    CU_ASSERT(plot->blocks == 4);
    CU_ASSERT(strstr(plot->data->str, "\"ghost\"\t158.3") != NULL);
    CU_ASSERT(strstr(plot->data->str, "\"40 s\"") != NULL);
    CU_ASSERT(strstr(plot->data->str, "say 'off' (node-stop): node-2") != NULL);
    CU_ASSERT(strstr(plot->data->str, "\"terminating\"") != NULL);
    CU_ASSERT(strstr(plot->data->str, "\"double\"") == NULL);
    CU_ASSERT(strstr(plot->data->str, "\"web (StatefulSet)\"") != NULL);
    plot_data_free(plot);
}

TEST(ready_counts_members)
{
    g_autofree char *database = record_power_loss();
    PlotData *plot = read_plot(database, "ready", "");
    const char *expected = "1\t1\t0.0\t0\n";
    CU_ASSERT(g_str_has_prefix(plot->data->str, expected));
    has_line(plot->data->str, "1\t1\t2.33333333333333\t1");
    has_line(plot->data->str, "1\t1\t3.66666666666667\t2");
    has_line(plot->data->str, "1\t1\t10.0\t1");
    has_line(plot->variables->str, "fields = 1");
    EQUAL_INT(plot->blocks, 7);
    plot_data_free(plot);
}

TEST(times_measure_start_recovery_and_scaling)
{
    g_autofree char *database = record_power_loss();
    PlotData *plot = read_plot(database, "times", "");
    CU_ASSERT(strstr(plot->data->str, "\"start of 2\"") != NULL);
    CU_ASSERT(strstr(plot->data->str, "\"20.0 s\"") != NULL);
    CU_ASSERT(strstr(plot->data->str, "\"recovery from say 'off'\"") != NULL);
    CU_ASSERT(strstr(plot->data->str, "\"2 min 00 s\"") != NULL);
    CU_ASSERT(strstr(plot->data->str, "\"scale 2 to 1\"") != NULL);
    CU_ASSERT(strstr(plot->data->str, "\"6.0 s\"") != NULL);
    CU_ASSERT(strstr(plot->data->str, "never") == NULL);
    plot_data_free(plot);
}

TEST(what_did_not_end_is_never)
{
    g_autofree char *database = record(power_loss, 18, 600 * NANOS_S);
    PlotData *plot = read_plot(database, "times", "");
    CU_ASSERT(strstr(plot->data->str, "\"never in 8 min 20 s\"") != NULL);
    plot_data_free(plot);
}

#define POD_2 "Pod/default/web-2"

/* While three pets start, and later while the machine of the second is down, the number changes. */
static const Line number_changes[] = {
    {0, ROW_OBJECT_CREATED, SET, "s", "", "", -1},
    {0, ROW_WORKLOAD_REPLICAS, SET, "s", "", "", 3},
    {1, ROW_OBJECT_CREATED, POD_0, "a", "", SET, 0},
    {1, ROW_OBJECT_CREATED, POD_1, "b", "", SET, 1},
    {1, ROW_OBJECT_CREATED, POD_2, "c", "", SET, 2},
    {10, ROW_POD_READY, POD_0, "a", "", "", 1},
    {11, ROW_POD_READY, POD_1, "b", "", "", 1},
    {15, ROW_WORKLOAD_REPLICAS, SET, "s", "", "", 2},
    {30, ROW_WORKLOAD_REPLICAS, SET, "s", "", "", 3},
    {37, ROW_POD_READY, POD_2, "c", "", "", 1},
    {100, ROW_FAULT_BEGAN, LOSS, "", "", "node-stop", 0},
    {100, ROW_MACHINE_DOWN, "", "", "node-2", "", 0},
    {140, ROW_POD_READY, POD_1, "b", "", "", 0},
    {160, ROW_WORKLOAD_REPLICAS, SET, "s", "", "", 2},
    {160, ROW_OBJECT_MARKED, POD_2, "c", "", "", 30},
    {165, ROW_OBJECT_DELETED, POD_2, "c", "", SET, 0},
    {200, ROW_FAULT_ENDED, LOSS, "", "", "node-stop", 0},
    {220, ROW_POD_READY, POD_1, "b", "", "", 1},
};

static PlotData *plot_number_changes(unsigned changed_line, Line changed)
{
    Line lines[G_N_ELEMENTS(number_changes)];
    memcpy(lines, number_changes, sizeof(lines));
    if (changed_line) lines[changed_line] = changed;
    g_autofree char *database = record(lines, G_N_ELEMENTS(lines), 600 * NANOS_S);
    return read_plot(database, "times", "");
}

/* The text that stands at the end of the only bar of a measure: both are found by their y. */
static void measure_reads(const PlotData *plot, const char *measure, const char *reads)
{
    g_autofree char *named = g_strdup_printf("\t\"%s\"\t", measure);
    g_auto(GStrv) lines = g_strsplit(plot->data->str, "\n", -1);
    const char *number = NULL;
    for (char **line = lines; *line; line++)
        if (strstr(*line, named)) number = strrchr(*line, '\t');
    CU_ASSERT_FATAL(number != NULL);
    g_autofree char *end = g_strdup_printf("\t\"%s\"%s", reads, number);
    bool found = false;
    for (char **line = lines; *line; line++)
        found |= g_str_has_suffix(*line, end);
    if (!found) EQUAL_TEXT(plot->data->str, end);
}

TEST(a_change_of_the_number_ends_no_action)
{
    PlotData *plot = plot_number_changes(0, (Line){0});
    measure_reads(plot, "start of 3", "not in 15.0 s");
    measure_reads(plot, "scale 3 to 2", "not in 15.0 s");
    measure_reads(plot, "scale 2 to 3", "7.0 s");
    measure_reads(plot, "recovery from say 'off'", "2 min 00 s");
    measure_reads(plot, "scale 3 to 2 (2)", "60.0 s");
    plot_data_free(plot);
}

TEST(a_recovery_waits_for_what_was_declared_ever_since)
{
    Line more = {160, ROW_WORKLOAD_REPLICAS, SET, "s", "", "", 4};
    PlotData *plot = plot_number_changes(13, more);
    measure_reads(plot, "recovery from say 'off'", "never in 8 min 20 s");
    measure_reads(plot, "scale 3 to 4", "never in 7 min 20 s");
    plot_data_free(plot);
    Line fewer = {160, ROW_WORKLOAD_REPLICAS, SET, "s", "", "", 1};
    plot = plot_number_changes(13, fewer);
    measure_reads(plot, "recovery from say 'off'", "not in 60.0 s");
    plot_data_free(plot);
    Line before_the_loss = {110, ROW_WORKLOAD_REPLICAS, SET, "s", "", "", 2};
    plot = plot_number_changes(11, before_the_loss);
    measure_reads(plot, "recovery from say 'off'", "2 min 00 s");
    plot_data_free(plot);
}

TEST(nothing_recorded_draws_nothing)
{
    g_autofree char *database = record(power_loss, 0, 0);
    PlotJob job = {database, PLOTS, test_tmp(), both_formats};
    g_autoptr(GPtrArray) splits = plot_splits(&job, "lifelines", NULL);
    EQUAL_INT(splits->len, 0);
    const char *const names[] = {"ready", "times"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        PlotData *plot = read_plot(database, names[i], "");
        EQUAL_INT((int64_t)plot_variable(plot, "height", 1), 0);
        plot_data_free(plot);
    }
}

/* --- the engine --- */

static char *folder_with(const char *name, const char *sql)
{
    char *folder = g_build_filename(test_tmp(), "plots", NULL);
    g_mkdir_with_parents(folder, 0777);
    g_autofree char *sql_path = g_strdup_printf("%s/%s.sql", folder, name);
    g_autofree char *gp_path = g_strdup_printf("%s/%s.gp", folder, name);
    CHECK(g_file_set_contents(sql_path, sql, -1, NULL));
    CHECK(g_file_set_contents(gp_path, "plot x\n", -1, NULL));
    return folder;
}

TEST(blocks_quotes_and_variables)
{
    g_autofree char *database = record_power_loss();
    g_autofree char *folder = folder_with(
        "a", "SELECT 'word' AS n, 'say \"x\\y\"' AS v UNION ALL SELECT 'height', 7;\n"
             "SELECT 1 WHERE 0;\nSELECT 'say \"x\\y\"', NULL, 2;\nSELECT 3 WHERE 0 -- the end");
    PlotJob job = {database, folder, test_tmp(), both_formats};
    PlotData *plot = plot_read(&job, "a", "", NULL);
    CU_ASSERT_FATAL(plot != NULL);
    EQUAL_TEXT(plot->variables->str, "word = \"say \\\"x\\\\y\\\"\"\nheight = 7\n");
#define NANS "NaN\tNaN\tNaN\tNaN\tNaN\tNaN\tNaN\tNaN\tNaN\tNaN\tNaN\tNaN\n\n\n"
    EQUAL_TEXT(plot->data->str, NANS "\"say 'x\\\\y'\"\tNaN\t2\n\n\n" NANS);
    EQUAL_INT((int64_t)plot_variable(plot, "height", 1), 7);
    EQUAL_INT((int64_t)plot_variable(plot, "width", 900), 900);
    plot_data_free(plot);
}

TEST(splits_come_from_their_query)
{
    g_autofree char *database = record_power_loss();
    g_autofree char *folder =
        folder_with("b", "-- split: SELECT name FROM object WHERE kind = 'Pod' ORDER BY name\n"
                         "SELECT 'a', :split;");
    PlotJob job = {database, folder, test_tmp(), both_formats};
    g_autoptr(GPtrArray) splits = plot_splits(&job, "b", NULL);
    EQUAL_INT(splits->len, 2);
    EQUAL_TEXT(splits->pdata[1], "web-1");
    PlotData *plot = plot_read(&job, "b", splits->pdata[1], NULL);
    EQUAL_TEXT(plot->variables->str, "a = \"web-1\"\n");
    plot_data_free(plot);
}

TEST(wrong_plots_are_refused)
{
    g_autofree char *database = record_power_loss();
    g_autofree char *folder = folder_with("c", "SELECT nonsense FROM nowhere;");
    PlotJob job = {database, folder, test_tmp(), both_formats};
    g_autoptr(GError) error = NULL;
    CU_ASSERT(plot_read(&job, "c", "", &error) == NULL);
    ERROR_CONTAINS(error, "c.sql: no such table: nowhere");
    CU_ASSERT(plot_read(&job, "none", "", &error) == NULL);
    ERROR_CONTAINS(error, "there is no such plot");
    CU_ASSERT(plot_names("/nonexistent", &error) == NULL);
    ERROR_CONTAINS(error, "holds no plot");
}

TEST(a_plot_has_both_files)
{
    g_autoptr(GPtrArray) names = plot_names(PLOTS, NULL);
    CU_ASSERT_FATAL(names != NULL);
    g_ptr_array_add(names, NULL);
    g_autofree char *list = g_strjoinv(" ", (char **)names->pdata);
    CU_ASSERT(strstr(list, "lifelines") && strstr(list, "ready") && strstr(list, "times"));
    CU_ASSERT(!strstr(list, "common") && !strstr(list, "style"));
}

TEST(gnuplot_draws_them_all)
{
    g_autofree char *gnuplot = g_find_program_in_path("gnuplot");
    if (!gnuplot) return;
    g_autofree char *database = record_power_loss();
    PlotJob job = {database, PLOTS, test_tmp(), both_formats};
    g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) names = plot_names(PLOTS, NULL);
    g_autoptr(GError) error = NULL;
    for (unsigned i = 0; i < names->len; i++)
        if (!plot_draw(&job, names->pdata[i], made, &error)) EQUAL_TEXT(error->message, "");
    CU_ASSERT(made->len >= 6);
    for (unsigned i = 0; i < made->len; i++) {
        g_autofree char *content = NULL;
        gsize size = 0;
        CU_ASSERT(g_file_get_contents(made->pdata[i], &content, &size, NULL) && size > 1000);
        CU_ASSERT(!strstr(content, ":Bold"));
        g_remove(made->pdata[i]);
    }
}
