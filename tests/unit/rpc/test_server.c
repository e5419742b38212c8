/* Calls from a server's side: batches, what is refused and how much of it, health, drain, stop. */
#include <grpc/health/v1/health.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/cmocka_all.h"
#include "toy.h"

#define CALLS_MAX 64

struct calls;

struct call {
    struct rpc_stub stub;
    struct calls *calls;
};

/* Asynchronous calls and how they ended. */
struct calls {
    struct rpc_channel *channel;
    struct call list[CALLS_MAX];
    size_t started;
    atomic_size_t answers, failures;
    pthread_mutex_t lock;
    struct failure last_failure;
};

static void note(struct call *call, const void *response)
{
    struct calls *calls = call->calls;
    if (response != NULL) {
        (void)atomic_fetch_add(&calls->answers, 1);
        return;
    }
    (void)pthread_mutex_lock(&calls->lock);
    calls->last_failure = call->stub.failure;
    (void)pthread_mutex_unlock(&calls->lock);
    (void)atomic_fetch_add(&calls->failures, 1);
}

static struct failure last_failure(struct calls *calls)
{
    (void)pthread_mutex_lock(&calls->lock);
    struct failure failure = calls->last_failure;
    (void)pthread_mutex_unlock(&calls->lock);
    return failure;
}

static void on_order(const Shop__V1__Order *order, void *call)
{
    note(call, order);
}

static void on_orders(const Shop__V1__ListOrdersResponse *orders, void *call)
{
    note(call, orders);
}

static void ignore_order(const Shop__V1__Order *order, void *data)
{
    (void)order;
    (void)data;
}

static void on_health(const Grpc__Health__V1__HealthCheckResponse *response, void *status)
{
    *(int *)status = response != NULL ? (int)response->status : -1;
}

static void start_toy(struct toy *toy, const struct toy_options *options)
{
    struct failure failure = {0};
    if (toy_start(toy, options, &failure) != STATUS_OK) {
        fail_msg("%s", failure.message);
    }
}

static struct call *next_call(struct calls *calls)
{
    assert_true(calls->started < CALLS_MAX);
    struct call *call = &calls->list[calls->started++];
    call->calls = calls;
    rpc_stub_init(&call->stub, calls->channel, &shop__v1__order_service__descriptor);
    call->stub.async = true;
    return call;
}

static void start_creates(struct calls *calls, size_t count, int32_t timeout_ms)
{
    for (size_t i = 0; i < count; i++) {
        struct call *call = next_call(calls);
        call->stub.timeout_ms = timeout_ms;
        Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
        shop__v1__order_service__create_order(&call->stub.service, &request, on_order, call);
    }
}

static void start_get(struct calls *calls, const char *order_id)
{
    struct call *call = next_call(calls);
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    request.order_id = text(order_id);
    shop__v1__order_service__get_order(&call->stub.service, &request, on_order, call);
}

static void start_list(struct calls *calls)
{
    struct call *call = next_call(calls);
    Shop__V1__ListOrdersRequest request = SHOP__V1__LIST_ORDERS_REQUEST__INIT;
    request.page_size = 2;
    shop__v1__order_service__list_orders(&call->stub.service, &request, on_orders, call);
}

static int check_health(struct rpc_channel *channel, const char *service, struct failure *failure)
{
    struct rpc_stub stub;
    rpc_stub_init(&stub, channel, &grpc__health__v1__health__descriptor);
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    request.service = text(service);
    int status = -1;
    grpc__health__v1__health__check(&stub.service, &request, on_health, &status);
    *failure = stub.failure;
    return status;
}

static void open_calls(struct calls *calls, const struct toy *toy)
{
    memset(calls, 0, sizeof *calls);
    (void)pthread_mutex_init(&calls->lock, NULL);
    calls->channel = toy_channel(toy->endpoint);
}

static void close_calls(struct calls *calls)
{
    rpc_channel_close(&calls->channel);
    (void)pthread_mutex_destroy(&calls->lock);
}

static void expect_health_answers(struct calls *calls)
{
    struct failure failure;
    assert_int_not_equal(check_health(calls->channel, "", &failure), -1);
}

static void expect_waiting(struct toy *toy, size_t count)
{
    int64_t until_ms = toy_now_ms() + TOY_WAIT_MS;
    while (rpc_server_waiting(toy->server) != count && toy_now_ms() < until_ms) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    assert_int_equal(rpc_server_waiting(toy->server), count);
}

