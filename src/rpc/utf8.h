/* UTF-8: the door for text that peers send or that was cut to fit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

/* Well-formed UTF-8 (RFC 3629: shortest forms, no surrogates) without NUL. */
bool utf8_is_text(struct bytes text);
/* Copies what fits into `out` of `room` >= 1 bytes, NUL-terminated, ending between characters; each
 * byte that is no UTF-8 becomes '?'. */
void utf8_copy(char *out, size_t room, const char *text);
