/* Book: what Redis knows of one shard - stock that can be sold, orders that are under way, and the
 * outbox of decided events. All keys share the tag {s0}, so that one script on one Cluster slot
 * decides a whole order.
 *
 *   {s0}:meta         HASH  epoch (of the stock that is loaded); opening (who loads it, or did);
 *                           highest (epoch that ever was); store (which PostgreSQL it is that has
 *                           what was settled)
 *   {s0}:stock        HASH  product_id -> units that can be sold now and, of a product that has
 *                           some, its rules (struct book_rules)
 *   {s0}:bought       HASH  customer NUL product_id -> what he bought of a product with a limit per
 *                           customer: for each order its id (16 bytes), when (8, ms), how many (4)
 *   {s0}:counts       HASH  product_id -> event id of the last adjustment of its stock
 *   {s0}:record:<id>  TEXT  what became of a request: see struct book_record
 *   {s0}:outbox       HASH  event id -> event bytes, from the decision until a worker settled it
 *   {s0}:unconfirmed  ZSET  event id -> when the relay publishes it again (ms, Redis' clock)
 *   {s0}:early        SET   event ids that PostgreSQL has and RabbitMQ has not confirmed
 *   {s0}:behind       HASH  event id -> the order's event before it, of those that were decided
 *                           while RabbitMQ had not confirmed an earlier one
 *   {s0}:unpersisted  ZSET  event id -> when the relay looks for it in PostgreSQL
 *   {s0}:settled      STREAM  batches of events that PostgreSQL has, kept for a while
 *   {s0}:holds        ZSET  order id -> when its hold ends
 *   {s0}:ended        ZSET  order id whose hold has ended -> when it is looked at again
 *   {s0}:delta:<epoch>:<id>  TEXT  marks a stock delta as applied
 *
 * Called by the server (decide, confirm, claim, read) and the worker (settle, apply).
 * Always: stock goes down in book_decide and nowhere else, comes up in book_apply and nowhere else;
 * a decision is all of its effects or none; the scripts of decide and apply carry the epoch and are
 * never loaded on NOSCRIPT: that answer means Redis may have lost writes, and nothing sells
 * (STATUS_UNAVAILABLE, STOCK_FENCED) until book_open loaded the stock anew.
 * Not here: what an order is. Batches are pipelines of one exchange. One thread per book. */
#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/uuid.h"

struct book;
struct redis_link;

#define BOOK_RECORD_HEADER_BYTES 40
#define BOOK_REQUEST_HASH_BYTES  16

enum book_record_kind {
    BOOK_ACCEPTED = 1, /* payload: the order (or adjustment) as it is now */
    BOOK_REFUSED = 2, /* payload: product_id NUL available-as-text: not enough of it; or, by a rule,
                         product_id NUL number NUL reason NUL limit */
};

/* {s0}:record:<id>: 40 bytes, then the payload. What a request makes or was refused has a record
 * under the request's own id. A request that changes an order has one, too, without payload, and
 * writes the order's anew.
 *   0 format (1)  1 kind  2-3 epoch, its last 16 bits  4-7 version, big-endian
 *   8-23 request hash  24-39 event id */
struct book_record {
    enum book_record_kind kind;
    /* Decided in the book's epoch. An order's record of an older one may have lost changes with
     * Redis; PostgreSQL, which had all of them before this epoch began, is asked then. */
    bool is_current;
    uint32_t version; /* of the order; 1 when just created */
    uint8_t request_hash[BOOK_REQUEST_HASH_BYTES];
    struct uuid event_id; /* of the last decision */
    struct bytes payload;
};

struct book_take {
    const char *product_id;
    int64_t quantity; /* > 0 */
};

/* When and how much a product is sold; 0 = there is no such rule. Redis has them in `stock` behind
 * the units, so that they are in force with the very decision that reads them. */
struct book_rules {
    int64_t version; /* of the product: an older one never replaces a newer one */
    int64_t state;   /* 1 sold, 2 suspended, 3 deleted */
    int64_t most_an_order;
    int64_t most_a_customer, window_ms, since_ms;
    int64_t from_ms, until_ms; /* unix */
};
#define BOOK_RULES_BYTES 168 /* eight numbers, the spaces, the NUL */
/* As a delta carries them. */
void book_rules_print(const struct book_rules *rules, char text[BOOK_RULES_BYTES]);

