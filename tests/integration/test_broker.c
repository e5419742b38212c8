/* Publisher and consumer against a real RabbitMQ. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/cmocka_all.h"
#include "tests/integration/broker_fixture.h"
#include "tests/support/process.h"
#include "tests/support/stores.h"

#define MANY 3000 /* more than the confirm window */

static struct broker_fixture fixture;

static int set_up(void **state)
{
    (void)state;
    broker_fixture_create(&fixture);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    broker_fixture_destroy(&fixture);
    return 0;
}

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

static void test_a_message_arrives_as_it_was_sent(void **state)
{
    (void)state;
    struct broker_message message = broker_fixture_message(bytes_of("a\0b", 3));
    message.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    struct failure failure;
    assert_int_equal(
        broker_publish(fixture.publisher, &message, 1, now_ms() + DEADLINE_MS, &failure),
        STATUS_OK);
    assert_true(message.confirmed);
    struct broker_delivery delivery;
    bool got;
    assert_int_equal(broker_consume(fixture.consumer, DEADLINE_MS, &delivery, &got, &failure),
                     STATUS_OK);
    assert_true(got);
    char message_id[UUID_TEXT_BYTES];
    uuid_print(&message.message_id, message_id);
    assert_true(bytes_equal(delivery.body, message.body));
    assert_string_equal(delivery.message_id, message_id);
    assert_string_equal(delivery.routing_key, BROKER_ROUTING_ORDER_CREATED);
    assert_string_equal(delivery.content_type, BROKER_CONTENT_TYPE);
    assert_string_equal(delivery.type, BROKER_EVENT_TYPE);
    assert_string_equal(delivery.traceparent, message.traceparent);
    assert_false(delivery.redelivered);
    assert_false(delivery.parked);
    assert_int_equal(delivery.delivery_count, 0);
    assert_int_equal(broker_ack_up_to(fixture.consumer, delivery.tag, &failure), STATUS_OK);
    broker_delivery_free(&delivery);
}

static void test_thousands_are_all_confirmed(void **state)
{
    (void)state;
    struct broker_message *messages = calloc(MANY, sizeof *messages);
    for (size_t i = 0; i < MANY; i++) {
        messages[i] = broker_fixture_message(bytes_of_text("many"));
    }
    struct failure failure;
    assert_int_equal(
        broker_publish(fixture.publisher, messages, MANY, now_ms() + DEADLINE_MS, &failure),
        STATUS_OK);
    for (size_t i = 0; i < MANY; i++) {
        assert_true(messages[i].confirmed);
    }
    free(messages);
    int64_t ready;
    int64_t consumers;
    assert_int_equal(broker_queue_depth(fixture.publisher, &ready, &consumers, &failure),
                     STATUS_OK);
    assert_int_equal(consumers, 0);
    broker_fixture_wait_ready(&fixture, MANY);
    uint64_t last = 0;
    for (size_t i = 0; i < MANY; i++) {
        struct broker_delivery delivery;
        broker_fixture_expect_text(&fixture, "many", &delivery);
        last = delivery.tag;
        broker_delivery_free(&delivery);
        if (i % 50 == 49) {
            assert_int_equal(broker_ack_up_to(fixture.consumer, last, &failure), STATUS_OK);
        }
    }
}

static void test_large_bodies_come_in_many_frames(void **state)
{
    (void)state;
    size_t size = 1000003; /* eight frames, the last one odd */
    uint8_t *bytes = malloc(size);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    }
    struct broker_message message = broker_fixture_message(bytes_of(bytes, size));
    struct failure failure;
    assert_int_equal(
        broker_publish(fixture.publisher, &message, 1, now_ms() + DEADLINE_MS, &failure),
        STATUS_OK);
    struct broker_delivery delivery;
    bool got = false;
    int64_t until_ms = now_ms() + DEADLINE_MS;
    while (!got && now_ms() < until_ms) { /* small bites: the body outlives many a consume */
        assert_int_equal(broker_consume(fixture.consumer, 1, &delivery, &got, &failure), STATUS_OK);
    }
    assert_true(got);
    assert_true(bytes_equal(delivery.body, message.body));
    broker_delivery_free(&delivery);
    free(bytes);
}

