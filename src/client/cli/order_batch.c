/* See order_batch.h. */
#include "client/cli/order_batch.h"

#include <assert.h>
#include <stdio.h>

#include "client/client_call.h"

static void set_placed_time(struct arena *arena, int64_t placed_time_us,
                            Shop__V1__CreateOrderRequest *message);
static void copy_lines(const struct order_request *order, struct arena *arena,
                       Shop__V1__CreateOrderRequest *message);

bool order_batch_has_room(const struct order_batch *batch, const struct order_request *order)
{
    return batch->count < ORDER_BATCH_ORDERS_MAX &&
           (batch->count == 0 || batch->line_count + order->line_count <= ORDER_BATCH_LINES_MAX);
}

void order_batch_add(struct order_batch *batch, struct arena *arena,
                     const struct order_request *order, size_t line)
{
    Shop__V1__CreateOrderRequest *message = arena_alloc(arena, sizeof(*message));
    assert(message != NULL && batch->count < ORDER_BATCH_ORDERS_MAX); /* a job has room */
    shop__v1__create_order_request__init(message);
    message->request_id = import_request_id(arena, "import-order-", &order->order_ref, 1);
    message->customer_id = arena_strdup(arena, order->customer_id);
    message->commitment_case = SHOP__V1__CREATE_ORDER_REQUEST__COMMITMENT_CONFIRM;
    message->confirm = true; /* they were agreed on elsewhere */
    message->order_ref = arena_strdup(arena, order->order_ref);
    if (order->has_placed_time) {
        set_placed_time(arena, order->placed_time_us, message);
    }
    copy_lines(order, arena, message);
    if (batch->count == 0) {
        shop__v1__batch_create_orders_request__init(&batch->request);
        batch->request.orders = batch->requests;
    }
    batch->orders[batch->count] = (struct import_subject){line, message->order_ref};
    batch->requests[batch->count++] = message;
    batch->request.n_orders = batch->count;
    batch->line_count += order->line_count;
}

static void set_placed_time(struct arena *arena, int64_t placed_time_us,
                            Shop__V1__CreateOrderRequest *message)
{
    message->placed_time = arena_alloc(arena, sizeof(*message->placed_time));
    assert(message->placed_time != NULL);
    google__protobuf__timestamp__init(message->placed_time);
    int64_t micros = placed_time_us % 1000000;
    micros += micros < 0 ? 1000000 : 0;
    message->placed_time->seconds = (placed_time_us - micros) / 1000000;
    message->placed_time->nanos = (int32_t)(micros * 1000);
}

static void copy_lines(const struct order_request *order, struct arena *arena,
                       Shop__V1__CreateOrderRequest *message)
{
    Shop__V1__CreateOrderLine *lines = arena_calloc(arena, order->line_count, sizeof(lines[0]));
    message->lines = arena_calloc(arena, order->line_count, sizeof(message->lines[0]));
    message->n_lines = order->line_count;
    assert(lines != NULL && message->lines != NULL); /* a job has room for the largest order */
    for (size_t i = 0; i < order->line_count; i++) {
        const struct order_line *line = &order->lines[i];
        shop__v1__create_order_line__init(&lines[i]);
        lines[i].product_id = arena_strdup(arena, line->product_id);
        lines[i].quantity = line->quantity;
        if (line->has_price) {
            lines[i].price_presence_case =
                SHOP__V1__CREATE_ORDER_LINE__PRICE_PRESENCE_UNIT_PRICE_MINOR;
            lines[i].unit_price_minor = line->unit_price_minor;
        }
        message->lines[i] = &lines[i];
    }
}

bool order_batch_is_unfinished(struct window_job *job)
{
    const Shop__V1__BatchCreateOrdersResponse *response =
        (const Shop__V1__BatchCreateOrdersResponse *)job->response;
    for (size_t i = 0; i < response->n_results; i++) {
        const Shop__V1__CreateOrderResult *result = response->results[i];
        if (result->outcome_case == SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_FAILURE &&
            client_may_retry((enum status)result->failure->code)) {
            order_failure_read(result->failure, &job->failure);
            return true;
        }
    }
    return false;
}

void order_failure_read(const Shop__V1__OrderFailure *message, struct failure *failure_out)
{
    (void)failure_set(failure_out, (enum status)message->code, message->reason, "%s",
                      message->message);
    (void)snprintf(failure_out->field, sizeof(failure_out->field), "%s", message->field);
    for (size_t i = 0; i < message->n_details; i++) {
        failure_add(failure_out, message->details[i]->key, "%s", message->details[i]->value);
    }
    if (message->retry_delay != NULL) {
        failure_out->retry_delay_ms =
            message->retry_delay->seconds * 1000 + message->retry_delay->nanos / 1000000;
    }
}
