/* A caller's trace goes the whole way: with the call, in RabbitMQ's header, where a queue of
 * somebody else reads it, and into the line that the worker logs of what it stored. */
#include <shop/v1/order_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/support/subscriber.h"
#include "tests/support/system.h"

#define DEADLINE_MS 60000
#define CREATED     "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define CONFIRMED   "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define NO_TRACE    "00-00000000000000000000000000000000-b7ad6b7169203331-01"

static struct system shop;
static struct rpc_channel *channel;
static struct subscriber outside;

static int setup(void **state)
{
    (void)state;
    system_start(&shop);
    channel = system_open_channel(&shop, 0);
    system_create_product(channel, "tea", 100);
    subscriber_start(&outside, getenv("TEST_RABBITMQ_URL"), shop.prefix);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rpc_channel_close(&channel);
    subscriber_stop(&outside);
    system_destroy(&shop);
    return 0;
}

static void keep_id(const Shop__V1__Order *order, void *id)
{
    (void)snprintf(id, 40, "%s", order != NULL ? order->order_id : "");
}

static void create(const char *traceparent, char order_id_out[40])
{
    struct rpc_stub stub;
    Shop__V1__CreateOrderLine line = SHOP__V1__CREATE_ORDER_LINE__INIT;
    line.product_id = (char *)(uintptr_t)"tea";
    line.quantity = 1;
    Shop__V1__CreateOrderLine *lines[] = {&line};
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    request.customer_id = (char *)(uintptr_t)"customer-1";
    request.n_lines = 1;
    request.lines = lines;
    rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);
    stub.traceparent = traceparent;
    shop__v1__order_service__create_order(&stub.service, &request, keep_id, order_id_out);
    assert_string_not_equal(order_id_out, "");
}

static void confirm(const char *traceparent, char order_id[40])
{
    struct rpc_stub stub;
    char confirmed[40];
    Shop__V1__ConfirmOrderRequest request = SHOP__V1__CONFIRM_ORDER_REQUEST__INIT;
    request.order_id = order_id;
    rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);
    stub.traceparent = traceparent;
    shop__v1__order_service__confirm_order(&stub.service, &request, keep_id, confirmed);
    assert_string_equal(confirmed, order_id);
}

static bool has_messages(void *count)
{
    return atomic_load(&outside.messages) >= *(size_t *)count;
}

/* Of either worker: the line that has all three. */
static bool is_logged(void *trace)
{
    bool found = false;
    for (size_t i = 0; i < SYSTEM_WORKERS_MAX; i++) {
        char *log = read_whole(shop.workers[i].log_path), *rest;
        for (char *line = strtok_r(log, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            found = found || (strstr(line, "message persisted") != NULL &&
                              strstr(line, ((const char **)trace)[0]) != NULL &&
                              strstr(line, ((const char **)trace)[1]) != NULL);
        }
        free(log);
    }
    return found;
}

static void a_trace_arrives_in_the_message_and_in_the_workers_log(void **state)
{
    (void)state;
    char order_id[40];
    create(CREATED, order_id);
    confirm(CONFIRMED, order_id);
    assert_true(wait_until(has_messages, &(size_t){2}, DEADLINE_MS));
    assert_int_equal(atomic_load(&outside.traced), 2);
    assert_string_equal(outside.traces[0].routing_key, "order.created");
    assert_string_equal(outside.traces[0].traceparent, CREATED);
    assert_string_equal(outside.traces[1].routing_key, "order.confirmed");
    assert_string_equal(outside.traces[1].traceparent, CONFIRMED);
    const char *created[] = {"order.created", CREATED};
    const char *confirmed[] = {"order.confirmed", CONFIRMED};
    assert_true(wait_until(is_logged, created, DEADLINE_MS));
    assert_true(wait_until(is_logged, confirmed, DEADLINE_MS));
    assert_string_equal(outside.complaint, "");
}

static void what_is_no_trace_is_left_out_and_refuses_nothing(void **state)
{
    (void)state;
    static const char *const none[] = {NULL, "", NO_TRACE, CREATED "-more"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        char order_id[40];
        create(none[i], order_id);
    }
    assert_true(wait_until(has_messages, &(size_t){4}, DEADLINE_MS));
    assert_int_equal(atomic_load(&outside.traced), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_trace_arrives_in_the_message_and_in_the_workers_log,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_trace_is_left_out_and_refuses_nothing, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
