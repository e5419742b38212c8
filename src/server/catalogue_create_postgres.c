/* Catalogue over PostgreSQL: creating products. One statement inserts what is not there and all
 * that belongs to it; the next reads what is there now, whoever made it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "postgres/postgres_array.h"
#include "server/catalogue.h"
#include "server/product_rules.h"
#include "server/refusals.h"

#define CREATE_PARAMETERS 22
#define CREATE_ARRAYS     (CREATE_PARAMETERS - 1)

static const struct postgres_statement begin = {NULL, "BEGIN ISOLATION LEVEL READ COMMITTED"};
static const struct postgres_statement commit = {NULL, "COMMIT"};
/* While it is held, no new epoch begins: the delta's epoch is the one whose sums lack this product.
 */
static const struct postgres_statement lock_epoch = {
    "catalogue_lock_epoch",
    "SELECT epoch FROM control WHERE shard = $1::text FOR SHARE",
};
static const struct postgres_statement create = {
    "catalogue_create",
    "WITH asked AS ("
    "  SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], $4::text[], $5::text[],"
    "    $6::bytea[], $7::timestamptz[], $8::int8[], $9::uuid[], $10::uuid[], $11::text[],"
    "    $12::int4[], $13::int4[], $14::int4[], $15::int8[], $16::timestamptz[],"
    "    $17::timestamptz[], $18::int8[], $19::int8[], $20::int8[], $21::text[])"
    "  AS a (product_id, display_name, unit_price_minor, currency, request_id, request_hash, at,"
    "    on_hand, entry_id, event_id, actor, state, max_per_order, max_per_customer,"
    "    limit_window_ms, sale_start_time, sale_end_time, safety_stock, low_stock_threshold,"
    "    available, rules)"
    "), created AS ("
    "  INSERT INTO products (product_id, display_name, unit_price_minor, currency, request_id,"
    "    request_hash, create_time, update_time, state, max_per_order, max_per_customer,"
    "    limit_window_ms, limit_since, sale_start_time, sale_end_time)"
    "  SELECT product_id, display_name, unit_price_minor, currency, request_id, request_hash, at,"
    "    at, state, max_per_order, max_per_customer, limit_window_ms,"
    "    CASE WHEN max_per_customer > 0 THEN at END, NULLIF(sale_start_time, timestamptz 'epoch'),"
    "    NULLIF(sale_end_time, timestamptz 'epoch')"
    "  FROM asked ORDER BY product_id"
    "  ON CONFLICT (product_id) DO NOTHING RETURNING product_id"
    "), counted AS ("
    "  INSERT INTO stock (product_id, on_hand, reserved, safety_stock, low_stock_threshold, "
    "limited)"
    "  SELECT product_id, on_hand, 0, safety_stock, low_stock_threshold, max_per_customer > 0"
    "  FROM asked JOIN created USING (product_id)"
    "), entered AS ("
    "  INSERT INTO stock_ledger (entry_id, event_id, product_id, delta_on_hand, on_hand_after,"
    "    reserved_after, reason, reference, actor, event_time)"
    "  SELECT entry_id, event_id, product_id, on_hand, on_hand, 0, 'initial', '', actor, at"
    "  FROM asked JOIN created USING (product_id)"
    ") "
    "INSERT INTO stock_deltas (epoch, product_id, quantity, rules) "
    "SELECT control.epoch, product_id, available, rules FROM asked JOIN created USING (product_id) "
    "CROSS JOIN control WHERE control.shard = $22::text "
    "RETURNING product_id, delta_id, epoch",
};
static const struct postgres_statement read_back = {
    "catalogue_read_back",
    "SELECT " CATALOGUE_PRODUCT_COLUMNS
    ", p.request_id, p.request_hash FROM " CATALOGUE_PRODUCT_TABLES
    " WHERE p.product_id = ANY($1::text[])",
};

static bool bind_products(const struct new_product *products, size_t count, const char *shard,
                          struct arena *arena, struct postgres_parameter *parameters_out);
