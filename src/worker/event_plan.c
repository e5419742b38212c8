/* Event plan, second half: what follows. See event_plan.h. */
#include "worker/event_plan.h"

#include "base/failpoint.h"
#include "worker/order_fold.h"

static void decide_first(struct event_plan *plan, struct plan_event *planned, int64_t epoch);
static void decide_adjustment(struct event_plan *plan, struct plan_event *planned, bool late);
static bool decide_changes(struct event_plan *plan, int64_t epoch);
static bool stock_allows(const struct plan_slot *slot);
static void move_units(const struct plan_slot *slot, bool late);
static void decide_other(struct plan_event *planned, int64_t epoch);
static void let_lapse(struct event_plan *plan, struct plan_event *planned);
static void reject(struct event_plan *plan, struct plan_event *planned);

static bool is_change(const struct plan_event *planned)
{
    return planned->slot->order != NULL;
}

static bool is_winner(const struct plan_event *planned)
{
    return memcmp(planned->stored->event->event_id.bytes, planned->slot->winner.bytes,
                  sizeof planned->slot->winner.bytes) == 0;
}

/* Its units are in the stock in force: that was loaded after it was decided. */
static bool is_late(const struct plan_event *planned, int64_t epoch)
{
    return planned->stored->event->epoch < epoch && !planned->stored->held;
}

/* Stock was loaded behind an empty queue, and with it began what is known of each order. A change
 * that turns up later was never answered QUEUED, and the order may have been changed since. What
 * lasts was. */
static bool has_lapsed(const struct plan_event *planned, int64_t epoch)
{
    return is_change(planned) && is_late(planned, epoch) && !planned->stored->lasting;
}

void event_plan_lapse(struct event_plan *plan, int64_t epoch)
{
    for (size_t i = plan->event_count; i > 0; i--) { /* backwards: the first that is left has it */
        struct plan_event *planned = &plan->events[i - 1];
        struct plan_slot *slot = planned->slot;
        if (is_change(planned) && slot->fresh && !has_lapsed(planned, epoch)) {
            slot->first = planned;
            slot->event = planned->stored->event;
            slot->winner = slot->event->event_id;
        }
    }
    for (size_t i = plan->first_change; i < plan->slot_count; i++) {
        struct plan_slot *slot = &plan->slots[i];
        slot->lapsed = slot->fresh && has_lapsed(slot->first, epoch);
        slot->fresh = slot->fresh && !slot->lapsed;
    }
}

bool event_plan_is_double(const struct plan_event *planned, int64_t epoch)
{
    return !is_winner(planned) &&
           !(is_change(planned) ? has_lapsed(planned, epoch) : is_late(planned, epoch));
}

/* Created orders come before the changes of them. */
bool event_plan_decide(struct event_plan *plan, int64_t epoch)
{
    for (size_t i = 0; i < plan->event_count; i++) {
        struct plan_event *planned = &plan->events[i];
        if (!is_winner(planned)) {
            decide_other(planned, epoch);
        } else if (planned->slot->lapsed) {
            planned->stored->outcome = EVENT_LAPSED;
        } else if ((!planned->slot->fresh || planned != planned->slot->first) &&
                   !CANARY("no_dedupe")) {
            planned->stored->outcome = EVENT_DUPLICATE;
        } else if (!is_change(planned)) {
            decide_first(plan, planned, epoch);
        }
    }
    return decide_changes(plan, epoch);
}

/* All of its products are looked at before one is changed. */
static void decide_first(struct event_plan *plan, struct plan_event *planned, int64_t epoch)
{
    const struct event *event = planned->stored->event;
    bool late = is_late(planned, epoch);
    planned->stored->outcome = late ? EVENT_LATE : EVENT_STORED;
    if (late && !planned->stored->lasting) {
        let_lapse(plan, planned);
        return;
    }
    if (event->kind == EVENT_STOCK_ADJUSTED) {
        decide_adjustment(plan, planned, late);
        return;
    }
    for (size_t i = 0; i < planned->use_count; i++) {
        const struct plan_product *product = planned->uses[i].product;
        if (!product->known || planned->uses[i].quantity > product->on_hand - product->reserved) {
            reject(plan, planned);
            return;
        }
    }
    for (size_t i = 0; i < planned->use_count; i++) {
        struct plan_product *product = planned->uses[i].product;
        product->reserved += planned->uses[i].quantity;
        product->delta_reserved += planned->uses[i].quantity;
        product->delta_redis -= late ? planned->uses[i].quantity : 0;
    }
}

/* Upwards, Redis hears of it only now; downwards it was taken there first, unless that was an
 * earlier epoch's stock. */
static void decide_adjustment(struct event_plan *plan, struct plan_event *planned, bool late)
{
    struct plan_product *product = planned->uses[0].product;
    int64_t delta = planned->uses[0].quantity;
    if (!product->known || product->on_hand + delta < product->reserved) {
        reject(plan, planned);
        return;
    }
    product->on_hand += delta;
    product->delta_on_hand += delta;
    product->delta_redis += delta > 0 || late ? delta : 0;
    plan->entries[plan->entry_count++] = (struct plan_entry){
        .event = planned->stored->event,
        .on_hand_after = product->on_hand,
        .reserved_after = product->reserved,
    };
}

