/* Bad input: a clear error with a code and a reason, nothing written, the server lives. */
#include <arpa/inet.h>
#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shop/limits.h"
#include "tests/cmocka_all.h"
#include "tests/support/system.h"

static struct system the_system;
static struct rpc_channel *channel;

static int set_up(void **state)
{
    (void)state;
    system_start(&the_system);
    channel = system_open_channel(&the_system, 0);
    system_create_product(channel, "p-1", 1000);
    system_wait_settled(&the_system, 30000);
    return 0;
}

/* Nothing of all that was written anywhere. */
static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(database_int(&the_system.database, "SELECT count(*) FROM orders"), 0);
    assert_int_equal(system_available(&the_system, "p-1"), 1000);
    assert_int_equal(system_outbox(&the_system), 0);
    assert_true(process_is_running(&the_system.servers[0]));
    system_assert_books(&the_system);
    rpc_channel_close(&channel);
    system_destroy(&the_system);
    return 0;
}

static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

static void on_order(const Shop__V1__Order *order, void *data)
{
    *(bool *)data = order != NULL;
}

static void expect(const Shop__V1__CreateOrderRequest *request, enum status code,
                   const char *reason)
{
    struct rpc_stub stub;
    bool accepted = false;
    rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);
    shop__v1__order_service__create_order(&stub.service, request, on_order, &accepted);
    assert_false(accepted);
    if (stub.failure.code != code || strcmp(stub.failure.reason, reason) != 0) {
        fail_msg("expected %s %s, got %s %s: %s", status_name(code), reason,
                 status_name(stub.failure.code), stub.failure.reason, stub.failure.message);
    }
    assert_true(strlen(stub.failure.message) > 0);
}

static Shop__V1__CreateOrderLine the_line;
static Shop__V1__CreateOrderLine *the_lines[SHOP_ORDER_LINES_MAX + 1];

static Shop__V1__CreateOrderRequest valid(void)
{
    shop__v1__create_order_line__init(&the_line);
    the_line.product_id = text("p-1");
    the_line.quantity = 1;
    for (size_t i = 0; i <= SHOP_ORDER_LINES_MAX; i++) {
        the_lines[i] = &the_line;
    }
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    request.customer_id = text("c-1");
    request.n_lines = 1;
    request.lines = the_lines;
    return request;
}

static void s28_each_bad_field_is_named(void **state)
{
    (void)state;
    Shop__V1__CreateOrderRequest request = valid();
    the_line.product_id = text("no-such-product");
    expect(&request, STATUS_NOT_FOUND, "PRODUCT_NOT_FOUND");
    const int32_t quantities[] = {0, -1, INT32_MIN, SHOP_QUANTITY_MAX + 1, INT32_MAX};
    for (size_t i = 0; i < sizeof quantities / sizeof quantities[0]; i++) {
        request = valid();
        the_line.quantity = quantities[i];
        expect(&request, STATUS_INVALID_ARGUMENT, "BAD_QUANTITY");
    }
    request = valid();
    request.n_lines = 0;
    expect(&request, STATUS_INVALID_ARGUMENT, "BAD_LINE_COUNT");
    request = valid();
    request.n_lines = SHOP_ORDER_LINES_MAX + 1;
    expect(&request, STATUS_INVALID_ARGUMENT, "BAD_LINE_COUNT");
    request = valid();
    request.customer_id = text("");
    expect(&request, STATUS_INVALID_ARGUMENT, "BAD_ID");
    request = valid();
    the_line.product_id = text("");
    expect(&request, STATUS_INVALID_ARGUMENT, "BAD_ID");
    request = valid();
    request.customer_id = text("\xff\xfe");
    expect(&request, STATUS_INVALID_ARGUMENT, "INVALID_TEXT");
    request = valid();
    request.request_id = text("{s0}:stock");
    expect(&request, STATUS_INVALID_ARGUMENT, "BAD_ID");
}

static void test_s04_lines_of_one_product_are_tested_on_their_sum(void **state)
{
    (void)state;
    Shop__V1__CreateOrderRequest request = valid();
    request.n_lines = 2; /* S4: each line would fit alone */
    the_line.quantity = 600;
    expect(&request, STATUS_FAILED_PRECONDITION, "OUT_OF_STOCK");
}

static void s28_a_total_beyond_64_bits_is_refused(void **state)
{
    (void)state;
    Shop__V1__CreateOrderRequest request = valid();
    the_line.quantity = SHOP_QUANTITY_MAX;
    the_line.price_presence_case = SHOP__V1__CREATE_ORDER_LINE__PRICE_PRESENCE_UNIT_PRICE_MINOR;
    the_line.unit_price_minor = SHOP_PRICE_MINOR_MAX;
    request.n_lines = 10;
    expect(&request, STATUS_INVALID_ARGUMENT, "TOTAL_OUT_OF_RANGE");
}

