/* The progress line by a clock of the test's. */
#include <stdlib.h>

#include "client/cli/progress.h"
#include "tests/cmocka_all.h"

static int64_t now_us;

static int64_t tell_now(void *state)
{
    (void)state;
    return now_us;
}

static const struct clock CLOCK = {.monotonic_us = tell_now, .unix_us = tell_now};

static void draws_a_bar_with_rate_and_time_left(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct progress progress;
    now_us = 0;
    progress_begin(&progress, out, true, &CLOCK, "some/where/orders.csv", "orders", 1000);
    progress_show(&progress, 0, 0);
    now_us = 50000;
    progress_show(&progress, 100, 10); /* too soon after the first */
    now_us = 2000000;
    progress_show(&progress, 500, 400);
    now_us = 4000000;
    progress_show(&progress, 1000, 800);
    progress_clear(&progress);
    progress_clear(&progress);
    fclose(out);
    assert_string_equal(
        text, "\r\033[Korders.csv  [>                   ]   0%  0 orders"
              "\r\033[Korders.csv  [==========>         ]  50%  400 orders  200/s  2 s left"
              "\r\033[Korders.csv  [====================] 100%  800 orders  200/s  0 s left"
              "\r\033[K");
    free(text);
}

static void knows_no_end_of_a_pipe(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct progress progress;
    now_us = 0;
    progress_begin(&progress, out, true, &CLOCK, "-", "orders", 0);
    now_us = 1000000;
    progress_show(&progress, 12345, 100);
    fclose(out);
    assert_string_equal(text, "\r\033[K-  100 orders  100/s");
    free(text);
}

static void is_silent_where_there_is_no_terminal(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct progress progress;
    progress_begin(&progress, out, false, &CLOCK, "orders.csv", "orders", 1000);
    now_us += 1000000;
    progress_show(&progress, 500, 400);
    progress_clear(&progress);
    fclose(out);
    assert_string_equal(text, "");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_a_bar_with_rate_and_time_left),
        cmocka_unit_test(knows_no_end_of_a_pipe),
        cmocka_unit_test(is_silent_where_there_is_no_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
