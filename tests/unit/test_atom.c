/* SPDX-License-Identifier: Apache-2.0 */
/* Interned strings: numbering, equality, growth, formatting. */
#include "sim/atom.h"
#include "tests/unit/test.h"

TEST(atom_basics)
{
    g_autoptr(AtomTable) table = atom_table_new();
    EQUAL_INT(atom_count(table), 1);
    EQUAL_INT(atom_of(table, NULL), ATOM_NONE);
    EQUAL_INT(atom_of(table, ""), ATOM_NONE);
    EQUAL_TEXT(atom_text(table, ATOM_NONE), "");
    EQUAL_INT(atom_find(table, "web-0"), ATOM_NONE);
    EQUAL_INT(atom_count(table), 1);
    EQUAL_INT(atom_of(table, "web-0"), 1);
    EQUAL_INT(atom_of(table, "db"), 2);
    EQUAL_INT(atom_of(table, "web-0"), 1);
    EQUAL_INT(atom_find(table, "db"), 2);
    EQUAL_INT(atom_find(table, NULL), ATOM_NONE);
    EQUAL_INT(atom_of_length(table, "web-01", 5), 1);
    EQUAL_INT(atom_of_length(table, "web-01", 6), 3);
    EQUAL_INT(atom_format(table, "web-%d", 0), 1);
    CU_ASSERT(atom_compare(table, 1, 2) > 0);
    CU_ASSERT(atom_compare(table, 2, 1) < 0);
    CU_ASSERT(atom_compare(table, ATOM_NONE, 1) < 0);
    EQUAL_INT(atom_compare(table, 2, 2), 0);
}

TEST(atom_growth_keeps_numbers_and_texts)
{
    g_autoptr(AtomTable) table = atom_table_new();
    const char *early = atom_text(table, atom_of(table, "name-0"));
    for (int pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < 50000; i++)
            EQUAL_INT(atom_format(table, "name-%u", i), i + 1);
    EQUAL_INT(atom_count(table), 50001);
    CU_ASSERT_PTR_EQUAL(atom_text(table, 1), early);
    EQUAL_TEXT(atom_text(table, 50000), "name-49999");
    EQUAL_INT(atom_find(table, "name-50000"), ATOM_NONE);
}

TEST(atom_format_of_any_length)
{
    g_autoptr(AtomTable) table = atom_table_new();
    for (size_t length = 250; length < 262; length++) {
        g_autofree char *text = g_strnfill(length, 'a');
        Atom atom = atom_format(table, "%s", text);
        EQUAL_TEXT(atom_text(table, atom), text);
        EQUAL_INT(atom_of(table, text), atom);
    }
}
