/* Loading stock: fence, wait, drain, advance, load - and nothing sells before the end of it. */
#include "server/stock_opening.h"
#include "tests/cmocka_all.h"
#include "tests/fakes/fake_consumer.h"
#include "tests/fakes/fake_control.h"
#include "tests/unit/server/lane_fixture.h"

#define NO_WAIT_MS (-500) /* takes away the margin that the opening adds */

static struct pause pause_of_test;
static atomic_bool stopping;

static int setup(void **state)
{
    (void)fixture_setup(state);
    fixture.options.publish_timeout_ms = 10; /* of real time */
    fixture.options.clock = clock_system();
    fixture.lane->clock = clock_system();
    stock_gate_close(&fixture.gate);
    fake_control_reset();
    fake_consumer_reset();
    fake_control.stock[fake_control.stock_count++] = (struct book_take){"pot", 3};
    fake_control.stock[fake_control.stock_count++] = (struct book_take){"tea", 5};
    fake_book.epoch = 0;
    fake_book.stock_count = 0;
    pause_init(&pause_of_test);
    atomic_init(&stopping, false);
    return 0;
}

static int teardown(void **state)
{
    pause_fini(&pause_of_test);
    return fixture_teardown(state);
}

static enum opening lead(void)
{
    return stock_opening_lead(fixture.lane, &pause_of_test, &stopping);
}

static bool is_open(int64_t epoch)
{
    struct stock_pass pass;
    return stock_gate_enter(&fixture.gate, &pass) && pass.epoch == epoch;
}

static void test_the_first_stock_is_loaded_at_once(void **state)
{
    (void)state;
    fake_book_add_event(&(struct uuid){{1}}, bytes_of("x", 1), true); /* nobody waits for it */
    assert_int_equal(stock_opening_look(fixture.lane), OPENING_NEEDED);
    assert_int_equal(lead(), OPENING_OPEN);
    assert_true(is_open(1));
    assert_int_equal(fake_book_available("tea"), 5);
    assert_int_equal(fake_book.epoch, 1);
    assert_int_equal(fake_control.leaves, 1);
    struct stock_pass pass;
    assert_true(stock_gate_enter(&fixture.gate, &pass));
    assert_int_equal(pass.records_since_us, 0);
    assert_int_equal(stock_opening_look(fixture.lane), OPENING_OPEN);
}

static void test_stock_that_is_loaded_is_taken_as_it_is(void **state)
{
    (void)state;
    fake_control.state = (struct control_state){.epoch = 7, .update_time_us = 1234};
    fake_book.epoch = 7;
    assert_int_equal(stock_opening_look(fixture.lane), OPENING_OPEN);
    assert_true(is_open(7));
    struct stock_pass pass;
    assert_true(stock_gate_enter(&fixture.gate, &pass));
    assert_int_equal(pass.records_since_us, 1234);
    assert_int_equal(fake_book.open_begins, 0);
}

static void test_a_fenced_redis_closes_the_gate(void **state)
{
    (void)state;
    fake_control.state.epoch = 7;
    fake_book.epoch = 7;
    assert_int_equal(stock_opening_look(fixture.lane), OPENING_OPEN);
    fake_book.epoch = 0;
    assert_int_equal(stock_opening_look(fixture.lane), OPENING_NEEDED);
    assert_false(is_open(7));
}

static void test_a_newer_epoch_is_taken_over(void **state)
{
    (void)state;
    fake_control.state.epoch = 7;
    fake_book.epoch = 7;
    assert_int_equal(stock_opening_look(fixture.lane), OPENING_OPEN);
    fake_control.state.epoch = 8;
    fake_book.epoch = 8;
    assert_int_equal(stock_opening_look(fixture.lane), OPENING_OPEN);
    assert_true(is_open(8));
}

static void test_a_store_that_is_away_leaves_the_gate_as_it_is(void **state)
{
    (void)state;
    fake_control.state.epoch = 7;
    fake_book.epoch = 7;
    assert_int_equal(stock_opening_look(fixture.lane), OPENING_OPEN);
    fake_control.status = STATUS_UNAVAILABLE;
    assert_int_equal(stock_opening_look(fixture.lane), OPENING_FAILED);
    assert_true(is_open(7));
    fake_control.status = STATUS_OK;
    fake_book.check = STATUS_UNAVAILABLE;
    assert_int_equal(stock_opening_look(fixture.lane), OPENING_FAILED);
    assert_true(is_open(7));
}

static void test_another_server_is_at_it(void **state)
{
    (void)state;
    fake_control.state.epoch = 7;
    fake_control.held_by_another = true;
    assert_int_equal(lead(), OPENING_NEEDED);
    assert_int_equal(fake_book.open_begins, 0);
    assert_int_equal(fake_control.deposes, 1); /* if it stands still */
}

static void open_by_another(void)
{
    fake_control.state.epoch = 8;
    fake_book.epoch = 8;
}

static void test_another_server_was_faster(void **state)
{
    (void)state;
    fake_control.state.epoch = 7;
    fake_control.on_lead = open_by_another;
    assert_int_equal(lead(), OPENING_OPEN);
    assert_true(is_open(8));
    assert_int_equal(fake_book.open_begins, 0);
}

static void test_it_drains_before_it_loads(void **state)
{
    (void)state;
    fake_control.state.epoch = 7;
    int64_t from_ms = clock_monotonic_ms(clock_system());
    assert_int_equal(lead(), OPENING_OPEN);
    assert_true(clock_monotonic_ms(clock_system()) - from_ms >= 10); /* T_pub */
    assert_int_equal(fake_book.open_begins, 1);
    assert_true(fake_book.hurry_calls >= 1);
    assert_true(is_open(8));
    assert_int_equal(fake_consumer.questions, 1);
    assert_int_equal(fake_consumer.alive, 0);
}

