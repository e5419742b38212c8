/* See change_rows.h. */
#include "worker/change_rows.h"

#include <stdio.h>

#include "worker/change_sql.h"
#include "worker/row_columns.h"

/* Column order_events.outcome. */
enum row_outcome {
    ROW_WAITS = 0,
    ROW_APPLIED = 1,
    ROW_REFUSED = 2,
};

#define INT_TEXT_BYTES 12 /* a sign, ten digits, a comma */

static enum row_outcome row_outcome(const struct plan_slot *slot);
static void add_event(struct columns *columns, const struct plan_slot *slot, struct arena *arena);
static const char *array_text(const struct order_change *change, bool numbers, struct arena *arena);
static void add_events(struct event_rows *rows, const struct event_plan *plan);
static void add_resolved(struct event_rows *rows, const struct event_plan *plan);
static void add_orders(struct event_rows *rows, const struct event_plan *plan);
static void add_lines(struct event_rows *rows, const struct event_plan *plan);
static bool read_waiting(const struct postgres_result *result, size_t row, struct arena *arena,
                         struct event *event);
static bool read_waiting_lines(const struct postgres_result *lines, size_t *row,
                               struct event *event, struct arena *arena);

static size_t add_ids(struct event_rows *rows, const struct postgres_statement *statement,
                      const struct uuid *order_ids, size_t count)
{
    struct columns columns;
    columns_init(&columns, &(enum postgres_type){POSTGRES_UUID}, 1, rows->arena, count);
    for (size_t i = 0; i < count; i++) {
        postgres_array_add_uuid(&columns.arrays[0], &order_ids[i]);
    }
    return columns_add(&columns, rows, statement);
}

static size_t add_order_ids(struct event_rows *rows, const struct postgres_statement *statement,
                            const struct event_plan *plan)
{
    struct columns columns;
    columns_init(&columns, &(enum postgres_type){POSTGRES_UUID}, 1, rows->arena,
                 plan->changed_count);
    for (size_t i = 0; i < plan->changed_count; i++) {
        postgres_array_add_uuid(&columns.arrays[0], plan->orders[i].order_id);
    }
    return columns_add(&columns, rows, statement);
}

size_t change_rows_add_lock(struct event_rows *rows, const struct event_plan *plan)
{
    return add_order_ids(rows, &SQL_LOCK_ORDERS, plan);
}

size_t change_rows_add_lock_of(struct event_rows *rows, const struct uuid *order_ids, size_t count)
{
    return add_ids(rows, &SQL_LOCK_ORDERS, order_ids, count);
}

size_t change_rows_add_lines_query(struct event_rows *rows, const struct event_plan *plan)
{
    return add_order_ids(rows, &SQL_LINES, plan);
}

size_t change_rows_add_known_query(struct event_rows *rows, const struct event_plan *plan)
{
    static const enum postgres_type TYPES[] = {POSTGRES_UUID, POSTGRES_INT4};
    struct columns columns;
    columns_init(&columns, TYPES, 2, rows->arena, plan->slot_count - plan->first_change);
    for (size_t i = plan->first_change; i < plan->slot_count; i++) {
        postgres_array_add_uuid(&columns.arrays[0], plan->slots[i].key);
        postgres_array_add_int(&columns.arrays[1], plan->slots[i].version);
    }
    return columns_add(&columns, rows, &SQL_KNOWN);
}

size_t change_rows_add_waiting_query(struct event_rows *rows, const struct uuid *order_ids,
                                     size_t count)
{
    return add_ids(rows, &SQL_WAITING, order_ids, count);
}

size_t change_rows_add_waiting_lines_query(struct event_rows *rows, const struct uuid *order_ids,
                                           size_t count)
{
    return add_ids(rows, &SQL_WAITING_LINES, order_ids, count);
}

size_t change_rows_add_ready_query(struct event_rows *rows, const struct event_plan *plan)
{
    struct columns columns;
    columns_init(&columns, &(enum postgres_type){POSTGRES_UUID}, 1, rows->arena,
                 plan->order_count + plan->changed_count);
    for (size_t i = 0; i < plan->order_count; i++) {
        postgres_array_add_uuid(&columns.arrays[0], plan->slots[i].key);
    }
    for (size_t i = 0; i < plan->changed_count; i++) {
        postgres_array_add_uuid(&columns.arrays[0], plan->orders[i].order_id);
    }
    return columns_add(&columns, rows, &SQL_READY);
}

void change_rows_add_decided(struct event_rows *rows, const struct event_plan *plan)
{
    if (plan->changed_count == 0) {
        return;
    }
    if (plan->waited) {
        add_resolved(rows, plan);
    } else {
        add_events(rows, plan);
    }
    add_orders(rows, plan);
    add_lines(rows, plan);
}