static void test_health(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    start_toy(&toy, &options);
    struct rpc_channel *channel = toy_channel(toy.endpoint);
    struct failure failure;
    assert_int_equal(check_health(channel, "", &failure),
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING);
    rpc_server_set_serving(toy.server, true);
    assert_int_equal(check_health(channel, "", &failure),
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
    assert_int_equal(check_health(channel, "shop.v1.OrderService", &failure),
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
    assert_int_equal(check_health(channel, "shop.v1.NoService", &failure), -1);
    assert_int_equal(failure.code, STATUS_NOT_FOUND);
    assert_string_equal(failure.reason, "SERVICE_NOT_FOUND");
    rpc_server_set_serving(toy.server, false);
    assert_int_equal(check_health(channel, "", &failure),
                     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING);
    rpc_channel_close(&channel);
    toy_stop(&toy);
}

static void test_what_waits_becomes_a_batch(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    start_toy(&toy, &options);
    toy_shut_gate(&toy);
    struct calls calls;
    open_calls(&calls, &toy);
    start_creates(&calls, 1, 0);
    assert_true(toy_wait_at_gate(&toy, 1));
    start_creates(&calls, 20, 0);
    expect_waiting(&toy, 20);
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.answers), 21);
    assert_int_equal(atomic_load(&toy.batches), 2);
    assert_int_equal(atomic_load(&toy.largest_batch), 20);
    close_calls(&calls);
    toy_stop(&toy);
}

static void test_a_handler_gets_its_own_calls_only(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    start_toy(&toy, &options);
    toy_shut_gate(&toy);
    struct calls calls;
    open_calls(&calls, &toy);
    start_get(&calls, "gate");
    assert_true(toy_wait_at_gate(&toy, 1));
    start_get(&calls, "a");
    start_list(&calls);
    start_get(&calls, "b");
    start_list(&calls);
    start_list(&calls);
    expect_waiting(&toy, 5);
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.answers), 6);
    assert_string_equal(toy.reads, "G1G2L3");
    close_calls(&calls);
    toy_stop(&toy);
}

static void test_above_max_inflight_is_refused_at_once(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {.max_inflight = 8};
    start_toy(&toy, &options);
    toy_shut_gate(&toy);
    struct calls calls;
    open_calls(&calls, &toy);
    start_creates(&calls, 1, 0);
    assert_true(toy_wait_at_gate(&toy, 1));
    start_creates(&calls, 30, 0);
    assert_true(toy_wait_for(&calls.failures, 23)); /* while the gate is shut */
    expect_health_answers(&calls);                  /* and health is answered all the same */
    assert_int_equal(atomic_load(&calls.answers), 0);
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.failures), 23);
    assert_int_equal(atomic_load(&calls.answers), 8);
    assert_int_equal(atomic_load(&toy.created), 8);
    assert_int_equal(last_failure(&calls).code, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(last_failure(&calls).reason, "OVERLOADED");
    assert_true(last_failure(&calls).retry_delay_ms > 0);

    /* Room again. */
    start_creates(&calls, 8, 0);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.answers), 16);
    close_calls(&calls);
    toy_stop(&toy);
}

static void test_above_a_lanes_queue_is_refused_at_once(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {.queue_max = 4};
    start_toy(&toy, &options);
    toy_shut_gate(&toy);
    struct calls calls;
    open_calls(&calls, &toy);
    start_creates(&calls, 1, 0);
    assert_true(toy_wait_at_gate(&toy, 1));
    start_creates(&calls, 10, 0);
    assert_true(toy_wait_for(&calls.failures, 6));
    /* The other lane does not suffer. */
    start_get(&calls, "a");
    assert_true(toy_wait_for(&calls.answers, 1));
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.failures), 6);
    assert_int_equal(atomic_load(&toy.created), 5);
    assert_string_equal(last_failure(&calls).reason, "OVERLOADED");
    close_calls(&calls);
    toy_stop(&toy);
}

