/* Fuzz: any bytes as JSON of any message. The first byte chooses the message and how unknown fields
 * are taken. What was taken must print, and read again as the same message. */
#include <stdlib.h>
#include <string.h>

#include "json/json_print.h"
#include "json/json_read.h"
#include "tests/support/contract_types.h"
#include "tests/support/sample_types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes pack(const ProtobufCMessage *message, struct arena *arena);
static void check_round_trip(const ProtobufCMessage *message, const struct json_types *known,
                             struct arena *arena);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct contract_types types;
    if (types.count == 0) {
        contract_types_collect(&types);
        sample_types_add(&types);
    }
    if (size == 0) {
        return 0;
    }
    struct json_types known = {.list = types.list, .count = types.count};
    struct json_read_options options = {.ignore_unknown = data[0] >= 128, .types = &known};
    struct arena arena;
    struct failure failure;
    ProtobufCMessage *message;
    arena_init(&arena, 65536, 4 * 1024 * 1024);
    if (json_read(types.list[data[0] % types.count], bytes_of(data + 1, size - 1), &options, &arena,
                  &message, &failure) == STATUS_OK) {
        check_round_trip(message, &known, &arena);
    }
    arena_fini(&arena);
    return 0;
}

static void check_round_trip(const ProtobufCMessage *message, const struct json_types *known,
                             struct arena *arena)
{
    struct json_print_options printing = {.types = known};
    struct json_read_options reading = {.types = known};
    struct failure failure;
    struct bytes text;
    ProtobufCMessage *again;
    enum status printed = json_print(message, &printing, arena, &text, &failure);
    if (printed != STATUS_OK) { /* memory, or a field mask that only reads */
        return;
    }
    if (json_read(message->descriptor, text, &reading, arena, &again, &failure) != STATUS_OK) {
        if (strcmp(failure.reason, "MESSAGE_TOO_COMPLEX") == 0) {
            return;
        }
        abort();
    }
    struct bytes first = pack(message, arena), second = pack(again, arena);
    if (first.data != NULL && second.data != NULL && !bytes_equal(first, second)) {
        abort();
    }
}

static struct bytes pack(const ProtobufCMessage *message, struct arena *arena)
{
    uint8_t *out = arena_alloc(arena, protobuf_c_message_get_packed_size(message));
    return out == NULL ? (struct bytes){0} : bytes_of(out, protobuf_c_message_pack(message, out));
}
