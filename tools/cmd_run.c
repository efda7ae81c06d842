/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_run.c - `kennel run SCENARIO`: runs every variant into one timeline, then judges it.
 */
#include "models/world.h"
#include "sim/json.h"
#include "tools/check.h"
#include "tools/cli.h"
#include "tools/database.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct {
    char *output;
    char *seed_text;
    char **sets;
    gboolean json, quiet;
} Options;

/* One `kennel run`. */
typedef struct {
    Options options;
    const char *file;
    char *data_dir, *checks_dir, *output_dir, *database;
    ScenarioSet *set;
    bool has_seed;
    uint64_t seed;
    uint64_t digest; /* of all runs */
    WorldEnd end;
} Session;

/* Set by the signal handler; the run that is going on looks at it between events. */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void session_clear(Session *session)
{
    g_free(session->options.output);
    g_free(session->options.seed_text);
    g_strfreev(session->options.sets);
    g_free(session->data_dir);
    g_free(session->checks_dir);
    g_free(session->output_dir);
    g_free(session->database);
    scenario_set_free(session->set);
}

/* --- before --- */

static bool read_options(Session *session, int *argc, char ***argv)
{
    Options *options = &session->options;
    const GOptionEntry entries[] = {
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &options->output,
         "Folder for timeline.sqlite (default: results/NAME)", "DIR"},
        {"seed", 0, 0, G_OPTION_ARG_STRING, &options->seed_text,
         "Seed of all random streams (default: the scenario's)", "N"},
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &options->sets,
         "Overrides a value of the scenario, as cluster.nodes=5, or picks one of vary's", "PATH=V"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options->json, "Verdicts as JSON", NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &options->quiet,
         "No progress, no table: only what is wrong", NULL},
        {0},
    };
    return cli_parse(&run_command, entries,
                     "Exit codes: 0 all held (or as expected), 1 violated, 2 unknown, 254 bad "
                     "input, 255 interrupted or broken.",
                     argc, argv);
}

static bool read_seed(Session *session, GError **error)
{
    const char *text = session->options.seed_text;
    char *end = NULL;
    if (!text) return true;
    errno = 0;
    session->seed = g_ascii_strtoull(text, &end, 0);
    session->has_seed = true;
    if (*text && *end == '\0' && *text != '-' && errno == 0) return true;
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                "--seed %s: must be a whole number from 0 to 18446744073709551615", text);
    return false;
}

/* Expectations name guarantees, which only the checks folder knows. */
static bool check_expectations(const Session *session, GError **error)
{
    g_autoptr(GPtrArray) names = check_names(session->checks_dir, error);
    if (!names) return false;
    g_ptr_array_add(names, NULL);
    const char *const *known = (const char *const *)names->pdata;
    for (unsigned i = 0; i < session->set->variants->len; i++) {
        const Scenario *scenario = session->set->variants->pdata[i];
        for (unsigned k = 0; k < scenario->expectation_count; k++) {
            const char *name = scenario->expectations[k].guarantee;
            if (g_strv_contains(known, name)) continue;
            const char *near = text_nearest(name, known);
            g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                        "%s: spec.expect.guarantees: there is no guarantee '%s'%s%s%s; `kennel "
                        "help guarantees` lists them",
                        session->file, name, near ? ", did you mean '" : "", near ? near : "",
                        near ? "'?" : "");
            return false;
        }
    }
    return true;
}

static bool make_output(Session *session, GError **error)
{
    const Scenario *first = session->set->variants->pdata[0];
    session->output_dir = session->options.output ? g_strdup(session->options.output)
                                                  : g_build_filename("results", first->name, NULL);
    session->database = g_build_filename(session->output_dir, "timeline.sqlite", NULL);
    if (g_mkdir_with_parents(session->output_dir, 0777) == 0) return true;
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT,
                "%s: the output folder cannot be made: %s; name another with -o",
                session->output_dir, g_strerror(errno));
    return false;
}

/* --- one variant --- */

typedef struct {
    bool is_shown;
    unsigned index, count;
    const Scenario *scenario;
} Progress;

static bool on_progress(void *self, const World *world)
{
    const Progress *progress = self;
    if (progress->is_shown) {
        double share = (double)world_now(world) / (double)MAX(progress->scenario->duration, 1);
        fprintf(stderr, "\r\033[Krun %u of %u  %s  %3.0f %%", progress->index + 1, progress->count,
                progress->scenario->variant, share * 100);
    }
    return !interrupted;
}

