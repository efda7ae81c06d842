/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_swarm.c - random worlds (swarm.h) keep the invariants of the API, event by event, and come
 * to rest as declared when nothing breaks any more.
 *
 * KENNEL_SWARM=N runs N worlds, KENNEL_SWARM=FIRST+N those from a seed on. A world that fails is
 * left as a file for `kennel run`.
 */
#include "models/node/runtime.h"
#include "models/storage/volume.h"
#include "tests/unit/swarm.h"
#include "tests/unit/test.h"

#include <stdlib.h>

#define WORLDS     60
#define LATENESS   (5 * NANOS_S) /* of what a controller believes, with no fault */
#define FAULTS_MAX 8             /* shown of one world */

/* What is remembered of a name, whatever objects bear it. */
typedef struct {
    Key key;
    Atom uid;              /* of the object that lives; ATOM_NONE: none does */
    Nanos good_at;         /* pods: when it was last Ready and not terminating; -1: never */
    Nanos out_of_range_at; /* claims: since when the set did not need it; -1: never */
} Track;

typedef struct {
    const Swarm *swarm;
    World *world;
    uint64_t seed;
    GHashTable *tracks; /* by Key */
    GHashTable *forced; /* names of pods that somebody removed without waiting */
    int64_t version;
    unsigned faults;
    GString *report;
} Watch;

