/* See stock_notices.h. */
#include "worker/stock_notices.h"

#include "worker/row_columns.h"

/* The time of the statement, not of the transaction: under the lock of the product's row, so that a
 * product's notices are in the order of their times. */
static const struct postgres_statement SQL_NOTICES = {
    "notices",
    "INSERT INTO stock_notices (kind, product_id, available, low_stock_threshold, epoch,"
    "  event_time)"
    " SELECT i.*, clock_timestamp()"
    " FROM unnest($1::int[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) AS i"};
static const struct postgres_statement SQL_BEGIN = {NULL, "BEGIN ISOLATION LEVEL READ COMMITTED"};
static const struct postgres_statement SQL_COMMIT = {NULL, "COMMIT"};
static const struct postgres_statement SQL_TAKE = {
    "take_notices",
    "WITH taken AS ("
    "  DELETE FROM stock_notices WHERE notice_id IN"
    "   (SELECT notice_id FROM stock_notices ORDER BY notice_id LIMIT $1::bigint"
    "    FOR UPDATE SKIP LOCKED)"
    "  RETURNING notice_id, kind, event_id, event_time, epoch, product_id, available,"
    "            low_stock_threshold)"
    " SELECT kind, event_id, event_time, epoch, product_id, available, low_stock_threshold"
    " FROM taken ORDER BY notice_id"};

void stock_notices_add(struct event_rows *rows, const struct event_plan *plan, int64_t epoch)
{
    static const enum postgres_type TYPES[] = {POSTGRES_INT4, POSTGRES_TEXT, POSTGRES_INT8,
                                               POSTGRES_INT8, POSTGRES_INT8};
    struct columns columns;
    columns_init(&columns, TYPES, 5, rows->arena, 1);
    for (size_t i = 0; i < plan->product_count; i++) {
        struct stock_level after;
        enum stock_crossing crossing = event_plan_crossing(&plan->products[i], &after);
        if (crossing != STOCK_NOT_CROSSED) {
            postgres_array_add_int(&columns.arrays[0], crossing);
            postgres_array_add_text(&columns.arrays[1], plan->products[i].product_id);
            postgres_array_add_int(&columns.arrays[2], after.available);
            postgres_array_add_int(&columns.arrays[3], after.threshold);
            postgres_array_add_int(&columns.arrays[4], epoch);
        }
    }
    if (columns.arrays[0].count > 0) {
        (void)columns_add(&columns, rows, &SQL_NOTICES);
    }
}

static bool read_notice(const struct postgres_result *result, size_t row, struct arena *arena,
                        struct stock_notice *notice_out)
{
    *notice_out = (struct stock_notice){
        .crossing = (enum stock_crossing)postgres_result_int(result, row, 0),
        .event_id = postgres_result_uuid(result, row, 1),
        .event_time_us = postgres_result_unix_us(result, row, 2),
        .epoch = postgres_result_int(result, row, 3),
        .product_id = arena_strdup(arena, postgres_result_text(result, row, 4)),
        .level = {.available = postgres_result_int(result, row, 5),
                  .threshold = postgres_result_int(result, row, 6)},
    };
    return notice_out->product_id != NULL;
}

enum status stock_notices_take(struct postgres_link *link, size_t most, struct arena *arena,
                               const struct stock_notice **notices_out, size_t *count_out,
                               struct failure *failure)
{
    struct postgres_parameter limit = postgres_int8(arena, (int64_t)most);
    const struct postgres_result *const *results;
    postgres_link_add(link, &SQL_BEGIN, NULL, 0);
    postgres_link_add(link, &SQL_TAKE, &limit, 1);
    enum status status = postgres_link_flush(link, 0, &results, failure);
    if (status != STATUS_OK) {
        return status;
    }
    size_t count = postgres_result_rows(results[1]);
    struct stock_notice *notices = arena_calloc(arena, count, sizeof *notices);
    bool good = notices != NULL || count == 0;
    for (size_t i = 0; good && i < count; i++) {
        good = read_notice(results[1], i, arena, &notices[i]);
    }
    if (!good) {
        return failure_set(failure, STATUS_UNAVAILABLE, "OUT_OF_MEMORY", "out of memory");
    }
    *notices_out = notices;
    *count_out = count;
    return STATUS_OK;
}

enum status stock_notices_commit(struct postgres_link *link, struct failure *failure)
{
    const struct postgres_result *const *results;
    postgres_link_add(link, &SQL_COMMIT, NULL, 0);
    return postgres_link_flush(link, 0, &results, failure);
}
