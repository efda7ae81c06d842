/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpointslice_parts.c - endpoints of pods, their ports, and how they are dealt out to slices.
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/endpointslice (reconciler.go, utils.go).
 * Simplified: free places of unchanged slices are always used before a new slice is made (upstream
 *   weighs the number of writes); within a slice endpoints are in order of pod names.
 * State: none.
 */
#include "models/control/endpointslice_parts.h"

#define PER_SLICE  100
#define MANAGED_BY "endpointslice-controller.k8s.io"

typedef struct {
    Atom pod, uid;
    Value *value;
    bool is_placed;
} Wanted;

/* Pods whose ports are the same number share slices. */
typedef struct {
    Value *ports;
    GPtrArray *wanted; /* of Wanted, by pod name */
} PortGroup;

bool service_selects(const Object *service, const Object *pod)
{
    const ServiceView *view = service_view(service);
    if (service->key.space != pod->key.space || view->selector_count == 0) return false;
    for (uint32_t i = 0; i < view->selector_count; i++) {
        if (meta_label(object_meta(pod), view->selector[i].key) != view->selector[i].value) {
            return false;
        }
    }
    return true;
}

bool slice_is_managed(const Actor *actor, const Object *slice)
{
    Atom label = actor_atom(actor, "endpointslice.kubernetes.io/managed-by");
    return meta_label(object_meta(slice), label) == actor_atom(actor, MANAGED_BY);
}

/* --- endpoints --- */

static Value *endpoint_of(const Actor *actor, const Object *service, const Object *pod)
{
    const PodView *view = pod_view(pod);
    bool is_serving = view->ready == CONDITION_TRUE;
    bool is_terminating = object_is_terminating(pod);
    bool is_ready = service_view(service)->publishes_not_ready || (is_serving && !is_terminating);
    Value *addresses = value_list();
    value_list_add(addresses, value_string(actor_text(actor, view->pod_ip)));
    Value *conditions = value_map();
    value_map_set(conditions, "ready", value_bool(is_ready));
    value_map_set(conditions, "serving", value_bool(is_serving));
    value_map_set(conditions, "terminating", value_bool(is_terminating));
    Value *target = value_map();
    value_map_set(target, "kind", value_string("Pod"));
    value_map_set(target, "namespace", value_string(actor_text(actor, pod->key.space)));
    value_map_set(target, "name", value_string(actor_text(actor, pod->key.name)));
    value_map_set(target, "uid", value_string(actor_text(actor, pod->uid)));
    Value *endpoint = value_map();
    value_map_set(endpoint, "addresses", addresses);
    value_map_set(endpoint, "conditions", conditions);
    value_map_set(endpoint, "targetRef", target);
    if (view->spec->node_name != ATOM_NONE) {
        value_map_set(endpoint, "nodeName", value_string(actor_text(actor, view->spec->node_name)));
    }
    if (view->spec->hostname != ATOM_NONE && view->spec->subdomain == service->key.name) {
        value_map_set(endpoint, "hostname", value_string(actor_text(actor, view->spec->hostname)));
    }
    return endpoint;
}

/* The number behind a port of the Service on this pod; 0 if the pod has no port of that name. */
static int64_t port_of(const ServicePort *port, const PodSpec *spec)
{
    if (port->target_name == ATOM_NONE)
        return port->target_port > 0 ? port->target_port : port->port;
    for (uint32_t i = 0; i < spec->port_count; i++) {
        if (spec->ports[i].name != port->target_name) continue;
        if (spec->ports[i].protocol == port->protocol) return spec->ports[i].port;
    }
    return 0;
}

static Value *ports_of(const Actor *actor, const ServiceView *service, const PodSpec *spec)
{
    Value *list = value_list();
    for (uint32_t i = 0; i < service->port_count; i++) {
        const ServicePort *port = &service->ports[i];
        int64_t number = port_of(port, spec);
        if (number == 0) continue;
        const char *protocol =
            port->protocol != ATOM_NONE ? actor_text(actor, port->protocol) : "TCP";
        Value *entry = value_map();
        value_map_set(entry, "name", value_string(actor_text(actor, port->name)));
        value_map_set(entry, "port", value_int(number));
        value_map_set(entry, "protocol", value_string(protocol));
        value_list_add(list, entry);
    }
    return list;
}

