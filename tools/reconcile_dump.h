/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reconcile_dump.h - `kennel reconcile FILE...`: what the controller would do with what kubectl
 * printed, and why.
 */
#ifndef KENNEL_TOOLS_RECONCILE_DUMP_H
#define KENNEL_TOOLS_RECONCILE_DUMP_H

#include "tools/dump.h"

typedef struct {
    bool has_now;
    Nanos now;    /* given by --now; else the latest time in the dump */
    int minor;    /* release 1.minor */
    Value *gates; /* map of name to boolean, owned by the caller; never NULL */
    bool is_json;
} ReconcileOptions;

/* Appends every set of a dump; returns how many there are. */
unsigned reconcile_dump(const Dump *dump, const ReconcileOptions *options, GString *out);

/* Prints every set of the files (NULL-terminated; "-" is standard input) on standard output and
 * faults on standard error; returns the exit code. */
int reconcile_dumps(char **files, const ReconcileOptions *options);

#endif
