/* See link.h. A REQ socket with one dialer; an exchange is one of its contexts. A context is sent,
 * and only when that is complete received from: never both pending.
 * nng frees a socket while somebody returns from an operation on one of its contexts, or while one
 * runs out of time (docs/decisions/0012). So a socket is closed only when nobody is inside nng with
 * it and no operation is pending. */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "rpc/endpoint.h"
#include "rpc/limits.h"
#include "rpc/link.h"
#include "rpc/tls_nng.h"
#include "rpc/tune_nng.h"

/* nng counts its own request id, too. */
#define NNG_HEADER_BYTES_MAX 32
/* A server that restarts is back in a second; more than twice a second need nobody ask. */
#define RECONNECT_MS_MIN 10
#define RECONNECT_MS_MAX 500

struct link {
    nng_socket socket;
    nng_dialer dialer;
    void (*on_change)(void *context);
    void *context;
    _Atomic uint32_t connection; /* nng's id of its pipe; 0 = none */
    atomic_bool is_closed;
    atomic_size_t inside;            /* threads that begin or abort operations */
    pthread_mutex_t lock;            /* for `exchanges` */
    struct link_exchange *exchanges; /* all; they go when the link is closed */
};

struct link_exchange {
    struct link_exchange *next; /* of the link's */
    struct link *link;
    void (*on_done)(void *context);
    void *context;
    nng_ctx nng;
    nng_aio *waited;   /* without a callback: link_exchange_run waits for it. Never aborted: then
                          nng_aio_wait may return before its end */
    nng_aio *notified; /* with on_completion */
    nng_msg *message;  /* the request until it is sent, then the answer */
    bool is_sending;
    nng_time deadline_ms; /* of one that could not be sent at once */
    atomic_bool is_cancelled;
    enum link_outcome outcome;
};

static enum status dial(struct link *link, const struct link_options *options,
                        const struct endpoint *endpoint, struct failure *failure);
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *argument);
static bool go_inside(struct link *link);
static void go_outside(struct link *link);
static enum status explain(struct failure *failure, const char *endpoint, int error);
static bool send_at_once(struct link_exchange *exchange);
static bool begin_receiving(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms);
static void begin_sending(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms);
static bool begin(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms);
static void abort_if_cancelled(struct link_exchange *exchange, nng_aio *aio);
static nng_duration remaining_ms(const struct link_exchange *exchange);
static void on_completion(void *argument);
static bool end_sending(struct link_exchange *exchange, nng_aio *aio);
static void end_receiving(struct link_exchange *exchange, nng_aio *aio);

enum status link_open(const struct link_options *options, struct link **link_out,
                      struct failure *failure)
{
    struct endpoint endpoint;
    enum status status = endpoint_parse(options->endpoint, &endpoint, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return explain(failure, options->endpoint, NNG_ENOMEM);
    }
    link->on_change = options->on_change;
    link->context = options->context;
    (void)pthread_mutex_init(&link->lock, NULL);
    tune_nng();
    int error = nng_req0_open(&link->socket);
    if (error != 0) {
        link_destroy(&link);
        return explain(failure, options->endpoint, error);
    }
    status = dial(link, options, &endpoint, failure);
    if (status != STATUS_OK) {
        link_close(link);
        link_destroy(&link);
        return status;
    }
    *link_out = link;
    return STATUS_OK;
}

static enum status dial(struct link *link, const struct link_options *options,
                        const struct endpoint *endpoint, struct failure *failure)
{
    nng_socket socket = link->socket;
    (void)nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
    (void)nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, RECONNECT_MS_MIN);
    (void)nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, RECONNECT_MS_MAX);
    (void)nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ,
                              RPC_MESSAGE_BYTES_MAX + NNG_HEADER_BYTES_MAX);
    (void)nng_pipe_notify(socket, NNG_PIPE_EV_ADD_POST, on_pipe, link);
    (void)nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, on_pipe, link);
    int error = nng_dialer_create(&link->dialer, socket, options->endpoint);
    if (error == 0 && !endpoint->is_ipc) {
        error = nng_dialer_set_bool(link->dialer, NNG_OPT_TCP_KEEPALIVE, true);
    }
    if (error == 0 && endpoint->is_tls) {
        enum status status = tls_set(link->dialer, options->endpoint, options->tls, failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (error == 0) {
        error = nng_dialer_start(link->dialer, NNG_FLAG_NONBLOCK);
    }
    return error == 0 ? STATUS_OK : explain(failure, options->endpoint, error);
}

/* The end of an old connection may be told after the beginning of its successor. */
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct link *link = argument;
    uint32_t id = (uint32_t)nng_pipe_id(pipe);
    if (event == NNG_PIPE_EV_ADD_POST) {
        atomic_store(&link->connection, id);
    } else if (!atomic_compare_exchange_strong(&link->connection, &id, 0)) {
        return;
    }
    if (!atomic_load(&link->is_closed)) {
        link->on_change(link->context);
    }
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
    while (atomic_load(&link->inside) > 0) {
        nng_msleep(1);
    }
    (void)pthread_mutex_lock(&link->lock); /* what comes later sees that it is closed */
    struct link_exchange *exchange = link->exchanges;
    (void)pthread_mutex_unlock(&link->lock);
    for (; exchange != NULL; exchange = exchange->next) {
        nng_aio_stop(exchange->waited);
        nng_aio_stop(exchange->notified);
    }
    (void)nng_close(link->socket); /* returns when on_pipe runs no more */
}

