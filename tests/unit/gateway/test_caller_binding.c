#include <shop/v1/order_service.pb-c.h>
#include <string.h>

#include "base/uuid.h"
#include "gateway/caller_binding.h"
#include "tests/cmocka_all.h"

static const struct caller STRANGER = {.is_known = false};
static const struct caller SHOP = {.is_known = true, .name = "shop"};
static const struct caller ADA = {.is_known = true, .name = "ada", .customer_id = "c-ada"};

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

struct binding_case {
    struct arena arena;
    struct failure failure;
};

static enum status bind_order(struct binding_case *test, const struct caller *caller,
                              Shop__V1__CreateOrderRequest *request)
{
    const struct method *method = method_find(bytes_of_text("/shop.v1.OrderService/CreateOrder"));
    return caller_bind(caller, method, &request->base, &test->arena, &test->failure);
}

static int setup(void **state)
{
    static struct binding_case test;
    arena_init(&test.arena, 1024, 65536);
    *state = &test;
    return 0;
}

static int teardown(void **state)
{
    struct binding_case *test = *state;
    arena_fini(&test->arena);
    return 0;
}

static void test_customers(void **state)
{
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    assert_int_equal(bind_order(*state, &SHOP, &request), STATUS_OK);
    assert_string_equal(request.customer_id, "");
    assert_int_equal(bind_order(*state, &ADA, &request), STATUS_OK);
    assert_string_equal(request.customer_id, "c-ada");
    assert_int_equal(bind_order(*state, &ADA, &request), STATUS_OK);
    request.customer_id = text_of("c-bob");
    assert_int_equal(bind_order(*state, &STRANGER, &request), STATUS_OK);
    assert_int_equal(bind_order(*state, &SHOP, &request), STATUS_OK);
    assert_int_equal(bind_order(*state, &ADA, &request), STATUS_PERMISSION_DENIED);
}

static void test_every_order_of_a_batch_is_bound(void **state)
{
    struct binding_case *test = *state;
    const struct method *method =
        method_find(bytes_of_text("/shop.v1.OrderService/BatchCreateOrders"));
    Shop__V1__CreateOrderRequest first = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    Shop__V1__CreateOrderRequest second = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    Shop__V1__CreateOrderRequest *orders[] = {&first, &second};
    Shop__V1__BatchCreateOrdersRequest request = SHOP__V1__BATCH_CREATE_ORDERS_REQUEST__INIT;
    request.orders = orders;
    request.n_orders = 2;
    first.request_id = text_of("r-1");
    second.request_id = text_of("r-2");
    assert_int_equal(caller_bind(&ADA, method, &request.base, &test->arena, &test->failure),
                     STATUS_OK);
    assert_string_equal(first.customer_id, "c-ada");
    assert_string_equal(second.customer_id, "c-ada");
    assert_string_not_equal(first.request_id, "r-1");
    assert_string_not_equal(second.request_id, "r-2");
    second.customer_id = text_of("c-bob");
    assert_int_equal(caller_bind(&ADA, method, &request.base, &test->arena, &test->failure),
                     STATUS_PERMISSION_DENIED);
}

static void test_request_ids_are_mixed_with_the_name(void **state)
{
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    assert_int_equal(bind_order(*state, &SHOP, &request), STATUS_OK);
    assert_string_equal(request.request_id, "");
    request.request_id = text_of("cart-1");
    assert_int_equal(bind_order(*state, &STRANGER, &request), STATUS_OK);
    assert_string_equal(request.request_id, "cart-1");
    assert_int_equal(bind_order(*state, &SHOP, &request), STATUS_OK);
    char *of_shop = request.request_id;
    assert_int_equal(strlen(of_shop), 64);
    request.request_id = text_of("cart-1");
    assert_int_equal(bind_order(*state, &ADA, &request), STATUS_OK);
    assert_string_not_equal(request.request_id, of_shop);
    request.request_id = text_of("cart-1");
    assert_int_equal(bind_order(*state, &SHOP, &request), STATUS_OK);
    assert_string_equal(request.request_id, of_shop);
}

static void test_a_uuidv7_keeps_its_time(void **state)
{
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    struct uuid given = uuid_v7(clock_system()), mixed;
    char text[UUID_TEXT_BYTES];
    uuid_print(&given, text);
    request.request_id = text;
    assert_int_equal(bind_order(*state, &SHOP, &request), STATUS_OK);
    assert_true(uuid_parse(request.request_id, &mixed));
    assert_int_equal(uuid_version(&mixed), 7);
    assert_int_equal(uuid_unix_ms(&mixed), uuid_unix_ms(&given));
    assert_memory_not_equal(mixed.bytes, given.bytes, sizeof given.bytes);
}

