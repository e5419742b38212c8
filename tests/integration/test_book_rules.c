/* The rules of products, decided by a real Redis: limits, sale windows, states, and what customers
 * have bought. The numbers sNN are those of the scenarios that shops reported. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/integration/book_fixture.h"

#define SOON_MS     5000
#define BUYERS      4
#define BUYS_EACH   100
#define RACE_LIMIT  37
#define WINDOW_MS   86400000
#define LINES_MAX   3
#define DELTA_FIRST 1000

static const struct book_rules FREE = {.version = 2, .state = 1};

/* Tells Redis as the server does after its commit; each telling has an id of its own. */
static void tell(struct book *book, const char *product_id, const struct book_rules *rules,
                 int64_t units)
{
    static int64_t delta_id = DELTA_FIRST;
    char text[BOOK_RULES_BYTES];
    book_rules_print(rules, text);
    const struct book_delta delta = {.delta_id = delta_id++,
                                     .epoch = book_epoch(book),
                                     .product_id = product_id,
                                     .quantity = units,
                                     .rules = text};
    assert_int_equal(book_apply(book, &delta, 1, NULL), STATUS_OK);
}

static struct book_decision order_of(const char *customer, const struct book_take *takes,
                                     size_t count)
{
    struct book_decision decision = book_fixture_decision(takes, count);
    decision.order_id = decision.record_id;
    decision.customer_id = customer;
    return decision;
}

static struct book_decision buy(struct book *book, const char *customer, const char *product_id,
                                int64_t quantity)
{
    const struct book_take take = {product_id, quantity};
    struct book_decision decision = order_of(customer, &take, 1);
    (void)book_fixture_decide(book, &decision);
    decision.takes = NULL; /* `take` ends here */
    return decision;
}

static void expect_sold(struct book *book, const char *customer, const char *product_id,
                        int64_t quantity)
{
    struct book_decision decision = buy(book, customer, product_id, quantity);
    assert_string_equal(decision.outcome == BOOK_AGAINST_RULES ? decision.rule_reason : "", "");
    assert_int_equal(decision.outcome, BOOK_DECIDED);
}

static void expect_refused(struct book *book, const char *customer, const char *product_id,
                           int64_t quantity, const char *reason)
{
    struct book_decision decision = buy(book, customer, product_id, quantity);
    assert_int_equal(decision.outcome, BOOK_AGAINST_RULES);
    assert_string_equal(decision.rule_reason, reason);
    assert_string_equal(decision.short_product_id, product_id);
}

/* Another version of an order: `frees` units of one product come back to its customer. */
static enum book_outcome cancel(struct book *book, const struct book_decision *order,
                                uint32_t version, const char *product_id, int64_t quantity)
{
    const struct book_take frees = {product_id, quantity};
    struct book_decision decision = book_fixture_decision(NULL, 0);
    decision.order_id = order->order_id;
    decision.found_version = version;
    decision.hold = BOOK_HOLD_GIVEN_UP;
    decision.customer_id = order->customer_id;
    decision.frees = &frees;
    decision.free_count = 1;
    return book_fixture_decide(book, &decision);
}

static int64_t redis_now_ms(struct redis_link *link)
{
    const struct redis_reply *reply;
    redis_link_add_text(link, "TIME", NULL);
    assert_int_equal(redis_link_exchange(link, 0, &reply, NULL), STATUS_OK);
    return strtoll((const char *)reply->elements[0].text.data, NULL, 10) * 1000 +
           strtoll((const char *)reply->elements[1].text.data, NULL, 10) / 1000;
}

