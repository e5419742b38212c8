/* Which endpoints there are, and which of them are loopback. */
#include <stdio.h>
#include <string.h>

#include "rpc/endpoint.h"
#include "tests/cmocka_all.h"

static struct endpoint parse(const char *text)
{
    struct endpoint endpoint = {0};
    struct failure failure = {0};
    if (endpoint_parse(text, &endpoint, &failure) != STATUS_OK) {
        fail_msg("%s", failure.message);
    }
    return endpoint;
}

static void refused(const char *text)
{
    struct endpoint endpoint;
    struct failure failure = {0};
    if (endpoint_parse(text, &endpoint, &failure) == STATUS_OK) {
        fail_msg("%s was taken", text);
    }
    assert_int_equal(failure.code, STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, "ENDPOINT_INVALID");
}

static void test_reads_both_transports(void **state)
{
    (void)state;
    struct endpoint ipc = parse("ipc:///run/order.sock");
    assert_true(ipc.is_ipc);
    assert_string_equal(ipc.address, "/run/order.sock");
    struct endpoint tcp = parse("tcp://db.example:7400");
    assert_false(tcp.is_ipc);
    assert_string_equal(tcp.address, "db.example:7400");
}

static void test_knows_loopback(void **state)
{
    (void)state;
    assert_true(parse("tcp://127.0.0.1:1").is_loopback);
    assert_true(parse("tcp://127.9.9.9:65535").is_loopback);
    assert_true(parse("tcp://[::1]:7400").is_loopback);
    assert_true(parse("tcp://localhost:7400").is_loopback);
    assert_false(parse("tcp://0.0.0.0:7400").is_loopback);
    assert_false(parse("tcp://[::]:7400").is_loopback);
    assert_false(parse("tcp://10.0.0.1:7400").is_loopback);
    assert_false(parse("tcp://127.0.0.1.example.org:7400").is_loopback);
    assert_false(parse("tcp://localhost.example.org:7400").is_loopback);
}

static void test_refuses_what_is_none(void **state)
{
    (void)state;
    refused("");
    refused("order.sock");
    refused("http://localhost:7400");
    refused("ipc://");
    refused("tcp://");
    refused("tcp://localhost");
    refused("tcp://:7400");
    refused("tcp://localhost:");
    refused("tcp://localhost:port");
    refused("tcp://localhost:65536");
    refused("tcp://localhost:-1");
    refused("tcp://localhost:7400/path");
    refused("tcp://[::1:7400");
    refused("tcp://[::1]7400");
}

static void test_path_has_107_bytes_at_most(void **state)
{
    (void)state;
    char text[160];
    (void)snprintf(text, sizeof text, "ipc://%0107d", 0);
    assert_int_equal(strlen(parse(text).address), 107);
    (void)snprintf(text, sizeof text, "ipc://%0108d", 0);
    refused(text);
    (void)snprintf(text, sizeof text, "tcp://%0140d:1", 0);
    refused(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_both_transports),
        cmocka_unit_test(test_knows_loopback),
        cmocka_unit_test(test_refuses_what_is_none),
        cmocka_unit_test(test_path_has_107_bytes_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
