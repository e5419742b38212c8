/* Messages and enums as schemas, in proto3's JSON. See make_openapi.h. */
#include <stdio.h>
#include <string.h>

#include "gateway/make_openapi.h"

#define FIELD_OF_MESSAGE 2 /* field numbers of descriptor.proto, which source info goes by */
#define ONEOF_OF_MESSAGE 8
#define VALUE_OF_ENUM    2
#define NAME_BYTES       160

static void scalar(struct openapi *openapi, const contract_field *field,
                   const struct openapi_limits *limits);
static void integer(struct openapi *openapi, const struct openapi_limits *limits, bool is_signed);
static void wide_integer(struct openapi *openapi, const struct openapi_limits *limits,
                         bool is_signed);
static void string(struct openapi *openapi, const struct openapi_limits *limits);
static bool well_known(struct openapi *openapi, const char *type);
static void typed(struct openapi *openapi, const char *type, const char *format,
                  const char *pattern);
static void properties(struct openapi *openapi, const struct contract_type *type,
                       const char *const *without);
static void choices(struct openapi *openapi, const struct contract_type *type);
static void choice(struct openapi *openapi, const char *one, const char *other);
static void enum_schema(struct openapi *openapi, const struct contract_type *type);
static const char *short_name(const char *type);
static bool is_among(const char *name, const char *const *list);

void openapi_field_schema(struct openapi *openapi, const contract_field *field, const char *comment)
{
    struct openapi_limits limits = openapi_read_limits(comment);
    bool is_list = field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
    if (is_list) {
        openapi_text(openapi, "type", "array");
        if (limits.has_range && !limits.is_bytes && limits.letters[0] == '\0') {
            openapi_number(openapi, "minItems", limits.least);
            openapi_number(openapi, "maxItems", limits.most);
            limits = (struct openapi_limits){0};
        }
        openapi_open(openapi, "items", '{');
    }
    if (field->type_name == NULL || field->type_name[0] == '\0') {
        scalar(openapi, field, &limits);
    } else if (!well_known(openapi, field->type_name)) {
        openapi_reference(openapi, field->type_name);
    }
    if (is_list) {
        json_text_close(&openapi->text, '}');
    }
}

static void scalar(struct openapi *openapi, const contract_field *field,
                   const struct openapi_limits *limits)
{
    switch (field->type) {
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING:
        string(openapi, limits);
        return;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BOOL:
        typed(openapi, "boolean", NULL, NULL);
        return;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT32:
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SINT32:
        integer(openapi, limits, true);
        return;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT32:
        integer(openapi, limits, false);
        return;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT64:
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_SINT64:
        wide_integer(openapi, limits, true);
        return;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT64:
        wide_integer(openapi, limits, false);
        return;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_DOUBLE:
        typed(openapi, "number", "double", NULL);
        return;
    case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_BYTES:
        openapi_text(openapi, "contentEncoding", "base64");
        typed(openapi, "string", NULL, NULL);
        return;
    default:
        contracts_give_up("a field of this type is not supported", field->name);
    }
}

static void integer(struct openapi *openapi, const struct openapi_limits *limits, bool is_signed)
{
    typed(openapi, "integer", is_signed ? "int32" : "uint32", NULL);
    if (limits->has_range) {
        openapi_number(openapi, "minimum", limits->least);
    }
    if (limits->has_range && limits->most >= limits->least) {
        openapi_number(openapi, "maximum", limits->most);
    }
}

/* As text, because JSON's numbers are doubles for most; its limits are for those who read. */
static void wide_integer(struct openapi *openapi, const struct openapi_limits *limits,
                         bool is_signed)
{
    char pattern[48], digits[24];
    bool is_negative = is_signed && (!limits->has_range || limits->least < 0);
    bool has_end = limits->has_range && limits->most >= limits->least;
    int most = has_end ? snprintf(digits, sizeof digits, "%lld", limits->most) : 19 + !is_signed;
    (void)snprintf(pattern, sizeof pattern, "^%s[0-9]{1,%d}$", is_negative ? "-?" : "", most);
    typed(openapi, "string", is_signed ? "int64" : "uint64", pattern);
    if (has_end) {
        openapi_number(openapi, "x-minimum", limits->least);
        openapi_number(openapi, "x-maximum", limits->most);
    }
}

