/* SPDX-License-Identifier: Apache-2.0 */
/*
 * actor.c - a running component: its queue and workers, timers, chance and rows.
 * Mirrors: kubernetes v1.36 client-go/util/workqueue (use by controllers), client-go/tools/record
 *          events_cache.go (limits of events)
 * Simplified: workers begin when all kinds a component watches have been listed; the time a sync
 *          takes is drawn for controllers only (scheduler, kubelet and DNS server draw their own);
 *          events that are alike are limited but not merged.
 * State:
 *     stopped --start--> running, unsynced --lists arrive--> running, synced --stop--> stopped
 */
#include "models/machinery.h"
#include "models/node/machine.h"

#define EVENT_BURST    25
#define EVENT_INTERVAL (300 * NANOS_S)
#define TEXT_MAX       512

/* What was said about a key. */
typedef struct {
    Key key;
    Atom decision;
    Bucket events;
} Note;

static guint note_hash(gconstpointer note)
{
    return (guint)key_hash(((const Note *)note)->key);
}

static gboolean note_equal(gconstpointer a, gconstpointer b)
{
    return key_equal(((const Note *)a)->key, ((const Note *)b)->key);
}

/* --- life --- */

static Client actor_client(const Actor *actor)
{
    const Process *process = actor->process;
    const ControlPlaneConfig *config = &world_config(process->world)->control_plane;
    const char *name = atom_text(world_atoms(process->world), actor->name);
    Client client = client_make(actor->process, name, actor->component->timeout);
    if (actor->component->unthrottled) return client;
    switch (process->role) {
    case ROLE_SCHEDULER:
        client.bucket = bucket_make(config->scheduler_qps, config->scheduler_burst);
        break;
    case ROLE_KUBELET:
        client.bucket = bucket_make(config->kubelet_qps, config->kubelet_burst);
        break;
    case ROLE_CONTROLLER_MANAGER:
    case ROLE_STORAGE:
    case ROLE_DNS:
    case ROLE_COUNT: client.bucket = bucket_make(config->kcm_qps, config->kcm_burst); break;
    }
    return client;
}

void actor_init(Actor *actor, Process *process, const Component *component)
{
    AtomTable *atoms = world_atoms(process->world);
    *actor = (Actor){.component = component, .process = process};
    actor->name = atom_format(atoms, "%s@%s", component->name, atom_text(atoms, process->name));
    actor->cpu = sim_stream(process->sim, atom_text(atoms, actor->name), "sync");
    actor->client = actor_client(actor);
}

void actor_clear(Actor *actor)
{
    if (actor->timers != NULL) g_array_unref(actor->timers);
}

static void actor_ready(void *self)
{
    actor_pump(self);
}

void actor_start(Actor *actor)
{
    CHECK(!actor->is_running);
    const Component *component = actor->component;
    actor->is_running = true;
    actor->is_synced = false;
    actor->busy = 0;
    actor->state = g_malloc0(component->state_size);
    actor->client.bucket.full_at = 0;
    actor->queue = queue_new(actor->process->sim, component->backoff, actor_ready, actor);
    if (component->start != NULL) component->start(actor);
}

/* Forgets all timers; their handles match no more. */
static void actor_drop_timers(Actor *actor)
{
    if (actor->timers == NULL) return;
    for (uint32_t i = 0; i < actor->timers->len; i++) {
        TimerSlot *slot = &g_array_index(actor->timers, TimerSlot, i);
        if (slot->is_set) actor_cancel(actor, (Timer){i + 1, slot->generation});
    }
}

void actor_stop(Actor *actor)
{
    if (!actor->is_running) return;
    plan_abandon_all(actor);
    if (actor->component->stop != NULL) actor->component->stop(actor);
    actor->is_running = actor->is_synced = actor->has_seen_cache = false;
    actor_drop_timers(actor);
    sim_cancel(actor->process->sim, actor->work);
    queue_free(actor->queue);
    g_free(actor->state);
    if (actor->notes != NULL) g_hash_table_destroy(actor->notes);
    pool_free(actor->note_pool);
    actor->queue = NULL;
    actor->state = NULL;
    actor->notes = NULL;
    actor->note_pool = NULL;
}

bool actor_is_synced(const Actor *actor)
{
    if (actor->is_synced || actor->process->is_rehearsal) return true;
    const WatchRule *rule = actor->component->watches;
    for (; rule != NULL && rule->kind != KIND_NONE; rule++)
        if (!informer_has_listed(actor->process->informer, rule->kind)) return false;
    return true;
}

void actor_listed(Actor *actor)
{
    if (!actor->is_running || actor->is_synced || !actor_is_synced(actor)) return;
    actor->is_synced = true;
    actor_pump(actor);
}

/* --- work --- */

static void actor_work(Sim *sim, void *self, uint64_t arg);
static const EventType work_event = {"sync", RANK_WORK, actor_work};

static unsigned actor_workers(const Actor *actor)
{
    return MAX(actor->component->workers, 1);
}

