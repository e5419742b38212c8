/* See store_fixture.h. */
#include "tests/integration/store_fixture.h"

#include <stdio.h>

#include "tests/cmocka_all.h"

struct database database;
struct postgres_link *link_of_test, *other_link;
struct arena arena;
struct failure failure;

int store_fixture_setup(void **state)
{
    (void)state;
    database_create(&database);
    struct postgres_link_options options = {
        .url = database.url,
        .connect_timeout_ms = 10000,
        .statement_timeout_ms = 10000,
        .application_name = "test",
        .clock = clock_system(),
    };
    link_of_test = postgres_link_create(&options);
    other_link = postgres_link_create(&options);
    arena_init(&arena, 65536, 64 << 20);
    return link_of_test == NULL || other_link == NULL;
}

int store_fixture_teardown(void **state)
{
    (void)state;
    postgres_link_destroy(&link_of_test);
    postgres_link_destroy(&other_link);
    arena_fini(&arena);
    database_drop(&database);
    return 0;
}

int64_t soon(void)
{
    return clock_monotonic_ms(clock_system()) + 10000;
}

struct uuid make_id(uint8_t first, uint8_t last)
{
    struct uuid id = {{0}};
    id.bytes[0] = first;
    id.bytes[6] = 0x80;
    id.bytes[8] = 0x80;
    id.bytes[15] = last;
    return id;
}

void store_fixture_create_products(size_t count)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO products (product_id, display_name, unit_price_minor, currency,"
                   " request_id, request_hash, create_time, update_time)"
                   " SELECT 'p-' || lpad(n::text, 4, '0'), 'x', n, 'EUR', 'r', '', now(), now()"
                   " FROM generate_series(1, %zu) n",
                   count);
    database_execute(&database, sql);
    database_execute(&database, "INSERT INTO stock SELECT product_id, unit_price_minor, 0 "
                                "FROM products");
}
