/* Holds and changes of orders, decided by a real Redis. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/integration/book_fixture.h"

#define RACERS      4
#define RACE_ORDERS 200
#define CLAIM_MOST  256
#define MANY_HOLDS  10000
#define SOON_MS     5000

/* An order that takes one of a, held for hold_ms. */
static struct book_decision create_held(int64_t hold_ms)
{
    static const struct book_take take = {"a", 1};
    struct book_decision decision = book_fixture_decision(&take, 1);
    decision.order_id = decision.record_id;
    decision.hold = BOOK_HOLD_START;
    decision.hold_ms = hold_ms;
    return decision;
}

static struct book_decision place(struct book *book, int64_t hold_ms)
{
    struct book_decision decision = create_held(hold_ms);
    assert_int_equal(book_fixture_decide(book, &decision), BOOK_DECIDED);
    return decision;
}

static struct book_decision change(const struct uuid *order_id, uint32_t found_version,
                                   enum book_hold hold)
{
    struct book_decision decision = book_fixture_decision(NULL, 0);
    decision.order_id = *order_id;
    decision.found_version = found_version;
    decision.hold = hold;
    decision.record = bytes_of_text("the order changed");
    memcpy(decision.order_hash, "hash of creation", sizeof decision.order_hash);
    return decision;
}

static enum book_outcome decide_change(struct book *book, const struct uuid *order_id,
                                       uint32_t found_version, enum book_hold hold)
{
    struct book_decision decision = change(order_id, found_version, hold);
    return book_fixture_decide(book, &decision);
}

static int64_t record_ttl(struct book_fixture *fixture, const struct uuid *record_id)
{
    char key[64] = "{s0}:record:";
    uuid_print(record_id, key + strlen(key));
    const struct redis_reply *reply;
    redis_link_add_text(fixture->link, "PTTL", key, NULL);
    assert_int_equal(redis_link_exchange(fixture->link, 0, &reply, NULL), STATUS_OK);
    return reply->integer;
}

static size_t claim(struct book *book, struct uuid *ids)
{
    size_t count;
    assert_int_equal(book_claim_ended(book, ids, CLAIM_MOST, 60000, &count, NULL), STATUS_OK);
    return count;
}

/* Until at least one has ended. */
static size_t wait_ended(struct book *book, struct uuid *ids)
{
    int64_t until_ms = clock_monotonic_ms(clock_system()) + SOON_MS;
    size_t count = 0;
    while (count == 0 && clock_monotonic_ms(clock_system()) < until_ms) {
        count = claim(book, ids);
    }
    return count;
}

static void test_a_change_writes_the_order_and_its_request(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_decision order = place(fixture->book, 60000);
    struct book_decision confirm = change(&order.order_id, 1, BOOK_HOLD_MUST_RUN);
    assert_int_equal(book_fixture_decide(fixture->book, &confirm), BOOK_DECIDED);
    struct book_lookup lookups[] = {{.record_id = order.order_id},
                                    {.record_id = confirm.record_id}};
    assert_int_equal(book_read(fixture->book, lookups, 2, 0, NULL), STATUS_OK);
    assert_true(lookups[0].found && lookups[0].record.is_current && lookups[0].unconfirmed);
    assert_int_equal(lookups[0].record.version, 2);
    assert_memory_equal(lookups[0].record.request_hash, "hash of creation", 16);
    assert_memory_equal(&lookups[0].record.event_id, &confirm.event_id, sizeof(struct uuid));
    assert_true(bytes_equal(lookups[0].record.payload, bytes_of_text("the order changed")));
    assert_true(lookups[1].found);
    assert_int_equal(lookups[1].record.payload.size, 0);
    assert_true(record_ttl(fixture, &confirm.record_id) > 0);
    assert_int_equal(book_fixture_gauges(fixture->book).holds, 0);
    assert_int_equal(book_fixture_decide(fixture->book, &confirm), BOOK_REPEATED);
    assert_int_equal(decide_change(fixture->book, &order.order_id, 1, BOOK_HOLD_NONE),
                     BOOK_CONFLICT);
    assert_int_equal(decide_change(fixture->book, &order.order_id, 3, BOOK_HOLD_NONE),
                     BOOK_CONFLICT);
    assert_int_equal(decide_change(fixture->book, &order.order_id, 2, BOOK_HOLD_NONE),
                     BOOK_DECIDED);
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, 3);
}