void actor_pump(Actor *actor)
{
    if (!actor->is_synced || actor->process->is_rehearsal) return;
    if (actor->busy >= actor_workers(actor) || queue_length(actor->queue) == 0) return;
    Sim *sim = actor->process->sim;
    if (!sim_is_pending(sim, actor->work)) actor->work = sim_after(sim, 0, &work_event, actor, 0);
}

static Nanos actor_sync_time(Actor *actor)
{
    Role role = actor->process->role;
    if (role != ROLE_CONTROLLER_MANAGER && role != ROLE_STORAGE) return 0;
    return dist_draw(&actor_config(actor)->latency.controller_sync, &actor->cpu);
}

static void actor_work(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    Actor *actor = self;
    if (process_defer(actor->process, &work_event, actor, arg)) return;
    Key key;
    while (actor->is_synced && actor->busy < actor_workers(actor) &&
           queue_pop(actor->queue, &key)) {
        actor->busy++;
        plan_perform(plan_fill(actor, key), actor_sync_time(actor));
    }
}

void actor_finish(Actor *actor, Key key, bool succeeded, Nanos after)
{
    if (!succeeded) {
        queue_retry(actor->queue, key);
    } else {
        queue_forget(actor->queue, key);
        if (after != NANOS_NEVER) queue_after(actor->queue, after, key);
    }
    actor->busy--;
    queue_done(actor->queue, key);
    actor_pump(actor);
}

void actor_enqueue(Actor *actor, Key key)
{
    CHECK(actor->is_running && actor->component->sync != NULL);
    queue_add(actor->queue, key);
}

void actor_after(Actor *actor, Nanos delay, Key key)
{
    CHECK(actor->is_running && actor->component->sync != NULL);
    queue_after(actor->queue, delay, key);
}

void actor_retry(Actor *actor, Key key)
{
    CHECK(actor->is_running && actor->component->sync != NULL);
    queue_retry(actor->queue, key);
}

/* --- timers --- */

static void actor_timer_due(Sim *sim, void *self, uint64_t arg);
static const EventType timer_event = {"timer", RANK_TIMER, actor_timer_due};

/* The slot of a handle, NULL if it has fired or was cancelled. */
static TimerSlot *actor_slot(const Actor *actor, Timer handle)
{
    if (actor->timers == NULL || handle.slot == 0 || handle.slot > actor->timers->len) return NULL;
    TimerSlot *slot = &g_array_index(actor->timers, TimerSlot, handle.slot - 1);
    return slot->is_set && slot->generation == handle.generation ? slot : NULL;
}

static void actor_release(Actor *actor, uint32_t index)
{
    TimerSlot *slot = &g_array_index(actor->timers, TimerSlot, index);
    slot->is_set = false;
    slot->generation++;
    slot->tag = actor->free_timer;
    actor->free_timer = index + 1;
}

static void actor_timer_due(Sim *sim, void *self, uint64_t arg)
{
    (void)sim;
    Actor *actor = self;
    if (process_defer(actor->process, &timer_event, actor, arg)) return;
    Timer handle = {(uint32_t)(arg >> 32), (uint32_t)arg};
    const TimerSlot *slot = actor_slot(actor, handle);
    if (slot == NULL) return;
    uint64_t tag = slot->tag;
    actor_release(actor, handle.slot - 1);
    actor->component->timer(actor, tag);
}

Timer actor_timer(Actor *actor, Nanos delay, uint64_t tag)
{
    CHECK(actor->is_running && actor->component->timer != NULL);
    if (actor->timers == NULL) actor->timers = g_array_new(FALSE, TRUE, sizeof(TimerSlot));
    if (actor->free_timer == 0) {
        g_array_set_size(actor->timers, actor->timers->len + 1);
        actor->free_timer = actor->timers->len;
    }
    uint32_t number = actor->free_timer;
    TimerSlot *slot = &g_array_index(actor->timers, TimerSlot, number - 1);
    actor->free_timer = (uint32_t)slot->tag;
    slot->is_set = true;
    slot->tag = tag;
    uint64_t arg = (uint64_t)number << 32 | slot->generation;
    slot->timer = sim_after(actor->process->sim, MAX(delay, 0), &timer_event, actor, arg);
    return (Timer){number, slot->generation};
}

void actor_cancel(Actor *actor, Timer timer)
{
    const TimerSlot *slot = actor_slot(actor, timer);
    if (slot == NULL) return;
    sim_cancel(actor->process->sim, slot->timer);
    actor_release(actor, timer.slot - 1);
}

/* --- who and where --- */

void *actor_state(const Actor *actor)
{
    return actor->state;
}

World *actor_world(const Actor *actor)
{
    return actor->process->world;
}

Process *actor_process(const Actor *actor)
{
    return actor->process;
}

Machine *actor_machine(const Actor *actor)
{
    return actor->process->machine;
}

const Component *actor_component(const Actor *actor)
{
    return actor->component;
}

Atom actor_name(const Actor *actor)
{
    return actor->name;
}

Nanos actor_now(const Actor *actor)
{
    const Stage *stage = actor->process->stage;
    return stage != NULL ? stage->now : sim_now(actor->process->sim);
}

