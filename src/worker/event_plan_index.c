/* Event plan, first half: what a batch is about - its slots, orders and products, each once and
 * sorted, which is the order that rows are locked in. See event_plan.h. */
#include <stdlib.h>

#include "shop/rules.h"
#include "worker/event_plan.h"
#include "worker/order_fold.h"

/* Of the slots' order. */
enum slot_class {
    CLASS_CREATED,
    CLASS_ADJUSTED,
    CLASS_CHANGED,
};

struct slot_key {
    enum slot_class class;
    const struct uuid *id;
    int32_t version;
};

static bool allocate(struct event_plan *plan, size_t count);
static bool collect_uses(struct event_plan *plan);
static bool collect_products(struct event_plan *plan, const char **names, size_t count);
static bool collect_slots(struct event_plan *plan);
static void collect_orders(struct event_plan *plan);

enum status event_plan_prepare(struct event_plan *plan, struct stored_event *events, size_t count,
                               struct arena *arena, struct failure *failure)
{
    *plan = (struct event_plan){.arena = arena, .event_count = count};
    bool fits = allocate(plan, count);
    for (size_t i = 0; fits && i < count; i++) {
        plan->events[i].stored = &events[i];
    }
    if (!fits || !collect_uses(plan) || !collect_slots(plan)) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX",
                           "a batch of %zu events does not fit its arena", count);
    }
    collect_orders(plan);
    return STATUS_OK;
}

static enum slot_class class_of(enum event_kind kind)
{
    switch (kind) {
    case EVENT_ORDER_CREATED:
        return CLASS_CREATED;
    case EVENT_STOCK_ADJUSTED:
        return CLASS_ADJUSTED;
    case EVENT_ORDER_CONFIRMED:
    case EVENT_ORDER_CANCELLED:
    case EVENT_ORDER_EXPIRED:
    case EVENT_ORDER_FULFILLED:
        break;
    }
    return CLASS_CHANGED;
}

static struct slot_key key_of(const struct event *event)
{
    enum slot_class class = class_of(event->kind);
    return (struct slot_key){
        .class = class,
        .id = class == CLASS_ADJUSTED ? &event->adjustment.adjustment_id : &event->order.order_id,
        .version = class == CLASS_CHANGED ? event->change.version : 0,
    };
}

static int compare_keys(struct slot_key a, struct slot_key b)
{
    if (a.class != b.class) {
        return a.class < b.class ? -1 : 1;
    }
    int order = memcmp(a.id->bytes, b.id->bytes, sizeof a.id->bytes);
    return order != 0 ? order : (a.version > b.version) - (a.version < b.version);
}

