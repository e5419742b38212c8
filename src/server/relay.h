/* Relay: finishes what was decided and not finished, by Redis' two timers over the outbox.
 *   unconfirmed  its confirm never came: publish again.
 *   unpersisted  no worker settled it: PostgreSQL has it - settle; it has not - publish again,
 * unless it may still wait in a long queue; PostgreSQL is away - leave it for later. A thread of
 * its own with its own connections. Any server may run one, and several do: an event that two
 * publish dies on PostgreSQL's primary key. Works while stock is fenced, too: that is how the
 * outbox drains. */
#pragma once

#include "base/status.h"
#include "server/relay_round.h"

struct lane_options;
struct relay;

/* Starts a thread that runs rounds of one kind: relay_round, expire_holds_round,
 * auditor_round. The options must
 * outlive it. Connections are made by their first use. */
enum status relay_start(struct lane_options *options,
                        enum relay_pace (*round)(struct shop_lane *lane), struct relay **relay_out,
                        struct failure *failure);
/* Ends the round at hand and the thread. NULL-safe; nulls the caller's pointer. */
void relay_stop(struct relay **relay);