static void expect_quiet(void)
{
    assert_true(fake_control.quiet);
}

/* Depth 0 does not count what a worker holds. */
static void test_it_does_not_load_while_somebody_may_hold_deliveries(void **state)
{
    (void)state;
    fixture.options.publish_timeout_ms = NO_WAIT_MS;
    fake_control.state.epoch = 7;
    fake_consumer.accompanied = 2;
    fake_consumer.on_alone = expect_quiet;
    assert_int_equal(lead(), OPENING_OPEN);
    assert_int_equal(fake_consumer.questions, 3);
    assert_int_equal(fake_control.quiet_ends, 0); /* asked once, and until the end */
    assert_false(fake_control.quiet);
}

static void test_what_comes_back_is_left_to_the_workers(void **state)
{
    (void)state;
    fixture.options.publish_timeout_ms = NO_WAIT_MS;
    fake_control.state.epoch = 7;
    fake_consumer.gets = 1;
    assert_int_equal(lead(), OPENING_OPEN);
    assert_int_equal(fake_consumer.releases, 1);
    assert_int_equal(fake_control.quiet_ends, 1);
    assert_int_equal(fake_consumer.questions, 2);
}

/* Stops the opener from another thread while it drains. */
static void *stop_soon(void *unused)
{
    (void)unused;
    pause_wait(
        &(struct pause){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER}, 0);
    atomic_store(&stopping, true);
    pause_wake(&pause_of_test);
    return NULL;
}

static void never_opens(void)
{
    fake_control.state.epoch = 7;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, NULL), 0);
    assert_int_equal(lead(), OPENING_NEEDED);
    (void)pthread_join(thread, NULL);
    assert_int_equal(fake_control.advances, 0);
    assert_int_equal(fake_book.epoch, 0);
    assert_false(is_open(7));
    assert_int_equal(fake_control.leaves, 1);
}

static void test_it_does_not_load_while_the_outbox_holds_something(void **state)
{
    (void)state;
    fixture.options.publish_timeout_ms = NO_WAIT_MS;
    fake_book_add_event(&(struct uuid){{1}}, bytes_of("x", 1), false);
    never_opens();
}

static void test_it_does_not_load_while_a_change_could_be_applied(void **state)
{
    (void)state;
    fixture.options.publish_timeout_ms = NO_WAIT_MS;
    fake_control.ready = 1000;
    never_opens();
}

static void test_it_does_not_load_while_the_queue_holds_something(void **state)
{
    (void)state;
    fixture.options.publish_timeout_ms = NO_WAIT_MS;
    fake_publisher.queue_ready = 1;
    never_opens();
}

static void test_it_does_not_load_while_the_queue_does_not_say(void **state)
{
    (void)state;
    fixture.options.publish_timeout_ms = NO_WAIT_MS;
    fake_publisher.queue_depth = STATUS_UNAVAILABLE;
    never_opens();
}

static void test_it_does_not_load_while_nobody_says_who_consumes(void **state)
{
    (void)state;
    fixture.options.publish_timeout_ms = NO_WAIT_MS;
    fake_consumer.alone = STATUS_UNAVAILABLE;
    never_opens();
    assert_int_equal(fake_consumer.alive, 0);
}

static void test_who_loses_the_lock_while_it_drains_does_not_open(void **state)
{
    (void)state;
    fixture.options.publish_timeout_ms = NO_WAIT_MS;
    fake_control.state.epoch = 7;
    fake_control.lost = true;
    assert_int_equal(lead(), OPENING_NEEDED);
    assert_int_equal(fake_consumer.questions, 0);
    assert_int_equal(fake_control.advances, 0);
}

static void test_who_lost_the_lock_does_not_open(void **state)
{
    (void)state;
    fake_control.lost = true;
    assert_int_equal(lead(), OPENING_FAILED);
    assert_int_equal(fake_control.advances, 0);
    assert_int_equal(fake_book.open_ends, 0);
    assert_false(is_open(1));
}

static void test_a_failure_on_the_way_leaves_it_fenced(void **state)
{
    (void)state;
    fake_book.open = STATUS_UNKNOWN;
    assert_int_equal(lead(), OPENING_FAILED);
    assert_int_equal(fake_book.epoch, 0);
    assert_false(is_open(1));
    fake_book.open = STATUS_OK;
    assert_int_equal(lead(), OPENING_OPEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_first_stock_is_loaded_at_once),
        TEST(test_stock_that_is_loaded_is_taken_as_it_is),
        TEST(test_a_fenced_redis_closes_the_gate),
        TEST(test_a_newer_epoch_is_taken_over),
        TEST(test_a_store_that_is_away_leaves_the_gate_as_it_is),
        TEST(test_another_server_is_at_it),
        TEST(test_another_server_was_faster),
        TEST(test_it_drains_before_it_loads),
        TEST(test_it_does_not_load_while_somebody_may_hold_deliveries),
        TEST(test_what_comes_back_is_left_to_the_workers),
        TEST(test_it_does_not_load_while_nobody_says_who_consumes),
        TEST(test_who_loses_the_lock_while_it_drains_does_not_open),
        TEST(test_it_does_not_load_while_the_outbox_holds_something),
        TEST(test_it_does_not_load_while_a_change_could_be_applied),
        TEST(test_it_does_not_load_while_the_queue_holds_something),
        TEST(test_it_does_not_load_while_the_queue_does_not_say),
        TEST(test_who_lost_the_lock_does_not_open),
        TEST(test_a_failure_on_the_way_leaves_it_fenced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
