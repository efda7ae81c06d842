/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volumes.c - the kubelet's volume manager: from a claim's name to a mounted disk, and back.
 * Mirrors: kubernetes v1.36 pkg/kubelet/volumemanager (populator, reconciler), pkg/volume/util/
 *   operationexecutor (VerifyControllerAttachedVolume and its exponential back-off), pkg/volume/csi
 * Simplified: only claims take time (emptyDir, configMap and the like are there at once); a volume
 *   that two pods of the node share is staged for each; no fsck after a power loss; unmounting
 *   never hangs. The claim and its volume are read live, as upstream's populator does.
 * State: of one volume of one pod
 *   CLAIM -bound, volume known-> ATTACH -in volumesInUse and volumesAttached-> MOUNTING
 *     -formatted or mounted, published-> MOUNTED -release-> UNMOUNTING -> forgotten
 *   CLAIM, ATTACH, MOUNTING -release-> forgotten
 */
#include "models/node/kubelet.h"
#include "models/storage/volume.h"

#define POLL_MIN    (100 * NANOS_MS)
#define POLL_MAX    (2 * NANOS_S)
#define BACKOFF_MIN (500 * NANOS_MS)
#define BACKOFF_MAX (122 * NANOS_S)

typedef enum { USE_CLAIM, USE_ATTACH, USE_MOUNTING, USE_MOUNTED, USE_UNMOUNTING } UseState;

typedef struct {
    PodWorker *worker;
    uint32_t serial;
    Atom volume;
    Key claim; /* kind KIND_NONE: adopted, the claim does not matter any more */
    UseState state;
    Atom disk, unique;
    bool needs_attach, is_read_only, is_reported;
    Nanos backoff;
    Timer timer;
} VolumeUse;

static VolumeUse *use_at(const Kubelet *kubelet, unsigned index)
{
    return (VolumeUse *)g_ptr_array_index(kubelet->uses, index);
}

static VolumeUse *use_new(PodWorker *worker, Atom volume)
{
    VolumeUse *use = g_new0(VolumeUse, 1);
    use->worker = worker;
    use->serial = ++worker->kubelet->last_serial;
    use->volume = volume;
    g_ptr_array_add(worker->kubelet->uses, use);
    return use;
}

static VolumeUse *use_of(const PodWorker *worker, Atom volume)
{
    for (unsigned i = 0; i < worker->kubelet->uses->len; i++) {
        VolumeUse *use = use_at(worker->kubelet, i);
        if (use->worker == worker && use->volume == volume) return use;
    }
    return NULL;
}

static void use_drop(VolumeUse *use)
{
    Kubelet *kubelet = use->worker->kubelet;
    actor_cancel(kubelet->actor, use->timer);
    if (use->needs_attach) nodestatus_dirty(kubelet);
    g_ptr_array_remove(kubelet->uses, use);
}

static Nanos use_draw(const VolumeUse *use, const Dist *dist, const char *purpose)
{
    Key key = {KIND_PERSISTENT_VOLUME, ATOM_NONE, use->disk};
    Kubelet *kubelet = use->worker->kubelet;
    return world_draw(kubelet->world, dist, key_ref(kubelet->atoms, key), purpose);
}

static void use_after(VolumeUse *use, Nanos delay)
{
    use->timer = kubelet_after(use->worker->kubelet, delay, op_tag(OP_VOLUME, use->serial, 0));
}

/* --- wanting --- */

void volumes_adopt(PodWorker *worker)
{
    const GArray *mounts = runtime_mounts(worker->kubelet->runtime);
    for (unsigned i = 0; i < mounts->len; i++) {
        const MountRecord *mount = &g_array_index(mounts, MountRecord, i);
        if (mount->pod_uid != worker->uid) continue;
        VolumeUse *use = use_new(worker, mount->volume);
        use->state = USE_MOUNTED;
        use->disk = mount->disk;
        use->unique = mount->unique;
        use->needs_attach = mount->needs_attach;
        use->is_read_only = mount->is_read_only;
    }
}

void volumes_want(PodWorker *worker)
{
    const PodSpec *spec = pod_view(worker->pod)->spec;
    for (unsigned i = 0; i < spec->volume_count; i++) {
        const PodVolume *volume = &spec->volumes[i];
        if (volume->source != VOLUME_CLAIM || use_of(worker, volume->name)) continue;
        VolumeUse *use = use_new(worker, volume->name);
        use->claim = (Key){KIND_PERSISTENT_VOLUME_CLAIM, worker->key.space, volume->claim};
        use->is_read_only = volume->is_read_only;
        use->backoff = POLL_MIN;
        actor_enqueue(worker->kubelet->actor, use->claim);
    }
}

bool volumes_are_mounted(const PodWorker *worker)
{
    for (unsigned i = 0; i < worker->kubelet->uses->len; i++) {
        const VolumeUse *use = use_at(worker->kubelet, i);
        if (use->worker == worker && use->state != USE_MOUNTED) return false;
    }
    return true;
}