static void test_an_unroutable_message_is_not_confirmed_and_harms_no_other(void **state)
{
    (void)state;
    struct broker_message messages[] = {broker_fixture_message(bytes_of_text("1")),
                                        broker_fixture_message(bytes_of_text("2")),
                                        broker_fixture_message(bytes_of_text("3"))};
    messages[1].routing_key = "nobody.listens";
    struct failure failure;
    assert_int_equal(
        broker_publish(fixture.publisher, messages, 3, now_ms() + DEADLINE_MS, &failure),
        STATUS_FAILED_PRECONDITION);
    assert_string_equal(failure.reason, "UNROUTABLE");
    assert_true(messages[0].confirmed);
    assert_false(messages[1].confirmed);
    assert_true(messages[2].confirmed);
    broker_fixture_publish_text(&fixture, "4"); /* at once: no backoff for that */
    broker_fixture_wait_ready(&fixture, 3);
}

static void test_a_full_queue_refuses_and_opens_again(void **state)
{
    (void)state;
    fixture.options.queue_bytes_max = 20000;
    broker_fixture_remake(&fixture, 64);
    static char body[1000];
    size_t confirmed = 0;
    struct failure failure = {0};
    enum status status = STATUS_OK;
    for (int i = 0; i < 1000 && status == STATUS_OK; i++) {
        struct broker_message message = broker_fixture_message(bytes_of(body, sizeof body));
        status = broker_publish(fixture.publisher, &message, 1, now_ms() + DEADLINE_MS, &failure);
        confirmed += message.confirmed;
        assert_true(message.confirmed == (status == STATUS_OK));
    }
    assert_int_equal(status, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(failure.reason, "QUEUE_FULL");
    broker_fixture_wait_ready(&fixture, (int64_t)confirmed);
    for (size_t i = 0; i < confirmed; i++) {
        struct broker_delivery delivery;
        bool got;
        assert_int_equal(broker_consume(fixture.consumer, DEADLINE_MS, &delivery, &got, &failure),
                         STATUS_OK);
        assert_true(got);
        assert_int_equal(broker_ack_up_to(fixture.consumer, delivery.tag, &failure), STATUS_OK);
        broker_delivery_free(&delivery);
    }
    broker_fixture_wait_publishes(&fixture, "room again");
}

static void test_other_limits_than_the_queues_are_refused_with_advice(void **state)
{
    (void)state;
    broker_fixture_publish_text(&fixture, "1");
    fixture.options.queue_bytes_max++;
    struct broker_publisher *other = broker_publisher_create(&fixture.options);
    struct broker_message message = broker_fixture_message(bytes_of_text("2"));
    struct failure failure;
    assert_int_equal(broker_publish(other, &message, 1, now_ms() + DEADLINE_MS, &failure),
                     STATUS_FAILED_PRECONDITION);
    assert_string_equal(failure.reason, "BROKER_TOPOLOGY_DIFFERS");
    assert_non_null(strstr(failure.message, fixture.queue));
    assert_non_null(strstr(failure.message, "delete it"));
    broker_publisher_destroy(&other);
}

static void test_a_wrong_password_is_said_to_be_one(void **state)
{
    (void)state;
    char url[300];
    const char *colon = strrchr(fixture.proxied_url, ':');
    (void)snprintf(url, sizeof url, "amqp://guest:wrong@127.0.0.1%s", colon);
    fixture.options.url = url;
    struct broker_publisher *other = broker_publisher_create(&fixture.options);
    struct broker_message message = broker_fixture_message(bytes_of_text("1"));
    struct failure failure;
    assert_int_equal(broker_publish(other, &message, 1, now_ms() + DEADLINE_MS, &failure),
                     STATUS_PERMISSION_DENIED);
    assert_string_equal(failure.reason, "BROKER_ACCESS_REFUSED");
    assert_null(strstr(failure.message, "wrong"));
    broker_publisher_destroy(&other);
}

static void test_prefetch_bounds_what_is_held(void **state)
{
    (void)state;
    broker_fixture_remake(&fixture, 3);
    for (int i = 0; i < 5; i++) {
        broker_fixture_publish_text(&fixture, "x");
    }
    struct broker_delivery deliveries[3];
    for (int i = 0; i < 3; i++) {
        broker_fixture_expect_text(&fixture, "x", &deliveries[i]);
    }
    broker_fixture_wait_ready(&fixture, 2);
    struct broker_delivery none;
    bool got = true;
    assert_int_equal(broker_consume(fixture.consumer, 50, &none, &got, NULL), STATUS_OK);
    assert_false(got);
    assert_int_equal(broker_ack_up_to(fixture.consumer, deliveries[1].tag, NULL),
                     STATUS_OK); /* two */
    broker_fixture_wait_ready(&fixture, 0);
    for (int i = 0; i < 3; i++) {
        broker_delivery_free(&deliveries[i]);
    }
    broker_fixture_expect_text(&fixture, "x", &none);
    broker_delivery_free(&none);
}

static void test_release_gives_back_what_is_not_acknowledged(void **state)
{
    (void)state;
    broker_fixture_publish_text(&fixture, "1");
    broker_fixture_publish_text(&fixture, "2");
    struct broker_delivery delivery;
    broker_fixture_expect_text(&fixture, "1", &delivery);
    assert_int_equal(broker_ack_up_to(fixture.consumer, delivery.tag, NULL), STATUS_OK);
    broker_delivery_free(&delivery);
    broker_fixture_expect_text(&fixture, "2", &delivery);
    broker_delivery_free(&delivery);
    broker_consumer_release(fixture.consumer);
    broker_fixture_wait_ready(&fixture, 1);
    broker_fixture_expect_text(&fixture, "2", &delivery);
    assert_true(delivery.redelivered);
    assert_int_equal(delivery.delivery_count, 1);
    broker_delivery_free(&delivery);
}

static bool is_alone(void *state)
{
    bool alone = false;
    struct failure failure;
    assert_int_equal(broker_consumer_alone(state, &alone, &failure), STATUS_OK);
    return alone;
}

static bool gets_one(void *state)
{
    struct broker_delivery delivery;
    bool got = false;
    struct failure failure;
    assert_int_equal(broker_consume(state, 100, &delivery, &got, &failure), STATUS_OK);
    if (got) {
        broker_delivery_free(&delivery);
    }
    return got;
}

/* What another has taken and not acknowledged is in no depth, but its consumer is counted. */
static void test_a_consumer_sees_whether_anybody_may_hold_something(void **state)
{
    (void)state;
    struct broker_consumer *witness = broker_consumer_create(&fixture.options, 1);
    struct broker_delivery delivery;
    broker_fixture_publish_text(&fixture, "1");
    broker_fixture_expect_text(&fixture, "1", &delivery);
    broker_delivery_free(&delivery);
    broker_fixture_wait_ready(&fixture, 0);
    assert_false(is_alone(witness));
    assert_false(gets_one(witness));

    broker_consumer_release(fixture.consumer); /* it comes to the witness */
    assert_true(wait_until(gets_one, witness, DEADLINE_MS));
    assert_false(is_alone(witness));
    broker_consumer_release(witness);

    broker_fixture_expect_and_ack(&fixture, "1");
    assert_false(is_alone(witness)); /* the other might get something any time */
    broker_consumer_release(fixture.consumer);
    assert_true(wait_until(is_alone, witness, DEADLINE_MS));

    broker_fixture_publish_text(&fixture, "2");
    assert_false(is_alone(witness));
    assert_true(wait_until(gets_one, witness, DEADLINE_MS));
    broker_consumer_destroy(&witness);
}

#define BROKER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BROKER_TEST(test_a_message_arrives_as_it_was_sent),
        BROKER_TEST(test_thousands_are_all_confirmed),
        BROKER_TEST(test_large_bodies_come_in_many_frames),
        BROKER_TEST(test_an_unroutable_message_is_not_confirmed_and_harms_no_other),
        BROKER_TEST(test_a_full_queue_refuses_and_opens_again),
        BROKER_TEST(test_other_limits_than_the_queues_are_refused_with_advice),
        BROKER_TEST(test_a_wrong_password_is_said_to_be_one),
        BROKER_TEST(test_prefetch_bounds_what_is_held),
        BROKER_TEST(test_release_gives_back_what_is_not_acknowledged),
        BROKER_TEST(test_a_consumer_sees_whether_anybody_may_hold_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
