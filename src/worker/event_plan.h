/* Event plan: what a batch of events does to the books. Pure: PostgreSQL's answers are arguments.
 * Called by event_store_postgres.c between its two exchanges: prepared from the events, told what
 * the database knows (who was first, how much stock there is), then decided.
 * Always: an event is counted once, however often it stands in the batch; no product's reserved
 * passes its on_hand, whatever the events say; the sum of what it writes to stock equals what the
 * stored events ask for.
 * Everything lives in the arena given. */
#pragma once

#include "worker/event_store.h"

/* What makes an event the same as another: the order (there is one version of it so far) or the
 * entry in the stock ledger. */
struct plan_slot {
    enum event_kind kind;
    const struct uuid *key;    /* order_id or adjustment_id */
    const struct event *event; /* the first of the batch: the one to be inserted */
    struct uuid winner;        /* the event that is in the database */
    bool fresh;                /* and got there just now */
    bool counted;
};

struct plan_product {
    const char *product_id;
    bool known;                /* has a row in stock */
    int64_t on_hand, reserved; /* as it will be */
    int64_t delta_on_hand, delta_reserved;
    int64_t delta_redis; /* what Redis does not know yet: not 0 = one row of stock_deltas */
};

/* Units that an event takes (orders) or adds (adjustments). */
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
    struct plan_slot *slots; /* by kind, then key */
    size_t slot_count;
    size_t order_count;            /* slots[0 .. order_count-1] are orders, the rest adjustments */
    struct plan_product *products; /* by product_id, bytewise */
    size_t product_count;

    /* decided */
    struct plan_entry *entries;
    size_t entry_count;
    const struct event **rejected; /* orders and adjustments */
    size_t rejected_count;
};

/* RESOURCE_EXHAUSTED when the arena is full. */
enum status event_plan_prepare(struct event_plan *plan, struct stored_event *events, size_t count,
                               struct arena *arena, struct failure *failure);
/* NULL when the batch has none of that. */
struct plan_slot *event_plan_slot(const struct event_plan *plan, enum event_kind kind,
                                  const struct uuid *key);
struct plan_product *event_plan_product(const struct event_plan *plan, const char *product_id);
/* Whether the event reserved, in this epoch, what another event has made: call with all slots'
 * winners known. */
bool event_plan_is_double(const struct plan_event *planned, int64_t epoch);
/* Fills in every outcome and the lists. */
void event_plan_decide(struct event_plan *plan, int64_t epoch);
