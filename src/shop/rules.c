/* See rules.h. */
#include "shop/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shop/product_update.h"

/* 0001-01-01 and 9999-12-31T23:59:59.999999Z: what RFC 3339 and protobuf's Timestamp can say. */
#define TIME_US_MIN (-62135596800LL * 1000000)
#define TIME_US_MAX (253402300799LL * 1000000 + 999999)

static enum status check_lines(const struct order_line *lines, size_t count,
                               struct failure *failure);
static enum status check_line(const struct order_line *line, size_t index, struct failure *failure);
static enum status check_price(const char *field, int64_t price_minor, struct failure *failure);
static int compare_products(const void *a, const void *b);

enum status rules_check_id(const char *field, const char *id, struct failure *failure)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-";
    size_t size = strlen(id);
    if (size == 0 || size > SHOP_ID_BYTES_MAX || strspn(id, allowed) != size) {
        return failure_set_field(failure, field, "BAD_ID",
                                 "%s must be 1 to %d characters of A-Z a-z 0-9 . _ : -", field,
                                 SHOP_ID_BYTES_MAX);
    }
    return STATUS_OK;
}

enum status rules_check_order_batch(size_t order_count, size_t line_count, struct failure *failure)
{
    if (order_count == 0 || order_count > SHOP_BATCH_CREATE_MAX) {
        return failure_set_field(failure, "orders", "BAD_BATCH_SIZE",
                                 "1 to %d orders can be created at once, not %zu",
                                 SHOP_BATCH_CREATE_MAX, order_count);
    }
    if (line_count > SHOP_BATCH_LINES_MAX) {
        return failure_set_field(failure, "orders", "BAD_BATCH_SIZE",
                                 "orders created at once have %d lines in all, not %zu",
                                 SHOP_BATCH_LINES_MAX, line_count);
    }
    return STATUS_OK;
}