char *volumes_missing(const PodWorker *worker)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < worker->kubelet->uses->len; i++) {
        const VolumeUse *use = use_at(worker->kubelet, i);
        if (use->worker == worker && use->state != USE_MOUNTED)
            g_string_append_printf(text, "%s%s", text->len ? " " : "",
                                   atom_text(worker->kubelet->atoms, use->volume));
    }
    return g_string_free(text, FALSE);
}

/* --- from claim to volume: two live reads --- */

static bool is_for_claim(const VolumeUse *use, Key claim)
{
    return use->state == USE_CLAIM && key_equal(use->claim, claim);
}

/* The claim is not usable yet: looks again, less and less often. */
static PlanVerdict claim_later(Kubelet *kubelet, Key claim)
{
    Nanos delay = POLL_MAX;
    for (unsigned i = 0; i < kubelet->uses->len; i++) {
        VolumeUse *use = use_at(kubelet, i);
        if (!is_for_claim(use, claim)) continue;
        delay = MIN(delay, use->backoff);
        use->backoff = MIN(2 * use->backoff, POLL_MAX);
    }
    actor_after(kubelet->actor, delay, claim);
    return PLAN_ACCEPT;
}

static void use_check(VolumeUse *use);

static PlanVerdict volume_read(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    Kubelet *kubelet = (Kubelet *)actor_state(actor);
    const Key *claim = (const Key *)data;
    (void)step;
    if (reply->reason == REASON_NOT_FOUND) return claim_later(kubelet, *claim);
    if (reply->reason != REASON_OK) return PLAN_REFUSE;
    const Object *volume = reply->object;
    Disk *disk = volume_disk(world_storage(kubelet->world), kubelet->atoms, volume);
    for (unsigned i = 0; i < kubelet->uses->len; i++) {
        VolumeUse *use = use_at(kubelet, i);
        if (!is_for_claim(use, *claim)) continue;
        use->disk = volume->key.name;
        use->unique = volume_unique_name(kubelet->atoms, volume);
        use->needs_attach = disk_driver(disk)->needs_attach;
        use->state = USE_ATTACH;
        use->backoff = 0;
        if (use->needs_attach) nodestatus_dirty(kubelet);
        use_check(use);
    }
    return PLAN_ACCEPT;
}

static PlanVerdict claim_read(Actor *actor, PlanStep *step, const Reply *reply, void *data)
{
    Kubelet *kubelet = (Kubelet *)actor_state(actor);
    (void)step;
    if (reply->reason == REASON_NOT_FOUND) return claim_later(kubelet, *(const Key *)data);
    if (reply->reason != REASON_OK) return PLAN_REFUSE;
    const ClaimView *claim = claim_view(reply->object);
    bool is_bound = claim->volume_name && claim->phase == atom_of(kubelet->atoms, "Bound");
    if (!is_bound || object_is_terminating(reply->object))
        return claim_later(kubelet, reply->object->key);
    PlanStep *next = plan_get(actor, (Key){KIND_PERSISTENT_VOLUME, ATOM_NONE, claim->volume_name});
    plan_then(next, volume_read, data);
    return PLAN_ACCEPT;
}

void volumes_sync_claim(Kubelet *kubelet, Key claim)
{
    bool is_wanted = false;
    for (unsigned i = 0; i < kubelet->uses->len; i++)
        is_wanted = is_wanted || is_for_claim(use_at(kubelet, i), claim);
    if (!is_wanted) return;
    Key *data = (Key *)plan_alloc(kubelet->actor, sizeof *data);
    *data = claim;
    plan_then(plan_get(kubelet->actor, claim), claim_read, data);
}

/* --- attached, mounted --- */

static bool node_has_attached(const Kubelet *kubelet, Atom unique)
{
    const Object *node = actor_get(kubelet->actor, kubelet->node);
    const NodeView *view = node ? node_view(node) : NULL;
    for (unsigned i = 0; view && i < view->attached_count; i++)
        if (view->volumes_attached[i] == unique) return true;
    return false;
}

static void use_retry(VolumeUse *use)
{
    use->state = USE_ATTACH;
    use->backoff = use->backoff ? MIN(2 * use->backoff, BACKOFF_MAX) : BACKOFF_MIN;
    use_after(use, use->backoff);
}

static bool needs_format(const Disk *disk)
{
    return disk && !disk_driver(disk)->is_shared && !disk_driver(disk)->is_local &&
           !disk_is_formatted(disk);
}

static void use_check(VolumeUse *use)
{
    Kubelet *kubelet = use->worker->kubelet;
    const LatencyConfig *latency = &world_config(kubelet->world)->latency;
    if (use->needs_attach && !use->is_reported) return; /* volumes_reported() comes back */
    if (use->needs_attach && !node_has_attached(kubelet, use->unique)) {
        use_retry(use);
        return;
    }
    bool is_new = needs_format(storage_disk(world_storage(kubelet->world), use->disk));
    use->state = USE_MOUNTING;
    use_after(use, use_draw(use, is_new ? &latency->format : &latency->mount,
                            is_new ? "format" : "mount"));
}