static void test_what_expires_in_the_queue_is_never_handled(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    start_toy(&toy, &options);
    toy_shut_gate(&toy);
    struct calls calls;
    open_calls(&calls, &toy);
    start_creates(&calls, 1, 0);
    assert_true(toy_wait_at_gate(&toy, 1));
    start_creates(&calls, 5, 40);
    assert_true(toy_wait_for(&calls.failures, 5));
    assert_int_equal(last_failure(&calls).code, STATUS_DEADLINE_EXCEEDED);
    int64_t expired_ms =
        toy_now_ms() + 5; /* the server's view is a little later than the caller's */
    while (toy_now_ms() < expired_ms) {
        expect_health_answers(&calls);
    }
    start_creates(&calls, 1, 0);
    toy_open_gate(&toy);
    assert_true(rpc_channel_wait_idle(calls.channel, TOY_WAIT_MS));
    assert_int_equal(atomic_load(&calls.answers), 2);
    assert_int_equal(atomic_load(&toy.created), 2);
    close_calls(&calls);
    toy_stop(&toy);
}

static void test_unknown_methods(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    start_toy(&toy, &options);
    struct calls calls;
    open_calls(&calls, &toy);
    struct rpc_stub stub;
    rpc_stub_init(&stub, calls.channel, &shop__v1__product_service__descriptor);
    Shop__V1__GetProductRequest request = SHOP__V1__GET_PRODUCT_REQUEST__INIT;
    shop__v1__product_service__get_product(
        &stub.service, &request, (Shop__V1__Product_Closure)(void (*)(void))ignore_order, NULL);
    assert_int_equal(stub.failure.code, STATUS_UNIMPLEMENTED);
    assert_string_equal(stub.failure.reason, "UNKNOWN_METHOD");
    close_calls(&calls);
    toy_stop(&toy);
}

static void test_bad_text_is_refused_with_its_field(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {0};
    start_toy(&toy, &options);
    struct calls calls;
    open_calls(&calls, &toy);
    struct rpc_stub stub;
    rpc_stub_init(&stub, calls.channel, &shop__v1__order_service__descriptor);
    Shop__V1__CreateOrderLine line = SHOP__V1__CREATE_ORDER_LINE__INIT;
    Shop__V1__CreateOrderLine *lines[] = {&line, &line};
    line.product_id = text("\xff");
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    request.n_lines = 2;
    request.lines = lines;
    shop__v1__order_service__create_order(&stub.service, &request, ignore_order, NULL);
    assert_int_equal(stub.failure.code, STATUS_INVALID_ARGUMENT);
    assert_string_equal(stub.failure.reason, "INVALID_TEXT");
    assert_string_equal(stub.failure.field, "lines[0].product_id");
    assert_int_equal(atomic_load(&toy.created), 0);
    close_calls(&calls);
    toy_stop(&toy);
}

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
    start_toy(&toy, &options);
    rpc_server_set_serving(toy.server, true);
    toy_shut_gate(&toy);
    struct calls old;
    open_calls(&old, &toy);
    start_creates(&old, 1, 0);
    assert_true(toy_wait_at_gate(&toy, 1));
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
    start_toy(&toy, &options);
    toy_shut_gate(&toy);
    struct calls calls;
    open_calls(&calls, &toy);
    start_creates(&calls, 1, 0);
    assert_true(toy_wait_at_gate(&toy, 1));
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
    start_toy(&toy, &options);
    toy_shut_gate(&toy);
    struct calls calls;
    open_calls(&calls, &toy);
    start_creates(&calls, 1, 0);
    assert_true(toy_wait_at_gate(&toy, 1));
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

int main(int argc, char **argv)
{
    toy_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_health),
        cmocka_unit_test(test_what_waits_becomes_a_batch),
        cmocka_unit_test(test_a_handler_gets_its_own_calls_only),
        cmocka_unit_test(test_above_max_inflight_is_refused_at_once),
        cmocka_unit_test(test_above_a_lanes_queue_is_refused_at_once),
        cmocka_unit_test(test_what_expires_in_the_queue_is_never_handled),
        cmocka_unit_test(test_unknown_methods),
        cmocka_unit_test(test_bad_text_is_refused_with_its_field),
        cmocka_unit_test(test_drain_finishes_the_old_and_refuses_the_new),
        cmocka_unit_test(test_drain_has_an_end),
        cmocka_unit_test(test_stop_answers_what_is_under_way),
        cmocka_unit_test(test_a_lane_that_does_not_open_ends_the_start),
        cmocka_unit_test(test_several_threads_a_lane),
        cmocka_unit_test(test_ipc_socket_is_for_its_owner),
        cmocka_unit_test(test_endpoints_that_are_taken_or_forbidden),
        cmocka_unit_test(test_options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
