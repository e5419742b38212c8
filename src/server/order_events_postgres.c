/* Order reader over PostgreSQL: an order's events, and the feed of all orders'. See order_reader.h.
 */
#include <stdlib.h>
#include <string.h>

#include "postgres/postgres_array.h"
#include "postgres/postgres_link.h"
#include "server/order_reader.h"
#include "server/refusals.h"
#include "shop/event_codec.h"

/* As order_events_read takes them. */
#define EVENT_COLUMNS                                                                \
    "e.version, e.event_time, e.kind, e.from_state, e.to_state, e.actor, e.reason, " \
    "coalesce(array_to_string(e.line_numbers, ','), ''), "                           \
    "coalesce(array_to_string(e.line_quantities, ','), ''), e.order_id, o.customer_id"
#define COLUMN_XID   11 /* of the feed */
#define COLUMN_PLACE 12

static bool read_event(const struct postgres_result *result, size_t row, struct arena *arena,
                       struct order_event *event_out);
static bool read_lines(const char *numbers, const char *quantities, struct arena *arena,
                       struct order_event *event_out);

enum status order_reader_events(struct postgres_link *link, const struct uuid *order_id,
                                int32_t after, int32_t most, struct arena *arena,
                                int64_t deadline_ms, struct order_event **events_out,
                                size_t *count_out, struct failure *failure)
{
    static const struct postgres_statement list = {
        "order_reader_events",
        "SELECT " EVENT_COLUMNS " FROM order_events e JOIN orders o USING (order_id) "
        "WHERE e.order_id = $1::uuid AND e.version > $2::int8 AND e.outcome = 1 "
        "ORDER BY e.version LIMIT $3::int8",
    };
    struct postgres_parameter parameters[] = {
        postgres_uuid(order_id),
        postgres_int8(arena, after),
        postgres_int8(arena, most),
    };
    if (parameters[1].value.data == NULL || parameters[2].value.data == NULL) {
        return refuse_overloaded(failure);
    }
    const struct postgres_result *result;
    enum status status =
        postgres_link_query(link, &list, parameters, 3, deadline_ms, &result, failure);
    if (status != STATUS_OK) {
        return status;
    }
    size_t count = postgres_result_rows(result);
    struct order_event *events = arena_calloc(arena, count, sizeof *events);
    for (size_t i = 0; i < count; i++) {
        if (events == NULL || !read_event(result, i, arena, &events[i])) {
            return refuse_overloaded(failure);
        }
    }
    *events_out = events;
    *count_out = count;
    return STATUS_OK;
}

/* Below all transactions that still run nothing can appear any more. */
#define FEED_SETTLED "f.xid < pg_snapshot_xmin(pg_current_snapshot())"

enum status order_reader_follow(struct postgres_link *link, const struct feed_position *after,
                                int32_t most, struct arena *arena, int64_t deadline_ms,
                                struct followed_event **events_out, size_t *count_out,
                                bool *is_kept_out, struct failure *failure)
{
    static const struct postgres_statement kept = {
        "order_reader_feed_kept",
        "SELECT 1 FROM order_feed WHERE xid = $1::int8::text::xid8",
    };
    static const struct postgres_statement follow = {
        "order_reader_follow",
        "SELECT " EVENT_COLUMNS ", f.xid::text::int8, i.place "
        "FROM order_feed f CROSS JOIN LATERAL unnest(f.order_ids, f.versions) "
        "  WITH ORDINALITY AS i(order_id, version, place) "
        "JOIN order_events e ON e.order_id = i.order_id AND e.version = i.version "
        "JOIN orders o ON o.order_id = i.order_id "
        "WHERE f.xid >= $1::int8::text::xid8 AND " FEED_SETTLED " AND e.outcome = 1 "
        "  AND (f.xid > $1::int8::text::xid8 OR i.place > $2::int8) "
        "ORDER BY f.xid, i.place LIMIT $3::int8",
    };
    struct postgres_parameter parameters[] = {
        postgres_int8(arena, after->xid),
        postgres_int8(arena, after->place),
        postgres_int8(arena, most),
    };
    postgres_link_add(link, &kept, parameters, 1);
    postgres_link_add(link, &follow, parameters, 3);
    const struct postgres_result *const *results;
    enum status status = postgres_link_flush(link, deadline_ms, &results, failure);
    if (status != STATUS_OK) {
        return status;
    }
    *is_kept_out = after->xid == 0 || postgres_result_rows(results[0]) > 0;
    size_t count = postgres_result_rows(results[1]);
    struct followed_event *events = arena_calloc(arena, count, sizeof *events);
    for (size_t i = 0; i < count; i++) {
        struct feed_position position = {.xid = postgres_result_int(results[1], i, COLUMN_XID),
                                         .place = postgres_result_int(results[1], i, COLUMN_PLACE)};
        if (events == NULL || !read_event(results[1], i, arena, &events[i].event)) {
            return refuse_overloaded(failure);
        }
        events[i].cursor = feed_position_print(&position, arena);
        if (events[i].cursor == NULL) {
            return refuse_overloaded(failure);
        }
    }
    *events_out = events;
    *count_out = count;
    return STATUS_OK;
}

