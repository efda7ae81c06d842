/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object.h - API objects: immutable versions, their keys, and what a kind is.
 *
 * An Object is one version of one API object. It never changes; a write makes another Object that
 * shares what it did not touch. `value` is the object as kubectl would print it (less
 * metadata.resourceVersion, which is `version`); `view` is the typed projection of it that models
 * read, made once, when the version is committed (views.h). Whoever keeps a pointer beyond the
 * current callback holds a reference.
 *
 * A KindInfo says everything about a kind: names, defaults, validation, projection, indexes, facts.
 */
#ifndef KENNEL_MODELS_API_OBJECT_H
#define KENNEL_MODELS_API_OBJECT_H

#include "sim/atom.h"
#include "sim/value.h"

typedef struct World World;

typedef enum {
    KIND_NONE,
#define KIND(ID, symbol) KIND_##ID,
#include "models/catalog.def"
    KIND_COUNT
} Kind;

/* Names an object; space is ATOM_NONE for cluster-scoped kinds. */
typedef struct {
    Kind kind;
    Atom space, name;
} Key;

typedef struct {
    Key key;
    Atom uid;
    Atom ref; /* "Pod/default/web-0", the subject of facts */
    uint32_t refs;
    int64_t version; /* resourceVersion */
    const Value *value;
    const void *view; /* begins with `const Meta *meta`; see views.h */
} Object;

/* --- metadata, common to all views --- */

typedef struct {
    Atom key, value;
} Label;

typedef struct {
    Atom uid, name;
    Atom kind_name; /* "StatefulSet" */
    Kind kind;      /* KIND_NONE for kinds that are not simulated */
    bool is_controller, blocks_deletion;
} OwnerRef;

/* Shared by all versions whose metadata subtree is the same. Times have whole seconds. */
typedef struct {
    uint32_t refs;
    Atom name, space, uid;
    Nanos created_at;
    Nanos deleted_at;         /* deletionTimestamp; NANOS_NEVER if it is not set */
    int64_t deletion_grace_s; /* 0 if not set */
    int64_t generation;
    uint32_t label_count, owner_count, finalizer_count;
    const Label *labels; /* in key text order */
    const OwnerRef *owners;
    const OwnerRef *controller; /* the owner with controller=true, or NULL */
    const Atom *finalizers;
} Meta;

static inline const Meta *object_meta(const Object *object)
{
    return *(const Meta *const *)object->view;
}

static inline bool object_is_terminating(const Object *object)
{
    return object_meta(object)->deleted_at != NANOS_NEVER;
}

/* The value of a label or ATOM_NONE. */
Atom meta_label(const Meta *meta, Atom key);

/* What projection needs. */
typedef struct {
    AtomTable *atoms;
} ViewContext;

/* The Meta of a value, for a kind's project(): that of `old` (may be NULL) if the metadata subtree
 * is the very same, else a new one. meta_unref() ends the reference. */
const Meta *meta_project(const ViewContext *context, const Value *value, const Object *old);
const Meta *meta_ref(const Meta *meta);
void meta_unref(const Meta *meta); /* NULL is allowed */

/* --- indexes --- */

/* Each index maps a 64-bit key to the objects filed under it. */
typedef enum {
    INDEX_NONE,
    INDEX_SPACE,       /* kind + namespace: index_key(kind, space) */
    INDEX_OWNER,       /* any kind: uid of each owner: index_key(owner uid, 0) */
    INDEX_CONTROLLER,  /* kind + controlling owner's uid: index_key(kind, uid) */
    INDEX_ORPHAN,      /* kind + namespace, objects without a controller: index_key(kind, space) */
    INDEX_POD_NODE,    /* index_key(node name, 0) */
    INDEX_POD_UNBOUND, /* pods without a node: index_key(0, 0) */
    INDEX_POD_CLAIM,   /* index_key(space, claim name) */
    INDEX_POD_LABEL,   /* one a label: index_key3(space, key, value) */
    INDEX_SERVICE_SELECTOR,  /* one a selector pair: index_key3(space, key, value) */
    INDEX_SLICE_SERVICE,     /* index_key(space, service name) */
    INDEX_CLAIM_VOLUME,      /* claims naming a volume: index_key(volume name, 0) */
    INDEX_ATTACHMENT_NODE,   /* index_key(node name, 0) */
    INDEX_ATTACHMENT_VOLUME, /* index_key(volume name, 0) */
    INDEX_LEASE_NODE,        /* leases of kube-node-lease: index_key(name, 0) */
    INDEX_NODE_NAME,         /* the Node itself: index_key(name, 0); what its own kubelet watches */
    INDEX_COUNT
} IndexId;

