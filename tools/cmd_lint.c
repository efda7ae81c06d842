/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_lint.c - `kennel lint FILE...`: checks scenarios and manifests without running anything.
 * With --print it writes manifests back, every field kept.
 */
#include "models/manifest.h"
#include "tools/cli.h"

static bool is_scenario_file(const YamlStream *stream)
{
    for (unsigned i = 0; i < yaml_count(stream); i++)
        if (g_str_has_prefix(value_text(yaml_at(stream, i)->value, "apiVersion"), "kennel/") &&
            strcmp(value_text(yaml_at(stream, i)->value, "kind"), "Scenario") == 0)
            return true;
    return false;
}

static void print_warnings(const GPtrArray *warnings)
{
    for (unsigned i = 0; i < warnings->len; i++)
        fprintf(stderr, "warning: %s\n", (const char *)warnings->pdata[i]);
}

static bool lint_scenario(const char *file, GError **error)
{
    g_autofree char *data = cli_data_dir();
    g_autoptr(ScenarioSet) set = scenario_load(file, data, NULL, error);
    if (!set) return false;
    print_warnings(set->warnings);
    const Scenario *first = set->variants->pdata[0];
    printf("%s: ok: scenario %s, %u variant%s, %u objects, %u steps\n", file, first->name,
           set->variants->len, set->variants->len == 1 ? "" : "s", first->manifest_count,
           first->step_count);
    return true;
}

static void print_documents(const YamlStream *stream)
{
    for (unsigned i = 0; i < yaml_count(stream); i++) {
        g_autoptr(GString) out = g_string_new("---\n");
        yaml_write(yaml_at(stream, i)->value, out);
        fputs(out->str, stdout);
    }
}

/* The stream is read once (it may be standard input) and given to the set, which keeps it. */
static bool lint_file(ManifestSet *set, const char *file, bool is_printed, GError **error)
{
    YamlStream *stream = yaml_load(file, error);
    if (!stream) return false;
    g_ptr_array_add(set->streams, stream);
    if (is_scenario_file(stream)) return lint_scenario(file, error);
    for (unsigned i = 0; i < yaml_count(stream); i++)
        if (!manifest_add(set, yaml_at(stream, i)->value, file, error)) return false;
    if (is_printed)
        print_documents(stream);
    else
        printf("%s: ok: %u objects simulated, %u kept\n", file, set->objects->len,
               set->foreign->len);
    return true;
}

/* Each file is checked on its own: two folders may well hold objects of one name. */
static int lint_run(int argc, char **argv)
{
    gboolean is_printed = false;
    const GOptionEntry entries[] = {
        {"print", 'p', 0, G_OPTION_ARG_NONE, &is_printed, "Write manifests back as YAML", NULL},
        {0},
    };
    if (!cli_parse(&lint_command, entries, NULL, &argc, &argv)) return EXIT_BAD_INPUT;
    if (argc < 2) return cli_usage(&lint_command, "names no file");
    int code = EXIT_HELD;
    for (int i = 1; i < argc; i++) {
        g_autoptr(ManifestSet) set = manifest_set_new();
        g_autoptr(GError) error = NULL;
        int own = lint_file(set, argv[i], is_printed, &error) ? EXIT_HELD : cli_fail(error);
        code = MAX(code, own);
        print_warnings(set->warnings);
    }
    return code;
}

const Command lint_command = {"lint", "FILE...", "Checks scenarios and manifests; runs nothing.",
                              lint_run};