/* What a decision asks of the order's hold, and does to it. Time is Redis' own. */
enum book_hold {
    BOOK_HOLD_NONE,
    BOOK_HOLD_START,    /* for hold_ms from now */
    BOOK_HOLD_MUST_RUN, /* else HOLD_ENDED; is over then */
    BOOK_HOLD_MUST_END, /* must have ended, else HOLD_RUNS; is over then */
    BOOK_HOLD_GIVEN_UP, /* is over, whether it still ran or not */
    BOOK_NOTE,          /* nothing: the order (found_version) is already where the request would
                           bring it. Only the request's record is written, so that it is answered the
                           same when it is repeated and the order has gone on. */
    /* Not of an order: */
    BOOK_COUNT,   /* adjusts the stock of counted_product_id */
    BOOK_RECOUNT, /* the same, if found_count is still its last adjustment (else CONFLICT) */
};

enum book_outcome {
    BOOK_DECIDED,       /* all effects are in Redis */
    BOOK_POSSIBLE,      /* a trial: it would have been decided */
    BOOK_NOTED,         /* a NOTE */
    BOOK_REPEATED,      /* the record was already there: `prior` */
    BOOK_OUT_OF_STOCK,  /* nothing taken; remembered under the record */
    BOOK_AGAINST_RULES, /* of a product; the same */
    BOOK_STOCK_UNKNOWN, /* a product has no stock entry; nothing written */
    BOOK_OVERLOADED,    /* outbox full; nothing written */
    BOOK_FENCED,        /* nothing written */
    BOOK_CONFLICT,      /* the order has another version; nothing written */
    BOOK_HOLD_ENDED,    /* nothing written */
    BOOK_HOLD_RUNS,     /* nothing written */
    BOOK_FAILED,        /* `failure`: UNAVAILABLE = not done, UNKNOWN = may be done */
};

/* One decision. The caller fills in the first part, book_decide the second. */
struct book_decision {
    struct uuid record_id;
    uint8_t request_hash[BOOK_REQUEST_HASH_BYTES];
    const struct book_take *takes; /* one a product, sorted by product_id */
    size_t take_count;
    struct uuid event_id;
    struct bytes event;  /* encoded, as RabbitMQ will carry it */
    struct bytes record; /* payload of the record when decided; of the order's, if it changes one */
    enum book_hold hold;
    int64_t hold_ms;        /* START */
    struct uuid order_id;   /* of the hold, and what is changed */
    uint32_t found_version; /* not 0: changes the order that was found in this version */
    uint8_t order_hash[BOOK_REQUEST_HASH_BYTES]; /* of the request that made the order */
    bool is_trial; /* only what would come of it, of a decision that changes no order: nothing is
                      written, and POSSIBLE stands for DECIDED */
    const char *customer_id; /* NULL: rules do not matter, nobody buys */
    const struct book_take
        *frees;        /* of a changed order: units that its customer may buy again, if */
    size_t free_count; /* they were counted; stock does not come up by it */
    const char *counted_product_id; /* COUNT, RECOUNT */
    struct bytes found_count;       /* RECOUNT: as book_read_counts gave it */

    enum book_outcome outcome;
    bool is_behind; /* DECIDED: RabbitMQ has not confirmed an earlier event of the order */
    struct book_record prior;     /* BOOK_REPEATED; views until the book's next use */
    const char *short_product_id; /* OUT_OF_STOCK, STOCK_UNKNOWN, AGAINST_RULES: one of takes */
    int64_t short_available;
    char rule_reason[32];   /* AGAINST_RULES: PRODUCT_SUSPENDED, PRODUCT_DELETED, SALE_NOT_OPEN, */
    int64_t rule_number;    /* ORDER_LIMIT_EXCEEDED (units asked for), PURCHASE_LIMIT_EXCEEDED */
    int64_t rule_limit;     /* (units bought before); and what is allowed */
    struct failure failure; /* BOOK_FAILED */
};

struct book_limits {
    int64_t outbox_max;       /* events waiting at most */
    int64_t confirm_grace_ms; /* until the relay publishes an unconfirmed event again */
    int64_t persist_grace_ms; /* until the relay looks for an unpersisted event */
    int64_t record_ttl_ms;    /* how long a record stays after its event was settled; that of a
                                 change's request: after its decision */
    int64_t refusal_ttl_ms;   /* how long a refusal is remembered */
    int64_t delta_ttl_ms;     /* how long an applied delta is remembered */
};
/* The values everything starts with. */
extern const struct book_limits BOOK_LIMITS_DEFAULT;

