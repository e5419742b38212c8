/* A server and peers that mean it ill, or do not know better: junk on the socket beside live calls,
 * messages that are none, answers that nobody reads. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "random.h"
#include "rpc/bundle.h"
#include "rpc/envelope.h"
#include "tests/cmocka_all.h"

/* Calls that go on while a test does its worst; every one must succeed. */
struct traffic {
    pthread_t thread;
    struct rpc_channel *channel;
    atomic_size_t answers, failures;
    atomic_bool enough;
};

static void on_order(const Shop__V1__Order *order, void *data)
{
    struct traffic *traffic = data;
    (void)atomic_fetch_add(order != NULL ? &traffic->answers : &traffic->failures, 1);
}

static void *run_traffic(void *data)
{
    struct traffic *traffic = data;
    struct rpc_stub stub;
    rpc_stub_init(&stub, traffic->channel, &shop__v1__order_service__descriptor);
    while (!atomic_load(&traffic->enough)) {
        Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
        shop__v1__order_service__create_order(&stub.service, &request, on_order, traffic);
    }
    return NULL;
}

static void start_traffic(struct traffic *traffic, const struct toy *toy)
{
    memset(traffic, 0, sizeof *traffic);
    traffic->channel = toy_channel(toy->endpoint);
    assert_int_equal(pthread_create(&traffic->thread, NULL, run_traffic, traffic), 0);
    assert_true(toy_wait_for(&traffic->answers, 1));
}

/* Also a new connection still gets through. */
static void end_traffic(struct traffic *traffic, const struct toy *toy)
{
    assert_true(toy_wait_for(&traffic->answers, atomic_load(&traffic->answers) + 10));
    atomic_store(&traffic->enough, true);
    (void)pthread_join(traffic->thread, NULL);
    rpc_channel_close(&traffic->channel);
    assert_int_equal(atomic_load(&traffic->failures), 0);
    struct traffic newcomer;
    start_traffic(&newcomer, toy);
    atomic_store(&newcomer.enough, true);
    (void)pthread_join(newcomer.thread, NULL);
    rpc_channel_close(&newcomer.channel);
    assert_int_equal(atomic_load(&newcomer.failures), 0);
}

static int connect_to(const struct toy *toy)
{
    const char *address = strstr(toy->endpoint, "://") + 3;
    int fd;
    int connected;
    if (strncmp(toy->endpoint, "ipc", 3) == 0) {
        struct sockaddr_un where = {.sun_family = AF_UNIX};
        (void)snprintf(where.sun_path, sizeof where.sun_path, "%s", address);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        do {
            connected = connect(fd, (struct sockaddr *)&where, sizeof where);
        } while (connected != 0 && errno == EAGAIN); /* the backlog is full */
    } else {
        struct sockaddr_in where = {.sin_family = AF_INET};
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        where.sin_port = htons((uint16_t)strtoul(strchr(address, ':') + 1, NULL, 10));
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        connected = connect(fd, (struct sockaddr *)&where, sizeof where);
    }
    assert_int_equal(connected, 0);
    return fd;
}

static void send_junk(int fd, const void *junk, size_t size)
{
    (void)!send(fd, junk, size, MSG_NOSIGNAL); /* the server may have closed already */
}

static void reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)close(fd);
}

static void connect_and_close_beside(const char *transport)
{
    struct toy toy;
    start_toy_on(&toy, transport);
    struct traffic traffic;
    start_traffic(&traffic, &toy);
    for (int i = 0; i < 200; i++) {
        int fd = connect_to(&toy);
        if (i % 3 == 1) {
            (void)shutdown(fd, SHUT_WR);
        }
        if (i % 3 == 2) {
            reset(fd);
        } else {
            (void)close(fd);
        }
    }
    end_traffic(&traffic, &toy);
    toy_stop(&toy);
}

static void test_connect_and_close_over_ipc(void **state)
{
    (void)state;
    connect_and_close_beside("ipc");
}

static void test_connect_and_close_over_tcp(void **state)
{
    (void)state;
    connect_and_close_beside("tcp");
}

/* nng's greeting of a REQ socket. */
static const uint8_t GREETING[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};

