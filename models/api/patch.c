/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch.c - merge patch (RFC 7386) and strategic merge patch.
 *
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/apimachinery/pkg/util/strategicpatch/patch.go and
 *   the patchStrategy tags of staging/src/k8s.io/api.
 * Simplified: $setElementOrder is dropped, so merged lists keep the stored order and new elements
 *   come last; list fields are known by name (and parent) instead of by type.
 * State: none.
 *
 * A merge never copies what it leaves alone: results share subtrees with the stored value, and a
 * field patched with an equal value keeps the stored node.
 */
#include "models/api/patch.h"

#include "models/api/patch_json.h"

enum { DEPTH_MAX = 100 };

/* --- merge patch --- */

static Value *merge(const Value *target, const Value *patch, unsigned depth)
{
    if (!value_is_map(patch) || depth == DEPTH_MAX) return value_ref(patch);
    Value *result = value_is_map(target) ? value_ref(target) : value_map();
    value_each (i, patch) {
        const char *key = value_key_at(patch, i);
        const Value *child = value_at(patch, i);
        const Value *present = value_get(result, key);
        if (value_type(child) == VALUE_NULL)
            value_drop(&result, key);
        else if (!present || !value_equal(present, child))
            value_put(&result, merge(present, child, depth + 1), key);
    }
    return result;
}

/* --- strategic merge: which lists merge, and by what --- */

typedef struct {
    const char *list;
    const char *key;    /* NULL: elements are scalars and the list is a set */
    const char *parent; /* the list only counts below this key; NULL: anywhere */
} MergeRule;

static const MergeRule merge_rules[] = {
    {"addresses", "type", "status"},
    {"conditions", "type", "status"},
    {"containers", "name", NULL},
    {"env", "name", NULL},
    {"ephemeralContainers", "name", NULL},
    {"finalizers", NULL, "metadata"},
    {"hostAliases", "ip", NULL},
    {"hostIPs", "ip", "status"},
    {"imagePullSecrets", "name", NULL},
    {"initContainers", "name", NULL},
    {"ownerReferences", "uid", "metadata"},
    {"podCIDRs", NULL, "spec"},
    {"podIPs", "ip", "status"},
    {"ports", "port", "spec"},
    {"ports", "containerPort", "containers"},
    {"ports", "containerPort", "initContainers"},
    {"ports", "containerPort", "ephemeralContainers"},
    {"resourceClaims", "name", NULL},
    {"schedulingGates", "name", NULL},
    {"topologySpreadConstraints", "topologyKey", NULL},
    {"volumeDevices", "devicePath", NULL},
    {"volumeMounts", "mountPath", NULL},
    {"volumes", "name", "spec"},
};

static const MergeRule *rule_find(const char *list, const char *parent)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(merge_rules); i++)
        if (strcmp(merge_rules[i].list, list) == 0 &&
            (!merge_rules[i].parent || strcmp(merge_rules[i].parent, parent) == 0))
            return &merge_rules[i];
    return NULL;
}

/* --- strategic merge: the walk --- */

static const char delete_from[] = "$deleteFromPrimitiveList/";
static const char element_order[] = "$setElementOrder/";

static bool merge_map(Value **target, const Value *patch, const char *name, unsigned depth,
                      GError **error);

G_GNUC_PRINTF(2, 3) static bool fail(GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_propagate_error(error,
                      g_error_new_valist(KENNEL_ERROR, KENNEL_ERROR_INPUT, format, arguments));
    va_end(arguments);
    return false;
}

/* Whether a map has keys that begin with $; they sort before all fields. */
static bool has_directives(const Value *map)
{
    value_each (i, map) {
        char first = *value_key_at(map, i);
        if (first >= '$') return first == '$';
    }
    return false;
}

static const char *directive(const Value *patch)
{
    bool may_have = value_is_map(patch) && has_directives(patch);
    return may_have ? value_text(patch, "$patch") : "";
}

/* Whether a patch says nothing but what is to be there, so that it can be used as it is. */
static bool is_plain(const Value *patch, unsigned depth)
{
    if (depth >= DEPTH_MAX || value_type(patch) == VALUE_NULL) return false;
    bool is_map = value_is_map(patch);
    if (!is_map && !value_is_list(patch)) return true;
    if (is_map && has_directives(patch)) return false;
    value_each (i, patch) {
        const Value *child = value_at(patch, i);
        bool is_null_element = !is_map && value_type(child) == VALUE_NULL;
        if (!is_null_element && !is_plain(child, depth + 1)) return false;
    }
    return true;
}

static unsigned element_index(const Value *list, const char *key, const Value *wanted)
{
    value_each (i, list) {
        const Value *present = value_get(value_at(list, i), key);
        if (present && value_equal(present, wanted)) return i;
    }
    return value_size(list);
}

static unsigned scalar_index(const Value *list, const Value *wanted)
{
    value_each (i, list)
        if (value_equal(value_at(list, i), wanted)) return i;
    return value_size(list);
}

static bool merge_element(Value **list, const Value *element, const MergeRule *rule, unsigned depth,
                          GError **error)
{
    const Value *wanted = value_get(element, rule->key);
    const char *what = directive(element);
    if (!wanted && strcmp(what, "replace") == 0) return true; /* speaks of the whole list */
    if (!wanted) return fail(error, "map: element of the list has no merge key %s", rule->key);
    unsigned index = element_index(*list, rule->key, wanted);
    if (strcmp(what, "delete") == 0) {
        for (; index < value_size(*list); index = element_index(*list, rule->key, wanted))
            value_list_remove(list, index);
        return true;
    }
    bool is_new = index == value_size(*list);
    if (is_new && is_plain(element, depth)) {
        value_list_insert(list, index, value_ref(element));
        return true;
    }
    Value *merged = is_new ? value_map() : value_ref(value_at(*list, index));
    if (!merge_map(&merged, element, rule->list, depth + 1, error)) {
        value_unref(merged);
        return false;
    }
    if (is_new)
        value_list_insert(list, index, merged);
    else if (merged == value_at(*list, index))
        value_unref(merged);
    else
        value_list_put(list, index, merged);
    return true;
}

