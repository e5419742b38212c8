#include <stdio.h>

#include "tests/cmocka_all.h"
#include "tests/unit/worker/fakes.h"
#include "worker/inbox.h"

static const struct batch_limits LIMITS = {.events_max = 4, .bytes_max = 100000, .age_ms_max = 25};
static struct inbox inbox;

static int set_up(void **state)
{
    (void)state;
    fakes_init();
    assert_true(inbox_init(&inbox, NULL, &LIMITS, &fakes.clock));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    inbox_fini(&inbox);
    fakes_fini();
    return 0;
}

static void take(size_t messages, size_t events, size_t letters)
{
    struct failure failure;
    assert_int_equal(inbox_take(&inbox, 250, &failure), STATUS_OK);
    assert_int_equal(inbox.batch.messages, messages);
    assert_int_equal(inbox.event_count, events);
    assert_int_equal(inbox.letter_count, letters);
}

static void test_an_empty_queue_is_an_empty_batch(void **state)
{
    (void)state;
    take(0, 0, 0);
    assert_int_equal(fakes.now_ms, 1000250);
    struct failure failure;
    assert_int_equal(inbox_acknowledge(&inbox, &failure), STATUS_OK);
    assert_string_equal(fakes.told, "");
}

static void test_takes_what_waits_and_then_not_longer_than_its_age(void **state)
{
    (void)state;
    (void)fakes_queue_order(1, 101);
    (void)fakes_queue_order(2, 102);
    take(2, 2, 0);
    assert_int_equal(fakes.now_ms, 1000005);
    assert_int_equal(inbox.events[1].event->event_id.bytes[0], 2);
    struct failure failure;
    assert_int_equal(inbox_acknowledge(&inbox, &failure), STATUS_OK);
    assert_int_equal(fakes.acknowledged, 2);
}

static void test_a_message_that_does_not_fit_is_the_next_batch(void **state)
{
    (void)state;
    struct bytes three[] = {fakes_order(1, 101), fakes_order(2, 102), fakes_order(3, 103)};
    struct bytes two[] = {fakes_order(4, 104), fakes_order(5, 105)};
    (void)fakes_queue(three, 3);
    (void)fakes_queue(two, 2);
    take(1, 3, 0);
    struct failure failure;
    assert_int_equal(inbox_acknowledge(&inbox, &failure), STATUS_OK);
    assert_int_equal(fakes.acknowledged, 1); /* not the one that is carried */
    take(1, 2, 0);
    assert_int_equal(inbox_acknowledge(&inbox, &failure), STATUS_OK);
    assert_int_equal(fakes.acknowledged, 2);
}

static void test_a_large_message_is_a_batch_of_its_own(void **state)
{
    (void)state;
    struct bytes events[BROKER_MESSAGE_EVENTS_MAX];
    for (size_t i = 0; i < BROKER_MESSAGE_EVENTS_MAX; i++) {
        events[i] = fakes_order((uint8_t)i, (uint8_t)i);
    }
    (void)fakes_queue(events, BROKER_MESSAGE_EVENTS_MAX);
    (void)fakes_queue_order(1, 1);
    take(1, BROKER_MESSAGE_EVENTS_MAX, 0);
    take(1, 1, 0);
}

static void test_one_event_more_is_no_message_of_ours(void **state)
{
    (void)state;
    struct bytes events[BROKER_MESSAGE_EVENTS_MAX + 1];
    for (size_t i = 0; i <= BROKER_MESSAGE_EVENTS_MAX; i++) {
        events[i] = fakes_order(1, 1);
    }
    struct broker_delivery *message = fakes_queue(events, BROKER_MESSAGE_EVENTS_MAX + 1);
    take(1, 0, 1);
    assert_string_equal(inbox.letters[0].reason, "MALFORMED_EVENT");
    assert_true(bytes_equal(inbox.letters[0].body, message->body)); /* all of it */
}

static void test_a_bad_event_leaves_its_neighbours_alone(void **state)
{
    (void)state;
    struct bytes events[] = {fakes_order(1, 101), bytes_of_text("\x0a\xff\xff"),
                             fakes_order(3, 103)};
    (void)fakes_queue(events, 3);
    take(1, 2, 1);
    assert_int_equal(inbox.events[0].event->event_id.bytes[0], 1);
    assert_int_equal(inbox.events[1].event->event_id.bytes[0], 3);
    assert_true(bytes_equal(inbox.letters[0].body, events[1])); /* the event alone */
    assert_string_equal(inbox.letters[0].message_id, "m1");
    assert_string_equal(inbox.letters[0].routing_key, "order.created");
}

static void test_messages_that_cannot_be_split_become_letters(void **state)
{
    (void)state;
    (void)fakes_queue_raw(bytes_of_text("\x7f\x00random"));
    (void)fakes_queue_raw(bytes_of(NULL, 0));
    struct bytes whole = fakes_order(1, 101);
    struct bytes batch = event_codec_join(&whole, 1, &fakes.arena);
    (void)fakes_queue_raw(bytes_of(batch.data, batch.size - 1));
    (void)fakes_queue_order(4, 104);
    take(4, 1, 3);
}

