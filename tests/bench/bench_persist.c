/* bench_persist: how many one-line orders a second go into PostgreSQL through the worker's event
 * store, and through the barest SQL that writes the same rows in the same batches - in turns, in
 * one run, for the ratio. DATABASE_URL=... bench_persist [--batch=256] [--orders=51200]
 * [--products=1000] Prints
 * {"batch":256,"orders":...,"orders_per_second":...,"raw_orders_per_second":...,"ratio":...}. Give
 * it a database of its own, with the migrations: it is left full. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/config.h"
#include "postgres/postgres_array.h"
#include "worker/event_store.h"

#define BATCH_MAX    4096
#define PRODUCTS_MAX 100000
#define TURN_BATCHES 20 /* of one kind, before the other has its turn */
#define ON_HAND      1000000000

struct settings {
    const char *database_url;
    int64_t batch, orders, products;
};

static const struct config_entry TABLE[] = {
    {"database-url", "DATABASE_URL", CONFIG_TEXT, offsetof(struct settings, database_url),
     "postgresql://localhost/bench", 0, 0, "", true, "a database of its own"},
    {"batch", "BENCH_BATCH", CONFIG_INT, offsetof(struct settings, batch), "256", 1, BATCH_MAX,
     "orders", false, "orders a transaction"},
    {"orders", "BENCH_ORDERS", CONFIG_INT, offsetof(struct settings, orders), "51200", 1, 100000000,
     "orders", false, "of each kind"},
    {"products", "BENCH_PRODUCTS", CONFIG_INT, offsetof(struct settings, products), "1000", 1,
     PRODUCTS_MAX, "products", false, "that they are spread over"},
};

static struct event events[BATCH_MAX];
static struct order_line lines[BATCH_MAX];
static struct stored_event stored[BATCH_MAX];
static char product_ids[PRODUCTS_MAX][32];
static int64_t quantities[PRODUCTS_MAX];
static struct postgres_link *link;
static struct arena arena;

static void stop_if(enum status status, const struct failure *failure)
{
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "bench_persist: %s (%s)\n", failure->message,
                      link != NULL ? postgres_link_detail(link) : "");
        exit(EXIT_FAILURE);
    }
}

static void exchange(void)
{
    const struct postgres_result *const *results;
    struct failure failure;
    stop_if(postgres_link_flush(link, 0, &results, &failure), &failure);
}

static void make_products(const struct settings *settings)
{
    static const struct postgres_statement STOCK = {
        "bench_products", "INSERT INTO stock (product_id, on_hand, reserved)"
                          " SELECT unnest($1::text[]), $2::bigint, 0 ON CONFLICT DO NOTHING"};
    arena_reset(&arena);
    struct postgres_array ids;
    postgres_array_init(&ids, POSTGRES_TEXT, &arena, (size_t)settings->products);
    for (int64_t i = 0; i < settings->products; i++) {
        (void)snprintf(product_ids[i], sizeof product_ids[i], "bench-%" PRId64, i);
        postgres_array_add_text(&ids, product_ids[i]);
    }
    struct postgres_parameter parameters[] = {postgres_array_parameter(&ids),
                                              postgres_int8(&arena, ON_HAND)};
    postgres_link_add(link, &STOCK, parameters, 2);
    exchange();
}

static void make_batch(const struct settings *settings)
{
    const struct clock *clock = clock_system();
    int64_t now_us = clock_unix_us(clock);
    for (int64_t i = 0; i < settings->batch; i++) {
        lines[i] = (struct order_line){.product_id = product_ids[random() % settings->products],
                                       .quantity = 1,
                                       .unit_price_minor = 1999};
        events[i] = (struct event){
            .kind = EVENT_ORDER_CREATED,
            .event_id = uuid_v7(clock),
            .event_time_us = now_us,
            .actor = "bench",
            .call_id = "",
            .order = {.order_id = uuid_v7(clock),
                      .customer_id = "customer-4711",
                      .state = ORDER_CONFIRMED,
                      .lines = &lines[i],
                      .line_count = 1,
                      .currency = "EUR",
                      .total_minor = 1999,
                      .create_time_us = now_us,
                      .placed_time_us = now_us,
                      .order_ref = "",
                      .version = 1},
        };
        stored[i] = (struct stored_event){.event = &events[i]};
    }
}

