/* Binary parameters for postgres_link: arrays that a statement unnests, a row an element.
 * Always: memory comes from the arena; when that is full the array's and the parameter's `failed`
 * is set, and the flush that gets such a parameter sends nothing (RESOURCE_EXHAUSTED): nobody has
 * to check in between. */
#pragma once

#include "base/arena.h"
#include "base/uuid.h"
#include "postgres/postgres_link.h"

enum postgres_type {
    POSTGRES_INT8,
    POSTGRES_INT4,
    POSTGRES_TEXT,
    POSTGRES_BYTEA,
    POSTGRES_UUID,
    POSTGRES_TIMESTAMPTZ,
};

struct postgres_array {
    struct arena *arena;
    enum postgres_type type;
    uint8_t *data;
    size_t size, room;
    uint32_t count;
    bool has_null, failed;
};

void postgres_array_init(struct postgres_array *array, enum postgres_type type, struct arena *arena,
                         size_t expected_count);
void postgres_array_add_int(struct postgres_array *array, int64_t value);     /* INT8, INT4 */
void postgres_array_add_text(struct postgres_array *array, const char *text); /* NULL = SQL NULL */
void postgres_array_add_bytes(struct postgres_array *array, struct bytes bytes); /* never NULL */
void postgres_array_add_uuid(struct postgres_array *array, const struct uuid *uuid); /* or NULL */
void postgres_array_add_unix_us(struct postgres_array *array, int64_t unix_us);
bool postgres_array_failed(const struct postgres_array *array);
struct postgres_parameter postgres_array_parameter(struct postgres_array *array);

/* Single values. */
struct postgres_parameter postgres_int8(struct arena *arena, int64_t value);
struct postgres_parameter postgres_text(const char *text);        /* borrowed; NULL = SQL NULL */
struct postgres_parameter postgres_uuid(const struct uuid *uuid); /* borrowed; or NULL */
struct postgres_parameter postgres_timestamptz(struct arena *arena, int64_t unix_us);
