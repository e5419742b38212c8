/* See order_codec.h: what CreateOrder and the verbs are asked for. */
#include <shop/v1/order_service.pb-c.h>

#include "shop/message_parts.h"
#include "shop/order_codec.h"

static enum durability read_wait(int wait_for);
static void read_commitment(const Shop__V1__CreateOrderRequest *from,
                            struct order_request *request);
static struct verb_request *read_line_quantities(Shop__V1__LineQuantity *const *from, size_t count,
                                                 struct verb_request *request, struct arena *arena);

struct order_request *order_codec_create_request(const ProtobufCMessage *message,
                                                 struct arena *arena)
{
    const Shop__V1__CreateOrderRequest *from = (const Shop__V1__CreateOrderRequest *)message;
    struct order_request *request = arena_calloc(arena, 1, sizeof *request);
    struct order_line *lines = arena_calloc(arena, from->n_lines, sizeof *lines);
    if (request == NULL || lines == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < from->n_lines; i++) {
        const Shop__V1__CreateOrderLine *line = from->lines[i];
        lines[i].product_id = line->product_id;
        lines[i].quantity = line->quantity;
        lines[i].has_price = line->price_presence_case ==
                             SHOP__V1__CREATE_ORDER_LINE__PRICE_PRESENCE_UNIT_PRICE_MINOR;
        lines[i].unit_price_minor = lines[i].has_price ? line->unit_price_minor : 0;
    }
    request->request_id = from->request_id;
    request->customer_id = from->customer_id;
    request->lines = lines;
    request->line_count = from->n_lines;
    request->has_placed_time = from->placed_time != NULL;
    request->placed_time_us = parts_unix_us(from->placed_time);
    request->order_ref = from->order_ref;
    request->validate_only = from->validate_only;
    request->wait_for = read_wait((int)from->wait_for);
    read_commitment(from, request);
    return request;
}

/* What cannot be waited for becomes RESERVED, which no rule allows. */
static enum durability read_wait(int wait_for)
{
    if (wait_for == SHOP__V1__DURABILITY__DURABILITY_UNSPECIFIED) {
        return DURABILITY_QUEUED;
    }
    return wait_for == DURABILITY_QUEUED || wait_for == DURABILITY_PERSISTED
               ? (enum durability)wait_for
               : DURABILITY_RESERVED;
}

/* A hold that is no duration becomes one that no rule allows. */
static void read_commitment(const Shop__V1__CreateOrderRequest *from, struct order_request *request)
{
    request->confirm =
        from->commitment_case == SHOP__V1__CREATE_ORDER_REQUEST__COMMITMENT_CONFIRM &&
        from->confirm;
    request->hold_ms = SHOP_HOLD_MS_DEFAULT;
    if (from->commitment_case != SHOP__V1__CREATE_ORDER_REQUEST__COMMITMENT_HOLD) {
        return;
    }
    request->hold_ms = parts_span_ms(from->hold);
}

struct verb_request *order_codec_verb_request(const ProtobufCMessage *message, struct arena *arena)
{
    struct verb_request *request = arena_calloc(arena, 1, sizeof *request);
    if (request == NULL) {
        return NULL;
    }
    if (message->descriptor == &shop__v1__confirm_order_request__descriptor) {
        const Shop__V1__ConfirmOrderRequest *from = (const Shop__V1__ConfirmOrderRequest *)message;
        *request = (struct verb_request){.verb = ORDER_CONFIRM,
                                         .request_id = from->request_id,
                                         .order_id = from->order_id,
                                         .reason = from->payment_reference,
                                         .reacquire = from->reacquire};
        return request;
    }
    if (message->descriptor == &shop__v1__cancel_order_request__descriptor) {
        const Shop__V1__CancelOrderRequest *from = (const Shop__V1__CancelOrderRequest *)message;
        *request = (struct verb_request){.verb = ORDER_CANCEL,
                                         .request_id = from->request_id,
                                         .order_id = from->order_id,
                                         .reason = from->reason,
                                         .write_off = from->write_off};
        return read_line_quantities(from->lines, from->n_lines, request, arena);
    }
    const Shop__V1__FulfillOrderRequest *from = (const Shop__V1__FulfillOrderRequest *)message;
    *request = (struct verb_request){.verb = ORDER_FULFIL,
                                     .request_id = from->request_id,
                                     .order_id = from->order_id,
                                     .reason = from->tracking_reference};
    return read_line_quantities(from->lines, from->n_lines, request, arena);
}

static struct verb_request *read_line_quantities(Shop__V1__LineQuantity *const *from, size_t count,
                                                 struct verb_request *request, struct arena *arena)
{
    struct line_quantity *lines = arena_alloc(arena, count * sizeof *lines);
    if (lines == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        lines[i] = (struct line_quantity){from[i]->line_number, from[i]->quantity};
    }
    request->lines = lines;
    request->line_count = count;
    return request;
}
