/* A shop in memory behind the real rpc server: what orderctl's commands talk to in unit tests.
 * Knows request ids, stock and pages; fails on demand. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base/status.h"
#include "rpc/server.h"

#define TOY_PRODUCTS_MAX 256
#define TOY_ORDERS_MAX   4096
#define TOY_TEXT_BYTES   256

struct toy_product {
    char product_id[TOY_TEXT_BYTES], display_name[TOY_TEXT_BYTES], currency[8];
    char request_id[TOY_TEXT_BYTES];
    int64_t unit_price_minor, on_hand, reserved, create_time_us;
    int32_t max_per_order, max_per_customer;
    int64_t limit_window_s, sale_start_s, sale_end_s, safety_stock, low_stock; /* times 0: none */
};

struct toy_order {
    char request_id[TOY_TEXT_BYTES], customer_id[TOY_TEXT_BYTES], order_ref[TOY_TEXT_BYTES];
    char first_product_id[TOY_TEXT_BYTES];
    int64_t create_time_us, placed_time_s, total_minor;
    size_t line_count;
    int32_t first_quantity;
    bool priced;
    unsigned reads; /* GetOrder says PERSISTED from the second on */
};

struct toy_shop {
    struct rpc_server *server;
    char endpoint[128];
    const char *endpoints[1];
    atomic_int fail_next;        /* so many of the next calls end with fail_code, not done */
    atomic_int lose_next;        /* so many of the next calls are done and end with UNKNOWN */
    atomic_int fail_next_orders; /* so many of the next orders of batches do the same */
    enum status fail_code;       /* set before a call */
    atomic_int created, calls, batches;
    pthread_mutex_t lock; /* for all below */
    struct toy_product products[TOY_PRODUCTS_MAX];
    size_t product_count;
    struct toy_order orders[TOY_ORDERS_MAX];
    size_t order_count;
};

/* Large: not on the stack. Serving when it returns. */
void toy_shop_start(struct toy_shop *shop);
void toy_shop_stop(struct toy_shop *shop);
/* Of the shop that was started last: several that are created at a time stand in any order. NULL
 * when there is none. */
struct toy_product *toy_find_product(const char *product_id);
