/* The inside of link.h, shared by link_nng.c (connection), link_exchange_nng.c (exchanges) and
 * link_bundle_nng.c (exchanges that share a message). */
#pragma once

#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>

#include "rpc/link.h"

struct link {
    nng_socket socket;
    nng_dialer dialer;
    void (*on_change)(void *context);
    bool (*on_many_begin)(void *context);
    void (*on_many_end)(void *context);
    void *context;
    _Atomic uint32_t connection; /* nng's id of its pipe; 0 = none */
    atomic_bool is_closed;
    atomic_size_t inside;            /* threads that begin or abort operations */
    atomic_size_t sending;           /* exchanges that wait to be sent */
    atomic_size_t sharing;           /* exchanges of a kind that are under way */
    atomic_size_t carrying;          /* bundles under way */
    atomic_ullong tickets;           /* given out */
    _Atomic uint32_t plain;          /* the connection whose server reads no bundles */
    pthread_mutex_t lock;            /* for all below */
    struct link_exchange *exchanges; /* all; they go when the link is closed */
    struct link_bundle *bundles, *idle_bundles;
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
    /* With on_dropped. Sleeps only, is never aborted: an operation that follows a sleep on the same
     * aio would end as a success when its time is over (nng 1.10.1, a_expire_ok). */
    nng_aio *dropped;
    nng_msg *message; /* the request until it is sent, then the answer */
    nng_msg *spare;   /* an answer that was read: memory for the next request */
    bool is_sending;
    nng_time deadline_ms; /* of one that was not sent at once */
    atomic_bool is_cancelled;
    enum link_outcome outcome;

    const void *kind; /* of which others may share its message; NULL: it goes alone */
    struct link_exchange *collected; /* the next one of a collection */
    /* Of a bundle that carries it, 0 when none does. Who sets it back to 0 ends the exchange: the
     * bundle's answer or a cancellation. Never given out twice, so a bundle that comes back late
     * does not take the exchange for the one it carried. */
    atomic_ullong ticket;
    struct link_bundle *bundle; /* while it has a ticket */
};

/* Around whatever begins or aborts an operation. False when the link is closed: then nng must not
 * be asked for anything. */
bool link_go_inside(struct link *link);
void link_go_outside(struct link *link);

/* link_exchange_nng.c */

void link_exchange_send(struct link_exchange *exchange, int64_t timeout_ms);
/* It has its outcome. */
void link_exchange_end(struct link_exchange *exchange);
int64_t link_exchange_remaining_ms(const struct link_exchange *exchange);

/* link_bundle_nng.c */

/* False when this thread collects nothing, or the exchange is to go alone. */
bool link_bundle_collect(struct link_exchange *exchange, int64_t timeout_ms);
/* Ends an exchange that is carried by a bundle with LINK_CANCELLED, soon and on another thread.
 * Inside. */
void link_bundle_drop(struct link_exchange *exchange);
void link_bundles_destroy(struct link *link);
