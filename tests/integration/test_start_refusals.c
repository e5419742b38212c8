/* What a program does not start with (docs/RELIABILITY.md, "Refused at the start"): a store that is
 * there, but not as it must be. The program ends with its own exit code, and its log has a reason
 * and says what to do. A store that is away is no such thing: it is waited for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/program.h"
#include "redis/redis_link.h"
#include "tests/cmocka_all.h"
#include "tests/support/free_port.h"
#include "tests/support/http_get.h"
#include "tests/support/rabbitmq_server.h"
#include "tests/support/system.h"

#define DEADLINE_MS 60000

static struct system the_system;

static int setup(void **state)
{
    (void)state;
    system_create(&the_system);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    system_destroy(&the_system);
    return 0;
}

static void redis_set(const char *setting, const char *value)
{
    struct redis_link_options options = {.url = the_system.redis_url,
                                         .connect_timeout_ms = DEADLINE_MS,
                                         .command_timeout_ms = DEADLINE_MS,
                                         .clock = clock_system()};
    struct redis_link *link;
    const struct redis_reply *replies;
    assert_int_equal(redis_link_create(&options, &link, NULL), STATUS_OK);
    redis_link_add_text(link, "CONFIG", "SET", setting, value, NULL);
    assert_int_equal(redis_link_exchange(link, 0, &replies, NULL), STATUS_OK);
    assert_int_equal(replies[0].type, REDIS_TEXT);
    redis_link_destroy(&link);
}

static void has_said(const struct process *process, const char *words)
{
    char *log = read_whole(process->log_path);
    if (strstr(log, words) == NULL) {
        fail_msg("no '%s' in: %s", words, log);
    }
    free(log);
}

/* It ends by itself, with the code for it, and says both. */
static void is_refused(struct process *process, const char *reason, const char *advice)
{
    int code = process_wait(process, DEADLINE_MS);
    if (code != PROGRAM_EXIT_REFUSED) {
        process_show_log(process);
        fail_msg("exit code %d", code);
    }
    has_said(process, reason);
    has_said(process, advice);
}

static void server_is_refused(const char *reason, const char *advice)
{
    system_spawn_server(&the_system, 0, NULL);
    is_refused(&the_system.servers[0], reason, advice);
}

static void worker_is_refused(const char *reason, const char *advice)
{
    system_start_worker(&the_system, 0, NULL);
    is_refused(&the_system.workers[0], reason, advice);
}

static void database_is_refused(const char *reason, const char *advice)
{
    server_is_refused(reason, advice);
    worker_is_refused(reason, advice);
}

/* ---- Redis ---- */

static void test_redis_that_evicts_is_refused(void **state)
{
    (void)state;
    redis_set("maxmemory-policy", "allkeys-lru");
    server_is_refused("REDIS_EVICTS", "set maxmemory-policy to noeviction");
    redis_set("maxmemory-policy", "noeviction");
    system_start_server(&the_system, 0, NULL);
}

static void test_redis_that_forgets_is_refused_unless_that_is_meant(void **state)
{
    (void)state;
    redis_set("appendonly", "no");
    server_is_refused("REDIS_FORGETS", "set appendonly to yes");
    assert_int_equal(setenv("ORDER_SERVER_ALLOW_VOLATILE_REDIS", "true", 1), 0);
    system_start_server(&the_system, 0, NULL);
    (void)unsetenv("ORDER_SERVER_ALLOW_VOLATILE_REDIS");
}

static void test_redis_that_does_not_show_it_is_refused(void **state)
{
    (void)state;
    struct redis_link_options options = {.url = the_system.redis_url,
                                         .connect_timeout_ms = DEADLINE_MS,
                                         .command_timeout_ms = DEADLINE_MS,
                                         .clock = clock_system()};
    struct redis_link *link;
    const struct redis_reply *replies;
    assert_int_equal(redis_link_create(&options, &link, NULL), STATUS_OK);
    redis_link_add_text(link, "ACL", "SETUSER", "default", "-info", NULL);
    assert_int_equal(redis_link_exchange(link, 0, &replies, NULL), STATUS_OK);
    redis_link_destroy(&link);
    server_is_refused("REDIS_UNREADABLE", "its user needs the command INFO");
}

