/* See queue.h. A ring under one mutex: a batch is taken with one lock and one wake-up. */
#include "base/queue.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/wait.h"

/* Of the time that a batch took, spent on making the next one larger. */
#define GATHER_PART 4
#define NEVER_US    INT64_MAX

struct queue {
    struct queue_pace pace;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t capacity, first, count;
    size_t waiting;   /* takers */
    size_t at_work;   /* takers that have not come back for more */
    size_t gathering; /* so many items does one of them wait for; 0 = none does */
    int64_t since_us; /* the first item has waited at least since then; with a pace only */
    bool closed;
    void *items[];
};

static void gather(struct queue *queue, const struct queue_taker *taker, size_t most);
static bool wait_for_batch(struct queue *queue, int64_t timeout_ms);
static bool is_worth_taking(const struct queue *queue);
static void wait_until_changed(struct queue *queue, int64_t until_us);
static void move_out(struct queue *queue, void **items, size_t count);

static int64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

static int64_t least(int64_t one, int64_t other)
{
    return one < other ? one : other;
}

struct queue *queue_create(size_t capacity, const struct queue_pace *pace)
{
    struct queue *queue = calloc(1, sizeof *queue + capacity * sizeof queue->items[0]);
    if (queue == NULL) {
        return NULL;
    }
    queue->capacity = capacity;
    if (pace != NULL) {
        queue->pace = *pace;
    }
    (void)pthread_mutex_init(&queue->lock, NULL);
    wait_init(&queue->changed);
    return queue;
}

void queue_destroy(struct queue **queue)
{
    if (*queue == NULL) {
        return;
    }
    (void)pthread_cond_destroy(&(*queue)->changed);
    (void)pthread_mutex_destroy(&(*queue)->lock);
    free(*queue);
    *queue = NULL;
}

/* A taker that waits for company is woken for the first item, whose wait it has to bound, and when
 * there is enough; not for each in between. */
static bool is_news(const struct queue *queue)
{
    return queue->pace.join_from == 0 || queue->count == 1 ||
           queue->count == queue->pace.join_from || queue->count == queue->gathering;
}

bool queue_put(struct queue *queue, void *item)
{
    (void)pthread_mutex_lock(&queue->lock);
    bool taken = !queue->closed && queue->count < queue->capacity;
    bool wake = false;
    if (taken) {
        queue->items[(queue->first + queue->count) % queue->capacity] = item;
        queue->count++;
        if (queue->count == 1 && queue->pace.join_from > 0) {
            queue->since_us = now_us();
        }
        wake = queue->waiting > 0 && is_news(queue);
    }
    bool wake_all = wake && queue->gathering > 0; /* one of them waits for something else */
    (void)pthread_mutex_unlock(&queue->lock);
    if (wake_all) {
        (void)pthread_cond_broadcast(&queue->changed);
    } else if (wake) {
        (void)pthread_cond_signal(&queue->changed);
    }
    return taken;
}

size_t queue_take(struct queue *queue, struct queue_taker *taker, void **items, size_t most,
                  int64_t timeout_ms)
{
    (void)pthread_mutex_lock(&queue->lock);
    if (taker->had > 0) {
        gather(queue, taker, most);
        queue->at_work--; /* only now: nobody else begins a batch with what is gathered */
    }
    size_t taken = 0;
    if (wait_for_batch(queue, timeout_ms)) {
        taken = queue->count < most ? queue->count : most;
        move_out(queue, items, taken);
        queue->at_work++;
    }
    *taker = (struct queue_taker){.had = taken};
    bool is_paced = queue->pace.join_from > 0 || queue->pace.gather_from > 0;
    if (taken > 0 && is_paced) {
        taker->took_us = queue->since_us = now_us();
    }
    bool wake = is_paced && queue->count > 0 && queue->waiting > 0; /* somebody bounds their wait */
    (void)pthread_mutex_unlock(&queue->lock);
    if (wake) {
        (void)pthread_cond_signal(&queue->changed);
    }
    return taken;
}

static void move_out(struct queue *queue, void **items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        items[i] = queue->items[(queue->first + i) % queue->capacity];
    }
    queue->first = (queue->first + count) % queue->capacity;
    queue->count -= count;
}

int64_t queue_gather_us(const struct queue_pace *pace, const struct queue_taker *taker,
                        int64_t now_us)
{
    if (pace->gather_from == 0 || taker->had < pace->gather_from) {
        return 0;
    }
    return least((now_us - taker->took_us) / GATHER_PART, pace->gather_us_max);
}

/* Until as many have come as it had, beside those that wait already. */
static void gather(struct queue *queue, const struct queue_taker *taker, size_t most)
{
    int64_t from_us = queue->pace.gather_from > 0 ? now_us() : 0;
    int64_t until_us = from_us + queue_gather_us(&queue->pace, taker, from_us);
    size_t enough = queue->count + taker->had < most ? queue->count + taker->had : most;
    while (!queue->closed && queue->count < enough && now_us() < until_us) {
        queue->gathering = enough;
        wait_until_changed(queue, until_us);
        queue->gathering = 0;
    }
}

/* False: in vain. */
static bool wait_for_batch(struct queue *queue, int64_t timeout_ms)
{
    int64_t until_us = timeout_ms < 0 ? NEVER_US : now_us() + timeout_ms * 1000;
    while (!is_worth_taking(queue)) {
        if (queue->closed || now_us() >= until_us) {
            return false;
        }
        int64_t join_us =
            queue->count > 0 ? queue->since_us + queue->pace.join_ms * 1000 : NEVER_US;
        wait_until_changed(queue, least(until_us, join_us));
    }
    return true;
}

static bool is_worth_taking(const struct queue *queue)
{
    const struct queue_pace *pace = &queue->pace;
    if (queue->count == 0) {
        return false;
    }
    return queue->closed || queue->at_work == 0 || queue->count >= pace->join_from ||
           now_us() >= queue->since_us + pace->join_ms * 1000;
}

static void wait_until_changed(struct queue *queue, int64_t until_us)
{
    queue->waiting++;
    if (until_us == NEVER_US) {
        (void)pthread_cond_wait(&queue->changed, &queue->lock);
    } else {
        struct timespec until = wait_moment(until_us);
        (void)pthread_cond_timedwait(&queue->changed, &queue->lock, &until);
    }
    queue->waiting--;
}

void queue_close(struct queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    queue->closed = true;
    (void)pthread_cond_broadcast(&queue->changed);
    (void)pthread_mutex_unlock(&queue->lock);
}

size_t queue_depth(struct queue *queue)
{
    (void)pthread_mutex_lock(&queue->lock);
    size_t count = queue->count;
    (void)pthread_mutex_unlock(&queue->lock);
    return count;
}
