/* See order_event_codec.h. */
#include "shop/order_event_codec.h"

#include <shop/v1/order_service.pb-c.h>

#include "shop/message_parts.h"

static Shop__V1__OrderEvent *make_order_event(const struct order_event *event, struct arena *arena);

ProtobufCMessage *order_event_codec_list(const struct order_event *events, size_t count,
                                         const char *next_page_token, struct arena *arena)
{
    Shop__V1__ListOrderEventsResponse *response = arena_alloc(arena, sizeof *response);
    Shop__V1__OrderEvent **list = arena_calloc(arena, count, sizeof *list);
    if (response == NULL || list == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = make_order_event(&events[i], arena);
        if (list[i] == NULL) {
            return NULL;
        }
    }
    shop__v1__list_order_events_response__init(response);
    response->order_events = list;
    response->n_order_events = count;
    response->next_page_token = parts_text(next_page_token);
    return &response->base;
}

ProtobufCMessage *order_event_codec_followed(const struct followed_event *events, size_t count,
                                             const char *cursor, bool has_more, struct arena *arena)
{
    Shop__V1__FollowOrderEventsResponse *response = arena_alloc(arena, sizeof *response);
    Shop__V1__FollowedOrderEvent **list = arena_calloc(arena, count, sizeof *list);
    Shop__V1__FollowedOrderEvent *one = arena_calloc(arena, count, sizeof *one);
    if (response == NULL || list == NULL || one == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++, one++) {
        shop__v1__followed_order_event__init(one);
        one->order_event = make_order_event(&events[i].event, arena);
        one->cursor = parts_text(events[i].cursor);
        list[i] = one;
        if (one->order_event == NULL) {
            return NULL;
        }
    }
    shop__v1__follow_order_events_response__init(response);
    response->order_events = list;
    response->n_order_events = count;
    response->cursor = parts_text(cursor);
    response->has_more = has_more;
    return &response->base;
}

static Shop__V1__OrderEvent *make_order_event(const struct order_event *event, struct arena *arena)
{
    Shop__V1__OrderEvent *message = arena_alloc(arena, sizeof *message);
    Shop__V1__LineQuantity **list = arena_alloc(arena, event->line_count * sizeof *list);
    Shop__V1__LineQuantity *line = arena_alloc(arena, event->line_count * sizeof *line);
    if (message == NULL || list == NULL || line == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < event->line_count; i++, line++) {
        shop__v1__line_quantity__init(line);
        line->line_number = event->lines[i].line_number;
        line->quantity = event->lines[i].quantity;
        list[i] = line;
    }
    shop__v1__order_event__init(message);
    message->version = event->version;
    message->event_time = parts_time(event->event_time_us, arena);
    message->type = parts_text(event->type);
    message->from_state = (Shop__V1__Order__State)event->from_state;
    message->to_state = (Shop__V1__Order__State)event->to_state;
    message->actor = parts_text(event->actor);
    message->reason = parts_text(event->reason);
    message->lines = list;
    message->n_lines = event->line_count;
    message->order_id = parts_uuid(&event->order_id, arena);
    message->customer_id = parts_text(event->customer_id);
    return message->event_time != NULL && message->order_id != NULL ? message : NULL;
}
