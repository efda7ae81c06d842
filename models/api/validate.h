/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate.h - field errors in Kubernetes' own words.
 *
 * `spec.replicas: Invalid value: -1: must be greater than or equal to 0`. Kinds add errors while
 * they validate; the server joins them into the 422 message, and lint prints them with file and
 * line of the offending node.
 */
#ifndef KENNEL_MODELS_API_VALIDATE_H
#define KENNEL_MODELS_API_VALIDATE_H

#include "models/api/object.h"

FieldErrors *field_errors_new(void);
void field_errors_free(FieldErrors *errors);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FieldErrors, field_errors_free)

unsigned field_errors_count(const FieldErrors *errors);
/* "path: Invalid value: ...: detail" of the i-th; its line in the manifest (0: unknown). */
const char *field_errors_text(const FieldErrors *errors, unsigned index);
unsigned field_errors_line(const FieldErrors *errors, unsigned index);

/* All texts as the API server joins them: one plain, several in brackets. Free with g_free(). */
char *field_errors_join(const FieldErrors *errors);

/* node: the offending value (for its line and, in invalid, its text); may be NULL. */
void field_required(FieldErrors *errors, const char *path, const Value *node, const char *detail);
void field_invalid(FieldErrors *errors, const char *path, const Value *node, const char *detail);
void field_forbidden(FieldErrors *errors, const char *path, const Value *node, const char *detail);
/* supported: NULL-terminated. */
void field_not_supported(FieldErrors *errors, const char *path, const Value *node,
                         const char *const *supported);
void field_duplicate(FieldErrors *errors, const char *path, const Value *node);
/* `path: Not found: "x"`. */
void field_not_found(FieldErrors *errors, const char *path, const Value *node);
/* A value of the wrong type, as the decoder words it; stops nothing. */
void field_type(FieldErrors *errors, const char *path, const Value *node, const char *expected);

/* Names: NULL if the text is fine, else the reason in Kubernetes' words. */
const char *name_is_dns_label(const char *text);
const char *name_is_dns_subdomain(const char *text);
const char *name_is_label_key(const char *text);
const char *name_is_label_value(const char *text);

/* Checks metadata (name, generateName, namespace, labels, annotations) common to all kinds. */
void validate_meta(const KindInfo *info, const Value *value, FieldErrors *errors);

#endif
