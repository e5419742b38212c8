/* The gate between the opener and many lanes, and the opener's and the relay's threads. */
#include <unistd.h>

#include "server/relay.h"
#include "server/stock_opener.h"
#include "tests/cmocka_all.h"
#include "tests/fakes/fake_control.h"
#include "tests/unit/server/lane_fixture.h"

#define LANES  3
#define EPOCHS 200

static struct stock_gate gate;
static atomic_bool done;
static atomic_int mixed; /* passes of one epoch with an older one's time */

/* Works by whatever pass it gets, and meets the fence each time. */
static void *run_lane(void *unused)
{
    (void)unused;
    struct stock_pass pass;
    while (!atomic_load(&done)) {
        if (stock_gate_enter(&gate, &pass)) {
            (void)atomic_fetch_add(&mixed, pass.records_since_us < pass.epoch * 10);
            stock_gate_suspect(&gate, pass.epoch);
        }
    }
    return NULL;
}

static void test_each_epoch_is_closed_once_and_wakes_the_opener(void **state)
{
    (void)state;
    pthread_t lanes[LANES];
    stock_gate_init(&gate);
    atomic_init(&done, false);
    atomic_init(&mixed, 0);
    for (size_t i = 0; i < LANES; i++) {
        assert_int_equal(pthread_create(&lanes[i], NULL, run_lane, NULL), 0);
    }
    for (int64_t epoch = 1; epoch <= EPOCHS; epoch++) {
        struct stock_pass pass = {.epoch = epoch, .records_since_us = epoch * 10}, seen;
        stock_gate_open(&gate, &pass);
        while (stock_gate_enter(&gate, &seen)) {
            pause_wait(&gate.opener, 1000);
        }
    }
    atomic_store(&done, true);
    for (size_t i = 0; i < LANES; i++) {
        (void)pthread_join(lanes[i], NULL);
    }
    assert_int_equal(atomic_load(&mixed), 0);
    stock_gate_fini(&gate);
}

static void test_a_pause_ends_with_the_wake_even_if_that_came_first(void **state)
{
    (void)state;
    struct pause pause;
    pause_init(&pause);
    int64_t from_ms = clock_monotonic_ms(clock_system());
    pause_wake(&pause);
    pause_wait(&pause, 60000);
    assert_true(clock_monotonic_ms(clock_system()) - from_ms < 10000);
    pause_wait(&pause, 1); /* used up: this one ends by itself */
    pause_fini(&pause);
}

static int setup_real_clock(void **state)
{
    (void)fixture_setup(state);
    fixture.options.clock = clock_system();
    fixture.options.publish_timeout_ms = 100;
    return 0;
}

static atomic_int opened, closed;

static void on_stock(void *context, bool is_open)
{
    assert_ptr_equal(context, &fixture);
    (void)atomic_fetch_add(is_open ? &opened : &closed, 1);
}

static void test_the_opener_tells_when_it_opens_and_when_it_closes(void **state)
{
    (void)state;
    struct stock_opener *opener = NULL;
    struct failure failure;
    struct stock_pass pass;
    fake_control_reset();
    fake_book.epoch = 0;
    stock_gate_close(&fixture.gate);
    atomic_init(&opened, 0);
    atomic_init(&closed, 0);
    assert_int_equal(stock_opener_start(&fixture.options, on_stock, &fixture, &opener, &failure),
                     STATUS_OK);
    int64_t until_ms = clock_monotonic_ms(clock_system()) + 30000;
    while (atomic_load(&opened) < 1 && clock_monotonic_ms(clock_system()) < until_ms) {
        (void)usleep(1000);
    }
    assert_true(stock_gate_enter(&fixture.gate, &pass));
    assert_int_equal(atomic_load(&closed), 1);
    stock_opener_stop(&opener);
    assert_null(opener);
    stock_opener_stop(&opener);
    assert_int_equal(atomic_load(&opened), 1);
    assert_int_equal(pass.epoch, 1);
    assert_int_equal(fake_book.epoch, 1);
}

static void test_the_relay_works_until_it_is_stopped(void **state)
{
    (void)state;
    struct relay *relay = NULL;
    struct failure failure;
    fake_publisher.confirm_first = 0;
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 1);
    order_call_send(order);
    fake_publisher_reset();
    assert_int_equal(book_hurry(fixture.lane->book, &failure), STATUS_OK);
    assert_int_equal(relay_start(&fixture.options, &relay, &failure), STATUS_OK);
    relay_stop(&relay); /* after the round at hand, or before the first */
    assert_null(relay);
    relay_stop(&relay);
    assert_true(fake_publisher_events() <= 1);
    assert_int_equal(fake_book.outbox[0].unconfirmed, fake_publisher_events() == 0);
    order_call_drop(order);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_real_clock, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_epoch_is_closed_once_and_wakes_the_opener),
        cmocka_unit_test(test_a_pause_ends_with_the_wake_even_if_that_came_first),
        TEST(test_the_opener_tells_when_it_opens_and_when_it_closes),
        TEST(test_the_relay_works_until_it_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
