/* Movements over PostgreSQL. See movements.h. */
#include "postgres/postgres_array.h"
#include "server/movements.h"
#include "server/refusals.h"

static bool read_movement(const struct postgres_result *result, size_t row, struct arena *arena,
                          struct stock_movement *movement_out);

enum status movements_list(struct postgres_link *link, const char *product_id,
                           const struct movement_position *after, int64_t start_us, int64_t end_us,
                           int32_t most, struct arena *arena, int64_t deadline_ms,
                           struct stock_movement **movements_out, size_t *count_out,
                           struct failure *failure)
{
    static const struct postgres_statement list = {
        "movements_list",
        "SELECT event_id, event_time, cause, order_id, line_number, delta_on_hand::int8,"
        "  delta_reserved::int8, on_hand_after, reserved_after, actor, reason, reference"
        " FROM stock_movements WHERE product_id = $1::text"
        "  AND (event_time, event_id, line_number) > ($2::timestamptz, $3::uuid, $4::int8)"
        "  AND event_time >= $5::timestamptz AND event_time < $6::timestamptz"
        " ORDER BY event_time, event_id, line_number LIMIT $7::int8",
    };
    struct postgres_parameter parameters[] = {
        postgres_text(product_id),
        postgres_timestamptz(arena, after->event_time_us),
        postgres_uuid(&after->event_id),
        postgres_int8(arena, after->line_number),
        postgres_timestamptz(arena, start_us),
        postgres_timestamptz(arena, end_us),
        postgres_int8(arena, most),
    };
    const struct postgres_result *result;
    enum status status =
        postgres_link_query(link, &list, parameters, sizeof parameters / sizeof parameters[0],
                            deadline_ms, &result, failure);
    if (status != STATUS_OK) {
        return status;
    }
    size_t count = postgres_result_rows(result);
    struct stock_movement *movements = arena_calloc(arena, count, sizeof *movements);
    for (size_t i = 0; i < count; i++) {
        if (movements == NULL || !read_movement(result, i, arena, &movements[i])) {
            return refuse_overloaded(failure);
        }
    }
    *movements_out = movements;
    *count_out = count;
    return STATUS_OK;
}

static bool read_movement(const struct postgres_result *result, size_t row, struct arena *arena,
                          struct stock_movement *movement_out)
{
    *movement_out = (struct stock_movement){
        .event_id = postgres_result_uuid(result, row, 0),
        .event_time_us = postgres_result_unix_us(result, row, 1),
        .cause = arena_strdup(arena, postgres_result_text(result, row, 2)),
        .has_order = !postgres_result_is_null(result, row, 3),
        .order_id = postgres_result_uuid(result, row, 3),
        .line_number = (int32_t)postgres_result_int(result, row, 4),
        .delta_on_hand = postgres_result_int(result, row, 5),
        .delta_reserved = postgres_result_int(result, row, 6),
        .on_hand_after = postgres_result_int(result, row, 7),
        .reserved_after = postgres_result_int(result, row, 8),
        .actor = arena_strdup(arena, postgres_result_text(result, row, 9)),
        .reason = arena_strdup(arena, postgres_result_text(result, row, 10)),
        .reference = arena_strdup(arena, postgres_result_text(result, row, 11)),
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
