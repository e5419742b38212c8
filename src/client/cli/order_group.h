/* Order group: the rows of an orders file that make one order, collected and checked.
 * Used by import_orders.c. Always: bounded, whatever the file has (an order of too many lines is
 * counted to its end, but not kept); nothing is guessed: a group with any row in doubt is bad. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "client/cli/csv_table.h"
#include "shop/order.h"

#define ORDER_GROUP_COLUMN_COUNT 6
extern const struct csv_column ORDER_GROUP_COLUMNS[ORDER_GROUP_COLUMN_COUNT];

/* Zeroed = empty. */
struct order_group {
    bool open;                    /* has rows */
    size_t first_line, row_count; /* of the file; of the order */
    struct order_request order;   /* request_id is left to the caller */
    const char *order_time;       /* as written */
    struct failure problem;       /* the first; code STATUS_OK = none so far */
    size_t problem_line;
    size_t unreadable_line; /* a row just before this group might have been its first; 0 = none */
    bool next_in_doubt;     /* the last row might be the next group's */
    size_t line_numbers[SHOP_ORDER_LINES_MAX];
    struct order_line lines[SHOP_ORDER_LINES_MAX];
    struct arena texts;
    bool has_texts;
};

/* Whether the row belongs to the group as it is; if not, finish the group and reset it first. A row
 * whose order_ref cannot be read belongs to any. */
bool order_group_takes(const struct order_group *group, const struct csv_values *values);
/* `problem`: why the row could not be read, or NULL. */
void order_group_add(struct order_group *group, const struct csv_values *values,
                     const char *problem);
/* The verdict on the group's rows by shop/rules.h; *line_out is where the problem is. */
enum status order_group_check(struct order_group *group, int64_t now_unix_us,
                              struct failure *failure, size_t *line_out);
/* Empties it for the next one. */
void order_group_reset(struct order_group *group);
void order_group_fini(struct order_group *group);
