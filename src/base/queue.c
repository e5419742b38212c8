/* See queue.h. A ring under one mutex: a batch is taken with one lock and one wake-up. */
#include "base/queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/wait.h"

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty;
    size_t capacity, first, count;
    size_t waiting; /* takers */
    bool closed;
    void *items[];
};

static bool wait_for_item(struct queue *queue, int64_t timeout_ms);

struct queue *queue_create(size_t capacity)
{
    struct queue *queue = calloc(1, sizeof *queue + capacity * sizeof queue->items[0]);
    if (queue == NULL) {
        return NULL;
    }
    queue->capacity = capacity;
    (void)pthread_mutex_init(&queue->lock, NULL);
    wait_init(&queue->not_empty);
    return queue;
}

void queue_destroy(struct queue **queue)
{
    if (*queue == NULL) {
        return;
    }
    (void)pthread_cond_destroy(&(*queue)->not_empty);
    (void)pthread_mutex_destroy(&(*queue)->lock);
    free(*queue);
    *queue = NULL;
}

bool queue_put(struct queue *queue, void *item)
{
    (void)pthread_mutex_lock(&queue->lock);
    bool taken = !queue->closed && queue->count < queue->capacity;
    bool wake = false;
    if (taken) {
        queue->items[(queue->first + queue->count) % queue->capacity] = item;
        queue->count++;
        wake = queue->waiting > 0;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    if (wake) {
        (void)pthread_cond_signal(&queue->not_empty);
    }
    return taken;
}

size_t queue_take(struct queue *queue, void **items, size_t most, int64_t timeout_ms)
{
    (void)pthread_mutex_lock(&queue->lock);
    size_t taken = 0;
    if (wait_for_item(queue, timeout_ms)) {
        taken = queue->count < most ? queue->count : most;
        for (size_t i = 0; i < taken; i++) {
            items[i] = queue->items[(queue->first + i) % queue->capacity];
        }
        queue->first = (queue->first + taken) % queue->capacity;
        queue->count -= taken;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    return taken;
}

static bool wait_for_item(struct queue *queue, int64_t timeout_ms)
{
    struct timespec until = wait_deadline(timeout_ms);
    int waited = 0;
    while (queue->count == 0 && !queue->closed && waited != ETIMEDOUT) {
        queue->waiting++;
        waited = timeout_ms < 0 ? pthread_cond_wait(&queue->not_empty, &queue->lock)
                                : pthread_cond_timedwait(&queue->not_empty, &queue->lock, &until);
        queue->waiting--;
    }
    return queue->count > 0;
}

void queue_close(struct queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    (void)pthread_cond_broadcast(&queue->not_empty);
    (void)pthread_mutex_unlock(&queue->lock);
}

size_t queue_depth(struct queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    size_t count = queue->count;
    (void)pthread_mutex_unlock(&queue->lock);
    return count;
}
