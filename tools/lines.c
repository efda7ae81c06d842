/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines.c - reading lines, plain or compressed.
 *
 * Two buffers: what the file gave, and what it says when decompressed. A plain file goes straight
 * into the second one.
 */
#include "tools/lines.h"

#include <errno.h>
#include <gio/gio.h>

#define CHUNK 262144U /* bytes read at once */

struct Lines {
    FILE *file;
    char *name;
    GConverter *gunzip; /* NULL: plain */
    GByteArray *packed; /* read, not yet decompressed */
    GByteArray *text;   /* begins with what is left */
    size_t at;          /* where the next line begins in text */
    unsigned number;
    bool has_begun, is_file_over, is_over;
    bool is_inside; /* gzip data that have not ended */
};

Lines *lines_open(const char *file, GError **error)
{
    bool is_stdin = strcmp(file, "-") == 0;
    FILE *stream = is_stdin ? stdin : fopen(file, "rb");
    if (stream == NULL) {
        g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "%s: %s", file, g_strerror(errno));
        return NULL;
    }
    Lines *lines = g_new0(Lines, 1);
    lines->file = stream;
    lines->name = g_strdup(is_stdin ? "standard input" : file);
    lines->packed = g_byte_array_new();
    lines->text = g_byte_array_new();
    return lines;
}

void lines_close(Lines *lines)
{
    if (lines == NULL) return;
    if (lines->file != stdin) fclose(lines->file);
    g_clear_object(&lines->gunzip);
    g_byte_array_unref(lines->packed);
    g_byte_array_unref(lines->text);
    g_free(lines->name);
    g_free(lines);
}

unsigned lines_number(const Lines *lines)
{
    return lines->number;
}

/* Appends the file's next bytes to a buffer. */
static bool read_chunk(Lines *lines, GByteArray *buffer, GError **error)
{
    guint before = buffer->len;
    g_byte_array_set_size(buffer, before + CHUNK);
    size_t count = fread(buffer->data + before, 1, CHUNK, lines->file);
    g_byte_array_set_size(buffer, before + (guint)count);
    lines->is_file_over = count == 0;
    if (!ferror(lines->file)) return true;
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "%s: cannot be read", lines->name);
    return false;
}

static bool begin(Lines *lines, GError **error)
{
    lines->has_begun = true;
    if (!read_chunk(lines, lines->packed, error)) return false;
    const guint8 *data = lines->packed->data;
    if (lines->packed->len >= 2 && data[0] == 0x1f && data[1] == 0x8b) {
        lines->gunzip = G_CONVERTER(g_zlib_decompressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP));
        return true;
    }
    g_byte_array_append(lines->text, data, lines->packed->len);
    g_byte_array_set_size(lines->packed, 0);
    return true;
}

static bool broken(const Lines *lines, const char *why, GError **error)
{
    g_set_error(error, KENNEL_ERROR, KENNEL_ERROR_INPUT, "%s: after line %u: broken gzip data: %s",
                lines->name, lines->number, why);
    return false;
}

/* Decompresses some of what was read. */
static bool unpack(Lines *lines, GError **error)
{
    guint before = lines->text->len;
    gsize read = 0, written = 0;
    g_byte_array_set_size(lines->text, before + CHUNK);
    g_autoptr(GError) why = NULL;
    GConverterFlags flags = lines->is_file_over ? G_CONVERTER_INPUT_AT_END : G_CONVERTER_NO_FLAGS;
    GConverterResult result =
        g_converter_convert(lines->gunzip, lines->packed->data, lines->packed->len,
                            lines->text->data + before, CHUNK, flags, &read, &written, &why);
    g_byte_array_set_size(lines->text, before + (guint)written);
    if (read > 0) g_byte_array_remove_range(lines->packed, 0, (guint)read);
    if (result == G_CONVERTER_FINISHED) g_converter_reset(lines->gunzip); /* one may follow */
    if (result != G_CONVERTER_ERROR) lines->is_inside = result != G_CONVERTER_FINISHED;
    if (result != G_CONVERTER_ERROR) return true;
    if (g_error_matches(why, G_IO_ERROR, G_IO_ERROR_PARTIAL_INPUT) && !lines->is_file_over)
        return read_chunk(lines, lines->packed, error);
    return broken(lines, why->message, error);
}

/* Makes more text, or finds that there is none. */
static bool fill(Lines *lines, GError **error)
{
    if (lines->at > 0) g_byte_array_remove_range(lines->text, 0, (guint)lines->at);
    lines->at = 0;
    if (!lines->has_begun) return begin(lines, error);
    if (lines->gunzip == NULL) {
        if (!read_chunk(lines, lines->text, error)) return false;
        lines->is_over = lines->is_file_over;
        return true;
    }
    if (lines->packed->len == 0 && !read_chunk(lines, lines->packed, error)) return false;
    lines->is_over = lines->packed->len == 0;
    if (lines->is_over && lines->is_inside) return broken(lines, "they end too early", error);
    return lines->is_over || unpack(lines, error);
}

const char *lines_next(Lines *lines, size_t *ret_length, GError **error)
{
    size_t searched = 0;
    for (;;) {
        size_t left = lines->text->len - lines->at;
        const char *from = left > 0 ? (const char *)lines->text->data + lines->at : "";
        const char *end = left > searched ? memchr(from + searched, '\n', left - searched) : NULL;
        if (end != NULL || (lines->is_over && left > 0)) {
            *ret_length = end != NULL ? (size_t)(end - from) : left;
            lines->at += *ret_length + (end != NULL);
            lines->number++;
            return from;
        }
        if (lines->is_over) return NULL;
        searched = left;
        if (!fill(lines, error)) return NULL;
    }
}
