/* See json_line.h. */
#include "client/cli/json_line.h"

#include <inttypes.h>
#include <math.h>

#define LINE_CHUNK_BYTES 2048
#define LINE_BYTES_MAX   (256 * 1024)

void json_line_begin(struct json_line *line, FILE *out)
{
    line->out = out;
    arena_init(&line->arena, LINE_CHUNK_BYTES, LINE_BYTES_MAX);
    json_text_begin(&line->text, &line->arena, false);
    json_text_open(&line->text, '{');
}

void json_line_text(struct json_line *line, const char *key, const char *value)
{
    json_text_key(&line->text, bytes_of_text(key));
    json_text_string(&line->text, bytes_of_text(value));
}

void json_line_bool(struct json_line *line, const char *key, bool value)
{
    json_text_key(&line->text, bytes_of_text(key));
    json_text_raw(&line->text, value ? "true" : "false");
}

void json_line_count(struct json_line *line, const char *key, uint64_t value)
{
    char number[24];
    snprintf(number, sizeof(number), "%" PRIu64, value);
    json_text_key(&line->text, bytes_of_text(key));
    json_text_raw(&line->text, number);
}

void json_line_real(struct json_line *line, const char *key, double value)
{
    char number[40];
    json_text_key(&line->text, bytes_of_text(key));
    size_t size = (size_t)snprintf(number, sizeof(number), "%.6f", value);
    if (!isfinite(value) || size >= sizeof(number)) {
        json_text_real(&line->text, value, false);
        return;
    }
    while (number[size - 1] == '0' && number[size - 2] != '.') {
        number[--size] = '\0';
    }
    json_text_raw(&line->text, number);
}

void json_line_open(struct json_line *line, const char *key)
{
    json_text_key(&line->text, bytes_of_text(key));
    json_text_open(&line->text, '{');
}

void json_line_close(struct json_line *line)
{
    json_text_close(&line->text, '}');
}

void json_line_end(struct json_line *line)
{
    struct bytes text;
    json_text_close(&line->text, '}');
    bool fits = json_text_end(&line->text, &text);
    fprintf(line->out, "%s\n", fits ? (const char *)text.data : "{}");
    arena_fini(&line->arena);
}
