/* Make methods: at build time, the table of method.h out of a FileDescriptorSet.
 *     make_methods CONTRACTS.binpb SERVICE.proto... > methods.c
 * The services of the files named are served; comments and options come from the contracts. Refuses
 * what the gateway would serve wrongly: json_name overrides, streams, bindings it does not know. */
#include <ctype.h>
#include <google/api/http.pb-c.h>
#include <google/protobuf/descriptor.pb-c.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTRACTS_BYTES_MAX (16 * 1024 * 1024) /* ours are a hundredth of it */
#define HTTP_EXTENSION      72295728           /* google.api.http */
#define MAX_AGE_EXTENSION   50001              /* shop.v1.public_max_age_s */

static Google__Protobuf__FileDescriptorSet *load(const char *path);
static void check_names(const Google__Protobuf__DescriptorProto *message);
static bool is_listed(const char *name, char **list, int count);
static void print_includes(const Google__Protobuf__FileDescriptorProto *file);
static void print_rules(const Google__Protobuf__FileDescriptorProto *file);
static void print_methods(const Google__Protobuf__FileDescriptorProto *file);
static Google__Api__HttpRule *find_rule(const Google__Protobuf__MethodDescriptorProto *method);
static unsigned find_max_age(const Google__Protobuf__MethodDescriptorProto *method);
static void print_rule(const Google__Api__HttpRule *rule, const char *method);
static bool is_supported(const char *template);
static void print_c_name(const char *package, const char *name);
static void print_scope(const char *service, bool is_safe);
static void print_snake(const char *name, size_t size);
_Noreturn static void give_up(const char *what, const char *where);

int main(int argc, char **argv)
{
    if (argc < 3) {
        give_up("usage: make_methods CONTRACTS.binpb SERVICE.proto...", "");
    }
    Google__Protobuf__FileDescriptorSet *set = load(argv[1]);
    (void)printf("/* Made from the contracts by make_methods.c. */\n");
    (void)printf("#include \"gateway/method.h\"\n\n");
    void (*const PARTS[])(const Google__Protobuf__FileDescriptorProto *) = {
        print_includes, print_rules, print_methods};
    for (size_t part = 0; part < 3; part++) {
        (void)printf("%s", part == 2 ? "const struct method methods[] = {\n" : "");
        for (size_t i = 0; i < set->n_file; i++) {
            for (size_t j = 0; j < set->file[i]->n_message_type; j++) {
                check_names(set->file[i]->message_type[j]);
            }
            if (is_listed(set->file[i]->name, argv + 2, argc - 2)) {
                PARTS[part](set->file[i]);
            }
        }
    }
    (void)printf("};\nconst size_t method_count = sizeof methods / sizeof *methods;\n");
    google__protobuf__file_descriptor_set__free_unpacked(set, NULL);
    return ferror(stdout) != 0 || fflush(stdout) != 0;
}

static Google__Protobuf__FileDescriptorSet *load(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(CONTRACTS_BYTES_MAX);
    if (file == NULL || bytes == NULL) {
        give_up("cannot be read", path);
    }
    size_t size = fread(bytes, 1, CONTRACTS_BYTES_MAX, file);
    (void)fclose(file);
    Google__Protobuf__FileDescriptorSet *set =
        google__protobuf__file_descriptor_set__unpack(NULL, size, bytes);
    free(bytes);
    if (set == NULL) {
        give_up("is no FileDescriptorSet", path);
    }
    return set;
}

/* src/json makes names itself, because protobuf-c does not keep json_name: they must be protoc's.
 */
static void check_names(const Google__Protobuf__DescriptorProto *message)
{
    for (size_t i = 0; i < message->n_field; i++) {
        const Google__Protobuf__FieldDescriptorProto *field = message->field[i];
        const char *json = field->json_name;
        bool upper = false;
        for (const char *at = field->name; json != NULL && *at != '\0'; at++) {
            if (*at == '_') {
                upper = true;
                continue;
            }
            if (*json++ != (upper ? (char)toupper((unsigned char)*at) : *at)) {
                give_up("a json_name of its own is not supported", field->name);
            }
            upper = false;
        }
    }
    for (size_t i = 0; i < message->n_nested_type; i++) {
        check_names(message->nested_type[i]);
    }
}

