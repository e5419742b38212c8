/* See envelope.h. A header without metadata and failure, as nearly all are, goes by way of
 * envelope_plain.h, any other one by way of message.c and protobuf-c. */
#include "rpc/envelope.h"

#include <assert.h>
#include <rpc/v1/envelope.pb-c.h>
#include <string.h>

#include "base/utf8.h"
#include "rpc/envelope_metadata.h"
#include "rpc/envelope_plain.h"
#include "rpc/failure_details.h"
#include "rpc/message.h"

#define ENVELOPE_VERSION 1

/* Where a byte may stand. */
enum {
    IN_CALL_ID = 1,
    IN_METHOD = 2,
    IN_BOTH = IN_CALL_ID | IN_METHOD,
};

#define FIVE(first, where)                                                 \
    [(first)] = (where), [(first) + 1] = (where), [(first) + 2] = (where), \
    [(first) + 3] = (where), [(first) + 4] = (where)

static const uint8_t BYTES[256] = {
    FIVE('0', IN_BOTH), FIVE('5', IN_BOTH), FIVE('a', IN_BOTH), FIVE('f', IN_BOTH),
    FIVE('k', IN_BOTH), FIVE('p', IN_BOTH), FIVE('u', IN_BOTH), ['z'] = IN_BOTH,
    FIVE('A', IN_BOTH), FIVE('F', IN_BOTH), FIVE('K', IN_BOTH), FIVE('P', IN_BOTH),
    FIVE('U', IN_BOTH), ['Z'] = IN_BOTH,    ['_'] = IN_BOTH,    ['.'] = IN_BOTH,
    ['-'] = IN_CALL_ID, [':'] = IN_CALL_ID, ['/'] = IN_METHOD,
};

static const uint8_t MAGIC[3] = {'O', 'R', 'P'};

static enum status split(struct bytes message, struct bytes *header_out, struct bytes *payload_out,
                         struct failure *failure);
static bool read_plain_request(struct bytes header, struct arena *arena,
                               struct envelope_request *request_out);
static bool read_plain_response(struct bytes header, struct arena *arena,
                                struct envelope_response *response_out);
static enum status read_any_request(struct bytes header, struct arena *arena,
                                    struct envelope_request *request_out, struct failure *failure);
static enum status read_metadata(const Rpc__V1__RequestHeader *header, struct arena *arena,
                                 struct envelope_request *request, struct failure *failure);
static size_t encode_any_request(const struct envelope_request *request, uint8_t *out, size_t room);
static size_t encode_with_metadata(const struct envelope_request *request, uint8_t *out,
                                   size_t room);
static size_t encode_header(const struct envelope_request *request, Rpc__V1__Metadata *pairs,
                            Rpc__V1__Metadata **list, uint8_t *out, size_t room);
static enum status read_any_response(struct bytes header, struct arena *arena,
                                     struct envelope_response *response_out,
                                     struct failure *failure);
static bool is_method(struct bytes text);
static bool is_call_id(struct bytes text);
static struct bytes view(const char *text);
static const struct failure *read_failure(const Rpc__V1__ResponseHeader *header,
                                          struct arena *arena);
static size_t encode(const ProtobufCMessage *header, uint8_t *out, size_t room);

static enum status refuse(struct failure *failure, const char *what)
{
    return failure_set(failure, STATUS_INVALID_ARGUMENT, "MALFORMED_ENVELOPE", "%s", what);
}

