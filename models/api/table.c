/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - a set of objects by key, with indexes.
 *
 * Mirrors: kubernetes v1.36 staging/src/k8s.io/client-go/tools/cache/thread_safe_store.go (in
 *   purpose; not in shape).
 * Simplified: nothing that a reader can see; index values are 64-bit numbers instead of strings.
 * State: none.
 *
 * Entries lie in one array; a free one is kept in a chain. An entry is a member of one bucket per
 * index key, and knows its place in each, as each place knows its member; so an object is replaced
 * without hashing, and removed by moving the last of a bucket into the gap. All indexes share one
 * hash table of buckets. A bucket of one, the commonest by far, needs no memory of its own. At
 * 150,000 pods with ten index keys that comes to some 350 bytes a pod.
 */
#include "models/api/table.h"

#define NO_SLOT UINT32_MAX

/* A place in a bucket, seen from the entry. */
typedef struct {
    uint32_t bucket, position;
} Member;

typedef struct {
    const Object *object; /* NULL: free, and `next_free` counts */
    Member *members;
    uint32_t member_count;
    union {
        uint32_t kind_position;
        uint32_t next_free;
    };
} TableEntry;

/* The same place, seen from the bucket. */
typedef struct {
    uint32_t entry, member;
} Back;

typedef struct {
    uint64_t key;
    union {
        const Object *one;    /* capacity 1 */
        const Object **items; /* followed in memory by the backs */
    };
    Back one_back;
    uint32_t count; /* 0: free, and `capacity` is the next free bucket */
    uint32_t capacity;
    IndexId index;
} Bucket;

/* Open addressing with linear probing; the tag saves most looks at what the slot points to. */
typedef struct {
    uint32_t tag, value; /* value NO_SLOT: empty */
} Slot;

typedef struct {
    Slot *slots;
    uint32_t mask, used;
} Hash;

typedef struct {
    const Object **items;
    uint32_t *entries;
    uint32_t count, capacity;
} KindList;

struct ObjectTable {
    Hash by_key, by_index;
    TableEntry *entries;
    uint32_t entry_count, entry_capacity, free_entry;
    Bucket *buckets;
    uint32_t bucket_count, bucket_capacity, free_bucket;
    KindList kinds[KIND_COUNT];
};

/* The index keys of one object, in the order its kind gives them. */
typedef struct {
    unsigned count;
    struct {
        IndexId index;
        uint64_t key;
    } at[INDEX_KEYS_MAX];
} IndexKeys;

/* --- hashing --- */

static void hash_alloc(Hash *hash, uint32_t size)
{
    hash->slots = g_new(Slot, size);
    memset(hash->slots, 0xff, sizeof(Slot) * size);
    hash->mask = size - 1;
    hash->used = 0;
}

static void hash_place(Hash *hash, uint32_t tag, uint32_t value)
{
    uint32_t i = tag & hash->mask;
    while (hash->slots[i].value != NO_SLOT)
        i = (i + 1) & hash->mask;
    hash->slots[i] = (Slot){tag, value};
    hash->used++;
}

static void hash_add(Hash *hash, uint32_t tag, uint32_t value)
{
    if ((hash->used + 1) * 4 > (hash->mask + 1) * 3) {
        Hash bigger;
        hash_alloc(&bigger, (hash->mask + 1) * 2);
        for (uint32_t i = 0; i <= hash->mask; i++)
            if (hash->slots[i].value != NO_SLOT)
                hash_place(&bigger, hash->slots[i].tag, hash->slots[i].value);
        g_free(hash->slots);
        *hash = bigger;
    }
    hash_place(hash, tag, value);
}

/* Empties a slot and moves back what had been pushed beyond it. */
static void hash_remove(Hash *hash, uint32_t tag, uint32_t value)
{
    uint32_t gap = tag & hash->mask;
    while (hash->slots[gap].value != value)
        gap = (gap + 1) & hash->mask;
    for (uint32_t i = (gap + 1) & hash->mask; hash->slots[i].value != NO_SLOT;
         i = (i + 1) & hash->mask) {
        uint32_t home = hash->slots[i].tag & hash->mask;
        if (((i - home) & hash->mask) < ((i - gap) & hash->mask)) continue;
        hash->slots[gap] = hash->slots[i];
        gap = i;
    }
    hash->slots[gap].value = NO_SLOT;
    hash->used--;
}

static uint32_t bucket_tag(IndexId index, uint64_t key)
{
    return (uint32_t)mix64(key + (uint64_t)index * UINT64_C(0x9E3779B97F4A7C15));
}

