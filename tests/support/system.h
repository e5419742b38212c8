/* System: the whole of it for one test - a private Redis, a database and queues of its own in the
 * shared PostgreSQL and RabbitMQ, order-servers and order-workers as real processes.
 * Needs TEST_DATABASE_URL, TEST_RABBITMQ_URL, TEST_REDIS_SERVER and ORDER_BIN_DIR. Every function
 * fails the test, with the logs' last lines, when something does not come up. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "rpc/channel.h"
#include "tests/support/database.h"
#include "tests/support/process.h"
#include "tests/support/tcp_proxy.h"

#define SYSTEM_SERVERS_MAX 2
#define SYSTEM_WORKERS_MAX 2

enum system_link {
    SYSTEM_LINK_REDIS,
    SYSTEM_LINK_RABBITMQ,
    SYSTEM_LINK_POSTGRES,
    SYSTEM_LINKS,
};

/* Programs: server 0, server 1, worker 0, worker 1. */
#define SYSTEM_PROGRAMS       (SYSTEM_SERVERS_MAX + SYSTEM_WORKERS_MAX)
#define SYSTEM_SERVER(number) (number)
#define SYSTEM_WORKER(number) (SYSTEM_SERVERS_MAX + (number))

struct system {
    char directory[64]; /* sockets, logs, Redis' files; removed at the end */
    char prefix[32];    /* of exchange and queues */
    char redis_url[128];
    uint16_t redis_port;
    struct process redis;
    struct database database;
    struct process servers[SYSTEM_SERVERS_MAX];
    struct process workers[SYSTEM_WORKERS_MAX];
    char ipc[SYSTEM_SERVERS_MAX][128]; /* endpoints */
    char tcp[SYSTEM_SERVERS_MAX][64];
    char tls[SYSTEM_SERVERS_MAX][64]; /* a test's own: servers listen there, too */
    /* each program's own to each store; NULL: it talks to the store itself */
    struct tcp_proxy *links[SYSTEM_PROGRAMS][SYSTEM_LINKS];
};

/* Stores only; then servers and workers as the test wants them. */
void system_create(struct system *system);
/* Ends what runs and removes all of it. Fails the test where a program did not end well
 * (process_end_well): a leak shows only there. */
void system_destroy(struct system *system);

/* Puts a proxy of its own between each program and each store, for those that are started from now
 * on. */
void system_interpose(struct system *system);
/* The same with all programs' proxies to one store, as if there was one: tcp_proxy_freeze, ... */
void system_set_link(struct system *system, enum system_link link,
                     void (*set)(struct tcp_proxy *proxy, bool on), bool on);
void system_start_redis(struct system *system); /* again, with the same files */
/* fail: ORDER_FAIL for that process, or NULL. Waits until it serves. */
void system_start_server(struct system *system, size_t index, const char *fail);
/* The same without waiting: for one that is to die on the way. */
void system_spawn_server(struct system *system, size_t index, const char *fail);
/* Until one that was spawned serves. */
void system_await_server(struct system *system, size_t index);
void system_start_worker(struct system *system, size_t index, const char *fail);
/* One server, two workers. */
void system_start(struct system *system);

/* A channel to a server's ipc socket; the test closes it. */
struct rpc_channel *system_open_channel(struct system *system, size_t server);
/* Runs orderctl with these arguments (NULL-terminated) against server 0. Its exit code; its output
 * in *output_out (the caller frees) when that is not NULL. */
int system_orderctl(struct system *system, const char *const *arguments, char **output_out);
/* The same, but does not wait for its end. */
void system_start_orderctl(struct system *system, const char *const *arguments,
                           struct process *process_out);

/* Waits until nothing is under way: outbox and queue empty, and Redis told of all units. */
void system_wait_settled(struct system *system, int64_t timeout_ms);
int64_t system_available(struct system *system, const char *product_id);
int64_t system_outbox(struct system *system);
/* Books in tests/support/books.h hold, and no dead letters. */
void system_assert_books(struct system *system);

/* ---- calls ---- */
struct answer {
    enum status code; /* STATUS_OK, or failure's */
    struct failure failure;
    char order_id[40];
    int durability;
};
void system_create_product(struct rpc_channel *channel, const char *product_id, int64_t on_hand);
/* request_id NULL: the library's. */
struct answer system_create_order(struct rpc_channel *channel, const char *request_id,
                                  const char *product_id, int32_t quantity);
