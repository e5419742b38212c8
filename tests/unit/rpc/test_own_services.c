/* What every server answers by itself: health's List, reflection, admin. */
#include <rpc/v1/admin.pb-c.h>
#include <rpc/v1/reflection.pb-c.h>
#include <string.h>

#include "calls.h"
#include "tests/cmocka_all.h"

static struct toy toy;
static struct rpc_channel *channel;

static int open_toy(void **state)
{
    (void)state;
    struct toy_options options = {0};
    start_toy(&toy, &options);
    channel = toy_channel(toy.endpoint);
    return 0;
}

static int close_toy(void **state)
{
    (void)state;
    rpc_channel_close(&channel);
    toy_stop(&toy);
    return 0;
}

struct asked {
    void (*check)(const ProtobufCMessage *response);
    struct failure failure;
    bool answered;
};

static void on_answer(const ProtobufCMessage *response, void *data)
{
    struct asked *asked = data;
    if (response != NULL) {
        asked->answered = true;
        asked->check(response);
    }
}

/* OK when it was answered and checked; else the failure's. */
static struct failure ask(const ProtobufCServiceDescriptor *service, const char *method,
                          const ProtobufCMessage *request,
                          void (*check)(const ProtobufCMessage *response))
{
    struct asked asked = {.check = check};
    struct rpc_stub stub;
    rpc_stub_init(&stub, channel, service);
    const ProtobufCMethodDescriptor *found =
        protobuf_c_service_descriptor_get_method_by_name(service, method);
    rpc_stub_invoke(&stub, (unsigned)(found - service->methods), request, on_answer, &asked);
    assert_int_equal(asked.answered, stub.failure.code == STATUS_OK);
    return stub.failure;
}

static const char *const SERVICES[] = {"shop.v1.OrderService", "grpc.health.v1.Health",
                                       "rpc.v1.Reflection", "rpc.v1.Admin"};

static void check_health_list(const ProtobufCMessage *response)
{
    const Grpc__Health__V1__HealthListResponse *list =
        (const Grpc__Health__V1__HealthListResponse *)response;
    assert_int_equal(list->n_statuses, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_string_equal(list->statuses[i]->key, i == 0 ? "" : SERVICES[i - 1]);
        assert_int_equal(list->statuses[i]->value->status,
                         GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING);
    }
}

static void test_health_lists_all_services(void **state)
{
    (void)state;
    rpc_server_set_serving(toy.server, true);
    Grpc__Health__V1__HealthListRequest request = GRPC__HEALTH__V1__HEALTH_LIST_REQUEST__INIT;
    (void)ask(&grpc__health__v1__health__descriptor, "List", &request.base, check_health_list);
}

static void check_services(const ProtobufCMessage *response)
{
    const Rpc__V1__ListServicesResponse *list = (const Rpc__V1__ListServicesResponse *)response;
    assert_int_equal(list->n_services, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(list->services[i], SERVICES[i]);
    }
}

static void test_reflection_lists_all_services(void **state)
{
    (void)state;
    Rpc__V1__ListServicesRequest request = RPC__V1__LIST_SERVICES_REQUEST__INIT;
    (void)ask(&rpc__v1__reflection__descriptor, "ListServices", &request.base, check_services);
}

static void test_a_server_without_contracts_says_so(void **state)
{
    (void)state;
    Rpc__V1__GetFileDescriptorSetRequest request = RPC__V1__GET_FILE_DESCRIPTOR_SET_REQUEST__INIT;
    struct failure failure = ask(&rpc__v1__reflection__descriptor, "GetFileDescriptorSet",
                                 &request.base, check_services);
    assert_int_equal(failure.code, STATUS_UNIMPLEMENTED);
    assert_string_equal(failure.reason, "NO_CONTRACTS");
}

static void check_ping(const ProtobufCMessage *response)
{
    const Rpc__V1__PingResponse *ping = (const Rpc__V1__PingResponse *)response;
    assert_string_equal(ping->server_id, "toy-1");
    assert_true(ping->time->seconds > 1700000000);
}

static void check_info(const ProtobufCMessage *response)
{
    const Rpc__V1__InfoResponse *info = (const Rpc__V1__InfoResponse *)response;
    assert_string_equal(info->server_id, "toy-1");
    assert_true(info->serving);
    assert_false(info->draining);
    assert_int_equal(info->n_services, 4);
    assert_true(info->start_time->seconds > 1700000000);
}

