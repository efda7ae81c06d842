/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a StatefulSet promises, after every sync of random states and random walks: both policies,
 * partitions, start ordinals, minReadySeconds, OnDelete, with and without maxUnavailable. The
 * promises are stated over a model of its own (an array of pods), not over the controller's views.
 */
#include "models/control/revision.h"

#include "tests/unit/desk.h"
#include "tests/unit/test.h"

#define POD_MAX   12 /* ordinals a model can hold */
#define TEMPLATES 3
#define STATES    600
#define WALKS     60
#define MOVES     60
#define ROUNDS    120 /* of a good end, each with one sync and all pods well */

typedef struct {
    bool exists, is_terminating, is_ready;
    unsigned revision;
    char phase; /* P, R, F, S */
    Nanos ready_at;
} Pod;

typedef struct {
    uint64_t seed;
    Desk desk;
    Rng rng;
    Nanos now;
    bool is_parallel, is_on_delete, has_budget; /* the gate MaxUnavailableStatefulSet */
    unsigned start, replicas, partition, budget, min_ready_s;
    unsigned template, current, generation;
    unsigned numbers[TEMPLATES]; /* of the revisions */
    Pod pods[POD_MAX];
} Model;

/* What one sync wants done to pods, by ordinal. */
typedef struct {
    unsigned created[POD_MAX], deleted[POD_MAX], creations, deletions;
    bool is_rollback;
    const char *text;
} Wish;

/* --- the model in words the controller reads --- */

static void put_template(const Model *model, GString *out)
{
    g_string_append_printf(out,
                           "{metadata: {labels: {app: web}, annotations: {note: t%u}}, "
                           "spec: {containers: [{name: main, image: app}]}}",
                           model->template);
}

static void put_set(Model *model)
{
    g_autoptr(GString) yaml = g_string_new(NULL);
    g_string_append_printf(
        yaml,
        "apiVersion: apps/v1\nkind: StatefulSet\n"
        "metadata: {name: web, namespace: default, uid: set-u, generation: %u}\n"
        "spec: {replicas: %u, serviceName: web, selector: {matchLabels: {app: web}},\n"
        "  podManagementPolicy: %s, minReadySeconds: %u, ordinals: {start: %u},\n  template: ",
        ++model->generation, model->replicas, model->is_parallel ? "Parallel" : "OrderedReady",
        model->min_ready_s, model->start);
    put_template(model, yaml);
    if (model->is_on_delete)
        g_string_append(yaml, ",\n  updateStrategy: {type: OnDelete}}\n");
    else
        g_string_append_printf(yaml,
                               ",\n  updateStrategy: {type: RollingUpdate, rollingUpdate: "
                               "{partition: %u, maxUnavailable: %u}}}\n",
                               model->partition, model->budget);
    g_string_append_printf(yaml, "status: {currentRevision: web-t%u}\n", model->current);
    desk_put(&model->desk, yaml->str);
}

/* The revision of a template, as the set itself would have made it. */
static void put_revision(Model *model, unsigned template)
{
    unsigned now = model->template;
    model->template = template;
    put_set(model);
    model->template = now;
    const Object *set = table_get(process_cache(model->desk.process),
                                  desk_key(&model->desk, KIND_STATEFUL_SET, "web"));
    g_autoptr(Value) data = revision_data(statefulset_view(set)->template);
    g_autofree char *json = json_text(data);
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: apps/v1\nkind: ControllerRevision\n"
        "metadata: {name: web-t%u, namespace: default, uid: rev-%u, labels: {app: web},\n"
        "  ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: web, uid: set-u,\n"
        "    controller: true}]}\nrevision: %u\ndata: %s\n",
        template, template, model->numbers[template], json);
    desk_put(&model->desk, yaml);
}

