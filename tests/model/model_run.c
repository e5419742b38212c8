/* See model_run.h. */
#include "tests/model/model_run.h"

#include <shop/v1/product_service.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/cmocka_all.h"
#include "tests/support/stores.h"

#define SETTLE_TIMEOUT_MS 120000
#define REDIS_TIMEOUT_MS  20000
#define PRINTED_MAX       20
#define BOUGHT_BYTES      28 /* an entry of decide.lua: order, time, units */

static void create_product(struct model_run *run, int index);
static void open_caller(struct model_run *run, int index, uint64_t seed);
static void come_to_rest(struct model_run *run);
static void begin_again(struct model_run *run);

/* Two of which there are enough, scarce ones, and one for each rule. */
static const struct {
    int64_t on_hand, safety_stock;
    int32_t max_per_order, max_per_customer;
} PRODUCTS[MODEL_PRODUCTS] = {{100000, 0, 0, 0}, {100000, 0, 0, 0}, {200, 0, 0, 0}, {40, 0, 0, 0},
                              {60, 10, 0, 0},    {150, 0, 5, 0},    {900, 0, 0, 6}, {80, 5, 3, 4}};

void model_run_init(struct model_run *run, struct system *system, const char *name, uint64_t seed)
{
    memset(run, 0, sizeof *run);
    run->system = system;
    run->name = name;
    for (int i = 0; i < MODEL_CALLERS; i++) {
        open_caller(run, i, seed);
    }
    for (int i = 0; i < MODEL_PRODUCTS; i++) {
        create_product(run, i);
    }
}

void model_run_fini(struct model_run *run)
{
    for (int i = 0; i < MODEL_CALLERS; i++) {
        struct model_caller *caller = &run->callers[i];
        redis_link_destroy(&caller->redis);
        rpc_channel_close(&caller->channels[0]);
        rpc_channel_close(&caller->channels[1]);
        free(caller->orders);
        free(caller->requests);
    }
}

static void on_product(const Shop__V1__Product *product, void *data)
{
    *(bool *)data = product != NULL;
}

static bool is_loaded(void *state)
{
    const struct model_product *product = ((void **)state)[1];
    struct system *system = ((void **)state)[0];
    return system_available(system, product->id) >= 0;
}

static void create_product(struct model_run *run, int index)
{
    struct model_product *product = &run->products[index];
    Shop__V1__Product message = SHOP__V1__PRODUCT__INIT;
    Shop__V1__CreateProductRequest request = SHOP__V1__CREATE_PRODUCT_REQUEST__INIT;
    Google__Protobuf__Duration window = GOOGLE__PROTOBUF__DURATION__INIT;
    char title[] = "A thing", currency[] = "EUR";
    struct rpc_stub stub;
    bool done = false;
    (void)snprintf(product->id, sizeof product->id, "%s-p%d", run->name, index);
    product->safety_stock = PRODUCTS[index].safety_stock;
    product->max_per_order = PRODUCTS[index].max_per_order;
    product->max_per_customer = PRODUCTS[index].max_per_customer;
    product->base = PRODUCTS[index].on_hand - product->safety_stock;
    atomic_store(&product->on_hand, PRODUCTS[index].on_hand);
    message.product_id = product->id;
    message.display_name = title;
    message.currency = currency;
    message.unit_price_minor = 100;
    message.safety_stock = product->safety_stock;
    message.max_per_order = product->max_per_order;
    message.max_per_customer = product->max_per_customer;
    window.seconds = 86400;
    message.limit_window = product->max_per_customer > 0 ? &window : NULL;
    request.product = &message;
    request.on_hand = PRODUCTS[index].on_hand;
    rpc_stub_init(&stub, run->callers[0].channels[0], &shop__v1__product_service__descriptor);
    shop__v1__product_service__create_product(&stub.service, &request, on_product, &done);
    if (!done) {
        fail_msg("CreateProduct: %s %s", stub.failure.reason, stub.failure.message);
    }
    assert_true(wait_until(is_loaded, (void *[]){run->system, product}, SETTLE_TIMEOUT_MS));
}