/* Workers may be away for longer than a change's record lives: neither Redis' record nor PostgreSQL
 * knows of it then, and its event must not be made again. */
static void test_a_change_that_waits_in_the_outbox_is_not_made_again(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_decision order = place(fixture->book, 60000);
    struct book_decision cancel = change(&order.order_id, 1, BOOK_HOLD_NONE);
    assert_int_equal(book_fixture_decide(fixture->book, &cancel), BOOK_DECIDED);
    char key[64] = "{s0}:record:";
    uuid_print(&cancel.record_id, key + strlen(key));
    assert_int_equal(book_fixture_command(fixture->link, "DEL", key, NULL), 1);
    cancel.found_version = 2; /* it looks at the order as it is now */
    assert_int_equal(book_fixture_decide(fixture->book, &cancel), BOOK_REPEATED);
    assert_memory_equal(cancel.prior.request_hash, cancel.request_hash, 16);
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, 2);
    struct book_lookup lookup = {.record_id = order.order_id};
    assert_int_equal(book_read(fixture->book, &lookup, 1, 0, NULL), STATUS_OK);
    assert_int_equal(lookup.record.version, 2);
}

/* An order that Redis has forgotten was found in PostgreSQL. */
static void test_an_absent_order_may_be_changed(void **state)
{
    struct book_fixture *fixture = *state;
    struct uuid order_id = uuid_v7(clock_system());
    assert_int_equal(decide_change(fixture->book, &order_id, 7, BOOK_HOLD_NONE), BOOK_DECIDED);
    assert_int_equal(decide_change(fixture->book, &order_id, 7, BOOK_HOLD_NONE), BOOK_CONFLICT);
    assert_int_equal(decide_change(fixture->book, &order_id, 8, BOOK_HOLD_NONE), BOOK_DECIDED);
}

/* S15: taken again if it is there. */
static void test_a_change_may_take_units_or_be_refused(void **state)
{
    struct book_fixture *fixture = *state;
    struct uuid order_id = uuid_v7(clock_system());
    const struct book_take much = {"b", 51}, some = {"b", 50};
    struct book_decision again = change(&order_id, 2, BOOK_HOLD_NONE);
    again.takes = &much;
    again.take_count = 1;
    assert_int_equal(book_fixture_decide(fixture->book, &again), BOOK_OUT_OF_STOCK);
    assert_int_equal(book_fixture_decide(fixture->book, &again), BOOK_REPEATED);
    assert_int_equal(again.prior.kind, BOOK_REFUSED);
    again = change(&order_id, 2, BOOK_HOLD_NONE);
    again.takes = &some;
    again.take_count = 1;
    assert_int_equal(book_fixture_decide(fixture->book, &again), BOOK_DECIDED);
    assert_int_equal(book_fixture_stock(fixture->book, "b"), 0);
}

static void test_a_hold_ends_by_redis_clock(void **state)
{
    struct book_fixture *fixture = *state;
    struct uuid ids[CLAIM_MOST];
    struct book_decision runs = place(fixture->book, 60000), ends = place(fixture->book, 1);
    assert_int_equal(decide_change(fixture->book, &runs.order_id, 1, BOOK_HOLD_MUST_END),
                     BOOK_HOLD_RUNS);
    assert_int_equal(wait_ended(fixture->book, ids), 1);
    assert_memory_equal(&ids[0], &ends.order_id, sizeof ids[0]);
    assert_int_equal(claim(fixture->book, ids), 0); /* leased */
    assert_int_equal(decide_change(fixture->book, &ends.order_id, 1, BOOK_HOLD_MUST_RUN),
                     BOOK_HOLD_ENDED);
    assert_int_equal(decide_change(fixture->book, &ends.order_id, 1, BOOK_HOLD_MUST_END),
                     BOOK_DECIDED);
    assert_int_equal(decide_change(fixture->book, &ends.order_id, 1, BOOK_HOLD_MUST_END),
                     BOOK_CONFLICT);
    assert_int_equal(book_fixture_gauges(fixture->book).holds, 1);
    assert_int_equal(book_fixture_stock(fixture->book, "a"), 98); /* the worker gives back */
    assert_int_equal(decide_change(fixture->book, &runs.order_id, 1, BOOK_HOLD_GIVEN_UP),
                     BOOK_DECIDED);
    assert_int_equal(book_fixture_gauges(fixture->book).holds, 0);
}