static void put_pod(Model *model, unsigned ordinal)
{
    static const char *const phases[] = {"Pending", "Running", "Failed", "Succeeded"};
    const Pod *pod = &model->pods[ordinal];
    char name[24], since[TIME_TEXT_MAX], gone[TIME_TEXT_MAX];
    snprintf(name, sizeof name, "web-%u", ordinal);
    if (!pod->exists) {
        Key key = desk_key(&model->desk, KIND_POD, name);
        if (table_get(process_cache(model->desk.process), key))
            process_cache_drop(model->desk.process, key);
        return;
    }
    time_format(model->now + 30 * NANOS_S, gone);
    g_autofree char *yaml = g_strdup_printf(
        "apiVersion: v1\nkind: Pod\n"
        "metadata: {name: %s, namespace: default, uid: pod-%u,\n"
        "  labels: {app: web, controller-revision-hash: web-t%u,\n"
        "    statefulset.kubernetes.io/pod-name: %s}%s%s%s,\n"
        "  ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: web, uid: set-u,\n"
        "    controller: true}]}\n"
        "spec: {nodeName: n1, containers: [{name: main, image: x}]}\n"
        "status: {phase: %s, conditions: [{type: Ready, status: '%s',\n"
        "  lastTransitionTime: '%s'}]}\n",
        name, ordinal, pod->revision, name, pod->is_terminating ? ", deletionTimestamp: '" : "",
        pod->is_terminating ? gone : "", pod->is_terminating ? "'" : "",
        phases[strchr("PRFS", pod->phase) - "PRFS"], pod->is_ready ? "True" : "False",
        time_format(pod->ready_at, since));
    desk_put(&model->desk, yaml);
}

static void model_open(Model *model, uint64_t seed, const char *purpose)
{
    *model = (Model){.seed = seed, .rng = rng_stream(seed, "statefulset", purpose)};
    Rng *rng = &model->rng;
    model->has_budget = rng_below(rng, 3) == 0;
    g_autoptr(Value) gates = value_from(model->has_budget ? "{MaxUnavailableStatefulSet: true}"
                                                          : "{MaxUnavailableStatefulSet: false}");
    desk_open_with(&model->desk, &statefulset_component, 36, gates);
    model->desk.scenario.cluster.gates = NULL;
    model->now = NANOS_HOUR;
    model->is_parallel = rng_below(rng, 2);
    model->is_on_delete = rng_below(rng, 6) == 0;
    model->start = rng_below(rng, 3) ? 0 : (unsigned)rng_below(rng, 4);
    model->replicas = (unsigned)rng_below(rng, 7);
    model->partition = rng_below(rng, 2) ? 0 : (unsigned)rng_below(rng, 4);
    model->budget = 1 + (unsigned)rng_below(rng, 3);
    model->min_ready_s = rng_below(rng, 3) ? 0 : 10;
    for (unsigned i = 0; i < TEMPLATES; i++) {
        model->numbers[i] = i + 1;
        put_revision(model, i);
    }
    model->template = TEMPLATES - 1;
}

/* --- what a sync wants --- */

static void read_wish(const char *plan, Wish *wish)
{
    g_auto(GStrv) words = g_strsplit(plan, " ", -1);
    for (unsigned i = 0; words[i]; i++) {
        int64_t ordinal;
        const char *name = words[i] + (*words[i] != '\0');
        if (strcmp(words[i], "~rev") == 0) wish->is_rollback = true;
        if (!g_str_has_prefix(name, "web-") || !text_to_int(name + strlen("web-"), &ordinal))
            continue;
        CHECK(ordinal >= 0 && ordinal < POD_MAX);
        if (*words[i] == '+') {
            wish->created[ordinal]++;
            wish->creations++;
        } else if (*words[i] == '-') {
            wish->deletions += wish->deleted[ordinal]++ == 0;
        }
    }
}

/* Returns the plan's text; free with g_free(). */
static char *model_sync(Model *model, Wish *wish)
{
    desk_at(&model->desk, model->now);
    put_set(model);
    for (unsigned i = 0; i < TEMPLATES; i++)
        put_revision(model, i);
    put_set(model);
    for (unsigned i = 0; i < POD_MAX; i++)
        put_pod(model, i);
    char *text = desk_sync(&model->desk, KIND_STATEFUL_SET, "web");
    g_autofree char *plan = desk_short(text);
    *wish = (Wish){.text = text};
    read_wish(plan, wish);
    return text;
}

/* --- the promises --- */

static bool is_wanted(const Model *model, unsigned ordinal)
{
    return ordinal >= model->start && ordinal < model->start + model->replicas;
}

static bool is_terminal(const Pod *pod)
{
    return pod->phase == 'F' || pod->phase == 'S';
}

