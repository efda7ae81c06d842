/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - the way of a request to the API server and of its answer back.
 *
 * A request waits for the client's token bucket, leaves, arrives after half of the drawn latency,
 * is handled there and then, and its answer arrives after the other half. If the link is cut when
 * it leaves, it is lost; if the way back is cut when it is answered, the write has happened but
 * the client does not hear of it. Either way the client gets REASON_TIMEOUT when its timeout has
 * passed. Answers to a process that has died meanwhile are dropped, to a paused one kept.
 */
#ifndef KENNEL_MODELS_CLIENT_H
#define KENNEL_MODELS_CLIENT_H

#include "models/bucket.h"
#include "models/process.h"

/* All requests of a world that are on their way. */
typedef struct Calls Calls;

Calls *client_calls_new(World *world);
void client_calls_free(Calls *calls);

/* One client of a process: a rate limit, a timeout, a stream of latencies. */
typedef struct {
    Process *process;
    Bucket bucket;
    Nanos timeout;
    Rng rng;
    Atom name; /* in whose name the server writes */
} Client;

/* `reply` is valid during the call. */
typedef void (*ClientDone)(void *self, const Reply *reply);

/* A client without a rate limit; the caller may set `bucket`. timeout 0: 60 s. */
Client client_make(Process *process, const char *name, Nanos timeout);

/* Whether an event ends a call, so that it must run even if its process has died. */
bool client_owns(const EventType *type);

/* Sends a request; its body is taken and set to NULL. */
void client_send(Client *client, Request *request, ClientDone done, void *self);

#endif
