/* The book against a real Redis: what each function promises. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shop/limits.h"
#include "tests/cmocka_all.h"
#include "tests/integration/book_fixture.h"

static void lookup_is(struct book *book, const struct uuid *record_id, bool in_outbox,
                      bool unconfirmed)
{
    struct book_lookup lookup = {.record_id = *record_id};
    assert_int_equal(book_read(book, &lookup, 1, 0, NULL), STATUS_OK);
    assert_true(lookup.found);
    assert_int_equal(lookup.in_outbox, in_outbox);
    assert_int_equal(lookup.unconfirmed, unconfirmed);
}

static struct book *book_without_grace(struct book_fixture *fixture)
{
    struct book_limits limits = BOOK_LIMITS_DEFAULT;
    limits.confirm_grace_ms = 0;
    limits.persist_grace_ms = 0;
    struct book *book = book_create(fixture->link, "s0", &limits);
    assert_non_null(book);
    book_set_epoch(book, BOOK_TEST_EPOCH);
    return book;
}

/* ---- decisions ---- */

static void test_an_order_takes_all_of_its_lines(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take takes[] = {{"a", 40}, {"b", 50}};
    struct book_decision decision = book_fixture_decision(takes, 2);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_DECIDED);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 60);
    assert_int_equal(book_fixture_stock(fixture->book, "b"), 0);

    struct book_lookup lookup = {.record_id = decision.record_id};
    assert_int_equal(book_read(fixture->book, &lookup, 1, 0, NULL), STATUS_OK);
    assert_true(lookup.found && lookup.in_outbox && lookup.unconfirmed);
    assert_int_equal(lookup.record.kind, BOOK_ACCEPTED);
    assert_int_equal(lookup.record.version, 1);
    assert_memory_equal(lookup.record.request_hash, decision.request_hash, BOOK_REQUEST_HASH_BYTES);
    assert_memory_equal(&lookup.record.event_id, &decision.event_id, sizeof(struct uuid));
    assert_true(bytes_equal(lookup.record.payload, decision.record));
}

static void test_s06_an_order_that_is_short_of_one_line_takes_none(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take takes[] = {{"a", 40}, {"b", 51}};
    struct book_decision decision = book_fixture_decision(takes, 2);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_OUT_OF_STOCK);
    assert_string_equal(decision.short_product_id, "b");
    assert_int_equal(decision.short_available, 50);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 100);
    assert_int_equal(book_fixture_stock(fixture->book, "b"), 50);
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, 0);
}

static void test_s24_a_refusal_is_remembered_even_when_stock_comes_back(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take take = {"c", 1};
    struct book_decision decision = book_fixture_decision(&take, 1);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_OUT_OF_STOCK);
    const struct book_delta delta = {
        .delta_id = 1, .epoch = BOOK_TEST_EPOCH, .product_id = "c", .quantity = 10};
    assert_int_equal(book_apply(fixture->book, &delta, 1, NULL), STATUS_OK);

    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_REPEATED);
    assert_int_equal(decision.prior.kind, BOOK_REFUSED);
    assert_memory_equal(decision.prior.request_hash, decision.request_hash,
                        BOOK_REQUEST_HASH_BYTES);
    assert_true(bytes_equal(decision.prior.payload, bytes_of("c\0000", 3)));
    assert_int_equal(book_fixture_stock(fixture->book, "c"), 10);
    assert_int_equal(book_fixture_take(fixture->book, "c", 10), BOOK_DECIDED);
}

static void test_an_unknown_product_writes_nothing(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take takes[] = {{"a", 1}, {"nothing", 1}};
    struct book_decision decision = book_fixture_decision(takes, 2);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_STOCK_UNKNOWN);
    assert_string_equal(decision.short_product_id, "nothing");
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 100);
    assert_int_equal(book_fixture_stock(fixture->book, "nothing"), -1);
    struct book_lookup lookup = {.record_id = decision.record_id};
    assert_int_equal(book_read(fixture->book, &lookup, 1, 0, NULL), STATUS_OK);
    assert_false(lookup.found);
}

static void test_the_same_request_decides_once_also_within_a_batch(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take take = {"a", 10};
    struct book_decision batch[3];
    batch[0] = book_fixture_decision(&take, 1);
    batch[1] = batch[0];
    batch[1].event_id = uuid_v7(clock_system());
    batch[2] = batch[0];
    memset(batch[2].request_hash, 'x', sizeof batch[2].request_hash);
    book_decide(fixture->book, batch, 3, 0);
    assert_int_equal(batch[0].outcome, BOOK_DECIDED);
    for (size_t i = 1; i < 3; i++) {
        assert_int_equal(batch[i].outcome, BOOK_REPEATED);
        assert_memory_equal(&batch[i].prior.event_id, &batch[0].event_id, sizeof(struct uuid));
        assert_memory_equal(batch[i].prior.request_hash, batch[0].request_hash,
                            BOOK_REQUEST_HASH_BYTES);
    }
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 90);
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, 1);
}

