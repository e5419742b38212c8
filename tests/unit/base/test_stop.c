#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/stop.h"
#include "tests/cmocka_all.h"

/* Each in a process of its own: a stop cannot be taken back. */
static int in_child(void (*play)(void))
{
    pid_t child = fork();
    if (child == 0) {
        play();
        _exit(99);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void one_signal(void)
{
    if (!stop_init() || stop_requested() || stop_wait(0)) {
        _exit(1);
    }
    (void)kill(getpid(), SIGTERM);
    _exit(stop_wait(10000) && stop_requested() ? 0 : 2);
}

static void two_signals(void)
{
    (void)stop_init();
    (void)kill(getpid(), SIGINT);
    (void)stop_wait(10000);
    (void)kill(getpid(), SIGTERM);
    for (;;) {
        (void)pause();
    }
}

static void from_within(void)
{
    (void)stop_init();
    stop_request();
    _exit(stop_wait(-1) ? 0 : 1);
}

static void test_a_signal_is_a_request(void **state)
{
    (void)state;
    assert_int_equal(in_child(one_signal), 0);
}

static void test_a_second_signal_ends_at_once(void **state)
{
    (void)state;
    assert_int_equal(in_child(two_signals), 128 + SIGTERM);
}

static void test_a_program_may_ask_itself(void **state)
{
    (void)state;
    assert_int_equal(in_child(from_within), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_signal_is_a_request),
        cmocka_unit_test(test_a_second_signal_ends_at_once),
        cmocka_unit_test(test_a_program_may_ask_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
