/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podtemplate_validate.c - what the API server refuses in a pod spec.
 * Mirrors: kubernetes v1.36 pkg/apis/core/validation/validation.go (ValidatePodSpec and below).
 * Simplified: what users get wrong in manifests of stateful workloads; security contexts, affinity
 *   terms, DNS configuration and volume sources are taken as they are.
 * State: none.
 */
#include "models/api/quantity.h"
#include "models/kind/edit.h"
#include "models/kind/podtemplate.h"

static const char *const pull_policies[] = {"Always", "IfNotPresent", "Never", NULL};
static const char *const protocols[] = {"SCTP", "TCP", "UDP", NULL};
static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};

/* --- probes and handlers --- */

static const char *const handler_kinds[] = {"exec", "httpGet", "tcpSocket", "grpc", "sleep", NULL};

static void validate_handler_port(const Value *handler, const Path *path, const char *kind,
                                  FieldErrors *errors)
{
    const Value *action = value_get(handler, kind), *port = value_get(action, "port");
    const Path *at = PATH(PATH(path, kind), "port");
    if (!value_is_map(action)) return;
    if (edit_is_unset(port))
        path_required(errors, at, port, "");
    else if (!value_is_string(port))
        path_port(errors, at, port);
}

static void validate_handler(const Value *handler, const Path *path, FieldErrors *errors)
{
    unsigned count = 0;
    for (unsigned i = 0; handler_kinds[i] != NULL; i++) {
        const Value *action = value_get(handler, handler_kinds[i]);
        if (edit_is_unset(action)) continue;
        if (count++ > 0)
            path_forbidden(errors, PATH(path, handler_kinds[i]), action,
                           "may not specify more than 1 handler type");
    }
    if (count == 0) path_required(errors, path, handler, "must specify a handler type");
    validate_handler_port(handler, path, "httpGet", errors);
    validate_handler_port(handler, path, "tcpSocket", errors);
    validate_handler_port(handler, path, "grpc", errors);
    const Value *exec = value_get(handler, "exec");
    if (value_is_map(exec) && value_size(value_get(exec, "command")) == 0)
        path_required(errors, PATH(PATH(path, "exec"), "command"), exec, "");
}

static const Field probe_fields[] = {
    {"initialDelaySeconds", FIELD_INT32, NULL},
    {"timeoutSeconds", FIELD_INT32, NULL},
    {"periodSeconds", FIELD_INT32, NULL},
    {"successThreshold", FIELD_INT32, NULL},
    {"failureThreshold", FIELD_INT32, NULL},
    {"terminationGracePeriodSeconds", FIELD_INT64, NULL},
    {"exec", FIELD_MAP, "v1.ExecAction"},
    {"httpGet", FIELD_MAP, "v1.HTTPGetAction"},
    {"tcpSocket", FIELD_MAP, "v1.TCPSocketAction"},
    {"grpc", FIELD_MAP, "v1.GRPCAction"},
    {NULL, FIELD_MAP, NULL},
};

void podtemplate_validate_probe(const Value *probe, const Path *path, const char *which,
                                FieldErrors *errors)
{
    static const char *const counters[] = {"initialDelaySeconds", "timeoutSeconds", "periodSeconds",
                                           "successThreshold", "failureThreshold"};
    if (edit_is_unset(probe) || !path_fields(errors, path, probe, probe_fields, "v1.Probe")) return;
    validate_handler(probe, path, errors);
    for (unsigned i = 0; i < G_N_ELEMENTS(counters); i++)
        path_not_negative(errors, PATH(path, counters[i]), value_get(probe, counters[i]));
    bool is_readiness = strcmp(which, "readinessProbe") == 0;
    const Value *successes = value_get(probe, "successThreshold");
    if (!is_readiness && value_as_int(successes, 1) != 1)
        path_invalid(errors, PATH(path, "successThreshold"), successes, "must be 1");
    const Value *grace = value_get(probe, "terminationGracePeriodSeconds");
    const Path *grace_path = PATH(path, "terminationGracePeriodSeconds");
    if (is_readiness && !edit_is_unset(grace))
        path_invalid(errors, grace_path, grace, "must not be set for readinessProbes");
    else
        path_positive(errors, grace_path, grace);
}