/* ---- the barest way ---- */

static void add(const char *name, const char *sql, struct postgres_array *columns, size_t count)
{
    /* Statements live as long as the link knows their names. */
    static struct postgres_statement statements[8];
    static size_t known;
    size_t at = 0;
    while (at < known && statements[at].name != name) {
        at++;
    }
    if (at == known) {
        statements[known++] = (struct postgres_statement){name, sql};
    }
    struct postgres_parameter *parameters = arena_calloc(&arena, count, sizeof *parameters);
    for (size_t i = 0; i < count; i++) {
        parameters[i] = postgres_array_parameter(&columns[i]);
    }
    postgres_link_add(link, &statements[at], parameters, count);
}

static void init_columns(struct postgres_array *columns, const enum postgres_type *types,
                         size_t count, int64_t rows)
{
    for (size_t i = 0; i < count; i++) {
        postgres_array_init(&columns[i], types[i], &arena, (size_t)rows);
    }
}

static void add_raw_orders(int64_t count)
{
    static const enum postgres_type TYPES[] = {
        POSTGRES_UUID,        POSTGRES_INT4,       POSTGRES_UUID, POSTGRES_INT4,
        POSTGRES_TIMESTAMPTZ, POSTGRES_TEXT,       POSTGRES_TEXT, POSTGRES_INT4,
        POSTGRES_TEXT,        POSTGRES_INT8,       POSTGRES_TEXT, POSTGRES_BYTEA,
        POSTGRES_TIMESTAMPTZ, POSTGRES_TIMESTAMPTZ};
    struct postgres_array columns[14];
    init_columns(columns, TYPES, 14, count);
    for (int64_t i = 0; i < count; i++) {
        const struct order *order = &events[i].order;
        postgres_array_add_uuid(&columns[0], &order->order_id);
        postgres_array_add_int(&columns[1], order->version);
        postgres_array_add_uuid(&columns[2], &events[i].event_id);
        postgres_array_add_int(&columns[3], events[i].kind);
        postgres_array_add_unix_us(&columns[4], events[i].event_time_us);
        postgres_array_add_text(&columns[5], events[i].actor);
        postgres_array_add_text(&columns[6], order->customer_id);
        postgres_array_add_int(&columns[7], order->state);
        postgres_array_add_text(&columns[8], order->currency);
        postgres_array_add_int(&columns[9], order->total_minor);
        postgres_array_add_text(&columns[10], order->order_ref);
        postgres_array_add_bytes(&columns[11], bytes_of(events[i].request_hash, 16));
        postgres_array_add_unix_us(&columns[12], order->create_time_us);
        postgres_array_add_unix_us(&columns[13], order->placed_time_us);
    }
    add("raw_events",
        "INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor)"
        " SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::int[], $5::timestamptz[],"
        " $6::text[])",
        columns, 6);
    struct postgres_array orders[10] = {columns[0],  columns[1], columns[6],  columns[7],
                                        columns[8],  columns[9], columns[10], columns[11],
                                        columns[12], columns[13]};
    add("raw_orders",
        "INSERT INTO orders (order_id, version, customer_id, state, currency, total_minor,"
        " order_ref, request_hash, create_time, placed_time)"
        " SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::text[],"
        " $6::bigint[], $7::text[], $8::bytea[], $9::timestamptz[], $10::timestamptz[])",
        orders, 10);
}

static void add_raw_lines(int64_t count)
{
    static const enum postgres_type TYPES[] = {POSTGRES_UUID, POSTGRES_INT4, POSTGRES_TEXT,
                                               POSTGRES_INT4, POSTGRES_INT8};
    struct postgres_array columns[5];
    init_columns(columns, TYPES, 5, count);
    for (int64_t i = 0; i < count; i++) {
        postgres_array_add_uuid(&columns[0], &events[i].order.order_id);
        postgres_array_add_int(&columns[1], 1);
        postgres_array_add_text(&columns[2], lines[i].product_id);
        postgres_array_add_int(&columns[3], lines[i].quantity);
        postgres_array_add_int(&columns[4], lines[i].unit_price_minor);
    }
    add("raw_lines",
        "INSERT INTO order_lines (order_id, line_number, product_id, quantity, unit_price_minor)"
        " SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::int[], $5::bigint[])",
        columns, 5);
}

