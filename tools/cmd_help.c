/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_help.c - `kennel help [TOPIC]`: everything a scenario may say, from the tables that read it.
 */
#include "models/app/app.h"
#include "models/scenario.h"
#include "tools/check.h"
#include "tools/cli.h"

#include <stdlib.h>

typedef struct {
    const char *name, *summary;
    const Param *table;
} Topic;

static const Topic topics[] = {
    {"scenario", "the keys of spec", scenario_params},
    {"cluster", "spec.cluster", cluster_params},
    {"nodes", "an element of spec.cluster.nodes", node_params},
    {"latency", "spec.cluster.latency: how long things take", latency_params},
    {"controlPlane", "spec.cluster.controlPlane: timers and limits", control_plane_params},
    {"dns", "spec.cluster.dns", dns_params},
    {NULL, NULL, NULL},
};

static void print_table(const Param *table, bool markdown)
{
    g_autoptr(GString) out = g_string_new(NULL);
    param_help(table, markdown, out);
    fputs(out->str, stdout);
}

static void print_entry(const char *name, const char *help, const Param *table, bool markdown)
{
    printf(markdown ? "\n**%s**: %s\n\n" : "\n%s: %s\n", name, help);
    print_table(table, markdown);
}

static void help_steps(bool markdown)
{
    puts("A step has `at`, perhaps a `name`, and one verb or `inject` (with action and duration):");
    print_table(step_params, markdown);
    for (const Verb *const *verb = scenario_verbs; *verb; verb++)
        print_entry((*verb)->name, (*verb)->help, (*verb)->params, markdown);
}

static void help_faults(bool markdown)
{
    puts("inject: {action: ..., duration: ...} and:");
    for (const Fault *const *fault = scenario_faults; *fault; fault++)
        print_entry((*fault)->name, (*fault)->help, (*fault)->params, markdown);
}

static void help_applications(bool markdown)
{
    print_table(application_params, markdown);
    for (const App *const *app = scenario_apps; *app; app++)
        print_entry((*app)->name, (*app)->help, (*app)->params, markdown);
}

/* The promise as the check file's head states it. */
static void print_promise(const char *folder, const char *name)
{
    g_autofree char *file = g_strconcat(name, ".sql", NULL);
    g_autofree char *path = g_build_filename(folder, file, NULL);
    g_autofree char *text = NULL;
    printf("\n%s\n", name);
    if (!g_file_get_contents(path, &text, NULL, NULL)) return;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    bool is_promise = false;
    for (char **line = lines; *line && g_str_has_prefix(*line, "--"); line++) {
        is_promise = is_promise || g_str_has_prefix(*line, "-- promise:");
        const char *words = *line + strspn(*line, "- ");
        if (is_promise) printf("  %s\n", g_str_has_prefix(words, "promise: ") ? words + 9 : words);
    }
}

static int help_guarantees(void)
{
    g_autofree char *data = cli_data_dir();
    g_autofree char *folder = g_build_filename(data, "tools", "checks", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) names = check_names(folder, &error);
    if (!names) return cli_fail(error);
    for (unsigned i = 0; i < names->len; i++)
        print_promise(folder, names->pdata[i]);
    return EXIT_HELD;
}

static void help_overview(void)
{
    puts(
        "kennel simulates the Kubernetes world of a StatefulSet, with injected failures, and says\n"
        "which guarantees held.\n\nCommands:");
    for (const Command *const *command = cli_commands; *command; command++)
        printf("  kennel %-8s %-24s %s\n", (*command)->name, (*command)->arguments,
               (*command)->summary);
    puts("\nTopics (kennel help TOPIC):");
    for (const Topic *topic = topics; topic->name; topic++)
        printf("  %-14s %s\n", topic->name, topic->summary);
    puts("  steps          what can be done: verbs\n"
         "  faults         what can break: actions of inject\n"
         "  applications   what runs in the pods\n"
         "  guarantees     what is judged\n"
         "\nkennel COMMAND --help lists the options of a command.");
}

static int help_topic(const char *name, bool markdown)
{
    static const char *const known[] = {"scenario",     "cluster",    "nodes", "latency",
                                        "controlPlane", "dns",        "steps", "faults",
                                        "applications", "guarantees", NULL};
    for (const Topic *topic = topics; topic->name; topic++)
        if (strcmp(topic->name, name) == 0) {
            print_table(topic->table, markdown);
            return EXIT_HELD;
        }
    if (strcmp(name, "guarantees") == 0) return help_guarantees();
    if (strcmp(name, "steps") == 0)
        help_steps(markdown);
    else if (strcmp(name, "faults") == 0)
        help_faults(markdown);
    else if (strcmp(name, "applications") == 0)
        help_applications(markdown);
    else {
        const char *near = text_nearest(name, known);
        return cli_usage(&help_command, "there is no topic '%s'%s%s%s", name,
                         near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    return EXIT_HELD;
}

static int help_run(int argc, char **argv)
{
    gboolean markdown = false;
    const GOptionEntry entries[] = {
        {"markdown", 0, 0, G_OPTION_ARG_NONE, &markdown, "Tables as Markdown", NULL},
        {0},
    };
    if (!cli_parse(&help_command, entries, NULL, &argc, &argv)) return EXIT_BAD_INPUT;
    if (argc > 1) return help_topic(argv[1], markdown);
    help_overview();
    return EXIT_HELD;
}

const Command help_command = {"help", "[TOPIC]", "Explains commands, scenarios and guarantees.",
                              help_run};
