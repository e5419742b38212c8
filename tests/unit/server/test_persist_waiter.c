/* Who waits for PERSISTED is answered by the waiter's thread: persisted, or in time. */
#include <stdlib.h>

#include "server/persist_waiter.h"
#include "shop/order_codec.h"
#include "tests/cmocka_all.h"
#include "tests/support/process.h"
#include "tests/unit/server/lane_fixture.h"

#define ANSWERED_WITHIN_MS 20000

/* An accepted order's call, as the lane hands it over. */
struct waiting {
    struct rpc_call call;
    struct order order;
};

static struct waiting *new_waiting(int64_t timeout_ms)
{
    static struct order_line line = {.product_id = "tea", .quantity = 1, .unit_price_minor = 100};
    struct waiting *waiting = calloc(1, sizeof *waiting);
    assert_non_null(waiting);
    fake_call_init(&waiting->call, NULL, NULL, clock_monotonic_ms(clock_system()) + timeout_ms);
    waiting->order = (struct order){.order_id = uuid_v7(clock_system()),
                                    .customer_id = "c-1",
                                    .state = ORDER_CONFIRMED,
                                    .lines = &line,
                                    .line_count = 1,
                                    .currency = "EUR",
                                    .total_minor = 100,
                                    .order_ref = "",
                                    .payment_reference = "",
                                    .durability = DURABILITY_RESERVED,
                                    .version = 1};
    return waiting;
}

static bool take(struct persist_waiter *waiter, struct waiting *waiting)
{
    struct arena arena;
    arena_init(&arena, 4096, 1 << 16);
    bool taken =
        persist_waiter_take(waiter, &waiting->call, &waiting->order.order_id,
                            order_codec_order(&waiting->order, &arena), waiting->order.durability);
    arena_fini(&arena);
    return taken;
}

static void drop(struct waiting *waiting)
{
    fake_call_fini(&waiting->call);
    free(waiting);
}

/* Its record as Redis has it; its event is still in the outbox or settled. */
static void record(const struct waiting *waiting, bool in_outbox, bool is_current)
{
    struct fake_book_record *record = &fake_book.records[fake_book.record_count++];
    record->record_id = waiting->order.order_id;
    record->record = (struct book_record){.kind = BOOK_ACCEPTED,
                                          .is_current = is_current,
                                          .version = 1,
                                          .event_id = waiting->order.order_id};
    if (in_outbox) {
        fake_book_add_event(&waiting->order.order_id, bytes_of_text("event"), false);
    }
}

static bool is_answered(void *state)
{
    return ((struct waiting *)state)->call.answers > 0;
}

static void expect(struct waiting *waiting, enum durability durability)
{
    assert_true(wait_until(is_answered, waiting, ANSWERED_WITHIN_MS));
    const Shop__V1__Order *order = fake_call_expect_reply(&waiting->call);
    assert_int_equal(order->durability, durability);
    assert_int_equal(order->n_lines, 1);
}

static struct persist_waiter *start(void)
{
    fixture.options.clock = clock_system();
    struct persist_waiter *waiter;
    struct failure failure;
    assert_int_equal(persist_waiter_start(&fixture.options, &waiter, &failure), STATUS_OK);
    return waiter;
}

static void test_each_is_answered_when_it_is_persisted_or_its_time_is_up(void **state)
{
    (void)state;
    struct waiting *persisted = new_waiting(60000), *slow = new_waiting(150),
                   *lost = new_waiting(150), *old = new_waiting(150),
                   *patient = new_waiting(600000);
    record(persisted, false, true);
    record(slow, true, true);
    record(old, false, false); /* of an older epoch: it says nothing */
    record(patient, true, true);
    struct persist_waiter *waiter = start();
    struct waiting *all[] = {slow, lost, old, patient, persisted};
    for (size_t i = 0; i < 5; i++) {
        assert_true(take(waiter, all[i]));
    }
    expect(persisted, DURABILITY_PERSISTED);
    expect(slow, DURABILITY_QUEUED);
    assert_true(clock_monotonic_ms(clock_system()) >= slow->call.deadline_ms - 20);
    expect(lost, DURABILITY_RESERVED);
    expect(old, DURABILITY_RESERVED);
    assert_int_equal(patient->call.answers, 0);
    persist_waiter_stop(waiter);
    expect(patient, DURABILITY_QUEUED);
    for (size_t i = 0; i < 5; i++) {
        drop(all[i]);
    }
    persist_waiter_destroy(&waiter);
    assert_null(waiter);
    persist_waiter_destroy(&waiter);
}

/* Redis away, stock fenced: nothing is known, and callers are answered in time all the same. */
static void test_redis_away_costs_nobody_more_than_his_time(void **state)
{
    (void)state;
    fake_book.read = STATUS_UNAVAILABLE;
    struct waiting *first = new_waiting(100), *second = new_waiting(100);
    record(first, false, true);
    struct persist_waiter *waiter = start();
    assert_true(take(waiter, first));
    expect(first, DURABILITY_RESERVED);
    stock_gate_close(&fixture.gate);
    assert_true(take(waiter, second));
    expect(second, DURABILITY_RESERVED);
    persist_waiter_destroy(&waiter);
    drop(first);
    drop(second);
}

static void test_whom_it_does_not_take_stays_the_callers(void **state)
{
    (void)state;
    struct waiting *one = new_waiting(60000);
    assert_false(take(NULL, one));
    struct persist_waiter *waiter = start();
    persist_waiter_stop(waiter);
    assert_false(take(waiter, one));
    persist_waiter_destroy(&waiter);
    assert_int_equal(one->call.answers, 0);
    drop(one);
}

static void test_as_many_wait_as_may_and_no_more(void **state)
{
    (void)state;
    static struct waiting *all[PERSIST_WAITS_MAX + 1];
    struct persist_waiter *waiter = start();
    for (size_t i = 0; i <= PERSIST_WAITS_MAX; i++) {
        all[i] = new_waiting(600000);
        assert_int_equal(take(waiter, all[i]), i < PERSIST_WAITS_MAX);
    }
    persist_waiter_stop(waiter);
    for (size_t i = 0; i <= PERSIST_WAITS_MAX; i++) {
        assert_int_equal(all[i]->call.answers, i < PERSIST_WAITS_MAX ? 1 : 0);
        drop(all[i]);
    }
    persist_waiter_destroy(&waiter);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_is_answered_when_it_is_persisted_or_its_time_is_up),
        TEST(test_redis_away_costs_nobody_more_than_his_time),
        TEST(test_whom_it_does_not_take_stays_the_callers),
        TEST(test_as_many_wait_as_may_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