/* Created orders and changes; what waits is told when it is applied. */
void change_rows_add_feed(struct event_rows *rows, const struct event_plan *plan)
{
    static const enum postgres_type TYPES[] = {POSTGRES_UUID, POSTGRES_INT4};
    struct columns columns;
    columns_init(&columns, TYPES, 2, rows->arena, plan->slot_count);
    for (size_t i = 0; i < plan->slot_count; i++) {
        const struct plan_slot *slot = &plan->slots[i];
        bool is_created = i < plan->order_count;
        bool is_applied = i >= plan->first_change && row_outcome(slot) == ROW_APPLIED;
        if (slot->fresh && (is_created || is_applied)) {
            postgres_array_add_uuid(&columns.arrays[0], slot->key);
            postgres_array_add_int(&columns.arrays[1], is_created ? 1 : slot->version);
        }
    }
    if (columns.arrays[0].count > 0) {
        (void)columns_add(&columns, rows, &SQL_FEED);
    }
}

static enum row_outcome row_outcome(const struct plan_slot *slot)
{
    return slot->outcome == EVENT_WAITING    ? ROW_WAITS
           : slot->outcome == EVENT_REJECTED ? ROW_REFUSED
                                             : ROW_APPLIED;
}

static void add_events(struct event_rows *rows, const struct event_plan *plan)
{
    static const enum postgres_type TYPES[] = {
        POSTGRES_UUID, POSTGRES_INT4, POSTGRES_UUID, POSTGRES_INT4, POSTGRES_TIMESTAMPTZ,
        POSTGRES_TEXT, POSTGRES_INT4, POSTGRES_INT4, POSTGRES_INT4, POSTGRES_INT4,
        POSTGRES_INT8, POSTGRES_TEXT, POSTGRES_TEXT, POSTGRES_TEXT,
    };
    struct columns columns;
    columns_init(&columns, TYPES, sizeof TYPES / sizeof *TYPES, rows->arena,
                 plan->slot_count - plan->first_change);
    for (size_t i = plan->first_change; i < plan->slot_count; i++) {
        if (plan->slots[i].fresh) {
            add_event(&columns, &plan->slots[i], rows->arena);
        }
    }
    if (columns.arrays[0].count > 0) {
        (void)columns_add(&columns, rows, &SQL_CHANGES);
    }
}

static void add_event(struct columns *columns, const struct plan_slot *slot, struct arena *arena)
{
    struct postgres_array *to = columns->arrays;
    const struct event *event = slot->event;
    const struct order_change *change = &event->change;
    postgres_array_add_uuid(&to[0], slot->key);
    postgres_array_add_int(&to[1], slot->version);
    postgres_array_add_uuid(&to[2], &event->event_id);
    postgres_array_add_int(&to[3], event->kind);
    postgres_array_add_unix_us(&to[4], event->event_time_us);
    postgres_array_add_text(&to[5], event->actor);
    postgres_array_add_int(&to[6], change->from_state);
    postgres_array_add_int(&to[7], change->to_state);
    postgres_array_add_int(&to[8], row_outcome(slot));
    postgres_array_add_int(&to[9], change->write_off);
    postgres_array_add_int(&to[10], event->epoch);
    postgres_array_add_text(&to[11], change->reason);
    bool moves = slot->first->use_count > 0;
    postgres_array_add_text(&to[12], moves ? array_text(change, true, arena) : NULL);
    postgres_array_add_text(&to[13], moves ? array_text(change, false, arena) : NULL);
}

/* "{1,2,3}": an array of arrays would have to be rectangular. */
static const char *array_text(const struct order_change *change, bool numbers, struct arena *arena)
{
    size_t size = change->line_count * INT_TEXT_BYTES + sizeof "{}";
    char *text = arena_alloc(arena, size);
    if (text == NULL) {
        return "full"; /* no array: nothing is stored */
    }
    size_t used = 0;
    for (size_t i = 0; i < change->line_count; i++) {
        const struct line_change *line = &change->lines[i];
        used += (size_t)snprintf(text + used, size - used, "%c%d", i == 0 ? '{' : ',',
                                 numbers ? line->line_number : line->quantity);
    }
    (void)snprintf(text + used, size - used, "}");
    return text;
}

