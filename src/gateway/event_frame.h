/* Event frame: one order's event as a server-sent event. Used by event_hub_rounds.c, which hands
 * the same event to many: it is printed once. */
#pragma once

#include <shop/v1/order_service.pb-c.h>

#include "base/arena.h"
#include "base/bytes.h"

struct event_frame {
    const Shop__V1__OrderEvent *event;
    const char *cursor; /* of the feed; NULL in a timeline */
    struct arena *arena;
    struct bytes of_feed, of_order; /* once they were needed */
};

/* "id: CURSOR", "event: order.created", "data: {...}"; nothing when the arena is full. */
struct bytes event_frame_of_feed(struct event_frame *frame);
/* The same with the order's version as its id. */
struct bytes event_frame_of_order(struct event_frame *frame);
/* A whole message under a name of its own, without an id. */
struct bytes event_frame_message(const char *name, const ProtobufCMessage *message,
                                 struct arena *arena);
