/* Contracts as descriptors: those that a compiler makes, and those that nobody would. */
#include <google/protobuf/timestamp.pb-c.h>
#include <json/test/mirror.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/schema.h"
#include "mirror.h"
#include "rpc/limits.h"
#include "rpc/message.h"
#include "tests/cmocka_all.h"

typedef Google__Protobuf__FileDescriptorSet file_set;
typedef Google__Protobuf__FileDescriptorProto file_proto;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;
typedef Google__Protobuf__EnumDescriptorProto enum_proto;

#define TYPE(name) GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name

static struct arena arena;
static file_set *set;

/* The generated members are not const; here nobody writes through them. */
static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

static int open_arena(void **state)
{
    (void)state;
    arena_init(&arena, 65536, 32UL * 1024 * 1024);
    set = mirror_contracts(&arena);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static void expect_refusal(const char *text)
{
    const struct schema *schema = NULL;
    struct failure failure = {0};
    assert_int_equal(schema_create(set, &arena, &schema, &failure), STATUS_INTERNAL);
    assert_string_equal(failure.reason, "BAD_CONTRACTS");
    if (strstr(failure.message, text) == NULL) {
        print_error("no '%s' in: %s\n", text, failure.message);
        fail();
    }
    assert_null(schema);
    assert_int_equal(schema_create(set, &arena, &schema, NULL), STATUS_INTERNAL);
}

static message_proto *find_message(const char *name)
{
    for (size_t i = 0; i < set->n_file; i++) {
        for (size_t at = 0; at < set->file[i]->n_message_type; at++) {
            if (strcmp(set->file[i]->message_type[at]->name, name) == 0) {
                return set->file[i]->message_type[at];
            }
        }
    }
    fail_msg("no message %s", name);
    return NULL;
}

static const ProtobufCMessageDescriptor *find_made(const struct schema *schema, const char *name)
{
    const struct json_types *types = schema_messages(schema);
    for (size_t i = 0; i < types->count; i++) {
        if (strcmp(types->list[i]->name, name) == 0) {
            return types->list[i];
        }
    }
    fail_msg("no message %s", name);
    return NULL;
}

/* Names, numbers, labels and flags as protoc-c has them; the layout is our own. */
static void expect_like(const ProtobufCMessageDescriptor *made,
                        const ProtobufCMessageDescriptor *known)
{
    assert_string_equal(made->name, known->name);
    assert_string_equal(made->package_name, known->package_name);
    assert_int_equal(made->n_fields, known->n_fields);
    for (unsigned i = 0; i < made->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &made->fields[i];
        assert_string_equal(field->name, known->fields[i].name);
        assert_int_equal(field->id, known->fields[i].id);
        assert_int_equal(field->type, known->fields[i].type);
        assert_int_equal(field->flags, known->fields[i].flags);
        assert_int_equal(field->label, known->fields[i].label);
        assert_ptr_equal(protobuf_c_message_descriptor_get_field(made, field->id), field);
        assert_ptr_equal(protobuf_c_message_descriptor_get_field_by_name(made, field->name), field);
    }
    assert_null(protobuf_c_message_descriptor_get_field(made, 12345));
}

static void they_are_what_protoc_c_makes(void **state)
{
    (void)state;
    const struct schema *schema;
    assert_int_equal(schema_create(set, &arena, &schema, NULL), STATUS_OK);
    static const ProtobufCMessageDescriptor *const KNOWN[] = {
        &json__test__scalars__descriptor, &json__test__lists__descriptor,
        &json__test__maps__descriptor,    &json__test__presence__descriptor,
        &json__test__choice__descriptor,  &json__test__endless__descriptor};
    for (size_t i = 0; i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        expect_like(find_made(schema, KNOWN[i]->name), KNOWN[i]);
    }
    assert_ptr_equal(find_made(schema, "google.protobuf.Timestamp"),
                     &google__protobuf__timestamp__descriptor);
}

/* What proto2 and proto3 mark, and what they do not. */
static void an_optional_of_proto3_has_a_mark(void **state)
{
    (void)state;
    field_proto *field = find_message("Inner2")->field[0];
    field->has_proto3_optional = field->proto3_optional = true;
    field->has_oneof_index = true;
    field->oneof_index = 0;
    const struct schema *schema;
    assert_int_equal(schema_create(set, &arena, &schema, NULL), STATUS_OK);
    const ProtobufCFieldDescriptor *made = find_made(schema, "json.test.Inner2")->fields;
    assert_int_equal(made->label, PROTOBUF_C_LABEL_OPTIONAL);
    assert_int_equal(made->flags, 0);
    assert_int_not_equal(made->quantifier_offset, 0);
}

static void methods_that_stream_are_left_out(void **state)
{
    (void)state;
    struct schema_method method;
    struct failure failure;
    const struct schema *schema;
    assert_int_equal(schema_create(set, &arena, &schema, NULL), STATUS_OK);
    assert_int_equal(schema_find_method(schema, "Refuse", &method, &failure), STATUS_OK);
    for (size_t i = 0; i < set->n_file; i++) {
        if (set->file[i]->n_service > 0) {
            set->file[i]->service[0]->method[0]->server_streaming = true;
            set->file[i]->service[0]->method[1]->name = set->file[i]->service[0]->method[2]->name;
        }
    }
    assert_int_equal(schema_create(set, &arena, &schema, NULL), STATUS_OK);
    assert_int_equal(schema_find_method(schema, "ShowScalars", &method, &failure),
                     STATUS_NOT_FOUND);
    assert_int_equal(schema_find_method(schema, "ShowChoice", &method, &failure),
                     STATUS_INVALID_ARGUMENT);
    assert_string_equal(failure.reason, "METHOD_AMBIGUOUS");
}

static void names_must_be_names(void **state)
{
    (void)state;
    static const char *const BAD[] = {NULL, "", "1a", "a b", "\x1b[2J", "a.b", "\xc3\xb6"};
    char *was = find_message("Inner")->name;
    message_proto *inner = find_message("Inner");
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        inner->name = text(BAD[i]);
        expect_refusal("a type is named");
        inner->name = was;
        char *field = inner->field[0]->name;
        inner->field[0]->name = text(BAD[i]);
        expect_refusal("without a name");
        inner->field[0]->name = field;
    }
    static const char *const PACKAGES[] = {"a..b", ".a", "a.", "a b"};
    for (size_t i = 0; i < sizeof PACKAGES / sizeof PACKAGES[0]; i++) {
        char *package = set->file[0]->package;
        set->file[0]->package = text(PACKAGES[i]);
        expect_refusal("a package is named");
        set->file[0]->package = package;
    }
    set->file[0]->syntax = text("proto9");
    expect_refusal("proto9");
}

