/* See lane.h. */
#include "rpc/lane.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/queue.h"
#include "rpc/call_pool.h"

struct lane_thread {
    struct lane *lane;
    pthread_t thread;
    void *state; /* what the kind's open() made */
    struct queue_taker taker;
    struct rpc_call **taken; /* batch_max each */
    struct rpc_call **group;
};

struct lane {
    struct rpc_lane_kind kind;
    const struct clock *clock;
    struct queue *queue;
    atomic_bool closing;
    struct lane_thread *threads;
    size_t started;
    pthread_mutex_t lock; /* the rest: how opening went */
    pthread_cond_t changed;
    size_t opened, not_opened;
    struct failure failure; /* of the first that did not open */
};

static struct lane *make_lane(const struct rpc_lane_kind *kind, const struct clock *clock);
static void start_threads(struct lane *lane);
static enum status wait_until_open(struct lane *lane, struct failure *failure);
static void *run_thread(void *argument);
static bool open_state(struct lane_thread *thread);
static void refuse_all(struct rpc_call **calls, size_t count);
static void handle_all(struct lane_thread *thread, size_t count);
static size_t take_group(struct lane_thread *thread, size_t *count);
static size_t prepare(struct lane *lane, struct rpc_call **calls, size_t count);
static bool is_fit(struct lane *lane, struct rpc_call *call, int64_t now_ms);

enum status lane_start(const struct rpc_lane_kind *kind, const struct clock *clock,
                       struct lane **lane_out, struct failure *failure)
{
    struct lane *lane = make_lane(kind, clock);
    if (lane == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                           "no memory for the lane %s", kind->name);
    }
    start_threads(lane);
    enum status status = wait_until_open(lane, failure);
    if (status != STATUS_OK) {
        lane_close(lane);
        lane_destroy(&lane);
        return status;
    }
    *lane_out = lane;
    return STATUS_OK;
}

static struct lane *make_lane(const struct rpc_lane_kind *kind, const struct clock *clock)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL) {
        return NULL;
    }
    lane->kind = *kind;
    lane->clock = clock;
    (void)pthread_mutex_init(&lane->lock, NULL);
    (void)pthread_cond_init(&lane->changed, NULL);
    lane->queue = queue_create(kind->queue_max, &kind->pace);
    lane->threads = calloc(kind->threads, sizeof lane->threads[0]);
    bool complete = lane->queue != NULL && lane->threads != NULL;
    for (size_t i = 0; i < kind->threads && complete; i++) {
        struct lane_thread *thread = &lane->threads[i];
        thread->lane = lane;
        thread->taken = calloc(kind->batch_max, sizeof(struct rpc_call *));
        thread->group = calloc(kind->batch_max, sizeof(struct rpc_call *));
        complete = thread->taken != NULL && thread->group != NULL;
    }
    if (!complete) {
        lane_destroy(&lane);
    }
    return lane;
}

static void start_threads(struct lane *lane)
{
    while (lane->started < lane->kind.threads) {
        struct lane_thread *thread = &lane->threads[lane->started];
        if (pthread_create(&thread->thread, NULL, run_thread, thread) != 0) {
            (void)pthread_mutex_lock(&lane->lock);
            if (lane->not_opened++ == 0) {
                (void)failure_set(&lane->failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_THREADS",
                                  "no thread for the lane %s", lane->kind.name);
            }
            (void)pthread_mutex_unlock(&lane->lock);
            return;
        }
        lane->started++;
    }
}

static enum status wait_until_open(struct lane *lane, struct failure *failure)
{
    enum status status = STATUS_OK;
    (void)pthread_mutex_lock(&lane->lock);
    while (lane->not_opened == 0 && lane->opened < lane->kind.threads) {
        (void)pthread_cond_wait(&lane->changed, &lane->lock);
    }
    if (lane->not_opened > 0) {
        status = lane->failure.code;
        if (failure != NULL) {
            *failure = lane->failure;
        }
    }
    (void)pthread_mutex_unlock(&lane->lock);
    return status;
}

void lane_close(struct lane *lane)
{
    atomic_store(&lane->closing, true);
    queue_close(lane->queue);
    for (size_t i = 0; i < lane->started; i++) {
        (void)pthread_join(lane->threads[i].thread, NULL);
    }
    lane->started = 0;
}

void lane_destroy(struct lane **lane)
{
    if (*lane == NULL) {
        return;
    }
    for (size_t i = 0; (*lane)->threads != NULL && i < (*lane)->kind.threads; i++) {
        free((*lane)->threads[i].taken);
        free((*lane)->threads[i].group);
    }
    free((*lane)->threads);
    queue_destroy(&(*lane)->queue);
    (void)pthread_cond_destroy(&(*lane)->changed);
    (void)pthread_mutex_destroy(&(*lane)->lock);
    free(*lane);
    *lane = NULL;
}

