/* The largest batch there may be, and its answer, each fit into one message. */
#include <shop/v1/order_service.pb-c.h>
#include <string.h>

#include "rpc/limits.h"
#include "shop/batch_codec.h"
#include "shop/limits.h"
#include "shop/order_codec.h"
#include "shop/rules.h"
#include "tests/cmocka_all.h"

#define ENVELOPE_BYTES 1024
#define ID             "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20, 64 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

#define LINES_EACH (SHOP_BATCH_LINES_MAX / SHOP_BATCH_CREATE_MAX)

static Google__Protobuf__Timestamp *make_time(void)
{
    Google__Protobuf__Timestamp *time = arena_alloc(&arena, sizeof *time);
    google__protobuf__timestamp__init(time);
    time->seconds = 253402300799;
    time->nanos = 999999000;
    return time;
}

static Shop__V1__CreateOrderRequest *make_request(size_t line_count)
{
    Shop__V1__CreateOrderRequest *request = arena_alloc(&arena, sizeof *request);
    shop__v1__create_order_request__init(request);
    request->request_id = arena_strdup(&arena, ID);
    request->customer_id = arena_strdup(&arena, ID);
    request->order_ref = arena_strdup(&arena, ID);
    request->placed_time = make_time();
    request->commitment_case = SHOP__V1__CREATE_ORDER_REQUEST__COMMITMENT_CONFIRM;
    request->confirm = true;
    request->lines = arena_calloc(&arena, line_count, sizeof *request->lines);
    request->n_lines = line_count;
    for (size_t i = 0; i < line_count; i++) {
        Shop__V1__CreateOrderLine *line = arena_alloc(&arena, sizeof *line);
        shop__v1__create_order_line__init(line);
        line->product_id = request->customer_id;
        line->quantity = SHOP_QUANTITY_MAX;
        line->price_presence_case = SHOP__V1__CREATE_ORDER_LINE__PRICE_PRESENCE_UNIT_PRICE_MINOR;
        line->unit_price_minor = SHOP_PRICE_MINOR_MAX;
        request->lines[i] = line;
    }
    return request;
}

static void test_the_largest_request_fits(void **state)
{
    (void)state;
    Shop__V1__BatchCreateOrdersRequest batch = SHOP__V1__BATCH_CREATE_ORDERS_REQUEST__INIT;
    batch.orders = arena_calloc(&arena, SHOP_BATCH_CREATE_MAX, sizeof *batch.orders);
    batch.n_orders = SHOP_BATCH_CREATE_MAX;
    for (size_t i = 0; i < SHOP_BATCH_CREATE_MAX; i++) {
        batch.orders[i] = make_request(LINES_EACH);
    }
    size_t size = protobuf_c_message_get_packed_size(&batch.base);
    assert_true(size < RPC_MESSAGE_BYTES_MAX - ENVELOPE_BYTES);

    size_t count, lines;
    const ProtobufCMessage *const *requests = batch_codec_requests(&batch.base, &count, &lines);
    assert_int_equal(count, SHOP_BATCH_CREATE_MAX);
    assert_int_equal(lines, SHOP_BATCH_LINES_MAX);
    assert_string_equal(batch_codec_request_id(requests[count - 1]), ID);
}

/* As it may be by the time the request is repeated. */
static const ProtobufCMessage *make_order(size_t line_count)
{
    static char payment[SHOP_PAYMENT_BYTES_MAX + 1];
    memset(payment, 'p', sizeof payment - 1);
    struct order_line *lines = arena_calloc(&arena, line_count, sizeof *lines);
    for (size_t i = 0; i < line_count; i++) {
        lines[i] = (struct order_line){.product_id = ID,
                                       .quantity = SHOP_QUANTITY_MAX,
                                       .unit_price_minor = SHOP_PRICE_MINOR_MAX,
                                       .fulfilled_quantity = SHOP_QUANTITY_MAX / 2,
                                       .cancelled_quantity = SHOP_QUANTITY_MAX / 2};
    }
    struct order *order = arena_alloc(&arena, sizeof *order); /* the message has views of it */
    *order = (struct order){
        .order_id = {.bytes = {1}},
        .customer_id = ID,
        .state = ORDER_PARTIALLY_FULFILLED,
        .lines = lines,
        .line_count = line_count,
        .currency = "EUR",
        .total_minor = INT64_MAX,
        .create_time_us = 1900000000999999,
        .placed_time_us = 1900000000999999,
        .expire_time_us = 1900000000999999,
        .confirm_time_us = 1900000000999999,
        .update_time_us = 1900000000999999,
        .order_ref = ID,
        .payment_reference = payment,
        .durability = DURABILITY_PERSISTED,
        .version = INT32_MAX,
    };
    return order_codec_order(order, &arena);
}

