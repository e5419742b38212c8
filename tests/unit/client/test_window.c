/* Many calls with a bound: repeated while that may help, given up in the end. */
#include <shop/v1/product_service.pb-c.h>
#include <string.h>

#include "client/cli/window.h"
#include "tests/cmocka_all.h"
#include "toy_shop.h"

#define ATTEMPTS 3

static struct toy_shop shop;
static struct rpc_channel *channel;
static struct window *window;
static size_t ended, succeeded;
static struct failure last_failure;
static bool ask_twice;

static Shop__V1__GetStockRequest request = SHOP__V1__GET_STOCK_REQUEST__INIT;

static bool on_end(void *context, struct window *its_window, struct window_job *job)
{
    assert_ptr_equal(context, &shop);
    assert_ptr_equal(its_window, window);
    if (ask_twice) {
        ask_twice = false;
        window_start(window, job);
        return true;
    }
    ended++;
    succeeded += job->response != NULL ? 1 : 0;
    last_failure = job->failure;
    return false;
}

static void open_window(const char *endpoint, int32_t timeout_ms, size_t size)
{
    const struct rpc_channel_options options = {.endpoint = endpoint, .timeout_ms = timeout_ms};
    struct failure failure = {0};
    assert_int_equal(rpc_channel_open(&options, &channel, &failure), STATUS_OK);
    const struct window_options window_options = {
        .channel = channel,
        .service = &shop__v1__product_service__descriptor,
        .size = size,
        .attempts = ATTEMPTS,
        .backoff_ms = 2,
        .backoff_ms_most = 10,
        .clock = clock_system(),
        .on_end = on_end,
        .context = &shop,
    };
    window = window_create(&window_options);
    assert_non_null(window);
}

static int open_shop(void **state)
{
    (void)state;
    static char product_id[] = "tea";
    toy_shop_start(&shop);
    request.product_id = product_id;
    memcpy(shop.products[0].product_id, product_id, sizeof(product_id));
    shop.product_count = 1;
    ended = 0;
    succeeded = 0;
    ask_twice = false;
    return 0;
}

static int close_shop(void **state)
{
    (void)state;
    window_destroy(&window);
    rpc_channel_close(&channel);
    toy_shop_stop(&shop);
    return 0;
}

static void start_one(void)
{
    struct window_job *job = window_take(window);
    job->method = "GetStock";
    job->request = &request.base;
    window_start(window, job);
}

static void every_job_ends_once(void **state)
{
    (void)state;
    open_window(shop.endpoint, 2000, 4);
    for (size_t i = 0; i < 500; i++) {
        start_one();
    }
    window_drain(window, false);
    assert_int_equal(ended, 500);
    assert_int_equal(succeeded, 500);
    assert_int_equal(atomic_load(&shop.calls), 500);
    assert_false(window_is_dead(window));
}

static void repeats_what_may_help(void **state)
{
    (void)state;
    open_window(shop.endpoint, 2000, 1);
    shop.fail_code = STATUS_UNAVAILABLE;
    atomic_store(&shop.fail_next, ATTEMPTS - 1);
    start_one();
    window_drain(window, false);
    assert_int_equal(succeeded, 1);
    assert_int_equal(atomic_load(&shop.calls), ATTEMPTS);
}

static void does_not_repeat_a_refusal(void **state)
{
    (void)state;
    open_window(shop.endpoint, 2000, 1);
    shop.fail_code = STATUS_FAILED_PRECONDITION;
    atomic_store(&shop.fail_next, 2);
    start_one();
    window_drain(window, false);
    assert_int_equal(ended, 1);
    assert_int_equal(succeeded, 0);
    assert_string_equal(last_failure.reason, "TOLD_TO_FAIL");
    assert_int_equal(atomic_load(&shop.calls), 1);
    assert_false(window_is_dead(window));
}

static void gives_up_and_knows_that_there_is_no_server(void **state)
{
    (void)state;
    open_window("ipc:///tmp/nobody-listens.sock", 20, 2);
    start_one();
    start_one();
    window_drain(window, false);
    assert_int_equal(ended, 2);
    assert_int_equal(last_failure.code, STATUS_UNAVAILABLE);
    assert_true(window_is_dead(window));
}

static void a_drain_that_gives_up_waits_for_no_repetition(void **state)
{
    (void)state;
    open_window("ipc:///tmp/nobody-listens.sock", 20, 1);
    start_one();
    window_drain(window, true);
    assert_int_equal(ended, 1);
}

static void a_job_may_go_on_with_another_call(void **state)
{
    (void)state;
    open_window(shop.endpoint, 2000, 1);
    ask_twice = true;
    start_one();
    window_drain(window, false);
    assert_int_equal(ended, 1);
    assert_int_equal(atomic_load(&shop.calls), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_shop, close_shop)
    const struct CMUnitTest tests[] = {
        TEST(every_job_ends_once),
        TEST(repeats_what_may_help),
        TEST(does_not_repeat_a_refusal),
        TEST(gives_up_and_knows_that_there_is_no_server),
        TEST(a_drain_that_gives_up_waits_for_no_repetition),
        TEST(a_job_may_go_on_with_another_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