/* S28: a price from outside. Over tcp it is not the caller's to name. */
static void s28_a_price_over_tcp_is_refused(void **state)
{
    (void)state;
    struct rpc_channel *local = channel;
    struct rpc_channel_options options = {.endpoint = the_system.tcp[0]};
    assert_int_equal(rpc_channel_open(&options, &channel, NULL), STATUS_OK);
    Shop__V1__CreateOrderRequest request = valid();
    the_line.price_presence_case = SHOP__V1__CREATE_ORDER_LINE__PRICE_PRESENCE_UNIT_PRICE_MINOR;
    the_line.unit_price_minor = 1;
    expect(&request, STATUS_PERMISSION_DENIED, "PRICE_NOT_ALLOWED");
    rpc_channel_close(&channel);
    channel = local;
}

static int connect_to_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    address.sin_port = htons((uint16_t)strtol(strrchr(the_system.tcp[0], ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* The SP handshake of a REQ socket, then a message of `size` bytes behind its 64-bit length. */
static void send_message(int fd, const void *body, size_t size, uint64_t claimed)
{
    static const uint8_t hello[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    uint8_t length[8];
    for (int i = 0; i < 8; i++) {
        length[i] = (uint8_t)(claimed >> (56 - 8 * i));
    }
    (void)!send(fd, hello, sizeof hello, MSG_NOSIGNAL);
    (void)!send(fd, length, sizeof length, MSG_NOSIGNAL);
    (void)!send(fd, body, size, MSG_NOSIGNAL);
}

static void assert_still_serving(void)
{
    Shop__V1__CreateOrderRequest request = valid();
    the_line.quantity = 0;
    expect(&request, STATUS_INVALID_ARGUMENT, "BAD_QUANTITY");
}

static void test_random_bytes_on_the_socket(void **state)
{
    (void)state;
    uint8_t junk[512];
    unsigned seed = 20261122;
    for (int round = 0; round < 300; round++) {
        for (size_t i = 0; i < sizeof junk; i++) {
            seed = seed * 1103515245U + 12345U;
            junk[i] = (uint8_t)(seed >> 16);
        }
        size_t size = seed % sizeof junk;
        int fd = connect_to_server();
        switch (round % 4) {
        case 0: /* no handshake at all */
            (void)!send(fd, junk, size, MSG_NOSIGNAL);
            break;
        case 1: /* a whole message of junk, with a request id in front */
            junk[0] |= 0x80;
            send_message(fd, junk, size, size);
            break;
        case 2: /* truncated */
            send_message(fd, junk, size / 2, size);
            break;
        default: /* a length beyond every limit */
            send_message(fd, junk, size, UINT64_C(1) << 40);
            break;
        }
        (void)close(fd);
        if (round % 50 == 0) {
            assert_still_serving();
        }
    }
    assert_still_serving();
}

static void on_anything(const ProtobufCMessage *message, void *data)
{
    *(bool *)data = message != NULL;
}

static void test_an_unknown_method_is_unimplemented(void **state)
{
    (void)state;
    ProtobufCServiceDescriptor renamed = shop__v1__order_service__descriptor;
    renamed.name = "shop.v1.NoSuchService";
    Shop__V1__CreateOrderRequest request = valid();
    struct rpc_stub stub;
    bool answered = false;
    rpc_stub_init(&stub, channel, &renamed);
    rpc_stub_invoke(&stub, 0, &request.base, on_anything, &answered);
    assert_false(answered);
    assert_int_equal(stub.failure.code, STATUS_UNIMPLEMENTED);
    assert_string_equal(stub.failure.reason, "UNKNOWN_METHOD");
}

static void test_the_catalogue_refuses_too(void **state)
{
    (void)state;
    const struct {
        const char *arguments[8];
        int code;
    } cases[] = {
        {{"product", "get", "no-such-product", NULL}, 1},
        {{"stock", "get", "no-such-product", NULL}, 1},
        {{"stock", "adjust", "p-1", "0", "--reason", "count", NULL}, 1},
        {{"stock", "adjust", "p-1", "-1001", "--reason", "count", NULL}, 1},
        {{"order", "get", "not-an-id", NULL}, 1},
        {{"order", "get", "00000000-0000-8000-8000-000000000000", NULL}, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *output;
        int code = system_orderctl(&the_system, cases[i].arguments, &output);
        if (code != cases[i].code) {
            fail_msg("case %zu: %d: %s", i, code, output);
        }
        free(output);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s28_each_bad_field_is_named),
        cmocka_unit_test(test_s04_lines_of_one_product_are_tested_on_their_sum),
        cmocka_unit_test(s28_a_total_beyond_64_bits_is_refused),
        cmocka_unit_test(s28_a_price_over_tcp_is_refused),
        cmocka_unit_test(test_random_bytes_on_the_socket),
        cmocka_unit_test(test_an_unknown_method_is_unimplemented),
        cmocka_unit_test(test_the_catalogue_refuses_too),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