/* The command that repeats a run, with the file as `file`. */
static char *repeat_command(const Session *session, const char *file, uint64_t seed)
{
    g_autoptr(GString) text = g_string_new("kennel run ");
    g_autofree char *quoted = g_shell_quote(file);
    bool is_plain = strspn(file, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 "._/-") == strlen(file);
    g_string_append_printf(text, "%s --seed %" PRIu64, is_plain ? file : quoted, seed);
    for (char **set = session->options.sets; set && *set; set++) {
        g_autofree char *value = g_shell_quote(*set);
        g_string_append_printf(text, " --set %s", value);
    }
    return g_string_free(g_steal_pointer(&text), false);
}

static const char *end_text(WorldEnd end)
{
    static const char *const texts[] = {"complete", "incomplete: budget spent",
                                        "incomplete: interrupted", "incomplete: recording failed"};
    return texts[end];
}

static bool begin_run(const Session *session, Timeline *timeline, World *world, uint64_t seed,
                      GError **error)
{
    const Scenario *scenario = world_scenario(world);
    g_autofree char *base = g_path_get_basename(session->file);
    g_autofree char *command = repeat_command(session, base, seed);
    RunInfo info = {.scenario = scenario->name,
                    .variant = scenario->variant,
                    .digest = scenario->digest,
                    .version = KENNEL_VERSION,
                    .command = command,
                    .seed = seed,
                    .epoch_s = WORLD_EPOCH_S,
                    .parameters = scenario->parameters};
    return timeline_begin_run(timeline, &info, world_atoms(world), error) != 0;
}

static bool run_variant(Session *session, Timeline *timeline, unsigned index, GError **error)
{
    const Scenario *scenario = session->set->variants->pdata[index];
    uint64_t seed = session->has_seed ? session->seed : scenario->seed;
    g_autoptr(World) world = world_new(scenario, seed, error);
    if (!world || !begin_run(session, timeline, world, seed, error)) return false;
    world_record_to(world, timeline);
    Progress progress = {!session->options.quiet && cli_is_fancy(stderr), index,
                         session->set->variants->len, scenario};
    on_progress(&progress, world);
    session->end = world_run(world, on_progress, &progress);
    if (progress.is_shown) fputs("\r\033[K", stderr);
    const Sim *sim = world_sim(world);
    session->digest = mix64(session->digest ^ sim_digest(sim));
    return timeline_end_run(timeline, end_text(session->end), sim_now(sim), sim_events(sim),
                            sim_digest(sim), error);
}

static bool run_variants(Session *session, GError **error)
{
    Timeline *timeline =
        timeline_create(session->database, world_rows, ROW_COUNT, world_views(), error);
    bool ok = timeline != NULL;
    session->end = WORLD_COMPLETE;
    for (unsigned i = 0; ok && !interrupted && i < session->set->variants->len; i++)
        ok = run_variant(session, timeline, i, error);
    bool closed = timeline_close(timeline, ok ? error : NULL);
    if (ok && closed && interrupted) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_STOPPED,
                    "interrupted; what was recorded is in %s, with the run marked incomplete",
                    session->database);
        return false;
    }
    return ok && closed;
}

/* --- after --- */

/* The code for one verdict under what the scenario expects of it. */
static int judge(const Scenario *scenario, const Verdict *verdict)
{
    for (unsigned i = 0; i < scenario->expectation_count; i++) {
        const Expectation *expected = &scenario->expectations[i];
        if (strcmp(expected->guarantee, verdict->guarantee) != 0) continue;
        bool is_held = strcmp(expected->verdict, "held") == 0;
        if (strcmp(expected->verdict, "any") == 0) return EXIT_HELD;
        if (is_held && verdict->word == VERDICT_NOT_EXERCISED) return EXIT_UNKNOWN;
        VerdictWord wanted = is_held                                      ? VERDICT_HELD
                             : strcmp(expected->verdict, "violated") == 0 ? VERDICT_VIOLATED
                                                                          : VERDICT_NOT_EXERCISED;
        return verdict->word == wanted ? EXIT_HELD : EXIT_VIOLATED;
    }
    return verdict->word == VERDICT_VIOLATED ? EXIT_VIOLATED : EXIT_HELD;
}

/* Says which verdicts were not as expected, and gives the code of the whole. */
static int judge_all(const Session *session, const CheckReport *report)
{
    bool is_violated = false, is_unknown = session->end == WORLD_BUDGET;
    for (unsigned i = 0; i < report->verdicts->len; i++) {
        const Verdict *verdict = report->verdicts->pdata[i];
        const Scenario *scenario = session->set->variants->pdata[verdict->run - 1];
        int code = judge(scenario, verdict);
        is_violated = is_violated || code == EXIT_VIOLATED;
        is_unknown = is_unknown || code == EXIT_UNKNOWN;
        if (code != EXIT_HELD && !session->options.json)
            fprintf(stderr, "kennel: run %" PRId64 "%s%s%s: %s of %s is %s%s\n", verdict->run,
                    *scenario->variant ? " (" : "", scenario->variant,
                    *scenario->variant ? ")" : "", verdict->guarantee, verdict->workload,
                    verdict_text(verdict->word),
                    verdict->word == VERDICT_VIOLATED ? "" : ", which is not what was expected");
    }
    return is_violated ? EXIT_VIOLATED : is_unknown ? EXIT_UNKNOWN : EXIT_HELD;
}

