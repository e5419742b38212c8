/* JSON document: JSON whose shape no contract describes, read by name. For what others define:
 * tokens and key sets (src/access). Always: one reading only. A text that has a member twice, is
 * nested deeper than JSON_DOCUMENT_DEPTH_MAX or has something behind its end is not taken at all,
 * and a value of another type than the one asked for is none. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

#define JSON_DOCUMENT_DEPTH_MAX 8 /* a key set needs 3; checked by recursion */

struct json_document;
struct json_node;

/* An object; NULL when it is none, or malformed, or memory is out. */
struct json_document *json_document_read(struct bytes text);
/* NULL-safe; nulls the caller's pointer. Nodes and texts go with it. */
void json_document_free(struct json_document **document);

const struct json_node *json_document_root(const struct json_document *document);
/* NULL when there is none; of NULL, too. */
const struct json_node *json_node_member(const struct json_node *object, const char *name);
/* Of an array; 0 and NULL of anything else. */
size_t json_node_count(const struct json_node *array);
const struct json_node *json_node_item(const struct json_node *array, size_t index);
/* False when it is no string, or one with a NUL. */
bool json_node_text(const struct json_node *node, struct bytes *text_out);
/* Whether it is the string. */
bool json_node_is(const struct json_node *node, const char *text);
/* False when it is no number, or beyond 2^53; a fraction is cut off. */
bool json_node_integer(const struct json_node *node, int64_t *value_out);