static void s08_clicks_of_one_buyer_drain_no_stock(void **state)
{
    struct book *book = ((struct book_fixture *)*state)->book;
    tell(book, "a", &(struct book_rules){2, 1, 0, 2, WINDOW_MS, 0, 0, 0}, 0);
    expect_sold(book, "anna", "a", 1);
    expect_sold(book, "anna", "a", 1);
    for (int click = 0; click < 20; click++) {
        struct book_decision decision = buy(book, "anna", "a", 1);
        assert_int_equal(decision.outcome, BOOK_AGAINST_RULES);
        assert_string_equal(decision.rule_reason, "PURCHASE_LIMIT_EXCEEDED");
        assert_int_equal(decision.rule_number, 2);
        assert_int_equal(decision.rule_limit, 2);
    }
    assert_int_equal(book_fixture_stock(book, "a"), 98);
    assert_int_equal(book_fixture_gauges(book).outbox, 2);
    expect_sold(book, "ben", "a", 2);
    expect_refused(book, "carl", "a", 3, "PURCHASE_LIMIT_EXCEEDED");
    assert_int_equal(book_fixture_stock(book, "a"), 96);
}

static void s09_nothing_sells_before_the_window(void **state)
{
    struct book_fixture *fixture = *state;
    struct book *book = fixture->book;
    int64_t opens_ms = redis_now_ms(fixture->link) + 250;
    tell(book, "a", &(struct book_rules){2, 1, 0, 0, 0, 0, opens_ms, 0}, 0);
    int tried = 0;
    struct book_decision decision;
    int64_t until_ms = clock_monotonic_ms(clock_system()) + SOON_MS;
    do {
        assert_true(clock_monotonic_ms(clock_system()) < until_ms);
        assert_int_equal(book_fixture_stock(book, "a"), 100);
        decision = buy(book, "anna", "a", 1);
        tried++;
    } while (decision.outcome == BOOK_AGAINST_RULES &&
             strcmp(decision.rule_reason, "SALE_NOT_OPEN") == 0);
    assert_int_equal(decision.outcome, BOOK_DECIDED);
    assert_true(redis_now_ms(fixture->link) >= opens_ms);
    assert_true(tried > 1);
    int64_t past_ms = redis_now_ms(fixture->link) - 1;
    tell(book, "a", &(struct book_rules){3, 1, 0, 0, 0, 0, 0, past_ms}, 0);
    expect_refused(book, "anna", "a", 1, "SALE_NOT_OPEN");
    assert_int_equal(book_fixture_stock(book, "a"), 99);
}

static void test_a_product_that_is_not_sold_is_refused_and_adjusted(void **state)
{
    struct book *book = ((struct book_fixture *)*state)->book;
    tell(book, "a", &(struct book_rules){.version = 2, .state = 2}, 0);
    expect_refused(book, "anna", "a", 1, "PRODUCT_SUSPENDED");
    assert_int_equal(book_fixture_take(book, "a", 10), BOOK_DECIDED); /* nobody buys */
    tell(book, "a", &(struct book_rules){.version = 3, .state = 3}, 5);
    expect_refused(book, "anna", "a", 1, "PRODUCT_DELETED");
    assert_int_equal(book_fixture_stock(book, "a"), 95);
    const struct book_delta more = {
        .delta_id = 1, .epoch = BOOK_TEST_EPOCH, .product_id = "a", .quantity = 5};
    assert_int_equal(book_apply(book, &more, 1, NULL), STATUS_OK);
    assert_int_equal(book_fixture_stock(book, "a"), 100);
    expect_refused(book, "anna", "a", 1, "PRODUCT_DELETED"); /* units leave rules as they are */
}

static void test_an_order_may_have_what_an_order_may_have(void **state)
{
    struct book *book = ((struct book_fixture *)*state)->book;
    tell(book, "a", &(struct book_rules){.version = 2, .state = 1, .most_an_order = 4}, 0);
    expect_sold(book, "anna", "a", 4);
    expect_sold(book, "anna", "a", 4);
    struct book_decision decision = buy(book, "anna", "a", 5);
    assert_string_equal(decision.rule_reason, "ORDER_LIMIT_EXCEEDED");
    assert_int_equal(decision.rule_number, 5);
    assert_int_equal(decision.rule_limit, 4);
}

