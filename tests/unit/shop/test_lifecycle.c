#include <stdlib.h>
#include <string.h>

#include "shop/lifecycle.h"
#include "tests/cmocka_all.h"

#define NOW_US INT64_C(1780000000000000)

static struct arena arena;
static struct order_line lines[3];

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 4096, 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct order order_in(enum order_state state)
{
    lines[0] = (struct order_line){.product_id = "a", .quantity = 5};
    lines[1] = (struct order_line){.product_id = "b", .quantity = 1};
    lines[2] = (struct order_line){.product_id = "a", .quantity = 2};
    return (struct order){
        .customer_id = "c",
        .state = state,
        .lines = lines,
        .line_count = 3,
        .version = 1,
        .order_ref = "",
        .expire_time_us = state == ORDER_PENDING ? NOW_US + 1000000 : 0,
        .payment_reference = state == ORDER_CONFIRMED ? "pay-1" : "",
    };
}

struct result {
    enum verb_outcome outcome;
    struct order after;
    struct order_change change;
    struct failure failure;
};

static struct result apply(const struct order *before, struct verb_request request)
{
    struct result result = {0};
    if (request.reason == NULL) {
        request.reason = "";
    }
    result.outcome = lifecycle_apply(before, &request, NOW_US, &arena, &result.after,
                                     &result.change, &result.failure);
    if (result.outcome == VERB_CHANGES) {
        assert_int_equal(lifecycle_check_change(&result.change, &result.failure), STATUS_OK);
        assert_int_equal(result.after.version, before->version + 1);
    }
    return result;
}

static void test_a_hold_is_confirmed_once(void **state)
{
    (void)state;
    struct order order = order_in(ORDER_PENDING);
    struct verb_request pay = {.verb = ORDER_CONFIRM, .reason = "pay-1"};
    struct result result = apply(&order, pay);
    assert_int_equal(result.outcome, VERB_CHANGES);
    assert_int_equal(result.after.state, ORDER_CONFIRMED);
    assert_int_equal(result.after.confirm_time_us, NOW_US);
    assert_int_equal(result.after.expire_time_us, 0);
    assert_int_equal(result.change.line_count, 0);
    /* The same payment again is the same answer; another one is refused. */
    struct order confirmed = result.after;
    assert_int_equal(apply(&confirmed, pay).outcome, VERB_NO_EFFECT);
    pay.reason = "pay-2";
    result = apply(&confirmed, pay);
    assert_int_equal(result.outcome, VERB_REFUSED);
    assert_string_equal(result.failure.reason, "ALREADY_CONFIRMED");
}

/* S15: the payment comes after the hold ran out. */
static void test_s15_a_late_payment_has_a_defined_answer(void **state)
{
    (void)state;
    struct order order = order_in(ORDER_PENDING);
    order.lines[0].cancelled_quantity = 2; /* cancelled before; never comes back */
    struct order expired = apply(&order, (struct verb_request){.verb = ORDER_EXPIRE}).after;
    struct verb_request pay = {.verb = ORDER_CONFIRM, .reason = "pay-1"};
    struct result result = apply(&expired, pay);
    assert_int_equal(result.outcome, VERB_REFUSED);
    assert_string_equal(result.failure.reason, "ORDER_EXPIRED");
    pay.reacquire = true;
    result = apply(&expired, pay);
    assert_int_equal(result.outcome, VERB_CHANGES);
    assert_true(result.change.reacquired);
    assert_int_equal(result.change.line_count, 3);
    assert_int_equal(result.change.lines[0].quantity, 3);
    assert_int_equal(result.after.state, ORDER_CONFIRMED);
}

