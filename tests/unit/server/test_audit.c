/* Audit: what is a finding, and what is not. */
#include "server/audit.h"
#include "tests/cmocka_all.h"
#include "tests/fakes/fake_audit.h"
#include "tests/unit/server/lane_fixture.h"

#define IN_REDIS 10 /* of each product of the fixture */

static int setup(void **state)
{
    (void)fixture_setup(state);
    fake_audit_reset();
    return 0;
}

static enum status audit(struct audit_slice *slice, struct failure *failure)
{
    arena_reset(&fixture.lane->arena);
    return audit_slice(fixture.lane, "", AUDIT_SLICE_MAX, slice, failure);
}

static bool is_open(void)
{
    struct stock_pass pass;
    return stock_gate_enter(&fixture.gate, &pass);
}

static void assert_fenced(enum status status, const struct failure *failure)
{
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_string_equal(failure->reason, "STOCK_FENCED");
    assert_false(is_open()); /* and the opener is on its way */
}

static void test_books_that_agree_have_no_finding(void **state)
{
    (void)state;
    struct audit_slice slice;
    struct failure failure;
    fake_audit_add("pot", IN_REDIS);
    fake_audit_add("tea", IN_REDIS);
    assert_int_equal(audit(&slice, &failure), STATUS_OK);
    assert_int_equal(slice.count, 2);
    assert_true(slice.idle);
    assert_int_equal(slice.products[0].high + slice.products[1].high, 0);
    assert_int_equal(slice.products[0].low + slice.products[1].low, 0);
    assert_int_equal(fake_audit.reads, 2); /* one look */
}

static void test_a_surplus_in_three_looks_is_a_finding(void **state)
{
    (void)state;
    struct audit_slice slice;
    struct failure failure;
    fake_audit_add("tea", IN_REDIS - 3);
    assert_int_equal(audit(&slice, &failure), STATUS_OK);
    assert_int_equal(slice.products[0].high, 3);
    assert_int_equal(fake_audit.reads, 2 * AUDIT_LOOKS);
    assert_true(is_open());
}

static void test_too_few_are_a_finding_when_nothing_is_in_flight(void **state)
{
    (void)state;
    struct audit_slice slice;
    struct failure failure;
    fake_audit_add("tea", IN_REDIS + 3);
    assert_int_equal(audit(&slice, &failure), STATUS_OK);
    assert_int_equal(slice.products[0].low, 3);
    fake_book_add_event(&(struct uuid){{1}}, bytes_of("x", 1), false);
    assert_int_equal(audit(&slice, &failure), STATUS_OK);
    assert_false(slice.idle);
    assert_int_equal(slice.products[0].low, 0);
}

/* Redis was killed and has lost the end of its file: it has units that are sold, and no scripts. No
 * program has met the fence yet. */
static void test_a_redis_that_forgot_sales_is_fenced_and_not_too_high(void **state)
{
    (void)state;
    struct audit_slice slice;
    struct failure failure;
    fake_audit_add("tea", IN_REDIS - 3);
    fake_book.epoch = 0;
    assert_true(is_open());
    enum status status = audit(&slice, &failure);
    assert_fenced(status, &failure);
}

/* The same, with what was lost coming back or orders that were cancelled: too few, and an outbox
 * that is empty because it was lost, too. */
static void test_a_redis_that_forgot_returns_is_fenced_and_not_too_low(void **state)
{
    (void)state;
    struct audit_slice slice;
    struct failure failure;
    fake_audit_add("tea", IN_REDIS + 3);
    fake_book.epoch = 0;
    arena_reset(&fixture.lane->arena);
    enum status status = audit_one(fixture.lane, "tea", &slice, &failure);
    assert_fenced(status, &failure);
}

/* In the last reading of the last look. */
static void fence_at_last(void)
{
    if (fake_audit.reads == 2 * AUDIT_LOOKS) {
        fake_book.epoch = 0;
    }
}

static void test_a_fence_in_the_middle_of_a_look_ends_it(void **state)
{
    (void)state;
    struct audit_slice slice;
    struct failure failure;
    fake_audit_add("tea", IN_REDIS - 3);
    fake_audit.on_read = fence_at_last;
    enum status status = audit(&slice, &failure);
    assert_int_equal(fake_audit.reads, 2 * AUDIT_LOOKS);
    assert_fenced(status, &failure);
}

/* Loaded anew by another server meanwhile; this one's gate is still open for the epoch before. */
static void test_another_epoch_in_redis_is_not_judged_by_this_one(void **state)
{
    (void)state;
    struct audit_slice slice;
    struct failure failure;
    fake_audit_add("tea", IN_REDIS - 3);
    fake_book.epoch = 2;
    enum status status = audit(&slice, &failure);
    assert_fenced(status, &failure);
}

static void test_a_closed_gate_is_not_looked_behind(void **state)
{
    (void)state;
    struct audit_slice slice;
    struct failure failure;
    stock_gate_close(&fixture.gate);
    assert_fenced(audit(&slice, &failure), &failure);
    assert_int_equal(fake_audit.reads, 0);
}

static void test_a_redis_that_does_not_answer_at_last_is_away(void **state)
{
    (void)state;
    struct audit_slice slice;
    struct failure failure;
    fake_audit_add("tea", IN_REDIS - 3);
    fake_book.check = STATUS_UNAVAILABLE;
    assert_int_equal(audit(&slice, &failure), STATUS_UNAVAILABLE);
    assert_string_equal(failure.reason, "STORE_UNAVAILABLE");
    assert_true(is_open());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_books_that_agree_have_no_finding),
        TEST(test_a_surplus_in_three_looks_is_a_finding),
        TEST(test_too_few_are_a_finding_when_nothing_is_in_flight),
        TEST(test_a_redis_that_forgot_sales_is_fenced_and_not_too_high),
        TEST(test_a_redis_that_forgot_returns_is_fenced_and_not_too_low),
        TEST(test_a_fence_in_the_middle_of_a_look_ends_it),
        TEST(test_another_epoch_in_redis_is_not_judged_by_this_one),
        TEST(test_a_closed_gate_is_not_looked_behind),
        TEST(test_a_redis_that_does_not_answer_at_last_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
