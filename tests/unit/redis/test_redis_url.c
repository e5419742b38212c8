#include <string.h>

#include "redis/redis_url.h"
#include "tests/cmocka_all.h"

static void test_a_host_and_a_port(void **state)
{
    (void)state;
    struct redis_url url;
    assert_int_equal(redis_url_parse("redis://localhost:6380", &url, NULL), STATUS_OK);
    assert_string_equal(url.host, "localhost");
    assert_int_equal(url.port, 6380);
    assert_int_equal(url.database, 0);
    assert_string_equal(url.password, "");
}

static void test_what_is_not_said_has_a_default(void **state)
{
    (void)state;
    struct redis_url url;
    assert_int_equal(redis_url_parse("redis://localhost", &url, NULL), STATUS_OK);
    assert_int_equal(url.port, 6379);
    assert_int_equal(redis_url_parse("redis://localhost/", &url, NULL), STATUS_OK);
    assert_int_equal(url.database, 0);
}

static void test_credentials_and_database(void **state)
{
    (void)state;
    struct redis_url url;
    assert_int_equal(redis_url_parse("redis://user:p%40ss%2F%3a@[::1]:1/15", &url, NULL),
                     STATUS_OK);
    assert_string_equal(url.user, "user");
    assert_string_equal(url.password, "p@ss/:");
    assert_string_equal(url.host, "::1");
    assert_int_equal(url.port, 1);
    assert_int_equal(url.database, 15);
    assert_int_equal(redis_url_parse("redis://:a@b@host", &url, NULL), STATUS_OK);
    assert_string_equal(url.user, "");
    assert_string_equal(url.password, "a@b");
    assert_string_equal(url.host, "host");
}

static void test_unix_sockets(void **state)
{
    (void)state;
    struct redis_url url;
    assert_int_equal(redis_url_parse("unix:///run/redis.sock", &url, NULL), STATUS_OK);
    assert_string_equal(url.host, "");
    assert_string_equal(url.path, "/run/redis.sock");
    assert_int_equal(redis_url_parse("unix://:secret@/run/redis.sock?db=2", &url, NULL), STATUS_OK);
    assert_string_equal(url.path, "/run/redis.sock");
    assert_string_equal(url.password, "secret");
    assert_int_equal(url.database, 2);
}

static void test_a_socket_path_has_the_systems_limit(void **state)
{
    (void)state;
    struct redis_url url;
    char text[160] = "unix:///";
    memset(text + 8, 'x', 106);
    assert_int_equal(redis_url_parse(text, &url, NULL), STATUS_OK); /* 107 with the slash */
    text[8 + 106] = 'x';
    assert_int_equal(redis_url_parse(text, &url, NULL), STATUS_INVALID_ARGUMENT);
}

static void test_what_is_wrong_is_said_without_repeating_it(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "localhost:6379",
        "http://secret",
        "rediss://secret",
        "redis://",
        "redis://:6379",
        "redis://secret:0",
        "redis://secret:65536",
        "redis://secret:99999999999999999999",
        "redis://secret:",
        "redis://secret:12a",
        "redis://secret/x",
        "redis://secret/70000",
        "redis://secret/1/2",
        "redis://secret@host",
        "redis://user:@host",
        "redis://user:secret%0@host",
        "redis://user:secret%zz@host",
        "redis://user:secret%00@host",
        "redis://[::1",
        "redis://[]",
        "unix://secret",
        "unix:///path?secret=1",
        "unix:///path?db=",
    };
    struct redis_url url = {.port = -1};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct failure failure;
        assert_int_equal(redis_url_parse(wrong[i], &url, &failure), STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.reason, "REDIS_URL_INVALID");
        assert_null(strstr(failure.message, "secret"));
    }
    assert_int_equal(url.port, -1); /* written on success only */
}

static void test_parts_that_are_too_long(void **state)
{
    (void)state;
    struct redis_url url;
    char text[600] = "redis://:";
    size_t start = strlen(text);
    memset(text + start, 'p', REDIS_URL_PART_BYTES - 1);
    memcpy(text + start + REDIS_URL_PART_BYTES - 1, "@h", 3);
    assert_int_equal(redis_url_parse(text, &url, NULL), STATUS_OK);
    memset(text + start, 'p', REDIS_URL_PART_BYTES);
    memcpy(text + start + REDIS_URL_PART_BYTES, "@h", 3);
    assert_int_equal(redis_url_parse(text, &url, NULL), STATUS_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_host_and_a_port),
        cmocka_unit_test(test_what_is_not_said_has_a_default),
        cmocka_unit_test(test_credentials_and_database),
        cmocka_unit_test(test_unix_sockets),
        cmocka_unit_test(test_a_socket_path_has_the_systems_limit),
        cmocka_unit_test(test_what_is_wrong_is_said_without_repeating_it),
        cmocka_unit_test(test_parts_that_are_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