static void junk_beside(const char *transport)
{
    struct toy toy;
    start_toy_on(&toy, transport);
    struct traffic traffic;
    start_traffic(&traffic, &toy);
    uint64_t seed = 20260103;
    for (int i = 0; i < 100; i++) {
        uint8_t junk[512];
        for (size_t at = 0; at < sizeof junk; at++) {
            junk[at] = random_byte(&seed);
        }
        int fd = connect_to(&toy);
        switch (i % 5) {
        case 0: /* no greeting */
            send_junk(fd, junk, sizeof junk);
            break;
        case 1:
            send_junk(fd, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 36);
            break;
        case 2: /* junk behind a greeting */
            send_junk(fd, GREETING, sizeof GREETING);
            send_junk(fd, junk, sizeof junk);
            break;
        case 3: /* a message of 4 GiB and more */
            send_junk(fd, GREETING, sizeof GREETING);
            memset(junk, 0xff, 16);
            junk[0] = 1;
            send_junk(fd, junk, 16);
            break;
        default: /* half a greeting */
            send_junk(fd, GREETING, 4);
            break;
        }
        if (i % 2 == 0) {
            (void)close(fd);
        } else {
            reset(fd);
        }
    }
    end_traffic(&traffic, &toy);
    toy_stop(&toy);
}

static void test_junk_over_ipc(void **state)
{
    (void)state;
    junk_beside("ipc");
}

static void test_junk_over_tcp(void **state)
{
    (void)state;
    junk_beside("tcp");
}

/* One message through nng alone; what came back, or 0 bytes when the connection broke. */
static size_t ask(const struct toy *toy, const void *data, size_t size, uint8_t *out, size_t room)
{
    nng_socket socket;
    nng_msg *message;
    assert_int_equal(nng_req0_open(&socket), 0);
    assert_int_equal(nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE), 0);
    assert_int_equal(nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, TOY_WAIT_MS), 0);
    assert_int_equal(nng_dial(socket, toy->endpoint, NULL, 0), 0);
    assert_int_equal(nng_msg_alloc(&message, size), 0);
    if (size > 0) {
        memcpy(nng_msg_body(message), data, size);
    }
    assert_int_equal(nng_sendmsg(socket, message, 0), 0);
    size_t got = 0;
    int error = nng_recvmsg(socket, &message, 0);
    assert_true(error == 0 || error == NNG_ECONNRESET);
    if (error == 0) {
        got = nng_msg_len(message);
        assert_true(got <= room);
        memcpy(out, nng_msg_body(message), got);
        nng_msg_free(message);
    }
    (void)nng_close(socket);
    return got;
}

static struct failure ask_for_failure(const struct toy *toy, const void *data, size_t size)
{
    static uint8_t answer[8192];
    struct arena arena;
    struct envelope_response response;
    size_t got = ask(toy, data, size, answer, sizeof answer);
    assert_true(got > 0);
    arena_init(&arena, 4096, 65536);
    assert_int_equal(envelope_decode_response(bytes_of(answer, got), &arena, &response, NULL),
                     STATUS_OK);
    assert_string_equal(response.server_id, "toy-1");
    assert_non_null(response.failure);
    struct failure failure = *response.failure;
    arena_fini(&arena);
    return failure;
}

static void test_messages_that_are_none_are_answered(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct failure failure = ask_for_failure(&toy, "", 0);
    assert_int_equal(failure.code, STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, "MALFORMED_ENVELOPE");
    failure = ask_for_failure(&toy, "ORP\1\xff\xff\xff\xff", 8);
    assert_string_equal(failure.reason, "MALFORMED_ENVELOPE");
    failure = ask_for_failure(&toy, "ORP\1\0\0\0\0", 8);
    assert_string_equal(failure.reason, "MALFORMED_ENVELOPE");

    static uint8_t message[RPC_MESSAGE_BYTES_MAX + 64];
    struct envelope_request request = {.method = "/shop.v1.OrderService/Drop", .call_id = "x"};
    size_t size = envelope_encode_request(&request, message, sizeof message);
    assert_string_equal(ask_for_failure(&toy, message, size).reason, "UNKNOWN_METHOD");

    request.method = "/shop.v1.OrderService/CreateOrder";
    size = envelope_encode_request(&request, message, sizeof message);
    memcpy(message + size, "\x0a\xff", 2);
    assert_string_equal(ask_for_failure(&toy, message, size + 2).reason, "MALFORMED_MESSAGE");
    /* The largest there can be, made of empty lines. */
    for (size_t at = size; at + 1 < RPC_MESSAGE_BYTES_MAX; at += 2) {
        message[at] = 0x1a;
        message[at + 1] = 0;
    }
    size_t whole = RPC_MESSAGE_BYTES_MAX - (RPC_MESSAGE_BYTES_MAX - size) % 2;
    assert_string_equal(ask_for_failure(&toy, message, whole).reason, "MESSAGE_TOO_COMPLEX");
    assert_int_equal(atomic_load(&toy.created), 0);
    toy_stop(&toy);
}

