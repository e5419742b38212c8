/* See channel.h. Places for calls (exchanges, kept for later calls) under one lock, and the turn of
 * running the closures of asynchronous calls: the thread of nng that ends a call while nobody has
 * the turn takes it, runs the closures of all that have ended, and looks again. A thread of our own
 * for it would cost each call a wake-up, which is a third of what a call costs.
 * An asynchronous call takes the lock twice, when it begins and when its place is given back; that
 * it has ended is told without it (docs/decisions/0019). */
#include "rpc/channel.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/wait.h"
#include "rpc/channel_exchange.h"
#include "rpc/limits.h"

#define MAX_OUTSTANDING_DEFAULT    1024
#define FULL_RETRY_MS              50   /* as a server that is OVERLOADED: calls end by then */
#define EXCHANGE_FIRST_CHUNK_BYTES 2048 /* a product, an order of a few lines */

static struct rpc_channel *make_channel(const struct rpc_channel_options *options);
static void cancel_all(struct rpc_channel *channel);
static void destroy(struct rpc_channel *channel);
static enum status wait_for_room(struct rpc_channel *channel, bool async, int32_t timeout_ms,
                                 struct failure *failure);
static bool is_full(const struct rpc_channel *channel);
static struct channel_exchange *make_exchange(struct rpc_channel *channel);
static void free_exchange(struct channel_exchange *exchange);
static void begin_exchange(struct channel_exchange *exchange, struct rpc_stub *stub,
                           int64_t deadline_ms);
static void give_room(struct rpc_channel *channel);
static bool put_ended(struct rpc_channel *channel, struct rpc_stub *stub);
static void run_closures(void *argument);
static struct rpc_stub *take_ended(struct rpc_channel *channel);
static bool give_up_turn(struct rpc_channel *channel);
static size_t finish_all(struct rpc_stub *ended, struct channel_exchange **used_out);
static void give_back(struct rpc_channel *channel, struct channel_exchange *used, size_t calls);

/* In rpc_channel.ended: somebody has the turn, and none has ended since it looked. */
static struct rpc_stub turn_is_taken;

