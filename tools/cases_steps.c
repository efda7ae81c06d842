/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cases_steps.c - what happens between the syncs of a trajectory: kubelets, users, collectors, and
 * a digest of the API after each.
 */
#include "models/kind/views.h"
#include "tools/cases_internal.h"

typedef struct {
    Rehearsal *rehearsal;
    const Value *source;
    const Object *object; /* of the API */
} Operation;

/* Writes the object's next version; value is taken. */
static void write_next(const Operation *operation, Value *value)
{
    const Object *old = operation->object;
    value_put(&value, value_printf("%" PRId64, old->version + 1), "metadata", "resourceVersion");
    rehearsal_put(operation->rehearsal, IN_API, old->key.kind, value);
}

static void put_source(const Operation *operation, Value **value, const char *from,
                       const char *part, const char *field)
{
    const Value *given = value_get(operation->source, from);
    if (given != NULL) value_put(value, value_ref(given), part, field);
}

static void put_ready(const Operation *operation, Value **value, const char *truth)
{
    const Value *conditions = value_find(*value, "status", "conditions");
    Value *list = value_list(), *ready = value_map();
    bool is_put = false;
    value_map_set(ready, "type", value_string("Ready"));
    value_map_set(ready, "status", value_string(truth));
    const Value *at = value_get(operation->source, "at");
    if (at != NULL) value_map_set(ready, "lastTransitionTime", value_ref(at));
    value_each (i, conditions) {
        const Value *condition = value_at(conditions, i);
        bool is_ready = strcmp(value_text(condition, "type"), "Ready") == 0;
        value_list_add(list, value_ref(is_ready ? ready : condition));
        is_put |= is_ready;
    }
    if (!is_put) value_list_add(list, value_ref(ready));
    value_unref(ready);
    value_put(value, list, "status", "conditions");
}

static void put_phase(Value **value, const char *phase)
{
    value_put(value, value_string(phase), "status", "phase");
}

/* --- one function an operation --- */

static void pod_bind(const Operation *operation)
{
    Value *value = value_ref(operation->object->value);
    put_source(operation, &value, "node", "spec", "nodeName");
    write_next(operation, value);
}

static void pod_running(const Operation *operation)
{
    Value *value = value_ref(operation->object->value);
    put_phase(&value, "Running");
    put_ready(operation, &value, "False");
    write_next(operation, value);
}

static void pod_ready(const Operation *operation)
{
    Value *value = value_ref(operation->object->value);
    put_ready(operation, &value, "True");
    write_next(operation, value);
}

static void pod_unready(const Operation *operation)
{
    Value *value = value_ref(operation->object->value);
    put_ready(operation, &value, "False");
    write_next(operation, value);
}

static void pod_ended(const Operation *operation, const char *phase)
{
    Value *value = value_ref(operation->object->value);
    put_phase(&value, phase);
    if (value_get(operation->source, "at") != NULL) put_ready(operation, &value, "False");
    write_next(operation, value);
}

static void pod_failed(const Operation *operation)
{
    pod_ended(operation, "Failed");
}

static void pod_succeeded(const Operation *operation)
{
    pod_ended(operation, "Succeeded");
}

static void gone(const Operation *operation)
{
    rehearsal_drop(operation->rehearsal, IN_API, operation->object->key);
}

static void pod_deleted(const Operation *operation)
{
    Reply reply = {0};
    Request request = {.verb = REQUEST_DELETE, .key = operation->object->key, .grace_s = -1};
    rehearsal_request(operation->rehearsal, &request, &reply);
    reply_clear(&reply);
}

static void pod_orphaned(const Operation *operation)
{
    Value *value = value_ref(operation->object->value);
    value_drop(&value, "metadata", "ownerReferences");
    write_next(operation, value);
}

static void claim_deleted(const Operation *operation)
{
    Value *value = value_ref(operation->object->value);
    put_source(operation, &value, "at", "metadata", "deletionTimestamp");
    write_next(operation, value);
}

static void set_edited(const Operation *operation)
{
    Value *value = value_ref(operation->object->value);
    const Value *spec = value_get(operation->source, "spec");
    if (spec != NULL) value_put(&value, value_ref(spec), "spec");
    put_source(operation, &value, "generation", "metadata", "generation");
    write_next(operation, value);
}

static void set_deleted(const Operation *operation)
{
    Value *value = value_ref(operation->object->value), *finalizers = value_list();
    value_list_add(finalizers, value_string("foregroundDeletion"));
    value_put(&value, finalizers, "metadata", "finalizers");
    put_source(operation, &value, "at", "metadata", "deletionTimestamp");
    put_source(operation, &value, "generation", "metadata", "generation");
    write_next(operation, value);
}

static const struct {
    const char *name;
    Kind kind;
    void (*run)(const Operation *operation);
} operations[] = {
    {"pod-bind", KIND_POD, pod_bind},
    {"pod-running", KIND_POD, pod_running},
    {"pod-ready", KIND_POD, pod_ready},
    {"pod-unready", KIND_POD, pod_unready},
    {"pod-failed", KIND_POD, pod_failed},
    {"pod-succeeded", KIND_POD, pod_succeeded},
    {"pod-gone", KIND_POD, gone},
    {"user-delete-pod", KIND_POD, pod_deleted},
    {"user-force-delete-pod", KIND_POD, gone},
    {"user-orphan-pod", KIND_POD, pod_orphaned},
    {"pvc-delete", KIND_PERSISTENT_VOLUME_CLAIM, claim_deleted},
    {"pvc-gone", KIND_PERSISTENT_VOLUME_CLAIM, gone},
    {"set-edit", KIND_STATEFUL_SET, set_edited},
    {"set-delete", KIND_STATEFUL_SET, set_deleted},
};

