/* Timestamp: moments and spans as proto3 JSON and people write them. Pure; years 1 to 9999, UTC.
 * Used by json_print and json_read, and by orderctl's tables, options and imports. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TIMESTAMP_SECONDS_LEAST                                                                \
    (-62135596800LL)                          /* 0001-01-01T00:00:00Z, as google.protobuf says \
                                               */
#define TIMESTAMP_SECONDS_MOST 253402300799LL /* 9999-12-31T23:59:59Z */
#define DURATION_SECONDS_MOST  315576000000LL /* 10,000 years, as google.protobuf says */
#define TIMESTAMP_TEXT_BYTES   40

/* "1996-07-04T00:00:00Z", with 3, 6 or 9 digits of a second where needed. False out of range. */
bool timestamp_print(int64_t seconds, int32_t nanos, char out[TIMESTAMP_TEXT_BYTES]);
/* "1996-07-04 00:00:00", for tables whose heading says UTC; "?" out of range. */
void timestamp_print_short(int64_t seconds, char out[TIMESTAMP_TEXT_BYTES]);
/* RFC 3339 as proto3 JSON has it: a date, 'T', a time, up to 9 digits of a second, 'Z' or an
 * offset. */
bool timestamp_parse(const char *text, int64_t *seconds_out, int32_t *nanos_out);
/* The same as people and other programs write it: also 't' or a space before the time, and 'z'. */
bool timestamp_parse_written(const char *text, int64_t *seconds_out, int32_t *nanos_out);
/* "3.000001s". False out of range. */
bool duration_print(int64_t seconds, int32_t nanos, char out[TIMESTAMP_TEXT_BYTES]);
/* "-3.5s": seconds with up to 9 digits behind the point. */
bool duration_parse(const char *text, int64_t *seconds_out, int32_t *nanos_out);
