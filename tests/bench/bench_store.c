/* See bench_store.h. */
#include "tests/bench/bench_store.h"

#include <stdio.h>
#include <stdlib.h>

#define SQL_BYTES (16 * 1024)

void bench_store_create(struct bench_store *store, const char *name)
{
    database_create(&store->database);
    store->link =
        postgres_link_create(&(struct postgres_link_options){.url = store->database.url,
                                                             .connect_timeout_ms = 5000,
                                                             .statement_timeout_ms = 60000,
                                                             .application_name = name,
                                                             .clock = clock_system()});
    database_execute(&store->database, "SET plan_cache_mode = force_generic_plan");
}

void bench_store_destroy(struct bench_store *store)
{
    postgres_link_destroy(&store->link);
    database_drop(&store->database);
}

void bench_store_vacuum(struct bench_store *store, const char *const *tables, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char sql[80];
        (void)snprintf(sql, sizeof sql, "VACUUM ANALYZE %s", tables[i]);
        database_execute(&store->database, sql);
    }
}

void bench_store_explain(struct bench_store *store, const char *title,
                         const struct postgres_statement *statement, const char *arguments)
{
    static char sql[SQL_BYTES];
    (void)snprintf(sql, sizeof sql, "PREPARE explained AS %s", statement->sql);
    database_execute(&store->database, sql);
    (void)snprintf(sql, sizeof sql,
                   "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) EXECUTE "
                   "explained %s",
                   arguments);
    char *plan = database_rows(&store->database, sql);
    (void)printf("\n%s:\n%s", title, plan);
    free(plan);
    database_execute(&store->database, "DEALLOCATE explained");
}

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

int64_t bench_median(int64_t *values, size_t count)
{
    qsort(values, count, sizeof values[0], compare);
    return values[count / 2];
}