static void add_rules(const struct new_product *from, struct arena *arena,
                      struct postgres_array *to);
static enum status read_outcome(const struct postgres_result *deltas,
                                const struct postgres_result *rows, struct new_product *products,
                                size_t count, struct arena *arena, struct failure *failure);
static struct new_product *find_by_id(struct new_product *products, size_t count,
                                      const char *product_id);
static int compare_id(const void *product_id, const void *product);

enum status catalogue_create(struct postgres_link *link, const char *shard,
                             struct new_product *products, size_t count, struct arena *arena,
                             int64_t deadline_ms, struct failure *failure)
{
    struct postgres_parameter parameters[CREATE_PARAMETERS];
    if (!bind_products(products, count, shard, arena, parameters)) {
        return refuse_overloaded(failure);
    }
    struct postgres_parameter shard_parameter = postgres_text(shard);
    postgres_link_add(link, &begin, NULL, 0);
    postgres_link_add(link, &lock_epoch, &shard_parameter, 1);
    postgres_link_add(link, &create, parameters, CREATE_PARAMETERS);
    postgres_link_add(link, &read_back, parameters, 1);
    postgres_link_add(link, &commit, NULL, 0);
    const struct postgres_result *const *results;
    enum status status = postgres_link_flush(link, deadline_ms, &results, failure);
    if (status != STATUS_OK) {
        return status;
    }
    return read_outcome(results[2], results[3], products, count, arena, failure);
}

static bool bind_products(const struct new_product *products, size_t count, const char *shard,
                          struct arena *arena, struct postgres_parameter *parameters_out)
{
    static const enum postgres_type types[CREATE_ARRAYS] = {
        POSTGRES_TEXT,        POSTGRES_TEXT,        POSTGRES_INT8, POSTGRES_TEXT, POSTGRES_TEXT,
        POSTGRES_BYTEA,       POSTGRES_TIMESTAMPTZ, POSTGRES_INT8, POSTGRES_UUID, POSTGRES_UUID,
        POSTGRES_TEXT,        POSTGRES_INT4,        POSTGRES_INT4, POSTGRES_INT4, POSTGRES_INT8,
        POSTGRES_TIMESTAMPTZ, POSTGRES_TIMESTAMPTZ, POSTGRES_INT8, POSTGRES_INT8, POSTGRES_INT8,
        POSTGRES_TEXT,
    };
    struct postgres_array arrays[CREATE_ARRAYS];
    for (size_t i = 0; i < CREATE_ARRAYS; i++) {
        postgres_array_init(&arrays[i], types[i], arena, count);
    }
    for (size_t i = 0; i < count; i++) {
        const struct new_product *from = &products[i];
        const struct product *product = &from->request->product;
        postgres_array_add_text(&arrays[0], product->product_id);
        postgres_array_add_text(&arrays[1], product->display_name);
        postgres_array_add_int(&arrays[2], product->unit_price_minor);
        postgres_array_add_text(&arrays[3], product->currency);
        postgres_array_add_text(&arrays[4], from->request->request_id);
        postgres_array_add_bytes(&arrays[5],
                                 bytes_of(from->request_hash, sizeof from->request_hash));
        postgres_array_add_unix_us(&arrays[6], from->now_us);
        postgres_array_add_int(&arrays[7], from->request->on_hand);
        postgres_array_add_uuid(&arrays[8], &from->entry_id);
        postgres_array_add_uuid(&arrays[9], &from->event_id);
        postgres_array_add_text(&arrays[10], from->actor);
        add_rules(from, arena, &arrays[11]);
    }
    bool bound = true;
    for (size_t i = 0; i < CREATE_ARRAYS; i++) {
        parameters_out[i] = postgres_array_parameter(&arrays[i]);
        bound = bound && !postgres_array_failed(&arrays[i]);
    }
    parameters_out[CREATE_ARRAYS] = postgres_text(shard);
    return bound;
}

