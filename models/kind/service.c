/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.c - the kind Service.
 * Mirrors: kubernetes v1.36 pkg/apis/core/v1/defaults.go (SetDefaults_Service),
 *   pkg/apis/core/validation/validation.go (ValidateService), pkg/registry/core/service/storage.
 * Simplified: IPv4 only; no node ports and load balancers; addresses are not allocated here.
 * State: none.
 */
#include "models/kind/edit.h"
#include "models/kind/part.h"
#include "models/kind/path.h"

/* --- defaults --- */

static void default_port(Value **port)
{
    edit_drop_empty(port,
                    (const char *const[]){"name", "protocol", "targetPort", "nodePort", NULL});
    edit_text(port, "protocol", "TCP");
    const Value *number = value_get(*port, "port");
    if (edit_is_unset(value_get(*port, "targetPort")) && !edit_is_unset(number))
        value_put(port, value_ref(number), "targetPort");
}

static bool spec_is(const Value *spec, const char *key, const char *text)
{
    return strcmp(value_as_text(value_get(spec, key), ""), text) == 0;
}

/* Single-stack, as a cluster without configuration has it. An ExternalName has no addresses. */
static void default_families(Value **spec)
{
    if (spec_is(*spec, "type", "ExternalName")) return;
    edit_text(spec, "ipFamilyPolicy", "SingleStack");
    if (edit_is_unset(value_get(*spec, "ipFamilies"))) {
        Value *families = value_list();
        value_list_add(families, value_string("IPv4"));
        value_put(spec, families, "ipFamilies");
    }
    if (spec_is(*spec, "clusterIP", "None") && edit_is_unset(value_get(*spec, "clusterIPs"))) {
        Value *addresses = value_list();
        value_list_add(addresses, value_string("None"));
        value_put(spec, addresses, "clusterIPs");
    }
}

static void default_spec(Value **spec)
{
    edit_drop_empty(spec, (const char *const[]){"type", "sessionAffinity", "selector", "ports",
                                                "clusterIP", "externalName",
                                                "publishNotReadyAddresses", NULL});
    edit_text(spec, "type", "ClusterIP");
    edit_text(spec, "sessionAffinity", "None");
    edit_items(spec, "ports", default_port);
    bool is_outside = spec_is(*spec, "type", "NodePort") || spec_is(*spec, "type", "LoadBalancer");
    if (is_outside) edit_text(spec, "externalTrafficPolicy", "Cluster");
    if (is_outside || spec_is(*spec, "type", "ClusterIP"))
        edit_text(spec, "internalTrafficPolicy", "Cluster");
    if (spec_is(*spec, "type", "LoadBalancer"))
        edit_bool(spec, "allocateLoadBalancerNodePorts", true);
    default_families(spec);
}

static void service_defaults(Value **service)
{
    edit_struct(service, "spec", default_spec);
}

/* --- validation --- */

#define NAME_FORM                                                                                \
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an " \
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "         \
    "'abc-123', "                                                                                \
    "regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"

static const char *name_is_dns_1035(const char *text)
{
    return name_is_dns_label(text) == NULL && g_ascii_isalpha(text[0]) ? NULL : NAME_FORM;
}

static const Field spec_fields[] = {
    {"type", FIELD_STRING, NULL},
    {"clusterIP", FIELD_STRING, NULL},
    {"externalName", FIELD_STRING, NULL},
    {"sessionAffinity", FIELD_STRING, NULL},
    {"selector", FIELD_STRING_MAP, NULL},
    {"ports", FIELD_LIST, "[]v1.ServicePort"},
    {"publishNotReadyAddresses", FIELD_BOOL, NULL},
    {NULL, FIELD_MAP, NULL},
};

static const Field port_fields[] = {
    {"name", FIELD_STRING, NULL},    {"protocol", FIELD_STRING, NULL},
    {"port", FIELD_INT32, NULL},     {"targetPort", FIELD_INT_OR_STRING, NULL},
    {"nodePort", FIELD_INT32, NULL}, {NULL, FIELD_MAP, NULL},
};

static void validate_port(const Value *port, const Path *path, bool needs_name, PathNames *names,
                          FieldErrors *errors)
{
    static const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};
    if (!path_fields(errors, path, port, port_fields, "v1.ServicePort")) return;
    const Value *name = value_get(port, "name"), *target = value_get(port, "targetPort");
    if (value_as_text(name, "")[0] == 0) {
        if (needs_name) path_required(errors, PATH(path, "name"), port, "");
    } else {
        path_name(errors, PATH(path, "name"), name, name_is_dns_label);
        path_unique(errors, PATH(path, "name"), name, names);
    }
    path_port(errors, PATH(path, "port"), value_get(port, "port"));
    path_one_of(errors, PATH(path, "protocol"), value_get(port, "protocol"), protocols);
    if (!edit_is_unset(target) && !value_is_string(target))
        path_port(errors, PATH(path, "targetPort"), target);
}

static void validate_ports(const Value *spec, const Path *path, FieldErrors *errors)
{
    const Value *ports = value_get(spec, "ports");
    const Path *at = PATH(path, "ports");
    bool may_lack = spec_is(spec, "clusterIP", "None") || spec_is(spec, "type", "ExternalName");
    if (value_size(ports) == 0 && !may_lack) path_required(errors, at, spec, "");
    g_auto(PathNames) names = {NULL};
    value_each (i, ports)
        validate_port(value_at(ports, i), PATH_AT(at, i), value_size(ports) > 1, &names, errors);
}

