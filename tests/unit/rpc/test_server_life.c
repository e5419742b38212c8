/* A server's start and end: options and endpoints, lanes that do not open, drain, stop. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "calls.h"
#include "tests/cmocka_all.h"

/* Calls until one is refused because the server goes. */
static void expect_draining(const struct toy *toy)
{
    struct rpc_channel *channel = toy_channel(toy->endpoint);
    struct rpc_stub stub;
    rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);
    int64_t until_ms = toy_now_ms() + TOY_WAIT_MS;
    do {
        Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
        shop__v1__order_service__get_order(&stub.service, &request, ignore_order, NULL);
    } while (stub.failure.code == STATUS_OK && toy_now_ms() < until_ms);
    assert_int_equal(stub.failure.code, STATUS_UNAVAILABLE);
    assert_string_equal(stub.failure.reason, "DRAINING");
    rpc_channel_close(&channel);
}

struct drainer {
    pthread_t thread;
    struct toy *toy;
    int64_t timeout_ms;
    atomic_size_t is_done;
};

static void *drain(void *data)
{
    struct drainer *drainer = data;
    rpc_server_drain(drainer->toy->server, drainer->timeout_ms);
    atomic_store(&drainer->is_done, 1);
    return NULL;
}

static void test_drain_finishes_the_old_and_refuses_the_new(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    struct calls old;
    start_toy_busy(&toy, &options, &old);
    rpc_server_set_serving(toy.server, true);
    start_creates(&old, 3, 0);
    expect_waiting(&toy, 3);

    struct drainer drainer = {.toy = &toy, .timeout_ms = TOY_WAIT_MS};
    assert_int_equal(pthread_create(&drainer.thread, NULL, drain, &drainer), 0);
    expect_draining(&toy);
    assert_int_equal(atomic_load(&drainer.is_done), 0);

    toy_open_gate(&toy);
    (void)pthread_join(drainer.thread, NULL);
    assert_true(rpc_channel_wait_idle(old.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&old.answers), 4);
    struct failure failure;
    assert_int_equal(check_health(old.channel, "", &failure),
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING);
    close_calls(&old);
    toy_stop(&toy);
}

static void test_drain_has_an_end(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    struct calls calls;
    start_toy_busy(&toy, &options, &calls);
    int64_t begin_ms = toy_now_ms();
    rpc_server_drain(toy.server, 30);
    assert_true(toy_now_ms() - begin_ms >= 30);
    assert_int_equal(atomic_load(&calls.answers) + atomic_load(&calls.failures), 0);
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    close_calls(&calls);
    toy_stop(&toy);
}

static void *stop(void *toy)
{
    rpc_server_stop(&((struct toy *)toy)->server);
    return NULL;
}

static void test_stop_answers_what_is_under_way(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    struct calls calls;
    start_toy_busy(&toy, &options, &calls);
    start_creates(&calls, 10, 0);
    expect_waiting(&toy, 10);
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop, &toy), 0);
    expect_draining(&toy); /* so what waits will be refused, too */
    toy_open_gate(&toy);
    (void)pthread_join(stopper, NULL);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.answers), 1);
    assert_int_equal(atomic_load(&calls.failures), 10);
    assert_int_equal(atomic_load(&toy.created), 1);
    assert_int_equal(atomic_load(&toy.open_lanes), 0);
    assert_null(toy.server);
    close_calls(&calls);
    toy_stop(&toy);
}

static void test_a_lane_that_does_not_open_ends_the_start(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {.failure = "DATABASE_DOWN", .write_threads = 3};
    struct failure failure = {0};
    assert_int_equal(toy_start(&toy, &options, &failure), STATUS_UNAVAILABLE);
    assert_string_equal(failure.reason, "DATABASE_DOWN");
    assert_null(toy.server);
    assert_int_equal(atomic_load(&toy.open_lanes), 0);
    toy_stop(&toy);
}

static void test_several_threads_a_lane(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {.write_threads = 3};
    start_toy(&toy, &options);
    assert_int_equal(atomic_load(&toy.open_lanes), 4);
    toy_shut_gate(&toy);
    struct calls calls;
    open_calls(&calls, &toy);
    for (size_t i = 1; i <= 3; i++) {
        start_creates(&calls, 1, 0);
        assert_true(toy_wait_at_gate(&toy, i));
    }
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.answers), 3);
    close_calls(&calls);
    toy_stop(&toy);
    assert_int_equal(atomic_load(&toy.open_lanes), 0);
}

static void test_ipc_socket_is_for_its_owner(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    start_toy(&toy, &options);
    const char *path = toy.endpoint + strlen("ipc://");
    struct stat found;
    assert_int_equal(lstat(path, &found), 0);
    assert_true(S_ISSOCK(found.st_mode));
    assert_int_equal(found.st_mode & 0777, 0600);
    toy_stop(&toy);
    assert_int_not_equal(lstat(path, &found), 0);
}

