/* See order_codec.h. */
#include "shop/order_codec.h"

#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/message.h"
#include "shop/message_parts.h"

ProtobufCMessage *order_codec_order(const struct order *order, struct arena *arena)
{
    return (ProtobufCMessage *)parts_order(order, arena);
}

ProtobufCMessage *order_codec_orders(const struct order *orders, size_t count,
                                     const char *next_page_token, struct arena *arena)
{
    Shop__V1__ListOrdersResponse *response = arena_alloc(arena, sizeof *response);
    Shop__V1__Order **list = arena_calloc(arena, count, sizeof *list);
    if (response == NULL || list == NULL) {
        return NULL;
    }
    shop__v1__list_orders_response__init(response);
    response->orders = list;
    response->n_orders = count;
    response->next_page_token = parts_text(next_page_token);
    for (size_t i = 0; i < count; i++) {
        list[i] = parts_order(&orders[i], arena);
        if (list[i] == NULL) {
            return NULL;
        }
    }
    return &response->base;
}

ProtobufCMessage *order_codec_batch_orders(const struct order *const *orders, size_t count,
                                           const char *const *missing, size_t missing_count,
                                           struct arena *arena)
{
    Shop__V1__BatchGetOrdersResponse *response = arena_alloc(arena, sizeof *response);
    Shop__V1__Order **list = arena_calloc(arena, count, sizeof *list);
    char **ids = arena_calloc(arena, missing_count, sizeof *ids);
    if (response == NULL || list == NULL || ids == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < missing_count; i++) {
        ids[i] = parts_text(missing[i]);
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = parts_order(orders[i], arena);
        if (list[i] == NULL) {
            return NULL;
        }
    }
    shop__v1__batch_get_orders_response__init(response);
    response->orders = list;
    response->n_orders = count;
    response->missing_order_ids = ids;
    response->n_missing_order_ids = missing_count;
    return &response->base;
}

struct bytes order_codec_pack_order(const struct order *order, struct arena *arena)
{
    Shop__V1__Order *message = parts_order(order, arena);
    return message != NULL ? message_encode(&message->base, arena) : (struct bytes){0};
}

enum status order_codec_unpack_order(struct bytes encoded, struct arena *arena,
                                     struct order **order_out, struct failure *failure)
{
    ProtobufCMessage *message;
    enum status status =
        message_decode(&shop__v1__order__descriptor, encoded, arena, &message, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct order *order = arena_alloc(arena, sizeof *order);
    if (order == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX",
                           "an order does not fit its arena");
    }
    status = parts_read_order((const Shop__V1__Order *)message, arena, order, failure);
    if (status == STATUS_OK) {
        *order_out = order;
    }
    return status;
}

/* The three requests have the same shape: one id, field 1. */
const char *order_codec_get_id(const ProtobufCMessage *message)
{
    if (message->descriptor == &shop__v1__get_order_request__descriptor) {
        return ((const Shop__V1__GetOrderRequest *)message)->order_id;
    }
    if (message->descriptor == &shop__v1__list_order_events_request__descriptor) {
        return ((const Shop__V1__ListOrderEventsRequest *)message)->order_id;
    }
    if (message->descriptor == &shop__v1__get_product_request__descriptor) {
        return ((const Shop__V1__GetProductRequest *)message)->product_id;
    }
    return ((const Shop__V1__GetStockRequest *)message)->product_id;
}

const char *order_codec_get_customer(const ProtobufCMessage *message)
{
    if (message->descriptor == &shop__v1__batch_get_orders_request__descriptor) {
        return ((const Shop__V1__BatchGetOrdersRequest *)message)->customer_id;
    }
    if (message->descriptor == &shop__v1__list_order_events_request__descriptor) {
        return ((const Shop__V1__ListOrderEventsRequest *)message)->customer_id;
    }
    return ((const Shop__V1__GetOrderRequest *)message)->customer_id;
}

const char *const *order_codec_get_ids(const ProtobufCMessage *message, size_t *count_out)
{
    if (message->descriptor == &shop__v1__batch_get_orders_request__descriptor) {
        const Shop__V1__BatchGetOrdersRequest *orders =
            (const Shop__V1__BatchGetOrdersRequest *)message;
        *count_out = orders->n_order_ids;
        return (const char *const *)orders->order_ids;
    }
    const Shop__V1__BatchGetProductsRequest *request =
        (const Shop__V1__BatchGetProductsRequest *)message;
    *count_out = request->n_product_ids;
    return (const char *const *)request->product_ids;
}

struct page_request order_codec_page_request(const ProtobufCMessage *message)
{
    if (message->descriptor == &shop__v1__list_orders_request__descriptor) {
        const Shop__V1__ListOrdersRequest *orders = (const Shop__V1__ListOrdersRequest *)message;
        return (struct page_request){orders->page_size, orders->page_token};
    }
    if (message->descriptor == &shop__v1__list_products_request__descriptor) {
        const Shop__V1__ListProductsRequest *products =
            (const Shop__V1__ListProductsRequest *)message;
        return (struct page_request){products->page_size, products->page_token};
    }
    if (message->descriptor == &shop__v1__list_order_events_request__descriptor) {
        const Shop__V1__ListOrderEventsRequest *events =
            (const Shop__V1__ListOrderEventsRequest *)message;
        return (struct page_request){events->page_size, events->page_token};
    }
    const Shop__V1__ListStockRequest *stock = (const Shop__V1__ListStockRequest *)message;
    return (struct page_request){stock->page_size, stock->page_token};
}