/* A claimer that died: another gets the order after the lease. */
static void test_a_lease_ends(void **state)
{
    struct book_fixture *fixture = *state;
    struct uuid id;
    size_t count = 0;
    (void)place(fixture->book, 1);
    int64_t until_ms = clock_monotonic_ms(clock_system()) + SOON_MS;
    for (int claims = 0; claims < 2 && clock_monotonic_ms(clock_system()) < until_ms;) {
        assert_int_equal(book_claim_ended(fixture->book, &id, 1, 1, &count, NULL), STATUS_OK);
        claims += (int)count;
    }
    assert_int_equal(count, 1);
    assert_int_equal(book_drop_holds(fixture->book, &id, 1, NULL), STATUS_OK);
    assert_int_equal(book_fixture_gauges(fixture->book).holds, 0);
}

static void test_a_held_orders_record_outlives_its_event(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_decision order = place(fixture->book, 60000);
    struct book_settled settled = {order.event_id, order.order_id};
    assert_int_equal(book_confirm(fixture->book, &order.event_id, 1, NULL), STATUS_OK);
    assert_int_equal(book_settle(fixture->book, &settled, 1, (struct bytes){0}, NULL), STATUS_OK);
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, 0);
    assert_int_equal(record_ttl(fixture, &order.order_id), -1);
    struct book_decision cancel = change(&order.order_id, 1, BOOK_HOLD_GIVEN_UP);
    assert_int_equal(book_fixture_decide(fixture->book, &cancel), BOOK_DECIDED);
    /* A late copy of the first event: the last one is still under way. */
    assert_int_equal(book_settle(fixture->book, &settled, 1, (struct bytes){0}, NULL), STATUS_OK);
    assert_int_equal(record_ttl(fixture, &order.order_id), -1);
    settled.event_id = cancel.event_id;
    assert_int_equal(book_settle(fixture->book, &settled, 1, (struct bytes){0}, NULL), STATUS_OK);
    assert_true(record_ttl(fixture, &order.order_id) > 0);
}

/* Not safer than what it changes, however many confirms have come, and after PostgreSQL has it,
 * which keeps it waiting then. */
static void test_a_change_is_behind_until_all_before_it_are_confirmed(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_decision order = place(fixture->book, 60000);
    struct book_decision first = change(&order.order_id, 1, BOOK_HOLD_MUST_RUN);
    struct book_decision second = change(&order.order_id, 2, BOOK_HOLD_NONE);
    assert_false(order.is_behind);
    assert_int_equal(book_fixture_decide(fixture->book, &first), BOOK_DECIDED);
    assert_true(first.is_behind);
    assert_int_equal(book_confirm(fixture->book, &first.event_id, 1, NULL), STATUS_OK);
    assert_int_equal(book_fixture_decide(fixture->book, &second), BOOK_DECIDED);
    assert_true(second.is_behind);
    assert_int_equal(book_confirm(fixture->book, &second.event_id, 1, NULL), STATUS_OK);
    struct book_lookup found = {.record_id = order.order_id};
    assert_int_equal(book_read(fixture->book, &found, 1, 0, NULL), STATUS_OK);
    assert_true(found.in_outbox && found.unconfirmed);
    struct book_settled settled = {second.event_id, order.order_id};
    assert_int_equal(book_settle(fixture->book, &settled, 1, (struct bytes){0}, NULL), STATUS_OK);
    assert_int_equal(book_read(fixture->book, &found, 1, 0, NULL), STATUS_OK);
    assert_true(found.in_outbox && found.unconfirmed);
    assert_int_equal(book_confirm(fixture->book, &order.event_id, 1, NULL), STATUS_OK);
    assert_int_equal(book_read(fixture->book, &found, 1, 0, NULL), STATUS_OK);
    assert_false(found.unconfirmed);
}

