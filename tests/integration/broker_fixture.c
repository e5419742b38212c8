/* See broker_fixture.h. */
#include "tests/integration/broker_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/cmocka_all.h"
#include "tests/support/process.h"
#include "tests/support/stores.h"

#define PREFETCH 64

static const char *test_url(void)
{
    const char *url = getenv("TEST_RABBITMQ_URL");
    if (url == NULL) {
        fail_msg("TEST_RABBITMQ_URL is not set: run the tests with ./dev test");
    }
    return url;
}

/* amqp://user:password@host:port/vhost -> the port; and the same URL by way of the proxy. */
static void go_by_proxy(struct broker_fixture *fixture)
{
    const char *url = test_url();
    const char *colon = strrchr(url, ':');
    assert_non_null(colon);
    fixture->proxy = tcp_proxy_create((uint16_t)strtol(colon + 1, NULL, 10));
    const char *at = strrchr(url, '@');
    const char *path = strchr(colon, '/');
    (void)snprintf(fixture->proxied_url, sizeof fixture->proxied_url, "%.*s127.0.0.1:%u%s",
                   at != NULL ? (int)(at - url + 1) : (int)strlen("amqp://"), url,
                   tcp_proxy_port(fixture->proxy), path != NULL ? path : "/");
}

void broker_fixture_create(struct broker_fixture *fixture)
{
    static int number;
    memset(fixture, 0, sizeof *fixture);
    (void)snprintf(fixture->prefix, sizeof fixture->prefix, "test.%d.%d", (int)getpid(), number++);
    const struct {
        char *name;
        const char *end;
    } names[] = {{fixture->exchange, "events"},
                 {fixture->queue, "persist"},
                 {fixture->parked_exchange, "parked-exchange"},
                 {fixture->parked_queue, "parked"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(names[i].name, sizeof fixture->queue, "%s.%s", fixture->prefix,
                       names[i].end);
    }
    go_by_proxy(fixture);
    fixture->options = (struct broker_options){
        .url = fixture->proxied_url,
        .exchange = fixture->exchange,
        .queue = fixture->queue,
        .parked_exchange = fixture->parked_exchange,
        .parked_queue = fixture->parked_queue,
        .queue_bytes_max = 1 << 30,
        .connect_timeout_ms = 5000,
        .heartbeat_s = 10,
        .connection_name = "broker_fixture",
        .clock = clock_system(),
    };
    broker_fixture_remake(fixture, PREFETCH);
}

void broker_fixture_destroy(struct broker_fixture *fixture)
{
    broker_publisher_destroy(&fixture->publisher);
    broker_consumer_destroy(&fixture->consumer);
    tcp_proxy_destroy(&fixture->proxy);
    stores_delete_queues(test_url(), fixture->prefix);
}

void broker_fixture_remake(struct broker_fixture *fixture, uint16_t prefetch)
{
    broker_publisher_destroy(&fixture->publisher);
    broker_consumer_destroy(&fixture->consumer);
    fixture->publisher = broker_publisher_create(&fixture->options);
    fixture->consumer = broker_consumer_create(&fixture->options, prefetch);
    assert_non_null(fixture->publisher);
    assert_non_null(fixture->consumer);
}

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

struct broker_message broker_fixture_message(struct bytes body)
{
    return (struct broker_message){.routing_key = BROKER_ROUTING_ORDER_CREATED,
                                   .body = body,
                                   .message_id = uuid_v7(clock_system())};
}

void broker_fixture_publish_text(struct broker_fixture *fixture, const char *text)
{
    struct broker_message message = broker_fixture_message(bytes_of_text(text));
    struct failure failure = {0};
    enum status status =
        broker_publish(fixture->publisher, &message, 1, now_ms() + DEADLINE_MS, &failure);
    if (status != STATUS_OK || !message.confirmed) {
        fail_msg("not confirmed: %s", failure.message);
    }
}

struct attempt {
    struct broker_fixture *fixture;
    const char *text;
    int64_t count;
};

static bool publishes(void *state)
{
    struct attempt *attempt = state;
    struct broker_message message = broker_fixture_message(bytes_of_text(attempt->text));
    struct failure failure;
    return broker_publish(attempt->fixture->publisher, &message, 1, now_ms() + DEADLINE_MS,
                          &failure) == STATUS_OK &&
           message.confirmed;
}

void broker_fixture_wait_publishes(struct broker_fixture *fixture, const char *text)
{
    struct attempt attempt = {.fixture = fixture, .text = text};
    assert_true(wait_until(publishes, &attempt, DEADLINE_MS));
}

void broker_fixture_expect_text(struct broker_fixture *fixture, const char *text,
                                struct broker_delivery *delivery_out)
{
    bool got = false;
    struct failure failure = {0};
    int64_t until_ms = now_ms() + DEADLINE_MS;
    while (!got && now_ms() < until_ms) {
        if (broker_consume(fixture->consumer, 1000, delivery_out, &got, &failure) != STATUS_OK) {
            got = false;
            (void)usleep(5000); /* it fails at once until the backoff has passed */
        }
    }
    if (!got) {
        fail_msg("no delivery: %s", failure.message);
    }
    assert_true(bytes_equal(delivery_out->body, bytes_of_text(text)));
}

void broker_fixture_expect_and_ack(struct broker_fixture *fixture, const char *text)
{
    struct broker_delivery delivery;
    broker_fixture_expect_text(fixture, text, &delivery);
    assert_int_equal(broker_ack_up_to(fixture->consumer, delivery.tag, NULL), STATUS_OK);
    broker_delivery_free(&delivery);
}

static bool is_ready(void *state)
{
    const struct attempt *attempt = state;
    return stores_queue_ready(test_url(), attempt->fixture->queue) == attempt->count;
}

void broker_fixture_wait_ready(struct broker_fixture *fixture, int64_t count)
{
    struct attempt attempt = {.fixture = fixture, .count = count};
    if (!wait_until(is_ready, &attempt, DEADLINE_MS)) {
        fail_msg("%lld messages are ready, not %lld",
                 (long long)stores_queue_ready(test_url(), fixture->queue), (long long)count);
    }
}
