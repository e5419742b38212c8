/* Row columns: the arrays that one statement unnests, a row an element.
 * Used by event_rows.c and change_rows.c. */
#pragma once

#include "worker/event_rows.h"

#define COLUMNS_MAX 20

struct columns {
    struct postgres_array arrays[COLUMNS_MAX];
    size_t count;
};

void columns_init(struct columns *columns, const enum postgres_type *types, size_t count,
                  struct arena *arena, size_t rows);
/* Returns where its result will be. */
size_t columns_add(struct columns *columns, struct event_rows *rows,
                   const struct postgres_statement *statement);
