/* See channel_exchange.h: the tries of a call. One after the other, each settled before the next;
 * only a hedged call has two under way at a time, and of these the first answer wins.
 * Always: a call ends once, when none of its tries runs any more, so its place can be used again.
 * Not here: what becomes of a call after a try (attempts_settle.c). */
#include <errno.h>
#include <string.h>

#include "base/wait.h"
#include "rpc/channel_exchange.h"

static struct attempt *begin_blocking(struct channel_exchange *exchange);
static bool wait_blocking(struct channel_exchange *exchange, int64_t delay_ms);
static void wait_for_end(struct channel_exchange *exchange);
static void step(struct channel_exchange *exchange);
static bool begin(struct channel_exchange *exchange, struct attempt **attempt_out);
static struct attempt *arm(struct channel_exchange *exchange, int number);
static void send_try(struct channel_exchange *exchange, struct attempt *attempt);
static void on_attempt_done(void *context);
static void claim(struct attempt *attempt);
static void conclude(struct channel_exchange *exchange);
static void finish(struct channel_exchange *exchange);
static bool wait_on_alarm(struct channel_exchange *exchange, enum exchange_wait what, int64_t ms);
static void on_time(void *context);
static void hedge(struct channel_exchange *exchange, bool is_woken);
static struct attempt *arm_hedge(struct channel_exchange *exchange);
static void end_one(struct channel_exchange *exchange);

void attempts_prepare(struct channel_exchange *exchange)
{
    int number = targets_pick(exchange->channel, 0);
    exchange->first = number >= 0 ? arm(exchange, number) : NULL;
}

void attempts_run(struct channel_exchange *exchange)
{
    if (exchange->is_hedged) {
        attempts_start(exchange);
        wait_for_end(exchange);
        return;
    }
    struct attempt *attempt = exchange->first;
    for (;;) {
        if (attempt == NULL) {
            attempt = begin_blocking(exchange);
        }
        if (attempt == NULL) {
            return;
        }
        int64_t timeout_ms = attempts_remaining_ms(exchange);
        if (!stub_write_try(exchange, attempt, exchange->sent_tries, timeout_ms)) {
            attempts_fail_no_memory(exchange);
            return;
        }
        target_enter(attempt->target);
        link_exchange_run(attempt->link, timeout_ms);
        target_leave(attempt->target, link_exchange_outcome(attempt->link));
        int64_t delay_ms = attempts_settle(exchange, attempt);
        if (delay_ms == ATTEMPTS_OVER || !wait_blocking(exchange, delay_ms)) {
            return;
        }
        attempt = NULL;
    }
}

/* NULL with stub->failure when there is no server until the end of the call's time. */
static struct attempt *begin_blocking(struct channel_exchange *exchange)
{
    struct rpc_channel *channel = exchange->channel;
    struct attempt *attempt = NULL;
    (void)pthread_mutex_lock(&channel->lock);
    struct timespec until = wait_deadline(attempts_remaining_ms(exchange));
    int number, waited = 0;
    while (attempts_fail_stopped(exchange, &exchange->stub->failure) == STATUS_OK) {
        number = targets_pick(channel, exchange->tried);
        if (number >= 0) {
            attempt = arm(exchange, number);
            break;
        }
        if (waited == ETIMEDOUT) {
            attempts_fail_no_server(exchange);
            break;
        }
        waited = pthread_cond_timedwait(&channel->changed, &channel->lock, &until);
    }
    (void)pthread_mutex_unlock(&channel->lock);
    return attempt;
}

/* False, with the failure, when the call was stopped meanwhile. */
static bool wait_blocking(struct channel_exchange *exchange, int64_t delay_ms)
{
    if (delay_ms == 0) {
        return true;
    }
    struct rpc_channel *channel = exchange->channel;
    struct timespec until = wait_deadline(delay_ms);
    int waited = 0;
    (void)pthread_mutex_lock(&channel->lock);
    while (waited != ETIMEDOUT &&
           attempts_fail_stopped(exchange, &exchange->stub->failure) == STATUS_OK) {
        waited = pthread_cond_timedwait(&channel->changed, &channel->lock, &until);
    }
    (void)pthread_mutex_unlock(&channel->lock);
    return waited == ETIMEDOUT;
}

/* The other way round: an asynchronous call that is waited for. */
static void wait_for_end(struct channel_exchange *exchange)
{
    struct rpc_channel *channel = exchange->channel;
    (void)pthread_mutex_lock(&channel->lock);
    while (!exchange->has_ended) {
        (void)pthread_cond_wait(&channel->changed, &channel->lock);
    }
    (void)pthread_mutex_unlock(&channel->lock);
}

void attempts_start(struct channel_exchange *exchange)
{
    struct attempt *attempt = exchange->first;
    if (attempt == NULL && !begin(exchange, &attempt)) {
        if (exchange->stub->async) {
            channel_complete(exchange->channel, exchange->stub); /* not within the caller's call */
        } else {
            finish(exchange);
        }
    } else if (attempt != NULL) {
        send_try(exchange, attempt);
    }
}

