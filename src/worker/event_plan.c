/* See event_plan.h. */
#include "worker/event_plan.h"

#include <stdlib.h>

#include "base/failpoint.h"
#include "shop/rules.h"

static bool allocate(struct event_plan *plan, size_t count);
static bool collect_uses(struct event_plan *plan);
static bool collect_products(struct event_plan *plan, const char **names, size_t count);
static bool collect_slots(struct event_plan *plan);
static void decide_first(struct event_plan *plan, struct plan_event *planned, int64_t epoch);
static void decide_adjustment(struct event_plan *plan, struct plan_event *planned, bool late);
static void decide_other(struct plan_event *planned, int64_t epoch);
static void reject(struct event_plan *plan, struct plan_event *planned);

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
    return STATUS_OK;
}

static const struct uuid *key_of(const struct event *event)
{
    switch (event->kind) {
    case EVENT_ORDER_CREATED:
        return &event->order.order_id;
    case EVENT_STOCK_ADJUSTED:
        return &event->adjustment.adjustment_id;
    }
    return NULL;
}

static int compare_keys(enum event_kind kind_a, const struct uuid *a, enum event_kind kind_b,
                        const struct uuid *b)
{
    if (kind_a != kind_b) {
        return kind_a < kind_b ? -1 : 1;
    }
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

struct plan_slot *event_plan_slot(const struct event_plan *plan, enum event_kind kind,
                                  const struct uuid *key)
{
    size_t from = 0;
    for (size_t to = plan->slot_count; from < to;) {
        size_t middle = from + (to - from) / 2;
        struct plan_slot *slot = &plan->slots[middle];
        int order = compare_keys(kind, key, slot->kind, slot->key);
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

static bool is_winner(const struct plan_event *planned)
{
    return memcmp(planned->stored->event->event_id.bytes, planned->slot->winner.bytes,
                  sizeof planned->slot->winner.bytes) == 0;
}

bool event_plan_is_double(const struct plan_event *planned, int64_t epoch)
{
    return !is_winner(planned) && planned->stored->event->epoch >= epoch;
}

void event_plan_decide(struct event_plan *plan, int64_t epoch)
{
    for (size_t i = 0; i < plan->event_count; i++) {
        struct plan_event *planned = &plan->events[i];
        if (!is_winner(planned)) {
            decide_other(planned, epoch);
        } else if ((!planned->slot->fresh || planned->slot->counted) && !CANARY("no_dedupe")) {
            planned->stored->outcome = EVENT_DUPLICATE;
        } else {
            planned->slot->counted = true;
            decide_first(plan, planned, epoch);
        }
    }
}

static bool allocate(struct event_plan *plan, size_t count)
{
    plan->events = arena_calloc(plan->arena, count, sizeof *plan->events);
    plan->slots = arena_calloc(plan->arena, count, sizeof *plan->slots);
    plan->entries = arena_calloc(plan->arena, count, sizeof *plan->entries);
    plan->rejected = arena_calloc(plan->arena, count, sizeof *plan->rejected);
    return plan->events != NULL && plan->slots != NULL && plan->entries != NULL &&
           plan->rejected != NULL;
}

static struct product_quantity *sum_event(const struct event *event, struct arena *arena,
                                          size_t *count_out)
{
    if (event->kind == EVENT_ORDER_CREATED) {
        return rules_sum_lines(event->order.lines, event->order.line_count, arena, count_out);
    }
    struct product_quantity *sum = arena_alloc(arena, sizeof *sum);
    if (sum != NULL) {
        *sum = (struct product_quantity){.product_id = event->adjustment.product_id,
                                         .quantity = event->adjustment.delta};
        *count_out = 1;
    }
    return sum;
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
    const struct event *event_a = one->stored->event;
    const struct event *event_b = other->stored->event;
    int order = compare_keys(event_a->kind, key_of(event_a), event_b->kind, key_of(event_b));
    if (order != 0) {
        return order;
    }
    return (one > other) - (one < other); /* the batch's order */
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
    struct plan_slot *slot = NULL;
    for (size_t i = 0; i < plan->event_count; i++) {
        const struct event *event = sorted[i]->stored->event;
        if (slot == NULL || compare_keys(slot->kind, slot->key, event->kind, key_of(event)) != 0) {
            slot = &plan->slots[plan->slot_count++];
            slot->kind = event->kind;
            slot->key = key_of(event);
            slot->event = event;
            slot->winner = event->event_id;
            plan->order_count += event->kind == EVENT_ORDER_CREATED;
        }
        sorted[i]->slot = slot;
    }
    return true;
}

/* All of its products are looked at before one is changed. */
static void decide_first(struct event_plan *plan, struct plan_event *planned, int64_t epoch)
{
    const struct event *event = planned->stored->event;
    bool late = event->epoch < epoch;
    planned->stored->outcome = late ? EVENT_LATE : EVENT_STORED;
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

/* Another event was first. What this one took from the stock in force goes back, once. */
static void decide_other(struct plan_event *planned, int64_t epoch)
{
    if (planned->stored->event->epoch < epoch) {
        planned->stored->outcome = EVENT_STALE;
        return;
    }
    if (!planned->doubled) {
        planned->stored->outcome = EVENT_DUPLICATE;
        return;
    }
    planned->stored->outcome = EVENT_DOUBLE;
    bool took = planned->stored->event->kind == EVENT_ORDER_CREATED;
    for (size_t i = 0; i < planned->use_count; i++) {
        int64_t quantity = planned->uses[i].quantity;
        if (took || quantity < 0) {
            planned->uses[i].product->delta_redis += took ? quantity : -quantity;
        }
    }
}

static void reject(struct event_plan *plan, struct plan_event *planned)
{
    planned->stored->outcome = EVENT_REJECTED;
    plan->rejected[plan->rejected_count++] = planned->stored->event;
}