/* It has come as far as that with what it was given. */
static bool listens(void *state)
{
    const struct process *process = state;
    if (access(process->log_path, R_OK) != 0) {
        return false;
    }
    char *log = read_whole(process->log_path);
    bool said = strstr(log, "listening") != NULL;
    free(log);
    return said;
}

static void test_redis_that_is_away_is_waited_for(void **state)
{
    (void)state;
    process_kill(&the_system.redis);
    system_spawn_server(&the_system, 0, NULL);
    assert_true(wait_until(listens, &the_system.servers[0], DEADLINE_MS));
    assert_true(process_is_running(&the_system.servers[0]));
    system_start_redis(&the_system);
    system_await_server(&the_system, 0);
}

static void test_redis_that_comes_back_otherwise_is_refused(void **state)
{
    (void)state;
    process_kill(&the_system.redis);
    system_spawn_server(&the_system, 0, NULL);
    assert_true(wait_until(listens, &the_system.servers[0], DEADLINE_MS));
    char port[8], log[128];
    (void)snprintf(port, sizeof port, "%u", the_system.redis_port);
    (void)snprintf(log, sizeof log, "%s/redis.log", the_system.directory);
    const char *argv[] = {getenv("TEST_REDIS_SERVER"),
                          "--port",
                          port,
                          "--bind",
                          "127.0.0.1",
                          "--appendonly",
                          "no",
                          "--save",
                          "",
                          NULL};
    process_start(&the_system.redis, argv, NULL, log);
    is_refused(&the_system.servers[0], "REDIS_FORGETS", "set appendonly to yes");
}

static int64_t unsafe(uint16_t port)
{
    static const char name[] = "\norder_redis_unsafe ";
    char *page = http_get(port, "GET", "/metrics");
    const char *at = strstr(page, name);
    assert_non_null(at);
    int64_t value = strtoll(at + strlen(name), NULL, 10);
    free(page);
    return value;
}

static bool is_unsafe(void *state)
{
    return unsafe(*(uint16_t *)state) == 1;
}

static bool is_safe(void *state)
{
    return unsafe(*(uint16_t *)state) == 0;
}

static void test_redis_that_is_set_otherwise_later_is_told(void **state)
{
    (void)state;
    uint16_t port = free_port();
    char listen[32];
    (void)snprintf(listen, sizeof listen, "127.0.0.1:%u", port);
    assert_int_equal(setenv("ORDER_SERVER_OPS_LISTEN", listen, 1), 0);
    system_start_server(&the_system, 0, NULL);
    (void)unsetenv("ORDER_SERVER_OPS_LISTEN");
    assert_true(is_safe(&port));
    redis_set("maxmemory-policy", "volatile-lru");
    assert_true(wait_until(is_unsafe, &port, DEADLINE_MS));
    has_said(&the_system.servers[0], "REDIS_EVICTS");
    assert_true(process_is_running(&the_system.servers[0]));
    redis_set("maxmemory-policy", "noeviction");
    assert_true(wait_until(is_safe, &port, DEADLINE_MS));
}

/* ---- PostgreSQL ---- */

static void test_a_database_without_schema_is_refused(void **state)
{
    (void)state;
    database_execute(&the_system.database, "DROP TABLE schema_migrations");
    database_is_refused("SCHEMA_MISSING", "apply the migrations");
}

static void test_an_older_schema_is_refused(void **state)
{
    (void)state;
    database_execute(&the_system.database,
                     "DELETE FROM schema_migrations WHERE version = '20261125000004'");
    database_is_refused("SCHEMA_OLDER", "lacks migration 20261125000004");
}

static void test_a_newer_schema_is_refused(void **state)
{
    (void)state;
    database_execute(&the_system.database,
                     "INSERT INTO schema_migrations VALUES ('29991231000000')");
    database_is_refused("SCHEMA_NEWER", "has migration 29991231000000");
}