/* "OK" or the failure's reason. */
static const char *read_outcome(struct bytes answer, struct arena *arena)
{
    struct envelope_response response;
    assert_int_equal(envelope_decode_response(answer, arena, &response, NULL), STATUS_OK);
    assert_string_equal(response.server_id, "toy-1");
    return response.failure == NULL ? "OK" : response.failure->reason;
}

static struct bytes make_request(const char *method, struct arena *arena)
{
    struct envelope_request request = {.method = method, .call_id = "x", .timeout_ms = 10000};
    uint8_t *out = arena_alloc(arena, 512);
    return bytes_of(out, envelope_encode_request(&request, out, 512));
}

static struct bytes ask_together(const struct toy *toy, const struct bytes *parts, size_t count,
                                 struct arena *arena)
{
    const size_t room = 65536;
    uint8_t *message = arena_alloc(arena, bundle_size(parts, count));
    uint8_t *answer = arena_alloc(arena, room);
    bundle_write(parts, count, message);
    return bytes_of(answer, ask(toy, message, bundle_size(parts, count), answer, room));
}

static void test_a_bundle_is_answered_for_each_of_its_parts(void **state)
{
    (void)state;
    struct toy toy;
    struct arena arena;
    arena_init(&arena, 4096, 1024 * 1024);
    start_toy_on(&toy, "ipc");
    struct bytes order = make_request("/shop.v1.OrderService/CreateOrder", &arena);
    const struct {
        struct bytes part;
        const char *outcome;
    } cases[] = {
        {order, "OK"},
        {make_request("/grpc.health.v1.Health/Check", &arena), "OK"},
        {make_request("/shop.v1.OrderService/Drop", &arena), "UNKNOWN_METHOD"},
        {bytes_of_text("junk"), "MALFORMED_ENVELOPE"},
        {bytes_of(NULL, 0), "MALFORMED_ENVELOPE"},
        {bytes_of("ORB\1\0\0\0\1\0\0\0\0", 12), "MALFORMED_ENVELOPE"}, /* one within another */
        {order, "OK"},
    };
    const size_t count = sizeof cases / sizeof cases[0];
    struct bytes parts[BUNDLE_PARTS_MAX], answers[BUNDLE_PARTS_MAX];
    for (size_t i = 0; i < count; i++) {
        parts[i] = cases[i].part;
    }
    assert_int_equal(bundle_read(ask_together(&toy, parts, count, &arena), answers), count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(read_outcome(answers[i], &arena), cases[i].outcome);
    }
    assert_int_equal(atomic_load(&toy.created), 2);

    static const uint8_t none[] = {'O', 'R', 'B', 1, 0, 0, 0, 0};
    assert_string_equal(ask_for_failure(&toy, none, sizeof none).reason, "MALFORMED_ENVELOPE");
    static const uint8_t half[] = {'O', 'R', 'B', 1, 0, 0, 0, 2, 0, 0, 0, 0};
    assert_string_equal(ask_for_failure(&toy, half, sizeof half).reason, "MALFORMED_ENVELOPE");
    toy_stop(&toy);
    arena_fini(&arena);
}

/* The server's limit is one of calls, in however few messages they come. */
static void test_calls_of_a_bundle_are_refused_above_the_limit(void **state)
{
    (void)state;
    struct toy toy;
    struct arena arena;
    arena_init(&arena, 4096, 1024 * 1024);
    struct toy_options options = {.max_inflight = 4};
    start_toy(&toy, &options);
    struct bytes parts[BUNDLE_PARTS_MAX], answers[BUNDLE_PARTS_MAX];
    for (size_t i = 0; i < BUNDLE_PARTS_MAX; i++) {
        parts[i] = make_request("/shop.v1.OrderService/CreateOrder", &arena);
    }
    struct bytes answer = ask_together(&toy, parts, BUNDLE_PARTS_MAX, &arena);
    assert_int_equal(bundle_read(answer, answers), BUNDLE_PARTS_MAX);
    size_t done = 0;
    for (size_t i = 0; i < BUNDLE_PARTS_MAX; i++) {
        const char *outcome = read_outcome(answers[i], &arena);
        done += strcmp(outcome, "OK") == 0;
        assert_true(strcmp(outcome, "OK") == 0 || strcmp(outcome, "OVERLOADED") == 0);
    }
    assert_true(done >= 4);
    assert_int_equal(atomic_load(&toy.created), done);
    toy_stop(&toy);
    arena_fini(&arena);
}