enum status envelope_decode_request(struct bytes message, struct arena *arena,
                                    struct envelope_request *request_out, struct failure *failure)
{
    struct bytes header = {0}, payload = {0};
    enum status status = split(message, &header, &payload, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct envelope_request request;
    if (!read_plain_request(header, arena, &request)) {
        status = read_any_request(header, arena, &request, failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    request.payload = payload;
    *request_out = request;
    return STATUS_OK;
}

/* False: perhaps it is another one. */
static bool read_plain_request(struct bytes header, struct arena *arena,
                               struct envelope_request *request_out)
{
    enum { METHOD = 1, TIMEOUT_MS, CALL_ID, ATTEMPT, IS_FORWARDED = 6 };
    struct plain_header plain;
    if (!plain_read(header, 1U << METHOD | 1U << CALL_ID,
                    1U << TIMEOUT_MS | 1U << ATTEMPT | 1U << IS_FORWARDED, &plain) ||
        !is_method(plain.texts[METHOD]) || !is_call_id(plain.texts[CALL_ID])) {
        return false;
    }
    *request_out = (struct envelope_request){
        .method = (const char *)arena_copy(arena, plain.texts[METHOD]).data,
        .timeout_ms = plain.numbers[TIMEOUT_MS],
        .call_id = (const char *)arena_copy(arena, plain.texts[CALL_ID]).data,
        .attempt = plain.numbers[ATTEMPT],
        .is_forwarded = plain.numbers[IS_FORWARDED] != 0,
        .traceparent = "",
    };
    return request_out->method != NULL && request_out->call_id != NULL;
}

static enum status read_any_request(struct bytes header_bytes, struct arena *arena,
                                    struct envelope_request *request_out, struct failure *failure)
{
    ProtobufCMessage *decoded;
    if (message_decode(&rpc__v1__request_header__descriptor, header_bytes, arena, &decoded, NULL) !=
        STATUS_OK) {
        return refuse(failure, "the header is no rpc.v1.RequestHeader");
    }
    const Rpc__V1__RequestHeader *header = (const Rpc__V1__RequestHeader *)decoded;
    if (!is_method(view(header->method))) {
        return refuse(failure, "the method is not /package.Service/Method");
    }
    if (!is_call_id(view(header->call_id))) {
        return refuse(failure, "the call_id is not 1 to 64 of [A-Za-z0-9._:-]");
    }
    *request_out = (struct envelope_request){
        .method = header->method,
        .timeout_ms = header->timeout_ms,
        .call_id = header->call_id,
        .attempt = header->attempt,
        .is_forwarded = header->is_forwarded,
        .traceparent = "",
    };
    return header->n_metadata > 0 ? read_metadata(header, arena, request_out, failure) : STATUS_OK;
}

static enum status read_metadata(const Rpc__V1__RequestHeader *header, struct arena *arena,
                                 struct envelope_request *request, struct failure *failure)
{
    size_t count = header->n_metadata;
    struct rpc_metadata *list =
        count <= RPC_METADATA_MAX ? arena_calloc(arena, count, sizeof *list) : NULL;
    for (size_t i = 0; list != NULL && i < count; i++) {
        const ProtobufCBinaryData *value = &header->metadata[i]->value;
        list[i] = (struct rpc_metadata){.key = header->metadata[i]->key,
                                        .value = bytes_of(value->data, value->len)};
    }
    if (list == NULL || !metadata_are_fine(list, count, NULL)) {
        return refuse(failure, "the metadata are too many, too large or badly named");
    }
    request->traceparent = metadata_take_trace(list, &count, arena);
    request->metadata = list;
    request->metadata_count = count;
    return STATUS_OK;
}

/* Before a header of `size` bytes; returns the size of both. */
static size_t put_prefix(uint8_t *out, size_t size)
{
    memcpy(out, MAGIC, sizeof MAGIC);
    out[3] = ENVELOPE_VERSION;
    bytes_write_u32(out + 4, (uint32_t)size);
    return ENVELOPE_PREFIX_BYTES + size;
}

static bool has_trace(const struct envelope_request *request)
{
    return request->traceparent != NULL && request->traceparent[0] != '\0';
}

size_t envelope_encode_request(const struct envelope_request *request, uint8_t *out, size_t room)
{
    size_t method_size = strlen(request->method), call_id_size = strlen(request->call_id);
    if (has_trace(request) || request->metadata_count > 0 || !plain_is_text(method_size) ||
        !plain_is_text(call_id_size) ||
        ENVELOPE_PREFIX_BYTES + PLAIN_FIELD_BYTES_MAX * 5 + method_size + call_id_size > room) {
        return encode_any_request(request, out, room);
    }
    uint8_t *at = out + ENVELOPE_PREFIX_BYTES;
    at = plain_put_text(at, 1, request->method, method_size);
    at = plain_put_number(at, 2, request->timeout_ms);
    at = plain_put_text(at, 3, request->call_id, call_id_size);
    at = plain_put_number(at, 4, request->attempt);
    at = plain_put_number(at, 6, request->is_forwarded ? 1 : 0);
    return put_prefix(out, (size_t)(at - out) - ENVELOPE_PREFIX_BYTES);
}

/* The generated members are not const, but packing only reads them. */
static Rpc__V1__Metadata make_pair(const char *key, struct bytes value)
{
    Rpc__V1__Metadata pair = RPC__V1__METADATA__INIT;
    pair.key = (char *)(uintptr_t)key;
    pair.value.data = (uint8_t *)(uintptr_t)value.data;
    pair.value.len = value.size;
    return pair;
}

static size_t encode_any_request(const struct envelope_request *request, uint8_t *out, size_t room)
{
    Rpc__V1__Metadata trace, *list[1];
    return request->metadata_count > 0 ? encode_with_metadata(request, out, room)
                                       : encode_header(request, &trace, list, out, room);
}

/* Apart from the others, which need no kilobytes of stack. */
static size_t encode_with_metadata(const struct envelope_request *request, uint8_t *out,
                                   size_t room)
{
    Rpc__V1__Metadata pairs[RPC_METADATA_MAX + 1], *list[RPC_METADATA_MAX + 1];
    assert(request->metadata_count <= RPC_METADATA_MAX);
    return encode_header(request, pairs, list, out, room);
}

/* `pairs` and `list`: room for the metadata and a trace. */
static size_t encode_header(const struct envelope_request *request, Rpc__V1__Metadata *pairs,
                            Rpc__V1__Metadata **list, uint8_t *out, size_t room)
{
    Rpc__V1__RequestHeader header = RPC__V1__REQUEST_HEADER__INIT;
    header.method = (char *)(uintptr_t)request->method;
    header.call_id = (char *)(uintptr_t)request->call_id;
    header.timeout_ms = request->timeout_ms;
    header.attempt = request->attempt;
    header.is_forwarded = request->is_forwarded;
    size_t count = 0;
    if (has_trace(request)) {
        pairs[count++] = make_pair(METADATA_TRACEPARENT, bytes_of_text(request->traceparent));
    }
    for (size_t i = 0; i < request->metadata_count; i++) {
        pairs[count++] = make_pair(request->metadata[i].key, request->metadata[i].value);
    }
    for (size_t i = 0; i < count; i++) {
        list[i] = &pairs[i];
    }
    header.metadata = list;
    header.n_metadata = count;
    return encode(&header.base, out, room);
}

enum status envelope_decode_response(struct bytes message, struct arena *arena,
                                     struct envelope_response *response_out,
                                     struct failure *failure)
{
    struct bytes header = {0}, payload = {0};
    enum status status = split(message, &header, &payload, failure);
    if (status != STATUS_OK) {
        return status;
    }
    struct envelope_response response;
    if (!read_plain_response(header, arena, &response)) {
        status = read_any_response(header, arena, &response, failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    response.payload = payload;
    *response_out = response;
    return STATUS_OK;
}

/* False: perhaps it is another one. */
static bool read_plain_response(struct bytes header, struct arena *arena,
                                struct envelope_response *response_out)
{
    enum { CALL_ID = 4, SERVER_ID };
    struct plain_header plain;
    if (!plain_read(header, 1U << CALL_ID | 1U << SERVER_ID, 0, &plain) ||
        !utf8_is_text(plain.texts[CALL_ID]) || !utf8_is_text(plain.texts[SERVER_ID])) {
        return false;
    }
    *response_out = (struct envelope_response){
        .call_id = (const char *)arena_copy(arena, plain.texts[CALL_ID]).data,
        .server_id = (const char *)arena_copy(arena, plain.texts[SERVER_ID]).data,
    };
    return response_out->call_id != NULL && response_out->server_id != NULL;
}

static enum status read_any_response(struct bytes header_bytes, struct arena *arena,
                                     struct envelope_response *response_out,
                                     struct failure *failure)
{
    ProtobufCMessage *decoded;
    if (message_decode(&rpc__v1__response_header__descriptor, header_bytes, arena, &decoded,
                       NULL) != STATUS_OK) {
        return refuse(failure, "the header is no rpc.v1.ResponseHeader");
    }
    const Rpc__V1__ResponseHeader *header = (const Rpc__V1__ResponseHeader *)decoded;
    *response_out = (struct envelope_response){
        .call_id = header->call_id,
        .server_id = header->server_id,
    };
    if (header->code == STATUS_OK) {
        return STATUS_OK;
    }
    response_out->failure = read_failure(header, arena);
    return response_out->failure != NULL ? STATUS_OK : refuse(failure, "the failure is too large");
}

/* NULL when the arena is full. */
static const struct failure *read_failure(const Rpc__V1__ResponseHeader *header,
                                          struct arena *arena)
{
    struct failure *failure = arena_calloc(arena, 1, sizeof *failure);
    if (failure == NULL) {
        return NULL;
    }
    bool known = header->code > STATUS_OK && header->code <= STATUS_UNAUTHENTICATED;
    failure->code = known ? (enum status)header->code : STATUS_UNKNOWN;
    utf8_copy(failure->message, sizeof failure->message, header->message);
    failure_details_decode(header->details, header->n_details, arena, failure);
    return failure;
}

size_t envelope_encode_response(const struct envelope_response *response, uint8_t *out, size_t room)
{
    size_t call_id_size = strlen(response->call_id), server_id_size = strlen(response->server_id);
    if (response->failure == NULL && plain_is_text(call_id_size) && plain_is_text(server_id_size) &&
        ENVELOPE_PREFIX_BYTES + PLAIN_FIELD_BYTES_MAX * 2 + call_id_size + server_id_size <= room) {
        uint8_t *at = out + ENVELOPE_PREFIX_BYTES;
        at = plain_put_text(at, 4, response->call_id, call_id_size);
        at = plain_put_text(at, 5, response->server_id, server_id_size);
        return put_prefix(out, (size_t)(at - out) - ENVELOPE_PREFIX_BYTES);
    }
    Rpc__V1__ResponseHeader header = RPC__V1__RESPONSE_HEADER__INIT;
    header.call_id = (char *)(uintptr_t)response->call_id;
    header.server_id = (char *)(uintptr_t)response->server_id;
    if (response->failure == NULL) {
        return encode(&header.base, out, room);
    }
    char text[FAILURE_MESSAGE_BYTES];
    struct failure_details details;
    utf8_copy(text, sizeof text, response->failure->message);
    failure_details_encode(response->failure, response->domain, &details);
    header.code = (int32_t)response->failure->code;
    header.message = text;
    header.n_details = details.count;
    header.details = details.list;
    return encode(&header.base, out, room);
}

static size_t encode(const ProtobufCMessage *header, uint8_t *out, size_t room)
{
    size_t size = protobuf_c_message_get_packed_size(header);
    if (size > ENVELOPE_HEADER_BYTES_MAX || ENVELOPE_PREFIX_BYTES + size > room) {
        return 0;
    }
    (void)protobuf_c_message_pack(header, out + ENVELOPE_PREFIX_BYTES);
    return put_prefix(out, size);
}

static enum status split(struct bytes message, struct bytes *header_out, struct bytes *payload_out,
                         struct failure *failure)
{
    const uint8_t *at = message.data;
    if (message.size < ENVELOPE_PREFIX_BYTES || memcmp(at, MAGIC, sizeof MAGIC) != 0) {
        return refuse(failure, "the message does not begin with ORP and a version");
    }
    if (at[3] != ENVELOPE_VERSION) {
        return refuse(failure, "this version of the envelope is not spoken here");
    }
    size_t size = bytes_read_u32(at + 4);
    size_t left = message.size - ENVELOPE_PREFIX_BYTES;
    if (size > ENVELOPE_HEADER_BYTES_MAX || size > left) {
        return refuse(failure, "the header is longer than the message or than 16 KiB");
    }
    *header_out = bytes_of(at + ENVELOPE_PREFIX_BYTES, size);
    *payload_out = bytes_of(at + ENVELOPE_PREFIX_BYTES + size, left - size);
    return STATUS_OK;
}

/* Every call's method and id go through here: without a branch for each byte. */
static bool is_made_of(unsigned where, struct bytes text, size_t size_max)
{
    if (text.size == 0 || text.size > size_max) {
        return false;
    }
    unsigned all = where;
    for (size_t i = 0; i < text.size; i++) {
        all &= BYTES[text.data[i]];
    }
    return all == where;
}

static bool is_method(struct bytes text)
{
    return is_made_of(IN_METHOD, text, ENVELOPE_METHOD_BYTES_MAX) && text.data[0] == '/';
}

static bool is_call_id(struct bytes text)
{
    return is_made_of(IN_CALL_ID, text, ENVELOPE_CALL_ID_BYTES_MAX);
}

static struct bytes view(const char *text)
{
    return bytes_of(text, strlen(text));
}