/* The programs' role, then, is not the owner. */
static void test_a_schema_that_does_not_show_its_version_is_refused(void **state)
{
    (void)state;
    struct database *db = &the_system.database;
    char sql[512], url[sizeof db->url];
    const char *host = strchr(db->url, '@');
    assert_non_null(host);
    (void)snprintf(sql, sizeof sql, "CREATE ROLE %s LOGIN PASSWORD 'poor'", db->name);
    database_execute(db, sql);
    (void)snprintf(url, sizeof url, "postgres://%s:poor%s", db->name, host);
    memcpy(db->url, url, sizeof url);
    database_is_refused("SCHEMA_UNREADABLE", "GRANT SELECT ON schema_migrations");
    (void)snprintf(sql, sizeof sql, "GRANT SELECT ON schema_migrations TO %s", db->name);
    database_execute(db, sql);
    (void)snprintf(sql, sizeof sql,
                   "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %s",
                   db->name);
    database_execute(db, sql);
    system_start_server(&the_system, 0, NULL);
    process_kill(&the_system.servers[0]);
    (void)snprintf(sql, sizeof sql, "DROP OWNED BY %s", db->name);
    database_execute(db, sql);
    (void)snprintf(sql, sizeof sql, "DROP ROLE %s", db->name);
    database_execute(db, sql);
}

static void test_a_database_that_cannot_be_written_to_is_refused(void **state)
{
    (void)state;
    char sql[160];
    (void)snprintf(sql, sizeof sql, "ALTER DATABASE %s SET default_transaction_read_only = on",
                   the_system.database.name);
    database_execute(&the_system.database, sql);
    system_spawn_server(&the_system, 0, NULL);
    system_start_worker(&the_system, 0, NULL);
    is_refused(&the_system.servers[0], "POSTGRES_READ_ONLY", "let DATABASE_URL name the primary");
    is_refused(&the_system.workers[0], "POSTGRES_READ_ONLY", "let DATABASE_URL name the primary");
}

/* ---- RabbitMQ ---- */

static void test_a_queue_with_other_limits_is_refused(void **state)
{
    (void)state;
    system_start_server(&the_system, 0, NULL);
    system_start_worker(&the_system, 0, NULL);
    struct rpc_channel *channel = system_open_channel(&the_system, 0);
    system_create_product(channel, "tea", 10);
    rpc_channel_close(&channel);
    const char *order[] = {"order", "create", "--customer", "ada", "tea=1", NULL};
    assert_int_equal(system_orderctl(&the_system, order, NULL), 0);
    system_wait_settled(&the_system, DEADLINE_MS); /* so the queue is there, with its limits */
    process_kill(&the_system.workers[0]);
    process_kill(&the_system.servers[0]);
    assert_int_equal(setenv("ORDER_QUEUE_BYTES_MAX", "65536", 1), 0);
    server_is_refused("BROKER_TOPOLOGY_DIFFERS", "or configure another name or the same limits");
    worker_is_refused("BROKER_TOPOLOGY_DIFFERS", "or configure another name or the same limits");
    (void)unsetenv("ORDER_QUEUE_BYTES_MAX");
}

/* The user's rights to configure, write and read: regular expressions of names. */
static void give(struct rabbitmq_server *rabbitmq, const char *configure, const char *write,
                 const char *read)
{
    char command[256];
    (void)snprintf(command, sizeof command,
                   "rabbit_auth_backend_internal:set_permissions(<<\"poor\">>, <<\"/\">>, "
                   "<<\"%s\">>, <<\"%s\">>, <<\"%s\">>, <<\"test\">>).",
                   configure, write, read);
    rabbitmq_server_control(rabbitmq, "eval", command);
}

