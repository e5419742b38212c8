/* The verbs of an order and its hold, on a book that decides as the scripts do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/expire_holds.h"
#include "server/query_order_events.h"
#include "server/query_orders.h"
#include "shop/identity.h"
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

#define STATE(NAME) SHOP__V1__ORDER__STATE__STATE_##NAME

static char order_id[UUID_TEXT_BYTES];
static struct uuid order_uuid;

/* An order of 4 tea (line 1) and 2 pots (line 2), PENDING. */
static void place(const char *request_id)
{
    struct order_call *order = order_call_new(request_id, "tea", 4);
    order_call_add(order, "pot", 2);
    order_call_send(order);
    (void)snprintf(order_id, sizeof order_id, "%s", order_call_reply(order)->order_id);
    assert_true(uuid_parse(order_id, &order_uuid));
    order_call_drop(order);
}

static int setup(void **state)
{
    (void)fixture_setup(state);
    place(fixture_request_id(0));
    return 0;
}

static struct change_call *send(enum order_verb verb, int32_t line, int32_t quantity)
{
    struct change_call *change =
        change_call_new(verb, fixture_request_id(0), order_id, line, quantity);
    change_calls_send(&change, 1);
    return change;
}

static void expect_state(enum order_verb verb, int32_t line, int32_t quantity,
                         Shop__V1__Order__State state, const char *etag)
{
    struct change_call *change = send(verb, line, quantity);
    const Shop__V1__Order *order = change_call_reply(change);
    assert_int_equal(order->state, state);
    assert_string_equal(order->etag, etag);
    change_call_drop(change);
}

static void expect_refusal(enum order_verb verb, int32_t line, int32_t quantity, const char *reason)
{
    struct change_call *change = send(verb, line, quantity);
    fake_call_expect_failure(&change->call, STATUS_FAILED_PRECONDITION, reason);
    change_call_drop(change);
}

static void expire(void)
{
    assert_true(fake_book_end_hold(&order_uuid));
    assert_int_equal(expire_holds_round(fixture.lane), RELAY_WORKED);
}

static Shop__V1__Order__State state_now(void)
{
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    struct rpc_call call, *calls[] = {&call};
    request.order_id = order_id;
    fake_call_init(&call, &request.base, NULL, clock_monotonic_ms(fixture.lane->clock) + 1000);
    get_orders(fixture.lane, calls, 1);
    const Shop__V1__Order *order = fake_call_expect_reply(&call);
    Shop__V1__Order__State state = order->state;
    fake_call_fini(&call);
    return state;
}

static void test_an_order_lives_from_hold_to_fulfilment(void **state)
{
    (void)state;
    assert_int_equal(fake_book.hold_count, 1);
    assert_int_equal(fake_book.holds[0].hold_ms, SHOP_HOLD_MS_DEFAULT);
    struct change_call *confirm = send(ORDER_CONFIRM, 0, 0);
    const Shop__V1__Order *order = change_call_reply(confirm);
    assert_int_equal(order->state, STATE(CONFIRMED));
    assert_int_equal(order->durability, SHOP__V1__DURABILITY__DURABILITY_QUEUED);
    assert_string_equal(order->payment_reference, "pay-1");
    assert_null(order->expire_time);
    change_call_drop(confirm);
    assert_int_equal(fake_book.hold_count, 0);
    expect_state(ORDER_FULFIL, 1, 3, STATE(PARTIALLY_FULFILLED), "3");
    expect_state(ORDER_CANCEL, 2, 2, STATE(PARTIALLY_FULFILLED), "4");
    expect_state(ORDER_FULFIL, 0, 0, STATE(FULFILLED), "5");
    expect_state(ORDER_FULFIL, 0, 0, STATE(FULFILLED), "5");
    assert_int_equal(state_now(), STATE(FULFILLED));
    assert_int_equal(fake_book.outbox_count, 5);
    assert_int_equal(fake_book_available("tea"), 6); /* nothing comes back here */
    expect_refusal(ORDER_CANCEL, 0, 0, "NOTHING_TO_CANCEL");
    expect_refusal(ORDER_FULFIL, 1, 1, "WRONG_STATE");
}

