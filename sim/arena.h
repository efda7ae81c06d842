/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory with one lifetime, and pools of equal slots.
 *
 * An Arena hands out zeroed memory that is freed all at once; it is for what lives as long as a
 * run, a scenario or one event. A Pool hands out slots of one size and takes them back. Neither is
 * thread-safe; each belongs to one World. Out of memory aborts.
 */
#ifndef KENNEL_SIM_ARENA_H
#define KENNEL_SIM_ARENA_H

#include "sim/base.h"

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *arena);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Arena, arena_free)

/* Zeroed memory, aligned for any type; valid until arena_reset() or arena_free(). */
void *arena_alloc(Arena *arena, size_t size);

/* A copy of a string. */
const char *arena_strdup(Arena *arena, const char *text);

/* printf into the arena. */
const char *arena_printf(Arena *arena, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Gives all memory back but keeps the blocks for reuse. */
void arena_reset(Arena *arena);

/* Bytes handed out since the last reset, for reports. */
size_t arena_used(const Arena *arena);

#define arena_new_struct(arena, Type)       ((Type *)arena_alloc((arena), sizeof(Type)))
#define arena_new_array(arena, Type, count) ((Type *)arena_alloc((arena), sizeof(Type) * (count)))

typedef struct Pool Pool;

/* A pool of slots of slot_size bytes. */
Pool *pool_new(size_t slot_size);
void pool_free(Pool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pool, pool_free)

/* A zeroed slot. */
void *pool_take(Pool *pool);

/* Gives a slot back; it must come from this pool and not be used any more. */
void pool_give(Pool *pool, void *slot);

/* Slots in use. */
size_t pool_in_use(const Pool *pool);

#endif
