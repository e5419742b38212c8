/* See contract_text.h. */
#include "client/cli/contract_text.h"

#include <string.h>

#include "client/cli/text.h"

#define NAME_BYTES_MAX 512
#define PATH_MAX_STEPS 32

/* Field numbers of descriptor.proto, of which a location's path is made. */
enum {
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    ENUM_VALUE = 2,
    SERVICE_METHOD = 2,
};

/* Where in a file one is: its path as source_code_info writes it, and what is printed. */
struct place {
    FILE *out;
    const Google__Protobuf__FileDescriptorSet *set;
    const Google__Protobuf__FileDescriptorProto *file;
    const char *wanted;
    int32_t path[PATH_MAX_STEPS];
    size_t path_length;
};

static bool print_in_file(struct place *place);
static bool print_service(struct place *place, const Google__Protobuf__ServiceDescriptorProto *it,
                          const char *name);
static void print_method(struct place *place, const Google__Protobuf__MethodDescriptorProto *method,
                         size_t index);
static bool search_message(struct place *place, const Google__Protobuf__DescriptorProto *message,
                           const char *name);
static void print_message(struct place *place, const Google__Protobuf__DescriptorProto *message,
                          const char *name);
static void print_field(struct place *place, const Google__Protobuf__DescriptorProto *message,
                        size_t index);
static bool search_enum(struct place *place, const Google__Protobuf__EnumDescriptorProto *it,
                        const char *name);
static bool enter(struct place *place, int32_t field, size_t index);
static void leave(struct place *place);
static void print_comment(const struct place *place, const char *indent);
static void put(FILE *out, const char *text);
static void join(char *out, const char *parent, const char *name);
static const char *skip_dot(const char *type);

bool contract_print(FILE *out, const Google__Protobuf__FileDescriptorSet *set, const char *name)
{
    char wanted[NAME_BYTES_MAX];
    (void)snprintf(wanted, sizeof wanted, "%s", name[0] == '/' ? name + 1 : name);
    char *slash = strchr(wanted, '/');
    if (slash != NULL) {
        *slash = '.';
    }
    for (size_t i = 0; i < set->n_file; i++) {
        struct place place = {.out = out, .set = set, .file = set->file[i], .wanted = wanted};
        if (print_in_file(&place)) {
            return true;
        }
    }
    return false;
}

bool contract_print_methods(FILE *out, const Google__Protobuf__FileDescriptorSet *set,
                            const char *service)
{
    for (size_t i = 0; i < set->n_file; i++) {
        const Google__Protobuf__FileDescriptorProto *file = set->file[i];
        for (size_t at = 0; at < file->n_service; at++) {
            char name[NAME_BYTES_MAX];
            join(name, file->package, file->service[at]->name);
            if (strcmp(name, service) != 0) {
                continue;
            }
            for (size_t method = 0; method < file->service[at]->n_method; method++) {
                put(out, "/");
                put(out, name);
                put(out, "/");
                put(out, file->service[at]->method[method]->name);
                fputs("\n", out);
            }
            return true;
        }
    }
    return false;
}

void contract_print_services(FILE *out, const Google__Protobuf__FileDescriptorSet *set)
{
    bool is_first = true;
    for (size_t i = 0; i < set->n_file; i++) {
        const Google__Protobuf__FileDescriptorProto *file = set->file[i];
        for (size_t at = 0; at < file->n_service; at++) {
            char name[NAME_BYTES_MAX];
            join(name, file->package, file->service[at]->name);
            fputs(is_first ? "" : "\n", out);
            is_first = false;
            (void)contract_print(out, set, name);
        }
    }
}

