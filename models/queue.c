/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.c - client-go's rate-limiting work queue.
 * Mirrors: kubernetes v1.36 client-go/util/workqueue queue.go, delaying_queue.go,
 *          default_rate_limiters.go
 * Simplified: no metrics, no shutdown; the token bucket counts in whole nanoseconds.
 * State: of an item
 *            add            pop             done
 *     idle -------> queued -----> working -------> idle
 *                     ^              | add: dirty
 *                     +---- done ----+            (any state may be delayed as well)
 */
#include "models/queue.h"
#include "models/bucket.h"

#include "sim/arena.h"

#define ITEM_BASE    (5 * NANOS_MS)
#define ITEM_CAP     (1000 * NANOS_S)
#define BUCKET_RATE  10
#define BUCKET_BURST 100
#define NOT_DELAYED  UINT32_MAX

typedef struct Item Item;
struct Item {
    Key key;
    bool is_queued, is_working, is_dirty;
    uint32_t failures;
    uint32_t heap_index; /* NOT_DELAYED, or where it stands in the heap */
    Nanos due;
    uint64_t order; /* of delaying, for equal due times */
    Item *next;     /* in the line of those that wait */
};

struct Queue {
    Sim *sim;
    Backoff backoff;
    void (*ready)(void *self);
    void *self;
    GHashTable *items; /* Item by its key; looked up, never walked */
    Pool *pool;
    Item *head, *tail;
    unsigned length;
    GPtrArray *heap; /* of delayed items, by (due, order) */
    uint64_t orders;
    Timer timer;
    Bucket bucket;
};

static guint item_hash(gconstpointer item)
{
    return (guint)key_hash(((const Item *)item)->key);
}

static gboolean item_equal(gconstpointer a, gconstpointer b)
{
    return key_equal(((const Item *)a)->key, ((const Item *)b)->key);
}

/* --- the heap of delayed items --- */

static Item *heap_at(const Queue *queue, uint32_t index)
{
    return g_ptr_array_index(queue->heap, index);
}

