/* Bench: pages of a product's movements among many (server/movements.h).
 *     bench_movements [--orders N] [--explain]
 * Makes a database of its own (TEST_DATABASE_URL, as the integration tests) and fills it by SQL:
 * orders of two lines, all fulfilled; every third order has one of the product "hot", which so
 * moves 2/3 N times. A line for each depth: the median of 15 pages of 50, by the server's own
 * reader and, for comparison, read from the view stock_movements. --explain prints PostgreSQL's
 * generic plan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/movements.h"
#include "server/movements_list_sql.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench_store.h"

#define ROUNDS    15
#define PAGE_SIZE 50
#define BEGIN_S   1700000000LL
#define END_US    INT64_C(253402300799000000)

static struct bench_store store;
static struct arena arena;
static long long order_count = 300000;

/* Ten orders a second, each fulfilled an hour later. */
static void fill(void)
{
    static char sql[4096];
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO stock_ledger SELECT gen_random_uuid(), gen_random_uuid(), 'hot', 1000000,"
        " 1000000, 0, 'initial', '', 'a', to_timestamp(%lld);"
        "INSERT INTO orders (order_id, customer_id, state, version, currency, total_minor,"
        " order_ref, request_hash, create_time, placed_time) SELECT"
        " (lpad(to_hex(n), 12, '0') || '70008000' || lpad(to_hex(n * 7919 %% 65536), 12, '0'))"
        "::uuid, 'c-' || n %% 9973, 4, 2, 'EUR', 200, 'ref-' || n,"
        " '\\x000102030405060708090a0b0c0d0e0f', to_timestamp(%lld + n / 10.0),"
        " to_timestamp(%lld + n / 10.0) FROM generate_series(1, %lld::bigint) n;"
        "INSERT INTO order_lines (order_id, line_number, product_id, quantity, unit_price_minor,"
        " fulfilled_quantity) SELECT order_id, l, CASE WHEN l = 1 AND (extract(epoch FROM "
        "create_time) * 10)::bigint %% 3 = 0 THEN 'hot' ELSE 'p-' || (extract(epoch FROM "
        "create_time) * 10 * l)::bigint %% 1000 END, 1, 100, 1 FROM orders, generate_series(1, 2) "
        "l;"
        "INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor, to_state,"
        " line_numbers, line_quantities) SELECT order_id, v, gen_random_uuid(), CASE v WHEN 1 THEN "
        "0 ELSE 5 END, create_time + (v - 1) * interval '1 hour', 'a', 4, CASE v WHEN 2 THEN"
        " '{1,2}'::int[] END, CASE v WHEN 2 THEN '{1,1}'::int[] END"
        " FROM orders, generate_series(1, 2) v",
        BEGIN_S, BEGIN_S, BEGIN_S, order_count);
    database_execute(&store.database, sql);
    static const char *const tables[] = {"stock_ledger", "orders", "order_lines", "order_events"};
    bench_store_vacuum(&store, tables, sizeof tables / sizeof tables[0]);
}

static int64_t measure_reader(const char *product_id, int64_t from_us, size_t *rows_out)
{
    int64_t took[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        struct movement_position after = {.event_time_us = from_us, .line_number = -1};
        struct movement_page page;
        struct failure failure;
        int64_t begin_us = bench_now_us();
        arena_reset(&arena);
        if (movements_list(store.link, product_id, &after, END_US, PAGE_SIZE, MOVEMENTS_LOOKS_MAX,
                           &arena, 0, &page, &failure) != STATUS_OK) {
            (void)fprintf(stderr, "bench_movements: %s: %s\n", failure.reason, failure.message);
            exit(1);
        }
        *rows_out = page.count;
        took[i] = bench_now_us() - begin_us;
    }
    return bench_median(took, ROUNDS);
}

static int64_t measure_view(const char *product_id, int64_t from_us)
{
    char sql[512];
    int64_t begin_us = bench_now_us();
    (void)snprintf(sql, sizeof sql,
                   "SELECT * FROM stock_movements WHERE product_id = '%s' AND event_time >="
                   " to_timestamp(%lld) ORDER BY event_time, event_id, line_number LIMIT %d",
                   product_id, (long long)(from_us / 1000000), PAGE_SIZE);
    free(database_rows(&store.database, sql));
    return bench_now_us() - begin_us;
}

static void explain(const char *product_id, int64_t from_us)
{
    char arguments[256];
    (void)snprintf(arguments, sizeof arguments,
                   "('%s', to_timestamp(%lld), '00000000-0000-0000-0000-000000000000', -1, "
                   "'infinity', %d, %d)",
                   product_id, (long long)(from_us / 1000000), MOVEMENTS_LOOKS_MAX, PAGE_SIZE + 1);
    bench_store_explain(&store, product_id, &MOVEMENTS_LIST, arguments);
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
            (void)fprintf(stderr, "usage: bench_movements [--orders N] [--explain]\n");
            return 2;
        }
    }
    bench_store_create(&store, "bench_movements");
    arena_init(&arena, 1024 * 1024, 64 * 1024 * 1024);
    fill();
    static const char *const products[] = {"hot", "p-7", "none"};
    static const long long per_cent[] = {0, 50, 95};
    (void)printf("| product | of all orders before it | rows | us | us by the view |\n"
                 "|---|---:|---:|---:|---:|\n");
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
        for (size_t at = 0; at < sizeof per_cent / sizeof per_cent[0]; at++) {
            size_t rows;
            int64_t from_us = (BEGIN_S + order_count / 1000 * per_cent[at]) * 1000000;
            int64_t us = measure_reader(products[i], from_us, &rows);
            (void)printf("| %s | %lld %% | %zu | %lld | %lld |\n", products[i], per_cent[at], rows,
                         (long long)us, (long long)measure_view(products[i], from_us));
        }
    }
    for (size_t i = 0; explains && i < sizeof products / sizeof products[0]; i++) {
        explain(products[i], (BEGIN_S + order_count / 1000 * 50) * 1000000);
    }
    arena_fini(&arena);
    bench_store_destroy(&store);
    return 0;
}
