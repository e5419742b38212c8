/* See toy.h. */
#include "toy.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/free_port.h"

enum { LANE_WRITE, LANE_READ };

static void create_orders(void *lane, struct rpc_call **calls, size_t count);
static void get_orders(void *lane, struct rpc_call **calls, size_t count);
static void list_orders(void *lane, struct rpc_call **calls, size_t count);
static void create_order(struct rpc_call *call);
static void refuse(struct rpc_call *call);
static void answer_huge(struct rpc_call *call);
static char *print_metadata(struct rpc_call *call, const char *key);
static void wait_at_gate(struct toy *toy);
static void ignore_order(const Shop__V1__Order *order, void *data);

static void *open_lane(void *context, struct failure *failure)
{
    struct toy *toy = context;
    if (toy->failure != NULL) {
        (void)failure_set(failure, STATUS_UNAVAILABLE, toy->failure, "the toy does not open");
        return NULL;
    }
    (void)atomic_fetch_add(&toy->open_lanes, 1);
    return toy;
}

static void close_lane(void *lane)
{
    struct toy *toy = lane;
    (void)atomic_fetch_sub(&toy->open_lanes, 1);
}

enum status toy_start(struct toy *toy, const struct toy_options *options, struct failure *failure)
{
    memset(toy, 0, sizeof *toy);
    (void)pthread_mutex_init(&toy->lock, NULL);
    (void)pthread_cond_init(&toy->changed, NULL);
    toy->failure = options->failure;
    if (options->endpoint != NULL) {
        (void)snprintf(toy->endpoint, sizeof toy->endpoint, "%s", options->endpoint);
    } else {
        toy_endpoint("ipc", toy->endpoint);
    }
    size_t queue_max = options->queue_max > 0 ? options->queue_max : 64;
    const struct rpc_lane_kind lanes[] = {
        [LANE_WRITE] = {.name = "write",
                        .threads = options->write_threads > 0 ? options->write_threads : 1,
                        .queue_max = queue_max,
                        .batch_max = 256,
                        .batch_bytes_max = options->batch_bytes_max,
                        .open = open_lane,
                        .close = close_lane,
                        .context = toy},
        [LANE_READ] = {.name = "read",
                       .threads = 1,
                       .queue_max = queue_max,
                       .batch_max = 256,
                       .open = open_lane,
                       .close = close_lane,
                       .context = toy},
    };
    static const char tag[] = "toy";
    const struct rpc_method methods[] = {
        {.name = "GetOrder", .lane = LANE_READ, .handler = get_orders},
        {.name = "CreateOrder", .lane = LANE_WRITE, .handler = create_orders, .tag = tag},
        {.name = "ListOrders", .lane = LANE_READ, .handler = list_orders},
        {.name = "BatchGetOrders", .lane = LANE_READ, .handler = get_orders},
        {.name = "BatchCreateOrders", .lane = LANE_WRITE, .handler = create_orders, .tag = tag},
        {.name = "ConfirmOrder", .lane = LANE_WRITE, .handler = create_orders, .tag = tag},
        {.name = "CancelOrder", .lane = LANE_WRITE, .handler = create_orders, .tag = tag},
        {.name = "FulfillOrder", .lane = LANE_WRITE, .handler = create_orders, .tag = tag},
        {.name = "ListOrderEvents", .lane = LANE_READ, .handler = list_orders},
        {.name = "FollowOrderEvents", .lane = LANE_READ, .handler = list_orders},
    };
    const struct rpc_service service = {.descriptor = &shop__v1__order_service__descriptor,
                                        .methods = methods,
                                        .method_count = sizeof methods / sizeof methods[0]};
    const char *endpoints[] = {toy->endpoint};
    struct rpc_server_options server = {
        .endpoints = endpoints,
        .endpoint_count = 1,
        .server_id = "toy-1",
        .error_domain = "toy",
        .max_inflight = options->max_inflight > 0 ? options->max_inflight : 64,
        .lanes = lanes,
        .lane_count = 2,
        .services = &service,
        .service_count = 1,
        .clock = clock_system(),
        .security = options->security,
    };
    enum status status = rpc_server_start(&server, &toy->server, failure);
    if (status == STATUS_OK && options->is_serving) {
        rpc_server_set_serving(toy->server, true);
    }
    return status;
}

void toy_stop(struct toy *toy)
{
    toy_open_gate(toy);
    rpc_server_stop(&toy->server);
    (void)pthread_cond_destroy(&toy->changed);
    (void)pthread_mutex_destroy(&toy->lock);
}

static void note_batch(struct toy *toy, size_t count)
{
    (void)atomic_fetch_add(&toy->batches, 1);
    size_t largest = atomic_load(&toy->largest_batch);
    while (count > largest && !atomic_compare_exchange_weak(&toy->largest_batch, &largest, count)) {
    }
}

