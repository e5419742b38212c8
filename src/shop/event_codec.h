/* Event codec: the bytes that RabbitMQ and the outbox carry <-> struct event.
 * Used by the server (encode), the relay and the publisher (join), the worker (decode).
 * An encoded event is one shop.v1.Event. Encoded events joined are a shop.v1.EventBatch: protobuf's
 * repeated field is each event behind its tag and length, so joining copies and never decodes.
 * Always: what decodes has been checked against the domain's rules; the worker trusts nobody. */
#pragma once

#include "shop/order.h"

/* Also the column order_events.kind. */
enum event_kind {
    EVENT_ORDER_CREATED = 0,
    EVENT_STOCK_ADJUSTED = 1,
    EVENT_ORDER_CONFIRMED = 2,
    EVENT_ORDER_CANCELLED = 3,
    EVENT_ORDER_EXPIRED = 4,
    EVENT_ORDER_FULFILLED = 5,
};

struct event {
    enum event_kind kind;
    struct uuid event_id;
    int64_t event_time_us;
    int64_t epoch;
    const char *actor;
    const char *call_id;
    bool restored; /* PostgreSQL had lost it */
    /* EVENT_ORDER_CREATED; the later changes have its order_id and customer_id only */
    struct order order;
    struct order_change change;
    uint8_t request_hash[16];
    /* EVENT_STOCK_ADJUSTED; adjustment_id follows from the request, as event_id does not */
    struct stock_adjustment adjustment;
    struct bytes encoded; /* after decoding: the event's own bytes, for a dead letter */
};

/* Encoded as one Event; data NULL when the arena is full. */
struct bytes event_codec_encode(const struct event *event, struct arena *arena);
/* "order.created", ... */
const char *event_codec_routing_key(enum event_kind kind);
enum event_kind event_codec_kind_of_verb(enum order_verb verb);
/* The kind's routing key from encoded bytes, without decoding all; NULL when they are no event. */
const char *event_codec_peek_routing_key(struct bytes encoded);

/* The encoded event, restored; data NULL when the arena is full. */
struct bytes event_codec_restore(struct bytes encoded, struct arena *arena);
/* Joins encoded events to one EventBatch. */
struct bytes event_codec_join(const struct bytes *events, size_t count, struct arena *arena);
/* Splits a batch into its encoded events, without decoding them: one bad event does not spoil its
 * neighbours. INVALID_ARGUMENT, MALFORMED_EVENT when the frame itself is broken. */
enum status event_codec_split(struct bytes batch, struct arena *arena, struct bytes **events_out,
                              size_t *count_out, struct failure *failure);
/* One event. INVALID_ARGUMENT: MALFORMED_EVENT, UNKNOWN_EVENT (a newer version's), or a rule's. */
enum status event_codec_decode(struct bytes encoded, struct arena *arena, struct event **event_out,
                               struct failure *failure);
