/* The inside of link.h, shared by link_nng.c (connection) and link_exchange_nng.c (exchanges). */
#pragma once

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>

#include "rpc/link.h"

struct link {
    nng_socket socket;
    nng_dialer dialer;
    void (*on_change)(void *context);
    void *context;
    _Atomic uint32_t connection; /* nng's id of its pipe; 0 = none */
    atomic_bool is_closed;
    atomic_size_t inside;            /* threads that begin or abort operations */
    atomic_size_t sending;           /* exchanges that wait to be sent */
    pthread_mutex_t lock;            /* for `exchanges` */
    struct link_exchange *exchanges; /* all; they go when the link is closed */
};

struct link_exchange {
    struct link_exchange *next; /* of the link's */
    struct link *link;
    void (*on_done)(void *context);
    void *context;
    nng_ctx nng;
    /* Without a callback: who began them waits for them. Never aborted: then nng_aio_wait may
     * return before their end. */
    nng_aio *tried, *waited; /* sends, receives */
    /* With on_completion. */
    nng_aio *queued, *notified; /* sends, receives */
    nng_msg *message;           /* the request until it is sent, then the answer */
    nng_msg *spare;             /* an answer that was read: memory for the next request */
    bool is_sending;
    nng_time deadline_ms; /* of one that could not be sent at once */
    atomic_bool is_cancelled;
    enum link_outcome outcome;
};

/* Around whatever begins or aborts an operation. False when the link is closed: then nng must not
 * be asked for anything. */
bool link_go_inside(struct link *link);
void link_go_outside(struct link *link);
