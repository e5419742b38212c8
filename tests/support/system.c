/* See system.h. */
#include "tests/support/system.h"

#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/uuid.h"
#include "tests/cmocka_all.h"
#include "tests/support/books.h"
#include "tests/support/free_port.h"
#include "tests/support/stores.h"

#define START_TIMEOUT_MS 120000 /* sanitizers on a busy machine */
#define END_TIMEOUT_MS   120000 /* the same: a program is done in a second */
#define CREATE_TRIES_MAX 5

static const char *port_of(const char *url);
static bool end_programs(struct system *system);

static const char *need(const char *name)
{
    const char *value = getenv(name);
    if (value == NULL || value[0] == '\0') {
        fail_msg("%s is not set: run the tests with ./dev test", name);
    }
    return value;
}

void system_create(struct system *system)
{
    static int number;
    memset(system, 0, sizeof *system);
    (void)snprintf(system->directory, sizeof system->directory, "/tmp/order-test-XXXXXX");
    assert_non_null(mkdtemp(system->directory));
    (void)snprintf(system->prefix, sizeof system->prefix, "test.%d.%d", (int)getpid(), number++);
    for (size_t i = 0; i < SYSTEM_SERVERS_MAX; i++) {
        (void)snprintf(system->ipc[i], sizeof system->ipc[i], "ipc://%s/server%zu.sock",
                       system->directory, i);
        (void)snprintf(system->tcp[i], sizeof system->tcp[i], "tcp://127.0.0.1:%u", free_port());
    }
    system->redis_port = free_port();
    (void)snprintf(system->redis_url, sizeof system->redis_url, "redis://127.0.0.1:%u",
                   system->redis_port);
    database_create(&system->database);
    system_start_redis(system);
}

void system_interpose(struct system *system)
{
    const char *urls[SYSTEM_LINKS] = {
        [SYSTEM_LINK_REDIS] = system->redis_url,
        [SYSTEM_LINK_RABBITMQ] = need("TEST_RABBITMQ_URL"),
        [SYSTEM_LINK_POSTGRES] = system->database.url,
    };
    for (size_t i = 0; i < SYSTEM_LINKS; i++) {
        uint16_t port = (uint16_t)strtoul(port_of(urls[i]), NULL, 10);
        for (size_t program = 0; program < SYSTEM_PROGRAMS; program++) {
            system->links[program][i] = tcp_proxy_create(port);
        }
    }
}

void system_set_link(struct system *system, enum system_link link,
                     void (*set)(struct tcp_proxy *proxy, bool on), bool on)
{
    for (size_t program = 0; program < SYSTEM_PROGRAMS; program++) {
        set(system->links[program][link], on);
    }
}

void system_start_redis(struct system *system)
{
    char port[8];
    char log[128];
    (void)snprintf(port, sizeof port, "%u", system->redis_port);
    (void)snprintf(log, sizeof log, "%s/redis.log", system->directory);
    const char *argv[] = {need("TEST_REDIS_SERVER"),
                          "--port",
                          port,
                          "--bind",
                          "127.0.0.1",
                          "--dir",
                          system->directory,
                          "--appendonly",
                          "yes",
                          "--maxmemory-policy",
                          "noeviction",
                          "--save",
                          "",
                          NULL};
    process_start(&system->redis, argv, NULL, log);
    stores_wait_redis(system->redis_url, START_TIMEOUT_MS);
}

void system_destroy(struct system *system)
{
    bool ended_well = end_programs(system);
    process_kill(&system->redis);
    for (size_t i = 0; i < SYSTEM_PROGRAMS * SYSTEM_LINKS; i++) {
        tcp_proxy_destroy(&system->links[i / SYSTEM_LINKS][i % SYSTEM_LINKS]);
    }
    stores_delete_queues(need("TEST_RABBITMQ_URL"), system->prefix);
    database_drop(&system->database);
    remove_directory(system->directory);
    if (!ended_well) {
        fail_msg("a program of the system did not end well");
    }
}

