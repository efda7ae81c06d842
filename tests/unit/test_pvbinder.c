/* SPDX-License-Identifier: Apache-2.0 */
/* persistentvolume-binder-controller: the smallest volume that fits, reservations, delayed classes, lost claims, release. */
#include "tests/unit/cluster.h"

static void add_volume(const Cluster *cluster, const char *name, const char *size, const char *more)
{
    g_autofree char *text = g_strdup_printf(
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: %s}\nspec:\n"
        "  storageClassName: manual\n  capacity: {storage: %s}\n  accessModes: [ReadWriteOnce]\n"
        "  persistentVolumeReclaimPolicy: Retain\n"
        "  csi: {driver: ebs.csi.aws.com, volumeHandle: vol-%s}\n%s",
        name, size, name, more);
    cluster_apply(cluster, text);
}

static const char *volume_of(const Cluster *cluster, const char *claim)
{
    const Object *object = cluster_get(cluster, KIND_PERSISTENT_VOLUME_CLAIM, claim);
    return atom_text(world_atoms(cluster->world), claim_view(object)->volume_name);
}

TEST(smallest_volume_that_fits)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    add_volume(&cluster, "large", "10Gi", "");
    add_volume(&cluster, "small", "512Mi", "");
    add_volume(&cluster, "right", "2Gi", "");
    cluster_run(&cluster, 5 * NANOS_S);
    EQUAL_TEXT(cluster_phase(&cluster, KIND_PERSISTENT_VOLUME, "large"), "Available");
    cluster_claim(&cluster, "one", "manual", "ReadWriteOnce");
    cluster_run(&cluster, 5 * NANOS_S);
    EQUAL_TEXT(volume_of(&cluster, "one"), "right");
    EQUAL_TEXT(cluster_phase(&cluster, KIND_PERSISTENT_VOLUME, "right"), "Bound");
    EQUAL_TEXT(cluster_phase(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "one"), "Bound");
    cluster_claim(&cluster, "two", "manual", "ReadWriteOnce");
    cluster_claim(&cluster, "three", "manual", "ReadWriteOnce");
    cluster_run(&cluster, 30 * NANOS_S);
    bool two = *volume_of(&cluster, "two") != '\0', three = *volume_of(&cluster, "three") != '\0';
    CU_ASSERT_TRUE(two != three); /* one volume is left, and only one of them gets it */
    add_volume(&cluster, "late", "1Gi", "");
    cluster_run(&cluster, 10 * NANOS_S);
    EQUAL_TEXT(volume_of(&cluster, two ? "three" : "two"), "late");
    cluster_close(&cluster);
}

TEST(reserved_volume_waits_for_its_claim)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    add_volume(&cluster, "mine", "5Gi", "  claimRef: {namespace: default, name: data}\n");
    cluster_run(&cluster, 5 * NANOS_S);
    cluster_claim(&cluster, "stranger", "manual", "ReadWriteOnce");
    cluster_run(&cluster, 20 * NANOS_S);
    EQUAL_TEXT(volume_of(&cluster, "stranger"), "");
    cluster_claim(&cluster, "data", "manual", "ReadWriteOnce");
    cluster_run(&cluster, 5 * NANOS_S);
    EQUAL_TEXT(volume_of(&cluster, "data"), "mine");
    cluster_close(&cluster);
}

TEST(delayed_class_waits_for_a_node)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    cluster_claim(&cluster, "data", "standard", "ReadWriteOnce");
    cluster_run(&cluster, NANOS_MIN);
    EQUAL_TEXT(cluster_phase(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data"), "Pending");
    Value *patch = value_map();
    value_put(&patch, value_string("node-2"), "metadata", "annotations",
              "volume.kubernetes.io/selected-node");
    Request request = {.verb = REQUEST_PATCH,
                       .key = cluster_key(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data"),
                       .body = patch,
                       .patch = PATCH_MERGE};
    world_request(cluster.world, &request, NULL);
    request_clear(&request);
    cluster_run(&cluster, 30 * NANOS_S);
    EQUAL_TEXT(cluster_phase(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data"), "Bound");
    cluster_close(&cluster);
}

/* Retain: the volume stays with its old claimRef, and a new claim of that name does not get it. */
TEST(released_volume_is_not_given_again)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    add_volume(&cluster, "keep", "2Gi", "");
    cluster_claim(&cluster, "data", "manual", "ReadWriteOnce");
    cluster_run(&cluster, 10 * NANOS_S);
    EQUAL_TEXT(volume_of(&cluster, "data"), "keep");
    cluster_delete(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data", -1);
    cluster_run(&cluster, 10 * NANOS_S);
    CU_ASSERT_PTR_NULL(cluster_get(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data"));
    EQUAL_TEXT(cluster_phase(&cluster, KIND_PERSISTENT_VOLUME, "keep"), "Released");
    cluster_claim(&cluster, "data", "manual", "ReadWriteOnce");
    cluster_run(&cluster, NANOS_MIN);
    EQUAL_TEXT(cluster_phase(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data"), "Pending");
    EQUAL_TEXT(cluster_phase(&cluster, KIND_PERSISTENT_VOLUME, "keep"), "Released");
    cluster_close(&cluster);
}

/* A volume that a former claim of the name has used does not stand in the way of another one. */
TEST(each_incarnation_of_a_claim_has_its_reservation)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    add_volume(&cluster, "old", "2Gi", "");
    cluster_claim(&cluster, "data", "manual", "ReadWriteOnce");
    cluster_run(&cluster, 10 * NANOS_S);
    cluster_delete(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data", -1);
    cluster_run(&cluster, 10 * NANOS_S);
    add_volume(&cluster, "next", "2Gi", "  claimRef: {namespace: default, name: data}\n");
    cluster_run(&cluster, 5 * NANOS_S);
    cluster_delete(&cluster, KIND_PERSISTENT_VOLUME, "old", -1);
    cluster_run(&cluster, 5 * NANOS_S);
    cluster_claim(&cluster, "data", "manual", "ReadWriteOnce");
    cluster_run(&cluster, 10 * NANOS_S);
    EQUAL_TEXT(volume_of(&cluster, "data"), "next");
    cluster_close(&cluster);
}

TEST(claim_whose_volume_vanished_is_lost)
{
    Cluster cluster;
    cluster_open(&cluster, 5 * NANOS_S);
    add_volume(&cluster, "gone", "2Gi", "");
    cluster_claim(&cluster, "data", "manual", "ReadWriteOnce");
    cluster_run(&cluster, 10 * NANOS_S);
    cluster_delete(&cluster, KIND_PERSISTENT_VOLUME, "gone", -1);
    cluster_run(&cluster, 10 * NANOS_S);
    CU_ASSERT_PTR_NOT_NULL(cluster_get(&cluster, KIND_PERSISTENT_VOLUME, "gone")); /* protected */
    store_remove(world_store(cluster.world), cluster_key(&cluster, KIND_PERSISTENT_VOLUME, "gone"));
    cluster_run(&cluster, 10 * NANOS_S);
    EQUAL_TEXT(cluster_phase(&cluster, KIND_PERSISTENT_VOLUME_CLAIM, "data"), "Lost");
    cluster_close(&cluster);
}