static bool is_listed(const char *name, char **list, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(name, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void print_includes(const Google__Protobuf__FileDescriptorProto *file)
{
    (void)printf("#include <%.*s.pb-c.h>\n", (int)(strlen(file->name) - strlen(".proto")),
                 file->name);
}

static void print_rules(const Google__Protobuf__FileDescriptorProto *file)
{
    for (size_t i = 0; i < file->n_service; i++) {
        const Google__Protobuf__ServiceDescriptorProto *service = file->service[i];
        for (size_t j = 0; j < service->n_method; j++) {
            Google__Api__HttpRule *rule = find_rule(service->method[j]);
            if (rule == NULL) {
                continue;
            }
            (void)printf("static const struct method_rule rules_of_%s_%s[] = {\n", service->name,
                         service->method[j]->name);
            print_rule(rule, service->method[j]->name);
            for (size_t k = 0; k < rule->n_additional_bindings; k++) {
                print_rule(rule->additional_bindings[k], service->method[j]->name);
            }
            (void)printf("};\n\n");
            google__api__http_rule__free_unpacked(rule, NULL);
        }
    }
}

static void print_methods(const Google__Protobuf__FileDescriptorProto *file)
{
    for (size_t i = 0; i < file->n_service; i++) {
        const Google__Protobuf__ServiceDescriptorProto *service = file->service[i];
        for (size_t j = 0; j < service->n_method; j++) {
            const Google__Protobuf__MethodDescriptorProto *method = service->method[j];
            if (method->client_streaming || method->server_streaming) {
                give_up("streams are not supported", method->name);
            }
            bool is_safe = method->options != NULL &&
                           method->options->idempotency_level ==
                               GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__NO_SIDE_EFFECTS;
            Google__Api__HttpRule *rule = find_rule(method);
            (void)printf("    {&");
            print_c_name(file->package, service->name);
            (void)printf("descriptor, %zu, \"/%s.%s/%s\", \"", j, file->package, service->name,
                         method->name);
            print_scope(service->name, is_safe);
            (void)printf("\", %s, %u, ", is_safe ? "true" : "false", find_max_age(method));
            if (rule == NULL) {
                (void)printf("NULL, 0},\n");
                continue;
            }
            (void)printf("rules_of_%s_%s, %zu},\n", service->name, method->name,
                         rule->n_additional_bindings + 1);
            google__api__http_rule__free_unpacked(rule, NULL);
        }
    }
}

/* protobuf-c keeps an extension as an unknown field: its length, then its bytes. */
static Google__Api__HttpRule *find_rule(const Google__Protobuf__MethodDescriptorProto *method)
{
    const ProtobufCMessage *options = method->options == NULL ? NULL : &method->options->base;
    for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &options->unknown_fields[i];
        if (field->tag != HTTP_EXTENSION) {
            continue;
        }
        size_t skip = 0;
        while (skip < field->len && (field->data[skip] & 0x80) != 0) {
            skip++;
        }
        skip++;
        Google__Api__HttpRule *rule =
            skip > field->len
                ? NULL
                : google__api__http_rule__unpack(NULL, field->len - skip, field->data + skip);
        if (rule == NULL) {
            give_up("google.api.http cannot be read", method->name);
        }
        return rule;
    }
    return NULL;
}

static unsigned find_max_age(const Google__Protobuf__MethodDescriptorProto *method)
{
    const ProtobufCMessage *options = method->options == NULL ? NULL : &method->options->base;
    unsigned value = 0;
    for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &options->unknown_fields[i];
        for (size_t j = 0; field->tag == MAX_AGE_EXTENSION && j < field->len && j < 4; j++) {
            value |= (unsigned)(field->data[j] & 0x7F) << (7 * j);
        }
    }
    return value;
}

static void print_rule(const Google__Api__HttpRule *rule, const char *method)
{
    const char *verb = NULL, *template = NULL;
    switch (rule->pattern_case) {
    case GOOGLE__API__HTTP_RULE__PATTERN_GET:
        verb = "GET", template = rule->get;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_PUT:
        verb = "PUT", template = rule->put;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_POST:
        verb = "POST", template = rule->post;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_DELETE:
        verb = "DELETE", template = rule->delete_;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_PATCH:
        verb = "PATCH", template = rule->patch;
        break;
    default:
        give_up("a binding without a path", method);
    }
    if (rule->response_body[0] != '\0' || !is_supported(template)) {
        give_up("a binding that is not supported", method);
    }
    (void)printf("    {\"%s\", \"%s\", \"%s\"},\n", verb, template, rule->body);
}

/* "/v1/orders/{order_id}:cancel": a variable is a whole segment, or what is before its verb. */
static bool is_supported(const char *template)
{
    static const char NAME[] = "abcdefghijklmnopqrstuvwxyz0123456789_.";
    static const char TEXT[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-:/";
    const char *at = template;
    while (*at != '\0') {
        at += strspn(at, TEXT);
        if (*at == '\0') {
            break;
        }
        const char *name = at + 1;
        size_t size = strspn(name, NAME);
        bool is_variable = *at == '{' && at > template && at[-1] == '/' && size > 0 &&
                           name[size] == '}' && strchr("/:", name[size + 1]) != NULL;
        if (!is_variable) {
            return false;
        }
        at = name + size + 1;
    }
    return template[0] == '/';
}

/* As protoc-c does it: shop.v1 OrderService -> shop__v1__order_service__ */
static void print_c_name(const char *package, const char *name)
{
    for (const char *at = package; *at != '\0'; at++) {
        if (*at == '.') {
            (void)printf("__");
        } else {
            (void)putchar(*at);
        }
    }
    (void)printf("__");
    print_snake(name, strlen(name));
    (void)printf("__");
}

/* OrderService: order.read, order.write */
static void print_scope(const char *service, bool is_safe)
{
    const char *suffix = strstr(service, "Service");
    print_snake(service, suffix == NULL ? strlen(service) : (size_t)(suffix - service));
    (void)printf("%s", is_safe ? ".read" : ".write");
}

static void print_snake(const char *name, size_t size)
{
    bool was_upper = true;
    for (const char *at = name; at < name + size; at++) {
        bool is_upper = isupper((unsigned char)*at) != 0;
        if (is_upper && !was_upper) {
            (void)putchar('_');
        }
        (void)putchar(tolower((unsigned char)*at));
        was_upper = is_upper;
    }
}

_Noreturn static void give_up(const char *what, const char *where)
{
    (void)fprintf(stderr, "make_methods: %s: %s\n", where, what);
    exit(EXIT_FAILURE);
}
