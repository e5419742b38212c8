/* Who may call what, and policy files that are none. */
#include <grpc/health/v1/health.pb-c.h>
#include <rpc/v1/admin.pb-c.h>
#include <rpc/v1/reflection.pb-c.h>
#include <shop/v1/admin_service.pb-c.h>
#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/policy.h"
#include "tests/cmocka_all.h"
#include "tests/fakes/fake_call.h"

static enum status load(const char *text, struct policy **policy_out, struct failure *failure)
{
    char path[] = "/tmp/test-policy-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    (void)close(file);
    enum status status = policy_load(path, policy_out, failure);
    (void)unlink(path);
    return status;
}

static void test_roles_are_those_of_the_line_and_of_all(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    struct failure failure;
    const char *text = "# who\n\n"
                       "uid:1000  order # and a comment\n"
                       "cn:warehouse\tcatalogue\n"
                       "cn:operator admin order\n"
                       "cn:nobody\n"
                       "* read";
    assert_int_equal(load(text, &policy, &failure), STATUS_OK);
    assert_true(policy_allows(policy, "uid:1000", ROLE_ORDER));
    assert_true(policy_allows(policy, "uid:1000", ROLE_READ));
    assert_false(policy_allows(policy, "uid:1000", ROLE_ADMIN));
    assert_false(policy_allows(policy, "uid:100", ROLE_ORDER));
    assert_false(policy_allows(policy, "uid:10000", ROLE_ORDER));
    assert_false(policy_allows(policy, "cn:1000", ROLE_ORDER));
    assert_true(policy_allows(policy, "cn:warehouse", ROLE_CATALOGUE));
    assert_true(policy_allows(policy, "cn:operator", ROLE_ADMIN));
    assert_true(policy_allows(policy, "anonymous", ROLE_READ));
    assert_false(policy_allows(policy, "anonymous", ROLE_ORDER));
    assert_false(policy_allows(policy, "cn:nobody", ROLE_CATALOGUE));
    assert_true(policy_allows(policy, "cn:nobody", ROLE_NONE));
    policy_destroy(&policy);
    assert_null(policy);
}

static void test_an_empty_policy_allows_nothing(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    struct failure failure;
    assert_int_equal(load("", &policy, &failure), STATUS_OK);
    assert_false(policy_allows(policy, "uid:0", ROLE_READ));
    policy_destroy(&policy);
}

static void test_a_bad_line_is_named(void **state)
{
    (void)state;
    static const char *const bad[] = {"* read\nroot read\n",   "* read\nuid: read\n",
                                      "* read\nuid:1x read\n", "* read\ncn: read\n",
                                      "* read\n* write\n",     "* read\n* Read\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct policy *policy = NULL;
        struct failure failure;
        assert_int_equal(load(bad[i], &policy, &failure), STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.reason, "POLICY_INVALID");
        assert_non_null(strstr(failure.message, ":2: "));
        assert_null(policy);
    }
    struct policy *policy = NULL;
    struct failure failure;
    assert_int_equal(policy_load("/nonexistent/policy", &policy, &failure),
                     STATUS_INVALID_ARGUMENT);
}

/* Every method that an order-server answers, with what it takes. A method that is new in the
 * contracts and not here fails the test: whoever adds it decides who may call it. (A service that
 * is new takes the role admin until then.) */
