/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scenario_steps.c - spec.steps, spec.applications, spec.expect.
 *
 * A step is a map of `name`, `at`, and one key that is a verb of catalog.def, or `inject` with the
 * `action` of a fault and a `duration`. The keys that belong to the step are taken off; what is
 * left must obey the table of the verb or fault, so an unknown key is found wherever it stands.
 */
#include "models/app/app.h"
#include "models/scenario_internal.h"

#include <stdlib.h>

const Verb *const scenario_verbs[] = {
#define VERB(symbol) &symbol##_verb,
#include "models/catalog.def"
    NULL,
};

const Fault *const scenario_faults[] = {
#define FAULT(symbol) &symbol##_fault,
#include "models/catalog.def"
    NULL,
};

const App *const scenario_apps[] = {
#define APP(symbol) &symbol##_app,
#include "models/catalog.def"
    NULL,
};

static const Param fault_common[] = {
    {"duration", PARAM_DURATION, 0, "0s", "how long; 0: until the run ends", NULL, NULL, 0, 0},
    {NULL, PARAM_BOOL, 0, NULL, NULL, NULL, NULL, 0, 0},
};

static const Verb *find_verb(const char *name)
{
    for (const Verb *const *verb = scenario_verbs; *verb; verb++)
        if (strcmp((*verb)->name, name) == 0) return *verb;
    return NULL;
}

static const Fault *find_fault(const char *action)
{
    for (const Fault *const *fault = scenario_faults; *fault; fault++)
        if (strcmp((*fault)->name, action) == 0) return *fault;
    return NULL;
}

/* " (did you mean 'x'? known: a, b)" for a word that no entry of the catalog has. */
static char *suggestion(const char *word, GPtrArray *names)
{
    g_ptr_array_add(names, NULL);
    const char *near = text_nearest(word, (const char *const *)names->pdata);
    g_autofree char *all = g_strjoinv(", ", (char **)names->pdata);
    return near ? g_strdup_printf("did you mean '%s'? known: %s", near, all)
                : g_strdup_printf("known: %s", all);
}

static char *suggest_verb(const char *word)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const Verb *const *verb = scenario_verbs; *verb; verb++)
        g_ptr_array_add(names, (gpointer)(uintptr_t)(*verb)->name);
    g_ptr_array_add(names, (gpointer)(uintptr_t) "inject");
    return suggestion(word, names);
}

static char *suggest_fault(const char *word)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const Fault *const *fault = scenario_faults; *fault; fault++)
        g_ptr_array_add(names, (gpointer)(uintptr_t)(*fault)->name);
    return suggestion(word, names);
}

/* A copy of a map without some keys, kept as long as the scenario. */
static const Value *without(Reading *reading, const Value *map, const char *a, const char *b)
{
    Value *rest = value_ref(map);
    value_drop(&rest, a);
    value_drop(&rest, b);
    g_ptr_array_add(reading->manifests->values, rest);
    return rest;
}

/* --- steps --- */

static bool read_fault(Reading *reading, const Value *map, const char *path, Step *step,
                       GError **error)
{
    ParamPlace place = {reading->file, path};
    const char *action = value_text(map, "action");
    step->fault = find_fault(action);
    if (!step->fault) {
        g_autofree char *hint = suggest_fault(action);
        param_error(error, place, map,
                    *action ? "unknown action '%s' (%s)" : "'action%s' is missing (%s)", action,
                    hint);
        return false;
    }
    Value *common = value_map();
    g_ptr_array_add(reading->manifests->values, common);
    if (value_get(map, "duration"))
        value_map_set(common, "duration", value_ref(value_get(map, "duration")));
    if (!param_read(fault_common, common, &step->duration, place, error)) return false;
    void *params = arena_alloc(reading->scenario->arena, step->fault->params_size + 1);
    step->params = params;
    step->source = map;
    return param_read(step->fault->params, without(reading, map, "action", "duration"), params,
                      place, error);
}

static bool read_verb(Reading *reading, const char *key, const Value *map, const char *path,
                      Step *step, GError **error)
{
    step->verb = find_verb(key);
    if (!step->verb) {
        g_autofree char *hint = suggest_verb(key);
        param_error(error, (ParamPlace){reading->file, path}, map, "unknown key '%s' (%s)", key,
                    hint);
        return false;
    }
    void *params = arena_alloc(reading->scenario->arena, step->verb->params_size + 1);
    step->params = params;
    step->source = map;
    return param_read(step->verb->params, map, params, (ParamPlace){reading->file, path}, error);
}

/* The one key of a step that says what happens; NULL with error set. */
static const char *action_key(const Reading *reading, const Value *rest, const Value *element,
                              const char *path, GError **error)
{
    if (value_size(rest) == 1) return value_key_at(rest, 0);
    g_autofree char *hint = suggest_verb("");
    param_error(error, (ParamPlace){reading->file, path}, element,
                "a step does exactly one thing besides `name` and `at` (%s), this one has %u", hint,
                value_size(rest));
    return NULL;
}

