/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions of the StatefulSet controller: a cache by hand, one sync, the plan in short. */
#include "models/control/revision.h"

#include "tests/unit/desk.h"
#include "tests/unit/test.h"

#define OLD_REVISION "web-old"

/* What a case sets; zeros are the defaults. */
typedef struct {
    const char *title;
    bool is_parallel;
    int replicas;
    const char *extra;    /* more of spec, flow style: ", minReadySeconds: 10" */
    const char *pods;     /* "0nR 1oP": ordinal, revision (n new, o old), state letters */
    const char *expected; /* desk_short() */
    const char *because;  /* a part of the text, or NULL */
} Case;

static void put_set(Desk *desk, const Case *c)
{
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: apps/v1\nkind: StatefulSet\n"
        "metadata: {name: web, namespace: default, uid: set-u, generation: 1}\n"
        "spec: {replicas: %d, serviceName: web, selector: {matchLabels: {app: web}},\n"
        "  podManagementPolicy: %s,\n"
        "  template: {metadata: {labels: {app: web}},\n"
        "    spec: {containers: [{name: main, image: 'app:v2'}]}}%s}\n"
        "status: {currentRevision: " OLD_REVISION "}\n",
        c->replicas, c->is_parallel ? "Parallel" : "OrderedReady", c->extra ? c->extra : "");
    desk_put(desk, yaml);
}

/* Stores a revision for a template; returns its name. */
static void put_revision(Desk *desk, const char *name, int number, const Value *template)
{
    g_autoptr(Value) data = revision_data(template);
    g_autofree char *json = json_text(data);
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: apps/v1\nkind: ControllerRevision\n"
        "metadata: {name: %s, namespace: default, uid: rev-%d, labels: {app: web},\n"
        "  ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: web, uid: set-u,\n"
        "    controller: true}]}\nrevision: %d\ndata: %s\n",
        name, number, number, json);
    desk_put(desk, yaml);
}

static void put_revisions(Desk *desk, bool has_new)
{
    const Object *set =
        table_get(process_cache(desk->process), desk_key(desk, KIND_STATEFUL_SET, "web"));
    const Value *now = statefulset_view(set)->template;
    g_autoptr(Value) before = value_ref(now);
    value_put(&before, value_string("before"), "metadata", "annotations", "note");
    put_revision(desk, OLD_REVISION, 1, before);
    if (has_new) put_revision(desk, "web-new", 2, now);
}

/* A pod from "3nR": R ready, N running, P pending, F failed, S succeeded; T terminating. */
static void put_pod(Desk *desk, const char *text, const char *volumes)
{
    char *end;
    long ordinal = strtol(text, &end, 10);
    const char *phase = strchr(end, 'F')   ? "Failed"
                        : strchr(end, 'S') ? "Succeeded"
                        : strchr(end, 'P') ? "Pending"
                                           : "Running";
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: v1\nkind: Pod\n"
        "metadata: {name: web-%ld, namespace: default, uid: pod-%ld, %s\n"
        "  labels: {app: web, controller-revision-hash: %s,\n"
        "    statefulset.kubernetes.io/pod-name: web-%ld},\n"
        "  ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: web, uid: set-u,\n"
        "    controller: true}]}\n"
        "spec: {nodeName: n1, containers: [{name: main, image: x}]%s}\n"
        "status: {phase: %s, conditions: [{type: Ready, status: '%s',\n"
        "  lastTransitionTime: '2026-01-01T00:59:55Z'}]}\n",
        ordinal, ordinal,
        strchr(end, 'T') ? "deletionTimestamp: '2026-01-01T01:00:20Z', "
                           "deletionGracePeriodSeconds: 30,"
                         : "",
        *end == 'n' ? "web-new" : OLD_REVISION, ordinal, volumes, phase,
        strchr(end, 'R') ? "True" : "False");
    desk_put(desk, yaml);
}

static void put_pods(Desk *desk, const char *pods)
{
    g_auto(GStrv) words = g_strsplit(pods, " ", -1);
    for (unsigned i = 0; words[i]; i++)
        if (*words[i]) put_pod(desk, words[i], "");
}

