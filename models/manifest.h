/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.h - Kubernetes manifests from files.
 *
 * A manifest file is a stream of YAML documents, as kubectl takes it; `kind: List` (and any
 * "...List" with items) is expanded. Each object of a simulated kind is checked as the API server
 * would check it: defaults are filled into a copy, which is validated; the value kept is what the
 * user wrote, untouched, with every field that kennel does not interpret. Kinds that are not
 * simulated are kept apart and named in one warning each.
 */
#ifndef KENNEL_MODELS_MANIFEST_H
#define KENNEL_MODELS_MANIFEST_H

#include "models/scenario.h"
#include "sim/yaml.h"

typedef struct {
    AtomTable *atoms;
    GPtrArray *streams;  /* YamlStream *: own the values */
    GPtrArray *values;   /* Value * made on the way (patched, expanded) */
    GArray *objects;     /* Manifest: simulated kinds, in file order */
    GPtrArray *foreign;  /* const Value *: kinds that are not simulated, in file order */
    GHashTable *seen;    /* "Kind/ns/name" -> "file:line", to find two of one name */
    GPtrArray *warnings; /* char * */
    GHashTable *warned;  /* kinds that were warned about */
} ManifestSet;

ManifestSet *manifest_set_new(void);
void manifest_set_free(ManifestSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ManifestSet, manifest_set_free)

/* Adds one document (a List is expanded); the value stays owned by the caller, which must keep it
 * as long as the set. */
bool manifest_add(ManifestSet *set, const Value *document, const char *file, GError **error);

/* Reads a file and adds its documents. `patch` (may be NULL) is a strategic merge patch for the
 * objects of the file that have its kind, and its metadata.name if it gives one; a patch that fits
 * none is an error. */
bool manifest_load(ManifestSet *set, const char *file, const Value *patch, GError **error);

/* Whether a document is a Kubernetes object at all (has apiVersion and kind). */
bool manifest_is_object(const Value *document);

/* The object of that kind, namespace and name, or NULL. */
const Manifest *manifest_find(const ManifestSet *set, Kind kind, const char *space,
                              const char *name);

#endif