static void test_a_user_without_the_rights_is_refused(void **state)
{
    (void)state;
    struct rabbitmq_server rabbitmq;
    char url[96];
    char *shared = strdup(getenv("TEST_RABBITMQ_URL"));
    rabbitmq_server_create(&rabbitmq);
    rabbitmq_server_control(&rabbitmq, "eval",
                            "rabbit_auth_backend_internal:add_user(<<\"poor\">>, <<\"poor\">>, "
                            "<<\"test\">>).");
    (void)snprintf(url, sizeof url, "amqp://poor:poor@127.0.0.1:%u/", rabbitmq.port);
    assert_int_equal(setenv("TEST_RABBITMQ_URL", url, 1), 0);
    server_is_refused("BROKER_ACCESS_REFUSED", "permissions");
    give(&rabbitmq, "^$", ".*", ".*");
    server_is_refused("BROKER_ACCESS_REFUSED", "permissions");
    worker_is_refused("BROKER_ACCESS_REFUSED", "permissions");
    give(&rabbitmq, ".*", "^.*(persist|parked|parked-exchange)$",
         ".*"); /* not the events' exchange */
    server_is_refused("BROKER_ACCESS_REFUSED", "permissions");
    give(&rabbitmq, ".*", ".*", "^.*(events|parked-exchange)$"); /* to bind, not to consume */
    worker_is_refused("BROKER_ACCESS_REFUSED", "permissions");
    give(&rabbitmq, ".*", ".*", ".*");
    system_start_server(&the_system, 0, NULL);
    process_kill(&the_system.servers[0]);
    assert_int_equal(setenv("TEST_RABBITMQ_URL", shared, 1), 0);
    rabbitmq_server_destroy(&rabbitmq);
    free(shared);
}

/* What the log must say. */
struct saying {
    const struct process *process;
    const char *words;
};

static bool says(void *state)
{
    const struct saying *saying = state;
    char *log = read_whole(saying->process->log_path);
    bool said = strstr(log, saying->words) != NULL;
    free(log);
    return said;
}

/* No connection more: that ends by itself, when others end. */
static void test_a_rabbitmq_that_is_full_is_waited_for(void **state)
{
    (void)state;
    struct rabbitmq_server rabbitmq;
    char *shared = strdup(getenv("TEST_RABBITMQ_URL"));
    rabbitmq_server_create(&rabbitmq);
    rabbitmq_server_control(&rabbitmq, "eval",
                            "rabbit_vhost_limit:parse_set(<<\"/\">>, "
                            "<<\"{\\\"max-connections\\\": 0}\">>, <<\"test\">>).");
    assert_int_equal(setenv("TEST_RABBITMQ_URL", rabbitmq.url, 1), 0);
    system_start_server(&the_system, 0, NULL);
    system_start_worker(&the_system, 0, NULL);
    struct rpc_channel *channel = system_open_channel(&the_system, 0);
    system_create_product(channel, "tea", 10);
    struct answer answer = system_create_order(channel, NULL, "tea", 1);
    assert_int_equal(answer.code, STATUS_OK);
    assert_int_equal(answer.durability, 1); /* RESERVED */
    struct process *both[] = {&the_system.servers[0], &the_system.workers[0]};
    for (size_t i = 0; i < 2; i++) {
        struct saying saying = {both[i], "is reached"};
        assert_true(wait_until(says, &saying, DEADLINE_MS));
        assert_true(process_is_running(both[i]));
    }
    rabbitmq_server_control(&rabbitmq, "eval",
                            "rabbit_vhost_limit:clear(<<\"/\">>, <<\"test\">>).");
    system_wait_settled(&the_system, DEADLINE_MS);
    assert_int_equal(database_int(&the_system.database, "SELECT count(*) FROM orders"), 1);
    rpc_channel_close(&channel);
    process_kill(&the_system.workers[0]);
    process_kill(&the_system.servers[0]);
    assert_int_equal(setenv("TEST_RABBITMQ_URL", shared, 1), 0);
    rabbitmq_server_destroy(&rabbitmq);
    free(shared);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_redis_that_evicts_is_refused),
        TEST(test_redis_that_forgets_is_refused_unless_that_is_meant),
        TEST(test_redis_that_does_not_show_it_is_refused),
        TEST(test_redis_that_is_away_is_waited_for),
        TEST(test_redis_that_comes_back_otherwise_is_refused),
        TEST(test_redis_that_is_set_otherwise_later_is_told),
        TEST(test_a_database_without_schema_is_refused),
        TEST(test_an_older_schema_is_refused),
        TEST(test_a_newer_schema_is_refused),
        TEST(test_a_schema_that_does_not_show_its_version_is_refused),
        TEST(test_a_database_that_cannot_be_written_to_is_refused),
        TEST(test_a_queue_with_other_limits_is_refused),
        TEST(test_a_user_without_the_rights_is_refused),
        TEST(test_a_rabbitmq_that_is_full_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