static void add_resolved(struct event_rows *rows, const struct event_plan *plan)
{
    static const enum postgres_type TYPES[] = {POSTGRES_UUID, POSTGRES_INT4, POSTGRES_INT4};
    struct columns columns;
    columns_init(&columns, TYPES, 3, rows->arena, plan->slot_count);
    for (size_t i = plan->first_change; i < plan->slot_count; i++) {
        const struct plan_slot *slot = &plan->slots[i];
        if (slot->outcome != EVENT_WAITING) {
            postgres_array_add_uuid(&columns.arrays[0], slot->key);
            postgres_array_add_int(&columns.arrays[1], slot->version);
            postgres_array_add_int(&columns.arrays[2], row_outcome(slot));
        }
    }
    if (columns.arrays[0].count > 0) {
        (void)columns_add(&columns, rows, &SQL_RESOLVE);
    }
}

static void add_orders(struct event_rows *rows, const struct event_plan *plan)
{
    static const enum postgres_type TYPES[] = {
        POSTGRES_UUID,        POSTGRES_INT4,        POSTGRES_INT4, POSTGRES_TIMESTAMPTZ,
        POSTGRES_TIMESTAMPTZ, POSTGRES_TIMESTAMPTZ, POSTGRES_TEXT,
    };
    struct columns columns;
    columns_init(&columns, TYPES, sizeof TYPES / sizeof *TYPES, rows->arena, plan->changed_count);
    struct postgres_array *to = columns.arrays;
    for (size_t i = 0; i < plan->changed_count; i++) {
        const struct order *order = &plan->orders[i].order;
        if (plan->orders[i].changed) {
            postgres_array_add_uuid(&to[0], plan->orders[i].order_id);
            postgres_array_add_int(&to[1], order->state);
            postgres_array_add_int(&to[2], order->version);
            postgres_array_add_unix_us(&to[3], order->expire_time_us);
            postgres_array_add_unix_us(&to[4], order->confirm_time_us);
            postgres_array_add_unix_us(&to[5], order->update_time_us);
            postgres_array_add_text(&to[6], order->payment_reference);
        }
    }
    if (to[0].count > 0) {
        (void)columns_add(&columns, rows, &SQL_CHANGE_ORDERS);
    }
}

static void add_lines(struct event_rows *rows, const struct event_plan *plan)
{
    static const enum postgres_type TYPES[] = {POSTGRES_UUID, POSTGRES_INT4, POSTGRES_INT4,
                                               POSTGRES_INT4};
    struct columns columns;
    columns_init(&columns, TYPES, 4, rows->arena, plan->changed_count);
    struct postgres_array *to = columns.arrays;
    for (size_t i = 0; i < plan->changed_count; i++) {
        const struct plan_order *order = &plan->orders[i];
        for (size_t j = 0; order->changed && j < order->order.line_count; j++) {
            const struct order_line *line = &order->order.lines[j];
            if (line->fulfilled_quantity != order->loaded[j].fulfilled_quantity ||
                line->cancelled_quantity != order->loaded[j].cancelled_quantity) {
                postgres_array_add_uuid(&to[0], order->order_id);
                postgres_array_add_int(&to[1], (int64_t)j + 1);
                postgres_array_add_int(&to[2], line->fulfilled_quantity);
                postgres_array_add_int(&to[3], line->cancelled_quantity);
            }
        }
    }
    if (to[0].count > 0) {
        (void)columns_add(&columns, rows, &SQL_CHANGE_LINES);
    }
}

bool change_rows_read_orders(const struct postgres_result *result, struct event_plan *plan)
{
    for (size_t row = 0; row < postgres_result_rows(result); row++) {
        struct uuid order_id = postgres_result_uuid(result, row, 0);
        struct plan_order *order = event_plan_order(plan, &order_id);
        if (order == NULL) {
            continue; /* locked for its waiting events, which another had applied before */
        }
        order->known = true;
        order->order = (struct order){
            .order_id = order_id,
            .state = (enum order_state)postgres_result_int(result, row, 2),
            .version = (int32_t)postgres_result_int(result, row, 3),
            .expire_time_us = postgres_result_unix_us(result, row, 4),
            .confirm_time_us = postgres_result_unix_us(result, row, 5),
            .update_time_us = postgres_result_unix_us(result, row, 6),
            .payment_reference = arena_strdup(plan->arena, postgres_result_text(result, row, 7)),
        };
        if (order->order.payment_reference == NULL) {
            return false;
        }
    }
    return true;
}