static bool has_replace(const Value *patch)
{
    value_each (i, patch)
        if (strcmp(directive(value_at(patch, i)), "replace") == 0 &&
            value_size(value_at(patch, i)) == 1)
            return true;
    return false;
}

static bool merge_list(Value **list, const Value *patch, const MergeRule *rule, unsigned depth,
                       GError **error)
{
    if (!value_is_list(*list) || has_replace(patch)) {
        value_unref(*list);
        *list = value_list();
    }
    value_each (i, patch) {
        const Value *element = value_at(patch, i);
        if (rule->key) {
            if (!merge_element(list, element, rule, depth, error)) return false;
        } else if (scalar_index(*list, element) == value_size(*list)) {
            value_list_insert(list, value_size(*list), value_ref(element));
        }
    }
    return true;
}

/* Takes the scalars of `gone` out of the list at a key. */
static void delete_scalars(Value **map, const char *key, const Value *gone)
{
    const Value *present = value_get(*map, key);
    if (!value_is_list(present)) return;
    Value *left = value_list();
    value_each (i, present)
        if (scalar_index(gone, value_at(present, i)) == value_size(gone))
            value_list_add(left, value_ref(value_at(present, i)));
    if (value_size(left) == value_size(present))
        value_unref(left);
    else
        value_put(map, left, key);
}

/* Keeps only the listed keys. */
static void retain_keys(Value **map, const Value *keys)
{
    for (unsigned i = value_size(*map); i-- > 0;) {
        const char *key = value_key_at(*map, i);
        g_autoptr(Value) wanted = value_string(key);
        if (scalar_index(keys, wanted) == value_size(keys)) value_drop(map, key);
    }
}

/* Merges one field that is neither null nor a directive. */
static bool merge_field(Value **map, const char *key, const Value *patch, const char *name,
                        unsigned depth, GError **error)
{
    const Value *present = value_get(*map, key);
    if (present && value_equal(present, patch)) return true;
    const MergeRule *rule = value_is_list(patch) ? rule_find(key, name) : NULL;
    bool is_atomic = !value_is_map(patch) && !rule;
    if (is_atomic || (!rule && !present && is_plain(patch, depth))) {
        value_put(map, value_ref(patch), key);
        return true;
    }
    if (strcmp(directive(patch), "delete") == 0) {
        value_drop(map, key);
        return true;
    }
    Value *child = present ? value_ref(present) : value_null();
    bool is_merged = rule ? merge_list(&child, patch, rule, depth + 1, error)
                          : merge_map(&child, patch, key, depth + 1, error);
    if (is_merged && child != present) {
        value_put(map, child, key);
        return true;
    }
    value_unref(child);
    return is_merged;
}

/* Obeys a key that begins with $; false if it is no directive but a field. */
static bool obey(Value **target, const char *key, const Value *patch)
{
    if (strcmp(key, "$patch") == 0 || g_str_has_prefix(key, element_order)) return true;
    if (strcmp(key, "$retainKeys") == 0) {
        retain_keys(target, patch);
        return true;
    }
    if (!g_str_has_prefix(key, delete_from)) return false;
    delete_scalars(target, key + strlen(delete_from), patch);
    return true;
}

static bool merge_key(Value **target, const char *key, const Value *patch, const char *name,
                      unsigned depth, GError **error)
{
    if (*key == '$' && obey(target, key, patch)) return true;
    if (value_type(patch) == VALUE_NULL) {
        value_drop(target, key);
        return true;
    }
    return merge_field(target, key, patch, name, depth, error);
}

/* Merges a patch into the map at key `name`; what is no map is replaced by one. Keys that begin
 * with $ sort before all fields, so directives are obeyed first. */
static bool merge_map(Value **target, const Value *patch, const char *name, unsigned depth,
                      GError **error)
{
    const char *what = directive(patch);
    if (depth >= DEPTH_MAX) return fail(error, "the patch is nested too deeply at %s", name);
    if (*what && strcmp(what, "replace") != 0 && strcmp(what, "delete") != 0 &&
        strcmp(what, "merge") != 0)
        return fail(error, "Unknown patch type found: [%s]", what);
    if (!value_is_map(*target) || strcmp(what, "replace") == 0) {
        value_unref(*target);
        *target = value_map();
    }
    value_each (i, patch)
        if (!merge_key(target, value_key_at(patch, i), value_at(patch, i), name, depth, error))
            return false;
    return true;
}

/* --- the door --- */

bool patch_apply(PatchType type, Value **value, const Value *patch, GError **error)
{
    if (type == PATCH_JSON) return patch_json_apply(value, patch, error);
    if (!value_is_map(patch))
        return fail(error, "a patch of an object must be a map, not %s",
                    value_type_name(value_type(patch)));
    if (type == PATCH_STRATEGIC) {
        Value *result = value_ref(*value);
        if (!merge_map(&result, patch, "", 0, error)) {
            value_unref(result);
            return false;
        }
        value_unref(*value);
        *value = result;
        return true;
    }
    Value *result = merge(*value, patch, 0);
    value_unref(*value);
    *value = result;
    return true;
}
