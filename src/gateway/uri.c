/* See uri.h. */
#include "gateway/uri.h"

static int hex_value(uint8_t digit);

bool uri_decode(struct bytes text, bool is_query, struct arena *arena, struct bytes *out)
{
    uint8_t *decoded = arena_alloc(arena, text.size + 1);
    if (decoded == NULL) {
        return false;
    }
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '%') {
            decoded[size++] = is_query && text.data[i] == '+' ? ' ' : text.data[i];
            continue;
        }
        int high = i + 2 < text.size ? hex_value(text.data[i + 1]) : -1;
        int low = i + 2 < text.size ? hex_value(text.data[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return false;
        }
        decoded[size++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    *out = bytes_of(decoded, size);
    return true;
}

static int hex_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

bool uri_next_parameter(struct bytes *query, struct bytes *name_out, struct bytes *value_out)
{
    while (query->size > 0 && query->data[0] == '&') {
        *query = bytes_of(query->data + 1, query->size - 1);
    }
    if (query->size == 0) {
        return false;
    }
    const uint8_t *end = memchr(query->data, '&', query->size);
    size_t size = end == NULL ? query->size : (size_t)(end - query->data);
    const uint8_t *equals = memchr(query->data, '=', size);
    size_t name_size = equals == NULL ? size : (size_t)(equals - query->data);
    *name_out = bytes_of(query->data, name_size);
    *value_out = equals == NULL ? bytes_of(query->data + size, 0)
                                : bytes_of(equals + 1, size - name_size - 1);
    *query = bytes_of(query->data + size, query->size - size);
    return true;
}

struct bytes uri_find_parameter(struct bytes query, const char *name, struct arena *arena)
{
    struct bytes key, value, decoded;
    while (uri_next_parameter(&query, &key, &value)) {
        if (bytes_equal(key, bytes_of_text(name))) {
            return uri_decode(value, true, arena, &decoded) ? decoded : (struct bytes){0};
        }
    }
    return (struct bytes){0};
}
