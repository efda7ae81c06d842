/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate.c - field errors in Kubernetes' own words, and the checks of metadata.
 *
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/apimachinery/pkg/util/validation/{validation.go,
 *   field/errors.go} and pkg/api/validation/objectmeta.go.
 * Simplified: values are shown as JSON where Go would print a struct; a wrong type is one more
 *   field error, where the real decoder stops at the first (400 instead of 422).
 * State: none.
 */
#include "models/api/validate.h"

#include "sim/json.h"

typedef struct {
    char *text;
    unsigned line;
} FieldError;

struct FieldErrors {
    GArray *list; /* of FieldError */
};

enum { LABEL_MAX = 63, SUBDOMAIN_MAX = 253, ANNOTATIONS_MAX = 256 * 1024 };

static void field_error_clear(void *error)
{
    g_free(((FieldError *)error)->text);
}

FieldErrors *field_errors_new(void)
{
    FieldErrors *errors = g_new(FieldErrors, 1);
    errors->list = g_array_new(FALSE, FALSE, sizeof(FieldError));
    g_array_set_clear_func(errors->list, field_error_clear);
    return errors;
}

void field_errors_free(FieldErrors *errors)
{
    if (errors == NULL) return;
    g_array_unref(errors->list);
    g_free(errors);
}

unsigned field_errors_count(const FieldErrors *errors)
{
    return errors->list->len;
}

const char *field_errors_text(const FieldErrors *errors, unsigned index)
{
    CHECK(index < errors->list->len);
    return g_array_index(errors->list, FieldError, index).text;
}

unsigned field_errors_line(const FieldErrors *errors, unsigned index)
{
    CHECK(index < errors->list->len);
    return g_array_index(errors->list, FieldError, index).line;
}

static bool is_repeated(const FieldErrors *errors, unsigned index)
{
    for (unsigned i = 0; i < index; i++)
        if (strcmp(field_errors_text(errors, i), field_errors_text(errors, index)) == 0)
            return true;
    return false;
}

char *field_errors_join(const FieldErrors *errors)
{
    GString *text = g_string_new(NULL);
    unsigned shown = 0;
    for (unsigned i = 0; i < errors->list->len; i++)
        if (!is_repeated(errors, i))
            g_string_append_printf(text, "%s%s", shown++ ? ", " : "", field_errors_text(errors, i));
    if (shown > 1) {
        g_string_prepend_c(text, '[');
        g_string_append_c(text, ']');
    }
    return g_string_free(text, FALSE);
}

/* --- adding --- */

/* Takes text. */
static void add(FieldErrors *errors, const Value *node, char *text)
{
    FieldError error = {text, value_line(node)};
    g_array_append_val(errors->list, error);
}

static void add_kind(FieldErrors *errors, const char *path, const Value *node, const char *kind,
                     const char *detail)
{
    bool has_detail = detail && *detail;
    add(errors, node,
        g_strdup_printf("%s: %s%s%s", path, kind, has_detail ? ": " : "",
                        has_detail ? detail : ""));
}

/* As Go's %q and %v show scalars. */
static char *node_text(const Value *node)
{
    GString *text = g_string_new(NULL);
    if (value_type(node) == VALUE_NULL)
        g_string_append(text, "null");
    else
        json_write_canonical(node, text);
    return g_string_free(text, FALSE);
}

void field_required(FieldErrors *errors, const char *path, const Value *node, const char *detail)
{
    add_kind(errors, path, node, "Required value", detail);
}

void field_forbidden(FieldErrors *errors, const char *path, const Value *node, const char *detail)
{
    add_kind(errors, path, node, "Forbidden", detail);
}

void field_invalid(FieldErrors *errors, const char *path, const Value *node, const char *detail)
{
    g_autofree char *shown = node_text(node);
    g_autofree char *kind = g_strdup_printf("Invalid value: %s", shown);
    add_kind(errors, path, node, kind, detail);
}

void field_not_supported(FieldErrors *errors, const char *path, const Value *node,
                         const char *const *supported)
{
    g_autofree char *shown = node_text(node);
    g_autofree char *kind = g_strdup_printf("Unsupported value: %s", shown);
    g_autoptr(GString) detail = g_string_new("supported values: ");
    for (unsigned i = 0; supported[i]; i++)
        g_string_append_printf(detail, "%s\"%s\"", i ? ", " : "", supported[i]);
    add_kind(errors, path, node, kind, detail->str);
}

