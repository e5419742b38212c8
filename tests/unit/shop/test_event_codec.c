#include <stdlib.h>
#include <string.h>

#include "shop/event_codec.h"
#include "shop/identity.h"
#include "tests/cmocka_all.h"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 4096, 4 * 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct event created_event(void)
{
    static struct order_line lines[] = {
        {.product_id = "p-1", .quantity = 2, .unit_price_minor = 1000},
        {.product_id = "p-1", .quantity = 1, .unit_price_minor = 999},
    };
    struct event event = {
        .kind = EVENT_ORDER_CREATED,
        .event_id = identity_of_request(IDENTITY_ORDER, "any"),
        .event_time_us = INT64_C(1780000000123456),
        .epoch = 3,
        .actor = "local",
        .call_id = "call",
        .order = {.order_id = identity_of_request(IDENTITY_ORDER, "r"),
                  .customer_id = "c-1",
                  .state = ORDER_CONFIRMED,
                  .lines = lines,
                  .line_count = 2,
                  .currency = "USD",
                  .total_minor = 2999,
                  .create_time_us = INT64_C(1780000000123456),
                  .placed_time_us = INT64_C(836438400000000),
                  .order_ref = "NW-1",
                  .version = 1},
    };
    memset(event.request_hash, 7, sizeof event.request_hash);
    return event;
}

static struct event adjusted_event(void)
{
    return (struct event){
        .kind = EVENT_STOCK_ADJUSTED,
        .event_id = identity_of_request(IDENTITY_ADJUSTMENT, "any"),
        .event_time_us = INT64_C(1780000000000000),
        .actor = "local",
        .call_id = "call",
        .adjustment = {.adjustment_id = identity_of_request(IDENTITY_ADJUSTMENT, "r"),
                       .product_id = "p-1",
                       .delta = -5,
                       .reason = "damaged",
                       .reference = "doc-1"},
    };
}

static void test_a_created_order_survives_the_wire(void **state)
{
    (void)state;
    struct event event = created_event();
    struct bytes encoded = event_codec_encode(&event, &arena);
    assert_non_null(encoded.data);
    struct event *decoded;
    struct failure failure;
    assert_int_equal(event_codec_decode(encoded, &arena, &decoded, &failure), STATUS_OK);
    assert_int_equal(decoded->kind, EVENT_ORDER_CREATED);
    assert_memory_equal(&decoded->event_id, &event.event_id, sizeof event.event_id);
    assert_memory_equal(&decoded->order.order_id, &event.order.order_id, sizeof(struct uuid));
    assert_int_equal(decoded->event_time_us, event.event_time_us);
    assert_int_equal(decoded->epoch, 3);
    assert_int_equal(decoded->order.line_count, 2);
    assert_int_equal(decoded->order.lines[1].unit_price_minor, 999);
    assert_int_equal(decoded->order.total_minor, 2999);
    assert_int_equal(decoded->order.placed_time_us, event.order.placed_time_us);
    assert_int_equal(decoded->order.version, 1);
    assert_string_equal(decoded->order.order_ref, "NW-1");
    assert_string_equal(decoded->order.currency, "USD");
    assert_memory_equal(decoded->request_hash, event.request_hash, sizeof event.request_hash);
}

static void test_a_restored_event_says_so_and_nothing_else(void **state)
{
    (void)state;
    struct event event = created_event();
    struct bytes encoded = event_codec_encode(&event, &arena);
    struct event *decoded;
    assert_int_equal(event_codec_decode(encoded, &arena, &decoded, NULL), STATUS_OK);
    assert_false(decoded->restored);
    struct bytes twice = event_codec_restore(event_codec_restore(encoded, &arena), &arena);
    assert_non_null(twice.data);
    assert_int_equal(event_codec_decode(twice, &arena, &decoded, NULL), STATUS_OK);
    assert_true(decoded->restored);
    decoded->restored = false;
    struct bytes again = event_codec_encode(decoded, &arena);
    assert_int_equal(again.size, encoded.size);
    assert_memory_equal(again.data, encoded.data, encoded.size);
    struct arena small;
    arena_init(&small, 16, 16);
    assert_null(event_codec_restore(encoded, &small).data);
    arena_fini(&small);
}

static void test_an_adjustment_survives_the_wire(void **state)
{
    (void)state;
    struct event event = adjusted_event();
    struct bytes encoded = event_codec_encode(&event, &arena);
    struct event *decoded;
    assert_int_equal(event_codec_decode(encoded, &arena, &decoded, NULL), STATUS_OK);
    assert_int_equal(decoded->kind, EVENT_STOCK_ADJUSTED);
    assert_int_equal(decoded->adjustment.delta, -5);
    assert_string_equal(decoded->adjustment.reason, "damaged");
}

static void test_what_breaks_a_rule_is_refused(void **state)
{
    (void)state;
    struct event *decoded;
    struct event event = created_event();
    event.order.total_minor = 3000;
    assert_int_equal(event_codec_decode(event_codec_encode(&event, &arena), &arena, &decoded, NULL),
                     STATUS_INVALID_ARGUMENT);
    event = created_event();
    event.order.version = 2;
    assert_int_equal(event_codec_decode(event_codec_encode(&event, &arena), &arena, &decoded, NULL),
                     STATUS_INVALID_ARGUMENT);
    event = created_event();
    event.order.line_count = 0;
    assert_int_equal(event_codec_decode(event_codec_encode(&event, &arena), &arena, &decoded, NULL),
                     STATUS_INVALID_ARGUMENT);
    event = adjusted_event();
    event.adjustment.delta = 0;
    assert_int_equal(event_codec_decode(event_codec_encode(&event, &arena), &arena, &decoded, NULL),
                     STATUS_INVALID_ARGUMENT);
}

