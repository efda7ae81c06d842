/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podtemplate.h - what a pod and the three kinds that contain a pod template share.
 *
 * A pod spec is defaulted, checked and projected by one code, whether it is a pod's own or a
 * template's. The bytes of a defaulted template are what ControllerRevisions hold and what revision
 * names are hashes of, so defaulting also does what decoding and encoding do upstream: empty fields
 * vanish, quantities take their canonical form.
 */
#ifndef KENNEL_MODELS_KIND_PODTEMPLATE_H
#define KENNEL_MODELS_KIND_PODTEMPLATE_H

#include "models/kind/path.h"
#include "models/kind/views.h"

/* --- defaults; both leave *value alone if it has them --- */

/* The defaults of a pod spec that hold in templates too. */
void podtemplate_default_spec(Value **spec);

/* A template: metadata and spec. */
void podtemplate_default(Value **pod_template);

/* A claim template or a claim's spec. */
void podtemplate_default_claim_spec(Value **spec);

/* --- validation --- */

/* Checks a pod spec; `extra` are names of volumes that will exist besides its own (claim
 * templates), or NULL. */
void podtemplate_validate_spec(const Value *spec, const Path *path, const PathNames *extra,
                               FieldErrors *errors);

/* Checks a probe; `which` is "livenessProbe", "readinessProbe" or "startupProbe". */
void podtemplate_validate_probe(const Value *probe, const Path *path, const char *which,
                                FieldErrors *errors);

/* Checks the tolerations of a pod spec. */
void podtemplate_validate_tolerations(const Value *tolerations, const Path *path,
                                      FieldErrors *errors);

/* Checks labels and annotations of a template's metadata at `path` (the template's). */
void podtemplate_validate_meta(const Value *metadata, const Path *path, FieldErrors *errors);

/* --- projection --- */

/* Projects a pod spec; ends with podtemplate_unref(). */
const PodSpec *podtemplate_project(AtomTable *atoms, const Value *spec);
const PodSpec *podtemplate_ref(const PodSpec *spec);
void podtemplate_unref(const PodSpec *spec);

#endif
