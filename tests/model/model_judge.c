/* See model_judge.h. */
#include "tests/model/model_judge.h"

#include <string.h>

static void purchases(struct model_caller *caller, const struct model_question *question,
                      int product, int64_t *least_out, int64_t *most_out);
static void judge_stock(struct model_caller *caller, const struct model_question *question,
                        const struct model_answer *answer);
static void judge_limit(struct model_caller *caller, const struct model_question *question,
                        const struct model_answer *answer);

void model_question_open(struct model_caller *caller, struct model_question *question)
{
    question->asked_us = clock_unix_us(clock_system());
    for (int i = 0; i < MODEL_PRODUCTS; i++) {
        struct model_product *product = &caller->run->products[i];
        question->taken_before[i] = atomic_load(&product->is_taken);
        (void)atomic_fetch_add(&product->may_be_taken, question->wanted[i]);
    }
}

void model_question_accepted(struct model_caller *caller, struct model_question *question)
{
    for (int i = 0; i < MODEL_PRODUCTS; i++) {
        struct model_product *product = &caller->run->products[i];
        int64_t wanted = question->wanted[i];
        if (wanted == 0) {
            continue;
        }
        int64_t most =
            product->base + atomic_load(&product->may_come_back) - question->taken_before[i];
        if (wanted > most) {
            model_problem(caller->run, "%s: %lld units taken of at most %lld", product->id,
                          (long long)wanted, (long long)most);
        }
        (void)atomic_fetch_add(&product->is_taken, wanted);
        if (question->customer < 0) {
            continue;
        }
        if (product->max_per_order > 0 && wanted > product->max_per_order) {
            model_problem(caller->run, "%s: %lld units in one order", product->id,
                          (long long)wanted);
        }
        int64_t least_bought, most_bought;
        purchases(caller, question, i, &least_bought, &most_bought);
        if (product->max_per_customer > 0 && least_bought + wanted > product->max_per_customer) {
            model_problem(caller->run, "%s: %lld units for who has %lld already", product->id,
                          (long long)wanted, (long long)least_bought);
        }
    }
}

void model_question_refused(struct model_caller *caller, struct model_question *question,
                            const struct model_answer *answer)
{
    const char *reason = answer->failure.reason;
    if (answer->product < 0 || question->wanted[answer->product] == 0) {
        model_problem(caller->run, "%s %s names no product that was asked for", reason,
                      answer->failure.message);
    } else if (strcmp(reason, question->customer < 0 ? "WOULD_OVERSELL" : "OUT_OF_STOCK") == 0) {
        judge_stock(caller, question, answer);
    } else if (question->customer >= 0) {
        judge_limit(caller, question, answer);
    } else {
        model_problem(caller->run, "an adjustment was refused: %s", reason);
    }
    model_question_withdraw(caller, question);
}

void model_question_withdraw(struct model_caller *caller, struct model_question *question)
{
    for (int i = 0; i < MODEL_PRODUCTS; i++) {
        (void)atomic_fetch_sub(&caller->run->products[i].may_be_taken, question->wanted[i]);
    }
}

static void judge_stock(struct model_caller *caller, const struct model_question *question,
                        const struct model_answer *answer)
{
    struct model_product *product = &caller->run->products[answer->product];
    int64_t wanted = question->wanted[answer->product];
    int64_t least = product->base - (atomic_load(&product->may_be_taken) - wanted);
    int64_t most = product->base + atomic_load(&product->may_come_back) -
                   question->taken_before[answer->product];
    if (answer->number >= wanted || answer->number < least || answer->number > most ||
        answer->number < 0) {
        model_problem(caller->run, "%s: %lld wanted, refused for %lld; there were %lld to %lld",
                      product->id, (long long)wanted, (long long)answer->number, (long long)least,
                      (long long)most);
    }
}

static void judge_limit(struct model_caller *caller, const struct model_question *question,
                        const struct model_answer *answer)
{
    const struct model_product *product = &caller->run->products[answer->product];
    int64_t wanted = question->wanted[answer->product], least, most;
    if (strcmp(answer->failure.reason, "ORDER_LIMIT_EXCEEDED") == 0) {
        if (product->max_per_order == 0 || wanted <= product->max_per_order ||
            answer->number != wanted) {
            model_problem(caller->run, "%s: %lld units are not too many for an order", product->id,
                          (long long)wanted);
        }
        return;
    }
    purchases(caller, question, answer->product, &least, &most);
    if (strcmp(answer->failure.reason, "PURCHASE_LIMIT_EXCEEDED") != 0 ||
        product->max_per_customer == 0 || answer->number < least || answer->number > most ||
        answer->number + wanted <= product->max_per_customer) {
        model_problem(caller->run, "%s: %s, %lld wanted, %lld bought; it is %lld to %lld",
                      product->id, answer->failure.reason, (long long)wanted,
                      (long long)answer->number, (long long)least, (long long)most);
    }
}

/* What the customer has bought: a hold that may have ended may count or not. */
static void purchases(struct model_caller *caller, const struct model_question *question,
                      int product, int64_t *least_out, int64_t *most_out)
{
    int64_t now_us = clock_unix_us(clock_system());
    *least_out = *most_out = 0;
    for (size_t i = 0; i < caller->order_count; i++) {
        const struct model_order *order = &caller->orders[i];
        if (order->customer != question->customer || order == question->except) {
            continue;
        }
        int64_t units = model_order_bought(order, product);
        bool may_have_ended = order->state == MODEL_PENDING && order->ends_from_us <= now_us;
        *least_out += may_have_ended ? 0 : units;
        *most_out += units;
    }
}

void model_come_back(struct model_caller *caller, const struct model_order *order,
                     const int32_t units[MODEL_LINES_MAX], int sign)
{
    if (model_canary == CANARY_NOTHING_COMES_BACK_BEFORE_ALL_RESTS) {
        return;
    }
    for (int i = 0; i < order->line_count; i++) {
        (void)atomic_fetch_add(&caller->run->products[order->lines[i].product].may_come_back,
                               (long long)sign * units[i]);
    }
}
