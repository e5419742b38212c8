/* JSON reader: what json_read.c, json_value.c and json_assign.c share; nobody else includes it. */
#pragma once

#include <yyjson.h>

#include "json/json_read.h"

/* One step of the way to a value, outermost last: a field's name as given, or an index. */
struct json_step {
    const struct json_step *outer;
    struct bytes name; /* data NULL: an index */
    size_t index;
};

struct json_reader {
    const struct json_read_options *options;
    struct arena *arena;
    struct failure *failure;
    bool is_text; /* values are texts of a URL: "true" is a bool, "3" an enum's number */
};

enum json_outcome {
    JSON_READ,
    JSON_IGNORED, /* an enum's name that is not known; the field stays absent */
    JSON_REFUSED, /* the failure is set */
};

/* Everything but lists and maps: scalars, enums, messages; into the member of the C structure. */
enum json_outcome json_read_value(struct json_reader *reader, const ProtobufCFieldDescriptor *field,
                                  yyjson_val *value, void *member, const struct json_step *step,
                                  unsigned depth);
/* A new message into *message_out. */
enum json_outcome json_read_message(struct json_reader *reader,
                                    const ProtobufCMessageDescriptor *type, yyjson_val *value,
                                    ProtobufCMessage **message_out, const struct json_step *step,
                                    unsigned depth);
/* The same for Timestamp, Duration, FieldMask (json_wellknown.c). */
enum json_outcome json_read_wellknown(struct json_reader *reader, ProtobufCMessage *message,
                                      yyjson_val *value, const struct json_step *step);

/* Sets the failure with the path; returns JSON_REFUSED. */
enum json_outcome json_refuse(struct json_reader *reader, const struct json_step *step,
                              const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
enum json_outcome json_refuse_memory(struct json_reader *reader);
