/* UTF-8 as RFC 3629 has it: shortest forms, no surrogates, nothing above U+10FFFF. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

/* Of the character at the start (size >= 1); 0 when it is not well-formed. */
size_t utf8_character_bytes(struct bytes rest);
bool utf8_is_valid(struct bytes text);