/* S22, S31 */
static void test_the_same_request_changes_once_and_answers_the_order_as_it_is(void **state)
{
    (void)state;
    const char *id = fixture_request_id(0);
    struct change_call *calls[] = {
        change_call_new(ORDER_CANCEL, id, order_id, 1, 1),
        change_call_new(ORDER_CANCEL, id, order_id, 1, 1),
        change_call_new(ORDER_CANCEL, id, order_id, 1, 2),
    };
    change_calls_send(calls, 3);
    assert_int_equal(change_call_reply(calls[0])->lines[0]->cancelled_quantity, 1);
    assert_int_equal(change_call_reply(calls[1])->lines[0]->cancelled_quantity, 1);
    fake_call_expect_failure(&calls[2]->call, STATUS_INVALID_ARGUMENT, "REQUEST_ID_REUSED");
    assert_int_equal(fake_book.outbox_count, 2);
    expect_state(ORDER_CANCEL, 0, 0, STATE(CANCELLED), "3");
    struct change_call *late = change_call_new(ORDER_CANCEL, calls[0]->request_id, order_id, 1, 1);
    change_calls_send(&late, 1);
    assert_int_equal(change_call_reply(late)->state, STATE(CANCELLED));
    assert_int_equal(fake_book.outbox_count, 3);
    for (size_t i = 0; i < 3; i++) {
        change_call_drop(calls[i]);
    }
    change_call_drop(late);
}

/* Its caller may have missed the answer, and repeats it when the order has gone on. */
static void test_a_request_that_changed_nothing_is_answered_the_same_later(void **state)
{
    (void)state;
    expect_state(ORDER_CONFIRM, 0, 0, STATE(CONFIRMED), "2");
    const char *id = fixture_request_id(0);
    struct change_call *calls[] = {change_call_new(ORDER_CONFIRM, id, order_id, 0, 0),
                                   change_call_new(ORDER_CONFIRM, id, order_id, 0, 0)};
    change_calls_send(&calls[0], 1);
    assert_int_equal(change_call_reply(calls[0])->state, STATE(CONFIRMED));
    expect_state(ORDER_CANCEL, 0, 0, STATE(CANCELLED), "3");
    assert_int_equal(fake_book.outbox_count, 3);
    change_calls_send(&calls[1], 1);
    assert_int_equal(change_call_reply(calls[1])->state, STATE(CANCELLED));
    expect_refusal(ORDER_CONFIRM, 0, 0, "WRONG_STATE"); /* another request */
    assert_int_equal(fake_book.outbox_count, 3);
    change_call_drop(calls[0]);
    change_call_drop(calls[1]);
}

/* With Redis the order may go, and its change with it, whatever RabbitMQ has of that. */
static void test_a_change_is_no_safer_than_what_it_changes(void **state)
{
    (void)state;
    fake_book.behind = true;
    struct change_call *confirm = send(ORDER_CONFIRM, 0, 0);
    assert_int_equal(change_call_reply(confirm)->durability,
                     SHOP__V1__DURABILITY__DURABILITY_RESERVED);
    change_call_drop(confirm);
    fake_book.behind = false;
    struct change_call *cancel = send(ORDER_CANCEL, 0, 0);
    assert_int_equal(change_call_reply(cancel)->durability,
                     SHOP__V1__DURABILITY__DURABILITY_QUEUED);
    change_call_drop(cancel);
}

/* The request's record is gone; its event is in PostgreSQL. */
static void test_a_forgotten_request_is_found_among_the_events(void **state)
{
    (void)state;
    struct change_call *first = change_call_new(ORDER_CANCEL, "r-old", order_id, 1, 1);
    change_calls_send(&first, 1);
    assert_int_equal(change_call_reply(first)->lines[0]->cancelled_quantity, 1);
    change_call_drop(first);
    struct uuid event_id = identity_of_request(IDENTITY_CHANGE, "r-old");
    struct fake_book_record *record = fake_book_record(&event_id);
    assert_non_null(record);
    memset(&record->record_id, 0xee, sizeof record->record_id);
    fake_postgres.persisted[fake_postgres.persisted_count++] = event_id;
    struct change_call *again = change_call_new(ORDER_CANCEL, "r-old", order_id, 1, 1);
    change_calls_send(&again, 1);
    assert_int_equal(change_call_reply(again)->lines[0]->cancelled_quantity, 1);
    assert_int_equal(fake_book.outbox_count, 2);
    change_call_drop(again);
}

