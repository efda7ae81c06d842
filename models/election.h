/* SPDX-License-Identifier: Apache-2.0 */
/*
 * election.h - leader election among processes, by a Lease object.
 *
 * A candidate polls the lease every retry period (2 s), jittered to 1..2.2 times of it, and takes
 * it over when the record it has observed has not changed for the lease's duration (15 s) on its
 * own clock. The leader renews every retry period; when renewing has failed for the renew deadline
 * (10 s) its process exits. A lease is not released on exit.
 */
#ifndef KENNEL_MODELS_ELECTION_H
#define KENNEL_MODELS_ELECTION_H

#include "models/process.h"

typedef struct Election Election;

/* `lease` is "namespace/name", or a name in kube-system. */
Election *election_new(Process *process, const char *lease);
void election_free(Election *election); /* NULL is allowed */

/* The process is up: begins to poll. process_lead() is called when the lease is won. */
void election_start(Election *election);
void election_stop(Election *election);

/* Wins the lease on the spot, with no latency, if nobody holds it: for the start of the world. */
void election_claim(Election *election);

#endif
