/* See event_rows.h. */
#include "worker/event_rows.h"

#include "worker/event_store_sql.h"
#include "worker/row_columns.h"

static void add_order(struct columns *columns, const struct event *event);
static void add_lines(struct columns *columns, const struct event *event);
static void add_stock(struct event_rows *rows, const struct event_plan *plan);
static void add_ledger(struct event_rows *rows, const struct event_plan *plan);
static void add_limited(struct event_rows *rows, const struct event_plan *plan);
static void add_rejected(struct event_rows *rows, const struct event_plan *plan);
static void add_unmade(struct event_rows *rows, const struct event_plan *plan);

size_t event_rows_add_orders(struct event_rows *rows, const struct event_plan *plan)
{
    static const enum postgres_type TYPES[] = {
        POSTGRES_UUID,        POSTGRES_INT4,        POSTGRES_UUID, POSTGRES_INT4,
        POSTGRES_TIMESTAMPTZ, POSTGRES_TEXT,        POSTGRES_TEXT, POSTGRES_INT4,
        POSTGRES_TEXT,        POSTGRES_INT8,        POSTGRES_TEXT, POSTGRES_BYTEA,
        POSTGRES_TIMESTAMPTZ, POSTGRES_TIMESTAMPTZ, POSTGRES_UUID, POSTGRES_INT4,
        POSTGRES_TEXT,        POSTGRES_INT4,        POSTGRES_INT8, POSTGRES_TIMESTAMPTZ,
    };
    struct columns columns;
    columns_init(&columns, TYPES, sizeof TYPES / sizeof *TYPES, rows->arena, plan->order_count);
    for (size_t i = 0; i < plan->order_count; i++) {
        add_order(&columns, plan->slots[i].event);
        add_lines(&columns, plan->slots[i].event);
    }
    return columns_add(&columns, rows, &SQL_ORDERS);
}

static void add_order(struct columns *columns, const struct event *event)
{
    struct postgres_array *to = columns->arrays;
    const struct order *order = &event->order;
    postgres_array_add_uuid(&to[0], &order->order_id);
    postgres_array_add_int(&to[1], order->version);
    postgres_array_add_uuid(&to[2], &event->event_id);
    postgres_array_add_int(&to[3], event->kind);
    postgres_array_add_unix_us(&to[4], event->event_time_us);
    postgres_array_add_text(&to[5], event->actor);
    postgres_array_add_text(&to[6], order->customer_id);
    postgres_array_add_int(&to[7], order->state);
    postgres_array_add_text(&to[8], order->currency);
    postgres_array_add_int(&to[9], order->total_minor);
    postgres_array_add_text(&to[10], order->order_ref);
    postgres_array_add_bytes(&to[11], bytes_of(event->request_hash, sizeof event->request_hash));
    postgres_array_add_unix_us(&to[12], order->create_time_us);
    postgres_array_add_unix_us(&to[13], order->placed_time_us);
    postgres_array_add_unix_us(&to[19], order->expire_time_us);
}

static void add_lines(struct columns *columns, const struct event *event)
{
    struct postgres_array *to = columns->arrays + 14;
    const struct order *order = &event->order;
    for (size_t i = 0; i < order->line_count; i++) {
        postgres_array_add_uuid(&to[0], &order->order_id);
        postgres_array_add_int(&to[1], (int64_t)i + 1);
        postgres_array_add_text(&to[2], order->lines[i].product_id);
        postgres_array_add_int(&to[3], order->lines[i].quantity);
        postgres_array_add_int(&to[4], order->lines[i].unit_price_minor);
    }
}

size_t event_rows_add_lock(struct event_rows *rows, const struct event_plan *plan)
{
    struct columns columns;
    columns_init(&columns, &(enum postgres_type){POSTGRES_TEXT}, 1, rows->arena,
                 plan->product_count);
    for (size_t i = 0; i < plan->product_count; i++) {
        postgres_array_add_text(&columns.arrays[0], plan->products[i].product_id);
    }
    return columns_add(&columns, rows, &SQL_LOCK_STOCK);
}