/* From `state` on. */
static void add_rules(const struct new_product *from, struct arena *arena,
                      struct postgres_array *to)
{
    struct product product = from->request->product;
    product.version = 1;
    product.limit_since_us = product.max_per_customer > 0 ? from->now_us : 0;
    postgres_array_add_int(&to[0], product.state);
    postgres_array_add_int(&to[1], product.max_per_order);
    postgres_array_add_int(&to[2], product.max_per_customer);
    postgres_array_add_int(&to[3], product.limit_window_ms);
    postgres_array_add_unix_us(&to[4], product.sale_start_us);
    postgres_array_add_unix_us(&to[5], product.sale_end_us);
    postgres_array_add_int(&to[6], product.safety_stock);
    postgres_array_add_int(&to[7], product.low_stock_threshold);
    postgres_array_add_int(&to[8], from->request->on_hand - product.safety_stock);
    const char *rules = NULL;
    if (product_has_rules(&product)) {
        rules = product_rules_text(&product, arena);
        to[9].failed = to[9].failed || rules == NULL;
    }
    postgres_array_add_text(&to[9], rules);
}

static enum status read_outcome(const struct postgres_result *deltas,
                                const struct postgres_result *rows, struct new_product *products,
                                size_t count, struct arena *arena, struct failure *failure)
{
    for (size_t i = 0; i < postgres_result_rows(deltas); i++) {
        struct new_product *product =
            find_by_id(products, count, postgres_result_text(deltas, i, 0));
        product->created = true;
        product->delta_id = postgres_result_int(deltas, i, 1);
        product->delta_epoch = postgres_result_int(deltas, i, 2);
    }
    for (size_t i = 0; i < postgres_result_rows(rows); i++) {
        struct new_product *product = find_by_id(products, count, postgres_result_text(rows, i, 0));
        product->stored_request_id =
            arena_strdup(arena, postgres_result_text(rows, i, CATALOGUE_PRODUCT_COLUMN_COUNT));
        struct bytes hash = postgres_result_bytes(rows, i, CATALOGUE_PRODUCT_COLUMN_COUNT + 1);
        memset(product->stored_hash, 0, sizeof product->stored_hash);
        memcpy(product->stored_hash, hash.data,
               hash.size < sizeof product->stored_hash ? hash.size : sizeof product->stored_hash);
        if (product->stored_request_id == NULL ||
            !catalogue_read_product(rows, i, arena, &product->product)) {
            /* Committed all the same: a repetition finds it. */
            return refuse_unknown(failure, STORE_POSTGRES);
        }
    }
    return STATUS_OK;
}

static struct new_product *find_by_id(struct new_product *products, size_t count,
                                      const char *product_id)
{
    struct new_product *found = bsearch(product_id, products, count, sizeof *found, compare_id);
    assert(found != NULL); /* our own SQL returns what it was asked for */
    return found;
}

static int compare_id(const void *product_id, const void *product)
{
    const struct new_product *with = product;
    return strcmp(product_id, with->request->product.product_id);
}

enum status catalogue_forget_deltas(struct postgres_link *link, const int64_t *delta_ids,
                                    size_t count, struct arena *arena, int64_t deadline_ms,
                                    struct failure *failure)
{
    static const struct postgres_statement forget = {
        "catalogue_forget_deltas",
        "DELETE FROM stock_deltas WHERE delta_id = ANY($1::int8[])",
    };
    struct postgres_array ids;
    postgres_array_init(&ids, POSTGRES_INT8, arena, count);
    for (size_t i = 0; i < count; i++) {
        postgres_array_add_int(&ids, delta_ids[i]);
    }
    struct postgres_parameter parameter = postgres_array_parameter(&ids);
    if (postgres_array_failed(&ids)) {
        return refuse_overloaded(failure);
    }
    const struct postgres_result *result;
    return postgres_link_query(link, &forget, &parameter, 1, deadline_ms, &result, failure);
}
