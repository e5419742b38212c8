/* Schema: the set's services, and a method by what a person types. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/schema_inside.h"

static enum status fill_service(struct schema *schema, const char *package,
                                const Google__Protobuf__ServiceDescriptorProto *service);
static enum status fill_method(struct schema *schema, const char *service,
                               const Google__Protobuf__MethodDescriptorProto *method,
                               ProtobufCMethodDescriptor *out);
static enum status index_methods(struct schema *schema, ProtobufCServiceDescriptor *service);
static int compare_names(const void *a, const void *b);
static bool names_method(const ProtobufCServiceDescriptor *service,
                         const ProtobufCMethodDescriptor *method, const char *name,
                         bool *is_whole_out);

enum status schema_find_method(const struct schema *schema, const char *name,
                               struct schema_method *method_out, struct failure *failure)
{
    struct schema_method found = {0};
    size_t count = 0;
    for (size_t i = 0; i < schema->service_count; i++) {
        const ProtobufCServiceDescriptor *service = &schema->services[i];
        for (unsigned at = 0; at < service->n_methods; at++) {
            bool is_whole = false;
            if (!names_method(service, &service->methods[at], name, &is_whole)) {
                continue;
            }
            found = (struct schema_method){service, &service->methods[at]};
            count++;
            if (is_whole) {
                *method_out = found;
                return STATUS_OK;
            }
        }
    }
    if (count == 0) {
        return failure_set(failure, STATUS_NOT_FOUND, "METHOD_NOT_FOUND",
                           "the server's contracts have no method %s", name);
    }
    if (count > 1) {
        return failure_set(failure, STATUS_INVALID_ARGUMENT, "METHOD_AMBIGUOUS",
                           "%zu methods end with %s; give the service, too", count, name);
    }
    *method_out = found;
    return STATUS_OK;
}

/* Compares from the end: "/S/M", "S/M", "S.M", or any part of it that begins a word. */
static bool names_method(const ProtobufCServiceDescriptor *service,
                         const ProtobufCMethodDescriptor *method, const char *name,
                         bool *is_whole_out)
{
    name += name[0] == '/';
    size_t given = strlen(name), last = strlen(method->name), first = strlen(service->name);
    if (given < last || strcmp(name + given - last, method->name) != 0) {
        return false;
    }
    if (given == last) {
        return true;
    }
    size_t scope = given - last - 1; /* bytes of the service's name that were given */
    char between = name[scope];
    if ((between != '/' && between != '.') || scope > first ||
        memcmp(name, service->name + first - scope, scope) != 0) {
        return false;
    }
    *is_whole_out = scope == first;
    return *is_whole_out || service->name[first - scope - 1] == '.';
}

enum status schema_fill_services(struct schema *schema,
                                 const Google__Protobuf__FileDescriptorSet *set)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < set->n_file; i++) {
        const Google__Protobuf__FileDescriptorProto *file = set->file[i];
        const char *package = file->package != NULL ? file->package : "";
        for (size_t at = 0; at < file->n_service && status == STATUS_OK; at++) {
            status = fill_service(schema, package, file->service[at]);
        }
    }
    return status;
}

static enum status fill_service(struct schema *schema, const char *package,
                                const Google__Protobuf__ServiceDescriptorProto *service)
{
    if (!schema_is_name(service->name)) {
        return schema_refuse(schema, "a service is named '%s'",
                             service->name != NULL ? service->name : "");
    }
    size_t count = service->n_method;
    const char *name = schema_join(schema, package, service->name);
    ProtobufCMethodDescriptor *methods = arena_calloc(schema->arena, count + 1, sizeof *methods);
    if (name == NULL || methods == NULL) {
        return schema_refuse_memory(schema);
    }
    ProtobufCServiceDescriptor *out = &schema->services[schema->service_count++];
    *out = (ProtobufCServiceDescriptor){
        .magic = PROTOBUF_C__SERVICE_DESCRIPTOR_MAGIC,
        .name = name,
        .short_name = service->name,
        .c_name = service->name,
        .package = package,
        .methods = methods,
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        bool is_unary =
            !service->method[i]->client_streaming && !service->method[i]->server_streaming;
        if (is_unary) { /* the channel has no others */
            status = fill_method(schema, name, service->method[i], &methods[out->n_methods++]);
        }
    }
    return status == STATUS_OK ? index_methods(schema, out) : status;
}

/* The way by name, as protobuf-c keeps it. */
static enum status index_methods(struct schema *schema, ProtobufCServiceDescriptor *service)
{
    unsigned count = service->n_methods;
    const ProtobufCMethodDescriptor **by_name =
        arena_calloc(schema->arena, count + 1U, sizeof(void *));
    unsigned *indices = arena_calloc(schema->arena, count + 1U, sizeof *indices);
    if (by_name == NULL || indices == NULL) {
        return schema_refuse_memory(schema);
    }
    for (unsigned i = 0; i < count; i++) {
        by_name[i] = &service->methods[i];
    }
    qsort(by_name, count, sizeof(void *), compare_names);
    for (unsigned i = 0; i < count; i++) {
        indices[i] = (unsigned)(by_name[i] - service->methods);
    }
    service->method_indices_by_name = indices;
    return STATUS_OK;
}

static enum status fill_method(struct schema *schema, const char *service,
                               const Google__Protobuf__MethodDescriptorProto *method,
                               ProtobufCMethodDescriptor *out)
{
    if (!schema_is_name(method->name)) {
        return schema_refuse(schema, "a method of %s is named '%s'", service,
                             method->name != NULL ? method->name : "");
    }
    const struct schema_type *input = schema_find_type(schema, method->input_type);
    const struct schema_type *output = schema_find_type(schema, method->output_type);
    if (input == NULL || input->message == NULL || output == NULL || output->message == NULL) {
        return schema_refuse(schema, "%s.%s takes or gives what is no message of the set", service,
                             method->name);
    }
    out->name = method->name;
    out->input = schema_message_of(input);
    out->output = schema_message_of(output);
    return STATUS_OK;
}

static int compare_names(const void *a, const void *b)
{
    const ProtobufCMethodDescriptor *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}
