/* UTF-8 as RFC 3629 has it (shortest forms, no surrogates, nothing above U+10FFFF) and without NUL:
 * the door for text that peers send, that a file holds or that was cut to fit. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

bool utf8_is_text(struct bytes text);
/* Of the character at the start of `rest`, which is not empty; 0 where none is. */
size_t utf8_character_bytes(struct bytes rest);
/* Copies what fits into `out` of `room` >= 1 bytes, NUL-terminated, ending between characters; each
 * byte that is no UTF-8 becomes '?'. */
void utf8_copy(char *out, size_t room, const char *text);
