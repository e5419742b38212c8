/* See toy_shop.h. */
#include "toy_shop.h"

#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "tests/cmocka_all.h"

static struct toy_shop *the_shop; /* one a test program */

static void fail_call(struct rpc_call *call, enum status code, const char *reason,
                      const char *message)
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
        fail_call(call, the_shop->fail_code, "TOLD_TO_FAIL", "not done, as told");
        return true;
    }
    return false;
}

static void answer(struct rpc_call *call, const ProtobufCMessage *response)
{
    if (atomic_load(&the_shop->lose_next) > 0 && atomic_fetch_sub(&the_shop->lose_next, 1) > 0) {
        fail_call(call, STATUS_UNKNOWN, "TOLD_TO_LOSE", "done, but nobody knows");
        return;
    }
    rpc_reply(call, response);
}

static void set_time(Google__Protobuf__Timestamp *time, int64_t us)
{
    google__protobuf__timestamp__init(time);
    time->seconds = us / 1000000;
    time->nanos = (int32_t)(us % 1000000 * 1000);
}

static struct toy_product *find_product(const char *product_id)
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
    set_time(time, product->create_time_us);
    message->product_id = product->product_id;
    message->display_name = product->display_name;
    message->currency = product->currency;
    message->unit_price_minor = product->unit_price_minor;
    message->create_time = time;
    message->update_time = time;
}

static void reply_product(struct rpc_call *call, struct toy_product *product)
{
    Shop__V1__Product message;
    Google__Protobuf__Timestamp time;
    fill_product(&message, product, &time);
    answer(call, &message.base);
}

static void create_product(struct rpc_call *call)
{
    const Shop__V1__CreateProductRequest *request =
        (const Shop__V1__CreateProductRequest *)rpc_call_request(call);
    struct toy_product *product = find_product(request->product->product_id);
    if (product != NULL && strcmp(product->request_id, request->request_id) != 0) {
        fail_call(call, STATUS_ALREADY_EXISTS, "PRODUCT_EXISTS", "there is one");
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
        product->create_time_us = clock_unix_us(clock_system());
        atomic_fetch_add(&the_shop->created, 1);
    }
    reply_product(call, product);
}

