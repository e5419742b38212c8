/* See bench_target.h. Requests are built in the slot's memory; only what differs from call to call
 * is written again. */
#include "client/cli/bench_target.h"

#include <assert.h>
#include <grpc/health/v1/health.pb-c.h>
#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>

#include "base/uuid.h"
#include "shop/limits.h"

#define BENCH_CUSTOMERS 10000 /* a shop's regulars */

static_assert(BENCH_SAMPLE_BYTES >= UUID_TEXT_BYTES, "an order_id fits");

/* Of one order; the lines and then the pointers to them follow it. */
struct order_memory {
    Shop__V1__CreateOrderRequest request;
    char request_id[UUID_TEXT_BYTES];
    char customer_id[24];
};

static enum status make_products(struct cli *cli, struct bench_products *products,
                                 struct failure *failure);
static const ProtobufCMessage *prepare_health(void *context, struct bench_slot *slot);
static const ProtobufCMessage *prepare_product(void *context, struct bench_slot *slot);
static const ProtobufCMessage *prepare_order(void *context, struct bench_slot *slot);
static const ProtobufCMessage *prepare_batch(void *context, struct bench_slot *slot);
static size_t order_bytes(const struct bench_products *products);
static void make_order(const struct bench_products *products, struct bench_slot *slot,
                       struct order_memory *memory);
static uint64_t count_orders(const ProtobufCMessage *response, struct bench_result *result);
static const char *sample_batch(const ProtobufCMessage *response);
static const char *sample_nothing(const ProtobufCMessage *response);
static const char *sample_order(const ProtobufCMessage *response);
static char *random_product(const struct bench_products *products, struct bench_slot *slot);

static const struct bench_target TARGETS[] = {
    [BENCH_HEALTH] = {.service = &grpc__health__v1__health__descriptor,
                      .method = "Check",
                      .prepare = prepare_health,
                      .sample = sample_nothing,
                      .slot_bytes = sizeof(Grpc__Health__V1__HealthCheckRequest)},
    [BENCH_GET_PRODUCT] = {.service = &shop__v1__product_service__descriptor,
                           .method = "GetProduct",
                           .prepare = prepare_product,
                           .sample = sample_nothing,
                           .slot_bytes = sizeof(Shop__V1__GetProductRequest)},
    [BENCH_CREATE_ORDER] = {.service = &shop__v1__order_service__descriptor,
                            .method = "CreateOrder",
                            .prepare = prepare_order,
                            .sample = sample_order},
    [BENCH_BATCH_CREATE_ORDERS] = {.service = &shop__v1__order_service__descriptor,
                                   .method = "BatchCreateOrders",
                                   .prepare = prepare_batch,
                                   .sample = sample_batch,
                                   .count = count_orders},
};

enum status bench_target_prepare(struct cli *cli, const struct bench_target_options *options,
                                 struct arena *arena, struct bench_target *target,
                                 struct failure *failure)
{
    struct bench_products *products = arena_calloc(arena, 1, sizeof(*products));
    bool given = options->product != NULL;
    size_t count = given ? 1 : (size_t)options->products;
    products->ids = arena_calloc(arena, count, sizeof(products->ids[0]));
    assert(products->ids != NULL);
    products->count = count;
    products->lines = (size_t)options->lines;
    products->clock = cli->environment->clock;
    *target = TARGETS[options->method];
    target->context = products;
    products->batch = (size_t)options->batch;
    if (options->method == BENCH_CREATE_ORDER) {
        target->slot_bytes = order_bytes(products);
    }
    if (options->method == BENCH_BATCH_CREATE_ORDERS) {
        target->slot_bytes = sizeof(Shop__V1__BatchCreateOrdersRequest) +
                             products->batch * (sizeof(void *) + order_bytes(products));
    }
    if (options->method == BENCH_HEALTH) {
        return STATUS_OK;
    }
    if (given) {
        snprintf(products->ids[0], BENCH_PRODUCT_ID_BYTES, "%s", options->product);
        return STATUS_OK;
    }
    return make_products(cli, products, failure);
}

