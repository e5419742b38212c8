#include "broker/broker_confirms.h"
#include "tests/cmocka_all.h"

static struct broker_confirms confirms;
static struct broker_message messages[BROKER_CONFIRMS_WINDOW + 8];

static void add(size_t count)
{
    broker_confirms_reset(&confirms);
    broker_confirms_begin(&confirms);
    memset(messages, 0, sizeof messages);
    for (size_t i = 0; i < count; i++) {
        messages[i].message_id.bytes[0] = (uint8_t)(i + 1);
        messages[i].message_id.bytes[1] = (uint8_t)(i >> 8);
        broker_confirms_add(&confirms, &messages[i]);
    }
}

static size_t confirmed(size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += messages[i].confirmed;
    }
    return sum;
}

static void test_single_acks_in_any_order(void **state)
{
    (void)state;
    add(3);
    broker_confirms_ack(&confirms, 3, false);
    assert_true(messages[2].confirmed);
    assert_int_equal(confirms.oldest, 1);
    broker_confirms_ack(&confirms, 1, false);
    assert_int_equal(confirms.oldest, 2);
    broker_confirms_ack(&confirms, 2, false);
    assert_int_equal(confirms.oldest, 4);
    assert_int_equal(confirms.waiting, 0);
    assert_int_equal(confirmed(3), 3);
}

static void test_ack_up_to_passes_over_what_is_answered(void **state)
{
    (void)state;
    add(5);
    broker_confirms_nack(&confirms, 2, false);
    broker_confirms_ack(&confirms, 4, true);
    assert_int_equal(confirmed(5), 3);
    assert_false(messages[1].confirmed);
    assert_false(messages[4].confirmed);
    assert_int_equal(confirms.waiting, 1);
    assert_int_equal(confirms.refused, 1);
}

static void test_nack_up_to_refuses_all(void **state)
{
    (void)state;
    add(4);
    broker_confirms_nack(&confirms, 4, true);
    assert_int_equal(confirms.refused, 4);
    assert_int_equal(confirms.waiting, 0);
    assert_int_equal(confirmed(4), 0);
}

static void test_zero_up_to_means_all(void **state)
{
    (void)state;
    add(4);
    broker_confirms_ack(&confirms, 0, true);
    assert_int_equal(confirmed(4), 4);
}

static void test_a_returned_message_is_not_confirmed_by_its_ack(void **state)
{
    (void)state;
    add(3);
    broker_confirms_return(&confirms, &messages[1].message_id);
    broker_confirms_ack(&confirms, 3, true);
    assert_int_equal(confirmed(3), 2);
    assert_false(messages[1].confirmed);
    assert_int_equal(confirms.returned, 1);
}

static void test_answers_to_unknown_numbers_change_nothing(void **state)
{
    (void)state;
    add(2);
    broker_confirms_ack(&confirms, 3, false); /* not yet published */
    broker_confirms_ack(&confirms, UINT64_MAX, true);
    broker_confirms_ack(&confirms, 0, false);
    struct uuid stranger = {{99}};
    broker_confirms_return(&confirms, &stranger);
    assert_int_equal(confirms.waiting, 2);
    broker_confirms_ack(&confirms, 2, true);
    broker_confirms_ack(&confirms, 1, false); /* twice */
    broker_confirms_nack(&confirms, 2, true);
    assert_int_equal(confirmed(2), 2);
    assert_int_equal(confirms.refused, 0);
}

static void test_late_answers_touch_nothing_of_a_call_that_ended(void **state)
{
    (void)state;
    add(2);
    broker_confirms_end(&confirms);
    broker_confirms_begin(&confirms);
    broker_confirms_add(&confirms, &messages[2]);
    broker_confirms_ack(&confirms, 2, true);
    assert_int_equal(confirmed(2), 0);
    assert_int_equal(confirms.waiting, 1);
    broker_confirms_nack(&confirms, 3, false);
    assert_int_equal(confirms.refused, 1);
}

static void test_the_window_has_an_end_and_opens_again(void **state)
{
    (void)state;
    add(BROKER_CONFIRMS_WINDOW - 1);
    assert_true(broker_confirms_has_room(&confirms));
    broker_confirms_add(&confirms, &messages[BROKER_CONFIRMS_WINDOW - 1]);
    assert_false(broker_confirms_has_room(&confirms));
    broker_confirms_ack(&confirms, 2, false); /* not the oldest: its slot is not free yet */
    assert_false(broker_confirms_has_room(&confirms));
    broker_confirms_ack(&confirms, 1, false);
    assert_true(broker_confirms_has_room(&confirms));
    broker_confirms_add(&confirms, &messages[BROKER_CONFIRMS_WINDOW]);
    broker_confirms_ack(&confirms, 0, true);
    assert_int_equal(confirmed(BROKER_CONFIRMS_WINDOW + 1), BROKER_CONFIRMS_WINDOW + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_acks_in_any_order),
        cmocka_unit_test(test_ack_up_to_passes_over_what_is_answered),
        cmocka_unit_test(test_nack_up_to_refuses_all),
        cmocka_unit_test(test_zero_up_to_means_all),
        cmocka_unit_test(test_a_returned_message_is_not_confirmed_by_its_ack),
        cmocka_unit_test(test_answers_to_unknown_numbers_change_nothing),
        cmocka_unit_test(test_late_answers_touch_nothing_of_a_call_that_ended),
        cmocka_unit_test(test_the_window_has_an_end_and_opens_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
