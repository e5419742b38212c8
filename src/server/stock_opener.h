/* Stock opener: brings stock into Redis and says so at the gate. A thread of its own.
 *
 * Stock is open when PostgreSQL's epoch and Redis agree: the epoch is in Redis and the scripts that
 * carry it are loaded. Redis that was restarted, emptied or failed over has no scripts; then
 * nothing sells, anywhere, until one server - whoever holds the shard's lock - has loaded the stock
 * anew:
 *   fence    scripts and stock away; from here on nothing is decided
 *   wait     until every order that was decided before was published or given up on (T_pub)
 *   drain    until the outbox and the queue are empty and no worker holds deliveries: all that was
 *            accepted is in PostgreSQL (stock_drain.h)
 *   advance  in one transaction: the next epoch, and what can be sold of each product
 *   load     into Redis; the scripts come last, and with them the sale
 * A crash anywhere leaves it fenced, and the next one starts over. The other servers wait and look
 * again; one that stands still in the middle of it loses the lock. Reads go on all the time.
 *
 * Not here: what workers do with an event of an older epoch that comes late (they guard and
 * compensate it in PostgreSQL). */
#pragma once

#include <stdbool.h>

#include "base/status.h"

struct lane_options;
struct stock_opener;

/* Called on the opener's thread when the gate opens or closes, and once at the start. */
typedef void (*stock_opener_listener)(void *context, bool is_open);

/* Starts the thread; options (with the gate) must outlive it. */
enum status stock_opener_start(struct lane_options *options, stock_opener_listener listener,
                               void *context, struct stock_opener **opener_out,
                               struct failure *failure);
/* Gives up what it is doing; the gate stays as it is. NULL-safe; nulls the caller's pointer. */
void stock_opener_stop(struct stock_opener **opener);
