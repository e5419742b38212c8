/* Over the contracts' own table: what is asked here must hold for whatever is added to it. */
#include "gateway/route.h"
#include "tests/cmocka_all.h"

static enum route_result find(const char *verb, const char *path, struct route *route,
                              const char **allow, struct arena *arena)
{
    *allow = NULL;
    return route_find(verb, bytes_of_text(path), arena, route, allow);
}

static void must_find(const char *verb, const char *path, const char *method, const char *variable)
{
    struct arena arena;
    struct route route;
    const char *allow;
    arena_init(&arena, 256, 4096);
    assert_int_equal(find(verb, path, &route, &allow, &arena), ROUTE_FOUND);
    assert_string_equal(route.method->path, method);
    assert_int_equal(route.variable_count, variable == NULL ? 0 : 1);
    if (variable != NULL) {
        assert_true(bytes_equal(route.variables[0].text, bytes_of_text(variable)));
    }
    arena_fini(&arena);
}

static void test_paths_lead_to_methods(void **state)
{
    (void)state;
    must_find("POST", "/v1/orders", "/shop.v1.OrderService/CreateOrder", NULL);
    must_find("GET", "/v1/orders", "/shop.v1.OrderService/ListOrders", NULL);
    must_find("HEAD", "/v1/orders/x", "/shop.v1.OrderService/GetOrder", "x");
    must_find("GET", "/v1/products/a%2Fb", "/shop.v1.ProductService/GetProduct", "a%2Fb");
    must_find("GET", "/v1/products/a:b", "/shop.v1.ProductService/GetProduct", "a:b");
    must_find("GET", "/v1/products/p/stock", "/shop.v1.ProductService/GetStock", "p");
    must_find("POST", "/v1/products/p/stock:adjust", "/shop.v1.ProductService/AdjustStock", "p");
    must_find("POST", "/v1/orders:batchCreate", "/shop.v1.OrderService/BatchCreateOrders", NULL);
    must_find("GET", "/v1/products:batchGet", "/shop.v1.ProductService/BatchGetProducts", NULL);
}

static void test_paths_that_lead_nowhere(void **state)
{
    (void)state;
    struct arena arena;
    struct route route;
    const char *allow;
    arena_init(&arena, 256, 4096);
    static const char *const BAD[] = {"",
                                      "/",
                                      "/v1",
                                      "/v1/order",
                                      "/v1/orders/",
                                      "/v1/orders/a/b",
                                      "/V1/orders",
                                      "/v1//orders",
                                      "//v1/orders",
                                      "/v1/orderss",
                                      "/v1/products//stock",
                                      "/v1/products/p/stock:",
                                      "/v1/products/p/stock:adjusted"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_int_equal(find("GET", BAD[i], &route, &allow, &arena), ROUTE_NONE);
    }
    assert_int_equal(find("DELETE", "/v1/orders", &route, &allow, &arena), ROUTE_OTHER_VERB);
    assert_string_equal(allow, "POST, GET, HEAD");
    assert_int_equal(find("get", "/v1/orders", &route, &allow, &arena), ROUTE_OTHER_VERB);
    arena_fini(&arena);
}

static void test_every_rule_of_the_contracts_is_reached(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096, 65536);
    for (size_t i = 0; i < method_count; i++) {
        assert_ptr_equal(method_find(bytes_of_text(methods[i].path)), &methods[i]);
        for (size_t j = 0; j < methods[i].rule_count; j++) {
            const struct method_rule *rule = &methods[i].rules[j];
            char path[200];
            size_t size = 0;
            for (const char *at = rule->template; *at != '\0'; at++) {
                path[size++] = *at == '{' ? 'x' : *at;
                at = *at == '{' ? strchr(at, '}') : at;
            }
            path[size] = '\0';
            struct route route;
            const char *allow;
            assert_int_equal(find(rule->verb, path, &route, &allow, &arena), ROUTE_FOUND);
            assert_ptr_equal(route.rule, rule);
        }
    }
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths_lead_to_methods),
        cmocka_unit_test(test_paths_that_lead_nowhere),
        cmocka_unit_test(test_every_rule_of_the_contracts_is_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
