/* See worker_fixture.h. */
#include "tests/integration/worker_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "shop/identity.h"
#include "tests/cmocka_all.h"
#include "tests/support/stores.h"

#define UNITS 1000

#define CONFIRMS_MAX    256
#define SETTLE_AGAIN_MS 5000

static const char *const PRODUCTS[] = {"a", "b", "c", "d", "e"};
#define PRODUCT_COUNT (sizeof PRODUCTS / sizeof *PRODUCTS)

static void must(enum status status, const struct failure *failure)
{
    if (status != STATUS_OK) {
        fail_msg("%s: %s", failure->reason, failure->message);
    }
}

static void name(struct worker_fixture *fixture, char *out, const char *what)
{
    (void)snprintf(out, 64, "%s.%s", fixture->system.prefix, what);
}

void worker_fixture_create(struct worker_fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    system_create(&fixture->system);
    arena_init(&fixture->arena, 1 << 20, 256 << 20);
    struct failure failure;
    must(redis_link_create(&(struct redis_link_options){.url = fixture->system.redis_url,
                                                        .connect_timeout_ms = 5000,
                                                        .command_timeout_ms = 5000,
                                                        .clock = clock_system()},
                           &fixture->redis, &failure),
         &failure);
    fixture->book = book_create(fixture->redis, "s0", &BOOK_LIMITS_DEFAULT);
    name(fixture, fixture->exchange, "events");
    name(fixture, fixture->queue, "persist");
    name(fixture, fixture->parked_exchange, "parked-exchange");
    name(fixture, fixture->parked_queue, "parked");
    fixture->publisher = broker_publisher_create(&(struct broker_options){
        .url = getenv("TEST_RABBITMQ_URL"),
        .exchange = fixture->exchange,
        .queue = fixture->queue,
        .parked_exchange = fixture->parked_exchange,
        .parked_queue = fixture->parked_queue,
        .queue_bytes_max = strtoll(BROKER_DEFAULT_QUEUE_BYTES_MAX, NULL, 10),
        .connect_timeout_ms = 5000,
        .heartbeat_s = 60,
        .connection_name = "test_worker",
        .clock = clock_system(),
    });
    for (size_t i = 0; i < PRODUCT_COUNT; i++) {
        char sql[128];
        (void)snprintf(sql, sizeof sql, "INSERT INTO stock VALUES ('%s', %d, 0)", PRODUCTS[i],
                       UNITS);
        database_execute(&fixture->system.database, sql);
    }
    worker_fixture_reload(fixture);
}

void worker_fixture_destroy(struct worker_fixture *fixture)
{
    broker_publisher_destroy(&fixture->publisher);
    book_destroy(&fixture->book);
    redis_link_destroy(&fixture->redis);
    arena_fini(&fixture->arena);
    system_destroy(&fixture->system);
}

void worker_fixture_reload(struct worker_fixture *fixture)
{
    struct failure failure;
    struct book_take stock[PRODUCT_COUNT];
    must(book_open_begin(fixture->book, &failure), &failure);
    database_execute(&fixture->system.database,
                     "UPDATE control SET epoch = epoch + 1 WHERE shard = 's0'");
    fixture->epoch = worker_fixture_count(fixture, "SELECT epoch FROM control");
    for (size_t i = 0; i < PRODUCT_COUNT; i++) {
        char sql[128];
        (void)snprintf(sql, sizeof sql,
                       "SELECT on_hand - reserved FROM stock WHERE product_id = '%s'", PRODUCTS[i]);
        stock[i] = (struct book_take){PRODUCTS[i], worker_fixture_count(fixture, sql)};
    }
    must(book_open_load(fixture->book, stock, PRODUCT_COUNT, &failure), &failure);
    must(book_open_end(fixture->book, fixture->epoch, &failure), &failure);
    book_set_epoch(fixture->book, fixture->epoch);
}

static struct event make_event(struct worker_fixture *fixture, enum event_kind kind)
{
    return (struct event){
        .kind = kind,
        .event_id = uuid_v7(clock_system()),
        .event_time_us = clock_unix_us(clock_system()),
        .epoch = fixture->epoch,
        .actor = "test",
        .call_id = "call-1",
    };
}

struct event worker_fixture_order(struct worker_fixture *fixture, const char *product_id,
                                  int32_t quantity)
{
    struct event event = make_event(fixture, EVENT_ORDER_CREATED);
    struct order_line *line = arena_calloc(&fixture->arena, 1, sizeof *line);
    assert_non_null(line);
    *line = (struct order_line){
        .product_id = product_id, .quantity = quantity, .has_price = true, .unit_price_minor = 100};
    event.order = (struct order){
        .order_id = uuid_v7(clock_system()),
        .customer_id = "customer-1",
        .state = ORDER_CONFIRMED,
        .lines = line,
        .line_count = 1,
        .currency = "EUR",
        .total_minor = 100 * (int64_t)quantity,
        .create_time_us = event.event_time_us,
        .placed_time_us = event.event_time_us,
        .order_ref = "",
        .version = 1,
    };
    return event;
}

struct event worker_fixture_adjustment(struct worker_fixture *fixture, const char *product_id,
                                       int64_t delta)
{
    struct event event = make_event(fixture, EVENT_STOCK_ADJUSTED);
    event.adjustment = (struct stock_adjustment){
        .adjustment_id = uuid_v7(clock_system()),
        .product_id = product_id,
        .delta = delta,
        .reason = "counted",
        .reference = "",
    };
    return event;
}

static struct bytes encode(struct worker_fixture *fixture, const struct event *event)
{
    struct bytes encoded = event_codec_encode(event, &fixture->arena);
    assert_non_null(encoded.data);
    return encoded;
}

