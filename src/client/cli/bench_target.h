/* Bench targets: what `orderctl bench` calls, with the products it makes for that. */
#pragma once

#include "client/cli/bench_load.h"
#include "client/cli/cli.h"
#include "shop/limits.h"

enum bench_method {
    BENCH_HEALTH,
    BENCH_GET_PRODUCT,
    BENCH_CREATE_ORDER,
    BENCH_BATCH_CREATE_ORDERS,
};

struct bench_target_options {
    enum bench_method method;
    int64_t products;    /* made for this run, with ids of its own and stock that does not end */
    int64_t lines;       /* of each order */
    int64_t batch;       /* orders of each BatchCreateOrders */
    const char *product; /* this one instead, which has to be there; NULL = own */
};

#define BENCH_PRODUCT_ID_BYTES (SHOP_ID_BYTES_MAX + 1)

struct bench_products {
    char (*ids)[BENCH_PRODUCT_ID_BYTES];
    size_t count;
    size_t lines;
    size_t batch;
    const struct clock *clock;
};

/* Makes the products that are needed (blocking calls) and fills in *target; both live in the arena.
 */
enum status bench_target_prepare(struct cli *cli, const struct bench_target_options *options,
                                 struct arena *arena, struct bench_target *target,
                                 struct failure *failure);
