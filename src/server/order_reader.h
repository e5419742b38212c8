/* Order reader: orders as PostgreSQL has them, whole, with their lines.
 * Called by create_order.c (was it asked for before?) and query_orders.c; implemented in
 * order_reader_postgres.c. Results live in the arena given; blocks up to deadline_ms. */
#pragma once

#include "shop/identity.h"
#include "shop/order.h"

struct postgres_link;

struct stored_order {
    struct order order; /* durability PERSISTED */
    uint8_t request_hash[REQUEST_HASH_BYTES];
};

/* Those of the orders that exist, sorted by order_id. One exchange. */
enum status order_reader_find(struct postgres_link *link, const struct uuid *order_ids,
                              size_t count, struct arena *arena, int64_t deadline_ms,
                              struct stored_order **orders_out, size_t *found_out,
                              struct failure *failure);
/* Binary search in that. NULL when it is not there. */
struct stored_order *order_reader_pick(struct stored_order *orders, size_t count,
                                       const struct uuid *order_id);

/* Where a page begins: behind this order. */
struct order_position {
    int64_t create_time_us;
    struct uuid order_id;
};
/* Before the newest order. */
extern const struct order_position ORDER_POSITION_NEWEST;

/* A page of orders, the newest first; fewer than `most` also when they would not fit into a
 * response (never none while there are some). *more_out: there are orders behind the last one. */
struct order_page_filter {
    const char *customer_id; /* "" = of all */
    struct order_position after;
    int32_t most;
};
enum status order_reader_list(struct postgres_link *link, const struct order_page_filter *filter,
                              struct arena *arena, int64_t deadline_ms, struct order **orders_out,
                              size_t *count_out, bool *more_out, struct failure *failure);
