/* SPDX-License-Identifier: Apache-2.0 */
/*
 * patch_json.h - JSON patch (RFC 6902): a list of operations at JSON pointers; for patch.c.
 */
#ifndef KENNEL_MODELS_API_PATCH_JSON_H
#define KENNEL_MODELS_API_PATCH_JSON_H

#include "sim/value.h"

/* Applies all operations to *value or, with error set, none. */
bool patch_json_apply(Value **value, const Value *patch, GError **error);

#endif