static void note_read(struct toy *toy, char what, size_t count)
{
    (void)pthread_mutex_lock(&toy->lock);
    size_t used = strlen(toy->reads);
    (void)snprintf(toy->reads + used, sizeof toy->reads - used, "%c%zu", what, count);
    (void)pthread_mutex_unlock(&toy->lock);
}

static void create_orders(void *lane, struct rpc_call **calls, size_t count)
{
    struct toy *toy = lane;
    note_batch(toy, count);
    wait_at_gate(toy);
    for (size_t i = 0; i < count; i++) {
        (void)atomic_fetch_add(&toy->created, 1);
        create_order(calls[i]);
    }
}

static void create_order(struct rpc_call *call)
{
    const Shop__V1__CreateOrderRequest *request =
        (const Shop__V1__CreateOrderRequest *)rpc_call_request(call);
    if (strcmp(request->customer_id, "refused") == 0) {
        refuse(call);
        return;
    }
    if (strncmp(request->customer_id, "code ", 5) == 0) {
        struct failure failure;
        long code = strtol(request->customer_id + 5, NULL, 10);
        (void)failure_set(&failure, (enum status)code, "TOLD_TO", "as told");
        rpc_fail(call, &failure);
        return;
    }
    if (strcmp(request->customer_id, "huge") == 0) {
        answer_huge(call);
        return;
    }
    Shop__V1__Order order = SHOP__V1__ORDER__INIT;
    order.order_id = request->request_id;
    order.customer_id = request->customer_id;
    order.order_ref = request->order_ref;
    if (strcmp(request->customer_id, "principal") == 0) {
        order.customer_id = arena_strdup(rpc_call_arena(call), rpc_call_principal(call));
        order.order_ref = arena_strdup(rpc_call_arena(call), rpc_call_id(call));
        order.currency = arena_strdup(rpc_call_arena(call), rpc_call_tag(call));
        order.etag = arena_strdup(rpc_call_arena(call), rpc_call_method(call));
    }
    char ms[24];
    if (strcmp(request->customer_id, "deadline") == 0) {
        (void)snprintf(ms, sizeof ms, "%lld",
                       (long long)(rpc_call_deadline_ms(call) - toy_now_ms()));
        order.order_ref = ms;
    }
    if (strcmp(request->customer_id, "margin") == 0) {
        (void)snprintf(ms, sizeof ms, "%lld",
                       (long long)(rpc_call_deadline_ms(call) - rpc_call_answer_by_ms(call)));
        order.order_ref = ms;
    }
    if (strcmp(request->customer_id, "metadata") == 0) {
        order.order_ref = print_metadata(call, request->order_ref);
    }
    rpc_reply(call, &order.base);
}

static char *print_metadata(struct rpc_call *call, const char *key)
{
    struct bytes value;
    if (!rpc_call_metadata(call, key, &value)) {
        return text("none");
    }
    char *hex = arena_calloc(rpc_call_arena(call), 2 * value.size + 1, 1);
    for (size_t i = 0; i < value.size; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", value.data[i]);
    }
    return hex;
}

static void refuse(struct rpc_call *call)
{
    struct failure failure;
    (void)failure_set_field(&failure, "lines[3].quantity", "OUT_OF_STOCK", "2 left of 5");
    failure.code = STATUS_FAILED_PRECONDITION;
    failure.retry_delay_ms = 1500;
    failure_add(&failure, "product_id", "p-%d", 7);
    failure_add(&failure, "available", "%d", 2);
    rpc_fail(call, &failure);
}

static void answer_huge(struct rpc_call *call)
{
    char *text = arena_alloc(rpc_call_arena(call), RPC_MESSAGE_BYTES_MAX + 1);
    memset(text, 'x', RPC_MESSAGE_BYTES_MAX);
    text[RPC_MESSAGE_BYTES_MAX] = '\0';
    Shop__V1__Order order = SHOP__V1__ORDER__INIT;
    order.order_ref = text;
    rpc_reply(call, &order.base);
}

static void get_orders(void *lane, struct rpc_call **calls, size_t count)
{
    struct toy *toy = lane;
    note_read(toy, 'G', count);
    for (size_t i = 0; i < count; i++) {
        (void)atomic_fetch_add(&toy->got, 1);
        Shop__V1__Order order = SHOP__V1__ORDER__INIT;
        order.order_id = ((const Shop__V1__GetOrderRequest *)rpc_call_request(calls[i]))->order_id;
        if (strcmp(order.order_id, "gate") == 0) {
            wait_at_gate(toy);
        }
        rpc_reply(calls[i], &order.base);
    }
}

