/* Fuzz: any bytes as a request, the whole way that a server takes them before it does anything:
 * decode into the call's arena, to the domain's types, the rules. The first byte chooses the
 * method. What was taken is text where it says so, and encodes and decodes again as the same. */
#include <shop/v1/order_service.pb-c.h>
#include <shop/v1/product_service.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "rpc/limits.h"
#include "rpc/message.h"
#include "shop/identity.h"
#include "shop/lifecycle.h"
#include "shop/order_codec.h"
#include "shop/product_codec.h"
#include "shop/rules.h"

#define NOW_US (INT64_C(1800000000) * 1000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *choose(uint8_t number);
static void check_texts(const ProtobufCMessage *message);
static void check_text(const ProtobufCFieldDescriptor *field, const void *member);
static void check_round_trip(const ProtobufCMessage *message, struct arena *arena);
static void take_order(const ProtobufCMessage *message, struct arena *arena);
static void take_verb(const ProtobufCMessage *message, struct arena *arena);
static void take_product(const ProtobufCMessage *message, struct arena *arena);
static void take_adjustment(const ProtobufCMessage *message, struct arena *arena);

static const struct {
    const ProtobufCMessageDescriptor *type;
    void (*take)(const ProtobufCMessage *message, struct arena *arena);
} COMMANDS[] = {
    {&shop__v1__create_order_request__descriptor, take_order},
    {&shop__v1__confirm_order_request__descriptor, take_verb},
    {&shop__v1__cancel_order_request__descriptor, take_verb},
    {&shop__v1__fulfill_order_request__descriptor, take_verb},
    {&shop__v1__create_product_request__descriptor, take_product},
    {&shop__v1__adjust_stock_request__descriptor, take_adjustment},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const ProtobufCMessageDescriptor *type = choose(data[0]);
    struct arena arena;
    struct failure failure;
    ProtobufCMessage *message;
    arena_init(&arena, 4096, RPC_CALL_MEMORY_BYTES_MAX);
    if (message_decode(type, bytes_of(data + 1, size - 1), &arena, &message, &failure) ==
        STATUS_OK) {
        check_texts(message);
        check_round_trip(message, &arena);
        for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
            if (COMMANDS[i].type == type) {
                COMMANDS[i].take(message, &arena);
            }
        }
    }
    if (arena.used_bytes > RPC_CALL_MEMORY_BYTES_MAX) {
        abort();
    }
    arena_fini(&arena);
    return 0;
}

/* By the sum of its name's characters: what a seed means stays when methods are added. */
static const ProtobufCMessageDescriptor *choose(uint8_t number)
{
    static const ProtobufCServiceDescriptor *const SERVICES[] = {
        &shop__v1__order_service__descriptor, &shop__v1__product_service__descriptor};
    for (size_t i = 0; i < sizeof SERVICES / sizeof SERVICES[0]; i++) {
        for (unsigned at = 0; at < SERVICES[i]->n_methods; at++) {
            uint8_t sum = 0;
            for (const char *name = SERVICES[i]->methods[at].name; *name != '\0'; name++) {
                sum = (uint8_t)(sum + *name);
            }
            if (sum == number) {
                return SERVICES[i]->methods[at].input;
            }
        }
    }
    return SERVICES[0]->methods[number % SERVICES[0]->n_methods].input;
}

static void check_texts(const ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        const char *base = (const char *)message;
        bool is_pointer =
            field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
        bool is_other =
            (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
            *(const uint32_t *)(const void *)(base + field->quantifier_offset) != field->id;
        if (!is_pointer || is_other) {
            continue;
        }
        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
            check_text(field, base + field->offset);
            continue;
        }
        size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
        const void *const *items =
            *(const void *const *const *)(const void *)(base + field->offset);
        for (size_t at = 0; at < count; at++) {
            check_text(field, &items[at]);
        }
    }
}

static void check_text(const ProtobufCFieldDescriptor *field, const void *member)
{
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char *text = *(const char *const *)member;
        if (text == NULL || !utf8_is_text(bytes_of_text(text))) {
            abort();
        }
        return;
    }
    const ProtobufCMessage *inner = *(const ProtobufCMessage *const *)member;
    if (inner != NULL) {
        check_texts(inner);
    }
}

static void check_round_trip(const ProtobufCMessage *message, struct arena *arena)
{
    struct bytes first = message_encode(message, arena);
    ProtobufCMessage *again;
    struct failure failure;
    if (first.data == NULL) {
        return; /* the arena is full */
    }
    if (message_decode(message->descriptor, first, arena, &again, &failure) != STATUS_OK) {
        if (strcmp(failure.reason, "MESSAGE_TOO_COMPLEX") == 0) {
            return;
        }
        abort();
    }
    struct bytes second = message_encode(again, arena);
    if (second.data != NULL && !bytes_equal(first, second)) {
        abort();
    }
}

static void take_order(const ProtobufCMessage *message, struct arena *arena)
{
    struct failure failure;
    uint8_t hash[REQUEST_HASH_BYTES];
    struct order_request *request = order_codec_create_request(message, arena);
    if (request == NULL || rules_check_order_request(request, NOW_US, &failure) != STATUS_OK) {
        return;
    }
    size_t count;
    identity_hash_order(request, hash);
    (void)rules_sum_lines(request->lines, request->line_count, arena, &count);
}

static void take_verb(const ProtobufCMessage *message, struct arena *arena)
{
    struct failure failure;
    uint8_t hash[REQUEST_HASH_BYTES];
    struct verb_request *request = order_codec_verb_request(message, arena);
    if (request != NULL && lifecycle_check_request(request, &failure) == STATUS_OK) {
        identity_hash_verb(request, hash);
    }
}

static void take_product(const ProtobufCMessage *message, struct arena *arena)
{
    struct failure failure;
    uint8_t hash[REQUEST_HASH_BYTES];
    struct product_request *request = product_codec_request(message, arena);
    if (request != NULL && rules_check_product_request(request, &failure) == STATUS_OK) {
        identity_hash_product(request, hash);
    }
}

static void take_adjustment(const ProtobufCMessage *message, struct arena *arena)
{
    struct failure failure;
    uint8_t hash[REQUEST_HASH_BYTES];
    struct stock_adjustment *adjustment = product_codec_adjustment(message, arena);
    if (adjustment != NULL && rules_check_adjustment(adjustment, &failure) == STATUS_OK) {
        identity_hash_adjustment(adjustment, hash);
    }
}