static void run_case(const Case *c, int minor)
{
    Desk desk;
    desk_open(&desk, &statefulset_component, minor);
    put_set(&desk, c);
    put_revisions(&desk, true);
    put_pods(&desk, c->pods);
    g_autofree char *text = desk_sync(&desk, KIND_STATEFUL_SET, "web");
    g_autofree char *plan = desk_short(text);
    test_equal_text(plan, c->expected, c->title, TEST_WHERE);
    if (c->because && !strstr(text, c->because))
        test_equal_text(text, c->because, c->title, "text");
    desk_close(&desk);
}

#define ON_DELETE   ", updateStrategy: {type: OnDelete}"
#define PARTITION_2 ", updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 2}}"
#define START_5     ", ordinals: {start: 5}"

static const Case cases[] = {
    /* creation */
    {"first pod only", false, 3, NULL, "", "+web-0", NULL},
    {"all pods, in parallel", true, 3, NULL, "", "+web-0 +web-1 +web-2", "batch 2 lane 2"},
    {"the next pod", false, 3, NULL, "0nR", "+web-1", "all pods below it are available"},
    {"start ordinal", false, 2, START_5, "5nR", "+web-6", NULL},
    {"pending blocks", false, 3, NULL, "0nP", "", "waiting for web-0 to be Ready"},
    {"not ready blocks", false, 3, NULL, "0nN", "", "readiness false for 5s"},
    {"terminating blocks", false, 3, NULL, "0nRT", "", "waiting for web-0 to go"},
    {"not available blocks", false, 3, ", minReadySeconds: 10", "0nR", "", "to be Available"},
    {"available", false, 3, ", minReadySeconds: 5", "0nR", "+web-1", NULL},
    {"parallel does not wait", true, 3, NULL, "0nN 2nP", "+web-1", NULL},
    {"a hole is filled first", false, 3, NULL, "0nR 2nR", "+web-1", NULL},
    /* terminal pods */
    {"failed is deleted", false, 2, NULL, "0nF 1nR", "-web-0", "phase Failed"},
    {"succeeded is deleted", false, 2, NULL, "0nR 1nS", "-web-1", NULL},
    {"terminal and terminating", false, 2, NULL, "0nFT 1nR", "", "waiting for web-0"},
    {"failed, in parallel", true, 2, NULL, "0nF", "-web-0 +web-1", NULL},
    /* scale-down */
    {"highest first", false, 1, NULL, "0nR 1nR 2nR", "-web-2", "scale-down"},
    {"all at once", true, 1, NULL, "0nR 1nR 2nN", "-web-2 -web-1", NULL},
    {"a broken replica blocks it", false, 1, NULL, "0nN 1nR", "", "waiting for web-0"},
    {"the lowest unhealthy may go", false, 1, NULL, "0nR 1nN", "-web-1", NULL},
    {"two unhealthy block each other", false, 1, NULL, "0nR 1nN 2nN", "",
     "web-1 is the lowest unhealthy pod"},
    {"terminating condemned blocks", false, 1, NULL, "0nR 1nR 2nRT", "", "waiting for web-2 to go"},
    {"terminating condemned, parallel", true, 1, NULL, "0nR 1nR 2nRT", "-web-1", NULL},
    {"to zero", false, 0, NULL, "0nR", "-web-0", NULL},
    {"below the start", false, 1, START_5, "4nR 5nR", "-web-4", NULL},
    {"scaling before rollout", false, 2, NULL, "0oR 1oR 2oR", "-web-2", "scale-down"},
    /* rolling update */
    {"highest old pod", false, 3, NULL, "0oR 1oR 2oR", "-web-2", "rollout"},
    {"next old pod", false, 3, NULL, "0oR 1oR 2nR", "-web-1", NULL},
    {"waits for the new pod", false, 3, NULL, "0oR 1oR 2nN", "", "waiting for web-2"},
    {"partition", false, 3, PARTITION_2, "0oR 1oR 2oR", "-web-2", NULL},
    {"below the partition", false, 3, PARTITION_2, "0oR 1oR 2nR", "", NULL},
    {"on delete", false, 3, ON_DELETE, "0oR 1oR 2oR", "", NULL},
    {"parallel rolls one", true, 3, NULL, "0oR 1oR 2oR", "-web-2", NULL},
    {"parallel heals a broken old pod", true, 3, NULL, "0oR 1oN 2nR", "-web-1", NULL},
    {"parallel waits for a broken new pod", true, 3, NULL, "0oR 1oR 2nN", "", "rollout waits"},
    {"ordered does not heal", false, 3, NULL, "0oR 1oR 2oN", "", "waiting for web-2"},
    {"done", false, 2, NULL, "0nR 1nR", "", NULL},
};

