/* UUIDs: time-ordered ones for events and requests (RFC 9562 version 7), and hashes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/c_api.h"
#include "base/clock.h"

C_API_BEGIN

#define UUID_TEXT_BYTES 37 /* 36 and the NUL */
#define HASH_BYTES      32 /* SHA-256 */

struct uuid {
    uint8_t bytes[16];
};

/* Version 7: the clock's unix time in ms, then random bits. */
struct uuid uuid_v7(const struct clock *clock);
/* Version 8: the first 48 bits are `unix_ms`, the rest come from `hash` (HASH_BYTES). */
struct uuid uuid_from_hash(uint64_t unix_ms, const uint8_t *hash);
void uuid_print(const struct uuid *uuid, char out[UUID_TEXT_BYTES]);
/* Lower and upper case, 8-4-4-4-12 only. */
bool uuid_parse(const char *text, struct uuid *uuid_out);
/* 7 of a version 7, ... */
int uuid_version(const struct uuid *uuid);
/* The first 48 bits. */
uint64_t uuid_unix_ms(const struct uuid *uuid);

/* SHA-256 over parts; each part's length goes in before it, so that parts cannot run together. */
struct hash_part {
    const void *data;
    size_t size;
};
void hash_parts(const struct hash_part *parts, size_t count, uint8_t out[HASH_BYTES]);

C_API_END