/* While the stores are there. */
static bool end_programs(struct system *system)
{
    struct process *programs[SYSTEM_PROGRAMS] = {&system->servers[0], &system->servers[1],
                                                 &system->workers[0], &system->workers[1]};
    bool ended_well = true;
    for (size_t i = 0; i < SYSTEM_PROGRAMS; i++) {
        ended_well = process_end_well(programs[i], END_TIMEOUT_MS) && ended_well;
    }
    return ended_well;
}

/* The environment of a program, as "KEY=value" texts. */
struct environment {
    char texts[12][640];
    const char *list[13];
    size_t count;
};

static void add(struct environment *environment, const char *key, const char *value)
{
    assert_true(environment->count < 12);
    char *text = environment->texts[environment->count];
    (void)snprintf(text, sizeof environment->texts[0], "%s=%s", key, value);
    environment->list[environment->count++] = text;
    environment->list[environment->count] = NULL;
}

/* Where the port of scheme://[user[:password]@]host:port... stands. */
static const char *port_of(const char *url)
{
    const char *host = strstr(url, "://");
    assert_non_null(host);
    const char *at = strchr(host + 3, '@');
    const char *colon = strchr(at != NULL ? at : host + 3, ':');
    assert_non_null(colon);
    return colon + 1;
}

/* The store's URL, or its proxy's. */
static void add_link(struct environment *environment, const char *key, const char *url,
                     const struct tcp_proxy *proxy)
{
    char through[512];
    if (proxy == NULL) {
        add(environment, key, url);
        return;
    }
    const char *port = port_of(url);
    (void)snprintf(through, sizeof through, "%.*s%u%s", (int)(port - url), url,
                   tcp_proxy_port(proxy), port + strspn(port, "0123456789"));
    add(environment, key, through);
}

static void fill_environment(struct system *system, size_t program, struct environment *environment,
                             const char *fail)
{
    struct tcp_proxy *const *links = system->links[program];
    static const char *const topology[][2] = {
        {"ORDER_EXCHANGE", "events"},
        {"ORDER_QUEUE", "persist"},
        {"ORDER_PARKED_EXCHANGE", "parked-exchange"},
        {"ORDER_PARKED_QUEUE", "parked"},
    };
    environment->count = 0;
    add_link(environment, "DATABASE_URL", system->database.url, links[SYSTEM_LINK_POSTGRES]);
    add_link(environment, "REDIS_URL", system->redis_url, links[SYSTEM_LINK_REDIS]);
    add_link(environment, "RABBITMQ_URL", need("TEST_RABBITMQ_URL"), links[SYSTEM_LINK_RABBITMQ]);
    for (size_t i = 0; i < 4; i++) {
        char name[96];
        (void)snprintf(name, sizeof name, "%s.%s", system->prefix, topology[i][1]);
        add(environment, topology[i][0], name);
    }
    if (fail != NULL) {
        add(environment, "ORDER_FAIL", fail);
    }
}

static void program_path(const char *name, char *out, size_t room)
{
    (void)snprintf(out, room, "%s/%s", need("ORDER_BIN_DIR"), name);
}

static bool serves(void *state)
{
    struct system *system = ((void **)state)[0];
    size_t index = (size_t)(uintptr_t)((void **)state)[1];
    const char *arguments[] = {"health",    "--endpoint", system->ipc[index],
                               "--timeout", "500ms",      NULL};
    return !process_is_running(&system->servers[index]) ||
           system_orderctl(system, arguments, NULL) == 0;
}

void system_start_server(struct system *system, size_t index, const char *fail)
{
    system_spawn_server(system, index, fail);
    system_await_server(system, index);
}

void system_await_server(struct system *system, size_t index)
{
    void *state[] = {system, (void *)(uintptr_t)index};
    if (!wait_until(serves, state, START_TIMEOUT_MS) ||
        !process_is_running(&system->servers[index])) {
        process_show_log(&system->servers[index]);
        fail_msg("order-server does not serve");
    }
}