/* A limit of bytes is one of characters, too: a character has one at least. */
static void string(struct openapi *openapi, const struct openapi_limits *limits)
{
    char pattern[sizeof limits->letters + 4];
    bool is_text = limits->has_range && (limits->is_bytes || limits->letters[0] != '\0');
    (void)snprintf(pattern, sizeof pattern, "^%s*$", limits->letters);
    typed(openapi, "string", NULL, limits->letters[0] != '\0' ? pattern : NULL);
    if (is_text && limits->least > 0) {
        openapi_number(openapi, "minLength", limits->is_bytes ? 1 : limits->least);
    }
    if (is_text) {
        openapi_number(openapi, "maxLength", limits->most);
    }
}

static bool well_known(struct openapi *openapi, const char *type)
{
    if (strcmp(type, ".google.protobuf.Timestamp") == 0) {
        typed(openapi, "string", "date-time", NULL);
    } else if (strcmp(type, ".google.protobuf.Duration") == 0) {
        typed(openapi, "string", NULL, "^-?[0-9]{1,12}(\\.[0-9]{1,9})?s$");
    } else if (strcmp(type, ".google.protobuf.FieldMask") == 0) {
        typed(openapi, "string", NULL, "^[A-Za-z0-9.,]*$");
    } else {
        return false;
    }
    return true;
}

static void typed(struct openapi *openapi, const char *type, const char *format,
                  const char *pattern)
{
    openapi_text(openapi, "type", type);
    if (format != NULL) {
        openapi_text(openapi, "format", format);
    }
    if (pattern != NULL) {
        openapi_text(openapi, "pattern", pattern);
    }
}

void openapi_reference(struct openapi *openapi, const char *type)
{
    char name[NAME_BYTES];
    size_t i = 0;
    while (i < openapi->schema_count && strcmp(openapi->schemas[i], type) != 0) {
        i++;
    }
    if (i == OPENAPI_SCHEMAS_MAX) {
        contracts_give_up("too many types", type);
    }
    if (i == openapi->schema_count) {
        openapi->schemas[openapi->schema_count++] = type;
    }
    (void)snprintf(name, sizeof name, "#/components/schemas/%s", short_name(type));
    openapi_text(openapi, "$ref", name);
}

void openapi_schemas(struct openapi *openapi)
{
    for (size_t i = 0; i < openapi->schema_count; i++) { /* more come while it goes on */
        struct contract_type type = contracts_find_type(openapi->set, openapi->schemas[i]);
        openapi_open(openapi, short_name(openapi->schemas[i]), '{');
        if (type.message != NULL) {
            openapi_message_schema(openapi, &type, NULL);
        } else {
            enum_schema(openapi, &type);
        }
        json_text_close(&openapi->text, '}');
    }
}

void openapi_message_schema(struct openapi *openapi, const struct contract_type *type,
                            const char *const *without)
{
    openapi_description(openapi, contracts_comment(type->place));
    openapi_text(openapi, "type", "object");
    properties(openapi, type, without);
    choices(openapi, type);
}

static void properties(struct openapi *openapi, const struct contract_type *type,
                       const char *const *without)
{
    static const char OUTPUT_ONLY[] = "Output only.";
    char comment[OPENAPI_TEXT_BYTES];
    openapi_open(openapi, "properties", '{');
    for (size_t i = 0; i < type->message->n_field; i++) {
        const contract_field *field = type->message->field[i];
        if (is_among(field->name, without)) {
            continue;
        }
        (void)openapi_field_comment(type, i, comment);
        openapi_open(openapi, field->json_name, '{');
        openapi_field_schema(openapi, field, comment);
        openapi_description(openapi, comment);
        if (strncmp(comment + strspn(comment, " "), OUTPUT_ONLY, sizeof OUTPUT_ONLY - 1) == 0) {
            json_text_key(&openapi->text, bytes_of_text("readOnly"));
            json_text_raw(&openapi->text, "true");
        }
        json_text_close(&openapi->text, '}');
    }
    json_text_close(&openapi->text, '}');
}

