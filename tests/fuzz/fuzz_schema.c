/* Fuzz: any bytes as the contracts of a server, and more bytes as a message of each type in them:
 * what `orderctl call` does with a server that means it no good. Two bytes, the length of the
 * contracts, then these, then the message. */
#include <stdlib.h>
#include <string.h>

#include "client/cli/schema.h"
#include "json/json_print.h"
#include "json/json_read.h"
#include "rpc/message.h"

#define ARENA_BYTES (8UL * 1024 * 1024)
#define TYPES_MOST  64 /* tried in one set; the time is for many sets */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_message(const ProtobufCMessageDescriptor *type, const struct json_types *types,
                        struct bytes encoded);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    size_t length = (size_t)data[0] << 8 | data[1];
    length = length <= size - 2 ? length : size - 2;
    struct arena arena;
    struct failure failure;
    ProtobufCMessage *set;
    const struct schema *schema;
    arena_init(&arena, 65536, ARENA_BYTES);
    if (message_decode(&google__protobuf__file_descriptor_set__descriptor,
                       bytes_of(data + 2, length), &arena, &set, &failure) == STATUS_OK &&
        schema_create((Google__Protobuf__FileDescriptorSet *)set, &arena, &schema, &failure) ==
            STATUS_OK) {
        struct schema_method method;
        const struct json_types *types = schema_messages(schema);
        (void)schema_find_method(schema, "Show", &method, &failure);
        for (size_t i = 0; i < types->count && i < TYPES_MOST; i++) {
            try_message(types->list[i], types, bytes_of(data + 2 + length, size - 2 - length));
        }
    }
    arena_fini(&arena);
    return 0;
}

/* Read, printed, read from what was printed, and encoded again. */
static void try_message(const ProtobufCMessageDescriptor *type, const struct json_types *types,
                        struct bytes encoded)
{
    struct json_print_options printing = {.defaults = true, .types = types};
    struct json_read_options reading = {.types = types};
    struct arena arena;
    struct failure failure;
    ProtobufCMessage *message, *again;
    struct bytes text;
    arena_init(&arena, 65536, ARENA_BYTES);
    if (message_decode(type, encoded, &arena, &message, &failure) == STATUS_OK) {
        (void)message_encode(message, &arena);
        if (json_print(message, &printing, &arena, &text, &failure) == STATUS_OK &&
            json_read(type, text, &reading, &arena, &again, &failure) == STATUS_OK) {
            (void)message_encode(again, &arena);
        }
    }
    arena_fini(&arena);
}
