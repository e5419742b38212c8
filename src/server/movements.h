/* Movements: a product's ledger, as the view stock_movements has it. Called by query_movements.c;
 * implemented in movements_postgres.c. Each function is one exchange; results live in the arena.
 * A page costs what it shows, and what it must pass over: at most so many orders that
 * were created, and as many changes of orders, of whatever products. */
#pragma once

#include "shop/order.h"

struct postgres_link;

/* Tens of milliseconds, with the usual lines. */
#define MOVEMENTS_LOOKS_MAX 5000

/* Where a list goes on: behind this movement, and what on_hand and reserved are there. So a page
 * goes on where the one before it ended, and needs none of what is before it. */
struct movement_position {
    int64_t event_time_us;
    struct uuid event_id;
    int32_t line_number;
    int64_t on_hand, reserved;
};

struct movement_page {
    struct stock_movement *movements; /* the oldest first */
    size_t count;
    bool more; /* `next` is set; also with fewer than wanted, or none */
    struct movement_position next;
};

/* Behind all that is before this moment. Reads all of those movements, once a list. */
enum status movements_start(struct postgres_link *link, const char *product_id, int64_t start_us,
                            struct arena *arena, int64_t deadline_ms,
                            struct movement_position *position_out, struct failure *failure);
/* Up to `most`, before end_us; a page ends early when it has looked at `looks` orders or changes.
 */
enum status movements_list(struct postgres_link *link, const char *product_id,
                           const struct movement_position *after, int64_t end_us, int32_t most,
                           int32_t looks, struct arena *arena, int64_t deadline_ms,
                           struct movement_page *page_out, struct failure *failure);
/* All of one moment. found_out false: there is no such product. stock.available is left 0. */
enum status movements_explain(struct postgres_link *link, const char *shard, const char *product_id,
                              struct arena *arena, int64_t deadline_ms,
                              struct stock_explanation *explanation_out, bool *found_out,
                              struct failure *failure);
