/* orderctl list, describe and stats: what a server says of itself. */
#include <stdio.h>
#include <string.h>

#include "client/cli/cli.h"
#include "run_orderctl.h"
#include "tests/cmocka_all.h"
#include "toy_shop.h"

static struct toy_shop shop;

static int open_shop(void **state)
{
    (void)state;
    toy_shop_start(&shop);
    return 0;
}

static int close_shop(void **state)
{
    (void)state;
    toy_shop_stop(&shop);
    return 0;
}

/* That all the texts are in the output (NULL ends them). */
static void expect(const char *line, int code, const char *const *texts)
{
    struct run run = run_orderctl(shop.endpoint, line);
    const char *where = code == CLI_OK ? run.out : run.err;
    for (size_t i = 0; texts[i] != NULL; i++) {
        if (strstr(where, texts[i]) == NULL) {
            print_error("%s: no '%s' in: %s\n", line, texts[i], where);
            fail();
        }
    }
    assert_int_equal(run.code, code);
    run_free(&run);
}

static void lists_services_and_methods(void **state)
{
    (void)state;
    struct run run = run_orderctl(shop.endpoint, "list");
    assert_int_equal(run.code, CLI_OK);
    assert_non_null(strstr(run.out, "shop.v1.OrderService\n"));
    assert_non_null(strstr(run.out, "rpc.v1.Admin\n"));
    run_free(&run);
    expect(
        "list grpc.health.v1.Health", CLI_OK,
        (const char *const[]){"/grpc.health.v1.Health/Check\n/grpc.health.v1.Health/List\n", NULL});
    expect("list -o json", CLI_OK, (const char *const[]){"\"rpc.v1.Reflection\"", NULL});
    expect("list shop.v1.Nothing", CLI_REFUSED, (const char *const[]){"SERVICE_NOT_FOUND", NULL});
}

static void describes_services_methods_messages_and_enums(void **state)
{
    (void)state;
    expect("describe shop.v1.OrderService", CLI_OK,
           (const char *const[]){"service shop.v1.OrderService {\n",
                                 "  rpc CreateOrder(shop.v1.CreateOrderRequest) returns "
                                 "(shop.v1.Order);\n",
                                 "  // ", NULL});
    const char *const method[] = {"rpc Check(",
                                  "message grpc.health.v1.HealthCheckRequest {\n",
                                  "  // Empty asks for the server as a whole.\n",
                                  "  string service = 1;\n",
                                  "message grpc.health.v1.HealthCheckResponse {\n",
                                  NULL};
    expect("describe /grpc.health.v1.Health/Check", CLI_OK, method);
    expect("describe grpc.health.v1.Health.Check", CLI_OK, method);
    expect("describe Health/Check", CLI_OK, method);
    expect("describe Check", CLI_OK, method);
    expect("describe rpc.v1.StatsResponse", CLI_OK,
           (const char *const[]){"  repeated rpc.v1.MethodStats methods = 6;\n", NULL});
    expect("describe grpc.health.v1.HealthCheckResponse.ServingStatus", CLI_OK,
           (const char *const[]){"enum ", "  NOT_SERVING = 2;\n", NULL});
    expect("describe", CLI_OK,
           (const char *const[]){"service grpc.health.v1.Health {\n", "}\n\n",
                                 "service shop.v1.OrderService {\n", NULL});
    expect("describe google.protobuf.Timestamp", CLI_OK,
           (const char *const[]){"  int64 seconds = 1;\n", NULL});
}

static void does_not_describe_what_is_not_there(void **state)
{
    (void)state;
    const char *const refused[] = {"NAME_NOT_FOUND", NULL};
    expect("describe shop.v1", CLI_REFUSED, refused);
    expect("describe /", CLI_REFUSED, refused);
    expect("describe shop.v1.OrderService/Nothing", CLI_REFUSED, refused);
}

static void shows_how_calls_fare(void **state)
{
    (void)state;
    struct run run = run_orderctl(shop.endpoint, "stock get nothing");
    assert_int_equal(run.code, CLI_REFUSED);
    run_free(&run);
    expect("stats", CLI_OK,
           (const char *const[]){"server   toy\n", "METHOD", "/shop.v1.ProductService/GetStock",
                                 "PRODUCT_NOT_FOUND", NULL});
    expect("stats -o json", CLI_OK,
           (const char *const[]){"\"method\": \"/shop.v1.ProductService/GetStock\"", NULL});
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_shop, close_shop)
    const struct CMUnitTest tests[] = {
        TEST(lists_services_and_methods),
        TEST(describes_services_methods_messages_and_enums),
        TEST(does_not_describe_what_is_not_there),
        TEST(shows_how_calls_fare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
