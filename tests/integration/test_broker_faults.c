/* Publisher and consumer when the network, RabbitMQ or the consumer fails: a proxy stands in
 * between that freezes and cuts. */
#include <stdlib.h>
#include <unistd.h>

#include "tests/cmocka_all.h"
#include "tests/integration/broker_fixture.h"
#include "tests/support/process.h"
#include "tests/support/stores.h"

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

static void test_a_deleted_queue_is_declared_again(void **state)
{
    (void)state;
    broker_fixture_publish_text(&fixture, "1");
    stores_delete_queues(getenv("TEST_RABBITMQ_URL"), fixture.prefix);
    struct broker_message message = broker_fixture_message(bytes_of_text("2"));
    struct failure failure;
    assert_int_not_equal(
        broker_publish(fixture.publisher, &message, 1, now_ms() + DEADLINE_MS, &failure),
        STATUS_OK);
    assert_false(message.confirmed);
    broker_fixture_wait_publishes(&fixture, "3");
    broker_fixture_expect_and_ack(&fixture, "3");
}

static void test_a_consumer_whose_queue_is_deleted_comes_back(void **state)
{
    (void)state;
    broker_fixture_publish_text(&fixture, "1");
    broker_fixture_expect_and_ack(&fixture, "1");
    uint64_t generation = broker_consumer_generation(fixture.consumer);
    stores_delete_queues(getenv("TEST_RABBITMQ_URL"), fixture.prefix);
    broker_fixture_wait_publishes(&fixture, "2");
    broker_fixture_expect_and_ack(&fixture, "2");
    assert_true(broker_consumer_generation(fixture.consumer) > generation);
}

static void test_a_cut_connection_costs_the_batch_and_no_more(void **state)
{
    (void)state;
    broker_fixture_publish_text(&fixture, "1");
    tcp_proxy_cut(fixture.proxy);
    struct broker_message message = broker_fixture_message(bytes_of_text("2"));
    struct failure failure;
    assert_int_equal(
        broker_publish(fixture.publisher, &message, 1, now_ms() + DEADLINE_MS, &failure),
        STATUS_UNAVAILABLE);
    assert_false(message.confirmed);
    broker_fixture_wait_publishes(&fixture, "3");
}

static void test_a_cut_consumer_gets_what_it_had_not_acknowledged_again(void **state)
{
    (void)state;
    broker_fixture_publish_text(&fixture, "1");
    struct broker_delivery delivery;
    broker_fixture_expect_text(&fixture, "1", &delivery);
    uint64_t generation = broker_consumer_generation(fixture.consumer);
    uint64_t tag = delivery.tag;
    broker_delivery_free(&delivery);
    tcp_proxy_cut(fixture.proxy);
    bool got;
    struct failure failure;
    assert_int_equal(broker_consume(fixture.consumer, DEADLINE_MS, &delivery, &got, &failure),
                     STATUS_UNAVAILABLE);
    assert_int_equal(broker_ack_up_to(fixture.consumer, tag, &failure), STATUS_UNAVAILABLE);
    broker_fixture_expect_text(&fixture, "1", &delivery);
    assert_true(delivery.redelivered);
    assert_true(broker_consumer_generation(fixture.consumer) > generation);
    broker_delivery_free(&delivery);
}

/* Small messages vanish into the socket's buffer, large ones get stuck in the middle of a send: in
 * both cases the caller has its answer at the deadline. */
static void publish_into_the_ice(size_t size)
{
    broker_fixture_publish_text(&fixture, "warm");
    tcp_proxy_freeze(fixture.proxy, true);
    uint8_t *bytes = calloc(1, size);
    struct broker_message message = broker_fixture_message(bytes_of(bytes, size));
    struct failure failure;
    int64_t begin_ms = now_ms();
    enum status status =
        broker_publish(fixture.publisher, &message, 1, begin_ms + SHORT_MS, &failure);
    assert_true(status == STATUS_DEADLINE_EXCEEDED || status == STATUS_UNAVAILABLE);
    assert_false(message.confirmed);
    assert_true(now_ms() - begin_ms < SHORT_MS + SLACK_MS);
    free(bytes);

    begin_ms = now_ms();
    struct broker_message next = broker_fixture_message(bytes_of_text("next"));
    status = broker_publish(fixture.publisher, &next, 1, begin_ms + SHORT_MS, &failure);
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_true(now_ms() - begin_ms < SHORT_MS + SLACK_MS);
    assert_false(next.confirmed);
    tcp_proxy_freeze(fixture.proxy, false);
    broker_fixture_wait_publishes(&fixture, "thawed");
}

static void test_a_frozen_broker_holds_small_messages_no_longer_than_the_deadline(void **state)
{
    (void)state;
    publish_into_the_ice(100);
}

static void test_a_frozen_broker_holds_large_messages_no_longer_than_the_deadline(void **state)
{
    (void)state;
    publish_into_the_ice(14 << 20); /* more than all buffers on the way */
}