static void references_must_lead_somewhere(void **state)
{
    (void)state;
    field_proto *field = find_message("Inner")->field[2];
    static const char *const BAD[] = {
        NULL, "", ".", "json.test.Inner2", ".json.test.Nothing", ".json.test.Colour"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        field->type_name = text(BAD[i]);
        expect_refusal("not in the set");
    }
    field->type_name = text(".json.test.Inner2");
    field->type = TYPE(ENUM);
    expect_refusal("not in the set");
    field->type = TYPE(GROUP);
    expect_refusal("not known");
    field->type = 99;
    expect_refusal("not known");
    field->type = TYPE(MESSAGE);
    field->has_oneof_index = true;
    field->oneof_index = 0;
    expect_refusal("oneof that is not there");
    field->oneof_index = -1;
    expect_refusal("oneof that is not there");
}

static void nothing_may_be_there_twice(void **state)
{
    (void)state;
    message_proto *inner = find_message("Inner");
    inner->field[1]->number = 1;
    expect_refusal("the number 1 twice");
    inner->field[1]->number = 0;
    expect_refusal("without a name or number");
    inner->field[1]->number = 536870912;
    expect_refusal("without a name or number");
    inner->field[1]->number = 536870911;
    inner->field[1]->name = inner->field[0]->name;
    expect_refusal("product_id twice");
    inner->field[1]->name = text("quantity");
    find_message("Inner2")->name = text("Choice");
    inner->field[2]->type_name = text(".json.test.Choice");
    expect_refusal("json.test.Choice is there twice");
}

/* src/json writes map entries by their layout. */
static void maps_must_be_maps(void **state)
{
    (void)state;
    message_proto *entry = find_message("Maps")->nested_type[0];
    assert_string_equal(entry->name, "TextsEntry");
    entry->field[0]->type = TYPE(BYTES);
    expect_refusal("a map that cannot be");
    entry->field[0]->type = TYPE(DOUBLE);
    expect_refusal("a map that cannot be");
    entry->field[0]->type = TYPE(STRING);
    entry->field[1]->label = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
    entry->field[1]->type = TYPE(BYTES);
    expect_refusal("a map that cannot be");
}

/* As large as a message may be, in the ways that cost most. */
static void large_sets_end(void **state)
{
    (void)state;
    size_t most = 200000; /* 5 bytes each at least */
    struct arena own;
    arena_init(&own, 65536, 512UL * 1024 * 1024);
    message_proto *messages = arena_calloc(&own, most, sizeof *messages);
    message_proto **list = arena_calloc(&own, most, sizeof(void *));
    for (size_t i = 0; i < most; i++) {
        google__protobuf__descriptor_proto__init(&messages[i]);
        messages[i].name = text("A");
        list[i] = &messages[i];
    }
    file_proto file = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_PROTO__INIT;
    file_proto *files[] = {&file};
    file.n_message_type = most;
    file.message_type = list;
    set->file = files;
    set->n_file = 1;
    const struct schema *schema;
    struct failure failure;
    enum status status = schema_create(set, &arena, &schema, &failure);
    assert_int_equal(status, STATUS_RESOURCE_EXHAUSTED);
    assert_string_equal(failure.reason, "NO_MEMORY");
    assert_int_equal(schema_create(set, &own, &schema, &failure), STATUS_INTERNAL);
    assert_string_equal(failure.reason, "BAD_CONTRACTS");
    arena_fini(&own);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_arena, close_arena)
    const struct CMUnitTest tests[] = {
        TEST(they_are_what_protoc_c_makes),
        TEST(an_optional_of_proto3_has_a_mark),
        TEST(methods_that_stream_are_left_out),
        TEST(names_must_be_names),
        TEST(references_must_lead_somewhere),
        TEST(nothing_may_be_there_twice),
        TEST(maps_must_be_maps),
        TEST(large_sets_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