void field_duplicate(FieldErrors *errors, const char *path, const Value *node)
{
    g_autofree char *shown = node_text(node);
    g_autofree char *kind = g_strdup_printf("Duplicate value: %s", shown);
    add_kind(errors, path, node, kind, NULL);
}

void field_not_found(FieldErrors *errors, const char *path, const Value *node)
{
    g_autofree char *shown = node_text(node);
    g_autofree char *kind = g_strdup_printf("Not found: %s", shown);
    add_kind(errors, path, node, kind, NULL);
}

/* What Go's decoder calls the type it found. */
static const char *decoder_type(const Value *node)
{
    switch (value_type(node)) {
    case VALUE_NULL: return "null";
    case VALUE_BOOL: return "bool";
    case VALUE_INT:
    case VALUE_FLOAT: return "number";
    case VALUE_STRING: return "string";
    case VALUE_LIST: return "array";
    case VALUE_MAP: return "object";
    }
    UNREACHABLE();
}

void field_type(FieldErrors *errors, const char *path, const Value *node, const char *expected)
{
    add(errors, node,
        g_strdup_printf("%s: cannot unmarshal %s into a field of type %s", path, decoder_type(node),
                        expected));
}

/* --- names --- */

static bool is_alphanumeric(char c, bool allows_upper)
{
    return g_ascii_isdigit(c) || g_ascii_islower(c) || (allows_upper && g_ascii_isupper(c));
}

/* length characters that begin and end with an alphanumeric one and may have others between. */
static bool is_word(const char *text, size_t length, bool allows_upper, const char *between)
{
    if (length == 0 || !is_alphanumeric(text[0], allows_upper) ||
        !is_alphanumeric(text[length - 1], allows_upper))
        return false;
    for (size_t i = 1; i + 1 < length; i++)
        if (!is_alphanumeric(text[i], allows_upper) && !strchr(between, text[i])) return false;
    return true;
}

static bool is_dotted(const char *text, size_t length)
{
    const char *end = text + length;
    for (;;) {
        const char *dot = memchr(text, '.', (size_t)(end - text));
        size_t part = (size_t)((dot ? dot : end) - text);
        if (!is_word(text, part, false, "-")) return false;
        if (!dot) return true;
        text = dot + 1;
    }
}

#define LABEL_FORM                                                                               \
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and " \
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "   \
    "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define SUBDOMAIN_FORM                                                                            \
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "  \
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used " \
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define KEY_FORM                                                                                \
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an " \
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "      \
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define VALUE_FORM                                                                                 \
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "    \
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value', " \
    " or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"

const char *name_is_dns_label(const char *text)
{
    size_t length = strlen(text);
    if (length > LABEL_MAX) return "must be no more than 63 bytes";
    return is_word(text, length, false, "-") ? NULL : LABEL_FORM;
}

const char *name_is_dns_subdomain(const char *text)
{
    size_t length = strlen(text);
    if (length > SUBDOMAIN_MAX) return "must be no more than 253 bytes";
    return is_dotted(text, length) ? NULL : SUBDOMAIN_FORM;
}

const char *name_is_label_key(const char *text)
{
    const char *slash = strchr(text, '/');
    if (slash) {
        size_t length = (size_t)(slash - text);
        if (length == 0) return "prefix part must be non-empty";
        if (length > SUBDOMAIN_MAX) return "prefix part must be no more than 253 bytes";
        if (!is_dotted(text, length)) return "prefix part " SUBDOMAIN_FORM;
        text = slash + 1;
    }
    size_t length = strlen(text);
    if (length == 0) return "name part must be non-empty";
    if (length > LABEL_MAX) return "name part must be no more than 63 bytes";
    return is_word(text, length, true, "-_.") ? NULL : "name part " KEY_FORM;
}

const char *name_is_label_value(const char *text)
{
    size_t length = strlen(text);
    if (length > LABEL_MAX) return "must be no more than 63 bytes";
    return length == 0 || is_word(text, length, true, "-_.") ? NULL : VALUE_FORM;
}

/* --- metadata --- */

static const char *name_fault(const KindInfo *info, const char *name)
{
    bool is_label = strcmp(info->name, "Namespace") == 0 || strcmp(info->name, "Service") == 0;
    return is_label ? name_is_dns_label(name) : name_is_dns_subdomain(name);
}

