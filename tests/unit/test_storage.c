/* SPDX-License-Identifier: Apache-2.0 */
/* Backends, drivers; csi-provisioner, csi-attacher, pvc-protection-controller: a claim's life. */
#include "tests/unit/cluster.h"

typedef struct {
    unsigned answers;
    bool ok;
} Answer;

static void answered(void *self, uint64_t tag, bool ok, const char *message)
{
    Answer *answer = (Answer *)self;
    (void)tag;
    (void)message;
    answer->answers++;
    answer->ok = ok;
}

TEST(drivers_by_name)
{
    static const struct {
        const char *name, *driver;
        bool needs_attach, fences, provisions;
    } rows[] = {
        {"ebs.csi.aws.com", "ebs.csi.aws.com", true, true, true},
        {"kubernetes.io/aws-ebs", "ebs.csi.aws.com", true, true, true},
        {"kubernetes.io/gce-pd", "pd.csi.storage.gke.io", true, true, true},
        {"rbd.csi.ceph.com", "rbd.csi.ceph.com", true, false, true},
        {"nfs.csi.k8s.io", "nfs.csi.k8s.io", false, false, true},
        {"kubernetes.io/no-provisioner", "kubernetes.io/no-provisioner", false, false, false},
        {"k8s.io/minikube-hostpath", "k8s.io/minikube-hostpath", false, false, true},
        {"example.com/unheard-of", "ebs.csi.aws.com", true, true, true},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const DriverProfile *driver = storage_driver(rows[i].name);
        EQUAL_TEXT(driver->name, rows[i].driver);
        EQUAL_INT(driver->needs_attach, rows[i].needs_attach);
        EQUAL_INT(driver->detach_fences, rows[i].fences);
        EQUAL_INT(driver_provisions(rows[i].name), rows[i].provisions);
    }
}

/* Attached on one machine; detached under a mount: fencing ends the mount, no fence does not. */
TEST(detach_fences_or_not)
{
    static const struct {
        const char *driver;
        bool second_attach;
    } rows[] = {{"ebs.csi.aws.com", false}, {"rbd.csi.ceph.com", true}};
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Cluster cluster;
        cluster_open(&cluster, NANOS_S);
        Storage *storage = world_storage(cluster.world);
        Atom disk = world_atom(cluster.world, "d"), uid = world_atom(cluster.world, "u");
        Atom one = world_atom(cluster.world, "node-1"), two = world_atom(cluster.world, "node-2");
        Answer answer = {0, false};
        storage_create(storage, disk, storage_driver(rows[i].driver), ATOM_NONE, 1, answered,
                       &answer, 1);
        cluster_run(&cluster, NANOS_MIN);
        CU_ASSERT_FALSE(storage_mount(storage, disk, one, uid, false));
        storage_attach(storage, disk, one, answered, &answer, 2);
        cluster_run(&cluster, NANOS_MIN);
        CU_ASSERT_TRUE(storage_mount(storage, disk, one, uid, false));
        storage_attach(storage, disk, two, answered, &answer, 3);
        cluster_run(&cluster, NANOS_MIN);
        EQUAL_INT(answer.ok, rows[i].second_attach);
        storage_erase(storage, disk, answered, &answer, 4);
        cluster_run(&cluster, NANOS_MIN);
        CU_ASSERT_FALSE(answer.ok);
        EQUAL_INT(answer.answers, 4);
        storage_detach(storage, disk, one, answered, &answer, 5);
        cluster_run(&cluster, NANOS_MIN);
        CU_ASSERT_FALSE(disk_is_attached(storage_disk(storage, disk), one));
        cluster_close(&cluster);
    }
}

TEST(claim_is_provisioned_used_and_erased)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_apply(&cluster, CLUSTER_CLASS);
    cluster_claim(&cluster, "data", "fast", "ReadWriteOnce");
    cluster_run(&cluster, 30 * NANOS_S);
    EQUAL_TEXT(cluster_phase(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data"), "Bound");
    Disk *disk = cluster_disk(&cluster, "data");
    CU_ASSERT_PTR_NOT_NULL_FATAL(disk);
    CU_ASSERT_FALSE(disk_is_formatted(disk));
    const Object *claim = cluster_get(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data");
    Key volume_key = {KIND_PERSISTENT_VOLUME, ATOM_NONE, claim_view(claim)->volume_name};
    const Object *volume = store_get(world_store(cluster.world), volume_key);
    EQUAL_TEXT(value_text(volume->value, "status", "phase"), "Bound");
    EQUAL_TEXT(atom_text(world_atoms(cluster.world), volume_view(volume)->zone), "zone-a");
    cluster_pod(&cluster, "web-0", "node-1", "data", NULL);
    cluster_run(&cluster, 5 * NANOS_MIN);
    CU_ASSERT_TRUE(cluster_is_ready(&cluster, "web-0"));
    CU_ASSERT_TRUE(disk_is_formatted(disk));
    CU_ASSERT_TRUE(disk_is_attached(disk, world_atom(cluster.world, "node-1")));
    /* protected while the pod uses it */
    cluster_delete(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data", -1);
    cluster_run(&cluster, NANOS_MIN);
    CU_ASSERT_PTR_NOT_NULL(cluster_get(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data"));
    cluster_delete(&cluster, KIND_POD, "web-0", -1);
    cluster_run(&cluster, 10 * NANOS_MIN);
    CU_ASSERT_PTR_NULL(cluster_get(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data"));
    CU_ASSERT_PTR_NULL(store_get(world_store(cluster.world), volume_key));
    CU_ASSERT_FALSE(disk_is_attached(disk, world_atom(cluster.world, "node-1")));
    EQUAL_INT(table_kind(store_table(world_store(cluster.world)), KIND_VOLUME_ATTACHMENT).count, 0);
    CU_ASSERT_FALSE(storage_mount(world_storage(cluster.world), volume_key.name,
                                  world_atom(cluster.world, "node-1"), 1, false));
    cluster_close(&cluster);
}

TEST(shared_file_system_needs_no_attachment)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_apply(&cluster, "apiVersion: storage.k8s.io/v1\nkind: StorageClass\n"
                            "metadata: {name: files}\nprovisioner: nfs.csi.k8s.io\n"
                            "reclaimPolicy: Retain\nvolumeBindingMode: Immediate\n");
    cluster_claim(&cluster, "files", "files", "ReadWriteMany");
    cluster_run(&cluster, 30 * NANOS_S);
    cluster_pod(&cluster, "a", "node-1", "files", NULL);
    cluster_pod(&cluster, "b", "node-2", "files", NULL);
    cluster_run(&cluster, 5 * NANOS_MIN);
    CU_ASSERT_TRUE(cluster_is_ready(&cluster, "a"));
    CU_ASSERT_TRUE(cluster_is_ready(&cluster, "b"));
    EQUAL_INT(table_kind(store_table(world_store(cluster.world)), KIND_VOLUME_ATTACHMENT).count, 0);
    cluster_close(&cluster);
}

TEST(storage_process_that_crashes_starts_over)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_apply(&cluster, CLUSTER_CLASS);
    cluster_claim(&cluster, "data", "fast", "ReadWriteOnce");
    Process *process = world_process(cluster.world, "csi-controller");
    for (unsigned i = 0; i < 4; i++) {
        cluster_run(&cluster, 400 * NANOS_MS);
        process_crash(process, "test");
        cluster_run(&cluster, 300 * NANOS_MS);
        process_start(process);
    }
    cluster_run(&cluster, NANOS_MIN);
    EQUAL_TEXT(cluster_phase(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data"), "Bound");
    cluster_close(&cluster);
}
