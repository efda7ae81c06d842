/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - what is: the one versioned store behind the API server.
 *
 * Every write makes a new Object with the next resourceVersion, records its facts (the kind's
 * record()) and tells the listeners, all at the instant of the commit. The store knows nothing of
 * requests, preconditions or defaults: that is server.h. Nobody but the server writes; controllers
 * never read it (they have caches).
 *
 * A bounded history of changes is kept for watches that resume; a watcher older than it must list
 * again (410 Gone).
 */
#ifndef KENNEL_MODELS_API_STORE_H
#define KENNEL_MODELS_API_STORE_H

#include "models/api/table.h"

typedef struct Store Store;

typedef enum { CHANGE_ADDED, CHANGE_MODIFIED, CHANGE_DELETED } ChangeType;

/* One commit. MODIFIED: old and now; ADDED: now; DELETED: old is the state before, now the last
 * state with the version of the deletion. Valid during the call; keep references beyond it. */
typedef struct {
    ChangeType type;
    const Object *old, *now;
} Change;

typedef struct {
    void (*committed)(void *self, const Change *change);
    void *self;
} StoreListener;

/* A store of a world; facts go to the world's recorder. world may be NULL (no facts). */
Store *store_new(World *world, AtomTable *atoms);
void store_free(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_free)

/* Listeners are called in the order they were added. */
void store_listen(Store *store, StoreListener listener);

/* All objects as they are. */
const ObjectTable *store_table(const Store *store);
const Object *store_get(const Store *store, Key key);

/* The resourceVersion of the last write. */
int64_t store_version(const Store *store);

/* Adds an object that must not exist, or replaces one that must; value is taken. The result is
 * borrowed. A replacement by an equal value is no write and returns the present version. */
const Object *store_put(Store *store, Key key, Value *value);

/* Removes an object that must exist. */
void store_remove(Store *store, Key key);

/* Changes after `version`, oldest first, to `visit`; false if the history does not reach back. */
bool store_replay(const Store *store, int64_t version,
                  void (*visit)(void *self, const Change *change), void *self);

/* How many changes are kept for store_replay(). */
void store_keep_history(Store *store, unsigned changes);

#endif
