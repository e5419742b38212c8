/* See model_run.h and model_steps.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "tests/model/model_judge.h"
#include "tests/model/model_steps.h"

#define REFUSAL_KEPT_US 480000000 /* of the ten minutes that a server keeps one */
#define DELTA_MIN       (-15)
#define DELTA_MAX       30

static void step_end(struct model_caller *caller);

int64_t model_between(struct model_caller *caller, int64_t from, int64_t to)
{
    return chaos_random_between(&caller->random, from, to);
}

bool model_chance(struct model_caller *caller, int percent)
{
    return model_between(caller, 1, 100) <= percent;
}

void model_caller_customer(const struct model_caller *caller, int customer,
                           char out[MODEL_ID_BYTES])
{
    (void)snprintf(out, MODEL_ID_BYTES, "%s-%d-%d", caller->run->name, caller->index, customer);
}

/* Some ids say when they were made, so that a server knows what is new; some do not. */
void model_name_request(struct model_caller *caller, struct model_request *request)
{
    struct uuid id = uuid_v7(clock_system());
    uuid_print(&id, request->request_id);
    if (model_chance(caller, 30)) {
        request->request_id[14] = '4';
    }
    request->asked_us = clock_unix_us(clock_system());
}

bool model_may_have_ended(const struct model_order *order, int64_t now_us)
{
    return order->state == MODEL_PENDING && order->ends_from_us <= now_us;
}

void model_remember(struct model_caller *caller, const struct model_request *request,
                    const struct model_answer *answer)
{
    if (caller->request_count == caller->request_room) {
        caller->request_room = caller->request_room * 2 + 64;
        caller->requests =
            realloc(caller->requests, caller->request_room * sizeof *caller->requests);
        if (caller->requests == NULL) {
            abort();
        }
    }
    struct model_request *kept = &caller->requests[caller->request_count++];
    *kept = *request;
    kept->was_accepted = answer->failure.code == STATUS_OK;
    kept->number = answer->number;
    memcpy(kept->reason, answer->failure.reason, sizeof kept->reason);
    if (kept->was_accepted) {
        memcpy(kept->order.id, answer->order.id, sizeof kept->order.id);
    }
}

void model_caller_step(struct model_caller *caller)
{
    int64_t dice = model_between(caller, 1, 100);
    if (dice <= 32) {
        model_step_create(caller);
    } else if (dice <= 36) {
        model_step_batch(caller);
    } else if (dice <= 78) {
        model_step_change(caller);
    } else if (dice <= 83) {
        model_step_adjust(caller);
    } else if (dice <= 90) {
        step_end(caller);
    } else {
        model_step_repeat(caller);
    }
}

static void draw_adjustment(struct model_caller *caller, struct model_request *request)
{
    request->product = (int)model_between(caller, 0, MODEL_PRODUCTS - 1);
    request->delta = model_between(caller, DELTA_MIN, DELTA_MAX);
    request->delta = request->delta == 0 ? 1 : request->delta;
    model_name_request(caller, request);
    if (model_chance(caller, 30)) {
        request->expected = model_ask_on_hand(caller->channels[model_between(caller, 0, 1)],
                                              caller->run->products[request->product].id);
        request->kind = request->expected + request->delta < 0 || request->expected < 0
                            ? MODEL_ADJUST
                            : MODEL_SET;
    }
}

/* By a difference, or to a number if another one is there still. */
void model_step_adjust(struct model_caller *caller)
{
    struct model_request request = {.kind = MODEL_ADJUST};
    struct model_question question = {.customer = -1};
    struct model_answer answer;
    draw_adjustment(caller, &request);
    struct model_product *product = &caller->run->products[request.product];
    int64_t coming = request.delta > 0 ? request.delta : 0;
    (void)atomic_fetch_add(&product->may_come_back, coming);
    question.wanted[request.product] = coming - request.delta;
    model_question_open(caller, &question);
    model_ask(caller->channels, (unsigned)model_between(caller, 0, 1), caller->run->products,
              &request, &answer);
    caller->asked++;
    if (request.kind == MODEL_SET && strcmp(answer.failure.reason, "STOCK_CHANGED") == 0) {
        caller->deeds[DEED_REFUSED]++; /* nothing is remembered */
        model_question_withdraw(caller, &question);
        (void)atomic_fetch_sub(&product->may_come_back, coming);
        return;
    }
    model_remember(caller, &request, &answer);
    if (answer.failure.code != STATUS_OK) {
        caller->deeds[DEED_REFUSED]++;
        model_question_refused(caller, &question, &answer);
        (void)atomic_fetch_sub(&product->may_come_back, coming);
        return;
    }
    caller->deeds[request.kind == MODEL_SET ? DEED_SET : DEED_ADJUSTED]++;
    model_question_accepted(caller, &question);
    (void)atomic_fetch_add(&product->on_hand, request.delta);
}

/* ---- a hold that ends ---- */

