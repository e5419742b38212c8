/* See model_steps.h: confirm, cancel and fulfil, and which of the order's possible lives an answer
 * fits. */
#include <string.h>

#include "tests/model/model_judge.h"
#include "tests/model/model_steps.h"

#define LIVES_MAX 4
#define RECENT    40 /* orders that something happens to soon */

/* One that the order may have had when the answer came. */
struct life {
    struct model_order after;
    enum model_outcome outcome;
    const char *reason;
    bool takes_again; /* it had expired, and its units are taken again */
    bool had_expired; /* before the change */
};

struct changing {
    struct model_request request;
    struct model_order *order;
    struct model_question question;  /* what confirming may take again */
    int32_t coming[MODEL_LINES_MAX]; /* what cancelling may give back */
    struct life lives[LIVES_MAX];
    size_t life_count;
};

static enum model_deed deed_of(const struct model_change *change, const struct life *life);
static void draw(struct model_caller *caller, struct changing *changing);
static void open_bounds(struct model_caller *caller, struct changing *changing);
static void imagine(struct changing *changing, int64_t answered_us);
static const struct life *find_life(const struct changing *changing,
                                    const struct model_answer *answer);
static void judge_none(struct model_caller *caller, struct changing *changing,
                       const struct model_answer *answer);
static void live(struct model_caller *caller, struct changing *changing, const struct life *life);
static void move_stock(struct model_caller *caller, const struct model_order *before,
                       const struct life *life, const struct model_change *change);

void model_step_change(struct model_caller *caller)
{
    struct changing changing;
    struct model_answer answer;
    if (caller->order_count == 0) {
        model_step_create(caller);
        return;
    }
    memset(&changing, 0, sizeof changing);
    draw(caller, &changing);
    open_bounds(caller, &changing);
    model_ask(caller->channels, (unsigned)model_between(caller, 0, 1), caller->run->products,
              &changing.request, &answer);
    imagine(&changing, clock_unix_us(clock_system()));
    caller->asked++;
    const struct life *life = find_life(&changing, &answer);
    if (life == NULL) {
        judge_none(caller, &changing, &answer);
        return;
    }
    caller->deeds[DEED_REFUSED] += life->outcome == MODEL_REFUSES ? 1 : 0;
    if (life->outcome == MODEL_CHANGES) {
        caller->deeds[deed_of(&changing.request.change, life)]++;
        model_remember(caller, &changing.request, &answer);
    }
    live(caller, &changing, life);
}

static enum model_deed deed_of(const struct model_change *change, const struct life *life)
{
    switch (change->verb) {
    case MODEL_CONFIRM:
        return life->takes_again ? DEED_TAKEN_AGAIN : DEED_CONFIRMED;
    case MODEL_CANCEL:
        return change->is_whole ? DEED_CANCELLED : DEED_CANCELLED_IN_PART;
    case MODEL_FULFIL:
        break;
    }
    return change->is_whole ? DEED_FULFILLED : DEED_FULFILLED_IN_PART;
}

static void draw(struct model_caller *caller, struct changing *changing)
{
    struct model_request *request = &changing->request;
    struct model_change *change = &request->change;
    size_t recent = caller->order_count < RECENT ? caller->order_count : RECENT;
    size_t back = (size_t)model_between(
        caller, 1, (int64_t)(model_chance(caller, 80) ? recent : caller->order_count));
    changing->order = &caller->orders[caller->order_count - back];
    request->kind = MODEL_CHANGE;
    request->order = *changing->order;
    model_name_request(caller, request);
    change->verb = (enum model_verb)model_between(caller, MODEL_CONFIRM, MODEL_FULFIL);
    change->payment = (int)model_between(caller, 1, 2);
    change->reacquire = model_chance(caller, 60);
    change->write_off = model_chance(caller, 25);
    change->is_whole = model_chance(caller, 40);
    for (int i = 0; i < changing->order->line_count; i++) {
        int32_t open = model_open_units(&changing->order->lines[i]);
        change->units[i] =
            (int32_t)model_between(caller, 0, open + (model_chance(caller, 5) ? 1 : 0));
    }
    bool names_any = false;
    for (int i = 0; i < changing->order->line_count; i++) {
        names_any = names_any || change->units[i] > 0;
    }
    change->is_whole = change->is_whole || !names_any;
}

/* All that the change may do to stock is counted before it is asked for. */
static void open_bounds(struct model_caller *caller, struct changing *changing)
{
    const struct model_order *order = changing->order;
    const struct model_change *change = &changing->request.change;
    struct model_order after;
    const char *reason;
    changing->question.customer = order->customer;
    changing->question.except = order;
    if (change->verb == MODEL_CONFIRM && change->reacquire &&
        (order->state == MODEL_EXPIRED ||
         (order->state == MODEL_PENDING && order->ends_from_us != INT64_MAX))) {
        for (int i = 0; i < order->line_count; i++) {
            changing->question.wanted[order->lines[i].product] +=
                model_open_units(&order->lines[i]);
        }
    }
    if (change->verb == MODEL_CANCEL && !change->write_off && !order->end_counted &&
        model_apply(order, change, true, &after, &reason) == MODEL_CHANGES) {
        for (int i = 0; i < order->line_count; i++) {
            changing->coming[i] = after.lines[i].cancelled - order->lines[i].cancelled;
        }
        model_come_back(caller, order, changing->coming, 1);
    }
    model_question_open(caller, &changing->question);
}

