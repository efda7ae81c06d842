/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_check.c - `kennel check TIMELINE [GUARANTEE...]`: judges recorded runs again. */
#include "sim/json.h"
#include "tools/check.h"
#include "tools/cli.h"

#include <stdlib.h>

typedef struct {
    gboolean json, violations;
    char *folder;
} Options;

static int report_code(const CheckReport *report)
{
    for (unsigned i = 0; i < report->verdicts->len; i++)
        if (((const Verdict *)report->verdicts->pdata[i])->word == VERDICT_VIOLATED)
            return EXIT_VIOLATED;
    for (unsigned i = 0; i < report->runs->len; i++)
        if (strcmp(((const CheckedRun *)report->runs->pdata[i])->state, "complete") != 0)
            return EXIT_UNKNOWN;
    return EXIT_HELD;
}

static int check_file(const Options *options, const char *path, const char *const *only)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *data = cli_data_dir();
    g_autofree char *standard = g_build_filename(data, "tools", "checks", NULL);
    const char *folder = options->folder ? options->folder : standard;
    g_autoptr(CheckReport) report = check_timeline(path, folder, only, &error);
    if (!report) return cli_fail(error);
    if (options->json) {
        g_autoptr(Value) json = check_json(report);
        g_autoptr(GString) out = g_string_new(NULL);
        json_write_pretty(json, out);
        fputs(out->str, stdout);
    } else {
        check_print(report, 120, cli_is_fancy(stdout), stdout);
        if (options->violations) fputc('\n', stdout);
        if (options->violations) check_print_violations(report, 0, stdout);
    }
    return report_code(report);
}

static int check_run(int argc, char **argv)
{
    Options options = {0};
    const GOptionEntry entries[] = {
        {"violations", 'v', 0, G_OPTION_ARG_NONE, &options.violations, "List every violation",
         NULL},
        {"checks", 0, 0, G_OPTION_ARG_FILENAME, &options.folder,
         "Folder of check files (default: the installed ones)", "DIR"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Verdicts as JSON", NULL},
        {0},
    };
    if (!cli_parse(&check_command, entries, NULL, &argc, &argv)) return EXIT_BAD_INPUT;
    int code = argc < 2 ? cli_usage(&check_command, "names no timeline")
                        : check_file(&options, argv[1], (const char *const *)argv + 2);
    g_free(options.folder);
    return code;
}

const Command check_command = {"check", "TIMELINE [GUARANTEE...]",
                               "Judges recorded runs: a verdict for each guarantee and workload.",
                               check_run};
