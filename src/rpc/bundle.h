/* Bundle: several messages in one, sent together and answered together
 * (proto/rpc/v1/envelope.proto). Used by link and listener; pure, no I/O, and knows no envelope. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "rpc/limits.h"

/* What one system call, one wake-up of a thread and one of nng's locks cost, 32 calls share: little
 * would be left to win by more, and all of them wait for the last one's answer. */
#define BUNDLE_PARTS_MAX 32
/* A request above that is worth a message of its own. So a bundle of requests is far below
 * RPC_MESSAGE_BYTES_MAX, which is a server's limit. */
#define BUNDLE_REQUEST_BYTES_MAX 4096
#define BUNDLE_PREFIX_BYTES      8
#define BUNDLE_LENGTH_BYTES      4
/* Answers are as large as they are. */
#define BUNDLE_BYTES_MAX \
    (BUNDLE_PREFIX_BYTES + BUNDLE_PARTS_MAX * (BUNDLE_LENGTH_BYTES + RPC_MESSAGE_BYTES_MAX))

/* Its parts, views of the message, and how many; 0 when it is no bundle or not a whole one. */
size_t bundle_read(struct bytes message, struct bytes parts_out[BUNDLE_PARTS_MAX]);
/* Whether it begins as one, whole or not. */
bool bundle_is(struct bytes message);
size_t bundle_size(const struct bytes *parts, size_t count);
/* Into `out`, which has room for bundle_size(). */
void bundle_write(const struct bytes *parts, size_t count, uint8_t *out);
