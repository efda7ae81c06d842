/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workload.c - what StatefulSet, ReplicaSet and Deployment have in common.
 * Mirrors: kubernetes v1.36 pkg/apis/apps/validation/validation.go,
 *   staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/validation (label selectors).
 * Simplified: nothing known.
 * State: none.
 */
#include "models/kind/workload.h"

#include "models/kind/edit.h"

/* --- selectors on trees --- */

static bool list_has(const Value *list, const char *text)
{
    for (unsigned i = 0; i < part_list_size(list); i++)
        if (strcmp(value_as_text(value_at(list, i), ""), text) == 0) return true;
    return false;
}

static bool expression_matches(const Value *expression, const Value *labels)
{
    const char *word = value_text(expression, "operator");
    const Value *label = value_get(labels, value_text(expression, "key"));
    bool is_there = label != NULL;
    if (strcmp(word, "Exists") == 0) return is_there;
    if (strcmp(word, "DoesNotExist") == 0) return !is_there;
    bool is_listed =
        is_there && list_has(value_get(expression, "values"), value_as_text(label, ""));
    return strcmp(word, "NotIn") == 0 ? !is_listed : is_listed;
}

bool workload_selects(const Value *selector, const Value *labels)
{
    const Value *wanted = value_get(selector, "matchLabels");
    const Value *expressions = value_get(selector, "matchExpressions");
    for (unsigned i = 0; i < part_map_size(wanted); i++) {
        const Value *label = value_get(labels, value_key_at(wanted, i));
        if (label == NULL || !value_equal(label, value_at(wanted, i))) return false;
    }
    for (unsigned i = 0; i < part_list_size(expressions); i++)
        if (!expression_matches(value_at(expressions, i), labels)) return false;
    return true;
}

Selector *workload_selector(AtomTable *atoms, const Value *spec)
{
    g_autoptr(GError) error = NULL;
    return selector_new(atoms, value_get(spec, "selector"), &error);
}

/* --- validation --- */

