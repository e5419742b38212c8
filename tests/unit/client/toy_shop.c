/* See toy_shop.h. */
#include "toy_shop.h"

#include <embedded/CONTRACTS.h>
#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cmocka_all.h"
#include "toy_shop_inside.h"

struct toy_shop *the_shop;

void toy_fail_call(struct rpc_call *call, enum status code, const char *reason, const char *message)
{
    struct failure failure;
    failure_set(&failure, code, reason, "%s", message);
    rpc_fail(call, &failure);
}

/* True when the call was answered with a failure that the test asked for. */
static bool was_told_to_fail(struct rpc_call *call)
{
    atomic_fetch_add(&the_shop->calls, 1);
    if (atomic_load(&the_shop->fail_next) > 0 && atomic_fetch_sub(&the_shop->fail_next, 1) > 0) {
        toy_fail_call(call, the_shop->fail_code, "TOLD_TO_FAIL", "not done, as told");
        return true;
    }
    return false;
}

void toy_answer(struct rpc_call *call, const ProtobufCMessage *response)
{
    if (atomic_load(&the_shop->lose_next) > 0 && atomic_fetch_sub(&the_shop->lose_next, 1) > 0) {
        toy_fail_call(call, STATUS_UNKNOWN, "TOLD_TO_LOSE", "done, but nobody knows");
        return;
    }
    rpc_reply(call, response);
}

void toy_set_time(Google__Protobuf__Timestamp *time, int64_t us)
{
    google__protobuf__timestamp__init(time);
    time->seconds = us / 1000000;
    time->nanos = (int32_t)(us % 1000000 * 1000);
}

struct toy_product *toy_find_product(const char *product_id)
{
    for (size_t i = 0; i < the_shop->product_count; i++) {
        if (strcmp(the_shop->products[i].product_id, product_id) == 0) {
            return &the_shop->products[i];
        }
    }
    return NULL;
}

static void fill_product(Shop__V1__Product *message, struct toy_product *product,
                         Google__Protobuf__Timestamp *time)
{
    shop__v1__product__init(message);
    toy_set_time(time, product->create_time_us);
    message->product_id = product->product_id;
    message->display_name = product->display_name;
    message->currency = product->currency;
    message->unit_price_minor = product->unit_price_minor;
    message->state = SHOP__V1__PRODUCT__STATE__STATE_ACTIVE;
    message->etag = (char *)(uintptr_t)"1";
    message->create_time = time;
    message->update_time = time;
}

static void reply_product(struct rpc_call *call, struct toy_product *product)
{
    Shop__V1__Product message;
    Google__Protobuf__Timestamp time;
    fill_product(&message, product, &time);
    toy_answer(call, &message.base);
}

static void note_rules(struct toy_product *product, const Shop__V1__Product *asked)
{
    product->max_per_order = asked->max_per_order;
    product->max_per_customer = asked->max_per_customer;
    product->limit_window_s = asked->limit_window != NULL ? asked->limit_window->seconds : 0;
    product->sale_start_s = asked->sale_start_time != NULL ? asked->sale_start_time->seconds : 0;
    product->sale_end_s = asked->sale_end_time != NULL ? asked->sale_end_time->seconds : 0;
    product->safety_stock = asked->safety_stock;
    product->low_stock = asked->low_stock_threshold;
}

static void create_product(struct rpc_call *call)
{
    const Shop__V1__CreateProductRequest *request =
        (const Shop__V1__CreateProductRequest *)rpc_call_request(call);
    struct toy_product *product = toy_find_product(request->product->product_id);
    if (product != NULL && strcmp(product->request_id, request->request_id) != 0) {
        toy_fail_call(call, STATUS_ALREADY_EXISTS, "PRODUCT_EXISTS", "there is one");
        return;
    }
    if (product == NULL) {
        product = &the_shop->products[the_shop->product_count++];
        snprintf(product->product_id, TOY_TEXT_BYTES, "%s", request->product->product_id);
        snprintf(product->display_name, TOY_TEXT_BYTES, "%s", request->product->display_name);
        snprintf(product->currency, sizeof(product->currency), "%s", request->product->currency);
        snprintf(product->request_id, TOY_TEXT_BYTES, "%s", request->request_id);
        product->unit_price_minor = request->product->unit_price_minor;
        product->on_hand = request->on_hand;
        note_rules(product, request->product);
        product->create_time_us = clock_unix_us(clock_system());
        atomic_fetch_add(&the_shop->created, 1);
    }
    reply_product(call, product);
}