void system_spawn_server(struct system *system, size_t index, const char *fail)
{
    struct environment environment;
    fill_environment(system, SYSTEM_SERVER(index), &environment, fail);
    char listen[300];
    (void)snprintf(listen, sizeof listen, "%s,%s%s%s", system->ipc[index], system->tcp[index],
                   system->tls[index][0] != '\0' ? "," : "", system->tls[index]);
    add(&environment, "ORDER_SERVER_LISTEN", listen);
    /* What a death left behind is found soon, not after the minute that suits a busy system. */
    add(&environment, "ORDER_SERVER_PERSIST_GRACE_MS", "2000");
    char path[256];
    char log[128];
    program_path("order-server", path, sizeof path);
    (void)snprintf(log, sizeof log, "%s/server%zu.log", system->directory, index);
    process_start(&system->servers[index], (const char *[]){path, NULL}, environment.list, log);
}

void system_start_worker(struct system *system, size_t index, const char *fail)
{
    struct environment environment;
    fill_environment(system, SYSTEM_WORKER(index), &environment, fail);
    char path[256];
    char log[128];
    program_path("order-worker", path, sizeof path);
    (void)snprintf(log, sizeof log, "%s/worker%zu.log", system->directory, index);
    process_start(&system->workers[index], (const char *[]){path, NULL}, environment.list, log);
}

void system_start(struct system *system)
{
    system_create(system);
    system_start_server(system, 0, NULL);
    system_start_worker(system, 0, NULL);
    system_start_worker(system, 1, NULL);
}

struct rpc_channel *system_open_channel(struct system *system, size_t server)
{
    struct rpc_channel_options options = {.endpoint = system->ipc[server], .timeout_ms = 20000};
    struct rpc_channel *channel;
    struct failure failure;
    assert_int_equal(rpc_channel_open(&options, &channel, &failure), STATUS_OK);
    return channel;
}

int system_orderctl(struct system *system, const char *const *arguments, char **output_out)
{
    struct process process;
    system_start_orderctl(system, arguments, &process);
    int code = process_wait(&process, 3 * START_TIMEOUT_MS);
    if (output_out != NULL) {
        *output_out = read_whole(process.log_path);
    }
    return code;
}

void system_start_orderctl(struct system *system, const char *const *arguments,
                           struct process *process_out)
{
    char path[256];
    char log[128];
    char endpoint[160];
    const char *argv[32] = {path};
    program_path("orderctl", path, sizeof path);
    (void)snprintf(log, sizeof log, "%s/orderctl.out", system->directory);
    (void)snprintf(endpoint, sizeof endpoint, "ORDER_ENDPOINT=%s", system->ipc[0]);
    (void)unlink(log);
    for (size_t i = 0; i < 30 && arguments[i] != NULL; i++) {
        argv[i + 1] = arguments[i];
    }
    process_start(process_out, argv, (const char *[]){endpoint, NULL}, log);
}

static bool is_settled(void *state)
{
    struct system *system = state;
    char queue[64];
    (void)snprintf(queue, sizeof queue, "%s.persist", system->prefix);
    if (system_outbox(system) > 0 || stores_queue_ready(need("TEST_RABBITMQ_URL"), queue) > 0) {
        return false;
    }
    /* Of units that have come or come back a worker tells Redis when it has settled their event. */
    return database_ask(&system->database, "SELECT count(*) FROM stock_deltas") <= 0;
}

void system_wait_settled(struct system *system, int64_t timeout_ms)
{
    if (wait_until(is_settled, system, timeout_ms)) {
        return;
    }
    process_show_log(&system->servers[0]);
    process_show_log(&system->workers[0]);
    fail_msg("%lld events are still under way", (long long)system_outbox(system));
}

int64_t system_available(struct system *system, const char *product_id)
{
    return stores_redis_int(system->redis_url, "HGET", "{s0}:stock", product_id);
}

int64_t system_outbox(struct system *system)
{
    return stores_redis_int(system->redis_url, "HLEN", "{s0}:outbox", NULL);
}

/* Every unit is explained: the movements of reserved make it what it is. Of on_hand a test knows
 * what it began with; here each order's own movements must agree with its lines, and no event may
 * wait once all have come. */