static void test_a_change_of_a_confirmed_order_is_not_behind(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_decision order = place(fixture->book, 60000);
    assert_int_equal(book_confirm(fixture->book, &order.event_id, 1, NULL), STATUS_OK);
    struct book_decision confirm = change(&order.order_id, 1, BOOK_HOLD_MUST_RUN);
    assert_int_equal(book_fixture_decide(fixture->book, &confirm), BOOK_DECIDED);
    assert_false(confirm.is_behind);
    /* But PostgreSQL lets it wait for what it changes, and has it only then. */
    assert_int_equal(book_confirm(fixture->book, &confirm.event_id, 1, NULL), STATUS_OK);
    struct book_settled settled = {confirm.event_id, order.order_id};
    assert_int_equal(book_settle(fixture->book, &settled, 1, (struct bytes){0}, NULL), STATUS_OK);
    struct book_lookup found = {.record_id = order.order_id};
    assert_int_equal(book_read(fixture->book, &found, 1, 0, NULL), STATUS_OK);
    assert_true(found.in_outbox && !found.unconfirmed);
    settled.event_id = order.event_id;
    assert_int_equal(book_settle(fixture->book, &settled, 1, (struct bytes){0}, NULL), STATUS_OK);
    assert_int_equal(book_read(fixture->book, &found, 1, 0, NULL), STATUS_OK);
    assert_false(found.in_outbox);
}

/* Nothing but the request's record. */
static void test_a_note_is_remembered_and_changes_nothing(void **state)
{
    struct book_fixture *fixture = *state;
    struct book_decision order = place(fixture->book, 60000);
    struct book_decision note = change(&order.order_id, 1, BOOK_NOTE);
    assert_int_equal(book_fixture_decide(fixture->book, &note), BOOK_NOTED);
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, 1);
    assert_int_equal(book_fixture_gauges(fixture->book).holds, 1);
    assert_true(record_ttl(fixture, &note.record_id) > 0);
    assert_int_equal(decide_change(fixture->book, &order.order_id, 1, BOOK_HOLD_MUST_RUN),
                     BOOK_DECIDED);
    assert_int_equal(book_fixture_decide(fixture->book, &note), BOOK_REPEATED);
    assert_int_equal(decide_change(fixture->book, &order.order_id, 1, BOOK_NOTE), BOOK_CONFLICT);
}

static void test_a_new_epoch_brings_its_holds_and_doubts_older_records(void **state)
{
    struct book_fixture *fixture = *state;
    struct uuid ids[CLAIM_MOST];
    struct book_decision old = place(fixture->book, 60000);
    static const struct book_take stock = {"a", 10};
    struct book_held held[] = {{uuid_v7(clock_system()), 1000}, {old.order_id, 4102444800000}};
    assert_int_equal(book_open_begin(fixture->book, NULL), STATUS_OK);
    assert_int_equal(book_fixture_gauges(fixture->book).holds, 0);
    assert_int_equal(book_open_load(fixture->book, &stock, 1, NULL), STATUS_OK);
    assert_int_equal(book_open_holds(fixture->book, held, 2, NULL), STATUS_OK);
    assert_int_equal(book_open_end(fixture->book, BOOK_TEST_EPOCH + 1, NULL), STATUS_OK);
    assert_int_equal(claim(fixture->book, ids), 1);
    assert_memory_equal(&ids[0], &held[0].order_id, sizeof ids[0]);
    struct book_lookup lookup = {.record_id = old.order_id};
    assert_int_equal(book_read(fixture->book, &lookup, 1, 0, NULL), STATUS_OK);
    assert_true(lookup.found && !lookup.record.is_current);
    /* PostgreSQL has it in version 3. */
    assert_int_equal(decide_change(fixture->book, &old.order_id, 3, BOOK_HOLD_MUST_RUN),
                     BOOK_DECIDED);
    assert_int_equal(decide_change(fixture->book, &old.order_id, 3, BOOK_HOLD_NONE), BOOK_CONFLICT);
}