static bool is_before(const Item *a, const Item *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void heap_set(Queue *queue, uint32_t index, Item *item)
{
    queue->heap->pdata[index] = item;
    item->heap_index = index;
}

static void heap_up(Queue *queue, Item *item)
{
    uint32_t index = item->heap_index;
    while (index > 0 && is_before(item, heap_at(queue, (index - 1) / 2))) {
        heap_set(queue, index, heap_at(queue, (index - 1) / 2));
        index = (index - 1) / 2;
    }
    heap_set(queue, index, item);
}

static void heap_down(Queue *queue, Item *item)
{
    uint32_t index = item->heap_index;
    for (;;) {
        uint32_t child = 2 * index + 1;
        if (child >= queue->heap->len) break;
        if (child + 1 < queue->heap->len &&
            is_before(heap_at(queue, child + 1), heap_at(queue, child)))
            child++;
        if (!is_before(heap_at(queue, child), item)) break;
        heap_set(queue, index, heap_at(queue, child));
        index = child;
    }
    heap_set(queue, index, item);
}

static Item *heap_pop(Queue *queue)
{
    Item *first = heap_at(queue, 0);
    Item *last = heap_at(queue, queue->heap->len - 1);
    g_ptr_array_set_size(queue->heap, (gint)queue->heap->len - 1);
    first->heap_index = NOT_DELAYED;
    if (last != first) {
        last->heap_index = 0;
        heap_down(queue, last);
    }
    return first;
}

/* --- items --- */

static Item *item_find(const Queue *queue, Key key)
{
    Item probe = {.key = key};
    return g_hash_table_lookup(queue->items, &probe);
}

static Item *item_need(Queue *queue, Key key)
{
    Item *item = item_find(queue, key);
    if (item == NULL) {
        item = pool_take(queue->pool);
        item->key = key;
        item->heap_index = NOT_DELAYED;
        g_hash_table_add(queue->items, item);
    }
    return item;
}

/* An item exists as long as there is something to say about it. */
static void item_settle(Queue *queue, Item *item)
{
    if (item->is_queued || item->is_working || item->failures > 0 ||
        item->heap_index != NOT_DELAYED)
        return;
    g_hash_table_remove(queue->items, item);
    pool_give(queue->pool, item);
}

static void item_line_up(Queue *queue, Item *item)
{
    item->is_queued = true;
    item->next = NULL;
    if (queue->tail == NULL)
        queue->head = item;
    else
        queue->tail->next = item;
    queue->tail = item;
    queue->length++;
}

static void item_add(Queue *queue, Item *item)
{
    if (item->is_queued) return;
    if (item->is_working) {
        item->is_dirty = true;
        return;
    }
    item_line_up(queue, item);
    queue->ready(queue->self);
}

/* --- the timer --- */

static void queue_arm(Queue *queue);

static void queue_due(Sim *sim, void *self, uint64_t arg)
{
    (void)arg;
    Queue *queue = self;
    while (queue->heap->len > 0 && heap_at(queue, 0)->due <= sim_now(sim))
        item_add(queue, heap_pop(queue));
    queue_arm(queue);
}

static const EventType queue_due_event = {"queue-due", RANK_TIMER, queue_due};

static void queue_arm(Queue *queue)
{
    if (queue->heap->len == 0) return;
    Nanos due = heap_at(queue, 0)->due;
    if (sim_due(queue->sim, queue->timer) <= due) return;
    sim_cancel(queue->sim, queue->timer);
    queue->timer = sim_at(queue->sim, due, &queue_due_event, queue, 0);
}

/* --- the interface --- */

Queue *queue_new(Sim *sim, Backoff backoff, void (*ready)(void *self), void *self)
{
    Queue *queue = g_new0(Queue, 1);
    *queue = (Queue){.sim = sim, .backoff = backoff, .ready = ready, .self = self};
    if (queue->backoff.base == 0) queue->backoff.base = ITEM_BASE;
    if (queue->backoff.cap == 0) queue->backoff.cap = ITEM_CAP;
    queue->items = g_hash_table_new(item_hash, item_equal);
    queue->pool = pool_new(sizeof(Item));
    queue->heap = g_ptr_array_new();
    queue->bucket = bucket_make(BUCKET_RATE, BUCKET_BURST);
    return queue;
}

void queue_free(Queue *queue)
{
    if (queue == NULL) return;
    sim_cancel(queue->sim, queue->timer);
    g_hash_table_destroy(queue->items);
    g_ptr_array_unref(queue->heap);
    pool_free(queue->pool);
    g_free(queue);
}

void queue_add(Queue *queue, Key key)
{
    item_add(queue, item_need(queue, key));
}

void queue_after(Queue *queue, Nanos delay, Key key)
{
    Item *item = item_need(queue, key);
    if (delay <= 0) {
        item_add(queue, item);
        return;
    }
    Nanos due = sim_now(queue->sim) + delay;
    if (item->heap_index != NOT_DELAYED) {
        if (due >= item->due) return;
        item->due = due;
    } else {
        item->due = due;
        item->order = queue->orders++;
        item->heap_index = queue->heap->len;
        g_ptr_array_add(queue->heap, item);
    }
    heap_up(queue, item);
    queue_arm(queue);
}

bool queue_retry(Queue *queue, Key key)
{
    Item *item = item_need(queue, key);
    if (queue->backoff.retries > 0 && item->failures >= queue->backoff.retries) {
        queue_forget(queue, key);
        return false;
    }
    Nanos delay = queue->backoff.base;
    for (uint32_t i = 0; i < item->failures && delay < queue->backoff.cap; i++)
        delay *= 2;
    item->failures++;
    Nanos now = sim_now(queue->sim);
    Nanos token = bucket_reserve(&queue->bucket, now) - now;
    queue_after(queue, MAX(MIN(delay, queue->backoff.cap), token), key);
    return true;
}

void queue_forget(Queue *queue, Key key)
{
    Item *item = item_find(queue, key);
    if (item == NULL) return;
    item->failures = 0;
    item_settle(queue, item);
}

bool queue_pop(Queue *queue, Key *ret_key)
{
    Item *item = queue->head;
    if (item == NULL) return false;
    queue->head = item->next;
    if (queue->head == NULL) queue->tail = NULL;
    queue->length--;
    item->is_queued = false;
    item->is_working = true;
    *ret_key = item->key;
    return true;
}

void queue_done(Queue *queue, Key key)
{
    Item *item = item_find(queue, key);
    CHECK(item != NULL && item->is_working);
    item->is_working = false;
    if (item->is_dirty) {
        item->is_dirty = false;
        item_add(queue, item);
    } else {
        item_settle(queue, item);
    }
}

unsigned queue_length(const Queue *queue)
{
    return queue->length;
}

unsigned queue_failures(const Queue *queue, Key key)
{
    const Item *item = item_find(queue, key);
    return item != NULL ? item->failures : 0;
}
