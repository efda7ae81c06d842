/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world_rows.c - the vocabulary of the timeline, as timeline_create() wants it.
 * Mirrors: nothing upstream.
 * Simplified: nothing.
 */
#include "models/world.h"

const FactRow world_rows[ROW_COUNT] = {
#define ROW(ID, name, help) {name, help},
#include "models/rows.def"
};