static bool operate(Rehearsal *rehearsal, const Value *source, const char *space, GError **error)
{
    const char *name = value_text(source, "op");
    for (unsigned i = 0; i < G_N_ELEMENTS(operations); i++) {
        if (strcmp(operations[i].name, name) != 0) continue;
        Key key = rehearsal_key(rehearsal, operations[i].kind, space, value_text(source, "name"));
        const Object *present = table_get(rehearsal_api(rehearsal), key);
        if (present == NULL) return true;
        autoobject object = object_ref(present);
        operations[i].run(&(Operation){rehearsal, source, object});
        return true;
    }
    return case_fault(error, "kubelet.op", "is unknown");
}

bool case_operate(Rehearsal *rehearsal, const Value *list, const char *space, GError **error)
{
    value_each (i, list)
        if (!operate(rehearsal, value_at(list, i), space, error)) return false;
    return true;
}

/* --- who was there before --- */

/* Reads "pod NAME UID ..." if it is the first of its name. */
static void count_line(Rehearsal *rehearsal, const char *line, const char *space, GHashTable *seen)
{
    g_auto(GStrv) words = g_strsplit(line, " ", 4);
    if (g_strv_length(words) < 3) return;
    bool is_pod = strcmp(words[0], "pod") == 0;
    if (!is_pod && strcmp(words[0], "pvc") != 0) return;
    Kind kind = is_pod ? KIND_POD : KIND_PERSISTENT_VOLUME_CLAIM;
    Key key = rehearsal_key(rehearsal, kind, space, words[1]);
    if (table_get(rehearsal_api(rehearsal), key) != NULL) return;
    if (!g_hash_table_add(seen, g_strdup_printf("%s %s", words[0], words[1]))) return;
    const char *mark = strrchr(words[2], '-');
    int64_t number = 0;
    if (mark != NULL && mark[1] == 'u' && text_to_int(mark + 2, &number) && number > 1)
        rehearsal_existed(rehearsal, key, (unsigned)MIN(number - 1, INT32_MAX));
}

void case_count_incarnations(Rehearsal *rehearsal, const Value *steps, const char *space)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    value_each (i, steps) {
        const Value *world = value_get(value_at(steps, i), "world");
        value_each (j, world)
            count_line(rehearsal, value_as_text(value_at(world, j), ""), space, seen);
    }
}

/* --- the digest --- */

static Value *pod_line(const AtomTable *atoms, const Object *object)
{
    const PodView *pod = pod_view(object);
    return value_printf(
        "pod %s %s %s %s %s%s%s", atom_text(atoms, object->key.name), atom_text(atoms, object->uid),
        value_text(object->value, "status", "phase"), atom_text(atoms, pod->revision),
        pod->spec->node_name != ATOM_NONE ? "b" : "", pod_is_running_and_ready(pod) ? "r" : "",
        object_is_terminating(object) ? "t" : "");
}

static Value *claim_line(const AtomTable *atoms, const Object *object)
{
    const Meta *meta = object_meta(object);
    g_autoptr(GString) owners = g_string_new(NULL);
    for (uint32_t i = 0; i < meta->owner_count; i++)
        g_string_append_printf(owners, "%s%s", i ? "," : "", atom_text(atoms, meta->owners[i].uid));
    return value_printf("pvc %s %s owners=%s%s", atom_text(atoms, object->key.name),
                        atom_text(atoms, object->uid), owners->str,
                        object_is_terminating(object) ? " deleting" : "");
}

static Value *revision_line(const AtomTable *atoms, const Object *object)
{
    return value_printf("rev %s %" PRId64, atom_text(atoms, object->key.name),
                        revision_view(object)->revision);
}

static int by_name(const void *a, const void *b, void *atoms)
{
    const Object *left = *(const Object *const *)a, *right = *(const Object *const *)b;
    return atom_compare(atoms, left->key.name, right->key.name);
}

Value *case_world(Rehearsal *rehearsal)
{
    static const struct {
        Kind kind;
        Value *(*line)(const AtomTable *atoms, const Object *object);
    } lines[] = {{KIND_POD, pod_line},
                 {KIND_PERSISTENT_VOLUME_CLAIM, claim_line},
                 {KIND_CONTROLLER_REVISION, revision_line}};
    AtomTable *atoms = rehearsal_atoms(rehearsal);
    Value *world = value_list();
    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        ObjectList list = table_kind(rehearsal_api(rehearsal), lines[i].kind);
        g_autofree const Object **sorted = g_new(const Object *, list.count + 1);
        for (unsigned j = 0; j < list.count; j++)
            sorted[j] = list.items[j];
        g_qsort_with_data(sorted, (gint)list.count, sizeof *sorted, by_name, atoms);
        for (unsigned j = 0; j < list.count; j++)
            value_list_add(world, lines[i].line(atoms, sorted[j]));
    }
    return world;
}