void worker_fixture_reserve(struct worker_fixture *fixture, const struct event *event)
{
    bool is_order = event->kind == EVENT_ORDER_CREATED;
    struct book_take take = {
        is_order ? event->order.lines[0].product_id : event->adjustment.product_id,
        is_order ? event->order.lines[0].quantity : -event->adjustment.delta,
    };
    struct book_decision decision = {
        .record_id = is_order ? event->order.order_id : event->adjustment.adjustment_id,
        .takes = &take,
        .take_count = take.quantity > 0 ? 1 : 0,
        .event_id = event->event_id,
        .event = encode(fixture, event),
        .record = bytes_of_text("record"),
    };
    book_decide(fixture->book, &decision, 1,
                clock_monotonic_ms(clock_system()) + FIXTURE_DEADLINE_MS);
    assert_int_equal(decision.outcome, BOOK_DECIDED);
}

static void publish(struct worker_fixture *fixture, const char *routing_key, struct bytes body)
{
    struct broker_message message = {
        .routing_key = routing_key, .body = body, .message_id = uuid_v7(clock_system())};
    struct failure failure;
    must(broker_publish(fixture->publisher, &message, 1,
                        clock_monotonic_ms(clock_system()) + FIXTURE_DEADLINE_MS, &failure),
         &failure);
}

void worker_fixture_publish_raw(struct worker_fixture *fixture, struct bytes body)
{
    publish(fixture, BROKER_ROUTING_ORDER_CREATED, body);
}

void worker_fixture_publish(struct worker_fixture *fixture, const struct event *events,
                            size_t count)
{
    struct bytes encoded[64];
    assert_true(count <= 64);
    for (size_t i = 0; i < count; i++) {
        encoded[i] = encode(fixture, &events[i]);
    }
    publish(fixture, event_codec_routing_key(events[0].kind),
            event_codec_join(encoded, count, &fixture->arena));
}

void worker_fixture_place(struct worker_fixture *fixture, size_t count)
{
    while (count > 0) {
        struct event events[10];
        size_t some = count < 10 ? count : 10;
        for (size_t i = 0; i < some; i++) {
            events[i] = worker_fixture_order(fixture, PRODUCTS[(count - i) % PRODUCT_COUNT], 1);
            worker_fixture_reserve(fixture, &events[i]);
        }
        worker_fixture_publish(fixture, events, some);
        count -= some;
    }
}

struct waited {
    struct worker_fixture *fixture;
    const char *sql;
    int64_t expected, seen;
};

static bool is_count(void *state)
{
    struct waited *waited = state;
    waited->seen = worker_fixture_count(waited->fixture, waited->sql);
    return waited->seen == waited->expected;
}

static void show_workers(struct worker_fixture *fixture)
{
    for (size_t i = 0; i < SYSTEM_WORKERS_MAX; i++) {
        process_show_log(&fixture->system.workers[i]);
    }
}

void worker_fixture_wait_count(struct worker_fixture *fixture, const char *sql, int64_t expected)
{
    struct waited waited = {fixture, sql, expected, 0};
    if (!wait_until(is_count, &waited, FIXTURE_DEADLINE_MS)) {
        show_workers(fixture);
        fail_msg("%s: %lld, not %lld", sql, (long long)waited.seen, (long long)expected);
    }
}

int64_t worker_fixture_count(struct worker_fixture *fixture, const char *sql)
{
    return database_int(&fixture->system.database, sql);
}

/* All that was reserved is published by now: what a server tells Redis at RabbitMQ's confirm. */
static void confirm_all(struct worker_fixture *fixture)
{
    struct book_claimed claimed[CONFIRMS_MAX];
    struct uuid ids[CONFIRMS_MAX];
    struct failure failure;
    size_t count;
    must(book_hurry(fixture->book, &failure), &failure);
    do {
        must(book_claim(fixture->book, BOOK_DUE_CONFIRM, claimed, CONFIRMS_MAX, FIXTURE_DEADLINE_MS,
                        &count, &failure),
             &failure);
        for (size_t i = 0; i < count; i++) {
            ids[i] = claimed[i].event_id;
        }
        must(book_confirm(fixture->book, ids, count, &failure), &failure);
    } while (count == CONFIRMS_MAX);
}

/* As a server's relay: a worker that Redis did not answer in time does not settle again by itself.
 */
static void publish_again(struct worker_fixture *fixture)
{
    struct book_claimed claimed[CONFIRMS_MAX];
    struct failure failure;
    size_t count;
    must(book_hurry(fixture->book, &failure), &failure);
    must(book_claim(fixture->book, BOOK_DUE_PERSIST, claimed, CONFIRMS_MAX, SETTLE_AGAIN_MS, &count,
                    &failure),
         &failure);
    for (size_t i = 0; i < count; i++) {
        publish(fixture, event_codec_peek_routing_key(claimed[i].event),
                event_codec_join(&claimed[i].event, 1, &fixture->arena));
    }
}

static bool is_outbox_empty(void *fixture)
{
    return system_outbox(&((struct worker_fixture *)fixture)->system) == 0;
}

void worker_fixture_wait_settled(struct worker_fixture *fixture)
{
    confirm_all(fixture);
    int64_t until_ms = clock_monotonic_ms(clock_system()) + FIXTURE_DEADLINE_MS;
    while (!wait_until(is_outbox_empty, fixture, SETTLE_AGAIN_MS) &&
           clock_monotonic_ms(clock_system()) < until_ms) {
        publish_again(fixture);
    }
    system_wait_settled(&fixture->system, FIXTURE_DEADLINE_MS);
    worker_fixture_wait_count(fixture, "SELECT count(*) FROM stock_deltas", 0);
}
