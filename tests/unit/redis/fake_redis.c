/* See fake_redis.h. */
#include "tests/unit/redis/fake_redis.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/cmocka_all.h"

static const char PING[] = "*1\r\n$4\r\nPING\r\n";
static const char PONG[] = "+PONG\r\n";

static void *run(void *argument);
static void serve(struct fake_redis *fake, int client);
static bool wait_readable(struct fake_redis *fake, int fd);

void fake_redis_start(struct fake_redis *fake, const char *script, bool closes)
{
    *fake = (struct fake_redis){
        .script = script, .closes = closes, .directory = "/tmp/order-fake-XXXXXX"};
    assert_non_null(mkdtemp(fake->directory));
    (void)snprintf(fake->socket, sizeof fake->socket, "%s/redis.sock", fake->directory);
    (void)snprintf(fake->url, sizeof fake->url, "unix://%s", fake->socket);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, fake->socket, strlen(fake->socket) + 1);
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fake->listener < 0) {
        fail();
        return;
    }
    assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fake->listener, 8), 0);
    assert_int_equal(pipe(fake->stop), 0);
    assert_int_equal(pthread_create(&fake->thread, NULL, run, fake), 0);
}

void fake_redis_stop(struct fake_redis *fake)
{
    assert_int_equal(write(fake->stop[1], "", 1), 1);
    (void)pthread_join(fake->thread, NULL);
    (void)close(fake->listener);
    (void)close(fake->stop[0]);
    (void)close(fake->stop[1]);
    (void)unlink(fake->socket);
    (void)rmdir(fake->directory);
}

static void *run(void *argument)
{
    struct fake_redis *fake = argument;
    while (wait_readable(fake, fake->listener)) {
        int client = accept4(fake->listener, NULL, NULL, SOCK_CLOEXEC);
        fake->connections++;
        serve(fake, client);
        (void)close(client);
    }
    return NULL;
}

static void serve(struct fake_redis *fake, int client)
{
    char buffer[65536];
    bool scripted = false;
    while (wait_readable(fake, client)) {
        ssize_t got = read(client, buffer, sizeof buffer);
        if (got <= 0) {
            return;
        }
        if ((size_t)got == sizeof PING - 1 && memcmp(buffer, PING, (size_t)got) == 0) {
            (void)send(client, PONG, sizeof PONG - 1, MSG_NOSIGNAL);
            continue;
        }
        fake->bytes += (size_t)got;
        if (!scripted) {
            (void)send(client, fake->script, strlen(fake->script), MSG_NOSIGNAL);
            scripted = true;
        }
        if (fake->closes) {
            return;
        }
    }
}

/* False when it is time to stop. */
static bool wait_readable(struct fake_redis *fake, int fd)
{
    struct pollfd waited[] = {{.fd = fake->stop[0], .events = POLLIN},
                              {.fd = fd, .events = POLLIN}};
    (void)poll(waited, 2, -1);
    return waited[0].revents == 0;
}
