/* Who may call what, and policy files that are none. */
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

static void test_each_method_takes_its_role(void **state)
{
    (void)state;
    static const struct {
        const char *method;
        enum policy_role role;
    } cases[] = {
        {"/grpc.health.v1.Health/Check", ROLE_NONE},
        {"/rpc.v1.Admin/Ping", ROLE_NONE},
        {"/rpc.v1.Admin/Stats", ROLE_ADMIN},
        {"/rpc.v1.Reflection/ListServices", ROLE_READ},
        {"/shop.v1.OrderService/GetOrder", ROLE_READ},
        {"/shop.v1.OrderService/ListOrders", ROLE_READ},
        {"/shop.v1.OrderService/FollowOrderEvents", ROLE_READ},
        {"/shop.v1.OrderService/CreateOrder", ROLE_ORDER},
        {"/shop.v1.ProductService/BatchGetProducts", ROLE_READ},
        {"/shop.v1.OrderService/BatchCreateOrders", ROLE_ORDER},
        {"/shop.v1.ProductService/CreateProduct", ROLE_CATALOGUE},
        {"/shop.v1.ProductService/AdjustStock", ROLE_CATALOGUE},
        {"/shop.v1.OrderServiceX/GetOrder", ROLE_ADMIN},
        {"/another.Service/Get", ROLE_ADMIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(policy_role_of(cases[i].method), cases[i].role);
    }
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
