/* See order_codec.h. */
#include "shop/order_codec.h"

#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/message.h"
#include "shop/message_parts.h"

static Shop__V1__Product *make_product(const struct product *product, struct arena *arena);
static Shop__V1__Product **make_products(const struct product *products, size_t count,
                                         struct arena *arena);
static Shop__V1__Stock *make_stock(const struct stock *stock, struct arena *arena);
static void read_product(const Shop__V1__Product *message, struct product *product_out);

struct product_request *order_codec_product_request(const ProtobufCMessage *message,
                                                    struct arena *arena)
{
    const Shop__V1__CreateProductRequest *from = (const Shop__V1__CreateProductRequest *)message;
    struct product_request *request = arena_calloc(arena, 1, sizeof *request);
    if (request == NULL) {
        return NULL;
    }
    static const Shop__V1__Product absent = SHOP__V1__PRODUCT__INIT;
    read_product(from->product != NULL ? from->product : &absent, &request->product);
    request->request_id = from->request_id;
    request->on_hand = from->on_hand;
    return request;
}

struct stock_adjustment *order_codec_adjustment(const ProtobufCMessage *message,
                                                struct arena *arena)
{
    const Shop__V1__AdjustStockRequest *from = (const Shop__V1__AdjustStockRequest *)message;
    struct stock_adjustment *adjustment = arena_calloc(arena, 1, sizeof *adjustment);
    if (adjustment == NULL) {
        return NULL;
    }
    adjustment->request_id = from->request_id;
    adjustment->product_id = from->product_id;
    adjustment->delta = from->delta;
    adjustment->reason = from->reason;
    adjustment->reference = from->reference;
    return adjustment;
}

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

ProtobufCMessage *order_codec_product(const struct product *product, struct arena *arena)
{
    return (ProtobufCMessage *)make_product(product, arena);
}

static Shop__V1__Product *make_product(const struct product *product, struct arena *arena)
{
    Shop__V1__Product *message = arena_alloc(arena, sizeof *message);
    char *etag = arena_alloc(arena, 24);
    if (message == NULL || etag == NULL) {
        return NULL;
    }
    (void)snprintf(etag, 24, "%lld", (long long)product->version);
    shop__v1__product__init(message);
    message->product_id = parts_text(product->product_id);
    message->display_name = parts_text(product->display_name);
    message->unit_price_minor = product->unit_price_minor;
    message->currency = parts_text(product->currency);
    message->create_time = parts_time(product->create_time_us, arena);
    message->update_time = parts_time(product->update_time_us, arena);
    message->etag = etag;
    return message->create_time != NULL && message->update_time != NULL ? message : NULL;
}

static Shop__V1__Product **make_products(const struct product *products, size_t count,
                                         struct arena *arena)
{
    Shop__V1__Product **list = arena_calloc(arena, count, sizeof *list);
    for (size_t i = 0; list != NULL && i < count; i++) {
        list[i] = make_product(&products[i], arena);
        if (list[i] == NULL) {
            return NULL;
        }
    }
    return list;
}

ProtobufCMessage *order_codec_products(const struct product *products, size_t count,
                                       const char *next_page_token, struct arena *arena)
{
    Shop__V1__ListProductsResponse *response = arena_alloc(arena, sizeof *response);
    Shop__V1__Product **list = make_products(products, count, arena);
    if (response == NULL || list == NULL) {
        return NULL;
    }
    shop__v1__list_products_response__init(response);
    response->products = list;
    response->n_products = count;
    response->next_page_token = parts_text(next_page_token);
    return &response->base;
}

ProtobufCMessage *order_codec_batch_products(const struct product *products, size_t count,
                                             const char *const *missing, size_t missing_count,
                                             struct arena *arena)
{
    Shop__V1__BatchGetProductsResponse *response = arena_alloc(arena, sizeof *response);
    Shop__V1__Product **list = make_products(products, count, arena);
    char **ids = arena_calloc(arena, missing_count, sizeof *ids);
    if (response == NULL || list == NULL || ids == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < missing_count; i++) {
        ids[i] = parts_text(missing[i]);
    }
    shop__v1__batch_get_products_response__init(response);
    response->products = list;
    response->n_products = count;
    response->missing_product_ids = ids;
    response->n_missing_product_ids = missing_count;
    return &response->base;
}

ProtobufCMessage *order_codec_stock(const struct stock *stock, struct arena *arena)
{
    return (ProtobufCMessage *)make_stock(stock, arena);
}

static Shop__V1__Stock *make_stock(const struct stock *stock, struct arena *arena)
{
    Shop__V1__Stock *message = arena_alloc(arena, sizeof *message);
    if (message == NULL) {
        return NULL;
    }
    shop__v1__stock__init(message);
    message->product_id = parts_text(stock->product_id);
    message->available = stock->available;
    message->on_hand = stock->on_hand;
    message->reserved = stock->reserved;
    return message;
}

ProtobufCMessage *order_codec_stocks(const struct stock *stock, size_t count,
                                     const char *next_page_token, struct arena *arena)
{
    Shop__V1__ListStockResponse *response = arena_alloc(arena, sizeof *response);
    Shop__V1__Stock **list = arena_calloc(arena, count, sizeof *list);
    if (response == NULL || list == NULL) {
        return NULL;
    }
    shop__v1__list_stock_response__init(response);
    response->stock = list;
    response->n_stock = count;
    response->next_page_token = parts_text(next_page_token);
    for (size_t i = 0; i < count; i++) {
        list[i] = make_stock(&stock[i], arena);
        if (list[i] == NULL) {
            return NULL;
        }
    }
    return &response->base;
}

ProtobufCMessage *order_codec_adjusted(const struct stock_adjustment *adjustment,
                                       enum durability durability, struct arena *arena)
{
    Shop__V1__AdjustStockResponse *response = arena_alloc(arena, sizeof *response);
    if (response == NULL) {
        return NULL;
    }
    shop__v1__adjust_stock_response__init(response);
    response->product_id = parts_text(adjustment->product_id);
    response->delta = adjustment->delta;
    response->durability = (Shop__V1__Durability)durability;
    response->adjustment_id = parts_uuid(&adjustment->adjustment_id, arena);
    return response->adjustment_id != NULL ? &response->base : NULL;
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

struct bytes order_codec_pack_product(const struct product *product, struct arena *arena)
{
    Shop__V1__Product *message = make_product(product, arena);
    return message != NULL ? message_encode(&message->base, arena) : (struct bytes){0};
}

enum status order_codec_unpack_product(struct bytes encoded, struct arena *arena,
                                       struct product **product_out, struct failure *failure)
{
    ProtobufCMessage *message;
    enum status status =
        message_decode(&shop__v1__product__descriptor, encoded, arena, &message, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct product *product = arena_alloc(arena, sizeof *product);
    if (product == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX",
                           "a product does not fit its arena");
    }
    read_product((const Shop__V1__Product *)message, product);
    *product_out = product;
    return STATUS_OK;
}

/* A currency of another length is left empty: the rule refuses it. */
static void read_product(const Shop__V1__Product *message, struct product *product_out)
{
    *product_out = (struct product){
        .product_id = message->product_id,
        .display_name = message->display_name,
        .unit_price_minor = message->unit_price_minor,
        .create_time_us = parts_unix_us(message->create_time),
        .update_time_us = parts_unix_us(message->update_time),
        .version = strtoll(message->etag, NULL, 10),
    };
    if (strlen(message->currency) < CURRENCY_BYTES) {
        memcpy(product_out->currency, message->currency, strlen(message->currency));
    }
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
