/* Order and product: the domain's types, without I/O, clock or protobuf. What they may be, and
 * become, is in rules.h, product_update.h and lifecycle.h.
 * Used by everything above; codecs (order_codec.h, event_codec.h) turn them into messages. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/uuid.h"
#include "shop/limits.h"

#define CURRENCY_BYTES 4 /* ISO 4217 and the NUL */

/* Numbers are those of shop.v1.Product.State and of the column products.state. */
enum product_state {
    PRODUCT_ACTIVE = 1,
    PRODUCT_SUSPENDED = 2,
    PRODUCT_DELETED = 3,
};

struct product {
    const char *product_id;
    const char *display_name;
    int64_t unit_price_minor;
    char currency[CURRENCY_BYTES];
    int64_t create_time_us; /* unix */
    int64_t update_time_us;
    int64_t version; /* 1 when created; grows with every change; the etag */

    /* The rules of its sale; 0 = there is no such rule. */
    enum product_state state;
    int32_t max_per_order;
    int32_t max_per_customer; /* within limit_window_ms */
    int64_t limit_window_ms;
    int64_t limit_since_us; /* units bought before do not count; not in messages */
    int64_t sale_start_us, sale_end_us;
    int64_t safety_stock;
    int64_t low_stock_threshold;
};

struct stock {
    const char *product_id;
    int64_t available;
    int64_t on_hand;
    int64_t reserved;
    int64_t safety_stock;
};

/* Numbers are those of shop.v1.Order.State and of the column orders.state. */
enum order_state {
    ORDER_NONE = 0, /* before it was created */
    ORDER_PENDING = 1,
    ORDER_CONFIRMED = 2,
    ORDER_PARTIALLY_FULFILLED = 3,
    ORDER_FULFILLED = 4,
    ORDER_CANCELLED = 5,
    ORDER_EXPIRED = 6,
    ORDER_REJECTED = 7,
};

/* Numbers are those of shop.v1.Durability. */
enum durability {
    DURABILITY_RESERVED = 1,
    DURABILITY_QUEUED = 2,
    DURABILITY_PERSISTED = 3,
};

struct order_line {
    const char *product_id;
    int32_t quantity;
    bool has_price; /* of a request: the caller named the price */
    int64_t unit_price_minor;
    int32_t fulfilled_quantity; /* fulfilled + cancelled <= quantity; the rest is open */
    int32_t cancelled_quantity;
};

/* Some units of one line. */
struct line_quantity {
    int32_t line_number; /* from 1 */
    int32_t quantity;
};

struct order {
    struct uuid order_id;
    const char *customer_id;
    enum order_state state;
    struct order_line *lines;
    size_t line_count;
    char currency[CURRENCY_BYTES];
    int64_t total_minor;
    int64_t create_time_us;
    int64_t placed_time_us;
    const char *order_ref; /* "" when none */
    enum durability durability;
    int32_t version;
    int64_t expire_time_us;  /* PENDING and EXPIRED; 0 elsewhere */
    int64_t confirm_time_us; /* 0 = never */
    int64_t update_time_us;
    const char *payment_reference; /* "" when none */
};

/* What CreateOrder was asked for. */
struct order_request {
    bool confirm;    /* CONFIRMED at once */
    int64_t hold_ms; /* else PENDING for so long */
    const char *request_id;
    const char *customer_id;
    struct order_line *lines;
    size_t line_count;
    bool has_placed_time;
    int64_t placed_time_us;
    const char *order_ref;
    bool validate_only;
    enum durability wait_for; /* PERSISTED, or what is answered anyway */
};

/* Which orders ListOrders was asked for. Times are [from, to). */
struct order_filter {
    const char *customer_id; /* "" = of all */
    const char *product_id;  /* "" = any */
    uint32_t states;         /* a bit for each enum order_state */
    int64_t create_from_us, create_to_us;
    int64_t placed_from_us, placed_to_us;
};

/* What CreateProduct was asked for. */
struct product_request {
    const char *request_id;
    struct product product;
    int64_t on_hand;
};

/* What AdjustStock was asked for, and what it became. */
struct stock_adjustment {
    const char *request_id;
    struct uuid adjustment_id;
    const char *product_id;
    int64_t delta;
    const char *reason;
    const char *reference;
    bool sets; /* of SetStock: delta is value - expected */
    int64_t value, expected;
};

/* One change of on_hand or reserved, in the order of the decisions. */
struct stock_movement {
    struct uuid event_id;
    int64_t event_time_us;
    const char *cause;
    struct uuid order_id;
    bool has_order;
    int32_t line_number;
    int64_t delta_on_hand, delta_reserved;
    int64_t on_hand_after, reserved_after;
    const char *actor, *reason, *reference;
};

/* All movements of one cause. */
struct stock_cause {
    const char *cause;
    int64_t movements, on_hand, reserved;
};

struct stock_explanation {
    struct stock stock; /* available may be below 0 */
    struct stock_cause *causes;
    size_t cause_count;
    int64_t unapplied;
};

/* What changes an order. Numbers are those of shop.v1.OrderChanged.Kind. */
enum order_verb {
    ORDER_CONFIRM = 1,
    ORDER_CANCEL = 2,
    ORDER_EXPIRE = 3, /* by the system, when a hold runs out */
    ORDER_FULFIL = 4,
};

/* What ConfirmOrder, CancelOrder and FulfillOrder were asked for. */
struct verb_request {
    enum order_verb verb;
    const char *request_id;
    const char *order_id;
    const struct line_quantity *lines; /* CANCEL, FULFIL: none = all that is open */
    size_t line_count;
    const char *reason; /* payment or tracking reference, or the reason of a cancellation */
    bool reacquire;     /* CONFIRM */
    bool write_off;     /* CANCEL */
};

struct line_change {
    int32_t line_number; /* from 1 */
    const char *product_id;
    int32_t quantity;
};

/* What a verb makes of an order: one event. */
struct order_change {
    enum order_verb verb;
    enum order_state from_state, to_state;
    int32_t version; /* of the order after it */
    struct line_change
        *lines; /* units that leave the order's open ones, or, reacquired, join them */
    size_t line_count;
    bool write_off;
    bool reacquired;
    const char *reason;
};

/* One change of an order as it is told. */
struct order_event {
    int32_t version; /* of the order after it */
    int64_t event_time_us;
    const char *type; /* "order.created", ... */
    enum order_state from_state, to_state;
    const char *actor;
    const char *reason;
    struct line_quantity *lines;
    size_t line_count;
    struct uuid order_id;
    const char *customer_id;
};

/* The same in the feed of all orders' events. */
struct followed_event {
    struct order_event event;
    const char *cursor; /* behind it */
};

/* Units of one product, summed over an order's lines. */
struct product_quantity {
    const char *product_id;
    int64_t quantity;
};
