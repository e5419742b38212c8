/* Catalogue over PostgreSQL: changing a product under the lock of its rows. Two exchanges, because
 * what becomes of it is decided in between. See catalogue.h. */
#include <string.h>

#include "postgres/postgres_array.h"
#include "server/catalogue.h"
#include "server/refusals.h"
#include "shop/stock_level.h"

#define UPDATE_PARAMETERS 17 /* of both rows */

static const struct postgres_statement begin = {NULL, "BEGIN ISOLATION LEVEL READ COMMITTED"};
static const struct postgres_statement commit = {NULL, "COMMIT"};
/* While it is held, no new epoch begins. */
static const struct postgres_statement lock_epoch = {
    "catalogue_lock_epoch",
    "SELECT epoch FROM control WHERE shard = $1::text FOR SHARE",
};
static const struct postgres_statement lock = {
    "catalogue_lock",
    "SELECT " CATALOGUE_PRODUCT_COLUMNS
    ", s.on_hand, s.reserved FROM products p JOIN stock s USING (product_id) "
    "WHERE p.product_id = $1::text FOR NO KEY UPDATE OF p, s",
};
/* Behind the lock: whoever writes one holds the product's row in stock. */
static const struct postgres_statement read_unapplied = {
    "catalogue_read_unapplied",
    "SELECT coalesce(sum(d.quantity), 0)::int8 FROM stock_deltas d "
    "JOIN control c ON c.epoch = d.epoch WHERE c.shard = $2::text AND d.product_id = $1::text",
};
static const struct postgres_statement update = {
    "catalogue_update",
    "UPDATE products SET display_name = $2::text, unit_price_minor = $3::int8,"
    "  currency = $4::text, version = $5::int8, update_time = $6::timestamptz,"
    "  state = $7::int8, max_per_order = $8::int8, max_per_customer = $9::int8,"
    "  limit_window_ms = $10::int8, limit_since = NULLIF($11::timestamptz, timestamptz 'epoch'),"
    "  sale_start_time = NULLIF($12::timestamptz, timestamptz 'epoch'),"
    "  sale_end_time = NULLIF($13::timestamptz, timestamptz 'epoch')"
    " WHERE product_id = $1::text",
};
static const struct postgres_statement update_stock = {
    "catalogue_update_stock",
    "UPDATE stock SET safety_stock = $2::int8, low_stock_threshold = $3::int8,"
    "  limited = $4::int8 > 0 WHERE product_id = $1::text",
};
static const struct postgres_statement tell = {
    "catalogue_tell",
    "INSERT INTO stock_deltas (epoch, product_id, quantity, rules) "
    "VALUES ($1::int8, $2::text, $3::int8, $4::text) RETURNING delta_id",
};

static const struct postgres_statement notice = {
    "catalogue_notice",
    "INSERT INTO stock_notices (kind, product_id, available, low_stock_threshold, epoch,"
    "  event_time) VALUES ($1::int8, $2::text, $3::int8, $4::int8, $5::int8, clock_timestamp())",
};
#define NOTICE_PARAMETERS 5

static void add_product(struct postgres_link *link, const struct product *after,
                        struct arena *arena, struct postgres_parameter *parameters);
static void add_notice(struct postgres_link *link, const struct product_lock *locked,
                       const struct product *after, struct arena *arena,
                       struct postgres_parameter *parameters);

enum status catalogue_lock(struct postgres_link *link, const char *shard, const char *product_id,
                           struct arena *arena, int64_t deadline_ms, struct product_lock *lock_out,
                           bool *found_out, struct failure *failure)
{
    struct postgres_parameter parameters[] = {postgres_text(product_id), postgres_text(shard)};
    postgres_link_add(link, &begin, NULL, 0);
    postgres_link_add(link, &lock_epoch, &parameters[1], 1);
    postgres_link_add(link, &lock, parameters, 1);
    postgres_link_add(link, &read_unapplied, parameters, 2);
    const struct postgres_result *const *results;
    enum status status = postgres_link_flush(link, deadline_ms, &results, failure);
    if (status != STATUS_OK) {
        return status;
    }
    *found_out = postgres_result_rows(results[2]) == 1;
    if (!*found_out) {
        return STATUS_OK;
    }
    *lock_out = (struct product_lock){
        .on_hand = postgres_result_int(results[2], 0, CATALOGUE_PRODUCT_COLUMN_COUNT),
        .reserved = postgres_result_int(results[2], 0, CATALOGUE_PRODUCT_COLUMN_COUNT + 1),
        .epoch = postgres_result_int(results[1], 0, 0),
        .unapplied = postgres_result_int(results[3], 0, 0),
    };
    return catalogue_read_product(results[2], 0, arena, &lock_out->product)
               ? STATUS_OK
               : refuse_overloaded(failure);
}