size_t event_rows_add_entries_query(struct event_rows *rows, const struct event_plan *plan)
{
    struct columns columns;
    columns_init(&columns, &(enum postgres_type){POSTGRES_UUID}, 1, rows->arena,
                 plan->first_change - plan->order_count);
    for (size_t i = plan->order_count; i < plan->first_change; i++) {
        postgres_array_add_uuid(&columns.arrays[0], plan->slots[i].key);
    }
    return columns_add(&columns, rows, &SQL_ENTRIES);
}

size_t event_rows_add_winners_query(struct event_rows *rows, const struct event_plan *plan)
{
    struct columns columns;
    columns_init(&columns, &(enum postgres_type){POSTGRES_UUID}, 1, rows->arena, plan->order_count);
    for (size_t i = 0; i < plan->order_count; i++) {
        if (!plan->slots[i].fresh) {
            postgres_array_add_uuid(&columns.arrays[0], plan->slots[i].key);
        }
    }
    return columns_add(&columns, rows, &SQL_WINNERS);
}

size_t event_rows_add_doubles(struct event_rows *rows, const struct event_plan *plan, int64_t epoch)
{
    static const enum postgres_type TYPES[] = {POSTGRES_UUID, POSTGRES_UUID, POSTGRES_INT8,
                                               POSTGRES_TIMESTAMPTZ};
    struct columns columns;
    columns_init(&columns, TYPES, 4, rows->arena, 1);
    for (size_t i = 0; i < plan->event_count; i++) {
        const struct event *event = plan->events[i].stored->event;
        if (event_plan_is_double(&plan->events[i], epoch)) {
            postgres_array_add_uuid(&columns.arrays[0], &event->event_id);
            postgres_array_add_uuid(&columns.arrays[1], plan->events[i].slot->key);
            postgres_array_add_int(&columns.arrays[2], event->epoch);
            postgres_array_add_unix_us(&columns.arrays[3], event->event_time_us);
        }
    }
    return columns_add(&columns, rows, &SQL_DOUBLES);
}

void event_rows_add_decided(struct event_rows *rows, const struct event_plan *plan)
{
    add_stock(rows, plan);
    add_ledger(rows, plan);
    add_limited(rows, plan);
    add_rejected(rows, plan);
    add_unmade(rows, plan);
}

static void add_stock(struct event_rows *rows, const struct event_plan *plan)
{
    static const enum postgres_type TYPES[] = {POSTGRES_TEXT, POSTGRES_INT8, POSTGRES_INT8};
    struct columns columns;
    columns_init(&columns, TYPES, 3, rows->arena, plan->product_count);
    for (size_t i = 0; i < plan->product_count; i++) {
        const struct plan_product *product = &plan->products[i];
        if (product->delta_on_hand != 0 || product->delta_reserved != 0) {
            postgres_array_add_text(&columns.arrays[0], product->product_id);
            postgres_array_add_int(&columns.arrays[1], product->delta_on_hand);
            postgres_array_add_int(&columns.arrays[2], product->delta_reserved);
        }
    }
    if (columns.arrays[0].count == 0) {
        return;
    }
    (void)columns_add(&columns, rows, &SQL_STOCK);
}

static void add_ledger(struct event_rows *rows, const struct event_plan *plan)
{
    static const enum postgres_type TYPES[] = {
        POSTGRES_UUID, POSTGRES_UUID, POSTGRES_TEXT, POSTGRES_INT8, POSTGRES_INT8,
        POSTGRES_INT8, POSTGRES_TEXT, POSTGRES_TEXT, POSTGRES_TEXT, POSTGRES_TIMESTAMPTZ,
    };
    if (plan->entry_count == 0) {
        return;
    }
    struct columns columns;
    columns_init(&columns, TYPES, 10, rows->arena, plan->entry_count);
    struct postgres_array *to = columns.arrays;
    for (size_t i = 0; i < plan->entry_count; i++) {
        const struct plan_entry *entry = &plan->entries[i];
        const struct stock_adjustment *adjustment = &entry->event->adjustment;
        postgres_array_add_uuid(&to[0], &adjustment->adjustment_id);
        postgres_array_add_uuid(&to[1], &entry->event->event_id);
        postgres_array_add_text(&to[2], adjustment->product_id);
        postgres_array_add_int(&to[3], adjustment->delta);
        postgres_array_add_int(&to[4], entry->on_hand_after);
        postgres_array_add_int(&to[5], entry->reserved_after);
        postgres_array_add_text(&to[6], adjustment->reason);
        postgres_array_add_text(&to[7], adjustment->reference);
        postgres_array_add_text(&to[8], entry->event->actor);
        postgres_array_add_unix_us(&to[9], entry->event->event_time_us);
    }
    (void)columns_add(&columns, rows, &SQL_LEDGER);
}

