/* SPDX-License-Identifier: Apache-2.0 */
/*
 * app.c - which application runs in a pod: the first rule of the scenario that its labels match.
 * Mirrors: nothing in Kubernetes; a scenario's `applications` stand for the contents of images.
 * Simplified: all main containers of a pod run the same application.
 * State: none.
 */
#include "models/app/app.h"

/* Whether every label of the selector is among the labels. */
static bool rule_matches(const AppRule *rule, const Value *labels)
{
    value_each (i, rule->selector) {
        const Value *label = value_get(labels, value_key_at(rule->selector, i));
        if (!label || !value_equal(label, value_at(rule->selector, i))) return false;
    }
    return true;
}

const App *app_of_labels(const Scenario *scenario, const Value *labels, const void **ret_params)
{
    for (unsigned i = 0; i < scenario->app_rule_count; i++) {
        const AppRule *rule = &scenario->app_rules[i];
        if (rule_matches(rule, labels)) {
            *ret_params = rule->params;
            return rule->app;
        }
    }
    *ret_params = NULL;
    return scenario_apps[0];
}
