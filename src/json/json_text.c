/* See json_text.h. */
#include "json/json_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "json/base64.h"

#define FIRST_ROOM_BYTES  512 /* the usual order fits */
#define NUMBER_TEXT_BYTES 32  /* 17 digits, sign, point and exponent */

static char *reserve(struct json_text *text, size_t size);
static void append(struct json_text *text, const void *data, size_t size);
static void begin_value(struct json_text *text);
static void break_line(struct json_text *text);
static size_t plain_bytes(struct bytes rest);
static void append_escape(struct json_text *text, uint8_t character);

void json_text_begin(struct json_text *text, struct arena *arena, bool pretty)
{
    *text = (struct json_text){.arena = arena, .pretty = pretty, .is_first = true};
}

bool json_text_end(struct json_text *text, struct bytes *text_out)
{
    char *end = reserve(text, 1);
    if (end == NULL) {
        return false;
    }
    *end = '\0';
    *text_out = bytes_of(text->data, text->size);
    return true;
}

void json_text_open(struct json_text *text, char bracket)
{
    begin_value(text);
    append(text, &bracket, 1);
    text->depth++;
    text->is_first = true;
}

void json_text_close(struct json_text *text, char bracket)
{
    text->depth--;
    if (!text->is_first) {
        break_line(text);
    }
    append(text, &bracket, 1);
    text->is_first = false;
}

void json_text_key(struct json_text *text, struct bytes name)
{
    json_text_string(text, name);
    append(text, ": ", text->pretty ? 2 : 1);
    text->after_key = true;
}

void json_text_string(struct json_text *text, struct bytes value)
{
    begin_value(text);
    append(text, "\"", 1);
    while (value.size > 0) {
        size_t plain = plain_bytes(value);
        append(text, value.data, plain);
        value = bytes_of(value.data + plain, value.size - plain);
        if (value.size == 0) {
            break;
        }
        size_t size = utf8_character_bytes(value);
        if (size > 1) {
            append(text, value.data, size);
        } else if (value.data[0] < 0x80) {
            append_escape(text, value.data[0]);
        } else {
            append(text, "\xEF\xBF\xBD", 3);
        }
        size = size == 0 ? 1 : size;
        value = bytes_of(value.data + size, value.size - size);
    }
    append(text, "\"", 1);
}

void json_text_raw(struct json_text *text, const char *value)
{
    begin_value(text);
    append(text, value, strlen(value));
}

void json_text_real(struct json_text *text, double value, bool is_float)
{
    if (isnan(value)) {
        json_text_string(text, bytes_of_text("NaN"));
        return;
    }
    if (isinf(value)) {
        json_text_string(text, bytes_of_text(value > 0 ? "Infinity" : "-Infinity"));
        return;
    }
    char number[NUMBER_TEXT_BYTES];
    for (int digits = is_float ? 6 : 15; digits <= 17; digits++) {
        snprintf(number, sizeof number, "%.*g", digits, value);
        if (is_float ? strtof(number, NULL) == (float)value : strtod(number, NULL) == value) {
            break;
        }
    }
    json_text_raw(text, number);
}

void json_text_base64(struct json_text *text, struct bytes value)
{
    begin_value(text);
    append(text, "\"", 1);
    char *out = reserve(text, BASE64_ENCODED_BYTES(value.size));
    if (out != NULL) {
        text->size += base64_encode(value, BASE64_STANDARD, out);
    }
    append(text, "\"", 1);
}

/* Room for `size` more bytes behind what is there, or NULL. An arena does not grow in place: the
 * text moves to twice the room. */
static char *reserve(struct json_text *text, size_t size)
{
    if (text->full) {
        return NULL;
    }
    if (text->room - text->size < size) {
        size_t room = text->room == 0 ? FIRST_ROOM_BYTES : text->room * 2;
        room = room - text->size < size ? text->size + size : room;
        char *data = arena_alloc(text->arena, room);
        if (data == NULL) {
            text->full = true;
            return NULL;
        }
        if (text->size > 0) {
            memcpy(data, text->data, text->size);
        }
        text->data = data;
        text->room = room;
    }
    return text->data + text->size;
}

static void append(struct json_text *text, const void *data, size_t size)
{
    char *out = size > 0 ? reserve(text, size) : NULL;
    if (out != NULL) {
        memcpy(out, data, size);
        text->size += size;
    }
}

static void begin_value(struct json_text *text)
{
    if (text->after_key) {
        text->after_key = false;
        return;
    }
    if (text->depth == 0) {
        return;
    }
    if (!text->is_first) {
        append(text, ",", 1);
    }
    text->is_first = false;
    break_line(text);
}

static void break_line(struct json_text *text)
{
    if (!text->pretty) {
        return;
    }
    append(text, "\n", 1);
    for (unsigned i = 0; i < text->depth; i++) {
        append(text, "  ", 2);
    }
}

/* How many bytes from the start can be copied as they are. */
static size_t plain_bytes(struct bytes rest)
{
    size_t size = 0;
    while (size < rest.size && rest.data[size] >= 0x20 && rest.data[size] < 0x80 &&
           rest.data[size] != '"' && rest.data[size] != '\\') {
        size++;
    }
    return size;
}

static void append_escape(struct json_text *text, uint8_t character)
{
    static const char SHORT[] = "\b\f\n\r\t\"\\";
    static const char LETTERS[] = "bfnrt\"\\";
    char escape[8];
    const char *found = character == 0 ? NULL : strchr(SHORT, character);
    if (found != NULL) {
        snprintf(escape, sizeof escape, "\\%c", LETTERS[found - SHORT]);
    } else {
        snprintf(escape, sizeof escape, "\\u%04x", (unsigned)character);
    }
    append(text, escape, strlen(escape));
}
