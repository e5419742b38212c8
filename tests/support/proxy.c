/* See proxy.h. */
#include "tests/support/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/cmocka_all.h"

#define BUFFER_BYTES 65536

static void *run(void *argument);
static void accept_client(struct proxy *proxy);
static void close_both(struct proxy *proxy);
static bool pass(int from, int to);

void proxy_start(struct proxy *proxy, uint16_t server_port)
{
    proxy->server_port = server_port;
    proxy->client = -1;
    proxy->server = -1;
    atomic_init(&proxy->mode, PROXY_PASS);
    atomic_init(&proxy->stopping, false);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (proxy->listener < 0) {
        fail();
        return;
    }
    assert_int_equal(bind(proxy->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(proxy->listener, 8), 0);
    assert_int_equal(getsockname(proxy->listener, (struct sockaddr *)&address, &size), 0);
    proxy->port = ntohs(address.sin_port);
    assert_int_equal(pipe(proxy->wake), 0);
    assert_int_equal(pthread_create(&proxy->thread, NULL, run, proxy), 0);
}

void proxy_stop(struct proxy *proxy)
{
    atomic_store(&proxy->stopping, true);
    assert_int_equal(write(proxy->wake[1], "", 1), 1);
    (void)pthread_join(proxy->thread, NULL);
    close_both(proxy);
    (void)close(proxy->listener);
    (void)close(proxy->wake[0]);
    (void)close(proxy->wake[1]);
}

void proxy_set(struct proxy *proxy, enum proxy_mode mode)
{
    atomic_store(&proxy->mode, mode);
    assert_int_equal(write(proxy->wake[1], "", 1), 1);
}

static void *run(void *argument)
{
    struct proxy *proxy = argument;
    while (!atomic_load(&proxy->stopping)) {
        int mode = atomic_load(&proxy->mode);
        if (mode == PROXY_REFUSE) {
            close_both(proxy);
        }
        struct pollfd waited[] = {
            {.fd = proxy->wake[0], .events = POLLIN},
            {.fd = proxy->listener, .events = POLLIN},
            {.fd = mode == PROXY_HOLD ? -1 : proxy->client, .events = POLLIN},
            {.fd = mode == PROXY_HOLD ? -1 : proxy->server, .events = POLLIN},
        };
        (void)poll(waited, 4, -1);
        char woken[16];
        if (waited[0].revents != 0) {
            (void)!read(proxy->wake[0], woken, sizeof woken);
            continue; /* the mode may be another */
        }
        bool open = true;
        if (waited[2].revents != 0) {
            open = pass(proxy->client, proxy->server);
        }
        if (open && waited[3].revents != 0) {
            open = mode != PROXY_CUT && pass(proxy->server, proxy->client);
        }
        if (!open) {
            close_both(proxy);
        }
        if (waited[1].revents != 0) {
            accept_client(proxy);
        }
    }
    return NULL;
}

static void accept_client(struct proxy *proxy)
{
    int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
    if (atomic_load(&proxy->mode) == PROXY_REFUSE) {
        (void)close(client);
        return;
    }
    close_both(proxy);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(proxy->server_port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    proxy->client = client;
    proxy->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (proxy->server < 0 ||
        connect(proxy->server, (struct sockaddr *)&address, sizeof address) != 0) {
        close_both(proxy);
    }
}

static void close_both(struct proxy *proxy)
{
    if (proxy->client >= 0) {
        (void)close(proxy->client);
        (void)close(proxy->server);
    }
    proxy->client = -1;
    proxy->server = -1;
}

static bool pass(int from, int to)
{
    char buffer[BUFFER_BYTES];
    ssize_t got = from >= 0 ? read(from, buffer, sizeof buffer) : -1;
    return got > 0 && to >= 0 && send(to, buffer, (size_t)got, MSG_NOSIGNAL) == got;
}