enum status order_reader_feed_end(struct postgres_link *link, int64_t deadline_ms,
                                  struct feed_position *end_out, struct failure *failure)
{
    static const struct postgres_statement end = {
        "order_reader_feed_end",
        "SELECT f.xid::text::int8, cardinality(f.order_ids) FROM order_feed f "
        "WHERE " FEED_SETTLED " ORDER BY f.xid DESC LIMIT 1",
    };
    const struct postgres_result *result;
    enum status status = postgres_link_query(link, &end, NULL, 0, deadline_ms, &result, failure);
    if (status != STATUS_OK) {
        return status;
    }
    *end_out = (struct feed_position){0};
    if (postgres_result_rows(result) > 0) {
        end_out->xid = postgres_result_int(result, 0, 0);
        end_out->place = postgres_result_int(result, 0, 1);
    }
    return STATUS_OK;
}

static bool read_event(const struct postgres_result *result, size_t row, struct arena *arena,
                       struct order_event *event_out)
{
    int64_t kind = postgres_result_int(result, row, 2);
    *event_out = (struct order_event){
        .version = (int32_t)postgres_result_int(result, row, 0),
        .event_time_us = postgres_result_unix_us(result, row, 1),
        .type = kind >= EVENT_ORDER_CREATED && kind <= EVENT_ORDER_FULFILLED
                    ? event_codec_routing_key((enum event_kind)kind)
                    : "",
        .from_state = (enum order_state)postgres_result_int(result, row, 3),
        .to_state = (enum order_state)postgres_result_int(result, row, 4),
        .actor = arena_strdup(arena, postgres_result_text(result, row, 5)),
        .reason = arena_strdup(arena, postgres_result_text(result, row, 6)),
        .order_id = postgres_result_uuid(result, row, 9),
        .customer_id = arena_strdup(arena, postgres_result_text(result, row, 10)),
    };
    return event_out->actor != NULL && event_out->reason != NULL &&
           event_out->customer_id != NULL &&
           read_lines(postgres_result_text(result, row, 7), postgres_result_text(result, row, 8),
                      arena, event_out);
}

/* "1,4" and "10,2": 10 of line 1 and 2 of line 4. */
static bool read_lines(const char *numbers, const char *quantities, struct arena *arena,
                       struct order_event *event_out)
{
    if (numbers[0] == '\0') {
        return true;
    }
    size_t count = 1;
    for (const char *at = numbers; *at != '\0'; at++) {
        count += *at == ',' ? 1 : 0;
    }
    struct line_quantity *lines = arena_alloc(arena, count * sizeof *lines);
    if (lines == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        char *end;
        lines[i].line_number = (int32_t)strtol(numbers, &end, 10);
        numbers = *end == ',' ? end + 1 : end;
        lines[i].quantity = (int32_t)strtol(quantities, &end, 10);
        quantities = *end == ',' ? end + 1 : end;
    }
    event_out->lines = lines;
    event_out->line_count = count;
    return true;
}
