/* SPDX-License-Identifier: Apache-2.0 */
/* plot.c - runs a plot's SQL, writes its data, and lets gnuplot draw it. */
#include "tools/plot.h"

#include "tools/database.h"

#include <glib/gstdio.h>

#define SPLIT_MARK    "-- split: "
#define COMMON        "common.sql"
#define EMPTY_COLUMNS 12  /* more than any plot reads */
#define PNG_SCALE     1.5 /* pixels a point: sharp on screens that show SVG in device pixels */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A gnuplot file without SQL is one that plots load, not a plot. */
static bool has_sql(const char *folder, const char *file)
{
    g_autofree char *name = g_strdup_printf("%.*s.sql", (int)strlen(file) - 3, file);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

GPtrArray *plot_names(const char *folder, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *file;
    while (dir && (file = g_dir_read_name(dir)))
        if (g_str_has_suffix(file, ".gp") && has_sql(folder, file))
            g_ptr_array_add(names, g_strndup(file, strlen(file) - 3));
    if (names->len == 0) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    "%s: holds no plot (*.sql with *.gp); is the program installed whole?", folder);
        return NULL;
    }
    g_ptr_array_sort(names, by_text);
    return g_steal_pointer(&names);
}

/* --- data --- */

/* A text in gnuplot's double quotes, which data (other than scripts) cannot hold within. */
static void append_quoted(GString *out, const char *text, const char *inner_quote)
{
    g_string_append_c(out, '"');
    for (; *text; text++) {
        if (*text == '"')
            g_string_append(out, inner_quote);
        else if (*text == '\\')
            g_string_append(out, "\\\\");
        else
            g_string_append_c(out, g_ascii_iscntrl(*text) ? ' ' : *text);
    }
    g_string_append_c(out, '"');
}

static void append_value(GString *out, sqlite3_stmt *statement, int column, const char *inner_quote)
{
    int type = sqlite3_column_type(statement, column);
    if (type == SQLITE_NULL)
        g_string_append(out, "NaN");
    else if (type == SQLITE_TEXT)
        append_quoted(out, database_text(statement, column), inner_quote);
    else
        g_string_append(out, database_text(statement, column));
}

static void end_block(PlotData *plot)
{
    if (plot->blocks == 0) return;
    for (unsigned i = 0; !plot->has_rows && i < EMPTY_COLUMNS; i++)
        g_string_append(plot->data, i ? "\tNaN" : "NaN");
    g_string_append(plot->data, plot->has_rows ? "\n\n" : "\n\n\n");
}

static void begin_blocks(PlotData *plot, unsigned blocks)
{
    while (plot->blocks < blocks) {
        end_block(plot);
        plot->blocks++;
        plot->has_rows = false;
    }
}

static bool take_row(void *self, sqlite3_stmt *statement, unsigned result)
{
    PlotData *plot = self;
    if (result == 0) {
        g_string_append_printf(plot->variables, "%s = ", database_text(statement, 0));
        append_value(plot->variables, statement, 1, "\\\"");
        g_string_append_c(plot->variables, '\n');
        return true;
    }
    begin_blocks(plot, result);
    int columns = sqlite3_column_count(statement);
    for (int i = 0; i < columns; i++) {
        if (i) g_string_append_c(plot->data, '\t');
        append_value(plot->data, statement, i, "'");
    }
    g_string_append_c(plot->data, '\n');
    plot->has_rows = true;
    return true;
}

/* --- reading --- */

static char *plot_path(const PlotJob *job, const char *name, const char *suffix)
{
    g_autofree char *file = g_strconcat(name, suffix, NULL);
    return g_build_filename(job->folder, file, NULL);
}

static char *plot_sql(const PlotJob *job, const char *name, GError **error)
{
    g_autofree char *path = plot_path(job, name, ".sql");
    char *sql = NULL;
    if (g_file_get_contents(path, &sql, NULL, NULL)) return sql;
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "%s: there is no such plot", path);
    return NULL;
}

static bool run_common(Database *base, const PlotJob *job, GError **error)
{
    g_autofree char *path = g_build_filename(job->folder, COMMON, NULL);
    return !g_file_test(path, G_FILE_TEST_EXISTS) ||
           database_run_file(base, path, NULL, NULL, error);
}

