/* Movements over PostgreSQL. See movements.h. */
#include "postgres/postgres_array.h"
#include "server/movements.h"
#include "server/movements_list_sql.h"
#include "server/refusals.h"

#define CAUSE_COLUMN 2

static enum status read_page(const struct postgres_result *rows,
                             const struct movement_position *after, int32_t most,
                             struct arena *arena, struct movement_page *page_out,
                             struct failure *failure);
static bool read_movement(const struct postgres_result *result, size_t row, struct arena *arena,
                          struct stock_movement *movement_out);

enum status movements_start(struct postgres_link *link, const char *product_id, int64_t start_us,
                            struct arena *arena, int64_t deadline_ms,
                            struct movement_position *position_out, struct failure *failure)
{
    static const struct postgres_statement before = {
        "movements_before",
        "SELECT coalesce(sum(delta_on_hand), 0)::int8, coalesce(sum(delta_reserved), 0)::int8"
        " FROM stock_movements WHERE product_id = $1::text AND event_time < $2::timestamptz",
    };
    struct postgres_parameter parameters[] = {postgres_text(product_id),
                                              postgres_timestamptz(arena, start_us)};
    const struct postgres_result *result;
    enum status status =
        postgres_link_query(link, &before, parameters, 2, deadline_ms, &result, failure);
    if (status == STATUS_OK) {
        *position_out = (struct movement_position){
            .event_time_us = start_us,
            .line_number = -1,
            .on_hand = postgres_result_int(result, 0, 0),
            .reserved = postgres_result_int(result, 0, 1),
        };
    }
    return status;
}

enum status movements_list(struct postgres_link *link, const char *product_id,
                           const struct movement_position *after, int64_t end_us, int32_t most,
                           int32_t looks, struct arena *arena, int64_t deadline_ms,
                           struct movement_page *page_out, struct failure *failure)
{
    struct postgres_parameter parameters[] = {
        postgres_text(product_id),
        postgres_timestamptz(arena, after->event_time_us),
        postgres_uuid(&after->event_id),
        postgres_int8(arena, after->line_number),
        postgres_timestamptz(arena, end_us),
        postgres_int8(arena, looks),
        postgres_int8(arena, (int64_t)most + 1),
    };
    const struct postgres_result *rows;
    enum status status =
        postgres_link_query(link, &MOVEMENTS_LIST, parameters,
                            sizeof parameters / sizeof parameters[0], deadline_ms, &rows, failure);
    return status == STATUS_OK ? read_page(rows, after, most, arena, page_out, failure) : status;
}

/* One row more than wanted, or one that only says up to when the page is complete, means that the
 * list goes on. */
static enum status read_page(const struct postgres_result *rows,
                             const struct movement_position *after, int32_t most,
                             struct arena *arena, struct movement_page *page_out,
                             struct failure *failure)
{
    size_t count = postgres_result_rows(rows);
    struct movement_page page = {.next = *after};
    if (count > 0 && postgres_result_is_null(rows, count - 1, CAUSE_COLUMN)) {
        count--;
        page.more = true; /* nothing up to that moment is left */
        page.next.event_time_us = postgres_result_unix_us(rows, count, 1) + 1;
        page.next.event_id = (struct uuid){{0}};
        page.next.line_number = -1;
    }
    page.count = count < (size_t)most ? count : (size_t)most;
    page.movements = arena_calloc(arena, page.count, sizeof *page.movements);
    for (size_t i = 0; i < page.count; i++) {
        if (page.movements == NULL || !read_movement(rows, i, arena, &page.movements[i])) {
            return refuse_overloaded(failure);
        }
        page.next.on_hand += page.movements[i].delta_on_hand;
        page.next.reserved += page.movements[i].delta_reserved;
        page.movements[i].on_hand_after = page.next.on_hand;
        page.movements[i].reserved_after = page.next.reserved;
    }
    if (count > page.count) {
        const struct stock_movement *last = &page.movements[page.count - 1];
        page.more = true;
        page.next.event_time_us = last->event_time_us;
        page.next.event_id = last->event_id;
        page.next.line_number = last->line_number;
    }
    *page_out = page;
    return STATUS_OK;
}