static void open_redis(struct model_caller *caller)
{
    const struct redis_link_options options = {.url = caller->run->system->redis_url,
                                               .connect_timeout_ms = REDIS_TIMEOUT_MS,
                                               .command_timeout_ms = REDIS_TIMEOUT_MS,
                                               .clock = clock_system()};
    assert_int_equal(redis_link_create(&options, &caller->redis, NULL), STATUS_OK);
}

static void open_caller(struct model_run *run, int index, uint64_t seed)
{
    struct model_caller *caller = &run->callers[index];
    caller->run = run;
    caller->index = index;
    caller->random.state = seed * 1000003U + (uint64_t)index;
    caller->channels[0] = system_open_channel(run->system, 0);
    caller->channels[1] = system_open_channel(run->system, 1);
    open_redis(caller);
}

void model_problem(struct model_run *run, const char *format, ...)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    char text[sizeof run->first_problem];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)pthread_mutex_lock(&lock);
    size_t number = atomic_fetch_add(&run->problems, 1);
    if (number == 0) {
        memcpy(run->first_problem, text, sizeof text);
    }
    if (model_canary == CANARY_NONE && number < PRINTED_MAX) {
        (void)fprintf(stderr, "model: %s\n", text);
    }
    (void)pthread_mutex_unlock(&lock);
}

/* ---- a round ---- */

static void *run_caller(void *argument)
{
    struct model_caller *caller = argument;
    for (size_t i = 0; i < caller->commands; i++) {
        model_caller_step(caller);
    }
    return NULL;
}

void model_run_round(struct model_run *run, size_t commands)
{
    for (int i = 0; i < MODEL_CALLERS; i++) {
        struct model_caller *caller = &run->callers[i];
        caller->commands = commands / MODEL_CALLERS;
        assert_int_equal(pthread_create(&caller->thread, NULL, run_caller, caller), 0);
    }
    for (int i = 0; i < MODEL_CALLERS; i++) {
        (void)pthread_join(run->callers[i].thread, NULL);
    }
    come_to_rest(run);
    model_run_compare_redis(run);
    model_books_compare(run);
    begin_again(run);
}

static bool no_hold_has_ended(void *state)
{
    struct redis_link *redis = state;
    const struct redis_reply *replies;
    char now_ms[32];
    (void)snprintf(now_ms, sizeof now_ms, "%lld",
                   (long long)(clock_unix_us(clock_system()) / 1000));
    redis_link_add_text(redis, "ZCOUNT", "{s0}:holds", "-inf", now_ms, NULL);
    redis_link_add_text(redis, "ZCARD", "{s0}:ended", NULL);
    assert_int_equal(redis_link_exchange(redis, 0, &replies, NULL), STATUS_OK);
    return replies[0].integer == 0 && replies[1].integer == 0;
}

static bool redis_was_told(void *state)
{
    struct system *system = state;
    return database_int(&system->database, "SELECT count(*) FROM stock_deltas") == 0;
}

/* Every hold that was to end in this run has ended, and all of it is known everywhere. */
static void come_to_rest(struct model_run *run)
{
    int64_t now_us = clock_unix_us(clock_system());
    for (int i = 0; i < MODEL_CALLERS; i++) {
        struct model_caller *caller = &run->callers[i];
        for (size_t at = 0; at < caller->order_count; at++) {
            struct model_order *order = &caller->orders[at];
            if (order->state == MODEL_PENDING && order->ends_from_us != INT64_MAX &&
                order->ends_until_us > now_us) {
                model_caller_end_hold(caller, order);
            }
        }
    }
    assert_true(wait_until(no_hold_has_ended, run->callers[0].redis, SETTLE_TIMEOUT_MS));
    system_wait_settled(run->system, SETTLE_TIMEOUT_MS);
    assert_true(wait_until(redis_was_told, run->system, SETTLE_TIMEOUT_MS));
    for (int i = 0; i < MODEL_CALLERS; i++) {
        struct model_caller *caller = &run->callers[i];
        for (size_t at = 0; at < caller->order_count; at++) {
            struct model_order *order = &caller->orders[at];
            if (order->state == MODEL_PENDING && order->ends_from_us != INT64_MAX) {
                model_expire(order);
            }
        }
    }
}