static uint32_t find_entry(const ObjectTable *table, Key key)
{
    uint32_t tag = (uint32_t)key_hash(key);
    for (uint32_t i = tag & table->by_key.mask;; i = (i + 1) & table->by_key.mask) {
        Slot slot = table->by_key.slots[i];
        if (slot.value == NO_SLOT) return NO_SLOT;
        if (slot.tag == tag && key_equal(table->entries[slot.value].object->key, key))
            return slot.value;
    }
}

static uint32_t find_bucket(const ObjectTable *table, IndexId index, uint64_t key)
{
    uint32_t tag = bucket_tag(index, key);
    for (uint32_t i = tag & table->by_index.mask;; i = (i + 1) & table->by_index.mask) {
        Slot slot = table->by_index.slots[i];
        if (slot.value == NO_SLOT) return NO_SLOT;
        if (slot.tag != tag) continue;
        const Bucket *bucket = &table->buckets[slot.value];
        if (bucket->key == key && bucket->index == index) return slot.value;
    }
}

/* --- what an object is filed under --- */

static void keys_add(IndexKeys *keys, unsigned first, IndexId index, uint64_t key)
{
    for (unsigned i = first; i < keys->count; i++)
        if (keys->at[i].key == key) return; /* named twice, filed once */
    if (keys->count == INDEX_KEYS_MAX) return;
    keys->at[keys->count].index = index;
    keys->at[keys->count].key = key;
    keys->count++;
}

static void keys_collect(const Object *object, IndexKeys *keys)
{
    const Meta *meta = object_meta(object);
    Key key = object->key;
    keys->count = 0;
    keys_add(keys, 0, INDEX_SPACE, index_key(key.kind, key.space));
    if (meta->controller)
        keys_add(keys, 1, INDEX_CONTROLLER, index_key(key.kind, meta->controller->uid));
    else
        keys_add(keys, 1, INDEX_ORPHAN, index_key(key.kind, key.space));
    for (uint32_t i = 0; i < meta->owner_count; i++)
        keys_add(keys, 2, INDEX_OWNER, index_key(meta->owners[i].uid, 0));
    const IndexInfo *info = kind_info(key.kind)->indexes;
    for (; info && info->id != INDEX_NONE; info++) {
        uint64_t own[INDEX_KEYS_MAX];
        unsigned first = keys->count, count = info->keys(object, own, INDEX_KEYS_MAX);
        for (unsigned i = 0; i < count; i++)
            keys_add(keys, first, info->id, own[i]);
    }
    CHECK_THAT(keys->count < INDEX_KEYS_MAX, "too many index keys of one object");
}

/* --- buckets --- */

static const Object **bucket_items(Bucket *bucket)
{
    return bucket->capacity == 1 ? &bucket->one : bucket->items;
}

static Back *bucket_backs(Bucket *bucket)
{
    return bucket->capacity == 1 ? &bucket->one_back : (Back *)(bucket->items + bucket->capacity);
}

static void bucket_resize(Bucket *bucket, uint32_t capacity)
{
    Bucket old = *bucket;
    bucket->capacity = capacity;
    if (capacity > 1) bucket->items = g_malloc(capacity * (sizeof(Object *) + sizeof(Back)));
    memcpy(bucket_items(bucket), bucket_items(&old), old.count * sizeof(Object *));
    memcpy(bucket_backs(bucket), bucket_backs(&old), old.count * sizeof(Back));
    if (old.capacity > 1) g_free(old.items);
}

static uint32_t bucket_new(ObjectTable *table, IndexId index, uint64_t key)
{
    uint32_t id = table->free_bucket;
    if (id != NO_SLOT) {
        table->free_bucket = table->buckets[id].capacity;
    } else {
        if (table->bucket_count == table->bucket_capacity) {
            table->bucket_capacity *= 2;
            table->buckets = g_renew(Bucket, table->buckets, table->bucket_capacity);
        }
        id = table->bucket_count++;
    }
    table->buckets[id] = (Bucket){.key = key, .index = index, .capacity = 1};
    hash_add(&table->by_index, bucket_tag(index, key), id);
    return id;
}

static Member bucket_add(ObjectTable *table, IndexId index, uint64_t key, Back back)
{
    uint32_t id = find_bucket(table, index, key);
    if (id == NO_SLOT) id = bucket_new(table, index, key);
    Bucket *bucket = &table->buckets[id];
    if (bucket->count == bucket->capacity) bucket_resize(bucket, bucket->capacity * 2);
    bucket_items(bucket)[bucket->count] = table->entries[back.entry].object;
    bucket_backs(bucket)[bucket->count] = back;
    return (Member){id, bucket->count++};
}

