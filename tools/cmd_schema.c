/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_schema.c - `kennel schema`: the JSON Schema of a Scenario, for editors. */
#include "models/scenario.h"
#include "sim/json.h"
#include "tools/cli.h"

static int schema_run(int argc, char **argv)
{
    const GOptionEntry entries[] = {{0}};
    if (!cli_parse(&schema_command, entries, NULL, &argc, &argv)) return EXIT_BAD_INPUT;
    g_autoptr(Value) schema = scenario_schema();
    g_autoptr(GString) out = g_string_new(NULL);
    json_write_pretty(schema, out);
    fputs(out->str, stdout);
    return EXIT_HELD;
}

const Command schema_command = {"schema", "", "Prints the JSON Schema of scenario files.",
                                schema_run};
