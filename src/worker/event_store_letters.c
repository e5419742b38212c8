/* Event store on PostgreSQL: dead letters - kept with the units that they hold, and stored after
 * all. See event_store.h. */
#include "worker/event_store_inside.h"
#include "worker/event_store_sql.h"
#include "worker/row_columns.h"

enum {
    REASON,
    MESSAGE,
    ROUTING_KEY,
    MESSAGE_ID,
    BODY,
    EVENT_ID,
    KIND,
    EPOCH,
    UNIT_EVENT_ID,
    UNIT_PRODUCT_ID,
    UNIT_QUANTITY,
    ARRAYS,
};

static void add_units(struct postgres_array *arrays, const struct event *event);

bool event_rows_add_letters(struct event_rows *rows, const char *shard,
                            const struct dead_letter *letters, size_t count)
{
    static const enum postgres_type TYPES[ARRAYS] = {
        POSTGRES_TEXT, POSTGRES_TEXT, POSTGRES_TEXT, POSTGRES_TEXT, POSTGRES_BYTEA, POSTGRES_UUID,
        POSTGRES_INT4, POSTGRES_INT8, POSTGRES_UUID, POSTGRES_TEXT, POSTGRES_INT8,
    };
    if (count == 0) {
        return false;
    }
    struct postgres_array arrays[ARRAYS];
    for (size_t i = 0; i < ARRAYS; i++) {
        postgres_array_init(&arrays[i], TYPES[i], rows->arena, count);
    }
    for (size_t i = 0; i < count; i++) {
        const struct event *event = letters[i].event;
        postgres_array_add_text(&arrays[REASON], letters[i].reason);
        postgres_array_add_text(&arrays[MESSAGE], letters[i].message);
        postgres_array_add_text(&arrays[ROUTING_KEY], letters[i].routing_key);
        postgres_array_add_text(&arrays[MESSAGE_ID], letters[i].message_id);
        postgres_array_add_bytes(&arrays[BODY], letters[i].body);
        postgres_array_add_uuid(&arrays[EVENT_ID], event != NULL ? &event->event_id : NULL);
        postgres_array_add_int(&arrays[KIND], event != NULL ? (int64_t)event->kind : -1);
        postgres_array_add_int(&arrays[EPOCH], event != NULL ? event->epoch : -1);
        if (event != NULL) {
            add_units(arrays, event);
        }
    }
    struct postgres_parameter *parameters =
        arena_calloc(rows->arena, ARRAYS + 1, sizeof *parameters);
    if (parameters == NULL) {
        static const struct postgres_parameter failed = {.failed = true};
        (void)event_rows_add(rows, &SQL_LETTERS, &failed, 1);
        return true;
    }
    for (size_t i = 0; i < ARRAYS; i++) {
        parameters[i] = postgres_array_parameter(&arrays[i]);
    }
    parameters[ARRAYS] = postgres_text(shard);
    (void)event_rows_add(rows, &SQL_LETTERS, parameters, ARRAYS + 1);
    return true;
}

/* What the decision took from Redis. A hold that was taken again is not among it: such a letter
 * holds nothing, and the audit finds the units. */
static void add_units(struct postgres_array *arrays, const struct event *event)
{
    size_t count = event->kind == EVENT_ORDER_CREATED ? event->order.line_count : 0;
    for (size_t i = 0; i < count; i++) {
        postgres_array_add_uuid(&arrays[UNIT_EVENT_ID], &event->event_id);
        postgres_array_add_text(&arrays[UNIT_PRODUCT_ID], event->order.lines[i].product_id);
        postgres_array_add_int(&arrays[UNIT_QUANTITY], event->order.lines[i].quantity);
    }
    if (event->kind == EVENT_STOCK_ADJUSTED && event->adjustment.delta < 0) {
        postgres_array_add_uuid(&arrays[UNIT_EVENT_ID], &event->event_id);
        postgres_array_add_text(&arrays[UNIT_PRODUCT_ID], event->adjustment.product_id);
        postgres_array_add_int(&arrays[UNIT_QUANTITY], -event->adjustment.delta);
    }
}

enum status event_store_next_letter(struct event_store *store, struct requeued_letter *letter_out,
                                    struct failure *failure)
{
    event_store_start(store);
    size_t found = event_rows_add(&store->rows, &SQL_NEXT_LETTER, NULL, 0);
    enum status status = event_store_exchange(store, failure);
    *letter_out = (struct requeued_letter){0};
    if (status == STATUS_OK && postgres_result_rows(store->results[found]) == 1) {
        const struct postgres_result *result = store->results[found];
        *letter_out = (struct requeued_letter){
            .letter_id = postgres_result_int(result, 0, 0),
            .body = postgres_result_bytes(result, 0, 1),
            .held = postgres_result_int(result, 0, 2) != 0,
        };
    }
    return status;
}

enum status event_store_return_letter(struct event_store *store, int64_t letter_id,
                                      const struct failure *why, struct failure *failure)
{
    event_store_start(store);
    struct postgres_parameter parameters[] = {
        postgres_int8(&store->arena, letter_id),
        postgres_text(why->reason),
        postgres_text(why->message),
    };
    (void)event_rows_add(&store->rows, &SQL_RETURN_LETTER, parameters, 3);
    return event_store_exchange(store, failure);
}
