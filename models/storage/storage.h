/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storage.h - the storage backends: the truth about disks, whatever the API believes.
 *
 * A Disk is created, erased, attached to machines and mounted by pods. Controllers and drivers ask
 * for these through calls that take the backend's time and answer later; the state changes when the
 * backend performs the call. Facts (disk-created, disk-attached, disk-mounted, ...) are written
 * here and nowhere else.
 *
 * What a backend does, by driver profile: whether a disk can be attached to several machines,
 * whether a detach really fences the old machine, whether an attach step exists at all (NFS), and
 * where a disk can be reached from (zone).
 */
#ifndef KENNEL_MODELS_STORAGE_STORAGE_H
#define KENNEL_MODELS_STORAGE_STORAGE_H

#include "models/actor.h"

typedef struct Disk Disk;

typedef struct {
    const char *name;   /* "ebs.csi.aws.com", ... as a StorageClass's provisioner */
    bool needs_attach;  /* false: reachable from everywhere (NFS, RWX file systems) */
    bool is_shared;     /* may be attached and mounted on several machines at once */
    bool detach_fences; /* after a detach the old machine can no longer write */
    bool is_zonal;
    bool is_local;        /* bound to one machine */
    int64_t attach_limit; /* disks a machine, 0: none */
} DriverProfile;

/* The profile of a provisioner name; unknown ones get the default (zonal block storage, fencing).
 * Never NULL. */
const DriverProfile *storage_driver(const char *provisioner);

Storage *storage_new(World *world);
void storage_free(Storage *storage);

/* Looks up a disk by handle (for dynamically provisioned volumes: the PV's name). */
Disk *storage_disk(const Storage *storage, Atom handle);

typedef void (*StorageDone)(void *self, uint64_t tag, bool ok, const char *message);

/* Calls. `done` runs when the backend has answered; the effect comes at that instant. They belong
 * to no process: a caller that has died must ignore the answer (compare incarnations by tag). */
void storage_create(Storage *storage, Atom handle, const DriverProfile *driver, Atom zone,
                    int64_t bytes, StorageDone done, void *self, uint64_t tag);
void storage_erase(Storage *storage, Atom handle, StorageDone done, void *self, uint64_t tag);
void storage_attach(Storage *storage, Atom handle, Atom machine, StorageDone done, void *self,
                    uint64_t tag);
void storage_detach(Storage *storage, Atom handle, Atom machine, StorageDone done, void *self,
                    uint64_t tag);

/* A disk that exists from the start (statically provisioned PV of a manifest). */
void storage_declare(Storage *storage, Atom handle, const DriverProfile *driver, Atom zone,
                     int64_t bytes);

/* The node side, immediate: the time it takes is the kubelet's business. `pod_uid` can read or
 * write the disk from then on. False if the disk is not attached to the machine (and its driver
 * needs it). */
bool storage_mount(Storage *storage, Atom handle, Atom machine, Atom pod_uid, bool is_read_only);
void storage_unmount(Storage *storage, Atom handle, Atom machine, Atom pod_uid);
/* Power loss: every mount of the machine is gone. */
void storage_machine_lost(Storage *storage, Atom machine);

bool disk_is_attached(const Disk *disk, Atom machine);
bool disk_is_formatted(const Disk *disk);
void disk_set_formatted(Disk *disk);
const DriverProfile *disk_driver(const Disk *disk);

#endif
