/* Publisher and consumer against a real RabbitMQ; a proxy stands in between where the network
 * fails. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/broker.h"
#include "tests/cmocka_all.h"
#include "tests/support/process.h"
#include "tests/support/stores.h"
#include "tests/support/tcp_proxy.h"

#define DEADLINE_MS 20000
#define SHORT_MS    300
#define SLACK_MS    5000
#define MANY        3000 /* more than the confirm window */

static char prefix[32], exchange[64], queue[64], parked_exchange[64], parked_queue[64];
static char proxied_url[256];
static struct tcp_proxy *proxy;
static struct broker_options options;
static struct broker_publisher *publisher;
static struct broker_consumer *consumer;

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

/* amqp://user:password@host:port/vhost -> the port; and the same URL by way of the proxy. */
static void go_by_proxy(const char *url)
{
    const char *colon = strrchr(url, ':');
    assert_non_null(colon);
    proxy = tcp_proxy_create((uint16_t)strtol(colon + 1, NULL, 10));
    const char *at = strrchr(url, '@');
    const char *path = strchr(colon, '/');
    (void)snprintf(proxied_url, sizeof proxied_url, "%.*s127.0.0.1:%u%s",
                   at != NULL ? (int)(at - url + 1) : (int)strlen("amqp://"), url,
                   tcp_proxy_port(proxy), path != NULL ? path : "/");
}

static const char *test_url(void)
{
    const char *url = getenv("TEST_RABBITMQ_URL");
    if (url == NULL) {
        fail_msg("TEST_RABBITMQ_URL is not set: run the tests with ./dev test");
    }
    return url;
}

static int set_up(void **state)
{
    (void)state;
    static int number;
    (void)snprintf(prefix, sizeof prefix, "test.%d.%d", (int)getpid(), number++);
    (void)snprintf(exchange, sizeof exchange, "%s.events", prefix);
    (void)snprintf(queue, sizeof queue, "%s.persist", prefix);
    (void)snprintf(parked_exchange, sizeof parked_exchange, "%s.parked-exchange", prefix);
    (void)snprintf(parked_queue, sizeof parked_queue, "%s.parked", prefix);
    go_by_proxy(test_url());
    options = (struct broker_options){
        .url = proxied_url,
        .exchange = exchange,
        .queue = queue,
        .parked_exchange = parked_exchange,
        .parked_queue = parked_queue,
        .queue_bytes_max = 1 << 30,
        .connect_timeout_ms = 5000,
        .heartbeat_s = 10,
        .connection_name = "test_broker",
        .clock = clock_system(),
    };
    publisher = broker_publisher_create(&options);
    consumer = broker_consumer_create(&options, 64);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    broker_publisher_destroy(&publisher);
    broker_consumer_destroy(&consumer);
    tcp_proxy_destroy(&proxy);
    stores_delete_queues(test_url(), prefix);
    return 0;
}

/* ---- steps ---- */

static struct broker_message make_message(struct bytes body)
{
    return (struct broker_message){.routing_key = BROKER_ROUTING_ORDER_CREATED,
                                   .body = body,
                                   .message_id = uuid_v7(clock_system())};
}

static void publish_text(const char *text)
{
    struct broker_message message = make_message(bytes_of_text(text));
    struct failure failure = {0};
    enum status status = broker_publish(publisher, &message, 1, now_ms() + DEADLINE_MS, &failure);
    if (status != STATUS_OK || !message.confirmed) {
        fail_msg("not confirmed: %s", failure.message);
    }
}

static bool publishes(void *state)
{
    struct broker_message message = make_message(bytes_of_text(state));
    struct failure failure;
    return broker_publish(publisher, &message, 1, now_ms() + DEADLINE_MS, &failure) == STATUS_OK &&
           message.confirmed;
}

static void expect_text(const char *text, struct broker_delivery *delivery_out)
{
    bool got = false;
    struct failure failure = {0};
    int64_t until_ms = now_ms() + DEADLINE_MS;
    enum status status = STATUS_UNAVAILABLE; /* while reconnecting */
    while ((status != STATUS_OK || !got) && now_ms() < until_ms) {
        status = broker_consume(consumer, 1000, delivery_out, &got, &failure);
        (void)usleep(status == STATUS_OK ? 0 : 5000);
    }
    if (!got) {
        fail_msg("no delivery: %s", failure.message);
    }
    assert_true(bytes_equal(delivery_out->body, bytes_of_text(text)));
}