static void test_every_truncation_is_refused_or_harmless(void **state)
{
    (void)state;
    struct event event = created_event();
    struct bytes whole = event_codec_encode(&event, &arena);
    for (size_t size = 0; size < whole.size; size++) {
        uint8_t *copy = malloc(size + 1); /* so that reading past the end is seen */
        memcpy(copy, whole.data, size);
        struct event *decoded;
        struct failure failure = {0};
        enum status status = event_codec_decode(bytes_of(copy, size), &arena, &decoded, &failure);
        assert_int_equal(status, STATUS_INVALID_ARGUMENT);
        (void)event_codec_peek_routing_key(bytes_of(copy, size));
        free(copy);
        arena_reset(&arena);
        whole = event_codec_encode(&event, &arena);
    }
}

static void test_a_later_versions_change_is_named(void **state)
{
    (void)state;
    /* An event with an id, a time and field 99. */
    struct event event = adjusted_event();
    struct bytes encoded = event_codec_encode(&event, &arena);
    uint8_t *changed = arena_alloc(&arena, encoded.size + 8);
    size_t size = 0;
    /* Keep the fields before the change: event_id (38 bytes) and event_time. */
    size_t kept = 2 + 36 + 2 + encoded.data[39];
    memcpy(changed, encoded.data, kept);
    size = kept;
    changed[size++] = 0x9a; /* field 99, length-delimited */
    changed[size++] = 0x06;
    changed[size++] = 0;
    struct event *decoded;
    struct failure failure;
    assert_int_equal(event_codec_decode(bytes_of(changed, size), &arena, &decoded, &failure),
                     STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, "UNKNOWN_EVENT");
}

static void test_batches_join_and_split(void **state)
{
    (void)state;
    struct event one = created_event();
    struct event two = adjusted_event();
    struct bytes events[3] = {
        event_codec_encode(&one, &arena), event_codec_encode(&two, &arena), {0}};
    struct bytes batch = event_codec_join(events, 3, &arena);
    struct bytes *split;
    size_t count;
    assert_int_equal(event_codec_split(batch, &arena, &split, &count, NULL), STATUS_OK);
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(bytes_equal(split[i], events[i]));
    }
    assert_string_equal(event_codec_peek_routing_key(split[0]), "order.created");
    assert_string_equal(event_codec_peek_routing_key(split[1]), "stock.adjusted");
    assert_null(event_codec_peek_routing_key(split[2]));
}

/* A field that a later version adds, of any wire type, does not hide the key. */
static void test_the_key_is_found_beside_later_fields(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        bool is_whole;
    } LATER[] = {
        {"\x98\x06\x07", 3, true},
        {"\x99\x06\1\2\3\4\5\6\7\0", 10, true},
        {"\x9a\x06\2ab", 5, true},
        {"\x9d\x06\1\2\3\4", 6, true},
        {"\x99\x06\1\2\3\4\5\6\7", 9, false},
        {"\x9d\x06\1\2\3", 5, false},
        {"\x9a\x06\3ab", 5, false},
        {"\x9b\x06", 2, false},
    };
    struct event event = adjusted_event();
    struct bytes encoded = event_codec_encode(&event, &arena);
    for (size_t i = 0; i < sizeof LATER / sizeof LATER[0]; i++) {
        size_t size = LATER[i].size + encoded.size;
        uint8_t *later = malloc(size);
        memcpy(later, encoded.data, encoded.size);
        memcpy(later + encoded.size, LATER[i].bytes, LATER[i].size);
        const char *key = event_codec_peek_routing_key(bytes_of(later, size));
        if (LATER[i].is_whole) {
            assert_string_equal(key, "stock.adjusted");
        } else {
            assert_null(key);
        }
        free(later);
    }
}

static void test_a_broken_frame_is_no_batch(void **state)
{
    (void)state;
    struct event one = created_event();
    struct bytes event = event_codec_encode(&one, &arena);
    struct bytes batch = event_codec_join(&event, 1, &arena);
    struct bytes *split;
    size_t count;
    struct failure failure;
    for (size_t size = 1; size < batch.size; size++) {
        assert_int_equal(
            event_codec_split(bytes_of(batch.data, size), &arena, &split, &count, &failure),
            STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.reason, "MALFORMED_EVENT");
    }
    const uint8_t endless[] = {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_int_equal(
        event_codec_split(bytes_of(endless, sizeof endless), &arena, &split, &count, NULL),
        STATUS_INVALID_ARGUMENT);
    assert_int_equal(event_codec_split(bytes_of("", 0), &arena, &split, &count, NULL), STATUS_OK);
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_created_order_survives_the_wire, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_restored_event_says_so_and_nothing_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_an_adjustment_survives_the_wire, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_breaks_a_rule_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_truncation_is_refused_or_harmless, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_later_versions_change_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_batches_join_and_split, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_key_is_found_beside_later_fields, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_broken_frame_is_no_batch, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
