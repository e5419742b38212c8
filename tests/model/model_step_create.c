/* See model_steps.h: new orders. */
#include <stdlib.h>
#include <string.h>

#include "tests/model/model_judge.h"
#include "tests/model/model_steps.h"

#define HOLD_S_LONG       3600 /* longer than a run */
#define HOLD_S_SHORT      10
#define CUSTOMERS_AT_ONCE 10
#define ORDERS_A_CUSTOMER 25 /* about: then he is done */
#define QUANTITY_MAX      4

struct creation {
    struct model_request request;
    struct model_question question;
    enum model_deed deed;
    int32_t ending[MODEL_LINES_MAX]; /* units that come back when its hold ends in this run */
};

static void draw(struct model_caller *caller, int customer, enum model_deed deed,
                 struct creation *creation)
{
    struct model_request *request = &creation->request;
    memset(creation, 0, sizeof *creation);
    creation->deed = deed;
    request->kind = MODEL_CREATE;
    request->order.customer = customer;
    request->order.line_count = (int)model_between(caller, 1, MODEL_LINES_MAX - 1);
    for (int i = 0; i < request->order.line_count; i++) {
        request->order.lines[i].product = (int)model_between(caller, 0, MODEL_PRODUCTS - 1);
        request->order.lines[i].quantity = (int32_t)model_between(caller, 1, QUANTITY_MAX);
    }
    if (!model_chance(caller, 30)) {
        request->hold_s = model_chance(caller, 12) ? HOLD_S_SHORT : HOLD_S_LONG;
    }
    for (int i = 0; request->hold_s == HOLD_S_SHORT && i < request->order.line_count; i++) {
        creation->ending[i] = request->order.lines[i].quantity;
    }
    model_caller_customer(caller, customer, request->customer_id);
    model_name_request(caller, request);
    creation->question.customer = customer;
    for (int i = 0; i < MODEL_PRODUCTS; i++) {
        creation->question.wanted[i] = model_order_quantity(&request->order, i);
    }
    model_come_back(caller, &request->order, creation->ending, 1);
    model_question_open(caller, &creation->question);
}

static void keep_order(struct model_caller *caller, const struct model_order *order)
{
    if (caller->order_count == caller->order_room) {
        caller->order_room = caller->order_room * 2 + 64;
        caller->orders = realloc(caller->orders, caller->order_room * sizeof *caller->orders);
        if (caller->orders == NULL) {
            abort();
        }
    }
    caller->orders[caller->order_count++] = *order;
}

static void judge(struct model_caller *caller, struct creation *creation,
                  const struct model_answer *answer)
{
    struct model_order order = creation->request.order;
    int64_t now_us = clock_unix_us(clock_system());
    caller->asked++;
    model_remember(caller, &creation->request, answer);
    if (answer->failure.code != STATUS_OK) {
        caller->deeds[DEED_REFUSED]++;
        model_question_refused(caller, &creation->question, answer);
        model_come_back(caller, &order, creation->ending, -1);
        return;
    }
    caller->deeds[creation->deed]++;
    model_question_accepted(caller, &creation->question);
    memcpy(order.id, answer->order.id, sizeof order.id);
    order.state = creation->request.hold_s > 0 ? MODEL_PENDING : MODEL_CONFIRMED;
    order.version = 1;
    order.ends_from_us = order.ends_until_us = INT64_MAX;
    if (creation->request.hold_s == HOLD_S_SHORT) {
        order.end_counted = true;
        order.ends_from_us = creation->question.asked_us + HOLD_S_SHORT * 1000000LL - 1000;
        order.ends_until_us = now_us + HOLD_S_SHORT * 1000000LL;
    }
    if ((answer->order.state != order.state || answer->order.version != 1 ||
         answer->order.line_count != order.line_count) &&
        !model_may_have_ended(&order, now_us)) {
        model_problem(caller->run, "order %s was created in state %d, version %d", order.id,
                      (int)answer->order.state, answer->order.version);
    }
    keep_order(caller, &order);
}

static int next_customer(struct model_caller *caller)
{
    return (int)(caller->order_count / ORDERS_A_CUSTOMER) +
           (int)model_between(caller, 0, CUSTOMERS_AT_ONCE - 1);
}

void model_step_create(struct model_caller *caller)
{
    struct creation creation;
    struct model_answer answer;
    draw(caller, next_customer(caller), DEED_CREATED, &creation);
    model_ask(caller->channels, (unsigned)model_between(caller, 0, 1), caller->run->products,
              &creation.request, &answer);
    judge(caller, &creation, &answer);
}

/* Of customers that differ: an order is judged by what its customer had before. */
void model_step_batch(struct model_caller *caller)
{
    struct creation creations[MODEL_BATCH_MAX];
    struct model_request requests[MODEL_BATCH_MAX];
    struct model_answer answers[MODEL_BATCH_MAX];
    size_t count = (size_t)model_between(caller, 1, MODEL_BATCH_MAX);
    int customer = next_customer(caller);
    for (size_t i = 0; i < count; i++) {
        draw(caller, customer + (int)i, DEED_CREATED_IN_BATCH, &creations[i]);
        requests[i] = creations[i].request;
    }
    model_ask_batch(caller->channels, (unsigned)model_between(caller, 0, 1), caller->run->products,
                    requests, count, answers);
    for (size_t i = 0; i < count; i++) {
        judge(caller, &creations[i], &answers[i]);
    }
}
