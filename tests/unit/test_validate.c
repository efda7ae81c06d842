/* SPDX-License-Identifier: Apache-2.0 */
/* Field errors: their words, and what metadata may say. */
#include "models/api/validate.h"
#include "tests/unit/objects.h"
#include "tests/unit/test.h"

TEST(field_errors_are_worded_as_upstream)
{
    static const char *const policies[] = {"OrderedReady", "Parallel", NULL};
    g_autoptr(FieldErrors) errors = field_errors_new();
    g_autoptr(Value) minus = value_int(-1), text = value_string("x\"y");
    value_set_line(minus, 12);
    field_invalid(errors, "spec.replicas", minus, "must be greater than or equal to 0");
    field_required(errors, "spec.selector", NULL, "");
    field_forbidden(errors, "spec.x", text, "may not change");
    field_not_supported(errors, "spec.podManagementPolicy", text, policies);
    field_duplicate(errors, "spec.containers[1].name", text);
    field_not_found(errors, "spec.containers[0].volumeMounts[0].name", text);
    field_type(errors, "spec.replicas", text, "int32");
    static const char *const expected[] = {
        "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
        "spec.selector: Required value",
        "spec.x: Forbidden: may not change",
        ("spec.podManagementPolicy: Unsupported value: \"x\\\"y\": supported values: "
         "\"OrderedReady\", \"Parallel\""),
        "spec.containers[1].name: Duplicate value: \"x\\\"y\"",
        "spec.containers[0].volumeMounts[0].name: Not found: \"x\\\"y\"",
        "spec.replicas: cannot unmarshal string into a field of type int32",
    };
    EQUAL_INT(field_errors_count(errors), G_N_ELEMENTS(expected));
    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++)
        EQUAL_TEXT(field_errors_text(errors, i), expected[i]);
    EQUAL_INT(field_errors_line(errors, 0), 12);
    EQUAL_INT(field_errors_line(errors, 1), 0);
}

TEST(field_errors_are_joined)
{
    g_autoptr(FieldErrors) errors = field_errors_new();
    field_required(errors, "a", NULL, "x");
    field_required(errors, "a", NULL, "x");
    g_autofree char *one = field_errors_join(errors);
    EQUAL_TEXT(one, "a: Required value: x");
    field_required(errors, "b", NULL, NULL);
    g_autofree char *two = field_errors_join(errors);
    EQUAL_TEXT(two, "[a: Required value: x, b: Required value]");
}

TEST(names_are_checked)
{
    g_autofree char *label = g_strnfill(63, 'a'), *long_label = g_strnfill(64, 'a');
    g_autofree char *long_name = g_strnfill(254, 'a');
    const struct {
        const char *(*check)(const char *text);
        const char *text;
        bool is_fine;
    } cases[] = {
        {name_is_dns_label, "web", true},         {name_is_dns_label, "web-0", true},
        {name_is_dns_label, "0", true},           {name_is_dns_label, "", false},
        {name_is_dns_label, "Web", false},        {name_is_dns_label, "web.x", false},
        {name_is_dns_label, "-web", false},       {name_is_dns_label, "web-", false},
        {name_is_dns_label, label, true},         {name_is_dns_label, long_label, false},
        {name_is_dns_subdomain, "a.b-c.d", true}, {name_is_dns_subdomain, "a..b", false},
        {name_is_dns_subdomain, "a.-b", false},   {name_is_dns_subdomain, "a.", false},
        {name_is_dns_subdomain, "", false},       {name_is_dns_subdomain, long_name, false},
        {name_is_label_key, "app", true},         {name_is_label_key, "A_b.c", true},
        {name_is_label_key, "x.io/app", true},    {name_is_label_key, "/app", false},
        {name_is_label_key, "x.io/", false},      {name_is_label_key, "X.io/app", false},
        {name_is_label_key, "a/b/c", false},      {name_is_label_key, "", false},
        {name_is_label_key, long_label, false},   {name_is_label_value, "", true},
        {name_is_label_value, "a b", false},      {name_is_label_value, "A.b_c-1", true},
        {name_is_label_value, "-a", false},       {name_is_label_value, long_label, false},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        if ((cases[i].check(cases[i].text) == NULL) != cases[i].is_fine)
            fprintf(stderr, "\nname \"%s\" (case %u)\n", cases[i].text, i);
        EQUAL_INT(cases[i].check(cases[i].text) == NULL, cases[i].is_fine);
    }
}

TEST(metadata_is_checked)
{
    static const struct {
        Kind kind;
        const char *meta;
        const char *message; /* NULL: fine */
    } cases[] = {
        {KIND_POD, "{name: web-0}", NULL},
        {KIND_POD, "{generateName: web-}", NULL},
        {KIND_POD, "{}", "metadata.name: Required value: name or generateName is required"},
        {KIND_POD, "{name: Web}", "metadata.name: Invalid value: \"Web\": a lowercase RFC 1123"},
        {KIND_NAMESPACE, "{name: a.b}", "metadata.name: Invalid value: \"a.b\""},
        {KIND_NODE, "{name: a, namespace: x}",
         "metadata.namespace: Forbidden: not allowed on this type"},
        {KIND_POD, "{name: a, labels: {\"a b\": c}}", "metadata.labels: Invalid value: \"a b\""},
        {KIND_POD, "{name: a, labels: {a: \"b c\"}}", "metadata.labels: Invalid value: \"b c\""},
        {KIND_POD, "{name: a, labels: {a: 1}}", "metadata.labels: cannot unmarshal number"},
        {KIND_POD, "{name: a, labels: [a]}", "metadata.labels: cannot unmarshal array"},
        {KIND_POD, "{name: a, annotations: {a: \"b c\"}}", NULL},
        {KIND_POD, "{name: a, annotations: {A.b/c: d}}", NULL},
        {KIND_POD, "{name: a, annotations: {a: true}}", "metadata.annotations: cannot unmarshal"},
        {KIND_POD, "{name: a, ownerReferences: [{apiVersion: v1, kind: Pod, name: x}]}",
         "metadata.ownerReferences[0].uid: Required value: must not be empty"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(FieldErrors) errors = field_errors_new();
        g_autofree char *text = g_strdup_printf("{metadata: %s}", cases[i].meta);
        g_autoptr(Value) value = value_from(text);
        validate_meta(kind_info(cases[i].kind), value, errors);
        g_autofree char *joined = field_errors_join(errors);
        const char *message = cases[i].message ? cases[i].message : "";
        if (cases[i].message ? !strstr(joined, message) : *joined)
            fprintf(stderr, "\n%s: \"%s\"\n", cases[i].meta, joined);
        CU_ASSERT(cases[i].message ? strstr(joined, message) != NULL : *joined == 0);
    }
}