static void expect_and_ack(const char *text)
{
    struct broker_delivery delivery;
    expect_text(text, &delivery);
    assert_int_equal(broker_ack_up_to(consumer, delivery.tag, NULL), STATUS_OK);
    broker_delivery_free(&delivery);
}

static bool is_ready(void *state)
{
    return stores_queue_ready(test_url(), queue) == *(int64_t *)state;
}

static void wait_ready(int64_t count)
{
    if (!wait_until(is_ready, &count, DEADLINE_MS)) {
        fail_msg("%lld messages are ready, not %lld",
                 (long long)stores_queue_ready(test_url(), queue), (long long)count);
    }
}

/* ---- tests ---- */

static void test_a_message_arrives_as_it_was_sent(void **state)
{
    (void)state;
    struct broker_message message = make_message(bytes_of("a\0b", 3));
    message.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    struct failure failure;
    assert_int_equal(broker_publish(publisher, &message, 1, now_ms() + DEADLINE_MS, &failure),
                     STATUS_OK);
    assert_true(message.confirmed);
    struct broker_delivery delivery;
    bool got;
    assert_int_equal(broker_consume(consumer, DEADLINE_MS, &delivery, &got, &failure), STATUS_OK);
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
    assert_int_equal(broker_ack_up_to(consumer, delivery.tag, &failure), STATUS_OK);
    broker_delivery_free(&delivery);
}

