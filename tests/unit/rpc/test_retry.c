/* When a call may be tried once more, when, and for how many tokens; and which methods may be. */
#include "rpc/idempotency.h"
#include "rpc/retry.h"
#include "tests/cmocka_all.h"

static const struct retry_call REPEATABLE = {.is_repeatable = true, .tries = 1, .tries_max = 4};
static const struct retry_call ONCE = {.tries = 1, .tries_max = 4};

static void test_what_was_not_sent_may_always_be(void **state)
{
    (void)state;
    const struct retry_try last = {.code = STATUS_UNAVAILABLE};
    const struct retry_call many = {.tries = 100, .tries_max = 4};
    assert_true(retry_is_allowed(&ONCE, &last));
    assert_true(retry_is_allowed(&REPEATABLE, &last));
    assert_true(retry_is_allowed(&many, &last));
    assert_int_equal(retry_delay_ms(clock_system(), &ONCE, &last), 0);
}

static void test_what_was_sent_only_when_it_may_be_done_twice(void **state)
{
    (void)state;
    const struct retry_try refused = {.code = STATUS_UNAVAILABLE, .was_sent = true};
    const struct retry_try lost = {.code = STATUS_UNKNOWN, .was_sent = true, .is_lost = true};
    assert_true(retry_is_allowed(&REPEATABLE, &refused));
    assert_true(retry_is_allowed(&REPEATABLE, &lost));
    assert_false(retry_is_allowed(&ONCE, &refused));
    assert_false(retry_is_allowed(&ONCE, &lost));
    for (int code = STATUS_CANCELLED; code <= STATUS_UNAUTHENTICATED; code++) {
        const struct retry_try last = {.code = (enum status)code, .was_sent = true};
        assert_int_equal(retry_is_allowed(&REPEATABLE, &last), code == STATUS_UNAVAILABLE);
    }
}

static void test_tries_are_bounded(void **state)
{
    (void)state;
    const struct retry_try last = {.code = STATUS_UNAVAILABLE, .was_sent = true};
    for (unsigned tries = 1; tries <= 5; tries++) {
        const struct retry_call call = {.is_repeatable = true, .tries = tries, .tries_max = 4};
        assert_int_equal(retry_is_allowed(&call, &last), tries < 4);
    }
}

static void test_delays(void **state)
{
    (void)state;
    const struct retry_try last = {.code = STATUS_UNAVAILABLE, .was_sent = true};
    const struct retry_try pushed = {
        .code = STATUS_UNAVAILABLE, .was_sent = true, .retry_delay_ms = 777};
    for (unsigned tries = 1; tries <= 20; tries++) {
        struct retry_call call = {.is_repeatable = true, .tries = tries, .tries_max = 100};
        int64_t most_ms = RETRY_BACKOFF_MS_MAX;
        if (tries < 6) {
            most_ms = RETRY_BACKOFF_MS << (tries - 1);
        }
        int64_t ms = retry_delay_ms(clock_system(), &call, &last);
        assert_in_range(ms, most_ms / 2, most_ms);
        assert_int_equal(retry_delay_ms(clock_system(), &call, &pushed), 777);
        call.has_other = true;
        assert_int_equal(retry_delay_ms(clock_system(), &call, &last), 0);
        assert_int_equal(retry_delay_ms(clock_system(), &call, &pushed), 777);
    }
}

/* A store that is away is away for every server; a server that stops says nothing of the others. */
static void test_a_draining_server_does_not_hold_up_a_try_at_another(void **state)
{
    (void)state;
    const struct retry_try draining = {
        .code = STATUS_UNAVAILABLE, .was_sent = true, .is_draining = true, .retry_delay_ms = 777};
    struct retry_call call = REPEATABLE;
    assert_int_equal(retry_delay_ms(clock_system(), &call, &draining), 777);
    call.has_other = true;
    assert_int_equal(retry_delay_ms(clock_system(), &call, &draining), 0);
}

static void test_a_retry_costs_ten_successes(void **state)
{
    (void)state;
    struct retry_budget budget;
    retry_budget_init(&budget, 2);
    retry_budget_earn(&budget); /* it is full */
    assert_true(retry_budget_take(&budget));
    assert_true(retry_budget_take(&budget));
    assert_false(retry_budget_take(&budget));
    for (int i = 0; i < 9; i++) {
        retry_budget_earn(&budget);
        assert_false(retry_budget_take(&budget));
    }
    retry_budget_earn(&budget);
    assert_true(retry_budget_take(&budget));
    assert_false(retry_budget_take(&budget));
}

static void test_the_contracts_say_what_may_be_repeated(void **state)
{
    (void)state;
    assert_int_equal(rpc_idempotency_of("/shop.v1.OrderService/GetOrder"), RPC_NO_SIDE_EFFECTS);
    assert_int_equal(rpc_idempotency_of("/grpc.health.v1.Health/Check"), RPC_NO_SIDE_EFFECTS);
    assert_int_equal(rpc_idempotency_of("/rpc.v1.Admin/Stats"), RPC_NO_SIDE_EFFECTS);
    assert_int_equal(rpc_idempotency_of("/shop.v1.OrderService/CreateOrder"), RPC_IDEMPOTENT);
    assert_int_equal(rpc_idempotency_of("/shop.v1.OrderService/"), RPC_EFFECTS_UNKNOWN);
    assert_int_equal(rpc_idempotency_of(""), RPC_EFFECTS_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_not_sent_may_always_be),
        cmocka_unit_test(test_what_was_sent_only_when_it_may_be_done_twice),
        cmocka_unit_test(test_tries_are_bounded),
        cmocka_unit_test(test_delays),
        cmocka_unit_test(test_a_draining_server_does_not_hold_up_a_try_at_another),
        cmocka_unit_test(test_a_retry_costs_ten_successes),
        cmocka_unit_test(test_the_contracts_say_what_may_be_repeated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
