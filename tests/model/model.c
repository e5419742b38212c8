/* See model.h. */
#include "tests/model/model.h"

enum model_canary model_canary;

static enum model_outcome refuse(const char *reason, const char **reason_out)
{
    *reason_out = reason;
    return MODEL_REFUSES;
}

int32_t model_open_units(const struct model_line *line)
{
    return line->quantity - line->fulfilled - line->cancelled;
}

bool model_is_open(const struct model_order *order)
{
    return order->state == MODEL_PENDING || order->state == MODEL_CONFIRMED ||
           order->state == MODEL_PARTIAL;
}

int64_t model_order_quantity(const struct model_order *order, int product)
{
    int64_t sum = 0;
    for (int i = 0; i < order->line_count; i++) {
        sum += order->lines[i].product == product ? order->lines[i].quantity : 0;
    }
    return sum;
}

int64_t model_order_bought(const struct model_order *order, int product)
{
    bool counts =
        order->state != MODEL_CANCELLED &&
        (order->state != MODEL_EXPIRED || model_canary == CANARY_EXPIRED_UNITS_STAY_BOUGHT);
    int64_t sum = 0;
    for (int i = 0; counts && i < order->line_count; i++) {
        const struct model_line *line = &order->lines[i];
        sum += line->product == product ? line->quantity - line->cancelled : 0;
    }
    return sum;
}

void model_expire(struct model_order *order)
{
    order->state = MODEL_EXPIRED;
    order->version++;
}

static enum model_outcome confirm(const struct model_order *order,
                                  const struct model_change *change, bool hold_runs,
                                  struct model_order *after, const char **reason_out)
{
    switch (order->state) {
    case MODEL_CANCELLED:
        return refuse("WRONG_STATE", reason_out);
    case MODEL_CONFIRMED:
    case MODEL_PARTIAL:
    case MODEL_FULFILLED:
        return order->payment == change->payment ? MODEL_STAYS
                                                 : refuse("ALREADY_CONFIRMED", reason_out);
    case MODEL_PENDING:
    case MODEL_EXPIRED:
        if (!change->reacquire && (order->state == MODEL_EXPIRED || !hold_runs)) {
            return refuse("ORDER_EXPIRED", reason_out);
        }
        break;
    }
    after->state = MODEL_CONFIRMED;
    after->payment = change->payment;
    return MODEL_CHANGES;
}

/* Adds the units that the change names to a counter of each line; false: there are not as many. */
static bool move_units(const struct model_change *change, struct model_order *after, bool cancels)
{
    for (int i = 0; i < after->line_count; i++) {
        struct model_line *line = &after->lines[i];
        int32_t units = change->is_whole ? model_open_units(line) : change->units[i];
        if (units > model_open_units(line)) {
            return false;
        }
        *(cancels ? &line->cancelled : &line->fulfilled) += units;
    }
    return true;
}

static void count(const struct model_order *order, int32_t *open, int32_t *left)
{
    *open = *left = 0;
    for (int i = 0; i < order->line_count; i++) {
        *open += model_open_units(&order->lines[i]);
        *left += order->lines[i].fulfilled;
    }
}

static enum model_outcome cancel(const struct model_order *order, const struct model_change *change,
                                 struct model_order *after, const char **reason_out)
{
    int32_t open, left;
    if (order->state == MODEL_CANCELLED || order->state == MODEL_EXPIRED) {
        return MODEL_STAYS;
    }
    if (order->state == MODEL_FULFILLED) {
        return refuse("NOTHING_TO_CANCEL", reason_out);
    }
    if (!move_units(change, after, true)) {
        return refuse("QUANTITY_EXCEEDED", reason_out);
    }
    count(after, &open, &left);
    if (open == 0) {
        after->state = left > 0 && model_canary != CANARY_CANCELLED_REST_IS_CANCELLED
                           ? MODEL_FULFILLED
                           : MODEL_CANCELLED;
    }
    return MODEL_CHANGES;
}

static enum model_outcome fulfil(const struct model_order *order, const struct model_change *change,
                                 struct model_order *after, const char **reason_out)
{
    int32_t open, left;
    if (order->state == MODEL_FULFILLED && change->is_whole) {
        return MODEL_STAYS;
    }
    if (order->state != MODEL_CONFIRMED && order->state != MODEL_PARTIAL) {
        return refuse("WRONG_STATE", reason_out);
    }
    if (!move_units(change, after, false)) {
        return refuse("QUANTITY_EXCEEDED", reason_out);
    }
    count(after, &open, &left);
    after->state = open == 0 ? MODEL_FULFILLED : MODEL_PARTIAL;
    return MODEL_CHANGES;
}

enum model_outcome model_apply(const struct model_order *order, const struct model_change *change,
                               bool hold_runs, struct model_order *after, const char **reason_out)
{
    enum model_outcome outcome = MODEL_REFUSES;
    *after = *order;
    *reason_out = "";
    switch (change->verb) {
    case MODEL_CONFIRM:
        outcome = confirm(order, change, hold_runs, after, reason_out);
        break;
    case MODEL_CANCEL:
        outcome = cancel(order, change, after, reason_out);
        break;
    case MODEL_FULFIL:
        outcome = fulfil(order, change, after, reason_out);
        break;
    }
    if (outcome == MODEL_CHANGES) {
        after->version++;
    } else {
        *after = *order;
    }
    return outcome;
}