/* Slots are sorted by order and version: one gap, and the rest of that order waits. */
static bool decide_changes(struct event_plan *plan, int64_t epoch)
{
    for (size_t i = plan->first_change; i < plan->slot_count; i++) {
        struct plan_slot *slot = &plan->slots[i];
        struct plan_order *order = slot->order;
        if (!slot->fresh) {
            continue;
        }
        bool late = is_late(slot->first, epoch);
        struct order after;
        enum fold_outcome fold =
            order->known ? order_fold(&order->order, slot->event, plan->arena, &after) : FOLD_WAITS;
        if (fold == FOLD_FULL) {
            return false;
        }
        if (fold == FOLD_WAITS) {
            slot->outcome = EVENT_WAITING;
        } else if (fold == FOLD_REFUSED || !stock_allows(slot)) {
            slot->outcome = EVENT_REJECTED;
            reject(plan, slot->first);
            /* The next version has to find the order as it is. */
            order->changed = true;
            order->order.version =
                slot->version > order->order.version ? slot->version : order->order.version;
        } else {
            slot->outcome = late ? EVENT_LATE : EVENT_STORED;
            order->changed = true;
            order->order = after;
            move_units(slot, late);
        }
        slot->first->stored->outcome = slot->outcome;
    }
    return true;
}

/* Never refused while the books are right, but for a hold taken again in an epoch that ended. */
static bool stock_allows(const struct plan_slot *slot)
{
    bool joins = order_fold_reacquires(&slot->event->change);
    for (size_t i = 0; i < slot->first->use_count; i++) {
        const struct plan_product *product = slot->first->uses[i].product;
        int64_t most = joins ? product->on_hand - product->reserved : product->reserved;
        if (!product->known || slot->first->uses[i].quantity > most) {
            return false;
        }
    }
    return true;
}

/* Redis hears only of units that can be sold again, and, of a hold taken again, of those that were
 * taken from an earlier epoch's stock. */
static void move_units(const struct plan_slot *slot, bool late)
{
    const struct order_change *change = &slot->event->change;
    bool joins = order_fold_reacquires(change);
    bool leaves = change->verb == ORDER_FULFIL || change->write_off;
    for (size_t i = 0; i < slot->first->use_count; i++) {
        struct plan_product *product = slot->first->uses[i].product;
        int64_t quantity = slot->first->uses[i].quantity;
        int64_t reserved = joins ? quantity : -quantity;
        product->reserved += reserved;
        product->delta_reserved += reserved;
        if (joins) {
            product->delta_redis -= late ? quantity : 0;
        } else if (leaves) {
            product->on_hand -= quantity;
            product->delta_on_hand -= quantity;
        } else {
            product->delta_redis += quantity;
        }
    }
}

/* Another event was first. What this one took from the stock in force goes back, once. */
static void decide_other(struct plan_event *planned, int64_t epoch)
{
    const struct event *event = planned->stored->event;
    if (has_lapsed(planned, epoch)) {
        planned->stored->outcome = EVENT_LAPSED;
        return;
    }
    if (is_late(planned, epoch) && !planned->doubled) {
        planned->stored->outcome = EVENT_STALE;
        return;
    }
    if (!planned->doubled) {
        planned->stored->outcome = EVENT_DUPLICATE;
        return;
    }
    planned->stored->outcome = EVENT_DOUBLE;
    if (is_late(planned, epoch) || (is_change(planned) && !order_fold_reacquires(&event->change))) {
        return; /* it took nothing from this stock */
    }
    bool took = event->kind != EVENT_STOCK_ADJUSTED;
    for (size_t i = 0; i < planned->use_count; i++) {
        int64_t quantity = planned->uses[i].quantity;
        if (took || quantity < 0) {
            planned->uses[i].product->delta_redis += took ? quantity : -quantity;
        }
    }
}

/* Its units may have been sold again, and its request accepted again, in the epoch in force: there
 * must be nothing in the way of what was. */
static void let_lapse(struct event_plan *plan, struct plan_event *planned)
{
    planned->stored->outcome = EVENT_LAPSED;
    planned->slot->fresh = false;
    if (planned->stored->event->kind == EVENT_ORDER_CREATED) {
        struct plan_order *order = event_plan_order(plan, planned->slot->key);
        if (order != NULL) {
            order->known = false;
        }
        plan->unmade[plan->unmade_count++] = planned->slot->key;
    }
}

static void reject(struct event_plan *plan, struct plan_event *planned)
{
    const struct event *event = planned->stored->event;
    struct plan_order *order =
        event->kind == EVENT_ORDER_CREATED ? event_plan_order(plan, &event->order.order_id) : NULL;
    if (order != NULL) {
        order->order.state = ORDER_REJECTED; /* so it contradicts every change */
    }
    planned->stored->outcome = EVENT_REJECTED;
    plan->rejected[plan->rejected_count++] = planned->stored->event;
}

bool event_plan_needs_hold(const struct plan_slot *slot, int64_t epoch)
{
    enum event_outcome outcome = slot->first->stored->outcome;
    return slot->fresh && (outcome == EVENT_STORED || outcome == EVENT_LATE) &&
           slot->event->epoch < epoch && slot->event->order.state == ORDER_PENDING;
}

enum stock_crossing event_plan_crossing(const struct plan_product *product,
                                        struct stock_level *after_out)
{
    struct stock_level after = {
        .available = product->on_hand - product->reserved - product->safety_stock,
        .threshold = product->low_stock_threshold,
    };
    struct stock_level before = after;
    before.available += product->delta_reserved - product->delta_on_hand;
    *after_out = after;
    return stock_level_crossing(before, after);
}