/* False when the link is closed: nng must not be asked for anything. */
static bool go_inside(struct link *link)
{
    (void)atomic_fetch_add(&link->inside, 1);
    if (!atomic_load(&link->is_closed)) {
        return true;
    }
    go_outside(link);
    return false;
}

static void go_outside(struct link *link)
{
    (void)atomic_fetch_sub(&link->inside, 1);
}

void link_destroy(struct link **link)
{
    if (*link == NULL) {
        return;
    }
    (void)pthread_mutex_destroy(&(*link)->lock);
    free(*link);
    *link = NULL;
}

uint32_t link_connection(const struct link *link)
{
    return atomic_load(&link->connection);
}

void link_drop(struct link *link)
{
    nng_pipe pipe = {.id = atomic_load(&link->connection)};
    (void)nng_pipe_close(pipe); /* 0, or one that has gone: nng knows none of that id */
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
    (void)pthread_mutex_lock(&link->lock);
    if (atomic_load(&link->is_closed) || nng_aio_alloc(&exchange->waited, NULL, NULL) != 0 ||
        nng_aio_alloc(&exchange->notified, on_completion, exchange) != 0 ||
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
    nng_aio_stop((*exchange)->notified);
    (void)nng_ctx_close((*exchange)->nng);
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
    if (!begin(exchange, exchange->notified, timeout_ms)) {
        exchange->on_done(exchange->context);
    }
}

void link_exchange_run(struct link_exchange *exchange, size_t size, int64_t timeout_ms)
{
    (void)nng_msg_chop(exchange->message, nng_msg_len(exchange->message) - size);
    nng_aio *aio = exchange->waited;
    if (!begin(exchange, aio, timeout_ms)) {
        return;
    }
    nng_aio_wait(aio);
    if (exchange->is_sending) {
        if (!end_sending(exchange, aio) ||
            !begin_receiving(exchange, aio, remaining_ms(exchange))) {
            return;
        }
        nng_aio_wait(aio);
    }
    end_receiving(exchange, aio);
}

/* False when the link is closed, and the exchange is over. */
static bool begin(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms)
{
    if (!go_inside(exchange->link)) {
        exchange->outcome = LINK_CLOSED;
        return false;
    }
    bool goes_on = true;
    if (send_at_once(exchange)) {
        goes_on = begin_receiving(exchange, aio, timeout_ms);
    } else {
        begin_sending(exchange, aio, timeout_ms);
    }
    go_outside(exchange->link);
    return goes_on;
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
    nng_aio_set_timeout(
        aio, (nng_duration)(timeout_ms < LINK_SEND_MS_MAX ? timeout_ms : LINK_SEND_MS_MAX));
    nng_ctx_send(exchange->nng, aio);
    abort_if_cancelled(exchange, aio);
}

/* False when the link is closed, and the exchange is over. */
static bool begin_receiving(struct link_exchange *exchange, nng_aio *aio, int64_t timeout_ms)
{
    if (!go_inside(exchange->link)) {
        exchange->outcome = LINK_CLOSED;
        return false;
    }
    exchange->is_sending = false;
    nng_aio_set_timeout(aio, (nng_duration)timeout_ms);
    nng_ctx_recv(exchange->nng, aio);
    abort_if_cancelled(exchange, aio);
    go_outside(exchange->link);
    return true;
}

/* A cancellation may come just before nng knows of what it shall cancel. */
static void abort_if_cancelled(struct link_exchange *exchange, nng_aio *aio)
{
    if (aio == exchange->notified && atomic_load(&exchange->is_cancelled)) {
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
    if (go_inside(exchange->link)) {
        nng_aio_abort(exchange->notified, NNG_ECANCELED);
        go_outside(exchange->link);
    }
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
        if (end_sending(exchange, exchange->notified) &&
            begin_receiving(exchange, exchange->notified, remaining_ms(exchange))) {
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
                        : error == NNG_ECANCELED                ? LINK_CANCELLED
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
    if (exchange->message != NULL) {
        nng_msg_free(exchange->message);
        exchange->message = NULL;
    }
}
