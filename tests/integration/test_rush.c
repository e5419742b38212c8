/* Many buyers, few units: never one too many, in Redis and in PostgreSQL. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/support/system.h"

#define BUYERS            64
#define SETTLE_TIMEOUT_MS 60000

struct rush {
    struct rpc_channel *channels[2];
    const char *product_id;
    const char *request_id; /* the same for all, or NULL */
    int attempts;
    _Atomic int next, accepted, out_of_stock, other;
    char order_id[40]; /* of the first that was accepted */
    int differing;
};

struct buyer {
    struct rush *rush;
    int number;
};

/* Whose order is another than the first one's. */
static void compare_order(struct rush *rush, const struct answer *answer)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)pthread_mutex_lock(&lock);
    if (rush->order_id[0] == '\0') {
        (void)snprintf(rush->order_id, sizeof rush->order_id, "%s", answer->order_id);
    }
    rush->differing += strcmp(rush->order_id, answer->order_id) != 0 ? 1 : 0;
    (void)pthread_mutex_unlock(&lock);
}

static void *buy(void *argument)
{
    struct buyer *buyer = argument;
    struct rush *rush = buyer->rush;
    while (atomic_fetch_add(&rush->next, 1) < rush->attempts) {
        struct answer answer = system_create_order(rush->channels[buyer->number % 2],
                                                   rush->request_id, rush->product_id, 1);
        if (answer.code == STATUS_OK) {
            atomic_fetch_add(&rush->accepted, 1);
            compare_order(rush, &answer);
        } else if (answer.code == STATUS_FAILED_PRECONDITION &&
                   strcmp(answer.failure.reason, "OUT_OF_STOCK") == 0) {
            atomic_fetch_add(&rush->out_of_stock, 1);
        } else {
            (void)fprintf(stderr, "%s %s\n", answer.failure.reason, answer.failure.message);
            atomic_fetch_add(&rush->other, 1);
        }
    }
    return NULL;
}