static void fault(Watch *watch, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void fault(Watch *watch, const char *format, ...)
{
    char time[NANOS_TEXT_MAX];
    if (++watch->faults > FAULTS_MAX) return;
    g_string_append_printf(watch->report, "  at %s: ", nanos_format(world_now(watch->world), time));
    va_list arguments;
    va_start(arguments, format);
    g_string_append_vprintf(watch->report, format, arguments);
    va_end(arguments);
    g_string_append_c(watch->report, '\n');
}

static const char *text_of(const Watch *watch, Atom atom)
{
    return atom_text(world_atoms(watch->world), atom);
}

/* --- names --- */

static guint track_hash(gconstpointer key)
{
    return (guint)key_hash(*(const Key *)key);
}

static gboolean track_equal(gconstpointer a, gconstpointer b)
{
    return key_equal(*(const Key *)a, *(const Key *)b);
}

static Track *track_of(Watch *watch, Key key)
{
    Track *track = g_hash_table_lookup(watch->tracks, &key);
    if (!track) {
        track = g_new0(Track, 1);
        *track = (Track){.key = key, .good_at = -1, .out_of_range_at = -1};
        g_hash_table_insert(watch->tracks, &track->key, track);
    }
    return track;
}

/* Looks names up and makes none: atoms are in the digest, and watching must not change it. */
static Key key_of(const Watch *watch, Kind kind, const char *name)
{
    const AtomTable *atoms = world_atoms(watch->world);
    return (Key){kind, atom_find(atoms, "default"), atom_find(atoms, name)};
}

static const Object *get(const Watch *watch, Kind kind, const char *name)
{
    Key key = key_of(watch, kind, name);
    return key.name ? store_get(world_store(watch->world), key) : NULL;
}

static const Object *get_pod(const Watch *watch, const char *load, int64_t ordinal)
{
    g_autofree char *name = g_strdup_printf("%s-%" PRId64, load, ordinal);
    return get(watch, KIND_POD, name);
}

/* The workload of a name; NULL if it is none of ours. */
static const SwarmLoad *load_of(const Watch *watch, const char *name)
{
    for (unsigned i = 0; i < watch->swarm->load_count; i++)
        if (strcmp(watch->swarm->loads[i].name, name) == 0) return &watch->swarm->loads[i];
    return NULL;
}

/* --- every commit --- */

static void check_versions(Watch *watch, const Change *change)
{
    const Object *now = change->now;
    Track *track = track_of(watch, now->key);
    const char *ref = text_of(watch, now->ref);
    if (now->version <= watch->version)
        fault(watch, "%s has resourceVersion %" PRId64 " after %" PRId64, ref, now->version,
              watch->version);
    watch->version = now->version;
    if ((change->type == CHANGE_ADDED) != (track->uid == ATOM_NONE))
        fault(watch, "%s: an object of this key %s", ref,
              track->uid ? "exists already" : "does not exist");
    if (change->type != CHANGE_ADDED && track->uid != now->uid)
        fault(watch, "%s has another uid than when it was created", ref);
    track->uid = change->type == CHANGE_DELETED ? ATOM_NONE : now->uid;
    /* A smaller grace counts from the first request, but not into the past. */
    if (change->type == CHANGE_MODIFIED && object_is_terminating(change->old) &&
        object_meta(now)->deleted_at >
            MAX(object_meta(change->old)->deleted_at, world_now(watch->world)))
        fault(watch, "%s: deletionTimestamp was unset or postponed", ref);
}

static bool is_good(const Watch *watch, const Object *pod, int64_t min_ready_s)
{
    /* Times in objects have whole seconds. */
    return pod && !object_is_terminating(pod) &&
           pod_is_available(pod_view(pod), min_ready_s, world_now(watch->world) + NANOS_S);
}

static bool may_be_late(const Watch *watch)
{
    Nanos now = world_now(watch->world);
    return now >= watch->swarm->late_from && now <= watch->swarm->late_until;
}

/* Under OrderedReady each lower ordinal is good, or was when the controller last heard of it. */
static void check_order(Watch *watch, const Object *pod, const Object *set, int64_t ordinal)
{
    const StatefulSetView *view = statefulset_view(set);
    if (view->is_parallel || may_be_late(watch)) return;
    for (int64_t i = view->start_ordinal; i < ordinal; i++) {
        const char *name = text_of(watch, set->key.name);
        const Object *lower = get_pod(watch, name, i);
        if (is_good(watch, lower, view->min_ready_s)) continue;
        g_autofree char *lower_name = g_strdup_printf("%s-%" PRId64, name, i);
        Nanos good_at = track_of(watch, key_of(watch, KIND_POD, lower_name))->good_at;
        if (good_at < 0 || good_at + LATENESS < world_now(watch->world))
            fault(watch, "%s was created while %s was %s", text_of(watch, pod->ref), lower_name,
                  !lower                         ? "absent"
                  : object_is_terminating(lower) ? "terminating"
                                                 : "not available");
    }
}

static void check_pod(Watch *watch, const Change *change)
{
    char parent[256];
    int64_t ordinal = -1;
    const Object *pod = change->now;
    Track *track = track_of(watch, pod->key);
    if (change->old && !object_is_terminating(change->old) &&
        pod_is_running_and_ready(pod_view(change->old)))
        track->good_at = world_now(watch->world);
    /* Whoever waits sees a terminal phase first. */
    bool is_removed_early = change->type == CHANGE_DELETED && pod_view(pod)->spec->node_name &&
                            !pod_is_terminal(pod_view(pod));
    if (is_removed_early) g_hash_table_add(watch->forced, GUINT_TO_POINTER(pod->key.name));
    if (change->type != CHANGE_ADDED) return;
    if (!pod_ordinal(text_of(watch, pod->key.name), parent, &ordinal)) return;
    const Object *set = get(watch, KIND_STATEFUL_SET, parent);
    const Meta *meta = object_meta(pod);
    if (set && meta->controller && meta->controller->uid == set->uid)
        check_order(watch, pod, set, ordinal);
}

/* --- claims --- */

/* "data-a-3": the claim of ordinal 3 of the set a, NULL if it is no such claim. */
static const Object *set_of_claim(const Watch *watch, const Object *claim, int64_t *ret_ordinal)
{
    char parent[256];
    const char *name = text_of(watch, claim->key.name);
    if (!pod_ordinal(name, parent, ret_ordinal) || !g_str_has_prefix(parent, "data-")) return NULL;
    return get(watch, KIND_STATEFUL_SET, parent + strlen("data-"));
}

static bool is_in_range(const Object *set, int64_t ordinal)
{
    const StatefulSetView *view = statefulset_view(set);
    return ordinal >= view->start_ordinal && ordinal < view->start_ordinal + view->replicas;
}

static void check_claim(Watch *watch, const Change *change)
{
    int64_t ordinal = -1;
    const Object *set = set_of_claim(watch, change->now, &ordinal);
    bool goes = change->type == CHANGE_DELETED ||
                (change->type == CHANGE_MODIFIED && object_is_terminating(change->now) &&
                 !object_is_terminating(change->old));
    if (!goes || !set || object_is_terminating(set) || !is_in_range(set, ordinal)) return;
    const SwarmLoad *load = load_of(watch, text_of(watch, set->key.name));
    bool was_out = track_of(watch, change->now->key)->out_of_range_at >= 0;
    if (load->was_deleted || (load->deletes_on_scale && was_out)) return;
    fault(watch, "%s was deleted while its ordinal was in range", text_of(watch, change->now->ref));
}

/* A scale-down puts ordinals out of range. */
static void note_range(Watch *watch, const Object *set)
{
    const StatefulSetView *view = statefulset_view(set);
    for (int64_t i = view->start_ordinal + view->replicas; i < view->start_ordinal + 10; i++) {
        g_autofree char *name =
            g_strdup_printf("data-%s-%" PRId64, text_of(watch, set->key.name), i);
        Key key = key_of(watch, KIND_PERSISTENT_VOLUME_CLAIM, name);
        track_of(watch, key)->out_of_range_at = world_now(watch->world);
    }
}

/* A volume for one node has one VolumeAttachment at most. */
static void check_attachment(Watch *watch, const Change *change)
{
    if (change->type == CHANGE_DELETED) return;
    const AttachmentView *view = attachment_view(change->now);
    Key key = {KIND_PERSISTENT_VOLUME, ATOM_NONE, view->volume_name};
    const Object *volume = store_get(world_store(watch->world), key);
    if (!volume || volume_view(volume)->modes & (ACCESS_RWX | ACCESS_ROX)) return;
    ObjectList all = table_kind(store_table(world_store(watch->world)), KIND_VOLUME_ATTACHMENT);
    for (unsigned i = 0; i < all.count; i++) {
        const AttachmentView *other = attachment_view(all.items[i]);
        if (other->volume_name == view->volume_name && other->node_name != view->node_name)
            fault(watch, "%s is attached to %s and %s", text_of(watch, volume->ref),
                  text_of(watch, other->node_name), text_of(watch, view->node_name));
    }
}

static void committed(void *self, const Change *change)
{
    Watch *watch = self;
    check_versions(watch, change);
    if (change->now->key.kind == KIND_POD) check_pod(watch, change);
    if (change->now->key.kind == KIND_PERSISTENT_VOLUME_CLAIM) check_claim(watch, change);
    if (change->now->key.kind == KIND_VOLUME_ATTACHMENT) check_attachment(watch, change);
    if (change->now->key.kind == KIND_STATEFUL_SET && change->type != CHANGE_DELETED)
        note_range(watch, change->now);
}

/* --- every event: what runs --- */

static const Sandbox *other_running(const Watch *watch, const Sandbox *self)
{
    for (unsigned i = 0; i < world_machine_count(watch->world); i++) {
        const Runtime *runtime = machine_runtime(world_machine_at(watch->world, i));
        for (unsigned k = 0; k < runtime_sandbox_count(runtime); k++) {
            const Sandbox *sandbox = runtime_sandbox_at(runtime, k);
            if (sandbox != self && key_equal(sandbox->key, self->key) && sandbox_running(sandbox))
                return sandbox;
        }
    }
    return NULL;
}

static void check_processes(Watch *watch)
{
    for (unsigned i = 0; i < world_machine_count(watch->world); i++) {
        const Runtime *runtime = machine_runtime(world_machine_at(watch->world, i));
        for (unsigned k = 0; k < runtime_sandbox_count(runtime); k++) {
            const Sandbox *sandbox = runtime_sandbox_at(runtime, k);
            gpointer name = GUINT_TO_POINTER(sandbox->key.name);
            if (!sandbox_running(sandbox) || g_hash_table_contains(watch->forced, name)) continue;
            if (!other_running(watch, sandbox)) continue;
            fault(watch, "two processes of %s run, and nobody forced it",
                  text_of(watch, sandbox->ref));
            g_hash_table_add(watch->forced, name);
        }
    }
}

/* --- the end --- */

/* Whether an ordinal waits for ever: its claim went with an earlier pod and the controller, which
 * saw that one's, looks again at the next event only; or the claim was deleted under the pod, and
 * the kubelet does not mount it again; or the pod was bound while the claim went, and a claim that
 * waits for its first consumer never sees one. */
static bool claim_is_lost(const Watch *watch, const SwarmLoad *load, int64_t ordinal)
{
    g_autofree char *name = g_strdup_printf("data-%s-%" PRId64, load->name, ordinal);
    const Object *pod = get_pod(watch, load->name, ordinal);
    const Object *claim = get(watch, KIND_PERSISTENT_VOLUME_CLAIM, name);
    bool is_stale = load->deletes_on_scale && !pod && !claim;
    bool is_doomed = pod && claim && object_is_terminating(claim);
    bool is_late = pod && claim && pod_view(pod)->spec->node_name && load->was_deleted &&
                   !claim_view(claim)->volume_name;
    return load->has_claim && (is_stale || is_doomed || is_late);
}

/* The documented ways in which a set stays as it is until somebody or the 12-hour resync helps. */
static bool is_stuck(const Watch *watch, const SwarmLoad *load, const Object *set)
{
    const StatefulSetView *view = statefulset_view(set);
    /* Up to 1.34 the controller looks again only while fewer are available than are wanted, and
     * of two timers of one set the earlier wins: condemned pods may count for those awaited. */
    bool sleeps =
        watch->swarm->minor <= 34 && load->min_ready_s > 0 && view->available >= view->replicas;
    /* A claim that a pod owns holds the pod in foreground deletion, and the pod holds the claim. */
    bool holds_itself = load->was_deleted_in_foreground && load->deletes_on_scale;
    bool lacks_claim = false;
    for (int64_t i = view->start_ordinal; i < view->start_ordinal + view->replicas; i++)
        lacks_claim = lacks_claim || claim_is_lost(watch, load, i);
    return sleeps || holds_itself || lacks_claim;
}

/* Equal counts of a set, and where its pods are. */
static void check_set(Watch *watch, const SwarmLoad *load, const Object *set)
{
    const StatefulSetView *view = statefulset_view(set);
    if (is_stuck(watch, load, set)) return;
    unsigned good = 0;
    for (int64_t i = view->start_ordinal; i < view->start_ordinal + view->replicas; i++) {
        const Object *pod = get_pod(watch, load->name, i);
        if (is_good(watch, pod, view->min_ready_s))
            good++;
        else
            fault(watch, "%s-%" PRId64 " is %s", load->name, i,
                  !pod                         ? "absent"
                  : object_is_terminating(pod) ? "terminating"
                                               : pod_phase_text(pod_view(pod)->phase));
    }
    bool agrees = view->status_replicas == view->replicas && view->ready == view->replicas &&
                  view->available == view->replicas;
    if (good == view->replicas && !agrees)
        fault(watch,
              "status of %s: replicas %" PRId64 " ready %" PRId64 " available %" PRId64
              " of %" PRId64,
              load->name, view->status_replicas, view->ready, view->available, view->replicas);
    if (view->observed_generation != view->meta->generation)
        fault(watch, "%s: generation %" PRId64 ", observed %" PRId64, load->name,
              view->meta->generation, view->observed_generation);
    bool is_rolled = !view->is_on_delete && view->partition == 0 && view->replicas > 0;
    if (is_rolled && (view->current_revision != view->update_revision ||
                      view->updated != view->replicas || view->current != view->replicas))
        fault(watch,
              "%s has not rolled to its end: updated %" PRId64 " current %" PRId64 " of %" PRId64,
              load->name, view->updated, view->current, view->replicas);
}

static void check_deployment(Watch *watch, const SwarmLoad *load, const Object *deployment)
{
    const DeploymentView *view = deployment_view(deployment);
    if (load->access == 2) return; /* one node has the volume, pods may be on several */
    if (view->status_replicas != view->replicas || view->ready != view->replicas ||
        view->available != view->replicas || view->updated != view->replicas)
        fault(watch,
              "deployment %s: %" PRId64 " replicas, %" PRId64 " ready, %" PRId64
              " available, %" PRId64 " updated of %" PRId64,
              load->name, view->status_replicas, view->ready, view->available, view->updated,
              view->replicas);
}

/* Pods that no living workload declares. */
static void check_surplus(Watch *watch, const Object *pod)
{
    const Meta *meta = object_meta(pod);
    const char *ref = text_of(watch, pod->ref);
    if (!meta->controller) return;
    const SwarmLoad *load = load_of(watch, text_of(watch, meta->controller->name));
    Key key = {meta->controller->kind, pod->key.space, meta->controller->name};
    const Object *owner = store_get(world_store(watch->world), key);
    char parent[256];
    int64_t ordinal = -1;
    if (owner && load && load->is_set && is_stuck(watch, load, owner)) return;
    if (object_is_terminating(pod)) fault(watch, "%s terminates for ever", ref);
    if (!owner || owner->uid != meta->controller->uid)
        fault(watch, "%s outlives its owner", ref);
    else if (owner->key.kind == KIND_STATEFUL_SET &&
             pod_ordinal(text_of(watch, pod->key.name), parent, &ordinal) &&
             !is_in_range(owner, ordinal))
        fault(watch, "%s is beyond the replicas", ref);
}

/* What a process believes at the end is what is. */
static void check_cache(Watch *watch, const Process *process)
{
    const Store *store = world_store(watch->world);
    const ObjectTable *cache = process_cache(process);
    for (Kind kind = KIND_NONE + 1; kind < KIND_COUNT; kind++) {
        ObjectList list = table_kind(cache, kind);
        for (unsigned i = 0; kind != KIND_LEASE && kind != KIND_NODE && i < list.count; i++) {
            const Object *is = store_get(store, list.items[i]->key);
            if (!is || is->version != list.items[i]->version)
                fault(watch, "%s believes in %s %s", text_of(watch, process_name(process)),
                      is ? "an old" : "the late", text_of(watch, list.items[i]->ref));
        }
    }
    const Machine *machine = process_machine(process);
    ObjectList pods = machine ? table_lookup(store_table(store), INDEX_POD_NODE,
                                             index_key(machine_name(machine), 0))
                              : table_kind(store_table(store), KIND_POD);
    if ((machine || process_role(process) == ROLE_CONTROLLER_MANAGER) &&
        process_is_leading(process) && table_kind(cache, KIND_POD).count != pods.count)
        fault(watch, "%s does not know all pods", text_of(watch, process_name(process)));
}

static void check_machine(Watch *watch, Machine *machine)
{
    Runtime *runtime = machine_runtime(machine);
    const Store *store = world_store(watch->world);
    for (unsigned k = 0; k < runtime_sandbox_count(runtime); k++) {
        const Sandbox *sandbox = runtime_sandbox_at(runtime, k);
        const Object *pod = store_get(store, sandbox->key);
        if (sandbox_running(sandbox) && (!pod || pod->uid != sandbox->uid))
            fault(watch, "%s still runs on %s", text_of(watch, sandbox->ref),
                  text_of(watch, machine_name(machine)));
    }
    GArray *mounts = runtime_mounts(runtime);
    for (unsigned i = 0; i < mounts->len; i++) {
        const MountRecord *mount = &g_array_index(mounts, MountRecord, i);
        ObjectList pods =
            table_lookup(store_table(store), INDEX_POD_NODE, index_key(machine_name(machine), 0));
        bool is_used = false;
        for (unsigned k = 0; k < pods.count; k++)
            is_used = is_used || pods.items[k]->uid == mount->pod_uid;
        if (!is_used)
            fault(watch, "%s is still mounted on %s for a pod that is gone",
                  text_of(watch, mount->disk), text_of(watch, machine_name(machine)));
    }
    Key key = {KIND_NODE, ATOM_NONE, machine_name(machine)};
    const Object *node = store_get(store, key);
    if (!node || node_view(node)->ready != CONDITION_TRUE || node_view(node)->taint_count > 0)
        fault(watch, "%s is not as it was", text_of(watch, machine_name(machine)));
}

/* A disk for one node is attached where a pod needs it, and the API knows. */
static void check_attachments(Watch *watch)
{
    const ObjectTable *table = store_table(world_store(watch->world));
    ObjectList all = table_kind(table, KIND_VOLUME_ATTACHMENT);
    for (unsigned i = 0; i < all.count; i++) {
        const AttachmentView *view = attachment_view(all.items[i]);
        Disk *disk = storage_disk(world_storage(watch->world), view->volume_name);
        if (!view->is_attached || object_is_terminating(all.items[i]))
            fault(watch, "%s hangs", text_of(watch, all.items[i]->ref));
        if (disk && disk_driver(disk)->needs_attach && !disk_is_attached(disk, view->node_name))
            fault(watch, "%s is not what the backend did", text_of(watch, all.items[i]->ref));
    }
    ObjectList volumes = table_kind(table, KIND_PERSISTENT_VOLUME);
    for (unsigned i = 0; i < volumes.count; i++)
        if (object_is_terminating(volumes.items[i]))
            fault(watch, "%s terminates for ever", text_of(watch, volumes.items[i]->ref));
    ObjectList claims = table_kind(table, KIND_PERSISTENT_VOLUME_CLAIM);
    for (unsigned i = 0; i < claims.count; i++)
        if (object_is_terminating(claims.items[i]) &&
            table_lookup(table, INDEX_POD_CLAIM,
                         index_key(claims.items[i]->key.space, claims.items[i]->key.name))
                    .count == 0)
            fault(watch, "%s terminates for ever", text_of(watch, claims.items[i]->ref));
}

static void check_end(Watch *watch)
{
    World *world = watch->world;
    for (unsigned i = 0; i < watch->swarm->load_count; i++) {
        const SwarmLoad *load = &watch->swarm->loads[i];
        const Object *object =
            get(watch, load->is_set ? KIND_STATEFUL_SET : KIND_DEPLOYMENT, load->name);
        if (!object) continue;
        if (object_is_terminating(object) && !is_stuck(watch, load, object))
            fault(watch, "%s terminates for ever", load->name);
        if (load->is_set)
            check_set(watch, load, object);
        else
            check_deployment(watch, load, object);
    }
    ObjectList pods = table_kind(store_table(world_store(world)), KIND_POD);
    for (unsigned i = 0; i < pods.count; i++)
        check_surplus(watch, pods.items[i]);
    for (unsigned i = 0; i < world_process_count(world); i++)
        check_cache(watch, world_process_at(world, i));
    for (unsigned i = 0; i < world_machine_count(world); i++)
        check_machine(watch, world_machine_at(world, i));
    check_attachments(watch);
}

/* --- runs --- */

static char *world_file(uint64_t seed, const char *folder)
{
    g_autofree char *name = g_strdup_printf("kennel-swarm-%" PRIu64 ".yaml", seed);
    return g_build_filename(folder, name, NULL);
}

/* Runs a world under watch; returns its digest. */
static uint64_t run_watched(const Swarm *swarm, const Scenario *scenario, uint64_t seed)
{
    Watch watch = {.swarm = swarm,
                   .world = world_new(scenario, seed, NULL),
                   .seed = seed,
                   .tracks = g_hash_table_new_full(track_hash, track_equal, NULL, g_free),
                   .forced = g_hash_table_new(NULL, NULL),
                   .report = g_string_new(NULL)};
    store_listen(world_store(watch.world), (StoreListener){committed, &watch});
    Sim *sim = world_sim(watch.world);
    while (sim_events(sim) < scenario->event_budget &&
           sim_run(sim, scenario->duration, 1) == SIM_BUDGET)
        check_processes(&watch);
    if (world_run(watch.world, NULL, NULL) != WORLD_COMPLETE) fault(&watch, "it does not end");
    check_end(&watch);
    uint64_t digest = sim_digest(sim);
    if (watch.faults > 0) {
        g_autofree char *file = world_file(seed, g_get_tmp_dir());
        g_file_set_contents(file, swarm->text, -1, NULL);
        fprintf(stderr, "\nworld %" PRIu64 ": kennel run %s\n%s", seed, file, watch.report->str);
    }
    CU_ASSERT(watch.faults == 0);
    g_hash_table_unref(watch.tracks);
    g_hash_table_unref(watch.forced);
    g_string_free(watch.report, TRUE);
    world_free(watch.world);
    return digest;
}

static uint64_t run_recorded(const Scenario *scenario, uint64_t seed)
{
    g_autofree char *file = g_build_filename(test_tmp(), "swarm.sqlite", NULL);
    Timeline *timeline = timeline_create(file, world_rows, ROW_COUNT, world_views(), NULL);
    World *world = world_new(scenario, seed, NULL);
    RunInfo info = {.scenario = scenario->name,
                    .variant = "",
                    .digest = scenario->digest,
                    .version = "test",
                    .command = "",
                    .seed = seed};
    CU_ASSERT(timeline_begin_run(timeline, &info, world_atoms(world), NULL) == 1);
    world_record_to(world, timeline);
    EQUAL_INT(world_run(world, NULL, NULL), WORLD_COMPLETE);
    Sim *sim = world_sim(world);
    uint64_t digest = sim_digest(sim);
    CU_ASSERT(timeline_end_run(timeline, "complete", sim_now(sim), sim_events(sim), digest, NULL));
    CU_ASSERT(timeline_close(timeline, NULL));
    world_free(world);
    return digest;
}

static void run_seed(uint64_t seed)
{
    Swarm swarm;
    swarm_make(&swarm, seed);
    GError *error = NULL;
    g_autofree char *file = world_file(seed, test_tmp());
    CU_ASSERT_FATAL(g_file_set_contents(file, swarm.text, -1, NULL));
    g_autoptr(ScenarioSet) set = scenario_load(file, NULL, NULL, &error);
    if (error) fprintf(stderr, "%s\n", error->message);
    CU_ASSERT_FATAL(set != NULL);
    const Scenario *scenario = set->variants->pdata[0];
    uint64_t digest = run_watched(&swarm, scenario, seed);
    if (seed % 10 == 0) {
        CU_ASSERT_EQUAL(run_watched(&swarm, scenario, seed), digest);
        CU_ASSERT_EQUAL(run_recorded(scenario, seed), digest);
    }
    swarm_clear(&swarm);
}

TEST(random_worlds_keep_the_invariants)
{
    const char *wish = g_getenv("KENNEL_SWARM");
    char *end = NULL;
    uint64_t first = 1, count = wish ? g_ascii_strtoull(wish, &end, 10) : WORLDS;
    if (end && *end == '+') {
        first = count;
        count = g_ascii_strtoull(end + 1, NULL, 10);
    }
    for (uint64_t seed = first; seed < first + count; seed++)
        run_seed(seed);
}