/* S20: one of them wins, the other sees what it made. */
static void test_a_batch_of_verbs_on_one_order_runs_one_after_the_other(void **state)
{
    (void)state;
    struct change_call *calls[] = {
        change_call_new(ORDER_CANCEL, fixture_request_id(0), order_id, 1, 3),
        change_call_new(ORDER_CANCEL, fixture_request_id(0), order_id, 1, 3),
        change_call_new(ORDER_CONFIRM, fixture_request_id(0), order_id, 0, 0),
        change_call_new(ORDER_FULFIL, fixture_request_id(0), order_id, 2, 2),
    };
    change_calls_send(calls, 4);
    assert_int_equal(change_call_reply(calls[0])->lines[0]->cancelled_quantity, 3);
    fake_call_expect_failure(&calls[1]->call, STATUS_FAILED_PRECONDITION, "QUANTITY_EXCEEDED");
    assert_int_equal(change_call_reply(calls[2])->state, STATE(CONFIRMED));
    fake_call_expect_failure(&calls[3]->call, STATUS_FAILED_PRECONDITION, "WRONG_STATE");
    for (size_t i = 0; i < 4; i++) {
        change_call_drop(calls[i]);
    }
}

static void bump_version(void)
{
    fake_book_record(&order_uuid)->record.version++;
}

static void test_an_order_that_never_holds_still_is_a_conflict(void **state)
{
    (void)state;
    fake_book.on_decide = bump_version;
    struct change_call *confirm = send(ORDER_CONFIRM, 0, 0);
    fake_call_expect_failure(&confirm->call, STATUS_ABORTED, "CONFLICT");
    change_call_drop(confirm);
    assert_int_equal(fake_book.outbox_count, 1);
}

/* S16, S17 */
static void test_a_hold_that_ends_expires_the_order_once(void **state)
{
    (void)state;
    assert_int_equal(expire_holds_round(fixture.lane), RELAY_IDLE);
    expire();
    assert_int_equal(state_now(), STATE(EXPIRED));
    assert_int_equal(fake_book.hold_count, 0);
    assert_int_equal(fake_book.outbox_count, 2);
    assert_int_equal(expire_holds_round(fixture.lane), RELAY_IDLE);
    assert_int_equal(fake_book_available("tea"), 6);
    expect_state(ORDER_CANCEL, 0, 0, STATE(EXPIRED), "2");
}

static void test_an_expiry_that_comes_too_late_changes_nothing(void **state)
{
    (void)state;
    struct change_call *confirm = send(ORDER_CONFIRM, 0, 0);
    change_call_drop(confirm);
    fake_book.holds[0].order_id = order_uuid; /* claimed by another just before */
    fake_book.holds[0].ended = true;
    fake_book.hold_count = 1;
    assert_int_equal(expire_holds_round(fixture.lane), RELAY_WORKED);
    assert_int_equal(state_now(), STATE(CONFIRMED));
    assert_int_equal(fake_book.hold_count, 0);
    assert_int_equal(fake_book.outbox_count, 2);
}

/* S15 */
static void test_a_late_payment_takes_the_units_again_or_is_refused(void **state)
{
    (void)state;
    assert_true(fake_book_end_hold(&order_uuid));
    expect_refusal(ORDER_CONFIRM, 0, 0, "ORDER_EXPIRED"); /* ended, not resolved yet */
    assert_int_equal(expire_holds_round(fixture.lane), RELAY_WORKED);
    expect_refusal(ORDER_CONFIRM, 0, 0, "ORDER_EXPIRED");
    fake_book_set_stock("tea", 3);
    struct change_call *late =
        change_call_new(ORDER_CONFIRM, fixture_request_id(0), order_id, 0, 0);
    late->request.confirm.reacquire = true;
    change_calls_send(&late, 1);
    fake_call_expect_failure(&late->call, STATUS_FAILED_PRECONDITION, "OUT_OF_STOCK");
    change_call_drop(late);
    fake_book_set_stock("tea", 4);
    late = change_call_new(ORDER_CONFIRM, fixture_request_id(0), order_id, 0, 0);
    late->request.confirm.reacquire = true;
    change_calls_send(&late, 1);
    assert_int_equal(change_call_reply(late)->state, STATE(CONFIRMED));
    change_call_drop(late);
    assert_int_equal(fake_book_available("tea"), 0);
    assert_int_equal(fake_book_available("pot"), 6);
}