bool lane_put(struct lane *lane, struct rpc_call *call)
{
    return queue_put(lane->queue, call);
}

const struct rpc_lane_kind *lane_kind(const struct lane *lane)
{
    return &lane->kind;
}

size_t lane_depth(const struct lane *lane)
{
    return queue_depth(lane->queue);
}

static void *run_thread(void *argument)
{
    struct lane_thread *thread = argument;
    struct lane *lane = thread->lane;
    if (!open_state(thread)) {
        return NULL;
    }
    int64_t idle_ms = lane->kind.idle != NULL ? RPC_LANE_IDLE_MS : -1;
    for (;;) {
        size_t count = queue_take(lane->queue, &thread->taker, (void **)thread->taken,
                                  lane->kind.batch_max, idle_ms);
        bool closing = atomic_load(&lane->closing);
        if (count == 0 && closing) {
            break;
        }
        if (count == 0) {
            lane->kind.idle(thread->state);
        } else if (closing) {
            refuse_all(thread->taken, count);
        } else {
            handle_all(thread, count);
        }
    }
    if (lane->kind.close != NULL) {
        lane->kind.close(thread->state);
    }
    return NULL;
}

static bool open_state(struct lane_thread *thread)
{
    struct lane *lane = thread->lane;
    struct failure failure = {.code = STATUS_INTERNAL};
    if (lane->kind.open != NULL) {
        thread->state = lane->kind.open(lane->kind.context, &failure);
    }
    bool is_open = thread->state != NULL || lane->kind.open == NULL;
    (void)pthread_mutex_lock(&lane->lock);
    if (is_open) {
        lane->opened++;
    } else if (lane->not_opened++ == 0) {
        lane->failure = failure;
    }
    (void)pthread_cond_signal(&lane->changed);
    (void)pthread_mutex_unlock(&lane->lock);
    return is_open;
}

static void refuse_all(struct rpc_call **calls, size_t count)
{
    struct failure failure;
    (void)failure_set(&failure, STATUS_UNAVAILABLE, "DRAINING", "this server is stopping");
    for (size_t i = 0; i < count; i++) {
        rpc_fail(calls[i], &failure);
    }
}

/* One handler after the other, each with its calls in the order they came. */
static void handle_all(struct lane_thread *thread, size_t count)
{
    while (count > 0) {
        rpc_handler handler = thread->taken[0]->route->handler;
        size_t size = take_group(thread, &count);
        size = prepare(thread->lane, thread->group, size);
        if (size > 0) {
            handler(thread->state, thread->group, size);
        }
    }
}

/* Moves the calls that share the first one's handler into the thread's group, as far as their bytes
 * are within the bound; closes the gaps they leave. */
static size_t take_group(struct lane_thread *thread, size_t *count)
{
    struct rpc_call **calls = thread->taken;
    rpc_handler handler = calls[0]->route->handler;
    size_t bytes_max = thread->lane->kind.batch_bytes_max;
    size_t size = 0, left = 0, bytes = 0;
    bool is_full = false; /* then later ones wait, too: none overtakes another of its handler */
    for (size_t i = 0; i < *count; i++) {
        bool is_alike = calls[i]->route->handler == handler;
        bytes += is_alike ? calls[i]->envelope.payload.size : 0;
        is_full = is_full || (bytes_max > 0 && size > 0 && bytes > bytes_max);
        if (is_alike && !is_full) {
            thread->group[size++] = calls[i];
        } else {
            calls[left++] = calls[i];
        }
    }
    *count = left;
    return size;
}

/* Only now, right before the handler: what waited behind another handler may have expired. */
static size_t prepare(struct lane *lane, struct rpc_call **calls, size_t count)
{
    int64_t now_ms = clock_monotonic_ms(lane->clock);
    size_t fit = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_fit(lane, calls[i], now_ms)) {
            calls[fit++] = calls[i];
        }
    }
    return fit;
}

/* Answers those that are not. */
static bool is_fit(struct lane *lane, struct rpc_call *call, int64_t now_ms)
{
    if (now_ms >= call->deadline_ms) {
        (void)failure_set(&call->failure, STATUS_DEADLINE_EXCEEDED, "EXPIRED_IN_QUEUE",
                          "not done: it waited longer than its caller for the lane %s",
                          lane->kind.name);
        rpc_fail(call, &call->failure);
        return false;
    }
    if (call_decode(call) != STATUS_OK) {
        rpc_fail(call, &call->failure);
        return false;
    }
    return true;
}
