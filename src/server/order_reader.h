/* Order reader: orders as PostgreSQL has them, whole, with their lines.
 * Called by create_order.c (was it asked for before?), load_orders.c and the order queries;
 * implemented in order_reader_postgres.c, order_list_postgres.c and
 * order_events_postgres.c. Results live in the arena
 * given; blocks up to deadline_ms. */
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

/* At most so many orders are looked at for one page, whether they match or not: what keeps a page
 * with few matches as quick as any other. 10,000 take 5 to 50 ms (docs/LISTS.md). */
#define ORDER_PAGE_SCAN_MAX 10000

/* A page of orders, the newest first. Fewer than `most`, also none, when ORDER_PAGE_SCAN_MAX were
 * looked at, or when they would not fit into a response. *more_out: the list goes on behind
 * *next_out. */
struct order_page_filter {
    struct order_filter asked;
    struct order_position after;
    int32_t most;
};
struct order_page {
    struct order *orders;
    size_t count;
    bool more;
    struct order_position next;
};
/* Where the first page of this filter begins. */
struct order_position order_reader_first(const struct order_filter *filter);
enum status order_reader_list(struct postgres_link *link, const struct order_page_filter *filter,
                              struct arena *arena, int64_t deadline_ms, struct order_page *page_out,
                              struct failure *failure);

/* Up to `most` of the order's events behind the version `after`, the oldest first. What waits for
 * the one before it, or was refused, is none yet. */
enum status order_reader_events(struct postgres_link *link, const struct uuid *order_id,
                                int32_t after, int32_t most, struct arena *arena,
                                int64_t deadline_ms, struct order_event **events_out,
                                size_t *count_out, struct failure *failure);

/* A place in the feed of all orders' events: a worker's transaction, and an event of it. {0}:
 * before the first. */
struct feed_position {
    int64_t xid;
    int64_t place; /* from 1; 0 = before the first */
};
/* "00000000000a1b2c-00ff": positions compare as these texts do. NULL when the arena is full. */
const char *feed_position_print(const struct feed_position *position, struct arena *arena);
bool feed_position_parse(const char *text, struct feed_position *position_out);

/* Up to `most` events behind `after`, in the order in which PostgreSQL got them; what a transaction
 * that still runs may precede is none yet. *is_kept_out: nothing between was forgotten. */
enum status order_reader_follow(struct postgres_link *link, const struct feed_position *after,
                                int32_t most, struct arena *arena, int64_t deadline_ms,
                                struct followed_event **events_out, size_t *count_out,
                                bool *is_kept_out, struct failure *failure);
/* Behind the last one. */
enum status order_reader_feed_end(struct postgres_link *link, int64_t deadline_ms,
                                  struct feed_position *end_out, struct failure *failure);