static void test_reacquire_before_the_expiry_keeps_the_units(void **state)
{
    (void)state;
    assert_true(fake_book_end_hold(&order_uuid));
    struct change_call *late =
        change_call_new(ORDER_CONFIRM, fixture_request_id(0), order_id, 0, 0);
    late->request.confirm.reacquire = true;
    change_calls_send(&late, 1);
    assert_int_equal(change_call_reply(late)->state, STATE(CONFIRMED));
    change_call_drop(late);
    assert_int_equal(fake_book_available("tea"), 6);
    assert_int_equal(fake_book.hold_count, 0);
}

/* Redis has lost the order's changes: PostgreSQL has them. */
static void test_a_record_of_an_older_epoch_is_not_believed(void **state)
{
    (void)state;
    fake_book_record(&order_uuid)->record.is_current = false;
    static struct order_line line = {.product_id = "tea", .quantity = 4};
    fake_postgres.orders[0] = (struct stored_order){.order = {.order_id = order_uuid,
                                                              .customer_id = "c-1",
                                                              .state = ORDER_CONFIRMED,
                                                              .lines = &line,
                                                              .line_count = 1,
                                                              .currency = "EUR",
                                                              .order_ref = "",
                                                              .payment_reference = "pay-1",
                                                              .version = 2,
                                                              .durability = DURABILITY_PERSISTED}};
    fake_postgres.order_count = 1;
    assert_int_equal(state_now(), STATE(CONFIRMED));
    expect_state(ORDER_FULFIL, 1, 4, STATE(FULFILLED), "3");
    assert_int_equal(state_now(), STATE(FULFILLED));
}

