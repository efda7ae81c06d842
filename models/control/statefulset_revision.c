/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which revisions are in force in a sync: reuse, roll back, or make a new one.
 * Mirrors: kubernetes v1.36 pkg/controller/statefulset/stateful_set_control.go
 *          (getStatefulSetRevisions) and pkg/controller/history
 * Simplified: nothing known; as upstream, a roll-back that meets a conflict goes on with an empty
 *             object and fails.
 * State:  equal to the newest --> reuse            equal to an older one --> bump its number
 *         means the same as the newest --> reuse   else create --AlreadyExists--> read it live:
 *                                                  same data --> use it, else count a collision
 */
#include "models/control/revision.h"
#include "models/control/statefulset.h"

/* retry.DefaultBackoff */
#define BUMP_ATTEMPTS 4

static AtomTable *atoms_of(const SetSync *sync)
{
    return world_atoms(actor_world(sync->actor));
}

static int64_t next_number(const SetSync *sync)
{
    if (sync->revision_count == 0) return 1;
    return revision_view(sync->revisions[sync->revision_count - 1])->revision + 1;
}

static void take_template(Value **slot, Value *template)
{
    value_unref(*slot);
    *slot = template;
}

/* Puts the revisions in force and plans everything after. `data` is the update revision's. */
static void go_on(SetSync *sync, Atom update, const Value *data)
{
    sync->update_name = update;
    take_template(&sync->update_template, revision_template(data));
    sync->current_name = update;
    take_template(&sync->current_template, NULL);
    for (unsigned i = 0; i < sync->revision_count; i++) {
        const Object *revision = sync->revisions[i];
        if (revision->key.name != sync->view->current_revision) continue;
        sync->current_name = revision->key.name;
        take_template(&sync->current_template, revision_template(revision_view(revision)->data));
        break;
    }
    statefulset_control(sync);
}

/* Without an update revision only the history is looked after. */
static PlanVerdict give_up(SetSync *sync)
{
    plan_drop_rest(sync->actor);
    sync->current_name = sync->update_name = ATOM_NONE;
    statefulset_truncate(sync);
    return PLAN_REFUSE;
}

/* --- creating --- */

static PlanVerdict on_created(Actor *actor, PlanStep *step, const Reply *reply, void *data);

static PlanStep *plan_revision(SetSync *sync)
{
    char buffer[REVISION_HASH_MAX];
    const char *hash = sync->has_new_name
                           ? revision_hash_text(sync->update_json, sync->collisions, buffer)
                           : sync->update_label;
    g_autofree char *name = revision_name(sync->name, hash);
    sync->update_name = actor_atom(sync->actor, name);
    PlanStep *step = plan_create(sync->actor, KIND_CONTROLLER_REVISION,
                                 revision_body(sync->set, sync->name, sync->update_data,
                                               sync->update_label, name, next_number(sync)));
    plan_then(step, on_created, sync);
    plan_because(step, "no revision holds the template");
    return step;
}

static PlanVerdict on_taken(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    SetSync *sync = data;
    (void)actor, (void)step;
    if (reply->reason != REASON_OK) return give_up(sync);
    if (value_equal(revision_view(reply->object)->data, sync->update_data)) {
        go_on(sync, reply->object->key.name, sync->update_data);
        return PLAN_ACCEPT;
    }
    sync->collisions++;
    sync->has_new_name = true;
    plan_revision(sync);
    return PLAN_ACCEPT;
}

static PlanVerdict on_created(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    SetSync *sync = data;
    Key key = plan_step_key(step);

    sync->is_running = true;
    if (reply->reason == REASON_OK) {
        /* what was planned for the first name need not be planned again */
        if (sync->has_new_name) go_on(sync, sync->update_name, sync->update_data);
        return PLAN_ACCEPT;
    }
    if (reply->reason != REASON_ALREADY_EXISTS) return give_up(sync);
    plan_drop_rest(actor);
    PlanStep *get = plan_get(actor, key);
    plan_then(get, on_taken, sync);
    plan_because(get, "the name is taken: is it the same revision?");
    return PLAN_ACCEPT;
}

