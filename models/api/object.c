/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object.c - API objects: immutable versions, their keys, and the list of kinds.
 *
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/types.go (ObjectMeta).
 * Simplified: resourceVersion is a field of the version, not of the value, so that two versions
 *   with equal content share everything; managedFields are carried but never written.
 * State: none; objects never change.
 *
 * A Meta is one block: the struct and behind it its labels, owners and finalizers. Labels need no
 * sorting, because maps are sorted by key already.
 */
#include "models/api/object.h"

#define KIND(ID, symbol) extern const KindInfo symbol##_kind;
#include "models/catalog.def"

static const KindInfo *const kind_infos[KIND_COUNT] = {
#define KIND(ID, symbol) [KIND_##ID] = &symbol##_kind,
#include "models/catalog.def"
};

/* --- kinds --- */

const KindInfo *kind_info(Kind kind)
{
    CHECK(kind > KIND_NONE && kind < KIND_COUNT);
    return kind_infos[kind];
}

static bool list_has(const char *const *words, const char *word)
{
    for (unsigned i = 0; words && words[i]; i++)
        if (strcmp(words[i], word) == 0) return true;
    return false;
}

Kind kind_of(const char *api_version, const char *kind_name)
{
    for (Kind kind = KIND_NONE + 1; kind < KIND_COUNT; kind++) {
        const KindInfo *info = kind_infos[kind];
        if (strcmp(info->name, kind_name) != 0) continue;
        if (strcmp(info->api_version, api_version) == 0 || list_has(info->also, api_version))
            return kind;
    }
    return KIND_NONE;
}

Kind kind_by_name(const char *kind_name)
{
    for (Kind kind = KIND_NONE + 1; kind < KIND_COUNT; kind++)
        if (strcmp(kind_infos[kind]->name, kind_name) == 0) return kind;
    return KIND_NONE;
}

Kind kind_by_word(const char *word)
{
    for (Kind kind = KIND_NONE + 1; kind < KIND_COUNT; kind++) {
        const KindInfo *info = kind_infos[kind];
        if (g_ascii_strcasecmp(info->name, word) == 0 ||
            g_ascii_strcasecmp(info->plural, word) == 0 || list_has(info->short_names, word))
            return kind;
    }
    return KIND_NONE;
}

/* --- metadata --- */

/* Reference counts are the one thing that changes behind a const pointer. */
static Meta *meta_writable(const Meta *meta)
{
    union {
        const Meta *constant;
        Meta *writable;
    } view = {meta};
    return view.writable;
}

const Meta *meta_ref(const Meta *meta)
{
    meta_writable(meta)->refs++;
    return meta;
}

void meta_unref(const Meta *meta)
{
    if (meta == NULL) return;
    Meta *counted = meta_writable(meta);
    CHECK(counted->refs > 0);
    if (--counted->refs == 0) g_free(counted);
}

Atom meta_label(const Meta *meta, Atom key)
{
    for (uint32_t i = 0; i < meta->label_count; i++)
        if (meta->labels[i].key == key) return meta->labels[i].value;
    return ATOM_NONE;
}

static Atom text_atom(AtomTable *atoms, const Value *map, const char *key)
{
    return atom_of(atoms, value_as_text(value_get(map, key), NULL));
}

static OwnerRef owner_read(AtomTable *atoms, const Value *owner)
{
    return (OwnerRef){
        .uid = text_atom(atoms, owner, "uid"),
        .name = text_atom(atoms, owner, "name"),
        .kind_name = text_atom(atoms, owner, "kind"),
        .kind = kind_of(value_text(owner, "apiVersion"), value_text(owner, "kind")),
        .is_controller = value_as_bool(value_get(owner, "controller"), false),
        .blocks_deletion = value_as_bool(value_get(owner, "blockOwnerDeletion"), false),
    };
}

static const Value *labels_of(const Value *source)
{
    const Value *labels = value_get(source, "labels");
    return value_is_map(labels) ? labels : NULL;
}