static void validate_lifecycle(const Value *lifecycle, const Path *path, FieldErrors *errors)
{
    static const char *const hooks[] = {"postStart", "preStop"};
    for (unsigned i = 0; i < G_N_ELEMENTS(hooks); i++) {
        const Value *hook = value_get(lifecycle, hooks[i]);
        if (value_is_map(hook)) validate_handler(hook, PATH(path, hooks[i]), errors);
    }
}

/* --- parts of a container --- */

static const char *port_name_fault(const char *name)
{
    size_t length = strlen(name);
    bool has_letter = false;
    if (length > 15) return "must be no more than 15 characters";
    if (strstr(name, "--") != NULL) return "must not contain consecutive hyphens";
    if (name[0] == '-' || name[length - 1] == '-') return "must not begin or end with a hyphen";
    for (const char *at = name; *at != 0; at++) {
        has_letter = has_letter || g_ascii_islower(*at);
        if (!g_ascii_islower(*at) && !g_ascii_isdigit(*at) && *at != '-')
            return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
    }
    return has_letter ? NULL : "must contain at least one letter (a-z)";
}

static const Field port_fields[] = {
    {"name", FIELD_STRING, NULL},    {"containerPort", FIELD_INT32, NULL},
    {"hostPort", FIELD_INT32, NULL}, {"protocol", FIELD_STRING, NULL},
    {NULL, FIELD_MAP, NULL},
};

static void validate_port(const Value *port, const Path *path, PathNames *names,
                          FieldErrors *errors)
{
    if (!path_fields(errors, path, port, port_fields, "v1.ContainerPort")) return;
    const Value *name = value_get(port, "name"), *number = value_get(port, "containerPort");
    const char *fault =
        value_text(port, "name")[0] != 0 ? port_name_fault(value_text(port, "name")) : NULL;
    if (fault != NULL)
        path_invalid(errors, PATH(path, "name"), name, fault);
    else
        path_unique(errors, PATH(path, "name"), name, names);
    if (value_as_int(number, 0) == 0)
        path_required(errors, PATH(path, "containerPort"), number, "");
    else
        path_port(errors, PATH(path, "containerPort"), number);
    if (value_as_int(value_get(port, "hostPort"), 0) != 0)
        path_port(errors, PATH(path, "hostPort"), value_get(port, "hostPort"));
    if (!edit_is_unset(value_get(port, "protocol")))
        path_one_of(errors, PATH(path, "protocol"), value_get(port, "protocol"), protocols);
}

static const Field env_fields[] = {
    {"name", FIELD_STRING, NULL},
    {"value", FIELD_STRING, NULL},
    {"valueFrom", FIELD_MAP, "v1.EnvVarSource"},
    {NULL, FIELD_MAP, NULL},
};

static void validate_env(const Value *env, const Path *path, FieldErrors *errors)
{
    value_each (i, env) {
        const Value *variable = value_at(env, i);
        const Path *at = PATH_AT(path, i);
        if (!path_fields(errors, at, variable, env_fields, "v1.EnvVar")) continue;
        if (value_text(variable, "name")[0] == 0)
            path_required(errors, PATH(at, "name"), variable, "");
        const Value *from = value_get(variable, "valueFrom");
        if (value_is_map(from) && value_text(variable, "value")[0] != 0)
            path_invalid(errors, PATH(at, "valueFrom"), value_get(variable, "value"),
                         "may not be specified when `value` is not empty");
    }
}

static const Field mount_fields[] = {
    {"name", FIELD_STRING, NULL},   {"mountPath", FIELD_STRING, NULL},
    {"readOnly", FIELD_BOOL, NULL}, {"subPath", FIELD_STRING, NULL},
    {NULL, FIELD_MAP, NULL},
};