static void check_names(const KindInfo *info, const Value *meta, FieldErrors *errors)
{
    const Value *name = value_get(meta, "name"), *base = value_get(meta, "generateName");
    const char *name_text = value_as_text(name, ""), *base_text = value_as_text(base, "");
    const char *fault = *name_text ? name_fault(info, name_text) : NULL;
    if (!*name_text && !*base_text)
        field_required(errors, "metadata.name", meta, "name or generateName is required");
    if (fault) field_invalid(errors, "metadata.name", name, fault);
    if (*base_text) { /* it may end with what a name may not end with */
        g_autofree char *filled = g_strconcat(base_text, "a", NULL);
        fault = strlen(filled) > SUBDOMAIN_MAX ? NULL : name_fault(info, filled);
        if (fault) field_invalid(errors, "metadata.generateName", base, fault);
    }
    const Value *space = value_get(meta, "namespace");
    const char *space_text = value_as_text(space, "");
    if (!*space_text) return;
    if (!info->is_namespaced)
        field_forbidden(errors, "metadata.namespace", space, "not allowed on this type");
    else if ((fault = name_is_dns_label(space_text)))
        field_invalid(errors, "metadata.namespace", space, fault);
}

static Value *key_value(const char *key, const Value *child)
{
    Value *value = value_string(key);
    value_set_line(value, value_line(child));
    return value;
}

static bool check_map(const Value *map, const char *path, FieldErrors *errors)
{
    if (value_type(map) == VALUE_NULL) return false;
    if (!value_is_map(map)) field_type(errors, path, map, "map[string]string");
    return value_is_map(map);
}

static void check_labels(const Value *labels, FieldErrors *errors)
{
    if (!check_map(labels, "metadata.labels", errors)) return;
    value_each (i, labels) {
        const Value *child = value_at(labels, i);
        const char *key = value_key_at(labels, i), *fault = name_is_label_key(key);
        if (fault) {
            g_autoptr(Value) shown = key_value(key, child);
            field_invalid(errors, "metadata.labels", shown, fault);
        }
        if (!value_is_string(child))
            field_type(errors, "metadata.labels", child, "string");
        else if ((fault = name_is_label_value(value_as_text(child, ""))))
            field_invalid(errors, "metadata.labels", child, fault);
    }
}

static void check_annotations(const Value *annotations, FieldErrors *errors)
{
    if (!check_map(annotations, "metadata.annotations", errors)) return;
    size_t size = 0;
    value_each (i, annotations) {
        const Value *child = value_at(annotations, i);
        const char *key = value_key_at(annotations, i);
        g_autofree char *lower = g_ascii_strdown(key, -1);
        const char *fault = name_is_label_key(lower);
        size += strlen(key) + strlen(value_as_text(child, ""));
        if (fault) {
            g_autoptr(Value) shown = key_value(key, child);
            field_invalid(errors, "metadata.annotations", shown, fault);
        }
        if (!value_is_string(child)) field_type(errors, "metadata.annotations", child, "string");
    }
    if (size > ANNOTATIONS_MAX)
        add_kind(errors, "metadata.annotations", annotations, "Too long",
                 "may not be more than 262144 bytes");
}

static void check_owners(const Value *owners, FieldErrors *errors)
{
    bool has_controller = false;
    value_each (i, owners) {
        static const char *const required[] = {"apiVersion", "kind", "name", "uid", NULL};
        const Value *owner = value_at(owners, i);
        for (unsigned k = 0; required[k]; k++) {
            if (*value_text(owner, required[k])) continue;
            g_autofree char *path =
                g_strdup_printf("metadata.ownerReferences[%u].%s", i, required[k]);
            field_required(errors, path, owner, "must not be empty");
        }
        bool is_controller = value_as_bool(value_get(owner, "controller"), false);
        if (is_controller && has_controller)
            field_invalid(errors, "metadata.ownerReferences", owners,
                          "Only one reference can have Controller set to true");
        has_controller |= is_controller;
    }
}

void validate_meta(const KindInfo *info, const Value *value, FieldErrors *errors)
{
    const Value *meta = value_get(value, "metadata");
    if (value_type(meta) != VALUE_NULL && !value_is_map(meta)) {
        field_type(errors, "metadata", meta, "ObjectMeta");
        return;
    }
    check_names(info, meta, errors);
    check_labels(value_get(meta, "labels"), errors);
    check_annotations(value_get(meta, "annotations"), errors);
    check_owners(value_get(meta, "ownerReferences"), errors);
}