static void test_bad_verbs_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *request_id, *order_id, *reason;
        enum status code;
    } cases[] = {
        {"", NULL, "BAD_ID", STATUS_INVALID_ARGUMENT},
        {"r-1", "no-uuid", "BAD_ID", STATUS_INVALID_ARGUMENT},
        {"r-1", "00000000-0000-7000-8000-000000000001", "ORDER_NOT_FOUND", STATUS_NOT_FOUND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *id = cases[i].order_id != NULL ? cases[i].order_id : order_id;
        struct change_call *change = change_call_new(ORDER_CANCEL, cases[i].request_id, id, 0, 0);
        change_calls_send(&change, 1);
        fake_call_expect_failure(&change->call, cases[i].code, cases[i].reason);
        change_call_drop(change);
    }
    fake_book.read = STATUS_UNAVAILABLE;
    struct change_call *change = send(ORDER_CONFIRM, 0, 0);
    fake_call_expect_failure(&change->call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    change_call_drop(change);
}

static void test_orders_are_got_in_batches(void **state)
{
    (void)state;
    char missing[] = "00000000-0000-7000-8000-000000000001", bad[] = "no-uuid";
    char *ids[] = {missing, order_id, bad};
    Shop__V1__BatchGetOrdersRequest request = SHOP__V1__BATCH_GET_ORDERS_REQUEST__INIT;
    struct rpc_call call, *calls[] = {&call};
    request.order_ids = ids;
    const struct {
        size_t count;
        const char *reason;
    } cases[] = {{2, NULL}, {3, "BAD_ID"}, {0, "BAD_BATCH_SIZE"}};
    for (size_t i = 0; i < 3; i++) {
        request.n_order_ids = cases[i].count;
        fake_call_init(&call, &request.base, NULL, clock_monotonic_ms(fixture.lane->clock) + 1000);
        batch_get_orders(fixture.lane, calls, 1);
        if (cases[i].reason != NULL) {
            fake_call_expect_failure(&call, STATUS_INVALID_ARGUMENT, cases[i].reason);
        } else {
            const Shop__V1__BatchGetOrdersResponse *response = fake_call_expect_reply(&call);
            assert_int_equal(response->n_orders, 1);
            assert_string_equal(response->orders[0]->order_id, order_id);
            assert_int_equal(response->n_missing_order_ids, 1);
            assert_string_equal(response->missing_order_ids[0], missing);
        }
        fake_call_fini(&call);
    }
}

static void test_others_orders_are_missing_from_a_batch(void **state)
{
    (void)state;
    char missing[] = "00000000-0000-7000-8000-000000000001", own[] = "c-1", another[] = "c-2";
    char *ids[] = {order_id, missing};
    Shop__V1__BatchGetOrdersRequest request = SHOP__V1__BATCH_GET_ORDERS_REQUEST__INIT;
    struct rpc_call call, *calls[] = {&call};
    request.order_ids = ids;
    request.n_order_ids = 2;
    for (size_t found = 0; found < 2; found++) {
        request.customer_id = found == 1 ? own : another;
        fake_call_init(&call, &request.base, NULL, clock_monotonic_ms(fixture.lane->clock) + 1000);
        batch_get_orders(fixture.lane, calls, 1);
        const Shop__V1__BatchGetOrdersResponse *response = fake_call_expect_reply(&call);
        assert_int_equal(response->n_orders, found);
        assert_int_equal(response->n_missing_order_ids, 2 - found);
        assert_string_equal(response->missing_order_ids[1 - found], missing);
        fake_call_fini(&call);
    }
}

/* Also behind its end, and while PostgreSQL has none of its events yet. */
static void test_anothers_timeline_is_not_there(void **state)
{
    (void)state;
    char own[] = "c-1", another[] = "c-2";
    Shop__V1__ListOrderEventsRequest request = SHOP__V1__LIST_ORDER_EVENTS_REQUEST__INIT;
    struct rpc_call call, *calls[] = {&call};
    request.order_id = order_id;
    for (int32_t versions = 0; versions < 2; versions++) {
        fake_postgres.event_versions = versions;
        request.customer_id = own;
        fake_call_init(&call, &request.base, NULL, clock_monotonic_ms(fixture.lane->clock) + 1000);
        list_order_events(fixture.lane, calls, 1);
        const Shop__V1__ListOrderEventsResponse *response = fake_call_expect_reply(&call);
        assert_int_equal(response->n_order_events, versions);
        fake_call_fini(&call);
        request.customer_id = another;
        fake_call_init(&call, &request.base, NULL, clock_monotonic_ms(fixture.lane->clock) + 1000);
        list_order_events(fixture.lane, calls, 1);
        fake_call_expect_failure(&call, STATUS_NOT_FOUND, "ORDER_NOT_FOUND");
        fake_call_fini(&call);
    }
}

static void test_a_timeline_comes_in_pages(void **state)
{
    (void)state;
    fake_postgres.event_versions = 5;
    char token[128] = "";
    int32_t seen = 0;
    for (int page = 0; page < 3; page++) {
        Shop__V1__ListOrderEventsRequest request = SHOP__V1__LIST_ORDER_EVENTS_REQUEST__INIT;
        struct rpc_call call, *calls[] = {&call};
        request.order_id = order_id;
        request.page_size = 2;
        request.page_token = token;
        fake_call_init(&call, &request.base, NULL, clock_monotonic_ms(fixture.lane->clock) + 1000);
        list_order_events(fixture.lane, calls, 1);
        const Shop__V1__ListOrderEventsResponse *response = fake_call_expect_reply(&call);
        for (size_t i = 0; i < response->n_order_events; i++) {
            assert_int_equal(response->order_events[i]->version, ++seen);
        }
        (void)snprintf(token, sizeof token, "%s", response->next_page_token);
        fake_call_fini(&call);
    }
    assert_int_equal(seen, 5);
    assert_string_equal(token, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_order_lives_from_hold_to_fulfilment, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(
            test_the_same_request_changes_once_and_answers_the_order_as_it_is, setup,
            fixture_teardown),
        cmocka_unit_test_setup_teardown(
            test_a_request_that_changed_nothing_is_answered_the_same_later, setup,
            fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_change_is_no_safer_than_what_it_changes, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_forgotten_request_is_found_among_the_events, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_batch_of_verbs_on_one_order_runs_one_after_the_other,
                                        setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_an_order_that_never_holds_still_is_a_conflict, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_hold_that_ends_expires_the_order_once, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_an_expiry_that_comes_too_late_changes_nothing, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_late_payment_takes_the_units_again_or_is_refused,
                                        setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_reacquire_before_the_expiry_keeps_the_units, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_record_of_an_older_epoch_is_not_believed, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bad_verbs_are_refused, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_orders_are_got_in_batches, setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_others_orders_are_missing_from_a_batch, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_anothers_timeline_is_not_there, setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_timeline_comes_in_pages, setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