TEST(every_rule)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++)
        run_case(&cases[i], 36);
}

TEST(releases_differ)
{
    /* up to 1.33 a rollout waits for Ready only */
    Case c = {"parallel, minReadySeconds", true, 2, ", minReadySeconds: 60", "0oR 1nR", "", NULL};
    run_case(&c, 34);
    c.expected = "-web-0";
    run_case(&c, 33);
}

TEST(max_unavailable_rolls_several)
{
    Case c = {"gate on",
              true,
              4,
              ", updateStrategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 2}}",
              "0oR 1oR 2oR 3oR",
              "-web-3 -web-2",
              NULL};
    Desk desk;
    g_autoptr(Value) gates = value_from("{MaxUnavailableStatefulSet: true}");
    desk_open_with(&desk, &statefulset_component, 36, gates);
    put_set(&desk, &c);
    put_revisions(&desk, true);
    put_pods(&desk, c.pods);
    g_autofree char *text = desk_sync(&desk, KIND_STATEFUL_SET, "web");
    g_autofree char *plan = desk_short(text);
    EQUAL_TEXT(plan, c.expected);
    desk_close(&desk);
}

TEST(a_new_template_makes_a_revision)
{
    Case c = {"fresh", false, 2, NULL, "", "+rev +web-0", NULL};
    Desk desk;
    desk_open(&desk, &statefulset_component, 36);
    put_set(&desk, &c);
    g_autofree char *text = desk_sync(&desk, KIND_STATEFUL_SET, "web");
    g_autofree char *plan = desk_short(text);
    EQUAL_TEXT(plan, "+rev +web-0");
    desk_close(&desk);
}

TEST(an_old_template_rolls_back)
{
    Case c = {"back", false, 1, NULL, "0oR", "", NULL};
    Desk desk;
    desk_open(&desk, &statefulset_component, 36);
    put_set(&desk, &c);
    put_revisions(&desk, true);
    /* the newest is another one: the template's revision is bumped to 4 */
    g_autoptr(Value) other = value_from("{metadata: {labels: {app: web, x: y}}, spec: {}}");
    put_revision(&desk, "web-other", 3, other);
    put_pods(&desk, "0nR");
    g_autofree char *text = desk_sync(&desk, KIND_STATEFUL_SET, "web");
    g_autofree char *plan = desk_short(text);
    EQUAL_TEXT(plan, "~rev");
    desk_close(&desk);
}

/* --- claims --- */

#define CLAIMS                                                                               \
    ", volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce]," \
    " resources: {requests: {storage: 1Gi}}}}]"
#define SCALED_DELETE \
    ", persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Delete}"
#define BOTH_DELETE \
    ", persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Delete}"

static void put_claim(Desk *desk, int ordinal, const char *meta)
{
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: v1\nkind: PersistentVolumeClaim\n"
        "metadata: {name: data-web-%d, namespace: default, uid: claim-%d%s}\n"
        "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n",
        ordinal, ordinal, meta);
    desk_put(desk, yaml);
}

/* One replica of two asked for or kept, its claim as `meta` says. */
static void check_claim(int replicas, const char *policy, const char *pods, const char *meta,
                        const char *expected)
{
    g_autofree char *extra = g_strconcat(CLAIMS, policy, NULL);
    Case c = {expected, false, replicas, extra, pods, expected, NULL};
    Desk desk;
    desk_open(&desk, &statefulset_component, 36);
    put_set(&desk, &c);
    put_revisions(&desk, true);
    g_auto(GStrv) words = g_strsplit(pods, " ", -1);
    for (unsigned i = 0; words[i]; i++) {
        g_autofree char *volumes = g_strdup_printf(
            ", volumes: [{name: data, persistentVolumeClaim: {claimName: data-web-%c}}]",
            words[i][0]);
        if (*words[i]) put_pod(&desk, words[i], volumes);
    }
    if (meta) put_claim(&desk, 0, meta);
    g_autofree char *text = desk_sync(&desk, KIND_STATEFUL_SET, "web");
    g_autofree char *plan = desk_short(text);
    EQUAL_TEXT(plan, expected);
    desk_close(&desk);
}

