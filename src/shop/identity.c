/* See identity.h. */
#include "shop/identity.h"

#include <string.h>

#define LINES_A_ROUND 64 /* hashed in one go; the digest so far leads the next round */

static void hash_lines(const struct order_line *lines, size_t count, uint8_t digest[HASH_BYTES]);
static void hash_rules(const struct product *product, uint8_t digest[HASH_BYTES]);
static void put_int64(uint8_t out[8], int64_t value);

struct uuid identity_of_request(enum identity_kind kind, const char *request_id)
{
    static const char *const purposes[] = {
        [IDENTITY_ORDER] = "shop.v1.Order",
        [IDENTITY_ADJUSTMENT] = "shop.v1.StockAdjustment",
        [IDENTITY_CHANGE] = "shop.v1.OrderChanged",
        [IDENTITY_EXPIRY] = "shop.v1.OrderExpired",
    };
    struct hash_part parts[] = {
        {purposes[kind], strlen(purposes[kind])},
        {request_id, strlen(request_id)},
    };
    uint8_t hash[HASH_BYTES];
    hash_parts(parts, 2, hash);
    struct uuid request;
    if (uuid_parse(request_id, &request) && uuid_version(&request) == 7) {
        return uuid_from_hash(uuid_unix_ms(&request), hash);
    }
    uint64_t prefix = 0;
    for (size_t i = 16; i < 22; i++) {
        prefix = prefix << 8 | hash[i];
    }
    return uuid_from_hash(prefix, hash);
}

bool identity_is_fresh(const char *request_id, int64_t now_unix_us, int64_t age_ms)
{
    struct uuid request;
    if (!uuid_parse(request_id, &request) || uuid_version(&request) != 7) {
        return false;
    }
    int64_t age = now_unix_us / 1000 - (int64_t)uuid_unix_ms(&request);
    return age <= age_ms && age >= -SHOP_FUTURE_MS_MAX;
}

void identity_hash_order(const struct order_request *request, uint8_t out[REQUEST_HASH_BYTES])
{
    uint8_t digest[HASH_BYTES] = {0};
    hash_lines(request->lines, request->line_count, digest);
    uint8_t placed[9] = {request->has_placed_time};
    put_int64(placed + 1, request->has_placed_time ? request->placed_time_us : 0);
    uint8_t commitment[8];
    put_int64(commitment, request->confirm ? 0 : request->hold_ms);
    struct hash_part parts[] = {
        {digest, sizeof digest},
        {request->customer_id, strlen(request->customer_id)},
        {request->order_ref, strlen(request->order_ref)},
        {placed, sizeof placed},
        {commitment, sizeof commitment},
    };
    hash_parts(parts, sizeof parts / sizeof parts[0], digest);
    memcpy(out, digest, REQUEST_HASH_BYTES);
}

static void hash_lines(const struct order_line *lines, size_t count, uint8_t digest[HASH_BYTES])
{
    uint8_t numbers[LINES_A_ROUND][17];
    struct hash_part parts[1 + 2 * LINES_A_ROUND];
    for (size_t first = 0; first < count; first += LINES_A_ROUND) {
        size_t used = 0;
        parts[used++] = (struct hash_part){digest, HASH_BYTES};
        for (size_t i = 0; i < LINES_A_ROUND && first + i < count; i++) {
            const struct order_line *line = &lines[first + i];
            numbers[i][0] = line->has_price;
            put_int64(numbers[i] + 1, line->quantity);
            put_int64(numbers[i] + 9, line->has_price ? line->unit_price_minor : 0);
            parts[used++] = (struct hash_part){line->product_id, strlen(line->product_id)};
            parts[used++] = (struct hash_part){numbers[i], sizeof numbers[i]};
        }
        uint8_t next[HASH_BYTES];
        hash_parts(parts, used, next);
        memcpy(digest, next, HASH_BYTES);
    }
}

void identity_hash_verb(const struct verb_request *request, uint8_t out[REQUEST_HASH_BYTES])
{
    uint8_t head[3] = {(uint8_t)request->verb, request->reacquire, request->write_off};
    uint8_t digest[HASH_BYTES];
    struct hash_part parts[] = {
        {head, sizeof head},
        {request->order_id, strlen(request->order_id)},
        {request->reason, strlen(request->reason)},
    };
    hash_parts(parts, sizeof parts / sizeof parts[0], digest);
    for (size_t i = 0; i < request->line_count; i++) {
        uint8_t line[16];
        put_int64(line, request->lines[i].line_number);
        put_int64(line + 8, request->lines[i].quantity);
        struct hash_part more[] = {{digest, sizeof digest}, {line, sizeof line}};
        uint8_t next[HASH_BYTES];
        hash_parts(more, 2, next);
        memcpy(digest, next, HASH_BYTES);
    }
    memcpy(out, digest, REQUEST_HASH_BYTES);
}

void identity_hash_product(const struct product_request *request, uint8_t out[REQUEST_HASH_BYTES])
{
    const struct product *product = &request->product;
    uint8_t numbers[16];
    put_int64(numbers, product->unit_price_minor);
    put_int64(numbers + 8, request->on_hand);
    struct hash_part parts[] = {
        {product->product_id, strlen(product->product_id)},
        {product->display_name, strlen(product->display_name)},
        {product->currency, strlen(product->currency)},
        {numbers, sizeof numbers},
    };
    uint8_t digest[HASH_BYTES];
    hash_parts(parts, sizeof parts / sizeof parts[0], digest);
    hash_rules(product, digest);
    memcpy(out, digest, REQUEST_HASH_BYTES);
}

/* A product without rules keeps the hash that it had before there were any. */
static void hash_rules(const struct product *product, uint8_t digest[HASH_BYTES])
{
    const int64_t rules[] = {
        product->state == PRODUCT_SUSPENDED,
        product->max_per_order,
        product->max_per_customer,
        product->limit_window_ms,
        product->sale_start_us,
        product->sale_end_us,
        product->safety_stock,
        product->low_stock_threshold,
    };
    uint8_t bytes[sizeof rules];
    bool has_any = false;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        put_int64(bytes + i * sizeof rules[0], rules[i]);
        has_any = has_any || rules[i] != 0;
    }
    if (has_any) {
        struct hash_part parts[] = {{digest, HASH_BYTES}, {bytes, sizeof bytes}};
        uint8_t next[HASH_BYTES];
        hash_parts(parts, 2, next);
        memcpy(digest, next, HASH_BYTES);
    }
}

void identity_hash_adjustment(const struct stock_adjustment *adjustment,
                              uint8_t out[REQUEST_HASH_BYTES])
{
    uint8_t delta[8];
    put_int64(delta, adjustment->delta);
    struct hash_part parts[] = {
        {adjustment->product_id, strlen(adjustment->product_id)},
        {adjustment->reason, strlen(adjustment->reason)},
        {adjustment->reference, strlen(adjustment->reference)},
        {delta, sizeof delta},
    };
    uint8_t digest[HASH_BYTES];
    hash_parts(parts, sizeof parts / sizeof parts[0], digest);
    memcpy(out, digest, REQUEST_HASH_BYTES);
}

static void put_int64(uint8_t out[8], int64_t value)
{
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
    }
}
