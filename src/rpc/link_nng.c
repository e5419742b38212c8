/* See link.h. A REQ socket with one dialer.
 * nng frees a socket while somebody returns from an operation on one of its contexts, or while one
 * runs out of time (docs/decisions/0012). So a socket is closed only when nobody is inside nng with
 * it and all that could begin an operation on it is gone. */
#include "rpc/link_nng.h"

#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>

#include "rpc/bundle.h"
#include "rpc/endpoint.h"
#include "rpc/tls_nng.h"
#include "rpc/tune_nng.h"

/* nng counts its own request id, too. */
#define NNG_HEADER_BYTES_MAX 32
/* A server that restarts is back in a second; more than twice a second need nobody ask. */
#define RECONNECT_MS_MIN 10
#define RECONNECT_MS_MAX 500

static enum status dial(struct link *link, const struct link_options *options,
                        const struct endpoint *endpoint, struct failure *failure);
static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *argument);
static enum status explain(struct failure *failure, const char *endpoint, int error);

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
    link->on_many_begin = options->on_many_begin;
    link->on_many_end = options->on_many_end;
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
    (void)nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, BUNDLE_BYTES_MAX + NNG_HEADER_BYTES_MAX);
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
    if (link_go_inside(link)) {
        link->on_change(link->context);
        link_go_outside(link);
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
        nng_aio_stop(exchange->tried);
        nng_aio_stop(exchange->waited);
        nng_aio_stop(exchange->queued);
        nng_aio_stop(exchange->notified);
        nng_aio_stop(exchange->dropped);
    }
    /* A bundle may outlive all that it carried, and with them what holds this link. */
    while (atomic_load(&link->carrying) > 0) {
        nng_msleep(1);
    }
}

bool link_has_tls_failed(const struct link *link)
{
    return tls_has_failed(link->dialer);
}

void link_destroy(struct link **link)
{
    if (*link == NULL) {
        return;
    }
    link_bundles_destroy(*link);
    (void)nng_close((*link)->socket); /* returns when on_pipe runs no more */
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

bool link_go_inside(struct link *link)
{
    (void)atomic_fetch_add(&link->inside, 1);
    if (!atomic_load(&link->is_closed)) {
        return true;
    }
    link_go_outside(link);
    return false;
}

void link_go_outside(struct link *link)
{
    (void)atomic_fetch_sub(&link->inside, 1);
}
