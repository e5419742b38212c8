#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http_watch.h"
#include "tests/cmocka_all.h"

#define CUT_WAIT_MS 10000 /* until a test gives up on what should come in half a second */

static bool is_cut(int socket, int wait_ms)
{
    struct pollfd poller = {.fd = socket, .events = POLLIN};
    char byte;
    return poll(&poller, 1, wait_ms) == 1 && read(socket, &byte, 1) == 0;
}

static void test_only_the_overdue_is_cut(void **state)
{
    (void)state;
    struct http_watch *watch;
    struct failure failure;
    int slow[2], fine[2];
    assert_int_equal(http_watch_start(clock_system(), &watch, &failure), STATUS_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, slow), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fine), 0);
    struct http_watched *watched_slow = http_watch_add(watch, slow[0], 3600000);
    struct http_watched *watched_fine = http_watch_add(watch, fine[0], 1);
    http_watch_limit(watched_fine, 0);
    http_watch_limit(watched_slow, 1);
    assert_true(is_cut(slow[1], CUT_WAIT_MS));
    assert_false(is_cut(fine[1], 0));
    http_watch_limit(watched_fine, 1);
    assert_true(is_cut(fine[1], CUT_WAIT_MS));
    http_watch_remove(watched_slow);
    http_watch_remove(watched_fine);
    http_watch_stop(&watch);
    assert_null(watch);
    http_watch_stop(&watch);
    for (size_t i = 0; i < 2; i++) {
        (void)close(slow[i]);
        (void)close(fine[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_overdue_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
