/* Confirms: which published messages RabbitMQ has answered for. Pure bookkeeping, no I/O.
 * RabbitMQ numbers what a channel publishes from 1 and answers by number: ack or nack, singly or
 * "up to". A returned (unroutable) message is named by its message id, and an ack follows it, which
 * then means nothing. Always: a message counts as confirmed only when it was acknowledged and not
 * returned; an answer that comes after the publishing call gave up touches nothing of the caller's.
 */
#pragma once

#include "broker/broker.h"

/* Messages on the way at most: what one connection may have written without an answer. */
#define BROKER_CONFIRMS_WINDOW 1024

struct broker_confirms {
    uint64_t next;   /* number of the next message */
    uint64_t oldest; /* lowest number without an answer; == next when none */
    size_t waiting;  /* messages without an answer */
    size_t refused;  /* since broker_confirms_begin: nacks */
    size_t returned; /* since broker_confirms_begin: unroutable */
    struct {
        struct broker_message *message; /* NULL: the call that published it has ended */
        bool waiting, returned;
    } slots[BROKER_CONFIRMS_WINDOW];
};

/* A new channel. */
void broker_confirms_reset(struct broker_confirms *confirms);
/* A publishing call begins and ends; what is still unanswered at the end is nobody's any more. */
void broker_confirms_begin(struct broker_confirms *confirms);
void broker_confirms_end(struct broker_confirms *confirms);
bool broker_confirms_has_room(const struct broker_confirms *confirms);
/* Only with room. `message` is about to be written. */
void broker_confirms_add(struct broker_confirms *confirms, struct broker_message *message);
/* `up_to`: all unanswered ones to this number; number 0 then means all. Numbers that were never
 * given out or are already answered change nothing. */
void broker_confirms_ack(struct broker_confirms *confirms, uint64_t number, bool up_to);
void broker_confirms_nack(struct broker_confirms *confirms, uint64_t number, bool up_to);
void broker_confirms_return(struct broker_confirms *confirms, const struct uuid *message_id);
