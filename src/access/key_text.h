/* Key text: how keys, their names and their scopes are written; shared by the files of this folder.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As all ids. */
#define KEY_NAME_LETTERS  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"
#define KEY_SCOPE_LETTERS "abcdefghijklmnopqrstuvwxyz_.,*"

/* Of at least one of the letters, and of nothing else. */
bool key_text_is_made_of(const char *text, const char *letters);
/* Whether the word is one of a list with commas. */
bool key_text_has_word(const char *list, const char *word);
/* Two digits a byte and a NUL. */
void key_text_print_hex(const uint8_t *bytes, size_t size, char *out);
/* All of the text, in lower case. */
bool key_text_parse_hex(const char *text, uint8_t *out, size_t size);
