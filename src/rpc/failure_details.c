/* See failure_details.h. */
#include "rpc/failure_details.h"

#include <assert.h>
#include <google/rpc/error_details.pb-c.h>
#include <string.h>

#include "base/utf8.h"
#include "rpc/message.h"

#define TYPE_PREFIX      "type.googleapis.com/google.rpc."
#define ERROR_INFO_TYPE  TYPE_PREFIX "ErrorInfo"
#define BAD_REQUEST_TYPE TYPE_PREFIX "BadRequest"
#define RETRY_INFO_TYPE  TYPE_PREFIX "RetryInfo"

/* A retry delay above a day is a mistake. */
#define RETRY_DELAY_MS_MAX (24 * 3600 * 1000LL)

static void encode_error_info(const struct failure *failure, const char *domain,
                              struct failure_details *out);
static void encode_bad_request(const struct failure *failure, struct failure_details *out);
static void encode_retry_info(const struct failure *failure, struct failure_details *out);
static void append(struct failure_details *out, const char *type, const ProtobufCMessage *message);
static void decode_error_info(const Google__Rpc__ErrorInfo *info, struct failure *failure);
static void decode_bad_request(const Google__Rpc__BadRequest *bad, struct failure *failure);
static void decode_retry_info(const Google__Rpc__RetryInfo *retry, struct failure *failure);

void failure_details_encode(const struct failure *failure, const char *domain,
                            struct failure_details *out)
{
    out->count = 0;
    out->used = 0;
    if (failure->reason[0] != '\0') {
        encode_error_info(failure, domain, out);
    }
    if (failure->field[0] != '\0') {
        encode_bad_request(failure, out);
    }
    if (failure->retry_delay_ms > 0) {
        encode_retry_info(failure, out);
    }
}

static void encode_error_info(const struct failure *failure, const char *domain,
                              struct failure_details *out)
{
    struct failure clean;
    Google__Rpc__ErrorInfo__MetadataEntry entries[FAILURE_METADATA_MAX];
    Google__Rpc__ErrorInfo__MetadataEntry *list[FAILURE_METADATA_MAX];
    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;

    utf8_copy(clean.reason, sizeof clean.reason, failure->reason);
    for (size_t i = 0; i < failure->metadata_count; i++) {
        utf8_copy(clean.metadata[i].key, sizeof clean.metadata[i].key, failure->metadata[i].key);
        utf8_copy(clean.metadata[i].value, sizeof clean.metadata[i].value,
                  failure->metadata[i].value);
        google__rpc__error_info__metadata_entry__init(&entries[i]);
        entries[i].key = clean.metadata[i].key;
        entries[i].value = clean.metadata[i].value;
        list[i] = &entries[i];
    }
    info.reason = clean.reason;
    info.domain = (char *)(uintptr_t)domain;
    info.n_metadata = failure->metadata_count;
    info.metadata = list;
    append(out, ERROR_INFO_TYPE, &info.base);
}

static void encode_bad_request(const struct failure *failure, struct failure_details *out)
{
    char field[FAILURE_FIELD_BYTES], description[FAILURE_MESSAGE_BYTES];
    Google__Rpc__BadRequest__FieldViolation violation;
    Google__Rpc__BadRequest__FieldViolation *list[1] = {&violation};
    Google__Rpc__BadRequest bad = GOOGLE__RPC__BAD_REQUEST__INIT;

    utf8_copy(field, sizeof field, failure->field);
    utf8_copy(description, sizeof description, failure->message);
    google__rpc__bad_request__field_violation__init(&violation);
    violation.field = field;
    violation.description = description;
    bad.n_field_violations = 1;
    bad.field_violations = list;
    append(out, BAD_REQUEST_TYPE, &bad.base);
}

static void encode_retry_info(const struct failure *failure, struct failure_details *out)
{
    Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
    Google__Rpc__RetryInfo retry = GOOGLE__RPC__RETRY_INFO__INIT;
    delay.seconds = failure->retry_delay_ms / 1000;
    delay.nanos = (int32_t)(failure->retry_delay_ms % 1000) * 1000000;
    retry.retry_delay = &delay;
    append(out, RETRY_INFO_TYPE, &retry.base);
}

static void append(struct failure_details *out, const char *type, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    assert(out->count < FAILURE_DETAILS_MAX && size <= sizeof out->bytes - out->used);
    uint8_t *value = out->bytes + out->used;
    (void)protobuf_c_message_pack(message, value);
    out->used += size;

    Google__Protobuf__Any *any = &out->any[out->count];
    google__protobuf__any__init(any);
    any->type_url = (char *)(uintptr_t)type;
    any->value = (ProtobufCBinaryData){.len = size, .data = value};
    out->list[out->count++] = any;
}

void failure_details_decode(Google__Protobuf__Any *const *details, size_t count,
                            struct arena *arena, struct failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        const char *type = details[i]->type_url;
        const ProtobufCMessageDescriptor *descriptor =
            strcmp(type, ERROR_INFO_TYPE) == 0    ? &google__rpc__error_info__descriptor
            : strcmp(type, BAD_REQUEST_TYPE) == 0 ? &google__rpc__bad_request__descriptor
            : strcmp(type, RETRY_INFO_TYPE) == 0  ? &google__rpc__retry_info__descriptor
                                                  : NULL;
        struct bytes value = bytes_of(details[i]->value.data, details[i]->value.len);
        ProtobufCMessage *message;
        if (descriptor == NULL ||
            message_decode(descriptor, value, arena, &message, NULL) != STATUS_OK) {
            continue;
        }
        if (descriptor == &google__rpc__error_info__descriptor) {
            decode_error_info((const Google__Rpc__ErrorInfo *)message, failure);
        } else if (descriptor == &google__rpc__bad_request__descriptor) {
            decode_bad_request((const Google__Rpc__BadRequest *)message, failure);
        } else {
            decode_retry_info((const Google__Rpc__RetryInfo *)message, failure);
        }
    }
}

static void decode_error_info(const Google__Rpc__ErrorInfo *info, struct failure *failure)
{
    utf8_copy(failure->reason, sizeof failure->reason, info->reason);
    size_t count =
        info->n_metadata < FAILURE_METADATA_MAX ? info->n_metadata : FAILURE_METADATA_MAX;
    for (size_t i = 0; i < count; i++) {
        utf8_copy(failure->metadata[i].key, sizeof failure->metadata[i].key,
                  info->metadata[i]->key);
        utf8_copy(failure->metadata[i].value, sizeof failure->metadata[i].value,
                  info->metadata[i]->value);
    }
    failure->metadata_count = count;
}

static void decode_bad_request(const Google__Rpc__BadRequest *bad, struct failure *failure)
{
    if (bad->n_field_violations > 0) {
        utf8_copy(failure->field, sizeof failure->field, bad->field_violations[0]->field);
    }
}

static void decode_retry_info(const Google__Rpc__RetryInfo *retry, struct failure *failure)
{
    const Google__Protobuf__Duration *delay = retry->retry_delay;
    if (delay == NULL || delay->seconds < 0 || delay->nanos < 0) {
        return;
    }
    failure->retry_delay_ms = delay->seconds < RETRY_DELAY_MS_MAX / 1000
                                  ? delay->seconds * 1000 + delay->nanos / 1000000
                                  : RETRY_DELAY_MS_MAX;
}
