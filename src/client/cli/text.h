/* Text: how wide UTF-8 is on a terminal, and texts of others made harmless for one. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Columns: 0 for what combines, 2 for East Asian wide and emoji, 1 for the rest and for each byte
 * that is not UTF-8. */
size_t text_width(const char *text);
/* Bytes of the character at text[0], which is not the end, and the character; 1 and U+FFFD where it
 * is not UTF-8. */
size_t text_next(const char *text, uint32_t *character_out);
/* Overwrites control characters (also C1's, in UTF-8) with '?': nothing a server sends can move the
 * cursor. */
void text_disarm(char *text);
