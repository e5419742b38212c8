/* Messages in and out of bounded memory: what is refused, and that nothing else happens. */
#include <google/protobuf/any.pb-c.h>
#include <google/protobuf/struct.pb-c.h>
#include <google/rpc/error_details.pb-c.h>
#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "rpc/message.h"
#include "tests/cmocka_all.h"
#include "toy.h"

#define LIMIT_BYTES (8UL * 1024 * 1024)

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 4096, LIMIT_BYTES);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void expect_refusal(const ProtobufCMessageDescriptor *descriptor, struct bytes encoded,
                           const char *reason, const char *field)
{
    ProtobufCMessage *message = NULL;
    struct failure failure = {0};
    assert_int_equal(message_decode(descriptor, encoded, &arena, &message, &failure),
                     STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, reason);
    assert_string_equal(failure.field, field);
    assert_null(message);
    assert_true(arena.used_bytes <= LIMIT_BYTES);
}

/* An order request with `count` lines; bad_line's product_id is `bad`. */
static struct bytes encode_order(size_t count, size_t bad_line, const char *bad)
{
    Shop__V1__CreateOrderLine *lines = calloc(count, sizeof *lines);
    Shop__V1__CreateOrderLine **list = calloc(count, sizeof(Shop__V1__CreateOrderLine *));
    for (size_t i = 0; i < count; i++) {
        shop__v1__create_order_line__init(&lines[i]);
        lines[i].product_id = text(i == bad_line ? bad : "product");
        lines[i].quantity = 1;
        lines[i].price_presence_case = SHOP__V1__CREATE_ORDER_LINE__PRICE_PRESENCE_UNIT_PRICE_MINOR;
        lines[i].unit_price_minor = 0;
        list[i] = &lines[i];
    }
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    Google__Protobuf__Timestamp placed = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    placed.seconds = 1700000000;
    request.request_id = text("request");
    request.customer_id = text("K\xc3\xb6nig");
    request.placed_time = &placed;
    request.n_lines = count;
    request.lines = list;
    struct bytes encoded = message_encode(&request.base, &arena);
    free(lines);
    free(list);
    assert_non_null(encoded.data);
    return encoded;
}

static void test_decodes_what_was_encoded(void **state)
{
    (void)state;
    struct bytes encoded = encode_order(3, 9, "");
    ProtobufCMessage *message;
    struct failure failure;
    assert_int_equal(message_decode(&shop__v1__create_order_request__descriptor, encoded, &arena,
                                    &message, &failure),
                     STATUS_OK);
    const Shop__V1__CreateOrderRequest *request = (const Shop__V1__CreateOrderRequest *)message;
    assert_string_equal(request->customer_id, "K\xc3\xb6nig");
    assert_int_equal(request->n_lines, 3);
    assert_string_equal(request->lines[2]->product_id, "product");
    assert_int_equal(request->lines[2]->price_presence_case,
                     SHOP__V1__CREATE_ORDER_LINE__PRICE_PRESENCE_UNIT_PRICE_MINOR);
    assert_int_equal(request->placed_time->seconds, 1700000000);
    assert_true(bytes_equal(message_encode(message, &arena), encoded));
}

static void test_empty_bytes_are_an_empty_message(void **state)
{
    (void)state;
    ProtobufCMessage *message;
    assert_int_equal(message_decode(&shop__v1__get_order_request__descriptor, (struct bytes){0},
                                    &arena, &message, NULL),
                     STATUS_OK);
    assert_string_equal(((Shop__V1__GetOrderRequest *)message)->order_id, "");
}

static void test_refuses_bad_text_with_its_place(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *order = &shop__v1__create_order_request__descriptor;
    expect_refusal(order, encode_order(5, 3, "\xff"), "INVALID_TEXT", "lines[3].product_id");
    expect_refusal(order, encode_order(1, 0, "\xed\xa0\x80"), "INVALID_TEXT",
                   "lines[0].product_id");
    expect_refusal(order,
                   bytes_of_text("\x0a\x03"
                                 "a\xffz"),
                   "INVALID_TEXT", "request_id");
    /* A NUL, in a repeated string and behind a good one. */
    static const char nul[] = "\x0a\x01"
                              "a\x0a\x03"
                              "b\0c";
    expect_refusal(&shop__v1__batch_get_products_request__descriptor, bytes_of(nul, sizeof nul - 1),
                   "INVALID_TEXT", "product_ids[1]");
    /* In a member of a oneof, and in a map. */
    expect_refusal(&google__protobuf__value__descriptor, bytes_of_text("\x1a\x01\xff"),
                   "INVALID_TEXT", "string_value");
    expect_refusal(&google__rpc__error_info__descriptor, bytes_of_text("\x1a\x03\x0a\x01\xff"),
                   "INVALID_TEXT", "metadata[0].key");
}

static void test_unset_members_of_a_oneof_are_not_text(void **state)
{
    (void)state;
    Google__Protobuf__Value value = GOOGLE__PROTOBUF__VALUE__INIT;
    value.kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
    value.number_value = -1.5; /* as a pointer it would be wild */
    ProtobufCMessage *message;
    assert_int_equal(message_decode(&google__protobuf__value__descriptor,
                                    message_encode(&value.base, &arena), &arena, &message, NULL),
                     STATUS_OK);
}