static void check_draining(const ProtobufCMessage *response)
{
    const Rpc__V1__InfoResponse *info = (const Rpc__V1__InfoResponse *)response;
    assert_false(info->serving);
    assert_true(info->draining);
}

static void test_admin_tells_who_it_is_and_that_it_drains(void **state)
{
    (void)state;
    rpc_server_set_serving(toy.server, true);
    Rpc__V1__PingRequest ping = RPC__V1__PING_REQUEST__INIT;
    (void)ask(&rpc__v1__admin__descriptor, "Ping", &ping.base, check_ping);
    Rpc__V1__InfoRequest info = RPC__V1__INFO_REQUEST__INIT;
    (void)ask(&rpc__v1__admin__descriptor, "Info", &info.base, check_info);
    rpc_server_drain(toy.server, 1000);
    (void)ask(&rpc__v1__admin__descriptor, "Info", &info.base, check_draining);
}

static const Rpc__V1__MethodStats *find(const Rpc__V1__StatsResponse *stats, const char *method)
{
    for (size_t i = 0; i < stats->n_methods; i++) {
        if (strcmp(stats->methods[i]->method, method) == 0) {
            return stats->methods[i];
        }
    }
    fail_msg("no stats of '%s'", method);
    return NULL;
}

static uint64_t count_latencies(const Rpc__V1__MethodStats *method)
{
    uint64_t count = 0;
    for (size_t i = 0; i < method->n_latencies; i++) {
        count += method->latencies[i]->count;
    }
    return count;
}

static void check_stats(const ProtobufCMessage *response)
{
    const Rpc__V1__StatsResponse *stats = (const Rpc__V1__StatsResponse *)response;
    assert_int_equal(stats->inflight_max, 64);
    assert_int_equal(stats->inflight, 0);
    assert_int_equal(stats->n_lanes, 2);
    assert_string_equal(stats->lanes[0]->name, "write");
    assert_int_equal(stats->lanes[0]->queue_max, 64);
    const Rpc__V1__MethodStats *create = find(stats, "/shop.v1.OrderService/CreateOrder");
    assert_int_equal(create->n_codes, 2);
    assert_int_equal(create->codes[0]->code, STATUS_OK);
    assert_int_equal(create->codes[0]->count, 3);
    assert_int_equal(create->codes[1]->code, STATUS_FAILED_PRECONDITION);
    assert_int_equal(create->codes[1]->count, 1);
    assert_int_equal(count_latencies(create), 4);
    assert_true(create->total_us >= create->max_us && create->max_us > 0);
    assert_int_equal(create->inflight, 0);
    assert_string_equal(create->last_error->reason, "OUT_OF_STOCK");
    assert_int_equal(find(stats, "/shop.v1.OrderService/GetOrder")->n_codes, 0);
    assert_int_equal(find(stats, "/rpc.v1.Admin/Stats")->inflight, 1); /* this call */
    assert_int_equal(find(stats, "")->n_codes, 0);
}

static void test_stats_count_calls_by_method_and_code(void **state)
{
    (void)state;
    struct outcome outcome;
    for (int i = 0; i < 3; i++) {
        create_order(&outcome, channel, "r", "c", false);
        assert_int_equal(outcome.answers, 1);
    }
    create_order(&outcome, channel, "r", "refused", false);
    assert_int_equal(outcome.failures, 1);
    Rpc__V1__StatsRequest request = RPC__V1__STATS_REQUEST__INIT;
    struct failure failure = ask(&rpc__v1__admin__descriptor, "Stats", &request.base, check_stats);
    assert_int_equal(failure.code, STATUS_OK);
}

int main(int argc, char **argv)
{
    toy_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_health_lists_all_services, open_toy, close_toy),
        cmocka_unit_test_setup_teardown(test_reflection_lists_all_services, open_toy, close_toy),
        cmocka_unit_test_setup_teardown(test_a_server_without_contracts_says_so, open_toy,
                                        close_toy),
        cmocka_unit_test_setup_teardown(test_admin_tells_who_it_is_and_that_it_drains, open_toy,
                                        close_toy),
        cmocka_unit_test_setup_teardown(test_stats_count_calls_by_method_and_code, open_toy,
                                        close_toy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