/* S16: only what is still pending expires. */
static void test_s16_only_pending_orders_expire(void **state)
{
    (void)state;
    struct order order = order_in(ORDER_PENDING);
    struct result result = apply(&order, (struct verb_request){.verb = ORDER_EXPIRE});
    assert_int_equal(result.outcome, VERB_CHANGES);
    assert_int_equal(result.change.line_count, 3);
    assert_int_equal(result.after.state, ORDER_EXPIRED);
    const enum order_state others[] = {ORDER_CONFIRMED, ORDER_PARTIALLY_FULFILLED,
                                       ORDER_FULFILLED, ORDER_CANCELLED,
                                       ORDER_EXPIRED,   ORDER_REJECTED};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        order = order_in(others[i]);
        result = apply(&order, (struct verb_request){.verb = ORDER_EXPIRE});
        assert_int_equal(result.outcome, VERB_NO_EFFECT);
    }
}

static void test_cancel_whole_and_in_parts(void **state)
{
    (void)state;
    struct order order = order_in(ORDER_CONFIRMED);
    const struct line_quantity some[] = {{1, 2}, {3, 2}};
    struct result result =
        apply(&order, (struct verb_request){.verb = ORDER_CANCEL, .lines = some, .line_count = 2});
    assert_int_equal(result.outcome, VERB_CHANGES);
    assert_int_equal(result.after.state, ORDER_CONFIRMED);
    assert_int_equal(lifecycle_open_quantity(&result.after.lines[0]), 3);
    assert_int_equal(lifecycle_open_quantity(&result.after.lines[2]), 0);
    assert_int_equal(order.lines[0].cancelled_quantity, 0); /* `before` is untouched */

    struct order rest = result.after;
    result = apply(&rest, (struct verb_request){.verb = ORDER_CANCEL});
    assert_int_equal(result.change.line_count, 2);
    assert_int_equal(result.after.state, ORDER_CANCELLED);
    rest = result.after;
    assert_int_equal(apply(&rest, (struct verb_request){.verb = ORDER_CANCEL}).outcome,
                     VERB_NO_EFFECT);
}

