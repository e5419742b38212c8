/* See order_fold.h. */
#include "worker/order_fold.h"

#include "shop/lifecycle.h"

static struct line_quantity *named_lines(const struct order_change *change, struct arena *arena);
static bool is_same(const struct order_change *decided, const struct order_change *folded);

bool order_fold_reacquires(const struct order_change *change)
{
    return change->verb == ORDER_CONFIRM && change->from_state == ORDER_EXPIRED;
}

enum fold_outcome order_fold(const struct order *order, const struct event *event,
                             struct arena *arena, struct order *after_out)
{
    const struct order_change *change = &event->change;
    if (change->version > order->version + 1) {
        return FOLD_WAITS;
    }
    if (change->version != order->version + 1 || change->from_state != order->state) {
        return FOLD_REFUSED;
    }
    struct verb_request request = {
        .verb = change->verb,
        .reason = change->reason,
        .reacquire = order_fold_reacquires(change),
        .write_off = change->write_off,
    };
    if (change->verb == ORDER_CANCEL || change->verb == ORDER_FULFIL) {
        request.lines = named_lines(change, arena);
        request.line_count = change->line_count;
        if (request.lines == NULL) {
            return FOLD_FULL;
        }
    }
    struct order after;
    struct order_change folded;
    struct failure failure;
    switch (
        lifecycle_apply(order, &request, event->event_time_us, arena, &after, &folded, &failure)) {
    case VERB_REFUSED:
        return failure.code == STATUS_RESOURCE_EXHAUSTED ? FOLD_FULL : FOLD_REFUSED;
    case VERB_NO_EFFECT:
        return FOLD_REFUSED;
    case VERB_CHANGES:
        break;
    }
    if (!is_same(change, &folded)) {
        return FOLD_REFUSED;
    }
    *after_out = after;
    return FOLD_APPLIED;
}

static struct line_quantity *named_lines(const struct order_change *change, struct arena *arena)
{
    struct line_quantity *lines = arena_calloc(arena, change->line_count, sizeof *lines);
    for (size_t i = 0; lines != NULL && i < change->line_count; i++) {
        lines[i] = (struct line_quantity){change->lines[i].line_number, change->lines[i].quantity};
    }
    return lines;
}

static bool is_same(const struct order_change *decided, const struct order_change *folded)
{
    bool moves_units = decided->verb != ORDER_CONFIRM || order_fold_reacquires(decided);
    if (decided->to_state != folded->to_state ||
        (moves_units && decided->line_count != folded->line_count)) {
        return false;
    }
    for (size_t i = 0; moves_units && i < decided->line_count; i++) {
        const struct line_change *one = &decided->lines[i];
        const struct line_change *other = &folded->lines[i];
        if (one->line_number != other->line_number || one->quantity != other->quantity ||
            strcmp(one->product_id, other->product_id) != 0) {
            return false;
        }
    }
    return true;
}
