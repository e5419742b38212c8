/* Streams over a real server and a real socket whose reader is in no hurry. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/http.h"
#include "tests/cmocka_all.h"

#define WAIT_MS 20000 /* until a test gives up */

static struct http_server *server;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct http_stream *stream;
static int closed;

static void on_closed(void *context)
{
    (void)context;
    (void)pthread_mutex_lock(&lock);
    stream = NULL;
    closed++;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static void handle(void *context, struct http_request *request)
{
    (void)context;
    (void)pthread_mutex_lock(&lock);
    stream = http_stream_start(request, "text/plain", on_closed, NULL);
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static void start(int64_t transfer_ms)
{
    struct http_server_options options = {.listen = "127.0.0.1:0",
                                          .threads = 1,
                                          .connections_max = 16,
                                          .header_bytes_max = 8192,
                                          .body_bytes_max = 1024,
                                          .request_memory_bytes_max = 65536,
                                          .idle_ms = 30000,
                                          .transfer_ms = transfer_ms,
                                          .handler = handle,
                                          .clock = clock_system()};
    struct failure failure;
    stream = NULL;
    closed = 0;
    assert_int_equal(http_server_start(&options, &server, &failure), STATUS_OK);
}

/* A connection that has asked, and takes little at once. */
static int ask(void)
{
    static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    int peer = socket(AF_INET, SOCK_STREAM, 0), room = 4096;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(http_server_port(server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &room, sizeof room), 0);
    assert_int_equal(connect(peer, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(peer, REQUEST, sizeof REQUEST - 1), sizeof REQUEST - 1);
    return peer;
}

static void wait_for(bool is_closed)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_MS / 1000;
    (void)pthread_mutex_lock(&lock);
    while (is_closed ? closed == 0 : stream == NULL) {
        assert_int_equal(pthread_cond_timedwait(&changed, &lock, &until), 0);
    }
    (void)pthread_mutex_unlock(&lock);
}

/* Until `text` came. */
static void expect(int peer, const char *text)
{
    static char got[65536];
    size_t size = 0;
    got[0] = '\0';
    while (strstr(got, text) == NULL) {
        struct pollfd poller = {.fd = peer, .events = POLLIN};
        assert_int_equal(poll(&poller, 1, WAIT_MS), 1);
        ssize_t more = read(peer, got + size, sizeof got - 1 - size);
        assert_true(more > 0);
        size += (size_t)more;
        got[size] = '\0';
    }
}

static bool put(const char *text)
{
    (void)pthread_mutex_lock(&lock);
    bool is_fine = stream != NULL && http_stream_write(stream, bytes_of_text(text));
    (void)pthread_mutex_unlock(&lock);
    return is_fine;
}

static void end(void)
{
    (void)pthread_mutex_lock(&lock);
    if (stream != NULL) {
        http_stream_end(stream);
    }
    (void)pthread_mutex_unlock(&lock);
}

static void test_what_is_written_goes_out_at_once_and_an_end_ends_it(void **state)
{
    (void)state;
    start(5000);
    int peer = ask();
    wait_for(false);
    expect(peer, "Transfer-Encoding: chunked");
    for (int i = 0; i < 100; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "<%d>", i);
        assert_true(put(text));
        expect(peer, text);
    }
    assert_true(put("last"));
    end();
    expect(peer, "0\r\n\r\n");
    wait_for(true);
    (void)close(peer);
    http_server_stop(&server);
    assert_int_equal(closed, 1);
}

static void test_a_reader_who_leaves_too_much_is_cut_off(void **state)
{
    (void)state;
    start(60000);
    int peer = ask();
    wait_for(false);
    char text[8193];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    size_t left = 64UL * 1024 * 1024; /* more than the kernel keeps for both ends */
    while (left > 0 && put(text)) {
        left -= sizeof text - 1;
    }
    assert_true(left > 0);
    wait_for(true);
    (void)close(peer);
    http_server_stop(&server);
}

static void test_a_reader_who_takes_nothing_is_cut_off_in_time(void **state)
{
    (void)state;
    start(200);
    int peer = ask();
    wait_for(false);
    /* Into the buffer while the connection's thread finds no room in the kernel's. */
    char text[100001];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 200 && put(text); i++) {
        (void)poll(NULL, 0, 1);
    }
    wait_for(true);
    (void)close(peer);
    http_server_stop(&server);
}

static void test_a_peer_that_leaves_closes_it(void **state)
{
    (void)state;
    start(5000);
    int peer = ask();
    wait_for(false);
    (void)close(peer);
    while (put(":\n\n")) {
        (void)poll(NULL, 0, 1);
    }
    wait_for(true);
    http_server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_goes_out_at_once_and_an_end_ends_it),
        cmocka_unit_test(test_a_reader_who_leaves_too_much_is_cut_off),
        cmocka_unit_test(test_a_reader_who_takes_nothing_is_cut_off_in_time),
        cmocka_unit_test(test_a_peer_that_leaves_closes_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
