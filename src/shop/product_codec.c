/* See product_codec.h. */
#include "shop/product_codec.h"

#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/message.h"
#include "shop/message_parts.h"

static Shop__V1__Product *make_product(const struct product *product, struct arena *arena);
static bool put_rules(const struct product *product, Shop__V1__Product *message,
                      struct arena *arena);
static Shop__V1__Product **make_products(const struct product *products, size_t count,
                                         struct arena *arena);
static Shop__V1__Stock *make_stock(const struct stock *stock, struct arena *arena);
static void read_product(const Shop__V1__Product *message, struct product *product_out);
static void read_setting(const Shop__V1__SetStockRequest *from,
                         struct stock_adjustment *adjustment);

struct product_request *product_codec_request(const ProtobufCMessage *message, struct arena *arena)
{
    const Shop__V1__CreateProductRequest *from = (const Shop__V1__CreateProductRequest *)message;
    struct product_request *request = arena_calloc(arena, 1, sizeof *request);
    if (request == NULL) {
        return NULL;
    }
    static const Shop__V1__Product absent = SHOP__V1__PRODUCT__INIT;
    read_product(from->product != NULL ? from->product : &absent, &request->product);
    if (request->product.state == 0) {
        request->product.state = PRODUCT_ACTIVE;
    }
    request->request_id = from->request_id;
    request->on_hand = from->on_hand;
    return request;
}

struct product_update *product_codec_update(const ProtobufCMessage *message, struct arena *arena)
{
    const Shop__V1__UpdateProductRequest *from = (const Shop__V1__UpdateProductRequest *)message;
    struct product_update *update = arena_calloc(arena, 1, sizeof *update);
    if (update == NULL) {
        return NULL;
    }
    static const Shop__V1__Product absent = SHOP__V1__PRODUCT__INIT;
    const Shop__V1__Product *product = from->product != NULL ? from->product : &absent;
    read_product(product, &update->values);
    update->etag = product->etag;
    if (from->update_mask != NULL) {
        update->paths = (const char *const *)from->update_mask->paths;
        update->path_count = from->update_mask->n_paths;
    }
    return update;
}

bool product_codec_shows_deleted(const ProtobufCMessage *message)
{
    return ((const Shop__V1__ListProductsRequest *)message)->show_deleted != 0;
}

const char *product_codec_deletion(const ProtobufCMessage *message, const char **etag_out)
{
    const Shop__V1__DeleteProductRequest *from = (const Shop__V1__DeleteProductRequest *)message;
    *etag_out = from->etag;
    return from->product_id;
}

struct stock_adjustment *product_codec_adjustment(const ProtobufCMessage *message,
                                                  struct arena *arena)
{
    struct stock_adjustment *adjustment = arena_calloc(arena, 1, sizeof *adjustment);
    if (adjustment == NULL) {
        return NULL;
    }
    if (message->descriptor == &shop__v1__set_stock_request__descriptor) {
        read_setting((const Shop__V1__SetStockRequest *)message, adjustment);
        return adjustment;
    }
    const Shop__V1__AdjustStockRequest *from = (const Shop__V1__AdjustStockRequest *)message;
    adjustment->request_id = from->request_id;
    adjustment->product_id = from->product_id;
    adjustment->delta = from->delta;
    adjustment->reason = from->reason;
    adjustment->reference = from->reference;
    return adjustment;
}

ProtobufCMessage *product_codec_product(const struct product *product, struct arena *arena)
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
    return message->create_time != NULL && message->update_time != NULL &&
                   put_rules(product, message, arena)
               ? message
               : NULL;
}

/* What is none stays away. */
static bool put_rules(const struct product *product, Shop__V1__Product *message,
                      struct arena *arena)
{
    message->state = (Shop__V1__Product__State)product->state;
    message->max_per_order = product->max_per_order;
    message->max_per_customer = product->max_per_customer;
    message->safety_stock = product->safety_stock;
    message->low_stock_threshold = product->low_stock_threshold;
    if (product->limit_window_ms != 0) {
        Google__Protobuf__Duration *window = arena_alloc(arena, sizeof *window);
        if (window == NULL) {
            return false;
        }
        google__protobuf__duration__init(window);
        window->seconds = product->limit_window_ms / 1000;
        window->nanos = (int32_t)(product->limit_window_ms % 1000) * 1000000;
        message->limit_window = window;
    }
    if (product->sale_start_us != 0) {
        message->sale_start_time = parts_time(product->sale_start_us, arena);
    }
    if (product->sale_end_us != 0) {
        message->sale_end_time = parts_time(product->sale_end_us, arena);
    }
    return (product->sale_start_us == 0 || message->sale_start_time != NULL) &&
           (product->sale_end_us == 0 || message->sale_end_time != NULL);
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

ProtobufCMessage *product_codec_list(const struct product *products, size_t count,
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

ProtobufCMessage *product_codec_batch(const struct product *products, size_t count,
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

ProtobufCMessage *product_codec_stock(const struct stock *stock, struct arena *arena)
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
    message->safety_stock = stock->safety_stock;
    return message;
}

ProtobufCMessage *product_codec_stocks(const struct stock *stock, size_t count,
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

ProtobufCMessage *product_codec_adjusted(const struct stock_adjustment *adjustment,
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

struct bytes product_codec_pack(const struct product *product, struct arena *arena)
{
    Shop__V1__Product *message = make_product(product, arena);
    return message != NULL ? message_encode(&message->base, arena) : (struct bytes){0};
}

enum status product_codec_unpack(struct bytes encoded, struct arena *arena,
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

/* A currency of another length is left empty, a window that is no duration is -1: rules refuse
 * them.
 */
static void read_product(const Shop__V1__Product *message, struct product *product_out)
{
    bool has_window = message->limit_window != NULL;
    *product_out = (struct product){
        .product_id = message->product_id,
        .display_name = message->display_name,
        .unit_price_minor = message->unit_price_minor,
        .create_time_us = parts_unix_us(message->create_time),
        .update_time_us = parts_unix_us(message->update_time),
        .version = strtoll(message->etag, NULL, 10),
        .state = (enum product_state)message->state,
        .max_per_order = message->max_per_order,
        .max_per_customer = message->max_per_customer,
        .limit_window_ms = has_window ? parts_span_ms(message->limit_window) : 0,
        .sale_start_us = parts_unix_us(message->sale_start_time),
        .sale_end_us = parts_unix_us(message->sale_end_time),
        .safety_stock = message->safety_stock,
        .low_stock_threshold = message->low_stock_threshold,
    };
    if (strlen(message->currency) < CURRENCY_BYTES) {
        memcpy(product_out->currency, message->currency, strlen(message->currency));
    }
}

/* Beyond what a rule allows, the difference does not matter. */
static void read_setting(const Shop__V1__SetStockRequest *from, struct stock_adjustment *adjustment)
{
    *adjustment = (struct stock_adjustment){
        .request_id = from->request_id,
        .product_id = from->product_id,
        .reason = from->reason,
        .reference = from->reference,
        .sets = true,
        .value = from->value,
        .expected = from->expected_on_hand,
    };
    if (__builtin_sub_overflow(from->value, from->expected_on_hand, &adjustment->delta)) {
        adjustment->delta = 0;
    }
}
