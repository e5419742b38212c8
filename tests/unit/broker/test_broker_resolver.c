#include "broker/broker_resolver.h"
#include "tests/cmocka_all.h"

static enum status check(struct broker_resolver *resolver, const char *host, int64_t timeout_ms)
{
    struct failure failure;
    return broker_resolver_check(resolver, host, clock_monotonic_ms(clock_system()) + timeout_ms,
                                 clock_system(), &failure);
}

static void test_addresses_and_known_names_resolve(void **state)
{
    (void)state;
    struct broker_resolver resolver = {0};
    assert_int_equal(check(&resolver, "127.0.0.1", 0), STATUS_OK);
    assert_int_equal(check(&resolver, "::1", 0), STATUS_OK);
    assert_int_equal(check(&resolver, "localhost", 20000), STATUS_OK);
    assert_null(resolver.running);
    broker_resolver_fini(&resolver);
}

/* Whether there is a DNS server or none: it ends by the deadline, and the lookup goes on by itself.
 */
static void test_an_unknown_name_is_unavailable_in_time(void **state)
{
    (void)state;
    struct broker_resolver resolver = {0};
    int64_t begin_ms = clock_monotonic_ms(clock_system());
    assert_int_equal(check(&resolver, "no-such-host.invalid", 100), STATUS_UNAVAILABLE);
    assert_int_equal(check(&resolver, "no-such-host.invalid", 0), STATUS_UNAVAILABLE);
    assert_true(clock_monotonic_ms(clock_system()) - begin_ms < 5000);
    broker_resolver_fini(&resolver);
    assert_null(resolver.running);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_and_known_names_resolve),
        cmocka_unit_test(test_an_unknown_name_is_unavailable_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