static void add_limited(struct event_rows *rows, const struct event_plan *plan)
{
    static const enum postgres_type TYPES[] = {POSTGRES_TEXT, POSTGRES_UUID, POSTGRES_TIMESTAMPTZ};
    bool has_any = false;
    for (size_t i = 0; i < plan->product_count; i++) {
        has_any = has_any || plan->products[i].limited;
    }
    if (!has_any) {
        return;
    }
    struct columns columns;
    columns_init(&columns, TYPES, 3, rows->arena, plan->order_count);
    for (size_t i = 0; i < plan->order_count; i++) {
        const struct plan_slot *slot = &plan->slots[i];
        enum event_outcome outcome = slot->first->stored->outcome;
        for (size_t j = 0; j < slot->first->use_count; j++) {
            const struct plan_product *product = slot->first->uses[j].product;
            if (product->limited && (outcome == EVENT_STORED || outcome == EVENT_LATE)) {
                postgres_array_add_text(&columns.arrays[0], product->product_id);
                postgres_array_add_uuid(&columns.arrays[1], slot->key);
                postgres_array_add_unix_us(&columns.arrays[2], slot->event->order.create_time_us);
            }
        }
    }
    if (columns.arrays[0].count == 0) {
        return;
    }
    (void)columns_add(&columns, rows, &SQL_LIMITED);
}

static void add_rejected(struct event_rows *rows, const struct event_plan *plan)
{
    struct postgres_array ids;
    postgres_array_init(&ids, POSTGRES_UUID, rows->arena, plan->rejected_count);
    for (size_t i = 0; i < plan->rejected_count; i++) {
        if (plan->rejected[i]->kind == EVENT_ORDER_CREATED) {
            postgres_array_add_uuid(&ids, &plan->rejected[i]->order.order_id);
        }
    }
    if (ids.count == 0) {
        return;
    }
    struct postgres_parameter parameters[] = {postgres_int8(rows->arena, ORDER_REJECTED),
                                              postgres_array_parameter(&ids)};
    (void)event_rows_add(rows, &SQL_REJECT, parameters, 2);
}

static void add_unmade(struct event_rows *rows, const struct event_plan *plan)
{
    struct columns columns;
    columns_init(&columns, &(enum postgres_type){POSTGRES_UUID}, 1, rows->arena,
                 plan->unmade_count);
    for (size_t i = 0; i < plan->unmade_count; i++) {
        postgres_array_add_uuid(&columns.arrays[0], plan->unmade[i]);
    }
    if (plan->unmade_count > 0) {
        (void)columns_add(&columns, rows, &SQL_UNMAKE);
    }
}

bool event_rows_add_deltas(struct event_rows *rows, const struct event_plan *plan, int64_t epoch,
                           size_t *result_out)
{
    struct postgres_array product_ids, quantities, held;
    postgres_array_init(&product_ids, POSTGRES_TEXT, rows->arena, 8);
    postgres_array_init(&quantities, POSTGRES_INT8, rows->arena, 8);
    postgres_array_init(&held, POSTGRES_UUID, rows->arena, 8);
    for (size_t i = 0; i < plan->product_count; i++) {
        if (plan->products[i].delta_redis != 0) {
            postgres_array_add_text(&product_ids, plan->products[i].product_id);
            postgres_array_add_int(&quantities, plan->products[i].delta_redis);
            postgres_array_add_uuid(&held, NULL);
        }
    }
    for (size_t i = 0; i < plan->order_count; i++) {
        if (event_plan_needs_hold(&plan->slots[i], epoch)) {
            const struct order *order = &plan->slots[i].event->order;
            postgres_array_add_text(&product_ids, order->lines[0].product_id);
            postgres_array_add_int(&quantities, 0);
            postgres_array_add_uuid(&held, &order->order_id);
        }
    }
    if (product_ids.count == 0) {
        return false;
    }
    struct postgres_parameter parameters[] = {
        postgres_int8(rows->arena, epoch), postgres_array_parameter(&product_ids),
        postgres_array_parameter(&quantities), postgres_array_parameter(&held)};
    *result_out = event_rows_add(rows, &SQL_DELTAS, parameters, 4);
    return true;
}

