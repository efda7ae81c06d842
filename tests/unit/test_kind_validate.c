/* SPDX-License-Identifier: Apache-2.0 */
/* Validation of every kind, in Kubernetes' own words. */
#include "models/api/validate.h"
#include "tests/unit/objects.h"
#include "tests/unit/test.h"

/* A change of a good object and what it is told. */
typedef struct {
    const char *patch; /* a map laid over the good object; null removes */
    const char *expected;
} Row;

/* Lays a map over another: maps are merged, everything else replaces, null removes. */
static void overlay(Value **value, const Value *patch)
{
    value_each (i, patch) {
        const char *key = value_key_at(patch, i);
        const Value *change = value_at(patch, i);
        if (value_type(change) == VALUE_NULL) {
            value_drop(value, key);
        } else if (value_is_map(change) && value_is_map(value_get(*value, key))) {
            Value *child = value_ref(value_get(*value, key));
            overlay(&child, change);
            value_put(value, child, key);
        } else {
            value_put(value, value_ref(change), key);
        }
    }
}

static Value *complete(Kind kind, const char *base, const char *patch)
{
    Value *value = value_from(base);
    g_autoptr(Value) change = value_from(patch);
    overlay(&value, change);
    if (kind_info(kind)->defaults != NULL) kind_info(kind)->defaults(&value);
    return value;
}

static char *faults_of(Kind kind, const Value *now, const Value *old)
{
    g_autoptr(FieldErrors) errors = field_errors_new();
    kind_info(kind)->validate(now, old, errors);
    return field_errors_join(errors);
}

static void check_new(Kind kind, const char *base, const Row *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        g_autoptr(Value) value = complete(kind, base, rows[i].patch);
        g_autofree char *text = faults_of(kind, value, NULL);
        test_equal_text(text, rows[i].expected, rows[i].patch, TEST_WHERE);
    }
}

static void check_update(Kind kind, const char *base, const Row *rows, unsigned count)
{
    g_autoptr(Value) old = complete(kind, base, "{}");
    for (unsigned i = 0; i < count; i++) {
        g_autoptr(Value) value = complete(kind, base, rows[i].patch);
        g_autofree char *text = faults_of(kind, value, old);
        test_equal_text(text, rows[i].expected, rows[i].patch, TEST_WHERE);
    }
}

#define CHECK_NEW(kind, base, rows)    check_new((kind), (base), (rows), G_N_ELEMENTS(rows))
#define CHECK_UPDATE(kind, base, rows) check_update((kind), (base), (rows), G_N_ELEMENTS(rows))

#define LABEL_FORM                                                                               \
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and " \
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "   \
    "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"

static const char pod_text[] = "{metadata: {name: p}, spec: {containers: [{name: m, image: i}]}}";

