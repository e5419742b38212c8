/* Text: how wide UTF-8 is on a terminal, and texts of others made harmless for one. Pure. */
#pragma once

#include <stddef.h>

/* Columns: 0 for what combines, 2 for East Asian wide and emoji, 1 for the rest and for each byte
 * that is not UTF-8. */
size_t text_width(const char *text);
/* Overwrites control characters (also C1's, in UTF-8) with '?': nothing a server sends can move the
 * cursor. */
void text_disarm(char *text);
