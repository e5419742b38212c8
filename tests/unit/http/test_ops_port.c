/* The port for those who run a program: alive, ready, metrics. */
#include <stdlib.h>
#include <string.h>

#include "http/ops_port.h"
#include "tests/cmocka_all.h"
#include "tests/support/http_get.h"

static _Atomic bool is_ready;
static struct ops_port *port;

static void ready(void *context, struct http_request *http)
{
    (void)context;
    ops_port_answer_ready(http, is_ready ? NULL : "a reason\n");
}

static void print(void *context, struct ops_page *page)
{
    (void)context;
    ops_page_family(page, "calls_total", "counter", "Calls.");
    ops_page_int(page, "calls_total", "method=\"/a\"", 7);
    ops_page_gauge(page, "depth", "How deep.", -3);
    ops_page_seconds(page, "lag_seconds", "", 1500000);
    static const int64_t BOUNDS_US[] = {500, 33554432};
    static const uint64_t COUNTS[] = {2, 0, 3};
    const struct ops_histogram histogram = {
        .bounds_us = BOUNDS_US, .counts = COUNTS, .bound_count = 2, .sum_us = 100000001};
    ops_page_family(page, "call_seconds", "histogram", "How long.");
    ops_page_histogram(page, "call_seconds", "method=\"/a\"", &histogram);
    ops_page_histogram(page, "bare_seconds", "", &histogram);
}

static int setup(void **state)
{
    (void)state;
    const struct ops_port_options options = {
        .listen = "127.0.0.1:0", .ask_ready = ready, .print = print, .clock = clock_system()};
    struct failure failure;
    is_ready = true;
    return ops_port_start(&options, &port, &failure) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    ops_port_stop(&port);
    assert_null(port);
    ops_port_stop(&port);
    return 0;
}

static void expect(const char *verb, const char *path, const char *status, const char *words)
{
    char *answer = http_get(ops_port_number(port), verb, path);
    if (strstr(answer, status) == NULL || strstr(answer, words) == NULL) {
        fail_msg("%s %s: no '%s' or no '%s' in: %s", verb, path, status, words, answer);
    }
    free(answer);
}

static void test_alive_and_ready_are_two_things(void **state)
{
    (void)state;
    expect("GET", "/healthz", " 200 ", "ok\n");
    expect("GET", "/readyz", " 200 ", "ok\n");
    is_ready = false;
    expect("GET", "/healthz", " 200 ", "ok\n");
    expect("GET", "/readyz", " 503 ", "a reason\n");
}

static void test_metrics_are_in_prometheus_format(void **state)
{
    (void)state;
    expect("GET", "/metrics", " 200 ",
           "# HELP calls_total Calls.\n# TYPE calls_total counter\n"
           "calls_total{method=\"/a\"} 7\n"
           "# HELP depth How deep.\n# TYPE depth gauge\ndepth -3\nlag_seconds 1.500000\n"
           "# HELP call_seconds How long.\n# TYPE call_seconds histogram\n"
           "call_seconds_bucket{method=\"/a\",le=\"0.0005\"} 2\n"
           "call_seconds_bucket{method=\"/a\",le=\"33.554432\"} 2\n"
           "call_seconds_bucket{method=\"/a\",le=\"+Inf\"} 5\n"
           "call_seconds_sum{method=\"/a\"} 100.000001\n"
           "call_seconds_count{method=\"/a\"} 5\n"
           "bare_seconds_bucket{le=\"0.0005\"} 2\n"
           "bare_seconds_bucket{le=\"33.554432\"} 2\n"
           "bare_seconds_bucket{le=\"+Inf\"} 5\n"
           "bare_seconds_sum 100.000001\nbare_seconds_count 5\n");
    expect("GET", "/metrics", " 200 ", "Content-Type: text/plain; version=0.0.4");
}

static void test_anything_else_is_refused(void **state)
{
    (void)state;
    expect("GET", "/", " 404 ", "/metrics");
    expect("POST", "/metrics", " 405 ", "Allow: GET, HEAD");
}

static void test_an_address_that_is_none_is_refused(void **state)
{
    (void)state;
    struct ops_port *other = NULL;
    struct failure failure;
    const struct ops_port_options options = {
        .listen = "not an address", .ask_ready = ready, .print = print, .clock = clock_system()};
    assert_int_not_equal(ops_port_start(&options, &other, &failure), STATUS_OK);
    assert_null(other);
}

static void test_a_page_that_is_full_leaves_out_what_does_not_fit(void **state)
{
    (void)state;
    struct arena arena;
    struct ops_page page;
    arena_init(&arena, 4096, 2 * OPS_PAGE_BYTES_MAX);
    assert_true(ops_page_init(&page, &arena));
    for (int i = 0; i < OPS_PAGE_BYTES_MAX / 4; i++) {
        ops_page_int(&page, "n", "", 1);
    }
    assert_true(page.size < OPS_PAGE_BYTES_MAX);
    assert_true(page.size > OPS_PAGE_BYTES_MAX - 16);
    assert_int_equal(page.data[page.size - 1], '\n');
    arena_fini(&arena);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_alive_and_ready_are_two_things),
        TEST(test_metrics_are_in_prometheus_format),
        TEST(test_anything_else_is_refused),
        TEST(test_an_address_that_is_none_is_refused),
        cmocka_unit_test(test_a_page_that_is_full_leaves_out_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