static void test_oversized_messages_cost_their_sender_the_connection(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "tcp");
    struct traffic traffic;
    start_traffic(&traffic, &toy);
    static uint8_t message[RPC_MESSAGE_BYTES_MAX + 64];
    for (int i = 0; i < 5; i++) {
        assert_int_equal(ask(&toy, message, sizeof message, message, sizeof message), 0);
    }
    end_traffic(&traffic, &toy);
    toy_stop(&toy);
}

static void test_random_requests_are_answered(void **state)
{
    (void)state;
    struct toy toy;
    start_toy_on(&toy, "ipc");
    struct envelope_request request = {.method = "/shop.v1.OrderService/CreateOrder",
                                       .call_id = "0192d3a4-7a53-7000-8000-0123456789ab",
                                       .timeout_ms = 1000};
    uint8_t good[512], message[1024], answer[8192];
    size_t size = envelope_encode_request(&request, good, sizeof good);
    memcpy(good + size,
           "\x12\x03"
           "abc\x1a\x05\x0a\x01p\x10\x01",
           12);
    size += 12;
    const struct bytes twice[] = {bytes_of(good, size), bytes_of(good, size)};
    uint8_t bundle[1024];
    bundle_write(twice, 2, bundle);
    uint64_t seed = 20260104;
    for (int round = 0; round < 400; round++) {
        bool is_bundle = round % 4 == 0;
        size_t whole = is_bundle ? bundle_size(twice, 2) : size;
        memcpy(message, is_bundle ? bundle : good, whole);
        for (int i = 0; i <= round % 5; i++) {
            message[random_below(&seed, whole)] = random_byte(&seed);
        }
        size_t cut = round % 3 == 0 ? random_below(&seed, whole) : whole;
        assert_true(ask(&toy, message, cut, answer, sizeof answer) > 0);
    }
    toy_stop(&toy);
}

/* A peer that asks and never reads: its answers wait in nng and must not hold up the others. */
static void test_a_peer_that_does_not_read(void **state)
{
    (void)state;
    struct toy toy;
    struct toy_options options = {.max_inflight = 512, .queue_max = 512};
    assert_int_equal(toy_start(&toy, &options, NULL), STATUS_OK);
    struct traffic traffic;
    start_traffic(&traffic, &toy);

    int fd = connect_to(&toy);
    send_junk(fd, GREETING, sizeof GREETING);
    struct envelope_request request = {.method = "/shop.v1.OrderService/ListOrders",
                                       .call_id = "x"};
    uint8_t message[256] = {1};
    size_t size = envelope_encode_request(&request, message + 13, sizeof message - 13);
    memcpy(message + 13 + size, "\x10\x90\x4e", 3); /* page_size 10,000: an answer of 20 kB */
    size += 3;
    message[8] = (uint8_t)(size + 4); /* the length of an ipc frame, then the request id */
    message[9] = 0x80;
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    size_t sent = 0;
    for (int i = 0; i < 200; i++) {
        sent += send(fd, message, 13 + size, MSG_NOSIGNAL) == (ssize_t)(13 + size);
    }
    assert_true(sent > 20);
    assert_true(toy_wait_for(&toy.listed, 10));
    end_traffic(&traffic, &toy);
    (void)close(fd);
    toy_stop(&toy);
}

int main(int argc, char **argv)
{
    toy_main(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect_and_close_over_ipc),
        cmocka_unit_test(test_connect_and_close_over_tcp),
        cmocka_unit_test(test_junk_over_ipc),
        cmocka_unit_test(test_junk_over_tcp),
        cmocka_unit_test(test_messages_that_are_none_are_answered),
        cmocka_unit_test(test_a_bundle_is_answered_for_each_of_its_parts),
        cmocka_unit_test(test_calls_of_a_bundle_are_refused_above_the_limit),
        cmocka_unit_test(test_oversized_messages_cost_their_sender_the_connection),
        cmocka_unit_test(test_random_requests_are_answered),
        cmocka_unit_test(test_a_peer_that_does_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
