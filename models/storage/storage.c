/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storage.c - the disks of the backends: who has them attached, who has them mounted.
 * Mirrors: what a CSI driver's controller calls do to a cloud's volumes (no Kubernetes source).
 * Simplified: a backend never loses data and never fails but for the reasons below; calls for one
 *   disk are not serialised by the backend (the callers do that).
 * State: of one disk on one machine
 *   absent -attach-> attached -mount-> in use -unmount-> attached -detach-> absent
 *   in use -detach, fencing-> absent (the pod's writes fail from then on: it counts as unmounted)
 *   in use -detach, not fencing-> in use, detached (the split brain of a backend without fence)
 */
#include "models/storage/volume.h"

typedef struct {
    Atom machine, pod_uid;
    bool is_read_only;
} Mount;

struct Disk {
    Storage *storage;
    Atom handle, ref, zone;
    const DriverProfile *driver;
    int64_t bytes;
    bool is_formatted, is_erased;
    GArray *machines; /* of Atom: attached to, in order of attaching */
    GArray *mounts;   /* of Mount */
};

typedef enum { CALL_CREATE, CALL_ERASE, CALL_ATTACH, CALL_DETACH } CallVerb;

typedef struct {
    Storage *storage;
    CallVerb verb;
    Atom handle, machine; /* machine: the zone of CALL_CREATE */
    const DriverProfile *driver;
    int64_t bytes;
    StorageDone done;
    void *self;
    uint64_t tag;
} Call;

struct Storage {
    World *world;
    Pool *calls;
    GHashTable *by_handle; /* Atom -> Disk, look-up only */
    GPtrArray *disks;      /* in order of creation; owns */
};

static void disk_free(void *data)
{
    Disk *disk = (Disk *)data;
    g_array_unref(disk->machines);
    g_array_unref(disk->mounts);
    g_free(disk);
}

Storage *storage_new(World *world)
{
    Storage *storage = g_new0(Storage, 1);
    storage->world = world;
    storage->calls = pool_new(sizeof(Call));
    storage->by_handle = g_hash_table_new(NULL, NULL);
    storage->disks = g_ptr_array_new_with_free_func(disk_free);
    return storage;
}

void storage_free(Storage *storage)
{
    if (!storage) return;
    pool_free(storage->calls);
    g_hash_table_unref(storage->by_handle);
    g_ptr_array_unref(storage->disks);
    g_free(storage);
}

static Disk *disk_of(const Storage *storage, Atom handle)
{
    return (Disk *)g_hash_table_lookup(storage->by_handle, GUINT_TO_POINTER(handle));
}

Disk *storage_disk(const Storage *storage, Atom handle)
{
    return disk_of(storage, handle);
}

static void disk_fact(const Disk *disk, Row row, Fact fact)
{
    fact.object = disk->ref;
    world_fact(disk->storage->world, row, fact);
}

static Disk *disk_new(Storage *storage, Atom handle, const DriverProfile *driver, Atom zone,
                      int64_t bytes)
{
    AtomTable *atoms = world_atoms(storage->world);
    Disk *disk = g_new0(Disk, 1);
    disk->storage = storage;
    disk->handle = handle;
    disk->ref = key_ref(atoms, (Key){KIND_PERSISTENT_VOLUME, ATOM_NONE, handle});
    disk->driver = driver;
    disk->zone = zone;
    disk->bytes = bytes;
    disk->machines = g_array_new(FALSE, FALSE, sizeof(Atom));
    disk->mounts = g_array_new(FALSE, FALSE, sizeof(Mount));
    g_ptr_array_add(storage->disks, disk);
    g_hash_table_insert(storage->by_handle, GUINT_TO_POINTER(handle), disk);
    Atom detail =
        atom_format(atoms, "%s%s%s", driver->name, zone ? " " : "", atom_text(atoms, zone));
    disk_fact(disk, ROW_DISK_CREATED, (Fact){.detail = detail, .number = bytes});
    return disk;
}

void storage_declare(Storage *storage, Atom handle, const DriverProfile *driver, Atom zone,
                     int64_t bytes)
{
    if (!disk_of(storage, handle)) disk_new(storage, handle, driver, zone, bytes);
}

bool disk_is_attached(const Disk *disk, Atom machine)
{
    for (unsigned i = 0; i < disk->machines->len; i++)
        if (g_array_index(disk->machines, Atom, i) == machine) return true;
    return false;
}

bool disk_is_formatted(const Disk *disk)
{
    return disk->is_formatted;
}

void disk_set_formatted(Disk *disk)
{
    disk->is_formatted = true;
}

const DriverProfile *disk_driver(const Disk *disk)
{
    return disk->driver;
}

/* --- mounts --- */

static void mount_end(Disk *disk, unsigned index)
{
    Mount mount = g_array_index(disk->mounts, Mount, index);
    g_array_remove_index(disk->mounts, index);
    disk_fact(disk, ROW_DISK_UNMOUNTED, (Fact){.uid = mount.pod_uid, .node = mount.machine});
}

bool storage_mount(Storage *storage, Atom handle, Atom machine, Atom pod_uid, bool is_read_only)
{
    Disk *disk = disk_of(storage, handle);
    if (!disk || disk->is_erased) return false;
    if (disk->driver->needs_attach && !disk_is_attached(disk, machine)) return false;
    for (unsigned i = 0; i < disk->mounts->len; i++) {
        const Mount *mount = &g_array_index(disk->mounts, Mount, i);
        if (mount->machine == machine && mount->pod_uid == pod_uid) return true;
    }
    Mount mount = {machine, pod_uid, is_read_only};
    g_array_append_val(disk->mounts, mount);
    Atom detail = world_atom(storage->world, is_read_only ? "ro" : "rw");
    disk_fact(disk, ROW_DISK_MOUNTED, (Fact){.uid = pod_uid, .node = machine, .detail = detail});
    return true;
}

void storage_unmount(Storage *storage, Atom handle, Atom machine, Atom pod_uid)
{
    Disk *disk = disk_of(storage, handle);
    for (unsigned i = disk ? disk->mounts->len : 0; i > 0; i--) {
        const Mount *mount = &g_array_index(disk->mounts, Mount, i - 1);
        if (mount->machine == machine && mount->pod_uid == pod_uid) mount_end(disk, i - 1);
    }
}

/* Ends the mounts of a disk on a machine. */
static void disk_drop_mounts(Disk *disk, Atom machine)
{
    for (unsigned i = disk->mounts->len; i > 0; i--)
        if (g_array_index(disk->mounts, Mount, i - 1).machine == machine) mount_end(disk, i - 1);
}

void storage_machine_lost(Storage *storage, Atom machine)
{
    for (unsigned i = 0; i < storage->disks->len; i++)
        disk_drop_mounts((Disk *)g_ptr_array_index(storage->disks, i), machine);
}

/* --- calls --- */

static const char *call_create(Call *call)
{
    storage_declare(call->storage, call->handle, call->driver, call->machine, call->bytes);
    return NULL;
}

static const char *call_erase(Call *call)
{
    Disk *disk = disk_of(call->storage, call->handle);
    if (!disk || disk->is_erased) return NULL;
    if (disk->machines->len > 0 || disk->mounts->len > 0)
        return "VolumeInUse: the volume is still attached or mounted";
    disk->is_erased = true;
    disk_fact(disk, ROW_DISK_ERASED, (Fact){0});
    return NULL;
}

/* A backend without fence keeps no count of who has the disk: its attach always succeeds. */
static const char *call_attach(Call *call)
{
    Disk *disk = disk_of(call->storage, call->handle);
    if (!disk || disk->is_erased) return "NotFound: the volume does not exist";
    if (disk_is_attached(disk, call->machine)) return NULL;
    if (disk->machines->len > 0 && !disk->driver->is_shared && disk->driver->detach_fences)
        return "VolumeInUse: the volume is already attached to an instance";
    g_array_append_val(disk->machines, call->machine);
    disk_fact(disk, ROW_DISK_ATTACHED, (Fact){.node = call->machine});
    return NULL;
}

static const char *call_detach(Call *call)
{
    Disk *disk = disk_of(call->storage, call->handle);
    if (!disk || !disk_is_attached(disk, call->machine)) return NULL;
    for (unsigned i = disk->machines->len; i > 0; i--)
        if (g_array_index(disk->machines, Atom, i - 1) == call->machine)
            g_array_remove_index(disk->machines, i - 1);
    if (disk->driver->detach_fences) disk_drop_mounts(disk, call->machine);
    disk_fact(disk, ROW_DISK_DETACHED, (Fact){.node = call->machine});
    return NULL;
}

static void call_run(Sim *sim, void *self, uint64_t arg)
{
    static const char *(*const verbs[])(Call *) = {call_create, call_erase, call_attach,
                                                   call_detach};
    Call call = *(Call *)self;
    (void)sim;
    (void)arg;
    pool_give(call.storage->calls, self);
    const char *message = verbs[call.verb](&call);
    if (call.done) call.done(call.self, call.tag, message == NULL, message);
}

static const EventType call_event = {"storage-call", RANK_WIRE, call_run};

/* The luck of a disk is its own: equal in every policy that makes the same calls for it. */
static void call_send(Storage *storage, Call call, const Dist *time, const char *purpose)
{
    World *world = storage->world;
    Atom about = key_ref(world_atoms(world), (Key){KIND_PERSISTENT_VOLUME, ATOM_NONE, call.handle});
    Call *slot = (Call *)pool_take(storage->calls);
    *slot = call;
    slot->storage = storage;
    sim_after(world_sim(world), world_draw(world, time, about, purpose), &call_event, slot, 0);
}

static DriverTimes times_of(const Storage *storage, Atom handle)
{
    const Disk *disk = disk_of(storage, handle);
    return driver_times(storage->world, disk ? disk->driver : storage_driver(NULL));
}

/* NOLINTNEXTLINE(readability-function-size): a call, its target and its answer in one. */
void storage_create(Storage *storage, Atom handle, const DriverProfile *driver, Atom zone,
                    int64_t bytes, StorageDone done, void *self, uint64_t tag)
{
    DriverTimes times = driver_times(storage->world, driver);
    Call call = {.verb = CALL_CREATE,
                 .handle = handle,
                 .machine = zone,
                 .driver = driver,
                 .bytes = bytes,
                 .done = done,
                 .self = self,
                 .tag = tag};
    call_send(storage, call, &times.create, "volume-create");
}

void storage_erase(Storage *storage, Atom handle, StorageDone done, void *self, uint64_t tag)
{
    DriverTimes times = times_of(storage, handle);
    Call call = {.verb = CALL_ERASE, .handle = handle, .done = done, .self = self, .tag = tag};
    call_send(storage, call, &times.erase, "volume-delete");
}

void storage_attach(Storage *storage, Atom handle, Atom machine, StorageDone done, void *self,
                    uint64_t tag)
{
    DriverTimes times = times_of(storage, handle);
    Call call = {.verb = CALL_ATTACH,
                 .handle = handle,
                 .machine = machine,
                 .done = done,
                 .self = self,
                 .tag = tag};
    call_send(storage, call, &times.attach, "attach");
}

void storage_detach(Storage *storage, Atom handle, Atom machine, StorageDone done, void *self,
                    uint64_t tag)
{
    DriverTimes times = times_of(storage, handle);
    Call call = {.verb = CALL_DETACH,
                 .handle = handle,
                 .machine = machine,
                 .done = done,
                 .self = self,
                 .tag = tag};
    call_send(storage, call, &times.detach, "detach");
}
