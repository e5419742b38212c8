/* JSON line: an object of orderctl's own (a report, not a message), printed on one line. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "json/json_text.h"

struct json_line {
    FILE *out;
    struct arena arena;
    struct json_text text;
};

void json_line_begin(struct json_line *line, FILE *out);
/* Values of the innermost open object; keys and texts are copied. */
void json_line_text(struct json_line *line, const char *key, const char *value);
void json_line_bool(struct json_line *line, const char *key, bool value);
void json_line_count(struct json_line *line, const char *key, uint64_t value);
/* With 1 to 6 digits behind the point. */
void json_line_real(struct json_line *line, const char *key, double value);
void json_line_open(struct json_line *line, const char *key);
void json_line_close(struct json_line *line);
/* Prints it. */
void json_line_end(struct json_line *line);
