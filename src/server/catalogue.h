/* Catalogue: products and their stock rows as PostgreSQL has them.
 * Called by find_products.c, create_product.c and the product and stock queries; implemented in
 * catalogue_postgres.c. Each function is one exchange; results live in the arena given. A full
 * arena is RESOURCE_EXHAUSTED. Blocks up to deadline_ms (monotonic). */
#pragma once

#include "shop/order.h"

struct postgres_link;

/* The products among `ids` that exist, sorted by product_id (bytes); ids may repeat. */
enum status catalogue_find(struct postgres_link *link, const char *const *ids, size_t count,
                           struct arena *arena, int64_t deadline_ms, struct product **products_out,
                           size_t *found_out, struct failure *failure);
/* Up to `most` products behind `after` ("" = from the first), in PostgreSQL's order of product_id;
 * deleted ones only when asked for. */
enum status catalogue_list(struct postgres_link *link, const char *after, int32_t most,
                           bool with_deleted, struct arena *arena, int64_t deadline_ms,
                           struct product **products_out, size_t *count_out,
                           struct failure *failure);
/* The same for stock; `available` is left 0, it is Redis' to say. */
enum status catalogue_find_stock(struct postgres_link *link, const char *const *ids, size_t count,
                                 struct arena *arena, int64_t deadline_ms, struct stock **stock_out,
                                 size_t *found_out, struct failure *failure);
enum status catalogue_list_stock(struct postgres_link *link, const char *after, int32_t most,
                                 struct arena *arena, int64_t deadline_ms, struct stock **stock_out,
                                 size_t *count_out, struct failure *failure);

/* Binary search in what the find functions return. NULL when it is not there. */
const struct product *catalogue_pick(const struct product *products, size_t count,
                                     const char *product_id);
const struct stock *catalogue_pick_stock(const struct stock *stock, size_t count,
                                         const char *product_id);

/* A row that starts with the columns of CATALOGUE_PRODUCT_COLUMNS; false when the arena is full.
 * For the two files that implement this. */
struct postgres_result;
bool catalogue_read_product(const struct postgres_result *result, size_t row, struct arena *arena,
                            struct product *product_out);
#define CATALOGUE_PRODUCT_COLUMNS                                                              \
    "p.product_id, p.display_name, p.unit_price_minor, p.currency, p.version, p.create_time, " \
    "p.update_time, p.state, p.max_per_order, p.max_per_customer, p.limit_window_ms, "         \
    "p.limit_since, p.sale_start_time, p.sale_end_time, coalesce(s.safety_stock, 0), "         \
    "coalesce(s.low_stock_threshold, 0)"
#define CATALOGUE_PRODUCT_TABLES       "products p LEFT JOIN stock s USING (product_id)"
#define CATALOGUE_PRODUCT_COLUMN_COUNT 16

/* A product to be created. */
struct new_product {
    const struct product_request *request;
    uint8_t request_hash[16];
    struct uuid entry_id; /* of the ledger entry "initial" */
    struct uuid event_id;
    const char *actor;
    int64_t now_us;

    bool created; /* now; otherwise it was there */
    struct product product;
    const char *stored_request_id; /* which request made it, now or then */
    uint8_t stored_hash[16];
    int64_t delta_id; /* created: what Redis has to be told, in this epoch */
    int64_t delta_epoch;
};

/* One transaction for all: product, stock, ledger entry and delta, where there is no such product.
 * Sorted by product_id (bytes), each once.
 * FAILED_PRECONDITION CONSTRAINT (nothing was done): an entry_id is taken, that is, a request_id
 * was used for another change. */
enum status catalogue_create(struct postgres_link *link, const char *shard,
                             struct new_product *products, size_t count, struct arena *arena,
                             int64_t deadline_ms, struct failure *failure);
/* A product under the lock of its rows, in a transaction that goes on: nobody else changes it or
 * its stock, and no epoch begins. Ends with catalogue_update or catalogue_unlock. */
struct product_lock {
    struct product product;
    int64_t on_hand, reserved;
    int64_t epoch;
    int64_t unapplied; /* units that Redis still has to be told in this epoch, by other changes */
};
enum status catalogue_lock(struct postgres_link *link, const char *shard, const char *product_id,
                           struct arena *arena, int64_t deadline_ms, struct product_lock *lock_out,
                           bool *found_out, struct failure *failure);
void catalogue_unlock(struct postgres_link *link);
/* The product becomes `after`, and what Redis has to be told of it is written (delta_id 0:
 * nothing). Commits. rules: see product_rules.h; NULL = they stay. */
enum status catalogue_update(struct postgres_link *link, const struct product_lock *lock,
                             const struct product *after, const char *rules, struct arena *arena,
                             int64_t deadline_ms, int64_t *delta_id_out, struct failure *failure);
/* Redis has been told. */
enum status catalogue_forget_deltas(struct postgres_link *link, const int64_t *delta_ids,
                                    size_t count, struct arena *arena, int64_t deadline_ms,
                                    struct failure *failure);
