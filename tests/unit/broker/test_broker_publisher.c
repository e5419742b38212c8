/* Without RabbitMQ: what a publisher says when there is none, or something else in its place. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker/broker.h"
#include "tests/cmocka_all.h"

#define DEADLINE_MS 200
#define SLACK_MS    5000 /* a busy machine and a sanitizer */

static char url[64];
static int listener = -1;

static struct broker_publisher *make_publisher(int64_t connect_timeout_ms)
{
    struct broker_publisher *publisher = broker_publisher_create(&(struct broker_options){
        .url = url,
        .exchange = "e",
        .queue = "q",
        .parked_exchange = "pe",
        .parked_queue = "pq",
        .queue_bytes_max = 1 << 20,
        .connect_timeout_ms = connect_timeout_ms,
        .heartbeat_s = 10,
        .connection_name = "test",
        .clock = clock_system(),
    });
    assert_non_null(publisher);
    return publisher;
}

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

static enum status publish(struct broker_publisher *publisher, struct failure *failure)
{
    struct broker_message message = {
        .routing_key = BROKER_ROUTING_ORDER_CREATED,
        .body = bytes_of_text("x"),
        .message_id = uuid_v7(clock_system()),
        .confirmed = true,
    };
    enum status status = broker_publish(publisher, &message, 1, now_ms() + DEADLINE_MS, failure);
    assert_false(message.confirmed);
    return status;
}

/* A port that takes connections; what is said on it is up to the test. */
static int open_listener(void **state)
{
    (void)state;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(listener, 8), 0);
    (void)snprintf(url, sizeof url, "amqp://127.0.0.1:%u/", ntohs(address.sin_port));
    return 0;
}

static int close_listener(void **state)
{
    (void)state;
    (void)close(listener);
    listener = -1;
    return 0;
}

static void test_nobody_there_fails_at_once_and_then_faster(void **state)
{
    (void)open_listener(state); /* a port that was free a moment ago */
    (void)close_listener(state);
    struct broker_publisher *publisher = make_publisher(3000);
    struct failure failure = {0};
    assert_int_equal(publish(publisher, &failure), STATUS_UNAVAILABLE);
    assert_string_equal(failure.reason, "BROKER_UNAVAILABLE");
    assert_int_equal(publish(publisher, &failure), STATUS_UNAVAILABLE);
    assert_true(failure.retry_delay_ms > 0); /* no second attempt before the backoff has passed */
    assert_true(failure.retry_delay_ms <= 50);
    int64_t ready;
    int64_t consumers;
    assert_int_equal(broker_queue_depth(publisher, &ready, &consumers, &failure),
                     STATUS_UNAVAILABLE);
    broker_publisher_destroy(&publisher);
    assert_null(publisher);
}

static void test_a_silent_peer_costs_no_more_than_the_deadline(void **state)
{
    (void)state;
    struct broker_publisher *publisher = make_publisher(60000);
    struct failure failure = {0};
    int64_t begin_ms = now_ms();
    assert_int_equal(publish(publisher, &failure), STATUS_UNAVAILABLE);
    assert_true(now_ms() - begin_ms >= DEADLINE_MS - 1);
    assert_true(now_ms() - begin_ms < DEADLINE_MS + SLACK_MS);
    broker_publisher_destroy(&publisher);
}

static void test_the_connect_timeout_ends_sooner_than_the_deadline(void **state)
{
    (void)state;
    struct broker_publisher *publisher = make_publisher(20);
    struct failure failure = {0};
    int64_t begin_ms = now_ms();
    broker_publisher_idle(publisher);
    assert_true(now_ms() - begin_ms < SLACK_MS);
    assert_int_equal(publish(publisher, &failure), STATUS_UNAVAILABLE);
    broker_publisher_destroy(&publisher);
}

static void test_no_time_left_is_no_attempt(void **state)
{
    (void)state;
    struct broker_publisher *publisher = make_publisher(1000);
    struct broker_message message = {.routing_key = "x", .body = bytes_of_text("x")};
    struct failure failure = {0};
    assert_int_equal(broker_publish(publisher, &message, 1, now_ms(), &failure),
                     STATUS_DEADLINE_EXCEEDED);
    broker_publisher_destroy(&publisher);
}

/* Says something to whoever connects, and closes. */
static void *speak(void *text)
{
    int connection = accept(listener, NULL, NULL);
    char heard[8];
    if (connection >= 0 && read(connection, heard, sizeof heard) > 0) {
        const char *said = text;
        (void)!write(connection, said, strlen(said));
    }
    (void)close(connection);
    return NULL;
}

static void test_a_peer_that_is_no_broker_is_an_error(void **state)
{
    (void)state;
    static const char *const SAYINGS[] = {"", "HTTP/1.1 400 Bad Request\r\n\r\n",
                                          "AMQP\x01\x01\x08\x00", "\x01\x7f\x7f\x7f\x7f\x7f\x7f"};
    for (size_t i = 0; i < sizeof SAYINGS / sizeof *SAYINGS; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, speak, (void *)(uintptr_t)SAYINGS[i]), 0);
        struct broker_publisher *publisher = make_publisher(3000);
        struct failure failure = {0};
        assert_int_equal(publish(publisher, &failure), STATUS_UNAVAILABLE);
        broker_publisher_destroy(&publisher);
        (void)pthread_join(thread, NULL);
    }
}

static void test_a_bad_url_is_said_at_every_use(void **state)
{
    (void)state;
    (void)snprintf(url, sizeof url, "http://nowhere");
    struct broker_publisher *publisher = make_publisher(1000);
    struct failure failure = {0};
    assert_int_equal(publish(publisher, &failure), STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, "BROKER_URL_INVALID");
    assert_int_equal(publish(publisher, &failure), STATUS_INVALID_ARGUMENT);
    broker_publisher_destroy(&publisher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_there_fails_at_once_and_then_faster),
        cmocka_unit_test_setup_teardown(test_a_silent_peer_costs_no_more_than_the_deadline,
                                        open_listener, close_listener),
        cmocka_unit_test_setup_teardown(test_the_connect_timeout_ends_sooner_than_the_deadline,
                                        open_listener, close_listener),
        cmocka_unit_test_setup_teardown(test_no_time_left_is_no_attempt, open_listener,
                                        close_listener),
        cmocka_unit_test_setup_teardown(test_a_peer_that_is_no_broker_is_an_error, open_listener,
                                        close_listener),
        cmocka_unit_test(test_a_bad_url_is_said_at_every_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
