/* Bench: how long it takes to compare PostgreSQL's own books (server/audit_books.h).
 *     bench_books [--orders N] [--products N]
 * Makes a database of its own (TEST_DATABASE_URL, as the integration tests) and fills it by SQL:
 * orders of two lines, half of them fulfilled, and an entry of the ledger for each product. Prints
 * the steps of a walk, how long all of them, the median and the longest took, and the generic plan
 * of a step in the middle, which is what a prepared statement gets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/audit_books.h"
#include "server/audit_books_sql.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench_store.h"

#define STEPS_MAX 100000

static struct bench_store store;

static void fill(long long orders, long long products)
{
    static char sql[4096];
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO stock SELECT 'product-' || lpad(n::text, 6, '0'), 1000000, 0"
        " FROM generate_series(1, %lld) n;"
        "INSERT INTO stock_ledger SELECT gen_random_uuid(), gen_random_uuid(), product_id, 1000000,"
        " 1000000, 0, 'initial', '', 'a', now() FROM stock;"
        "INSERT INTO orders (order_id, customer_id, state, version, currency, total_minor,"
        " order_ref, request_hash, create_time, placed_time) SELECT"
        " (lpad(to_hex(n), 12, '0') || '70008000' || lpad(to_hex(n * 7919 %% 65536), 12, '0'))"
        "::uuid, 'c-' || n %% 9973, CASE n %% 2 WHEN 1 THEN 4 ELSE 2 END, 1 + n %% 2, 'EUR', 200,"
        " 'ref-' || n, '\\x000102030405060708090a0b0c0d0e0f', to_timestamp(1700000000 + n / 10.0),"
        " to_timestamp(1700000000 + n / 10.0) FROM generate_series(1, %lld::bigint) n;"
        "INSERT INTO order_lines (order_id, line_number, product_id, quantity, unit_price_minor,"
        " fulfilled_quantity) SELECT order_id, l, 'product-' || lpad((1 + (extract(epoch FROM "
        "create_time) * 10 * l)::bigint * 7919 %% %lld)::text, 6, '0'), 2, 100,"
        " CASE state WHEN 4 THEN 2 ELSE 0 END FROM orders, generate_series(1, 2) l;"
        "INSERT INTO order_events (order_id, version, event_id, kind, event_time, actor, to_state,"
        " line_numbers, line_quantities) SELECT order_id, v, gen_random_uuid(), CASE v WHEN 1 THEN "
        "0 ELSE 5 END, create_time, 'a', state, CASE v WHEN 2 THEN '{1,2}'::int[] END,"
        " CASE v WHEN 2 THEN '{2,2}'::int[] END FROM orders, generate_series(1, version) v;"
        "UPDATE stock SET on_hand = m.h, reserved = m.r FROM (SELECT product_id,"
        " sum(delta_on_hand) AS h, sum(delta_reserved) AS r FROM stock_movements GROUP BY 1) m"
        " WHERE m.product_id = stock.product_id",
        products, orders, products);
    database_execute(&store.database, sql);
    static const char *const tables[] = {"stock", "stock_ledger", "orders", "order_lines",
                                         "order_events"};
    bench_store_vacuum(&store, tables, sizeof tables / sizeof tables[0]);
}

static void found(void *state, const struct audit_book *book)
{
    (void)book;
    (*(size_t *)state)++;
}

static void walk(void)
{
    static int64_t took[STEPS_MAX];
    size_t steps = 0, wrong = 0;
    struct audit_books_options options = {AUDIT_BOOKS_PRODUCTS_MAX, AUDIT_BOOKS_ORDERS_MAX, found,
                                          &wrong};
    struct audit_books *books = NULL;
    struct failure failure;
    bool done = false;
    int64_t begin_us = bench_now_us();
    enum status status = audit_books_begin(store.link, &options, &books, &failure);
    while (status == STATUS_OK && !done && steps < STEPS_MAX) {
        int64_t from_us = bench_now_us();
        status = audit_books_step(books, 0, &done, &failure);
        took[steps++] = bench_now_us() - from_us;
    }
    audit_books_destroy(&books);
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "bench_books: %s: %s\n", failure.reason, failure.message);
        exit(1);
    }
    int64_t all_us = bench_now_us() - begin_us;
    int64_t median_us = bench_median(took, steps); /* and the longest is the last */
    (void)printf("%zu steps, %zu wrong: %.2f s in all, median %.1f ms, longest %.1f ms\n", steps,
                 wrong, (double)all_us / 1e6, (double)median_us / 1e3,
                 (double)took[steps - 1] / 1e3);
}

static void explain(long long orders)
{
    char arguments[256];
    (void)snprintf(arguments, sizeof arguments,
                   "((lpad(to_hex(%lld), 12, '0') || '70008000000000000000')::uuid, "
                   "(lpad(to_hex(%lld), 12, '0') || '70008000000000000000')::uuid)",
                   orders / 2, orders / 2 + AUDIT_BOOKS_ORDERS_MAX);
    bench_store_explain(&store, "a step in the middle", &AUDIT_BOOKS_ORDERS, arguments);
}

int main(int argc, char **argv)
{
    long long orders = 1000000, products = 100000;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--orders") == 0 && i + 1 < argc) {
            orders = strtoll(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--products") == 0 && i + 1 < argc) {
            products = strtoll(argv[++i], NULL, 10);
        } else {
            (void)fprintf(stderr, "usage: bench_books [--orders N] [--products N]\n");
            return 2;
        }
    }
    bench_store_create(&store, "bench_books");
    fill(orders, products);
    walk();
    walk();
    explain(orders);
    bench_store_destroy(&store);
    return 0;
}
