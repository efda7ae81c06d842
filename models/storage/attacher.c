/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attacher.c - does what VolumeAttachments ask for: ControllerPublish and ControllerUnpublish.
 * Mirrors: kubernetes-csi external-attacher v4 pkg/controller/csi_handler.go
 * Simplified: one process attaches for all drivers; a call has no timeout; the attacher's
 *   finalizer on the PersistentVolume is left out (attachdetach keeps volumes long enough).
 * State: new -finalizer-> calling -ControllerPublish-> attached (status.attached)
 *        terminating -ControllerUnpublish-> finalizer removed -> gone
 */
#include "models/plan.h"
#include "models/storage/volume.h"

typedef enum { CALL_NONE, CALL_ATTACH, CALL_DETACH } CallKind;

typedef struct {
    uint64_t tag;
    Key key;
    Atom uid;
    CallKind kind;
    bool is_done, is_ok;
    char *message;
} AttachJob;

typedef struct {
    GPtrArray *jobs; /* of AttachJob, owns */
    uint64_t next_tag;
} AttacherState;

static void job_free(void *data)
{
    AttachJob *job = (AttachJob *)data;
    g_free(job->message);
    g_free(job);
}

static AttachJob *job_of(const AttacherState *state, const Object *attachment)
{
    for (unsigned i = 0; i < state->jobs->len; i++) {
        AttachJob *job = (AttachJob *)g_ptr_array_index(state->jobs, i);
        if (key_equal(job->key, attachment->key) && job->uid == attachment->uid) return job;
    }
    return NULL;
}

static void jobs_drop(AttacherState *state, Key key, Atom uid)
{
    for (unsigned i = state->jobs->len; i > 0; i--) {
        const AttachJob *job = (const AttachJob *)g_ptr_array_index(state->jobs, i - 1);
        if (key_equal(job->key, key) && job->uid == uid)
            g_ptr_array_remove_index(state->jobs, i - 1);
    }
}

/* The backend has answered; tags of another incarnation of the actor are not found. */
static void call_done(void *self, uint64_t tag, bool ok, const char *message)
{
    Actor *actor = (Actor *)self;
    if (!process_is_leading(actor_process(actor))) return;
    AttacherState *state = (AttacherState *)actor_state(actor);
    for (unsigned i = 0; state && i < state->jobs->len; i++) {
        AttachJob *job = (AttachJob *)g_ptr_array_index(state->jobs, i);
        if (job->tag != tag) continue;
        job->is_done = true;
        job->is_ok = ok;
        job->message = g_strdup(message);
        actor_enqueue(actor, job->key);
        return;
    }
}

static void call_begin(Actor *actor, const Object *attachment, CallKind kind)
{
    AttacherState *state = (AttacherState *)actor_state(actor);
    const AttachmentView *view = attachment_view(attachment);
    World *world = actor_world(actor);
    Storage *storage = world_storage(world);
    jobs_drop(state, attachment->key, attachment->uid);
    AttachJob *job = g_new0(AttachJob, 1);
    job->tag = state->next_tag++;
    job->key = attachment->key;
    job->uid = attachment->uid;
    job->kind = kind;
    g_ptr_array_add(state->jobs, job);
    const Object *volume =
        actor_get(actor, (Key){KIND_PERSISTENT_VOLUME, ATOM_NONE, view->volume_name});
    if (volume) volume_disk(storage, world_atoms(world), volume);
    if (kind == CALL_ATTACH)
        storage_attach(storage, view->volume_name, view->node_name, call_done, actor, job->tag);
    else
        storage_detach(storage, view->volume_name, view->node_name, call_done, actor, job->tag);
}

static char *finalizer_of(const Actor *actor, const Object *attachment)
{
    return g_strdup_printf("external-attacher/%s",
                           actor_text(actor, attachment_view(attachment)->attacher));
}