static void step(struct channel_exchange *exchange)
{
    struct attempt *attempt = NULL;
    if (!begin(exchange, &attempt)) {
        finish(exchange);
    } else if (attempt != NULL) {
        send_try(exchange, attempt);
    }
}

/* The next try, or NULL when the call waits for a server; false, with stub->failure, when neither
 * is possible. */
static bool begin(struct channel_exchange *exchange, struct attempt **attempt_out)
{
    struct rpc_channel *channel = exchange->channel;
    (void)pthread_mutex_lock(&channel->lock);
    bool goes_on = attempts_fail_stopped(exchange, &exchange->stub->failure) == STATUS_OK;
    if (goes_on) {
        int number = targets_pick(channel, exchange->tried);
        int64_t left_ms = attempts_remaining_ms(exchange);
        if (number >= 0 && left_ms > 0) {
            *attempt_out = arm(exchange, number);
            goes_on = *attempt_out != NULL;
        } else if (left_ms > 0) {
            goes_on = wait_on_alarm(exchange, EXCHANGE_WAITS_FOR_TARGET, left_ms);
            if (!goes_on) {
                attempts_fail_no_memory(exchange);
            }
        } else {
            attempts_fail_no_server(exchange);
            goes_on = false;
        }
    }
    (void)pthread_mutex_unlock(&channel->lock);
    return goes_on;
}

/* With the lock: the try to the target of this number. NULL, with stub->failure, when memory is
 * out. */
static struct attempt *arm(struct channel_exchange *exchange, int number)
{
    struct attempt *attempt = &exchange->attempts[number];
    if (attempt->link == NULL) {
        attempt->exchange = exchange;
        attempt->target = exchange->channel->targets[number];
        attempt->link =
            link_exchange_create(target_link(attempt->target), on_attempt_done, attempt);
    }
    if (attempt->link == NULL) {
        attempts_fail_no_memory(exchange);
        return NULL;
    }
    link_exchange_arm(attempt->link);
    atomic_store(&attempt->is_started, true);
    exchange->tried |= 1U << number;
    return attempt;
}

static void send_try(struct channel_exchange *exchange, struct attempt *attempt)
{
    struct rpc_channel *channel = exchange->channel;
    int64_t timeout_ms = attempts_remaining_ms(exchange);
    if (!stub_write_try(exchange, attempt, exchange->sent_tries, timeout_ms)) {
        attempts_fail_no_memory(exchange);
        if (exchange->stub->async) {
            channel_complete(channel, exchange->stub);
        } else {
            finish(exchange);
        }
        return;
    }
    atomic_store(&exchange->running, 1);
    if (exchange->is_hedged && timeout_ms > channel->hedge_after_ms) {
        (void)pthread_mutex_lock(&channel->lock);
        if (wait_on_alarm(exchange, EXCHANGE_WAITS_TO_HEDGE, channel->hedge_after_ms)) {
            (void)atomic_fetch_add(&exchange->running, 1);
        }
        (void)pthread_mutex_unlock(&channel->lock);
    }
    target_enter(attempt->target);
    link_exchange_start(attempt->link, timeout_ms, exchange->kind);
}

static void on_attempt_done(void *context)
{
    struct attempt *attempt = context;
    struct channel_exchange *exchange = attempt->exchange;
    target_leave(attempt->target, link_exchange_outcome(attempt->link));
    if (exchange->is_hedged) {
        claim(attempt);
    } else {
        exchange->last = attempt;
    }
    end_one(exchange);
}

/* Of a hedged call. The first answer ends the other try; any end ends the wait for a second one. */
static void claim(struct attempt *attempt)
{
    struct channel_exchange *exchange = attempt->exchange;
    struct rpc_channel *channel = exchange->channel;
    (void)pthread_mutex_lock(&channel->lock);
    exchange->last = attempt;
    if (exchange->answered == NULL && link_exchange_outcome(attempt->link) == LINK_ANSWERED) {
        exchange->answered = attempt;
        for (size_t i = 0; i < channel->target_count; i++) {
            struct attempt *other = &exchange->attempts[i];
            if (other != attempt && atomic_load(&other->is_started)) {
                link_exchange_cancel(other->link);
            }
        }
    }
    if (exchange->waits == EXCHANGE_WAITS_TO_HEDGE) {
        exchange->is_woken = true;
        alarm_wake(exchange->alarm);
    }
    (void)pthread_mutex_unlock(&channel->lock);
}

/* A try or a hedge's alarm has ended; the last of them goes on with the call. */
static void end_one(struct channel_exchange *exchange)
{
    if (atomic_fetch_sub(&exchange->running, 1) == 1) {
        conclude(exchange);
    }
}

