/* SPDX-License-Identifier: Apache-2.0 */
/* rehearsal_api.h - the API in memory of a Rehearsal; rehearsal.h says how it differs from the API
 * server. Nobody but rehearsal.c includes it. */
#ifndef KENNEL_MODELS_REHEARSAL_API_H
#define KENNEL_MODELS_REHEARSAL_API_H

#include "models/api/server.h"

typedef struct MemoryApi MemoryApi;

MemoryApi *memory_api_new(AtomTable *atoms);
void memory_api_free(MemoryApi *api);
void memory_api_clear(MemoryApi *api);

const ObjectTable *memory_api_table(const MemoryApi *api);
void memory_api_put(MemoryApi *api, const Object *object);
void memory_api_drop(MemoryApi *api, Key key);
void memory_api_freeze_pod_specs(MemoryApi *api, bool is_frozen);
void memory_api_refuse(MemoryApi *api, RequestVerb verb, Key key, ReplyReason reason,
                       unsigned times);
void memory_api_forgive(MemoryApi *api);
void memory_api_existed(MemoryApi *api, Key key, unsigned count);
void memory_api_handle(MemoryApi *api, Nanos now, const Request *request, Reply *reply);

#endif
