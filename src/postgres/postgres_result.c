/* See postgres_link.h: what a statement returned, in PostgreSQL's binary formats. */
#include <assert.h>
#include <endian.h>
#include <libpq-fe.h>

#include "postgres/postgres_inside.h"

#define EPOCH_UNIX_US INT64_C(946684800000000) /* 2000-01-01, PostgreSQL's zero */

size_t postgres_result_rows(const struct postgres_result *result)
{
    return (size_t)PQntuples(result->result);
}

bool postgres_result_is_null(const struct postgres_result *result, size_t row, size_t column)
{
    return PQgetisnull(result->result, (int)row, (int)column) != 0;
}

struct bytes postgres_result_bytes(const struct postgres_result *result, size_t row, size_t column)
{
    assert(row < postgres_result_rows(result));
    assert((int)column < PQnfields(result->result));
    return bytes_of(PQgetvalue(result->result, (int)row, (int)column),
                    (size_t)PQgetlength(result->result, (int)row, (int)column));
}

const char *postgres_result_text(const struct postgres_result *result, size_t row, size_t column)
{
    return (const char *)postgres_result_bytes(result, row, column).data;
}

int64_t postgres_result_int(const struct postgres_result *result, size_t row, size_t column)
{
    struct bytes bytes = postgres_result_bytes(result, row, column);
    uint16_t two;
    uint32_t four;
    uint64_t eight;
    switch (bytes.size) {
    case 1:
        return bytes.data[0];
    case sizeof two:
        memcpy(&two, bytes.data, sizeof two);
        return (int16_t)be16toh(two);
    case sizeof four:
        memcpy(&four, bytes.data, sizeof four);
        return (int32_t)be32toh(four);
    case sizeof eight:
        memcpy(&eight, bytes.data, sizeof eight);
        return (int64_t)be64toh(eight);
    default:
        assert(postgres_result_is_null(result, row, column));
        return 0;
    }
}

struct uuid postgres_result_uuid(const struct postgres_result *result, size_t row, size_t column)
{
    struct bytes bytes = postgres_result_bytes(result, row, column);
    struct uuid uuid = {0};
    assert(bytes.size == sizeof uuid.bytes || postgres_result_is_null(result, row, column));
    if (bytes.size == sizeof uuid.bytes) {
        memcpy(uuid.bytes, bytes.data, sizeof uuid.bytes);
    }
    return uuid;
}

int64_t postgres_result_unix_us(const struct postgres_result *result, size_t row, size_t column)
{
    struct bytes bytes = postgres_result_bytes(result, row, column);
    assert(bytes.size == 8 || postgres_result_is_null(result, row, column));
    if (bytes.size != 8) {
        return 0;
    }
    int64_t since_2000_us = postgres_result_int(result, row, column);
    return since_2000_us > INT64_MAX - EPOCH_UNIX_US ? INT64_MAX /* 'infinity' */
                                                     : since_2000_us + EPOCH_UNIX_US;
}
