/* Movements: a product's ledger, as the view stock_movements has it. Called by query_movements.c;
 * implemented in movements_postgres.c. Each function is one exchange; results live in the arena. */
#pragma once

#include "shop/order.h"

struct postgres_link;

/* Where a list goes on: behind this one. */
struct movement_position {
    int64_t event_time_us;
    struct uuid event_id;
    int32_t line_number;
};

/* The oldest first, up to `most`, of [start_us, end_us). */
enum status movements_list(struct postgres_link *link, const char *product_id,
                           const struct movement_position *after, int64_t start_us, int64_t end_us,
                           int32_t most, struct arena *arena, int64_t deadline_ms,
                           struct stock_movement **movements_out, size_t *count_out,
                           struct failure *failure);
/* All of one moment. found_out false: there is no such product. stock.available is left 0. */
enum status movements_explain(struct postgres_link *link, const char *shard, const char *product_id,
                              struct arena *arena, int64_t deadline_ms,
                              struct stock_explanation *explanation_out, bool *found_out,
                              struct failure *failure);
