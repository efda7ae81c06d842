/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value.c - immutable trees of data.
 *
 * A node is one allocation: a 16-byte head and what its type needs behind it (nothing for null and
 * booleans, 8 bytes for numbers, the text itself for strings). Maps and lists keep their entries in
 * a second block, because value_map_set() may grow a node whose address the caller holds. The
 * block's capacity is the size rounded up to a power of two, so it needs no field of its own.
 *
 * A path copy walks down from the root and makes each node on the way private: a node with one
 * reference is kept, a shared one is replaced by a shallow copy. Copying adds a reference to every
 * child, so below a shared node everything counts as shared, which is what makes changing in place
 * safe without looking at more than one reference count a level.
 *
 * Trees are made and dropped by the thousand, so each thread keeps some of the small blocks it gives
 * back and takes those first. Every block is one of malloc's, whatever list it has been in.
 */
#include "sim/value.h"

#include <math.h>

typedef struct {
    const char *key; /* interned */
    Value *child;
} Entry;

struct Value {
    unsigned refs;
    unsigned line;
    unsigned size; /* entries, elements, or bytes of text */
    ValueType type;
    union {
        int64_t integer;
        double number;
        Value **elements;
        Entry *entries;
    } as[]; /* one, or none for null and booleans; strings have their text here */
};

/* Booleans keep their truth in `size`, so that they need no body. */

static inline char *text_of(Value *value)
{
    return (char *)value->as;
}

static inline const char *const_text_of(const Value *value)
{
    return (const char *)value->as;
}

/* Reference counts are the one thing that changes behind a const pointer. */
static inline Value *writable(const Value *value)
{
    union {
        const Value *constant;
        Value *writable;
    } view = {value};
    return view.writable;
}

static inline bool has_type(const Value *value, ValueType type)
{
    return value != NULL && value->type == type;
}

/* --- blocks --- */

#define BLOCK_UNIT ((size_t)16)

enum { BLOCK_CLASSES = 9, BLOCKS_KEPT = 4096 };

typedef struct Spare Spare;
struct Spare {
    Spare *next;
};

/* Blocks of (class + 1/2) units or more, which is what malloc rounds to; class 0 is not kept. */
typedef struct {
    Spare *first;
    unsigned count;
} SpareList;

static _Thread_local SpareList spares[BLOCK_CLASSES];

static void spares_free(void *lists)
{
    for (unsigned i = 0; i < BLOCK_CLASSES; i++) {
        SpareList *list = (SpareList *)lists + i;
        for (Spare *spare = list->first, *next; spare != NULL; spare = next) {
            next = spare->next;
            g_free(spare);
        }
        *list = (SpareList){NULL, 0};
    }
}

/* At the end of a thread its spare blocks are given back. */
static void spares_begin(void)
{
    static GPrivate owner = G_PRIVATE_INIT(spares_free);
    if (g_private_get(&owner) == NULL) g_private_set(&owner, spares);
}

static inline size_t class_of(size_t size)
{
    return (size + BLOCK_UNIT / 2 - 1) / BLOCK_UNIT;
}

static inline void *block_new(size_t size)
{
    size_t class = class_of(size);
    if (class >= BLOCK_CLASSES) return g_malloc(size);
    SpareList *list = &spares[class];
    Spare *spare = list->first;
    if (spare == NULL) return g_malloc(class * BLOCK_UNIT + BLOCK_UNIT / 2);
    list->first = spare->next;
    list->count--;
    return spare;
}

#if defined(__SANITIZE_ADDRESS__)
#define KEEPS_BLOCKS false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEPS_BLOCKS false
#endif
#endif
#ifndef KEEPS_BLOCKS
#define KEEPS_BLOCKS true
#endif

/* `size`: as asked for, or less. */
static inline void block_free(void *block, size_t size)
{
    size_t class = class_of(size);
    if (!KEEPS_BLOCKS || class == 0 || class >= BLOCK_CLASSES ||
        spares[class].count >= BLOCKS_KEPT) {
        g_free(block);
        return;
    }
    SpareList *list = &spares[class];
    if (list->first == NULL) spares_begin();
    Spare *spare = block;
    spare->next = list->first;
    list->first = spare;
    list->count++;
}

