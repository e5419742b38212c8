/* JSON bridge: src/json for a test in another language. Lines in, lines out:
 *     types                    -> the names of all messages, with spaces between
 *     print TYPE HEX           -> the message's JSON
 *     read TYPE JSON           -> the message's bytes in hex (strict); lax: unknown fields ignored
 * or "! REASON FIELD" when it is refused. Driven by json_differential.test.mjs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json_print.h"
#include "json/json_read.h"
#include "tests/support/contract_types.h"
#include "tests/support/sample_types.h"

#define ARENA_BYTES (16 * 1024 * 1024)

static struct contract_types types;
static struct arena arena;

static void print_types(void);
static void refuse(const struct failure *failure);
static void print(const ProtobufCMessageDescriptor *type, const char *hex);
static void read_text(const ProtobufCMessageDescriptor *type, const char *text, bool is_lax);
static struct json_types any_types(void);

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    contract_types_collect(&types);
    sample_types_add(&types);
    arena_init(&arena, 65536, ARENA_BYTES);
    while ((size = getline(&line, &room, stdin)) > 0) {
        line[size - 1] = '\0';
        char *name = strchr(line, ' ');
        char *rest = name == NULL ? NULL : strchr(name + 1, ' ');
        if (rest == NULL) {
            print_types();
            continue;
        }
        *name++ = '\0';
        *rest++ = '\0';
        const ProtobufCMessageDescriptor *type = contract_types_find(&types, name);
        if (type == NULL) {
            return EXIT_FAILURE;
        }
        if (strcmp(line, "print") == 0) {
            print(type, rest);
        } else {
            read_text(type, rest, strcmp(line, "lax") == 0);
        }
        fflush(stdout);
        arena_reset(&arena);
    }
    free(line);
    arena_fini(&arena);
    return EXIT_SUCCESS;
}

static void print_types(void)
{
    for (size_t i = 0; i < types.count; i++) {
        printf("%s ", types.list[i]->name);
    }
    printf("\n");
    fflush(stdout);
}

static void refuse(const struct failure *failure)
{
    printf("! %s %s\n", failure->reason, failure->field);
}

static void print(const ProtobufCMessageDescriptor *type, const char *hex)
{
    size_t size = strlen(hex) / 2;
    uint8_t *bytes = arena_alloc(&arena, size + 1);
    struct json_types known = any_types();
    struct json_print_options options = {.types = &known};
    struct failure failure = {0};
    struct bytes text;
    for (size_t i = 0; i < size; i++) {
        char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    ProtobufCMessage *message = protobuf_c_message_unpack(type, NULL, size, bytes);
    if (message == NULL) {
        printf("! MALFORMED\n");
        return;
    }
    if (json_print(message, &options, &arena, &text, &failure) == STATUS_OK) {
        printf("%s\n", (const char *)text.data);
    } else {
        refuse(&failure);
    }
    protobuf_c_message_free_unpacked(message, NULL);
}

static void read_text(const ProtobufCMessageDescriptor *type, const char *text, bool is_lax)
{
    struct json_types known = any_types();
    struct json_read_options options = {.ignore_unknown = is_lax, .types = &known};
    struct failure failure = {0};
    ProtobufCMessage *message;
    if (json_read(type, bytes_of_text(text), &options, &arena, &message, &failure) != STATUS_OK) {
        refuse(&failure);
        return;
    }
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = arena_alloc(&arena, size + 1);
    (void)protobuf_c_message_pack(message, bytes);
    for (size_t i = 0; i < size; i++) {
        printf("%02x", bytes[i]);
    }
    printf("\n");
}

static struct json_types any_types(void)
{
    return (struct json_types){.list = types.list, .count = types.count};
}
