/* See uuid.h. */
#include "base/uuid.h"

#include <openssl/sha.h>

static void put_unix_ms(struct uuid *uuid, uint64_t unix_ms)
{
    for (int i = 0; i < 6; i++) {
        uuid->bytes[i] = (uint8_t)(unix_ms >> (40 - 8 * i));
    }
}

static void put_version(struct uuid *uuid, uint8_t version)
{
    uuid->bytes[6] = (uint8_t)((version << 4) | (uuid->bytes[6] & 0x0f));
    uuid->bytes[8] = (uint8_t)(0x80 | (uuid->bytes[8] & 0x3f));
}

struct uuid uuid_v7(const struct clock *clock)
{
    struct uuid uuid;
    clock->random(clock->state, uuid.bytes, sizeof uuid.bytes);
    put_unix_ms(&uuid, (uint64_t)(clock_unix_us(clock) / 1000));
    put_version(&uuid, 7);
    return uuid;
}

struct uuid uuid_from_hash(uint64_t unix_ms, const uint8_t *hash)
{
    struct uuid uuid;
    memcpy(uuid.bytes, hash, sizeof uuid.bytes);
    put_unix_ms(&uuid, unix_ms);
    put_version(&uuid, 8);
    return uuid;
}

void uuid_print(const struct uuid *uuid, char out[UUID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    static const uint8_t places[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
    for (int i = 0; i < 16; i++) {
        out[places[i]] = digits[uuid->bytes[i] >> 4];
        out[places[i] + 1] = digits[uuid->bytes[i] & 15];
    }
    out[8] = out[13] = out[18] = out[23] = '-';
    out[36] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool uuid_parse(const char *text, struct uuid *uuid_out)
{
    struct uuid uuid;
    const char *from = text;
    for (int i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *from++ != '-') {
            return false;
        }
        int high = hex_digit(from[0]);
        int low = high < 0 ? -1 : hex_digit(from[1]);
        if (low < 0) {
            return false;
        }
        uuid.bytes[i] = (uint8_t)(high << 4 | low);
        from += 2;
    }
    if (*from != '\0') {
        return false;
    }
    *uuid_out = uuid;
    return true;
}

int uuid_version(const struct uuid *uuid)
{
    return uuid->bytes[6] >> 4;
}

uint64_t uuid_unix_ms(const struct uuid *uuid)
{
    uint64_t unix_ms = 0;
    for (int i = 0; i < 6; i++) {
        unix_ms = unix_ms << 8 | uuid->bytes[i];
    }
    return unix_ms;
}

#pragma GCC diagnostic push
/* The three-step functions are the only ones that hash without a heap allocation. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
void hash_parts(const struct hash_part *parts, size_t count, uint8_t out[HASH_BYTES])
{
    SHA256_CTX context;
    (void)SHA256_Init(&context);
    for (size_t i = 0; i < count; i++) {
        uint64_t size = parts[i].size;
        uint8_t length[8];
        for (int at = 0; at < 8; at++) {
            length[at] = (uint8_t)(size >> (56 - 8 * at));
        }
        (void)SHA256_Update(&context, length, sizeof length);
        (void)SHA256_Update(&context, parts[i].data, parts[i].size);
    }
    (void)SHA256_Final(out, &context);
}
#pragma GCC diagnostic pop