static bool print_in_file(struct place *place)
{
    const Google__Protobuf__FileDescriptorProto *file = place->file;
    char name[NAME_BYTES_MAX];
    bool found = false;
    for (size_t i = 0; i < file->n_service && !found; i++) {
        join(name, file->package, file->service[i]->name);
        (void)enter(place, FILE_SERVICE, i);
        found = print_service(place, file->service[i], name);
        leave(place);
    }
    for (size_t i = 0; i < file->n_message_type && !found; i++) {
        join(name, file->package, file->message_type[i]->name);
        (void)enter(place, FILE_MESSAGE, i);
        found = search_message(place, file->message_type[i], name);
        leave(place);
    }
    for (size_t i = 0; i < file->n_enum_type && !found; i++) {
        join(name, file->package, file->enum_type[i]->name);
        (void)enter(place, FILE_ENUM, i);
        found = search_enum(place, file->enum_type[i], name);
        leave(place);
    }
    return found;
}

/* The service, or one of its methods with its messages. */
static bool print_service(struct place *place, const Google__Protobuf__ServiceDescriptorProto *it,
                          const char *name)
{
    if (strcmp(name, place->wanted) == 0) {
        print_comment(place, "");
        fputs("service ", place->out);
        put(place->out, name);
        fputs(" {\n", place->out);
        for (size_t i = 0; i < it->n_method; i++) {
            print_method(place, it->method[i], i);
        }
        fputs("}\n", place->out);
        return true;
    }
    for (size_t i = 0; i < it->n_method; i++) {
        char method[NAME_BYTES_MAX];
        join(method, name, it->method[i]->name);
        if (strcmp(method, place->wanted) == 0) {
            print_method(place, it->method[i], i);
            fputs("\n", place->out);
            (void)contract_print(place->out, place->set, skip_dot(it->method[i]->input_type));
            fputs("\n", place->out);
            (void)contract_print(place->out, place->set, skip_dot(it->method[i]->output_type));
            return true;
        }
    }
    return false;
}

static void print_method(struct place *place, const Google__Protobuf__MethodDescriptorProto *method,
                         size_t index)
{
    if (enter(place, SERVICE_METHOD, index)) {
        print_comment(place, "  ");
        leave(place);
    }
    fputs("  rpc ", place->out);
    put(place->out, method->name);
    fputs("(", place->out);
    put(place->out, skip_dot(method->input_type));
    fputs(") returns (", place->out);
    put(place->out, skip_dot(method->output_type));
    fputs(");\n", place->out);
}

/* It, or what is declared in it. */
static bool search_message(struct place *place, const Google__Protobuf__DescriptorProto *message,
                           const char *name)
{
    if (strcmp(name, place->wanted) == 0) {
        print_message(place, message, name);
        return true;
    }
    char inner[NAME_BYTES_MAX];
    bool found = false;
    for (size_t i = 0; i < message->n_nested_type && !found; i++) {
        join(inner, name, message->nested_type[i]->name);
        if (enter(place, MESSAGE_NESTED, i)) {
            found = search_message(place, message->nested_type[i], inner);
            leave(place);
        }
    }
    for (size_t i = 0; i < message->n_enum_type && !found; i++) {
        join(inner, name, message->enum_type[i]->name);
        if (enter(place, MESSAGE_ENUM, i)) {
            found = search_enum(place, message->enum_type[i], inner);
            leave(place);
        }
    }
    return found;
}

static void print_message(struct place *place, const Google__Protobuf__DescriptorProto *message,
                          const char *name)
{
    print_comment(place, "");
    fputs("message ", place->out);
    put(place->out, name);
    fputs(" {\n", place->out);
    for (size_t i = 0; i < message->n_field; i++) {
        print_field(place, message, i);
    }
    fputs("}\n", place->out);
}

static const char *name_type(const Google__Protobuf__FieldDescriptorProto *field)
{
    static const char *const SCALARS[] = {"",         "double",   "float",   "int64",  "uint64",
                                          "int32",    "fixed64",  "fixed32", "bool",   "string",
                                          "group",    "",         "bytes",   "uint32", "",
                                          "sfixed32", "sfixed64", "sint32",  "sint64"};
    if (field->type_name != NULL) {
        return skip_dot(field->type_name);
    }
    size_t type = (size_t)field->type;
    return type < sizeof SCALARS / sizeof SCALARS[0] ? SCALARS[type] : "?";
}