static void list_orders(void *lane, struct rpc_call **calls, size_t count)
{
    struct toy *toy = lane;
    note_read(toy, 'L', count);
    for (size_t i = 0; i < count; i++) {
        (void)atomic_fetch_add(&toy->listed, 1);
        const Shop__V1__ListOrdersRequest *request =
            (const Shop__V1__ListOrdersRequest *)rpc_call_request(calls[i]);
        Shop__V1__Order order = SHOP__V1__ORDER__INIT;
        Shop__V1__ListOrdersResponse response = SHOP__V1__LIST_ORDERS_RESPONSE__INIT;
        response.n_orders = (size_t)request->page_size;
        response.orders = arena_calloc(rpc_call_arena(calls[i]), response.n_orders + 1,
                                       sizeof response.orders[0]);
        for (size_t at = 0; at < response.n_orders; at++) {
            response.orders[at] = &order;
        }
        rpc_reply(calls[i], &response.base);
    }
}

static void wait_at_gate(struct toy *toy)
{
    (void)pthread_mutex_lock(&toy->lock);
    toy->at_gate++;
    (void)pthread_cond_broadcast(&toy->changed);
    while (toy->gate_is_shut) {
        (void)pthread_cond_wait(&toy->changed, &toy->lock);
    }
    toy->at_gate--;
    (void)pthread_mutex_unlock(&toy->lock);
}

void toy_shut_gate(struct toy *toy)
{
    (void)pthread_mutex_lock(&toy->lock);
    toy->gate_is_shut = true;
    (void)pthread_mutex_unlock(&toy->lock);
}

void toy_open_gate(struct toy *toy)
{
    (void)pthread_mutex_lock(&toy->lock);
    toy->gate_is_shut = false;
    (void)pthread_cond_broadcast(&toy->changed);
    (void)pthread_mutex_unlock(&toy->lock);
}

bool toy_wait_at_gate(struct toy *toy, size_t handlers)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += TOY_WAIT_MS / 1000;
    int waited = 0;
    (void)pthread_mutex_lock(&toy->lock);
    while (toy->at_gate < handlers && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&toy->changed, &toy->lock, &until);
    }
    bool are_there = toy->at_gate >= handlers;
    (void)pthread_mutex_unlock(&toy->lock);
    return are_there;
}

void toy_endpoint(const char *transport, char out[128])
{
    static atomic_uint serial;
    if (strcmp(transport, "ipc") == 0) {
        (void)snprintf(out, 128, "ipc:///tmp/order-rpc-%d-%u.sock", (int)getpid(),
                       atomic_fetch_add(&serial, 1));
        return;
    }
    (void)snprintf(out, 128, "tcp://127.0.0.1:%u", free_port());
}

struct rpc_channel *toy_channel(const char *endpoint)
{
    return toy_channel_with(endpoint, 0, 10000);
}

struct rpc_channel *toy_channel_with(const char *endpoint, size_t max_outstanding,
                                     int32_t timeout_ms)
{
    const struct rpc_channel_options options = {.endpoint = endpoint,
                                                .max_outstanding = max_outstanding,
                                                .timeout_ms = timeout_ms,
                                                .tries_max = 1};
    return toy_channel_open(&options);
}

struct rpc_channel *toy_channel_open(const struct rpc_channel_options *options)
{
    struct rpc_channel *channel = NULL;
    struct failure failure;
    if (rpc_channel_open(options, &channel, &failure) != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", failure.message);
        abort();
    }
    return channel;
}

int64_t toy_now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

bool toy_wait_for(atomic_size_t *value, size_t least)
{
    int64_t until_ms = toy_now_ms() + TOY_WAIT_MS;
    while (atomic_load(value) < least) {
        if (toy_now_ms() > until_ms) {
            return false;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    return true;
}

void toy_main(int argc, char **argv)
{
    if (argc != 4 || strcmp(argv[1], "--toy") != 0) {
        return;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    static struct toy toy;
    struct toy_options options = {.endpoint = argv[2], .is_serving = true};
    struct failure failure;
    if (toy_start(&toy, &options, &failure) != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", failure.message);
        _exit(1);
    }
    if (strcmp(argv[3], "shut") == 0) {
        toy_shut_gate(&toy);
    }
    for (;;) {
        (void)pause();
    }
}

pid_t toy_spawn(const char *endpoint, bool gate_is_shut)
{
    pid_t pid;
    char *argv[] = {text("toy"), text("--toy"), text(endpoint),
                    text(gate_is_shut ? "shut" : "open"), NULL};
    if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) != 0) {
        abort();
    }
    struct rpc_channel *channel = toy_channel(endpoint);
    struct rpc_stub stub;
    rpc_stub_init(&stub, channel, &shop__v1__order_service__descriptor);
    Shop__V1__GetOrderRequest request = SHOP__V1__GET_ORDER_REQUEST__INIT;
    shop__v1__order_service__get_order(&stub.service, &request, ignore_order, NULL);
    if (stub.failure.code != STATUS_OK) {
        abort();
    }
    rpc_channel_close(&channel);
    return pid;
}

static void ignore_order(const Shop__V1__Order *order, void *data)
{
    (void)order;
    (void)data;
}

void toy_kill(pid_t toy)
{
    (void)kill(toy, SIGKILL);
    (void)waitpid(toy, NULL, 0);
}
