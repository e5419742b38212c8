/* Stock level: whether so few of a product are left that others want to know, and how they are told
 * (shop.v1.StockLevel). Used by whoever changes the product's row in stock, under its lock, and by
 * the worker that tells it. Pure; what is made lives in the arena given.
 * Always: low and back of a product take turns, because each is told when the line is crossed and
 * only then. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/uuid.h"

/* Numbers are those of shop.v1.StockLevel.Kind and of the column stock_notices.kind. */
enum stock_crossing {
    STOCK_NOT_CROSSED = 0,
    STOCK_LOW = 1,  /* from above the threshold to it or below */
    STOCK_BACK = 2, /* from it or below to above */
};

struct stock_level {
    int64_t available; /* on_hand - reserved - safety_stock */
    int64_t threshold; /* low_stock_threshold */
};

enum stock_crossing stock_level_crossing(struct stock_level before, struct stock_level after);

struct stock_notice {
    enum stock_crossing crossing;
    struct uuid event_id;
    int64_t event_time_us;
    int64_t epoch;
    const char *product_id;
    struct stock_level level; /* behind the crossing */
};

/* Encoded as one shop.v1.Event; data NULL when the arena is full. */
struct bytes stock_notice_encode(const struct stock_notice *notice, struct arena *arena);