/* Trials: all tests, no writes, whatever they find. */
static void test_a_trial_tests_everything_and_writes_nothing(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take good[] = {{"a", 100}, {"b", 50}}, much[] = {{"a", 1}, {"b", 51}};
    struct book_decision trials[] = {book_fixture_decision(good, 2), book_fixture_decision(good, 2),
                                     book_fixture_decision(much, 2),
                                     book_fixture_decision(&(struct book_take){"no", 1}, 1)};
    for (size_t i = 0; i < 4; i++) {
        trials[i].is_trial = true;
        trials[i].hold = BOOK_HOLD_START;
        trials[i].hold_ms = 60000;
    }
    book_decide(fixture->book, trials, 4, 0);
    assert_int_equal(trials[0].outcome, BOOK_POSSIBLE);
    assert_int_equal(trials[1].outcome, BOOK_POSSIBLE); /* the first one took nothing */
    assert_int_equal(trials[2].outcome, BOOK_OUT_OF_STOCK);
    assert_string_equal(trials[2].short_product_id, "b");
    assert_int_equal(trials[2].short_available, 50);
    assert_int_equal(trials[3].outcome, BOOK_STOCK_UNKNOWN);
    struct book_gauges gauges = book_fixture_gauges(fixture->book);
    assert_int_equal(gauges.outbox + gauges.unconfirmed + gauges.holds, 0);
    struct book_lookup lookups[] = {{.record_id = trials[0].record_id},
                                    {.record_id = trials[2].record_id}};
    assert_int_equal(book_read(fixture->book, lookups, 2, 0, NULL), STATUS_OK);
    assert_false(lookups[0].found || lookups[1].found);
    trials[0].is_trial = false;
    assert_int_equal(book_fixture_decide(fixture->book, &trials[0]), BOOK_DECIDED);
    trials[0].is_trial = true;
    assert_int_equal(book_fixture_decide(fixture->book, &trials[0]), BOOK_REPEATED);
}

static void test_a_full_outbox_takes_no_more(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_limits limits = BOOK_LIMITS_DEFAULT;
    limits.outbox_max = 2;
    struct book *small = book_create(fixture->link, "s0", &limits);
    book_set_epoch(small, BOOK_TEST_EPOCH);
    assert_int_equal(book_fixture_take(small, "a", 1), BOOK_DECIDED);
    assert_int_equal(book_fixture_take(small, "a", 1), BOOK_DECIDED);
    assert_int_equal(book_fixture_take(small, "a", 1), BOOK_OVERLOADED);
    assert_int_equal(book_fixture_stock(small, "a"), 98);
    book_destroy(&small);
}

static void test_bytes_of_any_kind_come_back_as_they_were(void **state)
{
    struct book_fixture *fixture = *state;
    struct book *book = book_without_grace(fixture);
    static const char wild[] = "\r\n$5\r\n\0\xff*3 '\"%s {s0}";
    const struct book_take take = {"a", 1};
    struct book_decision decision = book_fixture_decision(&take, 1);
    memset(decision.event_id.bytes, '\n', sizeof decision.event_id.bytes);
    decision.event = bytes_of(wild, sizeof wild);
    decision.record = bytes_of(wild, sizeof wild);
    assert_int_equal(book_fixture_decide(book, &decision), BOOK_DECIDED);
    struct book_lookup lookup = {.record_id = decision.record_id};
    assert_int_equal(book_read(book, &lookup, 1, 0, NULL), STATUS_OK);
    assert_true(bytes_equal(lookup.record.payload, bytes_of(wild, sizeof wild)));

    struct book_claimed claimed;
    size_t count;
    assert_int_equal(book_claim(book, BOOK_DUE_CONFIRM, &claimed, 1, 1000, &count, NULL),
                     STATUS_OK);
    assert_int_equal(count, 1);
    assert_memory_equal(&claimed.event_id, &decision.event_id, sizeof(struct uuid));
    assert_true(bytes_equal(claimed.event, bytes_of(wild, sizeof wild)));
    book_destroy(&book);
}

