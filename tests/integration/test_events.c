/* What others get of the events (docs/EVENTS.md): a subscriber outside the system misses none,
 * through a restart of RabbitMQ - a node of this test's own, as others need theirs; and what
 * `orderctl events tail` shows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cmocka_all.h"
#include "tests/support/load.h"
#include "tests/support/rabbitmq_server.h"
#include "tests/support/subscriber.h"
#include "tests/support/system.h"

#define SETTLE_TIMEOUT_MS  120000
#define CONTROL_TIMEOUT_MS 60000
#define LOAD_GIVE_UP_MS    90000 /* a caller's patience with a restart */

static struct rabbitmq_server rabbitmq;
static struct system shop;
static struct rpc_channel *channel;
static struct subscriber outside;

static int setup(void **state)
{
    (void)state;
    rabbitmq_server_create(&rabbitmq);
    assert_int_equal(setenv("TEST_RABBITMQ_URL", rabbitmq.url, 1), 0);
    system_start(&shop);
    channel = system_open_channel(&shop, 0);
    system_create_product(channel, "tea", 1000000);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rpc_channel_close(&channel);
    system_destroy(&shop);
    rabbitmq_server_destroy(&rabbitmq);
    return 0;
}

static int order(const char *verb, const char *order_id)
{
    return system_orderctl(&shop, (const char *[]){"order", verb, order_id, NULL}, NULL);
}

/* One of each kind, so that every key is there. */
static void change_some(void)
{
    struct answer answers[3];
    for (size_t i = 0; i < 3; i++) {
        answers[i] = system_create_order(channel, NULL, "tea", 2);
        assert_int_equal(answers[i].code, STATUS_OK);
    }
    assert_int_equal(order("confirm", answers[0].order_id), 0);
    assert_int_equal(order("fulfil", answers[0].order_id), 0);
    assert_int_equal(order("cancel", answers[1].order_id), 0);
    const char *adjust[] = {"stock", "adjust", "tea", "5", "--reason=count", NULL};
    assert_int_equal(system_orderctl(&shop, adjust, NULL), 0);
}

/* The first stock of a product is an entry of the ledger without an event. */
#define ALL_EVENTS                                                                         \
    "SELECT event_id FROM order_events UNION ALL SELECT event_id FROM stock_ledger WHERE " \
    "reason = 'count'"

/* How many of PostgreSQL's events the subscriber has not had. */
static int64_t count_missing(void)
{
    static size_t at; /* those before are in the table */
    size_t count = atomic_load(&outside.count);
    database_execute(&shop.database, "CREATE TEMP TABLE IF NOT EXISTS had (event_id uuid)");
    while (at < count) {
        static char sql[64 * 1024];
        size_t size = (size_t)snprintf(sql, sizeof sql, "INSERT INTO had VALUES ");
        for (size_t n = 0; n < 1000 && at < count; n++, at++) {
            size += (size_t)snprintf(sql + size, sizeof sql - size, "%s('%s')", n > 0 ? "," : "",
                                     outside.event_ids[at]);
        }
        database_execute(&shop.database, sql);
    }
    return database_int(&shop.database, "SELECT count(*) FROM (" ALL_EVENTS
                                        ") e WHERE event_id NOT IN (SELECT event_id FROM had)");
}

static bool has_all(void *state)
{
    (void)state;
    return count_missing() == 0;
}

static void test_s30_an_outside_queue_misses_no_event_through_a_restart(void **state)
{
    (void)state;
    subscriber_start(&outside, rabbitmq.url, shop.prefix);
    struct load load = {.channels = {channel},
                        .channel_count = 1,
                        .product_id = "tea",
                        .give_up_ms = LOAD_GIVE_UP_MS};
    load_start(&load, 2);
    load_wait_orders(&load, 500, SETTLE_TIMEOUT_MS);
    change_some();
    rabbitmq_server_control(&rabbitmq, "stop_app", NULL);
    load_wait_orders(&load, 20, SETTLE_TIMEOUT_MS); /* RESERVED: accepted without RabbitMQ */
    load_stop(&load);
    rabbitmq_server_control(&rabbitmq, "start_app", NULL);
    rabbitmq_server_control(&rabbitmq, "await_startup", NULL);
    load_start(&load, 2);
    load_wait_orders(&load, 500, SETTLE_TIMEOUT_MS);
    load_stop(&load);
    change_some();
    system_wait_settled(&shop, SETTLE_TIMEOUT_MS);
    bool all = wait_until(has_all, NULL, SETTLE_TIMEOUT_MS);
    int64_t missing = count_missing(),
            events = database_int(&shop.database, "SELECT count(*) FROM (" ALL_EVENTS ") e");
    subscriber_stop(&outside);
    (void)fprintf(stderr,
                  "%lld events; the subscriber got %zu in %zu messages (%zu of several) over "
                  "%zu connections; missing %lld\n",
                  (long long)events, atomic_load(&outside.count), atomic_load(&outside.messages),
                  atomic_load(&outside.packed), atomic_load(&outside.connections),
                  (long long)missing);
    assert_true(all);
    assert_true(atomic_load(&outside.connections) >= 2);
    assert_string_equal(outside.complaint, "");
    system_assert_books(&shop);
}

