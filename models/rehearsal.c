/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rehearsal.c - a StatefulSet controller on a stage: filled by hand, answered at once, recorded.
 * Mirrors: nothing upstream; it stands where a test harness would.
 * Simplified: the actor's queue and its own requeues are not run: the caller is the queue.
 * State: idle --rehearsal_sync()--> filling --> performing --> idle, with a record
 *
 * A Rehearsal is cheap to reset and expensive to make (it has a World, for its gates and atoms), so
 * whoever rehearses many cases keeps one for each combination of gates.
 */
#include "models/rehearsal.h"

#include "models/machinery.h"
#include "models/rehearsal_api.h"

#define GUARD "StaleControllerConsistencyStatefulSet"

struct Rehearsal {
    Scenario scenario;
    Value *gates;
    World *world;
    Process *process;
    Actor *actor;
    MemoryApi *api;
    Stage stage;
    Arena *arena; /* texts of the record */
    GArray *acts;
    GPtrArray *errors, *values; /* values: held by the record */
    bool has_failed_control;    /* something other than the history's truncation failed */
    RehearsalRecord record;
};

/* --- recording --- */

static Act *add_act(Rehearsal *rehearsal, ActType type, Key key)
{
    Act act = {.type = type, .key = key};
    g_array_append_val(rehearsal->acts, act);
    return &g_array_index(rehearsal->acts, Act, rehearsal->acts->len - 1);
}

static const char *copy_text(const Rehearsal *rehearsal, const char *text)
{
    return text != NULL ? arena_strdup(rehearsal->arena, text) : NULL;
}

static const Value *hold(const Rehearsal *rehearsal, Value *value)
{
    if (value != NULL) g_ptr_array_add(rehearsal->values, value);
    return value;
}

static void on_request(void *self, const Request *request, const char *why, Reply *reply)
{
    Rehearsal *rehearsal = self;
    memory_api_handle(rehearsal->api, rehearsal->stage.now, request, reply);
    Act *act = add_act(rehearsal, ACT_REQUEST, request->key);
    act->verb = request->verb;
    act->reason = reply->reason;
    act->body = hold(rehearsal, request->body != NULL ? value_ref(request->body) : NULL);
    act->why = copy_text(rehearsal, why);
    act->text = copy_text(rehearsal, reply->message);
}

static void on_event(void *self, Key about, const char *type, const char *reason, const char *text)
{
    Rehearsal *rehearsal = self;
    Act *act = add_act(rehearsal, ACT_EVENT, about);
    act->event_type = copy_text(rehearsal, type);
    act->event_reason = copy_text(rehearsal, reason);
    act->text = copy_text(rehearsal, text);
}

static void on_word(void *self, Key about, const char *text)
{
    Rehearsal *rehearsal = self;
    add_act(rehearsal, ACT_WORD, about)->text = copy_text(rehearsal, text);
}

static void on_failed(void *self, const Request *request, const char *message)
{
    Rehearsal *rehearsal = self;
    bool is_history = request != NULL && request->verb == REQUEST_DELETE &&
                      request->key.kind == KIND_CONTROLLER_REVISION;
    rehearsal->has_failed_control |= !is_history;
    if (message != NULL) {
        union {
            const char *constant;
            void *pointer;
        } view = {copy_text(rehearsal, message)};
        g_ptr_array_add(rehearsal->errors, view.pointer);
    }
}

static void on_report(void *self, const char *topic, Value *value)
{
    Rehearsal *rehearsal = self;
    const Value *held = hold(rehearsal, value);
    if (strcmp(topic, "claimed") == 0)
        rehearsal->record.claimed = held;
    else if (strcmp(topic, "status") == 0)
        rehearsal->record.status = held;
    else if (strcmp(topic, "run") == 0)
        rehearsal->record.has_run = value_as_bool(held, false);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *join_errors(const Rehearsal *rehearsal)
{
    GPtrArray *errors = rehearsal->errors;
    if (errors->len == 0) return "the sync failed";
    g_ptr_array_sort(errors, by_text);
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < errors->len; i++)
        g_string_append_printf(text, "%s%s", i ? "; " : "", (const char *)errors->pdata[i]);
    return copy_text(rehearsal, text->str);
}

