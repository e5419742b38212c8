/* See postgres_server.h. */
#include "tests/support/postgres_server.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cmocka_all.h"
#include "tests/support/free_port.h"

#define START_TIMEOUT_MS 180000
#define ARGUMENTS_MAX    20

static void make_directory(struct postgres_server *server);
static void configure(struct postgres_server *server, const char *settings);
static void start_program(struct postgres_server *server, struct process *process,
                          const char *program, const char *const *arguments);
static void run(struct postgres_server *server, const char *program, const char *const *arguments);
static void take_template(struct postgres_server *server);
static bool answers(void *state);

void postgres_server_create(struct postgres_server *server, const char *settings)
{
    *server = (struct postgres_server){.port = free_port()};
    make_directory(server);
    char data[80];
    (void)snprintf(data, sizeof data, "%s/data", server->directory);
    run(server, "initdb",
        (const char *[]){"-D", data, "--username=orders", "--auth=trust", "--encoding=UTF8",
                         "--locale=C.UTF-8", "--no-sync", NULL});
    configure(server, settings);
    postgres_server_start(server);
    take_template(server);
}

void postgres_server_copy(struct postgres_server *standby, const struct postgres_server *of)
{
    *standby = (struct postgres_server){.port = of->port};
    make_directory(standby);
    char data[80], port[8];
    (void)snprintf(data, sizeof data, "%s/data", standby->directory);
    (void)snprintf(port, sizeof port, "%u", of->port);
    run(standby, "pg_basebackup",
        (const char *[]){"-D", data, "-h", "127.0.0.1", "-p", port, "-U", "orders", "-R", "-X",
                         "stream", "-c", "fast", "--no-sync", NULL});
}

void postgres_server_start(struct postgres_server *server)
{
    char data[80];
    (void)snprintf(data, sizeof data, "%s/data", server->directory);
    /* What a kill left of it may still be ending: then it refuses, and is started again. */
    for (int tries = 0; tries < 20; tries++) {
        start_program(server, &server->process, "postgres", (const char *[]){"-D", data, NULL});
        if (!wait_until(answers, server, START_TIMEOUT_MS)) {
            break;
        }
        if (process_is_running(&server->process)) {
            return;
        }
    }
    process_show_log(&server->process);
    fail_msg("PostgreSQL does not answer");
}

void postgres_server_kill(struct postgres_server *server)
{
    process_kill(&server->process); /* its backends end when they notice */
}

void postgres_server_stop(struct postgres_server *server, int signal_number)
{
    process_signal(&server->process, signal_number);
    (void)process_wait(&server->process, START_TIMEOUT_MS);
}

void postgres_server_promote(struct postgres_server *server)
{
    char data[80];
    (void)snprintf(data, sizeof data, "%s/data", server->directory);
    run(server, "pg_ctl", (const char *[]){"promote", "-D", data, "-w", NULL});
}

void postgres_server_destroy(struct postgres_server *server)
{
    process_kill(&server->process);
    remove_directory(server->directory);
}

static void make_directory(struct postgres_server *server)
{
    (void)snprintf(server->directory, sizeof server->directory, "/tmp/order-postgres-XXXXXX");
    assert_non_null(mkdtemp(server->directory));
    (void)snprintf(server->url, sizeof server->url,
                   "postgres://orders@127.0.0.1:%u/postgres?sslmode=disable", server->port);
    postgres_server_own(server->directory);
}

void postgres_server_own(const char *directory)
{
    const struct passwd *owner = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (owner != NULL) {
        assert_int_equal(chown(directory, owner->pw_uid, owner->pw_gid), 0);
    }
}

static void configure(struct postgres_server *server, const char *settings)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/data/postgresql.conf", server->directory);
    FILE *file = fopen(path, "a");
    assert_non_null(file);
    (void)fprintf(file,
                  "listen_addresses = '127.0.0.1'\nport = %u\nunix_socket_directories = ''\n"
                  "fsync = off\nshared_buffers = 32MB\nmax_connections = 60\n%s\n",
                  server->port, settings != NULL ? settings : "");
    assert_int_equal(fclose(file), 0);
}

/* PostgreSQL refuses root. */
static void start_program(struct postgres_server *server, struct process *process,
                          const char *program, const char *const *arguments)
{
    static char bindir[256];
    if (bindir[0] == '\0') {
        FILE *pipe = popen("pg_config --bindir", "r"); // NOLINT(cert-env33-c): a constant
        assert_non_null(pipe);
        assert_non_null(fgets(bindir, sizeof bindir, pipe));
        bindir[strcspn(bindir, "\n")] = '\0';
        (void)pclose(pipe);
    }
    char path[320], log[128];
    (void)snprintf(path, sizeof path, "%s/%s", bindir, program);
    (void)snprintf(log, sizeof log, "%s/log", server->directory);
    const char *argv[ARGUMENTS_MAX + 8] = {"setpriv",       "--reuid=postgres", "--regid=postgres",
                                           "--init-groups", "--pdeathsig",      "keep"};
    size_t count = geteuid() == 0 ? 6 : 0;
    argv[count++] = path;
    for (size_t i = 0; arguments[i] != NULL; i++) {
        assert_true(i < ARGUMENTS_MAX);
        argv[count++] = arguments[i];
    }
    argv[count] = NULL;
    process_start(process, argv, NULL, log);
}

static void run(struct postgres_server *server, const char *program, const char *const *arguments)
{
    struct process process;
    start_program(server, &process, program, arguments);
    if (process_wait(&process, START_TIMEOUT_MS) != 0) {
        process_show_log(&process);
        fail_msg("%s failed", program);
    }
}

/* The tests' template, out of the shared instance. */
static void take_template(struct postgres_server *server)
{
    const char *shared = getenv("TEST_DATABASE_URL");
    assert_non_null(shared);
    char script[1024], log[128];
    const char *path = strrchr(shared, '/');
    const char *options = strchr(path, '?');
    (void)snprintf(script, sizeof script,
                   "pg_dump '%.*s/order_template%s' >%s/template.sql && psql -qX '%s' -c 'CREATE "
                   "DATABASE order_template' && psql -qX -v ON_ERROR_STOP=1 "
                   "postgres://orders@127.0.0.1:%u/order_template -f %s/template.sql",
                   (int)(path - shared), shared, options != NULL ? options : "", server->directory,
                   server->url, server->port, server->directory);
    (void)snprintf(log, sizeof log, "%s/template.log", server->directory);
    struct process process;
    process_start(&process, (const char *[]){"sh", "-c", script, NULL}, NULL, log);
    if (process_wait(&process, START_TIMEOUT_MS) != 0) {
        process_show_log(&process);
        fail_msg("the template cannot be copied");
    }
}

/* Or has ended. */
static bool answers(void *state)
{
    struct postgres_server *server = state;
    return PQping(server->url) == PQPING_OK || !process_is_running(&server->process);
}
