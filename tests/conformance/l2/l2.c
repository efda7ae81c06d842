/* SPDX-License-Identifier: Apache-2.0 */
/*
 * l2.c [--tell] FILE...: replays recordings of a real control plane in the closed loop and compares
 * the order of life-cycle events, and of the set's statuses that last (which of several changes
 * within some milliseconds a sync sees is chance, there and here). A line a recording, then a line
 * a difference; exit code 1 if there is one. --tell prints what was simulated.
 *
 * The script acts when the recording says that a condition was reached, as long after it as then;
 * so a replay that is some milliseconds faster or slower meets the same states.
 */
#include "tests/conformance/l2/l2.h"

#include "models/kind/views.h"
#include "models/process.h"
#include "sim/yaml.h"
#include "tools/lines.h"

#include <stdlib.h>

#define POLL     (5 * NANOS_MS)
#define PATIENCE (60 * NANOS_S) /* for a condition */
#define WARM_UP  (2 * NANOS_S)

typedef struct {
    const char *file;
    char name[64];
    GPtrArray *lines; /* of Value */
    Scenario scenario;
    Value *gates;
    World *world;
    Hands *hands;
    Story *recorded, *simulated;
    Nanos anchor, anchor_recorded; /* when the last condition held or action was taken */
    GPtrArray *problems;
} Replay;

/* --- reading --- */

static bool read_lines(Replay *replay, GError **error)
{
    g_autoptr(Lines) lines = lines_open(replay->file, error);
    size_t length;
    const char *text;
    if (!lines) return false;
    while ((text = lines_next(lines, &length, error)) != NULL) {
        g_autoptr(YamlStream) stream = yaml_parse(text, length, replay->file, error);
        if (!stream) return false;
        if (yaml_count(stream))
            g_ptr_array_add(replay->lines, value_ref(yaml_at(stream, 0)->value));
    }
    return *error == NULL;
}

static Nanos time_of_line(const Value *line)
{
    return value_as_int(value_get(line, "t_ms"), 0) * NANOS_MS;
}

static void tell_recorded(Replay *replay)
{
    for (unsigned i = 0; i < replay->lines->len; i++) {
        const Value *line = replay->lines->pdata[i];
        int64_t version = 0;
        if (!value_get(line, "kind")) continue;
        text_to_int(value_text(line, "rv"), &version);
        story_tell(replay->recorded, &(Telling){.at = time_of_line(line),
                                                .version = version,
                                                .type = value_text(line, "type"),
                                                .kind = value_text(line, "kind"),
                                                .name = value_text(line, "name"),
                                                .object = value_get(line, "obj")});
    }
}

/* --- the world --- */

static void on_commit(void *self, const Change *change)
{
    static const char *const types[] = {"ADDED", "MODIFIED", "DELETED"};
    Replay *replay = self;
    const Object *object = change->now;
    g_autoptr(Value) reduced = story_reduce(object);
    if (!reduced) return;
    story_tell(replay->simulated,
               &(Telling){.at = world_now(replay->world),
                          .version = object->version,
                          .type = types[change->type],
                          .kind = kind_info(object->key.kind)->name,
                          .name = atom_text(world_atoms(replay->world), object->key.name),
                          .object = reduced});
}

static void configure(Replay *replay)
{
    replay->scenario = (Scenario){.name = "l2", .seed = 1, .duration = NANOS_HOUR};
    ClusterConfig *cluster = &replay->scenario.cluster;
    cluster->minor = 36;
    bool has_budget = g_str_has_prefix(replay->name, "maxunavailable");
    replay->gates = value_map();
    value_map_set(replay->gates, "MaxUnavailableStatefulSet", value_bool(has_budget));
    cluster->gates = replay->gates;
    cluster->latency.api_write = dist_constant(3 * NANOS_MS);
    cluster->latency.api_read = dist_constant(NANOS_MS);
    cluster->latency.watch = dist_constant(NANOS_MS);
    cluster->latency.controller_sync = dist_constant(NANOS_MS / 2);
    cluster->control_plane = (ControlPlaneConfig){.toleration = 300 * NANOS_S,
                                                  .node_monitor_period = NANOS_S,
                                                  .node_monitor_grace = 10 * NANOS_S,
                                                  .node_startup_grace = NANOS_MIN,
                                                  .pod_gc_period = 20 * NANOS_S,
                                                  .force_detach_after = 6 * NANOS_MIN,
                                                  .kcm_qps = 20,
                                                  .kcm_burst = 30};
    cluster->dns = (DnsConfig){.ttl = 5 * NANOS_S, .negative_ttl = 5 * NANOS_S};
    cluster->dns_domain = "cluster.local";
}