static const struct {
    const char *method;
    enum policy_role role;
} ROLES_OF[] = {
    {"/grpc.health.v1.Health/Check", ROLE_NONE},
    {"/grpc.health.v1.Health/List", ROLE_NONE},
    {"/rpc.v1.Admin/Ping", ROLE_NONE},
    {"/rpc.v1.Admin/Info", ROLE_ADMIN},
    {"/rpc.v1.Admin/Stats", ROLE_ADMIN},
    {"/rpc.v1.Reflection/ListServices", ROLE_READ},
    {"/rpc.v1.Reflection/GetFileDescriptorSet", ROLE_READ},
    {"/shop.v1.OrderService/CreateOrder", ROLE_ORDER},
    {"/shop.v1.OrderService/BatchCreateOrders", ROLE_ORDER},
    {"/shop.v1.OrderService/ConfirmOrder", ROLE_ORDER},
    {"/shop.v1.OrderService/CancelOrder", ROLE_ORDER},
    {"/shop.v1.OrderService/FulfillOrder", ROLE_ORDER},
    {"/shop.v1.OrderService/GetOrder", ROLE_READ},
    {"/shop.v1.OrderService/BatchGetOrders", ROLE_READ},
    {"/shop.v1.OrderService/ListOrders", ROLE_READ},
    {"/shop.v1.OrderService/ListOrderEvents", ROLE_READ},
    {"/shop.v1.OrderService/FollowOrderEvents", ROLE_READ},
    {"/shop.v1.AdminService/ListDeadLetters", ROLE_ADMIN},
    {"/shop.v1.AdminService/GetDeadLetter", ROLE_ADMIN},
    {"/shop.v1.AdminService/RequeueDeadLetter", ROLE_ADMIN},
    {"/shop.v1.AdminService/DiscardDeadLetter", ROLE_ADMIN},
    {"/shop.v1.AdminService/Audit", ROLE_ADMIN},
    {"/shop.v1.AdminService/RepairStock", ROLE_ADMIN},
    {"/shop.v1.AdminService/RebuildStock", ROLE_ADMIN},
    {"/shop.v1.ProductService/CreateProduct", ROLE_CATALOGUE},
    {"/shop.v1.ProductService/UpdateProduct", ROLE_CATALOGUE},
    {"/shop.v1.ProductService/DeleteProduct", ROLE_CATALOGUE},
    {"/shop.v1.ProductService/AdjustStock", ROLE_CATALOGUE},
    {"/shop.v1.ProductService/SetStock", ROLE_CATALOGUE},
    {"/shop.v1.ProductService/GetProduct", ROLE_READ},
    {"/shop.v1.ProductService/BatchGetProducts", ROLE_READ},
    {"/shop.v1.ProductService/ListProducts", ROLE_READ},
    {"/shop.v1.ProductService/GetStock", ROLE_READ},
    {"/shop.v1.ProductService/ListStock", ROLE_READ},
    {"/shop.v1.ProductService/ListStockMovements", ROLE_READ},
    {"/shop.v1.ProductService/ExplainStock", ROLE_READ},
};
#define ROLES_OF_COUNT (sizeof ROLES_OF / sizeof ROLES_OF[0])

static void expect_roles(const ProtobufCServiceDescriptor *service)
{
    for (unsigned i = 0; i < service->n_methods; i++) {
        char path[128];
        size_t at = 0;
        (void)snprintf(path, sizeof path, "/%s/%s", service->name, service->methods[i].name);
        while (at < ROLES_OF_COUNT && strcmp(ROLES_OF[at].method, path) != 0) {
            at++;
        }
        if (at == ROLES_OF_COUNT) {
            fail_msg("nobody has said who may call %s: see docs/SECURITY.md", path);
        }
        assert_int_equal(policy_role_of(path), ROLES_OF[at].role);
    }
}

static void test_each_method_takes_its_role(void **state)
{
    (void)state;
    expect_roles(&shop__v1__admin_service__descriptor);
    expect_roles(&shop__v1__order_service__descriptor);
    expect_roles(&shop__v1__product_service__descriptor);
    expect_roles(&grpc__health__v1__health__descriptor);
    expect_roles(&rpc__v1__admin__descriptor);
    expect_roles(&rpc__v1__reflection__descriptor);
    assert_int_equal(policy_role_of("/shop.v1.OrderServiceX/GetOrder"), ROLE_ADMIN);
    assert_int_equal(policy_role_of("/another.Service/Get"), ROLE_ADMIN);
}

static void test_a_call_without_its_role_is_refused(void **state)
{
    (void)state;
    struct policy *policy = NULL;
    struct failure failure;
    struct rpc_call call;
    assert_int_equal(load("cn:operator admin", &policy, &failure), STATUS_OK);
    fake_call_init(&call, NULL, NULL, 0);
    assert_int_equal(policy_authorize(policy, &call, &failure), STATUS_PERMISSION_DENIED);
    assert_string_equal(failure.reason, "ROLE_MISSING");
    assert_string_equal(failure.metadata[0].value, "admin"); /* of what nobody has named */
    fake_call_fini(&call);
    policy_destroy(&policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles_are_those_of_the_line_and_of_all),
        cmocka_unit_test(test_an_empty_policy_allows_nothing),
        cmocka_unit_test(test_a_bad_line_is_named),
        cmocka_unit_test(test_each_method_takes_its_role),
        cmocka_unit_test(test_a_call_without_its_role_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
