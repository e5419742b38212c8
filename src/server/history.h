/* History: what PostgreSQL says has happened - stored events and stock adjustments.
 * Called by relay.c (which events are persisted?) and adjust_stock.c (was it asked for before?);
 * implemented in history_postgres.c. Results live in the arena given; one exchange each. */
#pragma once

#include "shop/event_codec.h"

struct postgres_link;

/* An event that is looked for. */
struct history_event {
    enum event_kind kind;
    struct uuid event_id;
    struct uuid record_id; /* order_id or adjustment_id */
    int32_t version;       /* of an order's event */

    bool persisted;
};
enum status history_find_events(struct postgres_link *link, struct history_event *events,
                                size_t count, struct arena *arena, int64_t deadline_ms,
                                struct failure *failure);

/* The adjustments among the ids that are in the ledger, in any order. request_id is "". */
enum status history_find_adjustments(struct postgres_link *link, const struct uuid *adjustment_ids,
                                     size_t count, struct arena *arena, int64_t deadline_ms,
                                     struct stock_adjustment **adjustments_out, size_t *found_out,
                                     struct failure *failure);
