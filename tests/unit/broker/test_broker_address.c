#include <string.h>

#include "broker/broker_address.h"
#include "tests/cmocka_all.h"

static void test_parts_are_percent_decoded(void **state)
{
    (void)state;
    struct broker_address address;
    assert_int_equal(
        broker_address_init("amqp://us%40er:p%3Aa%2Fs@mq.example:5673/v%2Fh", &address, NULL),
        STATUS_OK);
    assert_string_equal(address.user, "us@er");
    assert_string_equal(address.password, "p:a/s");
    assert_string_equal(address.host, "mq.example");
    assert_int_equal(address.port, 5673);
    assert_string_equal(address.vhost, "v/h");
    assert_false(address.tls);
    broker_address_fini(&address);
}

static void test_what_is_missing_has_defaults(void **state)
{
    (void)state;
    struct broker_address address;
    assert_int_equal(broker_address_init("amqp://mq", &address, NULL), STATUS_OK);
    assert_string_equal(address.user, "guest");
    assert_int_equal(address.port, 5672);
    assert_string_equal(address.vhost, "/");
    broker_address_fini(&address);
    assert_int_equal(broker_address_init("amqps://u:p@mq/", &address, NULL), STATUS_OK);
    assert_true(address.tls);
    assert_int_equal(address.port, 5671);
    assert_string_equal(address.vhost, "/");
    broker_address_fini(&address);
    assert_int_equal(broker_address_init("amqp://u:p@[::1]:1/%2F", &address, NULL), STATUS_OK);
    assert_string_equal(address.host, "::1");
    assert_string_equal(address.vhost, "/");
    broker_address_fini(&address);
}

static void test_the_callers_text_is_not_touched(void **state)
{
    (void)state;
    char url[] = "amqp://a%20b:c@h/v";
    struct broker_address address;
    assert_int_equal(broker_address_init(url, &address, NULL), STATUS_OK);
    assert_string_equal(url, "amqp://a%20b:c@h/v");
    broker_address_fini(&address);
}

static void test_bad_urls_are_refused_without_the_password(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        "http://h",
        "amqp://h:port/",
        "amqp://h:70000/",
        "amqp://h/a/b",
        "amqp://u:se%ret@h",
        "amqp://[::1/",
        "amqp://u:secret@h:x/",
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct broker_address address;
        struct failure failure;
        assert_int_equal(broker_address_init(BAD[i], &address, &failure), STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.reason, "BROKER_URL_INVALID");
        assert_null(strstr(failure.message, "secret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_are_percent_decoded),
        cmocka_unit_test(test_what_is_missing_has_defaults),
        cmocka_unit_test(test_the_callers_text_is_not_touched),
        cmocka_unit_test(test_bad_urls_are_refused_without_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