#define OWNED_BY(kind, name, uid) \
    ", ownerReferences: [{apiVersion: " kind ", name: " name ", uid: " uid ", controller: true}]"

TEST(claims_come_before_the_pod)
{
    check_claim(1, "", "", NULL, "+c:data-web-0 +web-0");
    check_claim(1, "", "", "", "+web-0");
}

TEST(a_claim_being_deleted_stops_the_pod)
{
    check_claim(1, "", "", ", deletionTimestamp: '2026-01-01T00:59:00Z'", "");
}

TEST(owners_follow_the_retention_policy)
{
    const char *set_owned = OWNED_BY("apps/v1, kind: StatefulSet", "web", "set-u");
    const char *pod_owned = OWNED_BY("v1, kind: Pod", "web-0", "pod-0");
    check_claim(1, "", "0nR", "", "");
    check_claim(1, "", "0nR", set_owned, "~c:data-web-0 ~web-0");
    check_claim(1, BOTH_DELETE, "0nR", "", "~c:data-web-0 ~web-0");
    check_claim(1, BOTH_DELETE, "0nR", set_owned, "");
    check_claim(1, SCALED_DELETE, "0nR", pod_owned, "~c:data-web-0 ~web-0");
    check_claim(0, SCALED_DELETE, "0nR", "", "~c:data-web-0 -web-0");
    check_claim(0, BOTH_DELETE, "0nR", set_owned, "~c:data-web-0 -web-0");
    check_claim(0, SCALED_DELETE, "0nR", pod_owned, "-web-0");
    check_claim(0, "", "0nR", "", "-web-0");
}

TEST(a_stale_claim_holds_the_pod_back)
{
    const char *stale = OWNED_BY("v1, kind: Pod", "web-0", "pod-before");
    check_claim(1, SCALED_DELETE, "", stale, "");
    check_claim(1, "", "", stale, "+web-0");
}

TEST(claims_of_pending_pods_are_made_again)
{
    check_claim(1, "", "0nP", NULL, "+c:data-web-0");
}

/* --- adoption --- */

TEST(orphans_are_adopted_and_strangers_released)
{
    Case c = {"orphan", false, 1, NULL, "", "", NULL};
    Desk desk;
    desk_open(&desk, &statefulset_component, 36);
    put_set(&desk, &c);
    put_revisions(&desk, true);
    desk_put(&desk, "apiVersion: v1\nkind: Pod\nmetadata: {name: web-0, namespace: default, uid: a,"
                    " labels: {app: web}}\nspec: {containers: [{name: m, image: x}]}\n"
                    "status: {phase: Pending}\n");
    desk_put(&desk, "apiVersion: v1\nkind: Pod\nmetadata: {name: web-1, namespace: default, uid: b,"
                    " labels: {app: other}, ownerReferences: [{apiVersion: apps/v1, kind: "
                    "StatefulSet, name: web, uid: set-u, controller: true}]}\n"
                    "spec: {containers: [{name: m, image: x}]}\n");
    desk_put(&desk, "apiVersion: v1\nkind: Pod\nmetadata: {name: other-2, namespace: default, "
                    "uid: c, labels: {app: web}}\nspec: {containers: [{name: m, image: x}]}\n");
    g_autofree char *text = desk_sync(&desk, KIND_STATEFUL_SET, "web");
    g_autofree char *plan = desk_short(text);
    EQUAL_TEXT(plan, "^web-0 ^web-1");
    desk_close(&desk);
}

TEST(a_set_being_deleted_is_left_alone)
{
    Desk desk;
    desk_open(&desk, &statefulset_component, 36);
    desk_put(&desk,
             "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: web, namespace: default, "
             "uid: set-u, deletionTimestamp: '2026-01-01T00:59:00Z', finalizers: [x]}\n"
             "spec: {replicas: 3, selector: {matchLabels: {app: web}}, template: {metadata: "
             "{labels: {app: web}}, spec: {containers: [{name: m, image: x}]}}}\n");
    put_revisions(&desk, true);
    put_pods(&desk, "0nF");
    g_autofree char *text = desk_sync(&desk, KIND_STATEFUL_SET, "web");
    g_autofree char *plan = desk_short(text);
    EQUAL_TEXT(plan, "");
    desk_close(&desk);
}

