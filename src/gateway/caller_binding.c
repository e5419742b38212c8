/* See caller_binding.h. */
#include "gateway/caller_binding.h"

#include <stdio.h>
#include <string.h>

#include "base/uuid.h"

#define CUSTOMER_FIELD "customer_id"
#define REQUEST_FIELD  "request_id"
#define ORDER_FIELD    "order_id"
#define OPERATOR_SCOPE "admin."

struct binding {
    const struct caller *caller;
    struct arena *arena;
    struct failure *failure;
    enum status status;
    bool is_answer; /* nothing is written */
};

static bool is_for_all(const struct method *method);
static bool has_field(const ProtobufCMessageDescriptor *type, const char *name);
static void walk(struct binding *binding, ProtobufCMessage *message);
static void visit(struct binding *binding, const ProtobufCFieldDescriptor *field, void *member);
static void visit_customer(struct binding *binding, char **customer_id);
static void mix_request_id(struct binding *binding, char **request_id);

enum status caller_bind(const struct caller *caller, const struct method *method,
                        ProtobufCMessage *request, struct arena *arena, struct failure *failure)
{
    if (!caller->is_known) {
        return STATUS_OK;
    }
    bool is_bound = caller->customer_id[0] != '\0';
    if (is_bound && is_for_all(method)) {
        return failure_set(failure, STATUS_PERMISSION_DENIED, "CUSTOMER_NOT_NAMED",
                           "this caller stands for one customer; this method is for all");
    }
    struct binding binding = {.caller = caller, .arena = arena, .failure = failure};
    walk(&binding, request);
    return binding.status;
}

bool caller_may_see(const struct caller *caller, const ProtobufCMessage *response)
{
    if (!caller->is_known || caller->customer_id[0] == '\0') {
        return true;
    }
    struct binding binding = {.caller = caller, .is_answer = true};
    walk(&binding, (ProtobufCMessage *)(uintptr_t)response);
    return binding.status == STATUS_OK;
}

bool caller_is_kept_from(const struct caller *caller, const struct method *method,
                         const struct failure *failure)
{
    return caller->is_known && caller->customer_id[0] != '\0' &&
           failure->code == STATUS_NOT_FOUND && method->has_no_side_effects &&
           has_field(method_descriptor(method)->output, CUSTOMER_FIELD);
}

static bool is_for_all(const struct method *method)
{
    const ProtobufCMethodDescriptor *descriptor = method_descriptor(method);
    if (strncmp(method->scope, OPERATOR_SCOPE, sizeof OPERATOR_SCOPE - 1) == 0) {
        return true;
    }
    return method->has_no_side_effects ? has_field(descriptor->output, ORDER_FIELD) &&
                                             !has_field(descriptor->output, CUSTOMER_FIELD)
                                       : !has_field(descriptor->input, CUSTOMER_FIELD);
}

/* At any depth. The contracts have no message within itself, so this ends. */
static bool has_field(const ProtobufCMessageDescriptor *type, const char *name)
{
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (strcmp(field->name, name) == 0 ||
            (field->type == PROTOBUF_C_TYPE_MESSAGE && has_field(field->descriptor, name))) {
            return true;
        }
    }
    return false;
}

static void walk(struct binding *binding, ProtobufCMessage *message)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        char *base = (char *)message;
        void *member = base + field->offset;
        const void *quantifier = base + field->quantifier_offset;
        if ((field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE) ||
            ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
             *(const uint32_t *)quantifier != field->id)) {
            continue;
        }
        if (field->label != PROTOBUF_C_LABEL_REPEATED) {
            visit(binding, field, member);
            continue;
        }
        void **items = *(void ***)member;
        for (size_t j = 0; j < *(const size_t *)quantifier; j++) {
            visit(binding, field, &items[j]);
        }
    }
}

static void visit(struct binding *binding, const ProtobufCFieldDescriptor *field, void *member)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        ProtobufCMessage *held = *(ProtobufCMessage **)member;
        if (held != NULL) {
            walk(binding, held);
        }
    } else if (strcmp(field->name, CUSTOMER_FIELD) == 0) {
        visit_customer(binding, member);
    } else if (strcmp(field->name, REQUEST_FIELD) == 0 && !binding->is_answer) {
        mix_request_id(binding, member);
    }
}

static void visit_customer(struct binding *binding, char **customer_id)
{
    const char *own = binding->caller->customer_id;
    if (own[0] == '\0' || strcmp(*customer_id, own) == 0) {
        return;
    }
    if ((*customer_id)[0] == '\0' && !binding->is_answer) {
        *customer_id = arena_strdup(binding->arena, own);
        if (*customer_id != NULL) {
            return;
        }
        *customer_id = (char *)(uintptr_t)protobuf_c_empty_string;
    }
    binding->status = failure_set(binding->failure, STATUS_PERMISSION_DENIED, "OTHER_CUSTOMER",
                                  "this caller stands for another customer");
}

/* A UUIDv7 stays one, of the same time: that it is young is what spares the servers a search. Any
 * other id becomes a hash in hex. An empty one is the channel's to make. */
static void mix_request_id(struct binding *binding, char **request_id)
{
    uint8_t hash[HASH_BYTES];
    char text[2 * HASH_BYTES + 1];
    struct uuid uuid;
    if ((*request_id)[0] == '\0') {
        return;
    }
    const struct hash_part parts[] = {
        {binding->caller->name, strlen(binding->caller->name)},
        {*request_id, strlen(*request_id)},
    };
    hash_parts(parts, 2, hash);
    if (uuid_parse(*request_id, &uuid) && uuid_version(&uuid) == 7) {
        memcpy(uuid.bytes + 6, hash, sizeof uuid.bytes - 6);
        uuid.bytes[6] = (uint8_t)(0x70 | (uuid.bytes[6] & 0x0F));
        uuid.bytes[8] = (uint8_t)(0x80 | (uuid.bytes[8] & 0x3F));
        uuid_print(&uuid, text);
    } else {
        for (size_t i = 0; i < HASH_BYTES; i++) {
            (void)snprintf(text + 2 * i, 3, "%02x", hash[i]);
        }
    }
    char *mixed = arena_strdup(binding->arena, text);
    if (mixed == NULL) {
        binding->status = failure_set(binding->failure, STATUS_RESOURCE_EXHAUSTED,
                                      "MESSAGE_TOO_COMPLEX", "no memory");
        return;
    }
    *request_id = mixed;
}
