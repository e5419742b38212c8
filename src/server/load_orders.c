/* See load_orders.h. */
#include "server/load_orders.h"

#include <string.h>

#include "server/command.h"
#include "server/order_reader.h"
#include "server/refusals.h"
#include "server/shop_lane.h"
#include "shop/order_codec.h"

static enum status ask_book(struct shop_lane *lane, struct order_lookup *lookups, size_t count,
                            int64_t deadline_ms, int64_t *epoch_out, struct failure *failure);
static enum status take_record(struct shop_lane *lane, const struct book_lookup *found,
                               struct order_lookup *lookup, struct failure *failure);
static enum status ask_postgres(struct shop_lane *lane, struct order_lookup **asked, size_t count,
                                int64_t deadline_ms, struct failure *failure);

bool load_orders_is_asked_for(const char *customer_id, const char *owner)
{
    return customer_id == NULL || customer_id[0] == '\0' || strcmp(customer_id, owner) == 0;
}

void load_orders(struct shop_lane *lane, struct order_lookup *lookups, size_t count,
                 int64_t deadline_ms, struct failure *failure)
{
    struct order_lookup **asked = arena_alloc(&lane->arena, count * sizeof *asked);
    struct failure postgres_failure;
    size_t left = 0;
    size_t silent = 0;
    int64_t epoch = 0;
    for (size_t i = 0; i < count; i++) {
        lookups[i].presence = ORDER_NOT_SAID;
    }
    if (asked == NULL) {
        (void)refuse_overloaded(failure);
        return;
    }
    enum status book = ask_book(lane, lookups, count, deadline_ms, &epoch, failure);
    for (size_t i = 0; i < count; i++) {
        if (lookups[i].presence != ORDER_FOUND) {
            asked[left++] = &lookups[i];
        }
    }
    if (left == 0) {
        return;
    }
    if (ask_postgres(lane, asked, left, deadline_ms, &postgres_failure) != STATUS_OK) {
        *failure = postgres_failure;
        return;
    }
    for (size_t i = 0; i < left; i++) {
        silent += asked[i]->presence == ORDER_NOT_SAID;
    }
    /* Redis may have been emptied a moment ago, with the server's gate still open. */
    if (silent > 0 && book == STATUS_OK) {
        book = shop_lane_still_open(lane, epoch, failure);
    }
    for (size_t i = 0; i < left && book == STATUS_OK; i++) {
        if (asked[i]->presence == ORDER_NOT_SAID) {
            asked[i]->presence = ORDER_MISSING;
        }
    }
}

/* Not OK: Redis' silence about an order says nothing, because it could not be asked, or has lost
 * its records. */
static enum status ask_book(struct shop_lane *lane, struct order_lookup *lookups, size_t count,
                            int64_t deadline_ms, int64_t *epoch_out, struct failure *failure)
{
    struct stock_pass pass = {0};
    bool is_open = stock_gate_enter(lane->options->gate, &pass);
    struct book_lookup *found = arena_calloc(&lane->arena, count, sizeof *found);
    *epoch_out = pass.epoch;
    if (found == NULL) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        found[i].record_id = lookups[i].order_id;
    }
    if (is_open && lane->publisher == NULL) { /* commands stay with the epoch they began in */
        book_set_epoch(lane->book, pass.epoch);
    }
    int64_t redis_ms = clock_monotonic_ms(lane->clock) + lane->options->redis_timeout_ms;
    struct failure cause;
    if (book_read(lane->book, found, count, redis_ms < deadline_ms ? redis_ms : deadline_ms,
                  &cause) != STATUS_OK) {
        outage_note(&lane->redis_outage, lane->clock, &cause);
        return refuse_unavailable(failure, STORE_REDIS);
    }
    outage_over(&lane->redis_outage, lane->clock);
    enum status status = is_open ? STATUS_OK : refuse_fenced(failure);
    for (size_t i = 0; i < count; i++) {
        if (found[i].found && (found[i].record.is_current || !is_open) &&
            take_record(lane, &found[i], &lookups[i], failure) != STATUS_OK) {
            status = failure->code;
        }
    }
    return status;
}

/* A refusal made no order, and what has no payload is none: an adjustment, a change. */
static enum status take_record(struct shop_lane *lane, const struct book_lookup *found,
                               struct order_lookup *lookup, struct failure *failure)
{
    if (found->record.kind != BOOK_ACCEPTED || found->record.payload.size == 0) {
        return STATUS_OK;
    }
    struct bytes payload = arena_copy(&lane->arena, found->record.payload);
    struct order *order;
    if (payload.data == NULL) {
        return refuse_overloaded(failure);
    }
    if (order_codec_unpack_order(payload, &lane->arena, &order, failure) != STATUS_OK) {
        return refuse_unreadable(failure);
    }
    if (!load_orders_is_asked_for(lookup->customer_id, order->customer_id)) {
        return STATUS_OK;
    }
    lookup->order = *order;
    lookup->order.durability = command_durability(found);
    memcpy(lookup->request_hash, found->record.request_hash, sizeof lookup->request_hash);
    lookup->presence = ORDER_FOUND;
    return STATUS_OK;
}

static enum status ask_postgres(struct shop_lane *lane, struct order_lookup **asked, size_t count,
                                int64_t deadline_ms, struct failure *failure)
{
    struct uuid *ids = arena_alloc(&lane->arena, count * sizeof *ids);
    if (ids == NULL) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        ids[i] = asked[i]->order_id;
    }
    struct stored_order *orders;
    size_t found;
    struct failure cause;
    if (order_reader_find(lane->postgres, ids, count, &lane->arena, deadline_ms, &orders, &found,
                          &cause) != STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    outage_over(&lane->postgres_outage, lane->clock);
    for (size_t i = 0; i < count; i++) {
        const struct stored_order *order = order_reader_pick(orders, found, &ids[i]);
        if (order != NULL &&
            load_orders_is_asked_for(asked[i]->customer_id, order->order.customer_id)) {
            asked[i]->order = order->order;
            memcpy(asked[i]->request_hash, order->request_hash, sizeof asked[i]->request_hash);
            asked[i]->presence = ORDER_FOUND;
        }
    }
    return STATUS_OK;
}