int64_t model_run_reserved(const struct model_run *run, int product)
{
    int64_t sum = 0;
    for (int i = 0; i < MODEL_CALLERS; i++) {
        const struct model_caller *caller = &run->callers[i];
        for (size_t at = 0; at < caller->order_count; at++) {
            const struct model_order *order = &caller->orders[at];
            for (int line = 0; model_is_open(order) && line < order->line_count; line++) {
                sum += order->lines[line].product == product ? model_open_units(&order->lines[line])
                                                             : 0;
            }
        }
    }
    return sum;
}

static void begin_again(struct model_run *run)
{
    for (int i = 0; i < MODEL_PRODUCTS; i++) {
        struct model_product *product = &run->products[i];
        product->base =
            atomic_load(&product->on_hand) - model_run_reserved(run, i) - product->safety_stock;
        atomic_store(&product->may_be_taken, 0);
        atomic_store(&product->is_taken, 0);
        atomic_store(&product->may_come_back, 0);
    }
    for (int i = 0; i < MODEL_CALLERS; i++) {
        for (size_t at = 0; at < run->callers[i].order_count; at++) {
            run->callers[i].orders[at].end_counted = false;
        }
    }
}

/* ---- Redis ---- */

static int64_t read_bought(struct model_caller *caller, int customer, int product)
{
    uint8_t field[2 * MODEL_ID_BYTES];
    char id[MODEL_ID_BYTES];
    const struct redis_reply *replies;
    model_caller_customer(caller, customer, id);
    size_t size = (size_t)snprintf((char *)field, sizeof field, "%s%c%s", id, '\0',
                                   caller->run->products[product].id);
    redis_link_begin(caller->redis, 3);
    redis_link_put_text(caller->redis, "HGET");
    redis_link_put_text(caller->redis, "{s0}:bought");
    redis_link_put(caller->redis, (struct bytes){field, size});
    assert_int_equal(redis_link_exchange(caller->redis, 0, &replies, NULL), STATUS_OK);
    int64_t sum = 0;
    for (size_t at = 0; at + BOUGHT_BYTES <= replies[0].text.size && replies[0].type == REDIS_TEXT;
         at += BOUGHT_BYTES) {
        const uint8_t *units = replies[0].text.data + at + BOUGHT_BYTES - 4;
        sum += (int64_t)units[0] << 24 | units[1] << 16 | units[2] << 8 | units[3];
    }
    return sum;
}

static void compare_customers(struct model_caller *caller, int product)
{
    int64_t bought[1024] = {0};
    int last = -1;
    for (size_t i = 0; i < caller->order_count; i++) {
        const struct model_order *order = &caller->orders[i];
        assert_in_range(order->customer, 0, 1023);
        bought[order->customer] += model_order_bought(order, product);
        last = order->customer > last ? order->customer : last;
    }
    for (int customer = 0; customer <= last; customer++) {
        int64_t is = read_bought(caller, customer, product);
        if (is != bought[customer]) {
            model_problem(caller->run, "customer %d-%d has bought %lld of %s, Redis counts %lld",
                          caller->index, customer, (long long)bought[customer],
                          caller->run->products[product].id, (long long)is);
        }
    }
}

void model_run_compare_redis(struct model_run *run)
{
    for (int i = 0; i < MODEL_PRODUCTS; i++) {
        struct model_product *product = &run->products[i];
        int64_t expected =
            atomic_load(&product->on_hand) - model_run_reserved(run, i) - product->safety_stock;
        int64_t is = system_available(run->system, product->id);
        if (is != expected) {
            model_problem(run, "%s: %lld available, Redis has %lld", product->id,
                          (long long)expected, (long long)is);
        }
        for (int caller = 0; product->max_per_customer > 0 && caller < MODEL_CALLERS; caller++) {
            compare_customers(&run->callers[caller], i);
        }
    }
}

void model_run_lost_redis(struct model_run *run)
{
    for (int i = 0; i < MODEL_CALLERS; i++) {
        struct model_caller *caller = &run->callers[i];
        size_t kept = 0;
        redis_link_destroy(&caller->redis);
        open_redis(caller);
        for (size_t at = 0; at < caller->request_count; at++) {
            if (caller->requests[at].was_accepted) {
                caller->requests[kept] = caller->requests[at];
                caller->requests[kept++].record_lost = true;
            }
        }
        caller->request_count = kept;
    }
}
