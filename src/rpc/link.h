/* Link: the connection of a channel to one endpoint, and the exchanges on it: one message out, one
 * back. Knows no call. Implemented by link_nng.c, used by target.c and attempts.c.
 * Always: an exchange is sent once at most; nng's own repetition is off, because it cannot know
 * what may be done twice. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct link;
struct link_exchange;
struct rpc_tls;

enum link_outcome {
    LINK_ANSWERED,
    LINK_NOT_SENT,  /* nobody took it; after LINK_SEND_MS_MAX even when there is time left */
    LINK_NO_ANSWER, /* sent, but its time ended first */
    LINK_LOST,      /* sent, then the connection broke */
    LINK_CANCELLED, /* by link_exchange_cancel; may have been sent */
    LINK_CLOSED,    /* by link_close */
    LINK_NO_MEMORY, /* not sent */
};

/* What waits for a connection that takes nothing comes back after this, for another server. */
#define LINK_SEND_MS_MAX 100

struct link_options {
    const char *endpoint;
    const struct rpc_tls *tls; /* for tls+tcp; read by link_open only */
    /* A connection was made or has ended: link_connection() says which is there now. On nng's
     * threads; must not block. */
    void (*on_change)(void *context);
    /* Around the ends of exchanges that were answered together, on one of nng's threads; the second
     * one only where the first said true. */
    bool (*on_many_begin)(void *context);
    void (*on_many_end)(void *context);
    void *context;
};

/* Connects to the endpoint in the background, again and again. Fails with ENDPOINT_INVALID,
 * TLS_INVALID, OUT_OF_MEMORY. */
enum status link_open(const struct link_options *options, struct link **link_out,
                      struct failure *failure);
/* Ends all exchanges with LINK_CLOSED; new ones, too. Does not call on_change any more. */
void link_close(struct link *link);
/* When it was closed and all exchanges are destroyed. NULL-safe; nulls the caller's pointer. */
void link_destroy(struct link **link);
/* The connection that is there, by a number of its own; 0 = none. */
uint32_t link_connection(const struct link *link);
/* Ends the connection: its exchanges are lost, and the link connects anew. */
void link_drop(struct link *link);
/* Whether TLS was refused, by this side or the other one. Asks nng's statistics: not for every
 * call. */
bool link_has_tls_failed(const struct link *link);

/* NULL when memory is out. `on_done` runs on nng's threads. */
struct link_exchange *link_exchange_create(struct link *link, void (*on_done)(void *context),
                                           void *context);
/* When the link is closed. NULL-safe; nulls the caller's pointer. */
void link_exchange_destroy(struct link_exchange **exchange);
/* Where to write the next request, of `size` bytes; NULL when memory is out. */
uint8_t *link_exchange_request(struct link_exchange *exchange, size_t size);
/* Starts it; on_done runs once it has ended, maybe before this returns. One of a kind is sent
 * together with others of this kind that this thread collects: each still ends for itself, but with
 * an answer only when all of them have one. NULL: alone. */
void link_exchange_start(struct link_exchange *exchange, int64_t timeout_ms, const void *kind);
/* The same, waiting for the end of it; without on_done. */
void link_exchange_run(struct link_exchange *exchange, int64_t timeout_ms);
/* Forgets a cancellation; before a new exchange whose owner may be asked to cancel it. */
void link_exchange_arm(struct link_exchange *exchange);
/* Ends one that was started, or is about to be: soon, with LINK_CANCELLED or as it ended just
 * before. From any thread. */
void link_exchange_cancel(struct link_exchange *exchange);

/* While a thread collects, the exchanges of a kind that it starts wait; then they are sent, in as
 * few messages as keep both sides busy. Nests. */
struct link_collection {
    struct link_collection *outer;
    struct link_exchange *first, *last;
};

void link_collect(struct link_collection *collection);
void link_send_collected(struct link_collection *collection);
/* Whether this thread collects. */
bool link_is_collecting(void);
/* Whether so many exchanges of a kind are under way that more of them, with requests of this size,
 * would go together. */
bool link_is_crowded(const struct link *link, size_t size);

enum link_outcome link_exchange_outcome(const struct link_exchange *exchange);
/* When LINK_ANSWERED; valid until the exchange is used again or reset. */
struct bytes link_exchange_answer(const struct link_exchange *exchange);
/* Lets go of request and answer. */
void link_exchange_reset(struct link_exchange *exchange);
