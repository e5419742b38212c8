/* Make methods: at build time, the table of method.h out of a FileDescriptorSet.
 *     make_methods CONTRACTS.binpb SERVICE.proto... > methods.c
 * The services of the files named are served; comments and options come from the contracts. Refuses
 * what the gateway would serve wrongly: json_name overrides, streams, bindings it does not know. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "gateway/make_contracts.h"

#define NAME_BYTES 128

static void check_names(const Google__Protobuf__DescriptorProto *message);
static void print_includes(const contract_set *set, const contract_file *file);
static void print_rules(const contract_set *set, const contract_file *file);
static void print_methods(const contract_set *set, const contract_file *file);
static void print_sharing(const contract_set *set, const contract_method *method);
static void print_rule(const Google__Api__HttpRule *rule, const char *method);
static void print_c_name(const char *package, const char *name);

int main(int argc, char **argv)
{
    if (argc < 3) {
        contracts_give_up("usage: make_methods CONTRACTS.binpb SERVICE.proto...", "");
    }
    contract_set *set = contracts_load(argv[1]);
    (void)printf("/* Made from the contracts by make_methods.c. */\n");
    (void)printf("#include \"gateway/method.h\"\n\n");
    void (*const PARTS[])(const contract_set *,
                          const contract_file *) = {print_includes, print_rules, print_methods};
    for (size_t part = 0; part < 3; part++) {
        (void)printf("%s", part == 2 ? "const struct method methods[] = {\n" : "");
        for (size_t i = 0; i < set->n_file; i++) {
            for (size_t j = 0; j < set->file[i]->n_message_type; j++) {
                check_names(set->file[i]->message_type[j]);
            }
            if (contracts_is_listed(set->file[i]->name, argv + 2, argc - 2)) {
                PARTS[part](set, set->file[i]);
            }
        }
    }
    (void)printf("};\nconst size_t method_count = sizeof methods / sizeof *methods;\n");
    google__protobuf__file_descriptor_set__free_unpacked(set, NULL);
    return ferror(stdout) != 0 || fflush(stdout) != 0;
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
                contracts_give_up("a json_name of its own is not supported", field->name);
            }
            upper = false;
        }
    }
    for (size_t i = 0; i < message->n_nested_type; i++) {
        check_names(message->nested_type[i]);
    }
}

static void print_includes(const contract_set *set, const contract_file *file)
{
    (void)set;
    (void)printf("#include <%.*s.pb-c.h>\n", (int)(strlen(file->name) - strlen(".proto")),
                 file->name);
}

static void print_rules(const contract_set *set, const contract_file *file)
{
    (void)set;
    for (size_t i = 0; i < file->n_service; i++) {
        const contract_service *service = file->service[i];
        for (size_t j = 0; j < service->n_method; j++) {
            Google__Api__HttpRule *rule = contracts_find_rule(service->method[j]);
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

static void print_methods(const contract_set *set, const contract_file *file)
{
    for (size_t i = 0; i < file->n_service; i++) {
        const contract_service *service = file->service[i];
        for (size_t j = 0; j < service->n_method; j++) {
            const contract_method *method = service->method[j];
            if (method->client_streaming || method->server_streaming) {
                contracts_give_up("streams are not supported", method->name);
            }
            bool is_safe = contracts_is_safe(method);
            char scope[NAME_BYTES];
            contracts_scope(service->name, is_safe, scope, sizeof scope);
            Google__Api__HttpRule *rule = contracts_find_rule(method);
            (void)printf("    {&");
            print_c_name(file->package, service->name);
            (void)printf("descriptor, %zu, \"/%s.%s/%s\", \"%s\", %s, %u, ", j, file->package,
                         service->name, method->name, scope, is_safe ? "true" : "false",
                         contracts_find_max_age(method));
            print_sharing(set, method);
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

static void print_sharing(const contract_set *set, const contract_method *method)
{
    bool may_share = contracts_may_share(method);
    const char *delaying =
        may_share ? contracts_find_delaying(contracts_find_type(set, method->input_type).message)
                  : NULL;
    const char *quote = delaying == NULL ? "" : "\"";
    (void)printf("%s, %s%s%s, ", may_share ? "true" : "false", quote,
                 delaying == NULL ? "NULL" : delaying, quote);
}

static void print_rule(const Google__Api__HttpRule *rule, const char *method)
{
    const char *verb = NULL, *template = NULL;
    contracts_read_rule(rule, method, &verb, &template);
    (void)printf("    {\"%s\", \"%s\", \"%s\"},\n", verb, template, rule->body);
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
    char snake[NAME_BYTES];
    contracts_snake(name, strlen(name), snake, sizeof snake);
    (void)printf("%s__", snake);
}
