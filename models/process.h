/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.h - the crash domain: an operating-system process with its informer caches and actors.
 *
 * A Process has a link to the API server, one informer cache that all its actors share, and
 * actors. Staleness and fate are therefore common to the controllers of one controller-manager, as
 * they are in Kubernetes. A crash frees the actors' state, queues, timers, cache and requests in
 * flight (answers to a dead incarnation are dropped); a restart begins with empty caches, lists
 * everything again, and calls every actor's start().
 *
 * A process that takes part in leader election runs its actors only while it leads: lease 15 s,
 * renew deadline 10 s, retry 2 s (behaviour: client-go leaderelection). A leader that cannot renew
 * for the deadline exits and is restarted as a follower.
 *
 * The link: requests and answers can be cut in each direction, and the watch streams can be
 * delayed. Cut packets are lost, not refused: requests time out, streams go stale, are found dead
 * after up to 45 s, and reconnect with back-off (0.8 s doubling to 30 s, jittered) from the last
 * version seen; if the store's history does not reach back, the cache lists again.
 */
#ifndef KENNEL_MODELS_PROCESS_H
#define KENNEL_MODELS_PROCESS_H

#include "models/world.h"

typedef struct Component Component;
typedef struct Actor Actor;

typedef enum {
    ROLE_CONTROLLER_MANAGER,
    ROLE_SCHEDULER,
    ROLE_KUBELET,
    ROLE_STORAGE,
    ROLE_DNS,
    ROLE_COUNT
} Role;

/* The components of a role, by catalog.def; NULL-terminated. */
const Component *const *role_components(Role role);

typedef struct {
    const char *name; /* "kube-controller-manager-1", "kubelet-node-3" */
    Role role;
    Machine *machine;  /* where it runs; NULL: on the control plane, which has power */
    const char *lease; /* leader election lock, or NULL */
} ProcessOptions;

/* Makes a process of a world, with an actor for each component of its role; it is down. */
Process *process_new(World *world, const ProcessOptions *options);
void process_free(Process *process);

/* The same with actors of these components (NULL-terminated) instead of the role's. */
Process *process_new_of(World *world, const ProcessOptions *options,
                        const Component *const *components);

/* A process of a role whose cache is filled by hand and whose actors are driven by
 * plan_rehearse(): it counts as up, leading and synced; nothing is scheduled in its name. */
Process *process_new_rehearsal(World *world, Role role);

/* Starts a process that is down. */
void process_start(Process *process);

/* Kills it at once; `why` goes to the timeline. */
void process_crash(Process *process, const char *why);

/* Stops the world for it: it neither handles events nor fires timers until it is resumed. */
void process_pause(Process *process);
void process_resume(Process *process);

bool process_is_up(const Process *process);
bool process_is_leading(const Process *process); /* up, and leader or not taking part */
Atom process_name(const Process *process);
Role process_role(const Process *process);
Machine *process_machine(const Process *process);
World *process_world(const Process *process);

/* The informer cache. */
const ObjectTable *process_cache(const Process *process);

/* Changes the cache by hand, as a delivery would: the actors that run are told. */
void process_cache_put(Process *process, const Object *object);
void process_cache_drop(Process *process, Key key);

/* --- the link to the API server --- */

void process_cut(Process *process, bool to_server, bool from_server);
void process_heal(Process *process);
bool process_is_cut(const Process *process);

/* Adds a delay to every watch event of a kind (KIND_NONE: all kinds) from now on; 0 ends it. */
void process_delay_watch(Process *process, Kind kind, Nanos delay);

/* --- actors, in catalog order --- */

unsigned process_actor_count(const Process *process);
Actor *process_actor_at(const Process *process, unsigned index);
/* The actor of a component by name ("statefulset-controller"); NULL if there is none. */
Actor *process_actor(const Process *process, const char *component);

#endif