static unsigned terminal_width(void)
{
    const char *columns = getenv("COLUMNS");
    int64_t width = 0;
    return columns && text_to_int(columns, &width) && width >= 60 && width <= 400 ? (unsigned)width
                                                                                  : 120;
}

static void print_end(const Session *session, const CheckReport *report)
{
    const Scenario *first = session->set->variants->pdata[0];
    uint64_t seed = session->has_seed ? session->seed : first->seed;
    g_autofree char *command = repeat_command(session, session->file, seed);
    check_print(report, terminal_width(), cli_is_fancy(stdout), stdout);
    printf("\nruns      %u\ntimeline  %s\nseed      %" PRIu64
           "\nversion   %s\ndigest    %016" PRIx64 "\nrepeat    %s\n",
           report->runs->len, session->database, seed, KENNEL_VERSION, session->digest, command);
}

static void print_json(const Session *session, const CheckReport *report)
{
    Value *json = check_json(report);
    value_map_set(json, "version", value_string(KENNEL_VERSION));
    value_map_set(json, "digest", value_printf("%016" PRIx64, session->digest));
    value_map_set(json, "timeline", value_string(session->database));
    g_autoptr(GString) out = g_string_new(NULL);
    json_write_pretty(json, out);
    fputs(out->str, stdout);
    value_unref(json);
}

static bool load(Session *session, GError **error)
{
    session->data_dir = cli_data_dir();
    session->checks_dir = g_build_filename(session->data_dir, "tools", "checks", NULL);
    session->set = scenario_load(session->file, session->data_dir,
                                 (const char *const *)session->options.sets, error);
    if (!session->set) return false;
    for (unsigned i = 0; i < session->set->warnings->len; i++)
        fprintf(stderr, "warning: %s\n", (const char *)session->set->warnings->pdata[i]);
    return read_seed(session, error) && check_expectations(session, error) &&
           make_output(session, error);
}

static bool take_refused(void *self, sqlite3_stmt *statement, unsigned result)
{
    (void)self;
    (void)result;
    fprintf(stderr, "warning: run %s at %s s: the API server refused what a step asked of %s: %s\n",
            database_text(statement, 0), database_text(statement, 1), database_text(statement, 2),
            database_text(statement, 3));
    return true;
}

/* A step that was refused has done nothing: its author should know. */
static bool warn_refused(const Session *session, GError **error)
{
    Database *base = database_open(session->database, error);
    bool ok = base && database_query(base,
                                     "SELECT run, printf('%.1f', seconds), kind || ' ' || name, "
                                     "detail FROM event_log WHERE row = 'request-refused' AND "
                                     "actor = 'user' ORDER BY id",
                                     take_refused, NULL, error);
    database_close(base);
    return ok;
}

static int run_session(Session *session)
{
    g_autoptr(GError) error = NULL;
    if (!load(session, &error)) {
        cli_fail(error);
        return EXIT_BAD_INPUT; /* nothing was run */
    }
    if (!run_variants(session, &error)) return cli_fail(error);
    /* Nothing is recorded any more: from here on an interrupt just ends the program. */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    g_autoptr(CheckReport) report =
        check_timeline(session->database, session->checks_dir, NULL, &error);
    if (!report || !warn_refused(session, &error)) return cli_fail(error);
    int code = judge_all(session, report);
    if (session->options.json)
        print_json(session, report);
    else if (!session->options.quiet)
        print_end(session, report);
    return code;
}

static int run_run(int argc, char **argv)
{
    Session session = {0};
    int code = EXIT_BAD_INPUT;
    if (read_options(&session, &argc, &argv)) {
        if (argc == 2) {
            session.file = argv[1];
            struct sigaction action = {.sa_handler = on_interrupt};
            sigaction(SIGINT, &action, NULL);
            sigaction(SIGTERM, &action, NULL);
            sigaction(SIGHUP, &action, NULL);
            code = run_session(&session);
        } else {
            code = cli_usage(&run_command,
                             argc < 2 ? "names no scenario" : "takes one scenario at a time");
        }
    }
    session_clear(&session);
    return code;
}

const Command run_command = {"run", "SCENARIO", "Runs a scenario, records and judges it.", run_run};
