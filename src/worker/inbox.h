/* Inbox: what a lane has taken off the queue and not yet acknowledged - messages, and the events in
 * them.
 * Called by persist_events.c, which writes the batch and then acknowledges it.
 * Always: a batch's messages come from one connection; when that breaks, all of them are forgotten
 * here, because the queue delivers them again. What cannot be decoded becomes a dead letter of the
 * same batch and takes no neighbour with it. */
#pragma once

#include "broker/broker.h"
#include "worker/batch.h"
#include "worker/event_store.h"

/* Attempts after which a parked message is put away undecoded: it may be what kills the workers.
 * RabbitMQ goes on counting where the queue stopped. */
#define INBOX_PARKED_ATTEMPTS_MAX (BROKER_DELIVERY_LIMIT + 20)

struct inbox {
    struct broker_consumer *consumer; /* borrowed */
    const struct clock *clock;
    struct batch_limits limits;
    struct arena arena; /* of the decoded events */

    struct batch batch;
    struct broker_delivery *messages; /* limits.events_max of them */
    struct stored_event *events;
    size_t event_count;
    struct dead_letter *letters;
    size_t letter_count;
    uint64_t generation; /* of the connection they came over */
    bool parked;         /* this batch is one parked message */

    bool carrying; /* a message that did not fit: the next batch's first */
    struct broker_delivery carried;
};

/* False when memory is out. */
bool inbox_init(struct inbox *inbox, struct broker_consumer *consumer,
                const struct batch_limits *limits, const struct clock *clock);
void inbox_fini(struct inbox *inbox);

/* The next batch: waits up to idle_ms for its first message. OK with batch.messages == 0 when none
 * came. UNAVAILABLE and the like: no connection; there is no batch. */
enum status inbox_take(struct inbox *inbox, int64_t idle_ms, struct failure *failure);
/* All of the batch is stored. The batch stays readable until the next take. */
enum status inbox_acknowledge(struct inbox *inbox, struct failure *failure);
/* Gives everything back to the queue, at the price of a delivery attempt. */
void inbox_release(struct inbox *inbox);
