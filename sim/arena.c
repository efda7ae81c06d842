/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.c - bump allocation in a chain of blocks, and slabs of equal slots with a free list.
 *
 * Memory is cleared when it is handed out, not when it is given back, so a reset costs nothing and
 * only what is used again is touched.
 */
#include "sim/arena.h"

#include <stdarg.h>

#define BLOCK_MIN   ((size_t)4096)
#define BLOCK_MAX   ((size_t)1 << 20)
#define ARENA_ALIGN ((size_t)16)

G_STATIC_ASSERT(_Alignof(max_align_t) <= ARENA_ALIGN);

typedef struct Block Block;
struct Block {
    Block *next;
    size_t size;
    _Alignas(16) unsigned char bytes[];
};

/* Blocks before `current` are in use, those behind it are kept for later. */
struct Arena {
    Block *first, *current;
    size_t filled; /* bytes of current handed out */
    size_t used;
};

Arena *arena_new(void)
{
    return g_new0(Arena, 1);
}

void arena_free(Arena *arena)
{
    if (!arena) return;
    for (Block *block = arena->first, *next; block; block = next) {
        next = block->next;
        g_free(block);
    }
    g_free(arena);
}

/* A new block behind `current`; blocks double so that a large arena has few. */
static Block *block_add(Arena *arena, size_t size)
{
    size_t wanted = arena->current ? MIN(arena->current->size * 2, BLOCK_MAX) : BLOCK_MIN;
    wanted = MAX(wanted, size);
    Block *block = g_malloc(sizeof(Block) + wanted);
    block->size = wanted;
    Block **link = arena->current ? &arena->current->next : &arena->first;
    block->next = *link;
    *link = block;
    return block;
}

static void block_turn(Arena *arena, size_t size)
{
    Block *next = arena->current ? arena->current->next : arena->first;
    if (!next || next->size < size) next = block_add(arena, size);
    arena->current = next;
    arena->filled = 0;
}

void *arena_alloc(Arena *arena, size_t size)
{
    CHECK(size <= SIZE_MAX / 2);
    size_t rounded = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    if (!arena->current || arena->current->size - arena->filled < rounded)
        block_turn(arena, rounded);
    void *memory = arena->current->bytes + arena->filled;
    arena->filled += rounded;
    arena->used += rounded;
    return memset(memory, 0, rounded);
}

const char *arena_strdup(Arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(arena_alloc(arena, size), text, size);
}

const char *arena_printf(Arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    CHECK(length >= 0);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

void arena_reset(Arena *arena)
{
    arena->current = NULL;
    arena->filled = 0;
    arena->used = 0;
}

size_t arena_used(const Arena *arena)
{
    return arena->used;
}

/* A free slot holds the link to the next one. */
typedef struct FreeSlot FreeSlot;
struct FreeSlot {
    FreeSlot *next;
};

struct Pool {
    size_t slot_size;
    size_t in_use;
    size_t slab_slots;
    FreeSlot *free_slots;
    GPtrArray *slabs;
};

Pool *pool_new(size_t slot_size)
{
    CHECK(slot_size > 0);
    Pool *pool = g_new0(Pool, 1);
    pool->slot_size = (MAX(slot_size, sizeof(FreeSlot)) + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    pool->slab_slots = 16;
    pool->slabs = g_ptr_array_new_with_free_func(g_free);
    return pool;
}

void pool_free(Pool *pool)
{
    if (!pool) return;
    g_ptr_array_unref(pool->slabs);
    g_free(pool);
}

/* Links the slots of a new slab so that they are taken in address order. */
static void slab_add(Pool *pool)
{
    unsigned char *slab = g_malloc_n(pool->slab_slots, pool->slot_size);
    g_ptr_array_add(pool->slabs, slab);
    for (size_t i = pool->slab_slots; i-- > 0;) {
        void *memory = slab + i * pool->slot_size;
        FreeSlot *slot = memory;
        slot->next = pool->free_slots;
        pool->free_slots = slot;
    }
    if (pool->slab_slots * pool->slot_size < BLOCK_MAX) pool->slab_slots *= 2;
}

void *pool_take(Pool *pool)
{
    if (!pool->free_slots) slab_add(pool);
    FreeSlot *slot = pool->free_slots;
    pool->free_slots = slot->next;
    pool->in_use++;
    return memset(slot, 0, pool->slot_size);
}

void pool_give(Pool *pool, void *slot)
{
    CHECK(slot && pool->in_use > 0);
    FreeSlot *given = slot;
    given->next = pool->free_slots;
    pool->free_slots = given;
    pool->in_use--;
}

size_t pool_in_use(const Pool *pool)
{
    return pool->in_use;
}