static bool is_fine(const Model *model, unsigned ordinal)
{
    const Pod *pod = &model->pods[ordinal];
    return pod->exists && !pod->is_terminating && pod->phase == 'R' && pod->is_ready &&
           model->now - pod->ready_at >= (Nanos)model->min_ready_s * NANOS_S;
}

/* Whether all wanted pods from `from` up to, not including, `to` are fine. */
static bool are_fine(const Model *model, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        if (is_wanted(model, i) && !is_fine(model, i)) return false;
    return true;
}

static bool has_surplus(const Model *model, unsigned from)
{
    for (unsigned i = from; i < POD_MAX; i++)
        if (model->pods[i].exists && !is_wanted(model, i)) return true;
    return false;
}

/* Whether a wanted pod should still be replaced by the rollout. */
static bool is_due(const Model *model, unsigned ordinal)
{
    const Pod *pod = &model->pods[ordinal];
    return !model->is_on_delete && is_wanted(model, ordinal) && pod->exists &&
           !pod->is_terminating && pod->revision != model->template &&
           ordinal - model->start >= model->partition;
}

static void promise(const Model *model, const Wish *wish, bool holds, const char *what)
{
    if (holds) return;
    g_autofree char *message = g_strdup_printf("%s (seed %" PRIu64 ")", what, model->seed);
    g_autoptr(GString) pods = g_string_new(NULL);
    for (unsigned i = 0; i < POD_MAX; i++)
        if (model->pods[i].exists)
            g_string_append_printf(pods, "%u%c%s%s r%u; ", i, model->pods[i].phase,
                                   model->pods[i].is_ready ? "+" : "-",
                                   model->pods[i].is_terminating ? " terminating" : "",
                                   model->pods[i].revision);
    g_string_append_printf(pods, "replicas %u from %u: %s", model->replicas, model->start,
                           wish->text);
    test_equal_text(pods->str, "otherwise", message, TEST_WHERE);
}

/* Promises of every policy. */
static void check_always(const Model *model, const Wish *wish)
{
    for (unsigned i = 0; i < POD_MAX; i++) {
        const Pod *pod = &model->pods[i];
        bool is_out = wish->created[i] && (pod->exists || !is_wanted(model, i));
        promise(model, wish, wish->created[i] <= 1 && !is_out, "created what is there or unwanted");
        bool is_gone = wish->deleted[i] && (!pod->exists || pod->is_terminating);
        promise(model, wish, !is_gone, "deleted what is absent or terminating");
        bool is_needless =
            wish->deleted[i] && is_wanted(model, i) && !is_terminal(pod) && !is_due(model, i);
        promise(model, wish, !is_needless, "deleted a pod that is as it should be");
    }
}

/* A scale-down under OrderedReady: from the top, and only the lowest of those that are not well. */
static void check_ordered_condemned(const Model *model, const Wish *wish, unsigned ordinal)
{
    promise(model, wish, are_fine(model, 0, POD_MAX), "scaled down with a replica not well");
    promise(model, wish, !has_surplus(model, ordinal + 1), "scaled down not from the top");
    if (is_fine(model, ordinal)) return;
    for (unsigned i = 0; i < ordinal; i++)
        promise(model, wish, is_wanted(model, i) || !model->pods[i].exists || is_fine(model, i),
                "scaled down an unhealthy pod above another");
}

static void check_ordered_deletion(const Model *model, const Wish *wish, unsigned ordinal)
{
    if (!is_wanted(model, ordinal)) {
        check_ordered_condemned(model, wish, ordinal);
        return;
    }
    if (is_terminal(&model->pods[ordinal])) {
        promise(model, wish, are_fine(model, 0, ordinal), "replaced before those below");
        return;
    }
    promise(model, wish, are_fine(model, 0, POD_MAX), "rolled with a replica not well");
    promise(model, wish, !has_surplus(model, 0), "rolled before the scale-down ended");
    for (unsigned i = ordinal + 1; i < POD_MAX; i++)
        promise(model, wish, !is_due(model, i) || wish->deleted[i], "rolled not from the top");
}