static void test_a_rule_of_one_product_keeps_the_whole_order(void **state)
{
    struct book *book = ((struct book_fixture *)*state)->book;
    tell(book, "b", &(struct book_rules){2, 1, 0, 1, WINDOW_MS, 0, 0, 0}, 0);
    const struct book_take takes[LINES_MAX] = {{"a", 1}, {"b", 1}, {"c", 1}};
    struct book_decision decision = order_of("anna", takes, LINES_MAX);
    assert_int_equal(book_fixture_decide(book, &decision), BOOK_OUT_OF_STOCK); /* of c */
    expect_sold(book, "anna", "b", 1); /* the order above counted nothing */
    struct book_decision second = order_of("anna", takes, 2);
    assert_int_equal(book_fixture_decide(book, &second), BOOK_AGAINST_RULES);
    assert_string_equal(second.short_product_id, "b");
    assert_int_equal(book_fixture_stock(book, "a"), 100);
    assert_int_equal(book_fixture_stock(book, "b"), 49);
}

static void test_a_refusal_by_a_rule_is_remembered(void **state)
{
    struct book *book = ((struct book_fixture *)*state)->book;
    tell(book, "a", &(struct book_rules){.version = 2, .state = 1, .most_an_order = 1}, 0);
    const struct book_take take = {"a", 2};
    struct book_decision decision = order_of("anna", &take, 1);
    assert_int_equal(book_fixture_decide(book, &decision), BOOK_AGAINST_RULES);
    tell(book, "a", &(struct book_rules){.version = 3, .state = 1}, 0);
    assert_int_equal(book_fixture_decide(book, &decision), BOOK_REPEATED);
    assert_int_equal(decision.prior.kind, BOOK_REFUSED);
    static const char payload[] = "a\0002\0ORDER_LIMIT_EXCEEDED\0001";
    assert_true(bytes_equal(decision.prior.payload, bytes_of(payload, sizeof payload - 1)));
}

static void s21_what_is_cancelled_can_be_bought_again_once(void **state)
{
    struct book *book = ((struct book_fixture *)*state)->book;
    tell(book, "a", &(struct book_rules){2, 1, 0, 5, WINDOW_MS, 0, 0, 0}, 0);
    struct book_decision order = buy(book, "anna", "a", 5);
    assert_int_equal(order.outcome, BOOK_DECIDED);
    expect_refused(book, "anna", "a", 1, "PURCHASE_LIMIT_EXCEEDED");
    assert_int_equal(cancel(book, &order, 1, "a", 2), BOOK_DECIDED);
    assert_int_equal(cancel(book, &order, 1, "a", 2), BOOK_CONFLICT); /* the same cancellation */
    expect_refused(book, "anna", "a", 3, "PURCHASE_LIMIT_EXCEEDED");
    expect_sold(book, "anna", "a", 2);
    assert_int_equal(cancel(book, &order, 2, "a", 3), BOOK_DECIDED);
    expect_refused(book, "anna", "a", 4, "PURCHASE_LIMIT_EXCEEDED");
    expect_sold(book, "anna", "a", 3);
    assert_int_equal(book_fixture_stock(book, "a"), 90); /* stock comes back behind the commit */
}

static void test_a_window_moves_on_and_forgets(void **state)
{
    struct book_fixture *fixture = *state;
    struct book *book = fixture->book;
    tell(book, "a", &(struct book_rules){2, 1, 0, 1, 1000, 0, 0, 0}, 0);
    int64_t from_ms = redis_now_ms(fixture->link);
    expect_sold(book, "anna", "a", 1);
    int64_t until_ms = clock_monotonic_ms(clock_system()) + SOON_MS;
    while (buy(book, "anna", "a", 1).outcome != BOOK_DECIDED) {
        assert_true(clock_monotonic_ms(clock_system()) < until_ms);
    }
    assert_true(redis_now_ms(fixture->link) > from_ms + 1000);
    assert_int_equal(book_fixture_command(fixture->link, "HLEN", "{s0}:bought", NULL), 1);
    assert_int_equal(book_fixture_stock(book, "a"), 98);
}