static inline uint64_t index_key(uint32_t a, uint32_t b)
{
    return (uint64_t)a << 32 | b;
}

static inline uint64_t index_key3(Atom a, Atom b, Atom c)
{
    return mix64(index_key(a, b) * UINT64_C(0x9E3779B97F4A7C15) + c);
}

/* One index of a kind: `keys` fills up to max keys of an object and returns how many there are. */
typedef struct {
    IndexId id;
    unsigned (*keys)(const Object *object, uint64_t *keys, unsigned max);
} IndexInfo;

#define INDEX_KEYS_MAX 64

/* --- kinds --- */

/* Collects validation failures in Kubernetes' own words; see api/validate.h. */
typedef struct FieldErrors FieldErrors;

typedef struct {
    const char *name;               /* "StatefulSet" */
    const char *api_version;        /* "apps/v1" */
    const char *plural;             /* "statefulsets" */
    const char *const *short_names; /* "sts", NULL-terminated; may be NULL */
    const char *const *also;        /* older apiVersions that are read as this one; may be NULL */
    bool is_namespaced;
    bool has_status; /* a status sub-resource: plain updates leave status alone and vice versa */

    /* Fills in what the API server would (*value is replaced by path copy). May be NULL. */
    void (*defaults)(Value **value);
    /* Checks a new object (old == NULL) or an update. May be NULL. */
    void (*validate)(const Value *now, const Value *old, FieldErrors *errors);
    /* On create (old == NULL) and update, before validation: drops status on create, bumps
     * generation when spec changed, and the like. May be NULL: the generic rule applies. */
    void (*prepare)(Value **now, const Value *old);
    /* Makes the view; may share parts with the previous version's view (old may be NULL). */
    const void *(*project)(const ViewContext *context, const Value *value, const Object *old);
    void (*release)(const void *view);
    const IndexInfo *indexes; /* ends with id INDEX_NONE; may be NULL. SPACE, OWNER, CONTROLLER and
                                 ORPHAN are kept for every kind and not listed */
    /* Writes the facts of a commit; old NULL: created, now NULL: deleted. May be NULL. */
    void (*record)(World *world, const Object *old, const Object *now);
} KindInfo;

/* The kind's description. */
const KindInfo *kind_info(Kind kind);

/* The kind of an apiVersion and kind; KIND_NONE if it is not simulated. */
Kind kind_of(const char *api_version, const char *kind_name);

/* The kind a user means by "sts", "statefulset", "StatefulSet" or "statefulsets"; or KIND_NONE. */
Kind kind_by_word(const char *word);

/* The kind whose name is this ("Pod"), in any API group; or KIND_NONE. */
Kind kind_by_name(const char *kind_name);

/* --- objects --- */

/* Makes a version from a complete value, which is taken; `old` is the version before or NULL. */
const Object *object_new(AtomTable *atoms, Kind kind, Value *value, int64_t version,
                         const Object *old);

const Object *object_ref(const Object *object);
void object_unref(const Object *object); /* NULL is allowed */
static inline void object_cleanup(const Object **object)
{
    object_unref(*object);
}
#define autoobject __attribute__((cleanup(object_cleanup))) const Object *

static inline bool key_equal(Key a, Key b)
{
    return a.kind == b.kind && a.space == b.space && a.name == b.name;
}

static inline uint64_t key_hash(Key key)
{
    return mix64(index_key(key.space, key.name) + ((uint64_t)key.kind << 56));
}

/* Order by kind, then texts of namespace and name. */
int key_compare(const AtomTable *atoms, Key a, Key b);

/* The key a value names (namespace "default" if a namespaced kind gives none). */
Key key_of_value(AtomTable *atoms, Kind kind, const Value *value);

/* "Pod/default/web-0" as an atom. */
Atom key_ref(AtomTable *atoms, Key key);

/* A value to print: the object's with metadata.resourceVersion put in. */
Value *object_printable(const Object *object);

/* --- time in objects --- */

/* The wall-clock second that simulated time 0 stands for: 2026-01-01T00:00:00Z. */
#define WORLD_EPOCH_S INT64_C(1767225600)
#define TIME_TEXT_MAX 40

/* RFC 3339 with whole seconds ("2026-01-01T00:05:00Z"), as metav1.Time; returns buffer. */
const char *time_format(Nanos at, char buffer[TIME_TEXT_MAX]);

/* With microseconds, as metav1.MicroTime. */
const char *time_format_micro(Nanos at, char buffer[TIME_TEXT_MAX]);

/* Reads RFC 3339 with any fraction; false if it is none. Times before the epoch are negative. */
bool time_parse(const char *text, Nanos *ret_at);

/* The time a text value holds; fallback if absent or malformed. */
Nanos time_of(const Value *value, Nanos fallback);

#endif