static char *log_of(const struct process *process)
{
    return read_whole(process->log_path);
}

static bool is_following(void *state)
{
    if (access(((struct process *)state)->log_path, F_OK) != 0) {
        return false; /* not started yet */
    }
    char *log = log_of(state);
    bool follows = strstr(log, "following") != NULL;
    free(log);
    return follows;
}

/* orderctl events tail with a log of its own: system_orderctl's is the next command's. */
static void start_tail(struct process *tail, const char *log_name, const char *first,
                       const char *second)
{
    char program[300], exchange[96], url[300], log[128];
    (void)snprintf(program, sizeof program, "%s/orderctl", getenv("ORDER_BIN_DIR"));
    (void)snprintf(exchange, sizeof exchange, "--exchange=%s.events", shop.prefix);
    (void)snprintf(url, sizeof url, "--rabbitmq-url=%s", rabbitmq.url);
    (void)snprintf(log, sizeof log, "%s/%s", shop.directory, log_name);
    process_start(tail,
                  (const char *[]){program, "events", "tail", url, exchange, first, second, NULL},
                  NULL, log);
    assert_true(wait_until(is_following, tail, CONTROL_TIMEOUT_MS));
}

/* The server's rights to orders are not its: it asks RabbitMQ alone. */
static void test_tail_shows_what_happens_and_only_the_keys_asked_for(void **state)
{
    (void)state;
    struct process json = {0}, table = {0};
    start_tail(&json, "tail.json", "--limit=8", "--output=json");
    start_tail(&table, "tail.table", "--key=order.c*,stock.low", NULL);
    change_some(); /* 3 created, confirmed, fulfilled, cancelled, adjusted: 7 */
    assert_int_equal(system_create_order(channel, NULL, "tea", 1).code, STATUS_OK);
    assert_int_equal(process_wait(&json, CONTROL_TIMEOUT_MS), 0);
    char *log = log_of(&json);
    static const char *const keys[] = {"order.created", "order.confirmed", "order.cancelled",
                                       "order.fulfilled", "stock.adjusted"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char part[64];
        (void)snprintf(part, sizeof part,
                       "{\"routingKey\":\"%s\",\"event\":{\"eventId\":", keys[i]);
        if (strstr(log, part) == NULL) {
            fail_msg("no %s in: %s", part, log);
        }
    }
    free(log);
    assert_int_equal(process_end(&table, CONTROL_TIMEOUT_MS), 0);
    log = log_of(&table);
    assert_non_null(strstr(log, "order.created"));
    assert_non_null(strstr(log, "customer customer-1"));
    assert_null(strstr(log, "order.fulfilled"));
    assert_null(strstr(log, "stock.adjusted"));
    free(log);
}

static void test_tail_says_what_is_wrong(void **state)
{
    (void)state;
    char url[300], *output;
    (void)snprintf(url, sizeof url, "--rabbitmq-url=%s", rabbitmq.url);
    const char *nobody[] = {"events", "tail", "--rabbitmq-url=amqp://127.0.0.1:1/", NULL};
    assert_int_equal(system_orderctl(&shop, nobody, NULL), 3);
    const char *no_key[] = {"events", "tail", url, "--key=orders.*", NULL};
    assert_int_equal(system_orderctl(&shop, no_key, NULL), 2);
    const char *no_exchange[] = {"events", "tail", url, "--exchange=nowhere", NULL};
    assert_int_equal(system_orderctl(&shop, no_exchange, &output), 3);
    assert_non_null(strstr(output, "nowhere"));
    free(output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_s30_an_outside_queue_misses_no_event_through_a_restart),
        cmocka_unit_test(test_tail_shows_what_happens_and_only_the_keys_asked_for),
        cmocka_unit_test(test_tail_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
