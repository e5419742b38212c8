/* Accept commands: the story of everything that changes stock or orders, for a batch of calls of
 * any kind at once.
 *
 *   open      each call is one command, or a list of them        (command_calls.h)
 *   prepare   decode, check, identify, price                      (the kind)
 *   recall    what may have been asked before: Redis' records, then PostgreSQL
 *   decide    all in one exchange with Redis: stock down, record and event written, or nothing;
 *             an order that was changed meanwhile is prepared again
 *   publish   the events, packed, to RabbitMQ; wait for the confirms
 *   confirm   tell Redis which ones RabbitMQ has
 *   answer    each call                                           (the kind, command_calls.h)
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

struct command;
struct rpc_call;
struct shop_lane;

/* An rpc_handler; `state` is a struct shop_lane opened for writing. */
void accept_commands(void *state, struct rpc_call **calls, size_t count);
/* The same for commands of the server's own: no call, `kind` and `body` set. Those that stay FAILED
 * were not done. The caller has entered the gate (lane->pass) and reset the arena. */
void accept_own_commands(struct shop_lane *lane, struct command *commands, size_t count);