static size_t answer_size(const ProtobufCMessage *const *orders, const struct failure *failure)
{
    const struct failure *failures[SHOP_BATCH_CREATE_MAX];
    for (size_t i = 0; i < SHOP_BATCH_CREATE_MAX; i++) {
        failures[i] = failure;
    }
    ProtobufCMessage *response =
        batch_codec_results(orders, failures, SHOP_BATCH_CREATE_MAX, &arena);
    assert_non_null(response);
    return protobuf_c_message_get_packed_size(response);
}

static void test_the_largest_answer_fits(void **state)
{
    (void)state;
    const ProtobufCMessage *orders[SHOP_BATCH_CREATE_MAX];
    for (size_t i = 0; i < SHOP_BATCH_CREATE_MAX; i++) {
        orders[i] = make_order(LINES_EACH);
    }
    assert_true(answer_size(orders, NULL) < RPC_MESSAGE_BYTES_MAX - ENVELOPE_BYTES);
}

/* Every text as long as it can be. */
static void test_a_thousand_failures_fit(void **state)
{
    (void)state;
    const ProtobufCMessage *orders[SHOP_BATCH_CREATE_MAX] = {NULL};
    struct failure failure = {.code = STATUS_UNAUTHENTICATED, .retry_delay_ms = 999999};
    memset(failure.reason, 'R', sizeof failure.reason - 1);
    memset(failure.message, 'm', sizeof failure.message - 1);
    memset(failure.field, 'f', sizeof failure.field - 1);
    failure.metadata_count = FAILURE_METADATA_MAX;
    for (size_t i = 0; i < FAILURE_METADATA_MAX; i++) {
        memset(failure.metadata[i].key, 'k', sizeof failure.metadata[i].key - 1);
        memset(failure.metadata[i].value, 'v', sizeof failure.metadata[i].value - 1);
    }
    assert_true(answer_size(orders, &failure) < RPC_MESSAGE_BYTES_MAX - ENVELOPE_BYTES);
}

static void test_text_that_was_cut_is_text(void **state)
{
    (void)state;
    const ProtobufCMessage *orders[] = {NULL};
    struct failure failure;
    (void)failure_set(&failure, STATUS_NOT_FOUND, "REASON", "cut in a character: \xc3");
    const struct failure *failures[] = {&failure};
    const Shop__V1__BatchCreateOrdersResponse *response =
        (const Shop__V1__BatchCreateOrdersResponse *)batch_codec_results(orders, failures, 1,
                                                                         &arena);
    assert_string_equal(response->results[0]->failure->message, "cut in a character: ?");
}

static void test_a_full_arena_is_said(void **state)
{
    (void)state;
    struct arena small;
    const ProtobufCMessage *orders[] = {NULL, NULL};
    struct failure failure;
    (void)failure_set(&failure, STATUS_NOT_FOUND, "REASON", "no");
    failure_add(&failure, "key", "value");
    const struct failure *failures[] = {&failure, &failure};
    for (size_t room = 64; room <= 512; room += 64) {
        arena_init(&small, room, room);
        assert_null(batch_codec_results(orders, failures, 2, &small));
        arena_fini(&small);
    }
}

static void test_how_many_orders_and_lines(void **state)
{
    (void)state;
    struct failure failure;
    assert_int_equal(rules_check_order_batch(1, 0, &failure), STATUS_OK);
    assert_int_equal(rules_check_order_batch(1000, 5000, &failure), STATUS_OK);
    const size_t wrong[][2] = {{0, 0}, {1001, 1001}, {3, 5001}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rules_check_order_batch(wrong[i][0], wrong[i][1], &failure),
                         STATUS_INVALID_ARGUMENT);
        assert_string_equal(failure.reason, "BAD_BATCH_SIZE");
        assert_string_equal(failure.field, "orders");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_largest_request_fits), TEST(test_the_largest_answer_fits),
        TEST(test_a_thousand_failures_fit),  TEST(test_text_that_was_cut_is_text),
        TEST(test_a_full_arena_is_said),     TEST(test_how_many_orders_and_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
