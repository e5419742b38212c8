/* Packing: few messages, none too large, one routing key each. */
#include "server/publish_events.h"
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

#define EVENTS_MAX 600

static struct publish_event events[EVENTS_MAX];

/* An encoded event of about `bytes` bytes. */
static void make(struct publish_event *event, enum event_kind kind, size_t reference_bytes,
                 struct arena *arena)
{
    char *reference = arena_calloc(arena, reference_bytes + 1, 1);
    assert_non_null(reference);
    memset(reference, 'x', reference_bytes);
    struct order_line line = {.product_id = "tea", .quantity = 1};
    struct event source = {
        .kind = kind,
        .event_id = uuid_v7(&fixture.clock.clock),
        .actor = "local",
        .call_id = "c",
        .order = {.customer_id = "c", .lines = &line, .line_count = 1, .order_ref = reference},
        .adjustment = {.product_id = "tea", .delta = 1, .reason = "r", .reference = reference},
    };
    *event = (struct publish_event){
        .event_id = source.event_id,
        .event = event_codec_encode(&source, arena),
        .routing_key = event_codec_routing_key(kind),
    };
    assert_non_null(event->event.data);
}

static void publish(size_t count)
{
    struct failure failure;
    (void)publish_events(fixture.lane->publisher, events, count, &fixture.lane->arena, 1, &failure);
}

static void test_a_message_holds_256_events(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 65536, 64 << 20);
    for (size_t i = 0; i < 257; i++) {
        make(&events[i], EVENT_ORDER_CREATED, 0, &arena);
    }
    publish(256);
    assert_int_equal(fake_publisher.message_count, 1);
    assert_int_equal(fake_publisher.messages[0].events, 256);
    publish(257);
    assert_int_equal(fake_publisher.message_count, 3);
    assert_int_equal(fake_publisher.messages[1].events, 256);
    assert_int_equal(fake_publisher.messages[2].events, 1);
    arena_fini(&arena);
}

static void test_a_message_holds_256_kib_unless_one_event_is_larger(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 65536, 64 << 20);
    for (size_t i = 0; i < 10; i++) {
        make(&events[i], EVENT_ORDER_CREATED, 50000, &arena);
    }
    make(&events[10], EVENT_ORDER_CREATED, 300000, &arena);
    publish(11);
    assert_int_equal(fake_publisher.message_count, 3);
    assert_int_equal(fake_publisher.messages[0].events, 5);
    assert_int_equal(fake_publisher.messages[1].events, 5);
    assert_true(fake_publisher.messages[0].bytes <= BROKER_MESSAGE_BYTES_MAX);
    assert_int_equal(fake_publisher.messages[2].events, 1);
    arena_fini(&arena);
}

static void test_each_routing_key_has_its_messages_and_each_event_its_confirm(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 65536, 64 << 20);
    for (size_t i = 0; i < 9; i++) {
        make(&events[i], i % 3 == 1 ? EVENT_STOCK_ADJUSTED : EVENT_ORDER_CREATED, 0, &arena);
    }
    fake_publisher.confirm_first = 1;
    publish(9);
    assert_int_equal(fake_publisher.message_count, 2);
    assert_string_equal(fake_publisher.messages[0].routing_key, "order.created");
    assert_int_equal(fake_publisher.messages[0].events, 6);
    assert_int_equal(fake_publisher.messages[1].events, 3);
    for (size_t i = 0; i < 9; i++) {
        assert_int_equal(events[i].confirmed, i % 3 != 1);
    }
    arena_fini(&arena);
}

static void test_a_message_carries_the_first_trace_of_its_events(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 65536, 64 << 20);
    for (size_t i = 0; i < 4; i++) {
        make(&events[i], i == 3 ? EVENT_STOCK_ADJUSTED : EVENT_ORDER_CREATED, 0, &arena);
    }
    events[0].traceparent = "";
    events[1].traceparent = "trace-1";
    events[2].traceparent = "trace-2";
    publish(4);
    assert_int_equal(fake_publisher.message_count, 2);
    assert_string_equal(fake_publisher.messages[0].traceparent, "trace-1");
    assert_string_equal(fake_publisher.messages[1].traceparent, "");
    arena_fini(&arena);
}

static void test_nothing_is_no_message(void **state)
{
    (void)state;
    publish(0);
    assert_int_equal(fake_publisher.calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_message_holds_256_events),
        TEST(test_a_message_holds_256_kib_unless_one_event_is_larger),
        TEST(test_each_routing_key_has_its_messages_and_each_event_its_confirm),
        TEST(test_a_message_carries_the_first_trace_of_its_events),
        TEST(test_nothing_is_no_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