static void get_product(struct rpc_call *call)
{
    const Shop__V1__GetProductRequest *request =
        (const Shop__V1__GetProductRequest *)rpc_call_request(call);
    struct toy_product *product = toy_find_product(request->product_id);
    if (product == NULL) {
        struct failure failure;
        failure_set(&failure, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND", "no product %s",
                    request->product_id);
        failure_add(&failure, "product_id", "%s", request->product_id);
        rpc_fail(call, &failure);
        return;
    }
    reply_product(call, product);
}

/* The page [first, first + count) of `total`, and the next token. */
size_t toy_cut_page(int32_t page_size, const char *token, size_t total, size_t *first,
                    char next[24])
{
    *first = token[0] == '\0' ? 0 : strtoul(token, NULL, 10);
    size_t count = total - *first < (size_t)page_size ? total - *first : (size_t)page_size;
    next[0] = '\0';
    if (*first + count < total) {
        snprintf(next, 24, "%zu", *first + count);
    }
    return count;
}

static void list_products(struct rpc_call *call)
{
    const Shop__V1__ListProductsRequest *request =
        (const Shop__V1__ListProductsRequest *)rpc_call_request(call);
    size_t first;
    char next[24];
    size_t count = toy_cut_page(request->page_size, request->page_token, the_shop->product_count,
                                &first, next);
    Shop__V1__ListProductsResponse response = SHOP__V1__LIST_PRODUCTS_RESPONSE__INIT;
    struct arena *arena = rpc_call_arena(call);
    Shop__V1__Product *items = arena_calloc(arena, count + 1, sizeof(items[0]));
    Google__Protobuf__Timestamp *times = arena_calloc(arena, count + 1, sizeof(times[0]));
    response.products = arena_calloc(arena, count + 1, sizeof(response.products[0]));
    response.n_products = count;
    response.next_page_token = next;
    for (size_t i = 0; i < count; i++) {
        fill_product(&items[i], &the_shop->products[first + i], &times[i]);
        response.products[i] = &items[i];
    }
    toy_answer(call, &response.base);
}

static void fill_stock(Shop__V1__Stock *message, struct toy_product *product)
{
    shop__v1__stock__init(message);
    message->product_id = product->product_id;
    message->on_hand = product->on_hand;
    message->reserved = product->reserved;
    message->available = product->on_hand - product->reserved;
}

