/* orderctl export: files that are begun, refused, gone on with. Killed ones are in
 * tests/integration/test_order_answers.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/cli.h"
#include "run_orderctl.h"
#include "tests/cmocka_all.h"
#include "toy_shop.h"

static struct toy_shop shop;
static char path[64], part[80];

static int open_shop(void **state)
{
    (void)state;
    toy_shop_start(&shop);
    (void)snprintf(path, sizeof path, "/tmp/test-export-%d", (int)getpid());
    (void)snprintf(part, sizeof part, "%s.part", path);
    for (int i = 0; i < 3; i++) {
        char line[128];
        (void)snprintf(line, sizeof line, "product create p%d --name P --price 1 --currency USD",
                       i);
        struct run run = run_orderctl(shop.endpoint, line);
        run_free(&run);
    }
    struct run run = run_orderctl(shop.endpoint, "stock adjust p0 100 --reason x");
    run_free(&run);
    return 0;
}

static int close_shop(void **state)
{
    (void)state;
    toy_shop_stop(&shop);
    (void)unlink(path);
    (void)unlink(part);
    return 0;
}

static void order(const char *ref)
{
    char line[128];
    (void)snprintf(line, sizeof line, "order create --customer anna --ref %s p0=1", ref);
    struct run run = run_orderctl(shop.endpoint, line);
    assert_string_equal(run.err, "");
    run_free(&run);
}

static int export_to(const char *file, const char *options, const char *said)
{
    char line[512];
    (void)snprintf(line, sizeof line, "export orders %s %s", file, options);
    struct run run = run_orderctl(shop.endpoint, line);
    if (strstr(run.err, said) == NULL) {
        fail_msg("%s: no '%s' in: %s", line, said, run.err);
    }
    int code = run.code;
    run_free(&run);
    return code;
}

static size_t count_lines(void)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t lines = 0;
    for (int c; (c = fgetc(file)) != EOF;) {
        lines += c == '\n' ? 1 : 0;
    }
    (void)fclose(file);
    return lines;
}

static void writes_a_row_for_each_line_and_leaves_nothing_else(void **state)
{
    (void)state;
    order("r1");
    order("r2");
    assert_int_equal(export_to(path, "", ""), CLI_OK);
    assert_int_equal(count_lines(), 3);
    assert_int_equal(access(part, F_OK), -1);
    assert_int_equal(export_to(path, "", "the file exists"), CLI_USAGE);
    assert_int_equal(export_to(path, "--resume", "is complete"), CLI_OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(export_to(path, "--format jsonl --resume", ""), CLI_OK);
    assert_int_equal(count_lines(), 2);
}

static void goes_on_only_with_the_same_question(void **state)
{
    (void)state;
    order("r1");
    shop.fail_code = STATUS_INTERNAL;
    atomic_store(&shop.fail_next, 1);
    assert_int_equal(export_to(path, "--customer anna", "go on with --resume"), CLI_BROKEN);
    assert_int_equal(access(part, F_OK), 0);
    assert_int_equal(count_lines(), 1);
    assert_int_equal(export_to(path, "--customer anna", "cut off"), CLI_USAGE);
    assert_int_equal(export_to(path, "--customer berta --resume", "another format or filter"),
                     CLI_USAGE);
    assert_int_equal(
        export_to(path, "--customer anna --format jsonl --resume", "another format or filter"),
        CLI_USAGE);
    FILE *file = fopen(path, "a"); /* a page that was half written */
    (void)fputs("half a ro", file);
    (void)fclose(file);
    assert_int_equal(export_to(path, "--customer anna --resume", ""), CLI_OK);
    assert_int_equal(count_lines(), 2);
    assert_int_equal(access(part, F_OK), -1);
}

static void refuses_what_is_not_its_own(void **state)
{
    (void)state;
    FILE *file = fopen(part, "w");
    (void)fputs("hello\n", file);
    (void)fclose(file);
    assert_int_equal(export_to(path, "--resume", "not of an export"), CLI_USAGE);
    assert_int_equal(export_to("-", "--resume", "only a file"), CLI_USAGE);
    assert_int_equal(export_to("/nowhere/x", "", "No such file"), CLI_USAGE);
    assert_int_equal(export_to(path, "--state nowhere", "none of pending"), CLI_USAGE);
    assert_int_equal(export_to(path, "--placed-from yesterday", "is no time such as"), CLI_USAGE);
}

static void prints_to_the_output_too(void **state)
{
    (void)state;
    order("r1");
    struct run run = run_orderctl(shop.endpoint, "export orders -");
    assert_int_equal(run.code, CLI_OK);
    assert_non_null(strstr(run.out, "order_id,order_ref,customer_id,state"));
    assert_non_null(strstr(run.out, ",r1,anna,"));
    run_free(&run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_shop, close_shop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_a_row_for_each_line_and_leaves_nothing_else),
        TEST(goes_on_only_with_the_same_question),
        TEST(refuses_what_is_not_its_own),
        TEST(prints_to_the_output_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
