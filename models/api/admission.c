/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admission.c - the built-in admission plug-ins.
 *
 * Mirrors: kubernetes v1.36 plugin/pkg/admission/{defaulttolerationseconds,storage/
 *   storageclass/setdefault,storage/storageobjectinuseprotection}, staging/src/k8s.io/apiserver/
 *   pkg/admission/plugin/namespace/lifecycle, pkg/registry/core/service/ipallocator.
 * Simplified: ClusterIP allocation is a plug-in like the others; plug-ins read the store itself,
 *   not an informer, so a namespace or class made just before is always seen.
 * State: none.
 */
#include "models/api/server_parts.h"

#include "models/kind/views.h"
#include "models/net/network.h"
#include "models/world.h"

/* --- NamespaceLifecycle --- */

/* The namespaces that every cluster has, whether or not a manifest made them. */
static bool is_immortal(const char *space)
{
    static const char *const names[] = {"default", "kube-system", "kube-public", "kube-node-lease"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (strcmp(names[i], space) == 0) return true;
    return false;
}

static bool admit_namespace(void *self, Server *server, const Request *request, const Object *old,
                            Value **body, Reply *reply)
{
    (void)self;
    (void)body;
    if (!server->world || request->verb != REQUEST_CREATE || old) return true;
    if (!kind_info(request->key.kind)->is_namespaced) return true;
    const char *space = atom_text(server->atoms, request->key.space);
    const Object *found =
        store_get(server->store, (Key){KIND_NAMESPACE, ATOM_NONE, request->key.space});
    if (!found && is_immortal(space)) return true;
    if (!found) {
        reply_refuse(reply, REASON_NOT_FOUND, "namespaces \"%s\" not found", space);
        return false;
    }
    if (!object_is_terminating(found)) return true;
    g_autofree char *resource = kind_resource_text(request->key.kind);
    reply_refuse(reply, REASON_FORBIDDEN,
                 "%s \"%s\" is forbidden: unable to create new content in namespace %s because it "
                 "is being terminated",
                 resource, atom_text(server->atoms, request->key.name), space);
    return false;
}

/* --- DefaultTolerationSeconds --- */

static const char taint_not_ready[] = "node.kubernetes.io/not-ready";
static const char taint_unreachable[] = "node.kubernetes.io/unreachable";

static bool tolerates(const Value *tolerations, const char *taint)
{
    value_each (i, tolerations) {
        const Value *toleration = value_at(tolerations, i);
        const char *key = value_text(toleration, "key"), *effect = value_text(toleration, "effect");
        if ((!*key || strcmp(key, taint) == 0) && (!*effect || strcmp(effect, "NoExecute") == 0))
            return true;
    }
    return false;
}

static Value *toleration_new(const char *taint, int64_t seconds)
{
    Value *toleration = value_map();
    value_map_set(toleration, "key", value_string(taint));
    value_map_set(toleration, "operator", value_string("Exists"));
    value_map_set(toleration, "effect", value_string("NoExecute"));
    value_map_set(toleration, "tolerationSeconds", value_int(seconds));
    return toleration;
}

static const Value *default_tolerations(Server *server)
{
    if (server->tolerations) return server->tolerations;
    int64_t seconds =
        server->world ? world_config(server->world)->control_plane.toleration / NANOS_S : 300;
    server->tolerations = value_list();
    value_list_add(server->tolerations, toleration_new(taint_not_ready, seconds));
    value_list_add(server->tolerations, toleration_new(taint_unreachable, seconds));
    return server->tolerations;
}

static bool admit_tolerations(void *self, Server *server, const Request *request, const Object *old,
                              Value **body, Reply *reply)
{
    (void)self;
    (void)old;
    (void)reply;
    if (request->key.kind != KIND_POD || !*body) return true;
    const Value *defaults = default_tolerations(server);
    const Value *present = value_find(*body, "spec", "tolerations");
    if (!present) {
        value_put(body, value_ref(defaults), "spec", "tolerations");
        return true;
    }
    Value *list = value_is_list(present) ? value_ref(present) : value_list();
    value_each (i, defaults) {
        const Value *toleration = value_at(defaults, i);
        if (!tolerates(present, value_text(toleration, "key")))
            value_list_insert(&list, value_size(list), value_ref(toleration));
    }
    if (list == present)
        value_unref(list);
    else
        value_put(body, list, "spec", "tolerations");
    return true;
}

/* --- DefaultStorageClass --- */

/* The newest default class; the first by name among equals. */
static const Object *default_class(const Server *server)
{
    ObjectList classes = table_kind(store_table(server->store), KIND_STORAGE_CLASS);
    const Object *best = NULL;
    for (unsigned i = 0; i < classes.count; i++) {
        const Object *class = classes.items[i];
        if (!class_view(class)->is_default) continue;
        Nanos mine = object_meta(class)->created_at;
        Nanos other = best ? object_meta(best)->created_at : INT64_MIN;
        bool is_before = !best || key_compare(server->atoms, class->key, best->key) < 0;
        if (!best || mine > other || (mine == other && is_before)) best = class;
    }
    return best;
}

static bool admit_class(void *self, Server *server, const Request *request, const Object *old,
                        Value **body, Reply *reply)
{
    (void)self;
    (void)reply;
    if (request->key.kind != KIND_PERSISTENT_VOLUME_CLAIM || !*body || old) return true;
    const char *annotation = "volume.beta.kubernetes.io/storage-class";
    if (value_find(*body, "spec", "storageClassName") ||
        value_find(*body, "metadata", "annotations", annotation))
        return true;
    const Object *class = default_class(server);
    if (class)
        value_put(body, value_string(atom_text(server->atoms, class->key.name)), "spec",
                  "storageClassName");
    return true;
}

/* --- StorageObjectInUseProtection --- */

static bool admit_protection(void *self, Server *server, const Request *request, const Object *old,
                             Value **body, Reply *reply)
{
    (void)self;
    (void)server;
    (void)reply;
    bool is_claim = request->key.kind == KIND_PERSISTENT_VOLUME_CLAIM;
    if ((!is_claim && request->key.kind != KIND_PERSISTENT_VOLUME) || !*body || old) return true;
    const char *wanted = is_claim ? "kubernetes.io/pvc-protection" : "kubernetes.io/pv-protection";
    const Value *present = value_find(*body, "metadata", "finalizers");
    value_each (i, present)
        if (strcmp(value_as_text(value_at(present, i), ""), wanted) == 0) return true;
    Value *list = value_is_list(present) ? value_ref(present) : value_list();
    value_list_insert(&list, value_size(list), value_string(wanted));
    value_put(body, list, "metadata", "finalizers");
    return true;
}

/* --- ClusterIP allocation --- */

static bool admit_cluster_ip(void *self, Server *server, const Request *request, const Object *old,
                             Value **body, Reply *reply)
{
    (void)self;
    (void)reply;
    if (request->key.kind != KIND_SERVICE || !server->world || !*body || old) return true;
    if (strcmp(value_text(*body, "spec", "type"), "ExternalName") == 0) return true;
    if (*value_text(*body, "spec", "clusterIP")) return true;
    Atom address = network_cluster_ip(world_network(server->world));
    Value *all = value_list();
    value_list_add(all, value_string(atom_text(server->atoms, address)));
    value_put(body, value_string(atom_text(server->atoms, address)), "spec", "clusterIP");
    value_put(body, all, "spec", "clusterIPs");
    return true;
}

void server_add_builtin_admission(Server *server)
{
    static const Admission builtin[] = {
        {"NamespaceLifecycle", admit_namespace, NULL},
        {"DefaultTolerationSeconds", admit_tolerations, NULL},
        {"DefaultStorageClass", admit_class, NULL},
        {"StorageObjectInUseProtection", admit_protection, NULL},
        {"ClusterIP", admit_cluster_ip, NULL},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(builtin); i++)
        server_add_admission(server, builtin[i]);
}
