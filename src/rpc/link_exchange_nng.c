/* See link.h. An exchange is one of the socket's contexts: it is sent, and only when that is
 * complete received from: never both pending.
 * Sending and receiving have aios of their own: nng ends what is out of time in lots of a hundred,
 * and an aio that completed while its lot was worked off, and was used again, would be ended in its
 * next operation (seen as calls that had no answer after a second of their ten).
 * Not here: exchanges that share a message (link_bundle_nng.c). */
#include <stdlib.h>

#include "rpc/link_nng.h"

/* Of a message that is kept for the next request: a place that once had a large answer does not
 * hold on to it. */
#define SPARE_BYTES_MAX 4096

static bool send_at_once(struct link_exchange *exchange);
static bool begin_receiving(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms);
static void receive(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms);
static void begin_sending(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms);
static bool begin(struct link_exchange *exchange, nng_aio *sender, nng_aio *receiver,
                  int64_t timeout_ms);
static void abort_if_cancelled(struct link_exchange *exchange, nng_aio *aio);
static void on_completion(void *argument);
static void on_dropped(void *argument);
static bool end_sending(struct link_exchange *exchange, nng_aio *aio);
static void end_receiving(struct link_exchange *exchange, nng_aio *aio);

struct link_exchange *link_exchange_create(struct link *link, void (*on_done)(void *context),
                                           void *context)
{
    struct link_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->link = link;
    exchange->on_done = on_done;
    exchange->context = context;
    (void)pthread_mutex_lock(&link->lock);
    if (atomic_load(&link->is_closed) || nng_aio_alloc(&exchange->tried, NULL, NULL) != 0 ||
        nng_aio_alloc(&exchange->waited, NULL, NULL) != 0 ||
        nng_aio_alloc(&exchange->queued, on_completion, exchange) != 0 ||
        nng_aio_alloc(&exchange->notified, on_completion, exchange) != 0 ||
        nng_aio_alloc(&exchange->dropped, on_dropped, exchange) != 0 ||
        nng_ctx_open(&exchange->nng, link->socket) != 0) {
        link_exchange_destroy(&exchange);
    } else {
        exchange->next = link->exchanges;
        link->exchanges = exchange;
    }
    (void)pthread_mutex_unlock(&link->lock);
    return exchange;
}

void link_exchange_destroy(struct link_exchange **exchange)
{
    if (*exchange == NULL) {
        return;
    }
    /* First these: alone of nng's functions this one waits for an operation that is just running
     * out of time, which looks at the context. */
    nng_aio_free((*exchange)->tried);
    nng_aio_free((*exchange)->waited);
    nng_aio_free((*exchange)->queued);
    nng_aio_free((*exchange)->notified);
    nng_aio_free((*exchange)->dropped);
    (void)nng_ctx_close((*exchange)->nng);
    nng_msg_free((*exchange)->message);
    nng_msg_free((*exchange)->spare);
    free(*exchange);
    *exchange = NULL;
}

uint8_t *link_exchange_request(struct link_exchange *exchange, size_t size)
{
    link_exchange_reset(exchange);
    exchange->message = exchange->spare;
    exchange->spare = NULL;
    if (exchange->message == NULL) {
        return nng_msg_alloc(&exchange->message, size) == 0 ? nng_msg_body(exchange->message)
                                                            : NULL;
    }
    nng_msg_clear(exchange->message);
    return nng_msg_realloc(exchange->message, size) == 0 ? nng_msg_body(exchange->message) : NULL;
}

void link_exchange_start(struct link_exchange *exchange, int64_t timeout_ms, const void *kind)
{
    exchange->kind = kind;
    if (kind != NULL) {
        (void)atomic_fetch_add(&exchange->link->sharing, 1);
    }
    /* It may have waited for this thread. On others its owner is just starting it, and is not to
     * see its end before that returns. */
    if (kind != NULL && link_is_collecting() && atomic_load(&exchange->is_cancelled)) {
        exchange->outcome = LINK_CANCELLED;
        link_exchange_end(exchange);
    } else if (kind == NULL || !link_bundle_collect(exchange, timeout_ms)) {
        link_exchange_send(exchange, timeout_ms);
    }
}

void link_exchange_send(struct link_exchange *exchange, int64_t timeout_ms)
{
    if (!begin(exchange, exchange->queued, exchange->notified, timeout_ms)) {
        link_exchange_end(exchange);
    }
}

void link_exchange_end(struct link_exchange *exchange)
{
    if (exchange->kind != NULL) {
        (void)atomic_fetch_sub(&exchange->link->sharing, 1);
    }
    exchange->on_done(exchange->context);
}

void link_exchange_run(struct link_exchange *exchange, int64_t timeout_ms)
{
    if (!begin(exchange, exchange->tried, exchange->waited, timeout_ms)) {
        return;
    }
    if (exchange->is_sending) {
        nng_aio_wait(exchange->tried);
        if (!end_sending(exchange, exchange->tried) ||
            !begin_receiving(exchange, exchange->waited, link_exchange_remaining_ms(exchange))) {
            return;
        }
    }
    nng_aio_wait(exchange->waited);
    end_receiving(exchange, exchange->waited);
}

/* False when the link is closed, and the exchange is over. */
static bool begin(struct link_exchange *exchange, nng_aio *sender, nng_aio *receiver,
                  int64_t timeout_ms)
{
    if (!link_go_inside(exchange->link)) {
        exchange->outcome = LINK_CLOSED;
        return false;
    }
    /* Behind others that wait to be sent there is no use in trying. */
    if (atomic_load(&exchange->link->sending) == 0 && send_at_once(exchange)) {
        receive(exchange, receiver, timeout_ms);
    } else {
        begin_sending(exchange, sender, timeout_ms);
    }
    link_go_outside(exchange->link);
    return true;
}

