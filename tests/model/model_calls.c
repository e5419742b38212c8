/* See model_calls.h. */
#include "tests/model/model_calls.h"

#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TRIES_MAX 200 /* 20 s more than the channel's own: longer than stock is loaded anew */
#define RETRY_NS  100000000

/* One order's request message and all it is made of. */
struct create_message {
    Shop__V1__CreateOrderRequest request;
    Shop__V1__CreateOrderLine lines[MODEL_LINES_MAX];
    Shop__V1__CreateOrderLine *list[MODEL_LINES_MAX];
    Google__Protobuf__Duration hold;
};

struct results {
    struct model_answer *answers;
    size_t count;
};

static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

/* ---- answers ---- */

static void read_order(const Shop__V1__Order *message, struct model_answer *answer)
{
    struct model_order *order = &answer->order;
    *order = (struct model_order){.state = (enum model_state)message->state,
                                  .version = (int32_t)strtol(message->etag, NULL, 10)};
    (void)snprintf(order->id, sizeof order->id, "%s", message->order_id);
    for (size_t i = 0; i < message->n_lines && i < MODEL_LINES_MAX; i++) {
        order->lines[order->line_count++] =
            (struct model_line){.quantity = message->lines[i]->quantity,
                                .fulfilled = message->lines[i]->fulfilled_quantity,
                                .cancelled = message->lines[i]->cancelled_quantity};
    }
}

static void on_order(const Shop__V1__Order *message, void *data)
{
    if (message != NULL) {
        read_order(message, data);
    }
}

static void on_adjusted(const Shop__V1__AdjustStockResponse *message, void *data)
{
    struct model_answer *answer = data;
    if (message != NULL) {
        (void)snprintf(answer->order.id, sizeof answer->order.id, "%s", message->adjustment_id);
    }
}

static void on_set(const Shop__V1__SetStockResponse *message, void *data)
{
    struct model_answer *answer = data;
    if (message != NULL) {
        (void)snprintf(answer->order.id, sizeof answer->order.id, "%s", message->adjustment_id);
    }
}

static void on_stock(const Shop__V1__Stock *stock, void *data)
{
    if (stock != NULL) {
        *(int64_t *)data = stock->on_hand;
    }
}

static void on_results(const Shop__V1__BatchCreateOrdersResponse *message, void *data)
{
    struct results *results = data;
    for (size_t i = 0; message != NULL && i < message->n_results && i < results->count; i++) {
        const Shop__V1__CreateOrderResult *result = message->results[i];
        struct failure *failure = &results->answers[i].failure;
        if (result->outcome_case == SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_ORDER) {
            read_order(result->order, &results->answers[i]);
            continue;
        }
        (void)failure_set(failure, (enum status)result->failure->code, result->failure->reason,
                          "%s", result->failure->message);
        for (size_t at = 0; at < result->failure->n_details; at++) {
            failure_add(failure, result->failure->details[at]->key, "%s",
                        result->failure->details[at]->value);
        }
    }
}

static void read_failure(const struct model_product *products, struct model_answer *answer)
{
    static const char *const numbers[] = {"available", "used", "quantity"};
    answer->product = -1;
    for (size_t i = 0; i < answer->failure.metadata_count; i++) {
        const char *key = answer->failure.metadata[i].key;
        const char *value = answer->failure.metadata[i].value;
        for (int at = 0; strcmp(key, "product_id") == 0 && at < MODEL_PRODUCTS; at++) {
            answer->product = strcmp(products[at].id, value) == 0 ? at : answer->product;
        }
        for (size_t at = 0; at < sizeof numbers / sizeof numbers[0]; at++) {
            answer->number =
                strcmp(key, numbers[at]) == 0 ? strtoll(value, NULL, 10) : answer->number;
        }
    }
}

/* ---- questions ---- */

