/* Fuzz: any bytes as a file of `orderctl import orders`: rows, columns, groups, the rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/order_group.h"

#define NOW_US      (INT64_C(1800000000) * 1000000)
#define ARENA_BYTES (512UL * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_rows(struct csv_table *table, size_t size);
static void end_group(struct order_group *group);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *file = size == 0 ? NULL : fmemopen((void *)(uintptr_t)data, size, "r");
    if (file == NULL) {
        return 0;
    }
    struct arena arena;
    struct failure failure;
    struct csv_table table;
    arena_init(&arena, ARENA_BYTES, ARENA_BYTES);
    struct csv *csv = csv_create(&arena, file);
    if (csv == NULL) {
        abort();
    }
    if (csv_table_open(&table, csv, ORDER_GROUP_COLUMNS, ORDER_GROUP_COLUMN_COUNT, &failure) ==
        STATUS_OK) {
        read_rows(&table, size);
    }
    if (csv_bytes(csv) > size) {
        abort();
    }
    arena_fini(&arena);
    (void)fclose(file);
    return 0;
}

static void read_rows(struct csv_table *table, size_t size)
{
    static struct order_group group; /* large */
    struct csv_values values;
    size_t rows = 0, line = 0;
    enum csv_result result;
    while ((result = csv_table_next(table, &values)) == CSV_ROW || result == CSV_BAD) {
        if (++rows > size || values.line <= line) {
            abort(); /* each row is of a later line, and there are no more than bytes */
        }
        line = values.line;
        if (!order_group_takes(&group, &values)) {
            end_group(&group);
        }
        order_group_add(&group, &values, result == CSV_BAD ? values.problem : NULL);
    }
    end_group(&group);
    order_group_fini(&group);
    memset(&group, 0, sizeof group);
}

static void end_group(struct order_group *group)
{
    struct failure failure;
    size_t line = 0;
    if (group->open) {
        (void)order_group_check(group, NOW_US, &failure, &line);
    }
    order_group_reset(group);
}