static bool is_endpoint(const Object *service, const Object *pod)
{
    const PodView *view = pod_view(pod);
    return service_selects(service, pod) && view->pod_ip != ATOM_NONE && !pod_is_terminal(view);
}

static void group_destroy(gpointer data)
{
    PortGroup *group = (PortGroup *)data;
    for (unsigned i = 0; i < group->wanted->len; i++) {
        Wanted *wanted = (Wanted *)g_ptr_array_index(group->wanted, i);
        value_unref(wanted->value);
        g_free(wanted);
    }
    g_ptr_array_unref(group->wanted);
    value_unref(group->ports);
    g_free(group);
}

/* The group of these ports, made if it is new; ports is taken. */
static PortGroup *group_of(GPtrArray *groups, Value *ports)
{
    for (unsigned i = 0; i < groups->len; i++) {
        PortGroup *group = (PortGroup *)g_ptr_array_index(groups, i);
        if (!value_equal(group->ports, ports)) continue;
        value_unref(ports);
        return group;
    }
    PortGroup *group = g_new0(PortGroup, 1);
    group->ports = ports;
    group->wanted = g_ptr_array_new();
    g_ptr_array_add(groups, group);
    return group;
}

static int compare_objects(gconstpointer a, gconstpointer b, gpointer atoms)
{
    const Object *x = *(const Object *const *)a, *y = *(const Object *const *)b;
    return key_compare((const AtomTable *)atoms, x->key, y->key);
}

static GPtrArray *sorted(const Actor *actor, ObjectList list)
{
    GPtrArray *objects = g_ptr_array_sized_new(list.count);
    for (unsigned i = 0; i < list.count; i++) {
        g_ptr_array_add(objects, (gpointer)(uintptr_t)list.items[i]);
    }
    g_ptr_array_sort_with_data(objects, compare_objects, world_atoms(actor_world(actor)));
    return objects;
}

/* The endpoints that the Service should have, by ports. */
static GPtrArray *groups_of(const Actor *actor, const Object *service)
{
    const ServiceView *view = service_view(service);
    GPtrArray *groups = g_ptr_array_new_with_free_func(group_destroy);
    uint64_t key = index_key3(service->key.space, view->selector[0].key, view->selector[0].value);
    g_autoptr(GPtrArray) pods = sorted(actor, actor_lookup(actor, INDEX_POD_LABEL, key));
    for (unsigned i = 0; i < pods->len; i++) {
        const Object *pod = (const Object *)g_ptr_array_index(pods, i);
        if (!is_endpoint(service, pod)) continue;
        PortGroup *group = group_of(groups, ports_of(actor, view, pod_view(pod)->spec));
        Wanted *wanted = g_new0(Wanted, 1);
        *wanted = (Wanted){pod->key.name, pod->uid, endpoint_of(actor, service, pod), false};
        g_ptr_array_add(group->wanted, wanted);
    }
    return groups;
}

/* --- drafts --- */

static void endpoint_destroy(gpointer value)
{
    value_unref((const Value *)value);
}

static SliceDraft *draft_new(SliceDrafts *drafts, const Object *base, const Value *ports)
{
    SliceDraft *draft = g_new0(SliceDraft, 1);
    draft->base = base;
    draft->ports = ports != NULL ? value_ref(ports) : value_list();
    draft->endpoints = g_ptr_array_new_with_free_func(endpoint_destroy);
    g_ptr_array_add(drafts->list, draft);
    return draft;
}

static void draft_destroy(gpointer data)
{
    SliceDraft *draft = (SliceDraft *)data;
    value_unref(draft->ports);
    g_ptr_array_unref(draft->endpoints);
    g_free(draft);
}

