/* Text file: a whole small file, as programs read certificates and lists of keys at their start. */
#pragma once

#include <stddef.h>

/* NUL-terminated, for free(). NULL when it cannot be read, is empty, holds a NUL or has more than
 * `most` bytes. */
char *text_file_read(const char *path, size_t most);
