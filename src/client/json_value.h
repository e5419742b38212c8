/* JSON values: what is not a message or a list, for json_print.c alone (yyjson's types stay among
 * these two). All return NULL after setting printer->failure. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <yyjson.h>

#include "base/arena.h"
#include "base/status.h"

struct json_options;

struct json_printer {
    const struct json_options *options;
    yyjson_mut_doc *doc;
    struct arena arena; /* what must live until the text is written */
    struct failure *failure;
};

/* Any type but PROTOBUF_C_TYPE_MESSAGE. */
yyjson_mut_val *json_value_scalar(struct json_printer *printer,
                                  const ProtobufCFieldDescriptor *field, const void *member);
yyjson_mut_val *json_value_bytes(struct json_printer *printer, const ProtobufCBinaryData *data);
/* google.protobuf.Timestamp and Duration. */
yyjson_mut_val *json_value_time(struct json_printer *printer, const ProtobufCMessage *message);
/* NULL, with a failure. */
yyjson_mut_val *json_value_no_memory(struct json_printer *printer);