/* Blocks are counted by their rows, so a last statement of ours closes those that have none. */
static bool take_result(void *self, sqlite3_stmt *statement, unsigned result)
{
    bool is_end = strcmp(sqlite3_column_name(statement, 0), "end of plot") == 0;
    if (!is_end) return take_row(self, statement, result);
    begin_blocks(self, result > 0 ? result - 1 : 0);
    return true;
}

PlotData *plot_read(const PlotJob *job, const char *name, const char *split, GError **error)
{
    g_autofree char *path = plot_path(job, name, ".sql");
    g_autofree char *sql = plot_sql(job, name, error);
    Database *base = sql ? database_open(job->database, error) : NULL;
    if (!base) return NULL;
    PlotData *plot = g_new0(PlotData, 1);
    plot->variables = g_string_new(NULL);
    plot->data = g_string_new(NULL);
    database_bind(base, "split", split);
    g_autofree char *whole = g_strconcat(sql, "\n;SELECT 0 AS \"end of plot\";", NULL);
    bool ok =
        run_common(base, job, error) && database_run(base, whole, path, take_result, plot, error);
    end_block(plot);
    database_close(base);
    if (!ok) g_clear_pointer(&plot, plot_data_free);
    return plot;
}

void plot_data_free(PlotData *plot)
{
    if (!plot) return;
    g_string_free(plot->variables, true);
    g_string_free(plot->data, true);
    g_free(plot);
}

double plot_variable(const PlotData *plot, const char *name, double fallback)
{
    g_autofree char *mark = g_strdup_printf("%s = ", name);
    g_auto(GStrv) lines = g_strsplit(plot->variables->str, "\n", -1);
    for (char **line = lines; *line; line++)
        if (g_str_has_prefix(*line, mark)) return g_ascii_strtod(*line + strlen(mark), NULL);
    return fallback;
}

static bool take_split(void *self, sqlite3_stmt *statement, unsigned result)
{
    (void)result;
    g_ptr_array_add(self, g_strdup(database_text(statement, 0)));
    return true;
}

GPtrArray *plot_splits(const PlotJob *job, const char *name, GError **error)
{
    g_autofree char *sql = plot_sql(job, name, error);
    if (!sql) return NULL;
    g_autoptr(GPtrArray) splits = g_ptr_array_new_with_free_func(g_free);
    const char *mark = strstr(sql, SPLIT_MARK);
    if (!mark) {
        g_ptr_array_add(splits, g_strdup(""));
        return g_steal_pointer(&splits);
    }
    mark += strlen(SPLIT_MARK);
    g_autofree char *query = g_strndup(mark, strcspn(mark, "\n"));
    Database *base = database_open(job->database, error);
    bool ok = base && database_query(base, query, take_split, splits, error);
    database_close(base);
    return ok ? g_steal_pointer(&splits) : NULL;
}

/* --- drawing --- */

static bool run_gnuplot(const char *script, GError **error)
{
    g_autofree char *messages = NULL;
    g_autoptr(GError) cause = NULL;
    int status = 0;
    const char *arguments[] = {"gnuplot", "-d", script, NULL};
    if (!g_spawn_sync(NULL, (char **)(uintptr_t)arguments, NULL,
                      G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &messages,
                      &status, &cause)) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_IO,
                    "gnuplot cannot be started (%s); install gnuplot (Debian: gnuplot-nox)",
                    cause->message);
        return false;
    }
    if (g_spawn_check_wait_status(status, NULL)) return true;
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INTERNAL, "gnuplot failed: %s",
                g_strstrip(messages));
    return false;
}

static bool write_file(const char *path, const char *text, GError **error)
{
    g_autoptr(GError) cause = NULL;
    if (g_file_set_contents(path, text, -1, &cause)) return true;
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "%s: cannot be written: %s", path,
                cause->message);
    return false;
}

static void append_assignment(GString *script, const char *name, const char *text)
{
    g_string_append_printf(script, "%s = ", name);
    append_quoted(script, text, "\\\"");
    g_string_append_c(script, '\n');
}

