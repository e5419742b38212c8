/* What SetStock, ListStockMovements and ExplainStock say. See product_codec.h. */
#include <shop/v1/product_service.pb-c.h>

#include "shop/message_parts.h"
#include "shop/product_codec.h"

static Shop__V1__StockMovement *make_movement(const struct stock_movement *movement,
                                              struct arena *arena);
static bool adds_up(const struct stock_explanation *explanation, int64_t in_flight);

ProtobufCMessage *product_codec_set(const struct stock_adjustment *adjustment,
                                    enum durability durability, struct arena *arena)
{
    Shop__V1__SetStockResponse *response = arena_alloc(arena, sizeof *response);
    char *id =
        adjustment->delta != 0 ? parts_uuid(&adjustment->adjustment_id, arena) : parts_text("");
    if (response == NULL || id == NULL) {
        return NULL;
    }
    shop__v1__set_stock_response__init(response);
    response->product_id = parts_text(adjustment->product_id);
    response->on_hand = adjustment->value;
    response->delta = adjustment->delta;
    response->durability = (Shop__V1__Durability)durability;
    response->adjustment_id = id;
    return &response->base;
}

struct movements_request product_codec_movements_request(const ProtobufCMessage *message)
{
    const Shop__V1__ListStockMovementsRequest *from =
        (const Shop__V1__ListStockMovementsRequest *)message;
    return (struct movements_request){
        .product_id = from->product_id,
        .page_size = from->page_size,
        .page_token = from->page_token,
        .start_us = parts_unix_us(from->start_time),
        .end_us = parts_unix_us(from->end_time),
    };
}

ProtobufCMessage *product_codec_movements(const struct stock_movement *movements, size_t count,
                                          const char *next_page_token, struct arena *arena)
{
    Shop__V1__ListStockMovementsResponse *response = arena_alloc(arena, sizeof *response);
    Shop__V1__StockMovement **list = arena_calloc(arena, count, sizeof *list);
    if (response == NULL || list == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = make_movement(&movements[i], arena);
        if (list[i] == NULL) {
            return NULL;
        }
    }
    shop__v1__list_stock_movements_response__init(response);
    response->movements = list;
    response->n_movements = count;
    response->next_page_token = parts_text(next_page_token);
    return &response->base;
}

static Shop__V1__StockMovement *make_movement(const struct stock_movement *movement,
                                              struct arena *arena)
{
    Shop__V1__StockMovement *message = arena_alloc(arena, sizeof *message);
    if (message == NULL) {
        return NULL;
    }
    shop__v1__stock_movement__init(message);
    message->event_id = parts_uuid(&movement->event_id, arena);
    message->event_time = parts_time(movement->event_time_us, arena);
    message->cause = parts_text(movement->cause);
    if (movement->has_order) {
        message->order_id = parts_uuid(&movement->order_id, arena);
        message->line_number = movement->line_number;
    }
    message->delta_on_hand = movement->delta_on_hand;
    message->delta_reserved = movement->delta_reserved;
    message->on_hand_before = movement->on_hand_after - movement->delta_on_hand;
    message->on_hand_after = movement->on_hand_after;
    message->reserved_before = movement->reserved_after - movement->delta_reserved;
    message->reserved_after = movement->reserved_after;
    message->actor = parts_text(movement->actor);
    message->reason = parts_text(movement->reason);
    message->reference = parts_text(movement->reference);
    return message->event_id != NULL && message->event_time != NULL && message->order_id != NULL
               ? message
               : NULL;
}

const char *product_codec_explain_request(const ProtobufCMessage *message)
{
    return ((const Shop__V1__ExplainStockRequest *)message)->product_id;
}

ProtobufCMessage *product_codec_explanation(const struct stock_explanation *explanation,
                                            struct arena *arena)
{
    size_t count = explanation->cause_count;
    const struct stock *stock = &explanation->stock;
    Shop__V1__ExplainStockResponse *response = arena_alloc(arena, sizeof *response);
    Shop__V1__StockCause **list = arena_calloc(arena, count, sizeof *list);
    Shop__V1__StockCause *causes = arena_calloc(arena, count, sizeof *causes);
    ProtobufCMessage *shown = product_codec_stock(stock, arena);
    if (response == NULL || list == NULL || causes == NULL || shown == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        shop__v1__stock_cause__init(&causes[i]);
        causes[i].cause = parts_text(explanation->causes[i].cause);
        causes[i].movements = explanation->causes[i].movements;
        causes[i].on_hand = explanation->causes[i].on_hand;
        causes[i].reserved = explanation->causes[i].reserved;
        list[i] = &causes[i];
    }
    shop__v1__explain_stock_response__init(response);
    response->stock = (Shop__V1__Stock *)shown;
    response->causes = list;
    response->n_causes = count;
    response->unapplied = explanation->unapplied;
    response->in_flight = stock->on_hand - stock->reserved - stock->safety_stock -
                          explanation->unapplied - stock->available;
    response->adds_up = adds_up(explanation, response->in_flight);
    return &response->base;
}

static bool adds_up(const struct stock_explanation *explanation, int64_t in_flight)
{
    int64_t on_hand = 0, reserved = 0;
    for (size_t i = 0; i < explanation->cause_count; i++) {
        on_hand += explanation->causes[i].on_hand;
        reserved += explanation->causes[i].reserved;
    }
    return on_hand == explanation->stock.on_hand && reserved == explanation->stock.reserved &&
           in_flight >= 0;
}
