/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch_json.c - JSON patch.
 *
 * Mirrors: RFC 6902 and RFC 6901, as kubernetes v1.36 staging/src/k8s.io/apiserver/pkg/endpoints/
 *   handlers/patch.go applies them.
 * Simplified: the library's messages are worded anew.
 * State: none.
 */
#include "models/api/patch_json.h"

typedef enum { EDIT_ADD, EDIT_REPLACE, EDIT_REMOVE } Edit;

static bool fail(GError **error, const char *operation, const char *path, const char *why)
{
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "%s operation at \"%s\": %s", operation,
                path, why);
    return false;
}

/* --- pointers --- */

/* The tokens of a pointer, unescaped; NULL if it is malformed. */
static char **pointer_split(const char *path)
{
    if (*path == 0) return g_new0(char *, 1);
    if (*path != '/') return NULL;
    char **tokens = g_strsplit(path + 1, "/", -1);
    for (unsigned i = 0; tokens[i]; i++) {
        char *out = tokens[i];
        for (const char *in = tokens[i]; *in; in++) {
            bool is_escape = *in == '~' && (in[1] == '0' || in[1] == '1');
            *out = *in;
            if (is_escape) *out = in[1] == '0' ? '~' : '/';
            out++;
            in += is_escape;
        }
        *out = 0;
    }
    return tokens;
}

/* The element a token names in a list; "-" is the one after the last. */
static bool list_index(const Value *list, const char *token, unsigned *ret_index)
{
    if (strcmp(token, "-") == 0) {
        *ret_index = value_size(list);
        return true;
    }
    int64_t index;
    bool has_leading_zero = token[0] == '0' && token[1];
    if (has_leading_zero || !text_to_int(token, &index)) return false;
    if (index < 0 || index > (int64_t)value_size(list)) return false;
    *ret_index = (unsigned)index;
    return true;
}

static const Value *child_at(const Value *node, const char *token)
{
    unsigned index;
    if (!value_is_list(node)) return value_get(node, token);
    return list_index(node, token, &index) ? value_at(node, index) : NULL;
}

static const Value *pointer_get(const Value *root, char **tokens)
{
    for (; root && *tokens; tokens++)
        root = child_at(root, *tokens);
    return root;
}

/* --- edits --- */

static bool edit_list(Value **list, const char *token, Edit edit, const Value *child)
{
    unsigned index;
    if (!list_index(*list, token, &index)) return false;
    if (edit == EDIT_ADD) {
        value_list_insert(list, index, value_ref(child));
        return true;
    }
    if (index >= value_size(*list)) return false;
    if (edit == EDIT_REMOVE)
        value_list_remove(list, index);
    else
        value_list_put(list, index, value_ref(child));
    return true;
}

static bool edit_map(Value **map, const char *token, Edit edit, const Value *child)
{
    if (!value_is_map(*map) || (edit != EDIT_ADD && !value_get(*map, token))) return false;
    if (edit == EDIT_REMOVE)
        value_drop(map, token);
    else
        value_put(map, value_ref(child), token);
    return true;
}

/* Edits the place that tokens name below *node; false if there is no such place. */
static bool edit_at(Value **node, char **tokens, Edit edit, const Value *child)
{
    if (!*tokens) {
        if (edit == EDIT_REMOVE) return false;
        value_unref(*node);
        *node = value_ref(child);
        return true;
    }
    if (!tokens[1])
        return value_is_list(*node) ? edit_list(node, *tokens, edit, child)
                                    : edit_map(node, *tokens, edit, child);
    const Value *below = child_at(*node, *tokens);
    if (!below) return false;
    Value *changed = value_ref(below);
    if (!edit_at(&changed, tokens + 1, edit, child)) {
        value_unref(changed);
        return false;
    }
    unsigned index;
    if (value_is_list(*node) && list_index(*node, *tokens, &index))
        value_list_put(node, index, changed);
    else
        value_put(node, changed, *tokens);
    return true;
}

/* --- operations --- */

static bool transfer(Value **root, const char *name, const Value *operation, char **to,
                     GError **error)
{
    const char *path = value_text(operation, "path"), *from = value_text(operation, "from");
    g_auto(GStrv) source = pointer_split(from);
    const Value *found = source ? pointer_get(*root, source) : NULL;
    if (!found) return fail(error, name, from, "from does not exist");
    bool is_move = strcmp(name, "move") == 0;
    g_autoptr(Value) moved = value_ref(found);
    if (is_move && strcmp(from, path) == 0) return true;
    size_t length = strlen(from);
    if (is_move && strncmp(path, from, length) == 0 && path[length] == '/')
        return fail(error, name, path, "cannot move a value into itself");
    if (is_move && !edit_at(root, source, EDIT_REMOVE, NULL))
        return fail(error, name, from, "cannot be removed");
    return edit_at(root, to, EDIT_ADD, moved) || fail(error, name, path, "does not exist");
}

static bool perform(Value **root, const Value *operation, GError **error)
{
    const char *name = value_text(operation, "op"), *path = value_text(operation, "path");
    const Value *value = value_get(operation, "value");
    g_auto(GStrv) tokens = pointer_split(path);
    if (!tokens) return fail(error, name, path, "path must begin with /");
    if (strcmp(name, "move") == 0 || strcmp(name, "copy") == 0)
        return transfer(root, name, operation, tokens, error);
    if (strcmp(name, "remove") == 0)
        return edit_at(root, tokens, EDIT_REMOVE, NULL) ||
               fail(error, name, path, "does not exist");
    if (!value) return fail(error, name, path, "value is missing");
    if (strcmp(name, "test") == 0) {
        const Value *present = pointer_get(*root, tokens);
        return (present && value_equal(present, value)) || fail(error, name, path, "test failed");
    }
    if (strcmp(name, "add") == 0)
        return edit_at(root, tokens, EDIT_ADD, value) || fail(error, name, path, "does not exist");
    if (strcmp(name, "replace") == 0)
        return edit_at(root, tokens, EDIT_REPLACE, value) ||
               fail(error, name, path, "does not exist");
    return fail(error, name, path, "unknown operation");
}

bool patch_json_apply(Value **value, const Value *patch, GError **error)
{
    if (!value_is_list(patch)) return fail(error, "JSON patch", "", "must be a list of operations");
    Value *result = value_ref(*value);
    value_each (i, patch) {
        if (perform(&result, value_at(patch, i), error)) continue;
        value_unref(result);
        return false;
    }
    value_unref(*value);
    *value = result;
    return true;
}
