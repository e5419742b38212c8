/* See text_file.h. */
#include "base/text_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *text_file_read(const char *path, size_t most)
{
    FILE *file = fopen(path, "rbe");
    char *text = file == NULL ? NULL : malloc(most + 1);
    size_t size = text == NULL ? 0 : fread(text, 1, most + 1, file);
    if (file != NULL) {
        (void)fclose(file);
    }
    if (size == 0 || size > most || memchr(text, '\0', size) != NULL) {
        free(text);
        return NULL;
    }
    text[size] = '\0';
    return text;
}