/* Keeps of an existing slice what is still wanted, as it is now. */
static void draft_keep(const Actor *actor, SliceDraft *draft, const PortGroup *group)
{
    const Value *present = value_get(draft->base->value, "endpoints");
    value_each (i, present) {
        const Value *endpoint = value_at(present, i);
        Atom uid = actor_atom(actor, value_text(endpoint, "targetRef", "uid"));
        Wanted *found = NULL;
        for (unsigned j = 0; j < group->wanted->len && found == NULL; j++) {
            Wanted *wanted = (Wanted *)g_ptr_array_index(group->wanted, j);
            if (wanted->uid == uid && !wanted->is_placed) found = wanted;
        }
        if (found == NULL) {
            draft->is_changed = true;
            continue;
        }
        found->is_placed = true;
        draft->is_changed |= !value_equal(found->value, endpoint);
        g_ptr_array_add(draft->endpoints, value_ref(found->value));
    }
}

static void draft_existing(SliceDrafts *drafts, const Actor *actor, const Object *service,
                           const GPtrArray *groups)
{
    uint64_t key = index_key(service->key.space, service->key.name);
    g_autoptr(GPtrArray) slices = sorted(actor, actor_lookup(actor, INDEX_SLICE_SERVICE, key));
    for (unsigned i = 0; i < slices->len; i++) {
        const Object *slice = (const Object *)g_ptr_array_index(slices, i);
        if (!slice_is_managed(actor, slice) || object_is_terminating(slice)) continue;
        const Value *ports = value_get(slice->value, "ports");
        SliceDraft *draft = draft_new(drafts, slice, ports);
        const PortGroup *group = NULL;
        for (unsigned j = 0; j < groups->len && group == NULL; j++) {
            const PortGroup *each = (const PortGroup *)g_ptr_array_index(groups, j);
            if (value_equal(each->ports, draft->ports)) group = each;
        }
        if (group != NULL) {
            draft_keep(actor, draft, group);
        } else {
            draft->is_changed = value_size(value_get(slice->value, "endpoints")) > 0;
        }
    }
}

/* A draft of these ports with a free place: a changed one, else an unchanged one, else a slice that
 * would be deleted, else a new one. */
static SliceDraft *draft_with_room(SliceDrafts *drafts, const Value *ports)
{
    SliceDraft *unchanged = NULL, *empty = NULL;
    for (unsigned i = 0; i < drafts->list->len; i++) {
        SliceDraft *draft = (SliceDraft *)g_ptr_array_index(drafts->list, i);
        bool is_empty = draft->endpoints->len == 0;
        if (is_empty && empty == NULL && draft->base != NULL) empty = draft;
        if (!value_equal(draft->ports, ports) || draft->endpoints->len >= PER_SLICE) continue;
        if (is_empty && draft->base != NULL) continue;
        if (draft->is_changed || draft->base == NULL) return draft;
        if (unchanged == NULL) unchanged = draft;
    }
    if (unchanged != NULL) return unchanged;
    if (empty == NULL) return draft_new(drafts, NULL, ports);
    value_unref(empty->ports);
    empty->ports = value_ref(ports);
    return empty;
}

static void place_rest(SliceDrafts *drafts, const PortGroup *group)
{
    for (unsigned i = 0; i < group->wanted->len; i++) {
        Wanted *wanted = (Wanted *)g_ptr_array_index(group->wanted, i);
        if (wanted->is_placed) continue;
        SliceDraft *draft = draft_with_room(drafts, group->ports);
        draft->is_changed = wanted->is_placed = true;
        g_ptr_array_add(draft->endpoints, value_ref(wanted->value));
    }
}

/* Empty slices go, but one stays (or is made) where there would be none. */
static void settle_empty(SliceDrafts *drafts)
{
    SliceDraft *spare = NULL;
    bool has_full = false;
    for (unsigned i = 0; i < drafts->list->len; i++) {
        SliceDraft *draft = (SliceDraft *)g_ptr_array_index(drafts->list, i);
        has_full |= draft->endpoints->len > 0;
        draft->is_deleted = draft->endpoints->len == 0;
        if (draft->is_deleted && spare == NULL) spare = draft;
    }
    if (has_full) return;
    if (spare == NULL) {
        draft_new(drafts, NULL, NULL)->is_changed = true;
        return;
    }
    spare->is_deleted = false;
    if (value_size(spare->ports) == 0) return;
    value_unref(spare->ports);
    spare->ports = value_list();
    spare->is_changed = true;
}