static void test_what_was_bought_before_a_limit_does_not_count(void **state)
{
    struct book_fixture *fixture = *state;
    struct book *book = fixture->book;
    tell(book, "a", &(struct book_rules){2, 1, 0, 3, WINDOW_MS, 0, 0, 0}, 0);
    expect_sold(book, "anna", "a", 3);
    int64_t since_ms = redis_now_ms(fixture->link) + 1;
    tell(book, "a", &(struct book_rules){3, 1, 0, 3, WINDOW_MS, since_ms, 0, 0}, 0);
    expect_sold(book, "anna", "a", 3);
}

static void s35_an_older_rule_never_replaces_a_newer_one(void **state)
{
    struct book *book = ((struct book_fixture *)*state)->book;
    tell(book, "a", &(struct book_rules){.version = 5, .state = 2}, -1);
    tell(book, "a", &(struct book_rules){.version = 4, .state = 1}, -2); /* was on its way */
    expect_refused(book, "anna", "a", 1, "PRODUCT_SUSPENDED");
    assert_int_equal(book_fixture_stock(book, "a"), 97); /* its units count all the same */
    tell(book, "a", &(struct book_rules){.version = 6, .state = 1}, 0);
    expect_sold(book, "anna", "a", 1);
    tell(book, "a", &(struct book_rules){.version = 5, .state = 2}, 0);
    expect_sold(book, "anna", "a", 1); /* also when there is no rule any more */
}

static void test_rules_of_another_epoch_are_not_written(void **state)
{
    struct book *book = ((struct book_fixture *)*state)->book;
    char text[BOOK_RULES_BYTES];
    book_rules_print(&(struct book_rules){.version = 9, .state = 3}, text);
    const struct book_delta late = {.delta_id = 1,
                                    .epoch = BOOK_TEST_EPOCH - 1,
                                    .product_id = "a",
                                    .quantity = 0,
                                    .rules = text};
    assert_int_equal(book_apply(book, &late, 1, NULL), STATUS_OK);
    expect_sold(book, "anna", "a", 1);
}

static void test_units_kept_back_leave_less_than_none_to_sell(void **state)
{
    struct book *book = ((struct book_fixture *)*state)->book;
    tell(book, "b", &FREE, -60);
    assert_int_equal(book_fixture_stock(book, "b"), 0);
    const char *id = "b";
    int64_t units;
    assert_int_equal(book_read_units(book, &id, 1, &units, 0, NULL), STATUS_OK);
    assert_int_equal(units, -10);
    assert_int_equal(book_fixture_take(book, "b", 1), BOOK_OUT_OF_STOCK);
    tell(book, "b", &FREE, 11);
    assert_int_equal(book_fixture_take(book, "b", 1), BOOK_DECIDED);
    assert_int_equal(book_fixture_stock(book, "b"), 0);
}

static void test_an_opening_brings_rules_and_what_was_bought(void **state)
{
    struct book_fixture *fixture = *state;
    struct book *book = fixture->book;
    const struct book_take stock[] = {{"a", 100}, {"b", 50}};
    char text[BOOK_RULES_BYTES];
    book_rules_print(&(struct book_rules){3, 1, 0, 4, WINDOW_MS, 0, 0, 0}, text);
    const struct book_ruled ruled = {"a", 100, text};
    int64_t now_ms = redis_now_ms(fixture->link);
    const struct book_bought bought[] = {
        {"anna", "a", uuid_v7(clock_system()), now_ms - 1000, 1},
        {"anna", "a", uuid_v7(clock_system()), now_ms - 500, 2},
        {"ben", "a", uuid_v7(clock_system()), now_ms - WINDOW_MS - 1, 4},
    };
    expect_sold(book, "carl", "a", 4);
    assert_int_equal(book_open_begin(book, NULL), STATUS_OK);
    assert_int_equal(book_open_load(book, stock, 2, NULL), STATUS_OK);
    assert_int_equal(book_open_rules(book, &ruled, 1, NULL), STATUS_OK);
    assert_int_equal(book_open_bought(book, bought, 3, NULL), STATUS_OK);
    assert_int_equal(book_open_bought(book, NULL, 0, NULL), STATUS_OK);
    assert_int_equal(book_open_end(book, BOOK_TEST_EPOCH + 1, NULL), STATUS_OK);
    expect_refused(book, "anna", "a", 2, "PURCHASE_LIMIT_EXCEEDED");
    expect_sold(book, "anna", "a", 1);
    expect_sold(book, "ben", "a", 4);
    expect_sold(book, "carl", "a", 4); /* what another epoch's Redis had counted is gone */
    assert_int_equal(book_fixture_stock(book, "a"), 91);
    struct book_decision loaded = {.order_id = bought[1].order_id, .customer_id = "anna"};
    assert_int_equal(cancel(book, &loaded, 1, "a", 2), BOOK_DECIDED);
    expect_sold(book, "anna", "a", 2);
}

