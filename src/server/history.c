/* History, what needs no PostgreSQL. See history.h. */
#include "server/history.h"

#include "base/log.h"

bool history_event_read(struct bytes encoded, struct arena *arena, struct history_event *event_out)
{
    struct event *event;
    struct failure failure;
    if (event_codec_decode(encoded, arena, &event, &failure) != STATUS_OK) {
        log_line(LOG_ERROR, "an event of the outbox is unreadable", "reason", failure.reason,
                 "message", failure.message, NULL);
        return false;
    }
    *event_out = (struct history_event){.kind = event->kind, .event_id = event->event_id};
    switch (event->kind) {
    case EVENT_ORDER_CREATED:
        event_out->record_id = event->order.order_id;
        event_out->version = event->order.version;
        return true;
    case EVENT_ORDER_CONFIRMED:
    case EVENT_ORDER_CANCELLED:
    case EVENT_ORDER_EXPIRED:
    case EVENT_ORDER_FULFILLED:
        event_out->record_id = event->order.order_id;
        event_out->version = event->change.version;
        return true;
    case EVENT_STOCK_ADJUSTED:
        event_out->record_id = event->adjustment.adjustment_id;
        return true;
    }
    return false;
}
