/* What CreateOrder and ListOrders answer, from the whole system: trials, waiting for PostgreSQL,
 * and lists that are walked while orders pour in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/support/load.h"
#include "tests/support/stores.h"
#include "tests/support/system.h"

#define SETTLE_TIMEOUT_MS 60000
#define WALK_ORDERS       3000
#define WALK_INSERTS      20000 /* while the list is walked; as fast as they can come */

static struct system shop;
static struct rpc_channel *channel;

static int setup(void **state)
{
    (void)state;
    system_create(&shop);
    system_start_server(&shop, 0, NULL);
    channel = system_open_channel(&shop, 0);
    system_create_product(channel, "tea", 1000000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rpc_channel_close(&channel);
    system_destroy(&shop);
    return 0;
}

/* orderctl order create --customer=c ... tea=QUANTITY; what it said must have `part`. */
static int create(const char *part, const char *words, const char *a, const char *b, const char *c)
{
    const char *arguments[] = {"order", "create", "--customer=c", words, a, b, c, NULL};
    char *output;
    int code = system_orderctl(&shop, arguments, &output);
    if (strstr(output, part) == NULL) {
        fail_msg("no '%s' in: %s", part, output);
    }
    free(output);
    return code;
}

/* validate_only: told, and nothing is anywhere. */
static void test_a_trial_leaves_nothing_behind(void **state)
{
    (void)state;
    int64_t available = system_available(&shop, "tea"), outbox = system_outbox(&shop);
    assert_int_equal(create("only a trial", "tea=7", "--validate-only", "--request-id=try-1", NULL),
                     0);
    assert_int_equal(
        create("OUT_OF_STOCK", "tea=1000000", "tea=1", "--validate-only", "--request-id=try-2"), 1);
    assert_int_equal(system_available(&shop, "tea"), available);
    assert_int_equal(system_outbox(&shop), outbox);
    assert_int_equal(database_int(&shop.database, "SELECT count(*) FROM orders"), 0);
    /* The same ids, for real: nothing of the trials is remembered. */
    assert_int_equal(create("QUEUED", "tea=7", "--request-id=try-1", NULL, NULL), 0);
    assert_int_equal(create("QUEUED", "tea=1", "--request-id=try-2", NULL, NULL), 0);
    assert_int_equal(system_available(&shop, "tea"), available - 8);
}

/* No worker runs: who waits has his answer in time, with what was reached, and the lane goes on. */
static void test_waiting_without_a_worker_ends_with_the_calls_time(void **state)
{
    (void)state;
    struct process waiting;
    const char *arguments[] = {
        "order", "create",       "--customer=c",        "--wait-for=persisted",
        "tea=1", "--timeout=8s", "--request-id=wait-1", NULL};
    system_start_orderctl(&shop, arguments, &waiting);
    int64_t from_ms = clock_monotonic_ms(clock_system());
    for (int i = 0; i < 50; i++) {
        assert_int_equal(system_create_order(channel, NULL, "tea", 1).code, STATUS_OK);
    }
    int64_t others_ms = clock_monotonic_ms(clock_system()) - from_ms;
    assert_true(process_is_running(&waiting));
    assert_int_equal(process_wait(&waiting, SETTLE_TIMEOUT_MS), 0);
    (void)fprintf(stderr, "50 orders beside one that waits: %lld ms\n", (long long)others_ms);
    assert_int_equal(create("QUEUED", "tea=1", "--wait-for=persisted", "--timeout=300ms", NULL), 0);
}

static void test_waiting_ends_when_postgresql_has_it(void **state)
{
    (void)state;
    system_start_worker(&shop, 0, NULL);
    system_wait_settled(&shop, SETTLE_TIMEOUT_MS);
    for (int i = 0; i < 20; i++) {
        char ref[32], sql[128];
        (void)snprintf(ref, sizeof ref, "--ref=waited-%d", i);
        int64_t from_ms = clock_monotonic_ms(clock_system());
        assert_int_equal(create("PERSISTED", "tea=1", "--wait-for=persisted", "--timeout=30s", ref),
                         0);
        (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM orders WHERE order_ref = 'waited-%d'",
                       i);
        assert_int_equal(database_int(&shop.database, sql), 1);
        assert_true(clock_monotonic_ms(clock_system()) - from_ms < 25000);
    }
    /* Asked again: it is there already. */
    assert_int_equal(create("PERSISTED", "tea=1", "--wait-for=persisted", "--request-id=wait-1",
                            "--timeout=30s"),
                     0);
}

/* ---- lists ---- */

struct inserter {
    struct database database; /* a connection of its own */
    pthread_t thread;
    int64_t took_ms;
};

/* Orders with times around now and before, as a worker commits them: 100 a transaction. */
static void *insert(void *state)
{
    struct inserter *inserter = state;
    int64_t from_ms = clock_monotonic_ms(clock_system());
    for (int i = 0; i < WALK_INSERTS / 100; i++) {
        database_execute(
            &inserter->database,
            "WITH new AS (INSERT INTO orders (order_id, customer_id, state, version, currency, "
            "total_minor, order_ref, request_hash, create_time, placed_time) SELECT "
            "gen_random_uuid(), 'walk', 2, 1, 'EUR', 1, 'late', '\\x00', clock_timestamp() - "
            "random() * interval '1 hour', now() FROM generate_series(1, 100) RETURNING order_id) "
            "INSERT INTO order_lines (order_id, line_number, product_id, quantity, "
            "unit_price_minor) SELECT order_id, 1, 'tea', 1, 1 FROM new");
    }
    inserter->took_ms = clock_monotonic_ms(clock_system()) - from_ms;
    return NULL;
}

static void fill_walk(void)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO orders (order_id, customer_id, state, version, currency, "
                   "total_minor, order_ref, request_hash, create_time, placed_time) SELECT "
                   "gen_random_uuid(), 'walk', 2, 1, 'EUR', 1, 'early', '\\x00', now() - "
                   "(n / 3) * interval '2 seconds', now() FROM generate_series(1, %d) n",
                   WALK_ORDERS);
    database_execute(&shop.database, sql);
    database_execute(&shop.database,
                     "INSERT INTO order_lines (order_id, line_number, product_id, quantity, "
                     "unit_price_minor) SELECT order_id, 1, 'tea', 1, 1 FROM orders "
                     "WHERE order_ref = 'early'");
}

