/* See channel.h. Places for calls (exchanges, kept for later calls) under one lock, and the turn of
 * running the closures of asynchronous calls: the thread of nng that ends a call while nobody has
 * the turn takes it, runs the closures of all that have ended, and looks again. A thread of our own
 * for it would cost each call a wake-up, which is a third of what a call costs. */
#include "rpc/channel.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/wait.h"
#include "rpc/channel_exchange.h"
#include "rpc/limits.h"

#define MAX_OUTSTANDING_DEFAULT    1024
#define EXCHANGE_FIRST_CHUNK_BYTES 2048 /* a product, an order of a few lines */

struct rpc_channel {
    struct link *link;
    int32_t timeout_ms;
    size_t max_outstanding;
    const struct clock *clock;

    pthread_mutex_t lock; /* for all below */
    pthread_cond_t room, idle;
    struct channel_exchange *spare; /* the last used first: its memory is warm */
    size_t outstanding;             /* places taken */
    size_t under_way;               /* calls whose closures have not run yet */
    size_t waiting_for_room;
    struct rpc_stub *ended_first, *ended_last; /* asynchronous calls whose closures shall run */
    bool is_running;                           /* somebody has the turn of running them */
    bool closing;
};

static struct rpc_channel *make_channel(const struct rpc_channel_options *options);
static void cancel_all(struct rpc_channel *channel);
static void destroy(struct rpc_channel *channel);
static enum status wait_for_room(struct rpc_channel *channel, bool async, int32_t timeout_ms,
                                 struct failure *failure);
static struct channel_exchange *make_exchange(struct rpc_channel *channel);
static void free_exchange(struct channel_exchange *exchange);
static void on_exchange_done(void *argument);
static bool put_ended(struct rpc_channel *channel, struct rpc_stub *stub);
static void run_closures(void *argument);
static size_t finish_all(struct rpc_stub *ended, struct channel_exchange **used_out);
static void give_back(struct rpc_channel *channel, struct channel_exchange *used, size_t calls);

enum status rpc_channel_open(const struct rpc_channel_options *options,
                             struct rpc_channel **channel_out, struct failure *failure)
{
    struct rpc_channel *channel = make_channel(options);
    if (channel == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                           "no memory for a channel");
    }
    enum status status =
        link_open(options->endpoint, run_closures, channel, &channel->link, failure);
    if (status != STATUS_OK) {
        destroy(channel);
        return status;
    }
    *channel_out = channel;
    return STATUS_OK;
}

static struct rpc_channel *make_channel(const struct rpc_channel_options *options)
{
    struct rpc_channel *channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        return NULL;
    }
    channel->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : RPC_TIMEOUT_MS_DEFAULT;
    channel->max_outstanding =
        options->max_outstanding > 0 ? options->max_outstanding : MAX_OUTSTANDING_DEFAULT;
    channel->clock = options->clock != NULL ? options->clock : clock_system();
    (void)pthread_mutex_init(&channel->lock, NULL);
    wait_init(&channel->room);
    wait_init(&channel->idle);
    return channel;
}

void rpc_channel_close(struct rpc_channel **channel)
{
    if (*channel != NULL) {
        cancel_all(*channel);
        destroy(*channel);
        *channel = NULL;
    }
}

static void cancel_all(struct rpc_channel *channel)
{
    (void)pthread_mutex_lock(&channel->lock);
    channel->closing = true;
    (void)pthread_cond_broadcast(&channel->room);
    (void)pthread_mutex_unlock(&channel->lock);
    link_close(channel->link);

    (void)pthread_mutex_lock(&channel->lock);
    while (channel->under_way > 0 || channel->is_running) {
        (void)pthread_cond_wait(&channel->idle, &channel->lock);
    }
    (void)pthread_mutex_unlock(&channel->lock);
}

static void destroy(struct rpc_channel *channel)
{
    while (channel->spare != NULL) {
        struct channel_exchange *exchange = channel->spare;
        channel->spare = exchange->next;
        free_exchange(exchange);
    }
    link_destroy(&channel->link);
    (void)pthread_cond_destroy(&channel->idle);
    (void)pthread_cond_destroy(&channel->room);
    (void)pthread_mutex_destroy(&channel->lock);
    free(channel);
}

bool rpc_channel_wait_idle(struct rpc_channel *channel, int64_t timeout_ms)
{
    struct timespec until = wait_deadline(timeout_ms);
    int waited = 0;
    (void)pthread_mutex_lock(&channel->lock);
    while (channel->under_way > 0 && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&channel->idle, &channel->lock, &until);
    }
    bool is_idle = channel->under_way == 0;
    (void)pthread_mutex_unlock(&channel->lock);
    return is_idle;
}

int32_t channel_timeout_ms(const struct rpc_channel *channel)
{
    return channel->timeout_ms;
}

const struct clock *channel_clock(const struct rpc_channel *channel)
{
    return channel->clock;
}

enum status channel_enter(struct rpc_channel *channel, struct rpc_stub *stub, int32_t timeout_ms,
                          struct failure *failure)
{
    struct channel_exchange *exchange = NULL;
    stub->exchange = NULL;
    (void)pthread_mutex_lock(&channel->lock);
    channel->under_way++;
    enum status status = wait_for_room(channel, stub->async, timeout_ms, failure);
    if (status == STATUS_OK) {
        channel->outstanding++;
        exchange = channel->spare;
        if (exchange != NULL) {
            channel->spare = exchange->next;
        }
    }
    (void)pthread_mutex_unlock(&channel->lock);
    if (status != STATUS_OK) {
        return status;
    }
    if (exchange == NULL) {
        exchange = make_exchange(channel);
    }
    if (exchange == NULL) {
        channel_vacate(channel);
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                           "not done: no memory for the call");
    }
    exchange->stub = stub;
    stub->exchange = exchange;
    return STATUS_OK;
}

