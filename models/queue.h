/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.h - client-go's rate-limiting work queue.
 *
 * A key waits at most once; a key added while it is worked on is dirty and waits again as soon as
 * queue_done() is called; so one worker holds a key at a time. Of two delays of one key the earlier
 * due time wins, whether or not the key also waits already. queue_retry() delays by the larger of
 * the item's back-off (base * 2^failures, capped) and the queue's token bucket (10 a second, burst
 * 100). Keys come out first-in first-out; keys due at one instant in the order they were delayed.
 *
 * The queue moves due keys by a timer of its own and calls `ready` whenever a key starts to wait.
 */
#ifndef KENNEL_MODELS_QUEUE_H
#define KENNEL_MODELS_QUEUE_H

#include "models/actor.h"

typedef struct Queue Queue;

Queue *queue_new(Sim *sim, Backoff backoff, void (*ready)(void *self), void *self);
void queue_free(Queue *queue); /* NULL is allowed */

void queue_add(Queue *queue, Key key);
void queue_after(Queue *queue, Nanos delay, Key key);

/* False, and the back-off is forgotten, if the backoff's retries are used up. */
bool queue_retry(Queue *queue, Key key);
void queue_forget(Queue *queue, Key key);

/* Takes the next key to work on; false if none waits. */
bool queue_pop(Queue *queue, Key *ret_key);

/* Ends the work on a key that queue_pop() gave. */
void queue_done(Queue *queue, Key key);

/* Keys that wait (not those delayed or worked on); consecutive failures of a key. */
unsigned queue_length(const Queue *queue);
unsigned queue_failures(const Queue *queue, Key key);

#endif