static Value *node_new(ValueType type, size_t body)
{
    Value *value = block_new(sizeof *value + body);
    value->refs = 1;
    value->line = 0;
    value->size = 0;
    value->type = type;
    return value;
}

/* --- life --- */

Value *value_ref(const Value *value)
{
    Value *mutable = writable(value);
    mutable->refs++;
    return mutable;
}

/* Room for `size` things: the next power of two. */
static inline size_t capacity_for(size_t size)
{
    if (size <= 1) return size;
    return (size_t)1 << (64 - __builtin_clzll((unsigned long long)size - 1));
}

static void node_free(Value *value)
{
    size_t body = 0;
    switch (value->type) {
    case VALUE_MAP:
        for (unsigned i = 0; i < value->size; i++)
            value_unref(value->as[0].entries[i].child);
        block_free(value->as[0].entries, capacity_for(value->size) * sizeof(Entry));
        body = sizeof value->as[0];
        break;
    case VALUE_LIST:
        for (unsigned i = 0; i < value->size; i++)
            value_unref(value->as[0].elements[i]);
        block_free(value->as[0].elements, capacity_for(value->size) * sizeof(Value *));
        body = sizeof value->as[0];
        break;
    case VALUE_STRING: body = (size_t)value->size + 1; break;
    case VALUE_INT:
    case VALUE_FLOAT: body = sizeof value->as[0]; break;
    case VALUE_NULL:
    case VALUE_BOOL: break;
    }
    block_free(value, sizeof *value + body);
}

void value_unref(const Value *value)
{
    if (value == NULL) return;
    Value *mutable = writable(value);
    CHECK(mutable->refs > 0);
    if (--mutable->refs == 0) node_free(mutable);
}

/* --- making --- */

Value *value_null(void)
{
    return node_new(VALUE_NULL, 0);
}

Value *value_bool(bool truth)
{
    Value *value = node_new(VALUE_BOOL, 0);
    value->size = truth;
    return value;
}

Value *value_int(int64_t number)
{
    Value *value = node_new(VALUE_INT, sizeof value->as[0]);
    value->as[0].integer = number;
    return value;
}

Value *value_float(double number)
{
    CHECK_THAT(isfinite(number), "JSON has no infinities and no NaN");
    Value *value = node_new(VALUE_FLOAT, sizeof value->as[0]);
    value->as[0].number = number == 0 ? 0 : number; /* -0 equals 0, so it must print as 0 */
    return value;
}

Value *value_string(const char *text)
{
    return value_string_n(text, strlen(text));
}

Value *value_string_n(const char *text, size_t length)
{
    CHECK(length < UINT32_MAX);
    CHECK_THAT(length == 0 || memchr(text, 0, length) == NULL, "a string cannot hold a NUL");
    Value *value = node_new(VALUE_STRING, length + 1);
    value->size = (unsigned)length;
    if (length > 0) memcpy(text_of(value), text, length);
    text_of(value)[length] = 0;
    return value;
}

Value *value_printf(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return value_string(text);
}

Value *value_list(void)
{
    Value *value = node_new(VALUE_LIST, sizeof value->as[0]);
    value->as[0].elements = NULL;
    return value;
}

Value *value_map(void)
{
    Value *value = node_new(VALUE_MAP, sizeof value->as[0]);
    value->as[0].entries = NULL;
    return value;
}

/* --- keys --- */

#define KNOWN_KEYS 512

/* Not g_intern_string(): that leaks its index whenever it grows, quadratic in the keys a user can
 * invent. Keys live for ever and never change, so the one thing shared by threads is the lock. */
