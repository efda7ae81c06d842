/* SPDX-License-Identifier: Apache-2.0 */
/*
 * persistentvolumeclaim.h - checks of claims that StatefulSets (claim templates) and volumes share.
 */
#ifndef KENNEL_MODELS_KIND_PERSISTENTVOLUMECLAIM_H
#define KENNEL_MODELS_KIND_PERSISTENTVOLUMECLAIM_H

#include "models/kind/path.h"

/* Checks the spec of a claim or of a claim template. */
void persistentvolumeclaim_validate_spec(const Value *spec, const Path *path, FieldErrors *errors);

/* Checks a list of access modes, at least one. */
void persistentvolumeclaim_validate_modes(const Value *modes, const Path *path,
                                          FieldErrors *errors);

/* Checks a volumeMode that is set. */
void persistentvolumeclaim_validate_volume_mode(const Value *mode, const Path *path,
                                                FieldErrors *errors);

#endif
