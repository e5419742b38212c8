/* 10,000 connections that are no callers, beside live traffic: none of its calls fails, and the
 * server keeps nothing of them. What they do: connect and close or reset, stay half open, send
 * random bytes, HTTP, another SP protocol, a length of 4 GiB, or break off in a message. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/cmocka_all.h"
#include "tests/support/load.h"
#include "tests/support/system.h"

#define CONNECTIONS 10000
#define HELD_OPEN   200 /* of the half-open ones at a time */

static struct system the_system;
static struct load load;

static int set_up(void **state)
{
    (void)state;
    system_start(&the_system);
    struct rpc_channel_options options = {.endpoint = the_system.tcp[0], .timeout_ms = 20000};
    struct failure failure;
    load = (struct load){.channel_count = 1, .product_id = "p-1"};
    assert_int_equal(rpc_channel_open(&options, &load.channels[0], &failure), STATUS_OK);
    system_create_product(load.channels[0], "p-1", 10000000);
    system_wait_settled(&the_system, 30000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rpc_channel_close(&load.channels[0]);
    system_destroy(&the_system);
    return 0;
}

static int connect_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)strtoul(strrchr(the_system.tcp[0], ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        fail_msg("the server takes no connection any more: %s", strerror(errno));
    }
    return fd;
}

static int connect_ipc(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = the_system.ipc[0] + strlen("ipc://");
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        fail_msg("the server takes no connection any more: %s", strerror(errno));
    }
    return fd;
}

static void put(int fd, const void *bytes, size_t size)
{
    (void)send(fd, bytes, size, MSG_NOSIGNAL); /* that the server has hung up is fine */
}

/* The beginning of a connection of SP's protocol REQ, then a length, then `body`. */
static void put_message(int fd, bool is_ipc, uint64_t length, const char *body)
{
    static const uint8_t REQ[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    uint8_t prefix[9] = {1};
    for (int i = 0; i < 8; i++) {
        prefix[1 + i] = (uint8_t)(length >> (56 - 8 * i));
    }
    put(fd, REQ, sizeof REQ);
    put(fd, is_ipc ? prefix : prefix + 1, is_ipc ? 9 : 8);
    put(fd, body, strlen(body));
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* False when the connection is to stay open. */
static bool annoy(int fd, bool is_ipc, unsigned number, unsigned *chance)
{
    static const char HTTP[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const uint8_t PAIR[] = {0, 'S', 'P', 0, 0, 0x10, 0, 0};
    uint8_t noise[64];
    switch (number % 10) {
    case 0:
        return true;
    case 1:
        reset(fd);
        return true;
    case 2:
        put(fd, "\0SP", 3);
        return false;
    case 3:
        return false;
    case 4:
        for (size_t i = 0; i < sizeof noise; i++) {
            *chance = *chance * 1664525 + 1013904223;
            noise[i] = (uint8_t)(*chance >> 24);
        }
        put(fd, noise, sizeof noise);
        return true;
    case 5:
        put(fd, HTTP, sizeof HTTP - 1);
        return true;
    case 6:
        put(fd, PAIR, sizeof PAIR);
        return true;
    case 7:
        put_message(fd, is_ipc, 1ULL << 32, "some of it");
        return true;
    case 8: /* breaks off in the middle */
        put_message(fd, is_ipc, 1000, "\x80\0\0\1ORP");
        reset(fd);
        return true;
    default: /* a message without a request id */
        put_message(fd, is_ipc, 7, "no-call");
        return true;
    }
}

/* Connections that the server holds open, each with a descriptor: what closed is left out. */
static int count_tcp(void)
{
    const unsigned established = 1, close_wait = 8;
    unsigned long port_of_server = strtoul(strrchr(the_system.tcp[0], ':') + 1, NULL, 10);
    FILE *table = fopen("/proc/net/tcp", "r");
    assert_non_null(table);
    char line[256];
    int count = 0;
    while (fgets(line, sizeof line, table) != NULL) {
        unsigned port, state;
        if (sscanf(line, " %*d: %*8[0-9A-F]:%x %*8[0-9A-F]:%*x %x", &port, &state) == 2 &&
            port == port_of_server && (state == established || state == close_wait)) {
            count++;
        }
    }
    (void)fclose(table);
    return count;
}

/* The listening one, too. */
static int count_ipc(void)
{
    FILE *table = fopen("/proc/net/unix", "r");
    assert_non_null(table);
    char line[512];
    int count = 0;
    while (fgets(line, sizeof line, table) != NULL) {
        count += strstr(line, the_system.ipc[0] + strlen("ipc://")) != NULL;
    }
    (void)fclose(table);
    return count;
}

static bool has_live_traffic_alone(void *unused)
{
    (void)unused;
    return count_tcp() == 1 && count_ipc() == 1;
}

static void test_junk_disturbs_nobody(void **state)
{
    (void)state;
    static int held[HELD_OPEN];
    unsigned chance = 1, held_count = 0;
    load_start(&load, 2);
    load_wait_orders(&load, 10, 60000);
    assert_true(wait_until(has_live_traffic_alone, NULL, 30000));
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        bool is_ipc = i / 10 % 2 == 1;
        int fd = is_ipc ? connect_ipc() : connect_tcp();
        if (annoy(fd, is_ipc, i, &chance)) {
            (void)close(fd);
            continue;
        }
        int *place = &held[held_count % HELD_OPEN];
        if (held_count++ >= HELD_OPEN) {
            (void)close(*place);
        }
        *place = fd;
    }
    load_wait_orders(&load, 10, 60000);
    for (unsigned i = 0; i < HELD_OPEN; i++) {
        (void)close(held[i]);
    }
    load_wait_orders(&load, 10, 60000);
    load_stop(&load);
    assert_true(wait_until(has_live_traffic_alone, NULL, 30000));
    assert_int_equal(process_end(&the_system.servers[0], 20000), 0); /* a leak has a code, too */
    system_wait_settled(&the_system, 60000);
    system_assert_books(&the_system);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_junk_disturbs_nobody, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