static void add_life(struct changing *changing, bool has_expired, bool hold_runs,
                     bool expires_after)
{
    struct life *life = &changing->lives[changing->life_count];
    struct model_order before = *changing->order;
    if (has_expired) {
        model_expire(&before);
    }
    life->outcome =
        model_apply(&before, &changing->request.change, hold_runs, &life->after, &life->reason);
    life->had_expired = before.state == MODEL_EXPIRED;
    life->takes_again = life->had_expired && life->outcome == MODEL_CHANGES;
    if (expires_after) {
        if (life->outcome != MODEL_CHANGES || life->after.state != MODEL_PENDING) {
            return;
        }
        model_expire(&life->after);
    }
    changing->life_count++;
}

/* A question that was asked twice may have been answered the second time: the hold may have ended
 * between the change and the answer. */
static void imagine(struct changing *changing, int64_t answered_us)
{
    const struct model_order *order = changing->order;
    bool may_run = changing->question.asked_us <= order->ends_until_us;
    bool may_end = model_may_have_ended(order, answered_us);
    if (order->state != MODEL_PENDING || may_run) {
        add_life(changing, false, true, false);
    }
    if (may_end) {
        add_life(changing, false, false, false);
        add_life(changing, true, false, false);
        add_life(changing, false, false, true);
    }
}

static bool fits(const struct life *life, const struct model_answer *answer)
{
    const struct model_order *is = &answer->order;
    if (life->outcome == MODEL_REFUSES || answer->failure.code != STATUS_OK) {
        return life->outcome == MODEL_REFUSES && answer->failure.code != STATUS_OK &&
               strcmp(life->reason, answer->failure.reason) == 0;
    }
    if (is->state != life->after.state || is->version != life->after.version ||
        is->line_count != life->after.line_count) {
        return false;
    }
    for (int i = 0; i < is->line_count; i++) {
        if (is->lines[i].fulfilled != life->after.lines[i].fulfilled ||
            is->lines[i].cancelled != life->after.lines[i].cancelled) {
            return false;
        }
    }
    return true;
}

static const struct life *find_life(const struct changing *changing,
                                    const struct model_answer *answer)
{
    for (size_t i = 0; i < changing->life_count; i++) {
        if (fits(&changing->lives[i], answer)) {
            return &changing->lives[i];
        }
    }
    return NULL;
}

/* Taking units again may be refused as any order may be; all else is a problem. */
static void judge_none(struct model_caller *caller, struct changing *changing,
                       const struct model_answer *answer)
{
    bool may_be_short = false;
    for (size_t i = 0; i < changing->life_count; i++) {
        may_be_short = may_be_short || changing->lives[i].takes_again;
    }
    if (may_be_short && answer->failure.code == STATUS_FAILED_PRECONDITION) {
        caller->deeds[DEED_REFUSED]++;
        model_question_refused(caller, &changing->question, answer);
        model_remember(caller, &changing->request, answer);
        if (changing->order->state == MODEL_PENDING) {
            model_expire(changing->order);
        }
        return;
    }
    model_problem(caller->run,
                  "order %s, state %d, version %d, verb %d: %s %s, state %d, version %d",
                  changing->order->id, (int)changing->order->state, changing->order->version,
                  (int)changing->request.change.verb, answer->failure.reason,
                  answer->failure.message, (int)answer->order.state, answer->order.version);
    model_question_withdraw(caller, &changing->question);
    if (answer->failure.code == STATUS_OK && changing->life_count > 0) {
        live(caller, changing, &changing->lives[0]);
    }
}

static void live(struct model_caller *caller, struct changing *changing, const struct life *life)
{
    struct model_order *order = changing->order;
    const struct model_change *change = &changing->request.change;
    int64_t now_us = clock_unix_us(clock_system());
    if (life->takes_again) {
        model_question_accepted(caller, &changing->question);
    } else {
        model_question_withdraw(caller, &changing->question);
    }
    if (life->outcome != MODEL_CHANGES) {
        model_come_back(caller, order, changing->coming, -1);
    }
    if (life->outcome == MODEL_REFUSES && strcmp(life->reason, "ORDER_EXPIRED") == 0 &&
        order->ends_until_us > now_us) {
        order->ends_until_us = now_us;
    }
    move_stock(caller, order, life, change);
    *order = life->after;
    if (order->state != MODEL_PENDING) {
        order->ends_from_us = order->ends_until_us = INT64_MAX;
    }
    if (life->outcome == MODEL_CHANGES && change->verb == MODEL_CONFIRM) {
        order->end_counted = false; /* what came back was taken again, what did not is sold */
    }
}

/* What the change, in this life, does to on_hand and to the bounds. */
static void move_stock(struct model_caller *caller, const struct model_order *before,
                       const struct life *life, const struct model_change *change)
{
    if (life->outcome != MODEL_CHANGES) {
        return;
    }
    for (int i = 0; i < before->line_count; i++) {
        struct model_product *product = &caller->run->products[before->lines[i].product];
        int32_t open = model_open_units(&before->lines[i]);
        int32_t left = life->after.lines[i].fulfilled - before->lines[i].fulfilled;
        int32_t cancelled = life->after.lines[i].cancelled - before->lines[i].cancelled;
        int32_t gone = left;
        bool lost = change->write_off ? model_canary != CANARY_WRITTEN_OFF_UNITS_COME_BACK
                                      : model_canary == CANARY_CANCELLED_UNITS_ARE_LOST;
        gone += lost ? cancelled : 0;
        gone -= life->takes_again && model_canary == CANARY_REACQUIRED_UNITS_ARE_NEW ? open : 0;
        (void)atomic_fetch_sub(&product->on_hand, gone);
        int32_t never_back = change->write_off && before->end_counted ? cancelled : 0;
        if (change->verb == MODEL_CONFIRM && !life->takes_again && before->end_counted) {
            never_back = open; /* it was in time */
        }
        (void)atomic_fetch_sub(&product->may_come_back, never_back);
    }
}
