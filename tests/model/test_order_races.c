/* Many callers at one order, through two servers: it is paid, shipped, cancelled and runs out at
 * the same moment. Whoever wins, each unit leaves or comes back once. (In test_model.c an order
 * belongs to one caller, so that its next state is known; here only what must add up is.) */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/uuid.h"
#include "tests/cmocka_all.h"
#include "tests/model/model_calls.h"
#include "tests/support/stores.h"
#include "tests/support/system.h"

#define SETTLE_TIMEOUT_MS 60000
#define ORDERS            80
#define RACERS            8
#define UNITS             6 /* of an order */
#define SHIPPED           3 /* by one of three, of which two can win */
#define DROPPED           2 /* by the partial cancellation */
#define STOCK             (ORDERS * UNITS + 1)

struct race {
    char id[MODEL_ID_BYTES];
    bool may_expire;
    atomic_int paid, shipped, dropped, cancelled, refused; /* answers */
};

static struct system shop;
static struct rpc_channel *channels[2];
static struct model_product products[MODEL_PRODUCTS] = {{.id = "tea"}, {.id = "seat"}};
static struct race races[ORDERS];
static pthread_barrier_t start;

static int setup(void **state)
{
    (void)state;
    system_start(&shop);
    system_start_server(&shop, 1, NULL);
    channels[0] = system_open_channel(&shop, 0);
    channels[1] = system_open_channel(&shop, 1);
    system_create_product(channels[0], "tea", STOCK);
    system_create_product(channels[0], "seat", 1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rpc_channel_close(&channels[0]);
    rpc_channel_close(&channels[1]);
    system_destroy(&shop);
    return 0;
}

/* Asks until the answer is known. */
static struct model_answer ask(unsigned server, const char *order_id,
                               const struct model_change *change)
{
    struct model_request request = {.kind = MODEL_CHANGE, .change = *change};
    struct model_answer answer;
    struct uuid id = uuid_v7(clock_system());
    uuid_print(&id, request.request_id);
    (void)snprintf(request.order.id, sizeof request.order.id, "%s", order_id);
    model_ask(channels, server, products, &request, &answer);
    return answer;
}

/* Returns what a command on the set of holds does; id is the order's member of it. */
static int64_t at_holds(const char *order_id, const char *command)
{
    char script[512];
    (void)snprintf(script, sizeof script,
                   "local hex = string.gsub('%.36s', '-', '')\n"
                   "local id = string.gsub(hex, '..', function(byte)\n"
                   "  return string.char(tonumber(byte, 16)) end)\n"
                   "local now = redis.call('TIME')\n"
                   "%s",
                   order_id, command);
    return stores_redis_int(shop.redis_url, "EVAL", script, "0");
}

/* Its time is over, by Redis' clock; nothing when it is not held. */
static void end_hold(const char *order_id)
{
    (void)at_holds(order_id, "return redis.call('ZADD', '{s0}:holds', 'XX', 'CH', "
                             "string.format('%d', now[1] * 1000 - 1000), id)");
}

/* A server has seen that its time is over, and is about to end it. */
static bool is_claimed(void *order_id)
{
    return at_holds(order_id, "return redis.call('ZSCORE', '{s0}:holds', id) and 0 or 1") == 1;
}

static const char *place(const char *product_id, int32_t quantity)
{
    static struct answer answer;
    answer = system_create_order(channels[0], NULL, product_id, quantity);
    assert_int_equal(answer.code, STATUS_OK);
    return answer.order_id;
}

static int64_t value(const char *column, const char *table, const char *order_id)
{
    char sql[160];
    (void)snprintf(sql, sizeof sql, "SELECT %s FROM %s WHERE order_id = '%.36s'", column, table,
                   order_id);
    return database_int(&shop.database, sql);
}

/* ---- S16, S20 ---- */

static void count(struct race *race, atomic_int *counter, const struct model_answer *answer)
{
    (void)atomic_fetch_add(answer->failure.code == STATUS_OK ? counter : &race->refused, 1);
}

/* What one racer does to one order. Servers look for holds that ended four times a second: for
 * those that are to expire, too, the others wait for that. */
static void run_at(struct race *race, int turn)
{
    static const struct model_change pay = {.verb = MODEL_CONFIRM, .payment = 1},
                                     cancel = {.verb = MODEL_CANCEL, .is_whole = true},
                                     drop = {.verb = MODEL_CANCEL, .units = {DROPPED}},
                                     ship = {.verb = MODEL_FULFIL, .units = {SHIPPED}};
    const struct model_change *change;
    atomic_int *counter;
    if (turn == 0) {
        end_hold(race->id);
        return;
    }
    if (race->may_expire) {
        assert_true(wait_until(is_claimed, race->id, SETTLE_TIMEOUT_MS));
    }
    if (turn <= 2) {
        change = &cancel;
        counter = &race->cancelled;
    } else if (turn == 3) {
        change = &drop;
        counter = &race->dropped;
    } else if (turn == 4) {
        change = &pay;
        counter = &race->paid;
    } else {
        change = &ship;
        counter = &race->shipped;
    }
    struct model_answer answer = ask((unsigned)turn % 2, race->id, change);
    count(race, counter, &answer);
}

/* Whoever the machine wakes first, over all orders everybody is. */
static void *run(void *argument)
{
    int number = *(const int *)argument;
    for (int i = 0; i < ORDERS; i++) {
        (void)pthread_barrier_wait(&start);
        run_at(&races[i], (number + i) % RACERS);
    }
    return NULL;
}

static void run_all(void)
{
    pthread_t threads[RACERS];
    int numbers[RACERS];
    assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
    for (int i = 0; i < RACERS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, run, &numbers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    (void)pthread_barrier_destroy(&start);
}

/* Every order has ended, since somebody cancelled all that was open; how many units left. */
static int64_t judge(const struct race *race)
{
    int64_t state = value("state", "orders", race->id);
    int64_t sent = value("fulfilled_quantity", "order_lines", race->id);
    int64_t cancelled = value("cancelled_quantity", "order_lines", race->id);
    assert_int_equal(sent, SHIPPED * race->shipped);
    assert_int_equal(race->refused + race->paid + race->shipped + race->dropped + race->cancelled,
                     RACERS - 1);
    if (state == MODEL_EXPIRED) {
        assert_int_equal(race->paid + race->shipped + sent, 0); /* S16: nobody had paid */
        assert_true(cancelled == 0 || cancelled == DROPPED);
        return 0;
    }
    assert_int_equal(state, sent > 0 ? MODEL_FULFILLED : MODEL_CANCELLED);
    assert_int_equal(sent + cancelled, UNITS);
    return sent;
}

static void test_s16_s20_paid_shipped_cancelled_and_expired_at_once(void **state)
{
    (void)state;
    static const struct model_change pay = {.verb = MODEL_CONFIRM, .payment = 1};
    int64_t sent = 0, states[MODEL_EXPIRED + 1] = {0};
    for (int i = 0; i < ORDERS; i++) {
        (void)snprintf(races[i].id, sizeof races[i].id, "%s", place("tea", UNITS));
        if (i % 2 == 0) { /* else hardly any is shipped */
            assert_int_equal(ask(0, races[i].id, &pay).failure.code, STATUS_OK);
        }
        races[i].may_expire = i % 4 == 1;
    }
    run_all();
    system_wait_settled(&shop, SETTLE_TIMEOUT_MS);
    for (int i = 0; i < ORDERS; i++) {
        sent += judge(&races[i]);
        states[value("state", "orders", races[i].id)]++;
    }
    (void)fprintf(stderr, "%d orders: %lld fulfilled (%lld units), %lld cancelled, %lld expired\n",
                  ORDERS, (long long)states[MODEL_FULFILLED], (long long)sent,
                  (long long)states[MODEL_CANCELLED], (long long)states[MODEL_EXPIRED]);
    assert_true(states[MODEL_FULFILLED] > 0 && states[MODEL_CANCELLED] > 0);
    assert_int_equal(system_available(&shop, "tea"), STOCK - sent);
    assert_int_equal(
        database_int(&shop.database, "SELECT on_hand FROM stock WHERE product_id = 'tea'"),
        STOCK - sent);
    assert_int_equal(
        database_int(&shop.database, "SELECT reserved FROM stock WHERE product_id = 'tea'"), 0);
    system_assert_books(&shop);
}

/* ---- S10, S15 ---- */

static bool has_a_seat(void *state)
{
    (void)state;
    return system_available(&shop, "seat") == 1;
}

/* The hold ran out while its owner paid, and somebody else has bought what it gave back. */
static void test_s10_s15_a_late_payment_for_what_was_sold_again(void **state)
{
    (void)state;
    static const struct model_change pay = {.verb = MODEL_CONFIRM, .payment = 1},
                                     pay_again = {.verb = MODEL_CONFIRM,
                                                  .payment = 1,
                                                  .reacquire = true},
                                     cancel = {.verb = MODEL_CANCEL, .is_whole = true};
    char late[40], other[40];
    (void)snprintf(late, sizeof late, "%s", place("seat", 1));
    assert_string_equal(system_create_order(channels[1], NULL, "seat", 1).failure.reason,
                        "OUT_OF_STOCK");
    end_hold(late);
    assert_true(wait_until(has_a_seat, NULL, SETTLE_TIMEOUT_MS));
    (void)snprintf(other, sizeof other, "%s", place("seat", 1)); /* S10: it is for sale again */

    assert_string_equal(ask(0, late, &pay).failure.reason, "ORDER_EXPIRED");
    struct model_answer answer = ask(1, late, &pay_again);
    assert_string_equal(answer.failure.reason, "OUT_OF_STOCK");
    assert_int_equal(answer.product, 1);
    assert_int_equal(answer.number, 0);
    system_wait_settled(&shop, SETTLE_TIMEOUT_MS);
    assert_int_equal(value("state", "orders", late), MODEL_EXPIRED);

    assert_int_equal(ask(0, other, &cancel).failure.code, STATUS_OK);
    assert_true(wait_until(has_a_seat, NULL, SETTLE_TIMEOUT_MS));
    answer = ask(1, late, &pay_again);
    assert_int_equal(answer.failure.code, STATUS_OK);
    assert_int_equal(answer.order.state, MODEL_CONFIRMED);
    assert_int_equal(ask(0, late, &pay_again).failure.code, STATUS_OK); /* takes no second one */
    system_wait_settled(&shop, SETTLE_TIMEOUT_MS);
    assert_int_equal(system_available(&shop, "seat"), 0);
    assert_int_equal(value("state", "orders", late), MODEL_CONFIRMED);
    system_assert_books(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_s10_s15_a_late_payment_for_what_was_sold_again),
        cmocka_unit_test(test_s16_s20_paid_shipped_cancelled_and_expired_at_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