static void conclude(struct channel_exchange *exchange)
{
    struct rpc_channel *channel = exchange->channel;
    struct attempt *attempt = exchange->answered != NULL ? exchange->answered : exchange->last;
    int64_t delay_ms = attempts_settle(exchange, attempt);
    if (delay_ms == ATTEMPTS_OVER) {
        finish(exchange);
        return;
    }
    exchange->answered = NULL;
    if (delay_ms == 0) {
        step(exchange);
        return;
    }
    /* Who cancelled since the try ended found nothing to wake. */
    (void)pthread_mutex_lock(&channel->lock);
    bool goes_on = attempts_fail_stopped(exchange, &exchange->stub->failure) == STATUS_OK;
    bool is_set = goes_on && wait_on_alarm(exchange, EXCHANGE_WAITS_TO_RETRY, delay_ms);
    (void)pthread_mutex_unlock(&channel->lock);
    if (goes_on && !is_set) {
        attempts_fail_no_memory(exchange);
    }
    if (!is_set) {
        finish(exchange);
    }
}

static void finish(struct channel_exchange *exchange)
{
    struct rpc_channel *channel = exchange->channel;
    if (exchange->stub->async) {
        channel_end(channel, exchange->stub);
        return;
    }
    (void)pthread_mutex_lock(&channel->lock);
    exchange->has_ended = true;
    (void)pthread_cond_broadcast(&channel->changed);
    (void)pthread_mutex_unlock(&channel->lock);
}

/* With the lock. False when memory is out. */
static bool wait_on_alarm(struct channel_exchange *exchange, enum exchange_wait what, int64_t ms)
{
    struct rpc_channel *channel = exchange->channel;
    if (exchange->alarm == NULL) {
        exchange->alarm = alarm_create(on_time, exchange);
    }
    if (exchange->alarm == NULL) {
        return false;
    }
    exchange->waits = what;
    exchange->is_woken = false;
    exchange->waiting_next = channel->waiting;
    exchange->waiting_at = &channel->waiting;
    if (channel->waiting != NULL) {
        channel->waiting->waiting_at = &exchange->waiting_next;
    }
    channel->waiting = exchange;
    alarm_start(exchange->alarm, ms);
    return true;
}

static void on_time(void *context)
{
    struct channel_exchange *exchange = context;
    struct rpc_channel *channel = exchange->channel;
    (void)pthread_mutex_lock(&channel->lock);
    enum exchange_wait what = exchange->waits;
    bool is_woken = exchange->is_woken;
    exchange->waits = EXCHANGE_WAITS_NOT;
    *exchange->waiting_at = exchange->waiting_next;
    if (exchange->waiting_next != NULL) {
        exchange->waiting_next->waiting_at = exchange->waiting_at;
    }
    (void)pthread_mutex_unlock(&channel->lock);
    if (what == EXCHANGE_WAITS_TO_HEDGE) {
        hedge(exchange, is_woken);
    } else {
        step(exchange);
    }
}

/* The first try takes long: a second one, elsewhere. */
static void hedge(struct channel_exchange *exchange, bool is_woken)
{
    struct attempt *attempt = is_woken ? NULL : arm_hedge(exchange);
    int64_t timeout_ms = attempts_remaining_ms(exchange);
    if (attempt != NULL &&
        stub_write_try(exchange, attempt, exchange->sent_tries + 1, timeout_ms)) {
        (void)atomic_fetch_add(&exchange->running, 1);
        target_enter(attempt->target);
        link_exchange_start(attempt->link, timeout_ms, NULL);
    }
    end_one(exchange); /* the alarm */
}

/* NULL when there is no reason, no server or no token for it. */
static struct attempt *arm_hedge(struct channel_exchange *exchange)
{
    struct rpc_channel *channel = exchange->channel;
    struct attempt *attempt = NULL;
    (void)pthread_mutex_lock(&channel->lock);
    if (exchange->last == NULL && !exchange->is_cancelled && !channel->closing &&
        targets_have_untried(channel, exchange->tried) && retry_budget_take(&channel->budget)) {
        int number = targets_pick(channel, exchange->tried);
        if (number >= 0 && (exchange->tried >> number & 1) == 0) {
            attempt = arm(exchange, number);
        }
    }
    (void)pthread_mutex_unlock(&channel->lock);
    return attempt;
}

void attempts_cancel(struct channel_exchange *exchange)
{
    struct rpc_channel *channel = exchange->channel;
    exchange->is_cancelled = true;
    for (size_t i = 0; i < channel->target_count; i++) {
        if (atomic_load(&exchange->attempts[i].is_started)) {
            link_exchange_cancel(exchange->attempts[i].link);
        }
    }
    if (exchange->waits != EXCHANGE_WAITS_NOT) {
        exchange->is_woken = true;
        alarm_wake(exchange->alarm);
    }
    (void)pthread_cond_broadcast(&channel->changed);
}