static void run(struct rush *rush)
{
    pthread_t threads[BUYERS];
    struct buyer buyers[BUYERS];
    for (int i = 0; i < BUYERS; i++) {
        buyers[i] = (struct buyer){rush, i};
        assert_int_equal(pthread_create(&threads[i], NULL, buy, &buyers[i]), 0);
    }
    for (int i = 0; i < BUYERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

static void open_two_servers(struct system *system, struct rush *rush)
{
    system_start(system);
    system_start_server(system, 1, NULL);
    rush->channels[0] = system_open_channel(system, 0);
    rush->channels[1] = system_open_channel(system, 1);
}

static void close_all(struct system *system, struct rush *rush)
{
    rpc_channel_close(&rush->channels[0]);
    rpc_channel_close(&rush->channels[1]);
    system_destroy(system);
}

static void test_s02_s03_64_buyers_2000_attempts_500_units(void **state)
{
    (void)state;
    struct system system;
    struct rush rush = {.product_id = "scarce", .attempts = 2000};
    open_two_servers(&system, &rush);
    system_create_product(rush.channels[0], "scarce", 500);
    run(&rush);
    assert_int_equal(rush.other, 0);
    assert_int_equal(rush.accepted, 500);
    assert_int_equal(rush.out_of_stock, 1500);
    assert_int_equal(system_available(&system, "scarce"), 0);
    system_wait_settled(&system, SETTLE_TIMEOUT_MS);
    assert_int_equal(database_int(&system.database, "SELECT count(*) FROM orders"), 500);
    assert_int_equal(database_int(&system.database, "SELECT reserved FROM stock"), 500);
    system_assert_books(&system);
    close_all(&system, &rush);
}

/* S1: N buyers, one unit, the same instant. */
static void test_s01_64_buyers_1_unit(void **state)
{
    (void)state;
    struct system system;
    struct rush rush = {.product_id = "last", .attempts = BUYERS};
    open_two_servers(&system, &rush);
    system_create_product(rush.channels[0], "last", 1);
    run(&rush);
    assert_int_equal(rush.accepted, 1);
    assert_int_equal(rush.out_of_stock, BUYERS - 1);
    assert_int_equal(system_available(&system, "last"), 0);
    system_wait_settled(&system, SETTLE_TIMEOUT_MS);
    system_assert_books(&system);
    close_all(&system, &rush);
}

/* S22: the same request, 64 times at once, through two servers: one order. */
static void test_s22_one_request_64_times_is_one_order(void **state)
{
    (void)state;
    struct system system;
    struct rush rush = {.product_id = "plenty",
                        .attempts = BUYERS,
                        .request_id = "019e0000-0000-7000-8000-000000000001"};
    open_two_servers(&system, &rush);
    system_create_product(rush.channels[0], "plenty", 1000);
    run(&rush);
    assert_int_equal(rush.accepted, BUYERS);
    assert_int_equal(rush.differing, 0);
    system_wait_settled(&system, SETTLE_TIMEOUT_MS);
    assert_int_equal(system_available(&system, "plenty"), 999);
    assert_int_equal(database_int(&system.database, "SELECT count(*) FROM orders"), 1);
    system_assert_books(&system);
    close_all(&system, &rush);
}

/* Orders of one of each shelf, from the last to the first, of which one stands there twice. */
static void place_baskets(struct system *system, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *words[] = {"order",     "create",    "--customer=c", names[i],
                               "shelf-5=1", "shelf-4=1", "shelf-3=1",    "shelf-2=1",
                               "shelf-1=1", "shelf-0=1", "shelf-5=1",    NULL};
        assert_int_equal(system_orderctl(system, words, NULL), 0);
    }
}

/* A worker has the rows before the one that is taken already, and none behind it. */
static bool is_locked_up_to_the_third(void *system)
{
    char *rows = database_rows(&((struct system *)system)->database,
                               "SELECT product_id FROM stock ORDER BY product_id FOR UPDATE SKIP "
                               "LOCKED");
    bool is = strcmp(rows, "shelf-4\nshelf-5\n") == 0;
    free(rows);
    return is;
}

/* S5: whatever the sequence of an order's lines, rows are locked in one sequence, and Redis knows
 * no locks. Somebody holds the fourth row: a worker waits there, with the first three, and the
 * other one at the first. Nobody holds what another needs. */
static void test_s05_lines_in_any_sequence_are_locked_in_one(void **state)
{
    (void)state;
    static const char *const names[] = {"--ref=one", "--ref=two"};
    struct system system;
    struct rush rush = {0};
    struct database holder;
    open_two_servers(&system, &rush);
    for (int i = 0; i < 6; i++) {
        char id[24];
        (void)snprintf(id, sizeof id, "shelf-%d", i);
        system_create_product(rush.channels[0], id, 100);
    }
    system_wait_settled(&system, SETTLE_TIMEOUT_MS);
    database_connect(&system.database, &holder);
    database_execute(&holder, "BEGIN");
    database_execute(&holder, "SELECT FROM stock WHERE product_id = 'shelf-3' FOR UPDATE");
    place_baskets(&system, names, 2);
    assert_true(wait_until(is_locked_up_to_the_third, &system, SETTLE_TIMEOUT_MS));
    database_execute(&holder, "COMMIT");
    database_disconnect(&holder);
    system_wait_settled(&system, SETTLE_TIMEOUT_MS);
    assert_int_equal(database_int(&system.database, "SELECT count(*) FROM orders"), 2);
    assert_int_equal(database_int(&system.database, "SELECT sum(reserved) FROM stock"), 14);
    system_assert_books(&system);
    close_all(&system, &rush);
}

/* S24: a refusal is remembered: after a delivery the same request is still refused, a new one is
 * not. */
static void test_s24_a_refusal_stays_one(void **state)
{
    (void)state;
    struct system system;
    struct rush rush = {0};
    open_two_servers(&system, &rush);
    system_create_product(rush.channels[0], "empty", 0);
    struct answer answer = system_create_order(rush.channels[0], "wish-1", "empty", 1);
    assert_string_equal(answer.failure.reason, "OUT_OF_STOCK");
    const char *adjust[] = {"stock", "adjust", "empty", "5", "--reason", "delivery", NULL};
    assert_int_equal(system_orderctl(&system, adjust, NULL), 0);
    system_wait_settled(&system, SETTLE_TIMEOUT_MS);
    answer = system_create_order(rush.channels[1], "wish-1", "empty", 1);
    assert_string_equal(answer.failure.reason, "OUT_OF_STOCK");
    answer = system_create_order(rush.channels[1], "wish-2", "empty", 1);
    assert_int_equal(answer.code, STATUS_OK);
    answer = system_create_order(rush.channels[1], "wish-2", "empty", 2);
    assert_string_equal(answer.failure.reason, "REQUEST_ID_REUSED");
    system_wait_settled(&system, SETTLE_TIMEOUT_MS);
    system_assert_books(&system);
    close_all(&system, &rush);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_s02_s03_64_buyers_2000_attempts_500_units),
        cmocka_unit_test(test_s01_64_buyers_1_unit),
        cmocka_unit_test(test_s05_lines_in_any_sequence_are_locked_in_one),
        cmocka_unit_test(test_s22_one_request_64_times_is_one_order),
        cmocka_unit_test(test_s24_a_refusal_stays_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
