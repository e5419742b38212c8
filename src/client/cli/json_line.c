/* See json_line.h. */
#include "client/cli/json_line.h"

#include <assert.h>
#include <stdlib.h>
#include <yyjson.h>

static void add(struct json_line *line, const char *key, yyjson_mut_val *value);

void json_line_begin(struct json_line *line, FILE *out)
{
    *line = (struct json_line){.out = out, .doc = yyjson_mut_doc_new(NULL)};
    line->objects[line->depth++] = yyjson_mut_obj(line->doc);
    yyjson_mut_doc_set_root(line->doc, line->objects[0]);
}

void json_line_text(struct json_line *line, const char *key, const char *value)
{
    add(line, key, yyjson_mut_strcpy(line->doc, value));
}

void json_line_bool(struct json_line *line, const char *key, bool value)
{
    add(line, key, yyjson_mut_bool(line->doc, value));
}

void json_line_count(struct json_line *line, const char *key, uint64_t value)
{
    add(line, key, yyjson_mut_uint(line->doc, value));
}

void json_line_real(struct json_line *line, const char *key, double value)
{
    char text[40];
    snprintf(text, sizeof(text), "%.6f", value);
    add(line, key, yyjson_mut_real(line->doc, strtod(text, NULL)));
}

void json_line_open(struct json_line *line, const char *key)
{
    assert(line->depth < JSON_LINE_DEPTH_MAX);
    yyjson_mut_val *object = yyjson_mut_obj(line->doc);
    add(line, key, object);
    line->objects[line->depth++] = object;
}

void json_line_close(struct json_line *line)
{
    assert(line->depth > 1);
    line->depth--;
}

void json_line_end(struct json_line *line)
{
    assert(line->depth == 1);
    char *text = yyjson_mut_write(line->doc, YYJSON_WRITE_ALLOW_INVALID_UNICODE, NULL);
    fprintf(line->out, "%s\n", text == NULL ? "{}" : text);
    free(text);
    yyjson_mut_doc_free(line->doc);
}

static void add(struct json_line *line, const char *key, yyjson_mut_val *value)
{
    yyjson_mut_obj_add(line->objects[line->depth - 1], yyjson_mut_strcpy(line->doc, key), value);
}