/* bench-<uuid>-<number>: no two runs share one. */
static enum status make_products(struct cli *cli, struct bench_products *products,
                                 struct failure *failure)
{
    struct uuid run = uuid_v7(products->clock);
    char run_text[UUID_TEXT_BYTES];
    uuid_print(&run, run_text);
    for (size_t i = 0; i < products->count; i++) {
        char *id = products->ids[i];
        snprintf(id, BENCH_PRODUCT_ID_BYTES, "bench-%.26s-%04zu", run_text, i);
        char name[] = "Bench product";
        char currency[] = "USD";
        Shop__V1__Product product = SHOP__V1__PRODUCT__INIT;
        Shop__V1__CreateProductRequest request = SHOP__V1__CREATE_PRODUCT_REQUEST__INIT;
        product.product_id = id;
        product.display_name = name;
        product.currency = currency;
        product.unit_price_minor = 100 + (int64_t)i;
        request.request_id = id;
        request.product = &product;
        request.on_hand = SHOP_STOCK_MAX;
        ProtobufCMessage *response;
        arena_reset(&cli->arena);
        enum status status = cli_call(cli, &shop__v1__product_service__descriptor, "CreateProduct",
                                      &request.base, &response, failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static const ProtobufCMessage *prepare_health(void *context, struct bench_slot *slot)
{
    (void)context;
    Grpc__Health__V1__HealthCheckRequest *request = bench_slot_memory(slot);
    if (request->base.descriptor == NULL) {
        grpc__health__v1__health_check_request__init(request);
    }
    return &request->base;
}

static const ProtobufCMessage *prepare_product(void *context, struct bench_slot *slot)
{
    Shop__V1__GetProductRequest *request = bench_slot_memory(slot);
    if (request->base.descriptor == NULL) {
        shop__v1__get_product_request__init(request);
    }
    request->product_id = random_product(context, slot);
    return &request->base;
}

static const ProtobufCMessage *prepare_order(void *context, struct bench_slot *slot)
{
    struct order_memory *memory = bench_slot_memory(slot);
    make_order(context, slot, memory);
    return &memory->request.base;
}

/* The message, then the pointers to its orders, then these. */
static const ProtobufCMessage *prepare_batch(void *context, struct bench_slot *slot)
{
    const struct bench_products *products = context;
    Shop__V1__BatchCreateOrdersRequest *request = bench_slot_memory(slot);
    void *pointers = request + 1;
    Shop__V1__CreateOrderRequest **orders = pointers;
    char *at = (char *)(orders + products->batch);
    if (request->base.descriptor == NULL) {
        shop__v1__batch_create_orders_request__init(request);
        request->orders = orders;
        request->n_orders = products->batch;
    }
    for (size_t i = 0; i < products->batch; i++, at += order_bytes(products)) {
        void *memory = at;
        make_order(products, slot, memory);
        orders[i] = &((struct order_memory *)memory)->request;
    }
    return &request->base;
}

static size_t order_bytes(const struct bench_products *products)
{
    return sizeof(struct order_memory) +
           products->lines * (sizeof(Shop__V1__CreateOrderLine) + sizeof(void *));
}

/* Zeroed memory, or that of an earlier order. */
static void make_order(const struct bench_products *products, struct bench_slot *slot,
                       struct order_memory *memory)
{
    Shop__V1__CreateOrderLine *lines = (Shop__V1__CreateOrderLine *)(memory + 1);
    Shop__V1__CreateOrderRequest *request = &memory->request;
    if (request->base.descriptor == NULL) {
        shop__v1__create_order_request__init(request);
        request->request_id = memory->request_id;
        request->commitment_case = SHOP__V1__CREATE_ORDER_REQUEST__COMMITMENT_CONFIRM;
        request->confirm = true; /* no holds that end after the bench */
        request->customer_id = memory->customer_id;
        void *pointers = lines + products->lines;
        request->lines = pointers;
        request->n_lines = products->lines;
        for (size_t i = 0; i < products->lines; i++) {
            shop__v1__create_order_line__init(&lines[i]);
            lines[i].quantity = 1;
            request->lines[i] = &lines[i];
        }
    }
    struct uuid request_id = uuid_v7(products->clock);
    uuid_print(&request_id, memory->request_id);
    snprintf(memory->customer_id, sizeof(memory->customer_id), "customer-%04u",
             (unsigned)bench_slot_random(slot, BENCH_CUSTOMERS));
    for (size_t i = 0; i < products->lines; i++) {
        lines[i].product_id = random_product(products, slot);
    }
}

static uint64_t count_orders(const ProtobufCMessage *response, struct bench_result *result)
{
    const Shop__V1__BatchCreateOrdersResponse *batch =
        (const Shop__V1__BatchCreateOrdersResponse *)response;
    uint64_t accepted = 0;
    for (size_t i = 0; i < batch->n_results; i++) {
        const Shop__V1__CreateOrderResult *one = batch->results[i];
        if (one->outcome_case == SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_ORDER) {
            accepted++;
        } else if (result != NULL &&
                   one->outcome_case == SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_FAILURE) {
            bench_count_failure(result, one->failure->reason, (enum status)one->failure->code);
        }
    }
    return accepted;
}

/* The last one that was accepted. */
static const char *sample_batch(const ProtobufCMessage *response)
{
    const Shop__V1__BatchCreateOrdersResponse *batch =
        (const Shop__V1__BatchCreateOrdersResponse *)response;
    for (size_t i = batch->n_results; i > 0; i--) {
        const Shop__V1__CreateOrderResult *one = batch->results[i - 1];
        if (one->outcome_case == SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_ORDER) {
            return one->order->order_id;
        }
    }
    return NULL;
}

static const char *sample_nothing(const ProtobufCMessage *response)
{
    (void)response;
    return NULL;
}

static const char *sample_order(const ProtobufCMessage *response)
{
    return ((const Shop__V1__Order *)response)->order_id;
}

static char *random_product(const struct bench_products *products, struct bench_slot *slot)
{
    return products->ids[bench_slot_random(slot, products->count)];
}
