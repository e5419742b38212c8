/* Stock drain: waits until everything that was accepted is in PostgreSQL. Called by
 * stock_opening.c between the fence and the reading of stock, with the opener's lock held.
 *   outbox   empty: the relays published what was left in it, workers settled it
 *   waiting  no change that PostgreSQL has and could apply
 *   queue    empty, and nobody holds deliveries: AMQP counts what is ready, not what somebody has
 *            taken and not acknowledged. So workers are asked to let go of the queue (control.h),
 * and a consumer of the drain's own sees that it is alone. A worker that stands still is gone when
 * RabbitMQ misses its heartbeats; then what it held is ready again, and is waited for. See
 * docs/decisions/0013. */
#pragma once

#include <stdatomic.h>

#include "server/pause.h"
#include "server/shop_lane.h"

/* False: not to be had within a minute, the lock was lost, a store is away, or `stopping` was set
 * and `pause` woken. Workers stay asked until the lock is given back. */
bool stock_drain(struct shop_lane *lane, struct pause *pause, const atomic_bool *stopping);
/* Whether this lane's session holds the opener's lock, as far as PostgreSQL can be asked. It also
 * shows the other servers that this one does not stand still. */
bool stock_drain_leads(struct shop_lane *lane);