/* The script: terminal, variables, then the plot's own file. A point is a pixel of the SVG. */
static char *script_text(const PlotJob *job, const PlotData *plot, const char *name,
                         const char *data_path, const char *picture, const char *format)
{
    g_autoptr(GString) text = g_string_new(NULL);
    bool is_svg = strcmp(format, "svg") == 0;
    double scale = is_svg ? 1 : PNG_SCALE;
    int width = (int)(plot_variable(plot, "width", 900) * scale);
    int height = (int)(plot_variable(plot, "height", 500) * scale);
    g_string_append_printf(text,
                           "set encoding utf8\n"
                           "set terminal %s size %d,%d font 'DejaVu Sans,%s' noenhanced "
                           "background rgb 'white' linewidth %s\n"
                           "font_scale = %s\n",
                           is_svg ? "svg" : "pngcairo", width, height, is_svg ? "10" : "11.25",
                           is_svg ? "1.0" : "1.5", is_svg ? "1.0" : "1.125");
    g_string_append(text, plot->variables->str);
    g_autofree char *path = plot_path(job, name, ".gp");
    append_assignment(text, "folder", job->folder);
    append_assignment(text, "data", data_path);
    append_assignment(text, "picture", picture);
    append_assignment(text, "plot_file", path);
    g_string_append(text, "set output picture\nload plot_file\nunset output\n");
    return g_string_free(g_steal_pointer(&text), false);
}

/* gnuplot writes the name it was given, weight and all, as the font's family; browsers want the
 * weight apart, and others to fall back on. */
static bool mend_fonts(const char *picture, GError **error)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(picture, &text, NULL, NULL)) return true;
    g_autoptr(GString) svg = g_string_new(text);
    g_string_replace(svg, "font-family=\"DejaVu Sans:Bold\"",
                     "font-weight=\"bold\" font-family=\"DejaVu Sans\"", 0);
    g_string_replace(svg, "font-family=\"DejaVu Sans\"",
                     "font-family=\"DejaVu Sans, Verdana, sans-serif\"", 0);
    return write_file(picture, svg->str, error);
}

/* One file to draw: whose plot, how the file is called, in which format. */
typedef struct {
    const char *name, *title, *format;
} Picture;

static bool draw_picture(const PlotJob *job, const PlotData *plot, const Picture *wanted,
                         GPtrArray *made, GError **error)
{
    const char *format = wanted->format;
    g_autofree char *folder = g_dir_make_tmp("kennel-plot-XXXXXX", NULL);
    g_autofree char *file = g_strdup_printf("%s.%s", wanted->title, format);
    g_autofree char *picture = g_build_filename(job->output, file, NULL);
    if (!folder) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_IO, "no temporary folder can be made in %s",
                    g_get_tmp_dir());
        return false;
    }
    g_autofree char *data_path = g_build_filename(folder, "data", NULL);
    g_autofree char *script = g_build_filename(folder, "script.gp", NULL);
    g_autofree char *text = script_text(job, plot, wanted->name, data_path, picture, format);
    bool ok = write_file(data_path, plot->data->str, error) && write_file(script, text, error) &&
              run_gnuplot(script, error);
    g_remove(data_path);
    g_remove(script);
    g_rmdir(folder);
    if (ok && !g_file_test(picture, G_FILE_TEST_EXISTS)) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    "%s: cannot be written; name another folder with -o", picture);
        ok = false;
    }
    if (ok && strcmp(format, "svg") == 0) ok = mend_fonts(picture, error);
    if (ok) g_ptr_array_add(made, g_steal_pointer(&picture));
    return ok;
}

static bool draw_split(const PlotJob *job, const char *name, const char *split, GPtrArray *made,
                       GError **error)
{
    g_autofree char *title = *split ? g_strdup_printf("%s-%s", name, split) : g_strdup(name);
    g_strdelimit(title, "/", '-');
    PlotData *plot = plot_read(job, name, split, error);
    bool ok = plot != NULL;
    bool is_empty = ok && plot_variable(plot, "height", 1) <= 0;
    for (const char *const *format = job->formats; ok && !is_empty && *format; format++)
        ok = draw_picture(job, plot, &(Picture){name, title, *format}, made, error);
    plot_data_free(plot);
    return ok;
}

bool plot_draw(const PlotJob *job, const char *name, GPtrArray *made, GError **error)
{
    g_autoptr(GPtrArray) splits = plot_splits(job, name, error);
    bool ok = splits != NULL;
    for (unsigned i = 0; ok && i < splits->len; i++)
        ok = draw_split(job, name, splits->pdata[i], made, error);
    return ok;
}