static void use_mounted(VolumeUse *use)
{
    PodWorker *worker = use->worker;
    Kubelet *kubelet = worker->kubelet;
    Storage *storage = world_storage(kubelet->world);
    if (!storage_mount(storage, use->disk, machine_name(kubelet->machine), worker->uid,
                       use->is_read_only)) {
        actor_event(kubelet->actor, worker->key, "Warning", "FailedMount",
                    "MountVolume.MountDevice failed for volume \"%s\" : the disk is not there",
                    atom_text(kubelet->atoms, use->disk));
        use_retry(use);
        return;
    }
    disk_set_formatted(storage_disk(storage, use->disk));
    MountRecord mount = {.pod_uid = worker->uid,
                         .volume = use->volume,
                         .disk = use->disk,
                         .unique = use->unique,
                         .needs_attach = use->needs_attach,
                         .is_read_only = use->is_read_only};
    g_array_append_val(runtime_mounts(kubelet->runtime), mount);
    use->state = USE_MOUNTED;
    podworker_step(worker);
}

/* --- releasing --- */

static void use_unmounted(VolumeUse *use)
{
    PodWorker *worker = use->worker;
    Kubelet *kubelet = worker->kubelet;
    GArray *mounts = runtime_mounts(kubelet->runtime);
    storage_unmount(world_storage(kubelet->world), use->disk, machine_name(kubelet->machine),
                    worker->uid);
    for (unsigned i = mounts->len; i > 0; i--) {
        const MountRecord *mount = &g_array_index(mounts, MountRecord, i - 1);
        if (mount->pod_uid == worker->uid && mount->volume == use->volume)
            g_array_remove_index(mounts, i - 1);
    }
    use_drop(use);
    podworker_step(worker);
}

void volumes_release(PodWorker *worker)
{
    Kubelet *kubelet = worker->kubelet;
    const Dist *time = &world_config(kubelet->world)->latency.unmount;
    for (unsigned i = kubelet->uses->len; i > 0; i--) {
        VolumeUse *use = use_at(kubelet, i - 1);
        if (use->worker != worker || use->state == USE_UNMOUNTING) continue;
        if (use->state != USE_MOUNTED) {
            use_drop(use);
            continue;
        }
        use->state = USE_UNMOUNTING;
        use_after(use, use_draw(use, time, "unmount"));
    }
}

bool volumes_are_released(const PodWorker *worker)
{
    for (unsigned i = 0; i < worker->kubelet->uses->len; i++)
        if (use_at(worker->kubelet, i)->worker == worker) return false;
    return true;
}

void volumes_timer(Kubelet *kubelet, uint32_t serial)
{
    for (unsigned i = 0; i < kubelet->uses->len; i++) {
        VolumeUse *use = use_at(kubelet, i);
        if (use->serial != serial) continue;
        if (use->state == USE_ATTACH)
            use_check(use);
        else if (use->state == USE_MOUNTING)
            use_mounted(use);
        else if (use->state == USE_UNMOUNTING)
            use_unmounted(use);
        return;
    }
}

/* --- node.status.volumesInUse --- */

static int compare_names(const void *a, const void *b, void *atoms)
{
    return atom_compare((const AtomTable *)atoms, *(const Atom *)a, *(const Atom *)b);
}

static void add_name(GArray *names, Atom name)
{
    for (unsigned i = 0; i < names->len; i++)
        if (g_array_index(names, Atom, i) == name) return;
    g_array_append_val(names, name);
}

GArray *volumes_in_use(const Kubelet *kubelet)
{
    GArray *names = g_array_new(FALSE, FALSE, sizeof(Atom));
    const GArray *mounts = runtime_mounts(kubelet->runtime);
    for (unsigned i = 0; i < kubelet->uses->len; i++) {
        const VolumeUse *use = use_at(kubelet, i);
        if (use->needs_attach && use->state != USE_CLAIM) add_name(names, use->unique);
    }
    for (unsigned i = 0; i < mounts->len; i++) {
        const MountRecord *mount = &g_array_index(mounts, MountRecord, i);
        if (mount->needs_attach) add_name(names, mount->unique);
    }
    g_array_sort_with_data(names, compare_names, kubelet->atoms);
    return names;
}

void volumes_reported(Kubelet *kubelet, const GArray *in_use)
{
    for (unsigned i = 0; i < kubelet->uses->len; i++) {
        VolumeUse *use = use_at(kubelet, i);
        for (unsigned j = 0; !use->is_reported && j < in_use->len; j++) {
            if (g_array_index(in_use, Atom, j) != use->unique) continue;
            use->is_reported = true;
            if (use->state == USE_ATTACH) use_after(use, POLL_MIN);
        }
    }
}
