/* Which methods are found, and which tables are refused. */
#include <grpc/health/v1/health.pb-c.h>
#include <shop/v1/order_service.pb-c.h>
#include <string.h>

#include "rpc/router.h"
#include "tests/cmocka_all.h"

static struct lane *const LANES[2] = {(struct lane *)0x10, (struct lane *)0x20}; /* only compared */

static void handle(void *lane, struct rpc_call **calls, size_t count)
{
    (void)lane;
    (void)calls;
    (void)count;
}

static const char TAG[] = "tag";
static const struct rpc_method ORDERS[] = {
    {.name = "ListOrders", .lane = 1, .handler = handle},
    {.name = "CreateOrder", .lane = 0, .handler = handle, .tag = TAG},
    {.name = "GetOrder", .lane = 1, .handler = handle},
    {.name = "BatchGetOrders", .lane = 1, .handler = handle},
    {.name = "BatchCreateOrders", .lane = 0, .handler = handle},
    {.name = "ConfirmOrder", .lane = 0, .handler = handle},
    {.name = "CancelOrder", .lane = 0, .handler = handle},
    {.name = "FulfillOrder", .lane = 0, .handler = handle},
    {.name = "ListOrderEvents", .lane = 1, .handler = handle},
    {.name = "FollowOrderEvents", .lane = 1, .handler = handle},
};
#define ORDER_COUNT (sizeof ORDERS / sizeof ORDERS[0])
static const struct rpc_method HEALTH[] = {
    {.name = "Check", .lane = RPC_LANE_NONE, .handler = handle},
    {.name = "List", .lane = RPC_LANE_NONE, .handler = handle},
};

static enum status create(const struct rpc_method *methods, size_t count, struct failure *failure)
{
    const struct rpc_service services[] = {
        {.descriptor = &shop__v1__order_service__descriptor,
         .methods = methods,
         .method_count = count},
    };
    struct router *router = NULL;
    enum status status = router_create(1, services, LANES, &router, failure);
    router_destroy(&router);
    return status;
}

static void test_finds_every_method(void **state)
{
    (void)state;
    const struct rpc_service services[] = {
        {.descriptor = &shop__v1__order_service__descriptor,
         .methods = ORDERS,
         .method_count = ORDER_COUNT},
        {.descriptor = &grpc__health__v1__health__descriptor, .methods = HEALTH, .method_count = 2},
    };
    struct router *router = NULL;
    struct failure failure;
    assert_int_equal(router_create(2, services, LANES, &router, &failure), STATUS_OK);
    const struct route *route = router_find(router, "/shop.v1.OrderService/CreateOrder");
    assert_non_null(route);
    assert_ptr_equal(route->lane, LANES[0]);
    assert_ptr_equal(route->tag, TAG);
    assert_ptr_equal(route->method->input, &shop__v1__create_order_request__descriptor);
    assert_ptr_equal(router_find(router, "/shop.v1.OrderService/GetOrder")->lane, LANES[1]);
    assert_null(router_find(router, "/grpc.health.v1.Health/Check")->lane);
    assert_null(router_find(router, "/shop.v1.OrderService/createOrder"));
    assert_null(router_find(router, "/shop.v1.OrderService/"));
    assert_null(router_find(router, "/shop.v1.OrderService"));
    assert_null(router_find(router, ""));
    assert_true(router_has_service(router, "shop.v1.OrderService"));
    assert_false(router_has_service(router, "shop.v1.Order"));
    router_destroy(&router);
    assert_null(router);
    router_destroy(&router);
}

static void test_refuses_incomplete_tables(void **state)
{
    (void)state;
    struct failure failure = {0};
    assert_int_equal(create(ORDERS, ORDER_COUNT, &failure), STATUS_OK);
    assert_int_equal(create(ORDERS, 2, &failure), STATUS_INTERNAL);
    assert_string_equal(failure.reason, "BAD_SERVICE");

    struct rpc_method methods[ORDER_COUNT];
    memcpy(methods, ORDERS, sizeof methods);
    methods[2].handler = NULL;
    assert_int_equal(create(methods, ORDER_COUNT, &failure), STATUS_INTERNAL);
    methods[2] = ORDERS[2];
    methods[2].name = "DropOrder";
    assert_int_equal(create(methods, ORDER_COUNT, &failure), STATUS_INTERNAL);
    methods[2] = ORDERS[1];
    assert_int_equal(create(methods, ORDER_COUNT, &failure), STATUS_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_every_method),
        cmocka_unit_test(test_refuses_incomplete_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