static void validate_expression(const Value *expression, const Path *path, FieldErrors *errors)
{
    const char *word = value_text(expression, "operator");
    const Value *values = value_get(expression, "values");
    bool is_in = strcmp(word, "In") == 0 || strcmp(word, "NotIn") == 0;
    bool is_exists = strcmp(word, "Exists") == 0 || strcmp(word, "DoesNotExist") == 0;
    const char *key = value_text(expression, "key");
    const char *fault = name_is_label_key(key);
    if (is_in && value_size(values) == 0)
        path_required(errors, PATH(path, "values"), expression,
                      "must be specified when `operator` is 'In' or 'NotIn'");
    if (is_exists && value_size(values) > 0)
        path_forbidden(errors, PATH(path, "values"), values,
                       "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    if (!is_in && !is_exists)
        path_invalid(errors, PATH(path, "operator"), value_get(expression, "operator"),
                     "not a valid selector operator");
    if (fault != NULL) path_invalid(errors, PATH(path, "key"), value_get(expression, "key"), fault);
}

static const Field selector_fields[] = {
    {"matchLabels", FIELD_STRING_MAP, NULL},
    {"matchExpressions", FIELD_LIST, "[]v1.LabelSelectorRequirement"},
    {NULL, FIELD_MAP, NULL},
};

static void validate_match_labels(const Value *labels, const Path *path, FieldErrors *errors)
{
    value_each (i, labels) {
        const char *key_fault = name_is_label_key(value_key_at(labels, i));
        const char *fault = name_is_label_value(value_as_text(value_at(labels, i), ""));
        g_autoptr(Value) key = value_string(value_key_at(labels, i));
        if (key_fault != NULL) path_invalid(errors, path, key, key_fault);
        if (fault != NULL) path_invalid(errors, path, value_at(labels, i), fault);
    }
}

void workload_validate_selector(const Value *spec, const char *empty, FieldErrors *errors)
{
    const Value *selector = value_get(spec, "selector");
    const Path *path = PATH(PATH(NULL, "spec"), "selector");
    if (edit_is_unset(selector)) {
        path_required(errors, path, spec, "");
        return;
    }
    if (!path_fields(errors, path, selector, selector_fields, "v1.LabelSelector")) return;
    const Value *labels = value_get(selector, "matchLabels");
    const Value *expressions = value_get(selector, "matchExpressions");
    validate_match_labels(labels, PATH(path, "matchLabels"), errors);
    value_each (i, expressions)
        validate_expression(value_at(expressions, i), PATH_AT(PATH(path, "matchExpressions"), i),
                            errors);
    if (value_size(labels) + value_size(expressions) == 0)
        path_invalid(errors, path, selector, empty);
}

static const Field template_fields[] = {
    {"metadata", FIELD_MAP, "v1.ObjectMeta"},
    {"spec", FIELD_MAP, "v1.PodSpec"},
    {NULL, FIELD_MAP, NULL},
};

static void validate_restart(const Value *pod_spec, const Path *path, const char *kind_name,
                             FieldErrors *errors)
{
    static const char *const only[] = {"Always", NULL};
    const Value *restart = value_get(pod_spec, "restartPolicy");
    const Value *deadline = value_get(pod_spec, "activeDeadlineSeconds");
    path_one_of(errors, PATH(path, "restartPolicy"), restart, only);
    if (edit_is_unset(deadline)) return;
    g_autofree char *detail =
        g_strdup_printf("activeDeadlineSeconds in %s is not Supported", kind_name);
    path_forbidden(errors, PATH(path, "activeDeadlineSeconds"), deadline, detail);
}

void workload_validate_template(const Value *spec, const PathNames *extra_volumes,
                                const char *kind_name, FieldErrors *errors)
{
    const Value *pod_template = value_get(spec, "template"),
                *selector = value_get(spec, "selector");
    const Path *path = PATH(PATH(NULL, "spec"), "template");
    if (edit_is_unset(pod_template)) {
        path_required(errors, path, spec, "");
        return;
    }
    if (!path_fields(errors, path, pod_template, template_fields, "v1.PodTemplateSpec")) return;
    const Value *labels = value_find(pod_template, "metadata", "labels");
    g_autoptr(Value) none = value_map();
    if (value_size(selector) > 0 && !workload_selects(selector, labels))
        path_invalid(errors, PATH(PATH(path, "metadata"), "labels"), labels != NULL ? labels : none,
                     "`selector` does not match template `labels`");
    podtemplate_validate_meta(value_get(pod_template, "metadata"), path, errors);
    const Value *pod_spec = value_get(pod_template, "spec");
    podtemplate_validate_spec(pod_spec, PATH(path, "spec"), extra_volumes, errors);
    validate_restart(pod_spec, PATH(path, "spec"), kind_name, errors);
}

void workload_validate_counters(const Value *map, const Path *path, const char *const *names,
                                FieldErrors *errors)
{
    for (; *names != NULL; names++)
        path_not_negative(errors, PATH(path, *names), value_get(map, *names));
}

void workload_validate_most(const Value *status, const char *part, const char *whole,
                            FieldErrors *errors)
{
    const Value *number = value_get(status, part);
    if (value_as_int(number, 0) <= value_as_int(value_get(status, whole), 0)) return;
    g_autofree char *detail = g_strdup_printf("cannot be greater than status.%s", whole);
    path_invalid(errors, PATH(PATH(NULL, "status"), part), number, detail);
}

void workload_validate_collisions(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *count = value_find(now, "status", "collisionCount");
    int64_t before = value_as_int(value_find(old, "status", "collisionCount"), 0);
    g_autoptr(Value) zero = value_int(0);
    if (value_as_int(count, 0) < before)
        path_invalid(errors, PATH(PATH(NULL, "status"), "collisionCount"),
                     count != NULL ? count : zero, "cannot be decremented");
}

/* --- facts --- */

void workload_record_number(World *world, const Object *now, Row row, const int64_t *old,
                            int64_t number)
{
    if (old == NULL || *old != number)
        part_record(world, now, (PartFact){.row = row, .number = number});
}
