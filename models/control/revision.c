/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revisions of a set: data, names, equality.
 * Mirrors: kubernetes v1.36 pkg/controller/history/controller_history.go and
 *          pkg/controller/statefulset/stateful_set_utils.go (newRevision, ApplyRevision)
 * Simplified: data are compared as trees, not as bytes; trees that differ only in formatting would
 *             count as equal, which the API server's own encoding never produces.
 */
#include "models/control/revision.h"

#include "sim/json.h"

#define HASH_LABEL "controller.kubernetes.io/hash"

Value *revision_data(const Value *template)
{
    Value *body = template ? value_ref(template) : value_map();
    value_put(&body, value_string("replace"), "$patch");
    Value *spec = value_map();
    value_map_set(spec, "template", body);
    Value *data = value_map();
    value_map_set(data, "spec", spec);
    return data;
}

Value *revision_template(const Value *data)
{
    const Value *found = value_find(data, "spec", "template");
    if (!found) return NULL;
    Value *template = value_ref(found);
    value_drop(&template, "$patch");
    return template;
}

bool revision_holds(const Value *data, const Value *template)
{
    const Value *held = value_find(data, "spec", "template");
    if (!held || value_size(held) != value_size(template) + 1) return false;
    value_each (i, template) {
        const Value *other = value_get(held, value_key_at(template, i));
        if (!other || !value_equal(other, value_at(template, i))) return false;
    }
    return value_get(held, "$patch") != NULL;
}

const char *revision_encode(uint32_t sum, char buffer[REVISION_HASH_MAX])
{
    static const char alphabet[] = "bcdfghjklmnpqrstvwxz2456789";

    snprintf(buffer, REVISION_HASH_MAX, "%" PRIu32, sum);
    for (char *at = buffer; *at; at++)
        *at = alphabet[(unsigned char)*at % 27];
    return buffer;
}

static uint32_t fnv1(uint32_t sum, const char *text)
{
    for (; *text; text++)
        sum = sum * UINT32_C(16777619) ^ (unsigned char)*text;
    return sum;
}

const char *revision_hash_text(const char *json, int64_t collisions, char buffer[REVISION_HASH_MAX])
{
    uint32_t sum = fnv1(UINT32_C(2166136261), json);
    if (collisions >= 0) {
        char count[24];
        snprintf(count, sizeof count, "%" PRId64, collisions);
        sum = fnv1(sum, count);
    }
    return revision_encode(sum, buffer);
}

char *revision_json(const Value *data)
{
    return json_text(data);
}

const char *revision_hash(const Value *data, int64_t collisions, char buffer[REVISION_HASH_MAX])
{
    g_autofree char *json = json_text(data);
    return revision_hash_text(json, collisions, buffer);
}

char *revision_name(const char *set, const char *hash)
{
    return g_strdup_printf("%.223s-%s", set, hash);
}

/* Go's ParseInt(text, 10, 32). */
static bool is_int32(const char *text, int64_t *ret_number)
{
    return text_to_int(text, ret_number) && *ret_number >= INT32_MIN && *ret_number <= INT32_MAX;
}

/* The hash label as a number, if it is one. */
static bool label_number(const Object *revision, AtomTable *atoms, int64_t *ret_number)
{
    Atom label = meta_label(object_meta(revision), atom_find(atoms, HASH_LABEL));
    return label != ATOM_NONE && is_int32(atom_text(atoms, label), ret_number);
}

bool revision_matches(const Object *revision, const Value *template, AtomTable *atoms,
                      int64_t collisions)
{
    int64_t theirs, ours;
    char buffer[REVISION_HASH_MAX];
    if (!revision_holds(revision_view(revision)->data, template)) return false;
    if (!label_number(revision, atoms, &theirs)) return true;
    g_autoptr(Value) data = revision_data(template);
    return !is_int32(revision_hash(data, collisions, buffer), &ours) || ours == theirs;
}

bool revision_same(const Object *a, const Object *b, AtomTable *atoms)
{
    int64_t left, right;
    if (label_number(a, atoms, &left) && label_number(b, atoms, &right) && left != right)
        return false;
    return value_equal(revision_view(a)->data, revision_view(b)->data);
}

/* Decoding into a typed object loses nulls. */
static void drop_nulls(Value **value)
{
    if (value_is_list(*value)) {
        value_each (i, *value) {
            Value *child = value_ref(value_at(*value, i));
            drop_nulls(&child);
            value_list_put(value, i, child);
        }
        return;
    }
    for (unsigned i = value_is_map(*value) ? value_size(*value) : 0; i-- > 0;) {
        const char *key = value_key_at(*value, i);
        if (value_type(value_at(*value, i)) == VALUE_NULL) {
            value_drop(value, key);
            continue;
        }
        Value *child = value_ref(value_at(*value, i));
        drop_nulls(&child);
        value_put(value, child, key);
    }
}

bool revision_means(const Object *revision, const Object *set)
{
    Value *template = revision_template(revision_view(revision)->data);
    if (!template) return false;
    drop_nulls(&template);
    g_autoptr(Value) restored = value_ref(set->value);
    value_put(&restored, template, "spec", "template");
    const KindInfo *info = kind_info(KIND_STATEFUL_SET);
    if (info->defaults) info->defaults(&restored);
    return value_equal(value_find(restored, "spec", "template"),
                       value_find(set->value, "spec", "template"));
}

Value *revision_owner_ref(const Object *owner, const char *owner_name)
{
    const KindInfo *info = kind_info(owner->key.kind);
    Value *ref = value_map();
    value_map_set(ref, "apiVersion", value_string(info->api_version));
    value_map_set(ref, "kind", value_string(info->name));
    value_map_set(ref, "name", value_string(owner_name));
    value_map_set(ref, "uid", value_string(value_text(owner->value, "metadata", "uid")));
    value_map_set(ref, "controller", value_bool(true));
    value_map_set(ref, "blockOwnerDeletion", value_bool(true));
    return ref;
}

Value *revision_body(const Object *set, const char *set_name, const Value *data, const char *label,
                     const char *name, int64_t number)
{
    const Value *template_labels = value_find(set->value, "spec", "template", "metadata", "labels");
    const Value *annotations = value_find(set->value, "metadata", "annotations");
    Value *labels = template_labels ? value_ref(template_labels) : value_map();
    value_put(&labels, value_string(label), HASH_LABEL);
    Value *owners = value_list();
    value_list_add(owners, revision_owner_ref(set, set_name));

    Value *meta = value_map();
    value_map_set(meta, "name", value_string(name));
    value_map_set(meta, "namespace", value_string(value_text(set->value, "metadata", "namespace")));
    value_map_set(meta, "labels", labels);
    if (value_size(annotations)) value_map_set(meta, "annotations", value_ref(annotations));
    value_map_set(meta, "ownerReferences", owners);

    Value *body = value_map();
    value_map_set(body, "apiVersion", value_string("apps/v1"));
    value_map_set(body, "kind", value_string("ControllerRevision"));
    value_map_set(body, "metadata", meta);
    value_map_set(body, "data", value_ref(data));
    value_map_set(body, "revision", value_int(number));
    return body;
}

int revision_compare(AtomTable *atoms, const Object *a, const Object *b)
{
    const RevisionView *left = revision_view(a), *right = revision_view(b);
    if (left->revision != right->revision) return left->revision < right->revision ? -1 : 1;
    if (left->meta->created_at != right->meta->created_at)
        return left->meta->created_at < right->meta->created_at ? -1 : 1;
    return atom_compare(atoms, a->key.name, b->key.name);
}
