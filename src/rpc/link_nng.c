/* See link.h. A REQ socket with one dialer; an exchange is one of its contexts. A context is sent,
 * and only when that is complete received from: never both pending. */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "rpc/endpoint.h"
#include "rpc/limits.h"
#include "rpc/link.h"
#include "rpc/tune_nng.h"

/* nng counts its own request id, too. */
#define NNG_HEADER_BYTES_MAX 32
/* A server that restarts is back in a second; more than twice a second need nobody ask. */
#define RECONNECT_MS_MIN 10
#define RECONNECT_MS_MAX 500

struct link {
    nng_socket socket;
    nng_aio *poke;
    atomic_bool is_closed;
};

struct link_exchange {
    struct link *link;
    void (*on_done)(void *context);
    void *context;
    nng_ctx nng;
    nng_aio *waited;   /* without a callback: link_exchange_run waits for it */
    nng_aio *notified; /* with on_completion */
    nng_msg *message;  /* the request until it is sent, then the answer */
    bool is_sending;
    nng_time deadline_ms; /* of one that could not be sent at once */
    enum link_outcome outcome;
};

static enum status dial(struct link *link, const char *text, const struct endpoint *endpoint,
                        struct failure *failure);
static enum status explain(struct failure *failure, const char *endpoint, int error);
static bool send_at_once(struct link_exchange *exchange);
static void begin_sending(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms);
static void begin_receiving(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms);
static nng_duration remaining_ms(const struct link_exchange *exchange);
static void on_completion(void *argument);
static bool end_sending(struct link_exchange *exchange, nng_aio *aio);
static void end_receiving(struct link_exchange *exchange, nng_aio *aio);

enum status link_open(const char *text, void (*on_poke)(void *context), void *context,
                      struct link **link_out, struct failure *failure)
{
    struct endpoint endpoint;
    enum status status = endpoint_parse(text, &endpoint, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return explain(failure, text, NNG_ENOMEM);
    }
    tune_nng();
    int error = nng_aio_alloc(&link->poke, on_poke, context);
    if (error == 0) {
        error = nng_req0_open(&link->socket);
    }
    if (error != 0) {
        link_destroy(&link);
        return explain(failure, text, error);
    }
    status = dial(link, text, &endpoint, failure);
    if (status != STATUS_OK) {
        link_close(link);
        link_destroy(&link);
        return status;
    }
    *link_out = link;
    return STATUS_OK;
}

static enum status dial(struct link *link, const char *text, const struct endpoint *endpoint,
                        struct failure *failure)
{
    nng_socket socket = link->socket;
    (void)nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    (void)nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MS_MIN);
    (void)nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX);
    (void)nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ,
                              RPC_MESSAGE_BYTES_MAX + NNG_HEADER_BYTES_MAX);
    nng_dialer dialer;
    int error = nng_dialer_create(&dialer, socket, text);
    if (error == 0 && !endpoint->is_ipc) {
        error = nng_dialer_set_bool(dialer, NNG_OPT_TCP_KEEPALIVE, true);
    }
    if (error == 0) {
        error = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    }
    return error == 0 ? STATUS_OK : explain(failure, text, error);
}

static enum status explain(struct failure *failure, const char *endpoint, int error)
{
    if (error == NNG_ENOMEM) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY",
                           "no memory for a channel to %s", endpoint);
    }
    return failure_set(failure, STATUS_INVALID_ARGUMENT, "ENDPOINT_INVALID", "%s: %s", endpoint,
                       nng_strerror(error));
}

void link_close(struct link *link)
{
    atomic_store(&link->is_closed, true);
    (void)nng_close(link->socket);
}

void link_destroy(struct link **link)
{
    if (*link == NULL) {
        return;
    }
    nng_aio_stop((*link)->poke);
    nng_aio_free((*link)->poke);
    free(*link);
    *link = NULL;
}

void link_poke(struct link *link)
{
    if (nng_aio_begin(link->poke)) {
        nng_aio_finish(link->poke, 0);
    }
}

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
    if (nng_aio_alloc(&exchange->waited, NULL, NULL) != 0 ||
        nng_aio_alloc(&exchange->notified, on_completion, exchange) != 0 ||
        nng_ctx_open(&exchange->nng, link->socket) != 0) {
        link_exchange_destroy(&exchange);
    }
    return exchange;
}