struct race {
    const struct redis_server *server;
    atomic_int sold;
};

static void *run_race(void *state)
{
    struct race *race = state;
    struct redis_link *link;
    struct book *book;
    book_fixture_connect(race->server, &link, &book);
    for (int i = 0; i < BUYS_EACH; i++) {
        struct book_decision decision = buy(book, "anna", "a", 1);
        atomic_fetch_add(&race->sold, decision.outcome == BOOK_DECIDED);
    }
    book_destroy(&book);
    redis_link_destroy(&link);
    return NULL;
}

static void test_a_limit_holds_through_many_servers_at_once(void **state)
{
    struct book_fixture *fixture = *state;
    struct race race = {.server = &fixture->server};
    tell(fixture->book, "a", &(struct book_rules){2, 1, 0, RACE_LIMIT, WINDOW_MS, 0, 0, 0}, 0);
    pthread_t threads[BUYERS];
    for (int i = 0; i < BUYERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run_race, &race), 0);
    }
    for (int i = 0; i < BUYERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(atomic_load(&race.sold), RACE_LIMIT);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 100 - RACE_LIMIT);
}

static void test_a_recount_needs_the_last_adjustment_it_found(void **state)
{
    struct book_fixture *fixture = *state;
    struct arena arena;
    arena_init(&arena, 4096, 4096);
    struct book_count count = {.product_id = "a"};
    assert_int_equal(book_read_counts(fixture->book, &count, 1, &arena, 0, NULL), STATUS_OK);
    assert_int_equal(count.event_id.size, 0);
    assert_false(count.in_outbox);
    struct book_decision first = book_fixture_decision(NULL, 0);
    first.hold = BOOK_RECOUNT;
    first.counted_product_id = "a";
    first.found_count = count.event_id;
    struct book_decision second = first;
    second.record_id = uuid_v7(clock_system());
    second.event_id = uuid_v7(clock_system());
    assert_int_equal(book_fixture_decide(fixture->book, &first), BOOK_DECIDED);
    assert_int_equal(book_fixture_decide(fixture->book, &second), BOOK_CONFLICT);
    assert_int_equal(book_read_counts(fixture->book, &count, 1, &arena, 0, NULL), STATUS_OK);
    assert_true(count.in_outbox);
    const struct book_settled settled = {first.event_id, first.record_id};
    assert_int_equal(book_confirm(fixture->book, &first.event_id, 1, NULL), STATUS_OK);
    assert_int_equal(book_settle(fixture->book, &settled, 1, (struct bytes){0}, NULL), STATUS_OK);
    assert_int_equal(book_read_counts(fixture->book, &count, 1, &arena, 0, NULL), STATUS_OK);
    assert_false(count.in_outbox);
    second.found_count = count.event_id;
    assert_int_equal(book_fixture_decide(fixture->book, &second), BOOK_DECIDED);
    arena_fini(&arena);
}

/* What a run decides is written at its end: until then its orders must see each other all the same.
 */
