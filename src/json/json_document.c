/* See json_document.h. Documents and nodes are yyjson's own, under another name. */
#include "json/json_document.h"

#include <math.h>
#include <string.h>
#include <yyjson.h>

#define INTEGER_MOST 9007199254740992.0 /* 2^53: beyond it a double is not exact */

static bool is_clear(yyjson_val *value, unsigned depth);
static bool is_unique(yyjson_val *object, yyjson_val *key);
static yyjson_val *value_of(const struct json_node *node);

struct json_document *json_document_read(struct bytes text)
{
    yyjson_doc *document =
        text.size == 0 ? NULL
                       : yyjson_read_opts((char *)(uintptr_t)text.data, text.size, 0, NULL, NULL);
    yyjson_val *root = yyjson_doc_get_root(document);
    if (!yyjson_is_obj(root) || !is_clear(root, 0)) {
        yyjson_doc_free(document);
        return NULL;
    }
    return (struct json_document *)document;
}

void json_document_free(struct json_document **document)
{
    yyjson_doc_free((yyjson_doc *)*document);
    *document = NULL;
}

/* Objects are small: key sets, claims. */
static bool is_clear(yyjson_val *value, unsigned depth)
{
    size_t index, count;
    yyjson_val *key, *item;
    if (depth == JSON_DOCUMENT_DEPTH_MAX) {
        return false;
    }
    yyjson_obj_foreach(value, index, count, key, item)
    {
        if (!is_unique(value, key) || !is_clear(item, depth + 1)) {
            return false;
        }
    }
    yyjson_arr_foreach(value, index, count, item)
    {
        if (!is_clear(item, depth + 1)) {
            return false;
        }
    }
    return true;
}

/* By its first: the lookup stops there. */
static bool is_unique(yyjson_val *object, yyjson_val *key)
{
    return yyjson_obj_getn(object, yyjson_get_str(key), yyjson_get_len(key)) ==
           yyjson_obj_iter_get_val(key);
}

const struct json_node *json_document_root(const struct json_document *document)
{
    return (const struct json_node *)yyjson_doc_get_root(
        (yyjson_doc *)(uintptr_t)(const void *)document);
}

const struct json_node *json_node_member(const struct json_node *object, const char *name)
{
    return (const struct json_node *)yyjson_obj_get(value_of(object), name);
}

size_t json_node_count(const struct json_node *array)
{
    return yyjson_arr_size(value_of(array));
}

const struct json_node *json_node_item(const struct json_node *array, size_t index)
{
    return (const struct json_node *)yyjson_arr_get(value_of(array), index);
}

bool json_node_text(const struct json_node *node, struct bytes *text_out)
{
    yyjson_val *value = value_of(node);
    if (!yyjson_is_str(value) || strlen(yyjson_get_str(value)) != yyjson_get_len(value)) {
        return false;
    }
    *text_out = bytes_of(yyjson_get_str(value), yyjson_get_len(value));
    return true;
}

bool json_node_is(const struct json_node *node, const char *text)
{
    struct bytes held;
    return json_node_text(node, &held) && bytes_equal(held, bytes_of_text(text));
}

bool json_node_integer(const struct json_node *node, int64_t *value_out)
{
    yyjson_val *value = value_of(node);
    double number = yyjson_get_num(value);
    if (!yyjson_is_num(value) || !(fabs(number) <= INTEGER_MOST)) {
        return false;
    }
    *value_out = (int64_t)number;
    return true;
}

static yyjson_val *value_of(const struct json_node *node)
{
    return (yyjson_val *)(uintptr_t)(const void *)node;
}
