/* SPDX-License-Identifier: Apache-2.0 */
/* cli.c - what all commands share. */
#include "tools/cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

const Command *const cli_commands[] = {
    &run_command,       &check_command, &plot_command,   &lint_command,
    &reconcile_command, &help_command,  &schema_command, NULL,
};

bool cli_parse(const Command *command, const GOptionEntry *entries, const char *description,
               int *argc, char ***argv)
{
    g_autofree char *usage = g_strdup_printf("%s %s", command->name, command->arguments);
    g_autoptr(GOptionContext) context = g_option_context_new(usage);
    g_option_context_set_summary(context, command->summary);
    if (description) g_option_context_set_description(context, description);
    g_option_context_add_main_entries(context, entries, NULL);
    g_autoptr(GError) error = NULL;
    if (g_option_context_parse(context, argc, argv, &error)) return true;
    fprintf(stderr, "kennel: %s: %s; see `kennel %s --help`\n", command->name, error->message,
            command->name);
    return false;
}

int cli_fail(const GError *error)
{
    fprintf(stderr, "kennel: %s\n", error->message);
    bool is_input = error->domain == KENNEL_ERROR && error->code == KENNEL_ERROR_INPUT;
    return is_input ? EXIT_BAD_INPUT : EXIT_BROKEN;
}

int cli_usage(const Command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fprintf(stderr, "kennel: %s: %s; see `kennel %s --help`\n", command->name, text, command->name);
    return EXIT_BAD_INPUT;
}

static bool has_checks(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "tools", "checks", NULL);
    return g_file_test(path, G_FILE_TEST_IS_DIR);
}

char *cli_data_dir(void)
{
    const char *given = getenv("KENNEL_DATA");
    if (given && *given) return g_strdup(given);
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = g_path_get_dirname(program ? program : "./kennel");
    static const char *const nearby[] = {"../share/kennel", "../..", "..", ".", NULL};
    for (const char *const *relative = nearby; *relative; relative++) {
        g_autofree char *candidate = g_build_filename(folder, *relative, NULL);
        if (has_checks(candidate)) return g_canonicalize_filename(candidate, NULL);
    }
    return g_strdup(KENNEL_DATA_DEFAULT);
}

bool cli_is_fancy(FILE *stream)
{
    const char *term = getenv("TERM");
    return isatty(fileno(stream)) && !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0;
}