static struct plan_slot *find_slot(const struct event_plan *plan, struct slot_key key)
{
    size_t from = 0;
    for (size_t to = plan->slot_count; from < to;) {
        size_t middle = from + (to - from) / 2;
        struct plan_slot *slot = &plan->slots[middle];
        int order =
            compare_keys(key, (struct slot_key){class_of(slot->kind), slot->key, slot->version});
        if (order == 0) {
            return slot;
        }
        if (order < 0) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    return NULL;
}

struct plan_slot *event_plan_slot(const struct event_plan *plan, enum event_kind kind,
                                  const struct uuid *key)
{
    return find_slot(plan, (struct slot_key){class_of(kind), key, 0});
}

struct plan_slot *event_plan_change(const struct event_plan *plan, const struct uuid *order_id,
                                    int32_t version)
{
    return find_slot(plan, (struct slot_key){CLASS_CHANGED, order_id, version});
}

struct plan_order *event_plan_order(const struct event_plan *plan, const struct uuid *order_id)
{
    size_t from = 0;
    for (size_t to = plan->changed_count; from < to;) {
        size_t middle = from + (to - from) / 2;
        struct plan_order *order = &plan->orders[middle];
        int order_of = memcmp(order_id->bytes, order->order_id->bytes, sizeof order_id->bytes);
        if (order_of == 0) {
            return order;
        }
        if (order_of < 0) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    return NULL;
}

struct plan_product *event_plan_product(const struct event_plan *plan, const char *product_id)
{
    size_t from = 0;
    for (size_t to = plan->product_count; from < to;) {
        size_t middle = from + (to - from) / 2;
        int order = strcmp(product_id, plan->products[middle].product_id);
        if (order == 0) {
            return &plan->products[middle];
        }
        if (order < 0) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    return NULL;
}

static bool allocate(struct event_plan *plan, size_t count)
{
    plan->events = arena_calloc(plan->arena, count, sizeof *plan->events);
    plan->slots = arena_calloc(plan->arena, count, sizeof *plan->slots);
    plan->orders = arena_calloc(plan->arena, count, sizeof *plan->orders);
    plan->entries = arena_calloc(plan->arena, count, sizeof *plan->entries);
    plan->rejected = arena_calloc(plan->arena, count, sizeof *plan->rejected);
    plan->unmade = arena_calloc(plan->arena, count, sizeof *plan->unmade);
    return plan->events != NULL && plan->slots != NULL && plan->orders != NULL &&
           plan->entries != NULL && plan->rejected != NULL && plan->unmade != NULL;
}

/* What a change moves; a confirmation moves nothing unless it takes the units again. */
static struct product_quantity *sum_change(const struct order_change *change, struct arena *arena,
                                           size_t *count_out)
{
    size_t count =
        change->verb == ORDER_CONFIRM && !order_fold_reacquires(change) ? 0 : change->line_count;
    struct order_line *lines = arena_calloc(arena, count, sizeof *lines);
    for (size_t i = 0; lines != NULL && i < count; i++) {
        lines[i].product_id = change->lines[i].product_id;
        lines[i].quantity = change->lines[i].quantity;
    }
    return lines != NULL ? rules_sum_lines(lines, count, arena, count_out) : NULL;
}

static struct product_quantity *sum_adjustment(const struct stock_adjustment *adjustment,
                                               struct arena *arena, size_t *count_out)
{
    struct product_quantity *sum = arena_alloc(arena, sizeof *sum);
    if (sum != NULL) {
        *sum = (struct product_quantity){adjustment->product_id, adjustment->delta};
        *count_out = 1;
    }
    return sum;
}

static struct product_quantity *sum_event(const struct event *event, struct arena *arena,
                                          size_t *count_out)
{
    switch (class_of(event->kind)) {
    case CLASS_CREATED:
        return rules_sum_lines(event->order.lines, event->order.line_count, arena, count_out);
    case CLASS_ADJUSTED:
        return sum_adjustment(&event->adjustment, arena, count_out);
    case CLASS_CHANGED:
        return sum_change(&event->change, arena, count_out);
    }
    return NULL;
}

static bool collect_uses(struct event_plan *plan)
{
    struct product_quantity **sums = arena_calloc(plan->arena, plan->event_count, sizeof *sums);
    size_t total = 0;
    for (size_t i = 0; sums != NULL && i < plan->event_count; i++) {
        struct plan_event *planned = &plan->events[i];
        sums[i] = sum_event(planned->stored->event, plan->arena, &planned->use_count);
        if (sums[i] == NULL) {
            return false;
        }
        total += planned->use_count;
    }
    const char **names = arena_calloc(plan->arena, total, sizeof *names);
    struct plan_use *uses = arena_calloc(plan->arena, total, sizeof *uses);
    if (sums == NULL || names == NULL || uses == NULL) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < plan->event_count; i++) {
        for (size_t j = 0; j < plan->events[i].use_count; j++) {
            names[at++] = sums[i][j].product_id;
        }
    }
    if (!collect_products(plan, names, total)) {
        return false;
    }
    for (size_t i = 0; i < plan->event_count; i++) {
        plan->events[i].uses = uses;
        for (size_t j = 0; j < plan->events[i].use_count; j++, uses++) {
            uses->product = event_plan_product(plan, sums[i][j].product_id);
            uses->quantity = sums[i][j].quantity;
        }
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool collect_products(struct event_plan *plan, const char **names, size_t count)
{
    plan->products = arena_calloc(plan->arena, count, sizeof *plan->products);
    if (plan->products == NULL) {
        return false;
    }
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0) {
            plan->products[plan->product_count++].product_id = names[i];
        }
    }
    return true;
}

static int compare_planned(const void *a, const void *b)
{
    const struct plan_event *one = *(const struct plan_event *const *)a;
    const struct plan_event *other = *(const struct plan_event *const *)b;
    int order = compare_keys(key_of(one->stored->event), key_of(other->stored->event));
    int64_t epoch = one->stored->event->epoch, other_epoch = other->stored->event->epoch;
    if (order == 0) { /* what was decided in the newer epoch stands for them, then what lasts */
        order = (epoch < other_epoch) - (epoch > other_epoch);
    }
    if (order == 0) {
        order = other->stored->lasting - one->stored->lasting;
    }
    return order != 0 ? order : (one > other) - (one < other); /* the batch's order */
}

static bool collect_slots(struct event_plan *plan)
{
    struct plan_event **sorted = arena_calloc(plan->arena, plan->event_count, sizeof *sorted);
    if (sorted == NULL) {
        return false;
    }
    for (size_t i = 0; i < plan->event_count; i++) {
        sorted[i] = &plan->events[i];
    }
    qsort(sorted, plan->event_count, sizeof *sorted, compare_planned);
    for (size_t i = 0; i < plan->event_count; i++) {
        const struct event *event = sorted[i]->stored->event;
        struct slot_key key = key_of(event);
        if (i == 0 || compare_keys(key_of(sorted[i - 1]->stored->event), key) != 0) {
            plan->slots[plan->slot_count++] = (struct plan_slot){
                .kind = event->kind,
                .key = key.id,
                .version = key.version,
                .event = event,
                .first = sorted[i],
                .winner = event->event_id,
            };
            plan->order_count += key.class == CLASS_CREATED;
            plan->first_change += key.class != CLASS_CHANGED;
        }
        sorted[i]->slot = &plan->slots[plan->slot_count - 1];
    }
    return true;
}

/* Slots of an order stand together. */
static void collect_orders(struct event_plan *plan)
{
    struct plan_order *order = NULL;
    for (size_t i = plan->first_change; i < plan->slot_count; i++) {
        struct plan_slot *slot = &plan->slots[i];
        if (order == NULL ||
            memcmp(order->order_id->bytes, slot->key->bytes, sizeof slot->key->bytes) != 0) {
            order = &plan->orders[plan->changed_count++];
            order->order_id = slot->key;
        }
        slot->order = order;
    }
}
