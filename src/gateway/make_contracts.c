/* See make_contracts.h. */
#include "gateway/make_contracts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONTRACTS_BYTES_MAX (16 * 1024 * 1024) /* ours are a hundredth of it */
#define HTTP_EXTENSION      72295728           /* google.api.http */
/* Of shop/v1/method_options.proto. */
#define MAX_AGE_EXTENSION   50001
#define MAY_SHARE_EXTENSION 50002
#define DELAYING_EXTENSION  50003

static bool is_supported(const char *template);

contract_set *contracts_load(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(CONTRACTS_BYTES_MAX);
    if (file == NULL || bytes == NULL) {
        contracts_give_up("cannot be read", path);
    }
    size_t size = fread(bytes, 1, CONTRACTS_BYTES_MAX, file);
    (void)fclose(file);
    contract_set *set = google__protobuf__file_descriptor_set__unpack(NULL, size, bytes);
    free(bytes);
    if (set == NULL) {
        contracts_give_up("is no FileDescriptorSet", path);
    }
    return set;
}

bool contracts_is_listed(const char *name, char **list, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(name, list[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* protobuf-c keeps an extension as an unknown field: its length, then its bytes. */
Google__Api__HttpRule *contracts_find_rule(const contract_method *method)
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
            contracts_give_up("google.api.http cannot be read", method->name);
        }
        return rule;
    }
    return NULL;
}

/* A number or a bool of an extension; 0 without it. */
static unsigned find_option(const ProtobufCMessage *options, uint32_t extension)
{
    unsigned value = 0;
    for (unsigned i = 0; options != NULL && i < options->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &options->unknown_fields[i];
        for (size_t j = 0; field->tag == extension && j < field->len && j < 4; j++) {
            value |= (unsigned)(field->data[j] & 0x7F) << (7 * j);
        }
    }
    return value;
}

unsigned contracts_find_max_age(const contract_method *method)
{
    return find_option(method->options == NULL ? NULL : &method->options->base, MAX_AGE_EXTENSION);
}

bool contracts_may_share(const contract_method *method)
{
    return method->options != NULL && find_option(&method->options->base, MAY_SHARE_EXTENSION) != 0;
}

const char *contracts_find_delaying(const Google__Protobuf__DescriptorProto *request)
{
    const char *found = NULL;
    for (size_t i = 0; i < request->n_field; i++) {
        const Google__Protobuf__FieldOptions *options = request->field[i]->options;
        if (options == NULL || find_option(&options->base, DELAYING_EXTENSION) == 0) {
            continue;
        }
        if (found != NULL) {
            contracts_give_up("two fields that delay the answer", request->name);
        }
        found = request->field[i]->name;
    }
    return found;
}

bool contracts_is_safe(const contract_method *method)
{
    return method->options != NULL &&
           method->options->idempotency_level ==
               GOOGLE__PROTOBUF__METHOD_OPTIONS__IDEMPOTENCY_LEVEL__NO_SIDE_EFFECTS;
}

void contracts_read_rule(const Google__Api__HttpRule *rule, const char *method,
                         const char **verb_out, const char **template_out)
{
    switch (rule->pattern_case) {
    case GOOGLE__API__HTTP_RULE__PATTERN_GET:
        *verb_out = "GET", *template_out = rule->get;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_PUT:
        *verb_out = "PUT", *template_out = rule->put;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_POST:
        *verb_out = "POST", *template_out = rule->post;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_DELETE:
        *verb_out = "DELETE", *template_out = rule->delete_;
        break;
    case GOOGLE__API__HTTP_RULE__PATTERN_PATCH:
        *verb_out = "PATCH", *template_out = rule->patch;
        break;
    default:
        contracts_give_up("a binding without a path", method);
    }
    if (rule->response_body[0] != '\0' || !is_supported(*template_out)) {
        contracts_give_up("a binding that is not supported", method);
    }
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

struct contract_place contracts_within(struct contract_place place, int32_t field, size_t number)
{
    if (place.size + 2 > CONTRACTS_PATH_MAX) {
        contracts_give_up("nested too deep", place.file->name);
    }
    place.path[place.size++] = field;
    place.path[place.size++] = (int32_t)number;
    return place;
}

const char *contracts_comment(struct contract_place place)
{
    const Google__Protobuf__SourceCodeInfo *info = place.file->source_code_info;
    for (size_t i = 0; info != NULL && i < info->n_location; i++) {
        const Google__Protobuf__SourceCodeInfo__Location *location = info->location[i];
        if (location->n_path == place.size && location->leading_comments != NULL &&
            memcmp(location->path, place.path, place.size * sizeof *place.path) == 0) {
            return location->leading_comments;
        }
    }
    return "";
}

void contracts_scope(const char *service, bool is_safe, char *out, size_t room)
{
    const char *suffix = strstr(service, "Service");
    size_t size = suffix == NULL ? strlen(service) : (size_t)(suffix - service);
    contracts_snake(service, size, out, room);
    size_t used = strlen(out);
    (void)snprintf(out + used, room - used, "%s", is_safe ? ".read" : ".write");
}

void contracts_snake(const char *name, size_t size, char *out, size_t room)
{
    bool was_upper = true;
    size_t used = 0;
    for (const char *at = name; at < name + size && used + 2 < room; at++) {
        bool is_upper = isupper((unsigned char)*at) != 0;
        if (is_upper && !was_upper) {
            out[used++] = '_';
        }
        out[used++] = (char)tolower((unsigned char)*at);
        was_upper = is_upper;
    }
    out[used] = '\0';
}

_Noreturn void contracts_give_up(const char *what, const char *where)
{
    (void)fprintf(stderr, "the contracts: %s: %s\n", where, what);
    exit(EXIT_FAILURE);
}