/* S20: more than is open, twice the same line, lines that are not there. */
static void test_s20_no_unit_is_cancelled_twice(void **state)
{
    (void)state;
    struct order order = order_in(ORDER_CONFIRMED);
    order.lines[0].fulfilled_quantity = 3;
    order.state = ORDER_PARTIALLY_FULFILLED;
    const struct {
        struct line_quantity lines[2];
        size_t count;
        const char *reason;
    } cases[] = {
        {{{1, 3}}, 1, "QUANTITY_EXCEEDED"},       {{{1, 1}, {1, 1}}, 2, "BAD_LINE_NUMBER"},
        {{{0, 1}}, 1, "BAD_LINE_NUMBER"},         {{{4, 1}}, 1, "BAD_LINE_NUMBER"},
        {{{2, 1}, {1, 1}}, 2, "BAD_LINE_NUMBER"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct result result = apply(&order, (struct verb_request){.verb = ORDER_CANCEL,
                                                                   .lines = cases[i].lines,
                                                                   .line_count = cases[i].count});
        assert_int_equal(result.outcome, VERB_REFUSED);
        assert_string_equal(result.failure.reason, cases[i].reason);
    }
    /* What is left is cancelled; something was shipped, so the order counts as fulfilled. */
    struct result result = apply(&order, (struct verb_request){.verb = ORDER_CANCEL});
    assert_int_equal(result.after.state, ORDER_FULFILLED);
    assert_int_equal(result.change.lines[0].quantity, 2);
}

static void test_fulfil_in_parts(void **state)
{
    (void)state;
    struct order order = order_in(ORDER_PENDING);
    assert_string_equal(apply(&order, (struct verb_request){.verb = ORDER_FULFIL}).failure.reason,
                        "WRONG_STATE");
    order = order_in(ORDER_CONFIRMED);
    const struct line_quantity one[] = {{1, 5}};
    struct result result =
        apply(&order, (struct verb_request){.verb = ORDER_FULFIL, .lines = one, .line_count = 1});
    assert_int_equal(result.after.state, ORDER_PARTIALLY_FULFILLED);
    struct order rest = result.after;
    result = apply(&rest, (struct verb_request){.verb = ORDER_FULFIL});
    assert_int_equal(result.change.line_count, 2);
    assert_int_equal(result.after.state, ORDER_FULFILLED);
    rest = result.after;
    assert_int_equal(apply(&rest, (struct verb_request){.verb = ORDER_FULFIL}).outcome,
                     VERB_NO_EFFECT);
    assert_string_equal(apply(&rest, (struct verb_request){.verb = ORDER_CANCEL}).failure.reason,
                        "NOTHING_TO_CANCEL");
}

/* Whatever is done in whatever order: no line gives away more than it has, and what the changes say
 * about units adds up to what the lines say. */
static void test_random_verbs_keep_the_lines_whole(void **state)
{
    (void)state;
    unsigned seed = 20261122;
    for (int round = 0; round < 2000; round++) {
        struct order order = order_in(ORDER_PENDING);
        int64_t reserved = 8;
        for (int step = 0; step < 12; step++) {
            seed = seed * 1103515245U + 12345U;
            struct line_quantity some = {(int32_t)(seed >> 8) % 3 + 1,
                                         (int32_t)(seed >> 16) % 3 + 1};
            struct verb_request request = {
                .verb = (enum order_verb)((seed >> 24) % 4 + 1),
                .lines = &some,
                .line_count = (seed >> 20) % 2,
                .reacquire = (seed >> 21) % 2,
                .reason = "pay-1",
            };
            struct result result = apply(&order, request);
            if (result.outcome != VERB_CHANGES) {
                continue;
            }
            for (size_t i = 0; i < result.change.line_count; i++) {
                int32_t quantity = result.change.lines[i].quantity;
                reserved += result.change.reacquired ? quantity : -quantity;
            }
            order = result.after;
            int64_t open = 0;
            for (size_t i = 0; i < order.line_count; i++) {
                assert_true(lifecycle_open_quantity(&order.lines[i]) >= 0);
                open += lifecycle_open_quantity(&order.lines[i]);
            }
            assert_int_equal(reserved, order.state == ORDER_EXPIRED ? 0 : open);
        }
        arena_reset(&arena);
    }
}

static void test_requests_are_checked(void **state)
{
    (void)state;
    struct verb_request request = {
        .verb = ORDER_CANCEL, .request_id = "r", .order_id = "o", .reason = ""};
    assert_int_equal(lifecycle_check_request(&request, NULL), STATUS_OK);
    struct line_quantity none = {1, 0};
    request.lines = &none;
    request.line_count = 1;
    assert_int_equal(lifecycle_check_request(&request, NULL), STATUS_INVALID_ARGUMENT);
    none.quantity = SHOP_QUANTITY_MAX;
    assert_int_equal(lifecycle_check_request(&request, NULL), STATUS_OK);
    none.quantity++;
    assert_int_equal(lifecycle_check_request(&request, NULL), STATUS_INVALID_ARGUMENT);
    request.line_count = 0;
    char text[SHOP_REASON_BYTES_MAX + 2];
    memset(text, 'x', sizeof text);
    text[SHOP_REASON_BYTES_MAX + 1] = '\0';
    request.reason = text;
    assert_int_equal(lifecycle_check_request(&request, NULL), STATUS_INVALID_ARGUMENT);
    text[SHOP_REASON_BYTES_MAX] = '\0';
    assert_int_equal(lifecycle_check_request(&request, NULL), STATUS_OK);
    request.verb = ORDER_CONFIRM; /* payment references are shorter */
    assert_int_equal(lifecycle_check_request(&request, NULL), STATUS_INVALID_ARGUMENT);
    text[SHOP_PAYMENT_BYTES_MAX] = '\0';
    assert_int_equal(lifecycle_check_request(&request, NULL), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_hold_is_confirmed_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_s15_a_late_payment_has_a_defined_answer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_s16_only_pending_orders_expire, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancel_whole_and_in_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_s20_no_unit_is_cancelled_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_fulfil_in_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_random_verbs_keep_the_lines_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_requests_are_checked, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