static void pass(Sim *sim, void *self, uint64_t arg)
{
    (void)sim, (void)self, (void)arg;
}

/* Runs up to a time; the clock moves even if nothing happens. */
static void run_to(Replay *replay, Nanos until)
{
    static const EventType tick = {"l2", RANK_SAMPLE, pass};
    Sim *sim = world_sim(replay->world);
    if (until <= sim_now(sim)) return;
    sim_at(sim, until, &tick, NULL, 0);
    sim_run(sim, until, 0);
}

static void open_world(Replay *replay)
{
    bool is_slow = g_str_has_prefix(replay->name, "endpoints");
    configure(replay);
    replay->world = world_new(&replay->scenario, 1, NULL);
    replay->hands = hands_new(replay->world, (is_slow ? 2000 : 400) * NANOS_MS,
                              (is_slow ? 1500 : 500) * NANOS_MS);
    ProcessOptions options = {.name = "kube-controller-manager", .role = ROLE_CONTROLLER_MANAGER};
    process_new(replay->world, &options); /* started by the world */
    run_to(replay, WARM_UP);
    store_listen(world_store(replay->world), (StoreListener){on_commit, replay});
}

/* --- the script's conditions --- */

static Key key_of(const Replay *replay, Kind kind, const char *name)
{
    return (Key){kind, world_atom(replay->world, "default"), world_atom(replay->world, name)};
}

static const Object *get(const Replay *replay, Kind kind, const char *name)
{
    return store_get(world_store(replay->world), key_of(replay, kind, name));
}

static const char *image_of(const Object *pod)
{
    return value_text(value_at(value_find(pod->value, "spec", "containers"), 0), "image");
}

/* Pods that are Ready and not going, with an image that ends so; *ret_all: all pods there are. */
static unsigned count_ready(const Replay *replay, const char *image, unsigned *ret_all)
{
    ObjectList pods = table_kind(store_table(world_store(replay->world)), KIND_POD);
    unsigned count = 0;
    for (unsigned i = 0; i < pods.count; i++) {
        const Object *pod = pods.items[i];
        count += pod_is_running_and_ready(pod_view(pod)) && !object_is_terminating(pod) &&
                 g_str_has_suffix(image_of(pod), image);
    }
    *ret_all = pods.count;
    return count;
}

/* Conditions about one pod: "web-0 ready", "web-2 on bad image", "web-1 recreated". */
static bool pod_holds(const Replay *replay, const char *condition)
{
    g_autofree char *name = g_strndup(condition, strcspn(condition, " "));
    const Object *pod = get(replay, KIND_POD, name);
    if (!pod) return false;
    if (strstr(condition, "bad image")) return strstr(image_of(pod), "bad") != NULL;
    if (strstr(condition, "marked")) return object_is_terminating(pod);
    if (strstr(condition, "recreated")) return !object_is_terminating(pod);
    return pod_is_running_and_ready(pod_view(pod));
}

static bool holds(const Replay *replay, const char *condition)
{
    if (g_str_has_prefix(condition, "web-")) return pod_holds(replay, condition);
    unsigned number = (unsigned)g_ascii_strtoull(condition, NULL, 10), all;
    bool has_number = g_ascii_isdigit(*condition);
    const char *on = strstr(condition, "on v");
    unsigned ready = count_ready(replay, on ? on + 3 : "", &all);
    if (strstr(condition, "pod")) return all == number;
    const Object *set = get(replay, KIND_STATEFUL_SET, "web");
    if (!set) return false;
    const StatefulSetView *view = statefulset_view(set);
    if (!has_number) number = (unsigned)view->replicas;
    bool is_steady = view->observed_generation == view->meta->generation && ready == number &&
                     all == number && view->ready == (int64_t)number;
    if (strstr(condition, "available")) return is_steady && view->available == (int64_t)number;
    if (strstr(condition, "all updated"))
        return is_steady && view->updated == view->replicas &&
               view->current_revision == view->update_revision;
    if (strstr(condition, "updated"))
        return view->updated == (int64_t)number && view->ready == view->replicas &&
               view->observed_generation == view->meta->generation;
    return is_steady;
}