void event_rows_add_forget(struct event_rows *rows, const struct book_delta *deltas, size_t count)
{
    struct columns columns;
    columns_init(&columns, &(enum postgres_type){POSTGRES_INT8}, 1, rows->arena, count);
    for (size_t i = 0; i < count; i++) {
        postgres_array_add_int(&columns.arrays[0], deltas[i].delta_id);
    }
    (void)columns_add(&columns, rows, &SQL_FORGET);
}

void event_rows_read_orders(const struct postgres_result *result, struct event_plan *plan)
{
    for (size_t row = 0; row < postgres_result_rows(result); row++) {
        struct uuid order_id = postgres_result_uuid(result, row, 0);
        event_plan_slot(plan, EVENT_ORDER_CREATED, &order_id)->fresh = true;
    }
}

void event_rows_read_stock(const struct postgres_result *result, struct event_plan *plan)
{
    for (size_t row = 0; row < postgres_result_rows(result); row++) {
        struct plan_product *product =
            event_plan_product(plan, postgres_result_text(result, row, 0));
        product->known = true;
        product->on_hand = postgres_result_int(result, row, 1);
        product->reserved = postgres_result_int(result, row, 2);
        product->limited = postgres_result_int(result, row, 3) != 0;
        product->safety_stock = postgres_result_int(result, row, 4);
        product->low_stock_threshold = postgres_result_int(result, row, 5);
    }
}

void event_rows_read_entries(const struct postgres_result *result, struct event_plan *plan)
{
    for (size_t i = plan->order_count; i < plan->first_change; i++) {
        plan->slots[i].fresh = true;
    }
    for (size_t row = 0; row < postgres_result_rows(result); row++) {
        struct uuid entry_id = postgres_result_uuid(result, row, 0);
        struct plan_slot *slot = event_plan_slot(plan, EVENT_STOCK_ADJUSTED, &entry_id);
        slot->fresh = false;
        slot->winner = postgres_result_uuid(result, row, 1);
    }
}

void event_rows_read_winners(const struct postgres_result *result, struct event_plan *plan)
{
    for (size_t row = 0; row < postgres_result_rows(result); row++) {
        struct uuid order_id = postgres_result_uuid(result, row, 0);
        event_plan_slot(plan, EVENT_ORDER_CREATED, &order_id)->winner =
            postgres_result_uuid(result, row, 1);
    }
}

void event_rows_read_doubles(const struct postgres_result *result, struct event_plan *plan)
{
    for (size_t row = 0; row < postgres_result_rows(result); row++) {
        struct uuid event_id = postgres_result_uuid(result, row, 0);
        for (size_t i = 0; i < plan->event_count; i++) {
            const struct event *event = plan->events[i].stored->event;
            if (memcmp(event->event_id.bytes, event_id.bytes, sizeof event_id.bytes) == 0) {
                plan->events[i].doubled = true;
                break;
            }
        }
    }
}

const struct book_delta *event_rows_read_deltas(const struct postgres_result *result,
                                                struct arena *arena)
{
    size_t count = postgres_result_rows(result);
    struct book_delta *deltas = arena_calloc(arena, count, sizeof *deltas);
    for (size_t row = 0; deltas != NULL && row < count; row++) {
        deltas[row] = (struct book_delta){
            .delta_id = postgres_result_int(result, row, 0),
            .epoch = postgres_result_int(result, row, 1),
            .product_id = arena_strdup(arena, postgres_result_text(result, row, 2)),
            .quantity = postgres_result_int(result, row, 3),
        };
        if (!postgres_result_is_null(result, row, 6)) {
            deltas[row].held_order_id = postgres_result_uuid(result, row, 5);
            deltas[row].hold_end_ms = postgres_result_unix_us(result, row, 6) / 1000;
        }
        bool has_rules = !postgres_result_is_null(result, row, 4);
        if (has_rules) {
            deltas[row].rules = arena_strdup(arena, postgres_result_text(result, row, 4));
        }
        if (deltas[row].product_id == NULL || (has_rules && deltas[row].rules == NULL)) {
            return NULL;
        }
    }
    return deltas;
}
