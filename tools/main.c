/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - kennel COMMAND ...: picks the command. */
#include "tools/cli.h"

#include <locale.h>
#include <signal.h>

static const Command *find_command(const char *name)
{
    for (const Command *const *command = cli_commands; *command; command++)
        if (strcmp((*command)->name, name) == 0) return *command;
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[32];
    unsigned count = 0;
    for (const Command *const *command = cli_commands; *command; command++)
        names[count++] = (*command)->name;
    names[count] = NULL;
    const char *near = text_nearest(name, names);
    fprintf(stderr, "kennel: unknown command '%s'%s%s%s; `kennel help` lists them\n", name,
            near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
    return EXIT_BAD_INPUT;
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    /* Writing beyond a limit must fail like a full disk, not kill the program. */
    signal(SIGXFSZ, SIG_IGN);
    signal(SIGPIPE, SIG_DFL);
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--version") == 0) {
        printf("kennel %s\n", KENNEL_VERSION);
        return EXIT_HELD;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    const Command *command = find_command(name);
    if (!command) return unknown_command(name);
    int code = command->run(argc - (argc > 1), argv + (argc > 1));
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    fprintf(stderr, "kennel: standard output cannot be written; the device may be full\n");
    return EXIT_BROKEN;
}
