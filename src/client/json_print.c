/* JSON print: a walk over the descriptor that builds yyjson's tree, which is then written out.
 * Texts of the message are not copied into the tree: it does not outlive the message. */
#include "client/json_print.h"

#include <google/protobuf/any.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "client/json_value.h"
#include "client/message_field.h"
#include "rpc/message.h"

#define PRINT_CHUNK_BYTES 4096
#define PRINT_BYTES_MAX   (16 * 1024 * 1024) /* of base64 and of all that Any fields unfold to */

/* All return NULL or false after setting the failure. */
static yyjson_mut_val *print_message(struct json_printer *printer, const ProtobufCMessage *message,
                                     unsigned depth);
static bool print_fields(struct json_printer *printer, const ProtobufCMessage *message,
                         unsigned depth, yyjson_mut_val *object);
static yyjson_mut_val *print_field(struct json_printer *printer, const ProtobufCMessage *message,
                                   const ProtobufCFieldDescriptor *field, unsigned depth);
static yyjson_mut_val *print_list(struct json_printer *printer,
                                  const ProtobufCFieldDescriptor *field, const void *items,
                                  size_t count, unsigned depth);
static yyjson_mut_val *print_map(struct json_printer *printer,
                                 const ProtobufCMessage *const *entries, size_t count,
                                 unsigned depth);
static yyjson_mut_val *print_value(struct json_printer *printer,
                                   const ProtobufCFieldDescriptor *field, const void *member,
                                   unsigned depth);
static yyjson_mut_val *print_any(struct json_printer *printer, const ProtobufCMessage *message,
                                 unsigned depth);
static const ProtobufCMessageDescriptor *find_type(const struct json_options *options,
                                                   const char *url);
static bool is_named(const ProtobufCMessageDescriptor *type, const char *name);

enum status json_print(const ProtobufCMessage *message, const struct json_options *options,
                       char **text_out, struct failure *failure)
{
    struct json_printer printer = {
        .options = options, .doc = yyjson_mut_doc_new(NULL), .failure = failure};
    if (printer.doc == NULL) {
        return failure_set(failure, STATUS_RESOURCE_EXHAUSTED, "MESSAGE_TOO_COMPLEX",
                           "out of memory while printing JSON");
    }
    arena_init(&printer.arena, PRINT_CHUNK_BYTES, PRINT_BYTES_MAX);
    enum status status = STATUS_INVALID_ARGUMENT; /* all that print_message() can say */
    yyjson_mut_val *root = print_message(&printer, message, 0);
    if (root != NULL) {
        yyjson_mut_doc_set_root(printer.doc, root);
        yyjson_write_flag flags = options->pretty ? YYJSON_WRITE_PRETTY_TWO_SPACES : 0;
        char *text = yyjson_mut_write_opts(printer.doc, flags, NULL, NULL, NULL);
        status = STATUS_OK;
        if (text == NULL) {
            status = failure_set(failure, STATUS_INVALID_ARGUMENT, "INVALID_TEXT",
                                 "%s holds text that is not UTF-8", message->descriptor->name);
        } else {
            *text_out = text;
        }
    }
    yyjson_mut_doc_free(printer.doc);
    arena_fini(&printer.arena);
    return status;
}

bool json_name(const char *field_name, char *out, size_t room)
{
    size_t size = 0;
    bool upper = false;
    for (const char *at = field_name; *at != '\0'; at++) {
        if (*at == '_') {
            upper = true;
            continue;
        }
        if (size + 1 >= room) {
            return false;
        }
        bool is_lower = *at >= 'a' && *at <= 'z';
        out[size] = *at;
        if (upper && is_lower) {
            out[size] = (char)(*at - 'a' + 'A');
        }
        size++;
        upper = false;
    }
    out[size] = '\0';
    return true;
}

static yyjson_mut_val *print_message(struct json_printer *printer, const ProtobufCMessage *message,
                                     unsigned depth)
{
    if (depth == JSON_DEPTH_MAX) {
        failure_set(printer->failure, STATUS_INVALID_ARGUMENT, "MESSAGE_TOO_COMPLEX",
                    "%s is nested deeper than %d", message->descriptor->name, JSON_DEPTH_MAX);
        return NULL;
    }
    if (is_named(message->descriptor, "google.protobuf.Timestamp") ||
        is_named(message->descriptor, "google.protobuf.Duration")) {
        return json_value_time(printer, message);
    }
    if (is_named(message->descriptor, "google.protobuf.Any")) {
        return print_any(printer, message, depth);
    }
    yyjson_mut_val *object = yyjson_mut_obj(printer->doc);
    if (object == NULL) {
        return json_value_no_memory(printer);
    }
    return print_fields(printer, message, depth, object) ? object : NULL;
}