static void on_ended(void *self, bool succeeded, Nanos requeue)
{
    Rehearsal *rehearsal = self;
    RehearsalRecord *record = &rehearsal->record;
    record->has_failed = !succeeded;
    record->requeue = succeeded ? requeue : NANOS_NEVER;
    record->error = succeeded ? NULL : join_errors(rehearsal);
    if (rehearsal->has_failed_control) record->status = NULL;
    record->act_count = rehearsal->acts->len;
    record->acts = (const Act *)(const void *)rehearsal->acts->data;
}

/* --- life --- */

static Value *gates_without_guard(const Value *gates)
{
    Value *map = gates != NULL ? value_ref(gates) : value_map();
    value_put(&map, value_bool(false), GUARD);
    return map;
}

Rehearsal *rehearsal_new(int minor, const Value *gates)
{
    Rehearsal *rehearsal = g_new0(Rehearsal, 1);
    rehearsal->gates = gates_without_guard(gates);
    rehearsal->scenario = (Scenario){.name = "rehearsal", .seed = 1, .duration = NANOS_HOUR};
    rehearsal->scenario.cluster.minor = minor;
    rehearsal->scenario.cluster.gates = rehearsal->gates;
    rehearsal->world = world_new(&rehearsal->scenario, 1, NULL);
    rehearsal->process = process_new_rehearsal(rehearsal->world, ROLE_CONTROLLER_MANAGER);
    rehearsal->actor = process_actor(rehearsal->process, "statefulset-controller");
    rehearsal->api = memory_api_new(world_atoms(rehearsal->world));
    rehearsal->stage = (Stage){.self = rehearsal,
                               .answer = on_request,
                               .event = on_event,
                               .word = on_word,
                               .failed = on_failed,
                               .report = on_report,
                               .ended = on_ended};
    rehearsal->process->stage = &rehearsal->stage;
    rehearsal->arena = arena_new();
    rehearsal->acts = g_array_new(FALSE, FALSE, sizeof(Act));
    rehearsal->errors = g_ptr_array_new();
    rehearsal->values = g_ptr_array_new();
    return rehearsal;
}

static void clear_record(Rehearsal *rehearsal)
{
    for (unsigned i = 0; i < rehearsal->values->len; i++)
        value_unref(rehearsal->values->pdata[i]);
    g_ptr_array_set_size(rehearsal->values, 0);
    g_ptr_array_set_size(rehearsal->errors, 0);
    g_array_set_size(rehearsal->acts, 0);
    arena_reset(rehearsal->arena);
    rehearsal->has_failed_control = false;
    rehearsal->record = (RehearsalRecord){.requeue = NANOS_NEVER};
}

void rehearsal_free(Rehearsal *rehearsal)
{
    if (rehearsal == NULL) return;
    clear_record(rehearsal);
    memory_api_free(rehearsal->api);
    world_free(rehearsal->world);
    value_unref(rehearsal->gates);
    arena_free(rehearsal->arena);
    g_array_unref(rehearsal->acts);
    g_ptr_array_unref(rehearsal->errors);
    g_ptr_array_unref(rehearsal->values);
    g_free(rehearsal);
}

void rehearsal_reset(Rehearsal *rehearsal)
{
    clear_record(rehearsal);
    actor_stop(rehearsal->actor);
    table_clear(rehearsal->process->cache);
    memory_api_clear(rehearsal->api);
}

/* --- what is around it --- */

void rehearsal_at(Rehearsal *rehearsal, Nanos now)
{
    rehearsal->stage.now = now;
}

Nanos rehearsal_now(const Rehearsal *rehearsal)
{
    return rehearsal->stage.now;
}

void rehearsal_freeze_pod_specs(Rehearsal *rehearsal, bool is_frozen)
{
    memory_api_freeze_pod_specs(rehearsal->api, is_frozen);
}

void rehearsal_explain(Rehearsal *rehearsal, bool is_explained)
{
    rehearsal->stage.is_terse = !is_explained;
}

