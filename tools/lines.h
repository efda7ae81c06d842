/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.h - the lines of a file, of standard input, or of either in gzip form.
 *
 * Whether the input is compressed is seen from its first bytes, not from its name. A line is valid
 * until the next one is read.
 */
#ifndef KENNEL_TOOLS_LINES_H
#define KENNEL_TOOLS_LINES_H

#include "sim/base.h"

typedef struct Lines Lines;

/* Opens a file ("-": standard input); NULL with error set. */
Lines *lines_open(const char *file, GError **error);
void lines_close(Lines *lines);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lines, lines_close)

/* The next line, without its end; NULL at the end of the input, or with error set if it cannot be
 * read. */
const char *lines_next(Lines *lines, size_t *ret_length, GError **error);

/* The number of the line read last, from 1. */
unsigned lines_number(const Lines *lines);

#endif
