/* Order reader over PostgreSQL: an order's events. See order_reader.h. */
#include <stdlib.h>
#include <string.h>

#include "postgres/postgres_array.h"
#include "postgres/postgres_link.h"
#include "server/order_reader.h"
#include "server/refusals.h"
#include "shop/event_codec.h"

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
        "SELECT version, event_time, kind, from_state, to_state, actor, reason, "
        "coalesce(array_to_string(line_numbers, ','), ''), "
        "coalesce(array_to_string(line_quantities, ','), '') "
        "FROM order_events WHERE order_id = $1::uuid AND version > $2::int8 AND outcome = 1 "
        "ORDER BY version LIMIT $3::int8",
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
    };
    return event_out->actor != NULL && event_out->reason != NULL &&
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
