/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drivers.c - the storage drivers, as data: what a backend can do and how long it takes.
 * Mirrors: the published behaviour of aws-ebs-csi-driver, gcp-compute-persistent-disk-csi-driver,
 *   azuredisk-csi-driver, ceph-csi, csi-driver-nfs, sig-storage local static provisioner.
 * Simplified: a driver is a table row; limits of a machine's slots and the batching of calls are
 *   in no row, so attaching many disks at once is as fast as attaching one.
 * State: none.
 */
#include "models/storage/volume.h"

/* A row: the profile, and the times where they are not the scenario's. */
typedef struct {
    DriverProfile profile;
    const char *in_tree; /* the name of its predecessor inside Kubernetes, or another alias */
    const char *create, *erase, *attach, *detach; /* NULL: the scenario's */
} DriverRow;

/* Times: medians and 99th percentiles. The default driver's (EBS: create 1.5/4 s measured, attach
 * 2.5/8 s, detach 3/12 s) come from the scenario's latencies. PD and Azure disks are published
 * ranges; Ceph's attach is bookkeeping of the attacher alone; local and NFS have no backend call
 * that takes time worth telling from an API write. */
static const DriverRow driver_rows[] = {
    {{"ebs.csi.aws.com", true, false, true, true, false, 25},
     "kubernetes.io/aws-ebs",
     NULL,
     NULL,
     NULL,
     NULL},
    {{"pd.csi.storage.gke.io", true, false, true, true, false, 127},
     "kubernetes.io/gce-pd",
     "lognormal(3s, 10s)",
     "lognormal(3s, 10s)",
     "lognormal(5s, 20s)",
     "lognormal(5s, 20s)"},
    {{"disk.csi.azure.com", true, false, true, true, false, 32},
     "kubernetes.io/azure-disk",
     "lognormal(3s, 10s)",
     "lognormal(3s, 10s)",
     "lognormal(12s, 60s)",
     "lognormal(12s, 60s)"},
    {{"rbd.csi.ceph.com", true, false, false, false, false, 0},
     "kubernetes.io/rbd",
     "lognormal(1s, 5s)",
     "lognormal(1s, 5s)",
     "20ms",
     "20ms"},
    {{"nfs.csi.k8s.io", false, true, false, false, false, 0},
     "kubernetes.io/nfs",
     "lognormal(200ms, 1s)",
     "lognormal(200ms, 1s)",
     "0",
     "0"},
    {{"rancher.io/local-path", false, false, false, false, true, 0},
     NULL,
     "lognormal(2s, 6s)",
     "lognormal(2s, 6s)",
     "0",
     "0"},
    {{"k8s.io/minikube-hostpath", false, false, false, false, true, 0},
     NULL,
     "lognormal(100ms, 1s)",
     "lognormal(100ms, 1s)",
     "0",
     "0"},
    {{"kubernetes.io/no-provisioner", false, false, false, false, true, 0},
     NULL,
     "0",
     "0",
     "0",
     "0"},
};

static const DriverRow *row_of(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(driver_rows); i++) {
        const DriverRow *row = &driver_rows[i];
        if (g_str_equal(row->profile.name, name) || g_strcmp0(row->in_tree, name) == 0) return row;
    }
    return NULL;
}

const DriverProfile *storage_driver(const char *provisioner)
{
    const DriverRow *row = provisioner ? row_of(provisioner) : NULL;
    return row ? &row->profile : &driver_rows[0].profile;
}

bool driver_provisions(const char *provisioner)
{
    return *provisioner && !g_str_equal(provisioner, "kubernetes.io/no-provisioner");
}

const char *driver_csi_name(const char *provisioner)
{
    const DriverRow *row = row_of(provisioner);
    return row ? row->profile.name : provisioner;
}

static Dist time_of_text(const char *text, const Dist *fallback)
{
    Dist dist = *fallback;
    if (text) CHECK_THAT(dist_parse(text, &dist, NULL), "driver time %s", text);
    return dist;
}

