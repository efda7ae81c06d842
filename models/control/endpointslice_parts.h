/* SPDX-License-Identifier: Apache-2.0 */
/*
 * endpointslice_parts.h - what the slices of a Service should hold. Internal to the endpointslice
 * controller: endpointslice.c watches and writes, endpointslice_parts.c computes.
 */
#ifndef KENNEL_MODELS_CONTROL_ENDPOINTSLICE_PARTS_H
#define KENNEL_MODELS_CONTROL_ENDPOINTSLICE_PARTS_H

#include "models/plan.h"

/* A slice as it shall be. */
typedef struct {
    const Object *base;   /* NULL: to be made */
    Value *ports;         /* owned */
    GPtrArray *endpoints; /* of Value, owned */
    bool is_changed, is_deleted;
} SliceDraft;

typedef struct {
    GPtrArray *list; /* of SliceDraft: creations, updates, deletions, in this order */
} SliceDrafts;

bool service_selects(const Object *service, const Object *pod);

/* Whether the endpointslice controller made the slice. */
bool slice_is_managed(const Actor *actor, const Object *slice);

void slice_drafts_make(SliceDrafts *drafts, const Actor *actor, const Object *service);
void slice_drafts_clear(SliceDrafts *drafts);

/* The object to write for a draft. */
Value *slice_body(const Actor *actor, const Object *service, const SliceDraft *draft);

#endif
