/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpointslice.c - the endpointslice controller: who is behind a Service, in slices of 100.
 * Mirrors: kubernetes v1.36 pkg/controller/endpointslice (endpointslice_controller.go),
 *   staging/src/k8s.io/endpointslice (reconciler.go, utils.go, endpointslice_tracker.go).
 * Simplified: IPv4 only; no zones of endpoints and no topology hints; labels of the Service are
 *   copied when a slice is made, not later. Effect: none on who is an endpoint and when.
 * State: none; the tracker remembers the versions of own writes.
 *
 * A slice of the controller's own that the cache does not show yet is a failed sync: back-off of
 * 1 s and more, as upstream.
 */
#include "models/control/endpointslice_parts.h"

#define OWN_CHANGE_DELAY NANOS_S
#define RETRIES          15

/* Versions written of the slices of one Service. */
typedef struct {
    Atom name;
    int64_t version;
} Written;

typedef struct {
    GHashTable *tracked; /* Key of a Service to GArray of Written */
} SliceControl;

/* --- the tracker --- */

static GArray *tracked_of(const SliceControl *control, Key service)
{
    return (GArray *)g_hash_table_lookup(control->tracked, &service);
}

static void track(SliceControl *control, Key service, Atom name, int64_t version)
{
    GArray *list = tracked_of(control, service);
    if (list == NULL) {
        list = g_array_new(FALSE, FALSE, sizeof(Written));
        g_hash_table_insert(control->tracked, g_memdup2(&service, sizeof service), list);
    }
    for (unsigned i = 0; i < list->len; i++) {
        Written *written = &g_array_index(list, Written, i);
        if (written->name != name) continue;
        written->version = MAX(written->version, version);
        return;
    }
    Written written = {name, version};
    g_array_append_val(list, written);
}

static void untrack(const SliceControl *control, Key service, Atom name)
{
    GArray *list = tracked_of(control, service);
    for (unsigned i = 0; list != NULL && i < list->len; i++) {
        if (g_array_index(list, Written, i).name != name) continue;
        g_array_remove_index(list, i);
        return;
    }
}

static int64_t tracked_version(const SliceControl *control, Key service, Atom name)
{
    const GArray *list = tracked_of(control, service);
    for (unsigned i = 0; list != NULL && i < list->len; i++) {
        const Written *written = &g_array_index(list, Written, i);
        if (written->name == name) return written->version;
    }
    return -1;
}

/* Whether the cache lags behind what this controller wrote. */
static bool is_stale(const Actor *actor, const SliceControl *control, Key service)
{
    const GArray *list = tracked_of(control, service);
    for (unsigned i = 0; list != NULL && i < list->len; i++) {
        const Written *written = &g_array_index(list, Written, i);
        const Object *slice =
            actor_get(actor, (Key){KIND_ENDPOINT_SLICE, service.space, written->name});
        if (slice == NULL || slice->version < written->version) return true;
    }
    return false;
}

/* --- writing --- */

static PlanVerdict on_written(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    SliceControl *control = (SliceControl *)actor_state(actor);
    const Key *service = (const Key *)data;
    bool is_delete = plan_step_verb(step) == REQUEST_DELETE;
    if (is_delete && (reply->reason == REASON_OK || reply->reason == REASON_NOT_FOUND)) {
        untrack(control, *service, plan_step_key(step).name);
        return PLAN_ACCEPT;
    }
    if (reply->reason != REASON_OK) return PLAN_REFUSE;
    track(control, *service, reply->object->key.name, reply->object->version);
    return PLAN_ACCEPT;
}

static void plan_drafts(Actor *actor, const Object *service, const SliceDrafts *drafts)
{
    Key *key = (Key *)plan_alloc(actor, sizeof(Key));
    *key = service->key;
    for (unsigned i = 0; i < drafts->list->len; i++) {
        const SliceDraft *draft = (const SliceDraft *)g_ptr_array_index(drafts->list, i);
        PlanStep *step = NULL;
        if (draft->base == NULL) {
            step = plan_create(actor, KIND_ENDPOINT_SLICE, slice_body(actor, service, draft));
        } else if (draft->is_deleted) {
            step = plan_delete(actor, draft->base->key);
        } else if (draft->is_changed) {
            step = plan_update(actor, draft->base, slice_body(actor, service, draft));
        }
        if (step != NULL) plan_then(step, on_written, key);
    }
}