static void validate_mounts(const Value *mounts, const Path *path, const PathNames *volumes,
                            FieldErrors *errors)
{
    g_auto(PathNames) places = {NULL};
    value_each (i, mounts) {
        const Value *mount = value_at(mounts, i);
        const Path *at = PATH_AT(path, i);
        if (!path_fields(errors, at, mount, mount_fields, "v1.VolumeMount")) continue;
        const char *name = value_text(mount, "name"), *place = value_text(mount, "mountPath");
        if (name[0] == 0)
            path_required(errors, PATH(at, "name"), mount, "");
        else if (!path_names_have(volumes, name))
            path_not_found(errors, PATH(at, "name"), value_get(mount, "name"));
        if (place[0] == 0)
            path_required(errors, PATH(at, "mountPath"), mount, "");
        else if (path_names_have(&places, place))
            path_invalid(errors, PATH(at, "mountPath"), value_get(mount, "mountPath"),
                         "must be unique");
        path_names_add(&places, place);
    }
}

static void validate_devices(const Value *devices, const Path *path, const PathNames *volumes,
                             FieldErrors *errors)
{
    value_each (i, devices) {
        const Path *at = PATH_AT(path, i);
        const Value *device = value_at(devices, i);
        const char *name = value_text(device, "name");
        if (name[0] == 0)
            path_required(errors, PATH(at, "name"), device, "");
        else if (!path_names_have(volumes, name))
            path_not_found(errors, PATH(at, "name"), value_get(device, "name"));
        if (value_text(device, "devicePath")[0] == 0)
            path_required(errors, PATH(at, "devicePath"), device, "");
    }
}

static const Field resource_fields[] = {
    {"limits", FIELD_QUANTITY_MAP, NULL},
    {"requests", FIELD_QUANTITY_MAP, NULL},
    {NULL, FIELD_MAP, NULL},
};

static char *quantity_text(const Value *quantity)
{
    g_autoptr(Value) canonical = edit_canonical(quantity);
    return g_strdup(value_as_text(canonical, ""));
}

static void validate_resources(const Value *resources, const Path *path, FieldErrors *errors)
{
    if (!path_fields(errors, path, resources, resource_fields, "v1.ResourceRequirements")) return;
    const Value *limits = value_get(resources, "limits");
    const Value *requests = value_get(resources, "requests");
    value_each (i, limits)
        if (quantity_milli(value_at(limits, i), 0) < 0)
            path_invalid(errors, PATH_KEY(PATH(path, "limits"), value_key_at(limits, i)),
                         value_at(limits, i), "must be greater than or equal to 0");
    value_each (i, requests) {
        const char *name = value_key_at(requests, i);
        const Value *request = value_at(requests, i), *limit = value_get(limits, name);
        if (quantity_milli(request, 0) < 0)
            path_invalid(errors, PATH_KEY(PATH(path, "requests"), name), request,
                         "must be greater than or equal to 0");
        if (limit == NULL || quantity_milli(request, 0) <= quantity_milli(limit, 0)) continue;
        g_autofree char *most = quantity_text(limit);
        g_autofree char *detail =
            g_strdup_printf("must be less than or equal to %s limit of %s", name, most);
        path_invalid(errors, PATH(path, "requests"), request, detail);
    }
}

/* --- containers --- */

static const Field container_fields[] = {
    {"name", FIELD_STRING, NULL},
    {"image", FIELD_STRING, NULL},
    {"command", FIELD_STRING_LIST, NULL},
    {"args", FIELD_STRING_LIST, NULL},
    {"env", FIELD_LIST, "[]v1.EnvVar"},
    {"ports", FIELD_LIST, "[]v1.ContainerPort"},
    {"volumeMounts", FIELD_LIST, "[]v1.VolumeMount"},
    {"volumeDevices", FIELD_LIST, "[]v1.VolumeDevice"},
    {"resources", FIELD_MAP, "v1.ResourceRequirements"},
    {"imagePullPolicy", FIELD_STRING, NULL},
    {"lifecycle", FIELD_MAP, "v1.Lifecycle"},
    {"restartPolicy", FIELD_STRING, NULL},
    {NULL, FIELD_MAP, NULL},
};

