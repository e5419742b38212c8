/* Model: what the order system ought to do, in a few rules that share no line with it. Random
 * callers (model_caller.h) ask both and hold each answer against these rules; at the end the books
 * do.
 *
 * Eight callers ask at once, so no fixed answer can be foretold for what they share. Exact is all
 * the same that
 *   - an order belongs to one caller, who waits for each answer: its state, version and lines are
 *     known, but for a hold that may end meanwhile. It ends between two known times; an answer must
 *     fit a hold that runs (if it was asked before the latest end) or one that has ended (if it was
 *     answered after the earliest), and says which;
 *   - a customer belongs to one caller, too: what counts against his limit is the sum of his
 * orders' lines, but for such holds, between two sums;
 *   - of a product's units, what is available when something is decided lies between two bounds. At
 *     most: what there was, and all that may have come back by the time of the answer, less what
 * had been taken for sure when the question was asked. At least: what there was, less all that may
 *     have been taken by the time of the answer. An acceptance must leave the first at 0 or above,
 * a refusal must name a number between both, and below what was asked for;
 *   - whenever all callers stop and all is settled, every number is exact.
 *
 * Always: a product's counters grow before a question that may add to them, and shrink when the
 * answer says that it did not. Threads: products are shared, their counters atomic; orders are not.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_PRODUCTS  8
#define MODEL_LINES_MAX 4
#define MODEL_ID_BYTES  48

/* Mistakes in the model, one at a time: each must be seen. */
enum model_canary {
    CANARY_NONE,
    CANARY_CANCELLED_UNITS_ARE_LOST,
    CANARY_WRITTEN_OFF_UNITS_COME_BACK,
    CANARY_CANCELLED_REST_IS_CANCELLED, /* the rest of an order of which some has left */
    CANARY_EXPIRED_UNITS_STAY_BOUGHT,
    CANARY_A_REPEATED_ADJUSTMENT_COUNTS_TWICE,
    CANARY_REACQUIRED_UNITS_ARE_NEW,
    CANARY_NOTHING_COMES_BACK_BEFORE_ALL_RESTS,
    CANARIES,
};

struct model_product {
    char id[MODEL_ID_BYTES];
    int64_t safety_stock;
    int32_t max_per_order, max_per_customer; /* 0: none */
    atomic_llong on_hand;
    int64_t base; /* available when all was last at rest */
    atomic_llong may_be_taken, is_taken, may_come_back;
};

/* Numbers are those of shop.v1.Order.State. */
enum model_state {
    MODEL_PENDING = 1,
    MODEL_CONFIRMED = 2,
    MODEL_PARTIAL = 3,
    MODEL_FULFILLED = 4,
    MODEL_CANCELLED = 5,
    MODEL_EXPIRED = 6,
};

struct model_line {
    int product; /* index */
    int32_t quantity, fulfilled, cancelled;
};

struct model_order {
    char id[MODEL_ID_BYTES];
    int customer; /* index, of its caller */
    enum model_state state;
    int32_t version;
    int payment; /* of its confirmation */
    struct model_line lines[MODEL_LINES_MAX];
    int line_count;
    int64_t ends_from_us, ends_until_us; /* of its hold; INT64_MAX: not within this run */
    bool end_counted;                    /* its open units stand in may_come_back */
};

enum model_verb {
    MODEL_CONFIRM,
    MODEL_CANCEL,
    MODEL_FULFIL,
};

struct model_change {
    enum model_verb verb;
    int payment;
    bool reacquire, write_off;
    int32_t units[MODEL_LINES_MAX]; /* of each line; is_whole: of none, all that are open */
    bool is_whole;
};

enum model_outcome {
    MODEL_CHANGES,
    MODEL_STAYS, /* the order is so already */
    MODEL_REFUSES,
};

/* Set before any caller runs. */
extern enum model_canary model_canary;

/* What the order becomes, in *after; or why not. hold_runs: whether a PENDING order's hold does. */
enum model_outcome model_apply(const struct model_order *order, const struct model_change *change,
                               bool hold_runs, struct model_order *after, const char **reason_out);
/* A PENDING order whose hold has run out. */
void model_expire(struct model_order *order);

int32_t model_open_units(const struct model_line *line);
/* Whether its units are promised: they are part of `reserved`. */
bool model_is_open(const struct model_order *order);
/* Of a product, over all lines. */
int64_t model_order_quantity(const struct model_order *order, int product);
/* What counts against the limit of its customer. */
int64_t model_order_bought(const struct model_order *order, int product);
