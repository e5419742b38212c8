/* How a server leaves: what is inside is answered, what comes is refused, nothing is lost. */
#include <grpc/health/v1/health.pb-c.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/support/load.h"
#include "tests/support/system.h"

static struct system the_system;

static int tear_down(void **state)
{
    (void)state;
    process_signal(&the_system.redis, SIGCONT);
    system_destroy(&the_system);
    return 0;
}

static int set_up_two(void **state)
{
    (void)state;
    system_start(&the_system);
    system_start_server(&the_system, 1, NULL);
    return 0;
}

static int set_up_one(void **state)
{
    (void)state;
    system_start(&the_system);
    return 0;
}

static void test_a_rolling_restart_loses_no_order(void **state)
{
    (void)state;
    struct load load = {.channel_count = 2, .product_id = "p-1", .give_up_ms = 30000};
    for (size_t i = 0; i < 2; i++) {
        load.channels[i] = system_open_channel(&the_system, i);
    }
    system_create_product(load.channels[0], "p-1", 1000000);
    system_wait_settled(&the_system, 30000);
    load_start(&load, 4);
    for (int round = 0; round < 4; round++) {
        struct process *server = &the_system.servers[round % 2];
        load_wait_orders(&load, 50, 60000);
        assert_int_equal(process_end(server, 20000), 0);
        load_wait_orders(&load, 50, 60000);
        system_start_server(&the_system, (size_t)round % 2, NULL);
    }
    load_stop(&load);
    system_wait_settled(&the_system, 60000);
    assert_int_equal(database_int(&the_system.database, "SELECT count(*) FROM orders"),
                     atomic_load(&load.orders));
    system_assert_books(&the_system);
    rpc_channel_close(&load.channels[0]);
    rpc_channel_close(&load.channels[1]);
}

struct late_order {
    pthread_t thread;
    struct rpc_channel *channel;
    struct answer answer;
};

static void *place_late(void *state)
{
    struct late_order *order = state;
    order->answer = system_create_order(order->channel, "late-1", "p-1", 1);
    return NULL;
}

static void on_checked(const Grpc__Health__V1__HealthCheckResponse *response, void *data)
{
    *(int *)data = response != NULL ? (int)response->status : -1;
}

static bool does_not_serve(void *channel)
{
    struct rpc_stub stub;
    int status = -1;
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    rpc_stub_init(&stub, channel, &grpc__health__v1__health__descriptor);
    grpc__health__v1__health__check(&stub.service, &request, on_checked, &status);
    return status == GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
}

/* Redis stands still, so the order under way holds the server until its time is over: long enough
 * to look at a server that drains, and to lose patience with it. */
static void test_a_second_signal_ends_a_drain_at_once(void **state)
{
    (void)state;
    struct late_order late = {.channel = system_open_channel(&the_system, 0)};
    struct rpc_channel *channel = system_open_channel(&the_system, 0);
    struct process *server = &the_system.servers[0];
    system_create_product(channel, "p-1", 10);
    system_wait_settled(&the_system, 30000);
    assert_int_equal(system_create_order(channel, NULL, "p-1", 1).code, STATUS_OK);

    process_signal(&the_system.redis, SIGSTOP);
    assert_int_equal(pthread_create(&late.thread, NULL, place_late, &late), 0);
    process_signal(server, SIGTERM);
    if (wait_until(does_not_serve, channel, 5000)) {
        struct answer refused = system_create_order(channel, NULL, "p-1", 1);
        assert_true(refused.code == STATUS_UNAVAILABLE || refused.code == STATUS_UNKNOWN);
    }
    process_signal(server, SIGTERM);
    int code = process_wait(server, 30000);
    assert_true(code == 128 + SIGTERM || code == 0); /* 0: it had drained before the second came */
    process_signal(&the_system.redis, SIGCONT);
    rpc_channel_close(&channel);
    (void)pthread_join(late.thread, NULL);
    assert_int_not_equal(late.answer.code, STATUS_OK);
    rpc_channel_close(&late.channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_rolling_restart_loses_no_order, set_up_two,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_second_signal_ends_a_drain_at_once, set_up_one,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