void link_exchange_destroy(struct link_exchange **exchange)
{
    if (*exchange == NULL) {
        return;
    }
    (void)nng_ctx_close((*exchange)->nng);
    nng_aio_stop((*exchange)->notified);
    nng_aio_free((*exchange)->notified);
    nng_aio_free((*exchange)->waited);
    link_exchange_reset(*exchange);
    free(*exchange);
    *exchange = NULL;
}

uint8_t *link_exchange_request(struct link_exchange *exchange, size_t size)
{
    link_exchange_reset(exchange);
    return nng_msg_alloc(&exchange->message, size) == 0 ? nng_msg_body(exchange->message) : NULL;
}

void link_exchange_start(struct link_exchange *exchange, size_t size, int64_t timeout_ms)
{
    (void)nng_msg_chop(exchange->message, nng_msg_len(exchange->message) - size);
    if (send_at_once(exchange)) {
        begin_receiving(exchange, exchange->notified, timeout_ms);
    } else {
        begin_sending(exchange, exchange->notified, timeout_ms);
    }
}

void link_exchange_run(struct link_exchange *exchange, size_t size, int64_t timeout_ms)
{
    (void)nng_msg_chop(exchange->message, nng_msg_len(exchange->message) - size);
    nng_aio *aio = exchange->waited;
    if (!send_at_once(exchange)) {
        begin_sending(exchange, aio, timeout_ms);
        nng_aio_wait(aio);
        if (!end_sending(exchange, aio)) {
            return;
        }
        timeout_ms = remaining_ms(exchange);
    }
    begin_receiving(exchange, aio, timeout_ms);
    nng_aio_wait(aio);
    end_receiving(exchange, aio);
}

/* Spares the detour over nng's threads when the connection can take it right now, as it mostly can.
 * Otherwise the message is still ours. */
static bool send_at_once(struct link_exchange *exchange)
{
    nng_aio *aio = exchange->waited;
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
    nng_aio_set_msg(aio, exchange->message);
    exchange->message = NULL;
    nng_aio_set_timeout(aio, (nng_duration)timeout_ms);
    nng_ctx_send(exchange->nng, aio);
}

static void begin_receiving(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms)
{
    exchange->is_sending = false;
    nng_aio_set_timeout(aio, (nng_duration)timeout_ms);
    nng_ctx_recv(exchange->nng, aio);
}

static nng_duration remaining_ms(const struct link_exchange *exchange)
{
    nng_time now_ms = nng_clock();
    return now_ms < exchange->deadline_ms ? (nng_duration)(exchange->deadline_ms - now_ms) : 0;
}

static void on_completion(void *argument)
{
    struct link_exchange *exchange = argument;
    if (exchange->is_sending) {
        if (end_sending(exchange, exchange->notified)) {
            begin_receiving(exchange, exchange->notified, remaining_ms(exchange));
            return;
        }
    } else {
        end_receiving(exchange, exchange->notified);
    }
    exchange->on_done(exchange->context);
}

/* False when it was not sent: then the message came back, and the exchange is over. */
static bool end_sending(struct link_exchange *exchange, nng_aio *aio)
{
    int error = nng_aio_result(aio);
    if (error == 0) {
        return true;
    }
    exchange->message = nng_aio_get_msg(aio);
    exchange->outcome = atomic_load(&exchange->link->is_closed) ? LINK_CLOSED
                        : error == NNG_ETIMEDOUT                ? LINK_NOT_SENT
                                                                : LINK_NO_MEMORY;
    return false;
}

/* Closing breaks connections first, so what looks lost may be closed. */
static void end_receiving(struct link_exchange *exchange, nng_aio *aio)
{
    int error = nng_aio_result(aio);
    if (error == 0) {
        exchange->message = nng_aio_get_msg(aio);
        exchange->outcome = LINK_ANSWERED;
    } else if (atomic_load(&exchange->link->is_closed)) {
        exchange->outcome = LINK_CLOSED;
    } else {
        exchange->outcome = error == NNG_ETIMEDOUT ? LINK_NO_ANSWER : LINK_LOST;
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
    if (exchange->message != NULL) {
        nng_msg_free(exchange->message);
        exchange->message = NULL;
    }
}
