/* What the tests of src/json share: a message from JSON and back. */
#pragma once

#include <json/test/samples.pb-c.h>
#include <stdio.h>
#include <stdlib.h>

#include "json/json_print.h"
#include "json/json_read.h"
#include "tests/cmocka_all.h"

#define CASE_ARENA_BYTES (1024 * 1024)

struct json_case {
    struct arena arena;
    struct failure failure;
    struct json_types types;
    struct json_read_options reading;
    struct json_print_options printing;
};

/* protobuf-c's strings and bytes are not const; nothing writes to them here. */
static inline char *text_of(const char *text)
{
    return (char *)(uintptr_t)text;
}

static inline ProtobufCBinaryData blob_of(const char *data, size_t size)
{
    return (ProtobufCBinaryData){.len = size, .data = (uint8_t *)(uintptr_t)data};
}

static inline int setup_case(void **state)
{
    static const ProtobufCMessageDescriptor *const TYPES[] = {
        &json__test__inner__descriptor, &json__test__scalars__descriptor,
        &google__protobuf__duration__descriptor};
    struct json_case *test = calloc(1, sizeof *test);
    assert_non_null(test);
    arena_init(&test->arena, 4096, CASE_ARENA_BYTES);
    test->types = (struct json_types){.list = TYPES, .count = sizeof TYPES / sizeof *TYPES};
    test->reading.types = &test->types;
    test->printing.types = &test->types;
    *state = test;
    return 0;
}

static inline int teardown_case(void **state)
{
    struct json_case *test = *state;
    arena_fini(&test->arena);
    free(test);
    return 0;
}

static inline enum status try_read(struct json_case *test, const ProtobufCMessageDescriptor *type,
                                   const char *text, void *message_out)
{
    memset(&test->failure, 0, sizeof test->failure);
    return json_read(type, bytes_of_text(text), &test->reading, &test->arena, message_out,
                     &test->failure);
}

static inline void *must_read(struct json_case *test, const ProtobufCMessageDescriptor *type,
                              const char *text)
{
    void *message = NULL;
    enum status status = try_read(test, type, text, &message);
    if (status != STATUS_OK) {
        fail_msg("%s: %s", text, test->failure.message);
    }
    return message;
}

static inline void must_refuse(struct json_case *test, const ProtobufCMessageDescriptor *type,
                               const char *text, const char *reason, const char *field)
{
    void *message = NULL;
    if (try_read(test, type, text, &message) != STATUS_INVALID_ARGUMENT) {
        fail_msg("taken: %s", text);
    }
    assert_string_equal(test->failure.reason, reason);
    assert_string_equal(test->failure.field, field);
}

static inline const char *must_print(struct json_case *test, const void *message)
{
    struct bytes text;
    assert_int_equal(json_print(message, &test->printing, &test->arena, &text, &test->failure),
                     STATUS_OK);
    assert_int_equal(strlen((const char *)text.data), text.size);
    return (const char *)text.data;
}

/* Reads `text` and prints it again. */
static inline void must_become(struct json_case *test, const ProtobufCMessageDescriptor *type,
                               const char *text, const char *expected)
{
    assert_string_equal(must_print(test, must_read(test, type, text)), expected);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, setup_case, teardown_case)
