/* Link: the connection of a channel to one endpoint, and the exchanges on it: one message out, one
 * back. Knows no call. Implemented by link_nng.c, used by channel.c and stub.c.
 * Always: an exchange is sent once at most; nng's own repetition is off, because it cannot know
 * what may be done twice. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/status.h"

struct link;
struct link_exchange;

enum link_outcome {
    LINK_ANSWERED,
    LINK_NOT_SENT,  /* nobody was there to take it until the end of its time */
    LINK_NO_ANSWER, /* sent, but its time ended first */
    LINK_LOST,      /* sent, then the connection broke */
    LINK_CLOSED,    /* by link_close */
    LINK_NO_MEMORY, /* not sent */
};

/* Connects to the endpoint `text` in the background, again and again. `on_poke` is for link_poke.
 * Fails with ENDPOINT_INVALID. */
enum status link_open(const char *text, void (*on_poke)(void *context), void *context,
                      struct link **link_out, struct failure *failure);
/* Ends all exchanges with LINK_CLOSED; new ones, too. */
void link_close(struct link *link);
/* When all exchanges are destroyed. NULL-safe; nulls the caller's pointer. */
void link_destroy(struct link **link);
/* Has on_poke called soon on one of nng's threads. Not again before that has begun. */
void link_poke(struct link *link);

/* NULL when memory is out. `on_done` runs on nng's threads. */
struct link_exchange *link_exchange_create(struct link *link, void (*on_done)(void *context),
                                           void *context);
/* Not while it is under way. NULL-safe; nulls the caller's pointer. */
void link_exchange_destroy(struct link_exchange **exchange);
/* Where to write the next request, of `size` bytes at most; NULL when memory is out. */
uint8_t *link_exchange_request(struct link_exchange *exchange, size_t size);
/* Starts it with the first `size` bytes; on_done runs once it has ended, maybe before this returns.
 */
void link_exchange_start(struct link_exchange *exchange, size_t size, int64_t timeout_ms);
/* The same, waiting for the end of it; without on_done. */
void link_exchange_run(struct link_exchange *exchange, size_t size, int64_t timeout_ms);

enum link_outcome link_exchange_outcome(const struct link_exchange *exchange);
/* When LINK_ANSWERED; valid until the exchange is used again or reset. */
struct bytes link_exchange_answer(const struct link_exchange *exchange);
/* Lets go of request and answer. */
void link_exchange_reset(struct link_exchange *exchange);
