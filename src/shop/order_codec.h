/* Order codec: requests and responses of shop.v1.OrderService <-> the domain's types; the
 * products' are in product_codec.h.
 * Used by the server's command and query files. Everything lives in the arena given (strings of
 * requests are views into the decoded message, which shares the call's arena); NULL = arena full.
 * Not here: rules (rules.h). Decoding cannot fail otherwise: rpc has checked the encoding. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "shop/order.h"

struct order_request *order_codec_create_request(const ProtobufCMessage *message,
                                                 struct arena *arena);
/* ConfirmOrder, CancelOrder or FulfillOrder. */
struct verb_request *order_codec_verb_request(const ProtobufCMessage *message, struct arena *arena);

ProtobufCMessage *order_codec_order(const struct order *order, struct arena *arena);
ProtobufCMessage *order_codec_orders(const struct order *orders, size_t count,
                                     const char *next_page_token, struct arena *arena);
ProtobufCMessage *order_codec_batch_orders(const struct order *const *orders, size_t count,
                                           const char *const *missing, size_t missing_count,
                                           struct arena *arena);

/* A shop.v1.Order on its own, for the record in Redis. */
struct bytes order_codec_pack_order(const struct order *order, struct arena *arena);
enum status order_codec_unpack_order(struct bytes encoded, struct arena *arena,
                                     struct order **order_out, struct failure *failure);

/* Queries' requests; strings are views into the message. */
struct page_request {
    int32_t page_size;
    const char *page_token;
};
const char *order_codec_get_id(const ProtobufCMessage *message); /* Get*, ListOrderEvents */
/* "" = anybody's. GetOrder, BatchGetOrders, ListOrderEvents. */
const char *order_codec_get_customer(const ProtobufCMessage *message);
const char *const *order_codec_get_ids(const ProtobufCMessage *message, size_t *count_out);
struct page_request order_codec_page_request(const ProtobufCMessage *message);
/* Of ListOrders: what the list is narrowed to, and the same as bytes: equal bytes, equal filter.
 * BAD_ID, BAD_FILTER; OVERLOADED when the arena is full. */
enum status order_codec_filter(const ProtobufCMessage *message, struct arena *arena,
                               struct order_filter *filter_out, struct bytes *bytes_out,
                               struct failure *failure);
