#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "gateway/origin.h"
#include "tests/cmocka_all.h"

static struct origin_address address(const char *text)
{
    struct origin_address out;
    char mapped[64];
    (void)snprintf(mapped, sizeof mapped, "%s%s", strchr(text, ':') == NULL ? "::ffff:" : "", text);
    assert_int_equal(inet_pton(AF_INET6, mapped, out.bytes), 1);
    return out;
}

static void expect(const char *trusted, const char *peer, const char *forwarded, const char *origin)
{
    struct origin_proxies proxies;
    assert_true(origin_parse_proxies(trusted, &proxies));
    struct origin_address found = origin_find(&proxies, address(peer), forwarded);
    struct origin_address wanted = address(origin);
    if (memcmp(&found, &wanted, sizeof found) != 0) {
        char text[INET6_ADDRSTRLEN];
        print_error("%s, from %s: %s, not %s\n", forwarded, peer,
                    inet_ntop(AF_INET6, found.bytes, text, sizeof text), origin);
        fail();
    }
}

static void test_who_is_not_trusted_is_the_origin(void **state)
{
    (void)state;
    expect("", "9.9.9.9", "1.1.1.1", "9.9.9.9");
    expect("10.0.0.0/8", "9.9.9.9", "1.1.1.1", "9.9.9.9");
    expect("10.0.0.0/8", "10.1.2.3", NULL, "10.1.2.3");
    expect("10.0.0.0/8", "10.1.2.3", "", "10.1.2.3");
}

static void test_what_a_caller_forges_is_not_reached(void **state)
{
    (void)state;
    expect("10.0.0.0/8", "10.1.2.3", "1.1.1.1", "1.1.1.1");
    expect("10.0.0.0/8", "10.1.2.3", "7.7.7.7, 10.0.0.1,1.1.1.1", "1.1.1.1");
    expect("10.0.0.0/8", "10.1.2.3", "7.7.7.7,1.1.1.1 , 10.9.9.9", "1.1.1.1");
    expect("10.0.0.0/8", "10.1.2.3", "10.4.4.4", "10.4.4.4");
    expect("10.0.0.0/8", "10.1.2.3", "7.7.7.7,unknown", "10.1.2.3");
    expect("10.0.0.0/8", "10.1.2.3", "7.7.7.7,", "10.1.2.3");
    expect("10.0.0.0/8", "10.1.2.3", ",,,", "10.1.2.3");
}

static void test_forms_of_addresses(void **state)
{
    (void)state;
    expect("::1,10.0.0.1", "::1", "1.1.1.1:4711", "1.1.1.1");
    expect("::1,10.0.0.1", "10.0.0.1", "[2001:db8::7]:80", "2001:db8::7");
    expect("::1", "::1", "2001:db8::7", "2001:db8::7");
    expect("2001:db8::/33", "2001:db8:7fff::1", "1.1.1.1", "1.1.1.1");
    expect("2001:db8::/33", "2001:db8:8000::1", "1.1.1.1", "2001:db8:8000::1");
    expect("10.0.0.0/31", "10.0.0.1", "1.1.1.1", "1.1.1.1");
    expect("10.0.0.0/31", "10.0.0.2", "1.1.1.1", "10.0.0.2");
    expect("0.0.0.0/0", "8.8.8.8", "1.1.1.1", "1.1.1.1");
    expect("0.0.0.0/0", "2001:db8::1", "1.1.1.1", "2001:db8::1");
}

static void test_what_is_no_list(void **state)
{
    (void)state;
    struct origin_proxies proxies;
    const char *const bad[] = {
        "proxy",      "10.0.0.0/33", "10.0.0.0/",    "10.0.0.0/x",           "/8",
        "10.0.0.1,x", "::1/129",     "10.0.0.1/8/8", "10.0.0.0/99999999999", ","};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (origin_parse_proxies(bad[i], &proxies)) {
            fail_msg("taken: %s", bad[i]);
        }
    }
    char many[16 * (ORIGIN_PROXIES_MAX + 1)];
    size_t used = (size_t)snprintf(many, sizeof many, "::1");
    for (int i = 1; i < ORIGIN_PROXIES_MAX; i++) {
        used += (size_t)snprintf(many + used, sizeof many - used, ",::1");
    }
    assert_true(origin_parse_proxies(many, &proxies));
    (void)snprintf(many + used, sizeof many - used, ",::1");
    assert_false(origin_parse_proxies(many, &proxies));
}

static void test_a_subscriber_is_an_ipv4_address_or_a_64(void **state)
{
    (void)state;
    struct origin_address one = address("2001:db8:1:2::1"), two = address("2001:db8:1:2::ffff"),
                          other = address("2001:db8:1:3::1"), four = address("1.2.3.4");
    assert_true(bytes_equal(origin_subscriber(&one), origin_subscriber(&two)));
    assert_false(bytes_equal(origin_subscriber(&one), origin_subscriber(&other)));
    assert_int_equal(origin_subscriber(&four).size, 4);
    assert_int_equal(origin_subscriber(&four).data[0], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_not_trusted_is_the_origin),
        cmocka_unit_test(test_what_a_caller_forges_is_not_reached),
        cmocka_unit_test(test_forms_of_addresses),
        cmocka_unit_test(test_what_is_no_list),
        cmocka_unit_test(test_a_subscriber_is_an_ipv4_address_or_a_64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