static void bucket_free(ObjectTable *table, uint32_t id)
{
    Bucket *bucket = &table->buckets[id];
    hash_remove(&table->by_index, bucket_tag(bucket->index, bucket->key), id);
    if (bucket->capacity > 1) g_free(bucket->items);
    bucket->capacity = table->free_bucket;
    table->free_bucket = id;
}

static void bucket_remove(ObjectTable *table, Member member)
{
    Bucket *bucket = &table->buckets[member.bucket];
    uint32_t last = --bucket->count;
    if (last == 0) {
        bucket_free(table, member.bucket);
        return;
    }
    if (member.position != last) {
        Back moved = bucket_backs(bucket)[last];
        bucket_items(bucket)[member.position] = bucket_items(bucket)[last];
        bucket_backs(bucket)[member.position] = moved;
        table->entries[moved.entry].members[moved.member].position = member.position;
    }
    if (last <= bucket->capacity / 4) bucket_resize(bucket, bucket->capacity / 2);
}

/* --- kinds --- */

static void kind_add(ObjectTable *table, uint32_t id)
{
    TableEntry *entry = &table->entries[id];
    KindList *list = &table->kinds[entry->object->key.kind];
    if (list->count == list->capacity) {
        list->capacity = MAX(8, list->capacity * 2);
        list->items = g_renew(const Object *, list->items, list->capacity);
        list->entries = g_renew(uint32_t, list->entries, list->capacity);
    }
    entry->kind_position = list->count;
    list->items[list->count] = entry->object;
    list->entries[list->count++] = id;
}

static void kind_remove(ObjectTable *table, uint32_t id)
{
    const TableEntry *entry = &table->entries[id];
    KindList *list = &table->kinds[entry->object->key.kind];
    uint32_t last = --list->count, position = entry->kind_position;
    list->items[position] = list->items[last];
    list->entries[position] = list->entries[last];
    table->entries[list->entries[position]].kind_position = position;
}

/* --- entries --- */

static uint32_t entry_new(ObjectTable *table, const Object *object)
{
    uint32_t id = table->free_entry;
    if (id != NO_SLOT) {
        table->free_entry = table->entries[id].next_free;
    } else {
        if (table->entry_count == table->entry_capacity) {
            table->entry_capacity *= 2;
            table->entries = g_renew(TableEntry, table->entries, table->entry_capacity);
        }
        id = table->entry_count++;
    }
    table->entries[id] = (TableEntry){.object = object_ref(object)};
    hash_add(&table->by_key, (uint32_t)key_hash(object->key), id);
    return id;
}

/* Files an entry under keys; members that stay where they are get the new pointer only. */
static void entry_file(ObjectTable *table, uint32_t id, const IndexKeys *keys)
{
    TableEntry *entry = &table->entries[id];
    uint32_t same = 0;
    for (; same < entry->member_count && same < keys->count; same++) {
        Member member = entry->members[same];
        Bucket *bucket = &table->buckets[member.bucket];
        if (bucket->key != keys->at[same].key || bucket->index != keys->at[same].index) break;
        bucket_items(bucket)[member.position] = entry->object;
    }
    for (uint32_t i = same; i < entry->member_count; i++)
        bucket_remove(table, entry->members[i]);
    if (entry->member_count != keys->count)
        entry->members = g_renew(Member, entry->members, keys->count);
    entry->member_count = keys->count;
    for (uint32_t i = same; i < keys->count; i++)
        entry->members[i] = bucket_add(table, keys->at[i].index, keys->at[i].key, (Back){id, i});
}

static void entry_free(ObjectTable *table, uint32_t id)
{
    TableEntry *entry = &table->entries[id];
    g_free(entry->members);
    object_unref(entry->object);
    *entry = (TableEntry){.next_free = table->free_entry};
    table->free_entry = id;
}

/* --- the table --- */

ObjectTable *table_new(void)
{
    ObjectTable *table = g_new0(ObjectTable, 1);
    hash_alloc(&table->by_key, 64);
    hash_alloc(&table->by_index, 128);
    table->entry_capacity = 32;
    table->entries = g_new(TableEntry, table->entry_capacity);
    table->bucket_capacity = 64;
    table->buckets = g_new(Bucket, table->bucket_capacity);
    table->free_entry = table->free_bucket = NO_SLOT;
    return table;
}

