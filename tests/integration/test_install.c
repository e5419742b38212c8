/* The client library, installed: what tests/install/check finds, against a real server. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/cmocka_all.h"
#include "tests/support/system.h"

#define CHECK_TIMEOUT_MS 300000 /* seven builds of a small program on a busy machine */

static struct system shop;

static int setup(void **state)
{
    (void)state;
    system_start(&shop);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    system_destroy(&shop);
    return 0;
}

/* Issue 3, item 8. */
static void a_stranger_can_build_against_it(void **state)
{
    (void)state;
    const char *source = getenv("ORDER_SOURCE_DIR"), *build = getenv("ORDER_BUILD_DIR");
    assert_non_null(source);
    assert_non_null(build);
    struct rpc_channel *channel = system_open_channel(&shop, 0);
    system_create_product(channel, "tea", 10);
    rpc_channel_close(&channel);

    char script[512], log[128];
    (void)snprintf(script, sizeof script, "%s/tests/install/check", source);
    (void)snprintf(log, sizeof log, "%s/install.log", shop.directory);
    const char *const argv[] = {script, build, source, shop.ipc[0], "tea", NULL};
    const char *const environment[] = {NULL};
    struct process check;
    process_start(&check, argv, environment, log);
    int code = process_wait(&check, CHECK_TIMEOUT_MS);
    if (code != 0) {
        process_show_log(&check);
    }
    assert_int_equal(code, 0);
    system_wait_settled(&shop, 60000);
    assert_int_equal(system_available(&shop, "tea"), 7); /* three examples, a unit each */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_stranger_can_build_against_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
