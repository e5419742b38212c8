/* See lifecycle.h. */
#include "shop/lifecycle.h"

#include <stdio.h>
#include <string.h>

#include "shop/rules.h"

static enum verb_outcome confirm(const struct order *before, const struct verb_request *request,
                                 struct order *after, struct order_change *change,
                                 struct failure *failure);
static enum verb_outcome cancel(const struct order *before, const struct verb_request *request,
                                struct order *after, struct order_change *change,
                                struct failure *failure);
static enum verb_outcome fulfil(const struct order *before, const struct verb_request *request,
                                struct order *after, struct order_change *change,
                                struct failure *failure);
static enum verb_outcome expire(const struct order *before, struct order *after,
                                struct order_change *change);
static enum verb_outcome wrong_state(const struct order *order, const char *wanted,
                                     struct failure *failure);
static bool choose_lines(const struct order *order, const struct verb_request *request,
                         struct order_change *change, struct failure *failure);
static void choose_open(const struct order *order, struct order_change *change);
static bool choose_named(const struct order *order, const struct verb_request *request,
                         struct order_change *change, struct failure *failure);
static int64_t open_units(const struct order *order);

const char *lifecycle_state_name(enum order_state state)
{
    switch (state) {
    case ORDER_NONE:
        return "NONE";
    case ORDER_PENDING:
        return "PENDING";
    case ORDER_CONFIRMED:
        return "CONFIRMED";
    case ORDER_PARTIALLY_FULFILLED:
        return "PARTIALLY_FULFILLED";
    case ORDER_FULFILLED:
        return "FULFILLED";
    case ORDER_CANCELLED:
        return "CANCELLED";
    case ORDER_EXPIRED:
        return "EXPIRED";
    case ORDER_REJECTED:
        return "REJECTED";
    }
    return "UNKNOWN";
}

int32_t lifecycle_open_quantity(const struct order_line *line)
{
    return line->quantity - line->fulfilled_quantity - line->cancelled_quantity;
}

