/* Queue: a bounded line of pointers between threads; many put, one or many take, in batches.
 * This is where a lane's batch comes from: whoever takes gets all that is waiting.
 * Always: never holds more than its capacity (put says no at once, it does not wait); what was put
 * before close is still handed out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;

/* NULL when memory is out. */
struct queue *queue_create(size_t capacity);
/* NULL-safe; nulls the caller's pointer. Nobody may be waiting in it. */
void queue_destroy(struct queue **queue);

/* False when full or closed; the item stays the caller's. Does not block. */
bool queue_put(struct queue *queue, void *item);
/* Waits until something is there, then takes up to `most` at once, oldest first. Returns 0 only
 * when closed and empty, or after timeout_ms (negative = no limit). */
size_t queue_take(struct queue *queue, void **items, size_t most, int64_t timeout_ms);
/* No more puts; wakes all takers. */
void queue_close(struct queue *queue);
size_t queue_depth(struct queue *queue);
