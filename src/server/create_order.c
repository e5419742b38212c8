/* See create_order.h. */
#include "server/create_order.h"

#include <string.h>

#include "server/order_reader.h"
#include "server/price_orders.h"
#include "server/refusals.h"
#include "server/shop_lane.h"
#include "shop/order_codec.h"
#include "shop/rules.h"

static void prepare(struct shop_lane *lane, struct command **commands, size_t count);
static void read_request(struct shop_lane *lane, struct command *command);
static enum status check_wait(const struct order_request *request, const struct rpc_call *call,
                              struct failure *failure);
static enum status check_price_rights(const struct order_request *request,
                                      const struct rpc_call *call, struct failure *failure);
static void plan(struct shop_lane *lane, struct command *command);
static bool plan_event(struct shop_lane *lane, struct command *command);
static void recall(struct shop_lane *lane, struct command **commands, size_t count);
static const ProtobufCMessage *answer(struct shop_lane *lane, struct command *command);

const struct command_kind create_order_kind = {
    .name = "create_order",
    .prepare = prepare,
    .recall = recall,
    .answer = answer,
    .short_reason = "OUT_OF_STOCK",
};

static void prepare(struct shop_lane *lane, struct command **commands, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (commands[i]->fate == COMMAND_OPEN) {
            read_request(lane, commands[i]);
        }
    }
    price_orders(lane, commands, count);
    for (size_t i = 0; i < count; i++) {
        if (commands[i]->fate == COMMAND_OPEN) {
            plan(lane, commands[i]);
        }
    }
}

/* ---- decode, check, identify ---- */

static void read_request(struct shop_lane *lane, struct command *command)
{
    struct create_order *body = arena_calloc(&lane->arena, 1, sizeof *body);
    struct order_request *request = order_codec_create_request(command->request, &lane->arena);
    if (body == NULL || request == NULL) {
        (void)refuse_overloaded(command_fail(command));
        return;
    }
    command->body = body;
    body->request = request;
    body->now_us = clock_unix_us(lane->clock);
    struct failure failure;
    if (rules_check_order_request(request, body->now_us, &failure) != STATUS_OK ||
        check_wait(request, command->call, &failure) != STATUS_OK ||
        check_price_rights(request, command->call, &failure) != STATUS_OK) {
        *command_fail(command) = failure;
        return;
    }
    body->units =
        rules_sum_lines(request->lines, request->line_count, &lane->arena, &body->unit_count);
    if (body->units == NULL) {
        (void)refuse_overloaded(command_fail(command));
        return;
    }
    command->is_trial = request->validate_only;
    command->request_id = request->request_id;
    command->record_id = identity_of_request(IDENTITY_ORDER, request->request_id);
    identity_hash_order(request, command->request_hash);
    command->identified = true;
}

/* A batch would have to wait for its slowest order. */
static enum status check_wait(const struct order_request *request, const struct rpc_call *call,
                              struct failure *failure)
{
    const struct command_kind *kind = rpc_call_tag(call);
    if (request->wait_for == DURABILITY_PERSISTED && kind->list != NULL) {
        return failure_set_field(failure, "wait_for", "BAD_WAIT",
                                 "the orders of a batch are not waited for");
    }
    return STATUS_OK;
}

static enum status check_price_rights(const struct order_request *request,
                                      const struct rpc_call *call, struct failure *failure)
{
    if (rpc_call_is_local(call)) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < request->line_count; i++) {
        if (request->lines[i].has_price) {
            return failure_set(failure, STATUS_PERMISSION_DENIED, "PRICE_NOT_ALLOWED",
                               "a price may be given over the local ipc socket only (line %zu)",
                               i + 1);
        }
    }
    return STATUS_OK;
}

/* ---- what will be decided ---- */