static void add_raw_stock(const struct settings *settings)
{
    static const enum postgres_type TYPES[] = {POSTGRES_TEXT, POSTGRES_INT8};
    struct postgres_array columns[2];
    init_columns(columns, TYPES, 2, settings->batch);
    memset(quantities, 0, (size_t)settings->products * sizeof *quantities);
    for (int64_t i = 0; i < settings->batch; i++) {
        quantities[(lines[i].product_id - product_ids[0]) / (ptrdiff_t)sizeof product_ids[0]]++;
    }
    for (int64_t i = 0; i < settings->products; i++) {
        if (quantities[i] > 0) {
            postgres_array_add_text(&columns[0], product_ids[i]);
            postgres_array_add_int(&columns[1], quantities[i]);
        }
    }
    add("raw_stock",
        "UPDATE stock SET reserved = reserved + d.quantity"
        " FROM unnest($1::text[], $2::bigint[]) AS d(product_id, quantity)"
        " WHERE stock.product_id = d.product_id",
        columns, 2);
}

static void write_raw(const struct settings *settings)
{
    arena_reset(&arena);
    add("raw_begin", "BEGIN", NULL, 0);
    add_raw_orders(settings->batch);
    add_raw_lines(settings->batch);
    add_raw_stock(settings);
    add("raw_commit", "COMMIT", NULL, 0);
    exchange();
}

/* ---- the worker's way ---- */

static void write_store(const struct settings *settings, struct event_store *store)
{
    struct event_write write = {.events = stored, .event_count = (size_t)settings->batch};
    struct failure failure;
    enum status status = event_store_write(store, &write, &failure);
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "bench_persist: %s\n", event_store_detail(store));
    }
    stop_if(status, &failure);
    for (int64_t i = 0; i < settings->batch; i++) {
        if (stored[i].outcome != EVENT_STORED) {
            (void)fprintf(stderr, "bench_persist: an order was not stored\n");
            exit(EXIT_FAILURE);
        }
    }
}

static void run(const struct settings *settings, struct event_store *store)
{
    int64_t busy_us[2] = {0};
    int64_t batches = (settings->orders + settings->batch - 1) / settings->batch;
    /* Each kind warms up for a batch; turns keep a slow moment from hitting only one of them. */
    for (int64_t i = -1; i < batches; i++) {
        for (int64_t turn = 0; turn < 2; turn++) {
            bool raw = ((i + TURN_BATCHES) / TURN_BATCHES + turn) % 2 == 0;
            make_batch(settings);
            int64_t begin_us = clock_monotonic_us(clock_system());
            if (raw) {
                write_raw(settings);
            } else {
                write_store(settings, store);
            }
            busy_us[raw] += i < 0 ? 0 : clock_monotonic_us(clock_system()) - begin_us;
        }
    }
    double orders = (double)(batches * settings->batch) * 1e6;
    (void)printf("{\"batch\":%" PRId64 ",\"products\":%" PRId64 ",\"orders\":%" PRId64
                 ",\"orders_per_second\":%.0f,\"raw_orders_per_second\":%.0f,\"ratio\":%.3f}\n",
                 settings->batch, settings->products, batches * settings->batch,
                 orders / (double)busy_us[0], orders / (double)busy_us[1],
                 (double)busy_us[1] / (double)busy_us[0]);
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct failure failure;
    stop_if(config_load(TABLE, sizeof TABLE / sizeof *TABLE, &settings, argc, argv, &failure),
            &failure);
    arena_init(&arena, 1 << 20, 256 << 20);
    struct event_store *store =
        event_store_create(settings.database_url, "s0", "bench_persist", clock_system());
    link = postgres_link_create(&(struct postgres_link_options){
        .url = settings.database_url,
        .connect_timeout_ms = 3000,
        .statement_timeout_ms = 60000,
        .application_name = "bench_persist",
        .clock = clock_system(),
    });
    if (store == NULL || link == NULL) {
        return EXIT_FAILURE;
    }
    make_products(&settings);
    run(&settings, store);
    postgres_link_destroy(&link);
    event_store_destroy(&store);
    arena_fini(&arena);
    return EXIT_SUCCESS;
}
