/* W1 to W6 of persist_events.h. */
#include <stdio.h>

#include "tests/cmocka_all.h"
#include "tests/unit/worker/fakes.h"
#include "worker/persist_events.h"

static const struct batch_limits LIMITS = {.events_max = 8, .bytes_max = 100000, .age_ms_max = 5};
static struct inbox inbox;
static struct worker_report report;
static struct persist persist;

static int set_up(void **state)
{
    (void)state;
    fakes_init();
    assert_true(inbox_init(&inbox, NULL, &LIMITS, &fakes.clock));
    worker_report_init(&report, 0, fakes.now_ms);
    persist = (struct persist){
        .options = {.idle_ms = 250, .hold_ms = 60000, .sweep_ms = 5000, .sweep_age_ms = 5000},
        .inbox = &inbox,
        .clock = &fakes.clock,
        .report = &report,
        .stands_back = true,
    };
    persist_step(&persist);
    assert_string_equal(fakes.told, "ready ");
    fakes.told[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    inbox_fini(&inbox);
    fakes_fini();
    return 0;
}

static void step(const char *expected)
{
    fakes.told[0] = '\0';
    persist_step(&persist);
    assert_string_equal(fakes.told, expected);
}

static void test_w1_acknowledged_after_the_commit_and_settled_after_that(void **state)
{
    (void)state;
    (void)fakes_queue_order(1, 101);
    (void)fakes_queue_order(2, 102);
    step("write(2) ack(2) settle(1:101,2:102) ");
    step("ready ");
}

static void test_w1_deltas_are_applied_last_and_then_forgotten(void **state)
{
    (void)state;
    struct bytes event = fakes_adjustment(1, 201, 5);
    (void)fakes_queue(&event, 1);
    fakes.deltas[0] = (struct book_delta){.delta_id = 1, .epoch = 1, .quantity = 5};
    fakes.delta_count = 1;
    step("write(1) ack(1) settle(1:201) apply(5) forget(1) ");
}

static void test_w1_nothing_is_acknowledged_while_the_commit_fails(void **state)
{
    (void)state;
    (void)fakes_queue_order(1, 101);
    fakes.write_statuses[0] = STATUS_UNAVAILABLE;
    fakes.write_statuses[1] = STATUS_UNKNOWN; /* may be committed: the same again */
    fakes.write_statuses[2] = STATUS_INTERNAL;
    fakes.write_status_count = 3;
    step("write(1)! idle write(1)! idle write(1)! idle write(1) ack(1) settle(1:101) ");
    assert_true(fakes.waited_ms > 0);
}

static void test_w2_a_redelivered_event_is_acknowledged_and_settled_again(void **state)
{
    (void)state;
    (void)fakes_queue_order(1, 101);
    (void)fakes_queue_order(2, 102);
    fakes.ack_status = STATUS_UNAVAILABLE;
    step("write(2) ack(2) settle(1:101,2:102) ");
    fakes.ack_status = STATUS_OK;
    fakes.consume_status = STATUS_UNAVAILABLE;
    step("");
    step("write(2) ack(2) settle(1:101,2:102) ");
    assert_int_equal(fakes.stored_count, 2);
}

/* Under its id Redis may have the same request, decided again in the epoch in force. */
static void test_w2_a_change_that_has_lapsed_is_acknowledged_and_not_settled(void **state)
{
    (void)state;
    fakes.lapsed = 2;
    (void)fakes_queue_order(1, 101);
    (void)fakes_queue_order(2, 102);
    (void)fakes_queue_order(3, 103);
    step("write(3) ack(3) settle(1:101,3:103) ");
    fakes.lapsed = 4;
    (void)fakes_queue_order(4, 104);
    step("write(1) ack(4) ");
}

static void test_w3_undecodable_events_are_letters_of_the_same_transaction(void **state)
{
    (void)state;
    struct bytes events[] = {fakes_order(1, 101), bytes_of_text("\x0a\xff"), fakes_order(3, 103)};
    (void)fakes_queue(events, 3);
    step("write(2+1) ack(1) settle(1:101,3:103) ");
    assert_int_equal(fakes.letter_count, 1);
}

static void test_w3_a_batch_of_letters_only_is_written_too(void **state)
{
    (void)state;
    (void)fakes_queue_raw(bytes_of_text("rubbish"));
    step("write(0+1) ack(1) ");
}

static void test_w3_a_faulty_event_is_found_and_its_neighbours_are_stored(void **state)
{
    (void)state;
    (void)fakes_queue_order(1, 101);
    (void)fakes_queue_order(2, 102);
    (void)fakes_queue_order(3, 103);
    fakes.faulty = 2;
    fakes.faulty_status = STATUS_FAILED_PRECONDITION;
    step("write(3)! write(1) write(1)! write(0+1) write(1) ack(3) settle(1:101,2:102,3:103) ");
    assert_int_equal(fakes.stored_count, 2);
    assert_string_equal(fakes.letters[0], "CONSTRAINT");
}

static void test_w3_letters_survive_a_faulty_neighbour(void **state)
{
    (void)state;
    struct bytes events[] = {fakes_order(1, 101), bytes_of_text("\x0a\xff")};
    (void)fakes_queue(events, 2);
    fakes.faulty = 1;
    fakes.faulty_status = STATUS_INVALID_ARGUMENT;
    step("write(1+1)! write(0+1) write(1)! write(0+1) ack(1) settle(1:101) ");
    assert_int_equal(fakes.letter_count, 2);
}

static void test_w3_an_outage_in_the_middle_of_isolation_is_waited_out(void **state)
{
    (void)state;
    (void)fakes_queue_order(1, 101);
    (void)fakes_queue_order(2, 102);
    fakes.faulty = 2;
    fakes.faulty_status = STATUS_FAILED_PRECONDITION;
    fakes.write_statuses[1] = STATUS_UNAVAILABLE;
    fakes.write_statuses[4] = STATUS_UNAVAILABLE;
    fakes.write_status_count = 5;
    step("write(2)! write(1)! idle write(1) write(1)! write(0+1)! idle write(0+1) ack(2) "
         "settle(1:101,2:102) ");
}

static void test_w3_parked_messages_are_tried_alone(void **state)
{
    (void)state;
    struct bytes events[] = {fakes_order(1, 101), fakes_order(2, 102)};
    fakes_queue(events, 2)->parked = true;
    (void)fakes_queue_order(3, 103);
    fakes.faulty = 2;
    fakes.faulty_status = STATUS_FAILED_PRECONDITION;
    step("write(1) write(1)! write(0+1) ack(1) settle(1:101,2:102) ");
    step("write(1) ack(2) settle(3:103) ");
}

static void fail_writes(size_t count)
{
    fakes.writes = 0;
    fakes.write_status_count = count;
    for (size_t i = 0; i < count; i++) {
        fakes.write_statuses[i] = STATUS_UNAVAILABLE;
    }
}

static void test_w4_a_long_outage_costs_one_delivery_attempt(void **state)
{
    (void)state;
    (void)fakes_queue_order(1, 101);
    fail_writes(FAKES_MAX);
    int64_t begin_ms = fakes.now_ms;
    fakes.told[0] = '\0';
    persist_step(&persist);
    assert_true(fakes.now_ms - begin_ms >= 60000);
    assert_true(fakes.now_ms - begin_ms < 65000);
    assert_non_null(strstr(fakes.told, "idle ")); /* heartbeats went on */
    assert_non_null(strstr(fakes.told, "release "));
    assert_null(strstr(fakes.told, "ack"));
    fakes.ready_status = STATUS_UNAVAILABLE;
    step("ready "); /* and nothing is taken */
    step("ready ");
    assert_int_equal(fakes.delivered, 0);
    fakes.ready_status = STATUS_OK;
    fail_writes(0);
    step("ready ");
    step("write(1) ack(1) settle(1:101) ");
}

static void test_w4_a_stop_does_not_wait_for_postgresql(void **state)
{
    (void)state;
    (void)fakes_queue_order(1, 101);
    fail_writes(FAKES_MAX);
    fakes.stopping = true;
    step("write(1)! idle release ");
    assert_true(fakes.waited_ms <= 50);
}

static void test_w5_redis_away_stops_nothing(void **state)
{
    (void)state;
    fakes.book_status = STATUS_UNAVAILABLE;
    fakes.deltas[0] = (struct book_delta){.delta_id = 1, .epoch = 1, .quantity = 5};
    fakes.delta_count = 1;
    (void)fakes_queue_order(1, 101);
    step("write(1) ack(1) settle(1:101) apply(5) "); /* and nothing is forgotten */
    (void)fakes_queue_order(2, 102);
    step("write(1) ack(2) settle(2:102) ");
}

static void test_w5_what_was_left_is_swept_in_time(void **state)
{
    (void)state;
    step("ready "); /* the first sweep, right at the start */
    fakes.left[0] = (struct book_delta){.delta_id = 1, .epoch = 1, .quantity = 5};
    fakes.left_count = 1;
    step("ready ");
    fakes.now_ms += 5000;
    fakes.book_status = STATUS_UNAVAILABLE;
    step("ready apply(5) swept(0) ");
    fakes.now_ms += 5000;
    fakes.book_status = STATUS_OK;
    step("ready apply(5) swept(1) ");
    fakes.now_ms += 5000;
    step("ready ");
}

static void test_w5_the_epoch_of_the_store_is_the_epoch_of_the_book(void **state)
{
    (void)state;
    fakes.epoch = 9;
    fakes.deltas[0] = (struct book_delta){.delta_id = 1, .epoch = 9, .quantity = -1};
    fakes.delta_count = 1;
    (void)fakes_queue_order(1, 101);
    step("write(1) ack(1) settle(1:101) apply(-1) forget(1) ");
    assert_int_equal(fakes.book_epoch, 9);
}

static void test_w3_a_letter_that_is_requeued_is_stored_after_all(void **state)
{
    (void)state;
    fakes.requeued =
        (struct requeued_letter){.letter_id = 7, .body = fakes_order(1, 101), .held = true};
    step("ready write(1) ");
    assert_int_equal(fakes.stored_count, 1);
    assert_int_equal(fakes.requeued.letter_id, 0);
}

static void test_w3_a_letter_that_still_cannot_be_stored_is_undecided_again(void **state)
{
    (void)state;
    fakes.requeued = (struct requeued_letter){.letter_id = 7, .body = fakes_order(1, 101)};
    fakes.faulty = 1;
    fakes.faulty_status = STATUS_FAILED_PRECONDITION;
    step("ready write(1)! return(7:CONSTRAINT) ");
    fakes.now_ms += 5000;
    fakes.requeued = (struct requeued_letter){.letter_id = 8, .body = bytes_of_text("\x0a\xff")};
    step("ready return(8:MALFORMED_MESSAGE) ");
    fakes.now_ms += 5000;
    fakes.requeued = (struct requeued_letter){.letter_id = 9, .body = fakes_order(2, 102)};
    fakes.write_statuses[fakes.writes] = STATUS_UNAVAILABLE;
    fakes.write_status_count = fakes.writes + 1;
    step("ready write(1)! "); /* another time */
    assert_int_equal(fakes.requeued.letter_id, 9);
}

static void test_w6_asked_to_be_quiet_it_lets_go_of_the_queue(void **state)
{
    (void)state;
    fakes.quiet = true;
    step("ready release ");
    (void)fakes_queue_order(1, 101);
    int64_t waited_ms = fakes.waited_ms;
    step("ready "); /* and nothing is taken */
    assert_true(fakes.waited_ms > waited_ms);
    assert_int_equal(fakes.delivered, 0);
    fakes.quiet = false;
    step("ready ");
    step("write(1) ack(1) settle(1:101) ");
}

static void test_w6_what_was_taken_is_stored_before(void **state)
{
    (void)state;
    fakes.quiet = true;
    for (uint8_t i = 1; i <= 9; i++) { /* one more than a batch */
        (void)fakes_queue_order(i, (uint8_t)(100 + i));
    }
    step("write(8) ack(8) settle(1:101,2:102,3:103,4:104,5:105,6:106,7:107,8:108) ");
    step("write(1) ack(9) settle(9:109) ");
    step("ready release ");
    assert_int_equal(fakes.stored_count, 9);
}

static void test_w6_without_an_answer_it_goes_on(void **state)
{
    (void)state;
    fakes.quiet = true;
    fakes.ready_status = STATUS_UNAVAILABLE;
    step("ready ");
    (void)fakes_queue_order(1, 101);
    step("write(1) ack(1) settle(1:101) ");
}

static void test_a_broker_that_refuses_from_the_start_is_hopeless(void **state)
{
    (void)state;
    fakes.consume_status = STATUS_FAILED_PRECONDITION;
    step("");
    assert_true(persist.refused);
}

static void test_a_broker_that_refuses_later_is_waited_for(void **state)
{
    (void)state;
    step("ready ");
    fakes.consume_status = STATUS_FAILED_PRECONDITION;
    step("");
    assert_false(persist.refused);
    fakes.consume_status = STATUS_UNAVAILABLE;
    step("");
    assert_false(persist.refused);
}

static void test_a_broker_that_gives_no_rights_is_hopeless(void **state)
{
    (void)state;
    fakes.consume_status = STATUS_PERMISSION_DENIED;
    step("");
    assert_true(persist.refused);
}

static void test_a_store_that_is_another_is_hopeless(void **state)
{
    (void)state;
    fakes.fits_status = STATUS_FAILED_PRECONDITION;
    assert_false(persist_begin(&persist));
    assert_true(persist.refused);
    assert_int_equal(fakes.waited_ms, 0);
}

static void test_a_store_that_is_away_is_waited_for(void **state)
{
    (void)state;
    fakes.fits_status = STATUS_UNAVAILABLE;
    fakes.fits_looks = 3;
    assert_true(persist_begin(&persist));
    assert_false(persist.refused);
    assert_true(fakes.waited_ms > 0);
}

#define STORY_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY_TEST(test_w1_acknowledged_after_the_commit_and_settled_after_that),
        STORY_TEST(test_w1_deltas_are_applied_last_and_then_forgotten),
        STORY_TEST(test_w1_nothing_is_acknowledged_while_the_commit_fails),
        STORY_TEST(test_w2_a_redelivered_event_is_acknowledged_and_settled_again),
        STORY_TEST(test_w2_a_change_that_has_lapsed_is_acknowledged_and_not_settled),
        STORY_TEST(test_w3_undecodable_events_are_letters_of_the_same_transaction),
        STORY_TEST(test_w3_a_batch_of_letters_only_is_written_too),
        STORY_TEST(test_w3_a_faulty_event_is_found_and_its_neighbours_are_stored),
        STORY_TEST(test_w3_letters_survive_a_faulty_neighbour),
        STORY_TEST(test_w3_an_outage_in_the_middle_of_isolation_is_waited_out),
        STORY_TEST(test_w3_parked_messages_are_tried_alone),
        STORY_TEST(test_w4_a_long_outage_costs_one_delivery_attempt),
        STORY_TEST(test_w4_a_stop_does_not_wait_for_postgresql),
        STORY_TEST(test_w5_redis_away_stops_nothing),
        STORY_TEST(test_w5_what_was_left_is_swept_in_time),
        STORY_TEST(test_w5_the_epoch_of_the_store_is_the_epoch_of_the_book),
        STORY_TEST(test_w3_a_letter_that_is_requeued_is_stored_after_all),
        STORY_TEST(test_w3_a_letter_that_still_cannot_be_stored_is_undecided_again),
        STORY_TEST(test_w6_asked_to_be_quiet_it_lets_go_of_the_queue),
        STORY_TEST(test_w6_what_was_taken_is_stored_before),
        STORY_TEST(test_w6_without_an_answer_it_goes_on),
        STORY_TEST(test_a_broker_that_refuses_from_the_start_is_hopeless),
        STORY_TEST(test_a_broker_that_refuses_later_is_waited_for),
        STORY_TEST(test_a_broker_that_gives_no_rights_is_hopeless),
        STORY_TEST(test_a_store_that_is_another_is_hopeless),
        STORY_TEST(test_a_store_that_is_away_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