const char *openapi_field_comment(const struct contract_type *type, size_t field,
                                  char out[OPENAPI_TEXT_BYTES])
{
    const contract_field *what = type->message->field[field];
    const char *own = contracts_comment(contracts_within(type->place, FIELD_OF_MESSAGE, field));
    const char *choice_comment =
        what->has_oneof_index ? contracts_comment(contracts_within(type->place, ONEOF_OF_MESSAGE,
                                                                   (size_t)what->oneof_index))
                              : "";
    if (snprintf(out, OPENAPI_TEXT_BYTES, "%s%s", own, choice_comment) >= OPENAPI_TEXT_BYTES) {
        contracts_give_up("too long a comment", what->name);
    }
    return out;
}

/* No two of a oneof. */
static void choices(struct openapi *openapi, const struct contract_type *type)
{
    bool is_open = false;
    for (size_t i = 0; i < type->message->n_field; i++) {
        for (size_t j = 0; j < i; j++) {
            const contract_field *one = type->message->field[j], *other = type->message->field[i];
            if (!one->has_oneof_index || !other->has_oneof_index ||
                one->oneof_index != other->oneof_index) {
                continue;
            }
            if (!is_open) {
                openapi_open(openapi, "allOf", '[');
                is_open = true;
            }
            choice(openapi, one->json_name, other->json_name);
        }
    }
    if (is_open) {
        json_text_close(&openapi->text, ']');
    }
}

static void choice(struct openapi *openapi, const char *one, const char *other)
{
    json_text_open(&openapi->text, '{');
    openapi_open(openapi, "not", '{');
    openapi_open(openapi, "properties", '{');
    for (size_t i = 0; i < 2; i++) {
        openapi_open(openapi, i == 0 ? one : other, '{');
        json_text_close(&openapi->text, '}');
    }
    json_text_close(&openapi->text, '}');
    openapi_open(openapi, "required", '[');
    json_text_string(&openapi->text, bytes_of_text(one));
    json_text_string(&openapi->text, bytes_of_text(other));
    json_text_close(&openapi->text, ']');
    json_text_close(&openapi->text, '}');
    json_text_close(&openapi->text, '}');
}

static void enum_schema(struct openapi *openapi, const struct contract_type *type)
{
    char text[OPENAPI_TEXT_BYTES];
    size_t used = (size_t)snprintf(text, sizeof text, "%s", contracts_comment(type->place));
    openapi_text(openapi, "type", "string");
    openapi_open(openapi, "enum", '[');
    for (size_t i = 0; i < type->enumeration->n_value; i++) {
        const char *name = type->enumeration->value[i]->name;
        const char *comment = contracts_comment(contracts_within(type->place, VALUE_OF_ENUM, i));
        json_text_string(&openapi->text, bytes_of_text(name));
        if (comment[0] != '\0' && used < sizeof text) {
            used += (size_t)snprintf(text + used, sizeof text - used, "\n\n%s:%s", name, comment);
        }
    }
    json_text_close(&openapi->text, ']');
    if (used >= sizeof text) {
        contracts_give_up("too long comments", type->enumeration->name);
    }
    openapi_description(openapi, text);
}

/* ".shop.v1.Order.State" -> "Order.State": the package is the interface's. */
static const char *short_name(const char *type)
{
    const char *name = type + 1;
    while (*name >= 'a' && *name <= 'z') {
        name = strchr(name, '.') + 1;
    }
    return name;
}

static bool is_among(const char *name, const char *const *list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        if (strcmp(list[i], name) == 0) {
            return true;
        }
    }
    return false;
}
