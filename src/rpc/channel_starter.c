/* See channel_exchange.h. The starter: a thread of a channel that begins calls together, so that
 * they share messages, when many threads begin them one by one (a gateway's HTTP threads). Closures
 * that begin calls collect theirs themselves.
 * Nothing waits for calls that may come: as long as few calls are under way each begins on its own
 * thread; afterwards the starter takes all that have come since it was here. It runs as a batch
 * job, that is, never ahead of those who begin calls, so on a machine without an idle core it comes
 * when they have begun all that they have, and on an idle one at once. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/queue.h"
#include "rpc/channel_exchange.h"

#define CALLS_AT_ONCE 256 /* eight full messages */

struct channel_starter {
    struct queue *queue; /* of exchanges; NULL: there is no starter, and calls go alone */
    pthread_t thread;
};

static bool gains(const struct channel_exchange *exchange);
static struct channel_starter *find(struct rpc_channel *channel);
static struct channel_starter *make(struct rpc_channel *channel);
static bool hand_over(const struct channel_starter *starter, struct channel_exchange *exchange);
static void *run(void *argument);
static void yield_to_beginners(void);
static void start_all(void **exchanges, size_t count);

/* Of a process that got no thread for it: asking again for each call would cost all of them. */
static struct channel_starter no_starter;

void channel_begin(struct channel_exchange *exchange)
{
    const struct channel_starter *starter = gains(exchange) ? find(exchange->channel) : &no_starter;
    if (starter->queue == NULL || !hand_over(starter, exchange)) {
        attempts_start(exchange);
    }
}

static bool gains(const struct channel_exchange *exchange)
{
    const struct attempt *first = exchange->first;
    return exchange->kind != NULL && first != NULL && !link_is_collecting() &&
           link_is_crowded(target_link(first->target), exchange->payload.size);
}

static struct channel_starter *find(struct rpc_channel *channel)
{
    struct channel_starter *starter = atomic_load(&channel->starter);
    if (starter != NULL) {
        return starter;
    }
    (void)pthread_mutex_lock(&channel->lock);
    starter = atomic_load(&channel->starter);
    if (starter == NULL) {
        starter = make(channel);
        atomic_store(&channel->starter, starter);
    }
    (void)pthread_mutex_unlock(&channel->lock);
    return starter;
}

static struct channel_starter *make(struct rpc_channel *channel)
{
    struct channel_starter *starter = calloc(1, sizeof *starter);
    if (starter == NULL) {
        return &no_starter;
    }
    starter->queue = queue_create(channel->max_outstanding, NULL);
    if (starter->queue == NULL || pthread_create(&starter->thread, NULL, run, starter) != 0) {
        queue_destroy(&starter->queue);
        free(starter);
        return &no_starter;
    }
    return starter;
}

/* The call may have ended before this returns, and the channel been closed by who waited for it. */
static bool hand_over(const struct channel_starter *starter, struct channel_exchange *exchange)
{
    struct rpc_channel *channel = exchange->channel;
    (void)atomic_fetch_add(&channel->handing_over, 1);
    target_enter(exchange->first->target); /* others that choose a server count it already */
    bool is_put = queue_put(starter->queue, exchange);
    if (!is_put) {
        target_leave(exchange->first->target, LINK_NOT_SENT);
    }
    (void)atomic_fetch_sub(&channel->handing_over, 1);
    return is_put;
}

void channel_stop_starter(struct rpc_channel *channel)
{
    struct channel_starter *starter = atomic_load(&channel->starter);
    if (starter == NULL || starter->queue == NULL) {
        return;
    }
    while (atomic_load(&channel->handing_over) > 0) {
        (void)sched_yield();
    }
    queue_close(starter->queue);
    (void)pthread_join(starter->thread, NULL);
    queue_destroy(&starter->queue);
    free(starter);
}

static void *run(void *argument)
{
    const struct channel_starter *starter = argument;
    struct queue_taker taker = {0};
    void *exchanges[CALLS_AT_ONCE];
    size_t count;
    (void)pthread_setname_np(pthread_self(), "rpc-starter"); /* not its first beginner's */
    yield_to_beginners();
    while ((count = queue_take(starter->queue, &taker, exchanges, CALLS_AT_ONCE, -1)) > 0) {
        start_all(exchanges, count);
    }
    return NULL;
}

/* Not in a process that somebody gave another policy. */
static void yield_to_beginners(void)
{
    struct sched_param parameters;
    int policy;
    if (pthread_getschedparam(pthread_self(), &policy, &parameters) == 0 && policy == SCHED_OTHER) {
        (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &parameters);
    }
}

static void start_all(void **exchanges, size_t count)
{
    struct link_collection collection;
    link_collect(&collection);
    for (size_t i = 0; i < count; i++) {
        struct channel_exchange *exchange = exchanges[i];
        struct target *target = exchange->first->target;
        attempts_start(exchange);
        target_leave(target, LINK_NOT_SENT); /* which it has entered by now */
    }
    link_send_collected(&collection);
}