static void table_release(ObjectTable *table)
{
    for (uint32_t i = 0; i < table->entry_count; i++)
        if (table->entries[i].object) {
            g_free(table->entries[i].members);
            object_unref(table->entries[i].object);
        }
    for (uint32_t i = 0; i < table->bucket_count; i++)
        if (table->buckets[i].count > 0 && table->buckets[i].capacity > 1)
            g_free(table->buckets[i].items);
    for (Kind kind = KIND_NONE; kind < KIND_COUNT; kind++) {
        g_free(table->kinds[kind].items);
        g_free(table->kinds[kind].entries);
    }
    g_free(table->entries);
    g_free(table->buckets);
    g_free(table->by_key.slots);
    g_free(table->by_index.slots);
}

void table_free(ObjectTable *table)
{
    if (table == NULL) return;
    table_release(table);
    g_free(table);
}

void table_clear(ObjectTable *table)
{
    table_release(table);
    ObjectTable *empty = table_new();
    *table = *empty;
    g_free(empty);
}

const Object *table_get(const ObjectTable *table, Key key)
{
    uint32_t id = find_entry(table, key);
    return id == NO_SLOT ? NULL : table->entries[id].object;
}

void table_put(ObjectTable *table, const Object *object)
{
    IndexKeys keys;
    keys_collect(object, &keys);
    uint32_t id = find_entry(table, object->key);
    if (id == NO_SLOT) {
        id = entry_new(table, object);
        kind_add(table, id);
        entry_file(table, id, &keys);
        return;
    }
    TableEntry *entry = &table->entries[id];
    const Object *old = entry->object;
    entry->object = object_ref(object);
    table->kinds[object->key.kind].items[entry->kind_position] = object;
    entry_file(table, id, &keys);
    object_unref(old);
}

bool table_remove(ObjectTable *table, Key key)
{
    uint32_t id = find_entry(table, key);
    if (id == NO_SLOT) return false;
    TableEntry *entry = &table->entries[id];
    for (uint32_t i = 0; i < entry->member_count; i++)
        bucket_remove(table, entry->members[i]);
    kind_remove(table, id);
    hash_remove(&table->by_key, (uint32_t)key_hash(key), id);
    entry_free(table, id);
    return true;
}

ObjectList table_kind(const ObjectTable *table, Kind kind)
{
    return (ObjectList){table->kinds[kind].items, table->kinds[kind].count};
}

ObjectList table_lookup(const ObjectTable *table, IndexId index, uint64_t key)
{
    uint32_t id = find_bucket(table, index, key);
    if (id == NO_SLOT) return (ObjectList){NULL, 0};
    const Bucket *bucket = &table->buckets[id];
    return (ObjectList){bucket->capacity == 1 ? &bucket->one : bucket->items, bucket->count};
}

/* --- audit --- */

static void audit_entry(const ObjectTable *table, uint32_t id)
{
    const TableEntry *entry = &table->entries[id];
    const KindList *list = &table->kinds[entry->object->key.kind];
    CHECK(find_entry(table, entry->object->key) == id);
    CHECK(entry->kind_position < list->count);
    CHECK(list->items[entry->kind_position] == entry->object);
    CHECK(list->entries[entry->kind_position] == id);
    IndexKeys keys;
    keys_collect(entry->object, &keys);
    CHECK_THAT(entry->member_count == keys.count, "the indexes of an object are out of date");
    for (uint32_t i = 0; i < keys.count; i++) {
        Member member = entry->members[i];
        Bucket *bucket = &table->buckets[member.bucket];
        CHECK(find_bucket(table, keys.at[i].index, keys.at[i].key) == member.bucket);
        CHECK(member.position < bucket->count);
        CHECK(bucket_items(bucket)[member.position] == entry->object);
        Back back = bucket_backs(bucket)[member.position];
        CHECK(back.entry == id && back.member == i);
    }
}

void table_audit(const ObjectTable *table)
{
    uint64_t entries = 0, members = 0, listed = 0, filed = 0;
    for (uint32_t i = 0; i < table->entry_count; i++) {
        if (!table->entries[i].object) continue;
        audit_entry(table, i);
        entries++;
        members += table->entries[i].member_count;
    }
    for (Kind kind = KIND_NONE; kind < KIND_COUNT; kind++)
        listed += table->kinds[kind].count;
    for (uint32_t i = 0; i < table->bucket_count; i++)
        filed += table->buckets[i].count;
    CHECK_THAT(entries == listed && entries == table->by_key.used, "objects without an entry");
    CHECK_THAT(members == filed, "places of an index without a member");
}
