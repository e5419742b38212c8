/* Bench: pages of ListOrders over many orders, at several depths and with several filters.
 *     bench_lists [--orders N] [--explain]
 * Makes a database of its own (TEST_DATABASE_URL, as the integration tests), fills it by SQL and
 * asks the server's own reader for pages. A line for each filter and depth: the median of 15 pages
 * and its ratio to the first page of the same filter. --explain prints PostgreSQL's generic plans,
 * which are what prepared statements get. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/order_list_sql.h"
#include "server/order_reader.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench_store.h"

#define ROUNDS       15
#define PAGE_SIZE    50
#define ORDERS_USUAL 1000000
#define DEPTHS       5
#define ALL_STATES   UINT32_MAX
#define END_US       INT64_C(253402300800000000)

struct question {
    const char *name, *customer, *product;
    uint32_t states;
    const struct postgres_statement *statement;
    const char *arguments; /* behind the first eight, of EXPLAIN */
};

static struct bench_store store;
static struct arena arena;
static long long order_count = ORDERS_USUAL;

static const struct question QUESTIONS[] = {
    {"all", "", "", ALL_STATES, &ORDER_LIST_ALL, ""},
    {"a customer of 100 orders", "c-7", "", ALL_STATES, &ORDER_LIST_CUSTOMER, ", 'c-7'"},
    {"a customer of 1/10 of all", "big", "", ALL_STATES, &ORDER_LIST_CUSTOMER, ", 'big'"},
    {"state FULFILLED, 9 of 10", "", "", 1 << ORDER_FULFILLED, &ORDER_LIST_ALL, ""},
    {"state PENDING, 1 of 1,000", "", "", 1 << ORDER_PENDING, &ORDER_LIST_ALL, ""},
    {"state REJECTED, none", "", "", 1 << ORDER_REJECTED, &ORDER_LIST_ALL, ""},
    {"a product of 1 of 100", "", "p-5", ALL_STATES, &ORDER_LIST_PRODUCT, ", 'p-5'"},
    {"a product of no order", "", "none", ALL_STATES, &ORDER_LIST_PRODUCT, ", 'none'"},
    {"big customer and product", "big", "p-5", ALL_STATES, &ORDER_LIST_BOTH, ", 'big', 'p-5'"},
};
#define QUESTION_COUNT (sizeof QUESTIONS / sizeof QUESTIONS[0])

/* Time-ordered ids, ten orders a second, two lines each. */
static void fill(void)
{
    char sql[1024];
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO orders (order_id, customer_id, state, version, currency, total_minor, "
        "order_ref, request_hash, create_time, placed_time) SELECT "
        "(lpad(to_hex(n), 12, '0') || '7000' || '8000' || lpad(to_hex(n::bigint * 7919 %% 65536), "
        "12, '0'))"
        "::uuid, CASE WHEN n %% 10 = 0 THEN 'big' ELSE 'c-' || n %% %lld END, "
        "CASE WHEN n %% 1000 = 1 THEN 1 WHEN n %% 10 = 2 THEN 2 ELSE 4 END, 1, 'EUR', 200, "
        "'ref-' || n, '\\x000102030405060708090a0b0c0d0e0f', "
        "to_timestamp(1700000000 + n / 10.0), to_timestamp(1700000000 + n / 10.0) "
        "FROM generate_series(1, %lld) n",
        order_count / 100, order_count);
    database_execute(&store.database, sql);
    database_execute(
        &store.database,
        "INSERT INTO order_lines (order_id, line_number, product_id, quantity, "
        "unit_price_minor) SELECT order_id, l, 'p-' || (extract(epoch FROM create_time)"
        "::bigint * l) % 100, 1, 100 FROM orders, generate_series(1, 2) l");
    static const char *const tables[] = {"orders", "order_lines"};
    bench_store_vacuum(&store, tables, sizeof tables / sizeof tables[0]);
}

static struct order_page ask(const struct order_page_filter *filter)
{
    struct order_page page;
    struct failure failure;
    arena_reset(&arena);
    if (order_reader_list(store.link, filter, &arena, 0, &page, &failure) != STATUS_OK) {
        (void)fprintf(stderr, "bench_lists: %s: %s\n", failure.reason, failure.message);
        exit(1);
    }
    return page;
}

/* How long a page takes behind `skipped` of all orders, and how many it has. */
static int64_t measure(const struct question *question, long long skipped, size_t *rows_out)
{
    struct order_page_filter filter = {.asked = {.customer_id = question->customer,
                                                 .product_id = question->product,
                                                 .states = question->states,
                                                 .create_to_us = END_US,
                                                 .placed_to_us = END_US},
                                       .most = PAGE_SIZE};
    filter.after = order_reader_first(&filter.asked);
    if (skipped > 0) {
        filter.after.create_time_us =
            (1700000000 + (order_count - skipped) / 10) * INT64_C(1000000);
    }
    int64_t took[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        int64_t from_us = bench_now_us();
        *rows_out = ask(&filter).count;
        took[i] = bench_now_us() - from_us;
    }
    return bench_median(took, ROUNDS);
}

static void explain(const struct question *question)
{
    char title[64], arguments[512];
    (void)snprintf(title, sizeof title, "%s, a page in the middle", question->name);
    (void)snprintf(arguments, sizeof arguments,
                   "(to_timestamp(%lld), '00000000-0000-0000-0000-000000000000', '-infinity', %d, "
                   "%lld, '-infinity', 'infinity', %d%s)",
                   1700000000 + order_count / 20, ORDER_PAGE_SCAN_MAX, (long long)question->states,
                   PAGE_SIZE + 1, question->arguments);
    bench_store_explain(&store, title, question->statement, arguments);
}

int main(int argc, char **argv)
{
    bool explains = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--explain") == 0) {
            explains = true;
        } else if (strcmp(argv[i], "--orders") == 0 && i + 1 < argc) {
            order_count = strtoll(argv[++i], NULL, 10);
        } else {
            (void)fprintf(stderr, "usage: bench_lists [--orders N] [--explain]\n");
            return 2;
        }
    }
    bench_store_create(&store, "bench_lists");
    arena_init(&arena, 1024 * 1024, 64 * 1024 * 1024);
    fill();
    static const long long per_mille[DEPTHS] = {0, 10, 250, 500, 900};
    (void)printf("| orders | filter | behind | rows | us | ratio |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < QUESTION_COUNT; i++) {
        int64_t first_us = 0;
        for (size_t at = 0; at < DEPTHS; at++) {
            size_t rows;
            long long skipped = order_count / 1000 * per_mille[at];
            int64_t us = measure(&QUESTIONS[i], skipped, &rows);
            first_us = at == 0 ? us : first_us;
            (void)printf("| %lld | %s | %lld | %zu | %lld | %.2f |\n", order_count,
                         QUESTIONS[i].name, skipped, rows, (long long)us,
                         (double)us / (double)first_us);
        }
    }
    for (size_t i = 0; explains && i < QUESTION_COUNT; i++) {
        explain(&QUESTIONS[i]);
    }
    arena_fini(&arena);
    bench_store_destroy(&store);
    return 0;
}
