/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the API server: what a request does, and what it answers.
 *
 * server_handle() performs one request against the store at the present instant: defaulting,
 * admission, validation, name generation, preconditions, optimistic concurrency, generation,
 * graceful deletion, finalizers, sub-resources. It takes no simulated time: latency, throttling,
 * loss and timeouts belong to the path between a client and here (client.h). Answers carry
 * Kubernetes' reasons, HTTP codes and messages.
 */
#ifndef KENNEL_MODELS_API_SERVER_H
#define KENNEL_MODELS_API_SERVER_H

#include "models/api/store.h"

typedef struct Server Server;

typedef enum {
    REQUEST_GET,
    REQUEST_CREATE,
    REQUEST_UPDATE,        /* whole object; status ignored where the kind has a status */
    REQUEST_UPDATE_STATUS, /* whole object; only status (and nothing else) is taken */
    REQUEST_PATCH,         /* body is a patch of the given type */
    REQUEST_PATCH_STATUS,
    REQUEST_DELETE,
    REQUEST_BIND, /* pods/binding: body {"target":{"name":NODE}} */
} RequestVerb;

typedef enum { PATCH_STRATEGIC, PATCH_MERGE, PATCH_JSON } PatchType;

typedef enum {
    PROPAGATION_DEFAULT,
    PROPAGATION_BACKGROUND,
    PROPAGATION_FOREGROUND,
    PROPAGATION_ORPHAN
} Propagation;

typedef struct {
    RequestVerb verb;
    Key key;     /* create with generateName: name is ATOM_NONE */
    Value *body; /* owned by the request; NULL where none belongs */
    PatchType patch;
    int64_t version; /* resourceVersion the client read (update) or demands (delete); 0: none */
    Atom uid;        /* precondition; ATOM_NONE: none */
    int64_t grace_s; /* delete: gracePeriodSeconds; -1: not given */
    Propagation propagation;
} Request;

typedef enum {
    REASON_OK,
    REASON_BAD_REQUEST,    /* 400 BadRequest */
    REASON_FORBIDDEN,      /* 403 Forbidden */
    REASON_NOT_FOUND,      /* 404 NotFound */
    REASON_ALREADY_EXISTS, /* 409 AlreadyExists */
    REASON_CONFLICT,       /* 409 Conflict */
    REASON_INVALID,        /* 422 Invalid */
    REASON_TOO_MANY,       /* 429 TooManyRequests */
    REASON_INTERNAL,       /* 500 InternalError */
    REASON_UNAVAILABLE,    /* 503 ServiceUnavailable */
    REASON_TIMEOUT,        /* no answer in time; the write may have happened */
} ReplyReason;

typedef struct {
    ReplyReason reason;
    char *message;        /* of an error; owned */
    const Object *object; /* the result where there is one; a reference is held */
} Reply;

Server *server_new(World *world, Store *store, AtomTable *atoms);
void server_free(Server *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Server, server_free)

/* Performs a request at `now`; fills *reply, which the caller clears. */
void server_handle(Server *server, Nanos now, const Request *request, Reply *reply);

void reply_clear(Reply *reply);
void request_clear(Request *request);

/* Makes the reply a refusal with a printf-formatted message. */
void reply_refuse(Reply *reply, ReplyReason reason, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* "Conflict", "NotFound", ...; the HTTP code; whether it means success. */
const char *reason_text(ReplyReason reason);
int reason_code(ReplyReason reason);

/* An admission plug-in sees every create, update and delete before validation and may change the
 * body or refuse. The built-in ones (default tolerations, storage class, finalizers, pvc
 * protection) are in admission.c; quota and webhooks are faults and later kinds. */
typedef struct {
    const char *name;
    /* *body may be replaced (path copy); returns false with reply filled to refuse. */
    bool (*admit)(void *self, Server *server, const Request *request, const Object *old,
                  Value **body, Reply *reply);
    void *self;
} Admission;

void server_add_admission(Server *server, Admission admission);

/* Adds the built-in plug-ins; server_new() does so for the server of a world. */
void server_add_builtin_admission(Server *server);

/* What admission may read. */
const Store *server_store(const Server *server);
AtomTable *server_atoms(const Server *server);
/* The time of the request being handled. */
Nanos server_now(const Server *server);

/* Injects refusals: the next `times` requests that match fail with the reason before anything
 * else happens (kind KIND_NONE, name ATOM_NONE: any). For tests and faults. */
void server_refuse(Server *server, RequestVerb verb, Kind kind, Atom name, ReplyReason reason,
                   unsigned times);

#endif
