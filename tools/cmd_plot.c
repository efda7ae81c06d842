/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_plot.c - `kennel plot TIMELINE [PLOT...]`: draws recorded runs. */
#include "tools/cli.h"
#include "tools/plot.h"

typedef struct {
    char *output, *formats, *folder;
} Options;

static const char *const known_formats[] = {"svg", "png", NULL};

static bool check_formats(char **formats, GError **error)
{
    for (char **format = formats; *format; format++)
        if (!g_strv_contains(known_formats, *format)) {
            g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "--format %s: is none of svg, png",
                        *format);
            return false;
        }
    return true;
}

static bool check_names(char **names, GPtrArray *known, GError **error)
{
    g_ptr_array_add(known, NULL);
    const char *const *all = (const char *const *)known->pdata;
    for (char **name = names; *name; name++) {
        const char *near = text_nearest(*name, all);
        if (g_strv_contains(all, *name)) continue;
        g_autofree char *list = g_strjoinv(", ", (char **)known->pdata);
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    "there is no plot '%s'%s%s%s (known: %s)", *name,
                    near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "", list);
        return false;
    }
    return true;
}

static bool draw_all(const Options *options, const char *database, char **names, GPtrArray *made,
                     GError **error)
{
    g_autofree char *data = cli_data_dir();
    g_autofree char *standard = g_build_filename(data, "tools", "plots", NULL);
    g_autofree char *beside = g_path_get_dirname(database);
    const char *folder = options->folder ? options->folder : standard;
    g_auto(GStrv) formats = g_strsplit(options->formats ? options->formats : "svg,png", ",", -1);
    g_autoptr(GPtrArray) known = plot_names(folder, error);
    if (!known || !check_formats(formats, error) || !check_names(names, known, error)) return false;
    PlotJob job = {database, folder, options->output ? options->output : beside,
                   (const char *const *)formats};
    if (g_mkdir_with_parents(job.output, 0777) != 0) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                    "%s: the output folder cannot be made: %s", job.output, g_strerror(errno));
        return false;
    }
    char **wanted = *names ? names : (char **)known->pdata;
    for (char **name = wanted; *name; name++)
        if (!plot_draw(&job, *name, made, error)) return false;
    return true;
}

static int plot_run(int argc, char **argv)
{
    Options options = {0};
    const GOptionEntry entries[] = {
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options.output,
         "Folder for the pictures (default: beside the timeline)", "DIR"},
        {"format", 'f', 0, G_OPTION_ARG_STRING, &options.formats, "svg, png or svg,png (default)",
         "LIST"},
        {"plots", 0, 0, G_OPTION_ARG_FILENAME, &options.folder,
         "Folder of plot files (default: the installed ones)", "DIR"},
        {0},
    };
    if (!cli_parse(&plot_command, entries, NULL, &argc, &argv)) return EXIT_BAD_INPUT;
    if (argc < 2) return cli_usage(&plot_command, "names no timeline");
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func(g_free);
    bool ok = draw_all(&options, argv[1], argv + 2, made, &error);
    for (unsigned i = 0; i < made->len; i++)
        printf("%s\n", (const char *)made->pdata[i]);
    g_free(options.output);
    g_free(options.formats);
    g_free(options.folder);
    return ok ? EXIT_HELD : cli_fail(error);
}

const Command plot_command = {"plot", "TIMELINE [PLOT...]", "Draws recorded runs as SVG and PNG.",
                              plot_run};
