/* A lane on fakes, and requests for it. */
#pragma once

#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>

#include "base/log.h"
#include "server/shop_lane.h"
#include "tests/fakes/fake_book.h"
#include "tests/fakes/fake_call.h"
#include "tests/fakes/fake_catalogue.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_publisher.h"

#define FIXTURE_LINES_MAX  16
#define PUBLISH_TIMEOUT_MS 2000

struct fixture {
    struct fake_clock clock;
    struct stock_gate gate;
    struct lane_options options;
    struct shop_lane *lane;
};
extern struct fixture fixture;

/* For cmocka: an open gate in epoch 1, products tea (100, EUR) and pot (2500, EUR) and yen (7, JPY)
 * with 10 units each in Redis. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Opens the gate for a later epoch, whose stock was loaded now. */
void fixture_reopen(int64_t epoch);
/* A UUIDv7 of the fake clock's now plus shift_ms. */
const char *fixture_request_id(int64_t shift_ms);

/* A CreateOrder that can be changed before it is sent. */
struct order_call {
    struct rpc_call call;
    Shop__V1__CreateOrderRequest request;
    Shop__V1__CreateOrderLine lines[FIXTURE_LINES_MAX];
    Shop__V1__CreateOrderLine *line_list[FIXTURE_LINES_MAX];
    char request_id[72];
};
void order_call_init(struct order_call *order, const char *request_id);
void order_call_add(struct order_call *order, const char *product_id, int32_t quantity);
void order_call_add_priced(struct order_call *order, const char *product_id, int32_t quantity,
                           int64_t unit_price_minor);
/* Hands them to accept_commands as one batch. */
void order_calls_send(struct order_call **orders, size_t count);
void order_call_send(struct order_call *order);
/* The answer's order. */
const Shop__V1__Order *order_call_reply(const struct order_call *order);
void order_call_fini(struct order_call *order);
/* On the heap, with one line unless the quantity is 0. */
struct order_call *order_call_new(const char *request_id, const char *product_id, int32_t quantity);
void order_call_drop(struct order_call *order);

struct adjust_call {
    struct rpc_call call;
    Shop__V1__AdjustStockRequest request;
    char request_id[72];
};
void adjust_call_init(struct adjust_call *adjust, const char *request_id, const char *product_id,
                      int64_t delta);
void adjust_call_send(struct adjust_call *adjust);
const Shop__V1__AdjustStockResponse *adjust_call_reply(const struct adjust_call *adjust);
void adjust_call_fini(struct adjust_call *adjust);
