/* --watch: shown again and again, whatever the server says in between, until Ctrl-C. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/stop.h"
#include "client/cli/cli.h"
#include "run_orderctl.h"
#include "tests/cmocka_all.h"
#include "toy_shop.h"

#define LOOKS  3
#define TABLE  "PRODUCT  AVAILABLE"
#define CLEARS "\033[H\033[2J"

static struct toy_shop shop;

static int open_shop(void **state)
{
    (void)state;
    toy_shop_start(&shop);
    struct run run = run_orderctl(
        shop.endpoint, "product create tea --name Tea --price 1 --currency USD --on-hand 3");
    assert_int_equal(run.code, CLI_OK);
    run_free(&run);
    return 0;
}

static int close_shop(void **state)
{
    (void)state;
    toy_shop_stop(&shop);
    return 0;
}

/* Ctrl-C, once the shop was asked so often (the product's creation is a call, too). */
static void *stop_after_looks(void *data)
{
    (void)data;
    while (atomic_load(&shop.calls) < 1 + LOOKS) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    stop_request();
    return NULL;
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

static void what_the_server_refuses_ends_it(void **state)
{
    (void)state;
    struct run run = run_orderctl(shop.endpoint, "order show none --watch");
    assert_int_equal(run.code, CLI_REFUSED);
    assert_string_equal(run.out, "");
    assert_int_equal(count_of(run.err, "ORDER_NOT_FOUND"), 1);
    run_free(&run);
}

/* The last test: a stop is for good. */
static void shows_it_again_after_a_failure_until_it_is_stopped(void **state)
{
    (void)state;
    shop.fail_code = STATUS_DEADLINE_EXCEEDED;
    atomic_store(&shop.fail_next, 1);
    char *argv[] = {(char[]){"orderctl"}, (char[]){"stock"},      (char[]){"list"},
                    (char[]){"--watch"},  (char[]){"--interval"}, (char[]){"100ms"}};
    char *out, *err;
    size_t out_size, err_size;
    struct cli_environment environment = {.endpoint = shop.endpoint,
                                          .in = stdin,
                                          .out = open_memstream(&out, &out_size),
                                          .err = open_memstream(&err, &err_size),
                                          .out_is_terminal = true,
                                          .clock = clock_system(),
                                          .stop_init = stop_init};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_after_looks, NULL), 0);
    assert_int_equal(cli_run(&environment, 6, argv), CLI_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)fclose(environment.out);
    (void)fclose(environment.err);
    assert_int_equal(count_of(err, "TOLD_TO_FAIL"), 1);
    size_t tables = count_of(out, TABLE);
    assert_true(tables >= LOOKS - 1);
    assert_int_equal(count_of(out, CLEARS), tables + 1); /* the failure, too, has a screen */
    assert_int_equal(count_of(out, CLEARS TABLE), tables);
    free(out);
    free(err);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_shop, close_shop)
    const struct CMUnitTest tests[] = {
        TEST(what_the_server_refuses_ends_it),
        TEST(shows_it_again_after_a_failure_until_it_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
