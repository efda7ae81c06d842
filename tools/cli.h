/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.h - the command line: commands, exit codes, messages, and where the program's files are.
 *
 * Each command is one file cmd_NAME.c with one Command, listed in main.c. Commands print results on
 * standard output and everything else on standard error. Exit codes are those of Jepsen, which has
 * one for "unknown".
 */
#ifndef KENNEL_TOOLS_CLI_H
#define KENNEL_TOOLS_CLI_H

#include "sim/base.h"

typedef enum {
    EXIT_HELD = 0,        /* all guarantees and expectations held */
    EXIT_VIOLATED = 1,    /* a guarantee or expectation was violated */
    EXIT_UNKNOWN = 2,     /* the budget was spent, or what was demanded was not exercised */
    EXIT_BAD_INPUT = 254, /* the scenario, a file or the command line is wrong; nothing was run */
    EXIT_BROKEN = 255,    /* interrupted, disk full, or an internal error */
} ExitCode;

typedef struct {
    const char *name;
    const char *arguments; /* "SCENARIO", for the usage line */
    const char *summary;   /* one line */
    int (*run)(int argc, char **argv);
} Command;

extern const Command run_command, check_command, plot_command, lint_command, schema_command,
    reconcile_command, help_command;

/* All commands, NULL-terminated. */
extern const Command *const cli_commands[];

/* Parses options with GLib's GOption; `description` follows the option list of --help. False (with
 * the message printed) if they are wrong; --help prints and exits. */
bool cli_parse(const Command *command, const GOptionEntry *entries, const char *description,
               int *argc, char ***argv);

/* Prints "kennel: MESSAGE" and gives the exit code of an error: 254 for input, 255 otherwise. */
int cli_fail(const GError *error);

/* The same for a message of the command line itself: 254. */
int cli_usage(const Command *command, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The folder that holds tools/checks, tools/plots and scenarios/profiles: $KENNEL_DATA, the source
 * tree the program was built in, or PREFIX/share/kennel. Free with g_free(). */
char *cli_data_dir(void);

/* Whether colours and progress may be used on this stream. */
bool cli_is_fancy(FILE *stream);

#endif