static bool read_step(Reading *reading, const Value *element, const char *path, Step *step,
                      GError **error)
{
    ParamPlace place = {reading->file, path};
    if (!value_is_map(element)) {
        param_error(error, place, element, "must be a map of `at` and a verb or `inject`");
        return false;
    }
    const Value *rest = without(reading, element, "name", "at");
    const char *key = action_key(reading, rest, element, path, error);
    if (!key) return false;
    Value *head = value_ref(element);
    value_drop(&head, key);
    g_ptr_array_add(reading->manifests->values, head);
    StepFields fields = {0};
    if (!param_read(step_params, head, &fields, place, error)) return false;
    *step = (Step){.name = *fields.name ? fields.name : NULL,
                   .at = fields.at,
                   .file = reading->file,
                   .line = value_line(element)};
    g_autofree char *inner = g_strconcat(path, ".", key, NULL);
    const Value *map = value_get(rest, key);
    if (fields.at > reading->scenario->duration) {
        param_error(error, place, element, "'at' is after the end of the run (spec.duration)");
        return false;
    }
    return strcmp(key, "inject") == 0 ? read_fault(reading, map, inner, step, error)
                                      : read_verb(reading, key, map, inner, step, error);
}

static int by_time(const void *a, const void *b)
{
    const Step *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->line < y->line ? -1 : x->line > y->line;
}

static bool check_steps(const Scenario *scenario, GError **error)
{
    for (unsigned i = 0; i < scenario->step_count; i++) {
        const Step *step = &scenario->steps[i];
        if (step->verb && step->verb->check && !step->verb->check(scenario, step, error))
            return false;
        if (step->fault && step->fault->check && !step->fault->check(scenario, step, error))
            return false;
    }
    return true;
}

bool scenario_read_steps(Reading *reading, GError **error)
{
    const Value *list = reading->fields.steps;
    Scenario *scenario = reading->scenario;
    unsigned count = value_size(list);
    Step *steps = arena_new_array(scenario->arena, Step, count + 1);
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("spec.steps[%u]", i);
        if (!read_step(reading, value_at(list, i), path, &steps[i], error)) return false;
    }
    qsort(steps, count, sizeof *steps, by_time);
    scenario->steps = steps;
    scenario->step_count = count;
    return check_steps(scenario, error);
}

/* --- applications --- */

static const App *find_app(const char *name)
{
    for (const App *const *app = scenario_apps; *app; app++)
        if (strcmp((*app)->name, name) == 0) return *app;
    return NULL;
}

static bool read_application(Reading *reading, const Value *element, const char *path,
                             AppRule *rule, GError **error)
{
    ParamPlace place = {reading->file, path};
    Value *head = value_map();
    g_ptr_array_add(reading->manifests->values, head);
    for (const Param *row = application_params; row->name; row++)
        if (value_get(element, row->name))
            value_map_set(head, row->name, value_ref(value_get(element, row->name)));
    ApplicationFields fields = {0};
    if (!value_is_map(element)) {
        param_error(error, place, element, "must be a map of selector, model and its parameters");
        return false;
    }
    if (!param_read(application_params, head, &fields, place, error)) return false;
    const App *app = find_app(fields.model);
    if (!app) {
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        for (const App *const *known = scenario_apps; *known; known++)
            g_ptr_array_add(names, (gpointer)(uintptr_t)(*known)->name);
        g_autofree char *hint = suggestion(fields.model, names);
        param_error(error, place, element, "unknown model '%s' (%s)", fields.model, hint);
        return false;
    }
    void *params = arena_alloc(reading->scenario->arena, app->params_size + 1);
    *rule = (AppRule){fields.selector, app, params};
    return param_read(app->params, without(reading, element, "selector", "model"), params, place,
                      error);
}

bool scenario_read_applications(Reading *reading, GError **error)
{
    const Value *list = reading->fields.applications;
    Scenario *scenario = reading->scenario;
    unsigned count = value_size(list);
    AppRule *rules = arena_new_array(scenario->arena, AppRule, count + 1);
    scenario->app_rules = rules;
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("spec.applications[%u]", i);
        if (!read_application(reading, value_at(list, i), path, &rules[i], error)) return false;
        scenario->app_rule_count = i + 1;
    }
    return true;
}

void scenario_clear_app_rule(const AppRule *rule)
{
    param_clear(rule->app->params, (void *)(uintptr_t)rule->params);
}

/* --- expectations --- */

static const char *const verdict_words[] = {"held", "violated", "not-exercised", "any", NULL};
static const char *const expect_keys[] = {"guarantees", NULL};

static bool check_expect(const Reading *reading, const Value *map, GError **error)
{
    ParamPlace place = {reading->file, "spec.expect"};
    value_each (i, map) {
        const char *key = value_key_at(map, i);
        if (g_strv_contains(expect_keys, key)) continue;
        param_error(error, place, value_at(map, i), "unknown key '%s'; it holds `guarantees`", key);
        return false;
    }
    return true;
}

bool scenario_read_expectations(Reading *reading, GError **error)
{
    const Value *map = value_get(reading->fields.expect, "guarantees");
    Scenario *scenario = reading->scenario;
    unsigned count = value_size(map);
    Expectation *list = arena_new_array(scenario->arena, Expectation, count + 1);
    if (!check_expect(reading, reading->fields.expect, error)) return false;
    for (unsigned i = 0; i < count; i++) {
        const char *word = value_as_text(value_at(map, i), "");
        if (!g_strv_contains(verdict_words, word)) {
            param_error(error, (ParamPlace){reading->file, "spec.expect.guarantees"},
                        value_at(map, i),
                        "'%s' must be held, violated, not-exercised or any, it is '%s'",
                        value_key_at(map, i), word);
            return false;
        }
        list[i] = (Expectation){value_key_at(map, i), word};
    }
    scenario->expectations = list;
    scenario->expectation_count = count;
    return true;
}
