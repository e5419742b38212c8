/* The toy shop's orders. */
#include <shop/v1/order_service.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "toy_shop_inside.h"

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
    toy_set_time(message->create_time, order->create_time_us);
    toy_set_time(message->placed_time, order->placed_time_s * 1000000);
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

static bool reserve(const Shop__V1__CreateOrderRequest *request, struct failure *failure)
{
    for (size_t i = 0; i < request->n_lines; i++) {
        struct toy_product *product = toy_find_product(request->lines[i]->product_id);
        if (product == NULL) {
            failure_set(failure, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND", "no such product");
            return false;
        }
        if (product->on_hand - product->reserved < request->lines[i]->quantity) {
            failure_set(failure, STATUS_FAILED_PRECONDITION, "OUT_OF_STOCK", "too few of %s",
                        product->product_id);
            failure_add(failure, "product_id", "%s", product->product_id);
            failure_add(failure, "available", "%d", (int)(product->on_hand - product->reserved));
            return false;
        }
    }
    for (size_t i = 0; i < request->n_lines; i++) {
        toy_find_product(request->lines[i]->product_id)->reserved += request->lines[i]->quantity;
    }
    return true;
}

/* NULL and a failure when it is refused. */
static struct toy_order *accept_order(const Shop__V1__CreateOrderRequest *request,
                                      struct failure *failure)
{
    struct toy_order *order = find_order(request->request_id);
    if (order != NULL) {
        return order;
    }
    if (!reserve(request, failure)) {
        return NULL;
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
    return order;
}

void toy_create_order(struct rpc_call *call)
{
    struct failure failure;
    struct toy_order *order =
        accept_order((const Shop__V1__CreateOrderRequest *)rpc_call_request(call), &failure);
    if (order == NULL) {
        rpc_fail(call, &failure);
        return;
    }
    Shop__V1__Order message;
    fill_order(call, &message, order);
    toy_answer(call, &message.base);
}

static void fill_failure(struct arena *arena, const struct failure *failure,
                         Shop__V1__CreateOrderResult *result)
{
    Shop__V1__OrderFailureDetail *details =
        arena_calloc(arena, failure->metadata_count, sizeof(details[0]));
    result->outcome_case = SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_FAILURE;
    result->failure = arena_calloc(arena, 1, sizeof(*result->failure));
    shop__v1__order_failure__init(result->failure);
    result->failure->code = (int32_t)failure->code;
    result->failure->reason = arena_strdup(arena, failure->reason);
    result->failure->message = arena_strdup(arena, failure->message);
    result->failure->details = arena_calloc(arena, failure->metadata_count, sizeof(void *));
    result->failure->n_details = failure->metadata_count;
    for (size_t i = 0; i < failure->metadata_count; i++) {
        shop__v1__order_failure_detail__init(&details[i]);
        details[i].key = arena_strdup(arena, failure->metadata[i].key);
        details[i].value = arena_strdup(arena, failure->metadata[i].value);
        result->failure->details[i] = &details[i];
    }
}

void toy_batch_create_orders(struct rpc_call *call)
{
    const Shop__V1__BatchCreateOrdersRequest *request =
        (const Shop__V1__BatchCreateOrdersRequest *)rpc_call_request(call);
    struct arena *arena = rpc_call_arena(call);
    Shop__V1__BatchCreateOrdersResponse response = SHOP__V1__BATCH_CREATE_ORDERS_RESPONSE__INIT;
    Shop__V1__CreateOrderResult *results =
        arena_calloc(arena, request->n_orders, sizeof(results[0]));
    response.results = arena_calloc(arena, request->n_orders, sizeof(response.results[0]));
    response.n_results = request->n_orders;
    atomic_fetch_add(&the_shop->batches, 1);
    for (size_t i = 0; i < request->n_orders; i++) {
        struct failure failure;
        struct toy_order *order = NULL;
        shop__v1__create_order_result__init(&results[i]);
        response.results[i] = &results[i];
        if (atomic_load(&the_shop->fail_next_orders) > 0) {
            atomic_fetch_sub(&the_shop->fail_next_orders, 1);
            failure_set(&failure, the_shop->fail_code, "TOLD_TO", "told to fail");
        } else {
            order = accept_order(request->orders[i], &failure);
        }
        if (order == NULL) {
            fill_failure(arena, &failure, &results[i]);
            continue;
        }
        results[i].outcome_case = SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_ORDER;
        results[i].order = arena_calloc(arena, 1, sizeof(*results[i].order));
        fill_order(call, results[i].order, order);
    }
    toy_answer(call, &response.base);
}

void toy_get_order(struct rpc_call *call)
{
    const Shop__V1__GetOrderRequest *request =
        (const Shop__V1__GetOrderRequest *)rpc_call_request(call);
    struct toy_order *order = find_order(request->order_id);
    if (order == NULL) {
        toy_fail_call(call, STATUS_NOT_FOUND, "ORDER_NOT_FOUND", "no such order");
        return;
    }
    order->reads++;
    Shop__V1__Order message;
    fill_order(call, &message, order);
    toy_answer(call, &message.base);
}

void toy_list_orders(struct rpc_call *call)
{
    const Shop__V1__ListOrdersRequest *request =
        (const Shop__V1__ListOrdersRequest *)rpc_call_request(call);
    size_t first;
    char next[24];
    size_t count =
        toy_cut_page(request->page_size, request->page_token, the_shop->order_count, &first, next);
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
    toy_answer(call, &response.base);
}

/* What it was asked for, readable: "ConfirmOrder pay-1". */
void toy_change_order(struct rpc_call *call)
{
    const ProtobufCMessage *message = rpc_call_request(call);
    const char *order_id;
    char told[TOY_TEXT_BYTES];
    if (message->descriptor == &shop__v1__confirm_order_request__descriptor) {
        const Shop__V1__ConfirmOrderRequest *confirm =
            (const Shop__V1__ConfirmOrderRequest *)message;
        order_id = confirm->order_id;
        snprintf(told, sizeof(told), "confirm %s %d", confirm->payment_reference,
                 confirm->reacquire);
    } else if (message->descriptor == &shop__v1__cancel_order_request__descriptor) {
        const Shop__V1__CancelOrderRequest *cancel = (const Shop__V1__CancelOrderRequest *)message;
        order_id = cancel->order_id;
        snprintf(told, sizeof(told), "cancel %zu %s %d", cancel->n_lines, cancel->reason,
                 cancel->write_off);
    } else {
        const Shop__V1__FulfillOrderRequest *fulfil =
            (const Shop__V1__FulfillOrderRequest *)message;
        order_id = fulfil->order_id;
        snprintf(told, sizeof(told), "fulfil %d=%d %s",
                 fulfil->n_lines > 0 ? (int)fulfil->lines[0]->line_number : 0,
                 fulfil->n_lines > 0 ? (int)fulfil->lines[0]->quantity : 0,
                 fulfil->tracking_reference);
    }
    struct toy_order *order = find_order(order_id);
    if (order == NULL) {
        toy_fail_call(call, STATUS_NOT_FOUND, "ORDER_NOT_FOUND", "no such order");
        return;
    }
    Shop__V1__Order answer;
    fill_order(call, &answer, order);
    answer.payment_reference = told;
    toy_answer(call, &answer.base);
}

void toy_list_events(struct rpc_call *call)
{
    Shop__V1__ListOrderEventsResponse response = SHOP__V1__LIST_ORDER_EVENTS_RESPONSE__INIT;
    Shop__V1__OrderEvent event = SHOP__V1__ORDER_EVENT__INIT;
    Shop__V1__OrderEvent *events[] = {&event};
    char type[] = "order.created", actor[] = "local";
    event.version = 1;
    event.type = type;
    event.actor = actor;
    event.to_state = SHOP__V1__ORDER__STATE__STATE_PENDING;
    response.order_events = events;
    response.n_order_events = 1;
    toy_answer(call, &response.base);
}
