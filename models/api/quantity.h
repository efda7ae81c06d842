/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quantity.h - resource quantities ("100m", "1Gi", "2e3", "1.5").
 *
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/apimachinery/pkg/api/resource.
 */
#ifndef KENNEL_MODELS_API_QUANTITY_H
#define KENNEL_MODELS_API_QUANTITY_H

#include "sim/value.h"

/* Parses to thousandths, rounded up; false if the text is no quantity. Saturates at int64. */
bool quantity_parse_milli(const char *text, int64_t *ret_milli);

/* Parses to whole units, rounded up. */
bool quantity_parse(const char *text, int64_t *ret_units);

/* Of a value that may be a string or a number; fallback if absent or malformed. */
int64_t quantity_units(const Value *value, int64_t fallback);
int64_t quantity_milli(const Value *value, int64_t fallback);

/* Whether two texts mean the same amount. */
bool quantity_equal(const char *a, const char *b);

#endif