static void endpointslice_sync(Actor *actor, Key key)
{
    SliceControl *control = (SliceControl *)actor_state(actor);
    const Object *service = actor_get(actor, key);
    if (service == NULL) {
        g_hash_table_remove(control->tracked, &key); /* the garbage collector takes the slices */
        return;
    }
    const ServiceView *view = service_view(service);
    if (view->selector_count == 0 || view->is_external_name) return;
    if (is_stale(actor, control, key)) {
        plan_fail(actor, "EndpointSlice informer cache is out of date");
        return;
    }
    SliceDrafts drafts;
    slice_drafts_make(&drafts, actor, service);
    plan_drafts(actor, service, &drafts);
    slice_drafts_clear(&drafts);
}

/* --- what the watches tell --- */

static void enqueue_services(Actor *actor, const Object *pod)
{
    const Meta *meta = object_meta(pod);
    for (uint32_t i = 0; i < meta->label_count; i++) {
        uint64_t key = index_key3(pod->key.space, meta->labels[i].key, meta->labels[i].value);
        ObjectList list = actor_lookup(actor, INDEX_SERVICE_SELECTOR, key);
        for (unsigned j = 0; j < list.count; j++) {
            if (service_selects(list.items[j], pod)) actor_enqueue(actor, list.items[j]->key);
        }
    }
}

static bool matters(const Object *old, const Object *now)
{
    const PodView *a = pod_view(old), *b = pod_view(now);
    if (a->pod_ip != b->pod_ip || a->ready != b->ready) return true;
    if (pod_is_terminal(a) != pod_is_terminal(b)) return true;
    if (a->spec->node_name != b->spec->node_name || old->uid != now->uid) return true;
    if (a->spec->hostname != b->spec->hostname) return true;
    if (a->spec->subdomain != b->spec->subdomain) return true;
    return object_is_terminating(old) != object_is_terminating(now);
}

static bool labels_differ(const Meta *a, const Meta *b)
{
    if (a->label_count != b->label_count) return true;
    for (uint32_t i = 0; i < a->label_count; i++) {
        if (a->labels[i].key != b->labels[i].key) return true;
        if (a->labels[i].value != b->labels[i].value) return true;
    }
    return false;
}

static void on_pod(Actor *actor, const Object *old, const Object *now)
{
    bool has_both = old != NULL && now != NULL;
    bool has_moved = has_both && labels_differ(object_meta(old), object_meta(now));
    if (has_both && !has_moved && !matters(old, now)) return;
    if (now == NULL || has_moved) enqueue_services(actor, old);
    if (now != NULL) enqueue_services(actor, now);
}

static void on_service(Actor *actor, const Object *old, const Object *now)
{
    actor_enqueue(actor, now != NULL ? now->key : old->key);
}

/* Slices that others changed or removed are put right a second later. */
static void on_slice(Actor *actor, const Object *old, const Object *now)
{
    const Object *slice = now != NULL ? now : old;
    Atom name = slice_view(slice)->service;
    if (name == ATOM_NONE || !slice_is_managed(actor, slice)) return;
    if (old == NULL) return;
    Key service = {KIND_SERVICE, slice->key.space, name};
    int64_t version = tracked_version((SliceControl *)actor_state(actor), service, slice->key.name);
    bool is_expected = now != NULL ? now->version <= version : version < 0;
    if (!is_expected) actor_after(actor, OWN_CHANGE_DELAY, service);
    if (now == NULL) untrack((SliceControl *)actor_state(actor), service, slice->key.name);
}

/* --- life --- */

static guint hash_key(gconstpointer key)
{
    return (guint)key_hash(*(const Key *)key);
}

static gboolean keys_equal(gconstpointer a, gconstpointer b)
{
    return key_equal(*(const Key *)a, *(const Key *)b);
}

static void tracked_destroy(gpointer list)
{
    g_array_unref((GArray *)list);
}

static void endpointslice_start(Actor *actor)
{
    SliceControl *control = (SliceControl *)actor_state(actor);
    control->tracked = g_hash_table_new_full(hash_key, keys_equal, g_free, tracked_destroy);
}

static void endpointslice_stop(Actor *actor)
{
    g_hash_table_unref(((SliceControl *)actor_state(actor))->tracked);
}

static const WatchRule watches[] = {
    {KIND_POD, on_pod, SCOPE_ALL, INDEX_NONE},
    {KIND_SERVICE, on_service, SCOPE_ALL, INDEX_NONE},
    {KIND_ENDPOINT_SLICE, on_slice, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component endpointslice_component = {
    .name = "endpointslice-controller",
    .help = "keeps EndpointSlices of Services with a selector",
    .state_size = sizeof(SliceControl),
    .watches = watches,
    .workers = 5,
    .backoff = {NANOS_S, 1000 * NANOS_S, RETRIES},
    .start = endpointslice_start,
    .stop = endpointslice_stop,
    .sync = endpointslice_sync,
};
