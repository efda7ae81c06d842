/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_print.c - verdicts for people and for programs.
 *
 * The table has a row a guarantee and a column a workload of a run. Columns are headed by the
 * parameters in which the runs differ, then the workload where a run has several. As many columns
 * as fit stand side by side; the rest follows in further blocks.
 */
#include "tools/check.h"

#define COLUMN_MIN 16
#define COLUMN_MAX 26
#define NAME_WIDTH 20

typedef struct {
    const CheckedRun *run;
    const char *workload;
} Column;

/* The columns of one block of the table. */
typedef struct {
    const CheckReport *report;
    const GArray *columns;
    unsigned first, last; /* of this block */
    unsigned width;       /* of a column */
    bool is_coloured;
    FILE *out;
} Block;

static const char *color_of(VerdictWord word)
{
    static const char *const codes[] = {"\033[2m", "\033[32m", "\033[1;31m"};
    return codes[word];
}

static GArray *columns_of(const CheckReport *report)
{
    GArray *columns = g_array_new(false, false, sizeof(Column));
    for (unsigned i = 0; i < report->runs->len; i++) {
        const CheckedRun *run = report->runs->pdata[i];
        for (unsigned k = 0; k < run->workloads->len; k++) {
            Column column = {run, run->workloads->pdata[k]};
            g_array_append_val(columns, column);
        }
    }
    return columns;
}

/* Text cut to width with a mark that something is missing. */
static void print_cell(const char *text, unsigned width, FILE *out)
{
    long length = g_utf8_strlen(text, -1);
    if (length <= (long)width) {
        fprintf(out, "%s%*s", text, (int)((long)width - length), "");
        return;
    }
    g_autofree char *cut = g_utf8_substring(text, 0, (long)width - 1);
    fprintf(out, "%s~", cut);
}

static char *label_of(const Value *value)
{
    if (value_is_map(value)) return g_strdup(value_text(value, "name"));
    if (value_is_string(value)) return g_strdup(value_as_text(value, ""));
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];
    if (value_type(value) == VALUE_BOOL)
        return g_strdup(value_as_bool(value, false) ? "true" : "false");
    return g_strdup(g_ascii_dtostr(buffer, sizeof buffer, value_as_float(value, 0)));
}

static const Column *column_at(const Block *block, unsigned index)
{
    return &g_array_index(block->columns, Column, index);
}

static void print_heads(const Block *block)
{
    const Value *parameters = column_at(block, block->first)->run->parameters;
    value_each (i, parameters) {
        const char *key = value_key_at(parameters, i);
        print_cell(key, NAME_WIDTH, block->out);
        for (unsigned k = block->first; k < block->last; k++) {
            g_autofree char *label = label_of(value_get(column_at(block, k)->run->parameters, key));
            print_cell(label, block->width, block->out);
        }
        fputc('\n', block->out);
    }
    print_cell("guarantee", NAME_WIDTH, block->out);
    for (unsigned k = block->first; k < block->last; k++)
        print_cell(column_at(block, k)->workload, block->width, block->out);
    fputc('\n', block->out);
    for (unsigned k = 0; k < NAME_WIDTH + (block->last - block->first) * block->width; k++)
        fputc('-', block->out);
    fputc('\n', block->out);
}

static const Verdict *verdict_at(const Block *block, unsigned index, const char *guarantee)
{
    const Column *column = column_at(block, index);
    return check_find(block->report, column->run->id, column->workload, guarantee);
}

static void print_word(const Block *block, const Verdict *verdict)
{
    VerdictWord word = verdict ? verdict->word : VERDICT_NOT_EXERCISED;
    if (block->is_coloured) fputs(color_of(word), block->out);
    print_cell(verdict_text(word), block->width, block->out);
    if (block->is_coloured) fputs("\033[0m", block->out);
}

static void print_guarantee(const Block *block, const char *guarantee)
{
    bool has_figures = false;
    print_cell(guarantee, NAME_WIDTH, block->out);
    for (unsigned k = block->first; k < block->last; k++) {
        const Verdict *verdict = verdict_at(block, k, guarantee);
        has_figures = has_figures || (verdict && verdict->figures->len > 0);
        print_word(block, verdict);
    }
    fputc('\n', block->out);
    if (!has_figures) return;
    print_cell("", NAME_WIDTH, block->out);
    for (unsigned k = block->first; k < block->last; k++) {
        const Verdict *verdict = verdict_at(block, k, guarantee);
        print_cell(verdict && verdict->figures->len ? verdict->figures->pdata[0] : "", block->width,
                   block->out);
    }
    fputc('\n', block->out);
}

