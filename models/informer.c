/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer.c - lists, watch streams and the cache that the actors of a process share.
 * Mirrors: kubernetes v1.36 client-go/tools/cache reflector.go, delta_fifo.go, shared_informer.go;
 *          apimachinery/pkg/util/net/http.go (detection of dead connections)
 * Simplified: a list shows the store at the instant it arrives (upstream's may lag); watches have
 *          no life time of their own and there is no 12-hour resync; bookmarks are taken to be
 *          fresh, so a stream resumes from the time of the cut; failed attempts to reconnect take
 *          no time; an informer hears one scope of a kind.
 * State: of a stream
 *              open           list arrives
 *     OFF ----------> LISTING ------------> LIVE <------------------+
 *      ^                 | cut     ^          | found dead          | replayed
 *      | close           v         | too old  v                     |
 *      +--------------- DEAD <-----+-------- DEAD --attempt, healed-+
 */
#include "models/machinery.h"
#include "models/node/machine.h"

#define DEAD_AFTER       (30 * NANOS_S) /* HTTP/2 read idle timeout */
#define DEAD_PING        (15 * NANOS_S) /* and ping timeout */
#define RECONNECT_FIRST  (800 * NANOS_MS)
#define RECONNECT_CAP    (30 * NANOS_S)
#define SCOPED_INDEX_MAX 4

typedef enum { STREAM_OFF, STREAM_LISTING, STREAM_LIVE, STREAM_DEAD } StreamState;

/* A version on its way to a cache. */
typedef struct Delivery Delivery;
struct Delivery {
    Delivery *next;
    Nanos due;
    const Object *now; /* a reference is held */
    bool is_gone;
};

typedef struct {
    Actor *actor;
    void (*on)(Actor *actor, const Object *old, const Object *now);
} Handler;

typedef struct Stream Stream;
struct Stream {
    Informer *informer;
    Kind kind;
    WatchScope scope;
    IndexId index;
    uint64_t scope_key;
    Stream *next; /* with the same kind, index and key */
    StreamState state;
    bool has_listed;
    int64_t version; /* DEAD: where to resume; 0: list */
    Nanos backoff;   /* of the next attempt, before jitter */
    Nanos last_due;  /* nothing is delivered before what was sent before */
    Delivery *head, *tail;
    Timer delivery, attempt;
    Rng rng;
    GArray *handlers; /* of Handler */
};

struct Informer {
    Hub *hub;
    Process *process;
    Stream *streams;
    unsigned count;
    Stream *of_kind[KIND_COUNT];
    Nanos delays[KIND_COUNT]; /* KIND_NONE: of all kinds */
    bool is_open, is_silent;
    int64_t cut_version;
    Nanos silent_until; /* after healing: when the first packet gets through */
    Timer found_dead;
    Rng rng;
};

struct Hub {
    World *world;
    Sim *sim;
    Pool *pool; /* of Delivery */
    GPtrArray *hearers[KIND_COUNT];
    IndexId indexes[KIND_COUNT][SCOPED_INDEX_MAX];
    unsigned index_count[KIND_COUNT];
    GHashTable *scoped; /* first Stream by kind, index and key; looked up, never walked */
};

/* --- streams --- */

static void stream_deliver(Sim *sim, void *self, uint64_t arg);
static void stream_list(Sim *sim, void *self, uint64_t arg);
static void stream_attempt(Sim *sim, void *self, uint64_t arg);
static const EventType delivery_event = {"watch", RANK_WIRE, stream_deliver};
static const EventType list_event = {"list", RANK_WIRE, stream_list};
static const EventType attempt_event = {"reconnect", RANK_TIMER, stream_attempt};

static Sim *stream_sim(const Stream *stream)
{
    return stream->informer->hub->sim;
}

static World *stream_world(const Stream *stream)
{
    return stream->informer->hub->world;
}

static void stream_drop(Stream *stream)
{
    while (stream->head != NULL) {
        Delivery *delivery = stream->head;
        stream->head = delivery->next;
        object_unref(delivery->now);
        pool_give(stream->informer->hub->pool, delivery);
    }
    stream->tail = NULL;
}

static void stream_arm(Stream *stream)
{
    const Informer *informer = stream->informer;
    if (stream->head == NULL || informer->is_silent) return;
    Sim *sim = stream_sim(stream);
    Nanos due = MAX(MAX(stream->head->due, informer->silent_until), sim_now(sim));
    stream->delivery = sim_at(sim, due, &delivery_event, stream, 0);
}

/* A commit concerns this stream. */
static void stream_offer(Stream *stream, const Object *now, bool is_gone)
{
    if (stream->state != STREAM_LIVE) return;
    const Informer *informer = stream->informer;
    Sim *sim = informer->hub->sim;
    Nanos latency = dist_draw(&world_config(informer->hub->world)->latency.watch, &stream->rng);
    Nanos due =
        sim_now(sim) + latency + informer->delays[KIND_NONE] + informer->delays[stream->kind];
    stream->last_due = MAX(stream->last_due, due);
    Delivery *delivery = pool_take(informer->hub->pool);
    *delivery = (Delivery){.due = stream->last_due, .now = object_ref(now), .is_gone = is_gone};
    if (stream->head == NULL) {
        stream->head = stream->tail = delivery;
        stream_arm(stream);
    } else {
        stream->tail->next = delivery;
        stream->tail = delivery;
    }
}

/* Tells the actors that run; old and now as in WatchRule. */
static void stream_tell(const Stream *stream, const Object *old, const Object *now)
{
    for (unsigned i = 0; i < stream->handlers->len; i++) {
        Handler *handler = &g_array_index(stream->handlers, Handler, i);
        if (handler->on != NULL && handler->actor->is_running)
            handler->on(handler->actor, old, now);
    }
}

static void stream_apply(Stream *stream, const Object *now, bool is_gone)
{
    ObjectTable *cache = stream->informer->process->cache;
    const Object *cached = table_get(cache, now->key);
    if (cached == NULL && is_gone) return;
    autoobject old = cached != NULL ? object_ref(cached) : NULL;
    if (is_gone)
        table_remove(cache, now->key);
    else
        table_put(cache, now);
    stream_tell(stream, old, is_gone ? NULL : now);
}

static void stream_deliver(Sim *sim, void *self, uint64_t arg)
{
    Stream *stream = self;
    Informer *informer = stream->informer;
    if (process_defer(informer->process, &delivery_event, stream, arg)) return;
    Nanos now = sim_now(sim);
    if (informer->is_silent || now < informer->silent_until) return;
    while (stream->head != NULL && stream->head->due <= now) {
        Delivery *delivery = stream->head;
        stream->head = delivery->next;
        if (stream->head == NULL) stream->tail = NULL;
        stream_apply(stream, delivery->now, delivery->is_gone);
        object_unref(delivery->now);
        pool_give(informer->hub->pool, delivery);
    }
    if (!sim_is_pending(sim, stream->delivery)) stream_arm(stream);
}

/* --- lists --- */

static int compare_by_key(gconstpointer a, gconstpointer b, gpointer atoms)
{
    const Object *const *left = a, *const *right = b;
    return key_compare(atoms, (*left)->key, (*right)->key);
}

static void unref_element(gpointer element)
{
    object_unref(*(const Object **)element);
}

static const Object *element(const GArray *objects, unsigned index)
{
    return g_array_index(objects, const Object *, index);
}

/* Objects in key order, with references. */
static GArray *sorted_copy(AtomTable *atoms, ObjectList list)
{
    GArray *copy = g_array_sized_new(FALSE, FALSE, sizeof(const Object *), list.count);
    g_array_set_clear_func(copy, unref_element);
    for (unsigned i = 0; i < list.count; i++) {
        const Object *object = object_ref(list.items[i]);
        g_array_append_val(copy, object);
    }
    g_array_sort_with_data(copy, compare_by_key, atoms);
    return copy;
}

static GArray *stream_snapshot(const Stream *stream)
{
    const Store *store = world_store(stream_world(stream));
    AtomTable *atoms = world_atoms(stream_world(stream));
    const ObjectTable *table = store_table(store);
    if (stream->scope == SCOPE_ALL) return sorted_copy(atoms, table_kind(table, stream->kind));
    if (stream->index != INDEX_NONE)
        return sorted_copy(atoms, table_lookup(table, stream->index, stream->scope_key));
    Key key = {stream->kind, ATOM_NONE, machine_name(stream->informer->process->machine)};
    const Object *own = store_get(store, key);
    return sorted_copy(atoms, (ObjectList){&own, own != NULL ? 1 : 0});
}

/* What was cached but is not in the list has been deleted meanwhile. */
static void stream_bury(Stream *stream, const GArray *list)
{
    AtomTable *atoms = world_atoms(stream_world(stream));
    ObjectList cached = table_kind(stream->informer->process->cache, stream->kind);
    g_autoptr(GArray) before = sorted_copy(atoms, cached);
    unsigned at = 0;
    for (unsigned i = 0; i < before->len; i++) {
        const Object *old = element(before, i);
        int order = 1;
        while (at < list->len) {
            order = key_compare(atoms, element(list, at)->key, old->key);
            if (order >= 0) break;
            at++;
        }
        if (at == list->len || order != 0) stream_apply(stream, old, true);
    }
}

static void stream_try_later(Stream *stream)
{
    Nanos jitter = (Nanos)rng_below(&stream->rng, (uint64_t)stream->backoff);
    stream->attempt =
        sim_after(stream_sim(stream), stream->backoff + jitter, &attempt_event, stream, 0);
    stream->backoff = MIN(2 * stream->backoff, RECONNECT_CAP);
}

static void stream_die(Stream *stream, int64_t version)
{
    stream_drop(stream);
    sim_cancel(stream_sim(stream), stream->delivery);
    stream->state = STREAM_DEAD;
    stream->version = version;
    stream->backoff = RECONNECT_FIRST;
    stream_try_later(stream);
}

static void stream_ask(Stream *stream)
{
    const LatencyConfig *latency = &world_config(stream_world(stream))->latency;
    stream->state = STREAM_LISTING;
    stream->attempt = sim_after(stream_sim(stream), dist_draw(&latency->api_read, &stream->rng),
                                &list_event, stream, 0);
}

static void stream_list(Sim *sim, void *self, uint64_t arg)
{
    Stream *stream = self;
    Process *process = stream->informer->process;
    if (process_defer(process, &list_event, stream, arg)) return;
    if (stream->state != STREAM_LISTING) return;
    if (!process_is_linked(process)) {
        stream_die(stream, 0);
        return;
    }
    stream->state = STREAM_LIVE;
    stream->last_due = sim_now(sim);
    g_autoptr(GArray) list = stream_snapshot(stream);
    for (unsigned i = 0; i < list->len; i++)
        stream_apply(stream, element(list, i), false);
    if (stream->has_listed) stream_bury(stream, list);
    stream->has_listed = true;
    for (unsigned i = 0; i < stream->handlers->len; i++)
        actor_listed(g_array_index(stream->handlers, Handler, i).actor);
}

/* --- what concerns whom --- */

static unsigned scope_keys(Kind kind, IndexId index, const Object *object, uint64_t *keys)
{
    if (index == INDEX_NONE) {
        keys[0] = index_key(object->key.name, 0);
        return 1;
    }
    const IndexInfo *info = kind_info(kind)->indexes;
    for (; info != NULL && info->id != INDEX_NONE; info++)
        if (info->id == index) return info->keys(object, keys, INDEX_KEYS_MAX);
    CHECK_THAT(false, "kind %s has no such index", kind_info(kind)->name);
    return 0;
}

static bool has_key(const uint64_t *keys, unsigned count, uint64_t key)
{
    for (unsigned i = 0; i < count; i++)
        if (keys[i] == key) return true;
    return false;
}

/* The changes that a stream missed. */
static void stream_replay(void *self, const Change *change)
{
    Stream *stream = self;
    if (change->now->key.kind != stream->kind) return;
    bool is_gone = change->type == CHANGE_DELETED;
    if (stream->scope == SCOPE_ALL) {
        stream_offer(stream, change->now, is_gone);
        return;
    }
    uint64_t keys[INDEX_KEYS_MAX];
    unsigned count = scope_keys(stream->kind, stream->index, change->now, keys);
    bool is_in = has_key(keys, count, stream->scope_key);
    bool was_in = false;
    if (change->old != NULL) {
        count = scope_keys(stream->kind, stream->index, change->old, keys);
        was_in = has_key(keys, count, stream->scope_key);
    }
    if (is_in || was_in) stream_offer(stream, change->now, is_gone || !is_in);
}

static void stream_attempt(Sim *sim, void *self, uint64_t arg)
{
    Stream *stream = self;
    Process *process = stream->informer->process;
    if (process_defer(process, &attempt_event, stream, arg)) return;
    if (stream->state != STREAM_DEAD) return;
    if (!process_is_linked(process)) {
        stream_try_later(stream);
        return;
    }
    World *world = stream_world(stream);
    const LatencyConfig *latency = &world_config(world)->latency;
    if (stream->version > 0) {
        stream->state = STREAM_LIVE;
        stream->last_due = sim_now(sim) + dist_draw(&latency->api_read, &stream->rng);
        if (store_replay(world_store(world), stream->version, stream_replay, stream)) return;
        stream_drop(stream);
        sim_cancel(sim, stream->delivery);
    }
    stream_ask(stream);
}

/* --- the hub --- */

static guint scope_hash(gconstpointer a)
{
    const Stream *stream = a;
    return (guint)mix64(stream->scope_key + ((uint64_t)stream->kind << 56) +
                        ((uint64_t)stream->index << 48));
}

static gboolean scope_equal(gconstpointer a, gconstpointer b)
{
    const Stream *left = a, *right = b;
    return left->kind == right->kind && left->index == right->index &&
           left->scope_key == right->scope_key;
}

static Stream *hub_scoped(const Hub *hub, Kind kind, IndexId index, uint64_t key)
{
    Stream probe = {.kind = kind, .index = index, .scope_key = key};
    return g_hash_table_lookup(hub->scoped, &probe);
}

static void hub_route(const Hub *hub, IndexId index, const Change *change)
{
    Kind kind = change->now->key.kind;
    uint64_t now_keys[INDEX_KEYS_MAX], old_keys[INDEX_KEYS_MAX];
    unsigned now_count = 0, old_count = 0;
    if (change->type != CHANGE_DELETED) now_count = scope_keys(kind, index, change->now, now_keys);
    if (change->old != NULL) old_count = scope_keys(kind, index, change->old, old_keys);
    for (unsigned i = 0; i < now_count; i++) {
        Stream *stream = hub_scoped(hub, kind, index, now_keys[i]);
        for (; stream != NULL; stream = stream->next)
            stream_offer(stream, change->now, false);
    }
    for (unsigned i = 0; i < old_count; i++) {
        if (has_key(now_keys, now_count, old_keys[i])) continue;
        Stream *stream = hub_scoped(hub, kind, index, old_keys[i]);
        for (; stream != NULL; stream = stream->next)
            stream_offer(stream, change->now, true);
    }
}

static void hub_committed(void *self, const Change *change)
{
    const Hub *hub = self;
    Kind kind = change->now->key.kind;
    const GPtrArray *hearers = hub->hearers[kind];
    for (unsigned i = 0; i < hearers->len; i++)
        stream_offer(hearers->pdata[i], change->now, change->type == CHANGE_DELETED);
    for (unsigned i = 0; i < hub->index_count[kind]; i++)
        hub_route(hub, hub->indexes[kind][i], change);
}

Hub *informer_hub_new(World *world)
{
    Hub *hub = g_new0(Hub, 1);
    hub->world = world;
    hub->sim = world_sim(world);
    hub->pool = pool_new(sizeof(Delivery));
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        hub->hearers[kind] = g_ptr_array_new();
    hub->scoped = g_hash_table_new(scope_hash, scope_equal);
    store_listen(world_store(world), (StoreListener){hub_committed, hub});
    return hub;
}

void informer_hub_free(Hub *hub)
{
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        g_ptr_array_unref(hub->hearers[kind]);
    g_hash_table_destroy(hub->scoped);
    pool_free(hub->pool);
    g_free(hub);
}

static void hub_add_index(Hub *hub, Kind kind, IndexId index)
{
    for (unsigned i = 0; i < hub->index_count[kind]; i++)
        if (hub->indexes[kind][i] == index) return;
    CHECK(hub->index_count[kind] < SCOPED_INDEX_MAX);
    hub->indexes[kind][hub->index_count[kind]++] = index;
}

static void hub_subscribe(Hub *hub, Stream *stream)
{
    if (stream->scope == SCOPE_ALL) {
        g_ptr_array_add(hub->hearers[stream->kind], stream);
        return;
    }
    hub_add_index(hub, stream->kind, stream->index);
    Stream *first = hub_scoped(hub, stream->kind, stream->index, stream->scope_key);
    if (first == NULL) {
        g_hash_table_add(hub->scoped, stream);
        return;
    }
    while (first->next != NULL)
        first = first->next;
    first->next = stream;
}

static void hub_unsubscribe(Hub *hub, Stream *stream)
{
    if (stream->scope == SCOPE_ALL) {
        g_ptr_array_remove(hub->hearers[stream->kind], stream);
        return;
    }
    Stream *first = hub_scoped(hub, stream->kind, stream->index, stream->scope_key);
    if (first != stream) {
        while (first->next != stream)
            first = first->next;
        first->next = stream->next;
        return;
    }
    g_hash_table_remove(hub->scoped, stream);
    if (stream->next != NULL) g_hash_table_add(hub->scoped, stream->next);
}

/* --- the informer --- */

static Stream *informer_stream(Informer *informer, const WatchRule *rule)
{
    Stream *stream = informer->of_kind[rule->kind];
    if (stream == NULL) {
        stream = &informer->streams[informer->count++];
        informer->of_kind[rule->kind] = stream;
        *stream = (Stream){.informer = informer,
                           .kind = rule->kind,
                           .scope = rule->scope,
                           .index = rule->index,
                           .handlers = g_array_new(FALSE, FALSE, sizeof(Handler))};
        Process *process = informer->process;
        if (rule->scope == SCOPE_OWN_NODE && process->machine != NULL)
            stream->scope_key = index_key(machine_name(process->machine), 0);
        char purpose[64];
        g_snprintf(purpose, sizeof(purpose), "watch %s", kind_info(rule->kind)->name);
        stream->rng = sim_stream(process->sim,
                                 atom_text(world_atoms(process->world), process->name), purpose);
    }
    CHECK_THAT(stream->scope == rule->scope &&
                   (rule->scope == SCOPE_ALL || stream->index == rule->index),
               "two scopes of %s in one process", kind_info(rule->kind)->name);
    return stream;
}

/* An upper bound of the streams that the components of a process need. */
static unsigned rule_count(const Process *process)
{
    unsigned count = 0;
    for (unsigned i = 0; i < process->actor_count; i++) {
        const WatchRule *rule = process->actors[i].component->watches;
        for (; rule != NULL && rule->kind != KIND_NONE; rule++)
            count++;
    }
    return MIN(count, KIND_COUNT);
}

Informer *informer_new(Hub *hub, Process *process)
{
    Informer *informer = g_new0(Informer, 1);
    informer->hub = hub;
    informer->process = process;
    informer->rng =
        sim_stream(process->sim, atom_text(world_atoms(process->world), process->name), "link");
    informer->streams = g_new0(Stream, rule_count(process));
    for (unsigned i = 0; i < process->actor_count; i++) {
        Actor *actor = &process->actors[i];
        const WatchRule *rule = actor->component->watches;
        for (; rule != NULL && rule->kind != KIND_NONE; rule++) {
            Handler handler = {actor, rule->on};
            g_array_append_val(informer_stream(informer, rule)->handlers, handler);
        }
    }
    for (unsigned i = 0; hub != NULL && i < informer->count; i++)
        hub_subscribe(hub, &informer->streams[i]);
    return informer;
}

void informer_free(Informer *informer)
{
    for (unsigned i = 0; i < informer->count; i++) {
        Stream *stream = &informer->streams[i];
        if (informer->hub != NULL) {
            stream_drop(stream);
            hub_unsubscribe(informer->hub, stream);
        }
        g_array_unref(stream->handlers);
    }
    g_free(informer->streams);
    g_free(informer);
}

void informer_open(Informer *informer)
{
    CHECK(!informer->is_open);
    informer->is_open = true;
    informer->is_silent = !process_is_linked(informer->process);
    for (unsigned i = 0; i < informer->count; i++) {
        if (informer->is_silent)
            stream_die(&informer->streams[i], 0);
        else
            stream_ask(&informer->streams[i]);
    }
}

void informer_close(Informer *informer)
{
    table_clear(informer->process->cache);
    if (!informer->is_open) return;
    informer->is_open = false;
    Sim *sim = informer->hub->sim;
    sim_cancel(sim, informer->found_dead);
    for (unsigned i = 0; i < informer->count; i++) {
        Stream *stream = &informer->streams[i];
        stream_drop(stream);
        sim_cancel(sim, stream->delivery);
        sim_cancel(sim, stream->attempt);
        stream->state = STREAM_OFF;
        stream->has_listed = false;
    }
}

static void link_found_dead(Sim *sim, void *self, uint64_t arg);
static const EventType found_dead_event = {"connection-dead", RANK_TIMER, link_found_dead};

static void link_found_dead(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    Informer *informer = self;
    if (process_defer(informer->process, &found_dead_event, informer, arg)) return;
    if (!informer->is_silent) return;
    for (unsigned i = 0; i < informer->count; i++) {
        Stream *stream = &informer->streams[i];
        if (stream->state != STREAM_LIVE) continue;
        int64_t seen = informer->cut_version;
        if (stream->head != NULL) seen = MIN(seen, stream->head->now->version - 1);
        stream_die(stream, seen);
    }
}

void informer_cut(Informer *informer)
{
    if (!informer->is_open || informer->is_silent) return;
    Sim *sim = informer->hub->sim;
    informer->is_silent = true;
    informer->cut_version = store_version(world_store(informer->hub->world));
    for (unsigned i = 0; i < informer->count; i++)
        sim_cancel(sim, informer->streams[i].delivery);
    Nanos delay = DEAD_AFTER + (Nanos)rng_below(&informer->rng, (uint64_t)DEAD_PING);
    informer->found_dead = sim_after(sim, delay, &found_dead_event, informer, 0);
}

void informer_heal(Informer *informer)
{
    if (!informer->is_open || !informer->is_silent) return;
    Sim *sim = informer->hub->sim;
    const LatencyConfig *latency = &world_config(informer->hub->world)->latency;
    informer->is_silent = false;
    informer->silent_until = sim_now(sim) + dist_draw(&latency->watch, &informer->rng);
    sim_cancel(sim, informer->found_dead);
    for (unsigned i = 0; i < informer->count; i++)
        stream_arm(&informer->streams[i]);
}

void informer_delay(Informer *informer, Kind kind, Nanos delay)
{
    informer->delays[kind] = delay;
}

bool informer_has_listed(const Informer *informer, Kind kind)
{
    return informer->of_kind[kind] == NULL || informer->of_kind[kind]->has_listed;
}

void informer_introduce(Informer *informer, Actor *actor)
{
    Process *process = informer->process;
    for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
        const Stream *stream = informer->of_kind[kind];
        ObjectList list = table_kind(process->cache, (Kind)kind);
        if (stream == NULL || list.count == 0) continue;
        g_autoptr(GArray) objects = sorted_copy(world_atoms(process->world), list);
        for (unsigned i = 0; i < stream->handlers->len; i++) {
            const Handler *handler = &g_array_index(stream->handlers, Handler, i);
            for (unsigned at = 0; handler->actor == actor && at < objects->len; at++)
                if (handler->on != NULL) handler->on(actor, NULL, element(objects, at));
        }
    }
}

void informer_apply(Informer *informer, const Object *now, bool gone)
{
    Stream *stream = informer->of_kind[now->key.kind];
    if (stream != NULL)
        stream_apply(stream, now, gone);
    else if (gone)
        table_remove(informer->process->cache, now->key);
    else
        table_put(informer->process->cache, now);
}
