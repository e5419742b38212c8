/* Fuzz: any bytes as what comes off the wire, by the server and by the channel. What was taken is
 * within the limits, and its own encoding is taken again as the same. */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "rpc/bundle.h"
#include "rpc/envelope.h"
#include "rpc/envelope_metadata.h"
#include "rpc/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_request(struct bytes message, struct arena *arena);
static void try_response(struct bytes message, struct arena *arena);
static void expect_same_metadata(const struct envelope_request *a,
                                 const struct envelope_request *b);
static void try_bundle(struct bytes message, struct arena *arena);
static void expect(bool holds);
static bool is_text(const char *text, size_t most);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, 4096, RPC_CALL_MEMORY_BYTES_MAX);
    try_request(bytes_of(data, size), &arena);
    try_response(bytes_of(data, size), &arena);
    try_bundle(bytes_of(data, size), &arena);
    expect(arena.used_bytes <= RPC_CALL_MEMORY_BYTES_MAX);
    arena_fini(&arena);
    return 0;
}

static void try_request(struct bytes message, struct arena *arena)
{
    struct envelope_request request, again;
    struct failure failure;
    if (envelope_decode_request(message, arena, &request, &failure) != STATUS_OK) {
        expect(strcmp(failure.reason, "MALFORMED_ENVELOPE") == 0);
        return;
    }
    expect(is_text(request.method, ENVELOPE_METHOD_BYTES_MAX));
    expect(is_text(request.call_id, ENVELOPE_CALL_ID_BYTES_MAX));
    expect(is_text(request.traceparent, ENVELOPE_TRACEPARENT_BYTES - 1));
    expect(request.payload.size <= message.size);

    uint8_t out[ENVELOPE_PREFIX_BYTES + ENVELOPE_HEADER_BYTES_MAX];
    size_t used = envelope_encode_request(&request, out, sizeof out);
    expect(used > 0);
    expect(envelope_decode_request(bytes_of(out, used), arena, &again, &failure) == STATUS_OK);
    expect(strcmp(again.method, request.method) == 0);
    expect(strcmp(again.call_id, request.call_id) == 0);
    expect(again.timeout_ms == request.timeout_ms && again.attempt == request.attempt);
    expect(strcmp(again.traceparent, request.traceparent) == 0);
    expect(metadata_are_fine(request.metadata, request.metadata_count, request.traceparent));
    expect_same_metadata(&again, &request);
}

static void expect_same_metadata(const struct envelope_request *a, const struct envelope_request *b)
{
    expect(a->metadata_count == b->metadata_count);
    for (size_t i = 0; i < a->metadata_count; i++) {
        expect(strcmp(a->metadata[i].key, b->metadata[i].key) == 0);
        expect(bytes_equal(a->metadata[i].value, b->metadata[i].value));
    }
}

/* Metadata do not come back: a server sends none. */
static void try_response(struct bytes message, struct arena *arena)
{
    struct envelope_response response, again;
    struct failure failure;
    if (envelope_decode_response(message, arena, &response, &failure) != STATUS_OK) {
        expect(strcmp(failure.reason, "MALFORMED_ENVELOPE") == 0);
        return;
    }
    if (response.failure == NULL) {
        return;
    }
    expect(response.failure->code != STATUS_OK);
    expect(is_text(response.failure->message, FAILURE_MESSAGE_BYTES - 1));
    expect(is_text(response.failure->reason, FAILURE_REASON_BYTES - 1));
    expect(response.failure->metadata_count <= FAILURE_METADATA_MAX);
    response.domain = "fuzz";
    uint8_t out[ENVELOPE_PREFIX_BYTES + ENVELOPE_HEADER_BYTES_MAX];
    size_t used = envelope_encode_response(&response, out, sizeof out);
    if (used == 0) { /* ids of the other side's may be as long as the header */
        return;
    }
    expect(envelope_decode_response(bytes_of(out, used), arena, &again, &failure) == STATUS_OK);
    expect(again.failure != NULL && again.failure->code == response.failure->code);
    expect(strcmp(again.failure->message, response.failure->message) == 0);
    expect(strcmp(again.failure->field, response.failure->field) == 0);
}

static void try_bundle(struct bytes message, struct arena *arena)
{
    struct bytes parts[BUNDLE_PARTS_MAX];
    size_t count = bundle_read(message, parts);
    if (count == 0) {
        return;
    }
    expect(count <= BUNDLE_PARTS_MAX && bundle_size(parts, count) == message.size);
    for (size_t i = 0; i < count; i++) {
        try_request(parts[i], arena);
        try_response(parts[i], arena);
    }
    uint8_t *again = malloc(message.size);
    expect(again != NULL);
    bundle_write(parts, count, again);
    expect(memcmp(again, message.data, message.size) == 0);
    free(again);
}

static void expect(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool is_text(const char *text, size_t most)
{
    return strlen(text) <= most && utf8_is_text(bytes_of_text(text));
}
