/* JSON text: writes JSON piece by piece into an arena; commas, indentation and escapes are its
 * affair. Used by json_print, and by the gateway for what is not a message (errors).
 * Always: what it writes is valid UTF-8; bytes that are none become U+FFFD. A full arena is
 * remembered and said by json_text_end, so the steps between need no check. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/c_api.h"

C_API_BEGIN

struct json_text {
    struct arena *arena;
    char *data;
    size_t size, room;
    unsigned depth;
    bool pretty;   /* over several lines, two spaces deep */
    bool full;     /* the arena was */
    bool is_first; /* of the members at this depth */
    bool after_key;
};

void json_text_begin(struct json_text *text, struct arena *arena, bool pretty);
/* Finished; false when the arena was full. NUL-terminated (not counted), lives in the arena. */
bool json_text_end(struct json_text *text, struct bytes *text_out);

/* '{' or '['; as a member of what is open, like all that follow. */
void json_text_open(struct json_text *text, char bracket);
void json_text_close(struct json_text *text, char bracket);
void json_text_key(struct json_text *text, struct bytes name);
void json_text_string(struct json_text *text, struct bytes value);
/* A number, true, false: as it is. */
void json_text_raw(struct json_text *text, const char *value);
/* The shortest digits that read back as the same value; "NaN" and the infinities as strings. */
void json_text_real(struct json_text *text, double value, bool is_float);
/* In base64, padded. */
void json_text_base64(struct json_text *text, struct bytes value);

C_API_END
