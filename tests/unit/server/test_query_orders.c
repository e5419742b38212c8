/* GetOrder: Redis, then PostgreSQL, and never a NOT_FOUND that may be wrong. ListOrders: pages. */
#include <stdio.h>

#include "server/query_orders.h"
#include "tests/cmocka_all.h"
#include "tests/unit/server/lane_fixture.h"

#define NOBODY "01a20353-9774-87b0-9594-5bb48111a7c4"

struct get_call {
    struct rpc_call call;
    Shop__V1__GetOrderRequest request;
};

static void get_of(struct get_call *get, const char *order_id, const char *customer_id)
{
    shop__v1__get_order_request__init(&get->request);
    get->request.order_id = (char *)(uintptr_t)order_id;
    get->request.customer_id = (char *)(uintptr_t)customer_id;
    fake_call_init(&get->call, &get->request.base, NULL,
                   clock_monotonic_ms(&fixture.clock.clock) + 1000);
    struct rpc_call *call = &get->call;
    get_orders(fixture.lane, &call, 1);
}

static void get(struct get_call *get, const char *order_id)
{
    get_of(get, order_id, "");
}

static void store_order(const char *order_id, const char *customer_id, int64_t create_time_us)
{
    static struct order_line line = {.product_id = "tea", .quantity = 1, .unit_price_minor = 100};
    struct order *order = &fake_postgres.orders[fake_postgres.order_count++].order;
    *order = (struct order){
        .customer_id = customer_id,
        .state = ORDER_CONFIRMED,
        .lines = &line,
        .line_count = 1,
        .currency = "EUR",
        .total_minor = 100,
        .create_time_us = create_time_us,
        .order_ref = "",
        .durability = DURABILITY_PERSISTED,
        .version = 1,
    };
    assert_true(uuid_parse(order_id, &order->order_id));
}

static void test_an_accepted_order_is_seen_at_once(void **state)
{
    (void)state;
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    fake_publisher.confirm_first = 0;
    order_call_send(order);
    const char *id = order_call_reply(order)->order_id;
    struct get_call call = {0};
    get(&call, id);
    const Shop__V1__Order *seen = fake_call_expect_reply(&call.call);
    assert_string_equal(seen->order_id, id);
    assert_int_equal(seen->durability, SHOP__V1__DURABILITY__DURABILITY_RESERVED);
    fake_call_fini(&call.call);

    fake_book.outbox[0].unconfirmed = false;
    get(&call, id);
    seen = fake_call_expect_reply(&call.call);
    assert_int_equal(seen->durability, SHOP__V1__DURABILITY__DURABILITY_QUEUED);
    assert_int_equal(fake_postgres.order_calls, 0);
    fake_call_fini(&call.call);
    order_call_drop(order);
}

static void test_what_redis_forgot_comes_from_postgres(void **state)
{
    (void)state;
    struct get_call call = {0};
    store_order(NOBODY, "c-1", 5);
    get(&call, NOBODY);
    const Shop__V1__Order *seen = fake_call_expect_reply(&call.call);
    assert_int_equal(seen->durability, SHOP__V1__DURABILITY__DURABILITY_PERSISTED);
    assert_int_equal(seen->n_lines, 1);
    fake_call_fini(&call.call);
}

static void test_not_found_is_said_when_both_deny(void **state)
{
    (void)state;
    struct get_call call = {0};
    get(&call, NOBODY);
    fake_call_expect_failure(&call.call, STATUS_NOT_FOUND, "ORDER_NOT_FOUND");
    assert_string_equal(fake_call_metadata(&call.call, "order_id"), NOBODY);
    fake_call_fini(&call.call);
}