static void test_the_largest_order_fits(void **state)
{
    struct book_fixture *fixture = *state;
    static char ids[SHOP_ORDER_LINES_MAX][SHOP_ID_BYTES_MAX + 1];
    static struct book_take takes[SHOP_ORDER_LINES_MAX];
    for (size_t i = 0; i < SHOP_ORDER_LINES_MAX; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "product-%056zu", i);
        takes[i] = (struct book_take){ids[i], SHOP_QUANTITY_MAX};
    }
    assert_int_equal(book_open_load(fixture->book, takes, SHOP_ORDER_LINES_MAX, NULL), STATUS_OK);
    struct book_decision decision = book_fixture_decision(takes, SHOP_ORDER_LINES_MAX);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_DECIDED);
    assert_int_equal(book_fixture_stock(fixture->book, ids[0]), 0);
    assert_int_equal(book_fixture_stock(fixture->book, ids[SHOP_ORDER_LINES_MAX - 1]), 0);

    decision = book_fixture_decision(takes, SHOP_ORDER_LINES_MAX);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_OUT_OF_STOCK);
    assert_string_equal(decision.short_product_id, ids[0]);
}

static void test_a_batch_of_any_size_is_decided_in_order(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take take = {"a", 1};
    static struct book_decision batch[300];
    for (size_t i = 0; i < 300; i++) {
        batch[i] = book_fixture_decision(&take, 1);
    }
    book_decide(fixture->book, batch, 300, 0);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(batch[i].outcome, i < 100 ? BOOK_DECIDED : BOOK_OUT_OF_STOCK);
    }
    book_decide(fixture->book, batch, 300, 0);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(batch[i].outcome, BOOK_REPEATED);
        assert_int_equal(batch[i].prior.kind, i < 100 ? BOOK_ACCEPTED : BOOK_REFUSED);
        assert_memory_equal(&batch[i].prior.event_id, &batch[i].event_id, sizeof(struct uuid));
    }
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, 100);
}

static void test_numbers_stay_exact_however_large(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take stock = {"large", (INT64_C(1) << 53) - 1};
    const struct book_take take = {"large", 2};
    struct book_decision decision = book_fixture_decision(&take, 1);
    assert_int_equal(book_open_load(fixture->book, &stock, 1, NULL), STATUS_OK);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_DECIDED);
    assert_true(book_fixture_stock(fixture->book, "large") == (INT64_C(1) << 53) - 3);
}

/* ---- the outbox ---- */

static size_t claim(struct book *book, enum book_due due, int64_t lease_ms)
{
    struct book_claimed claimed[8];
    size_t count = SIZE_MAX;
    assert_int_equal(book_claim(book, due, claimed, 8, lease_ms, &count, NULL), STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        assert_true(bytes_equal(claimed[i].event, bytes_of_text("an event")));
    }
    return count;
}

static void test_an_event_goes_from_unconfirmed_to_unpersisted_to_nowhere(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take take = {"a", 1};
    struct book_decision decision = book_fixture_decision(&take, 1);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_DECIDED);
    lookup_is(fixture->book, &decision.record_id, true, true);
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(book_confirm(fixture->book, &decision.event_id, 1, NULL), STATUS_OK);
        lookup_is(fixture->book, &decision.record_id, true, false);
        assert_int_equal(book_fixture_gauges(fixture->book).unpersisted, 1);
    }
    const struct book_settled settled = {decision.event_id, decision.record_id};
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(book_settle(fixture->book, &settled, 1, (struct bytes){0}, NULL),
                         STATUS_OK);
        lookup_is(fixture->book, &decision.record_id, false, false);
        assert_int_equal(book_fixture_gauges(fixture->book).outbox, 0);
    }
    char key[64] = "{s0}:record:";
    uuid_print(&decision.record_id, key + strlen(key));
    int64_t left_ms = book_fixture_command(fixture->link, "PTTL", key, NULL);
    assert_in_range(left_ms, 1, BOOK_LIMITS_DEFAULT.record_ttl_ms);
}

/* S30: PostgreSQL has it by way of our queue, but RabbitMQ never said that all queues have: it is
 * published again until it does, and is then done with. */