static void create_revision(SetSync *sync)
{
    char hash[REVISION_HASH_MAX];
    SetMemory *memory = statefulset_memory(sync);
    if (!memory->data) {
        memory->data = revision_data(sync->view->template);
        memory->json = revision_json(memory->data);
    }
    take_template(&sync->update_data, value_ref(memory->data));
    const char *json = memory->json;
    size_t size = strlen(json) + 1;
    sync->update_json = memcpy(plan_alloc(sync->actor, size), json, size);
    sync->update_label = memcpy(plan_alloc(sync->actor, sizeof hash),
                                revision_hash_text(json, sync->collisions, hash), sizeof hash);
    plan_revision(sync);
    go_on(sync, sync->update_name, sync->update_data);
}

/* --- rolling back --- */

static void plan_empty_bump(SetSync *sync, int64_t number);

static PlanVerdict on_bumped_nothing(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    SetSync *sync = data;
    (void)actor;
    if (reply->reason != REASON_CONFLICT || ++sync->bumps == BUMP_ATTEMPTS) return give_up(sync);
    plan_empty_bump(sync, value_as_int(value_get(plan_step_body(step), "revision"), 0));
    return PLAN_ACCEPT;
}

/* Upstream goes on with the empty object that the failed update returned. */
static void plan_empty_bump(SetSync *sync, int64_t number)
{
    Value *value = value_map();
    value_put(&value, value_string("apps/v1"), "apiVersion");
    value_put(&value, value_string("ControllerRevision"), "kind");
    value_put(&value, value_string(""), "metadata", "name");
    value_put(&value, value_string(actor_text(sync->actor, sync->set->key.space)), "metadata",
              "namespace");
    value_put(&value, value_int(number), "revision");
    autoobject empty =
        object_new(atoms_of(sync), KIND_CONTROLLER_REVISION, value_ref(value), 0, NULL);
    PlanStep *step = plan_update(sync->actor, empty, value);
    plan_then(step, on_bumped_nothing, sync);
    plan_because(step, "after a conflict upstream retries with an empty object");
}

static PlanVerdict on_bumped(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    SetSync *sync = data;
    sync->is_running = true;
    if (reply->reason == REASON_OK) return PLAN_ACCEPT;
    if (reply->reason != REASON_CONFLICT) return give_up(sync);
    int64_t number = value_as_int(value_get(plan_step_body(step), "revision"), 0);
    sync->bumps = 1;
    plan_drop_rest(actor);
    plan_empty_bump(sync, number);
    return PLAN_ACCEPT;
}

static void bump_revision(SetSync *sync, const Object *revision)
{
    Value *body = value_ref(revision->value);
    value_put(&body, value_int(next_number(sync)), "revision");
    PlanStep *step = plan_update(sync->actor, revision, body);
    plan_then(step, on_bumped, sync);
    plan_because(step, "the template is that of an earlier revision: roll back");
    go_on(sync, revision->key.name, revision_view(revision)->data);
}

/* --- choosing --- */

/* Whether a revision means the set's template, remembered for the newest one. */
static bool means_template(const SetSync *sync, const Object *newest)
{
    SetMemory *memory = statefulset_memory(sync);
    if (memory->newest != newest) {
        memory->is_same = revision_means(newest, sync->set);
        object_unref(memory->newest);
        memory->newest = object_ref(newest);
    }
    return memory->is_same;
}

void statefulset_resolve_revisions(SetSync *sync)
{
    const Object *newest = sync->revision_count ? sync->revisions[sync->revision_count - 1] : NULL;
    const Object *equal = NULL;

    sync->collisions = sync->view->has_collision_count ? sync->view->collision_count : 0;
    for (unsigned i = sync->revision_count; i-- > 0 && !equal;)
        if (revision_matches(sync->revisions[i], sync->view->template, atoms_of(sync),
                             sync->collisions))
            equal = sync->revisions[i];

    bool is_newest = equal && (equal == newest || revision_same(newest, equal, atoms_of(sync)));
    if (!equal && newest &&
        world_gate(actor_world(sync->actor), "StatefulSetSemanticRevisionComparison"))
        is_newest = means_template(sync, newest);
    if (is_newest)
        go_on(sync, newest->key.name, revision_view(newest)->data);
    else if (equal)
        bump_revision(sync, equal);
    else
        create_revision(sync);
}