/* How many of the ids in `output` stand there once and are 'early'; fails on one that is there
 * twice. */
static int64_t count_walked(const char *output)
{
    database_execute(&shop.database, "CREATE TEMP TABLE walked (order_id uuid)");
    char *sql = malloc(strlen(output) + 64);
    assert_non_null(sql);
    size_t room = strlen(output) + 64;
    size_t at = (size_t)snprintf(sql, room, "INSERT INTO walked VALUES ");
    const char *field = "\"orderId\":\"";
    /* By lines, an order each: ASan looks at the whole rest of the text with every strstr. */
    const char *text_end = output + strlen(output);
    for (const char *line = output, *end; line < text_end; line = end + 1) {
        char start[256];
        end = memchr(line, '\n', (size_t)(text_end - line));
        end = end != NULL ? end : text_end;
        (void)snprintf(start, sizeof start, "%.*s", (int)(end - line < 255 ? end - line : 255),
                       line);
        const char *found = strstr(start, field);
        if (found != NULL) {
            at += (size_t)snprintf(sql + at, room - at, "%s('%.36s')",
                                   sql[at - 1] == ')' ? "," : "", found + strlen(field));
        }
    }
    database_execute(&shop.database, sql);
    free(sql);
    assert_int_equal(database_int(&shop.database, "SELECT count(*) - count(DISTINCT order_id) "
                                                  "FROM walked"),
                     0);
    int64_t early =
        database_int(&shop.database, "SELECT count(*) FROM walked JOIN orders USING (order_id) "
                                     "WHERE order_ref = 'early'");
    database_execute(&shop.database, "DROP TABLE walked");
    return early;
}

/* S36: orders come in before, behind and amid the pages; none is missed, none stands there twice.
 */
static void test_s36_a_walk_misses_and_repeats_nothing(void **state)
{
    (void)state;
    fill_walk();
    struct inserter inserter;
    database_connect(&shop.database, &inserter.database);
    assert_int_equal(pthread_create(&inserter.thread, NULL, insert, &inserter), 0);
    int walks = 0;
    static const char *const filters[] = {"--customer=walk", "--product=tea", "--state=CONFIRMED"};
    for (bool running = true; running; walks++) {
        const char *arguments[] = {
            "order",           "list", "-o", "json", "--page-size=37", filters[walks % 3],
            "--customer=walk", NULL};
        char *output;
        running = pthread_tryjoin_np(inserter.thread, NULL) != 0;
        assert_int_equal(system_orderctl(&shop, arguments, &output), 0);
        assert_int_equal(count_walked(output), WALK_ORDERS);
        free(output);
    }
    database_disconnect(&inserter.database);
    (void)fprintf(stderr, "%d walks over %d orders while %d more came, %lld a second\n", walks,
                  WALK_ORDERS, WALK_INSERTS,
                  (long long)WALK_INSERTS * 1000 / (long long)inserter.took_ms);
}

/* ---- exports ---- */

static int64_t size_of(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    (void)fseek(file, 0, SEEK_END);
    int64_t size = ftell(file);
    (void)fclose(file);
    return size;
}

struct growth {
    char path[160];
    int64_t from;
};

static bool has_grown(void *state)
{
    const struct growth *growth = state;
    return size_of(growth->path) > growth->from;
}

/* Killed in the midst of it, again and again: no row is missing, none stands there twice. */
static void test_a_killed_export_goes_on_where_it_was(void **state)
{
    (void)state;
    struct growth growth = {.from = 0};
    (void)snprintf(growth.path, sizeof growth.path, "%s/orders.jsonl", shop.directory);
    const char *arguments[] = {"export",          "orders",   growth.path, "--format=jsonl",
                               "--customer=walk", "--resume", NULL};
    int kills = 0;
    for (; kills < 6; kills++) {
        struct process export;
        system_start_orderctl(&shop, arguments, &export);
        (void)wait_until(has_grown, &growth, 20000);
        process_kill(&export);
        growth.from = size_of(growth.path);
    }
    char part[180];
    (void)snprintf(part, sizeof part, "%s.part", growth.path);
    (void)fprintf(stderr, "killed %d times, at last after %lld bytes (%s)\n", kills,
                  (long long)growth.from, size_of(part) > 0 ? "cut off" : "complete");
    assert_int_equal(system_orderctl(&shop, arguments, NULL), 0);
    assert_int_equal(size_of(part), 0);
    char *output = read_whole(growth.path);
    assert_int_equal(count_walked(output), WALK_ORDERS);
    size_t rows = 0;
    for (const char *at = output; *at != '\0'; at++) {
        rows += *at == '\n' ? 1 : 0;
    }
    assert_int_equal(rows, database_int(&shop.database,
                                        "SELECT count(*) FROM orders WHERE customer_id = 'walk'"));
    free(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_trial_leaves_nothing_behind),
        cmocka_unit_test(test_waiting_without_a_worker_ends_with_the_calls_time),
        cmocka_unit_test(test_waiting_ends_when_postgresql_has_it),
        cmocka_unit_test(test_s36_a_walk_misses_and_repeats_nothing),
        cmocka_unit_test(test_a_killed_export_goes_on_where_it_was),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