static void print_field(struct place *place, const Google__Protobuf__DescriptorProto *message,
                        size_t index)
{
    const Google__Protobuf__FieldDescriptorProto *field = message->field[index];
    if (enter(place, MESSAGE_FIELD, index)) {
        print_comment(place, "  ");
        leave(place);
    }
    bool repeated = field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
    fputs(repeated ? "  repeated " : "  ", place->out);
    put(place->out, name_type(field));
    fputs(" ", place->out);
    put(place->out, field->name);
    fprintf(place->out, " = %d;", field->number);
    if (field->has_oneof_index && field->oneof_index >= 0 &&
        (size_t)field->oneof_index < message->n_oneof_decl) {
        fputs(" // oneof ", place->out);
        put(place->out, message->oneof_decl[field->oneof_index]->name);
    }
    fputs("\n", place->out);
}

static bool search_enum(struct place *place, const Google__Protobuf__EnumDescriptorProto *it,
                        const char *name)
{
    if (strcmp(name, place->wanted) != 0) {
        return false;
    }
    print_comment(place, "");
    fputs("enum ", place->out);
    put(place->out, name);
    fputs(" {\n", place->out);
    for (size_t i = 0; i < it->n_value; i++) {
        if (enter(place, ENUM_VALUE, i)) {
            print_comment(place, "  ");
            leave(place);
        }
        fputs("  ", place->out);
        put(place->out, it->value[i]->name);
        fprintf(place->out, " = %d;\n", it->value[i]->number);
    }
    fputs("}\n", place->out);
    return true;
}

/* False when the path is too long. */
static bool enter(struct place *place, int32_t field, size_t index)
{
    if (place->path_length + 2 > PATH_MAX_STEPS) {
        return false;
    }
    place->path[place->path_length++] = field;
    place->path[place->path_length++] = (int32_t)index;
    return true;
}

static void leave(struct place *place)
{
    place->path_length -= 2;
}

static const char *find_comment(const struct place *place)
{
    const Google__Protobuf__SourceCodeInfo *info = place->file->source_code_info;
    for (size_t i = 0; info != NULL && i < info->n_location; i++) {
        const Google__Protobuf__SourceCodeInfo__Location *location = info->location[i];
        if (location->n_path == place->path_length &&
            memcmp(location->path, place->path, place->path_length * sizeof place->path[0]) == 0) {
            return location->leading_comments;
        }
    }
    return NULL;
}

static void print_comment(const struct place *place, const char *indent)
{
    const char *line = find_comment(place);
    while (line != NULL && line[0] != '\0') {
        size_t size = strcspn(line, "\n");
        char text[NAME_BYTES_MAX];
        (void)snprintf(text, sizeof text, "%.*s", (int)size, line);
        fprintf(place->out, "%s//", indent);
        put(place->out, text);
        fputs("\n", place->out);
        line += size + (line[size] == '\n');
    }
}

/* What a server says must not reach the terminal's controls. */
static void put(FILE *out, const char *text)
{
    char safe[NAME_BYTES_MAX];
    (void)snprintf(safe, sizeof safe, "%s", text != NULL ? text : "");
    text_disarm(safe);
    fputs(safe, out);
}

static void join(char *out, const char *parent, const char *name)
{
    bool has_parent = parent != NULL && parent[0] != '\0';
    (void)snprintf(out, NAME_BYTES_MAX, "%s%s%s", has_parent ? parent : "", has_parent ? "." : "",
                   name != NULL ? name : "");
}

/* ".shop.v1.Order" */
static const char *skip_dot(const char *type)
{
    return type == NULL ? "" : type[0] == '.' ? type + 1 : type;
}