static void validate_ports(const Value *ports, const Path *path, FieldErrors *errors)
{
    g_auto(PathNames) names = {NULL};
    value_each (i, ports)
        validate_port(value_at(ports, i), PATH_AT(path, i), &names, errors);
}

static void validate_probes(const Value *container, const Path *path, bool is_init,
                            FieldErrors *errors)
{
    static const char *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe"};
    bool is_sidecar = strcmp(value_text(container, "restartPolicy"), "Always") == 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(probes); i++) {
        const Value *probe = value_get(container, probes[i]);
        const Path *at = PATH(path, probes[i]);
        if (is_init && !is_sidecar && !edit_is_unset(probe))
            path_forbidden(errors, at, probe,
                           "may not be set for init containers without restartPolicy=Always");
        else
            podtemplate_validate_probe(probe, at, probes[i], errors);
    }
}

/* What a pod's containers are checked against, and the names they use up. */
typedef struct {
    const PathNames *volumes;
    PathNames names;
    bool is_init;
} Containers;

static void validate_container(const Value *container, const Path *path, Containers *all,
                               FieldErrors *errors)
{
    if (!path_fields(errors, path, container, container_fields, "v1.Container")) return;
    const Value *image = value_get(container, "image"), *name = value_get(container, "name");
    path_name(errors, PATH(path, "name"), name, name_is_dns_label);
    path_unique(errors, PATH(path, "name"), name, &all->names);
    if (value_as_text(image, "")[0] == 0)
        path_required(errors, PATH(path, "image"), image, "");
    else if (g_ascii_isspace(value_as_text(image, "")[0]) ||
             g_str_has_suffix(value_as_text(image, ""), " "))
        path_invalid(errors, PATH(path, "image"), image,
                     "must not have leading or trailing whitespace");
    path_one_of(errors, PATH(path, "imagePullPolicy"), value_get(container, "imagePullPolicy"),
                pull_policies);
    validate_ports(value_get(container, "ports"), PATH(path, "ports"), errors);
    validate_env(value_get(container, "env"), PATH(path, "env"), errors);
    validate_mounts(value_get(container, "volumeMounts"), PATH(path, "volumeMounts"), all->volumes,
                    errors);
    validate_devices(value_get(container, "volumeDevices"), PATH(path, "volumeDevices"),
                     all->volumes, errors);
    validate_resources(value_get(container, "resources"), PATH(path, "resources"), errors);
    validate_lifecycle(value_get(container, "lifecycle"), PATH(path, "lifecycle"), errors);
    validate_probes(container, path, all->is_init, errors);
}

static void validate_containers(const Value *spec, const Path *path, const PathNames *volumes,
                                FieldErrors *errors)
{
    Containers all = {.volumes = volumes, .is_init = false};
    const Value *containers = value_get(spec, "containers");
    const Value *inits = value_get(spec, "initContainers");
    if (value_size(containers) == 0) path_required(errors, PATH(path, "containers"), spec, "");
    value_each (i, containers)
        validate_container(value_at(containers, i), PATH_AT(PATH(path, "containers"), i), &all,
                           errors);
    all.is_init = true;
    value_each (i, inits)
        validate_container(value_at(inits, i), PATH_AT(PATH(path, "initContainers"), i), &all,
                           errors);
    path_names_clear(&all.names);
}

/* --- volumes and tolerations --- */

static void validate_volumes(const Value *volumes, const Path *path, PathNames *names,
                             FieldErrors *errors)
{
    value_each (i, volumes) {
        const Value *volume = value_at(volumes, i), *name = value_get(volume, "name");
        const Path *at = PATH_AT(path, i);
        path_name(errors, PATH(at, "name"), name, name_is_dns_label);
        path_unique(errors, PATH(at, "name"), name, names);
        const Value *claim = value_get(volume, "persistentVolumeClaim");
        if (value_is_map(claim) && value_text(claim, "claimName")[0] == 0)
            path_required(errors, PATH(PATH(at, "persistentVolumeClaim"), "claimName"), claim, "");
        if (value_size(volume) > 2)
            path_forbidden(errors, PATH(at, value_key_at(volume, value_size(volume) - 1)), volume,
                           "may not specify more than 1 volume type");
    }
}

