/* See schema.h. Three passes: name every type, fill each one in (by then all references can be
 * found), then the services. */
#include "client/cli/schema.h"

#include <google/protobuf/any.pb-c.h>
#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/field_mask.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/schema_inside.h"

/* Where types are declared: a file or a message. */
struct scope {
    const char *name; /* "" for a file without a package */
    const char *package;
    bool is_proto3;
};

static enum status make_room(struct schema *schema, const Google__Protobuf__FileDescriptorSet *set);
static size_t count_types(Google__Protobuf__DescriptorProto *const *messages, size_t count);
static enum status name_file(struct schema *schema,
                             const Google__Protobuf__FileDescriptorProto *file);
static enum status name_message(struct schema *schema, const struct scope *scope,
                                const Google__Protobuf__DescriptorProto *message);
static enum status name_enums(struct schema *schema, const struct scope *scope,
                              Google__Protobuf__EnumDescriptorProto *const *enums, size_t count);
static enum status name_type(struct schema *schema, const struct scope *scope, const char *name,
                             struct schema_type **type_out);
static enum status sort_types(struct schema *schema);
static enum status fill_types(struct schema *schema);
static bool is_package(const char *text);
static const ProtobufCMessageDescriptor *find_own(const char *name);
static int compare_types(const void *a, const void *b);

enum status schema_create(const Google__Protobuf__FileDescriptorSet *set, struct arena *arena,
                          const struct schema **schema_out, struct failure *failure)
{
    struct schema *schema = arena_calloc(arena, 1, sizeof *schema);
    if (schema == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "NO_MEMORY",
                           "no memory for the server's contracts");
    }
    schema->arena = arena;
    schema->failure = failure;
    enum status status = make_room(schema, set);
    for (size_t i = 0; i < set->n_file && status == STATUS_OK; i++) {
        status = name_file(schema, set->file[i]);
    }
    if (status == STATUS_OK) {
        status = sort_types(schema);
    }
    if (status == STATUS_OK) {
        status = fill_types(schema);
    }
    if (status == STATUS_OK) {
        status = schema_fill_services(schema, set);
    }
    schema->failure = NULL;
    if (status == STATUS_OK) {
        *schema_out = schema;
    }
    return status;
}

const struct json_types *schema_messages(const struct schema *schema)
{
    return &schema->messages;
}

const struct schema_type *schema_find_type(const struct schema *schema, const char *reference)
{
    if (reference == NULL || reference[0] != '.') {
        return NULL; /* a compiler writes them in full */
    }
    struct schema_type wanted = {.name = reference + 1};
    return bsearch(&wanted, schema->types, schema->type_count, sizeof wanted, compare_types);
}

const ProtobufCMessageDescriptor *schema_message_of(const struct schema_type *type)
{
    return type->own != NULL ? type->own : type->as_message;
}

static enum status make_room(struct schema *schema, const Google__Protobuf__FileDescriptorSet *set)
{
    size_t types = 0, services = 0;
    for (size_t i = 0; i < set->n_file; i++) {
        const Google__Protobuf__FileDescriptorProto *file = set->file[i];
        types += count_types(file->message_type, file->n_message_type) + file->n_enum_type;
        services += file->n_service;
    }
    schema->types = arena_calloc(schema->arena, types + 1, sizeof *schema->types);
    schema->services = arena_calloc(schema->arena, services + 1, sizeof *schema->services);
    schema->types_room = types;
    schema->services_room = services;
    return schema->types != NULL && schema->services != NULL ? STATUS_OK
                                                             : schema_refuse_memory(schema);
}

/* Recursion ends where message_decode ended it. */
static size_t count_types(Google__Protobuf__DescriptorProto *const *messages, size_t count)
{
    size_t types = count;
    for (size_t i = 0; i < count; i++) {
        types += messages[i]->n_enum_type +
                 count_types(messages[i]->nested_type, messages[i]->n_nested_type);
    }
    return types;
}

static enum status name_file(struct schema *schema,
                             const Google__Protobuf__FileDescriptorProto *file)
{
    const char *package = file->package != NULL ? file->package : "";
    const char *syntax = file->syntax != NULL ? file->syntax : "proto2";
    bool is_proto3 = strcmp(syntax, "proto3") == 0;
    if (!is_package(package)) {
        return schema_refuse(schema, "a package is named '%s'", package);
    }
    if (!is_proto3 && strcmp(syntax, "proto2") != 0) {
        return schema_refuse(schema, "the syntax '%s' is not known", syntax);
    }
    struct scope scope = {.name = package, .package = package, .is_proto3 = is_proto3};
    enum status status = name_enums(schema, &scope, file->enum_type, file->n_enum_type);
    for (size_t i = 0; i < file->n_message_type && status == STATUS_OK; i++) {
        status = name_message(schema, &scope, file->message_type[i]);
    }
    return status;
}