static void test_s30_what_is_persisted_and_not_confirmed_is_published_again(void **state)
{
    struct book_fixture *fixture = *state;
    const struct book_take take = {"a", 1};
    struct book_decision decision = book_fixture_decision(&take, 1);
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_DECIDED);
    const struct book_settled settled = {decision.event_id, decision.record_id};
    struct book_claimed claimed;
    size_t count;
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(book_settle(fixture->book, &settled, 1, (struct bytes){0}, NULL),
                         STATUS_OK);
        lookup_is(fixture->book, &decision.record_id, false, false); /* persisted, to who asks */
        assert_int_equal(book_fixture_gauges(fixture->book).outbox, 1);
        assert_int_equal(book_hurry(fixture->book, NULL), STATUS_OK);
        assert_int_equal(book_claim(fixture->book, BOOK_DUE_CONFIRM, &claimed, 1, 0, &count, NULL),
                         STATUS_OK);
        assert_int_equal(count, 1);
        assert_memory_equal(&claimed.event_id, &decision.event_id, sizeof claimed.event_id);
    }
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(book_confirm(fixture->book, &decision.event_id, 1, NULL), STATUS_OK);
        struct book_gauges gauges = book_fixture_gauges(fixture->book);
        assert_int_equal(gauges.outbox + gauges.unconfirmed + gauges.unpersisted, 0);
        lookup_is(fixture->book, &decision.record_id, false, false);
    }
    assert_int_equal(book_fixture_command(fixture->link, "SCARD", "{s0}:early", NULL), 0);
}

static void test_what_is_claimed_is_leased(void **state)
{
    struct book_fixture *fixture = *state;
    struct book *book = book_without_grace(fixture);
    const struct book_take take = {"a", 1};
    struct book_decision decision = book_fixture_decision(&take, 1);
    assert_int_equal(book_fixture_decide(book, &decision), BOOK_DECIDED);
    assert_int_equal(claim(book, BOOK_DUE_PERSIST, 60000), 0);
    assert_int_equal(claim(book, BOOK_DUE_CONFIRM, 0), 1); /* a lease that ends at once */
    assert_int_equal(claim(book, BOOK_DUE_CONFIRM, 60000), 1);
    assert_int_equal(claim(book, BOOK_DUE_CONFIRM, 60000), 0);
    assert_int_equal(book_confirm(book, &decision.event_id, 1, NULL), STATUS_OK);
    assert_int_equal(claim(book, BOOK_DUE_PERSIST, 60000), 1);
    assert_int_equal(claim(book, BOOK_DUE_PERSIST, 60000), 0);
    book_destroy(&book);
}

static void test_what_is_postponed_is_due_later_unless_somebody_is_in_a_hurry(void **state)
{
    struct book_fixture *fixture = *state;
    struct book *book = book_without_grace(fixture);
    const struct book_take take = {"a", 1};
    struct book_decision decision = book_fixture_decision(&take, 1);
    assert_int_equal(book_fixture_decide(book, &decision), BOOK_DECIDED);
    assert_int_equal(book_postpone(book, &decision.event_id, 1, 60000, NULL), STATUS_OK);
    assert_int_equal(book_fixture_gauges(book).unpersisted, 0); /* it is not there yet */
    assert_int_equal(book_confirm(book, &decision.event_id, 1, NULL), STATUS_OK);
    assert_int_equal(claim(book, BOOK_DUE_PERSIST, 0), 1);
    assert_int_equal(claim(book, BOOK_DUE_PERSIST, 0), 1); /* due at once: a look that failed */
    assert_int_equal(book_postpone(book, &decision.event_id, 1, 60000, NULL), STATUS_OK);
    assert_int_equal(claim(book, BOOK_DUE_PERSIST, 0), 0);
    assert_int_equal(book_hurry(book, NULL), STATUS_OK);
    assert_int_equal(book_postpone(book, &decision.event_id, 1, 60000, NULL), STATUS_OK);
    assert_int_equal(claim(book, BOOK_DUE_PERSIST, 0), 1);
    book_destroy(&book);
}

static void test_hurry_makes_all_of_it_due(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_decision decisions[2];
    const struct book_take take = {"a", 1};
    for (size_t i = 0; i < 2; i++) {
        decisions[i] = book_fixture_decision(&take, 1);
        assert_int_equal(book_fixture_decide(fixture->book, &decisions[i]), BOOK_DECIDED);
    }
    assert_int_equal(book_confirm(fixture->book, &decisions[1].event_id, 1, NULL), STATUS_OK);
    assert_int_equal(claim(fixture->book, BOOK_DUE_CONFIRM, 60000), 0);
    assert_int_equal(claim(fixture->book, BOOK_DUE_PERSIST, 60000), 0);
    assert_int_equal(book_hurry(fixture->book, NULL), STATUS_OK);
    assert_int_equal(claim(fixture->book, BOOK_DUE_CONFIRM, 60000), 1);
    assert_int_equal(claim(fixture->book, BOOK_DUE_PERSIST, 60000), 1);
}