TEST(history_is_cut)
{
    Case c = {"history", false, 1, ", revisionHistoryLimit: 0", "0nR", "-rev", NULL};
    Desk desk;
    desk_open(&desk, &statefulset_component, 36);
    put_set(&desk, &c);
    put_revisions(&desk, true);
    g_autoptr(Value) other = value_from("{metadata: {labels: {app: web, x: y}}, spec: {}}");
    put_revision(&desk, "web-dead", 0, other);
    put_pods(&desk, c.pods);
    g_autofree char *text = desk_sync(&desk, KIND_STATEFUL_SET, "web");
    g_autofree char *plan = desk_short(text);
    EQUAL_TEXT(plan, c.expected);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "web-dead"));
    desk_close(&desk);
}

/* --- trajectories: a real process in an event loop, a random kubelet and user --- */

#define TRAJECTORIES 20
#define MOVES        60

typedef struct {
    World *world;
    Rng rng;
    int64_t generation;
    unsigned created, marked; /* since the last move */
    unsigned violations;
} Walk;

static Key walk_key(const Walk *walk, Kind kind, const char *name)
{
    return (Key){kind, world_atom(walk->world, "default"), world_atom(walk->world, name)};
}

static const Object *walk_pod(const Walk *walk, int64_t ordinal)
{
    char name[40];
    snprintf(name, sizeof name, "web-%" PRId64, ordinal);
    return store_get(world_store(walk->world), walk_key(walk, KIND_POD, name));
}

static const StatefulSetView *walk_set(const Walk *walk)
{
    return statefulset_view(
        store_get(world_store(walk->world), walk_key(walk, KIND_STATEFUL_SET, "web")));
}

static bool is_fine(const Object *pod)
{
    return pod && !object_is_terminating(pod) && pod_is_running_and_ready(pod_view(pod));
}

static bool all_fine_below(const Walk *walk, int64_t end)
{
    for (int64_t i = 0; i < end; i++)
        if (!is_fine(walk_pod(walk, i))) return false;
    return true;
}

/* What OrderedReady promises, at the moment a pod is created or marked for deletion. */
static void on_commit(void *self, const Change *change)
{
    Walk *walk = self;
    if (change->now->key.kind != KIND_POD) return;
    char parent[256];
    int64_t ordinal = -1;
    pod_ordinal(atom_text(world_atoms(walk->world), change->now->key.name), parent, &ordinal);
    int64_t replicas = walk_set(walk)->replicas;
    if (change->type == CHANGE_ADDED) {
        walk->created++;
        walk->violations += ordinal >= replicas || !all_fine_below(walk, ordinal);
    }
    bool is_marked = change->type == CHANGE_MODIFIED && object_is_terminating(change->now) &&
                     !object_is_terminating(change->old);
    /* what is terminal or not bound goes at once */
    if (!is_marked || pod_is_terminal(pod_view(change->old)) ||
        pod_view(change->old)->spec->node_name == ATOM_NONE)
        return;
    walk->marked++;
    walk->violations += !all_fine_below(walk, MIN(ordinal, replicas));
    for (int64_t i = MAX(ordinal + 1, replicas); i < 12; i++)
        walk->violations += walk_pod(walk, i) != NULL;
}

static void set_status(Walk *walk, const Object *pod, const char *phase, bool is_ready)
{
    char now[TIME_TEXT_MAX];
    Value *condition = value_map();
    value_put(&condition, value_string("Ready"), "type");
    value_put(&condition, value_string(is_ready ? "True" : "False"), "status");
    value_put(&condition, value_string(time_format(world_now(walk->world), now)),
              "lastTransitionTime");
    Value *conditions = value_list();
    value_list_add(conditions, condition);
    Value *value = value_ref(pod->value);
    value_put(&value, value_string("n1"), "spec", "nodeName");
    value_put(&value, value_string(phase), "status", "phase");
    value_put(&value, conditions, "status", "conditions");
    store_put(world_store(walk->world), pod->key, value);
}

