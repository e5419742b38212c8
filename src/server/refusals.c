/* See refusals.h. */
#include "server/refusals.h"

#include <stdio.h>

/* When to try again. */
#define STORE_RETRY_MS    500  /* a store that restarts is back in seconds */
#define FENCED_RETRY_MS   1000 /* loading stock takes about that long */
#define CONFLICT_RETRY_MS 100
#define OVERLOAD_RETRY_MS 1000

const char *store_name(enum store store)
{
    static const char *const names[] = {
        [STORE_REDIS] = "redis",
        [STORE_POSTGRES] = "postgres",
        [STORE_RABBITMQ] = "rabbitmq",
    };
    return names[store];
}

enum status refuse_unavailable(struct failure *failure, enum store store)
{
    enum status status =
        failure_set(failure, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE",
                    "nothing was done: %s cannot be reached at the moment", store_name(store));
    failure->retry_delay_ms = STORE_RETRY_MS;
    failure_add(failure, "store", "%s", store_name(store));
    return status;
}

enum status refuse_unknown(struct failure *failure, enum store store)
{
    enum status status = failure_set(failure, STATUS_UNKNOWN, "OUTCOME_UNKNOWN",
                                     "%s did not answer: it may have been done; repeat the call "
                                     "with the same request_id to find out",
                                     store_name(store));
    failure->retry_delay_ms = STORE_RETRY_MS;
    failure_add(failure, "store", "%s", store_name(store));
    return status;
}

enum status refuse_for_store(struct failure *failure, enum store store, const struct failure *cause)
{
    switch (cause->code) {
    case STATUS_UNKNOWN:
        return refuse_unknown(failure, store);
    case STATUS_UNAVAILABLE:
    case STATUS_DEADLINE_EXCEEDED:
    case STATUS_ABORTED:
        return refuse_unavailable(failure, store);
    case STATUS_RESOURCE_EXHAUSTED:
        return refuse_overloaded(failure);
    case STATUS_OK:
    case STATUS_CANCELLED:
    case STATUS_INVALID_ARGUMENT:
    case STATUS_NOT_FOUND:
    case STATUS_ALREADY_EXISTS:
    case STATUS_PERMISSION_DENIED:
    case STATUS_FAILED_PRECONDITION:
    case STATUS_OUT_OF_RANGE:
    case STATUS_UNIMPLEMENTED:
    case STATUS_INTERNAL:
    case STATUS_DATA_LOSS:
    case STATUS_UNAUTHENTICATED:
        break;
    }
    return failure_set(failure, STATUS_INTERNAL, "INTERNAL",
                       "nothing was done: the server could not use %s", store_name(store));
}

enum status refuse_fenced(struct failure *failure)
{
    enum status status =
        failure_set(failure, STATUS_UNAVAILABLE, "STOCK_FENCED",
                    "nothing was done: stock is being loaded, nothing is sold until then");
    failure->retry_delay_ms = FENCED_RETRY_MS;
    return status;
}

enum status refuse_overloaded(struct failure *failure)
{
    enum status status = failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OVERLOADED",
                                     "nothing was done: too much is under way at the moment");
    failure->retry_delay_ms = OVERLOAD_RETRY_MS;
    return status;
}

enum status refuse_not_loaded(struct failure *failure, const char *product_id)
{
    enum status status =
        failure_set(failure, STATUS_UNAVAILABLE, "STOCK_NOT_LOADED",
                    "nothing was done: the stock of %s is not loaded yet", product_id);
    failure->retry_delay_ms = FENCED_RETRY_MS;
    failure_add(failure, "product_id", "%s", product_id);
    return status;
}

enum status refuse_unanswerable(struct failure *failure)
{
    enum status status = failure_set(failure, STATUS_UNKNOWN, "OUTCOME_UNKNOWN",
                                     "it was done, but the server has no room for the answer; "
                                     "repeat the call with the same request_id");
    failure->retry_delay_ms = OVERLOAD_RETRY_MS;
    return status;
}

enum status refuse_unreadable(struct failure *failure)
{
    return failure_set(failure, STATUS_INTERNAL, "INTERNAL",
                       "there is such an order, but its record cannot be read");
}

enum status refuse_reused(struct failure *failure)
{
    return failure_set_field(failure, "request_id", "REQUEST_ID_REUSED",
                             "this request_id was used for another request");
}

enum status refuse_unknown_product(struct failure *failure, const char *field,
                                   const char *product_id)
{
    enum status status = failure_set(failure, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND",
                                     "there is no product %s", product_id);
    (void)snprintf(failure->field, sizeof failure->field, "%s", field);
    failure_add(failure, "product_id", "%s", product_id);
    return status;
}

enum status refuse_unknown_order(struct failure *failure, const struct uuid *order_id)
{
    char id[UUID_TEXT_BYTES];
    uuid_print(order_id, id);
    enum status status =
        failure_set(failure, STATUS_NOT_FOUND, "ORDER_NOT_FOUND", "there is no order %s", id);
    failure_add(failure, "order_id", "%s", id);
    return status;
}

enum status refuse_hold_ended(struct failure *failure)
{
    return failure_set(failure, STATUS_FAILED_PRECONDITION, "ORDER_EXPIRED",
                       "the hold ran out; reacquire takes the units again if they are still there");
}

enum status refuse_conflict(struct failure *failure)
{
    enum status status = failure_set(failure, STATUS_ABORTED, "CONFLICT",
                                     "nothing was done: others keep changing the order");
    failure->retry_delay_ms = CONFLICT_RETRY_MS;
    return status;
}
