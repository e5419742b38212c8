/* See rabbitmq_server.h. */
#include "tests/support/rabbitmq_server.h"

#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cmocka_all.h"
#include "tests/support/free_port.h"

#define START_TIMEOUT_MS 300000
#define COOKIE           "order-test-cookie"

struct environment {
    char texts[16][192];
    const char *list[17];
    size_t count;
};

static void write_file(const struct rabbitmq_server *server, const char *name, const char *content,
                       mode_t mode);
static void fill(const struct rabbitmq_server *server, struct environment *environment);
static bool answers(void *state);

void rabbitmq_server_create(struct rabbitmq_server *server)
{
    *server = (struct rabbitmq_server){
        .directory = "/tmp/order-rabbitmq-XXXXXX",
        .port = free_port(),
        .dist_port = free_port(),
        .epmd_port = free_port(),
    };
    assert_non_null(mkdtemp(server->directory));
    (void)snprintf(server->url, sizeof server->url, "amqp://guest:guest@127.0.0.1:%u/",
                   server->port);
    char configuration[256], port[8], log[96];
    (void)snprintf(configuration, sizeof configuration,
                   "listeners.tcp.1 = 127.0.0.1:%u\ndisk_free_limit.absolute = 50MB\n"
                   "vm_memory_high_watermark.relative = 0.6\nlog.console = true\n"
                   "log.file = false\n",
                   server->port);
    write_file(server, "rabbitmq.conf", configuration, 0600);
    write_file(server, "plugins", "[].", 0600);
    write_file(server, "env.conf", "", 0600);
    write_file(server, ".erlang.cookie", COOKIE, 0400);
    (void)snprintf(port, sizeof port, "%u", server->epmd_port);
    (void)snprintf(log, sizeof log, "%s/epmd.log", server->directory);
    process_start(&server->epmd,
                  (const char *[]){"epmd", "-address", "127.0.0.1", "-port", port, NULL}, NULL,
                  log);
    rabbitmq_server_start(server);
}

void rabbitmq_server_destroy(struct rabbitmq_server *server)
{
    process_kill(&server->process);
    process_kill(&server->epmd);
    remove_directory(server->directory);
}

void rabbitmq_server_kill(struct rabbitmq_server *server)
{
    process_kill(&server->process);
}

void rabbitmq_server_start(struct rabbitmq_server *server)
{
    struct environment environment;
    char log[96];
    const char *own = "/usr/lib/rabbitmq/bin/rabbitmq-server"; /* Debian's is a wrapper around it */
    fill(server, &environment);
    (void)snprintf(log, sizeof log, "%s/log", server->directory);
    /* A node that was just killed may still be registered under its name: then it is tried again.
     */
    for (int tries = 0; tries < 5; tries++) {
        process_start(&server->process,
                      (const char *[]){access(own, X_OK) == 0 ? own : "rabbitmq-server", NULL},
                      environment.list, log);
        if (!wait_until(answers, server, START_TIMEOUT_MS)) {
            break;
        }
        if (process_is_running(&server->process)) {
            return;
        }
    }
    process_show_log(&server->process);
    fail_msg("RabbitMQ does not answer");
}

void rabbitmq_server_wipe(struct rabbitmq_server *server)
{
    char path[96];
    (void)snprintf(path, sizeof path, "%s/data", server->directory);
    remove_directory(path);
}

void rabbitmq_server_control(struct rabbitmq_server *server, const char *command,
                             const char *argument)
{
    struct environment environment;
    struct process process;
    char log[96];
    fill(server, &environment);
    (void)snprintf(log, sizeof log, "%s/control.log", server->directory);
    process_start(&process, (const char *[]){"rabbitmqctl", "-q", command, argument, NULL},
                  environment.list, log);
    if (process_wait(&process, START_TIMEOUT_MS) != 0) {
        process_show_log(&process);
        fail_msg("rabbitmqctl %s %s failed", command, argument != NULL ? argument : "");
    }
}

void rabbitmq_server_sync(struct rabbitmq_server *server)
{
    rabbitmq_server_control(server, "eval", "[dets:sync(T) || T <- dets:all()].");
}

static void write_file(const struct rabbitmq_server *server, const char *name, const char *content,
                       mode_t mode)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", server->directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(content, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void add(struct environment *environment, const char *key, const char *directory,
                const char *value)
{
    char *text = environment->texts[environment->count];
    assert_true(environment->count < 16);
    (void)snprintf(text, sizeof environment->texts[0], "%s=%s%s", key, directory, value);
    environment->list[environment->count++] = text;
    environment->list[environment->count] = NULL;
}

static void fill(const struct rabbitmq_server *server, struct environment *environment)
{
    char epmd[8], dist[8], name[64];
    const char *directory = server->directory;
    environment->count = 0;
    (void)snprintf(epmd, sizeof epmd, "%u", server->epmd_port);
    (void)snprintf(dist, sizeof dist, "%u", server->dist_port);
    (void)snprintf(name, sizeof name, "order-fault-%u@localhost", server->port);
    /* "Under systemd" is how its script replaces itself by the server: one process, one pid. */
    add(environment, "RUNNING_UNDER_SYSTEMD", "", "true");
    add(environment, "HOME", directory, "");
    add(environment, "ERL_EPMD_ADDRESS", "", "127.0.0.1");
    add(environment, "ERL_EPMD_PORT", "", epmd);
    add(environment, "RABBITMQ_NODENAME", "", name);
    add(environment, "RABBITMQ_DIST_PORT", "", dist);
    add(environment, "RABBITMQ_CONF_ENV_FILE", directory, "/env.conf");
    add(environment, "RABBITMQ_CONFIG_FILE", directory, "/rabbitmq.conf");
    add(environment, "RABBITMQ_ADVANCED_CONFIG_FILE", directory, "/none");
    add(environment, "RABBITMQ_ENABLED_PLUGINS_FILE", directory, "/plugins");
    add(environment, "RABBITMQ_MNESIA_BASE", directory, "/data");
    add(environment, "RABBITMQ_LOG_BASE", directory, "");
    add(environment, "RABBITMQ_PID_FILE", directory, "/pid");
    add(environment, "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "",
        "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}");
    add(environment, "RABBITMQ_CTL_ERL_ARGS", "", "-setcookie " COOKIE);
}

/* Or has ended. It listens before it serves, so a login it is. */
static bool answers(void *state)
{
    struct rabbitmq_server *server = state;
    if (!process_is_running(&server->process)) {
        return true;
    }
    amqp_connection_state_t connection = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(connection);
    struct timeval patience = {.tv_sec = 2};
    bool served = false;
    if (amqp_socket_open_noblock(socket, "127.0.0.1", server->port, &patience) == AMQP_STATUS_OK) {
        (void)amqp_set_handshake_timeout(connection, &patience);
        amqp_rpc_reply_t reply =
            amqp_login(connection, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
        served = reply.reply_type == AMQP_RESPONSE_NORMAL;
    }
    (void)amqp_destroy_connection(connection);
    return served;
}
