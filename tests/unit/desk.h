/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desk.h - a controller at a desk: its cache is filled by hand, its plan is read and, if wanted,
 * carried out by a server on a store of the same world. No event loop.
 */
#ifndef KENNEL_TEST_DESK_H
#define KENNEL_TEST_DESK_H

#include "models/plan.h"
#include "tests/unit/objects.h"
#include "tests/unit/rig.h"

typedef struct {
    Scenario scenario;
    World *world;
    Process *process;
    Actor *actor;
    int64_t version;
} Desk;

static inline void desk_tick(Sim *sim, void *self, uint64_t arg)
{
    (void)sim, (void)self, (void)arg;
}

/* Moves the clock to a time. */
static inline void desk_at(Desk *desk, Nanos at)
{
    static const EventType tick = {"tick", RANK_FAULT, desk_tick};
    sim_at(world_sim(desk->world), at, &tick, NULL, 0);
    sim_run(world_sim(desk->world), at, 0);
}

/* A desk for a component of the controller manager, at 1 h, in release 1.minor with these gates
 * (NULL: the release's own). */
static inline void desk_open_with(Desk *desk, const Component *component, int minor,
                                  const Value *gates)
{
    *desk = (Desk){.scenario = rig_scenario(), .version = 1};
    desk->scenario.cluster.minor = minor;
    desk->scenario.cluster.gates = gates;
    desk->world = world_new(&desk->scenario, 1, NULL);
    desk_at(desk, NANOS_HOUR);
    desk->process = process_new_rehearsal(desk->world, ROLE_CONTROLLER_MANAGER);
    for (unsigned i = 0; i < process_actor_count(desk->process); i++)
        if (actor_component(process_actor_at(desk->process, i)) == component)
            desk->actor = process_actor_at(desk->process, i);
    CHECK(desk->actor != NULL);
}

static inline void desk_open(Desk *desk, const Component *component, int minor)
{
    desk_open_with(desk, component, minor, NULL);
}

static inline void desk_close(Desk *desk)
{
    world_free(desk->world);
}

/* Puts an object, defaulted, into the cache. */
static inline void desk_put(Desk *desk, const char *yaml)
{
    Value *value = value_from(yaml);
    Kind kind = kind_of(value_text(value, "apiVersion"), value_text(value, "kind"));
    if (kind_info(kind)->defaults) kind_info(kind)->defaults(&value);
    autoobject object = object_new(world_atoms(desk->world), kind, value, ++desk->version, NULL);
    process_cache_put(desk->process, object);
}

static inline Key desk_key(const Desk *desk, Kind kind, const char *name)
{
    Atom space = kind_info(kind)->is_namespaced ? world_atom(desk->world, "default") : ATOM_NONE;
    return (Key){kind, space, world_atom(desk->world, name)};
}

/* What the actor would do about an object; free with g_free(). */
static inline char *desk_sync(Desk *desk, Kind kind, const char *name)
{
    return plan_rehearse(desk->actor, desk_key(desk, kind, name));
}

/* One line of a plan in short, if it is a write of interest. */
static inline void desk_shorten(const char *line, GString *out)
{
    static const char *const verbs[] = {"create", "delete", "update", "patch"};
    char verb[32], kind[64], name[256];
    const char *colon = g_str_has_prefix(line, "batch ") ? strstr(line, ": ") : NULL;
    if (sscanf(colon ? colon + 2 : line, "%31s %63s %255s", verb, kind, name) != 3) return;
    unsigned i = 0;
    while (i < 4 && strcmp(verbs[i], verb) != 0)
        i++;
    if (i == 4 || !kind_by_name(kind)) return;
    const char *slash = strchr(name, '/');
    bool is_revision = strcmp(kind, "ControllerRevision") == 0;
    bool is_claim = strcmp(kind, "PersistentVolumeClaim") == 0;
    g_string_append_printf(out, "%s%c%s%s", out->len ? " " : "", "+-~^"[i], is_claim ? "c:" : "",
                           is_revision ? "rev"
                           : slash     ? slash + 1
                                       : name);
}

/* A plan in short: "+web-1 -web-3 ~web-0", claims as "c:", revisions as "rev"; status writes and
 * reasons are left out. Free with g_free(). */
static inline char *desk_short(const char *text)
{
    GString *out = g_string_new(NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i]; i++)
        desk_shorten(lines[i], out);
    return g_string_free(out, FALSE);
}

#endif