static void problem(Replay *replay, const char *format, const char *what)
{
    g_autofree char *text = g_strdup_printf("%s %s", format, what);
    g_ptr_array_add(replay->problems, g_steal_pointer(&text));
}

static void await(Replay *replay, const Value *line)
{
    const char *condition = value_text(line, "name");
    Nanos limit = world_now(replay->world) + PATIENCE;
    while (!holds(replay, condition) && world_now(replay->world) < limit)
        run_to(replay, world_now(replay->world) + POLL);
    if (!holds(replay, condition)) problem(replay, "never reached:", condition);
    replay->anchor = world_now(replay->world);
    replay->anchor_recorded = time_of_line(line);
}

/* --- the script's actions --- */

static void ask(Replay *replay, Request *request, const char *what)
{
    Reply reply = {0};
    world_request(replay->world, request, &reply);
    if (reply.reason != REASON_OK) problem(replay, what, reply.message ? reply.message : "refused");
    reply_clear(&reply);
    request_clear(request);
}

static void create(Replay *replay, const char *api, Kind kind, const char *name, Value *spec)
{
    Value *body = value_map();
    value_put(&body, value_string(api), "apiVersion");
    value_put(&body, value_string(kind_info(kind)->name), "kind");
    value_put(&body, value_string(name), "metadata", "name");
    value_put(&body, value_string("default"), "metadata", "namespace");
    value_put(&body, spec, "spec");
    if (kind == KIND_POD) {
        Value *labels = value_ref(value_find(spec, "labels"));
        value_drop(&body, "spec", "labels");
        value_put(&body, labels, "metadata", "labels");
    }
    Request request = {
        .verb = REQUEST_CREATE, .key = key_of(replay, kind, name), .body = body, .grace_s = -1};
    ask(replay, &request, "create");
}

/* The pod that was in the way, from what the recording shows of it. */
static void create_pod(Replay *replay, const char *name)
{
    for (unsigned i = 0; i < replay->lines->len; i++) {
        const Value *line = replay->lines->pdata[i], *from = value_get(line, "obj");
        if (strcmp(value_text(line, "kind"), "Pod") != 0) continue;
        if (strcmp(value_text(line, "name"), name) != 0) continue;
        Value *container = value_map(), *containers = value_list(), *spec = value_map();
        value_map_set(container, "name", value_string("main"));
        value_map_set(container, "image", value_string(value_text(from, "image")));
        value_list_add(containers, container);
        value_map_set(spec, "containers", containers);
        value_map_set(spec, "terminationGracePeriodSeconds", value_int(10));
        value_map_set(spec, "labels", value_ref(value_get(from, "labels")));
        create(replay, "v1", KIND_POD, name, spec);
        return;
    }
}

static void patch_set(Replay *replay, const Value *line)
{
    const char *text = value_text(line, "obj", "patch");
    g_autoptr(YamlStream) stream = yaml_parse(text, strlen(text), "patch", NULL);
    CHECK(stream && yaml_count(stream) == 1);
    Request request = {.verb = REQUEST_PATCH,
                       .key = key_of(replay, KIND_STATEFUL_SET, "web"),
                       .patch = PATCH_STRATEGIC,
                       .body = value_ref(yaml_at(stream, 0)->value),
                       .grace_s = -1};
    ask(replay, &request, "patch");
}

static void delete_object(Replay *replay, const char *action)
{
    bool is_set = strstr(action, "delete statefulset") != NULL;
    const char *at = strstr(action, is_set ? "web" : "web-");
    g_autofree char *name = g_strndup(at, strcspn(at, " "));
    Request request = {.verb = REQUEST_DELETE,
                       .key = key_of(replay, is_set ? KIND_STATEFUL_SET : KIND_POD, name),
                       .grace_s = strstr(action, "grace=0") ? 0 : -1,
                       .propagation = is_set ? PROPAGATION_BACKGROUND : PROPAGATION_DEFAULT};
    ask(replay, &request, action);
}