static void check_ordered(const Model *model, const Wish *wish)
{
    unsigned most = model->has_budget && !wish->creations ? MAX(1, model->budget) : 1;
    promise(model, wish, wish->creations + wish->deletions <= most, "more than one thing a sync");
    for (unsigned i = 0; i < POD_MAX; i++) {
        if (wish->created[i])
            promise(model, wish, are_fine(model, 0, i), "created before those below were well");
        if (wish->deleted[i]) check_ordered_deletion(model, wish, i);
    }
}

static unsigned count_not_fine(const Model *model)
{
    unsigned count = 0;
    for (unsigned i = 0; i < POD_MAX; i++)
        count += is_wanted(model, i) && !is_fine(model, i);
    return count;
}

static void check_parallel(const Model *model, const Wish *wish)
{
    unsigned rolls = 0;
    for (unsigned i = 0; i < POD_MAX; i++) {
        const Pod *pod = &model->pods[i];
        promise(model, wish, !is_wanted(model, i) || pod->exists || wish->created[i],
                "left a replica out");
        bool must_go =
            pod->exists && !pod->is_terminating && (!is_wanted(model, i) || is_terminal(pod));
        promise(model, wish, !must_go || wish->deleted[i], "left a pod that must go");
        if (!wish->deleted[i] || must_go) continue;
        rolls++;
        for (unsigned j = i + 1; j < POD_MAX && !model->has_budget; j++)
            promise(model, wish, !is_wanted(model, j) || (is_fine(model, j) && !is_due(model, j)),
                    "rolled below a pod not well");
    }
    unsigned most = model->has_budget ? model->budget : 1;
    promise(model, wish, rolls <= most, "rolled more than the budget");
    promise(model, wish, !rolls || !model->has_budget || rolls + count_not_fine(model) <= most,
            "rolled beyond what is unavailable already");
}

static bool is_settled(const Model *model)
{
    bool is_due_somewhere = false;
    for (unsigned i = 0; i < POD_MAX; i++)
        is_due_somewhere |= is_due(model, i);
    return are_fine(model, model->start, model->start + model->replicas) &&
           !has_surplus(model, 0) && !is_due_somewhere;
}

static void check_promises(const Model *model, const Wish *wish)
{
    check_always(model, wish);
    if (model->is_parallel)
        check_parallel(model, wish);
    else
        check_ordered(model, wish);
    bool is_idle = wish->creations + wish->deletions == 0;
    bool is_explained = strstr(wish->text, "wait") != NULL;
    promise(model, wish, !is_idle || is_settled(model) || is_explained || model->is_parallel,
            "does nothing and does not say why");
    promise(model, wish, is_idle || !is_settled(model), "is settled and acts all the same");
}

/* --- random states --- */

static void random_pod(Model *model, unsigned ordinal)
{
    static const char phases[] = "RRRRRRPPFS";
    Rng *rng = &model->rng;
    Pod *pod = &model->pods[ordinal];
    *pod = (Pod){.exists = rng_below(rng, 4) != 0};
    pod->phase = phases[rng_below(rng, sizeof phases - 1)];
    pod->is_ready = pod->phase == 'R' && rng_below(rng, 4) != 0;
    pod->is_terminating = rng_below(rng, 8) == 0;
    pod->revision = rng_below(rng, 2) ? model->template : (unsigned)rng_below(rng, TEMPLATES);
    pod->ready_at = model->now - (Nanos)rng_below(rng, 20) * NANOS_S;
}

TEST(promises_hold_in_random_states)
{
    for (uint64_t seed = 1; seed <= STATES; seed++) {
        Model model;
        Wish wish, again;
        model_open(&model, seed, "states");
        model.current = (unsigned)rng_below(&model.rng, TEMPLATES);
        for (unsigned i = 0; i < POD_MAX; i++)
            if (i < model.start + model.replicas + 2) random_pod(&model, i);
        g_autofree char *text = model_sync(&model, &wish);
        check_promises(&model, &wish);
        g_autofree char *second = model_sync(&model, &again);
        test_equal_text(second, text, "a sync is a function of what is believed", TEST_WHERE);
        desk_close(&model.desk);
    }
}

/* --- random walks --- */

