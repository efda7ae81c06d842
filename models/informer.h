/* SPDX-License-Identifier: Apache-2.0 */
/*
 * informer.h - how a process learns what the store holds: lists, watch streams, one shared cache.
 *
 * An Informer is the set of watch streams of one process, one a kind that its components watch.
 * Each begins with a list, which arrives one read latency after informer_open(), and goes on with
 * every commit, first-in first-out within the stream, each delayed by the watch latency; streams
 * do not wait for each other. A delivery changes the cache, then calls the handlers of the actors
 * that run, in catalog order. What falls due at one instant on one stream is one event.
 *
 * A stream with scope OWN_NODE hears only of the objects filed under its machine's name in an
 * index (INDEX_NONE: the object of that very name, such as a kubelet's own Node); an object that
 * leaves the scope is a deletion to it. The Hub of a world routes a commit to the streams concerned
 * by hash, so a commit costs the number of its hearers, not of all.
 *
 * While the link is cut (in either direction: a server that gets no acknowledgements stops sending)
 * nothing is delivered. If it heals before the connection is found dead, 30 to 45 s after the cut,
 * delivery goes on where it stopped. Otherwise each stream tries to reconnect, 0.8 s doubling to
 * 30 s, each with jitter, and resumes from its version or, if the store's history does not reach
 * back, lists again; what the list lacks is then a deletion.
 */
#ifndef KENNEL_MODELS_INFORMER_H
#define KENNEL_MODELS_INFORMER_H

#include "models/actor.h"

typedef struct Hub Hub;
typedef struct Informer Informer;

Hub *informer_hub_new(World *world);
void informer_hub_free(Hub *hub);

/* The streams that the components of the process's actors ask for; all closed. hub NULL: they are
 * never opened (rehearsals). */
Informer *informer_new(Hub *hub, Process *process);
void informer_free(Informer *informer);

/* Lists everything and watches. */
void informer_open(Informer *informer);
/* The process died: closes the streams and empties the cache. */
void informer_close(Informer *informer);

/* The link was cut, or works again in both directions. */
void informer_cut(Informer *informer);
void informer_heal(Informer *informer);

/* Delays the events of a kind (KIND_NONE: all) that are committed from now on. */
void informer_delay(Informer *informer, Kind kind, Nanos delay);

/* Whether the first list of a kind has arrived; true for kinds that are not watched. */
bool informer_has_listed(const Informer *informer, Kind kind);

/* Tells an actor that begins to run about everything cached: additions, kind by kind in key order. */
void informer_introduce(Informer *informer, Actor *actor);

/* Changes the cache by hand and tells the actors that run: `gone` with the last state. */
void informer_apply(Informer *informer, const Object *now, bool gone);

#endif
