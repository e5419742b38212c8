/* See envelope.h. */
#include "rpc/envelope.h"

#include <rpc/v1/envelope.pb-c.h>
#include <string.h>

#include "base/utf8.h"
#include "rpc/failure_details.h"
#include "rpc/message.h"

#define ENVELOPE_VERSION       1
#define METADATA_KEY_BYTES_MAX 64

static const char TRACEPARENT[] = "traceparent";
static const uint8_t MAGIC[3] = {'O', 'R', 'P'};

static enum status split(struct bytes message, struct bytes *header_out, struct bytes *payload_out,
                         struct failure *failure);
static bool is_method(const char *text);
static bool is_call_id(const char *text);
static bool are_metadata_fine(Rpc__V1__Metadata *const *metadata, size_t count);
static const char *find_traceparent(Rpc__V1__Metadata *const *metadata, size_t count,
                                    struct arena *arena);
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
    struct bytes header_bytes = {0}, payload = {0};
    ProtobufCMessage *decoded;
    enum status status = split(message, &header_bytes, &payload, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (message_decode(&rpc__v1__request_header__descriptor, header_bytes, arena, &decoded, NULL) !=
        STATUS_OK) {
        return refuse(failure, "the header is no rpc.v1.RequestHeader");
    }
    const Rpc__V1__RequestHeader *header = (const Rpc__V1__RequestHeader *)decoded;
    if (!is_method(header->method)) {
        return refuse(failure, "the method is not /package.Service/Method");
    }
    if (!is_call_id(header->call_id)) {
        return refuse(failure, "the call_id is not 1 to 64 of [A-Za-z0-9._:-]");
    }
    if (!are_metadata_fine(header->metadata, header->n_metadata)) {
        return refuse(failure, "the metadata are too many, too large or badly named");
    }
    *request_out = (struct envelope_request){
        .method = header->method,
        .timeout_ms = header->timeout_ms,
        .call_id = header->call_id,
        .attempt = header->attempt,
        .traceparent = find_traceparent(header->metadata, header->n_metadata, arena),
        .payload = payload,
    };
    return STATUS_OK;
}

size_t envelope_encode_request(const struct envelope_request *request, uint8_t *out, size_t room)
{
    Rpc__V1__RequestHeader header = RPC__V1__REQUEST_HEADER__INIT;
    /* The generated members are not const, but packing only reads them. */
    header.method = (char *)(uintptr_t)request->method;
    header.call_id = (char *)(uintptr_t)request->call_id;
    header.timeout_ms = request->timeout_ms;
    header.attempt = request->attempt;
    Rpc__V1__Metadata trace = RPC__V1__METADATA__INIT;
    Rpc__V1__Metadata *metadata[] = {&trace};
    if (request->traceparent != NULL && request->traceparent[0] != '\0') {
        trace.key = (char *)(uintptr_t)TRACEPARENT;
        trace.value.data = (uint8_t *)(uintptr_t)request->traceparent;
        trace.value.len = strlen(request->traceparent);
        header.metadata = metadata;
        header.n_metadata = 1;
    }
    return encode(&header.base, out, room);
}

enum status envelope_decode_response(struct bytes message, struct arena *arena,
                                     struct envelope_response *response_out,
                                     struct failure *failure)
{
    struct bytes header_bytes = {0}, payload = {0};
    ProtobufCMessage *decoded;
    enum status status = split(message, &header_bytes, &payload, failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (message_decode(&rpc__v1__response_header__descriptor, header_bytes, arena, &decoded,
                       NULL) != STATUS_OK) {
        return refuse(failure, "the header is no rpc.v1.ResponseHeader");
    }
    const Rpc__V1__ResponseHeader *header = (const Rpc__V1__ResponseHeader *)decoded;
    *response_out = (struct envelope_response){
        .call_id = header->call_id,
        .server_id = header->server_id,
        .payload = payload,
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
    memcpy(out, MAGIC, sizeof MAGIC);
    out[3] = ENVELOPE_VERSION;
    for (int i = 0; i < 4; i++) {
        out[4 + i] = (uint8_t)(size >> (24 - 8 * i));
    }
    (void)protobuf_c_message_pack(header, out + ENVELOPE_PREFIX_BYTES);
    return ENVELOPE_PREFIX_BYTES + size;
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
    size_t size = (size_t)at[4] << 24 | (size_t)at[5] << 16 | (size_t)at[6] << 8 | at[7];
    size_t left = message.size - ENVELOPE_PREFIX_BYTES;
    if (size > ENVELOPE_HEADER_BYTES_MAX || size > left) {
        return refuse(failure, "the header is longer than the message or than 16 KiB");
    }
    *header_out = bytes_of(at + ENVELOPE_PREFIX_BYTES, size);
    *payload_out = bytes_of(at + ENVELOPE_PREFIX_BYTES + size, left - size);
    return STATUS_OK;
}

static bool is_key_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static bool is_call_id_byte(char c)
{
    return is_key_byte(c) || (c >= 'A' && c <= 'Z') || c == ':';
}

static bool is_method_byte(char c)
{
    return (is_call_id_byte(c) || c == '/') && c != '-' && c != ':';
}

static inline bool is_made_of(bool (*is_fit)(char), const char *text, size_t size_max)
{
    size_t size = 0;
    while (size <= size_max && text[size] != '\0' && is_fit(text[size])) {
        size++;
    }
    return size > 0 && size <= size_max && text[size] == '\0';
}

static bool is_method(const char *text)
{
    return text[0] == '/' && is_made_of(is_method_byte, text, ENVELOPE_METHOD_BYTES_MAX);
}

static bool is_call_id(const char *text)
{
    return is_made_of(is_call_id_byte, text, ENVELOPE_CALL_ID_BYTES_MAX);
}

static bool are_metadata_fine(Rpc__V1__Metadata *const *metadata, size_t count)
{
    if (count > ENVELOPE_METADATA_MAX) {
        return false;
    }
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        const char *key = metadata[i]->key;
        if (!is_made_of(is_key_byte, key, METADATA_KEY_BYTES_MAX)) {
            return false;
        }
        total += strlen(key) + metadata[i]->value.len;
    }
    return total <= ENVELOPE_METADATA_BYTES_MAX;
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

/* "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01". Whatever else is there is no reason to
 * refuse the call: it goes on without a trace. */
static const char *find_traceparent(Rpc__V1__Metadata *const *metadata, size_t count,
                                    struct arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *text = metadata[i]->value.data;
        if (strcmp(metadata[i]->key, TRACEPARENT) != 0 ||
            metadata[i]->value.len != ENVELOPE_TRACEPARENT_BYTES - 1) {
            continue;
        }
        bool is_valid = memcmp(text, "00-", 3) == 0 && is_hex(text + 3, 32) && text[35] == '-' &&
                        is_hex(text + 36, 16) && text[52] == '-' && is_hex(text + 53, 2);
        char *copy = is_valid ? arena_calloc(arena, 1, ENVELOPE_TRACEPARENT_BYTES) : NULL;
        if (copy != NULL) {
            memcpy(copy, text, ENVELOPE_TRACEPARENT_BYTES - 1);
            return copy;
        }
    }
    return "";
}