static bool print_fields(struct json_printer *printer, const ProtobufCMessage *message,
                         unsigned depth, yyjson_mut_val *object)
{
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        if (!message_field_is_present(message, field, printer->options->defaults)) {
            continue;
        }
        char name[JSON_NAME_BYTES];
        yyjson_mut_val *value = print_field(printer, message, field, depth);
        if (value == NULL) {
            return false;
        }
        yyjson_mut_val *key = json_name(field->name, name, sizeof(name))
                                  ? yyjson_mut_strcpy(printer->doc, name)
                                  : yyjson_mut_str(printer->doc, field->name);
        if (!yyjson_mut_obj_add(object, key, value)) {
            json_value_no_memory(printer);
            return false;
        }
    }
    return true;
}

static yyjson_mut_val *print_field(struct json_printer *printer, const ProtobufCMessage *message,
                                   const ProtobufCFieldDescriptor *field, unsigned depth)
{
    const char *base = (const char *)message;
    const void *member = base + field->offset;
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        return print_value(printer, field, member, depth);
    }
    size_t count;
    memcpy(&count, base + field->quantifier_offset, sizeof(count));
    const void *items = *(const void *const *)member;
    return message_field_is_map(message->descriptor, field)
               ? print_map(printer, items, count, depth)
               : print_list(printer, field, items, count, depth);
}

static yyjson_mut_val *print_list(struct json_printer *printer,
                                  const ProtobufCFieldDescriptor *field, const void *items,
                                  size_t count, unsigned depth)
{
    yyjson_mut_val *list = yyjson_mut_arr(printer->doc);
    if (list == NULL) {
        return json_value_no_memory(printer);
    }
    for (size_t i = 0; i < count; i++) {
        const void *item = (const char *)items + i * message_field_item_bytes(field);
        yyjson_mut_val *value = print_value(printer, field, item, depth);
        if (value == NULL) {
            return NULL;
        }
        yyjson_mut_arr_append(list, value);
    }
    return list;
}

/* Keys that are no strings (numbers, booleans) become strings. */
static yyjson_mut_val *print_map(struct json_printer *printer,
                                 const ProtobufCMessage *const *entries, size_t count,
                                 unsigned depth)
{
    yyjson_mut_val *map = yyjson_mut_obj(printer->doc);
    for (size_t i = 0; map != NULL && i < count; i++) {
        const ProtobufCFieldDescriptor *fields = entries[i]->descriptor->fields;
        yyjson_mut_val *key = print_field(printer, entries[i], &fields[0], depth);
        yyjson_mut_val *value = print_field(printer, entries[i], &fields[1], depth);
        if (key == NULL || value == NULL) {
            return NULL;
        }
        if (!yyjson_mut_is_str(key)) {
            char *text = yyjson_mut_val_write(key, 0, NULL);
            key = yyjson_mut_strcpy(printer->doc, text);
            free(text);
        }
        if (!yyjson_mut_obj_add(map, key, value)) {
            return json_value_no_memory(printer);
        }
    }
    return map == NULL ? json_value_no_memory(printer) : map;
}

static yyjson_mut_val *print_value(struct json_printer *printer,
                                   const ProtobufCFieldDescriptor *field, const void *member,
                                   unsigned depth)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        return print_message(printer, *(const ProtobufCMessage *const *)member, depth + 1);
    }
    return json_value_scalar(printer, field, member);
}

/* {"@type": url, the held message's fields}; what has a form of its own comes as "value", and so do
 * the bytes of a type that was not given. */
static yyjson_mut_val *print_any(struct json_printer *printer, const ProtobufCMessage *message,
                                 unsigned depth)
{
    const Google__Protobuf__Any *any = (const Google__Protobuf__Any *)message;
    const ProtobufCMessageDescriptor *type = find_type(printer->options, any->type_url);
    yyjson_mut_val *object = yyjson_mut_obj(printer->doc);
    if (!yyjson_mut_obj_add_str(printer->doc, object, "@type", any->type_url)) {
        return json_value_no_memory(printer);
    }
    yyjson_mut_val *value = NULL;
    if (type == NULL) {
        value = json_value_bytes(printer, &any->value);
    } else {
        ProtobufCMessage *held = NULL;
        if (message_decode(type, bytes_of(any->value.data, any->value.len), &printer->arena, &held,
                           printer->failure) != STATUS_OK) {
            return NULL;
        }
        if (strncmp(type->name, "google.protobuf.", strlen("google.protobuf.")) != 0) {
            return print_fields(printer, held, depth + 1, object) ? object : NULL;
        }
        value = print_message(printer, held, depth + 1);
    }
    if (value == NULL) {
        return NULL;
    }
    return yyjson_mut_obj_add_val(printer->doc, object, "value", value)
               ? object
               : json_value_no_memory(printer);
}

static const ProtobufCMessageDescriptor *find_type(const struct json_options *options,
                                                   const char *url)
{
    const char *slash = strrchr(url, '/');
    for (size_t i = 0; slash != NULL && i < options->type_count; i++) {
        if (is_named(options->types[i], slash + 1)) {
            return options->types[i];
        }
    }
    return NULL;
}

static bool is_named(const ProtobufCMessageDescriptor *type, const char *name)
{
    return strcmp(type->name, name) == 0;
}
