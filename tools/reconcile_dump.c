/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reconcile_dump.c - reads dumps, lets the controller sync each set once, prints what came of it.
 *
 * The present is the newest time in the dump, because results do not depend on when they are made.
 * Objects are taken as they are; only a set that the API server has not defaulted (a manifest) is.
 */
#include "tools/reconcile_dump.h"

#include "sim/json.h"
#include "tools/cli.h"
#include "tools/reconcile_print.h"

#define SCHEMA_VERSION 1

/* A set of the dump, in the order of printing. */
typedef struct {
    const char *space, *name;
    const Value *value;
} SetRef;

/* --- filling the cache --- */

static bool is_manifest(const Value *set)
{
    return !*value_text(set, "spec", "podManagementPolicy") ||
           !*value_text(set, "spec", "updateStrategy", "type");
}

static void fill(Rehearsal *rehearsal, const Dump *dump)
{
    for (unsigned i = 0; i < dump->items->len; i++) {
        const DumpItem *item = &g_array_index(dump->items, DumpItem, i);
        Kind kind = kind_of(value_text(item->value, "apiVersion"), item->kind);
        bool is_read = kind == KIND_STATEFUL_SET || kind == KIND_POD ||
                       kind == KIND_PERSISTENT_VOLUME_CLAIM || kind == KIND_CONTROLLER_REVISION;
        if (!is_read) continue;
        Value *value = value_ref(item->value);
        if (kind == KIND_STATEFUL_SET && is_manifest(value)) kind_info(kind)->defaults(&value);
        rehearsal_put(rehearsal, IN_BOTH, kind, value);
    }
}

static int by_name(const void *a, const void *b)
{
    const SetRef *left = a, *right = b;
    int order = strcmp(left->space, right->space);
    return order ? order : strcmp(left->name, right->name);
}

static GArray *find_sets(const Dump *dump)
{
    GArray *sets = g_array_new(FALSE, FALSE, sizeof(SetRef));
    for (unsigned i = 0; i < dump->items->len; i++) {
        const DumpItem *item = &g_array_index(dump->items, DumpItem, i);
        SetRef set = {item->space, item->name, item->value};
        if (kind_of(value_text(item->value, "apiVersion"), item->kind) == KIND_STATEFUL_SET)
            g_array_append_val(sets, set);
    }
    g_array_sort(sets, by_name);
    return sets;
}

/* --- judging --- */

static Nanos present(const Dump *dump, const ReconcileOptions *options)
{
    return options->has_now ? options->now : dump->has_time ? dump->newest : 0;
}

static Case judge(const Dump *dump, const ReconcileOptions *options, Rehearsal *rehearsal,
                  const SetRef *set)
{
    Key key = rehearsal_key(rehearsal, KIND_STATEFUL_SET, set->space, set->name);
    return (Case){
        .dump = dump,
        .rehearsal = rehearsal,
        .record = rehearsal_sync(rehearsal, key),
        .set = table_get(rehearsal_cache(rehearsal), key),
        .value = set->value,
        .space = set->space,
        .name = set->name,
        .now = present(dump, options),
        .knows_now = options->has_now || dump->has_time,
    };
}

/* --- printing --- */

static const char *source_of_now(const Dump *dump, const ReconcileOptions *options)
{
    return options->has_now ? "--now" : dump->has_time ? "newest time in the dump" : "unknown";
}

static void print_text(const Dump *dump, const ReconcileOptions *options, Rehearsal *rehearsal,
                       const GArray *sets, GString *out)
{
    char now[TIME_TEXT_MAX];
    if (options->has_now || dump->has_time)
        g_string_append_printf(
            out, "Kubernetes 1.%d, as of %s (%s)\n", options->minor,
            time_format(present(dump, options), now),
            options->has_now ? "--now" : "the newest time in the dump; --now TIME sets it");
    else
        g_string_append_printf(out,
                               "Kubernetes 1.%d; the dump holds no time: ages are unknown, and "
                               "minReadySeconds cannot be judged; --now TIME sets it\n",
                               options->minor);
    for (unsigned i = 0; i < sets->len; i++) {
        Case c = judge(dump, options, rehearsal, &g_array_index(sets, SetRef, i));
        g_autoptr(GPtrArray) findings = explain_case(&c);
        reconcile_print(&c, findings, out);
    }
}

static void print_json(const Dump *dump, const ReconcileOptions *options, Rehearsal *rehearsal,
                       const GArray *sets, GString *out)
{
    char now[TIME_TEXT_MAX];
    bool knows_now = options->has_now || dump->has_time;
    g_autoptr(Value) root = value_map();
    Value *list = value_list(), *faults = value_list();
    for (unsigned i = 0; i < sets->len; i++) {
        Case c = judge(dump, options, rehearsal, &g_array_index(sets, SetRef, i));
        g_autoptr(GPtrArray) findings = explain_case(&c);
        value_list_add(list, reconcile_value(&c, findings));
    }
    for (unsigned i = 0; i < dump->faults->len; i++)
        value_list_add(faults, value_string(dump->faults->pdata[i]));
    value_map_set(root, "schemaVersion", value_int(SCHEMA_VERSION));
    value_map_set(root, "kubernetes", value_printf("1.%d", options->minor));
    value_map_set(root, "now",
                  knows_now ? value_string(time_format(present(dump, options), now))
                            : value_null());
    value_map_set(root, "nowFrom", value_string(source_of_now(dump, options)));
    value_map_set(root, "sets", list);
    value_map_set(root, "faults", faults);
    json_write_pretty(root, out);
}

/* --- the command --- */

unsigned reconcile_dump(const Dump *dump, const ReconcileOptions *options, GString *out)
{
    g_autoptr(GArray) sets = find_sets(dump);
    g_autoptr(Rehearsal) rehearsal = rehearsal_new(options->minor, options->gates);
    rehearsal_at(rehearsal, present(dump, options));
    fill(rehearsal, dump);
    if (options->is_json)
        print_json(dump, options, rehearsal, sets, out);
    else if (sets->len > 0)
        print_text(dump, options, rehearsal, sets, out);
    return sets->len;
}

int reconcile_dumps(char **files, const ReconcileOptions *options)
{
    g_autoptr(Dump) dump = dump_new();
    for (char **file = files; *file != NULL; file++)
        dump_read(dump, *file);
    for (unsigned i = 0; i < dump->faults->len; i++)
        fprintf(stderr, "kennel: %s\n", (const char *)dump->faults->pdata[i]);

    g_autoptr(GString) out = g_string_new(NULL);
    bool is_empty = reconcile_dump(dump, options, out) == 0;
    if (is_empty && dump->faults->len == 0)
        fprintf(stderr, "kennel: no StatefulSet in what was given; print one with `kubectl get "
                        "statefulset,pods,pvc,controllerrevisions,events -o yaml`\n");
    fputs(out->str, stdout);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "kennel: standard output: cannot be written\n");
        return EXIT_BROKEN;
    }
    return is_empty || dump->faults->len > 0 ? EXIT_BAD_INPUT : EXIT_HELD;
}