static void test_thousands_are_all_confirmed(void **state)
{
    (void)state;
    struct broker_message *messages = calloc(MANY, sizeof *messages);
    for (size_t i = 0; i < MANY; i++) {
        messages[i] = make_message(bytes_of_text("many"));
    }
    struct failure failure;
    assert_int_equal(broker_publish(publisher, messages, MANY, now_ms() + DEADLINE_MS, &failure),
                     STATUS_OK);
    for (size_t i = 0; i < MANY; i++) {
        assert_true(messages[i].confirmed);
    }
    free(messages);
    int64_t ready;
    int64_t consumers;
    assert_int_equal(broker_queue_depth(publisher, &ready, &consumers, &failure), STATUS_OK);
    assert_int_equal(consumers, 0);
    wait_ready(MANY);
    uint64_t last = 0;
    for (size_t i = 0; i < MANY; i++) {
        struct broker_delivery delivery;
        expect_text("many", &delivery);
        last = delivery.tag;
        broker_delivery_free(&delivery);
        if (i % 50 == 49) {
            assert_int_equal(broker_ack_up_to(consumer, last, &failure), STATUS_OK);
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
    struct broker_message message = make_message(bytes_of(bytes, size));
    struct failure failure;
    assert_int_equal(broker_publish(publisher, &message, 1, now_ms() + DEADLINE_MS, &failure),
                     STATUS_OK);
    struct broker_delivery delivery;
    bool got = false;
    int64_t until_ms = now_ms() + DEADLINE_MS;
    while (!got && now_ms() < until_ms) { /* small bites: the body outlives many a consume */
        assert_int_equal(broker_consume(consumer, 1, &delivery, &got, &failure), STATUS_OK);
    }
    assert_true(got);
    assert_true(bytes_equal(delivery.body, message.body));
    broker_delivery_free(&delivery);
    free(bytes);
}

static void test_an_unroutable_message_is_not_confirmed_and_harms_no_other(void **state)
{
    (void)state;
    struct broker_message messages[] = {make_message(bytes_of_text("1")),
                                        make_message(bytes_of_text("2")),
                                        make_message(bytes_of_text("3"))};
    messages[1].routing_key = "nobody.listens";
    struct failure failure;
    assert_int_equal(broker_publish(publisher, messages, 3, now_ms() + DEADLINE_MS, &failure),
                     STATUS_FAILED_PRECONDITION);
    assert_string_equal(failure.reason, "UNROUTABLE");
    assert_true(messages[0].confirmed);
    assert_false(messages[1].confirmed);
    assert_true(messages[2].confirmed);
    publish_text("4"); /* at once: no backoff for that */
    wait_ready(3);
}

static void test_a_deleted_queue_is_declared_again(void **state)
{
    (void)state;
    publish_text("1");
    stores_delete_queues(test_url(), prefix);
    struct broker_message message = make_message(bytes_of_text("2"));
    struct failure failure;
    assert_int_not_equal(broker_publish(publisher, &message, 1, now_ms() + DEADLINE_MS, &failure),
                         STATUS_OK);
    assert_false(message.confirmed);
    assert_true(wait_until(publishes, (void *)(uintptr_t)"3", DEADLINE_MS));
    expect_and_ack("3");
}

static void test_a_consumer_whose_queue_is_deleted_comes_back(void **state)
{
    (void)state;
    publish_text("1");
    expect_and_ack("1");
    uint64_t generation = broker_consumer_generation(consumer);
    stores_delete_queues(test_url(), prefix);
    assert_true(wait_until(publishes, (void *)(uintptr_t)"2", DEADLINE_MS));
    expect_and_ack("2");
    assert_true(broker_consumer_generation(consumer) > generation);
}

static void test_a_full_queue_refuses_and_opens_again(void **state)
{
    (void)state;
    options.queue_bytes_max = 20000;
    broker_publisher_destroy(&publisher);
    broker_consumer_destroy(&consumer);
    publisher = broker_publisher_create(&options);
    consumer = broker_consumer_create(&options, 64);
    static char body[1000];
    size_t confirmed = 0;
    struct failure failure = {0};
    enum status status = STATUS_OK;
    for (int i = 0; i < 1000 && status == STATUS_OK; i++) {
        struct broker_message message = make_message(bytes_of(body, sizeof body));
        status = broker_publish(publisher, &message, 1, now_ms() + DEADLINE_MS, &failure);
        confirmed += message.confirmed;
        assert_true(message.confirmed == (status == STATUS_OK));
    }
    assert_int_equal(status, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(failure.reason, "QUEUE_FULL");
    wait_ready((int64_t)confirmed);
    for (size_t i = 0; i < confirmed; i++) {
        struct broker_delivery delivery;
        bool got;
        assert_int_equal(broker_consume(consumer, DEADLINE_MS, &delivery, &got, &failure),
                         STATUS_OK);
        assert_true(got);
        assert_int_equal(broker_ack_up_to(consumer, delivery.tag, &failure), STATUS_OK);
        broker_delivery_free(&delivery);
    }
    assert_true(wait_until(publishes, (void *)(uintptr_t)"room again", DEADLINE_MS));
}

static void test_other_limits_than_the_queues_are_refused_with_advice(void **state)
{
    (void)state;
    publish_text("1");
    options.queue_bytes_max++;
    struct broker_publisher *other = broker_publisher_create(&options);
    struct broker_message message = make_message(bytes_of_text("2"));
    struct failure failure;
    assert_int_equal(broker_publish(other, &message, 1, now_ms() + DEADLINE_MS, &failure),
                     STATUS_FAILED_PRECONDITION);
    assert_string_equal(failure.reason, "BROKER_TOPOLOGY_DIFFERS");
    assert_non_null(strstr(failure.message, queue));
    assert_non_null(strstr(failure.message, "delete it"));
    broker_publisher_destroy(&other);
}

static void test_a_wrong_password_is_said_to_be_one(void **state)
{
    (void)state;
    char url[300];
    const char *colon = strrchr(proxied_url, ':');
    (void)snprintf(url, sizeof url, "amqp://guest:wrong@127.0.0.1%s", colon);
    options.url = url;
    struct broker_publisher *other = broker_publisher_create(&options);
    struct broker_message message = make_message(bytes_of_text("1"));
    struct failure failure;
    assert_int_equal(broker_publish(other, &message, 1, now_ms() + DEADLINE_MS, &failure),
                     STATUS_PERMISSION_DENIED);
    assert_string_equal(failure.reason, "BROKER_ACCESS_REFUSED");
    assert_null(strstr(failure.message, "wrong"));
    broker_publisher_destroy(&other);
}

static void test_a_cut_connection_costs_the_batch_and_no_more(void **state)
{
    (void)state;
    publish_text("1");
    tcp_proxy_cut(proxy);
    struct broker_message message = make_message(bytes_of_text("2"));
    struct failure failure;
    assert_int_equal(broker_publish(publisher, &message, 1, now_ms() + DEADLINE_MS, &failure),
                     STATUS_UNAVAILABLE);
    assert_false(message.confirmed);
    assert_true(wait_until(publishes, (void *)(uintptr_t)"3", DEADLINE_MS));
}

static void test_a_cut_consumer_gets_what_it_had_not_acknowledged_again(void **state)
{
    (void)state;
    publish_text("1");
    struct broker_delivery delivery;
    expect_text("1", &delivery);
    uint64_t generation = broker_consumer_generation(consumer);
    uint64_t tag = delivery.tag;
    broker_delivery_free(&delivery);
    tcp_proxy_cut(proxy);
    bool got;
    struct failure failure;
    assert_int_equal(broker_consume(consumer, DEADLINE_MS, &delivery, &got, &failure),
                     STATUS_UNAVAILABLE);
    assert_int_equal(broker_ack_up_to(consumer, tag, &failure), STATUS_UNAVAILABLE);
    expect_text("1", &delivery);
    assert_true(delivery.redelivered);
    assert_true(broker_consumer_generation(consumer) > generation);
    broker_delivery_free(&delivery);
}

/* Small messages vanish into the socket's buffer, large ones get stuck in the middle of a send: in
 * both cases the caller has its answer at the deadline. */
static void publish_into_the_ice(size_t size)
{
    publish_text("warm");
    tcp_proxy_freeze(proxy, true);
    uint8_t *bytes = calloc(1, size);
    struct broker_message message = make_message(bytes_of(bytes, size));
    struct failure failure;
    int64_t begin_ms = now_ms();
    enum status status = broker_publish(publisher, &message, 1, begin_ms + SHORT_MS, &failure);
    assert_true(status == STATUS_DEADLINE_EXCEEDED || status == STATUS_UNAVAILABLE);
    assert_false(message.confirmed);
    assert_true(now_ms() - begin_ms < SHORT_MS + SLACK_MS);
    free(bytes);

    begin_ms = now_ms();
    struct broker_message next = make_message(bytes_of_text("next"));
    status = broker_publish(publisher, &next, 1, begin_ms + SHORT_MS, &failure);
    assert_int_equal(status, STATUS_UNAVAILABLE);
    assert_true(now_ms() - begin_ms < SHORT_MS + SLACK_MS);
    assert_false(next.confirmed);
    tcp_proxy_freeze(proxy, false);
    assert_true(wait_until(publishes, (void *)(uintptr_t)"thawed", DEADLINE_MS));
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
    publish_text("warm");
    tcp_proxy_freeze(proxy, true);
    struct broker_message message = make_message(bytes_of_text("1"));
    struct failure failure;
    assert_int_equal(broker_publish(publisher, &message, 1, now_ms() + SHORT_MS, &failure),
                     STATUS_DEADLINE_EXCEEDED);
    int64_t begin_ms = now_ms();
    assert_int_equal(broker_publish(publisher, &message, 1, begin_ms + 60000, &failure),
                     STATUS_UNAVAILABLE);
    assert_string_equal(failure.reason, "BROKER_STUCK");
    assert_true(now_ms() - begin_ms < SLACK_MS);
    tcp_proxy_freeze(proxy, false);
    assert_true(wait_until(publishes, (void *)(uintptr_t)"2", DEADLINE_MS));
    assert_int_equal(tcp_proxy_taken(proxy), 1); /* the same connection all along */
}

static void test_a_frozen_broker_holds_a_consumer_no_longer_than_its_timeout(void **state)
{
    (void)state;
    publish_text("1");
    expect_and_ack("1");
    tcp_proxy_freeze(proxy, true);
    struct broker_delivery delivery;
    bool got = true;
    struct failure failure;
    int64_t begin_ms = now_ms();
    assert_int_equal(broker_consume(consumer, SHORT_MS, &delivery, &got, &failure), STATUS_OK);
    assert_false(got);
    assert_true(now_ms() - begin_ms < SHORT_MS + SLACK_MS);
    tcp_proxy_freeze(proxy, false);
    publish_text("2");
    expect_and_ack("2");
}

static void test_heartbeats_keep_an_idle_publisher_and_a_busy_consumer_connected(void **state)
{
    (void)state;
    options.heartbeat_s = 1;
    broker_publisher_destroy(&publisher);
    broker_consumer_destroy(&consumer);
    publisher = broker_publisher_create(&options);
    consumer = broker_consumer_create(&options, 64);
    publish_text("1");
    struct broker_delivery held;
    expect_text("1", &held);
    uint64_t generation = broker_consumer_generation(consumer);
    int taken = tcp_proxy_taken(proxy);
    for (int64_t until_ms = now_ms() + 5000; now_ms() < until_ms;) { /* five heartbeats long */
        broker_publisher_idle(publisher);
        broker_consumer_idle(consumer);
        (void)usleep(100000);
    }
    publish_text("2");
    assert_int_equal(broker_ack_up_to(consumer, held.tag, NULL), STATUS_OK);
    broker_delivery_free(&held);
    expect_and_ack("2");
    assert_int_equal(broker_consumer_generation(consumer), generation);
    assert_int_equal(tcp_proxy_taken(proxy), taken);
}

static void test_prefetch_bounds_what_is_held(void **state)
{
    (void)state;
    broker_consumer_destroy(&consumer);
    consumer = broker_consumer_create(&options, 3);
    for (int i = 0; i < 5; i++) {
        publish_text("x");
    }
    struct broker_delivery deliveries[3];
    for (int i = 0; i < 3; i++) {
        expect_text("x", &deliveries[i]);
    }
    wait_ready(2);
    struct broker_delivery none;
    bool got = true;
    assert_int_equal(broker_consume(consumer, 50, &none, &got, NULL), STATUS_OK);
    assert_false(got);
    assert_int_equal(broker_ack_up_to(consumer, deliveries[1].tag, NULL), STATUS_OK); /* two */
    wait_ready(0);
    for (int i = 0; i < 3; i++) {
        broker_delivery_free(&deliveries[i]);
    }
    expect_text("x", &none);
    broker_delivery_free(&none);
}

static void test_release_gives_back_what_is_not_acknowledged(void **state)
{
    (void)state;
    publish_text("1");
    publish_text("2");
    struct broker_delivery delivery;
    expect_text("1", &delivery);
    assert_int_equal(broker_ack_up_to(consumer, delivery.tag, NULL), STATUS_OK);
    broker_delivery_free(&delivery);
    expect_text("2", &delivery);
    broker_delivery_free(&delivery);
    broker_consumer_release(consumer);
    wait_ready(1);
    expect_text("2", &delivery);
    assert_true(delivery.redelivered);
    assert_int_equal(delivery.delivery_count, 1);
    broker_delivery_free(&delivery);
}

static void cycle(int times)
{
    for (int i = 0; i < times; i++) {
        struct broker_consumer *crashing = broker_consumer_create(&options, 64);
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
    publish_text("good");
    cycle(60);
    struct broker_delivery delivery;
    expect_text("good", &delivery);
    assert_false(delivery.parked);
    assert_int_equal(delivery.delivery_count, 60);
    broker_delivery_free(&delivery);
}

static void test_too_many_attempts_park_and_nothing_is_lost_there(void **state)
{
    (void)state;
    publish_text("poison");
    cycle(101);
    struct broker_delivery delivery;
    expect_text("poison", &delivery);
    assert_true(delivery.parked);
    assert_string_equal(delivery.routing_key, BROKER_ROUTING_ORDER_CREATED);
    assert_string_equal(delivery.type, BROKER_EVENT_TYPE);
    broker_delivery_free(&delivery);
    broker_consumer_release(consumer);
    cycle(30); /* RabbitMQ's own default would drop it after 20 */
    expect_text("poison", &delivery);
    assert_true(delivery.parked);
    assert_true(delivery.delivery_count >= 30);
    broker_delivery_free(&delivery);
}

#define BROKER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BROKER_TEST(test_a_message_arrives_as_it_was_sent),
        BROKER_TEST(test_thousands_are_all_confirmed),
        BROKER_TEST(test_large_bodies_come_in_many_frames),
        BROKER_TEST(test_an_unroutable_message_is_not_confirmed_and_harms_no_other),
        BROKER_TEST(test_a_deleted_queue_is_declared_again),
        BROKER_TEST(test_a_consumer_whose_queue_is_deleted_comes_back),
        BROKER_TEST(test_a_full_queue_refuses_and_opens_again),
        BROKER_TEST(test_other_limits_than_the_queues_are_refused_with_advice),
        BROKER_TEST(test_a_wrong_password_is_said_to_be_one),
        BROKER_TEST(test_a_cut_connection_costs_the_batch_and_no_more),
        BROKER_TEST(test_a_cut_consumer_gets_what_it_had_not_acknowledged_again),
        BROKER_TEST(test_a_frozen_broker_holds_small_messages_no_longer_than_the_deadline),
        BROKER_TEST(test_a_frozen_broker_holds_large_messages_no_longer_than_the_deadline),
        BROKER_TEST(test_a_stuck_broker_fails_the_next_batch_at_once),
        BROKER_TEST(test_a_frozen_broker_holds_a_consumer_no_longer_than_its_timeout),
        BROKER_TEST(test_heartbeats_keep_an_idle_publisher_and_a_busy_consumer_connected),
        BROKER_TEST(test_prefetch_bounds_what_is_held),
        BROKER_TEST(test_release_gives_back_what_is_not_acknowledged),
        BROKER_TEST(test_sixty_crashes_park_nothing),
        BROKER_TEST(test_too_many_attempts_park_and_nothing_is_lost_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
