/* Which calls are worth a line, and how many lines a second. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "server/access_log.h"
#include "tests/cmocka_all.h"
#include "tests/fakes/fake_clock.h"

static struct fake_clock fake;
static char written[64 * 1024];

static void tell(struct access_log *log, enum status code)
{
    struct failure failure;
    (void)failure_set(&failure, code, "SOME_REASON", "why");
    const struct rpc_access access = {
        .method = "/shop.v1.OrderService/GetOrder",
        .call_id = "c-1",
        .attempt = 2,
        .traceparent = "",
        .peer = "uid:7",
        .principal = "local",
        .failure = code == STATUS_OK ? NULL : &failure,
        .duration_us = 123,
    };
    access_log_write(log, &access);
}

/* What `times` calls that end so write to standard error. */
static const char *lines_of(struct access_log *log, enum status code, int times)
{
    char path[] = "/tmp/test-access-log-XXXXXX";
    int file = mkstemp(path), saved = dup(STDERR_FILENO);
    assert_true(file >= 0 && saved >= 0);
    (void)unlink(path);
    (void)dup2(file, STDERR_FILENO);
    for (int i = 0; i < times; i++) {
        tell(log, code);
    }
    (void)dup2(saved, STDERR_FILENO);
    (void)close(saved);
    ssize_t size = pread(file, written, sizeof written - 1, 0);
    (void)close(file);
    written[size > 0 ? size : 0] = '\0';
    return written;
}

static int count_lines(const char *text)
{
    int lines = 0;
    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    return lines;
}

static struct access_log make_log(enum log_level level)
{
    log_init("order-test", level);
    fake_clock_init(&fake);
    return (struct access_log){.clock = &fake.clock};
}

static void test_successes_are_for_debugging(void **state)
{
    (void)state;
    struct access_log log = make_log(LOG_INFO);
    assert_string_equal(lines_of(&log, STATUS_OK, 5), "");
    log = make_log(LOG_DEBUG);
    assert_int_equal(count_lines(lines_of(&log, STATUS_OK, 50)), 50);
    assert_non_null(strstr(written, "call method=/shop.v1.OrderService/GetOrder code=OK us=123 "
                                    "call_id=c-1 attempt=2 peer=uid:7 principal=local "));
}

static void test_failures_say_whose_they_are(void **state)
{
    (void)state;
    struct access_log log = make_log(LOG_INFO);
    assert_non_null(strstr(lines_of(&log, STATUS_NOT_FOUND, 1), " info  "));
    assert_non_null(strstr(written, "code=NOT_FOUND"));
    assert_non_null(strstr(written, "reason=SOME_REASON message=why"));
    assert_non_null(strstr(lines_of(&log, STATUS_UNAVAILABLE, 1), " warn  "));
}

static void test_a_storm_of_failures_is_sampled(void **state)
{
    (void)state;
    struct access_log log = make_log(LOG_INFO);
    assert_int_equal(count_lines(lines_of(&log, STATUS_UNAVAILABLE, 500)), ACCESS_LINES_PER_S);
    assert_int_equal(count_lines(lines_of(&log, STATUS_NOT_FOUND, 1)), 1); /* not its storm */
    fake_clock_pass_ms(&fake, 1000);
    assert_int_equal(count_lines(lines_of(&log, STATUS_UNAVAILABLE, 1)), 1);
    assert_non_null(strstr(written, "left_out=490"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_successes_are_for_debugging),
        cmocka_unit_test(test_failures_say_whose_they_are),
        cmocka_unit_test(test_a_storm_of_failures_is_sampled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
