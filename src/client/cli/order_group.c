/* See order_group.h. */
#include "client/cli/order_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/options.h"
#include "json/timestamp.h"
#include "shop/rules.h"

#define TEXTS_CHUNK_BYTES (64 * 1024)
#define TEXTS_BYTES_MAX   (1024 * 1024) /* 2,000 ids of 64 bytes eight times over */

enum column {
    ORDER_REF,
    CUSTOMER_ID,
    ORDER_TIME,
    PRODUCT_ID,
    QUANTITY,
    UNIT_PRICE_MINOR,
};

const struct csv_column ORDER_GROUP_COLUMNS[ORDER_GROUP_COLUMN_COUNT] = {
    [ORDER_REF] = {"order_ref", true},   [CUSTOMER_ID] = {"customer_id", true},
    [ORDER_TIME] = {"order_time", true}, [PRODUCT_ID] = {"product_id", true},
    [QUANTITY] = {"quantity", true},     [UNIT_PRICE_MINOR] = {"unit_price_minor", false},
};

static void open_group(struct order_group *group, const struct csv_values *values);
static void read_head(struct order_group *group, const struct csv_values *values);
static void check_head(struct order_group *group, const struct csv_values *values);
static void add_line(struct order_group *group, const struct csv_values *values);
static const char *keep(struct order_group *group, const char *text, size_t line);
static void note(struct order_group *group, size_t line, const char *reason, const char *what,
                 const char *text);

bool order_group_takes(const struct order_group *group, const struct csv_values *values)
{
    const char *ref = values->items[ORDER_REF];
    return !group->open || ref == NULL || strcmp(group->order.order_ref, ref) == 0;
}

void order_group_add(struct order_group *group, const struct csv_values *values,
                     const char *problem)
{
    if (!group->open) {
        open_group(group, values);
    }
    group->row_count++;
    group->next_in_doubt = values->items[ORDER_REF] == NULL;
    if (problem != NULL) {
        note(group, values->line, "BAD_ROW", problem, "");
        return;
    }
    if (group->row_count == 1) {
        read_head(group, values);
    } else {
        check_head(group, values);
    }
    add_line(group, values);
}

enum status order_group_check(struct order_group *group, int64_t now_unix_us,
                              struct failure *failure, size_t *line_out)
{
    *line_out = group->problem_line;
    if (group->problem.code != STATUS_OK) {
        *failure = group->problem;
        return failure->code;
    }
    struct order_request order = group->order;
    order.request_id = "checked"; /* the caller makes it when it sends */
    *line_out = group->first_line;
    if (group->row_count > SHOP_ORDER_LINES_MAX) {
        return failure_set_field(failure, "lines", "BAD_LINE_COUNT",
                                 "an order has 1 to %d lines, not %zu", SHOP_ORDER_LINES_MAX,
                                 group->row_count);
    }
    enum status status = rules_check_id("order_ref", order.order_ref, failure);
    if (status == STATUS_OK) {
        status = rules_check_order_request(&order, now_unix_us, failure);
    }
    if (status != STATUS_OK && strncmp(failure->field, "lines[", 6) == 0) {
        *line_out = group->line_numbers[strtoul(failure->field + 6, NULL, 10)];
    }
    return status;
}

void order_group_reset(struct order_group *group)
{
    if (group->has_texts) {
        arena_reset(&group->texts);
    }
    group->unreadable_line = group->next_in_doubt ? group->problem_line : 0;
    group->open = false;
    group->next_in_doubt = false;
    group->row_count = 0;
    group->order_time = NULL;
    group->problem.code = STATUS_OK;
}

void order_group_fini(struct order_group *group)
{
    if (group->has_texts) {
        arena_fini(&group->texts);
    }
}

static void open_group(struct order_group *group, const struct csv_values *values)
{
    if (!group->has_texts) {
        arena_init(&group->texts, TEXTS_CHUNK_BYTES, TEXTS_BYTES_MAX);
        group->has_texts = true;
    }
    const char *ref = values->items[ORDER_REF];
    group->open = true;
    group->first_line = values->line;
    group->order = (struct order_request){.lines = group->lines};
    group->order.order_ref = keep(group, ref == NULL ? "" : ref, values->line);
    group->order.customer_id = "";
    if (group->unreadable_line != 0) {
        char where[64];
        snprintf(where, sizeof(where), "line %zu", group->unreadable_line);
        note(group, values->line, "BAD_ROW", "may begin with a row that cannot be read: ", where);
    }
}

/* What all rows of an order share. */
static void read_head(struct order_group *group, const struct csv_values *values)
{
    group->order.customer_id = keep(group, values->items[CUSTOMER_ID], values->line);
    group->order_time = keep(group, values->items[ORDER_TIME], values->line);
    if (group->order_time[0] == '\0') {
        return;
    }
    int64_t seconds;
    int32_t nanos;
    if (!timestamp_parse_written(group->order_time, &seconds, &nanos)) {
        note(group, values->line, "BAD_TIME",
             "order_time is no time such as 1996-07-04T00:00:00Z: ", group->order_time);
        return;
    }
    group->order.has_placed_time = true;
    group->order.placed_time_us = seconds * 1000000 + nanos / 1000;
}

static void check_head(struct order_group *group, const struct csv_values *values)
{
    if (group->order_time == NULL) {
        return; /* the first row was bad, and so is the order */
    }
    if (strcmp(group->order.customer_id, values->items[CUSTOMER_ID]) != 0) {
        note(group, values->line, "BAD_ROW",
             "customer_id is not that of the order's first row: ", values->items[CUSTOMER_ID]);
    }
    if (strcmp(group->order_time, values->items[ORDER_TIME]) != 0) {
        note(group, values->line, "BAD_ROW",
             "order_time is not that of the order's first row: ", values->items[ORDER_TIME]);
    }
}

static void add_line(struct order_group *group, const struct csv_values *values)
{
    if (group->order.line_count == SHOP_ORDER_LINES_MAX) {
        return; /* row_count tells */
    }
    struct order_line line = {.product_id = keep(group, values->items[PRODUCT_ID], values->line)};
    int64_t quantity;
    if (!options_parse_int(values->items[QUANTITY], &quantity) || quantity < INT32_MIN ||
        quantity > INT32_MAX) {
        note(group, values->line, "BAD_QUANTITY",
             "quantity is no whole number in range: ", values->items[QUANTITY]);
        return;
    }
    line.quantity = (int32_t)quantity;
    const char *price = values->items[UNIT_PRICE_MINOR];
    line.has_price = price != NULL && price[0] != '\0';
    if (line.has_price && !options_parse_int(price, &line.unit_price_minor)) {
        note(group, values->line, "BAD_PRICE", "unit_price_minor is no whole number: ", price);
        return;
    }
    group->line_numbers[group->order.line_count] = values->line;
    group->lines[group->order.line_count++] = line;
}

/* Never NULL. */
static const char *keep(struct order_group *group, const char *text, size_t line)
{
    const char *kept = arena_strdup(&group->texts, text);
    if (kept == NULL) {
        note(group, line, "BAD_ROW", "the order's texts are too long", "");
        return "";
    }
    return kept;
}

/* Keeps the first problem. */
static void note(struct order_group *group, size_t line, const char *reason, const char *what,
                 const char *text)
{
    if (group->problem.code == STATUS_OK) {
        failure_set(&group->problem, STATUS_INVALID_ARGUMENT, reason, "%s%.60s", what, text);
        group->problem_line = line;
    }
}