static enum status wait_for_room(struct rpc_channel *channel, bool async, int32_t timeout_ms,
                                 struct failure *failure)
{
    if (channel->outstanding == channel->max_outstanding && !async && !channel->closing) {
        struct timespec until = wait_deadline(timeout_ms);
        int waited = 0;
        channel->waiting_for_room++;
        while (channel->outstanding == channel->max_outstanding && !channel->closing &&
               waited != ETIMEDOUT) {
            waited = pthread_cond_timedwait(&channel->room, &channel->lock, &until);
        }
        channel->waiting_for_room--;
    }
    if (channel->closing) {
        return failure_set(failure, STATUS_CANCELLED, "CHANNEL_CLOSED",
                           "not done: the channel is closed");
    }
    if (channel->outstanding == channel->max_outstanding) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "CHANNEL_FULL",
                           "not done: %zu calls are under way on this channel",
                           channel->max_outstanding);
    }
    return STATUS_OK;
}

static struct channel_exchange *make_exchange(struct rpc_channel *channel)
{
    struct channel_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->channel = channel;
    exchange->link = link_exchange_create(channel->link, on_exchange_done, exchange);
    if (exchange->link == NULL) {
        free(exchange);
        return NULL;
    }
    arena_init(&exchange->arena, EXCHANGE_FIRST_CHUNK_BYTES, RPC_CALL_MEMORY_BYTES_MAX);
    return exchange;
}

static void free_exchange(struct channel_exchange *exchange)
{
    link_exchange_destroy(&exchange->link);
    arena_fini(&exchange->arena);
    free(exchange);
}

void channel_vacate(struct rpc_channel *channel)
{
    (void)pthread_mutex_lock(&channel->lock);
    channel->outstanding--;
    if (channel->waiting_for_room > 0) {
        (void)pthread_cond_signal(&channel->room);
    }
    (void)pthread_mutex_unlock(&channel->lock);
}

void channel_leave(struct rpc_channel *channel, struct channel_exchange *exchange)
{
    if (exchange != NULL) {
        exchange->next = NULL;
    }
    (void)pthread_mutex_lock(&channel->lock);
    give_back(channel, exchange, 1);
    (void)pthread_mutex_unlock(&channel->lock);
}

static void on_exchange_done(void *argument)
{
    struct channel_exchange *exchange = argument;
    struct rpc_channel *channel = exchange->channel;
    if (put_ended(channel, exchange->stub)) {
        run_closures(channel);
    }
}

void channel_complete(struct rpc_channel *channel, struct rpc_stub *stub)
{
    if (put_ended(channel, stub)) {
        link_poke(channel->link);
    }
}

/* True when the caller got the turn and must see to it that run_closures is called. */
static bool put_ended(struct rpc_channel *channel, struct rpc_stub *stub)
{
    stub->next = NULL;
    (void)pthread_mutex_lock(&channel->lock);
    if (stub->exchange != NULL) {
        channel->outstanding--;
        if (channel->waiting_for_room > 0) {
            (void)pthread_cond_signal(&channel->room);
        }
    }
    if (channel->ended_last != NULL) {
        channel->ended_last->next = stub;
    } else {
        channel->ended_first = stub;
    }
    channel->ended_last = stub;
    bool has_turn = !channel->is_running;
    channel->is_running = true;
    (void)pthread_mutex_unlock(&channel->lock);
    return has_turn;
}

static void run_closures(void *argument)
{
    struct rpc_channel *channel = argument;
    (void)pthread_mutex_lock(&channel->lock);
    while (channel->ended_first != NULL) {
        struct rpc_stub *ended = channel->ended_first;
        channel->ended_first = NULL;
        channel->ended_last = NULL;
        (void)pthread_mutex_unlock(&channel->lock);

        struct channel_exchange *used;
        size_t calls = finish_all(ended, &used);

        (void)pthread_mutex_lock(&channel->lock);
        give_back(channel, used, calls);
    }
    channel->is_running = false;
    if (channel->closing) {
        (void)pthread_cond_broadcast(&channel->idle);
    }
    (void)pthread_mutex_unlock(&channel->lock);
}

static size_t finish_all(struct rpc_stub *ended, struct channel_exchange **used_out)
{
    struct channel_exchange *used = NULL;
    size_t calls = 0;
    while (ended != NULL) {
        struct rpc_stub *stub = ended;
        ended = stub->next;
        struct channel_exchange *exchange = stub->exchange;
        stub_finish(stub);
        if (exchange != NULL) {
            exchange->next = used;
            used = exchange;
        }
        calls++;
    }
    *used_out = used;
    return calls;
}

/* With the lock held. */
static void give_back(struct rpc_channel *channel, struct channel_exchange *used, size_t calls)
{
    while (used != NULL) {
        struct channel_exchange *next = used->next;
        used->next = channel->spare;
        channel->spare = used;
        used = next;
    }
    channel->under_way -= calls;
    if (channel->under_way == 0) {
        (void)pthread_cond_broadcast(&channel->idle);
    }
}