enum status rules_check_order_request(const struct order_request *request, int64_t now_unix_us,
                                      struct failure *failure)
{
    enum status status = rules_check_id("request_id", request->request_id, failure);
    if (status == STATUS_OK) {
        status = rules_check_id("customer_id", request->customer_id, failure);
    }
    if (status == STATUS_OK && request->order_ref[0] != '\0') {
        status = rules_check_id("order_ref", request->order_ref, failure);
    }
    if (status == STATUS_OK) {
        status = check_lines(request->lines, request->line_count, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!request->confirm &&
        (request->hold_ms < SHOP_HOLD_MS_MIN || request->hold_ms > SHOP_HOLD_MS_MAX)) {
        return failure_set_field(failure, "hold", "BAD_HOLD", "hold must be %d s to %d s",
                                 SHOP_HOLD_MS_MIN / 1000, SHOP_HOLD_MS_MAX / 1000);
    }
    int64_t latest = now_unix_us + SHOP_FUTURE_MS_MAX * INT64_C(1000);
    if (request->has_placed_time &&
        (request->placed_time_us < TIME_US_MIN || request->placed_time_us > latest)) {
        return failure_set_field(failure, "placed_time", "BAD_TIME",
                                 "placed_time must be a time of the past");
    }
    if (request->wait_for == DURABILITY_RESERVED) {
        return failure_set_field(failure, "wait_for", "BAD_WAIT",
                                 "what can be waited for is QUEUED and PERSISTED");
    }
    return STATUS_OK;
}

static enum status check_lines(const struct order_line *lines, size_t count,
                               struct failure *failure)
{
    if (count == 0 || count > SHOP_ORDER_LINES_MAX) {
        return failure_set_field(failure, "lines", "BAD_LINE_COUNT",
                                 "an order has 1 to %d lines, not %zu", SHOP_ORDER_LINES_MAX,
                                 count);
    }
    for (size_t i = 0; i < count; i++) {
        enum status status = check_line(&lines[i], i, failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status check_line(const struct order_line *line, size_t index, struct failure *failure)
{
    char field[FAILURE_FIELD_BYTES];
    (void)snprintf(field, sizeof field, "lines[%zu].product_id", index);
    enum status status = rules_check_id(field, line->product_id, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (line->quantity < 1 || line->quantity > SHOP_QUANTITY_MAX) {
        (void)snprintf(field, sizeof field, "lines[%zu].quantity", index);
        return failure_set_field(failure, field, "BAD_QUANTITY", "quantity must be 1 to %d, not %d",
                                 SHOP_QUANTITY_MAX, line->quantity);
    }
    if (!line->has_price) {
        return STATUS_OK;
    }
    (void)snprintf(field, sizeof field, "lines[%zu].unit_price_minor", index);
    return check_price(field, line->unit_price_minor, failure);
}

static enum status check_price(const char *field, int64_t price_minor, struct failure *failure)
{
    if (price_minor < 0 || price_minor > SHOP_PRICE_MINOR_MAX) {
        return failure_set_field(failure, field, "BAD_PRICE", "a price must be 0 to %lld, not %lld",
                                 SHOP_PRICE_MINOR_MAX, (long long)price_minor);
    }
    return STATUS_OK;
}

enum status rules_check_text(const char *field, const char *text, size_t least, size_t most,
                             const char *reason, struct failure *failure)
{
    size_t size = strlen(text);
    bool plain = true;
    for (const unsigned char *at = (const unsigned char *)text; *at != 0; at++) {
        plain = plain && *at >= 0x20 && *at != 0x7f;
    }
    if (size < least || size > most || !plain) {
        return failure_set_field(failure, field, reason,
                                 "%s must be %zu to %zu bytes without control characters", field,
                                 least, most);
    }
    return STATUS_OK;
}

bool rules_is_currency(const char *currency)
{
    return strlen(currency) == 3 && strspn(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

enum status rules_check_product_request(const struct product_request *request,
                                        struct failure *failure)
{
    struct product product = request->product;
    product.state = product.state != 0 ? product.state : PRODUCT_ACTIVE;
    enum status status = rules_check_id("request_id", request->request_id, failure);
    if (status == STATUS_OK) {
        status = product_check("product.", &product, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (request->on_hand < 0 || request->on_hand > SHOP_STOCK_MAX) {
        return failure_set_field(failure, "on_hand", "BAD_QUANTITY", "on_hand must be 0 to %lld",
                                 SHOP_STOCK_MAX);
    }
    return STATUS_OK;
}

enum status rules_check_adjustment(const struct stock_adjustment *adjustment,
                                   struct failure *failure)
{
    enum status status = rules_check_id("request_id", adjustment->request_id, failure);
    if (status == STATUS_OK) {
        status = rules_check_id("product_id", adjustment->product_id, failure);
    }
    if (status == STATUS_OK) {
        status = rules_check_text("reason", adjustment->reason, 1, SHOP_REASON_BYTES_MAX,
                                  "BAD_REASON", failure);
    }
    if (status == STATUS_OK && adjustment->reference[0] != '\0') {
        status = rules_check_id("reference", adjustment->reference, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (adjustment->sets) {
        bool in_range = adjustment->value >= 0 && adjustment->value <= SHOP_STOCK_MAX &&
                        adjustment->expected >= 0 && adjustment->expected <= SHOP_STOCK_MAX;
        return in_range ? STATUS_OK
                        : failure_set_field(failure, "value", "BAD_QUANTITY",
                                            "value and expected_on_hand must be 0 to %lld",
                                            SHOP_STOCK_MAX);
    }
    if (adjustment->delta == 0 || adjustment->delta > SHOP_STOCK_MAX ||
        adjustment->delta < -SHOP_STOCK_MAX) {
        return failure_set_field(failure, "delta", "BAD_QUANTITY",
                                 "delta must be -%lld to %lld and not 0", SHOP_STOCK_MAX,
                                 SHOP_STOCK_MAX);
    }
    return STATUS_OK;
}

enum status rules_check_event_order(const struct order *order, struct failure *failure)
{
    enum status status = rules_check_id("customer_id", order->customer_id, failure);
    if (status == STATUS_OK && order->order_ref[0] != '\0') {
        status = rules_check_id("order_ref", order->order_ref, failure);
    }
    if (status == STATUS_OK) {
        status = check_lines(order->lines, order->line_count, failure);
    }
    int64_t total = 0;
    if (status == STATUS_OK) {
        status = rules_order_total(order->lines, order->line_count, &total, failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!rules_is_currency(order->currency)) {
        return failure_set_field(failure, "currency", "BAD_CURRENCY", "not an ISO 4217 currency");
    }
    if (total != order->total_minor) {
        return failure_set_field(failure, "total_minor", "TOTAL_OUT_OF_RANGE",
                                 "the lines sum to another total");
    }
    if (order->create_time_us < TIME_US_MIN || order->create_time_us > TIME_US_MAX ||
        order->placed_time_us < TIME_US_MIN || order->placed_time_us > TIME_US_MAX) {
        return failure_set_field(failure, "create_time", "BAD_TIME", "a time is out of range");
    }
    return STATUS_OK;
}

enum status rules_page_size(int32_t asked, int32_t *page_size_out, struct failure *failure)
{
    if (asked < 0) {
        return failure_set_field(failure, "page_size", "BAD_PAGE_SIZE",
                                 "page_size must not be negative");
    }
    if (asked == 0) {
        asked = SHOP_PAGE_SIZE_DEFAULT;
    }
    *page_size_out = asked < SHOP_PAGE_SIZE_MAX ? asked : SHOP_PAGE_SIZE_MAX;
    return STATUS_OK;
}

enum status rules_order_total(const struct order_line *lines, size_t count, int64_t *total_out,
                              struct failure *failure)
{
    int64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t amount;
        if (__builtin_mul_overflow((int64_t)lines[i].quantity, lines[i].unit_price_minor,
                                   &amount) ||
            __builtin_add_overflow(total, amount, &total)) {
            return failure_set_field(failure, "lines", "TOTAL_OUT_OF_RANGE",
                                     "the order's total does not fit 64 bits");
        }
    }
    *total_out = total;
    return STATUS_OK;
}

struct product_quantity *rules_sum_lines(const struct order_line *lines, size_t count,
                                         struct arena *arena, size_t *count_out)
{
    struct product_quantity *sums = arena_alloc(arena, count * sizeof *sums);
    if (sums == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        sums[i] = (struct product_quantity){lines[i].product_id, lines[i].quantity};
    }
    qsort(sums, count, sizeof *sums, compare_products);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && strcmp(sums[kept - 1].product_id, sums[i].product_id) == 0) {
            sums[kept - 1].quantity += sums[i].quantity; /* at most 2,000 * 1,000,000 */
            continue;
        }
        sums[kept++] = sums[i];
    }
    *count_out = kept;
    return sums;
}

static int compare_products(const void *a, const void *b)
{
    const struct product_quantity *left = a;
    const struct product_quantity *right = b;
    return strcmp(left->product_id, right->product_id);
}