static void report_error(Actor *actor, const Object *attachment, const char *field,
                         const char *message)
{
    char text[TIME_TEXT_MAX];
    Value *patch = value_map();
    value_put(&patch, value_string(message), "status", field, "message");
    value_put(&patch, value_string(time_format(actor_now(actor), text)), "status", field, "time");
    PlanStep *step = plan_patch_status(actor, attachment->key, PATCH_MERGE, patch);
    plan_flags(step, PLAN_IGNORES_NOT_FOUND);
    plan_fail(actor, "%s", message);
}

static void sync_attach(Actor *actor, const Object *attachment)
{
    AttacherState *state = (AttacherState *)actor_state(actor);
    const AttachJob *job = job_of(state, attachment);
    g_autofree char *finalizer = finalizer_of(actor, attachment);
    if (attachment_view(attachment)->is_attached) return;
    if (!meta_has_finalizer(object_meta(attachment), actor_atom(actor, finalizer))) {
        plan_update(actor, attachment, value_with_finalizer(attachment->value, finalizer));
    } else if (!job) {
        call_begin(actor, attachment, CALL_ATTACH);
    } else if (job->is_done && job->is_ok) {
        Value *patch = value_map();
        value_put(&patch, value_bool(true), "status", "attached");
        value_put(&patch, value_null(), "status", "attachError");
        PlanStep *step = plan_patch_status(actor, attachment->key, PATCH_MERGE, patch);
        plan_flags(step, PLAN_IGNORES_NOT_FOUND);
    } else if (job->is_done) {
        report_error(actor, attachment, "attachError", job->message);
        jobs_drop(state, attachment->key, attachment->uid);
    }
}

static void sync_detach(Actor *actor, const Object *attachment)
{
    AttacherState *state = (AttacherState *)actor_state(actor);
    const AttachJob *job = job_of(state, attachment);
    g_autofree char *finalizer = finalizer_of(actor, attachment);
    if (!meta_has_finalizer(object_meta(attachment), actor_atom(actor, finalizer))) return;
    if (job && !job->is_done) return;
    if (!job || job->kind == CALL_ATTACH) {
        call_begin(actor, attachment, CALL_DETACH);
    } else if (job->is_ok) {
        PlanStep *step =
            plan_update(actor, attachment, value_without_finalizer(attachment->value, finalizer));
        plan_flags(step, PLAN_IGNORES_NOT_FOUND);
    } else {
        report_error(actor, attachment, "detachError", job->message);
        jobs_drop(state, attachment->key, attachment->uid);
    }
}

static void attacher_sync(Actor *actor, Key key)
{
    const Object *attachment = actor_get(actor, key);
    if (!attachment) return;
    if (object_is_terminating(attachment))
        sync_detach(actor, attachment);
    else
        sync_attach(actor, attachment);
}

static void on_attachment(Actor *actor, const Object *old, const Object *now)
{
    if (old && (!now || now->uid != old->uid))
        jobs_drop((AttacherState *)actor_state(actor), old->key, old->uid);
    if (now) actor_enqueue(actor, now->key);
}

static void attacher_start(Actor *actor)
{
    AttacherState *state = (AttacherState *)actor_state(actor);
    state->jobs = g_ptr_array_new_with_free_func(job_free);
    state->next_tag = (uint64_t)actor_now(actor) << 12;
}

static void attacher_stop(Actor *actor)
{
    AttacherState *state = (AttacherState *)actor_state(actor);
    g_ptr_array_unref(state->jobs);
}

static const WatchRule attacher_watches[] = {
    {KIND_VOLUME_ATTACHMENT, on_attachment, SCOPE_ALL, INDEX_NONE},
    {KIND_PERSISTENT_VOLUME, NULL, SCOPE_ALL, INDEX_NONE},
    {KIND_NONE, NULL, SCOPE_ALL, INDEX_NONE},
};

const Component attacher_component = {
    .name = "csi-attacher",
    .help = "attaches and detaches disks as VolumeAttachments ask",
    .state_size = sizeof(AttacherState),
    .watches = attacher_watches,
    .workers = 10,
    .backoff = {.base = 1 * NANOS_S, .cap = 300 * NANOS_S},
    .start = attacher_start,
    .stop = attacher_stop,
    .sync = attacher_sync,
};
