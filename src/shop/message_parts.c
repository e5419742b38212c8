/* See message_parts.h. */
#include "shop/message_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMESTAMP_SECONDS_MIN (-62135596800LL)
#define TIMESTAMP_SECONDS_MAX 253402300799LL
#define SPAN_SECONDS_MAX      31556952000LL /* a thousand years: its milliseconds fit by far */

static bool put_times(const struct order *order, Shop__V1__Order *message, struct arena *arena);
static Shop__V1__OrderLine **make_lines(const struct order *order, struct arena *arena);
static struct order_line *read_lines(const Shop__V1__Order *message, struct arena *arena);

Google__Protobuf__Timestamp *parts_time(int64_t unix_us, struct arena *arena)
{
    Google__Protobuf__Timestamp *time = arena_alloc(arena, sizeof *time);
    if (time == NULL) {
        return NULL;
    }
    google__protobuf__timestamp__init(time);
    int64_t microseconds = unix_us % 1000000;
    if (microseconds < 0) {
        microseconds += 1000000;
    }
    time->seconds = (unix_us - microseconds) / 1000000;
    time->nanos = (int32_t)(microseconds * 1000);
    return time;
}

int64_t parts_unix_us(const Google__Protobuf__Timestamp *time)
{
    if (time == NULL) {
        return 0;
    }
    if (time->seconds < TIMESTAMP_SECONDS_MIN || time->seconds > TIMESTAMP_SECONDS_MAX ||
        time->nanos < 0 || time->nanos > 999999999) {
        return INT64_MAX;
    }
    return time->seconds * 1000000 + time->nanos / 1000;
}

int64_t parts_span_ms(const Google__Protobuf__Duration *span)
{
    bool in_range = span->seconds >= 0 && span->seconds <= SPAN_SECONDS_MAX && span->nanos >= 0 &&
                    span->nanos <= 999999999;
    return in_range ? span->seconds * 1000 + span->nanos / 1000000 : -1;
}

char *parts_uuid(const struct uuid *uuid, struct arena *arena)
{
    char *text = arena_alloc(arena, UUID_TEXT_BYTES);
    if (text != NULL) {
        uuid_print(uuid, text);
    }
    return text;
}

Shop__V1__Order *parts_order(const struct order *order, struct arena *arena)
{
    Shop__V1__Order *message = arena_alloc(arena, sizeof *message);
    char *etag = arena_alloc(arena, 12);
    Shop__V1__OrderLine **lines = make_lines(order, arena);
    if (message == NULL || etag == NULL || lines == NULL) {
        return NULL;
    }
    (void)snprintf(etag, 12, "%d", order->version);
    shop__v1__order__init(message);
    message->order_id = parts_uuid(&order->order_id, arena);
    message->customer_id = parts_text(order->customer_id);
    message->state = (Shop__V1__Order__State)order->state;
    message->n_lines = order->line_count;
    message->lines = lines;
    message->currency = parts_text(order->currency);
    message->total_minor = order->total_minor;
    message->order_ref = parts_text(order->order_ref);
    message->durability = (Shop__V1__Durability)order->durability;
    message->etag = etag;
    message->payment_reference = parts_text(order->payment_reference);
    return message->order_id != NULL && put_times(order, message, arena) ? message : NULL;
}

/* A time that is 0 was never: its field stays away. */
static bool put_times(const struct order *order, Shop__V1__Order *message, struct arena *arena)
{
    const struct {
        int64_t unix_us;
        Google__Protobuf__Timestamp **field;
    } times[] = {
        {order->create_time_us, &message->create_time},
        {order->placed_time_us, &message->placed_time},
        {order->expire_time_us, &message->expire_time},
        {order->confirm_time_us, &message->confirm_time},
        {order->update_time_us, &message->update_time},
    };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        if (times[i].unix_us == 0 && i >= 2) {
            continue;
        }
        *times[i].field = parts_time(times[i].unix_us, arena);
        if (*times[i].field == NULL) {
            return false;
        }
    }
    return true;
}

static Shop__V1__OrderLine **make_lines(const struct order *order, struct arena *arena)
{
    Shop__V1__OrderLine **lines = arena_alloc(arena, order->line_count * sizeof *lines);
    Shop__V1__OrderLine *line = arena_alloc(arena, order->line_count * sizeof *line);
    if (lines == NULL || line == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < order->line_count; i++, line++) {
        shop__v1__order_line__init(line);
        line->product_id = parts_text(order->lines[i].product_id);
        line->quantity = order->lines[i].quantity;
        line->unit_price_minor = order->lines[i].unit_price_minor;
        line->fulfilled_quantity = order->lines[i].fulfilled_quantity;
        line->cancelled_quantity = order->lines[i].cancelled_quantity;
        lines[i] = line;
    }
    return lines;
}

enum status parts_read_order(const Shop__V1__Order *message, struct arena *arena,
                             struct order *order_out, struct failure *failure)
{
    struct order order = {
        .customer_id = message->customer_id,
        .state = (enum order_state)message->state,
        .line_count = message->n_lines,
        .total_minor = message->total_minor,
        .create_time_us = parts_unix_us(message->create_time),
        .placed_time_us = parts_unix_us(message->placed_time),
        .order_ref = message->order_ref,
        .durability = (enum durability)message->durability,
        .version = (int32_t)strtol(message->etag, NULL, 10),
        .expire_time_us = parts_unix_us(message->expire_time),
        .confirm_time_us = parts_unix_us(message->confirm_time),
        .update_time_us = parts_unix_us(message->update_time),
        .payment_reference = message->payment_reference,
    };
    if (!uuid_parse(message->order_id, &order.order_id)) {
        return failure_set_field(failure, "order_id", "MALFORMED_ORDER", "not a UUID");
    }
    (void)snprintf(order.currency, sizeof order.currency, "%s", message->currency);
    order.lines = read_lines(message, arena);
    if (order.lines == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX",
                           "an order does not fit its arena");
    }
    *order_out = order;
    return STATUS_OK;
}

static struct order_line *read_lines(const Shop__V1__Order *message, struct arena *arena)
{
    struct order_line *lines = arena_alloc(arena, message->n_lines * sizeof *lines);
    for (size_t i = 0; lines != NULL && i < message->n_lines; i++) {
        lines[i] = (struct order_line){
            .product_id = message->lines[i]->product_id,
            .quantity = message->lines[i]->quantity,
            .has_price = true,
            .unit_price_minor = message->lines[i]->unit_price_minor,
            .fulfilled_quantity = message->lines[i]->fulfilled_quantity,
            .cancelled_quantity = message->lines[i]->cancelled_quantity,
        };
    }
    return lines;
}
