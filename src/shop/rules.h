/* Rules: what may be asked for. Pure; each returns STATUS_OK or fills *failure with
 * INVALID_ARGUMENT, the field's path and a reason of docs/ERRORS.md. Called by the server's command
 * files before anything is decided, by orderctl's import before anything is sent, and by the worker
 * on what comes off the queue. */
#pragma once

#include "shop/order.h"

/* 1 to 64 of [A-Za-z0-9._:-]. BAD_ID. */
enum status rules_check_id(const char *field, const char *id, struct failure *failure);
/* least to most bytes without control characters; `reason` otherwise. */
enum status rules_check_text(const char *field, const char *text, size_t least, size_t most,
                             const char *reason, struct failure *failure);
/* request_id, customer_id, lines (1 to 2,000, id, quantity 1 to 1,000,000, price 0 to 10^12 where
 * given), placed_time (not later than now + 5 min), order_ref, wait_for. BAD_ID, BAD_LINE_COUNT,
 * BAD_QUANTITY, BAD_PRICE, BAD_HOLD, BAD_TIME, BAD_WAIT. */
enum status rules_check_order_request(const struct order_request *request, int64_t now_unix_us,
                                      struct failure *failure);
/* Orders of one BatchCreateOrders, and the lines of all of them. BAD_BATCH_SIZE. */
enum status rules_check_order_batch(size_t order_count, size_t line_count, struct failure *failure);
/* Three upper-case letters. */
bool rules_is_currency(const char *currency);
/* Its id, on_hand (BAD_QUANTITY), and the product as product_update.h has it. */
enum status rules_check_product_request(const struct product_request *request,
                                        struct failure *failure);
/* BAD_ID, BAD_QUANTITY (0 or beyond SHOP_STOCK_MAX; of SetStock the value or what is expected),
 * BAD_REASON. */
enum status rules_check_adjustment(const struct stock_adjustment *adjustment,
                                   struct failure *failure);
/* What the worker asks of an order that came off the queue; a server of ours cannot send another.
 * Also that the total is the lines' sum. */
enum status rules_check_event_order(const struct order *order, struct failure *failure);
/* 0 -> default, above the maximum -> maximum; negative: BAD_PAGE_SIZE. */
enum status rules_page_size(int32_t asked, int32_t *page_size_out, struct failure *failure);

/* Sum of quantity * unit_price_minor in 64 bits. TOTAL_OUT_OF_RANGE on overflow. */
enum status rules_order_total(const struct order_line *lines, size_t count, int64_t *total_out,
                              struct failure *failure);
/* The order's units by product, sorted by product_id (the order in which every script and
 * transaction takes them). Lives in the arena; NULL when that is full. */
struct product_quantity *rules_sum_lines(const struct order_line *lines, size_t count,
                                         struct arena *arena, size_t *count_out);
