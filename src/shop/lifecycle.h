/* Lifecycle: what a verb makes of an order, decided from the order as it is. Pure.
 * Called by the server's command files before the script decides whether that is still so, and by
 * the model that tests compare the system with.
 *
 *   PENDING -> CONFIRMED -> (PARTIALLY_FULFILLED ->) FULFILLED
 *   PENDING -> CANCELLED | EXPIRED      CONFIRMED -> CANCELLED
 *   EXPIRED -> CONFIRMED only with reacquire
 *   all open units of a PARTIALLY_FULFILLED order cancelled: FULFILLED
 *
 * Always: in each line fulfilled + cancelled <= quantity; a version is one above the one before; a
 * verb that finds the order already there changes nothing and says so. Whether a hold still runs is
 * not decided here: that is Redis' clock (decide.lua). */
#pragma once

#include "shop/order.h"

enum verb_outcome {
    VERB_CHANGES,   /* *after_out and *change_out */
    VERB_NO_EFFECT, /* the order is already so: answer it as it is */
    VERB_REFUSED,   /* *failure */
};

/* Checks the request itself: ids, lines, texts. BAD_ID, BAD_QUANTITY, BAD_LINE_COUNT, BAD_REASON.
 */
enum status lifecycle_check_request(const struct verb_request *request, struct failure *failure);

/* after_out shares texts with `before`; its lines and the change live in the arena.
 * Refusals: FAILED_PRECONDITION WRONG_STATE (metadata state), ORDER_EXPIRED, ALREADY_CONFIRMED,
 * NOTHING_TO_CANCEL, QUANTITY_EXCEEDED (field, metadata open); RESOURCE_EXHAUSTED when the arena is
 * full. */
enum verb_outcome lifecycle_apply(const struct order *before, const struct verb_request *request,
                                  int64_t now_us, struct arena *arena, struct order *after_out,
                                  struct order_change *change_out, struct failure *failure);

/* What the worker asks of a change that came off the queue: a version from 2, states that the verb
 * joins, lines in ascending order with ids and quantities in range. MALFORMED_EVENT. */
enum status lifecycle_check_change(const struct order_change *change, struct failure *failure);

/* "PENDING", ... */
const char *lifecycle_state_name(enum order_state state);
/* quantity - fulfilled - cancelled */
int32_t lifecycle_open_quantity(const struct order_line *line);