void catalogue_unlock(struct postgres_link *link)
{
    postgres_link_rollback(link);
}

enum status catalogue_update(struct postgres_link *link, const struct product_lock *locked,
                             const struct product *after, const char *rules, struct arena *arena,
                             int64_t deadline_ms, int64_t *delta_id_out, struct failure *failure)
{
    struct postgres_parameter product[UPDATE_PARAMETERS], noticed[NOTICE_PARAMETERS];
    add_product(link, after, arena, product);
    int64_t units = locked->product.safety_stock - after->safety_stock;
    struct postgres_parameter told[] = {
        postgres_int8(arena, locked->epoch),
        postgres_text(after->product_id),
        postgres_int8(arena, units),
        postgres_text(rules),
    };
    bool tells = units != 0 || rules != NULL;
    if (tells) {
        postgres_link_add(link, &tell, told, sizeof told / sizeof told[0]);
    }
    add_notice(link, locked, after, arena, noticed);
    postgres_link_add(link, &commit, NULL, 0);
    const struct postgres_result *const *results;
    enum status status = postgres_link_flush(link, deadline_ms, &results, failure);
    if (status == STATUS_OK) {
        *delta_id_out = tells ? postgres_result_int(results[2], 0, 0) : 0;
    }
    return status;
}

static void add_product(struct postgres_link *link, const struct product *after,
                        struct arena *arena, struct postgres_parameter *parameters)
{
    const struct postgres_parameter product[] = {
        postgres_text(after->product_id),
        postgres_text(after->display_name),
        postgres_int8(arena, after->unit_price_minor),
        postgres_text(after->currency),
        postgres_int8(arena, after->version),
        postgres_timestamptz(arena, after->update_time_us),
        postgres_int8(arena, after->state),
        postgres_int8(arena, after->max_per_order),
        postgres_int8(arena, after->max_per_customer),
        postgres_int8(arena, after->limit_window_ms),
        postgres_timestamptz(arena, after->limit_since_us),
        postgres_timestamptz(arena, after->sale_start_us),
        postgres_timestamptz(arena, after->sale_end_us),
    };
    const struct postgres_parameter stock[] = {
        postgres_text(after->product_id),
        postgres_int8(arena, after->safety_stock),
        postgres_int8(arena, after->low_stock_threshold),
        postgres_int8(arena, after->max_per_customer),
    };
    memcpy(parameters, product, sizeof product);
    postgres_link_add(link, &update, parameters, sizeof product / sizeof product[0]);
    struct postgres_parameter *behind = parameters + sizeof product / sizeof product[0];
    memcpy(behind, stock, sizeof stock);
    postgres_link_add(link, &update_stock, behind, sizeof stock / sizeof stock[0]);
}

/* A rule that moves the line is a crossing like any other: whoever is told of both directions must
 * not miss one of them. */
static void add_notice(struct postgres_link *link, const struct product_lock *locked,
                       const struct product *after, struct arena *arena,
                       struct postgres_parameter *parameters)
{
    int64_t free_units = locked->on_hand - locked->reserved;
    struct stock_level was = {
        .available = free_units - locked->product.safety_stock,
        .threshold = locked->product.low_stock_threshold,
    };
    struct stock_level is = {
        .available = free_units - after->safety_stock,
        .threshold = after->low_stock_threshold,
    };
    enum stock_crossing crossing = stock_level_crossing(was, is);
    if (crossing == STOCK_NOT_CROSSED) {
        return;
    }
    const struct postgres_parameter values[NOTICE_PARAMETERS] = {
        postgres_int8(arena, crossing),      postgres_text(after->product_id),
        postgres_int8(arena, is.available),  postgres_int8(arena, is.threshold),
        postgres_int8(arena, locked->epoch),
    };
    memcpy(parameters, values, sizeof values);
    postgres_link_add(link, &notice, parameters, NOTICE_PARAMETERS);
}
