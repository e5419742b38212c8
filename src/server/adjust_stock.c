/* See adjust_stock.h. */
#include "server/adjust_stock.h"

#include <string.h>

#include "server/history.h"
#include "server/refusals.h"
#include "server/shop_lane.h"
#include "shop/product_codec.h"
#include "shop/rules.h"

static void prepare(struct shop_lane *lane, struct command **commands, size_t count);
static void read_request(struct shop_lane *lane, struct command *command);
static void check_products(struct shop_lane *lane, struct command **commands, size_t count);
static enum status find_adjustments(struct shop_lane *lane, struct command **commands, size_t count,
                                    struct stock_adjustment **found_out, size_t *found_count_out,
                                    struct failure *failure);
static const ProtobufCMessage *answer(struct shop_lane *lane, struct command *command);

const struct command_kind adjust_stock_kind = {
    .name = "adjust_stock",
    .prepare = prepare,
    .recall = adjust_stock_recall,
    .answer = answer,
    .short_reason = "WOULD_OVERSELL",
};

/* ---- decode, check, identify, plan ---- */

static void prepare(struct shop_lane *lane, struct command **commands, size_t count)
{
    adjust_stock_read(lane, commands, count);
    for (size_t i = 0; i < count; i++) {
        if (commands[i]->fate == COMMAND_OPEN) {
            adjust_stock_plan(lane, commands[i]);
        }
    }
}

void adjust_stock_read(struct shop_lane *lane, struct command **commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        read_request(lane, commands[i]);
    }
    check_products(lane, commands, count);
}

static void read_request(struct shop_lane *lane, struct command *command)
{
    struct stock_adjustment *adjustment = product_codec_adjustment(command->request, &lane->arena);
    if (adjustment == NULL) {
        (void)refuse_overloaded(command_fail(command));
        return;
    }
    struct failure failure;
    if (rules_check_adjustment(adjustment, &failure) != STATUS_OK) {
        *command_fail(command) = failure;
        return;
    }
    adjustment->adjustment_id = identity_of_request(IDENTITY_ADJUSTMENT, adjustment->request_id);
    command->body = adjustment;
    command->request_id = adjustment->request_id;
    command->record_id = adjustment->adjustment_id;
    identity_hash_adjustment(adjustment, command->request_hash);
    command->identified = true;
}

static void check_products(struct shop_lane *lane, struct command **commands, size_t count)
{
    struct product_lookup *lookups = arena_calloc(&lane->arena, count, sizeof *lookups);
    struct failure failure;
    size_t asked = 0;
    for (size_t i = 0; lookups != NULL && i < count; i++) {
        if (commands[i]->fate == COMMAND_OPEN) {
            const struct stock_adjustment *adjustment = commands[i]->body;
            lookups[asked++].product_id = adjustment->product_id;
        }
    }
    if (lookups == NULL) {
        (void)refuse_overloaded(&failure);
    } else {
        int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms;
        (void)find_products(&lane->products, lookups, asked, &lane->arena, deadline_ms, &failure);
    }
    for (size_t i = 0, at = 0; i < count; i++) {
        struct command *command = commands[i];
        if (command->fate != COMMAND_OPEN) {
            continue;
        }
        const struct product_lookup *lookup = lookups != NULL ? &lookups[at++] : NULL;
        if (lookup == NULL || lookup->presence == PRODUCT_NOT_SAID) {
            *command_fail(command) = failure;
        } else if (lookup->presence == PRODUCT_MISSING) {
            (void)refuse_unknown_product(command_fail(command), "product_id", lookup->product_id);
        }
    }
}

void adjust_stock_plan(struct shop_lane *lane, struct command *command)
{
    const struct stock_adjustment *adjustment = command->body;
    struct event event = {
        .kind = EVENT_STOCK_ADJUSTED,
        .event_id = uuid_v7(lane->clock),
        .event_time_us = clock_unix_us(lane->clock),
        .epoch = lane->pass.epoch,
        .actor = rpc_call_principal(command->call),
        .call_id = rpc_call_id(command->call),
        .adjustment = *adjustment,
    };
    memcpy(event.request_hash, command->request_hash, sizeof event.request_hash);
    command->event_kind = event.kind;
    command->event_id = event.event_id;
    command->event = event_codec_encode(&event, &lane->arena);
    struct book_take *take = arena_alloc(&lane->arena, sizeof *take);
    if (command->event.data == NULL || take == NULL) {
        (void)refuse_overloaded(command_fail(command));
        return;
    }
    *take = (struct book_take){adjustment->product_id, -adjustment->delta};
    command->takes = take;
    command->take_count = adjustment->delta < 0 ? 1 : 0;
    command->hold = BOOK_COUNT;
    command->counted_product_id = adjustment->product_id;
    /* The record has no payload: the answer follows from the request, which must be the same. */
}

/* ---- was it asked for before? ---- */

void adjust_stock_recall(struct shop_lane *lane, struct command **commands, size_t count)
{
    struct stock_adjustment *found = NULL;
    size_t found_count = 0;
    struct failure failure;
    enum status status = find_adjustments(lane, commands, count, &found, &found_count, &failure);
    for (size_t i = 0; i < count; i++) {
        struct command *command = commands[i];
        if (status != STATUS_OK) {
            *command_fail(command) = failure;
            continue;
        }
        for (size_t at = 0; at < found_count; at++) {
            uint8_t hash[REQUEST_HASH_BYTES];
            if (memcmp(&found[at].adjustment_id, &command->record_id, sizeof(struct uuid)) != 0) {
                continue;
            }
            identity_hash_adjustment(&found[at], hash);
            if (memcmp(hash, command->request_hash, sizeof hash) != 0) {
                (void)refuse_reused(command_fail(command));
            } else {
                command->fate = COMMAND_PERSISTED;
                command->durability = DURABILITY_PERSISTED;
            }
        }
    }
}

static enum status find_adjustments(struct shop_lane *lane, struct command **commands, size_t count,
                                    struct stock_adjustment **found_out, size_t *found_count_out,
                                    struct failure *failure)
{
    struct uuid *ids = arena_alloc(&lane->arena, count * sizeof *ids);
    if (ids == NULL) {
        return refuse_overloaded(failure);
    }
    for (size_t i = 0; i < count; i++) {
        ids[i] = commands[i]->record_id;
    }
    struct failure cause;
    int64_t deadline_ms = clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms;
    if (history_find_adjustments(lane->postgres, ids, count, &lane->arena, deadline_ms, found_out,
                                 found_count_out, &cause) != STATUS_OK) {
        return shop_lane_blame(lane, &lane->postgres_outage, &cause, failure);
    }
    outage_over(&lane->postgres_outage, lane->clock);
    return STATUS_OK;
}

/* ---- answer ---- */

static const ProtobufCMessage *answer(struct shop_lane *lane, struct command *command)
{
    const ProtobufCMessage *response =
        product_codec_adjusted(command->body, command->durability, &lane->arena);
    if (response == NULL) {
        (void)refuse_unanswerable(command_fail(command));
    }
    return response;
}