TEST(pods_are_checked)
{
    static const Row rows[] = {
        {"{}", ""},
        {"{spec: {containers: null}}", "spec.containers: Required value"},
        {"{spec: {containers: []}}", "spec.containers: Required value"},
        {"{spec: {containers: [{image: i}]}}", "spec.containers[0].name: Required value"},
        {"{spec: {containers: [{name: m}]}}", "spec.containers[0].image: Required value"},
        {"{spec: {containers: [{name: A_b, image: i}]}}",
         "spec.containers[0].name: Invalid value: \"A_b\": " LABEL_FORM},
        {"{spec: {containers: [{name: m, image: i}, {name: m, image: i}]}}",
         "spec.containers[1].name: Duplicate value: \"m\""},
        {"{spec: {containers: [{name: m, image: i, volumeMounts: [{name: x, mountPath: /x}]}]}}",
         "spec.containers[0].volumeMounts[0].name: Not found: \"x\""},
        {"{spec: {volumes: [{name: x}, {name: x}], containers: [{name: m, image: i, volumeMounts: "
         "[{name: x}]}]}}",
         "[spec.volumes[1].name: Duplicate value: \"x\", "
         "spec.containers[0].volumeMounts[0].mountPath: Required value]"},
        {"{spec: {containers: [{name: m, image: i, ports: [{containerPort: 0}, {containerPort: "
         "70000}, {name: a, containerPort: 1}, {name: a, containerPort: 2}]}]}}",
         "[spec.containers[0].ports[0].containerPort: Required value, "
         "spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and "
         "65535, inclusive, spec.containers[0].ports[3].name: Duplicate value: \"a\"]"},
        {"{spec: {containers: [{name: m, image: i, imagePullPolicy: Sometimes}]}}",
         "spec.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": supported values: "
         "\"Always\", \"IfNotPresent\", \"Never\""},
        {"{spec: {restartPolicy: Maybe}}",
         "spec.restartPolicy: Unsupported value: \"Maybe\": supported values: \"Always\", "
         "\"OnFailure\", \"Never\""},
        {"{spec: {terminationGracePeriodSeconds: -1}}",
         "spec.terminationGracePeriodSeconds: Invalid value: -1: must be greater than or equal to "
         "0"},
        {"{spec: {containers: [{name: m, image: i, resources: {requests: {cpu: 2}, limits: {cpu: "
         "1}}}]}}",
         "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal "
         "to cpu limit of 1"},
        {"{spec: {containers: [{name: m, image: i, resources: {requests: {cpu: lots}}}]}}",
         "spec.containers[0].resources.requests[cpu]: Invalid value: \"lots\": quantities must "
         "match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
        {"{spec: {containers: {name: m}}}",
         "spec.containers: cannot unmarshal object into a field of type []v1.Container"},
        {"{spec: {containers: [{name: m, image: i, env: [{name: A, value: 5}]}]}}",
         "spec.containers[0].env[0].value: cannot unmarshal number into a field of type string"},
        {"{spec: {tolerations: [{key: a, operator: Exists, effect: NoSchedule, "
         "tolerationSeconds: 3}]}}",
         "spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' "
         "when `tolerationSeconds` is set"},
        {"{spec: {volumes: [{name: x, persistentVolumeClaim: {}}]}}",
         "spec.volumes[0].persistentVolumeClaim.claimName: Required value"},
    };
    CHECK_NEW(KIND_POD, pod_text, rows);
}

TEST(probes_are_checked)
{
    static const Row rows[] = {
        {"{spec: {containers: [{name: m, image: i, livenessProbe: {periodSeconds: -1, exec: "
         "{command: [a]}}}]}}",
         "spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than "
         "or equal to 0"},
        {"{spec: {containers: [{name: m, image: i, livenessProbe: {}}]}}",
         "spec.containers[0].livenessProbe: Required value: must specify a handler type"},
        {"{spec: {containers: [{name: m, image: i, livenessProbe: {successThreshold: 2, tcpSocket: "
         "{port: 1}, httpGet: {port: 1}}}]}}",
         "[spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 "
         "handler type, spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must "
         "be 1]"},
        {"{spec: {containers: [{name: m, image: i, readinessProbe: {tcpSocket: {port: 1}, "
         "terminationGracePeriodSeconds: 5}}]}}",
         "spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must "
         "not be set for readinessProbes"},
    };
    CHECK_NEW(KIND_POD, pod_text, rows);
}

#define POD_FIXED                                                                                  \
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"    \
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "        \
    "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set " \
    "to 1 if it was previously negative)"

TEST(pod_specs_hardly_change)
{
    static const char base[] = "{spec: {containers: [{name: m, image: 'i:1'}], tolerations: [{key: "
                               "a, operator: Exists, effect: NoExecute}], volumes: [{name: v}]}}";
    static const Row rows[] = {
        {"{metadata: {labels: {a: b}}}", ""},
        {"{spec: {containers: [{name: m, image: 'i:2'}]}}", ""},
        {"{spec: {tolerations: [{key: a, operator: Exists, effect: NoExecute, tolerationSeconds: "
         "3}, {key: b, operator: Exists}]}}",
         ""},
        {"{spec: {tolerations: []}}",
         "spec.tolerations: Forbidden: existing toleration can not be modified except its "
         "tolerationSeconds"},
        {"{spec: {volumes: [{name: w}]}}", POD_FIXED},
        {"{spec: {nodeName: node-a}}", POD_FIXED},
        {"{spec: {containers: [{name: o, image: 'i:1'}]}}", POD_FIXED},
        {"{spec: {terminationGracePeriodSeconds: 5}}", POD_FIXED},
        {"{spec: {containers: [{name: m, image: 'i:1'}, {name: o, image: i}]}}",
         "spec.containers: Forbidden: pod updates may not add or remove containers"},
    };
    CHECK_UPDATE(KIND_POD, base, rows);
}

static const char set_text[] =
    "{metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, serviceName: web, "
    "template: {metadata: {labels: {app: web}}, spec: {containers: [{name: m, image: i}]}}}}";

TEST(stateful_sets_are_checked)
{
    static const Row rows[] = {
        {"{}", ""},
        {"{metadata: {name: a.b}}", "metadata.name: Invalid value: \"a.b\": " LABEL_FORM},
        {"{spec: {selector: null}}", "spec.selector: Required value"},
        {"{spec: {selector: {matchLabels: null}}}",
         "spec.selector: Invalid value: {}: empty selector is invalid for statefulset"},
        {"{spec: {template: null}}", "spec.template: Required value"},
        {"{spec: {template: {spec: {containers: null}}}}",
         "spec.template.spec.containers: Required value"},
        {"{spec: {replicas: -1}}",
         "spec.replicas: Invalid value: -1: must be greater than or equal to 0"},
        {"{spec: {replicas: three}}",
         "spec.replicas: cannot unmarshal string into a field of type int32"},
        {"{spec: {template: {metadata: {labels: {app: db}}}}}",
         "spec.template.metadata.labels: Invalid value: {\"app\":\"db\"}: `selector` does not "
         "match template `labels`"},
        {"{spec: {template: {spec: {restartPolicy: Never}}}}",
         "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: "
         "\"Always\""},
        {"{spec: {podManagementPolicy: Fast}}",
         "spec.podManagementPolicy: Invalid value: \"Fast\": must be 'OrderedReady' or 'Parallel'"},
        {"{spec: {updateStrategy: {type: Recreate}}}",
         "spec.updateStrategy: Invalid value: {\"type\":\"Recreate\"}: must be 'RollingUpdate' or "
         "'OnDelete'"},
        {"{spec: {updateStrategy: {type: OnDelete, rollingUpdate: {partition: 1}}}}",
         "spec.updateStrategy.rollingUpdate: Invalid value: {\"partition\":1}: only allowed for "
         "updateStrategy 'RollingUpdate'"},
        {"{spec: {updateStrategy: {rollingUpdate: {partition: -1, maxUnavailable: 0}}}}",
         "[spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than "
         "or equal to 0, spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: "
         "cannot be 0]"},
        {"{spec: {ordinals: {start: -2}}}",
         "spec.ordinals.start: Invalid value: -2: must be greater than or equal to 0"},
        {"{spec: {persistentVolumeClaimRetentionPolicy: {whenScaled: Keep}}}",
         "spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: \"Keep\": "
         "supported values: \"Delete\", \"Retain\""},
        {"{spec: {volumeClaimTemplates: [{metadata: {name: d}, spec: {}}]}}",
         "[spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode "
         "is required, spec.volumeClaimTemplates[0].spec.resources[storage]: Required value]"},
        {"{spec: {volumeClaimTemplates: [{metadata: {name: d}, spec: {accessModes: "
         "[ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}], template: {spec: {containers: "
         "[{name: m, image: i, volumeMounts: [{name: d, mountPath: /d}]}]}}}}",
         ""},
        {"{spec: {template: {spec: {activeDeadlineSeconds: 5}}}}",
         "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in "
         "StatefulSet is not Supported"},
        {"{spec: [a]}", "spec: cannot unmarshal array into a field of type v1.StatefulSetSpec"},
    };
    CHECK_NEW(KIND_STATEFUL_SET, set_text, rows);
}

#define SET_FIXED                                                                                 \
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', " \
    "'template', 'updateStrategy', 'revisionHistoryLimit', "                                      \
    "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"

TEST(stateful_set_updates_are_checked)
{
    static const Row rows[] = {
        {"{spec: {replicas: 5, ordinals: {start: 2}, minReadySeconds: 3, revisionHistoryLimit: 1, "
         "updateStrategy: {type: OnDelete}, persistentVolumeClaimRetentionPolicy: {whenDeleted: "
         "Delete}, template: {spec: {containers: [{name: o, image: j}]}}}}",
         ""},
        {"{spec: {serviceName: other}}", SET_FIXED},
        {"{spec: {podManagementPolicy: Parallel}}", SET_FIXED},
        {"{spec: {volumeClaimTemplates: [{metadata: {name: d}, spec: {accessModes: "
         "[ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]}}",
         SET_FIXED},
        {"{spec: {replicas: -3}}",
         "spec.replicas: Invalid value: -3: must be greater than or equal to 0"},
        {"{status: {replicas: 2, readyReplicas: 2, currentReplicas: 2, availableReplicas: 1}}", ""},
        {"{status: {replicas: 1, currentReplicas: -1}}",
         "status.currentReplicas: Invalid value: -1: must be greater than or equal to 0"},
        {"{status: {replicas: 1, updatedReplicas: 2}}",
         "status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas"},
        {"{status: {replicas: 2, readyReplicas: 1, availableReplicas: 2}}",
         "status.availableReplicas: Invalid value: 2: cannot be greater than "
         "status.readyReplicas"},
    };
    CHECK_UPDATE(KIND_STATEFUL_SET, set_text, rows);
    static const Row lower[] = {
        {"{status: {replicas: 0, collisionCount: 1}}",
         "status.collisionCount: Invalid value: 1: cannot be decremented"},
        {"{status: {replicas: 0, collisionCount: null}}",
         "status.collisionCount: Invalid value: 0: cannot be decremented"},
        {"{status: {replicas: 0, collisionCount: 3}}", ""},
    };
    g_autoptr(Value) old = complete(KIND_STATEFUL_SET, set_text, "{status: {collisionCount: 2}}");
    g_autofree char *base = json_text(old);
    CHECK_UPDATE(KIND_STATEFUL_SET, base, lower);
}

TEST(other_workloads_are_checked)
{
    static const Row rows[] = {
        {"{}", ""},
        {"{spec: {strategy: {type: Fast}}}",
         "spec.strategy.type: Unsupported value: \"Fast\": supported values: \"Recreate\", "
         "\"RollingUpdate\""},
        {"{spec: {strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}}}",
         "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when "
         "`maxSurge` is 0"},
        {"{spec: {strategy: {type: Recreate, rollingUpdate: {maxSurge: 1}}}}",
         "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is "
         "'Recreate'"},
        {"{spec: {progressDeadlineSeconds: 5, minReadySeconds: 5}}",
         "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds"},
    };
    static const char base[] = "{spec: {selector: {matchLabels: {app: web}}, template: {metadata: "
                               "{labels: {app: web, b: c}}, spec: {containers: [{name: m, image: "
                               "i}]}}}}";
    CHECK_NEW(KIND_DEPLOYMENT, base, rows);
    static const Row updates[] = {
        {"{spec: {replicas: 5}}", ""},
        {"{spec: {selector: {matchLabels: {b: c}}}}",
         "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"web\",\"b\":\"c\"}}: field is "
         "immutable"},
    };
    CHECK_UPDATE(KIND_DEPLOYMENT, base, updates);
    CHECK_UPDATE(KIND_REPLICA_SET, base, updates);
}

TEST(services_and_slices_are_checked)
{
    static const Row rows[] = {
        {"{}", ""},
        {"{metadata: {name: 1a}}",
         "metadata.name: Invalid value: \"1a\": a DNS-1035 label must consist of lower case "
         "alphanumeric characters or '-', start with an alphabetic character, and end with an "
         "alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
         "'[a-z]([-a-z0-9]*[a-z0-9])?')"},
        {"{spec: {ports: []}}", "spec.ports: Required value"},
        {"{spec: {ports: [], clusterIP: None}}", ""},
        {"{spec: {type: Weird}}",
         "spec.type: Unsupported value: \"Weird\": supported values: \"ClusterIP\", "
         "\"ExternalName\", \"LoadBalancer\", \"NodePort\""},
        {"{spec: {ports: [{port: 1}, {port: 2}]}}",
         "[spec.ports[0].name: Required value, spec.ports[1].name: Required value]"},
        {"{spec: {ports: [{port: '80'}]}}",
         "spec.ports[0].port: cannot unmarshal string into a field of type int32"},
        {"{spec: {type: ExternalName}}", "spec.externalName: Required value"},
    };
    CHECK_NEW(KIND_SERVICE, "{metadata: {name: s}, spec: {ports: [{port: 80}]}}", rows);
    static const Row slices[] = {
        {"{}", ""},
        {"{addressType: null}", "addressType: Required value"},
        {"{endpoints: [{}]}",
         "endpoints[0].addresses: Required value: must contain at least 1 address"},
    };
    CHECK_NEW(KIND_ENDPOINT_SLICE, "{addressType: IPv4}", slices);
}

static const char claim_text[] =
    "{spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: "
    "10Gi}}}}";

#define CLAIM_FIXED                                                                    \
    "spec: Forbidden: spec is immutable after creation except resources.requests and " \
    "volumeAttributesClassName for bound claims"

TEST(claims_are_checked)
{
    static const Row rows[] = {
        {"{}", ""},
        {"{spec: {accessModes: [ReadWriteTwice]}}",
         "spec.accessModes: Unsupported value: \"ReadWriteTwice\": supported values: "
         "\"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\""},
        {"{spec: {accessModes: [ReadWriteOnce, ReadWriteOncePod]}}",
         "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"},
        {"{spec: {resources: {requests: {storage: 0}}}}",
         "spec.resources[storage]: Invalid value: \"0\": must be greater than zero"},
        {"{spec: {volumeMode: Tape}}",
         "spec.volumeMode: Unsupported value: \"Tape\": supported values: \"Block\", "
         "\"Filesystem\""},
    };
    CHECK_NEW(KIND_PERSISTENT_VOLUME_CLAIM, claim_text, rows);
    static const Row unbound[] = {
        {"{spec: {volumeName: v}}", ""},
        {"{spec: {storageClassName: fast}}", ""},
        {"{spec: {resources: {requests: {storage: 20Gi}}}}", CLAIM_FIXED},
        {"{spec: {accessModes: [ReadWriteMany]}}", CLAIM_FIXED},
    };
    CHECK_UPDATE(KIND_PERSISTENT_VOLUME_CLAIM, claim_text, unbound);
    static const char bound_claim[] =
        "{spec: {accessModes: [ReadWriteOnce], volumeName: v, resources: {requests: {storage: "
        "10Gi}}}, status: {phase: Bound, capacity: {storage: 10Gi}}}";
    static const Row bound[] = {
        {"{spec: {resources: {requests: {storage: 20Gi}}}}", ""},
        {"{spec: {resources: {requests: {storage: 5Gi}}}}",
         "spec.resources.requests.storage: Forbidden: field can not be less than "
         "status.capacity"},
        {"{spec: {volumeName: w}}", CLAIM_FIXED},
    };
    CHECK_UPDATE(KIND_PERSISTENT_VOLUME_CLAIM, bound_claim, bound);
}

TEST(volumes_and_classes_are_checked)
{
    static const char volume[] = "{spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], "
                                 "csi: {driver: d, volumeHandle: h}}}";
    static const Row rows[] = {
        {"{}", ""},
        {"{spec: {capacity: null}}", "spec.capacity: Required value"},
        {"{spec: {csi: null}}", "spec: Required value: must specify a volume type"},
        {"{spec: {persistentVolumeReclaimPolicy: Burn}}",
         "spec.persistentVolumeReclaimPolicy: Unsupported value: \"Burn\": supported values: "
         "\"Delete\", \"Recycle\", \"Retain\""},
    };
    CHECK_NEW(KIND_PERSISTENT_VOLUME, volume, rows);
    static const Row changes[] = {
        {"{spec: {claimRef: {name: c}}}", ""},
        {"{spec: {csi: {volumeHandle: g}}}",
         "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after "
         "creation"},
    };
    CHECK_UPDATE(KIND_PERSISTENT_VOLUME, volume, changes);
    static const Row classes[] = {
        {"{}", ""},
        {"{provisioner: null}", "provisioner: Required value"},
        {"{volumeBindingMode: Later}",
         "volumeBindingMode: Unsupported value: \"Later\": supported values: \"Immediate\", "
         "\"WaitForFirstConsumer\""},
    };
    CHECK_NEW(KIND_STORAGE_CLASS, "{provisioner: p}", classes);
    static const Row class_changes[] = {
        {"{reclaimPolicy: Retain}",
         "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden."},
    };
    CHECK_UPDATE(KIND_STORAGE_CLASS, "{provisioner: p}", class_changes);
}

TEST(the_rest_is_checked)
{
    static const Row nodes[] = {
        {"{spec: {taints: [{key: a, effect: NoSchedule}, {key: a, effect: NoExecute}]}}", ""},
        {"{spec: {taints: [{key: a, effect: Never}]}}",
         "spec.taints[0].effect: Unsupported value: \"Never\": supported values: \"NoSchedule\", "
         "\"PreferNoSchedule\", \"NoExecute\""},
        {"{spec: {taints: [{key: a, effect: NoExecute}, {key: a, effect: NoExecute}]}}",
         "spec.taints[1]: Duplicate value: {\"effect\":\"NoExecute\",\"key\":\"a\"}"},
    };
    CHECK_NEW(KIND_NODE, "{}", nodes);
    static const Row leases[] = {
        {"{spec: {leaseDurationSeconds: 0}}",
         "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"},
        {"{spec: {renewTime: soon}}",
         "spec.renewTime: cannot unmarshal string into a field of type Time"},
    };
    CHECK_NEW(KIND_LEASE, "{}", leases);
    static const Row revisions[] = {
        {"{data: {a: b}, revision: 1}", ""},
        {"{revision: -1}", "[data: Required value: data is mandatory, revision: Invalid value: "
                           "-1: must be greater than or equal to 0]"},
    };
    CHECK_NEW(KIND_CONTROLLER_REVISION, "{}", revisions);
    static const Row attachments[] = {
        {"{}", ""},
        {"{spec: {attacher: null, source: {}}}", "spec.attacher: Required value"},
    };
    CHECK_NEW(KIND_VOLUME_ATTACHMENT,
              "{spec: {attacher: a, nodeName: node-a, source: {persistentVolumeName: v}}}",
              attachments);
}