static void get_stock(struct rpc_call *call)
{
    const Shop__V1__GetStockRequest *request =
        (const Shop__V1__GetStockRequest *)rpc_call_request(call);
    struct toy_product *product = toy_find_product(request->product_id);
    if (product == NULL) {
        toy_fail_call(call, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND", "no such product");
        return;
    }
    Shop__V1__Stock stock;
    fill_stock(&stock, product);
    toy_answer(call, &stock.base);
}

static void list_stock(struct rpc_call *call)
{
    const Shop__V1__ListStockRequest *request =
        (const Shop__V1__ListStockRequest *)rpc_call_request(call);
    size_t first;
    char next[24];
    size_t count = toy_cut_page(request->page_size, request->page_token, the_shop->product_count,
                                &first, next);
    Shop__V1__ListStockResponse response = SHOP__V1__LIST_STOCK_RESPONSE__INIT;
    struct arena *arena = rpc_call_arena(call);
    Shop__V1__Stock *items = arena_calloc(arena, count + 1, sizeof(items[0]));
    response.stock = arena_calloc(arena, count + 1, sizeof(response.stock[0]));
    response.n_stock = count;
    response.next_page_token = next;
    for (size_t i = 0; i < count; i++) {
        fill_stock(&items[i], &the_shop->products[first + i]);
        response.stock[i] = &items[i];
    }
    toy_answer(call, &response.base);
}

static void adjust_stock(struct rpc_call *call)
{
    const Shop__V1__AdjustStockRequest *request =
        (const Shop__V1__AdjustStockRequest *)rpc_call_request(call);
    struct toy_product *product = toy_find_product(request->product_id);
    if (product == NULL) {
        toy_fail_call(call, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND", "no such product");
        return;
    }
    product->on_hand += request->delta;
    Shop__V1__AdjustStockResponse response = SHOP__V1__ADJUST_STOCK_RESPONSE__INIT;
    response.product_id = request->product_id;
    response.delta = request->delta;
    response.durability = SHOP__V1__DURABILITY__DURABILITY_QUEUED;
    response.adjustment_id = request->request_id;
    toy_answer(call, &response.base);
}

static void refuse(struct rpc_call *call)
{
    toy_fail_call(call, STATUS_UNIMPLEMENTED, "UNIMPLEMENTED", "the toy has it not");
}

/* A method's tag is its function. */
struct toy_method {
    void (*run)(struct rpc_call *call);
};

static void handle(void *lane, struct rpc_call **calls, size_t count)
{
    (void)lane;
    for (size_t i = 0; i < count; i++) {
        const struct toy_method *method = rpc_call_tag(calls[i]);
        if (!was_told_to_fail(calls[i])) {
            pthread_mutex_lock(&the_shop->lock);
            method->run(calls[i]);
            pthread_mutex_unlock(&the_shop->lock);
        }
    }
}

#define METHOD(NAME, RUN)                                                  \
    {                                                                      \
        .name = NAME, .handler = handle, .tag = &(const struct toy_method) \
        {                                                                  \
            RUN                                                            \
        }                                                                  \
    }

static const struct rpc_method PRODUCT_METHODS[] = {METHOD("CreateProduct", create_product),
                                                    METHOD("GetProduct", get_product),
                                                    METHOD("BatchGetProducts", refuse),
                                                    METHOD("ListProducts", list_products),
                                                    METHOD("UpdateProduct", refuse),
                                                    METHOD("DeleteProduct", refuse),
                                                    METHOD("SetStock", refuse),
                                                    METHOD("ListStockMovements", refuse),
                                                    METHOD("ExplainStock", refuse),
                                                    METHOD("GetStock", get_stock),
                                                    METHOD("ListStock", list_stock),
                                                    METHOD("AdjustStock", adjust_stock)};
static const struct rpc_method ORDER_METHODS[] = {
    METHOD("CreateOrder", toy_create_order),
    METHOD("BatchCreateOrders", toy_batch_create_orders),
    METHOD("GetOrder", toy_get_order),
    METHOD("ListOrders", toy_list_orders),
    METHOD("BatchGetOrders", refuse),
    METHOD("ConfirmOrder", toy_change_order),
    METHOD("CancelOrder", toy_change_order),
    METHOD("FulfillOrder", toy_change_order),
    METHOD("ListOrderEvents", toy_list_events),
    METHOD("FollowOrderEvents", refuse)};
static const struct rpc_service SERVICES[] = {
    {.descriptor = &shop__v1__product_service__descriptor,
     .methods = PRODUCT_METHODS,
     .method_count = sizeof(PRODUCT_METHODS) / sizeof(PRODUCT_METHODS[0])},
    {.descriptor = &shop__v1__order_service__descriptor,
     .methods = ORDER_METHODS,
     .method_count = sizeof(ORDER_METHODS) / sizeof(ORDER_METHODS[0])}};
static const struct rpc_lane_kind LANES[] = {
    {.name = "all", .threads = 2, .queue_max = 1024, .batch_max = 64}};

void toy_shop_start(struct toy_shop *shop)
{
    static int number;
    memset(shop, 0, sizeof(*shop));
    the_shop = shop;
    pthread_mutex_init(&shop->lock, NULL);
    snprintf(shop->endpoint, sizeof(shop->endpoint), "ipc:///tmp/toy-shop-%d-%d.sock",
             (int)getpid(), number++);
    shop->endpoints[0] = shop->endpoint;
    const struct rpc_server_options options = {.endpoints = shop->endpoints,
                                               .endpoint_count = 1,
                                               .server_id = "toy",
                                               .contracts =
                                                   bytes_of(CONTRACTS, sizeof CONTRACTS - 1),
                                               .max_inflight = 1024,
                                               .lanes = LANES,
                                               .lane_count = 1,
                                               .services = SERVICES,
                                               .service_count = 2,
                                               .clock = clock_system()};
    struct failure failure = {0};
    assert_int_equal(rpc_server_start(&options, &shop->server, &failure), STATUS_OK);
    rpc_server_set_serving(shop->server, true);
}

void toy_shop_stop(struct toy_shop *shop)
{
    rpc_server_stop(&shop->server);
    pthread_mutex_destroy(&shop->lock);
}
