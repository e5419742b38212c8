/* See method.h. */
#include "gateway/method.h"

#include "json/json_field.h"

/* A few dozen: a walk is faster than a hash of the path would be. */
const struct method *method_find(struct bytes path)
{
    for (size_t i = 0; i < method_count; i++) {
        if (bytes_equal(bytes_of_text(methods[i].path), path)) {
            return &methods[i];
        }
    }
    return NULL;
}

bool method_may_share(const struct method *method, const ProtobufCMessage *request)
{
    if (!method->may_share_messages || method->delaying_field == NULL) {
        return method->may_share_messages;
    }
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
        request->descriptor, method->delaying_field);
    return field != NULL && !json_field_is_present(request, field, false);
}
