/* See page_token.h. */
#include "server/page_token.h"

#include <assert.h>

#include "base/uuid.h"

#define CHECK_BYTES 8 /* a made-up token passes once in 2^64 */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static_assert(((CHECK_BYTES + PAGE_TOKEN_POSITION_BYTES_MAX) * 4 + 2) / 3 < PAGE_TOKEN_BYTES_MAX,
              "every token can be read back");

static void make_check(const char *list, struct bytes filter, struct bytes position,
                       uint8_t check_out[CHECK_BYTES]);
static int digit_value(char digit);

const char *page_token_make(const char *list, struct bytes filter, struct bytes position,
                            struct arena *arena)
{
    assert(position.size <= PAGE_TOKEN_POSITION_BYTES_MAX);
    uint8_t raw[CHECK_BYTES + PAGE_TOKEN_POSITION_BYTES_MAX];
    make_check(list, filter, position, raw);
    memcpy(raw + CHECK_BYTES, position.data, position.size);
    size_t size = CHECK_BYTES + position.size;
    char *token = arena_alloc(arena, PAGE_TOKEN_BYTES_MAX);
    if (token == NULL) {
        return NULL;
    }
    size_t at = 0;
    uint32_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | raw[i];
        for (held += 8; held >= 6; held -= 6) {
            token[at++] = digits[bits >> (held - 6) & 63];
        }
    }
    if (held > 0) {
        token[at++] = digits[bits << (6 - held) & 63];
    }
    token[at] = '\0';
    return token;
}

enum status page_token_read(const char *token, const char *list, struct bytes filter,
                            struct arena *arena, struct bytes *position_out,
                            struct failure *failure)
{
    uint8_t raw[PAGE_TOKEN_BYTES_MAX], check[CHECK_BYTES];
    size_t length = strlen(token), size = 0;
    uint32_t bits = 0;
    int held = 0;
    bool good = length < PAGE_TOKEN_BYTES_MAX && length % 4 != 1;
    for (size_t i = 0; good && i < length; i++) {
        int value = digit_value(token[i]);
        good = value >= 0;
        bits = bits << 6 | (uint32_t)(value & 63);
        held += 6;
        if (held >= 8) {
            held -= 8;
            raw[size++] = (uint8_t)(bits >> held);
        }
    }
    good = good && size >= CHECK_BYTES && (bits & ((1u << held) - 1)) == 0;
    struct bytes position = {0};
    if (good) {
        position = bytes_of(raw + CHECK_BYTES, size - CHECK_BYTES);
        make_check(list, filter, position, check);
        good = memcmp(check, raw, CHECK_BYTES) == 0;
    }
    if (!good) {
        return failure_set_field(failure, "page_token", "BAD_PAGE_TOKEN",
                                 "the page_token does not belong to this list and filter");
    }
    *position_out = arena_copy(arena, position);
    if (position_out->data == NULL && position.size > 0) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "OVERLOADED", "no memory is left");
    }
    return STATUS_OK;
}

static void make_check(const char *list, struct bytes filter, struct bytes position,
                       uint8_t check_out[CHECK_BYTES])
{
    struct hash_part parts[] = {
        {list, strlen(list)},
        {filter.data, filter.size},
        {position.data, position.size},
    };
    uint8_t hash[HASH_BYTES];
    hash_parts(parts, sizeof parts / sizeof parts[0], hash);
    memcpy(check_out, hash, CHECK_BYTES);
}

static int digit_value(char digit)
{
    const char *found = digit != '\0' ? strchr(digits, digit) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}