DriverTimes driver_times(const World *world, const DriverProfile *driver)
{
    const LatencyConfig *latency = &world_config(world)->latency;
    const DriverRow *row = row_of(driver->name);
    CHECK(row);
    return (DriverTimes){
        .create = time_of_text(row->create, &latency->volume_create),
        .erase = time_of_text(row->erase, &latency->volume_delete),
        .attach = time_of_text(row->attach, &latency->attach),
        .detach = time_of_text(row->detach, &latency->detach),
    };
}

/* --- PersistentVolumes --- */

/* Sources of a PV that name no CSI driver, and the driver that stands for them. */
static const struct {
    const char *source, *driver, *handle;
} plain_sources[] = {
    {"awsElasticBlockStore", "ebs.csi.aws.com", "volumeID"},
    {"gcePersistentDisk", "pd.csi.storage.gke.io", "pdName"},
    {"azureDisk", "disk.csi.azure.com", "diskURI"},
    {"rbd", "rbd.csi.ceph.com", "image"},
    {"nfs", "nfs.csi.k8s.io", "path"},
    {"local", "kubernetes.io/no-provisioner", "path"},
    {"hostPath", "kubernetes.io/no-provisioner", "path"},
};

/* The driver's name of a PV; *ret_handle gets what the source calls the volume. */
static const char *source_of(AtomTable *atoms, const Object *volume, const char **ret_handle)
{
    const VolumeView *view = volume_view(volume);
    *ret_handle = atom_text(atoms, view->handle ? view->handle : volume->key.name);
    if (view->driver) return atom_text(atoms, view->driver);
    for (unsigned i = 0; i < G_N_ELEMENTS(plain_sources); i++) {
        const Value *source = value_find(volume->value, "spec", plain_sources[i].source);
        if (!source) continue;
        *ret_handle = value_as_text(value_get(source, plain_sources[i].handle), *ret_handle);
        return plain_sources[i].driver;
    }
    return driver_rows[0].profile.name;
}

const DriverProfile *volume_driver(AtomTable *atoms, const Object *volume)
{
    const char *handle;
    return storage_driver(source_of(atoms, volume, &handle));
}

Atom volume_unique_name(AtomTable *atoms, const Object *volume)
{
    const char *handle;
    const char *driver = source_of(atoms, volume, &handle);
    return atom_format(atoms, "kubernetes.io/csi/%s^%s", driver, handle);
}

Disk *volume_disk(Storage *storage, AtomTable *atoms, const Object *volume)
{
    const VolumeView *view = volume_view(volume);
    if (!storage_disk(storage, volume->key.name))
        storage_declare(storage, volume->key.name, volume_driver(atoms, volume), view->zone,
                        view->capacity_bytes);
    return storage_disk(storage, volume->key.name);
}

/* --- finalizers --- */

bool meta_has_finalizer(const Meta *meta, Atom finalizer)
{
    for (unsigned i = 0; i < meta->finalizer_count; i++)
        if (meta->finalizers[i] == finalizer) return true;
    return false;
}

Value *value_without_finalizer(const Value *object, const char *finalizer)
{
    Value *result = value_ref(object);
    const Value *old = value_find(object, "metadata", "finalizers");
    Value *list = value_list();
    value_each (i, old) {
        const Value *entry = value_at(old, i);
        if (!g_str_equal(value_as_text(entry, ""), finalizer))
            value_list_add(list, value_ref(entry));
    }
    if (value_size(list) == 0) {
        value_unref(list);
        value_drop(&result, "metadata", "finalizers");
    } else {
        value_put(&result, list, "metadata", "finalizers");
    }
    return result;
}

Value *value_with_finalizer(const Value *object, const char *finalizer)
{
    Value *result = value_without_finalizer(object, finalizer);
    const Value *old = value_find(result, "metadata", "finalizers");
    Value *list = value_list();
    value_each (i, old)
        value_list_add(list, value_ref(value_at(old, i)));
    value_list_add(list, value_string(finalizer));
    value_put(&result, list, "metadata", "finalizers");
    return result;
}
