/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas and pools: alignment, clearing, no overlap, reuse. */
#include "sim/arena.h"
#include "tests/unit/test.h"

static bool is_filled(const unsigned char *bytes, size_t size, unsigned char with)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != with) return false;
    return true;
}

/* Many pieces, each filled with its own byte, all read back at the end: twice, over a reset. */
TEST(arena_pieces_do_not_overlap)
{
    g_autoptr(Arena) arena = arena_new();
    for (int pass = 0; pass < 3; pass++) {
        unsigned char *pieces[500];
        size_t sizes[500];
        uint64_t state = (uint64_t)pass;
        for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
            state = mix64(state + i);
            sizes[i] = state % (i % 50 == 49 ? 100000 : 300);
            pieces[i] = arena_alloc(arena, sizes[i]);
            CU_ASSERT((uintptr_t)pieces[i] % 16 == 0);
            CU_ASSERT(is_filled(pieces[i], sizes[i], 0));
            memset(pieces[i], (int)(i % 255 + 1), sizes[i]);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++)
            CU_ASSERT(is_filled(pieces[i], sizes[i], (unsigned char)(i % 255 + 1)));
        CU_ASSERT(arena_used(arena) > 0);
        arena_reset(arena);
        EQUAL_INT(arena_used(arena), 0);
    }
}

TEST(arena_reset_keeps_blocks)
{
    g_autoptr(Arena) arena = arena_new();
    const void *first = arena_alloc(arena, 100);
    arena_alloc(arena, 100000);
    arena_reset(arena);
    CU_ASSERT_PTR_EQUAL(arena_alloc(arena, 100), first);
}

TEST(arena_text)
{
    g_autoptr(Arena) arena = arena_new();
    const char *copy = arena_strdup(arena, "web-0");
    EQUAL_TEXT(arena_printf(arena, "%s.%d", copy, 42), "web-0.42");
    EQUAL_TEXT(arena_printf(arena, "%s", ""), "");
    EQUAL_TEXT(arena_strdup(arena, ""), "");
    g_autofree char *large = g_strnfill(10000, 'x');
    EQUAL_TEXT(arena_printf(arena, "%s", large), large);
    EQUAL_TEXT(copy, "web-0");
}

TEST(pool_gives_back)
{
    for (size_t size = 1; size <= 200; size += 33) {
        g_autoptr(Pool) pool = pool_new(size);
        unsigned char *slots[1000];
        for (size_t i = 0; i < 1000; i++) {
            slots[i] = pool_take(pool);
            CU_ASSERT(is_filled(slots[i], size, 0));
            memset(slots[i], (int)(i % 255 + 1), size);
        }
        EQUAL_INT(pool_in_use(pool), 1000);
        for (size_t i = 0; i < 1000; i++)
            CU_ASSERT(is_filled(slots[i], size, (unsigned char)(i % 255 + 1)));
        const void *given = slots[123];
        pool_give(pool, slots[123]);
        EQUAL_INT(pool_in_use(pool), 999);
        unsigned char *taken = pool_take(pool);
        CU_ASSERT_PTR_EQUAL(taken, given);
        CU_ASSERT(is_filled(taken, size, 0));
    }
}