static void act(Replay *replay, const Value *line)
{
    const char *action = value_text(line, "name");
    const Value *spec = value_get(line, "obj");
    char pod[16] = "", phase[32] = "";
    if (g_str_has_prefix(action, "create service"))
        create(replay, "v1", KIND_SERVICE, "web", value_ref(spec));
    else if (g_str_has_prefix(action, "create statefulset"))
        create(replay, "apps/v1", KIND_STATEFUL_SET, "web", value_ref(spec));
    else if (sscanf(action, "create pod %15s", pod) == 1)
        create_pod(replay, pod);
    else if (g_str_has_prefix(action, "patch"))
        patch_set(replay, line);
    else if (g_str_has_prefix(action, "delete"))
        delete_object(replay, action);
    else if (sscanf(action, "kubelet reports pod %15s phase=%31s", pod, phase) == 2)
        hands_report(replay->hands, pod, phase);
    else if (strstr(action, " stops"))
        hands_stop_node(replay->hands, "node-1");
    else if (strstr(action, " comes back"))
        hands_resume_node(replay->hands, "node-1");
    else
        problem(replay, "unknown action:", action);
}

static void perform(Replay *replay)
{
    replay->anchor = world_now(replay->world);
    for (unsigned i = 0; i < replay->lines->len; i++) {
        const Value *line = replay->lines->pdata[i];
        const char *type = value_text(line, "type");
        if (strcmp(type, "REACHED") == 0) {
            await(replay, line);
            continue;
        }
        bool is_action = strcmp(type, "ACTION") == 0;
        if (!is_action && strcmp(type, "NOT_REACHED") != 0) continue;
        run_to(replay, replay->anchor + time_of_line(line) - replay->anchor_recorded);
        if (is_action) act(replay, line);
        replay->anchor = world_now(replay->world);
        replay->anchor_recorded = time_of_line(line);
    }
    const Value *last = replay->lines->pdata[replay->lines->len - 1];
    run_to(replay, replay->anchor + time_of_line(last) - replay->anchor_recorded);
}

/* --- the verdict --- */

static bool report(const Replay *replay, bool is_told)
{
    Agreement agreement;
    story_compare(replay->recorded, replay->simulated, &agreement);
    printf("%s: %u of %u events in order (%u in the very same), %u simulated; %u of %u lasting "
           "statuses (%u of all %u)\n",
           replay->name, agreement.common, agreement.recorded, agreement.strict,
           agreement.simulated, agreement.common_lasting, agreement.lasting,
           agreement.common_statuses, agreement.statuses);
    for (unsigned i = 0; i < replay->problems->len; i++)
        printf("  %s\n", (const char *)replay->problems->pdata[i]);
    for (unsigned i = 0; i < agreement.differences->len; i++)
        printf("  %s\n", (const char *)agreement.differences->pdata[i]);
    for (unsigned i = 0; is_told && i < replay->simulated->tokens->len; i++) {
        const Token *token = &g_array_index(replay->simulated->tokens, Token, i);
        printf("  %6" PRId64 " ms %s\n", (token->at - WARM_UP) / NANOS_MS, token->text);
    }
    bool is_good = agreement.differences->len + replay->problems->len == 0;
    g_ptr_array_unref(agreement.differences);
    return is_good;
}

static bool replay_file(const char *file, bool is_told)
{
    Replay replay = {.file = file};
    g_autoptr(GError) error = NULL;
    g_autofree char *base = g_path_get_basename(file);
    g_snprintf(replay.name, sizeof replay.name, "%.*s", (int)strcspn(base, "."), base);
    replay.lines = g_ptr_array_new_with_free_func((GDestroyNotify)value_unref);
    replay.problems = g_ptr_array_new_with_free_func(g_free);
    replay.recorded = story_new();
    replay.simulated = story_new();
    bool is_good = read_lines(&replay, &error) && replay.lines->len > 0;
    if (is_good) {
        tell_recorded(&replay);
        open_world(&replay);
        perform(&replay);
        is_good = report(&replay, is_told);
        world_free(replay.world);
        hands_free(replay.hands);
        value_unref(replay.gates);
    } else {
        printf("%s: cannot be read: %s\n", file, error ? error->message : "empty");
    }
    story_free(replay.recorded);
    story_free(replay.simulated);
    g_ptr_array_unref(replay.lines);
    g_ptr_array_unref(replay.problems);
    return is_good;
}

int main(int argc, char **argv)
{
    bool is_good = true, is_told = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--tell") == 0)
            is_told = true;
        else
            is_good &= replay_file(argv[i], is_told);
    }
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