void rehearsal_refuse(Rehearsal *rehearsal, RequestVerb verb, Key key, ReplyReason reason,
                      unsigned times)
{
    memory_api_refuse(rehearsal->api, verb, key, reason, times);
}

void rehearsal_forgive(Rehearsal *rehearsal)
{
    memory_api_forgive(rehearsal->api);
}

void rehearsal_existed(Rehearsal *rehearsal, Key key, unsigned count)
{
    memory_api_existed(rehearsal->api, key, count);
}

AtomTable *rehearsal_atoms(Rehearsal *rehearsal)
{
    return world_atoms(rehearsal->world);
}

Key rehearsal_key(Rehearsal *rehearsal, Kind kind, const char *space, const char *name)
{
    return (Key){kind, world_atom(rehearsal->world, space), world_atom(rehearsal->world, name)};
}

const Object *rehearsal_put(Rehearsal *rehearsal, RehearsalPlace place, Kind kind, Value *value)
{
    int64_t version = 0;
    if (!text_to_int(value_text(value, "metadata", "resourceVersion"), &version)) version = 0;
    value_drop(&value, "metadata", "resourceVersion");
    autoobject object = object_new(rehearsal_atoms(rehearsal), kind, value, version, NULL);
    if ((place & IN_CACHE) != 0) table_put(rehearsal->process->cache, object);
    if ((place & IN_API) != 0) memory_api_put(rehearsal->api, object);
    Key key = object->key;
    return table_get((place & IN_CACHE) != 0 ? rehearsal->process->cache
                                             : memory_api_table(rehearsal->api),
                     key);
}

void rehearsal_drop(Rehearsal *rehearsal, RehearsalPlace place, Key key)
{
    if ((place & IN_CACHE) != 0) table_remove(rehearsal->process->cache, key);
    if ((place & IN_API) != 0) memory_api_drop(rehearsal->api, key);
}

const ObjectTable *rehearsal_cache(const Rehearsal *rehearsal)
{
    return rehearsal->process->cache;
}

const ObjectTable *rehearsal_api(const Rehearsal *rehearsal)
{
    return memory_api_table(rehearsal->api);
}

/* A kind's part of making one place equal to another. */
static void copy_kind(Rehearsal *rehearsal, RehearsalPlace to, Kind kind)
{
    const ObjectTable *cache = rehearsal->process->cache;
    const ObjectTable *api = memory_api_table(rehearsal->api);
    const ObjectTable *source = to == IN_CACHE ? api : cache;
    const ObjectTable *target = to == IN_CACHE ? cache : api;
    for (unsigned i = table_kind(target, kind).count; i-- > 0;) {
        Key key = table_kind(target, kind).items[i]->key;
        if (table_get(source, key) == NULL) rehearsal_drop(rehearsal, to, key);
    }
    ObjectList fresh = table_kind(source, kind);
    for (unsigned i = 0; i < fresh.count; i++) {
        const Object *object = fresh.items[i];
        if (table_get(target, object->key) == object) continue;
        if (to == IN_CACHE)
            table_put(rehearsal->process->cache, object);
        else
            memory_api_put(rehearsal->api, object);
    }
}

void rehearsal_refresh(Rehearsal *rehearsal)
{
    for (Kind kind = KIND_NONE + 1; kind < KIND_COUNT; kind++)
        copy_kind(rehearsal, IN_CACHE, kind);
}

void rehearsal_restore(Rehearsal *rehearsal)
{
    for (Kind kind = KIND_NONE + 1; kind < KIND_COUNT; kind++)
        copy_kind(rehearsal, IN_API, kind);
}

void rehearsal_request(Rehearsal *rehearsal, const Request *request, Reply *reply)
{
    memory_api_handle(rehearsal->api, rehearsal->stage.now, request, reply);
}

const RehearsalRecord *rehearsal_sync(Rehearsal *rehearsal, Key key)
{
    Actor *actor = rehearsal->actor;
    clear_record(rehearsal);
    if (!actor->is_running) actor_start(actor);
    plan_perform(plan_fill(actor, key), 0);
    return &rehearsal->record;
}