enum status rpc_channel_open(const struct rpc_channel_options *options,
                             struct rpc_channel **channel_out, struct failure *failure)
{
    struct rpc_channel *channel = make_channel(options);
    if (channel == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                           "no memory for a channel");
    }
    enum status status = targets_open(channel, options->endpoint, &options->tls, failure);
    if (status != STATUS_OK) {
        rpc_channel_close(&channel);
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
    channel->hedge_after_ms = options->hedge_after_ms;
    channel->is_forwarding = options->is_forwarding;
    channel->tries_max = options->tries_max > 0 ? options->tries_max : RETRY_TRIES_DEFAULT;
    channel->clock = options->clock != NULL ? options->clock : clock_system();
    channel->clock->random(channel->clock->state, &channel->chance, sizeof channel->chance);
    channel->chance |= 1; /* xorshift's only bad seed is 0 */
    retry_budget_init(&channel->budget, channel->max_outstanding);
    (void)pthread_mutex_init(&channel->lock, NULL);
    wait_init(&channel->room);
    wait_init(&channel->idle);
    wait_init(&channel->changed);
    channel->poke = alarm_create(run_closures, channel);
    if (channel->poke == NULL) {
        destroy(channel);
        return NULL;
    }
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
    targets_wake(channel, true);
    (void)pthread_mutex_unlock(&channel->lock);
    targets_close(channel);

    (void)pthread_mutex_lock(&channel->lock);
    while (channel->under_way > 0 || atomic_load(&channel->ended) != NULL) {
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
    channel_stop_starter(channel);
    targets_destroy(channel);
    alarm_destroy(&channel->poke);
    (void)pthread_cond_destroy(&channel->changed);
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

size_t rpc_channel_endpoints(struct rpc_channel *channel,
                             struct rpc_endpoint_state states_out[RPC_ENDPOINTS_MAX])
{
    for (size_t i = 0; i < channel->target_count; i++) {
        const struct target *target = channel->targets[i];
        states_out[i] = (struct rpc_endpoint_state){
            .endpoint = target_endpoint(target),
            .is_ready = target_fitness(target) == TARGET_SERVES,
            .outstanding = target_outstanding(target),
            .ejections = target_ejections(target),
        };
    }
    return channel->target_count;
}

enum status channel_enter(struct rpc_channel *channel, struct rpc_stub *stub, int32_t timeout_ms,
                          struct failure *failure)
{
    struct channel_exchange *exchange = NULL;
    int64_t deadline_ms = clock_monotonic_ms(channel->clock) + timeout_ms;
    stub->exchange = NULL;
    (void)pthread_mutex_lock(&channel->lock);
    channel->under_way++;
    stub->running = NULL;
    enum status status = wait_for_room(channel, stub->async, timeout_ms, failure);
    if (status == STATUS_OK) {
        exchange = channel->spare;
        if (exchange != NULL) {
            channel->spare = exchange->next;
        } else {
            exchange = make_exchange(channel);
        }
        if (exchange != NULL) {
            (void)atomic_fetch_add(&channel->outstanding, 1);
            begin_exchange(exchange, stub, deadline_ms);
            attempts_prepare(exchange);
        } else {
            status = failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                                 "not done: no memory for the call");
        }
    }
    (void)pthread_mutex_unlock(&channel->lock);
    return status;
}

/* With the lock. */
static void begin_exchange(struct channel_exchange *exchange, struct rpc_stub *stub,
                           int64_t deadline_ms)
{
    arena_reset(&exchange->request);
    exchange->stub = stub;
    exchange->deadline_ms = deadline_ms;
    exchange->carries_request_id = false;
    exchange->is_hedged = false;
    exchange->last = NULL;
    exchange->answered = NULL;
    exchange->sent_tries = 0;
    exchange->tried = 0;
    exchange->may_have_run = false;
    exchange->is_cancelled = false;
    exchange->has_ended = false;
    stub->exchange = exchange;
    stub->running = exchange;
}

/* With the lock: then it can only become less full. */
static bool is_full(const struct rpc_channel *channel)
{
    return atomic_load(&channel->outstanding) == channel->max_outstanding;
}

static enum status wait_for_room(struct rpc_channel *channel, bool async, int32_t timeout_ms,
                                 struct failure *failure)
{
    if (is_full(channel) && !async && !channel->closing) {
        struct timespec until = wait_deadline(timeout_ms);
        int waited = 0;
        (void)atomic_fetch_add(&channel->waiting_for_room, 1);
        while (is_full(channel) && !channel->closing && waited != ETIMEDOUT) {
            waited = pthread_cond_timedwait(&channel->room, &channel->lock, &until);
        }
        (void)atomic_fetch_sub(&channel->waiting_for_room, 1);
    }
    if (channel->closing) {
        return failure_set(failure, STATUS_CANCELLED, "CHANNEL_CLOSED",
                           "not done: the channel is closed");
    }
    if (is_full(channel)) {
        (void)failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "CHANNEL_FULL",
                          "not done: %zu calls are under way on this channel",
                          channel->max_outstanding);
        failure->retry_delay_ms = FULL_RETRY_MS;
        return STATUS_RESOURCE_EXHAUSTED;
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
    arena_init(&exchange->request, EXCHANGE_FIRST_CHUNK_BYTES, RPC_CALL_MEMORY_BYTES_MAX);
    arena_init(&exchange->response, EXCHANGE_FIRST_CHUNK_BYTES, RPC_CALL_MEMORY_BYTES_MAX);
    return exchange;
}

static void free_exchange(struct channel_exchange *exchange)
{
    for (size_t i = 0; i < RPC_ENDPOINTS_MAX; i++) {
        link_exchange_destroy(&exchange->attempts[i].link);
    }
    alarm_destroy(&exchange->alarm);
    arena_fini(&exchange->request);
    arena_fini(&exchange->response);
    free(exchange);
}

void channel_vacate(struct rpc_channel *channel, struct rpc_stub *stub)
{
    if (stub->exchange != NULL) {
        give_room(channel);
    }
}

/* Who waits says so before it looks whether there is room, so one of the two sees the other. */
static void give_room(struct rpc_channel *channel)
{
    (void)atomic_fetch_sub(&channel->outstanding, 1);
    if (atomic_load(&channel->waiting_for_room) > 0) {
        (void)pthread_mutex_lock(&channel->lock);
        (void)pthread_cond_signal(&channel->room);
        (void)pthread_mutex_unlock(&channel->lock);
    }
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

void channel_end(struct rpc_channel *channel, struct rpc_stub *stub)
{
    if (put_ended(channel, stub)) {
        run_closures(channel);
    }
}

void channel_complete(struct rpc_channel *channel, struct rpc_stub *stub)
{
    if (put_ended(channel, stub)) {
        alarm_start(channel->poke, 0);
    }
}

/* True when the caller got the turn and must see to it that run_closures is called. */
static bool put_ended(struct rpc_channel *channel, struct rpc_stub *stub)
{
    if (stub->exchange != NULL) {
        give_room(channel);
    }
    struct rpc_stub *last = atomic_load(&channel->ended);
    do {
        stub->next = last == &turn_is_taken ? NULL : last;
    } while (!atomic_compare_exchange_weak(&channel->ended, &last, stub));
    return last == NULL;
}

bool channel_take_turn(void *argument)
{
    struct rpc_channel *channel = argument;
    struct rpc_stub *nobody = NULL;
    return atomic_compare_exchange_strong(&channel->ended, &nobody, &turn_is_taken);
}

void channel_use_turn(void *channel)
{
    run_closures(channel);
}

/* Calls that closures begin meanwhile share messages where they may. */
static void run_closures(void *argument)
{
    struct rpc_channel *channel = argument;
    bool has_turn = true;
    while (has_turn) {
        struct channel_exchange *used;
        struct link_collection collection;
        link_collect(&collection);
        size_t calls = finish_all(take_ended(channel), &used);
        link_send_collected(&collection);
        (void)pthread_mutex_lock(&channel->lock);
        give_back(channel, used, calls);
        has_turn = !give_up_turn(channel);
        (void)pthread_mutex_unlock(&channel->lock);
    }
}

/* In the order in which they ended; none when a turn was taken for calls that then went on. */
static struct rpc_stub *take_ended(struct rpc_channel *channel)
{
    struct rpc_stub *last = atomic_exchange(&channel->ended, &turn_is_taken);
    struct rpc_stub *first = NULL;
    while (last != NULL && last != &turn_is_taken) {
        struct rpc_stub *before = last->next;
        last->next = first;
        first = last;
        last = before;
    }
    return first;
}

/* With the lock. False when others have ended meanwhile. */
static bool give_up_turn(struct rpc_channel *channel)
{
    struct rpc_stub *none = &turn_is_taken;
    if (!atomic_compare_exchange_strong(&channel->ended, &none, NULL)) {
        return false;
    }
    if (channel->closing) {
        (void)pthread_cond_broadcast(&channel->idle);
    }
    return true;
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
        used->stub = NULL; /* a cancellation comes too late now */
        used->next = channel->spare;
        channel->spare = used;
        used = next;
    }
    channel->under_way -= calls;
    if (channel->under_way == 0) {
        (void)pthread_cond_broadcast(&channel->idle);
    }
}
