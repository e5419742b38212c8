/* See tcp_proxy.h. */
#include "tests/support/tcp_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/cmocka_all.h"

#define PAIRS_MAX 128
#define CHUNK     16384
#define POLL_MS   20 /* how soon a change of mind is seen */
#define SEND_S    2  /* an end that reads nothing for so long is reset: the others wait meanwhile */

struct pair {
    int ends[2]; /* the program, the server; -1: free */
};

struct tcp_proxy {
    pthread_t thread;
    uint16_t port, target_port;
    _Atomic bool frozen, cut, cutting_answers, refusing, ending;
    _Atomic unsigned wishes, heeded; /* changes of these: made, and seen by the thread */
    _Atomic int taken, delay_ms;
    /* the thread's */
    int listener;
    struct pair pairs[PAIRS_MAX];
};

static void *forward(void *argument);

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(port)};
}

struct tcp_proxy *tcp_proxy_create(uint16_t target_port)
{
    struct tcp_proxy *proxy = calloc(1, sizeof *proxy);
    assert_non_null(proxy);
    proxy->target_port = target_port;
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        proxy->pairs[i] = (struct pair){{-1, -1}};
    }
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    assert_int_equal(bind(proxy->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(proxy->listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(proxy->listener, 16), 0);
    proxy->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&proxy->thread, NULL, forward, proxy), 0);
    return proxy;
}

void tcp_proxy_destroy(struct tcp_proxy **proxy)
{
    if (*proxy == NULL) {
        return;
    }
    (*proxy)->ending = true;
    (void)pthread_join((*proxy)->thread, NULL);
    free(*proxy);
    *proxy = NULL;
}

uint16_t tcp_proxy_port(const struct tcp_proxy *proxy)
{
    return proxy->port;
}

/* Not a byte moves by the old rule after this. */
static void wait_until_heeded(struct tcp_proxy *proxy)
{
    unsigned wish = ++proxy->wishes;
    while ((int)(proxy->heeded - wish) < 0) {
        (void)poll(NULL, 0, 1);
    }
}

void tcp_proxy_freeze(struct tcp_proxy *proxy, bool frozen)
{
    proxy->frozen = frozen;
    wait_until_heeded(proxy);
}

void tcp_proxy_cut(struct tcp_proxy *proxy)
{
    proxy->cut = true;
    wait_until_heeded(proxy);
}

void tcp_proxy_cut_answers(struct tcp_proxy *proxy, bool cutting)
{
    proxy->cutting_answers = cutting;
    wait_until_heeded(proxy);
}

void tcp_proxy_refuse(struct tcp_proxy *proxy, bool refusing)
{
    proxy->refusing = refusing;
    wait_until_heeded(proxy);
}

void tcp_proxy_slow(struct tcp_proxy *proxy, int delay_ms)
{
    proxy->delay_ms = delay_ms;
    wait_until_heeded(proxy);
}

int tcp_proxy_taken(struct tcp_proxy *proxy)
{
    return proxy->taken;
}

static void close_pair(struct pair *pair, bool reset)
{
    for (int end = 0; end < 2; end++) {
        if (pair->ends[end] >= 0) {
            struct linger linger = {.l_onoff = reset};
            (void)setsockopt(pair->ends[end], SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
            (void)close(pair->ends[end]);
        }
        pair->ends[end] = -1;
    }
}

static void close_all(struct tcp_proxy *proxy)
{
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        close_pair(&proxy->pairs[i], true);
    }
}

static void take_connection(struct tcp_proxy *proxy)
{
    int program = accept(proxy->listener, NULL, NULL);
    if (program < 0) {
        return;
    }
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback(proxy->target_port);
    for (size_t i = 0; i < PAIRS_MAX && server >= 0; i++) {
        if (proxy->pairs[i].ends[0] < 0 &&
            connect(server, (struct sockaddr *)&address, sizeof address) == 0) {
            struct timeval patience = {.tv_sec = SEND_S};
            (void)setsockopt(program, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
            (void)setsockopt(server, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
            proxy->pairs[i] = (struct pair){{program, server}};
            proxy->taken++;
            return;
        }
    }
    (void)close(program);
    (void)close(server);
}

/* One chunk from one end to the other; the other end blocks the proxy when it does not read. */
static bool move(struct pair *pair, int from)
{
    char chunk[CHUNK];
    ssize_t size = recv(pair->ends[from], chunk, sizeof chunk, MSG_DONTWAIT);
    if (size <= 0) {
        return size < 0;
    }
    for (ssize_t sent = 0; sent < size;) {
        ssize_t part = send(pair->ends[!from], chunk + sent, (size_t)(size - sent), MSG_NOSIGNAL);
        if (part < 0) {
            return false;
        }
        sent += part;
    }
    return true;
}

static void turn(struct tcp_proxy *proxy)
{
    struct pollfd polled[1 + 2 * PAIRS_MAX];
    nfds_t count = 1;
    polled[0] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        for (size_t end = 0; end < 2; end++) {
            polled[count++] = (struct pollfd){.fd = proxy->pairs[i].ends[end], .events = POLLIN};
        }
    }
    if (poll(polled, count, POLL_MS) <= 0) {
        return;
    }
    if (proxy->delay_ms > 0) {
        (void)poll(NULL, 0, proxy->delay_ms);
    }
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        for (int end = 0; end < 2; end++) {
            const struct pollfd *seen = &polled[1 + 2 * i + (size_t)end];
            if (seen->fd < 0 || seen->fd != proxy->pairs[i].ends[end] || seen->revents == 0) {
                continue;
            }
            if (end == 1 && proxy->cutting_answers) {
                close_pair(&proxy->pairs[i], true);
            } else if (!move(&proxy->pairs[i], end)) {
                close_pair(&proxy->pairs[i], false);
            }
        }
    }
    take_connection(proxy);
}

static void *forward(void *argument)
{
    struct tcp_proxy *proxy = argument;
    while (!proxy->ending) {
        unsigned wishes = proxy->wishes;
        if (atomic_exchange(&proxy->cut, false) || proxy->refusing) {
            close_all(proxy);
        }
        bool frozen = proxy->frozen;
        proxy->heeded = wishes;
        if (frozen) {
            (void)poll(NULL, 0, POLL_MS);
        } else {
            turn(proxy);
        }
    }
    close_all(proxy);
    (void)close(proxy->listener);
    return NULL;
}
