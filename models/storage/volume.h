/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume.h - what the API side of storage shares: names, finalizers, latencies of drivers.
 *
 * A disk is known to the backends (storage.h) by the name of its PersistentVolume, also when the
 * PV is static and its CSI handle reads otherwise: facts are filed under PersistentVolume//name,
 * and the guarantees join them with what the API says of that object.
 */
#ifndef KENNEL_MODELS_STORAGE_VOLUME_H
#define KENNEL_MODELS_STORAGE_VOLUME_H

#include "models/storage/storage.h"

/* How long a backend takes; of the default driver these are the scenario's latencies. */
typedef struct {
    Dist create, erase, attach, detach;
} DriverTimes;

/* The times of a driver in this world. */
DriverTimes driver_times(const World *world, const DriverProfile *driver);

/* Whether volumes of this provisioner are made on demand (kubernetes.io/no-provisioner: not). */
bool driver_provisions(const char *provisioner);

/* The name by which the CSI objects of a provisioner go: in-tree names give the CSI driver that
 * they are migrated to ("kubernetes.io/aws-ebs" gives "ebs.csi.aws.com"), others themselves. */
const char *driver_csi_name(const char *provisioner);

/* The driver of a PersistentVolume, whatever its source. */
const DriverProfile *volume_driver(AtomTable *atoms, const Object *volume);

/* "kubernetes.io/csi/<driver>^<handle>", as node.status names volumes. */
Atom volume_unique_name(AtomTable *atoms, const Object *volume);

/* The disk of a PersistentVolume; a static one that nobody declared exists from now on. */
Disk *volume_disk(Storage *storage, AtomTable *atoms, const Object *volume);

/* --- finalizers --- */

bool meta_has_finalizer(const Meta *meta, Atom finalizer);
/* A copy of an object's value with a finalizer added or taken away. */
Value *value_with_finalizer(const Value *object, const char *finalizer);
Value *value_without_finalizer(const Value *object, const char *finalizer);

#endif
