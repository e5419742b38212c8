/* Publish events: decided events to RabbitMQ, packed into as few messages as may be - one routing
 * key a message, bounded in bytes and count - and whose confirms came.
 * Called by accept_commands.c and relay.c. */
#pragma once

#include "base/arena.h"
#include "base/status.h"
#include "base/uuid.h"

struct broker_publisher;

struct publish_event {
    struct uuid event_id;
    struct bytes event; /* encoded */
    const char *routing_key;
    const char *traceparent; /* NULL or "": none */

    bool confirmed; /* RabbitMQ has it; false = not known */
};

/* Waits for the confirms up to deadline_ms (monotonic). OK when all are confirmed. */
enum status publish_events(struct broker_publisher *publisher, struct publish_event *events,
                           size_t count, struct arena *arena, int64_t deadline_ms,
                           struct failure *failure);
