/* Accept commands: the story of everything that changes stock or orders, for a batch of calls of
 * any kind at once.
 *
 *   prepare   decode, check, identify, price                      (the kind)
 *   recall    what may have been asked before: Redis' records, then PostgreSQL
 *   decide    all in one exchange with Redis: stock down, record and event written, or nothing
 *   publish   the events, packed, to RabbitMQ; wait for the confirms
 *   confirm   tell Redis which ones RabbitMQ has
 *   answer    each call                                           (the kind)
 *
 * Always:
 *  S1 no event without a reservation: what is published was decided by Redis a moment before.
 *  S2 a reservation never hangs in the air: its event is in Redis' outbox from the same moment, and
 *     whatever is not done here the relay does.
 *  S3 the same request_id gives the same answer: a record is looked for before anything is refused
 *     or done anew, in PostgreSQL too when Redis may have forgotten it.
 *  S4 QUEUED is said only when the confirm came within T_pub of the moment before the decision was
 *     sent; then no rebuild of the stock can have missed the event. Otherwise it is RESERVED.
 *  S5 an unknown outcome is answered as unknown and never compensated.
 *
 * Called by rpc's lane threads as the handler of every command; rpc_call_tag is its struct
 * command_kind. Not here: what the commands mean (create_order.c, adjust_stock.c). */
#pragma once

#include <stddef.h>

struct rpc_call;

/* An rpc_handler; `state` is a struct shop_lane opened for writing. */
void accept_commands(void *state, struct rpc_call **calls, size_t count);