/* Spares the detour over nng's threads when the connection can take it right now, as it mostly can.
 * Otherwise the message is still ours. */
static bool send_at_once(struct link_exchange *exchange)
{
    nng_aio *aio = exchange->tried;
    nng_aio_set_msg(aio, exchange->message);
    nng_aio_set_timeout(aio, 0);
    nng_ctx_send(exchange->nng, aio);
    nng_aio_wait(aio);
    if (nng_aio_result(aio) != 0) {
        return false;
    }
    exchange->message = NULL;
    return true;
}

static void begin_sending(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms)
{
    exchange->deadline_ms = nng_clock() + (nng_time)timeout_ms;
    exchange->is_sending = true;
    (void)atomic_fetch_add(&exchange->link->sending, 1);
    nng_aio_set_msg(aio, exchange->message);
    exchange->message = NULL;
    nng_aio_set_timeout(
        aio, (nng_duration)(timeout_ms < LINK_SEND_MS_MAX ? timeout_ms : LINK_SEND_MS_MAX));
    nng_ctx_send(exchange->nng, aio);
    abort_if_cancelled(exchange, aio);
}

/* False when the link is closed, and the exchange is over. */
static bool begin_receiving(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms)
{
    if (!link_go_inside(exchange->link)) {
        exchange->outcome = LINK_CLOSED;
        return false;
    }
    receive(exchange, aio, timeout_ms);
    link_go_outside(exchange->link);
    return true;
}

static void receive(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms)
{
    exchange->is_sending = false;
    nng_aio_set_msg(aio, NULL);
    nng_aio_set_timeout(aio, (nng_duration)timeout_ms);
    nng_ctx_recv(exchange->nng, aio);
    abort_if_cancelled(exchange, aio);
}

/* A cancellation may come just before nng knows of what it shall cancel. */
static void abort_if_cancelled(struct link_exchange *exchange, nng_aio *aio)
{
    if ((aio == exchange->queued || aio == exchange->notified) &&
        atomic_load(&exchange->is_cancelled)) {
        nng_aio_abort(aio, NNG_ECANCELED);
    }
}

void link_exchange_arm(struct link_exchange *exchange)
{
    atomic_store(&exchange->is_cancelled, false);
}

void link_exchange_cancel(struct link_exchange *exchange)
{
    atomic_store(&exchange->is_cancelled, true);
    if (link_go_inside(exchange->link)) {
        link_bundle_drop(exchange);
        nng_aio_abort(exchange->queued, NNG_ECANCELED);
        nng_aio_abort(exchange->notified, NNG_ECANCELED);
        link_go_outside(exchange->link);
    }
}

int64_t link_exchange_remaining_ms(const struct link_exchange *exchange)
{
    nng_time now_ms = nng_clock();
    return now_ms < exchange->deadline_ms ? (int64_t)(exchange->deadline_ms - now_ms) : 0;
}

static void on_completion(void *argument)
{
    struct link_exchange *exchange = argument;
    if (exchange->is_sending) {
        if (end_sending(exchange, exchange->queued) &&
            begin_receiving(exchange, exchange->notified, link_exchange_remaining_ms(exchange))) {
            return;
        }
    } else {
        end_receiving(exchange, exchange->notified);
    }
    link_exchange_end(exchange);
}

static void on_dropped(void *argument)
{
    struct link_exchange *exchange = argument;
    exchange->outcome = atomic_load(&exchange->link->is_closed) ? LINK_CLOSED : LINK_CANCELLED;
    link_exchange_end(exchange);
}

/* False when it was not sent: then the message came back, and the exchange is over. */
static bool end_sending(struct link_exchange *exchange, nng_aio *aio)
{
    int error = nng_aio_result(aio);
    (void)atomic_fetch_sub(&exchange->link->sending, 1);
    exchange->message = nng_aio_get_msg(aio);
    if (atomic_load(&exchange->link->is_closed)) {
        exchange->outcome = LINK_CLOSED;
        return false;
    }
    if (error == 0) {
        return true;
    }
    exchange->outcome = error == NNG_ECANCELED   ? LINK_CANCELLED
                        : error == NNG_ETIMEDOUT ? LINK_NOT_SENT
                                                 : LINK_NO_MEMORY;
    return false;
}

static void end_receiving(struct link_exchange *exchange, nng_aio *aio)
{
    int error = nng_aio_result(aio);
    exchange->message = nng_aio_get_msg(aio);
    if (atomic_load(&exchange->link->is_closed)) {
        exchange->outcome = LINK_CLOSED;
    } else if (error == 0 && exchange->message != NULL) {
        exchange->outcome = LINK_ANSWERED;
    } else {
        exchange->outcome = error == NNG_ETIMEDOUT   ? LINK_NO_ANSWER
                            : error == NNG_ECANCELED ? LINK_CANCELLED
                                                     : LINK_LOST;
    }
}

enum link_outcome link_exchange_outcome(const struct link_exchange *exchange)
{
    return exchange->outcome;
}

struct bytes link_exchange_answer(const struct link_exchange *exchange)
{
    return bytes_of(nng_msg_body(exchange->message), nng_msg_len(exchange->message));
}

void link_exchange_reset(struct link_exchange *exchange)
{
    if (exchange->message == NULL) {
        return;
    }
    if (exchange->spare == NULL && nng_msg_capacity(exchange->message) <= SPARE_BYTES_MAX) {
        exchange->spare = exchange->message;
    } else {
        nng_msg_free(exchange->message);
    }
    exchange->message = NULL;
}