static void assert_movements(struct database *db)
{
    assert_int_equal(database_int(db, "SELECT count(*) FROM order_events WHERE outcome <> 1"), 0);
    assert_int_equal(
        database_int(db, "SELECT count(*) FROM stock s LEFT JOIN (SELECT product_id, "
                         "sum(delta_reserved) AS q FROM stock_movements GROUP BY product_id) m "
                         "USING (product_id) WHERE s.reserved <> coalesce(m.q, 0)"),
        0);
    assert_int_equal(
        database_int(db, "SELECT count(*) FROM order_lines l LEFT JOIN (SELECT order_id, "
                         "line_number, -sum(delta_on_hand) AS gone FROM stock_movements "
                         "WHERE cause = 'order.fulfilled' GROUP BY order_id, line_number) m "
                         "USING (order_id, line_number) "
                         "WHERE l.fulfilled_quantity <> coalesce(m.gone, 0)"),
        0);
    assert_int_equal(
        database_int(db, "SELECT count(*) FROM orders o WHERE version <> (SELECT count(*) FROM "
                         "order_events e WHERE e.order_id = o.order_id)"),
        0);
}

static void fail_with(void *data, const char *text)
{
    (void)data;
    fail_msg("%s", text);
}

void system_assert_books(struct system *system)
{
    assert_int_equal(database_int(&system->database, "SELECT count(*) FROM dead_letters"), 0);
    books_check(system, fail_with, NULL);
    assert_movements(&system->database);
}

/* ---- calls ---- */

static void on_product(const Shop__V1__Product *product, void *data)
{
    *(bool *)data = product != NULL;
}

static char *copy_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* Asked again under the same id, as a caller does: on a busy machine PostgreSQL's answer may come
 * too late. */
void system_create_product(struct rpc_channel *channel, const char *product_id, int64_t on_hand)
{
    char request_id[UUID_TEXT_BYTES];
    struct uuid id = uuid_v7(clock_system());
    uuid_print(&id, request_id);
    Shop__V1__Product product = SHOP__V1__PRODUCT__INIT;
    product.product_id = copy_text(product_id);
    product.display_name = copy_text("A thing");
    product.unit_price_minor = 1000;
    product.currency = copy_text("EUR");
    Shop__V1__CreateProductRequest request = SHOP__V1__CREATE_PRODUCT_REQUEST__INIT;
    request.request_id = request_id;
    request.product = &product;
    request.on_hand = on_hand;
    struct rpc_stub stub;
    rpc_stub_init(&stub, channel, &shop__v1__product_service__descriptor);
    bool done = false;
    for (int tries = 0; tries < CREATE_TRIES_MAX && !done; tries++) {
        shop__v1__product_service__create_product(&stub.service, &request, on_product, &done);
        if (stub.failure.code != STATUS_UNKNOWN && stub.failure.code != STATUS_UNAVAILABLE) {
            break;
        }
    }
    if (!done) {
        fail_msg("CreateProduct: %s %s", stub.failure.reason, stub.failure.message);
    }
}

static void on_order(const Shop__V1__Order *order, void *data)
{
    struct answer *answer = data;
    if (order != NULL) {
        (void)snprintf(answer->order_id, sizeof answer->order_id, "%s", order->order_id);
        answer->durability = (int)order->durability;
    }
}

struct answer system_create_order(struct rpc_channel *channel, const char *request_id,
                                  const char *product_id, int32_t quantity)
{
    Shop__V1__CreateOrderLine line = SHOP__V1__CREATE_ORDER_LINE__INIT;
    line.product_id = copy_text(product_id);
    line.quantity = quantity;
    Shop__V1__CreateOrderLine *lines[] = {&line};
    Shop__V1__CreateOrderRequest request = SHOP__V1__CREATE_ORDER_REQUEST__INIT;
    request.request_id = copy_text(request_id != NULL ? request_id : "");
    request.customer_id = copy_text("customer-1");
    request.n_lines = 1;
    request.lines = lines;
    struct rpc_stub stub;
    struct answer answer = {0};
    rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);
    shop__v1__order_service__create_order(&stub.service, &request, on_order, &answer);
    answer.failure = stub.failure;
    answer.code = stub.failure.code;
    return answer;
}