static int rank_of(const SliceDraft *draft)
{
    return draft->base == NULL ? 0 : draft->is_deleted ? 2 : 1;
}

/* Stable: drafts of one rank stay in order of slice names, new ones in order of filling. */
static void order_drafts(SliceDrafts *drafts)
{
    GPtrArray *ordered = g_ptr_array_new_with_free_func(draft_destroy);
    for (int rank = 0; rank < 3; rank++) {
        for (unsigned i = 0; i < drafts->list->len; i++) {
            gpointer draft = g_ptr_array_index(drafts->list, i);
            if (rank_of((const SliceDraft *)draft) == rank) g_ptr_array_add(ordered, draft);
        }
    }
    g_ptr_array_set_free_func(drafts->list, NULL);
    g_ptr_array_unref(drafts->list);
    drafts->list = ordered;
}

void slice_drafts_make(SliceDrafts *drafts, const Actor *actor, const Object *service)
{
    drafts->list = g_ptr_array_new_with_free_func(draft_destroy);
    g_autoptr(GPtrArray) groups = groups_of(actor, service);
    draft_existing(drafts, actor, service, groups);
    for (unsigned i = 0; i < groups->len; i++) {
        place_rest(drafts, (const PortGroup *)g_ptr_array_index(groups, i));
    }
    settle_empty(drafts);
    order_drafts(drafts);
}

void slice_drafts_clear(SliceDrafts *drafts)
{
    g_ptr_array_unref(drafts->list);
    drafts->list = NULL;
}

/* --- objects --- */

static Value *slice_metadata(const Actor *actor, const Object *service)
{
    const char *name = actor_text(actor, service->key.name);
    const Value *own = value_find(service->value, "metadata", "labels");
    Value *labels = own != NULL ? value_ref(own) : value_map();
    value_put(&labels, value_string(name), "kubernetes.io/service-name");
    value_put(&labels, value_string(MANAGED_BY), "endpointslice.kubernetes.io/managed-by");
    if (service_view(service)->is_headless) {
        value_put(&labels, value_string(""), "service.kubernetes.io/headless");
    }
    Value *owner = value_map();
    value_map_set(owner, "apiVersion", value_string("v1"));
    value_map_set(owner, "kind", value_string("Service"));
    value_map_set(owner, "name", value_string(name));
    value_map_set(owner, "uid", value_string(actor_text(actor, service->uid)));
    value_map_set(owner, "controller", value_bool(true));
    value_map_set(owner, "blockOwnerDeletion", value_bool(true));
    Value *owners = value_list();
    value_list_add(owners, owner);
    Value *metadata = value_map();
    value_map_set(metadata, "generateName", value_printf("%s-", name));
    value_map_set(metadata, "namespace", value_string(actor_text(actor, service->key.space)));
    value_map_set(metadata, "labels", labels);
    value_map_set(metadata, "ownerReferences", owners);
    return metadata;
}

Value *slice_body(const Actor *actor, const Object *service, const SliceDraft *draft)
{
    Value *body = draft->base != NULL ? value_ref(draft->base->value) : value_map();
    if (draft->base == NULL) {
        value_put(&body, value_string("discovery.k8s.io/v1"), "apiVersion");
        value_put(&body, value_string("EndpointSlice"), "kind");
        value_put(&body, slice_metadata(actor, service), "metadata");
        value_put(&body, value_string("IPv4"), "addressType");
    }
    Value *endpoints = value_list();
    for (unsigned i = 0; i < draft->endpoints->len; i++) {
        value_list_add(endpoints, value_ref((const Value *)g_ptr_array_index(draft->endpoints, i)));
    }
    value_put(&body, endpoints, "endpoints");
    value_put(&body, value_ref(draft->ports), "ports");
    return body;
}