void model_caller_end_hold(struct model_caller *caller, struct model_order *order)
{
    static const char script[] =
        "local now = redis.call('TIME')\n"
        "local at = string.format('%d', now[1] * 1000 + math.floor(now[2] / 1000) - 1)\n"
        "return redis.call('ZADD', KEYS[1], 'XX', at, ARGV[1])";
    struct uuid id;
    const struct redis_reply *replies;
    int32_t open[MODEL_LINES_MAX] = {0};
    struct failure failure;
    for (int i = 0; i < order->line_count && !order->end_counted; i++) {
        open[i] = model_open_units(&order->lines[i]);
    }
    model_come_back(caller, order, open, 1);
    order->end_counted = true;
    int64_t now_us = clock_unix_us(clock_system());
    order->ends_from_us = order->ends_from_us < now_us ? order->ends_from_us : now_us - 1000;
    redis_link_begin(caller->redis, 5);
    redis_link_put_text(caller->redis, "EVAL");
    redis_link_put_text(caller->redis, script);
    redis_link_put_text(caller->redis, "1");
    redis_link_put_text(caller->redis, "{s0}:holds");
    if (!uuid_parse(order->id, &id)) {
        model_problem(caller->run, "%s is no order's id", order->id);
    }
    redis_link_put(caller->redis, (struct bytes){id.bytes, sizeof id.bytes});
    if (redis_link_exchange(caller->redis, 0, &replies, &failure) != STATUS_OK ||
        replies[0].type == REDIS_ERROR) {
        model_problem(caller->run, "Redis did not end a hold");
    }
    now_us = clock_unix_us(clock_system());
    order->ends_until_us = order->ends_until_us < now_us ? order->ends_until_us : now_us;
    caller->deeds[DEED_HOLD_ENDED]++;
}

static void step_end(struct model_caller *caller)
{
    for (int tries = 0; tries < 20 && caller->order_count > 0; tries++) {
        struct model_order *order =
            &caller->orders[model_between(caller, 0, (int64_t)caller->order_count - 1)];
        if (order->state == MODEL_PENDING && order->ends_from_us == INT64_MAX) {
            caller->asked++;
            model_caller_end_hold(caller, order);
            return;
        }
    }
    model_step_create(caller);
}

/* ---- asked before ---- */

static void twist(struct model_request *request)
{
    switch (request->kind) {
    case MODEL_CREATE:
        request->order.lines[0].quantity++;
        return;
    case MODEL_CHANGE:
        request->change.payment += 10;
        return;
    case MODEL_ADJUST:
    case MODEL_SET:
        request->delta += request->delta == -1 ? 2 : 1;
        return;
    case MODEL_GET:
        return;
    }
}

static bool is_same(const struct model_request *request, const struct model_answer *answer)
{
    if (request->was_accepted) {
        return answer->failure.code == STATUS_OK &&
               strcmp(answer->order.id, request->order.id) == 0;
    }
    return answer->failure.code != STATUS_OK && answer->number == request->number &&
           strcmp(answer->failure.reason, request->reason) == 0;
}

/* With another body it is refused. PostgreSQL keeps what a change did, not how it was asked for:
 * when Redis was lost in between, the order may be answered, too. */
static bool is_reused(const struct model_request *request, const struct model_answer *answer)
{
    if (request->kind == MODEL_CHANGE && request->record_lost &&
        answer->failure.code == STATUS_OK) {
        return strcmp(answer->order.id, request->order.id) == 0;
    }
    return strcmp(answer->failure.reason, "REQUEST_ID_REUSED") == 0;
}

/* The same answer and no effect; with another body, no effect either. */
void model_step_repeat(struct model_caller *caller)
{
    struct model_answer answer;
    if (caller->request_count == 0) {
        model_step_create(caller);
        return;
    }
    struct model_request request =
        caller->requests[model_between(caller, 0, (int64_t)caller->request_count - 1)];
    if (!request.was_accepted &&
        clock_unix_us(clock_system()) - request.asked_us > REFUSAL_KEPT_US) {
        model_step_create(caller);
        return;
    }
    bool twisted = model_chance(caller, 30);
    if (twisted) {
        twist(&request);
    }
    model_ask(caller->channels, (unsigned)model_between(caller, 0, 1), caller->run->products,
              &request, &answer);
    caller->asked++;
    caller->deeds[DEED_ASKED_AGAIN]++;
    if (!(twisted ? is_reused(&request, &answer) : is_same(&request, &answer))) {
        model_problem(
            caller->run,
            "request %s of kind %d, verb %d, order %s, repeated%s: first '%s', then '%s' %s",
            request.request_id, (int)request.kind, (int)request.change.verb, request.order.id,
            twisted ? " with another body" : "", request.reason, answer.failure.reason,
            answer.failure.message);
    }
    if (!twisted && request.kind == MODEL_ADJUST && request.was_accepted &&
        model_canary == CANARY_A_REPEATED_ADJUSTMENT_COUNTS_TWICE) {
        (void)atomic_fetch_add(&caller->run->products[request.product].on_hand, request.delta);
    }
}
