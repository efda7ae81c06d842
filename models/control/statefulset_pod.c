/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a StatefulSet sync plans for one pod: create, repair, delete.
 * Mirrors: kubernetes v1.36 pkg/controller/statefulset/stateful_pod_control.go and processReplica
 *          of stateful_set_control.go
 * Simplified: a repair that must wait 10, 50, 250 ms after a conflict does so without jitter.
 * State:  absent --create--> Pending --> Running, Ready --repair--> as the set says
 *            ^                               |
 *            `--- gone <--- Terminating <----'  (scale-down, rollout, terminal phase)
 */
#include "models/control/revision.h"
#include "models/control/statefulset.h"

#define LABEL_POD_NAME  "statefulset.kubernetes.io/pod-name"
#define LABEL_POD_INDEX "apps.kubernetes.io/pod-index"
#define LABEL_REVISION  "controller-revision-hash"
#define REPAIR_ATTEMPTS 4

/* What is being done, which decides how failures are told. */
typedef enum { ITEM_CREATE, ITEM_PENDING, ITEM_REPAIR, ITEM_CONDEMNED } ItemMode;

typedef struct ErrorText ErrorText;
struct ErrorText {
    const char *text;
    ErrorText *next;
};

/* One pod's part of the plan; hooks share it. */
typedef struct {
    SetSync *sync;
    ItemMode mode;
    int64_t ordinal;                   /* as its name says */
    const Object *pod;                 /* NULL: in memory only */
    const Object *mended;              /* as the last attempt to repair it left it, or NULL */
    Atom pod_name;                     /* a repair may change it */
    unsigned claims_left, owners_left; /* steps whose answers are still to come */
    unsigned attempt;
    bool is_waiting;          /* for the next attempt */
    bool is_attempted;        /* a pod update has been sent */
    ErrorText *errors;        /* in order of text */
    const char *create_error; /* of the pod, told after the claims are put right */
} Item;

/* A hook's data where it concerns one claim. */
typedef struct {
    Item *item;
    Atom claim;
    unsigned attempt; /* of the repair that the step belongs to */
} ClaimStep;

static void repair_attempt(Item *item);
static bool pod_matches(const SetSync *sync, const Object *pod, int64_t ordinal);

/* --- names and texts --- */

const char *statefulset_verb(const SetSync *sync, const char *lower, const char *capital)
{
    return world_is_at_least(actor_world(sync->actor), 35) ? capital : lower;
}

/* An ordinal beyond 32 bits cannot be read back from a name: upstream's becomes -1, and the name
 * that is made of that reads as 1. */
static int64_t label_ordinal(int64_t ordinal)
{
    return ordinal > INT32_MAX ? -1 : ordinal;
}

static int64_t ordinal_of_name(int64_t ordinal)
{
    return ordinal > INT32_MAX ? 1 : ordinal;
}

/* Not by printf: a sync asks for the names of all claims of all replicas. */
Atom statefulset_name(const SetSync *sync, const char *prefix, int64_t ordinal)
{
    char text[600], *at = text + sizeof text;
    uint64_t rest = (uint64_t)(ordinal < 0 ? -ordinal : ordinal);
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (ordinal < 0) *--at = '-';
    *--at = '-';
    const char *parts[] = {sync->name, prefix};
    for (unsigned i = 0; i < G_N_ELEMENTS(parts) && parts[i]; i++) {
        size_t length = strlen(parts[i]);
        CHECK(length + 1 < (size_t)(at - text));
        if (i > 0) *--at = '-';
        at -= length;
        memcpy(at, parts[i], length);
    }
    AtomTable *atoms = world_atoms(actor_world(sync->actor));
    return atom_of_length(atoms, at, (size_t)(text + sizeof text - at));
}

Atom statefulset_pod_name(const SetSync *sync, int64_t ordinal)
{
    return statefulset_name(sync, NULL, label_ordinal(ordinal));
}

static const char *text_of(const Item *item, Atom atom)
{
    return actor_text(item->sync->actor, atom);
}

static const char *plan_strdup(Actor *actor, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(plan_alloc(actor, size), text, size);
}

static Item *item_new(SetSync *sync, ItemMode mode, int64_t ordinal, const Object *pod, Atom name)
{
    Item *item = plan_alloc(sync->actor, sizeof *item);
    *item = (Item){
        .sync = sync, .mode = mode, .ordinal = ordinal, .pod = pod, .pod_name = name, .attempt = 1};
    return item;
}

static ClaimStep *claim_step_new(Item *item, Atom claim)
{
    ClaimStep *step = plan_alloc(item->sync->actor, sizeof *step);
    *step = (ClaimStep){item, claim, item->attempt};
    return step;
}

/* Adds an error text; texts are kept in order, as upstream has none. */
static void add_error(Item *item, const char *text)
{
    ErrorText *error = plan_alloc(item->sync->actor, sizeof *error);
    error->text = plan_strdup(item->sync->actor, text);
    ErrorText **at = &item->errors;
    while (*at && strcmp((*at)->text, text) < 0)
        at = &(*at)->next;
    error->next = *at;
    *at = error;
}

/* One text of all errors, several in brackets; free with g_free(). */
static char *join_errors(const Item *item)
{
    GString *text = g_string_new(NULL);
    for (const ErrorText *error = item->errors; error; error = error->next)
        g_string_append_printf(text, "%s%s", text->len ? ", " : "", error->text);
    if (item->errors->next) {
        g_string_prepend_c(text, '[');
        g_string_append_c(text, ']');
    }
    return g_string_free(text, FALSE);
}

/* A Normal event about the set; not by printf, as every write has one. */
static void tell(const SetSync *sync, const char *reason, const char *const *parts, unsigned count)
{
    g_autoptr(GString) text = g_string_sized_new(120);
    for (unsigned i = 0; i < count; i++)
        g_string_append(text, parts[i]);
    actor_emit(sync->actor, sync->set->key, "Normal", reason, text->str);
}

/* Tells how a pod's create, update or delete went; error NULL: well. */
static void pod_event(const SetSync *sync, const char *verb, Atom pod, const char *error)
{
    static const char *const lower[] = {"create", "update", "delete"};
    static const char *const capital[] = {"Create", "Update", "Delete"};
    unsigned i = *verb == 'C' ? 0 : *verb == 'U' ? 1 : 2;
    const char *word = statefulset_verb(sync, lower[i], capital[i]);
    const char *name = actor_text(sync->actor, pod);
    static const char *const successes[] = {"SuccessfulCreate", "SuccessfulUpdate",
                                            "SuccessfulDelete"};
    static const char *const failures[] = {"FailedCreate", "FailedUpdate", "FailedDelete"};
    const char *reason = error ? failures[i] : successes[i];

    if (!error) {
        const char *const parts[] = {word,       " Pod ",      name, " in StatefulSet ",
                                     sync->name, " successful"};
        tell(sync, reason, parts, G_N_ELEMENTS(parts));
        return;
    }
    actor_event(sync->actor, sync->set->key, "Warning", reason,
                "%s Pod %s in StatefulSet %s failed error: %s", word, name, sync->name, error);
}

static void claim_event(const ClaimStep *step, const char *error)
{
    const SetSync *sync = step->item->sync;
    const char *word = statefulset_verb(sync, "create", "Create");
    const char *claim = actor_text(sync->actor, step->claim);
    const char *pod = actor_text(sync->actor, step->item->pod_name);
    const char *const parts[] = {word, " Claim ",          claim,      " Pod ",
                                 pod,  " in StatefulSet ", sync->name, " success"};
    if (!error)
        tell(sync, "SuccessfulCreate", parts, G_N_ELEMENTS(parts));
    else
        actor_event(sync->actor, sync->set->key, "Warning", "FailedCreate",
                    "%s Claim %s for Pod %s in StatefulSet %s failed error: %s", word, claim, pod,
                    sync->name, error);
}

/* --- creating missing claims --- */

/* All claims have been tried: the errors, if any, are told together and end the lane. */
static PlanVerdict claims_tried(Item *item)
{
    if (!item->errors) return PLAN_ACCEPT;
    g_autofree char *text = join_errors(item);
    if (item->mode == ITEM_CREATE) pod_event(item->sync, "Create", item->pod_name, text);
    if (item->mode == ITEM_REPAIR) {
        pod_event(item->sync, "Update", item->pod_name, text);
        if (item->is_attempted) pod_event(item->sync, "Update", item->pod_name, text);
    }
    return PLAN_REFUSE;
}

static PlanVerdict on_claim_created(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    ClaimStep *claim = data;
    Item *item = claim->item;
    (void)actor, (void)step;

    statefulset_wrote(item->sync, reply);
    if (reply->reason == REASON_OK) {
        claim_event(claim, NULL);
    } else {
        g_autofree char *text = g_strdup_printf("failed to create PVC %s: %s",
                                                text_of(item, claim->claim), reply->message);
        add_error(item, text);
        if (reply->reason != REASON_ALREADY_EXISTS) claim_event(claim, reply->message);
    }
    return --item->claims_left ? PLAN_ACCEPT : claims_tried(item);
}

static PlanVerdict on_claims_refused(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    (void)actor, (void)step, (void)reply;
    Item *item = data;
    item->sync->is_running = true;
    return claims_tried(item);
}

/* Plans the missing claims of a pod; false if it is certain already that they cannot all be. */
static bool plan_claims(Item *item)
{
    SetSync *sync = item->sync;
    unsigned count = sync->view->claim_template_count;

    item->claims_left = 0;
    item->errors = NULL;
    for (unsigned i = 0; i < count; i++) {
        const Object *claim = statefulset_claim(sync, i, item->ordinal);
        if (!claim) item->claims_left++;
        if (!claim || !object_is_terminating(claim)) continue;
        g_autofree char *text =
            g_strdup_printf("pvc %s is being deleted", text_of(item, claim->key.name));
        add_error(item, text);
    }
    for (unsigned i = 0; i < count && item->claims_left; i++) {
        if (statefulset_claim(sync, i, item->ordinal)) continue;
        ClaimStep *data = claim_step_new(item, statefulset_claim_name(sync, i, item->ordinal));
        PlanStep *step = plan_create(sync->actor, KIND_PERSISTENT_VOLUME_CLAIM,
                                     statefulset_claim_body(sync, i, item->ordinal));
        plan_then(step, on_claim_created, data);
        plan_because(step, "%s has no claim %s", text_of(item, item->pod_name),
                     text_of(item, data->claim));
    }
    if (!item->errors) return true;
    if (item->claims_left == 0) {
        g_autofree char *errors = join_errors(item);
        PlanStep *step = plan_answer(sync->actor, sync->set->key, REASON_CONFLICT, "%s", errors);
        plan_then(step, on_claims_refused, item);
        plan_because(step, "a claim of %s is being deleted: its protection must end first",
                     text_of(item, item->pod_name));
    }
    sync->is_doomed = true;
    return false;
}

/* --- owners of claims --- */

static PlanVerdict wait_for_attempt(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    static const Nanos waits[] = {10 * NANOS_MS, 50 * NANOS_MS, 250 * NANOS_MS};
    Item *item = data;
    (void)actor, (void)reply;

    if (item->is_waiting) {
        item->is_waiting = false;
        plan_retry_in(step, waits[item->attempt - 2]);
        return PLAN_RETRY;
    }
    repair_attempt(item);
    return PLAN_ACCEPT;
}

/* After a conflict the whole repair is made anew from the cache, a few times; what is left of the
 * attempt before is skipped. */
static bool repair_again(Item *item)
{
    if (item->attempt >= REPAIR_ATTEMPTS) return false;
    item->attempt++;
    item->is_waiting = true;
    PlanStep *step =
        plan_answer(item->sync->actor, item->sync->set->key, REASON_OK, "conflict, tried again");
    plan_then(step, wait_for_attempt, item);
    return true;
}

/* The body of a repair's step, unless another attempt has begun. */
static Value *body_if_current(Actor *actor, PlanStep *step, void *data)
{
    const ClaimStep *part = data;
    (void)actor;
    return part->attempt == part->item->attempt ? value_ref(plan_step_body(step)) : NULL;
}

static PlanVerdict on_claim_refused(ClaimStep *claim, const Reply *reply)
{
    Item *item = claim->item;
    g_autofree char *text =
        g_strdup_printf("could not update claim %s for delete policy ownerRefs: %s",
                        text_of(item, claim->claim), reply->message);
    if (item->mode != ITEM_CONDEMNED) pod_event(item->sync, "Update", item->pod_name, text);
    if (item->mode != ITEM_REPAIR) return PLAN_REFUSE;
    if (reply->reason == REASON_CONFLICT && repair_again(item)) return PLAN_ACCEPT;
    if (item->is_attempted) pod_event(item->sync, "Update", item->pod_name, text);
    return PLAN_REFUSE;
}

/* One of the steps planned by plan_owners() went well; after the last the creation is told. */
static PlanVerdict owners_step_done(Item *item)
{
    if (--item->owners_left || item->mode != ITEM_CREATE) return PLAN_ACCEPT;
    pod_event(item->sync, "Create", item->pod_name, item->create_error);
    return item->create_error ? PLAN_REFUSE : PLAN_ACCEPT;
}

static PlanVerdict on_claim_updated(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    ClaimStep *claim = data;
    Item *item = claim->item;
    (void)actor, (void)step;

    statefulset_wrote(item->sync, reply);
    return reply->reason == REASON_OK ? owners_step_done(item) : on_claim_refused(claim, reply);
}

static PlanVerdict on_conflicting(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    ClaimStep *claim = data;
    (void)step, (void)reply;
    claim->item->sync->is_running = true;
    actor_event(actor, claim->item->sync->set->key, "Warning", "ConflictingController",
                "PersistentVolumeClaim %s has a conflicting OwnerReference that acts as a manging "
                "controller, the retention policy is ignored for this claim",
                actor_text(actor, claim->claim));
    return owners_step_done(claim->item);
}

/* Plans owner references of the pod's cached claims; returns how many updates that takes. */
static unsigned plan_owners(Item *item)
{
    SetSync *sync = item->sync;
    Atom uid = item->pod ? item->pod->uid : ATOM_NONE;

    unsigned updates = 0;
    item->owners_left = 0;
    for (unsigned i = 0; i < sync->view->claim_template_count; i++) {
        const Object *claim = statefulset_claim(sync, i, item->ordinal);
        if (!claim) continue;
        ClaimStep *data = claim_step_new(item, claim->key.name);
        if (statefulset_claim_conflicts(sync, claim, uid, item->pod_name)) {
            PlanStep *note = plan_answer(sync->actor, claim->key, REASON_OK,
                                         "another controller owns the claim");
            plan_then(note, on_conflicting, data);
            item->owners_left++;
        }
        if (statefulset_claim_matches(sync, claim, item->ordinal, uid, item->pod_name)) continue;
        PlanStep *step = plan_update(
            sync->actor, claim,
            statefulset_claim_owned(sync, claim, item->ordinal, item->pod, item->pod_name));
        plan_then(step, on_claim_updated, data);
        if (item->mode == ITEM_REPAIR) plan_late(step, body_if_current, data);
        plan_because(step, "owners of %s must follow persistentVolumeClaimRetentionPolicy",
                     text_of(item, claim->key.name));
        item->owners_left++;
        updates++;
    }
    return updates;
}

/* --- creating --- */

/* Volumes of claims first, in template order; then what else the template or pod has. */
static Value *volumes_of(const SetSync *sync, const Value *others, int64_t ordinal)
{
    Value *volumes = value_list();
    for (unsigned i = 0; i < sync->view->claim_template_count; i++) {
        Atom name = statefulset_claim_name(sync, i, ordinal);
        Value *source = value_map();
        value_map_set(source, "claimName", value_string(actor_text(sync->actor, name)));
        Value *volume = value_map();
        value_map_set(volume, "name",
                      value_string(actor_text(sync->actor, sync->view->claim_names[i])));
        value_map_set(volume, "persistentVolumeClaim", source);
        value_list_add(volumes, volume);
    }
    value_each (j, others) {
        const char *name = value_text(value_at(others, j), "name");
        bool is_replaced = false;
        for (unsigned i = 0; i < sync->view->claim_template_count && !is_replaced; i++)
            is_replaced = !strcmp(actor_text(sync->actor, sync->view->claim_names[i]), name);
        if (!is_replaced) value_list_add(volumes, value_ref(value_at(others, j)));
    }
    return volumes;
}

static void put_identity_labels(const SetSync *sync, Value **labels, Atom name, int64_t ordinal)
{
    value_put(labels, value_string(actor_text(sync->actor, name)), LABEL_POD_NAME);
    if (world_gate(actor_world(sync->actor), "PodIndexLabel"))
        value_put(labels, value_printf("%" PRId64, label_ordinal(ordinal)), LABEL_POD_INDEX);
}

/* Whether a pod made now for an ordinal gets the current revision instead of the update. */
static bool uses_current(const SetSync *sync, int64_t ordinal)
{
    const StatefulSetView *view = sync->view;
    if (view->has_rolling_update) return ordinal < view->start_ordinal + view->partition;
    return !view->is_on_delete && ordinal < view->start_ordinal + view->current;
}

Atom statefulset_placeholder_revision(const SetSync *sync, int64_t ordinal)
{
    return uses_current(sync, ordinal) ? sync->current_name : sync->update_name;
}

static Value *pod_meta(const SetSync *sync, const Value *template, Atom name, int64_t ordinal,
                       Atom revision)
{
    const Value *from = value_get(template, "metadata");
    const Value *labels_from = value_get(from, "labels");
    Value *labels = labels_from ? value_ref(labels_from) : value_map();
    value_put(&labels, value_string(actor_text(sync->actor, revision)), LABEL_REVISION);
    put_identity_labels(sync, &labels, name, ordinal);
    Value *owners = value_list();
    value_list_add(owners, statefulset_owner(sync));

    Value *meta = value_map();
    value_map_set(meta, "name", value_string(actor_text(sync->actor, name)));
    value_map_set(meta, "generateName", value_printf("%s-", sync->name));
    value_map_set(meta, "namespace", value_string(actor_text(sync->actor, sync->set->key.space)));
    value_map_set(meta, "labels", labels);
    if (value_size(value_get(from, "annotations")))
        value_map_set(meta, "annotations", value_ref(value_get(from, "annotations")));
    if (value_size(value_get(from, "finalizers")))
        value_map_set(meta, "finalizers", value_ref(value_get(from, "finalizers")));
    value_map_set(meta, "ownerReferences", owners);
    return meta;
}

static Value *pod_body(const SetSync *sync, Atom name, int64_t ordinal)
{
    bool is_current = uses_current(sync, ordinal);
    const Value *template =
        is_current && sync->current_template ? sync->current_template : sync->update_template;
    const Value *from = value_get(template, "spec");
    const char *service = actor_text(sync->actor, sync->view->service_name);

    Value *spec = from ? value_ref(from) : value_map();
    value_put(&spec, value_string(actor_text(sync->actor, name)), "hostname");
    if (*service)
        value_put(&spec, value_string(service), "subdomain");
    else
        value_drop(&spec, "subdomain");
    if (sync->view->claim_template_count)
        value_put(&spec, volumes_of(sync, value_get(from, "volumes"), ordinal_of_name(ordinal)),
                  "volumes");

    Value *body = value_map();
    value_map_set(body, "apiVersion", value_string("v1"));
    value_map_set(body, "kind", value_string("Pod"));
    value_map_set(body, "metadata",
                  pod_meta(sync, template, name, ordinal,
                           is_current ? sync->current_name : sync->update_name));
    value_map_set(body, "spec", spec);
    return body;
}

static PlanVerdict on_pod_created(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    Item *item = data;
    (void)step;

    statefulset_wrote(item->sync, reply);
    if (reply->reason == REASON_ALREADY_EXISTS) return PLAN_REFUSE;
    if (item->owners_left) {
        if (reply->reason != REASON_OK) item->create_error = plan_strdup(actor, reply->message);
        return PLAN_ACCEPT;
    }
    pod_event(item->sync, "Create", item->pod_name, reply->reason ? reply->message : NULL);
    return reply->reason == REASON_OK ? PLAN_ACCEPT : PLAN_REFUSE;
}

static PlanVerdict repair_later(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    Item *item = data;
    (void)actor, (void)step, (void)reply;
    item->sync->is_running = true;
    item->mode = ITEM_REPAIR;
    repair_attempt(item);
    return PLAN_ACCEPT;
}

/* A pod whose claims are touched in this sync is looked at again by a parallel one, with whatever
 * the cache shows by then; when it still shows the old claims that ends in a conflict. */
static void plan_second_look(Item *item, const Object *mended)
{
    PlanStep *step = plan_answer(item->sync->actor, item->sync->set->key, REASON_OK,
                                 "claims of %s are looked at again", text_of(item, item->pod_name));
    Item *again = item_new(item->sync, ITEM_REPAIR, item->ordinal, item->pod, item->pod_name);
    again->mended = mended;
    plan_then(step, repair_later, again);
}

static void release_object(void *object)
{
    object_unref(object);
}

/* Keeps an object as long as the plan; the reference is taken. */
static const Object *keep(const SetSync *sync, const Object *object)
{
    union {
        const Object *constant;
        void *pointer;
    } view = {object};
    plan_keep(sync->actor, release_object, view.pointer);
    return object;
}

/* What a parallel sync does with a pod that it has just created: the same as with any other. */
static void look_again(Item *item, const SetPod *replica, bool is_touched, const Value *body)
{
    SetSync *sync = item->sync;
    const Object *mended = NULL;
    bool is_misnamed = !replica->pod && replica->ordinal > INT32_MAX;
    if (is_misnamed)
        mended = keep(sync, object_new(world_atoms(actor_world(sync->actor)), KIND_POD,
                                       value_ref(body), 0, NULL));
    if (is_touched || is_misnamed ||
        (replica->pod && !pod_matches(sync, replica->pod, item->ordinal)))
        plan_second_look(item, mended);
}

/* Makes the pod of a slot. A pod of no phase counts as not created; it is sent as it is cached. */
static bool create_pod(SetSync *sync, const SetPod *replica)
{
    const Object *pod = replica->pod;
    int64_t ordinal = ordinal_of_name(replica->ordinal);
    Atom name = pod ? pod->key.name : statefulset_pod_name(sync, replica->ordinal);
    const char *text = actor_text(sync->actor, name);
    if (statefulset_claims_are_stale(sync, ordinal, pod ? pod->uid : ATOM_NONE, name)) {
        actor_because(sync->actor, sync->set->key,
                      "waiting for a claim of %s to be deleted: it belongs to the pod before; "
                      "nothing wakes the set when it goes",
                      text);
        return true;
    }
    Item *item = item_new(sync, ITEM_CREATE, ordinal, pod, name);
    if (!plan_claims(item)) return true;
    Value *body = pod ? value_ref(pod->value) : pod_body(sync, name, replica->ordinal);
    PlanStep *step = plan_create(sync->actor, KIND_POD, body);
    plan_then(step, on_pod_created, item);
    plan_because(step,
                 sync->is_monotonic ? "%s is missing and all pods below it are available"
                                    : "%s is missing",
                 text);
    bool is_touched = sync->view->claim_template_count && plan_owners(item);
    if (!sync->is_monotonic) look_again(item, replica, is_touched, plan_step_body(step));
    return sync->is_monotonic;
}

/* --- repairing --- */

static bool identity_matches(const SetSync *sync, const Object *pod, int64_t ordinal)
{
    const char *digits = actor_text(sync->actor, pod->key.name) + strlen(sync->name) + 1;
    bool is_misnamed = digits[0] == '-' || (digits[0] == '0' && digits[1] != '\0');
    Atom label = meta_label(object_meta(pod), actor_atom(sync->actor, LABEL_POD_NAME));
    return ordinal >= 0 && !is_misnamed && label == pod->key.name;
}

static bool storage_matches(const SetSync *sync, const Object *pod, int64_t ordinal)
{
    const PodSpec *spec = pod_view(pod)->spec;
    for (uint32_t i = 0; i < sync->view->claim_template_count; i++) {
        Atom wanted = statefulset_claim_name(sync, i, ordinal);
        bool is_there = false;
        /* of volumes with one name the last counts */
        for (uint32_t j = 0; j < spec->volume_count; j++)
            if (spec->volumes[j].name == sync->view->claim_names[i])
                is_there =
                    spec->volumes[j].source == VOLUME_CLAIM && spec->volumes[j].claim == wanted;
        if (!is_there) return false;
    }
    return true;
}

static PlanVerdict on_pod_updated(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    Item *item = ((ClaimStep *)data)->item;
    (void)actor, (void)step;

    statefulset_wrote(item->sync, reply);
    item->is_attempted = true;
    if (reply->reason == REASON_CONFLICT && repair_again(item)) return PLAN_ACCEPT;
    pod_event(item->sync, "Update", item->pod_name, reply->reason ? reply->message : NULL);
    return reply->reason == REASON_OK ? PLAN_ACCEPT : PLAN_REFUSE;
}

static bool pod_matches(const SetSync *sync, const Object *pod, int64_t ordinal)
{
    return identity_matches(sync, pod, ordinal) && storage_matches(sync, pod, ordinal) &&
           statefulset_claims_match(sync, ordinal, pod->uid, pod->key.name);
}

/* Name and labels as the ordinal wants them. */
static void put_identity(Item *item, Value **body)
{
    const Value *old = value_find(*body, "metadata", "labels");
    Value *labels = old ? value_ref(old) : value_map();
    item->pod_name = statefulset_pod_name(item->sync, item->ordinal);
    put_identity_labels(item->sync, &labels, item->pod_name, item->ordinal);
    value_put(body, labels, "metadata", "labels");
    value_put(body, value_string(text_of(item, item->pod_name)), "metadata", "name");
}

/* The pod that an attempt begins with: what the cache shows under its name, once there has been an
 * attempt, else what that left. */
static const Object *pod_to_mend(const Item *item)
{
    Key key = {KIND_POD, item->sync->set->key.space, item->pod_name};
    const Object *known = item->mended ? item->mended : item->pod;
    const Object *cached = known && item->attempt > 1 ? actor_get(item->sync->actor, key) : NULL;
    return cached ? cached : known;
}

static void plan_repair(Item *item, const Object *pod, Value *body)
{
    SetSync *sync = item->sync;
    if (item->pod_name != pod->key.name || item->attempt > 1) {
        AtomTable *atoms = world_atoms(actor_world(sync->actor));
        pod = keep(sync, object_new(atoms, KIND_POD, value_ref(body), pod->version, NULL));
        item->mended = pod;
    }
    ClaimStep *data = claim_step_new(item, ATOM_NONE);
    PlanStep *step = plan_update(sync->actor, pod, body);
    plan_then(step, on_pod_updated, data);
    plan_late(step, body_if_current, data);
    plan_because(step, "labels, volumes or claims of %s are not the set's",
                 text_of(item, item->pod_name));
}

/* One attempt, from what the cache shows now. */
static void repair_attempt(Item *item)
{
    SetSync *sync = item->sync;
    const Object *pod = pod_to_mend(item);
    bool is_dirty = false;

    g_autoptr(Value) body = pod ? value_ref(pod->value) : NULL;
    if (pod && !identity_matches(sync, pod, item->ordinal)) {
        put_identity(item, &body);
        is_dirty = true;
    }
    if (pod && !storage_matches(sync, pod, item->ordinal)) {
        value_put(&body, volumes_of(sync, value_find(body, "spec", "volumes"), item->ordinal),
                  "spec", "volumes");
        is_dirty = true;
        if (!plan_claims(item)) return;
    }
    Atom uid = pod ? pod->uid : ATOM_NONE;
    if (!statefulset_claims_match(sync, item->ordinal, uid, item->pod_name)) {
        plan_owners(item);
        is_dirty = true;
    }
    if (!pod) return;
    if (is_dirty)
        plan_repair(item, pod, g_steal_pointer(&body));
    else if (item->is_attempted)
        pod_event(sync, "Update", item->pod_name, NULL);
}

/* --- deleting --- */

typedef struct {
    SetSync *sync;
    Atom name;
    bool is_roll;
} Deletion;

static PlanVerdict on_pod_deleted(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    Deletion *deletion = data;
    SetSync *sync = deletion->sync;
    bool is_gone = reply->reason == REASON_NOT_FOUND;
    bool is_ok =
        reply->reason == REASON_OK || (is_gone && world_is_at_least(actor_world(actor), 36));
    (void)step;

    sync->is_running = true;
    pod_event(sync, "Delete", deletion->name, is_ok ? NULL : reply->message);
    if (!is_ok && !(is_gone && deletion->is_roll)) return PLAN_REFUSE;
    if (deletion->is_roll) sync->rolls_done++;
    return PLAN_ACCEPT;
}

void statefulset_delete_pod(SetSync *sync, Atom name, bool is_roll, const char *why)
{
    Deletion *deletion = plan_alloc(sync->actor, sizeof *deletion);
    *deletion = (Deletion){sync, name, is_roll};
    if (is_roll) sync->rolls_planned++;
    PlanStep *step = plan_delete(sync->actor, (Key){KIND_POD, sync->set->key.space, name});
    plan_then(step, on_pod_deleted, deletion);
    plan_because(step, "%s", why);
}

bool statefulset_fix_condemned_claims(SetSync *sync, unsigned index)
{
    const SetPod *condemned = &sync->condemned[index];
    const Object *pod = condemned->pod;
    if (!statefulset_claims_match(sync, condemned->ordinal, pod->uid, pod->key.name))
        plan_owners(item_new(sync, ITEM_CONDEMNED, condemned->ordinal, pod, pod->key.name));
    return false;
}

/* --- one replica --- */

static bool waits_for(SetSync *sync, const Object *pod, int64_t ordinal)
{
    char state[96];
    if (!actor_explains(sync->actor)) return true;
    const char *name = actor_text(sync->actor, pod->key.name);
    statefulset_pod_state(sync, pod, state);
    const char *goal = object_is_terminating(pod) ? "go" : "be Ready";
    if (!object_is_terminating(pod) && pod_is_running_and_ready(pod_view(pod)))
        goal = "be Available";
    actor_because(sync->actor, sync->set->key,
                  "waiting for %s to %s (%s); until then nothing above ordinal %" PRId64
                  " is created, no scale-down, no rollout",
                  name, goal, state, ordinal);
    return true;
}

bool statefulset_process_replica(SetSync *sync, unsigned index)
{
    const Object *pod = sync->replicas[index].pod;
    int64_t ordinal = sync->replicas[index].ordinal;
    if (!pod) return create_pod(sync, &sync->replicas[index]);

    const PodView *view = pod_view(pod);
    if (pod_is_terminal(view)) {
        char why[120];
        snprintf(why, sizeof why, "%.60s has ended (phase %s) and is replaced",
                 actor_text(sync->actor, pod->key.name), pod_phase_text(view->phase));
        if (object_is_terminating(pod)) return waits_for(sync, pod, ordinal);
        statefulset_delete_pod(sync, pod->key.name, false, why);
        return true;
    }
    if (view->phase == PHASE_NONE) return create_pod(sync, &sync->replicas[index]);

    bool is_touched = false;
    if (view->phase == PHASE_PENDING && sync->view->claim_template_count) {
        Item *item = item_new(sync, ITEM_PENDING, ordinal, pod, pod->key.name);
        if (!plan_claims(item)) return true;
        is_touched = plan_owners(item) > 0;
        if (is_touched && !sync->is_monotonic) plan_second_look(item, NULL);
    }
    if (sync->is_monotonic && (object_is_terminating(pod) || !pod_is_running_and_ready(view) ||
                               !statefulset_is_available(sync, view)))
        return waits_for(sync, pod, ordinal);
    if (is_touched) return false;
    if (pod_matches(sync, pod, ordinal)) return false;
    repair_attempt(item_new(sync, ITEM_REPAIR, ordinal, pod, pod->key.name));
    return sync->is_doomed;
}
