/* See row_columns.h, and event_rows.h for event_rows_add. */
#include "worker/row_columns.h"

#include <assert.h>

void columns_init(struct columns *columns, const enum postgres_type *types, size_t count,
                  struct arena *arena, size_t rows)
{
    assert(count <= COLUMNS_MAX);
    columns->count = count;
    for (size_t i = 0; i < count; i++) {
        postgres_array_init(&columns->arrays[i], types[i], arena, rows);
    }
}

size_t columns_add(struct columns *columns, struct event_rows *rows,
                   const struct postgres_statement *statement)
{
    struct postgres_parameter parameters[COLUMNS_MAX];
    for (size_t i = 0; i < columns->count; i++) {
        parameters[i] = postgres_array_parameter(&columns->arrays[i]);
    }
    return event_rows_add(rows, statement, parameters, columns->count);
}

size_t event_rows_add(struct event_rows *rows, const struct postgres_statement *statement,
                      const struct postgres_parameter *parameters, size_t count)
{
    static const struct postgres_parameter FAILED = {.failed = true};
    /* They are borrowed until the exchange, and the caller's array ends before. */
    struct bytes kept = arena_copy(rows->arena, bytes_of(parameters, count * sizeof *parameters));
    if (kept.data == NULL && count > 0) {
        postgres_link_add(rows->link, statement, &FAILED, 1);
    } else {
        postgres_link_add(rows->link, statement, (const struct postgres_parameter *)kept.data,
                          count);
    }
    return rows->added++;
}
