/* Order batch: orders of a file on their way in one BatchCreateOrders. Lives in a job's arena.
 * Used by import_orders.c and, for what a result says, by the bench. Not here: what is reported. */
#pragma once

#include <shop/v1/order_service.pb-c.h>

#include "client/cli/import.h"
#include "shop/order.h"

#define ORDER_BATCH_ORDERS_MAX 50 /* more save little; so few that a lost answer repeats little */
/* One order may have as many. A job's memory holds the results of all its attempts. */
#define ORDER_BATCH_LINES_MAX SHOP_ORDER_LINES_MAX

/* A job's subject; zeroed = empty. */
struct order_batch {
    struct import_subject orders[ORDER_BATCH_ORDERS_MAX]; /* `count` of them */
    size_t count, line_count;
    Shop__V1__BatchCreateOrdersRequest request; /* complete after each order_batch_add() */
    Shop__V1__CreateOrderRequest *requests[ORDER_BATCH_ORDERS_MAX];
};

bool order_batch_has_room(const struct order_batch *batch, const struct order_request *order);
/* Copies all of it into the arena; `line` is where it begins in the file. */
void order_batch_add(struct order_batch *batch, struct arena *arena,
                     const struct order_request *order, size_t line);
/* As window_options.is_unfinished: some of its orders may be accepted when they are asked for
 * again. */
bool order_batch_is_unfinished(struct window_job *job);
void order_failure_read(const Shop__V1__OrderFailure *message, struct failure *failure_out);