static void meta_read_lists(Meta *meta, AtomTable *atoms, const Value *source)
{
    const Value *labels = labels_of(source);
    const Value *owners = value_get(source, "ownerReferences");
    const Value *finalizers = value_get(source, "finalizers");
    OwnerRef *owner_refs = (OwnerRef *)(meta + 1);
    Label *label_pairs = (Label *)(owner_refs + value_size(owners));
    Atom *finalizer_names = (Atom *)(label_pairs + value_size(labels));
    value_each (i, owners) {
        owner_refs[i] = owner_read(atoms, value_at(owners, i));
        if (owner_refs[i].is_controller && !meta->controller) meta->controller = &owner_refs[i];
    }
    value_each (i, labels)
        label_pairs[i] = (Label){
            atom_of(atoms, value_key_at(labels, i)),
            atom_of(atoms, value_as_text(value_at(labels, i), NULL)),
        };
    value_each (i, finalizers)
        finalizer_names[i] = atom_of(atoms, value_as_text(value_at(finalizers, i), NULL));
    meta->owners = owner_refs;
    meta->owner_count = value_size(owners);
    meta->labels = label_pairs;
    meta->label_count = value_size(labels);
    meta->finalizers = finalizer_names;
    meta->finalizer_count = value_size(finalizers);
}

const Meta *meta_project(const ViewContext *context, const Value *value, const Object *old)
{
    const Value *source = value_get(value, "metadata");
    if (old && source && value_get(old->value, "metadata") == source)
        return meta_ref(object_meta(old));
    AtomTable *atoms = context->atoms;
    size_t size = sizeof(Meta) +
                  value_size(value_get(source, "ownerReferences")) * sizeof(OwnerRef) +
                  value_size(labels_of(source)) * sizeof(Label) +
                  value_size(value_get(source, "finalizers")) * sizeof(Atom);
    Meta *meta = g_malloc0(size);
    meta->refs = 1;
    meta->name = text_atom(atoms, source, "name");
    meta->space = text_atom(atoms, source, "namespace");
    meta->uid = text_atom(atoms, source, "uid");
    meta->created_at = time_of(value_get(source, "creationTimestamp"), 0);
    meta->deleted_at = time_of(value_get(source, "deletionTimestamp"), NANOS_NEVER);
    meta->deletion_grace_s = value_as_int(value_get(source, "deletionGracePeriodSeconds"), 0);
    meta->generation = value_as_int(value_get(source, "generation"), 0);
    meta_read_lists(meta, atoms, source);
    return meta;
}

/* --- keys --- */

int key_compare(const AtomTable *atoms, Key a, Key b)
{
    if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
    int order = atom_compare(atoms, a.space, b.space);
    return order ? order : atom_compare(atoms, a.name, b.name);
}

Key key_of_value(AtomTable *atoms, Kind kind, const Value *value)
{
    const Value *meta = value_get(value, "metadata");
    Key key = {kind, ATOM_NONE, text_atom(atoms, meta, "name")};
    if (!kind_info(kind)->is_namespaced) return key;
    const char *space = value_text(meta, "namespace");
    key.space = atom_of(atoms, *space ? space : "default");
    return key;
}

Atom key_ref(AtomTable *atoms, Key key)
{
    const char *parts[] = {kind_info(key.kind)->name, atom_text(atoms, key.space),
                           atom_text(atoms, key.name)};
    char text[800], *end = text;
    for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
        size_t length = strlen(parts[i]);
        if (length + 2 > (size_t)(text + sizeof text - end))
            return atom_format(atoms, "%s/%s/%s", parts[0], parts[1], parts[2]);
        memcpy(end, parts[i], length);
        end += length;
        *end++ = '/';
    }
    return atom_of_length(atoms, text, (size_t)(end - text) - 1);
}

/* --- objects --- */

static Object *object_writable(const Object *object)
{
    union {
        const Object *constant;
        Object *writable;
    } view = {object};
    return view.writable;
}

const Object *object_new(AtomTable *atoms, Kind kind, Value *value, int64_t version,
                         const Object *old)
{
    const KindInfo *info = kind_info(kind);
    if (info->is_namespaced && !*value_text(value, "metadata", "namespace"))
        value_put(&value, value_string("default"), "metadata", "namespace");
    ViewContext context = {atoms};
    Object *object = g_new(Object, 1);
    object->key = old ? old->key : key_of_value(atoms, kind, value);
    object->ref = old ? old->ref : key_ref(atoms, object->key);
    object->refs = 1;
    object->version = version;
    object->value = value;
    object->view = info->project(&context, value, old);
    object->uid = object_meta(object)->uid;
    return object;
}

const Object *object_ref(const Object *object)
{
    object_writable(object)->refs++;
    return object;
}

void object_unref(const Object *object)
{
    if (object == NULL) return;
    Object *counted = object_writable(object);
    CHECK(counted->refs > 0);
    if (--counted->refs > 0) return;
    kind_info(counted->key.kind)->release(counted->view);
    value_unref(counted->value);
    g_free(counted);
}

Value *object_printable(const Object *object)
{
    Value *value = value_ref(object->value);
    value_put(&value, value_printf("%" PRId64, object->version), "metadata", "resourceVersion");
    return value;
}