static void plan(struct shop_lane *lane, struct command *command)
{
    struct create_order *body = command->body;
    const struct order_request *request = body->request;
    struct order *order = &body->order; /* price_orders has filled in lines, currency and total */
    order->order_id = command->record_id;
    order->customer_id = request->customer_id;
    order->state = request->confirm ? ORDER_CONFIRMED : ORDER_PENDING;
    order->expire_time_us = request->confirm ? 0 : body->now_us + request->hold_ms * 1000;
    order->confirm_time_us = request->confirm ? body->now_us : 0;
    order->update_time_us = body->now_us;
    order->payment_reference = "";
    order->create_time_us = body->now_us;
    order->placed_time_us = request->has_placed_time ? request->placed_time_us : body->now_us;
    order->order_ref = request->order_ref;
    order->durability = DURABILITY_RESERVED;
    order->version = 1;
    command->order_id = command->record_id;
    command->customer_id = order->customer_id;
    command->hold = request->confirm ? BOOK_HOLD_NONE : BOOK_HOLD_START;
    command->hold_ms = request->hold_ms;
    command->record = order_codec_pack_order(order, &lane->arena);
    if (command->record.data == NULL ||
        !command_take(lane, command, body->units, body->unit_count) || !plan_event(lane, command)) {
        (void)refuse_overloaded(command_fail(command));
    }
}

static bool plan_event(struct shop_lane *lane, struct command *command)
{
    const struct create_order *body = command->body;
    struct event event = {
        .kind = EVENT_ORDER_CREATED,
        .event_id = uuid_v7(lane->clock),
        .event_time_us = body->now_us,
        .epoch = lane->pass.epoch,
        .actor = rpc_call_principal(command->call),
        .call_id = rpc_call_id(command->call),
        .order = body->order,
    };
    memcpy(event.request_hash, command->request_hash, sizeof event.request_hash);
    command->event_kind = event.kind;
    command->event_id = event.event_id;
    command->event = event_codec_encode(&event, &lane->arena);
    return command->event.data != NULL;
}

/* ---- was it asked for before? ---- */

static void recall(struct shop_lane *lane, struct command **commands, size_t count)
{
    struct uuid *ids = arena_alloc(&lane->arena, count * sizeof *ids);
    struct stored_order *found;
    size_t found_count;
    struct failure failure, cause;
    enum status status = STATUS_OK;
    if (ids == NULL) {
        status = refuse_overloaded(&failure);
    }
    for (size_t i = 0; ids != NULL && i < count; i++) {
        ids[i] = commands[i]->record_id;
    }
    if (status == STATUS_OK &&
        order_reader_find(lane->postgres, ids, count, &lane->arena,
                          clock_monotonic_ms(lane->clock) + lane->options->postgres_timeout_ms,
                          &found, &found_count, &cause) != STATUS_OK) {
        status = shop_lane_blame(lane, &lane->postgres_outage, &cause, &failure);
    }
    for (size_t i = 0; i < count; i++) {
        if (status != STATUS_OK) {
            *command_fail(commands[i]) = failure;
            continue;
        }
        struct stored_order *order = order_reader_pick(found, found_count, &commands[i]->record_id);
        if (order == NULL) {
            continue;
        }
        if (memcmp(order->request_hash, commands[i]->request_hash, sizeof order->request_hash) !=
            0) {
            (void)refuse_reused(command_fail(commands[i]));
            continue;
        }
        struct create_order *body = commands[i]->body;
        body->order = order->order;
        commands[i]->fate = COMMAND_PERSISTED;
        commands[i]->durability = DURABILITY_PERSISTED;
    }
}

/* ---- answer ---- */

static const ProtobufCMessage *answer(struct shop_lane *lane, struct command *command)
{
    struct create_order *body = command->body;
    struct order *order = &body->order;
    struct failure failure;
    if (command->fate == COMMAND_REPEATED &&
        order_codec_unpack_order(command->prior.payload, &lane->arena, &order, &failure) !=
            STATUS_OK) {
        (void)refuse_unreadable(command_fail(command));
        return NULL;
    }
    order->durability = command->durability;
    command->waits = body->request->wait_for == DURABILITY_PERSISTED &&
                     (command->fate == COMMAND_ACCEPTED || command->fate == COMMAND_REPEATED);
    const ProtobufCMessage *response = order_codec_order(order, &lane->arena);
    if (response == NULL) {
        (void)refuse_unanswerable(command_fail(command));
    }
    return response;
}
