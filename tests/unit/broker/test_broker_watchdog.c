#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "broker/broker_watchdog.h"
#include "tests/cmocka_all.h"

#define SOON_MS  20
#define LATER_MS 20000

static struct broker_watchdog *watchdog;
static int ends[2];

static int set_up(void **state)
{
    (void)state;
    watchdog = broker_watchdog_create();
    assert_non_null(watchdog);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_true(broker_watchdog_watch(watchdog, ends[0]));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    broker_watchdog_destroy(&watchdog);
    assert_null(watchdog);
    (void)close(ends[0]);
    (void)close(ends[1]);
    return 0;
}

/* The other end sees the shutdown. */
static bool is_shut(int timeout_ms)
{
    struct pollfd poll_end = {.fd = ends[1], .events = POLLIN};
    char byte;
    return poll(&poll_end, 1, timeout_ms) == 1 && read(ends[1], &byte, 1) == 0;
}

static void test_shuts_down_what_outlives_its_deadline(void **state)
{
    (void)state;
    broker_watchdog_arm(watchdog, SOON_MS);
    assert_true(is_shut(LATER_MS));
    assert_true(broker_watchdog_disarm(watchdog));
}

static void test_a_blocked_write_comes_back(void **state)
{
    (void)state;
    static char bytes[1 << 20];
    broker_watchdog_arm(watchdog, SOON_MS);
    ssize_t written = 0;
    while (written >= 0) {
        written = send(ends[0], bytes, sizeof bytes, MSG_NOSIGNAL);
    }
    assert_true(broker_watchdog_disarm(watchdog));
}

static void test_leaves_alone_what_is_disarmed(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        broker_watchdog_arm(watchdog, LATER_MS);
        assert_false(broker_watchdog_disarm(watchdog));
    }
    broker_watchdog_arm(watchdog, SOON_MS);
    if (!broker_watchdog_disarm(watchdog)) { /* unless this thread slept that long */
        assert_false(is_shut(3 * SOON_MS));
    }
}

static void test_an_earlier_deadline_wakes_it(void **state)
{
    (void)state;
    broker_watchdog_arm(watchdog, LATER_MS);
    (void)broker_watchdog_disarm(watchdog);
    int64_t begin_ms = clock_monotonic_ms(clock_system());
    broker_watchdog_arm(watchdog, SOON_MS);
    assert_true(is_shut(LATER_MS / 2));
    assert_true(clock_monotonic_ms(clock_system()) - begin_ms < LATER_MS / 2);
}

static void test_forgotten_sockets_stay_open(void **state)
{
    (void)state;
    broker_watchdog_arm(watchdog, LATER_MS);
    broker_watchdog_forget(watchdog);
    broker_watchdog_arm(watchdog, 0); /* nothing to shut down */
    assert_false(is_shut(50));
    (void)broker_watchdog_disarm(watchdog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shuts_down_what_outlives_its_deadline, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_blocked_write_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_leaves_alone_what_is_disarmed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_earlier_deadline_wakes_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forgotten_sockets_stay_open, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
