/* What the table that was made out of the contracts says of their methods. */
#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>

#include "gateway/method.h"
#include "tests/cmocka_all.h"

static const struct method *find(const char *path)
{
    const struct method *method = method_find(bytes_of_text(path));
    assert_non_null(method);
    assert_string_equal(method->path, path);
    return method;
}

static void test_methods_are_found_by_their_path(void **state)
{
    (void)state;
    const struct method *method = find("/shop.v1.OrderService/GetOrder");
    assert_string_equal(method_descriptor(method)->name, "GetOrder");
    assert_string_equal(method->scope, "order.read");
    assert_null(method_find(bytes_of_text("/shop.v1.OrderService/GetOrders")));
    assert_null(method_find(bytes_of_text("/shop.v1.OrderService/GetOrde")));
    assert_null(method_find(bytes_of_text("")));
}

static bool may_share(const char *path, const void *request)
{
    return method_may_share(find(path), request);
}

static void test_calls_that_take_as_long_share_messages(void **state)
{
    (void)state;
    const Shop__V1__GetProductRequest get = SHOP__V1__GET_PRODUCT_REQUEST__INIT;
    assert_true(may_share("/shop.v1.ProductService/GetProduct", &get));
    Shop__V1__CreateOrderRequest create = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    assert_true(may_share("/shop.v1.OrderService/CreateOrder", &create));
}

/* What waits, for events or for PostgreSQL, would hold back the others of its message. */
static void test_calls_that_wait_do_not(void **state)
{
    (void)state;
    Shop__V1__CreateOrderRequest create = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    create.wait_for = SHOP__V1__DURABILITY__DURABILITY_PERSISTED;
    assert_false(may_share("/shop.v1.OrderService/CreateOrder", &create));
    const Shop__V1__FollowOrderEventsRequest follow = SHOP__V1__FOLLOW_ORDER_EVENTS_REQUEST__INIT;
    assert_false(may_share("/shop.v1.OrderService/FollowOrderEvents", &follow));
    const Shop__V1__ListOrdersRequest list = SHOP__V1__LIST_ORDERS_REQUEST__INIT;
    assert_false(may_share("/shop.v1.OrderService/ListOrders", &list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods_are_found_by_their_path),
        cmocka_unit_test(test_calls_that_take_as_long_share_messages),
        cmocka_unit_test(test_calls_that_wait_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
