/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gates.h - the feature gates that change what is simulated, by Kubernetes release.
 *
 * The table is gates.def. A cluster's value of a gate is its default in cluster.version unless
 * cluster.featureGates says otherwise (world_gate() in world.h).
 */
#ifndef KENNEL_MODELS_GATES_H
#define KENNEL_MODELS_GATES_H

#include "sim/base.h"

/* Releases the table covers: 1.27 to 1.36. */
#define GATE_MINOR_FIRST 27
#define GATE_MINOR_LAST  36

/* How many gates there are, and the name of the i-th. */
unsigned gate_count(void);
const char *gate_name(unsigned index);

/* The number of a gate; gate_count() if it is not known. */
unsigned gate_index(const char *name);

/* Whether the simulation knows the gate. */
bool gate_is_known(const char *name);

/* Its default in release 1.minor; CHECKs that it is known. */
bool gate_default(const char *name, int minor);

#endif
