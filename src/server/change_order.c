/* See change_order.h. */
#include "server/change_order.h"

#include <string.h>

#include "server/history.h"
#include "server/refusals.h"
#include "server/shop_lane.h"
#include "shop/lifecycle.h"
#include "shop/order_codec.h"
#include "shop/rules.h"

static void prepare(struct shop_lane *lane, struct command **commands, size_t count);
static void read_request(struct shop_lane *lane, struct command *command);
static void load(struct shop_lane *lane, struct command **commands, size_t count,
                 void (*then)(struct shop_lane *lane, struct command *command));
static void apply(struct shop_lane *lane, struct command *command);
static void note(struct command *command);
static void plan(struct shop_lane *lane, struct command *command,
                 const struct order_change *change);
static enum book_hold plan_hold(const struct order_changing *body);
static bool plan_takes(struct shop_lane *lane, struct command *command,
                       const struct order_change *change);
static bool plan_event(struct shop_lane *lane, struct command *command,
                       const struct order_change *change);
static void again(struct shop_lane *lane, struct command **commands, size_t count);
static void recall(struct shop_lane *lane, struct command **commands, size_t count);
static void repeat(struct shop_lane *lane, struct command **commands, size_t count);
static void show(struct shop_lane *lane, struct command *command);
static const ProtobufCMessage *answer(struct shop_lane *lane, struct command *command);

const struct command_kind change_order_kind = {
    .name = "change_order",
    .prepare = prepare,
    .again = again,
    .recall = recall,
    .repeat = repeat,
    .answer = answer,
    .short_reason = "OUT_OF_STOCK",
};

static void prepare(struct shop_lane *lane, struct command **commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        read_request(lane, commands[i]);
    }
    load(lane, commands, count, apply);
}

/* ---- decode, check, identify ---- */

static void read_request(struct shop_lane *lane, struct command *command)
{
    struct order_changing *body = command->body;
    if (command->call != NULL) {
        body = arena_calloc(&lane->arena, 1, sizeof *body);
        struct verb_request *request = order_codec_verb_request(command->request, &lane->arena);
        if (body == NULL || request == NULL) {
            (void)refuse_overloaded(command_fail(command));
            return;
        }
        body->request = request;
        command->body = body;
        command->identified = true;
    }
    const struct verb_request *request = body->request;
    struct failure failure;
    enum status status = lifecycle_check_request(request, &failure);
    if (status == STATUS_OK && !uuid_parse(request->order_id, &body->found.order_id)) {
        status = failure_set_field(&failure, "order_id", "BAD_ID", "an order_id is a UUID");
    }
    if (status != STATUS_OK) {
        *command_fail(command) = failure;
        command->identified = false;
        return;
    }
    command->request_id = request->request_id;
    command->event_id = identity_of_request(
        request->verb == ORDER_EXPIRE ? IDENTITY_EXPIRY : IDENTITY_CHANGE, request->request_id);
    command->record_id = command->event_id;
    command->order_id = body->found.order_id;
    identity_hash_verb(request, command->request_hash);
}

/* ---- the order as it is ---- */

static void load(struct shop_lane *lane, struct command **commands, size_t count,
                 void (*then)(struct shop_lane *lane, struct command *command))
{
    struct order_lookup *lookups = arena_calloc(&lane->arena, count, sizeof *lookups);
    struct failure failure;
    size_t asked = 0;
    for (size_t i = 0; lookups != NULL && i < count; i++) {
        if (commands[i]->fate != COMMAND_FAILED) {
            lookups[asked++].order_id = commands[i]->order_id;
        }
    }
    if (lookups == NULL) {
        (void)refuse_overloaded(&failure);
    } else if (asked > 0) {
        load_orders(lane, lookups, asked,
                    clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms, &failure);
    }
    for (size_t i = 0, at = 0; i < count; i++) {
        struct order_changing *body = commands[i]->body;
        if (commands[i]->fate == COMMAND_FAILED) {
            continue;
        }
        if (lookups == NULL) {
            *command_fail(commands[i]) = failure;
            continue;
        }
        body->found = lookups[at++];
        if (body->found.presence == ORDER_NOT_SAID) {
            *command_fail(commands[i]) = failure;
        } else if (body->found.presence == ORDER_MISSING) {
            (void)refuse_unknown_order(command_fail(commands[i]), &commands[i]->order_id);
        } else {
            then(lane, commands[i]);
        }
    }
}

/* ---- what will be decided ---- */

static void apply(struct shop_lane *lane, struct command *command)
{
    struct order_changing *body = command->body;
    struct order_change change;
    struct failure failure;
    switch (lifecycle_apply(&body->found.order, body->request, clock_unix_us(lane->clock),
                            &lane->arena, &body->after, &change, &failure)) {
    case VERB_CHANGES:
        command->fate = COMMAND_OPEN;
        plan(lane, command, &change);
        return;
    case VERB_NO_EFFECT:
        note(command);
        return;
    case VERB_REFUSED:
        *command_fail(command) = failure;
        return;
    }
}

/* Its caller may miss the answer and repeat the request when the order has gone on. */
static void note(struct command *command)
{
    struct order_changing *body = command->body;
    body->after = body->found.order;
    command->durability = body->found.order.durability;
    command->fate = command->call != NULL ? COMMAND_OPEN : COMMAND_PERSISTED;
    command->found_version = (uint32_t)body->found.order.version;
    command->hold = BOOK_NOTE;
    command->takes = command->frees = NULL;
    command->take_count = command->free_count = 0;
}

