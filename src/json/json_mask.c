/* JSON mask: the fields that an object names. See json_read.h. */
#include <string.h>
#include <yyjson.h>

#include "json/json_read.h"

struct mask {
    struct arena *arena;
    Google__Protobuf__FieldMask *out;
    size_t room;
};

static size_t count_members(yyjson_val *object);
static bool add_members(struct mask *mask, const ProtobufCMessageDescriptor *type,
                        yyjson_val *object, const char *prefix);
static char *join(struct arena *arena, const char *prefix, const char *name);

bool json_read_mask(const ProtobufCMessageDescriptor *type, struct bytes text, struct arena *arena,
                    Google__Protobuf__FieldMask *mask_out)
{
    yyjson_doc *document = yyjson_read((const char *)text.data, text.size, 0);
    yyjson_val *root = yyjson_doc_get_root(document);
    struct mask mask = {.arena = arena, .out = mask_out, .room = count_members(root)};
    mask_out->n_paths = 0;
    mask_out->paths = arena_calloc(arena, mask.room + 1, sizeof *mask_out->paths);
    bool is_done = mask_out->paths != NULL && add_members(&mask, type, root, NULL);
    yyjson_doc_free(document);
    return is_done;
}

/* At most so many paths: each member of each object. */
static size_t count_members(yyjson_val *object)
{
    size_t index, most, count = 0;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, index, most, key, value)
    {
        count += 1 + count_members(value);
    }
    return count;
}

static bool add_members(struct mask *mask, const ProtobufCMessageDescriptor *type,
                        yyjson_val *object, const char *prefix)
{
    size_t index, most;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, index, most, key, value)
    {
        const ProtobufCFieldDescriptor *field =
            json_field_find(type, yyjson_get_str(key), yyjson_get_len(key));
        char *path = field == NULL ? NULL : join(mask->arena, prefix, field->name);
        if (path == NULL) {
            return false;
        }
        bool is_within = field->type == PROTOBUF_C_TYPE_MESSAGE &&
                         field->label != PROTOBUF_C_LABEL_REPEATED && yyjson_obj_size(value) > 0 &&
                         json_form_of(field->descriptor) == JSON_FORM_FIELDS;
        if (!is_within) {
            mask->out->paths[mask->out->n_paths++] = path;
        } else if (!add_members(mask, field->descriptor, value, path)) {
            return false;
        }
    }
    return true;
}

static char *join(struct arena *arena, const char *prefix, const char *name)
{
    size_t prefix_size = prefix == NULL ? 0 : strlen(prefix) + 1, name_size = strlen(name) + 1;
    char *path = arena_alloc(arena, prefix_size + name_size);
    if (path != NULL && prefix != NULL) {
        memcpy(path, prefix, prefix_size - 1);
        path[prefix_size - 1] = '.';
    }
    if (path != NULL) {
        memcpy(path + prefix_size, name, name_size);
    }
    return path;
}
