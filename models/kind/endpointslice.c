/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpointslice.c - the kind EndpointSlice.
 * Mirrors: kubernetes v1.36 pkg/apis/discovery/v1/defaults.go, pkg/apis/discovery/validation.
 * Simplified: an endpoint's first address is the one that counts, as consumers treat it.
 * State: none.
 */
#include "models/kind/edit.h"
#include "models/kind/part.h"
#include "models/kind/path.h"

/* --- defaults --- */

static void default_port(Value **port)
{
    edit_text(port, "name", "");
    edit_text(port, "protocol", "TCP");
}

static void endpointslice_defaults(Value **slice)
{
    edit_items(slice, "ports", default_port);
}

/* --- validation --- */

static const Field fields[] = {
    {"addressType", FIELD_STRING, NULL},
    {"endpoints", FIELD_LIST, "[]v1.Endpoint"},
    {"ports", FIELD_LIST, "[]v1.EndpointPort"},
    {NULL, FIELD_MAP, NULL},
};

static void endpointslice_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    static const char *const types[] = {"FQDN", "IPv4", "IPv6", NULL};
    if (!path_fields(errors, NULL, now, fields, "v1.EndpointSlice")) return;
    const Value *type = value_get(now, "addressType"), *endpoints = value_get(now, "endpoints");
    const Path *path = PATH(NULL, "endpoints");
    if (edit_is_unset(type))
        path_required(errors, PATH(NULL, "addressType"), now, "");
    else
        path_one_of(errors, PATH(NULL, "addressType"), type, types);
    value_each (i, endpoints)
        if (value_size(value_get(value_at(endpoints, i), "addresses")) == 0)
            path_required(errors, PATH(PATH_AT(path, i), "addresses"), value_at(endpoints, i),
                          "must contain at least 1 address");
    if (old != NULL)
        path_immutable(errors, PATH(NULL, "addressType"), type, value_get(old, "addressType"));
}

/* --- projection --- */

/* A condition that is not given means ready, as consumers must take it. */
static Endpoint endpoint_read(AtomTable *atoms, const Value *endpoint)
{
    const Value *conditions = value_get(endpoint, "conditions");
    const Value *target = value_get(endpoint, "targetRef");
    bool is_ready = value_as_bool(value_get(conditions, "ready"), true);
    return (Endpoint){
        .address =
            atom_of(atoms, value_as_text(value_at(value_get(endpoint, "addresses"), 0), NULL)),
        .hostname = part_atom(atoms, endpoint, "hostname"),
        .node_name = part_atom(atoms, endpoint, "nodeName"),
        .pod_name = part_atom(atoms, target, "name"),
        .pod_uid = part_atom(atoms, target, "uid"),
        .is_ready = is_ready,
        .is_serving = value_as_bool(value_get(conditions, "serving"), is_ready),
        .is_terminating = part_bool(conditions, "terminating"),
    };
}

static PortView port_read(AtomTable *atoms, const Value *port)
{
    return (PortView){
        .name = part_atom(atoms, port, "name"),
        .protocol = part_atom(atoms, port, "protocol"),
        .port = part_int(port, "port", 0),
    };
}

static const void *endpointslice_project(const ViewContext *context, const Value *value,
                                         const Object *old)
{
    AtomTable *atoms = context->atoms;
    const Value *endpoints = value_get(value, "endpoints"), *ports = value_get(value, "ports");
    uint32_t endpoint_count = part_list_size(endpoints), port_count = part_list_size(ports);
    char *tail;
    EndpointSliceView *view = part_block(
        sizeof *view, port_count * sizeof(PortView) + endpoint_count * sizeof(Endpoint), &tail);
    PortView *port_views = PART_TAKE(&tail, PortView, port_count);
    Endpoint *endpoint_views = PART_TAKE(&tail, Endpoint, endpoint_count);
    for (uint32_t i = 0; i < port_count; i++)
        port_views[i] = port_read(atoms, value_at(ports, i));
    for (uint32_t i = 0; i < endpoint_count; i++)
        endpoint_views[i] = endpoint_read(atoms, value_at(endpoints, i));
    view->meta = meta_project(context, value, old);
    view->service = meta_label(view->meta, atom_of(atoms, "kubernetes.io/service-name"));
    view->endpoint_count = endpoint_count;
    view->port_count = port_count;
    view->endpoints = endpoint_views;
    view->ports = port_views;
    return view;
}

static void endpointslice_release(const void *view)
{
    meta_unref(((const EndpointSliceView *)view)->meta);
    g_free((gpointer)(uintptr_t)view);
}

static unsigned keys_service(const Object *object, uint64_t *keys, unsigned max)
{
    Atom service = slice_view(object)->service;
    if (service == ATOM_NONE || max == 0) return 0;
    keys[0] = index_key(object->key.space, service);
    return 1;
}

static const IndexInfo endpointslice_indexes[] = {
    {INDEX_SLICE_SERVICE, keys_service},
    {INDEX_NONE, NULL},
};

/* --- facts --- */

static int by_text(gconstpointer a, gconstpointer b, gpointer atoms)
{
    return atom_compare(atoms, *(const Atom *)a, *(const Atom *)b);
}

/* The ready addresses of a slice (none for NULL), sorted by text; free the array. */
static GArray *ready_addresses(const AtomTable *atoms, const Object *object)
{
    GArray *addresses = g_array_new(FALSE, FALSE, sizeof(Atom));
    const EndpointSliceView *slice = object != NULL ? slice_view(object) : NULL;
    for (uint32_t i = 0; slice != NULL && i < slice->endpoint_count; i++)
        if (slice->endpoints[i].is_ready)
            g_array_append_val(addresses, slice->endpoints[i].address);
    g_array_sort_with_data(addresses, by_text, (gpointer)(uintptr_t)atoms);
    return addresses;
}

static bool same_atoms(const GArray *a, const GArray *b)
{
    return a->len == b->len &&
           (a->len == 0 || memcmp(a->data, b->data, a->len * sizeof(Atom)) == 0);
}

static Atom join(World *world, const GArray *addresses)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < addresses->len; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? "," : "",
                               atom_text(world_atoms(world), g_array_index(addresses, Atom, i)));
    return part_detail(world, text);
}

/* The subject is the service; the uid tells its slices apart. */
static void endpointslice_record(World *world, const Object *old, const Object *now)
{
    const Object *slice = now != NULL ? now : old;
    Atom service = slice_view(slice)->service;
    if (service == ATOM_NONE) return;
    AtomTable *atoms = world_atoms(world);
    g_autoptr(GArray) before = ready_addresses(atoms, old);
    g_autoptr(GArray) after = ready_addresses(atoms, now);
    if (same_atoms(before, after)) return;
    Key subject = {KIND_SERVICE, slice->key.space, service};
    world_fact(world, ROW_ENDPOINTS,
               (Fact){.object = key_ref(atoms, subject),
                      .uid = slice->uid,
                      .detail = join(world, after),
                      .number = after->len});
}

const KindInfo endpointslice_kind = {
    .name = "EndpointSlice",
    .api_version = "discovery.k8s.io/v1",
    .plural = "endpointslices",
    .also = (const char *const[]){"discovery.k8s.io/v1beta1", NULL},
    .is_namespaced = true,
    .defaults = endpointslice_defaults,
    .validate = endpointslice_validate,
    .project = endpointslice_project,
    .release = endpointslice_release,
    .indexes = endpointslice_indexes,
    .record = endpointslice_record,
};