static void plan(struct shop_lane *lane, struct command *command, const struct order_change *change)
{
    struct order_changing *body = command->body;
    command->found_version = (uint32_t)body->found.order.version;
    memcpy(command->order_hash, body->found.request_hash, sizeof command->order_hash);
    command->hold = plan_hold(body);
    body->after.durability = DURABILITY_RESERVED;
    command->record = order_codec_pack_order(&body->after, &lane->arena);
    if (command->record.data == NULL || !plan_takes(lane, command, change) ||
        !plan_event(lane, command, change)) {
        (void)refuse_overloaded(command_fail(command));
    }
}

/* With reacquire a hold that has just ended, and that nobody has resolved, still has its units. */
static enum book_hold plan_hold(const struct order_changing *body)
{
    if (body->request->verb == ORDER_EXPIRE) {
        return BOOK_HOLD_MUST_END;
    }
    if (body->found.order.state != ORDER_PENDING || body->after.state == ORDER_PENDING) {
        return BOOK_HOLD_NONE;
    }
    bool must_run = body->request->verb == ORDER_CONFIRM && !body->request->reacquire;
    return must_run ? BOOK_HOLD_MUST_RUN : BOOK_HOLD_GIVEN_UP;
}

/* Only what is taken again leaves the stock; what comes back does so after the commit, but its
 * customer may buy as much again from now on. */
static bool plan_takes(struct shop_lane *lane, struct command *command,
                       const struct order_change *change)
{
    const struct order_changing *body = command->body;
    command->customer_id = body->after.customer_id;
    command->takes = command->frees = NULL;
    command->take_count = command->free_count = 0;
    bool frees = change->verb == ORDER_CANCEL || change->verb == ORDER_EXPIRE;
    if ((!change->reacquired && !frees) || change->line_count == 0) {
        return true;
    }
    struct order_line *lines = arena_calloc(&lane->arena, change->line_count, sizeof *lines);
    for (size_t i = 0; lines != NULL && i < change->line_count; i++) {
        lines[i].product_id = change->lines[i].product_id;
        lines[i].quantity = change->lines[i].quantity;
    }
    size_t count;
    struct product_quantity *units =
        lines != NULL ? rules_sum_lines(lines, change->line_count, &lane->arena, &count) : NULL;
    if (units == NULL || !command_take(lane, command, units, count)) {
        return false;
    }
    if (frees) {
        command->frees = command->takes;
        command->free_count = command->take_count;
        command->take_count = 0;
    }
    return true;
}

static bool plan_event(struct shop_lane *lane, struct command *command,
                       const struct order_change *change)
{
    const struct order_changing *body = command->body;
    struct event event = {
        .kind = event_codec_kind_of_verb(change->verb),
        .event_id = command->event_id,
        .event_time_us = body->after.update_time_us,
        .epoch = lane->pass.epoch,
        .actor = command->call != NULL ? rpc_call_principal(command->call) : "system",
        .call_id = command->call != NULL ? rpc_call_id(command->call) : "",
        .order = {.order_id = command->order_id, .customer_id = body->after.customer_id},
        .change = *change,
    };
    command->event_kind = event.kind;
    command->event = event_codec_encode(&event, &lane->arena);
    return command->event.data != NULL;
}

/* The order was changed meanwhile. */
static void again(struct shop_lane *lane, struct command **commands, size_t count)
{
    load(lane, commands, count, apply);
}

/* ---- was it asked for before? ---- */

static void recall(struct shop_lane *lane, struct command **commands, size_t count)
{
    struct history_event *events = arena_calloc(&lane->arena, count, sizeof *events);
    struct failure failure, cause;
    enum status status = events != NULL ? STATUS_OK : refuse_overloaded(&failure);
    for (size_t i = 0; events != NULL && i < count; i++) {
        events[i].event_id = commands[i]->event_id;
        events[i].record_id = commands[i]->order_id;
    }
    if (status == STATUS_OK &&
        history_find_changes(lane->postgres, events, count, &lane->arena,
                             clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms,
                             &cause) != STATUS_OK) {
        status = shop_lane_blame(lane, &lane->postgres_outage, &cause, &failure);
    }
    for (size_t i = 0; i < count; i++) {
        struct order_changing *body = commands[i]->body;
        if (status != STATUS_OK) {
            *command_fail(commands[i]) = failure;
        } else if (events[i].persisted && body->found.presence == ORDER_FOUND) {
            body->after = body->found.order;
            commands[i]->fate = COMMAND_PERSISTED;
            commands[i]->durability = body->found.order.durability;
        }
    }
}

/* ---- answer ---- */

/* A repeated request is answered with the order as it is now. */
static void repeat(struct shop_lane *lane, struct command **commands, size_t count)
{
    load(lane, commands, count, show);
}

static void show(struct shop_lane *lane, struct command *command)
{
    (void)lane;
    struct order_changing *body = command->body;
    body->after = body->found.order;
    command->durability = body->found.order.durability;
}

static const ProtobufCMessage *answer(struct shop_lane *lane, struct command *command)
{
    struct order_changing *body = command->body;
    body->after.durability = command->durability;
    const ProtobufCMessage *response = order_codec_order(&body->after, &lane->arena);
    if (response == NULL) {
        (void)refuse_unanswerable(command_fail(command));
    }
    return response;
}
