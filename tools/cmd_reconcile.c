/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_reconcile.c - `kennel reconcile`: what the StatefulSet controller would do in its next sync.
 *
 * With FILEs: what kubectl printed, explained (reconcile_dump.h). With --cases: recorded decisions
 * of the real controller, made again (cases.h).
 */
#include "models/gates.h"
#include "tools/cases.h"
#include "tools/cli.h"
#include "tools/reconcile_dump.h"

#include <stdlib.h>

#define MINOR_MIN 27
#define MINOR_MAX 36

/* The command line as GOption leaves it. */
typedef struct {
    char **cases, **gates;
    char *now, *version;
    gboolean is_check, is_json;
} Arguments;

/* --- values of options --- */

static bool read_version(const char *text, int *ret_minor)
{
    int64_t minor;
    *ret_minor = MINOR_MAX;
    if (text == NULL) return true;
    if (*text == 'v') text++;
    if (!g_str_has_prefix(text, "1.") || !text_to_int(text + 2, &minor)) return false;
    *ret_minor = (int)CLAMP(minor, 0, INT32_MAX);
    return minor >= MINOR_MIN && minor <= MINOR_MAX;
}

static const char *nearest_gate(const char *name)
{
    g_autofree const char **names = g_new0(const char *, gate_count() + 1);
    for (unsigned i = 0; i < gate_count(); i++)
        names[i] = gate_name(i);
    return text_nearest(name, names);
}

/* Adds "NAME=true" to a map; 0, or the exit code with the message printed. */
static int add_gate(Value **gates, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "=", 2);
    bool is_on = parts[0] != NULL && parts[1] != NULL && strcmp(parts[1], "true") == 0;
    if (parts[0] == NULL || parts[1] == NULL || (!is_on && strcmp(parts[1], "false") != 0))
        return cli_usage(&reconcile_command, "--gate %s: must be NAME=true or NAME=false", text);
    if (!gate_is_known(parts[0])) {
        const char *near = nearest_gate(parts[0]);
        return cli_usage(&reconcile_command, "--gate: unknown feature gate '%s'%s%s%s", parts[0],
                         near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    value_put(gates, value_bool(is_on), parts[0]);
    return 0;
}

/* 0, or the exit code with the message printed. */
static int read_options(const Arguments *arguments, ReconcileOptions *options)
{
    *options = (ReconcileOptions){.gates = value_map(), .is_json = arguments->is_json};
    if (!read_version(arguments->version, &options->minor))
        return cli_usage(&reconcile_command, "--version %s: must be 1.%d to 1.%d",
                         arguments->version, MINOR_MIN, MINOR_MAX);
    options->has_now = arguments->now != NULL;
    if (options->has_now && !time_parse(arguments->now, &options->now))
        return cli_usage(&reconcile_command, "--now %s: must be a time such as %s", arguments->now,
                         "2026-01-01T00:00:00Z");
    int code = 0;
    for (char **gate = arguments->gates; gate != NULL && *gate != NULL && code == 0; gate++)
        code = add_gate(&options->gates, *gate);
    return code;
}

/* --- cases --- */

static void print_tally(const CaseTally *tally)
{
    printf("%u of %u cases and %u of %u trajectory steps agree", tally->cases - tally->wrong_cases,
           tally->cases, tally->steps - tally->wrong_steps, tally->steps);
    if (tally->faults > 0) printf("; %u lines could not be read", tally->faults);
    printf("\n");
}

static int run_cases(char **files, const ReconcileOptions *options, bool is_check)
{
    const CaseOptions cases = {.minor = options->minor,
                               .gates = options->gates,
                               .has_now = options->has_now,
                               .now = options->now};
    CaseTally tally = {0};
    int code = EXIT_HELD;
    for (; *files != NULL; files++) {
        g_autoptr(GError) error = NULL;
        if (!cases_run(*files, &cases, is_check, stdout, &tally, &error))
            code = MAX(code, cli_fail(error));
    }
    if (is_check) print_tally(&tally);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "kennel: standard output: cannot be written\n");
        return EXIT_BROKEN;
    }
    if (tally.faults > 0) code = MAX(code, EXIT_BAD_INPUT);
    if (tally.wrong_cases + tally.wrong_steps > 0) code = MAX(code, EXIT_VIOLATED);
    return code;
}

/* --- the command --- */

static int run_parsed(const Arguments *arguments, char **files)
{
    ReconcileOptions options;
    int code = read_options(arguments, &options);
    if (code == 0 && arguments->cases != NULL && *files != NULL)
        code = cli_usage(&reconcile_command, "--cases takes the place of FILEs");
    else if (code == 0 && arguments->cases != NULL)
        code = run_cases(arguments->cases, &options, arguments->is_check);
    else if (code == 0 && arguments->is_check)
        code = cli_usage(&reconcile_command, "--check needs --cases");
    else if (code == 0 && *files == NULL)
        code = cli_usage(&reconcile_command, "names no file; - is standard input");
    else if (code == 0)
        code = reconcile_dumps(files, &options);
    value_unref(options.gates);
    return code;
}

static int reconcile_run(int argc, char **argv)
{
    Arguments arguments = {0};
    const GOptionEntry entries[] = {
        {"cases", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &arguments.cases,
         "Recorded cases: JSON Lines, plain or .gz; - is standard input", "FILE"},
        {"check", 0, 0, G_OPTION_ARG_NONE, &arguments.is_check,
         "Compare the cases with what they record instead of printing results", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &arguments.is_json, "Print JSON, for tools", NULL},
        {"now", 0, 0, G_OPTION_ARG_STRING, &arguments.now,
         "The controller's clock (default: the latest time in the dump)", "TIME"},
        {"version", 0, 0, G_OPTION_ARG_STRING, &arguments.version,
         "Kubernetes release of the controller (default: 1.36)", "1.MINOR"},
        {"gate", 0, 0, G_OPTION_ARG_STRING_ARRAY, &arguments.gates,
         "A feature gate that differs from the release's default; may be repeated", "NAME=BOOL"},
        {0},
    };
    static const char description[] =
        "FILEs are what `kubectl get statefulset,pods,pvc,controllerrevisions -o yaml` (or json)\n"
        "prints; - is standard input.";
    int code = EXIT_BAD_INPUT;
    if (cli_parse(&reconcile_command, entries, description, &argc, &argv))
        code = run_parsed(&arguments, argv + 1);
    g_strfreev(arguments.cases);
    g_strfreev(arguments.gates);
    g_free(arguments.now);
    g_free(arguments.version);
    return code;
}

const Command reconcile_command = {
    "reconcile", "FILE...",
    "Says what the StatefulSet controller would do with a given state, and why.", reconcile_run};
