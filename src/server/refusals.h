/* Refusals: the answers that several commands and queries share, worded once (docs/ERRORS.md). */
#pragma once

#include "base/status.h"
#include "base/uuid.h"

enum store {
    STORE_REDIS,
    STORE_POSTGRES,
    STORE_RABBITMQ,
};

const char *store_name(enum store store);

/* Not done: `store` could not be asked. UNAVAILABLE, STORE_UNAVAILABLE. */
enum status refuse_unavailable(struct failure *failure, enum store store);
/* May have been done: the answer of `store` is missing. UNKNOWN, OUTCOME_UNKNOWN. */
enum status refuse_unknown(struct failure *failure, enum store store);
/* What a store's failure means to the caller: UNKNOWN stays unknown, no room is OVERLOADED, a late
 * answer of a read and everything that passes is UNAVAILABLE, our own mistakes are INTERNAL. */
enum status refuse_for_store(struct failure *failure, enum store store,
                             const struct failure *cause);
/* Redis does not hold the stock now. UNAVAILABLE, STOCK_FENCED. */
enum status refuse_fenced(struct failure *failure);
/* The request does not fit into what is left of the batch's memory, or the outbox is full.
 * RESOURCE_EXHAUSTED, OVERLOADED. */
enum status refuse_overloaded(struct failure *failure);
/* The product is new: its units have not reached Redis yet. UNAVAILABLE, STOCK_NOT_LOADED. */
enum status refuse_not_loaded(struct failure *failure, const char *product_id);
/* It was done, but the answer does not fit into the batch's memory. UNKNOWN, OUTCOME_UNKNOWN. */
enum status refuse_unanswerable(struct failure *failure);
/* What Redis keeps of an order is no order. INTERNAL. */
enum status refuse_unreadable(struct failure *failure);
/* INVALID_ARGUMENT, REQUEST_ID_REUSED. */
enum status refuse_reused(struct failure *failure);
/* NOT_FOUND, PRODUCT_NOT_FOUND. field may be "". */
enum status refuse_unknown_product(struct failure *failure, const char *field,
                                   const char *product_id);
/* NOT_FOUND, ORDER_NOT_FOUND. */
enum status refuse_unknown_order(struct failure *failure, const struct uuid *order_id);
/* The order's hold has ended. FAILED_PRECONDITION, ORDER_EXPIRED. */
enum status refuse_hold_ended(struct failure *failure);
/* Others kept changing the order. ABORTED, CONFLICT. */
enum status refuse_conflict(struct failure *failure);