static void test_bytes_may_be_anything(void **state)
{
    (void)state;
    /* The value of an Any, and a field that the contract does not know. */
    static const char encoded[] = "\x12\x03\xff\x00\xfe\x7a\x02\xff\x00";
    ProtobufCMessage *message;
    assert_int_equal(message_decode(&google__protobuf__any__descriptor,
                                    bytes_of(encoded, sizeof encoded - 1), &arena, &message, NULL),
                     STATUS_OK);
}

static void test_survives_every_cut(void **state)
{
    (void)state;
    struct bytes encoded = encode_order(3, 9, "");
    for (size_t size = 0; size < encoded.size; size++) {
        /* A copy of that size, so that a sanitizer sees a step too far. */
        uint8_t *cut = malloc(size > 0 ? size : 1);
        memcpy(cut, encoded.data, size);
        ProtobufCMessage *message;
        struct failure failure = {0};
        enum status status = message_decode(&shop__v1__create_order_request__descriptor,
                                            bytes_of(cut, size), &arena, &message, &failure);
        if (status != STATUS_OK) {
            assert_string_equal(failure.reason, "MALFORMED_MESSAGE");
        }
        free(cut);
    }
}

static void test_survives_random_bytes(void **state)
{
    (void)state;
    struct arena own;
    arena_init(&own, 4096, LIMIT_BYTES);
    struct bytes good = encode_order(4, 9, "");
    uint8_t *bytes = malloc(good.size);
    uint64_t seed = 20260101;
    for (int round = 0; round < 20000; round++) {
        memcpy(bytes, good.data, good.size);
        size_t changes = round % 2 == 0 ? 1 + random_below(&seed, 4) : good.size;
        for (size_t i = 0; i < changes; i++) {
            bytes[random_below(&seed, good.size)] = random_byte(&seed);
        }
        ProtobufCMessage *message;
        arena_reset(&own);
        if (message_decode(&shop__v1__create_order_request__descriptor, bytes_of(bytes, good.size),
                           &own, &message, NULL) == STATUS_OK) {
            /* What was taken can be written again. */
            (void)protobuf_c_message_get_packed_size(message);
        }
    }
    free(bytes);
    arena_fini(&own);
}

static void test_refuses_groups_and_field_zero(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *order = &shop__v1__create_order_request__descriptor;
    expect_refusal(order, bytes_of_text("\x0b\x0c"), "MALFORMED_MESSAGE", "");
    expect_refusal(order, bytes_of("\0\0", 2), "MALFORMED_MESSAGE", "");
    expect_refusal(order, bytes_of_text("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
                   "MALFORMED_MESSAGE", "");
    /* A length that would wrap around. */
    expect_refusal(order, bytes_of_text("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                   "MALFORMED_MESSAGE", "");
}

static void test_a_bomb_of_empty_messages_stays_in_bounds(void **state)
{
    (void)state;
    size_t size = 1024 * 1024;
    uint8_t *bomb = malloc(size);
    for (size_t i = 0; i < size; i += 2) {
        bomb[i] = 0x1a; /* lines, each of length 0 */
        bomb[i + 1] = 0;
    }
    expect_refusal(&shop__v1__create_order_request__descriptor, bytes_of(bomb, size),
                   "MESSAGE_TOO_COMPLEX", "");
    free(bomb);
}

/* `depth` lists, each in the one before. */
static struct bytes encode_nest(size_t depth)
{
    size_t room = depth * 10 + 16;
    uint8_t *bytes = arena_alloc(&arena, room);
    size_t at = room; /* from the inside out */
    for (size_t level = 0; level < depth; level++) {
        for (int tag = 0; tag < 2; tag++) { /* Value.list_value = 6, ListValue.values = 1 */
            size_t size = room - at;
            uint8_t varint[10];
            size_t digits = 0;
            do {
                varint[digits] = (uint8_t)((size & 0x7f) | (size > 0x7f ? 0x80 : 0));
                size >>= 7;
                digits++;
            } while (size > 0);
            at -= digits;
            memcpy(bytes + at, varint, digits);
            bytes[--at] = tag == 0 ? 0x0a : 0x32;
        }
    }
    return bytes_of(bytes + at, room - at);
}

static void test_nesting_has_a_limit(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *value = &google__protobuf__value__descriptor;
    ProtobufCMessage *message;
    /* Each level is two messages, and the outermost counts, too: 31 of 32. */
    assert_int_equal(message_decode(value, encode_nest(15), &arena, &message, NULL), STATUS_OK);
    expect_refusal(value, encode_nest(16), "MESSAGE_TOO_COMPLEX", "");
    expect_refusal(value, encode_nest(20000), "MESSAGE_TOO_COMPLEX", "");
}

static void test_encode_says_when_the_arena_is_full(void **state)
{
    (void)state;
    struct arena small;
    arena_init(&small, 64, 64);
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    char id[200];
    memset(id, 'x', sizeof id);
    id[sizeof id - 1] = '\0';
    request.order_id = id;
    assert_null(message_encode(&request.base, &small).data);
    request.order_id = text("short");
    assert_non_null(message_encode(&request.base, &small).data);
    arena_fini(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_decodes_what_was_encoded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_empty_bytes_are_an_empty_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_bad_text_with_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unset_members_of_a_oneof_are_not_text, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_bytes_may_be_anything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_survives_every_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_survives_random_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refuses_groups_and_field_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_bomb_of_empty_messages_stays_in_bounds, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_nesting_has_a_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_encode_says_when_the_arena_is_full, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
