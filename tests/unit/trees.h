/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trees.h - random values for property tests: every type, and texts that a careless reader or
 * writer would take for something else.
 */
#ifndef KENNEL_TEST_TREES_H
#define KENNEL_TEST_TREES_H

#include "sim/value.h"

static const char *const tree_texts[] = {
    "",
    " ",
    "a",
    "web-0",
    "true",
    "yes",
    "y",
    "N",
    "off",
    "null",
    "~",
    "Null",
    "0",
    "-1",
    "0x1F",
    "0o17",
    "0644",
    "1_000",
    "1e3",
    ".5",
    ".inf",
    "-.inf",
    ".NaN",
    "2024-01-01",
    "12:30",
    "<<",
    "=",
    "-",
    "--",
    "---",
    "--- a",
    "...",
    "- a",
    "-a",
    "?",
    "? a",
    ":",
    ": a",
    "a:",
    "a: b",
    "a:b",
    "a #b",
    "a# b",
    "#a",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "%a",
    "@a",
    "`a",
    "{a}",
    "[a]",
    "{}",
    "[]",
    "'",
    "\"",
    "a'b",
    "a\"b",
    "\\",
    "a,b",
    " a",
    "a ",
    "\ta",
    "a\t",
    "a\tb",
    "\n",
    "a\n",
    "a\nb",
    "a\nb\n",
    "a\n\nb\n\n\n",
    "\na",
    "  a\n b\n",
    "\ta\n\tb",
    "a \nb",
    "a\n  \nb",
    "a\n ",
    "a\r\nb",
    "\x01",
    "\x1b[0m",
    "\x7f",
    "\xc2\x85",
    "\xc2\xa0",
    "\xe2\x80\xa8",
    ("\xef\xbb\xbf"
     "a"),
    "\xef\xbf\xbf",
    "\xef\xbf\xbd",
    "\xf0\x9f\x98\x80",
    "caf\xc3\xa9",
    "<a href=\"b\">&amp;</a>",
    "#!/bin/sh\nset -e\n\nexec \"$@\"\n",
    "key: |\n  text\n",
    "---\na\n...\n",
    "1Gi",
    "100m",
    "08",
    "a\n---\nb\n",
    ("\xe2\x80\xa8\n"
     "a"),
    "0b101",
    "+1",
    "+",
    ".",
    "..",
    "1.",
    "-0",
    "0_",
    "_1",
};

static inline Value *tree_scalar(GRand *random)
{
    static const int64_t integers[] = {0, 1, -1, 42, INT64_MAX, INT64_MIN, 1000000};
    static const double floats[] = {0.0,    -0.0,   0.1,    1e21,    -1.5e300,
                                    5e-324, 1e-7,   1e20,   123.0,   1e6,
                                    2.5e-6, 0x1p63, 0x1p53, 1.0 / 3, 0x1p63 - 1024};
    switch (g_rand_int_range(random, 0, 8)) {
    case 0: return value_null();
    case 1: return value_bool(g_rand_boolean(random));
    case 2: return value_int(integers[g_rand_int(random) % G_N_ELEMENTS(integers)]);
    case 3: return value_float(floats[g_rand_int(random) % G_N_ELEMENTS(floats)]);
    case 4: return value_int(g_rand_int_range(random, -100, 100));
    default: return value_string(tree_texts[g_rand_int(random) % G_N_ELEMENTS(tree_texts)]);
    }
}

/* A tree at most `depth` levels deep. */
static inline Value *tree_random(GRand *random, int depth)
{
    int kind = depth > 0 ? g_rand_int_range(random, 0, 5) : 0;
    int size = g_rand_int_range(random, 0, 5);
    if (kind < 2) return tree_scalar(random);
    Value *tree = kind == 2 ? value_list() : value_map();
    for (int i = 0; i < size; i++) {
        Value *child = tree_random(random, depth - 1);
        if (kind == 2)
            value_list_add(tree, child);
        else
            value_map_set(tree, tree_texts[g_rand_int(random) % G_N_ELEMENTS(tree_texts)], child);
    }
    return tree;
}

#endif
