/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch.h - the three ways to patch an object.
 *
 * Strategic merge knows the merge keys of Kubernetes' lists (containers by name, ownerReferences by
 * uid, conditions by type, ...), `$patch: delete|replace` and `$deleteFromPrimitiveList/..`;
 * merge patch is RFC 7386; JSON patch is RFC 6902.
 */
#ifndef KENNEL_MODELS_API_PATCH_H
#define KENNEL_MODELS_API_PATCH_H

#include "models/api/server.h"

/* Applies a patch to *value (replaced by path copy); false with error set if it does not apply. */
bool patch_apply(PatchType type, Value **value, const Value *patch, GError **error);

#endif
