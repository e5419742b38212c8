/* Queue: a bounded line of pointers between threads; many put, one or many take, in batches.
 * This is where a lane's batch comes from: whoever takes gets all that is waiting. What waits a
 * moment for company, and when, is the pace.
 * Always: never holds more than its capacity (put says no at once, it does not wait); what was put
 * before close is still handed out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;

/* How takers make their batches larger where that costs nobody much. What a batch costs by itself
 * is the same for one item and for a hundred. All zero: whatever waits is taken at once. */
struct queue_pace {
    /* While another taker is at work on its batch, one more joins it only for so many items, or for
     * what has waited so long: that one may be stuck. */
    size_t join_from;
    int64_t join_ms;
    /* Who had so many is followed by as many again, because those who were answered ask again: it
     * waits for them, a quarter of the time that its batch took, and never longer than this. */
    size_t gather_from;
    int64_t gather_us_max;
};

/* One for each thread that takes: what it is at work on until it comes for more. Starts as zero. */
struct queue_taker {
    size_t had;
    int64_t took_us;
};

/* NULL pace: none. NULL when memory is out. */
struct queue *queue_create(size_t capacity, const struct queue_pace *pace);
/* NULL-safe; nulls the caller's pointer. Nobody may be waiting in it. */
void queue_destroy(struct queue **queue);

/* False when full or closed; the item stays the caller's. Does not block. */
bool queue_put(struct queue *queue, void *item);
/* Waits until something is there that is worth a batch, then takes up to `most` at once, oldest
 * first. Returns 0 only when closed and empty, or after timeout_ms (negative = no limit). */
size_t queue_take(struct queue *queue, struct queue_taker *taker, void **items, size_t most,
                  int64_t timeout_ms);
/* No more puts; wakes all takers. */
void queue_close(struct queue *queue);
size_t queue_depth(struct queue *queue);

/* Pure: how long a taker that comes back now waits for those whom it has answered. */
int64_t queue_gather_us(const struct queue_pace *pace, const struct queue_taker *taker,
                        int64_t now_us);