static void get_product(struct rpc_call *call)
{
    const Shop__V1__GetProductRequest *request =
        (const Shop__V1__GetProductRequest *)rpc_call_request(call);
    struct toy_product *product = find_product(request->product_id);
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
static size_t cut_page(int32_t page_size, const char *token, size_t total, size_t *first,
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
    size_t count =
        cut_page(request->page_size, request->page_token, the_shop->product_count, &first, next);
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
    answer(call, &response.base);
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
    struct toy_product *product = find_product(request->product_id);
    if (product == NULL) {
        fail_call(call, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND", "no such product");
        return;
    }
    Shop__V1__Stock stock;
    fill_stock(&stock, product);
    answer(call, &stock.base);
}

static void list_stock(struct rpc_call *call)
{
    const Shop__V1__ListStockRequest *request =
        (const Shop__V1__ListStockRequest *)rpc_call_request(call);
    size_t first;
    char next[24];
    size_t count =
        cut_page(request->page_size, request->page_token, the_shop->product_count, &first, next);
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
    answer(call, &response.base);
}

static void adjust_stock(struct rpc_call *call)
{
    const Shop__V1__AdjustStockRequest *request =
        (const Shop__V1__AdjustStockRequest *)rpc_call_request(call);
    struct toy_product *product = find_product(request->product_id);
    if (product == NULL) {
        fail_call(call, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND", "no such product");
        return;
    }
    product->on_hand += request->delta;
    Shop__V1__AdjustStockResponse response = SHOP__V1__ADJUST_STOCK_RESPONSE__INIT;
    response.product_id = request->product_id;
    response.delta = request->delta;
    response.durability = SHOP__V1__DURABILITY__DURABILITY_QUEUED;
    response.adjustment_id = request->request_id;
    answer(call, &response.base);
}

static void fill_order(struct rpc_call *call, Shop__V1__Order *message, struct toy_order *order)
{
    struct arena *arena = rpc_call_arena(call);
    char usd[] = "USD";
    shop__v1__order__init(message);
    message->order_id = order->request_id;
    message->customer_id = order->customer_id;
    message->order_ref = order->order_ref;
    message->state = SHOP__V1__ORDER__STATE__STATE_CONFIRMED;
    message->currency = arena_strdup(arena, usd);
    message->total_minor = order->total_minor;
    message->create_time = arena_calloc(arena, 1, sizeof(*message->create_time));
    message->placed_time = arena_calloc(arena, 1, sizeof(*message->placed_time));
    set_time(message->create_time, order->create_time_us);
    set_time(message->placed_time, order->placed_time_s * 1000000);
    message->durability = order->reads > 1 ? SHOP__V1__DURABILITY__DURABILITY_PERSISTED
                                           : SHOP__V1__DURABILITY__DURABILITY_QUEUED;
    Shop__V1__OrderLine *line = arena_calloc(arena, 1, sizeof(*line));
    shop__v1__order_line__init(line);
    line->product_id = order->first_product_id;
    line->quantity = order->first_quantity;
    line->unit_price_minor = 1800;
    message->lines = arena_calloc(arena, 1, sizeof(message->lines[0]));
    message->lines[0] = line;
    message->n_lines = 1;
}

static struct toy_order *find_order(const char *request_id)
{
    for (size_t i = 0; i < the_shop->order_count; i++) {
        if (strcmp(the_shop->orders[i].request_id, request_id) == 0) {
            return &the_shop->orders[i];
        }
    }
    return NULL;
}

static bool reserve(struct rpc_call *call, const Shop__V1__CreateOrderRequest *request)
{
    for (size_t i = 0; i < request->n_lines; i++) {
        struct toy_product *product = find_product(request->lines[i]->product_id);
        if (product == NULL) {
            fail_call(call, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND", "no such product");
            return false;
        }
        if (product->on_hand - product->reserved < request->lines[i]->quantity) {
            struct failure failure;
            failure_set(&failure, STATUS_FAILED_PRECONDITION, "OUT_OF_STOCK", "too few of %s",
                        product->product_id);
            failure_add(&failure, "product_id", "%s", product->product_id);
            failure_add(&failure, "available", "%d", (int)(product->on_hand - product->reserved));
            rpc_fail(call, &failure);
            return false;
        }
    }
    for (size_t i = 0; i < request->n_lines; i++) {
        find_product(request->lines[i]->product_id)->reserved += request->lines[i]->quantity;
    }
    return true;
}

static void create_order(struct rpc_call *call)
{
    const Shop__V1__CreateOrderRequest *request =
        (const Shop__V1__CreateOrderRequest *)rpc_call_request(call);
    struct toy_order *order = find_order(request->request_id);
    if (order == NULL) {
        if (!reserve(call, request)) {
            return;
        }
        order = &the_shop->orders[the_shop->order_count++ % TOY_ORDERS_MAX];
        snprintf(order->request_id, TOY_TEXT_BYTES, "%s", request->request_id);
        snprintf(order->customer_id, TOY_TEXT_BYTES, "%s", request->customer_id);
        snprintf(order->order_ref, TOY_TEXT_BYTES, "%s", request->order_ref);
        snprintf(order->first_product_id, TOY_TEXT_BYTES, "%s", request->lines[0]->product_id);
        order->first_quantity = request->lines[0]->quantity;
        order->total_minor = 1800 * (int64_t)order->first_quantity;
        order->line_count = request->n_lines;
        order->priced = request->lines[0]->price_presence_case != 0;
        order->placed_time_s = request->placed_time == NULL ? 0 : request->placed_time->seconds;
        order->create_time_us = clock_unix_us(clock_system());
        atomic_fetch_add(&the_shop->created, 1);
    }
    Shop__V1__Order message;
    fill_order(call, &message, order);
    answer(call, &message.base);
}

static void get_order(struct rpc_call *call)
{
    const Shop__V1__GetOrderRequest *request =
        (const Shop__V1__GetOrderRequest *)rpc_call_request(call);
    struct toy_order *order = find_order(request->order_id);
    if (order == NULL) {
        fail_call(call, STATUS_NOT_FOUND, "ORDER_NOT_FOUND", "no such order");
        return;
    }
    order->reads++;
    Shop__V1__Order message;
    fill_order(call, &message, order);
    answer(call, &message.base);
}

static void list_orders(struct rpc_call *call)
{
    const Shop__V1__ListOrdersRequest *request =
        (const Shop__V1__ListOrdersRequest *)rpc_call_request(call);
    size_t first;
    char next[24];
    size_t count =
        cut_page(request->page_size, request->page_token, the_shop->order_count, &first, next);
    Shop__V1__ListOrdersResponse response = SHOP__V1__LIST_ORDERS_RESPONSE__INIT;
    struct arena *arena = rpc_call_arena(call);
    Shop__V1__Order *items = arena_calloc(arena, count + 1, sizeof(items[0]));
    response.orders = arena_calloc(arena, count + 1, sizeof(response.orders[0]));
    response.next_page_token = next;
    for (size_t i = 0; i < count; i++) {
        struct toy_order *order = &the_shop->orders[first + i];
        if (request->customer_id[0] == '\0' ||
            strcmp(request->customer_id, order->customer_id) == 0) {
            fill_order(call, &items[i], order);
            response.orders[response.n_orders++] = &items[i];
        }
    }
    answer(call, &response.base);
}

static void refuse(struct rpc_call *call)
{
    fail_call(call, STATUS_UNIMPLEMENTED, "UNIMPLEMENTED", "the toy has it not");
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

static const struct rpc_method PRODUCT_METHODS[] = {
    METHOD("CreateProduct", create_product), METHOD("GetProduct", get_product),
    METHOD("BatchGetProducts", refuse),      METHOD("ListProducts", list_products),
    METHOD("GetStock", get_stock),           METHOD("ListStock", list_stock),
    METHOD("AdjustStock", adjust_stock)};
static const struct rpc_method ORDER_METHODS[] = {METHOD("CreateOrder", create_order),
                                                  METHOD("GetOrder", get_order),
                                                  METHOD("ListOrders", list_orders)};
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

struct run toy_shop_run(struct toy_shop *shop, const char *line)
{
    struct run run = {.code = -1};
    char copy[1024];
    char *argv[64] = {(char[]){"orderctl"}};
    int argc = 1;
    size_t out_size;
    size_t err_size;
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *save = NULL, *at = strtok_r(copy, " ", &save); at != NULL;
         at = strtok_r(NULL, " ", &save)) {
        argv[argc++] = at;
    }
    struct cli_environment environment = {.endpoint = shop->endpoint,
                                          .in = stdin,
                                          .out = open_memstream(&run.out, &out_size),
                                          .err = open_memstream(&run.err, &err_size),
                                          .clock = clock_system()};
    run.code = cli_run(&environment, argc, argv);
    fclose(environment.out);
    fclose(environment.err);
    return run;
}

void run_free(struct run *run)
{
    free(run->out);
    free(run->err);
}