static enum status name_message(struct schema *schema, const struct scope *scope,
                                const Google__Protobuf__DescriptorProto *message)
{
    struct schema_type *type = NULL;
    enum status status = name_type(schema, scope, message->name, &type);
    if (type == NULL) {
        return status;
    }
    type->message = message;
    type->own = find_own(type->name);
    type->as_message = arena_calloc(schema->arena, 1, sizeof *type->as_message);
    if (type->as_message == NULL) {
        return schema_refuse_memory(schema);
    }
    struct scope inner = *scope;
    inner.name = type->name;
    status = name_enums(schema, &inner, message->enum_type, message->n_enum_type);
    for (size_t i = 0; i < message->n_nested_type && status == STATUS_OK; i++) {
        status = name_message(schema, &inner, message->nested_type[i]);
    }
    return status;
}

static enum status name_enums(struct schema *schema, const struct scope *scope,
                              Google__Protobuf__EnumDescriptorProto *const *enums, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct schema_type *type = NULL;
        enum status status = name_type(schema, scope, enums[i]->name, &type);
        if (type == NULL) {
            return status;
        }
        type->enumeration = enums[i];
        type->as_enum = arena_calloc(schema->arena, 1, sizeof *type->as_enum);
        if (type->as_enum == NULL) {
            return schema_refuse_memory(schema);
        }
    }
    return STATUS_OK;
}

static enum status name_type(struct schema *schema, const struct scope *scope, const char *name,
                             struct schema_type **type_out)
{
    if (!schema_is_name(name)) {
        return schema_refuse(schema, "a type is named '%s'", name != NULL ? name : "");
    }
    const char *whole = schema_join(schema, scope->name, name);
    if (whole == NULL) {
        return schema_refuse_memory(schema);
    }
    struct schema_type *type = &schema->types[schema->type_count++];
    type->name = whole;
    type->package = scope->package;
    type->is_proto3 = scope->is_proto3;
    *type_out = type;
    return STATUS_OK;
}

static enum status sort_types(struct schema *schema)
{
    qsort(schema->types, schema->type_count, sizeof schema->types[0], compare_types);
    for (size_t i = 1; i < schema->type_count; i++) {
        if (compare_types(&schema->types[i - 1], &schema->types[i]) == 0) {
            return schema_refuse(schema, "%s is there twice", schema->types[i].name);
        }
    }
    return STATUS_OK;
}

static enum status fill_types(struct schema *schema)
{
    const ProtobufCMessageDescriptor **messages =
        arena_calloc(schema->arena, schema->type_count + 1, sizeof(void *));
    if (messages == NULL) {
        return schema_refuse_memory(schema);
    }
    schema->messages.list = messages;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < schema->type_count && status == STATUS_OK; i++) {
        struct schema_type *type = &schema->types[i];
        if (type->message == NULL) {
            status = schema_fill_enum(schema, type);
            continue;
        }
        messages[schema->messages.count++] = schema_message_of(type);
        if (type->own == NULL) {
            status = schema_fill_message(schema, type);
        }
    }
    for (size_t i = 0; i < schema->type_count && status == STATUS_OK; i++) {
        status = schema_check_maps(schema, &schema->types[i]);
    }
    return status;
}

char *schema_join(struct schema *schema, const char *scope, const char *name)
{
    size_t scope_size = strlen(scope), name_size = strlen(name);
    size_t dot = scope_size > 0;
    char *out = arena_alloc(schema->arena, scope_size + dot + name_size + 1);
    if (out != NULL) {
        (void)snprintf(out, scope_size + dot + name_size + 1, "%s%s%s", scope, dot ? "." : "",
                       name);
    }
    return out;
}

bool schema_is_name(const char *text)
{
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    if (text == NULL || text[0] == '\0' || strchr(LETTERS, text[0]) == NULL) {
        return false;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (strchr(LETTERS, *at) == NULL && (*at < '0' || *at > '9')) {
            return false;
        }
    }
    return true;
}

/* Names with a dot between each two; or nothing. */
static bool is_package(const char *text)
{
    char part[256];
    while (text[0] != '\0') {
        size_t size = strcspn(text, ".");
        if (size >= sizeof part) {
            return false;
        }
        memcpy(part, text, size);
        part[size] = '\0';
        if (!schema_is_name(part) || (text[size] == '.' && text[size + 1] == '\0')) {
            return false;
        }
        text += size + (text[size] == '.');
    }
    return true;
}

static const ProtobufCMessageDescriptor *find_own(const char *name)
{
    static const ProtobufCMessageDescriptor *const OWN[] = {
        &google__protobuf__any__descriptor,
        &google__protobuf__duration__descriptor,
        &google__protobuf__field_mask__descriptor,
        &google__protobuf__timestamp__descriptor,
    };
    for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++) {
        if (strcmp(OWN[i]->name, name) == 0) {
            return OWN[i];
        }
    }
    return NULL;
}

static int compare_types(const void *a, const void *b)
{
    const struct schema_type *left = a, *right = b;
    return strcmp(left->name, right->name);
}

enum status schema_refuse(struct schema *schema, const char *format, ...)
{
    char why[FAILURE_MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    return failure_set(schema->failure, STATUS_INTERNAL, "BAD_CONTRACTS",
                       "the server's contracts cannot be used: %s", why);
}

enum status schema_refuse_memory(struct schema *schema)
{
    return failure_set(schema->failure, STATUS_RESOURCE_EXHAUSTED, "NO_MEMORY",
                       "the server's contracts take too much memory");
}