const ClusterConfig *actor_config(const Actor *actor)
{
    return world_config(actor->process->world);
}

Atom actor_atom(const Actor *actor, const char *text)
{
    return world_atom(actor->process->world, text);
}

const char *actor_text(const Actor *actor, Atom atom)
{
    return atom_text(world_atoms(actor->process->world), atom);
}

/* --- the cache --- */

const Object *actor_get(const Actor *actor, Key key)
{
    return table_get(actor->process->cache, key);
}

ObjectList actor_list(const Actor *actor, Kind kind)
{
    return table_kind(actor->process->cache, kind);
}

ObjectList actor_lookup(const Actor *actor, IndexId index, uint64_t key)
{
    return table_lookup(actor->process->cache, index, key);
}

/* --- chance --- */

Nanos actor_draw(Actor *actor, const Dist *dist, const char *purpose)
{
    return world_draw(actor->process->world, dist, actor->name, purpose);
}

double actor_unit(Actor *actor, const char *purpose)
{
    return rng_unit(world_stream(actor->process->world, actor->name, purpose));
}

/* --- rows --- */

Atom actor_ref(const Actor *actor, Key key)
{
    const Object *object = actor_get(actor, key);
    return object != NULL ? object->ref : key_ref(world_atoms(actor->process->world), key);
}

void actor_note(Actor *actor, Row row, Fact fact)
{
    if (actor->process->stage != NULL) return;
    fact.actor = actor->name;
    world_fact(actor->process->world, row, fact);
}

static Note *actor_remember(Actor *actor, Key key)
{
    if (actor->notes == NULL) {
        actor->notes = g_hash_table_new(note_hash, note_equal);
        actor->note_pool = pool_new(sizeof(Note));
    }
    Note probe = {.key = key};
    Note *note = g_hash_table_lookup(actor->notes, &probe);
    if (note == NULL) {
        note = pool_take(actor->note_pool);
        *note =
            (Note){.key = key, .events = {EVENT_INTERVAL, (EVENT_BURST - 1) * EVENT_INTERVAL, 0}};
        g_hash_table_add(actor->notes, note);
    }
    return note;
}

static Atom actor_node(const Actor *actor)
{
    const Machine *machine = actor->process->machine;
    return machine != NULL ? machine_name(machine) : ATOM_NONE;
}

void actor_decide(Actor *actor, Key about, const char *text)
{
    if (actor->process->stage != NULL) return;
    Note *note = actor_remember(actor, about);
    Atom decision = actor_atom(actor, text);
    if (note->decision == decision) return;
    note->decision = decision;
    actor_note(
        actor, ROW_DECISION,
        (Fact){.object = actor_ref(actor, about), .node = actor_node(actor), .detail = decision});
}

bool actor_explains(const Actor *actor)
{
    const Stage *stage = actor->process->stage;
    return stage == NULL || !stage->is_terse;
}

void actor_because(Actor *actor, Key about, const char *format, ...)
{
    char text[TEXT_MAX];
    if (!actor_explains(actor)) return;
    va_list args;
    va_start(args, format);
    g_vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    const Stage *stage = actor->process->stage;
    if (stage != NULL) stage->word(stage->self, about, text);
    if (actor->rehearsal != NULL)
        g_string_append_printf(actor->rehearsal, "# %s: %s\n",
                               actor_text(actor, actor_ref(actor, about)), text);
    actor_decide(actor, about, text);
}

void actor_emit(Actor *actor, Key about, const char *type, const char *reason, const char *text)
{
    const Stage *stage = actor->process->stage;
    if (stage != NULL) {
        stage->event(stage->self, about, type, reason, text);
        return;
    }
    if (actor->rehearsal != NULL)
        g_string_append_printf(actor->rehearsal, "event %s %s %s: %s\n", type, reason,
                               actor_text(actor, actor_ref(actor, about)), text);
    if (!bucket_take(&actor_remember(actor, about)->events, actor_now(actor))) return;
    AtomTable *atoms = world_atoms(actor->process->world);
    actor_note(actor, ROW_EVENT,
               (Fact){.object = actor_ref(actor, about),
                      .node = actor_node(actor),
                      .detail = atom_format(atoms, "%s %s: %s", type, reason, text)});
}

void actor_event(Actor *actor, Key about, const char *type, const char *reason, const char *format,
                 ...)
{
    char buffer[TEXT_MAX];
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = g_vsnprintf(buffer, sizeof(buffer), format, args);
    g_autofree char *whole = length >= TEXT_MAX ? g_strdup_vprintf(format, again) : NULL;
    va_end(again);
    va_end(args);
    actor_emit(actor, about, type, reason, whole != NULL ? whole : buffer);
}

/* --- rehearsals --- */

bool actor_is_rehearsed(const Actor *actor)
{
    return actor->process->stage != NULL;
}

void actor_report(Actor *actor, const char *topic, Value *value)
{
    const Stage *stage = actor->process->stage;
    CHECK(stage != NULL);
    stage->report(stage->self, topic, value);
}
