/* History over PostgreSQL. See history.h. */
#include <string.h>

#include "postgres/postgres_array.h"
#include "server/history.h"
#include "server/refusals.h"

struct event_parameters {
    struct postgres_parameter orders[2]; /* ids, versions */
    struct postgres_parameter entries;
    struct postgres_parameter events;
};

static bool bind_events(const struct history_event *events, size_t count, struct arena *arena,
                        struct event_parameters *parameters_out);
static enum status read_adjustments(const struct postgres_result *result, struct arena *arena,
                                    struct stock_adjustment **adjustments_out, size_t *found_out,
                                    struct failure *failure);
static void mark_persisted(const struct postgres_result *result, struct history_event *events,
                           size_t count);

enum status history_find_events(struct postgres_link *link, struct history_event *events,
                                size_t count, struct arena *arena, int64_t deadline_ms,
                                struct failure *failure)
{
    static const struct postgres_statement of_orders = {
        "history_find_order_events",
        "SELECT e.event_id FROM unnest($1::uuid[], $2::int4[]) AS a (order_id, version) "
        "JOIN order_events e USING (order_id, version)",
    };
    static const struct postgres_statement of_stock = {
        "history_find_stock_events",
        "SELECT event_id FROM stock_ledger WHERE entry_id = ANY($1::uuid[])",
    };
    static const struct postgres_statement doubles = {
        "history_find_doubles",
        "SELECT event_id FROM double_reservations WHERE event_id = ANY($1::uuid[])",
    };
    struct event_parameters parameters;
    if (!bind_events(events, count, arena, &parameters)) {
        return refuse_overloaded(failure);
    }
    postgres_link_add(link, &of_orders, parameters.orders, 2);
    postgres_link_add(link, &of_stock, &parameters.entries, 1);
    postgres_link_add(link, &doubles, &parameters.events, 1);
    const struct postgres_result *const *results;
    enum status status = postgres_link_flush(link, deadline_ms, &results, failure);
    if (status != STATUS_OK) {
        return status;
    }
    mark_persisted(results[0], events, count);
    mark_persisted(results[1], events, count);
    mark_persisted(results[2], events, count);
    return STATUS_OK;
}

static bool bind_events(const struct history_event *events, size_t count, struct arena *arena,
                        struct event_parameters *parameters_out)
{
    struct postgres_array order_ids, versions, entry_ids, event_ids;
    postgres_array_init(&order_ids, POSTGRES_UUID, arena, count);
    postgres_array_init(&versions, POSTGRES_INT4, arena, count);
    postgres_array_init(&entry_ids, POSTGRES_UUID, arena, count);
    postgres_array_init(&event_ids, POSTGRES_UUID, arena, count);
    for (size_t i = 0; i < count; i++) {
        postgres_array_add_uuid(&event_ids, &events[i].event_id);
        switch (events[i].kind) {
        case EVENT_ORDER_CREATED:
            postgres_array_add_uuid(&order_ids, &events[i].record_id);
            postgres_array_add_int(&versions, events[i].version);
            break;
        case EVENT_STOCK_ADJUSTED:
            postgres_array_add_uuid(&entry_ids, &events[i].record_id);
            break;
        }
    }
    parameters_out->orders[0] = postgres_array_parameter(&order_ids);
    parameters_out->orders[1] = postgres_array_parameter(&versions);
    parameters_out->entries = postgres_array_parameter(&entry_ids);
    parameters_out->events = postgres_array_parameter(&event_ids);
    return !postgres_array_failed(&order_ids) && !postgres_array_failed(&versions) &&
           !postgres_array_failed(&entry_ids) && !postgres_array_failed(&event_ids);
}

/* The same record with another event_id is another decision: that one is not persisted by it, but
 * on record as a double once its units were given back. */
static void mark_persisted(const struct postgres_result *result, struct history_event *events,
                           size_t count)
{
    for (size_t row = 0; row < postgres_result_rows(result); row++) {
        struct uuid event_id = postgres_result_uuid(result, row, 0);
        for (size_t i = 0; i < count; i++) {
            if (memcmp(&events[i].event_id, &event_id, sizeof event_id) == 0) {
                events[i].persisted = true;
            }
        }
    }
}

enum status history_find_adjustments(struct postgres_link *link, const struct uuid *adjustment_ids,
                                     size_t count, struct arena *arena, int64_t deadline_ms,
                                     struct stock_adjustment **adjustments_out, size_t *found_out,
                                     struct failure *failure)
{
    static const struct postgres_statement find = {
        "history_find_adjustments",
        "SELECT entry_id, product_id, delta_on_hand, reason, reference FROM stock_ledger "
        "WHERE entry_id = ANY($1::uuid[])",
    };
    struct postgres_array ids;
    postgres_array_init(&ids, POSTGRES_UUID, arena, count);
    for (size_t i = 0; i < count; i++) {
        postgres_array_add_uuid(&ids, &adjustment_ids[i]);
    }
    struct postgres_parameter parameter = postgres_array_parameter(&ids);
    if (postgres_array_failed(&ids)) {
        return refuse_overloaded(failure);
    }
    const struct postgres_result *result = NULL;
    enum status status =
        postgres_link_query(link, &find, &parameter, 1, deadline_ms, &result, failure);
    if (status != STATUS_OK) {
        return status;
    }
    return read_adjustments(result, arena, adjustments_out, found_out, failure);
}

static enum status read_adjustments(const struct postgres_result *result, struct arena *arena,
                                    struct stock_adjustment **adjustments_out, size_t *found_out,
                                    struct failure *failure)
{
    size_t found = postgres_result_rows(result);
    struct stock_adjustment *adjustments = arena_calloc(arena, found, sizeof *adjustments);
    if (adjustments == NULL && found > 0) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < found; i++) {
        struct stock_adjustment *one = &adjustments[i];
        one->request_id = "";
        one->adjustment_id = postgres_result_uuid(result, i, 0);
        one->product_id = arena_strdup(arena, postgres_result_text(result, i, 1));
        one->delta = postgres_result_int(result, i, 2);
        one->reason = arena_strdup(arena, postgres_result_text(result, i, 3));
        one->reference = arena_strdup(arena, postgres_result_text(result, i, 4));
        if (one->product_id == NULL || one->reason == NULL || one->reference == NULL) {
            return refuse_overloaded(failure);
        }
    }
    *adjustments_out = adjustments;
    *found_out = found;
    return STATUS_OK;
}
