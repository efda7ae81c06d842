/* SPDX-License-Identifier: Apache-2.0 */
/*
 * atom.c - the table of interned strings: open addressing over texts kept in an arena.
 *
 * A bucket holds an atom (0: empty); the hash of every text is kept, so that growing the table and
 * most failed comparisons touch no text. Nothing is ever removed.
 */
#include "sim/atom.h"

#include "sim/arena.h"

#include <stdarg.h>

#define BUCKETS_MIN 64

typedef struct {
    const char *text;
    uint32_t hash;
    uint32_t length;
} AtomEntry;

struct AtomTable {
    Arena *texts;
    AtomEntry *entries; /* by atom */
    uint32_t count, capacity;
    Atom *buckets;
    uint32_t mask; /* number of buckets, a power of two, less one */
};

AtomTable *atom_table_new(void)
{
    AtomTable *table = g_new0(AtomTable, 1);
    table->texts = arena_new();
    table->capacity = BUCKETS_MIN / 2;
    table->entries = g_new(AtomEntry, table->capacity);
    table->entries[ATOM_NONE] = (AtomEntry){"", 0, 0};
    table->count = 1;
    table->buckets = g_new0(Atom, BUCKETS_MIN);
    table->mask = BUCKETS_MIN - 1;
    return table;
}

void atom_table_free(AtomTable *table)
{
    if (!table) return;
    arena_free(table->texts);
    g_free(table->entries);
    g_free(table->buckets);
    g_free(table);
}

/* The bucket that holds the text, or the empty one where it belongs. */
static uint32_t bucket_of(const AtomTable *table, const char *text, size_t length, uint32_t hash)
{
    uint32_t bucket = hash & table->mask;
    for (; table->buckets[bucket]; bucket = (bucket + 1) & table->mask) {
        const AtomEntry *entry = &table->entries[table->buckets[bucket]];
        if (entry->hash == hash && entry->length == length &&
            memcmp(entry->text, text, length) == 0)
            break;
    }
    return bucket;
}

/* Doubles both arrays: entries fill half of the buckets at most. */
static void table_grow(AtomTable *table)
{
    CHECK(table->capacity <= UINT32_MAX / 4);
    table->capacity *= 2;
    table->entries = g_renew(AtomEntry, table->entries, table->capacity);
    g_free(table->buckets);
    table->buckets = g_new0(Atom, (size_t)table->capacity * 2);
    table->mask = table->capacity * 2 - 1;
    for (Atom atom = 1; atom < table->count; atom++) {
        uint32_t bucket = table->entries[atom].hash & table->mask;
        while (table->buckets[bucket])
            bucket = (bucket + 1) & table->mask;
        table->buckets[bucket] = atom;
    }
}

Atom atom_of_length(AtomTable *table, const char *text, size_t length)
{
    if (length == 0) return ATOM_NONE;
    CHECK(length < UINT32_MAX && !memchr(text, 0, length));
    uint32_t hash = (uint32_t)hash_bytes(text, length);
    uint32_t bucket = bucket_of(table, text, length, hash);
    if (table->buckets[bucket]) return table->buckets[bucket];
    if (table->count == table->capacity) {
        table_grow(table);
        bucket = bucket_of(table, text, length, hash);
    }
    char *copy = arena_alloc(table->texts, length + 1);
    memcpy(copy, text, length);
    table->entries[table->count] = (AtomEntry){copy, hash, (uint32_t)length};
    table->buckets[bucket] = table->count;
    return table->count++;
}

Atom atom_of(AtomTable *table, const char *text)
{
    return text ? atom_of_length(table, text, strlen(text)) : ATOM_NONE;
}

Atom atom_format(AtomTable *table, const char *format, ...)
{
    char buffer[256];
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(buffer, sizeof buffer, format, args);
    CHECK(length >= 0);
    Atom atom;
    if ((size_t)length < sizeof buffer) {
        atom = atom_of_length(table, buffer, (size_t)length);
    } else {
        g_autofree char *text = g_strdup_vprintf(format, again);
        atom = atom_of(table, text);
    }
    va_end(again);
    va_end(args);
    return atom;
}

Atom atom_find(const AtomTable *table, const char *text)
{
    if (!text || !*text) return ATOM_NONE;
    size_t length = strlen(text);
    return table->buckets[bucket_of(table, text, length, (uint32_t)hash_bytes(text, length))];
}

const char *atom_text(const AtomTable *table, Atom atom)
{
    CHECK(atom < table->count);
    return table->entries[atom].text;
}

int atom_compare(const AtomTable *table, Atom a, Atom b)
{
    return a == b ? 0 : strcmp(atom_text(table, a), atom_text(table, b));
}

uint32_t atom_count(const AtomTable *table)
{
    return table->count;
}
