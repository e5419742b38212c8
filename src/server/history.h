/* History: what PostgreSQL says has happened - stored events and stock adjustments.
 * Called by relay_round.c and failover.c (which events are persisted?) and adjust_stock.c (was it
 * asked for before?); implemented in history_postgres.c and, what needs no PostgreSQL, history.c.
 * Results live in the arena given; one exchange each. */
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
/* What an event of the outbox is looked for by. False when it cannot be read (it is logged). */
bool history_event_read(struct bytes encoded, struct arena *arena, struct history_event *event_out);
enum status history_find_events(struct postgres_link *link, struct history_event *events,
                                size_t count, struct arena *arena, int64_t deadline_ms,
                                struct failure *failure);

/* The same by event_id and record_id alone, for changes of orders whose version is not known. */
enum status history_find_changes(struct postgres_link *link, struct history_event *events,
                                 size_t count, struct arena *arena, int64_t deadline_ms,
                                 struct failure *failure);

/* The adjustments among the ids that are in the ledger, in any order. request_id is "". */
enum status history_find_adjustments(struct postgres_link *link, const struct uuid *adjustment_ids,
                                     size_t count, struct arena *arena, int64_t deadline_ms,
                                     struct stock_adjustment **adjustments_out, size_t *found_out,
                                     struct failure *failure);