static void edit_set(Walk *walk, Value *child, const char *key, const char *below)
{
    Key name = walk_key(walk, KIND_STATEFUL_SET, "web");
    Value *value = value_ref(store_get(world_store(walk->world), name)->value);
    if (below)
        value_put(&value, child, "spec", key, "metadata", "annotations", below);
    else
        value_put(&value, child, "spec", key);
    value_put(&value, value_int(++walk->generation), "metadata", "generation");
    store_put(world_store(walk->world), name, value);
}

/* One thing happens to one pod: 0 to 2 good, 3 bad, 4 worse. */
static void move_pod(Walk *walk, const Object *pod, uint64_t what)
{
    if (object_is_terminating(pod)) {
        if (what < 3) store_remove(world_store(walk->world), pod->key);
    } else if (what < 3) {
        set_status(walk, pod, "Running", true);
    } else {
        set_status(walk, pod, what == 3 ? "Running" : "Failed", false);
    }
}

static void move(Walk *walk)
{
    uint64_t what = rng_below(&walk->rng, 12);
    if (what == 0) edit_set(walk, value_int((int64_t)rng_below(&walk->rng, 6)), "replicas", NULL);
    if (what == 1)
        edit_set(walk, value_printf("%" PRIu64, rng_below(&walk->rng, 4)), "template", "note");
    const Object *pod = walk_pod(walk, (int64_t)rng_below(&walk->rng, 6));
    if (what > 1 && pod) move_pod(walk, pod, rng_below(&walk->rng, 5));
}

/* All goes well from now on: the set must get where it wants. */
static void settle(Walk *walk)
{
    for (unsigned round = 0; round < 60; round++) {
        for (int64_t i = 0; i < 12; i++) {
            const Object *pod = walk_pod(walk, i);
            if (pod && !is_fine(pod)) move_pod(walk, pod, 0);
        }
        rig_run(walk->world, 5 * NANOS_S);
    }
}

static void run_trajectory(uint64_t seed)
{
    Scenario scenario = rig_scenario();
    Walk walk = {.rng = rng_stream(seed, "walk", "moves"), .generation = 1};
    walk.world = rig_world(&scenario);
    Value *set =
        value_from("apiVersion: apps/v1\nkind: StatefulSet\n"
                   "metadata: {name: web, namespace: default, uid: set-u, generation: 1}\n"
                   "spec: {replicas: 3, serviceName: web, selector: {matchLabels: {app: web}},\n"
                   "  template: {metadata: {labels: {app: web}},\n"
                   "    spec: {containers: [{name: main, image: 'app:v2'}]}}}\n");
    kind_info(KIND_STATEFUL_SET)->defaults(&set);
    store_put(world_store(walk.world), walk_key(&walk, KIND_STATEFUL_SET, "web"), set);
    Process *process =
        rig_process(walk.world, "kcm", ROLE_CONTROLLER_MANAGER, &statefulset_component, NULL);
    process_start(process);
    store_listen(world_store(walk.world), (StoreListener){on_commit, &walk});

    for (unsigned i = 0; i < MOVES && walk.violations == 0; i++) {
        rig_run(walk.world, 2 * NANOS_S);
        walk.created = walk.marked = 0;
        move(&walk);
        rig_run(walk.world, 2 * NANOS_S);
        walk.violations += walk.created > 1 || walk.marked > 1;
    }
    settle(&walk);
    const StatefulSetView *view = walk_set(&walk);
    char what[64];
    snprintf(what, sizeof what, "violations, seed %" PRIu64, seed);
    test_equal_int(walk.violations, 0, what, TEST_WHERE);
    CU_ASSERT_TRUE(all_fine_below(&walk, view->replicas));
    EQUAL_INT(view->status_replicas, view->replicas);
    EQUAL_INT(view->ready, view->replicas);
    EQUAL_INT(view->updated, view->replicas);
    EQUAL_INT(view->current_revision, view->update_revision);
    world_free(walk.world);
}

TEST(random_trajectories_keep_the_promises)
{
    for (uint64_t seed = 1; seed <= TRAJECTORIES; seed++)
        run_trajectory(seed);
}