static void expect_no_start(const char *endpoint, enum status code, const char *reason)
{
    struct toy toy;
    struct toy_options options = {.endpoint = endpoint};
    struct failure failure = {0};
    assert_int_equal(toy_start(&toy, &options, &failure), code);
    assert_string_equal(failure.reason, reason);
    assert_non_null(strstr(failure.message, endpoint));
    toy_stop(&toy);
}

static void test_endpoints_that_are_taken_or_forbidden(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    start_toy(&toy, &options);
    expect_no_start(toy.endpoint, STATUS_FAILED_PRECONDITION, "ENDPOINT_IN_USE");
    /* The live server has not noticed. */
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct failure failure;
    assert_int_not_equal(check_health(channel, "", &failure), -1);
    rpc_channel_close(&channel);
    toy_stop(&toy);

    expect_no_start("tcp://0.0.0.0:1", STATUS_INVALID_ARGUMENT, "ENDPOINT_INVALID");
    expect_no_start("tcp://192.0.2.1:7400", STATUS_INVALID_ARGUMENT, "ENDPOINT_INVALID");
    expect_no_start("ipc:///nonexistent/order.sock", STATUS_FAILED_PRECONDITION, "ENDPOINT_FAILED");

    /* A file that is no socket stays. */
    char endpoint[128];
    toy_endpoint("ipc", endpoint);
    const char *path = endpoint + strlen("ipc://");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fclose(file);
    expect_no_start(endpoint, STATUS_FAILED_PRECONDITION, "ENDPOINT_FAILED");
    assert_int_equal(unlink(path), 0);
}

static void test_options_are_checked(void **state)
{
    (void)state;
    const char *endpoints[] = {"ipc:///tmp/never-made.sock"};
    const struct rpc_server_options good = {.endpoints = endpoints,
                                            .endpoint_count = 1,
                                            .server_id = "s",
                                            .max_inflight = 1,
                                            .clock = clock_system()};
    char long_id[80];
    memset(long_id, 'x', sizeof long_id);
    long_id[65] = '\0';
    const struct rpc_lane_kind lane = {.name = "l", .threads = 1, .queue_max = 1, .batch_max = 0};
    const struct rpc_method method = {.name = "Check", .lane = 0};
    const struct rpc_service service = {.methods = &method, .method_count = 1};
    struct rpc_server_options bad[7];
    for (int i = 0; i < 7; i++) {
        bad[i] = good;
    }
    bad[0].server_id = NULL;
    bad[1].server_id = long_id;
    bad[2].error_domain = long_id;
    bad[3].max_inflight = 0;
    bad[4].endpoint_count = 0;
    bad[5].lanes = &lane;
    bad[5].lane_count = 1;
    bad[6].services = &service;
    bad[6].service_count = 1;
    for (int i = 0; i < 7; i++) {
        struct rpc_server *server = NULL;
        struct failure failure = {0};
        assert_int_equal(rpc_server_start(&bad[i], &server, &failure), STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.reason, "SERVER_OPTIONS_INVALID");
        assert_null(server);
    }
}

/* Beyond the loopback only when told that the network is private. */
static void test_plain_tcp_beyond_the_loopback_must_be_allowed(void **state)
{
    (void)state;
    const char *endpoints[] = {"tcp://0.0.0.0:0"};
    struct rpc_server_options options = {
        .endpoints = endpoints,
        .endpoint_count = 1,
        .server_id = "toy",
        .max_inflight = 1,
        .clock = clock_system(),
    };
    struct rpc_server *server = NULL;
    struct failure failure = {0};
    assert_int_equal(rpc_server_start(&options, &server, &failure), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, "ENDPOINT_INVALID");
    options.allow_plain_tcp = true;
    assert_int_equal(rpc_server_start(&options, &server, &failure), STATUS_OK);
    rpc_server_stop(&server);
}

int main(int argc, char **argv)
{
    toy_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drain_finishes_the_old_and_refuses_the_new),
        cmocka_unit_test(test_drain_has_an_end),
        cmocka_unit_test(test_stop_answers_what_is_under_way),
        cmocka_unit_test(test_a_lane_that_does_not_open_ends_the_start),
        cmocka_unit_test(test_several_threads_a_lane),
        cmocka_unit_test(test_ipc_socket_is_for_its_owner),
        cmocka_unit_test(test_plain_tcp_beyond_the_loopback_must_be_allowed),
        cmocka_unit_test(test_endpoints_that_are_taken_or_forbidden),
        cmocka_unit_test(test_options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