static const char *key_shared(const char *text)
{
    static GMutex lock;
    static GHashTable *keys;
    g_mutex_lock(&lock);
    if (keys == NULL) keys = g_hash_table_new(g_str_hash, g_str_equal);
    char *key = g_hash_table_lookup(keys, text);
    if (key == NULL) {
        key = g_strdup(text);
        g_hash_table_add(keys, key);
    }
    g_mutex_unlock(&lock);
    return key;
}

/* Each thread remembers keys it met lately, which saves the lock and the table nearly always. */
const char *value_key(const char *text)
{
    static _Thread_local const char *known[KNOWN_KEYS];
    unsigned hash = 0;
    for (const char *at = text; *at != 0; at++)
        hash = hash * 31 + (unsigned char)*at;
    const char **slot = &known[(hash ^ hash >> 9) % KNOWN_KEYS];
    if (*slot == NULL || strcmp(*slot, text) != 0) *slot = key_shared(text);
    return *slot;
}

/* value_key() of what is a literal, mostly: those are known again by their address. */
static const char *key_of_literal(const char *text)
{
    static _Thread_local struct {
        const char *text, *key;
    } known[KNOWN_KEYS];
    uintptr_t address = (uintptr_t)text;
    unsigned slot = (unsigned)(address ^ address >> 9) % KNOWN_KEYS;
    if (known[slot].text != text || strcmp(known[slot].key, text) != 0) {
        known[slot].text = text;
        known[slot].key = value_key(text);
    }
    return known[slot].key;
}

/* --- entries of a private node --- */

static void map_reserve(Value *map, size_t size)
{
    Entry *old = map->as[0].entries;
    size_t used = map->size * sizeof(Entry);
    CHECK(size > 0 && size >= map->size);
    map->as[0].entries = block_new(capacity_for(size) * sizeof(Entry));
    if (used > 0) memcpy(map->as[0].entries, old, used);
    block_free(old, capacity_for(map->size) * sizeof(Entry));
}

static void list_reserve(Value *list, size_t size)
{
    Value **old = list->as[0].elements;
    size_t used = list->size * sizeof(Value *);
    CHECK(size > 0 && size >= list->size);
    list->as[0].elements = block_new(capacity_for(size) * sizeof(Value *));
    if (used > 0) memcpy(list->as[0].elements, old, used);
    block_free(old, capacity_for(list->size) * sizeof(Value *));
}