static void test_orders_of_one_batch_see_each_other(void **state)
{
    struct book *book = ((struct book_fixture *)*state)->book;
    tell(book, "a", &(struct book_rules){2, 1, 0, 3, WINDOW_MS, 0, 0, 0}, 0);
    const struct book_take two = {"a", 2}, rest = {"b", 50}, one = {"b", 1};
    struct book_decision first = order_of("anna", &two, 1);
    struct book_decision cancelled = order_of("anna", NULL, 0);
    cancelled.order_id = first.order_id;
    cancelled.found_version = 1;
    cancelled.frees = &two;
    cancelled.free_count = 1;
    struct book_decision late = cancelled; /* the same version again */
    late.record_id = uuid_v7(clock_system());
    late.event_id = uuid_v7(clock_system());
    struct book_decision counted = book_fixture_decision(NULL, 0);
    counted.hold = BOOK_RECOUNT;
    counted.counted_product_id = "b";
    struct book_decision recounted = counted; /* found none, but there is one by now */
    recounted.record_id = uuid_v7(clock_system());
    recounted.event_id = uuid_v7(clock_system());
    struct book_decision batch[] = {
        first,   order_of("anna", &two, 1), cancelled, order_of("anna", &two, 1), late,
        counted, order_of("ben", &rest, 1), recounted, order_of("ben", &one, 1),
    };
    static const enum book_outcome expected[] = {
        BOOK_DECIDED, BOOK_AGAINST_RULES, BOOK_DECIDED,  BOOK_DECIDED,      BOOK_CONFLICT,
        BOOK_DECIDED, BOOK_DECIDED,       BOOK_CONFLICT, BOOK_OUT_OF_STOCK,
    };
    size_t count = sizeof batch / sizeof batch[0];
    book_decide(book, batch, count, 0);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(batch[i].outcome, expected[i]);
    }
    assert_string_equal(batch[1].rule_reason, "PURCHASE_LIMIT_EXCEEDED");
    assert_int_equal(batch[1].rule_number, 2);
    assert_int_equal(book_fixture_stock(book, "a"), 96);
    assert_int_equal(book_fixture_stock(book, "b"), 0);
    assert_int_equal(book_fixture_gauges(book).outbox, 5);
    expect_refused(book, "anna", "a", 2, "PURCHASE_LIMIT_EXCEEDED"); /* 2 of 3, once */
    expect_sold(book, "anna", "a", 1);
    /* The order's record is that of the cancellation, not of the creation that was decided with it.
     */
    struct book_lookup lookup = {.record_id = first.order_id};
    assert_int_equal(book_read(book, &lookup, 1, 0, NULL), STATUS_OK);
    assert_int_equal(lookup.record.version, 2);
    assert_memory_equal(&lookup.record.event_id, &cancelled.event_id, sizeof(struct uuid));
}

#define TEST(function) \
    cmocka_unit_test_setup_teardown(function, book_fixture_setup, book_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(s08_clicks_of_one_buyer_drain_no_stock),
        TEST(s09_nothing_sells_before_the_window),
        TEST(test_a_product_that_is_not_sold_is_refused_and_adjusted),
        TEST(test_an_order_may_have_what_an_order_may_have),
        TEST(test_a_rule_of_one_product_keeps_the_whole_order),
        TEST(test_a_refusal_by_a_rule_is_remembered),
        TEST(s21_what_is_cancelled_can_be_bought_again_once),
        TEST(test_a_window_moves_on_and_forgets),
        TEST(test_what_was_bought_before_a_limit_does_not_count),
        TEST(s35_an_older_rule_never_replaces_a_newer_one),
        TEST(test_rules_of_another_epoch_are_not_written),
        TEST(test_units_kept_back_leave_less_than_none_to_sell),
        TEST(test_an_opening_brings_rules_and_what_was_bought),
        TEST(test_a_limit_holds_through_many_servers_at_once),
        TEST(test_a_recount_needs_the_last_adjustment_it_found),
        TEST(test_orders_of_one_batch_see_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