static void test_a_stuck_broker_fails_the_next_batch_at_once(void **state)
{
    (void)state;
    broker_fixture_publish_text(&fixture, "warm");
    tcp_proxy_freeze(fixture.proxy, true);
    struct broker_message message = broker_fixture_message(bytes_of_text("1"));
    struct failure failure;
    assert_int_equal(broker_publish(fixture.publisher, &message, 1, now_ms() + SHORT_MS, &failure),
                     STATUS_DEADLINE_EXCEEDED);
    int64_t begin_ms = now_ms();
    assert_int_equal(broker_publish(fixture.publisher, &message, 1, begin_ms + 60000, &failure),
                     STATUS_UNAVAILABLE);
    assert_string_equal(failure.reason, "BROKER_STUCK");
    assert_true(now_ms() - begin_ms < SLACK_MS);
    tcp_proxy_freeze(fixture.proxy, false);
    broker_fixture_wait_publishes(&fixture, "2");
    assert_int_equal(tcp_proxy_taken(fixture.proxy), 1); /* the same connection all along */
}

static void test_a_frozen_broker_holds_a_consumer_no_longer_than_its_timeout(void **state)
{
    (void)state;
    broker_fixture_publish_text(&fixture, "1");
    broker_fixture_expect_and_ack(&fixture, "1");
    tcp_proxy_freeze(fixture.proxy, true);
    struct broker_delivery delivery;
    bool got = true;
    struct failure failure;
    int64_t begin_ms = now_ms();
    assert_int_equal(broker_consume(fixture.consumer, SHORT_MS, &delivery, &got, &failure),
                     STATUS_OK);
    assert_false(got);
    assert_true(now_ms() - begin_ms < SHORT_MS + SLACK_MS);
    tcp_proxy_freeze(fixture.proxy, false);
    broker_fixture_publish_text(&fixture, "2");
    broker_fixture_expect_and_ack(&fixture, "2");
}

static void test_heartbeats_keep_an_idle_publisher_and_a_busy_consumer_connected(void **state)
{
    (void)state;
    fixture.options.heartbeat_s = 1;
    broker_fixture_remake(&fixture, 64);
    broker_fixture_publish_text(&fixture, "1");
    struct broker_delivery held;
    broker_fixture_expect_text(&fixture, "1", &held);
    uint64_t generation = broker_consumer_generation(fixture.consumer);
    int taken = tcp_proxy_taken(fixture.proxy);
    for (int64_t until_ms = now_ms() + 5000; now_ms() < until_ms;) { /* five heartbeats long */
        broker_publisher_idle(fixture.publisher);
        broker_consumer_idle(fixture.consumer);
        (void)usleep(100000);
    }
    broker_fixture_publish_text(&fixture, "2");
    assert_int_equal(broker_ack_up_to(fixture.consumer, held.tag, NULL), STATUS_OK);
    broker_delivery_free(&held);
    broker_fixture_expect_and_ack(&fixture, "2");
    assert_int_equal(broker_consumer_generation(fixture.consumer), generation);
    assert_int_equal(tcp_proxy_taken(fixture.proxy), taken);
}

static void cycle(int times)
{
    for (int i = 0; i < times; i++) {
        struct broker_consumer *crashing = broker_consumer_create(&fixture.options, 64);
        struct broker_delivery delivery;
        bool got;
        struct failure failure;
        assert_int_equal(broker_consume(crashing, DEADLINE_MS, &delivery, &got, &failure),
                         STATUS_OK);
        assert_true(got);
        broker_delivery_free(&delivery);
        broker_consumer_destroy(&crashing);
    }
}

static void test_sixty_crashes_park_nothing(void **state)
{
    (void)state;
    broker_fixture_publish_text(&fixture, "good");
    cycle(60);
    struct broker_delivery delivery;
    broker_fixture_expect_text(&fixture, "good", &delivery);
    assert_false(delivery.parked);
    assert_int_equal(delivery.delivery_count, 60);
    broker_delivery_free(&delivery);
}

static void test_too_many_attempts_park_and_nothing_is_lost_there(void **state)
{
    (void)state;
    broker_fixture_publish_text(&fixture, "poison");
    cycle(101);
    struct broker_delivery delivery;
    broker_fixture_expect_text(&fixture, "poison", &delivery);
    assert_true(delivery.parked);
    assert_string_equal(delivery.routing_key, BROKER_ROUTING_ORDER_CREATED);
    assert_string_equal(delivery.type, BROKER_EVENT_TYPE);
    broker_delivery_free(&delivery);
    broker_consumer_release(fixture.consumer);
    cycle(30); /* RabbitMQ's own default would drop it after 20 */
    broker_fixture_expect_text(&fixture, "poison", &delivery);
    assert_true(delivery.parked);
    assert_true(delivery.delivery_count >= 30);
    broker_delivery_free(&delivery);
}

#define BROKER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BROKER_TEST(test_a_deleted_queue_is_declared_again),
        BROKER_TEST(test_a_consumer_whose_queue_is_deleted_comes_back),
        BROKER_TEST(test_a_cut_connection_costs_the_batch_and_no_more),
        BROKER_TEST(test_a_cut_consumer_gets_what_it_had_not_acknowledged_again),
        BROKER_TEST(test_a_frozen_broker_holds_small_messages_no_longer_than_the_deadline),
        BROKER_TEST(test_a_frozen_broker_holds_large_messages_no_longer_than_the_deadline),
        BROKER_TEST(test_a_stuck_broker_fails_the_next_batch_at_once),
        BROKER_TEST(test_a_frozen_broker_holds_a_consumer_no_longer_than_its_timeout),
        BROKER_TEST(test_heartbeats_keep_an_idle_publisher_and_a_busy_consumer_connected),
        BROKER_TEST(test_sixty_crashes_park_nothing),
        BROKER_TEST(test_too_many_attempts_park_and_nothing_is_lost_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