static void test_another_type_of_message_is_not_looked_into(void **state)
{
    (void)state;
    struct broker_delivery *message = fakes_queue_order(1, 101);
    (void)snprintf(message->type, sizeof message->type, "shop.v9.Other");
    message = fakes_queue_order(2, 102);
    (void)snprintf(message->content_type, sizeof message->content_type, "text/plain");
    take(2, 0, 2);
    assert_string_equal(inbox.letters[0].reason, "UNKNOWN_MESSAGE");
    assert_string_equal(inbox.letters[1].reason, "UNKNOWN_MESSAGE");
}

static void test_a_parked_message_is_a_batch_of_its_own(void **state)
{
    (void)state;
    (void)fakes_queue_order(1, 101);
    fakes_queue_order(2, 102)->parked = true;
    (void)fakes_queue_order(3, 103);
    take(1, 1, 0);
    assert_false(inbox.parked);
    assert_false(inbox.events[0].lasting);
    take(1, 1, 0);
    assert_true(inbox.parked);
    assert_true(inbox.events[0].lasting); /* the drain may not have seen it */
    take(1, 1, 0);
    assert_false(inbox.parked);
}

static void test_what_has_killed_too_many_workers_is_not_decoded(void **state)
{
    (void)state;
    struct broker_delivery *message = fakes_queue_order(1, 101);
    message->parked = true;
    message->delivery_count = INBOX_PARKED_ATTEMPTS_MAX - 1;
    message = fakes_queue_order(2, 102);
    message->parked = true;
    message->delivery_count = INBOX_PARKED_ATTEMPTS_MAX;
    message = fakes_queue_order(3, 103);
    message->delivery_count = INBOX_PARKED_ATTEMPTS_MAX; /* that is for the queue to say */
    take(1, 1, 0);
    take(1, 0, 1);
    assert_string_equal(inbox.letters[0].reason, "TOO_MANY_ATTEMPTS");
    take(1, 1, 0);
}

static void test_a_lost_connection_takes_the_batch_with_it(void **state)
{
    (void)state;
    struct bytes three[] = {fakes_order(1, 101), fakes_order(2, 102), fakes_order(3, 103)};
    (void)fakes_queue(three, 3);
    (void)fakes_queue(three, 3);
    take(1, 3, 0); /* and carries one */
    fakes.consume_status = STATUS_UNAVAILABLE;
    struct failure failure;
    assert_int_equal(inbox_take(&inbox, 250, &failure), STATUS_UNAVAILABLE);
    assert_int_equal(inbox.batch.messages, 0);
    assert_int_equal(inbox.event_count, 0);
    assert_int_equal(fakes.alive, 0);
    take(1, 3, 0); /* both come again */
    take(1, 3, 0);
}

static void test_a_connection_made_anew_in_between_does_too(void **state)
{
    (void)state;
    struct bytes three[] = {fakes_order(1, 101), fakes_order(2, 102), fakes_order(3, 103)};
    (void)fakes_queue(three, 3);
    (void)fakes_queue(three, 3);
    take(1, 3, 0); /* carries the second */
    fakes.generation++;
    fakes.delivered = 0; /* over the new connection both come again */
    take(1, 3, 0);
    assert_int_equal(inbox.messages[0].tag, 1); /* not the one that was carried */
}

static void test_release_gives_all_back(void **state)
{
    (void)state;
    struct bytes three[] = {fakes_order(1, 101), fakes_order(2, 102), fakes_order(3, 103)};
    (void)fakes_queue(three, 3);
    (void)fakes_queue(three, 3);
    take(1, 3, 0);
    inbox_release(&inbox);
    assert_string_equal(fakes.told, "release ");
    assert_int_equal(fakes.alive, 0);
    take(1, 3, 0);
    assert_int_equal(inbox.messages[0].tag, 1);
}

#define INBOX_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        INBOX_TEST(test_an_empty_queue_is_an_empty_batch),
        INBOX_TEST(test_takes_what_waits_and_then_not_longer_than_its_age),
        INBOX_TEST(test_a_message_that_does_not_fit_is_the_next_batch),
        INBOX_TEST(test_a_large_message_is_a_batch_of_its_own),
        INBOX_TEST(test_one_event_more_is_no_message_of_ours),
        INBOX_TEST(test_a_bad_event_leaves_its_neighbours_alone),
        INBOX_TEST(test_messages_that_cannot_be_split_become_letters),
        INBOX_TEST(test_another_type_of_message_is_not_looked_into),
        INBOX_TEST(test_a_parked_message_is_a_batch_of_its_own),
        INBOX_TEST(test_what_has_killed_too_many_workers_is_not_decoded),
        INBOX_TEST(test_a_lost_connection_takes_the_batch_with_it),
        INBOX_TEST(test_a_connection_made_anew_in_between_does_too),
        INBOX_TEST(test_release_gives_all_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