static bool read_movement(const struct postgres_result *result, size_t row, struct arena *arena,
                          struct stock_movement *movement_out)
{
    *movement_out = (struct stock_movement){
        .event_id = postgres_result_uuid(result, row, 0),
        .event_time_us = postgres_result_unix_us(result, row, 1),
        .cause = arena_strdup(arena, postgres_result_text(result, row, CAUSE_COLUMN)),
        .has_order = !postgres_result_is_null(result, row, 3),
        .order_id = postgres_result_uuid(result, row, 3),
        .line_number = (int32_t)postgres_result_int(result, row, 4),
        .delta_on_hand = postgres_result_int(result, row, 5),
        .delta_reserved = postgres_result_int(result, row, 6),
        .actor = arena_strdup(arena, postgres_result_text(result, row, 7)),
        .reason = arena_strdup(arena, postgres_result_text(result, row, 8)),
        .reference = arena_strdup(arena, postgres_result_text(result, row, 9)),
    };
    return movement_out->cause != NULL && movement_out->actor != NULL &&
           movement_out->reason != NULL && movement_out->reference != NULL;
}

enum status movements_explain(struct postgres_link *link, const char *shard, const char *product_id,
                              struct arena *arena, int64_t deadline_ms,
                              struct stock_explanation *explanation_out, bool *found_out,
                              struct failure *failure)
{
    static const struct postgres_statement steps[] = {
        {NULL, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
        {"movements_stock",
         "SELECT on_hand, reserved, safety_stock FROM stock WHERE product_id = $1::text"},
        {"movements_unapplied", "SELECT coalesce(sum(d.quantity), 0)::int8 FROM stock_deltas d "
                                "JOIN control c USING (epoch)"
                                " WHERE d.product_id = $1::text AND c.shard = $2::text"},
        {"movements_causes",
         "SELECT CASE WHEN cause = 'stock.adjusted' AND reason = 'initial' THEN 'initial'"
         "  ELSE cause END, count(*), sum(delta_on_hand)::int8, sum(delta_reserved)::int8"
         " FROM stock_movements WHERE product_id = $1::text GROUP BY 1"
         " ORDER BY min(event_time), 1"},
        {NULL, "COMMIT"},
    };
    const size_t parameter_counts[] = {0, 1, 2, 1, 0};
    struct postgres_parameter parameters[] = {postgres_text(product_id), postgres_text(shard)};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        postgres_link_add(link, &steps[i], parameters, parameter_counts[i]);
    }
    const struct postgres_result *const *results;
    enum status status = postgres_link_flush(link, deadline_ms, &results, failure);
    if (status != STATUS_OK) {
        return status;
    }
    *found_out = postgres_result_rows(results[1]) == 1;
    size_t count = postgres_result_rows(results[3]);
    struct stock_cause *causes = arena_calloc(arena, count, sizeof *causes);
    for (size_t i = 0; i < count; i++) {
        if (causes == NULL || (causes[i].cause = arena_strdup(
                                   arena, postgres_result_text(results[3], i, 0))) == NULL) {
            return refuse_overloaded(failure);
        }
        causes[i].movements = postgres_result_int(results[3], i, 1);
        causes[i].on_hand = postgres_result_int(results[3], i, 2);
        causes[i].reserved = postgres_result_int(results[3], i, 3);
    }
    *explanation_out = (struct stock_explanation){.causes = causes, .cause_count = count};
    if (*found_out) {
        explanation_out->unapplied = postgres_result_int(results[2], 0, 0);
        explanation_out->stock = (struct stock){
            .product_id = product_id,
            .on_hand = postgres_result_int(results[1], 0, 0),
            .reserved = postgres_result_int(results[1], 0, 1),
            .safety_stock = postgres_result_int(results[1], 0, 2),
        };
    }
    return STATUS_OK;
}