static void fill_create(const struct model_product *products, const struct model_request *request,
                        struct create_message *message)
{
    shop__v1__create_order_request__init(&message->request);
    for (int i = 0; i < request->order.line_count; i++) {
        shop__v1__create_order_line__init(&message->lines[i]);
        message->lines[i].product_id = text(products[request->order.lines[i].product].id);
        message->lines[i].quantity = request->order.lines[i].quantity;
        message->list[i] = &message->lines[i];
    }
    message->request.request_id = text(request->request_id);
    message->request.customer_id = text(request->customer_id);
    message->request.lines = message->list;
    message->request.n_lines = (size_t)request->order.line_count;
    message->request.confirm = true;
    message->request.commitment_case = SHOP__V1__CREATE_ORDER_REQUEST__COMMITMENT_CONFIRM;
    if (request->hold_s > 0) {
        google__protobuf__duration__init(&message->hold);
        message->hold.seconds = request->hold_s;
        message->request.commitment_case = SHOP__V1__CREATE_ORDER_REQUEST__COMMITMENT_HOLD;
        message->request.hold = &message->hold;
    }
}

static void send_create(struct rpc_stub *stub, const struct model_product *products,
                        const struct model_request *request, struct model_answer *answer)
{
    struct create_message message;
    fill_create(products, request, &message);
    shop__v1__order_service__create_order(&stub->service, &message.request, on_order, answer);
}

static size_t fill_lines(const struct model_request *request,
                         Shop__V1__LineQuantity lines[MODEL_LINES_MAX],
                         Shop__V1__LineQuantity *list[MODEL_LINES_MAX])
{
    size_t count = 0;
    for (int i = 0; !request->change.is_whole && i < MODEL_LINES_MAX; i++) {
        if (request->change.units[i] > 0) {
            shop__v1__line_quantity__init(&lines[count]);
            lines[count].line_number = i + 1;
            lines[count].quantity = request->change.units[i];
            list[count] = &lines[count];
            count++;
        }
    }
    return count;
}

static void send_change(struct rpc_stub *stub, const struct model_request *request,
                        struct model_answer *answer)
{
    Shop__V1__LineQuantity lines[MODEL_LINES_MAX], *list[MODEL_LINES_MAX];
    size_t line_count = fill_lines(request, lines, list);
    Shop__V1__ConfirmOrderRequest confirm = SHOP__V1__CONFIRM_ORDER_REQUEST__INIT;
    Shop__V1__CancelOrderRequest cancel = SHOP__V1__CANCEL_ORDER_REQUEST__INIT;
    Shop__V1__FulfillOrderRequest fulfil = SHOP__V1__FULFILL_ORDER_REQUEST__INIT;
    char reference[24];
    (void)snprintf(reference, sizeof reference, "ref-%d", request->change.payment);
    switch (request->change.verb) {
    case MODEL_CONFIRM:
        confirm.request_id = text(request->request_id);
        confirm.order_id = text(request->order.id);
        confirm.payment_reference = reference;
        confirm.reacquire = request->change.reacquire;
        shop__v1__order_service__confirm_order(&stub->service, &confirm, on_order, answer);
        return;
    case MODEL_CANCEL:
        cancel.request_id = text(request->request_id);
        cancel.order_id = text(request->order.id);
        cancel.lines = list;
        cancel.n_lines = line_count;
        cancel.reason = reference;
        cancel.write_off = request->change.write_off;
        shop__v1__order_service__cancel_order(&stub->service, &cancel, on_order, answer);
        return;
    case MODEL_FULFIL:
        fulfil.request_id = text(request->request_id);
        fulfil.order_id = text(request->order.id);
        fulfil.lines = list;
        fulfil.n_lines = line_count;
        fulfil.tracking_reference = reference;
        shop__v1__order_service__fulfill_order(&stub->service, &fulfil, on_order, answer);
        return;
    }
}

static void send_adjust(struct rpc_stub *stub, const struct model_product *products,
                        const struct model_request *request, struct model_answer *answer)
{
    Shop__V1__AdjustStockRequest message = SHOP__V1__ADJUST_STOCK_REQUEST__INIT;
    message.request_id = text(request->request_id);
    message.product_id = text(products[request->product].id);
    message.delta = request->delta;
    message.reason = text("count");
    shop__v1__product_service__adjust_stock(&stub->service, &message, on_adjusted, answer);
}

static void send_set(struct rpc_stub *stub, const struct model_product *products,
                     const struct model_request *request, struct model_answer *answer)
{
    Shop__V1__SetStockRequest message = SHOP__V1__SET_STOCK_REQUEST__INIT;
    message.request_id = text(request->request_id);
    message.product_id = text(products[request->product].id);
    message.expected_on_hand = request->expected;
    message.value = request->expected + request->delta;
    message.reason = text("count");
    shop__v1__product_service__set_stock(&stub->service, &message, on_set, answer);
}