static unsigned column_width(const GArray *columns)
{
    unsigned width = COLUMN_MIN;
    for (unsigned k = 0; k < columns->len; k++)
        width = MAX(width, (unsigned)strlen(g_array_index(columns, Column, k).workload) + 1);
    return MIN(width, COLUMN_MAX);
}

/* Verdicts of a run that did not end are verdicts of a part. */
static void print_unfinished(const CheckReport *report, FILE *out)
{
    for (unsigned i = 0; i < report->runs->len; i++) {
        const CheckedRun *run = report->runs->pdata[i];
        if (strcmp(run->state, "complete") != 0)
            fprintf(out, "run %" PRId64 " is %s: its verdicts are about what was recorded\n",
                    run->id, run->state);
    }
}

void check_print(const CheckReport *report, unsigned width, bool is_coloured, FILE *out)
{
    print_unfinished(report, out);
    g_autoptr(GArray) columns = columns_of(report);
    unsigned each = column_width(columns);
    unsigned fit = width > NAME_WIDTH + each ? (width - NAME_WIDTH) / each : 1;
    for (unsigned first = 0; first < columns->len; first += fit) {
        Block block = {report, columns,     first, MIN(first + fit, columns->len),
                       each,   is_coloured, out};
        if (first) fputc('\n', out);
        print_heads(&block);
        for (unsigned i = 0; i < report->guarantees->len; i++)
            print_guarantee(&block, report->guarantees->pdata[i]);
    }
}

void check_print_violations(const CheckReport *report, unsigned most, FILE *out)
{
    for (unsigned i = 0; i < report->verdicts->len; i++) {
        const Verdict *verdict = report->verdicts->pdata[i];
        unsigned shown = most ? MIN(most, verdict->violations->len) : verdict->violations->len;
        for (unsigned k = 0; k < shown; k++) {
            const Violation *violation = &g_array_index(verdict->violations, Violation, k);
            char at[NANOS_TEXT_MAX];
            fprintf(out, "run %" PRId64 " at %s: %s: %s: %s\n", verdict->run,
                    nanos_format(violation->at, at), verdict->guarantee, violation->object,
                    violation->what);
        }
        if (shown < verdict->violations->len)
            fprintf(out, "run %" PRId64 ": %s: and %u more\n", verdict->run, verdict->guarantee,
                    verdict->violations->len - shown);
    }
}

/* --- JSON --- */

static Value *verdict_json(const Verdict *verdict)
{
    Value *result = value_map(), *figures = value_list(), *violations = value_list();
    value_map_set(result, "guarantee", value_string(verdict->guarantee));
    value_map_set(result, "workload", value_string(verdict->workload));
    value_map_set(result, "verdict", value_string(verdict_text(verdict->word)));
    value_map_set(result, "exercised", value_int(verdict->times));
    for (unsigned i = 0; i < verdict->figures->len; i++)
        value_list_add(figures, value_string(verdict->figures->pdata[i]));
    for (unsigned i = 0; i < verdict->violations->len; i++) {
        const Violation *violation = &g_array_index(verdict->violations, Violation, i);
        Value *entry = value_map();
        value_map_set(entry, "atNanoseconds", value_int(violation->at));
        value_map_set(entry, "object", value_string(violation->object));
        value_map_set(entry, "what", value_string(violation->what));
        value_list_add(violations, entry);
    }
    value_map_set(result, "figures", figures);
    value_map_set(result, "violations", violations);
    return result;
}

static Value *run_json(const CheckReport *report, const CheckedRun *run)
{
    Value *result = value_map(), *verdicts = value_list();
    value_map_set(result, "run", value_int(run->id));
    value_map_set(result, "scenario", value_string(run->scenario));
    value_map_set(result, "variant", value_string(run->variant));
    value_map_set(result, "parameters", value_ref(run->parameters));
    value_map_set(result, "seed", value_string(run->seed));
    value_map_set(result, "state", value_string(run->state));
    value_map_set(result, "digest", value_string(run->digest));
    value_map_set(result, "events", value_int(run->events));
    value_map_set(result, "command", value_string(run->command));
    for (unsigned i = 0; i < report->verdicts->len; i++) {
        const Verdict *verdict = report->verdicts->pdata[i];
        if (verdict->run == run->id) value_list_add(verdicts, verdict_json(verdict));
    }
    value_map_set(result, "verdicts", verdicts);
    return result;
}

Value *check_json(const CheckReport *report)
{
    Value *result = value_map(), *runs = value_list();
    value_map_set(result, "schemaVersion", value_int(1));
    for (unsigned i = 0; i < report->runs->len; i++)
        value_list_add(runs, run_json(report, report->runs->pdata[i]));
    value_map_set(result, "runs", runs);
    return result;
}