enum status lifecycle_check_request(const struct verb_request *request, struct failure *failure)
{
    enum status status = rules_check_id("request_id", request->request_id, failure);
    if (status == STATUS_OK) {
        status = rules_check_id("order_id", request->order_id, failure);
    }
    if (status == STATUS_OK) {
        status = request->verb == ORDER_CONFIRM
                     ? rules_check_text("payment_reference", request->reason, 0,
                                        SHOP_PAYMENT_BYTES_MAX, "BAD_REASON", failure)
                     : rules_check_text("reason", request->reason, 0, SHOP_REASON_BYTES_MAX,
                                        "BAD_REASON", failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (request->line_count > SHOP_ORDER_LINES_MAX) {
        return failure_set_field(failure, "lines", "BAD_LINE_COUNT", "at most %d lines",
                                 SHOP_ORDER_LINES_MAX);
    }
    for (size_t i = 0; i < request->line_count; i++) {
        if (request->lines[i].quantity < 1 || request->lines[i].quantity > SHOP_QUANTITY_MAX) {
            char field[FAILURE_FIELD_BYTES];
            (void)snprintf(field, sizeof field, "lines[%zu].quantity", i);
            return failure_set_field(failure, field, "BAD_QUANTITY", "quantity must be 1 to %d",
                                     SHOP_QUANTITY_MAX);
        }
    }
    return STATUS_OK;
}

enum verb_outcome lifecycle_apply(const struct order *before, const struct verb_request *request,
                                  int64_t now_us, struct arena *arena, struct order *after_out,
                                  struct order_change *change_out, struct failure *failure)
{
    struct order after = *before;
    struct order_change change = {
        .verb = request->verb,
        .from_state = before->state,
        .version = before->version + 1,
        .reason = request->reason,
        .write_off = request->write_off,
    };
    after.lines = arena_alloc(arena, before->line_count * sizeof *after.lines);
    change.lines = arena_alloc(arena, before->line_count * sizeof *change.lines);
    if (after.lines == NULL || change.lines == NULL) {
        (void)failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX",
                          "the order does not fit its arena");
        return VERB_REFUSED;
    }
    memcpy(after.lines, before->lines, before->line_count * sizeof *after.lines);
    after.version = change.version;
    after.update_time_us = now_us;
    enum verb_outcome outcome = VERB_REFUSED;
    switch (request->verb) {
    case ORDER_CONFIRM:
        outcome = confirm(before, request, &after, &change, failure);
        after.confirm_time_us = now_us;
        break;
    case ORDER_CANCEL:
        outcome = cancel(before, request, &after, &change, failure);
        break;
    case ORDER_FULFIL:
        outcome = fulfil(before, request, &after, &change, failure);
        break;
    case ORDER_EXPIRE:
        outcome = expire(before, &after, &change);
        break;
    }
    if (outcome == VERB_CHANGES) {
        change.to_state = after.state;
        *after_out = after;
        *change_out = change;
    }
    return outcome;
}

static enum verb_outcome confirm(const struct order *before, const struct verb_request *request,
                                 struct order *after, struct order_change *change,
                                 struct failure *failure)
{
    after->state = ORDER_CONFIRMED;
    after->payment_reference = request->reason;
    after->expire_time_us = 0;
    if (before->state == ORDER_PENDING) {
        return VERB_CHANGES;
    }
    if (before->state == ORDER_EXPIRED) {
        if (!request->reacquire) {
            (void)failure_set(failure, STATUS_FAILED_PRECONDITION, "ORDER_EXPIRED",
                              "the hold ran out; reacquire takes the units again if they are "
                              "still there");
            return VERB_REFUSED;
        }
        change->reacquired = true;
        choose_open(before, change);
        return VERB_CHANGES;
    }
    if (before->state == ORDER_CANCELLED || before->state == ORDER_REJECTED) {
        return wrong_state(before, "PENDING", failure);
    }
    if (strcmp(before->payment_reference, request->reason) != 0) {
        (void)failure_set(failure, STATUS_FAILED_PRECONDITION, "ALREADY_CONFIRMED",
                          "the order was confirmed with another payment reference");
        return VERB_REFUSED;
    }
    return VERB_NO_EFFECT;
}

static enum verb_outcome cancel(const struct order *before, const struct verb_request *request,
                                struct order *after, struct order_change *change,
                                struct failure *failure)
{
    if (before->state == ORDER_CANCELLED || before->state == ORDER_EXPIRED) {
        return VERB_NO_EFFECT;
    }
    if (before->state == ORDER_FULFILLED || before->state == ORDER_REJECTED) {
        (void)wrong_state(before, "PENDING or CONFIRMED", failure);
        (void)snprintf(failure->reason, sizeof failure->reason, "%s",
                       before->state == ORDER_FULFILLED ? "NOTHING_TO_CANCEL" : "WRONG_STATE");
        return VERB_REFUSED;
    }
    if (!choose_lines(before, request, change, failure)) {
        return VERB_REFUSED;
    }
    bool shipped = false;
    for (size_t i = 0; i < change->line_count; i++) {
        after->lines[change->lines[i].line_number - 1].cancelled_quantity +=
            change->lines[i].quantity;
    }
    for (size_t i = 0; i < before->line_count; i++) {
        shipped = shipped || before->lines[i].fulfilled_quantity > 0;
    }
    if (open_units(after) == 0) {
        after->state = shipped ? ORDER_FULFILLED : ORDER_CANCELLED;
        after->expire_time_us = 0;
    }
    return VERB_CHANGES;
}

static enum verb_outcome fulfil(const struct order *before, const struct verb_request *request,
                                struct order *after, struct order_change *change,
                                struct failure *failure)
{
    if (before->state == ORDER_FULFILLED && request->line_count == 0) {
        return VERB_NO_EFFECT;
    }
    if (before->state != ORDER_CONFIRMED && before->state != ORDER_PARTIALLY_FULFILLED) {
        return wrong_state(before, "CONFIRMED", failure);
    }
    if (!choose_lines(before, request, change, failure)) {
        return VERB_REFUSED;
    }
    for (size_t i = 0; i < change->line_count; i++) {
        after->lines[change->lines[i].line_number - 1].fulfilled_quantity +=
            change->lines[i].quantity;
    }
    after->state = open_units(after) == 0 ? ORDER_FULFILLED : ORDER_PARTIALLY_FULFILLED;
    return VERB_CHANGES;
}

static enum verb_outcome expire(const struct order *before, struct order *after,
                                struct order_change *change)
{
    if (before->state != ORDER_PENDING) {
        return VERB_NO_EFFECT; /* it was confirmed or cancelled in time */
    }
    /* The lines keep what was open: that is what reacquire would take again. */
    choose_open(before, change);
    after->state = ORDER_EXPIRED;
    return VERB_CHANGES;
}

static enum verb_outcome wrong_state(const struct order *order, const char *wanted,
                                     struct failure *failure)
{
    (void)failure_set(failure, STATUS_FAILED_PRECONDITION, "WRONG_STATE",
                      "the order is %s; this needs %s", lifecycle_state_name(order->state), wanted);
    failure_add(failure, "state", "%s", lifecycle_state_name(order->state));
    return VERB_REFUSED;
}

/* The units the verb is about: those named, or all that are open. */
static bool choose_lines(const struct order *order, const struct verb_request *request,
                         struct order_change *change, struct failure *failure)
{
    if (request->line_count > 0) {
        return choose_named(order, request, change, failure);
    }
    choose_open(order, change);
    return true;
}

static void choose_open(const struct order *order, struct order_change *change)
{
    for (size_t i = 0; i < order->line_count; i++) {
        int32_t open = lifecycle_open_quantity(&order->lines[i]);
        if (open > 0) {
            change->lines[change->line_count++] =
                (struct line_change){(int32_t)i + 1, order->lines[i].product_id, open};
        }
    }
}

/* Ascending, so that none comes twice and the change has room for all. */
static bool choose_named(const struct order *order, const struct verb_request *request,
                         struct order_change *change, struct failure *failure)
{
    int32_t before = 0;
    for (size_t i = 0; i < request->line_count; i++) {
        const struct line_quantity *named = &request->lines[i];
        char field[FAILURE_FIELD_BYTES];
        (void)snprintf(field, sizeof field, "lines[%zu].line_number", i);
        if (named->line_number <= before || (size_t)named->line_number > order->line_count) {
            (void)failure_set_field(failure, field, "BAD_LINE_NUMBER",
                                    "line_number must be 1 to %zu, ascending, each once",
                                    order->line_count);
            return false;
        }
        before = named->line_number;
        int32_t open = lifecycle_open_quantity(&order->lines[named->line_number - 1]);
        if (named->quantity > open) {
            (void)failure_set(failure, STATUS_FAILED_PRECONDITION, "QUANTITY_EXCEEDED",
                              "line %d has %d open units", named->line_number, open);
            failure_add(failure, "line_number", "%d", named->line_number);
            failure_add(failure, "open", "%d", open);
            return false;
        }
        change->lines[change->line_count++] = (struct line_change){
            named->line_number, order->lines[named->line_number - 1].product_id, named->quantity};
    }
    return true;
}

static int64_t open_units(const struct order *order)
{
    int64_t open = 0;
    for (size_t i = 0; i < order->line_count; i++) {
        open += lifecycle_open_quantity(&order->lines[i]);
    }
    return open;
}

enum status lifecycle_check_change(const struct order_change *change, struct failure *failure)
{
    static const struct {
        enum order_verb verb;
        enum order_state from, to;
    } joined[] = {
        {ORDER_CONFIRM, ORDER_PENDING, ORDER_CONFIRMED},
        {ORDER_CONFIRM, ORDER_EXPIRED, ORDER_CONFIRMED},
        {ORDER_CANCEL, ORDER_PENDING, ORDER_PENDING},
        {ORDER_CANCEL, ORDER_PENDING, ORDER_CANCELLED},
        {ORDER_CANCEL, ORDER_CONFIRMED, ORDER_CONFIRMED},
        {ORDER_CANCEL, ORDER_CONFIRMED, ORDER_CANCELLED},
        {ORDER_CANCEL, ORDER_PARTIALLY_FULFILLED, ORDER_PARTIALLY_FULFILLED},
        {ORDER_CANCEL, ORDER_PARTIALLY_FULFILLED, ORDER_FULFILLED},
        {ORDER_EXPIRE, ORDER_PENDING, ORDER_EXPIRED},
        {ORDER_FULFIL, ORDER_CONFIRMED, ORDER_PARTIALLY_FULFILLED},
        {ORDER_FULFIL, ORDER_CONFIRMED, ORDER_FULFILLED},
        {ORDER_FULFIL, ORDER_PARTIALLY_FULFILLED, ORDER_PARTIALLY_FULFILLED},
        {ORDER_FULFIL, ORDER_PARTIALLY_FULFILLED, ORDER_FULFILLED},
    };
    bool known = false;
    for (size_t i = 0; i < sizeof joined / sizeof joined[0]; i++) {
        known = known || (joined[i].verb == change->verb && joined[i].from == change->from_state &&
                          joined[i].to == change->to_state);
    }
    if (!known || change->version < 2 || change->line_count > SHOP_ORDER_LINES_MAX) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "MALFORMED_EVENT",
                           "version %d from %s to %s is no change of an order", change->version,
                           lifecycle_state_name(change->from_state),
                           lifecycle_state_name(change->to_state));
    }
    int32_t before = 0;
    for (size_t i = 0; i < change->line_count; i++) {
        const struct line_change *line = &change->lines[i];
        if (line->line_number <= before || line->quantity < 1 ||
            line->quantity > SHOP_QUANTITY_MAX) {
            return failure_set_field(failure, "lines", "MALFORMED_EVENT",
                                     "a line's number or quantity is out of range");
        }
        before = line->line_number;
        enum status status = rules_check_id("lines.product_id", line->product_id, failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}