static void test_a_claim_takes_no_more_than_asked_and_the_oldest_first(void **state)
{
    struct book_fixture *fixture = *state;
    struct book *book = book_without_grace(fixture);
    for (int i = 0; i < 11; i++) {
        assert_int_equal(book_fixture_take(book, "a", 1), BOOK_DECIDED);
    }
    assert_int_equal(claim(book, BOOK_DUE_CONFIRM, 60000), 8);
    assert_int_equal(claim(book, BOOK_DUE_CONFIRM, 60000), 3);
    book_destroy(&book);
}

static void test_a_due_entry_without_an_event_goes_away(void **state)
{
    struct book_fixture *fixture = *state;
    struct book *book = book_without_grace(fixture);
    assert_int_equal(book_fixture_take(book, "a", 1), BOOK_DECIDED);
    (void)book_fixture_command(fixture->link, "DEL", "{s0}:outbox", NULL);
    assert_int_equal(claim(book, BOOK_DUE_CONFIRM, 60000), 0);
    assert_int_equal(book_fixture_gauges(book).unconfirmed, 0);
    book_destroy(&book);
}

static void test_gauges_tell_how_late_the_relay_is(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_gauges gauges = book_fixture_gauges(fixture->book);
    assert_int_equal(gauges.outbox + gauges.oldest_unconfirmed_ms + gauges.oldest_unpersisted_ms,
                     0);
    assert_int_equal(book_fixture_take(fixture->book, "a", 1), BOOK_DECIDED);
    assert_int_equal(book_fixture_gauges(fixture->book).oldest_unconfirmed_ms, 0);
    redis_link_add_text(fixture->link, "ZADD", "{s0}:unconfirmed", "1", "old", NULL);
    const struct redis_reply *reply;
    assert_int_equal(redis_link_exchange(fixture->link, 0, &reply, NULL), STATUS_OK);
    gauges = book_fixture_gauges(fixture->book);
    assert_int_equal(gauges.unconfirmed, 2);
    assert_true(gauges.oldest_unconfirmed_ms > 1000000000000);
}

static void test_reading_many_records_keeps_their_order(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_lookup lookups[3] = {{.record_id = uuid_v7(clock_system())},
                                     {.record_id = uuid_v7(clock_system())},
                                     {.record_id = uuid_v7(clock_system())}};
    const struct book_take take = {"a", 1};
    struct book_decision decision = book_fixture_decision(&take, 1);
    decision.record_id = lookups[1].record_id;
    assert_int_equal(book_fixture_decide(fixture->book, &decision), BOOK_DECIDED);
    assert_int_equal(book_read(fixture->book, lookups, 3, 0, NULL), STATUS_OK);
    assert_false(lookups[0].found);
    assert_true(lookups[1].found);
    assert_false(lookups[2].found);
    assert_int_equal(book_read(fixture->book, lookups, 0, 0, NULL), STATUS_OK);
    const char *ids[] = {"c", "none", "b"};
    int64_t available[3];
    assert_int_equal(book_read_stock(fixture->book, ids, 3, available, 0, NULL), STATUS_OK);
    assert_int_equal(available[0], 0);
    assert_int_equal(available[1], -1);
    assert_int_equal(available[2], 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, book_fixture_setup, book_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_order_takes_all_of_its_lines),
        TEST(test_s06_an_order_that_is_short_of_one_line_takes_none),
        TEST(test_s24_a_refusal_is_remembered_even_when_stock_comes_back),
        TEST(test_an_unknown_product_writes_nothing),
        TEST(test_the_same_request_decides_once_also_within_a_batch),
        TEST(test_a_trial_tests_everything_and_writes_nothing),
        TEST(test_a_full_outbox_takes_no_more),
        TEST(test_bytes_of_any_kind_come_back_as_they_were),
        TEST(test_the_largest_order_fits),
        TEST(test_a_batch_of_any_size_is_decided_in_order),
        TEST(test_numbers_stay_exact_however_large),
        TEST(test_an_event_goes_from_unconfirmed_to_unpersisted_to_nowhere),
        TEST(test_s30_what_is_persisted_and_not_confirmed_is_published_again),
        TEST(test_what_is_claimed_is_leased),
        TEST(test_what_is_postponed_is_due_later_unless_somebody_is_in_a_hurry),
        TEST(test_hurry_makes_all_of_it_due),
        TEST(test_a_claim_takes_no_more_than_asked_and_the_oldest_first),
        TEST(test_a_due_entry_without_an_event_goes_away),
        TEST(test_gauges_tell_how_late_the_relay_is),
        TEST(test_reading_many_records_keeps_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