struct racer {
    struct book_fixture *fixture;
    const struct book_decision *orders;
    enum book_hold hold;
    _Atomic int *winners; /* one an order */
};

static void *race(void *argument)
{
    struct racer *racer = argument;
    struct redis_link *link;
    struct book *book;
    book_fixture_connect(&racer->fixture->server, &link, &book);
    for (size_t i = 0; i < RACE_ORDERS; i++) {
        if (decide_change(book, &racer->orders[i].order_id, 1, racer->hold) == BOOK_DECIDED) {
            (void)atomic_fetch_add(&racer->winners[i], 1);
        }
    }
    book_destroy(&book);
    redis_link_destroy(&link);
    return NULL;
}

/* S16, S17: payments and expiries (two sweepers) of the same orders at the moment their holds end:
 * for each order exactly one wins. */
static void test_s16_s17_confirm_and_two_expiries_race(void **state)
{
    struct book_fixture *fixture = *state;
    static const struct book_take plenty = {"a", RACE_ORDERS};
    assert_int_equal(book_open_begin(fixture->book, NULL), STATUS_OK);
    assert_int_equal(book_open_load(fixture->book, &plenty, 1, NULL), STATUS_OK);
    assert_int_equal(book_open_end(fixture->book, BOOK_TEST_EPOCH, NULL), STATUS_OK);
    static struct book_decision orders[RACE_ORDERS];
    static _Atomic int winners[RACE_ORDERS];
    for (size_t i = 0; i < RACE_ORDERS; i++) {
        orders[i] = create_held(10 + (int64_t)i / 4);
        atomic_store(&winners[i], 0);
    }
    book_decide(fixture->book, orders, RACE_ORDERS, 0);
    struct racer racers[RACERS];
    pthread_t threads[RACERS];
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){fixture, orders, i < 2 ? BOOK_HOLD_MUST_RUN : BOOK_HOLD_MUST_END,
                                   winners};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    int64_t decided = 0;
    for (size_t i = 0; i < RACE_ORDERS; i++) {
        assert_true(winners[i] <= 1);
        decided += winners[i];
    }
    assert_int_equal(book_fixture_gauges(fixture->book).outbox, RACE_ORDERS + decided);
    assert_int_equal(book_fixture_gauges(fixture->book).holds, RACE_ORDERS - decided);
}

/* 10,000 that end together are claimed once each. */
static void test_many_holds_end_together(void **state)
{
    struct book_fixture *fixture = *state;
    static struct book_held held[MANY_HOLDS];
    for (size_t i = 0; i < MANY_HOLDS; i++) {
        held[i] = (struct book_held){uuid_v7(clock_system()), 1000};
    }
    assert_int_equal(book_open_holds(fixture->book, held, MANY_HOLDS, NULL), STATUS_OK);
    struct uuid ids[CLAIM_MOST];
    size_t claimed = 0, count;
    while ((count = claim(fixture->book, ids)) > 0) {
        claimed += count;
    }
    assert_int_equal(claimed, MANY_HOLDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_change_writes_the_order_and_its_request,
                                        book_fixture_setup, book_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_change_that_waits_in_the_outbox_is_not_made_again,
                                        book_fixture_setup, book_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_an_absent_order_may_be_changed, book_fixture_setup,
                                        book_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_change_may_take_units_or_be_refused,
                                        book_fixture_setup, book_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_hold_ends_by_redis_clock, book_fixture_setup,
                                        book_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_lease_ends, book_fixture_setup,
                                        book_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_held_orders_record_outlives_its_event,
                                        book_fixture_setup, book_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_change_is_behind_until_all_before_it_are_confirmed,
                                        book_fixture_setup, book_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_change_of_a_confirmed_order_is_not_behind,
                                        book_fixture_setup, book_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_note_is_remembered_and_changes_nothing,
                                        book_fixture_setup, book_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_new_epoch_brings_its_holds_and_doubts_older_records,
                                        book_fixture_setup, book_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_s16_s17_confirm_and_two_expiries_race,
                                        book_fixture_setup, book_fixture_teardown),
        cmocka_unit_test_setup_teardown(test_many_holds_end_together, book_fixture_setup,
                                        book_fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
