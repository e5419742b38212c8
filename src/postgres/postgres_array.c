/* See postgres_array.h. The binary form of an array, all numbers big-endian:
 *   int32 dimensions (1; 0 when empty)   int32 has NULLs   int32 OID of the elements
 *   int32 count   int32 lower bound (1)   then per element int32 size (-1 = NULL) and the value */
#include "postgres/postgres_array.h"

#include <assert.h>
#include <endian.h>

#define HEADER_BYTES       20
#define EMPTY_HEADER_BYTES 12                       /* without count and lower bound */
#define EPOCH_UNIX_US      INT64_C(946684800000000) /* 2000-01-01, PostgreSQL's zero */
#define NULL_SIZE          UINT32_MAX

struct type {
    uint32_t oid;
    size_t usual_bytes; /* to guess the room by */
};

static const struct type TYPES[] = {
    [POSTGRES_INT8] = {20, 8},   [POSTGRES_INT4] = {23, 4},    [POSTGRES_TEXT] = {25, 24},
    [POSTGRES_BYTEA] = {17, 64}, [POSTGRES_UUID] = {2950, 16}, [POSTGRES_TIMESTAMPTZ] = {1184, 8},
};

static void add_element(struct postgres_array *array, const void *value, size_t size);
static void add_null(struct postgres_array *array);
static uint8_t *make_room(struct postgres_array *array, size_t need);
static void put32(uint8_t *to, uint32_t number);
static void put64(uint8_t *to, uint64_t number);
static struct postgres_parameter copy64(struct arena *arena, uint64_t number);

void postgres_array_init(struct postgres_array *array, enum postgres_type type, struct arena *arena,
                         size_t expected_count)
{
    *array = (struct postgres_array){.arena = arena, .type = type};
    if (make_room(array, HEADER_BYTES + expected_count * (4 + TYPES[type].usual_bytes)) != NULL) {
        array->size = HEADER_BYTES;
    }
}

void postgres_array_add_int(struct postgres_array *array, int64_t value)
{
    uint8_t bytes[8];
    if (array->type == POSTGRES_INT4) {
        assert(value >= INT32_MIN && value <= INT32_MAX);
        put32(bytes, (uint32_t)value);
        add_element(array, bytes, 4);
        return;
    }
    assert(array->type == POSTGRES_INT8);
    put64(bytes, (uint64_t)value);
    add_element(array, bytes, 8);
}

void postgres_array_add_text(struct postgres_array *array, const char *text)
{
    assert(array->type == POSTGRES_TEXT);
    if (text == NULL) {
        add_null(array);
        return;
    }
    add_element(array, text, strlen(text));
}

void postgres_array_add_bytes(struct postgres_array *array, struct bytes bytes)
{
    assert(array->type == POSTGRES_BYTEA || array->type == POSTGRES_TEXT);
    add_element(array, bytes.data, bytes.size);
}

void postgres_array_add_uuid(struct postgres_array *array, const struct uuid *uuid)
{
    assert(array->type == POSTGRES_UUID);
    if (uuid == NULL) {
        add_null(array);
        return;
    }
    add_element(array, uuid->bytes, sizeof uuid->bytes);
}

void postgres_array_add_unix_us(struct postgres_array *array, int64_t unix_us)
{
    assert(array->type == POSTGRES_TIMESTAMPTZ);
    uint8_t bytes[8];
    put64(bytes, (uint64_t)(unix_us - EPOCH_UNIX_US));
    add_element(array, bytes, 8);
}

bool postgres_array_failed(const struct postgres_array *array)
{
    return array->failed;
}

struct postgres_parameter postgres_array_parameter(struct postgres_array *array)
{
    if (array->failed) {
        return (struct postgres_parameter){.failed = true};
    }
    bool empty = array->count == 0;
    put32(array->data, empty ? 0 : 1);
    put32(array->data + 4, array->has_null ? 1 : 0);
    put32(array->data + 8, TYPES[array->type].oid);
    put32(array->data + 12, array->count);
    put32(array->data + 16, 1);
    return (struct postgres_parameter){
        .value = bytes_of(array->data, empty ? EMPTY_HEADER_BYTES : array->size)};
}

static void add_element(struct postgres_array *array, const void *value, size_t size)
{
    uint8_t *to = make_room(array, 4 + size);
    if (to == NULL) {
        return;
    }
    put32(to, (uint32_t)size);
    if (size > 0) {
        memcpy(to + 4, value, size);
    }
    array->size += 4 + size;
    array->count++;
}

static void add_null(struct postgres_array *array)
{
    uint8_t *to = make_room(array, 4);
    if (to != NULL) {
        put32(to, NULL_SIZE);
        array->size += 4;
        array->count++;
        array->has_null = true;
    }
}

/* Where `need` more bytes go, or NULL. Doubles into new memory of the arena, which keeps the old
 * until its reset: a good expected_count spares that. */
static uint8_t *make_room(struct postgres_array *array, size_t need)
{
    if (array->failed || need > INT32_MAX) {
        array->failed = true;
        return NULL;
    }
    if (array->room - array->size < need) {
        size_t room = array->size + need > 2 * array->room ? array->size + need : 2 * array->room;
        uint8_t *data = arena_alloc(array->arena, room);
        if (data == NULL) {
            array->failed = true;
            return NULL;
        }
        if (array->size > 0) {
            memcpy(data, array->data, array->size);
        }
        array->data = data;
        array->room = room;
    }
    return array->data + array->size;
}

static void put32(uint8_t *to, uint32_t number)
{
    number = htobe32(number);
    memcpy(to, &number, sizeof number);
}

static void put64(uint8_t *to, uint64_t number)
{
    number = htobe64(number);
    memcpy(to, &number, sizeof number);
}

/* ---- single values ---- */

struct postgres_parameter postgres_int8(struct arena *arena, int64_t value)
{
    return copy64(arena, (uint64_t)value);
}

struct postgres_parameter postgres_text(const char *text)
{
    return (struct postgres_parameter){.value =
                                           text != NULL ? bytes_of_text(text) : (struct bytes){0}};
}

struct postgres_parameter postgres_uuid(const struct uuid *uuid)
{
    return (struct postgres_parameter){
        .value = uuid != NULL ? bytes_of(uuid->bytes, sizeof uuid->bytes) : (struct bytes){0}};
}

struct postgres_parameter postgres_timestamptz(struct arena *arena, int64_t unix_us)
{
    return copy64(arena, (uint64_t)(unix_us - EPOCH_UNIX_US));
}

static struct postgres_parameter copy64(struct arena *arena, uint64_t number)
{
    uint8_t *bytes = arena_alloc(arena, 8);
    if (bytes == NULL) {
        return (struct postgres_parameter){.failed = true};
    }
    put64(bytes, number);
    return (struct postgres_parameter){.value = bytes_of(bytes, 8)};
}