static const Field toleration_fields[] = {
    {"key", FIELD_STRING, NULL},
    {"operator", FIELD_STRING, NULL},
    {"value", FIELD_STRING, NULL},
    {"effect", FIELD_STRING, NULL},
    {"tolerationSeconds", FIELD_INT64, NULL},
    {NULL, FIELD_MAP, NULL},
};

static void validate_toleration(const Value *toleration, const Path *path, FieldErrors *errors)
{
    static const char *const operators[] = {"Equal", "Exists", NULL};
    if (!path_fields(errors, path, toleration, toleration_fields, "v1.Toleration")) return;
    const Value *word = value_get(toleration, "operator"),
                *effect = value_get(toleration, "effect");
    const char *key = value_text(toleration, "key");
    bool is_exists = strcmp(value_as_text(word, ""), "Exists") == 0;
    const char *fault = key[0] != 0 ? name_is_label_key(key) : NULL;
    if (fault != NULL) path_invalid(errors, PATH(path, "key"), value_get(toleration, "key"), fault);
    if (key[0] == 0 && !is_exists)
        path_invalid(errors, PATH(path, "operator"), word,
                     "operator must be Exists when `key` is empty, which means \"match all values "
                     "and all keys\"");
    if (!edit_is_unset(value_get(toleration, "tolerationSeconds")) &&
        strcmp(value_as_text(effect, ""), "NoExecute") != 0)
        path_invalid(errors, PATH(path, "effect"), effect,
                     "effect must be 'NoExecute' when `tolerationSeconds` is set");
    if (!edit_is_unset(word)) path_one_of(errors, PATH(path, "operator"), word, operators);
    if (is_exists && value_text(toleration, "value")[0] != 0)
        path_invalid(errors, PATH(path, "operator"), toleration,
                     "value must be empty when `operator` is 'Exists'");
    if (!edit_is_unset(effect)) path_one_of(errors, PATH(path, "effect"), effect, effects);
}

void podtemplate_validate_tolerations(const Value *tolerations, const Path *path,
                                      FieldErrors *errors)
{
    value_each (i, tolerations)
        validate_toleration(value_at(tolerations, i), PATH_AT(path, i), errors);
}

/* --- the spec --- */

static const Field spec_fields[] = {
    {"containers", FIELD_LIST, "[]v1.Container"},
    {"initContainers", FIELD_LIST, "[]v1.Container"},
    {"volumes", FIELD_LIST, "[]v1.Volume"},
    {"tolerations", FIELD_LIST, "[]v1.Toleration"},
    {"nodeSelector", FIELD_STRING_MAP, NULL},
    {"affinity", FIELD_MAP, "v1.Affinity"},
    {"topologySpreadConstraints", FIELD_LIST, "[]v1.TopologySpreadConstraint"},
    {"nodeName", FIELD_STRING, NULL},
    {"hostname", FIELD_STRING, NULL},
    {"subdomain", FIELD_STRING, NULL},
    {"schedulerName", FIELD_STRING, NULL},
    {"priorityClassName", FIELD_STRING, NULL},
    {"priority", FIELD_INT32, NULL},
    {"restartPolicy", FIELD_STRING, NULL},
    {"dnsPolicy", FIELD_STRING, NULL},
    {"hostNetwork", FIELD_BOOL, NULL},
    {"terminationGracePeriodSeconds", FIELD_INT64, NULL},
    {"activeDeadlineSeconds", FIELD_INT64, NULL},
    {"securityContext", FIELD_MAP, "v1.PodSecurityContext"},
    {NULL, FIELD_MAP, NULL},
};

