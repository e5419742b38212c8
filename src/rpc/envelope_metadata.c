/* See envelope_metadata.h. */
#include "rpc/envelope_metadata.h"

#include <string.h>

#include "rpc/envelope.h"

static bool is_key(const char *text);
static bool is_trace(struct bytes text);
static bool is_hex(const uint8_t *text, size_t size);

bool metadata_are_fine(const struct rpc_metadata *list, size_t count, const char *traceparent)
{
    size_t most = RPC_METADATA_MAX, left = RPC_METADATA_BYTES_MAX;
    if (traceparent != NULL && traceparent[0] != '\0') {
        most--;
        left -= strlen(METADATA_TRACEPARENT) + strlen(traceparent);
    }
    if (count > most) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_key(list[i].key)) {
            return false;
        }
        size_t key_size = strlen(list[i].key), value_size = list[i].value.size;
        if (key_size > left || value_size > left - key_size) {
            return false;
        }
        left -= key_size + value_size;
    }
    return true;
}

static bool is_key(const char *text)
{
    size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789._-");
    return size > 0 && size <= RPC_METADATA_KEY_BYTES_MAX && text[size] == '\0';
}

const struct rpc_metadata *metadata_find(const struct rpc_metadata *list, size_t count,
                                         const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].key, key) == 0) {
            return &list[i];
        }
    }
    return NULL;
}

/* Whatever else is there is no reason to refuse the call: it goes on without a trace. */
const char *metadata_take_trace(struct rpc_metadata *list, size_t *count, struct arena *arena)
{
    const char *trace = NULL;
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(list[i].key, METADATA_TRACEPARENT) != 0) {
            list[kept++] = list[i];
        } else if (trace == NULL && is_trace(list[i].value)) {
            trace = (const char *)arena_copy(arena, list[i].value).data;
        }
    }
    *count = kept;
    return trace != NULL ? trace : "";
}

/* "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" */
static bool is_trace(struct bytes text)
{
    const uint8_t *at = text.data;
    return text.size == ENVELOPE_TRACEPARENT_BYTES - 1 && memcmp(at, "00-", 3) == 0 &&
           is_hex(at + 3, 32) && at[35] == '-' && is_hex(at + 36, 16) && at[52] == '-' &&
           is_hex(at + 53, 2);
}

static bool is_hex(const uint8_t *text, size_t size)
{
    bool is_zero = true;
    for (size_t i = 0; i < size; i++) {
        if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f')) {
            return false;
        }
        is_zero = is_zero && text[i] == '0';
    }
    return size == 2 || !is_zero; /* an id of zeros is none; a version or flags of zeros are */
}
