/* Event plan: what a batch of events does to the books. Pure: PostgreSQL's answers are arguments.
 * Called by event_store_postgres.c between its two exchanges: prepared from the events, told what
 * the database knows (who was first, how much stock there is), then decided.
 * Always: an event is counted once, however often it stands in the batch; no product's reserved
 * passes its on_hand, whatever the events say; the sum of what it writes to stock equals what the
 * stored events ask for.
 * Everything lives in the arena given. */
#pragma once

#include "shop/stock_level.h"
#include "worker/event_store.h"

/* What makes an event the same as another: the order and its version, or the entry in the stock
 * ledger. */
struct plan_slot {
    enum event_kind kind;
    const struct uuid *key;     /* order_id or adjustment_id */
    int32_t version;            /* of a change; else 0 */
    const struct event *event;  /* the first of the batch: the one to be inserted */
    struct plan_event *first;   /* the same */
    struct plan_order *order;   /* of a change */
    struct uuid winner;         /* the event that is in the database */
    bool fresh;                 /* and got there just now */
    bool lapsed;                /* all of its events have: none of them gets there */
    enum event_outcome outcome; /* of a fresh change */
};

/* An order that the batch changes. */
struct plan_order {
    const struct uuid *order_id;
    bool known;                      /* has a row, locked */
    bool changed;                    /* by the batch: a row to be updated */
    struct order order;              /* as it will be */
    const struct order_line *loaded; /* its lines as they were */
};

struct plan_product {
    const char *product_id;
    bool known;                /* has a row in stock */
    bool limited;              /* its orders are kept for counting, too */
    int64_t on_hand, reserved; /* as it will be */
    int64_t safety_stock, low_stock_threshold;
    int64_t delta_on_hand, delta_reserved;
    int64_t delta_redis; /* what Redis does not know yet: not 0 = one row of stock_deltas */
};

/* Units that an event takes (orders), adds (adjustments) or moves (changes). */
struct plan_use {
    struct plan_product *product;
    int64_t quantity;
};

struct plan_event {
    struct stored_event *stored;
    struct plan_slot *slot;
    struct plan_use *uses;
    size_t use_count;
    bool doubled; /* recorded just now as a second reservation */
};

struct plan_entry { /* of the stock ledger */
    const struct event *event;
    int64_t on_hand_after, reserved_after;
};

struct event_plan {
    struct arena *arena;
    struct plan_event *events; /* in the batch's order */
    size_t event_count;
    struct plan_slot *slots; /* created orders, adjustments, changes; by key, then version */
    size_t slot_count;
    size_t order_count;  /* slots[0 .. order_count-1] are created orders, then come adjustments, */
    size_t first_change; /* and from here changes */
    struct plan_order *orders; /* by order_id: those that changes are about */
    size_t changed_count;
    bool waited;                   /* its events are in the database already, waiting */
    struct plan_product *products; /* by product_id, bytewise */
    size_t product_count;

    /* decided */
    struct plan_entry *entries;
    size_t entry_count;
    const struct event **rejected; /* of all kinds */
    size_t rejected_count;
    const struct uuid **unmade; /* orders that were inserted, and have lapsed */
    size_t unmade_count;
};

/* RESOURCE_EXHAUSTED when the arena is full. */
enum status event_plan_prepare(struct event_plan *plan, struct stored_event *events, size_t count,
                               struct arena *arena, struct failure *failure);
/* NULL when the batch has none of that. */
struct plan_slot *event_plan_slot(const struct event_plan *plan, enum event_kind kind,
                                  const struct uuid *key);
/* Of changes, whichever kind. */
struct plan_slot *event_plan_change(const struct event_plan *plan, const struct uuid *order_id,
                                    int32_t version);
struct plan_order *event_plan_order(const struct event_plan *plan, const struct uuid *order_id);
struct plan_product *event_plan_product(const struct event_plan *plan, const char *product_id);
/* Takes the slots of changes that are not stored away from events that have lapsed. Call once it is
 * known what is fresh, and not for events that waited. */
void event_plan_lapse(struct event_plan *plan, int64_t epoch);
/* Whether the event reserved, in this epoch, what another event has made; or changed an order where
 * another event had. Call with all slots' winners known. */
bool event_plan_is_double(const struct plan_event *planned, int64_t epoch);
/* Fills in every outcome and the lists. False when the arena is full. */
bool event_plan_decide(struct event_plan *plan, int64_t epoch);
/* Whether the slot's order, stored just now, has a hold that began in an earlier epoch: Redis has
 * lost it, or has let it go as one of an order that PostgreSQL did not have. */
bool event_plan_needs_hold(const struct plan_slot *slot, int64_t epoch);
/* Whether the batch as a whole takes the product across its low_stock_threshold; decided. A dip
 * that the same batch makes good again is none. */
enum stock_crossing event_plan_crossing(const struct plan_product *product,
                                        struct stock_level *after_out);
