/* See batch_codec.h. */
#include "shop/batch_codec.h"

#include <shop/v1/order_service.pb-c.h>
#include <string.h>

#include "base/utf8.h"

static Shop__V1__CreateOrderResult *make_result(const ProtobufCMessage *order,
                                                const struct failure *failure, struct arena *arena);
static Shop__V1__OrderFailure *make_failure(const struct failure *failure, struct arena *arena);
static bool add_details(const struct failure *failure, struct arena *arena,
                        Shop__V1__OrderFailure *message);
static char *copy_text(const char *text, size_t room, struct arena *arena);

const ProtobufCMessage *const *batch_codec_requests(const ProtobufCMessage *message,
                                                    size_t *count_out, size_t *line_count_out)
{
    const Shop__V1__BatchCreateOrdersRequest *batch =
        (const Shop__V1__BatchCreateOrdersRequest *)message;
    size_t lines = 0;
    for (size_t i = 0; i < batch->n_orders; i++) {
        lines += batch->orders[i]->n_lines;
    }
    *count_out = batch->n_orders;
    *line_count_out = lines;
    return (const ProtobufCMessage *const *)batch->orders;
}

const char *batch_codec_request_id(const ProtobufCMessage *request)
{
    return ((const Shop__V1__CreateOrderRequest *)request)->request_id;
}

ProtobufCMessage *batch_codec_results(const ProtobufCMessage *const *orders,
                                      const struct failure *const *failures, size_t count,
                                      struct arena *arena)
{
    Shop__V1__BatchCreateOrdersResponse *response = arena_alloc(arena, sizeof *response);
    Shop__V1__CreateOrderResult **results = arena_calloc(arena, count, sizeof *results);
    if (response == NULL || results == NULL) {
        return NULL;
    }
    shop__v1__batch_create_orders_response__init(response);
    response->results = results;
    response->n_results = count;
    for (size_t i = 0; i < count; i++) {
        results[i] = make_result(orders[i], failures[i], arena);
        if (results[i] == NULL) {
            return NULL;
        }
    }
    return &response->base;
}

static Shop__V1__CreateOrderResult *make_result(const ProtobufCMessage *order,
                                                const struct failure *failure, struct arena *arena)
{
    Shop__V1__CreateOrderResult *result = arena_alloc(arena, sizeof *result);
    if (result == NULL) {
        return NULL;
    }
    shop__v1__create_order_result__init(result);
    if (order != NULL) {
        result->outcome_case = SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_ORDER;
        result->order = (Shop__V1__Order *)(uintptr_t)order;
        return result;
    }
    result->outcome_case = SHOP__V1__CREATE_ORDER_RESULT__OUTCOME_FAILURE;
    result->failure = make_failure(failure, arena);
    return result->failure != NULL ? result : NULL;
}

static Shop__V1__OrderFailure *make_failure(const struct failure *failure, struct arena *arena)
{
    Shop__V1__OrderFailure *message = arena_alloc(arena, sizeof *message);
    if (message == NULL) {
        return NULL;
    }
    shop__v1__order_failure__init(message);
    message->code = (int32_t)failure->code;
    message->reason = copy_text(failure->reason, sizeof failure->reason, arena);
    message->message = copy_text(failure->message, sizeof failure->message, arena);
    message->field = copy_text(failure->field, sizeof failure->field, arena);
    bool complete = message->reason != NULL && message->message != NULL && message->field != NULL &&
                    add_details(failure, arena, message);
    if (complete && failure->retry_delay_ms > 0) {
        message->retry_delay = arena_alloc(arena, sizeof *message->retry_delay);
        complete = message->retry_delay != NULL;
    }
    if (!complete) {
        return NULL;
    }
    if (message->retry_delay != NULL) {
        google__protobuf__duration__init(message->retry_delay);
        message->retry_delay->seconds = failure->retry_delay_ms / 1000;
        message->retry_delay->nanos = (int32_t)(failure->retry_delay_ms % 1000) * 1000000;
    }
    return message;
}

static bool add_details(const struct failure *failure, struct arena *arena,
                        Shop__V1__OrderFailure *message)
{
    size_t count = failure->metadata_count;
    Shop__V1__OrderFailureDetail *details = arena_calloc(arena, count, sizeof *details);
    message->details = arena_calloc(arena, count, sizeof *message->details);
    if (details == NULL || message->details == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        shop__v1__order_failure_detail__init(&details[i]);
        details[i].key =
            copy_text(failure->metadata[i].key, sizeof failure->metadata[i].key, arena);
        details[i].value =
            copy_text(failure->metadata[i].value, sizeof failure->metadata[i].value, arena);
        if (details[i].key == NULL || details[i].value == NULL) {
            return false;
        }
        message->details[i] = &details[i];
    }
    message->n_details = count;
    return true;
}

/* Text that was cut in the middle of a character is no text for protobuf. */
static char *copy_text(const char *text, size_t room, struct arena *arena)
{
    char *copy = arena_alloc(arena, strnlen(text, room) + 1);
    if (copy != NULL) {
        utf8_copy(copy, strnlen(text, room) + 1, text);
    }
    return copy;
}
