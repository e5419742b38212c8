/* One channel to two servers, and one of them stands still, dies or leaves: with the library's
 * retries alone no read fails, no order fails, and none is there twice. */
#include <pthread.h>
#include <shop/v1/product_service.pb-c.h>
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "tests/cmocka_all.h"
#include "tests/support/load.h"
#include "tests/support/system.h"

#define EJECTED_MS 6000 /* 250 + 250 + 500 ms by design; the rest is for a busy machine */

struct reader {
    struct rpc_channel *channel;
    pthread_t thread;
    atomic_bool is_over;
    atomic_size_t reads;
    size_t failures;
    struct failure failure;
};

static struct system the_system;
static struct rpc_channel *both;
static struct load load;
static struct reader reader;

static void note_stock(const Shop__V1__Stock *stock, void *data)
{
    *(bool *)data = stock != NULL;
}

static void *keep_reading(void *data)
{
    struct reader *state = data;
    while (!atomic_load(&state->is_over)) {
        struct rpc_stub stub;
        bool has_answer = false;
        Shop__V1__GetStockRequest request = SHOP__V1__GET_STOCK_REQUEST__INIT;
        request.product_id = (char *)(uintptr_t)"p-1";
        rpc_stub_init(&stub, state->channel, &shop__v1__product_service__descriptor);
        shop__v1__product_service__get_stock(&stub.service, &request, note_stock, &has_answer);
        if (!has_answer && state->failures++ == 0) {
            state->failure = stub.failure;
        }
        (void)atomic_fetch_add(&state->reads, 1);
    }
    return NULL;
}

static int set_up(void **state)
{
    (void)state;
    static char endpoints[200];
    system_start(&the_system);
    system_start_server(&the_system, 1, NULL);
    (void)snprintf(endpoints, sizeof endpoints, "%s,%s", the_system.ipc[0], the_system.tcp[1]);
    const struct rpc_channel_options options = {.endpoint = endpoints, .timeout_ms = 5000};
    struct failure failure;
    assert_int_equal(rpc_channel_open(&options, &both, &failure), STATUS_OK);
    system_create_product(both, "p-1", 10000000);
    system_wait_settled(&the_system, 30000);
    load = (struct load){.channels = {both}, .channel_count = 1, .product_id = "p-1"};
    reader = (struct reader){.channel = both};
    assert_int_equal(pthread_create(&reader.thread, NULL, keep_reading, &reader), 0);
    load_start(&load, 3);
    load_wait_orders(&load, 50, 60000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    process_signal(&the_system.servers[0], SIGCONT);
    rpc_channel_close(&both);
    system_destroy(&the_system);
    return 0;
}

struct readiness {
    size_t number;
    bool wanted;
};

static bool is_so(void *data)
{
    const struct readiness *readiness = data;
    struct rpc_endpoint_state states[RPC_ENDPOINTS_MAX];
    assert_int_equal(rpc_channel_endpoints(both, states), 2);
    return states[readiness->number].is_ready == readiness->wanted;
}

/* How long it took until the server was ready, or was not. */
static int64_t wait_ready(size_t number, bool wanted)
{
    struct readiness readiness = {number, wanted};
    int64_t begin_ms = clock_monotonic_ms(clock_system());
    assert_true(wait_until(is_so, &readiness, 30000));
    return clock_monotonic_ms(clock_system()) - begin_ms;
}

/* Not one call failed, and the orders are there, each once. */
static void expect_no_call_failed(void)
{
    atomic_store(&reader.is_over, true);
    (void)pthread_join(reader.thread, NULL);
    load_stop(&load);
    if (reader.failures > 0) {
        fail_msg("%zu of %zu reads failed, the first with %s %s: %s", reader.failures,
                 atomic_load(&reader.reads), status_name(reader.failure.code),
                 reader.failure.reason, reader.failure.message);
    }
    print_message("%zu orders and %zu reads, no failure\n", atomic_load(&load.orders),
                  atomic_load(&reader.reads));
    assert_true(atomic_load(&reader.reads) > 0);
    system_wait_settled(&the_system, 60000);
    assert_int_equal(database_int(&the_system.database, "SELECT count(*) FROM orders"),
                     atomic_load(&load.orders));
    system_assert_books(&the_system);
}

static void test_a_stopped_server_costs_no_call(void **state)
{
    (void)state;
    process_signal(&the_system.servers[0], SIGSTOP);
    int64_t ejected_ms = wait_ready(0, false);
    load_wait_orders(&load, 50, 60000);
    process_signal(&the_system.servers[0], SIGCONT);
    int64_t back_ms = wait_ready(0, true);
    load_wait_orders(&load, 50, 60000);
    expect_no_call_failed();
    print_message("ejected after %lld ms, back after %lld ms\n", (long long)ejected_ms,
                  (long long)back_ms);
    assert_true(ejected_ms <= EJECTED_MS);
}

static void test_a_killed_server_costs_no_call(void **state)
{
    (void)state;
    for (size_t round = 0; round < 4; round++) {
        struct process *server = &the_system.servers[round % 2];
        process_kill(server);
        (void)wait_ready(round % 2, false);
        load_wait_orders(&load, 50, 60000);
        system_start_server(&the_system, round % 2, NULL);
        (void)wait_ready(round % 2, true);
        load_wait_orders(&load, 50, 60000);
    }
    expect_no_call_failed();
}

static void test_a_rolling_restart_costs_no_call(void **state)
{
    (void)state;
    for (size_t round = 0; round < 4; round++) {
        assert_int_equal(process_end(&the_system.servers[round % 2], 20000), 0);
        load_wait_orders(&load, 50, 60000);
        system_start_server(&the_system, round % 2, NULL);
        (void)wait_ready(round % 2, true);
        load_wait_orders(&load, 50, 60000);
    }
    expect_no_call_failed();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_stopped_server_costs_no_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_killed_server_costs_no_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_rolling_restart_costs_no_call, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