/* `link` is borrowed. shard: "s0". */
struct book *book_create(struct redis_link *link, const char *shard,
                         const struct book_limits *limits);
void book_destroy(struct book **book);

/* The epoch the scripts are bound to. Set it from control.epoch (PostgreSQL) at the start and
 * whenever an outcome was FENCED. */
void book_set_epoch(struct book *book, int64_t epoch);
int64_t book_epoch(const struct book *book);

/* Decides all, each for itself, in one exchange; every decision gets its outcome. */
void book_decide(struct book *book, struct book_decision *decisions, size_t count,
                 int64_t deadline_ms);
/* RabbitMQ has these events: unconfirmed -> unpersisted. Idempotent. */
enum status book_confirm(struct book *book, const struct uuid *event_ids, size_t count,
                         struct failure *failure);

/* What GetOrder needs. */
struct book_lookup {
    struct uuid record_id;

    struct book_record record; /* when found; views until the book's next use */
    bool found;
    bool in_outbox;   /* not yet settled */
    bool unconfirmed; /* and RabbitMQ has not confirmed it, or an earlier one of the order */
};
enum status book_read(struct book *book, struct book_lookup *lookups, size_t count,
                      int64_t deadline_ms, struct failure *failure);
/* available_out[i], or -1 where the product has no entry; what is below 0 reads as 0. */
enum status book_read_stock(struct book *book, const char *const *product_ids, size_t count,
                            int64_t *available_out, int64_t deadline_ms, struct failure *failure);

/* The same as it is: below 0 where a safety stock was raised above what was left; INT64_MIN without
 * an entry. */
enum status book_read_units(struct book *book, const char *const *product_ids, size_t count,
                            int64_t *units_out, int64_t deadline_ms, struct failure *failure);
/* The last adjustment of each product's stock in this epoch, for a RECOUNT. */
struct book_count {
    const char *product_id;

    struct bytes event_id; /* none: no bytes; a view until the book's next use */
    bool in_outbox;        /* PostgreSQL does not have it for certain */
};
enum status book_read_counts(struct book *book, struct book_count *counts, size_t count,
                             struct arena *arena, int64_t deadline_ms, struct failure *failure);

/* Orders whose hold has ended, up to `most`, leased for lease_ms: until then nobody else gets them.
 */
enum status book_claim_ended(struct book *book, struct uuid *order_ids, size_t most,
                             int64_t lease_ms, size_t *count_out, struct failure *failure);

/* These orders are not held any more. */
enum status book_drop_holds(struct book *book, const struct uuid *order_ids, size_t count,
                            struct failure *failure);

/* For the relay: up to `most` events that are due, leased for lease_ms (Redis' clock). */
enum book_due {
    BOOK_DUE_CONFIRM, /* from unconfirmed */
    BOOK_DUE_PERSIST, /* from unpersisted */
};
struct book_claimed {
    struct uuid event_id;
    struct bytes event; /* view until the book's next use */
};
enum status book_claim(struct book *book, enum book_due due, struct book_claimed *claimed,
                       size_t most, int64_t lease_ms, size_t *count_out, struct failure *failure);
/* Claimed from `unpersisted` and looked after: due so much later than the lease says, unless it has
 * been made due or has left the outbox meanwhile. */
enum status book_postpone(struct book *book, const struct uuid *event_ids, size_t count,
                          int64_t by_ms, struct failure *failure);

/* Makes everything in the outbox due now, instead of in its own time: for whoever waits for the
 * outbox to drain. */
enum status book_hurry(struct book *book, struct failure *failure);

/* PostgreSQL has these events: out of the outbox. A record starts to expire when its last event is
 * settled, unless the order is still held. Idempotent.
 * `batch`: the same events joined (event_codec_join). It is kept for a while: PostgreSQL may yet
 * fail over to a point before them. Empty: nothing is kept; nor is it when Redis is out of memory.
 */
struct book_settled {
    struct uuid event_id;
    struct uuid record_id; /* the order's, the adjustment's */
};
enum status book_settle(struct book *book, const struct book_settled *settled, size_t count,
                        struct bytes batch, struct failure *failure);

/* How long batches are kept, and how much of them: what passes either goes. */
struct book_retention {
    int64_t age_ms; /* by Redis' clock */
    int64_t bytes_max;
};
enum status book_trim_settled(struct book *book, const struct book_retention *retention,
                              struct failure *failure);