/* Where a key is, or where it would have to be inserted. */
static bool map_search(const Value *map, const char *key, unsigned *ret_index)
{
    const Entry *entries = map->as[0].entries;
    unsigned low = 0, high = map->size;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        const char *other = entries[middle].key;
        int order = (unsigned char)*other - (unsigned char)*key;
        if (order == 0) order = other == key ? 0 : strcmp(other, key);
        if (order == 0) {
            *ret_index = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_index = low;
    return false;
}

/* Where a key of a map is, or would have to be. */
static bool map_place(const Value *map, const char *key, unsigned *ret_index)
{
    *ret_index = map->size;
    /* Keys often come in order (parsers, copies): look at the end first. */
    if (map->size == 0 || strcmp(map->as[0].entries[map->size - 1].key, key) < 0) return false;
    return map_search(map, key, ret_index);
}

/* Puts an interned key where it belongs, in a map that has room; the slot holds NULL. */
static Value **map_place_at(Value *map, unsigned index, const char *interned)
{
    Entry *entries = map->as[0].entries;
    for (unsigned i = map->size; i > index; i--)
        entries[i] = entries[i - 1];
    entries[index] = (Entry){interned, NULL};
    map->size++;
    return &entries[index].child;
}

/* A new slot for an interned key; it holds NULL. */
static Value **map_open(Value *map, unsigned index, const char *interned)
{
    if (capacity_for(map->size) == map->size) map_reserve(map, (size_t)map->size + 1);
    return map_place_at(map, index, interned);
}

/* The slot of a key in a private map; a new one holds NULL. */
static Value **map_slot(Value *map, const char *key)
{
    unsigned index;
    if (map_place(map, key, &index)) return &map->as[0].entries[index].child;
    return map_open(map, index, key_of_literal(key));
}

static void list_insert(Value *list, unsigned index, Value *child)
{
    if (capacity_for(list->size) == list->size) list_reserve(list, (size_t)list->size + 1);
    Value **elements = list->as[0].elements;
    for (unsigned i = list->size; i > index; i--)
        elements[i] = elements[i - 1];
    elements[index] = child;
    list->size++;
}

void value_map_set(Value *map, const char *key, Value *child)
{
    CHECK(has_type(map, VALUE_MAP) && map->refs == 1);
    CHECK(child != NULL && child != map);
    Value **slot = map_slot(map, key);
    value_unref(*slot);
    *slot = child;
}

Value *value_map_of(const char *const *keys, Value *const *children, unsigned count)
{
    Value *map = value_map();
    if (count == 0) return map;
    map_reserve(map, count);
    for (unsigned i = 0; i < count; i++) {
        unsigned index;
        if (map_place(map, keys[i], &index)) {
            block_free(map->as[0].entries, capacity_for(map->size) * sizeof(Entry));
            block_free(map, sizeof *map + sizeof map->as[0]);
            return NULL;
        }
        *map_place_at(map, index, keys[i]) = children[i];
    }
    return map;
}

void value_list_add(Value *list, Value *child)
{
    CHECK(has_type(list, VALUE_LIST) && list->refs == 1);
    CHECK(child != NULL && child != list);
    list_insert(list, list->size, child);
}

/* --- reading --- */

ValueType value_type(const Value *value)
{
    return value != NULL ? value->type : VALUE_NULL;
}

const char *value_type_name(ValueType type)
{
    static const char *const names[] = {
        [VALUE_NULL] = "null",   [VALUE_BOOL] = "boolean",  [VALUE_INT] = "integer",
        [VALUE_FLOAT] = "float", [VALUE_STRING] = "string", [VALUE_LIST] = "list",
        [VALUE_MAP] = "map",
    };
    CHECK((unsigned)type < G_N_ELEMENTS(names));
    return names[type];
}

unsigned value_line(const Value *value)
{
    return value != NULL ? value->line : 0;
}

void value_set_line(Value *value, unsigned line)
{
    value->line = line;
}

bool value_is_map(const Value *value)
{
    return has_type(value, VALUE_MAP);
}

bool value_is_list(const Value *value)
{
    return has_type(value, VALUE_LIST);
}

bool value_is_string(const Value *value)
{
    return has_type(value, VALUE_STRING);
}

unsigned value_size(const Value *value)
{
    return value_is_map(value) || value_is_list(value) ? value->size : 0;
}

const Value *value_at(const Value *value, unsigned index)
{
    if (index >= value_size(value)) return NULL;
    return value->type == VALUE_MAP ? value->as[0].entries[index].child
                                    : value->as[0].elements[index];
}

const char *value_key_at(const Value *map, unsigned index)
{
    return value_is_map(map) && index < map->size ? map->as[0].entries[index].key : NULL;
}

const Value *value_get(const Value *map, const char *key)
{
    unsigned index;
    if (!value_is_map(map) || !map_search(map, key, &index)) return NULL;
    return map->as[0].entries[index].child;
}

const Value *value_find_path(const Value *value, const char *const *keys)
{
    for (; *keys != NULL && value != NULL; keys++)
        value = value_get(value, *keys);
    return value;
}

bool value_as_bool(const Value *value, bool fallback)
{
    return has_type(value, VALUE_BOOL) ? value->size != 0 : fallback;
}

/* Whether a double is an int64_t, and which. 2^63 itself is not. */
static bool float_is_int(double number, int64_t *ret_integer)
{
    if (!(number >= -0x1p63 && number < 0x1p63)) return false;
    *ret_integer = (int64_t)number;
    return (double)*ret_integer == number;
}

int64_t value_as_int(const Value *value, int64_t fallback)
{
    int64_t integer;
    if (has_type(value, VALUE_INT)) return value->as[0].integer;
    if (has_type(value, VALUE_FLOAT) && float_is_int(value->as[0].number, &integer)) return integer;
    return fallback;
}

double value_as_float(const Value *value, double fallback)
{
    if (has_type(value, VALUE_FLOAT)) return value->as[0].number;
    return has_type(value, VALUE_INT) ? (double)value->as[0].integer : fallback;
}

const char *value_as_text(const Value *value, const char *fallback)
{
    return value_is_string(value) ? const_text_of(value) : fallback;
}

/* --- changing a tree by path copy --- */

static Value *map_copy(const Value *map)
{
    Value *copy = value_map();
    copy->line = map->line;
    /* One entry more, because a copy is often made to add a key. */
    map_reserve(copy, (size_t)map->size + 1);
    copy->size = map->size;
    for (unsigned i = 0; i < map->size; i++) {
        const Entry *entry = map->as[0].entries + i;
        copy->as[0].entries[i] = (Entry){entry->key, value_ref(entry->child)};
    }
    return copy;
}

static Value *list_copy(const Value *list)
{
    Value *copy = value_list();
    copy->line = list->line;
    list_reserve(copy, (size_t)list->size + 1);
    copy->size = list->size;
    for (unsigned i = 0; i < list->size; i++)
        copy->as[0].elements[i] = value_ref(list->as[0].elements[i]);
    return copy;
}

/* Makes *slot a map that only it holds. */
static Value *private_map(Value **slot)
{
    Value *old = *slot;
    if (!value_is_map(old)) {
        *slot = value_map();
        (*slot)->line = value_line(old);
        value_unref(old);
    } else if (old->refs > 1) {
        *slot = map_copy(old);
        value_unref(old);
    }
    return *slot;
}

static Value *private_list(Value **slot)
{
    Value *old = *slot;
    CHECK(value_is_list(old));
    if (old->refs > 1) {
        *slot = list_copy(old);
        value_unref(old);
    }
    return *slot;
}

void value_put_path(Value **root, Value *child, const char *const *keys)
{
    CHECK(child != NULL);
    Value **slot = root;
    for (; *keys != NULL; keys++)
        slot = map_slot(private_map(slot), *keys);
    value_unref(*slot);
    *slot = child;
}

bool value_drop_path(Value **root, const char *const *keys)
{
    CHECK(keys[0] != NULL);
    if (value_find_path(*root, keys) == NULL) return false;
    Value **slot = root;
    for (; keys[1] != NULL; keys++)
        slot = map_slot(private_map(slot), *keys);
    Value *map = private_map(slot);
    unsigned index;
    bool found = map_search(map, *keys, &index);
    CHECK(found && map->as[0].entries != NULL);
    Entry *entry = map->as[0].entries + index;
    value_unref(entry->child);
    map->size--;
    memmove(entry, entry + 1, (map->size - index) * sizeof *entry);
    return true;
}

void value_list_put(Value **list, unsigned index, Value *child)
{
    CHECK(child != NULL);
    Value *mine = private_list(list);
    CHECK(index < mine->size);
    value_unref(mine->as[0].elements[index]);
    mine->as[0].elements[index] = child;
}

void value_list_insert(Value **list, unsigned index, Value *child)
{
    CHECK(child != NULL);
    Value *mine = private_list(list);
    CHECK(index <= mine->size);
    list_insert(mine, index, child);
}

void value_list_remove(Value **list, unsigned index)
{
    Value *mine = private_list(list);
    CHECK(index < mine->size);
    Value **elements = mine->as[0].elements;
    value_unref(elements[index]);
    mine->size--;
    for (unsigned i = index; i < mine->size; i++)
        elements[i] = elements[i + 1];
}

/* --- comparing --- */

static bool numbers_equal(const Value *a, const Value *b)
{
    int64_t i, j;
    if (a->type == VALUE_FLOAT && b->type == VALUE_FLOAT)
        return a->as[0].number == b->as[0].number; /* both finite */
    /* Through integers, because a double cannot tell 2^53 from 2^53 + 1. */
    if (a->type == VALUE_INT)
        i = a->as[0].integer;
    else if (!float_is_int(a->as[0].number, &i))
        return false;
    if (b->type == VALUE_INT)
        j = b->as[0].integer;
    else if (!float_is_int(b->as[0].number, &j))
        return false;
    return i == j;
}

static bool maps_equal(const Value *a, const Value *b)
{
    if (a->size != b->size) return false;
    /* All keys first: interned pointers make that cheap. */
    for (unsigned i = 0; i < a->size; i++)
        if (a->as[0].entries[i].key != b->as[0].entries[i].key) return false;
    for (unsigned i = 0; i < a->size; i++)
        if (!value_equal(a->as[0].entries[i].child, b->as[0].entries[i].child)) return false;
    return true;
}

static bool lists_equal(const Value *a, const Value *b)
{
    if (a->size != b->size) return false;
    for (unsigned i = 0; i < a->size; i++)
        if (!value_equal(a->as[0].elements[i], b->as[0].elements[i])) return false;
    return true;
}

static bool is_number(ValueType type)
{
    return type == VALUE_INT || type == VALUE_FLOAT;
}

bool value_equal(const Value *a, const Value *b)
{
    if (a == b) return true;
    ValueType type = value_type(a);
    if (is_number(type) && is_number(value_type(b))) return numbers_equal(a, b);
    if (type != value_type(b)) return false;
    switch (type) {
    case VALUE_BOOL: return a->size == b->size;
    case VALUE_STRING:
        return a->size == b->size && memcmp(const_text_of(a), const_text_of(b), a->size) == 0;
    case VALUE_LIST: return lists_equal(a, b);
    case VALUE_MAP: return maps_equal(a, b);
    case VALUE_NULL:
    case VALUE_INT:
    case VALUE_FLOAT: break;
    }
    return true;
}

static uint64_t hash_join(uint64_t hash, uint64_t next)
{
    return mix64(hash * UINT64_C(0x9e3779b97f4a7c15) + next);
}

static uint64_t hash_number(const Value *value)
{
    int64_t integer;
    if (value->type == VALUE_INT)
        integer = value->as[0].integer;
    else if (!float_is_int(value->as[0].number, &integer))
        return hash_join(VALUE_FLOAT, hash_bytes(&value->as[0].number, sizeof(double)));
    return hash_join(VALUE_INT, (uint64_t)integer);
}

uint64_t value_hash(const Value *value)
{
    ValueType type = value_type(value);
    uint64_t hash = mix64((uint64_t)type + 1);
    switch (type) {
    case VALUE_NULL: break;
    case VALUE_BOOL: return hash_join(hash, value->size);
    case VALUE_INT:
    case VALUE_FLOAT: return hash_number(value);
    case VALUE_STRING: return hash_join(hash, hash_bytes(const_text_of(value), value->size));
    case VALUE_LIST:
        for (unsigned i = 0; i < value->size; i++)
            hash = hash_join(hash, value_hash(value->as[0].elements[i]));
        break;
    case VALUE_MAP:
        for (unsigned i = 0; i < value->size; i++) {
            hash = hash_join(hash, hash_string(value->as[0].entries[i].key));
            hash = hash_join(hash, value_hash(value->as[0].entries[i].child));
        }
        break;
    }
    return hash;
}

size_t value_footprint(const Value *value)
{
    if (value == NULL) return 0;
    size_t bytes = sizeof *value;
    value_each (i, value)
        bytes += value_footprint(value_at(value, i));
    switch (value->type) {
    case VALUE_NULL:
    case VALUE_BOOL: return bytes;
    case VALUE_INT:
    case VALUE_FLOAT: return bytes + sizeof value->as[0];
    case VALUE_STRING: return bytes + value->size + 1;
    case VALUE_LIST:
        return bytes + sizeof value->as[0] + capacity_for(value->size) * sizeof(Value *);
    case VALUE_MAP: break;
    }
    return bytes + sizeof value->as[0] + capacity_for(value->size) * sizeof(Entry);
}
