/* Order event codec: an order's changes as they are told -> responses of shop.v1.
 * Used by the server's query files. Everything lives in the arena given, texts are borrowed; NULL =
 * arena full. What RabbitMQ carries is event_codec.h. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "shop/order.h"

/* ListOrderEvents. */
ProtobufCMessage *order_event_codec_list(const struct order_event *events, size_t count,
                                         const char *next_page_token, struct arena *arena);
/* FollowOrderEvents. */
ProtobufCMessage *order_event_codec_followed(const struct followed_event *events, size_t count,
                                             const char *cursor, bool has_more,
                                             struct arena *arena);
