/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podtemplate_default.c - the defaults of a pod spec, and the shape in which Go writes it.
 * Mirrors: kubernetes v1.36 pkg/apis/core/v1/defaults.go, zz_generated.defaults.go; the omitempty
 *   tags of staging/src/k8s.io/api/core/v1/types.go.
 * Simplified: no defaults for iSCSI, RBD, ScaleIO and AzureDisk volumes; the revision name of a
 *   template that uses one differs from the real one.
 * State: none.
 */
#include "models/kind/edit.h"
#include "models/kind/podtemplate.h"

/* --- small structures --- */

static void default_field_ref(Value **reference)
{
    edit_drop_empty(reference, (const char *const[]){"apiVersion", NULL});
    edit_text(reference, "apiVersion", "v1");
}

static void default_resource_ref(Value **reference)
{
    edit_drop_empty(reference, (const char *const[]){"containerName", NULL});
    edit_text(reference, "divisor", "0");
    edit_quantity(reference, "divisor");
}

static void default_reference(Value **item)
{
    edit_child(item, "fieldRef", default_field_ref);
    edit_child(item, "resourceFieldRef", default_resource_ref);
}

static void default_env(Value **variable)
{
    edit_drop_empty(variable, (const char *const[]){"value", NULL});
    edit_child(variable, "valueFrom", default_reference);
}

static void default_env_from(Value **source)
{
    edit_drop_empty(source, (const char *const[]){"prefix", NULL});
}

static void default_http(Value **action)
{
    edit_drop_empty(action, (const char *const[]){"path", "scheme", "host", "httpHeaders", NULL});
    edit_text(action, "path", "/");
    edit_text(action, "scheme", "HTTP");
}

static void default_tcp(Value **action)
{
    edit_drop_empty(action, (const char *const[]){"host", NULL});
}

static void default_exec(Value **action)
{
    edit_drop_empty(action, (const char *const[]){"command", NULL});
}

static void default_grpc(Value **action)
{
    edit_text(action, "service", "");
}

static void default_handler(Value **handler)
{
    edit_child(handler, "httpGet", default_http);
    edit_child(handler, "tcpSocket", default_tcp);
    edit_child(handler, "exec", default_exec);
    edit_child(handler, "grpc", default_grpc);
}

static void default_probe(Value **probe)
{
    edit_drop_empty(probe,
                    (const char *const[]){"initialDelaySeconds", "timeoutSeconds", "periodSeconds",
                                          "successThreshold", "failureThreshold", NULL});
    edit_int(probe, "timeoutSeconds", 1);
    edit_int(probe, "periodSeconds", 10);
    edit_int(probe, "successThreshold", 1);
    edit_int(probe, "failureThreshold", 3);
    default_handler(probe);
}

static void default_lifecycle(Value **lifecycle)
{
    edit_child(lifecycle, "postStart", default_handler);
    edit_child(lifecycle, "preStop", default_handler);
}

/* --- containers --- */

static void default_port(Value **port)
{
    edit_drop_empty(port, (const char *const[]){"name", "hostPort", "hostIP", "protocol", NULL});
    edit_text(port, "protocol", "TCP");
}

static void default_resources(Value **resources)
{
    edit_drop_empty(resources, (const char *const[]){"limits", "requests", "claims", NULL});
    edit_quantities(resources, "limits");
    edit_quantities(resources, "requests");
}

static void default_mount(Value **mount)
{
    edit_drop_empty(mount, (const char *const[]){"readOnly", "subPath", "subPathExpr", NULL});
}

/* Whether an image reference means the tag "latest": it has neither another tag nor a digest. */
static bool image_is_latest(const char *image)
{
    if (image[0] == 0) return false;
    const char *slash = strrchr(image, '/');
    const char *last = slash != NULL ? slash : image;
    const char *at = strchr(last, '@');
    const char *tag = strchr(last, ':');
    if (at != NULL) return tag != NULL && tag < at && g_str_has_prefix(tag, ":latest@");
    return tag == NULL || strcmp(tag, ":latest") == 0;
}

static void default_container(Value **container)
{
    static const char *const empties[] = {
        "args",
        "command",
        "env",
        "envFrom",
        "image",
        "ports",
        "volumeMounts",
        "volumeDevices",
        "stdin",
        "resizePolicy",
        "workingDir",
        "stdinOnce",
        "tty",
        "imagePullPolicy",
        "terminationMessagePath",
        "terminationMessagePolicy",
        NULL,
    };
    edit_drop_empty(container, empties);
    const char *image = value_text(*container, "image");
    edit_text(container, "imagePullPolicy", image_is_latest(image) ? "Always" : "IfNotPresent");
    edit_text(container, "terminationMessagePath", "/dev/termination-log");
    edit_text(container, "terminationMessagePolicy", "File");
    edit_struct(container, "resources", default_resources);
    edit_items(container, "ports", default_port);
    edit_items(container, "env", default_env);
    edit_items(container, "envFrom", default_env_from);
    edit_items(container, "volumeMounts", default_mount);
    edit_child(container, "livenessProbe", default_probe);
    edit_child(container, "readinessProbe", default_probe);
    edit_child(container, "startupProbe", default_probe);
    edit_child(container, "lifecycle", default_lifecycle);
}

/* --- volumes --- */

static void default_mode(Value **source)
{
    edit_drop_empty(source, (const char *const[]){"items", NULL});
    edit_int(source, "defaultMode", 420);
    edit_items(source, "items", default_reference);
}