/* A pod as the controller makes it: at the current revision only below the partition. */
static void create_pod(Model *model, unsigned ordinal)
{
    bool is_kept = !model->is_on_delete && ordinal < model->start + model->partition;
    model->pods[ordinal] = (Pod){.exists = true,
                                 .phase = 'P',
                                 .revision = is_kept ? model->current : model->template,
                                 .ready_at = model->now};
}

static void delete_pod(Pod *pod)
{
    if (is_terminal(pod))
        *pod = (Pod){0};
    else
        pod->is_terminating = true;
}

/* What the sync wants is done, and the revision in force moves on when all are updated. */
static void carry_out(Model *model, const Wish *wish)
{
    unsigned good = 0, total = 0;
    for (unsigned i = 0; i < POD_MAX; i++) {
        const Pod *pod = &model->pods[i];
        total += pod->exists;
        good += pod->exists && pod->phase == 'R' && pod->is_ready && !pod->is_terminating &&
                pod->revision == model->template;
    }
    bool is_complete = !model->is_on_delete && good == model->replicas && total == model->replicas;
    if (is_complete) model->current = model->template;
    for (unsigned i = 0; i < TEMPLATES && wish->is_rollback; i++)
        if (model->numbers[i] > model->numbers[model->template])
            model->numbers[model->template] = model->numbers[i] + 1;
    for (unsigned i = 0; i < POD_MAX; i++) {
        if (wish->created[i]) create_pod(model, i);
        if (wish->deleted[i]) delete_pod(&model->pods[i]);
    }
}

static void become_ready(Model *model, Pod *pod)
{
    if (!pod->is_ready) pod->ready_at = model->now;
    pod->phase = 'R';
    pod->is_ready = true;
}

static void move_pod(Model *model, Pod *pod)
{
    uint64_t what = rng_below(&model->rng, 8);
    if (!pod->exists) return;
    if (pod->is_terminating) {
        if (what < 5) *pod = (Pod){0};
    } else if (what < 4) {
        if (!is_terminal(pod)) become_ready(model, pod);
    } else if (what < 6) {
        pod->is_ready = false;
        pod->ready_at = model->now;
    } else {
        pod->phase = what == 6 ? 'F' : 'S';
        pod->is_ready = false;
    }
}

static void move(Model *model)
{
    Rng *rng = &model->rng;
    uint64_t what = rng_below(rng, 10);
    model->now += (Nanos)rng_below(rng, 8) * NANOS_S;
    if (what == 0) model->replicas = (unsigned)rng_below(rng, 7);
    if (what == 1) model->template = (unsigned)rng_below(rng, TEMPLATES);
    if (what == 2) model->partition = (unsigned)rng_below(rng, 4);
    if (what == 3) delete_pod(&model->pods[rng_below(rng, POD_MAX)]);
    for (unsigned i = 0; what > 3 && i < 3; i++)
        move_pod(model, &model->pods[rng_below(rng, POD_MAX)]);
}

/* From now on everything goes well: the set must get where it wants to be. */
static void settle(Model *model)
{
    Wish wish;
    for (unsigned round = 0; round < ROUNDS; round++) {
        model->now += 11 * NANOS_S;
        for (unsigned i = 0; i < POD_MAX; i++) {
            Pod *pod = &model->pods[i];
            if (pod->exists && pod->is_terminating) *pod = (Pod){0};
            if (pod->exists && !is_terminal(pod)) become_ready(model, pod);
        }
        g_autofree char *text = model_sync(model, &wish);
        check_promises(model, &wish);
        bool is_idle = wish.creations + wish.deletions == 0;
        carry_out(model, &wish);
        wish.text = text;
        if (is_idle && is_settled(model)) return;
    }
    wish.text = "";
    promise(model, &wish, false, "does not get where it should");
}

TEST(promises_hold_on_random_walks)
{
    for (uint64_t seed = 1; seed <= WALKS; seed++) {
        Model model;
        Wish wish;
        model_open(&model, seed, "walks");
        model.current = model.template;
        for (unsigned i = 0; i < MOVES; i++) {
            move(&model);
            g_autofree char *text G_GNUC_UNUSED = model_sync(&model, &wish); /* wish borrows it */
            check_promises(&model, &wish);
            carry_out(&model, &wish);
        }
        settle(&model);
        desk_close(&model.desk);
    }
}