static void test_answers_about_others_are_not_seen(void **state)
{
    (void)state;
    Shop__V1__Order orders[2] = {SHOP__V1__ORDER__INIT, SHOP__V1__ORDER__INIT};
    Shop__V1__Order *list[] = {&orders[0], &orders[1]};
    Shop__V1__ListOrdersResponse response = SHOP__V1__LIST_ORDERS_RESPONSE__INIT;
    response.n_orders = 2;
    response.orders = list;
    orders[0].customer_id = orders[1].customer_id = text_of("c-ada");
    assert_true(caller_may_see(&ADA, &response.base));
    orders[1].customer_id = text_of("c-bob");
    assert_false(caller_may_see(&ADA, &response.base));
    assert_true(caller_may_see(&SHOP, &response.base));
    assert_true(caller_may_see(&STRANGER, &response.base));
    orders[1].customer_id = text_of("");
    assert_false(caller_may_see(&ADA, &response.base));
    assert_false(caller_may_see(&ADA, &orders[1].base));
}

static enum status bind_empty(struct binding_case *test, const char *path)
{
    const struct method *method = method_find(bytes_of_text(path));
    const ProtobufCMessageDescriptor *type = method_descriptor(method)->input;
    ProtobufCMessage *request = arena_calloc(&test->arena, 1, type->sizeof_message);
    type->message_init(request);
    return caller_bind(&ADA, method, request, &test->arena, &test->failure);
}

static void test_what_is_for_all_is_not_a_customers(void **state)
{
    static const char *const OPEN[] = {
        "/shop.v1.OrderService/GetOrder", "/shop.v1.OrderService/ListOrders",
        "/shop.v1.OrderService/ListOrderEvents", "/shop.v1.ProductService/GetProduct",
        "/shop.v1.ProductService/ListStock"};
    static const char *const CLOSED[] = {
        "/shop.v1.OrderService/CancelOrder",   "/shop.v1.OrderService/ConfirmOrder",
        "/shop.v1.ProductService/AdjustStock", "/shop.v1.ProductService/ListStockMovements",
        "/shop.v1.AdminService/GetDeadLetter", "/shop.v1.AdminService/ListDeadLetters",
        "/shop.v1.AdminService/RebuildStock",  "/rpc.v1.Admin/Stats"};
    for (size_t i = 0; i < sizeof OPEN / sizeof *OPEN; i++) {
        assert_int_equal(bind_empty(*state, OPEN[i]), STATUS_OK);
    }
    for (size_t i = 0; i < sizeof CLOSED / sizeof *CLOSED; i++) {
        struct binding_case *test = *state;
        assert_int_equal(bind_empty(test, CLOSED[i]), STATUS_PERMISSION_DENIED);
        assert_string_equal(test->failure.reason, "CUSTOMER_NOT_NAMED");
    }
}

static void test_not_found_says_nothing_of_others(void **state)
{
    (void)state;
    const struct method *get = method_find(bytes_of_text("/shop.v1.OrderService/GetOrder"));
    const struct method *create = method_find(bytes_of_text("/shop.v1.OrderService/CreateOrder"));
    const struct method *product = method_find(bytes_of_text("/shop.v1.ProductService/GetProduct"));
    struct failure failure = {0};
    (void)failure_set(&failure, STATUS_NOT_FOUND, "ORDER_NOT_FOUND", "no such order");
    assert_true(caller_is_kept_from(&ADA, get, &failure));
    assert_false(caller_is_kept_from(&SHOP, get, &failure));
    assert_false(caller_is_kept_from(&STRANGER, get, &failure));
    /* Which product is missing may be known, and must be said. */
    assert_false(caller_is_kept_from(&ADA, create, &failure));
    assert_false(caller_is_kept_from(&ADA, product, &failure));
    (void)failure_set(&failure, STATUS_UNAVAILABLE, "NO_SERVER", "away");
    assert_false(caller_is_kept_from(&ADA, get, &failure));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_order_of_a_batch_is_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_customers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_request_ids_are_mixed_with_the_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_uuidv7_keeps_its_time, setup, teardown),
        cmocka_unit_test(test_answers_about_others_are_not_seen),
        cmocka_unit_test_setup_teardown(test_what_is_for_all_is_not_a_customers, setup, teardown),
        cmocka_unit_test(test_not_found_says_nothing_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