/* A walk over the batches that are kept, the newest first. Begins as {0}. */
#define BOOK_WALK_BATCHES_MAX 64
#define BOOK_PLACE_BYTES      48
struct book_walk {
    char after[BOOK_PLACE_BYTES];  /* "": to the oldest; else another walk's `newest` */
    char before[BOOK_PLACE_BYTES]; /* moves with every step */
    char newest[BOOK_PLACE_BYTES]; /* where it began; "" when there was nothing */
};
/* The next batches, views until the book's next use; *count_out is 0 at the end. */
enum status book_walk_settled(struct book *book, struct book_walk *walk,
                              struct bytes batches[BOOK_WALK_BATCHES_MAX], size_t *count_out,
                              struct failure *failure);
/* PostgreSQL has lost these events: back into the outbox, due at once, beyond its limit if need be;
 * and no epoch is in force any more. Idempotent. */
enum status book_unsettle(struct book *book, const struct book_claimed *events, size_t count,
                          struct failure *failure);

/* The name of the PostgreSQL that has what was settled; "" when none was noted. */
#define BOOK_STORE_BYTES 96
enum status book_read_store(struct book *book, char name_out[BOOK_STORE_BYTES],
                            struct failure *failure);
enum status book_note_store(struct book *book, const char *name, struct failure *failure);

/* Units that PostgreSQL has given back or added. Idempotent by delta_id. A delta of another epoch
 * changes nothing and counts as applied: its effect is in the sums the stock was loaded from (a
 * delta of a later epoch than the book's: UNAVAILABLE, STOCK_FENCED). quantity may be 0 (makes the
 * entry) or negative (units that are not to be sold any more; what is sold already stays sold). */
struct book_delta {
    int64_t delta_id;
    int64_t epoch;
    const char *product_id;
    int64_t quantity;
    const char *rules; /* book_rules_print; NULL: as they are */
    /* A hold instead of units, that Redis does not know; hold_end_ms 0: none. */
    struct uuid held_order_id;
    int64_t hold_end_ms;
};
enum status book_apply(struct book *book, const struct book_delta *deltas, size_t count,
                       struct failure *failure);

/* Whether Redis holds the stock of this epoch and its scripts. */
enum status book_check(struct book *book, int64_t epoch, bool *open_out, struct failure *failure);
struct book_held {
    struct uuid order_id;
    int64_t end_unix_ms;
};
struct book_ruled {
    const char *product_id;
    int64_t available;
    const char *rules;
};
struct book_bought {
    const char *customer_id, *product_id;
    struct uuid order_id;
    int64_t unix_ms;
    int64_t quantity;
};
/* Loads stock for a new epoch, a higher one than any before: fence (no epoch, no stock, no holds),
 * entries in pipelines (0 is allowed), those of products with rules once more with them, what
 * customers bought (sorted by customer and product), the holds of orders, epoch, then the scripts,
 * which opens it. Only by whoever holds the PostgreSQL lock of the shard. Whoever begins after this
 * book did, or a Redis that has forgotten that it did, makes all further steps fail with ABORTED:
 * who stood still in the middle of it and comes back writes nothing into what another has loaded. A
 * crash anywhere leaves it fenced. The end binds the book to the epoch. */
enum status book_open_begin(struct book *book, struct failure *failure);
enum status book_open_load(struct book *book, const struct book_take *stock, size_t count,
                           struct failure *failure);
enum status book_open_rules(struct book *book, const struct book_ruled *ruled, size_t count,
                            struct failure *failure);
enum status book_open_bought(struct book *book, const struct book_bought *bought, size_t count,
                             struct failure *failure);
enum status book_open_holds(struct book *book, const struct book_held *held, size_t count,
                            struct failure *failure);
enum status book_open_end(struct book *book, int64_t epoch, struct failure *failure);
/* The highest epoch that was ever opened in this Redis, as far as it remembers; 0 = none. A
 * PostgreSQL that fell back to an earlier point may know a lower one. */
enum status book_highest_epoch(struct book *book, int64_t *epoch_out, struct failure *failure);

/* For metrics and tests. */
struct book_gauges {
    int64_t outbox, unconfirmed, unpersisted;
    int64_t holds; /* that run, or have ended and are not resolved */
    int64_t oldest_unconfirmed_ms, oldest_unpersisted_ms; /* overdue by; 0 = none */
};
enum status book_gauges(struct book *book, struct book_gauges *gauges_out, struct failure *failure);
