/* SPDX-License-Identifier: Apache-2.0 */
/* plot.c - runs a plot's SQL, writes its data, and lets gnuplot draw it. */
#include "tools/plot.h"

#include "tools/database.h"

#include <glib/gstdio.h>

#define SPLIT_MARK "-- split: "

/* What one run of a plot's SQL gave. */
typedef struct {
    GString *variables; /* gnuplot assignments */
    GString *data;
    unsigned blocks;  /* data blocks begun */
    unsigned columns; /* of the block being written */
    bool has_rows;
} PlotData;

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *plot_names(const char *folder, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *file;
    while (dir && (file = g_dir_read_name(dir)))
        if (g_str_has_suffix(file, ".gp"))
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

/* A text in gnuplot's double quotes. */
static void append_quoted(GString *out, const char *text)
{
    g_string_append_c(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') g_string_append_c(out, '\\');
        g_string_append_c(out, *text == '\n' || *text == '\t' ? ' ' : *text);
    }
    g_string_append_c(out, '"');
}

static void append_value(GString *out, sqlite3_stmt *statement, int column)
{
    int type = sqlite3_column_type(statement, column);
    if (type == SQLITE_NULL)
        g_string_append(out, "NaN");
    else if (type == SQLITE_TEXT)
        append_quoted(out, database_text(statement, column));
    else
        g_string_append(out, database_text(statement, column));
}

static void end_block(PlotData *plot)
{
    if (plot->blocks == 0) return;
    for (unsigned i = 0; !plot->has_rows && i < MAX(plot->columns, 8); i++)
        g_string_append(plot->data, i ? "\tNaN" : "NaN");
    g_string_append(plot->data, plot->has_rows ? "\n\n" : "\n\n\n");
}

static bool take_row(void *self, sqlite3_stmt *statement, unsigned result)
{
    PlotData *plot = self;
    if (result == 0) {
        g_string_append_printf(plot->variables, "%s = ", database_text(statement, 0));
        append_value(plot->variables, statement, 1);
        g_string_append_c(plot->variables, '\n');
        return true;
    }
    while (plot->blocks < result) {
        end_block(plot);
        plot->blocks++;
        plot->has_rows = false;
    }
    plot->columns = (unsigned)sqlite3_column_count(statement);
    for (int i = 0; i < (int)plot->columns; i++) {
        if (i) g_string_append_c(plot->data, '\t');
        append_value(plot->data, statement, i);
    }
    g_string_append_c(plot->data, '\n');
    plot->has_rows = true;
    return true;
}

/* --- drawing --- */

static double variable(const PlotData *plot, const char *name, double fallback)
{
    g_autofree char *mark = g_strdup_printf("%s = ", name);
    g_auto(GStrv) lines = g_strsplit(plot->variables->str, "\n", -1);
    for (char **line = lines; *line; line++)
        if (g_str_has_prefix(*line, mark)) return g_ascii_strtod(*line + strlen(mark), NULL);
    return fallback;
}

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

/* The script: terminal, variables, then the plot's own file. */
static char *script_text(const PlotJob *job, const PlotData *plot, const char *name,
                         const char *data_path, const char *picture, const char *format)
{
    g_autoptr(GString) text = g_string_new(NULL);
    bool is_svg = strcmp(format, "svg") == 0;
    double scale = is_svg ? 1 : 1.5;
    g_string_append_printf(text,
                           "set encoding utf8\nset terminal %s size %d,%d font 'DejaVu "
                           "Sans,%d' background rgb 'white'%s\n",
                           is_svg ? "svg" : "pngcairo", (int)(variable(plot, "width", 900) * scale),
                           (int)(variable(plot, "height", 500) * scale), is_svg ? 11 : 12,
                           is_svg ? "" : " fontscale 1.3 linewidth 1.4");
    g_string_append(text, plot->variables->str);
    g_string_append(text, "data = ");
    append_quoted(text, data_path);
    g_string_append(text, "\nset output ");
    append_quoted(text, picture);
    g_string_append(text, "\nload ");
    g_autofree char *file = g_strconcat(name, ".gp", NULL);
    g_autofree char *path = g_build_filename(job->folder, file, NULL);
    append_quoted(text, path);
    g_string_append(text, "\nunset output\n");
    return g_string_free(g_steal_pointer(&text), false);
}

static bool draw_format(const PlotJob *job, const PlotData *plot, const char *name,
                        const char *title, const char *format, GPtrArray *made, GError **error)
{
    g_autofree char *folder = g_dir_make_tmp("kennel-plot-XXXXXX", NULL);
    g_autofree char *file = g_strdup_printf("%s.%s", title, format);
    g_autofree char *picture = g_build_filename(job->output, file, NULL);
    if (!folder) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_IO, "no temporary folder can be made in %s",
                    g_get_tmp_dir());
        return false;
    }
    g_autofree char *data_path = g_build_filename(folder, "data", NULL);
    g_autofree char *script = g_build_filename(folder, "script.gp", NULL);
    g_autofree char *text = script_text(job, plot, name, data_path, picture, format);
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
    if (ok) g_ptr_array_add(made, g_steal_pointer(&picture));
    return ok;
}

/* --- splits --- */

static bool take_split(void *self, sqlite3_stmt *statement, unsigned result)
{
    (void)result;
    g_ptr_array_add(self, g_strdup(database_text(statement, 0)));
    return true;
}

/* The texts a plot is drawn for; one empty text if it is not split. */
static GPtrArray *splits_of(Database *base, const char *sql, GError **error)
{
    g_autoptr(GPtrArray) splits = g_ptr_array_new_with_free_func(g_free);
    const char *mark = strstr(sql, SPLIT_MARK);
    if (!mark) {
        g_ptr_array_add(splits, g_strdup(""));
        return g_steal_pointer(&splits);
    }
    const char *end = strchr(mark, '\n');
    g_autofree char *query =
        g_strndup(mark + strlen(SPLIT_MARK), end ? (gsize)(end - mark) - strlen(SPLIT_MARK) : 0);
    if (!database_query(base, query, take_split, splits, error)) return NULL;
    return g_steal_pointer(&splits);
}

static bool draw_split(const PlotJob *job, const char *name, const char *path, const char *split,
                       GPtrArray *made, GError **error)
{
    PlotData plot = {g_string_new(NULL), g_string_new(NULL), 0, 0, false};
    g_autofree char *title = *split ? g_strdup_printf("%s-%s", name, split) : g_strdup(name);
    Database *base = database_open(job->database, error);
    if (base) database_bind(base, "split", split);
    bool ok = base && database_run_file(base, path, take_row, &plot, error);
    end_block(&plot);
    for (const char *const *format = job->formats; ok && *format; format++)
        ok = draw_format(job, &plot, name, title, *format, made, error);
    database_close(base);
    g_string_free(plot.variables, true);
    g_string_free(plot.data, true);
    return ok;
}

bool plot_draw(const PlotJob *job, const char *name, GPtrArray *made, GError **error)
{
    g_autofree char *file = g_strconcat(name, ".sql", NULL);
    g_autofree char *path = g_build_filename(job->folder, file, NULL);
    g_autofree char *sql = NULL;
    if (!g_file_get_contents(path, &sql, NULL, NULL)) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "%s: there is no such plot", path);
        return false;
    }
    Database *base = database_open(job->database, error);
    g_autoptr(GPtrArray) splits = base ? splits_of(base, sql, error) : NULL;
    database_close(base);
    bool ok = splits != NULL;
    for (unsigned i = 0; ok && i < splits->len; i++)
        ok = draw_split(job, name, path, splits->pdata[i], made, error);
    return ok;
}
