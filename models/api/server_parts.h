/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_parts.h - what the files of the API server share; nobody else includes it.
 *
 * server.c takes a request in and words the answers, server_write.c creates and changes,
 * server_delete.c deletes, admission.c holds the built-in plug-ins. Each server_<verb>() handles
 * one verb completely: it either commits and sets reply->object, or refuses.
 */
#ifndef KENNEL_MODELS_API_SERVER_PARTS_H
#define KENNEL_MODELS_API_SERVER_PARTS_H

#include "models/api/server.h"

struct Server {
    World *world; /* may be NULL: no namespaces are required, streams have seed 0 */
    Store *store;
    AtomTable *atoms;
    Nanos now;
    GArray *admissions;       /* of Admission, in order of addition */
    GArray *refusals;         /* injected ones */
    GHashTable *incarnations; /* ref atom to how many objects of that name were created */
    GHashTable *generated;    /* atom of kind/namespace/base to how many names were made of it */
    Value *tolerations;       /* the two default ones, shared by all pods; made at first use */
};

void server_create(Server *server, const Request *request, Reply *reply);
void server_update(Server *server, const Request *request, Reply *reply);
void server_update_status(Server *server, const Request *request, Reply *reply);
void server_patch(Server *server, const Request *request, Reply *reply);
void server_delete(Server *server, const Request *request, Reply *reply);

/* The object of a request; NULL with reply filled if there is none. */
const Object *server_find(Server *server, const Request *request, Reply *reply);

/* Asks the plug-ins; false with reply filled if one refuses. */
bool server_admit(Server *server, const Request *request, const Object *old, Value **body,
                  Reply *reply);

/* Removes an object and answers with its last state. */
void server_remove(Server *server, const Object *object, Reply *reply);

/* Answers with an object. */
void reply_object(Reply *reply, const Object *object);

/* 409: Operation cannot be fulfilled on statefulsets.apps "web": why. */
void reply_conflict(Reply *reply, const Server *server, Key key, const char *why);

/* 409 of a write that was based on another version. */
void reply_stale(Reply *reply, const Server *server, Key key);

/* "statefulsets.apps" and "StatefulSet.apps": names with the API group; free with g_free(). */
char *kind_resource_text(Kind kind);
char *kind_group_text(Kind kind);

/* Sets a text at metadata.<field>. */
void meta_put_text(Value **value, const char *field, const char *text);

#endif