static void validate_spec(const Value *spec, FieldErrors *errors)
{
    static const char *const types[] = {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort",
                                        NULL};
    static const char *const affinities[] = {"ClientIP", "None", NULL};
    const Path *path = PATH(NULL, "spec");
    if (!path_fields(errors, path, spec, spec_fields, "v1.ServiceSpec")) return;
    path_one_of(errors, PATH(path, "type"), value_get(spec, "type"), types);
    path_one_of(errors, PATH(path, "sessionAffinity"), value_get(spec, "sessionAffinity"),
                affinities);
    validate_ports(spec, path, errors);
    if (spec_is(spec, "type", "ExternalName")) {
        path_name(errors, PATH(path, "externalName"), value_get(spec, "externalName"),
                  name_is_dns_subdomain);
        if (spec_is(spec, "clusterIP", "None"))
            path_forbidden(errors, PATH(path, "clusterIPs"), spec,
                           "may not be set when `type` is 'ExternalName'");
    }
    const Value *selector = value_get(spec, "selector");
    value_each (i, selector) {
        const char *fault = name_is_label_value(value_as_text(value_at(selector, i), ""));
        if (fault != NULL)
            path_invalid(errors, PATH(path, "selector"), value_at(selector, i), fault);
    }
}

static void validate_update(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *address = value_get(now, "clusterIP"), *before = value_get(old, "clusterIP");
    bool has_address = value_as_text(before, "")[0] != 0;
    if (has_address && !spec_is(now, "type", "ExternalName") && !value_equal(address, before))
        path_invalid(errors, PATH_AT(PATH(PATH(NULL, "spec"), "clusterIPs"), 0), address,
                     "may not change once set");
}

static void service_validate(const Value *now, const Value *old, FieldErrors *errors)
{
    const Value *spec = value_get(now, "spec"), *name = value_find(now, "metadata", "name");
    if (old == NULL && value_as_text(name, "")[0] != 0)
        path_name(errors, PATH(PATH(NULL, "metadata"), "name"), name, name_is_dns_1035);
    if (old == NULL || !value_equal(spec, value_get(old, "spec"))) validate_spec(spec, errors);
    if (old != NULL) validate_update(spec, value_get(old, "spec"), errors);
}

/* --- projection --- */

static ServicePort port_read(AtomTable *atoms, const Value *port)
{
    const Value *target = value_get(port, "targetPort");
    int64_t number = part_int(port, "port", 0);
    return (ServicePort){
        .name = part_atom(atoms, port, "name"),
        .protocol = part_atom(atoms, port, "protocol"),
        .port = number,
        .target_name = atom_of(atoms, value_as_text(target, NULL)),
        .target_port = value_is_string(target) ? 0 : value_as_int(target, number),
    };
}

static const void *service_project(const ViewContext *context, const Value *value,
                                   const Object *old)
{
    AtomTable *atoms = context->atoms;
    const Value *spec = value_get(value, "spec");
    const Value *selector = value_get(spec, "selector"), *ports = value_get(spec, "ports");
    uint32_t label_count = part_map_size(selector), port_count = part_list_size(ports);
    char *tail;
    ServiceView *view = part_block(
        sizeof *view, port_count * sizeof(ServicePort) + label_count * sizeof(Label), &tail);
    ServicePort *port_views = PART_TAKE(&tail, ServicePort, port_count);
    Label *labels = PART_TAKE(&tail, Label, label_count);
    for (uint32_t i = 0; i < port_count; i++)
        port_views[i] = port_read(atoms, value_at(ports, i));
    part_labels(atoms, selector, labels);
    view->meta = meta_project(context, value, old);
    view->selector_count = label_count;
    view->port_count = port_count;
    view->selector = labels;
    view->ports = port_views;
    view->is_headless = spec_is(spec, "clusterIP", "None");
    view->is_external_name = spec_is(spec, "type", "ExternalName");
    view->publishes_not_ready = part_bool(spec, "publishNotReadyAddresses");
    view->cluster_ip = part_atom(atoms, spec, "clusterIP");
    view->external_name = part_atom(atoms, spec, "externalName");
    return view;
}

static void service_release(const void *view)
{
    meta_unref(((const ServiceView *)view)->meta);
    g_free((gpointer)(uintptr_t)view);
}

static unsigned keys_selector(const Object *object, uint64_t *keys, unsigned max)
{
    const ServiceView *service = service_view(object);
    unsigned count = MIN(service->selector_count, max);
    for (unsigned i = 0; i < count; i++)
        keys[i] =
            index_key3(object->key.space, service->selector[i].key, service->selector[i].value);
    return count;
}

static const IndexInfo service_indexes[] = {
    {INDEX_SERVICE_SELECTOR, keys_selector},
    {INDEX_NONE, NULL},
};

const KindInfo service_kind = {
    .name = "Service",
    .api_version = "v1",
    .plural = "services",
    .short_names = (const char *const[]){"svc", NULL},
    .is_namespaced = true,
    .has_status = true,
    .defaults = service_defaults,
    .validate = service_validate,
    .project = service_project,
    .release = service_release,
    .indexes = service_indexes,
};
