/* See bundle.h. */
#include "rpc/bundle.h"

#include <assert.h>
#include <string.h>

static const uint8_t PREFIX[] = {'O', 'R', 'B', 1};

size_t bundle_read(struct bytes message, struct bytes parts_out[BUNDLE_PARTS_MAX])
{
    if (!bundle_is(message) || message.size < BUNDLE_PREFIX_BYTES) {
        return 0;
    }
    size_t count = bytes_read_u32(message.data + sizeof PREFIX);
    if (count > BUNDLE_PARTS_MAX) {
        return 0;
    }
    size_t at = BUNDLE_PREFIX_BYTES;
    for (size_t i = 0; i < count; i++) {
        if (message.size - at < BUNDLE_LENGTH_BYTES) {
            return 0;
        }
        size_t size = bytes_read_u32(message.data + at);
        at += BUNDLE_LENGTH_BYTES;
        if (size > message.size - at) {
            return 0;
        }
        parts_out[i] = bytes_of(message.data + at, size);
        at += size;
    }
    return at == message.size ? count : 0;
}

bool bundle_is(struct bytes message)
{
    return message.size >= sizeof PREFIX && memcmp(message.data, PREFIX, sizeof PREFIX) == 0;
}

size_t bundle_size(const struct bytes *parts, size_t count)
{
    size_t size = BUNDLE_PREFIX_BYTES + count * BUNDLE_LENGTH_BYTES;
    for (size_t i = 0; i < count; i++) {
        size += parts[i].size;
    }
    return size;
}

void bundle_write(const struct bytes *parts, size_t count, uint8_t *out)
{
    assert(count <= BUNDLE_PARTS_MAX);
    memcpy(out, PREFIX, sizeof PREFIX);
    bytes_write_u32(out + sizeof PREFIX, (uint32_t)count);
    out += BUNDLE_PREFIX_BYTES;
    for (size_t i = 0; i < count; i++) {
        bytes_write_u32(out, (uint32_t)parts[i].size);
        out += BUNDLE_LENGTH_BYTES;
        if (parts[i].size > 0) {
            memcpy(out, parts[i].data, parts[i].size);
        }
        out += parts[i].size;
    }
}