static void default_token(Value **token)
{
    edit_drop_empty(token, (const char *const[]){"audience", NULL});
    edit_int(token, "expirationSeconds", 3600);
}

static void default_projected_items(Value **source)
{
    edit_drop_empty(source, (const char *const[]){"items", NULL});
    edit_items(source, "items", default_reference);
}

static void default_projection(Value **projection)
{
    edit_child(projection, "downwardAPI", default_projected_items);
    edit_child(projection, "configMap", default_projected_items);
    edit_child(projection, "secret", default_projected_items);
    edit_child(projection, "serviceAccountToken", default_token);
}

static void default_projected(Value **source)
{
    edit_int(source, "defaultMode", 420);
    edit_items(source, "sources", default_projection);
}

static void default_host_path(Value **source)
{
    edit_text(source, "type", "");
}

static void default_empty_dir(Value **source)
{
    edit_drop_empty(source, (const char *const[]){"medium", NULL});
    edit_quantity(source, "sizeLimit");
}

static void default_claim_source(Value **source)
{
    edit_drop_empty(source, (const char *const[]){"readOnly", NULL});
}

static void default_claim_resources(Value **resources)
{
    edit_drop_empty(resources, (const char *const[]){"limits", "requests", NULL});
    edit_quantities(resources, "limits");
    edit_quantities(resources, "requests");
}

void podtemplate_default_claim_spec(Value **spec)
{
    edit_drop_empty(spec, (const char *const[]){"accessModes", "volumeName", NULL});
    edit_struct(spec, "resources", default_claim_resources);
    edit_text(spec, "volumeMode", "Filesystem");
}

static void default_ephemeral_template(Value **claim_template)
{
    edit_map(claim_template, "metadata");
    edit_struct(claim_template, "spec", podtemplate_default_claim_spec);
}

static void default_ephemeral(Value **source)
{
    edit_child(source, "volumeClaimTemplate", default_ephemeral_template);
}

static void default_image_volume(Value **source)
{
    edit_drop_empty(source, (const char *const[]){"pullPolicy", NULL});
    bool is_latest = image_is_latest(value_text(*source, "reference"));
    edit_text(source, "pullPolicy", is_latest ? "Always" : "IfNotPresent");
}

static void default_volume(Value **volume)
{
    /* A volume has a name and one source; without one it is an emptyDir. */
    if (value_size(*volume) == (value_get(*volume, "name") != NULL)) edit_map(volume, "emptyDir");
    edit_child(volume, "configMap", default_mode);
    edit_child(volume, "secret", default_mode);
    edit_child(volume, "downwardAPI", default_mode);
    edit_child(volume, "projected", default_projected);
    edit_child(volume, "hostPath", default_host_path);
    edit_child(volume, "emptyDir", default_empty_dir);
    edit_child(volume, "persistentVolumeClaim", default_claim_source);
    edit_child(volume, "ephemeral", default_ephemeral);
    edit_child(volume, "image", default_image_volume);
}

/* --- the pod spec --- */

static void default_toleration(Value **toleration)
{
    edit_drop_empty(toleration, (const char *const[]){"key", "operator", "value", "effect", NULL});
}

static void default_security(Value **context)
{
    edit_drop_empty(context, (const char *const[]){"supplementalGroups", "sysctls", NULL});
}

/* The API has two names for the service account and always shows both. */
static void default_account(Value **spec)
{
    const char *name = value_text(*spec, "serviceAccountName");
    const char *old_name = value_text(*spec, "serviceAccount");
    if (name[0] == 0 && old_name[0] != 0)
        edit_text(spec, "serviceAccountName", old_name);
    else if (name[0] != 0 && strcmp(name, old_name) != 0 && value_is_map(*spec))
        value_put(spec, value_string(name), "serviceAccount");
}

void podtemplate_default_spec(Value **spec)
{
    static const char *const empties[] = {
        "dnsPolicy",
        "ephemeralContainers",
        "hostAliases",
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "hostname",
        "imagePullSecrets",
        "initContainers",
        "nodeName",
        "nodeSelector",
        "overhead",
        "priorityClassName",
        "readinessGates",
        "resourceClaims",
        "restartPolicy",
        "schedulerName",
        "schedulingGates",
        "serviceAccount",
        "serviceAccountName",
        "subdomain",
        "tolerations",
        "topologySpreadConstraints",
        "volumes",
        NULL,
    };
    edit_drop_empty(spec, empties);
    edit_text(spec, "dnsPolicy", "ClusterFirst");
    edit_text(spec, "restartPolicy", "Always");
    edit_text(spec, "schedulerName", "default-scheduler");
    edit_int(spec, "terminationGracePeriodSeconds", 30);
    edit_struct(spec, "securityContext", default_security);
    default_account(spec);
    edit_quantities(spec, "overhead");
    edit_child(spec, "resources", default_resources);
    edit_items(spec, "volumes", default_volume);
    edit_items(spec, "initContainers", default_container);
    edit_items(spec, "containers", default_container);
    edit_items(spec, "ephemeralContainers", default_container);
    edit_items(spec, "tolerations", default_toleration);
}

static void default_meta(Value **metadata)
{
    static const char *const empties[] = {"annotations", "finalizers", "generateName",    "labels",
                                          "name",        "namespace",  "ownerReferences", NULL};
    edit_drop_empty(metadata, empties);
}

void podtemplate_default(Value **pod_template)
{
    edit_drop_nulls(pod_template);
    edit_struct(pod_template, "metadata", default_meta);
    edit_struct(pod_template, "spec", podtemplate_default_spec);
}