static void validate_names(const Value *spec, const Path *path, FieldErrors *errors)
{
    static const struct {
        const char *name;
        const char *(*test)(const char *text);
    } rows[] = {
        {"hostname", name_is_dns_label},
        {"subdomain", name_is_dns_label},
        {"nodeName", name_is_dns_subdomain},
        {"priorityClassName", name_is_dns_subdomain},
        {"serviceAccountName", name_is_dns_subdomain},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        if (value_as_text(value_get(spec, rows[i].name), "")[0] != 0)
            path_name(errors, PATH(path, rows[i].name), value_get(spec, rows[i].name),
                      rows[i].test);
}

static void validate_words(const Value *spec, const Path *path, FieldErrors *errors)
{
    static const char *const restarts[] = {"Always", "OnFailure", "Never", NULL};
    static const char *const dns[] = {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None",
                                      NULL};
    path_one_of(errors, PATH(path, "restartPolicy"), value_get(spec, "restartPolicy"), restarts);
    path_one_of(errors, PATH(path, "dnsPolicy"), value_get(spec, "dnsPolicy"), dns);
    path_not_negative(errors, PATH(path, "terminationGracePeriodSeconds"),
                      value_get(spec, "terminationGracePeriodSeconds"));
    const Value *deadline = value_get(spec, "activeDeadlineSeconds");
    if (!edit_is_unset(deadline) && value_as_int(deadline, 1) < 1)
        path_invalid(errors, PATH(path, "activeDeadlineSeconds"), deadline,
                     "must be between 1 and 2147483647, inclusive");
}

static void validate_node_selector(const Value *labels, const Path *path, FieldErrors *errors)
{
    value_each (i, labels) {
        const char *key_fault = name_is_label_key(value_key_at(labels, i));
        const char *fault = name_is_label_value(value_as_text(value_at(labels, i), ""));
        g_autoptr(Value) key = value_string(value_key_at(labels, i));
        if (key_fault != NULL) path_invalid(errors, path, key, key_fault);
        if (fault != NULL) path_invalid(errors, path, value_at(labels, i), fault);
    }
}

void podtemplate_validate_spec(const Value *spec, const Path *path, const PathNames *extra,
                               FieldErrors *errors)
{
    if (!path_fields(errors, path, spec, spec_fields, "v1.PodSpec")) return;
    g_auto(PathNames) volumes = {NULL};
    validate_volumes(value_get(spec, "volumes"), PATH(path, "volumes"), &volumes, errors);
    for (unsigned i = 0; extra != NULL && extra->texts != NULL && i < extra->texts->len; i++)
        path_names_add(&volumes, g_ptr_array_index(extra->texts, i));
    validate_containers(spec, path, &volumes, errors);
    validate_words(spec, path, errors);
    validate_names(spec, path, errors);
    validate_node_selector(value_get(spec, "nodeSelector"), PATH(path, "nodeSelector"), errors);
    podtemplate_validate_tolerations(value_get(spec, "tolerations"), PATH(path, "tolerations"),
                                     errors);
}

static const Field meta_fields[] = {
    {"labels", FIELD_STRING_MAP, NULL},
    {"annotations", FIELD_STRING_MAP, NULL},
    {NULL, FIELD_MAP, NULL},
};

/* Upstream reports labels of a template at template.labels, without the metadata. */
void podtemplate_validate_meta(const Value *metadata, const Path *path, FieldErrors *errors)
{
    if (!path_fields(errors, PATH(path, "metadata"), metadata, meta_fields, "v1.ObjectMeta"))
        return;
    const Value *labels = value_get(metadata, "labels");
    value_each (i, labels) {
        const char *key_fault = name_is_label_key(value_key_at(labels, i));
        const char *fault = name_is_label_value(value_as_text(value_at(labels, i), ""));
        g_autoptr(Value) key = value_string(value_key_at(labels, i));
        if (key_fault != NULL) path_invalid(errors, PATH(path, "labels"), key, key_fault);
        if (fault != NULL) path_invalid(errors, PATH(path, "labels"), value_at(labels, i), fault);
    }
}