bool change_rows_read_lines(const struct postgres_result *result, struct event_plan *plan)
{
    size_t count = postgres_result_rows(result);
    struct order_line *lines = arena_calloc(plan->arena, count, sizeof *lines);
    if (lines == NULL) {
        return false;
    }
    for (size_t row = 0; row < count; row++) {
        struct uuid order_id = postgres_result_uuid(result, row, 0);
        struct plan_order *order = event_plan_order(plan, &order_id);
        lines[row] = (struct order_line){
            .product_id = arena_strdup(plan->arena, postgres_result_text(result, row, 1)),
            .quantity = (int32_t)postgres_result_int(result, row, 2),
            .fulfilled_quantity = (int32_t)postgres_result_int(result, row, 3),
            .cancelled_quantity = (int32_t)postgres_result_int(result, row, 4),
        };
        if (lines[row].product_id == NULL) {
            return false;
        }
        if (order->order.line_count++ == 0) {
            order->order.lines = &lines[row];
            order->loaded = &lines[row];
        }
    }
    return true;
}

void change_rows_read_known(const struct postgres_result *result, struct event_plan *plan)
{
    for (size_t i = plan->first_change; i < plan->slot_count; i++) {
        plan->slots[i].fresh = true;
    }
    for (size_t row = 0; row < postgres_result_rows(result); row++) {
        struct uuid order_id = postgres_result_uuid(result, row, 0);
        struct plan_slot *slot =
            event_plan_change(plan, &order_id, (int32_t)postgres_result_int(result, row, 1));
        slot->fresh = false;
        slot->winner = postgres_result_uuid(result, row, 2);
    }
}

struct stored_event *change_rows_read_waiting(const struct postgres_result *events,
                                              const struct postgres_result *lines,
                                              struct arena *arena)
{
    size_t count = postgres_result_rows(events);
    struct stored_event *stored = arena_calloc(arena, count, sizeof *stored);
    struct event *made = arena_calloc(arena, count, sizeof *made);
    if (stored == NULL || made == NULL) {
        return NULL;
    }
    size_t line = 0;
    for (size_t row = 0; row < count; row++) {
        struct event *event = &made[row];
        if (!read_waiting(events, row, arena, event) ||
            !read_waiting_lines(lines, &line, event, arena)) {
            return NULL;
        }
        event->encoded = event_codec_encode(event, arena);
        if (event->encoded.data == NULL) {
            return NULL;
        }
        stored[row].event = event;
    }
    return stored;
}

static bool read_waiting(const struct postgres_result *result, size_t row, struct arena *arena,
                         struct event *event)
{
    event->order.order_id = postgres_result_uuid(result, row, 0);
    event->change.version = (int32_t)postgres_result_int(result, row, 1);
    event->event_id = postgres_result_uuid(result, row, 2);
    event->kind = (enum event_kind)postgres_result_int(result, row, 3);
    event->event_time_us = postgres_result_unix_us(result, row, 4);
    event->epoch = postgres_result_int(result, row, 5);
    event->actor = arena_strdup(arena, postgres_result_text(result, row, 6));
    event->call_id = "";
    event->change.verb = (enum order_verb)(event->kind - EVENT_ORDER_CONFIRMED + ORDER_CONFIRM);
    event->change.from_state = (enum order_state)postgres_result_int(result, row, 7);
    event->change.to_state = (enum order_state)postgres_result_int(result, row, 8);
    event->change.write_off = postgres_result_int(result, row, 9) != 0;
    event->change.reacquired =
        event->change.verb == ORDER_CONFIRM && event->change.from_state == ORDER_EXPIRED;
    event->change.reason = arena_strdup(arena, postgres_result_text(result, row, 10));
    event->order.customer_id = arena_strdup(arena, postgres_result_text(result, row, 11));
    return event->actor != NULL && event->change.reason != NULL && event->order.customer_id != NULL;
}

/* Lines come in their events' order; *row is the first that is not read yet. */
static bool read_waiting_lines(const struct postgres_result *lines, size_t *row,
                               struct event *event, struct arena *arena)
{
    size_t end = *row;
    for (; end < postgres_result_rows(lines); end++) {
        struct uuid order_id = postgres_result_uuid(lines, end, 0);
        if (memcmp(&order_id, &event->order.order_id, sizeof order_id) != 0 ||
            postgres_result_int(lines, end, 1) != event->change.version) {
            break;
        }
    }
    struct line_change *change = arena_calloc(arena, end - *row, sizeof *change);
    if (change == NULL) {
        return false;
    }
    event->change.lines = change;
    for (; *row < end; (*row)++, change++) {
        *change = (struct line_change){
            .line_number = (int32_t)postgres_result_int(lines, *row, 2),
            .quantity = (int32_t)postgres_result_int(lines, *row, 3),
            .product_id = arena_strdup(arena, postgres_result_text(lines, *row, 4)),
        };
        if (change->product_id == NULL) {
            return false;
        }
        event->change.line_count++;
    }
    return true;
}