/* In whichever store it is: not told from one that is not there, also by what an outage answers. */
static void test_another_customers_order_is_not_there(void **state)
{
    (void)state;
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 2);
    order_call_send(order);
    store_order(NOBODY, "c-1", 5);
    const char *ids[] = {order_call_reply(order)->order_id, NOBODY};
    struct get_call call = {0};
    for (size_t i = 0; i < 2; i++) {
        get_of(&call, ids[i], "c-1");
        assert_string_equal(((const Shop__V1__Order *)fake_call_expect_reply(&call.call))->order_id,
                            ids[i]);
        fake_call_fini(&call.call);
        get_of(&call, ids[i], "c-2");
        fake_call_expect_failure(&call.call, STATUS_NOT_FOUND, "ORDER_NOT_FOUND");
        fake_call_fini(&call.call);
    }
    fake_postgres.status = STATUS_UNAVAILABLE;
    get_of(&call, ids[0], "c-2");
    fake_call_expect_failure(&call.call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    fake_call_fini(&call.call);
    order_call_drop(order);
}

static void test_not_found_is_not_said_when_one_cannot_be_asked(void **state)
{
    (void)state;
    struct get_call call = {0};
    fake_book.read = STATUS_UNKNOWN;
    get(&call, NOBODY);
    fake_call_expect_failure(&call.call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    assert_string_equal(fake_call_metadata(&call.call, "store"), "redis");
    fake_call_fini(&call.call);

    store_order(NOBODY, "c-1", 5); /* but what PostgreSQL has is there */
    get(&call, NOBODY);
    (void)fake_call_expect_reply(&call.call);
    fake_call_fini(&call.call);

    fake_book.read = STATUS_OK;
    fake_postgres.status = STATUS_UNAVAILABLE;
    get(&call, NOBODY);
    fake_call_expect_failure(&call.call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    assert_string_equal(fake_call_metadata(&call.call, "store"), "postgres");
    fake_call_fini(&call.call);
}

static void test_while_stock_is_loaded_an_order_may_be_under_way(void **state)
{
    (void)state;
    struct get_call call = {0};
    stock_gate_close(&fixture.gate);
    get(&call, NOBODY);
    fake_call_expect_failure(&call.call, STATUS_UNAVAILABLE, "STOCK_FENCED");
    fake_call_fini(&call.call);
}

/* Emptied a moment ago: PostgreSQL does not have the order yet, and the gate knows nothing of it.
 */
static void test_an_emptied_redis_does_not_deny_an_order(void **state)
{
    (void)state;
    struct get_call call = {0};
    struct stock_pass pass;
    fake_book.epoch = 0;
    assert_true(stock_gate_enter(&fixture.gate, &pass));
    get(&call, NOBODY);
    fake_call_expect_failure(&call.call, STATUS_UNAVAILABLE, "STOCK_FENCED");
    fake_call_fini(&call.call);
    assert_false(stock_gate_enter(&fixture.gate, &pass));
}

static void test_refusals_and_adjustments_are_no_orders(void **state)
{
    (void)state;
    struct get_call call = {0};
    struct order_call *order = order_call_new(fixture_request_id(0), "tea", 11);
    order_call_send(order);
    struct adjust_call adjust = {0};
    adjust_call_init(&adjust, fixture_request_id(0), "tea", -1);
    adjust_call_send(&adjust);
    for (size_t i = 0; i < fake_book.record_count; i++) {
        char id[UUID_TEXT_BYTES];
        uuid_print(&fake_book.records[i].record_id, id);
        get(&call, id);
        fake_call_expect_failure(&call.call, STATUS_NOT_FOUND, "ORDER_NOT_FOUND");
        fake_call_fini(&call.call);
    }
    assert_int_equal(fake_book.record_count, 2);
    order_call_drop(order);
    adjust_call_fini(&adjust);
}

static void test_an_id_that_is_no_uuid_is_refused(void **state)
{
    (void)state;
    static const char *const ids[] = {"", "x", "01a20353977487b095945bb48111a7c4"};
    struct get_call call = {0};
    for (size_t i = 0; i < 3; i++) {
        get(&call, ids[i]);
        fake_call_expect_failure(&call.call, STATUS_INVALID_ARGUMENT, "BAD_ID");
        fake_call_fini(&call.call);
    }
    assert_int_equal(fake_book.read_calls, 0);
}

static void test_a_batch_is_one_exchange_each(void **state)
{
    (void)state;
    struct get_call gets[3] = {0};
    struct rpc_call *calls[3];
    static const char *const ids[] = {NOBODY, "bad", "01a20353-9774-87b0-9594-5bb48111a7c5"};
    store_order(ids[2], "c-1", 5);
    for (size_t i = 0; i < 3; i++) {
        shop__v1__get_order_request__init(&gets[i].request);
        gets[i].request.order_id = (char *)(uintptr_t)ids[i];
        fake_call_init(&gets[i].call, &gets[i].request.base, NULL, INT64_MAX);
        calls[i] = &gets[i].call;
    }
    get_orders(fixture.lane, calls, 3);
    fake_call_expect_failure(&gets[0].call, STATUS_NOT_FOUND, "ORDER_NOT_FOUND");
    fake_call_expect_failure(&gets[1].call, STATUS_INVALID_ARGUMENT, "BAD_ID");
    (void)fake_call_expect_reply(&gets[2].call);
    assert_int_equal(fake_book.read_calls, 1);
    assert_int_equal(fake_postgres.order_calls, 1);
    for (size_t i = 0; i < 3; i++) {
        fake_call_fini(&gets[i].call);
    }
}

/* ---- ListOrders ---- */

struct list_call {
    struct rpc_call call;
    Shop__V1__ListOrdersRequest request;
};

static void list(struct list_call *list, const char *customer_id, int32_t page_size,
                 const char *page_token)
{
    shop__v1__list_orders_request__init(&list->request);
    list->request.customer_id = (char *)(uintptr_t)customer_id;
    list->request.page_size = page_size;
    list->request.page_token = (char *)(uintptr_t)page_token;
    fake_call_init(&list->call, &list->request.base, NULL, INT64_MAX);
    struct rpc_call *call = &list->call;
    list_orders(fixture.lane, &call, 1);
}

static void store_some(void)
{
    for (int i = 0; i < 5; i++) {
        char id[UUID_TEXT_BYTES];
        (void)snprintf(id, sizeof id, "01a20353-9774-87b0-9594-5bb48111a70%c", (char)('0' + i));
        store_order(id, i == 3 ? "c-2" : "c-1", 1000 - i);
    }
}

static void test_pages_follow_one_another(void **state)
{
    (void)state;
    store_some();
    struct list_call calls[3] = {0};
    char token[200] = "";
    size_t seen = 0;
    for (size_t page = 0; page < 3; page++) {
        list(&calls[page], "", 2, token);
        const Shop__V1__ListOrdersResponse *reply = fake_call_expect_reply(&calls[page].call);
        for (size_t i = 0; i < reply->n_orders; i++, seen++) {
            assert_int_equal(reply->orders[i]->order_id[35], '0' + (int)seen);
        }
        (void)snprintf(token, sizeof token, "%s", reply->next_page_token);
        fake_call_fini(&calls[page].call);
    }
    assert_int_equal(seen, 5);
    assert_string_equal(token, "");
}

static void test_a_token_is_bound_to_its_customer(void **state)
{
    (void)state;
    store_some();
    struct list_call call = {0};
    char token[200];
    list(&call, "c-1", 2, "");
    const Shop__V1__ListOrdersResponse *reply = fake_call_expect_reply(&call.call);
    (void)snprintf(token, sizeof token, "%s", reply->next_page_token);
    assert_string_not_equal(token, "");
    fake_call_fini(&call.call);
    static const char *const customers[] = {"", "c-2"};
    for (size_t i = 0; i < 2; i++) {
        list(&call, customers[i], 2, token);
        fake_call_expect_failure(&call.call, STATUS_INVALID_ARGUMENT, "BAD_PAGE_TOKEN");
        fake_call_fini(&call.call);
    }
    list(&call, "c-1", 1000, token);
    reply = fake_call_expect_reply(&call.call);
    assert_int_equal(reply->n_orders, 2);
    fake_call_fini(&call.call);
}

/* S36: the whole filter is in the token. */
static void test_s36_a_token_is_bound_to_every_part_of_its_filter(void **state)
{
    (void)state;
    store_some();
    struct list_call call = {0};
    char token[200];
    list(&call, "", 2, "");
    const Shop__V1__ListOrdersResponse *reply = fake_call_expect_reply(&call.call);
    (void)snprintf(token, sizeof token, "%s", reply->next_page_token);
    fake_call_fini(&call.call);
    Google__Protobuf__Timestamp time = {.base.descriptor = &google__protobuf__timestamp__descriptor,
                                        .seconds = 0};
    Shop__V1__Order__State confirmed = SHOP__V1__ORDER__STATE__STATE_CONFIRMED;
    for (int part = 0; part < 6; part++) {
        Shop__V1__ListOrdersRequest request = SHOP__V1__LIST_ORDERS_REQUEST__INIT;
        request.n_states = part == 0 ? 1 : 0;
        request.states = &confirmed;
        request.product_id = (char *)(uintptr_t)(part == 1 ? "tea" : "");
        request.create_time_from = part == 2 ? &time : NULL;
        request.placed_time_from = part == 3 ? &time : NULL;
        Google__Protobuf__Timestamp late = time;
        late.seconds = 4102444800;
        request.create_time_to = part == 4 ? &late : NULL;
        request.placed_time_to = part == 5 ? &late : NULL;
        for (int with_token = 0; with_token < 2; with_token++) {
            request.page_token = with_token == 1 ? token : (char *)(uintptr_t)"";
            fake_call_init(&call.call, &request.base, NULL, INT64_MAX);
            struct rpc_call *one = &call.call;
            list_orders(fixture.lane, &one, 1);
            if (with_token == 1) {
                fake_call_expect_failure(&call.call, STATUS_INVALID_ARGUMENT, "BAD_PAGE_TOKEN");
            } else {
                (void)fake_call_expect_reply(&call.call);
            }
            fake_call_fini(&call.call);
        }
    }
}

static void list_filtered(struct list_call *call, const Shop__V1__ListOrdersRequest *request)
{
    fake_call_init(&call->call, &request->base, NULL, INT64_MAX);
    struct rpc_call *one = &call->call;
    list_orders(fixture.lane, &one, 1);
}

static void test_a_filter_reaches_the_reader(void **state)
{
    (void)state;
    struct list_call call = {0};
    Google__Protobuf__Timestamp from = GOOGLE__PROTOBUF__TIMESTAMP__INIT, to = from;
    Shop__V1__Order__State states[] = {SHOP__V1__ORDER__STATE__STATE_PENDING,
                                       SHOP__V1__ORDER__STATE__STATE_REJECTED};
    from.seconds = 10;
    to.seconds = 20;
    to.nanos = 5000;
    Shop__V1__ListOrdersRequest request = SHOP__V1__LIST_ORDERS_REQUEST__INIT;
    request.states = states;
    request.n_states = 2;
    request.create_time_from = request.placed_time_from = &from;
    request.create_time_to = request.placed_time_to = &to;
    list_filtered(&call, &request);
    (void)fake_call_expect_reply(&call.call);
    const struct order_filter *asked = &fake_postgres.listed.asked;
    assert_int_equal(asked->states, 1 << ORDER_PENDING | 1 << ORDER_REJECTED);
    assert_int_equal(asked->create_from_us, 10000000);
    assert_int_equal(asked->create_to_us, 20000005);
    assert_int_equal(asked->placed_from_us, 10000000);
    assert_int_equal(asked->placed_to_us, 20000005);
    assert_int_equal(fake_postgres.listed.after.create_time_us, 20000005);
    fake_call_fini(&call.call);
}

static void test_bad_filters_are_refused(void **state)
{
    (void)state;
    struct list_call call = {0};
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT, never = time;
    never.nanos = -1;
    static const int bad_states[] = {0, 8, -1, 99};
    for (size_t i = 0; i < 4; i++) {
        Shop__V1__Order__State bad = (Shop__V1__Order__State)bad_states[i];
        Shop__V1__ListOrdersRequest request = SHOP__V1__LIST_ORDERS_REQUEST__INIT;
        request.states = &bad;
        request.n_states = 1;
        list_filtered(&call, &request);
        fake_call_expect_failure(&call.call, STATUS_INVALID_ARGUMENT, "BAD_FILTER");
        fake_call_fini(&call.call);
    }
    for (int which = 0; which < 4; which++) {
        Shop__V1__ListOrdersRequest request = SHOP__V1__LIST_ORDERS_REQUEST__INIT;
        request.create_time_from = which == 0 ? &time : which == 1 ? &never : NULL;
        request.create_time_to = which == 0 ? &time : which == 2 ? &never : NULL;
        request.placed_time_from = request.placed_time_to = which == 3 ? &time : NULL;
        list_filtered(&call, &request);
        fake_call_expect_failure(&call.call, STATUS_INVALID_ARGUMENT, "BAD_FILTER");
        fake_call_fini(&call.call);
    }
    Shop__V1__ListOrdersRequest request = SHOP__V1__LIST_ORDERS_REQUEST__INIT;
    request.product_id = (char *)(uintptr_t)"a b";
    list_filtered(&call, &request);
    fake_call_expect_failure(&call.call, STATUS_INVALID_ARGUMENT, "BAD_ID");
    fake_call_fini(&call.call);
    assert_int_equal(fake_postgres.order_calls, 0);
}

static void test_bad_lists_are_refused(void **state)
{
    (void)state;
    struct list_call call = {0};
    list(&call, "", -1, "");
    fake_call_expect_failure(&call.call, STATUS_INVALID_ARGUMENT, "BAD_PAGE_SIZE");
    fake_call_fini(&call.call);
    list(&call, "c 1", 1, "");
    fake_call_expect_failure(&call.call, STATUS_INVALID_ARGUMENT, "BAD_ID");
    fake_call_fini(&call.call);
    list(&call, "", 1, "AAAA");
    fake_call_expect_failure(&call.call, STATUS_INVALID_ARGUMENT, "BAD_PAGE_TOKEN");
    fake_call_fini(&call.call);
    fake_postgres.status = STATUS_UNAVAILABLE;
    list(&call, "", 1, "");
    fake_call_expect_failure(&call.call, STATUS_UNAVAILABLE, "STORE_UNAVAILABLE");
    fake_call_fini(&call.call);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_accepted_order_is_seen_at_once),
        TEST(test_what_redis_forgot_comes_from_postgres),
        TEST(test_not_found_is_said_when_both_deny),
        TEST(test_another_customers_order_is_not_there),
        TEST(test_not_found_is_not_said_when_one_cannot_be_asked),
        TEST(test_while_stock_is_loaded_an_order_may_be_under_way),
        TEST(test_an_emptied_redis_does_not_deny_an_order),
        TEST(test_refusals_and_adjustments_are_no_orders),
        TEST(test_an_id_that_is_no_uuid_is_refused),
        TEST(test_a_batch_is_one_exchange_each),
        TEST(test_pages_follow_one_another),
        TEST(test_a_token_is_bound_to_its_customer),
        TEST(test_s36_a_token_is_bound_to_every_part_of_its_filter),
        TEST(test_a_filter_reaches_the_reader),
        TEST(test_bad_filters_are_refused),
        TEST(test_bad_lists_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
