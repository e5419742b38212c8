/* See redis_server.h. */
#include "tests/support/redis_server.h"

#include <glob.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"

#define START_TIMEOUT_MS 60000
#define ARGUMENTS_MAX    32

static bool answers(void *state);

void redis_server_create(struct redis_server *server)
{
    *server = (struct redis_server){.directory = "/tmp/order-redis-XXXXXX"};
    assert_non_null(mkdtemp(server->directory));
    (void)snprintf(server->socket, sizeof server->socket, "%s/redis.sock", server->directory);
    (void)snprintf(server->url, sizeof server->url, "unix://%s", server->socket);
    redis_server_start(server, NULL);
}

void redis_server_destroy(struct redis_server *server)
{
    process_kill(&server->process);
    remove_directory(server->directory);
}

void redis_server_kill(struct redis_server *server)
{
    process_kill(&server->process);
}

void redis_server_start(struct redis_server *server, const char *const *settings)
{
    const char *binary = getenv("TEST_REDIS_SERVER");
    if (binary == NULL) {
        fail_msg("TEST_REDIS_SERVER is not set: run the tests with ./dev test");
    }
    const char *arguments[ARGUMENTS_MAX] = {
        binary,
        "--port",
        "0",
        "--unixsocket",
        server->socket,
        "--dir",
        server->directory,
        "--appendonly",
        "yes",
        "--appendfsync",
        "everysec",
        "--save",
        "",
        "--maxmemory-policy",
        "noeviction",
    };
    size_t count = 15;
    for (; settings != NULL && *settings != NULL; settings++) {
        assert_true(count + 1 < ARGUMENTS_MAX);
        arguments[count++] = *settings;
    }
    char log[96];
    (void)snprintf(log, sizeof log, "%s/log", server->directory);
    process_start(&server->process, arguments, NULL, log);
    if (!wait_until(answers, server, START_TIMEOUT_MS)) {
        process_show_log(&server->process);
        fail_msg("redis-server does not answer");
    }
}

/* Also when it is full: PING needs no memory. */
static bool answers(void *state)
{
    struct redis_server *server = state;
    redisContext *context = redisConnectUnix(server->socket);
    redisReply *reply = context != NULL && context->err == 0 ? redisCommand(context, "PING") : NULL;
    bool pong = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    redisFree(context);
    return pong;
}

void redis_server_freeze(struct redis_server *server)
{
    process_signal(&server->process, SIGSTOP);
}

void redis_server_thaw(struct redis_server *server)
{
    process_signal(&server->process, SIGCONT);
}

void redis_server_append_file(struct redis_server *server, char *path_out, size_t room)
{
    char pattern[128];
    (void)snprintf(pattern, sizeof pattern, "%s/appendonlydir/*.incr.aof", server->directory);
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    (void)snprintf(path_out, room, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
}
