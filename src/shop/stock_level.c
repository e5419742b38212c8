/* See stock_level.h. */
#include "shop/stock_level.h"

#include <shop/v1/events.pb-c.h>

#include "rpc/message.h"
#include "shop/message_parts.h"

static bool is_low(struct stock_level level)
{
    return level.available <= level.threshold;
}

enum stock_crossing stock_level_crossing(struct stock_level before, struct stock_level after)
{
    if (is_low(before) == is_low(after)) {
        return STOCK_NOT_CROSSED;
    }
    return is_low(after) ? STOCK_LOW : STOCK_BACK;
}

struct bytes stock_notice_encode(const struct stock_notice *notice, struct arena *arena)
{
    Shop__V1__Event message = SHOP__V1__EVENT__INIT;
    Shop__V1__StockLevel level = SHOP__V1__STOCK_LEVEL__INIT;
    level.kind = (Shop__V1__StockLevel__Kind)notice->crossing;
    level.product_id = parts_text(notice->product_id);
    level.available = notice->level.available;
    level.low_stock_threshold = notice->level.threshold;
    message.event_id = parts_uuid(&notice->event_id, arena);
    message.event_time = parts_time(notice->event_time_us, arena);
    message.epoch = notice->epoch;
    message.change_case = SHOP__V1__EVENT__CHANGE_STOCK_LEVEL;
    message.stock_level = &level;
    if (message.event_id == NULL || message.event_time == NULL) {
        return (struct bytes){0};
    }
    return message_encode(&message.base, arena);
}