int64_t model_ask_on_hand(struct rpc_channel *channel, const char *product_id)
{
    Shop__V1__GetStockRequest message = SHOP__V1__GET_STOCK_REQUEST__INIT;
    struct rpc_stub stub;
    int64_t on_hand = -1;
    message.product_id = text(product_id);
    rpc_stub_init(&stub, channel, &shop__v1__product_service__descriptor);
    shop__v1__product_service__get_stock(&stub.service, &message, on_stock, &on_hand);
    return on_hand;
}

static void send_get(struct rpc_stub *stub, const struct model_request *request,
                     struct model_answer *answer)
{
    Shop__V1__GetOrderRequest message = SHOP__V1__GET_ORDER_REQUEST__INIT;
    message.order_id = text(request->order.id);
    shop__v1__order_service__get_order(&stub->service, &message, on_order, answer);
}

static void send_one(struct rpc_channel *channel, const struct model_product *products,
                     const struct model_request *request, struct model_answer *answer)
{
    struct rpc_stub stub;
    rpc_stub_init(&stub, channel,
                  request->kind == MODEL_ADJUST || request->kind == MODEL_SET
                      ? &shop__v1__product_service__descriptor
                      : &shop__v1__order_service__descriptor);
    switch (request->kind) {
    case MODEL_CREATE:
        send_create(&stub, products, request, answer);
        break;
    case MODEL_CHANGE:
        send_change(&stub, request, answer);
        break;
    case MODEL_ADJUST:
        send_adjust(&stub, products, request, answer);
        break;
    case MODEL_SET:
        send_set(&stub, products, request, answer);
        break;
    case MODEL_GET:
        send_get(&stub, request, answer);
        break;
    }
    answer->failure = stub.failure;
}

/* Nothing was done, or nobody knows: the same again is the way to find out. */
static bool may_ask_again(const struct failure *failure)
{
    if (strcmp(failure->reason, "STOCK_CHANGED") == 0) {
        return false; /* it would be refused for ever: the expected number is part of it */
    }
    return failure->code == STATUS_UNAVAILABLE || failure->code == STATUS_UNKNOWN ||
           failure->code == STATUS_DEADLINE_EXCEEDED || failure->code == STATUS_ABORTED ||
           failure->code == STATUS_RESOURCE_EXHAUSTED;
}

void model_ask(struct rpc_channel *const channels[2], unsigned turn,
               const struct model_product *products, const struct model_request *request,
               struct model_answer *answer)
{
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        memset(answer, 0, sizeof *answer);
        send_one(channels[(turn + tries) % 2], products, request, answer);
        if (!may_ask_again(&answer->failure)) {
            break;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
    }
    read_failure(products, answer);
}

static void send_batch(struct rpc_channel *channel, Shop__V1__CreateOrderRequest **list,
                       size_t count, struct model_answer *answers)
{
    struct results results = {answers, count};
    struct rpc_stub stub;
    Shop__V1__BatchCreateOrdersRequest message = SHOP__V1__BATCH_CREATE_ORDERS_REQUEST__INIT;
    message.orders = list;
    message.n_orders = count;
    memset(answers, 0, count * sizeof *answers);
    rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);
    shop__v1__order_service__batch_create_orders(&stub.service, &message, on_results, &results);
    for (size_t i = 0; stub.failure.code != STATUS_OK && i < count; i++) {
        answers[i].failure = stub.failure;
    }
}

void model_ask_batch(struct rpc_channel *const channels[2], unsigned turn,
                     const struct model_product *products, const struct model_request *requests,
                     size_t count, struct model_answer *answers)
{
    struct create_message messages[MODEL_BATCH_MAX];
    Shop__V1__CreateOrderRequest *list[MODEL_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        fill_create(products, &requests[i], &messages[i]);
        list[i] = &messages[i].request;
    }
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        bool again = false;
        send_batch(channels[(turn + tries) % 2], list, count, answers);
        for (size_t i = 0; i < count; i++) {
            again = again || may_ask_again(&answers[i].failure);
        }
        if (!again) {
            break;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
    }
    for (size_t i = 0; i < count; i++) {
        read_failure(products, &answers[i]);
    }
}
